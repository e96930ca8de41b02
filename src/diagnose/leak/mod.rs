//! Objects that are made and never freed, by family, over the moments of one process.
//!
//! A heap profile counts sampled objects that were made and that live, so between two moments the births and the deaths
//! are known. A family at rest has as many of both, apart from chance: of all events each is a birth with probability 1/2.
//! That is tested, corrected for all families (Benjamini-Hochberg), and must hold without the interval in which it rose
//! most, so that one event (a load step, a burst) proves nothing. What filled and stopped, came down, or grew with the load
//! is no leak.
//!
//! Where a known issue says how many objects live in a place while nothing leaks, more sampled ones than that are a
//! witness of their own, and a few are enough.

mod more;
mod shape;

use rustc_hash::FxHashMap;

use super::book::NameId;
use super::heap::{Family, FamilyId, HeapRow};
use super::judge::Scale;
use super::knowledge::Known;
use super::known::{AtRest, Build};
use super::material::Process;
use super::observe::{Observed, Seen};
use super::report::{
    Applies, Claim, Confidence, DEFAULT_PODS, Dropped, Evidence, Fact, Finding, Grown, Kind, Need, Show, Verb, Weighed,
    Why,
};
use super::stats::counts::{half_binomial_upper, poisson_upper};
use super::stats::fdr::{Test, benjamini_hochberg, counted};
use super::stats::trend::mann_kendall;
use super::words::short;
use crate::kubelet::SubsystemId;
use more::Futures;
use shape::Steps;

/// Level of the false discovery rate.
const LEVEL: f64 = 0.05;
/// The level at which it is likely.
const SURE: f64 = 0.01;
/// Seconds in which caches fill after a start.
const WARM_UP: f64 = 600.0;
/// Growth below this many bytes an hour is at most worth a look.
const FLOOR: f64 = 4.0 * 1024.0 * 1024.0;
/// Snapshots that show most leaks.
const SERIES: usize = 6;

/// What grows and what was weighed.
#[derive(Debug, Default)]
pub(super) struct Leaks {
    pub(super) findings: Vec<Finding>,
    pub(super) weighed: Vec<Weighed>,
    /// Families that were tested.
    pub(super) tested: usize,
    /// Bytes an hour below which a leak is missed more often than once in ten times.
    pub(super) least: Option<f64>,
    /// Known issues that this version has and of which one object was sampled: too little to tell.
    pub(super) sampled_once: Vec<String>,
}

/// A family over time: one place of allocation, or all below one function.
struct Series {
    family: Family,
    /// All places below the function.
    whole: bool,
    rows: Vec<HeapRow>,
    issue: Option<Matched>,
}

/// A known issue whose structure a family has.
#[derive(Clone)]
struct Matched {
    id: String,
    applies: Applies,
    at_rest: AtRest,
}

/// The moments of one process that have a heap.
struct Scene<'a> {
    seen: &'a Observed,
    moments: Vec<&'a Seen>,
}

/// Leaks of heap objects in the moments of one process.
pub(super) fn leaks(seen: &mut Observed, moments: &[usize], known: &Known, process: &Process) -> Leaks {
    let matched = matched(seen, known, process, moments);
    let seen = &*seen;
    let with_heap = (moments.iter().map(|&m| &seen.moments[m]))
        .filter(|m| m.heap.as_ref().is_some_and(|h| h.rate > 0.0) && !m.heap_is_text)
        .collect();
    let scene = Scene {
        seen,
        moments: with_heap,
    };
    if scene.moments.is_empty() {
        return Leaks::default();
    }
    let all = scene.series(&matched);
    let mut leaks = Leaks::default();
    let mut found: Vec<Finding> = Vec::new();
    if scene.moments.len() < 3 {
        found.extend(all.iter().filter_map(|s| scene.above_rest(s)));
        leaks.findings = best(found);
        return leaks;
    }
    let tests: Vec<Test> = all.iter().map(|s| Steps::of(&s.rows).test()).collect();
    leaks.tested = all.iter().filter(|s| s.whole).count();
    let q = benjamini_hochberg(&tests, LEVEL);
    leaks.least = scene.least(&tests);
    let futures = Futures::new(&tests, scene.moments.len(), LEVEL);
    for (s, q) in all.iter().zip(q) {
        match scene.judge(s, q, &futures) {
            Ok(finding) => found.push(finding),
            Err(dropped) => match (scene.above_rest(s), dropped) {
                (Some(finding), _) => found.push(finding),
                (None, Some(dropped)) if s.whole => leaks.weighed.push(scene.weighed(s, dropped)),
                (None, None) if s.issue.is_some() && s.rows.last().is_some_and(|r| r.k == 1) => {
                    leaks.weighed.push(scene.weighed(s, Dropped::SampledOnce));
                }
                (None, _) => {}
            },
        }
    }
    leaks.findings = best(found);
    leaks.sampled_once = scene.sampled_once(&all, &leaks.findings);
    let told = |w: &Weighed| leaks.findings.iter().any(|f| f.subject == short(&w.subject));
    leaks.weighed.retain(|w| !told(w));
    leaks
}

