//! Whether a bundle is what its manifest says, what it lacks, and what can be done with it. Offline, and of hostile bundles.
//!
//! Findings are what should not be: altered, cut and extra files, damaged lines, executables that are not those of the
//! profiles. Lacks are what should be and is not: a bundle with lacks is usable. The manifest is not signed: whoever can
//! write a bundle can write a manifest that fits; verification finds accidents and careless hands, not forgers.

use serde::Serialize;

use super::contents::Contents;
use super::facts::{Expect, examine};
use super::manifest::{Artifact, Facts, Form, JOURNAL, SUMMARY};
use super::names::{self, PART};
use super::record::{Lack, NodeRecord, Record, RunRecord};
use crate::pprof::Limit;

/// What a verification says.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verification {
    /// `kubeprof/verify/1`.
    pub schema: &'static str,
    /// The bundle.
    pub bundle: String,
    /// The sum of it.
    pub verdict: Verdict,
    /// Files that the manifest vouches for and that are as it says.
    pub intact: usize,
    /// Their bytes.
    pub intact_bytes: u64,
    /// What should not be.
    pub findings: Vec<Finding>,
    /// What should be and is not.
    pub lacks: Vec<Gap>,
    /// What is not there and need not be.
    pub skipped: Vec<Gap>,
    /// The nodes.
    pub nodes: Vec<NodeState>,
    /// Build IDs of the profiles.
    pub build_ids: Vec<BuildIdState>,
    /// What can be done with it.
    pub analyses: Vec<Analysis>,
    /// What is worth knowing and is neither.
    pub notes: Vec<String>,
}

/// The sum of a verification.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is there and as it should be.
    Whole,
    /// Something lacks; what is there is as it should be.
    Partial,
    /// Something is not as it should be.
    Findings,
}

/// Something that should not be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What it is.
    pub what: Flaw,
    /// The file.
    pub path: String,
    /// In words.
    pub detail: String,
}

/// What can be wrong with a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Flaw {
    /// Other bytes than were taken.
    Tampered,
    /// Fewer bytes than were taken.
    Truncated,
    /// Nobody took it.
    Extra,
    /// It has the right hash and does not decode, or decodes to other facts than the manifest has.
    Facts,
    /// The journal has lines that cannot be read.
    Manifest,
    /// The archive ends early or holds what no bundle holds.
    Archive,
    /// An executable that no profile is of.
    Binary,
    /// It cannot be read.
    Unreadable,
}

impl Flaw {
    /// Its name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Flaw::Tampered => "tampered",
            Flaw::Truncated => "truncated",
            Flaw::Extra => "extra",
            Flaw::Facts => "facts",
            Flaw::Manifest => "manifest",
            Flaw::Archive => "archive",
            Flaw::Binary => "binary",
            Flaw::Unreadable => "unreadable",
        }
    }
}

/// Something that is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Gap {
    /// Node, `""` for the bundle.
    pub node: String,
    /// Run, 0 for the node.
    pub run: u32,
    /// Snapshot, where it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<u32>,
    /// What is not there.
    pub what: String,
    /// Who refused or broke down, `""` where nobody did.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// Why.
    pub why: String,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

/// What there is of a node.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct NodeState {
    /// Its name.
    pub node: String,
    /// Its processes.
    pub runs: Vec<RunState>,
    /// Snapshots that were asked for.
    pub asked: u32,
    /// Snapshots that were tried to the end.
    pub ended: u32,
}

/// What there is of a process.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RunState {
    /// Its number.
    pub run: u32,
    /// When it started, Unix time.
    pub start_time: Option<f64>,
    /// Version of the kubelet, `""` when unknown.
    pub kubelet_version: String,
    /// Snapshots.
    pub snapshots: u32,
    /// Artifacts that are intact.
    pub artifacts: usize,
    /// Start times that metrics name: more than one means that two processes are mixed.
    pub start_times_seen: Vec<f64>,
}

/// A build ID of profiles.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BuildIdState {
    /// It, `""` for profiles that have none.
    pub build_id: String,
    /// Profiles with it.
    pub profiles: usize,
    /// The executable in the bundle that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
}

/// Something that can be done with a bundle, or not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Analysis {
    /// What.
    pub name: &'static str,
    /// Whether it can be done.
    pub possible: bool,
    /// What it rests on, or what it would take.
    pub why: String,
    /// The command, where it can be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
}

