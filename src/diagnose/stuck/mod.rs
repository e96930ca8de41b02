//! What does not go on: goroutines that wait at one barrier are one finding, with who waits for them.
//!
//! Nothing proves a hang but time, so `weigh` asks for waits that are too long, for the same loops in the same call at
//! moment after moment, and for more of them there at once than chance puts there. `word` makes the finding.

mod about;
mod others;
mod stay;
mod steady;
mod weigh;
mod word;

use rustc_hash::{FxHashMap, FxHashSet};

use super::book::NameId;
use super::crowd::{Crowd, Group, Wait};
use super::expect::{Expectations, WaitsFor};
use super::observe::{Observed, Seen};
use super::place::{Place, place};
use super::report::{Confidence, Dropped, FarEnd, Finding, Kind, Weighed};
use crate::kubelet::SubsystemId;
use crate::model::goroutine_label::Standing;

/// What goroutines wait at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub(super) enum Barrier {
    Call(FarEnd),
    Lock(Option<SubsystemId>),
    Send(Option<SubsystemId>),
    /// Another part of the kubelet, and nothing is seen at work there.
    Part(SubsystemId),
}

/// Goroutines at one barrier.
#[derive(Debug, Default)]
pub(super) struct Cohort<'a> {
    pub(super) members: Vec<(&'a Group, Place)>,
    /// Goroutines that wait for the members.
    pub(super) victims: Vec<Victim<'a>>,
}

/// Goroutines that wait for others of the kubelet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Victim<'a> {
    pub(super) group: &'a Group,
    /// The part that they wait for.
    pub(super) part: Option<SubsystemId>,
    /// Minutes that such a wait may last.
    pub(super) longest: u64,
    /// It waits for a lock.
    pub(super) lock: bool,
}

impl Cohort<'_> {
    /// Owners of the members, each once.
    pub(super) fn owners(&self) -> Vec<Option<SubsystemId>> {
        let mut owners: Vec<_> = self.members.iter().map(|(g, _)| g.attribution.owner).collect();
        owners.sort();
        owners.dedup();
        owners
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Stuck {
    pub(super) findings: Vec<Finding>,
    pub(super) weighed: Vec<Weighed>,
    /// Goroutines whose place was looked at.
    pub(super) looked_at: u64,
    /// Whether waits were known.
    pub(super) knows_waits: bool,
}

/// Everything that judging a cohort takes.
pub(super) struct Scene<'a> {
    pub(super) seen: &'a Observed,
    pub(super) moment: &'a Seen,
    pub(super) crowd: &'a Crowd,
    pub(super) expected: &'a Expectations,
    /// Earlier moments with goroutines, in time order.
    pub(super) earlier: Vec<&'a Seen>,
}

/// Where a group stands, as far as it is not where it may stand for ever.
pub(super) enum Stand<'e> {
    Fine,
    At(Barrier, Place),
    WaitsFor(&'e WaitsFor, Place),
}

impl Scene<'_> {
    /// Where a group stands.
    pub(super) fn stand(&self, group: &Group) -> Stand<'_> {
        let (stacks, book) = (&self.seen.stacks, &self.seen.book);
        let at = place(group, stacks, book);
        if let Some(w) = self.expected.waits_for(group, stacks, book) {
            let is_told = !w.state.is_empty() && w.state == group.wait.shown();
            let is_home_wait = matches!(at, Place::Home) && (group.wait == Wait::Sleep || is_told);
            if matches!(at, Place::Inner { .. } | Place::Send { .. } | Place::Lock { .. }) || is_home_wait {
                return Stand::WaitsFor(w, at);
            }
        }
        if matches!(at, Place::Home | Place::Running | Place::Inner { .. })
            || self.expected.is_usual(group, stacks, book)
        {
            return Stand::Fine;
        }
        let barrier = match at {
            Place::Call { far_end, .. } => Barrier::Call(far_end),
            Place::Lock { at } => Barrier::Lock(book.get(at).class.subsystem()),
            Place::Send { at } => Barrier::Send(book.get(at).class.subsystem()),
            Place::Home | Place::Running | Place::Inner { .. } => return Stand::Fine,
        };
        Stand::At(barrier, at)
    }
}

