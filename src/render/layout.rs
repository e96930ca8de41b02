//! Report -> document: which facts, columns and notes each report has, and how numbers are worded.

use serde_json::{Map, Value, json};

use super::document::{Cell, Column, Document, Emphasis, Row, Shown};
use super::pprof::go_time;
use crate::analysis::{Granularity, Header, InlineMark, NodeInfo, Query, Tags, Top, Tree, View};
use crate::kubelet::{GoName, Role};
use crate::model::units;

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
        if self.h.total == 0 {
            return Cell::None;
        }
        let share = v as f64 / self.h.total as f64 * 100.0;
        let sign = if v < 0 { "-" } else { "" };
        Cell::Percent(share, format!("{sign}{}", units::percentage(v, self.h.total).trim()))
    }

    /// A standard error as a share of its value.
    fn error(&self, error: f64, of: i64) -> Cell {
        if !self.view.sampling.is_estimated() || of == 0 {
            return Cell::None;
        }
        let share = error / of.unsigned_abs() as f64 * 100.0;
        let text = if share < 10.0 {
            format!("±{share:.1}%")
        } else {
            format!("±{share:.0}%")
        };
        Cell::Error(error, text)
    }

    fn name(&self, info: &NodeInfo, full: bool) -> String {
        shown_name(&info.printable(&self.view.profile), full)
    }
}

/// A Go name with `[...]` for its type arguments unless `full`.
pub fn shown_name(name: &str, full: bool) -> String {
    if full || !name.contains('[') || name.starts_with('[') {
        return name.to_owned();
    }
    // Only the function part may hold type arguments; a file behind it is left alone.
    let (function, rest) = name.split_once(' ').map_or((name, ""), |(f, r)| (f, r));
    if function.contains('[') && !function.contains(']') {
        return name.to_owned();
    }
    let short = GoName::parse(function).elided().into_owned();
    if rest.is_empty() {
        short
    } else {
        format!("{short} {rest}")
    }
}

/// What a reader of a table asked for beside the query.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Type arguments are written out.
    pub full_names: bool,
    /// Where the profile came from, for the heading.
    pub source: String,
    /// What kind of profile it is.
    pub kind: String,
}

fn begin(schema: &str, h: &Header, view: &View, look: &Look) -> Document {
    let mut d = Document {
        schema: format!("kubeprof/{schema}/1"),
        ..Document::default()
    };
    d.profile = profile(h, look);
    d.query = query(&view.query, view);
    d.facts.insert("total".to_owned(), json!(h.total));
    d.facts.insert("unit".to_owned(), json!(h.unit));
    d.heading = heading(h, view, look);
    d
}

fn profile(h: &Header, look: &Look) -> Map<String, Value> {
    let mut m = Map::new();
    m.insert("source".to_owned(), json!(look.source));
    m.insert("kind".to_owned(), json!(look.kind));
    m.insert("sample_type".to_owned(), json!(h.sample_type));
    m.insert("file".to_owned(), json!(h.file));
    m.insert("build_id".to_owned(), json!(h.build_id));
    m.insert("time_nanos".to_owned(), json!(h.time_nanos));
    m.insert("duration_nanos".to_owned(), json!(h.duration_nanos));
    m.insert("comments".to_owned(), json!(h.comments));
    m
}

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
            q.active_filters()
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect::<Vec<_>>()
        ),
    );
    m.insert("node_count".to_owned(), json!(q.trim.node_count));
    m.insert("node_fraction".to_owned(), json!(q.trim.node_fraction));
    m.insert("edge_fraction".to_owned(), json!(q.trim.edge_fraction));
    m.insert("relative_percentages".to_owned(), json!(q.relative_percentages));
    if let Some(lens) = &view.lens {
        m.insert("knowledge".to_owned(), json!(lens.knowledge().origin()));
    }
    m
}

