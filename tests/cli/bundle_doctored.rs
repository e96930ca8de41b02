//! Bundles that were doctored: every kind of change to a file, to the manifest and to an archive, and what each command of
//! `bundle` says of it. All commands agree whether a bundle is whole.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::support::run;
use crate::bundle::made_bundle;

/// What `verify` says: the kind of finding, or `""` for something that is missing.
type Doctoring = (&'static str, &'static str, fn(&Path));

const HEAP: &str = "worker-1/run-1/0001-20261124T023800Z/heap.pb.gz";
const METRICS: &str = "worker-1/run-1/metrics.txt";

/// Rewrites the lines of the journal; one that becomes null is left out.
fn journal(root: &Path, change: impl Fn(&mut Value)) {
    let path = root.join("manifest.jsonl");
    let text = fs::read_to_string(&path).expect("a journal");
    let mut out = String::new();
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        change(&mut line);
        if !line.is_null() {
            out += &format!("{line}\n");
        }
    }
    fs::write(&path, out).expect("room");
    // The summary is made of the journal; one that does not fit is a finding of its own.
    fs::remove_file(root.join("manifest.json")).expect("removed");
}

/// Changes the line of an artifact.
fn line(root: &Path, path: &'static str, change: impl Fn(&mut Value)) {
    journal(root, |line| {
        if line["path"] == path {
            change(line);
        }
    });
}

/// Puts other bytes in the place of an artifact, with their size and hash in the manifest.
fn forge(root: &Path, path: &'static str, bytes: &[u8]) {
    fs::write(root.join(path), bytes).expect("room");
    line(root, path, |line| {
        line["bytes"] = json!(bytes.len());
        line["sha256"] = json!(sha256(bytes));
    });
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("room");
}

/// Folders. `extra`, `archive` and the like are the names of findings in JSON.
const FOLDERS: &[Doctoring] = &[
    ("one bit of a profile", "tampered", |b| flip(&b.join(HEAP))),
    ("one bit of a text", "tampered", |b| flip(&b.join(METRICS))),
    ("one byte less", "truncated", |b| {
        let bytes = fs::read(b.join(HEAP)).expect("a file");
        fs::write(b.join(HEAP), &bytes[..bytes.len() - 1]).expect("room");
    }),
    ("one byte more", "tampered", |b| {
        let mut bytes = fs::read(b.join(HEAP)).expect("a file");
        bytes.push(0);
        fs::write(b.join(HEAP), bytes).expect("room");
    }),
    ("an empty file", "truncated", |b| {
        fs::write(b.join(HEAP), "").expect("room")
    }),
    ("a file that is missing", "missing", |b| {
        fs::remove_file(b.join(HEAP)).expect("removed")
    }),
    ("a profile of another snapshot", "tampered", |b| {
        let other = HEAP.replace("0001-20261124T023800Z", "0002-20261124T023900Z");
        fs::copy(b.join(other), b.join(HEAP)).expect("room");
    }),
    ("a file more", "extra", |b| {
        fs::write(b.join("worker-1/run-1/notes.json"), "{}").expect("room");
    }),
    ("a link in place of a file", "archive", |b| {
        fs::rename(b.join(HEAP), b.join("../elsewhere")).expect("renamed");
        std::os::unix::fs::symlink("../../../../elsewhere", b.join(HEAP)).expect("a link");
    }),
    ("a pipe in place of a file", "archive", |b| {
        fs::remove_file(b.join(HEAP)).expect("removed");
        rustix::fs::mkfifoat(rustix::fs::CWD, b.join(HEAP), rustix::fs::Mode::RUSR).expect("a pipe");
    }),
    ("a hash of something else", "tampered", |b| {
        line(b, HEAP, |l| l["sha256"] = json!("00".repeat(32)))
    }),
    ("a size of something else", "tampered", |b| {
        line(b, HEAP, |l| l["bytes"] = json!(7))
    }),
    ("a line that is no JSON", "manifest", |b| {
        let path = b.join("manifest.jsonl");
        let text = fs::read_to_string(&path).expect("a journal");
        fs::write(&path, text.replacen("{\"at\"", "{at", 2)).expect("room");
    }),
    ("a summary of another journal", "tampered", |b| {
        let path = b.join("manifest.json");
        let text = fs::read_to_string(&path).expect("a summary");
        fs::write(&path, text.replace("worker-1", "worker-9")).expect("room");
    }),
    ("a path that leaves", "manifest", |b| {
        line(b, HEAP, |l| l["path"] = json!("../../outside"))
    }),
    // Forged with the right hash: the bytes are not what the manifest says they are.
    ("other samples", "facts", |b| {
        line(b, HEAP, |l| l["facts"]["samples"] = json!(1))
    }),
    ("another total", "facts", |b| {
        line(b, HEAP, |l| {
            l["facts"]["totals"][0]["value"] = json!(l["facts"]["totals"][0]["value"].as_i64().expect("a sum") + 1)
        });
    }),
    ("another kind", "facts", |b| {
        line(b, HEAP, |l| l["facts"]["kind"] = json!("goroutine"))
    }),
    ("another build", "facts", |b| {
        line(b, HEAP, |l| l["facts"]["build_id"] = json!("00"))
    }),
    ("another time", "facts", |b| {
        line(b, HEAP, |l| l["facts"]["time_nanos"] = json!(17))
    }),
    ("another start of the process", "facts", |b| {
        line(b, METRICS, |l| l["facts"]["process_start_time"] = json!(17.0));
    }),
    ("a start that serde_json reads back with another last digit", "", |b| {
        let text = fs::read_to_string(b.join(METRICS)).expect("a text");
        let text = text.replace("1.7e+09", "1795847497.6497095");
        fs::write(b.join(METRICS), &text).expect("room");
        line(b, METRICS, |l| {
            l["bytes"] = json!(text.len());
            l["sha256"] = json!(sha256(text.as_bytes()));
            l["facts"]["process_start_time"] = json!(1_795_847_497.649_709_5_f64);
        });
    }),
    ("no start of the process", "", |b| {
        line(b, METRICS, |l| l["facts"]["process_start_time"] = Value::Null)
    }),
    ("another version", "facts", |b| {
        line(b, METRICS, |l| l["facts"]["kubernetes_version"] = json!("v0.0.1"))
    }),
    ("a page in place of a profile", "facts", |b| {
        forge(b, HEAP, b"<html><title>Sign in</title></html>")
    }),
    ("a page in place of metrics", "facts", |b| {
        forge(b, METRICS, b"<html>\n")
    }),
    ("half a profile", "facts", |b| {
        let bytes = fs::read(b.join(HEAP)).expect("a file");
        forge(b, HEAP, &bytes[..bytes.len() / 2]);
    }),
    ("no line for an artifact", "extra", |b| {
        line(b, HEAP, |l| *l = Value::Null)
    }),
    ("no end", "", |b| {
        journal(b, |l| {
            if l["event"] == "finished" {
                *l = Value::Null;
            }
        });
    }),
];

