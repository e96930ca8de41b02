//! Why a finding is as sure as it is, what was dropped and why, and what was checked.

use jiff::Timestamp;

use super::{Kind, Need, Part};

/// Why a finding is as sure as it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Reason {
    /// What speaks for it (or against).
    pub why: Why,
    /// Whether it speaks for the finding.
    pub supports: bool,
}

impl Reason {
    /// A reason for.
    pub fn with(why: Why) -> Self {
        Self { why, supports: true }
    }

    /// A reason against.
    pub fn against(why: Why) -> Self {
        Self { why, supports: false }
    }
}

/// A witness.
#[derive(Clone, PartialEq, Debug)]
pub enum Why {
    /// They wait longer than such a wait may last, in minutes.
    WaitTooLong {
        /// The longest.
        minutes: u64,
        /// How long it may last at most.
        limit: u64,
    },
    /// Many calls that have each taken half of what they may.
    ManySlow {
        /// How many.
        count: u64,
        /// How long each has taken at least, in minutes.
        minutes: u64,
        /// How long one may last.
        limit: u64,
    },
    /// Found so at several moments.
    Persists {
        /// Whose goroutines, where it is one part with many.
        part: Option<Part>,
        /// At how many.
        moments: usize,
        /// Of how many.
        of: usize,
    },
    /// Several independent parts wait for the same.
    ManyOwners(usize),
    /// The same far end answers other calls.
    OthersAnswered,
    /// Pulls end well.
    PullsWork {
        /// How many did in this time.
        good: f64,
        /// Of how many.
        all: f64,
    },
    /// Operations on volumes fail.
    VolumesFail {
        /// How many in this time.
        failed: f64,
        /// Of how many.
        all: f64,
    },
    /// Most goroutines of this part are there at once.
    MostAtOnce {
        /// Which part.
        part: Part,
        /// How many.
        count: u64,
        /// Of how many.
        of: u64,
    },
    /// A healthy kubelet's loop is in this place for about this share of the time.
    RarePlace(f64),
    /// Those that wait for it wait too long.
    VictimsWait {
        /// How many.
        count: u64,
        /// The longest, in minutes.
        minutes: u64,
        /// How long such a wait may last.
        limit: u64,
    },
    /// The very same goroutines were there at several moments.
    Stays {
        /// Whose.
        part: Part,
        /// How many.
        count: u64,
        /// At how many moments in a row.
        moments: usize,
        /// Of how many.
        of: usize,
        /// The longest wait seen meanwhile, in minutes.
        minutes: u64,
    },
    /// Those that wait for it did so at several moments.
    VictimsPersist {
        /// How many at the last.
        count: u64,
        /// At how many moments in a row.
        moments: usize,
        /// Of how many.
        of: usize,
    },
    /// Image pulls fail.
    PullsFail {
        /// Failed ones in the time looked at.
        failed: f64,
        /// All of them.
        all: f64,
    },
    /// A metric says so too.
    MetricAgrees(String),
    /// The loop of the node's lease waits to try again.
    LeaseNotRenewed,
    /// The kubelet's own health check fails.
    HealthCheck(String),
    /// Trend test.
    Trend {
        /// Probability of it by chance, corrected for how many families were tested.
        q: f64,
        /// Moments.
        moments: usize,
    },
    /// Births and deaths of sampled objects in the time looked at.
    NeverFreed {
        /// Sampled objects that were made.
        born: u64,
        /// Sampled objects that were freed.
        freed: u64,
    },
    /// It still climbs at the end.
    StillClimbing,
    /// It grows by less than this many bytes an hour.
    Slow(f64),
    /// Load did not change, or does not explain it.
    LoadFlat,
    /// Groups grow by the same number.
    LockStep(usize),
    /// Groups have the same number; one moment does not show whether they grow.
    SameNumber(usize),
    /// Go's own leak detection names them.
    GoroutineLeak(u64),
    /// A known issue whose versions include this one has this very pattern.
    KnownIssue(String),
    /// More live objects than this place ever needs.
    AboveRest {
        /// Sampled objects seen.
        seen: u64,
        /// How many would be expected to be sampled.
        expected: f64,
    },
    /// More than this node can need.
    OutOfProportion {
        /// How many.
        count: u64,
        /// Usual at most.
        usual: u64,
    },
    /// Waits of every age: one after the other came and never left.
    AgesSpread {
        /// Shortest and longest in minutes.
        from: u64,
        /// See `from`.
        to: u64,
    },
    /// All wait equally long.
    AgesEqual(u64),
    /// Too few moments to be sure.
    FewMoments(usize),
    /// The process is younger than its warm-up.
    Young {
        /// Its age in seconds.
        age: u64,
        /// Warm-up in seconds.
        warm_up: u64,
    },
    /// Waits are unknown: only a dump has them.
    NoWaits,
    /// There are as many as secrets and config maps are watched, which pods may have.
    WatchedObjects(u64),
    /// How many pods ran is not known of every moment.
    LoadUnknown,
    /// It was found in a process that has ended since.
    EndedProcess,
    /// The process was started again so often.
    Restarts(usize),
    /// Few sampled objects: the numbers have wide errors.
    FewSamples(u64),
    /// The text of the crash names it.
    CrashText,
    /// systemd or the kernel name it.
    UnitEvents,
    /// CPU samples, above what is usual by more than their error.
    CpuSamples(u64),
    /// The time may pass by itself: such calls have a deadline.
    HasDeadline(u64),
    /// The frames of the caller are not in the stacks.
    CallerUnknown,
    /// A goroutine of it was seen running, and uses about a core.
    AlwaysRuns,
    /// The goroutine that failed stands in it.
    FailedGoroutine,
    /// A loop of this part hung in the same text.
    HungLoop(String),
    /// No loop is seen to hang in the text.
    NoHungLoop,
    /// Time lost to its lock.
    LockTime {
        /// Seconds of waiting since the start of the process.
        seconds: f64,
        /// Events.
        events: u64,
    },
}

