//! What is asked for again, after how long, and what is not waited for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::played::{Reply, capture, fixture, options, play};
use super::seconds;
use crate::capture::refusal::Cause;
use crate::capture::session::Threshold;

fn page() -> Reply {
    let page = b"<html><title>Maintenance</title></html>";
    Reply::Now(200, "text/html", page.to_vec())
}

fn unknown() -> Reply {
    Reply::fixture("api-401-bad-token.http")
}

/// One bad answer is of a moment: the same is asked for again, and the series goes on; it ends when it is so at the next
/// snapshot, too.
#[tokio::test(start_paused = true)]
async fn one_bad_answer_ends_nothing() {
    // How often it is so, from the second heap profile on, and how many heap profiles of 3 come.
    for (reply, times, heaps) in [(page(), 1, 3), (unknown(), 1, 3), (page(), 2, 2), (unknown(), 2, 2)] {
        let asked = AtomicUsize::new(0);
        let play = play(move |q, _| {
            let heap = q.is("/debug/pprof/heap");
            let bad = heap && (1..=times).contains(&asked.fetch_add(1, Ordering::Relaxed));
            bad.then(|| reply.clone())
        });
        let options = options(&["goroutine", "heap"], 3, 60);
        let ended = capture(&play, &["worker-03"], &options).await;
        assert!(ended.early.is_none(), "{ended:#?}");
        assert_eq!(play.kept("heap").len(), heaps, "{ended:#?}");
        assert_eq!(play.kept("goroutine").len(), 3, "{ended:#?}");
        assert_eq!(
            seconds(&play.times("/debug/pprof/heap")),
            [0, 60, 62, 120],
            "after two seconds"
        );
        capture(&play, &["worker-03"], &options).await;
        assert_eq!(play.kept("heap").len(), 3);
        assert!(play.verified().lacks.is_empty(), "{:#?}", play.verified());
    }
}

/// What ends a series does so for good only when it is so at the next snapshot, and only where no other node is answered.
#[tokio::test(start_paused = true)]
async fn one_node_that_is_refused_ends_no_other() {
    let play = play(|q, _| (q.node == "worker-04" && q.is("/metrics")).then(unknown));
    let ended = capture(&play, &["worker-04", "worker-03"], &options(&["heap"], 4, 60)).await;
    assert!(ended.early.is_none(), "{ended:#?}");
    let heaps = play.kept("heap");
    assert_eq!(
        heaps.iter().filter(|a| a.slot.node == "worker-03").count(),
        4,
        "{ended:#?}"
    );
    let times: Vec<u64> = play
        .asked()
        .iter()
        .filter(|q| q.node == "worker-04")
        .map(|q| q.at.as_secs())
        .collect();
    assert_eq!(times, [0, 2, 60, 62], "twice in each of two snapshots");
}

