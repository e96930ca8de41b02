//! One file for the textfile collector of node_exporter: the verdict, values with limits and errors, sums by subsystem.

use std::io::{self, Write};

use super::super::diagnosis::Words;
use crate::check::outcome::{Outcome, Report};
use crate::check::rules::Level;

/// A value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A number as the text format has it.
fn number(v: f64) -> String {
    match v {
        v if v.is_nan() => "NaN".to_owned(),
        v if v.is_infinite() => if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        v => format!("{v}"),
    }
}

/// One metric with its series.
struct Metric {
    name: &'static str,
    help: &'static str,
    lines: Vec<(String, f64)>,
}

impl Metric {
    fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            lines: Vec::new(),
        }
    }
}

/// Writes the answer as metrics.
///
/// # Errors
/// When it cannot be written.
pub fn prometheus(report: &Report, _words: &Words<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut verdict = Metric::new(
        "kubeprof_check_outcome",
        "1 for the outcome of the last check, 0 for the others.",
    );
    let broken = report.broken().next().is_some();
    for o in [Outcome::Pass, Outcome::Inconclusive, Outcome::Fail] {
        let is = !broken && report.outcome == o;
        verdict
            .lines
            .push((format!("outcome=\"{}\"", o.as_str()), f64::from(u8::from(is))));
    }
    verdict
        .lines
        .push(("outcome=\"error\"".to_owned(), f64::from(u8::from(broken))));
    let mut taken = Metric::new(
        "kubeprof_check_captured_timestamp_seconds",
        "When the last moment that was judged was taken.",
    );
    let last = report
        .candidate
        .iter()
        .flat_map(|c| &c.runs)
        .filter_map(|r| r.last)
        .max();
    taken.lines.extend(last.map(|t| (String::new(), t.as_second() as f64)));
    let mut rules = Metric::new("kubeprof_check_rule", "1 for the outcome of every rule.");
    let mut values = Metric::new("kubeprof_check_value", "Value of every subject of a rule.");
    let mut limits = Metric::new("kubeprof_check_limit", "What it is held against.");
    let mut errors = Metric::new(
        "kubeprof_check_error",
        "Its standard error; missing where it is not known or zero.",
    );
    for r in report.rules.iter().filter(|r| r.level != Level::Off) {
        rules.lines.push((
            format!(
                "rule=\"{}\",level=\"{}\",outcome=\"{}\"",
                label(&r.id),
                r.level.as_str(),
                r.word()
            ),
            1.0,
        ));
        for j in &r.subjects {
            let labels = format!(
                "rule=\"{}\",subject=\"{}\",unit=\"{}\"",
                label(&r.id),
                label(&j.part.key()),
                j.unit.as_str()
            );
            values.lines.extend(j.value.map(|v| (labels.clone(), v)));
            limits.lines.extend(j.limit.map(|l| (labels.clone(), l.value)));
            errors.lines.extend(j.error.map(|e| (labels, e)));
        }
    }
    let mut sums = Metric::new(
        "kubeprof_subsystem",
        "Sum of every subsystem at the last moment that was judged.",
    );
    let mut sum_errors = Metric::new("kubeprof_subsystem_error", "Its standard error.");
    for s in &report.sums {
        let labels = format!(
            "measure=\"{}\",subsystem=\"{}\"",
            s.measure.as_str(),
            label(s.part.subsystem().unwrap_or_default())
        );
        sums.lines.push((labels.clone(), s.value));
        sum_errors.lines.extend(s.error.map(|e| (labels, e)));
    }
    for m in [verdict, taken, rules, values, limits, errors, sums, sum_errors] {
        if m.lines.is_empty() {
            continue;
        }
        writeln!(out, "# HELP {} {}\n# TYPE {} gauge", m.name, m.help, m.name)?;
        for (labels, value) in m.lines {
            let labels = if labels.is_empty() {
                String::new()
            } else {
                format!("{{{labels}}}")
            };
            writeln!(out, "{}{labels} {}", m.name, number(value))?;
        }
    }
    Ok(())
}
