//! tagroot and tagleaf: labels become frames, so that reports can be cut by pod, size or worker.
//!
//! A frame's function is the value (several joined by commas) and its file is the key; samples without the label get a
//! frame without a name, which is shown as the key.

use rustc_hash::FxHashMap;

use crate::model::{Label, LabelKind, Line, LocationId, Profile, Samples, StackId, Stacks, units};

/// Adds the frames; returns whether any sample had a label of `roots`, and of `leaves`.
pub(in crate::analysis) fn add_tag_frames(p: &mut Profile, roots: &str, leaves: &str, unit: &str) -> (bool, bool) {
    let keys = |text: &str| -> Vec<String> { text.split(',').filter(|k| !k.is_empty()).map(str::to_owned).collect() };
    let (roots, leaves) = (keys(roots), keys(leaves));
    if roots.is_empty() && leaves.is_empty() {
        return (false, false);
    }
    let mut interned: FxHashMap<(String, &str), LocationId> = FxHashMap::default();
    let all: Vec<&String> = roots.iter().chain(&leaves).collect();
    let (mut any_root, mut any_leaf) = (false, false);
    let mut stacks = Stacks::new();
    let mut ids: Vec<StackId> = Vec::with_capacity(p.samples.len());
    let mut frames = Vec::new();
    let old = std::mem::take(&mut p.stacks);
    let samples = std::mem::take(&mut p.samples);
    let next_location = p.locations.iter().map(|l| l.id).max().unwrap_or(0);
    let next_function = p.functions.iter().map(|f| f.id).max().unwrap_or(0);
    let first_location = p.locations.len();
    let first_function = p.functions.len();
    for i in 0..samples.len() {
        let labels = samples.labels(i);
        // The last key is closest to the leaf, the first one closest to the root.
        let mut locations =
            |p: &mut Profile, keys: std::ops::Range<usize>, any: &mut bool, out: &mut Vec<LocationId>| {
                for k in keys.rev() {
                    let values = values(p, labels, all[k], unit);
                    *any |= !values.is_empty();
                    let key = (values.join(","), all[k].as_str());
                    let id = *interned.entry(key).or_insert_with_key(|(name, file)| {
                        let function = p.add_function(name, "", file, 0);
                        p.add_location(
                            0,
                            None,
                            &[Line {
                                function,
                                line: 0,
                                column: 0,
                            }],
                        )
                    });
                    out.push(id);
                }
            };
        // pprof numbers the frames of roots before those of leaves.
        let mut root_frames = Vec::new();
        locations(p, 0..roots.len(), &mut any_root, &mut root_frames);
        frames.clear();
        locations(p, roots.len()..all.len(), &mut any_leaf, &mut frames);
        frames.extend_from_slice(old.get(samples.stack(i)));
        frames.extend_from_slice(&root_frames);
        ids.push(stacks.intern(&frames).unwrap_or_default());
    }
    for (n, l) in p.locations[first_location..].iter_mut().enumerate() {
        l.id = next_location + 1 + n as u64;
    }
    for (n, f) in p.functions[first_function..].iter_mut().enumerate() {
        f.id = next_function + 1 + n as u64;
    }
    let mut renamed = Samples::new(samples.types());
    renamed.reserve(samples.len(), samples.all_values().len());
    for (i, &stack) in ids.iter().enumerate() {
        renamed.push(stack, samples.values(i), samples.labels(i));
    }
    p.samples = renamed;
    p.stacks = stacks;
    (any_root, any_leaf)
}

/// The values of a key: texts first, then numbers in their unit.
fn values(p: &Profile, labels: &[Label], key: &str, unit: &str) -> Vec<String> {
    let of_key = || labels.iter().filter(|l| p.text(l.key) == key);
    let mut values: Vec<String> = of_key()
        .filter(|l| l.kind() == LabelKind::Text)
        .map(|l| p.text(l.text).to_owned())
        .collect();
    let numbers: Vec<&Label> = of_key().filter(|l| l.kind() == LabelKind::Number).collect();
    let with_units = numbers.iter().any(|l| !l.unit.is_empty());
    for l in numbers {
        values.push(if with_units {
            units::label(l.number, p.text(l.unit), unit)
        } else {
            units::label(l.number, "", "")
        });
    }
    values
}