/// Findings about what does not go on at the last moment that has goroutines.
pub(super) fn stuck(seen: &Observed, moments: &[usize], expected: &Expectations) -> Stuck {
    let Some(scene) = scene(seen, moments, expected) else {
        return Stuck::default();
    };
    let mut stuck = Stuck {
        looked_at: scene.crowd.total,
        knows_waits: scene.crowd.knows_waits,
        ..Stuck::default()
    };
    for (barrier, cohort) in cohorts(&scene) {
        let others = others::others(&scene, barrier, &cohort);
        match weigh::weigh(&scene, barrier, &cohort, others) {
            Some((confidence, scale)) => {
                stuck
                    .findings
                    .push(word::finding(&scene, barrier, &cohort, others, confidence, scale));
            }
            None => stuck.weighed.push(brief(&scene, barrier, &cohort)),
        }
    }
    stuck
}

/// Whether each group of the last moment goes on.
pub(super) fn standings(seen: &Observed, moments: &[usize], expected: &Expectations) -> Vec<Standing> {
    let Some(scene) = scene(seen, moments, expected) else {
        return Vec::new();
    };
    let mut hung: FxHashSet<*const Group> = FxHashSet::default();
    for (barrier, cohort) in cohorts(&scene) {
        let others = others::others(&scene, barrier, &cohort);
        let sure = weigh::weigh(&scene, barrier, &cohort, others).is_some_and(|(c, _)| c >= Confidence::Likely);
        if sure {
            let members = cohort.members.iter().map(|(g, _)| *g);
            hung.extend(
                members
                    .chain(cohort.victims.iter().map(|v| v.group))
                    .map(std::ptr::from_ref),
            );
        }
    }
    let standing = |g: &Group| {
        if hung.contains(&std::ptr::from_ref(g)) {
            return Standing::Stuck;
        }
        match place(g, &seen.stacks, &seen.book) {
            Place::Home if g.wait != Wait::Unknown => Standing::Idle,
            _ => Standing::Usual,
        }
    };
    scene.crowd.groups.iter().map(standing).collect()
}

fn scene<'a>(seen: &'a Observed, moments: &[usize], expected: &'a Expectations) -> Option<Scene<'a>> {
    let mut earlier: Vec<&Seen> = (moments.iter().map(|&m| &seen.moments[m]))
        .filter(|m| m.crowd.is_some())
        .collect();
    let moment = earlier.pop()?;
    Some(Scene {
        seen,
        moment,
        crowd: moment.crowd.as_ref()?,
        expected,
        earlier,
    })
}

fn cohorts<'a>(scene: &'a Scene<'a>) -> Vec<(Barrier, Cohort<'a>)> {
    let mut cohorts: FxHashMap<Barrier, Cohort> = FxHashMap::default();
    let mut waiting: Vec<(&Group, &WaitsFor, Place)> = Vec::new();
    for group in &scene.crowd.groups {
        if scene.seen.is_foreign(group.attribution.owner) {
            continue;
        }
        match scene.stand(group) {
            Stand::Fine => {}
            Stand::At(barrier, at) => cohorts.entry(barrier).or_default().members.push((group, at)),
            Stand::WaitsFor(w, at) => waiting.push((group, w, at)),
        }
    }
    let knowledge = &scene.seen.book.knowledge;
    let mut orphans: FxHashMap<SubsystemId, Cohort> = FxHashMap::default();
    let mut locked: Vec<(&Group, Place)> = Vec::new();
    for (group, w, at) in waiting {
        // A lock on the way is what it waits for.
        if let Place::Lock { at: lock } = at
            && let Some((barrier, part)) = holder(scene, &cohorts, &[lock])
        {
            let victim = Victim {
                group,
                part,
                longest: 1,
                lock: true,
            };
            cohorts.entry(barrier).or_default().victims.push(victim);
            continue;
        }
        let victim = Victim {
            group,
            part: knowledge.by_key(&w.part),
            longest: w.longest_minutes,
            lock: false,
        };
        // Those at work for this part, else those in calls to its far end.
        let of_part = cohorts
            .iter_mut()
            .filter(|(b, c)| matches!(b, Barrier::Call(_) | Barrier::Lock(_)) && c.owners().contains(&victim.part))
            .max_by_key(|(b, c)| {
                let far = matches!(b, Barrier::Call(f) if f.as_str() == w.far_end);
                (far, c.members.iter().map(|(g, _)| g.max_wait()).max(), **b)
            });
        if let Some((_, cohort)) = of_part {
            cohort.victims.push(victim);
            continue;
        }
        let of_far_end = cohorts
            .iter_mut()
            .find(|(b, _)| matches!(b, Barrier::Call(f) if f.as_str() == w.far_end));
        match (of_far_end, victim.part) {
            (Some((_, cohort)), _) => cohort.victims.push(victim),
            (None, _) if matches!(at, Place::Lock { .. }) => locked.push((group, at)),
            (None, Some(part)) => orphans.entry(part).or_default().victims.push(victim),
            (None, None) => {}
        }
    }
    for (group, at) in locked {
        if let Place::Lock { at: lock } = at {
            let barrier = Barrier::Lock(scene.seen.book.get(lock).class.subsystem());
            cohorts.entry(barrier).or_default().members.push((group, at));
        }
    }
    locks_of_callers(scene, &mut cohorts);
    let mut all: Vec<(Barrier, Cohort)> = cohorts.into_iter().collect();
    all.extend(orphans.into_iter().map(|(part, c)| (Barrier::Part(part), c)));
    all.sort_by_key(|(b, _)| *b);
    all
}

