//! The facts above a report: which profile, what is shown, what was left out. Shared by all reports, as data.

use crate::analysis::graph::nodes::base_name;
use crate::analysis::{Trimmed, View};

/// What stands above a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// Base name of the main binary, or `""`.
    pub file: String,
    /// Build ID of the main binary, or `""`.
    pub build_id: String,
    /// Comments of the profile that do not start with `#`.
    pub comments: Vec<String>,
    /// The sample type, `mean_` in front where means were asked for.
    pub sample_type: String,
    /// Link to documentation, or `""`.
    pub doc_url: String,
    /// When the profile was taken, nanoseconds since the Unix epoch; 0 when unknown.
    pub time_nanos: i64,
    /// For how long, nanoseconds.
    pub duration_nanos: i64,
    /// 100 %.
    pub total: i64,
    /// Unit of the profile's values.
    pub unit: String,
    /// Unit that all values are shown in (`minimum`: each in its own).
    pub output_unit: String,
    /// Filters in force, `name=value`.
    pub filters: Vec<String>,
    /// Sum of flat of the rows shown.
    pub shown_total: i64,
    /// Rows shown.
    pub rows_shown: usize,
    /// Rows before the limit on their number.
    pub row_count: usize,
    /// Rows left out for being small.
    pub dropped_nodes: usize,
    /// The cutoff as pprof words it: of the total, not of what is shown.
    pub dropped_nodes_below: i64,
    /// The cutoff that was really applied to rows: a share of the sum of flat.
    pub node_cutoff: i64,
    /// Edges left out for being small.
    pub dropped_edges: usize,
    /// Their cutoff, as pprof words it.
    pub(crate) dropped_edges_below: i64,
    /// Samples without any frame, which no row has.
    pub(crate) frameless: usize,
    /// The sum of their values.
    pub(crate) frameless_value: i64,
}

impl Header {
    /// The facts of the profile alone.
    pub fn new(view: &View) -> Self {
        let p = &view.profile;
        let (mut frameless, mut frameless_value) = (0, 0i64);
        if p.stacks.has_empty() {
            for i in (0..p.samples.len()).filter(|&i| p.stack(p.samples.stack(i)).is_empty()) {
                frameless += 1;
                frameless_value = frameless_value.wrapping_add(view.value(i));
            }
        }
        let main = p.mappings.first();
        let file = main.map_or("", |m| p.text(m.file));
        Self {
            file: if file.is_empty() {
                String::new()
            } else {
                base_name(file).to_owned()
            },
            build_id: main.map_or("", |m| p.text(m.build_id)).to_owned(),
            frameless,
            frameless_value,
            comments: p
                .comments
                .iter()
                .map(|&c| p.text(c))
                .filter(|c| !c.starts_with('#'))
                .map(str::to_owned)
                .collect(),
            sample_type: view.sample_type.clone(),
            doc_url: p.text(p.doc_url).to_owned(),
            time_nanos: p.time_nanos,
            duration_nanos: p.duration_nanos,
            total: view.total,
            unit: view.unit.clone(),
            output_unit: view.query.unit.clone(),
            filters: view
                .active_filters()
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            ..Self::default()
        }
    }

    /// With what trimming left out.
    pub(in crate::analysis) fn trimmed(view: &View, t: &Trimmed) -> Self {
        let cutoff = |fraction: f64| ((view.total as f64 * fraction) as i64).wrapping_abs();
        let trim = view.query.trim;
        Self {
            output_unit: t.unit.clone(),
            shown_total: t.graph.rows().iter().fold(0, |sum, n| sum.wrapping_add(n.flat_value())),
            rows_shown: t.graph.shown,
            row_count: t.row_count,
            dropped_nodes: t.dropped_nodes,
            dropped_nodes_below: cutoff(trim.node_fraction),
            node_cutoff: t.node_cutoff,
            dropped_edges: t.dropped_edges,
            dropped_edges_below: cutoff(trim.edge_fraction),
            ..Self::new(view)
        }
    }
}
