//! Objects that are made and never freed, by family, over the moments of one process.
//!
//! A heap profile counts sampled objects that were made and that live, so between two moments the births and the deaths
//! are known. A family at rest has as many of both, apart from chance: of all events each is a birth with probability 1/2.
//! That is tested without the interval in which it rose most, so that one event (a load step, a burst) proves nothing, and
//! corrected for all families (Benjamini-Hochberg). What filled and stopped, came down, or grew with the load is no leak.

use super::heap::{FamilyId, HeapRow};
use super::judge::Scale;
use super::observe::{Observed, Seen};
use super::report::{
    Claim, Confidence, Dropped, Estimate, Evidence, Fact, Finding, Grown, Growth, Kind, Need, Show, Since, SinceBasis,
    Verb, Weighed, Why,
};
use super::stats::counts::{difference_interval, half_binomial_upper, poisson_below};
use super::stats::fdr::{Test, benjamini_hochberg};
use super::stats::trend::mann_kendall;

/// Level of the false discovery rate.
const LEVEL: f64 = 0.05;
/// Seconds in which caches fill after a start.
const WARM_UP: f64 = 600.0;
/// Growth below this many bytes an hour is at most worth a look.
const FLOOR: f64 = 4.0 * 1024.0 * 1024.0;

/// What grows and what was weighed.
#[derive(Debug, Default)]
pub(super) struct Leaks {
    pub(super) findings: Vec<Finding>,
    pub(super) weighed: Vec<Weighed>,
    /// Families that were tested.
    pub(super) tested: usize,
    /// Moments with a heap.
    pub(super) moments: usize,
}

/// A family over time.
struct Series {
    id: FamilyId,
    rows: Vec<HeapRow>,
}

/// Births and deaths in each interval.
struct Steps {
    born: Vec<u64>,
    died: Vec<u64>,
}

impl Steps {
    fn of(rows: &[HeapRow]) -> Self {
        let mut steps = Self {
            born: Vec::new(),
            died: Vec::new(),
        };
        for pair in rows.windows(2) {
            let born = pair[1].k_allocated.saturating_sub(pair[0].k_allocated);
            steps.born.push(born);
            steps.died.push((pair[0].k + born).saturating_sub(pair[1].k));
        }
        steps
    }

    fn total(&self) -> (u64, u64) {
        (self.born.iter().sum(), self.died.iter().sum())
    }

    /// Without the interval in which most came to stay.
    fn without_largest(&self) -> (u64, u64) {
        let (born, died) = self.total();
        let net = |i: &usize| self.born[*i] as i64 - self.died[*i] as i64;
        match (0..self.born.len()).max_by_key(net) {
            Some(i) => (born - self.born[i], died - self.died[i]),
            None => (born, died),
        }
    }
}

/// Leaks of heap objects in the moments of one process.
pub(super) fn leaks(seen: &Observed, moments: &[usize]) -> Leaks {
    let with_heap: Vec<&Seen> = (moments.iter().map(|&m| &seen.moments[m]))
        .filter(|m| m.heap.as_ref().is_some_and(|h| h.rate > 0.0) && !m.heap_is_text)
        .collect();
    let mut leaks = Leaks {
        moments: with_heap.len(),
        ..Leaks::default()
    };
    if with_heap.len() < 3 {
        return leaks;
    }
    let all = series(seen, &with_heap);
    let mut tests = Vec::new();
    for s in &all {
        let (born, died) = Steps::of(&s.rows).without_largest();
        tests.push(Test {
            p: half_binomial_upper(born, born + died),
            smallest: half_binomial_upper(born + died, born + died),
        });
    }
    leaks.tested = all.len();
    let q = benjamini_hochberg(&tests, LEVEL);
    for (s, q) in all.iter().zip(q) {
        match judge(seen, &with_heap, s, q) {
            Ok(finding) => leaks.findings.push(finding),
            Err(Some(dropped)) => leaks.weighed.push(weighed(seen, s, dropped)),
            Err(None) => {}
        }
    }
    leaks
}

