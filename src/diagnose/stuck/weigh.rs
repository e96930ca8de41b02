//! How much speaks for a hang.
//!
//! Each witness adds the decimal logarithm of how much likelier it is in a hung kubelet than in a healthy one: a wait
//! beyond its limit is worth 2 and more; loops in a call at one moment are worth as much as chance makes them rare (each
//! loop spends a known small share of its time in such calls), less one for the ten barriers that are looked at.

use rustc_hash::FxHashMap;

use super::super::calls;
use super::super::crowd::Crowd;
use super::super::expect::Per;
use super::super::judge::Scale;
use super::super::place::Place;
use super::super::report::{Confidence, FarEnd, Others, Why};
use super::super::stats::counts::poisson_upper;
use super::stay::{seconds, stay};
use super::steady::{Steady, steady};
use super::{Barrier, Cohort, Group, Scene, Stand};
use crate::kubelet::SubsystemId;

/// A weight of chance is never more than this: duties are no better known.
const MOST: f64 = 3.0;
/// Seconds after which the same goroutine in the same call is more than a slow call.
const LASTING: f64 = 90.0;
/// Minutes that calls may last at most which are expected to be short.
const SHORT: u64 = 3;
/// Minutes that a queue for image pulls may take without a sign that it moves.
const QUEUE: u64 = 5;
/// A crowd that no minute and no other moment vouches for is never worth more than this: not enough to be likely.
const BURST: f64 = 1.9;
/// A witness without ages that is worth this much is more than a busy kubelet shows.
const FIRM: f64 = 1.0;
/// Requests at work at once that are nothing.
const REQUESTS: f64 = 3.0;
/// From this many goroutines on, nearly all of a part at once is no burst.
const WHOLE: u64 = 20;
/// From this many calls on that have taken half of their time, their far end is slow.
const SLOW: u64 = 5;
/// Minutes after which no grace period explains a wait.
const PATIENCE: u64 = 120;
/// What looking at about ten barriers costs.
const BARRIERS: f64 = 1.0;

/// The confidence that a cohort hangs, with its reasons.
pub(super) fn weigh(
    scene: &Scene<'_>,
    barrier: Barrier,
    cohort: &Cohort<'_>,
    others: Others,
) -> Option<(Confidence, Scale)> {
    let mut scale = Scale::default();
    let over = waits(scene, cohort, &mut scale);
    if over {
        patient(scene, cohort, &mut scale);
    }
    let mut firm = chance(scene, barrier, cohort, over, &mut scale);
    firm |= victims(scene, cohort, &mut scale);
    let of_stacks = scale.witnesses();
    metrics(scene, barrier, cohort, &mut scale);
    health(scene, cohort, &mut scale);
    firm |= scale.witnesses() > of_stacks;
    if others == Others::Answered {
        scale.note(Why::OthersAnswered);
        // Some calls that are slow at one moment look alike on a busy machine.
        let is_brief = !over && scale.persists().is_none() && !scale.is_most();
        scale.at_most(if is_brief {
            Confidence::Suspect
        } else {
            Confidence::Likely
        });
    }
    if !scene.crowd.knows_waits {
        scale.note(Why::NoWaits);
        // Without ages and numbers, calls that come and go look like calls that hang.
        if !firm {
            scale.at_most(Confidence::Suspect);
        }
    }
    Some((scale.confidence()?, scale))
}

/// Waits beyond their limits; whether there are any.
fn waits(scene: &Scene<'_>, cohort: &Cohort<'_>, scale: &mut Scale) -> bool {
    let book = &scene.seen.book;
    // Goroutines over their limit, the longest of them and its limit.
    let (mut over, mut worst): (u64, Option<(u64, u64)>) = (0, None);
    let mut owners: Vec<Option<SubsystemId>> = Vec::new();
    for (group, at) in &cohort.members {
        let limit = scene.expected.longest(*at, book).max(1);
        let of_group = group.at_least(limit);
        if of_group == 0 {
            continue;
        }
        over += of_group;
        owners.push(group.attribution.owner);
        let longest = group.max_wait();
        if worst.is_none_or(|(m, l)| longest * l > m * limit) {
            worst = Some((longest, limit));
        }
    }
    let Some((minutes, limit)) = worst else {
        return slow(scene, cohort, scale);
    };
    owners.sort();
    owners.dedup();
    let ratio = minutes as f64 / limit as f64;
    let mut weight = 2.0 + 0.5 * f64::from(u8::from(ratio >= 3.0)) + 0.5 * f64::from(u8::from(ratio >= 10.0));
    if over >= 5 || owners.len() >= 3 {
        weight += 0.7;
    }
    scale.add(weight, Why::WaitTooLong { minutes, limit });
    true
}

