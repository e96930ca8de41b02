//! What machines read: all that was asked, keys beside titles, raw numbers beside their wording.

use serde_json::{Value, json as value};

use super::made_profile::{Made, profile, save};
use super::support::{capture, fine, json, run};

fn heap() -> String {
    capture("ctx-leak-1.36.1/s10-heap.pb.gz")
}

fn rows(d: &Value) -> &Vec<Value> {
    d["rows"].as_array().expect("rows")
}

#[test]
fn the_query_says_all_that_was_asked() {
    let old = capture("ctx-leak-1.36.1/s01-heap.pb.gz");
    let d = json(&[
        "top",
        &heap(),
        "--diff-base",
        &old,
        "--normalize",
        "--noinlines",
        "--tagroot",
        "a",
        "--tagleaf",
        "bytes",
        "--unit",
        "kB",
        "--divide-by",
        "2",
        "--drop-negative",
        "--trim-path",
        "/go",
        "--sort",
        "cum",
        "-n",
        "3",
        "--sample-index",
        "alloc_space",
    ]);
    let q = &d["query"];
    for (key, want) in [
        ("diff_base", value!([old])),
        ("base", value!([])),
        ("normalize", value!(true)),
        ("noinlines", value!(true)),
        ("mean", value!(false)),
        ("tagroot", value!("a")),
        ("tagleaf", value!("bytes")),
        ("unit", value!("kB")),
        ("divide_by", value!(2.0)),
        ("drop_negative", value!(true)),
        ("trim_path", value!("/go")),
        ("sort", value!("cum")),
        ("node_count", value!(3)),
        ("sample_index", value!("alloc_space")),
    ] {
        assert_eq!(q[key], want, "{key} in {q}");
    }
    let d = json(&["top", &heap(), "--base", &old]);
    assert_eq!(d["query"]["base"], value!([old]));
    assert_eq!(d["query"]["normalize"], false);
    assert_eq!(json(&["top", &heap(), "--mean"])["query"]["mean"], true);
    let d = json(&["diff", &old, &heap(), "-n", "1", "--nodefraction", "0.01"]);
    assert_eq!(d["query"]["node_count"], 1);
    assert_eq!(d["query"]["node_fraction"], 0.01);
}

#[test]
fn groups_have_their_keys() {
    for (by, column) in [("owner", "owner"), ("subsystem", "subsystem")] {
        let d = json(&["top", &heap(), "--by", by]);
        let known: Vec<&Value> = rows(&d)
            .iter()
            .filter(|r| !r["name"].as_str().is_some_and(|n| n.starts_with('(')))
            .collect();
        assert!(known.len() > 3, "{d}");
        for row in known {
            let key = row[column].as_str().unwrap_or_else(|| panic!("a key in {row}"));
            assert!(!key.contains(' '), "{row}");
            // The key is one that filters take.
            fine(&["top", &heap(), "--owner", key]);
        }
        let csv = fine(&["top", &heap(), "--by", by, "-o", "csv"]);
        assert!(
            csv.lines()
                .next()
                .is_some_and(|head| head.ends_with(&format!(",{column},sample_type,unit"))),
            "{csv}"
        );
        assert!(fine(&["top", &heap(), "--by", by, "-o", "wide"]).contains(" key"));
    }
}

#[test]
fn filters_take_titles_and_several_at_once() {
    let total = |args: &[&str]| {
        let mut all = vec!["traces"];
        all.extend(args);
        let d = json(&all);
        rows(&d).len()
    };
    let file = heap();
    let (a, b) = (
        total(&[&file, "--owner", "cadvisor-housekeeping"]),
        total(&[&file, "--owner", "pod-workers"]),
    );
    assert!(a > 0 && b > 0);
    assert_eq!(total(&[&file, "--owner", "cAdvisor housekeeping"]), a, "by title");
    assert_eq!(
        total(&[&file, "--owner", "CADVISOR HOUSEKEEPING"]),
        a,
        "in capital letters"
    );
    assert_eq!(total(&[&file, "--owner", "pod workers, cAdvisor housekeeping"]), a + b);
    assert_eq!(
        total(&[&file, "--owner", "pod-workers", "--owner", "cadvisor-housekeeping"]),
        a + b
    );
    let (x, y) = ("k8s.io/api/...", "net/http");
    assert_eq!(
        total(&[&file, "--package", &format!("{x},{y}")]),
        total(&[&file, "--package", x, "--package", y])
    );
    for (typed, meant) in [
        ("pod-wrokers", "pod-workers"),
        ("pod worker", "pod-workers"),
        ("plg", "pleg"),
    ] {
        let answer = run(&["top", &file, "--owner", typed]);
        assert_eq!(answer.code, 2);
        assert!(
            answer.stderr.contains(&format!("hint: did you mean {meant}")),
            "{}",
            answer.stderr
        );
    }
}

#[test]
fn numbers_of_labels_are_raw() {
    let folder = tempfile::tempdir().expect("a folder");
    let p = profile(
        &[("samples", "count")],
        &[
            Made {
                stack: &["main.a"],
                values: &[3],
                texts: &[("pod", "web")],
                numbers: &[("bytes", 2304, "bytes")],
            },
            Made {
                stack: &["main.b"],
                values: &[1],
                texts: &[],
                numbers: &[("request", 7, "")],
            },
        ],
    );
    let file = save(&p, folder.path(), "labels.pb.gz");
    let d = json(&["tags", &file]);
    let of = |key: &str| rows(&d).iter().find(|r| r["key"] == key).expect("a row").clone();
    let bytes = of("bytes");
    assert_eq!(
        (&bytes["number"], &bytes["number_unit"]),
        (&value!(2304), &value!("bytes")),
        "{bytes}"
    );
    assert_eq!(bytes["label"], "2.25kB");
    assert_eq!(of("pod")["number"], Value::Null);
    assert_eq!(of("request")["number"], 7);
    let csv = fine(&["tags", "-o", "csv", &file]);
    assert!(csv.contains("2.25kB,2304,bytes,samples,count\n"), "{csv}");
}

#[test]
fn headings_say_what_rows_are() {
    let file = heap();
    for by in ["package", "subsystem", "owner", "line", "function", "file"] {
        for command in [vec!["tree", &file], vec!["peek", ".", &file]] {
            let mut args = command;
            args.extend(["--by", by]);
            let text = fine(&args);
            let head = text.lines().find(|l| l.contains("calls%")).expect("a heading");
            assert!(head.ends_with(&format!("  {by}")), "{by}: {head}");
        }
    }
    let text = fine(&["tree", &file, "-o", "markdown"]);
    for relation in ["| relation", "| caller ", "| self ", "| callee "] {
        assert!(text.contains(relation), "{relation}");
    }
    let text = fine(&["top", &file, "--by", "file"]);
    assert!(!text.contains("subsystem"), "files have none: {text}");
}
