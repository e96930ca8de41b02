//! The page of `bundle ls`, and of `inspect` of a bundle.

use serde_json::{Map, json};

use crate::bundle::manifest::{Artifact, Form, shown};
use crate::bundle::{Lack, Record};
use crate::model::units;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};
use crate::render::missing::{Explain, Words};

/// What a bundle holds and lacks, one artifact a row.
pub fn bundle(name: &str, record: &Record, explain: &Explain) -> Document {
    let mut d = Document {
        schema: "kubeprof/bundle/1".to_owned(),
        ..Document::default()
    };
    d.columns = vec![
        Column::words("node", "node", Shown::Always),
        Column::number("run", "run", Shown::Always),
        Column::number("snapshot", "snapshot", Shown::Always),
        Column::words("taken", "taken", Shown::Always),
        Column::words("artifact", "artifact", Shown::Always),
        Column::words("state", "state", Shown::Always),
        Column::number("bytes", "size", Shown::Always),
        Column::number("samples", "samples", Shown::Always),
        Column::number("total", "total", Shown::Always),
        Column::number("milliseconds", "took", Shown::Wide),
        Column::words("form", "form", Shown::Wide),
        Column::words("build_id", "build ID", Shown::Wide),
        Column::words("path", "path", Shown::Wide),
        Column::words("sha256", "SHA-256", Shown::Machine),
    ];
    for node in &record.nodes {
        for run in &node.runs {
            d.rows.extend(run.once.iter().map(there));
            d.rows.extend(run.lacks.iter().map(|l| lacking(l, explain)));
            for snapshot in &run.snapshots {
                let first = d.rows.len();
                d.rows.extend(snapshot.artifacts.iter().map(there));
                d.rows.extend(snapshot.lacks.iter().map(|l| lacking(l, explain)));
                if let Some(row) = d.rows.get_mut(first) {
                    row.rule_above = first > 0;
                }
            }
        }
    }
    for b in &record.binaries {
        let mut row = Row {
            cells: vec![Cell::None; d.columns.len()],
            ..Row::default()
        };
        row.cells[0] = Cell::Text(b.node.clone());
        row.cells[4] = Cell::Text("executable".to_owned());
        row.cells[5] = Cell::Text("there".to_owned());
        row.cells[6] = size(b.bytes);
        row.cells[11] = Cell::Text(b.build_id.clone());
        row.cells[12] = Cell::Text(b.path.clone());
        row.cells[13] = Cell::Text(b.sha256.clone());
        d.rows.push(row);
    }
    let started = record.started.map(|t| t.to_string()).unwrap_or_default();
    let state = match &record.finished {
        Some(f) => match (explain.interrupted)(f) {
            None => "came to its end".to_owned(),
            Some(why) => format!("interrupted: {why}"),
        },
        None => "did not come to its end".to_owned(),
    };
    d.heading = vec![
        format!("Bundle: {name}"),
        format!("Captured by {} from {started}; {state}", record.tool),
    ];
    if !record.asked.command.is_empty() {
        d.heading.push(format!("Command: {}", record.asked.command.join(" ")));
    }
    for node in &record.nodes {
        for run in &node.runs {
            let p = &run.process;
            let mut parts = vec![format!("{} run {}", node.node, run.run)];
            parts.extend((!p.kubelet_version.is_empty()).then(|| format!("kubelet {}", p.kubelet_version)));
            parts.extend((!p.go_version.is_empty()).then(|| p.go_version.clone()));
            let started = p
                .start_time
                .filter(|t| t.abs() < 1e11)
                .and_then(|t| jiff::Timestamp::from_second(t as i64).ok());
            parts.extend(started.map(|t| format!("started {t}")));
            d.heading.push(format!("Process: {}", parts.join(", ")));
        }
    }
    let mut facts = Map::new();
    facts.insert("bundle".to_owned(), json!(name));
    facts.insert("asked".to_owned(), json!(record.asked));
    facts.insert("tool".to_owned(), json!(record.tool));
    facts.insert("started".to_owned(), json!(record.started));
    facts.insert("finished".to_owned(), json!(record.finished));
    facts.insert("binaries".to_owned(), json!(record.binaries));
    let processes = record.nodes.iter().flat_map(|n| {
        n.runs
            .iter()
            .map(|r| json!({"node": n.node, "run": r.run, "process": r.process}))
    });
    facts.insert("processes".to_owned(), processes.collect());
    d.facts = facts;
    if d.rows.is_empty() {
        d.notes.push("nothing was taken".to_owned());
    }
    d
}

