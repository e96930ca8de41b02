//! Several bundles as one: of several nodes, or of one node at several times.
//!
//! Runs of one node are one run when both name the same start of the process; snapshots of a run stand in the order of
//! their times and are numbered anew, over all runs of the node. Equal artifacts of equal times become one. The bytes of
//! artifacts never change. The merged journal is written out of the records: lines that were superseded are gone.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::WriteError;
use super::contents::Contents;
use super::manifest::{
    Artifact, Binary, Cause, Entry, Event, Finished, Missing, Process, RunStarted, SCHEMA, Slot, SnapshotEnded,
    SnapshotId, Started, Who,
};
use super::names;
use super::record::{Lack, Record, RunRecord, SnapshotRecord};
use super::staging::Staging;

/// Why bundles cannot be merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleMergeError {
    /// A file is not what its manifest says.
    #[error("{}: {path} is not what its manifest says", bundle.display())]
    Altered {
        /// The bundle.
        bundle: std::path::PathBuf,
        /// The file.
        path: String,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl BundleMergeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Altered { .. } => Some("verify the bundle: that names all such files".into()),
            Self::Write(cause) => cause.hint(),
        }
    }
}

/// What was merged.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MergedBundles {
    /// Nodes.
    pub nodes: usize,
    /// Processes.
    pub runs: usize,
    /// Snapshots.
    pub snapshots: usize,
    /// Files.
    pub files: usize,
    /// Artifacts that were in several bundles.
    pub equal: usize,
    /// Files that manifests name and that are not there.
    pub missing: Vec<String>,
}

/// A run of a bundle.
struct Part<'a> {
    bundle: usize,
    run: &'a RunRecord,
    first: Option<Timestamp>,
}

/// Merges bundles into a folder at a place where nothing is.
///
/// # Errors
/// When there is something already, a file is not what its manifest says, or the system refuses; nothing is left then.
pub fn merge_bundles(bundles: &[(Contents, Record)], place: &Path) -> Result<MergedBundles, BundleMergeError> {
    let mut merger = Merger {
        bundles,
        staging: Staging::begin(place)?,
        entries: Vec::new(),
        done: MergedBundles::default(),
        at: bundles.iter().filter_map(|(_, r)| r.started).min().unwrap_or_default(),
    };
    let mut begun: Vec<Event> = Vec::new();
    for (_, record) in bundles {
        for asked in record.all_asked() {
            let started = Event::Started(Started {
                schema: SCHEMA,
                tool: record.tool.clone(),
                resumed: false,
                asked: asked.clone(),
            });
            // A bundle and its copy asked once.
            if !begun.contains(&started) {
                begun.push(started);
            }
        }
    }
    begun.into_iter().for_each(|event| merger.push(event));
    let filed: Vec<Record> = bundles.iter().map(|(_, record)| filed_anew(record)).collect();
    let mut nodes: BTreeMap<&str, Vec<Part<'_>>> = BTreeMap::new();
    for (bundle, record) in filed.iter().enumerate() {
        for node in &record.nodes {
            let parts = node.runs.iter().map(|run| Part {
                bundle,
                run,
                first: run.snapshots.first().map(|s| s.id.taken).or(record.started),
            });
            nodes.entry(&node.node).or_default().extend(parts);
        }
    }
    for (node, mut parts) in nodes {
        parts.sort_by_key(|p| (p.first, p.bundle, p.run.run));
        let mut groups: Vec<Vec<Part<'_>>> = Vec::new();
        for part in parts {
            let same = |g: &&mut Vec<Part<'_>>| g.iter().all(|p| is_same(&p.run.process, &part.run.process));
            match groups.iter_mut().find(same) {
                Some(group) => group.push(part),
                None => groups.push(vec![part]),
            }
        }
        merger.done.nodes += 1;
        let mut number = 0;
        for (run, group) in (1..).zip(groups) {
            merger.run(node, run, &group, &mut number)?;
        }
    }
    merger.binaries()?;
    let ends: Vec<&Finished> = bundles.iter().filter_map(|(_, r)| r.finished.as_ref()).collect();
    if ends.len() == bundles.len() {
        // One that ended early makes the whole end early; the first of several tells why.
        let early = ends.iter().find(|f| !f.is_complete());
        let finished = early.map_or_else(Finished::default, |f| (*f).clone());
        merger.push(Event::Finished(finished));
    }
    let Merger {
        staging, entries, done, ..
    } = merger;
    staging.journal(&entries)?;
    staging.finish()?;
    Ok(done)
}

