//! Columns as Go's `text/tabwriter` makes them, right-aligned with one blank between: a cell ends with a tab, a column is made
//! of the cells of lines that follow each other. Tabs and ends of lines in the texts themselves count as well.

use std::io::{self, Write};

/// Writes `text` with its cells in columns.
pub(super) fn aligned(text: &str, out: &mut dyn Write) -> io::Result<()> {
    // A form feed ends a line and all columns.
    let mut parts = text.split('\u{c}').peekable();
    while let Some(part) = parts.next() {
        let lines: Vec<Vec<&str>> = part
            .split('\n')
            .map(|line| line.split(['\t', '\u{b}']).collect())
            .collect();
        let mut written = Vec::new();
        columns(&lines, &mut Vec::new(), &mut written);
        let mut page = written.join("\n");
        if parts.peek().is_some() {
            page.push('\n');
        }
        out.write_all(page.as_bytes())?;
    }
    Ok(())
}

/// Lays out lines that all have the columns of `widths`.
fn columns(lines: &[Vec<&str>], widths: &mut Vec<usize>, out: &mut Vec<String>) {
    let column = widths.len();
    let has_cell = |line: &Vec<&str>| column + 1 < line.len();
    for block in lines.chunk_by(|a, b| has_cell(a) == has_cell(b)) {
        if has_cell(&block[0]) {
            let width = block.iter().map(|line| line[column].chars().count() + 1).max();
            widths.push(width.unwrap_or_default());
            columns(block, widths, out);
            widths.pop();
        } else {
            out.extend(block.iter().map(|line| one(line, widths)));
        }
    }
}

/// A line: its cells from the right, then what no tab ends. An empty cell has its width all the same.
fn one(line: &[&str], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in line.iter().zip(widths) {
        text.push_str(&" ".repeat(width.saturating_sub(cell.chars().count())));
        text.push_str(cell);
    }
    text.push_str(line.last().copied().unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn tabs_in_texts_are_cells() {
        let mut out = Vec::new();
        let text = "key:\t Total 3\n \t1:\t a\tb\n \t20:\t ccc\td\n\t3:\t plain\n \t4:\t two\nlines\n";
        aligned(text, &mut out).expect("memory");
        let want = " key: Total 3\n       1:    ab\n      20:  cccd\n       3: plain\n       4: two\nlines\n";
        assert_eq!(String::from_utf8_lossy(&out), want);
    }
}
