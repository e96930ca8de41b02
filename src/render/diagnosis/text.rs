//! One screen for people.

use std::io::{self, Write};

use super::Words;
use super::figures::{bytes, capital, number, rounded, time};
use super::reasons::{check_words, oddity, reason, weighed};
use super::words::{evidence_words, grown, since_words, summary};
use crate::diagnose::report::{Applies, Claim, Diagnosis, Estimate, Examined, Finding, KnownIssue, Outcome, Verdict};
use crate::model::units::counted;
use crate::render::document::Setting;
use crate::render::terminal::{Terminal, columns_of, sanitize};

/// Width of the page where there is no terminal.
const WIDTH: usize = 100;
/// Findings that are shown in full.
const FULL: usize = 3;

/// Writes a diagnosis for people.
///
/// # Errors
/// When it cannot be written.
pub fn text(d: &Diagnosis, words: &Words<'_>, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
    let width = terminal.width.unwrap_or(WIDTH).clamp(40, 120);
    let mut page = Page { out, width };
    page.line(&verdict(d))?;
    page.wrapped("", &examined(&d.examined))?;
    for o in &d.odd {
        page.wrapped("note: ", &oddity(o))?;
    }
    for f in &d.findings {
        page.line("")?;
        finding(f, words, f.rank <= FULL || words.all, &mut page)?;
    }
    if d.findings.is_empty() || words.all {
        page.line("")?;
        page.line("checked:")?;
        for c in &d.checked {
            page.listed(&check_words(c, words.need))?;
        }
    } else if d.verdict == Verdict::Unknown {
        page.line("")?;
    }
    if words.all {
        page.line("")?;
        page.line("weighed and dropped:")?;
        for w in &d.weighed {
            page.listed(&weighed(w))?;
        }
        if d.weighed.is_empty() {
            page.line("  nothing")?;
        }
    } else if !d.weighed.is_empty() {
        page.line("")?;
        page.wrapped(
            "",
            &format!(
                "{} weighed and dropped{}",
                counted(d.weighed.len(), "more thing was", "more things were"),
                (words.setting)(Setting::Dropped(d.weighed.len()))
            ),
        )?;
    }
    for n in &d.missing {
        page.wrapped("surer with ", &(words.need)(*n))?;
    }
    Ok(())
}

pub(super) fn verdict(d: &Diagnosis) -> String {
    match (d.verdict, d.findings.first()) {
        (Verdict::Sick, Some(f)) => format!("SICK: {} ({})", f.kind.as_str(), f.confidence.as_str()),
        (Verdict::Healthy, _) => "Nothing abnormal in what was checked".to_owned(),
        (_, Some(_)) => "Not sure: there are signs, and they are too weak to tell".to_owned(),
        _ => "Cannot tell: too little to judge by".to_owned(),
    }
}

fn examined(e: &Examined) -> String {
    let mut parts = Vec::new();
    let mut push = |text: String| {
        if !text.is_empty() {
            parts.push(text);
        }
    };
    push([e.program.as_str(), e.kubernetes.as_str()].join(" ").trim().to_owned());
    if !e.node.is_empty() {
        push(format!("node {}", e.node));
    }
    push(e.go.clone());
    push(e.runtime.clone());
    match (e.first, e.last) {
        (Some(a), Some(b)) if a != b => push(format!("{} moments, {} to {}", e.moments, time(a), time(b))),
        (_, Some(b)) => push(time(b)),
        _ if e.moments > 1 => push(format!("{} moments", e.moments)),
        _ => {}
    }
    if let Some(n) = e.goroutines {
        push(format!("{} goroutines", number(n as f64)));
    }
    if let Some(n) = e.load.pods {
        push(format!("{} pods", number(n)));
    }
    parts.join(" · ")
}

