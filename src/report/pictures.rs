//! A graph for every kind of profile, with the values of every snapshot that has it.

use std::sync::Arc;

use super::headings::{Heading, headings};
use super::{Moment, Place, ReportError};
use crate::analysis::{self, Flame, FlameLimits, Granularity, Query, prepare_knowing};
use crate::diagnose::report::Diagnosis;
use crate::kubelet::Knowledge;
use crate::model::{MergeOptions, Profile};

/// What a graph is of. Dumps and profiles of goroutines are two, because a profile knows no states.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PictureKind {
    /// Live objects.
    Heap,
    /// Goroutines with their states, from a dump.
    Dump,
    /// Goroutines from a profile.
    Goroutine,
    /// CPU time.
    Cpu,
    /// Goroutines that nothing can wake.
    GoroutineLeak,
    /// Waiting for locks.
    Mutex,
    /// Waiting for anything.
    Block,
    /// Stacks that started threads.
    ThreadCreate,
    /// All allocations since the start.
    Allocs,
    /// Anything else.
    Other,
}

impl PictureKind {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::Dump => "dump",
            Self::Goroutine => "goroutine",
            Self::Cpu => "cpu",
            Self::GoroutineLeak => "goroutineleak",
            Self::Mutex => "mutex",
            Self::Block => "block",
            Self::ThreadCreate => "threadcreate",
            Self::Allocs => "allocs",
            Self::Other => "profile",
        }
    }
}

/// A graph.
#[derive(Debug)]
pub struct Picture {
    /// What it is of.
    pub kind: PictureKind,
    /// The tree and the rows of all its moments.
    pub flame: Flame,
    /// For each moment of the rows, which snapshot it is.
    pub snapshots: Vec<usize>,
    /// Where a command finds each.
    pub places: Vec<Place>,
    /// For each row what sort of wait it is; empty where that is not known.
    pub headings: Vec<Heading>,
}

/// What a graph of a report leaves out. A page stays below five megabytes with it.
const LIMITS: FlameLimits = FlameLimits {
    min_fraction: 0.0,
    max_nodes: 60_000,
};

/// A profile with its snapshot and where a command finds it.
type Found = (usize, Place, Profile);

pub(super) fn pictures(
    moments: Vec<Moment>,
    diagnosis: &Diagnosis,
    knowledge: &Arc<Knowledge>,
) -> Result<Vec<Picture>, ReportError> {
    let mut by_kind: Vec<(PictureKind, Vec<Found>)> = Vec::new();
    for (snapshot, moment) in moments.into_iter().enumerate() {
        for taken in moment.profiles {
            let entry = (snapshot, taken.place, taken.profile);
            match by_kind.iter_mut().find(|(kind, _)| *kind == taken.kind) {
                Some((_, of_kind)) => of_kind.push(entry),
                None => by_kind.push((taken.kind, vec![entry])),
            }
        }
    }
    by_kind.sort_by_key(|(kind, _)| *kind);
    forget_repetitions(&mut by_kind);
    by_kind
        .into_iter()
        .map(|(kind, of_kind)| picture(kind, of_kind, diagnosis, knowledge))
        .collect()
}

/// What another kind shows as well has no graph of its own: allocations beside a heap, which has their columns, and profiles
/// of goroutines where dumps have every moment of them.
fn forget_repetitions(by_kind: &mut Vec<(PictureKind, Vec<Found>)>) {
    let snapshots = |kind: PictureKind| -> Vec<usize> {
        let of_kind = by_kind.iter().find(|(k, _)| *k == kind);
        of_kind.map_or_else(Vec::new, |(_, all)| all.iter().map(|(s, ..)| *s).collect())
    };
    let covered = |kind: PictureKind, by: PictureKind| {
        let by = snapshots(by);
        !by.is_empty() && snapshots(kind).iter().all(|s| by.contains(s))
    };
    let allocs = covered(PictureKind::Allocs, PictureKind::Heap);
    let goroutines = covered(PictureKind::Goroutine, PictureKind::Dump);
    by_kind.retain(|(kind, _)| match kind {
        PictureKind::Allocs => !allocs,
        PictureKind::Goroutine => !goroutines,
        _ => true,
    });
}

fn picture(
    kind: PictureKind,
    of_kind: Vec<Found>,
    diagnosis: &Diagnosis,
    knowledge: &Arc<Knowledge>,
) -> Result<Picture, ReportError> {
    let mut snapshots = Vec::new();
    let mut places = Vec::new();
    let mut profiles = Vec::new();
    for (snapshot, place, profile) in of_kind {
        snapshots.push(snapshot);
        places.push(place);
        profiles.push(profile);
    }
    let merged = analysis::moments(profiles, MergeOptions::default()).map_err(|cause| ReportError::Merge {
        kind: kind.as_str(),
        cause,
    })?;
    let query = Query {
        granularity: Granularity::FileFunctions,
        ..Query::default()
    };
    let view = prepare_knowing(merged, &query, Some(knowledge.clone()))?;
    let flame = analysis::flame(&view, LIMITS)?;
    Ok(Picture {
        headings: match kind {
            PictureKind::Dump => headings(&flame, diagnosis),
            _ => Vec::new(),
        },
        kind,
        flame,
        snapshots,
        places,
    })
}
