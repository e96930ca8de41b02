//! Journals and logs: who crashed when and why, which dumps there are, what was lost, and whose goroutines they are.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::support::{fine, json as answer, run, run_with};

/// Goroutines of a kubelet: the sync loop, a probe that waits for the runtime, the PLEG behind a mutex.
const KUBELET: &str = "\
goroutine 1 [select, 14 minutes]:
k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoopIteration(0xc000a48000, {0x1, 0x2})
\tk8s.io/kubernetes/pkg/kubelet/kubelet.go:2490 +0x1d3
k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop(0xc000a48000)
\tk8s.io/kubernetes/pkg/kubelet/kubelet.go:2400 +0x4a5
created by k8s.io/kubernetes/cmd/kubelet/app.startKubelet in goroutine 1
\tk8s.io/kubernetes/cmd/kubelet/app/server.go:1270 +0x9a

goroutine 77 [sync.Mutex.Lock, 13 minutes]:
sync.runtime_SemacquireMutex(0xc000a48010?, 0x0?, 0x1?)
\truntime/sema.go:95 +0x25
sync.(*Mutex).Lock(...)
\tsync/mutex.go:92
k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Relist(0xc000788960)
\tk8s.io/kubernetes/pkg/kubelet/pleg/generic.go:231 +0x2c9
created by k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Start in goroutine 1
\tk8s.io/kubernetes/pkg/kubelet/pleg/generic.go:171 +0x9a

";

/// Goroutines of a container runtime, created by its first one.
const RUNTIME: &str = "\
goroutine 5 [semacquire, 21 minutes]:
sync.runtime_Semacquire(0xc0)
\tsync/sema.go:1 +0x1
example.org/cr/tasks.(*Queue).Wait(0xc0)
\texample.org/cr/tasks/queue.go:10 +0x1
created by example.org/cr/tasks.Start in goroutine 1
\texample.org/cr/tasks/queue.go:3 +0x1

goroutine 6 [select, 21 minutes]:
example.org/cr/events.loop()
\texample.org/cr/events/l.go:7 +0x1
created by example.org/cr/events.Start in goroutine 1
\texample.org/cr/events/l.go:3 +0x1

";

/// Lines of a journal.
#[derive(Default)]
struct Journal(String);

impl Journal {
    fn line(&mut self, clock: &str, who: &str, text: &str) -> &mut Self {
        self.0 += &format!("Mar 12 {clock} node-a7 {who}: {text}\n");
        self
    }

    fn all(&mut self, clock: &str, who: &str, text: &str) -> &mut Self {
        for line in text.lines() {
            self.line(clock, who, line);
        }
        self
    }

    fn save(&self, folder: &Path) -> String {
        let path = folder.join("journal.txt");
        fs::write(&path, &self.0).expect("a file");
        path.display().to_string()
    }
}

fn heading(page: &str) -> Vec<&str> {
    page.lines().take_while(|l| !l.is_empty()).collect()
}