/// Verifies a bundle; read an archive with [`super::Want::Everything`] for it. None when it has no journal.
pub fn verify(contents: &Contents, limit: Limit) -> Option<Verification> {
    let record = contents.record()?;
    let mut v = Verification {
        schema: "kubeprof/verify/1",
        bundle: contents.name.display().to_string(),
        verdict: Verdict::Whole,
        intact: 0,
        intact_bytes: 0,
        findings: Vec::new(),
        lacks: Vec::new(),
        skipped: Vec::new(),
        nodes: Vec::new(),
        build_ids: Vec::new(),
        analyses: Vec::new(),
        notes: Vec::new(),
    };
    manifest(contents, &record, &mut v);
    let intact = files(contents, &record, limit, &mut v);
    extras(contents, &record, &mut v);
    for node in &record.nodes {
        v.nodes.push(node_state(node, &record, &intact));
    }
    gaps(&record, &mut v);
    identities(&record, &intact, &mut v);
    v.analyses = analyses(&intact, &record, &v);
    v.findings.sort_by(|a, b| (a.what, &a.path).cmp(&(b.what, &b.path)));
    v.verdict = if !v.findings.is_empty() {
        Verdict::Findings
    } else if !v.lacks.is_empty() {
        Verdict::Partial
    } else {
        Verdict::Whole
    };
    Some(v)
}

impl Verification {
    fn find(&mut self, what: Flaw, path: &str, detail: impl Into<String>) {
        let (path, detail) = (path.to_owned(), detail.into());
        self.findings.push(Finding { what, path, detail });
    }

    fn lack(&mut self, what: &str, why: &str, remedy: &str) {
        self.lacks.push(Gap {
            what: what.to_owned(),
            why: why.to_owned(),
            remedy: remedy.to_owned(),
            ..Gap::default()
        });
    }
}

const RESUME: &str = "go on with `kubeprof capture --resume`";

fn manifest(contents: &Contents, record: &Record, v: &mut Verification) {
    let journal = &record.journal;
    if record.schema == 0 && journal.damaged.is_empty() {
        v.lack(JOURNAL, "the capture ended before it began", RESUME);
    } else if !record.is_readable() {
        v.find(
            Flaw::Manifest,
            JOURNAL,
            format!("format {} is not known", record.schema),
        );
    }
    for line in &journal.damaged {
        v.find(Flaw::Manifest, JOURNAL, format!("line {line} cannot be read"));
    }
    if journal.torn {
        v.lack(JOURNAL, "the last line was cut, as by a kill", RESUME);
    }
    if journal.unknown > 0 {
        v.notes
            .push(format!("{} lines of {JOURNAL} are of a later version", journal.unknown));
    }
    match contents
        .get(SUMMARY)
        .map(|bytes| serde_json::from_slice::<Record>(&bytes))
    {
        Ok(Ok(summary)) if summary.journal.sha256 == journal.sha256 => {
            if summary.artifacts().ne(record.artifacts()) {
                v.find(
                    Flaw::Tampered,
                    SUMMARY,
                    format!("it has other artifacts than {JOURNAL}"),
                );
            }
        }
        Ok(Ok(summary)) => {
            // A summary of what the journal was before a resumption is old, not wrong.
            let before = contents.get(JOURNAL).ok().and_then(|bytes| {
                let end = usize::try_from(summary.journal.bytes).ok()?;
                Some(Record::of_journal(bytes.get(..end)?).journal.sha256)
            });
            if before.is_some_and(|b| b == summary.journal.sha256) {
                v.lack(
                    SUMMARY,
                    "it is older than the journal: a resumption did not end",
                    RESUME,
                );
            } else {
                v.find(Flaw::Tampered, SUMMARY, format!("it is of another {JOURNAL}"));
            }
        }
        Ok(Err(e)) => v.find(Flaw::Tampered, SUMMARY, format!("it cannot be read: {e}")),
        Err(_) => v.lack(SUMMARY, "the capture did not end", RESUME),
    }
    if let Some(finished) = record.finished.as_ref().filter(|f| !f.interrupted.is_empty()) {
        v.lack(
            "the capture",
            &format!("it was interrupted: {}", finished.interrupted),
            RESUME,
        );
    }
    for odd in &contents.odd {
        v.find(Flaw::Archive, &odd.path, format!("{}; left out", odd.why));
    }
    if let Some(broken) = &contents.broken {
        let text = broken.to_string();
        v.find(Flaw::Archive, "", text.lines().next().unwrap_or_default());
    }
}

