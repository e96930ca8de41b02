//! What does not go on: goroutines that wait in one place are one finding, with who waits for them.
//!
//! Nothing proves a hang but time. Witnesses are: a wait longer than such a wait may last, the same loop in the same
//! call at moment after moment, parts that have nothing to do with each other in calls to the same far end at once, most
//! goroutines of a part there at once, metrics. Each adds the logarithm of how much likelier it is in a hung kubelet than in a
//! healthy one; the sum decides how sure the finding is.

use rustc_hash::FxHashMap;

use super::crowd::{Crowd, Group, Wait};
use super::expect::Expectations;
use super::judge::Scale;
use super::observe::{Observed, Seen};
use super::place::{Place, place};
use super::report::{
    Claim, Confidence, Evidence, Fact, FarEnd, Finding, Kind, Need, Part, Party, Show, Since, SinceBasis, Verb, Why,
};
use crate::kubelet::SubsystemId;

/// What goroutines wait at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
enum Barrier {
    Call(FarEnd),
    Lock(Option<SubsystemId>),
    Send(Option<SubsystemId>),
}

/// Goroutines at one barrier.
#[derive(Debug, Default)]
struct Cohort<'a> {
    members: Vec<(&'a Group, Place)>,
}

/// Findings about what does not go on at the last moment that has goroutines.
pub(super) fn stuck(seen: &Observed, moments: &[usize], expected: &Expectations) -> Vec<Finding> {
    let with_crowd: Vec<usize> = moments
        .iter()
        .copied()
        .filter(|&m| seen.moments[m].crowd.is_some())
        .collect();
    let Some(&last) = with_crowd.last() else {
        return Vec::new();
    };
    let moment = &seen.moments[last];
    let Some(crowd) = &moment.crowd else { return Vec::new() };
    let mut cohorts: FxHashMap<Barrier, Cohort> = FxHashMap::default();
    let mut inner: Vec<(&Group, SubsystemId)> = Vec::new();
    for group in &crowd.groups {
        let at = place(group, &seen.stacks, &seen.book);
        if expected.is_usual(group, at, &seen.stacks, &seen.book) {
            continue;
        }
        let barrier = match at {
            Place::Home | Place::Running => continue,
            Place::Call { far_end, .. } => Barrier::Call(far_end),
            Place::Lock { at } => Barrier::Lock(seen.book.get(at).class.subsystem()),
            Place::Send { at } => Barrier::Send(seen.book.get(at).class.subsystem()),
            Place::Inner { part, .. } => {
                inner.push((group, part));
                continue;
            }
        };
        cohorts.entry(barrier).or_default().members.push((group, at));
    }
    let mut barriers: Vec<(Barrier, Cohort)> = cohorts.into_iter().collect();
    barriers.sort_by_key(|(b, _)| *b);
    let judge = Judge {
        seen,
        moment,
        crowd,
        expected,
        earlier: &with_crowd[..with_crowd.len() - 1],
        inner: &inner,
    };
    barriers
        .iter()
        .filter_map(|(barrier, cohort)| judge.finding(*barrier, cohort))
        .collect()
}

struct Judge<'a> {
    seen: &'a Observed,
    moment: &'a Seen,
    crowd: &'a Crowd,
    expected: &'a Expectations,
    earlier: &'a [usize],
    inner: &'a [(&'a Group, SubsystemId)],
}

