//! Tables of text with a dump in one of their columns: CSV as log viewers export it, and tables of Markdown.
//!
//! A line of a dump holds commas itself, so the column is told by the cells of several rows, and quotes are undone.

use std::borrow::Cow;

use super::Looks;

/// Columns that a table has at most.
const MOST: usize = 64;
/// Length of the longest row that is looked at.
const LONGEST: usize = 64 << 10;
/// How many rows are looked at.
const ROWS: usize = 200;

/// A table and the column with the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cells {
    separator: u8,
    column: usize,
    columns: usize,
}

/// A row of a table.
pub(super) struct Row<'a> {
    /// The cell with the dump.
    pub(super) text: Cow<'a, [u8]>,
    /// The other cells, with blanks between them.
    pub(super) about: Vec<u8>,
}

impl Cells {
    /// The table that `line` is a row of, if `after` has more rows with lines of a dump in the same column.
    pub(super) fn of(line: &[u8], after: &[u8], looks: &dyn Looks) -> Option<Self> {
        // No line of a dump with something in front of it is that long.
        if line.len() > LONGEST {
            return None;
        }
        let is_dump = |cell: &[u8]| looks.is_first(cell) || looks.is_sure(cell);
        [b',', b';', b'|'].into_iter().find_map(|separator| {
            let cells = split(line, separator)?;
            let column = cells.iter().position(|cell| is_dump(cell))?;
            let table = Self {
                separator,
                column,
                columns: cells.len(),
            };
            let lines = after.split(|&b| b == b'\n').take(ROWS);
            let more = lines.filter_map(|line| table.row(line.strip_suffix(b"\r").unwrap_or(line)));
            let same = more.filter(|row| is_dump(&row.text)).take(2).count();
            (cells.len() > 1 && same == 2).then_some(table)
        })
    }

    /// The cells of a line, if it is a row of this table.
    pub(super) fn row<'a>(&self, line: &'a [u8]) -> Option<Row<'a>> {
        let mut cells = split(line, self.separator)?;
        if cells.len() != self.columns {
            return None;
        }
        let mut about = Vec::new();
        for (i, cell) in cells.iter().enumerate() {
            if i != self.column && !cell.is_empty() {
                if !about.is_empty() {
                    about.push(b' ');
                }
                about.extend_from_slice(cell);
            }
        }
        Some(Row {
            text: cells.swap_remove(self.column),
            about,
        })
    }
}

/// The cells of a row; `None` where it is none.
fn split(line: &[u8], separator: u8) -> Option<Vec<Cow<'_, [u8]>>> {
    memchr::memchr(separator, line)?;
    match separator {
        b'|' => markdown(line),
        _ => quoted(line, separator),
    }
}

/// `| 07:41:30 | the line |`, with marks of code around cells.
fn markdown(line: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
    let inside = line.trim_ascii().strip_prefix(b"|")?.strip_suffix(b"|")?;
    let mut cells = Vec::new();
    let mut start = 0;
    let ends = memchr::memchr_iter(b'|', inside).chain([inside.len()]);
    for end in ends {
        if end > start && inside[end - 1] == b'\\' && end < inside.len() {
            continue;
        }
        // One blank beside the mark is of the table, what is more is of the line.
        let cell = &inside[start..end];
        let cell = cell.strip_prefix(b" ").unwrap_or(cell);
        let cell = cell.strip_suffix(b" ").unwrap_or(cell);
        let cell = match cell {
            [b'`', code @ .., b'`'] => code,
            cell => cell,
        };
        cells.push(match memchr::memmem::find(cell, br"\|") {
            Some(_) => Cow::Owned(without_escapes(cell)),
            None => Cow::Borrowed(cell),
        });
        start = end + 1;
        if cells.len() > MOST {
            return None;
        }
    }
    Some(cells)
}

fn without_escapes(cell: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(cell.len());
    for (i, &b) in cell.iter().enumerate() {
        if b != b'\\' || cell.get(i + 1) != Some(&b'|') {
            out.push(b);
        }
    }
    out
}

/// A row of CSV (RFC 4180).
fn quoted(line: &[u8], separator: u8) -> Option<Vec<Cow<'_, [u8]>>> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let end = if let Some(mut inside) = rest.strip_prefix(b"\"") {
            let mut cell = Vec::new();
            loop {
                let quote = memchr::memchr(b'"', inside)?;
                cell.extend_from_slice(&inside[..quote]);
                inside = &inside[quote + 1..];
                match inside.first() {
                    Some(b'"') => {
                        cell.push(b'"');
                        inside = &inside[1..];
                    }
                    Some(&b) if b != separator => return None,
                    _ => break,
                }
            }
            cells.push(Cow::Owned(cell));
            rest.len() - inside.len()
        } else {
            let end = memchr::memchr(separator, rest).unwrap_or(rest.len());
            cells.push(Cow::Borrowed(&rest[..end]));
            end
        };
        if end == rest.len() {
            return Some(cells);
        }
        rest = &rest[end + 1..];
        if cells.len() > MOST {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str, separator: u8) -> Option<Vec<String>> {
        let cells = split(line.as_bytes(), separator)?;
        Some(cells.iter().map(|c| String::from_utf8_lossy(c).into_owned()).collect())
    }

    #[test]
    fn rows() {
        for (line, separator, want) in [
            ("a,b,c", b',', vec!["a", "b", "c"]),
            (r#"a,"b, ""c""",d"#, b',', vec!["a", r#"b, "c""#, "d"]),
            ("a,,", b',', vec!["a", "", ""]),
            ("| a |  b | `c` |", b'|', vec!["a", " b", "c"]),
            (r"| a | b \| c |", b'|', vec!["a", "b | c"]),
        ] {
            assert_eq!(
                texts(line, separator).as_deref(),
                Some(want.as_slice())
                    .map(|w| w.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
                    .as_deref(),
                "{line}"
            );
        }
        for (line, separator) in [("a", b','), (r#"a,"b"#, b','), (r#"a,"b"c,d"#, b','), ("a | b", b'|')] {
            assert_eq!(texts(line, separator), None, "{line}");
        }
    }
}
