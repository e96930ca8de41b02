//! Waits of idle loops in block and mutex profiles: a ticker that waits for its tick, a worker that waits for work.
//!
//! The runtime counts every wait for a channel, a select or a condition as blocking. In a kubelet nearly all of that is time in
//! which there was nothing to do, and it hides the little that is contention. A wait is of an idle loop where it is in Go itself
//! and inside of no library and no other part of the kubelet; waits for mutexes and wait groups never are.

use super::subsystems::Lens;
use super::{Outside, scope};
use crate::kubelet::{Attribution, SubsystemId};
use crate::model::Profile;

/// What idle loops wait in: keys of subsystems.
const IDLE: [&str; 6] = ["channel", "select", "cond", "sleep", "io-wait", "signal-wait"];
/// A worker that waits for its queue is idle, one that waits for the lock of the queue is not.
const QUEUE: &str = "workqueue";
const LOCK: &str = "mutex";

/// Whether a profile is of blocking or of mutexes.
fn is_contention(p: &Profile) -> bool {
    let has = |name: &str| p.sample_types.iter().any(|t| p.text(t.kind) == name);
    has("contentions") && has("delay")
}

/// Drops the waits of idle loops from a profile of blocking or of mutexes; gives how many, and their sums by sample type.
pub(super) fn drop_idle(p: &mut Profile, lens: &Lens) -> (usize, Vec<i64>) {
    let mut sums = vec![0i64; p.sample_types.len()];
    if !is_contention(p) {
        return (0, sums);
    }
    let idle: Vec<Option<SubsystemId>> = IDLE.iter().map(|key| lens.knowledge().by_key(key)).collect();
    let (queue, lock) = (lens.knowledge().by_key(QUEUE), lens.knowledge().by_key(LOCK));
    let has_lock = |i: usize| {
        let lines = p.stack(p.samples.stack(i)).iter().flat_map(|&l| p.lines_of(l));
        let mut parts = lines.filter_map(|line| lens.function(line.function)?.class.subsystem());
        parts.any(|part| Some(part) == lock)
    };
    let is_idle = |(i, a): (usize, &Attribution)| {
        let waits = a.blocked_in.is_some() && (idle.contains(&a.blocked_in) || a.blocked_in == queue && !has_lock(i));
        a.within.is_none() && waits
    };
    let found: Vec<bool> = scope::attributions(p, lens).iter().enumerate().map(is_idle).collect();
    for i in (0..p.samples.len()).filter(|&i| found[i]) {
        for (sum, v) in sums.iter_mut().zip(p.samples.values(i)) {
            *sum = sum.wrapping_add(*v);
        }
    }
    let before = p.samples.len();
    p.samples.retain(|_, i| !found[i]);
    (before - p.samples.len(), sums)
}

impl Outside {
    /// What idle loops took, of one sample type.
    pub(super) fn of_idle((samples, sums): &(usize, Vec<i64>), index: usize) -> Self {
        Self {
            samples: *samples,
            value: sums.get(index).copied().unwrap_or(0),
        }
    }
}
