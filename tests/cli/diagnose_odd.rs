//! `diagnose` on material that is odd: out of order, mixed, of another program, empty. It names what is odd and finds
//! nothing that is not there. Each case through the binary.

use std::fs;
use std::path::{Path, PathBuf};

use kubeprof::model::{Label, Profile};
use kubeprof::pprof::{self, Limit};
use serde_json::Value;

use super::made_profile::{Made, frame, profile, save};
use super::support::{capture, run};

/// What the leak of these series stands below. No known issue is about it.
const LEAK: &str = "k8s.io/kubernetes/pkg/kubelet/token.(*Manager).keepForever";

/// A folder with heaps, as somebody saved them.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// The heaps of a healthy process, and in each so many objects more that a leak left.
    fn series(&self, names: &[&str], leaked: impl Fn(usize) -> u64) {
        for (i, name) in names.iter().enumerate() {
            let mut heap = heap(&capture(&format!("healthy-1.37.2/s0{}-heap.pb.gz", i + 1)));
            if leaked(i) > 0 {
                leak(&mut heap, leaked(i));
            }
            save(&heap, self.path(), name);
        }
    }

    fn copy(&self, from: &str, to: &str) {
        fs::copy(capture(from), self.path().join(to)).expect("copied");
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }

    fn diagnosed(&self) -> Answer {
        diagnosed(&self.path().display().to_string())
    }
}

struct Answer {
    report: Value,
    code: i32,
}

fn diagnosed(source: &str) -> Answer {
    let answer = run(&["diagnose", source, "-o", "json"]);
    assert!(answer.code < 2, "{source}: {}", answer.stderr);
    Answer {
        report: serde_json::from_str(&answer.stdout).expect("JSON"),
        code: answer.code,
    }
}

impl Answer {
    fn verdict(&self) -> &str {
        self.report["verdict"].as_str().expect("a verdict")
    }

    fn says(&self, odd: &str) -> bool {
        let all = self.report["odd"].as_array().expect("a list");
        all.iter().any(|o| o.as_str().is_some_and(|o| o.contains(odd)))
    }

    /// Fingerprints of findings that are at least likely.
    fn sure(&self) -> Vec<&str> {
        let all = self.report["findings"].as_array().expect("a list");
        all.iter()
            .filter(|f| matches!(f["confidence"].as_str(), Some("likely" | "certain")))
            .filter_map(|f| f["fingerprint"].as_str())
            .collect()
    }

    fn confidence_of(&self, subject: &str) -> Option<&str> {
        let all = self.report["findings"].as_array().expect("a list");
        let of = all
            .iter()
            .find(|f| f["fingerprint"].as_str().is_some_and(|p| p.contains(subject)));
        of.and_then(|f| f["confidence"].as_str())
    }
}

fn heap(path: &str) -> Profile {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    pprof::read(&bytes, Limit::Proportional, false).expect("a heap").profile
}

/// Adds so many sampled objects of 64 bytes that live below [`LEAK`].
fn leak(p: &mut Profile, sampled: u64) {
    let frames = ["context.withCancel", LEAK].map(|name| frame(p, name));
    let stack = p.stacks.intern(&frames).expect("room");
    // One sampled object of 64 bytes stands for 8193.
    let objects = i64::try_from(sampled * 8193).expect("few");
    let (key, unit) = (p.strings.intern("bytes"), p.strings.intern("bytes"));
    let label = Label::number(key, 64, unit);
    p.samples
        .push(stack, &[objects, objects * 64, objects, objects * 64], &[label]);
}

const IN_ORDER: [&str; 6] = [
    "s01-heap.pb.gz",
    "s02-heap.pb.gz",
    "s03-heap.pb.gz",
    "s04-heap.pb.gz",
    "s05-heap.pb.gz",
    "s06-heap.pb.gz",
];
const SHUFFLED: [&str; 6] = [
    "s04-heap.pb.gz",
    "s01-heap.pb.gz",
    "s06-heap.pb.gz",
    "s03-heap.pb.gz",
    "s05-heap.pb.gz",
    "s02-heap.pb.gz",
];
const REVERSED: [&str; 6] = [
    "s06-heap.pb.gz",
    "s05-heap.pb.gz",
    "s04-heap.pb.gz",
    "s03-heap.pb.gz",
    "s02-heap.pb.gz",
    "s01-heap.pb.gz",
];

