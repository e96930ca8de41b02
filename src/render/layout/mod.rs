//! Report -> document: which facts, columns and notes each report has, and how numbers are worded.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Map, Value, json};

use super::document::{Cell, Column, Document, Emphasis, Shown};
use super::pprof::go_time;

mod bundle;
mod census;
mod coverage;
mod diff;
mod disasm;
mod errors;
mod evidence;
mod goroutines;
mod list;
mod moves;
mod rates;
mod survey;
mod tags;
mod top;
mod traces;
mod tree;
mod vitals;
mod waiting;

pub use bundle::bundle;
pub use census::census;
pub use coverage::line as coverage_line;
pub use diff::diff;
pub use disasm::disasm;
pub use evidence::events;
pub(super) use evidence::{change as unit_change, event as unit_event, event_words as unit_event_words, out_of_memory};
pub use goroutines::{Below, StackLines, goroutines};
pub use list::list;
pub use survey::survey;
pub use tags::tags;
pub use top::top;
pub use traces::{traces, traces_rows};
pub use tree::{tree, tree_rows};
pub use vitals::vitals;
pub(super) use vitals::worded as number_over_time;

use crate::analysis::{Granularity, Header, NodeInfo, Origin, Query, View};
use crate::kubelet::{GoName, Role};
use crate::model::Kind;
use crate::model::units::{self, counted};
use crate::render::document::Setting;

/// Wording of values.
struct Words<'a> {
    view: &'a View,
    h: &'a Header,
}

impl Words<'_> {
    fn value(&self, v: i64) -> Cell {
        Cell::Value(v, self.view.format(v, &self.h.output_unit))
    }

    /// A share of the total, with its sign (pprof drops it).
    fn percent(&self, v: i64) -> Cell {
        // A mean is no part of the mean of all.
        if self.h.total == 0 || self.view.query.mean {
            return Cell::None;
        }
        let share = v as f64 / self.h.total as f64 * 100.0;
        let sign = if v < 0 { "-" } else { "" };
        Cell::Percent(share, format!("{sign}{}", units::percentage(v, self.h.total).trim()))
    }
}

/// A Go name with `[...]` for its type arguments unless `full`.
pub fn shown_name(name: &str, full: bool) -> String {
    if full || !name.contains('[') || name.starts_with('[') {
        return name.to_owned();
    }
    // Only the function part may hold type arguments, and those may hold blanks; a file behind it is left alone.
    let mut depth = 0i32;
    let end = name.bytes().position(|b| {
        depth += i32::from(b == b'[') - i32::from(b == b']');
        b == b' ' && depth == 0
    });
    if depth != 0 {
        return name.to_owned();
    }
    let (function, rest) = match end {
        Some(end) => (&name[..end], &name[end + 1..]),
        None => (name, ""),
    };
    let short = GoName::parse(function).elided().into_owned();
    if rest.is_empty() {
        short
    } else {
        format!("{short} {rest}")
    }
}

/// Shown names that stand for several different ones: rows of those have their whole names.
pub(super) struct Alike(FxHashSet<String>);

impl Alike {
    pub(super) fn among<'a>(names: impl Iterator<Item = &'a str>, full: bool) -> Self {
        let mut first: FxHashMap<String, &str> = FxHashMap::default();
        let mut alike = FxHashSet::default();
        for name in names.filter(|name| !full && name.contains('[')) {
            let short = shown_name(name, false);
            match first.get(&short) {
                Some(other) if *other != name => drop(alike.insert(short)),
                Some(_) => {}
                None => drop(first.insert(short, name)),
            }
        }
        Alike(alike)
    }

    pub(super) fn shown(&self, name: &str, full: bool) -> String {
        let short = shown_name(name, full);
        match self.0.contains(&short) {
            true => name.to_owned(),
            false => short,
        }
    }
}

