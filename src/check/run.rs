//! Runs: the moments of one process, in time order. They are what is compared and counted, because moments of one process
//! are not independent: an object that lives on is sampled once and shows in every later profile.

use super::reading::{Machine, Reading};
use crate::diagnose::material::Process;
use crate::diagnose::process::natural;
use crate::diagnose::report::Diagnosis;

/// A process younger than this, in seconds, still starts its pods and fills its caches.
pub(super) const YOUNG: f64 = 150.0;

/// A bundle, a folder, or all files that were named one by one.
#[derive(Debug)]
pub struct Capture {
    /// As it was named.
    pub name: String,
    /// Which program it is of.
    pub program: Whose,
    /// How many moments it has.
    pub moments: usize,
    /// Its processes in time order.
    pub(super) runs: Vec<Run>,
    /// What `diagnose` says of it, where a rule asks.
    pub diagnosis: Option<Diagnosis>,
}

/// Which program a capture is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Functions or metrics of a kubelet are in it.
    Kubelet,
    /// This one, and no kubelet.
    Other(String),
    /// Nothing in it is of a kubelet, and nothing of a program that is known.
    Unknown,
}

/// The moments of one process.
#[derive(Debug, Default)]
pub struct Run {
    pub(super) readings: Vec<Reading>,
    pub(super) process: Process,
    pub(super) machine: Machine,
}

impl Run {
    fn of(readings: Vec<Reading>) -> Self {
        let mut run = Self::default();
        for r in &readings {
            run.process.learn(&r.process);
            let m = &mut run.machine;
            if m.arch.is_empty() {
                m.arch.clone_from(&r.machine.arch);
            }
            m.cores = m.cores.or(r.machine.cores);
            m.memory = m.memory.or(r.machine.memory);
        }
        run.readings = readings;
        run
    }

    /// Pods, in the middle of what its moments say.
    pub(super) fn pods(&self) -> Option<f64> {
        let mut all: Vec<f64> = self.readings.iter().filter_map(|r| r.load.pods).collect();
        all.sort_by(f64::total_cmp);
        (!all.is_empty()).then(|| all[all.len() / 2])
    }

    /// The fewest and the most pods that its moments say.
    pub(super) fn pods_range(&self) -> Option<(f64, f64)> {
        let all = || self.readings.iter().filter_map(|r| r.load.pods);
        Some((all().reduce(f64::min)?, all().reduce(f64::max)?))
    }

    /// The moments that count: of those that have what is asked for, the second half, as the first may be before an incident
    /// or while the process warmed up.
    pub(super) fn counted<'r>(&'r self, has: impl Fn(&'r Reading) -> bool) -> Vec<&'r Reading> {
        let with: Vec<&'r Reading> = self.readings.iter().filter(|&r| has(r)).collect();
        let half = with.len().div_ceil(2);
        with[with.len() - half..].to_vec()
    }
}

/// Sorts the moments of one capture into processes.
pub(super) fn runs(mut readings: Vec<Reading>, loose: bool) -> Vec<Run> {
    readings.sort_by_cached_key(|r| (r.at, natural(&r.label)));
    let mut groups: Vec<(Process, Vec<Reading>)> = Vec::new();
    for r in readings {
        let fits = |(process, group): &&mut (Process, Vec<Reading>)| {
            process.may_be(&r.process) && group.last().is_none_or(|last| may_be_one(last, &r, loose))
        };
        match groups.iter_mut().rev().find(fits) {
            Some((process, group)) => {
                process.learn(&r.process);
                group.push(r);
            }
            None => groups.push((r.process.clone(), vec![r])),
        }
    }
    groups.into_iter().map(|(_, group)| Run::of(group)).collect()
}

/// Whether two moments, the earlier one first, are of one process.
fn may_be_one(a: &Reading, b: &Reading, loose: bool) -> bool {
    let known = |r: &Reading| r.process.started.is_some() || r.process.run.is_some();
    if known(a) && known(b) {
        return true;
    }
    match (&a.heap, &b.heap) {
        // Nothing that was ever allocated becomes fewer inside of one process; in another one some of it does.
        (Some(x), Some(y)) if !x.allocated.is_empty() && !y.allocated.is_empty() => {
            let before = |owner| x.allocated.iter().find(|o| o.0 == owner).map_or(0, |o| o.1);
            let after = |owner| y.allocated.iter().find(|o| o.0 == owner).map_or(0, |o| o.1);
            let falls = x.allocated.iter().any(|&(owner, n)| after(owner) < n);
            let same = y.allocated.iter().all(|&(owner, n)| before(owner) == n);
            // Two looks at the same state may be of one file twice: a run each, if they were named twice.
            !(falls || loose && same)
        }
        // Files that were named one by one and do not tell are a run each; those of a folder are of one.
        _ => !loose || known(a) != known(b),
    }
}
