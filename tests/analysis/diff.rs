//! `diff`: which rows are one, which changed, which are too small; by one build and by two.

use kubeprof::analysis::{Diff, DiffRow, Query, Sort, Trim, diff, prepare};
use kubeprof::model::{Mapping, Profile};

use crate::cli::made_profile::{Made, profile};

/// A profile of one sample type: stacks from the leaf, with values; of this build, `""` for one that says nothing.
fn built(build: &str, samples: &[(&[&str], i64)]) -> Profile {
    let values: Vec<[i64; 1]> = samples.iter().map(|s| [s.1]).collect();
    let made: Vec<Made<'_>> = (0..samples.len())
        .map(|i| Made {
            stack: samples[i].0,
            values: &values[i],
            texts: &[],
            numbers: &[],
        })
        .collect();
    let mut p = profile(&[("goroutine", "count")], &made);
    let mapping = Mapping {
        id: 1,
        file: p.strings.intern("/usr/bin/kubelet"),
        build_id: p.strings.intern(build),
        ..Mapping::default()
    };
    p.mappings.push(mapping);
    p
}

fn compared(old: &Profile, new: &Profile, query: &Query) -> Diff {
    let old = prepare(old.clone(), query).expect("a view");
    let new = prepare(new.clone(), query).expect("a view");
    diff(&old, &new)
}

fn all() -> Query {
    Query {
        trim: Trim::NONE,
        ..Query::default()
    }
}

/// Name, flat and cum before and after.
fn rows(report: &Diff) -> Vec<(&str, [i64; 4])> {
    let values = |r: &DiffRow| [r.old_flat, r.new_flat, r.old_cum, r.new_cum];
    report.rows.iter().map(|r| (r.name.as_str(), values(r))).collect()
}

#[test]
fn a_row_is_there_when_anything_of_it_changed() {
    let old = built("a", &[(&["f", "main"], 10), (&["same", "main"], 5), (&["gone"], 3)]);
    let new = built(
        "a",
        &[(&["g", "f", "main"], 10), (&["same", "main"], 5), (&["come"], 4)],
    );
    let report = compared(&old, &new, &all());
    assert_eq!(
        rows(&report),
        [
            ("g", [0, 10, 0, 10]),
            // Only its own value: what it had is below it now.
            ("f", [10, 0, 10, 10]),
            ("come", [0, 4, 0, 4]),
            ("gone", [3, 0, 3, 0]),
        ]
    );
    assert_eq!((report.changed, report.small), (4, 0));
    assert_eq!((report.old_total, report.new_total), (18, 19));
    // The other way round only what is below changed.
    let report = compared(&new, &old, &all());
    let f = report.rows.iter().find(|r| r.name == "f").expect("a row");
    assert_eq!((f.flat(), f.cum()), (10, 0));
    // Only cum.
    let old = built("a", &[(&["f", "main"], 10), (&["f"], 5)]);
    let new = built("a", &[(&["f", "main"], 5), (&["f"], 10)]);
    assert_eq!(rows(&compared(&old, &new, &all())), [("main", [0, 0, 10, 5])]);
    // What is new knows so.
    let report = compared(&built("a", &[(&["x"], 1)]), &built("a", &[(&["y"], 1)]), &all());
    let places: Vec<_> = report.rows.iter().map(|r| (r.name.as_str(), r.in_new)).collect();
    assert_eq!(places, [("x", false), ("y", true)]);
}

