//! The writer of bundles: no name lies, nothing taken is lost, whatever moment a kill chooses.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use kubeprof::bundle::facts::Expect;
use kubeprof::bundle::manifest::{
    Asked, Binary, Cause, Event, Exchange, Finished, Form, JOURNAL, Missing, Process, RunStarted, SUMMARY, Slot,
    SnapshotEnded, SnapshotId, Started, Who,
};
use kubeprof::bundle::{KeepError, Record, WriteError, Writer, names};
use sha2::{Digest as _, Sha256};

fn fixture(name: &str) -> Vec<u8> {
    let name = match name {
        "heap.pb.gz" => "ctx-leak-1.36.1/s10-heap.pb.gz",
        "goroutine.pb.gz" => "ctx-leak-1.36.1/s10-goroutine.pb.gz",
        other => other,
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/captures")
        .join(name);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn started() -> Started {
    Started {
        schema: 1,
        tool: "test".to_owned(),
        resumed: false,
        asked: Asked {
            nodes: vec!["worker-1".to_owned()],
            every: vec!["heap".to_owned(), "goroutine".to_owned()],
            snapshots: 2,
            ..Asked::default()
        },
    }
}

fn slot(number: u32, artifact: &str) -> Slot {
    Slot {
        node: "worker-1".to_owned(),
        run: 1,
        snapshot: Some(SnapshotId {
            number,
            taken: format!("2026-11-24T02:38:{:02}Z", number * 10).parse().expect("a time"),
        }),
        artifact: artifact.to_owned(),
    }
}

fn slot_at(number: u32, artifact: &str, time: &str) -> Slot {
    let taken = time.parse().expect("a time");
    Slot {
        snapshot: Some(SnapshotId { number, taken }),
        ..slot(number, artifact)
    }
}

fn take(writer: &Writer, slot: &Slot, bytes: &[u8]) -> Result<(), KeepError> {
    let mut part = writer.part(slot, &names::file_of(&slot.artifact))?;
    for chunk in bytes.chunks(1000) {
        part.write_all(chunk).expect("room");
    }
    writer
        .keep(part, Expect::of(&slot.artifact), Exchange::default())
        .map(drop)
}

fn files(root: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.push(path.strip_prefix(root).expect("inside").display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

/// A bundle of two snapshots; the second lacks its goroutines.
fn bundle(root: &Path) {
    let writer = Writer::create(root, started()).expect("a new bundle");
    let process = Process {
        start_time: Some(1.5e9),
        ..Process::default()
    };
    let (node, run) = ("worker-1".to_owned(), 1);
    writer
        .append(Event::Run(RunStarted { node, run, process }))
        .expect("room");
    for number in 1..=2 {
        take(&writer, &slot(number, "heap"), &fixture("heap.pb.gz")).expect("a heap profile");
        if number == 1 {
            take(&writer, &slot(number, "goroutine"), &fixture("goroutine.pb.gz")).expect("a goroutine profile");
        } else {
            let missing = Missing {
                slot: slot(number, "goroutine"),
                who: Who::Network,
                why: "it broke".to_owned(),
                ..Missing::default()
            };
            writer.append(Event::Failed(missing)).expect("room");
        }
        let snapshot = slot(number, "").snapshot.expect("a snapshot");
        let (node, run) = ("worker-1".to_owned(), 1);
        writer
            .append(Event::Snapshot(SnapshotEnded { node, run, snapshot }))
            .expect("room");
    }
    writer.finish(Finished::default()).expect("room");
}

#[test]
fn what_is_written_is_read_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    bundle(&root);
    assert_eq!(
        files(&root),
        [
            SUMMARY,
            JOURNAL,
            "worker-1/run-1/0001-20261124T023810Z/goroutine.pb.gz",
            "worker-1/run-1/0001-20261124T023810Z/heap.pb.gz",
            "worker-1/run-1/0002-20261124T023820Z/heap.pb.gz",
        ]
    );
    let heap = "worker-1/run-1/0002-20261124T023820Z/heap.pb.gz";
    assert_eq!(
        fs::read(root.join(heap)).expect("a file"),
        fixture("heap.pb.gz"),
        "the server's bytes"
    );
    let record = Record::of_journal(&fs::read(root.join(JOURNAL)).expect("a journal"));
    assert_eq!(
        (record.journal.lines, record.journal.damaged.len(), record.journal.torn),
        (9, 0, false)
    );
    let summary: Record = serde_json::from_slice(&fs::read(root.join(SUMMARY)).expect("a summary")).expect("JSON");
    assert_eq!(summary, record, "the summary is the journal folded up");
    assert_eq!(record.artifacts().count(), 3);
    let facts = &record.artifact(&slot(2, "heap")).expect("there").facts;
    assert_eq!((facts.form, facts.kind.as_str()), (Form::Proto, "heap"));
    assert!(
        facts.samples.is_some_and(|n| n > 100) && facts.totals.len() == 4 && !facts.build_id.is_empty(),
        "{facts:?}"
    );
    let lacks: Vec<_> = record.lacks().collect();
    assert_eq!(
        (lacks.len(), lacks[0].skipped, lacks[0].missing.who),
        (1, false, Who::Network)
    );
    assert!(
        matches!(Writer::create(&root, started()), Err(WriteError::Exists(_))),
        "never overwritten"
    );
}

#[test]
fn what_does_not_decode_leaves_no_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    let writer = Writer::create(&root, started()).expect("a new bundle");
    let heap = fixture("heap.pb.gz");
    let refusal = b"Forbidden (user=u, verb=get, resource=nodes, subresource(s)=[proxy])".as_slice();
    let bad: [(&str, &[u8]); 7] = [
        ("heap", b""),
        ("heap", refusal),
        ("heap", &heap[..heap.len() / 2]),
        ("cpu", &heap),
        ("metrics", b"<html>"),
        ("configz", b"{"),
        ("trace", b"go 1.27 tracing"),
    ];
    for (artifact, bytes) in bad {
        match take(&writer, &slot(1, artifact), bytes) {
            Err(KeepError::NotWhole { head, bytes: n, .. }) => {
                assert_eq!(
                    (head.as_slice(), n as usize),
                    (&bytes[..bytes.len().min(4096)], bytes.len())
                );
            }
            other => panic!("{artifact}: {other:?}"),
        }
    }
    drop(writer.part(&slot(1, "heap"), "heap.pb.gz").expect("a part"));
    assert_eq!(files(&root), [JOURNAL]);
    for name in ["", "../x", "a/b", ".x", "x.part", "a:b"] {
        assert!(
            matches!(writer.part(&slot(1, "heap"), name), Err(WriteError::Name(_))),
            "{name}"
        );
    }
    assert!(
        matches!(Writer::resume(&root, started()), Err(WriteError::Busy(_))),
        "one writer at a time"
    );
}

/// What a kill can leave: the journal ends anywhere, and a file whose line is there may lack its name, one whose line is
/// not there may be a part.
#[test]
fn every_kill_is_resumed_and_nothing_is_lost() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("whole");
    bundle(&root);
    let journal = fs::read(root.join(JOURNAL)).expect("a journal");
    let copy = |to: &Path, cut: usize, unnamed: Option<usize>| {
        let record = Record::of_journal(&journal[..cut]);
        for (i, artifact) in record.artifacts().enumerate() {
            let name = if unnamed == Some(i) {
                format!("{}.part", artifact.path)
            } else {
                artifact.path.clone()
            };
            let path = to.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("room");
            fs::copy(root.join(&artifact.path), path).expect("room");
        }
        fs::create_dir_all(to.join("worker-1/run-1")).expect("room");
        fs::write(to.join("worker-1/run-1/allocs.pb.gz.part"), b"half").expect("room");
        fs::write(to.join(JOURNAL), &journal[..cut]).expect("room");
        record
    };
    let mut cuts: Vec<usize> = (0..=journal.len()).step_by(701).collect();
    cuts.extend(
        journal
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .flat_map(|(at, _)| [at, at + 1]),
    );
    for cut in cuts {
        for unnamed in [None, Some(0), Some(1)] {
            let to: PathBuf = dir.path().join(format!("{cut}-{unnamed:?}"));
            let before = copy(&to, cut, unnamed);
            let (writer, mended) = Writer::resume(&to, started()).expect("resumes");
            assert_eq!(
                writer.record().artifacts().count(),
                before.artifacts().count(),
                "cut at {cut}: nothing is lost"
            );
            assert_eq!(mended.removed, ["worker-1/run-1/allocs.pb.gz.part"]);
            assert!(mended.gone.is_empty() && mended.aside.is_empty(), "{mended:?}");
            let node = |record: &Record| record.node("worker-1").cloned().unwrap_or_default();
            let began = node(&writer.record()).last_number();
            for number in began + 1..=began + 2 {
                for artifact in ["heap", "goroutine"] {
                    if node(&writer.record()).settled(artifact) < 2 {
                        take(&writer, &slot(number, artifact), &fixture(&names::file_of(artifact))).expect("room");
                    }
                }
            }
            let record = writer.finish(Finished::default()).expect("room");
            assert_eq!(record.artifacts().count(), 4, "cut at {cut}: complete");
            assert!(record.late.is_empty(), "{:?}", record.late);
            assert_eq!(
                (record.journal.damaged.len(), record.journal.torn),
                (0, false),
                "cut at {cut}"
            );
            assert_eq!(files(&to).len(), 6, "{:?}", files(&to));
            drop(writer);
            fs::remove_dir_all(to).expect("removed");
        }
    }
}

#[test]
fn what_was_changed_is_put_aside_and_fetched_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    bundle(&root);
    let heap = "worker-1/run-1/0001-20261124T023810Z/heap.pb.gz";
    fs::write(root.join(heap), b"tampered").expect("room");
    fs::remove_file(root.join("worker-1/run-1/0002-20261124T023820Z/heap.pb.gz")).expect("removed");
    let (writer, mended) = Writer::resume(&root, started()).expect("resumes");
    assert_eq!(mended.aside, [format!("{heap}.damaged-1")]);
    assert_eq!(mended.gone.len(), 2);
    assert!(writer.has(&slot(1, "heap")).is_none() && writer.has(&slot(2, "heap")).is_none());
    assert!(writer.has(&slot(1, "goroutine")).is_some());
    // What an earlier capture began is over, under whichever time it is gone on with.
    let mut later = slot(1, "heap");
    for time in ["2026-11-24T02:38:10Z", "2026-11-24T05:00:00Z"] {
        later.snapshot = later.snapshot.map(|s| SnapshotId {
            taken: time.parse().expect("a time"),
            ..s
        });
        let refused = take(&writer, &later, &fixture("heap.pb.gz"));
        assert!(
            matches!(&refused, Err(KeepError::Write(WriteError::Over { number: 1, .. }))),
            "{refused:?}"
        );
    }
    take(&writer, &slot(3, "heap"), &fixture("heap.pb.gz")).expect("room");
    assert!(root.join("worker-1/run-1/0003-20261124T023830Z/heap.pb.gz").is_file());
    // Nor does a snapshot change its time while it is taken.
    let again = take(
        &writer,
        &slot_at(3, "goroutine", "2026-11-24T02:39:00Z"),
        &fixture("goroutine.pb.gz"),
    );
    assert!(
        matches!(again, Err(KeepError::Write(WriteError::Over { .. }))),
        "{again:?}"
    );
}

