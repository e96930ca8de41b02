//! Schema `kubeprof/diagnose/1`.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Words;
use super::reasons::check_words;
use super::reasons::{dropped, oddity, reason};
use super::words::{evidence_words, summary};
use crate::diagnose::report::{Diagnosis, Estimate, Evidence, Fact, Finding, Growth, KnownIssue, Party, SCHEMA, Since};
use crate::render::layout;

/// Writes a diagnosis as one JSON object.
///
/// # Errors
/// When it cannot be written.
pub fn json(d: &Diagnosis, words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &value(d, words))?;
    writeln!(out)
}

/// Writes the diagnoses of several nodes as one JSON object, each as [`json`] would.
///
/// # Errors
/// When it cannot be written.
pub fn json_of_nodes(all: &[Diagnosis], words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    let nodes: Vec<Value> = all.iter().map(|d| value(d, words)).collect();
    serde_json::to_writer_pretty(&mut *out, &json!({"schema": SCHEMA, "nodes": nodes}))?;
    writeln!(out)
}

fn value(d: &Diagnosis, words: &Words<'_>) -> Value {
    let e = &d.examined;
    let text = |t: &str| if t.is_empty() { Value::Null } else { json!(t) };
    json!({
        "schema": SCHEMA,
        "verdict": d.verdict.as_str(),
        "examined": {
            "program": text(&e.program),
            "node": text(&e.node),
            "kubernetes": text(&e.kubernetes),
            "go": text(&e.go),
            "build_id": text(&e.build_id),
            "runtime": text(&e.runtime),
            "started": e.started.map(|t| t.to_string()),
            "first": e.first.map(|t| t.to_string()),
            "last": e.last.map(|t| t.to_string()),
            "moments": e.moments,
            "with_goroutines": e.with_goroutines,
            "with_heap": e.with_heap,
            "with_metrics": e.with_metrics,
            "processes": e.processes,
            "goroutines": e.goroutines,
            "load": {
                "pods": e.load.pods,
                "containers": e.load.containers,
                "probes": e.load.probes,
                "cgroups": e.load.cgroups,
            },
        },
        "findings": d.findings.iter().map(|f| finding(f, words)).collect::<Vec<_>>(),
        "weighed": d.weighed.iter().map(|w| json!({
            "kind": w.kind.as_str(),
            "subsystem": w.subsystem.key,
            "subject": w.subject,
            "from": w.from,
            "to": w.to,
            "unit": w.unit,
            "dropped": dropped(&w.dropped),
        })).collect::<Vec<_>>(),
        "checked": d.checked.iter().map(|c| check_words(c, words.need)).collect::<Vec<_>>(),
        "odd": d.odd.iter().map(oddity).collect::<Vec<_>>(),
        "missing": d.missing.iter().map(|n| (words.need)(*n)).collect::<Vec<_>>(),
        "known_issues_as_of": text(&d.known_as_of),
        "known_issues_tried": d.known_entries,
    })
}

fn finding(f: &Finding, words: &Words<'_>) -> Value {
    json!({
        "rank": f.rank,
        "fingerprint": f.fingerprint(),
        "kind": f.kind.as_str(),
        "subsystem": f.subsystem.key,
        "subject": f.subject,
        "function": f.function,
        "confidence": f.confidence.as_str(),
        "reasons": f.reasons.iter().map(|r| json!({"text": reason(r), "supports": r.supports})).collect::<Vec<_>>(),
        "summary": summary(f),
        "since": f.since.as_ref().map(since),
        "growth": f.growth.as_ref().map(growth),
        "known_issues": f.known_issues.iter().map(issue).collect::<Vec<_>>(),
        "evidence": f.evidence.iter().map(|e| evidence(e, words)).collect::<Vec<_>>(),
        "remedies": f.remedies,
        "next": f.next.iter().map(|n| (words.need)(*n)).collect::<Vec<_>>(),
    })
}

fn since(s: &Since) -> Value {
    json!({
        "after": s.after.map(|t| t.to_string()),
        "before": s.before.map(|t| t.to_string()),
        "at_least_seconds": s.at_least,
        "basis": s.basis.as_str(),
    })
}

/// Infinity is no JSON number.
fn estimate(e: &Estimate) -> Value {
    let finite = |v: f64| if v.is_finite() { json!(v) } else { Value::Null };
    json!({"value": finite(e.value), "low": finite(e.low), "high": finite(e.high)})
}

fn growth(g: &Growth) -> Value {
    json!({
        "per_hour": estimate(&g.per_hour),
        "bytes_per_hour": g.bytes_per_hour.as_ref().map(estimate),
        "hours_to_limit": g.hours_to_limit.as_ref().map(estimate),
        "limit_bytes": g.limit,
    })
}

fn issue(i: &KnownIssue) -> Value {
    json!({
        "id": i.id,
        "url": i.url,
        "title": i.title,
        "applies": i.applies.as_str(),
        "component": i.component,
        "fixed_in": i.fixed_in,
        "upgrade_to": i.upgrade_to,
    })
}

fn party(p: &Party) -> Value {
    json!({
        "owner": p.owner.key,
        "count": p.count,
        "function": p.function,
        "call": p.call,
        "state": p.state,
        "wait_minutes": p.waits.map(|w| [w.0, w.1]),
        "with_known_wait": p.waiting,
        "waits_for": p.waits_for.as_ref().map(|w| &w.key),
    })
}

fn evidence(e: &Evidence, words: &Words<'_>) -> Value {
    let data = match &e.fact {
        Fact::Goroutines { party: p, frames } => json!({"goroutines": party(p), "frames": frames}),
        Fact::Numbers { what, unit, values } => json!({
            "series": what,
            "unit": unit,
            "values": values.iter().map(|(t, v, error)| json!({
                "time": t.map(|t| t.to_string()), "value": v, "error": error,
            })).collect::<Vec<_>>(),
        }),
        Fact::Sampled { what, values } => json!({"sampled": what, "values": values}),
        Fact::Metric { name, first, last } => json!({"metric": name, "first": first, "last": last}),
        Fact::Line(line) => json!({"line": line}),
        Fact::Unit(e) => json!({"unit_event": layout::unit_event(e)}),
        Fact::Stack(frames) => json!({"stack": frames}),
        Fact::CpuTime { function, seconds, of } => json!({"function": function, "cpu_seconds": seconds, "of": of}),
    };
    json!({
        "text": evidence_words(e),
        "moment": e.moment,
        "command": e.show.as_ref().map(|s| (words.command)(s)),
        "data": data,
    })
}
