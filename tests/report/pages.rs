//! `kubeprof report` through the binary: what the page holds, what the message says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn kubeprof(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
        .args(args)
        .env("TZ", "UTC")
        .output();
    output.expect("the program starts")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The page of a source, and the data in it.
fn page(args: &[&str]) -> (String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let output = kubeprof(&[&["report"], args, &["--out", path.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(&path).unwrap();
    let open = "<script type=\"application/json\" id=\"data\">";
    let start = page.find(open).unwrap() + open.len();
    let end = start + page[start..].find("</script>").unwrap();
    let data = serde_json::from_str(&page[start..end]).unwrap();
    (page, data)
}

#[test]
fn everything_of_a_folder_is_on_the_page() {
    let folder = fixture("captures/frozen-runtime");
    let (page, data) = page(&[folder.to_str().unwrap()]);
    assert!(page.len() < 1_500_000, "{}", page.len());
    assert_eq!(
        (&data["schema"], &data["mode"]),
        (&"kubeprof/page/1".into(), &"report".into())
    );
    let kinds: Vec<&str> = data["profiles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["heap", "dump", "cpu"],
        "profiles of goroutines are left out where dumps have them"
    );
    assert_eq!(data["snapshots"].as_array().unwrap().len(), 4);
    let times: Vec<i64> = data["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["at"].as_i64().unwrap())
        .collect();
    assert!(times.windows(2).all(|w| w[0] < w[1]));
    // Totals are those of the commands.
    let heap = &data["profiles"][0];
    let last = heap["taken"].as_array().unwrap().last().unwrap().clone();
    let top: Value = serde_json::from_str(&text(&kubeprof(&[
        "top",
        folder.join("d-6min-heap.pb.gz").to_str().unwrap(),
        "-o",
        "json",
    ])))
    .unwrap();
    let selected = heap["selected"].as_u64().unwrap() as usize;
    assert_eq!(last["totals"][selected], top["total"], "{}", top["profile"]);
    // The verdict is that of diagnose.
    let output = kubeprof(&["diagnose", folder.to_str().unwrap(), "-o", "json"]);
    let diagnosis: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(data["verdict"]["word"], diagnosis["verdict"]);
    let prints = |v: &Value| -> Vec<Value> {
        v["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["fingerprint"].clone())
            .collect()
    };
    assert_eq!(prints(&data), prints(&diagnosis));
    assert_eq!(data["sources"].as_array().unwrap().len(), 10);
    assert!(data["sources"][0]["sha256"].as_str().unwrap().len() == 64);
}

/// Whole numbers of a list.
fn numbers(list: &Value) -> Vec<i64> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|v| v.as_i64().expect("a number"))
        .collect()
}

/// Flat and cum by function of one profile of a page, at the moment `taken`, added up from its rows. What ends in frames that
/// are not drawn counts for those above only.
fn by_function(data: &Value, profile: &Value, kind: &str, taken: usize) -> BTreeMap<String, (i64, i64)> {
    let kinds = profile["types"].as_array().unwrap().iter();
    let kind = kinds
        .map(|t| t["kind"].as_str().unwrap())
        .position(|k| k == kind)
        .expect("a type");
    let (names, up) = (numbers(&profile["tree"]["name"]), numbers(&profile["tree"]["up"]));
    let mut parent = vec![0usize];
    for (i, &steps) in up.iter().enumerate() {
        let above = (0..steps).fold(i, |p, _| parent[p]);
        parent.push(above);
    }
    let steps = |list: &Value| -> Vec<usize> {
        let sums = numbers(list).into_iter().scan(0, |at, step| {
            *at += step;
            Some(*at as usize)
        });
        sums.collect()
    };
    let (node, hidden) = (steps(&profile["rows"]["node"]), steps(&profile["rows"]["hidden"]));
    let mut values = vec![0i64; node.len()];
    for moment in profile["taken"].as_array().unwrap().iter().take(taken + 1) {
        let list = numbers(&moment["columns"][kind]);
        if list.first() == Some(&-1) {
            values.iter_mut().zip(&list[1..]).for_each(|(sum, v)| *sum += v);
            continue;
        }
        let mut row = 0;
        for pair in list.chunks_exact(2) {
            row += pair[0] as usize;
            values[row] += pair[1];
        }
    }
    let mut found: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (row, value) in values.into_iter().enumerate().filter(|(_, v)| *v != 0) {
        let name = |n: usize| data["names"][names[n] as usize].as_str().unwrap().to_owned();
        let (mut at, mut seen) = (node[row], BTreeSet::new());
        if at != 0 && hidden.binary_search(&row).is_err() {
            found.entry(name(at)).or_default().0 += value;
        }
        while at != 0 {
            seen.insert(name(at));
            at = parent[at];
        }
        for name in seen {
            found.entry(name).or_default().1 += value;
        }
    }
    found
}

/// Not only what is in sight: every function of every profile has the numbers of `top`.
#[test]
fn all_embedded_numbers_are_those_of_the_commands() {
    let place = |name: &str| fixture("captures").join(name);
    let pages = ["ctx-leak-1.36.1", "frozen-runtime"].map(|name| (name, page(&[place(name).to_str().unwrap()]).1));
    for (folder, profile, kind, taken, file) in [
        ("ctx-leak-1.36.1", "heap", "inuse_space", 0, "s01-heap.pb.gz"),
        ("ctx-leak-1.36.1", "heap", "inuse_space", 1, "s10-heap.pb.gz"),
        ("ctx-leak-1.36.1", "heap", "alloc_objects", 1, "s10-heap.pb.gz"),
        ("frozen-runtime", "heap", "inuse_objects", 1, "d-6min-heap.pb.gz"),
        ("frozen-runtime", "cpu", "cpu", 0, "d-6min-cpu.pb.gz"),
    ] {
        let source = place(folder);
        let (_, data) = pages.iter().find(|p| p.0 == folder).expect("a page");
        let profiles = data["profiles"].as_array().unwrap();
        let profile = profiles.iter().find(|p| p["kind"] == profile).expect("a profile");
        let last = profile["taken"].as_array().unwrap().len() - 1;
        let found = by_function(data, profile, kind, taken.min(last));
        let file = source.join(file);
        let args = [
            "top",
            file.to_str().unwrap(),
            "--sample-index",
            kind,
            "-n",
            "0",
            "--trim=false",
            "-o",
            "json",
        ];
        let top: Value = serde_json::from_str(&text(&kubeprof(&args))).unwrap();
        let wanted: BTreeMap<String, (i64, i64)> = (top["rows"].as_array().unwrap().iter())
            .map(|r| {
                let number = |key: &str| r[key].as_i64().unwrap();
                (r["name"].as_str().unwrap().to_owned(), (number("flat"), number("cum")))
            })
            .collect();
        assert!(wanted.len() > 50, "{}", wanted.len());
        for (name, want) in &wanted {
            assert_eq!(found.get(name), Some(want), "{} {kind} {name}", file.display());
        }
        assert_eq!(found.len(), wanted.len(), "{} {kind}", file.display());
    }
}

#[test]
fn the_message_has_forty_lines_at_most() {
    for source in [
        "captures/frozen-runtime",
        "captures/ctx-leak-1.36.1",
        "captures/healthy-1.37.2",
    ] {
        let message = text(&kubeprof(&[
            "report",
            fixture(source).to_str().unwrap(),
            "-o",
            "markdown",
        ]));
        assert!(message.lines().count() <= 40, "{source}: {}", message.lines().count());
        assert!(message.starts_with("### "), "{message}");
        assert!(message.contains("kubeprof diagnose "), "{message}");
    }
}

#[test]
fn several_nodes_are_asked_for() {
    let bundle = fixture("bundle/two-nodes.tar.gz");
    let bundle = bundle.to_str().unwrap();
    let output = kubeprof(&["report", bundle]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("several nodes") && error.contains("hint: choose one with --node"),
        "{error}"
    );
    let name = error
        .split("nodes: ")
        .nth(1)
        .unwrap()
        .split([',', '\n'])
        .next()
        .unwrap()
        .to_owned();
    let (page, data) = page(&[bundle, "--node", &name]);
    assert!(data["title"].as_str().unwrap().contains(&name));
    assert!(data["asked"].as_array().unwrap().iter().any(|a| a["state"] == "taken"));
    // Redacted, no name of any node is left.
    let (hidden, _) = self::page(&[bundle, "--node", &name, "--redact"]).clone();
    drop(page);
    assert!(!hidden.contains(&name), "the name of the node");
    let output = kubeprof(&["report", bundle, "--node", "nobody"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn history_from_outside_is_beside_that_of_the_captures() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("netdata.csv");
    std::fs::write(
        &csv,
        "time,load1\r\n2026-11-23 18:55:00,9\r\n2026-11-23 18:50:00,null\r\n2026-11-23 18:45:00,1\r\n",
    )
    .unwrap();
    let source = fixture("captures/frozen-runtime");
    let (_, data) = page(&[source.to_str().unwrap(), "--metrics", csv.to_str().unwrap()]);
    let series = data["series"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["title"] == "load1")
        .expect("the series")
        .clone();
    assert_eq!(series["source"], "netdata.csv");
    assert_eq!(series["points"].as_array().unwrap().len(), 3);
    std::fs::write(&csv, "nothing").unwrap();
    let output = kubeprof(&["report", source.to_str().unwrap(), "--metrics", csv.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: --metrics takes"));
}
