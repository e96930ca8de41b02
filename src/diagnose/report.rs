//! The answer to `diagnose` as plain data: verdict, findings, what was weighed and dropped, what was checked, what is odd.
//!
//! Nothing here is a sentence: `render::diagnosis` words it. Commands are data as well ([`Show`]); `cli` knows how they
//! are typed.

use jiff::Timestamp;

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

/// What a finding says.
#[derive(Clone, PartialEq, Debug)]
pub enum Claim {
    /// Somebody outside of the kubelet, or the kernel, does not answer.
    NoAnswer {
        /// Who.
        far_end: FarEnd,
        /// Who is in a call.
        callers: Vec<Party>,
        /// Who waits for the callers.
        victims: Vec<Party>,
        /// Whether it answers others meanwhile.
        others: Others,
    },
    /// Goroutines wait for a lock.
    LockWait {
        /// Who waits.
        waiters: Vec<Party>,
        /// Who may hold it: in the same code and not waiting for it.
        holders: Vec<Party>,
    },
    /// Goroutines wait to hand something over and nobody takes it.
    NotTaken {
        /// Who waits.
        senders: Vec<Party>,
        /// The loop that should take it, where known.
        taker: Option<Part>,
    },
    /// A loop is in a wait that is too long for it.
    LoopWaits {
        /// Who.
        parties: Vec<Party>,
    },
    /// Many loops that wake at different times all sleep for the same time: timers no longer fire.
    TimersFrozen {
        /// How many loops.
        loops: usize,
        /// How many goroutines.
        goroutines: u64,
    },
    /// Image pulls fail or hang, and pod workers queue for them.
    PullsWait {
        /// Pod workers that wait.
        waiting: u64,
        /// Pulls that run.
        running: u64,
        /// One at a time.
        serial: bool,
        /// Failed and all pulls in the time looked at.
        failed: Option<(f64, f64)>,
        /// Their longest wait in minutes.
        max_wait: u64,
    },
    /// The API server does not answer, or answers with errors.
    ApiServer {
        /// Requests without an answer in the time looked at.
        no_answer: f64,
        /// Requests answered with 5xx.
        errors: f64,
        /// Requests answered well.
        good: f64,
    },
    /// Objects or goroutines are made and never given back.
    Growth {
        /// What grows.
        what: Grown,
        /// Goroutines or objects, first and last.
        from: f64,
        /// See `from`.
        to: f64,
        /// Error of the last, where it is sampled.
        error: Option<f64>,
        /// Bytes at the last moment, where known.
        bytes: Option<f64>,
        /// Families that grow by the same number.
        together: usize,
    },
    /// More live objects in a place than it needs while nothing leaks.
    AboveRest {
        /// How many live.
        objects: f64,
        /// Their error.
        error: f64,
        /// How many are needed at most.
        needed: f64,
    },
    /// More goroutines in one place than this node can need.
    Crowd {
        /// How many.
        count: u64,
        /// How many of them are in the largest group, whose function is named.
        largest: u64,
        /// How many are usual at most on this node.
        usual: u64,
        /// Groups with the same number.
        together: usize,
    },
    /// CPU time.
    Cpu {
        /// Cores that this part uses.
        cores: Estimate,
        /// Cores that are usual at most.
        usual: f64,
        /// Share of the whole process.
        share: f64,
    },
    /// Time lost to a lock.
    Contention {
        /// Seconds of waiting per second.
        rate: f64,
        /// Share of all waiting.
        share: f64,
    },
    /// A number is near its limit or above what is usual.
    Limit {
        /// What is limited.
        what: Limited,
        /// The number.
        value: f64,
        /// Its limit.
        limit: f64,
    },
    /// The process ended.
    Crash {
        /// How.
        how: Crash,
        /// The line that says so.
        message: String,
    },
    /// Calls or operations fail.
    Failing {
        /// What: an operation of the metrics.
        what: String,
        /// Failed and all.
        failed: f64,
        /// See `failed`.
        all: f64,
        /// Other operations that fail as well.
        others: usize,
        /// Who waits for what fails.
        victims: Vec<Party>,
    },
    /// An operation on volumes fails, and pod workers wait for their volumes.
    VolumesFail {
        /// Who waits.
        parties: Vec<Party>,
        /// `volume_mount`.
        operation: String,
        /// `kubernetes.io/configmap`.
        plugin: String,
        /// How many failed in the time looked at.
        failed: f64,
        /// Of how many.
        all: f64,
    },
    /// Plugins whose sockets are there and that are not registered.
    NotRegistered {
        /// Their sockets.
        sockets: Vec<String>,
        /// At how many moments in a row.
        moments: usize,
    },
    /// A metric has too many series.
    Series {
        /// The metric.
        metric: String,
        /// Its series.
        count: u64,
        /// How many are usual at most.
        usual: u64,
    },
    /// It looks like a known issue, and nothing else can be said.
    Pattern,
}

