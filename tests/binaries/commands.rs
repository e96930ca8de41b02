//! `kubeprof symbolize`, `disasm` and `--binary` as they are typed, on shipped binaries.

use std::fs;

use kubeprof::symbolize::Binary;
use serde_json::Value;

use super::support::{Place, stderr, stdout};

#[test]
fn one_line_in_and_one_object_out() {
    for name in ["1.26.8-cgo-external-sw", "1.27.3-arm64-pie-sw"] {
        let place = Place::new(name);
        let oracle = place.oracle();
        let input: String = oracle.iter().map(|(pc, _)| format!("{pc:#x}\n")).collect();
        let out = place.run(&["symbolize", "--binary", &place.binary(), "-o", "jsonl"], &input);
        assert!(out.status.success(), "{}", stderr(&out));
        let text = stdout(&out);
        assert_eq!(text.lines().count(), oracle.len());
        for (line, (pc, frames)) in text.lines().zip(&oracle) {
            let value: Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["address"], format!("{pc:#x}"));
            let found = value["frames"].as_array().unwrap();
            assert_eq!(found.len(), frames.len(), "{line}");
            for (n, (got, want)) in found.iter().zip(frames).enumerate() {
                assert_eq!(got["function"], want[0], "{line}");
                assert_eq!(got["file"], want[1], "{line}");
                assert_eq!(got["line"].to_string(), want[2], "{line}");
                assert_eq!(got["inlined"], n + 1 < frames.len(), "{line}");
            }
        }
    }
}

#[test]
fn an_address_without_a_name_has_a_reason() {
    let place = Place::new("1.22.12-exe-sw");
    let args = ["symbolize", "--binary", &place.binary(), "-o", "jsonl"];
    let data = fs::read(place.path("kubelet")).unwrap();
    let table = Binary::parse(&data).unwrap().go().unwrap().address();
    let out = place.run(&args, &format!("0x1\nnonsense\n\n{table:#x}\n"));
    let answers: Vec<Value> = stdout(&out).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let reasons: Vec<&str> = answers.iter().map(|a| a["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["outside-file", "not-an-address", "not-code"]);
    assert_eq!(out.status.code(), Some(0));
    let out = place.run(
        &["symbolize", "--binary", &place.binary(), "--require-symbols"],
        "0x1\n",
    );
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(
        stdout(&out),
        "0x1  ?  outside-file: the binary loads nothing at the address\n"
    );
}

/// A raw stack as Go writes it: the return address of the physical call, then a virtual one for each function that it
/// was inlined into. Each frame comes once.
#[test]
fn virtual_return_addresses_are_merged() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let data = fs::read(place.path("kubelet")).unwrap();
    let binary = Binary::parse(&data).unwrap();
    let table = binary.go().unwrap();
    let oracle = place.oracle();
    let (pc, frames) = oracle.iter().find(|(_, frames)| frames.len() >= 3).expect("a chain");
    let mut found = Vec::new();
    table.lookup(*pc, &mut found).unwrap();
    let stack: Vec<String> = found.iter().map(|f| format!("{:#x}", f.pc + 1)).collect();
    let other = oracle.iter().find(|(_, f)| f.len() == 1).unwrap();
    let input = format!("{} {:#x}\n", stack.join(" "), other.0 + 1);
    let out = place.run(
        &["symbolize", "--binary", &place.binary(), "--return-pcs", "-o", "jsonl"],
        &input,
    );
    let answers: Vec<Value> = stdout(&out).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(answers.len(), 2, "{input}{answers:?}");
    assert_eq!(answers[0]["frames"].as_array().unwrap().len(), frames.len());
    assert_eq!(answers[1]["frames"][0]["function"], other.1[0][0]);
}

/// A `debug=1` text that lost its `#` lines holds return addresses, made-up ones for inlined calls, `runtime.goexit` and
/// the runtime's own frames; with the binary it says what the profile.proto of the same moment says.
#[test]
fn texts_without_names_become_what_the_runtime_would_have_written() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let data = fs::read(place.path("kubelet")).unwrap();
    let binary = Binary::parse(&data).unwrap();
    let table = binary.go().unwrap();
    let oracle = place.oracle();
    let of_main = |f: &[[String; 4]]| f[0][0].starts_with("main.") && !f[0][0].contains('[');
    let (pc, chain) = oracle
        .iter()
        .find(|(_, f)| f.len() >= 3 && of_main(f))
        .expect("a chain");
    let (caller, caller_chain) = oracle.iter().find(|(_, f)| f.len() == 1 && of_main(f)).unwrap();
    let mut found = Vec::new();
    table.lookup(*pc, &mut found).unwrap();
    let chain_pcs: Vec<String> = found.iter().map(|f| format!("{:#x}", f.pc + 1)).collect();
    let start = |name: &str| table.functions().find(|f| f.name == name).unwrap().start + 1;
    let (park, goexit) = (start("runtime.gopark"), start("runtime.goexit"));
    let stack = format!("{park:#x} {} {:#x} {goexit:#x}", chain_pcs.join(" "), caller + 1);
    let mut names: Vec<&str> = chain.iter().map(|f| f[0].as_str()).collect();
    names.push(&caller_chain[0][0]);
    names.reverse();
    let names = names.join(";");
    let heap = format!("heap profile: 1: 32 [1: 32] @ heap/2\n1: 32 [1: 32] @ {stack}\n");
    let goroutine = format!("goroutine profile: total 3\n3 @ {stack}\n");
    for (text, want) in [(heap, names.clone()), (goroutine, format!("{names};runtime.gopark 3"))] {
        let path = place.path("text.txt");
        fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        let out = place.run(
            &[
                "flame",
                "-o",
                "folded",
                "--full-names",
                &path,
                "--binary",
                &place.binary(),
            ],
            "",
        );
        let folded = stdout(&out);
        assert_eq!(folded.lines().count(), 1, "{}", stderr(&out));
        assert!(folded.starts_with(&want), "{folded}{want}");
        assert!(!folded[want.len()..].contains(';'), "{folded}");
        assert!(stderr(&out).contains("unproven"), "{}", stderr(&out));
    }
}

