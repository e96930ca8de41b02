//! `bundle redact` and `bundle merge`: copies of bundles that say the same with other names, or together.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use kubeprof::bundle::facts::Expect;
use kubeprof::bundle::manifest::{
    Asked, Event, Exchange, Finished, Missing, Process, RunStarted, Slot, SnapshotEnded, SnapshotId, Started, Who,
};
use kubeprof::bundle::{Writer, names};
use kubeprof::model::{Label, Profile, StringId};
use kubeprof::pprof::{Compression, Limit, encode_gzip, inflate, read};

use super::support::{fine, json, run};
use crate::bundle::made_bundle::{fixture, make};

/// What must not be in a redacted bundle.
const NAMES: [&str; 14] = [
    "worker-7",
    "alice",
    "10.1.2.3",
    "fd00::12",
    "hunter2",
    "eyJhbGciOiJSUzI1NiJ9",
    "s3cr3t",
    "tenant-42",
    "bob@example.org",
    "registry.corp.example",
    "api.corp.example",
    "pod-of-tenant",
    "0xdeadb00t",
    "a-very-secret-value",
];

/// A heap profile with names in its labels, comments and paths.
fn telling_profile() -> Vec<u8> {
    let mut p: Profile = read(fixture("ctx-leak-1.36.1/s01-heap.pb.gz"), Limit::Proportional, false)
        .expect("a profile")
        .profile;
    p.functions[3].filename = p.strings.intern("/home/alice/go/src/k8s.io/kubernetes/x.go");
    p.mappings[0].file = p.strings.intern("/home/alice/bin/kubelet");
    let comment = p.strings.intern("taken by bob@example.org on worker-7");
    p.comments.push(comment);
    let (key, text) = (p.strings.intern("tenant"), p.strings.intern("tenant-42"));
    let samples = std::mem::take(&mut p.samples);
    let mut labelled = kubeprof::model::Samples::new(samples.types());
    for i in 0..samples.len() {
        let mut labels = samples.labels(i).to_vec();
        if i % 3 == 0 {
            labels.push(Label::text(key, text));
        }
        labelled.push(samples.stack(i), samples.values(i), &labels);
    }
    p.samples = labelled;
    assert_ne!(text, StringId::EMPTY);
    let mut bytes = Vec::new();
    encode_gzip(&p, &mut bytes, Compression(1)).expect("gzip");
    bytes
}

