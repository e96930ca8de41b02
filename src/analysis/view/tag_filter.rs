//! Filters on labels: tagfocus, tagignore, tagshow, taghide, and the units of numeric labels.
//!
//! Grammar: `[key=]value`. `N[unit]`, `N[unit]:`, `:N[unit]` and `A:B` are ranges over numeric labels; anything else is
//! expressions separated by commas. In the native dialect a range also matches text labels that are numbers: labels of
//! Go programs are always texts, so pprof's rule makes `worker=0` match nothing (D4).

use regex::Regex;
use rustc_hash::FxHashMap;

use crate::analysis::view::go_regexp::compile;
use crate::analysis::{Dialect, QueryError};
use crate::model::{Label, LabelKind, Profile, StringId, units};

/// The unit of each numeric label key, and other units that were met and not used.
#[derive(Debug, Clone, Default)]
pub(in crate::analysis) struct LabelUnits {
    units: FxHashMap<StringId, String>,
    /// Key, unit used, units ignored.
    pub(in crate::analysis) ignored: Vec<(String, String, Vec<String>)>,
}

impl LabelUnits {
    /// The first unit seen for a key; without any, `bytes` for sizes and else the key itself.
    pub(in crate::analysis) fn new(p: &Profile) -> Self {
        let mut units: FxHashMap<StringId, StringId> = FxHashMap::default();
        let mut ignored: FxHashMap<StringId, Vec<StringId>> = FxHashMap::default();
        for i in 0..p.samples.len() {
            for l in p.samples.labels(i).iter().filter(|l| l.kind() == LabelKind::Number) {
                let unit = units.entry(l.key).or_default();
                if unit.is_empty() {
                    *unit = l.unit;
                } else if !l.unit.is_empty() && *unit != l.unit {
                    let others = ignored.entry(l.key).or_default();
                    if !others.contains(&l.unit) {
                        others.push(l.unit);
                    }
                }
            }
        }
        let text = |id: StringId| p.text(id).to_owned();
        let mut ignored: Vec<_> = ignored
            .into_iter()
            .map(|(key, others)| {
                let mut others: Vec<String> = others.into_iter().map(text).collect();
                others.sort();
                (text(key), text(units[&key]), others)
            })
            .collect();
        ignored.sort();
        let units = units
            .into_iter()
            .map(|(key, unit)| {
                let unit = match (p.text(unit), p.text(key)) {
                    ("", "alignment" | "request") => "bytes",
                    ("", key) => key,
                    (unit, _) => unit,
                };
                (key, unit.to_owned())
            })
            .collect();
        Self { units, ignored }
    }

    /// The unit of a numeric label: pprof has one for each key, natively it is that of the sample where it names one.
    pub(in crate::analysis) fn of<'a>(&'a self, p: &'a Profile, label: &Label, dialect: Dialect) -> &'a str {
        match dialect {
            Dialect::Native if !label.unit.is_empty() => p.text(label.unit),
            // pprof takes the key for the unit; that is one only where it is called like one.
            Dialect::Native if units::dimension(self.get(label.key)) == units::Dimension::Count => "",
            _ => self.get(label.key),
        }
    }

    /// The unit of numeric labels with this key; `""` when there is none.
    pub(in crate::analysis) fn get(&self, key: StringId) -> &str {
        self.units.get(&key).map_or("", String::as_str)
    }
}

/// A compiled tag filter.
pub(in crate::analysis) struct TagFilter {
    key: Option<String>,
    test: Test,
    dialect: Dialect,
}

enum Test {
    Range(Range),
    Regexes(Vec<Regex>),
}

/// A range of values in one unit.
struct Range {
    low: f64,
    high: f64,
    unit: String,
}

impl Range {
    /// Whether a quantity that is part of a text is inside; a bare number is no amount of any unit.
    fn contains_text(&self, value: i64, unit: &str) -> bool {
        (unit.is_empty() == self.unit.is_empty()) && self.contains(value, units::native(unit))
    }

    fn contains(&self, value: i64, unit: &str) -> bool {
        let (v, u) = units::scale(value, unit, &self.unit);
        u == self.unit && v >= self.low && v <= self.high
    }
}

/// Splits `12kb` off the front: sign and digits, then letters.
fn quantity(text: &str) -> Option<(i64, &str, &str)> {
    let digits = text.trim_start_matches(['+', '-']);
    if text.len() - digits.len() > 1 {
        return None;
    }
    let sign = text.len() - digits.len();
    let number_len = sign + digits.bytes().take_while(u8::is_ascii_digit).count();
    if number_len == sign {
        return None;
    }
    let value: i64 = text[..number_len].parse().ok()?;
    let rest = &text[number_len..];
    let unit_len = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    Some((value, &rest[..unit_len], &rest[unit_len..]))
}

