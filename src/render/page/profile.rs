//! One kind of profile as the page reads it: a tree in preorder, rows of samples, and their values at each moment.
//!
//! Lists that grow slowly are written as steps. A moment holds what is different from the moment before, so that a series
//! of snapshots costs little more than one.

use serde::Serialize;

use super::names::{Names, Numbers};
use crate::analysis::{Comparison, Flame, FlameRows, InlineMark, Sampling};
use crate::model::units::{self, Dimension};
use crate::render::flame::{facts, shape};

/// A profile for the page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::render) struct ProfileData {
    kind: String,
    title: String,
    selected: usize,
    /// What the two moments of a comparison are; `none` for moments of a series.
    comparison: &'static str,
    divide_by: f64,
    types: Vec<TypeData>,
    hidden: HiddenData,
    tree: TreeData,
    rows: RowData,
    taken: Vec<TakenData>,
}

/// Where a moment of a profile is from.
#[derive(Default, Clone)]
pub(in crate::render) struct Taken {
    /// Row of the page's snapshots.
    pub(in crate::render) snapshot: usize,
    /// The file.
    pub(in crate::render) source: String,
    /// What a command needs to find it.
    pub(in crate::render) args: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypeData {
    kind: String,
    unit: String,
    /// Units to word values in, smallest first, and how many of the profile's unit they are.
    steps: Vec<(String, f64)>,
    /// `heap`, `ticks`, `exact` or `unknown`.
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_tick: Option<f64>,
}

#[derive(Serialize)]
struct HiddenData {
    count: u64,
    largest: f64,
}

#[derive(Serialize)]
struct TreeData {
    /// The name of each node, in preorder.
    name: Vec<u32>,
    /// For each node but the root, how many steps its parent is above the node before it.
    up: Vec<u32>,
    /// A digit for each node: 0 called, 1 inlined in places, 2 inlined.
    inline: String,
}

/// Columns of rows; one that knows nothing is left out. `node` and `hidden` are steps.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowData {
    node: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hidden: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    size: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    owner: Vec<i32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocked_in: Vec<i32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    state: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wait: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    creator: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<u32>,
    /// 0 idle loop, 1 usual, 2 stuck.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    heading: Vec<u8>,
}

#[derive(Serialize)]
struct TakenData {
    snapshot: usize,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    args: String,
    totals: Vec<i64>,
    /// By sample type, pairs of steps between rows and changes since the moment before; or, behind -1, a change for every
    /// row.
    columns: Vec<Vec<i64>>,
    /// As `columns` but whole, for rows of sampled objects of several sizes: one standard error, to three digits. Left out
    /// where there are none; ticks are their own errors.
    #[serde(skip_serializing_if = "all_empty")]
    errors: Vec<Vec<i64>>,
    /// And how many samples they rest on, in the column of objects.
    #[serde(skip_serializing_if = "all_empty")]
    sampled: Vec<Vec<i64>>,
}

fn all_empty(lists: &[Vec<i64>]) -> bool {
    lists.iter().all(Vec::is_empty)
}

impl ProfileData {
    /// Says of each row what sort of wait it is: 0 idle loop, 1 usual, 2 stuck.
    pub(in crate::render) fn with_headings(mut self, headings: Vec<u8>) -> Self {
        self.rows.heading = headings;
        self
    }
}

/// Makes the data of a graph and takes its names in. `taken` has an entry for each moment of its rows.
pub(in crate::render) fn profile(
    flame: &Flame,
    kind: &str,
    title: &str,
    taken: &[Taken],
    names: &mut Names,
) -> ProfileData {
    let numbers = names.add(flame);
    ProfileData {
        kind: kind.to_owned(),
        title: title.to_owned(),
        selected: flame.selected,
        comparison: match flame.comparison {
            Comparison::None => "none",
            Comparison::Base => "base",
            Comparison::Signed => "signed",
        },
        divide_by: flame.divide_by,
        types: types(flame),
        hidden: HiddenData {
            count: flame.hidden.count,
            largest: flame.hidden.largest,
        },
        tree: tree(flame, &numbers),
        rows: rows(&flame.rows, &numbers),
        taken: moments(flame, taken),
    }
}

fn types(flame: &Flame) -> Vec<TypeData> {
    let known = |t: usize| flame.rows.sampling.get(t).copied().unwrap_or(Sampling::Unknown);
    (flame.types.iter().enumerate())
        .map(|(t, ty)| TypeData {
            kind: ty.kind.clone(),
            unit: ty.unit.clone(),
            steps: steps(&ty.unit, &facts::unit(flame, t)),
            error: match known(t) {
                Sampling::Exact => "exact",
                Sampling::Heap { .. } => "heap",
                Sampling::Ticks { .. } => "ticks",
                Sampling::Unknown => "unknown",
            },
            rate: match known(t) {
                Sampling::Heap { rate, .. } => Some(rate),
                _ => None,
            },
            per_tick: match known(t) {
                Sampling::Ticks { per_tick } => Some(per_tick),
                _ => None,
            },
        })
        .collect()
}

fn tree(flame: &Flame, numbers: &Numbers) -> TreeData {
    let depths = shape::depths(flame);
    TreeData {
        name: flame.nodes.name.iter().map(|&n| numbers.name[n as usize]).collect(),
        up: (1..flame.len()).map(|i| depths[i - 1] + 1 - depths[i]).collect(),
        inline: flame.nodes.inline.iter().map(|&mark| digit(mark)).collect(),
    }
}