fn telling_bundle(root: &Path) {
    let node = "worker-7".to_owned();
    let started = Started {
        schema: 1,
        tool: "kubeprof test".to_owned(),
        resumed: false,
        asked: Asked {
            nodes: vec![node.clone()],
            every: vec!["heap".to_owned()],
            once: vec!["metrics".to_owned()],
            snapshots: 1,
            server: "https://api.corp.example:6443".to_owned(),
            command: [
                "kubeprof",
                "capture",
                "worker-7",
                "--token",
                "hunter2",
                "--as=alice",
                "--direct",
                "10.1.2.3:10250",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..Asked::default()
        },
    };
    let writer = Writer::create(root, started).expect("a new bundle");
    let process = Process {
        boot_id: "0xdeadb00t".to_owned(),
        ..Process::default()
    };
    writer
        .append(Event::Run(RunStarted {
            node: node.clone(),
            run: 1,
            process,
        }))
        .expect("room");
    let id = SnapshotId {
        number: 1,
        taken: "2026-11-24T02:38:00Z".parse().expect("a time"),
    };
    let slot = |artifact: &str, snapshot| Slot {
        node: "worker-7".to_owned(),
        run: 1,
        snapshot,
        artifact: artifact.to_owned(),
    };
    let take = |artifact: &str, bytes: &[u8]| {
        let mut part = writer
            .part(&slot(artifact, Some(id)), &names::file_of(artifact))
            .expect("a part");
        part.write_all(bytes).expect("room");
        let exchange = Exchange {
            url: "https://alice:hunter2@10.1.2.3:6443/api/v1/nodes/worker-7/proxy/x".to_owned(),
            ..Exchange::default()
        };
        writer.keep(part, Expect::of(artifact), exchange).expect("it decodes");
    };
    take("heap", &telling_profile());
    let dump = String::from_utf8(fixture("ctx-leak-1.36.1/last-goroutine.debug2.txt.gz")).expect("text");
    let labelled = dump.replacen("]:\n", "]{\"tenant\": \"tenant-42\", node: worker-7}:\n", 3);
    assert_ne!(dump, labelled);
    take("goroutine.debug2", labelled.as_bytes());
    take(
        "metrics",
        b"# HELP x y\nx{le=\"0.5\",pod=\"pod-of-tenant\",node=\"worker-7\",host=\"10.1.2.3:6443\"} 7\n\
          process_start_time_seconds 1.7e+09\n",
    );
    take(
        "configz",
        br#"{"kubeletconfig":{"token":"a-very-secret-value","clusterDNS":["10.1.2.3"],"address":"fd00::12","maxPods":110}}"#,
    );
    take(
        "node",
        br#"{"metadata":{"name":"worker-7","labels":{"team":"tenant-42"}},"status":{"images":[{"names":["registry.corp.example/app@sha256:00"]}]}}"#,
    );
    take(
        "cmdline",
        b"kubelet\0--hostname-override=worker-7\0--bootstrap-token\0s3cr3t\0--node-ip=fd00::12\0",
    );
    take("trace", b"go 1.26 trace\0\0\0worker-7");
    let missing = Missing {
        slot: slot("cpu", Some(id)),
        who: Who::ApiServer,
        why: "nodes \"worker-7\" is forbidden: User \"alice\" cannot get resource".to_owned(),
        body: r#"{"message":"User \"alice\" token eyJhbGciOiJSUzI1NiJ9.e30.x, Bearer eyJhbGciOiJSUzI1NiJ9"}"#
            .to_owned(),
        ..Missing::default()
    };
    writer.append(Event::Failed(missing)).expect("room");
    writer
        .append(Event::Snapshot(SnapshotEnded {
            node,
            run: 1,
            snapshot: id,
        }))
        .expect("room");
    writer.finish(Finished::default()).expect("room");
}

/// Everything that is in the files of a folder, unpacked, with their paths.
fn all_text(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        text += &format!("{}\n", path.display());
        if path.is_dir() {
            text += &all_text(&path);
        } else {
            let bytes = fs::read(&path).expect("a file");
            text += &String::from_utf8_lossy(&inflate(&bytes, Limit::Proportional).expect("whole"));
        }
    }
    text
}

