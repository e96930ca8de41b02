//! A pile -> a finding: what is claimed, what shows it, since when and how fast it grows.

use super::super::crowd::Group;
use super::super::judge::Scale;
use super::super::report::{
    Claim, Confidence, Dropped, Estimate, Evidence, Fact, Finding, Grown, Growth, Kind, Need, Party, Show, Since,
    SinceBasis, Verb, Weighed,
};
use super::super::stats::slope::theil_sen;
use super::super::words::short;
use super::{Counts, NameId, Scene, unit_of};
use crate::kubelet::{Role, SubsystemId};

impl Scene<'_> {
    /// The groups that go together with one, for evidence.
    pub(super) fn others(&self, of_family: &Counts, grows: bool, but: Option<&Group>) -> Vec<Evidence> {
        let book = &self.seen.book;
        let last = self.with[self.with.len() - 1];
        let mut found = Vec::new();
        for (family, counts) in self.families {
            if !self.goes_with(of_family, grows, family, counts) {
                continue;
            }
            let is = |g: &&Group| (unit_of(self.seen, g), g.stack, g.creator) == *family;
            let Some(g) = self.crowd.groups.iter().find(is) else {
                continue;
            };
            if but.is_some_and(|b| b.stack == g.stack && b.creator == g.creator) {
                continue;
            }
            let frames = self.seen.stacks.get(g.stack).iter().chain(&g.creator);
            found.push((
                (std::cmp::Reverse(g.count), g.stack),
                Evidence {
                    fact: Fact::Goroutines {
                        party: Party {
                            owner: family.0.0.map(|id| book.part(id)).unwrap_or_default(),
                            count: g.count,
                            state: g.wait.shown().to_owned(),
                            waits: g.span(),
                            waiting: g.with_wait(),
                            ..Party::default()
                        },
                        frames: frames.map(|&f| book.get(f).shown.clone()).collect(),
                    },
                    moment: last.label.clone(),
                    show: None,
                },
            ));
        }
        found.sort_by_key(|f| f.0);
        found.into_iter().take(5).map(|f| f.1).collect()
    }

    /// The telling function of a group: of the part itself where its stack has one.
    pub(super) fn function(&self, part: Option<SubsystemId>, g: &Group) -> String {
        let book = &self.seen.book;
        let frames = self.seen.stacks.get(g.stack);
        let of_part = frames.iter().find(|&&f| book.get(f).class.subsystem() == part);
        let telling = |f: &&NameId| {
            !matches!(
                book.get(**f).class.role(),
                Some(Role::Runtime | Role::Plain | Role::Wrapper)
            )
        };
        let found = of_part.or_else(|| frames.iter().find(telling)).copied();
        let found = found.or(g.creator).or(frames.first().copied());
        found.map_or_else(String::new, |f| book.get(f).shown.clone())
    }

    pub(super) fn weighed(&self, part: Option<SubsystemId>, counts: &Counts, dropped: Dropped) -> Weighed {
        Weighed {
            kind: Kind::Leak,
            subsystem: part.map(|id| self.seen.book.part(id)).unwrap_or_default(),
            subject: "goroutines".to_owned(),
            from: counts.first() as f64,
            to: counts.last() as f64,
            unit: "goroutines",
            values: counts.values.iter().map(|&v| v as f64).collect(),
            dropped,
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all of it was just computed for this one finding"
    )]
    pub(super) fn word(
        &self,
        part: Option<SubsystemId>,
        counts: &Counts,
        of_family: &Counts,
        usual: u64,
        together: usize,
        confidence: Confidence,
        scale: Scale,
        function: &str,
        group: Option<&Group>,
        grows: bool,
    ) -> Finding {
        let book = &self.seen.book;
        let last = self.with[self.with.len() - 1];
        let subsystem = part.map(|id| book.part(id)).unwrap_or_default();
        let mut show = Show::new(Verb::Goroutines, last.goroutine_sources());
        show.owner = Some(subsystem.key.clone()).filter(|k| !k.is_empty());
        show.snapshot = last.snapshot;
        let mut evidence = Vec::new();
        if grows {
            let values = self.with.iter().zip(&counts.values);
            evidence.push(Evidence {
                fact: Fact::Numbers {
                    what: format!("goroutines of {}", subsystem.title),
                    unit: "goroutines".to_owned(),
                    values: values.map(|(m, &v)| (m.at, v as f64, None)).collect(),
                },
                moment: String::new(),
                show: None,
            });
        }
        if let Some(g) = group {
            let frames = self.seen.stacks.get(g.stack).iter();
            evidence.push(Evidence {
                fact: Fact::Goroutines {
                    party: Party {
                        owner: subsystem.clone(),
                        count: g.count,
                        function: short(function),
                        call: String::new(),
                        state: g.wait.shown().to_owned(),
                        waits: g.span(),
                        waiting: g.with_wait(),
                        waits_for: None,
                        locked: false,
                    },
                    frames: frames.chain(&g.creator).map(|&f| book.get(f).shown.clone()).collect(),
                },
                moment: last.label.clone(),
                show: Some(show),
            });
        }
        evidence.extend(self.others(of_family, grows, group));
        let claim = if grows {
            Claim::Growth {
                what: Grown::Goroutines,
                from: counts.first() as f64,
                to: counts.last() as f64,
                error: None,
                bytes: None,
                together,
            }
        } else {
            Claim::Crowd {
                count: counts.last(),
                largest: of_family.last(),
                usual,
                together,
            }
        };
        let mut next = Vec::new();
        if !grows {
            next.push(Need::Snapshots(4));
        }
        if !self.crowd.knows_waits {
            next.push(Need::Dump);
        }
        Finding {
            rank: 0,
            kind: Kind::Leak,
            subsystem,
            subject: short(function),
            function: Some(function.to_owned()).filter(|f| !f.is_empty()),
            confidence,
            reasons: scale.into_reasons(),
            claim,
            since: self.onset(of_family, grows),
            growth: grows.then(|| self.rate(counts)).flatten(),
            known_issues: Vec::new(),
            evidence,
            remedies: Vec::new(),
            next,
        }
    }

    fn rate(&self, counts: &Counts) -> Option<Growth> {
        let points: Option<Vec<(f64, f64)>> = (self.with.iter().zip(&counts.values))
            .map(|(m, &v)| Some((m.seconds()? / 3600.0, v as f64)))
            .collect();
        let (value, low, high) = theil_sen(&points?)?;
        Some(Growth {
            per_hour: Estimate { value, low, high },
            bytes_per_hour: None,
            hours_to_limit: None,
            limit: None,
        })
    }

    fn onset(&self, of_family: &Counts, grows: bool) -> Option<Since> {
        if !grows {
            return None;
        }
        let first = of_family.first();
        let at = of_family.values.iter().position(|&v| v > first + 1)?;
        let basis = if at <= 1 {
            SinceBasis::ProcessStart
        } else {
            SinceBasis::Onset
        };
        Some(Since {
            after: (at > 1).then(|| self.with[at - 1].at).flatten(),
            before: self.with[if at <= 1 { 0 } else { at }].at,
            at_least: None,
            basis,
        })
    }
}
