//! How witnesses add up to a confidence.
//!
//! Each witness is worth the decimal logarithm of how much likelier it is in a sick kubelet than in a healthy one. What is
//! found on one healthy kubelet in ten is worth 1, in a hundred 2. Witnesses of one sort are counted once.

use super::report::{Confidence, Reason, Why};

/// From here on it is worth another look.
const SUSPECT: f64 = 1.0;
/// From here on it is wrong at most once in a hundred.
const LIKELY: f64 = 2.0;
/// From here on, with two sorts of witnesses, nothing else explains it.
const CERTAIN: f64 = 4.0;

/// Witnesses for one finding.
#[derive(Debug, Default)]
pub(super) struct Scale {
    sum: f64,
    witnesses: usize,
    /// With their weights.
    reasons: Vec<(f64, Reason)>,
    cap: Option<Confidence>,
}

impl Scale {
    /// A witness for it.
    pub(super) fn add(&mut self, weight: f64, why: Why) {
        let same = self
            .reasons
            .iter()
            .any(|(_, r)| std::mem::discriminant(&r.why) == std::mem::discriminant(&why));
        if !same && weight > 0.0 {
            self.witnesses += 1;
        }
        self.sum += weight;
        self.reasons.push((weight, Reason::with(why)));
    }

    /// What speaks against it.
    pub(super) fn against(&mut self, weight: f64, why: Why) {
        self.sum -= weight;
        self.reasons.push((weight, Reason::against(why)));
    }

    /// What is worth saying and weighs nothing.
    pub(super) fn note(&mut self, why: Why) {
        self.reasons.push((0.0, Reason::against(why)));
    }

    /// Whether there is such a witness.
    pub(super) fn has(&self, of: impl Fn(&Why) -> bool) -> bool {
        self.reasons.iter().any(|(_, r)| of(&r.why))
    }

    /// Never surer than this.
    pub(super) fn at_most(&mut self, cap: Confidence) {
        self.cap = Some(self.cap.map_or(cap, |c| c.min(cap)));
    }

    /// The confidence, if it is worth anything.
    pub(super) fn confidence(&self) -> Option<Confidence> {
        let found = match self.sum {
            s if s >= CERTAIN && self.witnesses >= 2 => Confidence::Certain,
            s if s >= LIKELY => Confidence::Likely,
            s if s >= SUSPECT => Confidence::Suspect,
            _ => return None,
        };
        Some(self.cap.map_or(found, |cap| found.min(cap)))
    }

    /// How many sorts of witnesses speak for it.
    pub(super) fn witnesses(&self) -> usize {
        self.witnesses
    }

    /// At how many moments in a row it was found.
    pub(super) fn persists(&self) -> Option<usize> {
        self.reasons.iter().find_map(|(_, r)| match r.why {
            Why::Persists { moments, .. } | Why::Stays { moments, .. } | Why::VictimsPersist { moments, .. } => {
                Some(moments)
            }
            _ => None,
        })
    }

    /// Whether more than half of the goroutines of a part were there at once.
    pub(super) fn is_most(&self) -> bool {
        let most = |r: &Reason| matches!(r.why, Why::MostAtOnce { count, of, .. } if count * 2 > of);
        self.reasons.iter().any(|(_, r)| most(r))
    }

    /// What speaks for it, the weightiest first; then what speaks against it.
    pub(super) fn into_reasons(self) -> Vec<Reason> {
        let mut reasons = self.reasons;
        reasons.sort_by(|(a, x), (b, y)| y.supports.cmp(&x.supports).then(b.total_cmp(a)));
        reasons.into_iter().map(|(_, r)| r).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_sorts_of_witnesses() {
        let mut scale = Scale::default();
        assert_eq!(scale.confidence(), None);
        scale.add(1.2, Why::ManyOwners(2));
        assert_eq!(scale.confidence(), Some(Confidence::Suspect));
        scale.add(3.0, Why::ManyOwners(3));
        // One sort of witness is never certain.
        assert_eq!(scale.confidence(), Some(Confidence::Likely));
        scale.add(0.5, Why::StillClimbing);
        assert_eq!(scale.confidence(), Some(Confidence::Certain));
        scale.against(3.0, Why::NoWaits);
        assert_eq!(scale.confidence(), Some(Confidence::Suspect));
        scale.at_most(Confidence::Suspect);
        scale.add(9.0, Why::LoadFlat);
        assert_eq!(scale.confidence(), Some(Confidence::Suspect));
        let order: Vec<Why> = scale.into_reasons().into_iter().map(|r| r.why).collect();
        assert_eq!(order[0], Why::LoadFlat);
        assert_eq!(order[1], Why::ManyOwners(3));
        assert_eq!(order[4], Why::NoWaits);
    }
}
