//! The executable in a bundle names the addresses of its profiles, out of a folder and out of a tar.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use kubeprof::bundle::facts::Expect;
use kubeprof::bundle::manifest::{Asked, Binary, Exchange, Finished, Slot, Started};
use kubeprof::bundle::{Writer, names};
use kubeprof::symbolize;

use super::support::{Place, stderr, stdout};

/// A bundle of one profile without names and of a binary.
fn bundle(root: &Path, profile: &str, binary: &[u8]) {
    let asked = Asked {
        nodes: vec!["n1".to_owned()],
        once: vec!["cpu".to_owned()],
        ..Asked::default()
    };
    let started = Started {
        schema: 1,
        tool: "test".to_owned(),
        resumed: false,
        asked,
    };
    let writer = Writer::create(root, started).unwrap();
    let slot = Slot {
        node: "n1".to_owned(),
        run: 1,
        snapshot: None,
        artifact: "cpu".to_owned(),
    };
    let mut part = writer.part(&slot, &names::file_of("cpu")).unwrap();
    part.write_all(&fs::read(profile).unwrap()).unwrap();
    writer.keep(part, Expect::Profile(None), Exchange::default()).unwrap();
    let build_id = symbolize::Binary::parse(binary)
        .unwrap()
        .build_ids()
        .gnu
        .unwrap()
        .to_string();
    let mut part = writer.binary_part(&build_id, "kubelet").unwrap();
    part.write_all(binary).unwrap();
    let binary = Binary {
        build_id,
        origin: "test".to_owned(),
        ..Binary::default()
    };
    writer.keep_binary(part, binary).unwrap();
    writer.finish(Finished::default()).unwrap();
}

#[test]
fn the_binary_of_a_bundle_names_its_profiles() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let profile = place.profile("cpu.pb.gz", None);
    let data = fs::read(place.path("kubelet")).unwrap();
    bundle(&place.path("b"), &profile, &data);
    let at = |name: &str| place.path(name).display().to_string();
    let temporary = place.path("tmp");
    fs::create_dir(&temporary).unwrap();
    let run = |args: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_kubeprof"))
            .args(args)
            .env("HOME", place.path("nobody"))
            .env("TMPDIR", &temporary)
            .env_remove("KUBEPROF_ARCHIVE")
            .output()
            .unwrap()
    };
    let bare = stdout(&run(&["top", &profile]));
    assert!(!bare.contains("from pclntab"), "{bare}");
    for packed in ["b.tar", "b.tar.gz", "b.tar.zst"] {
        let out = run(&["bundle", "pack", &at("b"), &at(packed)]);
        assert!(out.status.success(), "{}", stderr(&out));
    }
    let named = stdout(&run(&["top", &profile, "--binary", &at("kubelet")]));
    let rows = |text: &str| text.lines().skip(4).map(str::to_owned).collect::<Vec<_>>();
    for source in ["b", "b.tar", "b.tar.gz", "b.tar.zst"] {
        let out = run(&["top", &at(source)]);
        assert!(
            stdout(&out).contains("from pclntab"),
            "{source}: {}{}",
            stdout(&out),
            stderr(&out)
        );
        assert_eq!(rows(&stdout(&out)), rows(&named), "{source}");
        let verify = run(&["bundle", "verify", &at(source)]);
        assert_eq!(verify.status.code(), Some(0), "{}", stdout(&verify));
        let text = stdout(&verify);
        let (possible, _) = text.split_once("not possible:").unwrap();
        assert!(possible.contains("instructions"), "{text}");
    }
    // Addresses too, with nothing but the bundle.
    let addresses: String = (0..400).map(|i| format!("{:#x}\n", 0x401000 + i * 0x1234)).collect();
    let input = place.path("addresses");
    fs::write(&input, addresses).unwrap();
    let names = |args: &[&str]| {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_kubeprof"))
            .arg("symbolize")
            .args(args)
            .env("TMPDIR", &temporary)
            .stdin(fs::File::open(&input).unwrap())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", stderr(&out));
        stdout(&out)
    };
    let direct = names(&["--binary", &at("kubelet"), "-o", "jsonl"]);
    assert!(
        direct.lines().filter(|l| l.contains("\"function\"")).count() > 50,
        "{direct}"
    );
    for source in ["b", "b.tar.gz"] {
        assert_eq!(names(&[&at(source), "-o", "jsonl"]), direct, "{source}");
    }
    assert_eq!(
        fs::read_dir(&temporary).unwrap().count(),
        0,
        "what was taken out is gone"
    );
    let copy = run(&["bundle", "unpack", &at("b.tar.zst"), &at("copy")]);
    assert!(copy.status.success(), "{}", stderr(&copy));
    let id = symbolize::Binary::parse(&data)
        .unwrap()
        .build_ids()
        .gnu
        .unwrap()
        .to_string();
    assert!(fs::read(place.path(&format!("copy/binaries/{id}/kubelet"))).unwrap() == data);
    let redacted = run(&["bundle", "redact", &at("b"), &at("r")]);
    assert!(stderr(&redacted).contains("kubelet: left out"), "{}", stderr(&redacted));
    assert!(!place.path("r/binaries").exists());
}

#[test]
fn another_binary_is_a_finding_and_names_nothing() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let other = Place::new("1.27.3-cgo-sw");
    let profile = place.profile("cpu.pb.gz", None);
    bundle(&place.path("b"), &profile, &fs::read(other.path("kubelet")).unwrap());
    let at = place.path("b").display().to_string();
    let verify = place.run(&["bundle", "verify", &at], "");
    assert_eq!(verify.status.code(), Some(1));
    assert!(
        stdout(&verify).contains("no profile is of build ID"),
        "{}",
        stdout(&verify)
    );
    let top = place.run(&["top", &at], "");
    assert!(
        stderr(&top).contains("a binary from the bundle is not the one that ran"),
        "{}",
        stderr(&top)
    );
    assert!(!stdout(&top).contains("from pclntab"));
}
