//! JUnit XML as Jenkins and GitLab read it: one case for every rule and subject, inconclusive ones skipped.

use super::TOOL;
use std::io::{self, Write};

use super::super::diagnosis::Words;
use super::words::{self, details, summary};
use super::{Weight, visible, weight};
use crate::check::outcome::{Judged, Outcome, Report, RuleReport};
use crate::check::rules::Level;

/// A text as XML 1.0 may hold it: two characters that it forbids become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Writes the answer as JUnit XML.
///
/// # Errors
/// When it cannot be written.
pub fn junit(report: &Report, words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut cases = Vec::new();
    let mut counts = [0usize; 3];
    for rule in report.rules.iter().filter(|r| r.level != Level::Off) {
        if let Some(p) = &rule.problem {
            counts[2] += 1;
            let message = words::problem(p, words);
            cases.push(case(
                rule,
                "rule",
                &format!("<error message=\"{}\"/>", escape(&message)),
                "",
            ));
            continue;
        }
        for j in &rule.subjects {
            let (kind, body) = body(report, rule, j, words);
            if let Some(kind) = kind {
                counts[kind] += 1;
            }
            let command = j.show.as_ref().map(|s| (words.command)(s)).unwrap_or_default();
            cases.push(case(rule, &j.part.key(), &body, &command));
        }
        if rule.is_idle() {
            counts[1] += 1;
            cases.push(case(
                rule,
                "rule",
                "<skipped message=\"nothing to judge in the sources\"/>",
                "",
            ));
        }
    }
    let names: Vec<&str> = report.candidate.iter().map(|c| c.name.as_str()).collect();
    let name = escape(&format!("{TOOL} {}", names.join(" ")));
    let [failures, skipped, errors] = counts;
    let tests = cases.len();
    let time = report
        .candidate
        .iter()
        .flat_map(|c| &c.runs)
        .filter_map(|r| r.last)
        .max();
    let time = time.map_or_else(String::new, |t| {
        format!(" timestamp=\"{}\"", t.strftime("%Y-%m-%dT%H:%M:%S"))
    });
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"{TOOL}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">"
    )?;
    writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"{time}>"
    )?;
    for c in cases {
        out.write_all(c.as_bytes())?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn case(rule: &RuleReport, name: &str, body: &str, command: &str) -> String {
    let head = format!(
        "    <testcase classname=\"kubeprof.{}\" name=\"{}\"",
        escape(&rule.id),
        escape(name)
    );
    let out = match command {
        "" => String::new(),
        c => format!("<system-out>{}</system-out>", escape(c)),
    };
    match (body, out.as_str()) {
        ("", "") => format!("{head}/>\n"),
        _ => format!("{head}>{body}{out}</testcase>\n"),
    }
}

/// What a case says, and whether it is a failure (0) or skipped (1).
fn body(report: &Report, rule: &RuleReport, j: &Judged, words: &Words<'_>) -> (Option<usize>, String) {
    let skip = |message: &str| (Some(1), format!("<skipped message=\"{}\"/>", escape(message)));
    if let Some(reason) = &j.ignored {
        return skip(&format!("ignored: {reason}"));
    }
    match (j.outcome, weight(report, rule, j)) {
        (Outcome::Pass, _) => (None, String::new()),
        (_, Weight::Error) => {
            let text: Vec<String> = details(j, words)
                .into_iter()
                .map(|(n, t)| format!("{n}: {t}"))
                .collect();
            let (message, text) = (escape(&summary(j)), escape(&text.join("\n")));
            (
                Some(0),
                format!(
                    "<failure message=\"{message}\" type=\"{}\">{text}</failure>",
                    escape(rule.kind)
                ),
            )
        }
        (Outcome::Inconclusive, _) => skip(&format!("inconclusive: {}: {}", summary(j), words::why(j, words))),
        (Outcome::Fail, _) => skip(&format!("warning: {}: {}", summary(j), words::why(j, words))),
    }
}
