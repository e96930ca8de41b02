//! Two profiles as one: the base with its sign turned, added to the source.

use crate::analysis::view::BASE_LABEL;
use crate::model::{Label, MergeError, MergeOptions, Profile, Samples, StringId, merge};

/// `profile` minus `base`. With `keep_base`, the samples of the base are marked, so that nothing cancels out and 100 % is
/// the base (`diff_base`); otherwise equal samples cancel (`base`). With `normalize`, the profile is first scaled to the
/// base's totals.
///
/// # Errors
/// When the two do not measure the same thing.
pub fn compare(
    mut profile: Profile,
    mut base: Profile,
    keep_base: bool,
    normalize: bool,
    options: MergeOptions,
) -> Result<Profile, MergeError> {
    if keep_base {
        mark(&mut base);
    }
    if normalize {
        profile.normalize(&mut base)?;
    }
    let ratios = vec![-1.0; base.sample_types.len()];
    base.scale(&ratios);
    merge(vec![profile, base], options)
}

/// Label with the period of a sample, where profiles of different periods were added up.
pub(in crate::analysis) const PERIOD_LABEL: &str = "kubeprof::period";

/// Marks the samples of CPU profiles with their periods, where these differ: the error of a sum is that of its parts.
pub fn keep_periods(profiles: &mut [Profile]) {
    let period = profiles.first().map(|p| p.period);
    if profiles.iter().all(|p| Some(p.period) == period) {
        return;
    }
    for p in profiles.iter_mut().filter(|p| p.period > 0) {
        let key = p.strings.intern(PERIOD_LABEL);
        let unit = p.period_type.map_or(StringId::EMPTY, |t| t.unit);
        let label = Label::number(key, p.period, unit);
        label_all(p, label);
    }
}

/// Takes away what [`keep_periods`] marked.
pub fn forget_periods(p: &mut Profile) {
    if let Some(key) = p.strings.find(PERIOD_LABEL) {
        p.samples.retain_labels(|l| l.key != key);
    }
}

/// Sets the base label on every sample.
fn mark(p: &mut Profile) {
    let mark = Label::text(p.strings.intern(BASE_LABEL), p.strings.intern("true"));
    label_all(p, mark);
}

/// Sets a label on every sample.
fn label_all(p: &mut Profile, mark: Label) {
    let mut samples = Samples::new(p.samples.types());
    let mut labels = Vec::new();
    for i in 0..p.samples.len() {
        labels.clear();
        labels.extend(p.samples.labels(i).iter().filter(|l| l.key != mark.key));
        labels.push(mark);
        samples.push(p.samples.stack(i), p.samples.values(i), &labels);
    }
    p.samples = samples;
}
