//! `goroutines` on dumps of all kinds of goroutines that a healthy kubelet does not have: leaked ones, labels, gaps.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::support::{capture, fine, json as answer, root, run};

/// A dump of these goroutines: what stands between the brackets (and labels), the frames, the line of the creator.
fn dump(folder: &Path, name: &str, goroutines: &[(&str, &[&str])]) -> String {
    let mut text = String::new();
    for (i, (head, frames)) in goroutines.iter().enumerate() {
        text += &format!("goroutine {} {head}:\n", i + 1);
        for frame in *frames {
            text += frame;
            text += "\n";
            if !frame.starts_with("...") {
                text += "\tmade.go:7 +0x1\n";
            }
        }
        text += "created by main.main in goroutine 1\n\tmade.go:3 +0x1\n\n";
    }
    let path = folder.join(name);
    fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    path.display().to_string()
}

fn int(d: &Value, key: &str) -> i64 {
    d[key].as_i64().unwrap_or_else(|| panic!("{key} of {d}"))
}

const WAITS: &[&str] = &["main.wait()"];

/// One leaked, one that waits for a nil channel, one loop.
const LEAKS: [(&str, &[&str]); 4] = [
    ("[chan receive (leaked)]", WAITS),
    ("[chan receive (nil chan), 3 minutes]", WAITS),
    ("[select (no cases)]", WAITS),
    ("[select, 2 minutes]", WAITS),
];

#[test]
fn what_nothing_can_wake_is_no_idle_loop_and_is_said_first() {
    let folder = tempfile::tempdir().expect("folder");
    let leaks = dump(folder.path(), "leaks.txt", &LEAKS);
    let text = fine(&["goroutines", &leaks]);
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(lines[0], "  3 that nothing can wake:", "{text}");
    assert!(
        lines[1].starts_with("    2 of ") && lines[1].contains("channels"),
        "{text}"
    );
    assert!(
        text.contains("  1 in loops that wait for channels, timers or connections, the oldest for 2 min\n"),
        "{text}"
    );
    assert!(text.contains("1 select, 1 select (no cases), 1 leaked"), "{text}");
    let d = answer(&["goroutines", &leaks]);
    assert_eq!((int(&d, "never_wakes"), int(&d, "leaked")), (3, 1), "{d}");
    let cohorts = d["cohorts"].as_array().expect("cohorts");
    assert_eq!(cohorts[0]["weight"], "never-wakes");
    let idle = cohorts.iter().filter(|c| c["idle"] == true);
    assert_eq!(idle.map(|c| int(c, "count")).sum::<i64>(), 1, "{d}");
    assert_eq!(cohorts.iter().map(|c| int(c, "count")).sum::<i64>(), 4, "{d}");
}

#[test]
fn leaked_ones_are_found_by_flag_and_by_state() {
    let folder = tempfile::tempdir().expect("folder");
    let leaks = dump(folder.path(), "leaks.txt", &LEAKS);
    let matched = |more: &[&str]| int(&answer(&[&["goroutines", &leaks][..], more].concat()), "matched");
    assert_eq!(matched(&["--leaked"]), 3);
    assert_eq!(matched(&["--state", "leaked"]), 1);
    assert_eq!(matched(&["--state", "chan receive (leaked)"]), 1);
    assert_eq!(matched(&["--state", "chan receive"]), 2);
    assert!(fine(&["goroutines", &leaks, "--leaked"]).contains("filters: leaked\n"));
    // Who never looked cannot know; a profile of leaks has nothing else.
    let profile = capture("frozen-runtime/d-6min-goroutine.pb.gz");
    assert!(fine(&["goroutines", &profile, "--leaked"]).contains("is unknown"));
    let of_leaks = root()
        .join("fixtures/gotext/goroutineleak.debug1.txt")
        .display()
        .to_string();
    let d = answer(&["goroutines", &of_leaks, "--leaked"]);
    assert_eq!(d["profile"]["kind"], "goroutineleak");
    assert_eq!(int(&d, "matched"), int(&d, "total"), "{d}");
    assert!(int(&d, "total") > 0);
}

