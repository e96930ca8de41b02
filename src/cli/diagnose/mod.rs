//! `diagnose`: one command, one screen.

pub(super) mod commands;
pub(super) mod gather;
mod knowledge;
mod leaks;
#[cfg(feature = "capture")]
mod node;

pub(super) use knowledge::{KnowledgeArgs, answer as knowledge};
pub(super) use leaks::{LeaksArgs, leaks};

pub(super) use commands::{command, need, quoted};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::args::{Format, OutArgs};
use super::{Exit, open, output};
use crate::cli::hints;
use crate::diagnose::Observer;
use crate::diagnose::report::{Confidence, Diagnosis, Verdict};
use crate::kubelet::Knowledge;
use crate::pprof::Limit;
use crate::render::diagnosis;

const EXAMPLES: &str = "\
Examples:
  kubeprof diagnose BUNDLE                       what is sick in a captured kubelet
  kubeprof diagnose worker-03                    capture a node and say what is sick in it
  kubeprof diagnose --all-nodes                  a line for each node
  kubeprof diagnose goroutine.debug2.txt         one dump is enough to start
  journalctl -u kubelet | kubeprof diagnose -    the traceback that a dead kubelet left

Exit status: 0 nothing at likely or above, 1 a finding at likely or above, 2 error.";

/// From which outcome on the exit code is 1.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
enum FailOn {
    /// A finding at `likely` or above.
    #[default]
    Likely,
    /// Any finding.
    Suspect,
    /// Any finding, or a verdict of `unknown`.
    Unknown,
}

