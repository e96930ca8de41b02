//! The sentences of a check: typed outcomes -> plain English. Every number in them is in the report.

use super::super::diagnosis::{self, Words, bytes, number, seconds, time};
use super::{Weight, weight};
use crate::check::outcome::{
    Captured, Difference, Floor, Judged, Limit, Machine, Outcome, Part, Ran, Report, RuleProblem, RuleReport, Skipped,
    Tested, Unit, Why,
};
use crate::check::rules::{Level, Per, Signal};
use crate::model::units::counted;
use crate::render::document::Setting;

/// The answer in one line.
pub(super) fn verdict(report: &Report) -> String {
    let broken = report.broken().count();
    let counts = |level: Level, outcome: Outcome| {
        let is = |r: &&RuleReport| r.level == level && r.problem.is_none() && r.outcome == outcome;
        report.rules.iter().filter(is).count()
    };
    let failed = counts(Level::Error, Outcome::Fail);
    let warned = counts(Level::Warn, Outcome::Fail);
    let unsure = report.count(Outcome::Inconclusive);
    let judged = |r: &&RuleReport| r.level != Level::Off && !r.is_idle();
    let total = report.rules.iter().filter(judged).count();
    let mut parts = Vec::new();
    if failed > 0 {
        parts.push(format!("{failed} of {} failed", counted(total, "rule", "rules")));
    }
    if warned > 0 {
        parts.push(format!("{} violated at level warn", counted(warned, "rule", "rules")));
    }
    if unsure > 0 {
        parts.push(format!("{} inconclusive", counted(unsure, "rule", "rules")));
    }
    if parts.is_empty() && broken == 0 {
        parts.push(counted(total, "rule", "rules"));
    }
    if broken > 0 {
        parts.push(format!("{} could not be judged", counted(broken, "rule", "rules")));
    }
    let word = match report.outcome {
        _ if broken > 0 => "ERROR",
        Outcome::Fail => "FAIL",
        Outcome::Inconclusive => "PASS with warnings",
        Outcome::Pass if warned > 0 => "PASS with warnings",
        Outcome::Pass => "PASS",
    };
    format!("{word}: {}", parts.join(", "))
}

/// A capture in a line.
pub(super) fn captured(c: &Captured) -> String {
    let runs: Vec<String> = c.runs.iter().map(ran).collect();
    format!("{}: {}", c.name, runs.join("; "))
}

fn ran(r: &Ran) -> String {
    let mut parts = Vec::new();
    let mut push = |text: String| {
        if !text.is_empty() {
            parts.push(text);
        }
    };
    push(r.node.clone());
    if !r.kubernetes.is_empty() {
        push(format!("kubelet {}", r.kubernetes));
    }
    push(r.go.clone());
    push(counted(r.moments, "moment", "moments"));
    if let Some(t) = r.first {
        push(format!("from {}", time(t)));
    }
    if let Some(pods) = r.pods {
        push(format!("{} pods", number(pods)));
    }
    parts.join(", ")
}

/// A number with its unit.
pub(super) fn value(v: f64, unit: Unit) -> String {
    match unit {
        Unit::Goroutines => counted(number(v), "goroutine", "goroutines"),
        Unit::Objects => format!("{} objects", number(v)),
        Unit::Bytes => bytes(v),
        Unit::Minutes => format!("{} min", number(v)),
        Unit::Seconds if v.is_infinite() => "more than the largest bucket".to_owned(),
        Unit::Seconds => format!("{} s", decimals(v)),
        Unit::Cores => format!("{v:.2} cores"),
        Unit::Share => format!("{:.1} %", 100.0 * v),
        Unit::Plain => number(v),
        Unit::Samples => format!("{} samples", number(v)),
        Unit::PerHour => format!("{} per hour", number(v)),
        Unit::Nothing => String::new(),
    }
}

