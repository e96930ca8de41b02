//! The answer of `check` as plain data: for every rule and subject an outcome with value, limit, error, probability, the
//! evidence and what shows it. `render::check` words it; commands are data as well.

mod judged;

use jiff::Timestamp;

pub use super::reading::Machine;
use super::rules::{Assemble, Inconclusive, Level, Measure, Per};
use crate::diagnose::report::{Load, Need};
pub use judged::{Culprit, Judged, Limit, Part, Unit, Why};

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
