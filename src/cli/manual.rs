//! `kubeprof completions` and `kubeprof man`: what shells and `man` know of the commands, made from clap's definitions.

use crate::cli::hints::Failure;
use std::fs;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Arg, Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{exit, output};
use crate::kubelet::{Knowledge, nearest};
use crate::model::Kind;

/// What stands at the foot of every page.
const SOURCE: &str = concat!("kubeprof ", env!("CARGO_PKG_VERSION"));

/// Sample types of a kubelet's profiles.
const SAMPLE_TYPES: [&str; 9] = [
    "inuse_space",
    "inuse_objects",
    "alloc_space",
    "alloc_objects",
    "goroutine",
    "cpu",
    "samples",
    "contentions",
    "delay",
];

// `kubeprof completions`.
#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

// `kubeprof man`.
#[derive(Args, Debug)]
pub(super) struct ManArgs {
    /// Command whose page is shown, for instance top or bundle verify; without one, the main page
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write all pages into this folder instead, one file each
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
    /// Never start a pager
    #[arg(long)]
    no_pager: bool,
}

/// Prints the completions of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut with_values(super::whole()), "kubeprof", &mut text);
    print(&text)
}

/// The commands with the values that options take beside others: a shell offers those it is told.
fn with_values(command: Command) -> Command {
    let knowledge = Knowledge::builtin();
    let subsystems: Vec<String> = knowledge.subsystems().iter().map(|s| s.key.clone()).collect();
    let types = SAMPLE_TYPES.map(str::to_owned).to_vec();
    let kinds: Vec<String> = Kind::ALL.iter().map(ToString::to_string).collect();
    offering(
        command,
        &[
            ("owner", subsystems.clone()),
            ("subsystem", subsystems),
            ("sample_index", types),
            ("kind", kinds),
        ],
    )
}

/// Options of these names offer these values, in all commands below as well.
fn offering(command: Command, values: &[(&str, Vec<String>)]) -> Command {
    let below: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let free = |a: &Arg| a.get_action().takes_values() && a.get_possible_values().is_empty();
    let own: Vec<&(&str, Vec<String>)> = values
        .iter()
        .filter(|(name, _)| command.get_arguments().any(|a| a.get_id() == name && free(a)))
        .collect();
    let command = own.into_iter().fold(command, |command, (name, values)| {
        command.mut_arg(name, |a| a.value_parser(PossibleValuesParser::new(values.clone())))
    });
    below.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |c| offering(c, values))
    })
}

/// Shows a page of the manual, or writes all of them.
pub(super) fn man(args: &ManArgs) -> Result<()> {
    let mut root = super::whole();
    root.build();
    if let Some(folder) = &args.dir {
        let mut all = Vec::new();
        pages(&root, &mut all)?;
        let written = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            for (name, page) in &all {
                fs::write(folder.join(Path::new(name)), page)?;
            }
            Ok(())
        };
        return written().with_context(|| folder.display().to_string());
    }
    let mut command = &root;
    for name in &args.command {
        command = subcommand(command, name)?;
    }
    if io::stdout().is_terminal() && !args.no_pager && shown_by_man(&page(command)?.1) {
        return Ok(());
    }
    // Without `man`, and in a pipe, where nobody lays pages out: the help says the same.
    let help = command.clone().render_long_help().to_string();
    output::paged(!args.no_pager, |out| out.write_all(help.as_bytes()))
}

/// The command of a command that is called `name`.
fn subcommand<'a>(command: &'a Command, name: &str) -> Result<&'a Command> {
    if let Some(found) = command.find_subcommand(name).filter(|c| has_page(c)) {
        return Ok(found);
    }
    let names: Vec<&str> = command
        .get_subcommands()
        .filter(|c| has_page(c))
        .map(Command::get_name)
        .collect();
    let whole = command.get_bin_name().unwrap_or("kubeprof");
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if names.is_empty() => format!("{whole} has no commands of its own"),
        None => format!(
            "commands are {}; --dir DIR writes all pages into a folder",
            names.join(", ")
        ),
    };
    bail!(Failure::new(format!("unknown command: {whole} {name}"), hint))
}

fn has_page(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

/// Lets `man` show a page, which lays it out for the terminal and starts its pager; whether it did.
fn shown_by_man(page: &[u8]) -> bool {
    let child = process::Command::new("man")
        .args(["-l", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    // A reader that stops reading has seen enough.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(page));
    child.wait().is_ok_and(|status| status.success())
}

/// A reader that stops reading is no error.
fn print(bytes: &[u8]) -> Result<()> {
    match io::stdout().lock().write_all(bytes) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// The pages of a command and of all below it, with their file names.
fn pages(command: &Command, all: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    all.push(page(command)?);
    command
        .get_subcommands()
        .filter(|c| has_page(c))
        .try_for_each(|c| pages(c, all))
}

/// The page of a command, with its file name.
fn page(command: &Command) -> Result<(String, Vec<u8>)> {
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
    Ok((man.get_filename(), text))
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
