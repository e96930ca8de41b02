//! `tags`: right-aligned columns per key.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::analysis::{Tags, View};
use crate::model::units::percentage;

use super::tabs::aligned;

/// Prints the labels of a profile.
///
/// # Errors
/// What `out` reports.
pub fn tags(report: &Tags, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let h = &report.header;
    let format = |v: i64| view.format(v, &h.output_unit);
    for key in &report.keys {
        let share = |v: i64| {
            if h.total > 0 {
                format!(" ({})", percentage(v, h.total))
            } else {
                String::new()
            }
        };
        let mut text = format!(
            "{}:\t Total {} of {}{}\n",
            key.key,
            format(key.total),
            format(h.total),
            share(key.total)
        );
        for v in &key.values {
            let _ = writeln!(text, " \t{}{}:\t {}", format(v.value), share(v.value), v.name);
        }
        aligned(&text, out)?;
        writeln!(out)?;
    }
    Ok(())
}