/// Checks all files that the manifest vouches for; the artifacts that are intact.
fn files<'a>(contents: &Contents, record: &'a Record, limit: Limit, v: &mut Verification) -> Vec<&'a Artifact> {
    let mut intact = Vec::new();
    for artifact in record.artifacts() {
        let place = (artifact.path.as_str(), artifact.bytes, artifact.sha256.as_str());
        if file(contents, place, v) && decodes(contents, artifact, limit, v) {
            v.intact += 1;
            v.intact_bytes += artifact.bytes;
            intact.push(artifact);
        }
    }
    for binary in &record.binaries {
        if file(contents, (&binary.path, binary.bytes, &binary.sha256), v) {
            v.intact += 1;
            v.intact_bytes += binary.bytes;
        }
    }
    intact
}

fn file(contents: &Contents, (path, bytes, sha256): (&str, u64, &str), v: &mut Verification) -> bool {
    let Some(size) = contents.size(path) else {
        let part = format!("{path}{PART}");
        let whole = contents.size(&part) == Some(bytes) && contents.sha256(&part).is_ok_and(|h| h == sha256);
        let why = if whole {
            "it is whole and lacks only its name, as after a kill"
        } else {
            "the manifest names it and it is not there"
        };
        v.lack(path, why, RESUME);
        return false;
    };
    match contents.sha256(path) {
        Ok(found) if found == sha256 && size == bytes => return true,
        Ok(_) if size < bytes => v.find(Flaw::Truncated, path, format!("{size} of {bytes} bytes")),
        Ok(found) => {
            let (found, taken) = (&found[..16], sha256.get(..16).unwrap_or(sha256));
            v.find(
                Flaw::Tampered,
                path,
                format!("SHA-256 {found}..., {taken}... was taken"),
            );
        }
        Err(e) => v.find(Flaw::Unreadable, path, e.to_string()),
    }
    false
}

fn decodes(contents: &Contents, artifact: &Artifact, limit: Limit, v: &mut Verification) -> bool {
    let path = artifact.path.as_str();
    let expect = match artifact.facts.form {
        Form::Proto | Form::Debug1 | Form::Debug2 | Form::Legacy => Expect::Profile(None),
        Form::Json => Expect::Json,
        Form::Trace => Expect::Trace,
        Form::Text if artifact.facts.process_start_time.is_some() => Expect::Metrics,
        _ => Expect::Anything,
    };
    let Ok(bytes) = contents.get(path) else { return false };
    match examine(&bytes, expect, limit) {
        Ok(found) => {
            let told = &artifact.facts;
            let part = |f: &Facts| (f.kind.clone(), f.samples, f.totals.clone(), f.build_id.clone());
            if expect == Expect::Profile(None) && part(&found) != part(told) {
                let text = |f: &Facts| format!("{} of {} samples", f.kind, f.samples.unwrap_or(0));
                v.find(
                    Flaw::Facts,
                    path,
                    format!("it is {}; the manifest says {}", text(&found), text(told)),
                );
                return false;
            }
            true
        }
        Err(e) => {
            let text = e.to_string();
            v.find(
                Flaw::Facts,
                path,
                format!("does not decode: {}", text.lines().next().unwrap_or_default()),
            );
            false
        }
    }
}

fn extras(contents: &Contents, record: &Record, v: &mut Verification) {
    let files = record.files();
    for path in contents.paths() {
        if path == JOURNAL || path == SUMMARY || files.contains_key(path) {
            continue;
        }
        match path.strip_suffix(PART) {
            // What a kill left.
            Some(whole) if files.contains_key(whole) || names::is_safe_path(whole) => {
                v.notes
                    .push(format!("{path}: the rest of an artifact that never came to its end"));
            }
            _ => v.find(Flaw::Extra, path, "the manifest does not name it"),
        }
    }
}

fn node_state(node: &NodeRecord, record: &Record, intact: &[&Artifact]) -> NodeState {
    let run_state = |run: &RunRecord| {
        let here = |a: &&&Artifact| a.slot.node == node.node && a.slot.run == run.run;
        let mut seen: Vec<f64> = intact
            .iter()
            .filter(here)
            .filter_map(|a| a.facts.process_start_time)
            .collect();
        seen.sort_by(f64::total_cmp);
        seen.dedup_by(|a, b| (*a - *b).abs() <= 0.1);
        RunState {
            run: run.run,
            start_time: run.process.start_time,
            kubelet_version: run.process.kubelet_version.clone(),
            snapshots: run.snapshots.len() as u32,
            artifacts: intact.iter().filter(here).count(),
            start_times_seen: seen,
        }
    };
    let ended = node.runs.iter().flat_map(|r| &r.snapshots).filter(|s| s.ended);
    NodeState {
        node: node.node.clone(),
        runs: node.runs.iter().map(run_state).collect(),
        asked: record.asked_of(&node.node).map(|a| a.snapshots).sum(),
        ended: ended.count() as u32,
    }
}

