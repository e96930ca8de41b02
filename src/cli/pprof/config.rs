//! The options of `go tool pprof` as flags and the interactive mode set them, and the query that they make for a command.
//!
//! The options are those of a query (`cli::prompt::options`), with the names, values and defaults that pprof has.

use std::sync::{Arc, LazyLock};

use super::numbers;
use crate::analysis::{Dialect, Granularity, Query, Sort, Trim};
use crate::cli::args::SHORTHANDS;
use crate::cli::prompt::options::{self, Catalogue, Shape, Shorthand, State, Variable};

/// Options that pprof does not have.
const NOT_PPROF: &[&str] = &["by", "idle", "level", "package", "subsystem", "owner"];

/// Options that only pprof has, or that have another default or meaning there.
const OWN: &[(&str, Shape, &str, &str)] = &[
    ("output", Shape::Text, "", "Write the report to this file"),
    (
        "call_tree",
        Shape::Switch,
        "false",
        "Show a function once for every path to it",
    ),
    (
        "compact_labels",
        Shape::Switch,
        "false",
        "Show fewer lines above the report",
    ),
    (
        "intel_syntax",
        Shape::Switch,
        "false",
        "Show instructions in Intel syntax (disasm, weblist)",
    ),
    (
        "normalize",
        Shape::Switch,
        "false",
        "Scale the profile to the total of the base first",
    ),
    (
        "nodecount",
        Shape::Whole,
        "-1",
        "Show at most this many rows or nodes; -1: what suits the report",
    ),
    (
        "nodefraction",
        Shape::Fraction,
        "0.005",
        "Leave out rows whose cum is below this share of the total",
    ),
    (
        "edgefraction",
        Shape::Fraction,
        "0.001",
        "Leave out edges below this share of the total",
    ),
    ("divide_by", Shape::Fraction, "1", "Divide all values by this number"),
];

static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(catalogue()));

fn catalogue() -> Catalogue {
    let query = Catalogue::of_query();
    let own = |name: &str| OWN.iter().any(|(own, ..)| *own == name) || NOT_PPROF.contains(&name);
    let mut all: Vec<Variable> = { query.variables().iter() }
        .filter(|v| !own(&v.name))
        .cloned()
        .collect();
    all.extend(
        OWN.iter()
            .map(|(name, shape, default, help)| Variable::new(name, shape.clone(), default, help)),
    );
    let mut shorthands = Vec::new();
    if let Some(by) = query.find("by") {
        let rows: Vec<_> = SHORTHANDS.iter().filter(|(_, option, _)| *option == "by").collect();
        let help =
            { rows.iter() }.filter_map(|(row, _, value)| Some(((*row).to_owned(), by.help_of(value)?.to_owned())));
        all.push(Variable::choice_of("granularity", &by.help, help.collect()));
    }
    for v in &all {
        if let Shape::Choice(choices) = &v.shape {
            shorthands.extend(choices.iter().map(|value| Shorthand {
                word: value.clone(),
                option: v.name.clone(),
                value: value.clone(),
            }));
        }
    }
    Catalogue::exact(all, shorthands)
}

/// The options and what they are.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) catalogue: Arc<Catalogue>,
    state: State,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            catalogue: CATALOGUE.clone(),
            state: State::default(),
        }
    }
}

impl Config {
    /// The option of which `name` is a value: `cum` of `sort`.
    pub(super) fn group_of(&self, name: &str) -> Option<&str> {
        Some(&self.catalogue.shorthand(name)?.option)
    }

    /// The values of an option.
    pub(super) fn shape(&self, name: &str) -> Option<&Shape> {
        Some(&self.catalogue.find(name)?.shape)
    }

    /// What one line says about an option or a value of a group.
    pub(super) fn about(&self, name: &str) -> Option<&str> {
        if let Some(v) = self.catalogue.find(name) {
            return Some(&v.help);
        }
        self.catalogue.find(self.group_of(name)?)?.help_of(name)
    }

    /// The value of an option.
    pub(super) fn text(&self, name: &str) -> &str {
        self.catalogue.find(name).map_or("", |v| self.state.text(v))
    }

    /// Whether a switch is on.
    pub(super) fn on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// How many rows; -1 for the default of a command.
    pub(super) fn node_count(&self) -> i64 {
        self.text("nodecount").parse().unwrap_or(-1)
    }

    fn number(&self, name: &str) -> f64 {
        self.text(name).parse().unwrap_or_default()
    }

    /// Sets an option to a value that it has.
    pub(super) fn put(&mut self, name: &str, value: impl Into<String>) {
        if let Some(v) = self.catalogue.find(name) {
            self.state.put(v, vec![value.into()]);
        }
    }

    /// Sets an option as the interactive mode does, where `flat=true` and the like set a group.
    ///
    /// # Errors
    /// When there is no such option or it has no such value.
    pub(super) fn assign(&mut self, name: &str, value: &str) -> Result<(), String> {
        let unknown = || format!("unknown config field {name:?}");
        if let Some(group) = self.group_of(name).map(str::to_owned) {
            return match numbers::boolean(value) {
                Some(true) => self.assign(&group, name),
                _ => Err(unknown()),
            };
        }
        let value = match self.shape(name).ok_or_else(unknown)? {
            Shape::Text | Shape::List => value.to_owned(),
            Shape::Switch => { options::boolean(value) }
                .ok_or_else(|| format!("illegal value \"{value}\" for bool variable"))?
                .to_string(),
            Shape::Whole => { value.parse::<i64>() }
                .map_err(|_| format!("strconv.Atoi: parsing {value:?}: invalid syntax"))?
                .to_string(),
            Shape::Fraction => { numbers::float(value).map(numbers::shown) }
                .ok_or_else(|| format!("strconv.ParseFloat: parsing {value:?}: invalid syntax"))?,
            Shape::Choice(choices) if choices.iter().any(|c| c == value) => value.to_owned(),
            Shape::Choice(_) => return Err(format!("invalid {name:?} value {value:?}")),
        };
        self.put(name, value);
        Ok(())
    }

