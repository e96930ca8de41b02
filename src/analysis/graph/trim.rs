//! Which rows and edges are worth showing, in which order, and in which unit.
//!
//! First rows below a share of the total go and the graph is built again without them, then rows are sorted and all but
//! the first so many go in the same way, then small edges. Cutoffs, orders and their tie-breaks are pprof's.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::analysis::graph::nodes::NodeTable;
use crate::analysis::graph::{Builder, Edges, Graph};
use crate::analysis::{Dialect, Granularity, Sort, Trim, View};
use crate::model::units;

/// What a graph is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrimMode {
    /// A table of rows; edges serve only to tell what was inlined, where the view does not know it.
    Rows,
    /// Rows with their callers and callees.
    Tree,
    /// A drawing: interesting nodes first, redundant edges removed.
    Drawing,
    /// callgrind: everything, with mapped files.
    Callgrind,
}

/// A graph that is fit to be shown, and what was left out of it.
#[derive(Debug, Clone)]
pub struct Trimmed {
    /// What is left, sorted.
    pub graph: Graph,
    /// Rows before the limit on their number.
    pub row_count: usize,
    /// Rows that were too small.
    pub dropped_nodes: usize,
    /// Edges that were too small.
    pub dropped_edges: usize,
    /// Cutoff of rows, in the unit of the values.
    pub node_cutoff: i64,
    /// Cutoff of edges.
    pub edge_cutoff: i64,
    /// Unit to print all values in.
    pub unit: String,
    /// Labels of the samples of each row; for drawings only.
    pub tags: Vec<crate::analysis::NodeTags>,
}

/// The limits that hold for a report: pprof's overrides of the query's.
fn limits(view: &View, mode: TrimMode) -> Trim {
    if mode == TrimMode::Callgrind {
        return Trim::NONE;
    }
    view.query.trim
}

/// Builds the graph of a view and trims it. `node_count` is the number of rows (0: all), see [`View::row_limit`].
pub fn trimmed_graph(view: &View, mode: TrimMode, node_count: usize) -> Trimmed {
    trimmed_to(view, mode, node_count, limits(view, mode))
}

/// The graph of a view with all its rows.
pub(in crate::analysis) fn whole_graph(view: &View) -> Trimmed {
    trimmed_to(view, TrimMode::Rows, 0, Trim::NONE)
}

