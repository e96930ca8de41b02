//! The page of `list`: source lines with what they cost.

use super::{Look, Words, begin};
use crate::analysis::{Listing, View};
use crate::render::SourceLookup;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};

/// The page of `list`. Lines without values stand between those that have some where the source is at hand.
pub fn list(report: &Listing, view: &View, look: &Look, sources: &mut dyn SourceLookup) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin("list", h, view, look);
    d.columns = vec![
        Column::number("flat", "flat", Shown::Always),
        Column::number("flat_percent", "flat%", Shown::Wide),
        Column::number("cum", "cum", Shown::Always),
        Column::number("cum_percent", "cum%", Shown::Wide),
        Column::number("line", "line", Shown::Always),
        Column::words("function", "function", Shown::Machine),
        Column::words("file", "file", Shown::Machine),
        Column::words("source", "source", Shown::Always),
    ];
    let mut missing = 0;
    for function in &report.functions {
        for part in &function.files {
            let name = super::shown_name(&function.name, look.full_names);
            let title = format!("{name}  {}", part.file);
            let head = vec![
                w.value(part.flat),
                w.percent(part.flat),
                w.value(part.cum),
                w.percent(part.cum),
                Cell::None,
                Cell::Text(function.name.clone()),
                Cell::Text(part.file.clone()),
                Cell::Text(title),
            ];
            d.rows.push(Row {
                cells: head,
                emphasis: Emphasis::Kubelet,
                rule_above: !d.rows.is_empty(),
                ..Row::default()
            });
            let source = sources.open(&part.file).ok();
            missing += usize::from(source.is_none());
            let mut lines = part.lines.iter().peekable();
            for n in part.start..=part.end {
                let cost = lines.next_if(|l| l.line == n);
                let text = source.as_ref().and_then(|s| s(n));
                if cost.is_none() && text.is_none() {
                    continue;
                }
                let text = text.map(|t| String::from_utf8_lossy(t).trim_end().replace('\t', "    "));
                let (flat, cum) = cost.map_or((0, 0), |c| (c.flat, c.cum));
                let or_none = |v: i64, cell: Cell| if v == 0 { Cell::None } else { cell };
                let cells = vec![
                    or_none(flat, w.value(flat)),
                    or_none(flat, w.percent(flat)),
                    or_none(cum, w.value(cum)),
                    or_none(cum, w.percent(cum)),
                    Cell::Count(n),
                    Cell::Text(function.name.clone()),
                    Cell::Text(part.file.clone()),
                    text.map_or(Cell::None, Cell::Text),
                ];
                let emphasis = if cost.is_some() {
                    Emphasis::Plain
                } else {
                    Emphasis::Faint
                };
                d.rows.push(Row {
                    cells,
                    emphasis,
                    rule_above: false,
                    ..Row::default()
                });
                for call in cost.iter().flat_map(|c| &c.inlined) {
                    let place = format!("    inlined: {} {}:{}", call.name, call.file, call.line);
                    let cells = vec![
                        Cell::None,
                        Cell::None,
                        w.value(call.value),
                        w.percent(call.value),
                        Cell::None,
                        Cell::Text(function.name.clone()),
                        Cell::Text(part.file.clone()),
                        Cell::Text(place),
                    ];
                    d.rows.push(Row {
                        cells,
                        emphasis: Emphasis::Neighbour,
                        rule_above: false,
                        ..Row::default()
                    });
                }
            }
        }
    }
    if missing > 0 {
        d.notes.push(format!("the source of {missing} files is not at hand: --source DIR, for instance a checkout of kubernetes at the tag"));
    }
    d
}
