//! The journal folded up: what a bundle holds and lacks, by node, run and snapshot.
//!
//! A later line about the same place replaces an earlier one, so that what failed and was fetched by a resumption counts as
//! there. Lines are untrusted: those with paths that leave the bundle, and those that are no JSON, are counted as damaged.

mod limits;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::manifest::{
    Artifact, Aside, Asked, Binary, Entry, Event, Finished, Missing, Process, SCHEMA, Slot, SnapshotId,
};
use super::names;

/// A bundle as its journal tells it. Also what `manifest.json` holds.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// Version of the format; see [`SCHEMA`].
    pub schema: u32,
    /// Program that captured.
    pub tool: String,
    /// What was asked, by the first line.
    pub asked: Asked,
    /// What other captures were asked that were merged into this bundle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Asked>,
    /// When the capture began.
    pub started: Option<Timestamp>,
    /// Time of the last line.
    pub last: Option<Timestamp>,
    /// How it ended; none while it runs, and after a kill.
    pub finished: Option<Finished>,
    /// How often it was resumed.
    #[serde(default)]
    pub resumed: u32,
    /// Nodes by name.
    pub nodes: Vec<NodeRecord>,
    /// Executables.
    #[serde(default)]
    pub binaries: Vec<Binary>,
    /// Files that resumptions put aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aside: Vec<Aside>,
    /// Paths of artifacts that came after their snapshot was over and are filed under its time all the same, as kubeprof
    /// wrote them once: a later snapshot of the node had begun, or a resumption.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<String>,
    /// The journal itself.
    pub journal: JournalFacts,
}

/// What is known of a node.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its name.
    pub node: String,
    /// Its processes by number.
    pub runs: Vec<RunRecord>,
    /// Number of the last snapshot that a capture before the last resumption began; 0 where there was none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub closed: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl NodeRecord {
    /// Number of the last snapshot; 0 before the first.
    pub fn last_number(&self) -> u32 {
        let last = self.runs.iter().filter_map(|r| r.snapshots.last());
        last.map(|s| s.id.number).max().unwrap_or(0)
    }

    /// Whether a snapshot with a higher number has begun. Snapshots of a run are in the order of their numbers.
    fn has_later(&self, number: u32) -> bool {
        let last = self.runs.iter().rev().filter_map(|r| r.snapshots.last());
        last.map(|s| s.id.number).any(|n| n > number)
    }

    /// In how many snapshots an artifact is settled: there, or left out for a reason that is none of a failure. A snapshot
    /// that was taken again after a restart counts once.
    pub fn settled(&self, artifact: &str) -> u32 {
        let is = |s: &&SnapshotRecord| {
            let there = s.artifacts.iter().any(|a| a.slot.artifact == artifact);
            let left_out = |l: &Lack| l.skipped && !l.missing.withdrawn && l.missing.slot.artifact == artifact;
            there || (s.ended && s.lacks.iter().any(left_out))
        };
        let snapshots = self.runs.iter().flat_map(|r| &r.snapshots).filter(is);
        let mut numbers: Vec<u32> = snapshots.map(|s| s.id.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        u32::try_from(numbers.len()).unwrap_or(u32::MAX)
    }
}

/// What was taken of one process.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its number, from 1.
    pub run: u32,
    /// Which process.
    pub process: Process,
    /// Artifacts that belong to no snapshot.
    pub once: Vec<Artifact>,
    /// What should be among them and is not.
    #[serde(default)]
    pub lacks: Vec<Lack>,
    /// Snapshots by number.
    pub snapshots: Vec<SnapshotRecord>,
}

/// What was taken in one go.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SnapshotRecord {
    /// Number and time.
    pub id: SnapshotId,
    /// Whether all was tried.
    pub ended: bool,
    /// What is there, in the order of its arrival.
    pub artifacts: Vec<Artifact>,
    /// What is not.
    #[serde(default)]
    pub lacks: Vec<Lack>,
}

/// An artifact that is not there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Lack {
    /// Whether the bundle is whole without it.
    pub skipped: bool,
    /// Who, why, remedy.
    #[serde(flatten)]
    pub missing: Missing,
}

/// The journal as a file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct JournalFacts {
    /// Whole lines.
    pub lines: u64,
    /// Lines with events of a later version.
    #[serde(default)]
    pub unknown: u64,
    /// Numbers (from 1) of lines that cannot be read.
    #[serde(default)]
    pub damaged: Vec<u64>,
    /// Whether a last line was cut, as a kill does.
    #[serde(default)]
    pub torn: bool,
    /// Bytes of the whole lines.
    pub bytes: u64,
    /// SHA-256 of these bytes.
    pub sha256: String,
}

