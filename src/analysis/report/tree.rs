//! `tree` and `peek`: every row between its callers and its callees.

use regex::Regex;

use crate::analysis::graph::Edge;
use crate::analysis::view::scope::Scope;
use crate::analysis::{Dialect, Header, QueryError, TrimMode, Trimmed, View, go_regexp, trimmed_graph};

/// A caller or callee of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeEdge {
    /// Row of [`Tree::names`].
    pub name: u32,
    /// Value of the samples that went this way.
    pub weight: i64,
    /// Whether the callee was inlined every time.
    pub inline: bool,
    /// Whether something in between was left out.
    pub residual: bool,
}

/// A row with its neighbours.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeNode {
    /// Row of [`Tree::names`].
    pub name: u32,
    /// Own value.
    pub flat: i64,
    /// Own value and that of everything below.
    pub cum: i64,
    /// Callers, heaviest first.
    pub callers: Vec<TreeEdge>,
    /// Callees, heaviest first.
    pub callees: Vec<TreeEdge>,
}

/// The answer to `tree` and `peek`. Neighbours are made one row at a time, so that a large answer is never whole in
/// memory.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What stands above the rows.
    pub header: Header,
    /// Names of all nodes, rows first.
    pub names: Vec<String>,
    /// Rows outside of the packages and subsystems asked for.
    pub hidden_rows: usize,
    /// Sum of their flat.
    pub hidden_flat: i64,
    trimmed: Trimmed,
    rows: Vec<u32>,
    dialect: Dialect,
    /// Neighbours are ordered by name among equal weights; ranks are compared, not texts.
    ranks: Vec<u32>,
}

/// The rows of a view with their callers and callees; with `matching`, only rows whose name matches, untrimmed (`peek`).
///
/// # Errors
/// When nothing matches or `matching` is malformed.
pub fn tree(view: &View, matching: Option<&str>) -> Result<Tree, QueryError> {
    let re: Option<Regex> = matching.map(|m| go_regexp::compile("the argument", m)).transpose()?;
    let scope = Scope::of(view);
    let limit = view.row_limit(80);
    // The limit is on the rows that are inside.
    let trimmed = trimmed_graph(view, TrimMode::Tree, if scope.is_some() { 0 } else { limit });
    let mut header = Header::trimmed(view, &trimmed);
    let names: Vec<String> = trimmed
        .graph
        .names(view)
        .into_iter()
        .map(std::borrow::Cow::into_owned)
        .collect();
    let mut rows: Vec<u32> = (0..trimmed.graph.shown as u32)
        .filter(|&n| re.as_ref().is_none_or(|re| re.is_match(&names[n as usize])))
        .collect();
    let (mut hidden_rows, mut hidden_flat) = (0, 0);
    if let Some(scope) = scope {
        let flat = |n: &u32| trimmed.graph.nodes[*n as usize].flat_value();
        let (before, all) = (rows.len(), rows.iter().map(flat).fold(0, i64::wrapping_add));
        rows.retain(|&n| scope.contains(view, &trimmed.graph.nodes[n as usize].info));
        hidden_rows = before - rows.len();
        hidden_flat = all.wrapping_sub(rows.iter().map(flat).fold(0, i64::wrapping_add));
        header.row_count = rows.len();
        if limit > 0 {
            rows.truncate(limit);
        }
        header.rows_shown = rows.len();
        header.shown_total = rows.iter().map(flat).fold(0, i64::wrapping_add);
    }
    Ok(Tree {
        hidden_rows,
        hidden_flat,
        header,
        names,
        ranks: trimmed.graph.name_ranks(view),
        trimmed,
        rows,
        dialect: view.query.dialect,
    })
}

impl Tree {
    /// Whether nothing matched.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether there are rows at all, matching or not.
    pub(crate) fn has_rows(&self) -> bool {
        self.trimmed.graph.shown > 0
    }

    /// The rows in order, each made when it is asked for.
    pub fn nodes(&self) -> impl Iterator<Item = TreeNode> + '_ {
        let g = &self.trimmed.graph;
        self.rows.iter().map(move |&n| {
            let node = &g.nodes[n as usize];
            TreeNode {
                name: n,
                flat: node.flat_value(),
                cum: node.cum_value(),
                callers: self.edges(g.in_edges(n), |e| e.src),
                callees: self.edges(g.out_edges(n), |e| e.dst),
            }
        })
    }

    /// The nodes by row number of [`Tree::names`].
    pub fn info(&self, name: u32) -> crate::analysis::NodeInfo {
        self.trimmed.graph.nodes[name as usize].info
    }

    fn edges(&self, ids: &[u32], other: impl Fn(&Edge) -> u32) -> Vec<TreeEdge> {
        let g = &self.trimmed.graph;
        let mut edges: Vec<TreeEdge> = ids
            .iter()
            .map(|&e| {
                let e = &g.edges[e as usize];
                let weight = if self.dialect == Dialect::Native {
                    e.weight_value()
                } else {
                    e.weight
                };
                TreeEdge {
                    name: other(e),
                    weight,
                    inline: e.inline,
                    residual: e.residual,
                }
            })
            .collect();
        edges.sort_by(|a, b| {
            b.weight
                .wrapping_abs()
                .cmp(&a.weight.wrapping_abs())
                .then_with(|| self.ranks[a.name as usize].cmp(&self.ranks[b.name as usize]))
                .then_with(|| a.name.cmp(&b.name))
        });
        edges
    }
}
