//! Servers that break off, drip, stall, lie about lengths or never end: every run ends in bounded time with a sound bundle.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::run::{Ran, capture, events, journal, lack, sound, there};
use super::server::{How, Reply, Server, fixture};

const PATIENCE: Duration = Duration::from_secs(12);

/// A server whose heap profile comes like this; everything else is well.
fn heap(how: How, body: Vec<u8>) -> Server {
    Server::start(move |r| {
        let heap = r.at_kubelet().1 == "/debug/pprof/heap";
        heap.then(|| Reply::new(200, "application/octet-stream", body.clone()).how(how.clone()))
    })
}

/// Runs against it; nothing but the heap profile may be missing.
fn without_heap(server: &Server, args: &[&str]) -> (Ran, serde_json::Value) {
    let out = server.path("b");
    let mut all = vec!["worker-03", "--profiles", "goroutine,heap,allocs"];
    all.extend(args);
    if !args.contains(&"--timeout") {
        all.extend(["--timeout", "2s"]);
    }
    let ran = capture(server, &out, &all);
    assert!(ran.took < PATIENCE, "{ran:#?}");
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    sound(&out);
    assert_eq!(
        there(&out),
        ["healthz", "metrics", "goroutine", "allocs"],
        "one never stops the others: {ran:#?}"
    );
    let lack = lack(&out, "heap");
    assert_eq!(lack["event"], "failed");
    assert!(ran.stdout.contains("heap") && ran.stderr.contains("hint:"), "{ran:#?}");
    (ran, lack)
}

fn why(lack: &serde_json::Value) -> &str {
    lack["why"].as_str().expect("a reason")
}

#[test]
fn slow_drip() {
    let pause = Duration::from_millis(100);
    let server = heap(How::Drip { chunk: 10, pause }, fixture("gotext/heap.pb.gz"));
    let (_, lack) = without_heap(&server, &[]);
    assert!(why(&lack).contains("bytes in 2 s"), "{lack:#}");
    assert!(
        lack["remedy"].as_str().expect("a remedy").contains("--timeout"),
        "{lack:#}"
    );
}

#[test]
fn stall() {
    let server = heap(How::StallAfter(100), fixture("gotext/heap.pb.gz"));
    let (_, lack) = without_heap(&server, &[]);
    assert!(why(&lack).contains("100 bytes"), "{lack:#}");
}

#[test]
fn silence() {
    let server = heap(How::Silence, Vec::new());
    let (_, lack) = without_heap(&server, &[]);
    assert!(why(&lack).contains("no answer in 2 s"), "{lack:#}");
    assert_eq!(lack["exchange"]["status"], serde_json::Value::Null);
}

#[test]
fn closed_without_a_word() {
    let server = heap(How::Close, Vec::new());
    let (_, lack) = without_heap(&server, &[]);
    assert!(why(&lack).contains("ended without an answer"), "{lack:#}");
}

#[test]
fn no_bytes() {
    let server = heap(How::Whole, Vec::new());
    let (_, lack) = without_heap(&server, &[]);
    assert!(why(&lack).contains("no bytes"), "{lack:#}");
    assert_eq!(
        lack["exchange"]["attempts"], 2,
        "it was worth asking once more: {lack:#}"
    );
}

#[test]
fn endless() {
    let server = heap(How::Endless, vec![0x1f; 1 << 16]);
    let (_, lack) = without_heap(&server, &["--max-bytes", "3MB", "--timeout", "6s"]);
    assert!(why(&lack).contains("3145728 bytes"), "{lack:#}");
    assert_eq!(lack["who"], "kubeprof");
}

#[test]
fn an_endless_refusal() {
    let server = Server::start(|r| {
        let heap = r.at_kubelet().1 == "/debug/pprof/heap";
        heap.then(|| Reply::text(500, &"x".repeat(1 << 16)).how(How::Endless))
    });
    let (_, lack) = without_heap(&server, &["--timeout", "6s"]);
    assert!(why(&lack).contains("status 500"), "{lack:#}");
    assert_eq!(lack["body"].as_str().expect("a body").len(), 4096);
}

