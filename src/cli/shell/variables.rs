//! The variables of a session: the flags of [`QueryArgs`], their names, values, defaults and help as clap knows them.
//!
//! There is no second list of options here. What is assigned is kept as text and becomes flags again, so that a command at
//! the prompt and on the command line asks the same question.

use crate::cli::hints::Failure;
use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Parser, parser::ValueSource};

use super::super::args::{QueryArgs, SHORTHANDS};
use crate::analysis::Query;
use crate::kubelet::nearest;

/// The flags of a query and nothing else.
#[derive(Parser, Debug)]
#[command(name = "query", no_binary_name = true, disable_help_flag = true)]
struct OnlyQuery {
    #[command(flatten)]
    query: QueryArgs,
}

/// What values a variable takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `true` or `false`.
    Switch,
    /// One of these.
    Choice(Vec<String>),
    /// Anything; several values separated by commas or blanks.
    List,
    /// Anything.
    Text,
}

/// A variable.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// pprof's name, or kubeprof's own.
    pub(super) name: String,
    /// Its values.
    pub(super) shape: Shape,
    /// What holds without an assignment, as text.
    pub(super) default: String,
    /// One line.
    pub(super) help: String,
    long: String,
    other_names: Vec<String>,
    /// Other spellings of choices: `lines` for `line`.
    other_values: Vec<(String, String)>,
}

/// All variables, and the words that stand for an assignment.
#[derive(Clone, Debug)]
pub(super) struct Catalogue {
    variables: Vec<Variable>,
    sample_types: Vec<String>,
}

impl Catalogue {
    /// The variables for a profile with these sample types, of which one is the default.
    pub(super) fn new(sample_types: Vec<String>, default_type: &str) -> Self {
        let command = QueryArgs::augment_args(Command::new("query"));
        let short = |a: &&Arg| SHORTHANDS.iter().any(|(name, _, _)| a.get_id() == name);
        let mut variables: Vec<Variable> = command.get_arguments().filter(|a| !short(a)).map(variable).collect();
        if let Some(v) = variables.iter_mut().find(|v| v.name == "sample_index") {
            v.default = default_type.to_owned();
            v.shape = Shape::Choice(sample_types.clone());
        }
        Self {
            variables,
            sample_types,
        }
    }

    /// All variables in the order of the help.
    pub(super) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The variable of that name, in either spelling.
    pub(super) fn find(&self, name: &str) -> Option<&Variable> {
        let name = name.replace('-', "_");
        let named = |v: &&Variable| v.name == name || v.other_names.contains(&name);
        self.variables.iter().find(named)
    }

    /// What a word alone sets: `lines`, `cum`, `inuse_objects`, `mean_delay`.
    pub(super) fn word(&self, word: &str) -> Option<Vec<(&str, String)>> {
        let word = word.replace('-', "_");
        if let Some((_, name, value)) = SHORTHANDS.iter().find(|(short, _, _)| *short == word) {
            return Some(vec![(name, (*value).to_owned())]);
        }
        let by = self.find("by")?;
        if let Some(value) = by.choice(&word).filter(|_| self.find(&word).is_none()) {
            return Some(vec![("by", value)]);
        }
        let known = |kind: &str| self.sample_types.iter().find(|t| *t == kind).cloned();
        if let Some(kind) = known(&word) {
            return Some(vec![("sample_index", kind)]);
        }
        for (prefix, mean) in [("total_", "false"), ("mean_", "true")] {
            if let Some(kind) = word.strip_prefix(prefix).and_then(known) {
                return Some(vec![("sample_index", kind), ("mean", mean.to_owned())]);
            }
        }
        None
    }

