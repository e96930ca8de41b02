//! Subjects: the parts that one rule is about, and what a moment says of each.

use regex::Regex;
use rustc_hash::FxHashMap;

use super::names::{Names, PackageId};
use super::outcome::Part;
use super::reading::Reading;
use super::rows::CpuTable;
use super::rules::{Filter, Measure, Names as Keys, Patterns, Scope};
use crate::diagnose::book::NameId;
use crate::diagnose::crowd::{Group, StackKey, Wait};
use crate::diagnose::stats::sampling;
use crate::kubelet::{PackagePatterns, Role, SubsystemId};

/// A part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Key {
    Total,
    Owner(Option<SubsystemId>),
    Wait(Option<SubsystemId>, Option<SubsystemId>),
    Subsystem(SubsystemId),
    Package(PackageId),
    Function(NameId),
    /// A pattern or expression of the rule, by number.
    Pattern(usize),
}

/// What one moment says of a part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) value: f64,
    /// Of sampling; `None` where it is not known.
    pub(super) variance: Option<f64>,
    /// What was counted: goroutines, sampled objects, ticks.
    pub(super) counted: f64,
    /// Counts by what each stands for.
    pub(super) strata: Vec<(f64, f64)>,
    /// Goroutines that are known to wait for a minute or more.
    pub(super) settled: f64,
}

impl Tally {
    pub(super) fn nothing() -> Self {
        Self {
            variance: Some(0.0),
            ..Self::default()
        }
    }

    fn add(&mut self, weight: f64, count: f64, value: f64, variance: Option<f64>) {
        self.value += value;
        self.counted += count;
        self.variance = self.variance.zip(variance).map(|(a, b)| a + b);
        match self.strata.iter_mut().find(|s| s.0 == weight) {
            Some(s) => s.1 += count,
            None => self.strata.push((weight, count)),
        }
    }

    /// Standard error, where it is known.
    pub(super) fn error(&self) -> Option<f64> {
        self.variance.map(f64::sqrt)
    }
}

