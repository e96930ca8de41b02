//! What `diagnose` says: no more than its evidence shows, every trouble once, and what to do that still can be done. Each
//! through the binary.

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
const MOUNT: &str =
    "k8s.io/kubernetes/pkg/volume/util/operationexecutor.(*operationGenerator).GenerateMountVolumeFunc.func1";
const ABORT: &str = "SIGABRT: abort\nPC=0x47a1c1 m=0 sigcode=0\n\n";

type Goroutines<'a> = (&'a str, usize, &'a [&'a str]);

/// Text and JSON about a text of a kubelet that is well but for these goroutines.
fn answers(before: &str, goroutines: &[Goroutines<'_>]) -> (String, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dump.txt");
    let mut all: Vec<Goroutines<'_>> = vec![
        ("select", 1, &["runtime.gopark", SYNC]),
        ("select", 1, &["runtime.gopark", PLEG]),
        ("select", 60, &["runtime.gopark", WORKER]),
    ];
    all.extend_from_slice(goroutines);
    fs::write(&path, format!("{before}{}", dump(&all))).expect("room");
    let path = path.display().to_string();
    let text = run(&["diagnose", &path, "--all"]);
    let json = run(&["diagnose", &path, "-o", "json"]);
    assert!(json.code < 2, "{}", json.stderr);
    // Lines that were broken for the page are one again.
    let words: Vec<&str> = text.stdout.split_whitespace().collect();
    (words.join(" "), serde_json::from_str(&json.stdout).expect("JSON"))
}

fn findings(report: &Value) -> Vec<(&str, &str)> {
    let all = report["findings"].as_array().expect("findings").iter();
    all.map(|f| {
        (
            f["kind"].as_str().unwrap_or_default(),
            f["subsystem"].as_str().unwrap_or_default(),
        )
    })
    .collect()
}

#[test]
fn one_moment_shows_no_growth() {
    let reader = [
        "internal/poll.runtime_pollWait",
        "google.golang.org/grpc/internal/transport.(*http2Client).reader",
    ];
    let writer = [
        "runtime.gopark",
        "google.golang.org/grpc/internal/transport.(*controlBuffer).get",
    ];
    let serial = [
        "runtime.gopark",
        "google.golang.org/grpc/internal/grpcsync.(*CallbackSerializer).run",
    ];
    let (text, report) = answers(
        "",
        &[
            ("IO wait, 300 minutes", 400, &reader),
            ("select, 300 minutes", 400, &writer),
            ("select, 300 minutes", 1200, &serial),
        ],
    );
    assert!(!text.contains("groups grow") && !text.contains("lock-step"), "{text}");
    assert!(text.contains("2 groups have the same number of goroutines"), "{text}");
    // 400 connections are one leak, though each has five goroutines.
    assert_eq!(findings(&report), [("leak", "grpc")], "{report}");
}

#[test]
fn nothing_waits_for_itself() {
    let state = format!("{KUBELET}/volumemanager/cache.(*actualStateOfWorld)");
    let mark = format!("{state}.MarkVolumeAsMounted");
    let exists = format!("{state}.PodExistsInVolume");
    let get = format!("{state}.GetMountedVolumesForPod");
    let reconcile = format!("{KUBELET}/volumemanager/reconciler.(*reconciler).reconcile");
    let populate = format!("{KUBELET}/volumemanager/populator.(*desiredStateOfWorldPopulator).populatorLoop");
    let wait = format!("{KUBELET}/volumemanager.(*volumeManager).WaitForAttachAndMount");
    let (text, report) = answers(
        "",
        &[
            (
                "syscall, 25 minutes",
                1,
                &["os.Lstat", "k8s.io/mount-utils.IsNotMountPoint", &mark, &reconcile],
            ),
            (
                "sync.RWMutex.RLock, 25 minutes",
                1,
                &["sync.(*RWMutex).RLock", &exists, &populate],
            ),
            (
                "sync.RWMutex.RLock, 24 minutes",
                10,
                &["sync.(*RWMutex).RLock", &get, &wait, WORKER],
            ),
        ],
    );
    // Who waits for the lock waits for the mount, not for volume operations that nobody started.
    assert_eq!(findings(&report), [("environment", "volume-manager")], "{report}");
    assert!(
        !text.contains("the volume manager waits for the volume manager"),
        "{text}"
    );
    assert!(
        text.contains("10 pod workers wait for a lock held by the volume manager"),
        "{text}"
    );
    assert!(
        text.contains("another goroutine of the volume manager waits for the lock it holds"),
        "{text}"
    );

    let request = "k8s.io/client-go/util/certificate/csr.WaitForCertificate";
    let rotate = "k8s.io/client-go/util/certificate.(*manager).rotateCerts";
    let (text, _) = answers("", &[("select, 40 minutes", 1, &["runtime.gopark", request, rotate])]);
    assert!(!text.contains("for certificates"), "{text}");
}

