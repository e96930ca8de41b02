//! The lines above a report.

use crate::analysis::{Header, View};
use crate::model::units;

use super::go_time;

/// The facts of the profile: file, build ID, comments, type, time, duration.
pub(super) fn profile_labels(h: &Header, view: &View, output_unit: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if !h.file.is_empty() {
        lines.push(format!("File: {}", h.file));
    }
    if !h.build_id.is_empty() {
        lines.push(format!("Build ID: {}", h.build_id));
    }
    lines.extend(h.comments.iter().cloned());
    if !h.sample_type.is_empty() {
        lines.push(format!("Type: {}", h.sample_type));
    }
    if !h.doc_url.is_empty() {
        lines.push(format!("Doc: {}", h.doc_url));
    }
    if h.time_nanos != 0 {
        lines.push(format!("Time: {}", go_time::short(h.time_nanos)));
    }
    if h.duration_nanos != 0 {
        let duration = units::label(h.duration_nanos, "nanoseconds", "auto");
        let (nanos, unit) = units::scale(h.total, &h.unit, "nanoseconds");
        let ratio = if unit == "ns" && nanos != 0.0 {
            format!("({})", units::percentage(nanos as i64, h.duration_nanos))
        } else {
            String::new()
        };
        let total = view.format(h.total, output_unit);
        lines.push(format!("Duration: {duration}, Total samples = {total} {ratio}"));
    }
    lines
}

/// What a profile is, before anything is asked of it.
pub fn facts(view: &View) -> Vec<String> {
    profile_labels(&Header::new(view), view, &view.query.unit)
}

/// All lines above a table: profile facts unless they are compact, filters, what is shown and what was left out.
pub(super) fn report_labels(h: &Header, view: &View, full: bool) -> Vec<String> {
    let format = |v: i64| view.format(v, &h.output_unit);
    let mut lines = if full || !view.query.compact_labels {
        profile_labels(h, view, &h.output_unit)
    } else {
        Vec::new()
    };
    if !h.filters.is_empty() {
        lines.push("Active filters:".to_owned());
        lines.extend(h.filters.iter().map(|f| format!("   {}", cut_to_80_bytes(f))));
    }
    lines.push(format!(
        "Showing nodes accounting for {}, {} of {} total",
        format(h.shown_total),
        units::percentage(h.shown_total, h.total).trim(),
        format(h.total)
    ));
    if h.total != 0 {
        let plural = |n: usize| if n > 1 { "s" } else { "" };
        if h.dropped_nodes > 0 {
            let (n, below) = (h.dropped_nodes, format(h.dropped_nodes_below));
            lines.push(format!("Dropped {n} node{} (cum <= {below})", plural(n)));
        }
        if full && h.dropped_edges > 0 {
            let (n, below) = (h.dropped_edges, format(h.dropped_edges_below));
            lines.push(format!("Dropped {n} edge{} (freq <= {below})", plural(n)));
        }
        if h.rows_shown > 0 && h.rows_shown < h.row_count {
            lines.push(format!("Showing top {} nodes out of {}", h.rows_shown, h.row_count));
        }
    }
    if full {
        lines.push("\nSee https://git.io/JfYMW for how to read the graph".to_owned());
    }
    lines
}

fn cut_to_80_bytes(text: &str) -> String {
    if text.len() <= 80 {
        return text.to_owned();
    }
    // pprof cuts between bytes; a character that would be cut is left out here.
    let mut end = 80;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}
