//! What `diagnose` found, as a rule: at most a confidence, no growth inside of a series, nothing that the baseline has not.

use std::collections::{BTreeMap, BTreeSet};

use super::super::outcome::{Judged, Limit, Outcome, Part, Unit, Why};
use super::super::rules::{Assemble, Findings, Measure, NoGrowth};
use super::super::run::Capture;
use super::assemble::one_of;
use super::{Found, Scene};
use crate::diagnose::report::{Claim, Confidence, Diagnosis, Finding, Grown, Kind, Need, Verdict};

/// Moments from which on growth can be told from chance.
const SERIES: usize = 4;

/// A finding and the capture that has it; nothing where one does not have it.
type InCapture<'a> = Option<(&'a Finding, &'a String)>;

/// No finding is surer than allowed.
pub(super) fn allowed(scene: &Scene<'_>, rule: &Findings) -> Found {
    let fits = |f: &Finding| {
        let of = |all: &[String], word: &str| all.is_empty() || all.iter().any(|a| a == word);
        of(&rule.kinds, f.kind.as_str()) && of(&rule.subsystems, &f.subsystem.key)
    };
    let outcome = |f: &Finding| {
        let is_sick = f.confidence >= Confidence::Likely;
        match rule.at_most {
            Some(most) if f.confidence <= most => match is_sick {
                true => Outcome::Pass,
                // Allowed, and too weak to call the kubelet well.
                false => Outcome::Inconclusive,
            },
            _ => Outcome::Fail,
        }
    };
    judge(scene, &fits, &outcome)
}

/// Nothing grows inside of a series.
pub(super) fn growth(scene: &Scene<'_>, rule: &NoGrowth) -> Found {
    let measured = |f: &Finding| match (&f.claim, rule.measure) {
        (Claim::Growth { .. }, None) => true,
        (Claim::Growth { what, .. }, Some(m)) => matches!(
            (what, m),
            (Grown::Goroutines, Measure::Goroutines)
                | (Grown::Objects, Measure::Objects)
                | (Grown::Files, Measure::Files)
        ),
        _ => false,
    };
    let fits = |f: &Finding| {
        let here = rule.subsystems.is_empty() || rule.subsystems.contains(&f.subsystem.key);
        f.kind == Kind::Leak && measured(f) && here
    };
    let outcome = |f: &Finding| {
        let least = f.growth.map_or(f64::INFINITY, |g| g.per_hour.low);
        match f.confidence {
            _ if f.growth.is_some_and(|g| g.per_hour.value <= rule.max_per_hour) => Outcome::Pass,
            Confidence::Suspect => Outcome::Inconclusive,
            _ if least <= rule.max_per_hour && rule.max_per_hour > 0.0 => Outcome::Inconclusive,
            _ => Outcome::Fail,
        }
    };
    let mut found = judge(scene, &fits, &outcome);
    for s in &mut found.subjects {
        let Why::Finding(f) = &s.why else { continue };
        if let Some(g) = f.growth {
            s.unit = Unit::PerHour;
            s.value = Some(g.per_hour.value);
            s.error = Some((g.per_hour.high - g.per_hour.low) / 3.92).filter(|e| e.is_finite());
            s.limit = Some(Limit {
                value: rule.max_per_hour,
                is_least: false,
                of_load: None,
                baseline: None,
            });
        }
    }
    let longest = scene
        .candidate
        .iter()
        .flat_map(|c| &c.runs)
        .map(|r| r.readings.len())
        .max()
        .unwrap_or(0);
    if longest < SERIES && found.subjects.iter().all(|s| s.outcome == Outcome::Pass) {
        let mut short = Judged::of(Part::Total, Unit::PerHour);
        short.outcome = Outcome::Inconclusive;
        short.why = Why::Missing(Need::Snapshots(SERIES - longest));
        found.subjects = vec![short];
    }
    found
}

