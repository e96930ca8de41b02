//! Sampled allocations: from what a heap profile says back to what the runtime saw.
//!
//! The runtime samples an object of size S with probability p = 1 - exp(-S/R) (`runtime/pprof`, `scaleHeapSample`) and
//! reports k sampled objects as k/p. Rates of 0 and 1 mean that nothing was scaled.

/// Probability that an object is sampled.
pub fn probability(size: f64, rate: f64) -> f64 {
    if rate <= 1.0 || size <= 0.0 {
        return 1.0;
    }
    -(-size / rate).exp_m1()
}

/// How many sampled objects stand behind a reported number; exact for what Go writes. Negative numbers, which only
/// differences have, give 0.
pub fn recovered(reported: f64, size: f64, rate: f64) -> u64 {
    if reported <= 0.0 {
        return 0;
    }
    // Go cuts off behind the decimal point, so k lies at most p above N p: just under half of that back rounds right.
    ((reported + 0.49) * probability(size, rate)).round() as u64
}

/// Variance of the number of objects that k sampled ones stand for: k (1 - p) / p^2.
pub fn variance(k: u64, size: f64, rate: f64) -> f64 {
    let p = probability(size, rate);
    k as f64 * (1.0 - p) / (p * p)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `scaleHeapSample` writes.
    fn scaled(k: u64, size: f64, rate: f64) -> f64 {
        (k as f64 / probability(size, rate)).floor()
    }

    #[test]
    fn k_comes_back_exactly() {
        for rate in [1.0, 512.0, 4096.0, 524_288.0, 8_388_608.0] {
            for size in [8.0, 16.0, 48.0, 96.0, 128.0, 1024.0, 8192.0, 524_288.0, 4e6] {
                for k in [0, 1, 2, 3, 7, 100, 12_345, 1_000_000] {
                    assert_eq!(
                        recovered(scaled(k, size, rate), size, rate),
                        k,
                        "k {k} size {size} rate {rate}"
                    );
                }
            }
        }
    }

    #[test]
    fn one_object_of_64_bytes_stands_for_8192() {
        let n = scaled(1, 64.0, 524_288.0);
        assert!((8191.0..8194.0).contains(&n), "{n}");
        let sigma = variance(1, 64.0, 524_288.0).sqrt();
        assert!((8191.0..8194.0).contains(&sigma), "{sigma}");
        assert_eq!(variance(5, 10.0, 1.0), 0.0);
        assert_eq!(recovered(-5.0, 64.0, 524_288.0), 0);
    }
}