/// What was weighed and dropped.
#[derive(Clone, PartialEq, Debug)]
pub struct Weighed {
    /// What it would have been.
    pub kind: Kind,
    /// Where.
    pub subsystem: Part,
    /// What exactly.
    pub subject: String,
    /// First and last value.
    pub from: f64,
    /// See `from`.
    pub to: f64,
    /// Unit of these.
    pub unit: &'static str,
    /// The number at every moment: sampled objects for heaps. Empty where there is one moment.
    pub values: Vec<f64>,
    /// Why it is not a finding.
    pub dropped: Dropped,
}

/// Why something is not a finding.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Dropped {
    /// Within the error of sampling.
    Noise {
        /// How many snapshots more would tell, where that can be said.
        more: Option<usize>,
    },
    /// A single sampled object.
    SampledOnce,
    /// It came down again.
    WentAway,
    /// It moved from another owner; the sum is level.
    Moved,
    /// It grew with the load.
    Load,
    /// It rose once and stayed.
    Step(Option<Timestamp>),
    /// It rose while the process warmed up.
    WarmUp,
    /// It filled and stopped.
    Saturated,
    /// Too small to matter.
    Small,
    /// Usual for this loop.
    Usual,
    /// A call under way, not yet too long.
    Brief,
    /// Seen at one moment and gone at the next.
    Passed,
    /// Too few moments.
    FewMoments,
    /// It is part of another finding.
    PartOf(usize),
}

/// A check that was made.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    /// What.
    pub check: Check,
    /// How it came out.
    pub outcome: Outcome,
}

/// What is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// Every loop of the kubelet is where it may be.
    Loops,
    /// No wait is longer than it may be.
    Waits,
    /// Goroutines are as many as this node needs.
    Crowds,
    /// Goroutines do not grow.
    GoroutineGrowth,
    /// Heap does not grow.
    HeapGrowth,
    /// CPU.
    Cpu,
    /// Locks.
    Contention,
    /// Timers fire.
    Timers,
    /// Limits and the signals of the guide.
    Limits,
    /// Calls to runtime and API server.
    Calls,
    /// The process did not restart.
    Restarts,
    /// Known issues.
    Known,
}

/// How a check came out.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// As expected; how many things were looked at.
    Fine(usize),
    /// As expected, as far as so short a time can show.
    FineAbove {
        /// How many things were looked at.
        looked_at: usize,
        /// What grows by less than this many bytes an hour is missed more often than once in ten times.
        bytes_per_hour: f64,
    },
    /// Something was found.
    Found(usize),
    /// It could not be made: what is missing.
    NotPossible(Need),
}
