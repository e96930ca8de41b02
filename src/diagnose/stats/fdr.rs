//! Many tests at once: Benjamini-Hochberg, without the tests that could never have been significant.
//!
//! Exact tests of few counts have a smallest possible p. Whatever the data, a test whose smallest p is above the level
//! rejects nothing, so it does not count among those that were made (Tarone 1990, Gilbert 2005).

/// A test: its p and the smallest p it could have had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// Probability by chance.
    pub p: f64,
    /// The smallest that these counts allow.
    pub smallest: f64,
}

/// For each test the false discovery rate at which it would be reported (q); 1 for those that do not count.
pub fn benjamini_hochberg(tests: &[Test], level: f64) -> Vec<f64> {
    let m = counted(tests, level);
    let mut order: Vec<usize> = (0..tests.len()).collect();
    order.sort_by(|&a, &b| tests[a].p.total_cmp(&tests[b].p));
    let mut q = vec![1.0; tests.len()];
    let mut least = 1.0f64;
    let counting = |i: usize| tests[i].smallest <= level / m.max(1) as f64;
    let rank_of: Vec<usize> = order.iter().copied().filter(|&i| counting(i)).collect();
    for (rank, &i) in rank_of.iter().enumerate().rev() {
        least = least.min(tests[i].p * m as f64 / (rank + 1) as f64);
        q[i] = least.min(1.0);
    }
    q
}

/// The least K such that at most K tests could reach level / K: how many tests count.
pub fn counted(tests: &[Test], level: f64) -> usize {
    let mut smallest: Vec<f64> = tests.iter().map(|t| t.smallest).collect();
    smallest.sort_by(f64::total_cmp);
    let reachable = |k: usize| smallest.partition_point(|&s| s <= level / k as f64);
    (1..=tests.len()).find(|&k| reachable(k) <= k).unwrap_or(tests.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(p: f64) -> Test {
        Test { p, smallest: 0.0 }
    }

    #[test]
    fn as_in_the_textbook() {
        let p = [0.01, 0.02, 0.03, 0.04, 0.05];
        let q = benjamini_hochberg(&p.map(free), 0.05);
        assert!(q.iter().all(|q| (q - 0.05).abs() < 1e-12), "{q:?}");
        let q = benjamini_hochberg(&[free(0.001), free(0.5), free(0.9)], 0.05);
        assert!((q[0] - 0.003).abs() < 1e-12 && q[1] > 0.7, "{q:?}");
        assert!(benjamini_hochberg(&[], 0.05).is_empty());
    }

    #[test]
    fn tests_that_cannot_reject_do_not_count() {
        let mut tests = vec![
            Test {
                p: 0.25,
                smallest: 0.25
            };
            300
        ];
        tests.push(Test {
            p: 1e-4,
            smallest: 1e-5,
        });
        let q = benjamini_hochberg(&tests, 0.05);
        assert!((q[300] - 1e-4).abs() < 1e-9, "{}", q[300]);
        assert_eq!(q[0], 1.0);
    }
}
