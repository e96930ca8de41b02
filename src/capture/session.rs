//! Runs the plan for every node: takes what comes, writes down what does not and why, and never lets one stop the other.
//!
//! Nodes are visited side by side, a limited number at a time; at one node there is one request at a time, so two measurements never
//! meet; where a kubelet has several names they take turns at it. Everything that was taken is in the bundle before the next request is sent.

mod identity;
mod lanes;
mod learn;
mod request;
mod restart;
mod series;
mod standing;
mod take;
#[cfg(test)]
mod tests;
mod threshold;
mod visit;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::endpoints::Plan;
use super::progress::{Progress, Watch};
use super::refusal::{Cause, Next, Refusal};
use super::schedule::Schedule;
use super::transport::{Stop, Transport, panic_words};
use crate::bundle::Writer;
use crate::bundle::manifest::{Artifact, Finished, Who};

/// A kubelet to visit.
#[derive(Clone, Debug)]
pub struct Target {
    /// Name of the node, or its address where it is asked directly.
    pub node: String,
    /// The way there.
    pub transport: Transport,
}

/// How far a process must have grown before it is captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Threshold {
    /// Resident memory in bytes.
    pub memory: Option<u64>,
    /// Number of goroutines.
    pub goroutines: Option<u64>,
}

impl Threshold {
    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        self.memory.is_some() || self.goroutines.is_some()
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to take.
    pub plan: Plan,
    /// When.
    pub schedule: Schedule,
    /// Not before this is reached.
    pub until: Threshold,
    /// From one look at the threshold to the next.
    pub look_every: Duration,
    /// Dumps (`debug=2`) are taken up to this many goroutines.
    pub max_goroutines: u64,
    /// Nodes that are visited at the same time.
    pub parallel: usize,
    /// Takes what is costly also where the node says that memory is scarce, and asks also what does not look like a kubelet.
    pub force: bool,
}

/// How one node went.
#[derive(Clone, Debug, Default)]
pub struct Visited {
    /// Its name.
    pub node: String,
    /// What is in the bundle now, in the order of its arrival.
    pub taken: Vec<Artifact>,
    /// What is not and should be.
    pub failed: Vec<(String, Refusal)>,
    /// What is not, and nothing is wrong.
    pub skipped: Vec<(String, Refusal)>,
    /// Processes that were seen.
    pub runs: u32,
    /// What is worth saying.
    pub notes: Vec<String>,
}

/// Runs a capture.
pub struct Session {
    pub(super) writer: Arc<Writer>,
    pub(super) options: Options,
    pub(super) stop: Stop,
    pub(super) watch: Arc<dyn Watch>,
    /// Why nothing more is asked of anybody.
    pub(super) halted: Mutex<Option<Refusal>>,
    /// How many answers were as they should be, of all nodes.
    good: AtomicU64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session that writes to `writer` until `stop` is pulled.
    pub fn new(writer: Arc<Writer>, options: Options, stop: Stop, watch: Arc<dyn Watch>) -> Self {
        Session {
            writer,
            options,
            stop,
            watch,
            halted: Mutex::new(None),
            good: AtomicU64::new(0),
        }
    }

    /// Visits all nodes and closes the bundle. Says how each went, and why it ended before its time if it did; a bundle that
    /// could not be closed (a full disk) is as good as one that was killed.
    pub async fn run(self, targets: Vec<Target>) -> (Vec<Visited>, Option<Refusal>) {
        let session = Arc::new(self);
        let permits = Arc::new(Semaphore::new(session.options.parallel.max(1)));
        let mut tasks = JoinSet::new();
        let lanes = lanes::of(&targets).await;
        let mut nodes = HashMap::new();
        for (at, (target, lane)) in targets.into_iter().zip(lanes).enumerate() {
            let (session, permits) = (Arc::clone(&session), Arc::clone(&permits));
            let node = target.node.clone();
            let task = tasks.spawn(async move { (at, visit::visit(&session, &permits, target, lane).await) });
            nodes.insert(task.id(), (at, node));
        }
        let mut all = Vec::new();
        while let Some(done) = tasks.join_next_with_id().await {
            match done {
                Ok((_, done)) => all.push(done),
                // A defect; the other nodes are not to suffer from it, and this one is not to be taken for visited.
                Err(e) => all.extend(nodes.remove(&e.id()).map(|(at, node)| (at, session.broken(node, e)))),
            }
        }
        all.sort_by_key(|(at, _)| *at);
        let early = session.why_ended();
        let closed = session.writer.finish(Finished {
            cause: early.as_ref().map(|r| r.cause),
            details: early.as_ref().map(|r| r.details.clone()).unwrap_or_default(),
            ..Finished::default()
        });
        let unclosed = closed.err().map(|e| request::disk(&e));
        (all.into_iter().map(|(_, v)| v).collect(), early.or(unclosed))
    }

    /// A node whose visit broke off, by a defect of ours.
    fn broken(&self, node: String, e: JoinError) -> Visited {
        let why = match e.try_into_panic() {
            Ok(panic) => panic_words(&*panic),
            Err(e) => e.to_string(),
        };
        let note =
            format!("a defect ended the visit of this node ({why}): what was taken by then stays; please report it");
        self.watch.see(&node, &Progress::Note(note.clone()));
        self.watch.see(&node, &Progress::Done);
        Visited {
            node,
            notes: vec![note],
            ..Visited::default()
        }
    }

    /// Why everything came to an end before its time.
    fn why_ended(&self) -> Option<Refusal> {
        let halted = self.halted.lock().unwrap_or_else(PoisonError::into_inner);
        halted.clone().or_else(|| self.stop.is_set().then(interrupted))
    }

    /// Ends everything.
    fn halt(&self, refusal: &Refusal) {
        let mut halted = self.halted.lock().unwrap_or_else(PoisonError::into_inner);
        halted.get_or_insert_with(|| refusal.clone());
    }

    /// Why nothing more is to be asked.
    fn ended(&self) -> Option<Refusal> {
        if self.stop.is_set() {
            return Some(interrupted());
        }
        self.halted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits, unless everything ends before.
    async fn sleep(&self, time: Duration) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = stop.pulled() => {}
        }
    }
}

/// What there is of a dump that the server cut, in words.
pub fn truncation(artifact: &Artifact) -> String {
    format!(
        "the server cut the dump at its limit of 64 MiB: {} goroutines are in it, the rest is not",
        artifact.facts.samples.unwrap_or(0)
    )
}

/// The user wants no more.
fn interrupted() -> Refusal {
    Refusal::new(Cause::Interrupted, Who::You, Next::Stop)
}
