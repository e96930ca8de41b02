//! The snapshots of one process in time order, and what was taken at each of them.
//!
//! A [`Series`] lists: which artifacts there are, of which kind, form, time and build. Nothing of it is decoded until it is
//! asked for, one artifact at a time, so that a thousand snapshots need no more memory than one. A restart begins a new
//! series, and so does another node.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::InputError;
use super::files::{Files, Place};
use crate::bundle::manifest::{self, Facts, Process};
use crate::bundle::{Record, RunRecord};
use crate::model::Kind;
use crate::model::evidence::Evidence;
use crate::pprof;

/// What a log is called that has no dump and says how a kubelet came to an end.
pub(super) const JOURNAL: &str = "journal";

/// The snapshots of one process.
#[derive(Clone, Debug)]
pub struct Series {
    /// The source that it is in, as it was named.
    pub source: PathBuf,
    /// Name of the node; `""` when unknown.
    pub node: String,
    /// Which process of the node, from 1.
    pub run: u32,
    /// What is known of the process.
    pub process: Process,
    /// Build ID of its profiles; `""` when none says so.
    pub build_id: String,
    /// What says that all of it is of one process.
    pub known_by: KnownBy,
    /// What belongs to no snapshot, for instance `configz`.
    pub once: Vec<Artifact>,
    /// The snapshots, the earliest first.
    pub moments: Vec<Moment>,
    pub(super) files: Arc<Files>,
}

/// What says that files are of one process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KnownBy {
    /// The manifest of a bundle.
    Manifest,
    /// Start time and build in the metrics taken with them.
    Metrics,
    /// Equal build IDs and distinct times, which is a guess: the process is not known.
    Build,
    /// Nothing: there is one snapshot, or the files say neither build nor time.
    Nothing,
}

/// A snapshot: what was taken in one go.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Its number, from 1. In a bundle it goes on counting over restarts.
    pub number: u32,
    /// What its files have in common in their names, for instance `s01`; `""` in bundles.
    pub name: String,
    /// When it was taken, where that is known.
    pub taken: Option<Timestamp>,
    /// What was taken.
    pub artifacts: Vec<Artifact>,
}

/// A file, and what is known of it without decoding it again.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// What it is: `heap`, `goroutine.debug2`, `metrics`, `configz`, ...; as in [`manifest::Slot::artifact`].
    pub name: String,
    /// The file, with the source that it is in.
    pub path: PathBuf,
    /// Kind of profile; `None` for what is no profile.
    pub kind: Option<Kind>,
    /// What its bytes say: form, build ID, time, totals.
    pub facts: Facts,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 as the manifest has it; `""` where there is no manifest.
    pub sha256: String,
    /// The kind that it can be read as instead: the text of heap is that of allocs.
    pub(super) or_kind: Option<Kind>,
    pub(super) place: Place,
}

impl Artifact {
    /// Whether it can be read as a profile of this kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.kind == Some(kind) || self.or_kind == Some(kind)
    }

    /// What is before the first dot of its name: forms of one thing share it.
    pub fn stem(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// The name of the file in its source.
    pub fn file_name(&self) -> &str {
        self.path.file_name().and_then(|n| n.to_str()).unwrap_or_default()
    }
}

impl Moment {
    /// The artifact of that name.
    pub fn artifact(&self, name: &str) -> Option<&Artifact> {
        self.artifacts.iter().find(|a| a.name == name)
    }

    /// The profile of that kind in the form that says most.
    pub fn profile(&self, kind: Kind) -> Option<&Artifact> {
        let of_kind = self.artifacts.iter().filter(|a| a.kind == Some(kind));
        of_kind.min_by_key(|a| preference(a.facts.form))
    }
}

impl Series {
    /// What a log without a dump says of units and processes; `None` for what is no such log.
    pub fn events(&self, artifact: &Artifact) -> Option<Evidence> {
        if artifact.name != JOURNAL {
            return None;
        }
        match self.read(artifact) {
            Err(InputError::Read {
                cause: pprof::ReadError::NoDump(evidence),
                ..
            }) => Some(*evidence),
            _ => None,
        }
    }

    /// The artifact of that name which belongs to no snapshot.
    pub fn artifact(&self, name: &str) -> Option<&Artifact> {
        self.once.iter().find(|a| a.name == name)
    }

    /// All artifacts with their snapshots, those of no snapshot first.
    pub fn artifacts(&self) -> impl Iterator<Item = (Option<&Moment>, &Artifact)> {
        let once = self.once.iter().map(|a| (None, a));
        let of_moments = self.moments.iter();
        once.chain(of_moments.flat_map(|m| m.artifacts.iter().map(move |a| (Some(m), a))))
    }

    pub(super) fn artifacts_mut(&mut self) -> impl Iterator<Item = &mut Artifact> {
        let of_moments = self.moments.iter_mut().flat_map(|m| &mut m.artifacts);
        self.once.iter_mut().chain(of_moments)
    }

    /// The bytes of an artifact, unpacked where a text was packed.
    ///
    /// # Errors
    /// When it cannot be read or unpacked.
    pub fn bytes(&self, artifact: &Artifact) -> Result<Cow<'_, [u8]>, InputError> {
        self.files.text(artifact)
    }

    /// Decodes a profile. What its bytes are, is held against the manifest.
    ///
    /// # Errors
    /// When it cannot be read or is no profile.
    pub fn read(&self, artifact: &Artifact) -> Result<pprof::Read, InputError> {
        let (read, _) = self.files.read(artifact)?;
        Ok(read)
    }

    /// The series of a bundle, by node and run.
    pub(super) fn of_bundle(files: &Arc<Files>, source: usize, name: &Path, record: &Record) -> Vec<Self> {
        let nodes = record.nodes.iter();
        let runs = nodes.flat_map(|node| node.runs.iter().map(move |run| (node.node.as_str(), run)));
        runs.map(|(node, run)| Self::of_run(files, source, name, node, run))
            .collect()
    }

    fn of_run(files: &Arc<Files>, source: usize, name: &Path, node: &str, run: &RunRecord) -> Self {
        let has = |a: &&manifest::Artifact| files.has(source, &a.path);
        let artifact = |a: &manifest::Artifact| Artifact {
            name: a.slot.artifact.clone(),
            path: name.join(&a.path),
            kind: Kind::parse(&a.facts.kind),
            facts: a.facts.clone(),
            bytes: a.bytes,
            sha256: a.sha256.clone(),
            or_kind: None,
            place: Place {
                source,
                file: a.path.clone(),
            },
        };
        let moments = run.snapshots.iter().map(|s| Moment {
            number: s.id.number,
            name: String::new(),
            taken: Some(s.id.taken),
            artifacts: s.artifacts.iter().filter(has).map(artifact).collect(),
        });
        let mut series = Self {
            source: name.to_owned(),
            node: node.to_owned(),
            run: run.run,
            process: run.process.clone(),
            build_id: String::new(),
            known_by: KnownBy::Manifest,
            once: run.once.iter().filter(has).map(artifact).collect(),
            moments: moments.collect(),
            files: files.clone(),
        };
        let build = series
            .artifacts()
            .map(|(_, a)| &a.facts.build_id)
            .find(|id| !id.is_empty());
        series.build_id = build.cloned().unwrap_or_default();
        series
    }
}

/// Which form says most where there are several of the same thing; smaller is better.
pub(super) fn preference(form: manifest::Form) -> u8 {
    match form {
        manifest::Form::Proto => 0,
        manifest::Form::Debug1 => 1,
        manifest::Form::Legacy => 2,
        manifest::Form::Debug2 => 3,
        _ => 4,
    }
}
