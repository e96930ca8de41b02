//! `kubeprof shell`, driven by scripts: every command answers as on the command line.

use std::fs;

use super::support::{Answer, capture, fine, run, run_with};

fn heap() -> String {
    capture("ctx-leak-1.36.1/s10-heap.pb.gz")
}

/// Runs a script on the heap.
fn script(lines: &str) -> Answer {
    run_with(&["shell", &heap()], Some(lines.as_bytes()))
}

/// Runs lines with `-c` on the heap and expects all to be fine.
fn commands(lines: &[&str]) -> String {
    let heap = heap();
    let mut args = vec!["shell", heap.as_str()];
    for line in lines {
        args.extend(["-c", line]);
    }
    fine(&args)
}

/// The same question on the command line and at the prompt.
fn same(line: &str, args: &[&str]) {
    let heap = heap();
    let mut all = args.to_vec();
    all.push(&heap);
    let expected = fine(&all);
    assert!(expected.lines().count() > 3, "{args:?} says nothing");
    assert_eq!(commands(&[line]), expected, "{line}");
}

#[test]
fn commands_are_those_of_the_command_line() {
    same("top", &["top"]);
    same("top 5", &["top", "-n", "5"]);
    same("top10", &["top", "-n", "10"]);
    same("text 3", &["top", "-n", "3"]);
    same("tree", &["tree"]);
    same("peek startPodSync", &["peek", "startPodSync"]);
    same("traces", &["traces"]);
    same("tags", &["tags"]);
    same("raw", &["raw"]);
    same("list startPodSync", &["list", "startPodSync"]);
    same("inspect", &["inspect"]);
    same("top -o csv", &["top", "-o", "csv"]);
    same(
        "top -n 4 --by package -o json",
        &["top", "-n", "4", "--by", "package", "-o", "json"],
    );
    same(
        "top --package 'pkg/kubelet/...'",
        &["top", "--package", "pkg/kubelet/..."],
    );
    same("dot", &["convert", "-o", "dot"]);
    same("flame -o folded", &["flame", "-o", "folded"]);
}

#[test]
fn expressions_after_a_command() {
    same("top startPodSync", &["top", "--focus", "startPodSync"]);
    same(
        "top startPodSync -reflect",
        &["top", "--focus", "startPodSync", "--ignore", "reflect"],
    );
    same(
        "top startPodSync newContainerStats",
        &["top", "--focus", "startPodSync|newContainerStats"],
    );
    same(
        "top -reflect -json -cum 3",
        &["top", "--ignore", "reflect|json", "--cum", "-n", "3"],
    );
    same(
        "peek withCancel startPodSync -propagateCancel",
        &[
            "peek",
            "withCancel",
            "--focus",
            "startPodSync",
            "--ignore",
            "propagateCancel",
        ],
    );
    same("tags 1kB:", &["tags", "--tagfocus", "1kB:"]);
    // They hold for their line only.
    assert_eq!(commands(&["top startPodSync > /dev/null", "top"]), commands(&["top"]));
    // Quoted words are expressions, whatever they look like.
    same("top '[1]0'", &["top", "--focus", "[1]0"]);
}

#[test]
fn variables_hold_for_all_commands() {
    same("focus=startPodSync; top", &["top", "--focus", "startPodSync"]);
    same(
        "focus = a b | c; focus=startPodSync; ignore=reflect; top",
        &["top", "--focus", "startPodSync", "--ignore", "reflect"],
    );
    same("focus=startPodSync; focus=; top", &["top"]);
    same("focus=startPodSync; unset focus; top", &["top"]);
    same("focus=startPodSync; by package; cum; reset; top", &["top"]);
    same("focus=x; ignore=y; :; top", &["top"]);
    same(
        "package=pkg/kubelet/..., k8s.io/api/...; top",
        &["top", "--package", "pkg/kubelet/...", "--package", "k8s.io/api/..."],
    );
    same("owner=pod-workers; top", &["top", "--owner", "pod-workers"]);
    same(
        "unit=kB; nodecount=4; trim=f; top",
        &["top", "--unit", "kB", "--trim=false"],
    );
    same(
        "hide=context; show_from=Sync; relative_percentages; top",
        &[
            "top",
            "--hide",
            "context",
            "--show-from",
            "Sync",
            "--relative-percentages",
        ],
    );
    // A flag on the line beats the variable.
    same(
        "by package; package=a; top --by subsystem --package k8s.io/...",
        &["top", "--by", "subsystem", "--package", "k8s.io/..."],
    );
    same("cum; top -flat", &["top"]);
}