/// What it means that a profile has no samples; `None` where it has some, or filters may have taken them.
pub fn why_empty(view: &View) -> Option<&'static str> {
    if !view.active_filters().is_empty() {
        return None;
    }
    if !view.profile.samples.is_empty() {
        let zero = view.total == 0 && view.origin.bases.is_empty() && !view.query.mean;
        return zero.then_some("every sample is 0 here: another sample type may say more");
    }
    Some(match view.origin.kind {
        Some(Kind::Contention) => {
            "the profile is empty: a stock kubelet never samples mutexes, and blocking only with enableContentionProfiling \
             (--contention-profiling), which is off by default"
        }
        Some(Kind::GoroutineLeak) => "the profile is empty: no goroutine waits for what nothing can reach any more",
        Some(Kind::Cpu) => "the profile is empty: nothing ran while it was taken",
        _ => "the profile is empty: it has no samples",
    })
}

/// The page without rows: what stands above them, for formats that write rows as they come.
pub fn head(schema: &str, h: &Header, view: &View) -> Document {
    begin(schema, h, view)
}

fn begin(schema: &str, h: &Header, view: &View) -> Document {
    let mut d = Document {
        schema: format!("kubeprof/{schema}/1"),
        dim: (view.lens.is_some() && !is_grouped(view)).then_some("the Go runtime, wrappers and start-up code"),
        ..Document::default()
    };
    d.profile = profile(h, &view.origin);
    d.query = query(&view.query, view);
    d.facts.insert("total".to_owned(), json!(h.total));
    if let Some(sum) = view.signed_total {
        d.facts.insert("signed_total".to_owned(), json!(sum));
    }
    d.facts.insert("unit".to_owned(), json!(h.unit));
    d.heading = heading(h, view);
    if let Some(why) = why_empty(view) {
        d.facts.insert("empty_because".to_owned(), json!(why));
        d.heading.push(why.to_owned());
    }
    if view.outside.samples > 0 {
        let (n, value) = (view.outside.samples, view.outside.value);
        let noun = if n == 1 { "sample" } else { "samples" };
        d.notes.push(format!(
            "{n} {noun} outside of what was asked for ({}) are not in this",
            view.format(value, &h.output_unit)
        ));
        d.facts
            .insert("outside_scope".to_owned(), json!({ "samples": n, "value": value }));
    }
    if view.idle.samples > 0 {
        let facts = json!({ "samples": view.idle.samples, "value": view.idle.value });
        d.facts.insert("idle".to_owned(), facts);
    }
    if view.idle.samples > 0 {
        d.note("idle loops are not counted".to_owned(), Setting::Idle);
    }
    if h.frameless > 0 {
        let value = view.format(h.frameless_value, &h.output_unit);
        let (n, noun) = (
            h.frameless,
            if h.frameless == 1 { "sample has" } else { "samples have" },
        );
        d.notes
            .push(format!("{n} {noun} no frames ({value}): no row shows them"));
        let facts = json!({ "samples": n, "value": h.frameless_value });
        d.facts.insert("frameless".to_owned(), facts);
    }
    d
}

fn profile(h: &Header, origin: &Origin) -> Map<String, Value> {
    let mut m = Map::new();
    m.insert("source".to_owned(), json!(origin.source));
    m.insert("profiles".to_owned(), json!(origin.merged.max(1)));
    if origin.compared_with > 0 {
        m.insert("old_profiles".to_owned(), json!(origin.compared_with));
    }
    m.insert("kind".to_owned(), json!(kind(origin)));
    m.insert("sample_type".to_owned(), json!(h.sample_type));
    m.insert("file".to_owned(), json!(h.file));
    m.insert("build_id".to_owned(), json!(h.build_id));
    m.insert("time_nanos".to_owned(), json!(h.time_nanos));
    m.insert("duration_nanos".to_owned(), json!(h.duration_nanos));
    m.insert("comments".to_owned(), json!(h.comments));
    if let Some(coverage) = &origin.coverage {
        m.insert("symbols".to_owned(), Value::Object(coverage::facts(coverage)));
    }
    m
}

