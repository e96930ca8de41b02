//! Names that want to be markup, scripts, formulas or a meter long: nothing executes, nothing sticks out.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::driver::{Browser, DESKTOP, PHONE};
use super::page;

/// Each would set `window.hacked` if it were taken for markup or script.
const NAMES: [&[u8]; 12] = [
    b"<script>window.hacked=1</script>",
    b"\"><img src=x onerror=window.hacked=1>",
    b"</script><script>window.hacked=1</script>",
    b"'-window.hacked=1-'",
    b"{{data}}${window.hacked=1}",
    b"javascript:window.hacked=1",
    b"=cmd|' /C calc'!A0",
    b"@SUM(1+1)*cmd",
    "\u{202e}gnp.exe\u{2066}\u{200b}".as_bytes(),
    b"\xff\xfe bad \xc3\x28 utf-8",
    b"__proto__",
    b"constructor.prototype.hacked\0\x1b[31m\r\n\t",
];

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n > 127 {
        out.push((n & 127) as u8 | 128);
        n >>= 7;
    }
    out.push(n as u8);
}

fn number(field: u64, n: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(n, out);
}

fn bytes(field: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn message(field: u64, out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    fill(&mut inner);
    bytes(field, &inner, out);
}

/// A heap whose every text is hostile, and one symbol of so many bytes.
fn heap(time: u64, scale: u64, longest: usize) -> Vec<u8> {
    let mut texts: Vec<Vec<u8>> = vec![b"".to_vec()];
    let mut text = |t: &[u8]| {
        texts.push(t.to_vec());
        texts.len() as u64 - 1
    };
    let mut out = Vec::new();
    for (kind, unit) in [("inuse_objects", "count"), ("inuse_space", "bytes")] {
        let (kind, unit) = (text(kind.as_bytes()), text(unit.as_bytes()));
        message(1, &mut out, |m| {
            number(1, kind, m);
            number(2, unit, m);
        });
    }
    let long = [b"k8s.io/x.".to_vec(), vec![b'M'; longest]].concat();
    let names: Vec<&[u8]> = NAMES.iter().copied().chain([long.as_slice()]).collect();
    let size = text(b"bytes");
    let file = text(NAMES[1]);
    message(3, &mut out, |m| {
        number(1, 1, m);
        number(3, 1 << 40, m);
        number(5, file, m);
        number(6, file, m);
    });
    for (i, name) in names.iter().enumerate() {
        let id = i as u64 + 1;
        let name = text(name);
        message(5, &mut out, |m| {
            number(1, id, m);
            number(2, name, m);
            number(4, file, m);
        });
        message(4, &mut out, |m| {
            number(1, id, m);
            number(2, 1, m);
            number(3, 0x1000 * id, m);
            message(4, m, |l| {
                number(1, id, l);
                number(2, 1, l);
            });
        });
        let (key, value) = (text(NAMES[i % NAMES.len()]), text(NAMES[(i + 1) % NAMES.len()]));
        message(2, &mut out, |m| {
            let mut stack = Vec::new();
            (1..=id).rev().for_each(|l| varint(l, &mut stack));
            bytes(1, &stack, m);
            let mut values = Vec::new();
            varint(1000 * scale * id, &mut values);
            varint(64_000 * scale * id, &mut values);
            bytes(2, &values, m);
            message(3, m, |l| {
                number(1, size, l);
                number(3, 64, l);
            });
            message(3, m, |l| {
                number(1, key, l);
                number(2, value, l);
            });
        });
    }
    number(9, time, &mut out);
    number(12, 524_288, &mut out);
    let comment = text(NAMES[0]);
    number(13, comment, &mut out);
    texts.iter().for_each(|t| bytes(6, t, &mut out));
    out
}

fn dump() -> Vec<u8> {
    let mut out = Vec::new();
    for (i, name) in NAMES.iter().enumerate() {
        let name: Vec<u8> = name.iter().copied().filter(|b| !b"\r\n".contains(b)).collect();
        let _ = writeln!(out, "goroutine {} [select, {} minutes]:", i + 1, i);
        out.extend_from_slice(&name);
        out.extend_from_slice(b"(0x1)\n\t/src/a.go:1 +0x1\ncreated by ");
        out.extend_from_slice(&name);
        out.extend_from_slice(b" in goroutine 1\n\t/src/a.go:2 +0x2\n\n");
    }
    out
}

/// The data and the program of a page.
const SCRIPTS: u64 = 2;

fn is_harmless(browser: &Browser, url: &str) {
    has_only_its_own(browser, url, SCRIPTS);
}

fn has_only_its_own(browser: &Browser, url: &str, scripts: u64) {
    assert_eq!(
        browser.run("return window.hacked === undefined && {}.hacked === undefined;"),
        json!(true),
        "{url}"
    );
    assert_eq!(
        browser.run("return document.querySelectorAll('img, iframe, object, embed, base').length;"),
        json!(0)
    );
    assert_eq!(browser.run("return document.scripts.length;"), json!(scripts), "{url}");
}

fn fits(browser: &Browser, width: f64, url: &str) {
    let wide = browser
        .run("return document.documentElement.scrollWidth;")
        .as_f64()
        .unwrap();
    assert!(wide <= width, "{url}: {wide}");
}

#[test]
fn names_of_every_field_stay_text() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a'\"<b>&amp;=1");
    std::fs::create_dir(&source).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(source.join(name), bytes).unwrap();
    write("s01-heap.pb.gz", &heap(1_795_459_535_000_000_000, 1, 1 << 20));
    write("s02-heap.pb.gz", &heap(1_795_459_595_000_000_000, 3, 1 << 20));
    write("s02-goroutine.debug2.txt", &dump());
    write("s02-metrics.txt", b"# TYPE x gauge\ngo_goroutines{a=\"<script>window.hacked=1</script>\"} 12\nprocess_start_time_seconds 1795459000\n");
    let history = folder.path().join("<script>window.hacked=1<script>.csv");
    let history = if std::fs::write(
        &history,
        "time,<script>window.hacked=1</script>,=1+1\n1795459535,1,2\n1795459595,2,3\n",
    )
    .is_ok()
    {
        history
    } else {
        panic!("no such file name here")
    };
    let names = "{\"__name__\":\"</script><script>window.hacked=1</script>\",\"instance\":\"\\\"><img src=x onerror=window.hacked=1>\"}";
    let range = folder.path().join("'\"><img src=x onerror=window.hacked=1>.json");
    let values = "[[1795459535,\"1\"],[1795459595,\"=1+1\"]]";
    let answer = format!(
        "{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{{\"metric\":{names},\"values\":{values}}}]}}}}"
    );
    std::fs::write(&range, answer.replace("=1+1", "2")).unwrap();
    let heap = source.join("s02-heap.pb.gz");
    let pages: [&[&str]; 2] = [
        &[
            "report",
            source.to_str().unwrap(),
            "--metrics",
            history.to_str().unwrap(),
            "--metrics",
            range.to_str().unwrap(),
        ],
        &["flame", heap.to_str().unwrap()],
    ];
    for args in pages {
        let url = page(folder.path(), args);
        for hash in [
            "",
            "#change=1&type=inuse_objects",
            "#filter=%3Cscript%3Ewindow.hacked=1%3C/script%3E",
            "#only=hide:%3Cscript%3Ewindow.hacked=1%3C/script%3E~drop:__proto__~__proto__:x~focus:",
            "#sandwich=__proto__&sort=constructor.down&kind=__proto__&colour=__proto__&lit=__proto__&by=x&zoom=%00",
            "#search=(&lit=%3Cimg%20src=x%20onerror=window.hacked=1%3E&width=__proto__&from=toString&to=-1",
            "#%E0%A4%A&&&=&=&type=%ff",
        ] {
            browser.leave();
            browser.open(&format!("{url}{hash}"));
            is_harmless(&browser, hash);
            fits(&browser, 1280.0, hash);
        }
        // Copied tables are no formulas.
        browser.leave();
        browser.open(&url);
        let copied = "window.copied = ''; navigator.clipboard.writeText = (t) => { window.copied = t; return Promise.resolve(); }; \
            document.querySelector('#rows-copy').click();";
        let cells = browser.after(
            copied,
            "window.copied.split('\\n').flatMap((line) => line.split('\\t'))",
        );
        let cells = cells.as_array().unwrap();
        assert!(cells.len() > 50, "{}", cells.len());
        for cell in cells {
            let cell = cell.as_str().unwrap();
            let formula =
                cell.starts_with(['=', '+', '@', '|', '%']) || (cell.starts_with('-') && cell.parse::<f64>().is_err());
            assert!(!formula, "{cell}");
        }
        // What is selected, hovered and drawn is text as well.
        browser.run("document.querySelector('#stage-box .stage').focus();");
        browser.keys(&["Down", "Down", "Down", "Enter", "3"]);
        is_harmless(&browser, "selected");
        browser.resize(PHONE);
        browser.open(&url);
        fits(&browser, 390.0, &url);
        browser.resize(DESKTOP);
        assert_eq!(browser.complaints(&url), Vec::<String>::new());
    }
    assert!(Path::new(&source).exists());
}

