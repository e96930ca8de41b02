//! What goes wrong is named, with what to do.

use std::fs;

use super::made_profile::{Made, profile, save};
use super::support::{capture, fine, json, root, run, run_with};

#[test]
fn several_kinds_in_a_folder_are_listed() {
    let answer = run(&["top", &capture("ctx-leak-1.36.1")]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("several kinds"), "{}", answer.stderr);
    assert!(
        answer.stderr.contains("hint: choose one with --kind"),
        "{}",
        answer.stderr
    );
    assert_eq!(run(&["top", &capture("ctx-leak-1.36.1"), "--kind", "cpu"]).code, 0);
}

#[test]
fn what_is_no_profile_is_named() {
    for (bytes, words) in [
        (&b""[..], "empty"),
        (b"profiling endpoint is disabled.\n", "profiling endpoint is disabled"),
        (b"\x7fELF\x02\x01\x01", "ELF"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\xfd7zXZ\0 and more", ": an xz archive"),
        (b"PK\x03\x04 and more", ": a zip archive"),
        (
            b"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"code\":403,\"message\":\"no\"}",
            "403",
        ),
    ] {
        let answer = run_with(&["top", "-"], Some(bytes));
        assert_eq!(answer.code, 2, "{words}");
        assert!(answer.stderr.contains(words), "{words}: {}", answer.stderr);
        assert!(answer.stderr.contains("hint:"), "{words}: {}", answer.stderr);
        assert_eq!(answer.stdout, "");
    }
}

/// Counts of one are of one.
#[test]
fn notes_count_with_the_right_noun() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["goroutine.pb.gz", "goroutine.debug1.txt", "README.md"] {
        let from = root().join("fixtures/gotext").join(name);
        fs::copy(&from, folder.path().join(name)).expect("copied");
    }
    let notes = run(&["top", &folder.path().display().to_string()]).stderr;
    for words in [
        "1 file of the folder is no profile\n",
        "1 text of the same kind is left out\n",
    ] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
    for name in ["goroutine.debug1.txt", "README.md"] {
        let twin = format!("twin-{name}");
        fs::copy(folder.path().join(name), folder.path().join(twin)).expect("copied");
    }
    let notes = run(&["top", &folder.path().display().to_string()]).stderr;
    for words in [
        "2 files of the folder are no profiles\n",
        "2 texts of the same kind are left out\n",
    ] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
    let text = fine(&["top", &capture("ctx-leak-1.36.1/s10-heap.pb.gz"), "-n", "1"]);
    assert!(text.contains(" more rows: -n "), "{text}");
}

#[test]
fn a_cut_download_says_so() {
    let bytes = fs::read(capture("ctx-leak-1.36.1/s10-heap.pb.gz")).expect("fixture");
    let answer = run_with(&["top", "-"], Some(&bytes[..bytes.len() / 2]));
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("ends early"), "{}", answer.stderr);
}

#[test]
fn a_bomb_is_refused() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 200 << 20), &mut gzip).expect("packed");
    let answer = run_with(&["top", "-"], Some(&gzip.finish().expect("packed")));
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("unpacks to more than"), "{}", answer.stderr);
    assert!(answer.stderr.contains("--max-size"), "{}", answer.stderr);
}

/// What is typed out of habit where a command is expected.
#[test]
fn a_file_alone_version_and_flags_of_pprof() {
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    for (args, command) in [
        (vec![heap.as_str()], vec!["top", &heap]),
        (
            vec![&heap, "-n", "2", "-o", "json"],
            vec!["top", &heap, "-n", "2", "-o", "json"],
        ),
        (
            vec!["fixtures/captures/ctx-leak-1.36.1"],
            vec!["inspect", "fixtures/captures/ctx-leak-1.36.1"],
        ),
    ] {
        let (alone, typed) = (run(&args), run(&command));
        assert_eq!((alone.code, &alone.stdout), (typed.code, &typed.stdout), "{args:?}");
        let note = format!("note: this is `kubeprof {}`; `kubeprof help` lists", command[0]);
        assert!(alone.stderr.starts_with(&note), "{}", alone.stderr);
    }
    assert_eq!(run(&["version"]).stdout, run(&["--version"]).stdout);
    for flag in ["-top", "-http=:8080", "-traces"] {
        let answer = run(&[flag, &heap]);
        assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{flag}");
        assert!(
            answer.stderr.contains("hint: `kubeprof pprof` takes them"),
            "{}",
            answer.stderr
        );
    }
    let nothing = run(&["heap-that-is-not-there.pb.gz"]);
    assert!(
        nothing.code == 2 && nothing.stderr.contains("unrecognized subcommand"),
        "{}",
        nothing.stderr
    );
}

