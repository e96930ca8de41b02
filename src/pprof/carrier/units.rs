//! What systemd, journald, syslog servers and the kernel write about processes, in their words of the last ten years.

use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use crate::model::evidence::UnitChange;

type Meaning = fn(&Captures<'_>) -> UnitChange;

/// A sentence and what it means; the group `u` is the unit or the process.
struct Sentence {
    pattern: Regex,
    meaning: Meaning,
}

fn text(c: &Captures<'_>, group: &str) -> String {
    c.name(group)
        .map_or_else(String::new, |m| String::from_utf8_lossy(m.as_bytes()).into_owned())
}

fn number<T: std::str::FromStr>(c: &Captures<'_>, group: &str) -> Option<T> {
    text(c, group).parse().ok()
}

static SENTENCES: LazyLock<Vec<Sentence>> = LazyLock::new(|| {
    let sentence = |pattern: &str, meaning: Meaning| Sentence {
        pattern: Regex::new(&format!("(?-u:{pattern})")).expect("a valid pattern"),
        meaning,
    };
    vec![
        sentence(
            r"(?P<u>[^\s:]+\.[a-z]+): [Mm]ain process exited, code=(?P<code>[a-z]+), status=(?P<status>[0-9]+)(?:/(?P<name>[A-Z0-9_]+))?",
            |c| UnitChange::Exited {
                code: text(c, "code"),
                status: number(c, "status").unwrap_or(0),
                name: text(c, "name"),
            },
        ),
        sentence(
            r"(?P<u>[^\s:]+\.[a-z]+):? [Ww]atchdog timeout(?: \(limit (?P<limit>[^)]*)\))?",
            |c| UnitChange::Watchdog {
                limit: text(c, "limit"),
            },
        ),
        sentence(
            r"(?P<u>[^\s:]+\.[a-z]+): Killing process (?P<pid>[0-9]+) \([^)]*\) with signal (?P<signal>SIG[A-Z0-9]+)",
            |c| UnitChange::Killed {
                signal: text(c, "signal"),
                pid: number(c, "pid"),
            },
        ),
        sentence(
            r"(?P<u>[^\s:]+\.[a-z]+): Failed with result '(?P<result>[a-z-]+)'",
            |c| UnitChange::Failed {
                result: text(c, "result"),
            },
        ),
        sentence(
            r"(?P<u>[^\s:]+\.[a-z]+): (?:Scheduled restart job, restart counter is at (?P<counter>[0-9]+)|Service (?:hold-off|RestartSec=\S+) (?:time over|expired), scheduling restart)",
            |c| UnitChange::Restart {
                counter: number(c, "counter"),
            },
        ),
        sentence(r"(?P<u>[^\s:]+\.[a-z]+) holdoff time over, scheduling restart", |_| {
            UnitChange::Restart { counter: None }
        }),
        sentence(
            r"(?P<u>[^\s:]+\.[a-z]+): A process of this unit has been killed by the OOM killer",
            |_| UnitChange::OutOfMemory {
                pid: None,
                resident: None,
                of_cgroup: None,
            },
        ),
        sentence(
            r"(?:[Oo]ut of memory|(?P<cgroup>emory cgroup out of memory)): Kill(?:ed)? process (?P<pid>[0-9]+) \((?P<u>[^)]+)\)(?:[^\n]*?anon-rss:(?P<kib>[0-9]+)kB)?",
            |c| UnitChange::OutOfMemory {
                pid: number(c, "pid"),
                resident: number::<u64>(c, "kib").and_then(|kib| kib.checked_mul(1024)),
                of_cgroup: Some(c.name("cgroup").is_some()),
            },
        ),
        sentence(
            r"Process (?P<pid>[0-9]+) \((?P<u>[^)]+)\) of user [0-9]+ dumped core",
            |c| UnitChange::CoreDumped { pid: number(c, "pid") },
        ),
        sentence(r"Suppressed (?P<n>[0-9]+) messages from (?P<u>\S+)", |c| {
            UnitChange::Suppressed {
                messages: number(c, "n"),
            }
        }),
        sentence(
            r"imuxsock(?:\[pid \d+\])?:? lost (?P<n>[0-9]+) messages from pid [0-9]+ due to rate-limiting|imjournal: (?P<m>[0-9]+) messages lost due to rate-limiting",
            |c| UnitChange::Suppressed {
                messages: number(c, "n").or_else(|| number(c, "m")),
            },
        ),
        sentence(r"imjournal: begin to drop messages due to rate-limiting", |_| {
            UnitChange::Suppressed { messages: None }
        }),
    ]
});

/// `Started kubelet.service - kubelet: The Kubernetes Node Agent.`
static STARTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:systemd(?:\[[0-9]+\])?: (?P<what>Started|Stopped) (?P<u>[^\n]+?)\.?$)").expect("a valid pattern")
});
static STARTED_TEXT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?-u:(?P<what>Started|Stopped) (?P<u>[^\n]+?)\.?$)").expect("a valid pattern"));

/// Words of which one is in every sentence.
static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        "process exited|atchdog timeout|Killing process|ailed with result|restart|OOM killer|ut of memory|dumped core|Suppressed|\
         rate-limiting|Started|Stopped",
    )
    .expect("a valid pattern")
});

