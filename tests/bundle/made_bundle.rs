//! A bundle made by the writer out of the captures in `fixtures`: two nodes, of which one is restarted in between.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use kubeprof::bundle::facts::Expect;
use kubeprof::bundle::manifest::{
    Asked, Event, Exchange, Finished, Missing, Process, RunStarted, Slot, SnapshotEnded, SnapshotId, Started, Who,
};
use kubeprof::bundle::{Writer, names};

/// A file of `fixtures/captures`, unpacked where it is a packed text.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/captures")
        .join(name);
    let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if name.ends_with(".txt.gz") {
        kubeprof::pprof::inflate(&bytes, kubeprof::pprof::Limit::Proportional)
            .expect("gzip")
            .into_owned()
    } else {
        bytes
    }
}

fn slot(node: &str, run: u32, snapshot: Option<(u32, &str)>, artifact: &str) -> Slot {
    Slot {
        node: node.to_owned(),
        run,
        snapshot: snapshot.map(|(number, taken)| SnapshotId {
            number,
            taken: taken.parse().expect("a time"),
        }),
        artifact: artifact.to_owned(),
    }
}

fn take(writer: &Writer, slot: &Slot, bytes: &[u8]) {
    let mut part = writer.part(slot, &names::file_of(&slot.artifact)).expect("a part");
    part.write_all(bytes).expect("room");
    let exchange = Exchange {
        method: "GET".to_owned(),
        url: format!("https://10.0.0.1:6443/api/v1/nodes/{}/proxy/debug/pprof/x", slot.node),
        status: Some(200),
        done_ms: Some(120),
        ..Exchange::default()
    };
    writer
        .keep(part, Expect::of(&slot.artifact), exchange)
        .expect("it decodes");
}

fn run(writer: &Writer, node: &str, run: u32, version: &str, start_time: f64) {
    let process = Process {
        start_time: Some(start_time),
        boot_id: "b1".to_owned(),
        kubelet_version: version.to_owned(),
        ..Process::default()
    };
    let node = node.to_owned();
    writer
        .append(Event::Run(RunStarted { node, run, process }))
        .expect("room");
}

fn end(writer: &Writer, node: &str, run: u32, snapshot: (u32, &str)) {
    let id = slot(node, run, Some(snapshot), "").snapshot.expect("a snapshot");
    let (node, snapshot) = (node.to_owned(), id);
    writer
        .append(Event::Snapshot(SnapshotEnded { node, run, snapshot }))
        .expect("room");
}

/// `worker-1`: two snapshots of one process of 1.36.1 with a growing heap. `worker-2`: one each of two processes.
pub(crate) fn make(root: &Path) {
    let started = Started {
        schema: 1,
        tool: "kubeprof test".to_owned(),
        resumed: false,
        asked: Asked {
            nodes: vec!["worker-1".to_owned(), "worker-2".to_owned()],
            every: vec!["heap".to_owned(), "goroutine".to_owned()],
            once: vec!["metrics".to_owned()],
            snapshots: 2,
            interval_ms: 60_000,
            route: "proxy".to_owned(),
            server: "https://10.0.0.1:6443".to_owned(),
            command: vec![
                "kubeprof".to_owned(),
                "capture".to_owned(),
                "worker-1".to_owned(),
                "worker-2".to_owned(),
            ],
            ..Asked::default()
        },
    };
    let writer = Writer::create(root, started).expect("a new bundle");
    let (one, two) = ((1, "2026-11-24T02:38:00Z"), (2, "2026-11-24T02:39:00Z"));
    run(&writer, "worker-1", 1, "v1.36.1", 1.7e9);
    let metrics = b"# HELP go_info x\nprocess_start_time_seconds 1.7e+09\n\
        kubelet_node_name{node=\"worker-1\"} 1\nkubernetes_build_info{git_version=\"v1.36.1\",go_version=\"go1.26.0\"} 1\n";
    take(&writer, &slot("worker-1", 1, None, "metrics"), metrics);
    for (snapshot, heap) in [(one, "s01-heap"), (two, "s10-heap")] {
        let take = |artifact, file: &str| {
            let slot = slot("worker-1", 1, Some(snapshot), artifact);
            take(&writer, &slot, &fixture(&format!("ctx-leak-1.36.1/{file}")));
        };
        take("heap", &format!("{heap}.pb.gz"));
        take("goroutine", "s10-goroutine.pb.gz");
        if snapshot == two {
            take("goroutine.debug2", "last-goroutine.debug2.txt.gz");
            take("cpu", "last-cpu.pb.gz");
        }
        end(&writer, "worker-1", 1, snapshot);
    }
    let skipped = Missing {
        slot: slot("worker-1", 1, Some(two), "goroutineleak"),
        who: Who::Handler,
        why: "Unknown profile".to_owned(),
        remedy: "Go 1.27 has it".to_owned(),
        ..Missing::default()
    };
    writer.append(Event::Skipped(skipped)).expect("room");
    for (number, snapshot, heap) in [(1, one, "s01-heap"), (2, two, "s06-heap")] {
        let start = 1.7e9 + f64::from(number);
        run(&writer, "worker-2", number, "v1.37.2", start);
        let metrics = format!("# HELP go_info x\nprocess_start_time_seconds {start}\n");
        take(&writer, &slot("worker-2", number, None, "metrics"), metrics.as_bytes());
        take(
            &writer,
            &slot("worker-2", number, Some(snapshot), "heap"),
            &fixture(&format!("healthy-1.37.2/{heap}.pb.gz")),
        );
        let goroutines = fixture("healthy-1.37.2/s06-goroutine.pb.gz");
        take(
            &writer,
            &slot("worker-2", number, Some(snapshot), "goroutine"),
            &goroutines,
        );
        end(&writer, "worker-2", number, snapshot);
    }
    writer.finish(Finished::default()).expect("room");
}

