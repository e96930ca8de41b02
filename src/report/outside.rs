//! History that was recorded elsewhere: answers of Prometheus (`query_range`, `query`), text scrapes with times, answers of
//! Netdata (`/api/v1/data`, `/api/v2/data`) as JSON and CSV.
//!
//! What a text is, its content says. Nothing here trusts it: points and series are bounded, a line that cannot be read is
//! counted and passed over, and a gap stays a gap.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::history::{History, Unit, histories};
use crate::diagnose::metrics::Metrics;

/// At most this many series of a file are kept.
pub const MOST_SERIES: usize = 24;
/// At most this many points of a series are kept; of more, the lowest and the highest of each stretch.
pub const MOST_POINTS: usize = 600;
/// What is read of a file at most.
const MOST_READ: usize = 2_000_000;

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outside {
    /// Its series.
    pub histories: Vec<History>,
    /// How many more there were.
    pub more: usize,
    /// Lines or values that could not be read.
    pub damaged: usize,
}

/// Why a file gives no history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutsideError {
    /// Neither JSON of Prometheus or Netdata, nor CSV of Netdata, nor a scrape.
    #[error("neither an answer of Prometheus or Netdata nor a scrape of metrics")]
    Unknown,
    /// The server answered with an error.
    #[error("the server answered with an error: {0}")]
    Failed(String),
    /// A scrape without times.
    #[error("a scrape without times")]
    NoTimes,
    /// It has series and no values.
    #[error("no values")]
    Empty,
}

/// Reads a file. `source` is its name, for the page; `modified` is when a scrape without times was written, where that is
/// known.
///
/// # Errors
/// When it is nothing that is known, or empty.
pub fn read(text: &str, source: &str, modified: Option<Timestamp>) -> Result<Outside, OutsideError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let mut found = match text.as_bytes().first() {
        Some(b'{' | b'[') => json(&serde_json::from_str(text).map_err(|_| OutsideError::Unknown)?)?,
        _ if is_csv(text) => csv(text),
        _ if Metrics::looks_like(text) || Metrics::parse(text).get("process_start_time_seconds").is_some() => {
            return scrape(text, source, modified);
        }
        _ => return Err(OutsideError::Unknown),
    };
    found.series.retain(|(_, points)| points.values().any(Option::is_some));
    if found.series.is_empty() {
        return Err(OutsideError::Empty);
    }
    let more = found.series.len().saturating_sub(MOST_SERIES);
    found.series.truncate(MOST_SERIES);
    let history = |(title, points): (String, BTreeMap<i64, Option<f64>>)| History {
        key: title.clone(),
        unit: unit_of(&title),
        title,
        source: source.to_owned(),
        points: (thinned(points).into_iter())
            .filter_map(|(ms, v)| Some((Timestamp::from_millisecond(ms).ok()?, v)))
            .collect(),
    };
    Ok(Outside {
        histories: found.series.into_iter().map(history).collect(),
        more,
        damaged: found.damaged,
    })
}

/// Series by title, values by milliseconds.
#[derive(Default)]
struct Found {
    series: Vec<(String, BTreeMap<i64, Option<f64>>)>,
    damaged: usize,
    read: usize,
}

impl Found {
    fn add(&mut self, series: usize, ms: Option<i64>, value: Option<f64>) {
        self.read += 1;
        match ms {
            Some(ms) if self.read <= MOST_READ => {
                self.series[series].1.insert(ms, value.filter(|v| v.is_finite()));
            }
            _ => self.damaged += 1,
        }
    }
}

/// Seconds or milliseconds since the epoch: no incident is of before 1973 in milliseconds or after 5138 in seconds.
fn epoch_ms(v: f64) -> Option<i64> {
    let ms = if v.abs() < 1e11 { v * 1000.0 } else { v };
    (ms.is_finite() && ms > 0.0 && ms < 1e14).then_some(ms as i64)
}

