//! `kubeprof shell`: the commands of the command line at a prompt, on a profile that is read once.
//!
//! A session is the profile, the variables and where answers go. Lines come from a terminal (`prompt`), from `-c` or from
//! standard input; `parse` cuts them into statements, `statement` runs them. Options, line editing and completion are shared with
//! `pprof` (`cli::prompt`).

mod help;
mod parse;
mod prompt;
mod statement;
mod variables;

use crate::cli::hints::Failure;
use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Args, Command};

use super::Exit;
use super::args::{InputArgs, OutArgs, QueryArgs};
use super::open;
use super::output::{Route, To};
use super::prompt::options::{Catalogue, State};
use crate::analysis;
use crate::input::Subject;
use crate::model::{Profile, Samples, ValueType};
use parse::Target;
use statement::Flow;

const LANGUAGE: &str = "\
A prompt with the reports of the command line, on profiles that are read once. Its language is that of go tool pprof:

COMMAND [N] [REGEX]... [-REGEX]... answers with at most N rows, of samples that match a REGEX and none of the -REGEXes. \
Flags of the command line work as well. An answer goes to a file with > FILE or >> FILE, to a program with | PROGRAM.

VARIABLE=VALUE keeps a flag for all commands, VARIABLE= clears it. Words such as lines, cum or inuse_objects and \
`by subsystem` set one. `options` lists the variables, `help` the commands.

Several statements in a line are separated by ;. Without a terminal the lines come from standard input.";

const EXAMPLES: &str = "\
Examples:
  kubeprof shell heap.pb.gz                            a prompt
  kubeprof shell heap.pb.gz -c 'by subsystem' -c top   two commands
  kubeprof shell heap.pb.gz < commands.txt             a script; exit status 2 when one of them failed";

// `kubeprof shell`.
#[derive(Args, Debug)]
#[command(long_about = LANGUAGE, after_help = EXAMPLES, mut_arg("out", |a| a.hide(true)))]
pub(super) struct ShellArgs {
    /// Run this line instead of asking for some (several allowed)
    #[arg(short, long = "command", value_name = "LINE", allow_hyphen_values = true)]
    command: Vec<String>,
    #[command(flatten)]
    input: InputArgs,
    /// What the variables are at first
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    out: OutArgs,
}

/// A profile and what is asked of it.
#[derive(Debug)]
pub(super) struct Session {
    held: Arc<Subject>,
    input: InputArgs,
    out: OutArgs,
    /// Set when the user wants no more of an answer.
    stop: Option<Arc<AtomicBool>>,
    cli: Command,
    catalogue: Catalogue,
    state: State,
    default_type: String,
    /// A profile with the sample types of the real one and nothing else, to try queries on.
    hollow: Profile,
}

/// Runs a shell on the sources of a command line.
pub(super) fn answer(args: &ShellArgs, matches: &ArgMatches) -> Result<Exit> {
    if args.out.out.is_some() {
        bail!(Failure::new(
            "a shell has many answers",
            "send each to a file with `top > FILE`"
        ));
    }
    let held = open::received(open::sources(&args.input)?.subject()?, &args.input, &args.out)?;
    let mut session = Session::new(held, args.input.clone(), args.out.clone());
    session.state = variables::of_matches(&session.catalogue, matches)?;
    session.check(&session.state)?;
    let on_stdin = args.input.sources.iter().any(|s| s.as_os_str() == "-");
    if !args.command.is_empty() {
        return session.lines(args.command.iter().map(|line| Ok(line.clone())), false);
    }
    if on_stdin && !io::stdout().is_terminal() {
        bail!(Failure::new(
            "standard input has the profile, so it cannot have commands",
            "give them with -c"
        ));
    }
    if on_stdin || io::stdin().is_terminal() {
        prompt::ask(&mut session)?;
        return Ok(Exit::Fine);
    }
    session.lines(io::stdin().lock().lines(), true)
}

/// Whether a command is a report of one subject: it takes sources, and a snapshot of them. `diagnose` reads whole series.
fn reads_subject(command: &Command) -> bool {
    let has = |id: &str| command.get_arguments().any(|a| a.get_id() == id);
    has("sources") && has("snapshot") && command.get_name() != "shell"
}

