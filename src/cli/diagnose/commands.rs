//! Commands and needs of a diagnosis as they are typed.

use crate::diagnose::report::{Need, Show, Verb};

/// A command line.
pub(in crate::cli) fn command(show: &Show) -> String {
    let verb = match show.verb {
        Verb::Goroutines => "goroutines",
        Verb::Top => "top",
        Verb::Diff => "diff",
        Verb::Peek => "peek",
        Verb::Inspect => "inspect",
        Verb::Leaks => "leaks",
    };
    let mut line = format!("kubeprof {verb}");
    let mut push = |text: &str| {
        line.push(' ');
        line.push_str(text);
    };
    if let (Verb::Peek, Some(function)) = (show.verb, &show.focus) {
        push(&quoted(function));
    }
    for source in &show.sources {
        push(&quoted(source));
    }
    if let Some(n) = show.snapshot {
        push(&format!("--snapshot {n}"));
    }
    for (option, value) in [
        ("--kind", &show.kind),
        ("--sample-index", &show.sample_type),
        ("--owner", &show.owner),
        ("--blocked-in", &show.blocked_in),
    ] {
        if let Some(value) = value {
            push(&format!("{option} {}", quoted(value)));
        }
    }
    if let (true, Some(focus)) = (show.verb != Verb::Peek, &show.focus) {
        push(&format!("--focus {}", quoted(focus)));
    }
    line
}

/// A word as a shell takes it.
pub(in crate::cli) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// How to get what is missing.
pub(in crate::cli) fn need(need: Need) -> String {
    match need {
        Need::Dump => "a goroutine dump (debug=2), which has wait ages: kubeprof capture NODE --quick".to_owned(),
        Need::Goroutines => "goroutines: kubeprof capture NODE --quick".to_owned(),
        Need::HeapSeries => "heap profiles over time: kubeprof capture NODE --series 6 --every 10m".to_owned(),
        Need::Snapshots(n) => format!("{n} more snapshots: kubeprof capture NODE --series {n}"),
        Need::SnapshotsEvery { more, seconds } => format!(
            "{more} more snapshots, as far apart as these: kubeprof capture NODE --series {more} --every {}",
            if seconds.is_multiple_of(60) {
                format!("{}m", seconds / 60)
            } else {
                format!("{seconds}s")
            }
        ),
        Need::Metrics => "metrics at every moment: kubeprof capture NODE takes them".to_owned(),
        Need::Cpu => "a CPU profile: kubeprof capture NODE".to_owned(),
        Need::RuntimeDump => {
            "a goroutine dump of the container runtime: kill -USR1 of containerd writes it to its log".to_owned()
        }
        Need::Journal => "the kubelet's log: journalctl -u kubelet".to_owned(),
        Need::Version => "the kubelet's version: its metrics or the node object have it".to_owned(),
        Need::NodeLook => "a look at the node: mounts, and processes in state D".to_owned(),
        Need::BlockProfile => "a block profile: enableContentionProfiling in the kubelet's configuration".to_owned(),
    }
}