#[test]
fn wrong_lengths() {
    let body = fixture("gotext/heap.pb.gz");
    let short = heap(How::Announce(body.len() / 2), body.clone());
    let (_, lack) = without_heap(&short, &[]);
    assert!(why(&lack).contains("not what was asked for"), "{lack:#}");
    let long = heap(How::Announce(body.len() + 1000), body);
    let (_, lack) = without_heap(&long, &[]);
    assert!(
        why(&lack).contains("ended in the middle") || why(&lack).contains("more came"),
        "{lack:#}"
    );
}

#[test]
fn a_bomb_in_the_encoding() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&[0u8; 1 << 20]).expect("memory");
    }
    let bomb = encoder.finish().expect("memory");
    let server = Server::start(move |r| {
        let heap = r.at_kubelet().1 == "/debug/pprof/heap";
        heap.then(|| Reply::new(200, "application/octet-stream", bomb.clone()).header("Content-Encoding", "gzip"))
    });
    let (_, lack) = without_heap(&server, &["--max-bytes", "2MB"]);
    assert!(why(&lack).contains("2097152 bytes"), "{lack:#}");
}

#[test]
fn a_body_that_is_not_encoded_as_it_says() {
    let server = Server::start(move |r| {
        let heap = r.at_kubelet().1 == "/debug/pprof/heap";
        heap.then(|| Reply::text(200, "Debug endpoints are disabled.\n").header("Content-Encoding", "gzip"))
    });
    let (_, lack) = without_heap(&server, &[]);
    assert!(why(&lack).contains("Content-Encoding is gzip"), "{lack:#}");
}

#[test]
fn an_error_text_under_status_200() {
    let server = heap(How::Whole, b"profiling endpoint is disabled.\n".to_vec());
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "heap", "--timeout", "2s"]);
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    sound(&out);
    assert!(why(&lack(&out, "heap")).contains("enableProfilingHandler"));
}

/// The connection ends after a byte position of a profile; one server, one capture for many positions.
#[test]
fn a_cut_at_every_byte() {
    let body = fixture("gotext/goroutine.pb.gz");
    // KUBEPROF_CUTS=all for every one; else all near both ends and some between.
    let all = std::env::var("KUBEPROF_CUTS").is_ok_and(|v| v == "all");
    let cuts: Vec<usize> = (0..body.len())
        .filter(|at| all || *at < 32 || at + 32 > body.len() || at % 16 == 0)
        .collect();
    let positions = cuts.len();
    let at = Arc::new(AtomicUsize::new(0));
    let (next, whole) = (Arc::clone(&at), body.clone());
    let server = Server::start(move |r| {
        if r.at_kubelet().1 != "/debug/pprof/goroutine" {
            return None;
        }
        let position = next.fetch_add(1, Ordering::Relaxed);
        Some(Reply::new(200, "application/octet-stream", whole.clone()).how(How::CutAfter(cuts[position % positions])))
    });
    // A snapshot asks twice, so two positions each; on a fast grid, in several bundles.
    let mut bundle = 0;
    while at.load(Ordering::Relaxed) < positions {
        let out = server.path(&format!("b{bundle}"));
        let nodes: Vec<String> = (0..64).map(|i| format!("node-{i}")).collect();
        let mut args: Vec<&str> = nodes.iter().map(String::as_str).collect();
        args.extend(["--profiles", "goroutine", "--timeout", "30s", "--parallel", "64", "-q"]);
        let ran = capture(&server, &out, &args);
        assert!(ran.took < Duration::from_secs(240), "{ran:#?}");
        assert_eq!(ran.code, Some(3), "{ran:#?}");
        sound(&out);
        assert!(
            there(&out).iter().all(|t| t != "goroutine"),
            "no position makes half a profile a profile"
        );
        assert_eq!(events(&out, "failed").len(), nodes.len());
        bundle += 1;
        assert!(bundle < 100, "positions are used up");
    }
}

