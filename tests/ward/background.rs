//! Healthy material: real captures of healthy kubelets.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use kubeprof::diagnose::material::Moment;
use kubeprof::diagnose::metrics::Metrics;
use kubeprof::model::{Kind, Profile};
use kubeprof::pprof::{self, Limit};

/// Healthy profiles, read once.
pub(super) struct Background {
    /// Heaps of one process, 75 s apart.
    pub(super) heaps: Vec<Profile>,
    /// Goroutines of the same process.
    pub(super) goroutines: Profile,
    /// A goroutine dump as text.
    pub(super) dump: String,
    /// CPU of the same process.
    pub(super) cpu: Profile,
    more: Vec<(String, Vec<Moment>)>,
}

/// Healthy material with its name.
pub(super) type Healthy<'a> = (String, Box<dyn Fn() -> Vec<Moment> + 'a>);

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures")
}

pub(super) fn read(path: &Path) -> pprof::Read {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    pprof::read(&bytes, Limit::Proportional, false).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub(super) fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let plain = pprof::inflate(&bytes, Limit::Proportional).expect("unpacks");
    String::from_utf8(plain.into_owned()).expect("UTF-8")
}

pub(super) fn at(p: &Profile) -> Option<Timestamp> {
    (p.time_nanos != 0).then(|| Timestamp::from_nanosecond(i128::from(p.time_nanos)).expect("a time"))
}

impl Background {
    pub(super) fn load() -> Self {
        let folder = captures().join("healthy-1.37.2");
        let heaps = (1..=6).map(|i| read(&folder.join(format!("s0{i}-heap.pb.gz"))).profile);
        let more = std::env::var_os("KUBEPROF_CAPTURES").map_or_else(Vec::new, |f| more(Path::new(&f)));
        Self {
            heaps: heaps.collect(),
            goroutines: read(&folder.join("s06-goroutine.pb.gz")).profile,
            dump: text(&folder.join("last-goroutine.debug2.txt.gz")),
            cpu: read(&folder.join("last-cpu.pb.gz")).profile,
            more,
        }
    }

    /// Healthy material in the forms in which people have it.
    pub(super) fn healthy(&self) -> Vec<Healthy<'_>> {
        let frozen = captures().join("frozen-runtime");
        let ctx = captures().join("ctx-leak-1.36.1");
        let one = |moment: Moment| Box::new(move || vec![moment.clone()]);
        let goroutines = |p: Profile| Moment {
            label: "one".to_owned(),
            goroutines: Some(p),
            ..Moment::default()
        };
        let mut all: Vec<Healthy<'_>> = vec![
            ("profile".to_owned(), one(goroutines(self.goroutines.clone()))),
            ("dump".to_owned(), one(goroutines(dump(&self.dump)))),
            (
                "another dump".to_owned(),
                one(goroutines(dump(&text(
                    &frozen.join("a-before-goroutine.debug2.txt.gz"),
                )))),
            ),
            (
                "another profile".to_owned(),
                one(goroutines(read(&ctx.join("s10-goroutine.pb.gz")).profile)),
            ),
            ("heaps".to_owned(), Box::new(|| self.heap_moments())),
            (
                "CPU".to_owned(),
                one(Moment {
                    label: "one".to_owned(),
                    cpu: Some(self.cpu.clone()),
                    ..Moment::default()
                }),
            ),
        ];
        for (name, moments) in &self.more {
            all.push((name.clone(), Box::new(|| moments.clone())));
        }
        all
    }

    /// The heaps as moments.
    pub(super) fn heap_moments(&self) -> Vec<Moment> {
        let moment = |(i, p): (usize, &Profile)| Moment {
            label: format!("s0{}", i + 1),
            at: at(p),
            heap: Some(p.clone()),
            ..Moment::default()
        };
        self.heaps.iter().enumerate().map(moment).collect()
    }
}

/// The profile of a dump.
pub(super) fn dump(text: &str) -> Profile {
    let read = pprof::read(text.as_bytes(), Limit::Proportional, false).expect("a dump");
    read.profile
}

/// Healthy captures of a folder with bundles.
fn more(folder: &Path) -> Vec<(String, Vec<Moment>)> {
    let mut all = Vec::new();
    for name in ["churn-1.36.3", "load-step-1.36.3", "contention-profiling-on"] {
        let run = folder.join(name).join("bundle/worker-03/run-1");
        let mut snapshots: Vec<PathBuf> = fs::read_dir(&run)
            .unwrap_or_else(|e| panic!("{}: {e}", run.display()))
            .map(|e| e.expect("entry").path())
            .filter(|p| p.is_dir())
            .collect();
        snapshots.sort();
        let moments = snapshots.iter().map(|s| {
            let heap = read(&s.join("heap.pb.gz")).profile;
            assert_eq!(Kind::of(&heap), Kind::Heap);
            Moment {
                label: s.file_name().expect("name").to_string_lossy().into_owned(),
                at: at(&heap),
                heap: Some(heap),
                goroutines: Some(dump(&text(&s.join("goroutine.debug2.txt")))),
                metrics: Some(Metrics::parse(&text(&s.join("metrics.txt")))),
                ..Moment::default()
            }
        });
        all.push((name.to_owned(), moments.collect()));
    }
    all
}
