//! `kubeprof pprof` prints the bytes of `go tool pprof`: every line of `fixtures/compat/cases.txt` and every session of
//! `fixtures/compat/sessions.txt` against its golden, which that tool made. A missing golden fails.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the compatible command in the repository's folder.
fn run(zone: &str, args: &[String]) -> Output {
    run_in(&root(), zone, args, Stdio::null())
}

fn run_in(folder: &Path, zone: &str, args: &[String], stdin: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubeprof"))
        .arg("pprof")
        .args(args)
        .current_dir(folder)
        .env("TZ", zone)
        .env("PPROF_BINARY_PATH", "/nonexistent")
        .stdin(stdin)
        .output()
        .expect("kubeprof runs")
}

/// Runs a session with a script of statements.
fn session(folder: &Path, zone: &str, args: &[String], script: &Path) -> Output {
    let stdin = File::open(script).unwrap_or_else(|e| panic!("{}: {e}", script.display()));
    run_in(folder, zone, args, stdin.into())
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

fn cases(file: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(root().join("fixtures/compat").join(file)).expect("cases");
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
    let cases = cases("cases.txt");
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
fn every_session_has_the_bytes_of_pprof() {
    for case in cases("sessions.txt") {
        let folder = root().join("fixtures/compat");
        let golden = folder.join(format!("goldens/session-{}.golden", case.name));
        let want = std::fs::read(&golden).unwrap_or_else(|e| panic!("{}: {e}", golden.display()));
        let script = folder.join(format!("sessions/{}.txt", case.name));
        let output = session(&root(), &case.zone, &case.args, &script);
        assert!(output.status.success(), "{}", case.name);
        let difference = (output.stdout != want).then(|| first_difference(&want, &output.stdout));
        assert_eq!(difference, None, "{}", case.name);
    }
}

/// What is no text never goes to stdout of a session; `>` and `output` send a report to a file.
#[test]
fn sessions_write_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(
        at("script"),
        "callgrind\nproto\nproto\nproto > saved\ntop 3 >top.txt\ntop > no/such/folder\noutput=kept\npeek main\\.fib$\n",
    )
    .expect("a script");
    let profile = root().join("fixtures/compat/cpu.pb.gz").display().to_string();
    let output = session(folder.path(), "UTC", &[profile], &at("script"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "(pprof) ".repeat(9));
    let read = |name: &str| std::fs::read(at(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(read("profile001.callgraph.out").starts_with(b"positions:"));
    assert_eq!(read("profile001.pb.gz"), read("saved"));
    assert_eq!(read("profile002.pb.gz"), read("saved"));
    assert!(read("top.txt").starts_with(b"Showing nodes"));
    assert!(read("kept").starts_with(b"Showing nodes"));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("Generating report in profile002.pb.gz\n"), "{stderr}");
    assert!(stderr.contains("no/such/folder"), "{stderr}");
}

#[test]
fn options_and_help_are_told_on_stderr() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("script");
    std::fs::write(
        &script,
        "nodefraction=1234567\no\nhelp\nhelp sample_index\nhelp top\nhelp x\n",
    )
    .expect("a script");
    let output = session(&root(), "UTC", &words("fixtures/compat/cpu.pb.gz"), &script);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    for line in [
        "Type: cpu",
        "Entering interactive mode (type \"help\" for commands, \"o\" for options)",
        "  compact_labels            = true                 ",
        "  focus                     = \"\"                   ",
        "  granularity               = (default)            //: [addresses | filefunctions | files | functions | lines]",
        "  nodecount                 = -1                   //: default",
        "  nodefraction              = 1.234567e+06         ",
        "  sample_index              = cpu                  //: [samples | cpu]",
        "    q/quit/exit/^D   End the session",
        "    :                Clear focus, ignore, hide, tagfocus and tagignore",
        "names here: samples cpu",
        "    top [N] [REGEX]... [-REGEX]... [-cum] [>FILE]",
        "Unknown command: x",
    ] {
        assert!(stderr.lines().any(|l| l == line), "{line:?} in {stderr}");
    }
    assert!(!stderr.contains("source_path               ="));
}

#[test]
fn wrong_flags_are_refused_as_pprof_refuses_them() {
    for (line, code, first, last) in [
        ("-h", 0, "usage: ", "pprof/binaries)"),
        (
            "-version",
            2,
            "flag provided but not defined: -version\n",
            "pprof/binaries)",
        ),
        (
            "-top -nodecount=x y",
            2,
            "invalid value \"x\" for flag -nodecount: parse error\n",
            "pprof/binaries)",
        ),
        ("-top", 2, "usage: ", "no profile source specified"),
    ] {
        let output = run("UTC", &words(line));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{line}");
        assert!(stderr.starts_with(first), "{line}: {stderr}");
        assert!(stderr.trim_end().ends_with(last), "{line}: {stderr}");
        assert!(
            stderr.contains("\n    -nodecount       Show at most this many rows or nodes"),
            "{line}"
        );
    }
}

/// An address that gives nothing says what to do (`pprof_urls.rs` has those that do).
#[cfg(feature = "debuginfod")]
#[test]
fn addresses_get_a_hint() {
    for (line, url) in [
        (
            "-top http://127.0.0.1:9/debug/pprof/heap",
            "http://127.0.0.1:9/debug/pprof/heap",
        ),
        ("-top -seconds=5 127.0.0.1:9/x", "127.0.0.1:9/x"),
    ] {
        let output = run("UTC", &words(line));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(
            stderr.contains("hint: kubeprof capture takes profiles from kubelets"),
            "{stderr}"
        );
        assert!(stderr.contains(&format!("\n{url}: ")), "{stderr}");
    }
}

/// A binary of another program is no answer, whoever named it (`tests/binaries/instructions.rs` has the right ones).
#[test]
fn a_binary_of_another_build_is_not_disassembled() {
    let binary = env!("CARGO_BIN_EXE_kubeprof");
    let output = run(
        "UTC",
        &words(&format!("-disasm=main {binary} fixtures/compat/cpu.pb.gz")),
    );
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stdout.starts_with(&format!("open {binary}: a binary of another build: ")) && stdout.lines().count() == 1,
        "{stdout}"
    );
    assert!(stderr.contains("no matches found for regexp main"), "{stderr}");
}

#[test]
fn there_is_no_golden_without_a_case() {
    let mut named: BTreeSet<String> = { cases("cases.txt").into_iter() }
        .map(|c| format!("{}.golden", c.name))
        .collect();
    named.extend({ cases("sessions.txt").into_iter() }.map(|c| format!("session-{}.golden", c.name)));
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
