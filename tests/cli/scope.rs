//! Limits, scopes and options that a command has no use for: what is asked is answered, what is not is said.

use serde_json::Value;

use super::support::{capture, fine, json, run};

fn heap() -> String {
    capture("ctx-leak-1.36.1/s10-heap.pb.gz")
}

fn rows(args: &[&str]) -> Vec<Value> {
    json(args)["rows"].as_array().expect("rows").clone()
}

#[test]
fn a_limit_counts_the_rows_that_are_inside() {
    for command in ["top", "tree"] {
        let all = json(&[command, &heap(), "--subsystem", "pleg", "-n", "0"]);
        let some = json(&[command, &heap(), "--subsystem", "pleg", "-n", "2"]);
        let total = all["rows"].as_array().expect("rows").len();
        assert!(total > 2, "{command}: {total}");
        assert_eq!(
            some["hidden"]["rows_outside_scope"],
            all["hidden"]["rows_outside_scope"]
        );
        assert_eq!(all["hidden"]["rows_over_limit"], 0);
        assert!(some["hidden"]["rows_over_limit"].as_u64() > Some(0), "{command}");
        assert!(!some["rows"].as_array().expect("rows").is_empty());
    }
    let text = fine(&["top", &heap(), "--subsystem", "pleg", "-n", "2"]);
    assert!(text.contains("pleg.(*GenericPLEG)"), "{text}");
}

#[test]
fn nothing_is_cut_where_nobody_would_see_it() {
    let all = rows(&["top", &heap(), "-n", "0"]).len();
    assert!(all > 200);
    assert_eq!(rows(&["top", &heap()]).len(), all);
    assert_eq!(fine(&["top", &heap(), "-o", "csv"]).lines().count(), all + 1);
    let piped = fine(&["top", &heap()]);
    assert!(piped.contains("startPodSync"), "a pipe gets all rows");
}

/// Rows that are more than functions are inside when one of their functions is.
#[test]
fn a_scope_limits_the_rows_of_every_granularity() {
    let pattern = ["--package", "k8s.io/client-go/...", "-n", "0"];
    for (by, inside) in [
        ("package", "k8s.io/client-go/"),
        ("module", "k8s.io/client-go"),
        ("file", "k8s.io/client-go@"),
    ] {
        let heap = heap();
        let some = rows(&[&["top", heap.as_str(), "--by", by][..], &pattern[..]].concat());
        assert!(!some.is_empty(), "{by}");
        for row in &some {
            assert!(row["name"].as_str().expect("a name").contains(inside), "{by}: {row}");
        }
    }
    let all = rows(&["top", &heap(), "--by", "subsystem", "-n", "0"]).len();
    let some = rows(&[&["top", &heap(), "--by", "subsystem"][..], &pattern[..]].concat());
    assert!(!some.is_empty() && some.len() < all / 2, "{some:#?}");
}

#[test]
fn a_scope_that_matches_nothing_is_said() {
    for (option, value) in [("--package", "pkg/kubelt/..."), ("--owner", "dra")] {
        let answer = run(&["top", &heap(), option, value]);
        assert!(
            answer.stderr.contains(&format!("{option} matched nothing")),
            "{}",
            answer.stderr
        );
    }
    // What builds put in front of packages means nothing.
    let plain = rows(&["top", &heap(), "--package", "k8s.io/client-go/..."]);
    assert!(!plain.is_empty());
    for prefix in ["vendor/", "staging/src/", "k8s.io/kubernetes/vendor/"] {
        let pattern = format!("{prefix}k8s.io/client-go/...");
        assert_eq!(rows(&["top", &heap(), "--package", &pattern]), plain, "{pattern}");
    }
}

#[test]
fn owners_are_the_same_at_every_granularity() {
    let sum = |by: &str| {
        let mut sums = std::collections::BTreeMap::new();
        for row in rows(&["traces", &heap(), "--by", by]) {
            *sums.entry(row["owner"].to_string()).or_insert(0) += row["value"].as_i64().expect("value");
        }
        sums
    };
    let functions = sum("function");
    assert!(functions.len() > 5);
    for by in ["owner", "package", "subsystem"] {
        assert_eq!(sum(by), functions, "--by {by}");
    }
}