fn decimals(v: f64) -> String {
    let text = format!("{v:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn with_error(v: f64, error: Option<f64>, unit: Unit) -> String {
    match error.filter(|e| *e > 0.0) {
        Some(e) => format!("{} ± {}", value(v, unit), value(e, unit)),
        None => value(v, unit),
    }
}

/// A subject for people.
pub(super) fn title(part: &Part) -> String {
    match part {
        Part::Total => "in total".to_owned(),
        Part::Owner { title, .. } => title.clone(),
        Part::Wait {
            owner_title,
            waits_for_title,
            ..
        } => format!("{owner_title} waiting for {waits_for_title}"),
        Part::Subsystem { title, .. } => format!("stacks with {title}"),
        Part::Package(name) | Part::Function(name) => diagnosis::short(name),
        Part::Finding(name) => name.clone(),
        Part::Signal(signal) => signal_title(*signal).to_owned(),
        Part::Frame(name) => format!("function {name}"),
        Part::State(name) => format!("state {name}"),
        Part::Share(profile, what) => format!("{what} of the {profile} profile"),
        Part::Build(id) => format!("build {}", id.get(..12).unwrap_or(id)),
    }
}

fn signal_title(signal: Signal) -> &'static str {
    match signal {
        Signal::Goroutines => "goroutines",
        Signal::Rss => "resident memory",
        Signal::PlegRelist => "PLEG relist, 99th percentile",
        Signal::PlegSeen => "time since the PLEG was last active",
        Signal::Cpu => "CPU of the process",
    }
}

/// Subject, value and limit in a sentence.
pub(super) fn summary(j: &Judged) -> String {
    if let Why::Finding(f) = &j.why {
        return format!(
            "{}: {} ({})",
            f.subsystem.title,
            diagnosis::summary(f),
            f.confidence.as_str()
        );
    }
    if let Why::Confirmed(why) = &j.why
        && let Why::Finding(f) = why.as_ref()
    {
        return format!(
            "{}: {} ({})",
            f.subsystem.title,
            diagnosis::summary(f),
            f.confidence.as_str()
        );
    }
    let mut text = title(&j.part);
    if let Some(v) = j.value {
        text.push_str(&format!(": {}", with_error(v, j.error, j.unit)));
    }
    if let Some(limit) = &j.limit {
        text.push_str(&format!(", {}", limit_words(limit, j.unit)));
    }
    text
}

fn limit_words(l: &Limit, unit: Unit) -> String {
    if let Some(error) = l.baseline {
        return format!("baseline {}", with_error(l.value, error, unit));
    }
    let word = if l.is_least { "at least" } else { "at most" };
    let mut text = format!("{word} {}", value(l.value, unit));
    if let Some((base, each, per, load)) = l.of_load {
        let base = if base > 0.0 {
            format!("{} + ", number_of(base, unit))
        } else {
            String::new()
        };
        let load = counted(number(load), per_words(per).0, per_words(per).1);
        text.push_str(&format!(" ({base}{} for each of {load})", number_of(each, unit)));
    }
    text
}

fn number_of(v: f64, unit: Unit) -> String {
    if unit == Unit::Bytes { bytes(v) } else { number(v) }
}

fn per_words(per: Per) -> (&'static str, &'static str) {
    match per {
        Per::Pod => ("pod", "pods"),
        Per::Container => ("container", "containers"),
        Per::Probe => ("probe worker", "probe workers"),
        Per::Cgroup => ("cgroup", "cgroups"),
    }
}

/// Why it came out so.
pub(super) fn why(j: &Judged, words: &Words<'_>) -> String {
    why_words(&j.why, j, words)
}

