//! `top` and `text`.

use std::io::{self, Write};

use super::header::report_labels;
use crate::analysis::{InlineMark, Top, View};
use crate::model::units::percentage;

/// Prints a flat table.
///
/// # Errors
/// What `out` reports.
pub fn top(report: &Top, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let h = &report.header;
    for line in report_labels(h, view, false) {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "{:>10} {:>5}% {:>5}% {:>10} {:>5}%",
        "flat", "flat", "sum", "cum", "cum"
    )?;
    let mut sum = 0i64;
    for row in &report.rows {
        sum = sum.wrapping_add(row.flat);
        let inline = match row.inline {
            InlineMark::No => "",
            InlineMark::Partial => " (partial-inline)",
            InlineMark::Full => " (inline)",
        };
        writeln!(
            out,
            "{:>10} {} {} {:>10} {}  {}{inline}",
            view.format(row.flat, &h.output_unit),
            percentage(row.flat, h.total),
            percentage(sum, h.total),
            view.format(row.cum, &h.output_unit),
            percentage(row.cum, h.total),
            row.name,
        )?;
    }
    Ok(())
}
