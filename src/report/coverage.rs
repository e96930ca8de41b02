//! What was asked for and what came of it: taken, refused, failed, not there.

use super::Moment;
use crate::bundle::manifest::{Missing, Who};
use crate::bundle::{Lack, Record};

/// What came of an artifact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// The API server, the kubelet or the provider said no.
    Refused,
    /// It did not come for another reason.
    Failed,
    /// It was taken and given up again: it may be of another process.
    Withdrawn,
    /// There is nothing to take there, and the bundle is whole without it.
    NotThere,
    /// It is there.
    Taken,
}

impl State {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
            Self::NotThere => "missing",
            Self::Taken => "taken",
        }
    }
}

/// An artifact, and how often it had this outcome.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    /// Its name, `heap`.
    pub artifact: String,
    /// What came of it.
    pub state: State,
    /// How often.
    pub count: usize,
    /// Why it is not there, of the first of them.
    pub missing: Option<Box<Missing>>,
}

/// By the manifest; without one, by what is there.
pub(super) fn asked(record: Option<&Record>, moments: &[Moment]) -> Vec<Asked> {
    let mut all: Vec<Asked> = Vec::new();
    let mut add = |artifact: &str, state: State, missing: Option<&Missing>| {
        let same = |a: &&mut Asked| {
            let one_reason = match (a.missing.as_deref(), missing) {
                (Some(a), Some(b)) => (a.who, a.cause, &a.why) == (b.who, b.cause, &b.why),
                (a, b) => a.is_none() && b.is_none(),
            };
            a.artifact == artifact && a.state == state && one_reason
        };
        match all.iter_mut().find(same) {
            Some(known) => known.count += 1,
            None => all.push(Asked {
                artifact: artifact.to_owned(),
                state,
                count: 1,
                missing: missing.cloned().map(Box::new),
            }),
        }
    };
    match record {
        Some(record) => {
            for run in record.nodes.iter().flat_map(|n| &n.runs) {
                let taken = run.snapshots.iter().flat_map(|s| &s.artifacts).chain(&run.once);
                taken.for_each(|a| add(&a.slot.artifact, State::Taken, None));
                let lacks = run.snapshots.iter().flat_map(|s| &s.lacks).chain(&run.lacks);
                lacks.for_each(|l| add(&l.missing.slot.artifact, state(l), Some(&l.missing)));
            }
        }
        None => {
            for moment in moments {
                let profiles = moment.profiles.iter().map(|p| p.kind.as_str());
                profiles.for_each(|kind| add(kind, State::Taken, None));
                if moment.metrics.is_some() {
                    add("metrics", State::Taken, None);
                }
            }
        }
    }
    all.sort_by(|a, b| (a.state, &a.artifact).cmp(&(b.state, &b.artifact)));
    all
}

fn state(lack: &Lack) -> State {
    let Missing { who, withdrawn, .. } = &lack.missing;
    match who {
        _ if *withdrawn => State::Withdrawn,
        _ if lack.skipped => State::NotThere,
        Who::ApiServer | Who::Kubelet | Who::Handler | Who::Provider => State::Refused,
        _ => State::Failed,
    }
}
