//! Nothing is larger than in the baseline: one run against one by the sampling error inside of the profiles, several by
//! permutation of the runs.

use std::collections::BTreeMap;
use std::slice;

use super::super::outcome::{Floor, Judged, Limit, Outcome, Tested, Unit, Why};
use super::super::reading::Reading;
use super::super::rules::{Assemble, Measure, NoRegression, Scope};
use super::super::run::Capture;
use super::super::subject::{Key, Matcher, Tally};
use super::assemble::{Doubtful, RunTold, Table, decide, is_young, one_of};
use super::{Found, Scene, attribution, stacks};
use crate::diagnose::report::{Evidence, Fact, Show, Verb};
use crate::diagnose::stats::fdr::Test;
use crate::diagnose::stats::permutation::{Observed, dispersions, ranks, ways};
use crate::diagnose::stats::weighted::{Stratum, compare as compare_counts};

/// Runs are permuted where there are this many ways to divide them.
const WAYS: usize = 20;
/// Among the ways to divide the runs the seen one must be among this share of the largest differences.
const RANK: f64 = 0.05;
/// Goroutines come in bunches: a pod that starts brings about this many, a burst of probes as many. Counts of a single
/// moment are worth that much less.
const BUNCH: f64 = 10.0;
/// Of what grew this share must have become less elsewhere for it to be called moved.
const MOVED: f64 = 0.7;

/// A number of one side.
#[derive(Clone)]
pub(super) struct Side<'r> {
    pub(super) reading: &'r Reading,
    pub(super) tally: Tally,
}

/// Both sides of a subject.
pub(super) struct Pair<'r> {
    pub(super) key: Key,
    pub(super) old: Side<'r>,
    pub(super) new: Side<'r>,
}

impl Pair<'_> {
    fn change(&self) -> f64 {
        self.new.tally.value - self.old.tally.value
    }

    /// Standard error of the change.
    pub(super) fn error(&self) -> Option<f64> {
        let (a, b) = (self.old.tally.variance?, self.new.tally.variance?);
        Some((a + b).sqrt())
    }
}

pub(super) fn compare(scene: &Scene<'_>, rule: &NoRegression) -> Found {
    let mut matcher = Matcher::new(rule.measure, None, &rule.scope, &rule.filter, scene.names);
    let old = Table::new(scene.baseline, &mut matcher);
    let new = Table::new(scene.candidate, &mut matcher);
    if old.0.is_empty() || new.0.is_empty() {
        return Found::nothing();
    }
    let mut keys = old.keys();
    keys.extend(new.keys());
    if keys.is_empty() {
        return Found::nothing();
    }
    let exposure = exposure(scene.baseline, scene.candidate);
    let (k, m) = (old.runs().count(), new.runs().count());
    let permute = k >= 2 && m >= 2 && ways(k + m, m) >= WAYS;
    let pairs: Vec<Pair<'_>> = (keys.into_iter())
        .filter_map(|key| pair(key, &old, &new, scene.assemble, permute))
        .collect();
    let of_runs = permute.then(|| permuted(&pairs, &old, &new, exposure));
    let many = |t: &Table<'_>| t.runs().all(|r| r.len() >= 2);
    let calm = many(&old) && many(&new);
    let mut all = Vec::new();
    for (i, pair) in pairs.iter().enumerate() {
        let p = of_runs.as_ref().map(|all| all[i]);
        all.push(judged(scene, rule, &mut matcher, pair, exposure, p, calm));
    }
    let floor = floor(scene, rule.measure, &pairs, (k, m), permute);
    let mut subjects = decide(all, scene.alpha, |j| j.why.clone());
    if subjects.iter().any(|s| s.outcome == Outcome::Fail) {
        // A goroutine that waits for something else than before is what a rule on waits looks for.
        if !matches!(rule.scope, Scope::Wait) {
            moved(&mut subjects, &pairs, &matcher, exposure);
        }
        explain(scene, &mut subjects, &pairs, &mut matcher);
    }
    let is_additive = matches!(rule.scope, Scope::Owner(_) | Scope::Wait);
    let attribution = is_additive.then(|| attribution::attribution(rule.measure, &pairs, &matcher, exposure));
    Found {
        subjects,
        attribution,
        floor: Some(floor),
        ..Found::default()
    }
}

