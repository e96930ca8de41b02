//! Going on with a bundle: what was asked for is what is gone on with, and what is typed beside it does not go unheard.

use std::path::Path;

use super::run::{Ran, capture, events, kubeprof, there};
use super::server::Server;

fn resume(server: &Server, out: &Path, args: &[&str]) -> Ran {
    let config = server.kubeconfig().display().to_string();
    let out = out.display().to_string();
    let mut all = vec!["capture", "--kubeconfig", &config, "--resume", &out];
    all.extend(args);
    kubeprof(&all)
}

#[test]
fn what_is_typed_beside_it_is_what_was_asked() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    let asked = ["worker-03", "--profiles", "heap,cpu", "--seconds", "1"];
    assert_eq!(capture(&server, &out, &asked).code, Some(0));
    let lines = std::fs::read(out.join("manifest.jsonl")).expect("a journal");
    for (args, words) in [
        (&["--series", "3", "--every", "1s"][..], "--series asks for 3"),
        (&["--profiles", "trace"], "--profiles asks for"),
        (&["--gc"], "--gc asks for"),
        (&["--seconds", "5"], "a CPU profile of 1 s"),
        (&["--until-memory", "2Gi"], "no threshold"),
        (&["worker-09"], "\"worker-09\""),
    ] {
        let ran = resume(&server, &out, args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:#?}");
        assert!(
            ran.stderr.contains(words) && ran.stderr.contains("bundle merge"),
            "{args:?}: {ran:#?}"
        );
    }
    assert_eq!(
        std::fs::read(out.join("manifest.jsonl")).expect("a journal"),
        lines,
        "nothing was begun"
    );
    // The same once more is no other thing.
    let ran = resume(&server, &out, &asked);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn every_node_of_a_merged_bundle() {
    let server = Server::start(|_| None);
    let bundle = |name: &str, args: &[&str]| {
        let out = server.path(name);
        assert_eq!(capture(&server, &out, args).code, Some(0));
        out.display().to_string()
    };
    let merge = |parts: [&str; 2], name: &str| {
        let out = server.path(name);
        let ran = kubeprof(&[
            "bundle",
            "merge",
            parts[0],
            parts[1],
            "--out",
            &out.display().to_string(),
        ]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        out
    };
    let a = bundle("a", &["worker-03", "--profiles", "heap"]);
    let b = bundle("b", &["worker-04", "--profiles", "heap"]);
    let both = merge([&a, &b], "ab");
    let heap = events(&both, "artifact")
        .into_iter()
        .find(|e| e["artifact"] == "heap" && e["node"] == "worker-04");
    let path = heap.expect("a heap profile")["path"]
        .as_str()
        .expect("a path")
        .to_owned();
    std::fs::remove_file(both.join(&path)).expect("removed");
    let ran = resume(&server, &both, &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(both.join(&path).exists(), "it is there again: {ran:#?}");
    // What was asked for differs: neither is taken for the other.
    let c = bundle("c", &["worker-05", "--profiles", "goroutine"]);
    let ran = resume(&server, &merge([&a, &c], "ac"), &[]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.stderr.contains("merged of captures"), "{ran:#?}");
}

/// What was asked for by its name and is not served lacks, also when it is gone on with.
#[test]
fn what_was_named_lacks() {
    let server = Server::start(|r| {
        let configz = r.at_kubelet().1 == "/configz";
        configz.then(|| super::server::Reply::text(404, "404 page not found\n"))
    });
    let out = server.path("b");
    let ran = capture(
        &server,
        &out,
        &["worker-03", "--profiles", "goroutineleak,configz", "-q"],
    );
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(!there(&out).contains(&"configz".to_owned()));
    // Quiet is without progress, not without remedies.
    assert!(
        ran.stderr.contains("hint:") && ran.stderr.contains("Go 1.27"),
        "{ran:#?}"
    );
    let ran = resume(&server, &out, &[]);
    assert_eq!(ran.code, Some(3), "{ran:#?}");
}

/// The very flags of a capture go with its resumption; another cluster does not, nor does what is no file.
#[test]
fn the_same_flags_and_the_same_cluster() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    let asked = ["worker-03", "--profiles", "heap", "--seconds", "5"];
    assert_eq!(capture(&server, &out, &asked).code, Some(0));
    let ran = resume(&server, &out, &asked);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let other = Server::start(|_| None);
    let ran = resume(&other, &out, &[]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("captured through") && ran.stderr.contains("--force"),
        "{ran:#?}"
    );
    assert_eq!(
        resume(&other, &out, &["--force"]).code,
        Some(0),
        "another address of one cluster"
    );
    let journal = out.join("manifest.jsonl");
    std::fs::rename(&journal, out.join("kept")).expect("renamed");
    std::os::unix::fs::symlink("/dev/zero", &journal).expect("a link");
    let ran = resume(&server, &out, &[]);
    assert!(ran.code == Some(2) && ran.stderr.contains("not a file"), "{ran:#?}");
}

/// What is gone and cannot be taken again is said once, and the bundle verifies from then on.
#[test]
fn a_file_that_is_gone_with_its_process() {
    let kubelet = super::server::Kubelet::default();
    let start = std::sync::Arc::clone(&kubelet.start);
    let server = Server::with(kubelet, true, |_| None);
    let out = server.path("b");
    assert_eq!(
        capture(&server, &out, &["worker-03", "--profiles", "heap,goroutine"]).code,
        Some(0)
    );
    let heap = events(&out, "artifact")
        .into_iter()
        .find(|e| e["artifact"] == "heap")
        .expect("a heap");
    std::fs::remove_file(out.join(heap["path"].as_str().expect("a path"))).expect("removed");
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    *start.lock().expect("a time") = since.expect("a time").as_secs_f64();
    let ran = resume(&server, &out, &[]);
    let verify = || kubeprof(&["bundle", "verify", &out.display().to_string()]).code;
    assert_eq!(ran.code, verify(), "both say the same: {ran:#?}");
    assert_eq!(resume(&server, &out, &[]).code, verify());
}

/// A pack is for its owner, as the bundle is.
#[test]
fn packs_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start(|_| None);
    let out = server.path("b");
    assert_eq!(
        capture(&server, &out, &["worker-03", "--profiles", "heap"]).code,
        Some(0)
    );
    let pack = server.path("b.tar.gz");
    let (from, to) = (out.display().to_string(), pack.display().to_string());
    assert_eq!(kubeprof(&["bundle", "pack", &from, &to]).code, Some(0));
    let mode = std::fs::metadata(&pack).expect("a pack").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
