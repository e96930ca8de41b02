//! `traces` in kubeprof's own formats, written sample by sample.
//!
//! The text is pprof's with two lines more: who owns the stack and what it is blocked or spends in. JSON lines have one
//! sample each.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::pprof::traces::samples;
use crate::analysis::{Trace, Traces, View};
use crate::kubelet::{Attribution, SubsystemId};
use crate::model::LocationId;

/// Writes the samples for people; `heading` stands above them. With `sanitize`, names cannot command a terminal.
///
/// # Errors
/// What `out` reports.
pub fn text(report: &Traces, view: &View, heading: &[String], sanitize: bool, out: &mut dyn Write) -> io::Result<()> {
    let attributions = view.attributions();
    let extra = |sample: usize, lines: &mut Vec<u8>| {
        let Some((a, lens)) = attributions.get(sample).zip(view.lens.as_ref()) else {
            return;
        };
        for (key, id) in [("     owner:  ", a.owner), ("        in:  ", a.blocked_in)] {
            if let Some(id) = id {
                lines.extend_from_slice(key.as_bytes());
                lines.extend_from_slice(lens.title(id).as_bytes());
                lines.push(b'\n');
            }
        }
    };
    samples(report, view, &heading.join("\n"), Some(&extra), sanitize, out)?;
    if report.left_out > 0 {
        writeln!(out, "\n{}", super::layout::lighter_samples(report))?;
    }
    Ok(())
}

fn frame(report: &Traces, view: &View, l: LocationId) -> Vec<Value> {
    let frames = report.frames(l);
    frames
        .iter()
        .enumerate()
        .map(|(i, &n)| {
            let info = &report.infos[n as usize];
            let p = &view.profile;
            let mut m = Map::new();
            m.insert("name".to_owned(), json!(info.printable(p)));
            if i + 1 < frames.len() {
                m.insert("inlined".to_owned(), json!(true));
            }
            if let Some(lens) = &view.lens
                && let Some(place) = lens.named(info.name)
            {
                m.insert("package".to_owned(), json!(p.text(place.package)));
                m.insert(
                    "subsystem".to_owned(),
                    json!(lens.subsystem(place).map(|(key, ..)| key)),
                );
            }
            Value::Object(m)
        })
        .collect()
}

/// One sample as an object.
fn object(report: &Traces, view: &View, attributions: &[Attribution], trace: &Trace) -> Value {
    let found = attributions.get(trace.index);
    let (owner, inside) = (found.and_then(|a| a.owner), found.and_then(|a| a.blocked_in));
    let how = found.map(|a| a.how.as_str());
    let mut labels = Map::new();
    for (key, values) in &trace.texts {
        labels.insert(key.clone(), json!(values));
    }
    for (key, values, _) in &trace.numbers {
        labels.insert(key.clone(), json!(values));
    }
    let stack: Vec<Value> = view
        .profile
        .stack(trace.stack)
        .iter()
        .flat_map(|&l| frame(report, view, l))
        .collect();
    let key = |id: Option<SubsystemId>| Some(view.lens.as_ref()?.knowledge().key(id?));
    json!({
        "value": trace.value,
        "owner": key(owner),
        "owner_by": how,
        "blocked_in": key(inside),
        "labels": labels,
        "stack": stack,
    })
}

/// Writes `head` on the first line and a sample on each further one; with `one_object`, the samples as `rows` of it.
///
/// # Errors
/// What `out` reports.
pub fn json(
    report: &Traces,
    view: &View,
    head: &Map<String, Value>,
    one_object: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let head = serde_json::to_string(&Value::Object(head.clone()))?;
    let attributions = view.attributions();
    if !one_object {
        writeln!(out, "{head}")?;
        for trace in report.samples(view) {
            serde_json::to_writer(&mut *out, &object(report, view, &attributions, &trace))?;
            writeln!(out)?;
        }
        return Ok(());
    }
    // The closing brace of the head waits for the rows.
    write!(out, "{},\"rows\":[", head.strip_suffix('}').unwrap_or(&head))?;
    for (i, trace) in report.samples(view).enumerate() {
        out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &object(report, view, &attributions, &trace))?;
    }
    writeln!(out, "\n]}}")
}
