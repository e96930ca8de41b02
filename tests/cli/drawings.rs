//! `flame` and `convert` on real captures.

use serde_json::Value;

use super::support::{capture, fine, json, run};

fn heap() -> String {
    capture("ctx-leak-1.36.1/s10-heap.pb.gz")
}

/// Sum of the values at the end of folded lines.
fn folded_sum(lines: &str) -> i64 {
    let value = |line: &str| {
        line.rsplit(' ')
            .next()
            .and_then(|v| v.parse::<i64>().ok())
            .expect("a value")
    };
    lines.lines().map(value).sum()
}

fn total(args: &[&str]) -> i64 {
    let all: Vec<&str> = [&["top"], args].concat();
    json(&all)["total"].as_i64().expect("a total")
}

#[test]
fn folded_stacks_sum_up_to_what_top_says() {
    for (file, kind) in [
        ("ctx-leak-1.36.1/s10-heap.pb.gz", "inuse_space"),
        ("ctx-leak-1.36.1/s10-heap.pb.gz", "alloc_objects"),
        ("ctx-leak-1.36.1/last-cpu.pb.gz", "cpu"),
        ("frozen-runtime/d-6min-goroutine.pb.gz", "goroutine"),
        ("frozen-runtime/d-6min-goroutine.debug2.txt.gz", "goroutine"),
    ] {
        let file = capture(file);
        let args = [file.as_str(), "--sample-index", kind];
        let lines = fine(&[&["flame", "-o", "folded"], &args[..]].concat());
        assert_eq!(folded_sum(&lines), total(&args), "{file} {kind}");
        let stacks: std::collections::BTreeSet<&str> = lines
            .lines()
            .filter_map(|l| l.rsplit_once(' '))
            .map(|(stack, _)| stack)
            .collect();
        assert_eq!(stacks.len(), lines.lines().count(), "no stack stands twice");
        assert_eq!(lines, fine(&[&["convert", "-o", "folded"], &args[..]].concat()));
    }
}

#[test]
fn the_page_of_a_kubelet_heap_is_small_and_knows_the_kubelet() {
    let page = fine(&["flame", &heap()]);
    assert!(page.len() < 400_000, "{} bytes", page.len());
    let (_, rest) = page.split_once("id=\"data\">").expect("data");
    let (data, _) = rest.split_once("</script>").expect("its end");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["profiles"][0]["types"].as_array().expect("types").len(), 4);
    assert_eq!(data["title"], "s10-heap.pb.gz");
    let names = data["names"].as_array().expect("names");
    let at = names
        .iter()
        .position(|n| n == "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).startPodSync")
        .expect("the leaking function");
    let number = |table: &str| data[table][at].as_u64().expect("a row") as usize;
    assert_eq!(data["subsystems"][number("nameSubsystem")]["title"], "pod workers");
    assert_eq!(data["packages"][number("namePackage")], "k8s.io/kubernetes/pkg/kubelet");
    let file = data["files"][number("nameFile")].as_str().expect("a file");
    assert!(file.ends_with("pkg/kubelet/pod_workers.go"), "{file}");
    assert_eq!(page, fine(&["flame", &heap()]), "the same bytes again");
}

#[test]
fn a_difference_shows_old_and_new() {
    let old = capture("ctx-leak-1.36.1/s01-heap.pb.gz");
    let args = ["--diff-base", &old, &heap(), "--sample-index", "inuse_objects"];
    let lines = fine(&[&["flame", "-o", "folded"], &args[..]].concat());
    let (mut before, mut after) = (0, 0);
    for line in lines.lines() {
        let mut words = line.rsplitn(3, ' ');
        after += words.next().and_then(|v| v.parse::<i64>().ok()).expect("new");
        before += words.next().and_then(|v| v.parse::<i64>().ok()).expect("old");
    }
    assert_eq!(before, total(&[&old, "--sample-index", "inuse_objects"]));
    assert_eq!(after, total(&[&heap(), "--sample-index", "inuse_objects"]));
    assert!(
        lines.contains("startPodSync;context.WithCancel;context.withCancel 0 39324\n"),
        "the leak"
    );
    let page = fine(&[&["flame"], &args[..]].concat());
    assert!(page.contains("\"comparison\":\"base\""));
    assert!(page.contains(", difference</title>"));
}

