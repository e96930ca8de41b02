//! The page of `top`.

use super::{Look, Words, begin, by_title, count_facts, is_grouped, left_out, place, place_columns};
use crate::analysis::{InlineMark, Top, View};
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};

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
            ..Row::default()
        });
    }
    let hidden = (report.hidden_rows, report.hidden_flat);
    count_facts(&mut d, h, hidden);
    d.notes.extend(left_out(h, view, hidden));
    d
}
