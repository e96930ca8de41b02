//! Stacks of names: what folded stacks, speedscope and flame graphs are made of.
//!
//! Two stacks whose frames have the same names at the granularity of the query are one row here, whatever their
//! addresses, lines and labels. Files are carried for the reader but make no difference between functions, because one
//! function has several spellings of its file in profiles of different builds; only rows that are files, lines or addresses
//! tell them apart. A location without a name is a frame like any other, named by its address or its mapped file:
//! nothing vanishes for lack of a symbol.
//!
//! All sample types are added up at once. Where a profile was compared with a base, values of the base stand apart as
//! `old`; where values are negative without that, what was lost is `old` and what was gained is `new`.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};

use crate::analysis::graph::nodes::{NodeInfo, NodeTable};
use crate::analysis::view::subsystems::Lens;
use crate::analysis::view::{base_label, is_base};
use crate::analysis::{Granularity, Header, QueryError, View};
use crate::kubelet::{Role, SubsystemId};
use crate::model::{LocationId, Profile, StackId, StringId};

/// What the two columns of a row mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Comparison {
    /// There is no `old` column.
    #[default]
    None,
    /// `old` is the base that the profile was compared with.
    Base,
    /// The values are differences: `new` is what was gained, `old` what was lost.
    Signed,
}

/// A sample type of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackType {
    /// What is measured, for instance `inuse_space`.
    pub kind: String,
    /// Unit of the values.
    pub unit: String,
    /// 100 %: all samples before filters, unless the query asked for relative percentages.
    pub total: i64,
}

/// What a frame is called and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FrameName {
    /// Name at the granularity of the query; never empty.
    pub name: String,
    /// Source file, or `""`.
    pub file: String,
    /// Line, 0 unless rows are lines.
    pub line: i64,
    /// Import path without the marks of its build, or `""`.
    pub package: String,
    /// Row of [`NamedStacks::subsystems`].
    pub subsystem: Option<u16>,
}

/// A subsystem of which there are frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameSubsystem {
    /// Key in the table of knowledge.
    pub key: String,
    /// Name for people.
    pub title: String,
    /// What its frames mean in a stack.
    pub role: Role,
    /// Its place in the table of knowledge, which gives it its colour.
    pub rank: u16,
}

/// The distinct stacks of a view, in the order in which they first occur, and what they sum up to.
#[derive(Clone, Debug)]
pub struct NamedStacks {
    /// What stands above the report.
    pub header: Header,
    /// All sample types.
    pub types: Vec<StackType>,
    /// The one that the query chose.
    pub selected: usize,
    /// What `old` and `new` mean.
    pub comparison: Comparison,
    /// All frames by name, in the order of the profile's locations.
    pub names: Vec<FrameName>,
    /// Subsystems of the names, in the order of the table of knowledge.
    pub subsystems: Vec<FrameSubsystem>,
    /// What to divide values by before they are shown.
    pub divide_by: f64,
    /// One stack of the profile for each row.
    rows: Vec<StackId>,
    /// The row of every stack of the profile that has samples.
    row_of: Vec<u32>,
    /// Row by row, a value per sample type.
    new: Vec<i64>,
    /// As `new`; empty when there is nothing to compare.
    old: Vec<i64>,
    table: FrameTable,
}

/// Whether stacks that differ only in what the compiler inlined are one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Inlining {
    /// They are.
    Ignored,
    /// They are not.
    Matters,
}

/// Location -> run of names.
#[derive(Clone, Debug, Default)]
struct FrameTable {
    ends: Vec<u32>,
    names: Vec<u32>,
}

impl FrameTable {
    /// The names of a location, innermost first.
    #[inline]
    fn of(&self, l: LocationId) -> &[u32] {
        &self.names[self.ends[l.index()] as usize..self.ends[l.index() + 1] as usize]
    }

    /// The names of a stack, outermost first.
    fn outermost_first<'a>(&'a self, stack: &'a [LocationId]) -> impl Iterator<Item = u32> + 'a {
        stack.iter().rev().flat_map(|&l| self.of(l).iter().rev().copied())
    }

    /// For every location the first one with the same names.
    fn first_alike(&self) -> Vec<u32> {
        let mut first: FxHashMap<&[u32], u32> = FxHashMap::default();
        (0..self.ends.len() - 1)
            .map(|l| *first.entry(self.of(LocationId::new(l))).or_insert(l as u32))
            .collect()
    }
}

/// Adds up the stacks of a view by name.
///
/// # Errors
/// When the query asks for means: they cannot be added up.
pub fn named_stacks(view: &View) -> Result<NamedStacks, QueryError> {
    stacks(view, Inlining::Ignored)
}

