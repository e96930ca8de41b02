//! `traces` in kubeprof's own formats, written sample by sample.
//!
//! The text is pprof's with two lines more: who owns the stack and what it is blocked or spends in. JSON lines have one
//! sample each.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::pprof::traces::samples;
use crate::analysis::{Traces, View};
use crate::kubelet::{Attribution, SubsystemId};
use crate::model::LocationId;

/// Writes the samples for people; `heading` stands above them, `notes` below.
///
/// # Errors
/// What `out` reports.
pub fn text(report: &Traces, view: &View, heading: &[String], notes: &[String], out: &mut dyn Write) -> io::Result<()> {
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
    samples(report, view, heading, Some(&extra), true, out)?;
    if !notes.is_empty() {
        writeln!(out, "\n{}", notes.join("\n"))?;
    }
    Ok(())
}

/// The frames of every location as JSON, separated by commas; made once, as stacks repeat them many times.
struct FrameObjects {
    ends: Vec<usize>,
    text: Vec<u8>,
}

impl FrameObjects {
    fn new(report: &Traces, view: &View) -> io::Result<Self> {
        let mut all = Self {
            ends: vec![0],
            text: Vec::new(),
        };
        for l in 0..view.profile.locations.len() {
            let frames = report.frames(LocationId::new(l));
            for (i, &n) in frames.iter().enumerate() {
                if i > 0 {
                    all.text.push(b',');
                }
                serde_json::to_writer(&mut all.text, &frame(report, view, n, i + 1 < frames.len()))?;
            }
            all.ends.push(all.text.len());
        }
        Ok(all)
    }

    fn of(&self, l: LocationId) -> &[u8] {
        &self.text[self.ends[l.index()]..self.ends[l.index() + 1]]
    }
}

fn frame(report: &Traces, view: &View, n: u32, inlined: bool) -> Map<String, Value> {
    let info = &report.infos[n as usize];
    let p = &view.profile;
    let mut m = Map::new();
    m.insert("name".to_owned(), json!(info.printable(p)));
    if inlined {
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
    m
}

/// What is written sample by sample.
struct Objects<'a> {
    report: &'a Traces,
    view: &'a View,
    attributions: Vec<Attribution>,
    frames: FrameObjects,
    line: Vec<u8>,
}

impl Objects<'_> {
    /// One sample as an object.
    fn write(&mut self, sample: usize, out: &mut dyn Write) -> io::Result<()> {
        let trace = self.report.sample(self.view, sample);
        let found = self.attributions.get(sample);
        let (owner, inside) = (found.and_then(|a| a.owner), found.and_then(|a| a.blocked_in));
        let key = |id: Option<SubsystemId>| Some(self.view.lens.as_ref()?.knowledge().key(id?));
        let mut labels = Map::new();
        for (key, values) in &trace.texts {
            labels.insert(key.clone(), json!(values));
        }
        for (key, values, _) in &trace.numbers {
            labels.insert(key.clone(), json!(values));
        }
        let head = json!({
            "value": trace.value,
            "owner": key(owner),
            "owner_by": found.map(|a| a.how.as_str()),
            "blocked_in": key(inside),
            "labels": labels,
        });
        let line = &mut self.line;
        line.clear();
        serde_json::to_writer(&mut *line, &head)?;
        // The stack is written into the object before its closing brace.
        line.pop();
        line.extend_from_slice(b",\"stack\":[");
        let mut first = true;
        for &l in self.view.profile.stack(trace.stack) {
            let frames = self.frames.of(l);
            if !first && !frames.is_empty() {
                line.push(b',');
            }
            first &= frames.is_empty();
            line.extend_from_slice(frames);
        }
        line.extend_from_slice(b"]}");
        out.write_all(line)
    }
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
    let mut objects = Objects {
        report,
        view,
        attributions: view.attributions(),
        frames: FrameObjects::new(report, view)?,
        line: Vec::new(),
    };
    if !one_object {
        writeln!(out, "{head}")?;
        for i in report.indices(view) {
            objects.write(i, out)?;
            writeln!(out)?;
        }
        return Ok(());
    }
    // The closing brace of the head waits for the rows.
    write!(out, "{},\"rows\":[", head.strip_suffix('}').unwrap_or(&head))?;
    for (n, i) in report.indices(view).enumerate() {
        out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
        objects.write(i, out)?;
    }
    writeln!(out, "\n]}}")
}
