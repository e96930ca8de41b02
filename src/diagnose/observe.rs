//! Moments -> what is kept of them: numbers over time by family, the goroutines, the metrics. Profiles are dropped as soon
//! as they are read, so that a thousand moments fit in memory.

use std::sync::Arc;

use jiff::Timestamp;

use super::book::Book;
use super::contention::LockDigest;
use super::cpu::CpuDigest;
use super::crowd::{Crowd, StackBook};
use super::heap::{HeapBook, HeapDigest};
use super::material::{Moment, Process};
use super::metrics::Metrics;
use super::report::Load;
use crate::kubelet::{Knowledge, Role, SubsystemId};
use crate::model::evidence::{Crash, Program, UnitEvent};

/// What is kept of a moment.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) label: String,
    pub(super) sources: Vec<String>,
    pub(super) snapshot: Option<u32>,
    pub(super) at: Option<Timestamp>,
    pub(super) process: Process,
    pub(super) crowd: Option<Crowd>,
    pub(super) heap: Option<HeapDigest>,
    pub(super) cpu: Option<CpuDigest>,
    pub(super) locks: Option<LockDigest>,
    pub(super) leaked: Option<Crowd>,
    pub(super) metrics: Option<Metrics>,
    pub(super) healthz: Option<String>,
    pub(super) node: Option<serde_json::Value>,
    pub(super) crash: Option<Crash>,
    pub(super) events: Vec<UnitEvent>,
    pub(super) program: Option<Program>,
    pub(super) dump_cut: bool,
    pub(super) heap_is_text: bool,
    pub(super) load: Load,
}

impl Seen {
    /// Files or bundles that show the goroutines of this moment.
    pub(super) fn goroutine_sources(&self) -> Vec<String> {
        self.sources_of("goroutine")
    }

    /// Files whose names have this word, or all where none has.
    pub(super) fn sources_of(&self, word: &str) -> Vec<String> {
        let named = |s: &&String| s.rsplit('/').next().unwrap_or(s).contains(word) && !s.contains("debug1");
        let found: Vec<String> = self.sources.iter().filter(named).cloned().collect();
        if found.is_empty() { self.sources.clone() } else { found }
    }

    pub(super) fn seconds(&self) -> Option<f64> {
        self.at.map(|t| t.as_nanosecond() as f64 / 1e9)
    }
}

/// All moments, in the order in which they were taken in.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) book: Book,
    pub(super) stacks: StackBook,
    pub(super) heaps: HeapBook,
    pub(super) moments: Vec<Seen>,
    /// The process holds more than a kubelet.
    pub(super) one_process: bool,
    /// Files that could not be read, and the first of them.
    pub(super) unread: (usize, String),
}

impl Observed {
    pub(super) fn new(knowledge: Arc<Knowledge>) -> Self {
        Self {
            book: Book::new(knowledge),
            stacks: StackBook::default(),
            heaps: HeapBook::default(),
            moments: Vec::new(),
            one_process: false,
            unread: (0, String::new()),
        }
    }

    /// Whether a part belongs to another component of a process that holds more than a kubelet.
    pub(super) fn is_foreign(&self, part: Option<SubsystemId>) -> bool {
        if !self.one_process {
            return false;
        }
        let Some(s) = part.and_then(|id| self.book.knowledge.get(id)) else {
            return true;
        };
        let other = matches!(
            s.key.as_str(),
            "kube-apiserver" | "controller-manager" | "scheduler-component" | "kube-proxy" | "etcd"
        );
        // Libraries may be of any component.
        other || s.role != Role::Owner
    }

