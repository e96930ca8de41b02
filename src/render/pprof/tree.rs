//! `tree` and `peek`.

use std::io::{self, Write};

use super::header::report_labels;
use crate::analysis::{Tree, TreeEdge, View};
use crate::model::units::percentage;

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
    let unit = &h.output_unit;
    for node in report.nodes() {
        writeln!(out, "{SEPARATOR}")?;
        let edges = |out: &mut dyn Write, edges: &[TreeEdge]| -> io::Result<()> {
            for e in edges {
                let weight = view.format(e.weight, unit);
                let share = percentage(e.weight, node.cum);
                let inline = if e.inline { " (inline)" } else { "" };
                writeln!(
                    out,
                    "{weight:>50} {share} |   {}{inline}",
                    report.names[e.name as usize]
                )?;
            }
            Ok(())
        };
        edges(out, &node.callers)?;
        sum = sum.wrapping_add(node.flat);
        writeln!(
            out,
            "{:>10} {} {} {:>10} {}                | {}",
            view.format(node.flat, unit),
            percentage(node.flat, h.total),
            percentage(sum, h.total),
            view.format(node.cum, unit),
            percentage(node.cum, h.total),
            report.names[node.name as usize],
        )?;
        edges(out, &node.callees)?;
    }
    if report.has_rows() {
        writeln!(out, "{SEPARATOR}")?;
    }
    Ok(())
}
