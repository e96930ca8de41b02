//! Nodes and edges with flat and cum: every sample's stack walked once, root to leaf.
//!
//! A node counts once a sample in cum however often it recurs, an edge likewise, and there are no edges from a node to
//! itself. Samples of one stack are added up first. Nodes that were not kept are jumped: the edge over them is residual,
//! and a stack whose leaf was jumped gives its flat to nobody. In a call tree a node is a calling context instead.

pub(in crate::analysis) mod call_tree;
pub(in crate::analysis) mod nodes;
pub(in crate::analysis) mod trim;
pub(in crate::analysis) mod walk;

use rustc_hash::FxHashMap;

use crate::analysis::graph::nodes::{NodeInfo, NodeTable};
use crate::analysis::{Dialect, View};
use walk::{Steps, Sums};

/// Index of a node in [`Graph::nodes`].
pub type NodeId = u32;
/// Index of an edge in [`Graph::edges`].
pub type EdgeId = u32;

/// A row of a report and what was measured there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// What it stands for.
    pub info: NodeInfo,
    /// Own value.
    pub flat: i64,
    /// Divisor of flat where means were asked for, else 0.
    pub flat_div: i64,
    /// Own value and that of everything below.
    pub cum: i64,
    /// Divisor of cum.
    pub cum_div: i64,
    /// Variance that sampling gives flat, in the square of its unit; 0 when exact or unknown.
    pub flat_variance: f64,
    /// Variance that sampling gives cum.
    pub cum_variance: f64,
    /// Row of the node table that it came from (equal for all contexts of a call tree).
    pub(in crate::analysis) origin: u32,
}

fn mean(value: i64, div: i64) -> i64 {
    if div == 0 { value } else { value.wrapping_div(div) }
}

impl Node {
    /// Flat, or the mean of it.
    pub fn flat_value(&self) -> i64 {
        mean(self.flat, self.flat_div)
    }

    /// Cum, or the mean of it.
    pub fn cum_value(&self) -> i64 {
        mean(self.cum, self.cum_div)
    }
}

/// Calls from one node to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Caller.
    pub src: NodeId,
    /// Callee.
    pub dst: NodeId,
    /// Value of the samples that went this way.
    pub weight: i64,
    /// Divisor where means were asked for, else 0.
    pub weight_div: i64,
    /// Something between the two was left out at least once.
    pub residual: bool,
    /// The callee was inlined every time.
    pub inline: bool,
}

impl Edge {
    /// Weight, or the mean of it.
    pub fn weight_value(&self) -> i64 {
        mean(self.weight, self.weight_div)
    }
}

/// Whether a node was inlined into its callers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InlineMark {
    /// Never, or nobody calls it.
    #[default]
    No,
    /// By some callers.
    Partial,
    /// By all callers.
    Full,
}

/// Nodes and the edges between them.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The nodes, in the order of the report once it is sorted; from [`Graph::shown`] on, nodes that are no rows.
    pub nodes: Vec<Node>,
    /// How many nodes are rows. Those behind them sum up to nothing (or were dropped as negative) but still have edges,
    /// which pprof shows.
    pub shown: usize,
    /// The edges, in no order; see [`Graph::in_edges`].
    pub edges: Vec<Edge>,
    incoming: Lists,
    outgoing: Lists,
    /// For call trees: how to find the node of a calling context.
    pub(in crate::analysis) contexts: Option<Contexts>,
}

/// (context of the caller, row of the node table) -> context, and the node that each context became.
#[derive(Clone, Debug, Default)]
pub(in crate::analysis) struct Contexts {
    pub(in crate::analysis) children: FxHashMap<(u32, u32), u32>,
    pub(in crate::analysis) node: Vec<u32>,
}

impl Contexts {
    /// The row of the root.
    pub(in crate::analysis) const ROOT: u32 = NONE;

    /// Follows a renumbering of nodes.
    pub(in crate::analysis) fn renumber(&mut self, place: &[u32]) {
        for n in &mut self.node {
            *n = place.get(*n as usize).copied().unwrap_or(NONE);
        }
    }
}

/// For each node a run of edge numbers.
#[derive(Clone, Debug, Default)]
struct Lists {
    ends: Vec<u32>,
    edges: Vec<EdgeId>,
}

impl Lists {
    fn new(nodes: usize, edges: &[Edge], end: impl Fn(&Edge) -> NodeId) -> Self {
        let mut ends = vec![0u32; nodes + 1];
        for e in edges {
            ends[end(e) as usize + 1] += 1;
        }
        for i in 0..nodes {
            ends[i + 1] += ends[i];
        }
        let mut at = ends.clone();
        let mut list = vec![0; edges.len()];
        for (i, e) in edges.iter().enumerate() {
            let slot = &mut at[end(e) as usize];
            list[*slot as usize] = i as EdgeId;
            *slot += 1;
        }
        Self { ends, edges: list }
    }

