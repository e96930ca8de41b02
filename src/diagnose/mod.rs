//! Moments of a kubelet -> what is sick, where, how much, how sure, since when, which known bug, and what to do.
//!
//! [`Observer`] takes [`material::Moment`]s one by one, keeps numbers of them (`observe`) and drops their profiles;
//! [`Observer::finish`] judges them and gives a [`report::Diagnosis`]. Each sort of trouble has a file; the statistics are
//! pure functions in [`stats`]; what is usual and what is known are data (`knowledge.json`).

pub(crate) mod book;
mod calls;
mod contention;
mod cpu;
mod crash;
pub(crate) mod crowd;
mod expect;
mod heap;
mod judge;
mod knowledge;
mod known;
mod leak;
pub(crate) mod limits;
pub mod material;
pub mod metrics;
pub(crate) mod observe;
mod pile;
mod place;
pub(crate) mod process;
pub(crate) mod program;
pub mod report;
mod standing;
pub mod stats;
mod stuck;
mod timers;
mod verdict;
mod versions;
pub(crate) mod words;

pub use knowledge::{SignatureError, builtin_knowledge, test_signatures};
pub use standing::{Excess, judge_goroutines};

use std::sync::Arc;

use knowledge::Known;
use material::Moment;
use observe::Observed;
use report::Diagnosis;

pub(crate) use words::short as short_name;

use crate::kubelet::Knowledge;

/// Takes moments in and judges them.
#[derive(Debug)]
pub struct Observer {
    seen: Observed,
    known: Known,
}

impl Observer {
    /// An observer that knows the subsystems of this table.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self {
            seen: Observed::new(knowledge),
            known: knowledge::builtin(),
        }
    }

    /// Adds known issues of a file of one's own, and says how many.
    ///
    /// # Errors
    /// When it is no such file.
    pub fn add_signatures(&mut self, text: &str, origin: &str) -> Result<usize, SignatureError> {
        self.known.add(text, origin)
    }

    /// Leaves a known issue out, to see what would be said without it.
    pub fn forget(&mut self, id: &str) {
        self.known.forget(id);
    }

    /// Takes one moment in. The order does not matter where moments have times.
    pub fn take(&mut self, moment: Moment) {
        self.seen.take(moment);
    }

    /// Judges what was taken in.
    pub fn finish(self) -> Diagnosis {
        verdict::judge(self.seen, &self.known)
    }
}
