//! Bundles as sources of every command, and the commands on bundles.

use std::fs;
use std::path::Path;

use super::support::{capture, fine, json, root, run, run_with};
use crate::bundle::made_bundle::{make, with_contention};

const HEAP: &str = "worker-1/run-1/0002-20261124T023900Z/heap.pb.gz";

fn with_bundle(test: impl FnOnce(&Path, &dyn Fn(&str) -> String)) {
    let dir = tempfile::tempdir().expect("a folder");
    make(&dir.path().join("b"));
    test(dir.path(), &|name| dir.path().join(name).display().to_string());
}

#[test]
fn a_bundle_needs_no_other_argument_and_says_what_was_chosen() {
    with_bundle(|_, at| {
        let answer = run(&["top", &at("b"), "-o", "json"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let said = "heap of worker-1, run 1, snapshot 2 of 2026-11-24T02:39:00Z; choose with --kind cpu|goroutine, \
                    --snapshot first|last|N|all (2), --node NAME (2; this one is the largest)";
        assert!(answer.stderr.contains(said), "{}", answer.stderr);
        let direct = run(&["top", &at(&format!("b/{HEAP}")), "-o", "json"]);
        let rows = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON")["rows"].clone();
        assert_eq!(
            rows(&answer.stdout),
            rows(&direct.stdout),
            "the file itself says the same"
        );
        assert_eq!(
            rows(&answer.stdout),
            rows(&fine(&[
                "top",
                &capture("ctx-leak-1.36.1/s10-heap.pb.gz"),
                "-o",
                "json"
            ]))
        );
        for (args, said) in [
            (vec!["--kind", "cpu"], "cpu of worker-1, run 1, snapshot 2 of"),
            (vec!["--snapshot", "first"], "heap of worker-1, run 1, snapshot 1 of"),
            (vec!["--snapshot", "all"], "heap of worker-1, run 1, all 2 snapshots"),
            (vec!["--node", "worker-2"], "heap of worker-2, run 2, snapshot 2 of"),
            (
                vec!["--node", "worker-2", "--run", "1"],
                "heap of worker-2, run 1, snapshot 1 of",
            ),
            (
                vec!["--artifact", "goroutine"],
                "goroutine of worker-1, run 1, snapshot 2 of",
            ),
        ] {
            let bundle = at("b");
            let answer = run(&[vec!["top", &bundle], args.clone()].concat());
            assert!(
                answer.code == 0 && answer.stderr.contains(said),
                "{args:?}: {}",
                answer.stderr
            );
        }
        for (args, said) in [
            (
                vec!["--node", "worker-9"],
                "no node worker-9\nhint: there is worker-1, worker-2",
            ),
            (vec!["--run", "7"], "no run 7"),
            (
                vec!["--snapshot", "5"],
                "no snapshot 5 with a heap profile\nhint: there is snapshot 1, snapshot 2",
            ),
            (vec!["--kind", "mutex"], "no artifact mutex"),
            (vec!["--artifact", "block"], "no artifact block"),
        ] {
            let bundle = at("b");
            let answer = run(&[vec!["top", &bundle], args.clone()].concat());
            assert!(
                answer.code == 2 && answer.stderr.contains(said),
                "{args:?}: {}",
                answer.stderr
            );
        }
        for command in [
            vec!["traces"],
            vec!["tree"],
            vec!["raw"],
            vec!["tags"],
            vec!["peek", "context"],
        ] {
            let bundle = at("b");
            assert!(!fine(&[command, vec![&bundle]].concat()).is_empty());
        }
    });
}

#[test]
fn the_shell_and_pprof_take_bundles() {
    with_bundle(|_, at| {
        let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
        let top = run(&["pprof", "-top", &at("b")]);
        assert!(
            top.stderr.contains("heap of worker-1, run 1, snapshot 2"),
            "{}",
            top.stderr
        );
        assert_eq!(top.stdout, fine(&["pprof", "-top", &heap]));
        if cfg!(feature = "shell") {
            let rows = |text: &str| text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
            let bundle = fine(&["shell", &at("b"), "-c", "top"]);
            assert_eq!(rows(&bundle), rows(&fine(&["shell", &heap, "-c", "top"])));
            let goroutines = fine(&["shell", &at("b"), "--kind", "goroutine", "-c", "goroutines"]);
            assert_eq!(goroutines, fine(&["goroutines", &at("b")]));
        }
    });
}

/// What several threads of zstd write is several frames; the first alone would be a profile that ends early.
#[test]
fn a_profile_in_several_frames_is_read_to_its_end() {
    let heap = capture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let packed = fs::read(&heap).expect("a file");
    let bytes = kubeprof::pprof::inflate(&packed, kubeprof::pprof::Limit::Proportional).expect("gzip");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("heap.pb.zst");
    let mut zstd = Vec::new();
    for part in bytes.chunks(bytes.len() / 3) {
        // A skippable frame before each.
        zstd.extend_from_slice(&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
        zstd.extend(ruzstd::encoding::compress_to_vec(
            part,
            ruzstd::encoding::CompressionLevel::Fastest,
        ));
    }
    fs::write(&path, &zstd[11..]).expect("room");
    let path = path.display().to_string();
    assert_eq!(json(&["top", &path])["rows"], json(&["top", &heap])["rows"]);
}

#[test]
fn mutex_and_block_are_told_apart_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = dir.path().join("b").display().to_string();
    with_contention(&dir.path().join("b"));
    for (kind, said, total) in [
        ("mutex", "mutex of n, run 1", "5000"),
        ("block", "block of n, run 1", "7000"),
    ] {
        let answer = run(&[
            "top",
            &at,
            "--kind",
            kind,
            "--sample-index",
            "delay",
            "--unit",
            "ns",
            "-o",
            "json",
        ]);
        assert!(
            answer.code == 0 && answer.stderr.contains(said),
            "{kind}: {}",
            answer.stderr
        );
        assert!(
            answer.stdout.contains(&format!("\"total\": {total}"))
                || answer.stdout.contains(&format!("\"total\":{total}")),
            "{kind}: {}",
            answer.stdout
        );
    }
    let either = run(&["top", &at, "--kind", "contention"]);
    assert!(
        either.stderr.contains("--artifact mutex") || either.stderr.contains("--artifact block"),
        "{}",
        either.stderr
    );
}

/// A bundle that an earlier version wrote: its format is a promise.
#[test]
fn an_old_bundle_is_read_as_ever() {
    let bundle = root().join("fixtures/bundle/two-nodes.tar.gz").display().to_string();
    let expected = fs::read_to_string(root().join("fixtures/bundle/two-nodes.ls.txt")).expect("the golden");
    let ls = fine(&["bundle", "ls", &bundle, "-o", "wide"]);
    assert_eq!(ls.replace(&bundle, "BUNDLE"), expected);
    assert!(fine(&["bundle", "verify", &bundle]).contains(": whole\n"));
    let (old, new) = (
        capture("ctx-leak-1.36.1/s01-heap.pb.gz"),
        capture("ctx-leak-1.36.1/s10-heap.pb.gz"),
    );
    assert_eq!(json(&["diff", &bundle])["rows"], json(&["diff", &old, &new])["rows"]);
}

/// Makes the fixture: `cargo test --test integration writes_the_fixture -- --ignored`, with the file's place in `FIXTURE`.
#[test]
#[ignore = "writes the fixture again, after a change of the format"]
fn writes_the_fixture() {
    let place = std::env::var("FIXTURE").expect("FIXTURE names the file");
    with_bundle(|_, at| {
        fine(&["bundle", "pack", &at("b"), &place]);
    });
}

#[test]
fn goroutines_take_both_forms_of_one_snapshot() {
    with_bundle(|_, at| {
        let answer = run(&["goroutines", &at("b")]);
        assert!(
            answer.code == 0 && answer.stderr.contains("goroutine of worker-1, run 1, snapshot 2"),
            "{}",
            answer.stderr
        );
        let debug2 = capture("ctx-leak-1.36.1/last-goroutine.debug2.txt.gz");
        let both = json(&["goroutines", &debug2, &capture("ctx-leak-1.36.1/s10-goroutine.pb.gz")]);
        assert_eq!(json(&["goroutines", &at("b")])["rows"], both["rows"]);
    });
}

#[test]
fn a_bundle_alone_is_compared_with_itself() {
    with_bundle(|_, at| {
        let (old, new) = (
            capture("ctx-leak-1.36.1/s01-heap.pb.gz"),
            capture("ctx-leak-1.36.1/s10-heap.pb.gz"),
        );
        let files = json(&["diff", &old, &new]);
        assert_eq!(json(&["diff", &at("b")])["rows"], files["rows"], "first against last");
        let back = json(&[
            "diff",
            &at("b"),
            &at("b"),
            "--snapshot",
            "first",
            "--old-snapshot",
            "last",
        ]);
        assert_ne!(back["rows"], files["rows"]);
        let one = run(&["diff", &at("b"), "--kind", "cpu"]);
        assert!(
            one.code == 2 && one.stderr.contains("a diff needs two snapshots"),
            "{}",
            one.stderr
        );
    });
}

#[test]
fn every_packing_is_read_in_place_and_packs_to_the_same_bytes() {
    with_bundle(|dir, at| {
        let direct = fine(&["top", &at("b"), "-o", "json"]);
        let rows = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON")["rows"].clone();
        for name in ["b.tar", "b.tar.gz", "b.tar.zst"] {
            fine(&["bundle", "pack", &at("b"), &at(name)]);
            let answer = run(&["top", &at(name), "-o", "json"]);
            assert_eq!(rows(&answer.stdout), rows(&direct), "{name}: {}", answer.stderr);
            let piped = run_with(&["top", "-", "-o", "json"], Some(&fs::read(at(name)).expect("a file")));
            assert_eq!(rows(&piped.stdout), rows(&direct), "{name}: {}", piped.stderr);
            assert_eq!(json(&["diff", &at(name)])["rows"], json(&["diff", &at("b")])["rows"]);
            assert!(fine(&["bundle", "verify", &at(name)]).contains(": whole\n"));
            // A bundle that was unpacked is the bundle, and packs to the same bytes.
            let copy = format!("copy-of-{name}");
            fine(&["bundle", "unpack", &at(name), &at(&copy)]);
            assert!(fine(&["bundle", "verify", &at(&copy)]).contains(": whole\n"));
            assert_eq!(
                fs::read(at(&copy) + "/" + HEAP).expect("a file"),
                fs::read(at("b") + "/" + HEAP).expect("a file")
            );
            let again = format!("again-{name}");
            fine(&["bundle", "pack", &at(&copy), &at(&again)]);
            assert!(
                fs::read(at(name)).expect("a file") == fs::read(at(&again)).expect("a file"),
                "{name}"
            );
            let over = run(&["bundle", "pack", &at("b"), &at(name)]);
            assert!(
                over.code == 2 && over.stderr.contains("already exists"),
                "{}",
                over.stderr
            );
            let over = run(&["bundle", "unpack", &at(name), &at(&copy)]);
            assert!(
                over.code == 2 && over.stderr.contains("already exists"),
                "{}",
                over.stderr
            );
        }
        // Other tools write one frame, whose first window is larger than what is looked at of a file.
        let tar = fs::read(at("b.tar")).expect("a file");
        // No checksum, a window of 2 MiB, blocks as they are.
        let mut zstd = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 11 << 3];
        let blocks: Vec<&[u8]> = tar.chunks(100_000).collect();
        for (i, block) in blocks.iter().enumerate() {
            let header = (block.len() as u32) << 3 | u32::from(i + 1 == blocks.len());
            zstd.extend_from_slice(&header.to_le_bytes()[..3]);
            zstd.extend_from_slice(block);
        }
        fs::write(at("foreign.tar.zst"), &zstd).expect("room");
        assert!(zstd.len() > 1 << 18);
        assert!(fine(&["bundle", "verify", &at("foreign.tar.zst")]).contains(": whole\n"));
        let left: Vec<_> = fs::read_dir(dir)
            .expect("a folder")
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .collect();
        assert!(left.iter().all(|n| !n.contains(".part")), "{left:?}");
    });
}

/// What is not said stands beside what was named, as with gzip; and where it stands is said.
#[test]
fn an_archive_without_a_name_stands_beside_its_bundle() {
    with_bundle(|dir, at| {
        fs::create_dir(at("d")).expect("room");
        fs::rename(at("b"), at("d/b")).expect("renamed");
        let answer = run(&["bundle", "pack", &at("d/b/")]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(
            fs::metadata(at("d/b.tar.gz")).is_ok() && answer.stderr.contains(&at("d/b.tar.gz")),
            "{}",
            answer.stderr
        );
        assert!(fine(&["bundle", "verify", &at("d/b.tar.gz")]).contains(": whole\n"));
        assert!(dir.join("d").is_dir());
        // Unpacked, it is its owner's again.
        fine(&["bundle", "unpack", &at("d/b.tar.gz"), &at("u")]);
        let mode =
            |path: String| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).expect("there").permissions());
        assert_eq!(
            (mode(at("u")) & 0o777, mode(at("u/manifest.jsonl")) & 0o777),
            (0o700, 0o600)
        );
        for copy in [vec!["redact", "d/b", "u"], vec!["unpack", "d/b.tar.gz", "u"]] {
            let over = run(&["bundle", copy[0], &at(copy[1]), &at(copy[2])]);
            assert_eq!(over.code, 2);
            assert!(
                over.stderr.contains("name another folder") && !over.stderr.contains("--resume"),
                "{}",
                over.stderr
            );
        }
    });
}

