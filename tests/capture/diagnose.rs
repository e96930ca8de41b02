//! `diagnose NODE`: captured, then diagnosed; over every way that `capture` has, and a line for each of all nodes.

use super::preflight::node_list;
use super::run::{Ran, kubeprof};
use super::server::{Reply, Server};

fn diagnose(server: &Server, args: &[&str]) -> Ran {
    let config = server.kubeconfig().display().to_string();
    let mut all = vec!["diagnose", "--kubeconfig", &config];
    all.extend(args);
    kubeprof(&all)
}

#[test]
fn a_node_is_captured_and_diagnosed() {
    let server = Server::start(|_| None);
    let bundle = server.path("b").display().to_string();
    let ran = diagnose(&server, &["worker-03", "--bundle", &bundle]);
    assert!(matches!(ran.code, Some(0 | 1)), "{ran:#?}");
    assert!(
        ran.stdout.contains("node worker-03") && ran.stderr.contains("captured into"),
        "{ran:#?}"
    );
    // The bundle stays, and says the same.
    let again = kubeprof(&["diagnose", &bundle]);
    assert_eq!((again.code, again.stdout), (ran.code, ran.stdout));
}

/// However many there are; one of which nothing came is a line, too.
#[test]
fn all_nodes_are_a_line_each() {
    for (names, rows) in [(&["worker-03"][..], 1), (&["worker-03", "worker-04"], 2)] {
        let server = Server::start(move |r| match (r.path.as_str(), r.at_kubelet().0) {
            ("/api/v1/nodes", _) => Some(node_list(names)),
            (_, "worker-04") => Some(Reply::fixture("kubelet-down-503.http")),
            _ => None,
        });
        let bundle = server.path("b").display().to_string();
        let ran = diagnose(&server, &["--all-nodes", "--bundle", &bundle]);
        assert!(matches!(ran.code, Some(0 | 1)), "{ran:#?}");
        assert!(ran.stdout.contains(&format!("of {rows} nodes sick")), "{ran:#?}");
        let line = |name: &str| ran.stdout.lines().find(|l| l.starts_with(name)).map(str::to_owned);
        assert!(line("worker-03").is_some(), "{ran:#?}");
        if rows == 2 {
            let line = line("worker-04").expect("a line");
            assert!(line.contains("unknown") && line.contains("Cannot tell"), "{line}");
        }
        let config = server.kubeconfig().display().to_string();
        let other = server.path("c").display().to_string();
        let json = kubeprof(&[
            "diagnose",
            "--kubeconfig",
            &config,
            "--all-nodes",
            "--bundle",
            &other,
            "-o",
            "json",
        ]);
        let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
        // The same shape for one node.
        assert_eq!(json["nodes"].as_array().map(Vec::len), Some(rows), "{json:#}");
    }
}

/// A kubelet is asked with what was typed for it, and with nothing else.
#[test]
fn directly_with_credentials_that_were_typed() {
    let server = Server::start(|_| None);
    let (address, ca) = (server.address.to_string(), server.ca().display().to_string());
    let bundle = server.path("b").display().to_string();
    let way = ["--direct", &address, "--certificate-authority", &ca];
    let ran = diagnose(
        &server,
        &[&way[..], &["--token", "typed", "--bundle", &bundle]].concat(),
    );
    assert!(matches!(ran.code, Some(0 | 1)), "{ran:#?}");
    let asked = server.seen();
    let sent = |r: &super::server::Request| r.headers.get("authorization").cloned();
    assert!(
        asked.iter().all(|r| sent(r).as_deref() == Some("Bearer typed")),
        "{asked:#?}"
    );
    // Names of nodes and files mean nothing then.
    let ran = diagnose(&server, &[&way[..], &["worker-03"]].concat());
    assert!(ran.code == Some(2) && ran.stderr.contains("--direct"), "{ran:#?}");
}
