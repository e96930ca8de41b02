//! The page of `disasm`: instructions with what they cost.

use super::{Words, begin};
use crate::analysis::{Disassembly, View};
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};

/// The page of `disasm`. A row of `kind` `function` stands above the instructions of each function.
pub fn disasm(report: &Disassembly, view: &View, full_names: bool) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin("disasm", h, view);
    d.columns = vec![
        Column::words("kind", "kind", Shown::Machine),
        Column::number("flat", "flat", Shown::Always),
        Column::number("flat_percent", "flat%", Shown::Wide),
        Column::number("cum", "cum", Shown::Always),
        Column::number("cum_percent", "cum%", Shown::Wide),
        Column::words("function", "function", Shown::Machine),
        Column::words("address", "address", Shown::Always),
        Column::words("instruction", "instruction", Shown::Always),
        Column::words("target", "to", Shown::Always),
        Column::words("inlined", "inlined", Shown::Machine),
        Column::words("file", "file", Shown::Machine),
        Column::number("line", "line", Shown::Machine),
        Column::words("place", "source", Shown::People),
    ];
    for function in &report.functions {
        let name = super::shown_name(&function.name, full_names);
        d.rows.push(Row {
            cells: vec![
                Cell::Text("function".to_owned()),
                w.value(function.flat),
                w.percent(function.flat),
                w.value(function.cum),
                w.percent(function.cum),
                Cell::Text(function.name.clone()),
                Cell::Text(format!("{:#x}", function.range.start)),
                Cell::Text(name),
                Cell::None,
                Cell::None,
                Cell::None,
                Cell::None,
                Cell::None,
            ],
            emphasis: Emphasis::Kubelet,
            rule_above: !d.rows.is_empty(),
            ..Row::default()
        });
        for i in &function.instructions {
            let or_none = |v: i64, cell: Cell| if v == 0 { Cell::None } else { cell };
            let words = |text: &str| {
                if text.is_empty() {
                    Cell::None
                } else {
                    Cell::Text(text.to_owned())
                }
            };
            let short = |file: &str| file.rsplit('/').next().unwrap_or_default().to_owned();
            let place = match (i.line, i.inlined.as_str()) {
                (0, _) => Cell::None,
                (line, "") => Cell::Text(format!("{}:{line}", short(&i.file))),
                (line, inlined) => Cell::Text(format!(
                    "{}:{line} {}",
                    short(&i.file),
                    super::shown_name(inlined, full_names)
                )),
            };
            d.rows.push(Row {
                cells: vec![
                    Cell::Text("instruction".to_owned()),
                    or_none(i.flat, w.value(i.flat)),
                    or_none(i.flat, w.percent(i.flat)),
                    or_none(i.cum, w.value(i.cum)),
                    or_none(i.cum, w.percent(i.cum)),
                    Cell::Text(function.name.clone()),
                    Cell::Text(format!("{:#x}", i.address)),
                    Cell::Text(i.text.clone()),
                    words(&i.target),
                    words(&i.inlined),
                    Cell::Text(i.file.clone()),
                    Cell::Count(i64::from(i.line)),
                    place,
                ],
                emphasis: if i.cum == 0 { Emphasis::Faint } else { Emphasis::Plain },
                rule_above: false,
                ..Row::default()
            });
        }
    }
    d
}
