//! `diagnose` through the binary, on real captures.

use serde_json::Value;

use super::support::{capture, run};

fn diagnosed(args: &[&str]) -> (Value, i32) {
    let mut all = vec!["diagnose"];
    all.extend_from_slice(args);
    all.extend(["-o", "json"]);
    let answer = run(&all);
    assert!(answer.code < 2, "{args:?}: {}", answer.stderr);
    (serde_json::from_str(&answer.stdout).expect("JSON"), answer.code)
}

#[test]
fn a_frozen_runtime_is_found_with_its_victims() {
    let (report, code) = diagnosed(&[&capture("frozen-runtime")]);
    assert_eq!(code, 1);
    assert_eq!(report["schema"], "kubeprof/diagnose/1");
    assert_eq!(report["verdict"], "sick");
    let first = &report["findings"][0];
    assert_eq!(first["fingerprint"], "environment/cri-client/container-runtime");
    assert_eq!(first["subsystem"], "cri-client");
    assert!(
        matches!(first["confidence"].as_str(), Some("likely" | "certain")),
        "{first}"
    );
    let summary = first["summary"].as_str().expect("a sentence");
    assert!(summary.contains("60 probe workers in ExecSync"), "{summary}");
    assert!(
        summary.contains("58 pod workers wait for the PLEG, up to 5 min"),
        "{summary}"
    );
}

#[test]
fn one_dump_of_it_is_enough() {
    let (report, code) = diagnosed(&[&capture("frozen-runtime/d-6min-goroutine.debug2.txt.gz")]);
    assert_eq!(code, 1);
    assert_eq!(report["findings"][0]["subsystem"], "cri-client");
    let (report, code) = diagnosed(&[&capture("frozen-runtime/b-70s-goroutine.pb.gz")]);
    assert_eq!(code, 1);
    assert_eq!(report["findings"][0]["subsystem"], "cri-client");
    // A profile has no waits, and that is said.
    let next = report["findings"][0]["next"][0].as_str().expect("what to take next");
    assert!(next.contains("debug=2"), "{next}");
}

#[test]
fn a_healthy_kubelet_is_healthy() {
    for healthy in ["healthy-1.37.2", "frozen-runtime/a-before-goroutine.debug2.txt.gz"] {
        let (report, code) = diagnosed(&[&capture(healthy)]);
        assert_eq!(
            (report["verdict"].as_str(), code),
            (Some("healthy"), 0),
            "{healthy}: {report}"
        );
        assert_eq!(report["findings"].as_array().map(Vec::len), Some(0));
    }
}

#[test]
fn one_heap_alone_says_nothing() {
    let heap = capture("healthy-1.37.2/s01-heap.pb.gz");
    let (report, code) = diagnosed(&[&heap]);
    assert_eq!((report["verdict"].as_str(), code), (Some("unknown"), 0));
    assert_eq!(run(&["diagnose", &heap, "--fail-on", "unknown"]).code, 1);
}

#[test]
fn text_fits_a_hundred_columns() {
    let answer = run(&["diagnose", &capture("frozen-runtime")]);
    assert_eq!(answer.code, 1);
    assert!(answer.stdout.starts_with("SICK"), "{}", answer.stdout);
    for line in answer.stdout.lines().filter(|l| !l.contains('/')) {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let markdown = run(&["diagnose", &capture("frozen-runtime"), "-o", "markdown"]).stdout;
    assert!(markdown.starts_with("## SICK"), "{markdown}");
}

#[test]
fn what_is_nothing_is_an_error() {
    let answer = run(&["diagnose", "Cargo.toml"]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.starts_with("error: "), "{}", answer.stderr);
    assert!(answer.stderr.contains("hint: "), "{}", answer.stderr);
}

/// A kubelet that samples no locks has an empty block profile: that is no look at locks.
#[test]
fn what_was_not_sampled_was_not_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let dump = capture("frozen-runtime/a-before-goroutine.debug2.txt.gz");
    std::fs::copy(dump, folder.path().join("a-goroutine.debug2.txt.gz")).expect("room");
    let contended = |text: &str| {
        std::fs::write(folder.path().join("a-block.txt"), text).expect("room");
        let (report, _) = diagnosed(&[&folder.path().display().to_string()]);
        let checked = report["checked"].as_array().expect("checks").clone();
        let is = |c: &&Value| c.to_string().contains("lock");
        checked.iter().find(is).expect("a check of locks").clone()
    };
    let off = contended("--- contention:\ncycles/second=1000000000\n");
    assert!(off.to_string().contains("block profile"), "{off}");
    let on = contended(
        "--- contention:\ncycles/second=1000000000\n50 1 @ 0x401000 0x402000\n#\t0x400fff\tmain.f+0x1f\t/a.go:7\n",
    );
    assert!(!on.to_string().contains("block profile"), "{on}");
}