#[test]
fn a_dead_kubelet_in_a_journal_is_explained_in_one_command() {
    let folder = tempfile::tempdir().expect("folder");
    let mut j = Journal::default();
    for i in 0..500 {
        j.line(
            "07:30:00",
            "kubelet[4711]",
            &format!("I0312 07:30:00.1 4711 kubelet.go:7] \"SyncLoop\" n={i}"),
        );
    }
    j.line(
        "07:41:29",
        "systemd[1]",
        "kubelet.service: Watchdog timeout (limit 10min)!",
    );
    j.line(
        "07:41:29",
        "systemd[1]",
        "kubelet.service: Killing process 4711 (kubelet) with signal SIGABRT.",
    );
    j.line("07:41:30", "kubelet[4711]", "SIGABRT: abort").line(
        "07:41:30",
        "kubelet[4711]",
        "PC=0x47b1a1 m=0 sigcode=0",
    );
    j.all("07:41:30", "kubelet[4711]", KUBELET)
        .line("07:41:30", "kubelet[4711]", "rax    0xca");
    j.line(
        "07:41:31",
        "systemd[1]",
        "kubelet.service: Main process exited, code=dumped, status=6/ABRT",
    );
    j.line(
        "07:41:31",
        "systemd[1]",
        "kubelet.service: Failed with result 'watchdog'.",
    );
    j.line(
        "07:41:41",
        "systemd[1]",
        "kubelet.service: Scheduled restart job, restart counter is at 3.",
    );
    j.line(
        "07:41:41",
        "systemd[1]",
        "Started kubelet.service - kubelet: The Kubernetes Node Agent.",
    );
    for i in 0..500 {
        j.line(
            "07:42:00",
            "kubelet[5000]",
            &format!("I0312 07:42:00.1 5000 kubelet.go:7] \"SyncLoop\" n={i}"),
        );
    }
    let path = j.save(folder.path());
    let page = fine(&["goroutines", &path]);
    let head = heading(&page);
    assert_eq!(
        head[1], "kubelet[4711] on node-a7, Mar 12 07:41:30: SIGABRT: abort",
        "{page}"
    );
    assert_eq!(
        head[2],
        "kubelet.service: watchdog timeout (limit 10min) at Mar 12 07:41:29 · killed with SIGABRT (process 4711) at Mar 12 \
         07:41:29 · exited, code=dumped, status=6/ABRT at Mar 12 07:41:31 · started at Mar 12 07:41:41 · 1 restart in this \
         text (counter 3)",
        "{page}"
    );
    assert_eq!(
        head[3..7],
        [
            "1 of PLEG waits in mutexes, the longest for 13 min",
            "total 2 goroutines",
            "stuck:",
            "  1 of PLEG blocked in mutexes for 13 min"
        ],
        "{page}"
    );
    // From standard input as well.
    assert_eq!(
        run_with(&["goroutines", "-"], Some(j.0.as_bytes()))
            .stdout
            .lines()
            .nth(5),
        Some(head[5])
    );
    let d = answer(&["goroutines", &path]);
    let e = &d["evidence"][0];
    let crash = &e["dumps"][0]["crash"];
    assert_eq!(crash["cause"], json!("signal"), "{e}");
    assert_eq!(crash["signal"], json!("SIGABRT"));
    assert_eq!(
        crash["goroutine"],
        Value::Null,
        "a signal from outside hits no goroutine"
    );
    assert_eq!(e["dumps"][0]["writer"]["pid"], json!(4711));
    let what: Vec<&str> = e["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|e| e["what"].as_str())
        .collect();
    assert_eq!(what, ["watchdog", "killed", "exited", "failed", "restart", "started"]);
    assert_eq!(e["events"][2]["status"], json!(6));
    assert_eq!(e["events"][2]["status_name"], json!("ABRT"));
    let inspect = fine(&["inspect", &path]);
    for words in [
        "kubelet[4711] on node-a7",
        "SIGABRT: abort",
        "exited, code=dumped, status=6/ABRT",
        "watchdog timeout (limit 10min)",
    ] {
        assert!(inspect.contains(words), "{words}: {inspect}");
    }
}

#[test]
fn two_processes_are_two_dumps() {
    let folder = tempfile::tempdir().expect("folder");
    let alone = {
        let mut j = Journal::default();
        fine(&[
            "goroutines",
            &j.all("07:41:30", "kubelet[4711]", KUBELET).save(folder.path()),
        ])
    };
    let body = |page: &str| page[page.find("total ").expect("a total")..].to_owned();
    let mut after = Journal::default();
    after
        .all("07:41:30", "kubelet[4711]", KUBELET)
        .all("07:41:31", "containerd[812]", RUNTIME);
    let mut before = Journal::default();
    before
        .all("07:41:30", "containerd[812]", RUNTIME)
        .all("07:41:31", "kubelet[4711]", KUBELET);
    let mut mixed = Journal::default();
    let (mut a, mut b) = (KUBELET.lines(), RUNTIME.lines());
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            break;
        }
        x.map(|l| mixed.line("07:41:30", "kubelet[4711]", l).0.len());
        y.map(|l| mixed.line("07:41:30", "containerd[812]", l).0.len());
    }
    for j in [after, before, mixed] {
        let path = j.save(folder.path());
        let page = fine(&["goroutines", &path]);
        assert!(page.contains("2 dumps in this text:"), "{page}");
        assert!(
            page.contains("containerd[812]") && page.contains("kubelet[4711]"),
            "{page}"
        );
        // The goroutines of the kubelet, as if the other were not there.
        assert_eq!(body(&page), body(&alone));
        // A parent is never looked for in another process.
        let owners = fine(&["top", "--by", "owner", &path]);
        assert!(owners.contains("   1  50.00%    1  50.00%  sync loop"), "{owners}");
    }
}

