//! Moments, diagnosis and manifest of an incident -> what a page or a message about it says, as plain data.
//!
//! [`Material`] is what was read; [`report`] puts it into order: snapshots over all processes, a graph for each kind of
//! profile with a value for every snapshot, numbers over time, events, what was asked and did not come. `render` words it.

mod coverage;
mod events;
mod headings;
mod history;
pub mod outside;
mod pictures;
mod redact;
mod vitals;

use std::sync::Arc;

use jiff::Timestamp;

pub use coverage::{Asked, State};
pub use events::{Event, EventKind};
pub use headings::Heading;
pub use history::{History, Unit};
pub use pictures::{Picture, PictureKind};
pub use redact::Redaction;
pub use vitals::{Scrape, Sign, Vitals};

use crate::analysis::QueryError;
use crate::bundle::Record;
use crate::diagnose::metrics::Metrics;
use crate::diagnose::report::Diagnosis;
use crate::kubelet::Knowledge;
use crate::model::{MergeError, Profile};

/// At most this many snapshots are shown; of more, an even choice with the first and the last.
pub const MOST_SNAPSHOTS: usize = 60;

/// What was read of an incident.
#[derive(Debug, Default)]
pub struct Material {
    /// What people call it: the bundle, folder or file.
    pub name: String,
    /// Snapshots in any order.
    pub moments: Vec<Moment>,
    /// The manifest, of a bundle.
    pub record: Option<Record>,
    /// Every file that was read.
    pub files: Vec<SourceFile>,
    /// What was recorded elsewhere.
    pub outside: Vec<History>,
}

/// What was taken in one go.
#[derive(Debug, Default)]
pub struct Moment {
    /// `snapshot 3`, `s03`.
    pub name: String,
    /// When.
    pub at: Option<Timestamp>,
    /// Which process it was taken of, counted from 0.
    pub process: usize,
    /// When that process started, where it is known.
    pub started: Option<Timestamp>,
    /// Its profiles.
    pub profiles: Vec<Taken>,
    /// Its metrics.
    pub metrics: Option<Metrics>,
    /// The node object as JSON.
    pub node: Option<serde_json::Value>,
}

/// A profile of a moment.
#[derive(Debug)]
pub struct Taken {
    /// What it is of.
    pub kind: PictureKind,
    /// The profile, with names.
    pub profile: Profile,
    /// Where a command finds it.
    pub place: Place,
}

/// Where a command finds a profile.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// The file, folder or bundle, as it was named.
    pub source: String,
    /// The file inside of it, for people.
    pub file: String,
    /// Number of the snapshot, of a bundle or folder.
    pub snapshot: Option<u32>,
    /// Name of the node, where the source has several.
    pub node: String,
    /// Kind of profile, where the source has several.
    pub kind: Option<crate::model::Kind>,
}

/// A file and what proves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceFile {
    /// Its path.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hex; empty when unknown.
    pub sha256: String,
}

/// A moment as the report shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// What people call it.
    pub name: String,
    /// When.
    pub at: Option<Timestamp>,
    /// Which process, counted from 0.
    pub process: usize,
}

/// Everything that is said of an incident.
#[derive(Debug)]
pub struct Report {
    /// The node, or what was read.
    pub title: String,
    /// Moments in time order.
    pub snapshots: Vec<Snapshot>,
    /// How many snapshots were read and are not shown.
    pub left_out: usize,
    /// A graph for every kind of profile.
    pub pictures: Vec<Picture>,
    /// Numbers over time.
    pub history: Vec<History>,
    /// What happened when.
    pub events: Vec<Event>,
    /// What is sick.
    pub diagnosis: Diagnosis,
    /// What was asked for and what came of it.
    pub asked: Vec<Asked>,
    /// The files.
    pub files: Vec<SourceFile>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is nothing to show.
    #[error("no profile, dump or metrics to report on")]
    Empty,
    /// Profiles of one kind do not measure the same thing.
    #[error("{kind} profiles of several snapshots do not fit together: {cause}")]
    Merge {
        /// Which.
        kind: &'static str,
        /// Why.
        cause: MergeError,
    },
    /// A graph cannot be made.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Puts an incident into order.
///
/// # Errors
/// When there is nothing to show, or profiles do not fit together.
pub fn report(mut material: Material, diagnosis: Diagnosis, knowledge: &Arc<Knowledge>) -> Result<Report, ReportError> {
    let has_something = |m: &Moment| !m.profiles.is_empty() || m.metrics.is_some();
    material.moments.retain(has_something);
    if material.moments.is_empty() {
        return Err(ReportError::Empty);
    }
    // Moments without a time keep their places; the others are sorted.
    material.moments.sort_by_key(|m| (m.process, m.at));
    let read = material.moments.len();
    thin(&mut material.moments, MOST_SNAPSHOTS);
    let snapshots: Vec<Snapshot> = (material.moments.iter())
        .map(|m| Snapshot {
            name: m.name.clone(),
            at: m.at,
            process: m.process,
        })
        .collect();
    let mut history = history::of_moments(&material.moments);
    history.append(&mut material.outside);
    let events = events::events(&material.moments, &diagnosis);
    let asked = coverage::asked(material.record.as_ref(), &material.moments);
    let title = match diagnosis.examined.node.as_str() {
        "" => material.name.clone(),
        node => node.to_owned(),
    };
    Ok(Report {
        title,
        left_out: read - snapshots.len(),
        snapshots,
        pictures: pictures::pictures(material.moments, &diagnosis, knowledge)?,
        history,
        events,
        diagnosis,
        asked,
        files: material.files,
    })
}

/// Keeps at most `most`, evenly chosen, the first and the last among them, and every one that has a kind of profile which
/// few have.
fn thin(moments: &mut Vec<Moment>, most: usize) {
    let count = moments.len();
    if count <= most {
        return;
    }
    let of_kind = |kind: PictureKind| {
        moments
            .iter()
            .filter(|m| m.profiles.iter().any(|p| p.kind == kind))
            .count()
    };
    let is_rare = |m: &Moment| m.profiles.iter().any(|p| of_kind(p.kind) * 10 <= most);
    let rare: Vec<bool> = moments.iter().map(is_rare).collect();
    let mut at = 0;
    moments.retain(|_| {
        let i = at;
        at += 1;
        let place = |i: usize| i * (most - 1) / (count - 1);
        rare[i] || i == 0 || place(i) != place(i - 1)
    });
}
