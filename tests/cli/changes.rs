//! What changed between two moments: who moved, how fast, what is noise; and what idle loops are left out of.

use serde_json::Value;

use super::support::{capture, fine, json, root};

fn frozen(name: &str) -> String {
    capture(&format!("frozen-runtime/{name}-goroutine.debug2.txt.gz"))
}

fn compat(name: &str) -> String {
    root().join("fixtures/compat").join(name).display().to_string()
}

fn rows(d: &Value) -> &[Value] {
    d["rows"].as_array().expect("rows")
}

#[test]
fn the_first_line_says_who_moved() {
    let (before, after) = (frozen("a-before"), frozen("d-6min"));
    let text = fine(&["diff", &before, &after]);
    let first = text.lines().next().expect("a line");
    assert!(
        first.starts_with(
            "60 of probes moved from select into CRI gRPC within CRI orchestration; 58 of pod workers moved"
        ),
        "{text}"
    );
    let d = json(&["diff", &before, &after]);
    assert_eq!(d["query"]["by"], "pair");
    assert_eq!(
        d["moves"][0],
        serde_json::json!({
            "owner": "probes",
            "count": 60,
            "from": {"blocked_in": "select", "within": null},
            "to": {"blocked_in": "cri-client", "within": "kuberuntime"},
        })
    );
    // Nothing is made up: what moved away and what came adds up to the difference of the totals.
    let change: i64 = rows(&json(&["diff", &before, &after, "--nodefraction", "0"]))
        .iter()
        .map(|r| r["cum"].as_i64().expect("a number"))
        .sum();
    let total = |key: &str| d[key].as_i64().expect("a total");
    assert_eq!(change, total("new_total") - total("old_total"));
    // Backwards they move back.
    let back = json(&["diff", &after, &before]);
    assert_eq!(
        (&back["moves"][0]["from"], &back["moves"][0]["to"]),
        (&d["moves"][0]["to"], &d["moves"][0]["from"])
    );
    // Functions are compared where they are asked for.
    let functions = json(&["diff", &before, &after, "--by", "function"]);
    assert_eq!(functions["query"]["by"], "function");
    assert!(functions.get("moves").is_none());
    // Two equal dumps have no line for it.
    let same = fine(&["diff", &after, &after]);
    assert!(
        same.starts_with("goroutine\n") && same.contains("nothing changed"),
        "{same}"
    );
}

#[test]
fn changes_below_two_sigma_are_marked_in_every_format() {
    let (old, new) = (compat("heap.pb.gz"), compat("heap-later.pb.gz"));
    let d = json(&["diff", &old, &new, "-n", "0"]);
    for row in rows(&d) {
        let number = |key: &str| row[key].as_f64();
        let (Some(change), Some(sigma)) = (number("cum"), number("cum_error")) else {
            continue;
        };
        // The error is rounded to a byte.
        if (change.abs() - 2.0 * sigma).abs() > 2.0 {
            assert_eq!(row["noise"], change.abs() < 2.0 * sigma, "{row}");
        }
        let per_second = number("cum_per_second").expect("a rate");
        let elapsed = d["elapsed_nanos"].as_f64().expect("a time") / 1e9;
        assert!((per_second * elapsed - change).abs() < 1e-3, "{row}");
    }
    let marked = rows(&d).iter().filter(|r| r["noise"] == true).count();
    assert!(marked > 0 && marked < rows(&d).len(), "{marked}");
    let text = fine(&["diff", &old, &new, "-n", "0"]);
    assert!(
        text.contains(&format!("~ marks a change below two of them ({marked} here)")),
        "{text}"
    );
    let is_marked = |l: &&str| l.split_whitespace().any(|w| w == "~");
    assert_eq!(
        text.lines()
            .skip(4)
            .take_while(|l| !l.is_empty())
            .filter(is_marked)
            .count(),
        marked,
        "{text}"
    );
    let csv = fine(&["diff", &old, &new, "-n", "0", "-o", "csv"]);
    let column = csv
        .lines()
        .next()
        .expect("a head")
        .split(',')
        .position(|c| c == "noise")
        .expect("the column");
    let true_cells = csv.lines().filter(|l| l.split(',').nth(column) == Some("true")).count();
    assert_eq!(true_cells, marked, "{csv}");
    // Exact values have neither error nor noise.
    let exact = json(&["diff", &frozen("a-before"), &frozen("d-6min")]);
    assert!(rows(&exact).iter().all(|r| r["noise"].is_null()));
}

#[test]
fn levels_are_intervals() {
    let heap = compat("heap.pb.gz");
    let sigma = json(&["top", &heap]);
    for (level, sigmas) in [("90", 1.644_854), ("95", 1.959_964), ("99%", 2.575_829)] {
        let d = json(&["top", &heap, "--level", level]);
        assert_eq!(rows(&d).len(), rows(&sigma).len());
        for (row, plain) in rows(&d).iter().zip(rows(&sigma)) {
            let number = |row: &Value, key: &str| row[key].as_f64();
            assert_eq!(row["cum_error"], plain["cum_error"]);
            let (Some(cum), Some(error)) = (number(row, "cum"), number(row, "cum_error")) else {
                continue;
            };
            let high = number(row, "cum_high").expect("an end");
            assert!((high - cum - sigmas * error).abs() < 4.0, "{row}");
            assert!(number(row, "cum_low").expect("a start") >= 0.0, "{row}");
        }
    }
    let text = fine(&["top", &heap, "--level", "90", "-n", "1"]);
    assert!(
        text.contains("  90%  ") && text.contains("intervals hold 90%"),
        "{text}"
    );
    assert!(fine(&["top", &heap, "-n", "1"]).contains("± is one sigma of sampling; live heap"));
    for wrong in ["0", "100", "x"] {
        assert_eq!(
            super::support::run(&["top", &heap, "--level", wrong]).code,
            2,
            "{wrong}"
        );
    }
}

#[test]
fn idle_loops_are_left_out_of_blocking() {
    let block = compat("block.pb.gz");
    let without = json(&["top", &block]);
    let with = json(&["top", &block, "--idle"]);
    let total = |d: &Value| d["total"].as_i64().expect("a total");
    let idle = without["idle"]["value"].as_i64().expect("said");
    assert!(idle > 0);
    assert_eq!(total(&without) + idle, total(&with));
    assert!(with.get("idle").is_none());
    // Locks are never idle, and the command of pprof knows nothing of it.
    for function in ["sync.(*Mutex).Lock", "sync.(*WaitGroup).Wait"] {
        let of = |d: &Value| {
            rows(d)
                .iter()
                .find(|r| r["name"] == function)
                .map(|r| r["flat"].clone())
        };
        assert_eq!(of(&without), of(&with), "{function}");
        assert!(of(&with).is_some(), "{function}");
    }
    assert!(fine(&["pprof", "-top", &block]).contains("2.04s 51.28% 51.28%"));
    let inspected = json(&["inspect", &block]);
    assert_eq!(total(&inspected), total(&with));
}
