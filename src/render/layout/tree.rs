//! The page of `tree` and `peek`.

use super::{Alike, Words, about, about_columns, begin, by_title, count_facts, left_out};
use crate::analysis::{Tree, TreeEdge, View};
use crate::model::units;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};

/// The page of `tree` and `peek` without its rows, which [`tree_rows`] makes one node at a time: there may be millions.
pub fn tree(report: &Tree, view: &View, schema: &str) -> Document {
    let h = &report.header;
    let mut d = begin(schema, h, view);
    d.columns = vec![
        Column::words("relation", "relation", Shown::Wide),
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
    d.columns.extend(about_columns(view));
    let hidden = (report.hidden_rows, report.hidden_flat);
    count_facts(&mut d, h, hidden);
    left_out(&mut d, h, view, hidden);
    d
}

/// A row a node, its callers above, its callees below.
pub fn tree_rows<'a>(report: &'a Tree, view: &'a View, full_names: bool) -> impl Iterator<Item = Row> + 'a {
    let h = &report.header;
    let w = Words { view, h };
    let alike = Alike::among(report.names.iter().map(String::as_str), full_names);
    report.nodes().enumerate().flat_map(move |(n, node)| {
        let mut rows = Vec::with_capacity(1 + node.callers.len() + node.callees.len());
        let own = report.names[node.name as usize].clone();
        let edge = |e: &TreeEdge, relation: &str, arrow: &str, rule: bool| {
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
                Cell::Text(format!(
                    "{arrow}{}",
                    alike.shown(&report.names[e.name as usize], full_names)
                )),
                if e.inline {
                    Cell::Text("inlined".to_owned())
                } else {
                    Cell::None
                },
            ];
            cells.extend(about(view, &info).0);
            Row {
                cells,
                emphasis: Emphasis::Neighbour,
                rule_above: rule,
                ..Row::default()
            }
        };
        for (i, e) in node.callers.iter().enumerate() {
            rows.push(edge(e, "caller", "    ", i == 0 && n > 0));
        }
        let info = report.info(node.name);
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
            Cell::Text(alike.shown(&own, full_names)),
            Cell::None,
        ];
        cells.extend(about(view, &info).0);
        let rule_above = node.callers.is_empty() && n > 0;
        rows.push(Row {
            cells,
            emphasis: Emphasis::Kubelet,
            rule_above,
            ..Row::default()
        });
        for e in &node.callees {
            rows.push(edge(e, "callee", "    ", false));
        }
        rows
    })
}
