//! Schema `kubeprof/check/1`.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::super::diagnosis::{Words, evidence_words};
use super::words;
use crate::check::outcome::{Attribution, Captured, Judged, Limit, Report, RuleReport, SCHEMA, Why};

/// Writes the answer as one JSON object.
///
/// # Errors
/// When it cannot be written.
pub fn json(report: &Report, words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    let floor = |f: &crate::check::outcome::Floor| {
        json!({
            "rule": f.rule,
            "unit": f.unit.as_str(),
            "total": number(Some(f.total)),
            "error": number(f.error),
            "seen_from": number(f.seen),
            "baseline_runs": f.runs.0,
            "candidate_runs": f.runs.1,
        })
    };
    let value = json!({
        "schema": SCHEMA,
        "outcome": report.outcome.as_str(),
        "broken_rules": report.broken().count(),
        "inconclusive": report.inconclusive.map(|i| i.as_str()),
        "rules_file": report.rules_file,
        "candidate": captures(&report.candidate),
        "baseline": captures(&report.baseline),
        "confirm": captures(&report.confirm),
        "rules": report.rules.iter().map(|r| rule(r, words)).collect::<Vec<_>>(),
        "noise_floor": report.floors.iter().map(floor).collect::<Vec<_>>(),
        "sums": report.sums.iter().map(|s| json!({
            "measure": s.measure.as_str(),
            "subject": s.part.key(),
            "value": number(Some(s.value)),
            "error": number(s.error),
        })).collect::<Vec<_>>(),
        "unused_ignores": report.unused_ignores.iter().map(|(line, what)| json!({"line": line, "ignore": what})).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}

/// Infinity is no JSON number.
fn number(v: Option<f64>) -> Value {
    v.filter(|v| v.is_finite()).map_or(Value::Null, |v| json!(v))
}

fn text(t: &str) -> Value {
    if t.is_empty() { Value::Null } else { json!(t) }
}

fn captures(all: &[Captured]) -> Vec<Value> {
    let one = |c: &Captured| {
        let runs = c.runs.iter().map(|r| {
            json!({
                "node": text(&r.node),
                "kubernetes": text(&r.kubernetes),
                "go": text(&r.go),
                "build_id": text(&r.build_id),
                "machine": {
                    "arch": text(&r.machine.arch),
                    "cores": r.machine.cores,
                    "memory": r.machine.memory,
                },
                "moments": r.moments,
                "first": r.first.map(|t| t.to_string()),
                "last": r.last.map(|t| t.to_string()),
                "pods": r.pods,
            })
        });
        json!({"name": c.name, "runs": runs.collect::<Vec<_>>()})
    };
    all.iter().map(one).collect()
}

fn rule(r: &RuleReport, words: &Words<'_>) -> Value {
    json!({
        "id": r.id,
        "kind": r.kind,
        "description": text(&r.description),
        "line": (r.line > 0).then_some(r.line),
        "level": r.level.as_str(),
        "asked_level": r.asked_level.as_str(),
        "lowered": r.lowered.iter().map(words::difference).collect::<Vec<_>>(),
        "outcome": r.word(),
        "problem": r.problem.as_ref().map(|p| words::problem(p, words)),
        "subjects": r.subjects.iter().map(|j| subject(r, j, words)).collect::<Vec<_>>(),
        "attribution": r.attribution.as_ref().map(attribution),
        "skipped": r.skipped.iter().map(|(k, s)| json!({"subject": k, "why": words::skipped(s, words)})).collect::<Vec<_>>(),
    })
}

fn subject(r: &RuleReport, j: &Judged, words: &Words<'_>) -> Value {
    let finding = match &j.why {
        Why::Finding(f) => Some(f),
        Why::Confirmed(why) => match why.as_ref() {
            Why::Finding(f) => Some(f),
            _ => None,
        },
        _ => None,
    };
    json!({
        "subject": j.part.key(),
        "fingerprint": super::fingerprint(r, j),
        "title": words::title(&j.part),
        "subsystem": j.part.subsystem(),
        "outcome": j.outcome.as_str(),
        "ignored": j.ignored,
        "summary": words::summary(j),
        "why": words::why(j, words),
        "unit": j.unit.as_str(),
        "value": number(j.value),
        "error": number(j.error),
        "limit": j.limit.as_ref().map(limit),
        "sampled": number(j.sampled),
        "p": number(j.p),
        "q": number(j.q),
        "moment": text(&j.moment),
        "confidence": finding.map(|f| f.confidence.as_str()),
        "evidence": j.evidence.iter().map(evidence_words).collect::<Vec<_>>(),
        "culprits": j.culprits.iter().map(|c| json!({"value": c.value, "frames": c.frames})).collect::<Vec<_>>(),
        "command": j.show.as_ref().map(|s| (words.command)(s)),
    })
}

fn limit(l: &Limit) -> Value {
    json!({
        "value": number(Some(l.value)),
        "is": match (l.baseline, l.is_least) {
            (Some(_), _) => "baseline",
            (None, true) => "at least",
            (None, false) => "at most",
        },
        "error": number(l.baseline.flatten()),
        "per": l.of_load.map(|(base, each, per, load)| json!({"base": base, "each": each, "of": per.as_str(), "load": load})),
    })
}

fn attribution(a: &Attribution) -> Value {
    json!({
        "unit": a.unit.as_str(),
        "old": a.old,
        "new": a.new,
        "error": number(a.error),
        "parts": a.parts.iter().map(|p| json!({
            "subject": p.part.key(),
            "old": p.old,
            "new": p.new,
            "change": p.new - p.old,
            "error": number(p.error),
            "of_load": p.of_load,
        })).collect::<Vec<_>>(),
    })
}
