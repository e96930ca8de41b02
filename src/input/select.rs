//! Which artifacts of a bundle a command looks at when it is given nothing but the bundle.
//!
//! One snapshot of one process of one node: the newest that has the kind, of the newest run, of the node where it is
//! largest. Without `--kind` it is the first of [`PREFERRED`] that there is. What was chosen out of what is said.

use std::cmp::Reverse;

use super::SourceError;
use crate::bundle::Record;
use crate::bundle::manifest::{Artifact, SnapshotId};
use crate::model::Kind;

/// Kinds in the order in which a command without `--kind` takes them.
pub const PREFERRED: [Kind; 8] = [
    Kind::Heap,
    Kind::Cpu,
    Kind::Goroutine,
    Kind::Allocs,
    Kind::GoroutineLeak,
    Kind::Contention,
    Kind::ThreadCreate,
    Kind::Other,
];

/// What to take of a bundle. Nothing of it matters for other sources.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    /// Name of the node.
    pub node: Option<String>,
    /// Number of the run.
    pub run: Option<u32>,
    /// Which snapshot of it; the last by default.
    pub snapshot: Which,
    /// Name of the artifact, where a kind has several: `mutex` and `block`, `heap` and `heap-gc`.
    pub artifact: Option<String>,
}

/// Which snapshot of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Which {
    /// The first that has the kind.
    First,
    /// The last that has the kind.
    #[default]
    Last,
    /// The one of this number.
    Number(u32),
    /// All of them, added up.
    All,
}

impl std::str::FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "first" => Ok(Which::First),
            "last" => Ok(Which::Last),
            "all" => Ok(Which::All),
            n => n
                .parse()
                .map(Which::Number)
                .map_err(|_| "expected first, last, all or a number".to_owned()),
        }
    }
}

/// What was chosen, and out of what.
#[derive(Clone, PartialEq, Debug)]
pub struct Chosen {
    /// The artifacts: one form each of one snapshot, or more.
    pub artifacts: Vec<Artifact>,
    /// Their kind.
    pub kind: Kind,
    /// The node.
    pub node: String,
    /// The run.
    pub run: u32,
    /// The snapshot; none where all were taken, or there is none.
    pub snapshot: Option<SnapshotId>,
    /// How many snapshots of the run have it.
    pub snapshots: usize,
    /// Other kinds that there are.
    pub other_kinds: Vec<Kind>,
    /// Other artifacts of the kind in the snapshot.
    pub other_artifacts: Vec<String>,
    /// Nodes that have the kind.
    pub nodes: usize,
    /// Runs of the node that have it.
    pub runs: usize,
}

impl Chosen {
    /// What was chosen, in words.
    pub fn what(&self) -> String {
        let name = self.artifacts.first().map_or("", |a| a.slot.artifact.as_str());
        let which = match self.snapshot {
            Some(id) => format!(", snapshot {} of {}", id.number, id.shown()),
            None if self.snapshots > 1 => format!(", all {} snapshots", self.snapshots),
            None => String::new(),
        };
        format!("{name} of {}, run {}{which}", self.node, self.run)
    }
}

impl std::fmt::Display for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what())?;
        let mut others = Vec::new();
        if !self.other_kinds.is_empty() {
            let kinds: Vec<&str> = self.other_kinds.iter().map(|k| k.as_str()).collect();
            others.push(format!("--kind {}", kinds.join("|")));
        }
        if !self.other_artifacts.is_empty() {
            others.push(format!("--artifact {}", self.other_artifacts.join("|")));
        }
        if self.snapshots > 1 {
            others.push(format!("--snapshot first|last|N|all ({})", self.snapshots));
        }
        if self.runs > 1 {
            others.push(format!("--run N ({})", self.runs));
        }
        if self.nodes > 1 {
            others.push(format!("--node NAME ({}; this one is the largest)", self.nodes));
        }
        if !others.is_empty() {
            write!(f, "; choose with {}", others.join(", "))?;
        }
        Ok(())
    }
}

fn kind_of(artifact: &Artifact) -> Option<Kind> {
    Kind::parse(&artifact.facts.kind)
}

/// A number to compare nodes by: the last total, which is what the kind shows by default.
fn weight(artifact: &Artifact) -> i64 {
    artifact.facts.totals.last().map_or(0, |t| t.value)
}

fn number(artifact: &Artifact) -> u32 {
    artifact.slot.snapshot.map_or(0, |s| s.number)
}