fn finding(f: &Finding, words: &Words<'_>, full: bool, page: &mut Page<'_>) -> io::Result<()> {
    page.line(&format!(
        "{}. {} · {} · {}",
        f.rank,
        super::words::title(&f.subsystem),
        f.kind.as_str(),
        f.confidence.as_str()
    ))?;
    page.wrapped("   ", &format!("{}.", summary(f)))?;
    if !full {
        return Ok(());
    }
    if let Some(since) = &f.since {
        page.item("since", &since_words(since))?;
    }
    if let Some(growth) = growth_words(f) {
        page.item("growth", &growth)?;
    }
    for issue in &f.known_issues {
        page.item("known", &issue_words(issue))?;
    }
    let most = if words.all { usize::MAX } else { 4 };
    for r in f.reasons.iter().take(most) {
        page.item(if r.supports { "why" } else { "but" }, &reason(r))?;
    }
    let most = if words.all { usize::MAX } else { 3 };
    for e in f.evidence.iter().take(most) {
        page.item("seen", &evidence_words(e))?;
    }
    if let Some(show) = f.evidence.iter().find_map(|e| e.show.as_ref()) {
        page.item("show", &(words.command)(show))?;
    }
    for remedy in f.remedies.iter().take(if words.all { usize::MAX } else { 2 }) {
        page.item("do", remedy)?;
    }
    for need in &f.next {
        page.item("next", &(words.need)(*need))?;
    }
    if words.all {
        page.item("id", &f.fingerprint())?;
    }
    Ok(())
}

/// Growth in words, where it has a pace. Estimates have two digits, no more.
pub(in crate::render) fn growth_words(f: &Finding) -> Option<String> {
    let g = f.growth.as_ref()?;
    let two = |v: f64| number(rounded(v, 2));
    let unit = match &f.claim {
        Claim::Growth { what, .. } => grown(*what),
        _ => "objects",
    };
    let range = |e: &Estimate, unit: &str, word: &dyn Fn(f64) -> String| {
        let high = if e.high.is_finite() {
            format!("to {}", word(e.high))
        } else {
            "or more".to_owned()
        };
        format!("{}{unit} per hour (95 %: {} {high})", word(e.value), word(e.low))
    };
    let mut parts = Vec::new();
    if unit != "bytes" {
        parts.push(range(&g.per_hour, &format!(" {unit}"), &two));
    }
    parts.extend(g.bytes_per_hour.as_ref().map(|b| range(b, "", &bytes)));
    if let (Some(h), Some(limit)) = (&g.hours_to_limit, g.limit) {
        parts.push(format!(
            "{} hours to {} ({} or more)",
            two(h.value),
            bytes(limit),
            two(h.low)
        ));
    }
    Some(parts.join("; "))
}

/// A known issue in words.
pub(in crate::render) fn issue_words(i: &KnownIssue) -> String {
    let mut text = format!("{}: {}", i.id, i.title);
    match i.applies {
        Applies::Yes => text.push_str("; this version has it"),
        Applies::No => text.push_str("; looks like it, but this version is not in its range"),
        Applies::Unknown if matches!(i.component.as_str(), "containerd" | "cri-o") => {
            text.push_str(&format!("; may be the cause, a dump of {} would show it", i.component));
        }
        Applies::Unknown => text.push_str("; whether this version has it is unknown"),
    }
    match (&i.upgrade_to, i.fixed_in.as_slice()) {
        (Some(to), _) => text.push_str(&format!("; fixed in {to}")),
        (None, []) => {}
        (None, fixed) => text.push_str(&format!("; fixed in {}", fixed.join(", "))),
    }
    text
}

struct Page<'a> {
    out: &'a mut dyn Write,
    width: usize,
}

impl Page<'_> {
    fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", sanitize(text))
    }

    fn item(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.block(&format!("   {name:<7}"), "          ", text)
    }

    /// A line of a list; what does not fit is indented below it.
    fn listed(&mut self, text: &str) -> io::Result<()> {
        self.block("  ", "      ", text)
    }

    fn wrapped(&mut self, first: &str, text: &str) -> io::Result<()> {
        let indent = " ".repeat(first.len().min(3));
        self.block(first, &indent, text)
    }

    /// Words that do not fit go below, indented.
    fn block(&mut self, first: &str, indent: &str, text: &str) -> io::Result<()> {
        let text = sanitize(text);
        let mut line = first.to_owned();
        let mut has_word = false;
        for word in text.split(' ') {
            let long = columns_of(&line) + columns_of(word) + usize::from(has_word) > self.width;
            if has_word && long {
                writeln!(self.out, "{line}")?;
                indent.clone_into(&mut line);
                has_word = false;
            }
            if has_word {
                line.push(' ');
            }
            line.push_str(word);
            has_word = true;
        }
        writeln!(self.out, "{line}")
    }
}

/// The first line of other formats.
pub(in crate::render) fn headline(d: &Diagnosis) -> String {
    capital(&verdict(d))
}

/// Whether a check could not be made.
pub(super) fn is_missing(o: &Outcome) -> bool {
    matches!(o, Outcome::NotPossible(_))
}
