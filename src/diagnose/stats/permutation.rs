//! Does a number differ between two groups of runs? Permutations: if the groups do not differ, every way of dividing the
//! runs is as likely as the one that was seen. And how much more than by their sampling do runs of one group vary?
//!
//! With a few runs there are few ways, and no rank among them survives a correction for many numbers; the ratio of
//! variances, pooled over all numbers, then says how far to trust the sampling errors.

/// At most this many ways are tried; beyond that they are drawn at random, always the same.
const WAYS: usize = 2_000;
/// Runs that what is known of all numbers weighs as much as.
const SHRINK: f64 = 10.0;

/// One number in every run, first those of the old group.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its values.
    pub values: Vec<f64>,
    /// Variance that each value has by itself, from sampling.
    pub variance: f64,
}

/// How many ways there are to choose `new` of `all` runs; `usize::MAX` for more than that.
pub fn ways(all: usize, new: usize) -> usize {
    let new = new.min(all.saturating_sub(new));
    let mut ways = 1u128;
    for i in 0..new {
        ways = ways * (all - i) as u128 / (i + 1) as u128;
        if ways > usize::MAX as u128 {
            return usize::MAX;
        }
    }
    ways as usize
}

/// For every number the share of ways in which the new group is at least as much larger; the way that was seen counts, so
/// that the smallest is one in as many as there are ways. `old` says how many of the values are of the old group.
pub fn ranks(numbers: &[Observed], old: usize) -> Vec<f64> {
    let runs = numbers.iter().map(|n| n.values.len()).min().unwrap_or(0);
    if old == 0 || old >= runs {
        return vec![1.0; numbers.len()];
    }
    let divisions = divisions(runs, runs - old, WAYS);
    let rank = |n: &Observed| {
        let (seen, all) = statistics(n, &divisions);
        // Differences that are equal but for rounding are as large.
        let at_least = |t: &&f64| **t >= seen - 1e-9 * seen.abs().max(1e-9);
        match seen > 0.0 {
            true => all.iter().filter(at_least).count() as f64 / all.len() as f64,
            false => 1.0,
        }
    };
    numbers.iter().map(rank).collect()
}

/// For every number how many times as much as by its sampling it varies between runs of one group: its own ratio of
/// variances, drawn towards that of all numbers, at least 1.
pub fn dispersions(numbers: &[Observed], old: usize) -> Vec<f64> {
    let ratio = |n: &Observed| {
        let (a, b) = n.values.split_at(old.min(n.values.len()));
        let spread = |v: &[f64]| {
            let mean = v.iter().sum::<f64>() / v.len().max(1) as f64;
            v.iter().map(|x| (x - mean).powi(2)).sum::<f64>()
        };
        let freedom = (n.values.len() as f64 - 2.0).max(1.0);
        (n.variance > 0.0).then(|| ((spread(a) + spread(b)) / freedom / n.variance, freedom))
    };
    let all: Vec<Option<(f64, f64)>> = numbers.iter().map(ratio).collect();
    let known: Vec<f64> = all.iter().flatten().map(|r| r.0).collect();
    let common = if known.is_empty() {
        1.0
    } else {
        known.iter().sum::<f64>() / known.len() as f64
    };
    let of = |r: &Option<(f64, f64)>| {
        let (own, freedom) = r.unwrap_or((common, 0.0));
        ((own * freedom + common * SHRINK) / (freedom + SHRINK)).max(1.0)
    };
    all.iter().map(of).collect()
}

/// The runs that are new, for every way that is tried; the first is what was seen.
fn divisions(runs: usize, new: usize, most: usize) -> Vec<Vec<bool>> {
    let mut seen = vec![false; runs];
    seen[runs - new..].fill(true);
    let total = ways(runs, new);
    let mut all = vec![seen.clone()];
    if total <= most {
        // In the order of binary numbers: the last of the seen one comes first.
        let mut at: Vec<usize> = (0..new).collect();
        loop {
            let mut one = vec![false; runs];
            at.iter().for_each(|&i| one[i] = true);
            if one != seen {
                all.push(one);
            }
            let Some(i) = (0..new).rev().find(|&i| at[i] < runs - new + i) else {
                break;
            };
            at[i] += 1;
            for j in i + 1..new {
                at[j] = at[j - 1] + 1;
            }
        }
        return all;
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    while all.len() < most {
        let mut one = seen.clone();
        for i in (1..runs).rev() {
            one.swap(i, random.below(i + 1));
        }
        all.push(one);
    }
    all
}

/// xorshift64*: permutations must be the same on every machine, and need no more.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        high as usize % n
    }
}

