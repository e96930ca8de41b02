//! Restarts of the kubelet at every moment of a capture: no artifact is filed under a process that it is not of, and what was
//! asked is there in the end, of one process or of the other.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::run::{Ran, capture, events, kept, kubeprof, lack, sound};
use super::server::{How, Kubelet, Reply, Request, Server};

/// How the kubelet is restarted.
#[derive(Clone, Copy, Debug)]
struct Restart {
    /// With this request to it, from 0.
    at: usize,
    /// Before it is answered, or instead: the connection ends.
    breaks: bool,
    /// Whether the start of the new process is of this moment; else its clock is days off.
    in_time: bool,
}

fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // To the millisecond: a number that comes back as it went.
    (since.expect("a time").as_secs_f64() * 1e3).round() / 1e3
}

/// A kubelet that is restarted so; with the number of requests to it so far.
fn restarting(restart: Restart) -> (Server, Arc<AtomicUsize>) {
    let kubelet = Kubelet::default();
    let (start, asked) = (Arc::clone(&kubelet.start), Arc::new(AtomicUsize::new(0)));
    *start.lock().expect("a time") = now() - 86400.0;
    let count = Arc::clone(&asked);
    let server = Server::with(kubelet, true, move |r| {
        if !r.path.contains("/proxy/") || count.fetch_add(1, Ordering::Relaxed) != restart.at {
            return None;
        }
        let new = if restart.in_time { now() } else { now() - 5000.0 };
        *start.lock().expect("a time") = new;
        restart.breaks.then(|| Reply::text(200, "").how(How::Close))
    });
    (server, asked)
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

fn verified(out: &Path) -> Ran {
    kubeprof(&["bundle", "verify", &out.display().to_string()])
}

fn play(restart: Restart) -> Vec<String> {
    let (server, asked) = restarting(restart);
    let out = server.path("b");
    let mut args = vec!["worker-03", "--profiles", "goroutine,heap,threadcreate,configz,cpu"];
    args.extend(["--seconds", "1", "--series", "2", "--every", "1s"]);
    let ran = capture(&server, &out, &args);
    let mut wrong = Vec::new();
    if asked.load(Ordering::Relaxed) <= restart.at {
        return wrong;
    }
    sound(&out);
    wrong.extend(filed_where_it_belongs(&out));
    if !matches!(ran.code, Some(0 | 3)) || (ran.code == Some(3) && !restart.breaks) {
        wrong.push(format!("exit code {:?}: {}\n{}", ran.code, ran.stderr, ran.stdout));
    }
    // The fixtures are of several builds, which is all that may be said against them.
    let ran_verify = verified(&out);
    let findings = ran_verify.stdout.lines().filter(|l| l.starts_with("  facts "));
    let mut others = findings.filter(|l| !l.ends_with("build IDs in one run"));
    if let Some(other) = others.next() {
        wrong.push(format!("verify: {other}\n{}", ran_verify.stdout));
    }
    // The last process has all of its own but what the end of its time left out.
    let runs = events(&out, "run").iter().filter_map(|r| r["run"].as_u64()).max();
    if restart.at > 2 && runs != Some(2) {
        wrong.push(format!("{runs:?} runs: {}", ran.stderr));
    }
    for name in ["goroutine", "heap"] {
        let there = kept(&out).iter().filter(|e| e["artifact"] == name).count();
        if there < 2 {
            wrong.push(format!("{there} of {name}: {}", ran.stderr));
        }
    }
    wrong
}

/// The process changes with every request of a capture in turn.
#[test]
fn at_every_request() {
    // KUBEPROF_RESTARTS=all for all four kinds of restart at each of them.
    let all = std::env::var("KUBEPROF_RESTARTS").is_ok_and(|v| v == "all");
    let mut restarts = Vec::new();
    for at in 0..20 {
        for (kind, (breaks, in_time)) in [(false, true), (true, true), (false, false), (true, false)]
            .into_iter()
            .enumerate()
        {
            if all || at % 4 == kind || (at + 1) % 4 == kind {
                restarts.push(Restart { at, breaks, in_time });
            }
        }
    }
    let mut wrong = Vec::new();
    for some in restarts.chunks(10) {
        std::thread::scope(|scope| {
            let runs: Vec<_> = some.iter().map(|r| scope.spawn(|| play(*r))).collect();
            for (restart, run) in some.iter().zip(runs) {
                let said = run.join().expect("a run");
                wrong.extend(said.into_iter().map(|w| format!("{restart:?}: {w}")));
            }
        });
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
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

/// A profile that is surely of the old process stays where it is, though the new one answers when it is looked at.
#[test]
fn what_was_whole_before_stays() {
    let kubelet = Kubelet::default();
    let start = Arc::clone(&kubelet.start);
    *start.lock().expect("a time") = now() - 86400.0;
    let slow = Arc::new(AtomicUsize::new(0));
    let server = Server::with(kubelet, true, move |r| {
        if r.at_kubelet().1 != "/debug/pprof/allocs" || slow.fetch_add(1, Ordering::Relaxed) > 0 {
            return None;
        }
        // Answered by nobody for long after the restart.
        std::thread::sleep(Duration::from_secs(3));
        *start.lock().expect("a time") = now();
        Some(Reply::text(200, "").how(How::Close))
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "goroutine,heap,allocs"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    assert_eq!(filed_where_it_belongs(&out), Vec::<String>::new());
    let of = |run: u64| -> Vec<String> {
        let kept = kept(&out).into_iter().filter(|e| e["run"] == run);
        kept.map(|e| e["artifact"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(of(1), ["healthz", "metrics", "goroutine", "heap"], "{ran:#?}");
    assert_eq!(of(2), ["healthz", "metrics", "goroutine", "heap", "allocs"], "{ran:#?}");
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

/// A kubelet that ends whenever it is asked for its heap never gives one: that is a lack, and no success.
#[test]
fn what_no_process_outlives_is_a_lack() {
    let kubelet = Kubelet::default();
    let start = Arc::clone(&kubelet.start);
    *start.lock().expect("a time") = now() - 86400.0;
    let server = Server::with(kubelet, true, move |r| {
        if r.at_kubelet().1 != "/debug/pprof/heap" {
            return None;
        }
        std::thread::sleep(Duration::from_millis(500));
        *start.lock().expect("a time") = now();
        None
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &["worker-03", "--profiles", "heap"]);
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    sound(&out);
    assert_eq!(filed_where_it_belongs(&out), Vec::<String>::new());
    assert_eq!(verified(&out).code, Some(3), "{:#?}", verified(&out));
}

/// A kubelet that ends while it measures: the measurement is taken of the next one.
#[test]
fn a_measurement_that_a_restart_cuts_is_taken_of_the_next() {
    let kubelet = Kubelet::default();
    let start = Arc::clone(&kubelet.start);
    *start.lock().expect("a time") = now() - 86400.0;
    let asked = AtomicUsize::new(0);
    let server = Server::with(kubelet, true, move |r| {
        if r.at_kubelet().1 != "/debug/pprof/profile" || asked.fetch_add(1, Ordering::Relaxed) > 0 {
            return None;
        }
        std::thread::sleep(Duration::from_millis(500));
        *start.lock().expect("a time") = now();
        Some(Reply::text(200, "").how(How::Close))
    });
    let out = server.path("b");
    let ran = capture(
        &server,
        &out,
        &["worker-03", "--profiles", "heap,cpu", "--seconds", "1"],
    );
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    assert_eq!(filed_where_it_belongs(&out), Vec::<String>::new());
    let cpu = kept(&out).into_iter().find(|e| e["artifact"] == "cpu");
    assert_eq!(cpu.expect("a CPU profile")["run"], 2);
}

/// What is taken once of a process comes after its first snapshot, also of one that a restart in the middle of it brought: no
/// snapshot of the series waits for a measurement of half a minute.
#[test]
fn a_new_process_is_first_looked_at() {
    for (restarts_at, snapshots) in [(0, "3"), (0, "1")] {
        let kubelet = Kubelet::default();
        let start = Arc::clone(&kubelet.start);
        *start.lock().expect("a time") = now() - 86400.0;
        let asked = AtomicUsize::new(0);
        let server = Server::with(kubelet, true, move |r| {
            let cpu = r.at_kubelet().1 == "/debug/pprof/profile";
            if cpu && asked.fetch_add(1, Ordering::Relaxed) == restarts_at {
                std::thread::sleep(Duration::from_millis(300));
                *start.lock().expect("a time") = now();
                return Some(Reply::text(200, "").how(How::Close));
            }
            None
        });
        let out = server.path("b");
        let mut args = vec!["worker-03", "--profiles", "heap,threadcreate,cpu", "--seconds", "1"];
        args.extend(["--series", snapshots, "--every", "4s"]);
        let ran = capture(&server, &out, &args);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        sound(&out);
        assert_eq!(filed_where_it_belongs(&out), Vec::<String>::new());
        let of_second = kept(&out).into_iter().filter(|e| e["run"] == 2);
        let order: Vec<String> = of_second
            .map(|e| e["artifact"].as_str().expect("a name").to_owned())
            .collect();
        let at = |name: &str| {
            order
                .iter()
                .position(|n| n == name)
                .unwrap_or_else(|| panic!("{name}: {order:?}"))
        };
        assert!(at("heap") < at("threadcreate") && at("heap") < at("cpu"), "{order:?}");
        let ran = verified(&out);
        assert!(
            !ran.stdout.contains("lacking (") && !ran.stdout.contains("two processes"),
            "{ran:#?}"
        );
    }
}
