//! Whether a far end that keeps callers waiting answers others meanwhile.
//!
//! A runtime that hangs as a whole and a runtime in which the calls of some containers hang are not the same trouble, and
//! only the first may be said to be silent. The PLEG asks the runtime every second, so it is the witness: in a call of its
//! own that lasts, or done seconds ago.

use super::super::report::{FarEnd, Others};
use super::{Barrier, Cohort, Scene, weigh};

/// Seconds after which a PLEG that was not seen is a witness.
const SILENT: f64 = 60.0;
/// Seconds within which a PLEG that was seen is one.
const RECENT: f64 = 30.0;

/// What is known of other calls to the same far end.
pub(super) fn others(scene: &Scene<'_>, barrier: Barrier, cohort: &Cohort<'_>) -> Others {
    let Barrier::Call(far_end) = barrier else {
        return Others::Unknown;
    };
    let owners = cohort.owners().iter().filter(|o| o.is_some()).count();
    match far_end {
        FarEnd::Runtime => runtime(scene, barrier, owners),
        FarEnd::ImageService => Others::Unknown,
        FarEnd::ApiServer | FarEnd::Network | FarEnd::Grpc if owners < 2 => Others::Unknown,
        _ => Others::Silent,
    }
}

fn runtime(scene: &Scene<'_>, barrier: Barrier, owners: usize) -> Others {
    let ago = scene.moment.metrics.as_ref().and_then(|m| {
        let seen = m.get("kubelet_pleg_last_seen_seconds").filter(|&t| t > 0.0)?;
        Some(scene.moment.seconds()? - seen)
    });
    match ago {
        Some(ago) if (SILENT..1e7).contains(&ago) => return Others::Silent,
        Some(ago) if (-RECENT..RECENT).contains(&ago) => return Others::Answered,
        _ => {}
    }
    let book = &scene.seen.book;
    let is_pleg = |g: &&super::Group| book.subsystem_key(g.attribution.owner) == "pleg";
    let mut pleg = scene.crowd.groups.iter().filter(is_pleg).peekable();
    let is_there = pleg.peek().is_some();
    if pleg.clone().any(|g| weigh::is_at(scene, g, barrier)) {
        // One call at one moment may have begun just now.
        return if owners >= 3 || pleg.any(|g| g.max_wait() >= 1) {
            Others::Silent
        } else {
            Others::Unknown
        };
    }
    if is_there && pleg.all(|g| g.max_wait() == 0) {
        return Others::Answered;
    }
    if owners >= 3 { Others::Silent } else { Others::Unknown }
}
