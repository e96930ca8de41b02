//! What happened when: starts of the process, onsets of findings, changes of the node's conditions.

use jiff::Timestamp;

use super::Moment;
use crate::diagnose::report::{Diagnosis, Finding};

/// What sort of event it is.
#[derive(Clone, PartialEq, Debug)]
pub enum EventKind {
    /// The process started.
    Start,
    /// Another process took its place.
    Restart,
    /// A finding began; its rank.
    Onset(usize),
    /// A condition of the node changed.
    Condition {
        /// `Ready`.
        name: String,
        /// `False`.
        status: String,
        /// `KubeletNotReady`.
        reason: String,
    },
}

/// An event.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
}

/// An hour before the first snapshot is still of interest; what is older says nothing of this incident.
const BEFORE: i64 = 3600;

pub(super) fn events(moments: &[Moment], diagnosis: &Diagnosis) -> Vec<Event> {
    let first = moments.iter().filter_map(|m| m.at).min();
    let last = moments.iter().filter_map(|m| m.at).max();
    let (Some(first), Some(last)) = (first, last) else {
        return Vec::new();
    };
    let span = last.duration_since(first).as_secs().max(60);
    let near = |at: Timestamp| at.as_second() >= first.as_second() - BEFORE.max(span) && at <= last;
    let mut events = Vec::new();
    let mut processes: Vec<(usize, Option<Timestamp>)> = moments.iter().map(|m| (m.process, m.started)).collect();
    processes.dedup_by_key(|(process, _)| *process);
    for (i, &(process, started)) in processes.iter().enumerate() {
        // A process whose start is not known began between two snapshots: the first of its own is what is known.
        let own = moments.iter().find(|m| m.process == process).and_then(|m| m.at);
        let at = started.or(own.filter(|_| i > 0));
        if let Some(at) = at.filter(|&at| near(at)) {
            let kind = if i == 0 { EventKind::Start } else { EventKind::Restart };
            events.push(Event { at, kind });
        }
    }
    let onset = |f: &Finding| {
        let since = f.since.as_ref()?;
        Some(Event {
            at: since.after.or(since.before).filter(|&at| near(at))?,
            kind: EventKind::Onset(f.rank),
        })
    };
    events.extend(diagnosis.findings.iter().filter_map(onset));
    if let Some(node) = moments.iter().rev().find_map(|m| m.node.as_ref()) {
        events.extend(conditions(node).filter(|e| near(e.at)));
    }
    events.sort_by_key(|e| e.at);
    events
}

/// The last change of every condition.
fn conditions(node: &serde_json::Value) -> impl Iterator<Item = Event> {
    let conditions = node.pointer("/status/conditions").and_then(|c| c.as_array());
    conditions.into_iter().flatten().filter_map(|c| {
        let text = |key: &str| c.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        // Pressure that is not there is no event.
        let tells = text("type") == "Ready" || text("status") == "True";
        Some(Event {
            at: text("lastTransitionTime").parse().ok().filter(|_| tells)?,
            kind: EventKind::Condition {
                name: text("type"),
                status: text("status"),
                reason: text("reason"),
            },
        })
    })
}
