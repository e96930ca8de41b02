//! Goroutines that come and do not leave: more in one part than this node can need, growth over the moments of a process,
//! groups in lock-step, waits of every age, and what Go's own leak detection names.
//!
//! Counts of goroutines are exact, so nothing but load and chance of the moment speaks against a rise. What waits for a
//! barrier is `stuck`'s business and not counted here.

mod attend;
mod rise;
mod word;

use rustc_hash::FxHashMap;

use super::book::NameId;
use super::crowd::{Crowd, Group, StackKey, Wait};
use super::expect::Expectations;
use super::judge::Scale;
use super::observe::{Observed, Seen};
use super::place::{Place, place};
use super::report::{Confidence, Dropped, Finding, Load, Weighed, Why};
use crate::kubelet::{Role, SubsystemId};
use attend::Attended;
use rise::Chance;

/// A rise by fewer goroutines is life.
const LEAST: u64 = 10;
/// A rise that chance gives more often than this is none.
const LEVEL: f64 = 0.05;
/// A likely leak is wrong at most this often.
const SURE: f64 = 1e-3;
/// Groups of fewer are not compared with each other.
const LEAST_TOGETHER: u64 = 12;
/// A process younger than this is still starting its pods.
const STARTING: f64 = 150.0;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Piles {
    pub(super) findings: Vec<Finding>,
    pub(super) weighed: Vec<Weighed>,
    /// Parts whose number was compared with what the node needs.
    pub(super) compared: usize,
    /// Groups that were followed over the moments.
    pub(super) followed: usize,
}

/// Goroutines that are compared with what the node needs: those of a part of the kubelet, and below one function of a library
/// or of what the table does not have.
type Unit = (Option<SubsystemId>, Option<NameId>);

/// Goroutines that are one kind: of which unit, in which stack, by whom started.
type Family = (Unit, StackKey, Option<NameId>);

/// Counts of one part or family over the moments.
#[derive(Default)]
struct Counts {
    values: Vec<u64>,
}

impl Counts {
    fn add(&mut self, moment: usize, moments: usize, count: u64) {
        self.values.resize(moments, 0);
        self.values[moment] += count;
    }

    fn first(&self) -> u64 {
        self.values[0]
    }

    fn last(&self) -> u64 {
        self.values[self.values.len() - 1]
    }
}

/// Piles in the moments of one process.
pub(super) fn piles(seen: &Observed, moments: &[usize], expected: &Expectations) -> Piles {
    let with: Vec<&Seen> = (moments.iter().map(|&m| &seen.moments[m]))
        .filter(|m| m.crowd.is_some())
        .collect();
    // Only dumps know who started a goroutine, so parts of dumps and of profiles do not compare.
    let dumps = with
        .iter()
        .filter(|m| m.crowd.as_ref().is_some_and(|c| c.knows_waits))
        .count();
    let by_dumps = dumps * 2 >= with.len();
    let with: Vec<&Seen> = (with.into_iter())
        .filter(|m| m.crowd.as_ref().is_some_and(|c| c.knows_waits == by_dumps))
        .collect();
    let Some(last) = with.last() else {
        return Piles::default();
    };
    let Some(crowd) = &last.crowd else {
        return Piles::default();
    };
    let mut parts: FxHashMap<Unit, Counts> = FxHashMap::default();
    let mut families: FxHashMap<Family, Counts> = FxHashMap::default();
    for (i, m) in with.iter().enumerate() {
        for g in m.crowd.iter().flat_map(|c| &c.groups) {
            let unit = unit_of(seen, g);
            if seen.is_foreign(unit.0) {
                continue;
            }
            parts.entry(unit).or_default().add(i, with.len(), g.count);
            let family = (unit, g.stack, g.creator);
            families.entry(family).or_default().add(i, with.len(), g.count);
        }
    }
    for c in parts.values_mut().chain(families.values_mut()) {
        c.values.resize(with.len(), 0);
    }
    let scene = Scene {
        seen,
        with: &with,
        crowd,
        expected,
        families: &families,
        load: load_of(&with),
        attended: Attended::of(seen, crowd, load_of(&with).pods),
        chances: rise::chances(seen, &with, &parts),
    };
    let mut piles = Piles {
        compared: parts.len(),
        followed: if with.len() >= 3 { families.len() } else { 0 },
        ..Piles::default()
    };
    let mut order: Vec<_> = parts.into_iter().collect();
    order.sort_by_key(|(part, c)| (std::cmp::Reverse(c.last()), *part));
    for (part, counts) in order {
        match scene.judge(part, &counts) {
            Ok(finding) => piles.findings.push(finding),
            Err(Some(dropped)) => piles.weighed.push(scene.weighed(part.0, &counts, dropped)),
            Err(None) => {}
        }
    }
    piles
}

