//! Rules from healthy material: limits with margins made of what was seen and its error.
//!
//! A limit is twice the largest value that was seen plus three standard errors; where the number of pods is known, half of
//! it is allowed on a node without pods and the rest grows with them, as nothing tells which part of a number follows the
//! load.

use super::judge::sums_at;
use super::names::Names;
use super::outcome::{Captured, Part};
use super::rules::Measure;
use super::run::Capture;
use crate::diagnose::report::Verdict;

/// Standard errors that a limit leaves.
const ERRORS: f64 = 3.0;
/// What was seen and its errors, times this.
const MARGIN: f64 = 2.0;
/// Owners with less are not worth a rule: goroutines, bytes.
const LEAST: [(Measure, f64); 2] = [(Measure::Goroutines, 10.0), (Measure::Bytes, 1_048_576.0)];
/// Owners of a measure that get a rule.
const OWNERS: usize = 12;
/// Moments of one process from which on growth can be judged.
const SERIES: usize = 4;

/// A file of rules as data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposal {
    /// What it is made of.
    pub captures: Vec<Captured>,
    /// What `diagnose` says of captures that it does not call healthy: name, and whether it calls them sick.
    pub doubts: Vec<(String, bool)>,
    /// Limits.
    pub budgets: Vec<Proposed>,
    /// Some process has a series.
    pub has_series: bool,
    /// Some moment has metrics.
    pub has_metrics: bool,
    /// Share of frames with names, by kind of profile the least.
    pub symbols: Option<f64>,
    /// Build IDs.
    pub builds: Vec<String>,
}

/// A limit that is proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposed {
    /// Of what.
    pub measure: Measure,
    /// Of which part: the total or an owner.
    pub part: Part,
    /// The largest value that was seen.
    pub seen: f64,
    /// Its standard error, where it is sampled.
    pub error: Option<f64>,
    /// Pods at that moment.
    pub pods: Option<f64>,
    /// The limit, or where pods are known that of a node without pods.
    pub base: f64,
    /// What each pod may add.
    pub per_pod: Option<f64>,
}

/// Makes rules of captures.
pub fn propose(names: &Names, captures: &[Capture], described: Vec<Captured>) -> Proposal {
    let readings = || captures.iter().flat_map(|c| &c.runs).flat_map(|r| &r.readings);
    let doubts = captures.iter().filter_map(|c| {
        let verdict = c.diagnosis.as_ref()?.verdict;
        (verdict != Verdict::Healthy).then(|| (c.name.clone(), verdict == Verdict::Sick))
    });
    let covered = readings().flat_map(|r| {
        let heap = r.heap.as_ref().map(|h| h.covered);
        let cpu = r.cpu.as_ref().map(|c| c.covered);
        [heap, cpu, r.goroutines.as_ref().map(|_| r.goroutines_covered)]
    });
    let shares = covered
        .flatten()
        .filter(|c| c.locations > 0)
        .map(|c| c.named as f64 / c.locations as f64);
    let mut builds: Vec<String> = captures
        .iter()
        .flat_map(|c| &c.runs)
        .map(|r| r.process.build_id.clone())
        .collect();
    builds.retain(|b| !b.is_empty());
    builds.sort();
    builds.dedup();
    Proposal {
        captures: described,
        doubts: doubts.collect(),
        budgets: budgets(names, captures),
        has_series: captures
            .iter()
            .flat_map(|c| &c.runs)
            .any(|r| r.readings.len() >= SERIES),
        has_metrics: readings().any(|r| r.vitals.is_some()),
        symbols: shares.reduce(f64::min),
        builds,
    }
}

fn budgets(names: &Names, captures: &[Capture]) -> Vec<Proposed> {
    let mut all = Vec::new();
    for (measure, least) in LEAST {
        let mut largest: Vec<Proposed> = Vec::new();
        for r in captures.iter().flat_map(|c| &c.runs).flat_map(|r| &r.readings) {
            for (part, value, error) in sums_at(names, measure, r) {
                let one = proposed(measure, part, value, error, r.load.pods);
                match largest.iter_mut().find(|p| p.part == one.part) {
                    Some(p) if p.seen < one.seen => *p = one,
                    Some(_) => {}
                    None => largest.push(one),
                }
            }
        }
        largest.retain(|p| p.seen >= least && p.part.subsystem() != Some("none"));
        largest.sort_by(|a, b| b.seen.total_cmp(&a.seen).then_with(|| a.part.cmp(&b.part)));
        largest.truncate(OWNERS);
        all.extend(largest);
    }
    all
}

fn proposed(measure: Measure, part: Part, seen: f64, error: Option<f64>, pods: Option<f64>) -> Proposed {
    let limit = MARGIN * (seen + ERRORS * error.unwrap_or(0.0));
    let per_pod = pods.filter(|p| *p >= 1.0).map(|p| round(limit / p));
    Proposed {
        measure,
        part,
        seen,
        error,
        pods,
        base: round(limit),
        per_pod,
    }
}

/// Two digits, upwards.
fn round(v: f64) -> f64 {
    if v <= 0.0 {
        return 1.0;
    }
    let step = 10f64.powf(v.log10().floor() - 1.0);
    if step <= 1.0 && v >= 10.0 {
        return v.ceil();
    }
    ((v / step).ceil() * step * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn limits_are_round_and_never_below() {
        for (v, expected) in [
            (0.0, 1.0),
            (123_456.0, 130_000.0),
            (61.2, 62.0),
            (3.17, 3.2),
            (0.031, 0.031),
            (1e7, 1e7),
        ] {
            assert!((round(v) - expected).abs() < 1e-9 * expected, "{v}: {}", round(v));
        }
    }
}
