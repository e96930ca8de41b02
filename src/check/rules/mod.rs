//! The rules of a gate as data: what is measured, on which part, against what, and how much a violation weighs.
//!
//! [`Rules::parse`] reads TOML; every mistake in it is an error with line, column and the nearest right word. The same
//! shape is published as a JSON schema for editors (`docs/schema/rules.json`).

mod amount;
mod error;
mod fields;
mod ignores;
mod kinds;
mod read;
#[cfg(test)]
mod schema;
mod words;

use regex::Regex;

use crate::diagnose::report::Confidence;
use crate::kubelet::PackagePatterns;

pub use error::{Problem, RulesError};
pub use read::Mistakes;
pub use words::{Assemble, Inconclusive, Level, Measure, Per, ProfileKind, Signal};

/// A file of rules.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Name of the file, or what stands for one.
    pub origin: String,
    /// What holds for all rules.
    pub settings: Settings,
    /// In the order of the file.
    pub rules: Vec<Rule>,
    /// What is measured and shown, and does not count.
    pub ignores: Vec<Ignore>,
}

/// What holds for all rules that do not say otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How several captures become one number.
    pub assemble: Assemble,
    /// What a rule that cannot be decided does to the whole.
    pub inconclusive: Inconclusive,
    /// Probability with which a healthy kubelet may fail the whole check by the chance of sampling; shared out among the
    /// rules that rest on sampled numbers or compare.
    pub alpha: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            assemble: Assemble::Optimistic,
            inconclusive: Inconclusive::Warn,
            alpha: 0.01,
        }
    }
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name: unique in the file, part of every fingerprint.
    pub id: String,
    /// What a violation does.
    pub level: Level,
    /// What it is for, in the words of who wrote it.
    pub description: String,
    /// Where it stands in the file, from 1; 0 for rules that are in no file.
    pub line: u32,
    /// How several captures become one number, where it is not as for all.
    pub assemble: Option<Assemble>,
    /// A rule that matches nothing in the sources passes.
    pub allow_empty: bool,
    /// What is judged.
    pub check: Check,
}

/// What a rule judges.
#[derive(Clone, Debug)]
pub enum Check {
    /// A number against limits.
    Budget(Budget),
    /// Findings of `diagnose` and their confidence.
    Diagnose(Findings),
    /// Growth inside of a series, as `diagnose` judges it.
    NoGrowth(NoGrowth),
    /// The signals that guides watch, judged on this node.
    Guide(Guide),
    /// How much has names and owners.
    Coverage(Coverage),
    /// Frames and states that must be there, or must not.
    Frames(Frames),
    /// Builds that are allowed.
    Builds(Builds),
    /// Nothing is larger than in the baseline.
    NoRegression(NoRegression),
}

impl Check {
    /// The kind as the file spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Budget(_) => "budget",
            Self::Diagnose(_) => "diagnose",
            Self::NoGrowth(_) => "no-growth",
            Self::Guide(_) => "guide",
            Self::Coverage(_) => "coverage",
            Self::Frames(_) => "frames",
            Self::Builds(_) => "builds",
            Self::NoRegression(_) => "no-regression",
        }
    }

    /// All kinds.
    pub const KINDS: &'static [&'static str] = &[
        "budget",
        "diagnose",
        "no-growth",
        "guide",
        "coverage",
        "frames",
        "builds",
        "no-regression",
    ];
}

/// Which part a number is of.
#[derive(Clone, Debug)]
pub enum Scope {
    /// All of it.
    Total,
    /// What these subsystems own: every stack counts for the part of the kubelet that answers for it.
    Owner(Names),
    /// Stacks with a frame of these subsystems.
    Subsystem(Names),
    /// Stacks with a frame of these packages; each pattern is one part.
    Package(Patterns<PackagePatterns>),
    /// Stacks with a function that matches; each expression is one part.
    Function(Patterns<Regex>),
    /// Goroutines by owner and what they wait for: every pair is one part.
    Wait,
}

/// Subsystems by key, or each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// `*`: each that is there.
    Each,
    /// These.
    Keys(Vec<String>),
}

/// Patterns with their texts, or each name.
#[derive(Clone, Debug)]
pub enum Patterns<P> {
    /// `*`: each that is there.
    Each,
    /// These.
    These(Vec<(String, P)>),
}

/// Which goroutines or samples of the scope count.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only what waits for these subsystems.
    pub blocked_in: Vec<String>,
    /// Only goroutines in a state that begins so.
    pub state: String,
}

/// A number against limits.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The number.
    pub measure: Measure,
    /// Name of the metric, where that is the measure.
    pub metric: String,
    /// Of what.
    pub scope: Scope,
    /// And of which of it.
    pub filter: Filter,
    /// It may be at most this.
    pub max: Option<f64>,
    /// It must be at least this.
    pub min: Option<f64>,
    /// The limit is for one of these; it is multiplied by how many there are.
    pub per: Option<Per>,
    /// And this much besides.
    pub base: f64,
}