#[test]
fn limits_are_the_query_s() {
    let count = |args: &[&str]| {
        let page = fine(&[&["flame", &heap()], args].concat());
        let (_, rest) = page.split_once("\"inline\":\"").expect("nodes");
        rest.find('"').expect("their end")
    };
    let all = count(&["--trim=false"]);
    assert_eq!(count(&["-n", "50"]), 50);
    assert!(count(&["--nodefraction", "0.05"]) < all / 4);
    assert_eq!(count(&["--nodefraction", "0"]), all);
}

#[test]
fn subsystems_and_packages_can_be_the_frames() {
    let lines = fine(&["flame", "-o", "folded", &heap(), "--by", "subsystem"]);
    assert!(lines.lines().any(|l| l.starts_with("pod workers;")), "{lines}");
    let lines = fine(&["flame", "-o", "folded", &heap(), "--package", "pkg/kubelet/pleg"]);
    assert!(lines.lines().all(|l| l.contains("pkg/kubelet/pleg.")), "{lines}");
}

#[test]
fn means_are_refused_with_a_hint() {
    let answer = run(&["flame", &heap(), "--mean"]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("hint: leave --mean out"), "{}", answer.stderr);
}

#[test]
fn every_conversion_has_its_head() {
    for (format, head) in [
        ("folded", "github.com/"),
        ("speedscope", "{\"$schema\":\"https://www.speedscope.app/"),
        ("callgrind", "positions: instr line"),
        ("dot", "digraph \"kubelet\""),
        ("text", "PeriodType: space bytes"),
    ] {
        let out = fine(&["convert", "-o", format, &heap()]);
        assert!(out.starts_with(head), "{format}: {:?}", &out[..80]);
    }
    assert!(fine(&["flame", "-o", "svg", &heap()]).starts_with("<svg "));
}

#[test]
fn a_conversion_to_proto_loses_nothing_but_what_nothing_refers_to() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in [
        "ctx-leak-1.36.1/s10-heap.pb.gz",
        "ctx-leak-1.36.1/last-cpu.pb.gz",
        "frozen-runtime/d-6min-goroutine.pb.gz",
    ] {
        let (from, to) = (capture(file), folder.path().join("out.pb.gz").display().to_string());
        fine(&["convert", "-o", "proto", &from, "--out", &to]);
        let again = folder.path().join("again.pb.gz").display().to_string();
        fine(&["convert", "-o", "proto", &to, "--out", &again]);
        let bytes = |path: &str| std::fs::read(path).expect("the file");
        assert_eq!(bytes(&to), bytes(&again), "nothing is left to be made compact");
        for by in ["function", "line", "address"] {
            let mut args = vec!["top", &from, "--trim=false", "--by", by, "-o", "csv"];
            let want = fine(&args);
            args[1] = &to;
            assert_eq!(fine(&args), want, "{file} {by}");
        }
        let size = |path: &str| std::fs::metadata(path).expect("the file").len();
        assert!(size(&to) <= size(&from) * 5 / 4, "{} {}", size(&to), size(&from));
    }
}

#[test]
fn filters_hold_in_conversions() {
    let out = fine(&["convert", "-o", "folded", &heap(), "--focus", "startPodSync"]);
    assert!(
        !out.is_empty() && out.lines().all(|l| l.contains("startPodSync")),
        "{out}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("focus.pb.gz").display().to_string();
    fine(&[
        "convert",
        "-o",
        "proto",
        &heap(),
        "--focus",
        "startPodSync",
        "--out",
        &to,
    ]);
    assert_eq!(total(&[&to]), folded_sum(&out));
}