#[test]
fn lines_of_later_versions_and_paths_that_leave_are_counted() {
    let lines = [
        r#"{"at":"2026-11-24T02:38:00Z","event":"started","schema":1,"tool":"t","asked":{"new":1}}"#,
        r#"{"at":"2026-11-24T02:38:01Z","event":"telemetry","more":[1]}"#,
        r#"{"at":"2026-11-24T02:38:02Z","event":"artifact","node":"n","run":1,"artifact":"heap","path":"../../etc/x","bytes":1,"sha256":""}"#,
        r#"{"at":"2026-11-24T02:38:03Z","event":"failed","node":"n","run":1,"artifact":"cpu","who":"martians","why":"w"}"#,
        "garbage",
        r#"{"at":"2026-11-24T02:38:04Z","eve"#,
    ];
    let record = Record::of_journal(lines.join("\n").as_bytes());
    assert!(record.is_readable());
    assert_eq!(record.journal.unknown, 1);
    assert_eq!(record.journal.damaged, [3, 5]);
    assert!(record.journal.torn);
    assert_eq!(record.artifacts().count(), 0);
    assert_eq!(record.lacks().next().map(|l| l.missing.who), Some(Who::Unknown));
    assert!(!Record::of_journal(b"").is_readable());
}

/// A folder from elsewhere may hold links; nothing is written through them.
#[test]
fn a_bundle_with_links_is_not_written_to() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().expect("a folder");
    let victim = dir.path().join("victim");
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).expect("room");
    for link in [
        "manifest.json.part",
        "worker-2",
        "worker-1/run-1/cpu.pb.gz.part",
        JOURNAL,
    ] {
        fs::write(&victim, "precious").expect("room");
        let root = dir.path().join(link.replace('/', "-"));
        bundle(&root);
        let (at, to) = match link {
            "worker-2" => (root.join(link), &outside),
            JOURNAL => {
                fs::rename(root.join(JOURNAL), dir.path().join("journal")).expect("renamed");
                (root.join(link), &victim)
            }
            _ => (root.join(link), &victim),
        };
        symlink(to, &at).expect("a link");
        match Writer::resume(&root, started()) {
            Err(WriteError::Link(named)) => assert_eq!(named, at),
            other => panic!("{link}: {other:?}"),
        }
        assert_eq!(fs::read_to_string(&victim).expect("a file"), "precious", "{link}");
    }
    // One that comes while it is written to is not followed either.
    let root = dir.path().join("later");
    let writer = Writer::create(&root, started()).expect("a new bundle");
    symlink(&outside, root.join("worker-1")).expect("a link");
    symlink(&victim, root.join("manifest.json.part")).expect("a link");
    assert!(matches!(
        writer.part(&slot(1, "heap"), "heap.pb.gz"),
        Err(WriteError::Link(_))
    ));
    writer.finish(Finished::default()).expect("a summary");
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "precious");
    assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 0);
}

