//! Which profile a command looks at when it is given a bundle or a folder.
//!
//! One snapshot of one process: the latest that has the kind, of the latest process. In a bundle, the node is the one where
//! it is largest, and without a kind it is the first of [`PREFERRED`] that there is. In a folder without a manifest several
//! kinds, or processes that nothing says to be of one node, are asked for. What was chosen out of what is said.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::InputError;
use super::series::{Artifact, KnownBy, Moment, Series, preference};
use crate::model::Kind;
use crate::pprof::goroutines::DumpChoice;

/// Kinds in the order in which a command without a kind takes them from a bundle.
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

/// What to take of bundles and folders.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    /// Name of the node.
    pub node: Option<String>,
    /// Number of the process: a restart begins a new one.
    pub run: Option<u32>,
    /// Which snapshot of it; `None` for the last. Files that were named one by one are added up unless this is given.
    pub snapshot: Option<Which>,
    /// Name of the artifact, where a kind has several: `mutex` and `block`, `heap` and `heap-gc`.
    pub artifact: Option<String>,
    /// Which goroutine dump of a text that has several; of other sources as well.
    pub dump: DumpChoice,
}

/// Which snapshot of a process.
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
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The artifacts: one form each of one snapshot, or more.
    pub artifacts: Vec<Artifact>,
    /// Their kind.
    pub kind: Kind,
    /// The node; `""` when unknown.
    pub node: String,
    /// The process.
    pub run: u32,
    /// Number and time of the snapshot; none where all were taken, or there is none.
    pub snapshot: Option<(u32, Option<Timestamp>)>,
    /// How many snapshots of the process have it.
    pub snapshots: usize,
    /// Other kinds that there are.
    pub other_kinds: Vec<Kind>,
    /// Other artifacts of the kind in the snapshot.
    pub other_artifacts: Vec<String>,
    /// Nodes that have the kind.
    pub nodes: usize,
    /// Processes of the node that have it.
    pub runs: usize,
    /// What says that the snapshots are of one process.
    pub known_by: KnownBy,
    /// Profiles that no time says when they were taken, where others have one: they are neither first nor last.
    pub untimed: usize,
}

impl Chosen {
    /// What was chosen, in words.
    pub fn what(&self) -> String {
        let first = self.artifacts.first();
        if self.known_by != KnownBy::Manifest {
            return match self.snapshot {
                None => format!("all {} snapshots", self.snapshots),
                Some(_) => first.map_or_else(String::new, |a| a.file_name().to_owned()),
            };
        }
        let name = first.map_or("", |a| a.name.as_str());
        let which = match self.snapshot {
            Some((number, taken)) => format!(", snapshot {number}{}", of_time(taken)),
            None if self.snapshots > 1 => format!(", all {} snapshots", self.snapshots),
            None => String::new(),
        };
        format!("{name} of {}, run {}{which}", self.node, self.run)
    }

    /// Whether several snapshots are added up.
    pub fn adds_moments(&self) -> bool {
        self.snapshot.is_none() && self.snapshots > 1
    }

    /// Whether there is anything else that could have been chosen.
    pub fn has_others(&self) -> bool {
        !self.other_kinds.is_empty()
            || !self.other_artifacts.is_empty()
            || self.snapshots > 1
            || self.runs > 1
            || self.nodes > 1
    }
}

fn of_time(taken: Option<Timestamp>) -> String {
    taken.map_or_else(String::new, |taken| {
        let utc = taken.to_zoned(jiff::tz::TimeZone::UTC);
        format!(" of {}", utc.strftime("%Y-%m-%dT%H:%M:%SZ"))
    })
}

impl std::fmt::Display for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what())?;
        if self.known_by != KnownBy::Manifest {
            if let Some((number, taken)) = self.snapshot {
                write!(f, ", snapshot {number}{}", of_time(taken))?;
            }
            match self.known_by {
                _ if self.snapshots < 2 => {}
                KnownBy::Build => f.write_str("; process not known: equal build IDs, distinct times")?,
                KnownBy::Nothing => f.write_str("; process not known: the files do not say it")?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// A profile that may be chosen.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    series: &'a Series,
    moment: Option<&'a Moment>,
    artifact: &'a Artifact,
}

impl Candidate<'_> {
    /// A number to compare nodes by: the last total, which is what the kind shows by default.
    fn weight(&self) -> i64 {
        self.artifact.facts.totals.last().map_or(0, |t| t.value)
    }

    fn number(&self) -> u32 {
        self.moment.map_or(0, |m| m.number)
    }

    fn is_of(&self, name: &str) -> bool {
        let by_content = self.series.known_by != KnownBy::Manifest && matches!(name, "mutex" | "block");
        name == self.artifact.name || name == self.artifact.stem() || by_content && self.artifact.is(Kind::Contention)
    }
}

