//! How likely a rise of goroutines is by chance, with the load taken out.
//!
//! Three tests, each blind to what another sees. The trend test (Mann-Kendall) asks for the order of the counts only. The
//! slope of a line through them is held against how widely they swing around it, which Poisson counts do least. Both take
//! counts as independent, which they are not where goroutines live long and one count resembles the next; the last count
//! beside the first holds there too: the difference of two counts of one number at rest varies by no more than that of
//! independent ones. All are corrected for the number of units that move at all.

use rustc_hash::FxHashMap;

use super::{Counts, LEAST, LEVEL, Unit};
use crate::diagnose::observe::{Observed, Seen};
use crate::diagnose::stats::fdr::{Test, benjamini_hochberg};
use crate::diagnose::stats::slope::slope_by_chance;
use crate::diagnose::stats::trend::mann_kendall;
use crate::diagnose::stats::weighted::{Stratum, compare};
use crate::kubelet::SubsystemId;

/// How likely a rise is by chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    /// Of the order of the counts.
    pub(super) trend: f64,
    /// Of the last count beside the first, and of the slope.
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
    let slopes: Vec<Test> = moving.iter().map(|(_, c)| free(slope(c))).collect();
    let [trends, rises, slopes] = [trends, rises, slopes].map(|tests| benjamini_hochberg(&tests, LEVEL));
    (moving.into_iter().enumerate())
        .map(|(i, (unit, _))| {
            let chance = Chance {
                trend: trends[i],
                rise: rises[i].max(slopes[i]),
            };
            (*unit, chance)
        })
        .collect()
}

/// The chance of a slope so steep. Fewer than five counts do not tell how widely they swing.
fn slope(counts: &Counts) -> f64 {
    if counts.values.len() < 5 {
        return 0.0;
    }
    let points = counts.values.iter().enumerate();
    slope_by_chance(&points.map(|(i, &v)| (i as f64, v as f64)).collect::<Vec<_>>())
}

/// The chance of a last count so much larger than the first.
fn rise(counts: &Counts, exposure: f64) -> f64 {
    let ends = Stratum {
        weight: 1.0,
        old: counts.first() as f64,
        new: counts.last() as f64,
    };
    compare(&[ends], exposure, 1.0).p
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
