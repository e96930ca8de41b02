//! `kubeprof flame`: one graph, its table, and everything that keys and pointer do with it.

use serde_json::json;

use super::driver::{Browser, DESKTOP, Look, PHONE};
use super::{close, fixture, json as answer, page, rows};

/// Where a box of a frame is on the screen: the largest with that name.
fn place_of(browser: &Browser, name: &str) -> (f64, f64) {
    // The canvas has no elements: what a reader sees is found as a reader does, by looking at what is under the pointer.
    let script = format!(
        "const canvas = document.querySelector('#stage-box canvas'), area = canvas.getBoundingClientRect(); \
         const under = (x, y) => {{ canvas.dispatchEvent(new PointerEvent('pointermove', {{clientX: x, clientY: y, pointerType: 'mouse'}})); \
           return document.querySelector('#tip').hidden ? '' : document.querySelector('#tip b')?.textContent ?? ''; }}; \
         for (let y = area.top + 10; y < area.bottom; y += 20) for (let x = area.left + 3; x < area.right; x += 12) \
           if (under(x, y) === {}) return [x + 4, y]; return null;",
        json!(name)
    );
    let found = browser.run(&script);
    assert!(found.is_array(), "{name} has no box");
    (found[0].as_f64().unwrap(), found[1].as_f64().unwrap())
}

fn hash(browser: &Browser) -> String {
    browser
        .run("return decodeURIComponent(location.hash);")
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn zoom_search_table_and_back() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let heap = fixture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let heap = heap.to_str().unwrap();
    let url = page(folder.path(), &["flame", heap]);
    browser.open(&url);
    browser.screenshot("flame-desktop");

    // The table is what `top` says.
    let top = answer(&["top", heap, "-n", "30", "--trim=false"]);
    let shown = rows(&browser);
    assert_eq!(shown.len(), 30);
    for (row, want) in shown.iter().zip(top["rows"].as_array().unwrap()) {
        assert_eq!(row.0, want["name"].as_str().unwrap());
        for (key, of) in [
            ("self", "flat"),
            ("total", "cum"),
            ("self-error", "flat_error"),
            ("total-error", "cum_error"),
        ] {
            let (have, want) = (row.1[key].as_f64().unwrap(), want[of].as_f64().unwrap_or(0.0));
            let tolerant = key.ends_with("error") && (have - want).abs() <= 1.0;
            assert!(close(have, want) || tolerant, "{} {key}: {have} {want}", row.0);
        }
    }

    // A click zooms, the address says so, Back undoes it, a link comes back to it.
    let relist = "k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Relist";
    let (x, y) = place_of(&browser, relist);
    browser.pointer(&[(x, y)], true);
    assert!(browser.text("#about b").contains("Relist"));
    let zoomed = hash(&browser);
    assert!(zoomed.contains("zoom="), "{zoomed}");
    assert!(
        browser
            .run("return !document.querySelector('#reset').disabled;")
            .as_bool()
            .unwrap()
    );
    browser.back();
    assert!(!hash(&browser).contains("zoom="));
    browser.leave();
    browser.open(&format!("{url}{zoomed}"));
    assert!(browser.text("#about b").contains("Relist"), "a deep link");
    browser.keys(&["0"]);
    assert!(!hash(&browser).contains("zoom="));

    // Search counts what it finds; Enter and Shift-Enter go through it.
    browser.keys(&["/"]);
    browser.keys(&["c", "o", "n", "t", "e", "x", "t", "Enter"]);
    let found = browser.text("#found");
    assert!(
        found.contains("1 of ") && found.contains('%') && found.contains('±'),
        "{found}"
    );
    let first = browser.text("#about b");
    browser.keys(&["Enter"]);
    assert!(browser.text("#found").contains("2 of "), "{}", browser.text("#found"));
    browser.keys(&["Shift+Enter"]);
    assert_eq!(browser.text("#about b"), first);
    assert!(hash(&browser).contains("search=context"));
    browser.keys(&["Escape", "Escape"]);
    assert!(!hash(&browser).contains("search"));

    // Sorting: by name, twice; the address keeps it.
    let click = "document.querySelector('#rows-table th[data-key=name] button').click()";
    let order = browser.after(
        click,
        "document.querySelector('#rows-table th[data-key=name]').getAttribute('aria-sort')",
    );
    assert_eq!(order, "descending");
    let names: Vec<String> = rows(&browser).into_iter().map(|(name, _)| name).collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(names, sorted);
    assert!(hash(&browser).contains("sort=name.down"));

    assert_eq!(browser.complaints(&url), Vec::<String>::new());
}