#[test]
fn flags_of_the_shell_are_the_first_assignments() {
    let with = fine(&[
        "shell",
        "--focus",
        "startPodSync",
        "--lines",
        "--cum",
        &heap(),
        "-c",
        "top",
    ]);
    assert_eq!(
        with,
        fine(&["top", "--focus", "startPodSync", "--lines", "--cum", &heap()])
    );
    let without = fine(&[
        "shell",
        "--focus",
        "x",
        "--cum",
        &heap(),
        "-c",
        "focus=; flat",
        "-c",
        "top",
    ]);
    assert_eq!(without, fine(&["top", &heap()]));
}

#[test]
fn words_alone_set_granularity_sort_and_sample_type() {
    for (words, flags) in [
        ("lines", vec!["--by", "line"]),
        ("files", vec!["--by", "file"]),
        ("addresses", vec!["--by", "address"]),
        ("filefunctions", vec!["--by", "filefunction"]),
        ("lines; functions", vec![]),
        ("lines=true", vec!["--by", "line"]),
        ("lines; lines=false", vec![]),
        ("files; lines=false", vec!["--by", "file"]),
        ("granularity=lines", vec!["--by", "line"]),
        ("by subsystem", vec!["--by", "subsystem"]),
        ("by=owner", vec!["--by", "owner"]),
        ("packages", vec!["--by", "package"]),
        ("cum", vec!["--cum"]),
        ("cum; flat", vec![]),
        ("sort=cum", vec!["--sort", "cum"]),
        ("inuse_objects", vec!["--inuse-objects"]),
        ("sample_index=alloc_space", vec!["--sample-index", "alloc_space"]),
        ("sample_index=1", vec!["--sample-index", "1"]),
        ("alloc_space; reset", vec![]),
        ("mean_inuse_space", vec!["--sample-index", "inuse_space", "--mean"]),
        ("mean_inuse_space; total_inuse_space", vec![]),
        ("noinlines", vec!["--noinlines"]),
    ] {
        let flags: Vec<&str> = ["top"].into_iter().chain(flags).collect();
        same(&format!("{words}; top"), &flags);
    }
}

#[test]
fn pipes_and_redirection() {
    let all = commands(&["top"]);
    let kept: String = all
        .lines()
        .filter(|l| l.contains("cadvisor"))
        .map(|l| format!("{l}\n"))
        .collect();
    assert!(!kept.is_empty());
    assert_eq!(commands(&["top | grep cadvisor | cat"]), kept);
    assert_eq!(commands(&["top | grep nothing-like-this"]), "");
    // The reader stops early.
    assert_eq!(commands(&["raw | head -n 1"]).lines().count(), 1);
    // Inside of a word it is an alternative.
    same("top startPodSync|reflect", &["top", "--focus", "startPodSync|reflect"]);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a b");
    let shown = file.display();
    assert_eq!(commands(&[&format!("top > '{shown}'")]), "");
    assert_eq!(fs::read_to_string(&file).expect("a file"), all);
    assert_eq!(
        commands(&[&format!(
            "help >> '{shown}'; top 3 >> '{shown}'; top | grep -c . >> /dev/null"
        )]),
        ""
    );
    let text = fs::read_to_string(&file).expect("a file");
    assert!(text.starts_with(&all) && text.contains("Commands:") && text.ends_with(&commands(&["top 3"])));
    // Binary answers as well.
    let proto = folder.path().join("x.pb.gz");
    commands(&[&format!("focus=startPodSync; proto > {}", proto.display())]);
    let again = fine(&["top", "-o", "csv", &proto.display().to_string()]);
    assert!(again.contains("startPodSync"));
    // A page that cannot be written is an error that names it.
    let answer = script("top > /no/such/folder/x\n");
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("/no/such/folder/x"), "{}", answer.stderr);
}

