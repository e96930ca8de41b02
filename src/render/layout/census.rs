//! The page of `inspect`.

use serde_json::{Value, json};

use super::{begin, evidence};
use crate::analysis::{Census, Header, View};
use crate::model::units;
use crate::render::document::{Cell, Column, Document, Row, Shown};

/// The page of `inspect`. `facts` are further lines: key and value.
pub fn census(report: &Census, view: &View, facts: &[(&'static str, String)]) -> Document {
    let h = Header::new(view);
    let mut d = begin("inspect", &h, view);
    d.columns = vec![
        Column::words("fact", "", Shown::Always),
        Column::words("value", "", Shown::Always),
    ];
    let mut line = |key: &'static str, value: String| {
        d.rows.push(Row {
            cells: vec![Cell::Text(key.to_owned()), Cell::Text(value)],
            ..Row::default()
        });
    };
    for (key, value) in facts {
        line(key, value.clone());
    }
    for (key, value) in evidence::rows(&view.origin.evidence) {
        line(key, value);
    }
    for t in &report.types {
        let mark = if t.default { "  (shown by default)" } else { "" };
        let total = units::label(t.total, &t.unit, "auto");
        line("sample type", format!("{}/{}  total {total}{mark}", t.kind, t.unit));
    }
    if let Some(t) = view.profile.period_type {
        let (kind, unit) = (view.profile.text(t.kind), view.profile.text(t.unit));
        line("period", format!("{} {unit} of {kind}", view.profile.period));
    }
    line(
        "samples",
        format!(
            "{} in {} distinct stacks, the deepest of {} frames",
            report.samples, report.stacks, report.deepest
        ),
    );
    line(
        "locations",
        format!(
            "{} ({} with inlined calls, {} without a name)",
            report.locations, report.inlined, report.unnamed
        ),
    );
    line("functions", report.functions.to_string());
    for m in &report.mappings {
        let id = if m.build_id.is_empty() {
            "no build ID"
        } else {
            &m.build_id
        };
        let file = if m.file.is_empty() { "(no file)" } else { &m.file };
        line(
            "mapping",
            format!("{file}  {:#x}-{:#x}  {id}  {} locations", m.start, m.limit, m.locations),
        );
    }
    for (key, samples) in &report.labels {
        line("label", format!("{key}  on {samples} samples"));
    }
    let a = &report.attributed;
    if a.total != 0 {
        line(
            "attributed",
            format!(
                "{} of {} to a subsystem",
                units::percentage(a.known, a.total).trim(),
                h.sample_type
            ),
        );
        for (rule, value) in &a.by_rule {
            line("  by", format!("{rule}: {}", units::percentage(*value, a.total).trim()));
        }
        for (name, value) in a.unknown.iter().take(10) {
            line(
                "  unknown",
                format!("{}  {name}", units::percentage(*value, a.total).trim()),
            );
        }
    }
    d.facts = facts_for_machines(report, &h, facts);
    d.facts
        .insert("evidence".to_owned(), evidence::facts(&view.origin.evidence));
    d
}

fn facts_for_machines(c: &Census, h: &Header, facts: &[(&'static str, String)]) -> serde_json::Map<String, Value> {
    let mut m = serde_json::Map::new();
    m.insert("total".to_owned(), json!(h.total));
    m.insert("unit".to_owned(), json!(h.unit));
    for (key, value) in facts {
        m.insert(key.replace(' ', "_"), json!(value));
    }
    let types: Vec<Value> = c
        .types
        .iter()
        .map(|t| json!({"type": t.kind, "unit": t.unit, "default": t.default, "total": t.total}))
        .collect();
    m.insert("sample_types".to_owned(), json!(types));
    for (key, n) in [
        ("samples", c.samples),
        ("stacks", c.stacks),
        ("deepest", c.deepest),
        ("locations", c.locations),
        ("unnamed_locations", c.unnamed),
        ("inlined_locations", c.inlined),
        ("functions", c.functions),
    ] {
        m.insert(key.to_owned(), json!(n));
    }
    let mappings: Vec<Value> = c
        .mappings
        .iter()
        .map(|x| json!({"file": x.file, "build_id": x.build_id, "start": x.start, "limit": x.limit, "locations": x.locations}))
        .collect();
    m.insert("mappings".to_owned(), json!(mappings));
    let labels: Vec<Value> = c.labels.iter().map(|(k, n)| json!({"key": k, "samples": n})).collect();
    m.insert("labels".to_owned(), json!(labels));
    let a = &c.attributed;
    let unknown: Vec<Value> = a.unknown.iter().map(|(n, v)| json!({"name": n, "value": v})).collect();
    let rules: Vec<Value> = a.by_rule.iter().map(|(r, v)| json!({"rule": r, "value": v})).collect();
    m.insert(
        "attributed".to_owned(),
        json!({"total": a.total, "known": a.known, "by_rule": rules, "unknown": unknown}),
    );
    m
}
