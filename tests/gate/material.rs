//! What is compared: healthy captures moment by moment, the same with their samples drawn again, and heaps of known means.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use kubeprof::diagnose::material::Moment;
use kubeprof::diagnose::metrics::Metrics;
use kubeprof::diagnose::stats::sampling::{probability, recovered};
use kubeprof::input::{self, Input};
use kubeprof::kubelet::Knowledge;
use kubeprof::model::{Kind, Label, Line, LocationId, Profile, ValueType};
use kubeprof::pprof::Limit;

/// splitmix64: the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1)
    }

    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exact: means above 500 are sums of smaller ones.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 500.0 {
            return self.poisson(mean / 2.0) + self.poisson(mean / 2.0);
        }
        let (limit, mut product, mut k) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            k += 1;
        }
        k
    }
}

const RATE: f64 = 524_288.0;

/// Healthy captures by name, with the moments of each.
pub(super) fn healthy() -> Vec<(String, Vec<Moment>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures");
    let mut all = vec![("healthy-1.37.2".to_owned(), moments(&root.join("healthy-1.37.2")))];
    if let Ok(folder) = std::env::var("KUBEPROF_CAPTURES") {
        let folder = PathBuf::from(folder);
        for name in ["churn-1.36.3", "load-step-1.36.3", "contention-profiling-on"] {
            all.push((name.to_owned(), moments(&folder.join(name).join("bundle"))));
        }
        all.push((
            "healthy-1.37.2, whole".to_owned(),
            moments(&folder.join("healthy-1.37.2")),
        ));
        let every: Vec<Moment> = all[1..4].iter().flat_map(|(_, m)| m.clone()).collect();
        all.push(("every 1.36.3 moment against every other".to_owned(), every));
    }
    all
}

/// The moments of a capture with what `no-regression` compares.
fn moments(path: &Path) -> Vec<Moment> {
    let knowledge = Knowledge::builtin();
    let input =
        Input::open(&[path.to_path_buf()], Limit::Proportional).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut all = Vec::new();
    for series in input.series() {
        for m in &series.moments {
            let mut moment = Moment {
                label: format!("{} {}", path.display(), m.number),
                at: m.taken,
                ..Moment::default()
            };
            for a in &m.artifacts {
                if a.stem() == "heap-gc" {
                    continue;
                }
                if a.kind.is_none() {
                    if a.stem() == "metrics" {
                        let bytes = series.bytes(a).expect("readable");
                        moment.metrics = Some(Metrics::parse(&String::from_utf8_lossy(&bytes)));
                    }
                    continue;
                }
                let read = series.read(a).expect("a profile");
                let dump = read.dumps.as_deref().and_then(|dumps| dumps.chosen().next());
                match (Kind::of(&read.profile), dump) {
                    (Kind::Goroutine, Some(dump)) => moment.goroutines = Some(input::dump_profile(dump, &knowledge)),
                    (Kind::Goroutine, None) if moment.goroutines.is_none() => moment.goroutines = Some(read.profile),
                    (Kind::Heap, _) => moment.heap = Some(read.profile),
                    (Kind::Cpu, _) => moment.cpu = Some(read.profile),
                    _ => {}
                }
            }
            if moment.heap.is_some() || moment.goroutines.is_some() {
                all.push(moment);
            }
        }
    }
    assert!(all.len() > 3, "{}: {} moments", path.display(), all.len());
    all
}

/// The moment as it might have been sampled: every count drawn again around what it was.
pub(super) fn thinned(m: &Moment, random: &mut Random) -> Moment {
    let mut m = m.clone();
    // Of another process, whose age is not known.
    m.metrics = None;
    m.at = None;
    if let Some(p) = &mut m.heap {
        heap(p, random);
    }
    if let Some(p) = &mut m.cpu {
        let period = p.period.max(1);
        for i in 0..p.samples.len() {
            let values = p.samples.values_mut(i);
            let k = random.poisson(values[0] as f64) as i64;
            (values[0], values[1]) = (k, k * period);
        }
    }
    m
}

fn heap(p: &mut Profile, random: &mut Random) {
    let column = |name: &str| {
        p.sample_types
            .iter()
            .position(|t| p.text(t.kind) == name)
            .expect("a heap")
    };
    let (objects, space) = (column("inuse_objects"), column("inuse_space"));
    let size_key = p.strings.find("bytes");
    for i in 0..p.samples.len() {
        let label = p.samples.labels(i).iter().find(|l| Some(l.key) == size_key);
        let Some(size) = label.map(|l| l.number as f64).filter(|s| *s > 0.0) else {
            continue;
        };
        let values = p.samples.values_mut(i);
        let k = random.poisson(recovered(values[objects] as f64, size, RATE) as f64) as f64;
        let n = (k / probability(size, RATE)).floor();
        (values[objects], values[space]) = (n as i64, (n * size) as i64);
    }
}

/// A heap with so many packages, in each a Poisson number of sampled objects of 64 bytes; `other` has its own mean.
pub(super) fn packages(many: usize, mean: f64, other: Option<(usize, f64)>, random: &mut Random) -> Moment {
    let mut p = Profile::default();
    for (kind, unit) in [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ] {
        let (kind, unit) = (p.strings.intern(kind), p.strings.intern(unit));
        p.sample_types.push(ValueType { kind, unit });
    }
    p.samples = kubeprof::model::Samples::new(4);
    p.period = RATE as i64;
    let (kind, unit) = (p.strings.intern("space"), p.strings.intern("bytes"));
    p.period_type = Some(ValueType { kind, unit });
    let key = p.strings.intern("bytes");
    for i in 0..many {
        let mean = other.filter(|o| o.0 == i).map_or(mean, |o| o.1);
        let k = random.poisson(mean) as f64;
        let n = (k / probability(64.0, RATE)).floor() as i64;
        let function = p.add_function(&format!("example.com/p{i:02}.f"), "", "", 0);
        let location: LocationId = p.add_location(
            i as u64 + 1,
            None,
            &[Line {
                function,
                line: 1,
                column: 0,
            }],
        );
        let stack = p.stacks.intern(&[location]).expect("room");
        p.samples
            .push(stack, &[n, 64 * n, n, 64 * n], &[Label::number(key, 64, key)]);
    }
    Moment {
        label: "made".to_owned(),
        at: None::<Timestamp>,
        heap: Some(p),
        ..Moment::default()
    }
}
