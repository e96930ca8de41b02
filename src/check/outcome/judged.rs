//! What a rule says of one subject: the number, its limit, how it came out and why.

use super::Outcome;
use crate::check::rules::{Measure, Per, Signal};
use crate::diagnose::report::{Evidence, Finding, Need, Show};

/// What a rule says of one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Of what.
    pub part: Part,
    /// How it came out.
    pub outcome: Outcome,
    /// Why.
    pub why: Why,
    /// What it counts.
    pub unit: Unit,
    /// The number.
    pub value: Option<f64>,
    /// Its standard error; `None` where it is not known.
    pub error: Option<f64>,
    /// What it is held against.
    pub limit: Option<Limit>,
    /// Sampled objects or ticks that the number rests on; `None` where it is exact.
    pub sampled: Option<f64>,
    /// Probability of such a number by chance.
    pub p: Option<f64>,
    /// The same, corrected for all subjects of the rule.
    pub q: Option<f64>,
    /// The moment that the number is of.
    pub moment: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What shows it.
    pub show: Option<Show>,
    /// Why it does not count.
    pub ignored: Option<String>,
    /// Stacks that the number is made of, largest first, where they were asked for.
    pub culprits: Vec<Culprit>,
}

impl Judged {
    /// A subject that nothing is known of yet.
    pub(in crate::check) fn of(part: Part, unit: Unit) -> Self {
        Self {
            part,
            outcome: Outcome::Pass,
            why: Why::Within,
            unit,
            value: None,
            error: None,
            limit: None,
            sampled: None,
            p: None,
            q: None,
            moment: String::new(),
            evidence: Vec::new(),
            show: None,
            ignored: None,
            culprits: Vec::new(),
        }
    }

    /// Whether it counts for the outcome of its rule.
    pub fn counts(&self) -> bool {
        self.ignored.is_none()
    }
}

/// A stack and its share of a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Culprit {
    /// How much of the number.
    pub value: f64,
    /// Functions, leaf first.
    pub frames: Vec<String>,
}

/// What a subject is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All of it.
    Total,
    /// What a subsystem owns.
    Owner {
        /// Key of the table of subsystems; `none` for what has no owner.
        key: String,
        /// Name for people.
        title: String,
    },
    /// Goroutines of an owner that wait for something.
    Wait {
        /// Key of the owner.
        owner: String,
        /// Its name for people.
        owner_title: String,
        /// Key of what they wait for.
        waits_for: String,
        /// Its name for people.
        waits_for_title: String,
    },
    /// Stacks with a frame of a subsystem.
    Subsystem {
        /// Key.
        key: String,
        /// Name for people.
        title: String,
    },
    /// Stacks with a frame of a package, or of packages that match.
    Package(String),
    /// Stacks with a function, or with functions that match.
    Function(String),
    /// A finding of `diagnose`, by its fingerprint.
    Finding(String),
    /// A signal of the guide.
    Signal(Signal),
    /// A frame that is forbidden or required.
    Frame(String),
    /// A state that is forbidden.
    State(String),
    /// A share of one kind of profile: `heap symbols`.
    Share(&'static str, &'static str),
    /// A build.
    Build(String),
}

impl Part {
    /// Stable name: the same from run to run, without numbers.
    pub fn key(&self) -> String {
        match self {
            Self::Total => "total".to_owned(),
            Self::Owner { key, .. } => format!("owner:{key}"),
            Self::Wait { owner, waits_for, .. } => format!("wait:{owner}>{waits_for}"),
            Self::Subsystem { key, .. } => format!("subsystem:{key}"),
            Self::Package(name) => format!("package:{name}"),
            Self::Function(name) => format!("function:{name}"),
            Self::Finding(name) => format!("finding:{name}"),
            Self::Signal(signal) => format!("signal:{}", signal.as_str()),
            Self::Frame(name) => format!("frame:{name}"),
            Self::State(name) => format!("state:{name}"),
            Self::Share(profile, what) => format!("{profile}:{what}"),
            Self::Build(id) => format!("build:{id}"),
        }
    }

