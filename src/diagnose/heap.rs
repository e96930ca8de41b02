//! The heap of one moment by family: live and allocated objects below one function of the kubelet, with the number of
//! sampled objects recovered exactly.
//!
//! A family is what stands below the innermost part of the kubelet on the stack, else the outermost library: the several
//! allocations of one leaked unit fall into one family. The runtime samples objects of size S at rate R with probability
//! p = 1 - exp(-S/R) and writes k sampled ones as k/p (`scaleHeapSample`), so k = round(N p) is exact.

use rustc_hash::FxHashMap;

use super::book::{Book, NameId};
use super::stats::sampling;
use crate::kubelet::{Role, SubsystemId};
use crate::model::{LabelKind, Profile, StringId};

/// Number of a family over all moments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct FamilyId(pub(super) u32);

/// What a family is.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// The function that its objects are allocated below.
    pub(super) anchor: NameId,
    /// Its subsystem.
    pub(super) subsystem: SubsystemId,
    /// One of its stacks, leaf first.
    pub(super) stack: Box<[NameId]>,
}

/// All families seen so far.
#[derive(Debug, Default)]
pub(super) struct HeapBook {
    pub(super) families: Vec<Family>,
    by_site: FxHashMap<(NameId, NameId), FamilyId>,
}

impl HeapBook {
    fn family(&mut self, anchor: NameId, leaf: NameId, subsystem: SubsystemId, stack: &[NameId]) -> FamilyId {
        let next = FamilyId(u32::try_from(self.families.len()).unwrap_or(u32::MAX));
        *self.by_site.entry((anchor, leaf)).or_insert_with(|| {
            self.families.push(Family {
                anchor,
                subsystem,
                stack: stack.into(),
            });
            next
        })
    }

    pub(super) fn get(&self, id: FamilyId) -> &Family {
        &self.families[id.0 as usize]
    }
}

/// A family at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HeapRow {
    pub(super) family: FamilyId,
    /// Sampled live objects.
    pub(super) k: u64,
    /// Sampled objects ever allocated.
    pub(super) k_allocated: u64,
    /// Live objects and bytes as estimated, with the variances of both.
    pub(super) objects: f64,
    pub(super) bytes: f64,
    pub(super) var_objects: f64,
    pub(super) var_bytes: f64,
}

impl HeapRow {
    /// A family of which nothing is there.
    pub(super) fn nothing(family: FamilyId) -> Self {
        Self {
            family,
            k: 0,
            k_allocated: 0,
            objects: 0.0,
            bytes: 0.0,
            var_objects: 0.0,
            var_bytes: 0.0,
        }
    }

    /// Adds another family's numbers.
    pub(super) fn add(&mut self, other: &Self) {
        self.k += other.k;
        self.k_allocated += other.k_allocated;
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.var_objects += other.var_objects;
        self.var_bytes += other.var_bytes;
    }
}

/// The heap of one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct HeapDigest {
    /// By family.
    pub(super) rows: Vec<HeapRow>,
    /// Mean bytes between samples; 0 where unknown.
    pub(super) rate: f64,
    /// Sampled live objects of all families and of none.
    pub(super) k: u64,
    /// Sampled objects ever allocated: cannot fall inside of one process.
    pub(super) k_allocated: u64,
    pub(super) bytes: f64,
    pub(super) samples: usize,
}

/// The columns of a heap profile.
struct Columns {
    inuse_objects: usize,
    inuse_space: usize,
    alloc_objects: Option<usize>,
    alloc_space: Option<usize>,
}

impl Columns {
    fn of(p: &Profile) -> Option<Self> {
        let find = |name: &str| p.sample_types.iter().position(|t| p.text(t.kind) == name);
        Some(Self {
            inuse_objects: find("inuse_objects").or_else(|| find("objects"))?,
            inuse_space: find("inuse_space").or_else(|| find("space"))?,
            alloc_objects: find("alloc_objects"),
            alloc_space: find("alloc_space"),
        })
    }
}

