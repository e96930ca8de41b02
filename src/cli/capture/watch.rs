//! What a person sees while a capture runs: a line for every node with what is being taken and for how much longer; or, where
//! standard error is no terminal, a line for everything that happened.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::summary::size;
use super::worded;
use crate::bundle::manifest::Artifact;
use crate::capture::progress::{Awaited, Progress, Watch};
use crate::capture::refusal::Refusal;
use crate::render::terminal::sanitize;

/// Whoever fits the stream.
pub(super) fn watcher(quiet: bool, artifacts: usize) -> Arc<dyn Watch> {
    if quiet {
        Arc::new(Silent)
    } else if std::io::stderr().is_terminal() {
        Arc::new(Bars {
            all: MultiProgress::new(),
            nodes: Mutex::new(HashMap::new()),
            artifacts,
        })
    } else {
        Arc::new(Lines)
    }
}

struct Silent;

impl Watch for Silent {
    fn see(&self, _: &str, _: &Progress<'_>) {}
}

struct Lines;

impl Watch for Lines {
    fn see(&self, node: &str, progress: &Progress<'_>) {
        if let Some(text) = line(progress) {
            say!("{}: {}", sanitize(node), sanitize(&text));
        }
    }
}

/// One line about what happened, where it is worth one.
fn line(progress: &Progress<'_>) -> Option<String> {
    Some(match progress {
        Progress::Snapshot { of: 1, .. } => return None,
        Progress::Snapshot { number, of } => format!("snapshot {number} of {of}"),
        Progress::Asking { artifact, measures } if !measures.is_zero() => {
            format!("{artifact}: measuring for {} s", measures.as_secs())
        }
        Progress::Asking { .. } => return None,
        Progress::Taken { artifact } => taken(artifact),
        Progress::Failed { artifact, refusal } => format!("{artifact}: {}", refused(refusal)),
        Progress::Skipped { artifact, refusal } => format!("{artifact}: left out: {}", worded(refusal).why),
        Progress::Again {
            artifact,
            refusal,
            wait,
        } => format!("{artifact}: {}; retrying in {} s", refused(refusal), wait.as_secs()),
        Progress::Restarted { run } => format!("the kubelet was restarted: run {run} begins"),
        Progress::Waiting { wait, what } => format!("{}: in {:.0} s", awaited(what), wait.as_secs_f64().ceil()),
        Progress::Note(text) => text.lines().next().unwrap_or_default().to_owned(),
        Progress::Done => "done".to_owned(),
    })
}

fn taken(artifact: &Artifact) -> String {
    let samples = artifact
        .facts
        .samples
        .map(|n| format!(", {n} samples"))
        .unwrap_or_default();
    let took = artifact.exchange.done_ms.unwrap_or(0);
    format!(
        "{}: {}{samples}, {:.1} s",
        artifact.slot.artifact,
        size(artifact.bytes),
        took as f64 / 1e3
    )
}

fn refused(refusal: &Refusal) -> String {
    format!("{}: {}", refusal.who, worded(refusal).why)
}

fn awaited(what: &Awaited) -> String {
    match what {
        Awaited::Snapshot { number, of } => format!("snapshot {number} of {of}"),
        Awaited::Threshold { memory, goroutines } => format!(
            "memory {}, {} goroutines",
            memory.map_or_else(|| "unknown".to_owned(), |m| format!("{} MiB", m >> 20)),
            goroutines.map_or_else(|| "unknown".to_owned(), |g| g.to_string())
        ),
        Awaited::Retry(refusal) => worded(refusal).why,
    }
}

/// What a node is at.
#[derive(Default)]
struct Now {
    what: String,
    until: Option<Instant>,
    done: usize,
}

struct Node {
    bar: ProgressBar,
    now: Arc<Mutex<Now>>,
}

struct Bars {
    all: MultiProgress,
    nodes: Mutex<HashMap<String, Node>>,
    artifacts: usize,
}

impl Bars {
    fn node(&self, name: &str) -> Node {
        let now: Arc<Mutex<Now>> = Arc::default();
        let bar = self.all.add(ProgressBar::new_spinner());
        let shared = Arc::clone(&now);
        let all = self.artifacts;
        let text = move |_: &ProgressState, w: &mut dyn std::fmt::Write| {
            let now = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let left = now.until.map(|t| t.saturating_duration_since(Instant::now()));
            let left = left
                .map(|l| format!(", {} s left", l.as_secs() + 1))
                .unwrap_or_default();
            let _ = write!(w, "{}/{all}  {}{left}", now.done.min(all), sanitize(&now.what));
        };
        let style = ProgressStyle::with_template("{spinner} {prefix}  {now}");
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_spinner())
                .with_key("now", text),
        );
        bar.set_prefix(sanitize(name).into_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Node { bar, now }
    }
}

impl Watch for Bars {
    fn see(&self, node: &str, progress: &Progress<'_>) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = nodes.entry(node.to_owned()).or_insert_with(|| self.node(node));
        {
            let mut now = shown.now.lock().unwrap_or_else(PoisonError::into_inner);
            match progress {
                Progress::Snapshot { number, of } if *of > 1 => now.what = format!("snapshot {number} of {of}"),
                Progress::Asking { artifact, measures } => {
                    now.what = (*artifact).to_owned();
                    now.until = (!measures.is_zero()).then(|| Instant::now() + *measures);
                }
                Progress::Taken { .. } | Progress::Skipped { .. } => now.done += 1,
                Progress::Again { artifact, wait, .. } => {
                    now.what = format!("{artifact}, retry");
                    now.until = Some(Instant::now() + *wait);
                }
                Progress::Waiting { wait, what } => {
                    now.what = awaited(what);
                    now.until = Some(Instant::now() + *wait);
                }
                _ => {}
            }
        }
        let worth_a_line = matches!(
            progress,
            Progress::Failed { .. } | Progress::Again { .. } | Progress::Restarted { .. } | Progress::Note(_)
        );
        if let Some(text) = line(progress).filter(|_| worth_a_line) {
            let _ = self.all.println(format!("{}: {}", sanitize(node), sanitize(&text)));
        }
        if matches!(progress, Progress::Done) {
            shown.bar.finish_and_clear();
        }
    }
}