/// Many calls that have each taken half of what they may: a deadline ends them before one is over it. Whether there are.
fn slow(scene: &Scene<'_>, cohort: &Cohort<'_>, scale: &mut Scale) -> bool {
    let book = &scene.seen.book;
    let mut of_methods: FxHashMap<_, (u64, u64)> = FxHashMap::default();
    for (group, at) in &cohort.members {
        let Place::Call { method, .. } = at else { continue };
        let limit = scene.expected.longest(*at, book);
        let count = group.at_least(limit.div_ceil(2).max(1));
        let of = of_methods.entry(method.map(|m| book.key(m))).or_default();
        *of = (of.0 + count, limit);
    }
    let most = of_methods.into_values().max_by_key(|m| m.0);
    let Some((count, limit)) = most.filter(|m| m.0 >= SLOW && m.1 <= SHORT) else {
        return false;
    };
    scale.add(
        2.0,
        Why::ManySlow {
            count,
            minutes: limit.div_ceil(2).max(1),
            limit,
        },
    );
    true
}

/// Where all that wait too long do so as the owners of their pods want it, nothing need be wrong.
fn patient(scene: &Scene<'_>, cohort: &Cohort<'_>, scale: &mut Scale) {
    let book = &scene.seen.book;
    let is = |g: &Group| scene.expected.is_patient(g, &scene.seen.stacks, book) && g.max_wait() < PATIENCE;
    let members = (cohort.members.iter())
        .filter(|(g, at)| g.at_least(scene.expected.longest(*at, book)) > 0)
        .map(|(g, _)| *g);
    let victims = (cohort.victims.iter()).filter(|v| v.group.at_least(v.longest) > 0);
    let mut over = members.chain(victims.map(|v| v.group)).peekable();
    if over.peek().is_some() && over.all(is) {
        scale.at_most(Confidence::Suspect);
    }
}

/// More loops at the barrier, or at more moments, than chance puts there; whether that alone is no busy kubelet.
fn chance(scene: &Scene<'_>, barrier: Barrier, cohort: &Cohort<'_>, over: bool, scale: &mut Scale) -> bool {
    let book = &scene.seen.book;
    let owners = cohort.owners();
    let single: Vec<_> = owners
        .iter()
        .copied()
        .filter(|o| scene.expected.is_single(*o, book))
        .collect();
    let far_end = match barrier {
        Barrier::Call(far_end) => far_end,
        // A lock or a full channel is as rare as a file system call.
        Barrier::Lock(_) | Barrier::Send(_) => FarEnd::Files,
        Barrier::Part(_) => return false,
    };
    let duty = |o: Option<SubsystemId>| scene.expected.duty(o, far_end, book);
    // The sum of the duties of those that make such calls; those that are there are a part of them.
    let all: f64 = single.iter().map(|&o| duty(o)).sum::<f64>().max(duty(None)) * 2.0;
    let at_once = if single.is_empty() {
        0.0
    } else if let [only] = single.as_slice() {
        -duty(*only).log10()
    } else {
        -poisson_upper(single.len() as u64, all).log10()
    };
    let at_once = at_once.min(MOST);
    let (moments, same) = moments_in_a_row(scene, barrier, &single);
    let mut firm = false;
    // A dump says that no wait is a minute long yet.
    let brief = scene.crowd.knows_waits && !over && moments == 1;
    if single.len() >= 2 {
        let weight = (at_once - BARRIERS - if brief { 1.0 } else { 0.0 }).max(0.0);
        firm |= weight >= FIRM;
        scale.add(weight, Why::ManyOwners(single.len()));
    } else if single.len() == 1 && moments == 1 && !over && !brief {
        let weight = (at_once - BARRIERS).max(0.0);
        firm |= weight >= FIRM;
        scale.add(weight, Why::RarePlace(duty(single[0])));
    }
    if moments >= 2 {
        // Another goroutine each time is a call that is made again, not one that hangs.
        let share = if same { 1.0 } else { 0.5 };
        let more = share * at_once.min(2.0) * (moments - 1) as f64 - if single.len() == 1 { BARRIERS } else { 0.0 };
        let first = if single.len() == 1 { at_once } else { 0.0 };
        let weight = (more + first).clamp(0.0, 4.0);
        firm |= weight >= FIRM;
        scale.add(
            weight,
            Why::Persists {
                part: None,
                moments,
                of: scene.earlier.len() + 1,
            },
        );
    }
    for &owner in &owners {
        if !single.contains(&owner) {
            firm |= crowd(scene, barrier, cohort, owner, duty(owner), brief, scale);
        }
    }
    firm
}