fn why_words(w: &Why, j: &Judged, words: &Words<'_>) -> String {
    match w {
        Why::Within => "within its limit".to_owned(),
        Why::Beyond if j.error.is_some_and(|e| e > 0.0) => "beyond its limit by more than its error".to_owned(),
        Why::Beyond => "beyond its limit".to_owned(),
        Why::WithinError => "beyond its limit, but not by more than its error".to_owned(),
        Why::ErrorUnknown => "beyond its limit, and its error is unknown".to_owned(),
        Why::Missing(need) => format!("missing: {}", (words.need)(*need)),
        Why::NoLoad(per) => format!("the number of {} is unknown", per_words(*per).1),
        Why::Finding(f) if j.outcome == Outcome::Inconclusive => {
            format!("a finding of diagnose, {} only", f.confidence.as_str())
        }
        Why::Finding(_) => "a finding of diagnose".to_owned(),
        Why::NothingFound(_) => "diagnose finds nothing".to_owned(),
        Why::CannotTell => "diagnose has too little to judge by".to_owned(),
        Why::KnownFinding => "the baseline has the same finding".to_owned(),
        Why::NotLarger => "not larger than in the baseline".to_owned(),
        Why::SmallChange => "larger than in the baseline, by less than the rule cares about".to_owned(),
        Why::Grew => "larger than in the baseline by more than chance explains".to_owned(),
        Why::NotSure => "larger than in the baseline, but chance explains it".to_owned(),
        Why::Moved(from) => format!("moved here from {from}; the sum is level"),
        Why::Burst => "larger than in the baseline, but a burst of short waits looks the same".to_owned(),
        Why::Young(age) => format!("the process was {} old and still starting", seconds(*age)),
        Why::Forms => "goroutine profiles and dumps do not compare by owner".to_owned(),
        Why::NotThere => "must be there and is not".to_owned(),
        Why::There => "must not be there".to_owned(),
        Why::AsRequired => "as required".to_owned(),
        Why::NotConfirmed => "did not repeat in the confirmation".to_owned(),
        Why::Confirmed(why) => format!("{}; repeated in the confirmation", why_words(why, j, words)),
        Why::NotAllowed => "not among the allowed builds".to_owned(),
        Why::BuildUnknown => "the build ID is unknown".to_owned(),
        Why::ProgramUnknown => "no function or metric of a kubelet is in the sources".to_owned(),
    }
}

/// What stands below a subject: numbers, moment, evidence, command.
pub(super) fn details(j: &Judged, words: &Words<'_>) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if j.outcome != Outcome::Pass {
        all.push(("why", why(j, words)));
    }
    let numbers = numbers(j);
    if !numbers.is_empty() {
        all.push(("error", numbers));
    }
    if !j.moment.is_empty() && j.value.is_some() {
        all.push(("at", j.moment.clone()));
    }
    let most = if words.all { usize::MAX } else { 2 };
    for e in j.evidence.iter().take(most) {
        all.push(("seen", diagnosis::evidence_words(e)));
    }
    for c in &j.culprits {
        let frames: Vec<String> = c.frames.iter().map(|f| diagnosis::short(f)).collect();
        all.push(("stack", format!("{} in {}", value(c.value, j.unit), frames.join(" < "))));
    }
    if let Some(show) = &j.show {
        all.push(("show", (words.command)(show)));
    }
    all
}

/// What is known of the error of a number.
fn numbers(j: &Judged) -> String {
    let mut parts = Vec::new();
    if let Some(k) = j.sampled {
        let word = match j.unit {
            Unit::Share | Unit::Cores => ("CPU sample", "CPU samples"),
            Unit::Seconds => ("event", "events"),
            _ => ("sampled object", "sampled objects"),
        };
        parts.push(format!("rests on {}", counted(number(k), word.0, word.1)));
    } else if j.value.is_some() && j.error.is_none() && j.unit != Unit::PerHour {
        parts.push("counted, no sampling error".to_owned());
    }
    if let Some(p) = j.p.filter(|p| *p < 1.0) {
        parts.push(format!("p = {}", probability(p)));
    }
    if let Some(q) = j.q.filter(|q| *q < 1.0) {
        parts.push(format!("q = {} among all subjects", probability(q)));
    }
    parts.join(", ")
}