fn trimmed_to(view: &View, mode: TrimMode, node_count: usize, trim: Trim) -> Trimmed {
    let objects = mode == TrimMode::Callgrind;
    let merge = view.query.dialect == Dialect::Native && view.query.granularity == Granularity::Files;
    let table = NodeTable::new(&view.profile, &view.files.trimmed, objects, merge);
    let builder = Builder::new(view, &table);
    let node_count = if mode == TrimMode::Callgrind { 0 } else { node_count };
    let call_tree = view.query.call_tree && matches!(mode, TrimMode::Drawing | TrimMode::Callgrind);
    let drawing = mode == TrimMode::Drawing;
    let edges = match mode {
        TrimMode::Rows if view.inlining.is_some() => Edges::No,
        TrimMode::Rows => Edges::Inlined,
        _ => Edges::All,
    };

    // The order of a drawing depends on edges; elsewhere those of rows that a limit cuts off need not be found.
    let edges_at = |rows: usize| {
        // (Rows can turn negative when others go, and then fewer are left than were counted.)
        if !drawing && !view.query.drop_negative && 0 < node_count && node_count < rows {
            Edges::No
        } else {
            edges
        }
    };

    let mut graph = if call_tree {
        builder.call_tree()
    } else if trim.node_fraction > 0.0 {
        builder.graph(None, Edges::No)
    } else {
        builder.graph(None, edges)
    };
    let flat_sum = graph.flat_sum();
    let cutoff = |fraction: f64| ((flat_sum as f64 * fraction) as i64).wrapping_abs();
    let (node_cutoff, edge_cutoff) = (cutoff(trim.node_fraction), cutoff(trim.edge_fraction));

    let mut dropped_nodes = 0;
    let large: Vec<bool> = graph
        .rows()
        .iter()
        .map(|n| n.cum.wrapping_abs() >= node_cutoff)
        .collect();
    if node_cutoff > 0 {
        dropped_nodes = large.iter().filter(|&&l| !l).count();
    }
    if call_tree {
        if dropped_nodes > 0 {
            crate::analysis::graph::call_tree::trim_tree(&mut graph, &large);
        }
    } else if dropped_nodes > 0 {
        let rows = large.len() - dropped_nodes;
        graph = builder.graph(Some(&kept(&table, &graph, |i| large[i])), edges_at(rows));
    } else if trim.node_fraction > 0.0 {
        graph = builder.graph(None, edges_at(graph.shown));
    }
    let row_count = graph.shown;

    sort(view, &mut graph, drawing);
    if node_count > 0 {
        graph.drop_small_edges(edge_cutoff);
        let first = if drawing {
            crate::analysis::report::dot_labels::count_with_nodelets(view, &table, &graph, node_cutoff, node_count)
        } else {
            node_count
        };
        // pprof loses a row whose cum has no absolute value in 64 bits; natively there is none.
        let has_size = |n: &crate::analysis::graph::Node| call_tree || n.cum != i64::MIN;
        let keep: Vec<bool> = { graph.rows().iter().enumerate() }
            .map(|(i, n)| i < first && has_size(n))
            .collect();
        if keep.contains(&false) {
            if call_tree {
                crate::analysis::graph::call_tree::trim_tree(&mut graph, &keep);
            } else {
                graph = builder.graph(Some(&kept(&table, &graph, |i| keep[i])), edges);
            }
            sort(view, &mut graph, drawing);
        }
    }
    let dropped_edges = graph.drop_small_edges(edge_cutoff);
    if drawing {
        crate::analysis::graph::call_tree::remove_redundant_edges(view, &mut graph);
    }
    let tags = if drawing {
        crate::analysis::report::dot_labels::node_tags(view, &table, &graph, graph.shown, node_cutoff)
    } else {
        Vec::new()
    };
    let unit = output_unit(view, &graph, mode);
    Trimmed {
        graph,
        row_count,
        dropped_nodes,
        dropped_edges,
        node_cutoff,
        edge_cutoff,
        unit,
        tags,
    }
}

fn kept(table: &NodeTable, graph: &Graph, keep: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut kept = vec![false; table.infos.len()];
    for (i, n) in graph.rows().iter().enumerate() {
        kept[n.origin as usize] |= keep(i);
    }
    kept
}

impl Graph {
    /// Removes edges to rows that weigh less than `cutoff`; returns how many.
    fn drop_small_edges(&mut self, cutoff: i64) -> usize {
        let shown = self.shown;
        self.retain_edges(|e| e.dst as usize >= shown || e.weight.wrapping_abs() >= cutoff)
    }

    /// Edge numbers by weight, then names of caller and callee, which `ranks` stand for (see [`Graph::name_ranks`]).
    pub(in crate::analysis) fn sorted_edges(&self, edges: &[u32], ranks: &[u32]) -> Vec<u32> {
        let mut edges = edges.to_vec();
        edges.sort_unstable_by_key(|&e| {
            let e = &self.edges[e as usize];
            let (src, dst) = (e.src as usize, e.dst as usize);
            (
                std::cmp::Reverse(e.weight.wrapping_abs()),
                ranks[src],
                ranks[dst],
                src,
                dst,
            )
        });
        edges
    }

