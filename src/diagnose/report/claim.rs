//! What a finding says: its claim by kind, who waits, where the far end is.

use super::{Estimate, Part};
use crate::model::evidence::UnitEvent;

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
        /// What the calls are about.
        about: About,
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
        /// Pods of the node, where they are known; else it is judged as one of [`DEFAULT_PODS`].
        pods: Option<f64>,
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
        /// The line of the text that says so; `None` where systemd or the kernel do.
        message: Option<String>,
        /// The process went on: somebody recovered the panic and logged it.
        recovered: bool,
        /// What systemd and the kernel said of its end.
        events: Vec<UnitEvent>,
    },
    /// The process does not stay.
    Restarts {
        /// How often it was started again.
        times: usize,
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

impl Claim {
    /// Goroutines that wait, by part: those in the call or behind the lock, and those that wait for them.
    pub fn parties(&self) -> impl Iterator<Item = &Party> {
        let none: &[Party] = &[];
        let (first, second) = match self {
            Self::NoAnswer { callers, victims, .. } => (callers.as_slice(), victims.as_slice()),
            Self::LockWait { waiters: all, .. }
            | Self::NotTaken { senders: all, .. }
            | Self::LoopWaits { parties: all }
            | Self::VolumesFail { parties: all, .. }
            | Self::Failing { victims: all, .. } => (all.as_slice(), none),
            _ => (none, none),
        };
        first.iter().chain(second)
    }
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

/// What calls into the kernel, or a child process, are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct About {
    /// The command that was started: `mount`.
    pub command: Option<&'static str>,
    /// The type of the volume, as the field of a pod's volume: `nfs`.
    pub volume: Option<&'static str>,
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
    /// Whether that part holds a lock that they wait for.
    pub locked: bool,
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
    /// Resident memory, in bytes.
    Memory,
}

/// Pods where nothing says how many: as many as a node has at most by default.
pub const DEFAULT_PODS: f64 = 110.0;

/// What is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limited {
    /// Resident memory against the limit.
    Memory,
    /// Open files, against the limit of the process.
    Files,
    /// Open files, against what this node needs.
    FilesOfNode,
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
    /// It ended itself with a status other than 0.
    Exit,
    /// Killed for want of memory.
    OutOfMemory,
}