#[test]
fn pprof_s_single_dash_gets_a_hint() {
    let answer = run(&["top", "-focus=x", "y"]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("did you mean --focus?"), "{}", answer.stderr);
}

#[test]
fn unknown_words_get_the_known_ones() {
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    for (args, words) in [
        (vec!["top", &heap, "--sample-index", "nope"], "inuse_space"),
        (vec!["top", &heap, "--subsystem", "plegg"], "pleg"),
        (vec!["top", &heap, "--unit", "minutes"], "kB"),
        (
            vec!["top", &heap, "--focus", "("],
            "focus \"(\" is not a regular expression: unclosed group",
        ),
        (vec!["peek", "no_such_function", &heap], "no matches"),
    ] {
        let answer = run(&args);
        assert_eq!(answer.code, 2, "{args:?}");
        assert!(answer.stderr.contains(words), "{args:?}: {}", answer.stderr);
    }
}

#[test]
fn a_filter_that_matches_nothing_is_fine_and_says_so() {
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let answer = run(&["top", &heap, "--focus", "no_such_function"]);
    assert_eq!(answer.code, 0);
    assert!(answer.stderr.contains("--focus matched nothing"), "{}", answer.stderr);
}

/// A profile without samples, as an idle kubelet gives one.
fn empty(folder: &std::path::Path, types: &[(&str, &str)]) -> String {
    let mut p = profile(types, &[]);
    p.period_type = p.sample_types.first().copied();
    save(&p, folder, "empty.pb.gz")
}

#[test]
fn an_empty_profile_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    for (types, why) in [
        (
            [("contentions", "count"), ("delay", "nanoseconds")].as_slice(),
            "a stock kubelet never samples mutexes",
        ),
        (
            &[("goroutineleak", "count")],
            "no goroutine waits for what nothing can reach",
        ),
        (
            &[("samples", "count"), ("cpu", "nanoseconds")],
            "nothing ran while it was taken",
        ),
    ] {
        let file = empty(folder.path(), types);
        for command in [["top"].as_slice(), &["tree"], &["traces"], &["tags"]] {
            let mut args = command.to_vec();
            args.push(&file);
            let text = fine(&args);
            assert!(
                text.contains("the profile is empty") && text.contains(why),
                "{args:?}: {text}"
            );
        }
        assert!(
            json(&["top", &file])["empty_because"]
                .as_str()
                .is_some_and(|w| w.contains(why))
        );
        for command in ["list", "peek"] {
            let answer = run(&[command, ".", &file]);
            assert_eq!(answer.code, 2);
            assert!(
                answer.stderr.contains("hint: the profile is empty: "),
                "{}",
                answer.stderr
            );
            assert!(answer.stderr.contains(why), "{}", answer.stderr);
            assert!(!answer.stderr.contains("no matches found"), "{}", answer.stderr);
        }
    }
    // Filters that leave nothing are another matter.
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    assert!(!fine(&["top", &heap, "--focus", "zzz"]).contains("empty"));
}

#[test]
fn what_matches_nothing_and_what_is_no_expression_have_a_hint() {
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    for (args, words) in [
        (["peek", "zzz", &heap].as_slice(), "no matches found for regexp: zzz"),
        (&["list", "zzz", &heap], "no matches found for regexp: zzz"),
        (&["top", "--focus", "(", &heap], "write \\("),
        (&["peek", "(", &heap], "write \\("),
    ] {
        let answer = run(args);
        assert_eq!(answer.code, 2);
        assert!(answer.stderr.contains(words), "{args:?}: {}", answer.stderr);
        assert_eq!(
            answer.stderr.matches("hint: ").count(),
            1,
            "{args:?}: {}",
            answer.stderr
        );
    }
}

