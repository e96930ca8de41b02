//! Two processes whose lines stand between each other in one file: whatever names the writer, and in whatever record, each
//! dump has its own lines. And one process whose records have fields that change: it stays one.

use std::collections::BTreeMap;

use kubeprof::pprof::goroutines::{self, HeaderState};

use super::carriers::Dice;

/// A dump of goroutines of this package.
fn dump(package: &str, goroutines: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for i in 1..=goroutines {
        lines.extend([
            format!("goroutine {i} [select, {i} minutes]:"),
            format!("example.org/{package}.(*Worker).wait(0xc000{i:04x}, 0x1)"),
            format!("\t/src/example.org/{package}/worker.go:{} +0x1f", 10 + i),
            format!("example.org/{package}.(*Worker).run(0xc000{i:04x})"),
            format!("\t/src/example.org/{package}/worker.go:{} +0x2e", 90 + i),
            format!("created by example.org/{package}.Start in goroutine 1"),
            format!("\t/src/example.org/{package}/start.go:{i} +0x3d"),
            String::new(),
        ]);
    }
    lines
}

/// Functions by package, of dumps that are whole.
fn packages(text: &str, what: &str) -> Vec<BTreeMap<String, usize>> {
    let dumps = goroutines::parse_all(text.as_bytes());
    let mut found = Vec::new();
    for dump in &dumps.list {
        let mut packages = BTreeMap::new();
        for g in &dump.goroutines {
            assert_eq!((g.header, g.damaged), (HeaderState::Whole, false), "{what}\n{text}");
            for frame in dump.frames(g) {
                let package = dump
                    .text(frame.function)
                    .split(".(")
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                *packages.entry(package).or_default() += 1;
            }
        }
        found.push(packages);
    }
    found.sort();
    found
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("JSON")
}