#[test]
fn a_break_that_passes_is_not_seen() {
    let first = Arc::new(Mutex::new(true));
    let server = Server::start(move |r| {
        let heap = r.at_kubelet().1 == "/debug/pprof/heap";
        let first = heap && std::mem::take(&mut *first.lock().expect("a flag"));
        first.then(|| Reply::new(200, "application/octet-stream", fixture("gotext/heap.pb.gz")).how(How::CutAfter(50)))
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    let heap = events(&out, "artifact")
        .into_iter()
        .find(|e| e["artifact"] == "heap")
        .expect("heap");
    assert_eq!(heap["exchange"]["attempts"], 2);
}

/// Debugging handlers off: metrics and health are taken, nothing below /debug/ is asked for twice.
#[test]
fn debugging_off_still_gives_metrics() {
    let server = Server::start(|r| {
        let path = r.at_kubelet().1;
        if path.starts_with("/debug/") {
            Some(Reply::fixture("debugging-off-405-heap.http"))
        } else if path == "/configz" || path == "/flagz" || path == "/statusz" {
            Some(Reply::fixture("debugging-off-404-configz.http"))
        } else {
            None
        }
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03"]);
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    sound(&out);
    assert_eq!(there(&out), ["healthz", "metrics", "version", "node"]);
    let asked = server.seen().iter().filter(|r| r.path.contains("/debug/")).count();
    assert_eq!(asked, 1, "{:#?}", server.seen());
    assert_eq!(lack(&out, "cpu")["who"], "handler");
    assert!(
        ran.stderr.contains("enableDebuggingHandlers: true") && ran.stderr.contains("metrics"),
        "{ran:#?}"
    );
}

/// A kubelet whose sync loop is stuck says so itself: that is kept, and told.
#[test]
fn a_failing_health_check_is_said() {
    let text = "[+]ping ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n";
    let server = Server::start(move |r| (r.at_kubelet().1 == "/healthz").then(|| Reply::text(500, text)));
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stderr.contains("health check fails: syncloop failed"), "{ran:#?}");
    assert!(there(&out).contains(&"healthz".to_owned()), "an answer is an answer");
}

#[test]
fn no_right_no_node_no_kubelet() {
    for (fixture, words) in [
        ("api-403-viewer.http", "--resource=nodes/proxy"),
        ("api-404-no-such-node.http", "kubectl get nodes"),
        ("kubelet-down-503.http", "systemctl status kubelet"),
        ("api-401-bad-token.http", "renew"),
    ] {
        let server = Server::start(move |r| r.path.contains("/proxy/").then(|| Reply::fixture(fixture)));
        let out = server.path("b");
        let ran = capture(&server, &out, &["worker-03"]);
        assert_eq!(ran.code, Some(2), "{fixture}: {ran:#?}");
        assert!(ran.stderr.contains(words), "{fixture}: {ran:#?}");
        let asked = server.seen().iter().filter(|r| r.path.contains("/proxy/")).count();
        assert!(asked <= 2, "{fixture}: {:#?}", server.seen());
    }
}

#[test]
fn another_profiler_is_waited_for_once() {
    let first = Arc::new(Mutex::new(true));
    let server = Server::start(move |r| {
        let cpu = r.at_kubelet().1 == "/debug/pprof/profile";
        let first = cpu && std::mem::take(&mut *first.lock().expect("a flag"));
        first.then(|| Reply::fixture("kubelet-500-cpu-profile-in-use.http"))
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "cpu", "--seconds", "1"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(
        ran.took > Duration::from_secs(3),
        "it waits as long as the other may take: {ran:#?}"
    );
    assert!(ran.stderr.contains("retrying in 2 s"), "{ran:#?}");
}

#[test]
fn nobody_is_there() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    // A port that was just let go.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a port");
    let url = format!("https://{closed}");
    let ran = capture(&server, &out, &["worker-03", "--server", &url, "--timeout", "3s"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.stderr.contains("nothing listens"), "{ran:#?}");
    assert!(ran.took < PATIENCE, "{ran:#?}");
    // Another CA.
    let ran = super::run::kubeprof(&[
        "capture",
        "worker-03",
        "--server",
        &server.url(),
        "--token",
        "x",
        "--out",
        &server.path("c").display().to_string(),
    ]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("not trusted") && ran.stderr.contains("--certificate-authority"),
        "{ran:#?}"
    );
    // TLS to a plain port.
    let plain = Server::with(super::server::Kubelet::default(), false, |_| None);
    let ran = super::run::kubeprof(&[
        "capture",
        "--direct",
        &plain.address.to_string(),
        "--insecure-skip-tls-verify",
        "--out",
        &server.path("d").display().to_string(),
    ]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.stderr.contains("does not speak TLS"), "{ran:#?}");
    // A name without an address.
    let ran = capture(
        &server,
        &server.path("e"),
        &["worker-03", "--server", "https://nowhere.invalid:6443"],
    );
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("has no address") || ran.stderr.contains("cannot be reached"),
        "{ran:#?}"
    );
}

#[test]
fn a_port_forward_to_a_pod_is_no_kubelet() {
    let server = Server::start(|r| {
        let metrics = r.at_kubelet().1 == "/metrics";
        metrics.then(|| {
            Reply::text(
                200,
                "go_goroutines 5\nprocess_start_time_seconds 1.7e9\ncoredns_build_info 1\n",
            )
        })
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03"]);
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(
        ran.stderr.contains("is not a kubelet") && ran.stderr.contains("port-forward"),
        "{ran:#?}"
    );
    assert!(
        journal(&out)
            .iter()
            .all(|e| e["artifact"] != "heap" || e["event"] == "failed")
    );
    assert_eq!(server.seen().iter().filter(|r| r.path.contains("/debug/")).count(), 0);
}

#[test]
fn broken_heads_are_told_apart() {
    let body = fixture("gotext/heap.pb.gz");
    let with = |head: &[u8]| [head, &body].concat();
    let large = format!("HTTP/1.1 200 OK\r\nX-Filler: {}\r\n\r\n", "x".repeat(2 << 20));
    for (bytes, words) in [
        (
            with(b"HTTP/1.1 200 OK\r\nContent-Length: 12x\r\n\r\n"),
            "malformed HTTP response",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), "does not speak HTTP"),
        (with(large.as_bytes()), "too large"),
    ] {
        let server = heap(How::Raw, bytes);
        let (_, lack) = without_heap(&server, &[]);
        assert!(why(&lack).contains(words), "{lack:#}");
        assert!(!why(&lack).contains("ended without an answer"), "{lack:#}");
    }
}

#[test]
fn a_profile_without_a_length_is_kept_when_it_is_whole() {
    let profile = fixture("gotext/heap.pb.gz");
    let head = b"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n";
    let server = heap(How::Raw, [head, &profile[..]].concat());
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    let kept = events(&out, "artifact")
        .into_iter()
        .find(|e| e["artifact"] == "heap")
        .expect("heap");
    assert_eq!(kept["bytes"], profile.len());
    let note = kept["exchange"]["note"].as_str().expect("a note");
    assert!(note.contains("no length"), "{note}");
    assert!(ran.stderr.contains("no length"), "{ran:#?}");
    // Half of one is half of one.
    let server = heap(How::Raw, [head, &profile[..profile.len() - 4]].concat());
    let (_, lack) = without_heap(&server, &[]);
    assert!(why(&lack).contains("ended in the middle"), "{lack:#}");
}
