//! The flame graph: the merged call tree of a view, with what was too small to be drawn counted.
//!
//! A node is a calling context: the path of names from the root. Nodes stand in preorder (a parent before its children,
//! siblings by weight, then by name), so that equal input gives equal output. The tree is grown from the root, heaviest
//! node first, by sorting the stacks below a node by their next frame; what is too light is counted and never stored, so
//! memory goes with the frames that are drawn and the stacks of the profile, not with every frame of every stack.
//!
//! The weight of a node is the largest of its shares over all sample types, old and new added up, so that one tree serves
//! them all and a change that is large in either direction stays visible.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::thread;

use crate::analysis::graph::InlineMark;
use crate::analysis::report::flame_rows::{FlameRows, Place, owners, rows};
use crate::analysis::report::named_stacks::{
    Comparison, FrameName, FrameSubsystem, Inlining, NamedStacks, StackType, stacks,
};
use crate::analysis::{Header, QueryError, View};

/// What a flame graph leaves out.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FlameLimits {
    /// Frames whose share of every sample type is below this are not drawn. Those with no value never are.
    pub min_fraction: f64,
    /// At most this many frames are drawn, the heaviest first.
    pub max_nodes: usize,
}

impl Default for FlameLimits {
    fn default() -> Self {
        Self {
            min_fraction: 0.0,
            max_nodes: 100_000,
        }
    }
}

impl FlameLimits {
    /// As many as a page can hold: fewer where each has more values. The whole of it stays below five megabytes.
    #[cfg(feature = "cli")]
    pub(crate) fn for_types(types: usize) -> Self {
        let default = Self::default();
        Self {
            max_nodes: default.max_nodes.min(240_000 / types.max(1)),
            ..default
        }
    }

    /// Everything that has a value is drawn.
    pub const NONE: FlameLimits = FlameLimits {
        min_fraction: 0.0,
        max_nodes: usize::MAX,
    };
}

/// The nodes of the tree, column by column, in preorder. Row 0 is the root.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlameNodes {
    /// The caller; the root is its own.
    pub parent: Vec<u32>,
    /// Row of [`Flame::names`].
    pub name: Vec<u32>,
    /// Whether the compiler inlined it into its parent.
    pub inline: Vec<InlineMark>,
}

/// What one sample type measured in each node. `old_own` and `old_total` are empty when there is nothing to compare.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlameColumn {
    /// Samples that end here.
    pub own: Vec<i64>,
    /// Samples that end here or below, drawn or not.
    pub total: Vec<i64>,
    /// `own` of the base, or what was lost.
    pub old_own: Vec<i64>,
    /// `total` of the base, or what was lost.
    pub old_total: Vec<i64>,
}

/// What is not drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HiddenFrames {
    /// How many frames.
    pub count: u64,
    /// Share of the largest of them, between 0 and 1.
    pub largest: f64,
}

/// The answer to `flame`.
#[derive(Clone, Debug, PartialEq)]
pub struct Flame {
    /// What stands above the drawing.
    pub header: Header,
    /// All sample types.
    pub types: Vec<StackType>,
    /// The one that the query chose.
    pub selected: usize,
    /// What the old values are.
    pub comparison: Comparison,
    /// What the frames are called, in the order of their first node. The first is the root.
    pub names: Vec<FrameName>,
    /// Subsystems that names refer to.
    pub subsystems: Vec<FrameSubsystem>,
    /// The tree.
    pub nodes: FlameNodes,
    /// A column for each sample type.
    pub columns: Vec<FlameColumn>,
    /// What was too small.
    pub hidden: HiddenFrames,
    /// What to divide values by before they are shown.
    pub divide_by: f64,
    /// The samples by the node that they end at.
    pub rows: FlameRows,
}

/// Name of the row that everything is below.
pub const ROOT: &str = "root";

