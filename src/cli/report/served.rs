//! Reports that a page asks for: nobody typed a command, so that nothing is said beside them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use super::gather;
use crate::cli::args::OutArgs;
use crate::cli::diagnose;
use crate::input::Naming;
use crate::kubelet::Knowledge;
use crate::pprof::Limit;
use crate::report::Report;

/// Reads sources of one node and puts them into order.
pub(in crate::cli) fn of(
    sources: &[PathBuf],
    node: Option<&str>,
    limit: Limit,
    known: &diagnose::SourceArgs,
    knowledge: &Arc<Knowledge>,
) -> Result<Report> {
    let out = OutArgs::quiet();
    let reading = gather::Reading {
        node,
        limit,
        knowledge,
        naming: Naming::default(),
        out: &out,
    };
    let material = gather::material(sources, &reading)?.material;
    let diagnosis = diagnose::observe(sources, limit, known)?;
    Ok(crate::report::report(material, diagnosis, knowledge)?)
}
