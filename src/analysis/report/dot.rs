//! `dot`: what a drawing of the graph shows, as data: boxes, arrows and the labels that hang on boxes.
//!
//! Which rows and edges are left is decided in `trim`, which tags in `nodelets`; here sizes are gathered into a few ranges
//! and weights chosen: a box with callees shows its own tags only, one without also those of callees that were left out.

use crate::analysis::report::dot_labels::{MAX_NODELETS, sort_tags};
use crate::analysis::{Header, NodeInfo, Tag, TrimMode, View, trimmed_graph};
use crate::model::units;

/// A box.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnNode {
    /// What it stands for.
    pub info: NodeInfo,
    /// Own value.
    pub flat: i64,
    /// Own value and that of everything below.
    pub cum: i64,
    /// Text labels of its samples, at most four, heaviest first.
    pub tags: Vec<DrawnTag>,
    /// Sizes of samples without text labels.
    pub sizes: Vec<DrawnSize>,
}

/// A set of text labels that hangs on a box.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnTag {
    /// Number among the tags of its box; tags of no weight leave gaps.
    pub place: usize,
    /// `key:value`, several joined by `\n`.
    pub name: String,
    /// Its samples' value.
    pub weight: i64,
    /// Sizes of its samples.
    pub sizes: Vec<DrawnSize>,
}

/// A size or a range of sizes that hangs on a box or on a tag.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnSize {
    /// Number among its siblings.
    pub place: usize,
    /// `16B` or `16B..2kB`.
    pub name: String,
    /// Its samples' value.
    pub weight: i64,
    /// The weight includes that of callees.
    pub inherited: bool,
}

/// An arrow.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnEdge {
    /// Row of [`Drawing::nodes`].
    pub src: u32,
    /// Row of [`Drawing::names`]; beyond [`Drawing::nodes`] it is a node that is no box.
    pub dst: u32,
    /// Value of the samples that went this way, or the mean.
    pub weight: i64,
    /// Something in between was left out.
    pub residual: bool,
    /// The callee was inlined every time.
    pub inline: bool,
}

/// The answer to `dot`.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// What stands in the legend.
    pub header: Header,
    /// Names of all nodes, those of boxes first.
    pub names: Vec<String>,
    /// The boxes in order.
    pub nodes: Vec<DrawnNode>,
    /// The arrows, heaviest first.
    pub edges: Vec<DrawnEdge>,
}

/// The call graph of a view, or the tree of its calling contexts, fit to be drawn.
pub fn drawing(view: &View) -> Drawing {
    let trimmed = trimmed_graph(view, TrimMode::Drawing, view.row_limit(80));
    let header = Header::trimmed(view, &trimmed);
    let g = &trimmed.graph;
    let names = g.names(view);
    let nodes = g
        .rows()
        .iter()
        .zip(&trimmed.tags)
        .enumerate()
        .map(|(i, (n, tags))| {
            let inner = !g.out_edges(i as u32).is_empty();
            let weight = |t: &Tag| if inner { t.flat_value() } else { t.cum_value() };
            let sizes_of = |text: &str| {
                let found = tags.numbers.iter().find(|(t, _)| t == text);
                found.map_or_else(Vec::new, |(_, sizes)| drawn_sizes(sizes, inner))
            };
            let mut texts = tags.texts.clone();
            sort_tags(&mut texts, inner);
            let drawn = texts
                .iter()
                .take(MAX_NODELETS)
                .enumerate()
                .filter(|(_, t)| weight(t) != 0)
                .map(|(place, t)| DrawnTag {
                    place,
                    name: t.name.clone(),
                    weight: weight(t),
                    sizes: sizes_of(&t.name),
                })
                .collect();
            DrawnNode {
                info: n.info,
                flat: n.flat_value(),
                cum: n.cum_value(),
                tags: drawn,
                sizes: sizes_of(""),
            }
        })
        .collect();
    let from_boxes: Vec<u32> = (0..g.edges.len() as u32)
        .filter(|&e| (g.edges[e as usize].src as usize) < g.shown)
        .collect();
    let edges = g
        .sorted_edges(&from_boxes, &g.name_ranks(view))
        .into_iter()
        .map(|e| {
            let e = &g.edges[e as usize];
            DrawnEdge {
                src: e.src,
                dst: e.dst,
                weight: e.weight_value(),
                residual: e.residual,
                inline: e.inline,
            }
        })
        .collect();
    let names = names.into_iter().map(std::borrow::Cow::into_owned).collect();
    Drawing {
        header,
        names,
        nodes,
        edges,
    }
}

fn drawn_sizes(sizes: &[Tag], inner: bool) -> Vec<DrawnSize> {
    let ranges = collapse(sizes, inner);
    let drawn = ranges.iter().enumerate().map(|(place, t)| {
        let own = inner || t.flat_value() == t.cum_value();
        DrawnSize {
            place,
            name: t.name.clone(),
            weight: if own { t.flat_value() } else { t.cum_value() },
            inherited: !own,
        }
    });
    drawn.filter(|s| s.weight != 0).collect()
}

/// Makes at most four of many sizes: each joins the nearest of the four heaviest.
fn collapse(sizes: &[Tag], inner: bool) -> Vec<Tag> {
    let mut sizes = sizes.to_vec();
    sort_tags(&mut sizes, inner);
    if sizes.len() <= MAX_NODELETS {
        return sizes;
    }
    let mut groups: Vec<Vec<&Tag>> = sizes[..MAX_NODELETS].iter().map(|t| vec![t]).collect();
    // All sizes have one unit, that of their key.
    let heads: Vec<f64> = groups
        .iter()
        .map(|g| units::scale(g[0].value, &g[0].unit, &g[0].unit).0)
        .collect();
    for t in &sizes[MAX_NODELETS..] {
        let distance = |g: usize| (heads[g] - t.value as f64).abs();
        let nearest = (1..heads.len()).fold(0, |best, g| if distance(g) < distance(best) { g } else { best });
        groups[nearest].push(t);
    }
    let mut ranges: Vec<Tag> = groups.iter().map(|group| range(group)).collect();
    sort_tags(&mut ranges, inner);
    ranges
}

/// One tag for a group: the range of its sizes, each in a unit of its own, and the sum of its weights.
fn range(group: &[&Tag]) -> Tag {
    let name = |t: &Tag| units::label(t.value, &t.unit, "auto");
    let first = group[0];
    let mut sum = Tag {
        flat: first.flat_value(),
        cum: first.cum_value(),
        ..Tag::default()
    };
    if group.len() == 1 {
        sum.name = name(first);
        return sum;
    }
    let (mut min, mut max) = (first, first);
    let (mut flat, mut flat_div, mut cum, mut cum_div) = (0i64, 0i64, 0i64, 0i64);
    for t in group {
        if (units::scale(t.value, &t.unit, &min.unit).0 as i64) < min.value {
            min = t;
        }
        if units::scale(t.value, &t.unit, &max.unit).0 as i64 > max.value {
            max = t;
        }
        flat = flat.wrapping_add(t.flat);
        flat_div = flat_div.wrapping_add(t.flat_div);
        cum = cum.wrapping_add(t.cum);
        cum_div = cum_div.wrapping_add(t.cum_div);
    }
    let mean = |v: i64, div: i64| if div == 0 { v } else { v.wrapping_div(div) };
    sum.name = format!("{}..{}", name(min), name(max));
    sum.flat = mean(flat, flat_div);
    sum.cum = mean(cum, cum_div);
    sum
}