fn json(value: &Value) -> Result<Found, OutsideError> {
    if let Some(error) = value.get("error").and_then(Value::as_str) {
        return Err(OutsideError::Failed(error.chars().take(200).collect()));
    }
    if let Some(result) = value.pointer("/data/result") {
        return Ok(prometheus(result));
    }
    let netdata = [value, value.get("result").unwrap_or(&Value::Null)];
    for table in netdata {
        if let (Some(labels), Some(data)) = (
            table.get("labels").and_then(Value::as_array),
            table.get("data").and_then(Value::as_array),
        ) {
            return Ok(table_of(labels, data));
        }
    }
    Err(OutsideError::Unknown)
}

fn prometheus(result: &Value) -> Found {
    let mut found = Found::default();
    for series in result.as_array().into_iter().flatten() {
        let at = found.series.len();
        found.series.push((title_of(series.get("metric")), BTreeMap::new()));
        let many = series.get("values").and_then(Value::as_array).into_iter().flatten();
        for pair in many.chain(series.get("value")) {
            let ms = pair.get(0).and_then(Value::as_f64).and_then(epoch_ms);
            let text = pair.get(1).and_then(Value::as_str).unwrap_or_default();
            let value: Option<f64> = text.parse().ok();
            if value.is_none() {
                found.damaged += 1;
            }
            found.add(at, ms, value);
        }
    }
    found
}

/// The name of a metric with the labels that tell series apart.
fn title_of(metric: Option<&Value>) -> String {
    let labels = metric.and_then(Value::as_object);
    let text = |v: &Value| v.as_str().unwrap_or_default().chars().take(80).collect::<String>();
    let name = labels.and_then(|l| l.get("__name__")).map(text).unwrap_or_default();
    let others: Vec<String> = (labels.into_iter().flatten())
        .filter(|(key, _)| key.as_str() != "__name__" && key.as_str() != "job")
        .take(4)
        .map(|(key, v)| format!("{key}={}", text(v)))
        .collect();
    match (name.is_empty(), others.is_empty()) {
        (false, true) => name,
        (false, false) => format!("{name} {}", others.join(" ")),
        (true, false) => others.join(" "),
        (true, true) => "value".to_owned(),
    }
}

/// A table of Netdata: the first column is the time.
fn table_of(labels: &[Value], data: &[Value]) -> Found {
    let mut found = Found::default();
    for label in labels.iter().skip(1) {
        let title: String = label.as_str().unwrap_or("value").chars().take(120).collect();
        found.series.push((title, BTreeMap::new()));
    }
    for row in data {
        let ms = row.get(0).and_then(Value::as_f64).and_then(epoch_ms);
        for series in 0..found.series.len() {
            // Newer versions give the value with an anomaly rate and flags.
            let cell = row.get(series + 1).map(|v| v.get(0).unwrap_or(v));
            if let Some(cell) = cell {
                found.add(series, ms, cell.as_f64());
            }
        }
    }
    found
}

fn is_csv(text: &str) -> bool {
    let head = text.lines().next().unwrap_or_default().to_ascii_lowercase();
    (head.starts_with("time,") || head.starts_with("\"time\",")) && head.contains(',')
}

/// CSV as Netdata writes it: CRLF, newest first, `null` for gaps, times as text in UTC or as numbers.
fn csv(text: &str) -> Found {
    let mut found = Found::default();
    let mut lines = text.lines();
    let head = cells(lines.next().unwrap_or_default());
    found
        .series
        .extend(head.into_iter().skip(1).map(|title| (title, BTreeMap::new())));
    for line in lines.filter(|l| !l.trim().is_empty()) {
        let cells = cells(line);
        let ms = cells.first().and_then(|t| time_ms(t));
        for series in 0..found.series.len() {
            let cell = cells.get(series + 1).map_or("", |c| c.trim());
            let value: Option<f64> = cell.parse().ok();
            let gap = cell.is_empty() || cell.eq_ignore_ascii_case("null") || cell.eq_ignore_ascii_case("nan");
            if value.is_none() && !gap {
                found.damaged += 1;
            }
            found.add(series, ms, value);
        }
    }
    found
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    for c in line.trim_end_matches(['\r', '\n']).chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c if cell.len() < 400 => cell.push(c),
            _ => {}
        }
    }
    cells.push(cell);
    cells.truncate(400);
    cells
}

