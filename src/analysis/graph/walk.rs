//! The two walks over all stacks, root to leaf, that graphs are made of: what each node sums up to, and the edges.
//!
//! These are the hot loops of every report: tens of millions of frames in a large profile. A frame costs one look-up of
//! its location and one of its node, an edge one probe of one table whose slots hold all there is to know of it.

use crate::analysis::graph::nodes::{NodeInfo, NodeTable};
use crate::analysis::graph::{Edge, Node, Weight};
use crate::model::{LocationId, Stacks};

/// A frame that is not looked at. No node has this number.
const SKIPPED: u32 = u32::MAX;
/// In [`Steps::of`]: the rest is a place in [`Steps::runs`], as the location has several frames. In a run: the frame was
/// inlined into the one before.
const FLAG: u32 = 1 << 31;

/// Location -> nodes, outermost first, with the nodes left out that are not to be seen.
pub(in crate::analysis) struct Steps {
    of: Vec<u32>,
    /// Runs, each behind its length.
    runs: Vec<u32>,
}

impl Steps {
    /// The steps of all locations of `table`, over the nodes in `kept` only (all, when `None`).
    pub(in crate::analysis) fn new(table: &NodeTable, kept: Option<&[bool]>) -> Self {
        debug_assert!(table.infos.len() < FLAG as usize);
        let node = |n: u32| {
            if kept.is_none_or(|kept| kept[n as usize]) {
                n
            } else {
                SKIPPED
            }
        };
        let mut steps = Steps {
            of: Vec::with_capacity(table.locations()),
            runs: Vec::new(),
        };
        for l in 0..table.locations() {
            let run = table.of(LocationId::new(l));
            if let [one] = run {
                steps.of.push(node(*one));
                continue;
            }
            steps.of.push(steps.runs.len() as u32 | FLAG);
            steps.runs.push(run.len() as u32);
            for (i, &n) in run.iter().enumerate().rev() {
                let inlined = if i + 1 == run.len() { 0 } else { FLAG };
                steps.runs.push(match node(n) {
                    SKIPPED => SKIPPED,
                    n => n | inlined,
                });
            }
        }
        steps
    }

    /// Calls `step` with every node of a stack and whether it was inlined, outermost first, `None` for one left out.
    #[inline(always)]
    fn walk(&self, stack: &[LocationId], mut step: impl FnMut(Option<u32>, bool)) {
        for &l in stack.iter().rev() {
            let s = self.of[l.index()];
            if s & FLAG == 0 {
                step(Some(s), false);
            } else if s == SKIPPED {
                step(None, false);
            } else {
                let at = (s & !FLAG) as usize;
                let end = at + 1 + self.runs[at] as usize;
                for &s in &self.runs[at + 1..end] {
                    if s == SKIPPED {
                        step(None, false);
                    } else {
                        step(Some(s & !FLAG), s & FLAG != 0);
                    }
                }
            }
        }
    }
}

/// What every node of a table sums up to.
#[derive(Default)]
pub(in crate::analysis) struct Sums {
    flat: Vec<i64>,
    cum: Vec<Cum>,
    /// Empty where neither means nor estimates were asked for.
    extra: Vec<Extra>,
}

#[derive(Clone, Copy, Default)]
struct Cum {
    value: i64,
    /// Of the last stack that was counted.
    stamp: u32,
}

#[derive(Clone, Copy, Default)]
struct Extra {
    flat_div: i64,
    cum_div: i64,
    flat_variance: f64,
    cum_variance: f64,
}

impl Sums {
    /// Adds up all stacks. A node counts once a stack in cum however often it recurs. With `extra`, divisors and
    /// variances are added up as well.
    pub(in crate::analysis) fn new(
        nodes: usize,
        stacks: &Stacks,
        weights: &[Weight],
        steps: &Steps,
        extra: bool,
    ) -> Self {
        let mut sums = Sums {
            flat: vec![0; nodes],
            cum: vec![Cum::default(); nodes],
            extra: vec![Extra::default(); if extra { nodes } else { 0 }],
        };
        for (id, stack) in stacks.iter() {
            let w = &weights[id.index()];
            if !w.seen {
                continue;
            }
            let stamp = id.raw() + 1;
            let mut leaf = None;
            steps.walk(stack, |n, _| {
                leaf = n;
                let Some(n) = n else { return };
                let cum = &mut sums.cum[n as usize];
                if cum.stamp != stamp {
                    cum.stamp = stamp;
                    cum.value = cum.value.wrapping_add(w.value);
                    if extra {
                        let extra = &mut sums.extra[n as usize];
                        extra.cum_div = extra.cum_div.wrapping_add(w.div);
                        extra.cum_variance += w.variance;
                    }
                }
            });
            if let Some(leaf) = leaf {
                let flat = &mut sums.flat[leaf as usize];
                *flat = flat.wrapping_add(w.value);
                if extra {
                    let extra = &mut sums.extra[leaf as usize];
                    extra.flat_div = extra.flat_div.wrapping_add(w.div);
                    extra.flat_variance += w.variance;
                }
            }
        }
        sums
    }

