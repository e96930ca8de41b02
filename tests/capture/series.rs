//! Series: the grid, restarts, thresholds, interruptions, kills, full disks; and going on afterwards.

use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::run::{Ran, capture, command, events, journal, kubeprof, sound, there};
use super::server::{Kubelet, Reply, Server};

const LIST: &str = "goroutine,heap";

fn series<'a>(n: &'a str, every: &'a str) -> Vec<&'a str> {
    vec!["worker-03", "--profiles", LIST, "--series", n, "--every", every]
}

fn resume(server: &Server, out: &Path) -> Ran {
    let config = server.kubeconfig().display().to_string();
    kubeprof(&[
        "capture",
        "--kubeconfig",
        &config,
        "--resume",
        &out.display().to_string(),
    ])
}

/// `bundle verify` says so.
fn verdict(out: &Path) -> (serde_json::Value, Option<i32>) {
    let ran = kubeprof(&["bundle", "verify", &out.display().to_string(), "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:#?}"));
    (json, ran.code)
}

/// One after the other; when each of them begins is played on a clock that is turned: `src/capture/session/tests`.
#[test]
fn snapshots_come_in_order() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    let ran = capture(&server, &out, &series("3", "500ms"));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    let taken: Vec<jiff::Timestamp> = events(&out, "snapshot")
        .iter()
        .map(|e| {
            e["snapshot"]["taken"]
                .as_str()
                .expect("a time")
                .parse()
                .expect("a time")
        })
        .collect();
    assert_eq!(taken.len(), 3);
    assert!(taken.is_sorted_by(|a, b| a < b), "{taken:?}");
    assert_eq!(verdict(&out).1, Some(0));
}

#[test]
fn a_restart_begins_a_new_run() {
    let kubelet = Kubelet::default();
    let start = Arc::clone(&kubelet.start);
    let looks = AtomicUsize::new(0);
    // Metrics are asked at both ends of a snapshot, and after what is taken once: the sixth begin the third snapshot.
    let server = Server::with(kubelet, true, move |r| {
        if r.at_kubelet().1 == "/metrics" && looks.fetch_add(1, Ordering::Relaxed) == 5 {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            *start.lock().expect("a time") = since.expect("a time").as_secs_f64();
        }
        None
    });
    let out = server.path("b");
    let mut args = series("4", "500ms");
    args[2] = "goroutine,heap,threadcreate";
    let ran = capture(&server, &out, &args);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    let runs = events(&out, "run");
    assert_eq!(runs.len(), 2, "{runs:#?}");
    assert!(
        ran.stderr.contains("restarted") && ran.stderr.contains("run 2"),
        "{ran:#?}"
    );
    let run_of: Vec<u64> = events(&out, "snapshot")
        .iter()
        .map(|e| e["run"].as_u64().expect("a run"))
        .collect();
    assert_eq!(run_of, [1, 1, 2, 2], "no snapshot of one process in the run of another");
    let (json, code) = verdict(&out);
    assert_eq!(code, Some(0), "{json:#}");
}

#[test]
fn a_threshold_is_waited_for_with_metrics_only() {
    let kubelet = Kubelet::default();
    let goroutines = Arc::clone(&kubelet.goroutines);
    let server = Server::with(kubelet, true, move |r| {
        if r.at_kubelet().1 == "/metrics" {
            goroutines.fetch_add(1000, Ordering::Relaxed);
        }
        None
    });
    let out = server.path("b");
    let args = [
        "worker-03",
        "--profiles",
        "heap",
        "--until-goroutines",
        "3000",
        "--until-memory",
        "2Gi",
        "--look-every",
        "1s",
    ];
    let ran = capture(&server, &out, &args);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(
        ran.stderr.contains("threshold reached") && ran.stderr.contains("3512 goroutines"),
        "{ran:#?}"
    );
    let asked: Vec<String> = server.seen().iter().map(|r| r.at_kubelet().1.to_owned()).collect();
    let first = asked.iter().position(|p| p.starts_with("/debug/")).expect("a profile");
    assert_eq!(
        asked[..first].iter().filter(|p| *p == "/metrics").count(),
        4,
        "{asked:?}"
    );
}