#[test]
fn the_command_and_the_volume_are_named() {
    let wait = [
        "os.(*Process).Wait",
        "os/exec.(*Cmd).Wait",
        "k8s.io/mount-utils.(*Mounter).doMount",
    ];
    let frames = [
        wait[0],
        wait[1],
        wait[2],
        "k8s.io/kubernetes/pkg/volume/nfs.(*nfsMounter).SetUpAt",
        MOUNT,
    ];
    let (text, _) = answers("", &[("syscall, 30 minutes", 3, &frames)]);
    assert!(
        text.contains("`mount` for an nfs volume has not ended for at least 30 min"),
        "{text}"
    );
    // Of different types, none is named.
    let other = [
        wait[0],
        wait[1],
        wait[2],
        "k8s.io/kubernetes/pkg/volume/iscsi.(*iscsiDiskMounter).SetUpAt",
        MOUNT,
    ];
    let (text, _) = answers(
        "",
        &[("syscall, 30 minutes", 3, &frames), ("syscall, 30 minutes", 3, &other)],
    );
    assert!(text.contains("`mount` has not ended for at least 30 min"), "{text}");
    let stat = [
        "os.Stat",
        "k8s.io/utils/path.Exists",
        "k8s.io/kubernetes/pkg/volume/hostpath.(*hostPathMounter).SetUp",
        MOUNT,
    ];
    let (text, _) = answers("", &[("syscall, 3 minutes", 5, &stat)]);
    assert!(
        text.contains("path.Exists on a hostPath volume has not returned for at least 3 min"),
        "{text}"
    );
}

#[test]
fn a_session_that_hangs_is_a_call_of_the_runtime() {
    let exec = "k8s.io/cri-api/pkg/apis/runtime/v1.(*runtimeServiceClient).Exec";
    let (kubelet, server) = (
        format!("{KUBELET}.(*Kubelet).GetExec"),
        format!("{KUBELET}/server.(*Server).getExec"),
    );
    let frames = [
        "runtime.gopark",
        GRPC,
        exec,
        &kubelet,
        &server,
        "net/http.(*conn).serve",
    ];
    let (text, report) = answers(
        "",
        &[("select, 196 minutes", 4, &frames), ("select, 200 minutes", 1, &frames)],
    );
    assert_eq!(findings(&report), [("environment", "cri-client")], "{report}");
    assert!(text.contains("wait, the longest for at least 3 h 20 min"), "{text}");
}