/// The surest finding of each function.
fn best(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by(|a, b| a.subject.cmp(&b.subject).then(b.confidence.cmp(&a.confidence)));
    found.dedup_by(|b, a| a.subject == b.subject);
    found
}

/// Which families have the structure of a known issue that tells how many objects are at rest.
fn matched(seen: &mut Observed, known: &Known, process: &Process, moments: &[usize]) -> Vec<(FamilyId, Matched)> {
    let metrics = moments.iter().rev().find_map(|&m| seen.moments[m].metrics.clone());
    let build = Build {
        process,
        metrics: metrics.as_ref(),
        vendored: &known.vendored,
    };
    let mut all = Vec::new();
    for issue in &known.issues {
        let (Some(at_rest), applies) = (issue.at_rest, issue.applies(&build)) else {
            continue;
        };
        if applies == Applies::No {
            continue;
        }
        for f in 0..seen.heaps.families.len() {
            let stack = seen.heaps.families[f].stack.iter();
            let keys: Vec<String> = stack.map(|&id| seen.book.key(id).to_owned()).collect();
            if issue.matches_keys(&keys, &mut seen.book) {
                let matched = Matched {
                    id: issue.id.clone(),
                    applies,
                    at_rest,
                };
                all.push((FamilyId(f as u32), matched));
            }
        }
    }
    all
}

