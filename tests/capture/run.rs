//! Runs `kubeprof capture` and looks at what it left.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kubeprof::bundle::manifest::Missing;
use serde_json::Value;

use super::server::{Server, root};

/// What a run printed, how it ended and how long it took.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
    pub(crate) took: Duration,
}

/// The command, without a kubeconfig of whoever runs the tests.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeprof"));
    command
        .args(args)
        .current_dir(root())
        .env_clear()
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn kubeprof(args: &[&str]) -> Ran {
    let started = Instant::now();
    let out = command(args).output().expect("kubeprof runs");
    let ran = Ran {
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        code: out.status.code(),
        took: started.elapsed(),
    };
    for line in ran.stderr.lines().filter(|l| l.contains("hint: ")) {
        crate::house::options::exist(line, args);
    }
    ran
}

/// `kubeprof capture ARGS --kubeconfig ... --out ...`.
pub(crate) fn capture(server: &Server, out: &Path, args: &[&str]) -> Ran {
    let config = server.kubeconfig().display().to_string();
    let out = out.display().to_string();
    let mut all = vec!["capture", "--kubeconfig", &config, "--out", &out];
    all.extend(args);
    kubeprof(&all)
}

/// The lines of a journal.
pub(crate) fn journal(bundle: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(bundle.join("manifest.jsonl")).expect("a journal");
    text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
}

/// Events of a kind.
pub(crate) fn events(bundle: &Path, kind: &str) -> Vec<Value> {
    journal(bundle).into_iter().filter(|e| e["event"] == kind).collect()
}

/// The line that says why an artifact is not there, with its cause in words.
pub(crate) fn lack(bundle: &Path, artifact: &str) -> Value {
    let all = journal(bundle);
    let found = all
        .iter()
        .rev()
        .find(|e| e["artifact"] == artifact && (e["event"] == "failed" || e["event"] == "skipped"));
    let mut line = found.unwrap_or_else(|| panic!("{artifact} is there: {all:#?}")).clone();
    assert!(
        line["why"].is_null() && line["remedy"].is_null(),
        "no sentence is stored: {line:#}"
    );
    let missing: Missing = serde_json::from_value(line.clone()).expect("a line of the journal");
    let words = kubeprof::cli::refusal::missing(&missing);
    line["why"] = words.why.into();
    line["remedy"] = words.remedy.into();
    line
}

/// Names of the artifacts that are there.
pub(crate) fn there(bundle: &Path) -> Vec<String> {
    let name = |e: &Value| e["artifact"].as_str().unwrap_or_default().to_owned();
    kept(bundle).iter().map(name).collect()
}

/// Lines of the artifacts that are there: those that were not withdrawn.
pub(crate) fn kept(bundle: &Path) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    let is = |a: &Value, b: &Value| {
        let keys = ["node", "run", "artifact"];
        keys.iter().all(|k| a[k] == b[k]) && a["snapshot"]["number"] == b["snapshot"]["number"]
    };
    for e in journal(bundle) {
        if e["withdrawn"] == true {
            kept.retain(|k| !is(k, &e));
        } else if e["event"] == "artifact" {
            kept.push(e);
        }
    }
    kept
}

/// The bundle holds what its journal says, and nothing else: no rests, no other files, hashes as they are.
pub(crate) fn sound(bundle: &Path) {
    let mut files = Vec::new();
    collect(bundle, bundle, &mut files);
    files.retain(|f| f != "manifest.jsonl" && f != "manifest.json");
    files.sort();
    let mut known: Vec<String> = Vec::new();
    for e in kept(bundle).into_iter().chain(events(bundle, "binary")) {
        let path = e["path"].as_str().expect("a path");
        let bytes = std::fs::read(bundle.join(path)).unwrap_or_else(|err| panic!("{path}: {err}"));
        assert_eq!(e["bytes"], bytes.len() as u64, "{path}");
        known.push(path.to_owned());
    }
    known.sort();
    known.dedup();
    assert_eq!(files, known);
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.push(path.strip_prefix(root).expect("inside").display().to_string());
        }
    }
}