#[test]
fn the_end_of_the_process_comes_first_and_needs_no_restart() {
    let request = [
        "runtime.gopark",
        "k8s.io/client-go/rest.(*Request).Do",
        "k8s.io/kubernetes/pkg/kubelet/status.(*manager).syncPod",
    ];
    let probes = ["runtime.gopark", "k8s.io/kubernetes/pkg/kubelet/prober.(*worker).run"];
    let goroutines: [Goroutines<'_>; 2] = [("select, 7 minutes", 1, &request), ("select, 7 minutes", 900, &probes)];
    let (text, report) = answers(ABORT, &goroutines);
    assert_eq!(report["findings"][0]["kind"], "crash", "{report}");
    assert!(
        !text.contains("SIGABRT: SIGABRT") && !text.contains("(SIGABRT): SIGABRT"),
        "{text}"
    );
    assert!(!text.contains("before you restart the kubelet"), "{text}");
    let (text, _) = answers("", &goroutines);
    assert!(text.contains("before you restart the kubelet"), "{text}");
}

/// Calls that are over at once are never seen together in a kubelet that is well; mounts are, while pods start.
#[test]
fn many_quick_calls_at_once_are_suspect_without_ages() {
    let verdict = |call: &[&str]| with_five(call, &[]);
    let setup = "k8s.io/kubernetes/pkg/volume/hostpath.(*hostPathMounter).SetUp";
    let stat = verdict(&[
        "syscall.Syscall",
        "syscall.Stat",
        "os.Stat",
        "k8s.io/utils/path.Exists",
        setup,
        MOUNT,
    ]);
    assert_eq!(stat["verdict"], "unknown", "{stat}");
    assert_eq!(stat["findings"][0]["confidence"], "suspect", "{stat}");
    let mount = verdict(&[
        "syscall.Syscall6",
        "syscall.mount",
        "k8s.io/mount-utils.(*Mounter).Mount",
        setup,
        MOUNT,
    ]);
    assert_eq!(mount["verdict"], "healthy", "{mount}");
}

/// The loops that a node has once wait for one lock, and who holds it is in a call: that is no chance.
#[test]
fn loops_behind_one_lock_are_a_hang_without_ages() {
    let lock = [
        "runtime.gopark",
        "runtime.semacquire1",
        "sync.runtime_SemacquireMutex",
        "sync.(*Mutex).Lock",
    ];
    let log = "k8s.io/klog/v2.(*loggingT).output";
    let behind = |f| [lock[0], lock[1], lock[2], lock[3], log, f];
    let fsync = [
        "syscall.Syscall",
        "syscall.fsync",
        "os.(*File).Sync",
        "k8s.io/klog/v2.(*loggingT).flushAll",
        "k8s.io/klog/v2.(*flushDaemon).run.func1",
    ];
    let (sync, pleg) = (behind(SYNC), behind(PLEG));
    let report = with_five(
        &behind("k8s.io/kubernetes/pkg/kubelet/prober.(*worker).run"),
        &[&sync, &pleg, &fsync],
    );
    assert_eq!(report["verdict"], "sick", "{report}");
    assert_eq!(report["findings"][0]["subsystem"], "logging", "{report}");
    let one = with_five(
        &behind("k8s.io/kubernetes/pkg/kubelet/prober.(*worker).run"),
        &[&pleg, &fsync],
    );
    assert_ne!(one["verdict"], "sick", "{one}");
}

/// Pods may have several containers with several probes each: the loops that watch cgroups tell how many containers run.
#[test]
fn probes_are_measured_by_containers() {
    let watch = |count| {
        let housekeeping = [
            "runtime.gopark",
            "github.com/google/cadvisor/manager.(*containerData).housekeepingTick",
        ];
        let probes = ["runtime.gopark", "k8s.io/kubernetes/pkg/kubelet/prober.(*worker).run"];
        answers("", &[("select", count, &housekeeping), ("select", 480, &probes)]).1
    };
    assert_eq!(watch(372)["verdict"], "healthy");
    // One container a pod has no eight probes.
    let many = watch(192);
    assert_eq!(findings(&many), [("leak", "probes")], "{many}");
}

/// A profile does not say who started a loop, so the loops that measure volumes show only while they do: no measure of the
/// pods, and no leak of pod workers.
#[test]
fn pods_are_not_those_whose_volumes_are_measured_just_now() {
    let stats = with_five(
        &[
            "syscall.Syscall",
            "syscall.Statfs",
            "k8s.io/kubernetes/pkg/kubelet/server/stats.(*volumeStatCalculator).calcAndStoreStats",
        ],
        &[],
    );
    let all = stats["findings"].as_array().expect("findings");
    assert!(all.iter().all(|f| f["kind"] != "leak"), "{stats}");
}

/// The answer about one profile of a kubelet that is well but for five goroutines in this stack, and one in each of others.
fn with_five(call: &[&str], more: &[&[&str]]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let idle = |f| ["runtime.gopark", "runtime.selectgo", f];
    let (sync, pleg, worker) = (idle(SYNC), idle(PLEG), idle(WORKER));
    let (one, five, sixty) = ([1], [5], [60]);
    let sample = |stack, values| Made {
        stack,
        values,
        texts: &[],
        numbers: &[],
    };
    let mut samples = vec![
        sample(&sync, &one),
        sample(&pleg, &one),
        sample(&worker, &sixty),
        sample(call, &five),
    ];
    samples.extend(more.iter().map(|&stack| sample(stack, &one)));
    save(
        &profile(&[("goroutine", "count")], &samples),
        folder.path(),
        "goroutine.pb.gz",
    );
    let answer = run(&["diagnose", &folder.path().display().to_string(), "-o", "json"]);
    serde_json::from_str(&answer.stdout).expect("JSON")
}
