//! On a terminal: what files say commands nothing, and a standard error that nobody reads breaks nothing.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::made_profile::{Made, profile, save};
use super::support::{Answer, capture, fine, root, run};

/// Runs `kubeprof` on a terminal of so many columns, standard error and all, without a pager.
pub(crate) fn on_terminal(args: &[&str], columns: u16) -> Answer {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&controller).expect("a terminal");
    unlockpt(&controller).expect("a terminal");
    let name = ptsname(&controller, Vec::new())
        .expect("a name")
        .into_string()
        .expect("UTF-8");
    let terminal = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(&name)
            .expect("a terminal")
    };
    let size = Winsize {
        ws_row: 50,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let open = terminal();
    tcsetwinsize(&open, size).expect("a size");
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
        .args(args)
        .current_dir(root())
        .env("TZ", "UTC")
        .env("TERM", "xterm")
        .env("KUBEPROF_PAGER", "cat")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(terminal())
        .stderr(terminal())
        .spawn()
        .expect("kubeprof starts");
    drop(open);
    let mut seen = Vec::new();
    // Reading fails when the last one has left the terminal.
    let _ = File::from(controller).read_to_end(&mut seen);
    Answer {
        stdout: String::from_utf8(seen).expect("UTF-8").replace("\r\n", "\n"),
        stderr: String::new(),
        code: child.wait().expect("kubeprof ends").code().expect("an exit code"),
    }
}

/// Sets a title, clears the screen, with a control character of eight bits, and forges a line.
const EVIL: &str = "evil\x1b[31m\x1b]0;title\x07\u{9b}2J\n-----------+---\nforged";
/// Turns the writing direction, joins and hides.
const TURNED: &str = "\u{202e}abc\u{2066}\u{200b}\u{feff}\u{e0041}\u{ad}";

fn hostile(folder: &std::path::Path) -> String {
    let mut p = profile(
        &[("samples", "count"), ("cpu", "nanoseconds")],
        &[
            Made {
                stack: &[EVIL, "main.root"],
                values: &[1, 1],
                texts: &[(EVIL, EVIL), (TURNED, TURNED)],
                numbers: &[("n", 5, EVIL)],
            },
            Made {
                stack: &[TURNED, "main.root"],
                values: &[2, 2],
                texts: &[],
                numbers: &[],
            },
        ],
    );
    let comment = p.strings.intern(EVIL);
    p.comments.push(comment);
    save(&p, folder, "hostile.pb.gz")
}

fn is_hidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t') || TURNED.contains(c) && !c.is_ascii_alphabetic()
}

#[test]
fn a_profile_cannot_command_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = hostile(folder.path());
    let mut commands: Vec<Vec<&str>> = vec![vec!["raw"], vec!["inspect"], vec!["peek", "."], vec!["list", "."]];
    for command in ["top", "tree", "traces", "tags"] {
        for format in ["text", "wide", "json", "jsonl", "csv", "markdown"] {
            commands.push(vec![command, "-o", format]);
        }
    }
    for format in ["text", "callgrind", "dot", "folded", "speedscope"] {
        commands.push(vec!["convert", "-o", format]);
    }
    commands.extend([vec!["traces", "-o", "folded"], vec!["flame", "-o", "svg"]]);
    for report in [
        "-top",
        "-tree",
        "-traces",
        "-tags",
        "-raw",
        "-dot",
        "-comments",
        "-peek=.",
    ] {
        commands.push(vec!["pprof", report]);
    }
    commands.push(vec!["top", "--tagfocus", EVIL]);
    for mut args in commands {
        args.push(&file);
        let answer = on_terminal(&args, 200);
        assert_ne!(answer.code, 101, "{args:?}: {}", answer.stdout);
        let found: Vec<char> = answer.stdout.chars().filter(|&c| is_hidden(c)).collect();
        assert!(found.is_empty(), "{args:?}: {found:?} in {:?}", answer.stdout);
    }
}

#[test]
fn a_profile_cannot_forge_a_line_for_people() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = hostile(folder.path());
    for args in [
        ["traces", "-o", "text"].as_slice(),
        &["traces", "-o", "wide"],
        &["traces", "-o", "markdown"],
        &["top"],
        &["tags"],
        &["tree"],
        &["inspect"],
    ] {
        let mut args = args.to_vec();
        args.push(&file);
        let text = fine(&args);
        assert!(!text.lines().any(|l| l.starts_with("forged")), "{args:?}: {text}");
        assert!(text.contains(r"\u{1b}") || args[0] == "inspect", "{args:?}: {text}");
        assert!(!text.chars().any(is_hidden), "{args:?}: {text:?}");
    }
    // Machines get what stands there.
    let rows: serde_json::Value = serde_json::from_str(&fine(&["tags", "-o", "json", &file])).expect("JSON");
    let rows = rows["rows"].as_array().expect("rows").clone();
    assert!(
        rows.iter().any(|row| row["key"] == EVIL && row["label"] == EVIL),
        "{rows:?}"
    );
    // And who compares bytes gets those of pprof.
    assert!(fine(&["pprof", "-traces", &file]).contains(EVIL));
}

