//! Bringing profiles to the sample types that they have in common, and to one unit each.

use super::{Profile, Samples, ValueType, units};

/// Why profiles cannot be added up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// Nothing to merge.
    #[error("no profiles to merge")]
    Nothing,
    /// No sample type is in all of them.
    #[error("profiles have no sample type in common: {0} and {1}")]
    NoCommonTypes(String, String),
    /// One unit cannot be turned into the other.
    #[error("incompatible types {0} and {1}")]
    Units(String, String),
    /// The periods measure different things.
    #[error("incompatible period types {0} and {1}")]
    PeriodTypes(String, String),
    /// More rows than an id can count.
    #[error("more than 4294967295 frames in all stacks together")]
    TooLarge,
}

pub(super) fn type_text(p: &Profile, t: ValueType) -> String {
    format!("{}/{}", p.text(t.kind), p.text(t.unit))
}

/// The sample types of a profile as `kind/unit`, for messages.
pub(super) fn types_text(p: &Profile) -> String {
    p.sample_types
        .iter()
        .map(|&t| type_text(p, t))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Leaves the sample types that all `profiles` have, in the order of the first, in the finest unit of each: after this
/// their values can be compared.
///
/// # Errors
/// When they do not measure the same thing.
pub fn align(profiles: &mut [Profile]) -> Result<(), MergeError> {
    if profiles.is_empty() {
        return Err(MergeError::Nothing);
    }
    common_types(profiles)?;
    common_units(profiles)
}

fn common_types(profiles: &mut [Profile]) -> Result<(), MergeError> {
    let first = &profiles[0];
    let common: Vec<String> = first
        .sample_types
        .iter()
        .map(|t| first.text(t.kind).to_owned())
        .filter(|kind| {
            profiles
                .iter()
                .all(|p| p.sample_types.iter().any(|t| p.text(t.kind) == kind))
        })
        .collect();
    if common.is_empty() {
        let other = profiles
            .iter()
            .find(|p| {
                !p.sample_types
                    .iter()
                    .any(|t| first.sample_types.iter().any(|f| first.text(f.kind) == p.text(t.kind)))
            })
            .unwrap_or(first);
        return Err(MergeError::NoCommonTypes(types_text(first), types_text(other)));
    }
    for p in profiles {
        p.select_types(&common);
    }
    Ok(())
}

impl Profile {
    /// Keeps the sample types of these names, in this order; of several with one name, the first. A default that goes
    /// becomes the first that stays.
    pub fn select_types(&mut self, kinds: &[String]) {
        let columns: Vec<usize> = kinds
            .iter()
            .filter_map(|kind| self.sample_types.iter().position(|t| self.text(t.kind) == kind))
            .collect();
        if columns.len() == self.sample_types.len() && columns.iter().enumerate().all(|(i, &c)| i == c) {
            return;
        }
        let default = self.text(self.default_sample_type).to_owned();
        if !kinds.contains(&default) {
            self.default_sample_type = self.strings.intern(kinds.first().map_or("", String::as_str));
        }
        self.sample_types = columns.iter().map(|&c| self.sample_types[c]).collect();
        let mut samples = Samples::new(columns.len());
        let mut row = Vec::new();
        for i in 0..self.samples.len() {
            row.clear();
            row.extend(columns.iter().map(|&c| self.samples.values(i)[c]));
            samples.push(self.samples.stack(i), &row, self.samples.labels(i));
        }
        self.samples = samples;
    }

    /// The profile scaled so that the sums of each sample type become those of `base`. Both are first brought to the sample
    /// types that they have in common, and to one unit each.
    ///
    /// # Errors
    /// When they do not measure the same thing.
    pub fn normalize(&mut self, base: &mut Profile) -> Result<(), MergeError> {
        let mut both = [std::mem::take(self), std::mem::take(base)];
        let aligned = common_types(&mut both).and_then(|()| common_units(&mut both));
        [*self, *base] = both;
        aligned?;
        self.scale_to_totals(base);
        Ok(())
    }
}

/// The finest of the given units, or `None` when there is at most one.
fn finest(types: &[(String, String)]) -> Result<Option<String>, MergeError> {
    if types.len() <= 1 {
        return Ok(None);
    }
    let mut min = &types[0];
    for t in &types[1..] {
        let same_kind = min.0.strip_suffix('s').unwrap_or(&min.0) == t.0.strip_suffix('s').unwrap_or(&t.0);
        if !same_kind || !units::compatible(&min.1, &t.1) {
            return Err(MergeError::Units(
                format!("{}/{}", min.0, min.1),
                format!("{}/{}", t.0, t.1),
            ));
        }
        if units::scale(1, &t.1, &min.1).0 < 1.0 {
            min = t;
        }
    }
    Ok(Some(min.1.clone()))
}

fn common_units(profiles: &mut [Profile]) -> Result<(), MergeError> {
    let owned = |p: &Profile, t: ValueType| (p.text(t.kind).to_owned(), p.text(t.unit).to_owned());
    let periods: Vec<_> = profiles
        .iter()
        .filter_map(|p| p.period_type.map(|t| owned(p, t)))
        .collect();
    let period_unit = finest(&periods)?;
    let mut sample_units = Vec::new();
    for i in 0..profiles[0].sample_types.len() {
        let types: Vec<_> = profiles.iter().map(|p| owned(p, p.sample_types[i])).collect();
        sample_units.push(finest(&types)?);
    }
    for p in profiles {
        if let (Some(t), Some(unit)) = (p.period_type, &period_unit) {
            p.period = units::scale(p.period, p.text(t.unit), unit).0 as i64;
            p.period_type = Some(ValueType {
                kind: t.kind,
                unit: p.strings.intern(unit),
            });
        }
        let mut ratios = vec![1.0; p.sample_types.len()];
        for (i, unit) in sample_units.iter().enumerate() {
            if let Some(unit) = unit {
                ratios[i] = units::scale(1, p.text(p.sample_types[i].unit), unit).0;
                p.sample_types[i].unit = p.strings.intern(unit);
            }
        }
        p.scale(&ratios);
    }
    Ok(())
}
