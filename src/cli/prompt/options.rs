//! The options of a prompt: their names, values, defaults and help, as clap knows the flags of [`QueryArgs`].
//!
//! There is no second list of them: `shell` has them as they are, `pprof` changes what is different there. What is assigned
//! is kept as text.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Args, Command};

use super::super::args::{QueryArgs, SHORTHANDS};

/// What values an option takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `true` or `false`.
    Switch,
    /// One of these.
    Choice(Vec<String>),
    /// Anything; several values separated by commas or blanks.
    List,
    /// Anything.
    Text,
    /// A whole number.
    Whole,
    /// A number.
    Fraction,
}

/// An option.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    /// pprof's name, or kubeprof's own.
    pub(crate) name: String,
    /// Its values.
    pub(crate) shape: Shape,
    /// What holds without an assignment, as text.
    pub(crate) default: String,
    /// One line.
    pub(crate) help: String,
    #[cfg(feature = "shell")]
    long: String,
    other_names: Vec<String>,
    /// Other spellings of choices: `lines` for `line`.
    other_values: Vec<(String, String)>,
    /// One line about each choice.
    value_help: Vec<(String, String)>,
}

/// A word alone that stands for an assignment: `cum` for `sort=cum`.
#[derive(Clone, Debug)]
pub(crate) struct Shorthand {
    pub(crate) word: String,
    pub(crate) option: String,
    pub(crate) value: String,
}

/// All options, and the words that stand for an assignment.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    variables: Vec<Variable>,
    shorthands: Vec<Shorthand>,
    sample_types: Vec<String>,
    /// Whether names may be written as flags are, `show-from` for `show_from`.
    dashes: bool,
}

impl Catalogue {
    /// The flags of a query, without a profile.
    pub(crate) fn of_query() -> Self {
        let command = QueryArgs::augment_args(Command::new("query"));
        let short = |a: &&Arg| SHORTHANDS.iter().any(|(name, _, _)| a.get_id() == name);
        let shorthand = |&(word, option, value): &(&str, &str, &str)| Shorthand {
            word: word.to_owned(),
            option: option.to_owned(),
            value: value.to_owned(),
        };
        Self {
            variables: command.get_arguments().filter(|a| !short(a)).map(variable).collect(),
            shorthands: SHORTHANDS.iter().map(shorthand).collect(),
            sample_types: Vec::new(),
            dashes: true,
        }
    }

    /// Exactly these options, by exactly these names.
    pub(crate) fn exact(variables: Vec<Variable>, shorthands: Vec<Shorthand>) -> Self {
        Self {
            variables,
            shorthands,
            sample_types: Vec::new(),
            dashes: false,
        }
    }

    /// The same for a profile with these sample types, of which one is the default.
    pub(crate) fn knowing(mut self, sample_types: Vec<String>, default_type: &str) -> Self {
        if let Some(v) = self.variables.iter_mut().find(|v| v.name == "sample_index") {
            default_type.clone_into(&mut v.default);
            v.shape = Shape::Choice(sample_types.clone());
        }
        self.sample_types = sample_types;
        self
    }

    /// All options in the order of the help.
    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The option of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&Variable> {
        let name = self.spelled(name);
        let named = |v: &&Variable| v.name == name || v.other_names.contains(&name);
        self.variables.iter().find(named)
    }

    fn spelled(&self, name: &str) -> String {
        match self.dashes {
            true => name.replace('-', "_"),
            false => name.to_owned(),
        }
    }

    /// The assignment that a word stands for, sample types aside.
    pub(crate) fn shorthand(&self, word: &str) -> Option<&Shorthand> {
        self.shorthands.iter().find(|s| s.word == word)
    }

    /// All of them.
    #[cfg(feature = "shell")]
    pub(crate) fn shorthands(&self) -> &[Shorthand] {
        &self.shorthands
    }

    /// What a word alone sets: `lines`, `cum`, `inuse_objects`, `mean_delay`.
    pub(crate) fn word(&self, word: &str) -> Option<Vec<(&str, String)>> {
        let word = self.spelled(word);
        if let Some(s) = self.shorthand(&word) {
            return Some(vec![(&s.option, s.value.clone())]);
        }
        let by = self.find("by").and_then(|by| by.choice(&word));
        if let Some(value) = by.filter(|_| self.find(&word).is_none()) {
            return Some(vec![("by", value)]);
        }
        // A name that is one of several in more than one way is what the last type makes of it.
        for kind in self.sample_types.iter().rev() {
            for (prefix, mean) in [("total_", "false"), ("mean_", "true")] {
                if word.strip_prefix(prefix) == Some(kind) {
                    return Some(vec![("mean", mean.to_owned()), ("sample_index", kind.clone())]);
                }
            }
            if word == *kind {
                return Some(vec![("sample_index", kind.clone())]);
            }
        }
        None
    }

    /// The words of [`Catalogue::word`] worth completing.
    #[cfg(feature = "shell")]
    pub(crate) fn words(&self) -> Vec<String> {
        // Those of sample types come from the profile.
        let shorthands = self.shorthands.iter().filter(|s| s.option != "sample_index");
        let mut words: Vec<String> = shorthands.map(|s| s.word.clone()).collect();
        if let Some(by) = self.find("by") {
            words.extend(by.other_values.iter().map(|(plural, _)| plural.clone()));
        }
        words.extend(self.sample_types.iter().cloned());
        words.sort();
        words.dedup();
        words
    }

    /// The sample types of the profile.
    pub(crate) fn sample_types(&self) -> &[String] {
        &self.sample_types
    }
}

