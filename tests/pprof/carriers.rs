//! Dumps that went through something: every carrier gives the same goroutines as the bare file, lost lines are never made
//! up for, and two writers never mix.
//!
//! `KUBEPROF_CAPTURES=FOLDER` takes every `*debug2*` file below the folder, whole; without it the fixtures are taken, the first
//! goroutines of each. `KUBEPROF_CARRIER_CASES=N` sets how many random texts are tried, `KUBEPROF_LOSS_RUNS=N` how often lines
//! are lost at random.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use kubeprof::pprof::goroutines::{self, GoroutineDump, HeaderState};
use kubeprof::pprof::{self, Limit};

/// A small generator: the same cases in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(default)
}

/// Dumps of real kubelets, by name.
fn captures() -> Vec<(String, String)> {
    let root = std::env::var_os("KUBEPROF_CAPTURES").map(PathBuf::from);
    let whole = root.is_some();
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures"));
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();
    let mut dumps = Vec::new();
    for path in files {
        let bytes = std::fs::read(&path).expect("a capture");
        let bytes = pprof::inflate(&bytes, Limit::Proportional)
            .expect("packed right")
            .into_owned();
        let text = String::from_utf8(bytes).expect("text");
        let text = match whole {
            true => text,
            false => first(&text, 40),
        };
        dumps.push((path.display().to_string(), text));
    }
    assert!(!dumps.is_empty());
    dumps
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, files);
        } else if path.file_name().is_some_and(|n| n.to_string_lossy().contains("debug2")) {
            files.push(path);
        }
    }
}

/// The first goroutines of a dump.
fn first(text: &str, goroutines: usize) -> String {
    text.split("\n\n")
        .take(goroutines)
        .map(|g| format!("{}\n\n", g.trim_end()))
        .collect()
}

