//! The variables of a session: the options of a query, as the flags that clap reads.
//!
//! What is assigned becomes flags again, so that a command at the prompt and on the command line asks the same question.

use crate::cli::hints::{self, Failure};

use anyhow::{Result, anyhow};
use clap::{ArgMatches, Parser, parser::ValueSource};

use super::super::args::QueryArgs;
use super::super::prompt::options::{Catalogue, Shape, State};
use crate::analysis::Query;
use crate::kubelet::nearest;

// The flags of a query and nothing else.
#[derive(Parser, Debug)]
#[command(name = "query", no_binary_name = true, disable_help_flag = true)]
struct OnlyQuery {
    #[command(flatten)]
    query: QueryArgs,
}

/// What the flags of a command line assign.
pub(super) fn of_matches(catalogue: &Catalogue, matches: &ArgMatches) -> Result<State> {
    let mut state = State::default();
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    for v in catalogue.variables().iter().filter(|v| typed(&v.name)) {
        let raw = matches.get_raw(&v.name).into_iter().flatten();
        let values: Vec<String> = raw.map(|v| v.to_string_lossy().into_owned()).collect();
        match v.shape {
            // A switch without a value has none to report.
            Shape::Switch if values.is_empty() => state.set(v, "true")?,
            _ => state.put(v, values),
        }
    }
    for s in catalogue.shorthands().iter().filter(|s| typed(&s.word)) {
        if matches.get_flag(&s.word)
            && let Some(v) = catalogue.find(&s.option)
        {
            state.set(v, &s.value)?;
        }
    }
    Ok(state)
}

/// The query of assignments.
///
/// # Errors
/// When a value is malformed.
pub(super) fn query(state: &State, catalogue: &Catalogue) -> Result<Query> {
    match OnlyQuery::try_parse_from(state.flags(catalogue, |_| true)) {
        Ok(parsed) => Ok(parsed.query.query(None)),
        Err(e) => Err(plain(&e)),
    }
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
    lines.extend(hints::of_value(e).map(|hint| format!("hint: {hint}")));
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
            format!("unknown variable {name}"),
            format!("did you mean {near}?")
        )),
        None => anyhow!(Failure::new(format!("unknown variable {name}"), "`options` lists them")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::args::SHORTHANDS;
    use super::{Catalogue, OnlyQuery, Shape, State, query};
    use clap::Parser;

    fn catalogue() -> Catalogue {
        Catalogue::of_query().knowing(vec!["inuse_space".into(), "delay".into()], "inuse_space")
    }

    #[test]
    fn a_shorthand_asks_what_its_long_form_asks() {
        for (short, name, value) in SHORTHANDS {
            let asked = |flag: String| OnlyQuery::try_parse_from([flag]).unwrap().query.query(None);
            let long = catalogue().find(name).unwrap().flag();
            assert_eq!(
                asked(format!("--{}", short.replace('_', "-"))),
                asked(format!("{long}={value}")),
                "{short}"
            );
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_command_line() {
        let plain = OnlyQuery::try_parse_from::<_, &str>([]).unwrap().query.query(None);
        assert_eq!(query(&State::default(), &catalogue()).unwrap(), plain);
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
        let plain = query(&State::default(), &catalogue).unwrap();
        for v in catalogue.variables() {
            let value = match &v.shape {
                Shape::Switch if v.default == "true" => "no".to_owned(),
                Shape::Switch => "yes".to_owned(),
                Shape::Choice(choices) => choices.iter().rfind(|c| **c != v.default).unwrap().clone(),
                Shape::List => "a,b".to_owned(),
                Shape::Text | Shape::Whole | Shape::Fraction => "0.5".to_owned(),
            };
            let value = match v.name.as_str() {
                "nodecount" => "5".to_owned(),
                "level" => "90".to_owned(),
                _ => value,
            };
            let mut state = State::default();
            state.set(v, &value).unwrap();
            assert_ne!(query(&state, &catalogue).unwrap(), plain, "{}", v.name);
            assert!(!v.help.is_empty(), "{}", v.name);
            state
                .set(v, if v.shape == Shape::Switch { &v.default } else { "" })
                .unwrap();
            assert_eq!(query(&state, &catalogue).unwrap(), plain, "{}", v.name);
        }
    }
}