impl Variable {
    /// An option that no flag of a query has.
    pub(crate) fn new(name: &str, shape: Shape, default: &str, help: &str) -> Self {
        Self {
            name: name.to_owned(),
            shape,
            default: default.to_owned(),
            help: help.to_owned(),
            #[cfg(feature = "shell")]
            long: name.to_owned(),
            other_names: Vec::new(),
            other_values: Vec::new(),
            value_help: Vec::new(),
        }
    }

    /// A choice of these, each with one line about it; none is chosen at first.
    pub(crate) fn choice_of(name: &str, help: &str, values: Vec<(String, String)>) -> Self {
        Self {
            value_help: values.clone(),
            ..Self::new(
                name,
                Shape::Choice(values.into_iter().map(|(value, _)| value).collect()),
                "",
                help,
            )
        }
    }

    /// The flag that sets it, without its value.
    #[cfg(feature = "shell")]
    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.long)
    }

    /// Whether a flag of that name is the same one: `goroutines` has an order of its own.
    #[cfg(feature = "shell")]
    pub(crate) fn suits(&self, arg: &Arg) -> bool {
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

    /// One line about a choice.
    pub(crate) fn help_of(&self, choice: &str) -> Option<&str> {
        let found = self.value_help.iter().find(|(c, _)| c == choice);
        found.map(|(_, help)| help.as_str())
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
    let value_help = { choices.iter() }
        .filter_map(|c| Some((c.get_name().to_owned(), c.get_help()?.to_string())))
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
        #[cfg(feature = "shell")]
        long: arg.get_long().unwrap_or(&name).to_owned(),
        name,
        shape,
        default,
        help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        other_names,
        other_values,
        value_help,
    }
}

/// What is assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    values: BTreeMap<String, Vec<String>>,
}

/// A text that is neither yes nor no.
#[cfg(feature = "shell")]
#[derive(Debug, thiserror::Error)]
#[error("{option} is true or false, not {text:?}")]
pub(crate) struct NotBoolean {
    option: String,
    text: String,
}

impl State {
    /// Assigns values as they are.
    pub(crate) fn put(&mut self, v: &Variable, values: Vec<String>) {
        self.values.remove(&v.name);
        if !values.is_empty() && values != [v.default.as_str()] {
            self.values.insert(v.name.clone(), values);
        }
    }

    /// What holds: the value, or the default.
    pub(crate) fn text<'a>(&'a self, v: &'a Variable) -> &'a str {
        let assigned = self.values.get(&v.name).and_then(|values| values.first());
        assigned.unwrap_or(&v.default)
    }
}

#[cfg(feature = "shell")]
impl State {
    /// Assigns a text as it is typed at the prompt; an empty one clears.
    ///
    /// # Errors
    /// When a switch is neither on nor off. What only clap or the profile can tell is not checked here.
    pub(crate) fn set(&mut self, v: &Variable, text: &str) -> Result<(), NotBoolean> {
        let values = match &v.shape {
            Shape::Switch => {
                let refused = || NotBoolean {
                    option: v.name.clone(),
                    text: text.to_owned(),
                };
                vec![boolean(text).ok_or_else(refused)?.to_string()]
            }
            Shape::List => text
                .split([',', ' ', '\t'])
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
                .collect(),
            // `-1` is how pprof says that no number is given.
            _ if text.is_empty() || (v.name == "nodecount" && text == "-1") => Vec::new(),
            Shape::Choice(_) => vec![v.choice(text).unwrap_or_else(|| text.to_owned())],
            Shape::Text | Shape::Whole | Shape::Fraction => vec![text.to_owned()],
        };
        self.put(v, values);
        Ok(())
    }

    /// Adds to a list; sets anything else.
    ///
    /// # Errors
    /// As for [`State::set`].
    pub(crate) fn add(&mut self, v: &Variable, text: &str) -> Result<(), NotBoolean> {
        if v.shape != Shape::List {
            return self.set(v, text);
        }
        self.values.entry(v.name.clone()).or_default().push(text.to_owned());
        Ok(())
    }

    /// Forgets one assignment.
    pub(crate) fn unset(&mut self, v: &Variable) {
        self.values.remove(&v.name);
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
    }

    /// What is assigned, or `None` where the default holds.
    pub(crate) fn value(&self, v: &Variable) -> Option<String> {
        Some(self.values.get(&v.name)?.join(","))
    }

    /// The assignments as flags, of the options that `takes` names.
    pub(crate) fn flags(&self, catalogue: &Catalogue, takes: impl Fn(&str) -> bool) -> Vec<String> {
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
    pub(crate) fn unused(&self, takes: impl Fn(&str) -> bool) -> Vec<&str> {
        self.values.keys().map(String::as_str).filter(|n| !takes(n)).collect()
    }
}

/// The words that pprof takes for yes and no; an option alone is on.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(all(test, feature = "shell"))]
mod tests {
    use super::Catalogue;

    #[test]
    fn words_of_pprof() {
        let catalogue = Catalogue::of_query().knowing(vec!["inuse_space".into(), "delay".into()], "inuse_space");
        let set = |word: &str| catalogue.word(word).and_then(|mut w| w.pop()).map(|(_, value)| value);
        for (word, value) in [
            ("lines", "line"),
            ("functions", "function"),
            ("subsystems", "subsystem"),
            ("cum", "cum"),
            ("delay", "delay"),
        ] {
            assert_eq!(set(word).as_deref(), Some(value), "{word}");
        }
        assert_eq!(catalogue.word("mean_delay").unwrap()[0], ("mean", "true".to_owned()));
        assert!(catalogue.words().iter().all(|w| catalogue.word(w).is_some()));
        assert!(!catalogue.words().contains(&"alloc_space".to_owned()));
        // These are filters, not granularities.
        for word in ["package", "subsystem", "owner", "nonsense"] {
            assert_eq!(set(word), None, "{word}");
        }
    }
}