/// How many there are of each kind.
pub(super) fn counts<'a>(artifacts: impl Iterator<Item = &'a Artifact>) -> Vec<(Kind, usize)> {
    let mut counts: Vec<(Kind, usize)> = Vec::new();
    for kind in artifacts.filter_map(|a| a.kind) {
        match counts.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, n)) => *n += 1,
            None => counts.push((kind, 1)),
        }
    }
    counts.sort();
    counts
}

/// Chooses among the series of one source.
///
/// # Errors
/// When there is nothing of that kind, node, run or snapshot, or it has to be asked for.
pub(super) fn choose(series: &[Series], kind: Option<Kind>, choice: &Choice) -> Result<Chosen, InputError> {
    let is_bundle = series.first().is_none_or(|s| s.known_by == KnownBy::Manifest);
    let not_there = |what: String, has: Vec<String>| InputError::NotInBundle { what, has };
    if let Some(node) = choice.node.as_ref().filter(|n| series.iter().all(|s| s.node != **n)) {
        let mut has: Vec<String> = series
            .iter()
            .map(|s| s.node.clone())
            .filter(|n| !n.is_empty())
            .collect();
        has.dedup();
        return Err(not_there(format!("node {node}"), has));
    }
    let here: Vec<Candidate<'_>> = series
        .iter()
        .filter(|s| choice.node.as_ref().is_none_or(|n| *n == s.node))
        .filter(|s| choice.run.is_none_or(|r| r == s.run))
        .flat_map(|series| {
            let all = series.artifacts().filter(|(_, a)| a.kind.is_some());
            all.map(move |(moment, artifact)| Candidate {
                series,
                moment,
                artifact,
            })
        })
        .collect();
    if let (Some(run), true) = (choice.run, here.is_empty()) {
        let runs = series.iter().map(|s| match s.node.as_str() {
            "" => format!("run {}", s.run),
            node => format!("run {} of {node}", s.run),
        });
        return Err(not_there(format!("run {run}"), runs.collect()));
    }
    let available = counts(here.iter().map(|c| c.artifact));
    if available.is_empty() {
        return Err(InputError::EmptyBundle);
    }
    // `mutex` is also `mutex.debug1`.
    let named = |c: &&Candidate<'_>| choice.artifact.as_ref().is_none_or(|n| c.is_of(n));
    if let (Some(name), false) = (&choice.artifact, here.iter().any(|c| named(&c))) {
        let mut has: Vec<String> = here.iter().map(|c| c.artifact.name.clone()).collect();
        has.sort();
        has.dedup();
        return Err(not_there(format!("artifact {name}"), has));
    }
    let fits = |k: &Kind| here.iter().any(|c| named(&c) && c.artifact.is(*k));
    let kind = match kind {
        Some(asked) if fits(&asked) => asked,
        Some(asked) => return Err(InputError::NoSuchKind { asked, available }),
        None if !is_bundle && available.len() > 1 => return Err(InputError::Kinds { available }),
        None => PREFERRED.into_iter().find(fits).ok_or(InputError::EmptyBundle)?,
    };
    let of_kind: Vec<Candidate<'_>> = here
        .into_iter()
        .filter(|c| named(&c))
        .filter(|c| c.artifact.is(kind))
        .collect();
    let which = choice.snapshot.unwrap_or_default();
    let within = |c: &&Candidate<'_>| match which {
        Which::Number(n) => c.number() == n,
        _ => true,
    };
    if let (Which::Number(n), false) = (which, of_kind.iter().any(|c| within(&c))) {
        let mut has: Vec<u32> = of_kind.iter().map(Candidate::number).collect();
        has.sort_unstable();
        has.dedup();
        let has = has.iter().map(|n| match n {
            0 => "one of no snapshot, taken once".to_owned(),
            n => format!("snapshot {n}"),
        });
        let has = has.collect();
        return Err(not_there(format!("snapshot {n} with a {kind} profile"), has));
    }
    let mut of_kind = of_kind;
    let mut untimed = 0;
    if !is_bundle {
        one_process(&of_kind)?;
        let is_timed = |c: &Candidate<'_>| c.moment.is_some_and(|m| m.taken.is_some());
        if matches!(which, Which::First | Which::Last) && of_kind.iter().any(is_timed) {
            let before = of_kind.len();
            of_kind.retain(is_timed);
            untimed = before - of_kind.len();
        }
    }
    // Of every node the newest run, of that the newest snapshot; of these the heaviest, by name where they are equal.
    let key = |c: &Candidate<'_>| (c.series.run, c.number());
    let mut nodes: Vec<&str> = of_kind.iter().map(|c| c.series.node.as_str()).collect();
    nodes.dedup();
    let newest = nodes.iter().filter_map(|n| {
        let of_node = of_kind.iter().filter(|c| c.series.node == **n && within(c));
        of_node.max_by_key(|c| (key(c), c.weight()))
    });
    let best = newest.max_by_key(|c| (c.weight(), Reverse(c.series.node.clone())));
    let best = *best.ok_or(InputError::EmptyBundle)?;
    let of_node = || of_kind.iter().filter(|c| c.series.node == best.series.node);
    let of_run: Vec<&Candidate<'_>> = of_node().filter(|c| c.series.run == best.series.run).collect();
    let mut numbers: Vec<u32> = of_run.iter().map(|c| c.number()).collect();
    let mut runs: Vec<u32> = of_node().map(|c| c.series.run).collect();
    runs.sort_unstable();
    runs.dedup();
    numbers.sort_unstable();
    numbers.dedup();
    let wanted: Option<u32> = match which {
        Which::All => None,
        Which::First => numbers.first().copied(),
        Which::Last => numbers.last().copied(),
        Which::Number(n) => Some(n),
    };
    let mut taken: Vec<&Candidate<'_>> = of_run;
    taken.retain(|c| wanted.is_none_or(|n| n == c.number()));
    // Forms of one thing share what stands before the first dot; of several things of a kind one is taken.
    let mut stems: Vec<String> = taken.iter().map(|c| c.artifact.stem().to_owned()).collect();
    stems.sort_by_key(|s| (s != kind.as_str(), s.clone()));
    stems.dedup();
    if !is_bundle {
        one_contention(&taken, stems.len(), choice)?;
    }
    let chosen = stems.first().cloned().unwrap_or_default();
    taken.retain(|c| c.artifact.stem() == chosen);
    if !is_bundle {
        taken.sort_by_key(|c| (c.number(), preference(c.artifact.facts.form)));
    }
    let moment = taken.first().and_then(|c| c.moment);
    Ok(Chosen {
        kind,
        node: best.series.node.clone(),
        run: best.series.run,
        snapshot: wanted.and(moment).map(|m| (m.number, m.taken)),
        snapshots: numbers.len(),
        other_kinds: PREFERRED
            .into_iter()
            .filter(|k| is_bundle && *k != kind && available.iter().any(|(a, _)| a == k))
            .collect(),
        other_artifacts: stems.into_iter().skip(1).collect(),
        nodes: nodes.len(),
        runs: runs.len(),
        known_by: best.series.known_by,
        untimed,
        artifacts: taken.into_iter().map(|c| c.artifact.clone()).collect(),
    })
}

