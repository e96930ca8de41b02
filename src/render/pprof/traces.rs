//! `traces`: written sample by sample, from lines made once per location.

use std::borrow::Cow;
use std::io::{self, Write};

use super::header::profile_labels;
use super::labels::LabelLines;
use crate::analysis::{Traces, View};
use crate::model::{Label, LocationId, units};
use crate::render::numbers::{Numbers, right};
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
    samples(report, view, &labels, None, false, out)
}

/// Writes further lines for a sample.
pub(in crate::render) type Extra<'a> = dyn Fn(usize, &mut Vec<u8>) + 'a;

/// Prints all samples under a heading. `extra` gives further lines above the labels of a sample. With `sanitize`, neither
/// names nor labels nor the heading can command a terminal or forge a line.
///
/// # Errors
/// What `out` reports.
pub(in crate::render) fn samples(
    report: &Traces,
    view: &View,
    heading: &[String],
    extra: Option<&Extra<'_>>,
    sanitize: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let frames = Frames::new(report, view, sanitize);
    let mut labels = LabelLines::default();
    let mut numbers = Numbers::new(view, &report.header.output_unit);
    let p = &view.profile;
    let mut text: Vec<u8> = Vec::with_capacity(CHUNK + (1 << 14));
    if heading.is_empty() {
        text.push(b'\n');
    }
    for line in heading {
        text.extend_from_slice(shown(line, sanitize).as_bytes());
        text.push(b'\n');
    }
    for i in report.indices(view) {
        let stack = p.stack(p.samples.stack(i));
        text.extend_from_slice(SEPARATOR);
        if let Some(extra) = extra {
            extra(i, &mut text);
        }
        if !p.samples.labels(i).is_empty() {
            write_labels(view, i, &mut labels, sanitize, &mut text);
        }
        let first = frames.of(stack[0]);
        right(&mut text, numbers.value(report.value(view, i)), VALUE);
        text.extend_from_slice(&first[VALUE..]);
        for &l in &stack[1..] {
            text.extend_from_slice(frames.of(l));
            if text.len() >= CHUNK {
                out.write_all(&text)?;
                text.clear();
            }
        }
    }
    text.extend_from_slice(SEPARATOR);
    out.write_all(&text)
}

/// Words as they may stand in a line.
fn shown(words: &str, sanitize: bool) -> Cow<'_, str> {
    if sanitize {
        terminal::sanitize(words)
    } else {
        Cow::Borrowed(words)
    }
}

/// Bytes written at once.
const CHUNK: usize = 1 << 18;

/// A line for every key: those of texts, then those of numbers.
fn write_labels(view: &View, i: usize, labels: &mut LabelLines, sanitize: bool, text: &mut Vec<u8>) {
    let p = &view.profile;
    for numbers in [false, true] {
        let word = |run: &[&Label], text: &mut Vec<u8>| {
            right(text, &shown(p.text(run[0].key), sanitize), 10);
            text.extend_from_slice(b":  ");
            for (n, l) in run.iter().enumerate() {
                if n > 0 {
                    text.push(b' ');
                }
                if numbers {
                    let number = units::label(l.number, view.label_unit(l.key), "auto");
                    text.extend_from_slice(shown(&number, sanitize).as_bytes());
                } else {
                    text.extend_from_slice(shown(p.text(l.text), sanitize).as_bytes());
                }
            }
            text.push(b'\n');
        };
        for line in labels.of(&p.samples, i, numbers, word) {
            text.extend_from_slice(line);
        }
    }
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
                let name = shown(&name, sanitize);
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