/// How much more than the baseline the candidate had to do; never less than as much.
fn exposure(old: &[Capture], new: &[Capture]) -> f64 {
    let pods = |all: &[Capture]| {
        let mut all: Vec<f64> = all.iter().flat_map(|c| &c.runs).filter_map(|r| r.pods()).collect();
        all.sort_by(f64::total_cmp);
        (!all.is_empty()).then(|| all[all.len() / 2])
    };
    match (pods(old), pods(new)) {
        (Some(a), Some(b)) if a > 0.0 && b > a => b / a,
        _ => 1.0,
    }
}

fn opposite(by: Assemble) -> Assemble {
    match by {
        Assemble::Optimistic => Assemble::Pessimistic,
        Assemble::Median => Assemble::Median,
        Assemble::Pessimistic => Assemble::Optimistic,
    }
}

/// The candidate at its best against the baseline at its worst, or as the rule says; for permutations both in the middle.
fn pair<'r>(key: Key, old: &Table<'r>, new: &Table<'r>, by: Assemble, permute: bool) -> Option<Pair<'r>> {
    let side = |table: &Table<'r>, by| {
        table.pick(by, |told| {
            let (reading, tally) = (told.reading, told.of(key));
            (tally.value, Side { reading, tally })
        })
    };
    let by = if permute { Assemble::Median } else { by };
    Some(Pair {
        key,
        old: side(old, opposite(by))?,
        new: side(new, by)?,
    })
}

/// What several runs on both sides say of a subject.
#[derive(Clone, Copy)]
struct OfRuns {
    /// Share of the ways to divide the runs with a difference as large.
    rank: f64,
    /// Probability of the sums by chance, widened by how much runs vary.
    test: Test,
}

/// Permutes the runs, and compares their sums with errors as wide as runs of one side differ.
fn permuted(pairs: &[Pair<'_>], old: &Table<'_>, new: &Table<'_>, load: f64) -> Vec<OfRuns> {
    let middle = |run: &RunTold<'_>, key: Key| {
        let all = run.iter().map(|told| (told.of(key).value, told.of(key))).collect();
        one_of(all, Assemble::Median).map(|found| found.1).unwrap_or_default()
    };
    let (k, m) = (old.runs().count(), new.runs().count());
    let mut observed = Vec::new();
    let mut sums = Vec::new();
    for p in pairs {
        let before: Vec<Tally> = old.runs().map(|r| middle(r, p.key)).collect();
        let after: Vec<Tally> = new.runs().map(|r| middle(r, p.key)).collect();
        // A count that is not sampled varies like one: that is what its spread is held against.
        let variance = |t: &Tally| t.variance.filter(|v| *v > 0.0).unwrap_or(t.value);
        let all = || before.iter().map(|t| (t, load)).chain(after.iter().map(|t| (t, 1.0)));
        observed.push(Observed {
            values: all().map(|(t, by)| t.value * by).collect(),
            variance: all().map(|(t, by)| variance(t) * by * by).sum::<f64>() / (k + m).max(1) as f64,
        });
        sums.push(strata(&before, &after));
    }
    let ranks = ranks(&observed, k);
    let spread = dispersions(&observed, k);
    let exposure = load * m as f64 / k.max(1) as f64;
    let of = |((sum, rank), spread): ((Vec<Stratum>, f64), f64)| {
        let found = compare_counts(&sum, exposure, spread);
        OfRuns {
            rank,
            test: Test {
                p: found.p,
                smallest: found.smallest,
            },
        }
    };
    sums.into_iter().zip(ranks).zip(spread).map(of).collect()
}

