//! Property tests of the readers of text and of legacy formats: whatever is done to a file, they give a checked profile,
//! a refusal or an error that names a byte; they never panic, and what they hold stays in proportion to the input.
//!
//! `tests/full.sh proptest` for more than the usual number of mutations.

use std::path::Path;
use std::sync::LazyLock;

use kubeprof::model::Profile;
use kubeprof::pprof::{Form, Limit, Remark, goroutines, gotext, legacy, mistakes, read};
use proptest::prelude::*;

/// Small examples of every format, to be damaged.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut seeds: Vec<Vec<u8>> = [
        "gotext/block.debug1.txt",
        "gotext/goroutine.debug1.txt",
        "gotext/goroutineleak.debug1.txt",
        "gotext/threadcreate.debug1.txt",
        "gotext/mutex.debug1.txt",
        "gotext/leaked.debug2.txt",
        "goroutines/odd.txt",
        "goroutines/go1.16-dump.txt",
    ]
    .iter()
    .map(|name| std::fs::read(fixtures.join(name)).unwrap_or_else(|e| panic!("{name}: {e}")))
    .collect();
    let mut heap = std::fs::read(fixtures.join("gotext/heap.debug1.txt")).expect("heap.debug1.txt");
    let trailer = heap.len() - 3000;
    heap.drain(3000..trailer);
    seeds.push(heap);
    for text in [
        "heap profile: 3: 3072 [5: 5120] @ heap_v2/524288\n2: 2048 [4: 4096] @ 0x1001 0x2001\nMAPPED_LIBRARIES:\n\
         build=/usr/bin/x\n00400000-00500000 r-xp 00001000 08:01 12  $build\n00500000-00600000: /lib/y.so (@100000) abc\n",
        "--- contentionz 1 ---\ncycles/second = 0x7735\nsampling period = 100\nms since reset = 12\n7 3 @ 0x1001 0x2001\n",
        "--- threadz 1 ---\n--- Thread 7f00 (name: main/12) stack: ---\n  PC: 0x401000 f\n  0x402001 g\n\
         --- Thread 7f01 (name: w/13) stack: ---\n  [same as previous thread]\n--- Memory map: ---\n1000-2000 r-xp 0 0:0 1 /x\n",
        "--- heapz 1 ---\nformat = java\nresolution = bytes\n 2048 2 @ 0x3 0x4\n0x3 a.B.c (B.java:7)\n0x4 lib (/x/y.so)\n",
        "--- contentionz 1 ---\nformat = java\nresolution = ms\nsampling period = 10\n 2048 2 @ 0x3\n0x3 GC\n",
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\r\n{\"kind\":\"Status\",\"code\":403,\"message\":\"m\"}",
        "<!DOCTYPE html><html><head><title>Sign in</title></head></html>",
        "apiVersion: v1\nkind: Pod\n",
        "# HELP a b\n# TYPE a gauge\na 1\n",
        "I1123 10:11:12.345678    7 a.go:1] x\n",
    ] {
        seeds.push(text.as_bytes().to_vec());
    }
    for (size, big) in [(4, false), (8, true)] {
        let mut cpu = Vec::new();
        for word in [
            0u64, 3, 0, 10_000, 0, 3, 3, 0x1000, 0x2001, 0x3001, 1, 1, 0x1000, 0, 1, 0,
        ] {
            let bytes = word.to_be_bytes();
            let mut word = bytes[8 - size..].to_vec();
            if !big {
                word.reverse();
            }
            cpu.extend(word);
        }
        cpu.extend_from_slice(b"1000-2000: /bin/x\n");
        seeds.push(cpu);
    }
    seeds
});

/// One way to damage a file.
#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Repeat(usize, usize, usize),
    Insert(usize, Vec<u8>),
    Number(usize, u64),
}

fn damage() -> impl Strategy<Value = Damage> {
    let words = prop::sample::select(vec![
        &b"0x"[..],
        b"0xffffffffffffffff ",
        b"99999999999999999999",
        b"-9223372036854775808",
        b"\n",
        b"\r\n",
        b"#\t",
        b"# labels: {\"",
        b" @ ",
        b"+0x0",
        b":1\n",
        b"goroutine 1 [",
        b"...9 frames elided...\n",
        b"[originating from goroutine 1]:\n",
        b"created by ",
        b"---",
        b"=$a$a$a",
        b"\\u12",
        b"\xff\xfe",
        b"\0",
    ]);
    prop_oneof![
        (any::<usize>(), 1u8..).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), 1usize..200).prop_map(|(at, n)| Damage::Remove(at, n)),
        (any::<usize>(), 1usize..200, 1usize..20).prop_map(|(at, n, times)| Damage::Repeat(at, n, times)),
        (any::<usize>(), words).prop_map(|(at, w)| Damage::Insert(at, w.to_vec())),
        (any::<usize>(), prop_oneof![Just(0), Just(u64::MAX), any::<u64>()]).prop_map(|(at, n)| Damage::Number(at, n)),
    ]
}