#[test]
fn what_a_resumption_puts_aside_is_known() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    bundle(&root);
    let heap = "worker-1/run-1/0001-20261124T023810Z/heap.pb.gz";
    fs::write(root.join(heap), b"tampered").expect("room");
    let (writer, _) = Writer::resume(&root, started()).expect("resumes");
    for (number, artifact) in [(3, "heap"), (3, "goroutine")] {
        take(&writer, &slot(number, artifact), &fixture(&names::file_of(artifact))).expect("room");
    }
    writer.finish(Finished::default()).expect("room");
    drop(writer);
    let verify = || {
        let contents =
            kubeprof::bundle::Contents::folder(&root, kubeprof::pprof::Limit::Proportional).expect("a folder");
        kubeprof::bundle::verify::verify(&contents, kubeprof::pprof::Limit::Proportional).expect("a bundle")
    };
    let v = verify();
    assert_eq!(v.verdict, kubeprof::bundle::verify::Verdict::Whole, "{v:#?}");
    assert!(v.notes.iter().any(|n| n.contains("heap.pb.gz.damaged-1")), "{v:#?}");
    // A file of that name that nobody put aside is one too many.
    fs::write(root.join(format!("{heap}.damaged-2")), b"x").expect("room");
    assert_eq!(verify().findings.len(), 1);
    fs::write(root.join(format!("{heap}.damaged-1")), b"other").expect("room");
    assert_eq!(verify().findings.len(), 2);
}

