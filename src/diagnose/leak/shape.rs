//! The shape of a rise: births and deaths, a step or a slope, still climbing or full, explained by load or not.

use super::super::heap::HeapRow;
use super::super::observe::Seen;
use super::super::report::{Estimate, Growth, Since, SinceBasis};
use super::super::stats::counts::{binomial_upper, difference_interval, poisson_below};
use super::super::stats::trend::mann_kendall;
use super::LEVEL;

/// Births and deaths in each interval between two moments.
pub(super) struct Steps {
    born: Vec<u64>,
    died: Vec<u64>,
}

impl Steps {
    pub(super) fn of(rows: &[HeapRow]) -> Self {
        let mut steps = Self {
            born: Vec::new(),
            died: Vec::new(),
        };
        for pair in rows.windows(2) {
            // A profile without what was ever allocated shows what came to stay or went at least.
            let born = match pair[1].k_allocated {
                0 => pair[1].k.saturating_sub(pair[0].k),
                k => k.saturating_sub(pair[0].k_allocated),
            };
            steps.born.push(born);
            steps.died.push((pair[0].k + born).saturating_sub(pair[1].k));
        }
        steps
    }

    pub(super) fn total(&self) -> (u64, u64) {
        (self.born.iter().sum(), self.died.iter().sum())
    }

    /// Without the interval in which most came to stay.
    pub(super) fn without_largest(&self) -> (u64, u64) {
        let (born, died) = self.total();
        let net = |i: &usize| self.born[*i] as i64 - self.died[*i] as i64;
        match (0..self.born.len()).max_by_key(net) {
            Some(i) => (born - self.born[i], died - self.died[i]),
            None => (born, died),
        }
    }
}

/// Whether the pods of every moment are known.
pub(super) fn load_is_known(moments: &[&Seen]) -> bool {
    moments.iter().all(|m| m.load.pods.is_some())
}

/// Whether the rest of the heap rises as well, by more than chance: sampled objects are counts.
pub(super) fn all_else_rises(moments: &[&Seen], rows: &[HeapRow]) -> bool {
    let rest = |i: usize| {
        let heap = moments[i].heap.as_ref()?;
        Some(heap.k.saturating_sub(rows[i].k) as f64)
    };
    let (Some(first), Some(last)) = (rest(0), rest(rows.len() - 1)) else {
        return true;
    };
    last - first > 1.5 * (first + last).sqrt()
}

/// Whether the load rose, and under the load of the end alone nothing rises.
pub(super) fn load_explains(moments: &[&Seen], k: &[f64]) -> bool {
    let pods: Option<Vec<f64>> = moments.iter().map(|m| m.load.pods).collect();
    let Some(pods) = pods else { return false };
    let (low, high) = pods.iter().fold((f64::MAX, 0.0f64), |(l, h), &p| (l.min(p), h.max(p)));
    if high <= low * 1.1 + 1.0 {
        return false;
    }
    let end = pods[pods.len() - 1];
    let other = pods.iter().rposition(|&p| (p - end).abs() > 0.1 * end + 1.0);
    let of_level = &k[other.map_or(0, |i| i + 1)..];
    let rises = of_level.len() >= 5 && mann_kendall(of_level) <= LEVEL;
    !rises
}

/// Whether the last quarter still rises, and not so much less than the whole that chance does not explain it.
pub(super) fn still_climbing(moments: &[&Seen], rows: &[HeapRow]) -> bool {
    let n = rows.len();
    let times = times(moments);
    let span = times[n - 1] - times[0];
    let start = (0..n - 1)
        .rev()
        .find(|&i| times[n - 1] - times[i] >= 0.25 * span)
        .unwrap_or(0);
    let rate = (rows[n - 1].k as f64 - rows[0].k as f64) / span.max(1e-9);
    let expected = rate * (times[n - 1] - times[start]);
    let rise = rows[n - 1].k as f64 - rows[start].k as f64;
    if rise < 0.0 {
        return false;
    }
    // As few as this or fewer, at the rate of the whole.
    poisson_below(rise as u64 + 1, expected) > LEVEL
}

