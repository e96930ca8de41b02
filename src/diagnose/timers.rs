//! Timers that no longer fire: loops that wake every few seconds have all slept for the same long time.

use super::crowd::Wait;
use super::expect::Expectations;
use super::judge::Scale;
use super::observe::{Observed, Seen};
use super::place::{Place, place};
use super::report::{Claim, Evidence, Fact, Finding, Kind, Need, Party, Show, Since, SinceBasis, Verb, Why};
use super::words::short;

/// Nothing in a kubelet sleeps for so many minutes, and loops that wake often do not wait for so long.
const LEAST: u64 = 5;

/// Loops that sleep too long at the last moment with a dump.
pub(super) fn frozen(seen: &Observed, moments: &[usize], expected: &Expectations) -> Option<Finding> {
    let moment: &Seen = moments
        .iter()
        .rev()
        .map(|&m| &seen.moments[m])
        .find(|m| m.crowd.is_some())?;
    let crowd = moment.crowd.as_ref().filter(|c| c.knows_waits)?;
    let mut asleep = Vec::new();
    for g in &crowd.groups {
        let wakes = expected.of(g.attribution.owner, &seen.book).is_some_and(|l| l.wakes);
        let at_home = matches!(place(g, &seen.stacks, &seen.book), Place::Home | Place::Inner { .. });
        let sleeps = g.wait == Wait::Sleep || g.wait == Wait::Select && wakes && at_home;
        if sleeps && g.waits.first().is_some_and(|w| w.0 >= LEAST) && g.with_wait() == g.count {
            asleep.push(g);
        }
    }
    let (low, high) = asleep
        .iter()
        .filter_map(|g| g.span())
        .fold((u64::MAX, 0), |(l, h), s| (l.min(s.0), h.max(s.1)));
    let mut owners: Vec<_> = asleep.iter().map(|g| (g.attribution.owner, g.stack)).collect();
    owners.sort();
    owners.dedup();
    // They stopped at one time: a collection of garbage may have seen some of them two minutes later.
    if owners.len() < 3 || high > low + 3 {
        return None;
    }
    let mut scale = Scale::default();
    scale.add(
        2.5,
        Why::WaitTooLong {
            minutes: high,
            limit: 1,
        },
    );
    scale.add(0.5 * owners.len() as f64, Why::AgesEqual(high));
    let confidence = scale.confidence()?;
    let mut show = Show::new(Verb::Goroutines, moment.goroutine_sources());
    show.snapshot = moment.snapshot;
    let evidence = asleep.iter().take(4).map(|g| {
        let frames = seen.stacks.get(g.stack);
        let shown = |f: &super::book::NameId| seen.book.get(*f).shown.clone();
        Evidence {
            fact: Fact::Goroutines {
                party: Party {
                    owner: g.attribution.owner.map(|id| seen.book.part(id)).unwrap_or_default(),
                    count: g.count,
                    function: frames.last().map(|f| short(&shown(f))).unwrap_or_default(),
                    state: g.wait.shown().to_owned(),
                    waits: g.span(),
                    waiting: g.with_wait(),
                    ..Party::default()
                },
                frames: frames.iter().map(shown).collect(),
            },
            moment: moment.label.clone(),
            show: Some(show.clone()),
        }
    });
    let evidence = evidence.collect();
    let minutes = jiff::SignedDuration::from_mins(i64::try_from(high).unwrap_or(0));
    Some(Finding {
        rank: 0,
        kind: Kind::Stuck,
        subsystem: seen.book.part_of_key("go-runtime"),
        subject: "timers".to_owned(),
        function: None,
        confidence,
        reasons: scale.into_reasons(),
        claim: Claim::TimersFrozen {
            loops: owners.len(),
            goroutines: asleep.iter().map(|g| g.count).sum(),
        },
        since: Some(Since {
            after: None,
            before: moment.at.and_then(|t| t.checked_sub(minutes).ok()),
            at_least: Some(high * 60),
            basis: SinceBasis::WaitAge,
        }),
        growth: None,
        known_issues: Vec::new(),
        evidence,
        remedies: Vec::new(),
        next: vec![Need::NodeLook],
    })
}
