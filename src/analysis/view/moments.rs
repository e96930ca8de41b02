//! Profiles of several moments as one: each sample keeps a label that says of which it is, so that names are looked up
//! once and one tree serves them all.

use crate::analysis::view::{base_label, is_base};
use crate::model::{Label, MergeError, MergeOptions, Profile, Samples, StringId, merge};

/// Label of the moment that a sample is of.
const MOMENT_LABEL: &str = "kubeprof::moment";

/// Puts profiles of one kind beside each other, in the order given. Nothing is added up.
///
/// # Errors
/// When they do not measure the same thing.
pub fn moments(mut profiles: Vec<Profile>, options: MergeOptions) -> Result<Profile, MergeError> {
    for (i, p) in profiles.iter_mut().enumerate() {
        mark(p, i as i64);
    }
    merge(profiles, options)
}

fn mark(p: &mut Profile, moment: i64) {
    let mark = Label::number(p.strings.intern(MOMENT_LABEL), moment, StringId::EMPTY);
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

pub(in crate::analysis) fn label(p: &Profile) -> Option<StringId> {
    p.strings.find(MOMENT_LABEL)
}

/// Which moment samples are of.
pub(in crate::analysis) struct Moments {
    label: Option<StringId>,
    base: Option<(StringId, StringId)>,
    count: usize,
}

impl Moments {
    pub(in crate::analysis) fn of(p: &Profile) -> Self {
        let mut moments = Self {
            label: label(p),
            base: base_label(p),
            count: 1,
        };
        if moments.label.is_some() {
            let last = (0..p.samples.len()).map(|i| moments.of_sample(p, i).0).max();
            moments.count = last.map_or(1, |last| last + 1);
        }
        moments
    }

    /// The moment of a sample, and what its values are to be multiplied by. A base is moment 1; its values were subtracted.
    pub(in crate::analysis) fn of_sample(&self, p: &Profile, i: usize) -> (usize, i64) {
        if is_base(p, self.base, i) {
            return (1, -1);
        }
        let found = (p.samples.labels(i).iter().rev()).find(|l| Some(l.key) == self.label);
        (found.map_or(0, |l| usize::try_from(l.number).unwrap_or(0)), 1)
    }

    /// How many moments there are.
    pub(in crate::analysis) fn len(&self) -> usize {
        self.count
    }
}