#[test]
fn goroutines_of_another_program_are_no_parts_of_the_kubelet() {
    let folder = tempfile::tempdir().expect("folder");
    let real = RUNTIME
        .replace(
            "example.org/cr/tasks",
            "github.com/containerd/containerd/v2/core/runtime/v2",
        )
        .replace(
            "created by github.com",
            "created by k8s.io/kubernetes/pkg/kubelet/pleg.x.github.com",
        );
    let main = "goroutine 1 [chan receive, 21 minutes]:\nmain.main()\n\tgithub.com/containerd/containerd/v2/cmd/containerd/main.go:7 +0x1\n\n";
    for (who, text, program) in [
        ("containerd[812]", RUNTIME.to_owned(), "containerd"),
        ("crio[9]", RUNTIME.to_owned(), "crio"),
        ("kube-apiserver[9]", RUNTIME.to_owned(), "kube-apiserver"),
        ("proc[9]", format!("{main}{real}"), "containerd"),
        (
            "proc[9]",
            RUNTIME.replace("example.org/cr/", "go.etcd.io/etcd/server/v3/"),
            "etcd",
        ),
        (
            "proc[9]",
            RUNTIME.replace("example.org/cr/", "github.com/prometheus/prometheus/"),
            "prometheus",
        ),
    ] {
        let mut j = Journal::default();
        let path = j.all("07:41:30", who, &text).save(folder.path());
        let page = fine(&["goroutines", &path]);
        let words = format!("this is a dump of {program}, not of a kubelet");
        assert!(page.contains(&words), "{words}: {page}");
        let d = answer(&["goroutines", &path]);
        for row in d["rows"].as_array().expect("rows") {
            let owner = row["owner"].as_str().unwrap_or_default();
            assert!(!["startup", "pleg", "sync-loop"].contains(&owner), "{row}");
        }
        assert_eq!(d["evidence"][0]["dumps"][0]["program"], json!(program));
    }
    // A kubelet runs in these.
    let k3s = KUBELET.replacen(
        "goroutine 77",
        "goroutine 3 [select]:\ngithub.com/k3s-io/k3s/pkg/agent.run(0x1)\n\tx.go:7 +0x1\n\ngoroutine 77",
        1,
    );
    let mut j = Journal::default();
    let page = fine(&["goroutines", &j.all("07:41:30", "k3s[7]", &k3s).save(folder.path())]);
    assert!(
        page.contains("1 of PLEG blocked in mutexes") && !page.contains("not of a kubelet"),
        "{page}"
    );
}

#[test]
fn a_number_that_comes_again_begins_another_dump() {
    let folder = tempfile::tempdir().expect("folder");
    let child = |parent: u64| {
        format!(
            "goroutine 60 [semacquire, 7 minutes]:\nsync.runtime_Semacquire(0xc0)\n\tsync/sema.go:1 +0x1\nexample.org/lib.wait()\n\tlib/w.go:1 \
             +0x1\ncreated by example.org/lib.Go in goroutine {parent}\n\tlib/w.go:3 +0x1\n\n"
        )
    };
    let probe = "goroutine 77 [select, 2 minutes]:\nk8s.io/kubernetes/pkg/kubelet/prober.(*worker).run(0x1)\n\tk8s.io/kubernetes/pkg/kubelet/prober/worker.go:1 \
                 +0x1\ncreated by k8s.io/kubernetes/pkg/kubelet/prober.(*manager).AddPod in goroutine 9\n\tk8s.io/kubernetes/pkg/kubelet/prober/m.go:1 +0x1\n\n";
    let large = format!("{KUBELET}{}", child(77));
    for text in [format!("{large}{probe}"), format!("{probe}{large}")] {
        let path = folder.path().join("twice.txt");
        fs::write(&path, text).expect("a file");
        let page = fine(&["goroutines", &path.display().to_string()]);
        assert!(
            page.contains("1 of PLEG blocked in mutexes for 7 min") || page.contains("2 of PLEG blocked in mutexes"),
            "{page}"
        );
        assert!(!page.contains("of probes"), "{page}");
        assert!(page.contains("2 dumps in this text"), "{page}");
    }
}