/// Grows the tree.
///
/// # Errors
/// When the query asks for means: they cannot be added up.
pub fn flame(view: &View, limits: FlameLimits) -> Result<Flame, QueryError> {
    let stacks = stacks(view, Inlining::Matters)?;
    // Neither needs the other, and both look at every stack.
    let owners = || owners(view, &stacks);
    let (owners, tree) = thread::scope(|scope| {
        let beside = thread::Builder::new().spawn_scoped(scope, owners);
        let mut tree = Grower::new(view, &stacks);
        tree.grow(limits);
        tree.add_up();
        let owners = match beside {
            Ok(beside) => beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => owners(),
        };
        (owners, tree)
    });
    let mut flame = Flame {
        header: stacks.header.clone(),
        types: stacks.types.clone(),
        selected: stacks.selected,
        comparison: stacks.comparison,
        names: Vec::new(),
        subsystems: stacks.subsystems.clone(),
        nodes: tree.nodes,
        columns: tree.columns,
        hidden: tree.hidden,
        divide_by: stacks.divide_by,
        rows: FlameRows::default(),
    };
    let mut places = tree.places;
    let order = flame.put_in_preorder(&stacks.names);
    places.iter_mut().for_each(|p| p.node = order[p.node as usize]);
    flame.number_names(&stacks.names);
    flame.rows = rows(view, &stacks, &places, &owners, &mut flame.subsystems);
    Ok(flame)
}

pub(super) const NONE: u32 = u32::MAX;

/// Stacks that share a path, still to be looked at.
#[derive(Clone, Copy)]
struct Group {
    /// Node that they share; of the root itself when there is none yet.
    parent: u32,
    name: u32,
    inline: InlineMark,
    /// The largest share of any sample type.
    share: f64,
    /// Run of [`Grower::order`].
    start: usize,
    end: usize,
}

/// A group that waits for its turn. Small, because a heap moves its entries about.
struct Waiting {
    share: f64,
    found: u32,
    /// Index into the groups.
    group: u32,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.share
            .total_cmp(&other.share)
            .then_with(|| other.found.cmp(&self.found))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

/// Where a stack has been followed to, from the root.
#[derive(Clone, Copy)]
struct Cursor {
    /// Locations that are not finished.
    locations: u32,
    /// Names of the last of them that are not finished.
    names: u32,
}

struct Grower<'a> {
    view: &'a View,
    stacks: &'a NamedStacks,
    types: usize,
    /// Row by row, a weight per sample type.
    weights: Vec<u64>,
    /// Sums of the weights.
    whole: Vec<u64>,
    order: Vec<u32>,
    cursors: Vec<Cursor>,
    nodes: FlameNodes,
    columns: Vec<FlameColumn>,
    hidden: HiddenFrames,
    /// Where each row of `stacks` ends.
    places: Vec<Place>,
    // Scratch space of `split`.
    next: Vec<u32>,
    sorted: Vec<u32>,
    slot_of_name: Vec<u32>,
    slots: Vec<Slot>,
    /// Slot by slot, a weight per sample type.
    slot_weights: Vec<u64>,
}

/// Stacks of a group that go on with one name.
#[derive(Clone, Copy, Default)]
struct Slot {
    name: u32,
    count: usize,
    inlined: usize,
    at: usize,
}

impl<'a> Grower<'a> {
    fn new(view: &'a View, stacks: &'a NamedStacks) -> Self {
        let types = stacks.types.len();
        let mut weights = Vec::with_capacity(stacks.len() * types);
        for row in 0..stacks.len() {
            let old = stacks.old_values(row);
            weights.extend(stacks.new_values(row).iter().enumerate().map(|(t, v)| {
                let old = old.get(t).map_or(0, |v| v.unsigned_abs());
                v.unsigned_abs().saturating_add(old)
            }));
        }
        let mut whole = vec![0u64; types];
        for row in weights.chunks_exact(types.max(1)) {
            for (sum, &w) in whole.iter_mut().zip(row) {
                *sum = sum.saturating_add(w);
            }
        }
        Self {
            view,
            stacks,
            types,
            weights,
            whole,
            order: (0..stacks.len() as u32).collect(),
            cursors: (0..stacks.len())
                .map(|row| Cursor {
                    locations: stacks.stack(view, row).len() as u32,
                    names: 0,
                })
                .collect(),
            nodes: FlameNodes::default(),
            columns: vec![FlameColumn::default(); types],
            hidden: HiddenFrames::default(),
            places: vec![Place::default(); stacks.len()],
            next: Vec::new(),
            sorted: Vec::new(),
            slot_of_name: vec![NONE; stacks.names.len()],
            slots: Vec::new(),
            slot_weights: Vec::new(),
        }
    }