/// A share of the larger total, by flat or by cum, of growth and of shrinkage.
#[test]
fn the_cutoff_at_n_minus_1_n_and_n_plus_1() {
    let query = Query {
        trim: Trim {
            node_fraction: 0.1,
            ..Trim::NONE
        },
        ..Query::default()
    };
    let names = |report: &Diff| -> Vec<String> { report.rows.iter().map(|r| r.name.clone()).collect() };
    let grown: &[(&[&str], i64)] = &[(&["less"], 99), (&["even"], 100), (&["more"], 101), (&["rest"], 700)];
    let before: &[(&[&str], i64)] = &[(&["rest"], 700)];
    // 100 of 1000, whichever side has the thousand.
    for (old, new) in [(before, grown), (grown, before)] {
        let report = compared(&built("a", old), &built("a", new), &query);
        assert_eq!(report.cutoff, 100);
        assert_eq!(names(&report), ["more", "even"]);
        assert_eq!((report.changed, report.small), (3, 1));
        assert_eq!((report.header.row_count, report.header.rows_shown), (2, 2));
    }
    // Only flat moves: cum stays at the callers.
    let old = built(
        "a",
        &[(&["less"], 99), (&["even"], 100), (&["more"], 101), (&["rest"], 700)],
    );
    let new = built(
        "a",
        &[
            (&["x", "less"], 99),
            (&["x", "even"], 100),
            (&["x", "more"], 101),
            (&["rest"], 700),
        ],
    );
    assert_eq!(names(&compared(&old, &new, &query)), ["x", "more", "even"]);
    assert_eq!(names(&compared(&new, &old, &query)), ["x", "more", "even"]);
    // Only cum.
    let old = built("a", &[(&["y"], 300), (&["rest"], 700)]);
    let new = built(
        "a",
        &[
            (&["y", "less"], 99),
            (&["y", "even"], 100),
            (&["y", "more"], 101),
            (&["rest"], 700),
        ],
    );
    assert_eq!(names(&compared(&old, &new, &query)), ["more", "even"]);
    assert_eq!(names(&compared(&new, &old, &query)), ["more", "even"]);
}

#[test]
fn rows_are_sorted_by_the_size_of_the_change_and_limited() {
    let old = built("a", &[(&["shrunk"], 50), (&["b", "p"], 5), (&["a", "p"], 5)]);
    let new = built("a", &[(&["grown"], 40), (&["b", "p"], 15), (&["a", "p"], 15)]);
    let by = |sort, node_count| {
        let query = Query {
            sort,
            trim: Trim {
                node_count,
                ..Trim::NONE
            },
            ..Query::default()
        };
        let report = compared(&old, &new, &query);
        let names: Vec<String> = report.rows.iter().map(|r| r.name.clone()).collect();
        (names.join(" "), report.header.rows_shown, report.header.row_count)
    };
    assert_eq!(by(Sort::Flat, None), ("shrunk grown a b p".to_owned(), 5, 5));
    assert_eq!(by(Sort::Cum, None), ("shrunk grown p a b".to_owned(), 5, 5));
    for (limit, expected) in [
        (0, "shrunk grown a b p"),
        (1, "shrunk"),
        (4, "shrunk grown a b"),
        (5, "shrunk grown a b p"),
    ] {
        let (names, shown, count) = by(Sort::Flat, Some(limit));
        assert_eq!(
            (names.as_str(), shown, count),
            (expected, expected.split(' ').count(), 5),
            "{limit}"
        );
    }
}

#[test]
fn builds_are_the_same_different_or_not_known() {
    let of = |build: &str| built(build, &[(&["f"], 1)]);
    for (old, new, same) in [
        ("a", "a", Some(true)),
        ("a", "b", Some(false)),
        ("", "b", None),
        ("a", "", None),
        ("", "", None),
    ] {
        assert_eq!(compared(&of(old), &of(new), &all()).same_build, same, "{old:?} {new:?}");
    }
    let mut bare = of("a");
    bare.mappings.clear();
    assert_eq!(compared(&bare, &of("a"), &all()).same_build, None);
}

/// Names that are one function in two builds, and how they are told apart in one.
#[test]
fn between_builds_moved_packages_closures_and_versions_are_joined() {
    for (old_name, new_name) in [
        // Moved, both ways.
        (
            "github.com/google/cadvisor/manager.New",
            "github.com/google/cadvisor/lib/manager.New",
        ),
        (
            "github.com/google/cadvisor/lib/manager.New",
            "github.com/google/cadvisor/manager.New",
        ),
        (
            "golang.org/x/net/http2.(*Framer).ReadFrame",
            "net/http/internal/http2.(*Framer).ReadFrame",
        ),
        (
            "k8s.io/kubernetes/pkg/util/wait.Until",
            "k8s.io/apimachinery/pkg/util/wait.Until",
        ),
        // Another number of a closure.
        (
            "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod.func1",
            "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod.func2",
        ),
        // Another major version, other type arguments.
        (
            "github.com/opencontainers/runc/v2/libcontainer.New",
            "github.com/opencontainers/runc/libcontainer.New",
        ),
        ("main.work[go.shape.int]", "main.work[go.shape.string]"),
    ] {
        let (old, new) = ([old_name, "main.main"], [new_name, "main.main"]);
        for (old_build, new_build, joined) in [("a", "b", true), ("", "b", true), ("", "", true), ("a", "a", false)] {
            let old = built(old_build, &[(&old, 4)]);
            let new = built(new_build, &[(&new, 7)]);
            let report = compared(&old, &new, &all());
            let of_it: Vec<_> = rows(&report).into_iter().filter(|r| r.0 != "main.main").collect();
            if joined {
                assert_eq!(of_it, [(new_name, [4, 7, 4, 7])], "{old_build:?} {new_build:?}");
            } else {
                assert_eq!(of_it, [(new_name, [0, 7, 0, 7]), (old_name, [4, 0, 4, 0])]);
            }
        }
    }
    // What only looks alike is not one.
    for (old_name, new_name) in [
        ("a.b/pkg.F", "a.b/pkg.G"),
        ("a.b/pkg.(*T).F", "a.b/pkg.T.F"),
        (
            "github.com/google/cadvisor/manager.New",
            "github.com/google/cadvisor/library/manager.New",
        ),
    ] {
        let report = compared(
            &built("a", &[(&[old_name], 4)]),
            &built("b", &[(&[new_name], 7)]),
            &all(),
        );
        assert_eq!(report.rows.len(), 2, "{old_name} {new_name}");
    }
}

