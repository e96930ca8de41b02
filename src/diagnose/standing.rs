//! Whether each goroutine of one moment goes on, and which parts have more than this node needs: the expectations of
//! `diagnose` for whoever lists goroutines.

use std::sync::Arc;

use super::crowd::Crowd;
use super::knowledge::builtin;
use super::observe::{Observed, Seen, load};
use super::report::{Claim, Confidence};
use super::{pile, program, stuck};
use crate::kubelet::Knowledge;
use crate::model::goroutine_label::{STANDING, Standing};
use crate::model::{Label, Profile};

/// A part with more goroutines than this node needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excess {
    /// Key of the part, or `""`.
    pub key: String,
    /// Its name.
    pub title: String,
    /// The function that most of them stand in.
    pub function: String,
    /// How many there are.
    pub count: u64,
    /// How many of them are in the largest group, whose function is named.
    pub largest: u64,
    /// How many this node needs at most.
    pub usual: u64,
    /// Pods of the node, where they are known.
    pub pods: Option<u64>,
}

/// Writes the standing of every goroutine into its labels, and gives the parts that have too many, the worst first.
/// `None`, and nothing is written, where the profile is not of a kubelet.
pub fn judge_goroutines(p: &mut Profile, knowledge: &Arc<Knowledge>) -> Option<Vec<Excess>> {
    let mut seen = Observed::new(knowledge.clone());
    let (crowd, groups) = Crowd::with_samples(p, &mut seen.book, &mut seen.stacks);
    let load = load(None, Some(&crowd), &seen.book);
    seen.moments.push(Seen {
        crowd: Some(crowd),
        load,
        ..Seen::default()
    });
    let program = program::program(&seen, &[0]);
    if !program.is_kubelet {
        return None;
    }
    seen.one_process = program.other.is_some();
    let expected = builtin().expectations;
    let standings = stuck::standings(&seen, &[0], &expected);
    let mut excess: Vec<Excess> = (pile::piles(&seen, &[0], &expected).findings.iter())
        .filter(|f| f.confidence >= Confidence::Likely)
        .filter_map(|f| match f.claim {
            Claim::Crowd {
                count, largest, usual, ..
            } => Some(Excess {
                key: f.subsystem.key.clone(),
                title: f.subsystem.title.clone(),
                function: f.subject.clone(),
                count,
                largest,
                usual,
                pods: load.pods.map(|n| n as u64),
            }),
            _ => None,
        })
        .collect();
    excess.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.function.cmp(&b.function)));
    let key = p.strings.intern(STANDING);
    let labels = Standing::ALL.map(|s| (s, Label::text(key, p.strings.intern(s.as_str()))));
    p.samples.append_labels(|i| {
        let standing = standings.get(groups.get(i).copied().flatten()? as usize)?;
        labels.iter().find(|(s, _)| s == standing).map(|(_, l)| *l)
    });
    Some(excess)
}
