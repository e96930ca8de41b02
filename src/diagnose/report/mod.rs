//! The answer to `diagnose` as plain data: verdict, findings, what was weighed and dropped, what was checked, what is odd.
//!
//! Nothing here is a sentence: `render::diagnosis` words it. Commands are data as well ([`Show`]); `cli` knows how they
//! are typed.

mod claim;
mod evidence;
mod reason;

use jiff::Timestamp;

pub use claim::{About, Claim, Crash, DEFAULT_PODS, FarEnd, Grown, Limited, Others, Party};
pub use evidence::{Evidence, Fact, Need, Show, Verb};
pub use reason::{Check, Checked, Dropped, Outcome, Reason, Weighed, Why};

/// Name and version of the machine-readable form.
pub const SCHEMA: &str = "kubeprof/diagnose/1";

/// The answer in one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verdict {
    /// A finding at `likely` or above.
    Sick,
    /// Nothing abnormal in what was checked.
    Healthy,
    /// Too little to tell, or signs that are too weak.
    #[default]
    Unknown,
}

impl Verdict {
    /// Spelling in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sick => "sick",
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
        }
    }
}

/// What sort of trouble it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// The process died and left why.
    Crash,
    /// Something does not go on.
    Stuck,
    /// The kubelet is well and waits for something that is not.
    Environment,
    /// Something is never given back.
    Leak,
    /// A loop runs without waiting.
    BusyLoop,
    /// Too much CPU time.
    Hot,
    /// Waiting for a lock.
    Contention,
    /// A limit is near.
    Limit,
    /// A metric alone tells it.
    Metric,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Crash,
        Self::Stuck,
        Self::Environment,
        Self::Leak,
        Self::BusyLoop,
        Self::Hot,
        Self::Contention,
        Self::Limit,
        Self::Metric,
    ];

    /// Spelling in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Stuck => "stuck",
            Self::Environment => "environment",
            Self::Leak => "leak",
            Self::BusyLoop => "busy-loop",
            Self::Hot => "hot",
            Self::Contention => "contention",
            Self::Limit => "limit",
            Self::Metric => "metric",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == text)
    }
}

/// How sure a finding is. Higher is surer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Confidence {
    /// Worth another look; may be nothing.
    Suspect,
    /// One strong witness, or several that agree.
    Likely,
    /// Several strong witnesses that are independent of each other.
    Certain,
}

impl Confidence {
    /// Spelling in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspect => "suspect",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }

    /// The confidence of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Suspect, Self::Likely, Self::Certain]
            .into_iter()
            .find(|c| c.as_str() == text)
    }
}

/// A part of the kubelet or a library: key for queries, title for people.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Part {
    /// Key of the table of subsystems.
    pub key: String,
    /// Name for people.
    pub title: String,
}

/// A number with what is known of its error.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end; infinite where nothing bounds it.
    pub high: f64,
}

/// The answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Diagnosis {
    /// In one word.
    pub verdict: Verdict,
    /// What was looked at.
    pub examined: Examined,
    /// What was found, surest and worst first.
    pub findings: Vec<Finding>,
    /// What was weighed and dropped.
    pub weighed: Vec<Weighed>,
    /// What was checked and how it came out.
    pub checked: Vec<Checked>,
    /// What is odd about the material.
    pub odd: Vec<Oddity>,
    /// What is missing and would make the answer surer.
    pub missing: Vec<Need>,
    /// Date of the known issues that were tried, and how many there are.
    pub known_as_of: String,
    /// How many known issues were tried.
    pub known_entries: usize,
}

impl Diagnosis {
    /// The surest finding's confidence.
    pub fn worst(&self) -> Option<Confidence> {
        self.findings.iter().map(|f| f.confidence).max()
    }
}

/// What was looked at.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Examined {
    /// What the program is, for instance `kubelet`; empty where nothing tells.
    pub program: String,
    /// Name of the node.
    pub node: String,
    /// Version of Kubernetes, `v1.36.1`.
    pub kubernetes: String,
    /// Version of Go.
    pub go: String,
    /// Build ID of the binary.
    pub build_id: String,
    /// Container runtime and its version.
    pub runtime: String,
    /// When the process started.
    pub started: Option<Timestamp>,
    /// Time of the first and the last moment.
    pub first: Option<Timestamp>,
    /// See `first`.
    pub last: Option<Timestamp>,
    /// How many moments.
    pub moments: usize,
    /// How many of them have goroutines, heap, metrics.
    pub with_goroutines: usize,
    /// See `with_goroutines`.
    pub with_heap: usize,
    /// See `with_goroutines`.
    pub with_metrics: usize,
    /// Processes in the material, in time order; the last is judged, the others as far as they have evidence.
    pub processes: usize,
    /// Goroutines at the last moment that has them.
    pub goroutines: Option<u64>,
    /// Load at that moment.
    pub load: Load,
}

/// What the node had to do.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Load {
    /// Pods that run.
    pub pods: Option<f64>,
    /// Containers that run.
    pub containers: Option<f64>,
    /// Probe workers.
    pub probes: Option<f64>,
    /// Cgroups that cAdvisor watches.
    pub cgroups: Option<f64>,
}

