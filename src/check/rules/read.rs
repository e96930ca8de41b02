//! TOML -> rules.

use rustc_hash::FxHashMap;
use toml::de::{DeTable, DeValue};

use super::amount::Unit;
use super::error::{Problem, RulesError, VERSION};
use super::fields::{Fields, File};
use super::{
    Assemble, Budget, Builds, Check, Coverage, Filter, Findings, Frames, Guide, Ignore, Inconclusive, Level, Measure,
    Names, NoGrowth, NoRegression, Patterns, Per, ProfileKind, Rule, Rules, Scope, Settings, Signal,
};
use crate::diagnose::report::{Confidence, Kind};
use crate::kubelet::{Knowledge, PackagePatterns};

/// Bytes of a file of rules.
const LARGEST: usize = 1 << 20;
/// Rules in it.
const MOST: usize = 1_000;

/// Limits on what a number is of.
const SCOPES: [&str; 5] = ["owner", "subsystem", "package", "function", "wait"];

/// Every mistake of a file, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistakes(pub Vec<RulesError>);

impl std::fmt::Display for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, e) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{e}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl Rules {
    /// Reads a file of rules.
    ///
    /// # Errors
    /// With every mistake in it.
    pub fn parse(text: &str, origin: &str, knowledge: &Knowledge) -> Result<Self, Mistakes> {
        let file = File::new(text, origin);
        if text.len() > LARGEST {
            let (what, most) = ("bytes", LARGEST);
            file.fail(0, Problem::TooMuch { what, most });
            return Err(Mistakes(file.into_errors()));
        }
        let (root, syntax) = DeTable::parse_recoverable(text);
        for e in &syntax {
            file.fail(e.span().map_or(0, |s| s.start), Problem::Syntax(e.message().to_owned()));
        }
        let rules = match syntax.is_empty() {
            true => whole(&file, root.get_ref(), origin, knowledge),
            false => None,
        };
        let errors = file.into_errors();
        match rules {
            Some(rules) if errors.is_empty() => Ok(rules),
            _ => Err(Mistakes(errors)),
        }
    }
}

fn whole(file: &File<'_>, root: &DeTable<'_>, origin: &str, knowledge: &Knowledge) -> Option<Rules> {
    let fields = Fields::new(file, root, 0, "the file");
    version(&fields);
    let settings = fields.get("settings").map(|(value, span)| match value.as_table() {
        Some(table) => settings(file, table, span.start),
        None => {
            not_a_table(file, "settings", span.start);
            Settings::default()
        }
    });
    let mut rules = Vec::new();
    let mut seen: FxHashMap<String, u32> = FxHashMap::default();
    for (table, at) in tables(&fields, "rule") {
        let Some(rule) = rule(file, table, at, knowledge) else {
            continue;
        };
        if let Some(&first) = seen.get(&rule.id) {
            let id = rule.id.clone();
            file.fail(at, Problem::Duplicate { id, first });
        }
        seen.entry(rule.id.clone()).or_insert(rule.line);
        rules.push(rule);
    }
    let ignores = tables(&fields, "ignore").into_iter();
    let ignores = ignores.filter_map(|(table, at)| ignore(file, table, at)).collect();
    if !fields.has("rule") {
        fields.missing(
            "rule",
            "begin each rule with [[rule]]; a first file of them can be made of a capture",
        );
    }
    fields.finish();
    Some(Rules {
        origin: origin.to_owned(),
        settings: settings.unwrap_or_default(),
        rules,
        ignores,
    })
}

fn version(fields: &Fields<'_>) {
    if !fields.has("version") {
        fields.get("version");
        fields.missing("version", "write `version = 1` at the beginning");
        return;
    }
    if let Some(n) = fields.number("version", Unit::Plain)
        && n != VERSION as f64
    {
        fields.fail("version", Problem::Version { found: n as i64 });
    }
}

fn not_a_table(file: &File<'_>, key: &str, at: usize) {
    file.fail(
        at,
        Problem::Type {
            key: key.to_owned(),
            expected: "a table",
            found: "a value",
        },
    );
}