#[test]
fn a_token_that_expires_ends_the_series_and_resuming_completes_it() {
    let valid = Arc::new(Mutex::new(true));
    let (now, asked) = (Arc::clone(&valid), AtomicUsize::new(0));
    let server = Server::start(move |r| {
        if r.at_kubelet().1 == "/debug/pprof/heap" && asked.fetch_add(1, Ordering::Relaxed) == 2 {
            *now.lock().expect("a flag") = false;
        }
        (!*now.lock().expect("a flag")).then(|| Reply::fixture("api-401-bad-token.http"))
    });
    let out = server.path("b");
    let ran = capture(&server, &out, &series("4", "500ms"));
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    sound(&out);
    assert!(
        ran.stderr.contains("renew the credentials") && ran.stderr.contains("--resume"),
        "{ran:#?}"
    );
    assert_eq!(
        there(&out).iter().filter(|t| *t == "heap").count(),
        2,
        "what was taken stays"
    );
    assert_eq!(verdict(&out).1, Some(3));
    *valid.lock().expect("a flag") = true;
    let ran = resume(&server, &out);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    let (json, code) = verdict(&out);
    assert_eq!(code, Some(0), "{json:#}");
    assert_eq!(there(&out).iter().filter(|t| *t == "heap").count(), 4);
    assert_eq!(events(&out, "run").len(), 1, "the process is the same");
}

#[test]
fn resuming_after_a_restart_mixes_nothing() {
    let kubelet = Kubelet::default();
    let start = Arc::clone(&kubelet.start);
    let server = Server::with(kubelet, true, |_| None);
    let out = server.path("b");
    let child = start_series(&server, &out, "4", "1s");
    wait_until(|| server.seen().iter().filter(|r| r.path.ends_with("/heap")).count() >= 2);
    end(child, libc_signal::INT);
    *start.lock().expect("a time") += 1000.0;
    let ran = resume(&server, &out);
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:#?}");
    sound(&out);
    let runs = events(&out, "run");
    assert_eq!(runs.len(), 2, "{runs:#?}");
    let time = |v: &serde_json::Value| {
        v.as_str()
            .and_then(|t| t.parse::<jiff::Timestamp>().ok())
            .expect("a time")
    };
    for e in events(&out, "artifact") {
        let before = time(&e["exchange"]["t_request"]) <= time(&runs[1]["at"]);
        assert!(
            e["run"] == 2 || before,
            "an artifact of the second process is in the first run: {e:#}"
        );
        if e["artifact"] == "metrics" {
            let run = &runs[usize::try_from(e["run"].as_u64().expect("a run")).expect("small") - 1];
            assert_eq!(e["facts"]["process_start_time"], run["start_time"], "{e:#}");
        }
    }
}

#[test]
fn control_c_leaves_a_valid_bundle() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    let child = start_series(&server, &out, "100", "1s");
    wait_until(|| server.seen().iter().any(|r| r.path.ends_with("/heap")));
    let started = Instant::now();
    let code = end(child, libc_signal::INT);
    assert_eq!(code, Some(3));
    assert!(started.elapsed() < Duration::from_secs(5));
    sound(&out);
    assert_eq!(events(&out, "finished")[0]["cause"], "interrupted");
    assert_eq!(verdict(&out).1, Some(3));
    // Also in the middle of a CPU profile.
    let out = server.path("c");
    let before = server.seen().len();
    let config = server.kubeconfig().display().to_string();
    let target = out.display().to_string();
    let child = command(&[
        "capture",
        "--kubeconfig",
        &config,
        "--out",
        &target,
        "worker-04",
        "--profiles",
        "heap,cpu",
        "--seconds",
        "30",
    ])
    .spawn()
    .expect("kubeprof starts");
    wait_until(|| server.seen()[before..].iter().any(|r| r.path.ends_with("/profile")));
    let started = Instant::now();
    assert_eq!(end(child, libc_signal::TERM), Some(3));
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "thirty seconds are not waited for"
    );
    sound(&out);
    assert!(there(&out).contains(&"heap".to_owned()));
}

