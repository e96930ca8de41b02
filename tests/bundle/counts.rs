//! How much there is for an analysis: profiles of one process and of one artifact, which alone can be compared.

use kubeprof::bundle::Contents;
use kubeprof::bundle::verify::{Goal, verify};
use kubeprof::pprof::Limit;

use super::made_bundle;

/// A heap after a garbage collection is not one more snapshot of the heap: a trend of five needs five of one of them.
#[test]
fn heaps_as_they_are_and_after_a_collection_are_two_series() {
    for (snapshots, without, has) in [(5, 0, 5), (5, 2, 5), (4, 0, 4), (3, 1, 3), (1, 0, 1)] {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("b");
        made_bundle::with_collections(&root, snapshots, without);
        let contents = Contents::folder(&root, Limit::Proportional).expect("a folder");
        let v = verify(&contents, Limit::Proportional).expect("a bundle");
        assert_eq!(v.intact, (2 * snapshots - without) as usize);
        for (goal, needs) in [(Goal::Memory, 1), (Goal::MemoryGrowth, 2), (Goal::MemoryTrend, 5)] {
            let of = v.analyses.iter().find(|a| a.goal == goal).expect("an analysis");
            assert_eq!((of.has, of.needs), (has, needs), "{goal:?} of {snapshots}");
            assert_eq!(of.is_possible(), has >= needs, "{goal:?} of {snapshots}");
        }
    }
}