/// Whether so much came to stay in one interval that a steady rise does not explain it: something happened then.
pub(super) fn is_step(moments: &[&Seen], rows: &[HeapRow]) -> bool {
    let times = times(moments);
    let span = (times[times.len() - 1] - times[0]).max(1e-9);
    let rises: Vec<u64> = rows.windows(2).map(|w| w[1].k.saturating_sub(w[0].k)).collect();
    let Some(most) = (0..rises.len()).max_by_key(|&i| rises[i]) else {
        return false;
    };
    let share = (times[most + 1] - times[most]) / span;
    // Any interval may be the one.
    let chance = binomial_upper(rises[most], rises.iter().sum(), share.clamp(0.0, 1.0)) * rises.len() as f64;
    chance <= LEVEL
}

/// Seconds of every moment, or numbers where one has no time.
fn times(moments: &[&Seen]) -> Vec<f64> {
    let times: Option<Vec<f64>> = moments.iter().map(|m| m.seconds()).collect();
    times.unwrap_or_else(|| (0..moments.len()).map(|i| i as f64).collect())
}

/// Net growth per hour: what came to stay, with the error that births and deaths have as counts.
pub(super) fn growth(moments: &[&Seen], rows: &[HeapRow], born: u64, died: u64) -> Option<Growth> {
    let (first, last) = (&rows[0], &rows[rows.len() - 1]);
    let hours = (moments[moments.len() - 1].seconds()? - moments[0].seconds()?) / 3600.0;
    if hours <= 0.0 || last.k <= first.k {
        return None;
    }
    let net = (last.k - first.k) as f64;
    // Objects and bytes that one sampled object of those that came to stay stands for.
    let (objects, bytes) = ((last.objects - first.objects) / net, (last.bytes - first.bytes) / net);
    let (low, high) = difference_interval(born, died);
    let estimate = |unit: f64| Estimate {
        value: net * unit / hours,
        low: low.max(0.0) * unit / hours,
        high: high * unit / hours,
    };
    Some(Growth {
        per_hour: estimate(objects),
        bytes_per_hour: Some(estimate(bytes)),
        hours_to_limit: None,
        limit: None,
    })
}

/// Twice the gain in log-likelihood above which a change of pace is believed: the best of several moments was chosen.
const PACE: f64 = 8.0;

/// The interval from which on objects came to stay faster than before, where chance does not explain it: the split into two
/// steady paces that is most likely, against one pace.
fn quickened(moments: &[&Seen], rows: &[HeapRow]) -> Option<usize> {
    let times = times(moments);
    let came: Vec<f64> = rows.windows(2).map(|w| w[1].k.saturating_sub(w[0].k) as f64).collect();
    let took: Vec<f64> = times.windows(2).map(|w| (w[1] - w[0]).max(1e-9)).collect();
    let fit = |range: std::ops::Range<usize>| {
        let (n, t): (f64, f64) = (came[range.clone()].iter().sum(), took[range].iter().sum());
        if n > 0.0 {
            (n * (n / t).ln() - n, n / t)
        } else {
            (0.0, 0.0)
        }
    };
    let (steady, _) = fit(0..came.len());
    let split = |at: usize| {
        let (before, after) = (fit(0..at), fit(at..came.len()));
        (2.0 * (before.0 + after.0 - steady), after.1 > before.1)
    };
    let splits = (1..came.len()).map(|at| (at, split(at)));
    let quicker = splits.filter(|(_, (_, quickens))| *quickens);
    let best = quicker.max_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    (best.1.0 > PACE).then_some(best.0)
}

/// Between the last moment without a rise and the first with one.
pub(super) fn onset(moments: &[&Seen], rows: &[HeapRow]) -> Option<Since> {
    if let Some(at) = quickened(moments, rows) {
        return Some(Since {
            after: moments[at].at,
            before: moments[at + 1].at,
            at_least: None,
            basis: SinceBasis::Onset,
        });
    }
    let at = rows.iter().position(|r| r.k > rows[0].k)?;
    if at <= 1 {
        return Some(Since {
            after: None,
            before: moments[0].at,
            at_least: None,
            basis: SinceBasis::ProcessStart,
        });
    }
    Some(Since {
        after: moments[at - 1].at,
        before: moments[at].at,
        at_least: None,
        basis: SinceBasis::Onset,
    })
}