/// What a manifest says: nodes, servers, users, reasons, versions, commands.
#[test]
fn words_of_a_manifest_stay_text() {
    const HOSTILE: &str = "<script>window.hacked=1</script>\"'><img src=x onerror=window.hacked=1>\u{202e}{{data}}";
    const FIELDS: [&str; 16] = [
        "node",
        "nodes",
        "tool",
        "command",
        "url",
        "server",
        "kubelet_version",
        "go_version",
        "kubernetes_version",
        "build_id",
        "boot_id",
        "who",
        "why",
        "remedy",
        "artifact",
        "type",
    ];
    fn spoil(value: &mut serde_json::Value, field: &str) {
        match value {
            serde_json::Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| spoil(value, name)),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, field)),
            serde_json::Value::String(text) if FIELDS.contains(&field) => HOSTILE.clone_into(text),
            _ => {}
        }
    }
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let packed = super::fixture("../bundle/two-nodes.tar.gz");
    let packed = flate2::read::GzDecoder::new(std::fs::File::open(packed).unwrap());
    tar::Archive::new(packed).unpack(folder.path()).unwrap();
    let bundle = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let journal = bundle.join("manifest.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let spoiled = text.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        spoil(&mut line, "");
        format!("{line}\n")
    });
    std::fs::write(&journal, spoiled.collect::<String>()).unwrap();
    let url = page(folder.path(), &["report", bundle.to_str().unwrap()]);
    let written = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(written.matches("hacked").count() > 5, "the words are on the page");
    for look in [DESKTOP, PHONE] {
        browser.resize(look);
        browser.open(&url);
        is_harmless(&browser, &url);
        fits(&browser, f64::from(look.width), &url);
    }
    let open =
        "document.querySelectorAll('details').forEach((d) => { d.open = true; }); return document.body.innerText;";
    let shown = browser.run(open);
    assert!(
        shown.as_str().unwrap().contains("<script>window.hacked=1</script>"),
        "as text"
    );
    is_harmless(&browser, &url);
    assert_eq!(browser.complaints(&url), Vec::<String>::new());
}

