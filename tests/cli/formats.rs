//! Every format says the same, and what it says is right.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{capture, fine, json, run, run_with};

fn heap() -> String {
    capture("ctx-leak-1.36.1/s10-heap.pb.gz")
}

fn sum(rows: &Value, key: &str) -> i64 {
    rows.as_array()
        .expect("rows")
        .iter()
        .map(|r| r[key].as_i64().expect("a number"))
        .sum()
}

#[test]
fn json_rows_sum_up_to_the_total() {
    let d = json(&["top", &heap(), "--trim=false"]);
    assert_eq!(d["schema"], "kubeprof/top/1");
    assert_eq!(d["unit"], "bytes");
    assert_eq!(sum(&d["rows"], "flat"), d["total"].as_i64().expect("total"));
    assert_eq!(d["hidden"]["rows_over_limit"], 0);
}

#[test]
fn groups_keep_the_total_and_owners_have_no_depth() {
    for by in [
        "package",
        "module",
        "subsystem",
        "owner",
        "file",
        "line",
        "address",
        "filefunction",
    ] {
        let d = json(&["top", &heap(), "--trim=false", "--by", by]);
        assert_eq!(
            sum(&d["rows"], "flat"),
            d["total"].as_i64().expect("total"),
            "--by {by}"
        );
    }
    let owners = json(&["top", &heap(), "--trim=false", "--by", "owner"]);
    for row in owners["rows"].as_array().expect("rows") {
        assert_eq!(row["flat"], row["cum"], "{row}");
    }
}

#[test]
fn the_leak_is_the_largest_change_and_stands_out_of_its_error() {
    let d = json(&[
        "diff",
        &capture("ctx-leak-1.36.1/s01-heap.pb.gz"),
        &heap(),
        "--inuse-objects",
        "--cum",
        "--subsystem",
        "pod-workers",
    ]);
    let rows = d["rows"].as_array().expect("rows");
    let leak = rows
        .iter()
        .find(|r| r["name"].as_str().expect("name").ends_with("startPodSync"))
        .expect("startPodSync");
    let (cum, error) = (
        leak["cum"].as_f64().expect("cum"),
        leak["cum_error"].as_f64().expect("error"),
    );
    assert!(cum > 2.0 * error, "{leak}");
    assert_eq!(leak["subsystem"], "pod-workers");
}

#[test]
fn a_profile_differs_from_itself_in_nothing() {
    let d = json(&["diff", &heap(), &heap()]);
    assert_eq!(d["rows"].as_array().expect("rows").len(), 0);
    assert_eq!(run(&["diff", "--exit-code", &heap(), &heap()]).code, 0);
    let other = capture("ctx-leak-1.36.1/s01-heap.pb.gz");
    assert_eq!(run(&["diff", "--exit-code", &other, &heap()]).code, 1);
}

#[test]
fn csv_and_jsonl_have_the_rows_of_json() {
    let whole = json(&["top", &heap(), "-n", "7"]);
    let rows = whole["rows"].as_array().expect("rows");
    let csv = fine(&["top", &heap(), "-n", "7", "-o", "csv"]);
    let mut lines = csv.lines();
    let heads: Vec<&str> = lines.next().expect("heads").split(',').collect();
    let flat = heads.iter().position(|h| *h == "flat").expect("flat");
    let flats: Vec<i64> = lines
        .map(|l| l.split(',').nth(flat).expect("cell").parse().expect("a raw number"))
        .collect();
    assert_eq!(
        flats,
        rows.iter()
            .map(|r| r["flat"].as_i64().expect("flat"))
            .collect::<Vec<_>>()
    );
    let jsonl = fine(&["top", &heap(), "-n", "7", "-o", "jsonl"]);
    let lines: Vec<Value> = jsonl.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(lines[0]["schema"], "kubeprof/top/1");
    assert_eq!(lines[1..], rows[..]);
}

#[test]
fn scope_hides_rows_and_counts_them() {
    let d = json(&["top", &heap(), "--trim=false", "--package", "pkg/kubelet/..."]);
    let hidden = d["hidden"]["rows_outside_scope"].as_i64().expect("a count");
    assert!(hidden > 0);
    for row in d["rows"].as_array().expect("rows") {
        let package = row["package"].as_str().expect("package");
        assert!(package.starts_with("k8s.io/kubernetes/pkg/kubelet"), "{row}");
    }
    let all = d["hidden"]["flat_outside_scope"].as_i64().expect("flat") + sum(&d["rows"], "flat");
    let focused = json(&[
        "top",
        &heap(),
        "--trim=false",
        "--by",
        "owner",
        "--package",
        "pkg/kubelet/...",
    ]);
    assert_eq!(all, sum(&focused["rows"], "flat"));
}

#[test]
fn colour_and_width_are_for_terminals() {
    let plain = fine(&["top", &heap(), "-n", "3"]);
    assert!(!plain.contains('\x1b') && !plain.contains('…'), "{plain}");
    assert!(fine(&["top", &heap(), "-n", "3", "--color", "always"]).contains("\x1b[1m"));
}