#[test]
fn the_order_of_names_does_not_matter() {
    for (names, is_odd) in [(IN_ORDER, false), (SHUFFLED, true), (REVERSED, true)] {
        let (leaking, healthy) = (Folder::new(), Folder::new());
        leaking.series(&names, |i| 8 * i as u64);
        healthy.series(&names, |_| 0);
        let (sick, well) = (leaking.diagnosed(), healthy.diagnosed());
        assert_eq!(sick.sure(), ["leak/tokens/token.(*Manager).keepForever"], "{names:?}");
        assert_eq!(well.sure(), [""; 0], "{names:?}");
        for answer in [&sick, &well] {
            assert_eq!(
                answer.says("not in time order"),
                is_odd,
                "{names:?}: {}",
                answer.report["odd"]
            );
        }
    }
}

/// What shrinks is no leak, however the files are named.
#[test]
fn a_series_that_shrinks_is_no_leak() {
    for names in [IN_ORDER, SHUFFLED, REVERSED] {
        let folder = Folder::new();
        // Ever allocated falls here as well, as it cannot in one process: at most a restart.
        folder.series(&names, |i| 48 - 8 * i as u64);
        assert_eq!(folder.diagnosed().sure(), [""; 0], "{names:?}");
    }
}

#[test]
fn a_thinned_series_is_less_sure_and_never_wrong() {
    let folder = Folder::new();
    folder.series(&IN_ORDER, |i| 8 * i as u64);
    for (gone, left) in [("s02", 5), ("s04", 4), ("s05", 3), ("s03", 2), ("s01", 1)] {
        fs::remove_file(folder.path().join(format!("{gone}-heap.pb.gz"))).expect("removed");
        let answer = folder.diagnosed();
        assert_eq!(answer.report["examined"]["with_heap"], left);
        for sure in answer.sure() {
            assert!(sure.contains("keepForever"), "{left} moments: {sure}");
        }
        if left < 3 {
            assert_eq!(answer.confidence_of("keepForever"), None, "{left} moments");
            assert_eq!(answer.verdict(), "unknown");
        }
    }
}

#[test]
fn a_moment_that_is_there_twice_counts_once() {
    let (twice, once) = (Folder::new(), Folder::new());
    for folder in [&twice, &once] {
        folder.series(&IN_ORDER, |i| 2 * i as u64);
    }
    for name in IN_ORDER {
        let copy = name.replace("-heap", "-copy-heap");
        fs::copy(twice.path().join(name), twice.path().join(copy)).expect("copied");
    }
    let (twice, once) = (twice.diagnosed(), once.diagnosed());
    assert!(twice.says("twice and counted once"), "{}", twice.report["odd"]);
    assert_eq!(twice.sure(), once.sure());
    assert_eq!(twice.report["examined"]["moments"], once.report["examined"]["moments"]);
    let reasons = |a: &Answer| a.report["findings"][0]["reasons"].clone();
    assert_eq!(reasons(&twice), reasons(&once));
}

/// Heaps of 1.36.1 between those of 1.37.2: two processes, of which the longer is judged.
#[test]
fn two_processes_in_one_folder_are_told_apart() {
    let folder = Folder::new();
    folder.series(&IN_ORDER, |_| 0);
    for (name, other, beside) in [("s02b-heap.pb.gz", "s01", "s02"), ("s04b-heap.pb.gz", "s10", "s04")] {
        let mut heap_of_other = heap(&capture(&format!("ctx-leak-1.36.1/{other}-heap.pb.gz")));
        heap_of_other.time_nanos =
            heap(&capture(&format!("healthy-1.37.2/{beside}-heap.pb.gz"))).time_nanos + 30_000_000_000;
        save(&heap_of_other, folder.path(), name);
    }
    let answer = folder.diagnosed();
    assert!(answer.says("several processes"), "{}", answer.report["odd"]);
    assert_eq!(answer.sure(), [""; 0]);
    // One after the other they are a restart.
    let folder = Folder::new();
    folder.series(&IN_ORDER, |_| 0);
    folder.copy("ctx-leak-1.36.1/s01-heap.pb.gz", "r01-heap.pb.gz");
    folder.copy("ctx-leak-1.36.1/s10-heap.pb.gz", "r10-heap.pb.gz");
    let answer = folder.diagnosed();
    assert!(answer.says("the process restarted"), "{}", answer.report["odd"]);
    // What the first process had is still true: it leaks by its own known issue.
    assert_eq!(answer.sure(), ["leak/pod-workers/kubelet.(*podWorkers).startPodSync"]);
}

