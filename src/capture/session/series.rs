//! Which snapshot is the next one of a node, and what it takes. Snapshots of earlier captures are over: what is missing of
//! them is taken in snapshots of its own, under the time when it comes.

use crate::bundle::NodeRecord;
use crate::capture::endpoints::{Endpoint, Phase, Plan};

/// Where a series of snapshots stands.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// Number of the snapshot that is being taken, or was last.
    pub(super) number: u32,
    /// Number of the last snapshot of earlier captures.
    closed: u32,
    /// The run of the last snapshot; 0 where there is none.
    run: u32,
    /// Of how many snapshots each artifact is missing.
    due: Vec<(&'static Endpoint, u32)>,
    /// Counts the snapshots of this capture.
    turn: u32,
}

impl Series {
    /// What is due where this is known of the node and this many snapshots were asked for.
    pub(super) fn of(known: &NodeRecord, plan: &Plan, snapshots: u32) -> Self {
        let due = |e: &'static Endpoint| (e, snapshots.saturating_sub(known.settled(e.artifact)));
        let last = known.runs.last().filter(|r| !r.snapshots.is_empty());
        Series {
            number: known.last_number(),
            closed: known.last_number(),
            run: last.map_or(0, |r| r.run),
            due: plan.of(Phase::Every).map(due).collect(),
            turn: 0,
        }
    }

    /// How many snapshots are due.
    pub(super) fn len(&self) -> u32 {
        self.due.iter().map(|(_, n)| *n).max().unwrap_or(0)
    }

    /// Number of the last of them.
    pub(super) fn last(&self) -> u32 {
        self.closed + self.len()
    }

    /// Whether an earlier capture took snapshots.
    pub(super) fn is_resumed(&self) -> bool {
        self.closed > 0
    }

    /// What is missing of earlier captures, and how often.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let due = self.due.iter().filter(|(_, n)| *n > 0 && self.is_resumed());
        due.map(|(e, n)| (e.artifact, *n))
    }

    /// Goes on to the next snapshot.
    pub(super) fn advance(&mut self) {
        self.number += 1;
        self.turn += 1;
    }

    /// Goes on to the first snapshot of another process when none is due any more. It counts as the last one taken again.
    pub(super) fn repeat(&mut self) {
        self.number = self.number.max(self.closed + 1);
    }

    /// Whether the snapshot takes an artifact: everything of a process that has none yet, else what is still missing. Forms
    /// of one thing belong to one moment.
    pub(super) fn takes(&self, e: &Endpoint, run: u32) -> bool {
        let stem = |e: &Endpoint| e.artifact.split('.').next().unwrap_or_default();
        let is_due = |(other, n): &(&Endpoint, u32)| self.turn <= *n && stem(other) == stem(e);
        self.run != run || self.due.iter().any(is_due)
    }

    /// Notes the run of a snapshot.
    pub(super) fn begun(&mut self, run: u32) {
        self.run = run;
    }
}
