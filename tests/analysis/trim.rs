//! Which rows and edges are left out: cutoffs at n - 1, n and n + 1, limits, orders, and the unit of a table.

use kubeprof::analysis::{Dialect, Granularity, Query, Sort, Tree, Trim, View, drawing, prepare, top, tree};
use kubeprof::model::Profile;

use crate::cli::made_profile::{Made, profile};

fn made(unit: &str, samples: &[(&[&str], i64)]) -> Profile {
    let values: Vec<[i64; 1]> = samples.iter().map(|s| [s.1]).collect();
    let made: Vec<Made<'_>> = (0..samples.len())
        .map(|i| Made {
            stack: samples[i].0,
            values: &values[i],
            texts: &[],
            numbers: &[],
        })
        .collect();
    profile(&[("value", unit)], &made)
}

fn view(samples: &[(&[&str], i64)], trim: Trim) -> View {
    let query = Query {
        trim,
        dialect: Dialect::Pprof,
        ..Query::default()
    };
    prepare(made("count", samples), &query).expect("a view")
}

/// `caller -> callee weight`, of the callees of all rows.
fn calls(tree: &Tree) -> Vec<String> {
    let name = |n: u32| tree.names[n as usize].as_str();
    tree.nodes()
        .flat_map(|node| {
            let callees = node.callees.iter();
            callees
                .map(|e| format!("{} {} {}", name(node.name), name(e.name), e.weight))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn names(view: &mut View) -> Vec<String> {
    top(view).rows.into_iter().map(|r| r.name).collect()
}

#[test]
fn rows_below_the_cutoff_go() {
    let trim = Trim {
        node_fraction: 0.1,
        ..Trim::NONE
    };
    // 100 of a flat sum of 1000.
    let v = view(
        &[
            (&["less"], 99),
            (&["even"], 100),
            (&["more"], 101),
            (&["f", "rest"], 300),
            (&["rest"], 400),
        ],
        trim,
    );
    let report = top(&v);
    let rows: Vec<&str> = report.rows.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(rows, ["rest", "f", "more", "even"]);
    let h = &report.header;
    assert_eq!((h.node_cutoff, h.dropped_nodes, h.dropped_nodes_below), (100, 1, 100));
    assert_eq!((h.rows_shown, h.row_count, h.shown_total), (4, 4, 901));
    // It is cum that counts, and its size, not its sign. The sum is of flat: 2000 - 101 - 99.
    let mut v = view(
        &[
            (&["less"], -179),
            (&["even"], -180),
            (&["leaf", "mid"], 1000),
            (&["rest"], 1159),
        ],
        trim,
    );
    assert_eq!(names(&mut v), ["rest", "leaf", "even", "mid"]);
    // Nothing is dropped, and nothing is said to be, when all are large enough.
    let v = view(&[(&["a"], 100), (&["b"], 900)], trim);
    let report = top(&v);
    assert_eq!((report.rows.len(), report.header.dropped_nodes), (2, 0));
}

#[test]
fn edges_below_the_cutoff_go() {
    let trim = Trim {
        edge_fraction: 0.1,
        ..Trim::NONE
    };
    let stacks: &[(&[&str], i64)] = &[
        (&["less", "main"], 99),
        (&["even", "main"], 100),
        (&["more", "main"], 101),
        (&["minus", "main"], -100),
        (&["slight", "main"], -99),
        (&["main"], 799),
    ];
    // The sum of flat is 900, a tenth of it 90: all stay.
    let v = view(stacks, trim);
    let report = tree(&v, None).expect("a tree");
    assert_eq!((calls(&report).len(), report.header.dropped_edges), (5, 0));
    // Of 1000 it is 100.
    let mut more = stacks.to_vec();
    more.push((&["main"], 100));
    let v = view(&more, trim);
    let report = tree(&v, None).expect("a tree");
    assert_eq!(calls(&report), ["main more 101", "main even 100", "main minus -100"]);
    assert_eq!(report.header.dropped_edges, 2);
    assert_eq!(report.names.len(), 6, "the rows stay");
    let drawn = drawing(&view(&more, trim));
    let arrows: Vec<_> = { drawn.edges.iter() }
        .map(|e| (drawn.names[e.dst as usize].as_str(), e.weight))
        .collect();
    assert_eq!(arrows, [("more", 101), ("even", 100), ("minus", -100)]);
}

/// What sums up to nothing is no row, but the edges to it are shown whatever they weigh, as pprof does.
#[test]
fn edges_to_what_is_no_row_stay() {
    let trim = Trim {
        edge_fraction: 0.1,
        ..Trim::NONE
    };
    let stacks: &[(&[&str], i64)] = &[
        (&["x", "a", "main"], 5),
        (&["x", "b", "main"], -5),
        (&["big", "main"], 1000),
    ];
    let report = tree(&view(stacks, trim), None).expect("a tree");
    assert_eq!(calls(&report), ["a x 5", "b x -5", "main big 1000"]);
    assert_eq!(report.header.dropped_edges, 2);
}

/// A row that goes leaves a residual edge over it, and its value to no row.
#[test]
fn what_goes_is_jumped_over() {
    let trim = Trim {
        node_fraction: 0.2,
        ..Trim::NONE
    };
    let stacks: &[(&[&str], i64)] = &[(&["leaf", "thin", "main"], 150), (&["leaf", "main"], 850)];
    let report = tree(&view(stacks, trim), None).expect("a tree");
    let main = report
        .nodes()
        .find(|n| report.names[n.name as usize] == "main")
        .expect("a row");
    let edges: Vec<_> = main.callees.iter().map(|e| (e.weight, e.residual)).collect();
    assert_eq!(edges, [(1000, true)]);
    assert_eq!(report.header.dropped_nodes, 1);
}

#[test]
fn a_limit_keeps_the_first_rows() {
    let stacks: &[(&[&str], i64)] = &[
        (&["d"], 40),
        (&["c"], 30),
        (&["b"], 20),
        (&["a"], 20),
        (&["e", "z"], 10),
    ];
    let sorted = |sort, node_count| {
        let query = Query {
            sort,
            trim: Trim {
                node_count,
                ..Trim::NONE
            },
            dialect: Dialect::Pprof,
            ..Query::default()
        };
        let view = prepare(made("count", stacks), &query).expect("a view");
        let report = top(&view);
        let names: String = report.rows.iter().map(|r| r.name.as_str()).collect();
        (names, report.header.row_count)
    };
    for (limit, flat) in [
        (None, "dcabez"),
        (Some(0), "dcabez"),
        (Some(1), "d"),
        (Some(3), "dca"),
        (Some(5), "dcabe"),
    ] {
        assert_eq!(sorted(Sort::Flat, limit), (flat.to_owned(), 6), "{limit:?}");
    }
    assert_eq!(sorted(Sort::Flat, Some(6)).0, "dcabez");
    assert_eq!(sorted(Sort::Flat, Some(7)).0, "dcabez");
    // By cum, `z` has as much as `e`, and names decide.
    assert_eq!(sorted(Sort::Cum, Some(5)).0, "dcabe");
    // In a tree and in a drawing as well.
    let trim = Trim {
        node_count: Some(2),
        ..Trim::NONE
    };
    let report = tree(&view(stacks, trim), None).expect("a tree");
    assert_eq!(report.names[..2], ["d", "c"]);
    assert_eq!((report.header.rows_shown, report.header.row_count), (2, 6));
    assert_eq!(drawing(&view(stacks, trim)).nodes.len(), 2);
}

#[test]
fn negative_rows_are_sorted_by_size_and_left_out_when_asked() {
    let stacks: &[(&[&str], i64)] = &[
        (&["a"], 10),
        (&["b"], -30),
        (&["c"], 20),
        (&["d", "e"], -5),
        (&["f", "e"], 5),
    ];
    assert_eq!(names(&mut view(stacks, Trim::NONE)), ["b", "c", "a", "d", "f"]);
    let query = Query {
        drop_negative: true,
        trim: Trim::NONE,
        dialect: Dialect::Pprof,
        ..Query::default()
    };
    let mut view = prepare(made("count", stacks), &query).expect("a view");
    assert_eq!(names(&mut view), ["c", "a", "f"]);
}

/// The unit of the smallest value, unless the total is more than a hundred times it: then that of the smallest value
/// times a hundred.
#[test]
fn the_unit_of_a_table() {
    let unit_of = |unit: &str, asked: &str, samples: &[(&[&str], i64)]| {
        let query = Query {
            trim: Trim::NONE,
            unit: asked.to_owned(),
            ..Query::default()
        };
        let view = prepare(made(unit, samples), &query).expect("a view");
        top(&view).header.output_unit
    };
    for (small, rest, unit) in [
        // All of one unit.
        (10, 500, "B"),
        (2048, 9000, "kB"),
        // Different units, up to a hundred times: that of the small one.
        (1000, 99_000, "B"),
        (1000, 98_999, "B"),
        // More than that: of a hundred times the small one.
        (1000, 99_001, "kB"),
        (100, 1 << 40, "kB"),
        (10, 1 << 40, "B"),
        (1 << 20, 1 << 40, "MB"),
        (20 << 20, 1 << 40, "GB"),
    ] {
        assert_eq!(
            unit_of("bytes", "minimum", &[(&["a"], small), (&["b"], rest)]),
            unit,
            "{small} {rest}"
        );
        // The size of the small one counts, not its sign.
        if rest > 1 << 30 {
            assert_eq!(
                unit_of("bytes", "minimum", &[(&["a"], -small), (&["b"], rest)]),
                unit,
                "-{small} {rest}"
            );
        }
    }
    // A row without a value of its own counts with what is below it.
    assert_eq!(
        unit_of("bytes", "minimum", &[(&["f", "main"], 2048), (&["main"], 2048)]),
        "kB"
    );
    // Counts have no unit to scale to; what is asked for stays.
    assert_eq!(unit_of("count", "minimum", &[(&["a"], 1), (&["b"], 1 << 40)]), "count");
    assert_eq!(unit_of("bytes", "auto", &[(&["a"], 1), (&["b"], 1 << 40)]), "auto");
    assert_eq!(unit_of("bytes", "MB", &[(&["a"], 1)]), "MB");
    assert_eq!(unit_of("bytes", "minimum", &[]), "minimum");
}

/// Edges are there whatever cuts rows off: a share, a limit, both, or a limit that cuts nothing off.
#[test]
fn rows_that_stay_keep_their_edges() {
    let stacks: &[(&[&str], i64)] = &[(&["a", "main"], 500), (&["b", "main"], 300), (&["x"], 1), (&["y"], 1)];
    let whole = ["main a 500", "main b 300"];
    for (node_fraction, node_count, expected) in [
        (0.0, None, &whole[..]),
        // Nothing is small; two rows are.
        (0.000_1, None, &whole),
        (0.1, None, &whole),
        // More than the rows that are left, and less than all of them.
        (0.1, Some(100), &whole),
        (0.1, Some(4), &whole),
        (0.1, Some(3), &whole),
        // `main` has no value of its own: it is the last row.
        (0.1, Some(2), &[]),
        (0.0, Some(2), &[]),
        (0.0, Some(5), &whole),
        (0.0, Some(100), &whole),
    ] {
        let trim = Trim {
            node_fraction,
            node_count,
            ..Trim::NONE
        };
        let report = tree(&view(stacks, trim), None).expect("a tree");
        assert_eq!(calls(&report), expected, "{node_fraction} {node_count:?}");
        // In a drawing rows count by what they connect: `main` is the first.
        let drawn = drawing(&view(stacks, trim));
        let edges = drawn.edges.len();
        let shown = node_count.filter(|&n| n > 0).map_or(2, |n| n.min(3) - 1);
        assert_eq!(edges, shown, "drawn, {node_fraction} {node_count:?}");
    }
    // A table has no edges, so none was left out of it.
    let trim = Trim {
        edge_fraction: 0.5,
        ..Trim::NONE
    };
    assert_eq!(top(&view(stacks, trim)).header.dropped_edges, 0);
}

/// A tree of calls has a node for every path; small ones go, and what they called hangs on what called them.
#[test]
fn a_tree_of_calls_is_trimmed_node_by_node() {
    let stacks: &[(&[&str], i64)] = &[
        (&["f", "a"], 500),
        (&["f", "b"], 300),
        (&["f", "c"], 10),
        (&["g", "c"], 5),
    ];
    let nodes = |node_fraction, node_count| {
        let query = Query {
            call_tree: true,
            trim: Trim {
                node_fraction,
                node_count,
                ..Trim::NONE
            },
            dialect: Dialect::Pprof,
            ..Query::default()
        };
        let drawn = drawing(&prepare(made("count", stacks), &query).expect("a view"));
        let mut nodes: Vec<String> = { drawn.nodes.iter().zip(&drawn.names) }
            .map(|(n, name)| format!("{name} {}", n.cum))
            .collect();
        nodes.sort();
        (nodes.join(", "), drawn.edges.len())
    };
    let all = "a 500, b 300, c 15, f 10, f 300, f 500, g 5";
    assert_eq!(nodes(0.0, None), (all.to_owned(), 4));
    assert_eq!(nodes(0.001, None), (all.to_owned(), 4));
    assert_eq!(
        nodes(0.01, None),
        ("a 500, b 300, c 15, f 10, f 300, f 500".to_owned(), 3)
    );
    assert_eq!(nodes(0.1, None), ("a 500, b 300, f 300, f 500".to_owned(), 2));
    assert_eq!(nodes(0.1, Some(100)), ("a 500, b 300, f 300, f 500".to_owned(), 2));
    assert_eq!(nodes(0.0, Some(2)).0.split(", ").count(), 2);
    assert_eq!(nodes(0.01, Some(2)), nodes(0.0, Some(2)));
}

/// Equal weights are in the order of names, whatever came first; rows with addresses in the order of these.
#[test]
fn equal_weights_are_ordered_by_name_or_address() {
    let stacks: &[(&[&str], i64)] = &[
        (&["c", "main"], 10),
        (&["a", "main"], 10),
        (&["d", "main"], 10),
        (&["b", "main"], 10),
    ];
    let report = tree(&view(stacks, Trim::NONE), None).expect("a tree");
    assert_eq!(calls(&report), ["main a 10", "main b 10", "main c 10", "main d 10"]);
    // Rows in another order than their names: `c` has more of its own.
    let stacks: &[(&[&str], i64)] = &[(&["c", "main"], 10), (&["c"], 20), (&["a", "main"], 10)];
    let report = tree(&view(stacks, Trim::NONE), None).expect("a tree");
    assert_eq!(calls(&report), ["main a 10", "main c 10"]);
    let by_address = |addresses: [u64; 4]| {
        let mut p = made("count", &[(&["c"], 10), (&["a"], 10), (&["d"], 10), (&["b"], 10)]);
        for (location, address) in p.locations.iter_mut().zip(addresses) {
            location.address = address;
        }
        let query = Query {
            granularity: Granularity::Addresses,
            trim: Trim::NONE,
            dialect: Dialect::Pprof,
            ..Query::default()
        };
        let names = names(&mut prepare(p, &query).expect("a view"));
        let last = names
            .iter()
            .map(|n| n.split(' ').find(|w| w.len() == 1).expect("a name").to_owned());
        last.collect::<Vec<_>>().join("")
    };
    assert_eq!(by_address([1, 2, 3, 4]), "cadb");
    assert_eq!(by_address([4, 3, 2, 1]), "bdac");
    // One without an address comes by its name, behind the digits of the others.
    assert_eq!(by_address([0, 3, 2, 1]), "bdac");
}

/// Natively a file is one row; pprof has one for each function of it.
#[test]
fn functions_of_one_file_are_one_row_natively() {
    let rows = |dialect, granularity| {
        let mut p = made("count", &[(&["a"], 10), (&["b"], 20)]);
        // Functions that start at different lines.
        p.functions[1].start_line = 30;
        let query = Query {
            granularity,
            dialect,
            trim: Trim::NONE,
            ..Query::default()
        };
        top(&prepare(p, &query).expect("a view")).rows.len()
    };
    assert_eq!(rows(Dialect::Native, Granularity::Files), 1);
    assert_eq!(rows(Dialect::Pprof, Granularity::Files), 2);
    assert_eq!(rows(Dialect::Native, Granularity::Functions), 2);
    assert_eq!(rows(Dialect::Pprof, Granularity::Functions), 2);
}
