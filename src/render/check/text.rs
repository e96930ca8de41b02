//! For people: the verdict, what is not fine with its evidence and command, one line for what is.

use std::io::{self, Write};

use super::super::diagnosis::Words;
use super::super::terminal::{Terminal, sanitize};
use super::words::{self, captured, details, mark, summary, value, verdict};
use super::{Weight, weight};
use crate::check::outcome::{Attribution, Report, RuleReport};
use crate::check::rules::Level;
use crate::render::document::Setting;

/// Subjects of a rule that are shown in full.
const SHOWN: usize = 8;
/// Parts of a change that are listed.
const PARTS: usize = 5;

/// Writes the answer for people.
///
/// # Errors
/// When it cannot be written.
pub fn text(report: &Report, words: &Words<'_>, _terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |text: &str| writeln!(out, "{}", sanitize(text));
    line(&verdict(report))?;
    for c in &report.candidate {
        line(&captured(c))?;
    }
    for (word, all) in [("baseline", &report.baseline), ("confirm", &report.confirm)] {
        for c in all {
            line(&format!("{word} {}", captured(c)))?;
        }
    }
    for rule in &report.rules {
        for l in rule_lines(report, rule, words) {
            line(&l)?;
        }
    }
    let passed: Vec<&str> = (report.rules.iter())
        .filter(|r| r.level != Level::Off && r.problem.is_none() && !r.is_idle() && shown(report, r, words).is_empty())
        .map(|r| r.id.as_str())
        .collect();
    if !passed.is_empty() {
        line("")?;
        line(&format!("passed: {}", passed.join(", ")))?;
    }
    // With all subjects each rule says so itself.
    for l in words::lowered(report).iter().filter(|_| !words.all) {
        line(l)?;
    }
    let idle: Vec<&str> = report
        .rules
        .iter()
        .filter(|r| r.is_idle())
        .map(|r| r.id.as_str())
        .collect();
    if !idle.is_empty() {
        line(&format!("not judged, not in the sources: {}", idle.join(", ")))?;
    }
    if !report.floors.is_empty() {
        line("")?;
        line("noise floor of this material:")?;
        for f in &report.floors {
            line(&format!("  {}", words::floor(f)))?;
        }
    }
    for (at, what) in &report.unused_ignores {
        line(&format!(
            "note: {}:{at}: ignore `{what}` matches nothing",
            report.rules_file
        ))?;
    }
    Ok(())
}

/// Numbers of the subjects that are shown.
fn shown(report: &Report, rule: &RuleReport, words: &Words<'_>) -> Vec<usize> {
    let is = |s| words.all || weight(report, rule, s) > Weight::Nothing || !s.counts();
    (0..rule.subjects.len()).filter(|&i| is(&rule.subjects[i])).collect()
}

fn rule_lines(report: &Report, rule: &RuleReport, words: &Words<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if rule.level == Level::Off {
        return lines;
    }
    let place = match rule.line {
        0 => String::new(),
        n => format!(" ({}:{n})", report.rules_file),
    };
    if let Some(p) = &rule.problem {
        return vec![
            String::new(),
            format!("error   {}{place}: {}", rule.id, words::problem(p, words)),
        ];
    }
    let shown = shown(report, rule, words);
    if shown.is_empty() {
        return lines;
    }
    lines.push(String::new());
    let description = if rule.description.is_empty() {
        String::new()
    } else {
        format!(": {}", rule.description)
    };
    lines.push(format!("rule {}{place}{description}", rule.id));
    for d in &rule.lowered {
        lines.push(format!("        only a warning: {}", words::difference(d)));
    }
    let most = if words.all { usize::MAX } else { SHOWN };
    for &i in shown.iter().take(most) {
        let j = &rule.subjects[i];
        lines.push(format!("{:<7} {}", mark(report, rule, j), summary(j)));
        let is_fine = weight(report, rule, j) == Weight::Nothing;
        if let Some(reason) = &j.ignored {
            lines.push(format!("        ignored: {reason}"));
        }
        for (name, text) in details(j, words).into_iter().filter(|_| !is_fine || words.all) {
            lines.push(format!("        {name:<6} {text}"));
        }
    }
    if shown.len() > most {
        lines.push(format!(
            "        {} more subjects{}",
            shown.len() - most,
            (words.setting)(Setting::Subjects)
        ));
    }
    if let Some(a) = rule
        .attribution
        .as_ref()
        .filter(|_| rule.outcome != crate::check::outcome::Outcome::Pass)
    {
        lines.extend(attribution(a));
    }
    for (key, why) in rule.skipped.iter().filter(|_| words.all) {
        lines.push(format!("        not judged: {key}: {}", words::skipped(why, words)));
    }
    lines
}

fn attribution(a: &Attribution) -> Vec<String> {
    let signed = |v: f64| format!("{}{}", if v >= 0.0 { "+" } else { "-" }, value(v.abs(), a.unit));
    let error = |e: Option<f64>| match e.filter(|e| *e > 0.0) {
        Some(e) => format!(" ± {}", value(e, a.unit)),
        None => String::new(),
    };
    let mut lines = vec![format!(
        "        change of the total {} -> {} ({}{}) by part:",
        value(a.old, a.unit),
        value(a.new, a.unit),
        signed(a.new - a.old),
        error(a.error)
    )];
    let changed = a.parts.iter().filter(|p| p.new != p.old);
    for p in changed.clone().take(PARTS) {
        lines.push(format!(
            "          {}{} {}",
            signed(p.new - p.old),
            error(p.error),
            words::title(&p.part)
        ));
    }
    let rest: f64 = changed.skip(PARTS).map(|p| p.new - p.old).sum();
    if rest != 0.0 {
        lines.push(format!("          {} the rest", signed(rest)));
    }
    lines
}
