//! Runs and rules -> a report: every rule is judged by the file of its kind, then what holds for all is applied: the
//! ignore list, confirmation, and what lowers a comparison.

mod assemble;
mod attribution;
mod budget;
mod compare;
mod difference;
mod findings;
mod guide;
mod parts;
mod stacks;
mod sums;

pub(super) use sums::sums_at;

use super::names::Names;
use super::outcome::{
    Attribution, Captured, Difference, Floor, Judged, Outcome, Ran, Report, RuleProblem, RuleReport, Skipped, Why,
};
use super::rules::{Assemble, Check, Inconclusive, Level, Measure, Rule, Rules};
use super::run::{Capture, Whose};

/// What is judged, against what.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// Names of all captures: those of the reader that read them.
    pub names: &'a Names,
    /// What is judged.
    pub candidate: &'a [Capture],
    /// What it is compared with.
    pub baseline: &'a [Capture],
    /// Where failures must repeat; empty where that is not asked.
    pub confirm: &'a [Capture],
    /// What an inconclusive rule does, where it is not as the rules say.
    pub inconclusive: Option<Inconclusive>,
    /// Also the stacks that a failing number is made of.
    pub culprits: bool,
}

/// What the judge of one kind finds.
#[derive(Default)]
struct Found {
    subjects: Vec<Judged>,
    problem: Option<RuleProblem>,
    attribution: Option<Attribution>,
    floor: Option<Floor>,
    skipped: Vec<(String, Skipped)>,
}

impl Found {
    fn nothing() -> Self {
        Self {
            problem: Some(RuleProblem::MatchesNothing),
            ..Self::default()
        }
    }
}

/// One rule with its material.
#[derive(Clone, Copy)]
struct Scene<'a> {
    rule: &'a Rule,
    case: &'a Case<'a>,
    names: &'a Names,
    candidate: &'a [Capture],
    baseline: &'a [Capture],
    assemble: Assemble,
    alpha: f64,
}

/// Judges all rules.
pub fn judge(case: &Case<'_>) -> Report {
    let inconclusive = case.inconclusive.unwrap_or(case.rules.settings.inconclusive);
    let differences = difference::differences(case.baseline, case.candidate);
    let mut report = Report {
        outcome: Outcome::Pass,
        inconclusive: Some(inconclusive),
        rules_file: case.rules.origin.clone(),
        candidate: captured(case.candidate),
        baseline: captured(case.baseline),
        confirm: captured(case.confirm),
        ..Report::default()
    };
    report.sums = sums::sums(case.names, case.candidate);
    let mut used = vec![false; case.rules.ignores.len()];
    for rule in &case.rules.rules {
        let (rule, floor) = one(case, rule, &differences, &mut used);
        report.floors.extend(floor);
        report.rules.push(rule);
    }
    let unused = case.rules.ignores.iter().zip(used).filter(|(_, used)| !used);
    report.unused_ignores = unused
        .map(|(i, _)| (i.line, format!("{} {}", i.rule, i.subject)))
        .collect();
    let counts = |r: &&RuleReport| r.level == Level::Error && r.problem.is_none();
    let worst = report.rules.iter().filter(counts).map(|r| match r.outcome {
        Outcome::Inconclusive => match inconclusive {
            Inconclusive::Pass => Outcome::Pass,
            Inconclusive::Warn => Outcome::Inconclusive,
            Inconclusive::Fail => Outcome::Fail,
        },
        other => other,
    });
    report.outcome = worst.max().unwrap_or(Outcome::Pass);
    report
}

