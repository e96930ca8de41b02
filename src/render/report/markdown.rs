//! A report as a message for an incident channel: at most forty lines, the verdict first.

use std::io::{self, Write};

use super::{Words, event_words, facts, sentence};
use crate::diagnose::report::{Diagnosis, Finding};
use crate::render::diagnosis;
use crate::report::{Report, State};

/// At most this many lines.
const MOST_LINES: usize = 40;

/// Writes the message.
///
/// # Errors
/// What `out` reports.
pub fn markdown(report: &Report, words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    let d = &report.diagnosis;
    let mut lines = vec![
        format!(
            "### {}: {}",
            diagnosis::capital(d.verdict.as_str()),
            diagnosis::plain(&sentence(d))
        ),
        String::new(),
    ];
    let facts: Vec<String> = facts(d)
        .into_iter()
        .map(|(k, v)| format!("{k} {}", diagnosis::plain(&v)))
        .collect();
    lines.push(facts.join(" · "));
    lines.push(String::new());
    let end = ending(report, words);
    let room = MOST_LINES - end.len();
    // Every finding has its sentence before any has its details.
    let shown = d.findings.iter().take(5);
    let mut details: Vec<Vec<String>> = shown.map(|f| finding(f, words)).collect();
    while lines.len() + details.iter().map(Vec::len).sum::<usize>() > room {
        let longest = details.iter_mut().max_by_key(|lines| lines.len());
        match longest {
            Some(longest) if longest.len() > 1 => drop(longest.pop()),
            _ => break,
        }
    }
    lines.extend(details.into_iter().flatten());
    if d.findings.len() > 5 {
        lines.push(format!("- {} more findings in the page", d.findings.len() - 5));
    }
    if d.findings.is_empty() {
        let checks = d
            .checked
            .iter()
            .map(|c| diagnosis::check_words(c, words.diagnosis.need));
        lines.extend(
            checks
                .map(|c| format!("- {}", diagnosis::plain(&c)))
                .take(room.saturating_sub(lines.len())),
        );
    }
    lines.extend(end);
    lines.truncate(MOST_LINES);
    for line in lines {
        let line = words.hide.map_or_else(|| line.clone(), |hide| hide(&line));
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn finding(f: &Finding, words: &Words<'_>) -> Vec<String> {
    let plain = diagnosis::plain;
    let mut lines = vec![format!(
        "**{}. {}** ({}, {}): {}. `{}`",
        f.rank,
        plain(&f.subsystem.title),
        f.kind.as_str(),
        f.confidence.as_str(),
        plain(&diagnosis::summary(f)),
        f.fingerprint().replace('`', "'")
    )];
    if let Some(show) = f.evidence.iter().find_map(|e| e.show.as_ref()) {
        lines.push(format!("- `{}`", (words.diagnosis.command)(show).replace('`', "'")));
    }
    lines.extend(f.remedies.iter().take(2).map(|r| format!("- do: {}", plain(r))));
    for i in &f.known_issues {
        let text = diagnosis::issue_words(i);
        lines.push(format!("- known: {}", plain(&text)));
    }
    if let Some(s) = &f.since {
        lines.push(format!("- since {}", plain(&diagnosis::since_words(s))));
    }
    if let Some(growth) = diagnosis::growth_words(f) {
        lines.push(format!("- growth {}", plain(&growth)));
    }
    lines.extend(
        f.evidence
            .iter()
            .take(2)
            .map(|e| format!("- {}", plain(&diagnosis::evidence_words(e)))),
    );
    lines.push(String::new());
    lines
}

/// What is below the findings.
fn ending(report: &Report, words: &Words<'_>) -> Vec<String> {
    let d = &report.diagnosis;
    let mut lines = vec![String::new()];
    let numbers: Vec<String> = report
        .history
        .iter()
        .filter(|h| h.source.is_empty())
        .filter_map(change)
        .take(6)
        .collect();
    if !numbers.is_empty() {
        lines.push(format!("Numbers: {}", numbers.join(" · ")));
    }
    let events: Vec<String> = (report.events.iter())
        .map(|e| format!("{} {}", diagnosis::time(e.at), diagnosis::plain(&event_words(e, d))))
        .take(4)
        .collect();
    if !events.is_empty() {
        lines.push(format!("Events: {}", events.join(" · ")));
    }
    let lacks: Vec<String> = (report.asked.iter())
        .filter(|a| a.state != State::Taken)
        .map(|a| format!("{} {}", diagnosis::plain(&a.artifact), a.state.as_str()))
        .take(6)
        .collect();
    if !lacks.is_empty() {
        lines.push(format!("Not captured: {}", lacks.join(", ")));
    }
    lines.extend(odd(d));
    lines.push(format!("`{}`", words.verdict.replace('`', "'")));
    lines
}

fn odd(d: &Diagnosis) -> Vec<String> {
    let odd: Vec<String> = d
        .odd
        .iter()
        .take(3)
        .map(|o| diagnosis::plain(&diagnosis::oddity(o)))
        .collect();
    if odd.is_empty() {
        Vec::new()
    } else {
        vec![format!("Note: {}", odd.join("; "))]
    }
}

/// First and last value of a number.
fn change(h: &crate::report::History) -> Option<String> {
    let known: Vec<f64> = h.points.iter().filter_map(|(_, v)| *v).collect();
    let (first, last) = (known.first()?, known.last()?);
    let word = |v: &f64| crate::render::layout::number_over_time(h.unit, *v);
    let (first, last) = (word(first), word(last));
    Some(match first == last {
        true => format!("{} {last}", h.title),
        false => format!("{} {first} → {last}", h.title),
    })
}