#[test]
fn a_profile_of_another_node_is_left_out() {
    for name in [
        "s03b-heap.pb.gz",
        "s00-heap.pb.gz",
        "s07-heap.pb.gz",
        "other-heap.pb.gz",
    ] {
        let (healthy, leaking) = (Folder::new(), Folder::new());
        healthy.series(&IN_ORDER, |_| 0);
        leaking.series(&IN_ORDER, |i| 8 * i as u64);
        for folder in [&healthy, &leaking] {
            folder.copy("ctx-leak-1.36.1/s10-heap.pb.gz", name);
        }
        let (well, sick) = (healthy.diagnosed(), leaking.diagnosed());
        assert!(well.says("told by build"), "{name}: {}", well.report["odd"]);
        assert_eq!(well.sure(), [""; 0], "{name}");
        assert!(sick.says("told by build"), "{name}: {}", sick.report["odd"]);
        assert!(
            sick.confidence_of("keepForever").is_some(),
            "{name}: {}",
            sick.report["findings"]
        );
    }
}

/// Goroutines below these functions, as a dump shows them.
pub(super) fn dump(goroutines: &[(&str, usize, &[&str])]) -> String {
    numbered(1, goroutines)
}

/// The same with numbers from one on: a number that comes again begins another dump.
fn numbered(mut id: usize, goroutines: &[(&str, usize, &[&str])]) -> String {
    let mut text = String::new();
    for (state, count, frames) in goroutines {
        for _ in 0..*count {
            text.push_str(&format!("goroutine {id} [{state}]:\n"));
            for f in *frames {
                text.push_str(&format!("{f}(0xc000012345)\n\t/src/made.go:17 +0x1d\n"));
            }
            text.push('\n');
            id += 1;
        }
    }
    text
}

const ACCEPT: [&str; 3] = [
    "internal/poll.runtime_pollWait",
    "net.(*netFD).accept",
    "net/http.(*Server).Serve",
];

/// Goroutines that hang for an hour in a program that is no kubelet.
fn other(functions: [&str; 4]) -> String {
    let [main, worker, lock, call] = functions;
    dump(&[
        ("IO wait", 1, &[ACCEPT[0], ACCEPT[1], ACCEPT[2], main]),
        ("select, 61 minutes", 400, &["runtime.gopark", worker]),
        (
            "sync.Mutex.Lock, 61 minutes",
            80,
            &["sync.runtime_SemacquireMutex", "sync.(*Mutex).Lock", lock],
        ),
        (
            "select, 61 minutes",
            60,
            &["runtime.gopark", "google.golang.org/grpc.(*ClientConn).Invoke", call],
        ),
    ])
}