fn digit(mark: InlineMark) -> char {
    match mark {
        InlineMark::No => '0',
        InlineMark::Partial => '1',
        InlineMark::Full => '2',
    }
}

fn rows(rows: &FlameRows, numbers: &Numbers) -> RowData {
    let subsystem = |s: &Option<u16>| s.map_or(-1, |s| numbers.subsystem[usize::from(s)]);
    let word = |w: &u32| numbers.word[*w as usize];
    let hidden = (0..rows.len() as u32).filter(|&r| rows.hidden[r as usize]);
    RowData {
        node: steps_of(rows.node.iter().copied()),
        hidden: steps_of(hidden),
        size: rows.size.clone(),
        owner: rows.owner.iter().map(subsystem).collect(),
        blocked_in: rows.blocked_in.iter().map(subsystem).collect(),
        state: rows.state.iter().map(word).collect(),
        wait: rows.wait.iter().map(|w| w.unwrap_or(-1)).collect(),
        creator: rows.creator.iter().map(word).collect(),
        labels: rows.labels.iter().map(word).collect(),
        heading: Vec::new(),
    }
}

/// The first value, then how much each is above the one before.
fn steps_of(values: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut last = 0;
    values
        .map(|v| {
            let step = v - last;
            last = v;
            step
        })
        .collect()
}

fn moments(flame: &Flame, taken: &[Taken]) -> Vec<TakenData> {
    let moments = &flame.rows.moments;
    (moments.iter().enumerate())
        .map(|(m, moment)| {
            let from = taken.get(m).cloned().unwrap_or_default();
            let before = |t: usize| m.checked_sub(1).map(|m| &moments[m].values[t]);
            let columns = (moment.values.iter().enumerate()).map(|(t, values)| match before(t) {
                None => pairs(values.iter().copied()),
                Some(before) => pairs(values.iter().zip(before).map(|(v, b)| v.wrapping_sub(*b))),
            });
            let heap = |t: usize| matches!(flame.rows.sampling.get(t), Some(Sampling::Heap { .. }));
            // Bytes rest on the samples of their objects.
            let repeats = |t: usize| {
                let objects = flame.types[t]
                    .kind
                    .strip_suffix("space")
                    .map(|family| format!("{family}objects"));
                objects.is_some_and(|objects| flame.types.iter().any(|ty| ty.kind == objects))
            };
            let errors = (moment.variance.iter().enumerate()).map(|(t, list)| match heap(t) {
                true => pairs(list.iter().map(|v| three_digits(v.sqrt()))),
                false => Vec::new(),
            });
            let sampled = (moment.sampled.iter().enumerate()).map(|(t, list)| match heap(t) && !repeats(t) {
                true => pairs(list.iter().map(|v| v.round() as i64)),
                false => Vec::new(),
            });
            // 100 % is what the filters of the command were given, where they took something away.
            let whole = |t: usize| match flame.comparison {
                Comparison::None if moments.len() == 1 => flame.types[t].total,
                _ => moment.totals[t],
            };
            TakenData {
                snapshot: from.snapshot,
                source: from.source,
                args: from.args,
                totals: (0..flame.types.len()).map(whole).collect(),
                columns: columns.collect(),
                errors: errors.collect(),
                sampled: sampled.collect(),
            }
        })
        .collect()
}

/// Three digits are more than an error of an error allows.
fn three_digits(v: f64) -> i64 {
    if !v.is_finite() || v < 1000.0 {
        return v.round() as i64;
    }
    let step = 10f64.powi(v.log10() as i32 - 2);
    ((v / step).round() * step) as i64
}

/// Values other than 0 as pairs: steps from the row before, value. Where most rows have one, all values behind a -1.
fn pairs(values: impl Iterator<Item = i64> + Clone) -> Vec<i64> {
    let (mut all, mut some) = (0, 0);
    for v in values.clone() {
        all += 1;
        some += usize::from(v != 0);
    }
    if some * 2 > all && all > 16 {
        return std::iter::once(-1).chain(values).collect();
    }
    let mut out = Vec::with_capacity(2 * some);
    let mut last = 0;
    for (i, v) in values.enumerate().filter(|(_, v)| *v != 0) {
        out.push((i - last) as i64);
        out.push(v);
        last = i;
    }
    out
}

/// The units that values of `unit` are worded in, when `wanted` was asked for.
fn steps(unit: &str, wanted: &str) -> Vec<(String, f64)> {
    let own = units::factor(unit).unwrap_or(1.0);
    let of = |names: &[&str]| {
        names
            .iter()
            .filter_map(|&name| Some((name.to_owned(), units::factor(name)? / own)))
            .collect()
    };
    if wanted != "auto" && wanted != "minimum" {
        let (_, name) = units::scale(1, unit, wanted);
        let factor = units::factor(wanted).map_or(1.0, |f| f / own);
        return vec![(name, factor)];
    }
    match units::dimension(unit) {
        Dimension::Bytes => of(&["B", "kB", "MB", "GB", "TB", "PB"]),
        Dimension::Time => of(&["ns", "us", "ms", "s", "hrs"]),
        Dimension::ComputeUnits => of(&["nanogcu", "microgcu", "milligcu", "gcu"]),
        Dimension::Count => vec![(String::new(), 1.0)],
    }
}
