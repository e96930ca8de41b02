//! Where names come from, as it was typed.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::binary::ArchiveArgs;
use super::hints::Failure;
use crate::input::{Naming, Subject, Symbolize};
use crate::render::layout::coverage_line;

/// When names are looked up in a binary.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mode {
    /// For addresses that the profile has no name for.
    #[default]
    Missing,
    /// Never.
    None,
    /// For all addresses; the program's own names are replaced.
    Force,
}

// Where names come from.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Symbols")]
pub(super) struct SymbolArgs {
    /// Kubelet binary that the profile was taken of; another build is refused
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Use the binary although it is of another build; every report says so
    #[arg(long, requires = "binary")]
    trust_binary: bool,
    /// When to look names up in a binary
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, hide_default_value = true)]
    symbolize: Mode,
    /// Exit with 2 when an address has no name
    #[arg(long)]
    require_symbols: bool,
    /// Ask this debuginfod server for a binary that is not found locally, by its build ID; it stays in debuginfod's cache.
    /// Without it, no network is used
    #[arg(long, value_name = "URL")]
    debuginfod: Vec<String>,
    #[command(flatten)]
    archive: ArchiveArgs,
}

impl SymbolArgs {
    /// What was typed.
    pub(super) fn naming(&self) -> Naming {
        Naming {
            when: match self.symbolize {
                Mode::Missing => Symbolize::Missing,
                Mode::None => Symbolize::Never,
                Mode::Force => Symbolize::Force,
            },
            binary: self.binary.clone(),
            trust: self.trust_binary,
            debuginfod: self.debuginfod.clone(),
            archive: self.archive.open().ok(),
        }
    }

    /// Refuses what has addresses without a name, where that was asked for.
    pub(super) fn check(&self, subject: &Subject) -> Result<()> {
        let coverage = subject.origin.coverage.as_ref().filter(|c| c.missing_total() > 0);
        match coverage.filter(|_| self.require_symbols) {
            Some(coverage) => bail!(Failure::new(
                coverage_line(coverage),
                "archive the kubelet that ran with `kubeprof binary add`, or give it with --binary"
            )),
            None => Ok(()),
        }
    }
}