/// All that was asked and changes an answer, under the names of the flags.
fn query(q: &Query, view: &View) -> Map<String, Value> {
    let mut m = Map::new();
    let by = match q.granularity {
        Granularity::Functions => "function",
        Granularity::FileFunctions => "filefunction",
        Granularity::Files => "file",
        Granularity::Lines => "line",
        Granularity::Addresses => "address",
        Granularity::Packages => "package",
        Granularity::Modules => "module",
        Granularity::Subsystems => "subsystem",
        Granularity::Owners => "owner",
        Granularity::Pairs => "pair",
    };
    m.insert("by".to_owned(), json!(by));
    m.insert(
        "sort".to_owned(),
        json!(if q.sort == crate::analysis::Sort::Cum {
            "cum"
        } else {
            "flat"
        }),
    );
    m.insert(
        "filters".to_owned(),
        json!(
            view.active_filters()
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect::<Vec<_>>()
        ),
    );
    m.insert("node_count".to_owned(), json!(q.trim.node_count));
    m.insert("node_fraction".to_owned(), json!(q.trim.node_fraction));
    m.insert("edge_fraction".to_owned(), json!(q.trim.edge_fraction));
    let origin = &view.origin;
    let bases = |these: bool| if these { origin.bases.as_slice() } else { &[] };
    for (key, value) in [
        ("relative_percentages", json!(q.relative_percentages)),
        ("sample_index", json!(q.sample_type)),
        ("mean", json!(q.mean)),
        ("noinlines", json!(q.no_inlines)),
        ("showcolumns", json!(q.show_columns)),
        ("tagroot", json!(q.tag_root)),
        ("tagleaf", json!(q.tag_leaf)),
        ("unit", json!(q.unit)),
        ("divide_by", json!(q.divide_by)),
        ("drop_negative", json!(q.drop_negative)),
        ("level", json!(q.level)),
        ("idle", json!(q.idle)),
        ("trim_path", json!(q.trim_path)),
        ("source_path", json!(q.source_path)),
        ("base", json!(bases(origin.bases_cancelled))),
        ("diff_base", json!(bases(!origin.bases_cancelled))),
        ("normalize", json!(origin.normalized)),
    ] {
        m.insert(key.to_owned(), value);
    }
    if let Some(lens) = &view.lens {
        m.insert("knowledge".to_owned(), json!(lens.knowledge().origin()));
    }
    m
}

fn heading(h: &Header, view: &View) -> Vec<String> {
    let origin = &*view.origin;
    let kind = kind(origin);
    let mut first: Vec<String> = Vec::new();
    if !h.file.is_empty() {
        first.push(h.file.clone());
    }
    first.push(if kind.is_empty() || kind == h.sample_type {
        h.sample_type.clone()
    } else {
        format!("{kind} {}", h.sample_type)
    });
    if origin.is_sum() {
        first.push(format!("sum of {} profiles", origin.merged));
    }
    if origin.compared_with > 1 {
        first.push(format!("compared with the sum of {} profiles", origin.compared_with));
    }
    if origin.normalized {
        first.push("scaled to the total of the base".to_owned());
    }
    if h.time_nanos != 0 {
        let from = go_time::short(h.time_nanos);
        first.push(match origin.is_sum() && origin.until_nanos > h.time_nanos {
            true => format!("{from} to {}", go_time::short(origin.until_nanos)),
            false => from,
        });
    }
    if h.duration_nanos != 0 {
        first.push(format!(
            "over {}",
            units::label(h.duration_nanos, "nanoseconds", "auto")
        ));
    }
    if !h.build_id.is_empty() {
        let short: String = h.build_id.chars().take(12).collect();
        first.push(format!("build {short}"));
    }
    let mut lines = vec![first.join(" · ")];
    if !h.filters.is_empty() {
        lines.push(format!("filters: {}", h.filters.join(" · ")));
    }
    let total = view.format(h.total, &h.output_unit);
    let unit = if h.unit == "count" && total != "0" {
        plural(&h.sample_type, h.total)
    } else {
        String::new()
    };
    let mut second = match view.signed_total {
        None => format!("total {total}{unit}"),
        Some(sum) => {
            let over = match h.duration_nanos {
                0 => String::new(),
                nanos => format!(" in {}", units::label(nanos, "nanoseconds", "auto")),
            };
            let sign = if sum > 0 { "+" } else { "" };
            format!(
                "{sign}{}{over}; percentages of {total}{unit}, the sum of all changes: the profile is a difference of two moments (?seconds=)",
                view.format(sum, &h.output_unit)
            )
        }
    };
    if view.idle.samples > 0 {
        second.push_str(&format!(
            ", without {} in which loops waited idle",
            view.format(view.idle.value, "auto")
        ));
    }
    if view.query.divide_by != 1.0 {
        second.push_str(&format!(" (divided by {})", view.query.divide_by));
    }
    if origin.kind == Some(Kind::Cpu)
        && h.duration_nanos > 0
        && units::dimension(&h.unit) == units::Dimension::Time
        && h.total != 0
    {
        let nanos = units::scale(h.total, &h.unit, "ns").0;
        second.push_str(&format!(
            " ({} of one CPU)",
            units::percentage(nanos as i64, h.duration_nanos).trim()
        ));
    }
    lines.push(second);
    let coverage = origin.coverage.as_ref().filter(|c| coverage::needs_a_line(c));
    lines.extend(coverage.map(coverage::line));
    lines
}

