//! What is said before anything is asked of a kubelet.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::run::{capture, kubeprof, there};
use crate::server::{Reply, Server, node_object};

fn review(r: &crate::server::Request) -> bool {
    r.path.ends_with("/selfsubjectaccessreviews")
}

#[test]
fn without_the_right_nothing_is_begun_and_the_yaml_is_there() {
    let server = Server::start(|r| {
        if review(r) {
            return Some(Reply::fixture("ssar-denied.http"));
        }
        r.path
            .ends_with("/selfsubjectreviews")
            .then(|| Reply::json(201, r#"{"status":{"userInfo":{"username":"jane"}}}"#))
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(!out.exists(), "no bundle of nothing");
    for words in [
        "API server",
        "\"jane\"",
        "kind: ClusterRole",
        "nodes/proxy",
        "worker-03",
        "--force",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {ran:#?}");
    }
    assert!(
        server.seen().iter().all(|r| !r.path.contains("/proxy")),
        "no kubelet was asked"
    );
    // It asks about the subresource, as can-i does not.
    let body = server
        .seen()
        .iter()
        .find(|r| review(r))
        .map(|r| String::from_utf8_lossy(&r.body).into_owned());
    let body = body.expect("a review");
    assert!(
        body.contains(r#""subresource":"proxy""#) && body.contains(r#""resource":"nodes""#),
        "{body}"
    );
    let ran = capture(&server, &out, &["worker-03", "--force", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(0), "an authorizer may say no and mean nothing: {ran:#?}");
}

#[test]
fn a_rule_for_some_nodes_is_enough_for_them() {
    let server = Server::start(|r| {
        let named = String::from_utf8_lossy(&r.body).contains("\"name\":\"worker-03\"");
        review(r).then(|| Reply::fixture(if named { "ssar-allowed.http" } else { "ssar-denied.http" }))
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn an_unknown_node_is_said_at_once() {
    let server =
        Server::start(|r| (r.path == "/api/v1/nodes/worker-99").then(|| Reply::fixture("api-404-no-such-node.http")));
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-99"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("worker-99") && ran.stderr.contains("kubectl get nodes"),
        "{ran:#?}"
    );
    assert!(!out.exists());
}

#[test]
fn a_dry_run_lists_and_asks_no_kubelet() {
    let server = Server::start(|_| None);
    let config = server.kubeconfig().display().to_string();
    let ran = kubeprof(&[
        "capture",
        "worker-03",
        "--kubeconfig",
        &config,
        "--dry-run",
        "--series",
        "6",
        "--every",
        "2m",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for words in [
        "6 x GET /api/v1/nodes/worker-03/proxy/debug/pprof/heap",
        "1 x GET /api/v1/nodes/worker-03/proxy/debug/pprof/profile?seconds=30",
        "kind: ClusterRole",
        "get nodes/proxy allowed",
        "kubelet v1.36.1",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    assert!(
        server.seen().iter().all(|r| !r.path.contains("/proxy")),
        "{:#?}",
        server.seen()
    );
}

fn node_list(names: &[&str]) -> Reply {
    let items: Vec<String> = names.iter().map(|n| node_object(n)).collect();
    Reply::json(200, &format!(r#"{{"kind":"NodeList","items":[{}]}}"#, items.join(",")))
}

#[test]
fn selectors_are_bounded() {
    let server = Server::start(|r| {
        (r.path == "/api/v1/nodes").then(|| match r.param("labelSelector") {
            Some("pool%3Da") => node_list(&["n1", "n2"]),
            Some(_) => node_list(&[]),
            None => node_list(&["n1", "n2", "n3", "n4"]),
        })
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["-l", "pool=a", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(there(&out).iter().filter(|t| *t == "heap").count(), 2);
    let ran = capture(
        &server,
        &server.path("c"),
        &["--all-nodes", "--max-nodes", "3", "--profiles", "heap"],
    );
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("more than 3 nodes") && ran.stderr.contains("--max-nodes"),
        "{ran:#?}"
    );
    let ran = capture(&server, &server.path("d"), &["-l", "pool=b", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("no node has the labels \"pool=b\""), "{ran:#?}");
    let ran = capture(&server, &server.path("e"), &["--all-nodes", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

/// A busy API server is waited for as long as it asks, up to a limit, before anything is begun, too.
#[test]
fn a_busy_server_is_waited_for() {
    let busy = |times: usize, header: &'static str, date: Option<&'static str>| {
        let asked = AtomicUsize::new(0);
        Server::start(move |r| {
            if !review(r) || asked.fetch_add(1, Ordering::Relaxed) >= times {
                return None;
            }
            let body = r#"{"kind":"Status","status":"Failure","message":"too many requests","reason":"TooManyRequests","code":429}"#;
            let reply = Reply::json(429, body).header("Retry-After", header);
            Some(match date {
                Some(date) => reply.header("Date", date),
                None => reply,
            })
        })
    };
    let date = Some("Fri, 27 Nov 2026 09:00:00 GMT");
    for server in [busy(1, "3", None), busy(1, "Fri, 27 Nov 2026 09:00:03 GMT", date)] {
        let ran = capture(&server, &server.path("b"), &["worker-03", "--profiles", "heap"]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.took >= Duration::from_secs(3), "{ran:#?}");
        assert!(ran.stderr.contains("once more in 3 s"), "{ran:#?}");
    }
    let server = busy(9, "1", None);
    let ran = capture(&server, &server.path("b"), &["worker-03", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(server.seen().len(), 2, "once more, and no more");
    let server = busy(9, "600", None);
    let ran = capture(&server, &server.path("b"), &["worker-03", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.took < Duration::from_secs(5), "{ran:#?}");
    assert!(
        ran.stderr.contains("600 s") && ran.stderr.contains("120 s at most"),
        "{ran:#?}"
    );
}

#[test]
fn a_dry_run_lists_all_that_would_be_sent() {
    // What it says is compared with what is then sent to a kubelet that needs all of it.
    let server = Server::start(|r| match (r.at_kubelet().1, r.param("debug")) {
        ("/debug/pprof/mutex", None) => {
            let empty = crate::server::fixture("captures/healthy-1.37.2/last-mutex.pb.gz");
            Some(Reply::new(200, "application/octet-stream", empty))
        }
        _ => None,
    });
    let config = server.kubeconfig().display().to_string();
    let what = ["--series", "2", "--every", "1s", "--seconds", "1"];
    let mut args = vec![
        "capture",
        "worker-03",
        "--kubeconfig",
        &config,
        "--dry-run",
        "-o",
        "json",
    ];
    args.extend(what);
    let ran = kubeprof(&args);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(plan["schema"], "kubeprof/capture-plan/1");
    assert!(
        plan["rbac"].as_str().expect("YAML").contains("kind: ClusterRole"),
        "{plan:#}"
    );
    let mut planned = std::collections::BTreeMap::new();
    for r in plan["requests"].as_array().expect("requests") {
        let target = r["target"].as_str().expect("a target").to_owned();
        *planned.entry(target).or_insert(0) += r["times"].as_u64().expect("a number");
    }
    let before = server.seen().len();
    let mut args = vec!["worker-03"];
    args.extend(what);
    assert_eq!(capture(&server, &server.path("b"), &args).code, Some(0));
    let mut sent = std::collections::BTreeMap::new();
    for r in &server.seen()[before..] {
        let query = if r.query.is_empty() {
            String::new()
        } else {
            format!("?{}", r.query)
        };
        *sent.entry(format!("{}{query}", r.path)).or_insert(0) += 1;
    }
    // This kubelet serves no goroutineleak, after which it would be asked once more who answers.
    *sent
        .entry("/api/v1/nodes/worker-03/proxy/metrics".to_owned())
        .or_insert(0) += 1;
    assert_eq!(planned, sent);
}

#[test]
fn what_cannot_be_is_said_before_anything_is_begun() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    for (args, words) in [
        (&["worker-03", "--binary", "/nope"][..], "/nope"),
        (&["worker-03", "--profiles", "cpu", "--seconds", "0"], "0 s"),
        (&["worker-03", "--trace", "0s"], "no time"),
    ] {
        let ran = capture(&server, &out, args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:#?}");
        assert!(
            ran.stderr.contains(words) && ran.stderr.contains("hint:"),
            "{args:?}: {ran:#?}"
        );
        assert!(!out.exists());
    }
    assert!(server.seen().is_empty(), "{:#?}", server.seen());
}

/// An authenticator that could not ask once is asked once more.
#[test]
fn one_unknown_moment_is_no_end() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |r| {
        let first = review(r) && asked.fetch_add(1, Ordering::Relaxed) == 0;
        first.then(|| Reply::fixture("api-401-bad-token.http"))
    });
    let ran = capture(&server, &server.path("b"), &["worker-03", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stderr.contains("once more"), "{ran:#?}");
}
