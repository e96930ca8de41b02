//! A cohort -> a finding: what is claimed, of which part, since when, and what shows it.

use super::super::calls;
use super::super::crowd::{Group, Wait};
use super::super::judge::Scale;
use super::super::place::Place;
use super::super::report::{
    Claim, Confidence, Evidence, Fact, FarEnd, Finding, Kind, Need, Others, Part, Party, Show, Since, SinceBasis, Verb,
};
use super::super::words::short;
use super::about::about;
use super::{Barrier, Cohort, Scene};
use crate::kubelet::Role;

/// What a barrier is called in fingerprints.
pub(super) fn subject(barrier: Barrier, scene: &Scene<'_>) -> String {
    match barrier {
        Barrier::Call(far_end) => far_end.as_str().to_owned(),
        Barrier::Lock(_) => "lock".to_owned(),
        Barrier::Send(_) => "channel".to_owned(),
        Barrier::Part(part) => scene.seen.book.part(part).key,
    }
}

/// The finding about a cohort.
pub(super) fn finding(
    scene: &Scene<'_>,
    barrier: Barrier,
    cohort: &Cohort<'_>,
    others: Others,
    confidence: Confidence,
    scale: Scale,
) -> Finding {
    let callers = parties(scene, cohort.members.iter().map(|(g, at)| (*g, *at)));
    let mut victims = Vec::new();
    for v in &cohort.victims {
        let mut one = party(scene, v.group, Place::Home);
        one.waits_for = v.part.map(|id| scene.seen.book.part(id));
        one.locked = v.lock;
        add(&mut victims, one);
    }
    sort(&mut victims);
    let longest = callers
        .iter()
        .chain(&victims)
        .filter_map(|p| p.waits)
        .map(|w| w.1)
        .max();
    let (kind, part) = what(scene, barrier, cohort, &callers, &victims);
    let since = since(scene, barrier, longest, &scale);
    let mut next = Vec::new();
    if !scene.crowd.knows_waits {
        next.push(Need::Dump);
    }
    match barrier {
        Barrier::Call(FarEnd::Runtime) if confidence < Confidence::Certain && others != Others::Answered => {
            next.push(Need::RuntimeDump);
        }
        Barrier::Call(FarEnd::Files) => next.push(Need::NodeLook),
        _ => {}
    }
    let evidence = evidence(scene, cohort, &callers, &victims);
    let mut subject = subject(barrier, scene);
    if others == Others::Answered {
        subject.push_str(&format!(".{}", method(&callers).unwrap_or("calls")));
    }
    Finding {
        rank: 0,
        kind,
        subsystem: part,
        subject,
        function: function(scene, cohort),
        confidence,
        reasons: scale.into_reasons(),
        claim: claim(scene, barrier, cohort, others, callers, victims),
        since,
        growth: None,
        known_issues: Vec::new(),
        evidence,
        remedies: Vec::new(),
        next,
    }
}

/// The method of all calls, where it is one.
fn method(callers: &[Party]) -> Option<&str> {
    let of = |p: &'_ Party| p.call.rsplit('.').next().map(str::len).unwrap_or_default();
    let first = callers.first()?;
    let name = &first.call[first.call.len() - of(first)..];
    let same = |p: &Party| p.call.ends_with(name);
    (!name.is_empty() && callers.iter().all(same)).then_some(name)
}