/// A second archive behind the first is read by some tools and not by others.
#[test]
fn bytes_behind_an_archive_are_named() {
    with_bundle(|_, at| {
        for name in ["b.tar", "b.tar.gz", "b.tar.zst"] {
            fine(&["bundle", "pack", &at("b"), &at(name)]);
            let packed = fs::read(at(name)).expect("a file");
            let second = packed.clone();
            for (n, behind) in [b"garbage".as_slice(), &second, &[1; 4096]].into_iter().enumerate() {
                let longer = at(&format!("{n}-{name}"));
                fs::write(&longer, [packed.as_slice(), behind].concat()).expect("room");
                let (code, v) = verdict(&longer);
                assert_eq!(code, 1, "{name} {n}: {v}");
                assert!(v["findings"].to_string().contains("after the end"), "{name} {n}: {v}");
            }
        }
        // Tars are filled up with zeros, tapes more so.
        let tar = fs::read(at("b.tar")).expect("a file");
        fs::write(at("tape.tar"), [tar.as_slice(), &[0; 20480]].concat()).expect("room");
        assert!(fine(&["bundle", "verify", &at("tape.tar")]).contains(": whole\n"));
    });
}

/// Snapshots of different bundles are not added up.
#[test]
fn a_folder_of_bundles_is_none() {
    with_bundle(|dir, at| {
        make(&dir.join("c"));
        let folder = dir.display().to_string();
        let answer = run(&["top", &folder]);
        assert_eq!(answer.code, 2, "{}", answer.stderr);
        for said in [at("b").as_str(), at("c").as_str(), "bundle merge"] {
            assert!(answer.stderr.contains(said), "{said}: {}", answer.stderr);
        }
    });
}

