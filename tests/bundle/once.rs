//! What is hashed is what is used: no command of a bundle opens an artifact of a folder twice.

use std::mem::MaybeUninit;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use super::made_bundle;
use crate::cli::support::run;

const HEAP: &str = "worker-1/run-1/0001-20261124T023800Z/heap.pb.gz";

/// How often a file is opened while a command runs.
fn opened(file: &Path, args: &[&str]) -> usize {
    let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).expect("inotify");
    inotify::add_watch(&watch, file, WatchFlags::OPEN).expect("a watch");
    let answer = run(args);
    assert!(matches!(answer.code, 0 | 1), "{args:?}: {}", answer.stderr);
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = Reader::new(&watch, &mut buffer);
    let mut count = 0;
    while let Ok(event) = events.next() {
        count += usize::from(event.events().contains(ReadFlags::OPEN));
    }
    count
}

#[test]
fn an_artifact_is_opened_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    made_bundle::make(&dir.path().join("b"));
    let heap = dir.path().join("b").join(HEAP);
    let (b, tar, redacted, merged) = (at("b"), at("b.tar"), at("r"), at("m"));
    for args in [
        &["bundle", "verify", &b][..],
        &["bundle", "pack", &b, &tar],
        &["bundle", "redact", &b, &redacted],
        &["bundle", "merge", &b, "--out", &merged],
        &["top", &b, "--node", "worker-1", "--kind", "heap", "--snapshot", "1"],
    ] {
        assert_eq!(opened(&heap, args), 1, "{args:?}");
    }
}