impl Session {
    /// A session without assignments.
    pub(super) fn new(held: Subject, input: InputArgs, out: OutArgs) -> Self {
        let p = &held.profile;
        let sample_types: Vec<String> = p.sample_types.iter().map(|t| p.text(t.kind).to_owned()).collect();
        let asked = p.text(p.default_sample_type);
        let default_type = sample_types.iter().find(|t| *t == asked).or(sample_types.last());
        let default_type = default_type.cloned().unwrap_or_default();
        let mut hollow = Profile {
            samples: Samples::new(sample_types.len()),
            ..Profile::default()
        };
        for t in &p.sample_types {
            let kind = hollow.strings.intern(p.text(t.kind));
            let unit = hollow.strings.intern(p.text(t.unit));
            hollow.sample_types.push(ValueType { kind, unit });
        }
        hollow.default_sample_type = hollow.strings.intern(asked);
        Self {
            catalogue: Catalogue::of_query().knowing(sample_types, &default_type),
            held: Arc::new(held),
            input,
            out,
            stop: None,
            cli: super::whole(),
            state: State::default(),
            default_type,
            hollow,
        }
    }

    /// Runs lines one after the other, whatever becomes of them. With `numbered`, errors name the line.
    fn lines(&mut self, lines: impl Iterator<Item = io::Result<String>>, numbered: bool) -> Result<Exit> {
        let (mut failed, mut found) = (false, false);
        for (i, line) in lines.enumerate() {
            let line = line.context("cannot read the commands")?;
            match self.line(&line) {
                Ok(Flow::Quit) => break,
                Ok(Flow::On(exit)) => {
                    failed |= exit == Exit::Failed;
                    found |= exit == Exit::Findings;
                }
                Err(e) => {
                    failed = true;
                    super::fail(&if numbered {
                        e.context(format!("line {}", i + 1))
                    } else {
                        e
                    });
                }
            }
        }
        Ok(match (failed, found) {
            (true, _) => Exit::Failed,
            (false, true) => Exit::Findings,
            (false, false) => Exit::Fine,
        })
    }

    /// Runs the statements of a line until one fails.
    fn line(&mut self, line: &str) -> Result<Flow> {
        let mut last = Flow::On(Exit::Fine);
        for s in parse::statements(line)? {
            last = match statement::execute(self, &s)? {
                Flow::Quit => return Ok(Flow::Quit),
                Flow::On(Exit::Fine) => last,
                other => other,
            };
        }
        Ok(last)
    }

    /// Where a statement sends its answer.
    fn route(&self, target: &Target) -> Route {
        let to = match target.clone() {
            Target::Screen => To::Out,
            Target::File(path) => To::File(path),
            Target::Append(path) => To::Append(path),
            Target::Pipe(command) => To::Pipe(command),
        };
        let stop = self.stop.clone();
        Route { to, stop }
    }

    /// Whether these assignments make a query that suits the profile.
    fn check(&self, state: &State) -> Result<()> {
        let query = variables::query(state, &self.catalogue)?;
        analysis::prepare_knowing(self.hollow.clone(), &query, Some(self.held.knowledge.clone()))?;
        Ok(())
    }

    /// The commands that work on profiles, by their names.
    fn command_names(&self) -> impl Iterator<Item = String> {
        self.cli
            .get_subcommands()
            .filter(|c| reads_subject(c))
            .map(|c| c.get_name().to_owned())
    }

    /// One of them.
    fn command(&self, name: &str) -> Option<&Command> {
        let found = self.cli.find_subcommand(name)?;
        (reads_subject(found) && found.get_name() == name).then_some(found)
    }

    /// Whether a variable means something to a command: it has that flag, with the same values.
    fn takes(&self, command: &Command, variable: &str) -> bool {
        let arg = command.get_arguments().find(|a| a.get_id() == variable);
        arg.zip(self.catalogue.find(variable))
            .is_some_and(|(arg, v)| v.suits(arg))
    }

    /// Whether all values of the default sample type are zero though others are not.
    fn nothing_of_default(&self) -> bool {
        let p = &self.held.profile;
        let Some(index) = self
            .catalogue
            .sample_types()
            .iter()
            .position(|t| *t == self.default_type)
        else {
            return false;
        };
        let mut any = false;
        for i in 0..p.samples.len() {
            let values = p.samples.values(i);
            if values[index] != 0 {
                return false;
            }
            any |= values.iter().any(|v| *v != 0);
        }
        any
    }
}
