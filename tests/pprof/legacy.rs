//! The legacy formats, read from small files of our own: what the tables hold afterwards, in the words of `raw`.
//!
//! `KUBEPROF_LEGACY_DIR=FOLDER cargo test --test integration pprof::legacy` also reads every `FILE` of that folder that has a `FILE.string`
//! beside it and compares, for instance with the inputs and outputs of google/pprof's own tests.

use std::fmt::Write as _;
use std::path::Path;

use kubeprof::model::{LabelKind, Profile};
use kubeprof::pprof::legacy;

/// The tables as text, in the layout of `go tool pprof -raw`.
fn raw(p: &Profile) -> String {
    let mut out = String::new();
    if let Some(t) = p.period_type {
        writeln!(out, "PeriodType: {} {}", p.text(t.kind), p.text(t.unit)).unwrap();
    }
    writeln!(out, "Period: {}", p.period).unwrap();
    if p.duration_nanos != 0 {
        writeln!(out, "Duration: {}", duration(p.duration_nanos)).unwrap();
    }
    let types: Vec<String> = (0..p.sample_types.len())
        .map(|i| format!("{}/{}", p.sample_type(i).0, p.sample_type(i).1))
        .collect();
    writeln!(out, "Samples:\n{}", types.join(" ")).unwrap();
    for i in 0..p.samples.len() {
        for v in p.samples.values(i) {
            write!(out, " {v:10}").unwrap();
        }
        out.push_str(": ");
        for l in p.stack(p.samples.stack(i)) {
            write!(out, "{} ", p.location(*l).id).unwrap();
        }
        out.push('\n');
        for l in p.samples.labels(i) {
            assert_ne!(l.kind(), LabelKind::Text, "legacy formats have numbers only");
            writeln!(out, "                {}:[{}]", p.text(l.key), l.number).unwrap();
        }
    }
    out.push_str("Locations\n");
    for (i, l) in p.locations.iter().enumerate() {
        write!(out, "{:6}: {:#x} ", l.id, l.address).unwrap();
        if let Some(m) = l.mapping {
            write!(out, "M={} ", p.mappings[m.index()].id).unwrap();
        }
        for line in p.lines_of(kubeprof::model::LocationId::new(i)) {
            let f = p.function(line.function);
            let (name, file) = (p.text(f.name), p.text(f.filename));
            write!(out, "{name} {file}:{}:{} s={}", line.line, line.column, f.start_line).unwrap();
        }
        out.push('\n');
    }
    out.push_str("Mappings\n");
    for m in &p.mappings {
        let (file, id) = (p.text(m.file), p.text(m.build_id));
        writeln!(
            out,
            "{}: {:#x}/{:#x}/{:#x} {file} {id} ",
            m.id, m.start, m.limit, m.offset
        )
        .unwrap();
    }
    out
}

/// Four characters of Go's wording of a duration.
fn duration(nanos: i64) -> String {
    let s = nanos / 1_000_000_000;
    let full = match s {
        3600.. => format!("{}h{}m{}s", s / 3600, s / 60 % 60, s % 60),
        60.. => format!("{}m{}s", s / 60, s % 60),
        _ => format!("{}s", nanos as f64 / 1e9),
    };
    full.chars().take(4).collect()
}

#[test]
fn a_folder_of_known_answers() {
    let Some(folder) = std::env::var_os("KUBEPROF_LEGACY_DIR") else {
        return;
    };
    let mut compared = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let want = format!("{}.string", path.display());
        if !Path::new(&want).exists() {
            continue;
        }
        let want = std::fs::read_to_string(want).unwrap();
        let profile = legacy::parse(&std::fs::read(&path).unwrap())
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
            .unwrap_or_else(|| panic!("{}: not recognised", path.display()));
        profile.check().unwrap();
        let have = raw(&profile);
        if let Some((h, w)) = have.lines().zip(want.lines()).find(|(h, w)| h != w) {
            panic!("{}:\nhave {h:?}\nwant {w:?}", path.display());
        }
        assert_eq!(have.lines().count(), want.lines().count(), "{}", path.display());
        compared += 1;
    }
    assert!(compared > 0, "nothing to compare in {}", folder.display());
}

fn read(data: &[u8]) -> Profile {
    let profile = legacy::parse(data).unwrap().expect("recognised");
    profile.check().unwrap();
    profile
}

fn frames(p: &Profile) -> (&str, &str) {
    (p.text(p.drop_frames), p.text(p.keep_frames))
}

