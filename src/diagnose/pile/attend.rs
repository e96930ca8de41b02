//! Goroutines that attend others which are well: the connections of an exec session, the streams of a watched secret. Their
//! number follows from the number of those, not from the size of the node.

use super::super::crowd::Crowd;
use super::super::observe::Observed;
use super::{NameId, unit_of};
use crate::kubelet::SubsystemId;

/// Handlers of sessions that last as long as somebody keeps them open.
const SESSIONS: [&str; 4] = [
    "(*Server).getExec",
    "(*Server).getAttach",
    "(*Server).getPortForward",
    "(*Server).getContainerLogs",
];

/// Goroutines that a session has in one part at most: a port forward copies both ways over several streams.
const PER_SESSION: u64 = 6;
/// Parts in which sessions have goroutines.
const OF_SESSIONS: [&str; 5] = ["streaming", "api-machinery", "kubelet-server", "http", "fs-watch"];

/// Parts in which each watched object has a goroutine.
const OF_WATCHES: [&str; 4] = ["http", "watch", "context", "informers"];
/// Secrets and config maps that a pod often has; more of them are worth a look.
const WATCHED: u64 = 8;

/// What has goroutines that attend it, in one crowd.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attended {
    /// Sessions, by their handlers: a connection without one is no session.
    sessions: u64,
    /// Watched secrets and config maps.
    watched: u64,
    /// As many of them as the pods of this node often have.
    usual: u64,
}

impl Attended {
    /// Looks at a crowd once.
    pub(super) fn of(seen: &Observed, crowd: &Crowd, pods: Option<f64>) -> Self {
        let handles = |f: &NameId| {
            let key = seen.book.key(*f);
            key.starts_with("k8s.io/kubernetes/pkg/kubelet/server") && SESSIONS.iter().any(|s| key.contains(s))
        };
        let sessions = (crowd.groups.iter())
            .filter(|g| seen.stacks.get(g.stack).iter().any(handles))
            .map(|g| g.count);
        // Each object has several goroutines of the cache; the largest group has one of each.
        let watched = (crowd.groups.iter())
            .filter(|g| seen.book.subsystem_key(unit_of(seen, g).0) == "object-cache")
            .map(|g| g.count);
        Self {
            sessions: sessions.sum(),
            watched: watched.max().unwrap_or(0),
            usual: pods.map_or(0, |pods| WATCHED * pods as u64),
        }
    }

    /// How many goroutines of a part attend sessions and watched objects.
    pub(super) fn attendants(&self, seen: &Observed, part: Option<SubsystemId>) -> u64 {
        let key = seen.book.subsystem_key(part);
        let of = |parts: &[&str], count: u64| if parts.contains(&key) { count } else { 0 };
        of(&OF_SESSIONS, PER_SESSION * self.sessions) + of(&OF_WATCHES, self.watched.min(self.usual))
    }

    /// Watched objects, where the goroutines of a part are as many: whether they leak is then whether those do, and pods may
    /// have that many.
    pub(super) fn watches_of(&self, seen: &Observed, part: Option<SubsystemId>, count: u64) -> Option<u64> {
        let follows = OF_WATCHES.contains(&seen.book.subsystem_key(part)) && count <= self.watched + self.watched / 10;
        follows.then_some(self.watched)
    }
}
