//! GitLab's code quality report: what is violated, at the line of its rule.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::super::diagnosis::Words;
use super::words::{problem, summary, why};
use super::{Weight, fingerprint, marked, place, visible};
use crate::check::outcome::Report;

/// Writes the answer as a code quality report.
///
/// # Errors
/// When it cannot be written.
pub fn gitlab(report: &Report, words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut all: Vec<Value> = Vec::new();
    for rule in report.broken() {
        let (path, line) = place(report, rule);
        all.push(json!({
            "description": format!("{}: {}", rule.id, rule.problem.as_ref().map(|p| problem(p, words)).unwrap_or_default()),
            "check_name": rule.id,
            "fingerprint": rule.id,
            "severity": "blocker",
            "location": {"path": path, "lines": {"begin": line}},
        }));
    }
    for (weight, rule, j) in marked(report) {
        let (path, line) = place(report, rule);
        all.push(json!({
            "description": visible(&format!("{}: {} ({})", rule.id, summary(j), why(j, words))),
            "check_name": rule.id,
            "fingerprint": fingerprint(rule, j),
            "severity": match weight {
                Weight::Error => "critical",
                Weight::Warning => "minor",
                Weight::Note | Weight::Nothing => "info",
            },
            "location": {"path": path, "lines": {"begin": line}},
        }));
    }
    serde_json::to_writer_pretty(&mut *out, &all)?;
    writeln!(out)
}