/// Words of 4 or 8 bytes in either order.
fn words(size: usize, big: bool, values: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    for v in values {
        let bytes = v.to_be_bytes();
        let mut word = bytes[8 - size..].to_vec();
        if !big {
            word.reverse();
        }
        out.extend(word);
    }
    out
}

#[test]
fn cpu_in_all_four_layouts() {
    for (size, big) in [(4, false), (4, true), (8, false), (8, true)] {
        let mut data = words(size, big, &[0, 3, 0, 10_000, 0]);
        // The frame 0x7001 belongs to the signal handler: it is above every leaf.
        data.extend(words(size, big, &[3, 4, 0x1000, 0x7001, 0x2001, 0x3001]));
        data.extend(words(size, big, &[2, 3, 0x1500, 0x7001, 0x3001]));
        // The leaf stands twice.
        data.extend(words(size, big, &[1, 4, 0x2500, 0x7001, 0x2500, 0x3001]));
        data.extend(words(size, big, &[0, 1, 0]));
        data.extend(b"00001000-00002800: /bin/kubelet\n");
        let p = read(&data);
        assert_eq!(
            raw(&p),
            "PeriodType: cpu nanoseconds\nPeriod: 10000000\nSamples:\nsamples/count cpu/nanoseconds\n\
             \x20         3   30000000: 1 2 3 \n          2   20000000: 4 3 \n          1   10000000: 5 3 \n\
             Locations\n     1: 0x1000 M=1 \n     2: 0x2000 M=1 \n     3: 0x3000 M=2 \n     4: 0x1500 M=1 \n\
             \x20    5: 0x2500 M=1 \n     6: 0x24ff M=1 \nMappings\n1: 0x1000/0x2800/0x0 /bin/kubelet  \n\
             2: 0x0/0xffffffffffffffff/0x0   \n",
            "{size} {big}"
        );
        assert!(frames(&p).0.starts_with("ProfileData::Add|"));
    }
}

#[test]
fn heap_is_unsampled_and_keeps_the_object_size() {
    let p = read(
        b"heap profile: 3: 3072 [5: 5120] @ heap/1048576\n2: 2048 [4: 4096] @ 0x1001 0x2001\n# a comment\n\n\
          0: 0 [1: 1024] @ 0x1001 0x3001\n1: 1048576 [1: 1048576] @\n",
    );
    assert_eq!(
        raw(&p),
        "PeriodType: space bytes\nPeriod: 524288\nSamples:\n\
         alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes\n\
         \x20      2050    2099200       1025    1049600: 1 2 \n                bytes:[1024]\n\
         \x20       512     524800          0          0: 1 3 \n                bytes:[1024]\n\
         \x20         1    1212696          1    1212696: \n                bytes:[1048576]\n\
         Locations\n     1: 0x1000 M=1 \n     2: 0x2000 M=1 \n     3: 0x3000 M=1 \nMappings\n\
         1: 0x0/0xffffffffffffffff/0x0   \n"
    );
    let (drop, keep) = frames(&p);
    assert!(
        drop.contains(r"|runtime\..*|") && keep.starts_with(r"runtime\.panic|"),
        "{drop} {keep}"
    );
}

#[test]
fn heap_without_allocations_and_growth_have_two_values() {
    for (header, values) in [
        ("heap profile: 1: 100 [1: 100] @ heapprofile", "          1        100"),
        ("heap profile: 1: 100 [1: 100] @ growthz", "          1        100"),
        (
            "heap profile: 1: 100 [1: 100] @ heap_v2/524288",
            "       5243     524338",
        ),
    ] {
        let p = read(format!("{header}\n1: 100 [1: 100] @ 0x11\n").as_bytes());
        let text = raw(&p);
        assert!(
            text.contains(&format!("objects/count space/bytes\n{values}: 1 \n")),
            "{header}:\n{text}"
        );
    }
}

#[test]
fn counts_and_their_memory_map() {
    let p = read(
        b"# a comment first\nwidgets profile: total 3\n2 @ 0x401001 0x402001\n#\t0x401000\tmain.f+0x1\tmain.go:3\n\n\
          1 @ 0x402001\n--- other section ---\nnoise\n--- Memory map: ---\n\
          00400000-00500000 r-xp 00000000 08:01 12  /usr/bin/kubelet (deleted)\n",
    );
    assert_eq!(
        raw(&p),
        "PeriodType: widgets count\nPeriod: 1\nSamples:\nwidgets/count\n          2: 1 2 \n          1: 2 \n\
         Locations\n     1: 0x401000 M=1 \n     2: 0x402000 M=1 \nMappings\n\
         1: 0x400000/0x500000/0x0 /usr/bin/kubelet  \n"
    );
}

