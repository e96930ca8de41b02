//! `kubeprof binary verify`: four verdicts, their exit codes, and what machines read.

use std::fs;

use kubeprof::input::read_profile;
use kubeprof::model::{Line, LocationId, Profile};
use kubeprof::pprof::{Compression, Limit, encode_gzip};
use kubeprof::symbolize::Binary;
use serde_json::Value;

use super::support::{Place, stderr, stdout};

/// The profile of `place` with the names that the program's own runtime gave, changed by `edit`, written to `file`.
fn named(place: &Place, file: &str, edit: impl Fn(&mut Profile)) -> String {
    let bare = place.profile("bare.pb.gz", None);
    let mut p = read_profile(bare.as_ref(), Limit::Proportional, false).unwrap().profile;
    for (n, (_, frames)) in place.oracle().iter().enumerate() {
        let lines: Vec<Line> = frames
            .iter()
            .map(|f| Line {
                function: p.add_function(&f[0], &f[0], &f[1], f[3].parse().unwrap()),
                line: f[2].parse().unwrap(),
                column: 0,
            })
            .collect();
        p.set_lines(LocationId::new(n), &lines);
    }
    edit(&mut p);
    let path = place.path(file);
    encode_gzip(&p, fs::File::create(&path).unwrap(), Compression(1)).unwrap();
    path.display().to_string()
}

fn with_id(id: &'static str) -> impl Fn(&mut Profile) {
    move |p| p.mappings[0].build_id = p.strings.intern(id)
}

#[test]
fn four_verdicts_and_their_exit_codes() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let other = Place::new("1.23.12-cgo-external-sw");
    let (mine, theirs) = (place.binary(), other.binary());
    let bare = place.profile("nameless.pb.gz", Some(""));
    let own = named(&place, "own.pb.gz", |_| {});
    let no_id = named(&place, "no-id.pb.gz", with_id(""));
    let twin = named(
        &place,
        "twin.pb.gz",
        with_id("00112233445566778899aabbccddeeff00112233"),
    );
    let redacted = named(&place, "redacted.pb.gz", with_id("redacted"));
    let cases = [
        (&own, &mine, "match", "build-id", 0),
        (&no_id, &mine, "match", "content", 0),
        (&redacted, &mine, "match", "content", 0),
        (&twin, &mine, "twin", "content", 0),
        (&bare, &mine, "unproven", "nothing-to-compare", 1),
        (&own, &theirs, "mismatch", "build-ids-differ", 2),
        (&no_id, &theirs, "mismatch", "content-disagrees", 2),
        (&twin, &theirs, "mismatch", "build-ids-differ", 2),
    ];
    for (profile, binary, verdict, reason, code) in cases {
        let out = place.run(&["binary", "verify", profile, binary, "-o", "json"], "");
        let said: Value = serde_json::from_str(&stdout(&out)).unwrap_or_else(|_| panic!("{}", stderr(&out)));
        assert_eq!(
            (&said["verdict"], &said["reason"]),
            (&verdict.into(), &reason.into()),
            "{said}"
        );
        assert_eq!(out.status.code(), Some(code), "{said}");
        for key in ["build_id_profile", "build_id_binary"] {
            assert!(said[key].is_string(), "{said}");
        }
        let (checked, agreed) = (said["checked"].as_u64().unwrap(), said["agreed"].as_u64().unwrap());
        let examples = said["examples"].as_array().unwrap();
        assert_eq!(examples.is_empty(), checked == agreed, "{said}");
        for example in examples {
            assert!(example["address"].as_str().unwrap().starts_with("0x"), "{said}");
            assert_ne!(example["profile"], example["binary"], "{said}");
        }
        let text = place.run(&["binary", "verify", profile, binary], "");
        assert_eq!(text.status.code(), Some(code));
        assert!(stdout(&text).starts_with(&format!("{verdict}: ")), "{}", stdout(&text));
    }
    let out = place.run(&["binary", "verify", &own, "nowhere"], "");
    assert_eq!((out.status.code(), stdout(&out).as_str()), (Some(2), ""));
}

/// `runtime/pprof` keeps one file for each function name, though a package's `init` is in many files.
#[test]
fn one_function_in_several_files_is_the_same() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let data = fs::read(place.path("kubelet")).unwrap();
    let table = Binary::parse(&data).unwrap();
    let go = table.go().unwrap();
    // A function whose code comes from two files, neither of them inlined.
    let two_files = go.functions().find_map(|f| {
        let mut frames = Vec::new();
        let mut places: Vec<(u64, String, u32)> = Vec::new();
        for pc in f.start..f.end {
            frames.clear();
            if go.lookup(pc, &mut frames).is_ok() && frames.len() == 1 && frames[0].function == f.name {
                let known = places.iter().any(|p| p.1 == frames[0].file);
                if !known {
                    places.push((pc, frames[0].file.to_owned(), frames[0].line));
                }
            }
        }
        (places.len() > 1).then(|| (f.name.to_owned(), places))
    });
    let (function, places) = two_files.expect("a function in two files");
    let first_file = places[0].1.clone();
    let profile = named(&place, "init.pb.gz", |p| {
        p.mappings[0].build_id = p.strings.intern("");
        let f = p.add_function(&function, &function, &first_file, 1);
        for (n, (pc, _, line)) in places.iter().enumerate() {
            p.locations[n].address = *pc;
            let line = Line {
                function: f,
                line: i64::from(*line),
                column: 0,
            };
            p.set_lines(LocationId::new(n), &[line]);
        }
    });
    let out = place.run(&["binary", "verify", &profile, &place.binary(), "-o", "json"], "");
    let said: Value = serde_json::from_str(&stdout(&out)).unwrap();
    assert_eq!(said["verdict"], "match", "{said}");
    assert_eq!(said["checked"], said["agreed"], "{said}");
}

/// A binary whose table cannot be read contradicts nothing: its build ID alone speaks.
#[test]
fn a_binary_that_cannot_name_anything_is_judged_by_its_id() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let (own, no_id) = (
        named(&place, "own.pb.gz", |_| {}),
        named(&place, "no-id.pb.gz", with_id("")),
    );
    let mut data = fs::read(place.path("kubelet")).unwrap();
    let table = Binary::parse(&data)
        .unwrap()
        .elf()
        .section(".gopclntab")
        .unwrap()
        .offset as usize;
    data[table..table + 4].copy_from_slice(&0x1234_5678_u32.to_le_bytes());
    fs::write(place.path("garbled"), &data).unwrap();
    let garbled = place.path("garbled").display().to_string();
    for (profile, verdict, code) in [(&own, "match", 0), (&no_id, "unproven", 1)] {
        let out = place.run(&["binary", "verify", profile, &garbled, "-o", "json"], "");
        let said: Value = serde_json::from_str(&stdout(&out)).unwrap();
        assert_eq!(said["verdict"], verdict, "{said}");
        assert_eq!(out.status.code(), Some(code), "{said}");
        assert_eq!(
            (&said["untold"], &said["agreed"]),
            (&said["checked"], &0.into()),
            "{said}"
        );
    }
}
