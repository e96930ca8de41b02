//! How the sampling error of values is shown: as one sigma or as an interval, with what that means, and which changes are noise.

use super::Words;
use crate::analysis::{Sort, View};
use crate::model::Kind;
use crate::render::document::{Cell, Column, Shown};

/// A change below so many sigma is marked as noise.
pub(super) const NOISE: f64 = 2.0;

/// The columns of one value's error: what people see of it, and for machines the interval that was asked for.
pub(super) fn columns(view: &View, error: &'static str, low: &'static str, high: &'static str) -> Vec<Column> {
    let estimated = view.sampling.is_estimated();
    let shown = if estimated { Shown::Always } else { Shown::Machine };
    let title = match view.query.level {
        Some(level) => format!("{level}%"),
        None => "±".to_owned(),
    };
    let sorted_by = match view.query.sort {
        Sort::Cum => "cum_error",
        Sort::Flat => "flat_error",
    };
    let mut columns = vec![Column {
        second: error != sorted_by,
        ..Column::number(error, &title, shown)
    }];
    if view.query.level.is_some() {
        columns.push(Column::number(low, low, Shown::Machine));
        columns.push(Column::number(high, high, Shown::Machine));
    }
    columns
}

/// A standard error, beside the value of which it is.
#[derive(Clone, Copy)]
pub(super) struct Spread {
    pub(super) value: i64,
    pub(super) sigma: f64,
    /// The value is a change, which may have either sign.
    pub(super) change: bool,
}

impl Words<'_> {
    /// The cells of [`columns`].
    pub(super) fn spread(&self, s: Spread) -> Vec<Cell> {
        let view = self.view;
        let known = view.sampling.is_estimated()
            && !s.sigma.is_nan()
            && (s.change && s.sigma > 0.0 || !s.change && s.value != 0);
        let Some(level) = view.query.level else {
            return vec![match known {
                true => Cell::Error(s.sigma, self.sigma(s)),
                false => Cell::None,
            }];
        };
        if !known {
            return vec![Cell::None; 3];
        }
        let reach = s.sigma * sigmas(level);
        let (low, high) = (s.value as f64 - reach, s.value as f64 + reach);
        // Nothing has less than nothing, except a change.
        let signed = s.change || view.signed_total.is_some() || !view.origin.bases.is_empty();
        let (low, high) = match s.value {
            _ if signed => (low, high),
            ..0 => (low, high.min(0.0)),
            _ => (low.max(0.0), high),
        };
        let word = |v: f64| view.format(v.round() as i64, &self.h.output_unit);
        vec![
            Cell::Error(s.sigma, format!("{}..{}", word(low), word(high))),
            Cell::Count(low.round() as i64),
            Cell::Count(high.round() as i64),
        ]
    }

    /// One sigma: of a change in its own unit, else as a share of the value.
    fn sigma(&self, s: Spread) -> String {
        if s.change {
            return format!("±{}", self.view.format(s.sigma as i64, &self.h.output_unit));
        }
        let share = s.sigma / s.value.unsigned_abs() as f64 * 100.0;
        match share < 10.0 {
            true => format!("±{share:.1}%"),
            false => format!("±{share:.0}%"),
        }
    }
}

/// Whether a change is less than what sampling alone makes of it; `None` where that is not known.
pub(super) fn is_noise(view: &View, change: i64, sigma: f64) -> Option<bool> {
    let known = view.sampling.is_estimated() && !sigma.is_nan();
    let least = view.query.level.map_or(NOISE, sigmas);
    known.then(|| (change as f64).abs() < least * sigma)
}

/// What `±`, an interval and `~` mean, in a line; `None` where nothing is sampled. `noise` is the number of changes that are
/// marked; `None` where the values are no changes.
pub(super) fn legend(view: &View, noise: Option<usize>) -> Option<String> {
    if !view.sampling.is_estimated() {
        return None;
    }
    let mut text = match view.query.level {
        Some(level) => format!("intervals hold {level}% of the sampling distribution"),
        None => "± is one sigma of sampling".to_owned(),
    };
    match (noise, view.query.level) {
        (None | Some(0), _) => {}
        (Some(n), Some(_)) => text.push_str(&format!(", ~ marks a change whose interval holds 0 ({n} here)")),
        (Some(n), None) => text.push_str(&format!(", ~ marks a change below two of them ({n} here)")),
    }
    if noise.is_some_and(|n| n > 0) {
        text.push_str(", which may be noise");
    }
    if view.origin.kind == Some(Kind::Heap) && view.sample_type.starts_with("inuse") {
        text.push_str("; live heap also swings with garbage collection");
    }
    Some(text)
}

/// How many sigma to either side hold so many percent of a normal distribution: the quantile of (1 + level) / 2, by the
/// rational approximation of Peter Acklam (relative error below 1.2e-9).
fn sigmas(level: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    const TAIL: f64 = 0.975_75;
    let horner = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, k| sum * x + k);
    let p = (1.0 + level / 100.0) / 2.0;
    if p > TAIL {
        let q = (-2.0 * (1.0 - p).ln()).sqrt();
        return -horner(&C, q) / (horner(&D, q) * q + 1.0);
    }
    let q = p - 0.5;
    let r = q * q;
    horner(&A, r) * q / (horner(&B, r) * r + 1.0)
}

#[cfg(test)]
mod tests {
    use super::sigmas;

    #[test]
    fn quantiles_of_the_normal_distribution() {
        for (level, want) in [
            (50.0, 0.674_490),
            (68.268_949, 1.0),
            (90.0, 1.644_854),
            (95.0, 1.959_964),
            (99.0, 2.575_829),
            (99.9, 3.290_527),
        ] {
            assert!((sigmas(level) - want).abs() < 1e-5, "{level}: {}", sigmas(level));
        }
    }
}