fn gaps(record: &Record, v: &mut Verification) {
    for lack in record.lacks() {
        let missing = &lack.missing;
        let gap = Gap {
            node: missing.slot.node.clone(),
            run: missing.slot.run,
            snapshot: missing.slot.snapshot.map(|s| s.number),
            what: missing.slot.artifact.clone(),
            who: missing.who.to_string(),
            why: missing.why.clone(),
            remedy: missing.remedy.clone(),
        };
        let list = if lack.skipped { &mut v.skipped } else { &mut v.lacks };
        list.push(gap);
    }
    let untold = |node: &str, run: u32, snapshot: Option<u32>, what: &str, why: &str| Gap {
        node: node.to_owned(),
        run,
        snapshot,
        what: what.to_owned(),
        why: why.to_owned(),
        remedy: RESUME.to_owned(),
        ..Gap::default()
    };
    let mut nodes: Vec<&str> = record.all_asked().flat_map(|a| &a.nodes).map(String::as_str).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for name in nodes {
        let Some(node) = record.node(name) else {
            v.lacks
                .push(untold(name, 0, None, "the node", "nothing was taken of it"));
            continue;
        };
        let snapshots: u32 = record.asked_of(name).map(|a| a.snapshots).sum();
        let every = record.asked_of(name).flat_map(|a| &a.every);
        let mut every: Vec<&str> = every.map(String::as_str).collect();
        every.sort_unstable();
        every.dedup();
        let begun = node.runs.iter().map(|r| r.snapshots.len() as u32).sum::<u32>();
        if begun < snapshots {
            let what = format!("{} of {snapshots} snapshots", snapshots - begun);
            v.lacks
                .push(untold(name, 0, None, &what, "the series ended before them"));
        }
        let mut once: Vec<&str> = record
            .asked_of(name)
            .flat_map(|a| &a.once)
            .map(String::as_str)
            .collect();
        once.sort_unstable();
        once.dedup();
        for what in once {
            let is_told = |artifacts: &[Artifact], lacks: &[Lack]| {
                artifacts.iter().any(|a| a.slot.artifact == what)
                    || lacks.iter().any(|l| l.missing.slot.artifact == what)
            };
            let told = node
                .runs
                .iter()
                .any(|r| is_told(&r.once, &r.lacks) || r.snapshots.iter().any(|s| is_told(&s.artifacts, &s.lacks)));
            if !told {
                v.lacks.push(untold(name, 0, None, what, "the capture ended before it"));
            }
        }
        for run in &node.runs {
            for s in run.snapshots.iter().filter(|s| !s.ended) {
                for what in &every {
                    let told = s.artifacts.iter().any(|a| a.slot.artifact == *what)
                        || s.lacks.iter().any(|l| l.missing.slot.artifact == *what);
                    if !told {
                        let number = Some(s.id.number);
                        v.lacks
                            .push(untold(name, run.run, number, what, "the capture ended before it"));
                    }
                }
            }
        }
    }
}

