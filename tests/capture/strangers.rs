//! Where credentials go: never to a place that a bundle, an answer or a redirection names.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::run::{Ran, command, kubeprof};
use super::server::{Reply, Server};

/// A bundle of a capture with these arguments that lacks its heap profile, so that there is something to go on with.
fn bundle(server: &Server, name: &str, way: &[&str]) -> PathBuf {
    let out = server.path(name);
    let target = out.display().to_string();
    let mut args = vec!["capture", "--out", &target, "--profiles", "heap"];
    args.extend(way);
    let ran = kubeprof(&args);
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    out
}

fn without_heap() -> Server {
    Server::start(|r| (r.at_kubelet().1 == "/debug/pprof/heap").then(|| Reply::text(418, "no")))
}

/// Changes what a bundle says that it was asked for.
fn doctor(out: &Path, change: impl Fn(&mut Value)) {
    let path = out.join("manifest.jsonl");
    let text = std::fs::read_to_string(&path).expect("a journal");
    let lines = text.lines().map(|l| {
        let mut line: Value = serde_json::from_str(l).expect("JSON");
        if line["event"] == "started" {
            change(&mut line["asked"]);
        }
        format!("{line}\n")
    });
    let changed: String = lines.collect();
    std::fs::write(&path, changed).expect("room");
}

/// `--resume`, with everything that could go to a stranger.
fn resume(server: &Server, out: &Path, more: &[&str]) -> Ran {
    let (out, ca) = (out.display().to_string(), server.ca().display().to_string());
    let mut args = vec!["capture", "--resume", &out, "--certificate-authority", &ca];
    args.extend(more);
    let ran = command(&args)
        .env("KUBEPROF_TOKEN", "precious")
        .env("KUBECONFIG", server.kubeconfig())
        .output()
        .expect("kubeprof runs");
    Ran {
        stdout: String::from_utf8_lossy(&ran.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&ran.stderr).into_owned(),
        code: ran.status.code(),
        took: std::time::Duration::ZERO,
    }
}

#[track_caller]
fn refused(ran: &Ran, stranger: &Server, words: &[&str]) {
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    for word in words.iter().chain(&["hint:"]) {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("precious"), "{ran:#?}");
    assert!(stranger.seen().is_empty(), "{:#?}", stranger.seen());
}

#[test]
fn a_bundle_does_not_say_where_credentials_go() {
    let (server, stranger) = (without_heap(), Server::start(|_| None));
    let (own, other) = (server.address.to_string(), stranger.address.to_string());
    let ca = server.ca().display().to_string();
    let way = ["--direct", &own, "--certificate-authority", &ca, "--token", "t"];
    let out = bundle(&server, "direct", &way);
    // As it is, the address has to be typed; and again.
    let ran = resume(&server, &out, &[]);
    refused(&ran, &stranger, &["--direct", &own]);
    assert_eq!(resume(&server, &out, &["--direct", &own]).code, Some(3));
    doctor(&out, |asked| {
        asked["nodes"] = json!([other]);
        asked["server"] = json!(stranger.url());
        asked["command"] = json!(["kubeprof", "capture", "--direct", other, "--token", "t"]);
    });
    let before = server.seen().len();
    for more in [&[][..], &["--force"], &["--via", "http://127.0.0.1:1"]] {
        refused(&resume(&server, &out, more), &stranger, &["--direct"]);
    }
    // The node that is meant is none of the bundle.
    let ran = resume(&server, &out, &["--direct", &own]);
    refused(&ran, &stranger, &["was not asked for", "bundle merge"]);
    assert_eq!(server.seen().len(), before, "nor is anybody else asked");
    // What a shell would run is not printed as part of a command.
    doctor(&out, |asked| asked["nodes"] = json!(["x$(touch /tmp/y)\u{1b}[31m"]));
    let ran = resume(&server, &out, &[]);
    refused(&ran, &stranger, &["--direct HOST"]);
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:#?}");
}