    fn of(&self, n: NodeId) -> &[EdgeId] {
        let n = n as usize;
        match self.ends.get(n + 1) {
            Some(&end) => &self.edges[self.ends[n] as usize..end as usize],
            None => &[],
        }
    }
}

impl Graph {
    /// Edges that lead to `n`.
    pub fn in_edges(&self, n: NodeId) -> &[EdgeId] {
        self.incoming.of(n)
    }

    /// Edges that leave `n`.
    pub fn out_edges(&self, n: NodeId) -> &[EdgeId] {
        self.outgoing.of(n)
    }

    /// Whether `n` was inlined, as the edges that are left tell it.
    pub fn inline_mark(&self, n: NodeId) -> InlineMark {
        let (mut inlined, mut called) = (false, false);
        for &e in self.in_edges(n) {
            if self.edges[e as usize].inline {
                inlined = true;
            } else {
                called = true;
            }
        }
        match (inlined, called) {
            (true, true) => InlineMark::Partial,
            (true, false) => InlineMark::Full,
            _ => InlineMark::No,
        }
    }

    /// The nodes that are rows.
    pub fn rows(&self) -> &[Node] {
        &self.nodes[..self.shown]
    }

    /// Sum of flat over all rows.
    pub fn flat_sum(&self) -> i64 {
        self.rows().iter().fold(0, |sum, n| sum.wrapping_add(n.flat))
    }

    pub(in crate::analysis) fn index_edges(&mut self) {
        self.incoming = Lists::new(self.nodes.len(), &self.edges, |e| e.dst);
        self.outgoing = Lists::new(self.nodes.len(), &self.edges, |e| e.src);
    }

    /// Keeps the edges for which `keep` holds.
    pub(in crate::analysis) fn retain_edges(&mut self, keep: impl FnMut(&Edge) -> bool) -> usize {
        let before = self.edges.len();
        self.edges.retain(keep);
        if self.edges.len() != before {
            self.index_edges();
        }
        before - self.edges.len()
    }

    /// Puts the rows in the given order.
    pub(in crate::analysis) fn reorder(&mut self, order: &[u32]) {
        let mut place: Vec<u32> = (0..self.nodes.len() as u32).collect();
        for (new, &old) in order.iter().enumerate() {
            place[old as usize] = new as u32;
        }
        let rows: Vec<Node> = order
            .iter()
            .map(|&i| std::mem::take(&mut self.nodes[i as usize]))
            .collect();
        self.nodes.splice(..order.len(), rows);
        if let Some(contexts) = &mut self.contexts {
            contexts.renumber(&place);
        }
        for e in &mut self.edges {
            e.src = place[e.src as usize];
            e.dst = place[e.dst as usize];
        }
        self.index_edges();
    }
}

/// What is needed to build graphs of one view again and again with fewer nodes.
pub(in crate::analysis) struct Builder<'a> {
    view: &'a View,
    table: &'a NodeTable,
    /// Value and divisor of every stack, and whether any of its samples has either.
    weights: Vec<Weight>,
    /// What every node of the table sums up to.
    sums: Sums,
}

/// What the samples of one stack sum up to.
#[derive(Clone, Copy, Default)]
pub(in crate::analysis) struct Weight {
    pub(in crate::analysis) value: i64,
    /// Divisor where means were asked for.
    pub(in crate::analysis) div: i64,
    /// Variance of the value, where it is an estimate.
    pub(in crate::analysis) variance: f64,
    /// Any of its samples has a value or a divisor.
    pub(in crate::analysis) seen: bool,
}

/// Whether values come with a variance, which only kubeprof's own reports show.
fn is_estimate(view: &View) -> bool {
    view.query.dialect == Dialect::Native && view.sampling.is_estimated()
}

/// The weight of every stack of a view.
pub(in crate::analysis) fn stack_weights(view: &View) -> Vec<Weight> {
    let p = &view.profile;
    let estimated = is_estimate(view);
    let mut weights = vec![Weight::default(); p.stacks.len()];
    for i in 0..p.samples.len() {
        let (value, div) = (view.value(i), view.divisor(i));
        if value != 0 || div != 0 {
            let w = &mut weights[p.samples.stack(i).index()];
            w.value = w.value.wrapping_add(value);
            w.div = w.div.wrapping_add(div);
            w.seen = true;
            if estimated {
                w.variance += view.sampling.variance(view, i);
            }
        }
    }
    weights
}

/// Which edges a report needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Edges {
    /// None.
    No,
    /// Those that say whether a node was inlined.
    Inlined,
    /// All.
    All,
}

const NONE: u32 = u32::MAX;

impl<'a> Builder<'a> {
    pub(in crate::analysis) fn new(view: &'a View, table: &'a NodeTable) -> Self {
        let weights = stack_weights(view);
        let extra = view.query.mean || is_estimate(view);
        let steps = Steps::new(table, None);
        let sums = Sums::new(table.infos.len(), &view.profile.stacks, &weights, &steps, extra);
        Self {
            view,
            table,
            weights,
            sums,
        }
    }

