//! Heaps whose every allocation is known, sampled as Go samples them.
//!
//! A family has objects of one size, some births in every interval and lifetimes. Each birth is sampled with
//! p = 1 - exp(-S/R), once for its whole life, so what is sampled of a family is a Poisson process of its own; that is
//! what is drawn here.

use jiff::{SignedDuration, Timestamp};
use kubeprof::diagnose::material::{Moment, Process};
use kubeprof::diagnose::metrics::Metrics;
use kubeprof::diagnose::stats::sampling::probability;
use kubeprof::model::{Label, Line, LocationId, Profile, ValueType};

/// splitmix64: small, good enough, the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Knuth's for small means, the normal approximation above.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 60.0 {
            let (u, v) = (self.unit().max(1e-300), self.unit());
            let z = (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos();
            return (mean + mean.sqrt() * z).round().max(0.0) as u64;
        }
        let (limit, mut product, mut k) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            k += 1;
        }
        k
    }

    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.unit().max(1e-300).ln()
    }
}

/// Where the leak is. No known issue is about it.
pub(super) const LEAKING: &str = "k8s.io/kubernetes/pkg/kubelet/token.(*Manager).simulatedLeak";

const RATE: f64 = 524_288.0;

/// Sorts of heaps in which nothing leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeakFree {
    /// Many families at rest.
    Rest,
    /// Pods come and go.
    Churn,
    /// Caches fill after the start.
    WarmUp,
    /// Pods double in the middle.
    LoadStep,
    /// The collector sees more or less of the garbage.
    GcPhase,
}

impl LeakFree {
    pub(super) const ALL: [Self; 5] = [Self::Rest, Self::Churn, Self::WarmUp, Self::LoadStep, Self::GcPhase];
}

/// Objects of one place of allocation.
struct Family {
    function: String,
    size: f64,
    /// Sampled births a second at each moment's load.
    rate: f64,
    /// Mean seconds of life; infinite for what leaks or is kept.
    life: f64,
    /// From which moment on.
    from: usize,
    /// Kept objects at most, sampled ones: a cache that fills.
    most: u64,
    follows_load: bool,
}

/// A series with known truth.
pub(super) struct Scenario {
    seed: u64,
    moments: usize,
    /// Seconds between two.
    step: f64,
    families: Vec<Family>,
    pods: Vec<f64>,
    /// Age of the process at the first moment.
    age: f64,
    gc_phase: bool,
}

fn family(function: &str, size: f64, rate: f64, life: f64) -> Family {
    Family {
        function: function.to_owned(),
        size,
        rate,
        life,
        from: 0,
        most: u64::MAX,
        follows_load: false,
    }
}

impl Scenario {
    /// Eighty families as a kubelet has them: some live for seconds, some for minutes, some for hours.
    fn at_rest(seed: u64, moments: usize, step: f64) -> Self {
        let mut random = Random::new(seed ^ 0xabcd);
        let mut families = Vec::new();
        for i in 0..80 {
            let size = [16.0, 48.0, 96.0, 208.0, 1024.0, 8192.0][i % 6];
            let life = [2.0, 20.0, 120.0, 600.0, 3600.0][i % 5];
            // On average so many sampled ones live.
            let alive = random.exponential(2.5);
            let name = format!("k8s.io/kubernetes/pkg/kubelet/status.(*manager).simulated{i}");
            families.push(family(&name, size, alive / life, life));
        }
        Self {
            seed,
            moments,
            step,
            families,
            pods: vec![60.0; moments],
            age: 7200.0,
            gc_phase: false,
        }
    }

    /// A leak of so many MiB an hour of 64-byte objects, over families at rest.
    pub(super) fn leak(seed: u64, mib_per_hour: f64, moments: usize, step: f64) -> Self {
        Self::leak_from(seed, mib_per_hour, moments, step, 0)
    }

    /// The same from one moment on.
    pub(super) fn leak_from(seed: u64, mib_per_hour: f64, moments: usize, step: f64, from: usize) -> Self {
        let mut scenario = Self::at_rest(seed, moments, step);
        let objects_per_second = mib_per_hour * 1024.0 * 1024.0 / 64.0 / 3600.0;
        let name = LEAKING;
        let mut leak = family(name, 64.0, objects_per_second * probability(64.0, RATE), f64::INFINITY);
        leak.from = from;
        scenario.families.push(leak);
        scenario
    }

    pub(super) fn leak_free(seed: u64, kind: LeakFree) -> Self {
        let mut scenario = Self::at_rest(seed, 8, 120.0);
        let n = scenario.moments;
        match kind {
            LeakFree::Rest => {}
            LeakFree::Churn => {
                let mut random = Random::new(seed ^ 0x77);
                scenario.pods = (0..n).map(|_| (10.0 + 40.0 * random.unit()).round()).collect();
                scenario
                    .families
                    .iter_mut()
                    .step_by(2)
                    .for_each(|f| f.follows_load = true);
            }
            LeakFree::WarmUp => {
                scenario.age = 60.0;
                for f in scenario.families.iter_mut().step_by(4) {
                    // Filled within minutes, and kept.
                    f.life = f64::INFINITY;
                    f.most = 4 + (f.size as u64 % 7);
                    f.rate = f.most as f64 / 240.0;
                }
            }
            LeakFree::LoadStep => {
                scenario.pods = (0..n).map(|i| if i < n / 2 { 10.0 } else { 60.0 }).collect();
                scenario.families.iter_mut().for_each(|f| f.follows_load = true);
            }
            LeakFree::GcPhase => scenario.gc_phase = true,
        }
        scenario
    }