/// What a dump says, a goroutine a line.
fn words(d: &GoroutineDump) -> Vec<String> {
    let place = |file, line: u32| format!("{}:{line}", d.text(file));
    (d.goroutines.iter())
        .map(|g| {
            let mut out = format!("{} [{}] {:?} {:?}", g.id, d.text(g.state), g.wait_minutes, g.header);
            for (k, v) in d.labels(g) {
                write!(out, " {}={}", d.text(*k), d.text(*v)).unwrap();
            }
            for f in d.frames(g) {
                write!(out, " | {} {} {}", d.text(f.function), place(f.file, f.line), f.inlined).unwrap();
            }
            if let Some(c) = g.created_by {
                write!(
                    out,
                    " by {} {} {:?}",
                    d.text(c.function),
                    place(c.file, c.line),
                    c.parent
                )
                .unwrap();
            }
            write!(out, " {:?} {} {}", g.gap, g.damaged, g.cut).unwrap();
            out
        })
        .collect()
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

type Carry = fn(&str) -> Vec<u8>;

fn each(text: &str, line: impl Fn(usize, &str) -> String) -> Vec<u8> {
    text.lines()
        .enumerate()
        .map(|(i, l)| line(i, l) + "\n")
        .collect::<String>()
        .into_bytes()
}

fn prefixed(text: &str, prefix: &str) -> Vec<u8> {
    each(text, |_, l| format!("{prefix}{l}"))
}

/// Broken at a width, as a terminal shows it.
fn wrapped(text: &str, width: usize) -> Vec<u8> {
    let mut out = String::new();
    for line in text.lines() {
        let mut plain = String::new();
        for c in line.chars() {
            if c == '\t' {
                let columns = plain.chars().count();
                plain.push_str(&" ".repeat(8 - columns % 8));
            } else {
                plain.push(c);
            }
        }
        let chars: Vec<char> = plain.chars().collect();
        if chars.is_empty() {
            out.push('\n');
        }
        for piece in chars.chunks(width) {
            let piece: String = piece.iter().collect();
            // Terminals do not keep the blanks at the end.
            out.push_str(piece.trim_end());
            out.push('\n');
        }
    }
    out.into_bytes()
}

fn entities(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
}

const JOURNAL: &str = "Mar 12 07:41:30 node-a7 kubelet[4711]: ";

fn journal_json(text: &str) -> Vec<u8> {
    each(text, |i, l| {
        format!(
            r#"{{"__CURSOR":"s=1;i={i:x}","__REALTIME_TIMESTAMP":"{}","_PID":"4711","SYSLOG_IDENTIFIER":"kubelet","_HOSTNAME":"node-a7","MESSAGE":{}}}"#,
            1_773_301_290_000_000u64 + i as u64,
            json(l)
        )
    })
}

/// Everything that a dump may come through, by name.
const CARRIERS: &[(&str, Carry)] = &[
    ("journalctl", |t| prefixed(t, JOURNAL)),
    ("journalctl, blank lines are not kept", |t| {
        let lines: String = t.lines().filter(|l| !l.is_empty()).map(|l| format!("{l}\n")).collect();
        prefixed(&lines, JOURNAL)
    }),
    ("journalctl, times that go on", |t| {
        each(t, |i, l| {
            format!("Mar 12 07:{:02}:{:02} node-a7 kubelet[4711]: {l}", i / 60 % 60, i % 60)
        })
    }),
    ("journalctl, trailing blanks lost", |t| {
        each(t, |_, l| format!("{JOURNAL}{l}").trim_end().to_owned())
    }),
    ("journalctl without host", |t| {
        prefixed(t, "Mar  2 07:41:30 kubelet[4711]: ")
    }),
    ("journalctl of another language", |t| {
        prefixed(t, "4月 03 09:26:34 node-c9 kubelet[9519]: ")
    }),
    ("journalctl -o short-iso", |t| {
        prefixed(t, "2026-03-12T07:41:30+0100 node-a7 kubelet[4711]: ")
    }),
    ("journalctl -o short-precise", |t| {
        each(t, |i, l| format!("Mar 12 07:41:30.{i:06} node-a7 kubelet[4711]: {l}"))
    }),
    ("journalctl -o short-full", |t| {
        prefixed(t, "Thu 2026-03-12 07:41:30 CET node-a7 kubelet[4711]: ")
    }),
    ("journalctl -o short-unix", |t| {
        each(t, |i, l| format!("1773301290.{i:06} node-a7 kubelet[4711]: {l}"))
    }),
    ("journalctl -o short-monotonic", |t| {
        each(t, |i, l| {
            format!("[{:5}.{:06}] node-a7 kubelet[4711]: {l}", 95 + i / 10, i)
        })
    }),
    ("journalctl -o json", journal_json),
    ("journalctl -o json, messages as bytes", |t| {
        each(t, |_, l| {
            let bytes: Vec<String> = l.bytes().map(|b| b.to_string()).collect();
            let message = match bytes.is_empty() {
                true => "\"\"".to_owned(),
                false => format!("[{}]", bytes.join(",")),
            };
            format!(r#"{{"_PID":"4711","SYSLOG_IDENTIFIER":"kubelet","MESSAGE":{message}}}"#)
        })
    }),
    ("journalctl -o json-pretty", |t| {
        each(t, |i, l| {
            format!(
                "{{\n\t\"_PID\" : \"4711\",\n\t\"MESSAGE\" : {},\n\t\"__REALTIME_TIMESTAMP\" : \"{}\",\n\t\"SYSLOG_IDENTIFIER\" : \"kubelet\"\n}}",
                json(l),
                1_773_301_290_000_000u64 + i as u64
            )
        })
    }),
    ("journalctl -o export", |t| {
        each(t, |i, l| {
            format!(
                "__CURSOR=s=1;i={i:x}\n__REALTIME_TIMESTAMP=1773301290000000\n_PID=4711\nMESSAGE={l}\nSYSLOG_IDENTIFIER=kubelet\n"
            )
        })
    }),
    ("journalctl -o verbose", |t| {
        each(t, |i, l| {
            format!(
                "Thu 2026-03-12 07:41:30.000000 UTC [s=1;i={i:x}]\n    PRIORITY=6\n    SYSLOG_IDENTIFIER=kubelet\n    MESSAGE={l}\n    _PID=4711"
            )
        })
    }),
    ("rsyslog", |t| prefixed(t, "Jun 22 11:01:19 worker-b kubelet: ")),
    ("rsyslog, tabs as #011", |t| {
        prefixed(
            &t.replace('\t', "#011"),
            "2026-03-12T07:41:30.123456+01:00 worker-b kubelet[4711]: ",
        )
    }),
    ("rsyslog, one message", |t| {
        let one = t.trim_end().replace('\t', "#011").replace('\n', "#012");
        format!("Jun 22 11:01:19 worker-b kubelet[4711]: {one}\n").into_bytes()
    }),
    ("kubectl logs --timestamps", |t| {
        each(t, |i, l| format!("2026-03-12T07:41:30.{i:09}Z {l}"))
    }),
    ("kubectl logs --prefix", |t| prefixed(t, "[pod/kubelet-x/kubelet] ")),
    ("kubectl logs --prefix --timestamps", |t| {
        prefixed(t, "[pod/kubelet-x/kubelet] 2026-03-12T07:41:30.123456789Z ")
    }),
    ("CRI", |t| prefixed(t, "2026-03-12T07:41:30.123456789Z stderr F ")),
    ("CRI in parts", |t| {
        each(t, |_, l| {
            let time = "2026-03-12T07:41:30.123456789Z stderr";
            match l.char_indices().nth(30).map(|(at, _)| l.split_at(at)) {
                Some((a, b)) => format!("{time} P {a}\n{time} F {b}"),
                None => format!("{time} F {l}"),
            }
        })
    }),
    ("docker json-file", |t| {
        each(t, |_, l| {
            format!(
                r#"{{"log":{},"stream":"stderr","time":"2026-03-12T07:41:30.123456789Z"}}"#,
                json(&format!("{l}\n"))
            )
        })
    }),
    ("JSON in CRI", |t| {
        each(t, |_, l| {
            format!(
                "2026-03-12T07:41:30.123456789Z stdout F {{\"level\":\"error\",\"msg\":{}}}",
                json(l)
            )
        })
    }),
    ("JSON in JSON", |t| {
        each(t, |_, l| {
            format!("{{\"log\":{}}}", json(&format!("{{\"msg\":{}}}\n", json(l))))
        })
    }),
    ("fluentd", |t| {
        each(t, |_, l| {
            format!("2026-03-12 07:41:30 +0000 [warn]: #0 pattern not matched: {}", json(l))
        })
    }),
    ("logrus, one record", |t| {
        format!(
            "time=\"2026-03-12T07:41:30Z\" level=info msg={}\n",
            json(&format!(
                "=== BEGIN goroutine stack dump ===\n{t}\n=== END goroutine stack dump ==="
            ))
        )
        .into_bytes()
    }),
    ("a record with a stack", |t| {
        format!(
            "{{\"level\":\"error\",\"ts\":1773301290.5,\"msg\":\"oops\",\"stack\":{}}}\n",
            json(t)
        )
        .into_bytes()
    }),
    ("Loki", |t| {
        let values: Vec<String> = (t.lines().enumerate())
            .map(|(i, l)| format!("[\"{}\",{}]", 1_773_301_290_000_000_000u64 + i as u64, json(l)))
            .collect();
        format!(
            "{{\"status\":\"success\",\"data\":{{\"result\":[{{\"stream\":{{\"app\":\"kubelet\"}},\"values\":[{}]}}]}}}}\n",
            values.join(",")
        )
        .into_bytes()
    }),
    ("Cloud Logging", |t| {
        let entries: Vec<String> = (t.lines())
            .map(|l| {
                format!(
                    "  {{\n    \"insertId\": \"a\",\n    \"textPayload\": {},\n    \"timestamp\": \"2026-03-12T07:41:30Z\"\n  }}",
                    json(l)
                )
            })
            .collect();
        format!("[\n{}\n]\n", entries.join(",\n")).into_bytes()
    }),
    ("klog on each line", |t| {
        prefixed(t, "I0312 07:41:30.123456    4711 server.go:12] ")
    }),
    ("klog's value of several lines", |t| {
        let body: String = t.lines().map(|l| format!("\t{l}\n")).collect();
        format!("E0312 07:41:30.123456    4711 a.go:7] \"It hangs\" stacks=<\n{body} >\nI0312 07:41:31.0 4711 a.go:8] \"x\"\n").into_bytes()
    }),
    ("a quotation", |t| prefixed(t, "> ")),
    ("a quotation of a quotation", |t| {
        each(t, |_, l| format!("> > {l}").trim_end().to_owned())
    }),
    ("a code block", |t| {
        format!("The node hangs, here it is:\n\n```\n{t}```\nany ideas? (it did so before)\n").into_bytes()
    }),
    ("four blanks", |t| prefixed(t, "    ")),
    ("bullets", |t| prefixed(t, "* ")),
    ("grep -n", |t| {
        each(t, |i, l| match l.contains("goroutine ") {
            true => format!("{}:{l}", i + 1),
            false => format!("{}-{l}", i + 1),
        })
    }),
    ("cat -n", |t| each(t, |i, l| format!("{:6}\t{l}", i + 1))),
    ("docker compose", |t| prefixed(t, "\u{1b}[36mkubelet-1  |\u{1b}[0m ")),
    ("a chat", |t| each(t, |i, l| format!("[10:{:02}] alice: {l}", i / 200))),
    ("GitHub Actions", |t| prefixed(t, "2026-03-12T07:41:30.1234567Z ")),
    ("a web page", |t| {
        format!(
            "<html><head><title>x</title></head><body><pre>{}</pre></body></html>\n",
            entities(t)
        )
        .into_bytes()
    }),
    ("indentation lost", |t| each(t, |_, l| l.trim_start().to_owned())),
    ("indentation and blank lines lost", |t| {
        let lines: String = t
            .lines()
            .filter(|l| !l.is_empty())
            .map(|l| format!("{}\n", l.trim_start()))
            .collect();
        lines.into_bytes()
    }),
    ("blanks for tabs", |t| t.replace('\t', "        ").into_bytes()),
    ("every second line blank", |t| {
        let lines: String = t
            .lines()
            .filter(|l| !l.is_empty())
            .map(|l| format!("{l}\n\n"))
            .collect();
        lines.into_bytes()
    }),
    ("line ends of Windows", |t| t.replace('\n', "\r\n").into_bytes()),
    ("line ends of Windows, twice", |t| {
        t.replace('\n', "\r\r\n").into_bytes()
    }),
    ("UTF-16", |t| {
        let text = format!("\u{feff}{}", t.replace('\n', "\r\n"));
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }),
    ("blanks that do not break", |t| {
        t.replace(' ', "\u{a0}").replace("...", "\u{2026}").into_bytes()
    }),
    ("journalctl, broken at 150", |t| {
        wrapped(&String::from_utf8(prefixed(t, JOURNAL)).unwrap(), 150)
    }),
    ("journalctl, broken at 100", |t| {
        wrapped(&String::from_utf8(prefixed(t, JOURNAL)).unwrap(), 100)
    }),
    ("broken at 100", |t| wrapped(t, 100)),
    ("a mark at the start", |t| format!("\u{feff}{t}").into_bytes()),
    ("gzip", |t| {
        let mut e = flate2::read::GzEncoder::new(t.as_bytes(), flate2::Compression::fast());
        let mut out = Vec::new();
        e.read_to_end(&mut out).unwrap();
        out
    }),
];

fn read(name: &str, bytes: Vec<u8>) -> Vec<GoroutineDump> {
    match pprof::read(bytes, Limit::Proportional, false) {
        Ok(read) => read.dumps.map_or_else(Vec::new, |dumps| dumps.list),
        Err(e) => panic!("{name}: {e}"),
    }
}

#[test]
fn every_carrier_gives_the_same_goroutines() {
    let mut wrong = Vec::new();
    for (file, text) in captures() {
        let bare = goroutines::parse(text.as_bytes()).expect("a dump");
        let want = words(&bare);
        assert!(want.len() > 20, "{file}");
        for (name, carry) in CARRIERS {
            let dumps = read(name, carry(&text));
            let [dump] = dumps.as_slice() else {
                wrong.push(format!("{file}: {name}: {} dumps", dumps.len()));
                continue;
            };
            let have = words(dump);
            if let Some((h, w)) = have.iter().zip(&want).find(|(h, w)| h != w) {
                wrong.push(format!("{file}: {name}:\nhave {h}\nwant {w}"));
            } else if have.len() != want.len() {
                wrong.push(format!(
                    "{file}: {name}: {} goroutines, want {}",
                    have.len(),
                    want.len()
                ));
            } else if dump.truncated.is_some() || dump.facts.is_damaged() {
                wrong.push(format!(
                    "{file}: {name}: truncated {:?}, {:?}",
                    dump.truncated, dump.facts
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// An original goroutine: its lines and the functions of its stack.
struct Original {
    lines: Vec<String>,
    functions: Vec<String>,
    creator: Option<String>,
}

fn originals(text: &str) -> Vec<Original> {
    (text.split("\n\n").filter(|g| g.starts_with("goroutine ")))
        .map(|g| {
            let one = goroutines::parse(format!("{g}\n").as_bytes()).expect("one goroutine");
            let first = &one.goroutines[0];
            let functions = one
                .frames(first)
                .iter()
                .map(|f| one.text(f.function).to_owned())
                .collect();
            let creator = first.created_by.map(|c| one.text(c.function).to_owned());
            let mut lines: Vec<String> = g.lines().map(str::to_owned).collect();
            lines.push(String::new());
            Original {
                lines,
                functions,
                creator,
            }
        })
        .collect()
}

fn is_subsequence(part: &[String], whole: &[String]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|p| rest.any(|w| w == p))
}

/// A text with lines lost, and which neighbours may be taken for one goroutine: no line between them is left that ends one or
/// begins the other.
fn lose(all: &[Original], percent: usize, dice: &mut Dice) -> (Vec<(usize, String)>, Vec<Vec<usize>>) {
    let mut left = Vec::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut parted = true;
    for (i, o) in all.iter().enumerate() {
        let mut any = false;
        for (at, line) in o.lines.iter().enumerate() {
            if dice.below(100) < percent {
                continue;
            }
            left.push((i, line.clone()));
            if at == 0 {
                parted = true;
            }
            if !any && !line.is_empty() {
                any = true;
                match groups.last_mut().filter(|_| !parted) {
                    Some(group) => group.push(i),
                    None => groups.push(vec![i]),
                }
                parted = false;
            }
            if line.is_empty() || line.starts_with("created by ") {
                parted = true;
            }
        }
    }
    (left, groups)
}

#[test]
fn lost_lines_are_never_made_up_for() {
    let runs = number("KUBEPROF_LOSS_RUNS", 1);
    for percent in [1, 5, 20] {
        let (mut stacks, mut merged, mut lost, mut places) = (0usize, 0usize, 0usize, 0usize);
        for (n, (file, text)) in captures().into_iter().enumerate() {
            let all = originals(&text);
            for run in 0..runs {
                let mut dice = Dice::new((n * 1000 + run * 10 + percent) as u64);
                let (left, groups) = lose(&all, percent, &mut dice);
                lost += all.iter().map(|o| o.lines.len()).sum::<usize>() - left.len();
                let body: String = left.iter().map(|(_, l)| format!("{JOURNAL}{l}\n")).collect();
                let dumps = read(&file, body.into_bytes());
                assert_eq!(dumps.len(), 1, "{file}");
                let dump = &dumps[0];
                assert!(dump.facts.is_damaged(), "{file}: nothing says that lines are missing");
                let there = groups.iter().map(Vec::len).sum::<usize>();
                assert!(
                    dump.goroutines.len() <= there,
                    "{file}: {} goroutines of {there}",
                    dump.goroutines.len()
                );
                let headers = left.iter().filter(|(_, l)| l.starts_with("goroutine ")).count();
                let whole = dump
                    .goroutines
                    .iter()
                    .filter(|g| g.header == HeaderState::Whole)
                    .count();
                assert_eq!(whole, headers, "{file}");
                for g in &dump.goroutines {
                    let have: Vec<String> = dump
                        .frames(g)
                        .iter()
                        .map(|f| dump.text(f.function).to_owned())
                        .collect();
                    stacks += 1;
                    let of_one = all.iter().any(|o| is_subsequence(&have, &o.functions));
                    if !of_one {
                        merged += 1;
                        let of_group = groups.iter().filter(|group| group.len() > 1).any(|group| {
                            let joined: Vec<String> =
                                group.iter().flat_map(|&i| all[i].functions.iter().cloned()).collect();
                            is_subsequence(&have, &joined)
                        });
                        assert!(of_group, "{file} {percent} %: {have:?}");
                    } else if let Some(c) = g.created_by {
                        let creator = dump.text(c.function);
                        let fits = |o: &Original| o.creator.as_deref() == Some(creator);
                        assert!(all.iter().any(fits), "{file}: created by {creator}");
                    }
                    for f in dump.frames(g).iter().filter(|f| f.line != 0) {
                        let of = |o: &Original| {
                            o.lines.windows(2).any(|w| {
                                w[0].starts_with(dump.text(f.function))
                                    && w[1].contains(&format!("{}:{}", dump.text(f.file), f.line))
                            })
                        };
                        places += usize::from(!all.iter().any(of));
                    }
                }
            }
        }
        eprintln!(
            "{percent} % of lines lost ({lost}): {merged} of {stacks} stacks are of two goroutines, {places} frames have the place of another"
        );
        assert!(merged * 100 <= stacks * percent, "{merged} of {stacks}");
    }
}

#[test]
fn writers_never_mix() {
    let (_, text) = captures().swap_remove(0);
    let own = first(&text, 40);
    let other = own.replace("k8s.io/", "example.org/other/");
    for percent in [0, 5, 20] {
        let mut dice = Dice::new(percent as u64 + 77);
        let mut both = String::new();
        let (mut a, mut b) = (own.lines(), other.lines());
        loop {
            let (prefix, line) = match dice.below(2) {
                0 => ("Mar 12 07:41:30 n kubelet[4711]: ", a.next()),
                _ => ("Mar 12 07:41:30 n agent[812]: ", b.next()),
            };
            let Some(line) = line else {
                break;
            };
            if dice.below(100) >= percent {
                both += &format!("{prefix}{line}\n");
            }
        }
        let dumps = goroutines::parse_all(both.as_bytes());
        assert_eq!(dumps.list.len(), 2, "{percent}");
        for dump in &dumps.list {
            let foreign = dump.facts.writer.pid == Some(812);
            for g in &dump.goroutines {
                for f in dump.frames(g) {
                    let name = dump.text(f.function);
                    assert!(!(name.starts_with("k8s.io/") && foreign), "{name}");
                    assert!(!name.starts_with("example.org/") || foreign, "{name}");
                }
            }
        }
    }
}

#[test]
fn random_texts_do_no_harm() {
    let cases = number("KUBEPROF_CARRIER_CASES", 100);
    let all = captures();
    let texts: Vec<String> = all.iter().take(3).map(|(_, t)| first(t, 6)).collect();
    for case in 0..cases {
        let mut dice = Dice::new(case as u64 + 1);
        let pick = |dice: &mut Dice| {
            let text = &texts[dice.below(texts.len())];
            CARRIERS[dice.below(CARRIERS.len())].1(text)
        };
        let (a, b) = (pick(&mut dice), pick(&mut dice));
        let bytes = match dice.below(4) {
            // Cut at both ends.
            0 => {
                let (from, to) = (dice.below(a.len()), dice.below(a.len()));
                a[from.min(to)..from.max(to)].to_vec()
            }
            // One inside of the other.
            1 => {
                let (at, from) = (dice.below(a.len()), dice.below(b.len()));
                [&a[..at], &b[from..], &a[at..]].concat()
            }
            // Lines of both in turns.
            2 => {
                let (mut x, mut y) = (a.split(|&b| b == b'\n'), b.split(|&b| b == b'\n'));
                let mut out = Vec::new();
                while let Some(line) = if dice.below(2) == 0 { x.next() } else { y.next() } {
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
                out
            }
            // Bytes changed.
            _ => {
                let mut out = a;
                for _ in 0..20 {
                    let at = dice.below(out.len());
                    out[at] = dice.next() as u8;
                }
                out
            }
        };
        let length = bytes.len();
        let dumps = goroutines::parse_all(&bytes);
        for dump in &dumps.list {
            let profile = dump.to_profile();
            profile.check().unwrap_or_else(|e| panic!("case {case}: {e:?}"));
            assert!(dump.goroutines.len() <= length / 10, "case {case}");
        }
        let _ = pprof::read(bytes, Limit::Proportional, false);
    }
}
