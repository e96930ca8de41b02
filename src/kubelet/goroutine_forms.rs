//! What the forms of one goroutine snapshot say about each other.
//!
//! A dump (`debug=2`) has one entry per goroutine with who created it; a profile (`debug=0`, `debug=1`) has counted
//! stacks and pprof labels, but not the creator. Sixty volume statistics loops look like nothing but `wait.Until` in the
//! profile, while each entry of the dump names the volume statistics as its creator. So the dump's owners are handed
//! on, within the dump from parent to child ([`adopt`]) and from the dump to the profile's equal stacks ([`join`]).
//!
//! Both forms are taken one after the other from a living process: stacks move and counts differ. [`Evidence`] says how
//! well a stack of the profile was found again.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::attribution::{Attribution, OwnerRule};
use super::names::GoName;

/// A function as both forms can spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameKey(pub u32);

/// Gives the functions of both forms common keys.
#[derive(Debug, Clone, Default)]
pub struct FrameKeys {
    by_name: FxHashMap<String, u32>,
}

impl FrameKeys {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Key of a function; `None` for those that a dump leaves out: the runtime's own and those without a package.
    /// Callers ask once per function, not once per frame.
    pub fn key(&mut self, function: &str) -> Option<FrameKey> {
        let name = GoName::parse(function);
        if name.package().is_empty() || is_hidden(&name) {
            return None;
        }
        let next = u32::try_from(self.by_name.len()).unwrap_or(u32::MAX);
        Some(FrameKey(
            *self.by_name.entry(name.elided().into_owned()).or_insert(next),
        ))
    }
}

/// A dump shows the runtime's exported functions only.
fn is_hidden(name: &GoName<'_>) -> bool {
    name.package() == "runtime" && !name.symbol().starts_with(|c: char| c.is_ascii_uppercase())
}

/// Goroutine of a dump: its number and its creator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// `goroutine N`.
    pub id: u64,
    /// `in goroutine N` of its `created by` line; absent before Go 1.21 and for the first goroutine.
    pub parent: Option<u64>,
}

/// Hands owners on within a dump: a goroutine of which neither stack nor creator is a part of the kubelet gets the owner
/// of the goroutine that created it, if that one is in the dump and has one; over several generations if need be. A
/// parent's stack says what it does now, not what it did when it created the child: an owner inside of start-up code is
/// not handed on ([`Attribution::below_start`]).
///
/// `attributions[i]` is what [`super::attribute`] said of `goroutines[i]`; the shorter of both slices decides.
pub fn adopt(goroutines: &[Started], attributions: &mut [Attribution]) {
    let known = goroutines.len().min(attributions.len());
    let index_of: FxHashMap<u64, usize> = goroutines[..known].iter().enumerate().map(|(i, g)| (g.id, i)).collect();
    let mut settled: Vec<bool> = attributions[..known].iter().map(|a| a.how.is_kubelet()).collect();
    let mut line: Vec<usize> = Vec::new();
    for start in 0..known {
        let mut at = start;
        line.clear();
        let mut owner = None;
        loop {
            if settled[at] {
                let a = &attributions[at];
                owner = a.owner.filter(|_| a.how.is_kubelet() && !a.below_start);
                break;
            }
            // Settled before it is decided, so that a circle of parents ends.
            settled[at] = true;
            line.push(at);
            match goroutines[at].parent.and_then(|id| index_of.get(&id)) {
                Some(&parent) => at = parent,
                None => break,
            }
        }
        let Some(owner) = owner else { continue };
        for &child in &line {
            let a = &mut attributions[child];
            *a = Attribution {
                owner: Some(owner),
                how: OwnerRule::ParentGoroutine,
                owner_frame: None,
                ..*a
            };
        }
    }
}

/// Stack of one goroutine of a dump.
#[derive(Debug, Clone)]
pub struct DumpStack {
    /// Leaf first, without the frames that have no key.
    pub frames: Vec<FrameKey>,
    /// Where the dump left frames out (`...N frames elided...`): how many of `frames` are inside of the gap.
    pub gap: Option<usize>,
    /// Its owner, after [`adopt`].
    pub attribution: Attribution,
}

