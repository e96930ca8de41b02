//! `kubeprof report`: everything about an incident on one page.

use super::driver::{Browser, DESKTOP, PHONE};
use super::{close, fixture, json as answer, page, rows};

#[test]
fn a_leak_from_verdict_to_graph() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = fixture("ctx-leak-1.36.1");
    let url = page(folder.path(), &["report", source.to_str().unwrap()]);
    browser.open(&url);
    browser.screenshot("report-leak");
    let verdict = browser.text(".sentence");
    assert!(!verdict.is_empty());
    // Sections in their order.
    let order =
        browser.run("return [...document.querySelectorAll('main > section')].filter(s => !s.hidden).map(s => s.id);");
    let order: Vec<&str> = order.as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    let want = [
        "verdict",
        "timeline",
        "graph",
        // Of the function of the first finding.
        "sandwich",
        "goroutines",
        "tables",
        "coverage",
        "methods",
        "versions",
    ];
    assert_eq!(order, want);
    // The heap of the last snapshot has the numbers of top.
    let last = fixture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let top = answer(&["top", last.to_str().unwrap(), "-n", "30", "--trim=false"]);
    for ((name, row), want) in rows(&browser).iter().zip(top["rows"].as_array().unwrap()) {
        assert_eq!(name, want["name"].as_str().unwrap());
        assert!(
            close(row["self"].as_f64().unwrap(), want["flat"].as_f64().unwrap()),
            "{name}"
        );
        assert!(
            close(row["total"].as_f64().unwrap(), want["cum"].as_f64().unwrap()),
            "{name}"
        );
    }
    // A change over the span is what diff says.
    let first = fixture("ctx-leak-1.36.1/s01-heap.pb.gz");
    let diff = answer(&[
        "diff",
        first.to_str().unwrap(),
        last.to_str().unwrap(),
        "-n",
        "0",
        "--nodefraction",
        "0",
    ]);
    let diff = diff["rows"].as_array().unwrap();
    browser.open(&format!("{url}#change=1"));
    assert!(browser.text("#rows-note").starts_with(&format!("{} rows", diff.len())));
    for (name, row) in rows(&browser) {
        let of = diff
            .iter()
            .find(|r| r["name"] == name.as_str())
            .unwrap_or_else(|| panic!("{name}"));
        assert_eq!(row["total-change"].as_f64(), of["cum"].as_f64(), "{name}");
    }
    assert_eq!(browser.complaints(&url), Vec::<String>::new());
}

#[test]
fn a_frozen_runtime_from_timeline_to_goroutines() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = fixture("frozen-runtime");
    let url = page(folder.path(), &["report", source.to_str().unwrap()]);
    browser.open(&url);
    browser.screenshot("report-frozen");
    let stuck = "[...document.querySelectorAll('#goroutines-body details')].find(d => d.querySelector('b.stuck'))";
    let many = browser.run(&format!(
        "return Number({stuck}.querySelector('summary').textContent.match(/\\d+/)[0]);"
    ));
    assert!(many.as_f64().unwrap() >= 100.0, "{many}");
    // All goroutines of the last dump are there.
    let dump = fixture("frozen-runtime/d-6min-goroutine.debug2.txt.gz");
    let all = answer(&["goroutines", dump.to_str().unwrap()]);
    let total = all["matched"]
        .as_f64()
        .or_else(|| all["total"].as_f64())
        .unwrap_or_default();
    let shown = browser.run("return [...document.querySelectorAll('.groups td:first-child[data-value]')].reduce((a, td) => a + Number(td.dataset.value), 0);");
    assert_eq!(shown.as_f64().unwrap(), total);
    // A span of the timeline narrows everything: dragging over its left half leaves the first snapshots.
    let area = browser.run("const b = document.querySelector('.brush').getBoundingClientRect(); document.querySelector('#timeline').scrollIntoView(); \
        const c = document.querySelector('.brush').getBoundingClientRect(); return [c.left, c.top, c.width, c.height];");
    let at = |i: usize| area[i].as_f64().unwrap();
    let y = at(1) + at(3) / 2.0;
    browser.pointer(
        &[(at(0) + 2.0, y), (at(0) + at(2) * 0.3, y), (at(0) + at(2) * 0.45, y)],
        true,
    );
    let hash = browser.run("return location.hash;");
    assert!(hash.as_str().unwrap().contains("to="), "{hash}");
    let shorter = browser.text("#goroutines-body p");
    browser.back();
    assert_ne!(browser.text("#goroutines-body p"), shorter, "the last dump again");
    // One filter for everything.
    browser.open(&format!("{url}#kind=dump&filter=state:select%20age:%3E=1m"));
    let text = browser.text("#note");
    assert!(text.contains("Filters leave"), "{text}");
    assert_eq!(browser.text("#filter-note"), "");
    browser.open(&format!("{url}#kind=heap&filter=state:select"));
    assert!(browser.text("#filter-note").contains("not known in Heap"));
    browser.open(&format!("{url}#filter=stat:select"));
    assert!(browser.text("#filter-note").contains("stat: is not a key"));
    browser.resize(PHONE);
    browser.open(&url);
    browser.screenshot("report-phone");
    let wide = browser
        .run("return document.documentElement.scrollWidth;")
        .as_f64()
        .unwrap();
    assert!(wide <= 390.0, "{wide}");
    assert_eq!(browser.complaints(&url), Vec::<String>::new());
}
