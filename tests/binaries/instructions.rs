//! `kubeprof pprof -disasm` and `-weblist` on shipped binaries: the instructions of the native command, with pprof's sums.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::support::{Place, stderr, stdout};

/// Address -> (flat, instruction) of every line of `-disasm`.
fn rows(text: &str) -> BTreeMap<u64, (i64, String)> {
    let row = |line: &str| {
        let (costs, code) = line.split_once(": ")?;
        let mut words = costs.split_whitespace();
        let flat = words.next()?;
        let address = u64::from_str_radix(words.nth(1)?, 16).ok()?;
        let flat = if flat == "." { 0 } else { flat.parse().ok()? };
        let code = code.split("  ").next()?.split(" ;").next()?.trim();
        Some((address, (flat, code.to_owned())))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn pprofs_command_shows_the_instructions_of_the_native_one() {
    for name in ["1.26.8-cgo-external-sw", "1.26.8-arm64-trimpath-sw"] {
        let place = Place::new(name);
        let (profile, binary) = (place.profile("cpu.pb.gz", None), place.binary());
        let out = place.run(&["pprof", "-disasm=main\\.", &binary, &profile], "");
        assert_eq!(out.status.code(), Some(0), "{name}: {}", stderr(&out));
        let text = stdout(&out);
        assert!(text.starts_with("Total: "), "{text}");
        let args = ["disasm", "main\\.", &profile, "--binary", &binary, "-o", "json"];
        let native: Value = serde_json::from_str(&stdout(&place.run(&args, ""))).unwrap();
        let wanted: BTreeMap<u64, (i64, String)> = (native["rows"].as_array().unwrap().iter())
            .filter(|r| r["kind"] == "instruction")
            .map(|r| {
                let address = r["address"].as_str().unwrap().trim_start_matches("0x");
                let mut code = r["instruction"].as_str().unwrap().to_owned();
                if let Some(target) = r["target"].as_str().filter(|t| !t.is_empty()) {
                    code = format!("{code} <{target}>");
                }
                let address = u64::from_str_radix(address, 16).unwrap();
                (address, (r["flat"].as_i64().unwrap_or(0), code))
            })
            .collect();
        let found = rows(&text);
        assert!(found.len() > 100, "{name}: {}", found.len());
        assert_eq!(found, wanted, "{name}");
        // Sums above the instructions.
        let sums: i64 = (text.lines().filter(|l| l.contains("(flat, cum)")))
            .map(|l| l.split_whitespace().next().unwrap().parse::<i64>().unwrap())
            .sum();
        assert_eq!(sums, found.values().map(|(flat, _)| flat).sum::<i64>(), "{name}");
        // An address names its function.
        let (address, _) = found.iter().find(|(_, (flat, _))| *flat > 0).unwrap();
        let out = place.run(&["pprof", &format!("-disasm={address:#x}"), &binary, &profile], "");
        let one = rows(&stdout(&out));
        assert!(one.contains_key(address) && one.len() < found.len(), "{}", stderr(&out));
    }
}

#[test]
fn lines_open_to_their_instructions() {
    for name in ["1.26.8-cgo-external-sw", "1.26.8-arm64-trimpath-sw"] {
        let place = Place::new(name);
        let (profile, binary) = (place.profile("cpu.pb.gz", None), place.binary());
        let page = place.path("page.html").display().to_string();
        let run = |more: &[&str]| {
            let args = [&["pprof", "-output", &page, "-weblist=main\\."], more].concat();
            let out = place.run(&args, "");
            assert_eq!(out.status.code(), Some(0), "{name}: {}", stderr(&out));
            fs::read_to_string(&page).unwrap()
        };
        let with = run(&[&binary, &profile]);
        let disassembly = rows(&stdout(
            &place.run(&["pprof", "-disasm=main\\.", &binary, &profile], ""),
        ));
        // What was sampled in a function of this package is on its page, as an instruction of a line.
        let costly: Vec<_> = disassembly.iter().filter(|(_, (flat, _))| *flat > 0).collect();
        assert!(costly.len() > 10, "{name}: {}", costly.len());
        for (address, (flat, code)) in costly {
            let start = format!("<td class=\"n\">{flat}</td>");
            let cell = format!("<td class=\"n\">{address:x}</td>");
            let row = with.lines().find(|l| l.contains(&cell) && l.contains(&start));
            let row = row.unwrap_or_else(|| panic!("{name}: {address:x} is missing"));
            let code = code.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            assert!(row.contains(&code), "{name}: {row} {code}");
        }
    }
}

#[test]
fn binaries_are_found_by_build_id_and_others_refused() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let profile = place.profile("cpu.pb.gz", None);
    let disasm = |more: &[&str]| {
        let args = [&["pprof", "-disasm=main\\."], more, &[profile.as_str()]].concat();
        place.run(&args, "")
    };
    // The file that the profile names is not here, so nothing has a name.
    let out = disasm(&[]);
    assert_eq!(out.status.code(), Some(2));
    // One of another build is no answer.
    let other = Place::new("1.25.12-cgo-pie-external-sw");
    let out = disasm(&[&other.binary()]);
    assert_eq!(out.status.code(), Some(2));
    assert!(!stdout(&out).contains("ROUTINE"), "{}", stdout(&out));
    // Archived, it is found by the ID that the profile has.
    let named = place.path("named.pb.gz").display().to_string();
    let args = [
        "convert",
        &profile,
        "--binary",
        &place.binary(),
        "-o",
        "proto",
        "--out",
        &named,
    ];
    let out = place.run(&args, "");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    let run = || place.run(&["pprof", "-disasm=main\\.", &named], "");
    let out = run();
    assert_eq!(
        (out.status.code(), stdout(&out).as_str()),
        (Some(2), "open /usr/bin/kubelet: no such file or directory\n")
    );
    assert_eq!(
        place.run(&["binary", "add", &place.binary()], "").status.code(),
        Some(0)
    );
    let out = run();
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    assert!(stdout(&out).contains("ROUTINE"), "{}", stdout(&out));
}