    fn grow(&mut self, limits: FlameLimits) {
        let mut groups = vec![Group {
            parent: 0,
            name: NONE,
            inline: InlineMark::No,
            share: 1.0,
            start: 0,
            end: self.order.len(),
        }];
        let mut free: Vec<u32> = Vec::new();
        // Ties go to what was found first.
        let mut found = 0;
        let mut work = BinaryHeap::from([Waiting {
            share: 1.0,
            found,
            group: 0,
        }]);
        let mut children = Vec::new();
        while let Some(next) = work.pop() {
            let group = groups[next.group as usize];
            let is_root = group.name == NONE;
            let room = self.nodes.parent.len() < limits.max_nodes && group.share >= limits.min_fraction;
            if !(is_root || room && group.share > 0.0) {
                // The heaviest first: nothing that still waits is drawn.
                for hidden in std::iter::once(next).chain(work.drain()) {
                    self.hide(groups[hidden.group as usize], &mut children);
                }
                break;
            }
            free.push(next.group);
            let node = self.push(&group);
            let ended = self.split(&group, node, &mut children);
            for child in children.drain(..) {
                let at = match free.pop() {
                    Some(at) => at,
                    None => {
                        groups.push(child);
                        groups.len() as u32 - 1
                    }
                };
                groups[at as usize] = child;
                found += 1;
                work.push(Waiting {
                    share: child.share,
                    found,
                    group: at,
                });
            }
            self.add_rows(node, group.start, ended, |c| (&mut c.own, &mut c.old_own));
            self.place(group.start..ended, node, false);
        }
    }

    /// Counts the frames of a group that is not drawn, and gives what it has to its parent.
    fn hide(&mut self, group: Group, children: &mut Vec<Group>) {
        self.add_rows(group.parent, group.start, group.end, |c| {
            (&mut c.total, &mut c.old_total)
        });
        self.place(group.start..group.end, group.parent, true);
        if group.share <= 0.0 {
            // What has no value at all is not missed.
            return;
        }
        self.hidden.largest = self.hidden.largest.max(group.share);
        let mut work = vec![group];
        while let Some(group) = work.pop() {
            self.hidden.count += 1;
            if group.end - group.start == 1 {
                // Most of what is hidden: a stack that nothing else goes along with is counted, not followed.
                let row = self.order[group.start];
                self.hidden.count += self.frames_left(row);
                continue;
            }
            self.split(&group, NONE, children);
            work.append(children);
        }
    }

    /// How many frames of a stack are behind its cursor.
    fn frames_left(&self, row: u32) -> u64 {
        let cursor = self.cursors[row as usize];
        let stack = self.stacks.stack(self.view, row as usize);
        let mut rest = &stack[..(cursor.locations as usize).min(stack.len())];
        let mut left = 0;
        if cursor.names != 0
            && let Some((_, before)) = rest.split_last()
        {
            (rest, left) = (before, u64::from(cursor.names) - 1);
        }
        left + rest.iter().map(|&l| self.stacks.run(l).len() as u64).sum::<u64>()
    }

    /// Adds stacks to two columns of a node.
    fn add_rows(
        &mut self,
        node: u32,
        start: usize,
        end: usize,
        pick: impl Fn(&mut FlameColumn) -> (&mut Vec<i64>, &mut Vec<i64>),
    ) {
        for &row in &self.order[start..end] {
            let (new, old) = (
                self.stacks.new_values(row as usize),
                self.stacks.old_values(row as usize),
            );
            for (t, c) in self.columns.iter_mut().enumerate() {
                let (news, olds) = pick(c);
                let slot = &mut news[node as usize];
                *slot = slot.wrapping_add(new[t]);
                if let Some(&v) = old.get(t) {
                    let slot = &mut olds[node as usize];
                    *slot = slot.wrapping_add(v);
                }
            }
        }
    }

    fn place(&mut self, stacks: std::ops::Range<usize>, node: u32, hidden: bool) {
        for &row in &self.order[stacks] {
            self.places[row as usize] = Place { node, hidden };
        }
    }

    fn push(&mut self, group: &Group) -> u32 {
        let node = self.nodes.parent.len() as u32;
        self.nodes.parent.push(group.parent);
        self.nodes.name.push(group.name);
        self.nodes.inline.push(group.inline);
        let compared = self.stacks.comparison != Comparison::None;
        for c in &mut self.columns {
            c.own.push(0);
            c.total.push(0);
            if compared {
                c.old_own.push(0);
                c.old_total.push(0);
            }
        }
        node
    }