/// One finding.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// 1 is the first to look at.
    pub rank: usize,
    /// What sort of trouble.
    pub kind: Kind,
    /// Where.
    pub subsystem: Part,
    /// What exactly: a function, a loop, a far end, a limit. Stable from run to run; part of the fingerprint.
    pub subject: String,
    /// The function to look at, where there is one.
    pub function: Option<String>,
    /// How sure.
    pub confidence: Confidence,
    /// Why so sure, and what speaks against.
    pub reasons: Vec<Reason>,
    /// What is claimed.
    pub claim: Claim,
    /// Since when.
    pub since: Option<Since>,
    /// How fast it grows.
    pub growth: Option<Growth>,
    /// Known issues that look like it.
    pub known_issues: Vec<KnownIssue>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What to do, most useful first; text of the knowledge file.
    pub remedies: Vec<String>,
    /// What to take next, where that would make it surer.
    pub next: Vec<Need>,
}

impl Finding {
    /// The same from run to run, without numbers: `kind/subsystem/subject`.
    pub fn fingerprint(&self) -> String {
        format!("{}/{}/{}", self.kind.as_str(), self.subsystem.key, self.subject)
    }
}

/// Since when.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Since {
    /// It had not begun then.
    pub after: Option<Timestamp>,
    /// It had begun by then.
    pub before: Option<Timestamp>,
    /// It lasts at least this long, in seconds.
    pub at_least: Option<u64>,
    /// How that is known.
    pub basis: SinceBasis,
}

/// How the beginning is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SinceBasis {
    /// From how long goroutines have waited.
    #[default]
    WaitAge,
    /// From the moments before and after it.
    Onset,
    /// From the start of the process: it was there from the first moment.
    ProcessStart,
    /// From a metric that keeps the time of its last success.
    Metric,
    /// From the clock of the log.
    Log,
}

impl SinceBasis {
    /// Spelling in machine formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WaitAge => "wait age",
            Self::Onset => "onset in the series",
            Self::ProcessStart => "process start",
            Self::Metric => "metric",
            Self::Log => "log",
        }
    }
}

/// How fast something grows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Growth {
    /// Per hour: objects or goroutines.
    pub per_hour: Estimate,
    /// Bytes per hour, where known.
    pub bytes_per_hour: Option<Estimate>,
    /// Hours until the limit is reached, where there is one.
    pub hours_to_limit: Option<Estimate>,
    /// The limit in bytes.
    pub limit: Option<f64>,
}

/// A known issue that looks like a finding.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct KnownIssue {
    /// `kubernetes/kubernetes#139823`.
    pub id: String,
    /// Link.
    pub url: String,
    /// What it is, in a line.
    pub title: String,
    /// Whether this version has it.
    pub applies: Applies,
    /// Versions of the component that have the fix.
    pub fixed_in: Vec<String>,
    /// The release of this minor to upgrade to, where there is one.
    pub upgrade_to: Option<String>,
    /// What the versions are of: `kubelet`, `containerd`.
    pub component: String,
}

/// Whether a known issue applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Applies {
    /// The version is in its range.
    Yes,
    /// It is not: it looks like it and is fixed here.
    No,
    /// The version or the range is not known.
    #[default]
    Unknown,
}

impl Applies {
    /// Spelling in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Something odd about the material.
#[derive(Clone, PartialEq, Debug)]
pub enum Oddity {
    /// Not a kubelet: what it looks like.
    NotKubelet(String),
    /// Kubelet, API server and more in one process.
    OneProcess(String),
    /// The process restarted inside of the series.
    Restarted {
        /// When the new one started.
        at: Option<Timestamp>,
        /// Moments before.
        before: usize,
        /// Moments after.
        after: usize,
    },
    /// Moments of different builds or processes.
    Mixed {
        /// How many are left out.
        left_out: usize,
        /// What tells them apart.
        by: &'static str,
    },
    /// Files were not in time order; they were sorted.
    Reordered,
    /// The same moment twice.
    Duplicates(usize),
    /// A gap in the series.
    Gap {
        /// Seconds.
        seconds: u64,
        /// The usual distance.
        usual: u64,
    },
    /// A profile without samples.
    Empty(String),
    /// Files that could not be read.
    Unread {
        /// How many.
        count: usize,
        /// One of them.
        first: String,
    },
    /// Little in it.
    Tiny(String),
    /// No process known: distinct moments are taken for one.
    ProcessUnknown,
    /// The node's Ready condition is False for a reason that is not in these profiles.
    NotReady {
        /// Reason.
        reason: String,
        /// Message.
        message: String,
    },
    /// No goroutine is in a function of a kubelet.
    ProgramUnknown,
    /// One object was sampled in the place of a known issue that this version has.
    SampledOnce(String),
    /// A dump that ends early.
    DumpCut,
    /// Text heaps have no sizes: no probabilities.
    LegacyHeap,
    /// Files without a time: their order is that of their names.
    NoTimes,
}