fn size(bytes: u64) -> Cell {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    Cell::Value(bytes, units::label(bytes, "bytes", "auto"))
}

fn words(text: &str) -> Cell {
    if text.is_empty() {
        Cell::None
    } else {
        Cell::Text(text.to_owned())
    }
}

fn there(a: &Artifact) -> Row {
    let facts = &a.facts;
    let count = |n: Option<u64>| n.map_or(Cell::None, |n| Cell::Count(i64::try_from(n).unwrap_or(i64::MAX)));
    // The last total is what the kind shows by default.
    let total = facts.totals.last().filter(|_| facts.samples != Some(0));
    let total = total.map_or(Cell::None, |t| {
        Cell::Value(t.value, units::label(t.value, &t.unit, "auto"))
    });
    let took = a.exchange.done_ms.map_or(Cell::None, |ms| {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        Cell::Value(ms, units::label(ms, "ms", "auto"))
    });
    let form = match facts.form {
        Form::Proto => "proto",
        Form::Debug1 => "debug=1",
        Form::Debug2 => "debug=2",
        Form::Legacy => "legacy",
        Form::Trace => "trace",
        Form::Json => "JSON",
        Form::Text => "text",
        Form::Executable => "executable",
        Form::Other => "other",
    };
    let cells = vec![
        Cell::Text(a.slot.node.clone()),
        Cell::Count(i64::from(a.slot.run)),
        a.slot.snapshot.map_or(Cell::None, |s| Cell::Count(i64::from(s.number))),
        a.taken().map_or(Cell::None, |t| Cell::Text(shown(t))),
        Cell::Text(a.slot.artifact.clone()),
        Cell::Text(
            if facts.truncated {
                "there, cut by the runtime"
            } else {
                "there"
            }
            .to_owned(),
        ),
        size(a.bytes),
        count(facts.samples),
        total,
        took,
        Cell::Text(form.to_owned()),
        words(&facts.build_id),
        Cell::Text(a.path.clone()),
        Cell::Text(a.sha256.clone()),
    ];
    Row {
        cells,
        ..Row::default()
    }
}

fn lacking(lack: &Lack, explain: &Explain) -> Row {
    let m = &lack.missing;
    let mut cells = vec![
        Cell::Text(m.slot.node.clone()),
        Cell::Count(i64::from(m.slot.run)),
        m.slot.snapshot.map_or(Cell::None, |s| Cell::Count(i64::from(s.number))),
        m.slot.snapshot.map_or(Cell::None, |s| Cell::Text(s.shown())),
        Cell::Text(m.slot.artifact.clone()),
        Cell::Text(format!(
            "{}: {}",
            if lack.skipped { "left out" } else { "failed" },
            m.who
        )),
    ];
    cells.resize(14, Cell::None);
    let Words { why, remedy } = (explain.missing)(m);
    let below = [&why, &remedy].into_iter().filter(|t| !t.is_empty());
    Row {
        cells,
        emphasis: if lack.skipped { Emphasis::Faint } else { Emphasis::Plain },
        below: below
            .map(|t| (format!("  {}", t.lines().next().unwrap_or_default()), Emphasis::Faint))
            .collect(),
        ..Row::default()
    }
}
