//! The signals that guides watch (goroutines, RSS, PLEG, CPU), judged on what this node has and has to do.

use super::super::outcome::{Judged, Limit, Outcome, Part, Skipped, Unit, Why};
use super::super::reading::Reading;
use super::super::rules::{Guide, Per, Signal};
use super::super::run::Run;
use super::assemble::{one_of, one_of_run};
use super::{Found, Scene};
use crate::diagnose::limits::usual_cores;
use crate::diagnose::report::{Evidence, Fact, Need, Show, Verb};

/// A signal at one moment.
struct Seen<'r> {
    reading: &'r Reading,
    value: f64,
    limit: Limit,
    fact: Fact,
    /// How many events the number rests on.
    events: Option<f64>,
}

pub(super) fn guide(scene: &Scene<'_>, g: &Guide) -> Found {
    let signals = if g.signals.is_empty() { Signal::ALL } else { &g.signals };
    let mut found = Found::default();
    for &signal in signals {
        match one(scene, g, signal) {
            Ok(judged) => found.subjects.push(judged),
            Err(why) => found.skipped.push((Part::Signal(signal).key(), why)),
        }
    }
    let named = !g.signals.is_empty();
    if found.subjects.is_empty() {
        found.problem = Some(super::RuleProblem::MatchesNothing);
    } else if named {
        // What a rule asks for by name is not passed over.
        for (key, why) in std::mem::take(&mut found.skipped) {
            let Some(&signal) = signals.iter().find(|s| Part::Signal(**s).key() == key) else {
                continue;
            };
            let mut j = Judged::of(Part::Signal(signal), unit(signal));
            j.outcome = Outcome::Inconclusive;
            j.why = match why {
                Skipped::Missing(need) => Why::Missing(need),
                Skipped::NoLimit => Why::Missing(Need::Metrics),
                Skipped::NoLoad => Why::NoLoad(Per::Pod),
            };
            found.subjects.push(j);
        }
    }
    found
}

fn unit(signal: Signal) -> Unit {
    match signal {
        Signal::Goroutines => Unit::Goroutines,
        Signal::Rss => Unit::Bytes,
        Signal::PlegRelist | Signal::PlegSeen => Unit::Seconds,
        Signal::Cpu => Unit::Cores,
    }
}

fn one(scene: &Scene<'_>, g: &Guide, signal: Signal) -> Result<Judged, Skipped> {
    let mut missing = Skipped::Missing(Need::Metrics);
    let mut captures = Vec::new();
    for c in scene.candidate {
        let mut runs = Vec::new();
        for run in &c.runs {
            let mut moments = Vec::new();
            for r in run.counted(|r| r.vitals.is_some()) {
                match seen(run, r, g, signal) {
                    Ok(s) => moments.push((s.value - s.limit.value, s)),
                    Err(why) => missing = why,
                }
            }
            runs.extend(one_of_run(moments, scene.assemble));
        }
        captures.extend(one_of(runs, scene.assemble));
    }
    let (excess, s) = one_of(captures, scene.assemble).ok_or(missing)?;
    let mut j = Judged::of(Part::Signal(signal), unit(signal));
    j.value = Some(s.value);
    j.limit = Some(s.limit);
    j.sampled = s.events;
    j.moment.clone_from(&s.reading.label);
    let sources = super::stacks::one_source(
        s.reading,
        if signal == Signal::Goroutines {
            "goroutine"
        } else {
            "metrics"
        },
    );
    let mut show = Show::new(
        if signal == Signal::Goroutines {
            Verb::Goroutines
        } else {
            Verb::Inspect
        },
        sources,
    );
    show.snapshot = s.reading.snapshot.filter(|_| signal == Signal::Goroutines);
    j.show = Some(show);
    j.evidence.push(Evidence {
        fact: s.fact,
        moment: s.reading.label.clone(),
        show: None,
    });
    if excess > 0.0 {
        (j.outcome, j.why) = match s.events {
            // A quantile of a few events is one of them.
            Some(n) if n < 20.0 => (Outcome::Inconclusive, Why::WithinError),
            _ => (Outcome::Fail, Why::Beyond),
        };
    }
    Ok(j)
}

/// The signal at a moment; rates since the moment before.
fn seen<'r>(run: &'r Run, r: &'r Reading, g: &Guide, signal: Signal) -> Result<Seen<'r>, Skipped> {
    let missing = Skipped::Missing(Need::Metrics);
    let v = r.vitals.as_ref().ok_or(missing)?;
    let before = (run.readings.iter().take_while(|b| !std::ptr::eq(*b, r)))
        .filter(|b| b.vitals.is_some())
        .last();
    let metric = |name: &str, first: Option<f64>, last: f64| Fact::Metric {
        name: name.to_owned(),
        first,
        last,
    };
    let plain = |value: f64| Limit {
        value,
        is_least: false,
        of_load: None,
        baseline: None,
    };
    let (value, limit, fact, events) = match signal {
        Signal::Goroutines => {
            let n = v.goroutines.ok_or(missing)?;
            let pods = r.load.pods.ok_or(Skipped::NoLoad)?;
            let limit = Limit {
                of_load: Some((g.goroutines, g.goroutines_per_pod, Per::Pod, pods)),
                ..plain(g.goroutines + g.goroutines_per_pod * pods)
            };
            (n, limit, metric("go_goroutines", None, n), None)
        }
        Signal::Rss => {
            let n = v.rss.ok_or(missing)?;
            // The node's memory is no limit of the kubelet, and the only one there is.
            let limit = g.rss_limit.or(run.machine.memory).ok_or(Skipped::NoLimit)?;
            let fact = metric("process_resident_memory_bytes", None, n);
            (n, plain(g.rss_share * limit), fact, None)
        }
        Signal::PlegRelist => {
            let since = before.and_then(|b| b.vitals.as_ref());
            let (n, events) = v.relist_p99(since).ok_or(missing)?;
            let fact = metric("kubelet_pleg_relist_duration_seconds p99", None, n);
            (n, plain(g.pleg_seconds), fact, Some(events))
        }
        Signal::PlegSeen => {
            let at = r.at.ok_or(missing)?.as_nanosecond() as f64 / 1e9;
            let last = v.pleg_seen.ok_or(missing)?;
            // Three minutes without a relist, and the kubelet itself says that it is not ready.
            (
                at - last,
                plain(180.0),
                metric("kubelet_pleg_last_seen_seconds", None, last),
                None,
            )
        }
        Signal::Cpu => {
            let b = before.ok_or(missing)?;
            let seconds =
                r.at.zip(b.at)
                    .map(|(to, from)| (to.as_nanosecond() - from.as_nanosecond()) as f64 / 1e9);
            let seconds = seconds.filter(|s| *s >= 1.0).ok_or(missing)?;
            let (first, last) = (
                b.vitals.as_ref().and_then(|v| v.cpu_seconds),
                v.cpu_seconds.ok_or(missing)?,
            );
            let used = (last - first.ok_or(missing)?) / seconds;
            let limit = g.cpu_cores.unwrap_or_else(|| usual_cores(r.load.pods).max(1.0));
            (
                used,
                plain(limit),
                metric("process_cpu_seconds_total", first, last),
                None,
            )
        }
    };
    Ok(Seen {
        reading: r,
        value,
        limit,
        fact,
        events,
    })
}