/// Formats of a diagnosis.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
enum DiagnoseFormat {
    /// One screen for people.
    #[default]
    Text,
    /// One JSON object of schema kubeprof/diagnose/1.
    Json,
    /// For a ticket or an incident channel.
    Markdown,
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DiagnoseArgs {
    /// Bundles, folders or files: goroutine dumps, tracebacks, profiles, metrics; - for standard input; or nodes
    #[arg(id = "nodes", value_name = "SOURCE")]
    #[cfg_attr(feature = "capture", arg(required_unless_present_any = ["all_nodes", "direct"]))]
    #[cfg_attr(not(feature = "capture"), arg(required = true))]
    sources: Vec<PathBuf>,
    /// Show what was considered and dropped, all checks and all evidence
    #[arg(long)]
    all: bool,
    /// Exit with 1 from this outcome on
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    fail_on: FailOn,
    /// Largest size of an unpacked profile
    #[arg(long, value_name = "SIZE", help_heading = "Input", value_parser = super::args::parse_size)]
    max_size: Option<u64>,
    #[command(flatten)]
    known: SourceArgs,
    #[cfg(feature = "capture")]
    #[command(flatten)]
    nodes: node::NodeArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: DiagnoseFormat,
    #[command(flatten)]
    out: OutArgs,
}

impl DiagnoseArgs {
    /// Whether a line is due for each node, however many there are.
    fn is_of_all_nodes(&self) -> bool {
        #[cfg(feature = "capture")]
        return self.nodes.all_nodes;
        #[cfg(not(feature = "capture"))]
        false
    }
}

// What is known beside the sources.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Kubelet")]
pub(super) struct SourceArgs {
    /// Also use the known issues of this file (docs/knowledge.md; several allowed)
    #[arg(long, value_name = "FILE")]
    signatures: Vec<PathBuf>,
    /// Table of subsystems to use instead of the built-in one
    #[arg(long, value_name = "FILE")]
    knowledge: Option<PathBuf>,
}

impl SourceArgs {
    /// The table that replaces the built-in one.
    pub(super) fn table(&self) -> Option<&Path> {
        self.knowledge.as_deref()
    }
}

/// The diagnosis of sources.
pub(super) fn observe(sources: &[PathBuf], limit: Limit, known: &SourceArgs) -> Result<Diagnosis> {
    let (mut observer, knowledge) = known.observer()?;
    gather::each(sources, limit, &knowledge, |moment| observer.take(moment))?;
    Ok(observer.finish())
}

/// The diagnoses of sources: several where bundles hold several nodes.
fn observe_nodes(sources: &[PathBuf], limit: Limit, known: &SourceArgs) -> Result<Vec<Diagnosis>> {
    let (first, knowledge) = known.observer()?;
    let mut observers = vec![first];
    let mut wrong = None;
    gather::each_of_node(sources, limit, &knowledge, |node, moment| {
        while observers.len() <= node {
            match known.observer() {
                Ok((observer, _)) => observers.push(observer),
                Err(e) => {
                    wrong = Some(e);
                    return;
                }
            }
        }
        observers[node].take(moment);
    })?;
    match wrong {
        Some(e) => Err(e),
        None => Ok(observers.into_iter().map(Observer::finish).collect()),
    }
}

impl SourceArgs {
    /// An observer that knows what the files say, and the table that it uses.
    fn observer(&self) -> Result<(Observer, Arc<Knowledge>)> {
        let knowledge = open::knowledge_of(self.table())?;
        let mut observer = Observer::new(knowledge.clone());
        for path in &self.signatures {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            observer.add_signatures(&text, &path.display().to_string())?;
        }
        Ok((observer, knowledge))
    }
}

pub(super) fn answer(args: &DiagnoseArgs) -> Result<Exit> {
    let limit = args.max_size.map_or(Limit::Proportional, Limit::Bytes);
    #[cfg(feature = "capture")]
    let captured = node::captured(&args.sources, &args.nodes)?.map(|bundle| vec![bundle]);
    #[cfg(not(feature = "capture"))]
    let captured = None;
    let sources = captured.as_ref().unwrap_or(&args.sources);
    let reports = observe_nodes(sources, limit, &args.known)?;
    match reports.as_slice() {
        [report] if !args.is_of_all_nodes() => print(report, args)?,
        _ => print_nodes(&reports, args)?,
    }
    let fails = |r: &Diagnosis| exit(r, args.fail_on) == Exit::Findings;
    Ok(if reports.iter().any(fails) {
        Exit::Findings
    } else {
        Exit::Fine
    })
}

fn exit(report: &Diagnosis, fail_on: FailOn) -> Exit {
    let worst = report.worst();
    let fails = match fail_on {
        FailOn::Likely => worst >= Some(Confidence::Likely),
        FailOn::Suspect => worst.is_some(),
        FailOn::Unknown => worst.is_some() || report.verdict == Verdict::Unknown,
    };
    if fails { Exit::Findings } else { Exit::Fine }
}

fn words(args: &DiagnoseArgs) -> diagnosis::Words<'static> {
    diagnosis::Words {
        command: &command,
        need: &need,
        setting: hints::setting,
        all: args.all,
    }
}

/// A line for each node; everything about each of them in the other formats.
fn print_nodes(reports: &[Diagnosis], args: &DiagnoseArgs) -> Result<()> {
    let words = words(args);
    match args.output {
        DiagnoseFormat::Text => output::document(&diagnosis::nodes(reports), Format::Text, &args.out, true),
        DiagnoseFormat::Json => output::data(&args.out, false, |out| diagnosis::json_of_nodes(reports, &words, out)),
        DiagnoseFormat::Markdown => output::data(&args.out, false, |out| {
            reports.iter().try_for_each(|r| diagnosis::markdown(r, &words, out))
        }),
    }
}

fn print(report: &Diagnosis, args: &DiagnoseArgs) -> Result<()> {
    let words = words(args);
    match args.output {
        DiagnoseFormat::Text => {
            let terminal = output::terminal(&args.out);
            output::write(&args.out, true, None, |out| {
                diagnosis::text(report, &words, &terminal, out)
            })
        }
        DiagnoseFormat::Json => output::data(&args.out, false, |out| diagnosis::json(report, &words, out)),
        DiagnoseFormat::Markdown => output::data(&args.out, false, |out| diagnosis::markdown(report, &words, out)),
    }
}
