//! Words -> a command of kubeprof: what is a flag, a number, an expression; which variables go with it.
//!
//! A command at the prompt is the command of the command line. Its words and the variables become arguments, clap reads
//! them, and `dispatch` runs it with the profile that the session holds. Only what changes the session is done here.

use crate::cli::hints::Failure;
use std::ffi::OsString;

use anyhow::{Result, anyhow, bail};
use clap::{Arg, Parser};

use super::super::args::Colour;
use super::super::open::Context;
use super::super::prompt::options::{Catalogue, Shape, State};
use super::super::prompt::words::{self, Filters};
use super::super::{Cli, Exit, dispatch};
use super::parse::{Statement, Target, Word};
use super::variables::{plain, unknown};
use super::{Session, help};
use crate::kubelet::nearest;

/// Commands of pprof that are another one here, with arguments.
const ALIASES: &[(&str, &[&str])] = &[
    ("text", &["top"]),
    ("proto", &["convert", "--output=proto"]),
    ("dot", &["convert", "--output=dot"]),
    ("svg", &["convert", "--output=svg"]),
    ("callgrind", &["convert", "--output=callgrind"]),
];

/// Commands that change or explain the session.
pub(super) const OWN: &[(&str, &str)] = &[
    ("by", "Set what a row is: `by subsystem`"),
    ("help", "Show this list, or explain one command or variable"),
    ("options", "List the variables and their values (also: o)"),
    ("quit", "End the session (also: exit, q, ^D)"),
    ("reset", "Clear all variables"),
    ("unset", "Clear variables: `unset focus hide`"),
];

/// What comes after a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    /// The next one.
    On(Exit),
    /// Nothing.
    Quit,
}

/// Runs a statement.
///
/// # Errors
/// When it cannot be understood or done; the session is as it was then.
pub(super) fn execute(session: &mut Session, statement: &Statement) -> Result<Flow> {
    let on = Ok(Flow::On(Exit::Fine));
    let (words, target) = match statement {
        Statement::Assign { name, value } => {
            assign(session, name, value)?;
            return on;
        }
        Statement::Run { words, target } => (words, target),
    };
    let (name, rest) = (words[0].text.as_str(), &words[1..]);
    let texts: Vec<&str> = rest.iter().map(|w| w.text.as_str()).collect();
    match (name, texts.as_slice()) {
        ("quit" | "exit" | "q", []) => return Ok(Flow::Quit),
        ("help" | "h" | "?", topic) => {
            let page = help::page(session, topic)?;
            help::print(session, &page, target)?;
            return on;
        }
        ("options" | "o", []) => {
            let page = help::options(session);
            help::print(session, &page, target)?;
            return on;
        }
        _ => {}
    }
    if let Some((name, implied)) = command_of(session, name) {
        let words: Vec<Word> = implied.into_iter().chain(rest.iter().cloned()).collect();
        return run(session, &name, &words, target).map(Flow::On);
    }
    if *target != Target::Screen {
        return Err(no_command(session, name));
    }
    match (name, texts.as_slice()) {
        ("reset", []) => session.state.clear(),
        (":", []) => {
            for name in ["focus", "ignore", "hide", "tagfocus", "tagignore"] {
                forget(session, name)?;
            }
        }
        ("unset", []) => bail!(Failure::new("unset what?", "`unset focus`; `reset` forgets all")),
        ("unset", names) => {
            for name in names {
                forget(session, name)?;
            }
        }
        ("by" | "set", []) => bail!(Failure::new(
            format!("{name} needs more words"),
            "`help` lists what there is"
        )),
        ("by", [value]) => assign(session, "by", value)?,
        (word, []) if session.catalogue.word(word).is_some() => {
            let set = session.catalogue.word(word).into_iter().flatten();
            let set: Vec<(String, String)> = set.map(|(name, value)| (name.to_owned(), value)).collect();
            change(session, |state, catalogue| {
                for (name, value) in &set {
                    let v = catalogue.find(name).ok_or_else(|| unknown(catalogue, name))?;
                    state.set(v, value)?;
                }
                Ok(())
            })?;
        }
        (name, []) if session.catalogue.find(name).is_some_and(|v| v.shape == Shape::Switch) => {
            assign(session, name, "true")?;
        }
        (name, []) if session.catalogue.find(name).is_some() => {
            let page = help::value(session, name);
            help::print(session, &page, target)?;
        }
        (name, _) if session.catalogue.word(name).is_some() || session.catalogue.find(name).is_some() => {
            bail!(Failure::new(
                format!("{name} is a variable, no command"),
                format!("assign with `{name}=VALUE`, or `help {name}`")
            ))
        }
        _ => return Err(no_command(session, name)),
    }
    on
}

