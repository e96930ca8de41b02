//! Labels of the samples of a node, as drawings hang them on it.
//!
//! All text labels of a sample together are one tag (`k:v\nk:v`); numbers are shown for the key `bytes` only, below the
//! tag of their sample's texts.

use rustc_hash::FxHashMap;

use super::View;
use super::graph::{Contexts, Graph};
use super::names::NodeTable;
use super::view::BASE_LABEL;
use crate::model::{Label, LabelKind, StackId, units};

/// At most this many tags are drawn on a node.
pub(super) const MAX_NODELETS: usize = 4;

/// What samples with one label have at a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tag {
    /// The label as it is drawn.
    pub name: String,
    /// Unit of a number, `""` for texts.
    pub unit: String,
    /// The number.
    pub value: i64,
    /// Value of samples that end at the node.
    pub flat: i64,
    /// Divisor of flat.
    pub flat_div: i64,
    /// Value of all samples through the node.
    pub cum: i64,
    /// Divisor of cum.
    pub cum_div: i64,
}

impl Tag {
    /// Flat, or the mean of it.
    pub fn flat_value(&self) -> i64 {
        if self.flat_div == 0 {
            self.flat
        } else {
            self.flat.wrapping_div(self.flat_div)
        }
    }

    /// Cum, or the mean of it.
    pub fn cum_value(&self) -> i64 {
        if self.cum_div == 0 {
            self.cum
        } else {
            self.cum.wrapping_div(self.cum_div)
        }
    }

    fn add(&mut self, value: i64, div: i64, flat: bool) {
        let (v, d) = if flat {
            (&mut self.flat, &mut self.flat_div)
        } else {
            (&mut self.cum, &mut self.cum_div)
        };
        *v = v.wrapping_add(value);
        *d = d.wrapping_add(div);
    }
}

/// Orders tags by weight (flat alone, or cum first), then name.
pub(super) fn sort_tags(tags: &mut [Tag], flat: bool) {
    tags.sort_by(|a, b| {
        let cum = if flat {
            std::cmp::Ordering::Equal
        } else {
            b.cum.unsigned_abs().cmp(&a.cum.unsigned_abs())
        };
        cum.then_with(|| b.flat.unsigned_abs().cmp(&a.flat.unsigned_abs()))
            .then_with(|| a.name.cmp(&b.name))
    });
}

/// The tags of one node.
#[derive(Clone, Debug, Default)]
pub struct NodeTags {
    /// One a set of text labels.
    pub texts: Vec<Tag>,
    /// Sizes, by the name of the text tag of their samples (`""` for samples without texts).
    pub numbers: Vec<(String, Vec<Tag>)>,
}

impl NodeTags {
    /// Removes tags that weigh less than `cutoff` in flat and in cum.
    fn trim(&mut self, cutoff: i64) {
        let large = |t: &Tag| t.flat.wrapping_abs() >= cutoff || t.cum.wrapping_abs() >= cutoff;
        self.texts.retain(large);
        for (_, tags) in &mut self.numbers {
            tags.retain(large);
        }
        self.numbers.retain(|(_, tags)| !tags.is_empty());
    }

    fn flat_count(&self) -> usize {
        let numbers = self.numbers.iter().flat_map(|(_, tags)| tags);
        self.texts.iter().chain(numbers).filter(|t| t.flat != 0).count()
    }
}

/// How many of the sorted rows fit when every row takes a place and each of its tags (at most four) another.
pub(super) fn count_with_nodelets(view: &View, table: &NodeTable, graph: &Graph, cutoff: i64, max: usize) -> usize {
    let tags = node_tags(view, table, graph, max, cutoff);
    let mut count = 0;
    for (i, tags) in tags.iter().enumerate() {
        count += 1 + tags.flat_count().min(MAX_NODELETS);
        if count >= max {
            return i + 1;
        }
    }
    max
}

#[derive(Default)]
struct Builder {
    texts: FxHashMap<u32, Tag>,
    numbers: FxHashMap<u32, FxHashMap<String, Tag>>,
}