#[test]
fn contention_turns_cycles_into_nanoseconds() {
    let p = read(
        b"--- mutex:\ncycles/second=2000000000\nsampling period=5\nms since reset=61000\n\
          3000 2 @ 0x401001 0x402001\n#\t0x401000\tsync.(*Mutex).Unlock+0x1\tmutex.go:3\n",
    );
    assert_eq!(
        raw(&p),
        "PeriodType: contentions count\nPeriod: 5\nDuration: 1m1s\nSamples:\ncontentions/count delay/nanoseconds\n\
         \x20        10       7500: 1 2 \nLocations\n     1: 0x401000 M=1 \n     2: 0x402000 M=1 \nMappings\n\
         1: 0x0/0xffffffffffffffff/0x0   \n"
    );
    let (drop, _) = frames(&p);
    assert!(drop.contains("|(base::Mutex::)?Unlock.*|") && drop.ends_with("|(SpinLockHolder::)?~SpinLockHolder.*"));
}

#[test]
fn threads_that_are_the_same_are_counted() {
    let p = read(
        b"--- threadz 1 ---\n\n--- Thread 7f00 (name: main/12) stack: ---\n  PC: 0x401000 f\n  0x402001 g\n\
          --- Thread 7f01 (name: w/13) stack: ---\n  [same as previous thread]\n\
          --- Thread 7f02 (name: w/14) stack: ---\n  0x403000\n  creator: 0x402001\n--- Memory map: ---\n",
    );
    assert_eq!(
        raw(&p),
        "PeriodType: thread count\nPeriod: 1\nSamples:\nthread/count\n          2: 1 2 \n          1: 3 2 \n\
         Locations\n     1: 0x401000 M=1 \n     2: 0x402000 M=1 \n     3: 0x403000 M=1 \nMappings\n\
         1: 0x0/0xffffffffffffffff/0x0   \n"
    );
}

#[test]
fn java_names_stand_behind_the_samples() {
    let p = read(
        b"--- heapz 1 ---\nformat = java\nresolution = bytes\n\n   2048     2 @ 0x3 0x4 0x5 0x6\n\n\
          0x3 a.B.c (B.java:7)\n0x4 lib_fn (/usr/lib/libx.so)\n0x5 generated stub/JIT\n0x9 unused (U.java:1)\n",
    );
    assert_eq!(
        raw(&p),
        "PeriodType:  \nPeriod: 0\nSamples:\ninuse_objects/count inuse_space/bytes\n\
         \x20      1025    1049600: 1 2 3 4 \n                bytes:[1024]\n\
         Locations\n     1: 0x0 a.B.c B.java:7:0 s=0\n     2: 0x0 lib_fn libx.so:0:0 s=0\n     3: 0x0 STUB :0:0 s=0\n\
         \x20    4: 0x0 M=1 \nMappings\n1: 0x0/0xffffffffffffffff/0x0   \n"
    );
    assert_eq!(p.functions.len(), 3);
    let p = read(
        b"--- contentionz 1 ---\nformat = java\nresolution = microseconds\nsampling period = 100\n 7 1 @ 0x1\n0x1 GC\n",
    );
    let text = raw(&p);
    assert!(
        text.contains("contentions/count delay/microseconds\n        100        700: 1 \n"),
        "{text}"
    );
}

#[test]
fn errors_name_the_byte() {
    for (data, want) in [
        (
            "x profile: total 1\n1 @ 0x1\nnonsense\n",
            "byte 27: count text profile: neither a sample nor a comment: \"nonsense\"",
        ),
        (
            "heap profile: 1: 1 [1: 1] @ heap/2\n0: 5 [1: 5] @ 0x1\n",
            "byte 35: heap text profile: no objects but 5 bytes",
        ),
        (
            "heap profile: 1: 1 [1: 1] @ heap/2\n1: 1 [1: 1] @ 0x12345678901234567\n",
            "byte 35: heap text profile: number out of range: \" 0x12345678901234567\"",
        ),
    ] {
        assert_eq!(legacy::parse(data.as_bytes()).unwrap_err().to_string(), want);
    }
    for data in [
        "",
        "\n",
        "x profile: total",
        "--- threadz 1 ---\n",
        "--- contention:\nformat = java\n",
    ] {
        assert!(legacy::parse(data.as_bytes()).unwrap().is_none(), "{data:?}");
    }
}