/// The difference of the means over its error: as seen, and for all ways, the seen one included.
fn statistics(n: &Observed, divisions: &[Vec<bool>]) -> (f64, Vec<f64>) {
    let statistic = |new: &Vec<bool>| {
        let (mut sums, mut squares, mut counts) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        for (v, &is_new) in n.values.iter().zip(new) {
            let side = usize::from(is_new);
            sums[side] += v;
            squares[side] += v * v;
            counts[side] += 1.0;
        }
        let mean = |s: usize| sums[s] / counts[s];
        let spread = |s: usize| (squares[s] - sums[s] * mean(s)).max(0.0);
        let freedom = (counts[0] + counts[1] - 2.0).max(1.0);
        let pooled = (spread(0) + spread(1)) / freedom;
        let variance = pooled.max(n.variance) * (1.0 / counts[0] + 1.0 / counts[1]);
        let difference = mean(1) - mean(0);
        match variance > 0.0 {
            true => difference / variance.sqrt(),
            // All runs of a group are equal: infinitely sure, in finite numbers.
            false => difference.signum() * if difference == 0.0 { 0.0 } else { 1e6 },
        }
    };
    let all: Vec<f64> = divisions.iter().map(statistic).collect();
    (all[0], all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(values: &[f64]) -> Observed {
        Observed {
            values: values.to_vec(),
            variance: 0.0,
        }
    }

    #[test]
    fn ways_are_binomial_coefficients() {
        assert_eq!(ways(10, 5), 252);
        assert_eq!(ways(6, 3), 20);
        assert_eq!(ways(2, 1), 2);
        assert_eq!(ways(200, 100), usize::MAX);
        assert_eq!(divisions(8, 4, WAYS).len(), 70);
        assert_eq!(divisions(30, 15, WAYS).len(), WAYS);
        let all = divisions(7, 3, WAYS);
        let mut sorted = all.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 35, "every way once");
        assert!(all.iter().all(|d| d.iter().filter(|n| **n).count() == 3));
    }

    #[test]
    fn the_rank_of_the_seen_one() {
        let level = number(&[100.0, 103.0, 99.0, 101.0, 102.0, 98.0]);
        let grown = number(&[100.0, 103.0, 99.0, 161.0, 158.0, 160.0]);
        let found = ranks(&[level, grown], 3);
        assert!(found[0] > 0.3, "{found:?}");
        assert!((found[1] - 1.0 / 20.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn equal_values_and_empty_groups_say_nothing() {
        assert_eq!(ranks(&[number(&[5.0; 6])], 3), [1.0]);
        assert_eq!(ranks(&[number(&[1.0, 2.0])], 0), [1.0]);
        assert_eq!(ranks(&[number(&[1.0, 2.0])], 2), [1.0]);
        assert!(ranks(&[], 1).is_empty());
        // What fell did not grow.
        assert_eq!(ranks(&[number(&[9.0, 8.0, 9.0, 1.0, 2.0, 1.0])], 3), [1.0]);
    }

    #[test]
    fn runs_that_vary_more_than_their_sampling() {
        let of = |values: &[f64], variance: f64| Observed {
            values: values.to_vec(),
            variance,
        };
        // Ten times the variance of sampling, and as much.
        let wild = of(&[80.0, 100.0, 120.0, 80.0, 100.0, 120.0], 40.0);
        let calm = of(&[94.0, 100.0, 106.0, 94.0, 100.0, 106.0], 36.0);
        assert!(dispersions(std::slice::from_ref(&wild), 3)[0] > 9.9);
        assert_eq!(dispersions(std::slice::from_ref(&calm), 3)[0], 1.0);
        let both = dispersions(&[wild, calm], 3);
        assert!(both[0] > both[1] && both[1] > 1.0, "{both:?}");
        assert_eq!(dispersions(&[of(&[0.0; 4], 0.0)], 2), [1.0]);
    }
}
