//! Sessions against a play in memory, on a clock that is turned: when what is asked, what is waited for, and for how long.

mod played;
mod restarts;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use played::{Reply, capture, fixture, options, play, watched};

use crate::bundle::manifest::Artifact;
use crate::capture::progress::{Progress, Watch};
use crate::capture::refusal::Cause;

fn seconds(times: &[Duration]) -> Vec<u64> {
    times.iter().map(Duration::as_secs).collect()
}

#[tokio::test(start_paused = true)]
async fn snapshots_keep_to_the_grid() {
    // Each takes 7 s, and the grid does not drift.
    let play = play(|q, _| {
        let heap = || Reply::Now(200, "application/octet-stream", fixture("gotext/heap.pb.gz"));
        q.is("/debug/pprof/heap").then(|| heap().after(Duration::from_secs(7)))
    });
    let ended = capture(&play, &["worker-03"], &options(&["goroutine", "heap"], 5, 60)).await;
    assert!(
        ended.early.is_none() && ended.visited[0].failed.is_empty(),
        "{ended:#?}"
    );
    assert_eq!(seconds(&play.times("/healthz")), [0, 60, 120, 180, 240]);
    assert_eq!(
        play.times("/debug/pprof/goroutine"),
        play.times("/healthz"),
        "nothing waits in front of it"
    );
    let taken: Vec<i64> = play
        .kept("heap")
        .iter()
        .filter_map(|a| a.slot.snapshot)
        .map(|s| s.taken.as_second())
        .collect();
    assert!(taken.windows(2).all(|w| w[1] - w[0] == 60), "{taken:?}");
    let verified = play.verified();
    assert!(verified.notes.is_empty() && verified.lacks.is_empty(), "{verified:#?}");
}

/// One that overruns its time is followed at the next point of the grid, and not by two in a rush; `verify` says so.
#[tokio::test(start_paused = true)]
async fn what_is_late_is_not_made_up_in_a_rush() {
    let play = play(|q, _| {
        let heap = Reply::Now(200, "application/octet-stream", fixture("gotext/heap.pb.gz"));
        let second = q.is("/debug/pprof/heap") && q.at.as_secs() == 60;
        second.then(|| heap.after(Duration::from_secs(135)))
    });
    capture(&play, &["worker-03"], &options(&["heap"], 4, 60)).await;
    assert_eq!(seconds(&play.times("/healthz")), [0, 60, 240, 300]);
    let notes = play.verified().notes.join("\n");
    assert!(
        notes.contains("snapshot 3") && notes.contains("180.0 s") && notes.contains("60.0 s"),
        "{notes}"
    );
}

/// What is taken once of a process does not move the grid.
#[tokio::test(start_paused = true)]
async fn a_measurement_does_not_move_the_grid() {
    let play = play(|_, _| None);
    let ended = capture(&play, &["worker-03"], &options(&["heap", "cpu"], 3, 40)).await;
    assert!(ended.visited[0].failed.is_empty(), "{ended:#?}");
    assert_eq!(seconds(&play.times("/healthz")), [0, 40, 80]);
    assert_eq!(seconds(&play.times("/debug/pprof/profile")), [0]);
}

