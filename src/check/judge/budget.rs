//! A number against limits: fixed ones, or ones for each pod, container, probe or cgroup that runs.

use super::super::outcome::{Floor, Judged, Limit, Outcome, Tested, Unit, Why, load_of};
use super::super::reading::Reading;
use super::super::rules::{Budget, Measure};
use super::super::subject::{Key, Matcher, Tally};
use super::assemble::{Doubtful, Table, beyond, decide};
use super::stacks;
use super::{Found, Scene};
use crate::diagnose::stats::fdr::Test;

/// One number at one moment.
struct Held<'r> {
    reading: &'r Reading,
    tally: Tally,
    limit: Option<Limit>,
}

pub(super) fn budget(scene: &Scene<'_>, b: &Budget) -> Found {
    let mut matcher = Matcher::new(b.measure, scene.metric(&b.metric), &b.scope, &b.filter, scene.names);
    let table = Table::new(scene.candidate, &mut matcher);
    if table.0.is_empty() {
        return Found::nothing();
    }
    let mut keys = table.keys();
    if keys.is_empty() {
        return Found::nothing();
    }
    keys.extend(matcher.named());
    let mut all = Vec::new();
    let mut floor = None;
    for key in keys {
        let held = table.pick(scene.assemble, |told| {
            let tally = told.of(key);
            let limit = limit(b, told.reading, tally.value);
            let excess = limit.map_or(0.0, |l| {
                if l.is_least {
                    l.value - tally.value
                } else {
                    tally.value - l.value
                }
            });
            let reading = told.reading;
            (excess, Held { reading, tally, limit })
        });
        let Some(held) = held else { continue };
        if key == Key::Total {
            floor = Some(of_total(scene, b.measure, &held.tally));
        }
        all.push(judged(scene, b, &mut matcher, key, &held));
    }
    Found {
        subjects: decide(all, scene.alpha, |_| Why::Beyond),
        floor,
        ..Found::default()
    }
}

/// The limit that matters at this moment: the one that is broken, else the upper one.
fn limit(b: &Budget, reading: &Reading, value: f64) -> Option<Limit> {
    let of = |limit: f64, is_least: bool| {
        let Some(per) = b.per else {
            return Some(Limit {
                value: limit,
                is_least,
                of_load: None,
                baseline: None,
            });
        };
        let load = load_of(&reading.load, per)?;
        Some(Limit {
            value: b.base + limit * load,
            is_least,
            of_load: Some((b.base, limit, per, load)),
            baseline: None,
        })
    };
    let (most, least) = (b.max.map(|m| of(m, false)), b.min.map(|m| of(m, true)));
    match (most.flatten(), least.flatten()) {
        (_, Some(least)) if value < least.value => Some(least),
        (Some(most), _) => Some(most),
        (None, least) => least,
    }
}

fn judged(scene: &Scene<'_>, b: &Budget, matcher: &mut Matcher<'_>, key: Key, held: &Held<'_>) -> Doubtful {
    let tally = &held.tally;
    let mut j = Judged::of(matcher.part(key), Unit::of(b.measure));
    j.value = Some(tally.value);
    j.limit = held.limit;
    j.moment.clone_from(&held.reading.label);
    j.show = stacks::show(matcher, key, held.reading);
    let sampled = matches!(
        b.measure,
        Measure::Objects | Measure::Bytes | Measure::CpuShare | Measure::CpuCores
    );
    if sampled {
        j.error = tally.error();
        j.sampled = Some(tally.counted);
    }
    let Some(limit) = held.limit else {
        j.outcome = Outcome::Inconclusive;
        j.why = b.per.map_or(Why::Within, Why::NoLoad);
        return Doubtful { judged: j, test: None };
    };
    let is_beyond = if limit.is_least {
        tally.value < limit.value
    } else {
        tally.value > limit.value
    };
    if is_beyond {
        j.evidence = stacks::evidence(matcher, key, held.reading);
        if scene.case.culprits {
            j.culprits = stacks::culprits(matcher, key, held.reading, None);
        }
    }
    if !sampled {
        if is_beyond {
            (j.outcome, j.why) = (Outcome::Fail, Why::Beyond);
        }
        return Doubtful { judged: j, test: None };
    }
    let Some(variance) = tally.variance else {
        if is_beyond {
            (j.outcome, j.why) = (Outcome::Inconclusive, Why::ErrorUnknown);
        }
        return Doubtful { judged: j, test: None };
    };
    let p = match is_beyond {
        true => beyond(tally.value, variance, limit.value, limit.is_least),
        false => 1.0,
    };
    if is_beyond {
        (j.outcome, j.why) = (Outcome::Fail, Why::WithinError);
    }
    Doubtful {
        judged: j,
        test: Some(Test { p, smallest: 0.0 }),
    }
}

fn of_total(scene: &Scene<'_>, measure: Measure, tally: &Tally) -> Floor {
    Floor {
        rule: scene.rule.id.clone(),
        unit: Unit::of(measure),
        error: tally.error(),
        total: tally.value,
        seen: None,
        runs: (0, 0),
        by: Tested::Sampling,
    }
}
