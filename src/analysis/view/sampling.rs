//! How sure the values are: the variance that sampling gives every sample.
//!
//! Heap: objects of size S are sampled with p = 1 - exp(-S/R) at rate R, and a record of k sampled objects is written as
//! k/p; the variance of that count is estimated without bias by k(1-p)/p^2 (Poisson sampling, `scaleHeapSample` of
//! runtime/pprof). CPU: ticks are counts, so their variance is their number. Counts of goroutines and threads are exact.
//! Of contention profiles the rate is not in the file, so nothing is known.

use crate::analysis::View;
use crate::analysis::view::subtract::PERIOD_LABEL;
use crate::model::LabelKind;

/// What is known about the error of a profile's values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Sampling {
    /// Nothing is sampled: the values are exact.
    Exact,
    /// Allocations are sampled, on average one in so many bytes.
    Heap {
        /// Mean bytes between samples.
        rate: f64,
        /// Whether the value counts bytes (else objects).
        bytes: bool,
    },
    /// A timer ticks; the value is a multiple of this.
    Ticks {
        /// Value of one tick.
        per_tick: f64,
    },
    /// Sampled or not, at a rate that the file does not tell.
    Unknown,
}

impl Sampling {
    /// What is known about the values of a view.
    pub(in crate::analysis) fn of(view: &View) -> Self {
        Self::told(view, view.index)
    }

    /// What is known about the values of another sample type of a view. When the error of the one that is looked at was
    /// lost, so was that of the others.
    pub(in crate::analysis) fn of_type(view: &View, t: usize) -> Self {
        let told = Self::told(view, t);
        match told {
            Sampling::Heap { .. } if view.sampling != Self::of(view) => Sampling::Unknown,
            _ => told,
        }
    }

    fn told(view: &View, t: usize) -> Self {
        let p = &view.profile;
        let (kind, unit) = p.sample_type(t);
        if view.query.mean || view.origin.bases_cancelled {
            return Sampling::Unknown;
        }
        match kind {
            "inuse_objects" | "inuse_space" | "alloc_objects" | "alloc_space" => match p.period {
                ..=0 => Sampling::Unknown,
                1 => Sampling::Exact,
                rate => Sampling::Heap {
                    rate: rate as f64,
                    bytes: kind.ends_with("space"),
                },
            },
            "cpu" if unit == "nanoseconds" && p.period > 0 => Sampling::Ticks {
                per_tick: p.period as f64,
            },
            "samples" => Sampling::Ticks { per_tick: 1.0 },
            "goroutine" | "goroutineleak" | "threadcreate" | "goroutines" | "thread" => Sampling::Exact,
            _ => Sampling::Unknown,
        }
    }

    /// Whether values have an error that can be told.
    pub fn is_estimated(self) -> bool {
        matches!(self, Sampling::Heap { .. } | Sampling::Ticks { .. })
    }

    /// The variance of sample `i`'s value.
    pub(in crate::analysis) fn variance(self, view: &View, i: usize) -> f64 {
        self.variance_of(view, i, view.index)
    }

    /// The variance of the value of sample `i` of type `t`, which this is about; NaN where it is unknown, as the sum of it
    /// with any other is then.
    pub(in crate::analysis) fn variance_of(self, view: &View, i: usize, t: usize) -> f64 {
        let value = view.profile.samples.values(i)[t].unsigned_abs() as f64;
        match self {
            Sampling::Exact | Sampling::Unknown => 0.0,
            Sampling::Ticks { per_tick } => value * period(view, i).unwrap_or(per_tick),
            Sampling::Heap { .. } if value == 0.0 => 0.0,
            Sampling::Heap { rate, bytes } => {
                let size = object_size(view, i, t);
                if size <= 0.0 {
                    return f64::NAN;
                }
                let p = 1.0 - (-size / rate).exp();
                let objects = if bytes { value / size } else { value };
                // k sampled objects stand for k/p.
                let variance = objects * (1.0 - p) / p;
                if bytes { variance * size * size } else { variance }
            }
        }
    }
}

impl Sampling {
    /// How many sampled objects or ticks the value of sample `i` of type `t` rests on; 0 where nothing is sampled.
    pub(in crate::analysis) fn sampled(self, view: &View, i: usize, t: usize) -> f64 {
        let value = view.profile.samples.values(i)[t].unsigned_abs() as f64;
        match self {
            Sampling::Exact | Sampling::Unknown => 0.0,
            Sampling::Ticks { per_tick } => (value / period(view, i).unwrap_or(per_tick)).round(),
            Sampling::Heap { rate, bytes } => {
                let size = object_size(view, i, t);
                if size <= 0.0 {
                    return 0.0;
                }
                let objects = if bytes { value / size } else { value };
                (objects * (1.0 - (-size / rate).exp())).round()
            }
        }
    }
}

/// The period of a sample of a sum of profiles that have not all the same.
fn period(view: &View, i: usize) -> Option<f64> {
    let key = view.profile.strings.find(PERIOD_LABEL)?;
    let label = view.profile.samples.labels(i).iter().find(|l| l.key == key)?;
    Some(label.number as f64)
}

/// Size of the objects of a sample: its label `bytes`, else bytes by objects of the same kind.
fn object_size(view: &View, i: usize, t: usize) -> f64 {
    let p = &view.profile;
    let label = p
        .samples
        .labels(i)
        .iter()
        .find(|l| l.kind() == LabelKind::Number && p.text(l.key) == "bytes");
    if let Some(l) = label {
        return l.number as f64;
    }
    let family = p.sample_type(t).0.split('_').next().unwrap_or_default();
    let column = |suffix: &str| {
        let name = format!("{family}_{suffix}");
        p.sample_types.iter().position(|t| p.text(t.kind) == name)
    };
    match (column("objects"), column("space")) {
        (Some(objects), Some(space)) => {
            let values = p.samples.values(i);
            if values[objects] == 0 {
                0.0
            } else {
                (values[space] as f64 / values[objects] as f64).abs()
            }
        }
        _ => 0.0,
    }
}