fn judged(
    scene: &Scene<'_>,
    rule: &NoRegression,
    matcher: &mut Matcher<'_>,
    pair: &Pair<'_>,
    exposure: f64,
    permuted: Option<OfRuns>,
    calm: bool,
) -> Doubtful {
    let (old, new) = (&pair.old.tally, &pair.new.tally);
    let expected = old.value * exposure;
    let change = new.value - expected;
    let mut j = Judged::of(matcher.part(pair.key), Unit::of(rule.measure));
    j.value = Some(new.value);
    let is_sampled = !matches!(rule.measure, Measure::Goroutines);
    j.error = new.error().filter(|_| is_sampled);
    j.sampled = is_sampled.then_some(new.counted);
    j.limit = Some(Limit {
        value: old.value,
        is_least: false,
        of_load: None,
        baseline: Some(old.error().filter(|_| is_sampled)),
    });
    j.moment.clone_from(&pair.new.reading.label);
    j.why = Why::NotLarger;
    let done = |mut j: Judged, outcome, why| {
        (j.outcome, j.why) = (outcome, why);
        Doubtful { judged: j, test: None }
    };
    let untested = |j| Doubtful { judged: j, test: None };
    if change <= 0.0 {
        return untested(j);
    }
    j.show = show(rule.measure, matcher, pair);
    let of_forms = rule.measure == Measure::Goroutines && pair.key != Key::Total && forms_differ(pair);
    if of_forms {
        return done(j, Outcome::Inconclusive, Why::Forms);
    }
    let is_small = change < (rule.min_change * expected).max(rule.min_units);
    if let Some(runs) = permuted {
        let is_sure = runs.test.p < scene.alpha && runs.rank <= RANK;
        (j.outcome, j.why) = match (is_small, is_sure) {
            (true, true) => (Outcome::Pass, Why::SmallChange),
            (true, false) => (Outcome::Pass, Why::NotLarger),
            (false, true) => (Outcome::Fail, Why::Grew),
            (false, false) => (Outcome::Pass, Why::NotSure),
        };
        return Doubtful {
            judged: j,
            test: Some(runs.test),
        };
    }
    if new.variance.is_none() || old.variance.is_none() {
        return match is_small {
            true => done(j, Outcome::Pass, Why::SmallChange),
            false => done(j, Outcome::Inconclusive, Why::ErrorUnknown),
        };
    }
    // What is known to wait for minutes is no burst.
    let steady = rule.measure != Measure::Goroutines || calm || new.settled >= expected + 0.8 * change;
    let spread = if steady { 1.0 } else { BUNCH };
    let test = compare_counts(&strata(slice::from_ref(old), slice::from_ref(new)), exposure, spread);
    let plain = if steady {
        test.p
    } else {
        compare_counts(&strata(slice::from_ref(old), slice::from_ref(new)), exposure, 1.0).p
    };
    let young = is_young(pair.new.reading).or(is_young(pair.old.reading));
    (j.outcome, j.why) = match (is_small, young) {
        (true, _) => (
            Outcome::Pass,
            if plain < scene.alpha {
                Why::SmallChange
            } else {
                Why::NotLarger
            },
        ),
        // A start-up is no regression; what it hides is not seen either.
        (false, Some(age)) if plain < scene.alpha => return done(j, Outcome::Inconclusive, Why::Young(age)),
        (false, _) if test.p < scene.alpha => (Outcome::Fail, Why::Grew),
        (false, _) if plain < scene.alpha => (Outcome::Inconclusive, Why::Burst),
        (false, _) => (Outcome::Pass, Why::NotSure),
    };
    Doubtful {
        judged: j,
        test: Some(Test {
            p: test.p,
            smallest: test.smallest,
        }),
    }
}

fn forms_differ(pair: &Pair<'_>) -> bool {
    let knows = |r: &Reading| r.goroutines.as_ref().is_some_and(|c| c.knows_waits);
    knows(pair.old.reading) != knows(pair.new.reading)
}

/// Counts of both sides by what each stands for.
fn strata(old: &[Tally], new: &[Tally]) -> Vec<Stratum> {
    let mut all: BTreeMap<u64, Stratum> = BTreeMap::new();
    let sides = old.iter().map(|t| (t, true)).chain(new.iter().map(|t| (t, false)));
    for (tally, is_old) in sides {
        for &(weight, count) in &tally.strata {
            let s = all.entry(weight.to_bits()).or_insert(Stratum {
                weight,
                old: 0.0,
                new: 0.0,
            });
            if is_old {
                s.old += count;
            } else {
                s.new += count;
            }
        }
    }
    all.into_values().collect()
}

