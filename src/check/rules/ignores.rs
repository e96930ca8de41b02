//! Entries of the ignore list: which rule and which subject each is about. One that can be about nothing is a mistake, as it
//! would silently ignore nothing.

use toml::de::DeTable;

use super::error::Problem;
use super::fields::{Fields, File};
use super::{Ignore, Signal, fits};
use crate::diagnose::report::Kind;
use crate::kubelet::{Knowledge, alike};

/// What subjects begin with, before the colon.
const SORTS: [&str; 13] = [
    "owner",
    "wait",
    "subsystem",
    "package",
    "function",
    "finding",
    "signal",
    "frame",
    "state",
    "build",
    "goroutine",
    "heap",
    "cpu",
];

/// What entries of the list can be about.
pub(super) struct Declared<'a> {
    /// Names of the rules of the file, also of those with mistakes.
    rules: Vec<&'a str>,
    knowledge: &'a Knowledge,
}

impl<'a> Declared<'a> {
    /// Of a whole file.
    pub(super) fn of(file: &Fields<'a>, knowledge: &'a Knowledge) -> Self {
        let tables = file.get("rule").and_then(|(value, _)| value.as_array());
        let id = |table: &'a DeTable<'a>| table.get("id")?.get_ref().as_str();
        let all = tables.into_iter().flat_map(|t| t.iter());
        Self {
            rules: all.filter_map(|t| t.get_ref().as_table().and_then(id)).collect(),
            knowledge,
        }
    }

    fn has_rule(&self, pattern: &str) -> bool {
        self.rules.iter().any(|id| fits(pattern, id))
    }

    /// What a subject may be instead; nothing where it can be one.
    fn unknown(&self, subject: &str) -> Option<Vec<String>> {
        let Some((sort, rest)) = subject.split_once(':') else {
            let can_be = subject.contains('*') || subject == "total";
            return (!can_be).then(|| {
                let sorts = SORTS.iter().copied().chain(["total"]);
                alike(subject, sorts).into_iter().map(str::to_owned).collect()
            });
        };
        if sort.contains('*') {
            return None;
        }
        let with = |sort: &str, rest: &str| format!("{sort}:{rest}");
        if !SORTS.contains(&sort) {
            let near = alike(sort, SORTS.into_iter());
            return Some(near.into_iter().map(|s| with(s, rest)).collect());
        }
        let keys = || {
            self.knowledge
                .subsystems()
                .iter()
                .map(|s| s.key.as_str())
                .chain(["none"])
        };
        let one_of = |word: &str, words: Vec<&str>| -> Option<Vec<String>> {
            let is = word.contains('*') || words.contains(&word);
            (!is).then(|| {
                alike(word, words.iter().copied())
                    .into_iter()
                    .map(str::to_owned)
                    .collect()
            })
        };
        let found = match sort {
            "owner" | "subsystem" => one_of(rest, keys().collect()),
            "signal" => one_of(rest, Signal::WORDS.to_vec()),
            "goroutine" | "heap" | "cpu" => one_of(rest, vec!["symbols", "owners"]),
            "wait" => match rest.split_once('>') {
                Some((owner, waits_for)) => {
                    let owners = one_of(owner, keys().collect());
                    let fixed = |all: Vec<String>| all.iter().map(|o| format!("{o}>{waits_for}")).collect();
                    owners.map(fixed).or_else(|| {
                        let fixed = |all: Vec<String>| all.iter().map(|w| format!("{owner}>{w}")).collect();
                        one_of(waits_for, keys().collect()).map(fixed)
                    })
                }
                None => (!rest.contains('*')).then(|| vec![format!("{rest}>*")]),
            },
            "finding" => {
                let (kind, rest) = rest.split_once('/').unwrap_or((rest, ""));
                let kinds = Kind::ALL.iter().map(|k| k.as_str()).collect();
                let fixed = |all: Vec<String>| all.iter().map(|k| format!("{k}/{rest}")).collect();
                one_of(kind, kinds).map(fixed)
            }
            _ => None,
        };
        found.map(|all: Vec<String>| all.iter().map(|rest| with(sort, rest)).collect())
    }
}

/// One entry.
pub(super) fn ignore(file: &File<'_>, table: &DeTable<'_>, at: usize, declared: &Declared<'_>) -> Option<Ignore> {
    let fields = Fields::new(file, table, at, "[[ignore]]");
    let rule = fields.text("rule");
    let subject = fields.text("subject");
    let reason = fields.text("reason");
    let value_at = |key: &'static str| fields.get(key).map_or(at, |(_, span)| span.start);
    if let Some(pattern) = rule.clone().filter(|p| !declared.has_rule(p)) {
        let near = alike(&pattern, declared.rules.iter().copied());
        let nearest = near.into_iter().map(str::to_owned).collect();
        file.fail(value_at("rule"), Problem::NoSuchRule { pattern, nearest });
    }
    if let Some((word, nearest)) = subject.clone().and_then(|s| Some((s.clone(), declared.unknown(&s)?))) {
        let known = SORTS.iter().map(|s| format!("{s}:")).chain(["total".to_owned()]);
        let (key, known) = ("subject".to_owned(), known.collect());
        let problem = Problem::UnknownWord {
            key,
            word,
            known,
            nearest,
        };
        file.fail(value_at("subject"), problem);
    }
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