#[test]
fn two_profiles_in_one_file_and_one_packed_twice() {
    let bytes = fs::read(capture("ctx-leak-1.36.1/s10-heap.pb.gz")).expect("fixture");
    let twice = [bytes.as_slice(), &bytes].concat();
    let answer = run_with(&["top", "-"], Some(&twice));
    assert_eq!(answer.code, 2);
    assert!(
        answer.stderr.contains("two profiles one after the other"),
        "{}",
        answer.stderr
    );
    assert!(
        answer.stderr.contains("hint: save each profile in a file of its own"),
        "{}",
        answer.stderr
    );
    assert_eq!(answer.stderr.matches("two profiles").count(), 1, "{}", answer.stderr);

    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, &bytes).expect("memory");
    let answer = run_with(&["top", "-o", "csv", "-"], Some(&packer.finish().expect("memory")));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stderr.contains("compressed twice"), "{}", answer.stderr);
    assert_eq!(answer.stdout, run_with(&["top", "-o", "csv", "-"], Some(&bytes)).stdout);
}

#[test]
fn a_page_without_a_title_has_none() {
    let page = b"<html><head><title></title></head><body><form>Login <input type=password></form></body></html>";
    let answer = run_with(&["top", "-"], Some(page));
    assert!(
        answer.stderr.contains("a page to log in, not a profile"),
        "{}",
        answer.stderr
    );
}

#[test]
fn what_fills_records_up_is_no_frame() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut p = profile(
        &[("threadcreate", "count")],
        &[
            Made {
                stack: &["runtime.allocm", "runtime.main", "", ""],
                values: &[3],
                texts: &[],
                numbers: &[],
            },
            Made {
                stack: &["", ""],
                values: &[2],
                texts: &[],
                numbers: &[],
            },
        ],
    );
    let nameless: Vec<bool> = (0..p.locations.len())
        .map(|l| {
            let lines = p.lines_of(kubeprof::model::LocationId::new(l));
            p.function_name(lines[0].function).is_empty()
        })
        .collect();
    for (l, nameless) in p.locations.iter_mut().zip(&nameless) {
        l.address = if *nameless { u64::MAX } else { 0x1000 };
    }
    let count = nameless.iter().filter(|n| **n).count();
    let file = save(&p, folder.path(), "threadcreate.pb.gz");
    let d = json(&["inspect", &file]);
    assert_eq!(d["unnamed_locations"], count, "{d}");
    let attributed = &d["attributed"];
    assert_eq!(
        (&attributed["known"], &attributed["total"]),
        (&3.into(), &5.into()),
        "{attributed}"
    );
    let top = json(&["top", &file]);
    assert_eq!(top["total"], 5, "{top}");
}

/// A profile's own expressions are not the user's: what is none of them costs a note, not the report.
#[test]
fn broken_frame_expressions_of_a_profile_are_passed_over() {
    for name in ["drop", "keep"] {
        let profile = format!("fixtures/compat/odd-{name}.pb.gz");
        for command in ["top", "tree"] {
            let answer = run(&[command, &profile]);
            assert_eq!(answer.code, 0, "{command}: {}", answer.stderr);
            assert!(answer.stdout.contains("main.f1"), "{command}: {}", answer.stdout);
            assert!(
                answer
                    .stderr
                    .contains(&format!("note: no frames are dropped: the profile's {name}_frames")),
                "{command}: {}",
                answer.stderr
            );
        }
        assert_eq!(run(&["top", "-q", &profile]).stderr, "");
    }
}

/// 80 ms are brought to 30 ms, whatever the units of the two.
#[test]
fn profiles_of_different_units_are_normalized_to_each_other() {
    let (ms, ns) = ("fixtures/compat/odd-ms.pb.gz", "fixtures/compat/odd-ns.pb.gz");
    let text = run(&["top", "--normalize", "--diff-base", ns, ms, "-o", "csv"]).stdout;
    let flat = |name: &str| text.lines().find(|l| l.contains(name)).unwrap_or_default().to_owned();
    assert!(flat("main.f1").starts_with("1250000,"), "{text}");
    assert!(flat("main.f4").starts_with("18750000,"), "{text}");
}
