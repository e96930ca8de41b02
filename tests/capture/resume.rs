//! Going on with a bundle: what was asked for is what is gone on with, and what is typed beside it does not go unheard.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::run::{Ran, capture, events, kept, kubeprof, sound, there};
use super::server::{How, Reply, Server, fixture};

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
    let again = kept(&both)
        .into_iter()
        .find(|e| e["artifact"] == "heap" && e["node"] == "worker-04");
    let again = again.expect("it is there again")["path"]
        .as_str()
        .expect("a path")
        .to_owned();
    assert!(
        both.join(&again).exists() && again != path,
        "under a time of its own: {again}"
    );
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
        configz.then(|| Reply::text(404, "404 page not found\n"))
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
    let start = Arc::clone(&kubelet.start);
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

/// A series of three, where the network is cut in one of its snapshots; what comes after it has a larger heap.
fn cut_in(snapshot: usize) -> (Server, std::path::PathBuf) {
    // Every snapshot asks for it once.
    let begun = AtomicUsize::new(0);
    let server = Server::start(move |r| {
        let begun = match r.at_kubelet().1 {
            "/healthz" => begun.fetch_add(1, Ordering::Relaxed),
            "/debug/pprof/heap" => begun.load(Ordering::Relaxed),
            // Of the same build.
            "/debug/pprof/goroutine" => {
                let body = fixture("captures/ctx-leak-1.36.1/s10-goroutine.pb.gz");
                return Some(Reply::new(200, "application/octet-stream", body));
            }
            _ => return None,
        };
        if r.at_kubelet().1 == "/healthz" {
            return None;
        }
        if begun == snapshot {
            return Some(Reply::text(200, "").how(How::Close));
        }
        let name = if begun <= 3 { "s01-heap" } else { "s10-heap" };
        let heap = fixture(&format!("captures/ctx-leak-1.36.1/{name}.pb.gz"));
        Some(Reply::new(200, "application/octet-stream", heap))
    });
    let out = server.path("b");
    let ran = capture(
        &server,
        &out,
        &[
            "worker-03",
            "--profiles",
            "goroutine,heap",
            "--series",
            "3",
            "--every",
            "500ms",
        ],
    );
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    (server, out)
}

fn json(args: &[&str]) -> Value {
    let ran = kubeprof(args);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:#?}"))
}

/// Heap profiles in the order of a listing: snapshot, time, path.
fn heaps(out: &Path) -> Vec<(u64, String, String)> {
    let listed = json(&["bundle", "ls", &out.display().to_string(), "-o", "json"]);
    let rows = listed["rows"].as_array().expect("rows").iter();
    let text = |v: &Value| v.as_str().expect("a text").to_owned();
    rows.filter(|r| r["artifact"] == "heap" && r["state"] == "there")
        .map(|r| {
            (
                r["snapshot"].as_u64().expect("a number"),
                text(&r["taken"]),
                text(&r["path"]),
            )
        })
        .collect()
}

/// What is missing of a series is taken in a snapshot of its own, under the time when it came: the listing, a comparison and a
/// verification have it there.
#[test]
fn after_a_cut_the_order_is_that_of_the_bytes() {
    {
        let (server, out) = cut_in(2);
        let shown = out.display().to_string();
        let first_of_earlier = events(&out, "finished")[0]["at"].as_str().expect("a time").to_owned();
        let ran = resume(&server, &out, &[]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        sound(&out);
        let all = heaps(&out);
        assert_eq!(all.len(), 3, "{all:#?}");
        assert!(all.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{all:#?}");
        let (number, taken, path) = &all[2];
        assert!(*number == 4 && path.contains("/0004-"), "{all:#?}");
        assert!(
            taken[..19] >= first_of_earlier[..19],
            "{taken}, and the capture ended at {first_of_earlier}"
        );
        // The late one is the newest side: memory grew.
        let diff = json(&["diff", &shown, "--kind", "heap", "-o", "json"]);
        let total = |name: &str| diff[name].as_i64().unwrap_or_else(|| panic!("{name}: {diff:#}"));
        assert!(total("new_total") > total("old_total"), "{diff:#}");
        let verify = json(&["bundle", "verify", &shown, "-o", "json"]);
        assert_eq!(verify["verdict"], "whole", "{verify:#}");
        let told = verify["skipped"].as_array().expect("gaps");
        assert!(
            told.iter().any(|g| g["what"] == "heap"
                && g["why"]
                    .as_str()
                    .is_some_and(|w| w.ends_with("a later snapshot has it"))),
            "{verify:#}"
        );
        // There is nothing left to do.
        let before = server.seen().len();
        assert_eq!(resume(&server, &out, &[]).code, Some(0));
        assert!(server.seen()[before..].iter().all(|r| !r.path.contains("/debug/")));
    }
}

/// Bundles that an older kubeprof resumed hold the same under the old time: that is found, and a merge mends it.
#[test]
fn what_was_filed_under_an_old_time_is_found() {
    let (server, out) = cut_in(2);
    assert_eq!(resume(&server, &out, &[]).code, Some(0));
    // As it was written once: the heap of snapshot 4 in the folder and under the number and time of snapshot 2.
    let path = out.join("manifest.jsonl");
    let text = std::fs::read_to_string(&path).expect("a journal");
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let of = |n: u64| {
        lines
            .iter()
            .find(|e| e["event"] == "snapshot" && e["snapshot"]["number"] == n)
    };
    let second = of(2).expect("snapshot 2")["snapshot"].clone();
    let mut old = String::new();
    for mut line in lines
        .iter()
        .filter(|e| e["snapshot"]["number"] != 4 || e["artifact"] == "heap")
        .cloned()
    {
        if line["snapshot"]["number"] == 4 {
            let from = line["path"].as_str().expect("a path").to_owned();
            let to = heaps(&out)[0].2.replace("/0001-", "/0002-");
            std::fs::create_dir_all(out.join(&to).parent().expect("a folder")).expect("room");
            std::fs::rename(out.join(&from), out.join(&to)).expect("moved");
            line["snapshot"] = second.clone();
            line["path"] = to.into();
        }
        old.push_str(&format!("{line}\n"));
    }
    std::fs::write(&path, old).expect("room");
    let folder = out.join("worker-03/run-1");
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let entry = entry.expect("an entry").path();
        if entry.display().to_string().contains("/0004-") {
            std::fs::remove_dir_all(entry).expect("removed");
        }
    }
    std::fs::remove_file(out.join("manifest.json")).expect("removed");
    let shown = out.display().to_string();
    let verify = json(&["bundle", "verify", &shown, "-o", "json"]);
    let found = verify["findings"].as_array().expect("findings");
    assert!(found.len() == 1 && found[0]["what"] == "order", "{verify:#}");
    assert!(
        found[0]["path"].as_str().expect("a path").contains("/0002-"),
        "{verify:#}"
    );
    assert_eq!(kubeprof(&["bundle", "verify", &shown]).code, Some(1));
    // Its own time is the one that is shown.
    let all = heaps(&out);
    assert!(all[1].0 == 2 && all[1].1 >= all[2].1, "{all:#?}");
    let merged = server.path("merged");
    let target = merged.display().to_string();
    let ran = kubeprof(&["bundle", "merge", &shown, "--out", &target]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let all = heaps(&merged);
    assert!(
        all.len() == 3 && all.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1),
        "{all:#?}"
    );
    let verify = json(&["bundle", "verify", &target, "-o", "json"]);
    assert_eq!(verify["findings"].as_array().map(Vec::len), Some(0), "{verify:#}");
}
