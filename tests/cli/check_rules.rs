//! Rules of `check` with mistakes, and hostile ones: every mistake with its place, once, and the nearest right word.

use super::support::{capture, root, run, run_with};

/// A mistake, its place and what the message says.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("version = 1\n[[rule]\n", "2:8", "unclosed array table"),
    (
        "version = 2\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n",
        "1:1",
        "`version` 2 is not known",
    ),
    (
        "[[rule]]\nid = \"a\"\nkind = \"guide\"\n",
        "1:1",
        "`version` is missing",
    ),
    ("version = 1\n", "1:1", "`rule` is missing"),
    ("version = 1\nrule = 3\n", "2:8", "`rule` must be an array of tables"),
    (
        "version = 1\n[settings]\nasemble = \"median\"\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n",
        "3:1",
        "did you mean `assemble`",
    ),
    (
        "version = 1\n[settings]\nalpha = 0\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n",
        "3:1",
        "above 0 and at most 0.5",
    ),
    ("version = 1\n[[rule]]\nkind = \"guide\"\n", "2:1", "`id` is missing"),
    (
        "version = 1\n[[rule]]\nid = \"a b\"\nkind = \"guide\"\n",
        "3:1",
        "`id` cannot be `a b`",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n",
        "5:1",
        "the first is in line 2",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"gide\"\n",
        "4:8",
        "did you mean `guide`",
    ),
    ("version = 1\n[[rule]]\nid = \"a\"\n", "2:1", "`kind` is missing"),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"guide\"\nlevel = \"eror\"\n",
        "5:9",
        "did you mean `error`",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"guide\"\nallow_empty = \"yes\"\n",
        "5:15",
        "must be true or false, not a text",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"goroutine\"\nmax = 1\n",
        "5:11",
        "did you mean `goroutines`",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"bytes\"\nmax = \"5 apples\"\n",
        "6:7",
        "`max` cannot be `5 apples`",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"bytes\"\nmax = -1\n",
        "6:7",
        "0 or more",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"bytes\"\n",
        "2:1",
        "limits nothing",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"bytes\"\nmin = 9\nmax = 1\n",
        "6:1",
        "`min` 9 is above `max` 1",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"bytes\"\nmax = 1\nowner = \"prob\"\n",
        "7:9",
        "did you mean",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"bytes\"\nmax = 1\nowner = \"*\"\nfunction = \"x\"\n",
        "8:1",
        "exclude each other",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"frames\"\nforbid = [\"(\"]\n",
        "5:11",
        "`forbid`: ",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"frames\"\nforbid = []\n",
        "5:10",
        "`forbid` is empty",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"bytes\"\nmax = 1\nstate = \"select\"\n",
        "7:1",
        "`state` does not go with `bytes`",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n[[ignore]]\nsubject = \"x\"\n",
        "5:1",
        "`reason` is missing",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"wait\"\nmax = 10m\n",
        "6:7",
        "write \"10m\"",
    ),
    (
        "version = 1\n[[rule]]\nid = \"guide\"\nkind = \"guide\"\n[[ignore]]\nrule = \"guidee\"\nreason = \"x\"\n",
        "6:8",
        "no rule is named `guidee`\nhint: did you mean `guide`?",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n[[ignore]]\nrule = \"z*\"\nreason = \"x\"\n",
        "6:8",
        "no rule is named `z*`",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n[[ignore]]\nsubject = \"owner:grcp\"\nreason = \"x\"\n",
        "6:11",
        "did you mean `owner:grpc`?",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n[[ignore]]\nsubject = \"onwer:grpc\"\nreason = \"x\"\n",
        "6:11",
        "did you mean `owner:grpc`?",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n[[ignore]]\nsubject = \"signal:rrs\"\nreason = \"x\"\n",
        "6:11",
        "did you mean `signal:rss`?",
    ),
];

/// Mistakes of which each is said once: what follows from it is no second one.
const ONCE: &[(&str, &str)] = &[
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"wait-age\"\nmax = \"10m\"\n",
        "did you mean `wait`?",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"cpu\"\nmax = \"20%\"\n",
        "did you mean `cpu-share` or `cpu-cores`?",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmeasure = \"bytes\"\nmaximum = 5\n",
        "did you mean `max`?",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"budget\"\nmesure = \"bytes\"\nmax = 5\n",
        "did you mean `measure`?",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nknd = \"guide\"\n",
        "did you mean `kind`?",
    ),
    (
        "version = 1\n[[rule]]\nid = \"a\"\nkind = \"guide\"\n[[ignore]]\nrule = \"a\"\nresaon = \"x\"\n",
        "did you mean `reason`?",
    ),
];

