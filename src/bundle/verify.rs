//! Whether a bundle is what its manifest says, what it lacks, and what can be done with it. Offline, and of hostile bundles.
//!
//! Findings are what should not be: altered, cut, missing and extra files, damaged lines, executables that are not those of
//! the profiles. Lacks are what a capture should have taken and did not: a bundle with lacks is usable. The manifest is not signed: whoever can
//! write a bundle can write a manifest that fits; verification finds accidents and careless hands, not forgers.

mod files;
mod possible;
mod series;

use std::collections::BTreeMap;

use serde::Serialize;

use super::contents::Contents;
use super::manifest::{Artifact, Finished, JOURNAL, Missing, SUMMARY};
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
    /// The manifest lists it and it is not there.
    Missing,
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
            Flaw::Missing => "missing",
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
    let intact = files::files(contents, &record, limit, &mut v);
    files::extras(contents, &record, &mut v);
    let (asked, by_run) = (record.asked_by_node(), by_run(&intact));
    for node in &record.nodes {
        let asked = asked.get(node.node.as_str()).map_or(&[][..], Vec::as_slice);
        v.nodes.push(series::node_state(node, asked, &by_run));
        series::lateness(node, asked, &mut v);
    }
    series::gaps(&record, &asked, &mut v);
    series::identities(&record, &intact, &by_run, &mut v);
    series::late(&record, &mut v);
    v.analyses = possible::analyses(&by_run, &v.build_ids);
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

/// Artifacts by node and run.
type ByRun<'a> = BTreeMap<(&'a str, u32), Vec<&'a Artifact>>;

fn by_run<'a>(intact: &[&'a Artifact]) -> ByRun<'a> {
    let mut by_run = ByRun::new();
    for artifact in intact {
        let of = (artifact.slot.node.as_str(), artifact.slot.run);
        by_run.entry(of).or_default().push(artifact);
    }
    by_run
}

/// Those of one run.
fn of_run<'a>(by_run: &'a ByRun<'_>, node: &'a str, run: u32) -> &'a [&'a Artifact] {
    by_run.get(&(node, run)).map_or(&[], Vec::as_slice)
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
        v.find(Flaw::Archive, "", broken.to_string());
    }
}