impl Record {
    /// Folds a journal up. Never fails: what cannot be read is counted in [`JournalFacts`].
    pub fn of_journal(bytes: &[u8]) -> Self {
        let mut record = Record::default();
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        for line in bytes[..whole].split_inclusive(|&b| b == b'\n') {
            record.journal.lines += 1;
            match serde_json::from_slice::<Entry>(line) {
                Ok(entry) => record.fold(entry),
                Err(_) => record.journal.damaged.push(record.journal.lines),
            }
        }
        record.journal.torn = whole < bytes.len();
        record.journal.bytes = whole as u64;
        record.journal.sha256 = names::hex(&Sha256::digest(&bytes[..whole]));
        record
    }

    /// Whether this version can read it.
    pub fn is_readable(&self) -> bool {
        self.schema != 0 && self.schema <= SCHEMA
    }

    /// Takes one more line in.
    pub(super) fn fold(&mut self, entry: Entry) {
        let at = entry.at;
        self.last = self.last.max(Some(at));
        self.started = self.started.or(Some(at));
        if !self.fits(&entry.event) {
            self.journal.damaged.push(self.journal.lines);
            return;
        }
        match entry.event {
            Event::Started(started) => {
                if self.schema == 0 {
                    self.schema = started.schema;
                    self.tool = started.tool;
                    self.asked = started.asked;
                } else {
                    self.schema = self.schema.max(started.schema);
                    if started.resumed {
                        self.resumed += 1;
                        for node in &mut self.nodes {
                            node.closed = node.last_number();
                        }
                    } else {
                        self.merged.push(started.asked);
                    }
                }
                self.finished = None;
            }
            Event::Run(run) => self.run(&run.node, run.run).process = run.process,
            Event::Artifact(artifact) if names::is_listed_path(&artifact.path) => self.there(artifact),
            Event::Binary(binary) if names::is_listed_path(&binary.path) => {
                self.binaries.retain(|b| b.path != binary.path);
                // What was refused before came after all.
                for node in self.nodes.iter_mut().filter(|n| n.node == binary.node) {
                    for run in &mut node.runs {
                        run.lacks.retain(|l| l.missing.slot.artifact != names::EXECUTABLE);
                    }
                }
                self.binaries.push(binary);
            }
            Event::Aside(aside) if names::is_listed_path(&aside.path) => {
                self.aside.retain(|a| a.path != aside.path);
                self.aside.push(aside);
            }
            Event::Artifact(_) | Event::Binary(_) | Event::Aside(_) => self.journal.damaged.push(self.journal.lines),
            Event::Failed(missing) => self.lacking(false, missing),
            Event::Skipped(missing) => self.lacking(true, missing),
            Event::Snapshot(s) => self.snapshot(&s.node, s.run, s.snapshot).ended = true,
            Event::Finished(finished) => self.finished = Some(finished),
            Event::Unknown => self.journal.unknown += 1,
        }
    }

    fn there(&mut self, artifact: Artifact) {
        let node = self.node(&artifact.slot.node);
        let is_late = artifact
            .slot
            .snapshot
            .is_some_and(|id| node.is_some_and(|n| id.number <= n.closed || n.has_later(id.number)));
        if is_late {
            self.late.push(artifact.path.clone());
        }
        let (artifacts, lacks) = self.place(&artifact.slot);
        lacks.retain(|l| l.missing.slot.artifact != artifact.slot.artifact);
        artifacts.retain(|a| a.slot.artifact != artifact.slot.artifact);
        artifacts.push(artifact);
    }

    fn lacking(&mut self, skipped: bool, missing: Missing) {
        let (artifacts, lacks) = self.place(&missing.slot);
        if missing.withdrawn {
            artifacts.retain(|a| a.slot.artifact != missing.slot.artifact);
        }
        if artifacts.iter().any(|a| a.slot.artifact == missing.slot.artifact) {
            return;
        }
        lacks.retain(|l| l.missing.slot.artifact != missing.slot.artifact);
        lacks.push(Lack { skipped, missing });
    }

