//! What is said before anything is asked of a kubelet.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::run::{capture, kubeprof, there};
use super::server::{How, Reply, Server, node_object};

fn review(r: &super::server::Request) -> bool {
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

pub(super) fn node_list(names: &[&str]) -> Reply {
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

/// Two pages, then what `last` answers with to the second `continue`.
fn paged(r: &super::server::Request, last: impl Fn(usize) -> Reply, asked: &AtomicUsize) -> Option<Reply> {
    use std::sync::atomic::Ordering;
    let page = |names: &[&str], next: &str| {
        let items: Vec<String> = names.iter().map(|n| node_object(n)).collect();
        let items = items.join(",");
        Reply::json(
            200,
            &format!(
                r#"{{"kind":"NodeList","metadata":{{"continue":"{next}","remainingItemCount":1}},"items":[{items}]}}"#
            ),
        )
    };
    (r.path == "/api/v1/nodes").then(|| match r.param("continue") {
        None => page(&["n1", "n2"], "a/b="),
        // What is sent back is the token as it came.
        Some("a%2Fb%3D") => last(asked.fetch_add(1, Ordering::Relaxed)),
        Some(other) => Reply::text(400, other),
    })
}

#[test]
fn a_list_in_pages_is_read_to_its_end() {
    let server = Server::start({
        let asked = AtomicUsize::new(0);
        move |r| paged(r, |_| node_list(&["n2", "n3"]), &asked)
    });
    for (flag, out) in [(&["--all-nodes"][..], "b"), (&["-l", "pool=a"], "c")] {
        let out = server.path(out);
        let mut args = flag.to_vec();
        args.extend(["--profiles", "heap"]);
        let ran = capture(&server, &out, &args);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert_eq!(there(&out).iter().filter(|t| *t == "heap").count(), 3, "{ran:#?}");
    }
    let ran = capture(&server, &server.path("d"), &["--all-nodes", "--max-nodes", "2"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.stderr.contains("more than 2 nodes"), "{ran:#?}");
    assert!(
        server
            .seen()
            .iter()
            .all(|r| r.path != "/api/v1/nodes" || r.param("limit").is_some())
    );
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
    for server in [busy(1, "1", None), busy(1, "Fri, 27 Nov 2026 09:00:01 GMT", date)] {
        let ran = capture(&server, &server.path("b"), &["worker-03", "--profiles", "heap"]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.stderr.contains("retrying in 1 s"), "{ran:#?}");
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
fn a_list_that_expires_is_read_once_more() {
    let gone = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"The provided continue parameter is too old"}"#;
    let server = Server::start({
        let asked = AtomicUsize::new(0);
        move |r| {
            let last = |n| {
                if n == 0 {
                    Reply::json(410, gone)
                } else {
                    node_list(&["n3"])
                }
            };
            paged(r, last, &asked)
        }
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["--all-nodes", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(there(&out).iter().filter(|t| *t == "heap").count(), 3, "{ran:#?}");
    // For ever is not waited.
    let server = Server::start({
        let asked = AtomicUsize::new(0);
        move |r| paged(r, |_| Reply::json(410, gone), &asked)
    });
    let ran = capture(&server, &server.path("b"), &["--all-nodes", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.stderr.contains("too old"), "{ran:#?}");
}

fn forbidden(message: &str) -> Reply {
    let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden",
        "code": 403, "message": message});
    Reply::json(403, &body.to_string())
}

#[test]
fn no_right_to_list_nodes_is_said_with_what_grants_it() {
    let server = Server::start(|r| {
        let words =
            r#"nodes is forbidden: User "viewer" cannot list resource "nodes" in API group "" at the cluster scope"#;
        (r.path == "/api/v1/nodes").then(|| forbidden(words))
    });
    let ran = capture(&server, &server.path("b"), &["-l", "pool=a"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    for words in [
        "you are \"viewer\" and may not list nodes: nodes is forbidden",
        "-l needs the right to list nodes: name the nodes one by one",
        "resources: [nodes], verbs: [list]",
        "name: \"viewer\"",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
}

#[test]
fn a_refused_impersonation_is_not_a_lack_of_nodes_proxy() {
    let old = r#"users "admin" is forbidden: User "viewer" cannot impersonate resource "users" in API group "" at the cluster scope"#;
    let server = Server::start(move |_| Some(forbidden(old)));
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--as", "admin"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(!out.exists(), "{ran:#?}");
    assert!(
        ran.stderr
            .contains("may not act as another user: users \"admin\" is forbidden"),
        "{ran:#?}"
    );
    assert!(
        ran.stderr.contains("--as") && !ran.stderr.contains("clusterrole"),
        "{ran:#?}"
    );
    // From 1.36 on such a right may be for one kind of request, so the others are tried.
    let new = r#"nodes "worker-03" is forbidden: User "viewer" cannot impersonate-on:user-info:get resource "nodes/proxy" in API group "" at the cluster scope"#;
    let server = Server::start(move |_| Some(forbidden(new)));
    let ran = capture(
        &server,
        &server.path("b"),
        &["worker-03", "--as", "admin", "--profiles", "heap"],
    );
    assert_eq!(ran.code, Some(2), "nothing of a kubelet: {ran:#?}");
    let all = ran.stdout + &ran.stderr;
    assert!(
        all.contains("may not act as another user") && !all.contains("clusterrole"),
        "{all}"
    );
}

#[test]
fn what_names_no_node_is_refused_before_anybody_is_asked() {
    let server = Server::start(|_| None);
    for name in [
        "",
        "a/b",
        "../../../secrets",
        "worker#1",
        "w?x",
        "worker 1",
        "worker-03/",
        "WORKER-03",
        ".",
    ] {
        let out = server.path("b");
        let ran = capture(&server, &out, &["--quick", "--", name]);
        assert_eq!(ran.code, Some(2), "{name}: {ran:#?}");
        assert!(
            ran.stderr.contains("is not a node name") && ran.stderr.contains("kubectl get nodes"),
            "{name}: {ran:#?}"
        );
        assert!(!out.exists(), "{name}");
    }
    assert!(server.seen().is_empty(), "{:#?}", server.seen());
    // With a port, the object of the node is that of its name.
    for (name, out) in [("worker-03:10250", "c"), ("https:worker-03:10250", "d")] {
        let out = server.path(out);
        let ran = capture(&server, &out, &[name, "--profiles", "heap,node"]);
        assert_eq!(ran.code, Some(0), "{name}: {ran:#?}");
        let asked: Vec<String> = server.seen().into_iter().map(|r| r.path).collect();
        assert!(asked.iter().any(|p| p == "/api/v1/nodes/worker-03"), "{asked:#?}");
        assert!(
            asked.contains(&format!("/api/v1/nodes/{name}/proxy/debug/pprof/heap")),
            "{asked:#?}"
        );
    }
}

#[test]
fn a_viewer_who_insists_gets_what_viewers_may_have() {
    let server = Server::start(|r| {
        let words = r#"nodes "worker-03" is forbidden: User "viewer" cannot get resource "nodes/proxy" in API group "" at the cluster scope"#;
        r.path.contains("/proxy/").then(|| forbidden(words))
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--force", "--quick"]);
    assert_eq!(ran.code, Some(2), "nothing of a kubelet: {ran:#?}");
    assert!(there(&out).iter().any(|t| t == "version"), "{:?}", there(&out));
}

#[test]
fn an_api_server_that_hangs_is_not_taken_for_a_kubelet() {
    let server = Server::start(|_| Some(Reply::text(200, "").how(How::Silence)));
    let ran = capture(&server, &server.path("b"), &["worker-03", "--timeout", "1s"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("API server: no answer in 1 s") && ran.stderr.contains("/readyz"),
        "{ran:#?}"
    );
    assert!(!ran.stderr.contains("a kubelet that hangs"), "{ran:#?}");
}

#[test]
fn a_dry_run_lists_all_that_would_be_sent() {
    // What it says is compared with what is then sent to a kubelet that needs all of it.
    let server = Server::start(|r| match (r.at_kubelet().1, r.param("debug")) {
        ("/debug/pprof/mutex", None) => {
            let empty = super::server::fixture("captures/healthy-1.37.2/last-mutex.pb.gz");
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
    assert!(ran.stderr.contains("retrying"), "{ran:#?}");
}