/// The kind of a profile, `""` where nobody looked.
fn kind(origin: &Origin) -> &'static str {
    origin.kind.map_or("", Kind::as_str)
}

/// What a drawing is called: the file without its folders, or what it is.
pub fn title(origin: &Origin) -> String {
    let name = match origin.source.rsplit('/').next() {
        _ if origin.is_sum() => format!("sum of {} profiles", origin.merged),
        Some(file) if !file.is_empty() && file != "-" => file.to_owned(),
        _ => kind(origin).to_owned(),
    };
    match origin.coverage.as_ref().is_some_and(|c| c.trusted) {
        true => format!("{name} (binary TRUSTED BY HAND, NOT PROVEN)"),
        false => name,
    }
}

fn plural(sample_type: &str, n: i64) -> String {
    match sample_type {
        "goroutine" | "goroutineleak" if n != 1 => " goroutines".to_owned(),
        "goroutine" | "goroutineleak" => " goroutine".to_owned(),
        "inuse_objects" | "alloc_objects" => " objects".to_owned(),
        other => format!(" {other}"),
    }
}

/// The subsystem, package and module of a row, and how the row stands out.
fn place(view: &View, info: &NodeInfo) -> ([Cell; 4], Emphasis) {
    let none = || [Cell::None, Cell::None, Cell::None, Cell::None];
    let Some(lens) = &view.lens else {
        return (none(), Emphasis::Plain);
    };
    let Some(place) = lens.named(info.name) else {
        return (none(), Emphasis::Plain);
    };
    let words = |id| match view.profile.text(id) {
        "" => Cell::None,
        text => Cell::Text(text.to_owned()),
    };
    let (title, key, emphasis) = match lens.subsystem(place) {
        None => (Cell::None, Cell::None, Emphasis::Plain),
        Some((key, title, role)) => {
            let emphasis = match role {
                Role::Owner => Emphasis::Kubelet,
                Role::Runtime | Role::Wrapper | Role::Start | Role::Plain => Emphasis::Faint,
                Role::Boundary | Role::Library => Emphasis::Plain,
            };
            (Cell::Text(title.to_owned()), Cell::Text(key.to_owned()), emphasis)
        }
    };
    ([title, key, words(place.package), words(place.module)], emphasis)
}

fn place_columns() -> [Column; 4] {
    [
        Column::words("subsystem_title", "subsystem", Shown::Always),
        Column::words("subsystem", "subsystem", Shown::Machine),
        Column::words("package", "package", Shown::Wide),
        Column::words("module", "module", Shown::Wide),
    ]
}

/// Whether rows stand for more than a function, so that none has a subsystem, package and module of its own.
fn is_grouped(view: &View) -> bool {
    matches!(
        view.query.granularity,
        Granularity::Packages
            | Granularity::Modules
            | Granularity::Subsystems
            | Granularity::Owners
            | Granularity::Pairs
            | Granularity::Files
    )
}

/// The columns that say where a row belongs: of a function its subsystem, package and module, of a subsystem or owner its
/// key, which is stable where its title may change.
fn about_columns(view: &View) -> Vec<Column> {
    match view.query.granularity {
        Granularity::Subsystems => vec![Column::words("subsystem", "key", Shown::Wide)],
        Granularity::Owners => vec![Column::words("owner", "key", Shown::Wide)],
        _ if is_grouped(view) => Vec::new(),
        _ => {
            let mut columns = Vec::from(place_columns());
            if has_location(view) {
                columns.extend([
                    Column::words("function", "function", Shown::Machine),
                    Column::words("file", "file", Shown::Machine),
                    Column::number("line", "line", Shown::Machine),
                    Column::words("address", "address", Shown::Machine),
                ]);
            }
            columns
        }
    }
}