#[test]
fn other_programs_are_no_kubelet() {
    for (name, functions) in [
        (
            "containerd",
            [
                "github.com/containerd/containerd/v2/cmd/containerd/server.(*Server).ServeGRPC",
                "github.com/containerd/containerd/v2/internal/cri/server.(*criService).ListPodSandbox",
                "github.com/containerd/containerd/v2/plugins/snapshots/overlay.(*snapshotter).Prepare",
                "github.com/containerd/containerd/v2/internal/cri/server.(*criService).RunPodSandbox",
            ],
        ),
        (
            "kube-apiserver",
            [
                "k8s.io/kubernetes/cmd/kube-apiserver/app.Run",
                "k8s.io/apiserver/pkg/storage/cacher.(*Cacher).dispatchEvents",
                "k8s.io/kube-aggregator/pkg/controllers/status/remote.(*AvailableConditionController).sync",
                "k8s.io/apiserver/pkg/storage/etcd3.(*store).Get",
            ],
        ),
        (
            "Prometheus",
            [
                "github.com/prometheus/prometheus/web.(*Handler).Run",
                "github.com/prometheus/prometheus/scrape.(*scrapeLoop).run",
                "github.com/prometheus/prometheus/tsdb.(*Head).Appender",
                "github.com/prometheus/prometheus/storage/remote.(*QueueManager).sendBatch",
            ],
        ),
        (
            "etcd",
            [
                "go.etcd.io/etcd/server/v3/etcdmain.Main",
                "go.etcd.io/etcd/server/v3/etcdserver.(*EtcdServer).run",
                "go.etcd.io/etcd/server/v3/storage/mvcc.(*store).Commit",
                "go.etcd.io/etcd/server/v3/proxy/grpcproxy.(*kvProxy).Range",
            ],
        ),
    ] {
        let folder = Folder::new();
        let text = folder.write("dump.txt", &other(functions));
        let samples: Vec<Made<'_>> = (functions.iter())
            .map(|f| Made {
                stack: std::slice::from_ref(f),
                values: &[900],
                texts: &[],
                numbers: &[],
            })
            .collect();
        let made = profile(&[("goroutine", "count")], &samples);
        let profile = save(&made, folder.path(), "goroutine.pb.gz");
        for source in [text.display().to_string(), profile] {
            let answer = diagnosed(&source);
            assert!(
                answer.says(&format!("this is no kubelet; it looks like {name}")),
                "{name}: {}",
                answer.report
            );
            assert_eq!((answer.verdict(), answer.code), ("unknown", 0), "{name}");
            assert_eq!(answer.report["findings"].as_array().map(Vec::len), Some(0), "{name}");
        }
    }
}

/// Nothing tells whose it is: what hangs is at most worth a look, and the doubt is said.
#[test]
fn a_program_without_a_name_is_never_sure() {
    let folder = Folder::new();
    let text = folder.write(
        "dump.txt",
        &dump(&[
            (
                "select, 61 minutes",
                60,
                &[
                    "runtime.gopark",
                    "google.golang.org/grpc.(*ClientConn).Invoke",
                    "k8s.io/cri-api/pkg/apis/runtime/v1.(*runtimeServiceClient).ExecSync",
                ],
            ),
            (
                "sync.Mutex.Lock, 61 minutes",
                200,
                &[
                    "sync.runtime_SemacquireMutex",
                    "sync.(*Mutex).Lock",
                    "example.org/agent.(*Agent).work",
                ],
            ),
        ]),
    );
    let answer = diagnosed(&text.display().to_string());
    assert!(
        answer.says("it may be the dump of another program"),
        "{}",
        answer.report["odd"]
    );
    assert_eq!(answer.sure(), [""; 0]);
    assert_eq!((answer.verdict(), answer.code), ("unknown", 0));
    // With one loop of a kubelet it is one, and hangs.
    let kubelet = fs::read_to_string(&text).expect("the dump")
        + &numbered(
            1_000,
            &[(
                "select",
                1,
                &[
                    "runtime.gopark",
                    "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoopIteration",
                ],
            )],
        );
    let kubelet = folder.write("kubelet.txt", &kubelet);
    let answer = diagnosed(&kubelet.display().to_string());
    assert!(!answer.says("another program"), "{}", answer.report["odd"]);
    assert_eq!(answer.verdict(), "sick");
}

/// A kubelet and an API server in one process: the kubelet's part is judged, and that is said.
#[test]
fn one_process_with_more_than_a_kubelet() {
    let server = numbered(
        5_000_000,
        &[
            (
                "IO wait",
                1,
                &[
                    ACCEPT[0],
                    ACCEPT[1],
                    ACCEPT[2],
                    "github.com/k3s-io/k3s/pkg/cli/server.Run",
                ],
            ),
            (
                "select, 61 minutes",
                2_000,
                &[
                    "runtime.gopark",
                    "k8s.io/apiserver/pkg/storage/cacher.(*Cacher).dispatchEvents",
                ],
            ),
            (
                "select, 61 minutes",
                90,
                &["runtime.gopark", "github.com/k3s-io/k3s/pkg/cluster.(*Cluster).start"],
            ),
            (
                "select",
                5,
                &["runtime.gopark", "github.com/k3s-io/k3s/pkg/daemons/control.Server"],
            ),
        ],
    );
    let folder = Folder::new();
    for (file, sick) in [("a-before", false), ("d-6min", true)] {
        let kubelet = fs::read(capture(&format!("frozen-runtime/{file}-goroutine.debug2.txt.gz"))).expect("a dump");
        let kubelet = pprof::inflate(&kubelet, Limit::Proportional).expect("unpacks");
        let text = format!("{}\n{server}", String::from_utf8_lossy(&kubelet));
        let answer = diagnosed(&folder.write(&format!("{file}.txt"), &text).display().to_string());
        assert!(
            answer.says("the kubelet's part is judged"),
            "{file}: {}",
            answer.report["odd"]
        );
        assert!(answer.says("k3s"), "{file}: {}", answer.report["odd"]);
        match sick {
            true => assert_eq!(answer.sure(), ["environment/cri-client/container-runtime"], "{file}"),
            false => assert_eq!(answer.sure(), [""; 0], "{file}"),
        }
    }
}

