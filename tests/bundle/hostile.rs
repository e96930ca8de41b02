//! Archives from strangers: no path leaves the target, nothing grows without bound, nothing panics.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use kubeprof::bundle::archive::OddEntry;
use kubeprof::bundle::verify::{Flaw, Verdict, verify};
use kubeprof::bundle::{Contents, Packing, Record, Want, pack, unpack};
use kubeprof::input::Input;
use kubeprof::pprof::Limit;

use super::made_bundle;

/// An entry as a stranger may write it: nothing of the path is checked.
fn entry(tar: &mut Vec<u8>, path: &[u8], kind: tar::EntryType, link: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..path.len().min(100)].copy_from_slice(&path[..path.len().min(100)]);
    header.set_entry_type(kind);
    header.set_mode(0o6777);
    if let (tar::EntryType::GNUSparse, Some(gnu)) = (kind, header.as_gnu_mut()) {
        gnu.realsize.copy_from_slice(b"77777777777\0");
        gnu.sparse[0].set_offset(0o77777777777);
        gnu.sparse[0].set_length(0);
    }
    header.set_size(bytes.len() as u64);
    if !link.is_empty() {
        header.set_link_name_literal(link).expect("short");
    }
    header.set_cksum();
    tar.extend_from_slice(header.as_bytes());
    tar.extend_from_slice(bytes);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn bundle_tar(packing: Packing) -> (Vec<u8>, Record) {
    tar_of(packing, made_bundle::make)
}

fn tar_of(packing: Packing, make: fn(&Path)) -> (Vec<u8>, Record) {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    make(&root);
    let contents = Contents::folder(&root, Limit::Proportional).expect("a folder");
    let record = contents.record().expect("a bundle");
    let mut bytes = Vec::new();
    pack(&contents, &record, packing, &mut bytes).expect("memory");
    (bytes, record)
}

fn open(bytes: Vec<u8>, limit: Limit) -> Contents {
    Contents::bytes(Path::new("hostile.tar"), bytes, limit, Want::Everything)
}

fn everything_below(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        assert!(!entry.file_type().expect("a type").is_symlink(), "{:?}", entry.path());
        if entry.path().is_dir() {
            everything_below(&entry.path(), found);
        } else {
            found.push(entry.path().display().to_string());
        }
    }
}

#[test]
fn links_devices_and_paths_that_leave_are_named_and_left_out() {
    let (whole, record) = bundle_tar(Packing::Tar);
    let body = &whole[..whole.len() - 1024];
    let mut bytes = Vec::new();
    entry(&mut bytes, b"kubeprof-x/link", tar::EntryType::Symlink, "/etc", b"");
    bytes.extend_from_slice(body);
    let long = [b'a'; 100];
    let odd: [(&[u8], tar::EntryType, OddEntry); 11] = [
        (b"../../outside", tar::EntryType::Regular, OddEntry::Outside),
        (b"/etc/cron.d/outside", tar::EntryType::Regular, OddEntry::Outside),
        (b"a/../../../outside", tar::EntryType::Regular, OddEntry::Outside),
        (b"..\\outside", tar::EntryType::Regular, OddEntry::Outside),
        (b"a\\b", tar::EntryType::Regular, OddEntry::Name),
        (b"a\nb", tar::EntryType::Regular, OddEntry::Name),
        (b"\xff\xfe", tar::EntryType::Regular, OddEntry::Name),
        (b"hard", tar::EntryType::Link, OddEntry::Link),
        (b"null", tar::EntryType::Char, OddEntry::Special),
        (b"fifo", tar::EntryType::Fifo, OddEntry::Special),
        (&long, tar::EntryType::GNUSparse, OddEntry::Sparse),
    ];
    for (path, kind, _) in &odd {
        entry(
            &mut bytes,
            path,
            *kind,
            if kind.is_hard_link() { "/etc/passwd" } else { "" },
            b"",
        );
    }
    // The bundle twice: every file of the second is a duplicate.
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len() + 1024, 0);
    let contents = open(bytes, Limit::Proportional);
    assert_eq!(contents.broken, None);
    let whys: Vec<OddEntry> = contents.odd.iter().map(|o| o.why).collect();
    assert_eq!(whys[0], OddEntry::Link);
    assert_eq!(whys[1..=odd.len()], odd.map(|(_, _, why)| why));
    assert_eq!(
        whys.iter().filter(|w| **w == OddEntry::Duplicate).count(),
        record.files().len() + 2
    );
    assert!(contents.odd.iter().all(|o| !o.path.chars().any(char::is_control)));
    let v = verify(&contents, Limit::Proportional).expect("still a bundle");
    assert_eq!((v.verdict, v.intact), (Verdict::Findings, record.files().len()));
    assert!(v.findings.iter().all(|f| f.what == Flaw::Archive), "{:?}", v.findings);
    let dir = tempfile::tempdir().expect("a folder");
    let target = dir.path().join("in/t");
    unpack(&contents, &contents.record().expect("a bundle"), &target).expect("room");
    let mut found = Vec::new();
    everything_below(dir.path(), &mut found);
    assert_eq!(found.len(), record.files().len() + 2);
    assert!(
        found.iter().all(|f| f.starts_with(&target.display().to_string())),
        "{found:?}"
    );
}