fn series(seen: &Observed, moments: &[&Seen]) -> Vec<Series> {
    let mut all = Vec::new();
    for f in 0..seen.heaps.families.len() {
        let id = FamilyId(f as u32);
        let heaps = moments.iter().filter_map(|m| m.heap.as_ref());
        let rows: Vec<Option<&HeapRow>> = heaps.map(|h| h.row(id)).collect();
        let Some(any) = rows.iter().flatten().next().copied() else {
            continue;
        };
        let nothing = HeapRow {
            k: 0,
            k_allocated: 0,
            objects: 0.0,
            bytes: 0.0,
            var_objects: 0.0,
            var_bytes: 0.0,
            ..*any
        };
        all.push(Series {
            id,
            rows: rows.into_iter().map(|r| r.copied().unwrap_or(nothing)).collect(),
        });
    }
    all
}

fn judge(seen: &Observed, moments: &[&Seen], s: &Series, q: f64) -> Result<Finding, Option<Dropped>> {
    let family = seen.heaps.get(s.id);
    let (first, last) = (&s.rows[0], &s.rows[s.rows.len() - 1]);
    if last.k <= first.k {
        return Err(None);
    }
    let rise = last.k - first.k;
    if rise == 1 {
        return Err(Some(Dropped::SampledOnce));
    }
    let steps = Steps::of(&s.rows);
    let (born, died) = steps.total();
    let k: Vec<f64> = s.rows.iter().map(|r| r.k as f64).collect();
    let highest = s.rows.iter().map(|r| r.k).max().unwrap_or(0);
    if (highest - last.k) * 2 >= highest - first.k {
        return Err(Some(Dropped::WentAway));
    }
    if let Some(load) = load_explains(moments, &k) {
        return Err(Some(load));
    }
    if !still_climbing(moments, &s.rows) {
        return Err(Some(Dropped::Saturated));
    }
    let mut scale = Scale::default();
    let weight = match q {
        q if q <= 1e-5 => 3.5,
        q if q <= 1e-3 => 2.5,
        q if q <= 1e-2 => 2.0,
        q if q <= LEVEL => 1.5,
        _ => return Err(Some(Dropped::Noise)),
    };
    scale.add(weight, Why::NeverFreed { born, freed: died });
    let trend = mann_kendall(&k);
    if trend <= LEVEL {
        scale.add(
            0.5,
            Why::Trend {
                q: trend,
                moments: k.len(),
            },
        );
    }
    let growth = growth(moments, &s.rows, born, died);
    if let Some(age) = age(moments, moments.len() - 1)
        && age < WARM_UP
    {
        scale.against(
            1.0,
            Why::Young {
                age: age as u64,
                warm_up: WARM_UP as u64,
            },
        );
    }
    if growth.is_none_or(|g| g.bytes_per_hour.is_none_or(|b| b.value < FLOOR)) {
        scale.at_most(Confidence::Suspect);
    }
    let Some(confidence) = scale.confidence() else {
        return Err(Some(Dropped::Noise));
    };
    let mut show = Show::new(Verb::Peek, moments[moments.len() - 1].sources.clone());
    show.focus = Some(seen.book.get(family.anchor).shown.clone());
    show.sample_type = Some("inuse_objects".to_owned());
    show.snapshot = moments[moments.len() - 1].snapshot;
    let what = super::words::short(&seen.book.get(family.anchor).shown);
    let numbers = |m: (&&Seen, &HeapRow)| (m.0.at, m.1.objects, Some(m.1.var_objects.sqrt()));
    Ok(Finding {
        rank: 0,
        kind: Kind::Leak,
        subsystem: seen.book.part(family.subsystem),
        subject: what.clone(),
        function: Some(seen.book.get(family.anchor).shown.clone()),
        confidence,
        reasons: scale.into_reasons(),
        claim: Claim::Growth {
            what: Grown::Objects,
            from: first.objects,
            to: last.objects,
            error: Some(last.var_objects.sqrt()),
            bytes: Some(last.bytes),
            together: 1,
        },
        since: onset(moments, &s.rows),
        growth,
        known_issues: Vec::new(),
        evidence: vec![
            Evidence {
                fact: Fact::Sampled {
                    what: what.clone(),
                    values: s.rows.iter().map(|r| r.k).collect(),
                },
                moment: String::new(),
                show: Some(show),
            },
            Evidence {
                fact: Fact::Numbers {
                    what,
                    unit: "objects".to_owned(),
                    values: moments.iter().zip(&s.rows).map(numbers).collect(),
                },
                moment: String::new(),
                show: None,
            },
        ],
        remedies: Vec::new(),
        next: if confidence < Confidence::Likely {
            vec![Need::Snapshots(6)]
        } else {
            Vec::new()
        },
    })
}