fn one(case: &Case<'_>, rule: &Rule, differences: &[Difference], used: &mut [bool]) -> (RuleReport, Option<Floor>) {
    let scene = Scene {
        rule,
        case,
        names: case.names,
        candidate: case.candidate,
        baseline: case.baseline,
        assemble: rule.assemble.unwrap_or(case.rules.settings.assemble),
        alpha: case.rules.settings.alpha / tests(case.rules) as f64,
    };
    let compares = matches!(rule.check, Check::NoRegression(_));
    let mut found = match rule.level {
        Level::Off => Found::default(),
        _ if compares && case.baseline.is_empty() => Found {
            problem: Some(RuleProblem::NoBaseline),
            ..Found::default()
        },
        _ => scene.found(),
    };
    if found.problem == Some(RuleProblem::MatchesNothing) && rule.allow_empty {
        found.problem = None;
    }
    if !case.confirm.is_empty() && found.subjects.iter().any(|s| s.outcome == Outcome::Fail) {
        let again = Scene {
            candidate: case.confirm,
            ..scene
        };
        confirm(&mut found.subjects, &again.found().subjects);
    }
    // What is not seen to be of a kubelet may violate a limit; it does not show that a kubelet keeps it.
    if case.candidate.iter().any(|c| c.program == Whose::Unknown) {
        for s in found.subjects.iter_mut().filter(|s| s.outcome == Outcome::Pass) {
            (s.outcome, s.why) = (Outcome::Inconclusive, Why::ProgramUnknown);
        }
    }
    for (i, ignore) in case.rules.ignores.iter().enumerate() {
        for s in &mut found.subjects {
            if ignore.matches(&rule.id, &s.part.key()) {
                s.ignored = Some(ignore.reason.clone());
                used[i] = true;
            }
        }
    }
    let excess = |s: &Judged| {
        s.limit
            .zip(s.value)
            .map_or(0.0, |(l, v)| (v - l.value) * if l.is_least { -1.0 } else { 1.0 })
    };
    found.subjects.sort_by(|a, b| {
        (b.counts(), b.outcome)
            .cmp(&(a.counts(), a.outcome))
            .then(excess(b).total_cmp(&excess(a)))
            .then_with(|| a.part.cmp(&b.part))
    });
    let counted = found.subjects.iter().filter(|s| s.counts());
    let outcome = counted.map(|s| s.outcome).max().unwrap_or(Outcome::Pass);
    let lowered = lowered(&rule.check, differences);
    let report = RuleReport {
        id: rule.id.clone(),
        kind: rule.check.kind(),
        description: rule.description.clone(),
        line: rule.line,
        level: if lowered.is_empty() {
            rule.level
        } else {
            rule.level.min(Level::Warn)
        },
        asked_level: rule.level,
        lowered,
        outcome,
        subjects: found.subjects,
        problem: found.problem,
        attribution: found.attribution,
        skipped: found.skipped,
    };
    (report, found.floor)
}

/// What lowers a rule to `warn`. A finding is judged by what its own load explains, so the load of the baseline does not
/// matter to it.
fn lowered(check: &Check, differences: &[Difference]) -> Vec<Difference> {
    let matters = |d: &&Difference| match check {
        Check::NoRegression(r) if r.measure == Measure::Findings => !matches!(d, Difference::Load(..)),
        Check::NoRegression(_) => true,
        _ => false,
    };
    differences.iter().filter(matters).cloned().collect()
}

impl Scene<'_> {
    fn found(&self) -> Found {
        match &self.rule.check {
            Check::Budget(b) => budget::budget(self, b),
            Check::Diagnose(f) => findings::allowed(self, f),
            Check::NoGrowth(g) => findings::growth(self, g),
            Check::Guide(g) => guide::guide(self, g),
            Check::Coverage(c) => parts::coverage(self, c),
            Check::Frames(f) => parts::frames(self, f),
            Check::Builds(b) => parts::builds(self, b),
            Check::NoRegression(r) if r.measure == Measure::Findings => findings::new(self),
            Check::NoRegression(r) => compare::compare(self, r),
        }
    }

    /// Number of a metric among those that are kept.
    fn metric(&self, name: &str) -> Option<usize> {
        super::reading::metrics_of(self.case.rules)
            .iter()
            .position(|m| m == name)
    }
}

/// How many rules rest on chance: the probability of a false alarm is shared out among them.
fn tests(rules: &Rules) -> usize {
    let sampled = |m: Measure| {
        !matches!(
            m,
            Measure::Goroutines | Measure::Wait | Measure::Metric | Measure::Findings
        )
    };
    let is = |r: &&Rule| match &r.check {
        Check::Budget(b) => sampled(b.measure),
        Check::NoRegression(n) => n.measure != Measure::Findings,
        _ => false,
    };
    rules
        .rules
        .iter()
        .filter(|r| r.level != Level::Off)
        .filter(is)
        .count()
        .max(1)
}

/// A failure counts only where it repeats, for the same subject.
fn confirm(subjects: &mut [Judged], again: &[Judged]) {
    for s in subjects.iter_mut().filter(|s| s.outcome == Outcome::Fail) {
        let repeats = again.iter().any(|a| a.part == s.part && a.outcome == Outcome::Fail);
        let why = std::mem::replace(&mut s.why, Why::NotConfirmed);
        if repeats {
            s.why = Why::Confirmed(Box::new(why));
        } else {
            s.outcome = Outcome::Inconclusive;
        }
    }
}

/// Captures as they are described in reports.
pub fn captured(all: &[Capture]) -> Vec<Captured> {
    let ran = |c: &Capture| {
        let runs = c.runs.iter().map(|r| Ran {
            node: r.process.node.clone(),
            kubernetes: r.process.kubernetes.clone(),
            go: r.process.go.clone(),
            build_id: r.process.build_id.clone(),
            machine: r.machine.clone(),
            moments: r.readings.len(),
            first: r.readings.iter().find_map(|m| m.at),
            last: r.readings.iter().rev().find_map(|m| m.at),
            pods: r.pods(),
        });
        runs.collect()
    };
    let of = |c: &Capture| Captured {
        name: c.name.clone(),
        runs: ran(c),
    };
    all.iter().map(of).collect()
}