    fn place(&mut self, slot: &Slot) -> (&mut Vec<Artifact>, &mut Vec<Lack>) {
        match slot.snapshot {
            None => {
                let run = self.run(&slot.node, slot.run);
                (&mut run.once, &mut run.lacks)
            }
            Some(id) => {
                let snapshot = self.snapshot(&slot.node, slot.run, id);
                (&mut snapshot.artifacts, &mut snapshot.lacks)
            }
        }
    }

    fn run(&mut self, node: &str, run: u32) -> &mut RunRecord {
        let at = match self.nodes.binary_search_by(|n| n.node.as_str().cmp(node)) {
            Ok(at) => at,
            Err(at) => {
                self.nodes.insert(
                    at,
                    NodeRecord {
                        node: node.to_owned(),
                        ..NodeRecord::default()
                    },
                );
                at
            }
        };
        let runs = &mut self.nodes[at].runs;
        let at = match runs.binary_search_by_key(&run, |r| r.run) {
            Ok(at) => at,
            Err(at) => {
                runs.insert(
                    at,
                    RunRecord {
                        run,
                        ..RunRecord::default()
                    },
                );
                at
            }
        };
        &mut runs[at]
    }

    fn snapshot(&mut self, node: &str, run: u32, id: SnapshotId) -> &mut SnapshotRecord {
        let snapshots = &mut self.run(node, run).snapshots;
        let at = match snapshots.binary_search_by_key(&id.number, |s| s.id.number) {
            Ok(at) => at,
            Err(at) => {
                let (artifacts, lacks) = (Vec::new(), Vec::new());
                snapshots.insert(
                    at,
                    SnapshotRecord {
                        id,
                        ended: false,
                        artifacts,
                        lacks,
                    },
                );
                at
            }
        };
        &mut snapshots[at]
    }

    /// All artifacts with a place: by node, run, snapshot; those of no snapshot before those of snapshots.
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        let runs = self.nodes.iter().flat_map(|n| &n.runs);
        runs.flat_map(|r| r.once.iter().chain(r.snapshots.iter().flat_map(|s| &s.artifacts)))
    }

    /// All that is not there.
    pub fn lacks(&self) -> impl Iterator<Item = &Lack> {
        let runs = self.nodes.iter().flat_map(|n| &n.runs);
        runs.flat_map(|r| r.lacks.iter().chain(r.snapshots.iter().flat_map(|s| &s.lacks)))
    }

    /// The artifact at a place, where there is one. Snapshots are told apart by their numbers.
    pub fn artifact(&self, slot: &Slot) -> Option<&Artifact> {
        let runs = &self.node(&slot.node)?.runs;
        let run = &runs[runs.binary_search_by_key(&slot.run, |r| r.run).ok()?];
        let artifacts = match slot.snapshot {
            None => &run.once,
            Some(id) => {
                let at = run.snapshots.binary_search_by_key(&id.number, |s| s.id.number).ok()?;
                &run.snapshots[at].artifacts
            }
        };
        artifacts.iter().find(|a| a.slot.artifact == slot.artifact)
    }

    /// All that was asked: by this capture and those that were merged into it.
    pub fn all_asked(&self) -> impl Iterator<Item = &Asked> {
        std::iter::once(&self.asked).chain(&self.merged)
    }

    /// What was asked of each node.
    pub fn asked_by_node(&self) -> BTreeMap<&str, Vec<&Asked>> {
        let mut by_node: BTreeMap<&str, Vec<&Asked>> = BTreeMap::new();
        for asked in self.all_asked() {
            let mut nodes: Vec<&str> = asked.nodes.iter().map(String::as_str).collect();
            nodes.sort_unstable();
            nodes.dedup();
            for node in nodes {
                by_node.entry(node).or_default().push(asked);
            }
        }
        by_node
    }

    /// What is known of a node.
    pub fn node(&self, name: &str) -> Option<&NodeRecord> {
        let at = self.nodes.binary_search_by(|n| n.node.as_str().cmp(name)).ok()?;
        Some(&self.nodes[at])
    }

    /// Sizes and SHA-256 of all files that the journal vouches for, by path.
    pub fn files(&self) -> BTreeMap<&str, (u64, &str)> {
        let artifacts = self
            .artifacts()
            .map(|a| (a.path.as_str(), (a.bytes, a.sha256.as_str())));
        let binaries = self
            .binaries
            .iter()
            .map(|b| (b.path.as_str(), (b.bytes, b.sha256.as_str())));
        artifacts.chain(binaries).collect()
    }
}
