//! The answer of `check` as plain data: for every rule and subject an outcome with value, limit, error, probability, the
//! evidence and what shows it. `render::check` words it; commands are data as well.

use jiff::Timestamp;

pub use super::reading::Machine;
use super::rules::{Assemble, Inconclusive, Level, Measure, Per, Signal};
use crate::diagnose::report::{Evidence, Finding, Load, Need, Show};

/// Name and version of the machine-readable form.
pub const SCHEMA: &str = "kubeprof/check/1";

/// How something came out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Outcome {
    /// Within its limits.
    #[default]
    Pass,
    /// It cannot be decided by what there is.
    Inconclusive,
    /// Violated by more than the error of the number.
    Fail,
}

impl Outcome {
    /// Spelling in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The worst of all rules at level `error`, with what is inconclusive counted as asked.
    pub outcome: Outcome,
    /// What inconclusive rules do to the outcome.
    pub inconclusive: Option<Inconclusive>,
    /// Name of the file of rules.
    pub rules_file: String,
    /// What was judged.
    pub candidate: Vec<Captured>,
    /// What it was compared with.
    pub baseline: Vec<Captured>,
    /// What failures had to be repeated in.
    pub confirm: Vec<Captured>,
    /// Every rule, in the order of the file.
    pub rules: Vec<RuleReport>,
    /// How large changes must be to be seen in this material.
    pub floors: Vec<Floor>,
    /// What every subsystem has at the last moment of the candidate.
    pub sums: Vec<Sum>,
    /// Entries of the ignore list that matched nothing.
    pub unused_ignores: Vec<(u32, String)>,
}

impl Report {
    /// Rules that could not be judged as written.
    pub fn broken(&self) -> impl Iterator<Item = &RuleReport> {
        self.rules.iter().filter(|r| r.problem.is_some())
    }

    /// How many rules have this outcome; those that are off and those that are broken do not count.
    pub fn count(&self, outcome: Outcome) -> usize {
        let counts = |r: &&RuleReport| r.level != Level::Off && r.problem.is_none() && r.outcome == outcome;
        self.rules.iter().filter(counts).count()
    }
}

/// What a subsystem has.
#[derive(Clone, Debug, PartialEq)]
pub struct Sum {
    /// Of what.
    pub measure: Measure,
    /// Of which subsystem.
    pub part: Part,
    /// How much.
    pub value: f64,
    /// Standard error, where it is sampled.
    pub error: Option<f64>,
}

/// A capture that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Captured {
    /// As it was named.
    pub name: String,
    /// Its processes.
    pub runs: Vec<Ran>,
}

/// A process in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ran {
    /// Name of the node; empty where not known.
    pub node: String,
    /// Version of Kubernetes.
    pub kubernetes: String,
    /// Version of Go.
    pub go: String,
    /// Build ID.
    pub build_id: String,
    /// Machine.
    pub machine: Machine,
    /// Moments.
    pub moments: usize,
    /// Time of the first and the last one.
    pub first: Option<Timestamp>,
    /// See `first`.
    pub last: Option<Timestamp>,
    /// Pods, in the middle of the moments.
    pub pods: Option<f64>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleReport {
    /// Its name.
    pub id: String,
    /// Its kind.
    pub kind: &'static str,
    /// What it is for.
    pub description: String,
    /// Its line in the file; 0 where it is in none.
    pub line: u32,
    /// What a violation does, after what lowers it.
    pub level: Level,
    /// What the file says.
    pub asked_level: Level,
    /// Why the level was lowered to `warn`.
    pub lowered: Vec<Difference>,
    /// The worst of its subjects.
    pub outcome: Outcome,
    /// Its subjects, worst first.
    pub subjects: Vec<Judged>,
    /// Why it cannot be judged at all; then the check itself did not work.
    pub problem: Option<RuleProblem>,
    /// Where the growth of a total comes from, for comparisons.
    pub attribution: Option<Attribution>,
    /// What was not judged and why.
    pub skipped: Vec<(String, Skipped)>,
}

impl RuleReport {
    /// Whether it may find nothing in the sources, and did.
    pub fn is_idle(&self) -> bool {
        self.level != Level::Off && self.problem.is_none() && self.subjects.is_empty()
    }

    /// The outcome in one word, for every format.
    pub fn word(&self) -> &'static str {
        match self.outcome {
            _ if self.level == Level::Off => "off",
            _ if self.problem.is_some() => "error",
            _ if self.is_idle() => "not judged",
            outcome => outcome.as_str(),
        }
    }
}

/// Why a rule cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleProblem {
    /// Nothing in the sources is what it is about.
    MatchesNothing,
    /// It compares, and there is no baseline.
    NoBaseline,
}

/// Why something was not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// No limit is known: neither the rule nor the node says one.
    NoLimit,
    /// Something is missing.
    Missing(Need),
    /// The number of pods is not known.
    NoLoad,
}

/// How baseline and candidate differ, so that a comparison says less.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// Another kind of machine.
    Machine(Machine, Machine),
    /// Another release of Go, by minor version.
    Go(String, String),
    /// Another release of Kubernetes, by minor version.
    Kubernetes(String, String),
    /// Another load: pods of the baseline and of the candidate.
    Load(f64, f64),
}

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
    pub(super) fn of(part: Part, unit: Unit) -> Self {
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
}

/// Where the growth of a total comes from. The parts add up to the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// What it counts.
    pub unit: Unit,
    /// Total of the baseline and of the candidate, with the error of the difference.
    pub old: f64,
    /// See `old`.
    pub new: f64,
    /// See `old`.
    pub error: Option<f64>,
    /// Parts by how much they changed, largest first.
    pub parts: Vec<Share>,
}

/// One part of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Which.
    pub part: Part,
    /// Value in the baseline and in the candidate, with the error of the difference.
    pub old: f64,
    /// See `old`.
    pub new: f64,
    /// See `old`.
    pub error: Option<f64>,
    /// Of the change, what the change of load alone would make.
    pub of_load: f64,
}

/// How large a change must be to be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Floor {
    /// Of which rule.
    pub rule: String,
    /// What it counts.
    pub unit: Unit,
    /// One standard error of the total.
    pub error: Option<f64>,
    /// The total itself.
    pub total: f64,
    /// Growth of a subject in the middle that the rule sees four times in five.
    pub seen: Option<f64>,
    /// Runs of the baseline and of the candidate; 0 where nothing is compared.
    pub runs: (usize, usize),
    /// How rules were tested.
    pub by: Tested,
}

/// How a difference was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tested {
    /// Nothing is compared: the error of the numbers alone.
    Sampling,
    /// Runs were permuted.
    Permutation,
}

/// How several captures were put together, for explanations.
pub fn assembled(rule: Option<Assemble>, all: Assemble) -> Assemble {
    rule.unwrap_or(all)
}

/// What a load says for one unit.
pub fn load_of(load: &Load, per: Per) -> Option<f64> {
    match per {
        Per::Pod => load.pods,
        Per::Container => load.containers,
        Per::Probe => load.probes,
        Per::Cgroup => load.cgroups,
    }
}