    /// Key of the subsystem that it is in, where it is in one.
    pub fn subsystem(&self) -> Option<&str> {
        match self {
            Self::Owner { key, .. } | Self::Subsystem { key, .. } => Some(key),
            Self::Wait { owner, .. } => Some(owner),
            Self::Finding(fingerprint) => fingerprint.split('/').nth(1),
            _ => None,
        }
    }
}

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Goroutines.
    Goroutines,
    /// Objects.
    Objects,
    /// Bytes.
    Bytes,
    /// Minutes.
    Minutes,
    /// Seconds.
    Seconds,
    /// Cores.
    Cores,
    /// A share, from 0 to 1.
    Share,
    /// What a metric counts.
    Plain,
    /// Samples of a profile that have a frame.
    Samples,
    /// Things an hour.
    PerHour,
    /// Nothing: the subject has no number.
    Nothing,
}

impl Unit {
    /// Spelling in machine formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Goroutines => "goroutines",
            Self::Objects => "objects",
            Self::Bytes => "bytes",
            Self::Minutes => "minutes",
            Self::Seconds => "seconds",
            Self::Cores => "cores",
            Self::Share => "share",
            Self::Plain => "",
            Self::Samples => "samples",
            Self::PerHour => "per hour",
            Self::Nothing => "none",
        }
    }

    /// What a measure counts.
    pub fn of(measure: Measure) -> Self {
        match measure {
            Measure::Goroutines => Self::Goroutines,
            Measure::Wait => Self::Minutes,
            Measure::Objects => Self::Objects,
            Measure::Bytes => Self::Bytes,
            Measure::CpuShare => Self::Share,
            Measure::CpuCores => Self::Cores,
            Measure::Metric => Self::Plain,
            Measure::Files => Self::PerHour,
            Measure::Findings => Self::Nothing,
        }
    }
}

/// What a number is held against.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limit {
    /// The limit that holds for this moment.
    pub value: f64,
    /// Whether the number must be at least this (else at most).
    pub is_least: bool,
    /// How the limit was made of the load: base, factor, of what, how many.
    pub of_load: Option<(f64, f64, Per, f64)>,
    /// It is the number of the baseline, with its error.
    pub baseline: Option<Option<f64>>,
}

/// Why something came out as it did.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// Within the limit.
    Within,
    /// Beyond the limit by more than the error.
    Beyond,
    /// Beyond the limit, but by less than the error.
    WithinError,
    /// Beyond the limit, and the error is not known.
    ErrorUnknown,
    /// Something is missing.
    Missing(Need),
    /// The number that the limit is for one of is not known.
    NoLoad(Per),
    /// A finding of `diagnose`.
    Finding(Box<Finding>),
    /// `diagnose` found nothing.
    NothingFound(usize),
    /// `diagnose` has too little to judge by.
    CannotTell,
    /// The baseline has this finding as well.
    KnownFinding,
    /// Not larger than in the baseline.
    NotLarger,
    /// Larger, but by less than anybody would act on.
    SmallChange,
    /// Larger, and by chance it would rarely be.
    Grew,
    /// Larger, too little so to be sure among so many subjects.
    NotSure,
    /// As much became less elsewhere.
    Moved(String),
    /// Many at one moment, and a burst of short waits looks the same.
    Burst,
    /// The process is younger than its start-up takes, in seconds.
    Young(u64),
    /// Goroutines of profiles and of dumps do not compare.
    Forms,
    /// It is not there, and must be.
    NotThere,
    /// It is there, and must not be.
    There,
    /// It is as it must be.
    AsRequired,
    /// It did not repeat where it should be confirmed.
    NotConfirmed,
    /// It repeated where it should be confirmed.
    Confirmed(Box<Why>),
    /// The build is not among those that are allowed.
    NotAllowed,
    /// The build is not known.
    BuildUnknown,
    /// Nothing in a source is of a kubelet: that it is within its limits says nothing of one.
    ProgramUnknown,
}
