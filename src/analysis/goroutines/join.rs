//! Two forms of one goroutine snapshot as one profile: what a dump knows goes to the equal stacks of a profile, or the
//! profile's pprof labels to the equal stacks of a dump.
//!
//! Goroutines with equal functions and lines cannot be told apart, and both forms are taken one after the other. So states
//! and waits are handed on only where a stack stands as often in both; creators and owners where all goroutines of the
//! dump with that stack agree. What is not handed on stays unknown.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::analysis::scope;
use crate::analysis::view::subsystems::Lens;
use crate::kubelet::{
    CountedStack, DumpStack, Evidence, FrameKey, FrameKeys, Joined, Knowledge, OwnerRule, SubsystemId, join,
};
use crate::model::{FunctionId, Label, Profile, Samples, StackId, StringId, goroutine_label};

/// How many goroutines of a profile were found again in a dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JoinedForms {
    /// Their stack stands as often in the dump.
    pub same_count: i64,
    /// Their stack stands in the dump, not as often.
    pub other_count: i64,
    /// Their stack is not in the dump.
    pub missing: i64,
}

/// Stacks of one form as keys that both forms share.
struct Keyed {
    /// Per sample.
    frames: Vec<Vec<FrameKey>>,
    /// Per sample, how many keys are inside of what the dump left out.
    gaps: Vec<Option<usize>>,
    /// Samples with these keys; those with a gap are left out.
    by_frames: FxHashMap<Vec<FrameKey>, Vec<usize>>,
    /// Per sample, the lines of the keys.
    lines: Vec<Vec<i64>>,
}

impl Keyed {
    fn of(p: &Profile, keys: &mut FrameKeys) -> Self {
        let of_function: Vec<Option<FrameKey>> = (0..p.functions.len())
            .map(|f| keys.key(p.function_name(FunctionId::new(f))))
            .collect();
        let elided = p.strings.find(goroutine_label::ELIDED);
        let mut keyed = Self {
            frames: Vec::new(),
            gaps: Vec::new(),
            by_frames: FxHashMap::default(),
            lines: Vec::new(),
        };
        for i in 0..p.samples.len() {
            let (frames, lines, gap) = stack(p, p.samples.stack(i), &of_function, elided);
            keyed.lines.push(lines);
            if gap.is_none() {
                keyed.by_frames.entry(frames.clone()).or_default().push(i);
            }
            keyed.frames.push(frames);
            keyed.gaps.push(gap);
        }
        keyed
    }

    fn alike(&self, frames: &[FrameKey]) -> &[usize] {
        self.by_frames.get(frames).map_or(&[], Vec::as_slice)
    }
}

fn stack(
    p: &Profile,
    stack: StackId,
    keys: &[Option<FrameKey>],
    elided: Option<StringId>,
) -> (Vec<FrameKey>, Vec<i64>, Option<usize>) {
    let (mut frames, mut lines) = (Vec::new(), Vec::new());
    let mut gap = None;
    for line in p.stack(stack).iter().flat_map(|&l| p.lines_of(l)) {
        if Some(p.function(line.function).name) == elided {
            gap = Some(frames.len());
        }
        if let Some(key) = keys[line.function.index()] {
            frames.push(key);
            lines.push(line.line);
        }
    }
    (frames, lines, gap)
}