/// No node is answered: the second snapshot is the last.
#[tokio::test(start_paused = true)]
async fn what_is_so_for_everybody_ends_the_capture() {
    let play = play(|q, _| (q.at.as_secs() >= 60).then(unknown));
    let ended = capture(&play, &["worker-03"], &options(&["heap"], 10, 60)).await;
    assert_eq!(ended.early.map(|r| r.cause), Some(Cause::ApiUnauthorized));
    assert!(
        play.asked().iter().all(|q| q.at.as_secs() <= 130),
        "{:#?}",
        play.asked()
    );
    assert_eq!(play.kept("heap").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_profiler_is_waited_for_once() {
    for (times, there) in [(1, 1), (2, 0)] {
        let asked = AtomicUsize::new(0);
        let play = play(move |q, _| {
            let busy = q.is("/debug/pprof/profile") && asked.fetch_add(1, Ordering::Relaxed) < times;
            busy.then(|| Reply::fixture("kubelet-500-cpu-profile-in-use.http"))
        });
        capture(&play, &["worker-03"], &options(&["cpu"], 1, 60)).await;
        // As long as the other may take, and a second.
        assert_eq!(seconds(&play.times("/debug/pprof/profile")), [0, 31]);
        assert_eq!(play.kept("cpu").len(), there);
    }
}

/// A measurement whose connection broke goes on at the kubelet: it is not asked for again at once.
#[tokio::test(start_paused = true)]
async fn a_measurement_that_broke_is_not_asked_for_again() {
    let play = play(|q, _| {
        q.is("/debug/pprof/profile")
            .then(|| Reply::Close.after(Duration::from_secs(12)))
    });
    let ended = capture(&play, &["worker-03"], &options(&["cpu"], 1, 60)).await;
    assert_eq!(play.times("/debug/pprof/profile").len(), 1);
    assert_eq!(ended.visited[0].failed[0].1.cause, Cause::Broke, "{ended:#?}");
}

/// No answer at all: the limit ends it.
#[tokio::test(start_paused = true)]
async fn silence_has_a_limit() {
    let play = play(|q, _| {
        q.is("/debug/pprof/heap")
            .then(|| Reply::Close.after(Duration::from_secs(1 << 30)))
    });
    let ended = capture(&play, &["worker-03"], &options(&["heap", "allocs"], 1, 60)).await;
    let failed = &ended.visited[0].failed;
    assert_eq!(
        failed.iter().map(|(a, r)| (a.as_str(), r.cause)).collect::<Vec<_>>(),
        [("heap", Cause::NoAnswer)]
    );
    assert_eq!(
        seconds(&play.times("/debug/pprof/allocs")),
        [600],
        "and the next is asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn a_threshold_is_waited_for_with_metrics_only() {
    let play = play(|q, kubelet| {
        if q.is("/metrics") {
            kubelet.goroutines.fetch_add(1000, Ordering::Relaxed);
        }
        None
    });
    let mut options = options(&["heap"], 1, 60);
    options.until = Threshold {
        memory: Some(2 << 30),
        goroutines: Some(3000),
    };
    let ended = capture(&play, &["worker-03"], &options).await;
    assert!(
        ended.visited[0].notes.iter().any(|n| n.contains("3512 goroutines")),
        "{ended:#?}"
    );
    let asked = play.asked();
    let first = asked
        .iter()
        .position(|q| q.path.starts_with("/debug/"))
        .expect("a profile");
    let looks: Vec<u64> = asked[..first]
        .iter()
        .filter(|q| q.is("/metrics"))
        .map(|q| q.at.as_secs())
        .collect();
    assert_eq!(looks, [0, 15, 30, 30], "and once to begin the snapshot");
}

/// What can never be reached is not waited for; a bad minute of a night is.
#[tokio::test(start_paused = true)]
async fn a_threshold_that_cannot_be_reached() {
    let forbidden = || Reply::fixture("direct-403-viewer.http");
    let no_kubelet = || Reply::text(200, "go_goroutines 5\ncoredns_build_info 1\n");
    let untold = || Reply::text(200, "kubelet_running_pods 3\n");
    for (reply, cause) in [
        (forbidden(), Cause::KubeletForbidden),
        (no_kubelet(), Cause::NoKubeletMetrics),
        (untold(), Cause::ThresholdNotMeasured),
    ] {
        // At once.
        let (late, again) = (reply.clone(), reply.clone());
        let play = play(move |q, _| q.is("/metrics").then(|| reply.clone()));
        let mut options = options(&["heap"], 1, 60);
        options.until.memory = Some(2 << 30);
        let ended = capture(&play, &["worker-03"], &options).await;
        assert_eq!(ended.visited[0].failed[0].1.cause, cause, "{ended:#?}");
        assert_eq!(seconds(&play.times("/metrics")), [0, 15], "twice in a row");
        assert!(play.asked().iter().all(|q| !q.path.starts_with("/debug/")));
        // After an hour of good looks it is waited for ten minutes more.
        let play = super::play(move |q, _| (q.is("/metrics") && q.at.as_secs() > 3600).then(|| late.clone()));
        capture(&play, &["worker-03"], &options).await;
        let last = play.times("/metrics").last().expect("looks").as_secs();
        assert!((4200..4230).contains(&last), "{last}");
        // For two minutes only: it goes on.
        let play = super::play(move |q, kubelet| {
            if q.at.as_secs() > 1000 {
                kubelet.goroutines.store(9000, Ordering::Relaxed);
            }
            (q.is("/metrics") && (600..720).contains(&q.at.as_secs())).then(|| again.clone())
        });
        options.until.goroutines = Some(5000);
        capture(&play, &["worker-03"], &options).await;
        assert_eq!(play.kept("heap").len(), 1);
    }
}

/// A kubelet that is down is waited for, however long.
#[tokio::test(start_paused = true)]
async fn a_kubelet_that_is_down_may_come_back() {
    let play = play(|q, kubelet| {
        if q.at.as_secs() > 7200 {
            kubelet.goroutines.store(9000, Ordering::Relaxed);
            return None;
        }
        (!q.node.is_empty()).then(|| Reply::fixture("kubelet-down-503.http"))
    });
    let mut options = options(&["heap"], 1, 60);
    options.until.goroutines = Some(5000);
    capture(&play, &["worker-03"], &options).await;
    assert_eq!(play.kept("heap").len(), 1);
}

/// A page that comes in place of metrics, once and for good.
#[tokio::test(start_paused = true)]
async fn a_page_in_place_of_metrics() {
    let asked = AtomicUsize::new(0);
    let play = play(move |q, _| (q.is("/metrics") && asked.fetch_add(1, Ordering::Relaxed) == 0).then(page));
    let ended = capture(&play, &["worker-03"], &options(&["heap"], 1, 60)).await;
    assert!(ended.visited[0].failed.is_empty(), "{ended:#?}");
    assert_eq!(seconds(&play.times("/debug/pprof/heap")), [2]);
    let heap = fixture("gotext/heap.pb.gz");
    assert_eq!(play.kept("heap")[0].bytes, heap.len() as u64);
}