/// A dump of the endpoint shows all goroutines; those that are leaked are what its other forms show.
#[test]
fn a_dump_with_leaked_goroutines_is_a_profile_of_them_where_that_is_asked() {
    let folder = tempfile::tempdir().expect("folder");
    let leaks = dump(folder.path(), "leaks.txt", &LEAKS);
    let asked = ["--kind", "goroutineleak"];
    for command in [&["goroutines"][..], &["top", "--trim=false"]] {
        let all = run(&[command, &[leaks.as_str()]].concat());
        assert_eq!(all.code, 0, "{}", all.stderr);
        assert!(
            all.stderr.contains(
                "1 of 4 goroutines marked as leaked: nothing can wake what is; --kind goroutineleak takes no others"
            ),
            "{}",
            all.stderr
        );
        let leaked = run(&[command, &[leaks.as_str(), "-o", "json"], &asked].concat());
        assert_eq!((leaked.code, leaked.stderr.as_str()), (0, ""));
        let d: Value = serde_json::from_str(&leaked.stdout).expect("JSON");
        assert_eq!(d["profile"]["kind"], "goroutineleak", "{d}");
        assert_eq!(int(&d, "total"), 1, "{d}");
    }
    // The state tells what they are blocked in, as in the dump as a whole.
    let d = answer(&["goroutines", &leaks, "--kind", "goroutineleak"]);
    assert_eq!(d["rows"][0]["blocked_in"], "channel", "{d}");
    // One that looked and found none is an empty profile; one that never looked is none.
    let none = dump(
        folder.path(),
        "none.txt",
        &[(
            "[running]",
            &["runtime/pprof.writeGoroutineLeak({0x1, 0x2}, 0x2)", "main.main()"],
        )],
    );
    let text = fine(&["goroutines", &none, "--kind", "goroutineleak"]);
    assert!(text.contains("no goroutine waits for what nothing can reach"), "{text}");
    let plain = dump(folder.path(), "plain.txt", &[("[select]", WAITS)]);
    let refused = run(&["goroutines", &plain, "--kind", "goroutineleak"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("no goroutineleak profile in the sources"),
        "{}",
        refused.stderr
    );
}

#[test]
fn frames_left_out_stand_between_those_around_them() {
    let folder = tempfile::tempdir().expect("folder");
    let stack = [
        "main.innermost()",
        "main.deep(...)",
        "...40 frames elided...",
        "main.deep(...)",
        "main.outermost()",
    ];
    let gap = dump(folder.path(), "gap.txt", &[("[select]", &stack)]);
    let text = fine(&["goroutines", &gap]);
    let names: Vec<&str> = (text.lines().filter_map(|l| l.strip_prefix("        ")))
        .filter_map(|l| l.strip_suffix(" made.go:7").or(Some(l)))
        .collect();
    assert_eq!(
        names,
        [
            "main.innermost",
            "main.deep",
            "[frames elided]",
            "main.deep",
            "main.outermost"
        ],
        "{text}"
    );
    let short = fine(&["goroutines", &gap, "--stacks", "2"]);
    assert!(
        short.contains("main.innermost") && short.contains("main.outermost"),
        "{short}"
    );
    assert!(!fine(&["goroutines", &gap, "--stacks", "0"]).contains("elided]"));
    let note = run(&["goroutines", &gap]).stderr;
    assert!(note.contains("1 goroutine has frames left out of the dump"), "{note}");
}

#[test]
fn labels_stand_under_their_bucket() {
    let folder = tempfile::tempdir().expect("folder");
    let labelled = dump(
        folder.path(),
        "labels.txt",
        &[
            ("[select] {pod: web, tier: a}", WAITS),
            ("[select] {pod: web, tier: b}", WAITS),
            ("[select] {pod: web, odd: 1}", WAITS),
        ],
    );
    let text = fine(&["goroutines", &labelled]);
    assert!(
        text.contains("\n        labels: odd=1 (1) pod=web tier: 2 values\n"),
        "{text}"
    );
    // There they are a column.
    let wide = fine(&["goroutines", &labelled, "-o", "wide"]);
    assert_eq!(wide.matches("pod=web").count(), 1, "{wide}");
    let plain = dump(folder.path(), "plain.txt", &[("[select]", WAITS)]);
    assert!(!fine(&["goroutines", &plain]).contains("labels:"));
}

#[test]
fn a_bucket_says_all_that_its_goroutines_are_blocked_in() {
    let folder = tempfile::tempdir().expect("folder");
    let mixed = dump(
        folder.path(),
        "mixed.txt",
        &[
            ("[chan receive]", WAITS),
            ("[chan receive]", WAITS),
            ("[select]", &["main.wait(...)"]),
            ("[select]", WAITS),
            ("[select]", WAITS),
        ],
    );
    let text = fine(&["goroutines", &mixed]);
    assert!(text.contains("3 select, 2 chan receive"), "{text}");
    assert!(text.contains("3 select, 2 channels"), "{text}");
    let d = answer(&["goroutines", &mixed]);
    let row = &d["rows"][0];
    assert_eq!(
        (&row["blocked_in"], &row["blocked_in_title"]),
        (&json!("select"), &json!("select"))
    );
    assert_eq!(
        row["blocked_in_all"],
        json!([
            {"key": "select", "title": "select", "count": 3},
            {"key": "channel", "title": "channels", "count": 2},
        ])
    );
}

#[test]
fn several_dumps_in_one_file_are_named() {
    let folder = tempfile::tempdir().expect("folder");
    let one = dump(folder.path(), "one.txt", &LEAKS[3..]);
    let text = fs::read_to_string(&one).expect("the dump");
    let twice = folder.path().join("twice.txt");
    // Each thread has a goroutine 0.
    let idle = "goroutine 0 [idle]:\nmain.idle()\n\tmade.go:7 +0x1\n\n".repeat(2);
    fs::write(&twice, format!("{text}{text}{idle}")).expect("a file");
    let twice = twice.display().to_string();
    let both = run(&["goroutines", &twice]);
    assert!(
        both.stderr.contains("the text has 2 goroutine dumps, 1 of them shown"),
        "{}",
        both.stderr
    );
    for words in [
        "2 dumps in this text",
        "  1  process  1 goroutine\n",
        "3 goroutines  <- shown\n",
        "total 3 goroutines",
    ] {
        assert!(both.stdout.contains(words), "{words}: {}", both.stdout);
    }
    for (which, words) in [
        ("1", "total 1 goroutine\n"),
        ("2", "total 3 goroutines\n"),
        ("last", "total 3 goroutines\n"),
    ] {
        let text = fine(&["goroutines", &twice, "--dump", which]);
        assert!(text.contains(words), "{which}: {text}");
    }
    let all = run(&["goroutines", &twice, "--dump", "all"]);
    assert!(all.stdout.contains("total 4 goroutines"), "{}", all.stdout);
    assert!(all.stdout.contains("2 dumps in this text, added up"), "{}", all.stdout);
    assert!(
        all.stderr.contains("2 goroutine dumps of the text are added up"),
        "{}",
        all.stderr
    );
    let none = run(&["goroutines", &twice, "--dump", "3"]);
    assert_eq!(none.code, 2);
    assert!(
        none.stderr.contains("no dump 3") && none.stderr.contains("hint: "),
        "{}",
        none.stderr
    );
    let single = run(&["goroutines", &one]);
    assert!(!single.stderr.contains("dumps") && !single.stdout.contains("dumps"));
}

#[test]
fn waits_take_units_and_say_what_a_plain_number_is() {
    let folder = tempfile::tempdir().expect("folder");
    let waits = dump(
        folder.path(),
        "waits.txt",
        &[
            ("[select, 1 minutes]", WAITS),
            ("[select, 2 minutes]", WAITS),
            ("[select, 120 minutes]", WAITS),
        ],
    );
    for (wait, want) in [
        ("90s", 2),
        ("61s", 2),
        ("60s", 3),
        ("2", 2),
        ("2m", 2),
        ("1h59m1s", 1),
        ("2h", 1),
        ("121", 0),
    ] {
        let d = answer(&["goroutines", &waits, "--min-wait", wait]);
        assert_eq!(int(&d, "matched"), want, "{wait}");
    }
    let help = fine(&["goroutines", "--help"]);
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("5m, 2h, 1h30m, 90s (rounded up to a minute), or a plain number, which is minutes"),
        "{help}"
    );
    let refused = run(&["goroutines", &waits, "--min-wait", "5 weeks"]);
    assert!(
        refused.stderr.contains("a plain number is minutes"),
        "{}",
        refused.stderr
    );
}

/// The names that a text hides are of frames that no report shows.
#[test]
fn names_that_a_text_hides_are_not_missing() {
    let text = root()
        .join("fixtures/gotext/goroutine.debug1.txt")
        .display()
        .to_string();
    for command in ["goroutines", "top"] {
        let d = answer(&[command, &text]);
        let symbols = &d["profile"]["symbols"];
        assert_eq!(symbols["missing"], json!({}), "{command}: {symbols}");
        assert_eq!(symbols["locations"], symbols["embedded"], "{command}");
        let page = run(&[command, &text]);
        assert!(!page.stdout.contains("symbols: "), "{}", page.stdout);
        assert!(
            page.stderr.contains("the text hides the names of 19 runtime frames"),
            "{}",
            page.stderr
        );
    }
}