/// SIGKILL at moments spread over a series; the bundle is valid each time, loses nothing, and is completed.
#[test]
fn killed_at_random_moments() {
    // KUBEPROF_KILLS=200 for the whole bar.
    let kills: u64 = std::env::var("KUBEPROF_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(4);
    let server = Server::start(|_| None);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut whole = 0;
    for kill in 0..kills {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis(20 + (seed >> 33) % 1500);
        let out = server.path(&format!("k{kill}"));
        let mut child = start_series(&server, &out, "3", "500ms");
        let until = Instant::now() + moment;
        while Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(child.kill());
        drop(child.wait());
        if !out.join("manifest.jsonl").exists() {
            // Killed before the bundle was begun: there is nothing to go on with.
            continue;
        }
        let text = std::fs::read_to_string(out.join("manifest.jsonl")).expect("a journal");
        let had: Vec<String> = text
            .lines()
            .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
            .filter(|e| e["event"] == "artifact")
            .map(|e| e["sha256"].as_str().expect("a hash").to_owned())
            .collect();
        if !text.contains("\"started\"") {
            continue;
        }
        let (json, code) = verdict(&out);
        // A rest of the last write may be there and is named; nothing that was taken is damaged.
        assert!(matches!(code, Some(0 | 1 | 3)), "{json:#}");
        for finding in json["findings"].as_array().expect("findings") {
            let path = finding["path"].as_str().unwrap_or_default();
            assert!(
                path.ends_with(".part") || finding["what"] == "unfinished",
                "kill {kill}: {finding:#}"
            );
        }
        let ran = resume(&server, &out);
        assert_eq!(ran.code, Some(0), "kill {kill} after {moment:?}: {ran:#?}");
        sound(&out);
        let (json, code) = verdict(&out);
        assert_eq!(code, Some(0), "kill {kill}: {json:#}");
        let have: Vec<String> = events(&out, "artifact")
            .iter()
            .map(|e| e["sha256"].as_str().expect("a hash").to_owned())
            .collect();
        assert!(had.iter().all(|h| have.contains(h)), "kill {kill} lost something");
        whole += 1;
    }
    assert!(
        whole * 2 >= kills,
        "most of the kills met a capture: {whole} of {kills}"
    );
}

/// A small file system that fills up: what was taken stays, the rest is named, and room completes it.
#[test]
fn a_full_disk() {
    let server = Server::start(|_| None);
    let mount = server.path("small");
    std::fs::create_dir(&mount).expect("a folder");
    let shown = mount.display().to_string();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=32k", "tmpfs", &shown])
        .status()
        .is_ok_and(|s| s.success());
    if !mounted {
        let skipped = b"SKIPPED: a_full_disk: only root may mount a small file system\n";
        drop(std::io::Write::write_all(&mut std::io::stderr(), skipped));
        return;
    }
    let _unmount = Unmount(shown.clone());
    let out = mount.join("b");
    let ran = capture(&server, &out, &series("4", "500ms"));
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(
        ran.stderr.contains("disk") && ran.stderr.contains("make room"),
        "{ran:#?}"
    );
    let taken = events(&out, "artifact").len();
    assert!(taken > 3, "{taken} artifacts fitted");
    assert_eq!(verdict(&out).1, Some(3), "{:#}", verdict(&out).0);
    let roomy = std::process::Command::new("mount")
        .args(["-o", "remount,size=8m", &shown])
        .status();
    assert!(roomy.is_ok_and(|s| s.success()));
    let ran = resume(&server, &out);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&out);
    assert_eq!(verdict(&out).1, Some(0));
}

struct Unmount(String);

impl Drop for Unmount {
    fn drop(&mut self) {
        drop(std::process::Command::new("umount").args(["-l", &self.0]).status());
    }
}

fn start_series(server: &Server, out: &Path, n: &str, every: &str) -> Child {
    let config = server.kubeconfig().display().to_string();
    let out = out.display().to_string();
    let mut args = vec!["capture", "--kubeconfig", &config, "--out", &out];
    let list = series(n, every);
    args.extend(list);
    command(&args)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("kubeprof starts")
}