/// A kubelet that lives through an outage of its API server: few of its requests failed, as it has counted them since its start,
/// but the loop of its lease waits to try again. That it asks at this moment says nothing.
#[test]
fn a_lease_that_is_not_renewed_is_an_outage() {
    const WAITS: &str = "goroutine 987654 [select]:\n\
        k8s.io/component-helpers/apimachinery/lease.(*controller).backoffEnsureLease(0x29f416d0c780, {0x34098d0, 0x54d5640})\n\
        \tk8s.io/component-helpers@v0.36.3/apimachinery/lease/controller.go:203 +0x1f2\n";
    const ASKS: &str = "goroutine 987654 [select]:\n\
        golang.org/x/net/http2.(*ClientConn).roundTrip(0x29f416d0c780, {0x34098d0, 0x54d5640})\n\
        \tgolang.org/x/net@v0.49.0/http2/transport.go:1435 +0x1f2\n\
        k8s.io/component-helpers/apimachinery/lease.(*controller).backoffEnsureLease(0x29f416d0c780, {0x34098d0, 0x54d5640})\n\
        \tk8s.io/component-helpers@v0.36.3/apimachinery/lease/controller.go:196 +0x1f2\n";
    const REST: &str = "k8s.io/component-helpers/apimachinery/lease.(*controller).sync(0x29f416d0c780, {0x34098d0, 0x54d5640})\n\
        \tk8s.io/component-helpers@v0.36.3/apimachinery/lease/controller.go:174 +0x1dc\n\
        k8s.io/component-helpers/apimachinery/lease.(*controller).Run(0x15?, {0x34098d0?, 0x54d5640?})\n\
        \tk8s.io/component-helpers@v0.36.3/apimachinery/lease/controller.go:148 +0x51\n\
        created by k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run in goroutine 280\n\
        \tk8s.io/kubernetes@v1.36.3/pkg/kubelet/kubelet.go:1931 +0x787\n\n";
    let healthy = std::fs::read(capture("frozen-runtime/a-before-goroutine.debug2.txt.gz")).expect("a dump");
    let healthy = kubeprof::pprof::inflate(&healthy, kubeprof::pprof::Limit::Proportional).expect("gzip");
    for (top, failed, finding) in [
        (Some(WAITS), 7, Some("environment/api-client/api-server")),
        (Some(WAITS), 0, None),
        (Some(ASKS), 7, None),
        (None, 7, None),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let lease = top.map(|top| format!("{top}{REST}")).unwrap_or_default();
        let dump = [lease.as_bytes(), &healthy[..]].concat();
        std::fs::write(folder.path().join("a-goroutine.debug2.txt"), dump).expect("room");
        let requests =
            |code: &str, n: u32| format!("rest_client_requests_total{{code=\"{code}\",method=\"PUT\"}} {n}\n");
        let metrics = format!(
            "process_start_time_seconds 1.7e9\n{}{}",
            requests("200", 240),
            requests("<error>", failed)
        );
        std::fs::write(folder.path().join("a-metrics.txt"), metrics).expect("room");
        let (report, code) = diagnosed(&[&folder.path().display().to_string()]);
        assert_eq!(
            report["findings"][0]["fingerprint"].as_str(),
            finding,
            "{failed}: {report:#}"
        );
        assert_eq!(code, i32::from(finding.is_some()), "{report:#}");
        if finding.is_some() {
            assert_eq!(report["findings"][0]["confidence"], "likely");
            assert!(report.to_string().contains("lease could not be renewed"), "{report:#}");
        }
    }
}

/// Exec probes of a busy node are slow at one moment: a crowd in ExecSync that no minute and no other part vouches for.
#[test]
fn a_burst_of_probes_is_not_likely_a_hang() {
    let text = |name: &str| {
        let packed = std::fs::read(capture(name)).expect("a dump");
        let bytes = kubeprof::pprof::inflate(&packed, kubeprof::pprof::Limit::Proportional).expect("gzip");
        String::from_utf8(bytes.into_owned()).expect("a text")
    };
    let frozen = text("frozen-runtime/d-6min-goroutine.debug2.txt.gz");
    let probe = frozen
        .split("\n\n")
        .find(|g| g.contains(".ExecSync(") && g.contains("prober"));
    let stack = probe.expect("a probe in ExecSync").split_once('\n').expect("lines").1;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("goroutine.debug2.txt");
    let path = path.to_str().expect("a path");
    let of = |header: &str| {
        let burst: String = (0..25)
            .map(|i| format!("goroutine {} [{header}]:\n{stack}\n\n", 900_000 + i))
            .collect();
        std::fs::write(path, burst + &text("frozen-runtime/a-before-goroutine.debug2.txt.gz")).expect("room");
        diagnosed(&[path])
    };
    let (report, code) = of("select");
    assert_eq!(code, 0, "{:#}", report["findings"]);
    let (report, code) = of("select, 4 minutes");
    assert_eq!(code, 1, "the same for minutes is one");
    assert!(
        report["findings"][0]["fingerprint"]
            .as_str()
            .is_some_and(|f| f.contains("container-runtime")),
        "{report:#}"
    );
}