    /// The words of [`Catalogue::word`] worth completing.
    pub(super) fn words(&self) -> Vec<String> {
        // Those of sample types come from the profile.
        let shorthands = SHORTHANDS.iter().filter(|(_, name, _)| *name != "sample_index");
        let mut words: Vec<String> = shorthands.map(|(short, _, _)| (*short).to_owned()).collect();
        if let Some(by) = self.find("by") {
            words.extend(by.other_values.iter().map(|(plural, _)| plural.clone()));
        }
        words.extend(self.sample_types.iter().cloned());
        words.sort();
        words.dedup();
        words
    }

    /// The sample types of the profile.
    pub(super) fn sample_types(&self) -> &[String] {
        &self.sample_types
    }
}

impl Variable {
    /// The flag that sets it, without its value.
    pub(super) fn flag(&self) -> String {
        format!("--{}", self.long)
    }

    /// Whether a flag of that name is the same one: `goroutines` has an order of its own.
    pub(super) fn suits(&self, arg: &Arg) -> bool {
        let Shape::Choice(choices) = &self.shape else {
            return true;
        };
        let names: Vec<String> = arg
            .get_possible_values()
            .iter()
            .map(|v| v.get_name().to_owned())
            .collect();
        names.is_empty() || names == *choices
    }

    /// The choice that a text stands for.
    fn choice(&self, text: &str) -> Option<String> {
        let Shape::Choice(choices) = &self.shape else {
            return None;
        };
        let other = || self.other_values.iter().find(|(other, _)| other == text);
        choices
            .iter()
            .find(|c| *c == text)
            .cloned()
            .or_else(|| other().map(|(_, choice)| choice.clone()))
    }
}

fn variable(arg: &Arg) -> Variable {
    let choices = arg.get_possible_values();
    let mut names: Vec<String> = choices.iter().map(|c| c.get_name().to_owned()).collect();
    let shape = match arg.get_action() {
        ArgAction::SetTrue => Shape::Switch,
        ArgAction::Append => Shape::List,
        _ if names == ["true", "false"] => Shape::Switch,
        _ if names.is_empty() => Shape::Text,
        _ => Shape::Choice(std::mem::take(&mut names)),
    };
    let other_values = choices
        .iter()
        .flat_map(|c| {
            let name = c.get_name();
            c.get_name_and_aliases()
                .filter(move |alias| *alias != name)
                .map(move |alias| (alias.to_owned(), name.to_owned()))
        })
        .collect();
    let name = arg.get_id().to_string();
    let mut other_names: Vec<String> = arg
        .get_all_aliases()
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect();
    if name == "by" {
        // pprof's name.
        other_names.push("granularity".to_owned());
    }
    let default = match arg.get_default_values() {
        [] if shape == Shape::Switch => "false".to_owned(),
        values => values.iter().map(|v| v.to_string_lossy()).collect::<Vec<_>>().join(","),
    };
    Variable {
        long: arg.get_long().unwrap_or(&name).to_owned(),
        name,
        shape,
        default,
        help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        other_names,
        other_values,
    }
}

/// What is assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    values: BTreeMap<String, Vec<String>>,
}

impl State {
    /// What the flags of a command line assign.
    pub(super) fn of_matches(catalogue: &Catalogue, matches: &ArgMatches) -> Result<Self> {
        let mut state = State::default();
        let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        for v in catalogue.variables().iter().filter(|v| typed(&v.name)) {
            let raw = matches.get_raw(&v.name).into_iter().flatten();
            let values: Vec<String> = raw.map(|v| v.to_string_lossy().into_owned()).collect();
            match v.shape {
                // A switch without a value has none to report.
                Shape::Switch if values.is_empty() => state.set(v, "true")?,
                _ => state.values.insert(v.name.clone(), values).map_or((), drop),
            }
        }
        for (short, name, value) in SHORTHANDS.iter().filter(|(short, _, _)| typed(short)) {
            if matches.get_flag(short)
                && let Some(v) = catalogue.find(name)
            {
                state.set(v, value)?;
            }
        }
        Ok(state)
    }