/// `worker-1`: heap, goroutine and cpu, these bytes of them, at each of the times.
pub(crate) fn of_moments(root: &Path, moments: &[(&str, [Vec<u8>; 3])]) {
    let started = Started {
        schema: 1,
        ..Started::default()
    };
    let writer = Writer::create(root, started).expect("a new bundle");
    run(&writer, "worker-1", 1, "v1.36.1", 1.7e9);
    for (number, (taken, profiles)) in (1..).zip(moments) {
        for (artifact, bytes) in ["heap", "goroutine", "cpu"].iter().zip(profiles) {
            take(&writer, &slot("worker-1", 1, Some((number, taken)), artifact), bytes);
        }
        end(&writer, "worker-1", 1, (number, taken));
    }
    writer.finish(Finished::default()).expect("room");
}

/// A mutex and a block profile in one snapshot.
pub(crate) fn with_contention(root: &Path) {
    let writer = Writer::create(
        root,
        Started {
            schema: 1,
            ..Started::default()
        },
    )
    .expect("a new bundle");
    for (artifact, cycles) in [("mutex", 5), ("block", 7)] {
        let head = format!(
            "--- {}:\ncycles/second=1000000\n",
            if artifact == "mutex" { "mutex" } else { "contention" }
        );
        let period = if artifact == "mutex" { "sampling period=1\n" } else { "" };
        let text = format!("{head}{period}{cycles} 1 @ 0x401000 0x402000\n#\t0x400fff\tmain.f+0x1f\t/src/main.go:7\n");
        take(
            &writer,
            &slot("n", 1, Some((1, "2026-11-24T02:38:00Z")), artifact),
            text.as_bytes(),
        );
    }
    writer.finish(Finished::default()).expect("room");
}

/// Snapshots of one process, each with a heap profile as it is and one after a garbage collection; the last `without` of them
/// have the first only.
pub(crate) fn with_collections(root: &Path, snapshots: u32, without: u32) {
    let writer = Writer::create(
        root,
        Started {
            schema: 1,
            ..Started::default()
        },
    )
    .expect("a new bundle");
    for number in 1..=snapshots {
        let taken = format!("2026-11-24T02:3{number}:00Z");
        let snapshot = (number, taken.as_str());
        let heap = fixture("ctx-leak-1.36.1/s01-heap.pb.gz");
        take(&writer, &slot("n", 1, Some(snapshot), "heap"), &heap);
        if number + without <= snapshots {
            take(&writer, &slot("n", 1, Some(snapshot), "heap-gc"), &heap);
        }
        end(&writer, "n", 1, snapshot);
    }
    writer.finish(Finished::default()).expect("room");
}

/// `worker-1` of [`make`] with its two heap profiles alone: quick to decode, for tests that make many of it.
pub(crate) fn small(root: &Path) {
    let asked = Asked {
        nodes: vec!["worker-1".to_owned()],
        every: vec!["heap".to_owned()],
        once: vec!["metrics".to_owned()],
        snapshots: 2,
        interval_ms: 60_000,
        ..Asked::default()
    };
    let started = Started {
        schema: 1,
        asked,
        ..Started::default()
    };
    let writer = Writer::create(root, started).expect("a new bundle");
    run(&writer, "worker-1", 1, "v1.36.1", 1.7e9);
    let metrics = b"# HELP go_info x\nprocess_start_time_seconds 1.7e+09\n\
        kubernetes_build_info{git_version=\"v1.36.1\",go_version=\"go1.26.0\"} 1\n";
    take(&writer, &slot("worker-1", 1, None, "metrics"), metrics);
    for (snapshot, file) in [
        ((1, "2026-11-24T02:38:00Z"), "ctx-leak-1.36.1/s01-heap.pb.gz"),
        ((2, "2026-11-24T02:39:00Z"), "ctx-leak-1.36.1/s10-heap.pb.gz"),
    ] {
        let bytes = fixture(file);
        take(&writer, &slot("worker-1", 1, Some(snapshot), "heap"), &bytes);
        end(&writer, "worker-1", 1, snapshot);
    }
    writer.finish(Finished::default()).expect("room");
}
