//! Every report of a profile, in both dialects, and every format it is written in.

use std::io;
use std::sync::{Arc, LazyLock};

use kubeprof::analysis::{
    self, BucketSort, Dialect, FlameLimits, GoroutineQuery, Granularity, Query, Similarity, Sort, View,
};
use kubeprof::kubelet::Knowledge;
use kubeprof::model::{MergeOptions, Profile};
use kubeprof::render::layout::{self, Below, Look, StackLines};
use kubeprof::render::terminal::Terminal;
use kubeprof::render::{self, Lines, SourceLookup, document::Document};

use crate::choices::Choices;

static KNOWLEDGE: LazyLock<Arc<Knowledge>> = LazyLock::new(|| Arc::new(Knowledge::builtin()));

/// A source of every file: two lines, or none.
struct TwoLines;

impl SourceLookup for TwoLines {
    fn open(&mut self, path: &str) -> Result<Lines<'_>, String> {
        if path.len().is_multiple_of(3) {
            return Err("no such file".to_owned());
        }
        Ok(Box::new(|n| matches!(n, 1 | 2).then_some(&b"text"[..])))
    }
}

fn query(c: &mut Choices) -> Query {
    let mut q = Query {
        granularity: c.of(&[
            Granularity::Functions,
            Granularity::FileFunctions,
            Granularity::Files,
            Granularity::Lines,
            Granularity::Addresses,
            Granularity::Packages,
            Granularity::Modules,
            Granularity::Subsystems,
            Granularity::Owners,
        ]),
        dialect: c.of(&[Dialect::Native, Dialect::Pprof]),
        sort: c.of(&[Sort::Flat, Sort::Cum]),
        divide_by: c.of(&[1.0, 1.0, 0.3, -2.0, f64::INFINITY, f64::NAN]),
        unit: c.of(&["minimum", "auto", "ms", "B"]).to_owned(),
        sample_type: c.of(&["", "", "0", "1", "7", "space"]).to_owned(),
        ..Query::default()
    };
    let flags = c.below(256);
    q.mean = flags & 1 != 0;
    q.call_tree = flags & 2 != 0;
    q.drop_negative = flags & 4 != 0;
    q.no_inlines = flags & 8 != 0;
    q.show_columns = flags & 16 != 0;
    q.relative_percentages = flags & 32 != 0;
    q.compact_labels = flags & 64 != 0;
    if q.dialect == Dialect::Native {
        q.unit = c.of(&["minimum", "auto"]).to_owned();
    }
    q.trim.node_fraction = c.of(&[0.0, 0.005, 0.5, f64::NAN, -1.0]);
    q.trim.edge_fraction = c.of(&[0.0, 0.001, 0.5, f64::NAN, -1.0]);
    q.trim.node_count = c.of(&[None, Some(0), Some(1), Some(7)]);
    for (option, texts) in [
        (&mut q.focus, ["main", "runtime|0x4"]),
        (&mut q.ignore, ["sync", "^$"]),
        (&mut q.hide, ["runtime", "."]),
        (&mut q.show, ["main", "a"]),
        (&mut q.show_from, ["work", "main"]),
        (&mut q.prune_from, ["fib", "runtime"]),
        (&mut q.tag_focus, ["0:100kb", "worker=a"]),
        (&mut q.tag_ignore, ["bytes=:64", "x"]),
        (&mut q.tag_show, ["bytes", "worker"]),
        (&mut q.tag_root, ["worker", "bytes"]),
        (&mut q.tag_leaf, ["bytes", "worker,bytes"]),
    ] {
        match c.below(8) {
            0 => option.push_str(texts[0]),
            1 => option.push_str(texts[1]),
            _ => {}
        }
    }
    q
}

fn view(profile: Profile, query: &Query) -> Option<View> {
    let knowledge = (query.dialect == Dialect::Native).then(|| KNOWLEDGE.clone());
    analysis::prepare_knowing(profile, query, knowledge).ok()
}

/// Everything that can be asked of a profile. A query that does not suit it is an answer too.
pub fn run(profile: Profile, c: &mut Choices) {
    let query = query(c);
    if c.below(4) == 0 {
        compared(&profile, &query);
    }
    let Some(mut view) = view(profile, &query) else { return };
    let all = |which: usize, view: &mut View| report(which, view).expect("nothing fails to be written");
    match c.below(17) {
        16 => (0..16).for_each(|which| all(which, &mut view)),
        one => all(one, &mut view),
    }
}