#[test]
fn empty_and_tiny_profiles_say_so() {
    let folder = Folder::new();
    let made = |types: &[(&str, &str)], name: &str| save(&profile(types, &[]), folder.path(), name);
    let heap_types = [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ];
    for source in [
        made(&[("goroutine", "count")], "goroutine.pb.gz"),
        made(&heap_types, "heap.pb.gz"),
    ] {
        let answer = diagnosed(&source);
        assert!(answer.says("has no samples"), "{source}: {}", answer.report["odd"]);
        assert_eq!((answer.verdict(), answer.code), ("unknown", 0), "{source}");
    }
    let tiny = dump(&[
        ("running", 1, &["k8s.io/kubernetes/cmd/kubelet/app.run", "main.main"]),
        (
            "select, 61 minutes",
            1,
            &[
                "runtime.gopark",
                "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoopIteration",
            ],
        ),
    ]);
    let answer = diagnosed(&folder.write("tiny.txt", &tiny).display().to_string());
    assert!(answer.says("holds very little"), "{}", answer.report["odd"]);
    assert_eq!(answer.sure(), [""; 0]);
    assert_ne!(answer.verdict(), "healthy");
}

/// A heap of another build between those of a series is left out, and no restart is told.
#[test]
fn a_stray_heap_of_another_build_is_no_restart() {
    let folder = Folder::new();
    folder.series(&IN_ORDER, |i| 8 * i as u64);
    folder.copy("ctx-leak-1.36.1/s01-heap.pb.gz", "s09-heap.pb.gz");
    let answer = folder.diagnosed();
    assert!(answer.says("told by build"), "{}", answer.report["odd"]);
    assert!(!answer.says("restarted"), "{}", answer.report["odd"]);
    assert_eq!(answer.report["examined"]["processes"], 1);
    assert!(answer.confidence_of("keepForever").is_some());
}

/// Calls that hang prove nothing against a runtime that answers others in the same dump.
#[test]
fn a_runtime_is_blamed_with_evidence_only() {
    let call = |method: &str| format!("k8s.io/cri-api/pkg/apis/runtime/v1.(*runtimeServiceClient).{method}");
    let (exec, list, stop) = (call("ExecSync"), call("ListPodSandbox"), call("StopPodSandbox"));
    let grpc = "google.golang.org/grpc.(*ClientConn).Invoke";
    let probe = "k8s.io/kubernetes/pkg/kubelet/prober.(*worker).run";
    let pleg = "k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Relist";
    let worker = "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop";
    let status = "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).updateRuntimeUp";
    let sync = "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoopIteration";
    let folder = Folder::new();
    let name = |n: &str, text: String| folder.write(n, &text).display().to_string();
    // One pod's sandbox does not stop, everything else goes on.
    let one_call = name(
        "one.txt",
        dump(&[
            ("select", 1, &["runtime.gopark", sync]),
            ("select", 1, &["runtime.gopark", pleg]),
            ("select", 40, &["runtime.gopark", worker]),
            ("select, 31 minutes", 1, &["runtime.gopark", grpc, &stop, worker]),
        ]),
    );
    let answer = diagnosed(&one_call);
    let summary = answer.report["findings"][0]["summary"].as_str().unwrap_or_default();
    assert!(
        !summary.contains("The container runtime has not answered"),
        "other calls are answered: {summary}"
    );
    // Calls under way for less than a minute, at one moment, are no hang.
    let brief = name(
        "brief.txt",
        dump(&[
            ("select", 1, &["runtime.gopark", sync]),
            ("select", 1, &["runtime.gopark", grpc, &list, pleg]),
            ("chan receive", 40, &["runtime.gopark", worker]),
            ("select", 3, &["runtime.gopark", grpc, &exec, probe]),
            ("select", 40, &["runtime.gopark", probe]),
        ]),
    );
    assert_eq!(diagnosed(&brief).sure(), [""; 0]);
    // All of them for minutes: it is blamed.
    let all = name(
        "all.txt",
        dump(&[
            ("select", 1, &["runtime.gopark", sync]),
            ("chan receive", 30, &["runtime.gopark", worker]),
            ("select, 7 minutes", 1, &["runtime.gopark", grpc, &list, pleg]),
            (
                "select, 7 minutes",
                1,
                &["runtime.gopark", grpc, &call("Status"), status],
            ),
            ("select, 7 minutes", 30, &["runtime.gopark", grpc, &exec, probe]),
        ]),
    );
    let answer = diagnosed(&all);
    assert_eq!(
        answer.report["findings"][0]["fingerprint"],
        "environment/cri-client/container-runtime"
    );
    let summary = answer.report["findings"][0]["summary"].as_str().unwrap_or_default();
    assert!(
        summary.starts_with("The container runtime has not answered"),
        "{summary}"
    );
    assert!(!answer.sure().is_empty());
}

