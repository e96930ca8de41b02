//! `top`: the rows with the most of their own (or of everything below).

use super::{Header, InlineMark, TrimMode, View, trimmed_graph};

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
    /// What it stands for, to look up more in the view.
    pub info: super::NodeInfo,
}

/// The answer to `top`.
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    /// What stands above the rows.
    pub header: Header,
    /// The rows in order.
    pub rows: Vec<TopRow>,
}

/// The rows of a view, largest first.
pub fn top(view: &mut View) -> Top {
    let trimmed = trimmed_graph(view, TrimMode::Rows, 0);
    let header = Header::trimmed(view, &trimmed);
    let rows = trimmed
        .graph
        .rows()
        .iter()
        .enumerate()
        .map(|(i, n)| TopRow {
            name: n.info.printable(&view.profile).into_owned(),
            flat: n.flat_value(),
            cum: n.cum_value(),
            inline: trimmed.graph.inline_mark(i as u32),
            info: n.info,
        })
        .collect();
    Top { header, rows }
}