/// Whether somebody who keeps callers waiting answers others meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Others {
    /// Others get answers.
    Answered,
    /// As far as is seen, no call is answered.
    Silent,
    /// Nothing shows it.
    Unknown,
}

/// Who does not answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FarEnd {
    /// Container runtime, over CRI.
    Runtime,
    /// The image service of the runtime.
    ImageService,
    /// A CSI driver.
    CsiDriver,
    /// A device plugin.
    DevicePlugin,
    /// A DRA driver.
    DraDriver,
    /// A plugin that registers.
    PluginSocket,
    /// systemd, over D-Bus.
    Dbus,
    /// The cgroup file system.
    Cgroups,
    /// A file system or the disk: a system call does not return.
    Files,
    /// A child process.
    Child,
    /// The API server.
    ApiServer,
    /// The API client's own rate limit.
    Throttle,
    /// A webhook or another authenticator.
    Auth,
    /// An image credential provider.
    CredentialProvider,
    /// A network peer.
    Network,
    /// Some gRPC server; the stack does not name it.
    Grpc,
}

impl FarEnd {
    /// Stable name for fingerprints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runtime => "container-runtime",
            Self::ImageService => "image-service",
            Self::CsiDriver => "csi-driver",
            Self::DevicePlugin => "device-plugin",
            Self::DraDriver => "dra-driver",
            Self::PluginSocket => "plugin-socket",
            Self::Dbus => "dbus",
            Self::Cgroups => "cgroups",
            Self::Files => "files",
            Self::Child => "child-process",
            Self::ApiServer => "api-server",
            Self::Throttle => "client-rate-limit",
            Self::Auth => "authenticator",
            Self::CredentialProvider => "credential-provider",
            Self::Network => "network",
            Self::Grpc => "grpc",
        }
    }
}

/// Goroutines of one owner in one place.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Party {
    /// Whose.
    pub owner: Part,
    /// How many.
    pub count: u64,
    /// The telling function: of the owner where it makes the call.
    pub function: String,
    /// The call at the far end, where the stack has one: `ListPodSandbox`.
    pub call: String,
    /// Their state, `select`; empty where unknown.
    pub state: String,
    /// Known waits in whole minutes, shortest and longest; lower bounds.
    pub waits: Option<(u64, u64)>,
    /// How many of them have a known wait.
    pub waiting: u64,
    /// What they wait for, where it is another part of the kubelet.
    pub waits_for: Option<Part>,
}

/// What grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grown {
    /// Goroutines.
    Goroutines,
    /// Objects on the heap.
    Objects,
    /// Open files.
    Files,
    /// Threads.
    Threads,
    /// Series of metrics.
    Series,
}

/// What is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limited {
    /// Resident memory against the limit.
    Memory,
    /// Open files.
    Files,
    /// Threads of the process, against Go's 10,000.
    Threads,
    /// Goroutines, against what this node needs.
    Goroutines,
    /// PLEG relist, 99th percentile in seconds.
    PlegRelist,
    /// Seconds since the PLEG was last seen.
    PlegSeen,
    /// CPU of the process in cores.
    Cpu,
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    /// A Go panic.
    Panic,
    /// `fatal error:`.
    Fatal,
    /// More threads than Go allows.
    Threads,
    /// SIGABRT, as systemd's watchdog sends it.
    Abort,
    /// SIGQUIT: somebody asked for the dump.
    Quit,
    /// Another signal.
    Signal,
    /// Killed for want of memory.
    OutOfMemory,
}

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
    /// Found so at several moments.
    Persists {
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
    /// Families grow by the same number.
    LockStep(usize),
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
    /// Few sampled objects: the numbers have wide errors.
    FewSamples(u64),
    /// The text of the crash names it.
    CrashText,
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
    /// Something was found.
    Found(usize),
    /// It could not be made: what is missing.
    NotPossible(Need),
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
