//! Two sums of weighted counts: is the second larger than chance explains?
//!
//! A sum of sampled objects is made of strata: objects of one size stand for the same number each, so that a stratum is a
//! count with a weight. Given how many were counted in both sums together, each of them is of the second with a
//! probability that only the exposures decide (Przyborowski and Wilenski 1940, for one stratum). The tail of the weighted
//! sum is that of the saddlepoint approximation (Lugannani and Rice 1980; for a single weight with the correction for
//! lattices of Daniels 1987; a few counts of one weight are summed up exactly), which stays accurate for a handful of counts, where the normal distribution is not.

use super::counts::binomial_upper;
use super::trend::normal_upper;

/// Up to this many counts of one weight their distribution is summed up itself.
const EXACT: f64 = 2_000.0;

/// Counts of equal weight on both sides.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stratum {
    /// What one count stands for. Positive.
    pub weight: f64,
    /// Counted in the first sum.
    pub old: f64,
    /// Counted in the second.
    pub new: f64,
}

/// How a comparison came out.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Compared {
    /// Probability of a second sum as large as this one, or larger, by chance.
    pub p: f64,
    /// The smallest probability that these counts allow.
    pub smallest: f64,
}

/// Compares two sums. `exposure` says how many times as much as in the first is expected in the second when nothing
/// changed: 1 for two profiles of equal load. Counts are divided by `dispersion`, how many times as much as by chance they
/// vary; at least 1 counts.
pub fn compare(strata: &[Stratum], exposure: f64, dispersion: f64) -> Compared {
    let nothing = Compared { p: 1.0, smallest: 1.0 };
    if exposure.is_nan() || exposure <= 0.0 || !exposure.is_finite() {
        return nothing;
    }
    let share = exposure / (1.0 + exposure);
    let dispersion = dispersion.max(1.0);
    let strata: Vec<Stratum> = (strata.iter())
        .filter(|s| s.weight > 0.0 && s.weight.is_finite() && s.old + s.new > 0.0)
        .map(|s| Stratum {
            weight: s.weight,
            old: s.old / dispersion,
            new: s.new / dispersion,
        })
        .collect();
    let counted: f64 = strata.iter().map(|s| s.old + s.new).sum();
    if counted <= 0.0 {
        return nothing;
    }
    let smallest = (counted * share.ln()).exp();
    let seen: f64 = strata.iter().map(|s| s.weight * s.new).sum();
    let expected: f64 = strata.iter().map(|s| s.weight * (s.old + s.new) * share).sum();
    if seen <= expected {
        return Compared { p: 1.0, smallest };
    }
    if strata.iter().all(|s| s.old <= 0.0) {
        return Compared { p: smallest, smallest };
    }
    let p = match equal_weights(&strata) && dispersion <= 1.0 && counted <= EXACT {
        true => binomial_upper((seen / strata[0].weight).round() as u64, counted.round() as u64, share),
        false => upper_tail(&strata, share, seen),
    };
    Compared {
        p: p.max(smallest),
        smallest,
    }
}

/// Whether all weights are one: those that differ by less are of one size class, rounded.
fn equal_weights(strata: &[Stratum]) -> bool {
    let heaviest = strata.iter().map(|s| s.weight).fold(0.0, f64::max);
    let lightest = strata.iter().map(|s| s.weight).fold(f64::INFINITY, f64::min);
    heaviest - lightest <= 1e-9 * heaviest
}

/// P(sum of weighted counts of the second >= `seen`), above its mean.
fn upper_tail(strata: &[Stratum], share: f64, seen: f64) -> f64 {
    let heaviest = strata.iter().map(|s| s.weight).fold(0.0, f64::max);
    let is_lattice = equal_weights(strata);
    let seen = seen / heaviest;
    let all: Vec<(f64, f64)> = strata.iter().map(|s| (s.weight / heaviest, s.old + s.new)).collect();
    let Some(at) = saddlepoint(&all, share, seen) else {
        return 1.0;
    };
    let k = cumulants(&all, share, at);
    let w = (2.0 * (at * seen - k.value)).max(0.0).sqrt();
    if w < 1e-4 {
        return 0.5;
    }
    let u = if is_lattice { 1.0 - (-at).exp() } else { at } * k.second.sqrt();
    let density = (-0.5 * w * w).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (normal_upper(w) + density * (1.0 / u - 1.0 / w)).clamp(0.0, 1.0)
}

/// The cumulant generating function of the sum and its first two derivatives.
struct Cumulants {
    value: f64,
    first: f64,
    second: f64,
}