/// The load at the last moment that knows it.
fn load_of(with: &[&Seen]) -> Load {
    with.iter()
        .rev()
        .map(|m| m.load)
        .find(|l| l.pods.is_some())
        .unwrap_or_default()
}

/// The part that a group counts for: its owner, and where that is a wrapper or Go itself, who started it.
fn part_of(seen: &Observed, g: &Group) -> Option<SubsystemId> {
    let owner = g.attribution.owner;
    let role = owner.and_then(|id| seen.book.knowledge.get(id)).map(|s| s.role);
    match role {
        Some(Role::Wrapper | Role::Runtime | Role::Plain | Role::Start) => {
            let of_creator = g.creator.and_then(|c| seen.book.get(c).class.known);
            match of_creator {
                Some((id, Role::Owner | Role::Library | Role::Boundary)) => Some(id),
                _ => owner,
            }
        }
        _ => owner,
    }
}

/// The unit that a group counts for.
fn unit_of(seen: &Observed, g: &Group) -> Unit {
    let part = part_of(seen, g);
    let role = part.and_then(|id| seen.book.knowledge.get(id)).map(|s| s.role);
    if role == Some(Role::Owner) {
        return (part, None);
    }
    let frames = seen.stacks.get(g.stack);
    let of_part = frames
        .iter()
        .rev()
        .find(|&&f| part.is_some() && seen.book.get(f).class.subsystem() == part);
    let telling = |f: &&NameId| {
        !matches!(
            seen.book.get(**f).class.role(),
            Some(Role::Runtime | Role::Plain | Role::Wrapper)
        )
    };
    let function = of_part.or_else(|| frames.iter().rev().find(telling)).copied();
    (part, function.or(g.creator).or(frames.first().copied()))
}

struct Scene<'a> {
    seen: &'a Observed,
    with: &'a [&'a Seen],
    crowd: &'a Crowd,
    expected: &'a Expectations,
    families: &'a FxHashMap<Family, Counts>,
    load: Load,
    attended: Attended,
    chances: FxHashMap<Unit, Chance>,
}