/// Every command goes where it is sent and uses the profile that was read; none writes past the redirection.
#[test]
fn every_command_can_be_redirected() {
    let folder = tempfile::tempdir().expect("a folder");
    // Gone after it was read: what reads it again fails.
    let source = folder.path().join("heap");
    fs::copy(heap(), &source).expect("a copy");
    let old = capture("ctx-leak-1.36.1/s01-heap.pb.gz");
    let help = commands(&["help"]);
    let names = help.lines().skip(1).take_while(|l| !l.is_empty());
    let names: Vec<&str> = names.filter_map(|l| l.split_whitespace().next()).collect();
    let mut tried = 0;
    let mut lines = format!("help | rm {}\n", source.display());
    let mut files = Vec::new();
    for name in names {
        let file = folder.path().join(name);
        let operand = match name {
            "by" | "quit" | "reset" | "unset" => continue,
            // They need a binary and goroutines.
            "disasm" | "goroutines" => continue,
            "peek" | "list" => "startPodSync",
            "diff" => old.as_str(),
            _ => "",
        };
        lines.push_str(&format!("{name} {operand} > {}\n", file.display()));
        files.push(file);
        tried += 1;
    }
    assert!(tried >= 12, "{tried}");
    let answer = run_with(&["shell", "-q", &source.display().to_string()], Some(lines.as_bytes()));
    assert_eq!(
        (answer.code, answer.stdout.as_str(), answer.stderr.as_str()),
        (0, "", "")
    );
    assert!(!source.exists());
    for file in files {
        assert!(fs::metadata(&file).is_ok_and(|m| m.len() > 0), "{}", file.display());
    }
}

#[test]
fn errors_do_not_end_the_session() {
    let answer = script(
        "bogus\n\
         tpo\n\
         focsu=x\n\
         output=x\n\
         focus=(\n\
         sample_index=nonsense\n\
         subsystem=nonsense\n\
         unit=ms\n\
         by nonsense\n\
         nodecount=many\n\
         peek\n\
         peek nothing-like-this\n\
         top --nonsense\n\
         top -focus=x\n\
         top | exit 3\n\
         inspect expression\n\
         top 3 -o csv\n",
    );
    assert_eq!(answer.code, 2);
    let heap = heap();
    assert_eq!(
        answer.stdout,
        fine(&["top", "-n", "3", "-o", "csv", &heap]),
        "nothing was assigned"
    );
    for (line, says) in [
        (1, "unknown command bogus"),
        (2, "did you mean top?"),
        (3, "did you mean focus?"),
        (4, "top > FILE"),
        (5, "regular expression"),
        (6, "inuse_space"),
        (7, "nonsense"),
        (8, "cannot express bytes"),
        (9, "possible values"),
        (10, "many"),
        (11, "peek needs REGEX"),
        (12, "nothing-like-this"),
        (13, "--nonsense"),
        (14, "write --focus=x"),
        (15, "exit status: 3"),
        (16, "inspect takes no expressions"),
    ] {
        let from = answer.stderr.find(&format!("error: line {line}:"));
        let from = from.unwrap_or_else(|| panic!("no error in line {line}: {}", answer.stderr));
        let message = &answer.stderr[from..];
        let end = message[6..].find("error: line").map_or(message.len(), |i| i + 6);
        assert!(message[..end].contains(says), "line {line}: {}", &message[..end]);
        assert!(!message[..end].contains("Usage"), "{}", &message[..end]);
    }
}

#[test]
fn the_end() {
    let answer = script("top 1 -o csv\nquit\nbogus\n");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    for word in ["exit", "q"] {
        assert_eq!(commands(&[word, "bogus"]), "");
    }
    // No line end, blank lines, comments.
    assert_eq!(
        script("\n  # a comment\n\ntop 3 //: the first three").stdout,
        commands(&["top 3"])
    );
    assert_eq!(script("").code, 0);
    // What a command finds is the status of the script, unless one fails.
    let old = capture("ctx-leak-1.36.1/s01-heap.pb.gz");
    let line = format!("diff {old} --exit-code");
    assert_eq!(run(&["shell", &heap(), "-c", &line, "-c", "top"]).code, 1);
    assert_eq!(run(&["shell", &heap(), "-c", &line, "-c", "bogus"]).code, 2);
}

#[test]
fn options_can_be_given_back() {
    let changed = "focus=startPodSync; lines; cum; unit=kB; noinlines; package=a,b; alloc_space; nodefraction=0.1";
    let options = commands(&[changed, "o"]);
    assert!(options.contains("focus                = startPodSync"), "{options}");
    let heap = heap();
    let script = format!("{options}options\n");
    let again = run_with(&["shell", &heap], Some(script.as_bytes()));
    assert_eq!((again.code, again.stderr.as_str()), (0, ""));
    assert_eq!(again.stdout, options);
    // One alone is shown.
    assert!(commands(&["hide=x", "hide"]).starts_with("hide                 = x "));
}

