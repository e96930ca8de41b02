//! The page of `top`.

use super::{Alike, Words, about, about_columns, begin, by_title, count_facts, left_out};
use crate::analysis::{InlineMark, Top, View};
use crate::render::document::{Cell, Column, Document, Row, Shown};

/// The page of `top`.
pub fn top(report: &Top, view: &View, full_names: bool) -> Document {
    let h = &report.header;
    let w = Words { view, h };
    let mut d = begin("top", h, view);
    let errors = view.sampling.is_estimated();
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
    d.columns.extend(about_columns(view));
    let alike = Alike::among(report.rows.iter().map(|row| row.name.as_str()), full_names);
    let mut sum = 0i64;
    for row in &report.rows {
        sum = sum.wrapping_add(row.flat);
        let (about, emphasis) = about(view, &row.info);
        let mut cells = vec![
            w.value(row.flat),
            w.percent(row.flat),
            w.error(row.flat_error, row.flat),
            w.percent(sum),
            w.value(row.cum),
            w.percent(row.cum),
            w.error(row.cum_error, row.cum),
            Cell::Text(row.name.clone()),
            Cell::Text(alike.shown(&row.name, full_names)),
            match row.inline {
                InlineMark::No => Cell::None,
                InlineMark::Partial => Cell::Text("partly".to_owned()),
                InlineMark::Full => Cell::Text("inlined".to_owned()),
            },
        ];
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
    d.notes.extend(left_out(h, view, hidden));
    d
}