fn claim(
    scene: &Scene<'_>,
    barrier: Barrier,
    cohort: &Cohort<'_>,
    others: Others,
    callers: Vec<Party>,
    victims: Vec<Party>,
) -> Claim {
    match barrier {
        Barrier::Call(FarEnd::ImageService) if !victims.is_empty() => {
            let book = &scene.seen.book;
            // Its loop makes the call, or takes what the workers hand over.
            let groups = cohort
                .victims
                .iter()
                .map(|v| v.group)
                .chain(cohort.members.iter().map(|(g, _)| *g));
            let serial = groups.into_iter().any(|g| {
                let mut frames = scene.seen.stacks.get(g.stack).iter().chain(&g.creator);
                frames.any(|&f| book.key(f).contains("serialImagePuller"))
            });
            Claim::PullsWait {
                waiting: victims.iter().map(|p| p.count).sum(),
                running: callers.iter().map(|p| p.count).sum(),
                serial,
                failed: calls::pulls(scene.moment, &scene.earlier).filter(|p| p.1 > 0.0),
                max_wait: victims.iter().filter_map(|p| p.waits).map(|w| w.1).max().unwrap_or(0),
            }
        }
        Barrier::Call(far_end) => Claim::NoAnswer {
            far_end,
            callers,
            victims,
            others,
            about: about(scene, cohort),
        },
        Barrier::Lock(part) => Claim::LockWait {
            holders: holders(scene, part),
            waiters: callers,
        },
        Barrier::Send(_) => Claim::NotTaken {
            senders: callers,
            taker: None,
        },
        Barrier::Part(_) => match failing_volumes(scene, barrier) {
            Some(fails) => Claim::VolumesFail {
                parties: victims,
                operation: fails.operation,
                plugin: fails.plugin,
                failed: fails.failed,
                all: fails.all,
            },
            None => Claim::LoopWaits { parties: victims },
        },
    }
}

/// Goroutines in the same code as a lock that do not wait for it: one of them may hold it.
fn holders(scene: &Scene<'_>, part: Option<crate::kubelet::SubsystemId>) -> Vec<Party> {
    let book = &scene.seen.book;
    let mut found = Vec::new();
    for group in &scene.crowd.groups {
        let inside = |&&f: &&super::super::book::NameId| book.get(f).class.subsystem() == part;
        let frames = scene.seen.stacks.get(group.stack);
        let busy = matches!(
            group.wait,
            Wait::Syscall | Wait::Running | Wait::Send | Wait::Network | Wait::Group
        );
        if group.wait == Wait::Lock || !busy || part.is_none() {
            continue;
        }
        if let Some(&f) = frames.iter().find(inside) {
            let mut one = party(scene, group, Place::Lock { at: f });
            one.function = short(&book.get(f).shown);
            add(&mut found, one);
        }
    }
    sort(&mut found);
    found.truncate(3);
    found
}

/// Kind and part of a finding.
fn what(
    scene: &Scene<'_>,
    barrier: Barrier,
    cohort: &Cohort<'_>,
    callers: &[Party],
    victims: &[Party],
) -> (Kind, Part) {
    let book = &scene.seen.book;
    let first = callers
        .first()
        .or(victims.first())
        .map(|p| p.owner.clone())
        .unwrap_or_default();
    match barrier {
        Barrier::Call(far_end) => {
            // A loop that everything depends on has no deadline for files and plugins.
            let loop_stands = callers.iter().any(|p| p.owner.key == "sync-loop");
            let kind = match far_end {
                FarEnd::ApiServer => Kind::Environment,
                _ if loop_stands => Kind::Stuck,
                _ => Kind::Environment,
            };
            let key = match far_end {
                // One part alone: whether the others would be answered, nothing shows.
                FarEnd::Runtime if callers.len() == 1 && victims.is_empty() && !first.key.is_empty() => {
                    return (kind, asked(scene, cohort, first));
                }
                FarEnd::Runtime | FarEnd::Grpc => "cri-client",
                FarEnd::ImageService | FarEnd::CredentialProvider => "images",
                FarEnd::CsiDriver => "csi",
                FarEnd::DevicePlugin => "device-plugins",
                FarEnd::DraDriver => "dra",
                FarEnd::PluginSocket => "plugin-registration",
                FarEnd::ApiServer | FarEnd::Throttle => "api-client",
                FarEnd::Auth => "kubelet-server",
                FarEnd::Files | FarEnd::Child | FarEnd::Network | FarEnd::Cgroups | FarEnd::Dbus => {
                    return (kind, worst_owner(callers).unwrap_or(first));
                }
            };
            (kind, book.part_of_key(key))
        }
        Barrier::Lock(part) => (Kind::Stuck, part.map_or(first, |id| book.part(id))),
        Barrier::Send(_) => (Kind::Stuck, first),
        Barrier::Part(part) => {
            let kind = if failing_volumes(scene, barrier).is_some() {
                Kind::Environment
            } else {
                Kind::Stuck
            };
            (kind, book.part(part))
        }
    }
}

