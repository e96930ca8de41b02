//! Manifests from strangers: none, several, one that lists itself, one of many lines, numbers at the edge.

use std::fs;
use std::path::Path;

use kubeprof::bundle::{Contents, Want};
use kubeprof::pprof::Limit;

use super::made_bundle;
use super::made_tar::{end, file, member, sound, top};
use crate::cli::support::run;

/// What is said when it is no bundle, or more than one.
#[test]
fn no_manifest_one_or_several() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.tar").display().to_string();
    let verify = |bytes: Vec<u8>| {
        fs::write(&path, bytes).expect("room");
        run(&["bundle", "verify", &path])
    };
    let body = sound();
    let top = top(&body);
    let renamed = |to: &str| {
        let mut bytes = body.clone();
        let mut at = 0;
        while at < bytes.len() {
            let header = tar::Header::from_byte_slice(&bytes[at..at + 512]);
            let size = header.entry_size().expect("a size") as usize;
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            let mut header = tar::Header::from_byte_slice(&bytes[at..at + 512]).clone();
            header.set_cksum();
            bytes[at..at + 512].copy_from_slice(header.as_bytes());
            at += 512 + size.next_multiple_of(512);
        }
        bytes
    };
    let other = format!("X{}", &top[1..]);
    let two = verify([body.clone(), renamed(&other), end()].concat());
    assert_eq!(two.code, 2);
    for words in [top.as_str(), other.as_str()] {
        assert!(two.stderr.contains(words.trim_end_matches('/')), "{}", two.stderr);
    }
    assert!(two.stderr.contains("bundle merge"), "{}", two.stderr);
    // A second manifest deeper in it is a file that is not listed.
    let inner = member(format!("{top}a/manifest.jsonl").as_bytes(), b'0', "{}\n").bytes();
    let deeper = verify([inner, body.clone(), end()].concat());
    assert_eq!(deeper.code, 1, "{}{}", deeper.stdout, deeper.stderr);
    assert!(deeper.stdout.contains("a/manifest.jsonl"), "{}", deeper.stdout);
    assert_eq!(
        deeper.stdout.lines().filter(|l| l.starts_with("  extra")).count(),
        1,
        "{}",
        deeper.stdout
    );
    // The manifest last: everything is there all the same.
    let first = 512 + tar::Header::from_byte_slice(&body[..512]).entry_size().expect("a size") as usize;
    let first = first.next_multiple_of(512);
    let last = verify([&body[first..], &body[..first], &end()].concat());
    assert_eq!(last.code, 0, "{}{}", last.stdout, last.stderr);
    assert_eq!(
        run(&["top", &path, "--kind", "contention", "--artifact", "mutex"]).code,
        0
    );
    let none = verify([body[first..].to_vec(), end()].concat());
    assert!(
        none.code == 2 && none.stderr.contains("not a bundle"),
        "{}",
        none.stderr
    );
    // Without the zeros at its end, which nobody needs.
    let unended = verify(body.clone());
    assert_eq!(unended.code, 0, "{}{}", unended.stdout, unended.stderr);
}

/// A manifest that lists itself is not unpacked over itself.
#[test]
fn a_manifest_does_not_list_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    made_bundle::with_contention(&root);
    let journal = root.join("manifest.jsonl");
    let text = fs::read_to_string(&journal).expect("a journal");
    let line = text
        .lines()
        .find(|l| l.contains("\"artifact\":\"mutex\""))
        .expect("a line");
    let path = line
        .split("\"path\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a path");
    for own in ["manifest.jsonl", "manifest.json", "Manifest.JSON"] {
        fs::write(
            &journal,
            format!("{text}{}\n", line.replace(path, own).replace("mutex", "other")),
        )
        .expect("room");
        let at = |name: &str| dir.path().join(name).display().to_string();
        let verify = run(&["bundle", "verify", &at("b")]);
        assert!(
            verify.code == 1 && verify.stdout.contains("cannot be read"),
            "{}",
            verify.stdout
        );
        let unpack = run(&["bundle", "unpack", &at("b"), &at(&format!("u-{own}"))]);
        assert_eq!(unpack.code, 1, "{}", unpack.stderr);
    }
}

