//! The table of each kind of rule -> what it checks.

use super::amount::Unit;
use super::error::Problem;
use super::fields::Fields;
use super::{
    Budget, Builds, Coverage, Filter, Findings, Frames, Guide, Measure, Names, NoGrowth, NoRegression, Patterns, Per,
    ProfileKind, Scope, Signal,
};
use crate::diagnose::report::{Confidence, Kind};
use crate::kubelet::{Knowledge, PackagePatterns};

/// Limits on what a number is of.
const SCOPES: [&str; 5] = ["owner", "subsystem", "package", "function", "wait"];

/// The measure of a rule, one of these.
fn measure(fields: &Fields<'_>, allowed: &[Measure]) -> Option<Measure> {
    let words: Vec<&'static str> = allowed.iter().map(|m| m.as_str()).collect();
    fields.word("measure", &words, allowed)
}

fn required_measure(fields: &Fields<'_>, allowed: &[Measure]) -> Option<Measure> {
    if !fields.has("measure") {
        fields.missing("measure", "say what is counted, for instance measure = \"goroutines\"");
        return None;
    }
    measure(fields, allowed)
}

/// Keys of subsystems, or each.
fn keys(fields: &Fields<'_>, key: &'static str, knowledge: &Knowledge) -> Vec<String> {
    let all: Vec<&str> = knowledge.subsystems().iter().map(|s| s.key.as_str()).collect();
    let mut found = Vec::new();
    for (text, at) in fields.list(key) {
        if text == "*" {
            found.push(text);
        } else if let Some(id) = knowledge.find(&text) {
            found.push(knowledge.key(id).to_owned());
        } else {
            fields.unknown_word(key, &text, at, &all);
        }
    }
    found
}

fn names(keys: Vec<String>) -> Names {
    match keys.iter().any(|k| k == "*") {
        true => Names::Each,
        false => Names::Keys(keys),
    }
}

fn scope(fields: &Fields<'_>, knowledge: &Knowledge) -> Option<Scope> {
    let given: Vec<&'static str> = SCOPES.into_iter().filter(|k| fields.has(k)).collect();
    if let [first, second, ..] = given.as_slice() {
        let (key, with) = (*second, *first);
        fields.fail(second, Problem::Conflict { key, with });
    }
    let owners = keys(fields, "owner", knowledge);
    let subsystems = keys(fields, "subsystem", knowledge);
    let packages = packages(fields);
    let functions = match fields.list("function").as_slice() {
        [(text, _)] if text == "*" => Patterns::Each,
        _ => Patterns::These(fields.expressions("function")),
    };
    let wait = fields.text("wait");
    let is_each = wait.as_deref() == Some("*");
    if let Some(text) = wait.filter(|_| !is_each) {
        let at = fields.place_of("wait");
        fields.unknown_word("wait", &text, at, &["*"]);
        return None;
    }
    Some(match given.first().copied() {
        None => Scope::Total,
        Some("owner") => Scope::Owner(names(owners)),
        Some("subsystem") => Scope::Subsystem(names(subsystems)),
        Some("package") => Scope::Package(packages),
        Some("function") => Scope::Function(functions),
        Some(_) => Scope::Wait,
    })
}

fn packages(fields: &Fields<'_>) -> Patterns<PackagePatterns> {
    let mut found = Vec::new();
    for (text, at) in fields.list("package") {
        if text == "*" {
            return Patterns::Each;
        }
        match PackagePatterns::parse([text.as_str()]) {
            Ok(patterns) => found.push((text, patterns)),
            Err(e) => {
                let (key, cause) = ("package".to_owned(), e.to_string());
                let hint = Some(e.hint().into_owned());
                fields.file.fail(at, Problem::Pattern { key, cause, hint });
            }
        }
    }
    Patterns::These(found)
}

fn filter(fields: &Fields<'_>, knowledge: &Knowledge, measure: Option<Measure>) -> Filter {
    let filter = Filter {
        blocked_in: keys(fields, "blocked_in", knowledge),
        state: fields.text("state").unwrap_or_default(),
    };
    for key in ["blocked_in", "state", "wait"] {
        if let Some(m) = measure.filter(|m| m.profile() != Some(ProfileKind::Goroutine))
            && fields.has(key)
        {
            let (measure, hint) = (m.as_str(), "goroutines wait: use measure = \"goroutines\" or \"wait\"");
            fields.fail(key, Problem::NotWith { key, measure, hint });
        }
    }
    filter
}

