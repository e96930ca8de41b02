//! The page of `top`.

use super::errors::{self, Spread};
use super::{Alike, Words, about, about_columns, begin, by_title, count_facts, left_out};
use crate::analysis::{InlineMark, Top, View};
use crate::render::document::{Cell, Column, Document, Row, Shown};

/// The page of `top`.
pub fn top(report: &Top, view: &View, full_names: bool) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin("top", h, view);
    d.columns = vec![
        Column::number("flat", "flat", Shown::Always),
        Column::number("flat_percent", "flat%", Shown::Always),
    ];
    d.columns
        .extend(errors::columns(view, "flat_error", "flat_low", "flat_high"));
    d.columns.extend([
        Column::number("sum_percent", "sum%", Shown::Wide),
        Column::number("cum", "cum", Shown::Always),
        Column::number("cum_percent", "cum%", Shown::Always),
    ]);
    d.columns
        .extend(errors::columns(view, "cum_error", "cum_low", "cum_high"));
    d.columns.extend([
        Column::words("name", by_title(view), Shown::Machine),
        Column::words("display_name", by_title(view), Shown::People),
        Column::words("inline", "inlined", Shown::Wide),
    ]);
    d.columns.extend(about_columns(view));
    let alike = Alike::among(report.rows.iter().map(|row| row.name.as_str()), full_names);
    let mut sum = 0i64;
    for row in &report.rows {
        sum = sum.wrapping_add(row.flat);
        let (about, emphasis) = about(view, &row.info);
        let spread = |value, sigma| {
            w.spread(Spread {
                value,
                sigma,
                change: false,
            })
        };
        let mut cells = vec![w.value(row.flat), w.percent(row.flat)];
        cells.extend(spread(row.flat, row.flat_error));
        cells.extend([w.percent(sum), w.value(row.cum), w.percent(row.cum)]);
        cells.extend(spread(row.cum, row.cum_error));
        cells.extend([
            Cell::Text(row.name.clone()),
            Cell::Text(alike.shown(&row.name, full_names)),
            match row.inline {
                InlineMark::No => Cell::None,
                InlineMark::Partial => Cell::Text("partly".to_owned()),
                InlineMark::Full => Cell::Text("inlined".to_owned()),
            },
        ]);
        cells.extend(about);
        d.rows.push(Row {
            cells,
            emphasis,
            rule_above: false,
            ..Row::default()
        });
    }
    let hidden = (report.hidden_rows, report.hidden_flat);
    count_facts(&mut d, h, hidden);
    left_out(&mut d, h, view, hidden);
    d.notes.extend(errors::legend(view, None));
    d
}
