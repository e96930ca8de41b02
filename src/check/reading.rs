//! Moments -> numbers: what is kept of each, so that the profiles can be dropped.

use std::sync::Arc;

use jiff::Timestamp;

use super::names::Names;
use super::rows::{Covered, CpuTable, HeapTable};
use super::rules::{Check, Rules};
use super::run::{Capture, Whose, runs};
use super::vitals::Vitals;
use crate::diagnose::crowd::Crowd;
use crate::diagnose::material::{Moment, Process};
use crate::diagnose::observe;
use crate::diagnose::program::of_names;
use crate::diagnose::report::{Diagnosis, Load};
use crate::kubelet::Knowledge;
use crate::model::Profile;
use crate::model::evidence::Program;

/// What kind of machine it was taken on, as far as the material knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// `amd64`, `arm64`; empty where not known.
    pub arch: String,
    /// Cores.
    pub cores: Option<f64>,
    /// Bytes of memory.
    pub memory: Option<f64>,
}

/// What is kept of a moment.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) label: String,
    pub(super) sources: Vec<String>,
    pub(super) snapshot: Option<u32>,
    pub(super) at: Option<Timestamp>,
    pub(super) process: Process,
    pub(super) machine: Machine,
    pub(super) load: Load,
    pub(super) goroutines: Option<Crowd>,
    pub(super) goroutines_covered: Covered,
    pub(super) heap: Option<HeapTable>,
    pub(super) cpu: Option<CpuTable>,
    pub(super) vitals: Option<Vitals>,
    /// What a dump says of the program that it is of.
    pub(super) program: Option<Program>,
}

impl Reading {
    /// Age of the process in seconds.
    pub(super) fn age(&self) -> Option<f64> {
        Some(self.at?.as_nanosecond() as f64 / 1e9 - self.process.started?)
    }

    /// Files whose names have this word, or all where none has.
    pub(super) fn sources_of(&self, word: &str) -> Vec<String> {
        let named = |s: &&String| s.rsplit('/').next().unwrap_or(s).contains(word) && !s.contains("debug1");
        let found: Vec<String> = self.sources.iter().filter(named).cloned().collect();
        if found.is_empty() { self.sources.clone() } else { found }
    }
}

/// Takes moments in, capture after capture.
#[derive(Debug)]
pub struct Reader {
    pub(super) names: Names,
    asked: Vec<String>,
    readings: Vec<Reading>,
}

impl Reader {
    /// A reader for these rules.
    pub fn new(knowledge: Arc<Knowledge>, rules: &Rules) -> Self {
        Self {
            names: Names::new(knowledge),
            asked: metrics_of(rules),
            readings: Vec::new(),
        }
    }

    /// Reads one moment.
    pub fn read(&mut self, moment: &Moment) {
        let names = &mut self.names;
        let goroutines = (moment.goroutines.as_ref()).map(|p| (crowd_of(p, names), Covered::of(p)));
        let heap = (moment.heap.as_ref()).map(|p| HeapTable::of(p, moment.heap_is_text, names));
        let cpu = moment.cpu.as_ref().map(|p| CpuTable::of(p, names));
        let metrics = moment.metrics.as_ref();
        let mut process = moment.process.clone();
        for p in [&moment.goroutines, &moment.heap, &moment.cpu].into_iter().flatten() {
            if process.build_id.is_empty() {
                p.build_id().clone_into(&mut process.build_id);
            }
        }
        process.learn(&observe::process_of(metrics, moment.node.as_ref()));
        let load = observe::load(metrics, goroutines.as_ref().map(|g| &g.0), &names.book);
        let vitals = metrics.map(|m| Vitals::of(m, &self.asked));
        let mut machine = machine_of(moment.node.as_ref());
        machine.cores = machine.cores.or(vitals.as_ref().and_then(|v| v.cores));
        let (goroutines, covered) = goroutines.unzip();
        self.readings.push(Reading {
            label: moment.label.clone(),
            sources: moment.sources.clone(),
            snapshot: moment.snapshot,
            at: moment.at,
            process,
            machine,
            load,
            goroutines_covered: covered.unwrap_or_default(),
            goroutines,
            heap,
            cpu,
            vitals,
            program: moment.program.clone(),
        });
        self.names.catch_up();
    }

    /// Puts what was read since the last capture together. `loose` are files that were named one by one.
    pub fn capture(&mut self, name: String, loose: bool, diagnosis: Option<Diagnosis>) -> Capture {
        let readings = std::mem::take(&mut self.readings);
        Capture {
            name,
            program: whose(&readings, &self.names),
            moments: readings.len(),
            runs: runs(readings, loose),
            diagnosis,
        }
    }

    /// Names of all that was read.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// How many moments were read since the last capture.
    pub fn read_so_far(&self) -> usize {
        self.readings.len()
    }
}

/// Which program moments are of, by the functions in all their profiles and by their metrics.
fn whose(readings: &[Reading], names: &Names) -> Whose {
    let mut used = vec![false; names.book.len()];
    let mut mark = |stack| names.stacks.get(stack).iter().for_each(|f| used[f.index()] = true);
    for r in readings {
        let groups = r.goroutines.iter().flat_map(|c| &c.groups).map(|g| g.stack);
        let heap = r.heap.iter().flat_map(|h| &h.rows).map(|row| row.stack);
        let cpu = r.cpu.iter().flat_map(|c| &c.rows).map(|row| row.stack);
        groups.chain(heap).chain(cpu).for_each(&mut mark);
    }
    for g in readings
        .iter()
        .filter_map(|r| r.goroutines.as_ref())
        .flat_map(|c| &c.groups)
    {
        g.creator.iter().for_each(|f| used[f.index()] = true);
    }
    let said = readings.iter().rev().find_map(|r| r.program.as_ref());
    let program = of_names(&names.book, &used, said);
    let measured = readings.iter().any(|r| r.load.pods.is_some());
    match program.other {
        _ if program.is_kubelet => Whose::Kubelet,
        Some(name) => Whose::Other(name),
        None if measured => Whose::Kubelet,
        None => Whose::Unknown,
    }
}

/// Goroutines of a profile, with how much of them has an owner.
fn crowd_of(p: &Profile, names: &mut Names) -> Crowd {
    Crowd::of(p, &mut names.book, &mut names.stacks)
}

/// The metrics that rules name, each once.
pub(super) fn metrics_of(rules: &Rules) -> Vec<String> {
    let mut all = Vec::new();
    for rule in &rules.rules {
        if let Check::Budget(b) = &rule.check
            && !b.metric.is_empty()
            && !all.contains(&b.metric)
        {
            all.push(b.metric.clone());
        }
    }
    all
}

/// What the node object says of the machine.
fn machine_of(node: Option<&serde_json::Value>) -> Machine {
    let Some(node) = node else { return Machine::default() };
    let text = |path: &str| node.pointer(path).and_then(|v| v.as_str()).unwrap_or_default();
    Machine {
        arch: text("/status/nodeInfo/architecture").to_owned(),
        cores: text("/status/capacity/cpu").parse().ok(),
        memory: crate::diagnose::limits::quantity(text("/status/capacity/memory")),
    }
}
