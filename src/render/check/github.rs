//! Workflow commands of GitHub Actions: annotations at the lines of the rules. The job summary is `markdown`.

use super::TOOL;
use std::io::{self, Write};

use super::super::diagnosis::Words;
use super::super::terminal::sanitize;
use super::words::{self, details, summary, verdict};
use super::{Weight, marked, place, visible};
use crate::check::outcome::Report;

/// Annotations of one kind that GitHub shows for a step.
const MOST: usize = 10;

/// A message as a workflow command takes it.
fn data(text: &str) -> String {
    // Commands in the older form count anywhere in a line.
    let text = visible(text).replace("##[", "## [");
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Writes annotations; the verdict as a line of the log.
///
/// # Errors
/// When it cannot be written.
pub fn github(report: &Report, words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut write = |kind: &str, file: &str, line: u32, title: &str, text: &str| {
        writeln!(
            out,
            "::{kind} file={},line={line},title={}::{}",
            property(file),
            property(title),
            data(text)
        )
    };
    let mut counts = [0usize; 3];
    for rule in report.broken() {
        let (file, line) = place(report, rule);
        counts[0] += 1;
        if counts[0] < MOST {
            write(
                "error",
                &file,
                line,
                &format!("kubeprof {}", rule.id),
                &rule
                    .problem
                    .as_ref()
                    .map(|p| words::problem(p, words))
                    .unwrap_or_default(),
            )?;
        }
    }
    for (weight, rule, j) in marked(report) {
        let (kind, i) = match weight {
            Weight::Error => ("error", 0),
            Weight::Warning => ("warning", 1),
            Weight::Note | Weight::Nothing => ("notice", 2),
        };
        counts[i] += 1;
        // The last one that is shown says how many are not.
        if counts[i] >= MOST {
            continue;
        }
        let (file, line) = place(report, rule);
        let mut text = summary(j);
        for (name, more) in details(j, words) {
            text.push_str(&format!("\n{name}: {more}"));
        }
        write(kind, &file, line, &format!("kubeprof {}", rule.id), &text)?;
    }
    for (kind, n) in ["error", "warning", "notice"].into_iter().zip(counts) {
        if n >= MOST {
            let text = format!("{} more: the job summary has them", n - MOST + 1);
            write(kind, &super::slashed(&report.rules_file), 1, TOOL, &text)?;
        }
    }
    for l in words::lowered(report) {
        writeln!(out, "{TOOL}: {}", sanitize(&l))?;
    }
    // A line that begins with two colons would be a command.
    writeln!(out, "{TOOL}: {}", sanitize(&verdict(report)))
}
