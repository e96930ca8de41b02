//! Moments of runs of captures -> one number a subject, and from many numbers beyond a limit those that chance explains.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::super::outcome::{Judged, Outcome, Why};
use super::super::reading::Reading;
use super::super::rules::Assemble;
use super::super::run::{Capture, YOUNG};
use super::super::subject::{Key, Matcher, Tally};
use crate::diagnose::stats::counts::{poisson_below, poisson_upper};
use crate::diagnose::stats::fdr::{Test, benjamini_hochberg};
use crate::diagnose::stats::trend::normal_upper;

/// What one moment says of all parts.
pub(super) struct Told<'r> {
    pub(super) reading: &'r Reading,
    tallies: FxHashMap<Key, Tally>,
}

impl Told<'_> {
    /// Of one part; nothing where the moment does not have it.
    pub(super) fn of(&self, key: Key) -> Tally {
        self.tallies.get(&key).cloned().unwrap_or_else(Tally::nothing)
    }
}

/// The moments of a run that count.
pub(super) type RunTold<'r> = Vec<Told<'r>>;

/// What captures say of the parts of a rule: capture, run, moment. Captures without what is measured are left out.
pub(super) struct Table<'r>(pub(super) Vec<Vec<RunTold<'r>>>);

impl<'r> Table<'r> {
    pub(super) fn new(captures: &'r [Capture], matcher: &mut Matcher<'_>) -> Self {
        let mut table = Vec::new();
        for c in captures {
            let mut runs = Vec::new();
            for run in &c.runs {
                let told: RunTold<'r> = (run.counted(|r| matcher.has(r)).into_iter())
                    .map(|reading| Told {
                        reading,
                        tallies: matcher.tally(reading),
                    })
                    .collect();
                if !told.is_empty() {
                    runs.push(told);
                }
            }
            if !runs.is_empty() {
                table.push(runs);
            }
        }
        Self(table)
    }

    /// All parts that some moment has.
    pub(super) fn keys(&self) -> BTreeSet<Key> {
        let moments = self.0.iter().flatten().flatten();
        moments.flat_map(|m| m.tallies.keys().copied()).collect()
    }

    /// One of all moments: `rank` says how bad a moment is. Moments of a run first, then runs, then captures.
    pub(super) fn pick<T>(&self, by: Assemble, rank: impl Fn(&Told<'r>) -> (f64, T)) -> Option<T> {
        let of_run = |run: &RunTold<'r>| one_of_run(run.iter().map(&rank).collect(), by);
        let of_capture = |runs: &Vec<RunTold<'r>>| one_of(runs.iter().filter_map(of_run).collect(), by);
        one_of(self.0.iter().filter_map(of_capture).collect(), by).map(|(_, found)| found)
    }

    /// The runs one by one.
    pub(super) fn runs(&self) -> impl Iterator<Item = &RunTold<'r>> {
        self.0.iter().flatten()
    }
}

/// Last moments of a run of which an optimistic rule takes the best.
const LAST: usize = 2;

/// One of the moments of a run, which are in time order. The best of them is the better one of the last two: a burst does
/// not fail, and what grew and stays is not hidden by how it began.
pub(super) fn one_of_run<T>(mut moments: Vec<(f64, T)>, by: Assemble) -> Option<(f64, T)> {
    if by == Assemble::Optimistic {
        moments.drain(..moments.len().saturating_sub(LAST));
    }
    one_of(moments, by)
}

/// One of several by how bad each is.
pub(super) fn one_of<T>(mut all: Vec<(f64, T)>, by: Assemble) -> Option<(f64, T)> {
    if all.is_empty() {
        return None;
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = match by {
        Assemble::Optimistic => 0,
        Assemble::Median => (all.len() - 1) / 2,
        Assemble::Pessimistic => all.len() - 1,
    };
    Some(all.swap_remove(at))
}

/// Whether the process was too young to have come to rest, where its age is known.
pub(super) fn is_young(r: &Reading) -> Option<u64> {
    r.age().filter(|age| (0.0..YOUNG).contains(age)).map(|age| age as u64)
}

/// Probability that a sampled number is so far beyond a limit when its true value is at the limit.
pub(super) fn beyond(value: f64, variance: f64, limit: f64, is_least: bool) -> f64 {
    // What one count stands for, in the mean.
    let weight = if value > 0.0 { variance / value } else { 0.0 };
    if weight <= 1e-12 * value.abs().max(limit) {
        return 0.0;
    }
    let (seen, mean) = (value / weight, limit / weight);
    if seen > 2_000.0 || mean > 2_000.0 {
        let z = (seen - mean) / mean.max(1.0).sqrt();
        return normal_upper(if is_least { -z } else { z });
    }
    match is_least {
        true => poisson_below(seen.ceil() as u64 + 1, mean),
        false => poisson_upper(seen.floor() as u64, mean),
    }
}

/// A subject beyond its limit, with the probability that chance explains it.
pub(super) struct Doubtful {
    pub(super) judged: Judged,
    pub(super) test: Option<Test>,
}

/// Decides about numbers beyond their limits, corrected for how many there are.
pub(super) fn decide(all: Vec<Doubtful>, alpha: f64, beyond: impl Fn(&Judged) -> Why) -> Vec<Judged> {
    let tests: Vec<Test> = all.iter().filter_map(|d| d.test).collect();
    let mut q = benjamini_hochberg(&tests, alpha).into_iter();
    let decided = all.into_iter().map(|d| {
        let mut j = d.judged;
        let Some(test) = d.test else { return j };
        let q = q.next().unwrap_or(1.0);
        (j.p, j.q) = (Some(test.p), Some(q));
        if j.outcome == Outcome::Fail {
            if q <= alpha {
                j.why = beyond(&j);
            } else {
                j.outcome = Outcome::Inconclusive;
            }
        }
        j
    });
    decided.collect()
}

#[cfg(test)]
mod tests {
    use super::{Assemble, one_of, one_of_run};

    #[test]
    fn growth_is_not_hidden_by_its_beginning_and_a_burst_is_none() {
        let of = |values: &[f64], by| one_of_run(values.iter().map(|&v| (v, v)).collect(), by).map(|m| m.1);
        let (growing, burst) = ([1.0, 2.0, 8.0, 9.0], [1.0, 2.0, 1.0, 9.0]);
        assert_eq!(of(&growing, Assemble::Optimistic), Some(8.0));
        assert_eq!(of(&burst, Assemble::Optimistic), Some(1.0));
        assert_eq!(of(&growing, Assemble::Median), Some(2.0));
        assert_eq!(of(&growing, Assemble::Pessimistic), Some(9.0));
        assert_eq!(of(&[], Assemble::Optimistic), None);
        // Captures are in no order.
        assert_eq!(
            one_of(vec![(1.0, 'a'), (5.0, 'b'), (7.0, 'c')], Assemble::Optimistic),
            Some((1.0, 'a'))
        );
    }
}