/// What cannot be read is counted and named, and the rest is judged.
#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = Folder::new();
    folder.series(&IN_ORDER, |i| 8 * i as u64);
    let whole = fs::read(folder.path().join("s03-heap.pb.gz")).expect("a heap");
    fs::write(folder.path().join("s03-heap.pb.gz"), &whole[..whole.len() / 2]).expect("cut");
    let answer = folder.diagnosed();
    assert!(
        answer.says("1 file could not be read and is left out"),
        "{}",
        answer.report["odd"]
    );
    assert!(answer.says("s03-heap.pb.gz"), "{}", answer.report["odd"]);
    assert_eq!(answer.report["examined"]["with_heap"], 5);
    assert_eq!(answer.sure(), ["leak/tokens/token.(*Manager).keepForever"]);
}

/// A file that was named is never left out in silence, whichever command it is named to; in a folder it is a note.
#[test]
fn a_file_that_was_named_and_cannot_be_read_is_an_error() {
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let whole = fs::read(capture("healthy-1.37.2/s01-heap.pb.gz")).expect("a heap");
    fs::write(at("half.pb.gz"), &whole[..whole.len() / 2]).expect("cut");
    fs::write(at("none.txt"), "nothing of a profile\n").expect("a text");
    fs::copy(capture("healthy-1.37.2/s02-heap.pb.gz"), at("good.pb.gz")).expect("a copy");
    for (bad, says) in [("half.pb.gz", "ends early"), ("none.txt", "none.txt: ")] {
        for verb in ["diagnose", "leaks", "check", "report"] {
            for sources in [[at(bad), at("good.pb.gz")], [at("good.pb.gz"), at(bad)]] {
                let answer = run(&[verb, &sources[0], &sources[1]]);
                assert_eq!(answer.code, 2, "{verb} {bad}: {}", answer.stdout);
                assert!(
                    answer.stderr.contains(bad) && answer.stderr.contains(says),
                    "{}",
                    answer.stderr
                );
            }
        }
    }
    fs::remove_file(at("none.txt")).expect("removed");
    let answer = folder.diagnosed();
    assert!(answer.says("half.pb.gz"), "{}", answer.report["odd"]);
}

/// Of crowds of one number, the one in a part that is known is told: the other may be anybody's.
#[test]
fn a_known_part_is_told_before_an_unknown_one() {
    let folder = Folder::new();
    let relist = "k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Relist";
    let sync = "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop";
    let text = dump(&[
        ("select", 1, &["runtime.gopark", sync]),
        ("select", 300, &["runtime.gopark", relist]),
        ("select", 300, &["runtime.gopark", "example.com/unknown.(*Thing).wait"]),
    ]);
    let answer = diagnosed(&folder.write("dump.txt", &text).display().to_string());
    let first = &answer.report["findings"][0];
    assert_eq!(first["subsystem"], "pleg", "{:#}", answer.report["findings"]);
}