impl Judge<'_> {
    fn finding(&self, barrier: Barrier, cohort: &Cohort) -> Option<Finding> {
        let book = &self.seen.book;
        let mut scale = Scale::default();
        let mut parties: Vec<Party> = Vec::new();
        let (mut oldest, mut over, mut limit_of_oldest) = (0u64, 0u64, 0u64);
        let mut owners: Vec<Option<SubsystemId>> = Vec::new();
        for (group, at) in &cohort.members {
            let limit = self.expected.longest(*at, book);
            let waited = group.max_wait();
            if waited >= limit {
                over += group.at_least(limit);
            }
            if waited > oldest {
                (oldest, limit_of_oldest) = (waited, limit);
            }
            if !owners.contains(&group.attribution.owner) {
                owners.push(group.attribution.owner);
            }
            add(&mut parties, self.party(group, *at));
        }
        if over > 0 {
            let many = over >= 5 || owners.len() >= 3;
            scale.add(
                if many { 3.0 } else { 2.0 },
                Why::WaitTooLong {
                    minutes: oldest,
                    limit: limit_of_oldest,
                },
            );
        } else if !self.crowd.knows_waits {
            scale.note(Why::NoWaits);
        }
        let singles = owners.iter().filter(|o| self.expected.is_single(**o, book)).count();
        if singles >= 2 {
            scale.add(1.2 * (singles - 1) as f64, Why::ManyOwners(singles));
        }
        for &owner in &owners {
            self.share(owner, cohort, &mut scale);
        }
        self.persistence(barrier, &owners, &mut scale);
        let victims = self.victims(&owners, barrier);
        if let Some(longest) = victims.iter().filter_map(|v| v.waits).map(|w| w.1).max()
            && longest >= 2
        {
            scale.add(1.0, Why::AgesEqual(longest));
        }
        let confidence = scale.confidence()?;
        parties.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.owner.cmp(&b.owner)));
        Some(self.word(barrier, cohort, parties, victims, confidence, scale))
    }

    /// Most goroutines of one part at the same barrier.
    fn share(&self, owner: Option<SubsystemId>, cohort: &Cohort, scale: &mut Scale) {
        if self.expected.is_single(owner, &self.seen.book) {
            return;
        }
        let here: u64 = (cohort.members.iter())
            .filter(|(g, _)| g.attribution.owner == owner)
            .map(|(g, _)| g.count)
            .sum();
        let all: u64 = (self.crowd.groups.iter())
            .filter(|g| g.attribution.owner == owner)
            .map(|g| g.count)
            .sum();
        if here >= 5 && here * 2 >= all {
            let weight = if here * 10 >= all * 9 { 3.0 } else { 2.0 };
            scale.add(weight, Why::MostAtOnce { count: here, of: all });
        }
    }

    /// Loops that stood at this barrier at earlier moments as well.
    fn persistence(&self, barrier: Barrier, owners: &[Option<SubsystemId>], scale: &mut Scale) {
        let book = &self.seen.book;
        let single: Vec<_> = owners.iter().filter(|o| self.expected.is_single(**o, book)).collect();
        if single.is_empty() {
            return;
        }
        let mut moments = 1;
        for &m in self.earlier.iter().rev() {
            let Some(crowd) = &self.seen.moments[m].crowd else {
                break;
            };
            let again = single.iter().filter(|o| {
                crowd
                    .groups
                    .iter()
                    .any(|g| ***o == g.attribution.owner && self.is_at(g, barrier))
            });
            // A loop may have been there by chance; most of them not.
            let again = again.count() * 2 > single.len();
            if !again {
                break;
            }
            moments += 1;
        }
        if moments >= 2 {
            scale.add(
                1.2 * (moments - 1) as f64,
                Why::Persists {
                    moments,
                    of: self.earlier.len() + 1,
                },
            );
        }
    }

    /// Whether a group stands at a barrier.
    fn is_at(&self, group: &Group, barrier: Barrier) -> bool {
        let book = &self.seen.book;
        let at = place(group, &self.seen.stacks, book);
        let same = match (at, barrier) {
            (Place::Call { far_end, .. }, Barrier::Call(b)) => far_end == b,
            (Place::Lock { at }, Barrier::Lock(b)) => book.get(at).class.subsystem() == b,
            (Place::Send { at }, Barrier::Send(b)) => book.get(at).class.subsystem() == b,
            _ => false,
        };
        same && !self.expected.is_usual(group, at, &self.seen.stacks, book)
    }

    /// Who waits for the owners of a cohort.
    fn victims(&self, owners: &[Option<SubsystemId>], barrier: Barrier) -> Vec<Party> {
        let mut victims: Vec<Party> = Vec::new();
        for (group, part) in self.inner {
            let waits_for = self
                .expected
                .waits_for(group, *part, &self.seen.stacks, &self.seen.book);
            let of_root = waits_for.is_some_and(|p| owners.contains(&Some(p)));
            let by_far_end = matches!(barrier, Barrier::Call(FarEnd::Runtime | FarEnd::ImageService))
                && waits_for.is_some_and(|p| self.seen.book.knowledge.key(p) == "kuberuntime");
            if !(of_root || by_far_end) {
                continue;
            }
            let mut party = self.party(group, Place::Home);
            party.waits_for = waits_for.map(|p| self.seen.book.part(p));
            add(&mut victims, party);
        }
        victims.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.owner.cmp(&b.owner)));
        victims
    }

    fn party(&self, group: &Group, at: Place) -> Party {
        let book = &self.seen.book;
        let shown = |id| super::words::short(&book.get(id).shown);
        let frames = self.seen.stacks.get(group.stack);
        let own = group
            .attribution
            .owner_frame
            .and_then(|f| frames.get(f as usize).copied());
        let (call, function) = match at {
            Place::Call { method, .. } => (method.map(shown).unwrap_or_default(), own),
            Place::Lock { at } | Place::Send { at } | Place::Inner { at, .. } => (String::new(), Some(at)),
            Place::Home | Place::Running => (String::new(), own),
        };
        Party {
            owner: match group.attribution.owner {
                Some(id) => book.part(id),
                None => Part::default(),
            },
            count: group.count,
            function: function.map(shown).unwrap_or_default(),
            call,
            state: if group.wait == Wait::Unknown {
                String::new()
            } else {
                group.wait.shown().to_owned()
            },
            waits: group.span(),
            waiting: group.with_wait(),
            waits_for: None,
        }
    }

    fn word(
        &self,
        barrier: Barrier,
        cohort: &Cohort,
        parties: Vec<Party>,
        victims: Vec<Party>,
        confidence: Confidence,
        scale: Scale,
    ) -> Finding {
        let book = &self.seen.book;
        let first = &parties[0];
        let main = cohort.members.iter().max_by_key(|(g, _)| (g.max_wait(), g.count));
        let function = main.map(|(g, at)| match at {
            Place::Call { method: Some(id), .. } | Place::Lock { at: id } | Place::Send { at: id } => {
                book.get(*id).shown.clone()
            }
            _ => {
                let frames = self.seen.stacks.get(g.stack);
                frames.first().map_or_else(String::new, |&f| book.get(f).shown.clone())
            }
        });
        let (kind, subsystem, subject) = match barrier {
            Barrier::Call(far_end) => {
                let sync_loop = parties.iter().any(|p| p.owner.key == "sync-loop");
                let kind = if sync_loop { Kind::Stuck } else { Kind::Environment };
                (kind, self.subsystem(far_end, first), far_end.as_str().to_owned())
            }
            Barrier::Lock(part) => {
                let part = part.map_or_else(|| first.owner.clone(), |id| book.part(id));
                (Kind::Stuck, part, "lock".to_owned())
            }
            Barrier::Send(_) => (Kind::Stuck, first.owner.clone(), "channel".to_owned()),
        };
        let longest = parties
            .iter()
            .chain(&victims)
            .filter_map(|p| p.waits)
            .map(|w| w.1)
            .max();
        let since = self.since(longest, &scale);
        let evidence = self.evidence(cohort, &parties);
        let mut next = Vec::new();
        if !self.crowd.knows_waits {
            next.push(Need::Dump);
        }
        if confidence < Confidence::Certain && matches!(barrier, Barrier::Call(FarEnd::Runtime)) {
            next.push(Need::RuntimeDump);
        }
        let claim = match barrier {
            Barrier::Call(far_end) => Claim::NoAnswer {
                far_end,
                callers: parties,
                victims,
            },
            Barrier::Lock(_) => Claim::LockWait {
                waiters: parties,
                holders: Vec::new(),
            },
            Barrier::Send(_) => Claim::NotTaken {
                senders: parties,
                taker: None,
            },
        };
        Finding {
            rank: 0,
            kind,
            subsystem,
            subject,
            function,
            confidence,
            reasons: scale.into_reasons(),
            claim,
            since,
            growth: None,
            known_issues: Vec::new(),
            evidence,
            remedies: Vec::new(),
            next,
        }
    }

    fn subsystem(&self, far_end: FarEnd, first: &Party) -> Part {
        let key = match far_end {
            FarEnd::Runtime => "cri-client",
            FarEnd::ImageService => "images",
            FarEnd::CsiDriver => "csi",
            FarEnd::DevicePlugin => "device-plugins",
            FarEnd::DraDriver => "dra",
            FarEnd::PluginSocket => "plugin-registration",
            FarEnd::ApiServer | FarEnd::Throttle => "api-client",
            FarEnd::CredentialProvider => "images",
            FarEnd::Grpc => "cri-client",
            _ => return first.owner.clone(),
        };
        self.seen.book.part_of_key(key)
    }

    fn since(&self, longest: Option<u64>, scale: &Scale) -> Option<Since> {
        let minutes = longest.filter(|&m| m > 0);
        let before = match (self.moment.at, minutes) {
            (Some(at), Some(m)) => at
                .checked_sub(jiff::SignedDuration::from_mins(i64::try_from(m).ok()?))
                .ok(),
            _ => None,
        };
        if let Some(m) = minutes {
            return Some(Since {
                after: None,
                before,
                at_least: Some(m * 60),
                basis: SinceBasis::WaitAge,
            });
        }
        let persists = scale.persists()?;
        let first = self.earlier.len().checked_sub(persists - 1)?;
        let onset = self.earlier.get(first).copied();
        let ago = first.checked_sub(1).and_then(|i| self.earlier.get(i)).copied();
        Some(Since {
            after: ago.and_then(|m| self.seen.moments[m].at),
            before: onset.and_then(|m| self.seen.moments[m].at),
            at_least: None,
            basis: SinceBasis::Onset,
        })
    }

    fn evidence(&self, cohort: &Cohort, parties: &[Party]) -> Vec<Evidence> {
        let book = &self.seen.book;
        parties
            .iter()
            .take(4)
            .map(|party| {
                let of = |g: &&(&Group, Place)| {
                    g.0.attribution.owner.map(|id| book.knowledge.key(id)) == Some(party.owner.key.as_str())
                };
                let frames = cohort.members.iter().filter(of).max_by_key(|(g, _)| g.count);
                let frames = frames.map_or_else(Vec::new, |(g, _)| {
                    let frames = self.seen.stacks.get(g.stack).iter();
                    frames.map(|&f| book.get(f).shown.clone()).collect()
                });
                let mut show = Show::new(Verb::Goroutines, self.moment.sources.clone());
                show.owner = Some(party.owner.key.clone()).filter(|k| !k.is_empty());
                show.snapshot = self.moment.snapshot;
                Evidence {
                    fact: Fact::Goroutines {
                        party: party.clone(),
                        frames,
                    },
                    moment: self.moment.label.clone(),
                    show: Some(show),
                }
            })
            .collect()
    }
}

/// Adds a party to that of the same owner and call.
fn add(parties: &mut Vec<Party>, more: Party) {
    let same = |p: &&mut Party| p.owner == more.owner && p.call == more.call && p.function == more.function;
    match parties.iter_mut().find(same) {
        Some(party) => {
            party.count += more.count;
            party.waiting += more.waiting;
            party.waits = match (party.waits, more.waits) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (a, b) => a.or(b),
            };
        }
        None => parties.push(more),
    }
}
