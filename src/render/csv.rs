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

/// What all rows have in common and numbers mean nothing without: the sample type and its unit.
fn constants(d: &Document) -> Vec<(&'static str, &str)> {
    let kind = d.profile.get("sample_type").and_then(|v| v.as_str());
    let unit = d.facts.get("unit").and_then(|v| v.as_str());
    [("sample_type", kind), ("unit", unit)]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
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
    let named: Vec<&str> = columns.iter().map(|&c| d.columns[c].key).collect();
    let same = constants(d);
    let same = || same.iter().filter(|(key, _)| !named.contains(key));
    let heads: Vec<&str> = named.iter().copied().chain(same().map(|&(key, _)| key)).collect();
    writeln!(out, "{}", heads.join(","))?;
    let tail: Vec<String> = same().map(|(_, value)| quoted(value)).collect();
    for row in rows {
        let cells = columns.iter().map(|&c| quoted(&row.cells[c].csv()));
        let cells: Vec<String> = cells.chain(tail.iter().cloned()).collect();
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}