#[test]
fn a_text_with_addresses_is_copied_with_names() {
    let place = Place::new("1.22.12-exe-sw");
    let oracle = place.oracle();
    let (pc, frames) = oracle
        .iter()
        .find(|(_, f)| f.len() == 1 && !f[0][0].contains('['))
        .unwrap();
    let text = format!("goroutine 1:\n\trip={pc:#x}, sp=0xc000012345 main.x+0x1f\nlast line without end");
    let out = place.run(&["symbolize", "--binary", &place.binary(), "--filter"], &text);
    let named = format!("rip={pc:#x} ({} {}:{}), sp", frames[0][0], frames[0][1], frames[0][2]);
    assert_eq!(stdout(&out), text.replace(&format!("rip={pc:#x}, sp"), &named));
}

#[test]
fn reports_name_what_has_no_name_and_count_what_has_none() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let profile = place.profile("cpu.pb.gz", None);
    let count = place.oracle().len();
    let bare = place.run(&["top", &profile], "");
    let line = format!("symbols: 0 of {count} locations named ({count} not: no binary was found for the mapping)");
    assert!(stdout(&bare).contains(&line), "{}", stdout(&bare));
    let out = place.run(&["top", &profile, "--require-symbols"], "");
    assert_eq!(out.status.code(), Some(2), "{}", stdout(&out));
    assert!(
        stderr(&out).contains("hint: archive the kubelet that ran"),
        "{}",
        stderr(&out)
    );
    let out = place.run(&["top", &profile, "--binary", &place.binary(), "--require-symbols"], "");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    let line = format!("symbols: {count} of {count} locations named ({count} from pclntab)");
    assert!(stdout(&out).contains(&line), "{}", stdout(&out));
    // From the archive, and from every layout of PPROF_BINARY_PATH, by build ID.
    place.run(&["binary", "add", &place.binary()], "");
    let archived = place.run(&["top", &profile], "");
    assert!(stdout(&archived).contains(&line), "{}", stdout(&archived));
}