    /// Assigns a text; an empty one clears.
    ///
    /// # Errors
    /// When the variable takes no such value. What only the profile can tell is not checked here.
    pub(super) fn set(&mut self, v: &Variable, text: &str) -> Result<()> {
        let values = match &v.shape {
            Shape::Switch => vec![boolean(text).ok_or_else(|| anyhow!("{} is true or false, not {text:?}", v.name))?],
            Shape::List => text
                .split([',', ' ', '\t'])
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
                .collect(),
            // `-1` is how pprof says that no number is given.
            Shape::Text if text.is_empty() || (v.name == "nodecount" && text == "-1") => Vec::new(),
            Shape::Choice(_) if text.is_empty() => Vec::new(),
            Shape::Choice(_) => vec![v.choice(text).unwrap_or_else(|| text.to_owned())],
            Shape::Text => vec![text.to_owned()],
        };
        self.values.remove(&v.name);
        if !values.is_empty() && values != [v.default.clone()] {
            self.values.insert(v.name.clone(), values);
        }
        Ok(())
    }

    /// Adds to a list; sets anything else.
    ///
    /// # Errors
    /// As for [`State::set`].
    pub(super) fn add(&mut self, v: &Variable, text: &str) -> Result<()> {
        if v.shape != Shape::List {
            return self.set(v, text);
        }
        self.values.entry(v.name.clone()).or_default().push(text.to_owned());
        Ok(())
    }

    /// Forgets one assignment.
    pub(super) fn unset(&mut self, v: &Variable) {
        self.values.remove(&v.name);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.values.clear();
    }

    /// What is assigned, or `None` where the default holds.
    pub(super) fn value(&self, v: &Variable) -> Option<String> {
        Some(self.values.get(&v.name)?.join(","))
    }

    /// The assignments as flags, of the variables that `takes` names.
    pub(super) fn flags(&self, catalogue: &Catalogue, takes: impl Fn(&str) -> bool) -> Vec<String> {
        let mut flags = Vec::new();
        for v in catalogue.variables().iter().filter(|v| takes(&v.name)) {
            for value in self.values.get(&v.name).into_iter().flatten() {
                flags.push(match v.shape {
                    Shape::Switch if v.default == "false" => v.flag(),
                    _ => format!("{}={value}", v.flag()),
                });
            }
        }
        flags
    }

    /// The names that are assigned but not among those that `takes` names.
    pub(super) fn unused(&self, takes: impl Fn(&str) -> bool) -> Vec<&str> {
        self.values.keys().map(String::as_str).filter(|n| !takes(n)).collect()
    }

    /// The query of these assignments.
    ///
    /// # Errors
    /// When a value is malformed.
    pub(super) fn query(&self, catalogue: &Catalogue) -> Result<Query> {
        match OnlyQuery::try_parse_from(self.flags(catalogue, |_| true)) {
            Ok(parsed) => Ok(parsed.query.query(None)),
            Err(e) => Err(plain(&e)),
        }
    }
}

/// The words that pprof takes for yes and no.
fn boolean(text: &str) -> Option<String> {
    let value = match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "" => true,
        "false" | "f" | "no" | "n" | "0" => false,
        _ => return None,
    };
    Some(value.to_string())
}

/// clap's error without the usage of the command line.
pub(super) fn plain(e: &clap::Error) -> anyhow::Error {
    let text = e.to_string();
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        if let Some(tip) = line.strip_prefix("tip: ") {
            lines.push(format!("hint: {tip}"));
        } else if let Some(values) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            lines.push(format!("hint: {values}"));
        } else if !line.is_empty() {
            lines.push(line.strip_prefix("error: ").unwrap_or(line).to_owned());
        }
    }
    anyhow!(lines.join("\n"))
}

