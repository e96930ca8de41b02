//! The interactive mode of `go tool pprof`: what `kubeprof pprof PROFILE` without a format opens. Reports and prompts go to
//! stdout, everything else to stderr, a command that fails does not end the session, which always ends well.
//!
//! `kubeprof shell` is kubeprof's own prompt; this one is for those who have pprof's in their fingers and scripts.

mod input;
mod line;

use std::io;

use super::config::{Config, OPTIONS, Slot, group_of};
use super::{Failure, Request, help, say, write_report};
use crate::analysis;
use crate::cli::hints;
use crate::cli::say;
use crate::model::Profile;
use crate::render::pprof as text;
use input::Input;

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Quit,
}

/// A session: the profile, and the options as they are by now.
struct Session<'a> {
    profile: &'a Profile,
    config: Config,
    sample_types: Vec<String>,
}

/// Asks for commands until there are no more.
///
/// # Errors
/// When commands cannot be read.
pub(super) fn run(profile: &Profile, mut config: Config) -> io::Result<()> {
    config.compact_labels = true;
    let kinds = { profile.sample_types.iter() }.map(|t| profile.text(t.kind).to_owned());
    let mut session = Session {
        profile,
        config,
        sample_types: kinds.collect(),
    };
    session.greet();
    let mut input = Input::new()?;
    while let Some(line) = input.line("(pprof) ")? {
        for statement in session.expand(line.trim()) {
            match session.execute(&statement) {
                Ok(Flow::On) => {}
                Ok(Flow::Quit) => return Ok(()),
                Err(Failure::Io(e)) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(e) => say!("{e}"),
            }
        }
    }
    Ok(())
}

impl Session<'_> {
    /// What the profile is, and how to go on.
    fn greet(&self) {
        if let Ok(view) = analysis::prepare(self.profile.clone(), &self.config.plain_query()) {
            say(&view.notes);
            say!("{}", text::facts(&view).join("\n"));
            if view.total == 0 && self.sample_types.len() > 1 {
                say!("No samples were found with the default sample value type.");
                say!("Try \"sample_index\" command to analyze different sample values.");
            }
        }
        say!("Entering interactive mode (type \"help\" for commands, \"o\" for options)");
    }

    /// The statements for which a word stands: the names of sample types, and `:`.
    fn expand(&self, line: &str) -> Vec<String> {
        if line == ":" {
            return ["focus=", "ignore=", "hide=", "tagfocus=", "tagignore="]
                .map(str::to_owned)
                .into();
        }
        // A name that is one of several in more than one way is what the last type makes of it.
        for kind in self.sample_types.iter().rev() {
            let select = format!("sample_index={kind}");
            if line == format!("mean_{kind}") {
                return vec!["mean=1".to_owned(), select];
            }
            if line == format!("total_{kind}") {
                return vec!["mean=0".to_owned(), select];
            }
            if line == kind {
                return vec![select];
            }
        }
        vec![line.to_owned()]
    }

    fn execute(&mut self, statement: &str) -> Result<Flow, Failure> {
        let (name, value) = match statement.split_once('=') {
            Some((name, value)) => (name.trim(), Some(without_comment(value))),
            None => (statement.trim(), None),
        };
        if is_switch(name) || self.config.slot(name).is_some() {
            self.assign(name, value).map_err(Failure::Query)?;
            return Ok(Flow::On);
        }
        let words: Vec<&str> = statement.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["o" | "options", ..] => say!("{}", self.options()),
            ["exit" | "quit" | "q", ..] => return Ok(Flow::Quit),
            ["help", about @ ..] => self.help(&about.join(" ")),
            [command, rest @ ..] => self.report(command, rest)?,
        }
        Ok(Flow::On)
    }

    fn assign(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let mut value = match value {
            Some(value) => value,
            None if is_switch(name) => "",
            None => return Err(format!("please specify a value, e.g. {name}=<val>")),
        };
        if name == "sample_index" {
            let index = analysis::sample_index(self.profile, value).map_err(|e| hints::told(&e))?;
            value = &self.sample_types[index];
        }
        self.config.assign(name, value)
    }

    fn report(&self, command: &str, rest: &[&str]) -> Result<(), Failure> {
        let line = line::parse(command, rest, &self.config).map_err(Failure::Query)?;
        let request = Request {
            query: line.config.query(line.command),
            command: line.command,
            argument: line.argument,
            output: &line.config.output,
            from_prompt: true,
        };
        write_report(self.profile.clone(), &request)
    }

    fn help(&self, about: &str) {
        if about.is_empty() {
            let lists = help::lists(false);
            say::text(&format!(
                "{lists}\n\n    :                empties focus, ignore, hide, tagfocus and tagignore\n\n`help NAME` says more of a command.\n"
            ));
        } else if let Some(command) = help::find(about) {
            say::text(&command.help());
        } else if let Some(text) = help::about(about) {
            let types = match about {
                "sample_index" => format!("names here: {}\n", self.sample_types.join(" ")),
                _ => String::new(),
            };
            say!("{text}{types}");
        } else {
            say!("Unknown command: {about}");
        }
    }

    /// The list of options, with the values that there are.
    fn options(&self) -> String {
        let mut config = self.config.clone();
        let mut lines = Vec::new();
        for &name in OPTIONS.iter().filter(|name| **name != "source_path") {
            let mut comment = String::new();
            let mut value = match config.slot(name) {
                Some(Slot::Switch(switch)) => switch.to_string(),
                Some(Slot::Whole(whole)) => whole.to_string(),
                Some(Slot::Fraction(fraction)) => float(*fraction),
                Some(Slot::Text(text)) => text.clone(),
                Some(Slot::Choice(choice, choices)) => {
                    let mut sorted = choices.to_vec();
                    sorted.sort_unstable();
                    comment = format!("//: [{}]", sorted.join(" | "));
                    choice.clone()
                }
                None => continue,
            };
            if name == "sample_index" {
                if value.is_empty() {
                    value = self.sample_types.last().cloned().unwrap_or_default();
                }
                comment = format!("//: [{}]", self.sample_types.join(" | "));
            } else if name == "nodecount" && value == "-1" {
                "//: default".clone_into(&mut comment);
            } else if name == "granularity" && value.is_empty() {
                "(default)".clone_into(&mut value);
            } else if value.is_empty() {
                "\"\"".clone_into(&mut value);
            }
            lines.push(format!("  {name:<25} = {value:<20} {comment}"));
        }
        lines.sort();
        lines.join("\n")
    }
}

/// Whether an option may stand without a value.
fn is_switch(name: &str) -> bool {
    group_of(name).is_some() || matches!(Config::default().slot(name), Some(Slot::Switch(_)))
}

fn without_comment(value: &str) -> &str {
    let end = value.rfind("//:").unwrap_or(value.len());
    value[..end].trim()
}

/// A float as Go's `%v` has it: the shortest digits, with an exponent from 1e+06 on and below 0.0001.
fn float(v: f64) -> String {
    if !v.is_finite() {
        return match (v.is_nan(), v > 0.0) {
            (true, _) => "NaN",
            (false, true) => "+Inf",
            (false, false) => "-Inf",
        }
        .to_owned();
    }
    let scientific = format!("{v:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(e) if v != 0.0 && !(-4..6).contains(&e) => {
            let sign = if e < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", e.unsigned_abs())
        }
        _ => v.to_string(),
    }
}
