//! What `diagnose` is given: moments of one or more processes, each with whatever was taken then. No file is opened here.

use jiff::Timestamp;

use super::metrics::Metrics;
use crate::model::Profile;
use crate::model::evidence::{Crash, Program, UnitEvent};

/// Everything that was taken at one time.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// What people call it: `snapshot 3`, `s03`, or the name of a file.
    pub label: String,
    /// Files, as a command would take them.
    pub sources: Vec<String>,
    /// Number of the snapshot, where it is one of a bundle.
    pub snapshot: Option<u32>,
    /// When.
    pub at: Option<Timestamp>,
    /// Which process it was taken of, as far as the material says so.
    pub process: Process,
    /// Files of this moment that could not be read.
    pub unread: Vec<String>,
    /// `heap`.
    pub heap: Option<Profile>,
    /// The heap was a text: sizes are means, counts approximate.
    pub heap_is_text: bool,
    /// `allocs`.
    pub allocs: Option<Profile>,
    /// Goroutines, with what a dump says as labels where there is one.
    pub goroutines: Option<Profile>,
    /// The goroutines are those of a dump.
    pub goroutines_are_dump: bool,
    /// The number of each goroutine of the dump, and the sample that it is counted in. A number stays the same as long as
    /// its goroutine lives.
    pub goroutine_ids: Vec<(u64, u32)>,
    /// The dump ends early.
    pub dump_cut: bool,
    /// Why the dump was printed, as its text says.
    pub crash: Option<Crash>,
    /// What systemd and the kernel said of the process.
    pub events: Vec<UnitEvent>,
    /// The program of the dump, where that is known.
    pub program: Option<Program>,
    /// `goroutineleak`.
    pub leaked: Option<Profile>,
    /// CPU.
    pub cpu: Option<Profile>,
    /// `mutex`.
    pub mutex: Option<Profile>,
    /// `block`.
    pub block: Option<Profile>,
    /// `threadcreate`.
    pub threads: Option<Profile>,
    /// Metrics of the kubelet.
    pub metrics: Option<Metrics>,
    /// Answer of `/healthz?verbose`.
    pub healthz: Option<String>,
    /// The node object as JSON.
    pub node: Option<serde_json::Value>,
}

/// What tells one process from another. What is not known is empty.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Process {
    /// Name of the node.
    pub node: String,
    /// Number of the process in its bundle.
    pub run: Option<u32>,
    /// Unix time of its start.
    pub started: Option<f64>,
    /// Build ID.
    pub build_id: String,
    /// Version of Kubernetes.
    pub kubernetes: String,
    /// Version of Go.
    pub go: String,
    /// Container runtime, `containerd://1.6.20`.
    pub runtime: String,
}

impl Process {
    /// Whether both may be the same process: what is known of both agrees.
    pub fn may_be(&self, other: &Process) -> bool {
        let text = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
        let number = match (self.run, other.run) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        let time = match (self.started, other.started) {
            (Some(a), Some(b)) => (a - b).abs() <= 1.0,
            _ => true,
        };
        number && time && text(&self.node, &other.node) && text(&self.build_id, &other.build_id)
    }

    /// Takes over what is not known here.
    pub fn learn(&mut self, other: &Process) {
        let text = |to: &mut String, from: &String| {
            if to.is_empty() {
                to.clone_from(from);
            }
        };
        text(&mut self.node, &other.node);
        text(&mut self.build_id, &other.build_id);
        text(&mut self.kubernetes, &other.kubernetes);
        text(&mut self.go, &other.go);
        text(&mut self.runtime, &other.runtime);
        self.run = self.run.or(other.run);
        self.started = self.started.or(other.started);
    }
}
