//! `inspect`: files of a folder by their names in it, and a line of metrics for each snapshot.

use std::fs;
use std::path::Path;

use super::support::{capture, fine, json};

/// A scrape of a kubelet that started at `start`: so many MiB, goroutines, CPU seconds, and relists that took up to 0.1 s and
/// up to 1 s.
fn scrape(start: u32, mib: u64, goroutines: u32, cpu: f64, (fast, slow): (u32, u32)) -> String {
    format!(
        "# TYPE go_goroutines gauge\n\
         go_goroutines {goroutines}\n\
         process_start_time_seconds {start}\n\
         process_resident_memory_bytes {}\n\
         process_cpu_seconds_total {cpu}\n\
         kubelet_running_pods 7\n\
         kubelet_running_containers{{container_state=\"exited\"}} 5\n\
         kubelet_running_containers{{container_state=\"running\"}} 9\n\
         kubelet_pleg_relist_duration_seconds_bucket{{le=\"0.1\"}} {fast}\n\
         kubelet_pleg_relist_duration_seconds_bucket{{le=\"1\"}} {all}\n\
         kubelet_pleg_relist_duration_seconds_bucket{{le=\"+Inf\"}} {all}\n",
        mib << 20,
        all = fast + slow
    )
}

/// Two snapshots a few minutes apart, with metrics beside the heap.
fn folder(at: &Path) {
    for (name, heap) in [("s01", "s01-heap.pb.gz"), ("s10", "s10-heap.pb.gz")] {
        let from = capture(&format!("ctx-leak-1.36.1/{heap}"));
        fs::copy(from, at.join(format!("{name}-heap.pb.gz"))).expect("a copy");
    }
    let one = scrape(1_700_000_000, 100, 40, 10.0, (1000, 0));
    let two = scrape(1_700_000_000, 120, 41, 118.0, (1000, 50));
    fs::write(at.join("s01-metrics.txt"), one).expect("written");
    fs::write(at.join("s10-metrics.txt"), two).expect("written");
}

#[test]
fn metrics_are_a_line_a_snapshot() {
    let at = tempfile::tempdir().expect("a folder");
    folder(at.path());
    let place = at.path().display().to_string();
    let text = fine(&["inspect", &place]);
    let (files, metrics) = text.split_once("Metrics of each snapshot").expect(&text);
    // The folder stands once, the files by their names in it.
    assert_eq!(files.matches(place.as_str()).count(), 1, "{text}");
    assert!(files.contains("\ns01-heap.pb.gz "), "{text}");
    let line = |name: &str| {
        let found = metrics.lines().find(|l| l.starts_with(name));
        found
            .unwrap_or_else(|| panic!("{name}: {text}"))
            .split_whitespace()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        line("snapshot"),
        [
            "snapshot",
            "taken",
            "RSS",
            "CPU",
            "goroutines",
            "PLEG",
            "p99",
            "pods",
            "containers"
        ]
    );
    // No rate without a scrape before; the quantile is that of the time between.
    assert_eq!(line("s01")[2..], ["100MB", "40", "100ms", "7", "9"]);
    assert_eq!(line("s10")[2..], ["120MB", "0.10", "cores", "41", "1s", "7", "9"]);
    let machine = json(&["inspect", &place]);
    let second = &machine["metrics"][1];
    assert_eq!(second["rss"], 120 << 20);
    assert_eq!(second["pleg_p99"], 1.0);
    assert_eq!(machine["metrics"][0]["cpu"], serde_json::Value::Null);
    assert!(second.get("clock").is_none(), "{second}");
    assert!(
        machine["rows"][0]["file"]
            .as_str()
            .is_some_and(|f| f.starts_with(&place))
    );
}

#[test]
fn another_process_is_never_compared_with_the_one_before() {
    let at = tempfile::tempdir().expect("a folder");
    folder(at.path());
    let restarted = scrape(1_700_000_500, 60, 30, 130.0, (1000, 60));
    fs::write(at.path().join("s10-metrics.txt"), restarted).expect("written");
    let machine = json(&["inspect", &at.path().display().to_string()]);
    let rows = machine["metrics"].as_array().expect("rows");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|r| r["cpu"].is_null()), "{rows:?}");
    // Of all its life: 60 of 1,060 relists took long.
    assert_eq!(rows[1]["pleg_p99"], 1.0);
}

#[test]
fn a_scrape_alone_is_read() {
    let at = tempfile::tempdir().expect("a folder");
    let file = at.path().join("node-7-metrics.txt");
    fs::write(&file, scrape(1_700_000_000, 80, 33, 5.0, (10, 0))).expect("written");
    let text = fine(&["inspect", &file.display().to_string()]);
    assert!(text.contains("80MB") && text.contains("33"), "{text}");
}