/// Gives the samples of `profile` what `dump`, a profile made of a goroutine dump, knows of goroutines with their stacks.
/// Totals stay.
pub fn describe_by_dump(profile: &mut Profile, dump: &mut Profile, knowledge: &Arc<Knowledge>) -> JoinedForms {
    let lens = Lens::new(dump, knowledge.clone());
    let mut keys = FrameKeys::new();
    let (of_dump, of_profile) = (Keyed::of(dump, &mut keys), Keyed::of(profile, &mut keys));
    let mut dump_stacks = Vec::new();
    for (i, attribution) in scope::attributions(dump, &lens).into_iter().enumerate() {
        let one = DumpStack {
            frames: of_dump.frames[i].clone(),
            gap: of_dump.gaps[i],
            attribution,
        };
        let count = usize::try_from(dump.samples.values(i)[0]).unwrap_or(0);
        dump_stacks.extend(std::iter::repeat_n(one, count));
    }
    let value = |p: &Profile, i: usize| p.samples.values(i).first().copied().unwrap_or(0);
    let counted: Vec<CountedStack> = (of_profile.frames.iter().enumerate())
        .map(|(i, frames)| CountedStack {
            frames: frames.clone(),
            count: u64::try_from(value(profile, i)).unwrap_or(0),
        })
        .collect();
    let mut joined = JoinedForms::default();
    let mut samples = Samples::new(profile.samples.types());
    for (i, found) in join(&dump_stacks, &counted).into_iter().enumerate() {
        let slot = match found.evidence {
            Evidence::SameCount => &mut joined.same_count,
            Evidence::OtherCount { .. } => &mut joined.other_count,
            Evidence::Missing => &mut joined.missing,
        };
        *slot = slot.saturating_add(value(profile, i));
        let frames = &of_profile.frames[i];
        let alike = of_dump.alike(frames);
        let (at, labels) = (profile.samples.stack(i), profile.samples.labels(i).to_vec());
        let equal = |keyed: &Keyed, of: &[usize]| -> Vec<usize> {
            of.iter()
                .copied()
                .filter(|&s| keyed.lines[s] == of_profile.lines[i])
                .collect()
        };
        // With lines, the goroutines of the profile stand against as many of the dump.
        let in_profile = equal(&of_profile, of_profile.alike(frames));
        let in_dump = equal(&of_dump, alike);
        let sum = |p: &Profile, of: &[usize]| of.iter().map(|&s| value(p, s)).fold(0, i64::saturating_add);
        let as_many = sum(dump, &in_dump) == sum(profile, &in_profile);
        let alike_in_all =
            |&s: &usize| profile.samples.labels(s) == labels && functions(profile, s) == functions(profile, i);
        // A stack with frames left out is not among those that are alike.
        let whole = of_profile.gaps[i].is_none();
        if whole && profile.samples.types() == 1 && as_many && in_profile.iter().all(alike_in_all) {
            if in_profile.first() != Some(&i) {
                continue;
            }
            for d in in_dump {
                let mut all = labels.clone();
                all.extend(facts(dump, d).map(|l| moved(l, dump, profile)));
                samples.push(at, &[value(dump, d)], &all);
            }
            continue;
        }
        let mut all = labels;
        all.extend(agreed(dump, alike).iter().map(|l| moved(l, dump, profile)));
        if let Some(owner) = handed_on(&found, dump, alike) {
            let (key, text) = (goroutine_label::PARENT_OWNER, knowledge.key(owner));
            all.push(Label::text(profile.strings.intern(key), profile.strings.intern(text)));
        }
        samples.push(at, profile.samples.values(i), &all);
    }
    profile.samples = samples;
    joined
}

/// All functions of a sample, the runtime's as well. Addresses on one line are of no interest.
fn functions(p: &Profile, sample: usize) -> Vec<FunctionId> {
    let stack = p.stack(p.samples.stack(sample)).iter();
    stack.flat_map(|&l| p.lines_of(l)).map(|line| line.function).collect()
}

/// The owner that creators and parents gave to all goroutines of the dump with a stack, where no single creator says it.
fn handed_on(found: &Joined, dump: &Profile, alike: &[usize]) -> Option<SubsystemId> {
    let agreed_on_creator = agreed(dump, alike)
        .iter()
        .any(|l| dump.text(l.key) == goroutine_label::CREATED_BY);
    let a = found.agreed()?;
    match a.how {
        OwnerRule::ParentGoroutine => a.owner,
        OwnerRule::CreatedBy if !agreed_on_creator => a.owner,
        _ => None,
    }
}

/// The labels of a dump's sample that only dumps have.
fn facts(dump: &Profile, sample: usize) -> impl Iterator<Item = &Label> {
    let labels = dump.samples.labels(sample).iter();
    labels.filter(|l| goroutine_label::ALL.contains(&dump.text(l.key)))
}

/// Creator and its place, where all these samples of the dump have the same.
fn agreed(dump: &Profile, samples: &[usize]) -> Vec<Label> {
    let Some((&first, rest)) = samples.split_first() else {
        return Vec::new();
    };
    let keys = [goroutine_label::CREATED_BY, goroutine_label::CREATED_AT];
    facts(dump, first)
        .filter(|l| keys.contains(&dump.text(l.key)))
        .filter(|l| rest.iter().all(|&d| facts(dump, d).any(|other| other == *l)))
        .copied()
        .collect()
}

/// Gives the samples of `dump` the pprof labels of `profile`, where all its samples with that stack have the same.
pub fn label_by_profile(dump: &mut Profile, profile: &Profile) {
    let mut keys = FrameKeys::new();
    let (of_dump, of_profile) = (Keyed::of(dump, &mut keys), Keyed::of(profile, &mut keys));
    let mut samples = Samples::new(dump.samples.types());
    for i in 0..dump.samples.len() {
        let own = dump.samples.labels(i).to_vec();
        let mut all = Vec::new();
        let is_fact = |l: &Label| goroutine_label::ALL.contains(&dump.text(l.key));
        if own.iter().all(is_fact)
            && of_dump.gaps[i].is_none()
            && let Some((&first, rest)) = of_profile.alike(&of_dump.frames[i]).split_first()
        {
            let labels = profile.samples.labels(first);
            if rest.iter().all(|&r| profile.samples.labels(r) == labels) {
                all.extend(labels.iter().map(|l| moved(l, profile, dump)));
            }
        }
        all.extend(own);
        samples.push(dump.samples.stack(i), dump.samples.values(i), &all);
    }
    dump.samples = samples;
}

/// The same label in another profile.
fn moved(label: &Label, from: &Profile, to: &mut Profile) -> Label {
    let mut text = |id| to.strings.intern(from.text(id));
    Label {
        key: text(label.key),
        text: text(label.text),
        unit: text(label.unit),
        ..*label
    }
}