/// Assigns to a variable, or through a word such as `lines`.
fn assign(session: &mut Session, name: &str, value: &str) -> Result<()> {
    if session.catalogue.find(name).is_none()
        && let Some(set) = session.catalogue.word(name)
    {
        let v = session
            .catalogue
            .find(set[0].0)
            .ok_or_else(|| anyhow!("no such variable"))?;
        let mut wanted = State::default();
        wanted.set(v, &set[0].1)?;
        return match value {
            "true" | "1" | "t" | "yes" | "y" | "" => {
                let value = set[0].1.clone();
                let name = v.name.clone();
                assign(session, &name, &value)
            }
            // `lines=false` says nothing unless rows are lines.
            "false" | "0" | "f" | "no" | "n" => {
                if session.state.value(v) == wanted.value(v) {
                    let v = v.clone();
                    session.state.unset(&v);
                }
                Ok(())
            }
            other => bail!("{name} is true or false, not {other:?}"),
        };
    }
    change(session, |state, catalogue| {
        let v = catalogue.find(name).ok_or_else(|| unknown(catalogue, name))?;
        Ok(state.set(v, value)?)
    })
}

fn forget(session: &mut Session, name: &str) -> Result<()> {
    let v = session
        .catalogue
        .find(name)
        .ok_or_else(|| unknown(&session.catalogue, name))?;
    session.state.unset(v);
    Ok(())
}

/// Changes the variables unless the result is no query that suits the profile.
fn change(session: &mut Session, with: impl FnOnce(&mut State, &Catalogue) -> Result<()>) -> Result<()> {
    let mut state = session.state.clone();
    with(&mut state, &session.catalogue)?;
    session.check(&state)?;
    session.state = state;
    Ok(())
}

/// The command that a first word names, and the words that it stands for beside it: `top10`, `text`.
fn command_of(session: &Session, name: &str) -> Option<(String, Vec<Word>)> {
    let word = |text: &str| Word {
        text: text.to_owned(),
        quoted: false,
    };
    let known = |name: &str| -> Option<(String, Vec<Word>)> {
        if session.command(name).is_some() {
            return Some((name.to_owned(), Vec::new()));
        }
        let (_, stands_for) = ALIASES.iter().find(|(alias, _)| *alias == name)?;
        session.command(stands_for[0])?;
        Some((
            stands_for[0].to_owned(),
            stands_for[1..].iter().map(|w| word(w)).collect(),
        ))
    };
    if let Some(found) = known(name) {
        return Some(found);
    }
    let (letters, number) = words::numbered(name)?;
    let (command, mut implied) = known(letters)?;
    implied.push(word(number));
    Some((command, implied))
}

fn no_command(session: &Session, name: &str) -> anyhow::Error {
    match name {
        "web" | "weblist" | "gv" | "evince" | "eog" | "kcachegrind" => {
            return anyhow!(Failure::new(
                format!("{name} would start a program that shows pictures"),
                "write a page with `flame > flame.html`"
            ));
        }
        "!" => {
            return anyhow!(Failure::new(
                "the prompt runs no programs of its own",
                "pipe into one: `top | grep kubelet`"
            ));
        }
        _ => {}
    }
    let names: Vec<String> = session
        .command_names()
        .chain(OWN.iter().map(|(n, _)| (*n).to_owned()))
        .collect();
    let words = session.catalogue.words();
    let all = names.iter().chain(&words).map(String::as_str);
    match nearest(name, all) {
        Some(near) => anyhow!(Failure::new(
            format!("unknown command {name}"),
            format!("did you mean {near}?")
        )),
        None => anyhow!(Failure::new(
            format!("unknown command {name}"),
            "`help` lists the commands"
        )),
    }
}

/// The arguments of one command, sorted out.
#[derive(Debug, Default)]
struct Sorted {
    /// What the command takes before the sources: the expression of `peek`.
    operands: Vec<String>,
    flags: Vec<String>,
    filters: Filters,
}

/// Runs a command of kubeprof on the profile of the session.
fn run(session: &mut Session, name: &str, words: &[Word], target: &Target) -> Result<Exit> {
    let command = session.command(name).ok_or_else(|| no_command(session, name))?;
    let takes = |id: &str| session.takes(command, id);
    let mut state = session.state.clone();
    let operands: Vec<&Arg> = command
        .get_positionals()
        .take_while(|a| a.get_id() != "sources")
        .collect();
    let sorted = sort(session, command, operands.len(), words, &mut state)?;
    if let Some(missing) = operands.get(sorted.operands.len()) {
        let what = missing
            .get_value_names()
            .and_then(|n| n.first())
            .map_or("REGEX", |n| n.as_str());
        bail!(Failure::new(
            format!("{name} needs {what}"),
            format!("for instance `{name} syncLoop`")
        ));
    }
    for (variable, expression) in sorted.filters.options(name) {
        let v = session.catalogue.find(variable).filter(|_| takes(variable));
        let Some(v) = v else {
            bail!("{name} takes no expressions");
        };
        state.set(v, &expression)?;
    }
    session.check(&state)?;
    let mut argv: Vec<OsString> = vec!["kubeprof".into(), name.into()];
    argv.extend(state.flags(&session.catalogue, takes).into_iter().map(OsString::from));
    argv.extend(of_session(session, &sorted.flags).into_iter().map(OsString::from));
    argv.extend(sorted.flags.into_iter().map(OsString::from));
    argv.push("--".into());
    argv.extend(sorted.operands.into_iter().map(OsString::from));
    argv.extend(session.input.sources.iter().map(|s| s.clone().into_os_string()));
    let unused = state.unused(takes);
    if !unused.is_empty() && !session.out.quiet {
        say!("note: {name} does not look at {}", unused.join(", "));
    }
    let parsed = match Cli::try_parse_from(argv) {
        Ok(cli) => cli.command,
        Err(e) if !e.use_stderr() => {
            e.print()?;
            return Ok(Exit::Fine);
        }
        Err(e) => return Err(plain(&e)),
    };
    let context = Context {
        held: Some(session.held.clone()),
        route: session.route(target),
    };
    dispatch(parsed, &context)
}

