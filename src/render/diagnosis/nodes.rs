//! Several nodes: a line for each, the sick ones first.

use serde_json::json;

use super::text::verdict;
use super::words::summary;
use crate::diagnose::report::{Diagnosis, Verdict};
use crate::render::document::{Cell, Column, Document, Row, Shown};

/// The page of several nodes.
pub fn nodes(all: &[Diagnosis]) -> Document {
    let mut page = Document {
        schema: "kubeprof/diagnose-nodes/1".to_owned(),
        columns: vec![
            Column::words("node", "node", Shown::Always),
            Column::words("verdict", "verdict", Shown::Always),
            Column::words("confidence", "confidence", Shown::Always),
            Column::words("kind", "kind", Shown::Always),
            Column::words("fingerprint", "fingerprint", Shown::Machine),
            Column::words("summary", "first finding", Shown::Always),
        ],
        ..Document::default()
    };
    let sick = all.iter().filter(|d| d.verdict == Verdict::Sick).count();
    page.facts.insert("sick".to_owned(), json!(sick));
    page.heading.push(format!("{sick} of {} nodes sick", all.len()));
    let mut order: Vec<&Diagnosis> = all.iter().collect();
    let place = |d: &Diagnosis| match d.verdict {
        Verdict::Sick => 0,
        Verdict::Unknown => 1,
        Verdict::Healthy => 2,
    };
    order.sort_by(|a, b| {
        let by_verdict = place(a).cmp(&place(b)).then(b.worst().cmp(&a.worst()));
        by_verdict.then_with(|| a.examined.node.cmp(&b.examined.node))
    });
    for d in order {
        let first = d.findings.first();
        let text = |t: Option<String>| t.map_or(Cell::None, Cell::Text);
        page.rows.push(Row {
            cells: vec![
                Cell::Text(d.examined.node.clone()),
                Cell::Text(d.verdict.as_str().to_owned()),
                text(first.map(|f| f.confidence.as_str().to_owned())),
                text(first.map(|f| f.kind.as_str().to_owned())),
                text(first.map(crate::diagnose::report::Finding::fingerprint)),
                text(first.map(summary).or_else(|| unknown(d))),
            ],
            ..Row::default()
        });
    }
    page
}

/// What is said of a node of which nothing is.
fn unknown(d: &Diagnosis) -> Option<String> {
    (d.verdict == Verdict::Unknown).then(|| verdict(d))
}
