//! Tars, bundles and manifests. The first byte chooses: 0 any bytes as an archive; 1 a tar whose checksums are mended, so
//! that damage behind them is reached; 2 a journal put into a bundle in place of its own; 3 the same as a folder on disk.
#![no_main]

use std::io;
use std::path::Path;
use std::sync::LazyLock;

use kubeprof::bundle::manifest::JOURNAL;
use kubeprof::bundle::verify::verify;
use kubeprof::bundle::{Contents, Packing, Record, Want, merge_bundles, names, pack, redact, unpack};
use kubeprof::input::{Choice, choose};
use kubeprof::model::Kind;
use kubeprof::pprof::{Limit, inflate};
use libfuzzer_sys::fuzz_target;

/// A bundle: the one of `fixtures/bundle`, cut to its small files, path and bytes.
static FILES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bundle/two-nodes.tar.gz");
    let contents = Contents::archive(&path, Limit::Proportional, Want::Everything).expect("a fixture");
    let small = contents
        .paths()
        .filter(|p| contents.size(p).is_some_and(|n| n < 20_000));
    small
        .map(|p| (p.to_owned(), contents.get(p).expect("there").into_owned()))
        .collect()
});

const LIMIT: Limit = Limit::Bytes(8 << 20);

fuzz_target!(|data: &[u8]| {
    let Some((&which, rest)) = data.split_first() else {
        return;
    };
    match which % 4 {
        0 => ask(open(rest.to_vec())),
        1 => {
            let Ok(raw) = inflate(rest, LIMIT) else { return };
            let mut tar = raw.into_owned();
            mend(&mut tar);
            ask(open(tar));
        }
        2 => {
            let mut tar = Vec::new();
            for (path, bytes) in &*FILES {
                entry(&mut tar, path, if path == JOURNAL { rest } else { bytes });
            }
            tar.resize(tar.len() + 1024, 0);
            ask(open(tar));
        }
        _ => {
            let dir = tempfile::tempdir().expect("a folder");
            let root = dir.path().join("b");
            for (path, bytes) in FILES.iter().filter(|(p, _)| p == JOURNAL || p.ends_with(".txt")) {
                let to = root.join(path);
                std::fs::create_dir_all(to.parent().expect("below the root")).expect("room");
                std::fs::write(to, if path == JOURNAL { rest } else { bytes }).expect("room");
            }
            ask(Contents::folder(&root, LIMIT).expect("a folder"));
        }
    }
});

fn open(bytes: Vec<u8>) -> Contents {
    Contents::bytes(Path::new("fuzz.tar"), bytes, LIMIT, Want::Everything)
}

/// Everything that is asked of an archive.
fn ask(contents: Contents) {
    for path in contents.paths() {
        assert!(names::is_safe_path(path), "{path:?}");
    }
    let Some(record) = contents.record() else { return };
    if let Some(found) = verify(&contents, LIMIT) {
        kubeprof::render::bundle::verification(&found, &Default::default(), &mut io::sink()).expect("written");
    }
    let _ = kubeprof::render::layout::bundle("fuzz", &record);
    for kind in [None, Some(Kind::Heap), Some(Kind::Goroutine)] {
        if let Err(e) = choose(&record, &|p| contents.has(p), kind, &Choice::default()) {
            assert!(!e.to_string().is_empty());
        }
    }
    for packing in [Packing::Tar, Packing::Zstd] {
        let _ = pack(&contents, &record, packing, &mut io::sink());
    }
    on_disk(contents, record);
}

/// What writes files stays inside of the folder it was given.
fn on_disk(contents: Contents, record: Record) {
    let dir = tempfile::tempdir().expect("a folder");
    let inside = dir.path().join("in");
    std::fs::create_dir(&inside).expect("room");
    let _ = unpack(&contents, &record, &inside.join("unpacked"));
    let mut key = redact::Key::new([7; 32]);
    let _ = redact::redact(&contents, &record, &mut key, LIMIT, &inside.join("redacted"));
    let _ = merge_bundles(&[(contents, record)], &inside.join("merged"));
    let outside: Vec<_> = std::fs::read_dir(dir.path()).expect("a folder").collect();
    assert_eq!(outside.len(), 1, "{outside:?}");
}

fn entry(tar: &mut Vec<u8>, path: &str, bytes: &[u8]) {
    let mut header = [0u8; 512];
    header[..path.len().min(100)].copy_from_slice(&path.as_bytes()[..path.len().min(100)]);
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    checksum(&mut header);
    tar.extend_from_slice(&header);
    tar.extend_from_slice(bytes);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn checksum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Rights the checksum of every header that the sizes lead to.
fn mend(tar: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + 512).filter(|h| h[0] != 0) {
        checksum(header);
        let text = std::str::from_utf8(&header[124..136]).unwrap_or_default();
        let size = usize::from_str_radix(text.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        at += 512 + size.next_multiple_of(512).min(1 << 32);
    }
}