fn apply(data: &mut Vec<u8>, d: &Damage) {
    if data.is_empty() {
        return;
    }
    let at = |i: usize| i % data.len();
    match d {
        Damage::Flip(i, bit) => {
            let i = at(*i);
            data[i] ^= bit;
        }
        Damage::Cut(i) => data.truncate(at(*i)),
        Damage::Remove(i, n) => {
            let i = at(*i);
            data.drain(i..(i + n).min(data.len()));
        }
        Damage::Repeat(i, n, times) => {
            let i = at(*i);
            let piece = data[i..(i + n).min(data.len())].repeat(*times);
            data.splice(i..i, piece);
        }
        Damage::Insert(i, bytes) => {
            let i = at(*i);
            data.splice(i..i, bytes.iter().copied());
        }
        Damage::Number(i, n) => {
            // The next run of digits becomes another number.
            let i = at(*i);
            if let Some(from) = data[i..].iter().position(u8::is_ascii_digit).map(|p| p + i) {
                let len = data[from..].iter().take_while(|b| b.is_ascii_digit()).count();
                data.splice(from..from + len, n.to_string().into_bytes());
            }
        }
    }
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (0..SEEDS.len(), prop::collection::vec(damage(), 1..6)).prop_map(|(seed, damages)| {
        let mut data = SEEDS[seed].clone();
        for d in &damages {
            apply(&mut data, d);
        }
        data
    })
}

/// Rows and text that a profile holds, in bytes as far as that matters.
fn weight(p: &Profile) -> usize {
    p.strings.text_bytes()
        + 8 * (p.stacks.frame_count() + p.lines.len() + p.locations.len() + p.functions.len() + p.mappings.len())
        + 8 * p.samples.all_values().len()
        + 24 * p.samples.label_count()
}

