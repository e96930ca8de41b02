//! `top`: the rows with the most of their own (or of everything below).

use crate::analysis::view::scope::Scope;
use crate::analysis::{Header, InlineMark, TrimMode, View, trimmed_graph};

/// One row of `top`.
#[derive(Clone, Debug, PartialEq)]
pub struct TopRow {
    /// Name at the granularity of the query.
    pub name: String,
    /// Own value.
    pub flat: i64,
    /// Own value and that of everything below.
    pub cum: i64,
    /// Whether it was inlined.
    pub inline: InlineMark,
    /// Standard error of `flat` from sampling, in its unit; 0 when exact or unknown.
    pub flat_error: f64,
    /// Standard error of `cum`.
    pub cum_error: f64,
    /// What it stands for, to look up more in the view.
    pub info: crate::analysis::NodeInfo,
}

/// The answer to `top`.
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    /// What stands above the rows.
    pub header: Header,
    /// The rows in order.
    pub rows: Vec<TopRow>,
    /// Rows outside of the packages and subsystems asked for.
    pub hidden_rows: usize,
    /// Sum of their flat.
    pub(crate) hidden_flat: i64,
}

/// The rows of a view, largest first.
pub fn top(view: &View) -> Top {
    let scope = Scope::of(view);
    let limit = view.row_limit(0);
    // The limit is on the rows that are inside.
    let trimmed = trimmed_graph(view, TrimMode::Rows, if scope.is_some() { 0 } else { limit });
    let mut header = Header::trimmed(view, &trimmed);
    let mut rows: Vec<TopRow> = trimmed
        .graph
        .rows()
        .iter()
        .enumerate()
        .map(|(i, n)| TopRow {
            name: n.info.printable(&view.profile).into_owned(),
            flat: n.flat_value(),
            cum: n.cum_value(),
            inline: match &view.inlining {
                Some(inlining) => inlining.mark(n.info.name),
                None => trimmed.graph.inline_mark(i as u32),
            },
            flat_error: n.flat_variance.sqrt(),
            cum_error: n.cum_variance.sqrt(),
            info: n.info,
        })
        .collect();
    let (mut hidden_rows, mut hidden_flat) = (0, 0i64);
    if let Some(scope) = scope {
        rows.retain(|row| {
            let inside = scope.contains(view, &row.info);
            if !inside {
                hidden_rows += 1;
                hidden_flat = hidden_flat.wrapping_add(row.flat);
            }
            inside
        });
        header.row_count = rows.len();
        if limit > 0 {
            rows.truncate(limit);
        }
        header.rows_shown = rows.len();
        header.shown_total = rows.iter().fold(0, |sum, row| sum.wrapping_add(row.flat));
    }
    Top {
        header,
        rows,
        hidden_rows,
        hidden_flat,
    }
}
