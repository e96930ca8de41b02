//! Goroutine dumps: real ones (`fixtures/gotext`, `fixtures/goroutines`) and every odd line that a dump can have.

use std::path::Path;

use kubeprof::model::{LabelKind, LocationId, Profile};
use kubeprof::pprof::goroutines::{self, GoroutineDump, Truncation, label};

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn dump(data: &[u8]) -> GoroutineDump {
    goroutines::parse(data).expect("a dump")
}

/// A dump in a fixed wording, one line per fact.
fn words(d: &GoroutineDump) -> String {
    let mut out = String::new();
    for g in &d.goroutines {
        out += &format!("{} [{}]", g.id, d.text(g.state));
        if let Some(m) = g.wait_minutes {
            out += &format!(" {m}m");
        }
        for (set, word) in [
            (g.leaked, " leaked"),
            (g.scan, " scan"),
            (g.durable, " durable"),
            (g.locked_to_thread, " locked"),
            (g.stack_unavailable, " unavailable"),
            (g.cut, " cut"),
        ] {
            out += if set { word } else { "" };
        }
        for (k, v) in d.labels(g) {
            out += &format!(" {:?}={:?}", d.text(*k), d.text(*v));
        }
        out.push('\n');
        for (i, f) in d.frames(g).iter().enumerate() {
            if let Some(gap) = g.gap.filter(|gap| gap.after as usize == i) {
                out += &format!("  gap {:?}\n", gap.elided);
            }
            out += &format!(
                "  {}({}) {}:{} +{:#x}",
                d.text(f.function),
                d.text(f.args),
                d.text(f.file),
                f.line,
                f.offset
            );
            out += if f.inlined { " inlined" } else { "" };
            if f.pc != 0 {
                out += &format!(" pc={:#x}", f.pc);
            }
            out.push('\n');
        }
        if let Some(gap) = g.gap.filter(|gap| gap.after as usize == d.frames(g).len()) {
            out += &format!("  gap {:?}\n", gap.elided);
        }
        if let Some(c) = &g.created_by {
            out += &format!(
                "  by {} {}:{} in {:?}\n",
                d.text(c.function),
                d.text(c.file),
                c.line,
                c.parent
            );
        }
        for a in d.ancestors(g) {
            out += &format!("  from {}\n", a.id);
            for f in d.ancestor_frames(a) {
                out += &format!("    {} {}:{}\n", d.text(f.function), d.text(f.file), f.line);
            }
            if let Some(c) = &a.created_by {
                out += &format!("    by {}\n", d.text(c.function));
            }
        }
    }
    out
}

#[test]
fn dumps_say_what_they_said() {
    for name in [
        "goroutines/odd.txt",
        "goroutines/go1.16-dump.txt",
        "goroutines/go1.27-dump.txt",
        "goroutines/go1.27-panic.txt",
        "gotext/goroutine.debug2.txt",
        "gotext/leaked.debug2.txt",
    ] {
        let d = dump(&fixture(name));
        let s = d.skipped;
        let have = format!(
            "{}cause {:?}, truncated {:?}, skipped {} + {} lines\n",
            words(&d),
            d.facts.crash.as_ref().map(|c| &c.message),
            d.truncated,
            s.preamble_lines,
            s.other_lines
        );
        let golden = format!("{name}.expected");
        if std::env::var_os("KUBEPROF_BLESS").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(&golden);
            std::fs::write(path, &have).unwrap();
        }
        let want = String::from_utf8(fixture(&golden)).unwrap();
        if let Some((h, w)) = have.lines().zip(want.lines()).find(|(h, w)| h != w) {
            panic!("{name}:\nhave {h}\nwant {w}");
        }
        assert_eq!(have, want, "{name}");
    }
}