/// Stack of the profile with its count.
#[derive(Debug, Clone)]
pub struct CountedStack {
    /// Leaf first, without the frames that have no key.
    pub frames: Vec<FrameKey>,
    /// Number of goroutines.
    pub count: u64,
}

/// How well a stack of the profile was found again in the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Evidence {
    /// The same stack as often, over all lines of the profile with this stack.
    SameCount,
    /// The same stack, but not as often: some goroutines came, went or moved between the two.
    OtherCount {
        /// How often the dump has it.
        dump: u64,
        /// How often the profile has it, over all its lines.
        profile: u64,
    },
    /// Not in the dump.
    Missing,
}

/// What the dump knows about a stack of the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// How well it was found.
    pub evidence: Evidence,
    /// Distinct attributions of the dump's goroutines with this stack and how many have each, most first. `owner_frame`
    /// counts the dump's frames, without those the dump leaves out.
    pub owners: Vec<(Attribution, u64)>,
}

impl Joined {
    /// The attribution to use for the profile's stack: that of the dump if all its goroutines with this stack agree on
    /// the owner, else none.
    pub fn agreed(&self) -> Option<Attribution> {
        let (first, _) = self.owners.first()?;
        self.owners
            .iter()
            .all(|(a, _)| a.owner == first.owner)
            .then_some(*first)
    }
}

/// Finds each stack of a profile again in a dump. One answer per element of `profile`, in its order.
pub fn join(dump: &[DumpStack], profile: &[CountedStack]) -> Vec<Joined> {
    let mut total: FxHashMap<&[FrameKey], u64> = FxHashMap::default();
    for stack in profile {
        *total.entry(&stack.frames).or_default() += stack.count;
    }
    let mut found: FxHashMap<&[FrameKey], Vec<(Attribution, u64)>> = FxHashMap::default();
    let mut gapped: FxHashMap<(&[FrameKey], usize), Option<&[FrameKey]>> = FxHashMap::default();
    for stack in dump {
        let full = match stack.gap {
            None => total.get_key_value(stack.frames.as_slice()).map(|(frames, _)| *frames),
            Some(gap) => *gapped
                .entry((&stack.frames, gap))
                .or_insert_with(|| only_fitting(stack, gap, &total)),
        };
        let Some(full) = full else { continue };
        let owners = match found.entry(full) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Vec::new()),
        };
        match owners.iter_mut().find(|(a, _)| *a == stack.attribution) {
            Some((_, count)) => *count += 1,
            None => owners.push((stack.attribution, 1)),
        }
    }
    for owners in found.values_mut() {
        owners.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.owner.cmp(&b.0.owner)));
    }
    let answer = |stack: &CountedStack| {
        let Some(owners) = found.get(stack.frames.as_slice()) else {
            return Joined {
                evidence: Evidence::Missing,
                owners: Vec::new(),
            };
        };
        let dump = owners.iter().map(|(_, count)| count).sum();
        let profile = total.get(stack.frames.as_slice()).copied().unwrap_or(0);
        let evidence = if dump == profile {
            Evidence::SameCount
        } else {
            Evidence::OtherCount { dump, profile }
        };
        Joined {
            evidence,
            owners: owners.clone(),
        }
    };
    profile.iter().map(answer).collect()
}

/// The only stack of the profile that has both ends of a stack in which the dump left frames out.
fn only_fitting<'p>(stack: &DumpStack, gap: usize, profile: &FxHashMap<&'p [FrameKey], u64>) -> Option<&'p [FrameKey]> {
    let (inner, outer) = stack.frames.split_at_checked(gap)?;
    let longer = profile.keys().filter(|frames| frames.len() > stack.frames.len());
    let mut fitting = longer.filter(|frames| frames.starts_with(inner) && frames.ends_with(outer));
    let only = fitting.next()?;
    fitting.next().is_none().then_some(*only)
}