/// A number of the epoch, or `2026-11-23 18:27:35` in UTC, or RFC 3339.
fn time_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return epoch_ms(number);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

/// A scrape of a kubelet, or several behind each other with times: what a report shows of any kubelet.
fn scrape(text: &str, source: &str, modified: Option<Timestamp>) -> Result<Outside, OutsideError> {
    let mut by_time: BTreeMap<i64, String> = BTreeMap::new();
    let mut plain = String::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        // `name{labels} value time`: labels may hold blanks, numbers do not.
        let mut words = line.rsplitn(3, ' ');
        let (last, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let ms = last.parse::<f64>().ok().filter(|v| *v >= 1e9).and_then(epoch_ms);
        match ms.filter(|_| words.next().is_some() && value.parse::<f64>().is_ok()) {
            Some(ms) => {
                let of_time = by_time.entry(ms).or_default();
                of_time.push_str(line.strip_suffix(last).unwrap_or(line));
                of_time.push('\n');
            }
            None => {
                plain.push_str(line);
                plain.push('\n');
            }
        }
    }
    if by_time.is_empty() {
        let at = modified.ok_or(OutsideError::NoTimes)?;
        by_time.insert(at.as_millisecond(), plain);
    }
    let read: Vec<(Timestamp, Metrics)> = (by_time.into_iter())
        .filter_map(|(ms, text)| Some((Timestamp::from_millisecond(ms).ok()?, Metrics::parse(&text))))
        .collect();
    let damaged = read.iter().map(|(_, m)| m.damaged).sum();
    let scrapes: Vec<(Timestamp, usize, &Metrics)> = read.iter().map(|(at, m)| (*at, 0, m)).collect();
    let histories = histories(&scrapes, source);
    if histories.is_empty() {
        return Err(OutsideError::Empty);
    }
    Ok(Outside {
        histories,
        more: 0,
        damaged,
    })
}

/// Points of one series out of files that each hold one, for instance one scrape a file.
pub fn join(all: &mut Vec<History>, more: Vec<History>) {
    for history in more {
        match all.iter_mut().find(|h| h.key == history.key && h.unit == history.unit) {
            Some(known) => {
                known.points.extend(history.points);
                known.points.sort_by_key(|(at, _)| *at);
                known.points.dedup_by_key(|(at, _)| *at);
            }
            None => all.push(history),
        }
    }
}

/// By the words at the end of a name, as Prometheus wants them.
fn unit_of(title: &str) -> Unit {
    let name = title.split([' ', '{']).next().unwrap_or_default();
    match name {
        n if n.ends_with("_bytes") => Unit::Bytes,
        n if n.ends_with("_seconds") => Unit::Seconds,
        n if n.ends_with("_percent") || n.ends_with('%') => Unit::Percent,
        _ => Unit::Count,
    }
}

/// The lowest and the highest point of each stretch, and every gap.
fn thinned(points: BTreeMap<i64, Option<f64>>) -> Vec<(i64, Option<f64>)> {
    let points: Vec<(i64, Option<f64>)> = points.into_iter().collect();
    if points.len() <= MOST_POINTS {
        return points;
    }
    let mut out = Vec::new();
    for stretch in points.chunks(points.len().div_ceil(MOST_POINTS / 3)) {
        let known = || stretch.iter().filter(|(_, v)| v.is_some());
        let order = |a: &&(i64, Option<f64>), b: &&(i64, Option<f64>)| {
            a.1.partial_cmp(&b.1).unwrap_or(std::cmp::Ordering::Equal)
        };
        let mut kept: Vec<(i64, Option<f64>)> = known()
            .min_by(order)
            .into_iter()
            .chain(known().max_by(order))
            .copied()
            .collect();
        kept.extend(stretch.iter().find(|(_, v)| v.is_none()));
        kept.sort_by_key(|(ms, _)| *ms);
        kept.dedup();
        out.extend(kept);
    }
    out
}