fn cumulants(strata: &[(f64, f64)], share: f64, at: f64) -> Cumulants {
    let mut sum = Cumulants {
        value: 0.0,
        first: 0.0,
        second: 0.0,
    };
    for &(weight, count) in strata {
        // ln(1 - share + share e^x) without overflow for large x.
        let x = weight * at;
        let (log, tilted) = if x > 30.0 {
            let rest = (1.0 - share) / share * (-x).exp();
            (x + share.ln() + rest.ln_1p(), 1.0 / (1.0 + rest))
        } else {
            let grown = share * x.exp();
            ((1.0 - share + grown).ln(), grown / (1.0 - share + grown))
        };
        sum.value += count * log;
        sum.first += count * weight * tilted;
        sum.second += count * weight * weight * tilted * (1.0 - tilted);
    }
    sum
}

/// Where the tilted mean is what was seen. None when no tilt gives it.
fn saddlepoint(strata: &[(f64, f64)], share: f64, seen: f64) -> Option<f64> {
    let mean_at = |t: f64| cumulants(strata, share, t).first;
    let (mut low, mut high) = (0.0, 1.0);
    while mean_at(high) < seen {
        high *= 2.0;
        if high > 1e4 {
            return None;
        }
    }
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if mean_at(middle) < seen {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high)).filter(|t| *t > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the binomial distribution itself.
    fn exact(new: u64, all: u64, share: f64) -> f64 {
        let ln_choose = |n: u64, k: u64| -> f64 { (0..k).map(|i| ((n - i) as f64 / (k - i) as f64).ln()).sum() };
        (new..=all)
            .map(|i| (ln_choose(all, i) + i as f64 * share.ln() + (all - i) as f64 * (1.0 - share).ln()).exp())
            .sum()
    }

    fn one(old: u64, new: u64) -> [Stratum; 1] {
        [Stratum {
            weight: 8192.0,
            old: old as f64,
            new: new as f64,
        }]
    }

    #[test]
    fn one_stratum_is_a_binomial_test() {
        for (old, new, exposure) in [
            (1u64, 6u64, 1.0),
            (3, 12, 1.0),
            (5, 38, 1.0),
            (200, 260, 1.0),
            (2, 20, 2.5),
            (4, 9, 0.4),
        ] {
            let found = compare(&one(old, new), exposure, 1.0).p;
            let truth = exact(new, old + new, exposure / (1.0 + exposure));
            assert!(
                (found / truth - 1.0).abs() < 0.06,
                "{old} {new}: {found:e} against {truth:e}"
            );
        }
    }

    #[test]
    fn nothing_before_leaves_the_smallest() {
        let found = compare(&one(0, 5), 1.0, 1.0);
        assert!((found.p - 1.0 / 32.0).abs() < 1e-12, "{found:?}");
        assert_eq!(found.p, found.smallest);
        assert_eq!(compare(&[], 1.0, 1.0), Compared { p: 1.0, smallest: 1.0 });
        assert_eq!(compare(&one(7, 7), 1.0, 1.0).p, 1.0);
        assert_eq!(compare(&one(7, 3), 1.0, 1.0).p, 1.0);
        assert_eq!(compare(&one(1, 9), f64::NAN, 1.0).p, 1.0);
    }

    /// All outcomes of two strata, one by one.
    #[test]
    fn several_weights_against_enumeration() {
        let strata = [(1.0, 2u64, 5u64), (3.7, 1, 6)];
        let seen: f64 = strata.iter().map(|s| s.0 * s.2 as f64).sum();
        let (a, b) = (strata[0].1 + strata[0].2, strata[1].1 + strata[1].2);
        let point = |k: u64, n: u64| exact(k, n, 0.5) - if k < n { exact(k + 1, n, 0.5) } else { 0.0 };
        let mut truth = 0.0;
        for i in 0..=a {
            for j in 0..=b {
                if strata[0].0 * i as f64 + strata[1].0 * j as f64 >= seen - 1e-9 {
                    truth += point(i, a) * point(j, b);
                }
            }
        }
        let all: Vec<Stratum> = (strata.iter())
            .map(|s| Stratum {
                weight: s.0,
                old: s.1 as f64,
                new: s.2 as f64,
            })
            .collect();
        let found = compare(&all, 1.0, 1.0).p;
        assert!((found / truth - 1.0).abs() < 0.35, "{found:e} against {truth:e}");
    }

    #[test]
    fn dispersion_and_exposure_make_it_less_sure() {
        let sure = compare(&one(4, 24), 1.0, 1.0).p;
        assert!(compare(&one(4, 24), 1.0, 3.0).p > 10.0 * sure);
        assert!(compare(&one(4, 24), 3.0, 1.0).p > 10.0 * sure);
        // Large numbers neither overflow nor vanish.
        let found = compare(&one(1_000_000, 1_010_000), 1.0, 1.0).p;
        assert!(found > 1e-13 && found < 1e-10, "{found:e}");
        assert!(compare(&one(10, 1_000_000), 1.0, 1.0).p < 1e-100);
    }
}