/// The flags of the session's own command line that hold for its answers, unless a statement has its own.
fn of_session(session: &Session, typed: &[String]) -> Vec<&'static str> {
    let out = &session.out;
    let has = |flag: &str| typed.iter().any(|t| t.split('=').next() == Some(flag));
    let colour = match out.color {
        Colour::Auto => None,
        Colour::Always => Some("--color=always"),
        Colour::Never => Some("--color=never"),
    };
    let flags = [
        ("--color", colour),
        ("--quiet", (out.quiet && !has("-q")).then_some("--quiet")),
        ("--no-pager", out.no_pager.then_some("--no-pager")),
        ("--full-names", out.full_names.then_some("--full-names")),
    ];
    let all = flags.into_iter().filter(|(name, _)| !has(name));
    all.filter_map(|(_, flag)| flag).collect()
}

/// Sorts the words of a command out; flags that are variables go to `state`.
fn sort(
    session: &Session,
    command: &clap::Command,
    operands: usize,
    words: &[Word],
    state: &mut State,
) -> Result<Sorted> {
    let mut sorted = Sorted::default();
    let takes = |id: &str| session.takes(command, id);
    let mut listed: Vec<String> = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        let mut short = text.chars();
        let short = match (short.next(), short.next(), short.next()) {
            (Some('-'), Some(letter), None) => command.get_arguments().find(|a| a.get_short() == Some(letter)),
            _ => None,
        };
        let text = match text {
            "-cum" => "--cum",
            "-flat" => "--flat",
            text => text,
        };
        if word.quoted || !text.starts_with('-') || text == "-" {
            if sorted.operands.len() < operands {
                sorted.operands.push(text.to_owned());
            } else if !word.quoted && takes("nodecount") && text.chars().all(|c| c.is_ascii_digit()) {
                let v = session
                    .catalogue
                    .find("nodecount")
                    .ok_or_else(|| anyhow!("no nodecount"))?;
                state.set(v, text)?;
            } else {
                sorted.filters.focus.push(text.to_owned());
            }
            continue;
        }
        let (name, inline) = match text.strip_prefix("--") {
            Some(body) => match body.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (body, None),
            },
            None if short.is_some() => ("", None),
            None => {
                let expression = text[1..].to_owned();
                if session
                    .catalogue
                    .find(expression.split('=').next().unwrap_or_default())
                    .is_some()
                {
                    bail!(Failure::new(
                        format!("-{expression} would ignore frames that match {expression}"),
                        format!("write --{expression}, or quote the expression: --ignore='{expression}'")
                    ));
                }
                sorted.filters.ignore.push(expression);
                continue;
            }
        };
        let id = short.map_or_else(|| name.replace('-', "_"), |a| a.get_id().to_string());
        let variable = session.catalogue.find(&id).filter(|v| takes(&v.name));
        let mut value = || -> Result<String> {
            match inline {
                Some(value) => Ok(value.to_owned()),
                None => Ok(words
                    .next()
                    .ok_or_else(|| anyhow!("{text} needs a value"))?
                    .text
                    .clone()),
            }
        };
        if let Some(v) = variable {
            if v.shape == Shape::Switch {
                state.set(v, inline.unwrap_or("true"))?;
                continue;
            }
            let value = value()?;
            // The first one on the line replaces the variable, further ones are added.
            if !listed.contains(&v.name) {
                state.unset(v);
                listed.push(v.name.clone());
            }
            state.add(v, &value)?;
        } else if let Some(set) = session.catalogue.word(&id).filter(|_| inline.is_none()) {
            for (name, value) in set {
                if let Some(v) = session.catalogue.find(name).filter(|v| takes(&v.name)) {
                    state.set(v, &value)?;
                }
            }
        } else {
            let other = |a: &&Arg| a.get_id() == id.as_str() || a.get_long() == Some(name);
            let arg = short.or_else(|| command.get_arguments().find(other));
            let valued = arg.is_some_and(|a| a.get_action().takes_values() && !a.is_require_equals_set());
            sorted.flags.push(text.to_owned());
            if valued && inline.is_none() {
                sorted.flags.push(value()?);
            }
        }
    }
    Ok(sorted)
}