fn parse_range(text: &str, dialect: Dialect) -> Option<Range> {
    let quantity = |text| {
        let (value, unit, rest) = quantity(text)?;
        let unit = match dialect {
            Dialect::Native => units::native(unit),
            Dialect::Pprof => unit,
        };
        Some((value, unit, rest))
    };
    let (open_low, rest) = match text.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (value, unit, rest) = quantity(rest)?;
    let (first, unit) = units::scale(value, unit, unit);
    if open_low {
        return rest.is_empty().then_some(Range {
            low: f64::NEG_INFINITY,
            high: first,
            unit,
        });
    }
    match rest {
        "" => Some(Range {
            low: first,
            high: first,
            unit,
        }),
        ":" => Some(Range {
            low: first,
            high: f64::INFINITY,
            unit,
        }),
        _ => {
            let (value, unit2, rest) = quantity(rest.strip_prefix(':')?)?;
            let (high, unit2) = units::scale(value, unit2, &unit);
            (rest.is_empty() && unit == unit2).then_some(Range { low: first, high, unit })
        }
    }
}

impl TagFilter {
    /// Compiles `text`; `None` when it is empty.
    pub(in crate::analysis) fn new(
        option: &'static str,
        text: &str,
        dialect: Dialect,
    ) -> Result<Option<Self>, QueryError> {
        if text.is_empty() {
            return Ok(None);
        }
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (Some(key.to_owned()).filter(|key| !key.is_empty()), value),
            None => (None, text),
        };
        let test = match parse_range(value, dialect) {
            Some(range) => Test::Range(range),
            None => Test::Regexes(
                value
                    .split(',')
                    .map(|r| compile(option, r))
                    .collect::<Result<Vec<_>, QueryError>>()?,
            ),
        };
        Ok(Some(Self { key, test, dialect }))
    }

    /// Whether the value was understood as a range, and how it was written.
    pub(in crate::analysis) fn is_range(&self) -> bool {
        matches!(self.test, Test::Range(_))
    }

    /// Whether a sample with these labels matches.
    pub(in crate::analysis) fn matches(&self, p: &Profile, units: &LabelUnits, labels: &[Label]) -> bool {
        let has_key = |l: &&Label| self.key.as_deref().is_none_or(|key| p.text(l.key) == key);
        match &self.test {
            Test::Range(range) => labels.iter().filter(has_key).any(|l| match l.kind() {
                LabelKind::Number => range.contains(l.number, units.of(p, l, self.dialect)),
                LabelKind::Text if self.dialect == Dialect::Native => quantity(p.text(l.text))
                    .is_some_and(|(v, unit, rest)| rest.is_empty() && range.contains_text(v, unit)),
                _ => false,
            }),
            Test::Regexes(regexes) => {
                let is_text = |l: &&Label| match self.dialect {
                    Dialect::Native => l.kind() != LabelKind::Number,
                    Dialect::Pprof => l.kind() == LabelKind::Text,
                };
                let mut texts = labels.iter().filter(is_text).filter(has_key);
                if self.key.is_some() {
                    texts.any(|l| regexes.iter().any(|r| r.is_match(p.text(l.text))))
                } else {
                    let texts: Vec<String> = texts.map(|l| format!("{}:{}", p.text(l.key), p.text(l.text))).collect();
                    regexes.iter().all(|r| texts.iter().any(|text| r.is_match(text)))
                }
            }
        }
    }
}

/// Keeps the samples that match `focus` and do not match `ignore`; returns whether each matched anything.
pub(in crate::analysis) fn by_tag(
    p: &mut Profile,
    units: &LabelUnits,
    focus: Option<&TagFilter>,
    ignore: Option<&TagFilter>,
) -> (bool, bool) {
    if focus.is_none() && ignore.is_none() {
        return (true, false);
    }
    let (mut any_focused, mut any_ignored) = (false, false);
    let keep: Vec<bool> = (0..p.samples.len())
        .map(|i| {
            let labels = p.samples.labels(i);
            let focused = focus.is_none_or(|f| f.matches(p, units, labels));
            let ignored = ignore.is_some_and(|f| f.matches(p, units, labels));
            any_focused |= focused;
            any_ignored |= ignored;
            focused && !ignored
        })
        .collect();
    p.samples.retain(|_, i| keep[i]);
    (any_focused, any_ignored)
}

/// Removes labels whose key is not shown or is hidden; returns whether each expression matched any key.
pub(in crate::analysis) fn tags_by_name(p: &mut Profile, show: Option<&Regex>, hide: Option<&Regex>) -> (bool, bool) {
    if show.is_none() && hide.is_none() {
        return (p.samples.label_count() > 0, false);
    }
    let (mut any_shown, mut any_hidden) = (false, false);
    let mut keep: FxHashMap<StringId, bool> = FxHashMap::default();
    for i in 0..p.samples.len() {
        for l in p.samples.labels(i) {
            keep.entry(l.key).or_insert_with(|| {
                let key = p.text(l.key);
                let shown = show.is_none_or(|r| r.is_match(key));
                let hidden = hide.is_some_and(|r| r.is_match(key));
                any_shown |= shown;
                any_hidden |= hidden;
                shown && !hidden
            });
        }
    }
    p.samples.retain_labels(|l| keep.get(&l.key).copied().unwrap_or(true));
    (any_shown, any_hidden)
}