    /// What a command asks of a profile with these options.
    pub(super) fn query(&self, command: &str) -> Query {
        let text = |name: &str| self.text(name).to_owned();
        let node_count = self.node_count();
        let mut q = Query {
            sample_type: text("sample_index"),
            mean: self.on("mean"),
            focus: text("focus"),
            ignore: text("ignore"),
            hide: text("hide"),
            show: text("show"),
            show_from: text("show_from"),
            prune_from: text("prune_from"),
            tag_focus: text("tagfocus"),
            tag_ignore: text("tagignore"),
            tag_show: text("tagshow"),
            tag_hide: text("taghide"),
            tag_root: text("tagroot"),
            tag_leaf: text("tagleaf"),
            granularity: match self.text("granularity") {
                "filefunctions" => Granularity::FileFunctions,
                "files" => Granularity::Files,
                "lines" => Granularity::Lines,
                "addresses" => Granularity::Addresses,
                _ => Granularity::Functions,
            },
            no_inlines: self.on("noinlines"),
            show_columns: self.on("showcolumns"),
            sort: match self.text("sort") {
                "cum" => Sort::Cum,
                _ => Sort::Flat,
            },
            trim: Trim {
                node_count: (node_count != -1).then(|| usize::try_from(node_count).unwrap_or(0)),
                node_fraction: self.number("nodefraction"),
                edge_fraction: self.number("edgefraction"),
            },
            unit: text("unit"),
            divide_by: self.number("divide_by"),
            drop_negative: self.on("drop_negative"),
            relative_percentages: self.on("relative_percentages"),
            call_tree: self.on("call_tree"),
            trim_path: text("trim_path"),
            source_path: text("source_path"),
            compact_labels: self.on("compact_labels"),
            dialect: Dialect::Pprof,
            ..Query::default()
        };
        override_by_command(&mut q, command, self.on("trim"));
        q
    }

    /// The whole profile as its facts are told: no filters, no frames of labels.
    pub(super) fn plain_query(&self) -> Query {
        Query {
            sample_type: self.text("sample_index").to_owned(),
            mean: self.on("mean"),
            unit: self.text("unit").to_owned(),
            divide_by: self.number("divide_by"),
            dialect: Dialect::Pprof,
            ..Query::default()
        }
    }
}

/// What the command changes in the query.
fn override_by_command(q: &mut Query, command: &str, mut trim: bool) {
    match command {
        "disasm" => {
            trim = false;
            q.granularity = Granularity::Addresses;
            q.no_inlines = true;
        }
        "weblist" => {
            trim = false;
            q.granularity = Granularity::Addresses;
            q.no_inlines = false;
        }
        "peek" => trim = false,
        "list" => {
            trim = false;
            q.granularity = Granularity::Lines;
        }
        "text" | "top" | "topproto" => q.trim.node_count = q.trim.node_count.or(Some(0)),
        _ => q.trim.node_count = q.trim.node_count.or(Some(80)),
    }
    if matches!(command, "proto" | "raw" | "callgrind" | "kcachegrind") {
        trim = false;
        q.granularity = Granularity::Addresses;
    }
    if !trim {
        q.trim = Trim::NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Shape};

    #[test]
    fn every_option_reaches_the_query() {
        let plain = Config::default().query("top");
        let catalogue = Config::default().catalogue;
        assert_eq!(catalogue.variables().len(), 33);
        for v in catalogue.variables() {
            let value = match &v.shape {
                Shape::Switch if v.default == "true" => "no",
                Shape::Switch => "yes",
                Shape::Choice(choices) => choices.last().unwrap(),
                Shape::Whole | Shape::Fraction => "3",
                Shape::List | Shape::Text => "x",
            };
            let mut config = Config::default();
            config.assign(&v.name, value).unwrap();
            // These are of the command line, of the base and of instructions.
            let elsewhere = ["output", "normalize", "intel_syntax"].contains(&v.name.as_str());
            assert_eq!(config.query("top") == plain, elsewhere, "{}", v.name);
            assert!(!v.help.is_empty(), "{}", v.name);
        }
    }

    #[test]
    fn a_value_of_a_group_is_an_option_and_has_help() {
        let mut config = Config::default();
        for (value, group) in [
            ("cum", "sort"),
            ("flat", "sort"),
            ("lines", "granularity"),
            ("addresses", "granularity"),
        ] {
            assert_eq!(config.group_of(value), Some(group));
            assert!(config.about(value).is_some_and(|help| !help.is_empty()), "{value}");
            config.assign(value, "true").unwrap();
            assert_eq!(config.text(group), value);
            assert!(config.assign(value, "false").is_err());
        }
        for (name, value) in [
            ("granularity", ""),
            ("sort", "line"),
            ("nodecount", "0x10"),
            ("mean", "2"),
            ("by", "file"),
        ] {
            assert!(config.assign(name, value).is_err(), "{name}={value}");
        }
    }
}
