//! `top`, `tree`, `peek`, `traces`, `tags`, `raw`.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::args::{Format, InputArgs, OutArgs, QueryArgs};
use super::{open, output};
use crate::analysis::{self, QueryError, Trim};
use crate::render::{layout, pprof as text};

/// Rows of `top` where no number is given.
const TOP_ROWS: usize = 30;

#[derive(Args, Debug)]
pub(super) struct TopArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn top(args: &TopArgs) -> Result<()> {
    let (mut view, look) = open::view(&args.input, &args.query.query(Some(TOP_ROWS)), &args.out)?;
    let report = analysis::top(&mut view);
    output::document(&layout::top(&report, &view, &look), args.output, &args.out, false)
}

#[derive(Args, Debug)]
pub(super) struct TreeArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn tree(args: &TreeArgs) -> Result<()> {
    let (mut view, look) = open::view(&args.input, &args.query.query(None), &args.out)?;
    let report = analysis::tree(&mut view, None)?;
    output::document(
        &layout::tree(&report, &view, &look, "tree"),
        args.output,
        &args.out,
        true,
    )
}

#[derive(Args, Debug)]
pub(super) struct PeekArgs {
    /// Expression that names must match
    #[arg(value_name = "REGEX")]
    matching: String,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn peek(args: &PeekArgs) -> Result<()> {
    let query = analysis::Query {
        trim: Trim::NONE,
        ..args.query.query(None)
    };
    let (mut view, look) = open::view(&args.input, &query, &args.out)?;
    let report = analysis::tree(&mut view, Some(&args.matching))?;
    if report.is_empty() {
        bail!(QueryError::NoMatch(args.matching.clone()));
    }
    output::document(
        &layout::tree(&report, &view, &look, "peek"),
        args.output,
        &args.out,
        true,
    )
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
enum TracesFormat {
    /// For people.
    #[default]
    Text,
}

#[derive(Args, Debug)]
pub(super) struct TracesArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: TracesFormat,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn traces(args: &TracesArgs) -> Result<()> {
    let (mut view, _) = open::view(&args.input, &args.query.query(None), &args.out)?;
    let report = analysis::traces(&mut view);
    match args.output {
        TracesFormat::Text => output::write(&args.out, true, false, |out| text::traces(&report, &view, out)),
    }
}

#[derive(Args, Debug)]
pub(super) struct TagsArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn tags(args: &TagsArgs) -> Result<()> {
    let (view, look) = open::view(&args.input, &args.query.query(None), &args.out)?;
    output::document(
        &layout::tags(&analysis::tags(&view), &view, &look),
        args.output,
        &args.out,
        false,
    )
}

#[derive(Args, Debug)]
pub(super) struct RawArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn raw(args: &RawArgs) -> Result<()> {
    let loaded = open::load(&args.input, &args.out)?;
    output::write(&args.out, true, false, |out| text::raw(&loaded.profile, out))
}
