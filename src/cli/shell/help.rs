//! What the prompt says about itself: help, the variables, the banner. All of it is made from clap's definitions.

use crate::cli::hints::Failure;
use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::super::output::{self, Out};
use super::super::prompt::options::{Shape, Variable};
use super::Session;
use super::parse::Target;
use super::statement::OWN;

/// Prints a page where a statement sends it.
pub(super) fn print(session: &Session, page: &str, target: &Target) -> Result<()> {
    let route = session.route(target);
    let out = Out {
        typed: &session.out,
        route: &route,
    };
    output::write(out, false, None, |out| out.write_all(page.as_bytes()))
}

/// What stands above the first prompt.
pub(super) fn banner(session: &Session) -> String {
    let p = &session.held.profile;
    let mut text = format!(
        "{}: {}",
        session.held.kind(),
        session.catalogue.sample_types().join(", ")
    );
    if !session.default_type.is_empty() && session.catalogue.sample_types().len() > 1 {
        let _ = write!(text, " (default {})", session.default_type);
    }
    let _ = write!(text, " · {} samples", p.samples.len());
    if session.nothing_of_default() {
        let others: Vec<&str> = session
            .catalogue
            .sample_types()
            .iter()
            .map(String::as_str)
            .filter(|t| *t != session.default_type)
            .collect();
        let _ = write!(
            text,
            "\nnothing of {} here: try {}",
            session.default_type,
            others.join(", ")
        );
    }
    text.push_str("\ntype help for commands, o for options");
    text
}

/// The help of a topic, or the overview.
pub(super) fn page(session: &Session, topic: &[&str]) -> Result<String> {
    match topic {
        [] => Ok(overview(session)),
        [topic] => about(session, topic),
        _ => bail!("help takes one topic"),
    }
}

fn overview(session: &Session) -> String {
    let mut text = String::from("Commands:\n");
    let mut commands: Vec<(String, String)> = session
        .command_names()
        .filter_map(|name| {
            let about = session.command(&name)?.get_about()?.to_string();
            Some((name, about))
        })
        .collect();
    commands.extend(
        OWN.iter()
            .map(|(name, about)| ((*name).to_owned(), (*about).to_owned())),
    );
    commands.sort();
    for (name, about) in commands {
        let _ = writeln!(text, "  {name:<12} {about}");
    }
    text.push_str(
        "\n\
         COMMAND [N] [REGEX]... [-REGEX]... [--FLAG]... [> FILE] [>> FILE] [| PROGRAM]\n  \
         N rows; samples that match a REGEX (focus) and none of the -REGEXes (ignore); all flags of the command line\n\
         VARIABLE=VALUE keeps a flag for all commands, VARIABLE= clears it; `options` lists the variables\n",
    );
    let words = session.catalogue.words().join(", ");
    text.push_str("Words that set one: ");
    wrap(&mut text, &words, 20);
    text.push_str(
        "Examples:\n  \
         top 10                       peek syncLoop\n  \
         by subsystem; top            focus=volumemanager\n  \
         top -o json > top.json       traces startPodSync | less\n",
    );
    text
}

/// Appends words, broken into lines of about 100 columns.
fn wrap(text: &mut String, words: &str, mut column: usize) {
    for word in words.split_inclusive(' ') {
        if column + word.len() > 100 {
            text.truncate(text.trim_end().len());
            text.push_str("\n  ");
            column = 2;
        }
        text.push_str(word);
        column += word.len();
    }
    text.push('\n');
}

fn about(session: &Session, topic: &str) -> Result<String> {
    if let Some(command) = session.command(topic) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let operands: String = command
            .get_positionals()
            .take_while(|a| a.get_id() != "sources")
            .flat_map(|a| a.get_value_names().unwrap_or_default())
            .map(|n| format!(" {n}"))
            .collect();
        let mut text = format!("{topic}{operands} [N] [REGEX]... [-REGEX]...\n  {about}\n");
        let variable = |id: &str| session.catalogue.find(id).is_some() || session.catalogue.word(id).is_some();
        for a in command
            .get_opts()
            .chain(command.get_arguments().filter(|a| !a.get_action().takes_values()))
        {
            let id = a.get_id().as_str();
            let heading = a.get_help_heading();
            if variable(id) || a.is_hide_set() || heading == Some("Input") || id == "help" {
                continue;
            }
            let Some(long) = a.get_long() else { continue };
            let flag = match a.get_short() {
                Some(short) => format!("-{short}, --{long}"),
                None => format!("--{long}"),
            };
            let mut help = a.get_help().map(ToString::to_string).unwrap_or_default();
            let values: Vec<String> = a
                .get_possible_values()
                .iter()
                .map(|v| v.get_name().to_owned())
                .collect();
            if a.get_action().takes_values() && !values.is_empty() {
                let _ = write!(help, ": {}", values.join(", "));
            }
            let _ = writeln!(text, "  {flag:<18} {help}");
        }
        text.push_str("  and every variable as a flag: --focus REGEX, --by WHAT, ...\n");
        return Ok(text);
    }
    if let Some((name, about)) = OWN.iter().find(|(name, _)| *name == topic) {
        return Ok(format!("{name}\n  {about}\n"));
    }
    if session.catalogue.find(topic).is_some() {
        return Ok(value(session, topic));
    }
    if let Some(set) = session.catalogue.word(topic) {
        let set: Vec<String> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        return Ok(format!("{topic}\n  same as {}\n", set.join("; ")));
    }
    bail!(Failure::new(
        format!("no help on {topic}"),
        "`help` lists the commands, `options` the variables"
    ))
}

/// All variables, each as an assignment that the prompt takes.
pub(super) fn options(session: &Session) -> String {
    session.catalogue.variables().iter().map(|v| line(session, v)).collect()
}

/// One variable.
pub(super) fn value(session: &Session, name: &str) -> String {
    session
        .catalogue
        .find(name)
        .map(|v| line(session, v))
        .unwrap_or_default()
}

fn line(session: &Session, v: &Variable) -> String {
    let value = session.state.value(v).unwrap_or_else(|| v.default.clone());
    let comment = match &v.shape {
        Shape::Choice(choices) => choices.join(" | "),
        _ => v.help.clone(),
    };
    let assignment = format!("{:<20} = {value}", v.name);
    format!("{assignment:<40} //: {comment}\n")
}
