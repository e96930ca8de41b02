//! History from outside: Prometheus, Netdata, scrapes; whatever else the file holds, reading ends and stays small.

use jiff::Timestamp;
use kubeprof::report::outside::{MOST_POINTS, MOST_SERIES, OutsideError, join, read};
use kubeprof::report::{History, Unit};
use proptest::prelude::*;

fn points(h: &History) -> Vec<(String, Option<f64>)> {
    h.points.iter().map(|(at, v)| (at.to_string(), *v)).collect()
}

fn pair(at: &str, v: Option<f64>) -> (String, Option<f64>) {
    (at.to_owned(), v)
}

#[test]
fn prometheus_query_range() {
    let text = r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"process_resident_memory_bytes","instance":"10.0.0.1:10250","job":"kubelet"},
         "values":[[1795459535,"138412032"],[1795459565.5,"NaN"],[1795459595,"138412999"]]},
        {"metric":{},"values":[[1795459535,"+Inf"],[1795459595,"2"]]}]}}"#;
    let found = read(text, "rss.json", None).unwrap();
    assert_eq!((found.histories.len(), found.more, found.damaged), (2, 0, 0));
    let rss = &found.histories[0];
    assert_eq!(rss.title, "process_resident_memory_bytes instance=10.0.0.1:10250");
    assert_eq!((rss.unit, rss.source.as_str()), (Unit::Bytes, "rss.json"));
    let want = [
        pair("2026-11-23T18:45:35Z", Some(138_412_032.0)),
        pair("2026-11-23T18:46:05.5Z", None),
        pair("2026-11-23T18:46:35Z", Some(138_412_999.0)),
    ];
    assert_eq!(points(rss), want);
    assert_eq!(points(&found.histories[1])[0].1, None, "infinity is no point");
    let instant = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"go_goroutines"},"value":[1795459535,"512"]}]}}"#;
    assert_eq!(read(instant, "x", None).unwrap().histories[0].points.len(), 1);
    let failed = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    assert_eq!(
        read(failed, "x", None),
        Err(OutsideError::Failed("parse error".to_owned()))
    );
    let empty = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    assert_eq!(read(empty, "x", None), Err(OutsideError::Empty));
}

/// Answers that real programs gave; see `fixtures/history/README.md`.
#[test]
fn answers_of_a_real_prometheus_and_a_real_netdata() {
    let file = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/history")
            .join(name);
        std::fs::read_to_string(path).unwrap()
    };
    let found = read(&file("prometheus-2.42-range.json"), "x", None).unwrap();
    let titles: Vec<&str> = found
        .histories
        .iter()
        .map(|h| h.title.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        titles,
        ["go_goroutines", "kubelet_running_pods", "process_resident_memory_bytes"]
    );
    assert!(found.histories.iter().all(|h| h.points.len() == 14));
    assert_eq!(
        points(&found.histories[0])[0],
        pair("2026-11-27T23:16:42Z", Some(512.0))
    );
    let csv = read(&file("netdata-1.37-ram.csv"), "x", None).unwrap();
    assert_eq!((csv.histories.len(), csv.damaged), (4, 0));
    let free = &csv.histories[0];
    assert_eq!((free.title.as_str(), free.points.len()), ("free", 40));
    assert_eq!(free.points.last().unwrap().1, Some(3518.129));
    assert_eq!(points(free).last().unwrap().0, "2026-11-27T23:20:36Z");
    assert!(free.points.iter().any(|(_, v)| v.is_none()), "a gap");
    // The three forms say the same; each was asked for a moment later.
    for other in ["netdata-1.37-ram-ms.csv", "netdata-1.37-ram.json"] {
        let other = read(&file(other), "x", None).unwrap();
        let known: Vec<_> = other.histories[0]
            .points
            .iter()
            .filter(|p| free.points.contains(p))
            .collect();
        assert!(known.len() >= 35, "{}", known.len());
    }
}

#[test]
fn netdata_csv_newest_first_with_gaps() {
    let text = "time,user,system\r\n2026-11-23 18:45:37,3.5,null\r\n2026-11-23 18:45:36,null,1\r\n2026-11-23 18:45:35,1.5,0.5\r\n";
    let found = read(text, "cpu.csv", None).unwrap();
    assert_eq!(found.damaged, 0);
    let want = [
        pair("2026-11-23T18:45:35Z", Some(1.5)),
        pair("2026-11-23T18:45:36Z", None),
        pair("2026-11-23T18:45:37Z", Some(3.5)),
    ];
    assert_eq!(points(&found.histories[0]), want);
    // Seconds and milliseconds are told by their size.
    for times in [["1795459535", "1795459536"], ["1795459535000", "1795459536000"]] {
        let text = format!("time,\"a, b\"\n{},1\n{},x\n", times[1], times[0]);
        let found = read(&text, "x", None).unwrap();
        assert_eq!(found.histories[0].title, "a, b");
        assert_eq!(
            points(&found.histories[0])[1],
            pair("2026-11-23T18:45:36Z", Some(1.0)),
            "{text}"
        );
        assert_eq!(found.damaged, 1, "x is no number");
    }
}