    /// Builds the graph of the nodes in `kept` (all, when `None`), without those that have nothing.
    pub(in crate::analysis) fn graph(&self, kept: Option<&[bool]>, edges: Edges) -> Graph {
        let stacks = &self.view.profile.stacks;
        let edges = match edges {
            Edges::No => Vec::new(),
            Edges::All => walk::edges(stacks, &self.weights, &Steps::new(self.table, kept), None),
            Edges::Inlined => {
                let into = self.ever_inlined();
                walk::edges(stacks, &self.weights, &Steps::new(self.table, kept), Some(&into))
            }
        };
        // What a node sums up to does not depend on which others are kept.
        let nodes = self.table.infos.iter().enumerate().map(|(i, &info)| {
            if kept.is_none_or(|kept| kept[i]) {
                self.sums.node(i, info)
            } else {
                Node {
                    info,
                    origin: i as u32,
                    ..Node::default()
                }
            }
        });
        self.place(nodes, edges).0
    }

    /// Nodes that stand somewhere as an inlined line.
    fn ever_inlined(&self) -> Vec<bool> {
        let mut inlined = vec![false; self.table.infos.len()];
        for l in 0..self.view.profile.locations.len() {
            let run = self.table.of(crate::model::LocationId::new(l));
            for &n in &run[..run.len() - 1] {
                inlined[n as usize] = true;
            }
        }
        inlined
    }

    /// Builds the forest of calling contexts.
    pub(in crate::analysis) fn call_tree(&self) -> Graph {
        let mut nodes: Vec<Node> = Vec::new();
        let mut edges: Vec<Edge> = Vec::new();
        // (parent, node of the table) -> context; the edge to context n is in `edge_to[n]`.
        let mut children: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        let mut edge_to: Vec<u32> = Vec::new();
        let p = &self.view.profile;
        for (id, stack) in p.stacks.iter() {
            let w = self.weights[id.index()];
            if !w.seen {
                continue;
            }
            let mut parent = NONE;
            for &l in stack.iter().rev() {
                let run = self.table.of(l);
                for (ni, &n) in run.iter().enumerate().rev() {
                    let next = nodes.len() as u32;
                    let context = *children.entry((parent, n)).or_insert(next);
                    if context == next {
                        nodes.push(Node {
                            info: self.table.infos[n as usize],
                            origin: n,
                            ..Node::default()
                        });
                        edge_to.push(NONE);
                    }
                    let node = &mut nodes[context as usize];
                    node.cum = node.cum.wrapping_add(w.value);
                    node.cum_div = node.cum_div.wrapping_add(w.div);
                    if parent != NONE {
                        let inline = ni + 1 != run.len();
                        let slot = &mut edge_to[context as usize];
                        if *slot == NONE {
                            *slot = edges.len() as u32;
                            edges.push(Edge {
                                src: parent,
                                dst: context,
                                weight: w.value,
                                weight_div: w.div,
                                residual: false,
                                inline,
                            });
                        } else {
                            let e = &mut edges[*slot as usize];
                            e.weight = e.weight.wrapping_add(w.value);
                            e.weight_div = e.weight_div.wrapping_add(w.div);
                            e.inline &= inline;
                        }
                    }
                    parent = context;
                }
            }
            if parent != NONE {
                let node = &mut nodes[parent as usize];
                node.flat = node.flat.wrapping_add(w.value);
                node.flat_div = node.flat_div.wrapping_add(w.div);
            }
        }
        let (mut graph, node) = self.place(nodes.into_iter(), edges);
        graph.contexts = Some(Contexts { children, node });
        graph
    }

    /// Sorts out nodes without values (and negative ones where asked); they stay only for the sake of their edges. Also
    /// returns the place of every node.
    fn place(&self, nodes: impl ExactSizeIterator<Item = Node>, mut edges: Vec<Edge>) -> (Graph, Vec<u32>) {
        let drop_negative = self.view.query.drop_negative;
        let mut place = vec![NONE; nodes.len()];
        let mut linked = vec![false; place.len()];
        for e in &edges {
            linked[e.src as usize] = true;
            linked[e.dst as usize] = true;
        }
        let mut left = Vec::new();
        let mut out = Vec::new();
        for (i, n) in nodes.enumerate() {
            let negative = n.flat < 0 || n.flat == 0 && n.cum < 0;
            if n.cum == 0 && n.flat == 0 || drop_negative && negative {
                if linked[i] {
                    out.push((i, n));
                }
            } else {
                place[i] = left.len() as u32;
                left.push(n);
            }
        }
        let shown = left.len();
        for (i, n) in out {
            place[i] = left.len() as u32;
            left.push(n);
        }
        for e in &mut edges {
            e.src = place[e.src as usize];
            e.dst = place[e.dst as usize];
        }
        let mut graph = Graph {
            nodes: left,
            shown,
            edges,
            ..Graph::default()
        };
        graph.index_edges();
        (graph, place)
    }
}