#[test]
fn what_a_log_lost_is_said_and_nothing_is_made_up() {
    let folder = tempfile::tempdir().expect("folder");
    let one = "goroutine 1 [select, 3 minutes]:\nexample.org/a.f1(0x1)\n\ta/f1.go:1 +0x1\ncreated by example.org/a.Start in goroutine \
               9\n\ta/s.go:3 +0x1\n";
    let two = "example.org/b.g1(0x1)\n\tb/g1.go:1 +0x1\nexample.org/b.g2(0x1)\n\tb/g2.go:2 +0x1\ncreated by example.org/b.Start in goroutine \
               9\n\tb/s.go:3 +0x1\n";
    for (marker, words) in [
        (
            "systemd-journald[400]: Suppressed 812 messages from kubelet.service",
            "the log lost 812 messages while it was written",
        ),
        (
            "systemd-journal[400]: Suppressed 7 messages from /system.slice/kubelet.service",
            "the log lost 7 messages while it was written",
        ),
        (
            "rsyslogd[9]: imjournal: 34 messages lost due to rate-limiting",
            "the log lost 34 messages while it was written",
        ),
        (
            "rsyslogd[9]: imjournal: begin to drop messages due to rate-limiting",
            "the log lost messages while it was written",
        ),
        ("systemd-journald[400]: Suppressed 812 messages from other.service", ""),
    ] {
        let mut j = Journal::default();
        j.all("07:41:30", "kubelet[4711]", one);
        j.0 += &format!("Mar 12 07:41:30 node-a7 {marker}\n");
        j.all("07:41:30", "kubelet[4711]", two);
        let path = j.save(folder.path());
        let page = fine(&["goroutines", &path, "--stacks", "all"]);
        assert!(page.contains("total 2 goroutines"), "{page}");
        assert!(
            page.contains("1 goroutine without a header (state and wait unknown)"),
            "{page}"
        );
        assert!(words.is_empty() || page.contains(words), "{words}: {page}");
        assert!(!words.is_empty() || !page.contains("the log lost"), "{page}");
        assert!(!page.contains("ends early"), "{page}");
        let d = answer(&["goroutines", &path]);
        for row in d["rows"].as_array().expect("rows") {
            let text = row.to_string();
            assert!(!(text.contains("a.f1") && text.contains("b.g1")), "{row}");
        }
    }
    // A header that is broken still counts, and is named.
    let mut j = Journal::default();
    j.all("07:41:30", "kubelet[4711]", one);
    j.line(
        "07:41:30",
        "kubelet[4711]",
        "goroutine 77 gp=0xc000102380 m=nil [sync.Mutex.Lock, 13 minu",
    );
    j.all("07:41:30", "kubelet[4711]", two);
    let page = fine(&["goroutines", &j.save(folder.path())]);
    assert!(page.contains("total 2 goroutines"), "{page}");
    assert!(
        page.contains("1 goroutine with a header that is not understood in full"),
        "{page}"
    );
    assert!(page.contains("sync.Mutex.Lock"), "{page}");
}

