//! The same goroutines in the same place at moment after moment.
//!
//! A dump numbers its goroutines, so what waits at every moment can be told from a queue that moves on: pods of a rolling
//! update wait for volumes and containers at every moment, but never the same ones.

use super::super::crowd::{Crowd, Group};
use super::super::observe::Seen;
use super::Scene;

/// Goroutines that stayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stay {
    /// How many.
    pub(super) count: u64,
    /// At how many moments in a row, the last included.
    pub(super) moments: usize,
    /// Seconds from the first of these to the last.
    pub(super) seconds: f64,
    /// The longest wait that any of them had at one of these moments, in minutes.
    pub(super) longest: u64,
}

/// Which of the goroutines in groups that `is` picks were there at earlier moments too; none where dumps do not number
/// their goroutines.
pub(super) fn stay(scene: &Scene<'_>, is: impl Fn(&Group) -> bool) -> Option<Stay> {
    let (mut ids, mut longest) = there(scene.crowd, &is, None);
    if ids.is_empty() {
        return None;
    }
    // A few that leave do not end the wait of the others.
    let least = (ids.len() / 3).max(1);
    let (mut moments, mut first) = (1, scene.moment);
    for m in scene.earlier.iter().rev() {
        let Some(crowd) = m.crowd.as_ref().filter(|c| c.has_ids()) else {
            continue;
        };
        let (then, minutes) = there(crowd, &is, Some(&ids));
        if then.len() < least {
            break;
        }
        ids = then;
        longest = longest.max(minutes);
        moments += 1;
        first = m;
    }
    Some(Stay {
        count: ids.len() as u64,
        moments,
        seconds: seconds(first, scene.moment),
        longest,
    })
}

/// Numbers of the goroutines in these groups, those in `of` only; and their longest wait.
fn there(crowd: &Crowd, is: &impl Fn(&Group) -> bool, of: Option<&[u64]>) -> (Vec<u64>, u64) {
    let (mut ids, mut longest) = (Vec::new(), 0);
    for g in crowd.groups.iter().filter(|g| is(g)) {
        let mut any = false;
        for &id in &g.ids {
            if of.is_none_or(|of| of.binary_search(&id).is_ok()) {
                ids.push(id);
                any = true;
            }
        }
        if any {
            longest = longest.max(g.max_wait());
        }
    }
    ids.sort_unstable();
    (ids, longest)
}

pub(super) fn seconds(from: &Seen, to: &Seen) -> f64 {
    from.seconds().zip(to.seconds()).map_or(0.0, |(a, b)| b - a)
}