/// Who makes the call where a server only passes requests on: the part that it asks.
fn asked(scene: &Scene<'_>, cohort: &Cohort<'_>, first: Part) -> Part {
    const SERVERS: [&str; 3] = ["kubelet-server", "metrics", "metrics-registry"];
    if !SERVERS.contains(&first.key.as_str()) {
        return first;
    }
    let book = &scene.seen.book;
    let largest = cohort.members.iter().map(|(g, _)| *g).max_by_key(|g| g.count);
    let frames = largest.map_or(&[][..], |g| scene.seen.stacks.get(g.stack));
    let mut owners = (frames.iter().rev()).filter_map(|&f| match book.get(f).class.known {
        Some((part, Role::Owner)) => Some(book.part(part)),
        _ => None,
    });
    let asked = owners.find(|part| !SERVERS.contains(&part.key.as_str()));
    // What only passes the request on, or wraps the calls of the runtime, is no part of its own.
    asked
        .filter(|part| !matches!(part.key.as_str(), "kubelet" | "kuberuntime"))
        .unwrap_or_else(|| book.part_of_key("cri-client"))
}

/// The operation on volumes that fails, where goroutines wait for volumes.
fn failing_volumes(scene: &Scene<'_>, barrier: Barrier) -> Option<calls::VolumesFail> {
    match barrier {
        Barrier::Part(part) if scene.seen.book.knowledge.key(part) == "volume-operations" => {
            calls::volumes(scene.moment, &scene.earlier)
        }
        _ => None,
    }
}

/// Who answers for calls into the kernel: the sync loop if it is there, else who waits longest.
fn worst_owner(callers: &[Party]) -> Option<Part> {
    let named = || callers.iter().filter(|p| !p.owner.key.is_empty());
    let sync_loop = named().find(|p| p.owner.key == "sync-loop");
    let longest = || named().max_by_key(|p| (p.waits.map_or(0, |w| w.1), p.count));
    sync_loop.or_else(longest).map(|p| p.owner.clone())
}

fn function(scene: &Scene<'_>, cohort: &Cohort<'_>) -> Option<String> {
    let book = &scene.seen.book;
    let (group, at) = cohort.members.iter().max_by_key(|(g, _)| (g.max_wait(), g.count))?;
    let id = match at {
        Place::Call { method: Some(id), .. } | Place::Lock { at: id } | Place::Send { at: id } => *id,
        _ => *scene.seen.stacks.get(group.stack).first()?,
    };
    Some(book.get(id).shown.clone())
}

fn since(scene: &Scene<'_>, barrier: Barrier, longest: Option<u64>, scale: &Scale) -> Option<Since> {
    let at = scene.moment.at;
    // The PLEG keeps the time of its last success.
    if matches!(barrier, Barrier::Call(FarEnd::Runtime))
        && let Some(m) = &scene.moment.metrics
        && let (Some(seen), Some(now)) = (m.get("kubelet_pleg_last_seen_seconds"), scene.moment.seconds())
        && (60.0..1e7).contains(&(now - seen))
    {
        let after = jiff::Timestamp::from_nanosecond((seen * 1e9) as i128).ok();
        return Some(Since {
            after,
            before: after,
            at_least: Some((now - seen) as u64),
            basis: SinceBasis::Metric,
        });
    }
    let minutes = longest.filter(|&m| m > 0);
    let of_ages = minutes.and_then(|m| {
        at?.checked_sub(jiff::SignedDuration::from_mins(i64::try_from(m).ok()?))
            .ok()
    });
    // The first moment of those in a row, and the one before.
    let onset = scale.persists().and_then(|n| {
        let first = (scene.earlier.len() + 1).checked_sub(n)?;
        let before = if n == 1 { at } else { scene.earlier.get(first)?.at };
        let after = first
            .checked_sub(1)
            .and_then(|i| scene.earlier.get(i))
            .and_then(|m| m.at);
        Some((after, before?))
    });
    match (minutes, onset) {
        (Some(m), onset) => {
            let before = match (of_ages, onset) {
                (Some(a), Some((_, b))) => Some(a.min(b)),
                (a, b) => a.or(b.map(|b| b.1)),
            };
            let after = onset.and_then(|o| o.0).filter(|a| before.is_none_or(|b| *a < b));
            Some(Since {
                after,
                before,
                at_least: Some(m * 60),
                basis: SinceBasis::WaitAge,
            })
        }
        (None, Some((after, before))) => Some(Since {
            after,
            before: Some(before),
            at_least: None,
            basis: SinceBasis::Onset,
        }),
        (None, None) => None,
    }
}