/// What grew while as much became less elsewhere and the sum stayed level is said to have moved.
fn moved(subjects: &mut [Judged], pairs: &[Pair<'_>], matcher: &Matcher<'_>, exposure: f64) {
    let total: f64 = pairs
        .iter()
        .map(|p| p.new.tally.value - p.old.tally.value * exposure)
        .sum();
    let mut falls: Vec<(f64, &Pair<'_>)> = (pairs.iter())
        .map(|p| (p.old.tally.value - p.new.tally.value, p))
        .filter(|f| f.0 > 0.0)
        .collect();
    falls.sort_by(|a, b| b.0.total_cmp(&a.0));
    for s in subjects.iter_mut().filter(|s| s.outcome == Outcome::Fail) {
        let Some(pair) = pairs.iter().find(|p| matcher.part(p.key) == s.part) else {
            continue;
        };
        let grew = pair.change();
        let Some((fell, from)) = falls.first() else { return };
        if *fell >= MOVED * grew && total < (1.0 - MOVED) * grew {
            (s.outcome, s.why) = (Outcome::Pass, Why::Moved(matcher.part(from.key).key()));
        }
    }
}

/// Evidence and culprits of what failed.
fn explain(scene: &Scene<'_>, subjects: &mut [Judged], pairs: &[Pair<'_>], matcher: &mut Matcher<'_>) {
    for s in subjects.iter_mut().filter(|s| s.outcome == Outcome::Fail) {
        let Some(pair) = pairs.iter().find(|p| matcher.part(p.key) == s.part) else {
            continue;
        };
        let stacks = stacks::culprits(matcher, pair.key, pair.new.reading, Some(pair.old.reading));
        if let Some(first) = stacks.first() {
            s.evidence.push(Evidence {
                fact: Fact::Stack(first.frames.clone()),
                moment: pair.new.reading.label.clone(),
                show: None,
            });
        }
        if scene.case.culprits {
            s.culprits = stacks;
        }
    }
}

/// The comparison as a command, where both sides are files; else what shows the candidate.
fn show(measure: Measure, matcher: &Matcher<'_>, pair: &Pair<'_>) -> Option<Show> {
    let (old, new) = (pair.old.reading, pair.new.reading);
    let (word, sample_type) = match measure {
        Measure::Objects => ("heap", Some("inuse_objects")),
        Measure::Bytes => ("heap", Some("inuse_space")),
        Measure::CpuShare | Measure::CpuCores => ("cpu", None),
        _ => ("goroutine", None),
    };
    if old.snapshot.is_some() || new.snapshot.is_some() || measure == Measure::Goroutines {
        return stacks::show(matcher, pair.key, new);
    }
    let sources = [old, new]
        .into_iter()
        .flat_map(|r| stacks::one_source(r, word))
        .collect();
    let mut show = Show::new(Verb::Diff, sources);
    show.sample_type = sample_type.map(str::to_owned);
    stacks::narrow(&mut show, matcher, pair.key);
    Some(show)
}

/// How large growth must be to be seen in this material.
fn floor(scene: &Scene<'_>, measure: Measure, pairs: &[Pair<'_>], runs: (usize, usize), permute: bool) -> Floor {
    let sum = |of: &dyn Fn(&Pair<'_>) -> Option<f64>| pairs.iter().map(of).sum::<Option<f64>>();
    let mut errors: Vec<f64> = pairs.iter().filter_map(Pair::error).filter(|e| *e > 0.0).collect();
    errors.sort_by(f64::total_cmp);
    let middle = errors.get(errors.len() / 2).copied();
    Floor {
        rule: scene.rule.id.clone(),
        unit: Unit::of(measure),
        error: sum(&|p| p.error().map(|e| e * e)).map(f64::sqrt),
        total: pairs.iter().map(|p| p.new.tally.value).sum(),
        // Normal quantiles: of the level over all subjects, and of four in five.
        seen: middle.map(|e| e * (quantile(scene.alpha / pairs.len().max(1) as f64) + 0.84)),
        runs,
        by: if permute { Tested::Permutation } else { Tested::Sampling },
    }
}

/// The number that a normal variable exceeds with this probability (Abramowitz and Stegun 26.2.23, error below 5e-4).
fn quantile(p: f64) -> f64 {
    let t = (-2.0 * p.clamp(1e-300, 0.5).ln()).sqrt();
    t - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
        / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t)
}

#[cfg(test)]
mod tests {
    use super::quantile;
    use crate::diagnose::stats::trend::normal_upper;

    #[test]
    fn quantiles_are_quantiles() {
        for p in [0.4, 0.05, 0.005, 1e-4, 1e-8] {
            assert!((normal_upper(quantile(p)) / p - 1.0).abs() < 0.01, "{p}");
        }
    }
}