#[test]
fn why_a_process_died_is_told_from_its_own_words() {
    let folder = tempfile::tempdir().expect("folder");
    let running = "goroutine 603 [running]:\nexample.org/p.f(0x1)\n\tp/f.go:7 +0x1\n\ngoroutine 4 [select]:\nexample.org/p.g(0x1)\n\tp/g.go:7 +0x1\n\n";
    for (words, cause, signal, goroutine, limit) in [
        (
            "panic: runtime error: index out of range [1] with length 1\n\n",
            "panic",
            Value::Null,
            json!(603),
            Value::Null,
        ),
        (
            "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]\n\n",
            "panic",
            json!("SIGSEGV"),
            json!(603),
            Value::Null,
        ),
        (
            "runtime: program exceeds 10000-thread limit\nfatal error: thread exhaustion\n\nruntime stack:\nruntime.throw({0x1, 0x2})\n\truntime/panic.go:7 +0x1\n\n",
            "thread-limit",
            Value::Null,
            json!(603),
            json!(10000),
        ),
        (
            "fatal error: runtime: out of memory\n\nruntime stack:\nruntime.throw({0x1, 0x2})\n\truntime/panic.go:7 +0x1\n\n",
            "out-of-memory",
            Value::Null,
            json!(603),
            Value::Null,
        ),
        (
            "fatal error: concurrent map writes\n\n",
            "concurrent-map",
            Value::Null,
            json!(603),
            Value::Null,
        ),
        (
            "fatal error: all goroutines are asleep - deadlock!\n\n",
            "deadlock",
            Value::Null,
            json!(603),
            Value::Null,
        ),
    ] {
        let path = folder.path().join("crash.txt");
        fs::write(&path, format!("{words}{running}")).expect("a file");
        let d = answer(&["goroutines", &path.display().to_string()]);
        let dump = &d["evidence"][0]["dumps"][0];
        let crash = &dump["crash"];
        assert_eq!(crash["cause"], json!(cause), "{words}: {crash}");
        assert_eq!(crash["signal"], signal, "{words}: {crash}");
        assert_eq!(crash["goroutine"], goroutine, "{words}: {crash}");
        assert_eq!(crash["thread_limit"], limit, "{words}: {crash}");
        assert_eq!(
            dump["goroutines"],
            json!(2),
            "{words}: the runtime's own stack is no goroutine"
        );
    }
    // What a kubelet went on after is not what it died of.
    let mut log = String::new();
    for i in 0..3 {
        log += &format!(
            "E0312 07:4{i}:30.123456    4711 panic.go:115] \"Observed a panic\" panic=\"no such pod\" stacktrace=<\n\tgoroutine {} [running]:\n\texample.org/p.f(0x1)\n\t\tp/f.go:7 +0x1\n >\n",
            600 + i
        );
    }
    let path = folder.path().join("kubelet.log");
    fs::write(&path, format!("{log}SIGQUIT: quit\nPC=0x1 m=0 sigcode=0\n\n{KUBELET}")).expect("a file");
    let page = fine(&["goroutines", &path.display().to_string()]);
    assert!(page.contains("4 dumps in this text"), "{page}");
    assert!(page.contains("panic: no such pod (recovered)"), "{page}");
    assert!(
        page.contains("kubelet: SIGQUIT: quit") && page.contains("total 2 goroutines"),
        "{page}"
    );
}

#[test]
fn a_log_without_a_dump_is_not_said_to_have_none() {
    let mut j = Journal::default();
    j.line(
        "07:41:30",
        "kubelet[4711]",
        "I0312 07:41:30.1 4711 kubelet.go:7] \"SyncLoop\"",
    );
    j.line(
        "07:41:30",
        "kubelet[4711]",
        "I0312 07:41:30.1 4711 kubelet.go:7] \"SyncLoop\"",
    );
    let refused = run_with(&["goroutines", "-"], Some(j.0.as_bytes()));
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .stderr
            .contains("a log in which no goroutine dump is recognized"),
        "{}",
        refused.stderr
    );
    // Long ones are not held in memory and say the same.
    let long = j.0.repeat((17 << 20) / j.0.len());
    let refused = run_with(&["goroutines", "-"], Some(long.as_bytes()));
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .stderr
            .contains("a log in which no goroutine dump is recognized"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_long_journal_is_read_as_a_stream() {
    let folder = tempfile::tempdir().expect("folder");
    let noise = "Mar 12 07:30:00 node-a7 kubelet[4711]: I0312 07:30:00.123456    4711 kubelet.go:7] \"SyncLoop (PLEG): event for pod\" pod=\"default/web-0\"\n"
        .repeat((9 << 20) / 130);
    let mut j = Journal(noise.clone());
    j.line("07:41:30", "kubelet[4711]", "SIGABRT: abort")
        .all("07:41:30", "kubelet[4711]", KUBELET);
    j.0 += &noise;
    let path = j.save(folder.path());
    let want = "total 2 goroutines\nstuck:\n  1 of PLEG blocked in mutexes for 13 min\n";
    for page in [
        fine(&["goroutines", &path]),
        run_with(&["goroutines", "-"], Some(j.0.as_bytes())).stdout,
    ] {
        assert!(page.contains(want) && page.contains("SIGABRT: abort"), "{page}");
    }
    let packed = folder.path().join("journal.gz");
    let file = fs::File::create(&packed).expect("a file");
    let mut e = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut e, j.0.as_bytes()).expect("written");
    e.finish().expect("packed");
    assert!(fine(&["goroutines", &packed.display().to_string()]).contains(want));
}