/// Pages of the servers, with hostile profiles, folders and addresses.
#[cfg(feature = "web")]
#[test]
fn served_pages_stay_text() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = folder
        .path()
        .join("<script>window.hacked=1<script>'\"><img src=x onerror=window.hacked=1>");
    std::fs::create_dir(&source).unwrap();
    let profile = source.join("\"><img src=x onerror=window.hacked=1>.pb.gz");
    std::fs::write(&profile, heap(1_795_459_535_000_000_000, 1, 20_000)).unwrap();
    let pprof = super::Server::start(&["pprof", "-http=127.0.0.1:0", "-no_browser", profile.to_str().unwrap()]);
    let attacks = [
        "",
        "f=%3Cscript%3Ewindow.hacked=1%3C/script%3E",
        "f=.&x=%22%3E%3Cimg%20src=x%20onerror=window.hacked=1%3E",
        "si=%22onfocus=window.hacked=1%20autofocus=%22&f=.",
        "h=%00%ff%22%27%3C&unit=%3Cscript%3Ewindow.hacked=1%3C/script%3E",
    ];
    for place in [
        "top",
        "graph",
        "peek",
        "source",
        "disasm",
        "flamegraph",
        "%3Cscript%3Ewindow.hacked=1%3C/script%3E",
    ] {
        // Every page has the same head; two show what all attacks may reach.
        let few = if matches!(place, "top" | "source") {
            attacks.len()
        } else {
            2
        };
        for attack in &attacks[..few] {
            for look in if attack.is_empty() {
                [DESKTOP, PHONE].as_slice()
            } else {
                &[DESKTOP]
            } {
                let url = format!("{}{place}?{attack}", pprof.url);
                browser.resize(*look);
                browser.visit(&url);
                let program = browser.run("return document.querySelector('#data') ? 2 : 0;");
                has_only_its_own(&browser, &url, program.as_u64().unwrap());
                // A refusal is plain text, which the browser lays out as it likes.
                if browser.run("return document.contentType;") == json!("text/html") {
                    fits(&browser, f64::from(look.width), &url);
                }
            }
        }
    }
    browser.resize(DESKTOP);
    let shelf = super::Server::start(&["web", "--no-browser", folder.path().to_str().unwrap()]);
    browser.visit(&shelf.url);
    has_only_its_own(&browser, &shelf.url, 0);
    assert!(
        browser.text("main").contains("<img src=x onerror=window.hacked=1>"),
        "as text"
    );
    fits(&browser, f64::from(DESKTOP.width), &shelf.url);
}