#[test]
fn a_difference_is_gray_within_its_error() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (
        fixture("ctx-leak-1.36.1/s01-heap.pb.gz"),
        fixture("ctx-leak-1.36.1/s10-heap.pb.gz"),
    );
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let url = page(folder.path(), &["flame", "--diff-base", old, new]);
    browser.open(&url);
    browser.screenshot("flame-difference");
    let want = answer(&["diff", old, new, "-n", "0", "--nodefraction", "0"]);
    let changed = want["rows"].as_array().unwrap();
    let note = browser.text("#rows-note");
    assert!(
        note.starts_with(&format!("{} rows", changed.len())),
        "{note} {}",
        changed.len()
    );
    for (name, row) in rows(&browser) {
        let of = changed
            .iter()
            .find(|r| r["name"] == name.as_str())
            .unwrap_or_else(|| panic!("{name}"));
        for (key, field) in [
            ("self-change", "flat"),
            ("total-change", "cum"),
            ("self-old", "old_flat"),
            ("self-new", "new_flat"),
        ] {
            assert_eq!(row[key].as_f64(), of[field].as_f64(), "{name} {key}");
        }
        let (have, error) = (row["total-error"].as_f64().unwrap(), of["cum_error"].as_f64().unwrap());
        assert!((have - error).abs() <= 1.0 + 1e-6 * error, "{name}: {have} {error}");
    }
    // The leak is beyond its error; single samples are not.
    let class = |name: &str| {
        let script = format!(
            "return document.querySelector('#rows-table tr[data-name=\"{name}\"] td:nth-child(5)')?.className ?? 'no row';"
        );
        browser.run(&script).as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(class("context.withCancel"), "grown");
    assert_eq!(class("google.golang.org/grpc/mem.(*sizedBufferPool).Get"), "faint");
    assert_eq!(browser.complaints(&url), Vec::<String>::new());
}