fn weighed(seen: &Observed, s: &Series, dropped: Dropped) -> Weighed {
    let family = seen.heaps.get(s.id);
    Weighed {
        kind: Kind::Leak,
        subsystem: seen.book.part(family.subsystem),
        subject: seen.book.get(family.anchor).shown.clone(),
        from: s.rows[0].objects,
        to: s.rows[s.rows.len() - 1].objects,
        unit: "objects",
        dropped,
    }
}

/// Age of the process at a moment, in seconds.
fn age(moments: &[&Seen], at: usize) -> Option<f64> {
    Some(moments[at].seconds()? - moments[at].process.started?)
}

/// Whether the load rose by as much: the sum per pod is level.
fn load_explains(moments: &[&Seen], k: &[f64]) -> Option<Dropped> {
    let pods: Vec<f64> = moments.iter().map(|m| m.load.pods).collect::<Option<_>>()?;
    let (low, high) = pods.iter().fold((f64::MAX, 0.0f64), |(l, h), &p| (l.min(p), h.max(p)));
    if high <= low * 1.1 + 1.0 {
        return None;
    }
    // Under the load of the end alone nothing rises.
    let end = pods[pods.len() - 1];
    let level = pods.iter().rposition(|&p| (p - end).abs() > 0.1 * end + 1.0)? + 1;
    let of_level = &k[level..];
    let rises = of_level.len() >= 5 && mann_kendall(of_level) <= LEVEL;
    (!rises).then_some(Dropped::Load)
}

/// Whether the last quarter rises at a comparable rate as the whole.
fn still_climbing(moments: &[&Seen], rows: &[HeapRow]) -> bool {
    let n = rows.len();
    let times: Option<Vec<f64>> = moments.iter().map(|m| m.seconds()).collect();
    let times = times.unwrap_or_else(|| (0..n).map(|i| i as f64).collect());
    let span = times[n - 1] - times[0];
    let start = (0..n - 1)
        .rev()
        .find(|&i| times[n - 1] - times[i] >= 0.25 * span)
        .unwrap_or(0);
    let whole = (rows[n - 1].k as f64 - rows[0].k as f64) / span.max(1e-9);
    let expected = whole * (times[n - 1] - times[start]);
    let (before, after) = (rows[start].k, rows[n - 1].k);
    // Not less than the whole predicts, as far as chance goes.
    after > before || poisson_below(after.saturating_sub(before) + 1, expected) > LEVEL && after == before
}

fn growth(moments: &[&Seen], rows: &[HeapRow], born: u64, died: u64) -> Option<Growth> {
    let (first, last) = (&rows[0], &rows[rows.len() - 1]);
    let hours = (moments[moments.len() - 1].seconds()? - moments[0].seconds()?) / 3600.0;
    if hours <= 0.0 || last.k <= first.k {
        return None;
    }
    // Objects and bytes that one sampled object stands for, of those that came to stay.
    let net = (last.k - first.k) as f64;
    let (objects, bytes) = ((last.objects - first.objects) / net, (last.bytes - first.bytes) / net);
    let (low, high) = difference_interval(born, died);
    let estimate = |unit: f64| Estimate {
        value: net * unit / hours,
        low: low.max(0.0) * unit / hours,
        high: high * unit / hours,
    };
    Some(Growth {
        per_hour: estimate(objects),
        bytes_per_hour: Some(estimate(bytes)),
        hours_to_limit: None,
        limit: None,
    })
}

/// Between the last moment without a rise and the first with one.
fn onset(moments: &[&Seen], rows: &[HeapRow]) -> Option<Since> {
    let at = rows.iter().position(|r| r.k > rows[0].k)?;
    if at <= 1 {
        return Some(Since {
            after: None,
            before: moments[0].at,
            at_least: None,
            basis: SinceBasis::ProcessStart,
        });
    }
    Some(Since {
        after: moments[at - 1].at,
        before: moments[at].at,
        at_least: None,
        basis: SinceBasis::Onset,
    })
}