/// How its limits are written; not known where the measure is not.
fn unit(measure: Option<Measure>) -> Option<Unit> {
    Some(match measure? {
        Measure::Bytes | Measure::Metric => Unit::Bytes,
        Measure::Wait => Unit::Minutes,
        Measure::CpuShare => Unit::Share,
        _ => Unit::Plain,
    })
}

pub(super) fn budget(fields: &Fields<'_>, knowledge: &Knowledge) -> Option<Budget> {
    let allowed = [
        Measure::Goroutines,
        Measure::Wait,
        Measure::Objects,
        Measure::Bytes,
        Measure::CpuShare,
        Measure::CpuCores,
        Measure::Metric,
    ];
    let measure = required_measure(fields, &allowed);
    let metric = fields.text("metric");
    let scope = scope(fields, knowledge);
    let filter = filter(fields, knowledge, measure);
    let unit = unit(measure);
    let (max, min) = (fields.number("max", unit), fields.number("min", unit));
    let per = fields.word("per", Per::WORDS, Per::ALL);
    let base = fields.number("base", unit);
    if !fields.has("max") && !fields.has("min") {
        let hint = "give it a `max`, a `min` or both";
        fields.nothing_of(Problem::Nothing { hint }, &["max", "min"]);
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        fields.fail("min", Problem::Crossed { min, max });
    }
    if fields.has("base") && !fields.has("per") {
        fields.missing(
            "per",
            "`base` is what is allowed besides the limit per pod, container, probe or cgroup",
        );
    }
    let is_metric = measure == Some(Measure::Metric);
    if is_metric && !fields.has("metric") {
        fields.missing("metric", "name it, for instance metric = \"process_open_fds\"");
    }
    if let Some(m) = measure {
        let refuse = |key: &'static str, hint: &'static str| {
            let measure = m.as_str();
            fields.fail(key, Problem::NotWith { key, measure, hint });
        };
        if !is_metric && fields.has("metric") {
            refuse("metric", "it goes with measure = \"metric\"");
        }
        for key in SCOPES.into_iter().filter(|k| is_metric && fields.has(k)) {
            refuse(key, "a metric is of the whole process");
        }
        if m == Measure::CpuShare && fields.has("per") {
            refuse("per", "a share is of one profile: use measure = \"cpu-cores\"");
        }
    }
    Some(Budget {
        measure: measure?,
        metric: metric.unwrap_or_default(),
        scope: scope?,
        filter,
        max,
        min,
        per,
        base: base.unwrap_or(0.0),
    })
}

pub(super) fn findings(fields: &Fields<'_>, knowledge: &Knowledge) -> Option<Findings> {
    let words = ["none", "suspect", "likely", "certain"];
    let all = [
        None,
        Some(Confidence::Suspect),
        Some(Confidence::Likely),
        Some(Confidence::Certain),
    ];
    let at_most = fields.word("at_most", &words, &all);
    let kinds: Vec<&'static str> = Kind::ALL.iter().map(|k| k.as_str()).collect();
    let kinds = fields.words("kinds", &kinds, &kinds);
    Some(Findings {
        at_most: at_most.unwrap_or(Some(Confidence::Suspect)),
        kinds: kinds.into_iter().map(str::to_owned).collect(),
        subsystems: keys(fields, "subsystems", knowledge),
    })
}

pub(super) fn no_growth(fields: &Fields<'_>, knowledge: &Knowledge) -> Option<NoGrowth> {
    let measure = measure(fields, &[Measure::Goroutines, Measure::Objects, Measure::Files]);
    Some(NoGrowth {
        measure,
        subsystems: keys(fields, "subsystems", knowledge),
        max_per_hour: fields.number("max_per_hour", Unit::Plain).unwrap_or(0.0),
    })
}

