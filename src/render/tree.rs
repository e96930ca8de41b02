//! `tree` and `peek` for people, written row by row: callers above, callees below, the subsystem behind every name.

use std::borrow::Cow;
use std::io::{self, Write};

use super::layout::{Alike, by_title};
use super::narrow::cut_name;
use super::numbers::{Numbers, right};
use super::terminal::{Style, Terminal, columns_of};
use crate::analysis::{Tree, TreeEdge, View};

/// How the columns share a line.
#[derive(Clone, Copy)]
struct Layout {
    /// Columns of values.
    value: usize,
    /// Columns of shares.
    share: usize,
    /// That of flat, which narrow terminals do without.
    flat_share: usize,
    /// Between the numbers and a neighbour's name.
    indent: usize,
    /// All of it, where there is a limit.
    width: Option<usize>,
}

impl Layout {
    fn of(terminal: &Terminal) -> Self {
        let wide = Self {
            value: 11,
            share: 8,
            flat_share: 8,
            indent: 6,
            width: terminal.width,
        };
        match terminal.width {
            Some(width) if width < 110 => Self {
                value: 10,
                share: 7,
                flat_share: 0,
                indent: 4,
                ..wide
            },
            _ => wide,
        }
    }

    /// Where the numbers end.
    fn numbers(self) -> usize {
        3 * self.value + 2 * self.share + self.flat_share
    }
}

/// Writes the rows; heading and notes are written around them by the caller.
///
/// # Errors
/// What `out` reports.
pub fn rows(report: &Tree, view: &View, full_names: bool, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
    let h = &report.header;
    let columns = Layout::of(terminal);
    let (value, part) = (columns.value, columns.share);
    let mut line: Vec<u8> = Vec::new();
    for (title, width) in [
        ("flat", value),
        ("flat%", columns.flat_share),
        ("cum", value),
        ("cum%", part),
        ("calls", value),
        ("calls%", part),
    ] {
        right(&mut line, if width > 0 { title } else { "" }, width);
    }
    line.extend_from_slice(b"  ");
    line.extend_from_slice(by_title(view).as_bytes());
    writeln!(out, "{}", terminal.paint(&String::from_utf8_lossy(&line), Style::Faint))?;
    let names = names(report, view, full_names, terminal);
    let mut numbers = Numbers::new(view, &h.output_unit);
    let blank = 2 * value + columns.flat_share + part;
    let mut block: Vec<u8> = Vec::new();
    let (faint, bold, reset) = if terminal.colour {
        ("\x1b[2m", "\x1b[1m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    for (i, node) in report.nodes().enumerate() {
        block.clear();
        if i > 0 {
            block.push(b'\n');
        }
        let edges = |block: &mut Vec<u8>, numbers: &mut Numbers<'_>, edges: &[TreeEdge]| {
            for e in edges {
                block.extend_from_slice(faint.as_bytes());
                right(block, "", blank);
                right(block, numbers.value(e.weight), value);
                share(block, numbers, (e.weight, node.cum), part);
                right(block, "", columns.indent);
                let inlined = if e.inline { " (inlined)" } else { "" };
                let used = columns.numbers() + columns.indent + inlined.len();
                names[e.name as usize].write(columns.width.map(|w| w.saturating_sub(used)), block);
                block.extend_from_slice(inlined.as_bytes());
                block.extend_from_slice(reset.as_bytes());
                block.push(b'\n');
            }
        };
        edges(&mut block, &mut numbers, &node.callers);
        block.extend_from_slice(bold.as_bytes());
        for (v, width) in [(node.flat, columns.flat_share), (node.cum, part)] {
            right(&mut block, numbers.value(v), value);
            match view.query.mean || width == 0 {
                true => right(&mut block, "", width),
                false => share(&mut block, &mut numbers, (v, h.total), width),
            }
        }
        right(&mut block, "", value + part);
        block.extend_from_slice(b"  ");
        let room = columns.width.map(|w| w.saturating_sub(columns.numbers() + 2));
        names[node.name as usize].write(room, &mut block);
        block.extend_from_slice(reset.as_bytes());
        block.push(b'\n');
        edges(&mut block, &mut numbers, &node.callees);
        out.write_all(&block)?;
    }
    Ok(())
}

/// A share with its sign, which pprof leaves out.
fn share(block: &mut Vec<u8>, numbers: &mut Numbers<'_>, (v, total): (i64, i64), width: usize) {
    let text = numbers.share(v, total).trim_start();
    if (v < 0) == (total < 0) || v == 0 {
        right(block, text, width);
    } else {
        right(block, &format!("-{text}"), width);
    }
}

/// The wording of a node.
struct Name {
    /// The name and, in brackets, the subsystem.
    whole: String,
    /// Where the name ends.
    end: usize,
}

impl Name {
    /// Writes as much as there is room for: the subsystem goes first, then the beginning of the import path.
    fn write(&self, room: Option<usize>, block: &mut Vec<u8>) {
        let name = &self.whole[..self.end];
        let text = match room {
            Some(room) if columns_of(&self.whole) > room => cut_name(name, room),
            _ => Cow::Borrowed(self.whole.as_str()),
        };
        block.extend_from_slice(text.as_bytes());
    }
}

/// The wording of every node.
fn names(report: &Tree, view: &View, full_names: bool, terminal: &Terminal) -> Vec<Name> {
    let alike = Alike::among(report.names.iter().map(String::as_str), full_names);
    report
        .names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let info = report.info(i as u32);
            let mut whole = terminal.clean(&alike.shown(name, full_names)).into_owned();
            let end = whole.len();
            let title = view.lens.as_ref().and_then(|lens| {
                let (_, title, _) = lens.subsystem(lens.named(info.name)?)?;
                Some(title)
            });
            if let Some(title) = title {
                whole.push_str(&format!("  [{title}]"));
            }
            Name { whole, end }
        })
        .collect()
}