fn wait_until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "it never came to that");
        std::thread::sleep(Duration::from_millis(10));
    }
}

mod libc_signal {
    pub(super) const INT: &str = "-INT";
    pub(super) const TERM: &str = "-TERM";
}

/// Sends a signal and waits; the exit code.
fn end(mut child: Child, signal: &str) -> Option<i32> {
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.is_ok_and(|s| s.success()));
    child.wait().expect("it ends").code()
}

#[test]
fn journals_are_one_line_an_event() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    assert_eq!(capture(&server, &out, &series("2", "500ms")).code, Some(0));
    let kinds: Vec<String> = journal(&out)
        .iter()
        .map(|e| e["event"].as_str().expect("an event").to_owned())
        .collect();
    assert_eq!(kinds.first().map(String::as_str), Some("started"));
    assert_eq!(kinds.last().map(String::as_str), Some("finished"));
    assert_eq!(kinds.iter().filter(|k| *k == "snapshot").count(), 2);
}

#[test]
fn a_wait_that_was_ended_is_waited_for_again() {
    let kubelet = Kubelet::default();
    let goroutines = Arc::clone(&kubelet.goroutines);
    let server = Server::with(kubelet, true, |_| None);
    let out = server.path("b");
    let (config, target) = (server.kubeconfig().display().to_string(), out.display().to_string());
    let mut args = vec![
        "capture",
        "--kubeconfig",
        &config,
        "--out",
        &target,
        "worker-03",
        "--profiles",
        "heap",
    ];
    args.extend(["--until-goroutines", "3000", "--look-every", "1s"]);
    let child = command(&args).spawn().expect("kubeprof starts");
    wait_until(|| server.seen().iter().any(|r| r.path.ends_with("/metrics")));
    assert_eq!(end(child, "-HUP"), Some(2), "a terminal that goes away is no kill");
    assert_eq!(events(&out, "finished")[0]["cause"], "interrupted");
    let before = server.seen().len();
    let args = [
        "capture",
        "--kubeconfig",
        &config,
        "--resume",
        &target,
        "--look-every",
        "1s",
    ];
    let child = command(&args).spawn().expect("kubeprof starts");
    wait_until(|| {
        server.seen()[before..]
            .iter()
            .filter(|r| r.path.ends_with("/metrics"))
            .count()
            >= 2
    });
    assert!(
        server.seen()[before..].iter().all(|r| !r.path.ends_with("/heap")),
        "it is not due yet"
    );
    goroutines.store(5000, Ordering::Relaxed);
    let ended = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("threshold reached"), "{stderr}");
    assert!(there(&out).contains(&"heap".to_owned()));
}

/// What can never come is not waited for; every reason is played in `src/capture/session/tests/waits.rs`.
#[test]
fn a_threshold_that_cannot_be_reached() {
    let forbidden = || Reply::fixture("direct-403-viewer.http");
    let cases: [(&dyn Fn() -> Reply, &str); 1] = [(&forbidden, "may not get")];
    for (answer, words) in cases {
        let reply = answer();
        let server = Server::start(move |r| (r.path == "/metrics").then(|| reply.clone()));
        let (out, address, ca) = (
            server.path("b"),
            server.address.to_string(),
            server.ca().display().to_string(),
        );
        let target = out.display().to_string();
        let mut args = vec![
            "capture",
            "--direct",
            &address,
            "--certificate-authority",
            &ca,
            "--token",
            "t",
        ];
        args.extend([
            "--out",
            &target,
            "--profiles",
            "heap",
            "--until-memory",
            "2Gi",
            "--look-every",
            "1s",
        ]);
        let ran = kubeprof(&args);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        assert!(
            ran.stderr.contains(words) && ran.stderr.contains("hint:"),
            "{words}: {ran:#?}"
        );
        assert!(ran.took < Duration::from_secs(8), "{ran:#?}");
        assert!(
            server.seen().iter().all(|r| r.path == "/metrics"),
            "{:#?}",
            server.seen()
        );
    }
}
