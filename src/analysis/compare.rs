//! Two profiles as one: the base with its sign turned, added to the source.

use super::view::BASE_LABEL;
use crate::model::{Label, MergeError, MergeOptions, Profile, Samples, merge};

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

/// Sets the base label on every sample.
fn mark(p: &mut Profile) {
    let mark = Label::text(p.strings.intern(BASE_LABEL), p.strings.intern("true"));
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