/// Those that wait for a lock that a goroutine in a call holds are its victims.
fn locks_of_callers<'a>(scene: &'a Scene<'a>, cohorts: &mut FxHashMap<Barrier, Cohort<'a>>) {
    let locks: Vec<Barrier> = cohorts
        .keys()
        .copied()
        .filter(|b| matches!(b, Barrier::Lock(_)))
        .collect();
    for lock in locks {
        let Some(waiters) = cohorts.get(&lock) else { continue };
        let at: Vec<NameId> = (waiters.members.iter())
            .filter_map(|(_, at)| match at {
                Place::Lock { at } => Some(*at),
                _ => None,
            })
            .collect();
        let Some((barrier, part)) = holder(scene, cohorts, &at) else {
            continue;
        };
        let Some(waiters) = cohorts.remove(&lock) else { continue };
        let victims = waiters.members.into_iter().map(|(group, _)| Victim {
            group,
            part,
            longest: 1,
            lock: true,
        });
        cohorts.entry(barrier).or_default().victims.extend(victims);
    }
}

/// Who holds the lock that these functions wait for, as far as stacks tell: a goroutine that is in a call inside of the same
/// code. Its barrier and its part.
fn holder(
    scene: &Scene<'_>,
    cohorts: &FxHashMap<Barrier, Cohort<'_>>,
    waits_in: &[NameId],
) -> Option<(Barrier, Option<SubsystemId>)> {
    let book = &scene.seen.book;
    let types: Vec<&str> = waits_in.iter().map(|&at| receiver(book.key(at))).collect();
    let find = |of: &dyn Fn(&str) -> bool| {
        let holds = |group: &Group| scene.seen.stacks.get(group.stack).iter().any(|&f| of(book.key(f)));
        (cohorts.iter())
            .filter(|(b, _)| matches!(b, Barrier::Call(_)))
            .flat_map(|(b, c)| c.members.iter().map(move |(g, _)| (*b, *g)))
            .filter(|(_, g)| holds(g))
            .max_by_key(|(b, g)| (g.max_wait(), *b))
    };
    let same_type = |key: &str| receiver(key).contains(".(") && types.iter().all(|t| *t == receiver(key));
    // A cache may have the lock that its user holds: then both are in one package.
    let same_package = |key: &str| is_small(package(key)) && types.iter().all(|t| package(t) == package(key));
    let (barrier, group) = find(&same_type).or_else(|| find(&same_package))?;
    Some((barrier, group.attribution.owner))
}

/// Package and type of a method, `k8s.io/kubernetes/pkg/kubelet/allocation.(*manager)`.
fn receiver(key: &str) -> &str {
    match key.rfind(").") {
        Some(at) => &key[..=at],
        None => key,
    }
}

/// Package of a function or type.
fn package(key: &str) -> &str {
    let name = key.rfind('/').map_or(0, |at| at + 1);
    key[name..].find('.').map_or(key, |at| &key[..name + at])
}

/// Whether a package holds one part of the kubelet: its main package and libraries hold many.
fn is_small(package: &str) -> bool {
    package.strip_prefix("k8s.io/kubernetes/pkg/kubelet/").is_some()
}

/// A cohort that is no finding.
fn brief(scene: &Scene<'_>, barrier: Barrier, cohort: &Cohort<'_>) -> Weighed {
    let groups = cohort
        .members
        .iter()
        .map(|(g, _)| *g)
        .chain(cohort.victims.iter().map(|v| v.group));
    let count: u64 = groups.clone().map(|g| g.count).sum();
    let owner = groups.max_by_key(|g| g.count).and_then(|g| g.attribution.owner);
    Weighed {
        kind: Kind::Stuck,
        subsystem: owner.map(|id| scene.seen.book.part(id)).unwrap_or_default(),
        subject: word::subject(barrier, scene),
        from: count as f64,
        to: count as f64,
        unit: "goroutines",
        values: Vec::new(),
        dropped: Dropped::Brief,
    }
}
