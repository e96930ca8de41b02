//! No report panics, whatever a profile says: damaged profiles that still decode go through every report and every
//! compatible renderer. `KUBEPROF_HOSTILE_RUNS` sets how many: 1,500 unless set, 100,000 in
//! `tests/full.sh`.

use std::io;
use std::path::Path;

use kubeprof::analysis::{self, Dialect, Granularity, Query, Sort, View};
use kubeprof::pprof::{Limit, decode, inflate};
use kubeprof::render::pprof as render;
use kubeprof::render::{Lines, SourceLookup};

/// A source of every file: two lines.
struct TwoLines;

impl SourceLookup for TwoLines {
    fn open(&mut self, path: &str) -> Result<Lines<'_>, String> {
        if path.len().is_multiple_of(3) {
            return Err("no such file".to_owned());
        }
        Ok(Box::new(|n| matches!(n, 1 | 2).then_some(&b"text"[..])))
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

fn query(random: &mut Random) -> Query {
    let mut q = Query {
        granularity: random.choose(&[
            Granularity::Functions,
            Granularity::FileFunctions,
            Granularity::Files,
            Granularity::Lines,
            Granularity::Addresses,
        ]),
        dialect: random.choose(&[Dialect::Native, Dialect::Pprof]),
        sort: random.choose(&[Sort::Flat, Sort::Cum]),
        mean: random.below(4) == 0,
        call_tree: random.below(4) == 0,
        drop_negative: random.below(4) == 0,
        no_inlines: random.below(4) == 0,
        show_columns: random.below(4) == 0,
        divide_by: random.choose(&[1.0, 1.0, 0.3, -2.0, f64::INFINITY, f64::NAN]),
        unit: random.choose(&["minimum", "auto", "ms", "B"]).to_owned(),
        ..Query::default()
    };
    if q.dialect == Dialect::Native {
        q.unit = random.choose(&["minimum", "auto"]).to_owned();
    }
    q.trim.node_fraction = random.choose(&[0.0, 0.005, 0.5, f64::NAN, -1.0]);
    q.trim.node_count = random.choose(&[None, Some(0), Some(1), Some(7)]);
    for (option, text) in [
        (&mut q.focus, "main"),
        (&mut q.hide, "runtime"),
        (&mut q.show_from, "work"),
        (&mut q.prune_from, "fib"),
        (&mut q.tag_focus, "0:100kb"),
        (&mut q.tag_root, "worker"),
        (&mut q.tag_leaf, "bytes"),
    ] {
        if random.below(8) == 0 {
            *option = text.to_owned();
        }
    }
    q
}

fn report(which: usize, view: &mut View) -> io::Result<()> {
    let out = &mut io::sink();
    match which {
        0 => render::top(&analysis::top(view), view, out),
        1 => match analysis::tree(view, None) {
            Ok(report) => render::tree(&report, view, out),
            Err(_) => Ok(()),
        },
        2 => render::dot(&analysis::drawing(view), view, out),
        3 => render::callgrind(&analysis::call_costs(view), view, out),
        4 => match analysis::list(view, ".") {
            Ok(report) => render::list(&report, view, &mut TwoLines, out),
            Err(_) => Ok(()),
        },
        5 => match analysis::list_sources(view, "main|0x4") {
            Ok(report) => render::weblist(&report, &Default::default(), view, &mut TwoLines, out),
            Err(_) => Ok(()),
        },
        6 => render::traces(&analysis::traces(view), view, out),
        7 => render::tags(&analysis::tags(view), view, out),
        8 => render::raw(&view.profile, Dialect::Native, out),
        _ => {
            let top = analysis::top(view);
            let profile = analysis::top_profile(&top, view);
            profile.check().expect("a sound profile");
            Ok(())
        }
    }
}

#[test]
fn damaged_profiles_panic_no_report() {
    let runs: usize = std::env::var("KUBEPROF_HOSTILE_RUNS").map_or(1500, |n| n.parse().expect("a number"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/compat");
    let whole: Vec<Vec<u8>> = ["cpu", "heap", "goroutine", "mutex", "block"]
        .iter()
        .map(|name| {
            let packed = std::fs::read(folder.join(format!("{name}.pb.gz"))).expect("a fixture");
            inflate(&packed, Limit::Proportional).expect("gzip").into_owned()
        })
        .collect();
    let mut random = Random(7);
    let mut decoded = 0;
    for run in 0..runs {
        let mut bytes = whole[random.below(whole.len())].clone();
        for _ in 0..random.below(12) {
            let at = random.below(bytes.len());
            bytes[at] = random.choose(&[0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 1, bytes[at].wrapping_add(1)]);
        }
        let Ok((profile, _)) = decode(&bytes) else { continue };
        decoded += 1;
        let Ok(mut view) = analysis::prepare(profile, &query(&mut random)) else {
            continue;
        };
        report(run % 10, &mut view).expect("nothing fails to be written");
    }
    assert!(decoded > runs / 20, "hardly anything was decoded: {decoded} of {runs}");
}
