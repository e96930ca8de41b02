//! SARIF 2.1.0 within GitHub's limits: what is violated, at the line of its rule, with fingerprints without numbers.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::super::diagnosis::Words;
use super::words::{self, details, summary};
use super::{Weight, fingerprint, place, visible, weight};
use crate::check::outcome::{Judged, Outcome, Report, RuleReport};
use crate::check::rules::Level;

/// Results that GitHub shows; it refuses 25,000.
const MOST: usize = 5_000;

/// Writes the answer as SARIF.
///
/// # Errors
/// When it cannot be written.
pub fn sarif(report: &Report, words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rules: Vec<&RuleReport> = report.rules.iter().filter(|r| r.level != Level::Off).collect();
    let mut results = Vec::new();
    for (i, rule) in rules.iter().enumerate() {
        let ignored = |j: &Judged| !j.counts() && j.outcome != Outcome::Pass;
        for j in &rule.subjects {
            let weight = weight(report, rule, j);
            if weight > Weight::Nothing || ignored(j) {
                results.push((weight, result(report, i, rule, j, weight, words)));
            }
        }
    }
    results.sort_by_key(|(w, _)| std::cmp::Reverse(*w));
    let left_out = results.len().saturating_sub(MOST);
    results.truncate(MOST);
    let mut notifications: Vec<Value> = Vec::new();
    for rule in report.broken() {
        notifications.push(json!({
            "level": "error",
            "message": {"text": format!("rule {}: {}", rule.id, rule.problem.as_ref().map(|p| words::problem(p, words)).unwrap_or_default())},
        }));
    }
    if left_out > 0 {
        notifications
            .push(json!({"level": "warning", "message": {"text": format!("{left_out} more results were left out")}}));
    }
    let value = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kubeprof",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|r| of_rule(r)).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": report.broken().next().is_none(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results.into_iter().map(|(_, r)| r).collect::<Vec<_>>(),
            "columnKind": "unicodeCodePoints",
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}

fn of_rule(r: &RuleReport) -> Value {
    let text = if r.description.is_empty() {
        format!("{} ({})", r.id, r.kind)
    } else {
        r.description.clone()
    };
    json!({
        "id": r.id,
        "shortDescription": {"text": text},
        "defaultConfiguration": {"level": if r.asked_level == Level::Error { "error" } else { "warning" }},
        "properties": {"tags": ["kubeprof", r.kind]},
    })
}

fn result(report: &Report, index: usize, rule: &RuleReport, j: &Judged, weight: Weight, words: &Words<'_>) -> Value {
    let level = match weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
        Weight::Note | Weight::Nothing => "note",
    };
    let mut text = summary(j);
    for (name, more) in details(j, words) {
        text.push_str(&format!("\n{name}: {more}"));
    }
    let (path, line) = place(report, rule);
    let mut value = json!({
        "ruleId": rule.id,
        "ruleIndex": index,
        "level": level,
        "message": {"text": visible(&text)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&path)},
                "region": {"startLine": line},
            },
            "logicalLocations": [{"name": j.part.key(), "kind": "subject"}],
        }],
        "partialFingerprints": {"kubeprofSubject/v1": fingerprint(rule, j)},
    });
    if let Some(reason) = &j.ignored {
        value["suppressions"] = json!([{"kind": "external", "justification": reason}]);
    }
    value
}

/// A path as a relative reference: what is no plain character is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for b in path.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}
