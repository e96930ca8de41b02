//! The vital signs of a process at each snapshot, out of the metrics that were taken with it: a row a snapshot.

use jiff::Timestamp;

use super::history::{GAUGES, Gauge, Unit};
use crate::diagnose::metrics::Metrics;

/// Where a scrape belongs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrape {
    /// Name of the node; `""` when unknown.
    pub node: String,
    /// What the snapshot is called; `""` where it has no name.
    pub snapshot: String,
    /// When it was taken.
    pub at: Option<Timestamp>,
    /// Which process it is of, counted from 0.
    pub process: usize,
}

/// A number that a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sign {
    /// Stable name.
    pub column: &'static str,
    /// Title for people, which leaves room for others.
    pub short: &'static str,
    /// Unit.
    pub unit: Unit,
}

/// The vital signs over time.
#[derive(Debug, Default)]
pub struct Vitals {
    rows: Vec<(Scrape, Vec<Option<f64>>)>,
    before: Option<Metrics>,
}

impl Vitals {
    /// Adds a scrape, in time order; only what the next one is compared with is kept of it.
    pub fn push(&mut self, scrape: Scrape, metrics: Metrics) {
        let last = self.rows.last().map(|(last, _)| last);
        let before = last
            .zip(self.before.as_ref())
            .filter(|(l, _)| l.process == scrape.process);
        let before = before.map(|(last, before)| {
            let seconds = scrape
                .at
                .zip(last.at)
                .map(|(now, then)| now.duration_since(then).as_secs_f64());
            (before, seconds.unwrap_or(0.0))
        });
        let read = |gauge: &Gauge| (gauge.read)(&metrics, before);
        let values = GAUGES.iter().map(read).collect();
        self.rows.push((scrape, values));
        self.before = Some(metrics);
    }

    /// Whether they say nothing: no scrape, or none with a number that is looked for.
    pub fn is_empty(&self) -> bool {
        self.rows.iter().all(|(_, values)| values.iter().all(Option::is_none))
    }

    /// The numbers that some scrape has.
    pub fn signs(&self) -> Vec<Sign> {
        let known = GAUGES
            .iter()
            .enumerate()
            .filter(|(i, _)| self.rows.iter().any(|(_, values)| values[*i].is_some()));
        let sign = |(_, g): (usize, &Gauge)| Sign {
            column: g.column,
            short: g.short,
            unit: g.unit,
        };
        known.map(sign).collect()
    }

    /// Each scrape with its numbers, in the order of [`Vitals::signs`].
    pub fn rows(&self) -> impl Iterator<Item = (&Scrape, Vec<Option<f64>>)> {
        let known: Vec<usize> = (0..GAUGES.len())
            .filter(|&i| self.rows.iter().any(|(_, values)| values[i].is_some()))
            .collect();
        self.rows
            .iter()
            .map(move |(scrape, values)| (scrape, known.iter().map(|&i| values[i]).collect()))
    }
}