/// People keep a bundle in a folder with their notes, and send the folder as an archive.
#[test]
fn the_only_bundle_of_a_folder_is_meant() {
    with_bundle(|dir, at| {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_dir_all("incident/b", dir.join("b")).expect("room");
        tar.append_path_with_name(root().join("README.md"), "incident/notes.md")
            .expect("a file");
        fs::write(dir.join("notes.md"), "what was seen").expect("room");
        fs::write(dir.join("incident.tar"), tar.into_inner().expect("room")).expect("room");
        let direct = run(&["top", &at("b"), "-o", "json"]);
        let direct: serde_json::Value = serde_json::from_str(&direct.stdout).expect("JSON");
        for (path, named) in [
            (dir.display().to_string(), at("b")),
            (at("incident.tar"), at("incident.tar")),
        ] {
            let answer = run(&["top", &path, "-o", "json"]);
            let found: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
            assert_eq!(found["rows"], direct["rows"], "{path}");
            let note = format!("note: {named}: the only bundle there; ");
            assert!(answer.stderr.contains(&note), "{}", answer.stderr);
        }
        // Whether a bundle is whole is asked of the bundle.
        let verify = run(&["bundle", "verify", &at("incident.tar")]);
        assert_eq!(verify.code, 2, "{}{}", verify.stdout, verify.stderr);
    });
}

