//! What must be there and what must not: names and owners of frames, functions, states, builds.

use regex::Regex;

use super::super::outcome::{Judged, Limit, Outcome, Part, Unit, Why};
use super::super::reading::Reading;
use super::super::rows::Covered;
use super::super::rules::{Builds, Coverage, Frames, ProfileKind};
use super::assemble::{one_of, one_of_run};
use super::{Found, Scene};
use crate::diagnose::crowd::{StackKey, Wait};
use crate::diagnose::report::{Evidence, Fact, Show, Verb};

/// One of the moments that count, by how bad each is.
fn pick<'r, T>(scene: &Scene<'r>, rank: impl Fn(&'r Reading) -> Option<(f64, T)>) -> Option<T> {
    let mut captures = Vec::new();
    for c in scene.candidate {
        let mut runs = Vec::new();
        for run in &c.runs {
            let moments = run
                .counted(|r| rank(r).is_some())
                .into_iter()
                .filter_map(&rank)
                .collect();
            runs.extend(one_of_run(moments, scene.assemble));
        }
        captures.extend(one_of(runs, scene.assemble));
    }
    one_of(captures, scene.assemble).map(|(_, found)| found)
}

fn at_least(value: f64) -> Limit {
    Limit {
        value,
        is_least: true,
        of_load: None,
        baseline: None,
    }
}

/// How much has names and owners.
pub(super) fn coverage(scene: &Scene<'_>, c: &Coverage) -> Found {
    let kinds = if c.profiles.is_empty() {
        ProfileKind::ALL
    } else {
        &c.profiles
    };
    let mut found = Found::default();
    for &kind in kinds {
        let wanted = [("symbols", c.symbols), ("owners", c.owners)];
        for (what, limit) in wanted {
            let Some(limit) = limit else { continue };
            let share = |r: &Reading| match what {
                "symbols" => covered(r, kind)
                    .filter(|c| c.locations > 0)
                    .map(|c| (c.named as f64 / c.locations as f64, 0.0)),
                _ => owners(r, kind),
            };
            let one = pick(scene, |r| {
                share(r).map(|(value, error)| (limit - value, (r, value, error)))
            });
            let Some((r, value, error)) = one else { continue };
            let mut j = Judged::of(Part::Share(kind.as_str(), what), Unit::Share);
            j.value = Some(value);
            j.error = Some(error);
            j.limit = Some(at_least(limit));
            j.moment.clone_from(&r.label);
            j.show = Some(inspect(r, kind));
            if value < limit {
                (j.outcome, j.why) = match limit - value > 2.0 * error {
                    true => (Outcome::Fail, Why::Beyond),
                    false => (Outcome::Inconclusive, Why::WithinError),
                };
            }
            found.subjects.push(j);
        }
    }
    if found.subjects.is_empty() {
        return Found::nothing();
    }
    found
}

fn inspect(r: &Reading, kind: ProfileKind) -> Show {
    let mut show = Show::new(Verb::Inspect, super::stacks::one_source(r, kind.as_str()));
    show.snapshot = r.snapshot;
    show.kind = r.snapshot.map(|_| kind.as_str().to_owned());
    show
}

fn covered(r: &Reading, kind: ProfileKind) -> Option<Covered> {
    match kind {
        ProfileKind::Goroutine => r.goroutines.as_ref().map(|_| r.goroutines_covered),
        ProfileKind::Heap => r.heap.as_ref().map(|h| h.covered),
        ProfileKind::Cpu => r.cpu.as_ref().map(|c| c.covered),
    }
}

/// Share of a profile that has an owner, with its error.
fn owners(r: &Reading, kind: ProfileKind) -> Option<(f64, f64)> {
    if kind == ProfileKind::Goroutine {
        let crowd = r.goroutines.as_ref().filter(|c| c.total > 0)?;
        let owned = crowd.groups.iter().filter(|g| g.attribution.owner.is_some());
        return Some((owned.map(|g| g.count).sum::<u64>() as f64 / crowd.total as f64, 0.0));
    }
    let c = covered(r, kind).filter(|c| c.value > 0.0)?;
    let share = c.owned / c.value;
    let error = if c.sampled > 0.0 {
        (share * (1.0 - share) / c.sampled).sqrt()
    } else {
        0.0
    };
    Some((share, error))
}

/// What is counted of one stack or group.
struct Counted {
    stack: StackKey,
    count: f64,
    state: Option<Wait>,
}

fn counted(r: &Reading, f: &Frames) -> Option<Vec<Counted>> {
    Some(match f.profile {
        ProfileKind::Goroutine => {
            let crowd = r.goroutines.as_ref()?;
            let of = |g: &crate::diagnose::crowd::Group| Counted {
                stack: g.stack,
                count: if f.min_wait > 0 {
                    g.at_least(f.min_wait)
                } else {
                    g.count
                } as f64,
                state: Some(g.wait),
            };
            crowd.groups.iter().map(of).collect()
        }
        ProfileKind::Heap => (r.heap.as_ref()?.rows.iter())
            .map(|row| Counted {
                stack: row.stack,
                count: row.k as f64,
                state: None,
            })
            .collect(),
        ProfileKind::Cpu => (r.cpu.as_ref()?.rows.iter())
            .map(|row| Counted {
                stack: row.stack,
                count: row.ticks as f64,
                state: None,
            })
            .collect(),
    })
}