    /// Node `i` of the table with its sums.
    pub(in crate::analysis) fn node(&self, i: usize, info: NodeInfo) -> Node {
        let extra = self.extra.get(i).copied().unwrap_or_default();
        Node {
            info,
            flat: self.flat[i],
            flat_div: extra.flat_div,
            flat_variance: extra.flat_variance,
            cum: self.cum[i].value,
            cum_div: extra.cum_div,
            cum_variance: extra.cum_variance,
            origin: i as u32,
        }
    }
}

/// The edges between the nodes that `steps` shows, by caller; with `into`, only those that lead to its nodes. There are
/// none from a node to itself; an edge counts once a stack; one over a node left out is residual.
pub(in crate::analysis) fn edges(
    stacks: &Stacks,
    weights: &[Weight],
    steps: &Steps,
    into: Option<&[bool]>,
) -> Vec<Edge> {
    let mut table = EdgeTable::new();
    for (id, stack) in stacks.iter() {
        let w = &weights[id.index()];
        if !w.seen {
            continue;
        }
        let mut parent = SKIPPED;
        let mut residual = false;
        steps.walk(stack, |n, inlined| {
            let Some(n) = n else {
                residual = true;
                return;
            };
            if parent != SKIPPED && parent != n && into.is_none_or(|into| into[n as usize]) {
                table.add(parent, n, w, residual, inlined, id.raw() + 1);
            }
            parent = n;
            residual = false;
        });
    }
    table.into_edges()
}

/// A slot is free when caller and callee are equal, which no edge has. 32 bytes, so that a probe is one cache line.
#[derive(Clone, Copy, Default)]
struct Slot {
    src: u32,
    dst: u32,
    weight: i64,
    div: i64,
    stamp: u32,
    residual: bool,
    inline: bool,
}

/// Open addressing with linear probing.
struct EdgeTable {
    slots: Vec<Slot>,
    used: usize,
    shift: u32,
}

impl EdgeTable {
    const FIRST_BITS: u32 = 10;

    fn new() -> Self {
        Self {
            slots: vec![Slot::default(); 1 << Self::FIRST_BITS],
            used: 0,
            shift: u64::BITS - Self::FIRST_BITS,
        }
    }

    #[inline(always)]
    fn home(&self, src: u32, dst: u32) -> usize {
        let key = u64::from(src) << 32 | u64::from(dst);
        // The upper bits of a product depend on all bits of the key.
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    #[inline(always)]
    fn add(&mut self, src: u32, dst: u32, w: &Weight, residual: bool, inline: bool, stamp: u32) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(src, dst);
        loop {
            let slot = &mut self.slots[at & mask];
            if slot.src == src && slot.dst == dst {
                if slot.stamp != stamp {
                    slot.stamp = stamp;
                    slot.weight = slot.weight.wrapping_add(w.value);
                    slot.div = slot.div.wrapping_add(w.div);
                    slot.residual |= residual;
                    slot.inline &= inline;
                }
                return;
            }
            if slot.src == slot.dst {
                *slot = Slot {
                    src,
                    dst,
                    weight: w.value,
                    div: w.div,
                    stamp,
                    residual,
                    inline,
                };
                self.used += 1;
                if self.used * 3 > self.slots.len() * 2 {
                    self.grow();
                }
                return;
            }
            at += 1;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let doubled = vec![Slot::default(); self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, doubled);
        self.shift -= 1;
        let mask = self.slots.len() - 1;
        for slot in old.into_iter().filter(|s| s.src != s.dst) {
            let mut at = self.home(slot.src, slot.dst);
            while self.slots[at & mask].src != self.slots[at & mask].dst {
                at += 1;
            }
            self.slots[at & mask] = slot;
        }
    }

    fn into_edges(self) -> Vec<Edge> {
        let mut edges = Vec::with_capacity(self.used);
        edges.extend(self.slots.iter().filter(|s| s.src != s.dst).map(|s| Edge {
            src: s.src,
            dst: s.dst,
            weight: s.weight,
            weight_div: s.div,
            residual: s.residual,
            inline: s.inline,
        }));
        drop(self.slots);
        // Those of one caller together: that is how they are read.
        edges.sort_unstable_by_key(|e| (e.src, e.dst));
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_survive_growth() {
        let mut table = EdgeTable::new();
        let w = Weight {
            value: 1,
            ..Weight::default()
        };
        for stamp in 1..=3 {
            for src in 0..200 {
                for dst in (0..200).filter(|&dst| dst != src) {
                    table.add(src, dst, &w, stamp == 2, stamp != 3, stamp);
                    table.add(src, dst, &w, true, true, stamp);
                }
            }
        }
        let edges = table.into_edges();
        assert_eq!(edges.len(), 200 * 199);
        assert!(edges.iter().all(|e| e.weight == 3 && e.residual && !e.inline));
        assert!(edges.is_sorted_by_key(|e| (e.src, e.dst)));
    }
}
