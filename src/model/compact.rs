//! A profile without what nothing refers to.

use super::merge::{Merger, add};
use super::{LocationId, MergeError, MergeOptions, Profile, StackId};

/// The same profile with equal samples added up and without unreferenced strings, functions, locations and mappings.
/// Samples whose values are all zero stay. Locations are numbered by how many stacks have them, so that the frequent ones
/// take one or two bytes on the wire instead of three.
///
/// Takes the profile because its frames, most of its memory, are renumbered where they are.
///
/// # Errors
/// [`MergeError::TooLarge`] only.
pub fn compact(mut profile: Profile) -> Result<Profile, MergeError> {
    let options = MergeOptions {
        drop_zero: false,
        ..MergeOptions::default()
    };
    let (stacks, samples) = (
        std::mem::take(&mut profile.stacks),
        std::mem::take(&mut profile.samples),
    );
    let mut m = Merger::new(&[&profile], options)?;
    let mut map = m.begin(&profile);
    // Merging would drop equal comments.
    m.comments(&mut map);
    // How many samples a stack has, and the stacks in the order of their first sample; the same of locations.
    let mut uses = vec![0u32; stacks.len()];
    let mut order: Vec<StackId> = Vec::with_capacity(stacks.len());
    let mut frames = vec![0u32; profile.locations.len()];
    let mut locations: Vec<LocationId> = Vec::with_capacity(profile.locations.len());
    for i in 0..samples.len() {
        let stack = samples.stack(i);
        let uses = &mut uses[stack.index()];
        *uses = uses.saturating_add(1);
        if *uses > 1 {
            continue;
        }
        order.push(stack);
        for &l in stacks.get(stack) {
            let frames = &mut frames[l.index()];
            if *frames == 0 {
                locations.push(l);
            }
            *frames = frames.saturating_add(1);
        }
    }
    locations.sort_by_key(|l| std::cmp::Reverse(frames[l.index()]));
    m.reserve_tables(&profile);
    for &l in &locations {
        m.location(&mut map, l);
    }
    if m.out.locations.len() < locations.len() {
        // Locations became one, and so may stacks.
        (profile.stacks, profile.samples) = (stacks, samples);
        return add(&[&profile], options);
    }
    let mut place = vec![StackId::default(); stacks.len()];
    for (i, stack) in order.iter().enumerate() {
        place[stack.index()] = StackId::new(i);
    }
    let to = |l: LocationId| map.locations[l.index()].unwrap_or_default();
    m.out.stacks = stacks.relocated(&order, to);
    m.out.samples.reserve(samples.len(), samples.all_values().len());
    for i in 0..samples.len() {
        let stack = samples.stack(i);
        let may_exist = uses[stack.index()] > 1;
        m.sample(
            &mut map,
            place[stack.index()],
            samples.labels(i),
            samples.values(i),
            may_exist,
        );
    }
    Ok(m.out)
}