#[test]
fn a_bundle_is_for_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("new/b");
    bundle(&root);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    for folder in ["", "worker-1", "worker-1/run-1/0001-20261124T023810Z"] {
        assert_eq!(mode(&root.join(folder)), 0o700, "{folder}");
    }
    for file in files(&root) {
        assert_eq!(mode(&root.join(&file)), 0o600, "{file}");
    }
}

/// What turns out to be of another process goes with a line that says why; a kill between both leaves nothing that lies.
#[test]
fn what_is_withdrawn_is_gone_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("b");
    let writer = Writer::create(&root, started()).expect("a bundle");
    take(&writer, &slot(1, "heap"), &fixture("heap.pb.gz")).expect("a heap profile");
    let artifact = writer.has(&slot(1, "heap")).expect("it is there");
    let path = root.join(&artifact.path);
    let bytes = fs::read(&path).expect("a file");
    writer
        .withdraw(&slot(1, "heap"), Who::Kubeprof, Cause::Restarted)
        .expect("withdrawn");
    assert!(writer.has(&slot(1, "heap")).is_none() && !path.exists());
    writer.finish(Finished::default()).expect("room");
    drop(writer);
    let journal = fs::read(root.join(JOURNAL)).expect("a journal");
    let record = Record::of_journal(&journal);
    let lack = record.lacks().next().expect("a line");
    assert!(
        lack.skipped && lack.missing.withdrawn && lack.missing.cause == Cause::Restarted,
        "{lack:#?}"
    );
    // As if killed between the line and the file.
    fs::write(&path, bytes).expect("room");
    let (writer, mended) = Writer::resume(&root, started()).expect("a bundle");
    assert_eq!(mended.removed, [artifact.path]);
    assert!(!path.exists() && writer.has(&slot(1, "heap")).is_none());
}

