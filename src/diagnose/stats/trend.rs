//! Does a series rise? Mann-Kendall, exact for few values, ties included.
//!
//! S counts the pairs that rise minus those that fall. Over all orders of a multiset the number of falling pairs has the
//! Gaussian multinomial as its generating function, so the exact distribution takes additions only. For many values the
//! normal approximation with the variance for ties takes over.

/// From so many values on the normal approximation is used.
const EXACT: usize = 40;

/// Probability that values in random order rise at least as much as these. 1 for fewer than three values, or when all are
/// equal.
pub fn mann_kendall(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 3 {
        return 1.0;
    }
    let mut falling = 0u64;
    let mut rising = 0u64;
    for (i, a) in values.iter().enumerate() {
        for b in &values[i + 1..] {
            if b > a {
                rising += 1;
            } else if b < a {
                falling += 1;
            }
        }
    }
    if rising + falling == 0 {
        return 1.0;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: Vec<usize> = sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).collect();
    if n > EXACT {
        let pairs = |m: f64| m * (m - 1.0) * (2.0 * m + 5.0);
        let variance = (pairs(n as f64) - ties.iter().map(|&t| pairs(t as f64)).sum::<f64>()) / 18.0;
        let s = rising as f64 - falling as f64;
        return normal_upper((s - s.signum()) / variance.sqrt());
    }
    let distribution = falling_pairs(&ties);
    let at = usize::try_from(falling)
        .unwrap_or(usize::MAX)
        .min(distribution.len() - 1);
    distribution[..=at].iter().sum::<f64>().min(1.0)
}

/// Probability of each number of falling pairs, over all orders of a multiset with these multiplicities.
fn falling_pairs(ties: &[usize]) -> Vec<f64> {
    // [a+b choose b]_q as a product of (1 - q^(a+i)) / (1 - q^i): insert one value after the other.
    let mut all = vec![1.0];
    let mut placed = 0usize;
    for &m in ties {
        let mut of_m = vec![1.0];
        for i in 1..=m {
            of_m = times_quotient(&of_m, placed + i, i);
        }
        all = product(&all, &of_m);
        let total: f64 = all.iter().sum();
        all.iter_mut().for_each(|p| *p /= total);
        placed += m;
    }
    all
}

/// `p (1 - q^a) / (1 - q^b)`, which is a polynomial here.
fn times_quotient(p: &[f64], a: usize, b: usize) -> Vec<f64> {
    let degree = p.len() - 1 + a - b;
    let mut out = vec![0.0; p.len() + a];
    for (i, v) in p.iter().enumerate() {
        out[i] += v;
        out[i + a] -= v;
    }
    for i in b..out.len() {
        out[i] += out[i - b];
    }
    out.truncate(degree + 1);
    // Cancellation may leave less than nothing.
    out.iter_mut().for_each(|v| *v = v.max(0.0));
    out
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            out[i + j] += x * y;
        }
    }
    out
}

/// P(Z >= z) of the standard normal distribution (Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7).
pub fn normal_upper(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * poly * (-x * x).exp();
    if z >= 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::mann_kendall;
    use proptest::prelude::*;

    /// By trying all orders.
    fn enumerated(values: &[f64]) -> f64 {
        fn s(v: &[f64]) -> i64 {
            let mut s = 0;
            for i in 0..v.len() {
                for j in i + 1..v.len() {
                    s += i64::from(v[j] > v[i]) - i64::from(v[j] < v[i]);
                }
            }
            s
        }
        fn permute(v: &mut Vec<f64>, at: usize, seen: i64, counts: &mut (u64, u64)) {
            if at == v.len() {
                counts.1 += 1;
                counts.0 += u64::from(s(v) >= seen);
                return;
            }
            for i in at..v.len() {
                v.swap(at, i);
                permute(v, at + 1, seen, counts);
                v.swap(at, i);
            }
        }
        let mut counts = (0, 0);
        permute(&mut values.to_vec(), 0, s(values), &mut counts);
        counts.0 as f64 / counts.1 as f64
    }

    #[test]
    fn known_values() {
        // A rise without exception has 1/n!.
        for (n, factorial) in [(3usize, 6.0), (4, 24.0), (5, 120.0), (6, 720.0)] {
            let rising: Vec<f64> = (0..n).map(|i| i as f64).collect();
            assert!((mann_kendall(&rising) - 1.0 / factorial).abs() < 1e-12);
        }
        assert_eq!(mann_kendall(&[1.0, 2.0]), 1.0);
        assert_eq!(mann_kendall(&[5.0; 9]), 1.0);
        // The real leak of the captures.
        let p = mann_kendall(&[0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0, 4.0]);
        assert!((p - 1.0 / 1680.0).abs() < 1e-9, "{p}");
    }

    #[test]
    fn many_values_are_close_to_exact() {
        let rising: Vec<f64> = (0..60).map(f64::from).collect();
        assert!(mann_kendall(&rising) < 1e-6);
        let level: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 60)).collect();
        assert!((0.05..0.95).contains(&mann_kendall(&level)));
    }

    proptest! {
        #[test]
        fn as_by_enumeration(values in prop::collection::vec(0u8..5, 3..8)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            prop_assert!((mann_kendall(&values) - enumerated(&values)).abs() < 1e-9);
        }
    }
}