/// More goroutines of a part with many than chance puts there; whether that is more than a busy part.
fn crowd(
    scene: &Scene<'_>,
    barrier: Barrier,
    cohort: &Cohort<'_>,
    owner: Option<SubsystemId>,
    duty: f64,
    brief: bool,
    scale: &mut Scale,
) -> bool {
    let book = &scene.seen.book;
    let part = || owner.map(|id| book.part(id)).unwrap_or_default();
    let here: u64 = of_owner(cohort.members.iter().map(|(g, _)| *g), owner);
    let all = of_owner(scene.crowd.groups.iter(), owner);
    let expected = scene.expected.of(owner, book);
    let of_owner_at = || (cohort.members.iter()).filter(|(g, _)| g.attribution.owner == owner);
    // The slowest of their calls, where all of them are over at once.
    let quick = of_owner_at()
        .map(|(_, at)| scene.expected.quick(*at, book))
        .try_fold(0.0, |most: f64, duty| Some(most.max(duty?)));
    let duty = quick.unwrap_or(duty);
    let bursty = quick.is_none() && expected.is_none_or(|l| l.bursty);
    // A goroutine that is made for a request is always at work; a few requests at once are nothing.
    let usual = match expected.map(|l| l.per) {
        Some(Per::Other) => REQUESTS,
        _ => 0.05,
    };
    let chance = poisson_upper(here, (duty * all as f64).max(usual));
    // Nearly all of a large part at once, or many behind one lock, is no burst of calls.
    let is_whole = here >= WHOLE && here * 5 >= all * 4;
    let is_lock = matches!(barrier, Barrier::Lock(_));
    let firm = is_whole || is_lock && here >= WHOLE / 2;
    let mut weight = (-chance.log10()).min(MOST + 1.0) - BARRIERS;
    // Parts that start together are busy together.
    if bursty && !is_lock {
        weight = weight.min(if is_whole { 1.2 } else { 0.9 });
    }
    // One moment of short calls of one part is a burst as likely as not: a busy node runs its exec probes slowly.
    if brief {
        weight = (weight - 1.0).min(BURST);
    }
    if here >= 3 && weight > 0.0 {
        scale.add(
            weight,
            Why::MostAtOnce {
                part: part(),
                count: here,
                of: all,
            },
        );
    }
    let of = scene.earlier.len() + 1;
    let persists = |moments| Why::Persists {
        part: Some(part()),
        moments,
        of,
    };
    let at = |g: &Group| g.attribution.owner == owner && is_at(scene, g, barrier);
    let rare = -chance.log10() >= 1.0;
    let limit = of_owner_at()
        .map(|(_, at)| scene.expected.longest(*at, &scene.seen.book))
        .max();
    let limit = limit.unwrap_or(1).clamp(1, 60);
    if let Some(same) = stay(scene, at) {
        let by_chance = poisson_upper(same.count, all as f64 * duty.powi(same.moments as i32));
        if same.moments >= 2 && same.count >= 2 && same.count * 2 >= here && rare {
            // The same goroutines in the same place at moment after moment are no burst; calls that may last for minutes
            // (a container has its grace period to stop) say little after seconds.
            let share = (same.seconds / (60.0 * limit as f64)).clamp(0.0, 1.0);
            scale.add(
                0.8 * (same.moments - 1) as f64 * if same.seconds > 0.0 { share } else { 1.0 },
                Why::Persists {
                    part: Some(part()),
                    moments: same.moments,
                    of,
                },
            );
        } else if same.moments >= 3 && same.seconds >= LASTING && limit <= SHORT && by_chance <= 0.01 {
            // A slow call that comes again and again looks alike, unless one was seen to last.
            scale.add(
                if same.longest >= 1 { 2.4 } else { 0.9 },
                Why::Stays {
                    part: part(),
                    count: same.count,
                    moments: same.moments,
                    of,
                    minutes: same.longest,
                },
            );
        }
        return firm;
    }
    let level = level(scene, here, at);
    if level.moments < 2 || !rare {
        return firm;
    }
    let moments = level.moments;
    if is_whole {
        scale.add(0.8 * (moments - 1) as f64, persists(moments));
        return true;
    }
    let weight = (level.weight - BARRIERS).max(0.0) * lasting(scene, moments, limit);
    if weight > 0.0 {
        scale.add(weight, persists(moments));
    }
    firm || weight >= FIRM
}

