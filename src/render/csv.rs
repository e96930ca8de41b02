//! Document -> CSV (RFC 4180): one heading line, raw numbers.

use std::io::{self, Write};

use super::document::{Document, Row};

fn quoted(text: &str) -> String {
    // A leading sign would be a formula to a spreadsheet; numbers are numbers and stay.
    let formula = text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err();
    if formula || text.contains([',', '"', '\n', '\r']) {
        let text = if formula { format!("'{text}") } else { text.to_owned() };
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// Writes the table.
///
/// # Errors
/// What `out` reports.
pub fn csv(d: &Document, out: &mut dyn Write) -> io::Result<()> {
    csv_rows(d, d.rows.iter().cloned(), out)
}

/// Writes the table with rows that come one by one.
///
/// # Errors
/// What `out` reports.
pub fn csv_rows(d: &Document, rows: impl Iterator<Item = Row>, out: &mut dyn Write) -> io::Result<()> {
    let columns: Vec<usize> = (0..d.columns.len()).filter(|&c| d.columns[c].for_machines()).collect();
    let heads: Vec<&str> = columns.iter().map(|&c| d.columns[c].key).collect();
    writeln!(out, "{}", heads.join(","))?;
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|&c| quoted(&row.cells[c].csv())).collect();
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}