#[test]
fn nobody_needs_to_read_standard_error() {
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    for (args, code) in [
        (["top", "nonexistent"].as_slice(), 2),
        (&["top", &heap, "--focus", "zzz"], 0),
        (&["pprof", "-top", "-focus=zzz", &heap], 0),
        (&["pprof", "-nonsense", &heap], 2),
        (&["top", "-focus", "x", &heap], 2),
        (&["binary", "verify", "--archive", "/nonexistent"], 0),
        #[cfg(feature = "shell")]
        (&["shell", &heap], 0),
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        for stderr in [Stdio::from(full), Stdio::from(writer)] {
            let mut child = Command::new(env!("CARGO_BIN_EXE_kubeprof"));
            let child = child
                .args(args)
                .current_dir(root())
                .stdout(Stdio::null())
                .stderr(stderr);
            let mut child = child.stdin(Stdio::piped()).spawn().expect("kubeprof starts");
            let mut stdin = child.stdin.take().expect("standard input");
            std::io::Write::write_all(&mut stdin, b"nonsense\ntop zzz\ntpo\n").ok();
            drop(stdin);
            let status = child.wait().expect("kubeprof ends");
            let shell = args[0] == "shell" || args[0] == "binary";
            assert!(
                status.code() == Some(code) || shell && status.code() != Some(101),
                "{args:?}: {status}"
            );
        }
    }
}

#[test]
fn a_page_for_browsers_is_called_that() {
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let answer = on_terminal(&["flame", &heap], 80);
    assert_eq!(answer.code, 2);
    assert!(answer.stdout.contains("a page for a browser"), "{}", answer.stdout);
    let answer = on_terminal(&["convert", &heap], 80);
    assert!(answer.stdout.contains("this is binary"), "{}", answer.stdout);
}

#[test]
fn numbers_without_a_meaning_are_refused() {
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    for (flag, values) in [
        ("--nodefraction", ["-1", "7", "inf", "nan", "x"].as_slice()),
        ("--edgefraction", &["-1", "7", "inf", "nan"]),
        ("--divide-by", &["-2", "inf", "nan", "1e-300", "0"]),
    ] {
        for value in values {
            let answer = run(&["top", &heap, flag, value]);
            assert_eq!(answer.code, 2, "{flag} {value}");
            assert!(answer.stderr.contains(flag), "{flag} {value}: {}", answer.stderr);
            assert!(answer.stderr.contains("\nhint: "), "{flag} {value}: {}", answer.stderr);
            // The prompt takes the same values.
            #[cfg(feature = "shell")]
            {
                let script = format!("{}={value}\n", &flag[2..].replace('-', "_"));
                let answer = super::support::run_with(&["shell", &heap], Some(script.as_bytes()));
                assert!(answer.stderr.contains("hint: "), "{script}: {}", answer.stderr);
            }
        }
    }
    for (flag, value) in [
        ("--nodefraction", "0"),
        ("--nodefraction", "1"),
        ("--divide-by", "0.5"),
        ("--divide-by", "60"),
    ] {
        fine(&["top", &heap, flag, value]);
    }
    // pprof takes them all.
    for flag in [
        "-nodefraction=-1",
        "-nodefraction=nan",
        "-divide_by=-2",
        "-divide_by=inf",
    ] {
        fine(&["pprof", "-top", flag, &heap]);
    }
}

#[test]
fn rows_fit_a_narrow_terminal_with_package_and_function_whole() {
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let dump = capture("ctx-leak-1.36.1/last-goroutine.debug2.txt.gz");
    for columns in [60, 80, 100] {
        for args in [
            ["top", &heap].as_slice(),
            &["top", &heap, "--lines"],
            &["top", &heap, "--by", "package"],
            &["tree", &heap],
            &["peek", "newContainerStats|Unmarshal", &heap],
            &["diff", &heap, &heap, "--exit-code"],
            &["tags", &heap],
            &["goroutines", &dump],
        ] {
            if columns < 80 && args[0] != "top" {
                // Headings and numbers alone take more.
                continue;
            }
            let answer = on_terminal(args, columns);
            assert_eq!(answer.code, 0, "{args:?}: {}", answer.stdout);
            let rows = answer.stdout.lines().skip_while(|l| !l.is_empty()).skip(1);
            let rows = rows.take_while(|l| !["more ", " are ", "no room"].iter().any(|w| l.contains(w)));
            for row in rows {
                assert!(
                    row.chars().count() <= usize::from(columns),
                    "{args:?} at {columns}: {row}"
                );
            }
        }
    }
    for (args, columns) in [
        (["top", &heap].as_slice(), 100),
        (&["peek", "newContainerStats", &heap], 80),
    ] {
        let text = on_terminal(args, columns).stdout;
        assert!(text.contains("/libcontainer.newContainerStats"), "{args:?}: {text}");
    }
    // Where that does not fit, package and receiver go before the function.
    let text = on_terminal(&["top", &heap, "--lines"], 80).stdout;
    for name in ["…newContainerStats …/handler.go:", "…(*SamplesBuffer).Add …/buffer.go:"] {
        assert!(text.contains(name), "{name}: {text}");
    }
    let text = on_terminal(&["top", &heap], 80).stdout;
    assert!(
        text.contains("no room for ") && text.contains("-o wide has all columns"),
        "{text}"
    );
    // The error and the subsystem are what a narrow table is read for.
    let before = capture("frozen-runtime/a-before-heap.pb.gz");
    let after = capture("frozen-runtime/d-6min-heap.pb.gz");
    for columns in [60, 80, 100, 120] {
        for args in [
            ["diff", "-n3", &before, &after].as_slice(),
            &["top", &heap],
            &["top", "--cum", &heap],
            &["top", "--lines", &heap],
            &["top", "-n0", &heap],
        ] {
            if columns < 80 && args[0] == "diff" {
                continue;
            }
            let text = on_terminal(args, columns).stdout;
            let heads = text.lines().find(|l| l.contains('±') && l.contains("subsystem"));
            assert!(heads.is_some(), "{args:?} at {columns}: {text}");
        }
    }
    // With room, nothing is cut; nor where there is no terminal.
    assert!(
        on_terminal(&["top", &heap], 250)
            .stdout
            .contains("github.com/google/cadvisor/container/libcontainer.newContainerStats")
    );
    assert!(!fine(&["top", &heap]).contains('…'));
}
