//! `kubeprof completions` and `kubeprof man`: what shells and `man` know of the commands, made from clap's definitions.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, exit};

/// What stands at the foot of every page.
const SOURCE: &str = concat!("kubeprof ", env!("CARGO_PKG_VERSION"));

/// `kubeprof completions`.
#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// `kubeprof man`.
#[derive(Args, Debug)]
pub(super) struct ManArgs {
    /// Folder for one page a command; without it, all pages go to standard output
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Prints the completions of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "kubeprof", &mut text);
    print(&text)
}

/// Writes the manual.
pub(super) fn man(args: &ManArgs) -> Result<()> {
    let pages = pages()?;
    let Some(folder) = &args.folder else {
        return print(&pages.into_iter().flat_map(|(_, page)| page).collect::<Vec<u8>>());
    };
    let written = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for (name, page) in &pages {
            fs::write(folder.join(Path::new(name)), page)?;
        }
        Ok(())
    };
    written().with_context(|| folder.display().to_string())
}

/// A reader that stops reading is no error.
fn print(bytes: &[u8]) -> Result<()> {
    match io::stdout().lock().write_all(bytes) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// All pages with their file names, the command itself first.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut root = Cli::command();
    root.build();
    let mut pages = Vec::new();
    page(&root, &mut pages)?;
    Ok(pages)
}

fn page(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let man = Man::new(command.clone()).manual("kubeprof").date("").source(SOURCE);
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if command.get_arguments().any(|a| !a.is_hide_set()) {
        man.render_options_section(&mut text)?;
    }
    if command.get_subcommands().any(|c| !c.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(examples) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        verbatim("EXAMPLES", &examples.to_string(), &mut text)?;
    }
    writeln!(text, ".SH \"EXIT STATUS\"")?;
    for (code, meaning) in exit::MEANINGS {
        writeln!(text, ".TP\n.B {}\n{meaning}", *code as u8)?;
    }
    if command.get_version().is_some() {
        man.render_version_section(&mut text)?;
    }
    pages.push((man.get_filename(), text));
    for sub in command
        .get_subcommands()
        .filter(|c| !c.is_hide_set() && c.get_name() != "help")
    {
        page(sub, pages)?;
    }
    Ok(())
}

/// Lines as they stand; clap_mangen would fill them.
fn verbatim(heading: &str, lines: &str, text: &mut Vec<u8>) -> io::Result<()> {
    writeln!(text, ".SH {heading}\n.nf")?;
    for line in lines.lines().filter(|l| *l != "Examples:") {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A dot or quote at the start would be a request.
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        writeln!(text, "{guard}{line}")?;
    }
    writeln!(text, ".fi")
}