#[test]
fn a_manifest_cannot_name_files_outside() {
    for path in ["../outside", "/etc/outside", "a/../../outside", "a//b", "con:1"] {
        let journal = format!(
            "{{\"at\":\"2026-11-24T02:38:00Z\",\"event\":\"started\",\"schema\":1,\"tool\":\"t\",\"asked\":{{}}}}\n\
             {{\"at\":\"2026-11-24T02:38:00Z\",\"event\":\"artifact\",\"node\":\"n\",\"run\":1,\"artifact\":\"heap\",\
             \"path\":\"{path}\",\"bytes\":1,\"sha256\":\"00\"}}\n"
        );
        let mut bytes = Vec::new();
        entry(
            &mut bytes,
            b"manifest.jsonl",
            tar::EntryType::Regular,
            "",
            journal.as_bytes(),
        );
        entry(&mut bytes, b"evil", tar::EntryType::Regular, "", b"x");
        bytes.resize(bytes.len() + 1024, 0);
        let contents = open(bytes, Limit::Proportional);
        let record = contents.record().expect("a journal");
        assert_eq!(record.files().len(), 0);
        let v = verify(&contents, Limit::Proportional).expect("a bundle");
        assert_eq!(v.verdict, Verdict::Findings);
        let dir = tempfile::tempdir().expect("a folder");
        unpack(&contents, &record, &dir.path().join("t")).expect("room");
        let mut found = Vec::new();
        everything_below(dir.path(), &mut found);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0u8; 1 << 20];
    let mut header = tar::Header::new_gnu();
    header.set_path("heap.pb").expect("short");
    header.set_size(40 << 30);
    header.set_cksum();
    for packing in ["gz", "zst"] {
        let mut bytes = Vec::new();
        if packing == "gz" {
            let mut gzip = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::best());
            gzip.write_all(header.as_bytes()).expect("memory");
            for _ in 0..256 {
                gzip.write_all(&zeros).expect("memory");
            }
            gzip.finish().expect("memory");
        } else {
            let pack = |b: &[u8]| ruzstd::encoding::compress_to_vec(b, ruzstd::encoding::CompressionLevel::Fastest);
            bytes.extend(pack(header.as_bytes()));
            let frame = pack(&zeros);
            for _ in 0..256 {
                bytes.extend_from_slice(&frame);
            }
        }
        assert!(bytes.len() < 1 << 20, "{packing}: {} bytes", bytes.len());
        let contents = open(bytes, Limit::Bytes(32 << 20));
        let broken = contents.broken.as_ref().expect("refused").to_string();
        assert!(
            broken.contains("unpacks to more than 33554432 bytes"),
            "{packing}: {broken}"
        );
        assert_eq!(contents.paths().count(), 0);
    }
}

/// Damaged archives: whatever the damage, reading, verifying and unpacking end, and unpacking stays inside.
#[test]
fn damaged_archives_never_panic_and_never_lie() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    };
    let dir = tempfile::tempdir().expect("a folder");
    let mut verdicts = [0usize; 3];
    for packing in [Packing::Tar, Packing::Gzip, Packing::Zstd] {
        // Of small files: a tar is nearly all headers then, and what damages them tells.
        let (whole, record) = tar_of(packing, made_bundle::with_contention);
        let files = record.files().len();
        for round in 0..100 {
            let mut bytes = whole.clone();
            match round % 4 {
                0 => bytes.truncate(random(whole.len())),
                1 => (0..=random(8)).for_each(|_| {
                    let at = random(bytes.len());
                    bytes[at] ^= 1 << random(8);
                }),
                2 => {
                    let (from, to) = (random(bytes.len()), random(bytes.len()));
                    let n = random(2000).min(bytes.len() - from.max(to));
                    bytes.copy_within(from..from + n, to);
                }
                // Headers of a tar, where the damage tells.
                _ => {
                    let at = random(bytes.len() / 512) * 512 + random(512);
                    let at = at.min(bytes.len() - 1);
                    bytes[at] = random(256) as u8;
                }
            }
            let same = bytes == whole;
            let contents = open(bytes, Limit::Bytes(64 << 20));
            let Some(v) = verify(&contents, Limit::Bytes(64 << 20)) else {
                continue;
            };
            verdicts[v.verdict as usize] += 1;
            let record = contents.record().expect("a journal");
            // Damage that leaves all files as they are (unused bytes of headers, padding) is none.
            if v.verdict == Verdict::Whole && !same {
                assert_eq!(v.intact, files, "{packing:?} round {round}");
            }
            let target = dir.path().join(format!("{packing:?}-{round}"));
            if unpack(&contents, &record, &target).is_ok() {
                let mut found = Vec::new();
                everything_below(&target, &mut found);
                assert!(found.len() <= files + 2);
                fs::remove_dir_all(&target).expect("removed");
            }
        }
    }
    assert_eq!(
        fs::read_dir(dir.path()).expect("a folder").count(),
        0,
        "nothing is left outside"
    );
    assert!(verdicts[Verdict::Findings as usize] > 10, "{verdicts:?}");
}

#[test]
fn a_source_that_is_a_damaged_archive_is_an_error_or_a_profile() {
    let (whole, _) = bundle_tar(Packing::Gzip);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("b.tar.gz");
    let mut read = 0;
    for cut in (0..whole.len()).step_by(whole.len() / 40) {
        fs::write(&path, &whole[..cut]).expect("room");
        let input = Input::open(std::slice::from_ref(&path), Limit::Proportional);
        let loaded = input.and_then(|input| input.subject());
        read += usize::from(loaded.is_ok_and(|l| !l.profile.samples.is_empty()));
    }
    assert!(read > 5, "what came before the cut can be used: {read}");
}