/// Names that a file of a bundle cannot have, of artifacts and of executables.
#[test]
fn names_that_no_file_may_have() {
    let dir = tempfile::tempdir().expect("a folder");
    let writer = Writer::create(&dir.path().join("b"), started()).expect("a new bundle");
    let is_name = |result: Result<_, WriteError>| matches!(result.map(drop), Err(WriteError::Name(_)));
    for name in ["", "..", "a/b", "x.part", ".x", "x\0"] {
        assert!(is_name(writer.part(&slot(1, "heap"), name)), "{name:?}");
        assert!(is_name(writer.binary_part(name, "kubelet")), "{name:?}");
        assert!(is_name(writer.binary_part("aa", name)), "{name:?}");
    }
    assert!(writer.part(&slot(1, "heap"), "heap.pb.gz").is_ok());
    assert!(writer.binary_part("aa", "kubelet").is_ok());
}

/// A part knows its bytes and the first of them; an executable is filed with its path, size and hash, and one that is dropped
/// leaves no folder.
#[test]
fn parts_and_executables() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    let writer = Writer::create(&root, started()).expect("a new bundle");
    let mut part = writer.binary_part("aa", "kubelet").expect("a part");
    let bytes: Vec<u8> = (0..5000_u32).map(|n| n as u8).collect();
    part.write_all(&bytes[..3]).expect("room");
    assert_eq!((part.bytes(), part.head()), (3, &bytes[..3]));
    part.write_all(&bytes[3..]).expect("room");
    assert_eq!((part.bytes(), part.head()), (5000, &bytes[..4096]));
    // While it is on its way, another one is refused.
    assert!(matches!(
        writer.binary_part("aa", "kubelet"),
        Err(WriteError::Exists(_))
    ));
    let given = Binary {
        build_id: "aa".to_owned(),
        ..Binary::default()
    };
    let kept = writer.keep_binary(part, given).expect("room");
    let hash: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        (kept.path.as_str(), kept.bytes, kept.sha256.as_str()),
        ("binaries/aa/kubelet", 5000, hash.as_str())
    );
    assert_eq!(kept.build_id, "aa");
    assert_eq!(fs::read(root.join(&kept.path)).expect("a file"), bytes);
    assert_eq!(writer.record().binaries, std::slice::from_ref(&kept));
    assert_eq!(writer.root(), root);
    drop(writer.binary_part("bb", "kubelet").expect("a part"));
    assert!(!root.join("binaries/bb").exists() && root.join("binaries/aa").exists());
    drop(writer.part(&slot(1, "heap"), "heap.pb.gz").expect("a part"));
    assert!(root.join("worker-1/run-1").exists());
    // An executable that is gone is forgotten by a resumption, another is not.
    drop(writer);
    let (writer, mended) = Writer::resume(&root, started()).expect("a bundle");
    assert_eq!(
        (writer.record().binaries, mended.gone),
        (vec![kept.clone()], Vec::new())
    );
    drop(writer);
    fs::remove_file(root.join(&kept.path)).expect("removed");
    let (writer, mended) = Writer::resume(&root, started()).expect("a bundle");
    assert_eq!((writer.record().binaries, mended.gone), (Vec::new(), vec![kept.path]));
}