/// What a line says about a unit or process: its name and what happened.
pub(in crate::pprof) fn find(line: &[u8]) -> Option<(String, UnitChange)> {
    if !WORDS.is_match(line) {
        return None;
    }
    for sentence in SENTENCES.iter() {
        if let Some(c) = sentence.pattern.captures(line) {
            let unit = text(&c, "u");
            // journald names the slice as well: /system.slice/kubelet.service
            let unit = unit.rsplit('/').next().unwrap_or_default().to_owned();
            return Some((unit, (sentence.meaning)(&c)));
        }
    }
    let c = STARTED.captures(line).or_else(|| STARTED_TEXT.captures(line))?;
    let what = match text(&c, "what").as_str() {
        "Started" => UnitChange::Started,
        _ => UnitChange::Stopped,
    };
    Some((service(&text(&c, "u"))?, what))
}

/// The unit of systemd's description; `None` for what is no service of a node.
fn service(description: &str) -> Option<String> {
    if let Some((unit, _)) = description.split_once(" - ")
        && unit.ends_with(".service")
    {
        return Some(unit.to_owned());
    }
    if description.ends_with(".service") && !description.contains(' ') {
        return Some(description.to_owned());
    }
    let lower = description.to_lowercase();
    let known = [
        ("kubelet", "kubelet.service"),
        ("kubernetes node agent", "kubelet.service"),
        ("containerd", "containerd.service"),
        ("cri-o", "crio.service"),
        ("container runtime interface for oci", "crio.service"),
        ("docker", "docker.service"),
        ("lightweight kubernetes", "k3s.service"),
    ];
    let (_, unit) = known.iter().find(|(word, _)| lower.contains(word))?;
    Some((*unit).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        let exited = |code: &str, status, name: &str| UnitChange::Exited {
            code: code.to_owned(),
            status,
            name: name.to_owned(),
        };
        for (line, unit, want) in [
            (
                "Mar 12 n systemd[1]: kubelet.service: Main process exited, code=dumped, status=6/ABRT",
                "kubelet.service",
                exited("dumped", 6, "ABRT"),
            ),
            (
                "kubelet.service: main process exited, code=exited, status=255/n/a",
                "kubelet.service",
                exited("exited", 255, ""),
            ),
            (
                "kubelet.service: Watchdog timeout (limit 10min)!",
                "kubelet.service",
                UnitChange::Watchdog {
                    limit: "10min".to_owned(),
                },
            ),
            (
                "kubelet.service: Killing process 4711 (kubelet) with signal SIGABRT.",
                "kubelet.service",
                UnitChange::Killed {
                    signal: "SIGABRT".to_owned(),
                    pid: Some(4711),
                },
            ),
            (
                "kubelet.service: Failed with result 'watchdog'.",
                "kubelet.service",
                UnitChange::Failed {
                    result: "watchdog".to_owned(),
                },
            ),
            (
                "kubelet.service: Scheduled restart job, restart counter is at 3.",
                "kubelet.service",
                UnitChange::Restart { counter: Some(3) },
            ),
            (
                "kubelet.service holdoff time over, scheduling restart.",
                "kubelet.service",
                UnitChange::Restart { counter: None },
            ),
            (
                "kernel: Out of memory: Killed process 4711 (kubelet) total-vm:1kB",
                "kubelet",
                UnitChange::OutOfMemory {
                    pid: Some(4711),
                    resident: None,
                    of_cgroup: Some(false),
                },
            ),
            (
                "kernel: Memory cgroup out of memory: Killed process 4711 (kubelet) total-vm:1kB, anon-rss:2048kB, file-rss:1kB",
                "kubelet",
                UnitChange::OutOfMemory {
                    pid: Some(4711),
                    resident: Some(2 << 20),
                    of_cgroup: Some(true),
                },
            ),
            (
                "systemd-coredump[9]: Process 4711 (kubelet) of user 0 dumped core.",
                "kubelet",
                UnitChange::CoreDumped { pid: Some(4711) },
            ),
            (
                "systemd-journald[400]: Suppressed 812 messages from kubelet.service",
                "kubelet.service",
                UnitChange::Suppressed { messages: Some(812) },
            ),
            (
                "systemd-journal[1]: Suppressed 23 messages from /system.slice/kubelet.service",
                "kubelet.service",
                UnitChange::Suppressed { messages: Some(23) },
            ),
            (
                "n systemd[1]: Started kubelet.service - kubelet: The Kubernetes Node Agent.",
                "kubelet.service",
                UnitChange::Started,
            ),
            (
                "n systemd[1]: Stopped kubelet: The Kubernetes Node Agent.",
                "kubelet.service",
                UnitChange::Stopped,
            ),
            ("Started Kubernetes Kubelet.", "kubelet.service", UnitChange::Started),
        ] {
            let found = find(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((found.0.as_str(), found.1), (unit, want), "{line}");
        }
        for line in [
            "I0312 7 kubelet.go:1] Started container web",
            "systemd[1]: Started Session 7 of user root.",
            "kubelet.service: Consumed 3min CPU time.",
        ] {
            assert_eq!(find(line.as_bytes()), None, "{line}");
        }
    }
}