/// How many lines, how many of them are damaged, and what each says.
type Lines<'a> = (usize, usize, &'a dyn Fn(usize) -> String);

/// A manifest of many lines is read in one pass, whatever they are about.
#[test]
fn a_huge_manifest() {
    let lines = |count: usize, each: &dyn Fn(usize) -> String| -> Vec<u8> {
        let first = r#"{"at":"2026-11-24T02:38:00Z","event":"started","schema":2,"tool":"t","asked":{}}"#;
        let mut text = format!("{first}\n");
        (0..count).for_each(|i| text += &format!("{}\n", each(i)));
        text.into_bytes()
    };
    let artifact = |node: String, run: usize, snapshot: usize, name: String| {
        format!(
            r#"{{"at":"2026-11-24T02:38:00Z","event":"artifact","node":"{node}","run":{run},"snapshot":{{"number":{snapshot},"taken":"2026-11-24T02:38:00Z"}},"artifact":"{name}","path":"a/{name}","bytes":1,"sha256":"00"}}"#
        )
    };
    // Lines, how many of them are no part of a bundle, and what they are about, in the order that costs most.
    let kinds: [Lines<'_>; 3] = [
        (3_000, 0, &|i| {
            artifact(format!("n{:06}", 99_999 - i), 1, 1, "heap".to_owned())
        }),
        (3_000, 0, &|i| {
            artifact("n".to_owned(), 1, 99_999 - i, "heap".to_owned())
        }),
        (3_000, 2_000, &|i| artifact("n".to_owned(), 1, 1, format!("a{i}"))),
    ];
    for (count, damaged, each) in kinds {
        let tar = [member(b"manifest.jsonl", b'0', lines(count, each)).bytes(), end()].concat();
        let contents = Contents::bytes(Path::new("x.tar"), tar, Limit::Proportional, Want::Everything);
        let record = contents.record().expect("a bundle");
        assert_eq!(record.journal.lines, count as u64 + 1);
        // What no bundle holds is damaged, not folded up for minutes.
        assert_eq!(record.journal.damaged.len(), damaged);
        assert_eq!(record.artifacts().count(), count - damaged);
        assert!(record.artifacts().all(|a| record.artifact(&a.slot).is_some()));
    }
}

/// Numbers at the edge of what a manifest can hold.
#[test]
fn numbers_at_the_edge() {
    let time = |n: u32| format!("{}-11-24T02:38:00Z", 2000 + n);
    let asked = r#""asked":{"nodes":["n"],"every":["heap"],"snapshots":4294967295,"interval_ms":9223372036854775806}"#;
    let mut text = String::new();
    for _ in 0..2 {
        text += &format!(
            r#"{{"at":"{}","event":"started","schema":2,"tool":"t",{asked}}}"#,
            time(0)
        );
        text.push('\n');
    }
    for (n, number) in [4_294_967_294_u32, 4_294_967_295, 0].into_iter().enumerate() {
        let taken = time(n as u32);
        let of = format!(r#""node":"n","run":4294967295,"snapshot":{{"number":{number},"taken":"{taken}"}}"#);
        text += &format!(r#"{{"at":"{taken}","event":"snapshot",{of}}}"#);
        text += &format!("\n{{\"at\":\"{taken}\",\"event\":\"artifact\",{of},\"artifact\":\"heap\",\"path\":\"a\",");
        text += "\"bytes\":18446744073709551615,\"sha256\":\"00\"}\n";
    }
    let dir = tempfile::tempdir().expect("a folder");
    for merged in [true, false] {
        let text = if merged {
            text.as_str()
        } else {
            text.split_once('\n').expect("lines").1
        };
        let tar = [member(b"manifest.jsonl", b'0', text).bytes(), file("a"), end()].concat();
        let path = dir.path().join("x.tar");
        fs::write(&path, tar).expect("room");
        let path = path.display().to_string();
        for command in ["verify", "ls"] {
            let answer = run(&["bundle", command, &path]);
            assert!(
                matches!(answer.code, 0 | 1) && answer.stderr.is_empty(),
                "{}",
                answer.stderr
            );
        }
    }
}