    /// Moves every stack of the group one frame on and sorts them by it: those that have ended first, then a run for each
    /// child. Returns where the ended ones end.
    fn split(&mut self, group: &Group, node: u32, children: &mut Vec<Group>) -> usize {
        let rows = group.start..group.end;
        self.next.clear();
        self.slots.clear();
        self.slot_weights.clear();
        let mut ended = 0;
        for &row in &self.order[rows.clone()] {
            let Some((name, inline)) = advance(self.view, self.stacks, &mut self.cursors[row as usize], row) else {
                self.next.push(NONE);
                ended += 1;
                continue;
            };
            let slot = &mut self.slot_of_name[name as usize];
            if *slot == NONE {
                *slot = self.slots.len() as u32;
                self.slots.push(Slot {
                    name,
                    ..Slot::default()
                });
                self.slot_weights.resize(self.slots.len() * self.types, 0);
            }
            let slot = *slot as usize;
            let s = &mut self.slots[slot];
            s.count += 1;
            s.inlined += usize::from(inline);
            self.next.push(slot as u32);
            if node != NONE {
                let of_row = &self.weights[row as usize * self.types..][..self.types];
                for (sum, &w) in self.slot_weights[slot * self.types..].iter_mut().zip(of_row) {
                    *sum = sum.saturating_add(w);
                }
            }
        }
        let mut at = group.start + ended;
        for s in &mut self.slots {
            self.slot_of_name[s.name as usize] = NONE;
            s.at = at;
            at += s.count;
        }
        if self.slots.len() > 1 || ended > 0 && ended < rows.len() {
            self.sorted.clear();
            self.sorted.extend_from_slice(&self.order[rows.clone()]);
            let mut end_at = group.start;
            for (&row, &slot) in self.sorted.iter().zip(&self.next) {
                let at = match self.slots.get_mut(slot as usize) {
                    Some(s) => &mut s.at,
                    None => &mut end_at,
                };
                self.order[*at] = row;
                *at += 1;
            }
        } else if let Some(s) = self.slots.first_mut() {
            s.at += s.count;
        }
        for i in 0..self.slots.len() {
            let s = self.slots[i];
            let (start, end) = (s.at - s.count, s.at);
            children.push(Group {
                parent: node,
                name: s.name,
                inline: match s.inlined {
                    0 => InlineMark::No,
                    n if n == s.count => InlineMark::Full,
                    _ => InlineMark::Partial,
                },
                share: self.share(i),
                start,
                end,
            });
        }
        group.start + ended
    }

    /// The largest share that the stacks of a slot have of any sample type.
    fn share(&self, slot: usize) -> f64 {
        let weights = &self.slot_weights[slot * self.types..][..self.types];
        (weights.iter().zip(&self.whole))
            .filter(|(_, whole)| **whole != 0)
            .map(|(&sum, &whole)| sum as f64 / whole as f64)
            .fold(0.0, f64::max)
    }

    /// Totals from the leaves up.
    fn add_up(&mut self) {
        for c in &mut self.columns {
            for (own, total) in [(&c.own, &mut c.total), (&c.old_own, &mut c.old_total)] {
                for i in (0..own.len()).rev() {
                    total[i] = total[i].wrapping_add(own[i]);
                    if i != 0 {
                        let sum = total[i];
                        let up = &mut total[self.nodes.parent[i] as usize];
                        *up = up.wrapping_add(sum);
                    }
                }
            }
        }
    }
}

/// The next frame of a stack: its name and whether it was inlined.
#[inline]
fn advance(view: &View, stacks: &NamedStacks, cursor: &mut Cursor, row: u32) -> Option<(u32, bool)> {
    let stack = stacks.stack(view, row as usize);
    loop {
        let location = *stack.get((cursor.locations as usize).checked_sub(1)?)?;
        let run = stacks.run(location);
        // `names` counts down from the outermost; 0 means that the location was not entered yet.
        let left = if cursor.names == 0 {
            run.len()
        } else {
            cursor.names as usize - 1
        };
        if left == 0 {
            cursor.locations -= 1;
            cursor.names = 0;
            continue;
        }
        cursor.names = left as u32;
        let inline = left < run.len();
        if left == 1 {
            cursor.locations -= 1;
            cursor.names = 0;
        }
        return Some((run[left - 1], inline));
    }
}

impl Flame {
    /// How many nodes there are, the root included.
    pub fn len(&self) -> usize {
        self.nodes.parent.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.len() <= 1
    }
}