#[test]
fn transforms_filters_and_the_keyboard_alone() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let heap = fixture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let heap = heap.to_str().unwrap();
    let url = page(folder.path(), &["flame", heap]);
    browser.open(&url);

    // No pointer from here on: to the graph, down twice, zoom, callers and callees, and back.
    browser.run("document.querySelector('#stage-box .stage').focus();");
    browser.keys(&["Down", "Down", "Down", "Right"]);
    let chosen = browser.text("#about b");
    assert!(!chosen.is_empty() && chosen != "root", "{chosen}");
    browser.keys(&["Enter"]);
    assert!(hash(&browser).contains("zoom="));
    browser.keys(&["3"]);
    assert_eq!(
        browser.run("return document.querySelector('#sandwich').hidden;"),
        json!(false)
    );
    assert!(browser.text("#sandwich-middle b").contains(&chosen), "{chosen}");
    browser.run("document.querySelector('#stage-box .stage').focus();");
    browser.keys(&["Escape", "Escape", "?"]);
    assert_eq!(browser.run("return document.querySelector('#keys').open;"), json!(true));
    browser.keys(&["Escape"]);
    assert_eq!(
        browser.run("return document.querySelector('#keys').open;"),
        json!(false)
    );

    // A filter has the numbers of the command line.
    browser.keys(&["f"]);
    browser.keys(&["s", "t", "a", "r", "t", "P", "o", "d", "S", "y", "n", "c", "Enter"]);
    let want = answer(&["top", heap, "--focus", "startPodSync", "-n", "0", "--trim=false"]);
    let want = want["rows"].as_array().unwrap();
    let shown = rows(&browser);
    assert_eq!(shown.len(), want.len());
    for (name, row) in &shown {
        let of = want
            .iter()
            .find(|r| r["name"] == name.as_str())
            .unwrap_or_else(|| panic!("{name}"));
        assert_eq!(
            (row["self"].as_f64(), row["total"].as_f64()),
            (of["flat"].as_f64(), of["cum"].as_f64()),
            "{name}"
        );
    }
    assert!(browser.text("#note").contains("Filters leave"));
    browser.keys(&["Escape"]);

    // Hiding a function gives what it has to its callers, as --hide does; undo takes it back.
    browser.run("document.querySelector('#filter').blur();");
    let hide = "const select = [...document.querySelectorAll('#rows-table tbody tr')].find(r => r.dataset.name === 'context.withCancel'); \
        select.querySelector('button').click();";
    browser.run(hide);
    browser.settle();
    browser.open(&format!("{url}#only=hide:context.withCancel"));
    let want = answer(&[
        "top",
        heap,
        "--hide",
        "^context\\.withCancel$",
        "-n",
        "0",
        "--trim=false",
    ]);
    let caller = "context.WithCancel";
    let want = want["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["name"] == caller)
        .unwrap()
        .clone();
    let shown = rows(&browser);
    let (_, row) = shown
        .iter()
        .find(|(name, _)| name == caller)
        .expect("the caller has its value now");
    assert_eq!(row["self"].as_f64(), want["flat"].as_f64());
    assert!(browser.text("#transforms").contains("without context.withCancel"));
    browser.run("document.body.focus();");
    browser.keys(&["u"]);
    assert!(!hash(&browser).contains("only="));
    browser.keys(&["U"]);
    assert!(hash(&browser).contains("only=hide"));
    assert_eq!(browser.complaints(&url), Vec::<String>::new());
}

#[test]
fn dark_paper_and_phone() {
    let dark = Look { dark: true, ..DESKTOP };
    let Some(browser) = Browser::start(dark) else { return };
    let folder = tempfile::tempdir().unwrap();
    let heap = fixture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let url = page(folder.path(), &["flame", heap.to_str().unwrap()]);
    browser.open(&url);
    browser.screenshot("flame-dark");
    let ground = "return getComputedStyle(document.body).backgroundColor;";
    let dark_ground = browser.run(ground);
    browser.run("document.querySelector('#theme').click();");
    browser.settle();
    assert_ne!(browser.run(ground), dark_ground, "the button overrules the system");
    // The graph fills most of a phone, and nothing sticks out.
    browser.resize(PHONE);
    browser.open(&url);
    browser.screenshot("flame-phone");
    let height = browser
        .run("return document.querySelector('#stage-box .stage').clientHeight;")
        .as_f64()
        .unwrap();
    assert!(height >= 0.69 * 844.0, "{height}");
    assert_eq!(
        browser.run("return document.querySelector('#legend-box').open;"),
        json!(false),
        "the legend is folded"
    );
    let wide = browser
        .run("return document.documentElement.scrollWidth;")
        .as_f64()
        .unwrap();
    assert!(wide <= 390.0, "{wide}");
    // On paper colors are for white and everything is open.
    browser.resize(dark);
    browser.open(&url);
    let open = "dispatchEvent(new Event('beforeprint')); const open = [...document.querySelectorAll('details')].every(d => d.open); \
        const dark = document.documentElement.classList.contains('dark'); dispatchEvent(new Event('afterprint')); return [open, dark];";
    assert_eq!(browser.run(open), json!([true, false]));
    browser.settle();
    let pdf = browser.cdp("Page.printToPDF", json!({"printBackground": true}));
    assert!(pdf["data"].as_str().unwrap().len() > 20_000);
    assert_eq!(browser.complaints(&url), Vec::<String>::new());
}
