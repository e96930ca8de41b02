//! The table of `leaks`: what grows, what was weighed, with the numbers of every moment as a line of blocks.

use serde_json::json;

use super::figures::{bytes, number, short};
use super::reasons::dropped;
use super::words::title;
use crate::diagnose::report::{Claim, Diagnosis, Fact, Finding, Kind, Weighed};
use crate::render::document::Setting;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};

/// Blocks from low to high.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Values as blocks, between the least and the greatest; all low where they are equal.
fn sparkline(values: &[f64]) -> String {
    let (low, high) = values
        .iter()
        .fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    let step = |v: f64| {
        if high <= low {
            return 0;
        }
        (((v - low) / (high - low)) * 7.0).round() as usize
    };
    values.iter().map(|&v| BLOCKS[step(v).min(7)]).collect()
}

/// The page of `leaks`.
pub fn leaks(d: &Diagnosis, all: bool) -> Document {
    let mut page = Document {
        schema: "kubeprof/leaks/1".to_owned(),
        columns: vec![
            Column::words("verdict", "verdict", Shown::Always),
            Column::words("subsystem", "subsystem", Shown::Always),
            Column::words("function", "below", Shown::Always),
            Column::number("first", "first", Shown::Always),
            Column::number("last", "last", Shown::Always),
            Column::words("unit", "", Shown::Always),
            Column::number("per_hour", "per hour", Shown::Always),
            Column::number("bytes_per_hour", "bytes/h", Shown::Wide),
            Column::words("series", "series", Shown::Always),
            Column::words("why", "why", Shown::Always),
        ],
        ..Document::default()
    };
    page.facts.insert("verdict".to_owned(), json!(d.verdict.as_str()));
    page.facts.insert("moments".to_owned(), json!(d.examined.moments));
    page.heading.push(heading(d));
    for o in &d.odd {
        page.heading.push(format!("note: {}", super::reasons::oddity(o)));
    }
    page.rows
        .extend(d.findings.iter().filter(|f| f.kind == Kind::Leak).map(finding));
    let weighed: Vec<&Weighed> = d.weighed.iter().filter(|w| w.kind == Kind::Leak).collect();
    if all {
        page.rows.extend(weighed.iter().map(|w| dropped_row(w)));
    } else if !weighed.is_empty() {
        page.note(
            format!("{} more grew and were dropped", weighed.len()),
            Setting::Dropped(weighed.len()),
        );
    }
    page.notes.push(
        "series: sampled live objects of heaps, counts of goroutines; each line from its least to its greatest"
            .to_owned(),
    );
    page
}

fn heading(d: &Diagnosis) -> String {
    let e = &d.examined;
    let leaks = d.findings.iter().filter(|f| f.kind == Kind::Leak).count();
    let heaps = format!("{} heaps, {} goroutine snapshots", e.with_heap, e.with_goroutines);
    match leaks {
        0 => format!("nothing leaks as far as {heaps} tell"),
        n => format!("{n} found in {heaps}"),
    }
}

fn finding(f: &Finding) -> Row {
    let (first, last, unit) = match &f.claim {
        Claim::Growth { from, to, what, .. } => (
            Some(*from),
            *to,
            if *what == crate::diagnose::report::Grown::Objects {
                "objects"
            } else {
                "goroutines"
            },
        ),
        Claim::AboveRest { objects, .. } => (None, *objects, "objects"),
        Claim::Crowd { count, .. } => (None, *count as f64, "goroutines"),
        _ => (None, 0.0, ""),
    };
    let series = f.evidence.iter().find_map(|e| match &e.fact {
        Fact::Sampled { values, .. } => Some(values.iter().map(|&v| v as f64).collect::<Vec<_>>()),
        Fact::Numbers { values, .. } => Some(values.iter().map(|v| v.1).collect()),
        _ => None,
    });
    let issue = f.known_issues.first().map_or_else(String::new, |i| i.id.clone());
    let per_hour = f.growth.map_or(Cell::None, |g| {
        let text = format!(
            "{} ({} to {})",
            number(g.per_hour.value),
            number(g.per_hour.low),
            number(g.per_hour.high)
        );
        Cell::Parts(json!([g.per_hour.low, g.per_hour.value, finite(g.per_hour.high)]), text)
    });
    let bytes_per_hour = f.growth.and_then(|g| g.bytes_per_hour).map_or(Cell::None, |b| {
        Cell::Parts(json!([b.low, b.value, finite(b.high)]), bytes(b.value))
    });
    Row {
        cells: vec![
            Cell::Text(f.confidence.as_str().to_owned()),
            Cell::Text(title(&f.subsystem).to_owned()),
            Cell::Text(f.subject.clone()),
            first.map_or(Cell::None, |v| Cell::Value(v as i64, number(v))),
            Cell::Value(last as i64, number(last)),
            Cell::Text(unit.to_owned()),
            per_hour,
            bytes_per_hour,
            series.map_or(Cell::None, |s| Cell::Parts(json!(s), sparkline(&s))),
            Cell::Text(issue),
        ],
        emphasis: Emphasis::Kubelet,
        ..Row::default()
    }
}

fn finite(v: f64) -> Option<f64> {
    v.is_finite().then_some(v)
}

fn dropped_row(w: &Weighed) -> Row {
    Row {
        cells: vec![
            Cell::Text("no".to_owned()),
            Cell::Text(title(&w.subsystem).to_owned()),
            Cell::Text(short(&w.subject)),
            Cell::Value(w.from as i64, number(w.from)),
            Cell::Value(w.to as i64, number(w.to)),
            Cell::Text(w.unit.to_owned()),
            Cell::None,
            Cell::None,
            Cell::Parts(json!(w.values), sparkline(&w.values)),
            Cell::Text(dropped(&w.dropped)),
        ],
        emphasis: Emphasis::Faint,
        ..Row::default()
    }
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn blocks() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 7.0]), "▁▂▃█");
        assert_eq!(sparkline(&[5.0, 5.0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }
}