/// The tables of an array of tables, with their places.
fn tables<'a>(fields: &Fields<'a>, key: &'static str) -> Vec<(&'a DeTable<'a>, usize)> {
    let Some((value, span)) = fields.get(key) else {
        return Vec::new();
    };
    let Some(array) = value.as_array() else {
        fields.file.fail(
            span.start,
            Problem::Type {
                key: key.to_owned(),
                expected: if key == "rule" {
                    "an array of tables, [[rule]]"
                } else {
                    "an array of tables, [[ignore]]"
                },
                found: if matches!(value, DeValue::Table(_)) {
                    "a table"
                } else {
                    "a value"
                },
            },
        );
        return Vec::new();
    };
    if array.len() > MOST {
        let (what, most) = ("rules", MOST);
        fields.file.fail(span.start, Problem::TooMuch { what, most });
        return Vec::new();
    }
    let mut found = Vec::new();
    for entry in array.iter() {
        match entry.get_ref().as_table() {
            Some(table) => found.push((table, entry.span().start)),
            None => not_a_table(fields.file, key, entry.span().start),
        }
    }
    found
}

fn settings(file: &File<'_>, table: &DeTable<'_>, at: usize) -> Settings {
    let fields = Fields::new(file, table, at, "[settings]");
    let default = Settings::default();
    let settings = Settings {
        assemble: fields
            .word("assemble", Assemble::WORDS, Assemble::ALL)
            .unwrap_or(default.assemble),
        inconclusive: fields
            .word("inconclusive", Inconclusive::WORDS, Inconclusive::ALL)
            .unwrap_or(default.inconclusive),
        alpha: fields.number("alpha", Unit::Share).unwrap_or(default.alpha),
    };
    if settings.alpha <= 0.0 || settings.alpha > 0.5 {
        let (key, expected) = ("alpha".to_owned(), "above 0 and at most 0.5");
        fields.fail("alpha", Problem::Range { key, expected });
    }
    fields.finish();
    settings
}

fn ignore(file: &File<'_>, table: &DeTable<'_>, at: usize) -> Option<Ignore> {
    let fields = Fields::new(file, table, at, "[[ignore]]");
    let rule = fields.text("rule");
    let subject = fields.text("subject");
    let reason = fields.text("reason");
    if !fields.has("rule") && !fields.has("subject") {
        fields.missing(
            "subject",
            "say which, for instance subject = \"owner:grpc\"; the report shows every subject",
        );
    }
    if !fields.has("reason") {
        fields.missing("reason", "say why, so that it can be removed one day");
    }
    fields.finish();
    Some(Ignore {
        rule: rule.unwrap_or_else(|| "*".to_owned()),
        subject: subject.unwrap_or_else(|| "*".to_owned()),
        reason: reason?,
        line: file.place(at).0,
    })
}

fn rule(file: &File<'_>, table: &DeTable<'_>, at: usize, knowledge: &Knowledge) -> Option<Rule> {
    let mut fields = Fields::new(file, table, at, "a rule");
    let id = name(&fields);
    let level = fields.word("level", Level::WORDS, Level::ALL).unwrap_or(Level::Error);
    let description = fields.text("description").unwrap_or_default();
    let assemble = fields.word("assemble", Assemble::WORDS, Assemble::ALL);
    let allow_empty = fields.flag("allow_empty").unwrap_or(false);
    if !fields.has("kind") {
        fields.get("kind");
        fields.missing("kind", "say what is judged, for instance kind = \"budget\"");
        return None;
    }
    let numbers: Vec<usize> = (0..Check::KINDS.len()).collect();
    let kind = Check::KINDS[fields.word("kind", Check::KINDS, &numbers)?];
    fields.within(kind_name(kind));
    let check = match kind {
        "budget" => budget(&fields, knowledge).map(Check::Budget),
        "diagnose" => findings(&fields, knowledge).map(Check::Diagnose),
        "no-growth" => no_growth(&fields, knowledge).map(Check::NoGrowth),
        "guide" => Some(Check::Guide(guide(&fields))),
        "coverage" => coverage(&fields).map(Check::Coverage),
        "frames" => frames(&fields).map(Check::Frames),
        "builds" => builds(&fields).map(Check::Builds),
        _ => no_regression(&fields, knowledge).map(Check::NoRegression),
    };
    fields.finish();
    Some(Rule {
        id: id?,
        level,
        description,
        line: file.place(at).0,
        assemble,
        allow_empty,
        check: check?,
    })
}

/// What the table of a rule is called in messages.
fn kind_name(kind: &str) -> &'static str {
    match kind {
        "budget" => "a rule of kind \"budget\"",
        "diagnose" => "a rule of kind \"diagnose\"",
        "no-growth" => "a rule of kind \"no-growth\"",
        "guide" => "a rule of kind \"guide\"",
        "coverage" => "a rule of kind \"coverage\"",
        "frames" => "a rule of kind \"frames\"",
        "builds" => "a rule of kind \"builds\"",
        _ => "a rule of kind \"no-regression\"",
    }
}

