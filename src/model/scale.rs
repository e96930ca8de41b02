//! Arithmetic on all values of a profile: scaling, dividing, sums. Rounding is that of google/pprof.

use super::Profile;

impl Profile {
    /// Multiplies the values of each sample type by its ratio, rounding half away from zero. A sample whose scaled
    /// columns all become zero is dropped (columns whose ratio is 1 are not looked at, as in google/pprof).
    pub fn scale(&mut self, ratios: &[f64]) {
        if ratios.iter().all(|&r| r == 1.0) {
            return;
        }
        let mut keep = vec![false; self.samples.len()];
        for (i, keep) in keep.iter_mut().enumerate() {
            for (v, &r) in self.samples.values_mut(i).iter_mut().zip(ratios) {
                if r != 1.0 {
                    *v = (*v as f64 * r).round() as i64;
                    *keep |= *v != 0;
                }
            }
        }
        self.samples.retain(|_, i| keep[i]);
    }

    /// Divides all values, cutting them to integers.
    pub fn divide(&mut self, by: f64) {
        let ratio = 1.0 / by;
        if ratio > 0.0 && ratio != 1.0 {
            for v in self.samples.all_values_mut() {
                *v = (*v as f64 * ratio) as i64;
            }
        }
    }

    /// Sums of all samples, one per sample type.
    pub fn totals(&self) -> Vec<i64> {
        let mut sums = vec![0i64; self.sample_types.len()];
        for i in 0..self.samples.len() {
            for (sum, v) in sums.iter_mut().zip(self.samples.values(i)) {
                *sum = sum.wrapping_add(*v);
            }
        }
        sums
    }

    /// Scales this profile so that the sums of each sample type become those of `base`, column by column.
    pub(super) fn scale_to_totals(&mut self, base: &Profile) {
        let ratios: Vec<f64> = self
            .totals()
            .iter()
            .zip(base.totals())
            .map(|(&own, base)| if own == 0 { 0.0 } else { base as f64 / own as f64 })
            .collect();
        self.scale(&ratios);
    }
}
