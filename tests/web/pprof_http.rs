//! `kubeprof pprof -http`: pprof's addresses with their parameters.

use std::process::Command;

use super::{Server, fixture};

fn heap() -> String {
    fixture("captures/ctx-leak-1.36.1/s10-heap.pb.gz")
}

fn serve(more: &[&str]) -> Server {
    let heap = heap();
    Server::start(&[&["pprof", "-http=127.0.0.1:0", "-no_browser"], more, &[heap.as_str()]].concat())
}

fn pprof(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
        .arg("pprof")
        .args(args)
        .env("TZ", "UTC")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Names and raw flat values of `/top`.
fn rows(page: &str) -> Vec<(String, i64)> {
    let row = |line: &str| {
        let flat = line.split("data-value=\"").nth(1)?.split('"').next()?.parse().ok()?;
        let name = line.split("\">").last()?.split("</a>").next()?;
        Some((
            name.replace("&#39;", "'").replace("&lt;", "<").replace("&amp;", "&"),
            flat,
        ))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn addresses_and_their_status() {
    let server = serve(&[]);
    // As google/pprof answers them at /ui/, and the same without.
    let table: &[(&str, u16, &str)] = &[
        ("/", 307, ""),
        ("/ui", 307, ""),
        ("/ui/", 301, ""),
        ("/ui/flamegraph", 200, "kubeprof/page/1"),
        ("/flamegraph", 200, "kubeprof/page/1"),
        ("/ui/flamegraph2", 301, ""),
        ("/ui/flamegraphold", 301, ""),
        ("/ui/top", 200, "context.withCancel"),
        ("/top", 200, "context.withCancel"),
        ("/top?f=startPodSync", 200, "startPodSync"),
        ("/top?f=nothing_is_called_so", 200, "<table>"),
        ("/ui/graph", 200, "<svg"),
        ("/graph?f=startPodSync&n=10", 200, "<svg"),
        ("/peek?f=startPodSync", 200, "startPodSync"),
        ("/ui/peek?f=nothing_is_called_so", 400, "no matches"),
        ("/source?f=startPodSync", 200, "startPodSync"),
        ("/download", 200, ""),
        ("/top?f=(", 400, "regular expression"),
        ("/top?si=no_such_type", 400, "no_such_type"),
        ("/top?g=no_such_granularity", 400, "no_such_granularity"),
        ("/top?n=abc", 400, "abc"),
        ("/ui/saveconfig?config=x", 405, "nothing can be changed"),
        ("/ui/deleteconfig?config=x", 405, "nothing can be changed"),
        ("/etc/passwd", 404, ""),
        ("/ui/../../etc/passwd", 400, ""),
        ("/debug/pprof/heap", 404, ""),
    ];
    for (path, status, content) in table {
        let answer = server.get(path);
        assert_eq!(
            answer.status,
            *status,
            "{path}: {}",
            answer.body.chars().take(300).collect::<String>()
        );
        assert!(
            answer.body.contains(content),
            "{path}: {}",
            answer.body.chars().take(300).collect::<String>()
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
    }
    assert_eq!(
        server.get("/?f=a%26b").header("location"),
        Some("ui/?f=a%26b"),
        "parameters are kept"
    );
    assert_eq!(
        server.get("/ui/?si=alloc_space").header("location"),
        Some("flamegraph?si=alloc_space")
    );
    let download = server.get("/download");
    assert_eq!(
        download.header("content-disposition"),
        Some("attachment;filename=profile.pb.gz")
    );
    assert_eq!(&download.bytes[..2], &[0x1f, 0x8b]);
    assert_eq!(server.stop(), Some(0), "a stop is no failure");
}

#[test]
fn parameters_have_the_numbers_of_flags() {
    let server = serve(&[]);
    for (query, flags) in [
        ("", vec![]),
        ("f=startPodSync", vec!["-focus=startPodSync"]),
        ("i=cadvisor", vec!["-ignore=cadvisor"]),
        ("h=^context", vec!["-hide=^context"]),
        ("s=kubelet", vec!["-show=kubelet"]),
        ("sf=podWorkers", vec!["-show_from=podWorkers"]),
        ("si=alloc_objects", vec!["-sample_index=alloc_objects"]),
        ("g=files", vec!["-files"]),
        ("g=lines&f=startPodSync", vec!["-lines", "-focus=startPodSync"]),
        ("sort=cum", vec!["-cum"]),
        ("noinlines=true", vec!["-noinlines"]),
        ("trim=false&f=grpc", vec!["-trim=false", "-focus=grpc"]),
        ("nf=0.1", vec!["-nodefraction=0.1"]),
        ("tf=bytes=48:200", vec!["-tagfocus=bytes=48:200"]),
        ("prunefrom=startPodSync", vec!["-prune_from=startPodSync"]),
    ] {
        let page = server.get(&format!("/top?{query}"));
        assert_eq!(page.status, 200, "{query}");
        let heap = heap();
        let text = pprof(
            &[
                &["-top", "-unit=B", "-nodecount=500"],
                flags.as_slice(),
                &[heap.as_str()],
            ]
            .concat(),
        );
        let rows = rows(&page.body);
        let lines: Vec<&str> = text
            .lines()
            .skip_while(|l| !l.trim_start().starts_with("flat"))
            .skip(1)
            .collect();
        assert_eq!(rows.len(), lines.len(), "{query}");
        for ((name, flat), line) in rows.iter().zip(lines) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let value: f64 = words[0].trim_end_matches(['B', 'k', 'M']).parse().unwrap();
            assert!((value - *flat as f64).abs() < 1.0, "{query}: {flat} {line}");
            let shown = words[5..].join(" ");
            assert!(
                shown
                    .trim_end_matches(" (inline)")
                    .trim_end_matches(" (partial-inline)")
                    == name,
                "{query}: {name} | {line}"
            );
        }
    }
    // An option of the command line stays in force, and an empty parameter does not clear it.
    let focused = serve(&["-focus=startPodSync"]);
    let (all, some) = (
        rows(&server.get("/top").body).len(),
        rows(&focused.get("/top?f=").body).len(),
    );
    assert!(some > 0 && some < all, "{some} {all}");
}

#[test]
fn strangers_are_sent_away() {
    let server = serve(&[]);
    for host in ["evil.example", "evil.example:80", "127.0.0.1:1"] {
        assert_eq!(server.ask("GET", "/top", &[("Host", host)]).status, 403, "{host}");
    }
    assert_eq!(
        server.ask("GET", "/top", &[("Origin", "http://evil.example")]).status,
        403
    );
    let frame = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "iframe"),
    ];
    assert_eq!(server.ask("GET", "/top", &frame).status, 403);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = server.ask(method, "/top", &[]);
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
    let head = server.ask("HEAD", "/top", &[]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(server.ask("GET", "/top", &[("Content-Length", "5")]).status, 413);
    // What is no HTTP is no answer, and the server lives on.
    for garbage in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ] {
        let answer = server.raw(&[garbage, &b"x".repeat(40_000)].concat());
        assert!(answer.status == 0 || answer.status >= 400, "{}", answer.head);
    }
    let long = format!("/top?f={}", "a".repeat(30_000));
    assert!(server.get(&long).status >= 400);
    assert_eq!(server.get("/top").status, 200);
}

#[test]
fn elsewhere_a_token_is_needed() {
    let heap = heap();
    let mut server = Server::start(&["pprof", "-http=0.0.0.0:0", "-no_browser", &heap]);
    assert_eq!(server.prefix.len(), 33, "{}", server.prefix);
    assert_eq!(server.get("/top").status, 200);
    assert_eq!(server.get("").status, 307);
    let token = std::mem::take(&mut server.prefix);
    for path in ["/top", "/", "/ui/top"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert_eq!(server.get(&format!("{}/top", &token[..token.len() - 1])).status, 404);
}

#[test]
fn pages_come_zipped_where_the_browser_can() {
    let server = serve(&[]);
    let plain = server.get("/flamegraph");
    let zipped = server.ask("GET", "/flamegraph", &[("Accept-Encoding", "br, gzip;q=0.8")]);
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.bytes.len() * 2 < plain.bytes.len());
    assert_eq!(plain.header("content-encoding"), None);
}

#[test]
fn hostile_names_are_text_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("<img src=x onerror=alert(1)>.pb.gz");
    std::fs::copy(heap(), &path).unwrap();
    let server = Server::start(&["pprof", "-http=127.0.0.1:0", "-no_browser", path.to_str().unwrap()]);
    let attack = "%3Cscript%3Ealert(1)%3C/script%3E%22%27%3E";
    for page in ["top", "graph", "peek", "source", "disasm", "flamegraph"] {
        let answer = server.get(&format!("/{page}?f={attack}&x={attack}"));
        if answer.status != 200 {
            // What was asked for is repeated, in a text that no browser takes for a page.
            assert_eq!(
                answer.header("content-type"),
                Some("text/plain; charset=utf-8"),
                "{page}"
            );
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{page}");
            continue;
        }
        for word in ["<script>alert", "<img", "\"'>"] {
            assert!(!answer.body.contains(word), "{page} {word}");
        }
        assert!(answer.body.contains("Content-Security-Policy"), "{page}");
        assert!(!answer.body.contains("unsafe-inline"), "{page}");
    }
}
