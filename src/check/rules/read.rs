//! TOML -> rules.

use rustc_hash::FxHashMap;
use toml::de::{DeTable, DeValue};

use super::amount::Unit;
use super::error::{Problem, RulesError, VERSION};
use super::fields::{Fields, File};
use super::ignores::{Declared, ignore};
use super::kinds::{budget, builds, coverage, findings, frames, guide, no_growth, no_regression};
use super::{Assemble, Check, Inconclusive, Level, Rule, Rules, Settings};
use crate::kubelet::Knowledge;

/// Bytes of a file of rules.
const LARGEST: usize = 1 << 20;
/// Rules in it.
const MOST: usize = 1_000;

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
            let at = e.span().map_or(0, |s| s.start);
            file.fail(at, syntax_problem(text, at, e.message()));
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

/// What is wrong with the syntax there; a number with a unit that stands without quotes is a mistake of its own.
fn syntax_problem(text: &str, at: usize, message: &str) -> Problem {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}' | '#'));
    let value = &rest[..end.unwrap_or(rest.len())];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '%' | '-' | '_' | '/' | ':' | '*');
    match message.starts_with("string values must be quoted") && value.len() <= 64 && value.chars().all(is_plain) {
        true => Problem::Unquoted {
            value: value.to_owned(),
        },
        false => Problem::Syntax(message.to_owned()),
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
    let declared = Declared::of(&fields, knowledge);
    let ignores = tables(&fields, "ignore").into_iter();
    let ignores = ignores
        .filter_map(|(table, at)| ignore(file, table, at, &declared))
        .collect();
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

fn rule(file: &File<'_>, table: &DeTable<'_>, at: usize, knowledge: &Knowledge) -> Option<Rule> {
    let mut fields = Fields::new(file, table, at, "a rule");
    let id = name(&fields);
    let level = fields.word("level", Level::WORDS, Level::ALL).unwrap_or(Level::Error);
    let description = fields.text("description").unwrap_or_default();
    let assemble = fields.word("assemble", Assemble::WORDS, Assemble::ALL);
    let allow_empty = fields.flag("allow_empty").unwrap_or(false);
    if !fields.has("kind") {
        fields.missing("kind", "say what is judged, for instance kind = \"budget\"");
        fields.finish_early();
        return None;
    }
    let Some(kind) = fields.word("kind", Check::KINDS, Check::KINDS) else {
        fields.finish_early();
        return None;
    };
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
