//! Captures that come through.

use std::io::Write as _;

use super::run::{capture, command, events, journal, kubeprof, lack, sound, there};
use super::server::{Kubelet, Reply, Server, fixture};

#[test]
fn everything_of_a_healthy_kubelet() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--seconds", "1"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    let there = there(&out);
    for name in [
        "healthz",
        "metrics",
        "goroutine",
        "goroutine.debug2",
        "heap",
        "allocs",
        "version",
        "node",
        "cmdline",
        "configz",
        "flagz",
        "statusz",
        "threadcreate",
        "mutex",
        "block",
        "cpu",
    ] {
        assert!(there.iter().any(|t| t == name), "{name}: {there:?}");
    }
    assert_eq!(lack(&out, "goroutineleak")["event"], "skipped");
    // The bytes are the server's.
    let heap = events(&out, "artifact")
        .into_iter()
        .find(|e| e["artifact"] == "heap")
        .expect("heap");
    let bytes = std::fs::read(out.join(heap["path"].as_str().expect("a path"))).expect("a file");
    assert_eq!(bytes, fixture("gotext/heap.pb.gz"));
    assert!(heap["facts"]["samples"].as_u64().expect("samples") > 0);
    assert_eq!(heap["exchange"]["status"], 200);
    let run = &events(&out, "run")[0];
    assert_eq!(
        (run["boot_id"].as_str(), run["kubelet_version"].as_str()),
        (Some("boot-1"), Some("v1.36.1"))
    );
    // Empty and why: the last word on the process.
    let server_of_empty = Server::start(|r| match (r.at_kubelet().1, r.param("debug")) {
        ("/debug/pprof/mutex" | "/debug/pprof/block", None) => {
            let empty = fixture("captures/healthy-1.37.2/last-mutex.pb.gz");
            Some(Reply::new(200, "application/octet-stream", empty))
        }
        _ => None,
    });
    let empty = server_of_empty.path("b");
    let args = ["worker-03", "--profiles", "configz,mutex,block"];
    assert_eq!(capture(&server_of_empty, &empty, &args).code, Some(0));
    let last = events(&empty, "run").pop().expect("a run");
    assert!(
        last["facts"]["mutex_profile"]
            .as_str()
            .expect("mutex")
            .starts_with("off"),
        "{last:#}"
    );
    assert!(
        last["facts"]["block_profile"]
            .as_str()
            .expect("block")
            .starts_with("off"),
        "{last:#}"
    );
    assert_eq!(
        events(&out, "run").pop().expect("a run")["facts"]["mutex_profile"],
        "data"
    );
    // Secrets never enter, neither the kubelet's nor ours.
    let all: String = ["manifest.jsonl", "manifest.json", "worker-03/run-1/cmdline.txt"]
        .iter()
        .map(|f| std::fs::read_to_string(out.join(f)).expect("a file"))
        .collect();
    assert!(
        !all.contains("hunter2") && !all.contains("Bearer") && all.contains("--token=***"),
        "{all}"
    );
    assert!(server.seen().iter().all(|r| !r.path.contains("/pods")));
    // What tells the process first, then cheap and hang-proof; only GET.
    let asked: Vec<String> = server.seen().iter().map(|r| r.at_kubelet().1.to_owned()).collect();
    let at = |path: &str| {
        asked
            .iter()
            .position(|p| p == path)
            .unwrap_or_else(|| panic!("{path}: {asked:?}"))
    };
    assert!(at("/metrics") < at("/healthz") && at("/healthz") < at("/debug/pprof/goroutine"));
    assert!(at("/debug/pprof/heap") < at("/debug/pprof/profile"));
    assert!(at("/debug/pprof/profile") < at("/debug/pprof/goroutineleak"));
    assert!(
        server
            .seen()
            .iter()
            .all(|r| r.method == "GET" || r.path.ends_with("selfsubjectaccessreviews"))
    );
    assert!(ran.stdout.contains("heap") && ran.stderr.contains("Next:"), "{ran:#?}");
    // Other commands read it in place.
    let top = kubeprof(&["top", &out.display().to_string(), "--kind", "heap"]);
    assert_eq!(top.code, Some(0), "{top:#?}");
}