    /// For every node, the place of its name among the names of all nodes; equal names have equal places.
    pub(in crate::analysis) fn name_ranks(&self, view: &View) -> Vec<u32> {
        let names = self.names(view);
        let mut by_name: Vec<u32> = (0..names.len() as u32).collect();
        by_name.sort_unstable_by(|&a, &b| names[a as usize].cmp(&names[b as usize]));
        let mut ranks = vec![0u32; names.len()];
        let mut rank = 0;
        for pair in by_name.windows(2) {
            let (before, this) = (pair[0] as usize, pair[1] as usize);
            rank += u32::from(names[before] != names[this]);
            ranks[this] = rank;
        }
        ranks
    }

    /// The printable names of all nodes.
    pub fn names<'a>(&self, view: &'a View) -> Vec<Cow<'a, str>> {
        self.nodes.iter().map(|n| n.info.printable(&view.profile)).collect()
    }
}

/// Orders rows: by what was asked, then by name.
pub(in crate::analysis) fn sort(view: &View, graph: &mut Graph, drawing: bool) {
    let names: Vec<Cow<'_, str>> = graph.rows().iter().map(|n| n.info.printable(&view.profile)).collect();
    let score: Vec<i64> = (0..graph.shown)
        .map(|i| {
            let n = &graph.nodes[i];
            if drawing {
                crate::analysis::graph::call_tree::entropy_score(graph, i as u32)
            } else {
                // pprof orders means by the sums behind them (D6).
                match (view.query.sort, view.query.dialect) {
                    (Sort::Cum, Dialect::Native) => n.cum_value(),
                    (Sort::Flat, Dialect::Native) => n.flat_value(),
                    (Sort::Cum, Dialect::Pprof) => n.cum,
                    (Sort::Flat, Dialect::Pprof) => n.flat,
                }
            }
        })
        .collect();
    let by_name = |a: usize, b: usize| -> Ordering {
        let (x, y) = (&graph.nodes[a].info, &graph.nodes[b].info);
        if x.address != 0 && y.address != 0 && x.address != y.address {
            x.address.cmp(&y.address)
        } else {
            names[a].cmp(&names[b])
        }
    };
    let mut order: Vec<u32> = (0..graph.shown as u32).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (a as usize, b as usize);
        let (x, y) = (&graph.nodes[a], &graph.nodes[b]);
        let second = if drawing || view.query.sort == Sort::Cum {
            |n: &crate::analysis::Node| n.flat.wrapping_abs()
        } else {
            |n: &crate::analysis::Node| n.cum.wrapping_abs()
        };
        score[b]
            .wrapping_abs()
            .cmp(&score[a].wrapping_abs())
            .then_with(|| by_name(a, b))
            .then_with(|| second(y).cmp(&second(x)))
            .then_with(|| (x.info.start_line, x.info.object).cmp(&(y.info.start_line, y.info.object)))
    });
    graph.reorder(&order);
}

/// The unit that suits the smallest and the largest value shown.
fn output_unit(view: &View, graph: &Graph, mode: TrimMode) -> String {
    let asked = view.query.unit.as_str();
    if mode == TrimMode::Callgrind && view.query.dialect == Dialect::Native && matches!(asked, "minimum" | "auto") {
        // The format has integers only.
        return view.unit.clone();
    }
    if asked != "minimum" || graph.rows().is_empty() {
        return asked.to_owned();
    }
    let smallest = graph
        .rows()
        .iter()
        .map(|n| match n.flat_value().wrapping_abs() {
            0 => n.cum_value().wrapping_abs(),
            flat => flat,
        })
        .filter(|&v| v > 0)
        .min();
    let mut max = view.total;
    let mut min = smallest.unwrap_or(max);
    min = view.divided(min);
    max = view.divided(max);
    let unit_of = |v: i64| units::scale(v, &view.unit, "minimum").1;
    let (min_unit, max_unit) = (unit_of(min), unit_of(max));
    let mut unit = min_unit.clone();
    if min_unit != max_unit && min.wrapping_mul(100) < max && mode != TrimMode::Callgrind {
        unit = unit_of(min.wrapping_mul(100));
    }
    if unit.is_empty() { view.unit.clone() } else { unit }
}
