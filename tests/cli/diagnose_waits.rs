//! `diagnose` on waits: which are a hang, which are as the pod's owner wants them, and what goroutines of one moment without
//! ages may say. Each case through the binary.

use std::fs;

use serde_json::Value;

use super::diagnose_odd::dump;
use super::made_profile::{Made, profile, save};
use super::support::run;

const KUBELET: &str = "k8s.io/kubernetes/pkg/kubelet";
const GRPC: &str = "google.golang.org/grpc.(*ClientConn).Invoke";
const SYNC: &str = "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoopIteration";
const PLEG: &str = "k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Relist";
const WORKER: &str = "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop";
const PROBE: &str = "k8s.io/kubernetes/pkg/kubelet/prober.(*worker).run";

fn call(method: &str) -> String {
    format!("k8s.io/cri-api/pkg/apis/runtime/v1.(*runtimeServiceClient).{method}")
}

fn diagnosed(source: &str) -> Value {
    let answer = run(&["diagnose", source, "-o", "json"]);
    assert!(answer.code < 2, "{source}: {}", answer.stderr);
    serde_json::from_str(&answer.stdout).expect("JSON")
}

/// Subsystem and confidence of the first finding.
fn first(report: &Value) -> (&str, &str) {
    let text = |key: &str| report["findings"][0][key].as_str().unwrap_or_default();
    (text("subsystem"), text("confidence"))
}

/// The answer about a dump of a kubelet that is well but for these.
fn with(goroutines: &[(&str, usize, &[&str])]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dump.txt");
    let mut all: Vec<(&str, usize, &[&str])> = vec![
        ("select", 1, &["runtime.gopark", SYNC]),
        ("select", 1, &["runtime.gopark", PLEG]),
        ("select", 60, &["runtime.gopark", WORKER]),
        ("select", 60, &["runtime.gopark", PROBE]),
    ];
    all.extend_from_slice(goroutines);
    fs::write(&path, dump(&all)).expect("room");
    diagnosed(&path.display().to_string())
}

/// The answer about profiles with so many probe workers in ExecSync, of 60.
fn probes_at_work(counts: &[i64]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let exec = call("ExecSync");
    for (i, &at_work) in counts.iter().enumerate() {
        let sample = |stack, values| Made {
            stack,
            values,
            texts: &[],
            numbers: &[],
        };
        let in_call = ["runtime.gopark", "runtime.selectgo", GRPC, &exec, PROBE];
        let (here, rest) = ([at_work], [60 - at_work]);
        let made = profile(
            &[("goroutine", "count")],
            &[
                sample(&["runtime.gopark", "runtime.selectgo", SYNC], &[1]),
                sample(&["runtime.gopark", "runtime.selectgo", PLEG], &[1]),
                sample(&["runtime.gopark", "runtime.selectgo", WORKER], &[60]),
                sample(&["runtime.gopark", "runtime.selectgo", PROBE], &rest),
                sample(&in_call, &here),
            ],
        );
        save(&made, folder.path(), &format!("s{i:02}-goroutine.pb.gz"));
    }
    diagnosed(&folder.path().display().to_string())
}

#[test]
fn calls_that_come_and_go_are_no_hang() {
    let busy = probes_at_work(&[14, 10, 17, 10, 8, 11, 15]);
    assert_ne!(busy["verdict"], "sick", "{busy}");
    // All of them at every moment: that is no busy node.
    let hung = probes_at_work(&[2, 60, 60, 60]);
    assert_eq!(hung["verdict"], "sick", "{hung}");
    assert!(matches!(first(&hung).0, "probes" | "cri-client"), "{hung}");
}

#[test]
fn a_profile_does_not_say_that_no_wait_is_too_long() {
    let report = probes_at_work(&[1]);
    let text = report.to_string();
    assert!(!text.contains("no wait is too long: yes"), "{text}");
    assert!(text.contains("no wait is too long: not checked"), "{text}");
}

#[test]
fn a_grace_period_is_no_hang() {
    let stop = call("StopContainer");
    let kill = format!("{KUBELET}/kuberuntime.(*kubeGenericRuntimeManager).killContainer");
    let hook = format!("{KUBELET}/kuberuntime.(*kubeGenericRuntimeManager).executePreStopHook");
    let exec = call("ExecSync");
    for stack in [
        ["runtime.gopark", GRPC, &stop, &kill],
        ["runtime.gopark", GRPC, &exec, &hook],
    ] {
        let report = with(&[("select, 18 minutes", 6, &stack)]);
        assert_eq!(report["verdict"], "unknown", "{report}");
        assert_eq!(first(&report).1, "suspect");
    }
    let forever = with(&[("select, 900 minutes", 6, &["runtime.gopark", GRPC, &stop, &kill])]);
    assert_eq!(first(&forever).1, "likely", "{forever}");
}

#[test]
fn requests_that_hang_are_found_below_the_server() {
    let list = call("ListContainerStats");
    let provider = format!("{KUBELET}/stats.(*criStatsProvider).ListPodStats");
    let handler = format!("{KUBELET}/server.(*Server).ServeHTTP");
    let frames = [
        "runtime.gopark",
        GRPC,
        &list,
        &provider,
        &handler,
        "net/http.(*conn).serve",
    ];
    let report = with(&[("select, 180 minutes", 20, &frames)]);
    assert_eq!(first(&report), ("stats-provider", "likely"), "{report}");
    let session = format!("{KUBELET}/server.proxyStream");
    let upgrade = "k8s.io/apimachinery/pkg/util/proxy.(*UpgradeAwareHandler).ServeHTTP";
    let report = with(&[(
        "select, 180 minutes",
        5,
        &["runtime.gopark", upgrade, &session, &handler],
    )]);
    assert_eq!(report["verdict"], "healthy", "{report}");
}

#[test]
fn many_sandboxes_below_their_deadline_are_a_finding() {
    let sandbox = call("RunPodSandbox");
    let frames = ["runtime.gopark", GRPC, &sandbox, WORKER];
    let slow = with(&[("select, 2 minutes", 12, &frames)]);
    assert_eq!(first(&slow), ("pod-workers", "likely"), "{slow}");
    let starting = with(&[("select", 25, &frames)]);
    assert_ne!(starting["verdict"], "sick", "{starting}");
}
