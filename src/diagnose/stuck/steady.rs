//! Counts at moment after moment, where nothing tells one goroutine from another.
//!
//! A profile has no numbers of goroutines and no wait ages. Calls that come and go are there at every moment of a busy
//! kubelet, but each time by another number, as arrivals scatter; calls that hang stay as many, or grow. So what counts is
//! not that some are there again, but that the number does not scatter.

use super::super::stats::counts::poisson_upper;

/// What a series of counts says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Steady {
    /// At how many moments in a row, the last included, the number did not fall.
    pub(super) moments: usize,
    /// Decimal logarithm of how rare that is where calls come and go.
    pub(super) weight: f64,
}

/// Fewer goroutines than this are the same number by chance.
const LEAST: u64 = 3;
/// What a rise is worth: every second change is one.
const RISE: f64 = 0.3;

/// Judges the counts of all moments, the last first.
pub(super) fn steady(mut counts: impl Iterator<Item = u64>) -> Steady {
    let mut found = Steady {
        moments: 1,
        weight: 0.0,
    };
    let Some(mut later) = counts.next().filter(|&n| n >= LEAST) else {
        return found;
    };
    for then in counts {
        let slack = later / 20;
        if then < LEAST || then > later + slack {
            break;
        }
        found.weight += if then + slack >= later {
            let mean = then.max(later) as f64;
            let above = poisson_upper(later.saturating_sub(slack), mean);
            let beyond = poisson_upper(later + slack + 1, mean);
            -(above - beyond).clamp(1e-9, 1.0).log10()
        } else {
            RISE
        };
        found.moments += 1;
        later = then;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scatters_is_worth_nothing_and_what_stays_counts() {
        let of = |counts: &[u64]| steady(counts.iter().rev().copied());
        // Probe workers in ExecSync of a healthy kubelet, a minute apart.
        assert!(of(&[14, 0, 10, 17, 10, 8, 11, 15]).weight < 1.0);
        assert!(of(&[2, 3, 4, 8, 5, 2]).weight < 0.1);
        assert!(of(&[9, 2, 5, 11, 7, 4]).weight < 0.1);
        // Volume operations on a mount that does not answer.
        let hung = of(&[0, 0, 5, 5, 5, 5]);
        assert_eq!(hung.moments, 4);
        assert!((2.0..2.6).contains(&hung.weight), "{hung:?}");
        assert!(of(&[60, 60, 60, 60]).weight > 1.0);
        // One that grows by whoever comes is rare as well, and less so.
        let grows = of(&[4, 9, 15, 33]);
        assert_eq!(grows.moments, 4);
        assert!((0.8..1.0).contains(&grows.weight), "{grows:?}");
        assert_eq!(of(&[1, 1, 1, 1]).moments, 1);
        assert_eq!(of(&[]).moments, 1);
    }
}
