//! `tags`: what the samples of each label value sum up to.

use rustc_hash::FxHashMap;

use crate::analysis::view::subtract::PERIOD_LABEL;
use crate::analysis::{Dialect, Header, View};
use crate::model::{LabelKind, units};

/// A value of a label.
#[derive(Clone, Debug, PartialEq)]
pub struct TagValue {
    /// The text, or the number with its unit.
    pub name: String,
    /// Sum of the samples that have it.
    pub value: i64,
    /// The number itself, where the label is one: the least of those that look alike in their unit.
    pub number: Option<i64>,
    /// Unit of the number, `""` for none.
    pub unit: String,
}

/// A label key and its values, largest first.
#[derive(Clone, Debug, PartialEq)]
pub struct TagKey {
    /// The key.
    pub key: String,
    /// Sum over all values.
    pub total: i64,
    /// The values.
    pub values: Vec<TagValue>,
    /// Lighter values that the limit on rows leaves out.
    pub hidden: usize,
}

/// The answer to `tags`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tags {
    /// What stands above the keys.
    pub header: Header,
    /// The keys by name.
    pub keys: Vec<TagKey>,
}

/// A value of a label that is being summed up.
#[derive(Default)]
struct Sum<'a> {
    value: i64,
    number: Option<(i64, &'a str)>,
}

/// Sums up the labels of a view. Numbers that look alike in their unit are one value.
pub fn tags(view: &View) -> Tags {
    let p = &view.profile;
    let mut sums: FxHashMap<&str, (i64, FxHashMap<String, Sum>)> = FxHashMap::default();
    for i in 0..p.samples.len() {
        let value = view.value(i);
        for l in p.samples.labels(i).iter().filter(|l| p.text(l.key) != PERIOD_LABEL) {
            let (total, values) = sums.entry(p.text(l.key)).or_default();
            *total = total.wrapping_add(value);
            let sum = if l.kind() == LabelKind::Number {
                let unit = view.unit_of(l);
                let sum: &mut Sum<'_> = values
                    .entry(units::label(l.number, unit, &view.query.unit))
                    .or_default();
                let number = sum.number.map_or(l.number, |(n, _)| n.min(l.number));
                sum.number = Some((number, unit));
                sum
            } else {
                match values.get_mut(p.text(l.text)) {
                    Some(sum) => sum,
                    None => values.entry(p.text(l.text).to_owned()).or_default(),
                }
            };
            sum.value = sum.value.wrapping_add(value);
        }
    }
    let mut keys: Vec<TagKey> = sums
        .into_iter()
        .map(|(key, (total, values))| {
            let mut values: Vec<TagValue> = values
                .into_iter()
                .map(|(name, sum)| TagValue {
                    name,
                    value: sum.value,
                    number: sum.number.map(|(n, _)| n),
                    unit: sum.number.map_or_else(String::new, |(_, unit)| unit.to_owned()),
                })
                .collect();
            values.sort_by(|a, b| {
                b.value
                    .unsigned_abs()
                    .cmp(&a.value.unsigned_abs())
                    .then_with(|| a.name.cmp(&b.name))
            });
            let hidden = match (view.query.dialect, view.row_limit(0)) {
                (Dialect::Pprof, _) | (_, 0) => 0,
                (Dialect::Native, most) => values.len().saturating_sub(most),
            };
            values.truncate(values.len() - hidden);
            TagKey {
                key: key.to_owned(),
                total,
                values,
                hidden,
            }
        })
        .collect();
    keys.sort_by(|a, b| a.key.cmp(&b.key));
    Tags {
        header: Header::new(view),
        keys,
    }
}