fn probability(p: f64) -> String {
    match p {
        p if p >= 0.001 => format!("{p:.3}"),
        p if p < 1e-12 => "below 1e-12".to_owned(),
        p => format!("{p:.0e}"),
    }
}

/// Why a rule could not be judged.
pub(super) fn problem(p: &RuleProblem, words: &Words<'_>) -> String {
    match p {
        RuleProblem::MatchesNothing => {
            "matches nothing in the sources; add allow_empty = true if that is fine".to_owned()
        }
        RuleProblem::NoBaseline => {
            let typed = (words.setting)(Setting::Baseline);
            format!("compares with a baseline, and none is given{typed}")
        }
    }
}

/// Why something was not judged.
pub(super) fn skipped(s: &Skipped, words: &Words<'_>) -> String {
    match s {
        Skipped::NoLimit => "no limit is known".to_owned(),
        Skipped::Missing(need) => format!("missing: {}", (words.need)(*need)),
        Skipped::NoLoad => "the number of pods is unknown".to_owned(),
    }
}

/// How baseline and candidate differ.
pub(super) fn difference(d: &Difference) -> String {
    match d {
        Difference::Machine(a, b) => format!("another machine (baseline {}, now {})", machine(a), machine(b)),
        Difference::Go(a, b) => format!("another release of Go (baseline {a}, now {b})"),
        Difference::Kubernetes(a, b) => format!("another release of Kubernetes (baseline {a}, now {b})"),
        Difference::Load(a, b) => format!("another load (baseline {} pods, now {})", number(*a), number(*b)),
    }
}

/// Comparisons that can only warn and found nothing, with why: that they passed says less. One line for each reason.
pub(super) fn lowered(report: &Report) -> Vec<String> {
    let mut by_reason: Vec<(String, Vec<&str>)> = Vec::new();
    for r in report
        .rules
        .iter()
        .filter(|r| r.level == Level::Warn && r.asked_level == Level::Error)
    {
        if r.is_idle() || r.problem.is_some() || r.outcome != Outcome::Pass {
            continue;
        }
        let reason = r.lowered.iter().map(difference).collect::<Vec<_>>().join("; ");
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, rules)) => rules.push(&r.id),
            None => by_reason.push((reason, vec![&r.id])),
        }
    }
    let line = |(reason, rules): (String, Vec<&str>)| format!("could only warn: {}: {reason}", rules.join(", "));
    by_reason.into_iter().map(line).collect()
}

fn machine(m: &Machine) -> String {
    let mut parts = Vec::new();
    if !m.arch.is_empty() {
        parts.push(m.arch.clone());
    }
    parts.extend(m.cores.map(|c| counted(number(c), "core", "cores")));
    parts.extend(m.memory.map(bytes));
    if parts.is_empty() {
        "unknown".to_owned()
    } else {
        parts.join(" ")
    }
}

/// A noise floor in a line.
pub(super) fn floor(f: &Floor) -> String {
    let mut text = format!("{}: {}", f.rule, with_error(f.total, f.error, f.unit));
    if f.runs.0 > 0 {
        let by = match f.by {
            Tested::Sampling => "by their sampling errors",
            Tested::Permutation => "by permutation",
        };
        let runs = counted(f.runs.1, "run", "runs");
        text.push_str(&format!("; {runs} against {}, {by}", f.runs.0));
    }
    if let Some(seen) = f.seen {
        text.push_str(&format!(
            "; growth of a subsystem is seen four times in five from {}",
            value(seen, f.unit)
        ));
    }
    text
}

/// The word before a subject.
pub(super) fn mark(report: &Report, rule: &RuleReport, j: &Judged) -> &'static str {
    match (j.outcome, weight(report, rule, j)) {
        _ if !j.counts() => "ignored",
        (Outcome::Pass, _) => "pass",
        (Outcome::Inconclusive, _) => "unsure",
        (Outcome::Fail, Weight::Error) => "FAIL",
        (Outcome::Fail, _) => "warn",
    }
}
