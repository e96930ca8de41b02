//! `list`, through the binary, on sources and profiles made for it.

use std::fs;
use std::path::Path;

use kubeprof::model::{Line, Profile, Samples, ValueType};
use serde_json::{Value, json};

use super::made_profile::save;
use super::support::{fine, json};

/// A profile of `main.fib`, whose start is line `start`: 5 ns on each of these lines.
fn fib(folder: &Path, start: i64, lines: &[i64]) -> String {
    let mut p = Profile::default();
    let t = ValueType {
        kind: p.strings.intern("cpu"),
        unit: p.strings.intern("nanoseconds"),
    };
    p.sample_types.push(t);
    p.samples = Samples::new(1);
    let function = p.add_function("main.fib", "main.fib", "made/main.go", start);
    let callee = p.add_function("main.add", "main.add", "made/add.go", 3);
    let mut sample = |lines: &[Line]| {
        let location = p.add_location(0, None, lines);
        let stack = p.stacks.intern(&[location]).expect("room for a stack");
        p.samples.push(stack, &[5], &[]);
    };
    let column = 0;
    for &line in lines {
        sample(&[Line { function, line, column }]);
    }
    // A call that was inlined into the last line.
    if let Some(&line) = lines.last() {
        let inlined = Line {
            function: callee,
            line: 277,
            column,
        };
        sample(&[inlined, Line { function, line, column }]);
    }
    save(&p, folder, "fib.pb.gz")
}

/// 60 numbered lines, `main.fib` on line 46.
fn source(folder: &Path) -> String {
    fs::create_dir_all(folder.join("made")).expect("folder");
    let lines: Vec<String> = (1..=60)
        .map(|n| match n {
            46 => "func fib(n int) int {".to_owned(),
            n => format!("\t_ = {n}"),
        })
        .collect();
    fs::write(folder.join("made/main.go"), lines.join("\n") + "\n").expect("a source");
    folder.display().to_string()
}

fn rows<'a>(d: &'a Value, kind: &str) -> Vec<&'a Value> {
    let rows = d["rows"].as_array().expect("rows");
    rows.iter().filter(|r| r["kind"] == kind).collect()
}

/// `//line` directives put lines of a function before its start, and some have no line at all.
#[test]
fn all_lines_with_values_are_listed_and_sum_up_to_the_function() {
    let folder = tempfile::tempdir().expect("folder");
    let profile = fib(folder.path(), 46, &[0, 45, 48]);
    let sources = source(folder.path());
    for source in [sources.as_str(), "/nowhere"] {
        let args = ["list", "main.fib", &profile, "--source", source];
        let d = json(&args);
        let head = rows(&d, "function");
        assert_eq!(head.len(), 1);
        assert_eq!((&head[0]["flat"], &head[0]["cum"]), (&json!(15), &json!(20)), "{d}");
        let values: Vec<(&Value, &Value)> = (rows(&d, "line").into_iter())
            .filter(|r| !r["cum"].is_null())
            .map(|r| (&r["line"], &r["flat"]))
            .collect();
        let five = json!(5);
        assert_eq!(
            values,
            [(&Value::Null, &five), (&json!(45), &five), (&json!(48), &five)],
            "{d}"
        );
        let text = fine(&args);
        let spaced: Vec<String> = text
            .lines()
            .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for words in [
            "15ns 20ns main.fib made/main.go",
            "5ns 5ns",
            "5ns 5ns 45",
            "5ns 10ns 48",
        ] {
            let mut cut = spaced.iter().filter_map(|l| l.strip_prefix(words));
            assert!(
                cut.any(|rest| rest.is_empty() || rest.starts_with(" _ =")),
                "{words}: {text}"
            );
        }
        let csv = fine(&[&args[..], &["-o", "csv"]].concat());
        let flat: i64 = (csv.lines().filter_map(|l| l.strip_prefix("line,")))
            .map(|l| l.split(',').next().unwrap_or_default().parse().unwrap_or(0))
            .sum();
        assert_eq!(flat, 15, "{csv}");
    }
    // A line at the end of all numbers is a line, and not a loop up to there.
    let far = fib(folder.path(), 46, &[48, i64::MAX]);
    for source in [sources.as_str(), "/nowhere"] {
        let d = json(&["list", "main.fib", &far, "--source", source]);
        assert_eq!(rows(&d, "line").len(), 2, "{d}");
    }
}

#[test]
fn machines_need_not_take_text_apart() {
    let folder = tempfile::tempdir().expect("folder");
    let profile = fib(folder.path(), 46, &[48]);
    let sources = source(folder.path());
    let args = ["list", "main.fib", &profile, "--source", &sources];
    let d = json(&args);
    let head = rows(&d, "function")[0];
    assert_eq!(
        (&head["function"], &head["file"], &head["line"], &head["source"]),
        (&json!("main.fib"), &json!("made/main.go"), &json!(46), &Value::Null)
    );
    let line = rows(&d, "line")[2];
    assert_eq!((&line["line"], &line["source"]), (&json!(48), &json!("    _ = 48")));
    assert!(line["into_function"].is_null(), "{line}");
    let call = rows(&d, "inlined")[0];
    for (key, value) in [
        ("function", json!("main.add")),
        ("file", json!("made/add.go")),
        ("line", json!(277)),
        ("cum", json!(5)),
        ("source", Value::Null),
        ("into_function", json!("main.fib")),
        ("into_file", json!("made/main.go")),
        ("into_line", json!(48)),
    ] {
        assert_eq!(call[key], value, "{key} of {call}");
    }
    // People read it as before.
    let text = fine(&args);
    assert!(text.contains("inlined: main.add made/add.go:277\n"), "{text}");
    let csv = fine(&[&args[..], &["-o", "csv"]].concat());
    assert!(
        csv.contains("inlined,,,5,50.0,277,main.add,made/add.go,,main.fib,made/main.go,48,cpu,nanoseconds\n"),
        "{csv}"
    );
}

#[test]
fn a_source_that_ends_before_the_function_is_of_another_version() {
    let folder = tempfile::tempdir().expect("folder");
    let sources = source(folder.path());
    for (start, line, other) in [
        (46, 60, false),
        (46, 61, true),
        (61, 62, true),
        (200, 210, true),
        (0, 61, true),
    ] {
        let profile = fib(folder.path(), start, &[line]);
        let text = fine(&["list", "main.fib", &profile, "--source", &sources]);
        assert_eq!(
            text.contains("1 file at hand is of another version: "),
            other,
            "{start} {line}: {text}"
        );
        assert_eq!(text.contains("_ = "), !other, "{start} {line}: {text}");
        let value = text
            .lines()
            .find(|l| l.split_whitespace().nth(2) == Some(line.to_string().as_str()));
        assert!(value.is_some_and(|l| l.trim_start().starts_with("5ns ")), "{text}");
    }
}
