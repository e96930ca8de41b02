//! `list`: sources with what each line costs.

use std::io::{self, Write};

use rustc_hash::FxHashSet;

use crate::analysis::{Listing, View};
use crate::model::units::percentage;
use crate::render::SourceLookup;

/// Prints the functions.
///
/// # Errors
/// What `out` reports.
pub fn list(report: &Listing, view: &View, sources: &mut dyn SourceLookup, out: &mut dyn Write) -> io::Result<()> {
    let h = &report.header;
    let format = |v: i64| view.format(v, &h.output_unit);
    let or_dot = |v: i64| if v == 0 { ".".to_owned() } else { format(v) };
    writeln!(out, "Total: {}", format(h.total))?;
    let mut missing = FxHashSet::default();
    for function in &report.functions {
        if function.files.is_empty() {
            writeln!(out, "No source information for {}", function.name)?;
        }
        for part in &function.files {
            writeln!(
                out,
                "ROUTINE ======================== {} in {}",
                function.name, part.file
            )?;
            let (flat, cum) = (format(part.flat), format(part.cum));
            let share = percentage(part.cum, h.total);
            writeln!(out, "{flat:>10} {cum:>10} (flat, cum) {share} of Total")?;
            if part.start > part.end && !missing.contains(part.file.as_str()) {
                // A function that starts behind its lines: pprof does not even look for the file.
                continue;
            }
            let source = match sources.open(&part.file) {
                Ok(source) => source,
                Err(reason) => {
                    missing.insert(part.file.as_str());
                    writeln!(out, " Error: {reason}")?;
                    continue;
                }
            };
            let mut lines = part.lines.iter().peekable();
            for n in part.start..=part.end {
                let Some(text) = source(n) else {
                    break;
                };
                while lines.next_if(|l| l.line < n).is_some() {}
                let (flat, cum) = lines.next_if(|l| l.line == n).map_or((0, 0), |l| (l.flat, l.cum));
                write!(out, "{:>10} {:>10} {n:>6}:", or_dot(flat), or_dot(cum))?;
                out.write_all(text)?;
                out.write_all(b"\n")?;
            }
        }
    }
    Ok(())
}
