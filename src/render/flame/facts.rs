//! What stands above a drawing: title and facts of the profile.

use crate::analysis::{Comparison, Flame};
use crate::model::units;

/// Title of a drawing: the given name and the sample type.
pub(in crate::render) fn title(flame: &Flame, name: &str) -> String {
    let kind = &flame.types[flame.selected].kind;
    match flame.comparison {
        Comparison::None => format!("{name} · {kind}"),
        Comparison::Base | Comparison::Signed => format!("{name} · {kind}, difference"),
    }
}

/// What the root has: names and texts.
pub(in crate::render) fn totals(flame: &Flame) -> Vec<(&'static str, String)> {
    let value = |v: i64| value(flame, v);
    let c = &flame.columns[flame.selected];
    match flame.comparison {
        Comparison::None => vec![("Total", value(c.total[0]))],
        Comparison::Base => vec![("Old", value(c.old_total[0])), ("New", value(c.total[0]))],
        Comparison::Signed => vec![("Lost", value(c.old_total[0])), ("Gained", value(c.total[0]))],
    }
}

/// What is known of the profile: names and texts, in the order to show them. Never the time of the drawing itself.
pub(in crate::render) fn facts(flame: &Flame) -> Vec<(&'static str, String)> {
    let h = &flame.header;
    let mut facts = Vec::new();
    let mut add = |name, text: String| {
        if !text.is_empty() {
            facts.push((name, text));
        }
    };
    add("Binary", h.file.clone());
    add("Build ID", h.build_id.clone());
    add("Time", time(h.time_nanos));
    if h.duration_nanos != 0 {
        add("Duration", units::label(h.duration_nanos, "nanoseconds", "auto"));
    }
    add("Filters", h.filters.join(" "));
    add("Comment", h.comments.join(" "));
    facts
}

/// A value of the chosen sample type.
pub(in crate::render) fn value(flame: &Flame, v: i64) -> String {
    let divided = if flame.divide_by == 1.0 {
        v
    } else {
        (v as f64 / flame.divide_by) as i64
    };
    units::label(divided, &flame.types[flame.selected].unit, &unit(flame, flame.selected))
}

/// The unit to show a sample type in: the one asked for where it can express it.
pub(in crate::render) fn unit(flame: &Flame, t: usize) -> String {
    let (asked, of) = (flame.header.output_unit.as_str(), flame.types[t].unit.as_str());
    if units::compatible(asked, of) {
        asked.to_owned()
    } else {
        "auto".to_owned()
    }
}

/// How many frames are too small, in a sentence, or nothing.
pub(in crate::render) fn hidden(flame: &Flame) -> String {
    match flame.hidden.count {
        0 => String::new(),
        count => format!(
            "{count} frames of at most {} each are not drawn.",
            share(flame.hidden.largest)
        ),
    }
}

/// A share as a percentage.
fn share(of_one: f64) -> String {
    units::percentage((of_one * 1e12) as i64, 1_000_000_000_000)
        .trim()
        .to_owned()
}

/// In UTC, so that a drawing does not depend on where it is made.
fn time(nanos: i64) -> String {
    if nanos == 0 {
        return String::new();
    }
    jiff::Timestamp::from_nanosecond(i128::from(nanos))
        .map(|t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default()
}