/// Findings of `diagnose`.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// A finding that is surer than this fails; `None` allows none at all.
    pub at_most: Option<Confidence>,
    /// Only these kinds; empty for all.
    pub kinds: Vec<String>,
    /// Only these subsystems; empty for all.
    pub subsystems: Vec<String>,
}

/// Growth inside of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct NoGrowth {
    /// Of what: goroutines, objects or files; all of them where it is not said.
    pub measure: Option<Measure>,
    /// Only these subsystems; empty for all.
    pub subsystems: Vec<String>,
    /// Growth up to this many an hour is allowed.
    pub max_per_hour: f64,
}

/// The signals that guides watch.
#[derive(Clone, Debug, PartialEq)]
pub struct Guide {
    /// Which; all where it is not said.
    pub signals: Vec<Signal>,
    /// Memory that the kubelet may use, in bytes; of the node where it is not said.
    pub rss_limit: Option<f64>,
    /// Share of it that RSS may reach.
    pub rss_share: f64,
    /// Goroutines of a node without pods.
    pub goroutines: f64,
    /// Goroutines for every pod.
    pub goroutines_per_pod: f64,
    /// 99th percentile of PLEG relists, in seconds.
    pub pleg_seconds: f64,
    /// Cores; as the node's pods need where it is not said.
    pub cpu_cores: Option<f64>,
}

/// How much has names and owners.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// Kinds of profile; all that there are where it is not said.
    pub profiles: Vec<ProfileKind>,
    /// Share of frames that must have names.
    pub symbols: Option<f64>,
    /// Share of values that must have an owner or a library.
    pub owners: Option<f64>,
}

/// Frames and states.
#[derive(Clone, Debug)]
pub struct Frames {
    /// In profiles of this kind.
    pub profile: ProfileKind,
    /// Stacks with such a function must not be there.
    pub forbid: Vec<(String, Regex)>,
    /// A stack with such a function must be there.
    pub require: Vec<(String, Regex)>,
    /// States that no goroutine may be in; a state begins so.
    pub forbid_states: Vec<String>,
    /// Only goroutines that wait at least this many minutes.
    pub min_wait: u64,
    /// This many are allowed of what is forbidden.
    pub max: u64,
}

/// Builds that are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builds {
    /// Build IDs, or how they begin.
    pub allow: Vec<String>,
}

/// Nothing is larger than in the baseline.
#[derive(Clone, Debug)]
pub struct NoRegression {
    /// What is compared.
    pub measure: Measure,
    /// By which parts.
    pub scope: Scope,
    /// And of which of it.
    pub filter: Filter,
    /// Growth below this share of what was there is allowed.
    pub min_change: f64,
    /// Growth by less than this is allowed.
    pub min_units: f64,
}

/// What is measured and shown, and does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// Rules whose name matches; `*` stands for any text.
    pub rule: String,
    /// Subjects that match; `*` stands for any text.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub line: u32,
}

impl Ignore {
    /// Whether it is about this subject of this rule.
    pub fn matches(&self, rule: &str, subject: &str) -> bool {
        fits(&self.rule, rule) && fits(&self.subject, subject)
    }
}

/// Whether a text is what a pattern says, in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    // Between two stars the first place that fits leaves most for the rest.
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

impl Rules {
    /// What is judged where no file of rules is given: what `diagnose` finds, the signals of the guide, and, with a
    /// baseline, that nothing grew.
    pub fn builtin(baseline: bool) -> Self {
        let mut text = BUILTIN.to_owned();
        if baseline {
            text.push_str(BUILTIN_BASELINE);
        }
        let mut rules = Self::parse(&text, "built-in rules", &crate::kubelet::Knowledge::builtin())
            .unwrap_or_else(|e| panic!("{e}"));
        rules.rules.iter_mut().for_each(|r| r.line = 0);
        rules
    }

    /// The rule of that name.
    pub fn find(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id == id)
    }
}

const BUILTIN: &str = include_str!("builtin.toml");
const BUILTIN_BASELINE: &str = include_str!("baseline.toml");

#[cfg(test)]
mod tests {
    use super::{Rules, fits};

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "anything", true),
            ("owner:grpc", "owner:grpc", true),
            ("owner:grpc", "owner:grpc2", false),
            ("owner:*", "owner:grpc", true),
            ("*grpc", "owner:grpc", true),
            ("o*:g*c", "owner:grpc", true),
            ("a*a", "a", false),
            ("a*b*c", "a-c-b", false),
            ("", "", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_builtin_rules_are_rules() {
        assert!(Rules::builtin(false).rules.len() >= 2);
        let with = Rules::builtin(true);
        assert!(with.rules.iter().any(|r| r.check.kind() == "no-regression"));
    }
}
