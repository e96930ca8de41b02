//! Numbers that could mislead: what stands for several things, what was added up, what was left out, what has no unit.

use std::fs;

use serde_json::Value;

use super::made_profile::{Made, profile, save};
use super::support::{capture, fine, json, run, run_with};

fn heap() -> String {
    capture("ctx-leak-1.36.1/s10-heap.pb.gz")
}

fn made(stack: &'static [&'static str], value: i64) -> Made<'static> {
    Made {
        stack,
        values: Box::leak(Box::new([value])),
        texts: &[],
        numbers: &[],
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Two functions that differ in their type arguments only are not shown by one name; blanks inside of them end no name.
#[test]
fn shortened_names_stand_for_one_function() {
    let dir = folder();
    let p = profile(
        &[("cpu", "nanoseconds")],
        &[
            made(&["main.Make[go.shape.struct { A int; B int }]"], 30),
            made(&["main.Make[go.shape.string]"], 20),
            made(&["main.Only[go.shape.struct { A int; B int }]"], 10),
        ],
    );
    let file = save(&p, dir.path(), "p.pb.gz");
    for command in ["top", "tree"] {
        let text = fine(&[command, &file]);
        for name in [
            "main.Make[go.shape.struct { A int; B int }]",
            "main.Make[go.shape.string]",
            "main.Only[...]",
        ] {
            assert!(text.contains(name), "{command}: {name}: {text}");
        }
    }
}

/// What lives in all snapshots was sampled once: the sum of ten has no error that anybody knows, and says that it is one.
#[test]
fn a_sum_of_snapshots_says_so() {
    let files = [capture("ctx-leak-1.36.1/s01-heap.pb.gz"), heap()];
    let text = fine(&["top", "-n", "1", &files[0], &files[1]]);
    assert!(text.contains("sum of 2 profiles") && !text.contains('±'), "{text}");
    let answer = json(&["top", "-n", "1", &files[0], &files[1]]);
    assert_eq!(answer["profile"]["profiles"], 2);
    assert!(fine(&["top", "-n", "1", &files[0]]).contains('±'));
}

/// A folder of snapshots is compared from its earliest to its latest, by the time inside of the files.
#[test]
fn diff_of_a_folder_is_of_its_ends() {
    let dir = folder();
    fs::copy(heap(), dir.path().join("a.pb.gz")).expect("copied");
    fs::copy(capture("ctx-leak-1.36.1/s01-heap.pb.gz"), dir.path().join("z.pb.gz")).expect("copied");
    let of_folder = json(&["diff", &dir.path().display().to_string()]);
    let of_files = json(&["diff", &capture("ctx-leak-1.36.1/s01-heap.pb.gz"), &heap()]);
    assert_eq!(of_folder["rows"], of_files["rows"]);
    fs::remove_file(dir.path().join("z.pb.gz")).expect("removed");
    let answer = run(&["diff", &dir.path().display().to_string()]);
    assert!(
        answer.code == 2 && answer.stderr.contains("two snapshots"),
        "{}",
        answer.stderr
    );
}

/// Types are intersected and units brought together, as everywhere.
#[test]
fn diff_compares_what_both_have() {
    let dir = folder();
    let in_ms = profile(&[("cpu", "milliseconds")], &[made(&["a.B"], 3)]);
    let in_ns = profile(
        &[("samples", "count"), ("cpu", "nanoseconds")],
        &[Made {
            stack: &["a.B"],
            values: &[1, 5_000_000],
            texts: &[],
            numbers: &[],
        }],
    );
    let (a, b) = (save(&in_ms, dir.path(), "a"), save(&in_ns, dir.path(), "b"));
    let d = json(&["diff", &a, &b]);
    assert_eq!(
        (&d["old_total"], &d["new_total"]),
        (&3_000_000.into(), &5_000_000.into()),
        "{d}"
    );
    let d = json(&["diff", &b, &a]);
    assert_eq!(d["rows"][0]["flat"], -2_000_000, "{d}");
}

/// Both scopes hold where both are given, and what is outside is counted with its value.
#[test]
fn scopes_narrow_each_other_and_count_what_they_leave_out() {
    let both = ["top", &heap(), "--package", "context", "--subsystem", "pleg"];
    assert_eq!(json(&both)["rows"].as_array().map(Vec::len), Some(0));
    for command in ["tree", "top"] {
        let hidden = json(&[command, &heap(), "--subsystem", "pod-workers", "-n", "0"])["hidden"].clone();
        assert!(hidden["flat_outside_scope"].as_i64() > Some(0), "{command}: {hidden}");
    }
    let all = json(&["traces", &heap()]);
    let some = json(&["traces", &heap(), "--subsystem", "probes"]);
    let sum = |d: &Value| -> i64 {
        let rows = d["rows"].as_array().expect("rows");
        rows.iter().filter_map(|r| r["value"].as_i64()).sum()
    };
    let outside = some["outside_scope"]["value"].as_i64().expect("counted");
    assert!(outside > 0);
    assert_eq!(sum(&all), sum(&some) + outside);
    let answer = run(&["convert", "-o", "folded", &heap(), "--subsystem", "probes"]);
    assert!(
        answer.stderr.contains("samples outside of what was asked for"),
        "{}",
        answer.stderr
    );
    let rows = |args: &[&str]| json(args)["rows"].as_array().expect("rows").clone();
    for row in rows(&["top", &heap(), "--by", "package", "--subsystem", "pleg", "-n", "0"]) {
        assert!(row["name"].as_str().expect("a name").contains("pleg"), "{row}");
    }
}

/// Stacks of what is gone are no findings; they are counted.
#[test]
fn traces_show_no_zeros() {
    let d = json(&["traces", &heap()]);
    assert!(d["rows"].as_array().expect("rows").iter().all(|r| r["value"] != 0));
    assert!(d["zero_samples"].as_u64() > Some(0), "{}", d["zero_samples"]);
}

/// Waiting is no use of a processor.
#[test]
fn only_cpu_profiles_have_a_share_of_a_cpu() {
    let dir = folder();
    let mut p = profile(
        &[("contentions", "count"), ("delay", "nanoseconds")],
        &[Made {
            stack: &["a.B"],
            values: &[3, 90_000_000_000],
            texts: &[],
            numbers: &[],
        }],
    );
    p.duration_nanos = 30_000_000_000;
    let file = save(&p, dir.path(), "delay");
    assert!(!fine(&["top", &file]).contains("of one CPU"));
    let cpu = capture("healthy-1.37.2/last-cpu.pb.gz");
    assert!(fine(&["top", &cpu]).contains("of one CPU"));
}

/// Each number of a label keeps its own unit.
#[test]
fn labels_of_one_key_may_differ_in_unit() {
    let dir = folder();
    let sample = |number, unit| Made {
        stack: &["a.B"],
        values: &[1],
        texts: &[],
        numbers: Box::leak(Box::new([("t", number, unit)])),
    };
    let p = profile(
        &[("samples", "count")],
        &[sample(5, "nanoseconds"), sample(2, "seconds")],
    );
    let text = fine(&["tags", &save(&p, dir.path(), "p")]);
    assert!(
        text.contains("5ns") && text.contains("2s") && !text.contains("2ns"),
        "{text}"
    );
}

/// Nothing in two contention profiles says which is of mutexes.
#[test]
fn mutex_and_block_of_a_folder_are_not_added_up() {
    let dir = folder();
    let p = profile(
        &[("contentions", "count"), ("delay", "nanoseconds")],
        &[Made {
            stack: &["a.B"],
            values: &[1, 5],
            texts: &[],
            numbers: &[],
        }],
    );
    save(&p, dir.path(), "mutex.pb.gz");
    let one = dir.path().display().to_string();
    assert_eq!(run(&["top", &one, "--kind", "mutex"]).code, 0);
    save(&p, dir.path(), "block.pb.gz");
    let answer = run(&["top", &one, "--kind", "mutex"]);
    assert!(
        answer.code == 2 && answer.stderr.contains("hint: name the file"),
        "{}",
        answer.stderr
    );
    let answer = run(&["top", &heap(), "--node", "x"]);
    assert!(answer.stderr.contains("choose out of bundles"), "{}", answer.stderr);
}

/// CSV has no head: its numbers are raw, their type and unit are beside them.
#[test]
fn csv_is_raw_and_says_its_unit() {
    let csv = fine(&["top", &heap(), "-o", "csv", "-n", "1"]);
    assert!(
        csv.lines()
            .nth(1)
            .is_some_and(|row| row.ends_with(",inuse_space,bytes")),
        "{csv}"
    );
    let answer = run(&["top", &heap(), "-o", "csv", "--divide-by", "1000"]);
    assert!(
        answer.code == 2 && answer.stderr.contains("hint: divide"),
        "{}",
        answer.stderr
    );
}

/// Machines need not take names of lines apart.
#[test]
fn rows_of_lines_have_file_and_line() {
    let row = |by: &str| json(&["top", &heap(), "--by", by, "-n", "1"])["rows"][0].clone();
    let line = row("line");
    let (function, file) = (
        line["function"].as_str().expect("a function"),
        line["file"].as_str().expect("a file"),
    );
    assert_eq!(line["name"], format!("{function} {file}:{}", line["line"]), "{line}");
    assert!(row("address")["address"].as_str().is_some_and(|a| a.starts_with("0x")));
    assert!(row("filefunction")["file"].is_string());
}

/// `kubeprof top < FILE` needs no dash; without a file it is the command line that is wrong.
#[test]
fn standard_input_is_a_source() {
    let bytes = fs::read(heap()).expect("the fixture");
    let from_pipe = run_with(&["top", "-o", "csv"], Some(&bytes));
    assert_eq!(
        (from_pipe.code, from_pipe.stdout),
        (0, fine(&["top", "-o", "csv", &heap()])),
        "{}",
        from_pipe.stderr
    );
    assert_eq!(run_with(&["peek", "startPodSync"], Some(&bytes)).code, 0);
    let none = run(&["top"]);
    assert!(none.code == 2 && none.stderr.contains("SOURCE"), "{}", none.stderr);
    assert!(fine(&["help", "top"]).contains("SOURCE"));
}

/// `raw` takes the filters of every report, and says durations whole.
#[test]
fn raw_is_a_report_too() {
    let dir = folder();
    let mut p = profile(&[("cpu", "nanoseconds")], &[made(&["a.B"], 1), made(&["a.C"], 2)]);
    p.duration_nanos = 108_000_000_000_000;
    let file = save(&p, dir.path(), "p");
    let text = fine(&["raw", &file]);
    assert!(text.contains("Duration: 30h0m0s\n"), "{text}");
    let text = fine(&["raw", &file, "--focus", "B$"]);
    assert!(text.contains("a.B") && !text.contains("a.C"), "{text}");
}

/// Each side of a comparison says what it is the sum of, and what it does not know.
#[test]
fn comparisons_say_what_they_compare() {
    let dir = folder();
    let first = capture("ctx-leak-1.36.1/s01-heap.pb.gz");
    fs::copy(&first, dir.path().join("a.pb.gz")).expect("copied");
    fs::copy(heap(), dir.path().join("b.pb.gz")).expect("copied");
    let both = dir.path().display().to_string();
    let text = fine(&["diff", "--old-snapshot", "all", &both, &heap()]);
    assert!(text.contains("compared with the sum of 2 profiles"), "{text}");
    let old = |args: &[&str]| json(args)["profile"]["old_profiles"].clone();
    assert_eq!(old(&["diff", "--old-snapshot", "all", &both, &heap()]), 2);
    assert_eq!(old(&["diff", &both, &heap()]), 1);
    let text = fine(&["top", "--snapshot", "all", "--base", &both, &heap()]);
    assert!(text.contains("compared with the sum of 2 profiles"), "{text}");
    let text = fine(&["diff", &first, &heap(), "--normalize"]);
    assert!(text.contains("scaled to the total of the base"), "{text}");
    assert!(fine(&["top", "--divide-by", "2", &heap()]).contains("(divided by 2)"));
    // Without a build ID nobody knows whether two builds are one.
    let p = profile(&[("cpu", "nanoseconds")], &[made(&["a.B"], 1)]);
    let file = save(&p, dir.path(), "none");
    let q = profile(&[("cpu", "nanoseconds")], &[made(&["a.B"], 2)]);
    let other = save(&q, dir.path(), "other");
    assert_eq!(json(&["diff", &file, &other])["same_build"], Value::Null);
    assert_eq!(json(&["diff", &first, &heap()])["same_build"], true);
}

/// Several moments of goroutines are a sum that says so; other kinds are no goroutines; addresses are not fetched.
#[test]
fn goroutines_are_of_goroutines() {
    let dumps = [
        capture("frozen-runtime/b-70s-goroutine.debug2.txt.gz"),
        capture("frozen-runtime/c-3min-goroutine.debug2.txt.gz"),
    ];
    let text = fine(&["goroutines", &dumps[0], &dumps[1]]);
    assert!(text.contains("sum of 2 profiles"), "{text}");
    // One profile beside two dumps is of one of them at most.
    let profile = capture("frozen-runtime/b-70s-goroutine.pb.gz");
    let text = fine(&["goroutines", &dumps[0], &dumps[1], &profile]);
    assert!(text.contains("cannot be of the same moments"), "{text}");
    let answer = run(&["goroutines", "--kind", "heap", &heap()]);
    assert!(
        answer.code == 2 && answer.stderr.contains("hint: kubeprof top --kind heap"),
        "{}",
        answer.stderr
    );
    let answer = run(&["top", "https://node:10250/debug/pprof/heap"]);
    assert!(
        answer.code == 2 && answer.stderr.contains("kubeprof capture"),
        "{}",
        answer.stderr
    );
    let answer = run(&["top", "--snapshot", "last", &heap()]);
    assert!(answer.stderr.contains("choose out of bundles"), "{}", answer.stderr);
}

/// The total of a difference is what its changes sum up to, also where it is compared; and a state beside it is named.
#[test]
fn a_difference_is_compared_by_its_sum() {
    let dir = folder();
    let types = [("inuse_space", "bytes")];
    let save = |values: [i64; 2], name: &str| {
        let p = profile(
            &types,
            &[made(&["main.Grow"], values[0]), made(&["main.Shrink"], values[1])],
        );
        save(&p, dir.path(), name)
    };
    let difference = save([3_000_000, -4_000_000], "difference.pb.gz");
    let other = save([5_000_000, -1_000_000], "other.pb.gz");
    let state = save([2_000_000, 1_000_000], "state.pb.gz");
    for (old, new, totals, named) in [
        (&difference, &state, [-1_000_000, 3_000_000], true),
        (&state, &difference, [3_000_000, -1_000_000], true),
        (&difference, &other, [-1_000_000, 4_000_000], false),
    ] {
        let answer = json(&["diff", old, new]);
        assert_eq!(
            [&answer["old_total"], &answer["new_total"]],
            [&Value::from(totals[0]), &Value::from(totals[1])]
        );
        let change: i64 = answer["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .filter_map(|r| r["flat"].as_i64())
            .sum();
        assert_eq!(change, totals[1] - totals[0], "rows sum up to the change of the total");
        let text = fine(&["diff", old, new]);
        assert_eq!(text.contains("their values are not comparable"), named, "{text}");
    }
}