/// Several functions of one build that are one by the other's count are added up.
#[test]
fn closures_that_share_a_key_are_added_up_between_builds() {
    let old = built("a", &[(&["a.b/p.F.func1"], 4), (&["a.b/p.F.func2"], 5)]);
    let new = built("b", &[(&["a.b/p.F.func3"], 10)]);
    assert_eq!(rows(&compared(&old, &new, &all())), [("a.b/p.F.func3", [9, 10, 9, 10])]);
    assert_eq!(rows(&compared(&new, &old, &all())), [("a.b/p.F.func2", [10, 9, 10, 9])]);
}

#[test]
fn time_between_the_two_is_known_when_both_times_are() {
    for (old_time, new_time, elapsed) in [(100, 350, 250), (350, 100, -250), (0, 100, 0), (100, 0, 0), (0, 0, 0)] {
        let (mut old, mut new) = (built("a", &[(&["f"], 1)]), built("a", &[(&["f"], 2)]));
        (old.time_nanos, new.time_nanos) = (old_time, new_time);
        assert_eq!(compared(&old, &new, &all()).elapsed_nanos, elapsed);
    }
}

/// Rows outside of the packages asked for are counted once, on the new side; what a row stands for is that of its view.
#[test]
fn rows_outside_of_a_scope_are_counted_on_the_new_side() {
    let old = built("a", &[(&["k8s.io/x.F", "z.io/y.G"], 10)]);
    let new = built(
        "a",
        &[(&["k8s.io/x.F", "z.io/y.G"], 15), (&["k8s.io/x.F", "z.io/y.K"], 5)],
    );
    let query = Query {
        packages: vec!["k8s.io/...".to_owned()],
        ..all()
    };
    let report = compared(&old, &new, &query);
    assert_eq!(rows(&report), [("k8s.io/x.F", [10, 20, 10, 20])]);
    assert_eq!(report.hidden_rows, 2);
    assert_eq!(compared(&old, &new, &all()).hidden_rows, 0);
    // `info` has the function of the view that the row is of.
    let report = compared(&old, &new, &all());
    for row in &report.rows {
        assert_ne!(row.info, kubeprof::analysis::NodeInfo::default(), "{}", row.name);
    }
}

/// The unit is that of the largest change, or, where nothing changed, of the larger total.
#[test]
fn the_unit_of_a_diff() {
    let unit = |unit: &str, asked: &str, old: i64, new: i64| {
        let of = |value: i64| {
            let made = Made {
                stack: &["f", "main"],
                values: &[value],
                texts: &[],
                numbers: &[],
            };
            profile(&[("inuse_space", unit)], &[made])
        };
        let query = Query {
            unit: asked.to_owned(),
            ..all()
        };
        compared(&of(old), &of(new), &query).header.output_unit
    };
    for (old, new, expected) in [
        (0, 500, "B"),
        (0, 2048, "kB"),
        (2048, 0, "kB"),
        (3 << 20, 1 << 20, "MB"),
        (1 << 40, (1 << 40) + 2048, "kB"),
        // Nothing changed.
        (3 << 30, 3 << 30, "GB"),
    ] {
        assert_eq!(unit("bytes", "minimum", old, new), expected, "{old} {new}");
    }
    assert_eq!(unit("count", "minimum", 1, 1 << 40), "count");
    assert_eq!(unit("bytes", "kB", 0, 1 << 30), "kB");
}