/// The record with what came late in snapshots of its own, under the time when it came.
fn filed_anew(record: &Record) -> Record {
    let mut record = record.clone();
    let late = std::mem::take(&mut record.late);
    for run in record.nodes.iter_mut().flat_map(|n| &mut n.runs) {
        let mut own = Vec::new();
        for s in &mut run.snapshots {
            let (artifacts, on_time) = std::mem::take(&mut s.artifacts)
                .into_iter()
                .partition::<Vec<_>, _>(|a| late.contains(&a.path));
            s.artifacts = on_time;
            if let Some(taken) = artifacts.iter().filter_map(Artifact::taken).min() {
                let id = SnapshotId { taken, ..s.id };
                own.push(SnapshotRecord {
                    id,
                    ended: true,
                    artifacts,
                    lacks: Vec::new(),
                });
            }
        }
        run.snapshots.extend(own);
    }
    record
}

/// Whether both are known to be the same process.
fn is_same(a: &Process, b: &Process) -> bool {
    a.start_time.is_some() && b.start_time.is_some() && a.may_be(b)
}

struct Merger<'a> {
    bundles: &'a [(Contents, Record)],
    staging: Staging,
    entries: Vec<Entry>,
    done: MergedBundles,
    /// Time of the next entry.
    at: Timestamp,
}

/// A snapshot of the result: those of the bundles that it is made of.
type Joined<'a> = Vec<(usize, &'a SnapshotRecord)>;

