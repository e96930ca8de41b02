//! Which binary did a profile come from: seven different builds, every profile against every binary. The profiles are
//! made of what the programs' own runtimes said of 400 of their PCs.

use std::fs;
use std::io::Read;
use std::path::Path;

use kubeprof::model::{Line, Mapping, MappingId, Profile, ValueType};
use kubeprof::symbolize::identity::{Reason, Verdict, examine, main_mapping};
use kubeprof::symbolize::{Binary, Coverage, Miss, Single, Source, apply, survey};

const BUILDS: [&str; 7] = [
    "1.19.13-exe-sw",
    "1.22.12-exe-sw",
    "1.23.12-cgo-external-sw",
    "1.25.12-cgo-pie-external-sw",
    "1.26.8-cgo-external-sw",
    "1.27.3-cgo-pie-external-sw",
    "1.27.3-cgo-sw",
];

fn unpack(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/binaries")
        .join(name);
    let packed = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(&packed[..])
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

pub(super) fn binary(name: &str) -> Vec<u8> {
    unpack(&format!("{name}.zst"))
}

/// Where the kernel put a position-independent program.
const BIAS: u64 = 0x5555_5540_0000;

/// A profile as the program itself would have written it: locations with their lines, in one mapping.
fn profile_of(name: &str, data: &[u8], with_id: bool, keep: impl Fn(&str) -> bool) -> Profile {
    every(5, name, data, with_id, keep)
}

pub(super) fn every(step: usize, name: &str, data: &[u8], with_id: bool, keep: impl Fn(&str) -> bool) -> Profile {
    let binary = Binary::parse(data).unwrap();
    let elf = binary.elf();
    let code = *elf.segments().iter().find(|s| s.executable).unwrap();
    let bias = if elf.is_position_independent() { BIAS } else { 0 };
    let mut p = Profile::default();
    let id = binary
        .build_ids()
        .gnu
        .map(|id| id.to_string())
        .filter(|_| with_id)
        .unwrap_or_default();
    p.sample_types = vec![ValueType {
        kind: p.strings.intern("samples"),
        unit: p.strings.intern("count"),
    }];
    p.samples = kubeprof::model::Samples::new(1);
    // The kernel maps whole pages.
    let start = code.address & !0xfff;
    p.mappings.push(Mapping {
        id: 1,
        start: start + bias,
        limit: ((code.address + code.size) | 0xfff) + 1 + bias,
        offset: code.offset & !0xfff,
        file: p.strings.intern("/usr/bin/kubelet"),
        build_id: p.strings.intern(&id),
        has_functions: true,
        ..Mapping::default()
    });
    let oracle = String::from_utf8(unpack(&format!("{name}.oracle.zst"))).unwrap();
    for line in oracle.lines().step_by(step) {
        let mut fields = line.split('\t');
        let pc = u64::from_str_radix(fields.next().unwrap(), 16).unwrap();
        let frames: Vec<Vec<&str>> = fields.skip(1).map(|f| f.rsplitn(4, '|').collect()).collect();
        if frames.iter().any(|f| f[2] == "?" || f[3].is_empty()) || !keep(frames[0][3]) {
            continue;
        }
        let lines: Vec<Line> = frames
            .iter()
            .map(|f| Line {
                function: p.add_function(f[3], f[3], f[2], f[0].parse().unwrap()),
                line: f[1].parse().unwrap(),
                column: 0,
            })
            .collect();
        let location = p.add_location(pc + bias, Some(MappingId::new(0)), &lines);
        let stack = p.stacks.intern(&[location]).unwrap();
        p.samples.push(stack, &[1], &[]);
    }
    p.check().unwrap();
    p
}

#[test]
fn every_wrong_binary_is_refused_and_every_right_one_taken() {
    let binaries: Vec<Vec<u8>> = BUILDS.iter().map(|b| binary(b)).collect();
    let (mut refused, mut taken) = (0, 0);
    for with_id in [true, false] {
        for (n, name) in BUILDS.iter().enumerate() {
            let profile = profile_of(name, &binaries[n], with_id, |_| true);
            assert!(profile.locations.len() > 200);
            for (m, other) in BUILDS.iter().enumerate() {
                let binary = Binary::parse(&binaries[m]).unwrap();
                let identity = examine(&profile, main_mapping(&profile, &binary), &binary);
                let context = format!("profile of {name}, binary {other}, IDs {with_id}: {identity:?}");
                assert_eq!(identity.checked as usize, profile.locations.len(), "{context}");
                if n == m {
                    assert_eq!(identity.verdict, Verdict::Match, "{context}");
                    assert_eq!(identity.agreed, identity.checked, "{context}");
                    let by_id = with_id && !identity.build_id_profile.is_empty();
                    assert_eq!(
                        identity.reason,
                        if by_id { Reason::BuildId } else { Reason::Content },
                        "{context}"
                    );
                    taken += 1;
                } else {
                    assert_eq!(identity.verdict, Verdict::Mismatch, "{context}");
                    assert!(!identity.examples.is_empty(), "{context}");
                    refused += 1;
                }
            }
        }
    }
    assert_eq!((refused, taken), (84, 14));
}

/// The runtime of two builds with one Go release may be at the same addresses, so it proves nothing.
#[test]
fn names_of_the_standard_library_alone_prove_nothing() {
    let data = binary("1.22.12-exe-sw");
    let profile = profile_of("1.22.12-exe-sw", &data, false, |f| f.starts_with("runtime."));
    let opened = Binary::parse(&data).unwrap();
    let identity = examine(&profile, main_mapping(&profile, &opened), &opened);
    assert_eq!(
        (identity.verdict, identity.reason),
        (Verdict::Unproven, Reason::TooFewNames),
        "{identity:?}"
    );
    assert!(identity.agreed > 50 && identity.agreed == identity.checked);
}

/// The profile's ID is another, but all names agree: a rebuilt binary, for instance one with DWARF.
#[test]
fn a_twin_is_told_from_a_match() {
    let data = binary("1.26.8-cgo-external-sw");
    let mut profile = every(1, "1.26.8-cgo-external-sw", &data, true, |_| true);
    let other = "00112233445566778899aabbccddeeff00112233";
    profile.mappings[0].build_id = profile.strings.intern(other);
    let opened = Binary::parse(&data).unwrap();
    let identity = examine(&profile, main_mapping(&profile, &opened), &opened);
    assert_eq!(
        (identity.verdict, identity.reason),
        (Verdict::Twin, Reason::Content),
        "{identity:?}"
    );
    // Without names to compare, another ID is another binary.
    let bare = without_names(&profile);
    let identity = examine(&bare, main_mapping(&bare, &opened), &opened);
    assert_eq!(
        (identity.verdict, identity.reason),
        (Verdict::Mismatch, Reason::BuildIdsDiffer),
        "{identity:?}"
    );
}

/// An equal build ID that the names contradict: IDs can be set by hand.
#[test]
fn names_overrule_an_equal_id() {
    let (right, wrong) = (binary("1.26.8-cgo-external-sw"), binary("1.23.12-cgo-external-sw"));
    let mut profile = profile_of("1.26.8-cgo-external-sw", &right, true, |_| true);
    let opened = Binary::parse(&wrong).unwrap();
    let id = opened.build_ids().gnu.unwrap().to_string();
    profile.mappings[0].build_id = profile.strings.intern(&id);
    let identity = examine(&profile, main_mapping(&profile, &opened), &opened);
    assert_eq!(
        (identity.verdict, identity.reason),
        (Verdict::Mismatch, Reason::ContentDisagrees),
        "{identity:?}"
    );
}

fn without_names(profile: &Profile) -> Profile {
    let mut bare = profile.clone();
    for location in &mut bare.locations {
        location.line_count = 0;
    }
    bare
}

fn chains(p: &Profile) -> Vec<Vec<(String, String, i64)>> {
    (0..p.locations.len())
        .map(|n| {
            p.lines_of(kubeprof::model::LocationId::new(n))
                .iter()
                .map(|l| {
                    let f = p.function(l.function);
                    (p.text(f.name).to_owned(), p.text(f.filename).to_owned(), l.line)
                })
                .collect()
        })
        .collect()
}

#[test]
fn names_come_back_to_a_profile_without_any() {
    for name in BUILDS {
        let data = binary(name);
        let named = profile_of(name, &data, true, |_| true);
        let mut bare = without_names(&named);
        assert_eq!(
            survey(&bare).missing.get(&Miss::NoBinary),
            Some(&(bare.locations.len() as u64))
        );
        let opened = Binary::parse(&data).unwrap();
        let mapping = main_mapping(&bare, &opened);
        let coverage: Coverage = apply(
            &mut bare,
            &Single {
                mapping,
                binary: &opened,
                refused: None,
            },
            false,
        );
        bare.check().unwrap();
        assert_eq!(coverage.missing_total(), 0, "{name}: {coverage:?}");
        assert_eq!(
            coverage.named.get(&Source::GoTable),
            Some(&(named.locations.len() as u64)),
            "{name}"
        );
        assert_eq!(chains(&bare), chains(&named), "{name}");
    }
}

#[test]
fn embedded_names_stay_unless_forced() {
    let data = binary("1.22.12-exe-sw");
    let mut profile = profile_of("1.22.12-exe-sw", &data, true, |_| true);
    let truth = chains(&profile);
    let wrong = profile.add_function("wrong", "wrong", "wrong.go", 1);
    profile.set_lines(
        kubeprof::model::LocationId::new(3),
        &[Line {
            function: wrong,
            line: 1,
            column: 0,
        }],
    );
    let opened = Binary::parse(&data).unwrap();
    let mapping = main_mapping(&profile, &opened);
    let single = Single {
        mapping,
        binary: &opened,
        refused: None,
    };
    let kept = apply(&mut profile, &single, false);
    assert_eq!((kept.embedded, kept.disagreed), (profile.locations.len() as u64, 0));
    assert_eq!(chains(&profile)[3][0].0, "wrong");
    let forced = apply(&mut profile, &single, true);
    assert_eq!((forced.embedded, forced.disagreed), (0, 1));
    assert_eq!(chains(&profile), truth);
}
