//! Time lost to locks, from mutex and block profiles.
//!
//! A block profile is full of idle waits: channels, selects and timers say nothing of contention, so only stacks that wait
//! in a lock count. A stock kubelet never samples its mutexes: an empty profile of them proves nothing.

use rustc_hash::FxHashMap;

use super::book::Book;
use super::judge::Scale;
use super::observe::{Observed, Seen};
use super::report::{Claim, Evidence, Fact, Finding, Kind, Need, Show, Verb, Why};
use crate::kubelet::{Role, SubsystemId};
use crate::model::Profile;

/// Seconds of waiting below which nothing is said.
const LEAST: f64 = 30.0;

/// Waiting for locks at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct LockDigest {
    /// Seconds and events by the part whose lock it is.
    rows: Vec<(SubsystemId, f64, u64)>,
    /// Seconds of all.
    seconds: f64,
}

impl LockDigest {
    /// Whether nothing was recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Reads a mutex or block profile.
    pub(super) fn of(p: &Profile, book: &mut Book, is_mutex: bool) -> Self {
        let find = |name: &str| p.sample_types.iter().position(|t| p.text(t.kind) == name);
        let (Some(count), Some(delay)) = (find("contentions"), find("delay")) else {
            return Self::default();
        };
        let names = book.functions(p);
        let mut rows: FxHashMap<SubsystemId, (f64, u64)> = FxHashMap::default();
        let mut digest = Self::default();
        for i in 0..p.samples.len() {
            let values = p.samples.values(i);
            let frames = p.stack(p.samples.stack(i)).iter().flat_map(|&l| p.lines_of(l));
            let (mut is_lock, mut part) = (is_mutex, None);
            for line in frames {
                let name = book.get(names[line.function.index()]);
                is_lock |= name.key.starts_with("sync.(*Mutex).")
                    || name.key.starts_with("sync.(*RWMutex).")
                    || name.key.starts_with("internal/sync.(*Mutex).");
                match name.class.known {
                    Some((_, Role::Runtime | Role::Plain)) => {}
                    Some((id, _)) => {
                        part = Some(id);
                        break;
                    }
                    None => break,
                }
            }
            let Some(part) = part.filter(|_| is_lock) else { continue };
            let seconds = values[delay].max(0) as f64 / 1e9;
            let row = rows.entry(part).or_default();
            row.0 += seconds;
            row.1 += values[count].max(0) as u64;
            digest.seconds += seconds;
        }
        digest.rows = rows.into_iter().map(|(part, (s, n))| (part, s, n)).collect();
        digest.rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        digest
    }
}

/// Locks that cost time; whether there was anything to look at; and what is missing where there was not.
pub(super) fn contended(seen: &Observed, moments: &[usize]) -> (Vec<Finding>, usize, Need) {
    let all: Vec<&Seen> = moments.iter().map(|&m| &seen.moments[m]).collect();
    let with_locks = all.iter().rev().find_map(|m| Some((*m, m.locks.as_ref()?)));
    let Some((moment, locks)) = with_locks else {
        return (Vec::new(), 0, Need::BlockProfile);
    };
    // Both profiles count from the start of the process.
    let age = moment
        .seconds()
        .zip(moment.process.started)
        .map(|(t, s)| t - s)
        .filter(|a| *a > 1.0);
    // So much waiting in how long a time?
    let Some(age) = age else {
        return (Vec::new(), 0, Need::Metrics);
    };
    let mut findings = Vec::new();
    for &(part, seconds, events) in &locks.rows {
        let rate = seconds / age;
        if seconds < LEAST || rate < 0.1 {
            continue;
        }
        let mut scale = Scale::default();
        scale.add(1.0 + (rate / 0.1).log10(), Why::LockTime { seconds, events });
        let Some(confidence) = scale.confidence() else { continue };
        let mut show = Show::new(Verb::Top, moment.sources.clone());
        show.kind = Some("contention".to_owned());
        show.snapshot = moment.snapshot;
        let part = seen.book.part(part);
        findings.push(Finding {
            rank: 0,
            kind: Kind::Contention,
            subject: "lock".to_owned(),
            function: None,
            confidence,
            reasons: scale.into_reasons(),
            claim: Claim::Contention {
                rate,
                share: seconds / locks.seconds.max(1e-9),
            },
            since: None,
            growth: None,
            known_issues: Vec::new(),
            evidence: vec![Evidence {
                fact: Fact::Metric {
                    name: format!("seconds of waiting for locks of {}", part.title),
                    first: None,
                    last: seconds,
                },
                moment: moment.label.clone(),
                show: Some(show),
            }],
            subsystem: part,
            remedies: Vec::new(),
            next: Vec::new(),
        });
    }
    (findings, locks.rows.len().max(1), Need::BlockProfile)
}
