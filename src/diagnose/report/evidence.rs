//! What a finding rests on, the command that shows it, and what would make it surer.

use jiff::Timestamp;

use super::Party;
use crate::model::evidence::UnitEvent;

/// Something a finding rests on.
#[derive(Clone, PartialEq, Debug)]
pub struct Evidence {
    /// What.
    pub fact: Fact,
    /// When, as the material names its moments.
    pub moment: String,
    /// What shows it.
    pub show: Option<Show>,
}

/// A fact.
#[derive(Clone, PartialEq, Debug)]
pub enum Fact {
    /// Goroutines in one place, with their stack.
    Goroutines {
        /// Who.
        party: Party,
        /// Stack, leaf first.
        frames: Vec<String>,
    },
    /// A number at every moment.
    Numbers {
        /// Of what.
        what: String,
        /// Unit, `objects`, `goroutines`, `bytes`.
        unit: String,
        /// Time, value and one sigma of sampling, in time order.
        values: Vec<(Option<Timestamp>, f64, Option<f64>)>,
    },
    /// Sampled objects at every moment.
    Sampled {
        /// Of what.
        what: String,
        /// How many.
        values: Vec<u64>,
    },
    /// A metric, first and last.
    Metric {
        /// Name with labels.
        name: String,
        /// Value at the first moment.
        first: Option<f64>,
        /// Value at the last.
        last: f64,
    },
    /// A line of a log or of a health check.
    Line(String),
    /// What systemd or the kernel said.
    Unit(UnitEvent),
    /// A stack, leaf first.
    Stack(Vec<String>),
    /// CPU time by function.
    CpuTime {
        /// Function.
        function: String,
        /// Seconds.
        seconds: f64,
        /// Of how many.
        of: f64,
    },
}

/// A command as data.
#[derive(Clone, PartialEq, Debug)]
pub struct Show {
    /// What the command does.
    pub verb: Verb,
    /// Files or bundles, as they were named.
    pub sources: Vec<String>,
    /// Only what this subsystem owns.
    pub owner: Option<String>,
    /// Only what is blocked in this subsystem.
    pub blocked_in: Option<String>,
    /// Only stacks with this function.
    pub focus: Option<String>,
    /// Snapshot of a bundle, by number.
    pub snapshot: Option<u32>,
    /// Sample type, `inuse_objects`.
    pub sample_type: Option<String>,
    /// Kind of profile where the source has several.
    pub kind: Option<String>,
}

impl Show {
    /// A command over these sources.
    pub fn new(verb: Verb, sources: Vec<String>) -> Self {
        Self {
            verb,
            sources,
            owner: None,
            blocked_in: None,
            focus: None,
            snapshot: None,
            sample_type: None,
            kind: None,
        }
    }
}

/// What a command does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// Goroutines in buckets.
    Goroutines,
    /// Rows with the most of their own.
    Top,
    /// Two profiles compared.
    Diff,
    /// Callers and callees.
    Peek,
    /// What a source holds.
    Inspect,
    /// Growth over a series.
    Leaks,
}

/// Something that is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// A goroutine dump (debug=2): states and wait ages.
    Dump,
    /// Goroutines in any form.
    Goroutines,
    /// Heap profiles over time.
    HeapSeries,
    /// This many more snapshots.
    Snapshots(usize),
    /// This many more, as far apart as those so far.
    SnapshotsEvery {
        /// How many.
        more: usize,
        /// Seconds between two.
        seconds: u64,
    },
    /// Metrics at every moment.
    Metrics,
    /// A CPU profile.
    Cpu,
    /// The dump of the container runtime.
    RuntimeDump,
    /// The kubelet's log.
    Journal,
    /// Version of the kubelet.
    Version,
    /// A look at the node itself: mounts, processes in state D.
    NodeLook,
    /// A mutex or block profile.
    BlockProfile,
}