/// What is missing of a series is taken by a resumption on the grid, too, and nothing else; it stands last, under the time when
/// it came, wherever in the series the gap is.
#[tokio::test(start_paused = true)]
async fn a_resumption_keeps_to_the_grid() {
    for gap in [0..=70, 60..=130, 120..=300] {
        let play = play(move |q, _| {
            let cut = q.is("/debug/pprof/heap") && gap.contains(&q.at.as_secs());
            cut.then(|| Reply::text(418, "no"))
        });
        let options = options(&["goroutine", "heap"], 4, 60);
        let ended = capture(&play, &["worker-03"], &options).await;
        assert_eq!(ended.visited[0].failed.len(), 2, "{ended:#?}");
        let before = play.asked().len();
        let closed = play.record().last.expect("a time");
        // The gap of the last one is over by now.
        tokio::time::sleep(Duration::from_secs(200)).await;
        let ended = capture(&play, &["worker-03"], &options).await;
        assert!(ended.visited[0].failed.is_empty(), "{ended:#?}");
        let (begin, asked) = (play.asked()[before].at, play.asked()[before..].to_vec());
        let at = |path: &str| {
            asked
                .iter()
                .filter(|q| q.is(path))
                .map(|q| (q.at - begin).as_secs())
                .collect::<Vec<_>>()
        };
        assert_eq!(at("/debug/pprof/heap"), [0, 60]);
        assert!(at("/debug/pprof/goroutine").is_empty(), "it is there four times");
        let heaps = play.kept("heap");
        let order: Vec<_> = heaps
            .iter()
            .map(|a| (a.slot.snapshot.map(|s| s.number), a.taken()))
            .collect();
        assert_eq!(order.len(), 4);
        assert!(order.is_sorted(), "{order:#?}");
        let late = |a: &&Artifact| a.slot.snapshot.is_some_and(|s| s.number > 4 && s.taken > closed);
        assert_eq!(heaps.iter().filter(late).count(), 2, "{order:#?}");
        let verified = play.verified();
        assert!(
            verified.lacks.is_empty() && verified.findings.is_empty(),
            "{verified:#?}"
        );
    }
}

/// Nodes are visited side by side and not at once; two names of one kubelet take turns at what it can do once at a time.
#[tokio::test(start_paused = true)]
async fn nodes_side_by_side() {
    let play = play(|_, _| None);
    let names: Vec<String> = (0..50).map(|n| format!("worker-{n}")).collect();
    let nodes: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut options = options(&["heap", "cpu"], 1, 60);
    options.parallel = 4;
    options.plan.cpu = Duration::from_secs(10);
    let ended = capture(&play, &nodes, &options).await;
    assert!(ended.visited.iter().all(|v| v.failed.is_empty()), "{ended:#?}");
    assert_eq!(play.most.load(std::sync::atomic::Ordering::Relaxed), 4);
    let last = play.times("/debug/pprof/profile").into_iter().max().expect("profiles");
    assert_eq!(last.as_secs(), 120, "50 nodes, 4 at a time, 10 s each");

    let play = played::play(|_, _| None);
    let ended = capture(&play, &["worker-3", "https:worker-3:10250"], &options).await;
    assert!(ended.visited.iter().all(|v| v.failed.is_empty()), "{ended:#?}");
    assert_eq!(seconds(&play.times("/debug/pprof/profile")), [0, 10]);
}

/// What breaks inside of a request is an error of that request.
#[tokio::test(start_paused = true)]
async fn a_panic_below_a_request_is_its_error() {
    let play = play(|q, _| {
        assert!(!q.is("/debug/pprof/heap"), "a library breaks");
        None
    });
    let ended = capture(&play, &["worker-3"], &options(&["heap", "allocs"], 1, 60)).await;
    let failed = &ended.visited[0].failed;
    assert_eq!(
        failed.iter().map(|(a, r)| (a.as_str(), r.cause)).collect::<Vec<_>>(),
        [("heap", Cause::Defect)]
    );
    assert_eq!(play.kept("allocs").len(), 1);
}

/// A visit that breaks is told of its node; the others go on.
#[tokio::test(start_paused = true)]
async fn a_visit_that_breaks_is_told() {
    struct Broken;
    impl Watch for Broken {
        fn see(&self, node: &str, progress: &Progress<'_>) {
            assert!(
                node != "worker-4" || !matches!(progress, Progress::Taken { .. }),
                "it breaks"
            );
        }
    }
    let play = play(|_, _| None);
    let ended = watched(
        &play,
        &["worker-3", "worker-4"],
        &options(&["heap"], 1, 60),
        Arc::new(Broken),
    )
    .await;
    assert_eq!(ended.visited.len(), 2, "{ended:#?}");
    assert!(
        ended.visited[0].notes.is_empty() && ended.visited[0].failed.is_empty(),
        "{ended:#?}"
    );
    let told = &ended.visited[1];
    assert!(
        told.node == "worker-4" && told.notes[0].contains("a defect ended the visit"),
        "{ended:#?}"
    );
    assert_eq!(play.kept("heap").len(), 1);
}
