//! Markdown for job summaries and merge requests: the verdict first, then what is not fine, then where growth comes from.

use super::TOOL;
use std::io::{self, Write};

use super::super::diagnosis::Words;
use super::super::terminal::sanitize;
use super::words::{captured, details, difference, floor, lowered, mark, problem, summary, title, value, verdict};
use super::{Weight, marked};
use crate::check::outcome::{Attribution, Report};

/// Bytes that GitHub takes for a job summary.
const LARGEST: usize = 1 << 20;
/// Kept for the line that says what was left out.
const RESERVE: usize = 512;

/// Text that Markdown and HTML leave alone.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in sanitize(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '*' | '_' | '`' | '[' | ']' | '|' | '\\' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A command between backquotes.
fn code(text: &str) -> String {
    format!("`{}`", sanitize(text).replace('`', "'"))
}

/// Writes the answer as Markdown of at most 1 MiB.
///
/// # Errors
/// When it cannot be written.
pub fn markdown(report: &Report, words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut blocks = vec![format!("## {TOOL}: {}\n\n", plain(&verdict(report)))];
    let mut head = String::new();
    for c in &report.candidate {
        head.push_str(&format!("- {}\n", plain(&captured(c))));
    }
    for (word, all) in [("baseline", &report.baseline), ("confirm", &report.confirm)] {
        for c in all {
            head.push_str(&format!("- {word} {}\n", plain(&captured(c))));
        }
    }
    blocks.push(head + "\n");
    for rule in report.broken() {
        let text = rule.problem.as_ref().map(|p| problem(p, words)).unwrap_or_default();
        blocks.push(format!("- **error** {}: {}\n", plain(&rule.id), plain(&text)));
    }
    for (weight, rule, j) in marked(report) {
        let head = format!(
            "**{}** {}: {}",
            mark(report, rule, j),
            plain(&rule.id),
            plain(&summary(j))
        );
        if weight <= Weight::Note {
            blocks.push(format!("- {head}\n"));
            continue;
        }
        let mut block = format!("- {head}\n");
        for d in &rule.lowered {
            block.push_str(&format!("  - only a warning: {}\n", plain(&difference(d))));
        }
        for (name, text) in details(j, words) {
            let text = if name == "show" { code(&text) } else { plain(&text) };
            block.push_str(&format!("  - {name}: {text}\n"));
        }
        blocks.push(block);
    }
    for l in lowered(report) {
        blocks.push(format!("- {}\n", plain(&l)));
    }
    for rule in &report.rules {
        if let Some(a) = rule.attribution.as_ref().filter(|a| a.old != a.new) {
            blocks.push(attribution(&rule.id, a));
        }
    }
    if !report.floors.is_empty() {
        let mut block = "\nNoise floor of this material:\n\n".to_owned();
        for f in &report.floors {
            block.push_str(&format!("- {}\n", plain(&floor(f))));
        }
        blocks.push(block);
    }
    let mut room = LARGEST - RESERVE;
    let mut left_out = 0;
    for block in &blocks {
        if block.len() > room || left_out > 0 {
            left_out += 1;
            continue;
        }
        room -= block.len();
        out.write_all(block.as_bytes())?;
    }
    if left_out > 0 {
        writeln!(out, "\n{left_out} more entries: the other formats have them")?;
    }
    Ok(())
}

fn attribution(rule: &str, a: &Attribution) -> String {
    let error = |e: Option<f64>| {
        e.filter(|e| *e > 0.0)
            .map_or_else(String::new, |e| format!(" ± {}", value(e, a.unit)))
    };
    let mut text = format!(
        "\n<details><summary>{}: {} → {}</summary>\n\n| change | part |\n| ---: | --- |\n",
        plain(rule),
        value(a.old, a.unit),
        value(a.new, a.unit)
    );
    for p in a.parts.iter().filter(|p| p.old != p.new).take(20) {
        let change = p.new - p.old;
        let sign = if change >= 0.0 { "+" } else { "-" };
        text.push_str(&format!(
            "| {sign}{}{} | {} |\n",
            value(change.abs(), a.unit),
            error(p.error),
            plain(&title(&p.part))
        ));
    }
    text + "\n</details>\n"
}