#[test]
fn a_wrong_binary_is_refused_with_both_identities() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let other = Place::new("1.25.12-cgo-pie-external-sw");
    let profile = place.profile("cpu.pb.gz", None);
    let out = place.run(&["top", &profile, "--binary", &other.binary()], "");
    assert_eq!(out.status.code(), Some(2));
    let text = stderr(&out);
    assert!(
        stdout(&out).is_empty() && text.contains("refused") && text.contains("the build IDs differ"),
        "{text}"
    );
    for p in [&place, &other] {
        let data = fs::read(p.path("kubelet")).unwrap();
        let id = Binary::parse(&data).unwrap().build_ids().gnu.unwrap().to_string();
        assert!(text.contains(&id), "{text}");
    }
    let out = place.run(&["top", &profile, "--binary", &other.binary(), "--trust-binary"], "");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    assert!(stdout(&out).contains("TRUSTED BY HAND, NOT PROVEN"), "{}", stdout(&out));
    // Drawings and copies are marked as well, and the note is on standard error for what has no room.
    for format in [
        vec!["flame", "-o", "html"],
        vec!["flame", "-o", "svg"],
        vec!["convert", "-o", "dot"],
    ] {
        let mut args = format.clone();
        args.extend([profile.as_str(), "--binary"]);
        let binary = other.binary();
        args.extend([binary.as_str(), "--trust-binary"]);
        let out = place.run(&args, "");
        assert!(
            stdout(&out).contains("TRUSTED BY HAND, NOT PROVEN"),
            "{format:?}: {}",
            stderr(&out)
        );
        assert!(stderr(&out).contains("TRUSTED BY HAND"), "{format:?}");
    }
    let copy = place.path("copy.pb.gz").display().to_string();
    let binary = other.binary();
    let args = [
        "convert",
        "-o",
        "proto",
        "--out",
        &copy,
        &profile,
        "--binary",
        &binary,
        "--trust-binary",
    ];
    assert_eq!(place.run(&args, "").status.code(), Some(0));
    let out = place.run(&["pprof", "-comments", &copy], "");
    assert!(stdout(&out).contains("TRUSTED BY HAND, NOT PROVEN"), "{}", stdout(&out));
    let out = place.run(&["binary", "verify", &profile, &other.binary(), "-o", "json"], "");
    let verdict: Value = serde_json::from_str(&stdout(&out)).unwrap();
    assert_eq!(
        (verdict["verdict"].as_str(), out.status.code()),
        (Some("mismatch"), Some(2))
    );
    let out = place.run(&["binary", "verify", &profile, &place.binary(), "-o", "json"], "");
    let verdict: Value = serde_json::from_str(&stdout(&out)).unwrap();
    assert_eq!(
        (verdict["verdict"].as_str(), out.status.code()),
        (Some("match"), Some(0))
    );
    assert_eq!(verdict["reason"], "build-id");
}

#[test]
fn instructions_sum_up_to_their_function() {
    for name in ["1.26.8-cgo-external-sw", "1.26.8-arm64-trimpath-sw"] {
        let place = Place::new(name);
        let profile = place.profile("cpu.pb.gz", None);
        let binary = place.binary();
        let args = [
            "top",
            &profile,
            "--binary",
            &binary,
            "--noinlines",
            "-n",
            "5",
            "-o",
            "json",
        ];
        let top: Value = serde_json::from_str(&stdout(&place.run(&args, ""))).unwrap();
        let rows = top["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 5);
        for row in rows {
            let function = row["name"].as_str().unwrap();
            let exact: String = function.chars().flat_map(|c| ['[', c, ']'].into_iter()).collect();
            let exact = exact.replace("[[]", "\\[").replace("[]]", "\\]").replace("[^]", "\\^");
            let args = [
                "disasm",
                &format!("^{exact}$"),
                &profile,
                "--binary",
                &binary,
                "-o",
                "json",
            ];
            let out = place.run(&args, "");
            let page: Value = serde_json::from_str(&stdout(&out)).unwrap_or_else(|_| panic!("{}", stderr(&out)));
            let of = |kind: &str| -> (i64, usize) {
                let rows = page["rows"].as_array().unwrap().iter().filter(|r| r["kind"] == kind);
                rows.fold((0, 0), |(sum, n), r| (sum + r["flat"].as_i64().unwrap_or(0), n + 1))
            };
            let flat = row["flat"].as_i64().unwrap();
            assert_eq!(of("function"), (flat, 1), "{name} {function}");
            assert_eq!(of("instruction").0, flat, "{name} {function}");
            assert!(of("instruction").1 > 3, "{name} {function}");
            let bad = page["rows"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|r| r["instruction"] == "(bad)")
                .count();
            assert_eq!(bad, 0, "{name} {function}");
        }
    }
}
