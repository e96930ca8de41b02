//! For a ticket or an incident channel.

use std::io::{self, Write};

use super::Words;
use super::reasons::check_words;
use super::reasons::{oddity, reason};
use super::text::{growth_words, headline, is_missing, issue_words};
use super::words::{evidence_words, since_words, summary};
use crate::diagnose::report::Diagnosis;

/// Text that Markdown and HTML leave alone.
pub(in crate::render) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '*' | '_' | '`' | '[' | ']' | '|' | '\\' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Writes a diagnosis as Markdown.
///
/// # Errors
/// When it cannot be written.
pub fn markdown(d: &Diagnosis, words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n", plain(&headline(d)))?;
    for f in &d.findings {
        writeln!(
            out,
            "**{}. {}** ({}, {}): {}.\n",
            f.rank,
            plain(super::words::title(&f.subsystem)),
            f.kind.as_str(),
            f.confidence.as_str(),
            plain(&summary(f))
        )?;
        if let Some(s) = &f.since {
            writeln!(out, "- since {}", plain(&since_words(s)))?;
        }
        if let Some(growth) = growth_words(f) {
            writeln!(out, "- growth {}", plain(&growth))?;
        }
        for i in &f.known_issues {
            writeln!(out, "- known: [{}]({}) {}", plain(&i.id), i.url, plain(&issue_words(i)))?;
        }
        let most = if words.all { usize::MAX } else { 3 };
        for r in f.reasons.iter().take(most) {
            writeln!(
                out,
                "- {} {}",
                if r.supports { "because" } else { "but" },
                plain(&reason(r))
            )?;
        }
        for e in f.evidence.iter().take(most) {
            writeln!(out, "- {}", plain(&evidence_words(e)))?;
        }
        if let Some(show) = f.evidence.iter().find_map(|e| e.show.as_ref()) {
            writeln!(out, "- `{}`", (words.command)(show).replace('`', "'"))?;
        }
        for r in f.remedies.iter().take(most) {
            writeln!(out, "- do: {}", plain(r))?;
        }
        writeln!(out)?;
    }
    for o in &d.odd {
        writeln!(out, "- {}", plain(&oddity(o)))?;
    }
    for c in &d.checked {
        if words.all || d.findings.is_empty() || is_missing(&c.outcome) {
            writeln!(out, "- {}", plain(&check_words(c, words.need)))?;
        }
    }
    Ok(())
}
