//! `diagnose`: one command, one screen.

pub(super) mod commands;
pub(super) mod gather;
mod knowledge;
mod leaks;

pub(super) use knowledge::{KnowledgeArgs, answer as knowledge};
pub(super) use leaks::{LeaksArgs, leaks};

pub(super) use commands::{command, need, quoted};

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::args::OutArgs;
use super::{Exit, open, output};
use crate::diagnose::Observer;
use crate::diagnose::report::{Confidence, Diagnosis, Verdict};
use crate::pprof::Limit;
use crate::render::diagnosis;

const EXAMPLES: &str = "\
Examples:
  kubeprof diagnose BUNDLE                       what is sick in a captured kubelet
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
    /// Bundles, folders or files: goroutine dumps, tracebacks, profiles, metrics; - for standard input
    #[arg(value_name = "SOURCE", required = true)]
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
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: DiagnoseFormat,
    #[command(flatten)]
    out: OutArgs,
}

/// What is known beside the sources.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Kubelet")]
pub(super) struct SourceArgs {
    /// Known issues of your own, beside the built-in ones (docs/knowledge.md; several allowed)
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
    let knowledge = open::knowledge_of(known.table())?;
    let mut observer = Observer::new(knowledge.clone());
    for path in &known.signatures {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        observer.add_signatures(&text, &path.display().to_string())?;
    }
    gather::each(sources, limit, &knowledge, |moment| observer.take(moment))?;
    Ok(observer.finish())
}

pub(super) fn answer(args: &DiagnoseArgs) -> Result<Exit> {
    let limit = args.max_size.map_or(Limit::Proportional, Limit::Bytes);
    let report = observe(&args.sources, limit, &args.known)?;
    print(&report, args)?;
    Ok(exit(&report, args.fail_on))
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

fn print(report: &Diagnosis, args: &DiagnoseArgs) -> Result<()> {
    let words = diagnosis::Words {
        command: &command,
        need: &need,
        all: args.all,
    };
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
