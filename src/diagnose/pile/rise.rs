//! How likely a rise of goroutines is by chance, with the load taken out.
//!
//! Two tests, each blind to what the other sees. The trend test (Mann-Kendall) asks for the order of the counts only, so
//! it holds however widely they swing, but not where goroutines live long and one count resembles the next. The
//! comparison of the last count with the first holds however long they live (the difference of two counts of one number at
//! rest varies by no more than two independent Poisson counts do), but not where they swing more than that, for which the
//! counts are divided by how much they are seen to swing. Both are corrected for the number of units that move at all.

use rustc_hash::FxHashMap;

use super::{Counts, LEAST, LEVEL, Unit};
use crate::diagnose::observe::{Observed, Seen};
use crate::diagnose::stats::fdr::{Test, benjamini_hochberg};
use crate::diagnose::stats::slope::theil_sen;
use crate::diagnose::stats::trend::mann_kendall;
use crate::diagnose::stats::weighted::{Stratum, compare};
use crate::kubelet::SubsystemId;

/// How likely a rise is by chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    /// Of the order of the counts.
    pub(super) trend: f64,
    /// Of the last count beside the first.
    pub(super) rise: f64,
}

impl Chance {
    /// Nothing rises.
    pub(super) const NONE: Self = Self { trend: 1.0, rise: 1.0 };
}

/// For each unit that moves at all.
pub(super) fn chances(seen: &Observed, with: &[&Seen], units: &FxHashMap<Unit, Counts>) -> FxHashMap<Unit, Chance> {
    let moves = |c: &Counts| {
        let (low, high) = c.values.iter().fold((u64::MAX, 0), |(l, h), &v| (l.min(v), h.max(v)));
        c.values.len() >= 3 && high - low >= LEAST
    };
    let moving: Vec<(&Unit, &Counts)> = units.iter().filter(|(_, c)| moves(c)).collect();
    let free = |p: f64| Test { p, smallest: 0.0 };
    let trends: Vec<Test> = (moving.iter())
        .map(|(_, c)| free(mann_kendall(&c.values.iter().map(|&v| v as f64).collect::<Vec<_>>())))
        .collect();
    let rises: Vec<Test> = (moving.iter())
        .map(|(unit, c)| free(rise(c, exposure(seen, with, unit.0))))
        .collect();
    let trends = benjamini_hochberg(&trends, LEVEL);
    let rises = benjamini_hochberg(&rises, LEVEL);
    (moving.into_iter().zip(trends.into_iter().zip(rises)))
        .map(|((unit, _), (trend, rise))| (*unit, Chance { trend, rise }))
        .collect()
}

/// The chance of a last count so much larger than the first.
fn rise(counts: &Counts, exposure: f64) -> f64 {
    let ends = Stratum {
        weight: 1.0,
        old: counts.first() as f64,
        new: counts.last() as f64,
    };
    compare(&[ends], exposure, swing(counts)).p
}

/// How much more than Poisson counts they swing around a line through them.
fn swing(counts: &Counts) -> f64 {
    let n = counts.values.len();
    let points: Vec<(f64, f64)> = (counts.values.iter().enumerate())
        .map(|(i, &v)| (i as f64, v as f64))
        .collect();
    let Some((slope, _, _)) = theil_sen(&points).filter(|_| n >= 4) else {
        return 1.0;
    };
    let mean = points.iter().map(|p| p.1).sum::<f64>() / n as f64;
    let centre = (n - 1) as f64 / 2.0;
    let squares: f64 = points
        .iter()
        .map(|p| (p.1 - mean - slope * (p.0 - centre)).powi(2))
        .sum();
    squares / (n - 2) as f64 / mean.max(1.0)
}

/// How many times as many goroutines the load alone explains at the end.
fn exposure(seen: &Observed, with: &[&Seen], part: Option<SubsystemId>) -> f64 {
    let ratios = measures(seen, with, part).into_iter().filter_map(|m| match m {
        (Some(a), Some(b)) if a > 0.0 => Some(b / a),
        _ => None,
    });
    ratios.fold(1.0, f64::max)
}

/// Measures of the load at the first and the last moment; without the one that the part itself is.
pub(super) fn measures(seen: &Observed, with: &[&Seen], part: Option<SubsystemId>) -> [(Option<f64>, Option<f64>); 4] {
    let (first, last) = (with[0].load, with[with.len() - 1].load);
    let is = |key: &str| seen.book.subsystem_key(part) == key;
    let but = |own: bool, v: Option<f64>| v.filter(|_| !own);
    [
        (
            but(is("pod-workers") && first.containers.is_none(), first.pods),
            last.pods,
        ),
        (first.containers, last.containers),
        // Probes and cgroups are counts of goroutines themselves.
        (but(is("probes"), first.probes), last.probes),
        (but(is("cadvisor-housekeeping"), first.cgroups), last.cgroups),
    ]
}
