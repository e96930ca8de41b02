//! How much a journal may be about. Folding it up takes time that grows with the square of the number of its nodes, runs and
//! snapshots where they come in the worst order, so that lines beyond what any bundle holds count as damaged.

use super::Record;
use crate::bundle::manifest::{Artifact, Event, Missing};

/// Twice what Kubernetes supports, and as many restarts.
const MAX_NODES: usize = 10_000;
const MAX_RUNS: usize = 10_000;

/// Three merged series of full length, and many times what there is to take.
const MAX_SNAPSHOTS: usize = 30_000;
const MAX_ARTIFACTS: usize = 1_000;

impl Record {
    /// Whether there is room for what a line is about.
    pub(super) fn fits(&self, event: &Event) -> bool {
        let (node, run, snapshot, artifact) = match event {
            Event::Artifact(Artifact { slot, .. })
            | Event::Failed(Missing { slot, .. })
            | Event::Skipped(Missing { slot, .. }) => (&slot.node, slot.run, slot.snapshot, Some(&slot.artifact)),
            Event::Snapshot(s) => (&s.node, s.run, Some(s.snapshot), None),
            Event::Run(r) => (&r.node, r.run, None, None),
            Event::Binary(_) => return self.binaries.len() < MAX_ARTIFACTS,
            Event::Aside(_) => return self.aside.len() < MAX_ARTIFACTS,
            Event::Started(_) => return self.merged.len() < MAX_NODES,
            Event::Finished(_) | Event::Unknown => return true,
        };
        let Ok(node) = self.nodes.binary_search_by(|n| n.node.cmp(node)) else {
            return self.nodes.len() < MAX_NODES;
        };
        let runs = &self.nodes[node].runs;
        let Ok(run) = runs.binary_search_by_key(&run, |r| r.run) else {
            return runs.len() < MAX_RUNS;
        };
        let (artifacts, lacks) = match snapshot {
            None => (&runs[run].once, &runs[run].lacks),
            Some(id) => {
                let snapshots = &runs[run].snapshots;
                match snapshots.binary_search_by_key(&id.number, |s| s.id.number) {
                    Ok(at) => (&snapshots[at].artifacts, &snapshots[at].lacks),
                    Err(_) => return snapshots.len() < MAX_SNAPSHOTS,
                }
            }
        };
        artifact.is_none() || artifacts.len() + lacks.len() < MAX_ARTIFACTS
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::bundle::manifest::{Entry, SnapshotEnded, SnapshotId};
    use crate::bundle::record::{NodeRecord, RunRecord, SnapshotRecord};

    fn snapshot(node: &str, run: u32, number: u32) -> Entry {
        let taken = Timestamp::UNIX_EPOCH;
        Entry {
            at: taken,
            event: Event::Snapshot(SnapshotEnded {
                node: node.to_owned(),
                run,
                snapshot: SnapshotId { number, taken },
            }),
        }
    }

    /// One node, run, snapshot or artifact more than a bundle may have is a damaged line; what is there can still change.
    #[test]
    fn no_more_than_any_bundle_holds() {
        let run = |run| RunRecord {
            run,
            ..RunRecord::default()
        };
        let node = |node: String| NodeRecord {
            node,
            runs: vec![run(1)],
            ..NodeRecord::default()
        };
        let nodes = |n: usize| (1..=n).map(|n| node(format!("{n:08}"))).collect::<Vec<_>>();
        let ended = |number| SnapshotRecord {
            id: SnapshotId {
                number,
                taken: Timestamp::UNIX_EPOCH,
            },
            ended: false,
            artifacts: Vec::new(),
            lacks: Vec::new(),
        };
        let fold = |nodes: Vec<NodeRecord>, entry: Entry| {
            let mut record = Record {
                nodes,
                ..Record::default()
            };
            record.fold(entry);
            record.journal.damaged.is_empty()
        };
        for (n, fits) in [(MAX_NODES - 1, true), (MAX_NODES, false)] {
            assert_eq!(fold(nodes(n), snapshot("n", 1, 1)), fits, "{n} nodes");
            assert!(fold(nodes(n), snapshot("00000001", 1, 1)));
        }
        for (n, fits) in [(MAX_RUNS - 1, true), (MAX_RUNS, false)] {
            let full = || {
                let mut one = node("n".to_owned());
                one.runs = (1..=n as u32).map(run).collect();
                vec![one]
            };
            assert_eq!(fold(full(), snapshot("n", 1 << 20, 1)), fits, "{n} runs");
            assert!(fold(full(), snapshot("n", 1, 1)));
        }
        for (n, fits) in [(MAX_SNAPSHOTS - 1, true), (MAX_SNAPSHOTS, false)] {
            let full = || {
                let mut one = node("n".to_owned());
                one.runs[0].snapshots = (1..=n as u32).map(ended).collect();
                vec![one]
            };
            assert_eq!(fold(full(), snapshot("n", 1, 1 << 20)), fits, "{n} snapshots");
            assert!(fold(full(), snapshot("n", 1, 1)));
        }
    }
}
