//! `tags`: right-aligned columns per key.

use std::io::{self, Write};

use crate::analysis::{Tags, View};
use crate::model::units::percentage;

/// Prints the labels of a profile.
///
/// # Errors
/// What `out` reports.
pub fn tags(report: &Tags, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let h = &report.header;
    let format = |v: i64| view.format(v, &h.output_unit);
    for key in &report.keys {
        // Two cells a line: right-aligned, one blank of padding, the second one unaligned.
        let share = |v: i64| {
            if h.total > 0 {
                format!(" ({})", percentage(v, h.total))
            } else {
                String::new()
            }
        };
        let mut rows = vec![(
            format!("{}:", key.key),
            format!(
                " Total {} of {}{}",
                format(key.total),
                format(h.total),
                share(key.total)
            ),
        )];
        let mut body = Vec::new();
        for v in &key.values {
            body.push((
                format!("{}{}:", format(v.value), share(v.value)),
                format!(" {}", v.name),
            ));
        }
        let key_width = rows.iter().map(|(k, _)| k.chars().count()).max().unwrap_or(0).max(1);
        let value_width = body.iter().map(|(v, _)| v.chars().count()).max().unwrap_or(0);
        for (k, text) in rows.drain(..) {
            writeln!(out, "{}{k}{text}", " ".repeat(key_width + 1 - k.chars().count()))?;
        }
        for (v, name) in body {
            let pad = value_width + 1 - v.chars().count();
            writeln!(out, "{}{}{v}{name}", " ".repeat(key_width + 1), " ".repeat(pad))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