/// Whether names of rows hold more than the function, which machines should not have to take apart.
fn has_location(view: &View) -> bool {
    matches!(
        view.query.granularity,
        Granularity::FileFunctions | Granularity::Lines | Granularity::Addresses
    )
}

/// Function, file, line and address of a row.
fn location(view: &View, info: &NodeInfo) -> [Cell; 4] {
    let text = |id| match view.profile.text(id) {
        "" => Cell::None,
        text => Cell::Text(text.to_owned()),
    };
    let line = match info.line {
        0 => Cell::None,
        line => Cell::Count(line),
    };
    let address = match info.address {
        0 => Cell::None,
        address => Cell::Text(format!("{address:#x}")),
    };
    [text(info.name), text(info.file), line, address]
}

/// The cells of [`about_columns`], and how the row stands out.
fn about(view: &View, info: &NodeInfo) -> (Vec<Cell>, Emphasis) {
    match view.query.granularity {
        Granularity::Subsystems | Granularity::Owners => {
            let title = view.profile.text(info.name);
            let known = view.lens.as_ref().map(|lens| lens.knowledge());
            let key = known.and_then(|k| Some(k.key(k.by_title(title)?).to_owned()));
            (vec![key.map_or(Cell::None, Cell::Text)], Emphasis::Plain)
        }
        _ if is_grouped(view) => (Vec::new(), Emphasis::Plain),
        _ => {
            let (cells, emphasis) = place(view, info);
            let mut cells = Vec::from(cells);
            if has_location(view) {
                cells.extend(location(view, info));
            }
            (cells, emphasis)
        }
    }
}

/// What a row of a view is, as a heading.
pub(super) fn by_title(view: &View) -> &'static str {
    match view.query.granularity {
        Granularity::Packages => "package",
        Granularity::Modules => "module",
        Granularity::Subsystems => "subsystem",
        Granularity::Owners => "owner",
        Granularity::Pairs => "owner -> blocked in",
        Granularity::Files => "file",
        Granularity::Lines => "line",
        Granularity::Addresses => "address",
        _ => "function",
    }
}

/// Says what trimming and scope left out.
fn left_out(d: &mut Document, h: &Header, view: &View, hidden: (usize, i64)) {
    let format = |v: i64| view.format(v, &h.output_unit);
    if h.rows_shown < h.row_count {
        let more = counted(h.row_count - h.rows_shown, "more row", "more rows");
        d.note(more.to_string(), Setting::Rows(h.row_count));
    }
    if h.dropped_nodes > 0 {
        let below = format(h.node_cutoff);
        let small = counted(
            h.dropped_nodes,
            &format!("row with cum below {below} is"),
            &format!("rows with cum below {below} are"),
        )
        .to_string();
        d.note(format!("{small} left out"), Setting::SmallRows);
    }
    if h.dropped_edges > 0 {
        let small = counted(h.dropped_edges, "edge is", "edges are");
        d.note(format!("{small} too small to be shown"), Setting::SmallEdges);
    }
    if hidden.0 > 0 {
        let flat = format(hidden.1);
        d.notes.push(format!(
            "{} hidden (flat {flat})",
            counted(
                hidden.0,
                "row outside of the packages and subsystems asked for is",
                "rows outside of the packages and subsystems asked for are"
            )
        ));
    }
}

fn count_facts(d: &mut Document, h: &Header, hidden: (usize, i64)) {
    d.facts.insert("shown_flat".to_owned(), json!(h.shown_total));
    d.facts.insert(
        "hidden".to_owned(),
        json!({
            "rows_over_limit": h.row_count - h.rows_shown,
            "rows_below_cutoff": h.dropped_nodes,
            "edges_below_cutoff": h.dropped_edges,
            "rows_outside_scope": hidden.0,
            "flat_outside_scope": hidden.1,
        }),
    );
}