/// A snapshot that an earlier capture began is over, and one has one time.
#[test]
fn snapshots_that_are_over() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    let writer = Writer::create(&root, started()).expect("a new bundle");
    take(&writer, &slot(2, "heap"), &fixture("heap.pb.gz")).expect("a heap profile");
    let is_over = |writer: &Writer, slot: &Slot| {
        let part = writer.part(slot, "goroutine.pb.gz");
        matches!(part.map(drop), Err(WriteError::Over { number, .. }) if Some(number) == slot.snapshot.map(|s| s.number))
    };
    let other = |change: fn(&mut Slot)| {
        let mut slot = slot(2, "goroutine");
        change(&mut slot);
        slot
    };
    let late = slot_at(2, "goroutine", "2026-11-24T02:38:21Z");
    assert!(!is_over(&writer, &slot(2, "goroutine")));
    assert!(is_over(&writer, &late), "it began at another time");
    assert!(!is_over(&writer, &Slot { run: 2, ..late.clone() }));
    assert!(!is_over(
        &writer,
        &Slot {
            node: "worker-2".to_owned(),
            ..late
        }
    ));
    assert!(!is_over(&writer, &slot(1, "goroutine")));
    drop(writer);
    let (writer, _) = Writer::resume(&root, started()).expect("a bundle");
    for (number, over) in [(1, true), (2, true), (3, false)] {
        assert_eq!(is_over(&writer, &slot(number, "goroutine")), over, "{number}");
    }
    assert!(!is_over(&writer, &other(|s| s.node = "worker-2".to_owned())));
    assert!(!is_over(&writer, &other(|s| s.snapshot = None)));
}

/// The object of a node is that of the node that was asked; other documents may name whom they like.
#[test]
fn the_object_of_another_node_is_not_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let writer = Writer::create(&dir.path().join("b"), started()).expect("a new bundle");
    let object = |name: &str| format!("{{\"metadata\":{{\"name\":\"{name}\"}}}}").into_bytes();
    let error = take(&writer, &slot(1, "node"), &object("worker-2")).expect_err("another node");
    assert!(matches!(&error, KeepError::NotWhole { bytes: 32, .. }), "{error:?}");
    assert!(error.to_string().contains("worker-2"), "{error}");
    take(&writer, &slot(1, "node"), &object("worker-1")).expect("the node");
    take(&writer, &slot(1, "pod"), &object("worker-2")).expect("another document");
}

