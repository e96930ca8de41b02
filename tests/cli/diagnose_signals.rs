//! `diagnose` of little: metrics alone, a CPU profile alone, goroutines that attend others. Each sign beside what looks like it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::support::run;

fn diagnose(at: &Path) -> Value {
    let answer = run(&["diagnose", "-o", "json", &at.display().to_string()]);
    assert!(answer.code < 2, "{}", answer.stderr);
    serde_json::from_str(&answer.stdout).expect("JSON")
}

/// Kind, subject by its fingerprint, and confidence of every finding.
fn told(d: &Value) -> Vec<(String, String)> {
    let findings = d["findings"].as_array().expect("findings").iter();
    let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    findings
        .map(|f| (word(&f["fingerprint"]), word(&f["confidence"])))
        .collect()
}

/// What scrapes say, snapshot by snapshot: start of the process, MiB, goroutines.
type Rows = Vec<(u32, u64, u32)>;

/// Fingerprints with their confidence.
type Told<'t> = &'t [(&'t str, &'t str)];

/// One scrape a snapshot.
fn scrapes(folder: &Path, rows: &[(u32, u64, u32)]) {
    for (i, (start, mib, goroutines)) in rows.iter().enumerate() {
        let text = format!(
            "# TYPE go_goroutines gauge\nprocess_start_time_seconds {start}\nprocess_resident_memory_bytes {}\n\
             go_goroutines {goroutines}\nkubelet_running_pods 60\n",
            mib << 20
        );
        fs::write(folder.join(format!("s{:02}-metrics.txt", i + 1)), text).expect("written");
    }
}

#[test]
fn metrics_alone_tell_memory_goroutines_and_restarts() {
    const START: u32 = 1_700_000_000;
    let steady = |mib: u64, goroutines: u32| (START, mib, goroutines);
    let cases: [(&str, Rows, Told<'_>); 7] = [
        (
            "memory that doubles and climbs on",
            (0..6).map(|i| steady(300 + 200 * i, 512)).collect(),
            &[("leak/go-runtime/memory", "likely")],
        ),
        (
            "a warm-up",
            [60, 110, 125, 128, 129, 130].map(|m| steady(m, 512)).to_vec(),
            &[],
        ),
        (
            "memory that came down",
            [300, 900, 1300, 700, 650, 640].map(|m| steady(m, 512)).to_vec(),
            &[],
        ),
        (
            "many goroutines",
            vec![steady(120, 5000); 2],
            &[("metric/go-runtime/goroutines", "likely")],
        ),
        ("as many as 60 pods have", vec![steady(120, 700); 2], &[]),
        (
            "another start each time",
            (0..4).map(|i| (START + 30 * i, 90, 300)).collect(),
            &[("crash/go-runtime/restarts", "likely")],
        ),
        ("one restart", vec![steady(90, 300), (START + 30, 90, 300)], &[]),
    ];
    for (name, rows, expected) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        scrapes(folder.path(), &rows);
        let d = diagnose(folder.path());
        let told = told(&d);
        let told: Vec<(&str, &str)> = told.iter().map(|(f, c)| (f.as_str(), c.as_str())).collect();
        assert_eq!(told, expected, "{name}: {d}");
    }
}

/// A goroutine of a dump.
fn goroutine(dump: &mut String, n: &mut u32, state: &str, frames: &[&str], creator: &str) {
    *n += 1;
    let _ = writeln!(dump, "goroutine {n} [{state}]:");
    for f in frames {
        let _ = writeln!(dump, "{f}(0xc000a4f900)\n\t/go/src/a.go:7 +0x1c");
    }
    let _ = writeln!(dump, "created by {creator} in goroutine 1\n\t/go/src/a.go:9 +0x2c\n");
}

/// A kubelet with so many pods, each with a worker and a loop that measures its volumes.
fn node(pods: u32, n: &mut u32) -> String {
    let mut dump = String::new();
    let kubelet = "k8s.io/kubernetes/pkg/kubelet";
    let sync = format!("{kubelet}.(*Kubelet).syncLoopIteration");
    goroutine(
        &mut dump,
        n,
        "select",
        &[&sync, &format!("{kubelet}.(*Kubelet).syncLoop")],
        "main.main",
    );
    for _ in 0..pods {
        let worker = format!("{kubelet}.(*podWorkers).podWorkerLoop");
        goroutine(
            &mut dump,
            n,
            "chan receive",
            &[&worker],
            &format!("{kubelet}.(*podWorkers).UpdatePod"),
        );
        let stats = format!("{kubelet}/server/stats.(*volumeStatCalculator).StartOnce.func1");
        let wait = "k8s.io/apimachinery/pkg/util/wait.BackoffUntil";
        goroutine(
            &mut dump,
            n,
            "select",
            &[wait, &stats],
            &format!("{kubelet}/server/stats.(*volumeStatCalculator).StartOnce"),
        );
    }
    dump
}

#[test]
fn sessions_of_users_are_no_leak_and_connections_without_a_session_are() {
    let stream = "github.com/moby/spdystream.(*Connection).Serve";
    let creator = "k8s.io/apimachinery/pkg/util/httpstream/spdy.newConnection";
    let handler = "k8s.io/kubernetes/pkg/kubelet/server.(*Server).getPortForward";
    for (with_handler, expected) in [(true, 0), (false, 1)] {
        let mut n = 0;
        let mut dump = node(20, &mut n);
        for _ in 0..60 {
            if with_handler {
                goroutine(
                    &mut dump,
                    &mut n,
                    "select, 90 minutes",
                    &[handler],
                    "net/http.(*Server).Serve",
                );
            }
            for _ in 0..3 {
                goroutine(&mut dump, &mut n, "IO wait, 90 minutes", &[stream], creator);
            }
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), dump).expect("written");
        let d = diagnose(file.path());
        let leaks = told(&d)
            .into_iter()
            .filter(|(f, c)| f.starts_with("leak/") && c != "suspect")
            .count();
        assert_eq!(leaks.min(1), expected, "with a handler: {with_handler}: {d}");
    }
}

#[test]
fn workers_without_pods_are_no_pods() {
    let mut n = 0;
    let mut dump = node(30, &mut n);
    let worker = "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop";
    for _ in 0..900 {
        goroutine(
            &mut dump,
            &mut n,
            "chan receive, 300 minutes",
            &[worker],
            "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod",
        );
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), dump).expect("written");
    let d = diagnose(file.path());
    assert_eq!(d["examined"]["load"]["pods"], json!(30.0), "{d}");
    assert_eq!(d["findings"][0]["subsystem"], json!("pod-workers"), "{d}");
    assert_eq!(d["verdict"], json!("sick"));
}