#[test]
fn a_mistake_is_said_once() {
    let heap = capture("healthy-1.37.2/s01-heap.pb.gz");
    for (text, says) in ONCE {
        let answer = run_with(&["check", "--rules", "-", &heap], Some(text.as_bytes()));
        let places = answer.stderr.lines().filter(|l| l.contains("-:")).count();
        assert!(
            answer.code == 2 && answer.stderr.contains(says),
            "{text}{}",
            answer.stderr
        );
        assert_eq!(places, 1, "{text}{}", answer.stderr);
    }
}

#[test]
fn subjects_that_a_report_shows_can_be_ignored() {
    let (report, _) = (
        run(&[
            "check",
            &capture("frozen-runtime"),
            "--baseline",
            &capture("healthy-1.37.2"),
            "-o",
            "json",
        ]),
        0,
    );
    let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("JSON");
    let rules = report["rules"].as_array().expect("rules").iter();
    let all: std::collections::BTreeSet<&str> = rules
        .flat_map(|r| r["subjects"].as_array().expect("subjects"))
        .filter_map(|s| s["subject"].as_str())
        .collect();
    assert!(all.len() > 50, "{}", all.len());
    let mut text = "version = 1\n[[rule]]\nid = \"d\"\nkind = \"diagnose\"\n".to_owned();
    let named = [
        "package:k8s.io/*",
        "function:*",
        "state:select",
        "frame:x",
        "build:04a2",
        "heap:symbols",
        "*",
    ];
    for subject in all.iter().copied().chain(named) {
        text.push_str(&format!("[[ignore]]\nsubject = {subject:?}\nreason = \"x\"\n"));
    }
    let answer = run_with(
        &["check", &capture("healthy-1.37.2"), "--rules", "-"],
        Some(text.as_bytes()),
    );
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

#[test]
fn every_mistake_in_rules_is_named_with_its_place() {
    let heap = capture("healthy-1.37.2/s01-heap.pb.gz");
    let mut wrong = Vec::new();
    for (text, place, says) in MISTAKES {
        let answer = run_with(&["check", "--rules", "-", &heap], Some(text.as_bytes()));
        let found = &answer.stderr;
        if answer.code != 2 || !found.contains(&format!("-:{place}: ")) || !found.contains(says) {
            wrong.push(format!("{text}expected {place} {says}:\n{found}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        MISTAKES.len(),
        wrong.join("\n")
    );
    // One run names all mistakes of a file.
    let both = "version = 1\n[[rule]]\nid = \"a\"\nkind = \"gide\"\n[[rule]]\nid = \"b\"\nkind = \"guide\"\nlevel = \"eror\"\n";
    let answer = run_with(&["check", "--rules", "-", &heap], Some(both.as_bytes()));
    assert!(
        answer.stderr.contains("-:4:8") && answer.stderr.contains("-:8:9"),
        "{}",
        answer.stderr
    );
}

#[test]
fn hostile_rules_end_with_an_error() {
    let heap = capture("healthy-1.37.2/s01-heap.pb.gz");
    let whole = std::fs::read_to_string(root().join("src/check/rules/builtin.toml")).expect("rules");
    let mut all: Vec<Vec<u8>> = (0..whole.len())
        .step_by(7)
        .map(|n| whole.as_bytes()[..n].to_vec())
        .collect();
    all.push(vec![b'['; 300_000]);
    all.push(format!("version = 1\nx = {}1{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes());
    all.push(vec![b'#'; 2 << 20]);
    all.push(vec![0xff; 10]);
    all.push(format!("version = 1\n{}", "[[rule]]\n".repeat(5_000)).into_bytes());
    all.push(
        format!(
            "version = 1\n[[rule]]\nid = \"a\"\nkind = \"frames\"\nforbid = \"{}\"\n",
            "(a{1000}){1000}"
        )
        .into_bytes(),
    );
    all.push(b"version = 1\n[[rule]]\nid = \"\\u001b[31m\"\nkind = \"guide\"\n".to_vec());
    for text in all {
        let answer = run_with(&["check", "--rules", "-", &heap], Some(&text));
        assert!(matches!(answer.code, 0 | 2), "{} bytes: {}", text.len(), answer.code);
        assert!(!answer.stderr.contains("panicked"), "{}", answer.stderr);
        assert!(!answer.stderr.contains('\u{1b}'), "{}", answer.stderr);
    }
}