/// The journal tells what became of a file that is gone, and when each line was written, to the millisecond.
#[test]
fn lines_of_the_journal_tell_who_and_when() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    let before = kubeprof::bundle::now();
    let writer = Writer::create(&root, started()).expect("a new bundle");
    take(&writer, &slot(1, "heap"), &fixture("heap.pb.gz")).expect("a heap profile");
    let artifact = writer.has(&slot(1, "heap")).expect("an artifact");
    assert_eq!(writer.has(&slot(1, "goroutine")), None);
    drop(writer);
    fs::remove_file(root.join(&artifact.path)).expect("removed");
    let (writer, mended) = Writer::resume(&root, started()).expect("a bundle");
    assert_eq!(mended.gone, [artifact.path]);
    assert_eq!(writer.has(&slot(1, "heap")), None);
    let record = writer.record();
    let missing = &record.lacks().next().expect("told").missing;
    assert_eq!(missing.slot, slot(1, "heap"));
    assert_eq!(
        (missing.who, missing.cause, missing.withdrawn),
        (Who::Disk, Cause::FileGone, true)
    );
    assert_eq!((record.resumed, record.journal.lines), (1, 4));
    let after = kubeprof::bundle::now();
    let journal = fs::read_to_string(root.join(JOURNAL)).expect("a journal");
    assert_eq!(
        journal.len() as u64,
        Record::of_journal(journal.as_bytes()).journal.bytes
    );
    for line in journal.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let at: jiff::Timestamp = line["at"].as_str().expect("a time").parse().expect("a time");
        assert!(
            before <= at && at <= after && at.subsec_nanosecond() % 1_000_000 == 0,
            "{at}"
        );
    }
}

/// What is no bundle, one of a later format, and one that another capture writes to.
#[test]
fn what_cannot_be_resumed() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    let resumed = || Writer::resume(&root, started()).map(drop);
    assert!(matches!(resumed(), Err(WriteError::NoBundle(_))));
    fs::create_dir(&root).expect("room");
    assert!(matches!(resumed(), Err(WriteError::NoBundle(_))));
    let writer = Writer::create(&root, started()).expect("a new bundle");
    assert!(matches!(resumed(), Err(WriteError::Busy(_))));
    drop(writer);
    assert!(matches!(Writer::create(&root, started()), Err(WriteError::Exists(_))));
    let journal = fs::read_to_string(root.join(JOURNAL)).expect("a journal");
    for (schema, later) in [(1, false), (2, false), (3, true), (99, true)] {
        fs::write(
            root.join(JOURNAL),
            journal.replace("\"schema\":1", &format!("\"schema\":{schema}")),
        )
        .expect("room");
        let found = matches!(resumed(), Err(WriteError::Later { found, .. }) if found == schema);
        assert_eq!(found, later, "{schema}");
    }
    // A folder where the journal should be is none.
    fs::remove_file(root.join(JOURNAL)).expect("removed");
    fs::create_dir(root.join(JOURNAL)).expect("room");
    assert!(matches!(resumed(), Err(WriteError::Link(_))));
}

/// What to do about each error.
#[test]
fn hints_of_the_writer() {
    let (path, io) = (PathBuf::from("x"), |kind: std::io::ErrorKind| kind.into());
    let of = |kind| WriteError::Io {
        path: PathBuf::from("x"),
        cause: io(kind),
    };
    let over = WriteError::Over {
        node: "n".to_owned(),
        number: 1,
    };
    let later = WriteError::Later {
        path: path.clone(),
        found: 9,
    };
    for (error, hint) in [
        (of(std::io::ErrorKind::StorageFull), Some("the disk is full")),
        (of(std::io::ErrorKind::QuotaExceeded), Some("the disk is full")),
        (of(std::io::ErrorKind::NotFound), None),
        (WriteError::Exists(path.clone()), Some("resume it")),
        (WriteError::Taken(path.clone()), Some("name another folder")),
        (WriteError::Link(path.clone()), Some("check where it points")),
        (WriteError::NoBundle(path.clone()), Some("name the folder")),
        (later, Some("use the version")),
        (WriteError::Busy(path), Some("wait for it")),
        (over, Some("further artifacts")),
        (WriteError::Name("x".to_owned()), Some("letters, digits")),
    ] {
        let found = error.hint();
        assert_eq!(found.is_some(), hint.is_some(), "{error}");
        assert!(
            found.unwrap_or_default().starts_with(hint.unwrap_or_default()),
            "{error}"
        );
    }
}
