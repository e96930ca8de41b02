//! `callgrind`: every node with its own cost and that of its calls, untrimmed, with mapped files.
//!
//! Readers of that format take functions of one name and file for one, so that callees which are not the same function
//! carry a number: which of how many they are.

use rustc_hash::FxHashMap;

use crate::analysis::graph::nodes::NodeInfo;
use crate::analysis::{Header, TrimMode, Trimmed, View, trimmed_graph};
use crate::model::StringId;

/// Calls from one node to another.
#[derive(Clone, Debug, PartialEq)]
pub struct CallCost {
    /// The callee.
    pub callee: NodeInfo,
    /// Its name as callees are called: empty for a node that is no row.
    pub name: StringId,
    /// Which of how many functions of that name and file it is, from 1; `None` when there is one.
    pub ordinal: Option<(u32, u32)>,
    /// Value of the samples that went this way.
    pub weight: i64,
}

/// The answer to `callgrind`. Calls are made one node at a time.
#[derive(Clone, Debug)]
pub struct CallCosts {
    /// The sample type and the unit of all costs.
    pub header: Header,
    trimmed: Trimmed,
    ranks: Vec<u32>,
    ordinals: Vec<Option<(u32, u32)>>,
}

/// The nodes of a view at the granularity of addresses, or its calling contexts, with what they cost.
pub fn call_costs(view: &View) -> CallCosts {
    let trimmed = trimmed_graph(view, TrimMode::Callgrind, 0);
    CallCosts {
        header: Header::trimmed(view, &trimmed),
        ranks: trimmed.graph.name_ranks(view),
        ordinals: ordinals(&trimmed),
        trimmed,
    }
}

/// For every row, which function of its name and file it belongs to, where there are several: functions differ by start
/// line and mapped file, in a tree also by their caller.
fn ordinals(trimmed: &Trimmed) -> Vec<Option<(u32, u32)>> {
    type Function = (u32, i64, StringId, i64);
    let g = &trimmed.graph;
    let is_tree = g.contexts.is_some();
    let mut functions: FxHashMap<(StringId, StringId), FxHashMap<Function, u32>> = FxHashMap::default();
    let function = |n: usize| {
        let info = &g.nodes[n].info;
        let caller = match g.in_edges(n as u32).first() {
            Some(&e) if is_tree => g.edges[e as usize].src,
            _ => u32::MAX,
        };
        // pprof forgets to look at the column of a node that has nothing else.
        let column = if info.address == 0 && info.line == 0 {
            info.column
        } else {
            0
        };
        ((info.file, info.name), (caller, info.start_line, info.object, column))
    };
    for n in 0..g.shown {
        let (name, function) = function(n);
        let known = functions.entry(name).or_default();
        let next = known.len() as u32 + 1;
        known.entry(function).or_insert(next);
    }
    (0..g.shown)
        .map(|n| {
            let (name, function) = function(n);
            let known = &functions[&name];
            (known.len() > 1).then(|| (known[&function], known.len() as u32))
        })
        .collect()
}

impl CallCosts {
    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.trimmed.graph.shown
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What node `n` stands for and its own cost.
    pub fn node(&self, n: usize) -> (&NodeInfo, i64) {
        let node = &self.trimmed.graph.nodes[n];
        (&node.info, node.flat_value())
    }

    /// The calls of node `n`, heaviest first.
    pub fn calls(&self, n: usize) -> Vec<CallCost> {
        let g = &self.trimmed.graph;
        g.sorted_edges(g.out_edges(n as u32), &self.ranks)
            .into_iter()
            .map(|e| {
                let e = &g.edges[e as usize];
                let callee = g.nodes[e.dst as usize].info;
                let ordinal = self.ordinals.get(e.dst as usize);
                CallCost {
                    callee,
                    name: ordinal.map_or(StringId::EMPTY, |_| callee.name),
                    ordinal: ordinal.copied().flatten(),
                    weight: e.weight,
                }
            })
            .collect()
    }
}
