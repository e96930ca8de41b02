//! Kinds of damage that people's files really have, each in several forms: what is made of it, as the whole file would be.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use super::made_profile::{Made, profile, save};
use super::support::{json, run};

/// Goroutines of a kubelet in the form of Go 1.23, whose places say more than file and line.
const DUMP: &str = "\
SIGABRT: abort
PC=0x48c0de m=0 sigcode=0

goroutine 0 gp=0x6a21c0 m=0 mp=0x6a2f40 [idle]:
runtime.futex(0x6a3080, 0x80, 0x0, 0x0, 0x0, 0x0)
\truntime/sys_linux_arm64.s:658 +0x1c fp=0x7ff1 sp=0x7ff0 pc=0x48c0de

goroutine 21 gp=0xc000102e00 m=nil [select, 9 minutes]:
runtime.gopark(0xc000b1f6f8?, 0x2?, 0x60?, 0x0?, 0xc000b1f6ac?)
\truntime/proc.go:435 +0xce fp=0xc000b1f550 sp=0xc000b1f530 pc=0x4741ce
k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoopIteration(0xc000b48000, {0x1, 0x2})
\tk8s.io/kubernetes/pkg/kubelet/kubelet.go:2511 +0x2d4 fp=0xc000b1f650 sp=0xc000b1f550 pc=0x1f4e1c4
created by k8s.io/kubernetes/cmd/kubelet/app.startKubelet in goroutine 1
\tk8s.io/kubernetes/cmd/kubelet/app/server.go:1281 +0x9b

goroutine 88 gp=0xc000888000 m=nil [sync.Mutex.Lock, 8 minutes]:
sync.runtime_SemacquireMutex(0xc000b48010?, 0x0?, 0x1?)
\truntime/sema.go:95 +0x25 fp=0xc000c1f550 sp=0xc000c1f530 pc=0x4741ce
sync.(*Mutex).Lock(...)
\tsync/mutex.go:92
k8s.io/kubernetes/pkg/kubelet/volumemanager/reconciler.(*reconciler).reconcile(0xc000788960)
\tk8s.io/kubernetes/pkg/kubelet/volumemanager/reconciler/reconciler.go:31 +0x2c9
created by k8s.io/kubernetes/pkg/kubelet/volumemanager.(*volumeManager).Run in goroutine 1
\tk8s.io/kubernetes/pkg/kubelet/volumemanager/volume_manager.go:271 +0x9a

";

/// What a dump says, whatever carried it.
fn words(folder: &Path, name: &str, bytes: &[u8]) -> Value {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file");
    let path = path.display().to_string();
    let answer = run(&["goroutines", "-q", "--stacks", "all", "-o", "json", &path]);
    assert_eq!(answer.code, 0, "{name}: {}", answer.stderr);
    let d: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let mut rows = d["rows"].clone();
    for row in rows.as_array_mut().expect("rows") {
        let row = row.as_object_mut().expect("a row");
        row.remove("percent");
    }
    rows
}

fn each(line: impl Fn(usize, &str) -> String) -> Vec<u8> {
    let lines = DUMP.lines().enumerate().map(|(i, l)| line(i, l) + "\n");
    lines.collect::<String>().into_bytes()
}

/// A clock that goes on by a second every few lines, as that of a log.
fn clock(i: usize) -> String {
    format!("11:{:02}:{:02}", 20 + i / 60, i % 60)
}

fn broken(text: &str, width: usize) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut columns = 0;
        for c in line.chars() {
            let wide = if c == '\t' { 8 - columns % 8 } else { 1 };
            if columns + wide > width {
                out.push('\n');
                columns = 0;
            }
            columns += wide;
            out.push(c);
        }
        out.push('\n');
    }
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn escaped(text: &str) -> String {
    serde_json::to_string(text).expect("JSON")
}

fn all_the_same(kind: &str, forms: Vec<(&str, Vec<u8>)>) {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = words(folder.path(), "whole", DUMP.as_bytes());
    assert_eq!(whole.as_array().map(Vec::len), Some(3));
    assert!(forms.len() >= 5, "{kind}");
    for (name, bytes) in forms {
        assert_eq!(words(folder.path(), name, &bytes), whole, "{kind}: {name}");
    }
}

#[test]
fn indentation_that_was_lost_or_added() {
    let stripped: String = DUMP.lines().map(|l| l.trim().to_owned() + "\n").collect();
    let packed: String = stripped
        .lines()
        .filter(|l| !l.is_empty())
        .map(|l| l.to_owned() + "\n")
        .collect();
    all_the_same(
        "indentation",
        vec![
            ("stripped", stripped.clone().into_bytes()),
            ("without blank lines", packed.clone().into_bytes()),
            ("with CR LF", stripped.replace('\n', "\r\n").into_bytes()),
            (
                "one blank for each run",
                each(|_, l| l.split_whitespace().collect::<Vec<_>>().join(" ")),
            ),
            ("moved in", each(|_, l| format!("    {l}"))),
            (
                "tabs as blanks that do not break",
                each(|_, l| l.replace('\t', "\u{a0}\u{a0}\u{a0}\u{a0}")),
            ),
            ("a blank line behind every line", each(|_, l| format!("{l}\n"))),
        ],
    );
}