pub(super) fn guide(fields: &Fields<'_>) -> Guide {
    Guide {
        signals: fields.words("signals", Signal::WORDS, Signal::ALL),
        rss_limit: fields.number("rss_limit", Unit::Bytes),
        rss_share: fields.number("rss_share", Unit::Share).unwrap_or(0.8),
        goroutines: fields.number("goroutines", Unit::Plain).unwrap_or(500.0),
        goroutines_per_pod: fields.number("goroutines_per_pod", Unit::Plain).unwrap_or(10.0),
        pleg_seconds: fields.number("pleg_seconds", Unit::Seconds).unwrap_or(10.0),
        cpu_cores: fields.number("cpu_cores", Unit::Plain),
    }
}

pub(super) fn coverage(fields: &Fields<'_>) -> Option<Coverage> {
    let coverage = Coverage {
        profiles: fields.words("profiles", ProfileKind::WORDS, ProfileKind::ALL),
        symbols: fields.number("symbols", Unit::Share),
        owners: fields.number("owners", Unit::Share),
    };
    if !fields.has("symbols") && !fields.has("owners") {
        let hint = "give it `symbols`, `owners` or both, for instance symbols = 0.95";
        fields.nothing_of(Problem::Nothing { hint }, &["symbols", "owners"]);
    }
    Some(coverage)
}

pub(super) fn frames(fields: &Fields<'_>) -> Option<Frames> {
    let profile = fields.word("profile", ProfileKind::WORDS, ProfileKind::ALL);
    let frames = Frames {
        profile: profile.unwrap_or(ProfileKind::Goroutine),
        forbid: fields.expressions("forbid"),
        require: fields.expressions("require"),
        forbid_states: fields.list("forbid_states").into_iter().map(|(text, _)| text).collect(),
        min_wait: fields.number("min_wait", Unit::Minutes).unwrap_or(0.0).ceil() as u64,
        max: fields.number("max", Unit::Plain).unwrap_or(0.0) as u64,
    };
    let any = ["forbid", "require", "forbid_states"];
    if !any.iter().any(|k| fields.has(k)) {
        let hint = "give it `forbid`, `require` or `forbid_states`";
        fields.nothing_of(Problem::Nothing { hint }, &any);
    }
    if let Some(p) = profile.filter(|p| *p != ProfileKind::Goroutine) {
        for key in ["forbid_states", "min_wait"].into_iter().filter(|k| fields.has(k)) {
            let (measure, hint) = (p.as_str(), "only goroutines have states and waits");
            fields.fail(key, Problem::NotWith { key, measure, hint });
        }
    }
    Some(frames)
}

pub(super) fn builds(fields: &Fields<'_>) -> Option<Builds> {
    let allow: Vec<String> = fields.list("allow").into_iter().map(|(text, _)| text).collect();
    if !fields.has("allow") {
        fields.missing(
            "allow",
            "list build IDs, or how they begin; inspect a profile to see its own",
        );
    }
    Some(Builds { allow })
}

pub(super) fn no_regression(fields: &Fields<'_>, knowledge: &Knowledge) -> Option<NoRegression> {
    let allowed = [
        Measure::Goroutines,
        Measure::Objects,
        Measure::Bytes,
        Measure::CpuShare,
        Measure::CpuCores,
        Measure::Findings,
    ];
    let measure = required_measure(fields, &allowed);
    let scope = scope(fields, knowledge);
    let filter = filter(fields, knowledge, measure);
    let unit = unit(measure);
    let min_change = fields.number("min_change", Unit::Share);
    let min_units = fields.number("min_units", unit);
    if measure == Some(Measure::Findings) {
        for key in SCOPES
            .into_iter()
            .chain(["min_change", "min_units"])
            .filter(|k| fields.has(k))
        {
            let (measure, hint) = ("findings", "findings have a subsystem and no size");
            fields.fail(key, Problem::NotWith { key, measure, hint });
        }
    }
    // Changes that nobody would act on.
    let least = match measure {
        Some(Measure::Goroutines) => 10.0,
        Some(Measure::Bytes) => 1_048_576.0,
        Some(Measure::CpuCores) => 0.05,
        Some(Measure::CpuShare) => 0.02,
        _ => 0.0,
    };
    Some(NoRegression {
        measure: measure?,
        scope: scope?,
        filter,
        min_change: min_change.unwrap_or(0.1),
        min_units: min_units.unwrap_or(least),
    })
}
