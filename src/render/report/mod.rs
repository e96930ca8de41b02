//! A report of an incident -> a page for a browser, or Markdown for an incident channel.

mod html;
mod markdown;

pub use html::{Listing, ListingLine, html};
pub use markdown::markdown;

use super::diagnosis;
use super::missing::Explain;
use crate::diagnose::report::{Diagnosis, Verdict};
use crate::report::{Event, EventKind, Place};

/// What the renderers are told besides the report.
pub struct Words<'a> {
    /// How commands and needs of a diagnosis are typed.
    pub diagnosis: diagnosis::Words<'a>,
    /// What is typed behind a verb to get a profile.
    pub place: &'a dyn Fn(&Place) -> String,
    /// The command that gave the verdict.
    pub verdict: String,
    /// How what is missing is worded.
    pub explain: Explain,
    /// Takes out of a text what strangers may not read.
    pub hide: Option<&'a dyn Fn(&str) -> String>,
}

/// The verdict in a sentence.
fn sentence(d: &Diagnosis) -> String {
    match (d.verdict, d.findings.first()) {
        (Verdict::Sick, Some(first)) => {
            let more = d.findings.len() - 1;
            let rest = match more {
                0 => String::new(),
                n => format!(" ({n} more below)"),
            };
            format!("{}{rest}", diagnosis::summary(first))
        }
        _ => diagnosis::headline(d),
    }
}

fn event_words(e: &Event, d: &Diagnosis) -> String {
    match &e.kind {
        EventKind::Start => "kubelet started".to_owned(),
        EventKind::Restart => "kubelet restarted".to_owned(),
        EventKind::Onset(rank) => match d.findings.iter().find(|f| f.rank == *rank) {
            Some(f) => format!("onset: {} ({})", f.subsystem.title, f.kind.as_str()),
            None => "onset".to_owned(),
        },
        EventKind::Condition { name, status, reason } => format!("{name}={status} ({reason})"),
    }
}

/// Facts of the process and the material, in the order to show them.
fn facts(d: &Diagnosis) -> Vec<(&'static str, String)> {
    let e = &d.examined;
    let mut facts = Vec::new();
    let mut add = |name, text: String| {
        if !text.is_empty() {
            facts.push((name, text));
        }
    };
    add("Node", e.node.clone());
    add("Kubelet", e.kubernetes.clone());
    add("Go", e.go.clone());
    add("Runtime", e.runtime.clone());
    add("Started", e.started.map(diagnosis::time).unwrap_or_default());
    let number = |v: Option<f64>| v.map(|v| format!("{v:.0}")).unwrap_or_default();
    add("Pods", number(e.load.pods));
    add("Goroutines", e.goroutines.map(|n| n.to_string()).unwrap_or_default());
    facts
}
