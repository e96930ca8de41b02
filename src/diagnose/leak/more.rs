//! How many snapshots more would tell a slow leak from chance.
//!
//! What came to stay so far says how fast it goes on, with an error: given n events in a time T, the number in a further
//! time t is negative binomial with n successes (a prior of 1 / rate: only families in which something came to stay are
//! asked, so the half of an event that Jeffreys' prior adds would promise too much). The answer is the least number of
//! snapshots, as far apart as those so far, after which the same tests find the family in nine of ten of these futures.

use super::super::stats::counts::half_binomial_upper;
use super::super::stats::fdr::{Test, counted};

/// Share of futures in which it has to be found.
const SURE: f64 = 0.9;
/// Share of steady leaks that do not seem to climb at the end.
const CLIMBS: f64 = super::LEVEL;
/// Numbers that are worth saying.
const STEPS: [usize; 19] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80, 120, 160, 200];

/// How many tests would count after each of the numbers of snapshots.
pub(super) struct Futures {
    counted: Vec<usize>,
    /// Intervals between snapshots so far.
    intervals: usize,
}

impl Futures {
    /// All families have as many more events as time goes on.
    pub(super) fn new(tests: &[Test], moments: usize, level: f64) -> Self {
        let intervals = moments.saturating_sub(1).max(1);
        let after = |&more: &usize| {
            let longer = 1.0 + more as f64 / intervals as f64;
            let later = |t: &Test| Test {
                p: 1.0,
                smallest: t.smallest.powf(longer),
            };
            counted(&tests.iter().map(later).collect::<Vec<_>>(), level)
        };
        Self {
            counted: STEPS.iter().map(after).collect(),
            intervals,
        }
    }

    /// The number of snapshots for a family with so many births and deaths to reach this level. None where none that is
    /// worth saying is enough.
    pub(super) fn more(&self, born: u64, died: u64, level: f64) -> Option<usize> {
        if born <= died {
            return None;
        }
        let enough = |&(i, &more): &(usize, &usize)| {
            let longer = more as f64 / self.intervals as f64;
            let level = level / self.counted[i].max(1) as f64;
            // That it still climbs at the end is asked as well, and by chance a steady leak fails that as often as the level says.
            chance_to_reach(born, died, longer, level) * (1.0 - CLIMBS) >= SURE
        };
        STEPS.iter().enumerate().find(enough).map(|(_, &more)| more)
    }
}

/// In which share of futures the births after `longer` times the time so far are significant.
fn chance_to_reach(born: u64, died: u64, longer: f64, level: f64) -> f64 {
    // Deaths go on as they are.
    let later_died = (died as f64 * (1.0 + longer)).round() as u64;
    let passes = |births: u64| half_binomial_upper(births, births + later_died) <= level;
    let most = born + 10 + (20.0 * (born as f64 + 1.0) * (1.0 + longer)) as u64;
    let Some(needed) = least(born, most, &passes) else {
        return 0.0;
    };
    1.0 - below(needed - born, born as f64, longer)
}

/// The least number from which on it passes; passing does not end again.
fn least(from: u64, to: u64, passes: &impl Fn(u64) -> bool) -> Option<u64> {
    let (mut low, mut high) = (from, to);
    if !passes(high) {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if passes(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// P(X < k) for X negative binomial with this many successes, over `longer` times the time in which they were seen.
fn below(k: u64, successes: f64, longer: f64) -> f64 {
    let share = longer / (1.0 + longer);
    let mut term = (successes * (1.0 - share).ln()).exp();
    let mut sum = 0.0;
    for i in 0..k {
        sum += term;
        term *= (successes + i as f64) / (i + 1) as f64 * share;
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_negative_binomial_sums_to_one() {
        assert!((below(4_000, 3.5, 2.0) - 1.0).abs() < 1e-9);
        // One success: geometric.
        assert!((below(3, 1.0, 1.0) - 0.875).abs() < 1e-12);
    }

    #[test]
    fn slower_leaks_need_more() {
        let tests = vec![Test { p: 1.0, smallest: 1e-4 }; 50];
        let futures = Futures::new(&tests, 6, 0.05);
        let slow = futures.more(3, 0, 0.05).expect("a number");
        let fast = futures.more(8, 0, 0.05).expect("a number");
        assert!(fast < slow, "{fast} {slow}");
        let freed = futures.more(8, 4, 0.05);
        assert!(freed.is_none_or(|n| n > fast), "{freed:?}");
        assert_eq!(futures.more(4, 4, 0.05), None);
        assert_eq!(futures.more(0, 0, 0.05), None);
    }
}
