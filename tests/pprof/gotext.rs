//! `debug=1` texts against the protobuf of the same process at the same moment: `fixtures/gotext/NAME.debug1.txt` and
//! `NAME.pb.gz` (made by `fixtures/gotext/pairs.go`).
//!
//! `KUBEPROF_PAIRS_DIR=FOLDER cargo test --test integration pprof::gotext` does the same with all pairs below that folder, for instance of
//! other Go versions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kubeprof::model::{LabelKind, LocationId, Profile};
use kubeprof::pprof::gotext::{self, GoText, GoTextKind};
use kubeprof::pprof::{Limit, Remark, decode, inflate, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gotext").join(name)
}

fn text(path: &Path) -> GoText {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let text = gotext::parse(&inflate(&bytes, Limit::Proportional).unwrap())
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .unwrap_or_else(|| panic!("{}: not recognised", path.display()));
    text.profile.check().unwrap();
    text
}

fn proto(path: &Path) -> Profile {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    decode(&inflate(&bytes, Limit::Proportional).unwrap()).unwrap().0
}

/// Type arguments as texts print them.
fn printed(name: &str) -> String {
    let (mut out, mut depth) = (String::new(), 0);
    for c in name.chars() {
        match c {
            '[' => depth += 1,
            ']' => {
                depth -= 1;
                if depth == 0 {
                    out.push_str("[...]");
                }
            }
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

fn types(p: &Profile) -> Vec<String> {
    let text = |t: kubeprof::model::ValueType| format!("{}/{}", p.text(t.kind), p.text(t.unit));
    let mut out: Vec<String> = p.sample_types.iter().map(|&t| text(t)).collect();
    out.push(format!("{} {}", text(p.period_type.unwrap()), p.period));
    out
}

fn location(p: &Profile, l: LocationId) -> String {
    let mut out = format!("{:#x}", p.location(l).address);
    for line in p.lines_of(l) {
        let f = p.function(line.function);
        if !f.name.is_empty() {
            out += &format!(" {} {}:{}", printed(p.text(f.name)), p.text(f.filename), line.line);
        }
    }
    out
}

/// A sample: values, labels, frames.
type Sample = (Vec<i64>, Vec<String>, Vec<String>);

fn samples(p: &Profile) -> Vec<Sample> {
    (0..p.samples.len())
        .map(|i| {
            let mut labels: Vec<String> = (p.samples.labels(i).iter())
                .map(|l| match l.kind() {
                    LabelKind::Number => format!("{}={}", p.text(l.key), l.number),
                    _ => format!("{}={:?}", p.text(l.key), p.text(l.text)),
                })
                .collect();
            labels.sort();
            let stack = p.stack(p.samples.stack(i)).iter().map(|&l| location(p, l)).collect();
            (p.samples.values(i).to_vec(), labels, stack)
        })
        .collect()
}

/// What the text cannot say is not compared: names of hidden frames, and records of which nothing is known yet.
fn agree(name: &str, text: &GoText, proto: &Profile) {
    assert_eq!(types(&text.profile), types(proto), "{name}");
    assert!(text.profile.default_sample_type.is_empty());
    let heap = text.kind == GoTextKind::Heap;
    let (mut have, mut want) = (samples(&text.profile), samples(proto));
    if heap {
        // Records of allocations that no garbage collection has seen yet are empty, and new ones come at any time.
        have.retain(|s| s.0.iter().any(|&v| v != 0));
        want.retain(|s| s.0.iter().any(|&v| v != 0));
        // The text is ordered by the bytes in use.
        have.sort();
        want.sort();
    }
    assert_eq!(have.len(), want.len(), "{name}: samples");
    let mut unnamed = 0;
    for (h, w) in have.iter().zip(&want) {
        assert_eq!((&h.0, &h.1), (&w.0, &w.1), "{name}: {w:#?}");
        assert_eq!(h.2.len(), w.2.len(), "{name}: frames of {h:#?} {w:#?}");
        for (hf, wf) in h.2.iter().zip(&w.2) {
            if hf.contains(' ') || heap {
                assert_eq!(hf, wf, "{name}: {h:#?} {w:#?}");
            } else {
                let (address, rest) = wf.split_once(' ').unwrap_or((wf, ""));
                assert_eq!(hf, address, "{name}");
                assert!(
                    rest.is_empty() || rest.starts_with("runtime.") || rest.starts_with("internal/runtime/"),
                    "{wf}"
                );
                // Padding of thread stacks is no frame of anything.
                unnamed += u64::from(hf != "0xffffffffffffffff");
            }
        }
    }
    assert_eq!(unnamed, text.notes.unnamed_runtime_frames, "{name}");
    assert!(!text.notes.truncated, "{name}");
}

const KINDS: [&str; 7] = [
    "heap",
    "allocs",
    "goroutine",
    "goroutineleak",
    "threadcreate",
    "block",
    "mutex",
];

#[test]
fn every_kind_agrees_with_its_protobuf() {
    for kind in KINDS {
        let text = text(&fixture(&format!("{kind}.debug1.txt")));
        agree(kind, &text, &proto(&fixture(&format!("{kind}.pb.gz"))));
    }
}

#[test]
fn a_folder_of_pairs() {
    let Some(folder) = std::env::var_os("KUBEPROF_PAIRS_DIR") else {
        return;
    };
    let (mut folders, mut pairs) = (vec![PathBuf::from(folder)], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(stem) = name.strip_suffix(".debug1.txt") {
                agree(&name, &text(&path), &proto(Path::new(&format!("{stem}.pb.gz"))));
                pairs += 1;
            }
        }
    }
    assert!(pairs > 0);
    eprintln!("{pairs} pairs agree");
}

#[test]
fn the_kinds_are_told_apart() {
    let count = |name: &str| GoTextKind::Count(name.to_owned());
    for (kind, want) in KINDS.into_iter().zip([
        GoTextKind::Heap,
        GoTextKind::Heap,
        count("goroutine"),
        count("goroutineleak"),
        count("threadcreate"),
        GoTextKind::Block,
        GoTextKind::Mutex,
    ]) {
        assert_eq!(text(&fixture(&format!("{kind}.debug1.txt"))).kind, want);
    }
}

#[test]
fn memory_statistics_are_kept() {
    let text = text(&fixture("heap.debug1.txt"));
    let stats: BTreeMap<&str, &str> = text
        .notes
        .mem_stats
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert!(stats["Alloc"].parse::<u64>().unwrap() > 100_000, "{stats:?}");
    assert_eq!(stats["DebugGC"], "false");
    assert!(stats["Stack"].contains(" / "), "{stats:?}");
    assert!(!stats.contains_key("PauseNs"));
}

#[test]
fn a_cut_text_is_read_as_far_as_it_goes() {
    for kind in ["heap", "goroutine"] {
        let bytes = std::fs::read(fixture(&format!("{kind}.debug1.txt"))).unwrap();
        let whole = gotext::parse(&bytes).unwrap().unwrap();
        assert!(!whole.notes.truncated);
        let all = samples(&whole.profile);
        for cut in (50..bytes.len() / 3).step_by(7) {
            let Some(part) = gotext::parse(&bytes[..cut]).unwrap() else {
                continue;
            };
            assert!(part.notes.truncated, "{kind} cut at {cut}");
            let have = samples(&part.profile);
            assert!(have.len() < all.len());
            // All but the last sample are whole.
            for (h, w) in have.iter().zip(&all).take(have.len().saturating_sub(1)) {
                assert_eq!((&h.0, &h.1), (&w.0, &w.1), "{kind} cut at {cut}");
            }
        }
    }
}

/// What happens to such a text on its way, by name.
type Carrier = (&'static str, fn(&str) -> Vec<u8>);

const CARRIERS: &[Carrier] = &[
    ("tabs as blanks", |t| t.replace('\t', "        ").into_bytes()),
    ("tabs as two blanks", |t| t.replace('\t', "  ").into_bytes()),
    ("tabs as one blank", |t| t.replace('\t', " ").into_bytes()),
    ("marks taken for headings", |t| {
        t.replace("#\t", "\t").replace("# ", "").into_bytes()
    }),
    ("blanks and no marks", |t| {
        t.replace("#\t", "    ")
            .replace("# ", "")
            .replace('\t', "    ")
            .into_bytes()
    }),
    ("four blanks in front", |t| {
        t.lines().map(|l| format!("    {l}\n")).collect::<String>().into_bytes()
    }),
    ("a tab in front", |t| {
        t.lines().map(|l| format!("\t{l}\n")).collect::<String>().into_bytes()
    }),
    ("a sentence above", |t| {
        format!("here are the goroutines (it hangs):\n----\n{t}").into_bytes()
    }),
    ("a prompt", |t| {
        format!("$ curl -s localhost:10248/x\n{t}$ \n").into_bytes()
    }),
    ("a fence", |t| {
        format!("It grows:\n```\n{t}```\nany ideas?").into_bytes()
    }),
    ("progress of curl", |t| {
        let head = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n\
                    \r100  1234    0  1234    0     0   1234      0 --:--:-- --:--:-- --:--:--  1234\n";
        format!("{head}{t}").into_bytes()
    }),
    ("a quotation", |t| {
        t.lines()
            .map(|l| format!("> {l}").trim_end().to_owned() + "\n")
            .collect::<String>()
            .into_bytes()
    }),
    ("a log", |t| {
        t.lines()
            .map(|l| format!("2026-03-12T07:41:30.1Z stdout F {l}\n"))
            .collect::<String>()
            .into_bytes()
    }),
    ("a page", |t| {
        format!("<html><body><pre>{}</pre></body></html>", t.replace('"', "&#34;")).into_bytes()
    }),
    ("line ends of Windows", |t| t.replace('\n', "\r\n").into_bytes()),
    ("a mark at the start", |t| format!("\u{feff}{t}").into_bytes()),
    ("UTF-16", |t| {
        format!("\u{feff}{t}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect()
    }),
    ("broken at 100", |t| {
        let mut out = String::new();
        for line in t.lines().map(|l| l.replace('\t', "        ")) {
            let chars: Vec<char> = line.chars().collect();
            for piece in chars.chunks(100) {
                out += piece.iter().collect::<String>().trim_end();
                out += "\n";
            }
            if chars.is_empty() {
                out += "\n";
            }
        }
        out.into_bytes()
    }),
];

#[test]
fn what_was_done_to_a_text_on_its_way_is_undone() {
    for kind in KINDS {
        let path = fixture(&format!("{kind}.debug1.txt"));
        let plain = std::fs::read_to_string(&path).unwrap();
        let want = text(&path).profile;
        for (name, carry) in CARRIERS {
            let have =
                read(carry(&plain), Limit::Proportional, false).unwrap_or_else(|e| panic!("{kind}, {name}: {e}"));
            have.profile.check().unwrap();
            assert_eq!(types(&have.profile), types(&want), "{kind}, {name}");
            let (have, want) = (samples(&have.profile), samples(&want));
            if let Some((h, w)) = have.iter().zip(&want).find(|(h, w)| h != w) {
                panic!("{kind}, {name}: {h:#?} {w:#?}");
            }
            assert_eq!(have.len(), want.len(), "{kind}, {name}");
        }
    }
}

#[test]
fn lines_around_a_text_are_counted_and_its_place_is_said() {
    let plain = std::fs::read_to_string(fixture("goroutine.debug1.txt")).unwrap();
    let read = |text: String| read(text.into_bytes(), Limit::Proportional, false).expect("a profile");
    let around = read(format!("one\ntwo\n{plain}three\n"));
    assert!(
        around.remarks.contains(&Remark::AroundText(3, 8)),
        "{:?}",
        around.remarks
    );
    let twice = read(format!("x\n{plain}\n{plain}"));
    assert!(twice.remarks.contains(&Remark::MoreTexts(1)), "{:?}", twice.remarks);
    let total: i64 = samples(&twice.profile).iter().map(|s| s.0[0]).sum();
    let once: i64 = samples(&read(plain).profile).iter().map(|s| s.0[0]).sum();
    assert_eq!(total, once);
}

#[test]
fn other_texts_are_left_to_others() {
    for data in [
        "",
        "heap profile: 1: 8 [1: 8] @ heap_v2/1\n1: 8 [1: 8] @ 0x1\n",
        "heap profile: 1: 8 [1: 8] @ heap/2\n1: 8 [1: 8] @ 0x1\n",
        "heap profile: 1: 8 [1: 8] @ heap/2\n1: 8 [1: 8] @ 0x1\n#\t0x0\ta+0x0\tb:1\nMAPPED_LIBRARIES:\n",
        "--- contentionz 1 ---\n",
        "--- threadz 1 ---\n",
        "goroutine 1 [running]:\n",
    ] {
        assert!(gotext::parse(data.as_bytes()).unwrap().is_none(), "{data:?}");
    }
    let e = gotext::parse(b"goroutine profile: total 2\n1 @ 0x1\nnonsense\n1 @ 0x1\n").unwrap_err();
    assert_eq!(
        e.to_string(),
        "byte 35: count text profile: neither a sample nor a comment: \"nonsense\""
    );
}

/// Two texts in one file are not added up, and what stands around one is no part of it.
#[test]
fn several_texts_in_one_file_and_texts_around_one() {
    let path = |name: &str| format!("{}/fixtures/gotext/{name}", env!("CARGO_MANIFEST_DIR"));
    let read = |bytes: &[u8]| read(bytes, Limit::Proportional, false).expect("a profile");
    for name in [
        "heap.debug1.txt",
        "goroutine.debug1.txt",
        "mutex.debug1.txt",
        "threadcreate.debug1.txt",
    ] {
        let one = std::fs::read_to_string(path(name)).expect("a fixture");
        let want = read(one.as_bytes()).profile.totals();
        let twice = read(format!("{one}\n{one}").as_bytes());
        assert_eq!(twice.profile.totals(), want, "{name}");
        assert!(
            twice.remarks.contains(&Remark::MoreTexts(1)),
            "{name}: {:?}",
            twice.remarks
        );
        let journal: String = one
            .lines()
            .map(|l| format!("Mar 12 07:41:30 n kubelet[7]: {l}\n"))
            .collect();
        for around in [format!("$ curl\n{one}"), format!("```\n{one}\n```\n"), journal] {
            assert_eq!(read(around.as_bytes()).profile.totals(), want, "{name}: {around}");
        }
    }
}