/// How many of these goroutines there were at the moments up to the last, where the dumps do not number them.
fn level(scene: &Scene<'_>, here: u64, is: impl Fn(&Group) -> bool) -> Steady {
    let crowds = scene.earlier.iter().rev().map_while(|m| m.crowd.as_ref());
    let count = |c: &Crowd| c.groups.iter().filter(|g| is(g)).map(|g| g.count).sum();
    steady(std::iter::once(here).chain(crowds.map(count)))
}

/// How much of the time that such a call may take has passed over so many moments: the same call may still be under way.
fn lasting(scene: &Scene<'_>, moments: usize, minutes: u64) -> f64 {
    let first = (scene.earlier.len() + 1).checked_sub(moments);
    let seconds = first
        .and_then(|i| scene.earlier.get(i))
        .map_or(0.0, |m| seconds(m, scene.moment));
    if seconds > 0.0 {
        (seconds / (60.0 * minutes as f64)).clamp(0.0, 1.0)
    } else {
        1.0
    }
}

fn of_owner<'g>(groups: impl Iterator<Item = &'g Group>, owner: Option<SubsystemId>) -> u64 {
    groups.filter(|g| g.attribution.owner == owner).map(|g| g.count).sum()
}

/// At how many moments in a row, the last included, most of these loops stood at the barrier; and whether they were the
/// same goroutines, as far as the dumps number them.
fn moments_in_a_row(scene: &Scene<'_>, barrier: Barrier, single: &[Option<SubsystemId>]) -> (usize, bool) {
    if single.is_empty() {
        return (1, true);
    }
    let at = |g: &&Group| single.contains(&g.attribution.owner) && is_at(scene, g, barrier);
    let now: Vec<u64> = (scene.crowd.groups.iter().filter(at))
        .flat_map(|g| g.ids.iter().copied())
        .collect();
    let (mut moments, mut same) = (1, true);
    for m in scene.earlier.iter().rev() {
        let Some(crowd) = &m.crowd else { break };
        let there = |o: &&Option<SubsystemId>| {
            let groups = crowd.groups.iter().filter(|g| g.attribution.owner == **o);
            groups.into_iter().any(|g| is_at(scene, g, barrier))
        };
        // One loop may have been there by chance.
        if single.iter().filter(there).count() * 2 <= single.len() {
            break;
        }
        let numbered = !now.is_empty() && crowd.has_ids();
        let stayed = || {
            crowd
                .groups
                .iter()
                .filter(at)
                .any(|g| g.ids.iter().any(|id| now.contains(id)))
        };
        same &= !numbered || stayed();
        moments += 1;
    }
    (moments, same)
}

