//! The page of `diff`: old, new and change of every row, with signs.

use serde_json::{Value, json};

use super::errors::{self, Spread};
use super::rates::Rate;
use super::{Alike, Words, about, about_columns, begin, by_title, moves};
use crate::analysis::{Diff, Granularity, View};
use crate::model::units;
use crate::model::units::counted;
use crate::render::document::Setting;
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
    let rate = Rate::of(report, new);
    d.facts.insert(
        "per_second".to_owned(),
        json!(rate.as_ref().map(|r| r.per_second(change))),
    );
    let elapsed = go_time::coarse(report.elapsed_nanos.saturating_abs());
    match report.elapsed_nanos {
        0 => {}
        1.. => {
            total.push_str(&format!(" in {elapsed}"));
            if let Some(rate) = rate.as_ref().filter(|_| change != 0) {
                total.push_str(&format!(", {}", rate.words(new, change, &h.output_unit)));
            }
        }
        _ => d.notes.push(format!(
            "the first profile is the younger one, by {elapsed}: signs are those of going back in time"
        )),
    }
    // In place of the total of one profile, which stands below the name and the filters.
    let at = (1 + usize::from(!h.filters.is_empty())).min(d.heading.len().saturating_sub(1));
    d.heading[at] = total;
    let by_name = !matches!(
        new.query.granularity,
        Granularity::Pairs | Granularity::Owners | Granularity::Subsystems
    );
    let builds = match report.same_build {
        _ if !by_name => None,
        Some(true) => None,
        Some(false) => Some("the two are of different builds"),
        None => Some("one of the two does not say of which build it is"),
    };
    if let Some(builds) = builds {
        d.heading
            .push(format!("{builds}: rows are joined by name, across packages that moved"));
    }
    let of_moments = |v: &View| v.signed_total.is_some();
    if of_moments(old) != of_moments(new) {
        let which = if of_moments(old) { "old" } else { "new" };
        d.heading.push(format!(
            "the {which} profile is a difference of two moments (?seconds=), the other is not: their values are not comparable"
        ));
    }
    if of_moments(old) {
        d.heading.push(format!(
            "percentages of {}, the sum of all changes of the old one",
            new.format(h.total, &h.output_unit)
        ));
    }
    if new.origin.forms_differ {
        d.heading
            .push("the two are written in different forms: frames of the runtime, which one of them hides, are left out of both".to_owned());
    }
    if new.query.granularity == Granularity::Pairs {
        d.facts.insert(
            "moves".to_owned(),
            Value::Array(report.moves.iter().map(moves::facts).collect()),
        );
        // Who waits for whom now is what two dumps are compared for.
        if let Some(moved) = moves::line(&report.moves) {
            d.heading.insert(0, moved);
        }
        let text = "rows are pairs of owner and what its goroutines are blocked in";
        d.note(text.to_owned(), Setting::ByFunction);
    }
    let (before, after) = (old.profile.duration_nanos, new.profile.duration_nanos);
    if before > 0 && after > 0 && before.abs_diff(after) > before.unsigned_abs() / 10 {
        let text = format!(
            "the old profile is over {}, the new one over {}",
            units::label(before, "nanoseconds", "auto"),
            units::label(after, "nanoseconds", "auto")
        );
        d.note(text, Setting::Normalize);
    }
    // A pair calls nothing: what it has itself is all that it has.
    let calls = !matches!(new.query.granularity, Granularity::Pairs | Granularity::Owners);
    let (own, wide) = match calls {
        true => (Shown::Always, Shown::Wide),
        false => (Shown::Machine, Shown::Machine),
    };
    d.columns = vec![
        Column::number("old_flat", "old flat", wide),
        Column::number("new_flat", "new flat", wide),
        Column::number("flat", "flat", own),
        Column::number("flat_percent", "flat%", own),
    ];
    let errors_of = |d: &mut Document, error, low, high| {
        let mut columns = errors::columns(new, error, low, high);
        if error == "flat_error" && !calls {
            columns.iter_mut().for_each(|c| c.shown = Shown::Machine);
        }
        d.columns.extend(columns);
    };
    errors_of(&mut d, "flat_error", "flat_low", "flat_high");
    d.columns.extend([
        Column::number("old_cum", if calls { "old cum" } else { "old" }, Shown::Always),
        Column::number("new_cum", if calls { "new cum" } else { "new" }, Shown::Always),
        Column::number("cum", if calls { "cum" } else { "change" }, Shown::Always),
        Column::number("cum_percent", if calls { "cum%" } else { "%" }, Shown::Always),
    ]);
    errors_of(&mut d, "cum_error", "cum_low", "cum_high");
    let noise_column = d.columns.len();
    d.columns.push(Column::words("noise", "~", Shown::Machine));
    if let Some(rate) = &rate {
        d.columns
            .push(Column::number("cum_rate", rate.title(calls), Shown::People));
    }
    d.columns.extend([
        Column::number("flat_per_second", "flat/s", Shown::Machine),
        Column::number("cum_per_second", "cum/s", Shown::Machine),
        Column::words("name", by_title(new), Shown::Machine),
        Column::words("display_name", by_title(new), Shown::People),
    ]);
    d.columns.extend(about_columns(new));
    let alike = Alike::among(report.rows.iter().map(|row| row.name.as_str()), full_names);
    let mut within_error = 0;
    for row in &report.rows {
        let view = if row.in_new { new } else { old };
        let (about, mut emphasis) = about(view, &row.info);
        // Noise is shown, but it does not stand out.
        let noise = errors::is_noise(new, row.cum(), row.cum_error);
        if noise == Some(true) {
            within_error += 1;
            emphasis = Emphasis::Faint;
        }
        let spread = |value, sigma| {
            w.spread(Spread {
                value,
                sigma,
                change: true,
            })
        };
        let mut cells = vec![
            w.value(row.old_flat),
            w.value(row.new_flat),
            signed(row.flat()),
            w.percent(row.flat()),
        ];
        cells.extend(spread(row.flat(), row.flat_error));
        cells.extend([
            w.value(row.old_cum),
            w.value(row.new_cum),
            signed(row.cum()),
            w.percent(row.cum()),
        ]);
        cells.extend(spread(row.cum(), row.cum_error));
        cells.push(match noise {
            Some(noise) => Cell::Parts(json!(noise), if noise { "~" } else { "" }.to_owned()),
            None => Cell::None,
        });
        if let Some(rate) = &rate {
            cells.push(Cell::Text(rate.value(new, row.cum(), &h.output_unit)));
        }
        let per_second = |change| match &rate {
            Some(rate) => Cell::Parts(json!(rate.per_second(change)), String::new()),
            None => Cell::None,
        };
        cells.extend([
            per_second(row.flat()),
            per_second(row.cum()),
            Cell::Text(row.name.clone()),
            Cell::Text(alike.shown(&row.name, full_names)),
        ]);
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
        d.dim = d
            .dim
            .map(|_| "what may be noise, the Go runtime, wrappers and start-up code");
        d.columns[noise_column].shown = Shown::Always;
    }
    if !report.rows.is_empty() {
        d.notes.extend(errors::legend(new, Some(within_error)));
    }
    if h.row_count > report.rows.len() {
        let more = counted(h.row_count - report.rows.len(), "more row", "more rows");
        d.note(more.to_string(), Setting::AllRows);
    }
    if report.small > 0 {
        let below = new.format(report.cutoff, &h.output_unit);
        let small = counted(report.small, "row", "rows");
        d.note(format!("{small} changed by less than {below}"), Setting::SmallRows);
    }
    if report.hidden_rows > 0 {
        d.notes.push(format!(
            "{} hidden",
            counted(
                report.hidden_rows,
                "row outside of the packages and subsystems asked for is",
                "rows outside of the packages and subsystems asked for are"
            )
        ));
    }
    d
}