impl Scene<'_> {
    fn judge(&self, unit: Unit, counts: &Counts) -> Result<Finding, Option<Dropped>> {
        let mut scale = Scale::default();
        let part = unit.0;
        let usual = self.usual(unit);
        let crowded = self.proportion(counts.last(), usual, &mut scale);
        // The family that rose most, or the largest.
        let mut own: Vec<(&Family, &Counts)> = self.families.iter().filter(|(f, _)| f.0 == unit).collect();
        own.sort_by_key(|(f, c)| {
            let rise = c.last().saturating_sub(c.first());
            (
                std::cmp::Reverse(if self.with.len() >= 3 {
                    (rise, c.last())
                } else {
                    (c.last(), 0)
                }),
                **f,
            )
        });
        let Some(&(family, of_family)) = own.first() else {
            return Err(None);
        };
        let growth = self.growth(unit, counts, of_family, crowded, &mut scale);
        if !crowded && growth.is_err() {
            return Err(growth.err().flatten());
        }
        let grows = growth.is_ok();
        let together = self.together(of_family, grows);
        if together >= 2 {
            let why = if grows { Why::LockStep } else { Why::SameNumber };
            scale.add(if together >= 3 { 1.2 } else { 0.8 }, why(together));
        }
        // They may wait in several ways; the most of them are shown.
        let groups = self.crowd.groups.iter();
        let group = groups
            .filter(|g| (unit_of(self.seen, g), g.stack, g.creator) == *family)
            .max_by_key(|g| g.count);
        if let Some(g) = group
            && crowded | grows
            && let Some((from, to)) = g.span()
            && to >= 10
            && from * 3 <= to
            && g.waits.len() >= 4
        {
            scale.add(0.6, Why::AgesSpread { from, to });
        }
        if let Some(n) = self
            .attended
            .watches_of(self.seen, part, counts.last())
            .filter(|_| crowded && !grows)
        {
            scale.note(Why::WatchedObjects(n));
            scale.at_most(Confidence::Suspect);
        }
        let leaked: u64 = self.leaked(unit);
        if leaked > 0 {
            scale.add(if leaked >= 10 { 3.0 } else { 2.0 }, Why::GoroutineLeak(leaked));
        }
        let Some(confidence) = scale.confidence() else {
            return Err(if grows { Some(Dropped::Small) } else { None });
        };
        let shown = group.map_or_else(String::new, |g| self.function(part, g));
        Ok(self.word(
            part, counts, of_family, usual, together, confidence, scale, &shown, group, grows,
        ))
    }

    /// How many goroutines a unit has at most on this node.
    fn usual(&self, unit: Unit) -> u64 {
        self.usual_alone(unit) + self.attended.attendants(self.seen, unit.0)
    }

    /// The same without those that attend others.
    fn usual_alone(&self, unit: Unit) -> u64 {
        // Nothing is known of what is not in the table: a node of this size has few of anything.
        let unknown = 20.0 + 0.2 * self.load.pods.unwrap_or(110.0);
        let load = Load {
            pods: self.load.pods.or(Some(110.0)),
            ..self.load
        };
        let most = match unit {
            (part, None) => self.expected.most(part, &load, &self.seen.book),
            (_, Some(function)) => self.expected.crowd(self.seen.book.key(function), &load),
        };
        most.unwrap_or(unknown).ceil() as u64
    }

    fn proportion(&self, count: u64, usual: u64, scale: &mut Scale) -> bool {
        if count < usual + LEAST {
            return false;
        }
        let ratio = count as f64 / usual.max(1) as f64;
        // Twice is worth a look, three times is hard to explain.
        let weight = (4.2 * ratio.log10()).min(4.0);
        if weight < 0.5 {
            return false;
        }
        scale.add(weight, Why::OutOfProportion { count, usual });
        weight >= 1.0
    }

    /// Whether a part rises over the moments, and is not explained otherwise.
    fn growth(
        &self,
        unit: Unit,
        counts: &Counts,
        of_family: &Counts,
        crowded: bool,
        scale: &mut Scale,
    ) -> Result<(), Option<Dropped>> {
        let n = self.with.len();
        if n < 3 {
            return Err(None);
        }
        let (first, last) = (counts.first(), counts.last());
        let highest = counts.values.iter().copied().max().unwrap_or(0);
        let rise = last.saturating_sub(first);
        if highest.saturating_sub(first) < LEAST {
            return Err(None);
        }
        if rise < LEAST || (highest - last) * 2 > highest - first {
            return Err(Some(Dropped::WentAway));
        }
        if of_family.last() < of_family.first() + LEAST {
            return Err(Some(Dropped::Small));
        }
        if self.waits_elsewhere(unit) {
            return Err(Some(Dropped::Usual));
        }
        if self.load_explains(unit, counts) {
            return Err(Some(Dropped::Load));
        }
        let steps: Vec<u64> = counts.values.windows(2).map(|w| w[1].saturating_sub(w[0])).collect();
        let largest = steps.iter().copied().max().unwrap_or(0);
        let age = self.with[0]
            .seconds()
            .zip(self.with[0].process.started)
            .map(|(t, s)| t - s);
        if age.is_some_and(|a| a < STARTING) && largest * 2 > rise {
            return Err(Some(Dropped::WarmUp));
        }
        if n >= 4 && largest * 10 >= rise * 8 && steps.last() != Some(&largest) {
            let at = steps.iter().position(|&s| s == largest).map_or(0, |i| i + 1);
            return Err(Some(Dropped::Step(self.with[at].at)));
        }
        let tail = &counts.values[n - n.div_ceil(4) - 1..];
        if n >= 4 && tail[tail.len() - 1] <= tail[0] {
            return Err(Some(Dropped::Saturated));
        }
        let chance = self.chances.get(&unit).copied().unwrap_or(Chance::NONE);
        if chance.rise > LEVEL {
            return Err(Some(Dropped::Noise { more: None }));
        }
        // What is out of proportion by itself needs no sure rise.
        if chance.rise > SURE && !crowded {
            scale.at_most(Confidence::Suspect);
        }
        let relative = rise as f64 / (first.max(10)) as f64;
        let mut weight = (-chance.trend.log10()).min(2.0);
        // Twofold and more is no fluctuation.
        weight += (relative.max(0.1).log10() * 0.8).clamp(-0.8, 1.2);
        if rise >= 50 {
            weight += 0.4;
        }
        if weight <= 0.0 {
            return Err(Some(Dropped::Small));
        }
        let q = chance.trend.max(chance.rise);
        scale.add(weight, Why::Trend { q, moments: n });
        if n >= 4 {
            scale.add(0.3, Why::StillClimbing);
        }
        if self.with.iter().all(|m| m.load.pods.is_some()) {
            scale.add(0.2, Why::LoadFlat);
        }
        if n < 4 {
            scale.against(0.3, Why::FewMoments(n));
        }
        Ok(())
    }

    /// Most of the part's goroutines wait for somebody else: they are victims, not leaked.
    fn waits_elsewhere(&self, unit: Unit) -> bool {
        let (mut away, mut all) = (0, 0);
        for g in self.crowd.groups.iter().filter(|g| unit_of(self.seen, g) == unit) {
            all += g.count;
            let at = place(g, &self.seen.stacks, &self.seen.book);
            let waits = self.expected.waits_for(g, &self.seen.stacks, &self.seen.book).is_some();
            if waits || matches!(at, Place::Call { .. } | Place::Lock { .. }) && g.wait != Wait::Network {
                away += g.count;
            }
        }
        let single = self.expected.is_single(unit.0, &self.seen.book);
        away * 2 > all && !single
    }

    /// Whether the part rose as some measure of the load did.
    fn load_explains(&self, unit: Unit, counts: &Counts) -> bool {
        let measures = rise::measures(self.seen, self.with, unit.0);
        let (from, to) = (counts.first() as f64, counts.last() as f64);
        measures.iter().any(|m| match m {
            (Some(a), Some(b)) if b > a && *a > 0.0 => to <= from * (b / a) * 1.15 + 5.0,
            (Some(a), Some(b)) if b > a => to <= from + 8.0 * (b - a),
            _ => false,
        }) || self.more_pods() && self.usual(unit) >= counts.last()
    }

    fn more_pods(&self) -> bool {
        self.with[self.with.len() - 1].load.pods > self.with[0].load.pods
    }

    /// Groups with the same number, or the same rise, as this one; itself included.
    fn together(&self, of_family: &Counts, grows: bool) -> usize {
        let is = |(f, c): &(&Family, &Counts)| self.goes_with(of_family, grows, f, c);
        self.families.iter().filter(is).count()
    }

    fn goes_with(&self, of_family: &Counts, grows: bool, f: &Family, c: &Counts) -> bool {
        let rise = |c: &Counts| c.last().saturating_sub(c.first());
        let near = |a: u64, b: u64| a.abs_diff(b) * 50 <= a.max(b);
        if grows {
            return rise(of_family) >= LEAST && near(rise(of_family), rise(c));
        }
        // What has a number of its own (one a pod) is alike by nature.
        let natural = self.usual(f.0) >= c.last();
        c.last() >= LEAST_TOGETHER && near(of_family.last(), c.last()) && !natural
    }

    fn leaked(&self, unit: Unit) -> u64 {
        let of = |g: &&Group| unit_of(self.seen, g) == unit;
        let marked: u64 = self.crowd.groups.iter().filter(of).map(|g| g.leaked).sum();
        let named = self.with.iter().rev().find_map(|m| m.leaked.as_ref());
        let named: u64 = named.map_or(0, |c| c.groups.iter().filter(of).map(|g| g.count).sum());
        marked.max(named)
    }
}
