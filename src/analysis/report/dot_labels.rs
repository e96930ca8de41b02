//! Labels of the samples of a node, as drawings hang them on it.
//!
//! All text labels of a sample together are one tag (`k:v\nk:v`); numbers are shown for the key `bytes` only, below the
//! tag of their sample's texts.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::analysis::View;
use crate::analysis::graph::nodes::NodeTable;
use crate::analysis::graph::{Contexts, Graph};
use crate::analysis::view::BASE_LABEL;
use crate::model::{Label, LabelKind, StackId, units};

/// At most this many tags are drawn on a node.
pub(in crate::analysis) const MAX_NODELETS: usize = 4;

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
pub(in crate::analysis) fn sort_tags(tags: &mut [Tag], flat: bool) {
    tags.sort_by(|a, b| {
        let cum = if flat {
            std::cmp::Ordering::Equal
        } else {
            b.cum.wrapping_abs().cmp(&a.cum.wrapping_abs())
        };
        cum.then_with(|| b.flat.wrapping_abs().cmp(&a.flat.wrapping_abs()))
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
    fn flat_count(&self) -> usize {
        let numbers = self.numbers.iter().flat_map(|(_, tags)| tags);
        self.texts.iter().chain(numbers).filter(|t| t.flat != 0).count()
    }
}

/// How many of the sorted rows fit when every row takes a place and each of its tags (at most four) another.
pub(in crate::analysis) fn count_with_nodelets(
    view: &View,
    table: &NodeTable,
    graph: &Graph,
    cutoff: i64,
    max: usize,
) -> usize {
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

/// The labels of some samples, worked out once for all samples that have them.
struct LabelSet {
    /// Row of [`LabelSets::names`]: all texts joined; 0 for none.
    text: u32,
    /// Sizes: row of [`LabelSets::names`], number.
    sizes: Vec<(u32, i64)>,
}

/// Distinct runs of labels, and the names that are drawn for them.
struct LabelSets {
    sets: Vec<LabelSet>,
    names: Vec<String>,
    /// Unit of the sizes.
    unit: String,
}

/// What the samples of one stack with one set of labels have.
struct Group {
    stack: StackId,
    set: u32,
    value: i64,
    div: i64,
}

impl LabelSets {
    /// Numbers the label runs of all samples that count, and adds the samples up by stack and run, in the order in which
    /// they first occur.
    fn groups(view: &View) -> (Self, Vec<Group>) {
        let samples = &view.profile.samples;
        let mut this = Self {
            sets: Vec::new(),
            names: vec![String::new()],
            unit: String::new(),
        };
        let mut names: FxHashMap<String, u32> = FxHashMap::from_iter([(String::new(), 0)]);
        // A run of labels is known by the first sample that has it.
        let mut runs: HashTable<(u32, u32)> = HashTable::new();
        let hasher = FxBuildHasher;
        let mut groups: Vec<Group> = Vec::new();
        let mut index: FxHashMap<(StackId, u32), u32> = FxHashMap::default();
        for i in 0..samples.len() {
            let (value, div) = (view.value(i), view.divisor(i));
            let labels = samples.labels(i);
            if value == 0 && div == 0 || labels.is_empty() {
                continue;
            }
            let hash = hasher.hash_one(labels);
            let known = runs.find(hash, |&(first, _)| samples.labels(first as usize) == labels);
            let set = match known {
                Some(&(_, set)) => set,
                None => {
                    let set = this.sets.len() as u32;
                    let made = this.make(view, labels, &mut names);
                    this.sets.push(made);
                    let rehash = |&(first, _): &(u32, u32)| hasher.hash_one(samples.labels(first as usize));
                    runs.insert_unique(hash, (i as u32, set), rehash);
                    set
                }
            };
            let made = &this.sets[set as usize];
            if made.text == 0 && made.sizes.is_empty() {
                continue;
            }
            let stack = samples.stack(i);
            let next = groups.len() as u32;
            let at = *index.entry((stack, set)).or_insert(next);
            if at == next {
                groups.push(Group {
                    stack,
                    set,
                    value: 0,
                    div: 0,
                });
            }
            let group = &mut groups[at as usize];
            group.value = group.value.wrapping_add(value);
            group.div = group.div.wrapping_add(div);
        }
        (this, groups)
    }

    fn make(&mut self, view: &View, labels: &[Label], names: &mut FxHashMap<String, u32>) -> LabelSet {
        let p = &view.profile;
        let mut number = |name: String, all: &mut Vec<String>| {
            *names.entry(name).or_insert_with_key(|name| {
                all.push(name.clone());
                all.len() as u32 - 1
            })
        };
        let text = number(join(view, labels), &mut self.names);
        let mut sizes = Vec::new();
        for l in labels {
            if l.kind() == LabelKind::Number && p.text(l.key) == "bytes" {
                self.unit = view.label_unit(l.key).to_owned();
                let name = units::label(l.number, &self.unit, &view.query.unit);
                sizes.push((number(name, &mut self.names), l.number));
            }
        }
        LabelSet { text, sizes }
    }
}

/// The tags of the first `first` rows of a graph, without those below `cutoff`.
pub(in crate::analysis) fn node_tags(
    view: &View,
    table: &NodeTable,
    graph: &Graph,
    first: usize,
    cutoff: i64,
) -> Vec<NodeTags> {
    let first = first.min(graph.shown);
    let mut row_of = vec![u32::MAX; table.infos.len()];
    for (i, n) in graph.nodes.iter().enumerate() {
        row_of[n.origin as usize] = i as u32;
    }
    let (sets, groups) = LabelSets::groups(view);
    let mut texts: FxHashMap<(u32, u32), Tag> = FxHashMap::default();
    let mut numbers: FxHashMap<(u32, u32, u32), Tag> = FxHashMap::default();
    let mut walker = Walker {
        view,
        table,
        graph,
        row_of,
        first: first as u32,
        seen: vec![u32::MAX; first],
        rows: Vec::new(),
    };
    for (stamp, group) in groups.iter().enumerate() {
        let leaf = walker.walk(group.stack, stamp as u32);
        let set = &sets.sets[group.set as usize];
        let mut add = |row: u32, flat: bool| {
            if set.text != 0 {
                let tag = texts.entry((row, set.text)).or_default();
                tag.add(group.value, group.div, flat);
            }
            for &(name, value) in &set.sizes {
                let tag = numbers.entry((row, set.text, name)).or_insert_with(|| Tag {
                    value,
                    ..Tag::default()
                });
                tag.add(group.value, group.div, flat);
            }
        };
        walker.rows.iter().for_each(|&row| add(row, false));
        if let Some(leaf) = leaf {
            add(leaf, true);
        }
    }
    let name = |n: u32| sets.names[n as usize].clone();
    let large = |t: &Tag| t.flat.wrapping_abs() >= cutoff || t.cum.wrapping_abs() >= cutoff;
    let mut tags: Vec<NodeTags> = (0..first).map(|_| NodeTags::default()).collect();
    for ((row, text), tag) in texts.into_iter().filter(|(_, tag)| large(tag)) {
        let name = name(text);
        tags[row as usize].texts.push(Tag { name, ..tag });
    }
    let mut sizes: Vec<_> = numbers.into_iter().filter(|(_, tag)| large(tag)).collect();
    sizes.sort_unstable_by_key(|&(key, _)| key);
    for ((row, text, size), tag) in sizes {
        let tag = Tag {
            name: name(size),
            unit: sets.unit.clone(),
            ..tag
        };
        let (all, text) = (&mut tags[row as usize].numbers, name(text));
        match all.last_mut() {
            Some((last, tags)) if *last == text => tags.push(tag),
            _ => all.push((text, vec![tag])),
        }
    }
    for tags in &mut tags {
        sort_tags(&mut tags.texts, true);
    }
    tags
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

/// Walks stacks as the graph did.
struct Walker<'a> {
    view: &'a View,
    table: &'a NodeTable,
    graph: &'a Graph,
    row_of: Vec<u32>,
    first: u32,
    /// For each row, the last walk that passed it.
    seen: Vec<u32>,
    /// The distinct rows below `first` of the last walk.
    rows: Vec<u32>,
}

impl Walker<'_> {
    /// Collects the rows that a stack passes; returns the one that its flat goes to.
    fn walk(&mut self, stack: StackId, stamp: u32) -> Option<u32> {
        self.rows.clear();
        let mut leaf = u32::MAX;
        let mut context = Contexts::ROOT;
        for &l in self.view.profile.stack(stack).iter().rev() {
            for &n in self.table.of(l).iter().rev() {
                leaf = match &self.graph.contexts {
                    None => self.row_of[n as usize],
                    Some(contexts) => match contexts.children.get(&(context, n)) {
                        Some(&child) => {
                            context = child;
                            contexts.node[child as usize]
                        }
                        None => u32::MAX,
                    },
                };
                if leaf < self.first && self.seen[leaf as usize] != stamp {
                    self.seen[leaf as usize] = stamp;
                    self.rows.push(leaf);
                }
            }
        }
        (leaf < self.first).then_some(leaf)
    }
}
