//! What goes wrong is named, with what to do.

use super::support::{capture, run, run_with};

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

#[test]
fn a_cut_download_says_so() {
    let bytes = std::fs::read(capture("ctx-leak-1.36.1/s10-heap.pb.gz")).expect("fixture");
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