fn judge(scene: &Scene<'_>, fits: &dyn Fn(&Finding) -> bool, outcome: &dyn Fn(&Finding) -> Outcome) -> Found {
    let of_capture = |c: &Capture| Some((c.name.clone(), c.diagnosis.as_ref()?.clone()));
    let all: Vec<(String, Diagnosis)> = scene.candidate.iter().filter_map(of_capture).collect();
    if all.is_empty() {
        return Found::nothing();
    }
    let mut by_name: BTreeMap<String, Vec<(f64, InCapture<'_>)>> = BTreeMap::new();
    for (_, d) in &all {
        for f in d.findings.iter().filter(|f| fits(f)) {
            by_name.entry(f.fingerprint()).or_default();
        }
    }
    for (name, captures) in &mut by_name {
        for (capture, d) in &all {
            let found = d.findings.iter().find(|f| fits(f) && f.fingerprint() == *name);
            let rank = found.map_or(0.0, |f| 1.0 + f64::from(outcome(f) as u8));
            captures.push((rank, found.map(|f| (f, capture))));
        }
    }
    let mut subjects = Vec::new();
    for (name, captures) in by_name {
        let moments = all.len();
        match one_of(captures, scene.assemble) {
            Some((_, Some((f, capture)))) => subjects.push(judged(f, capture, moments, outcome(f))),
            _ => {
                let mut gone = Judged::of(Part::Finding(name), Unit::Nothing);
                gone.why = Why::NothingFound(moments);
                subjects.push(gone);
            }
        }
    }
    let is_unknown = |d: &Diagnosis| d.verdict == Verdict::Unknown;
    let unknown = all
        .iter()
        .map(|(_, d)| (f64::from(u8::from(is_unknown(d))), ()))
        .collect();
    let cannot_tell = one_of(unknown, scene.assemble).is_some_and(|(rank, ())| rank > 0.0);
    if subjects.is_empty() {
        let mut whole = Judged::of(Part::Total, Unit::Nothing);
        whole.why = Why::NothingFound(all.len());
        if cannot_tell {
            (whole.outcome, whole.why) = (Outcome::Inconclusive, Why::CannotTell);
        }
        subjects.push(whole);
    }
    Found {
        subjects,
        ..Found::default()
    }
}

fn judged(f: &Finding, capture: &str, of: usize, outcome: Outcome) -> Judged {
    let mut j = Judged::of(Part::Finding(f.fingerprint()), Unit::Nothing);
    j.outcome = outcome;
    j.evidence.clone_from(&f.evidence);
    j.show = f.evidence.iter().find_map(|e| e.show.clone());
    j.moment = if of > 1 { capture.to_owned() } else { String::new() };
    j.why = Why::Finding(Box::new(f.clone()));
    j
}

/// Nothing is found that the baseline has not.
pub(super) fn new(scene: &Scene<'_>) -> Found {
    let old: BTreeSet<String> = (scene.baseline.iter())
        .filter_map(|c| c.diagnosis.as_ref())
        .flat_map(|d| d.findings.iter().map(Finding::fingerprint))
        .collect();
    let everything = |_: &Finding| true;
    let outcome = |f: &Finding| match f.confidence {
        _ if old.contains(&f.fingerprint()) => Outcome::Pass,
        Confidence::Suspect => Outcome::Inconclusive,
        _ => Outcome::Fail,
    };
    let mut found = judge(scene, &everything, &outcome);
    for s in &mut found.subjects {
        if matches!(&s.part, Part::Finding(name) if old.contains(name)) {
            s.why = Why::KnownFinding;
        }
        // What cannot be told without a baseline is said by the rule of kind `diagnose`.
        if s.why == Why::CannotTell {
            (s.outcome, s.why) = (Outcome::Pass, Why::NothingFound(1));
        }
    }
    if scene.assemble == Assemble::Optimistic {
        found
            .subjects
            .retain(|s| !matches!(s.why, Why::NothingFound(_)) || s.part == Part::Total);
    }
    if found.subjects.is_empty() && found.problem.is_none() {
        let mut whole = Judged::of(Part::Total, Unit::Nothing);
        whole.why = Why::NothingFound(scene.candidate.len());
        found.subjects.push(whole);
    }
    found
}
