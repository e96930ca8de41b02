//! Goroutines whose every birth and death is known.

use jiff::{SignedDuration, Timestamp};
use kubeprof::diagnose::material::{Moment, Process};
use kubeprof::diagnose::metrics::Metrics;
use kubeprof::model::{Profile, Samples, ValueType};

use super::heap::{Random, push};

const MOMENTS: usize = 7;
/// Seconds between two moments.
const STEP: f64 = 60.0;
/// Behind the last dot of the function that leaks.
pub(super) const LEAKING: &str = "podWorkerLoop";

/// How goroutines that do not leak come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowds {
    /// All are others at the next moment.
    Short,
    /// They live for minutes and hours, so that a count resembles the next.
    Lasting,
    /// They come in bursts: counts swing three times as much.
    Bursts,
    /// Pods come and go, and their goroutines with them.
    Churn,
    /// The process is young and fills up.
    WarmUp,
    /// Pods double in the middle.
    LoadStep,
}

impl Crowds {
    pub(super) const ALL: [Self; 6] = [
        Self::Short,
        Self::Lasting,
        Self::Bursts,
        Self::Churn,
        Self::WarmUp,
        Self::LoadStep,
    ];
}

/// Functions with the mean of their goroutines at 60 pods, their mean life in seconds, and whether they follow the pods.
const FAMILIES: [(&str, f64, f64, bool); 6] = [
    (
        "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop",
        60.0,
        3600.0,
        true,
    ),
    ("k8s.io/kubernetes/pkg/kubelet/prober.(*worker).run", 60.0, 1800.0, true),
    (
        "github.com/google/cadvisor/manager.(*containerData).housekeeping",
        180.0,
        3600.0,
        true,
    ),
    ("net/http.(*conn).serve", 12.0, 120.0, false),
    (
        "k8s.io/client-go/tools/cache.(*Reflector).watchWithResync",
        30.0,
        600.0,
        false,
    ),
    ("github.com/moby/spdystream.(*Connection).Serve", 8.0, 300.0, false),
];

/// Moments of a kubelet in which nothing leaks.
pub(super) fn moments(seed: u64, kind: Crowds) -> Vec<Moment> {
    let mut random = Random::new(seed ^ 0x676f);
    let pods: Vec<f64> = (0..MOMENTS)
        .map(|i| match kind {
            Crowds::Churn => (20.0 + 40.0 * random.unit()).round(),
            Crowds::LoadStep if i < MOMENTS / 2 => 30.0,
            _ => 60.0,
        })
        .collect();
    let age = if kind == Crowds::WarmUp { 45.0 } else { 7200.0 };
    let counts: Vec<Vec<u64>> = (FAMILIES.iter())
        .map(|&(_, mean, life, follows)| match kind {
            Crowds::Lasting => lasting(mean, life, &mut random),
            _ => (0..MOMENTS)
                .map(|i| {
                    let load = if follows { pods[i] / 60.0 } else { 1.0 };
                    // What starts is there within a minute or two.
                    let started = match kind {
                        Crowds::WarmUp => 1.0 - (-(age + STEP * i as f64) / 40.0).exp(),
                        _ => 1.0,
                    };
                    match kind {
                        Crowds::Bursts => 3 * random.poisson(mean / 3.0),
                        _ => random.poisson(mean * load * started),
                    }
                })
                .collect(),
        })
        .collect();
    assemble(&counts, &pods, age)
}

/// So many more a minute that stay, among goroutines at rest.
pub(super) fn leak(seed: u64, per_minute: f64) -> Vec<Moment> {
    let mut random = Random::new(seed ^ 0x6c65);
    let mut counts: Vec<Vec<u64>> = (FAMILIES.iter())
        .map(|&(_, mean, life, _)| lasting(mean, life, &mut random))
        .collect();
    let mut leaked = 0;
    for (i, count) in counts[0].iter_mut().enumerate() {
        leaked += if i == 0 {
            0
        } else {
            random.poisson(per_minute * STEP / 60.0)
        };
        *count += leaked;
    }
    assemble(&counts, &[60.0; MOMENTS], 7200.0)
}

/// Births at a steady rate, lives of random length: at rest from the first moment on.
fn lasting(mean: f64, life: f64, random: &mut Random) -> Vec<u64> {
    let alive = random.poisson(mean);
    let mut ends: Vec<(f64, f64)> = (0..alive).map(|_| (f64::MIN, random.exponential(life))).collect();
    let mut t = 0.0;
    loop {
        t += random.exponential(life / mean);
        if t > STEP * MOMENTS as f64 {
            break;
        }
        ends.push((t, t + random.exponential(life)));
    }
    let at = |t: f64| ends.iter().filter(|(from, to)| *from <= t && t < *to).count() as u64;
    (0..MOMENTS).map(|i| at(STEP * i as f64)).collect()
}

fn assemble(counts: &[Vec<u64>], pods: &[f64], age: f64) -> Vec<Moment> {
    let base: Timestamp = "2026-11-27T12:00:00Z".parse().expect("a time");
    let started = base.as_nanosecond() as f64 / 1e9 - age;
    (0..MOMENTS)
        .map(|i| Moment {
            label: format!("s{i:02}"),
            at: Some(base + SignedDuration::from_secs_f64(STEP * i as f64)),
            process: Process {
                started: Some(started),
                ..Process::default()
            },
            goroutines: Some(profile(counts.iter().map(|c| c[i]))),
            metrics: Some(Metrics::parse(&format!(
                "# TYPE kubelet_running_pods gauge\nkubelet_running_pods {}\n",
                pods[i]
            ))),
            ..Moment::default()
        })
        .collect()
}

fn profile(counts: impl Iterator<Item = u64>) -> Profile {
    let mut p = Profile::default();
    let kind = ValueType {
        kind: p.strings.intern("goroutine"),
        unit: p.strings.intern("count"),
    };
    p.sample_types = vec![kind];
    p.samples = Samples::new(1);
    for ((function, ..), count) in FAMILIES.iter().zip(counts) {
        let frames = ["runtime.gopark", "runtime.selectgo", *function];
        push(&mut p, &frames, &[count as i64], &[]);
    }
    p
}
