//! What drawings need: interesting nodes first, trees trimmed in place, redundant edges gone.

use crate::analysis::View;
use crate::analysis::graph::Graph;
use crate::model::units;

/// How much a node tells: its cum weighed by the entropy of its edges, plus its flat. A node through which everything
/// just falls scores low.
pub(in crate::analysis) fn entropy_score(graph: &Graph, n: u32) -> i64 {
    let node = &graph.nodes[n as usize];
    let score = |edges: &[u32], own: i64| {
        if edges.is_empty() {
            return 1.0;
        }
        let weights = || edges.iter().map(|&e| graph.edges[e as usize].weight);
        let total = weights().filter(|&w| w > 0).fold(own, i64::wrapping_add);
        if total == 0 {
            return 0.0;
        }
        let term = |w: i64| {
            let share = w.wrapping_abs() as f64 / total as f64;
            -share * share.log2()
        };
        let sum: f64 = weights().map(term).sum();
        if own > 0 { sum + term(own) } else { sum }
    };
    let entropy = score(graph.in_edges(n), 0) + score(graph.out_edges(n), node.flat);
    // Edges that cancelled out make it NaN, and such nodes must come where pprof has them.
    units::to_int(entropy * node.cum as f64).wrapping_add(node.flat)
}

/// Removes the rows of a forest for which `keep` does not hold; their children move up to their parent, over residual
/// edges. Nodes that are no rows stay.
pub(in crate::analysis) fn trim_tree(graph: &mut Graph, keep: &[bool]) {
    const NONE: u32 = u32::MAX;
    let count = graph.nodes.len();
    let is_kept = |n: u32| keep.get(n as usize).copied().unwrap_or(true);
    let mut parent_edge = vec![NONE; count];
    for (i, e) in graph.edges.iter().enumerate() {
        parent_edge[e.dst as usize] = i as u32;
    }
    // The nearest kept ancestor of a node, and whether every step up to it was inlined.
    let mut edges = Vec::new();
    for n in (0..count as u32).filter(|&n| is_kept(n)) {
        let mut at = n;
        let mut inline = true;
        let mut jumped = false;
        while parent_edge[at as usize] != NONE {
            let e = &graph.edges[parent_edge[at as usize] as usize];
            inline &= e.inline;
            if is_kept(e.src) {
                let own = &graph.edges[parent_edge[n as usize] as usize];
                edges.push(crate::analysis::Edge {
                    src: e.src,
                    dst: n,
                    residual: own.residual || jumped,
                    inline,
                    ..own.clone()
                });
                break;
            }
            jumped = true;
            at = e.src;
        }
    }
    let mut place = vec![NONE; count];
    let mut nodes = Vec::new();
    for (i, n) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
        if is_kept(i as u32) {
            place[i] = nodes.len() as u32;
            nodes.push(n);
        }
    }
    for e in &mut edges {
        e.src = place[e.src as usize];
        e.dst = place[e.dst as usize];
    }
    if let Some(contexts) = &mut graph.contexts {
        contexts.renumber(&place);
    }
    graph.shown = keep.iter().filter(|&&kept| kept).count();
    graph.nodes = nodes;
    graph.edges = edges;
    graph.index_edges();
}

/// Removes residual edges whose ends stay connected without them, lightest first.
pub(in crate::analysis) fn remove_redundant_edges(view: &View, graph: &mut Graph) {
    let ranks = graph.name_ranks(view);
    let mut gone = vec![false; graph.edges.len()];
    let mut seen = vec![u32::MAX; graph.nodes.len()];
    let mut stamp = 0;
    for n in (0..graph.shown as u32).rev() {
        for &e in graph.sorted_edges(graph.in_edges(n), &ranks).iter().rev() {
            // An edge that is heavier than one that was really called stays, to avoid confusion.
            if !graph.edges[e as usize].residual {
                break;
            }
            if is_redundant(graph, &gone, e, &mut seen, stamp) {
                gone[e as usize] = true;
            }
            stamp += 1;
        }
    }
    let mut at = 0;
    graph.retain_edges(|_| {
        at += 1;
        !gone[at - 1]
    });
}

/// Whether the source of `edge` reaches its destination without it.
fn is_redundant(graph: &Graph, gone: &[bool], edge: u32, seen: &mut [u32], stamp: u32) -> bool {
    let (src, dst) = (graph.edges[edge as usize].src, graph.edges[edge as usize].dst);
    seen[dst as usize] = stamp;
    let mut queue = vec![dst];
    while let Some(n) = queue.pop() {
        for &e in graph.in_edges(n) {
            let from = graph.edges[e as usize].src;
            if e == edge || gone[e as usize] || seen[from as usize] == stamp {
                continue;
            }
            if from == src {
                return true;
            }
            seen[from as usize] = stamp;
            queue.push(from);
        }
    }
    false
}
