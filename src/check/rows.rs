//! Heap and CPU of one moment by stack, with owners as `top --by owner` has them and sampled counts recovered exactly.

use rustc_hash::FxHashMap;

use super::names::Names;
use crate::diagnose::book::NameId;
use crate::diagnose::crowd::StackKey;
use crate::diagnose::stats::sampling;
use crate::kubelet::{Clues, FunctionClass, Sense, SubsystemId, attribute};
use crate::model::{LabelKind, Profile, StackId, StringId};

/// How much of a profile has names and owners.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Covered {
    pub(super) locations: usize,
    pub(super) named: usize,
    /// Sum of values, and of those with an owner.
    pub(super) value: f64,
    pub(super) owned: f64,
    /// Sampled objects or ticks that the values rest on; 0 where they are exact.
    pub(super) sampled: f64,
}

/// Objects of one size below one stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HeapRow {
    pub(super) stack: StackKey,
    pub(super) owner: Option<SubsystemId>,
    pub(super) size: f64,
    /// Sampled live objects.
    pub(super) k: u64,
    pub(super) objects: f64,
    pub(super) bytes: f64,
}

/// Live heap of one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct HeapTable {
    pub(super) rows: Vec<HeapRow>,
    /// Mean bytes between samples; 0 where it is not known.
    pub(super) rate: f64,
    /// A text has no sizes: counts of sampled objects are approximate.
    pub(super) is_text: bool,
    /// Sampled objects ever allocated, by owner: none can become fewer inside of one process.
    pub(super) allocated: Vec<(Option<SubsystemId>, u64)>,
    pub(super) covered: Covered,
}

/// CPU time below one stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CpuRow {
    pub(super) stack: StackKey,
    pub(super) owner: Option<SubsystemId>,
    pub(super) ticks: u64,
}

/// CPU of one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct CpuTable {
    pub(super) rows: Vec<CpuRow>,
    pub(super) ticks: u64,
    /// Seconds of a tick.
    pub(super) tick: f64,
    /// Seconds that it was taken for; 0 where it is not known.
    pub(super) seconds: f64,
    pub(super) covered: Covered,
}

impl Covered {
    /// Counts the locations of a profile.
    pub(super) fn of(p: &Profile) -> Self {
        let ids = (0..p.locations.len()).map(crate::model::LocationId::new);
        Self {
            locations: p.locations.len(),
            named: ids.filter(|&l| !p.lines_of(l).is_empty()).count(),
            ..Self::default()
        }
    }

    fn add(&mut self, value: f64, owner: Option<SubsystemId>) {
        self.value += value;
        if owner.is_some() {
            self.owned += value;
        }
    }
}

/// Stacks of one profile, each looked up once.
struct Stacks<'p> {
    profile: &'p Profile,
    names: Vec<NameId>,
    known: Vec<Option<(StackKey, Option<SubsystemId>)>>,
}

impl<'p> Stacks<'p> {
    fn new(profile: &'p Profile, names: &mut Names) -> Self {
        Self {
            profile,
            names: names.book.functions(profile),
            known: vec![None; profile.stacks.len()],
        }
    }

    fn of(&mut self, stack: StackId, names: &mut Names) -> (StackKey, Option<SubsystemId>) {
        if let Some(found) = self.known[stack.index()] {
            return found;
        }
        let mut frames = Vec::new();
        let mut classes = Vec::new();
        for &l in self.profile.stack(stack) {
            let lines = self.profile.lines_of(l);
            if lines.is_empty() {
                // An address without a name is a frame of which nothing is known.
                classes.push(FunctionClass::default());
            }
            for line in lines {
                let id = self.names[line.function.index()];
                frames.push(id);
                classes.push(names.book.get(id).class);
            }
        }
        let owner = attribute(classes, Sense::Spending, Clues::default()).owner;
        let found = (names.stacks.intern(&frames), owner);
        self.known[stack.index()] = Some(found);
        found
    }
}

fn column(p: &Profile, name: &str) -> Option<usize> {
    p.sample_types.iter().position(|t| p.text(t.kind) == name)
}

impl HeapTable {
    /// Reads a heap profile.
    pub(super) fn of(p: &Profile, is_text: bool, names: &mut Names) -> Self {
        let mut table = Self {
            rate: if p.period > 0 { p.period as f64 } else { 0.0 },
            is_text,
            covered: Covered::of(p),
            ..Self::default()
        };
        let live = column(p, "inuse_objects").or_else(|| column(p, "objects"));
        let space = column(p, "inuse_space").or_else(|| column(p, "space"));
        let (Some(live), Some(space)) = (live, space) else {
            return table;
        };
        let made = column(p, "alloc_objects");
        let size_label = p.strings.find("bytes");
        let mut stacks = Stacks::new(p, names);
        let mut allocated: FxHashMap<Option<SubsystemId>, u64> = FxHashMap::default();
        for i in 0..p.samples.len() {
            let values = p.samples.values(i);
            let (objects, bytes) = (values[live] as f64, values[space] as f64);
            let of_made = made.map_or(0.0, |c| values[c] as f64);
            let size = size_of(p, i, size_label).unwrap_or(if objects > 0.0 { bytes / objects } else { 0.0 });
            let (stack, owner) = stacks.of(p.samples.stack(i), names);
            if of_made > 0.0 && size > 0.0 {
                *allocated.entry(owner).or_default() += sampling::recovered(of_made, size, table.rate);
            }
            if objects == 0.0 && bytes == 0.0 {
                continue;
            }
            let k = sampling::recovered(objects, size, table.rate);
            table.covered.add(bytes.max(0.0), owner);
            table.covered.sampled += k as f64;
            table.rows.push(HeapRow {
                stack,
                owner,
                size,
                k,
                objects,
                bytes,
            });
        }
        table.allocated = allocated.into_iter().collect();
        table.allocated.sort_unstable();
        table
    }

    /// What one sampled object of this size stands for.
    pub(super) fn weight(&self, size: f64) -> f64 {
        1.0 / sampling::probability(size, self.rate)
    }

    /// Whether the error of the numbers is known.
    pub(super) fn knows_errors(&self) -> bool {
        self.rate > 0.0 && !self.is_text
    }
}

fn size_of(p: &Profile, sample: usize, key: Option<StringId>) -> Option<f64> {
    let key = key?;
    let label = p.samples.labels(sample).iter().find(|l| l.key == key)?;
    (label.kind() == LabelKind::Number && label.number > 0).then_some(label.number as f64)
}

impl CpuTable {
    /// Reads a CPU profile.
    pub(super) fn of(p: &Profile, names: &mut Names) -> Self {
        let period = if p.period > 0 { p.period as f64 } else { 1e7 };
        let mut table = Self {
            tick: period / 1e9,
            seconds: p.duration_nanos.max(0) as f64 / 1e9,
            covered: Covered::of(p),
            ..Self::default()
        };
        let (samples, cpu) = (column(p, "samples"), column(p, "cpu"));
        let mut stacks = Stacks::new(p, names);
        for i in 0..p.samples.len() {
            let values = p.samples.values(i);
            let ticks = match (samples, cpu) {
                (Some(s), _) => values[s].max(0) as u64,
                (None, Some(c)) => (values[c].max(0) as f64 / period).round() as u64,
                (None, None) => return table,
            };
            if ticks == 0 {
                continue;
            }
            let (stack, owner) = stacks.of(p.samples.stack(i), names);
            table.ticks += ticks;
            table.covered.add(ticks as f64, owner);
            table.rows.push(CpuRow { stack, owner, ticks });
        }
        table.covered.sampled = table.ticks as f64;
        table
    }
}
