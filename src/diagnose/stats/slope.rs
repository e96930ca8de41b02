//! How fast does a series rise? Theil-Sen: the median of the slopes of all pairs, which a few outliers do not move.

/// Slope with its 95 % interval by the order statistics of the pairs' slopes (Sen 1968); from the least to the greatest
/// slope for fewer than five points. None for fewer than two times.
pub fn theil_sen(points: &[(f64, f64)]) -> Option<(f64, f64, f64)> {
    let mut slopes = Vec::new();
    for (i, a) in points.iter().enumerate() {
        for b in &points[i + 1..] {
            if b.0 != a.0 {
                slopes.push((b.1 - a.1) / (b.0 - a.0));
            }
        }
    }
    if slopes.is_empty() {
        return None;
    }
    slopes.sort_by(f64::total_cmp);
    let m = slopes.len();
    let median = if m.is_multiple_of(2) {
        0.5 * (slopes[m / 2 - 1] + slopes[m / 2])
    } else {
        slopes[m / 2]
    };
    let n = points.len() as f64;
    if points.len() < 5 {
        return Some((median, slopes[0], slopes[m - 1]));
    }
    let c = 1.96 * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let low = ((m as f64 - c) / 2.0).floor().max(0.0) as usize;
    let high = (((m as f64 + c) / 2.0).ceil() as usize).min(m - 1);
    Some((median, slopes[low.min(m - 1)], slopes[high]))
}

#[cfg(test)]
mod tests {
    use super::theil_sen;

    #[test]
    fn a_line_and_an_outlier() {
        let mut points: Vec<(f64, f64)> = (0..9).map(|i| (f64::from(i), 3.0 * f64::from(i) + 1.0)).collect();
        assert_eq!(theil_sen(&points), Some((3.0, 3.0, 3.0)));
        points[4].1 = 1e6;
        let (slope, low, high) = theil_sen(&points).expect("a slope");
        assert_eq!(slope, 3.0);
        assert!(low <= 3.0 && 3.0 <= high);
        assert_eq!(theil_sen(&points[..1]), None);
        assert_eq!(theil_sen(&[(1.0, 2.0), (1.0, 5.0)]), None);
    }
}