/// A carrier: number of the writer, number of the line among all, the line.
type Carrier = (&'static str, fn(usize, usize, &str) -> String);

const MIXED: [Carrier; 26] = [
    ("systemd's unit", |w, i, l| {
        let unit = ["kubelet", "etcd"][w];
        format!(
            r#"{{"__CURSOR":"s=1;i={i:x}","_SYSTEMD_UNIT":"{unit}.service","_COMM":"run","MESSAGE":{}}}"#,
            quoted(l)
        )
    }),
    ("boot", |w, i, l| {
        let m = quoted(l);
        format!(
            r#"{{"_BOOT_ID":"b{w}","_PID":"7","SYSLOG_IDENTIFIER":"kubelet","__MONOTONIC_TIMESTAMP":"{i}","MESSAGE":{m}}}"#
        )
    }),
    ("logger", |w, _, l| {
        format!(r#"{{"msg":{},"logger":"l{w}","level":"info"}}"#, quoted(l))
    }),
    ("nested file", |w, _, l| {
        format!(
            r#"{{"message":{},"log":{{"file":{{"path":"/var/log/{w}.log"}}}}}}"#,
            quoted(l)
        )
    }),
    ("pod's UID", |w, i, l| {
        format!(
            r#"{{"log":{},"seq":{i},"kubernetes":{{"namespace_name":"x","pod_id":"aa-{w}"}}}}"#,
            quoted(l)
        )
    }),
    ("tags", |w, _, l| {
        format!(
            r#"{{"content":{{"message":{},"tags":["unit_name:u{w}","host:n1"]}}}}"#,
            quoted(l)
        )
    }),
    ("name of the log", |w, i, l| {
        let m = quoted(l);
        format!(
            r#"{{"insertId":"x{i}","jsonPayload":{{"message":{m}}},"logName":"projects/p/logs/l{w}","severity":"INFO"}}"#
        )
    }),
    ("attributes", |w, _, l| {
        let m = quoted(l);
        let resource = format!(r#"{{"attributes":[{{"key":"service.id","value":{{"stringValue":"s{w}"}}}}]}}"#);
        format!(
            r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":{m}}}}}]}}]}}]}}"#
        )
    }),
    ("a prefix and JSON", |w, _, l| {
        format!(r#"data: {{"m":{},"source":"s{w}"}}"#, quoted(l))
    }),
    ("export: unit", |w, i, l| {
        format!("__CURSOR=s=1;i={i:x}\n_SYSTEMD_UNIT=u{w}.service\nMESSAGE={l}\n")
    }),
    ("export: boot", |w, _, l| {
        format!("_BOOT_ID=b{w}\nSYSLOG_IDENTIFIER=kubelet\n_PID=7\nMESSAGE={l}\n")
    }),
    ("export: machine", |w, _, l| {
        format!("MESSAGE={l}\n_MACHINE_ID=m{w}\nSYSLOG_IDENTIFIER=kubelet\n_PID=7\n")
    }),
    ("address", |w, _, l| format!("10.0.0.{w}: {l}")),
    ("address in brackets", |w, _, l| format!("[10.0.0.{w}] {l}")),
    ("address as host", |w, _, l| format!("Mar 12 07:41:30 10.0.0.{w} {l}")),
    ("PID in brackets", |w, _, l| format!("[{}] {l}", 4711 + w)),
    ("PID in round brackets", |w, i, l| {
        format!("2026-03-12 07:41:30.{i:03} ({}) {l}", 4711 + w)
    }),
    ("PID alone", |w, i, l| {
        format!("2026-03-12 07:41:30.{i:03} {} {l}", 812 + w)
    }),
    ("PID and thread", |w, i, l| {
        format!(
            "03-12 07:41:30.{i:03}  {p}  {p} {} go: {l}",
            ["E", "I"][i % 2],
            p = 812 + w
        )
    }),
    ("digits of a container", |w, _, l| format!("39128810002{w} {l}")),
    ("stream of a collector", |w, i, l| {
        format!(
            r#"{{"logStreamName":"i-0{w}","timestamp":{},"message":{}}}"#,
            1_773_301_290_000 + i as u64,
            quoted(l)
        )
    }),
    ("executable", |w, _, l| {
        format!(r#"{{"MESSAGE":{},"_EXE":"/usr/bin/e{w}"}}"#, quoted(l))
    }),
    ("attributes of Docker", |w, i, l| {
        let m = quoted(&format!("{l}\n"));
        format!(r#"{{"log":{m},"stream":"stderr","attrs":{{"tag":"t{w}"}},"time":"2026-03-12T07:41:30.{i:09}Z"}}"#)
    }),
    ("host", |w, _, l| format!("Mar 12 07:41:30 n{w} kubelet[7]: {l}")),
    ("short-delta", |w, i, l| {
        format!("[{:>5}.{i:06} <    0.000137 >] n1 p[{}]: {l}", 12, 8 + w)
    }),
    ("klog's PID", |w, i, l| {
        format!("I0312 07:41:30.{i:06} {:7} dump.go:12] {l}", 8 + w)
    }),
];

#[test]
fn two_writers_never_mix() {
    for (name, carrier) in MIXED {
        for seed in 0..3 {
            let mut dice = Dice::new(seed);
            let streams = [dump("first", 4), dump("second", 3)];
            let (mut at, mut text) = ([0, 0], String::new());
            for i in 0.. {
                let left: Vec<usize> = (0..2).filter(|&w| at[w] < streams[w].len()).collect();
                let Some(&w) = left.get(dice.below(left.len())) else {
                    break;
                };
                text += &carrier(w, i, &streams[w][at[w]]);
                text.push('\n');
                at[w] += 1;
            }
            let want = [("example.org/first", 8), ("example.org/second", 6)];
            let want = want.map(|(p, n)| BTreeMap::from([(p.to_owned(), n)]));
            assert_eq!(packages(&text, name), want, "{name}\n{text}");
        }
    }
}

#[test]
fn one_writer_stays_one() {
    let carriers: [Carrier; 9] = [
        ("fields that change", |_, i, l| {
            let (level, m) = (["INFO", "ERROR"][usize::from(i % 5 == 0)], quoted(l));
            format!(
                r#"{{"severity":"{level}","offset":{},"id":"r{i}","shard":{},"m":{m}}}"#,
                i * 100,
                i % 40
            )
        }),
        ("a copy of the line", |_, i, l| {
            format!(r#"{{"_PID":"7","raw":{m},"MESSAGE":{m},"n":{i}}}"#, m = quoted(l))
        }),
        ("fields that some records have", |_, i, l| {
            let more = if i % 7 == 3 {
                r#""_LINE_BREAK":"eof","extra":"x","#
            } else {
                ""
            };
            format!(r#"{{{more}"_PID":"7","MESSAGE":{}}}"#, quoted(l))
        }),
        ("times by second", |_, i, l| {
            format!(r#"{{"at":"2026-03-12T07:41:{:02}Z","m":{}}}"#, i / 4 % 60, quoted(l))
        }),
        ("entries that count", |_, i, l| {
            format!("__SEQNUM={i}\n_PID=7\nMESSAGE={l}\n")
        }),
        ("a numbered list", |_, i, l| format!("{}. {l}", i + 1)),
        ("numbers and a bracket", |_, i, l| format!("{}) {l}", i + 1)),
        ("counts of uniq", |_, i, l| {
            format!("{:7} {l}", 1 + usize::from(i % 9 == 0))
        }),
        ("seconds", |_, i, l| format!("{} {l}", 1_773_301_290 + i / 3)),
    ];
    for (name, carrier) in carriers {
        let lines = dump("only", 4);
        let text: String = (lines.iter().enumerate())
            .map(|(i, l)| carrier(0, i, l) + "\n")
            .collect();
        let want = [BTreeMap::from([("example.org/only".to_owned(), 8)])];
        assert_eq!(packages(&text, name), want, "{name}\n{text}");
    }
}

/// `journalctl -o export` writes a value that is no plain text as its length and its bytes.
#[test]
fn binary_values_of_a_journal() {
    let mut text: Vec<u8> = Vec::new();
    for (i, line) in dump("only", 3).iter().enumerate() {
        text.extend(format!("__CURSOR=s=1;i={i}\n_BOOT_ID=b\nMESSAGE\n").bytes());
        text.extend((line.len() as u64).to_le_bytes());
        text.extend(line.bytes());
        text.extend(b"\n_PID=7\nSYSLOG_IDENTIFIER=kubelet\n\n");
    }
    for before in ["", &"a line of something else\n".repeat(200_000)] {
        let dumps = goroutines::parse_all(&[before.as_bytes(), &text].concat());
        assert_eq!(dumps.list.len(), 1);
        let dump = &dumps.list[0];
        assert_eq!(dump.facts.writer.to_string(), "kubelet[7]");
        assert_eq!(dump.goroutines.len(), 3);
        assert!(dump.goroutines.iter().all(|g| !g.damaged && dump.frames(g).len() == 2));
    }
    // What ends before its length says is no value.
    for length in [u64::MAX, 1 << 40, 5000] {
        let mut broken = b"_PID=7\nMESSAGE\n".to_vec();
        broken.extend(length.to_le_bytes());
        broken.extend(b"goroutine 1 [running]:\nmain.f(0x1)\n\t/a/main.go:1 +0x1\n");
        let _ = goroutines::parse_all(&broken);
    }
}

/// A logger that writes a text of many lines puts its prefix in front of the first alone. That line is the header of the
/// goroutine that failed.
#[test]
fn a_prefix_on_the_first_line_only() {
    let lines = dump("only", 3);
    for head in [
        "2026/03/12 07:41:30 ",
        "E0312 07:41:30.123456    4711 dump.go:79] ",
        "stack trace: ",
        "time=\"2026-03-12T07:41:30Z\" level=error stack=\"",
        "<failure><![CDATA[",
        "2026-03-12T07:41:30Z,web,\"",
        "    Message:      ",
    ] {
        let text = format!("a line before\n{head}{}\nI0312 a line behind\n", lines.join("\n"));
        let want = [BTreeMap::from([("example.org/only".to_owned(), 6)])];
        assert_eq!(packages(&text, head), want, "{head}");
        // The same prefix before every line of a journal.
        let text: String = lines
            .iter()
            .map(|l| format!("Mar 12 07:41:30 n kubelet[7]: {l}\n"))
            .collect();
        let text = text.replacen("]: ", &format!("]: {head}"), 1);
        assert_eq!(packages(&text, head), want, "{head}");
    }
    // A sentence that ends like a header is none where no goroutine follows.
    let text = format!(
        "{}\nit hangs in goroutine 9 [running]:\n\nwhat now?\n",
        lines.join("\n")
    );
    assert_eq!(goroutines::parse(text.as_bytes()).expect("a dump").goroutines.len(), 3);
}

/// Two collectors of one log write each line twice, or three times.
#[test]
fn lines_that_stand_twice_are_read_once_and_counted() {
    let lines = dump("only", 3);
    for prefix in ["", "Mar 12 07:41:30 n kubelet[7]: "] {
        for times in 2..4 {
            let text: String = (lines.iter().map(|l| format!("{prefix}{l}\n").repeat(times))).collect();
            let want = [BTreeMap::from([("example.org/only".to_owned(), 6)])];
            assert_eq!(packages(&text, prefix), want, "{times}");
            let dump = goroutines::parse(text.as_bytes()).expect("a dump");
            let filled = lines.iter().filter(|l| !l.is_empty()).count();
            assert_eq!(dump.facts.repeated, (filled * (times - 1)) as u64);
        }
    }
}
