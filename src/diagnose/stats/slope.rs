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

/// Probability of a line through these points (least squares) that rises so steeply, where they only swing around a level:
/// Student's t with n - 2 degrees of freedom. 1 for fewer than three points and for a line that does not rise.
pub fn slope_by_chance(points: &[(f64, f64)]) -> f64 {
    let n = points.len();
    if n < 3 {
        return 1.0;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n as f64;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread.max(1e-300);
    if slope <= 0.0 || spread <= 0.0 {
        return 1.0;
    }
    let rest: f64 = points.iter().map(|p| (p.1 - y - slope * (p.0 - x)).powi(2)).sum();
    let error = (rest / (n - 2) as f64 / spread).sqrt();
    if error <= 0.0 {
        0.0
    } else {
        student_upper(slope / error, n - 2)
    }
}

/// P(T >= t) of Student's distribution for t >= 0 (Abramowitz and Stegun 26.7.3 and 26.7.4).
fn student_upper(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sin, cos) = angle.sin_cos();
    let is_odd = !freedom.is_multiple_of(2);
    // The powers of the cosine and their factors, each from the one before.
    let mut term = if is_odd { cos } else { 1.0 };
    let mut sum = 0.0;
    let mut at = if is_odd { 1 } else { 0 };
    while at + 2 <= freedom {
        sum += term;
        at += 2;
        term *= cos * cos * (at - 1) as f64 / at as f64;
    }
    let both = match (is_odd, freedom) {
        (true, 1) => 2.0 / std::f64::consts::PI * angle,
        (true, _) => 2.0 / std::f64::consts::PI * (angle + sin * sum),
        (false, _) => sin * sum,
    };
    (0.5 * (1.0 - both)).clamp(0.0, 0.5)
}

#[cfg(test)]
mod tests {
    use super::{slope_by_chance, student_upper, theil_sen};

    #[test]
    fn tables_of_student() {
        // One-sided 5 % and 0.5 % points of the tables.
        for (freedom, five, half) in [
            (1, 6.3138, 63.6567),
            (2, 2.9200, 9.9248),
            (3, 2.3534, 5.8409),
            (4, 2.1318, 4.6041),
            (5, 2.0150, 4.0321),
            (10, 1.8125, 3.1693),
            (30, 1.6973, 2.7500),
        ] {
            assert!((student_upper(five, freedom) - 0.05).abs() < 1e-5, "{freedom}");
            assert!((student_upper(half, freedom) - 0.005).abs() < 1e-6, "{freedom}");
        }
    }

    #[test]
    fn slopes() {
        let of = |values: &[f64]| {
            let points = values.iter().enumerate();
            slope_by_chance(&points.map(|(i, &v)| (i as f64, v)).collect::<Vec<_>>())
        };
        assert_eq!(of(&[1.0, 2.0]), 1.0);
        assert_eq!(of(&[5.0, 4.0, 3.0]), 1.0);
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 5.0]), 0.0);
        assert!(of(&[10.0, 21.0, 29.0, 41.0, 50.0]) < 1e-3);
        assert!(of(&[30.0, 21.0, 44.0, 25.0, 39.0]) > 0.2);
    }

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