/// Whether a group stands at a barrier.
pub(super) fn is_at(scene: &Scene<'_>, group: &Group, barrier: Barrier) -> bool {
    matches!(scene.stand(group), Stand::At(b, _) if b == barrier)
}

/// Waits of those that wait for the members; whether they are no busy part.
fn victims(scene: &Scene<'_>, cohort: &Cohort<'_>, scale: &mut Scale) -> bool {
    let mut worst: Option<(u64, u64)> = None;
    let mut over = 0;
    let book = &scene.seen.book;
    // Who has a call of its own under way may wait as long as that.
    let members: u64 = cohort.members.iter().map(|(g, _)| g.count).sum();
    let waiting: u64 = cohort.victims.iter().map(|v| v.group.count).sum();
    let of_calls = cohort.members.iter().map(|(_, at)| scene.expected.longest(*at, book));
    let least = if members >= waiting {
        of_calls.max().unwrap_or(1)
    } else {
        1
    };
    let mut is_single = false;
    for v in &cohort.victims {
        let longest = if v.lock { v.longest } else { v.longest.max(least) };
        let of_group = v.group.at_least(longest);
        over += of_group;
        if of_group > 0 {
            is_single |= scene.expected.is_single(v.group.attribution.owner, book);
            if worst.is_none_or(|(m, _)| v.group.max_wait() > m) {
                worst = Some((v.group.max_wait(), longest));
            }
        }
    }
    if let Some((minutes, limit)) = worst {
        let weight = if over >= 5 || is_single { 2.0 } else { 1.2 };
        scale.add(
            weight,
            Why::VictimsWait {
                count: over,
                minutes,
                limit,
            },
        );
        return true;
    }
    let behind: u64 = (cohort.victims.iter().filter(|v| v.lock)).map(|v| v.group.count).sum();
    if !scene.crowd.knows_waits && behind >= WHOLE / 2 {
        // Nobody waits long for a lock in a healthy kubelet, so this many never do.
        let owners = || {
            cohort
                .victims
                .iter()
                .filter(|v| v.lock)
                .map(|v| v.group.attribution.owner)
        };
        let all = (scene.crowd.groups.iter()).filter(|g| owners().any(|o| o == g.attribution.owner));
        let of = all.map(|g| g.count).sum();
        let first = owners().next().flatten().filter(|&id| owners().all(|o| o == Some(id)));
        let part = first.map(|id| book.part(id)).unwrap_or_default();
        scale.add(
            2.0,
            Why::MostAtOnce {
                part,
                count: behind,
                of,
            },
        );
        return true;
    }
    let firm = loops_behind(scene, cohort, scale);
    let limit = cohort.victims.iter().map(|v| v.longest).max().unwrap_or(1);
    let waits = |g: &Group| {
        let Some(w) = scene.expected.waits_for(g, &scene.seen.stacks, &scene.seen.book) else {
            return false;
        };
        let part = scene.seen.book.knowledge.by_key(&w.part);
        cohort.victims.iter().any(|v| v.part == part) && matches!(scene.stand(g), Stand::WaitsFor(..))
    };
    let of = scene.earlier.len() + 1;
    if let Some(same) = stay(scene, waits) {
        if same.count >= 3 && same.moments >= 2 {
            // A wait that may last for minutes says little after seconds.
            let share = (same.seconds / (60.0 * limit as f64)).clamp(0.0, 1.0);
            let (count, moments) = (same.count, same.moments);
            scale.add(
                0.6 * (moments - 1) as f64 * share,
                Why::VictimsPersist { count, moments, of },
            );
        }
        return firm;
    }
    let count = cohort.victims.iter().map(|v| v.group.count).sum();
    let level = level(scene, count, waits);
    let moments = level.moments;
    // Who waits for calls is as many as the calls make it: half a witness.
    let weight = 0.5 * (level.weight - BARRIERS).max(0.0) * lasting(scene, moments, limit);
    if weight > 0.0 {
        scale.add(weight, Why::VictimsPersist { count, moments, of });
    }
    firm || weight >= FIRM
}

