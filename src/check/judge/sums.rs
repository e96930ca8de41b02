//! What every subsystem has at the last moment: for dashboards, whatever the rules ask.

use super::super::names::Names;
use super::super::outcome::{Part, Sum};
use super::super::reading::Reading;
use super::super::rules::{Filter, Measure, Names as Keys, Scope};
use super::super::run::Capture;
use super::super::subject::{Key, Matcher};

/// Goroutines, objects, bytes and CPU of every owner.
pub(super) fn sums(names: &Names, captures: &[Capture]) -> Vec<Sum> {
    let (scope, filter) = (Scope::Owner(Keys::Each), Filter::default());
    let mut all = Vec::new();
    for measure in [Measure::Goroutines, Measure::Objects, Measure::Bytes, Measure::CpuCores] {
        let mut matcher = Matcher::new(measure, None, &scope, &filter, names);
        let readings = captures.iter().flat_map(|c| &c.runs).flat_map(|r| &r.readings);
        let with = readings.filter(|r| matcher.has(r));
        let Some(last) = with.max_by_key(|r| r.at) else {
            continue;
        };
        let mut of: Vec<Sum> = (matcher.tally(last).into_iter())
            .map(|(key, tally)| Sum {
                measure,
                part: matcher.part(key),
                value: tally.value,
                error: tally.error().filter(|_| measure != Measure::Goroutines),
            })
            .collect();
        of.sort_by(|a, b| a.part.cmp(&b.part));
        all.extend(of);
    }
    all
}

/// The total and every owner at one moment, with errors where they are sampled; nothing where the moment does not have it.
pub(in crate::check) fn sums_at(names: &Names, measure: Measure, r: &Reading) -> Vec<(Part, f64, Option<f64>)> {
    let filter = Filter::default();
    let mut all = Vec::new();
    for scope in [Scope::Total, Scope::Owner(Keys::Each)] {
        let mut matcher = Matcher::new(measure, None, &scope, &filter, names);
        if !matcher.has(r) {
            continue;
        }
        let mut tallies: Vec<(Key, _)> = matcher.tally(r).into_iter().collect();
        tallies.sort_by_key(|t| t.0);
        for (key, tally) in tallies {
            let error = tally.error().filter(|_| measure != Measure::Goroutines);
            all.push((matcher.part(key), tally.value, error));
        }
    }
    all
}
