//! The page of vital signs: a row a snapshot, out of the metrics that were taken with it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::model::units;
use crate::render::diagnosis;
use crate::render::document::{Cell, Column, Document, Row, Shown};
use crate::report::{Sign, Unit, Vitals};

/// A number over time as people read it.
pub(in crate::render) fn worded(unit: Unit, v: f64) -> String {
    match unit {
        Unit::Bytes => units::label(v as i64, "bytes", "auto"),
        Unit::Seconds => units::label((v * 1e9) as i64, "nanoseconds", "auto"),
        Unit::Cores => format!("{v:.2} cores"),
        Unit::Percent => format!("{v:.1}%"),
        Unit::PerSecond => format!("{v:.2}/s"),
        Unit::Count => diagnosis::number(v),
    }
}

/// The same for machines: what is counted is a whole number.
fn raw(unit: Unit, v: f64) -> Value {
    match unit {
        Unit::Bytes | Unit::Count => json!(v as i64),
        _ => json!(v),
    }
}

/// The vital signs of every snapshot.
pub fn vitals(vitals: &Vitals) -> Document {
    let mut d = Document {
        schema: "kubeprof/vitals/1".to_owned(),
        ..Document::default()
    };
    let several_nodes = vitals
        .rows()
        .any(|(s, _)| Some(&s.node) != vitals.rows().next().map(|(s, _)| &s.node));
    let named = vitals.rows().any(|(s, _)| !s.snapshot.is_empty());
    d.columns = vec![
        Column::words(
            "node",
            "node",
            if several_nodes { Shown::Always } else { Shown::Machine },
        ),
        Column::words(
            "snapshot",
            "snapshot",
            if named { Shown::Always } else { Shown::Machine },
        ),
        Column::words("taken", "taken", Shown::Machine),
        Column::words("clock", "taken", Shown::People),
    ];
    let clock = Clock::of(vitals);
    let signs = vitals.signs();
    let column = |sign: &Sign| Column::number(sign.column, sign.short, Shown::Always);
    d.columns.extend(signs.iter().map(column));
    let mut before: Option<usize> = None;
    let mut restarts = 0;
    for (scrape, values) in vitals.rows() {
        let words = |text: &str| {
            if text.is_empty() {
                Cell::None
            } else {
                Cell::Text(text.to_owned())
            }
        };
        let mut cells = vec![
            words(&scrape.node),
            words(&scrape.snapshot),
            scrape.at.map_or(Cell::None, |at| Cell::Text(at.to_string())),
            scrape.at.map_or(Cell::None, |at| Cell::Text(clock.worded(at))),
        ];
        let number =
            |(v, unit): (Option<f64>, Unit)| v.map_or(Cell::None, |v| Cell::Parts(raw(unit, v), worded(unit, v)));
        cells.extend(values.into_iter().zip(signs.iter().map(|sign| sign.unit)).map(number));
        let is_new = before.is_some_and(|b| b != scrape.process);
        restarts += usize::from(is_new);
        before = Some(scrape.process);
        d.rows.push(Row {
            cells,
            rule_above: is_new,
            ..Row::default()
        });
    }
    d.heading = vec![match clock.day {
        Some(day) => format!("Metrics of each snapshot · {day} UTC"),
        None => "Metrics of each snapshot".to_owned(),
    }];
    if restarts > 0 {
        d.notes.push("a gap between rows: another process".to_owned());
    }
    if signs.iter().any(|sign| sign.column.ends_with("_p99")) {
        d.notes
            .push("p99 is the upper bound of its bucket: since the snapshot before, in the first one since the process started".to_owned());
    }
    d
}

/// How times are written: without the day where it is that of all, which the heading then has.
struct Clock {
    day: Option<Date>,
}

impl Clock {
    fn of(vitals: &Vitals) -> Self {
        let mut days = vitals
            .rows()
            .filter_map(|(s, _)| Some(s.at?.to_zoned(TimeZone::UTC).date()));
        let day = days.next();
        Self {
            day: day.filter(|day| days.all(|other| other == *day)),
        }
    }

    fn worded(&self, at: Timestamp) -> String {
        let form = if self.day.is_some() {
            "%H:%M:%S"
        } else {
            "%Y-%m-%d %H:%M:%S UTC"
        };
        at.strftime(form).to_string()
    }
}

impl Document {
    /// Puts vital signs below the table; machines have them as `metrics`.
    pub fn with_vitals(mut self, signs: &Vitals) -> Self {
        if !signs.is_empty() {
            let below = vitals(signs);
            self.facts.insert("metrics".to_owned(), facts(&below));
            self.below = Some(Box::new(below));
        }
        self
    }
}

/// The same for machines, beside other rows.
fn facts(d: &Document) -> Value {
    let row = |row: &Row| -> Map<String, Value> {
        d.columns
            .iter()
            .zip(&row.cells)
            .filter(|(c, _)| c.for_machines())
            .map(|(c, cell)| (c.key.to_owned(), cell.json()))
            .collect()
    };
    Value::Array(d.rows.iter().map(|r| Value::Object(row(r))).collect())
}