/// Loops that a node has once and that wait for one lock at the same time, where ages are unknown: each does so rarely, and
/// several at once are no chance. Whether there are.
fn loops_behind(scene: &Scene<'_>, cohort: &Cohort<'_>, scale: &mut Scale) -> bool {
    let book = &scene.seen.book;
    let mut loops: Vec<_> = (cohort.victims.iter())
        .filter(|v| v.lock)
        .map(|v| v.group.attribution.owner)
        .filter(|o| scene.expected.is_single(*o, book))
        .collect();
    loops.sort();
    loops.dedup();
    if scene.crowd.knows_waits || loops.len() < 2 {
        return false;
    }
    let duty: f64 = loops.iter().map(|&o| scene.expected.duty(o, FarEnd::Files, book)).sum();
    let chance = poisson_upper(loops.len() as u64, 2.0 * duty);
    let weight = ((-chance.log10()).min(MOST) - BARRIERS).max(0.0);
    scale.add(weight, Why::ManyOwners(loops.len()));
    weight >= FIRM
}

/// What the metrics of the kubelet say of the same far end.
fn metrics(scene: &Scene<'_>, barrier: Barrier, cohort: &Cohort<'_>, scale: &mut Scale) {
    if let Barrier::Part(part) = barrier
        && scene.seen.book.knowledge.key(part) == "volume-operations"
        && let Some(fails) = calls::volumes(scene.moment, &scene.earlier)
    {
        scale.add(
            2.2,
            Why::VolumesFail {
                failed: fails.failed,
                all: fails.all,
            },
        );
    }
    let Barrier::Call(far_end) = barrier else { return };
    match far_end {
        FarEnd::Runtime => {
            let Some(now) = &scene.moment.metrics else { return };
            let seen_at = now.get("kubelet_pleg_last_seen_seconds").filter(|&t| t > 0.0);
            let at = scene.moment.seconds();
            if let (Some(seen_at), Some(at)) = (seen_at, at)
                && at - seen_at > 60.0
                && at - seen_at < 1e7
            {
                let name = "kubelet_pleg_last_seen_seconds".to_owned();
                scale.add(1.5, Why::MetricAgrees(name));
            }
        }
        FarEnd::ImageService => {
            let waiting: u64 = cohort.victims.iter().map(|v| v.group.count).sum();
            let pulls = calls::pulls(scene.moment, &scene.earlier).filter(|_| !scene.earlier.is_empty());
            match pulls {
                Some((failed, all)) if failed >= 3.0 && failed >= 0.5 * all && waiting > 0 => {
                    scale.add(2.2, Why::PullsFail { failed, all });
                }
                // A queue that moves is no trouble of its own.
                Some((failed, all)) if all > failed => {
                    scale.note(Why::PullsWork {
                        good: all - failed,
                        all,
                    });
                    scale.at_most(Confidence::Suspect);
                }
                Some(_) => {}
                // Whether the queue moves, one moment does not show.
                None => {
                    let longest = cohort.victims.iter().map(|v| v.group.max_wait()).max();
                    if longest.is_some_and(|m| m < QUEUE) {
                        scale.at_most(Confidence::Suspect);
                    }
                }
            }
        }
        _ => {}
    }
}

/// The kubelet's own health check.
fn health(scene: &Scene<'_>, cohort: &Cohort<'_>, scale: &mut Scale) {
    let Some(text) = &scene.moment.healthz else { return };
    let fails = |name: &str| text.lines().any(|l| l.starts_with("[-]") && l.contains(name));
    let book = &scene.seen.book;
    let owns = |key: &str| {
        cohort
            .members
            .iter()
            .any(|(g, _)| book.subsystem_key(g.attribution.owner) == key)
    };
    if fails("syncloop") && (owns("sync-loop") || !cohort.victims.is_empty()) {
        scale.add(1.5, Why::HealthCheck("syncloop".to_owned()));
    }
    if fails("pleg") && owns("pleg") {
        scale.add(1.5, Why::HealthCheck("pleg".to_owned()));
    }
}
