//! What can be done with a bundle: which analyses its intact artifacts are enough for.

use std::collections::BTreeMap;

use super::{Analysis, BuildIdState, ByRun, Goal, Material};
use crate::bundle::manifest::{Artifact, Form};

pub(super) fn analyses(by_run: &ByRun<'_>, ids: &[BuildIdState]) -> Vec<Analysis> {
    // The most of one process: what spans a restart is not a series.
    let most = |fits: &dyn Fn(&Artifact) -> bool| {
        let counts = by_run.values().map(|of| of.iter().filter(|a| fits(a)).count());
        counts.max().unwrap_or(0)
    };
    // The most of one process and one artifact: a profile after a garbage collection is not comparable with one without.
    let series = |fits: &dyn Fn(&Artifact) -> bool| {
        let longest = |of: &Vec<&Artifact>| {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for artifact in of.iter().filter(|a| fits(a)) {
                *counts.entry(&artifact.slot.artifact).or_default() += 1;
            }
            counts.into_values().max().unwrap_or(0)
        };
        by_run.values().map(longest).max().unwrap_or(0)
    };
    let kind = |name: &'static str| move |a: &Artifact| a.facts.kind == name && a.facts.form != Form::Debug2;
    let data = |name: &'static str| move |a: &Artifact| a.facts.kind == name && a.facts.samples != Some(0);
    let heaps = series(&kind("heap"));
    let goroutines = series(&kind("goroutine"));
    let dumps = most(&|a| a.facts.form == Form::Debug2);
    let executables = ids.iter().filter(|b| b.binary.is_some()).count();
    let analysis = |goal, needs, has, of| Analysis { goal, of, needs, has };
    vec![
        analysis(Goal::Memory, 1, heaps, Material::Heaps),
        analysis(Goal::MemoryGrowth, 2, heaps, Material::Heaps),
        analysis(Goal::MemoryTrend, 5, heaps, Material::Heaps),
        analysis(Goal::Goroutines, 1, goroutines.max(dumps), Material::Goroutines),
        analysis(Goal::GoroutineGrowth, 2, goroutines, Material::Goroutines),
        analysis(Goal::GoroutineWaits, 1, dumps, Material::Dumps),
        analysis(Goal::LeakProof, 1, most(&kind("goroutineleak")), Material::Leaks),
        analysis(Goal::Cpu, 1, most(&data("cpu")), Material::Cpus),
        analysis(Goal::Contention, 1, most(&data("contention")), Material::Contentions),
        analysis(Goal::Instructions, 1, executables, Material::Executables),
    ]
}