#[test]
fn a_tar_of_profiles_is_like_a_folder_of_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("profiles.tar");
    let mut tar = tar::Builder::new(fs::File::create(&path).expect("room"));
    for (name, file) in [
        ("x/heap 1.pb.gz", "s01-heap"),
        ("x/heap:2.pb.gz", "s10-heap"),
        ("x/cpu", "last-cpu"),
    ] {
        let file = capture(&format!("ctx-leak-1.36.1/{file}.pb.gz"));
        tar.append_path_with_name(file, name).expect("room");
    }
    tar.finish().expect("room");
    let path = path.display().to_string();
    let (one, two) = (
        capture("ctx-leak-1.36.1/s01-heap.pb.gz"),
        capture("ctx-leak-1.36.1/s10-heap.pb.gz"),
    );
    // Two moments of one process: the latest is shown, and said to be.
    let latest = run(&["top", &path, "--kind", "heap", "-o", "json"]);
    assert!(
        latest
            .stderr
            .contains("heap:2.pb.gz, snapshot 2 of 2026-11-23T18:45:35Z")
            && latest.stderr.contains("--snapshot first|last|N|all (2)"),
        "{}",
        latest.stderr
    );
    let latest: serde_json::Value = serde_json::from_str(&latest.stdout).expect("JSON");
    assert_eq!(latest["rows"], json(&["top", &two])["rows"]);
    let of = |snapshot: &str| json(&["top", &path, "--kind", "heap", "--snapshot", snapshot])["rows"].clone();
    assert_eq!(of("all"), json(&["top", &one, &two])["rows"]);
    assert_eq!(of("first"), json(&["top", &one])["rows"]);
    assert_eq!(of("2"), latest["rows"]);
    let kinds = run(&["top", &path]);
    assert!(
        kinds.code == 2 && kinds.stderr.contains("2 heap, 1 cpu"),
        "{}",
        kinds.stderr
    );
    let verify = run(&["bundle", "verify", &path]);
    assert!(
        verify.code == 2 && verify.stderr.contains("not a bundle"),
        "{}",
        verify.stderr
    );
}