#[test]
fn nothing_is_left_of_names_and_every_number_stays() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    telling_bundle(&dir.path().join("b"));
    let before = all_text(&dir.path().join("b"));
    for name in NAMES {
        assert!(before.contains(name), "{name} is there to be hidden");
    }
    let answer = run(&["bundle", "redact", &at("b"), &at("r")]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stderr.contains("trace: left out"), "{}", answer.stderr);
    let after = all_text(&dir.path().join("r"));
    for name in NAMES {
        let around = after
            .find(name)
            .map(|i| after[i.saturating_sub(80)..].chars().take(200).collect::<String>());
        assert_eq!(around, None, "{name} is still there");
    }
    // Whole but for what failed in the original too; the numbers are the same.
    let verify = run(&["bundle", "verify", &at("r"), "-o", "json"]);
    assert_eq!(verify.code, 3, "{}", verify.stdout);
    for args in [vec!["--kind", "heap"], vec!["--kind", "goroutine"]] {
        let (b, r) = (at("b"), at("r"));
        let rows = |bundle: &str| json(&[vec!["top", bundle], args.clone()].concat())["rows"].clone();
        assert_eq!(rows(&b), rows(&r));
    }
    let tags = |bundle: &str| fine(&["tags", bundle, "--kind", "heap"]).lines().count();
    assert_eq!(
        tags(&at("b")),
        tags(&at("r")),
        "labels have pseudonyms, as many as names"
    );
    // Numbers and words that name nobody stay.
    for kept in [
        "le=\"0.5\"",
        "\"maxPods\": 110",
        "process_start_time_seconds",
        "k8s.io/kubernetes/pkg/kubelet",
    ] {
        assert!(after.contains(kept), "{kept}");
    }
    // The key turns them back, is for its owner only, and makes a second redaction the same.
    let key = fs::read_to_string(at("r.key.json")).expect("a key");
    assert!(
        key.contains("worker-7") && key.contains("tenant-42") && !key.contains("hunter2") && !key.contains("s3cr3t")
    );
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(
        fs::metadata(at("r.key.json")).expect("a key").permissions().mode() & 0o777,
        0o600
    );
    fine(&["bundle", "redact", &at("b"), &at("again"), "--key", &at("r.key.json")]);
    assert_eq!(all_text(&dir.path().join("again")).replace("/again", "/r"), after);
    fine(&["bundle", "redact", &at("b"), &at("other")]);
    assert_ne!(
        all_text(&dir.path().join("other")).replace("/other", "/r"),
        after,
        "another key, other pseudonyms"
    );
    let inside = run(&["bundle", "redact", &at("b"), &at("x"), "--key", &at("x/key.json")]);
    assert!(
        inside.code == 2 && inside.stderr.contains("the key would be in the bundle"),
        "{}",
        inside.stderr
    );
    let over = run(&["bundle", "redact", &at("b"), &at("r")]);
    assert!(
        over.code == 2 && over.stderr.contains("already exists"),
        "{}",
        over.stderr
    );
}

#[test]
fn a_merged_bundle_says_what_its_parts_say() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    make(&dir.path().join("a"));
    telling_bundle(&dir.path().join("b"));
    fine(&["bundle", "pack", &at("b"), &at("b.tar.zst")]);
    let answer = run(&["bundle", "merge", &at("a"), &at("b.tar.zst"), "--out", &at("m")]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let v = run(&["bundle", "verify", &at("m"), "-o", "json"]);
    let v: serde_json::Value = serde_json::from_str(&v.stdout).expect("JSON");
    assert_eq!(
        (v["verdict"].as_str(), v["intact"].as_u64()),
        (Some("partial"), Some(13 + 7)),
        "{v}"
    );
    assert_eq!(v["lacks"].as_array().map(Vec::len), Some(1), "{v}");
    for node in ["worker-1", "worker-2", "worker-7"] {
        let whole = json(&["top", &at("m"), "--node", node, "--kind", "heap"]);
        let part = if node == "worker-7" { at("b") } else { at("a") };
        assert_eq!(
            whole["rows"],
            json(&["top", &part, "--node", node, "--kind", "heap"])["rows"],
            "{node}"
        );
    }
    // A bundle and its copy are the bundle.
    fine(&["bundle", "unpack", &at("b.tar.zst"), &at("copy")]);
    let answer = run(&["bundle", "merge", &at("a"), &at("a"), "--out", &at("same")]);
    assert!(
        answer.stderr.contains("13 were in several bundles"),
        "{}",
        answer.stderr
    );
    assert_eq!(run(&["bundle", "verify", &at("same")]).code, 0);
    let over = run(&["bundle", "merge", &at("a"), "--out", &at("m")]);
    assert!(
        over.code == 2 && over.stderr.contains("already exists"),
        "{}",
        over.stderr
    );
    let none = run(&["bundle", "merge", &at("nothing"), "--out", &at("n")]);
    assert_eq!(none.code, 2, "{}", none.stderr);
    let heap = "a/worker-1/run-1/0002-20261124T023900Z/heap.pb.gz";
    fs::write(at(heap), "x").expect("room");
    let altered = run(&["bundle", "merge", &at("a"), "--out", &at("n")]);
    assert!(
        altered.code == 2 && altered.stderr.contains("not what its manifest says"),
        "{}",
        altered.stderr
    );
    assert!(!dir.path().join("n").exists(), "nothing is left");
}