#[test]
fn standard_input_and_files_are_one() {
    let bytes = fs::read(heap()).expect("fixture");
    let piped = run_with(&["top", "-", "-n", "5", "-o", "csv"], Some(&bytes));
    assert_eq!(piped.stdout, fine(&["top", &heap(), "-n", "5", "-o", "csv"]));
}

#[test]
fn a_named_file_appears_whole() {
    let dir = tempfile::tempdir().expect("folder");
    let file = dir.path().join("top.json");
    let text = file.display().to_string();
    assert_eq!(fine(&["top", &heap(), "-o", "json", "--out", &text]), "");
    serde_json::from_slice::<Value>(&fs::read(&file).expect("written")).expect("JSON");
    let left: Vec<_> = fs::read_dir(dir.path()).expect("folder").collect();
    assert_eq!(left.len(), 1, "no partial file stays");
}

#[test]
fn a_mean_object_size_is_a_size() {
    let d = json(&["top", &heap(), "--mean", "-n", "1"]);
    assert_eq!(d["profile"]["sample_type"], "mean_inuse_space");
}

#[cfg(unix)]
#[test]
fn out_replaces_neither_devices_nor_links() {
    let dir = tempfile::tempdir().expect("folder");
    let path = |name: &str| dir.path().join(name);
    // A link, so that a mistake would replace the link and not the device.
    for (name, target) in [("device", Path::new("/dev/null")), ("link", &*path("target"))] {
        if name == "link" {
            fs::write(target, "old").expect("target");
        }
        std::os::unix::fs::symlink(target, path(name)).expect("link");
        let out = path(name).display().to_string();
        assert_eq!(fine(&["convert", "-o", "proto", &heap(), "--out", &out]), "");
        let kind = fs::symlink_metadata(path(name)).expect("still there").file_type();
        assert!(kind.is_symlink(), "{name} is still a link");
    }
    assert!(fs::read(path("target")).expect("written").starts_with(&[0x1f, 0x8b]));
}

#[test]
fn traces_are_one_table_in_every_format() {
    let args = ["traces", &heap(), "--inuse-space"];
    let rows = json(&args)["rows"].as_array().expect("rows").clone();
    let values: Vec<i64> = rows.iter().filter_map(|r| r["value"].as_i64()).collect();
    assert!(values.is_sorted_by(|a, b| a.abs() >= b.abs()), "the heaviest first");
    let csv = fine(&["traces", &heap(), "-o", "csv"]);
    assert_eq!(
        csv.lines().next(),
        Some("value,percent,owner,blocked_in,labels,stack,sample_type,unit")
    );
    let of_csv: Vec<i64> = csv
        .lines()
        .skip(1)
        .map(|l| l.split(',').next().expect("cell").parse().expect("number"))
        .collect();
    assert_eq!(of_csv, values);
    let folded = fine(&["traces", &heap(), "-o", "folded"]);
    let of_folded: i64 = folded
        .lines()
        .map(|l| l.rsplit(' ').next().expect("value").parse::<i64>().expect("n"))
        .sum();
    assert_eq!(of_folded, values.iter().sum::<i64>());
    for format in ["markdown", "wide"] {
        let table = fine(&["traces", &heap(), "-o", format, "-n", "3"]);
        assert!(
            table.contains(&format!("{} lighter samples are left out", values.len() - 3)),
            "{table}"
        );
    }
    let in_order = json(&["traces", &heap(), "--unsorted"])["rows"]
        .as_array()
        .expect("rows")
        .len();
    let zero = json(&args)["zero_samples"].as_u64().expect("counted") as usize;
    assert_eq!(in_order, values.len() + zero);
}

#[test]
fn what_was_inlined_does_not_depend_on_what_is_shown() {
    let mark = |more: &[&str]| {
        let heap = heap();
        let mut args = vec!["top", heap.as_str(), "--inuse-objects"];
        args.extend(more);
        let rows = json(&args)["rows"].as_array().expect("rows").clone();
        rows.iter()
            .find(|r| r["name"] == "context.withCancel")
            .map(|r| r["inline"].clone())
    };
    let all = mark(&["-n", "0", "--nodefraction", "0"]);
    assert_eq!(all, Some(Value::from("inlined")));
    assert_eq!(mark(&["-n", "1"]), all, "its caller is not shown");
    assert_eq!(mark(&["--hide", "WithCancel$", "-n", "0"]), all, "its caller is hidden");
}

#[test]
fn the_text_of_heap_and_allocs_is_what_it_is_called() {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/gotext/allocs.debug1.txt");
    assert_eq!(json(&["top", text])["profile"]["sample_type"], "inuse_space");
    let named = json(&["top", text, "--kind", "allocs"]);
    assert_eq!(named["profile"]["sample_type"], "alloc_space");
    assert_eq!(named["profile"]["kind"], "allocs");
}
