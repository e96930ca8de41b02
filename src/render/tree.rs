//! `tree` and `peek` for people, written row by row: callers above, callees below, the subsystem behind every name.

use std::io::{self, Write};

use super::layout::{Look, by_title, shown_name};
use super::numbers::{Numbers, right};
use super::terminal::{Style, Terminal};
use crate::analysis::{Tree, TreeEdge, View};

/// Widths of the columns of numbers.
const VALUE: usize = 11;
const SHARE: usize = 8;

/// Writes the rows; heading and notes are written around them by the caller.
///
/// # Errors
/// What `out` reports.
pub fn rows(report: &Tree, view: &View, look: &Look, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
    let h = &report.header;
    let mut line: Vec<u8> = Vec::new();
    for (title, width) in [
        ("flat", VALUE),
        ("flat%", SHARE),
        ("cum", VALUE),
        ("cum%", SHARE),
        ("calls", VALUE),
        ("calls%", SHARE),
    ] {
        right(&mut line, title, width);
    }
    line.extend_from_slice(b"  ");
    line.extend_from_slice(by_title(view).as_bytes());
    writeln!(out, "{}", terminal.paint(&String::from_utf8_lossy(&line), Style::Faint))?;
    let names = names(report, view, look, terminal);
    let mut numbers = Numbers::new(view, &h.output_unit);
    let blank = 2 * (VALUE + SHARE);
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
                right(block, numbers.value(e.weight), VALUE);
                share(block, numbers, e.weight, node.cum);
                block.extend_from_slice(b"      ");
                block.extend_from_slice(names[e.name as usize].as_bytes());
                if e.inline {
                    block.extend_from_slice(b" (inlined)");
                }
                block.extend_from_slice(reset.as_bytes());
                block.push(b'\n');
            }
        };
        edges(&mut block, &mut numbers, &node.callers);
        block.extend_from_slice(bold.as_bytes());
        for (v, total) in [(node.flat, h.total), (node.cum, h.total)] {
            right(&mut block, numbers.value(v), VALUE);
            match view.query.mean {
                true => right(&mut block, "", SHARE),
                false => share(&mut block, &mut numbers, v, total),
            }
        }
        right(&mut block, "", VALUE + SHARE);
        block.extend_from_slice(b"  ");
        block.extend_from_slice(names[node.name as usize].as_bytes());
        block.extend_from_slice(reset.as_bytes());
        block.push(b'\n');
        edges(&mut block, &mut numbers, &node.callees);
        out.write_all(&block)?;
    }
    Ok(())
}

/// A share with its sign, which pprof leaves out.
fn share(block: &mut Vec<u8>, numbers: &mut Numbers<'_>, v: i64, total: i64) {
    let text = numbers.share(v, total).trim_start();
    if (v < 0) == (total < 0) || v == 0 {
        right(block, text, SHARE);
    } else {
        right(block, &format!("-{text}"), SHARE);
    }
}

/// The wording of every node: its name and, in brackets, its subsystem.
fn names(report: &Tree, view: &View, look: &Look, terminal: &Terminal) -> Vec<String> {
    report
        .names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let info = report.info(i as u32);
            let name = terminal.clean(&shown_name(name, look.full_names)).into_owned();
            let title = view.lens.as_ref().and_then(|lens| {
                let (_, title, _) = lens.subsystem(lens.named(info.name)?)?;
                Some(title)
            });
            match title {
                Some(title) => format!("{name}  [{title}]"),
                None => name,
            }
        })
        .collect()
}
