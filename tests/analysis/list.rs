//! `list` as a report: right under recursion, with inlined calls, and of use without sources.

use std::path::Path;

use kubeprof::analysis::{Dialect, Granularity, ListedFile, Listing, Query, list, list_sources, prepare, top};
use kubeprof::model::Profile;
use kubeprof::pprof::{Limit, decode, inflate};

fn profile(name: &str) -> Profile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/compat").join(name);
    let packed = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let bytes = inflate(&packed, Limit::Proportional).expect("gzip");
    decode(&bytes).expect("a profile").0
}

fn query(dialect: Dialect) -> Query {
    Query {
        granularity: Granularity::Lines,
        dialect,
        ..Query::default()
    }
}

fn listing(name: &str, matching: &str, dialect: Dialect) -> (Listing, i64) {
    let view = prepare(profile(name), &query(dialect)).expect("a view");
    let listing = list(&view, matching).expect("a listing");
    (listing, view.total)
}

fn only_part(listing: &Listing) -> &ListedFile {
    assert_eq!(listing.functions.len(), 1);
    assert_eq!(listing.functions[0].files.len(), 1);
    &listing.functions[0].files[0]
}

/// `main.fib` calls itself: pprof adds up its lines and finds more than all there is.
#[test]
fn a_recursive_function_costs_what_top_says() {
    let view = prepare(profile("cpu.pb.gz"), &Query::default()).expect("a view");
    let rows = top(&view).rows;
    let row = rows.iter().find(|r| r.name == "main.fib").expect("a row");
    let (native, total) = listing("cpu.pb.gz", r"main\.fib$", Dialect::Native);
    let part = only_part(&native);
    assert_eq!((part.flat, part.cum), (row.flat, row.cum));
    assert!(part.cum <= total);
    let (compatible, _) = listing("cpu.pb.gz", r"main\.fib$", Dialect::Pprof);
    assert!(only_part(&compatible).cum > part.cum);
}

#[test]
fn lines_add_up_in_flat_and_stay_below_their_function_in_cum() {
    for name in ["cpu.pb.gz", "heap.pb.gz", "mutex.pb.gz", "goroutine.pb.gz"] {
        let (native, total) = listing(name, ".", Dialect::Native);
        let mut flat_sum = 0;
        for part in native.functions.iter().flat_map(|f| &f.files) {
            let flat: i64 = part.lines.iter().map(|l| l.flat).sum();
            assert_eq!(flat, part.flat, "{name} {}", part.file);
            flat_sum += flat;
            assert!(part.cum <= total);
            assert!(part.start <= part.end);
            for line in &part.lines {
                assert!(line.cum <= part.cum && line.flat <= line.cum, "{name} {}", part.file);
                assert!(
                    (part.start..=part.end).contains(&line.line),
                    "{name} {} {}",
                    part.file,
                    line.line
                );
                for call in &line.inlined {
                    assert!(call.value <= line.cum, "{name} {}", call.name);
                }
            }
            assert!(part.lines.is_sorted_by_key(|l| l.line));
        }
        assert_eq!(flat_sum, total, "{name}");
    }
}

#[test]
fn inlined_calls_stand_at_the_line_that_made_them() {
    let (native, _) = listing("cpu.pb.gz", r"main\.work$", Dialect::Native);
    let part = only_part(&native);
    let calls: Vec<&str> = part
        .lines
        .iter()
        .flat_map(|l| &l.inlined)
        .map(|c| c.name.as_str())
        .collect();
    assert!(calls.contains(&"main.inl1"), "{calls:?}");
    let line = part
        .lines
        .iter()
        .find(|l| l.inlined.iter().any(|c| c.name == "main.inl1"))
        .expect("a line");
    let source = include_str!("../../fixtures/compat/sick/main.go");
    let text = source.lines().nth(line.line as usize - 1).expect("the line");
    assert!(text.contains("inl1(x)"), "{text}");
}

#[test]
fn functions_are_found_by_file_as_well() {
    let view = prepare(profile("cpu.pb.gz"), &query(Dialect::Native)).expect("a view");
    let found = list_sources(&view, r"sick/main\.go").expect("a listing");
    let names: Vec<&str> = found.functions.iter().map(|f| f.name.as_str()).collect();
    assert!(
        names.contains(&"main.fib") && !names.contains(&"runtime.mallocgc"),
        "{names:?}"
    );
}

#[test]
fn nothing_that_matches_is_an_error() {
    let view = prepare(profile("cpu.pb.gz"), &query(Dialect::Native)).expect("a view");
    assert!(list(&view, "thereisnosuchname").is_err());
    assert!(list(&view, "(").is_err());
}