#[test]
fn options_without_use_are_named() {
    let answer = run(&["peek", "startPodSync", &heap(), "-n", "3", "--nodefraction", "0.1"]);
    assert!(
        answer
            .stderr
            .contains("peek does not look at --nodecount, --nodefraction"),
        "{}",
        answer.stderr
    );
    assert_eq!(run(&["top", &heap(), "-n", "3"]).stderr, "");
    let quiet = run(&["peek", "startPodSync", &heap(), "-n", "3", "-q"]);
    assert_eq!(quiet.stderr, "");
    let few = json(&["tags", &heap(), "-n", "2"]);
    assert_eq!(few["rows"].as_array().map(Vec::len), Some(2));
    let all = rows(&["tags", &heap()]).len() as u64;
    assert_eq!(few["hidden"]["values"].as_u64(), Some(all - 2));
}

#[test]
fn a_mean_size_is_bytes_by_objects_of_its_kind() {
    let bytes = rows(&["top", &heap(), "--inuse-space", "--nodefraction", "0"]);
    let objects = rows(&["top", &heap(), "--inuse-objects", "--nodefraction", "0"]);
    let flat = |rows: &[Value], name: &Value| {
        rows.iter()
            .find(|r| r["name"] == *name)
            .and_then(|r| r["flat"].as_i64())
            .unwrap_or(0)
    };
    let mut checked = 0;
    for row in rows(&["top", &heap(), "--mean", "--nodefraction", "0"]) {
        let (space, count) = (flat(&bytes, &row["name"]), flat(&objects, &row["name"]));
        if space > 0 && count > 0 {
            assert_eq!(row["flat"].as_i64(), Some(space / count), "{row}");
            checked += 1;
        }
        assert_eq!(row["flat_percent"], Value::Null, "a mean is no part of a whole");
    }
    assert!(checked > 10);
}

#[test]
fn a_base_is_in_the_heading_and_in_diff_there_is_one_already() {
    let old = capture("ctx-leak-1.36.1/s01-heap.pb.gz");
    let text = fine(&["top", "--base", &old, &heap(), "-n", "1"]);
    assert!(text.contains(&format!("base={old}")), "{text}");
    assert!(
        !text.contains('±'),
        "equal samples cancelled, and their errors with them: {text}"
    );
    let answer = run(&["diff", &old, &heap(), "--base", &old]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("subtracts OLD already"), "{}", answer.stderr);
    let normal = json(&["diff", &old, &heap(), "--normalize"]);
    let (before, after) = (normal["old_total"].as_i64(), normal["new_total"].as_i64());
    let apart = before.zip(after).map(|(a, b)| (a - b).abs());
    assert!(apart < Some(2000), "{before:?} {after:?}: only rounding is left");
    let back = fine(&["diff", &heap(), &old, "-n", "1"]);
    assert!(
        back.contains("the first profile is the younger one, by 17m59s"),
        "{back}"
    );
}

#[test]
fn a_folder_is_listed_file_by_file() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/captures/ctx-leak-1.36.1");
    let files = rows(&["inspect", folder]);
    let heaps = files.iter().filter(|f| f["kind"] == "heap").count();
    assert!(heaps >= 2 && files.len() > heaps, "{heaps} of {}", files.len());
    let listed = files
        .iter()
        .find(|f| f["file"].as_str().is_some_and(|f| f.ends_with("s10-heap.pb.gz")));
    assert_eq!(
        listed.expect("listed")["total"],
        json(&["top", &heap(), "-n", "1"])["total"]
    );
    // What is no profile is named, one line each.
    let refusals = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/refusals");
    let files = rows(&["inspect", refusals]);
    assert!(files.len() > 10);
    assert!(files.iter().all(|f| {
        f["problem"]
            .as_str()
            .is_some_and(|p| !p.is_empty() && !p.contains('\n'))
    }));
}

#[test]
fn callgrind_loses_no_bytes() {
    let text = fine(&["convert", "-o", "callgrind", &heap()]);
    assert!(
        text.contains("events: inuse_space(bytes)"),
        "{}",
        text.lines().nth(1).unwrap_or_default()
    );
}

#[test]
fn ranges_are_of_their_unit() {
    let bytes = |filter: &str| rows(&["top", &heap(), "--tagfocus", filter]).len();
    assert_eq!(bytes("bytes=1kib:64KiB"), bytes("bytes=1kb:64kb"));
    assert!(bytes("bytes=1kib:64KiB") > 0);
    let labelled = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/compat/goroutine.pb.gz");
    assert!(
        rows(&["top", labelled, "--tagfocus", "1kb:64kb"]).is_empty(),
        "worker=1 is no size"
    );
    assert!(!rows(&["top", labelled, "--tagfocus", "worker=1:2"]).is_empty());
}