impl Merger<'_> {
    fn push(&mut self, event: Event) {
        self.entries.push(Entry { at: self.at, event });
    }

    fn run(&mut self, node: &str, run: u32, group: &[Part<'_>], number: &mut u32) -> Result<(), BundleMergeError> {
        self.done.runs += 1;
        let mut process = Process::default();
        for part in group {
            let p = &part.run.process;
            process.start_time = process.start_time.or(p.start_time);
            for (to, from) in [
                (&mut process.boot_id, &p.boot_id),
                (&mut process.kubelet_version, &p.kubelet_version),
                (&mut process.go_version, &p.go_version),
            ] {
                if to.is_empty() {
                    to.clone_from(from);
                }
            }
            for (key, value) in &p.facts {
                process.facts.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        self.at = self
            .at
            .max(group.iter().filter_map(|p| p.first).min().unwrap_or(self.at));
        self.push(Event::Run(RunStarted {
            node: node.to_owned(),
            run,
            process,
        }));
        let place = |snapshot| Slot {
            node: node.to_owned(),
            run,
            snapshot,
            artifact: String::new(),
        };
        let once: Vec<_> = group
            .iter()
            .map(|p| (p.bundle, p.run.once.as_slice(), p.run.lacks.as_slice()))
            .collect();
        self.artifacts(&place(None), &once)?;
        let mut snapshots: Vec<(usize, &SnapshotRecord)> = group
            .iter()
            .flat_map(|p| p.run.snapshots.iter().map(|s| (p.bundle, s)))
            .collect();
        snapshots.sort_by_key(|(bundle, s)| (s.id.taken, *bundle, s.id.number));
        let mut joined: Vec<Joined<'_>> = Vec::new();
        for (bundle, snapshot) in snapshots {
            match joined.last_mut() {
                Some(last) if fits(last, snapshot) => last.push((bundle, snapshot)),
                _ => joined.push(vec![(bundle, snapshot)]),
            }
        }
        for parts in joined {
            *number += 1;
            self.done.snapshots += 1;
            let id = SnapshotId {
                number: *number,
                taken: parts[0].1.id.taken,
            };
            self.at = self.at.max(id.taken);
            let of: Vec<_> = parts
                .iter()
                .map(|(b, s)| (*b, s.artifacts.as_slice(), s.lacks.as_slice()))
                .collect();
            self.artifacts(&place(Some(id)), &of)?;
            if parts.iter().any(|(_, s)| s.ended) {
                let (node, snapshot) = (node.to_owned(), id);
                self.push(Event::Snapshot(SnapshotEnded { node, run, snapshot }));
            }
        }
        Ok(())
    }

    fn artifacts(&mut self, place: &Slot, of: &[(usize, &[Artifact], &[Lack])]) -> Result<(), BundleMergeError> {
        let mut taken: Vec<(String, String)> = Vec::new();
        for (bundle, artifacts, _) in of {
            for artifact in *artifacts {
                let name = &artifact.slot.artifact;
                if taken.contains(&(name.clone(), artifact.sha256.clone())) {
                    self.done.equal += 1;
                    continue;
                }
                // What was taken once a run by each of several captures differs.
                let same = taken.iter().filter(|(n, _)| n == name).count();
                taken.push((name.clone(), artifact.sha256.clone()));
                let file = artifact.path.rsplit('/').next().unwrap_or("artifact");
                let (stem, ending) = file.split_once('.').unwrap_or((file, "bin"));
                let mark = if same == 0 {
                    String::new()
                } else {
                    format!("-{}", same + 1)
                };
                let slot = Slot {
                    artifact: format!("{name}{mark}"),
                    ..place.clone()
                };
                let path = names::path_of(&slot, &format!("{stem}{mark}.{ending}"));
                if self.copy(*bundle, &artifact.path, &artifact.sha256, &path)? {
                    self.push(Event::Artifact(Artifact {
                        slot,
                        path,
                        ..artifact.clone()
                    }));
                } else {
                    self.push(Event::Failed(Missing {
                        slot,
                        who: Who::Disk,
                        cause: Cause::FileMissing,
                        ..Missing::default()
                    }));
                }
            }
        }
        for lack in of.iter().flat_map(|(_, _, lacks)| *lacks) {
            let slot = Slot {
                artifact: lack.missing.slot.artifact.clone(),
                ..place.clone()
            };
            if taken.iter().any(|(n, _)| *n == slot.artifact) {
                continue;
            }
            let missing = Missing {
                slot,
                ..lack.missing.clone()
            };
            self.push(if lack.skipped {
                Event::Skipped(missing)
            } else {
                Event::Failed(missing)
            });
        }
        Ok(())
    }

    fn binaries(&mut self) -> Result<(), BundleMergeError> {
        let mut taken: Vec<&Binary> = Vec::new();
        for (bundle, (_, record)) in self.bundles.iter().enumerate() {
            for binary in &record.binaries {
                if taken.iter().any(|t| t.sha256 == binary.sha256) {
                    self.done.equal += 1;
                    continue;
                }
                let mut path = binary.path.clone();
                if taken.iter().any(|t| t.path == path) {
                    let name = path.rsplit('/').next().unwrap_or("binary");
                    path = format!(
                        "{}/{}/{name}",
                        names::BINARIES,
                        &binary.sha256[..binary.sha256.len().min(40)]
                    );
                }
                taken.push(binary);
                if self.copy(bundle, &binary.path, &binary.sha256, &path)? {
                    self.push(Event::Binary(Binary { path, ..binary.clone() }));
                }
            }
        }
        Ok(())
    }

    /// Copies a file; whether it was there.
    fn copy(&mut self, bundle: usize, from: &str, sha256: &str, to: &str) -> Result<bool, BundleMergeError> {
        let contents = &self.bundles[bundle].0;
        if !contents.has(from) {
            self.done.missing.push(contents.name.join(from).display().to_string());
            return Ok(false);
        }
        if self.staging.copy(contents, from, to)? != sha256 {
            let (bundle, path) = (contents.name.clone(), from.to_owned());
            return Err(BundleMergeError::Altered { bundle, path });
        }
        self.done.files += 1;
        Ok(true)
    }
}

/// Whether a snapshot is the same as those: of one time, and no artifact of both differs.
fn fits(those: &Joined<'_>, snapshot: &SnapshotRecord) -> bool {
    those.iter().all(|(_, s)| {
        let differs = |a: &Artifact| {
            s.artifacts
                .iter()
                .any(|b| a.slot.artifact == b.slot.artifact && a.sha256 != b.sha256)
        };
        s.id.taken == snapshot.id.taken && !snapshot.artifacts.iter().any(differs)
    })
}