#[test]
fn an_end_that_is_whole_is_not_said_to_be_cut() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("dump.txt");
    let page = |text: &str| {
        fs::write(&path, text).expect("a file");
        let a = run(&["goroutines", &path.display().to_string()]);
        assert_eq!(a.code, 0, "{}", a.stderr);
        a.stdout + &a.stderr
    };
    let early = "the dump ends early";
    assert!(!page(KUBELET).contains(early));
    // Indentation lost, a sentence or a fence below.
    assert!(!page(&KUBELET.replace('\t', "")).contains(early));
    assert!(!page(&format!("```\n{KUBELET}```")).contains(early));
    assert!(!page(&format!("{KUBELET}\nany ideas what that is?")).contains(early));
    // A function without its place is cut; a last line that is whole may be the last.
    assert!(
        page(
            KUBELET
                .split_once("\tk8s.io/kubernetes/pkg/kubelet/pleg/generic.go:231")
                .unwrap()
                .0
        )
        .contains(early)
    );
    assert!(page(KUBELET.trim_end()).contains("the last line has no newline"));
}

/// A journal may hold a recovered panic a second: the last ones are kept, the others counted.
#[test]
fn dumps_without_end_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = String::new();
    for i in 0..4500 {
        text += &format!(
            "E0312 07:41:30.000000    4711 runtime.go:79] Observed a panic: \"boom\" (boom)\ngoroutine {} [running]:\n\
             k8s.io/kubernetes/pkg/kubelet.f(0x1)\n\tk.go:3 +0x1\ncreated by k8s.io/kubernetes/pkg/kubelet.g in goroutine 1\n\tk.go:9 +0x2\n",
            100 + i % 50
        );
    }
    // What ended the process stays, however old it is.
    let text = format!("SIGABRT: abort\n\n{}\n{text}", KUBELET.trim_end());
    let path = folder.path().join("kubelet.log");
    fs::write(&path, text).expect("written");
    let page = answer(&["goroutines", &path.display().to_string()]);
    let found = &page["evidence"][0];
    let dumps = found["dumps"].as_array().expect("dumps");
    assert_eq!(
        dumps.len() as u64 + found["more_dumps"].as_u64().expect("a number"),
        4501
    );
    assert!(dumps.len() <= 4000, "{}", dumps.len());
    assert_eq!(dumps[0]["crash"]["message"], "SIGABRT: abort");
    assert_eq!(dumps[0]["shown"], true);
}

/// A journal in which the kernel or systemd ends `who`, and nobody prints goroutines.
fn ended(who: &str, lines: &[&str]) -> String {
    let head = format!(
        "Nov 24 03:10:01 worker-1 {who}[812]: I1124 03:10:01.000000     812 kubelet.go:2400] \"SyncLoop ADD\"\n"
    );
    let lines = lines.iter().map(|l| format!("Nov 24 03:12:44 worker-1 {l}\n"));
    head + &lines.collect::<String>()
}