#[test]
fn tables_of_log_viewers() {
    let row = |i: usize, l: &str| {
        format!(
            "2026-04-01T{}Z,worker-9,{}",
            clock(i),
            if l.contains([',', '"']) {
                quoted(l)
            } else {
                l.to_owned()
            }
        )
    };
    let csv = [b"time,host,message\n".to_vec(), each(row)].concat();
    let all = each(|i, l| {
        format!(
            "{},{},{}",
            quoted(&format!("2026-04-01T{}Z", clock(i))),
            quoted("worker-9"),
            quoted(l)
        )
    });
    let first = each(|i, l| format!("{};{};worker-9", quoted(l), clock(i)));
    let one = format!("\"time\",\"message\"\n\"2026-04-01T11:20:00Z\",{}\n", quoted(DUMP));
    let markdown = [
        b"| time | message |\n| --- | --- |\n".to_vec(),
        each(|i, l| format!("| {} | {l} |", clock(i))),
    ]
    .concat();
    let code = [
        b"|line|message|host|\n|---:|:---|:---|\n".to_vec(),
        each(|i, l| format!("| {i} | `{l}` | worker-9 |")),
    ]
    .concat();
    all_the_same(
        "tables",
        vec![
            ("CSV, quotes where they are needed", csv),
            ("CSV, all in quotes", all),
            ("the message first, semicolons", first),
            ("the whole dump in one cell", one.into_bytes()),
            ("Markdown", markdown),
            ("Markdown with marks of code", code),
        ],
    );
}

#[test]
fn pastes_broken_at_the_width_of_a_window() {
    let journal: String = DUMP
        .lines()
        .map(|l| format!("Apr 01 11:20:07 worker-9 kubelet[907]: {l}\n"))
        .collect();
    let klog: String = DUMP
        .lines()
        .map(|l| format!("E0401 11:20:07.000113     907 server.go:9] {l}\n"))
        .collect();
    all_the_same(
        "broken lines",
        vec![
            ("journal at 80", broken(&journal, 80).into_bytes()),
            ("journal at 100", broken(&journal, 100).into_bytes()),
            ("journal at 120", broken(&journal, 120).into_bytes()),
            ("klog at 100", broken(&klog, 100).into_bytes()),
            ("bare at 72", broken(&DUMP.replace('\t', "        "), 72).into_bytes()),
            ("bare at 80", broken(&DUMP.replace('\t', "        "), 80).into_bytes()),
        ],
    );
}

#[test]
fn values_of_a_logger_with_and_without_an_end() {
    let klog = |key: &str| {
        let value: String = DUMP.lines().map(|l| format!("\t{l}\n")).collect();
        format!("E0401 11:20:07.000113     907 panic.go:99] \"Observed a panic\" panic=\"x\" {key}=<\n{value} >\n")
    };
    let one_line = |before: &str| format!("{before}{}", escaped(DUMP));
    all_the_same(
        "values",
        vec![
            ("stacktrace of klog", klog("stacktrace").into_bytes()),
            ("err of klog", klog("err").into_bytes()),
            (
                "escaped, the file ends with the quote",
                one_line("E0401 11:20:07.000113     907 panic.go:99] \"Observed a panic\" stacktrace=").into_bytes(),
            ),
            (
                "logrus, no line end",
                one_line("time=\"2026-04-01T11:20:07Z\" level=info msg=").into_bytes(),
            ),
            (
                "a field of JSON, no line end",
                format!(
                    "{{\"ts\":1775042407.1,\"msg\":\"Observed a panic\",\"stacktrace\":{}}}",
                    escaped(DUMP)
                )
                .into_bytes(),
            ),
        ],
    );
}

/// A `debug=1` text: total and stacks with names, a comment line a frame.
const COUNTS: &str = "\
goroutine profile: total 9
7 @ 0x43e0ee 0x41c0a5 0x9000f0
#\t0x41c0a4\tsync.(*WaitGroup).Wait+0x44\t/go/src/sync/waitgroup.go:118
#\t0x9000ef\tk8s.io/kubernetes/pkg/kubelet/status.(*manager).Start+0x1f\t/k/pkg/kubelet/status/status_manager.go:231

2 @ 0x43e0ee 0x9100f0
#\t0x9100ef\tk8s.io/kubernetes/pkg/kubelet/prober.(*worker).run+0x2f\t/k/pkg/kubelet/prober/worker.go:169

";