#[test]
fn a_dump_cut_anywhere_is_read_as_far_as_it_goes() {
    for name in ["goroutines/odd.txt", "goroutines/go1.27-dump.txt"] {
        let data = fixture(name);
        let whole = dump(&data);
        let start = whole.goroutines[0].offset as usize;
        let first_line = start + data[start..].iter().position(|&b| b == b'\n').unwrap() + 1;
        // Every cut of the first stacks, then one of seven: a prime, so that each shape of line is cut everywhere.
        let cuts = (0..data.len()).filter(|cut| *cut < 2000 || cut % 7 == 0);
        for cut in cuts {
            let Some(part) = goroutines::parse(&data[..cut]) else {
                assert!(cut < first_line, "{name} cut at {cut}");
                continue;
            };
            assert!(part.goroutines.len() <= whole.goroutines.len());
            if data[cut - 1] != b'\n' {
                // Behind the offset of a place its line is whole, whatever may be missing behind that.
                let line = data[..cut].rsplit(|&b| b == b'\n').next().unwrap().trim_ascii_end();
                let word = line.rsplit(|&b| b == b' ').next().unwrap();
                let place = line.windows(4).any(|w| w == b" +0x")
                    && [&b"+0x"[..], b"fp=0x", b"sp=0x", b"pc=0x"]
                        .iter()
                        .any(|s| word.strip_prefix(*s).is_some_and(|hex| !hex.is_empty()));
                let want = [Truncation::Cut, Truncation::NoLineEnd][usize::from(place)];
                assert_eq!(part.truncated, Some(want), "{name} cut at {cut}");
            }
            for (i, (p, w)) in part.goroutines.iter().zip(&whole.goroutines).enumerate() {
                let (pf, wf) = (part.frames(p), whole.frames(w));
                let last = i + 1 == part.goroutines.len();
                assert!(
                    pf.len() == wf.len() || last && pf.len() < wf.len(),
                    "{name} cut at {cut}"
                );
                // The last frame may lack its place, but no frame is another.
                for (a, b) in pf.iter().zip(wf) {
                    assert_eq!(part.text(a.function), whole.text(b.function), "{name} cut at {cut}");
                    assert!(a.line == b.line || last && a.line == 0, "{name} cut at {cut}");
                }
            }
        }
    }
}

#[test]
fn prefixes_of_loggers_are_taken_off() {
    let data = fixture("goroutines/go1.27-dump.txt");
    let plain = dump(&data);
    let text = String::from_utf8(data).unwrap();
    let journal: String = (text.lines().enumerate().filter(|(_, l)| !l.is_empty()))
        .map(|(i, l)| format!("Nov 23 18:47:{:02} worker-3 kubelet[1234]: {l}\n", i % 60))
        .collect();
    let container: String = text
        .lines()
        .map(|l| format!("2026-11-23T18:47:47.123456789Z stderr F {l}\n"))
        .collect();
    for logged in [journal, container] {
        let mixed = logged.replacen('\n', "\nanother unit's line\n", 3);
        assert_eq!(words(&dump(mixed.as_bytes())), words(&plain));
    }
}

#[test]
fn dumps_of_64_mib_are_cut_by_the_runtime() {
    // Numbers of one length, so that all have one size.
    // Long names, so that there are fewer lines.
    let one = format!(
        "goroutine 1000000 [select, 5 minutes]:\nk8s.io/kubernetes/pkg/kubelet.(*Kubelet).{}(0xc0, {{0x1, 0x2}})\n\
         \tk8s.io/kubernetes/pkg/kubelet/kubelet.go:2400 +0x4a5\ncreated by main.main in goroutine 1\n\tmain.go:3 +0x1\n\n",
        "syncLoopIteration".repeat(400)
    );
    let size = 64 << 20;
    let numbered = |i: usize| one.replacen("1000000", &(1_000_000 + i).to_string(), 1);
    let mut data = (0..=size / one.len()).map(numbered).collect::<String>().into_bytes();
    data.truncate(size);
    let start = std::time::Instant::now();
    let d = dump(&data);
    eprintln!("64 MiB, {} goroutines: {:?}", d.goroutines.len(), start.elapsed());
    assert_eq!(d.truncated, Some(Truncation::RuntimeLimit));
    assert_eq!(d.goroutines.len(), size.div_ceil(one.len()));
    assert_eq!(
        d.to_profile().samples.len(),
        if d.goroutines.last().unwrap().created_by.is_some() {
            1
        } else {
            2
        }
    );
    data.pop();
    assert_eq!(dump(&data).truncated, Some(Truncation::Cut));
}