#[test]
fn an_end_without_a_dump_is_evidence_of_a_crash_and_of_nothing_else() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("journal.txt");
    let at = path.display().to_string();
    let write = |text: &str| fs::write(&path, text).expect("written");
    let killed = [
        "kernel: Memory cgroup out of memory: Killed process 812 (kubelet) total-vm:3120000kB, anon-rss:1048576kB, file-rss:6kB",
        "systemd[1]: kubelet.service: Main process exited, code=killed, status=9/KILL",
        "systemd[1]: kubelet.service: Failed with result 'oom-kill'.",
        "systemd[1]: kubelet.service: Scheduled restart job, restart counter is at 4.",
    ];
    write(&ended("kubelet", &killed));
    // No goroutines is not zero goroutines.
    let refused = run(&["goroutines", &at]);
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .stderr
            .contains("log without a goroutine dump; it says how a kubelet came to an end"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("`kubeprof diagnose`"), "{}", refused.stderr);
    let page = fine(&["inspect", &at]);
    for words in ["its cgroup ran out of memory, 1GB resident (process 812)", "counter 4"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let what = &answer(&["inspect", &at])["evidence"][0]["events"][0];
    assert_eq!(what["resident_bytes"], json!(1u64 << 30), "{what}");
    for (who, lines, summary) in [
        (
            "kubelet",
            &killed[..],
            "The kernel killed the kubelet: its cgroup ran out of memory, 1GB resident; systemd restarted it 4 times",
        ),
        (
            "kubelet",
            &["systemd[1]: kubelet.service: Main process exited, code=exited, status=1/FAILURE"],
            "The kubelet ended itself: exited, code=exited, status=1/FAILURE",
        ),
        (
            "k3s",
            &["systemd[1]: k3s-agent.service: Main process exited, code=killed, status=11/SEGV"],
            "The kubelet was ended by a signal: exited, code=killed, status=11/SEGV",
        ),
        (
            "kubelet",
            &["systemd[1]: kubelet.service: Watchdog timeout (limit 10min)!"],
            "systemd's watchdog aborted the kubelet (SIGABRT): watchdog timeout (limit 10min)",
        ),
    ] {
        write(&ended(who, lines));
        let told = run(&["diagnose", "-o", "json", &at]);
        assert_eq!(told.code, 1, "{who}: {}", told.stderr);
        let d: Value = serde_json::from_str(&told.stdout).expect("JSON");
        let finding = &d["findings"][0];
        assert_eq!(
            (&finding["kind"], &finding["summary"]),
            (&json!("crash"), &json!(summary)),
            "{finding}"
        );
        assert_eq!(d["examined"]["goroutines"], Value::Null);
        // A time without a year is no absolute time.
        assert_eq!(finding["since"], Value::Null);
    }
    // Other processes, and an end that was asked for, say nothing of a kubelet that died.
    for lines in [
        ["kernel: Out of memory: Killed process 900 (java) total-vm:1kB, anon-rss:1kB"],
        ["systemd[1]: containerd.service: Main process exited, code=killed, status=9/KILL"],
        ["systemd[1]: kubelet.service: Main process exited, code=exited, status=0/SUCCESS"],
        ["systemd[1]: Stopped kubelet.service - kubelet: The Kubernetes Node Agent."],
    ] {
        write(&ended("kubelet", &lines));
        let answer = run(&["diagnose", &at]);
        assert_eq!(answer.code, 2, "{lines:?}: {}", answer.stdout);
        assert!(
            answer.stderr.contains("no goroutine dump is recognized"),
            "{}",
            answer.stderr
        );
    }
}

#[test]
fn the_crash_of_another_program_is_not_the_kubelet_s() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("journal.txt");
    let lines = [
        "panic: tocommit(12) is out of range [lastIndex(7)]",
        "",
        "goroutine 9 [running]:",
        "go.etcd.io/etcd/raft/v3.(*raftLog).commitTo(0xc000123)",
        "\t/go/src/go.etcd.io/etcd/raft/log.go:237 +0x1a",
    ];
    let text: String = lines
        .iter()
        .map(|l| format!("Nov 24 03:12:44 worker-1 etcd[6]: {l}\n"))
        .collect();
    fs::write(&path, text).expect("written");
    let answer = run(&["diagnose", &path.display().to_string()]);
    assert_eq!(answer.code, 0, "{}", answer.stdout);
    assert!(
        answer.stdout.contains("this is no kubelet; it looks like etcd"),
        "{}",
        answer.stdout
    );
    assert!(!answer.stdout.contains("The kubelet panicked"), "{}", answer.stdout);
}