fn try_all(data: &[u8]) {
    // Sample types, drop_frames and the like are always there.
    let most = 64 * data.len() + 10_000;
    let sound = |p: &Profile, what: &str| {
        p.check().unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(weight(p) <= most, "{what}: {} for {} bytes", weight(p), data.len());
    };
    match legacy::parse(data) {
        Ok(Some(p)) => sound(&p, "legacy"),
        Ok(None) => {}
        Err(e) => assert!(e.offset <= data.len() as u64, "{e}"),
    }
    match gotext::parse(data) {
        Ok(Some(t)) => sound(&t.profile, "gotext"),
        Ok(None) => {}
        Err(e) => assert!(e.offset <= data.len() as u64, "{e}"),
    }
    if let Some(d) = goroutines::parse(data) {
        let p = d.to_profile();
        sound(&p, "goroutines");
        let total: i64 = (0..p.samples.len()).map(|i| p.samples.values(i)[0]).sum();
        assert_eq!(total, d.goroutines.len() as i64);
        for g in &d.goroutines {
            let frames = d.frames(g).len();
            assert!(g.gap.is_none_or(|gap| gap.after as usize <= frames));
        }
    }
    if let Some(m) = mistakes::recognise(data) {
        assert!(!m.what().is_empty() && !m.remedy().is_empty());
    }
    for plain in [false, true] {
        if let Ok(r) = read(data, Limit::Proportional, plain) {
            sound(&r.profile, "read");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn damaged_files(data in damaged()) {
        try_all(&data);
    }

    #[test]
    fn any_bytes(data in prop::collection::vec(any::<u8>(), 0..2000)) {
        try_all(&data);
    }

    /// Lines of one format in the wrong order and in other formats.
    #[test]
    fn shuffled_lines(picks in prop::collection::vec((0..SEEDS.len(), any::<usize>()), 1..40)) {
        let mut data = Vec::new();
        for (seed, line) in picks {
            let lines: Vec<&[u8]> = SEEDS[seed].split_inclusive(|&b| b == b'\n').collect();
            data.extend_from_slice(lines[line % lines.len()]);
        }
        try_all(&data);
    }
}

/// 500 unless the environment says otherwise; 100,000 in `tests/full.sh`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(500)
}

#[test]
fn the_seeds_are_what_they_seem() {
    let known = SEEDS
        .iter()
        .filter(|s| read(s, Limit::Proportional, false).is_ok())
        .count();
    let mistakes = SEEDS.iter().filter(|s| mistakes::recognise(s).is_some()).count();
    assert_eq!(known + mistakes, SEEDS.len());
    assert_eq!(mistakes, 5);
}

/// Work that is in proportion to the input: with a reader that is careless about these, the test does not end.
#[test]
fn hard_cases_are_linear() {
    let mut maps = String::from("x profile: total 1\n");
    for i in 0..20_000u64 {
        maps += &format!("1 @ {:#x}\n", i * 4096 + 5);
    }
    maps += "--- Memory map: ---\n";
    for i in 0..20_000u64 {
        // Overlapping, each with a stretch in front that it may claim.
        maps += &format!(
            "{:x}-{:x} r-xp {:x} 00:00 1 /f{i}\n",
            i * 64 + 4096,
            u64::MAX - i,
            i * 64
        );
    }
    let variables = format!(
        "x profile: total 1\n--- Memory map: ---\n{}{}",
        (0..64)
            .map(|i| format!("v{i}={}\n", "y".repeat(500)))
            .collect::<String>(),
        "1-2 $v1$v2$v3\n".repeat(20_000)
    );
    let one_line = format!("goroutine profile: total 1\n1 @{}\n", " 0x7fff1234".repeat(100_000));
    let symbols = format!(
        "goroutine profile: total 1\n1 @{}\n{}",
        " 0x7fff1234".repeat(50_000),
        "#\t0x1\tf+0x1\tx:1\n".repeat(50_000)
    );
    let deep = format!("goroutine 1 [running]:\n{}", "f(0x1)\n\tx.go:1 +0x1\n".repeat(50_000));
    let brackets = format!("goroutine 1 [running]:\n{}\n", "f(".repeat(500_000));
    let headers = "goroutine 1 [".repeat(100_000);
    let json = format!("{{\"kind\":{}", "[".repeat(500_000));
    let spaces = format!("heap profile:{}1", " ".repeat(500_000));
    let samples = format!("heap profile: 1: 1 [1: 1] @ heap/2\n{}", "1: ".repeat(100_000));
    for data in [
        maps, variables, one_line, symbols, deep, brackets, headers, json, spaces, samples,
    ] {
        try_all(data.as_bytes());
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn forms_are_told_apart_and_what_they_lack_is_said() {
    let seen = |data: Vec<u8>, plain: bool| {
        let r = read(data, Limit::Proportional, plain).unwrap_or_else(|e| panic!("{e}"));
        (r.form, r.remarks)
    };
    let text = fixture("gotext/goroutine.debug1.txt");
    assert_eq!(
        seen(text.clone(), false),
        (Form::GoText, vec![Remark::UnnamedRuntimeFrames(19)])
    );
    assert_eq!(seen(text.clone(), true), (Form::Legacy, vec![]));
    let (form, remarks) = seen(text[..text.len() / 2].to_vec(), false);
    assert_eq!((form, remarks[0]), (Form::GoText, Remark::TextTruncated));
    assert_eq!(
        seen(fixture("gotext/heap.debug1.txt"), false),
        (Form::GoText, vec![Remark::HeapOrAllocs])
    );
    assert_eq!(seen(fixture("gotext/heap.pb.gz"), false), (Form::Proto, vec![]));

    let dump = fixture("goroutines/odd.txt");
    let remarks = vec![
        Remark::ElidedFrames(2),
        Remark::NoStack(1),
        Remark::SkippedLines(7),
        Remark::Leaked(1, 6),
    ];
    assert_eq!(seen(dump.clone(), false), (Form::GoroutineDump, remarks));
    assert!(
        read(dump.clone(), Limit::Proportional, true).is_err(),
        "pprof does not read dumps"
    );
    let (_, remarks) = seen(dump[..dump.len() / 2].to_vec(), false);
    assert_eq!(remarks[0], Remark::DumpTruncated(goroutines::Truncation::Cut));

    let mut saved = b"HTTP/2 200 \r\ncontent-type: application/octet-stream\r\n\r\n".to_vec();
    saved.extend(fixture("gotext/heap.pb.gz"));
    assert_eq!(seen(saved.clone(), false), (Form::Proto, vec![Remark::HttpHeaders]));
    assert!(
        read(saved, Limit::Proportional, true).is_err(),
        "pprof does not skip headers"
    );
}