/// What a rule looks at, with its patterns looked up in all names.
pub(super) struct Matcher<'a> {
    pub(super) measure: Measure,
    /// Number of the metric among those that are kept.
    metric: Option<usize>,
    scope: &'a Scope,
    names: &'a Names,
    keys: Vec<SubsystemId>,
    blocked_in: Vec<SubsystemId>,
    state: Option<Wait>,
    /// For every pattern which names fit.
    fits: Vec<Vec<bool>>,
    parts: FxHashMap<StackKey, Box<[Key]>>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(
        measure: Measure,
        metric: Option<usize>,
        scope: &'a Scope,
        filter: &Filter,
        names: &'a Names,
    ) -> Self {
        let id = |key: &String| names.book.knowledge.by_key(key);
        let keys = match scope {
            Scope::Owner(Keys::Keys(keys)) | Scope::Subsystem(Keys::Keys(keys)) => keys.iter().filter_map(id).collect(),
            _ => Vec::new(),
        };
        let fits = match scope {
            Scope::Package(Patterns::These(all)) => {
                let of = |p: &PackagePatterns| names.packages_that(|package| p.matches(package));
                all.iter().map(|(_, p)| of(p)).collect()
            }
            Scope::Function(Patterns::These(all)) => all
                .iter()
                .map(|(_, r): &(String, Regex)| names.functions_that(r))
                .collect(),
            _ => Vec::new(),
        };
        Self {
            measure,
            metric,
            scope,
            names,
            keys,
            blocked_in: filter.blocked_in.iter().filter_map(id).collect(),
            state: (!filter.state.is_empty()).then(|| Wait::of_state(&filter.state)),
            fits,
            parts: FxHashMap::default(),
        }
    }

    /// Whether a moment has what is measured.
    pub(super) fn has(&self, r: &Reading) -> bool {
        match self.measure {
            Measure::Goroutines => r.goroutines.is_some(),
            Measure::Wait => r.goroutines.as_ref().is_some_and(|c| c.knows_waits),
            Measure::Objects | Measure::Bytes => r.heap.is_some(),
            Measure::CpuShare => r.cpu.as_ref().is_some_and(|c| c.ticks > 0),
            Measure::CpuCores => r.cpu.as_ref().is_some_and(|c| c.seconds > 0.0),
            Measure::Metric => self.metric_of(r).is_some(),
            Measure::Findings | Measure::Files => false,
        }
    }

    fn metric_of(&self, r: &Reading) -> Option<f64> {
        r.vitals.as_ref()?.asked.get(self.metric?).copied().flatten()
    }

    /// Parts that the rule names, whether they are there or not.
    pub(super) fn named(&self) -> Vec<Key> {
        match self.scope {
            Scope::Total => vec![Key::Total],
            Scope::Owner(Keys::Keys(_)) => self.keys.iter().map(|&k| Key::Owner(Some(k))).collect(),
            Scope::Subsystem(Keys::Keys(_)) => self.keys.iter().map(|&k| Key::Subsystem(k)).collect(),
            Scope::Package(Patterns::These(all)) => (0..all.len()).map(Key::Pattern).collect(),
            Scope::Function(Patterns::These(all)) => (0..all.len()).map(Key::Pattern).collect(),
            _ => Vec::new(),
        }
    }

    /// What a moment says of every part that it has.
    pub(super) fn tally(&mut self, r: &Reading) -> FxHashMap<Key, Tally> {
        let mut all: FxHashMap<Key, Tally> = FxHashMap::default();
        match self.measure {
            Measure::Goroutines | Measure::Wait => self.goroutines(r, &mut all),
            Measure::Objects | Measure::Bytes => self.heap(r, &mut all),
            Measure::CpuShare | Measure::CpuCores => self.cpu(r, &mut all),
            Measure::Metric => {
                if let Some(value) = self.metric_of(r) {
                    let exact = Tally {
                        value,
                        ..Tally::nothing()
                    };
                    all.insert(Key::Total, exact);
                }
            }
            Measure::Findings | Measure::Files => {}
        }
        all
    }

    fn goroutines(&mut self, r: &Reading, all: &mut FxHashMap<Key, Tally>) {
        let Some(crowd) = &r.goroutines else { return };
        for g in &crowd.groups {
            if !self.passes(g) {
                continue;
            }
            let (owner, waits) = (g.attribution.owner, self.waits_in(g));
            for &key in &self.parts(g.stack, owner, waits) {
                let t = all.entry(key).or_insert_with(Tally::nothing);
                let count = g.count as f64;
                match self.measure {
                    Measure::Wait => {
                        t.value = t.value.max(g.max_wait() as f64);
                        t.counted += count;
                    }
                    _ => t.add(1.0, count, count, Some(0.0)),
                }
                t.settled += g.at_least(1) as f64;
            }
        }
    }

    fn passes(&self, g: &Group) -> bool {
        let in_these = |id: Option<SubsystemId>| id.is_some_and(|id| self.blocked_in.contains(&id));
        (self.blocked_in.is_empty() || in_these(g.attribution.blocked_in) || in_these(g.attribution.within))
            && self.state.is_none_or(|s| s == g.wait)
    }

    /// What a group waits for: whoever answers at the far end, else another part of the kubelet, else what its code waits in.
    fn waits_in(&self, g: &Group) -> Option<SubsystemId> {
        let role = |id: SubsystemId| self.names.book.knowledge.get(id).map(|s| s.role);
        let far = g.attribution.blocked_in.filter(|&id| role(id) == Some(Role::Boundary));
        far.or(g.attribution.within).or(g.attribution.blocked_in)
    }

    fn heap(&mut self, r: &Reading, all: &mut FxHashMap<Key, Tally>) {
        let Some(heap) = &r.heap else { return };
        let is_bytes = self.measure == Measure::Bytes;
        for row in &heap.rows {
            let one = if is_bytes { row.size } else { 1.0 };
            let variance = heap
                .knows_errors()
                .then(|| sampling::variance(row.k, row.size, heap.rate) * one * one);
            let weight = one * heap.weight(row.size);
            let value = if is_bytes { row.bytes } else { row.objects };
            for &key in &self.parts(row.stack, row.owner, None) {
                let t = all.entry(key).or_insert_with(Tally::nothing);
                t.add(weight, row.k as f64, value, variance);
            }
        }
    }

    fn cpu(&mut self, r: &Reading, all: &mut FxHashMap<Key, Tally>) {
        let Some(cpu) = &r.cpu else { return };
        let weight = self.tick_weight(cpu);
        for row in &cpu.rows {
            let ticks = row.ticks as f64;
            for &key in &self.parts(row.stack, row.owner, None) {
                let t = all.entry(key).or_insert_with(Tally::nothing);
                t.add(weight, ticks, ticks * weight, Some(ticks * weight * weight));
            }
        }
    }

    /// The parts that a stack counts for.
    fn parts(&mut self, stack: StackKey, owner: Option<SubsystemId>, waits: Option<SubsystemId>) -> Vec<Key> {
        match self.scope {
            Scope::Total => return vec![Key::Total],
            Scope::Wait => return vec![Key::Wait(owner, waits)],
            Scope::Owner(Keys::Each) => return vec![Key::Owner(owner)],
            Scope::Owner(Keys::Keys(_)) => {
                let is = owner.is_some_and(|o| self.keys.contains(&o));
                return if is { vec![Key::Owner(owner)] } else { Vec::new() };
            }
            _ => {}
        }
        if let Some(found) = self.parts.get(&stack) {
            return found.to_vec();
        }
        let found = self.parts_of_stack(stack);
        self.parts.insert(stack, found.clone().into());
        found
    }

    fn parts_of_stack(&self, stack: StackKey) -> Vec<Key> {
        let names = self.names;
        match self.scope {
            Scope::Subsystem(keys) => {
                let of = names.subsystems(stack).into_iter();
                of.filter(|id| *keys == Keys::Each || self.keys.contains(id))
                    .map(Key::Subsystem)
                    .collect()
            }
            Scope::Package(Patterns::Each) => names.packages(stack).into_iter().map(Key::Package).collect(),
            Scope::Function(Patterns::Each) => names.functions(stack).into_iter().map(Key::Function).collect(),
            Scope::Package(Patterns::These(_)) => {
                let on_stack = names.packages(stack);
                self.patterns(|fits| on_stack.iter().any(|p| fits[p.0 as usize]))
            }
            Scope::Function(Patterns::These(_)) => {
                let on_stack = names.functions(stack);
                self.patterns(|fits| on_stack.iter().any(|f| fits[f.index()]))
            }
            Scope::Total | Scope::Wait | Scope::Owner(_) => Vec::new(),
        }
    }

    fn patterns(&self, is: impl Fn(&[bool]) -> bool) -> Vec<Key> {
        let all = self.fits.iter().enumerate();
        all.filter(|(_, fits)| is(fits)).map(|(i, _)| Key::Pattern(i)).collect()
    }

    /// Hands every stack of a moment with its parts and its share of the number.
    pub(super) fn each(&mut self, r: &Reading, take: &mut dyn FnMut(StackKey, &[Key], f64)) {
        match self.measure {
            Measure::Goroutines | Measure::Wait => {
                for g in r.goroutines.iter().flat_map(|c| &c.groups) {
                    if self.passes(g) {
                        let keys = self.parts(g.stack, g.attribution.owner, self.waits_in(g));
                        let value = if self.measure == Measure::Wait {
                            g.max_wait() as f64
                        } else {
                            g.count as f64
                        };
                        take(g.stack, &keys, value);
                    }
                }
            }
            Measure::Objects | Measure::Bytes => {
                for row in r.heap.iter().flat_map(|h| &h.rows) {
                    let keys = self.parts(row.stack, row.owner, None);
                    take(
                        row.stack,
                        &keys,
                        if self.measure == Measure::Bytes {
                            row.bytes
                        } else {
                            row.objects
                        },
                    );
                }
            }
            Measure::CpuShare | Measure::CpuCores => {
                let Some(cpu) = &r.cpu else { return };
                let weight = self.tick_weight(cpu);
                for row in &cpu.rows {
                    let keys = self.parts(row.stack, row.owner, None);
                    take(row.stack, &keys, row.ticks as f64 * weight);
                }
            }
            Measure::Metric | Measure::Findings | Measure::Files => {}
        }
    }

    /// All names.
    pub(super) fn names(&self) -> &'a Names {
        self.names
    }

    /// A pattern of the rule as an expression over functions.
    pub(super) fn expression(&self, pattern: usize) -> Option<String> {
        match self.scope {
            Scope::Function(Patterns::These(all)) => all.get(pattern).map(|(text, _)| text.clone()),
            _ => None,
        }
    }

    /// What a tick stands for.
    fn tick_weight(&self, cpu: &CpuTable) -> f64 {
        match self.measure {
            Measure::CpuShare => 1.0 / cpu.ticks.max(1) as f64,
            _ => cpu.tick / cpu.seconds.max(1e-3),
        }
    }

    /// The part as data for people and machines.
    pub(super) fn part(&self, key: Key) -> Part {
        part(key, self.scope, self.names)
    }
}

/// A part as data.
fn part(key: Key, scope: &Scope, names: &Names) -> Part {
    let known = |id: Option<SubsystemId>| (names.key(id).to_owned(), names.title(id).to_owned());
    match key {
        Key::Total => Part::Total,
        Key::Owner(id) => {
            let (key, title) = known(id);
            Part::Owner { key, title }
        }
        Key::Wait(owner, waits) => {
            let (owner, owner_title) = known(owner);
            let (waits_for, waits_for_title) = match waits {
                Some(id) => known(Some(id)),
                None => ("itself".to_owned(), "its own code".to_owned()),
            };
            Part::Wait {
                owner,
                owner_title,
                waits_for,
                waits_for_title,
            }
        }
        Key::Subsystem(id) => {
            let (key, title) = known(Some(id));
            Part::Subsystem { key, title }
        }
        Key::Package(id) => Part::Package(names.package(id).to_owned()),
        Key::Function(id) => Part::Function(names.book.get(id).shown.clone()),
        Key::Pattern(i) => match scope {
            Scope::Package(Patterns::These(all)) => Part::Package(all[i].0.clone()),
            Scope::Function(Patterns::These(all)) => Part::Function(all[i].0.clone()),
            _ => Part::Total,
        },
    }
}