impl Scene<'_> {
    /// Every place of allocation, and every function with several of them.
    fn series(&self, matched: &[(FamilyId, Matched)]) -> Vec<Series> {
        let mut issues: FxHashMap<FamilyId, &Matched> = FxHashMap::default();
        for (family, matched) in matched {
            issues.entry(*family).or_insert(matched);
        }
        let mut sites: Vec<Series> = Vec::new();
        for f in 0..self.seen.heaps.families.len() {
            let id = FamilyId(f as u32);
            let family = self.seen.heaps.get(id);
            if self.seen.is_foreign(Some(family.subsystem)) {
                continue;
            }
            let heaps = self.moments.iter().filter_map(|m| m.heap.as_ref());
            let rows: Vec<HeapRow> = heaps
                .map(|h| h.row(id).copied().unwrap_or(HeapRow::nothing(id)))
                .collect();
            if rows.iter().all(|r| r.k_allocated == 0 && r.k == 0) {
                continue;
            }
            sites.push(Series {
                family: family.clone(),
                whole: false,
                rows,
                issue: issues.get(&id).map(|&i| i.clone()),
            });
        }
        // A function with one place is that place.
        let mut whole_of: FxHashMap<NameId, usize> = FxHashMap::default();
        let mut all: Vec<Series> = Vec::new();
        let mut several = vec![false; sites.len()];
        for s in &sites {
            match whole_of.get(&s.family.anchor) {
                Some(&at) => {
                    let whole: &mut Series = &mut all[at];
                    whole.rows.iter_mut().zip(&s.rows).for_each(|(a, b)| a.add(b));
                    whole.issue = None;
                    several[at] = true;
                }
                None => {
                    whole_of.insert(s.family.anchor, all.len());
                    all.push(Series {
                        family: s.family.clone(),
                        whole: true,
                        rows: s.rows.clone(),
                        issue: s.issue.clone(),
                    });
                }
            }
        }
        let is_one_of_several = |s: &Series| several[whole_of[&s.family.anchor]];
        all.extend(sites.into_iter().filter(is_one_of_several));
        all
    }

    fn judge(&self, s: &Series, q: f64, futures: &Futures) -> Result<Finding, Option<Dropped>> {
        let (first, last) = (&s.rows[0], &s.rows[s.rows.len() - 1]);
        if last.k <= first.k {
            return Err(None);
        }
        if last.k - first.k == 1 {
            return Err(Some(Dropped::SampledOnce));
        }
        let steps = Steps::of(&s.rows);
        let (born, died) = steps.total();
        let k: Vec<f64> = s.rows.iter().map(|r| r.k as f64).collect();
        let highest = s.rows.iter().map(|r| r.k).max().unwrap_or(0);
        if (highest - last.k) * 2 >= highest - first.k {
            return Err(Some(Dropped::WentAway));
        }
        if shape::load_explains(&self.moments, &k) {
            return Err(Some(Dropped::Load));
        }
        if !shape::still_climbing(&self.moments, &s.rows) {
            return Err(Some(Dropped::Saturated));
        }
        let noise = || Dropped::Noise {
            more: futures.more(born, died, LEVEL),
        };
        if steps.rests_on_one() && shape::is_step(&self.moments, &s.rows) {
            let at = shape::onset(&self.moments, &s.rows).and_then(|o| o.before);
            return Err(Some(Dropped::Step(at)));
        }
        if q > LEVEL || steps.rests_on_one() {
            return Err(Some(noise()));
        }
        let mut scale = Scale::default();
        let weight = match q {
            q if q <= 1e-5 => 3.5,
            q if q <= 1e-3 => 2.5,
            q if q <= SURE => 2.0,
            _ => 1.5,
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
        scale.add(0.0, Why::StillClimbing);
        self.rest(s, &mut scale);
        // More pods need more of everything: without the load a rise of one among many may be theirs.
        if !shape::load_is_known(&self.moments)
            && shape::all_else_rises(&self.moments, &s.rows)
            && !scale.has(|why| matches!(why, Why::AboveRest { .. }))
        {
            scale.note(Why::LoadUnknown);
            scale.at_most(Confidence::Suspect);
        }
        let growth = shape::growth(&self.moments, &s.rows, born, died);
        let young = self.age(self.moments.len() - 1).filter(|age| *age < WARM_UP);
        if let Some(age) = young {
            scale.against(
                1.0,
                Why::Young {
                    age: age as u64,
                    warm_up: WARM_UP as u64,
                },
            );
        }
        let is_slow = growth.is_none_or(|g| g.bytes_per_hour.is_none_or(|b| b.value < FLOOR));
        if is_slow {
            scale.note(Why::Slow(FLOOR));
            scale.at_most(Confidence::Suspect);
        }
        let Some(confidence) = scale.confidence() else {
            return Err(Some(noise()));
        };
        let mut finding = self.finding(s, confidence, scale);
        if confidence == Confidence::Suspect {
            let to_grow_up = young.and_then(|age| self.snapshots_in(WARM_UP - age));
            let to_be_sure = futures.more(born, died, SURE).filter(|_| !is_slow);
            finding.next.extend(to_grow_up.max(to_be_sure).map(|n| self.need(n)));
        }
        Ok(finding)
    }

    /// How many snapshots take this many seconds, as far apart as those so far.
    fn snapshots_in(&self, seconds: f64) -> Option<usize> {
        Some((seconds / self.step()?).ceil() as usize)
    }

    /// Seconds between two snapshots, on average.
    fn step(&self) -> Option<f64> {
        let n = self.moments.len();
        let step = (self.moments[n - 1].seconds()? - self.moments[0].seconds()?) / (n - 1) as f64;
        Some(step).filter(|&s| s > 0.0)
    }

    /// This many more snapshots.
    fn need(&self, more: usize) -> Need {
        match self.step() {
            Some(step) if step >= 1.0 => Need::SnapshotsEvery {
                more,
                seconds: step.round() as u64,
            },
            _ => Need::Snapshots(more),
        }
    }

    /// The slowest leak that is found in nine of ten series like this one, in bytes an hour: nothing of it is freed, and a
    /// sampled object stands for as many bytes as the profile samples one of.
    fn least(&self, tests: &[Test]) -> Option<f64> {
        let hours = self.step()? * (self.moments.len() - 1) as f64 / 3600.0;
        let rate = self
            .moments
            .iter()
            .filter_map(|m| m.heap.as_ref())
            .map(|h| h.rate)
            .fold(0.0, f64::max);
        let level = LEVEL / counted(tests, LEVEL).max(1) as f64;
        let needed = (1..1000).find(|&n| half_binomial_upper(n, n) <= level)?;
        let mut mean = needed as f64;
        while poisson_upper(needed, mean) < 0.9 {
            mean += 0.25;
        }
        Some(mean * rate / hours)
    }

    /// A family with more live objects than a known issue's place ever needs.
    fn above_rest(&self, s: &Series) -> Option<Finding> {
        let mut scale = Scale::default();
        self.rest(s, &mut scale);
        let confidence = scale.confidence()?;
        let k = s.rows[s.rows.len() - 1].k;
        // What was sampled once is a matter of luck, whatever is known of its place.
        if k < 2 {
            return None;
        }
        if k < 6 {
            scale.note(Why::FewSamples(k));
        }
        if self.moments.len() < 5 {
            scale.note(Why::FewMoments(self.moments.len()));
        }
        let mut finding = self.finding(s, confidence, scale);
        if confidence == Confidence::Suspect {
            finding.next.push(Need::Snapshots(SERIES));
        }
        Some(finding)
    }

    /// Known issues that this version has, and in whose place one object was sampled, where nothing more is known.
    fn sampled_once(&self, all: &[Series], found: &[Finding]) -> Vec<String> {
        let mut issues = Vec::new();
        for s in all.iter().filter(|s| s.rows.last().is_some_and(|r| r.k == 1)) {
            let Some(issue) = s.issue.as_ref().filter(|i| i.applies == Applies::Yes) else {
                continue;
            };
            let name = short(&self.seen.book.get(s.family.anchor).shown);
            let is_told = found.iter().any(|f| f.subject == name);
            let mut scale = Scale::default();
            self.rest(s, &mut scale);
            if !is_told && scale.confidence().is_some() && !issues.contains(&issue.id) {
                issues.push(issue.id.clone());
            }
        }
        issues
    }

    /// Pods at the end, where they are known.
    fn pods(&self) -> Option<f64> {
        self.moments.iter().rev().find_map(|m| m.load.pods)
    }

    /// Live objects that the place of an issue has while nothing leaks.
    fn at_rest(&self, issue: &Matched) -> f64 {
        let pods = self.pods().unwrap_or(DEFAULT_PODS);
        issue.at_rest.per_pod * pods.max(1.0) + issue.at_rest.base
    }

    /// Sampled live objects against those at rest.
    fn rest(&self, s: &Series, scale: &mut Scale) {
        let Some(issue) = &s.issue else { return };
        let last = &s.rows[s.rows.len() - 1];
        if last.k == 0 || last.objects <= 0.0 {
            return;
        }
        let expected = self.at_rest(issue) * last.k as f64 / last.objects;
        let chance = poisson_upper(last.k, expected).max(1e-12);
        // One or two sampled objects may be the rare chance that a hundred families give.
        let most = match last.k {
            1 => 1.2,
            2 => 1.8,
            _ => 3.0,
        };
        let weight = (-chance.log10()).min(most);
        if weight < 1.0 {
            return;
        }
        scale.add(weight, Why::AboveRest { seen: last.k, expected });
        match issue.applies {
            Applies::Yes => scale.add(0.5, Why::KnownIssue(issue.id.clone())),
            _ => scale.at_most(Confidence::Likely),
        }
    }

    fn finding(&self, s: &Series, confidence: Confidence, scale: Scale) -> Finding {
        let book = &self.seen.book;
        let (first, last) = (&s.rows[0], &s.rows[s.rows.len() - 1]);
        let (born, died) = Steps::of(&s.rows).total();
        let function = book.get(s.family.anchor).shown.clone();
        let moment = self.moments[self.moments.len() - 1];
        let mut show = Show::new(Verb::Peek, moment.sources_of("heap"));
        show.focus = Some(short(&function).rsplit('.').next().unwrap_or(&function).to_owned());
        show.sample_type = Some("inuse_objects".to_owned());
        show.kind = Some("heap".to_owned());
        show.snapshot = moment.snapshot;
        let what = short(&function);
        let numbers = |m: (&&Seen, &HeapRow)| (m.0.at, m.1.objects, Some(m.1.var_objects.sqrt()));
        let fact = |fact: Fact, show: Option<Show>| Evidence {
            fact,
            moment: String::new(),
            show,
        };
        let stack = s.family.stack.iter().map(|&f| book.get(f).shown.clone()).collect();
        let mut evidence = vec![fact(
            Fact::Sampled {
                what: what.clone(),
                values: s.rows.iter().map(|r| r.k).collect(),
            },
            Some(show),
        )];
        evidence.push(fact(Fact::Stack(stack), None));
        evidence.push(fact(
            Fact::Numbers {
                what: what.clone(),
                unit: "objects".to_owned(),
                values: self.moments.iter().zip(&s.rows).map(numbers).collect(),
            },
            None,
        ));
        let grows = last.k >= first.k + 2;
        let claim = match &s.issue {
            Some(issue) if !grows => Claim::AboveRest {
                objects: last.objects,
                error: last.var_objects.sqrt(),
                needed: self.at_rest(issue),
                pods: self.pods(),
            },
            _ => Claim::Growth {
                what: Grown::Objects,
                from: first.objects,
                to: last.objects,
                error: Some(last.var_objects.sqrt()),
                bytes: Some(last.bytes),
                together: 1,
            },
        };
        Finding {
            rank: 0,
            kind: Kind::Leak,
            subsystem: book.part(s.family.subsystem),
            subject: what,
            function: Some(function),
            confidence,
            reasons: scale.into_reasons(),
            claim,
            since: grows.then(|| shape::onset(&self.moments, &s.rows)).flatten(),
            growth: grows
                .then(|| shape::growth(&self.moments, &s.rows, born, died))
                .flatten(),
            known_issues: Vec::new(),
            evidence,
            remedies: Vec::new(),
            next: Vec::new(),
        }
    }

    fn weighed(&self, s: &Series, dropped: Dropped) -> Weighed {
        Weighed {
            kind: Kind::Leak,
            subsystem: self.part(s.family.subsystem),
            subject: self.seen.book.get(s.family.anchor).shown.clone(),
            from: s.rows[0].objects,
            to: s.rows[s.rows.len() - 1].objects,
            unit: "objects",
            values: s.rows.iter().map(|r| r.k as f64).collect(),
            dropped,
        }
    }

    fn part(&self, id: SubsystemId) -> super::report::Part {
        self.seen.book.part(id)
    }

    /// Age of the process at a moment, in seconds.
    fn age(&self, at: usize) -> Option<f64> {
        Some(self.moments[at].seconds()? - self.moments[at].process.started?)
    }
}

impl Steps {
    /// Whether little is left without the interval in which most came to stay.
    fn rests_on_one(&self) -> bool {
        let (born, died) = self.without_largest();
        half_binomial_upper(born, born + died) > 0.03
    }

    /// The test of a family at rest, and the least p that its counts allow.
    fn test(&self) -> Test {
        let (born, died) = self.total();
        Test {
            p: half_binomial_upper(born, born + died),
            smallest: half_binomial_upper(born + died, born + died),
        }
    }
}