fn evidence(scene: &Scene<'_>, cohort: &Cohort<'_>, callers: &[Party], victims: &[Party]) -> Vec<Evidence> {
    let book = &scene.seen.book;
    let groups = || {
        let members = cohort.members.iter().map(|(g, _)| *g);
        members.chain(cohort.victims.iter().map(|v| v.group))
    };
    let all = callers.iter().take(4).chain(victims.iter().take(2));
    all.map(|party| {
        let of = |g: &&Group| book.subsystem_key(g.attribution.owner) == party.owner.key;
        let frames = groups().filter(of).max_by_key(|g| g.count).map_or_else(Vec::new, |g| {
            let frames = scene.seen.stacks.get(g.stack).iter();
            frames.map(|&f| book.get(f).shown.clone()).collect()
        });
        let mut show = Show::new(Verb::Goroutines, scene.moment.goroutine_sources());
        show.owner = Some(party.owner.key.clone()).filter(|k| !k.is_empty());
        show.snapshot = scene.moment.snapshot;
        Evidence {
            fact: Fact::Goroutines {
                party: party.clone(),
                frames,
            },
            moment: scene.moment.label.clone(),
            show: Some(show),
        }
    })
    .collect()
}

fn parties<'g>(scene: &Scene<'_>, groups: impl Iterator<Item = (&'g Group, Place)>) -> Vec<Party> {
    let mut all = Vec::new();
    for (group, at) in groups {
        add(&mut all, party(scene, group, at));
    }
    sort(&mut all);
    all
}

/// The group as a party.
pub(super) fn party(scene: &Scene<'_>, group: &Group, at: Place) -> Party {
    let book = &scene.seen.book;
    let shown = |id| short(&book.get(id).shown);
    let frames = scene.seen.stacks.get(group.stack);
    let own = group
        .attribution
        .owner_frame
        .and_then(|f| frames.get(f as usize).copied());
    let (call, function) = match at {
        Place::Call { method, .. } => (method.map(shown).unwrap_or_default(), own),
        Place::Lock { at } | Place::Send { at } | Place::Inner { at } => (String::new(), Some(at)),
        Place::Home | Place::Running => (String::new(), own),
    };
    Party {
        owner: group.attribution.owner.map(|id| book.part(id)).unwrap_or_default(),
        count: group.count,
        function: function.map(shown).unwrap_or_default(),
        call,
        state: group.wait.shown().to_owned(),
        waits: group.span(),
        waiting: group.with_wait(),
        waits_for: None,
        locked: false,
    }
}

/// Adds a party to that of the same owner and call.
pub(super) fn add(parties: &mut Vec<Party>, more: Party) {
    let same = |p: &&mut Party| p.owner == more.owner && p.call == more.call && p.locked == more.locked;
    match parties.iter_mut().find(same) {
        Some(party) => {
            party.count += more.count;
            party.waiting += more.waiting;
            party.waits = match (party.waits, more.waits) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (a, b) => a.or(b),
            };
            if party.state != more.state {
                party.state.clear();
            }
        }
        None => parties.push(more),
    }
}

/// The most first; of equal numbers those that most depends on.
fn sort(parties: &mut [Party]) {
    const FIRST: [&str; 4] = ["sync-loop", "pleg", "runtime-status", "node-status"];
    let place = |p: &Party| FIRST.iter().position(|k| *k == p.owner.key).unwrap_or(FIRST.len());
    parties.sort_by(|a, b| {
        let by_count = b.count.cmp(&a.count).then(place(a).cmp(&place(b)));
        by_count.then_with(|| a.owner.cmp(&b.owner))
    });
}
