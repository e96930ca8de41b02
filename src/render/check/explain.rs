//! How a rule is judged, in words.

use std::io::{self, Write};

use crate::check::rules::{Assemble, Check, Level, Measure, Rule, Scope, Settings};

/// Writes how one rule is judged.
///
/// # Errors
/// When it cannot be written.
pub fn explain(rule: &Rule, settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} ({})", rule.id, rule.check.kind())?;
    if !rule.description.is_empty() {
        writeln!(out, "{}", rule.description)?;
    }
    writeln!(out)?;
    for line in what(&rule.check) {
        writeln!(out, "{line}")?;
    }
    let assemble = rule.assemble.unwrap_or(settings.assemble);
    writeln!(out, "\n{}", assembled(assemble))?;
    writeln!(
        out,
        "At most the later half of the moments of one process counts, as it may still have been starting before."
    )?;
    if uses_chance(&rule.check) {
        writeln!(
            out,
            "Chance: the whole check may fail a healthy kubelet with probability {} (alpha), shared out among all rules that\n\
             rest on chance; all subjects of the rule are corrected together (Benjamini-Hochberg).",
            settings.alpha
        )?;
    }
    writeln!(
        out,
        "Not decided (error unknown or larger than the violation, data missing): inconclusive, which is `{}` here.",
        settings.inconclusive.as_str()
    )?;
    writeln!(
        out,
        "{}",
        match rule.level {
            Level::Off => "Level off: the rule is not judged.",
            Level::Warn => "Level warn: a violation is shown and the check passes.",
            Level::Error => "Level error: a violation fails the check (exit 1).",
        }
    )?;
    if rule.allow_empty {
        writeln!(out, "allow_empty: sources without any of it are fine.")
    } else {
        writeln!(
            out,
            "Sources without any of it are an error (exit 2); allow_empty = true allows them."
        )
    }
}

fn assembled(a: Assemble) -> &'static str {
    match a {
        Assemble::Optimistic => {
            "Of several captures the best counts (optimistic): it fails when all fail. Of the moments of one process the\n\
             better one of the last two: a burst does not fail, growth that stays does."
        }
        Assemble::Median => "Several captures, and moments of one: the one in the middle counts (median).",
        Assemble::Pessimistic => "Several captures, and moments of one: the worst counts (pessimistic).",
    }
}

fn uses_chance(check: &Check) -> bool {
    match check {
        Check::Budget(b) => is_sampled(b.measure),
        Check::NoRegression(r) => r.measure != Measure::Findings,
        _ => false,
    }
}

fn is_sampled(m: Measure) -> bool {
    matches!(
        m,
        Measure::Objects | Measure::Bytes | Measure::CpuShare | Measure::CpuCores
    )
}

fn scope(scope: &Scope) -> &'static str {
    match scope {
        Scope::Total => "the total",
        Scope::Owner(_) => "each owner: a stack counts for the part of the kubelet that answers for it, once",
        Scope::Subsystem(_) => "each subsystem: a stack counts for every subsystem that has a frame in it",
        Scope::Package(_) => "each package or pattern: a stack counts for every one that has a frame in it",
        Scope::Function(_) => "each function or expression: a stack counts for every one that has a frame in it",
        Scope::Wait => "each pair of owner and what its goroutines wait for",
    }
}

fn what(check: &Check) -> Vec<String> {
    match check {
        Check::Budget(b) => {
            let mut lines = vec![format!("Measures {} of {}.", b.measure.as_str(), scope(&b.scope))];
            if let Some(per) = b.per {
                lines.push(format!("The limit is base + max for each {} that runs at that moment.", per.as_str()));
            }
            lines.push(match is_sampled(b.measure) {
                true => "The number is an estimate of k sampled ones: it fails when so many would rarely be sampled if the\n\
                         true value were at the limit (Poisson tail of k)."
                    .to_owned(),
                false => "The number is counted, not sampled: it has no error, and fails beyond its limit.".to_owned(),
            });
            lines
        }
        Check::Diagnose(f) => vec![format!(
            "Diagnoses the sources: a finding fails that is surer than {}. A weaker finding, or a verdict of\n\
             `unknown`, is inconclusive.",
            f.at_most.map_or("none", |c| c.as_str())
        )],
        Check::NoGrowth(g) => vec![format!(
            "Diagnoses what grows over the snapshots of a process and is not given back, at `likely` or\n\
             above, by more than {} an hour. Fewer than 4 snapshots are inconclusive.",
            g.max_per_hour
        )],
        Check::Guide(g) => vec![
            format!("goroutines: at most {} + {} for each pod.", g.goroutines, g.goroutines_per_pod),
            format!(
                "rss: at most {} % of {}.",
                100.0 * g.rss_share,
                g.rss_limit.map_or("the node's memory".to_owned(), |l| format!("{l} bytes"))
            ),
            format!("pleg-relist: 99th percentile between two scrapes at most {} s.", g.pleg_seconds),
            "pleg-seen: at most 180 s since the PLEG was last active.".to_owned(),
            match g.cpu_cores {
                Some(c) => format!("cpu: at most {c} cores between two scrapes."),
                None => "cpu: at most 0.5 cores + 0.01 for each pod, and never less than 1, between two scrapes.".to_owned(),
            },
        ],
        Check::Coverage(_) => vec!["Share of frames with names, and of values with an owner; sampled shares have an error.".to_owned()],
        Check::Frames(f) => vec![format!(
            "Looks for functions and states in the {} profile; at most {} may have what is forbidden.",
            f.profile.as_str(),
            f.max
        )],
        Check::Builds(_) => vec!["The build ID must begin with one of those that are allowed; an unknown one is inconclusive.".to_owned()],
        Check::NoRegression(r) if r.measure == Measure::Findings => vec![
            "Fails with a finding of the diagnosis, at `likely` or above, whose fingerprint the baseline has not.".to_owned(),
            LOWERED.to_owned(),
        ],
        Check::NoRegression(r) => vec![
            format!("Compares {} with the baseline by {}.", r.measure.as_str(), scope(&r.scope)),
            format!(
                "Growth counts from {} % and {} on.",
                100.0 * r.min_change,
                r.min_units
            ),
            "One run against one: the probability of the counts on both sides if nothing changed, given both together;\n\
             an optimistic rule takes the candidate at the better one of its last two moments, and the baseline at its worst.\n\
             From 3 runs against 3: the sums of all runs, with errors as wide as runs of one side differ, and the difference\n\
             must be among the largest 5 % of all ways to divide the runs (permutation)."
                .to_owned(),
            "More pods than in the baseline explain growth in proportion. Growth of one part while as much left another\n\
             and the sum stayed level is called moved, and passes."
                .to_owned(),
            LOWERED.to_owned(),
        ],
    }
}

const LOWERED: &str =
    "A baseline of another machine, Go or Kubernetes minor release, or load lowers the rule to `warn`.";
