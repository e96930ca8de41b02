//! A folder, a tar and a bundle mean the same: the snapshots of one process, of which one is shown and only `all` adds up.

use std::fs;
use std::path::{Path, PathBuf};

use kubeprof::input::{Choice, Note, Sources, Which};
use kubeprof::model::{Kind, Profile};
use kubeprof::pprof::{Compression, Limit, encode_gzip, read};
use kubeprof::{Query, Subject};

use super::super::bundle::made_bundle::{self, fixture};
use crate::cli::support::{fine, run};

const KINDS: [Kind; 3] = [Kind::Heap, Kind::Goroutine, Kind::Cpu];
const TIMES: [&str; 3] = ["2026-11-24T02:38:00Z", "2026-11-24T02:39:00Z", "2026-11-24T02:40:00Z"];

/// A profile of a fixture as if it were taken at that time.
fn at(file: &str, time: &str, times: i64) -> Vec<u8> {
    let read = read(fixture(&format!("ctx-leak-1.36.1/{file}")), Limit::Proportional, false);
    let mut profile = read.expect("a profile").profile;
    let time: jiff::Timestamp = time.parse().expect("a time");
    profile.time_nanos = i64::try_from(time.as_nanosecond()).expect("this century");
    for value in profile.samples.all_values_mut() {
        *value *= times;
    }
    packed(&profile)
}

fn packed(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_gzip(profile, &mut bytes, Compression::suiting(profile)).expect("memory");
    bytes
}

/// Three moments of one process: each has its own values.
fn moments() -> Vec<(&'static str, [Vec<u8>; 3])> {
    let all = TIMES.iter().zip(1..);
    all.map(|(&time, n)| {
        let files = ["s01-heap.pb.gz", "s10-goroutine.pb.gz", "last-cpu.pb.gz"];
        (time, files.map(|file| at(file, time, n)))
    })
    .collect()
}

/// The same as a folder, a tar of it, a bundle and a tar of that. In the folder names do not follow times.
fn sources(dir: &Path) -> [PathBuf; 4] {
    let moments = moments();
    let [folder, tar, bundle, packed] = ["folder", "folder.tar", "bundle", "bundle.tar.gz"].map(|name| dir.join(name));
    fs::create_dir(&folder).expect("a folder");
    let mut builder = tar::Builder::new(Vec::new());
    for (name, (_, profiles)) in ["c", "a", "b"].iter().zip(&moments) {
        for (kind, bytes) in KINDS.iter().zip(profiles) {
            let path = folder.join(format!("{name}-{kind}.pb.gz"));
            fs::write(&path, bytes).expect("room");
            let inside = Path::new("folder").join(path.file_name().expect("a name"));
            builder.append_path_with_name(&path, inside).expect("a tar");
        }
    }
    fs::write(&tar, builder.into_inner().expect("a tar")).expect("room");
    made_bundle::of_moments(&bundle, &moments);
    fine(&[
        "bundle",
        "pack",
        &bundle.display().to_string(),
        &packed.display().to_string(),
    ]);
    [folder, tar, bundle, packed]
}

fn subject(path: &Path, kind: Kind, snapshot: Option<Which>) -> Subject {
    let sources = Sources {
        kind: Some(kind),
        choice: Choice {
            snapshot,
            ..Choice::default()
        },
        ..Sources::new([path])
    };
    sources
        .subject()
        .unwrap_or_else(|e| panic!("{}: {kind}: {e}", path.display()))
}

fn total(subject: &Subject) -> i64 {
    subject.view(&Query::default()).expect("a view").top().header.total
}

#[test]
fn one_snapshot_is_shown_and_only_all_adds_up() {
    let dir = tempfile::tempdir().expect("a folder");
    for path in sources(dir.path()) {
        for kind in KINDS {
            let first = total(&subject(&path, kind, Some(Which::First)));
            assert!(first > 0, "{}: {kind}", path.display());
            for (which, times) in [
                (None, 3),
                (Some(Which::Last), 3),
                (Some(Which::Number(1)), 1),
                (Some(Which::Number(2)), 2),
                (Some(Which::Number(3)), 3),
                (Some(Which::All), 6),
            ] {
                let subject = subject(&path, kind, which);
                assert_eq!(total(&subject), first * times, "{}: {kind} {which:?}", path.display());
                let is_said = subject.notes.iter().any(|n| matches!(n, Note::Chosen(..)));
                assert!(is_said, "{}: {kind} {which:?}: {:?}", path.display(), subject.notes);
                let warns = subject.notes.iter().any(|n| matches!(n, Note::AddedUpStates(3, _)));
                let is_sum_of_states = which == Some(Which::All) && kind != Kind::Cpu;
                assert_eq!(warns, is_sum_of_states, "{}: {kind} {which:?}", path.display());
            }
        }
    }
}

#[test]
fn a_sum_says_the_interval_that_it_covers() {
    let dir = tempfile::tempdir().expect("a folder");
    for path in sources(dir.path()) {
        let path = path.display().to_string();
        let answer = fine(&["top", &path, "--kind", "cpu", "--snapshot", "all"]);
        let heading = answer.lines().next().expect("a heading");
        for part in [
            "sum of 3 profiles",
            "2026-11-24 02:38:00 UTC to 2026-11-24 02:40:",
            "over 60s",
        ] {
            assert!(heading.contains(part), "{path}: {heading}");
        }
    }
}

#[test]
fn a_comparison_takes_the_first_and_the_last() {
    let dir = tempfile::tempdir().expect("a folder");
    for path in sources(dir.path()) {
        let input = Sources {
            kind: Some(Kind::Goroutine),
            ..Sources::new([&path])
        };
        let (old, new) = input.open().expect("it opens").ends(None).expect("two snapshots");
        assert_eq!(total(&new), total(&old) * 3, "{}", path.display());
        let second = input.open().expect("it opens").ends(Some(Which::Number(2)));
        let (old, new) = second.expect("two snapshots");
        assert_eq!(total(&new) * 2, total(&old) * 3, "{}", path.display());
    }
}

#[test]
fn a_snapshot_that_is_not_there_is_told_from_those_that_are() {
    let dir = tempfile::tempdir().expect("a folder");
    for path in sources(dir.path()) {
        let path = path.display().to_string();
        let answer = run(&["top", &path, "--kind", "heap", "--snapshot", "9"]);
        assert_eq!(answer.code, 2);
        let expected = "snapshot 1, snapshot 2, snapshot 3";
        assert!(answer.stderr.contains(expected), "{path}: {}", answer.stderr);
    }
}