/// What `verify` finds.
fn found(bundle: &str) -> (i32, Vec<String>) {
    let answer = run(&["bundle", "verify", bundle, "-o", "json"]);
    let json: Value = serde_json::from_str(&answer.stdout).unwrap_or_else(|e| panic!("{e}: {}", answer.stderr));
    let findings = json["findings"].as_array().expect("a list");
    let what = findings.iter().map(|f| f["what"].as_str().expect("a word").to_owned());
    (answer.code, what.collect())
}

#[test]
fn doctored_folders() {
    let dir = tempfile::tempdir().expect("a folder");
    let one = |i: usize, (name, finding, doctor): &Doctoring| {
        let at = |n: &str| dir.path().join(format!("{i}/{n}"));
        let text = |n: &str| at(n).display().to_string();
        fs::create_dir(dir.path().join(i.to_string())).expect("a folder");
        made_bundle::small(&at("b"));
        doctor(&at("b"));
        let (code, findings) = found(&text("b"));
        match *finding {
            "" => assert!(findings.is_empty(), "{name}: {findings:?}"),
            what => assert!(
                code == 1 && findings.iter().any(|f| f == what),
                "{name}: {code} {findings:?}"
            ),
        }
        // What a copy can see by bytes, sizes, hashes and lines alone, it says as `verify` does; and what was left out of one
        // copy is not missing in a copy of that.
        let is_copied = matches!(*finding, "" | "facts" | "missing") || name.contains("summary");
        let seen = i32::from(!is_copied || name.contains("missing"));
        let codes =
            |args: &[&[&str]]| -> Vec<i32> { args.iter().map(|a| run(&[&["bundle"], *a].concat()).code).collect() };
        let (b, tar, u, r) = (text("b"), text("b.tar"), text("u"), text("r"));
        let copies = codes(&[&["pack", &b, &tar], &["unpack", &tar, &u], &["redact", &b, &r]]);
        let again = if matches!(*finding, "extra") { 0 } else { seen };
        assert_eq!(copies, [seen, again, seen], "{name}");
        assert!(!dir.path().join("outside").exists() && !dir.path().join(format!("{i}/outside")).exists());
    };
    // A few at a time: they wait for the disk.
    let all: Vec<usize> = (0..FOLDERS.len()).collect();
    for some in all.chunks(8) {
        std::thread::scope(|scope| {
            for &i in some {
                scope.spawn(move || one(i, &FOLDERS[i]));
            }
        });
    }
}