    /// Takes a moment in and drops its profiles.
    pub(super) fn take(&mut self, moment: Moment) {
        if let Some(first) = moment.unread.first().filter(|_| self.unread.0 == 0) {
            self.unread.1.clone_from(first);
        }
        self.unread.0 += moment.unread.len();
        let Self {
            book, stacks, heaps, ..
        } = self;
        let mut process = moment.process;
        let build = [&moment.goroutines, &moment.heap, &moment.allocs, &moment.cpu];
        for p in build.into_iter().flatten() {
            if process.build_id.is_empty() {
                p.build_id().clone_into(&mut process.build_id);
            }
        }
        let ids = &moment.goroutine_ids;
        let crowd = (moment.goroutines.as_ref()).map(|p| Crowd::of_dump(p, ids, book, stacks));
        // An allocs profile has the columns of a heap profile.
        let heap = moment
            .heap
            .as_ref()
            .or(moment.allocs.as_ref())
            .map(|p| HeapDigest::of(p, book, heaps));
        let cpu = moment.cpu.as_ref().map(|p| CpuDigest::of(p, book, stacks));
        // One of a kubelet that samples is full of idle waits: where there is none, nothing was looked at.
        let block = moment.block.as_ref().filter(|p| !p.samples.is_empty());
        let block = block.map(|p| LockDigest::of(p, book, false));
        let mutex = moment.mutex.as_ref().map(|p| LockDigest::of(p, book, true));
        let leaked = moment.leaked.as_ref().map(|p| Crowd::of(p, book, stacks));
        let mut seen = Seen {
            label: moment.label,
            sources: moment.sources,
            snapshot: moment.snapshot,
            at: moment.at,
            process,
            crowd,
            heap,
            cpu,
            locks: mutex.filter(|m| !m.is_empty()).or(block),
            leaked,
            metrics: moment.metrics,
            healthz: moment.healthz,
            node: moment.node,
            crash: moment.crash,
            events: moment.events,
            program: moment.program,
            dump_cut: moment.dump_cut,
            heap_is_text: moment.heap_is_text,
            load: Load::default(),
        };
        seen.learn();
        seen.load = load(seen.metrics.as_ref(), seen.crowd.as_ref(), book);
        self.moments.push(seen);
    }
}

impl Seen {
    /// Versions and times that metrics and the node know.
    fn learn(&mut self) {
        let more = process_of(self.metrics.as_ref(), self.node.as_ref());
        self.process.learn(&more);
    }
}

/// What metrics and the node object say of the process.
pub(crate) fn process_of(metrics: Option<&Metrics>, node: Option<&serde_json::Value>) -> Process {
    let mut process = Process::default();
    if let Some(m) = metrics {
        process.started = m.get("process_start_time_seconds");
        if let Some(build) = m.all("kubernetes_build_info").first() {
            build.label("git_version").clone_into(&mut process.kubernetes);
            build.label("go_version").clone_into(&mut process.go);
        }
    }
    if let Some(info) = node.and_then(|n| n.pointer("/status/nodeInfo")) {
        let text = |key: &str| info.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        process.runtime = text("containerRuntimeVersion");
        if process.kubernetes.is_empty() {
            process.kubernetes = text("kubeletVersion");
        }
    }
    process
}

/// The load at a moment: of its metrics, else of its goroutines, of which each pod and probe has one.
pub(crate) fn load(metrics: Option<&Metrics>, crowd: Option<&Crowd>, book: &Book) -> Load {
    let mut load = Load::default();
    if let Some(m) = metrics {
        load.pods = m.get("kubelet_running_pods");
        load.containers = m.sum("kubelet_running_containers", |s| {
            s.label("container_state") == "running"
        });
    }
    if let Some(crowd) = crowd {
        let owned = |key: &str| {
            let owner = book.knowledge.by_key(key)?;
            let of = crowd.groups.iter().filter(|g| g.attribution.owner == Some(owner));
            Some(of.map(|g| g.count).sum::<u64>() as f64)
        };
        load.probes = owned("probes");
        // A pod worker is a pod; without any, the node has none only where the sync loop is there and nothing probes one.
        let none = |n: &f64| *n > 0.0 || load.probes == Some(0.0) && owned("sync-loop").is_some_and(|n| n > 0.0);
        let workers = owned("pod-workers").filter(none);
        // Every pod with volumes has a loop that measures them: many more workers than those are no pods. A profile does
        // not say who started a loop, so only those show that measure just now.
        let measured = owned("summary-stats").filter(|&n| n >= 5.0 && crowd.knows_waits);
        let pods = match (workers, measured) {
            (Some(workers), Some(measured)) if workers > 2.0 * measured + 10.0 => Some(measured),
            (workers, _) => workers,
        };
        load.pods = load.pods.or(pods);
        load.cgroups = owned("cadvisor-housekeeping");
    }
    load
}