impl HeapDigest {
    /// Reads a heap profile.
    pub(super) fn of(p: &Profile, book: &mut Book, families: &mut HeapBook) -> Self {
        let mut digest = Self {
            samples: p.samples.len(),
            ..Self::default()
        };
        let Some(columns) = Columns::of(p) else { return digest };
        digest.rate = if p.period > 0 { p.period as f64 } else { 0.0 };
        let names = book.functions(p);
        let size_label = p.strings.find("bytes");
        let mut rows: FxHashMap<FamilyId, HeapRow> = FxHashMap::default();
        // Equal stacks have several sizes.
        let mut of_stack: Vec<Option<Option<FamilyId>>> = vec![None; p.stacks.len()];
        for i in 0..p.samples.len() {
            let values = p.samples.values(i);
            let at = |column: Option<usize>| column.map_or(0.0, |c| values[c] as f64);
            let (objects, bytes) = (at(Some(columns.inuse_objects)), at(Some(columns.inuse_space)));
            let (allocated, alloc_bytes) = (at(columns.alloc_objects), at(columns.alloc_space));
            let size = size_of(p, i, size_label).unwrap_or_else(|| mean(bytes, objects, alloc_bytes, allocated));
            let k = sampling::recovered(objects, size, digest.rate);
            let k_allocated = sampling::recovered(allocated, size, digest.rate);
            digest.k += k;
            digest.k_allocated += k_allocated;
            digest.bytes += bytes;
            let stack = p.samples.stack(i);
            let found = *of_stack[stack.index()].get_or_insert_with(|| {
                let frames = p.stack(stack).iter().flat_map(|&l| p.lines_of(l));
                let frames: Vec<NameId> = frames.map(|line| names[line.function.index()]).collect();
                let (anchor, part, leaf) = anchor(&frames, book)?;
                Some(families.family(anchor, leaf, part, &frames))
            });
            let Some(family) = found else { continue };
            let row = rows.entry(family).or_insert(HeapRow::nothing(family));
            let variance = sampling::variance(k, size, digest.rate);
            row.k += k;
            row.k_allocated += k_allocated;
            row.objects += objects;
            row.bytes += bytes;
            row.var_objects += variance;
            row.var_bytes += variance * size * size;
        }
        digest.rows = rows.into_values().collect();
        digest.rows.sort_by_key(|r| r.family);
        digest
    }

    pub(super) fn row(&self, family: FamilyId) -> Option<&HeapRow> {
        let at = self.rows.binary_search_by_key(&family, |r| r.family).ok()?;
        Some(&self.rows[at])
    }
}

fn size_of(p: &Profile, sample: usize, key: Option<StringId>) -> Option<f64> {
    let key = key?;
    let label = p.samples.labels(sample).iter().find(|l| l.key == key)?;
    (label.kind() == LabelKind::Number).then_some(label.number as f64)
}

fn mean(bytes: f64, objects: f64, alloc_bytes: f64, allocated: f64) -> f64 {
    if objects > 0.0 {
        bytes / objects
    } else if allocated > 0.0 {
        alloc_bytes / allocated
    } else {
        0.0
    }
}

/// The function that answers for an allocation, its subsystem, and the innermost telling function.
fn anchor(leaf_first: &[NameId], book: &Book) -> Option<(NameId, SubsystemId, NameId)> {
    let mut leaf = None;
    let mut library = None;
    for &id in leaf_first {
        let name = book.get(id);
        if leaf.is_none() && !name.key.starts_with("runtime.") {
            leaf = Some(id);
        }
        match name.class.known {
            Some((part, Role::Owner)) => {
                // What stands below package initialisation lives as long as the process.
                let is_static = book.knowledge.key(part) == "static-init";
                return (!is_static).then_some((id, part, leaf.unwrap_or(id)));
            }
            Some((part, Role::Library | Role::Boundary)) => library = Some((id, part)),
            _ => {}
        }
    }
    let (id, part) = library?;
    Some((id, part, leaf.unwrap_or(id)))
}
