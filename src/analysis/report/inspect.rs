//! `inspect`: what a profile holds, how much of it has names, and how much of it the kubelet table knows.

use rustc_hash::FxHashMap;

use crate::analysis::view::subsystems::Lens;
use crate::analysis::{View, scope};
use crate::kubelet::OwnerRule;
use crate::model::{LocationId, Profile, StackId};

/// Sum of one sample type.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeSum {
    /// Kind, for instance `inuse_space`.
    pub kind: String,
    /// Unit.
    pub unit: String,
    /// Whether reports show it unless asked otherwise.
    pub default: bool,
    /// Sum over all samples.
    pub total: i64,
}

/// A mapped file.
#[derive(Clone, Debug, PartialEq)]
pub struct MappedFile {
    /// Path.
    pub file: String,
    /// Build ID.
    pub build_id: String,
    /// First address.
    pub start: u64,
    /// One past the last address.
    pub limit: u64,
    /// Locations in it.
    pub locations: usize,
}

/// How much the table of subsystems says about a profile, by value of the sample type looked at.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Attributed {
    /// Sum of the absolute values of all samples.
    pub total: i64,
    /// Of it, with an owner or a library.
    pub known: i64,
    /// Of it, by how the owner was found.
    pub by_rule: Vec<(&'static str, i64)>,
    /// The functions at which the unknown samples stopped being known, largest first.
    pub unknown: Vec<(String, i64)>,
}

/// The answer to `inspect`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Census {
    /// Sample types in order.
    pub types: Vec<TypeSum>,
    /// Samples.
    pub samples: usize,
    /// Distinct stacks.
    pub stacks: usize,
    /// Frames of the longest stack.
    pub deepest: usize,
    /// Locations.
    pub locations: usize,
    /// Locations without any name.
    pub unnamed: usize,
    /// Locations with inlined frames.
    pub inlined: usize,
    /// Functions.
    pub functions: usize,
    /// Mapped files.
    pub mappings: Vec<MappedFile>,
    /// Label keys and the number of samples that have them.
    pub labels: Vec<(String, usize)>,
    /// What the table of subsystems knows.
    pub attributed: Attributed,
}

/// Counts what a view holds.
pub fn census(view: &View) -> Census {
    let p = &view.profile;
    let totals = p.totals();
    let mut labels: FxHashMap<&str, usize> = FxHashMap::default();
    let mut keys = Vec::new();
    for i in 0..p.samples.len() {
        keys.clear();
        keys.extend(p.samples.labels(i).iter().map(|l| l.key));
        keys.sort_unstable();
        keys.dedup();
        for &key in &keys {
            *labels.entry(p.text(key)).or_default() += 1;
        }
    }
    let mut labels: Vec<(String, usize)> = labels.into_iter().map(|(k, n)| (k.to_owned(), n)).collect();
    labels.sort();
    Census {
        types: p
            .sample_types
            .iter()
            .enumerate()
            .map(|(i, t)| TypeSum {
                kind: p.text(t.kind).to_owned(),
                unit: p.text(t.unit).to_owned(),
                default: i == view.index,
                total: totals[i],
            })
            .collect(),
        samples: p.samples.len(),
        stacks: p.stacks.len(),
        deepest: p.stacks.iter().map(|(_, s)| s.len()).max().unwrap_or(0),
        locations: p.locations.len(),
        unnamed: (0..p.locations.len())
            .filter(|&l| is_nameless(p, LocationId::new(l)))
            .count(),
        inlined: p.locations.iter().filter(|l| l.line_count > 1).count(),
        functions: p.functions.len(),
        mappings: mappings(p),
        labels,
        attributed: view
            .lens
            .as_ref()
            .map(|lens| attributed(view, lens))
            .unwrap_or_default(),
    }
}

/// Whether nothing names an address: no line, or lines of functions without a name.
pub(in crate::analysis) fn is_nameless(p: &Profile, l: LocationId) -> bool {
    (p.lines_of(l).iter()).all(|line| p.function_name(line.function).is_empty())
}

fn mappings(p: &Profile) -> Vec<MappedFile> {
    let mut counts = vec![0; p.mappings.len()];
    for l in &p.locations {
        if let Some(m) = l.mapping {
            counts[m.index()] += 1;
        }
    }
    p.mappings
        .iter()
        .zip(counts)
        .map(|(m, locations)| MappedFile {
            file: p.text(m.file).to_owned(),
            build_id: p.text(m.build_id).to_owned(),
            start: m.start,
            limit: m.limit,
            locations,
        })
        .collect()
}

fn attributed(view: &View, lens: &Lens) -> Attributed {
    let p = &view.profile;
    let mut a = Attributed::default();
    let mut by_rule: FxHashMap<OwnerRule, i64> = FxHashMap::default();
    let mut unknown: FxHashMap<String, i64> = FxHashMap::default();
    for (i, found) in scope::attributions(p, lens).into_iter().enumerate() {
        let value = view.value(i).wrapping_abs();
        if value == 0 {
            continue;
        }
        a.total = a.total.wrapping_add(value);
        let slot = by_rule.entry(found.how).or_default();
        *slot = slot.wrapping_add(value);
        if found.owner.is_some() {
            a.known = a.known.wrapping_add(value);
        } else {
            let name = unknown_frame(p, lens, p.samples.stack(i));
            let slot = unknown.entry(name).or_default();
            *slot = slot.wrapping_add(value);
        }
    }
    let mut by_rule: Vec<(OwnerRule, i64)> = by_rule.into_iter().collect();
    by_rule.sort();
    a.by_rule = by_rule.into_iter().map(|(rule, v)| (rule.as_str(), v)).collect();
    a.unknown = unknown.into_iter().collect();
    a.unknown.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    a
}

/// The outermost frame of which the table says nothing.
fn unknown_frame(p: &Profile, lens: &Lens, stack: StackId) -> String {
    let frames = p.stack(stack).iter().rev();
    let unknown = frames
        .flat_map(|&l: &LocationId| p.lines_of(l).iter().rev())
        .find(|line| {
            lens.function(line.function)
                .is_none_or(|place| place.class.known.is_none())
        });
    unknown.map_or_else(
        || "(addresses without a name)".to_owned(),
        |line| match p.function_name(line.function) {
            "" => "(addresses without a name)".to_owned(),
            name => name.to_owned(),
        },
    )
}
