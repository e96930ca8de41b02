//! Document -> JSON, one object or one a line.
//!
//! `{"schema", "profile", "query", facts…, "rows": [{column: raw value}]}`. Numbers are raw, the unit stands once.
//! Fields may be added within a schema version, never renamed or removed. Where rows are of several kinds, a field `kind`
//! tells them apart and what each kind has is said where the page is made (`layout::list`).

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::document::{Document, Row};

fn object(d: &Document, row: &Row) -> Map<String, Value> {
    let columns = d.columns.iter().zip(&row.cells).filter(|(c, _)| c.for_machines());
    columns.map(|(c, cell)| (c.key.to_owned(), cell.json())).collect()
}

/// Everything but the rows.
pub fn head(d: &Document) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("schema".to_owned(), Value::from(d.schema.as_str()));
    head.insert("profile".to_owned(), Value::Object(d.profile.clone()));
    head.insert("query".to_owned(), Value::Object(d.query.clone()));
    head.extend(d.facts.clone());
    head
}

/// Writes one object.
///
/// # Errors
/// What `out` reports.
pub fn json(d: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut whole = head(d);
    whole.insert(
        "rows".to_owned(),
        d.rows.iter().map(|row| Value::Object(object(d, row))).collect(),
    );
    serde_json::to_writer_pretty(&mut *out, &Value::Object(whole))?;
    writeln!(out)
}

/// Writes one object whose rows come one by one, a line each.
///
/// # Errors
/// What `out` reports.
pub fn json_rows(d: &Document, rows: impl Iterator<Item = Row>, out: &mut dyn Write) -> io::Result<()> {
    let head = serde_json::to_string(&Value::Object(head(d)))?;
    // The closing brace of the head waits for the rows.
    write!(out, "{},\"rows\":[", head.strip_suffix('}').unwrap_or(&head))?;
    for (i, row) in rows.enumerate() {
        out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &Value::Object(object(d, &row)))?;
    }
    writeln!(out, "\n]}}")
}

/// Writes the head on the first line and a row on each further one.
///
/// # Errors
/// What `out` reports.
pub fn jsonl(d: &Document, out: &mut dyn Write) -> io::Result<()> {
    jsonl_rows(d, d.rows.iter().cloned(), out)
}

/// As [`jsonl`], with rows that come one by one.
///
/// # Errors
/// What `out` reports.
pub fn jsonl_rows(d: &Document, rows: impl Iterator<Item = Row>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Value::Object(head(d)))?;
    writeln!(out)?;
    for row in rows {
        serde_json::to_writer(&mut *out, &Value::Object(object(d, &row)))?;
        writeln!(out)?;
    }
    Ok(())
}