fn name(fields: &Fields<'_>) -> Option<String> {
    if !fields.has("id") {
        fields.get("id");
        fields.missing("id", "give the rule a short name, for instance id = \"goroutines\"");
        return None;
    }
    let id = fields.text("id")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
        fields.fail("id", Problem::Name { id });
        return None;
    }
    Some(id)
}

/// The measure of a rule, one of these.
fn measure(fields: &Fields<'_>, allowed: &[Measure]) -> Option<Measure> {
    let words: Vec<&'static str> = allowed.iter().map(|m| m.as_str()).collect();
    fields.word("measure", &words, allowed)
}

fn required_measure(fields: &Fields<'_>, allowed: &[Measure]) -> Option<Measure> {
    if !fields.has("measure") {
        fields.get("measure");
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

fn unit(measure: Option<Measure>) -> Unit {
    match measure {
        Some(Measure::Bytes) => Unit::Bytes,
        Some(Measure::Wait) => Unit::Minutes,
        Some(Measure::CpuShare) => Unit::Share,
        Some(Measure::Metric) => Unit::Bytes,
        _ => Unit::Plain,
    }
}

fn budget(fields: &Fields<'_>, knowledge: &Knowledge) -> Option<Budget> {
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
        fields.file.fail(fields.at, Problem::Nothing { hint });
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

fn findings(fields: &Fields<'_>, knowledge: &Knowledge) -> Option<Findings> {
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

fn no_growth(fields: &Fields<'_>, knowledge: &Knowledge) -> Option<NoGrowth> {
    let measure = measure(fields, &[Measure::Goroutines, Measure::Objects, Measure::Files]);
    Some(NoGrowth {
        measure,
        subsystems: keys(fields, "subsystems", knowledge),
        max_per_hour: fields.number("max_per_hour", Unit::Plain).unwrap_or(0.0),
    })
}

fn guide(fields: &Fields<'_>) -> Guide {
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

fn coverage(fields: &Fields<'_>) -> Option<Coverage> {
    let coverage = Coverage {
        profiles: fields.words("profiles", ProfileKind::WORDS, ProfileKind::ALL),
        symbols: fields.number("symbols", Unit::Share),
        owners: fields.number("owners", Unit::Share),
    };
    if !fields.has("symbols") && !fields.has("owners") {
        let hint = "give it `symbols`, `owners` or both, for instance symbols = 0.95";
        fields.file.fail(fields.at, Problem::Nothing { hint });
    }
    Some(coverage)
}

fn frames(fields: &Fields<'_>) -> Option<Frames> {
    let profile = fields.word("profile", ProfileKind::WORDS, ProfileKind::ALL);
    let frames = Frames {
        profile: profile.unwrap_or(ProfileKind::Goroutine),
        forbid: fields.expressions("forbid"),
        require: fields.expressions("require"),
        forbid_states: fields.list("forbid_states").into_iter().map(|(text, _)| text).collect(),
        min_wait: fields.number("min_wait", Unit::Minutes).unwrap_or(0.0).ceil() as u64,
        max: fields.number("max", Unit::Plain).unwrap_or(0.0) as u64,
    };
    if !["forbid", "require", "forbid_states"].iter().any(|k| fields.has(k)) {
        let hint = "give it `forbid`, `require` or `forbid_states`";
        fields.file.fail(fields.at, Problem::Nothing { hint });
    }
    if let Some(p) = profile.filter(|p| *p != ProfileKind::Goroutine) {
        for key in ["forbid_states", "min_wait"].into_iter().filter(|k| fields.has(k)) {
            let (measure, hint) = (p.as_str(), "only goroutines have states and waits");
            fields.fail(key, Problem::NotWith { key, measure, hint });
        }
    }
    Some(frames)
}

fn builds(fields: &Fields<'_>) -> Option<Builds> {
    let allow: Vec<String> = fields.list("allow").into_iter().map(|(text, _)| text).collect();
    if !fields.has("allow") {
        fields.missing(
            "allow",
            "list build IDs, or how they begin; inspect a profile to see its own",
        );
    }
    Some(Builds { allow })
}

fn no_regression(fields: &Fields<'_>, knowledge: &Knowledge) -> Option<NoRegression> {
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