fn compared(profile: &Profile, query: &Query) {
    let out = &mut io::sink();
    let twice = |keep_base, normalize| {
        analysis::compare(
            profile.clone(),
            profile.clone(),
            keep_base,
            normalize,
            MergeOptions::default(),
        )
    };
    for keep_base in [false, true] {
        if let Ok(difference) = twice(keep_base, true) {
            difference.check().expect("a sound difference");
            if let Some(mut view) = view(difference, query) {
                render::pprof::top(&analysis::top(&mut view), &view, out).expect("written");
            }
        }
    }
    let mut odd = profile.clone();
    let mut row = 0;
    odd.samples.retain(|_, _| {
        row += 1;
        row % 2 == 1
    });
    if let (Some(mut old), Some(mut new)) = (view(odd, query), view(profile.clone(), query)) {
        let report = analysis::diff(&mut old, &mut new);
        written(&layout::diff(&report, &old, &new, &Look::default()));
    }
}

/// A page in every format of tables.
fn written(page: &Document) {
    let out = &mut io::sink();
    for terminal in [
        Terminal::default(),
        Terminal {
            colour: true,
            width: Some(60),
        },
    ] {
        render::text::text(page, true, &terminal, out).expect("written");
        render::text::text(page, false, &terminal, out).expect("written");
    }
    render::text::markdown(page, out).expect("written");
    render::json::json(page, out).expect("written");
    render::json::jsonl(page, out).expect("written");
    render::csv::csv(page, out).expect("written");
}

fn report(which: usize, view: &mut View) -> io::Result<()> {
    let out = &mut io::sink();
    let look = Look::default();
    let native = view.query.dialect == Dialect::Native;
    match which {
        0 => {
            let report = analysis::top(view);
            render::pprof::top(&report, view, out)?;
            analysis::top_profile(&report, view).check().expect("a sound profile");
            if native {
                written(&layout::top(&report, view, &look));
            }
        }
        1 => {
            if let Ok(report) = analysis::tree(view, None) {
                render::pprof::tree(&report, view, out)?;
                render::tree::rows(&report, view, &look, &Terminal::default(), out)?;
                written(&layout::tree(&report, view, &look, "tree"));
            }
        }
        2 => render::pprof::dot(&analysis::drawing(view), view, out)?,
        3 => render::pprof::callgrind(&analysis::call_costs(view), view, out)?,
        4 => {
            if let Ok(report) = analysis::list(view, ".") {
                render::pprof::list(&report, view, &mut TwoLines, out)?;
                written(&layout::list(&report, view, &look, &mut TwoLines));
            }
        }
        5 => {
            if let Ok(report) = analysis::list_sources(view, "main|0x4") {
                render::pprof::weblist(&report, view, &mut TwoLines, out)?;
            }
        }
        6 => {
            let report = analysis::traces(view);
            render::pprof::traces(&report, view, out)?;
            render::traces::text(&report, view, &[], &[], out)?;
            let page = layout::traces(&report, view, &look);
            render::traces::json(&report, view, &render::json::head(&page), true, out)?;
            written(&page);
        }
        7 => {
            let report = analysis::tags(view);
            render::pprof::tags(&report, view, out)?;
            written(&layout::tags(&report, view, &look));
        }
        8 => render::pprof::raw(&view.profile, Dialect::Native, out)?,
        9 => render::pprof::raw(&view.profile, Dialect::Pprof, out)?,
        10 | 11 => {
            let limits = FlameLimits {
                max_nodes: if which == 10 { 1000 } else { 5 },
                ..FlameLimits::default()
            };
            if let Ok(flame) = analysis::flame(view, limits) {
                render::flame_html(&flame, "profile", out)?;
                render::flame_svg(&flame, "profile", out)?;
            }
        }
        12 => {
            if let Ok(stacks) = analysis::named_stacks(view) {
                render::folded(&stacks, view, out)?;
                render::speedscope(&stacks, view, "profile", out)?;
            }
        }
        13 => written(&layout::census(&analysis::census(view), view, &look, &[])),
        14 => {
            if let Ok(report) = analysis::tree(view, Some("main")) {
                render::pprof::tree(&report, view, out)?;
            }
        }
        _ => {
            for similarity in [Similarity::Exact, Similarity::Function, Similarity::Owner] {
                let asked = GoroutineQuery {
                    similarity,
                    sort: BucketSort::Age,
                    ..GoroutineQuery::default()
                };
                if let Ok(report) = analysis::goroutines(view, &asked) {
                    let under = Below {
                        stacks: StackLines::Some(5),
                        labels: true,
                    };
                    written(&layout::goroutines(&report, &asked, view, &look, under, &[]));
                }
            }
        }
    }
    Ok(())
}
