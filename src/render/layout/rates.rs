//! A change by the time between two moments: per second or per hour, whichever reads better.

use crate::analysis::{Diff, View};
use crate::model::Kind;

const SECOND: f64 = 1e9;
const HOUR: f64 = 3600.0 * SECOND;
/// Between moments that are further apart, changes are told by the hour.
const LONG: i64 = 60_000_000_000;

/// The time between two moments.
pub(super) struct Rate {
    nanos: i64,
}

impl Rate {
    /// `None` where the time is not known, or values are of a time of their own: what a CPU profile holds does not grow from
    /// one to the next.
    pub(super) fn of(report: &Diff, new: &View) -> Option<Self> {
        let of_time = new.origin.kind == Some(Kind::Cpu) || new.signed_total.is_some() || new.query.mean;
        (report.elapsed_nanos > 0 && !of_time).then_some(Self {
            nanos: report.elapsed_nanos,
        })
    }

    pub(super) fn per_second(&self, change: i64) -> f64 {
        change as f64 / self.nanos as f64 * SECOND
    }

    fn is_long(&self) -> bool {
        self.nanos >= LONG
    }

    /// What the column is called.
    pub(super) fn title(&self, calls: bool) -> &'static str {
        match (calls, self.is_long()) {
            (true, true) => "cum/h",
            (true, false) => "cum/s",
            (false, true) => "per hour",
            (false, false) => "per second",
        }
    }

    /// A change as this long makes it, with its sign.
    pub(super) fn value(&self, view: &View, change: i64, unit: &str) -> String {
        let per = if self.is_long() { HOUR } else { SECOND };
        let rate = change as f64 / self.nanos as f64 * per;
        // Counts are small, and a tenth of one is news.
        let text = match view.unit == "count" && rate.abs() < 100.0 {
            true => format!("{rate:.1}"),
            false => view.format(rate.round() as i64, unit),
        };
        if rate > 0.0 { format!("+{text}") } else { text }
    }

    /// `+7.03MB per hour`
    pub(super) fn words(&self, view: &View, change: i64, unit: &str) -> String {
        let per = if self.is_long() { "hour" } else { "second" };
        format!("{} per {per}", self.value(view, change, unit))
    }
}