#[test]
fn texts_with_names_in_whatever_was_around_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        json(&["top", "-q", "--by", "owner", &path.display().to_string()])["rows"].clone()
    };
    let whole = rows("whole", COUNTS);
    assert_eq!(whole[0]["flat"], 7, "{whole}");
    let lines = |f: &dyn Fn(&str) -> String| -> String { COUNTS.lines().map(|l| f(l) + "\n").collect() };
    for (name, text) in [
        ("tabs became blanks", COUNTS.replace('\t', "       ")),
        ("one blank", COUNTS.replace('\t', " ")),
        ("blanks that do not break", COUNTS.replace('\t', "\u{a0}\u{a0}")),
        (
            "no mark of comments",
            lines(&|l| l.trim_start_matches("#\t").replace('\t', "   ")),
        ),
        ("moved in", lines(&|l| format!("\t{l}"))),
        ("quoted mail", lines(&|l| format!("> {l}"))),
        ("below a sentence", format!("Output of the node:\n{COUNTS}")),
        (
            "below a prompt",
            format!(
                "root@node:~# curl -sk https://localhost:10250/debug/pprof/goroutine?debug=1\n{COUNTS}root@node:~#\n"
            ),
        ),
        ("in a fence", format!("Hi,\n\n```text\n{COUNTS}```\n\nthanks\n")),
        (
            "below headers",
            format!("HTTP/2 200\r\ncontent-type: text/plain\r\n\r\n{COUNTS}"),
        ),
    ] {
        assert_eq!(rows(name, &text), whole, "{name}");
    }
}

#[test]
fn two_profiles_in_one_file_are_never_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let heap = |value: i64, name: &str| {
        let types = [("inuse_objects", "count"), ("inuse_space", "bytes")];
        let sample = Made {
            stack: &["main.keep", "main.main"],
            values: &[1, value],
            texts: &[],
            numbers: &[],
        };
        let mut p = profile(&types, &[sample]);
        p.time_nanos = 1_775_042_407_000_000_000 + value;
        fs::read(save(&p, folder.path(), name)).expect("a profile")
    };
    let (a, b) = (heap(1000, "a.pb.gz"), heap(3000, "b.pb.gz"));
    let unpacked = |bytes: &[u8]| {
        let limit = kubeprof::pprof::Limit::Proportional;
        kubeprof::pprof::inflate(bytes, limit)
            .expect("packed right")
            .into_owned()
    };
    let packed = |bytes: &[u8]| {
        let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        e.write_all(bytes).expect("memory");
        e.finish().expect("memory")
    };
    let raw = [unpacked(&a), unpacked(&b)].concat();
    for (name, bytes) in [
        ("two streams", [a.clone(), b.clone()].concat()),
        ("three streams", [a.clone(), b.clone(), a.clone()].concat()),
        ("raw", raw.clone()),
        ("packed together", packed(&raw)),
        ("packed streams", packed(&[a.clone(), b.clone()].concat())),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        let answer = run(&["top", &path.display().to_string()]);
        assert_eq!(answer.code, 2, "{name}: {}", answer.stdout);
        assert!(
            answer.stderr.contains("two profiles one after the other"),
            "{name}: {}",
            answer.stderr
        );
        assert!(
            answer.stderr.contains("hint: save each profile in a file of its own"),
            "{name}: {}",
            answer.stderr
        );
    }
    // One profile in two streams is one.
    let whole = unpacked(&a);
    let (front, back) = whole.split_at(whole.len() / 2);
    let path = folder.path().join("members.pb.gz");
    fs::write(&path, [packed(front), packed(back)].concat()).expect("a file");
    assert_eq!(json(&["top", &path.display().to_string()])["total"], 1000);
}

#[test]
fn texts_that_hold_no_profile_are_called_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text, words) in [
        (
            "a log",
            "Apr 01 11:20:07 worker-9 kubelet[907]: I0401 11:20:07.1 907 kubelet.go:1] \"SyncLoop ADD\"\n",
            "a log in which no goroutine dump",
        ),
        (
            "folded",
            "main.main;main.work 12\nmain.main;main.idle 3\n",
            "folded stacks",
        ),
        (
            "dot",
            "digraph \"kubelet\" {\nnode [style=filled]\nN1 [label=\"x\"]\n}\n",
            "a drawing (Graphviz)",
        ),
        (
            "traces",
            "File: kubelet\nType: cpu\n-----------+-------\n      10ms   runtime.futex\n",
            "the printed report of go tool pprof",
        ),
        (
            "source",
            "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n",
            "source code (Go)",
        ),
        (
            "object",
            "apiVersion: v1\nkind: Node\nmetadata:\n  name: worker-9\n",
            "a Kubernetes object of kind Node",
        ),
        (
            "prose",
            "The kubelet has been slow since Tuesday.\n",
            "text in which no profile",
        ),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        let answer = run(&["top", &path.display().to_string()]);
        assert_eq!(answer.code, 2, "{name}");
        assert!(
            answer.stderr.contains(words) && answer.stderr.contains("hint: "),
            "{name}: {}",
            answer.stderr
        );
        assert!(!answer.stderr.contains("wire type"), "{name}: {}", answer.stderr);
    }
}
