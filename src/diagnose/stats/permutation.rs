//! Which of many numbers differ between two groups of runs? Permutations: if the groups do not differ, every way of
//! dividing the runs is as likely as the one that was seen.
//!
//! For a single number the smallest probability is one in as many as there are ways, which no correction for many numbers
//! survives with a few runs. So the ways of all numbers are pooled into one distribution of a studentised difference
//! (Tusher, Tibshirani and Chu 2001): the rank of a difference among those of all numbers and all ways.

/// At most this many ways are tried, and at least so many; beyond that they are drawn at random, always the same.
const WAYS: usize = 4_000;
/// See [`WAYS`].
const FEWEST: usize = 500;
/// How many differences are held at once, ways times numbers, where that leaves the fewest ways.
const POOL: usize = 2_000_000;

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

/// For every number the probability that it differs as much by chance, the new group being larger. `old` says how many of
/// the values are of the old group.
pub fn pooled(numbers: &[Observed], old: usize) -> Vec<f64> {
    let runs = numbers.iter().map(|n| n.values.len()).min().unwrap_or(0);
    if old == 0 || old >= runs {
        return vec![1.0; numbers.len()];
    }
    let most = (POOL / numbers.len().max(1)).clamp(FEWEST, WAYS);
    let divisions = divisions(runs, runs - old, most);
    let mut pool = Vec::with_capacity(divisions.len() * numbers.len());
    let mut seen = Vec::with_capacity(numbers.len());
    for n in numbers {
        let (as_seen, rest) = statistics(n, &divisions);
        seen.push(as_seen);
        pool.extend(rest);
    }
    pool.sort_by(f64::total_cmp);
    // Differences that are equal but for rounding are as large.
    let at_least = |t: f64| pool.len() - pool.partition_point(|&v| v < t - 1e-9 * t.abs().max(1e-9));
    seen.iter()
        .map(|&t| {
            if t > 0.0 {
                at_least(t) as f64 / pool.len() as f64
            } else {
                1.0
            }
        })
        .collect()
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
    fn one_of_many_is_found_and_the_rest_is_not() {
        let level = |i: usize| {
            let v = |j: usize| 100.0 + ((i * 7 + j * 13) % 11) as f64;
            number(&(0..10).map(v).collect::<Vec<f64>>())
        };
        let mut numbers: Vec<Observed> = (0..60).map(level).collect();
        numbers.push(number(&[
            100.0, 102.0, 101.0, 99.0, 103.0, 160.0, 158.0, 163.0, 161.0, 159.0,
        ]));
        let p = pooled(&numbers, 5);
        // The rank of the only one among 252 ways of 61 numbers.
        assert!((p[60] - 1.0 / (252.0 * 61.0)).abs() < 1e-9, "{}", p[60]);
        assert!(p[..60].iter().all(|p| *p > 1e-3), "{p:?}");
    }

    #[test]
    fn equal_values_and_empty_groups_say_nothing() {
        assert_eq!(pooled(&[number(&[5.0; 6])], 3), [1.0]);
        assert_eq!(pooled(&[number(&[1.0, 2.0])], 0), [1.0]);
        assert_eq!(pooled(&[number(&[1.0, 2.0])], 2), [1.0]);
        assert!(pooled(&[], 1).is_empty());
        // What fell did not grow.
        assert_eq!(pooled(&[number(&[9.0, 8.0, 9.0, 1.0, 2.0, 1.0])], 3), [1.0]);
    }
}
