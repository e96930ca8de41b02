//! `knowledge`: the known issues that `diagnose` tries, and whether a file of one's own is right.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::super::args::OutArgs;
use super::super::{Exit, output};
use crate::diagnose::{builtin_knowledge, test_signatures};

const EXAMPLES: &str = "\
Examples:
  kubeprof knowledge show                 the built-in file: expectations, remedies, known issues
  kubeprof knowledge test my-issues.json  run the test frames of every entry

Exit status of test: 0 all entries pass, 1 some do not, 2 the file cannot be read as one.";

// Show or test the known issues of `diagnose`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct KnowledgeArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Print the built-in file, to start one of your own from
    Show {
        #[command(flatten)]
        out: OutArgs,
    },
    /// Run the test frames of every entry of a file [default: of the built-in one]
    Test {
        /// Known issues as docs/knowledge.md describes them
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        out: OutArgs,
    },
}

pub(in crate::cli) fn answer(args: &KnowledgeArgs) -> Result<Exit> {
    match &args.command {
        Command::Show { out } => {
            output::data(out, true, |to| to.write_all(builtin_knowledge().as_bytes()))?;
            Ok(Exit::Fine)
        }
        Command::Test { file, out } => {
            let text = match file {
                Some(path) => {
                    let text =
                        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                    Some((text, path.display().to_string()))
                }
                None => None,
            };
            let (entries, wrong) = test_signatures(text.as_ref().map(|(t, n)| (t.as_str(), n.as_str())))?;
            output::data(out, false, |to| {
                for line in &wrong {
                    writeln!(to, "{line}")?;
                }
                writeln!(to, "{entries} entries, {} wrong", wrong.len())
            })?;
            Ok(if wrong.is_empty() { Exit::Fine } else { Exit::Findings })
        }
    }
}