/// Frames and states that must be there, or must not.
pub(super) fn frames(scene: &Scene<'_>, f: &Frames) -> Found {
    let mut found = Found::default();
    let has = |r: &Reading| counted(r, f).is_some();
    if !scene
        .candidate
        .iter()
        .flat_map(|c| &c.runs)
        .flat_map(|r| &r.readings)
        .any(has)
    {
        return Found::nothing();
    }
    let unit = if f.profile == ProfileKind::Goroutine {
        Unit::Goroutines
    } else {
        Unit::Samples
    };
    let mut one = |part: Part, regex: Option<&Regex>, required: bool, is: &dyn Fn(&Counted) -> bool| {
        let sum = |r: &Reading| {
            let all = counted(r, f)?;
            let of = all.iter().filter(|c| is(c));
            let largest = of.clone().max_by(|a, b| a.count.total_cmp(&b.count)).map(|c| c.stack);
            Some((of.map(|c| c.count).sum::<f64>(), largest))
        };
        let rank = |count: f64| if required { -count } else { count };
        let picked = pick(scene, |r| sum(r).map(|(n, stack)| (rank(n), (r, n, stack))));
        let Some((r, count, stack)) = picked else { return };
        let mut j = Judged::of(part, unit);
        j.value = Some(count);
        j.moment.clone_from(&r.label);
        let limit = if required { 1.0 } else { f.max as f64 };
        j.limit = Some(Limit {
            is_least: required,
            ..at_least(limit)
        });
        let sources = super::stacks::one_source(r, f.profile.as_str());
        let verb = if f.profile == ProfileKind::Goroutine {
            Verb::Goroutines
        } else {
            Verb::Top
        };
        let mut show = Show::new(verb, sources);
        show.snapshot = r.snapshot;
        show.kind = (r.snapshot.is_some() && verb == Verb::Top).then(|| f.profile.as_str().to_owned());
        show.focus = regex.filter(|_| !required).map(|r| r.as_str().to_owned());
        j.show = Some(show);
        (j.outcome, j.why) = match (required, count >= 1.0, count > limit) {
            (true, false, _) => (Outcome::Fail, Why::NotThere),
            (false, _, true) => (Outcome::Fail, Why::There),
            _ => (Outcome::Pass, Why::AsRequired),
        };
        if j.outcome == Outcome::Fail
            && let Some(stack) = stack
        {
            j.evidence.push(Evidence {
                fact: Fact::Stack(scene.names.shown(stack)),
                moment: r.label.clone(),
                show: None,
            });
            if scene.case.culprits {
                j.culprits.push(super::super::outcome::Culprit {
                    value: count,
                    frames: scene.names.shown(stack),
                });
            }
        }
        found.subjects.push(j);
    };
    for (list, required) in [(&f.forbid, false), (&f.require, true)] {
        for (text, regex) in list {
            let fits = scene.names.functions_that(regex);
            let is = |c: &Counted| scene.names.stack_has(c.stack, &fits);
            one(Part::Frame(text.clone()), Some(regex), required, &is);
        }
    }
    for state in &f.forbid_states {
        let wait = Wait::of_state(state);
        one(Part::State(state.clone()), None, false, &|c| c.state == Some(wait));
    }
    found
}

/// Builds that are allowed.
pub(super) fn builds(scene: &Scene<'_>, b: &Builds) -> Found {
    let runs = scene.candidate.iter().flat_map(|c| &c.runs);
    let mut found = Found::default();
    for run in runs {
        let id = &run.process.build_id;
        let mut j = Judged::of(
            Part::Build(if id.is_empty() {
                "unknown".to_owned()
            } else {
                id.clone()
            }),
            Unit::Nothing,
        );
        (j.outcome, j.why) = match b.allow.iter().any(|a| id.starts_with(a.as_str())) {
            _ if id.is_empty() => (Outcome::Inconclusive, Why::BuildUnknown),
            true => (Outcome::Pass, Why::AsRequired),
            false => (Outcome::Fail, Why::NotAllowed),
        };
        j.show = run.readings.first().map(inspect_first);
        if !found.subjects.iter().any(|s| s.part == j.part) {
            found.subjects.push(j);
        }
    }
    if found.subjects.is_empty() {
        return Found::nothing();
    }
    found
}

fn inspect_first(r: &Reading) -> Show {
    let kind = match (&r.heap, &r.goroutines) {
        (Some(_), _) => ProfileKind::Heap,
        (None, Some(_)) => ProfileKind::Goroutine,
        (None, None) => ProfileKind::Cpu,
    };
    inspect(r, kind)
}