fn labels(p: &Profile, sample: usize) -> Vec<String> {
    let mut out: Vec<String> = (p.samples.labels(sample).iter())
        .map(|l| match l.kind() {
            LabelKind::Number => format!("{}={} {}", p.text(l.key), l.number, p.text(l.unit)),
            _ => format!("{}={}", p.text(l.key), p.text(l.text)),
        })
        .collect();
    out.sort();
    out
}

/// Function and line of every frame, leaf first, `+` between frames of one location.
fn stack(p: &Profile, sample: usize) -> Vec<String> {
    let text = |l: &LocationId| {
        let lines = p.lines_of(*l).iter();
        let names: Vec<String> = lines
            .map(|l| format!("{}:{}", p.function_name(l.function), l.line))
            .collect();
        names.join(" + ")
    };
    p.stack(p.samples.stack(sample)).iter().map(text).collect()
}

#[test]
fn a_dump_becomes_a_profile() {
    let d = dump(&fixture("gotext/leaked.debug2.txt"));
    let p = d.to_profile();
    p.check().unwrap();
    assert_eq!(p.sample_type(0), ("goroutine", "count"));
    let total: i64 = (0..p.samples.len()).map(|i| p.samples.values(i)[0]).sum();
    assert_eq!(total, d.goroutines.len() as i64);
    let three = (0..p.samples.len())
        .find(|&i| p.samples.values(i)[0] == 3)
        .expect("three equal workers");
    assert_eq!(
        labels(&p, three),
        [
            "created_at=example.com/pairs/main.go:110",
            "created_by=main.main",
            "leaked=yes",
            "state=chan receive"
        ]
    );
    assert_eq!(stack(&p, three), ["main.park:44 + main.wait:45 + main.worker:48"]);
    let labelled = (0..p.samples.len())
        .find(|&i| labels(&p, i).iter().any(|l| l.starts_with("pod=")))
        .unwrap();
    assert!(labels(&p, labelled).contains(&"pod=kube-system/dns".to_owned()));
    let locked: Vec<usize> = (0..p.samples.len())
        .filter(|&i| labels(&p, i).contains(&format!("{}=yes", label::LOCKED)))
        .collect();
    assert_eq!(locked.len(), 1);

    let p = dump(&fixture("goroutines/odd.txt")).to_profile();
    p.check().unwrap();
    assert_eq!(
        stack(&p, 1),
        [
            "example.com/p.Map[...]:3",
            "[frames elided]:0",
            "type:.eq.struct { F uintptr }:9"
        ]
    );
    assert!(labels(&p, 1).contains(&"wait_minutes=12 minutes".to_owned()));
    assert_eq!(stack(&p, 2), ["[stack unavailable]:0"]);
    assert_eq!(
        stack(&p, 3),
        ["", "c_function:7", "", "main.call:30", "[frames elided]:0"]
    );
}

/// The protobuf of the same moment has the same stacks, apart from the runtime's frames, which a dump hides.
#[test]
fn a_dump_agrees_with_the_protobuf() {
    let bytes = kubeprof::pprof::inflate(&fixture("gotext/goroutine.pb.gz"), kubeprof::pprof::Limit::Proportional)
        .unwrap()
        .into_owned();
    let (proto, _) = kubeprof::pprof::decode(&bytes).unwrap();
    let dump = dump(&fixture("gotext/goroutine.debug2.txt")).to_profile();
    let stacks = |p: &Profile| {
        let mut out: Vec<(Vec<String>, i64)> = (0..p.samples.len())
            .map(|i| {
                let mut frames = stack(p, i);
                frames.retain(|f| !f.starts_with("runtime."));
                (frames, p.samples.values(i)[0])
            })
            // The goroutine that writes is elsewhere when it writes the next.
            .filter(|(frames, _)| !frames.iter().any(|f| f.starts_with("main.main:")))
            .collect();
        out.sort();
        out
    };
    assert_eq!(stacks(&dump), stacks(&proto));
}

#[test]
fn what_is_no_dump() {
    for data in [
        "",
        "goroutine profile: total 1\n1 @ 0x1\n",
        "a log\nabout goroutine 7 [running]: it hangs\n",
    ] {
        assert!(goroutines::parse(data.as_bytes()).is_none(), "{data:?}");
    }
}
