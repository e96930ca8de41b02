//! `traces`: written sample by sample, from lines made once per location.

use std::borrow::Cow;
use std::io::{self, Write};

use super::header::profile_labels;
use crate::analysis::{Traces, View};
use crate::model::{LocationId, units};
use crate::render::terminal;

const SEPARATOR: &[u8] = b"-----------+-------------------------------------------------------\n";

/// Width of the column in front of the three blanks before a name.
const VALUE: usize = 10;

/// Prints all samples.
///
/// # Errors
/// What `out` reports.
pub fn traces(report: &Traces, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let labels = profile_labels(&report.header, view, &report.header.output_unit);
    samples(report, view, &labels.join("\n"), None, false, out)
}

/// Writes further lines for a sample.
pub(in crate::render) type Extra<'a> = dyn Fn(usize, &mut Vec<u8>) + 'a;

/// Prints all samples under a heading. `extra` gives further lines above the labels of a sample; with `sanitize`, names
/// cannot command a terminal.
///
/// # Errors
/// What `out` reports.
pub(in crate::render) fn samples(
    report: &Traces,
    view: &View,
    heading: &str,
    extra: Option<&Extra<'_>>,
    sanitize: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{heading}")?;
    let frames = Frames::new(report, view, sanitize);
    let mut above = Vec::new();
    let unit = &report.header.output_unit;
    let mut lines: Vec<String> = Vec::new();
    let p = &view.profile;
    for i in 0..p.samples.len() {
        let stack = p.stack(p.samples.stack(i));
        // A stack whose locations have nothing to show prints nothing.
        if stack.is_empty() {
            continue;
        }
        out.write_all(SEPARATOR)?;
        if let Some(extra) = extra {
            above.clear();
            extra(i, &mut above);
            out.write_all(&above)?;
        }
        if !p.samples.labels(i).is_empty() {
            let trace = report.sample(view, i);
            lines.clear();
            lines.extend(
                trace
                    .texts
                    .iter()
                    .map(|(key, values)| format!("{key:>10}:  {}\n", values.join(" "))),
            );
            lines.sort();
            lines.iter().try_for_each(|line| out.write_all(line.as_bytes()))?;
            lines.clear();
            lines.extend(trace.numbers.iter().map(|(key, values, unit)| {
                let values: Vec<String> = values.iter().map(|&v| units::label(v, unit, "auto")).collect();
                format!("{key:>10}:  {}\n", values.join(" "))
            }));
            lines.sort();
            lines.iter().try_for_each(|line| out.write_all(line.as_bytes()))?;
        }
        let value = report.value(view, i);
        let value = view.format(value, unit);
        let first = frames.of(stack[0]);
        write!(out, "{value:>VALUE$}")?;
        out.write_all(&first[VALUE..])?;
        for &l in &stack[1..] {
            out.write_all(frames.of(l))?;
        }
    }
    out.write_all(SEPARATOR)
}

/// The lines of every location, ready to be written.
struct Frames {
    ends: Vec<usize>,
    text: Vec<u8>,
}

impl Frames {
    fn new(report: &Traces, view: &View, sanitize: bool) -> Self {
        let mut frames = Frames {
            ends: vec![0],
            text: Vec::new(),
        };
        for l in 0..view.profile.locations.len() {
            let run = report.frames(LocationId::new(l));
            for (i, &n) in run.iter().enumerate() {
                let name = report.infos[n as usize].printable(&view.profile);
                let name = if sanitize {
                    Cow::Owned(terminal::sanitize(&name).into_owned())
                } else {
                    name
                };
                let inline = if i + 1 < run.len() { " (inline)" } else { "" };
                frames.text.extend_from_slice(b"             ");
                frames.text.extend_from_slice(name.as_bytes());
                frames.text.extend_from_slice(inline.as_bytes());
                frames.text.push(b'\n');
            }
            frames.ends.push(frames.text.len());
        }
        frames
    }

    #[inline]
    fn of(&self, l: LocationId) -> &[u8] {
        &self.text[self.ends[l.index()]..self.ends[l.index() + 1]]
    }
}
