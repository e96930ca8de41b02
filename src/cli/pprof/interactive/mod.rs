//! The interactive mode of `go tool pprof`: what `kubeprof pprof PROFILE` without a format opens. Reports and prompts go to
//! stdout, everything else to stderr, a command that fails does not end the session, which always ends well.
//!
//! `kubeprof shell` is kubeprof's own prompt; this one is for those who have pprof's in their fingers and scripts.

mod line;

use std::io;
use std::sync::Arc;

use super::config::Config;
use super::{Failure, Request, help, say, write_report};
use crate::analysis;
use crate::cli::hints;
use crate::cli::prompt::lines::Lines;
use crate::cli::prompt::options::Shape;
#[cfg(feature = "shell")]
use crate::cli::prompt::{
    complete::{CommandWords, Offers, Words},
    lines::Terminal,
};
use crate::cli::say;
use crate::model::Profile;
use crate::render::pprof as text;

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
}

/// Asks for commands until there are no more.
///
/// # Errors
/// When commands cannot be read.
pub(super) fn run(profile: &Profile, mut config: Config) -> io::Result<()> {
    config.put("compact_labels", "true");
    let kinds = { profile.sample_types.iter() }.map(|t| profile.text(t.kind).to_owned());
    config.catalogue = Arc::new((*config.catalogue).clone().knowing(kinds.collect(), ""));
    let mut session = Session { profile, config };
    session.greet();
    let mut lines = session.terminal()?;
    while let Some(line) = lines.next("(pprof) ")? {
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
    /// Line editing and completion on terminals that are no dumb ones.
    fn terminal(&self) -> io::Result<Lines> {
        #[cfg(feature = "shell")]
        if Terminal::is_capable() {
            let words = Words {
                own: vec!["exit", "help", "options", "quit"],
                commands: help::COMMANDS.iter().map(|c| CommandWords::plain(c.name)).collect(),
                ..Words::default()
            };
            let offers = Offers::new(self.profile, &self.config.catalogue, words);
            return Ok(Lines::Terminal(Box::new(Terminal::new(offers, None)?)));
        }
        Ok(Lines::plain())
    }

    fn sample_types(&self) -> &[String] {
        self.config.catalogue.sample_types()
    }

    /// What the profile is, and how to go on.
    fn greet(&self) {
        if let Ok(view) = analysis::prepare(self.profile.clone(), &self.config.plain_query()) {
            say(&view.notes);
            say!("{}", text::facts(&view).join("\n"));
            if view.total == 0 && self.sample_types().len() > 1 {
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
        if let Some(set) = self.config.catalogue.word(line) {
            return set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        }
        vec![line.to_owned()]
    }

    fn execute(&mut self, statement: &str) -> Result<Flow, Failure> {
        let (name, value) = match statement.split_once('=') {
            Some((name, value)) => (name.trim(), Some(without_comment(value))),
            None => (statement.trim(), None),
        };
        if self.is_switch(name) || self.config.shape(name).is_some() {
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

    /// Whether an option may stand without a value.
    fn is_switch(&self, name: &str) -> bool {
        self.config.group_of(name).is_some() || self.config.shape(name) == Some(&Shape::Switch)
    }

    fn assign(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let value = match value {
            Some(value) => value,
            None if self.is_switch(name) => "",
            None => return Err(format!("please specify a value, e.g. {name}=<val>")),
        };
        if name == "sample_index" {
            let index = analysis::sample_index(self.profile, value).map_err(|e| hints::told(&e))?;
            let kind = self.sample_types()[index].clone();
            return self.config.assign(name, &kind);
        }
        self.config.assign(name, value)
    }

    fn report(&self, command: &str, rest: &[&str]) -> Result<(), Failure> {
        let line = line::parse(command, rest, &self.config).map_err(Failure::Query)?;
        let request = Request {
            query: line.config.query(line.command),
            command: line.command,
            argument: line.argument,
            output: line.config.text("output"),
            from_prompt: true,
        };
        write_report(self.profile.clone(), &request)
    }

    fn help(&self, about: &str) {
        if about.is_empty() {
            let lists = help::lists(false);
            say::text(&format!(
                "{lists}\n\n    :                Clear focus, ignore, hide, tagfocus and tagignore\n\n`help NAME` explains a command or option.\n"
            ));
        } else if let Some(command) = help::find(about) {
            say::text(&command.help());
        } else if let Some(text) = self.config.about(about) {
            let types = match about {
                "sample_index" => format!("names here: {}\n", self.sample_types().join(" ")),
                _ => String::new(),
            };
            say!("{text}\n{types}");
        } else {
            say!("Unknown command: {about}");
        }
    }

    /// The list of options, with the values that there are.
    fn options(&self) -> String {
        let mut lines = Vec::new();
        for v in self
            .config
            .catalogue
            .variables()
            .iter()
            .filter(|v| v.name != "source_path")
        {
            let name = v.name.as_str();
            let mut value = self.config.text(name).to_owned();
            let mut comment = String::new();
            if let Shape::Choice(choices) = &v.shape {
                let mut sorted = choices.clone();
                sorted.sort_unstable();
                comment = format!("//: [{}]", sorted.join(" | "));
            }
            if name == "sample_index" {
                if value.is_empty() {
                    value = self.sample_types().last().cloned().unwrap_or_default();
                }
                comment = format!("//: [{}]", self.sample_types().join(" | "));
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

fn without_comment(value: &str) -> &str {
    let end = value.rfind("//:").unwrap_or(value.len());
    value[..end].trim()
}
