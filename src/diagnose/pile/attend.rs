//! Goroutines that attend others which are as they should be: the connections of an exec session, the streams of a watched
//! secret. Their number follows from the number of those, not from the size of the node.

use super::super::crowd::Crowd;
use super::super::observe::Observed;
use super::unit_of;
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
const OF_SESSIONS: [&str; 7] = [
    "streaming",
    "api-machinery",
    "kubelet-server",
    "http",
    "http2",
    "fs-watch",
    "cri-streaming",
];

/// Goroutines that a watched secret or config map has in one part at most.
const PER_WATCH: u64 = 1;
/// Parts in which watched objects have goroutines.
const OF_WATCHES: [&str; 5] = ["http", "http2", "watch", "context", "informers"];
/// Secrets and config maps that a pod often has; more of them are worth a look.
const WATCHED: u64 = 8;

/// How many goroutines of a part attend sessions and watched objects.
pub(super) fn attendants(seen: &Observed, crowd: &Crowd, part: Option<SubsystemId>) -> u64 {
    let key = seen.book.subsystem_key(part);
    let mut all = 0;
    if OF_SESSIONS.contains(&key) {
        all += PER_SESSION * sessions(seen, crowd);
    }
    if OF_WATCHES.contains(&key) {
        let load = super::super::observe::load(None, Some(crowd), &seen.book);
        let usual = load.pods.map_or(0, |pods| WATCHED * pods as u64);
        all += PER_WATCH * watched(seen, crowd).min(usual);
    }
    all
}

/// Watched objects, where goroutines of a part are as many: whether they leak is then whether those do, and pods may have
/// that many.
pub(super) fn follows_watches(seen: &Observed, crowd: &Crowd, part: Option<SubsystemId>, count: u64) -> Option<u64> {
    let key = seen.book.subsystem_key(part);
    let watched = Some(watched(seen, crowd)).filter(|_| OF_WATCHES.contains(&key))?;
    (count <= watched + watched / 10).then_some(watched)
}

/// Sessions by their handlers. A connection without one is no session.
fn sessions(seen: &Observed, crowd: &Crowd) -> u64 {
    let handles = |f: &super::NameId| {
        let key = seen.book.key(*f);
        SESSIONS.iter().any(|s| key.contains(s)) && key.starts_with("k8s.io/kubernetes/pkg/kubelet/server")
    };
    let groups = crowd.groups.iter();
    groups
        .filter(|g| seen.stacks.get(g.stack).iter().any(handles))
        .map(|g| g.count)
        .sum()
}

/// Watched secrets and config maps.
fn watched(seen: &Observed, crowd: &Crowd) -> u64 {
    let is = |part| seen.book.subsystem_key(part) == "object-cache";
    let groups = crowd.groups.iter().filter(|g| is(unit_of(seen, g).0));
    // Each has one goroutine that watches and one that stops it.
    groups.map(|g| g.count).max().unwrap_or(0)
}
