//! Verification through the library: bundles whose journals are written line by line, so that each check has a row for what
//! it passes and what it finds. Only what is said is compared, in the order in which it is said.

use std::fs;
use std::path::{Path, PathBuf};

use kubeprof::bundle::facts::{Expect, examine};
use kubeprof::bundle::manifest::{Facts, JOURNAL, SUMMARY};
use kubeprof::bundle::verify::{Absence, Analysis, Flaw, Gap, Goal, Material, Verification, verify};
use kubeprof::bundle::{Contents, Record};
use kubeprof::model::{Mapping, ValueType};
use kubeprof::pprof::{Compression, Limit, encode_gzip};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cli::made_profile::{Made, profile};

/// A bundle that is being made up.
struct Bundle {
    dir: tempfile::TempDir,
    lines: Vec<Value>,
}

const NODE: &str = "n1";

/// Seconds of one minute, as a time.
fn at(second: u32) -> String {
    format!("2026-11-24T02:38:{second:02}Z")
}

impl Bundle {
    /// Two snapshots of one node were asked for, each with `a`; and once `o`.
    fn new() -> Self {
        Self::asked(json!({"nodes": [NODE], "every": ["a"], "once": ["o"], "snapshots": 2}))
    }

    fn asked(asked: Value) -> Self {
        let mut bundle = Self {
            dir: tempfile::tempdir().expect("a folder"),
            lines: Vec::new(),
        };
        bundle.line(json!({"event": "started", "schema": 2, "tool": "test", "asked": asked}));
        bundle
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn line(&mut self, mut line: Value) {
        line["at"] = json!(at(0));
        self.lines.push(line);
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("room");
        fs::write(path, bytes).expect("room");
    }

    /// An artifact of a snapshot (0: of none) with these facts; its path.
    fn artifact(&mut self, run: u32, snapshot: u32, artifact: &str, bytes: &[u8], facts: Value) -> String {
        let path = format!("{NODE}/run-{run}/{snapshot}/{artifact}");
        self.write(&path, bytes);
        let mut line = json!({"event": "artifact", "node": NODE, "run": run, "artifact": artifact, "path": path,
            "bytes": bytes.len(), "sha256": sha256(bytes), "facts": facts});
        if snapshot > 0 {
            line["snapshot"] = json!({"number": snapshot, "taken": at(snapshot)});
        }
        self.line(line);
        path
    }

    /// A text of a snapshot.
    fn text(&mut self, run: u32, snapshot: u32, artifact: &str) -> String {
        self.artifact(run, snapshot, artifact, b"text", json!({"form": "text"}))
    }

    fn profile(&mut self, run: u32, snapshot: u32, build_id: &str, samples: usize) -> String {
        let (bytes, facts) = made(build_id, samples);
        self.artifact(run, snapshot, "heap", &bytes, facts)
    }

    /// `failed` or `skipped`.
    fn missing(&mut self, event: &str, run: u32, snapshot: u32, artifact: &str) {
        let mut line = json!({"event": event, "node": NODE, "run": run, "artifact": artifact, "who": "kubelet"});
        if snapshot > 0 {
            line["snapshot"] = json!({"number": snapshot, "taken": at(snapshot)});
        }
        self.line(line);
    }

    fn ended(&mut self, run: u32, snapshot: u32) {
        let id = json!({"number": snapshot, "taken": at(snapshot)});
        self.line(json!({"event": "snapshot", "node": NODE, "run": run, "snapshot": id}));
    }

    fn finished(&mut self) {
        self.line(json!({"event": "finished"}));
    }

    /// A whole bundle of what [`Bundle::new`] asks for.
    fn whole() -> Self {
        let mut b = Self::new();
        b.text(1, 0, "o");
        for snapshot in [1, 2] {
            b.text(1, snapshot, "a");
            b.ended(1, snapshot);
        }
        b.finished();
        b
    }

    fn journal(&self) -> Vec<u8> {
        self.lines
            .iter()
            .flat_map(|line| format!("{line}\n").into_bytes())
            .collect()
    }

    /// Writes the journal and its summary, and says what verification says.
    fn said(&self) -> Vec<String> {
        self.written(&self.journal());
        self.says()
    }

    fn written(&self, journal: &[u8]) {
        self.write(JOURNAL, journal);
        self.write(SUMMARY, &summary(journal));
    }

    fn verified(&self) -> Verification {
        let contents = Contents::folder(self.root(), Limit::Proportional).expect("a folder");
        verify(&contents, Limit::Proportional).expect("a journal")
    }

    /// What verification says of what is there.
    fn says(&self) -> Vec<String> {
        said(&self.verified())
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn summary(journal: &[u8]) -> Vec<u8> {
    serde_json::to_vec_pretty(&Record::of_journal(journal)).expect("JSON")
}

/// Everything that a verification says but what nodes, build IDs and analyses there are, a line each.
fn said(v: &Verification) -> Vec<String> {
    let mut said = vec![format!("{:?}: {} files, {} bytes", v.verdict, v.intact, v.intact_bytes)];
    said.extend(
        v.findings
            .iter()
            .map(|f| format!("{} {}: {}", f.what.as_str(), f.path, f.detail)),
    );
    let gap = |word: &str, gap: &Gap| {
        let why = match &gap.why {
            Absence::Told(missing) => format!("Told {:?}", missing.who),
            Absence::Early(_) => "Early".to_owned(),
            why => format!("{why:?}"),
        };
        let made_up = if gap.made_up { ", made up" } else { "" };
        let place = format!("{}/{}/{:?}", gap.node, gap.run, gap.snapshot);
        format!("{word} {place} {:?}: {why}{made_up}", gap.what)
    };
    said.extend(v.lacks.iter().map(|g| gap("lacks", g)));
    said.extend(v.skipped.iter().map(|g| gap("skipped", g)));
    said.extend(v.notes.iter().map(|n| format!("note {n}")));
    said
}

/// A heap profile of one sample type, and its facts.
fn made(build_id: &str, samples: usize) -> (Vec<u8>, Value) {
    let one = Made {
        stack: &["f"],
        values: &[7],
        texts: &[],
        numbers: &[],
    };
    let stacks: Vec<Made<'_>> = (0..samples).map(|_| Made { ..one }).collect();
    let mut p = profile(&[("inuse_space", "bytes")], &stacks);
    let mapping = Mapping {
        id: 1,
        file: p.strings.intern("/kubelet"),
        build_id: p.strings.intern(build_id),
        ..Mapping::default()
    };
    p.mappings.push(mapping);
    p.period_type = Some(ValueType {
        kind: p.strings.intern("space"),
        unit: p.strings.intern("bytes"),
    });
    (p.time_nanos, p.duration_nanos, p.period) = (5, 6, 512);
    let mut bytes = Vec::new();
    encode_gzip(&p, &mut bytes, Compression::suiting(&p)).expect("memory");
    let facts = examine(&bytes, Expect::Profile(None), Limit::Proportional).expect("a profile");
    (bytes, serde_json::to_value(facts).expect("JSON"))
}

const WHOLE: &str = "Whole: 3 files, 12 bytes";

#[test]
fn a_whole_bundle_says_nothing() {
    let b = Bundle::whole();
    assert_eq!(b.said(), [WHOLE]);
    let v = b.verified();
    assert_eq!((v.nodes.len(), v.build_ids.len()), (1, 0));
    let node = &v.nodes[0];
    assert_eq!((node.node.as_str(), node.asked, node.ended), (NODE, 2, 2));
    let run = &node.runs[0];
    assert_eq!((run.run, run.snapshots, run.artifacts), (1, 2, 3));
    // No journal is no bundle.
    fs::remove_file(b.path(JOURNAL)).expect("removed");
    let contents = Contents::folder(b.root(), Limit::Proportional).expect("a folder");
    assert!(verify(&contents, Limit::Proportional).is_none());
}

#[test]
fn bytes_of_files() {
    const PATH: &str = "n1/run-1/2/a";
    let hash = |bytes: &[u8]| sha256(bytes)[..16].to_owned();
    let partial = "2 files, 8 bytes";
    let said = |change: &dyn Fn(&Bundle)| {
        let b = Bundle::whole();
        b.written(&b.journal());
        change(&b);
        b.says()
    };
    let text = hash(b"text");
    for (bytes, detail) in [
        (&b"tex"[..], "truncated n1/run-1/2/a: 3 of 4 bytes".to_owned()),
        (b"", "truncated n1/run-1/2/a: 0 of 4 bytes".to_owned()),
        (
            b"tExt",
            format!(
                "tampered n1/run-1/2/a: SHA-256 {}..., {text}... was taken",
                hash(b"tExt")
            ),
        ),
        (
            b"texts",
            format!(
                "tampered n1/run-1/2/a: SHA-256 {}..., {text}... was taken",
                hash(b"texts")
            ),
        ),
    ] {
        let found = said(&|b| b.write(PATH, bytes));
        assert_eq!(found, [format!("Findings: {partial}"), detail]);
    }
    let gone = "missing n1/run-1/2/a: the manifest lists it and it is not there";
    let rest = "note n1/run-1/2/a.part: the rest of an artifact that never came to its end";
    let remove = |b: &Bundle| fs::remove_file(b.path(PATH)).expect("removed");
    assert_eq!(said(&remove), [&format!("Findings: {partial}"), gone]);
    // A kill between the line and the name: the file is whole and only lacks its name.
    for (bytes, is_whole) in [
        (&b"text"[..], true),
        (b"tExt", false),
        (b"tex", false),
        (b"texts", false),
    ] {
        let found = said(&|b| {
            remove(b);
            b.write("n1/run-1/2/a.part", bytes);
        });
        if is_whole {
            let lacks = "lacks /0/None File(\"n1/run-1/2/a\"): Unnamed";
            assert_eq!(found, [&format!("Partial: {partial}"), lacks, rest]);
        } else {
            assert_eq!(found, [&format!("Findings: {partial}"), gone, rest]);
        }
    }
    // A size that the manifest forges, of bytes with the right hash.
    let mut b = Bundle::whole();
    b.lines[4]["bytes"] = json!(3);
    let found = b.said();
    assert_eq!(
        found[1],
        format!("tampered n1/run-1/2/a: SHA-256 {text}..., {text}... was taken")
    );
    b.lines[4]["bytes"] = json!(5);
    assert_eq!(b.said()[1], "truncated n1/run-1/2/a: 4 of 5 bytes");
    // Executables are files, too.
    let mut b = Bundle::whole();
    b.write("binaries/aa/kubelet", b"ELF");
    let line = json!({"event": "binary", "path": "binaries/aa/kubelet", "build_id": "", "bytes": 3,
        "sha256": sha256(b"ELF")});
    b.lines.pop();
    b.line(line);
    b.finished();
    assert_eq!(b.said(), ["Whole: 4 files, 15 bytes"]);
    b.write("binaries/aa/kubelet", b"elf");
    assert_eq!(b.said()[0], format!("Findings: {}", &WHOLE[7..]));
}

#[test]
fn files_that_no_line_names() {
    let said = |path: &str, bytes: &[u8]| {
        let b = Bundle::whole();
        b.write(path, bytes);
        b.said()
    };
    for path in [
        "notes.txt",
        "manifest.json.gz",
        "n1/run-1/2/b",
        "n1/manifest.json",
        "n1/manifest.jsonl",
    ] {
        let extra = format!("extra {path}: the manifest does not name it");
        assert_eq!(said(path, b"x"), ["Findings: 3 files, 12 bytes", &extra], "{path}");
    }
    for path in ["n1/run-1/2/a.part", "n1/run-1/2/b.part"] {
        let rest = format!("note {path}: the rest of an artifact that never came to its end");
        assert_eq!(said(path, b"x"), [WHOLE, &rest], "{path}");
    }
    // What a resumption put aside is told, unless it was changed since.
    let mut b = Bundle::whole();
    let aside = "n1/run-1/2/a.damaged-1";
    b.lines.insert(
        5,
        json!({"event": "aside", "at": at(0), "path": aside, "bytes": 1, "sha256": sha256(b"x")}),
    );
    b.write(aside, b"x");
    let told = format!("note {aside}: other bytes than were taken; a resumption put it aside, it may be removed");
    assert_eq!(b.said(), [WHOLE, &told]);
    b.write(aside, b"y");
    let changed = format!("tampered {aside}: it is not what a resumption put aside");
    assert_eq!(b.said(), ["Findings: 3 files, 12 bytes", &changed]);
}

#[test]
fn the_journal_and_its_summary() {
    let b = Bundle::whole();
    let journal = b.journal();
    let lines = |range: std::ops::Range<usize>| -> Vec<u8> {
        let part = &b.lines[range];
        part.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    };
    let says = |journal: &[u8], summary: &[u8]| {
        b.write(JOURNAL, journal);
        b.write(SUMMARY, summary);
        b.says()
    };
    let same = |journal: &[u8]| says(journal, &summary(journal));
    let whole = WHOLE.replace("Whole", "Findings");
    // Other formats, and lines that cannot be read or came later.
    for (schema, expected) in [(1, WHOLE), (2, WHOLE), (3, whole.as_str()), (99, whole.as_str())] {
        let text = String::from_utf8(journal.clone()).expect("UTF-8");
        let found = same(text.replace("\"schema\":2", &format!("\"schema\":{schema}")).as_bytes());
        assert_eq!(found[0], expected, "{schema}");
        let finding = format!("manifest manifest.jsonl: format {schema} is not known");
        assert_eq!(found.get(1), (schema > 2).then_some(&finding), "{schema}");
    }
    let odd = [
        &lines(0..2)[..],
        b"zq\n",
        b"{\"at\":\"2026-11-24T02:38:00Z\",\"event\":\"later\"}\n",
        &lines(2..7),
    ]
    .concat();
    assert_eq!(
        same(&odd),
        [
            &whole,
            "manifest manifest.jsonl: line 3 cannot be read",
            "note 1 lines of manifest.jsonl are of a later version"
        ]
    );
    let torn = [&journal[..], b"{\"at\""].concat();
    let cut = "lacks /0/None File(\"manifest.jsonl\"): LineCut";
    assert_eq!(same(&torn), [&WHOLE.replace("Whole", "Partial"), cut]);
    // An empty journal is one that was not begun; one of damaged lines only is damaged.
    assert!(same(b"").contains(&"lacks /0/None File(\"manifest.jsonl\"): NotBegun".to_owned()));
    let damaged = same(b"zq\n");
    assert!(
        damaged.contains(&"manifest manifest.jsonl: format 0 is not known".to_owned()),
        "{damaged:?}"
    );
    assert!(!damaged.iter().any(|l| l.contains("NotBegun")));
    // The summary: none, one that cannot be read, one of an earlier journal, one of another, one with other artifacts.
    let partial = WHOLE.replace("Whole", "Partial");
    fs::remove_file(b.path(SUMMARY)).expect("removed");
    b.write(JOURNAL, &journal);
    assert_eq!(b.says(), [&partial, "lacks /0/None File(\"manifest.json\"): NotEnded"]);
    let found = says(&journal, b"{");
    assert!(
        found[0] == whole && found[1].starts_with("tampered manifest.json: it cannot be read"),
        "{found:?}"
    );
    for before in 1..7 {
        let old = "lacks /0/None File(\"manifest.json\"): SummaryOld";
        assert_eq!(says(&journal, &summary(&lines(0..before))), [&partial, old], "{before}");
    }
    let another = "tampered manifest.json: it is of another manifest.jsonl";
    assert_eq!(
        says(&journal, &summary(&[&journal[..], &lines(6..7)].concat())),
        [&whole, another]
    );
    assert_eq!(says(&journal, &summary(&lines(1..7))), [&whole, another]);
    let text = String::from_utf8(summary(&journal)).expect("UTF-8");
    let forged = text.replace("n1/run-1/2/a", "n1/run-1/2/b");
    let artifacts = "tampered manifest.json: it has other artifacts than manifest.jsonl";
    assert_eq!(says(&journal, forged.as_bytes()), [&whole, artifacts]);
    // A capture that says that it ended early.
    let early = [
        &lines(0..6)[..],
        b"{\"at\":\"2026-11-24T02:38:00Z\",\"event\":\"finished\",\"interrupted\":\"zq\"}\n",
    ]
    .concat();
    assert_eq!(same(&early), [&partial, "lacks /0/None Capture: Early"]);
}

/// What the bytes are, against what the manifest says that they are.
#[test]
fn what_files_decode_to() {
    let said = |artifact: &str, bytes: &[u8], facts: &Value| {
        let mut b = Bundle::asked(json!({}));
        b.artifact(1, 1, artifact, bytes, facts.clone());
        b.finished();
        let found = b.said();
        assert_eq!(found[0].starts_with("Whole: 1 files"), found.len() == 1, "{found:?}");
        found
            .get(1)
            .map(|f| f.replace(&format!("facts n1/run-1/1/{artifact}: "), ""))
    };
    let form = |form: &str| json!({"form": form});
    let metrics = b"process_start_time_seconds 1.5\nkubernetes_build_info{git_version=\"v1\",go_version=\"go1\"} 1\n";
    let told = |start: f64| json!({"form": "text", "process_start_time": start});
    for (artifact, bytes, facts, expected) in [
        ("x", &b"{}"[..], form("json"), ""),
        ("x", b"zq", form("json"), "does not decode: "),
        ("x", b"zq", form("text"), ""),
        ("x", b"\xff", form("text"), ""),
        ("x", b"zq", form("other"), ""),
        ("x", b"go 1.26 trace\0\0\0", form("trace"), ""),
        ("x", b"zq", form("trace"), "does not decode: "),
        ("metrics", metrics, form("text"), ""),
        ("metrics", b"\xff", form("text"), "does not decode: "),
        ("metrics.1", b"\xff", form("text"), "does not decode: "),
        ("x", metrics, told(1.5), ""),
        ("x", b"\xff", told(1.5), "does not decode: "),
        // A float out of JSON may be off in its last digits.
        ("x", metrics, told(1.500_9), ""),
        ("x", metrics, told(1.499_1), ""),
        (
            "x",
            metrics,
            told(1.501_1),
            "the start of the process is 1.5; the manifest says 1.5011",
        ),
        (
            "x",
            metrics,
            told(1.498_9),
            "the start of the process is 1.5; the manifest says 1.4989",
        ),
        (
            "x",
            metrics,
            told(-1.5),
            "the start of the process is 1.5; the manifest says -1.5",
        ),
        (
            "metrics",
            b"a 1\n",
            told(1.5),
            "the start of the process is none; the manifest says 1.5",
        ),
        (
            "metrics",
            metrics,
            json!({"form": "text", "go_version": "go2"}),
            "the Go version is go1; the manifest says go2",
        ),
        (
            "metrics",
            metrics,
            json!({"form": "text", "kubernetes_version": "v2"}),
            "the Kubernetes version is v1; the manifest says v2",
        ),
        ("heap", b"zq", form("proto"), "does not decode: "),
        ("heap", b"zq", form("debug1"), "does not decode: "),
        ("heap", b"zq", form("debug2"), "does not decode: "),
        ("heap", b"zq", form("legacy"), "does not decode: "),
    ] {
        let found = said(artifact, bytes, &facts);
        let fits = if expected.is_empty() {
            found.is_none()
        } else {
            found.as_ref().is_some_and(|f| f.starts_with(expected))
        };
        assert!(fits, "{artifact} {} {facts}: {found:?}", bytes.escape_ascii());
    }
    // One fact of a profile after the other; what an earlier version did not tell is not compared.
    let (bytes, facts) = made("aa", 2);
    assert_eq!(said("heap", &bytes, &facts), None);
    for (key, forged, expected) in [
        (
            "kind",
            json!("cpu"),
            "it is heap of 2 samples; the manifest says cpu of 2 samples",
        ),
        (
            "samples",
            json!(3),
            "it is heap of 2 samples; the manifest says heap of 3 samples",
        ),
        (
            "build_id",
            json!("bb"),
            "it is heap of 2 samples; the manifest says heap of 2 samples",
        ),
        (
            "totals",
            json!([{"type": "inuse_space", "unit": "bytes", "value": 15}]),
            "it is heap of 2 samples; the manifest says heap of 2 samples",
        ),
        (
            "time_nanos",
            json!(7),
            "the time of the profile is 5; the manifest says 7",
        ),
        ("duration_nanos", json!(7), "its duration is 6; the manifest says 7"),
        ("period", json!(7), "its period is 512; the manifest says 7"),
        ("time_nanos", Value::Null, ""),
        ("duration_nanos", Value::Null, ""),
        ("period", Value::Null, ""),
    ] {
        let mut facts = facts.clone();
        facts[key] = forged;
        let known: Facts = serde_json::from_value(facts.clone()).expect("facts");
        assert_ne!(serde_json::to_value(known).expect("JSON"), made("aa", 2).1, "{key}");
        assert_eq!(said("heap", &bytes, &facts).unwrap_or_default(), expected, "{key}");
    }
    // A dump that the server cut is told, and is what it is.
    let mut b = Bundle::asked(json!({}));
    b.artifact(
        1,
        1,
        "x",
        b"zq",
        json!({"form": "other", "truncated": true, "samples": 9}),
    );
    b.finished();
    let note = "note n1/run-1/1/x: the server cut it at its limit of 64 MiB: 9 goroutines are in it, the rest is not";
    assert_eq!(b.said(), ["Whole: 1 files, 2 bytes", note]);
}

/// Which artifacts and snapshots are missing, and which of them a later snapshot makes up for.
#[test]
fn what_a_series_lacks() {
    let lacks = |change: &dyn Fn(&mut Bundle)| {
        let mut b = Bundle::new();
        change(&mut b);
        b.finished();
        b.said().split_off(1)
    };
    let snapshot = |b: &mut Bundle, number: u32| {
        b.text(1, number, "a");
        b.ended(1, number);
    };
    let none: &[&str] = &[];
    assert_eq!(
        lacks(&|_| ()),
        ["lacks n1/0/None Node: NothingTaken"],
        "nothing of the node"
    );
    let not_reached = "lacks n1/0/None Artifact(\"o\"): NotReached";
    let ended = |missing| format!("lacks n1/0/None Snapshots {{ missing: {missing}, asked: 2 }}: SeriesEnded");
    assert_eq!(
        lacks(&|b| {
            b.text(1, 0, "o");
        }),
        [ended(2)]
    );
    assert_eq!(lacks(&|b| snapshot(b, 1)), [ended(1).as_str(), not_reached]);
    assert_eq!(
        lacks(&|b| {
            snapshot(b, 1);
            snapshot(b, 2);
        }),
        [not_reached]
    );
    // What is taken once may be told in a snapshot, and told means: there, or why not.
    let both = |b: &mut Bundle| {
        snapshot(b, 1);
        snapshot(b, 2);
    };
    for place in [0, 2] {
        assert_eq!(
            lacks(&|b| {
                both(b);
                b.text(1, place, "o");
            }),
            none
        );
        let mut expected = vec![format!(
            "skipped n1/1/{:?} Artifact(\"o\"): Told Kubelet",
            (place > 0).then_some(place)
        )];
        assert_eq!(
            lacks(&|b| {
                both(b);
                b.missing("skipped", 1, place, "o");
            }),
            expected
        );
        expected = vec![format!(
            "lacks n1/1/{:?} Artifact(\"o\"): Told Kubelet",
            (place > 0).then_some(place)
        )];
        assert_eq!(
            lacks(&|b| {
                both(b);
                b.missing("failed", 1, place, "o");
            }),
            expected
        );
    }
    // Of every snapshot: told, or not reached where the snapshot did not end.
    let with = |last: &dyn Fn(&mut Bundle)| {
        lacks(&|b| {
            b.text(1, 0, "o");
            snapshot(b, 1);
            last(b);
        })
    };
    let a = |number: u32, why: &str| format!("n1/1/Some({number}) Artifact(\"a\"): {why}");
    assert_eq!(
        with(&|b| {
            b.missing("failed", 1, 2, "a");
            b.ended(1, 2);
        }),
        [format!("lacks {}", a(2, "Told Kubelet"))]
    );
    assert_eq!(
        with(&|b| {
            b.missing("skipped", 1, 2, "a");
            b.ended(1, 2);
        }),
        [format!("skipped {}", a(2, "Told Kubelet"))]
    );
    assert_eq!(
        with(&|b| {
            b.text(1, 2, "x");
        }),
        [format!("lacks {}", a(2, "NotReached"))]
    );
    assert_eq!(
        with(&|b| {
            b.text(1, 2, "x");
            b.ended(1, 2);
        }),
        none,
        "a snapshot that ended has tried it"
    );
    assert_eq!(
        with(&|b| {
            b.text(1, 2, "a");
        }),
        none
    );
    // A third snapshot makes up for one; the latest stays missing where there are too few.
    let failed = |b: &mut Bundle, number: u32| {
        b.missing("failed", 1, number, "a");
        b.ended(1, number);
    };
    assert_eq!(
        with(&|b| {
            failed(b, 2);
            snapshot(b, 3);
        }),
        [format!("skipped {}, made up", a(2, "Told Kubelet"))]
    );
    assert_eq!(
        with(&|b| {
            failed(b, 2);
            failed(b, 3);
        }),
        [
            format!("lacks {}", a(3, "Told Kubelet")),
            format!("skipped {}, made up", a(2, "Told Kubelet"))
        ]
    );
    // What was not asked for of every snapshot is missing wherever it failed.
    assert_eq!(
        with(&|b| {
            snapshot(b, 2);
            b.missing("failed", 1, 1, "x");
            b.missing("failed", 1, 2, "x");
        }),
        [
            "lacks n1/1/Some(1) Artifact(\"x\"): Told Kubelet",
            "lacks n1/1/Some(2) Artifact(\"x\"): Told Kubelet"
        ]
    );
    // Nodes that nobody asked for in this bundle: what failed is told.
    let mut b = Bundle::asked(json!({"nodes": [], "every": ["a"], "snapshots": 2}));
    b.missing("failed", 1, 1, "a");
    b.missing("skipped", 1, 1, "x");
    b.missing("failed", 1, 0, "o");
    b.finished();
    assert_eq!(
        b.said().split_off(1),
        [
            "lacks n1/1/None Artifact(\"o\"): Told Kubelet",
            "lacks n1/1/Some(1) Artifact(\"a\"): Told Kubelet",
            "skipped n1/1/Some(1) Artifact(\"x\"): Told Kubelet",
        ]
    );
    // Asked in two captures that were merged: both count.
    let mut b = Bundle::new();
    let asked = json!({"nodes": [NODE, NODE], "every": [], "snapshots": 3});
    b.line(json!({"event": "started", "schema": 2, "tool": "test", "asked": asked}));
    b.text(1, 0, "o");
    b.text(1, 1, "a");
    b.finished();
    let v = {
        let said = b.said();
        assert!(
            said.contains(&"lacks n1/0/None Snapshots { missing: 4, asked: 5 }: SeriesEnded".to_owned()),
            "{said:?}"
        );
        b.verified()
    };
    assert_eq!((v.nodes[0].asked, v.nodes[0].ended), (5, 0));
}

/// A snapshot is late when it begins more than half a step after its time.
#[test]
fn snapshots_that_came_late() {
    let notes = |interval: u64, taken: &[(u32, u32)]| {
        let mut b = Bundle::asked(json!({"nodes": [NODE], "snapshots": 1, "interval_ms": interval}));
        for &(number, second) in taken {
            let id = json!({"number": number, "taken": at(second)});
            b.line(json!({"event": "snapshot", "node": NODE, "run": 1, "snapshot": id}));
        }
        b.finished();
        b.said().split_off(1)
    };
    let none: &[&str] = &[];
    assert_eq!(
        notes(10_000, &[(1, 0), (2, 10), (3, 25)]),
        none,
        "half a step is not late"
    );
    let late = |text: &str| [format!("note n1: snapshot {text} that were asked")];
    assert_eq!(
        notes(10_000, &[(1, 0), (2, 16), (3, 26)]),
        late("2 (16.0 s) began later after the one before than the 10.0 s")
    );
    assert_eq!(
        notes(10_000, &[(1, 0), (2, 16), (3, 40), (4, 59)]),
        late("2 (16.0 s) and 2 others began later after the one before than the 10.0 s")
    );
    // Between snapshots that do not follow each other nothing is known; with no step nothing is late.
    assert_eq!(notes(10_000, &[(1, 0), (3, 40)]), none);
    assert_eq!(notes(0, &[(1, 0), (2, 40)]), none);
    // A step of two captures is none.
    let mut b = Bundle::asked(json!({"nodes": [NODE], "interval_ms": 1000}));
    let asked = json!({"nodes": [NODE], "interval_ms": 1000});
    b.line(json!({"event": "started", "schema": 2, "tool": "test", "asked": asked}));
    b.ended(1, 1);
    b.ended(1, 9);
    b.finished();
    assert_eq!(b.said().split_off(1), none);
}

/// Which processes and which builds there are, and what mixes them.
#[test]
fn processes_and_builds() {
    // Start times of one process differ by a tenth of a second at most.
    for (second, mixed) in [
        (1.5, false),
        (1.59, false),
        (1.61, true),
        (1.41, false),
        (1.39, true),
        (-1.5, true),
    ] {
        let mut b = Bundle::asked(json!({}));
        for (snapshot, start) in [(1, 1.5), (2, second)] {
            let metrics = format!("process_start_time_seconds {start}\n");
            let facts = json!({"form": "text", "process_start_time": start});
            b.artifact(1, snapshot, "metrics", metrics.as_bytes(), facts);
        }
        b.finished();
        let said = b.said();
        let expected = "facts n1/run-1: metrics name 2 start times: two processes are mixed in one run";
        assert_eq!(said.get(1).map(String::as_str), mixed.then_some(expected), "{second}");
        assert_eq!(
            b.verified().nodes[0].runs[0].start_times_seen.len(),
            1 + usize::from(mixed)
        );
    }
    // Builds: a run has one, an executable belongs to one.
    let of = |profiles: &[(u32, &str, usize)], binaries: &[&str]| {
        let mut b = Bundle::asked(json!({}));
        for (n, &(run, id, samples)) in profiles.iter().enumerate() {
            b.profile(run, n as u32 + 1, id, samples);
        }
        for id in binaries {
            let path = format!("binaries/x{id}/kubelet");
            b.write(&path, b"ELF");
            b.line(json!({"event": "binary", "path": path, "build_id": id, "bytes": 3, "sha256": sha256(b"ELF")}));
        }
        b.finished();
        let said = b.said().split_off(1);
        let ids = b.verified().build_ids;
        let ids = ids.iter().map(|s| {
            let file = s.binary.as_deref().unwrap_or("none");
            format!("{} {} {file}", s.build_id, s.profiles)
        });
        (ids.collect::<Vec<_>>().join(", "), said)
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(
        of(&[(1, "aa", 1), (1, "aa", 2)], &[]),
        ("aa 2 none".to_owned(), none.clone())
    );
    assert_eq!(
        of(&[(1, "aa", 1)], &["aa"]),
        ("aa 1 binaries/xaa/kubelet".to_owned(), none.clone())
    );
    assert_eq!(
        of(&[(1, "bb", 1), (1, "aa", 1)], &["aa"]),
        (
            "aa 1 binaries/xaa/kubelet, bb 1 none".to_owned(),
            vec!["facts n1/run-1: profiles of 2 build IDs in one run".to_owned()]
        )
    );
    let other = "binary binaries/xcc/kubelet: no profile is of build ID cc".to_owned();
    assert_eq!(
        of(&[(1, "aa", 1)], &["aa", "cc"]),
        ("aa 1 binaries/xaa/kubelet".to_owned(), vec![other])
    );
    // What has no ID, or no samples, says nothing; nor does an executable without one, or one without any profile.
    assert_eq!(
        of(&[(1, "", 1), (1, "aa", 1)], &[""]),
        (" 1 none, aa 1 none".to_owned(), none.clone())
    );
    assert_eq!(of(&[(1, "aa", 0)], &["cc"]), (String::new(), none.clone()));
    assert_eq!(of(&[], &["cc"]), (String::new(), none));
    // Two processes of two builds are two series.
    let note = "note n1: 2 processes; profiles of different ones are not compared".to_owned();
    assert_eq!(
        of(&[(1, "aa", 1), (2, "bb", 1)], &[]),
        ("aa 1 none, bb 1 none".to_owned(), vec![note])
    );
}

/// Bytes that came after their snapshot was over, as an older kubeprof filed them.
#[test]
fn artifacts_that_came_late() {
    let mut b = Bundle::asked(json!({}));
    b.ended(1, 1);
    b.line(json!({"event": "started", "schema": 2, "tool": "test", "resumed": true, "asked": {}}));
    b.text(1, 1, "a");
    b.finished();
    let late = "order n1/run-1/1/a: it is filed under snapshot 1 of 2026-11-24T02:38:01Z and was taken later, when the \
                capture was resumed: it came at 2026-11-24T02:38:01Z; merging the bundle files it anew";
    assert_eq!(b.said(), ["Findings: 1 files, 4 bytes", late]);
}

#[test]
fn words_and_what_is_possible() {
    let words = [
        (Flaw::Tampered, "tampered"),
        (Flaw::Truncated, "truncated"),
        (Flaw::Missing, "missing"),
        (Flaw::Extra, "extra"),
        (Flaw::Facts, "facts"),
        (Flaw::Order, "order"),
        (Flaw::Manifest, "manifest"),
        (Flaw::Archive, "archive"),
        (Flaw::Binary, "binary"),
        (Flaw::Unreadable, "unreadable"),
    ];
    for (flaw, word) in words {
        assert_eq!(flaw.as_str(), word);
        assert_eq!(serde_json::to_value(flaw).expect("JSON"), word);
    }
    for (needs, has, possible) in [(1, 0, false), (1, 1, true), (5, 4, false), (5, 5, true), (5, 6, true)] {
        let analysis = Analysis {
            goal: Goal::MemoryTrend,
            of: Material::Heaps,
            needs,
            has,
        };
        assert_eq!(analysis.is_possible(), possible, "{needs} {has}");
    }
}