#[test]
fn netdata_json_of_both_versions() {
    let first = r#"{"labels":["time","used","free"],"data":[[1795459536,5,null],[1795459535,4,1]]}"#;
    let second = r#"{"api":2,"result":{"labels":["time","used","free"],"point":{"value":0,"arp":1,"pa":2},
        "data":[[1795459536000,[5,0,0],[null,0,0]],[1795459535000,[4,0,0],[1,0,0]]]}}"#;
    for text in [first, second] {
        let found = read(text, "x", None).unwrap();
        assert_eq!(found.histories.len(), 2);
        assert_eq!(points(&found.histories[0])[0], pair("2026-11-23T18:45:35Z", Some(4.0)));
        assert_eq!(points(&found.histories[1])[1].1, None);
    }
}

#[test]
fn scrapes_with_times_and_without() {
    let timed = "# TYPE go_goroutines gauge\ngo_goroutines 500 1795459535000\ngo_goroutines 512 1795459565000\n";
    let found = read(timed, "x", None).unwrap();
    assert_eq!(
        points(&found.histories[0])[1],
        pair("2026-11-23T18:46:05Z", Some(512.0))
    );
    let plain = "# TYPE go_goroutines gauge\ngo_goroutines 500\nprocess_resident_memory_bytes 1.5e8\n";
    assert_eq!(read(plain, "x", None), Err(OutsideError::NoTimes));
    let written: Timestamp = "2026-11-23T18:45:35Z".parse().unwrap();
    let found = read(plain, "x", Some(written)).unwrap();
    assert_eq!(found.histories.len(), 2);
    assert_eq!(found.histories[0].key, "rss");
    // One scrape a file becomes one line.
    let mut all = found.histories;
    let later: Timestamp = "2026-11-23T18:46:35Z".parse().unwrap();
    join(&mut all, read(plain, "y", Some(later)).unwrap().histories);
    assert_eq!((all.len(), all[0].points.len()), (2, 2));
}

#[test]
fn what_is_too_much_is_thinned_and_counted() {
    let mut text = String::from("time");
    (0..40).for_each(|i| text.push_str(&format!(",s{i}")));
    for t in 0..5000 {
        text.push_str(&format!("\n{}", 1_795_459_535 + t));
        (0..40).for_each(|i| text.push_str(&format!(",{}", if t == 2500 && i == 0 { 1_000_000 } else { t % 7 })));
    }
    let found = read(&text, "x", None).unwrap();
    assert_eq!((found.histories.len(), found.more), (MOST_SERIES, 40 - MOST_SERIES));
    let first = &found.histories[0];
    assert!(first.points.len() <= MOST_POINTS, "{}", first.points.len());
    assert!(
        first.points.iter().any(|(_, v)| *v == Some(1_000_000.0)),
        "a peak stays"
    );
}

#[test]
fn nonsense_is_refused() {
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    for text in [
        "",
        "hello",
        "<html>",
        "{}",
        "[]",
        "{\"data\":{\"result\":7}}",
        "time",
        "time,\n",
        &deep,
        "\u{feff}",
        "{\"labels\":[],\"data\":[]}",
    ] {
        assert!(read(text, "x", None).is_err(), "{}", &text[..text.len().min(40)]);
    }
}

proptest! {
    #[test]
    fn any_text_ends(text in "(time,|\\{|\\[|\"|,|:|[0-9.e+-]{1,18}|null|labels|data|result|values|metric|\n|\r\n|# TYPE x gauge\n|x\\{a=\"b\"\\} |[a-z<>]{1,5}){0,60}") {
        if let Ok(found) = read(&text, "x", None) {
            for h in &found.histories {
                prop_assert!(h.points.len() <= MOST_POINTS);
                prop_assert!(h.points.iter().all(|(_, v)| v.is_none_or(f64::is_finite)));
                prop_assert!(h.points.windows(2).all(|w| w[0].0 < w[1].0));
            }
        }
    }
}