#[test]
fn help_has_every_command_and_variable() {
    let overview = commands(&["help"]);
    for name in [
        "top",
        "peek",
        "traces",
        "flame",
        "by",
        "unset",
        "inuse_objects",
        "lines",
    ] {
        assert!(overview.contains(name), "{name}");
    }
    let options = commands(&["options"]);
    for line in options.lines() {
        let name = line.split_whitespace().next().expect("a name");
        assert!(commands(&[&format!("help {name}")]).starts_with(name));
    }
    assert!(commands(&["help peek"]).contains("peek REGEX"));
    assert!(commands(&["help top"]).contains("text, wide, json"));
    assert!(commands(&["help lines"]).contains("by=line"));
    assert_eq!(run(&["shell", &heap(), "-c", "help nonsense"]).code, 2);
}

#[test]
fn the_profile_may_come_on_standard_input() {
    let bytes = fs::read(heap()).expect("a profile");
    let answer = run_with(
        &["shell", "-", "-c", "top 3 -o csv", "-c", "peek startPodSync -o csv"],
        Some(&bytes),
    );
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let expected = [
        fine(&["top", "-n3", "-o", "csv", &heap()]),
        fine(&["peek", "startPodSync", "-o", "csv", &heap()]),
    ];
    assert_eq!(answer.stdout, expected.concat());
    let answer = run_with(&["shell", "-"], Some(&bytes));
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("-c"), "{}", answer.stderr);
}

#[test]
fn other_kinds_and_bases() {
    let goroutines = capture("ctx-leak-1.36.1/s10-goroutine.pb.gz");
    assert_eq!(
        fine(&["shell", &goroutines, "-c", "goroutine; by owner; top"]),
        fine(&["top", "--by", "owner", &goroutines])
    );
    // `goroutines` has an order of its own, and needs what a profile of the dump would lose.
    let dump = capture("ctx-leak-1.36.1/last-goroutine.debug2.txt.gz");
    for source in [goroutines.as_str(), dump.as_str()] {
        assert_eq!(
            fine(&[
                "shell",
                "-q",
                source,
                "-c",
                "cum; goroutines 3 kubelet -volume --sort age"
            ]),
            fine(&[
                "goroutines",
                "-n3",
                "--focus",
                "kubelet",
                "--ignore",
                "volume",
                "--sort",
                "age",
                source
            ])
        );
    }
    let both = super::support::root()
        .join("fixtures/captures/ctx-leak-1.36.1")
        .display()
        .to_string();
    assert_eq!(
        fine(&["shell", "--kind", "goroutine", &both, "-c", "goroutines"]),
        fine(&["goroutines", &both])
    );
    assert_eq!(run(&["shell", &heap(), "-c", "goroutines"]).code, 2);
    let old = capture("ctx-leak-1.36.1/s01-heap.pb.gz");
    let heap = heap();
    assert_eq!(
        fine(&["shell", "--base", &old, &heap, "-c", "top 5"]),
        fine(&["top", "-n5", "--base", &old, &heap])
    );
    let answer = run(&["shell", "--out", "x", &heap]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("top > FILE"));
}

/// Whatever is typed, the answer is words and a code.
#[test]
fn any_line() {
    use proptest::prelude::*;
    let tokens = prop::sample::select(vec![
        "top",
        "top7",
        "peek",
        "=",
        "focus",
        "-",
        "--",
        "--by",
        "-n",
        "'",
        "\"",
        ";",
        ">",
        "|",
        "|cat",
        "#",
        "//:",
        "(",
        "x",
        "lines",
        "help",
        "o",
        ":",
        "\\",
        "é",
        "99999999999999999999",
        "-x",
        "--focus=",
        "by",
        "unset",
        "nodecount=",
        "-o",
        "json",
        "@",
        "=1",
        "tags",
        "-h",
        "q",
        "raw",
    ]);
    let line = prop::collection::vec((tokens, prop::bool::ANY), 0..7);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let folder = tempfile::tempdir().expect("a folder");
    let lines = prop::collection::vec(line, 40);
    runner
        .run(&lines, |lines| {
            let mut text = String::new();
            for line in lines {
                for (token, blank) in line {
                    // Answers go to files of the test's own folder.
                    text.push_str(&if token == ">" {
                        format!("> {}/f", folder.path().display())
                    } else {
                        token.to_owned()
                    });
                    text.push_str(if blank { " " } else { "" });
                }
                text.push('\n');
            }
            let answer = run_with(&["shell", "-q", &heap()], Some(text.as_bytes()));
            prop_assert!(matches!(answer.code, 0 | 2), "{text}: {}", answer.code);
            prop_assert!(!answer.stderr.contains("panicked"), "{text}: {}", answer.stderr);
            Ok(())
        })
        .expect("no line breaks the shell");
}
