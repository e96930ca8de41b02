//! The page of `diff`: old, new and change of every row, with signs.

use serde_json::json;

use super::{Alike, Words, about, about_columns, begin, by_title};
use crate::analysis::{Diff, View};
use crate::model::units;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};
use crate::render::pprof::go_time;

/// The page of `diff`. Percentages are of the old total.
pub fn diff(report: &Diff, old: &View, new: &View, full_names: bool) -> Document {
    let h = &report.header;
    let w = Words { view: new, h };
    let mut d = begin("diff", h, new);
    let signed = |v: i64| {
        let text = new.format(v, &h.output_unit);
        Cell::Value(v, if v > 0 { format!("+{text}") } else { text })
    };
    d.facts.insert("old_total".to_owned(), json!(report.old_total));
    d.facts.insert("new_total".to_owned(), json!(report.new_total));
    d.facts.insert("elapsed_nanos".to_owned(), json!(report.elapsed_nanos));
    d.facts.insert("same_build".to_owned(), json!(report.same_build));
    d.facts.insert("changed_rows".to_owned(), json!(report.changed));
    d.facts.insert(
        "hidden".to_owned(),
        json!({
            "rows_over_limit": h.row_count - report.rows.len(),
            "rows_below_cutoff": report.small,
            "rows_outside_scope": report.hidden_rows,
        }),
    );
    let change = report.new_total.wrapping_sub(report.old_total);
    let mut total = format!(
        "total {} -> {} ({})",
        new.format(report.old_total, &h.output_unit),
        new.format(report.new_total, &h.output_unit),
        signed(change).text()
    );
    let elapsed = go_time::coarse(report.elapsed_nanos.saturating_abs());
    match report.elapsed_nanos {
        0 => {}
        1.. => total.push_str(&format!(" in {elapsed}")),
        _ => d.notes.push(format!(
            "the first profile is the younger one, by {elapsed}: signs are those of going back in time"
        )),
    }
    // In place of the total of one profile, which stands below the name and the filters.
    let at = (1 + usize::from(!h.filters.is_empty())).min(d.heading.len().saturating_sub(1));
    d.heading[at] = total;
    let builds = match report.same_build {
        Some(true) => None,
        Some(false) => Some("the two are of different builds"),
        None => Some("one of the two does not say of which build it is"),
    };
    if let Some(builds) = builds {
        d.heading
            .push(format!("{builds}: rows are joined by name, across packages that moved"));
    }
    if new.origin.forms_differ {
        d.heading
            .push("the two are written in different forms: frames of the runtime, which one of them hides, are left out of both".to_owned());
    }
    let (before, after) = (old.profile.duration_nanos, new.profile.duration_nanos);
    if before > 0 && after > 0 && before.abs_diff(after) > before.unsigned_abs() / 10 {
        d.notes.push(format!(
            "the old profile is over {}, the new one over {}: --normalize compares shares",
            units::label(before, "nanoseconds", "auto"),
            units::label(after, "nanoseconds", "auto")
        ));
    }
    let estimated = new.sampling.is_estimated();
    d.columns = vec![
        Column::number("old_flat", "old flat", Shown::Wide),
        Column::number("new_flat", "new flat", Shown::Wide),
        Column::number("flat", "flat", Shown::Always),
        Column::number("flat_percent", "flat%", Shown::Always),
        Column::number(
            "flat_error",
            "±",
            if estimated { Shown::Always } else { Shown::Machine },
        ),
        Column::number("old_cum", "old cum", Shown::Always),
        Column::number("new_cum", "new cum", Shown::Always),
        Column::number("cum", "cum", Shown::Always),
        Column::number("cum_percent", "cum%", Shown::Always),
        Column::number("cum_error", "±", if estimated { Shown::Always } else { Shown::Machine }),
        Column::words("name", by_title(new), Shown::Machine),
        Column::words("display_name", by_title(new), Shown::People),
    ];
    d.columns.extend(about_columns(new));
    let error = |error: f64| {
        if estimated && error > 0.0 {
            Cell::Error(error, format!("±{}", new.format(error as i64, &h.output_unit)))
        } else {
            Cell::None
        }
    };
    let alike = Alike::among(report.rows.iter().map(|row| row.name.as_str()), full_names);
    let mut within_error = 0;
    for row in &report.rows {
        let view = if row.in_new { new } else { old };
        let (about, mut emphasis) = about(view, &row.info);
        // A change within twice its error is noise; it is shown, but it does not stand out.
        if estimated && (row.cum() as f64).abs() < 2.0 * row.cum_error {
            within_error += 1;
            emphasis = Emphasis::Faint;
        }
        let mut cells = vec![
            w.value(row.old_flat),
            w.value(row.new_flat),
            signed(row.flat()),
            w.percent(row.flat()),
            error(row.flat_error),
            w.value(row.old_cum),
            w.value(row.new_cum),
            signed(row.cum()),
            w.percent(row.cum()),
            error(row.cum_error),
            Cell::Text(row.name.clone()),
            Cell::Text(alike.shown(&row.name, full_names)),
        ];
        cells.extend(about);
        d.rows.push(Row {
            cells,
            emphasis,
            rule_above: false,
            ..Row::default()
        });
    }
    if report.changed == 0 {
        d.notes.push("nothing changed".to_owned());
    }
    if within_error > 0 {
        d.notes.push(format!("{within_error} of these rows changed by less than twice their sampling error: noise, as far as two snapshots can tell"));
    }
    if h.row_count > report.rows.len() {
        d.notes.push(format!(
            "{} more rows: -n 0 shows them",
            h.row_count - report.rows.len()
        ));
    }
    if report.small > 0 {
        let below = new.format(report.cutoff, &h.output_unit);
        d.notes.push(format!(
            "{} rows changed by less than {below}: --nodefraction 0 shows them",
            report.small
        ));
    }
    if report.hidden_rows > 0 {
        d.notes.push(format!(
            "{} rows outside of the packages and subsystems asked for are hidden",
            report.hidden_rows
        ));
    }
    d
}
