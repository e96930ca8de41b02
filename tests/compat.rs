//! `kubeprof pprof` prints the bytes of `go tool pprof`: every line of `fixtures/compat/cases.txt` against its golden, which
//! that tool made. A missing golden fails.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the compatible command in the repository's folder.
fn run(zone: &str, args: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubeprof"))
        .arg("pprof")
        .args(args)
        .current_dir(root())
        .env("TZ", zone)
        .env("PPROF_BINARY_PATH", "/nonexistent")
        .output()
        .expect("kubeprof runs")
}

struct Case {
    name: String,
    zone: String,
    args: Vec<String>,
}

/// A profile's name in its folder: captures are in folders of their own.
fn located(arg: &str) -> String {
    let (option, path) = match arg.rfind('=') {
        Some(at) => arg.split_at(at + 1),
        None => ("", arg),
    };
    match path.ends_with(".pb.gz") {
        true if path.contains('/') => format!("{option}fixtures/captures/{path}"),
        true => format!("{option}fixtures/compat/{path}"),
        false => arg.to_owned(),
    }
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(root().join("fixtures/compat/cases.txt")).expect("cases.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Case {
                name: words.next().expect("a name"),
                zone: words.next().expect("a time zone"),
                args: words.map(|w| located(&w)).collect(),
            }
        })
        .collect()
}

/// Where two texts part.
fn first_difference(want: &[u8], got: &[u8]) -> String {
    let (want, got) = (String::from_utf8_lossy(want), String::from_utf8_lossy(got));
    let (mut want, mut got) = (want.lines(), got.lines());
    for n in 1.. {
        match (want.next(), got.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => return format!("line {n}\n  pprof:    {a:?}\n  kubeprof: {b:?}"),
        }
    }
    "the ends of lines differ".to_owned()
}

#[test]
fn every_case_has_the_bytes_of_pprof() {
    let cases = cases();
    assert!(cases.len() >= 60, "cases.txt lost cases: {}", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let path = root()
            .join("fixtures/compat/goldens")
            .join(format!("{}.golden", case.name));
        let want = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let output = run(&case.zone, &case.args);
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            failures.push(format!("{}: {} {stderr}", case.name, output.status));
        } else if output.stdout != want {
            failures.push(format!("{}: {}", case.name, first_difference(&want, &output.stdout)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn there_is_no_golden_without_a_case() {
    let named: BTreeSet<String> = cases().iter().map(|c| format!("{}.golden", c.name)).collect();
    let files: BTreeSet<String> = std::fs::read_dir(root().join("fixtures/compat/goldens"))
        .expect("goldens")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(named, files);
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn what_pprof_refuses_is_refused() {
    for line in [
        "-top",
        "-top -tree fixtures/compat/cpu.pb.gz",
        "-top -nosuchflag fixtures/compat/cpu.pb.gz",
        "-top -cum -flat fixtures/compat/cpu.pb.gz",
        "-top -focus=( fixtures/compat/cpu.pb.gz",
        "-top -sample_index=nonsense fixtures/compat/cpu.pb.gz",
        "-top -divide_by=0 fixtures/compat/cpu.pb.gz",
        "-top -normalize fixtures/compat/cpu.pb.gz",
        "-top fixtures/compat/nosuchfile.pb.gz",
        "-list=thereisnosuchname fixtures/compat/cpu.pb.gz",
        "-peek=thereisnosuchname fixtures/compat/cpu.pb.gz",
        "-top fixtures/compat/odd-same.pb.gz",
        "-top -normalize -base=fixtures/compat/odd-ms.pb.gz fixtures/compat/odd-ns.pb.gz",
        "-comments -normalize -diff_base=fixtures/compat/heap.pb.gz fixtures/compat/odd-ns.pb.gz",
    ] {
        let output = run("UTC", &words(line));
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(output.stdout.is_empty(), "{line}");
        assert!(!output.stderr.is_empty(), "{line}");
    }
}

/// `-proto` keeps what `-raw` shows, and its ids.
#[test]
fn a_profile_that_is_saved_reads_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("saved.pb.gz");
    for (profile, filter) in [
        ("cpu", "-focus=main"),
        ("heap", "-hide=runtime"),
        ("goroutine", "-tagfocus=worker=1"),
    ] {
        let profile = format!("fixtures/compat/{profile}.pb.gz");
        let arg = |text: String| vec![text];
        let save = [
            words("-proto"),
            arg(filter.to_owned()),
            arg(format!("-output={}", saved.display())),
        ]
        .concat();
        let output = run("UTC", &[save, arg(profile.clone())].concat());
        assert!(output.status.success(), "{profile}");
        let direct = run(
            "UTC",
            &[words("-raw"), arg(filter.to_owned()), arg(profile.clone())].concat(),
        );
        let again = run("UTC", &[words("-raw"), arg(saved.display().to_string())].concat());
        assert_eq!(first_part(&direct.stdout), first_part(&again.stdout), "{profile}");
    }
}

/// Everything but the mark of the default sample type, which is written out when it is implied.
fn first_part(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).replace("[dflt]", "")
}

#[test]
fn rows_of_top_become_a_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("top.pb.gz");
    let output = format!("-output={}", saved.display());
    let made = run(
        "UTC",
        &words(&format!("-topproto {output} -unit=ms fixtures/compat/cpu.pb.gz")),
    );
    assert!(made.status.success());
    let raw = run("UTC", &words(&format!("-raw {}", saved.display())));
    let raw = String::from_utf8_lossy(&raw.stdout).into_owned();
    assert!(raw.contains("\ncum/ms flat/ms\n        580        380: 1 \n"), "{raw}");
    assert!(raw.contains("main.fib"), "{raw}");
}

/// A report that cannot be made leaves no file behind.
#[test]
fn a_failed_report_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out.txt");
    let line = format!(
        "-list=thereisnosuchname -output={} fixtures/compat/cpu.pb.gz",
        file.display()
    );
    assert_eq!(run("UTC", &words(&line)).status.code(), Some(2));
    assert!(!Path::new(&file).exists());
}