/// Chooses among the artifacts of which `is_there` says that they are.
///
/// # Errors
/// When there is nothing of that kind, node, run or snapshot.
pub fn choose(
    record: &Record,
    is_there: &dyn Fn(&str) -> bool,
    kind: Option<Kind>,
    choice: &Choice,
) -> Result<Chosen, SourceError> {
    let all: Vec<&Artifact> = record
        .artifacts()
        .filter(|a| kind_of(a).is_some() && is_there(&a.path))
        .collect();
    let counts = |artifacts: &[&Artifact]| {
        let mut counts: Vec<(Kind, usize)> = Vec::new();
        for kind in artifacts.iter().filter_map(|a| kind_of(a)) {
            match counts.iter_mut().find(|(k, _)| *k == kind) {
                Some((_, n)) => *n += 1,
                None => counts.push((kind, 1)),
            }
        }
        counts.sort();
        counts
    };
    let not_there = |what: String, has: Vec<String>| SourceError::NotInBundle { what, has };
    if let Some(node) = choice.node.as_ref().filter(|n| record.node(n).is_none()) {
        let has = record.nodes.iter().map(|n| n.node.clone()).collect();
        return Err(not_there(format!("node {node}"), has));
    }
    let here: Vec<&Artifact> = all
        .into_iter()
        .filter(|a| choice.node.as_ref().is_none_or(|n| *n == a.slot.node))
        .filter(|a| choice.run.is_none_or(|r| r == a.slot.run))
        .collect();
    if let (Some(run), true) = (choice.run, here.is_empty()) {
        let runs = record
            .nodes
            .iter()
            .flat_map(|n| n.runs.iter().map(|r| format!("run {} of {}", r.run, n.node)));
        return Err(not_there(format!("run {run}"), runs.collect()));
    }
    let available = counts(&here);
    if available.is_empty() {
        return Err(SourceError::EmptyBundle);
    }
    // `mutex` is also `mutex.debug1`.
    let stem = |a: &Artifact| a.slot.artifact.split('.').next().unwrap_or_default().to_owned();
    let is = |a: &Artifact, name: &String| *name == a.slot.artifact || *name == stem(a);
    let named = |a: &&Artifact| choice.artifact.as_ref().is_none_or(|n| is(a, n));
    if let (Some(name), false) = (&choice.artifact, here.iter().any(named)) {
        let mut has: Vec<String> = here.iter().map(|a| a.slot.artifact.clone()).collect();
        has.sort();
        has.dedup();
        return Err(not_there(format!("artifact {name}"), has));
    }
    let fits = |k: &Kind| here.iter().any(|a| named(a) && kind_of(a) == Some(*k));
    let kind = match kind {
        Some(asked) if fits(&asked) => asked,
        Some(asked) => return Err(SourceError::NoSuchKind { asked, available }),
        None => PREFERRED.into_iter().find(fits).ok_or(SourceError::EmptyBundle)?,
    };
    let of_kind: Vec<&Artifact> = here
        .into_iter()
        .filter(named)
        .filter(|a| kind_of(a) == Some(kind))
        .collect();
    let within = |a: &&Artifact| match choice.snapshot {
        Which::Number(n) => number(a) == n,
        _ => true,
    };
    if let (Which::Number(n), false) = (choice.snapshot, of_kind.iter().any(within)) {
        let mut has: Vec<u32> = of_kind.iter().map(|a| number(a)).collect();
        has.sort_unstable();
        has.dedup();
        let has = has.iter().map(|n| format!("snapshot {n}")).collect();
        return Err(not_there(format!("snapshot {n} with a {kind} profile"), has));
    }
    // Of every node the newest run, of that the newest snapshot; of these the heaviest, by name where they are equal.
    let key = |a: &Artifact| (a.slot.run, number(a));
    let mut nodes: Vec<&str> = of_kind.iter().map(|a| a.slot.node.as_str()).collect();
    nodes.dedup();
    let newest = nodes.iter().filter_map(|n| {
        let of_node = of_kind.iter().filter(|a| a.slot.node == **n && within(a));
        of_node.max_by_key(|a| (key(a), weight(a)))
    });
    let best = newest.max_by_key(|a| (weight(a), Reverse(a.slot.node.clone())));
    let best = *best.ok_or(SourceError::EmptyBundle)?;
    let of_node: Vec<&&Artifact> = of_kind.iter().filter(|a| a.slot.node == best.slot.node).collect();
    let of_run: Vec<&Artifact> = of_node
        .iter()
        .filter(|a| a.slot.run == best.slot.run)
        .map(|a| **a)
        .collect();
    let mut numbers: Vec<u32> = of_run.iter().map(|a| number(a)).collect();
    let mut runs: Vec<u32> = of_node.iter().map(|a| a.slot.run).collect();
    runs.sort_unstable();
    runs.dedup();
    numbers.sort_unstable();
    numbers.dedup();
    let wanted: Option<u32> = match choice.snapshot {
        Which::All => None,
        Which::First => numbers.first().copied(),
        Which::Last => numbers.last().copied(),
        Which::Number(n) => Some(n),
    };
    let mut taken: Vec<Artifact> = of_run
        .into_iter()
        .filter(|a| wanted.is_none_or(|n| n == number(a)))
        .cloned()
        .collect();
    // Forms of one thing share what stands before the first dot; of several things of a kind one is taken.
    let mut stems: Vec<String> = taken.iter().map(stem).collect();
    stems.sort_by_key(|s| (s != kind.as_str(), s.clone()));
    stems.dedup();
    let chosen = stems.first().cloned().unwrap_or_default();
    taken.retain(|a| stem(a) == chosen);
    Ok(Chosen {
        kind,
        node: best.slot.node.clone(),
        run: best.slot.run,
        snapshot: wanted.and_then(|_| taken.first().and_then(|a| a.slot.snapshot)),
        snapshots: numbers.len(),
        other_kinds: PREFERRED
            .into_iter()
            .filter(|k| *k != kind && available.iter().any(|(a, _)| a == k))
            .collect(),
        other_artifacts: stems.into_iter().skip(1).collect(),
        nodes: nodes.len(),
        runs: runs.len(),
        artifacts: taken,
    })
}
