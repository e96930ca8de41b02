//! Argv -> all of the above: parse, dispatch, exit code.
//!
//! The only room that knows clap, a terminal and the process.

#[macro_use]
mod say;

mod args;
mod binary;
mod bundle;
#[cfg(feature = "capture")]
mod capture;
mod check;
mod diagnose;
mod disasm;
mod exit;
mod goroutines;
mod graphs;
mod hints;
mod inspect;
mod manual;
mod open;
mod output;
mod pprof;
mod prompt;
mod reflexes;
pub mod refusal;
mod report;
#[cfg(feature = "shell")]
mod shell;
mod symbolize;
mod symbols;
mod tables;
mod unused;
#[cfg(feature = "web")]
mod web;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use exit::Exit;
use open::Context;

const EXAMPLES: &str = "\
Examples:
  kubeprof top heap.pb.gz                        where the memory is
  kubeprof top --by subsystem goroutine.pb.gz    which part of the kubelet has the goroutines
  kubeprof peek 'startPodSync' heap.pb.gz        who calls it, what it calls

Exit status: 0 fine, 1 findings, 2 error, 3 a capture is partial.";

#[derive(Parser, Debug)]
#[command(name = "kubeprof", version, long_version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("KUBEPROF_BUILD"), ")"), about = "Explain a sick Kubernetes kubelet from its profiles and dumps, offline", after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// Every start builds the names of all commands, but options only of the one that is meant.
#[derive(Subcommand, Debug)]
#[command(defer = true)]
enum Command {
    /// Take profiles, metrics and dumps of a sick kubelet into a bundle; explain what is refused and why
    #[cfg(feature = "capture")]
    Capture(Box<capture::CaptureArgs>),
    /// Say what is sick in a kubelet, where, how sure, since when, and what to do
    Diagnose(Box<diagnose::DiagnoseArgs>),
    /// Show what grows over the snapshots of a process and is not given back
    Leaks(Box<diagnose::LeaksArgs>),
    /// Show or test the known issues of diagnose
    Knowledge(diagnose::KnowledgeArgs),
    /// Judge captures by rules and against a baseline: a gate for CI and alerts
    Check(Box<check::CheckArgs>),
    /// Write a report about a sick kubelet: one page for a browser, or one message
    Report(Box<report::ReportArgs>),
    /// Serve reports of bundles to a browser: a list with verdicts, and any of them together
    #[cfg(feature = "web")]
    Web(Box<web::WebArgs>),
    /// Show the functions, packages, subsystems or owners with the highest flat value
    Top(args::ReportArgs),
    /// Show every sample with its labels and stack
    Traces(tables::TracesArgs),
    /// Show the callers and callees of the functions that match
    Peek(tables::PeekArgs),
    /// Show every function between its callers and callees
    Tree(args::ReportArgs),
    /// Show the source lines of the functions that match, with their values
    List(tables::ListArgs),
    /// Show the instructions of the functions that match, with their values; needs the binary (stripped is fine)
    Disasm(disasm::DisasmArgs),
    /// Draw a flame graph: one page that works offline, or an SVG
    Flame(graphs::FlameArgs),
    /// Write the profile in another format: proto, folded, speedscope, callgrind, dot, svg, text
    Convert(graphs::ConvertArgs),
    /// Show the sum of the samples of each label value
    Tags(args::ReportArgs),
    /// Show all tables of the profile as text
    Raw(tables::RawArgs),
    /// Compare two profiles row by row
    Diff(tables::DiffArgs),
    /// Group goroutines: who waits in what, for how long, and who started them
    Goroutines(goroutines::GoroutinesArgs),
    /// Show what a file, folder or bundle holds and how much of it is understood
    Inspect(inspect::InspectArgs),
    /// Start a prompt with all these reports on profiles that are read once
    #[cfg(feature = "shell")]
    Shell(shell::ShellArgs),
    /// List, verify, pack, unpack, redact and merge bundles
    Bundle(bundle::BundleArgs),
    /// Manage the archive of kubelet binaries, found by build ID
    Binary(binary::BinaryArgs),
    /// Turn addresses on standard input into functions, files and lines
    Symbolize(symbolize::SymbolizeArgs),
    /// Print completions for a shell
    Completions(manual::CompletionsArgs),
    /// Print the manual, or write a page for every command
    Man(manual::ManArgs),
    /// Run the command line of go tool pprof and print the same bytes
    #[command(disable_help_flag = true)]
    Pprof {
        /// Arguments as go tool pprof takes them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// The `kubeprof` command: reads the process's arguments, answers on stdout, exits.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    run(args).into()
}

fn run(args: Vec<OsString>) -> Exit {
    if args.get(1).is_some_and(|a| a == "pprof") {
        return pprof::run(&args[2..]);
    }
    let is_command = |name: &str| name == "help" || Cli::command().find_subcommand(name).is_some();
    let args = match reflexes::meant(args, is_command) {
        reflexes::Meant::Typed(args) => args,
        reflexes::Meant::With(command, args) => {
            say!("note: this is `kubeprof {command}`; `kubeprof help` lists the other reports");
            args
        }
        reflexes::Meant::Pprof => {
            say!("error: flags with a single dash are those of go tool pprof");
            say!("hint: `kubeprof pprof` takes them, for instance `kubeprof pprof -top heap.pb.gz`");
            return Exit::Failed;
        }
    };
    let parsed = match Cli::command().try_get_matches_from(&args) {
        Err(e) if lacks_source(&e) && stdin_has_bytes() => {
            Cli::command().try_get_matches_from(args.iter().cloned().chain([OsString::from("-")]))
        }
        parsed => parsed,
    };
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(e) => {
            let failed = e.use_stderr();
            let _ = e.print();
            if let Some(hint) = hints::of_value(&e) {
                say!("hint: {hint}");
            }
            if failed {
                single_dash_hint(&args);
            }
            return if failed { Exit::Failed } else { Exit::Fine };
        }
    };
    if let Some(note) = unused::options(&matches) {
        say!("note: {note}");
    }
    let answer = match (&cli.command, matches.subcommand()) {
        #[cfg(feature = "shell")]
        (Command::Shell(args), Some((_, matches))) => shell::answer(args, matches),
        _ => dispatch(cli.command, &Context::default()),
    };
    match answer {
        Ok(exit) => exit,
        Err(e) => {
            fail(&e);
            Exit::Failed
        }
    }
}

