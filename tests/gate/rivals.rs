//! Gates as others build them, on the same pairs.

use std::collections::BTreeMap;

use kubeprof::diagnose::material::Moment;
use kubeprof::diagnose::stats::sampling::{recovered, variance};
use kubeprof::model::Profile;

/// A gate.
#[derive(Clone, Copy)]
pub(super) enum Rival {
    /// The total of heap objects or goroutines grew by more than a tenth.
    Threshold,
    /// Some function grew by more than its error allows at 95 %.
    TTest,
    /// Some function grew.
    Delta,
}

impl Rival {
    pub(super) const ALL: [Self; 3] = [Self::Threshold, Self::TTest, Self::Delta];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Threshold => "threshold 10 %",
            Self::TTest => "t-test per function",
            Self::Delta => "delta > 0",
        }
    }

    pub(super) fn fails(self, old: &Moment, new: &Moment) -> bool {
        let heap = |m: &Moment| m.heap.as_ref().map(functions).unwrap_or_default();
        let (a, b) = (heap(old), heap(new));
        let grew = |test: &dyn Fn((f64, f64), (f64, f64)) -> bool| {
            b.iter()
                .any(|(name, &now)| test(a.get(name).copied().unwrap_or_default(), now))
        };
        match self {
            Self::Threshold => {
                let heap = |all: &BTreeMap<String, (f64, f64)>| all.values().map(|v| v.0).sum::<f64>();
                let goroutines = |m: &Moment| {
                    m.goroutines
                        .as_ref()
                        .map_or(0.0, |p| p.samples.all_values().iter().sum::<i64>() as f64)
                };
                heap(&b) > 1.1 * heap(&a) || goroutines(new) > 1.1 * goroutines(old)
            }
            Self::TTest => grew(&|then, now| now.0 - then.0 > 1.96 * (then.1 + now.1).sqrt()),
            Self::Delta => grew(&|then, now| now.0 > then.0),
        }
    }
}

/// Objects and their variance by the function that made them.
fn functions(p: &Profile) -> BTreeMap<String, (f64, f64)> {
    let column = p
        .sample_types
        .iter()
        .position(|t| p.text(t.kind) == "inuse_objects")
        .expect("a heap");
    let key = p.strings.find("bytes");
    let rate = p.period as f64;
    let mut all: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for i in 0..p.samples.len() {
        let n = p.samples.values(i)[column] as f64;
        let size = p
            .samples
            .labels(i)
            .iter()
            .find(|l| Some(l.key) == key)
            .map_or(0.0, |l| l.number as f64);
        let leaf = p.stack(p.samples.stack(i)).first().and_then(|&l| p.lines_of(l).first());
        let name = leaf.map_or("", |l| p.function_name(l.function));
        let at = all.entry(name.to_owned()).or_default();
        at.0 += n;
        at.1 += variance(recovered(n, size, rate), size, rate);
    }
    all
}