/// As [`named_stacks`], with a choice.
pub(in crate::analysis) fn stacks(view: &View, tell: Inlining) -> Result<NamedStacks, QueryError> {
    if view.query.mean {
        return Err(QueryError::MeanOfStacks);
    }
    let nodes = NodeTable::new(&view.profile, &view.files.trimmed, false, false);
    let p = &view.profile;
    let (names, name_of_node, subsystems) = names(view, &nodes);
    let mut table = FrameTable {
        ends: vec![0],
        names: Vec::new(),
    };
    for l in 0..p.locations.len() {
        let run = nodes.of(LocationId::new(l)).iter();
        table.names.extend(run.map(|&n| name_of_node[n as usize]));
        table.ends.push(table.names.len() as u32);
    }
    let types = p
        .sample_types
        .iter()
        .zip(&view.totals)
        .map(|(t, &total)| StackType {
            kind: p.text(t.kind).to_owned(),
            unit: p.text(t.unit).to_owned(),
            total,
        })
        .collect();
    let mut stacks = NamedStacks {
        header: Header::new(view),
        types,
        selected: view.index,
        comparison: Comparison::None,
        names,
        subsystems,
        divide_by: view.query.divide_by,
        rows: Vec::new(),
        row_of: Vec::new(),
        new: Vec::new(),
        old: Vec::new(),
        table,
    };
    let row_of = merge_equal(p, &stacks.table, tell, &mut stacks.rows);
    stacks.add_up(p, &row_of);
    stacks.row_of = row_of;
    if view.query.drop_negative && stacks.comparison == Comparison::Signed {
        stacks.old = Vec::new();
        stacks.comparison = Comparison::None;
    }
    Ok(stacks)
}

const NONE: u32 = u32::MAX;

/// Gives every stack that has samples its row; `rows` gets one stack for each.
fn merge_equal(p: &Profile, table: &FrameTable, tell: Inlining, rows: &mut Vec<StackId>) -> Vec<u32> {
    match tell {
        Inlining::Ignored => merge_by(p, rows, |stack| table.outermost_first(stack)),
        // The outermost name of a location is the one that was not inlined: names with their inlining tell where a location
        // begins, so that equal locations are all that there is to compare.
        Inlining::Matters => {
            let alike = table.first_alike();
            merge_by(p, rows, |stack| stack.iter().map(|l| alike[l.index()]))
        }
    }
}

/// As [`merge_equal`], for any identity of stacks.
fn merge_by<'a, I: Iterator<Item = u32>>(
    p: &'a Profile,
    rows: &mut Vec<StackId>,
    identity: impl Fn(&'a [LocationId]) -> I,
) -> Vec<u32> {
    let hash = |stack: StackId| {
        let mut h = FxHasher::default();
        identity(p.stack(stack)).for_each(|frame| h.write_u32(frame));
        h.finish()
    };
    let mut row_of = vec![NONE; p.stacks.len()];
    let mut hashes: Vec<u64> = Vec::new();
    let mut index: HashTable<u32> = HashTable::new();
    for i in 0..p.samples.len() {
        let stack = p.samples.stack(i);
        if row_of[stack.index()] != NONE {
            continue;
        }
        let h = hash(stack);
        let same = |&row: &u32| {
            let known = p.stack(rows[row as usize]);
            hashes[row as usize] == h && identity(known).eq(identity(p.stack(stack)))
        };
        let row = match index.find(h, same) {
            Some(&row) => row,
            None => {
                let row = rows.len() as u32;
                rows.push(stack);
                hashes.push(h);
                index.insert_unique(h, row, |&row| hashes[row as usize]);
                row
            }
        };
        row_of[stack.index()] = row;
    }
    row_of
}

impl NamedStacks {
    /// Fills the columns.
    fn add_up(&mut self, p: &Profile, row_of: &[u32]) {
        let types = self.types.len();
        self.new = vec![0; self.rows.len() * types];
        let base = base_label(p);
        let has_base = (0..p.samples.len()).any(|i| is_base(p, base, i));
        if has_base {
            self.comparison = Comparison::Base;
            self.old = vec![0; self.new.len()];
        }
        for i in 0..p.samples.len() {
            let row = row_of[p.samples.stack(i).index()] as usize;
            let at = row * types..(row + 1) * types;
            let of_base = has_base && is_base(p, base, i);
            let sums = if of_base { &mut self.old[at] } else { &mut self.new[at] };
            for (sum, &v) in sums.iter_mut().zip(p.samples.values(i)) {
                // The base was subtracted: its values have the other sign.
                *sum = if of_base {
                    sum.wrapping_sub(v)
                } else {
                    sum.wrapping_add(v)
                };
            }
        }
        if !has_base && self.new.iter().any(|&v| v < 0) {
            self.comparison = Comparison::Signed;
            self.old = self.new.iter().map(|&v| v.min(0).wrapping_neg()).collect();
            self.new.iter_mut().for_each(|v| *v = (*v).max(0));
        }
    }

