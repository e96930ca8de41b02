//! What is said before anything is asked of a kubelet.

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