/// The last words of a process, with its goroutines and without.
#[test]
fn whatever_a_kubelet_says_before_it_ends_is_the_crash() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("journal.txt");
    let file = path.display().to_string();
    for (cause, message, last) in [
        (
            "fatal-log",
            "failed to run Kubelet: swap is on",
            "F0312 07:41:30.123456    4711 server.go:274] failed to run Kubelet: swap is on",
        ),
        (
            "fatal-log",
            "\"command failed\" err=\"no such file\"",
            "E0312 07:41:30.123456    4711 run.go:74] \"command failed\" err=\"no such file\"",
        ),
        (
            "exception",
            "Exception 0xc0000005 0x0 0x18 0x7ff6a1b2c3d4",
            "Exception 0xc0000005 0x0 0x18 0x7ff6a1b2c3d4",
        ),
        ("panic", "panic: no such luck", "panic: no such luck"),
        (
            "fatal-error",
            "fatal error: found bad pointer",
            "fatal error: found bad pointer",
        ),
    ] {
        let mut journal = Journal::default();
        journal.line("07:41:29", "kubelet[4711]", "I0312 07:41:29.1 4711 a.go:1] still fine");
        journal.line("07:41:30", "kubelet[4711]", last);
        let alone = journal.0.clone();
        fs::write(&path, journal.all("07:41:30", "kubelet[4711]", KUBELET).0.as_bytes()).expect("written");
        let found = answer(&["goroutines", &file]);
        let evidence = &found["evidence"][0];
        let crash = &evidence["dumps"][0]["crash"];
        assert_eq!((&crash["cause"], &crash["message"]), (&json!(cause), &json!(message)));
        // It is told once.
        let events = evidence["events"].as_array().expect("events");
        assert!(events.iter().all(|e| e["what"] != "crashed"), "{events:?}");

        fs::write(&path, alone + "Mar 12 07:41:31 node-a7 sshd[7]: a session\n").expect("written");
        let refused = run(&["goroutines", &file]);
        assert_eq!(refused.code, 2, "{last}");
        assert!(
            refused.stderr.contains("says how a kubelet came to an end"),
            "{}",
            refused.stderr
        );
        let inspected = run(&["inspect", &file]);
        assert!(inspected.stdout.contains(message), "{last}: {}", inspected.stdout);
    }
    // Words of a crash inside of a sentence, and of a panic that was recovered from, end nothing.
    for line in [
        "E0312 07:41:30.1 4711 a.go:1] \"sync failed\" err=\"hook: panic: x\"",
        "E0312 07:41:30.1 4711 a.go:1] Observed a panic: x",
        "I0312 07:41:30.1 4711 a.go:1] container said: fatal error: x",
    ] {
        let text = format!("Mar 12 07:41:30 node-a7 kubelet[4711]: {line}\n").repeat(3);
        fs::write(&path, text).expect("written");
        let refused = run(&["goroutines", &file]);
        assert!(!refused.stderr.contains("came to an end"), "{line}: {}", refused.stderr);
    }
}

/// A log that is too long to be held and stands newest first.
#[test]
fn a_long_log_that_stands_newest_first_is_turned_where_its_dump_is() {
    let mut journal = Journal::default();
    journal.line("07:41:30", "kubelet[4711]", "SIGABRT: abort");
    journal.line("07:41:30", "kubelet[4711]", "");
    journal.all("07:41:30", "kubelet[4711]", KUBELET);
    let other = "Mar 12 07:40:00 node-a7 sshd[7]: a line that says nothing of any process at all\n";
    let mut text = other.repeat((17 << 20) / other.len());
    for line in journal.0.lines().rev() {
        text += line;
        text.push('\n');
    }
    text += &other.repeat(1000);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("journal.txt");
    fs::write(&path, text).expect("written");
    let file = path.display().to_string();
    let found = answer(&["goroutines", &file]);
    let dumps = found["evidence"][0]["dumps"].as_array().expect("dumps").clone();
    assert_eq!(
        (dumps.len(), &dumps[0]["goroutines"], &dumps[0]["damaged"]),
        (1, &json!(2), &json!(0))
    );
    assert_eq!(dumps[0]["crash"]["message"], "SIGABRT: abort");
}
