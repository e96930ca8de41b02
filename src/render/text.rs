//! Document -> terminal or plain text. Also markdown.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use std::io::{self, Write};

use super::document::{Document, Emphasis};
use super::narrow::{Narrow, cut_name};
use super::terminal::{Style, Terminal, columns_of, sanitize};

/// How far lines under a row are moved in.
const BELOW: &str = "        ";

/// Writes a document for people, its notes as they are given.
///
/// # Errors
/// What `out` reports.
pub fn text(d: &Document, notes: &[String], wide: bool, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
    around(d, notes, terminal, d.rows.is_empty(), out, |out| {
        rows(d, wide, terminal, out)
    })?;
    if let Some(below) = &d.below {
        writeln!(out)?;
        text(below, &below.notes, wide, terminal, out)?;
    }
    Ok(())
}

/// Writes heading and notes around what `body` writes.
///
/// # Errors
/// What `out` reports.
pub fn around(
    d: &Document,
    notes: &[String],
    terminal: &Terminal,
    is_empty: bool,
    out: &mut dyn Write,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    for (i, line) in d.heading.iter().enumerate() {
        let line = terminal.clean(line);
        let style = if i == 0 { Style::Bold } else { Style::Plain };
        writeln!(out, "{}", terminal.paint(&line, style))?;
    }
    if !d.heading.is_empty() && !is_empty {
        writeln!(out)?;
    }
    if !is_empty {
        body(out)?;
    }
    let shades = d.dim.filter(|_| terminal.colour && !is_empty);
    let shades = shades.map(|dim| format!("bold is kubelet code; dim is {dim}"));
    if (!notes.is_empty() || shades.is_some()) && !is_empty {
        writeln!(out)?;
    }
    for line in notes.iter().chain(&shades) {
        writeln!(out, "{}", terminal.paint(&terminal.clean(line), Style::Faint))?;
    }
    Ok(())
}

fn rows(d: &Document, wide: bool, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
    let mut columns: Vec<usize> = (0..d.columns.len())
        .filter(|&c| d.columns[c].for_people(wide))
        .collect();
    let mut widths: Vec<usize> = columns.iter().map(|&c| columns_of(&d.columns[c].title)).collect();
    let mut cells: Vec<Vec<String>> = Vec::with_capacity(d.rows.len());
    for row in &d.rows {
        let line: Vec<String> = columns
            .iter()
            .map(|&c| terminal.clean(&row.cells[c].text()).into_owned())
            .collect();
        for (w, text) in widths.iter_mut().zip(&line) {
            *w = (*w).max(columns_of(text));
        }
        cells.push(line);
    }
    let left_out = match terminal.width {
        Some(width) => Narrow {
            widths: &mut widths,
            columns: &mut columns,
            cells: &mut cells,
            of: &d.columns,
        }
        .fit(width, wide),
        None => Vec::new(),
    };
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    let titles = columns.iter().zip(&widths);
    table.set_header(titles.map(|(&c, &w)| cut_name(&d.columns[c].title, w).into_owned()));
    for line in &cells {
        table.add_row(
            line.iter()
                .zip(&widths)
                .map(|(text, &w)| cut_name(text, w).into_owned()),
        );
    }
    align(&mut table, d, &columns);
    let style = |emphasis| match emphasis {
        Emphasis::Plain => Style::Plain,
        Emphasis::Kubelet => Style::Bold,
        Emphasis::Faint | Emphasis::Neighbour => Style::Faint,
    };
    for (i, line) in table.lines().enumerate() {
        let line = line.strip_prefix(' ').unwrap_or(&line).trim_end();
        let row = i.checked_sub(1).and_then(|i| d.rows.get(i));
        if row.is_some_and(|row| row.rule_above) {
            writeln!(out)?;
        }
        writeln!(
            out,
            "{}",
            terminal.paint(line, row.map_or(Style::Faint, |row| style(row.emphasis)))
        )?;
        for (text, emphasis) in row.iter().flat_map(|row| &row.below) {
            let text = terminal.clean(text);
            let text = terminal.width.map_or(text.clone(), |w| {
                cut_name(&text, w.saturating_sub(BELOW.len())).into_owned().into()
            });
            writeln!(out, "{BELOW}{}", terminal.paint(&text, style(*emphasis)))?;
        }
    }
    if !left_out.is_empty() {
        let note = format!("no room for {}: -o wide has all columns", left_out.join(", "));
        writeln!(out, "\n{}", terminal.paint(&note, Style::Faint))?;
    }
    Ok(())
}

fn align(table: &mut Table, d: &Document, columns: &[usize]) {
    for (i, &c) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(i).filter(|_| d.columns[c].numeric) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Writes a document as markdown.
///
/// # Errors
/// What `out` reports.
pub fn markdown(d: &Document, notes: &[String], out: &mut dyn Write) -> io::Result<()> {
    for line in &d.heading {
        writeln!(out, "{}  ", escape(line))?;
    }
    if !d.rows.is_empty() {
        writeln!(out)?;
        let columns: Vec<usize> = (0..d.columns.len())
            .filter(|&c| d.columns[c].for_people(true))
            .collect();
        let mut table = Table::new();
        table
            .load_style(presets::ASCII_MARKDOWN)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|&c| escape(&d.columns[c].title)));
        for row in &d.rows {
            table.add_row(columns.iter().map(|&c| escape(&row.cells[c].text())));
        }
        align(&mut table, d, &columns);
        writeln!(out, "{table}")?;
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for line in notes {
        writeln!(out, "{}  ", escape(line))?;
    }
    if let Some(below) = &d.below {
        writeln!(out)?;
        markdown(below, &below.notes, out)?;
    }
    Ok(())
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in sanitize(text).chars() {
        match c {
            '|' | '*' | '_' | '<' | '`' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
