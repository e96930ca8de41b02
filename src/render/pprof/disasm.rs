//! `disasm`: instructions with what each costs, and the source line where it changes.

use std::io::{self, Write};

use crate::analysis::{Assembly, View};
use crate::model::units::percentage;

/// Prints the functions.
///
/// # Errors
/// What `out` reports.
pub fn disasm(report: &Assembly, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let h = &report.header;
    let format = |v: i64| view.format(v, &h.output_unit);
    let or_dot = |v: i64| if v == 0 { ".".to_owned() } else { format(v) };
    writeln!(out, "Total: {}", format(h.total))?;
    for routine in &report.routines {
        writeln!(out, "ROUTINE ======================== {}", routine.name)?;
        let share = percentage(routine.cum, h.total);
        writeln!(
            out,
            "{:>10} {:>10} (flat, cum) {share} of Total",
            format(routine.flat),
            format(routine.cum)
        )?;
        let mut before = ("", "", 0);
        for line in &routine.lines {
            let here = (line.function.as_str(), line.file.as_str(), line.line);
            let place = if here == before { String::new() } else { place(here) };
            before = here;
            let costs = format!(
                "{:>10} {:>10} {:>10x}: ",
                or_dot(line.flat),
                or_dot(line.cum),
                line.address
            );
            if place.is_empty() {
                writeln!(out, "{costs}{}", line.text)?;
            } else if line.text.len() < 40 {
                writeln!(out, "{costs}{:<40};{place}", line.text)?;
            } else {
                writeln!(out, "{:>74};{place}\n{costs}{}", "", line.text)?;
            }
        }
    }
    Ok(())
}

fn place((function, file, line): (&str, &str, i64)) -> String {
    let mut text = String::new();
    if !function.is_empty() {
        text.push_str(function);
        text.push(' ');
    }
    text.push_str(file);
    if !file.is_empty() && line != 0 {
        text.push_str(&format!(":{line}"));
    }
    text
}