/// The tags of the first `first` rows of a graph, without those below `cutoff`.
pub(super) fn node_tags(view: &View, table: &NodeTable, graph: &Graph, first: usize, cutoff: i64) -> Vec<NodeTags> {
    let p = &view.profile;
    let first = first.min(graph.shown);
    let mut builders: Vec<Builder> = (0..first).map(|_| Builder::default()).collect();
    let mut row_of = vec![u32::MAX; table.infos.len()];
    for (i, n) in graph.rows().iter().enumerate() {
        row_of[n.origin as usize] = i as u32;
    }
    let mut joined = vec![String::new()];
    let mut joined_index: FxHashMap<String, u32> = FxHashMap::from_iter([(String::new(), 0)]);
    let mut rows_of_stack: FxHashMap<StackId, (Vec<u32>, Option<u32>)> = FxHashMap::default();
    for i in 0..p.samples.len() {
        let (value, div) = (view.value(i), view.divisor(i));
        let labels = p.samples.labels(i);
        if value == 0 && div == 0 || labels.is_empty() {
            continue;
        }
        let text = join(view, labels);
        let text = *joined_index.entry(text).or_insert_with_key(|text| {
            joined.push(text.clone());
            joined.len() as u32 - 1
        });
        let sizes: Vec<(i64, &str)> = labels
            .iter()
            .filter(|l| l.kind() == LabelKind::Number && p.text(l.key) == "bytes")
            .map(|l| (l.number, view.label_unit(l.key)))
            .collect();
        if text == 0 && sizes.is_empty() {
            continue;
        }
        let stack = p.samples.stack(i);
        let (rows, leaf) = rows_of_stack
            .entry(stack)
            .or_insert_with(|| rows_of(view, table, graph, &row_of, stack, first as u32));
        let mut add = |row: u32, flat: bool| {
            let b = &mut builders[row as usize];
            if text != 0 {
                let name = &joined[text as usize];
                let tag = b.texts.entry(text).or_insert_with(|| Tag {
                    name: name.clone(),
                    ..Tag::default()
                });
                tag.add(value, div, flat);
            }
            for &(size, unit) in &sizes {
                let name = units::label(size, unit, &view.query.unit);
                let tags = b.numbers.entry(text).or_default();
                let tag = tags.entry(name).or_insert_with_key(|name| Tag {
                    name: name.clone(),
                    unit: unit.to_owned(),
                    value: size,
                    ..Tag::default()
                });
                tag.add(value, div, flat);
            }
        };
        rows.iter().for_each(|&row| add(row, false));
        if let Some(leaf) = *leaf {
            add(leaf, true);
        }
    }
    builders
        .into_iter()
        .map(|b| {
            let mut texts: Vec<Tag> = b.texts.into_values().collect();
            sort_tags(&mut texts, true);
            let mut numbers: Vec<(String, Vec<Tag>)> = b
                .numbers
                .into_iter()
                .map(|(text, tags)| (joined[text as usize].clone(), tags.into_values().collect()))
                .collect();
            numbers.sort_by(|a, b| a.0.cmp(&b.0));
            let mut tags = NodeTags { texts, numbers };
            tags.trim(cutoff);
            tags
        })
        .collect()
}

/// All text labels of a sample but the mark of a diff base, sorted.
fn join(view: &View, labels: &[Label]) -> String {
    let p = &view.profile;
    let mut texts: Vec<String> = labels
        .iter()
        .filter(|l| l.kind() == LabelKind::Text && p.text(l.key) != BASE_LABEL)
        .map(|l| format!("{}:{}", p.text(l.key), p.text(l.text)))
        .collect();
    texts.sort();
    texts.join("\\n")
}

/// The distinct rows below `first` that a stack passes, and the row that its flat goes to.
fn rows_of(
    view: &View,
    table: &NodeTable,
    graph: &Graph,
    row_of: &[u32],
    stack: StackId,
    first: u32,
) -> (Vec<u32>, Option<u32>) {
    let mut rows: Vec<u32> = Vec::new();
    let mut leaf = None;
    let mut context = Contexts::ROOT;
    for &l in view.profile.stack(stack).iter().rev() {
        for &n in table.of(l).iter().rev() {
            let row = match &graph.contexts {
                None => row_of[n as usize],
                Some(contexts) => match contexts.children.get(&(context, n)) {
                    Some(&child) => {
                        context = child;
                        contexts.node[child as usize]
                    }
                    None => u32::MAX,
                },
            };
            let is_row = (row as usize) < graph.shown;
            // In a tree the flat of what was trimmed away is nobody's either.
            leaf = is_row.then_some(row);
            if row < first && !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    (rows, leaf.filter(|&leaf| leaf < first))
}
