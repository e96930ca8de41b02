//! `leaks`: the growth part of a diagnosis as a table.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::super::args::{Format, OutArgs, parse_size};
use super::super::{Exit, output};
use super::{SourceArgs, observe};
use crate::diagnose::report::{Confidence, Kind};
use crate::pprof::Limit;
use crate::render::diagnosis;

const EXAMPLES: &str = "\
Examples:
  kubeprof leaks BUNDLE            what grows over the snapshots and is not given back
  kubeprof leaks FOLDER --all      also what grew and is no leak, with the reason
  kubeprof leaks BUNDLE -o json    for machines

Exit status: 0 nothing at likely or above, 1 a leak at likely or above, 2 error.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct LeaksArgs {
    /// Bundles, folders or files of one process at several times
    #[arg(value_name = "SERIES", required = true)]
    sources: Vec<PathBuf>,
    /// Show what grew and was dropped, with the reason
    #[arg(long)]
    all: bool,
    /// Largest size of an unpacked profile
    #[arg(long, value_name = "SIZE", help_heading = "Input", value_parser = parse_size)]
    max_size: Option<u64>,
    #[command(flatten)]
    known: SourceArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    out: OutArgs,
}

pub(in crate::cli) fn leaks(args: &LeaksArgs) -> Result<Exit> {
    let limit = args.max_size.map_or(Limit::Proportional, Limit::Bytes);
    let report = observe(&args.sources, limit, &args.known)?;
    output::document(&diagnosis::leaks(&report, args.all), args.output, &args.out, true)?;
    let sure = |f: &crate::diagnose::report::Finding| f.kind == Kind::Leak && f.confidence >= Confidence::Likely;
    Ok(if report.findings.iter().any(sure) {
        Exit::Findings
    } else {
        Exit::Fine
    })
}