fn heading(h: &Header, view: &View, look: &Look) -> Vec<String> {
    let mut first: Vec<String> = Vec::new();
    if !h.file.is_empty() {
        first.push(h.file.clone());
    }
    first.push(if look.kind.is_empty() || look.kind == h.sample_type {
        h.sample_type.clone()
    } else {
        format!("{} {}", look.kind, h.sample_type)
    });
    if h.time_nanos != 0 {
        first.push(go_time::short(h.time_nanos));
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
    let mut second = format!("total {total}{unit}");
    if h.duration_nanos > 0 && units::dimension(&h.unit) == units::Dimension::Time && h.total != 0 {
        let nanos = units::scale(h.total, &h.unit, "ns").0;
        second.push_str(&format!(
            " ({} of one CPU)",
            units::percentage(nanos as i64, h.duration_nanos).trim()
        ));
    }
    lines.push(second);
    lines
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

fn is_grouped(view: &View) -> bool {
    matches!(
        view.query.granularity,
        Granularity::Packages | Granularity::Modules | Granularity::Subsystems | Granularity::Owners
    )
}

fn by_title(view: &View) -> &'static str {
    match view.query.granularity {
        Granularity::Packages => "package",
        Granularity::Modules => "module",
        Granularity::Subsystems => "subsystem",
        Granularity::Owners => "owner",
        Granularity::Files => "file",
        Granularity::Lines => "line",
        Granularity::Addresses => "address",
        _ => "function",
    }
}

/// What trimming and scope left out, in words.
fn left_out(h: &Header, view: &View, hidden: (usize, i64)) -> Vec<String> {
    let mut notes = Vec::new();
    let format = |v: i64| view.format(v, &h.output_unit);
    if h.rows_shown < h.row_count {
        notes.push(format!(
            "{} more rows: -n {} or -n 0 shows them",
            h.row_count - h.rows_shown,
            h.row_count
        ));
    }
    if h.dropped_nodes > 0 {
        let below = format(h.dropped_nodes_below);
        notes.push(format!(
            "{} rows with cum below {below} are left out: --nodefraction 0 shows them",
            h.dropped_nodes
        ));
    }
    if h.dropped_edges > 0 {
        notes.push(format!(
            "{} edges are too small to be shown: --edgefraction 0 shows them",
            h.dropped_edges
        ));
    }
    if hidden.0 > 0 {
        let flat = format(hidden.1);
        notes.push(format!(
            "{} rows outside of the packages and subsystems asked for are hidden (flat {flat})",
            hidden.0
        ));
    }
    notes
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

/// The page of `top`.
pub fn top(report: &Top, view: &View, look: &Look) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin("top", h, view, look);
    let errors = view.sampling.is_estimated();
    let grouped = is_grouped(view);
    d.columns = vec![
        Column::number("flat", "flat", Shown::Always),
        Column::number("flat_percent", "flat%", Shown::Always),
        Column::number("flat_error", "±", if errors { Shown::Always } else { Shown::Machine }),
        Column::number("sum_percent", "sum%", Shown::Wide),
        Column::number("cum", "cum", Shown::Always),
        Column::number("cum_percent", "cum%", Shown::Always),
        Column::number("cum_error", "±", if errors { Shown::Always } else { Shown::Machine }),
        Column::words("name", by_title(view), Shown::Machine),
        Column::words("display_name", by_title(view), Shown::People),
        Column::words("inline", "inlined", Shown::Wide),
    ];
    if !grouped {
        d.columns.extend(place_columns());
    }
    let mut sum = 0i64;
    for row in &report.rows {
        sum = sum.wrapping_add(row.flat);
        let (place, mut emphasis) = place(view, &row.info);
        if grouped {
            emphasis = Emphasis::Plain;
        }
        let mut cells = vec![
            w.value(row.flat),
            w.percent(row.flat),
            w.error(row.flat_error, row.flat),
            w.percent(sum),
            w.value(row.cum),
            w.percent(row.cum),
            w.error(row.cum_error, row.cum),
            Cell::Text(row.name.clone()),
            Cell::Text(w.name(&row.info, look.full_names)),
            match row.inline {
                InlineMark::No => Cell::None,
                InlineMark::Partial => Cell::Text("partly".to_owned()),
                InlineMark::Full => Cell::Text("inlined".to_owned()),
            },
        ];
        if !grouped {
            cells.extend(place);
        }
        d.rows.push(Row {
            cells,
            emphasis,
            rule_above: false,
        });
    }
    let hidden = (report.hidden_rows, report.hidden_flat);
    count_facts(&mut d, h, hidden);
    d.notes = left_out(h, view, hidden);
    d
}

/// The page of `tree` and `peek`: a row a node, its callers above, its callees below.
pub fn tree(report: &Tree, view: &View, look: &Look, schema: &str) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin(schema, h, view, look);
    d.columns = vec![
        Column::words("relation", "", Shown::Machine),
        Column::number("flat", "flat", Shown::Always),
        Column::number("flat_percent", "flat%", Shown::Always),
        Column::number("cum", "cum", Shown::Always),
        Column::number("cum_percent", "cum%", Shown::Always),
        Column::number("calls", "calls", Shown::Always),
        Column::number("calls_percent", "calls%", Shown::Always),
        Column::words("row", "", Shown::Machine),
        Column::words("name", "function", Shown::Machine),
        Column::words("display_name", by_title(view), Shown::People),
        Column::words("inline", "inlined", Shown::Wide),
    ];
    let grouped = is_grouped(view);
    if !grouped {
        d.columns.extend(place_columns());
    }
    for node in report.nodes() {
        let own = report.names[node.name as usize].clone();
        let edge = |e: &crate::analysis::TreeEdge, relation: &str, arrow: &str, rule: bool| {
            let info = report.info(e.name);
            let share = if node.cum == 0 {
                Cell::None
            } else {
                let p = e.weight as f64 / node.cum as f64 * 100.0;
                Cell::Percent(p, units::percentage(e.weight, node.cum).trim().to_owned())
            };
            let mut cells = vec![
                Cell::Text(relation.to_owned()),
                Cell::None,
                Cell::None,
                Cell::None,
                Cell::None,
                w.value(e.weight),
                share,
                Cell::Text(own.clone()),
                Cell::Text(report.names[e.name as usize].clone()),
                Cell::Text(format!("{arrow}{}", w.name(&info, look.full_names))),
                if e.inline {
                    Cell::Text("inlined".to_owned())
                } else {
                    Cell::None
                },
            ];
            if !grouped {
                cells.extend(place(view, &info).0);
            }
            Row {
                cells,
                emphasis: Emphasis::Neighbour,
                rule_above: rule,
            }
        };
        let first = d.rows.is_empty();
        for (i, e) in node.callers.iter().enumerate() {
            d.rows.push(edge(e, "caller", "    ", i == 0 && !first));
        }
        let info = report.info(node.name);
        let (place, _) = place(view, &info);
        let mut cells = vec![
            Cell::Text("self".to_owned()),
            w.value(node.flat),
            w.percent(node.flat),
            w.value(node.cum),
            w.percent(node.cum),
            Cell::None,
            Cell::None,
            Cell::Text(own.clone()),
            Cell::Text(own.clone()),
            Cell::Text(w.name(&info, look.full_names)),
            Cell::None,
        ];
        if !grouped {
            cells.extend(place);
        }
        let rule_above = node.callers.is_empty() && !first;
        d.rows.push(Row {
            cells,
            emphasis: Emphasis::Kubelet,
            rule_above,
        });
        for e in &node.callees {
            d.rows.push(edge(e, "callee", "    ", false));
        }
    }
    let hidden = (report.hidden_rows, 0);
    count_facts(&mut d, h, hidden);
    d.notes = left_out(h, view, hidden);
    d
}

/// The page of `tags`.
pub fn tags(report: &Tags, view: &View, look: &Look) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin("tags", h, view, look);
    d.columns = vec![
        Column::words("key", "label", Shown::Always),
        Column::number("value", "value", Shown::Always),
        Column::number("percent", "%", Shown::Always),
        Column::words("label", "label value", Shown::Always),
    ];
    for key in &report.keys {
        for (i, v) in key.values.iter().enumerate() {
            let cells = vec![
                Cell::Text(key.key.clone()),
                w.value(v.value),
                w.percent(v.value),
                Cell::Text(v.name.clone()),
            ];
            d.rows.push(Row {
                cells,
                emphasis: Emphasis::Plain,
                rule_above: i == 0 && !d.rows.is_empty(),
            });
        }
    }
    if report.keys.is_empty() {
        d.notes.push("no sample has a label".to_owned());
    }
    d
}
