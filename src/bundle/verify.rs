//! Whether a bundle is what its manifest says, what it lacks, and what can be done with it. Offline, and of hostile bundles.
//!
//! Findings are what should not be: altered, cut and extra files, damaged lines, executables that are not those of the
//! profiles. Lacks are what should be and is not: a bundle with lacks is usable. The manifest is not signed: whoever can
//! write a bundle can write a manifest that fits; verification finds accidents and careless hands, not forgers.

mod possible;
mod series;

use serde::Serialize;

use super::contents::Contents;
use super::facts::{Expect, examine};
use super::manifest::{Artifact, Facts, Finished, Form, JOURNAL, Missing, SUMMARY};
use super::names::{self, PART};
use super::record::Record;
use crate::pprof::Limit;

/// What a verification says.
#[derive(Clone, PartialEq, Debug)]
pub struct Verification {
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
    /// It came later than the snapshot that it is filed under.
    Order,
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
            Flaw::Order => "order",
            Flaw::Manifest => "manifest",
            Flaw::Archive => "archive",
            Flaw::Binary => "binary",
            Flaw::Unreadable => "unreadable",
        }
    }
}

/// Something that is not there. `render::bundle` words it.
#[derive(Clone, PartialEq, Debug)]
pub struct Gap {
    /// Node, `""` for the bundle.
    pub node: String,
    /// Run, 0 for the node.
    pub run: u32,
    /// Snapshot, where it is one's.
    pub snapshot: Option<u32>,
    /// What is not there.
    pub what: Absent,
    /// Why.
    pub why: Absence,
    /// Whether a later snapshot makes up for it.
    pub made_up: bool,
}

/// What is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Absent {
    /// An artifact, for instance `heap`.
    Artifact(String),
    /// A file of the bundle.
    File(String),
    /// All of a node.
    Node,
    /// Some of the snapshots that were asked for.
    Snapshots {
        /// How many are missing.
        missing: u32,
        /// How many were asked for.
        asked: u32,
    },
    /// The end of the capture.
    Capture,
}

/// Why something is not there.
#[derive(Clone, PartialEq, Debug)]
pub enum Absence {
    /// The journal says why.
    Told(Box<Missing>),
    /// The capture ended before it began.
    NotBegun,
    /// The last line of the journal was cut, as a kill does.
    LineCut,
    /// The summary is older than the journal: a resumption did not end.
    SummaryOld,
    /// The capture did not end.
    NotEnded,
    /// The capture ended early.
    Early(Box<Finished>),
    /// The file is whole and only lacks its name, as after a kill.
    Unnamed,
    /// The manifest lists it and it is missing.
    Gone,
    /// Nothing was taken of the node.
    NothingTaken,
    /// The series ended before it.
    SeriesEnded,
    /// The capture ended before it was asked for.
    NotReached,
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

/// Something that can be done with a bundle, or not. `render::bundle` words it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Analysis {
    /// What.
    pub goal: Goal,
    /// What it is made of.
    pub of: Material,
    /// How many it needs, of one process.
    pub needs: usize,
    /// How many there are, of the process that has most.
    pub has: usize,
}

impl Analysis {
    /// Whether it can be done.
    pub fn is_possible(&self) -> bool {
        self.has >= self.needs
    }
}

/// What can be asked of a bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    /// Where the memory is.
    Memory,
    /// What grew between two moments.
    MemoryGrowth,
    /// How memory grows over time.
    MemoryTrend,
    /// Which goroutines there are.
    Goroutines,
    /// Which became more.
    GoroutineGrowth,
    /// For how long they wait.
    GoroutineWaits,
    /// Which are leaked for certain.
    LeakProof,
    /// Where CPU time goes.
    Cpu,
    /// Which locks are waited for.
    Contention,
    /// Machine code of functions.
    Instructions,
}

/// What an analysis is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Material {
    /// Heap profiles of one artifact: `heap` and `heap-gc` are two series.
    Heaps,
    /// Goroutine profiles, or dumps.
    Goroutines,
    /// Goroutine dumps (`debug=2`).
    Dumps,
    /// `goroutineleak` profiles.
    Leaks,
    /// CPU profiles with samples.
    Cpus,
    /// Mutex or block profiles with samples.
    Contentions,
    /// Executables of the profiles.
    Executables,
}

/// Verifies a bundle; read an archive with [`super::Want::Everything`] for it. None when it has no journal.
pub fn verify(contents: &Contents, limit: Limit) -> Option<Verification> {
    let record = contents.record()?;
    let mut v = Verification {
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
        v.nodes.push(series::node_state(node, &record, &intact));
    }
    series::gaps(&record, &mut v);
    series::identities(&record, &intact, &mut v);
    series::lateness(&record, &mut v);
    series::late(&record, &mut v);
    v.analyses = possible::analyses(&intact, &record, &v.build_ids);
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

    fn lack(&mut self, what: Absent, why: Absence) {
        self.lacks.push(Gap {
            node: String::new(),
            run: 0,
            snapshot: None,
            what,
            why,
            made_up: false,
        });
    }

    fn lack_file(&mut self, path: &str, why: Absence) {
        self.lack(Absent::File(path.to_owned()), why);
    }
}

fn manifest(contents: &Contents, record: &Record, v: &mut Verification) {
    let journal = &record.journal;
    if record.schema == 0 && journal.damaged.is_empty() {
        v.lack_file(JOURNAL, Absence::NotBegun);
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
        v.lack_file(JOURNAL, Absence::LineCut);
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
                v.lack_file(SUMMARY, Absence::SummaryOld);
            } else {
                v.find(Flaw::Tampered, SUMMARY, format!("it is of another {JOURNAL}"));
            }
        }
        Ok(Err(e)) => v.find(Flaw::Tampered, SUMMARY, format!("it cannot be read: {e}")),
        Err(_) => v.lack_file(SUMMARY, Absence::NotEnded),
    }
    if let Some(finished) = record.finished.as_ref().filter(|f| !f.is_complete()) {
        v.lack(Absent::Capture, Absence::Early(Box::new(finished.clone())));
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
            if artifact.facts.truncated {
                v.notes.push(format!(
                    "{}: the server cut it at its limit of 64 MiB: {} goroutines are in it, the rest is not",
                    artifact.path,
                    artifact.facts.samples.unwrap_or(0)
                ));
            }
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
        v.lack_file(path, if whole { Absence::Unnamed } else { Absence::Gone });
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
        if let Some(aside) = record.aside.iter().find(|a| a.path == path) {
            // Damaged as it is, it is what was put aside.
            match contents.sha256(path) {
                Ok(found) if found == aside.sha256 => v.notes.push(format!(
                    "{path}: other bytes than were taken; a resumption put it aside, it may be removed"
                )),
                Ok(_) => v.find(Flaw::Tampered, path, "it is not what a resumption put aside"),
                Err(e) => v.find(Flaw::Unreadable, path, e.to_string()),
            }
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
