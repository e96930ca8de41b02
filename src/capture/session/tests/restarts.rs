//! Restarts of the kubelet at every moment of a capture: no artifact is filed under a process that it is not of, and what was
//! asked is there in the end, of one process or of the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::played::{Play, Reply, capture, options, play, seconds};
use crate::bundle::verify::{Absent, Flaw};

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

/// Every artifact was answered by the process that its run is said to be of.
fn misfiled(play: &Play) -> Vec<String> {
    let record = play.record();
    let runs = || record.nodes.iter().flat_map(|n| &n.runs);
    let mut wrong = Vec::new();
    for a in record
        .artifacts()
        .filter(|a| !matches!(a.slot.artifact.as_str(), "node" | "version"))
    {
        let by = a.exchange.headers.get("audit-id").and_then(|t| t.parse::<f64>().ok());
        let start = runs().find(|r| r.run == a.slot.run).and_then(|r| r.process.start_time);
        if by.is_none() || by != start {
            wrong.push(format!(
                "{} of {by:?} is in run {} of {start:?}",
                a.slot.artifact, a.slot.run
            ));
        }
    }
    wrong
}

async fn one(restart: Restart) -> Vec<String> {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let play = play(move |q, kubelet| {
        if q.node.is_empty() || count.fetch_add(1, Ordering::Relaxed) != restart.at {
            return None;
        }
        kubelet.starts(if restart.in_time { seconds() } else { seconds() - 5000.0 });
        restart.breaks.then_some(Reply::Close)
    });
    let names = ["goroutine", "heap", "threadcreate", "configz", "cpu"];
    let ended = capture(&play, &["worker-03"], &options(&names, 2, 40)).await;
    let mut wrong = misfiled(&play);
    if asked.load(Ordering::Relaxed) <= restart.at {
        return wrong;
    }
    let failed = &ended.visited[0].failed;
    if !failed.is_empty() && !restart.breaks {
        wrong.push(format!("missing: {failed:#?}"));
    }
    // The fixtures are of several builds, which is all that may be said against them.
    let verified = play.verified();
    let others = verified
        .findings
        .iter()
        .filter(|f| f.what != Flaw::Facts || !f.detail.contains("build IDs"));
    wrong.extend(others.map(|f| format!("{f:?}")));
    let runs = play.record().nodes[0].runs.len();
    if restart.at > 2 && runs != 2 {
        wrong.push(format!("{runs} runs"));
    }
    for name in ["goroutine", "heap"] {
        let there = play.kept(name).len();
        if there < 2 {
            wrong.push(format!("{there} of {name}"));
        }
    }
    // What is taken once of a process comes after its first snapshot.
    let record = play.record();
    for run in &record.nodes[0].runs {
        let first = run
            .snapshots
            .first()
            .and_then(|s| s.artifacts.first())
            .and_then(|a| a.exchange.t_request);
        let early = run
            .once
            .iter()
            .filter(|a| a.slot.artifact != "node" && a.exchange.t_request < first);
        wrong.extend(early.map(|a| format!("{} of run {} came before its first snapshot", a.slot.artifact, run.run)));
    }
    wrong
}