    /// How many distinct stacks there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What stack `row` sums up to, a value per sample type.
    #[inline]
    pub fn new_values(&self, row: usize) -> &[i64] {
        &self.new[row * self.types.len()..(row + 1) * self.types.len()]
    }

    /// What it summed up to in the base, or what it lost; empty when there is nothing to compare.
    #[inline]
    pub fn old_values(&self, row: usize) -> &[i64] {
        match self.comparison {
            Comparison::None => &[],
            _ => &self.old[row * self.types.len()..(row + 1) * self.types.len()],
        }
    }

    /// The frames of stack `row`, outermost first, as rows of [`NamedStacks::names`]. `view` is the one that the stacks
    /// were made of.
    pub fn frames<'a>(&'a self, view: &'a View, row: usize) -> impl Iterator<Item = u32> + 'a {
        self.table.outermost_first(view.profile.stack(self.rows[row]))
    }

    /// The row of sample `i` of the view.
    pub(in crate::analysis) fn row_of_sample(&self, view: &View, i: usize) -> usize {
        self.row_of[view.profile.samples.stack(i).index()] as usize
    }

    /// The locations of stack `row`, leaf first, for cursors that walk it piece by piece.
    pub(in crate::analysis) fn stack<'a>(&self, view: &'a View, row: usize) -> &'a [LocationId] {
        view.profile.stack(self.rows[row])
    }

    /// The names of a location, innermost first; all but the last are inlined.
    #[inline]
    pub(in crate::analysis) fn run(&self, l: LocationId) -> &[u32] {
        self.table.of(l)
    }
}

/// Names the nodes; returns the names, node -> name, and the subsystems.
fn names(view: &View, nodes: &NodeTable) -> (Vec<FrameName>, Vec<u32>, Vec<FrameSubsystem>) {
    let p = &view.profile;
    let lens = view.lens.as_ref();
    let by_function = matches!(
        view.query.granularity,
        Granularity::Functions | Granularity::FileFunctions
    );
    let mut index: FxHashMap<String, u32> = FxHashMap::default();
    let mut names: Vec<FrameName> = Vec::new();
    let mut ids: Vec<Option<SubsystemId>> = Vec::new();
    let name_of_node = nodes
        .infos
        .iter()
        .map(|info| {
            let text = if by_function {
                function_name(p, info)
            } else {
                info.printable(p).into_owned()
            };
            if let Some(&known) = index.get(&text) {
                return known;
            }
            let place = lens.and_then(|lens| lens.named(info.name));
            let by_title = |lens: &Lens| lens.knowledge().by_title(&text);
            ids.push(match view.query.granularity {
                Granularity::Subsystems | Granularity::Owners => lens.and_then(by_title),
                _ => place.and_then(|place| place.class.subsystem()),
            });
            names.push(FrameName {
                name: text.clone(),
                file: p.text(info.file).to_owned(),
                line: info.line,
                package: match view.query.granularity {
                    Granularity::Packages => text.clone(),
                    _ => place.map_or("", |place| p.text(place.package)).to_owned(),
                },
                subsystem: None,
            });
            let next = (names.len() - 1) as u32;
            index.insert(text, next);
            next
        })
        .collect();
    let mut used: Vec<SubsystemId> = ids.iter().flatten().copied().collect();
    used.sort_unstable();
    used.dedup();
    let subsystems = used
        .iter()
        .filter_map(|&id| Some((id, lens?.knowledge().get(id)?)))
        .map(|(id, s)| FrameSubsystem {
            key: s.key.clone(),
            title: s.title.clone(),
            role: s.role,
            rank: id.0,
        })
        .collect();
    for (name, id) in names.iter_mut().zip(ids) {
        name.subsystem = id.and_then(|id| used.binary_search(&id).ok()).map(|i| i as u16);
    }
    (names, name_of_node, subsystems)
}

/// The name of a function; its file, mapped file or address when it has none.
fn function_name(p: &Profile, info: &NodeInfo) -> String {
    let bare = NodeInfo {
        file: if info.name.is_empty() {
            info.file
        } else {
            StringId::EMPTY
        },
        ..*info
    };
    bare.printable(p).into_owned()
}