fn identities(record: &Record, intact: &[&Artifact], v: &mut Verification) {
    let mut mixed = Vec::new();
    for node in &v.nodes {
        for run in node.runs.iter().filter(|r| r.start_times_seen.len() > 1) {
            mixed.push((
                format!("{}/run-{}", names::folder_of(&node.node), run.run),
                format!(
                    "metrics name {} start times: two processes are mixed in one run",
                    run.start_times_seen.len()
                ),
            ));
        }
        if node.runs.len() > 1 {
            let text = format!(
                "{}: {} processes; profiles of different ones are not compared",
                node.node,
                node.runs.len()
            );
            v.notes.push(text);
        }
    }
    for (path, detail) in mixed {
        v.find(Flaw::Facts, &path, detail);
    }
    let mut ids: Vec<BuildIdState> = Vec::new();
    for artifact in intact
        .iter()
        .filter(|a| a.facts.form == Form::Proto && a.facts.samples != Some(0))
    {
        let id = &artifact.facts.build_id;
        match ids.iter_mut().find(|s| s.build_id == *id) {
            Some(state) => state.profiles += 1,
            None => ids.push(BuildIdState {
                build_id: id.clone(),
                profiles: 1,
                binary: record
                    .binaries
                    .iter()
                    .find(|b| b.build_id == *id && !id.is_empty())
                    .map(|b| b.path.clone()),
            }),
        }
    }
    ids.sort_by(|a, b| a.build_id.cmp(&b.build_id));
    for binary in record.binaries.iter().filter(|b| !b.build_id.is_empty()) {
        if !ids.is_empty() && ids.iter().all(|s| s.build_id != binary.build_id) {
            v.find(
                Flaw::Binary,
                &binary.path,
                format!("no profile is of build ID {}", binary.build_id),
            );
        }
    }
    for node in &record.nodes {
        for run in &node.runs {
            let of_run =
                |a: &&&Artifact| a.slot.node == node.node && a.slot.run == run.run && !a.facts.build_id.is_empty();
            let mut of: Vec<&str> = intact
                .iter()
                .filter(of_run)
                .map(|a| a.facts.build_id.as_str())
                .collect();
            of.sort_unstable();
            of.dedup();
            if of.len() > 1 {
                let path = format!("{}/run-{}", names::folder_of(&node.node), run.run);
                v.find(
                    Flaw::Facts,
                    &path,
                    format!("profiles of {} build IDs in one run", of.len()),
                );
            }
        }
    }
    v.build_ids = ids;
}

fn analyses(intact: &[&Artifact], record: &Record, v: &Verification) -> Vec<Analysis> {
    // The most of one process: what spans a restart is no series.
    let most = |fits: &dyn Fn(&Artifact) -> bool| {
        let runs = record
            .nodes
            .iter()
            .flat_map(|n| n.runs.iter().map(move |r| (n.node.as_str(), r.run)));
        let of = |(node, run): (&str, u32)| {
            intact
                .iter()
                .filter(|a| a.slot.node == node && a.slot.run == run && fits(a))
                .count()
        };
        runs.map(of).max().unwrap_or(0)
    };
    let kind = |name: &'static str| move |a: &Artifact| a.facts.kind == name && a.facts.form != Form::Debug2;
    let bundle = v.bundle.as_str();
    let mut all = Vec::new();
    let mut add = |name, needs: usize, has: usize, what: &str, command: String| {
        let possible = has >= needs;
        all.push(Analysis {
            name,
            possible,
            why: match (possible, needs) {
                (true, 1) => format!("{has} {what}"),
                (true, _) => format!("{has} {what} of one process"),
                (false, _) => format!("{has} {what} of one process, it takes {needs}"),
            },
            command: if possible { command } else { String::new() },
        });
    };
    let heaps = most(&kind("heap"));
    let goroutines = most(&kind("goroutine"));
    let dumps = most(&|a| a.facts.form == Form::Debug2);
    let data = |name: &'static str| most(&move |a: &Artifact| a.facts.kind == name && a.facts.samples != Some(0));
    add(
        "memory",
        1,
        heaps,
        "heap profiles",
        format!("kubeprof top {bundle} --kind heap"),
    );
    add(
        "growth of memory",
        2,
        heaps,
        "heap profiles",
        format!("kubeprof diff {bundle}"),
    );
    add(
        "trend of memory",
        5,
        heaps,
        "heap profiles",
        format!("kubeprof diff {bundle}"),
    );
    add(
        "goroutines",
        1,
        goroutines.max(dumps),
        "goroutine profiles",
        format!("kubeprof goroutines {bundle}"),
    );
    add(
        "growth of goroutines",
        2,
        goroutines,
        "goroutine profiles",
        format!("kubeprof diff {bundle} --kind goroutine"),
    );
    add(
        "waits of goroutines",
        1,
        dumps,
        "goroutine dumps (debug=2)",
        format!("kubeprof goroutines {bundle} --sort age"),
    );
    let leaks = most(&kind("goroutineleak"));
    add(
        "proof of leaks",
        1,
        leaks,
        "goroutineleak profiles",
        format!("kubeprof top {bundle} --kind goroutineleak"),
    );
    add(
        "CPU",
        1,
        data("cpu"),
        "CPU profiles with samples",
        format!("kubeprof top {bundle} --kind cpu"),
    );
    let contention = data("contention");
    add(
        "contention",
        1,
        contention,
        "mutex or block profiles with samples",
        format!("kubeprof top {bundle} --kind contention"),
    );
    let binaries = v.build_ids.iter().filter(|b| b.binary.is_some()).count();
    add(
        "instructions",
        1,
        binaries,
        "executables of the profiles",
        format!("kubeprof disasm REGEX {bundle}"),
    );
    all
}
