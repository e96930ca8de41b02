//! `tree` and `peek`.

use std::io::{self, Write};

use super::header::report_labels;
use crate::analysis::{Tree, TreeEdge, View};
use crate::render::numbers::{Numbers, right};

const SEPARATOR: &str = "----------------------------------------------------------+-------------";

/// Prints every row between its callers and its callees.
///
/// # Errors
/// What `out` reports.
pub fn tree(report: &Tree, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let h = &report.header;
    for line in report_labels(h, view, false) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{SEPARATOR}")?;
    writeln!(
        out,
        "      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t "
    )?;
    let mut sum = 0i64;
    let mut numbers = Numbers::new(view, &h.output_unit);
    let mut lines: Vec<u8> = Vec::new();
    for node in report.nodes() {
        lines.clear();
        lines.extend_from_slice(SEPARATOR.as_bytes());
        lines.push(b'\n');
        let edges = |lines: &mut Vec<u8>, numbers: &mut Numbers<'_>, edges: &[TreeEdge]| {
            for e in edges {
                right(lines, numbers.value(e.weight), 50);
                lines.push(b' ');
                lines.extend_from_slice(numbers.share(e.weight, node.cum).as_bytes());
                lines.extend_from_slice(b" |   ");
                lines.extend_from_slice(report.names[e.name as usize].as_bytes());
                lines.extend_from_slice(if e.inline { b" (inline)\n" } else { b"\n" });
            }
        };
        edges(&mut lines, &mut numbers, &node.callers);
        sum = sum.wrapping_add(node.flat);
        right(&mut lines, numbers.value(node.flat), 10);
        for share in [node.flat, sum] {
            lines.push(b' ');
            lines.extend_from_slice(numbers.share(share, h.total).as_bytes());
        }
        lines.push(b' ');
        right(&mut lines, numbers.value(node.cum), 10);
        lines.push(b' ');
        lines.extend_from_slice(numbers.share(node.cum, h.total).as_bytes());
        lines.extend_from_slice(b"                | ");
        lines.extend_from_slice(report.names[node.name as usize].as_bytes());
        lines.push(b'\n');
        edges(&mut lines, &mut numbers, &node.callees);
        out.write_all(&lines)?;
    }
    if report.has_rows() {
        writeln!(out, "{SEPARATOR}")?;
    }
    Ok(())
}