    pub(super) fn time(&self, moment: usize) -> Timestamp {
        let base: Timestamp = "2026-11-27T12:00:00Z".parse().expect("a time");
        base + SignedDuration::from_secs_f64(self.step * moment as f64)
    }

    pub(super) fn moments(&self) -> Vec<Moment> {
        let mut heaps: Vec<Profile> = (0..self.moments).map(|_| empty()).collect();
        let start = self.time(0).as_nanosecond() as f64 / 1e9 - self.age;
        for (n, f) in self.families.iter().enumerate() {
            // Each has chance of its own, so that a longer series begins as a shorter one.
            let mut random = Random::new(self.seed.wrapping_mul(1_009).wrapping_add(n as u64));
            let (alive, made) = self.sampled(f, &mut random);
            for (heap, (k, born)) in heaps.iter_mut().zip(alive.into_iter().zip(made)) {
                add(heap, f, k, born);
            }
        }
        (heaps.into_iter().enumerate())
            .map(|(i, heap)| Moment {
                label: format!("s{i:02}"),
                at: Some(self.time(i)),
                process: Process {
                    started: Some(start),
                    ..Process::default()
                },
                heap: Some(heap),
                metrics: Some(Metrics::parse(&format!(
                    "# TYPE kubelet_running_pods gauge\nkubelet_running_pods {}\n",
                    self.pods[i]
                ))),
                ..Moment::default()
            })
            .collect()
    }

    /// Sampled objects of a family that live and that were ever made, at each moment.
    fn sampled(&self, f: &Family, random: &mut Random) -> (Vec<u64>, Vec<u64>) {
        let end = self.step * (self.moments - 1) as f64;
        // Births from long before, so that it is at rest at the first moment.
        let kept = f.life.is_infinite();
        let before = if kept {
            self.age.min(if f.most < u64::MAX { self.age } else { 0.0 })
        } else {
            8.0 * f.life
        };
        let load = |t: f64| {
            if !f.follows_load {
                return 1.0;
            }
            let i = ((t / self.step).floor().max(0.0) as usize).min(self.moments - 1);
            self.pods[i] / 60.0
        };
        let first = self.step * f.from as f64;
        let mut births: Vec<(f64, f64)> = Vec::new();
        let mut t = -before;
        loop {
            t += random.exponential(1.0 / f.rate);
            if t > end || births.len() as u64 >= f.most {
                break;
            }
            if f.from > 0 && t < first || random.unit() > load(t) {
                continue;
            }
            let life = if kept {
                f64::INFINITY
            } else {
                random.exponential(f.life)
            };
            births.push((t, t + life));
        }
        let (mut alive, mut made) = (Vec::new(), Vec::new());
        let mut random = Random::new(self.seed ^ 0x6c61_6721);
        for i in 0..self.moments {
            // What the last collection saw: some seconds earlier, more or less.
            let lag = if self.gc_phase { 20.0 * random.unit() } else { 0.0 };
            let now = self.step * i as f64 - lag;
            alive.push(births.iter().filter(|(b, d)| *b <= now && now < *d).count() as u64);
            let so_far = births.iter().filter(|(b, _)| *b <= now).count() as u64;
            made.push(so_far.max(made.last().copied().unwrap_or(0)));
        }
        (alive, made)
    }
}

fn empty() -> Profile {
    let mut p = Profile::default();
    for (kind, unit) in [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ] {
        let t = ValueType {
            kind: p.strings.intern(kind),
            unit: p.strings.intern(unit),
        };
        p.sample_types.push(t);
    }
    p.samples = kubeprof::model::Samples::new(4);
    p.period = RATE as i64;
    p
}

pub(super) fn push(p: &mut Profile, frames: &[&str], values: &[i64], labels: &[Label]) {
    let locations: Vec<LocationId> = frames
        .iter()
        .map(|name| {
            let function = p.add_function(name, name, "", 0);
            let line = Line {
                function,
                line: 1,
                column: 0,
            };
            p.add_location(0, None, &[line])
        })
        .collect();
    let stack = p.stacks.intern(&locations).expect("room");
    p.samples.push(stack, values, labels);
}

/// As Go writes a record of k sampled objects.
fn add(p: &mut Profile, f: &Family, k: u64, born: u64) {
    let scale = |n: u64| (n as f64 / probability(f.size, RATE)).floor();
    let (objects, made) = (scale(k), scale(born));
    let (key, unit) = (p.strings.intern("bytes"), p.strings.intern("bytes"));
    let label = Label::number(key, f.size as i64, unit);
    let values = [made, made * f.size, objects, objects * f.size].map(|v| v as i64);
    push(p, &["context.withCancel", &f.function], &values, &[label]);
}
