//! `diff`: rows of two profiles side by side, joined by name.
//!
//! Each profile is asked on its own and the rows are joined, so that builds with other addresses compare (where pprof's
//! `-base` finds nothing in common and adds both up). When the builds differ, packages that moved and closures that were
//! counted otherwise are joined as well. The error of a difference assumes nothing about what the two share: variances
//! add up, which is too cautious for objects that live in both.

use rustc_hash::FxHashMap;

use crate::analysis::graph::trim::whole_graph;
use crate::analysis::report::moves::{Move, moves};
use crate::analysis::view::scope::Scope;
use crate::analysis::{Granularity, Header, NodeInfo, Sort, View};
use crate::kubelet::GoName;

/// A row of a diff.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DiffRow {
    /// Name in the new profile, or in the old one when it is gone.
    pub name: String,
    /// Own value before.
    pub old_flat: i64,
    /// Own value after.
    pub new_flat: i64,
    /// Value of it and everything below, before.
    pub old_cum: i64,
    /// Value of it and everything below, after.
    pub new_cum: i64,
    /// Standard error of the difference of flat; 0 when exact or unknown.
    pub flat_error: f64,
    /// Standard error of the difference of cum.
    pub cum_error: f64,
    /// Whether `info` is of the new view (else of the old one).
    pub in_new: bool,
    /// What it stands for.
    pub info: NodeInfo,
}

impl DiffRow {
    /// Change of the own value.
    pub fn flat(&self) -> i64 {
        self.new_flat.wrapping_sub(self.old_flat)
    }

    /// Change of it and everything below.
    pub fn cum(&self) -> i64 {
        self.new_cum.wrapping_sub(self.old_cum)
    }
}

/// The answer to `diff`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Diff {
    /// What stands above, of the new profile; `total` is the old total.
    pub header: Header,
    /// Total before; of a difference the sum of its changes, with their signs.
    pub old_total: i64,
    /// Total after, as before.
    pub new_total: i64,
    /// Time between the two, nanoseconds; 0 when unknown.
    pub elapsed_nanos: i64,
    /// Whether the two are of one build; unknown where one of them does not say of which it is.
    pub same_build: Option<bool>,
    /// Rows that changed, largest change first.
    pub rows: Vec<DiffRow>,
    /// Goroutines that moved from one place to another, began or ended, the largest number first, where rows are pairs of owner
    /// and what it is blocked in.
    pub moves: Vec<Move>,
    /// Rows that changed in all.
    pub changed: usize,
    /// Changed rows below the cutoff.
    pub small: usize,
    /// The cutoff: a share of the larger total.
    pub cutoff: i64,
    /// Rows outside of the packages and subsystems asked for.
    pub hidden_rows: usize,
}

/// Compares two views of one query. The query's limits on rows hold for the changes.
pub fn diff(old: &View, new: &View) -> Diff {
    let trim = new.query.trim;
    let sort = new.query.sort;
    let build = |v: &View| {
        v.profile
            .mappings
            .first()
            .map(|m| v.profile.text(m.build_id).to_owned())
            .unwrap_or_default()
    };
    let (old_build, new_build) = (build(old), build(new));
    let known = !old_build.is_empty() && !new_build.is_empty();
    let same_build = known.then_some(old_build == new_build);
    let mut header = Header::new(new);
    let mut rows: Vec<DiffRow> = Vec::new();
    let mut index: FxHashMap<String, usize> = FxHashMap::default();
    let mut hidden_rows = 0;
    for (view, is_new) in [(new, true), (old, false)] {
        // The limits are on changes, not on the rows of either side.
        let trimmed = whole_graph(view);
        let scope = Scope::of(view);
        for n in trimmed.graph.rows() {
            if scope.as_ref().is_some_and(|scope| !scope.contains(view, &n.info)) {
                hidden_rows += usize::from(is_new);
                continue;
            }
            let name = n.info.printable(&view.profile).into_owned();
            // Names of parts are the same in every build, and are no names of functions.
            let of_parts = matches!(
                view.query.granularity,
                Granularity::Subsystems | Granularity::Owners | Granularity::Pairs
            );
            let key = if same_build == Some(true) || of_parts {
                name.clone()
            } else {
                key(view, &name)
            };
            let at = *index.entry(key).or_insert_with(|| {
                rows.push(DiffRow {
                    name,
                    in_new: is_new,
                    info: n.info,
                    ..DiffRow::default()
                });
                rows.len() - 1
            });
            let row = &mut rows[at];
            // Several functions may share a key between builds.
            let (flat, cum) = if is_new {
                (&mut row.new_flat, &mut row.new_cum)
            } else {
                (&mut row.old_flat, &mut row.old_cum)
            };
            *flat = flat.wrapping_add(n.flat_value());
            *cum = cum.wrapping_add(n.cum_value());
            row.flat_error += n.flat_variance;
            row.cum_error += n.cum_variance;
        }
        header.output_unit = trimmed.unit;
    }
    for row in &mut rows {
        row.flat_error = row.flat_error.sqrt();
        row.cum_error = row.cum_error.sqrt();
    }
    rows.retain(|row| row.flat() != 0 || row.cum() != 0);
    let changed = rows.len();
    let moves = moves(&rows, old, new);
    let larger = old.total.unsigned_abs().max(new.total.unsigned_abs());
    let cutoff = (larger as f64 * trim.node_fraction) as i64;
    rows.retain(|row| row.cum().unsigned_abs() as i64 >= cutoff || row.flat().unsigned_abs() as i64 >= cutoff);
    let small = changed - rows.len();
    rows.sort_by(|a, b| {
        let key = |r: &DiffRow| match sort {
            Sort::Flat => (r.flat().unsigned_abs(), r.cum().unsigned_abs()),
            Sort::Cum => (r.cum().unsigned_abs(), r.flat().unsigned_abs()),
        };
        key(b).cmp(&key(a)).then_with(|| a.name.cmp(&b.name))
    });
    if let Some(limit) = trim.node_count.filter(|&n| n > 0) {
        rows.truncate(limit);
    }
    let (old_time, new_time) = (old.profile.time_nanos, new.profile.time_nanos);
    let elapsed_nanos = if old_time == 0 || new_time == 0 {
        0
    } else {
        new_time.wrapping_sub(old_time)
    };
    header.total = old.total;
    header.rows_shown = rows.len();
    header.row_count = changed - small;
    if new.query.unit == "minimum" {
        header.output_unit = unit(new, &rows, larger);
    }
    Diff {
        header,
        // What changes sum up to, not the sum of what changed.
        old_total: old.signed_total.unwrap_or(old.total),
        new_total: new.signed_total.unwrap_or(new.total),
        elapsed_nanos,
        same_build,
        rows,
        moves,
        changed,
        small,
        cutoff,
        hidden_rows,
    }
}

/// A unit in which the largest change of a row reads well.
fn unit(view: &View, rows: &[DiffRow], total: u64) -> String {
    let largest = rows
        .iter()
        .map(|r| r.flat().unsigned_abs().max(r.cum().unsigned_abs()))
        .max()
        .unwrap_or(total);
    let (_, unit) = crate::model::units::scale(largest as i64, &view.unit, "minimum");
    if unit.is_empty() { view.unit.clone() } else { unit }
}

/// What a name is compared by between builds.
fn key(view: &View, name: &str) -> String {
    let Some(lens) = &view.lens else { return name.to_owned() };
    let parsed = GoName::parse(name);
    lens.knowledge().canonical(&parsed.comparison_key()).into_owned()
}