#[test]
fn directly_and_through_kubectl_proxy() {
    let server = Server::start(|_| None);
    let ca = server.ca().display().to_string();
    let out = server.path("direct");
    let address = server.address.to_string();
    let ran = kubeprof(&[
        "capture",
        "--direct",
        &address,
        "--certificate-authority",
        &ca,
        "--token",
        "s3cret",
        "--out",
        &out.display().to_string(),
        "--quick",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    let asked = server.seen();
    assert!(asked.iter().all(|r| !r.path.contains("/proxy")), "{asked:#?}");
    assert!(
        asked
            .iter()
            .all(|r| r.headers.get("authorization").is_some_and(|a| a == "Bearer s3cret"))
    );
    let started = &journal(&out)[0];
    assert_eq!(started["asked"]["route"], "direct");
    assert!(!started.to_string().contains("s3cret"), "{started}");
    assert!(
        there(&out).iter().all(|t| t != "node" && t != "version"),
        "there is no API server on this way"
    );

    let plain = Server::with(Kubelet::default(), false, |_| None);
    let out = plain.path("via");
    let ran = kubeprof(&[
        "capture",
        "worker-03",
        "--via",
        &plain.url(),
        "--out",
        &out.display().to_string(),
        "--quick",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    assert!(
        plain
            .seen()
            .iter()
            .any(|r| r.path == "/api/v1/nodes/worker-03/proxy/debug/pprof/heap")
    );
}

#[test]
fn users_tokens_and_other_peoples_names() {
    let server = Server::start(|_| None);
    let ran = capture(
        &server,
        &server.path("as"),
        &[
            "worker-03",
            "--quick",
            "--as",
            "jane",
            "--as-group",
            "sre",
            "--as-group",
            "dev",
            "--token",
            "other",
        ],
    );
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for r in server.seen() {
        assert_eq!(
            r.headers.get("authorization").map(String::as_str),
            Some("Bearer other"),
            "{r:?}"
        );
        assert_eq!(
            r.headers.get("impersonate-user").map(String::as_str),
            Some("jane"),
            "{r:?}"
        );
    }
    // An exec plugin makes the credentials.
    let plugin = server.path("plugin.sh");
    let mut script = std::fs::File::create(&plugin).expect("a script");
    writeln!(
        script,
        "#!/bin/sh\necho '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"from-plugin\"}}}}'"
    )
    .expect("written");
    drop(script);
    let user = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [\"{}\"], interactiveMode: Never}}",
        plugin.display()
    );
    let config = server.path("exec-config");
    std::fs::write(&config, server.config(&user)).expect("a kubeconfig");
    let before = server.seen().len();
    // By KUBECONFIG, as the second of a list whose first is not there.
    let out = server.path("exec");
    let list = format!("{}:{}", server.path("nothing").display(), config.display());
    let ran = command(&["capture", "worker-03", "--quick", "--out", &out.display().to_string()])
        .env("KUBECONFIG", list)
        .env("PATH", "/usr/bin:/bin")
        .output()
        .expect("kubeprof runs");
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let asked = server.seen();
    assert!(asked[before..].iter().all(|r| {
        r.headers
            .get("authorization")
            .is_some_and(|a| a == "Bearer from-plugin")
    }));
}

#[test]
fn encoded_bodies_are_stored_as_content() {
    let server = Server::start(|r| match r.at_kubelet().1 {
        "/metrics" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder
                .write_all(b"go_goroutines 5\nkubelet_running_pods 1\nprocess_start_time_seconds 1.7e9\n")
                .expect("memory");
            let body = encoder.finish().expect("memory");
            Some(Reply::new(200, "text/plain", body).header("Content-Encoding", "GZIP"))
        }
        _ => None,
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "metrics,heap"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let metrics = events(&out, "artifact")
        .into_iter()
        .find(|e| e["artifact"] == "metrics")
        .expect("metrics");
    let text = std::fs::read_to_string(out.join(metrics["path"].as_str().expect("a path"))).expect("text");
    assert!(text.starts_with("go_goroutines 5"), "{text}");
    assert_eq!(metrics["exchange"]["headers"]["content-encoding"], "GZIP");
}

#[test]
fn nothing_is_overwritten_and_nothing_unknown_is_taken() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    assert_eq!(
        capture(&server, &out, &["worker-03", "--profiles", "heap"]).code,
        Some(0)
    );
    let ran = capture(&server, &out, &["worker-03", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("not overwritten") && ran.stderr.contains("--resume"),
        "{}",
        ran.stderr
    );
    let ran = capture(&server, &server.path("c"), &["worker-03", "--profiles", "heap,pods"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("\"pods\"") && ran.stderr.contains("goroutine.debug2"),
        "{}",
        ran.stderr
    );
    let ran = capture(&server, &server.path("d"), &["worker-03", "--seconds", "90"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--allow-long-cpu"), "{}", ran.stderr);
    let ran = kubeprof(&["capture", "worker-03", "--out", &server.path("e").display().to_string()]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("--kubeconfig") && ran.stderr.contains("--direct"),
        "{}",
        ran.stderr
    );
}

#[test]
fn fifty_nodes_side_by_side_but_not_at_once() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    let nodes: Vec<String> = (0..50).map(|i| format!("node-{i:02}")).collect();
    let (config, target) = (server.kubeconfig().display().to_string(), out.display().to_string());
    let mut args = vec![
        "capture",
        "--kubeconfig",
        &config,
        "--out",
        &target,
        "--quick",
        "--parallel",
        "8",
        "-q",
    ];
    args.extend(nodes.iter().map(String::as_str));
    let mut child = command(&args)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("kubeprof starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let code = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = line
            .and_then(|l| l.split_whitespace().next())
            .and_then(|n| n.parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0));
        if let Some(status) = child.try_wait().expect("a status") {
            break status.code();
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert_eq!(code, Some(0));
    assert!((1..50 << 10).contains(&most), "{most} KiB at most");
    sound(&out);
    for node in &nodes {
        let heaps = events(&out, "artifact")
            .into_iter()
            .filter(|e| e["node"] == node.as_str() && e["artifact"] == "heap");
        assert_eq!(heaps.count(), 1, "{node}");
    }
    let most = server.most_at_once();
    assert!((2..=8).contains(&most), "{most} requests at once");
}

/// A proxy that knows CONNECT; counts what it let through.
fn connect_proxy() -> (std::net::SocketAddr, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::io::{BufRead, BufReader};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let passed = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&passed);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let count = std::sync::Arc::clone(&count);
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut reader = BufReader::new(client.try_clone()?);
                let mut first = String::new();
                reader.read_line(&mut first)?;
                let mut line = String::new();
                while reader.read_line(&mut line)? > 2 {
                    line.clear();
                }
                let target = first.split_whitespace().nth(1).unwrap_or_default().to_owned();
                let server = std::net::TcpStream::connect(target)?;
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                std::io::copy(&mut reader, &mut &server).map(drop)
            });
        }
    });
    (address, passed)
}

#[test]
fn proxies_of_the_kubeconfig_and_of_the_environment() {
    let server = Server::start(|_| None);
    let (address, passed) = connect_proxy();
    let config = server.path("proxied");
    let text = server.config("token: abc").replace(
        "certificate-authority:",
        &format!("proxy-url: \"http://{address}\", certificate-authority:"),
    );
    std::fs::write(&config, text).expect("a kubeconfig");
    let config = config.display().to_string();
    let out = server.path("b").display().to_string();
    let ran = kubeprof(&[
        "capture",
        "worker-03",
        "--kubeconfig",
        &config,
        "--out",
        &out,
        "--profiles",
        "heap",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let before = passed.load(std::sync::atomic::Ordering::Relaxed);
    assert!(before > 0, "the proxy was used");
    // Of the environment: not for this machine, as in Go.
    let config = server.kubeconfig().display().to_string();
    let out = server.path("c").display().to_string();
    let ran = command(&[
        "capture",
        "worker-03",
        "--kubeconfig",
        &config,
        "--out",
        &out,
        "--profiles",
        "heap",
    ])
    .env("HTTPS_PROXY", format!("http://{address}"))
    .output()
    .expect("kubeprof runs");
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(passed.load(std::sync::atomic::Ordering::Relaxed), before);
    // For another name it is used: the proxy is what cannot reach it.
    let out = server.path("d").display().to_string();
    let elsewhere = [
        "capture",
        "n",
        "--server",
        "https://api.invalid:6443",
        "--token",
        "x",
        "--out",
        &out,
        "--timeout",
        "3s",
    ];
    for (no_proxy, words) in [("", "tunnel"), ("api.invalid", "has no address")] {
        let ran = command(&elsewhere)
            .env("HTTPS_PROXY", format!("http://{address}"))
            .env("NO_PROXY", no_proxy)
            .output()
            .expect("kubeprof runs");
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(words), "NO_PROXY={no_proxy}: {stderr}");
    }
}

#[test]
fn the_summary_for_machines() {
    let server = Server::start(|_| None);
    let ran = capture(
        &server,
        &server.path("b"),
        &["worker-03", "--profiles", "heap,goroutineleak", "-o", "json"],
    );
    assert_eq!(ran.code, Some(3), "goroutineleak was asked for by its name: {ran:#?}");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        (json["schema"].as_str(), json["complete"].as_bool()),
        (Some("kubeprof/capture/1"), Some(false))
    );
    let row = |name: &str| {
        let rows = json["rows"].as_array().expect("rows");
        rows.iter()
            .find(|r| r["artifact"] == name)
            .unwrap_or_else(|| panic!("{name}: {json:#}"))
            .clone()
    };
    assert_eq!(
        (row("heap")["there"].as_u64(), row("heap")["bytes"].as_u64()),
        (Some(1), Some(3455))
    );
    assert_eq!(row("goroutineleak")["who"], "handler");
    let quiet = capture(&server, &server.path("c"), &["worker-03", "--profiles", "heap", "-q"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

/// One kubelet under two names: its CPU is never measured twice at a time, and nobody is refused.
#[test]
fn two_names_of_one_kubelet_take_turns() {
    let server = Server::start(|_| None);
    let port = server.address.port();
    let (one, two) = (format!("127.0.0.1:{port}"), format!("localhost:{port}"));
    let ca = server.ca().display().to_string();
    let out = server.path("b");
    let target = out.display().to_string();
    let mut args = vec![
        "capture",
        "--direct",
        &one,
        "--direct",
        &two,
        "--certificate-authority",
        &ca,
    ];
    args.extend(["--token", "t", "--out", &target, "--profiles", "cpu", "--seconds", "1"]);
    let ran = kubeprof(&args);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(there(&out).iter().filter(|t| *t == "cpu").count(), 2);
    assert!(!ran.stderr.contains("once more"), "{ran:#?}");
}

/// A kubelet that served a heap profile is one, whatever it does not serve.
#[test]
fn one_profile_that_is_not_served() {
    let server = Server::start(|r| {
        let trace = r.at_kubelet().1 == "/debug/pprof/trace";
        trace.then(|| Reply::text(404, "404 page not found\n"))
    });
    let out = server.path("b");
    let args = ["worker-03", "--profiles", "heap", "--trace", "500ms"];
    let ran = capture(&server, &out, &args);
    assert_eq!(ran.code, Some(3), "it was asked for by its name: {ran:#?}");
    let why = lack(&out, "trace")["why"].as_str().expect("a reason").to_owned();
    assert!(
        why.contains("serves no /debug/pprof/trace") && !ran.stderr.contains("not the kubelet's port"),
        "{ran:#?}"
    );
    let asked = server.seen();
    let trace = asked.iter().find(|r| r.path.ends_with("/trace")).expect("a request");
    assert_eq!(trace.param("seconds"), Some("0.5"));
}