/// What is wrong with a name that is no variable, with those that look like it.
pub(super) fn unknown(catalogue: &Catalogue, name: &str) -> anyhow::Error {
    let elsewhere = match name {
        "output" => "send the answer to a file with `top > FILE`, to a program with `top | PROGRAM`",
        "call_tree" | "compact_labels" | "intel_syntax" => "no report of kubeprof needs it; `kubeprof pprof` has it",
        "base" | "diff_base" | "normalize" => "give it on the command line: kubeprof shell --base OLD NEW",
        _ => "",
    };
    if !elsewhere.is_empty() {
        return anyhow!(Failure::new(format!("{name} cannot be set at the prompt"), elsewhere));
    }
    let names = catalogue.variables().iter().map(|v| v.name.as_str());
    match nearest(name, names) {
        Some(near) => anyhow!(Failure::new(
            format!("there is no variable {name}"),
            format!("did you mean {near}?")
        )),
        None => anyhow!(Failure::new(
            format!("there is no variable {name}"),
            "`options` lists them"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::args::SHORTHANDS;
    use super::{Catalogue, OnlyQuery, Shape, State};
    use clap::Parser;

    fn catalogue() -> Catalogue {
        Catalogue::new(vec!["inuse_space".into(), "delay".into()], "inuse_space")
    }

    #[test]
    fn a_shorthand_asks_what_its_long_form_asks() {
        for (short, name, value) in SHORTHANDS {
            let query = |flag: String| OnlyQuery::try_parse_from([flag]).unwrap().query.query(None);
            let long = catalogue().find(name).unwrap().flag();
            assert_eq!(
                query(format!("--{}", short.replace('_', "-"))),
                query(format!("{long}={value}")),
                "{short}"
            );
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_command_line() {
        let plain = OnlyQuery::try_parse_from::<_, &str>([]).unwrap().query.query(None);
        assert_eq!(State::default().query(&catalogue()).unwrap(), plain);
        // Assigning every default explicitly changes nothing.
        let catalogue = catalogue();
        let mut state = State::default();
        for v in catalogue.variables() {
            state.set(v, &v.default).unwrap();
        }
        assert_eq!(state, State::default());
    }

    #[test]
    fn every_variable_reaches_the_query() {
        let catalogue = catalogue();
        let plain = State::default().query(&catalogue).unwrap();
        for v in catalogue.variables() {
            let value = match &v.shape {
                Shape::Switch if v.default == "true" => "no".to_owned(),
                Shape::Switch => "yes".to_owned(),
                Shape::Choice(choices) => choices.iter().rfind(|c| **c != v.default).unwrap().clone(),
                Shape::List => "a,b".to_owned(),
                Shape::Text => "0.5".to_owned(),
            };
            let value = match v.name.as_str() {
                "nodecount" => "5".to_owned(),
                "level" => "90".to_owned(),
                _ => value,
            };
            let mut state = State::default();
            state.set(v, &value).unwrap();
            assert_ne!(state.query(&catalogue).unwrap(), plain, "{}", v.name);
            assert!(!v.help.is_empty(), "{}", v.name);
            state
                .set(v, if v.shape == Shape::Switch { &v.default } else { "" })
                .unwrap();
            assert_eq!(state.query(&catalogue).unwrap(), plain, "{}", v.name);
        }
    }

    #[test]
    fn words_of_pprof() {
        let catalogue = catalogue();
        let set = |word: &str| catalogue.word(word).map(|w| w[0].1.clone());
        for (word, value) in [
            ("lines", "line"),
            ("functions", "function"),
            ("subsystems", "subsystem"),
            ("cum", "cum"),
            ("delay", "delay"),
        ] {
            assert_eq!(set(word).as_deref(), Some(value), "{word}");
        }
        assert_eq!(catalogue.word("mean_delay").unwrap()[1], ("mean", "true".to_owned()));
        assert!(catalogue.words().iter().all(|w| catalogue.word(w).is_some()));
        assert!(!catalogue.words().contains(&"alloc_space".to_owned()));
        // These are filters, not granularities.
        for word in ["package", "subsystem", "owner", "nonsense"] {
            assert_eq!(set(word), None, "{word}");
        }
    }
}
