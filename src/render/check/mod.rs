//! The answer of `check` -> text, JSON, and the formats of CI systems. `words` makes the sentences; each format is one
//! file that only places them.

mod explain;
mod github;
mod gitlab;
mod json;
mod junit;
mod markdown;
mod prometheus;
mod rules_file;
mod sarif;
mod text;
mod words;

pub use explain::explain;
pub use github::github;
pub use gitlab::gitlab;
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use prometheus::prometheus;
pub use rules_file::{Typed, rules_file};
pub use sarif::sarif;
pub use text::text;

use super::terminal::sanitize;
use crate::check::outcome::{Judged, Outcome, Report, RuleReport};
use crate::check::rules::{Inconclusive, Level};

/// What answers, by its name in the pages of CI systems.
const TOOL: &str = "kubeprof check";

/// How much a subject of a rule weighs, from what it is and what its rule's level says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Weight {
    /// It passed, or does not count.
    Nothing,
    /// It cannot be decided, and that is only shown.
    Note,
    /// It is violated at level `warn`, or cannot be decided.
    Warning,
    /// It fails the check.
    Error,
}

fn weight(report: &Report, rule: &RuleReport, subject: &Judged) -> Weight {
    let is_error = rule.level == Level::Error;
    match subject.outcome {
        _ if !subject.counts() || rule.level == Level::Off => Weight::Nothing,
        Outcome::Pass => Weight::Nothing,
        Outcome::Fail if is_error => Weight::Error,
        Outcome::Fail => Weight::Warning,
        Outcome::Inconclusive => match report.inconclusive {
            Some(Inconclusive::Pass) => Weight::Note,
            Some(Inconclusive::Fail) if is_error => Weight::Error,
            _ => Weight::Warning,
        },
    }
}

/// The same from run to run: rule and subject, no numbers.
fn fingerprint(rule: &RuleReport, subject: &Judged) -> String {
    format!("{}/{}", rule.id, subject.part.key())
}

/// Subjects that are not fine, with their rules, worst first.
fn marked(report: &Report) -> Vec<(Weight, &RuleReport, &Judged)> {
    let all = report
        .rules
        .iter()
        .flat_map(|r| r.subjects.iter().map(move |s| (weight(report, r, s), r, s)));
    let mut all: Vec<_> = all.filter(|(w, ..)| *w > Weight::Nothing).collect();
    all.sort_by_key(|(w, ..)| std::cmp::Reverse(*w));
    all
}

/// Where a rule is in the repository: its file, as a relative path with slashes, and line.
fn place(report: &Report, rule: &RuleReport) -> (String, u32) {
    if rule.line > 0 {
        return (slashed(&report.rules_file), rule.line);
    }
    let first = report.candidate.first().map_or("kubeprof", |c| c.name.as_str());
    (slashed(first), 1)
}

/// Bytes of one message; CI systems refuse or cut longer ones.
const LONGEST: usize = 16 << 10;

/// Text of a message: what would command a terminal or reorder a line is made visible; line breaks stay.
fn visible(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST);
    let mut out = text[..end].split('\n').map(sanitize).collect::<Vec<_>>().join("\n");
    if end < text.len() {
        out.push_str(&format!("... ({} more bytes)", text.len() - end));
    }
    out
}

fn slashed(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.strip_prefix("./").unwrap_or(&path).to_owned()
}
