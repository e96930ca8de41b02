//! The values of a view: which sample type it shows, in which unit, divided by what, and what 100 % of it is.

use crate::analysis::{Dialect, Query, QueryError};
use crate::model::{Profile, StringId, units};

/// Label that marks the samples of a diff base.
pub(in crate::analysis) const BASE_LABEL: &str = "pprof::base";

pub(super) fn check_unit(query: &Query, of: &str) -> Result<(), QueryError> {
    let asked = query.unit.as_str();
    if query.dialect == Dialect::Pprof || matches!(asked, "minimum" | "auto" | "") {
        return Ok(());
    }
    if units::compatible(asked, of) || asked == of {
        return Ok(());
    }
    let known = match units::dimension(of) {
        units::Dimension::Bytes => "B, kB, MB, GB",
        units::Dimension::Time => "ns, us, ms, s, min, hrs",
        units::Dimension::ComputeUnits => "GCU",
        units::Dimension::Count => "count",
    };
    Err(QueryError::Unit {
        unit: asked.to_owned(),
        of: of.to_owned(),
        known,
    })
}

/// Finds a sample type by index or name (`inuse_` may be left out of the profile's), or the default one.
///
/// # Errors
/// When there is none.
pub fn sample_index(p: &Profile, asked: &str) -> Result<usize, QueryError> {
    let Some(last) = p.sample_types.len().checked_sub(1) else {
        return Err(QueryError::NoSampleTypes);
    };
    if asked.is_empty() {
        let default = p
            .sample_types
            .iter()
            .position(|t| !t.kind.is_empty() && t.kind == p.default_sample_type);
        return Ok(default.unwrap_or(last));
    }
    let found = match asked.parse::<usize>() {
        Ok(i) => (i <= last).then_some(i),
        Err(_) => {
            let short = asked.strip_prefix("inuse_").unwrap_or(asked);
            p.sample_types
                .iter()
                .position(|t| p.text(t.kind) == asked || p.text(t.kind) == short)
        }
    };
    found.ok_or_else(|| QueryError::SampleType {
        asked: asked.to_owned(),
        available: p.sample_types.iter().map(|t| p.text(t.kind).to_owned()).collect(),
    })
}

/// The sample type by which the values of the one at `index` are divided for a mean: the objects of its own family
/// (`inuse_objects` for `inuse_space`), else the first one, as in pprof.
pub(super) fn mean_by(p: &Profile, index: usize, dialect: Dialect) -> usize {
    let kind = p.sample_type(index).0;
    let family = kind.strip_suffix("_space").filter(|_| dialect == Dialect::Native);
    let objects = family.and_then(|family| {
        let is_objects = |kind: &str| kind.strip_suffix("_objects") == Some(family);
        p.sample_types.iter().position(|t| is_objects(p.text(t.kind)))
    });
    objects.unwrap_or(0)
}

/// Sums that leave 64 bits would be wrong numbers.
pub(super) fn check_sums(p: &Profile) -> Result<(), QueryError> {
    let mut sums = vec![0u128; p.sample_types.len()];
    for i in 0..p.samples.len() {
        for (sum, v) in sums.iter_mut().zip(p.samples.values(i)) {
            *sum += u128::from(v.unsigned_abs());
        }
    }
    match sums.iter().position(|&sum| sum > i64::MAX as u128) {
        Some(index) => Err(QueryError::Overflow(p.sample_type(index).0.to_owned())),
        None => Ok(()),
    }
}

/// The sum of values of which some are negative; `None` where none is, or where a base is among them.
pub(super) fn signed_total(p: &Profile, index: usize) -> Option<i64> {
    let values = || (0..p.samples.len()).map(|i| p.samples.values(i)[index]);
    let differs = base_label(p).is_none() && values().any(|v| v < 0);
    differs.then(|| values().fold(0, i64::wrapping_add))
}

/// 100 % of the sample type at `index` (a mean by another where asked for), and the sums of all sample types.
pub(super) fn totals(p: &Profile, index: usize, mean_by: Option<usize>) -> (i64, Vec<i64>) {
    let base = base_label(p);
    let mut all = vec![0i64; p.sample_types.len()];
    let mut of_base = all.clone();
    let (mut div, mut base_div) = (0i64, 0i64);
    let add = |sums: &mut [i64], values: &[i64]| {
        for (sum, v) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(v.wrapping_abs());
        }
    };
    for i in 0..p.samples.len() {
        let values = p.samples.values(i);
        let d = mean_by.map_or(0, |by| values[by]);
        add(&mut all, values);
        div = div.wrapping_add(d);
        if is_base(p, base, i) {
            add(&mut of_base, values);
            base_div = base_div.wrapping_add(d);
        }
    }
    if of_base[index] > 0 {
        (all, div) = (of_base, base_div);
    }
    let total = if div == 0 {
        all[index]
    } else {
        all[index].wrapping_div(div)
    };
    (total, all)
}

/// Whether sample `i` belongs to the base of a comparison.
pub(in crate::analysis) fn is_base(p: &Profile, base: Option<(StringId, StringId)>, i: usize) -> bool {
    base.is_some_and(|(key, yes)| p.samples.labels(i).iter().any(|l| l.key == key && l.text == yes))
}

pub(in crate::analysis) fn base_label(p: &Profile) -> Option<(StringId, StringId)> {
    Some((p.strings.find(BASE_LABEL)?, p.strings.find("true")?))
}