/// The process changes with every request of a capture in turn.
#[tokio::test(start_paused = true)]
async fn at_every_request() {
    let mut wrong = Vec::new();
    for at in 0..22 {
        for (breaks, in_time) in [(false, true), (true, true), (false, false), (true, false)] {
            let restart = Restart { at, breaks, in_time };
            let said = one(restart).await;
            wrong.extend(said.into_iter().map(|w| format!("{restart:?}: {w}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A profile that is surely of the old process stays where it is, though the new one answers when it is looked at.
#[tokio::test(start_paused = true)]
async fn what_was_whole_before_stays() {
    let slow = AtomicUsize::new(0);
    let play = play(move |q, kubelet| {
        if !q.is("/debug/pprof/allocs") || slow.fetch_add(1, Ordering::Relaxed) > 0 {
            return None;
        }
        // Not answered until long after the restart.
        kubelet.starts(seconds() + 3.0);
        Some(Reply::Close.after(Duration::from_secs(5)))
    });
    capture(&play, &["worker-03"], &options(&["goroutine", "heap", "allocs"], 1, 60)).await;
    assert_eq!(misfiled(&play), Vec::<String>::new());
    let record = play.record();
    let of = |run: u32| -> Vec<String> {
        let kept = record.artifacts().filter(|a| a.slot.run == run);
        kept.map(|a| a.slot.artifact.clone()).filter(|a| a != "node").collect()
    };
    assert_eq!(of(1), ["healthz", "metrics", "goroutine", "heap"]);
    assert_eq!(of(2), ["healthz", "metrics", "goroutine", "heap", "allocs"]);
}

/// A kubelet that ends whenever it is asked for its heap never gives one: that is missing, and no success.
#[tokio::test(start_paused = true)]
async fn what_no_process_outlives_is_missing() {
    let play = play(|q, kubelet| {
        if !q.is("/debug/pprof/heap") {
            return None;
        }
        kubelet.starts(seconds() + 3.0);
        Some(Reply::Close.after(Duration::from_secs(5)))
    });
    let ended = capture(&play, &["worker-03"], &options(&["heap"], 1, 60)).await;
    assert_eq!(misfiled(&play), Vec::<String>::new());
    assert!(
        play.kept("heap").is_empty() && ended.visited[0].failed.iter().any(|(a, _)| a == "heap"),
        "{ended:#?}"
    );
    assert!(
        play.verified()
            .lacks
            .iter()
            .any(|g| g.what == Absent::Artifact("heap".to_owned())),
        "{:#?}",
        play.verified()
    );
}

/// A restart in the middle of what is taken once of a process: the next snapshot has its slot, what is taken once comes after
/// it, and what the restart cut is taken of the next process. Where no snapshot is due any more, one of the next is taken first.
#[tokio::test(start_paused = true)]
async fn a_new_process_is_first_looked_at() {
    for (snapshots, heaps, measured) in [(3, &[0, 60, 120][..], &[0, 60][..]), (1, &[0, 12], &[0, 12])] {
        let asked = AtomicUsize::new(0);
        let play = play(move |q, kubelet| {
            if !q.is("/debug/pprof/profile") || asked.fetch_add(1, Ordering::Relaxed) > 0 {
                return None;
            }
            kubelet.starts(seconds() + 5.0);
            Some(Reply::Close.after(Duration::from_secs(10)))
        });
        let ended = capture(
            &play,
            &["worker-03"],
            &options(&["heap", "threadcreate", "cpu"], snapshots, 60),
        )
        .await;
        assert!(ended.visited[0].failed.is_empty(), "{ended:#?}");
        let at = |path: &str| play.times(path).iter().map(Duration::as_secs).collect::<Vec<_>>();
        assert_eq!(at("/debug/pprof/heap"), heaps);
        assert_eq!(at("/debug/pprof/profile"), measured, "after the snapshot, not at once");
        assert_eq!(play.kept("cpu")[0].slot.run, 2);
        assert_eq!(misfiled(&play), Vec::<String>::new());
        let record = play.record();
        let began = |name: &str| {
            let of_second = record
                .artifacts()
                .filter(|a| a.slot.run == 2 && a.slot.artifact == name);
            of_second
                .filter_map(|a| a.exchange.t_request)
                .min()
                .expect("it is there")
        };
        assert!(began("heap") <= began("threadcreate") && began("heap") <= began("cpu"));
        let verified = play.verified();
        assert!(verified.lacks.is_empty(), "{verified:#?}");
        assert!(
            verified.findings.iter().all(|f| !f.detail.contains("two processes")),
            "{verified:#?}"
        );
    }
}