#[test]
fn nor_does_it_name_a_proxy_or_an_api_server() {
    let (server, stranger) = (without_heap(), Server::start(|_| None));
    let plain = Server::with(super::server::Kubelet::default(), false, |r| {
        (r.at_kubelet().1 == "/debug/pprof/heap").then(|| Reply::text(418, "no"))
    });
    let via = plain.url();
    let out = bundle(&server, "via", &["worker-03", "--via", &via]);
    refused(
        &resume(&server, &out, &[]),
        &stranger,
        &["kubectl proxy", "--via", &via],
    );
    let before = plain.seen().len();
    doctor(&out, |asked| {
        asked["server"] = json!(stranger.url().replace("https", "http"))
    });
    refused(&resume(&server, &out, &[]), &stranger, &["--via"]);
    refused(
        &resume(&server, &out, &["--via", &via]),
        &stranger,
        &["captured through", &via],
    );
    assert_eq!(plain.seen().len(), before);
    assert_eq!(resume(&server, &out, &["--via", &via, "--force"]).code, Some(3));

    let config = server.kubeconfig().display().to_string();
    let out = bundle(&server, "proxy", &["worker-03", "--kubeconfig", &config]);
    let before = server.seen().len();
    // Whatever it calls the way.
    for route in ["proxy", "", "elsewhere"] {
        doctor(&out, |asked| {
            asked["server"] = json!(stranger.url());
            asked["route"] = json!(route);
            let url = stranger.url();
            asked["command"] = json!(["kubeprof", "capture", "worker-03", "--server", url, "--context", "x"]);
            asked["options"] = json!({"server": url, "kubeconfig": "/tmp/x", "debuginfod": url, "proxy": url});
        });
        refused(&resume(&server, &out, &[]), &stranger, &["captured through", "--force"]);
    }
    // Typed without the kubeconfig's own server, it is the stranger's by the user's own words; then it must match, too.
    doctor(&out, |asked| {
        asked["server"] = json!(server.url());
        asked["route"] = json!("proxy");
    });
    let ran = resume(&server, &out, &["--server", &stranger.url()]);
    refused(&ran, &stranger, &["captured through"]);
    // A port of the node that only the bundle names.
    doctor(&out, |asked| asked["nodes"] = json!(["https:worker-03:8443"]));
    refused(&resume(&server, &out, &[]), &stranger, &["type the nodes"]);
    doctor(&out, |asked| asked["nodes"] = json!(["../../secrets"]));
    refused(&resume(&server, &out, &[]), &stranger, &["not a node name"]);
    assert_eq!(server.seen().len(), before, "{:#?}", server.seen());
}

/// What a bundle asks for is bounded as what is typed.
#[test]
fn a_bundle_does_not_ask_for_more_than_a_capture_may() {
    let server = without_heap();
    let config = server.kubeconfig().display().to_string();
    let out = bundle(&server, "b", &["worker-03", "--kubeconfig", &config]);
    let before = server.seen().len();
    doctor(&out, |asked| asked["snapshots"] = json!(4_000_000_000_u32));
    refused(
        &resume(&server, &out, &[]),
        &Server::start(|_| None),
        &["4000000000 snapshots"],
    );
    doctor(&out, |asked| {
        asked["snapshots"] = json!(1);
        asked["once"] = json!(["cpu"]);
        asked["options"] = json!({"cpu_seconds": "1000000"});
    });
    refused(&resume(&server, &out, &[]), &Server::start(|_| None), &["4 hours"]);
    assert_eq!(server.seen().len(), before);
}

/// Servers may send clients elsewhere; credentials do not follow.
#[test]
fn redirections_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let stranger = Server::start(|_| None);
        let url = stranger.url();
        let server = Server::start(move |r| {
            let away = Reply::text(status, "").header("Location", &format!("{url}{}", r.path));
            (r.at_kubelet().1 == "/debug/pprof/heap").then_some(away)
        });
        let config = server.kubeconfig().display().to_string();
        let out = bundle(
            &server,
            "b",
            &["worker-03", "--kubeconfig", &config, "--token", "precious"],
        );
        assert!(stranger.seen().is_empty(), "{status}: {:#?}", stranger.seen());
        let lack = super::run::lack(&out, "heap");
        assert_eq!(lack["exchange"]["status"], status, "{lack:#}");
    }
}
