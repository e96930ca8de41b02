//! `kubeprof disasm`: what each instruction of a function costs, on stripped binaries too.

use anyhow::Result;
use clap::Args;

use super::args::ReportArgs;
use super::open::{self, Context};
use super::output;
use crate::analysis::{self, Granularity, Query, QueryError, Trim};
use crate::render::layout;

#[derive(Args, Debug)]
pub(super) struct DisasmArgs {
    /// Regular expression that function names must match
    #[arg(value_name = "REGEX")]
    matching: String,
    #[command(flatten)]
    report: ReportArgs,
}

/// Runs the command.
pub(super) fn disasm(args: &DisasmArgs, context: &Context) -> Result<()> {
    let DisasmArgs { matching, report: args } = args;
    let query = Query {
        trim: Trim::NONE,
        granularity: Granularity::Addresses,
        ..args.query.query(None)
    };
    let subject = context.subject(&args.input, &args.out)?;
    let (proven, notes) = subject.binary()?;
    open::notes(&notes, &args.out);
    let binary = proven.mapped.binary()?;
    let view = open::said(subject.into_view(&query)?, &args.out)?;
    let report = match analysis::disassembly(&view, &binary, proven.mapping, matching) {
        Err(QueryError::NoMatch(matching)) => return Err(open::no_match(&matching, &view)),
        other => other?,
    };
    let page = layout::disasm(&report, &view, args.out.full_names);
    output::document(&page, args.output, context.out(&args.out), true)
}