#[test]
fn ls_and_inspect_show_what_is_there_and_what_is_not() {
    with_bundle(|_, at| {
        let text = fine(&["bundle", "ls", &at("b")]);
        for part in [
            "worker-1 run 1, kubelet v1.36.1",
            "goroutine.debug2",
            "left out: handler",
            "Unknown profile",
            "Go 1.27 has it",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(fine(&["inspect", &at("b")]), text);
        assert!(fine(&["inspect", &at("b"), "--kind", "cpu"]).contains("sample type"));
        let rows = json(&["bundle", "ls", &at("b")]);
        assert_eq!(rows["rows"].as_array().expect("rows").len(), 14, "{rows}");
    });
}

fn verdict(bundle: &str) -> (i32, serde_json::Value) {
    let answer = run(&["bundle", "verify", bundle, "-o", "json"]);
    (
        answer.code,
        serde_json::from_str(&answer.stdout).unwrap_or_else(|e| panic!("{e}: {}", answer.stderr)),
    )
}

#[test]
fn verify_names_what_is_wrong() {
    with_bundle(|_, at| {
        let (code, v) = verdict(&at("b"));
        assert_eq!(
            (code, v["verdict"].as_str(), v["intact"].as_u64()),
            (0, Some("whole"), Some(13)),
            "{v}"
        );
        assert_eq!(v["build_ids"].as_array().map(Vec::len), Some(2));
        let possible = |name: &str| {
            v["analyses"]
                .as_array()
                .expect("a list")
                .iter()
                .find(|a| a["name"] == name)
                .expect(name)["possible"]
                .clone()
        };
        assert_eq!(possible("growth of memory"), true);
        assert_eq!(possible("trend of memory"), false, "two snapshots are no trend");
        assert_eq!(possible("instructions"), false);
        // A file that nobody took, bytes that were changed, a file that was cut.
        let mut heap = fs::read(at("b") + "/" + HEAP).expect("a file");
        fs::write(at("b/worker-1/notes.txt"), "x").expect("room");
        *heap.last_mut().expect("bytes") ^= 1;
        fs::write(at("b") + "/" + HEAP, &heap).expect("room");
        let cpu = "worker-1/run-1/0002-20261124T023900Z/cpu.pb.gz";
        let bytes = fs::read(at("b") + "/" + cpu).expect("a file");
        fs::write(at("b") + "/" + cpu, &bytes[..bytes.len() / 2]).expect("room");
        let (code, v) = verdict(&at("b"));
        assert_eq!((code, v["verdict"].as_str()), (1, Some("findings")));
        let found: Vec<(&str, &str)> = v["findings"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|f| (f["what"].as_str().expect("a word"), f["path"].as_str().expect("a path")))
            .collect();
        assert_eq!(
            found,
            [("tampered", HEAP), ("truncated", cpu), ("extra", "worker-1/notes.txt")]
        );
        let top = run(&["top", &at("b")]);
        assert!(top.stderr.contains("not what its manifest says"), "{}", top.stderr);
    });
    with_bundle(|_, at| {
        // The same through an archive: a packed bundle cannot hide it.
        fs::write(
            at("b") + "/" + HEAP,
            fs::read(capture("ctx-leak-1.36.1/s01-heap.pb.gz")).expect("a file"),
        )
        .expect("room");
        let packed = run(&["bundle", "pack", &at("b"), &at("b.tar.gz")]);
        assert!(
            packed.code == 1 && packed.stderr.contains("not what the manifest says"),
            "{}",
            packed.stderr
        );
        let (code, v) = verdict(&at("b.tar.gz"));
        assert_eq!((code, v["findings"][0]["path"].as_str()), (1, Some(HEAP)));
        let top = run(&["top", &at("b.tar.gz")]);
        assert!(
            top.code == 0 && top.stderr.contains("not what its manifest says"),
            "{}",
            top.stderr
        );
    });
}

#[test]
fn what_a_kill_leaves_is_partial() {
    with_bundle(|_, at| {
        let journal = fs::read(at("b/manifest.jsonl")).expect("a journal");
        let lines: Vec<&[u8]> = journal.split_inclusive(|&b| b == b'\n').collect();
        fs::remove_file(at("b/manifest.json")).expect("removed");
        // The last run of worker-2 was cut in the middle of a line, and its heap had no name yet.
        let cut = lines
            .iter()
            .position(|l| {
                l.windows(30).any(|w| w == b"0002-20261124T023900Z/goroutin") && l.windows(8).any(|w| w == b"worker-2")
            })
            .expect("a line");
        let keep: usize = lines[..cut].iter().map(|l| l.len()).sum();
        fs::write(at("b/manifest.jsonl"), &journal[..keep + 20]).expect("room");
        let last = "worker-2/run-2/0002-20261124T023900Z";
        fs::rename(
            at(&format!("b/{last}/heap.pb.gz")),
            at(&format!("b/{last}/heap.pb.gz.part")),
        )
        .expect("renamed");
        fs::rename(
            at(&format!("b/{last}/goroutine.pb.gz")),
            at(&format!("b/{last}/goroutine.pb.gz.part")),
        )
        .expect("renamed");
        let (code, v) = verdict(&at("b"));
        assert_eq!((code, v["verdict"].as_str()), (3, Some("partial")), "{v}");
        assert_eq!(v["findings"].as_array().map(Vec::len), Some(0));
        let text = v["lacks"].to_string();
        for part in [
            "the capture did not end",
            "the last line was cut",
            "complete but not renamed",
            "the capture ended before it",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(run(&["top", &at("b")]).code, 0, "what is there can be used");
    });
}
