//! Restarts of the kubelet between a capture and its resumption, and what looks like one. Restarts at every request of a
//! capture are played on a clock that is turned: `src/capture/session/tests/restarts.rs`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::run::{Ran, capture, events, kept, kubeprof, lack, sound};
use super::server::{Kubelet, Reply, Request, Server};

fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // To the millisecond: a number that comes back as it went.
    (since.expect("a time").as_secs_f64() * 1e3).round() / 1e3
}

/// Every artifact was answered by the process that its run is said to be of.
fn filed_where_it_belongs(out: &Path) -> Vec<String> {
    let runs = events(out, "run");
    let start = |run: &serde_json::Value| {
        let last = runs.iter().rev().find(|r| r["run"] == *run);
        last.and_then(|r| r["start_time"].as_f64())
    };
    let mut wrong = Vec::new();
    for e in kept(out) {
        if e["artifact"] == "node" || e["artifact"] == "version" {
            continue;
        }
        let by = e["exchange"]["headers"]["audit-id"]
            .as_str()
            .and_then(|t| t.parse::<f64>().ok());
        if by.is_none() || by != start(&e["run"]) {
            wrong.push(format!(
                "{} of {by:?} is in run {} of {:?}",
                e["artifact"],
                e["run"],
                start(&e["run"])
            ));
        }
    }
    wrong
}

fn resume(server: &Server, out: &Path, args: &[&str]) -> Ran {
    let config = server.kubeconfig().display().to_string();
    let out = out.display().to_string();
    let mut all = vec!["capture", "--kubeconfig", &config, "--resume", &out];
    all.extend(args);
    kubeprof(&all)
}

/// A profile that only lacked is not taken of another process into the run of the first.
#[test]
fn between_a_capture_and_its_resumption() {
    let kubelet = Kubelet::default();
    let start = Arc::clone(&kubelet.start);
    let busy = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_busy = Arc::clone(&busy);
    let cpu = move |r: &Request| r.at_kubelet().1 == "/debug/pprof/profile" && is_busy.load(Ordering::Relaxed);
    let server = Server::with(kubelet, true, move |r| {
        cpu(r).then(|| Reply::fixture("kubelet-500-cpu-profile-in-use.http"))
    });
    let out = server.path("b");
    let args = ["worker-03", "--profiles", "heap,threadcreate,cpu", "--seconds", "1"];
    let ran = capture(&server, &out, &args);
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    busy.store(false, Ordering::Relaxed);
    *start.lock().expect("a time") += 4000.0;
    let ran = resume(&server, &out, &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    assert_eq!(filed_where_it_belongs(&out), Vec::<String>::new());
    let cpu = kept(&out)
        .into_iter()
        .find(|e| e["artifact"] == "cpu")
        .expect("a CPU profile");
    assert_eq!(cpu["run"], 2, "{cpu:#}");
    let lack = lack(&out, "cpu");
    assert!(
        lack["why"].as_str().expect("a reason").contains("only one at a time"),
        "{lack:#}"
    );
    assert!(ran.stderr.contains("run 2 begins"), "{ran:#?}");
    // What is whole is not touched.
    let before = server.seen().len();
    *start.lock().expect("a time") += 4000.0;
    let ran = resume(&server, &out, &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let asked: Vec<Request> = server.seen()[before..].to_vec();
    assert!(asked.iter().all(|r| !r.path.contains("/proxy/")), "{asked:#?}");
}

/// The time of start is reckoned from the time of day: when that is set, another start is named by the same process.
#[test]
fn a_clock_that_is_set_is_no_restart() {
    let kubelet = Kubelet::default();
    let start = Arc::clone(&kubelet.start);
    *start.lock().expect("a time") = now() - 86400.0;
    let asked = AtomicUsize::new(0);
    let server = Server::with(kubelet, true, move |r| {
        if r.at_kubelet().1 == "/debug/pprof/heap" && asked.fetch_add(1, Ordering::Relaxed) == 0 {
            *start.lock().expect("a time") += 1.0;
        }
        None
    });
    let out = server.path("b");
    let args = [
        "worker-03",
        "--profiles",
        "goroutine,heap",
        "--series",
        "2",
        "--every",
        "1s",
    ];
    let ran = capture(&server, &out, &args);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    assert!(kept(&out).iter().all(|e| e["run"] == 1), "{ran:#?}");
    assert!(
        ran.stderr.contains("clock of the node was set") && !ran.stderr.contains("restarted"),
        "{ran:#?}"
    );
}

/// What came to its end was heard of then; a kubelet that is restarted right afterwards takes nothing of it away.
#[test]
fn what_came_to_its_end_is_not_withdrawn() {
    let kubelet = Kubelet::default();
    let start = Arc::clone(&kubelet.start);
    *start.lock().expect("a time") = now() - 86400.0;
    let busy = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_busy = Arc::clone(&busy);
    let server = Server::with(kubelet, true, move |r| {
        let refused = r.at_kubelet().1 == "/debug/pprof/threadcreate" && is_busy.load(Ordering::Relaxed);
        refused.then(|| Reply::text(500, "not now"))
    });
    let out = server.path("b");
    let ran = capture(
        &server,
        &out,
        &["worker-03", "--profiles", "goroutine,heap,threadcreate"],
    );
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    *start.lock().expect("a time") = now();
    busy.store(false, Ordering::Relaxed);
    let ran = resume(&server, &out, &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    let of_first = kept(&out).into_iter().filter(|e| e["run"] == 1);
    let names: Vec<String> = of_first
        .map(|e| e["artifact"].as_str().expect("a name").to_owned())
        .collect();
    for name in ["goroutine", "heap", "healthz", "metrics"] {
        assert!(names.iter().any(|n| n == name), "{name}: {names:?}");
    }
}
