//! The page of `tags`.

use super::{Words, begin};
use crate::analysis::{Tags, View};
use crate::model::units::counted;
use crate::render::document::Setting;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};

/// The page of `tags`.
pub fn tags(report: &Tags, view: &View) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin("tags", h, view);
    d.columns = vec![
        Column::words("key", "label", Shown::Always),
        Column::number("value", "value", Shown::Always),
        Column::number("percent", "%", Shown::Always),
        Column::words("label", "label value", Shown::Always),
        Column::number("number", "number", Shown::Machine),
        Column::words("number_unit", "unit", Shown::Machine),
    ];
    for key in &report.keys {
        for (i, v) in key.values.iter().enumerate() {
            let cells = vec![
                Cell::Text(key.key.clone()),
                w.value(v.value),
                w.percent(v.value),
                Cell::Text(v.name.clone()),
                v.number.map_or(Cell::None, Cell::Count),
                v.number.map_or(Cell::None, |_| Cell::Text(v.unit.clone())),
            ];
            d.rows.push(Row {
                cells,
                emphasis: Emphasis::Plain,
                rule_above: i == 0 && !d.rows.is_empty(),
                ..Row::default()
            });
        }
    }
    let hidden: usize = report.keys.iter().map(|key| key.hidden).sum();
    if hidden > 0 {
        let lighter = counted(hidden, "lighter value is", "lighter values are").to_string();
        d.note(format!("{lighter} left out"), Setting::AllRows);
        d.facts
            .insert("hidden".to_owned(), serde_json::json!({ "values": hidden }));
    }
    if report.keys.is_empty() {
        let all = view.profile.samples.is_empty();
        let why = if all {
            "no sample is left"
        } else {
            "no sample has a label"
        };
        d.notes.push(why.to_owned());
    }
    d
}