/// Whether nothing but the profile is missing.
fn lacks_source(e: &clap::Error) -> bool {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let only_source = |v: &ContextValue| matches!(v, ContextValue::Strings(all) if matches!(all.as_slice(), [one] if one.starts_with("<SOURCE>")));
    e.kind() == ErrorKind::MissingRequiredArgument && e.get(ContextKind::InvalidArg).is_some_and(only_source)
}

/// Whether standard input is a pipe or a file, as in `kubeprof top < heap.pb.gz`.
fn stdin_has_bytes() -> bool {
    let kind = std::fs::metadata("/dev/stdin").map(|m| m.file_type());
    kind.is_ok_and(|k| {
        #[cfg(unix)]
        let pipe = std::os::unix::fs::FileTypeExt::is_fifo(&k);
        #[cfg(not(unix))]
        let pipe = false;
        pipe || k.is_file()
    })
}

/// Prints an error: its chain on one line, what was seen and its hints on lines of their own.
fn fail(e: &anyhow::Error) {
    for (n, line) in hints::told_chain(e).lines().enumerate() {
        let head = if n == 0 { "error: " } else { "" };
        say!("{head}{}", crate::render::terminal::sanitize(line));
    }
}

/// All commands with all their options.
fn whole() -> clap::Command {
    let command = Cli::command();
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let (line, page) = (format!("kubeprof {name}"), format!("kubeprof-{name}"));
        command.mut_subcommand(name, |c| {
            let mut c = c.bin_name(line).display_name(page);
            c.build();
            c
        })
    })
}

/// pprof takes `-focus`; clap reads that as a cluster of short flags.
fn single_dash_hint(args: &[OsString]) {
    let commands: Vec<String> = whole()
        .get_subcommands()
        .flat_map(|c| {
            c.get_arguments()
                .filter_map(|a| a.get_long().map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect();
    for arg in args.iter().skip(1) {
        let arg = arg.to_string_lossy();
        let Some(name) = arg.strip_prefix('-').filter(|a| !a.starts_with('-') && a.len() > 1) else {
            continue;
        };
        let name = name.split('=').next().unwrap_or_default().replace('_', "-");
        if commands.contains(&name) {
            say!("hint: did you mean --{name}? (`kubeprof pprof` takes flags with a single dash)");
            return;
        }
    }
}

fn dispatch(command: Command, context: &Context) -> Result<Exit> {
    match command {
        #[cfg(feature = "capture")]
        Command::Capture(args) => return capture::answer(&args),
        Command::Diagnose(args) => return diagnose::answer(&args),
        Command::Leaks(args) => return diagnose::leaks(&args),
        Command::Knowledge(args) => return diagnose::knowledge(&args),
        Command::Check(args) => return check::answer(&args),
        Command::Report(args) => return report::answer(&args),
        #[cfg(feature = "web")]
        Command::Web(args) => return web::answer(&args),
        Command::Top(args) => tables::top(&args, context)?,
        Command::Traces(args) => tables::traces(&args, context)?,
        Command::Peek(args) => tables::peek(&args, context)?,
        Command::Tree(args) => tables::tree(&args, context)?,
        Command::Disasm(args) => disasm::disasm(&args, context)?,
        Command::List(args) => tables::list(&args, context)?,
        Command::Flame(args) => graphs::flame(&args, context)?,
        Command::Convert(args) => graphs::convert(&args, context)?,
        Command::Tags(args) => tables::tags(&args, context)?,
        Command::Raw(args) => tables::raw(&args, context)?,
        Command::Diff(args) => return tables::diff(&args, context),
        Command::Goroutines(args) => goroutines::goroutines(&args, context)?,
        Command::Inspect(args) => inspect::inspect(&args, context)?,
        #[cfg(feature = "shell")]
        Command::Shell(_) => anyhow::bail!("a shell does not run in a shell"),
        Command::Bundle(args) => return bundle::answer(&args),
        Command::Binary(args) => return binary::answer(&args),
        Command::Symbolize(args) => return symbolize::answer(&args),
        Command::Completions(args) => manual::completions(&args)?,
        Command::Man(args) => manual::man(&args)?,
        Command::Pprof { args } => return Ok(pprof::run(&args)),
    }
    Ok(Exit::Fine)
}