/// Nothing in contention profiles says whether they are of mutexes or of blocking, and a name is no proof.
fn one_contention(taken: &[&Candidate<'_>], things: usize, choice: &Choice) -> Result<(), InputError> {
    let asked = choice.artifact.as_deref().unwrap_or("contention");
    let of_contention = taken.iter().filter(|c| c.artifact.is(Kind::Contention)).count();
    if of_contention < 2 || things < 2 {
        return Ok(());
    }
    Err(InputError::Contention {
        asked: asked.to_owned(),
        files: of_contention,
    })
}

/// Names the processes of a folder where nothing says that one followed the other on one node.
fn one_process(candidates: &[Candidate<'_>]) -> Result<(), InputError> {
    let mut all: Vec<(&Series, usize)> = Vec::new();
    for c in candidates {
        match all.iter_mut().find(|(s, _)| std::ptr::eq(*s, c.series)) {
            Some((_, n)) => *n += 1,
            None => all.push((c.series, 1)),
        }
    }
    let node = all.first().map_or("", |(s, _)| s.node.as_str());
    let known = all
        .iter()
        .all(|(s, _)| s.node == node && s.known_by == KnownBy::Metrics)
        && !node.is_empty();
    if all.len() < 2 || known {
        return Ok(());
    }
    let what = |(s, files): &(&Series, usize)| {
        let mut words = Vec::new();
        if !s.node.is_empty() {
            words.push(format!("node {}", s.node));
        }
        words.push(format!("run {}", s.run));
        if let Some(start) = s.process.start_time.and_then(|t| Timestamp::from_second(t as i64).ok()) {
            words.push(format!("started{}", of_time(Some(start)).replace(" of", "")));
        }
        if !s.build_id.is_empty() {
            let id: String = s.build_id.chars().take(12).collect();
            words.push(format!("build {id}"));
        }
        format!(
            "{} ({})",
            words.join(", "),
            crate::model::units::counted(*files, "file", "files")
        )
    };
    Err(InputError::Processes {
        processes: all.iter().map(what).collect(),
        nodes: all.iter().any(|(s, _)| s.node != node),
    })
}
