//! The options of `go tool pprof`: their names, values and defaults, and the query that they make for a command. Flags and
//! the interactive mode set the same ones.

use super::numbers;
use crate::analysis::{Dialect, Granularity, Query, Sort, Trim};

/// What the options are. Texts, numbers and switches are kept as pprof keeps them, for its list of options.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) output: String,
    call_tree: bool,
    relative_percentages: bool,
    unit: String,
    pub(super) compact_labels: bool,
    source_path: String,
    trim_path: String,
    intel_syntax: bool,
    pub(super) mean: bool,
    pub(super) sample_index: String,
    divide_by: f64,
    pub(super) normalize: bool,
    pub(super) sort: String,
    tag_root: String,
    tag_leaf: String,
    drop_negative: bool,
    pub(super) node_count: i64,
    node_fraction: f64,
    edge_fraction: f64,
    trim: bool,
    pub(super) focus: String,
    pub(super) ignore: String,
    prune_from: String,
    hide: String,
    show: String,
    show_from: String,
    pub(super) tag_focus: String,
    pub(super) tag_ignore: String,
    tag_show: String,
    tag_hide: String,
    no_inlines: bool,
    show_columns: bool,
    granularity: String,
}

/// Where the value of an option is.
pub(super) enum Slot<'a> {
    Switch(&'a mut bool),
    Whole(&'a mut i64),
    Fraction(&'a mut f64),
    Text(&'a mut String),
    /// One of these; each of them is a switch of its own as well.
    Choice(&'a mut String, &'static [&'static str]),
}

/// The names of all options.
pub(super) const OPTIONS: &[&str] = &[
    "output",
    "call_tree",
    "relative_percentages",
    "unit",
    "compact_labels",
    "source_path",
    "trim_path",
    "intel_syntax",
    "mean",
    "sample_index",
    "divide_by",
    "normalize",
    "sort",
    "tagroot",
    "tagleaf",
    "drop_negative",
    "nodecount",
    "nodefraction",
    "edgefraction",
    "trim",
    "focus",
    "ignore",
    "prune_from",
    "hide",
    "show",
    "show_from",
    "tagfocus",
    "tagignore",
    "tagshow",
    "taghide",
    "noinlines",
    "showcolumns",
    "granularity",
];
const SORTS: &[&str] = &["cum", "flat"];
const GRANULARITIES: &[&str] = &["functions", "filefunctions", "files", "lines", "addresses"];

/// The option of which `name` is a value.
pub(super) fn group_of(name: &str) -> Option<&'static str> {
    match name {
        _ if SORTS.contains(&name) => Some("sort"),
        _ if GRANULARITIES.contains(&name) => Some("granularity"),
        _ => None,
    }
}

impl Default for Config {
    fn default() -> Self {
        let none = String::new;
        Self {
            output: none(),
            call_tree: false,
            relative_percentages: false,
            unit: "minimum".to_owned(),
            compact_labels: false,
            source_path: none(),
            trim_path: none(),
            intel_syntax: false,
            mean: false,
            sample_index: none(),
            divide_by: 1.0,
            normalize: false,
            sort: "flat".to_owned(),
            tag_root: none(),
            tag_leaf: none(),
            drop_negative: false,
            node_count: -1,
            node_fraction: 0.005,
            edge_fraction: 0.001,
            trim: true,
            focus: none(),
            ignore: none(),
            prune_from: none(),
            hide: none(),
            show: none(),
            show_from: none(),
            tag_focus: none(),
            tag_ignore: none(),
            tag_show: none(),
            tag_hide: none(),
            no_inlines: false,
            show_columns: false,
            granularity: none(),
        }
    }
}

impl Config {
    /// The value of the option of that name.
    pub(super) fn slot(&mut self, name: &str) -> Option<Slot<'_>> {
        use Slot::{Choice, Fraction, Switch, Text, Whole};
        Some(match name {
            "output" => Text(&mut self.output),
            "call_tree" => Switch(&mut self.call_tree),
            "relative_percentages" => Switch(&mut self.relative_percentages),
            "unit" => Text(&mut self.unit),
            "compact_labels" => Switch(&mut self.compact_labels),
            "source_path" => Text(&mut self.source_path),
            "trim_path" => Text(&mut self.trim_path),
            "intel_syntax" => Switch(&mut self.intel_syntax),
            "mean" => Switch(&mut self.mean),
            "sample_index" => Text(&mut self.sample_index),
            "divide_by" => Fraction(&mut self.divide_by),
            "normalize" => Switch(&mut self.normalize),
            "sort" => Choice(&mut self.sort, SORTS),
            "tagroot" => Text(&mut self.tag_root),
            "tagleaf" => Text(&mut self.tag_leaf),
            "drop_negative" => Switch(&mut self.drop_negative),
            "nodecount" => Whole(&mut self.node_count),
            "nodefraction" => Fraction(&mut self.node_fraction),
            "edgefraction" => Fraction(&mut self.edge_fraction),
            "trim" => Switch(&mut self.trim),
            "focus" => Text(&mut self.focus),
            "ignore" => Text(&mut self.ignore),
            "prune_from" => Text(&mut self.prune_from),
            "hide" => Text(&mut self.hide),
            "show" => Text(&mut self.show),
            "show_from" => Text(&mut self.show_from),
            "tagfocus" => Text(&mut self.tag_focus),
            "tagignore" => Text(&mut self.tag_ignore),
            "tagshow" => Text(&mut self.tag_show),
            "taghide" => Text(&mut self.tag_hide),
            "noinlines" => Switch(&mut self.no_inlines),
            "showcolumns" => Switch(&mut self.show_columns),
            "granularity" => Choice(&mut self.granularity, GRANULARITIES),
            _ => return None,
        })
    }

    /// Sets an option as the interactive mode does, where `flat=true` and the like set a group.
    ///
    /// # Errors
    /// When there is no such option or it has no such value.
    pub(super) fn assign(&mut self, name: &str, value: &str) -> Result<(), String> {
        if let Some(group) = group_of(name) {
            return match super::flags::parse_bool(value) {
                Some(true) => self.assign(group, name),
                _ => Err(format!("unknown config field {name:?}")),
            };
        }
        match self.slot(name) {
            None => return Err(format!("unknown config field {name:?}")),
            Some(Slot::Text(text)) => value.clone_into(text),
            Some(Slot::Switch(switch)) => {
                *switch = match value.to_lowercase().as_str() {
                    "true" | "t" | "yes" | "y" | "1" | "" => true,
                    "false" | "f" | "no" | "n" | "0" => false,
                    _ => return Err(format!("illegal value \"{value}\" for bool variable")),
                };
            }
            Some(Slot::Whole(whole)) => {
                *whole = value
                    .parse()
                    .map_err(|_| format!("strconv.Atoi: parsing {value:?}: invalid syntax"))?;
            }
            Some(Slot::Fraction(fraction)) => {
                *fraction = numbers::float(value)
                    .ok_or_else(|| format!("strconv.ParseFloat: parsing {value:?}: invalid syntax"))?;
            }
            Some(Slot::Choice(choice, choices)) => {
                if !choices.contains(&value) {
                    return Err(format!("invalid {name:?} value {value:?}"));
                }
                value.clone_into(choice);
            }
        }
        Ok(())
    }

    /// What a command asks of a profile with these options.
    pub(super) fn query(&self, command: &str) -> Query {
        let mut q = Query {
            sample_type: self.sample_index.clone(),
            mean: self.mean,
            focus: self.focus.clone(),
            ignore: self.ignore.clone(),
            hide: self.hide.clone(),
            show: self.show.clone(),
            show_from: self.show_from.clone(),
            prune_from: self.prune_from.clone(),
            tag_focus: self.tag_focus.clone(),
            tag_ignore: self.tag_ignore.clone(),
            tag_show: self.tag_show.clone(),
            tag_hide: self.tag_hide.clone(),
            tag_root: self.tag_root.clone(),
            tag_leaf: self.tag_leaf.clone(),
            granularity: match self.granularity.as_str() {
                "filefunctions" => Granularity::FileFunctions,
                "files" => Granularity::Files,
                "lines" => Granularity::Lines,
                "addresses" => Granularity::Addresses,
                _ => Granularity::Functions,
            },
            no_inlines: self.no_inlines,
            show_columns: self.show_columns,
            sort: if self.sort == "cum" { Sort::Cum } else { Sort::Flat },
            trim: Trim {
                node_count: (self.node_count != -1).then(|| usize::try_from(self.node_count).unwrap_or(0)),
                node_fraction: self.node_fraction,
                edge_fraction: self.edge_fraction,
            },
            unit: self.unit.clone(),
            divide_by: self.divide_by,
            drop_negative: self.drop_negative,
            relative_percentages: self.relative_percentages,
            call_tree: self.call_tree,
            trim_path: self.trim_path.clone(),
            source_path: self.source_path.clone(),
            compact_labels: self.compact_labels,
            dialect: Dialect::Pprof,
            ..Query::default()
        };
        override_by_command(&mut q, command, self.trim);
        q
    }

    /// The whole profile as its facts are told: no filters, no frames of labels.
    pub(super) fn plain_query(&self) -> Query {
        Query {
            sample_type: self.sample_index.clone(),
            mean: self.mean,
            unit: self.unit.clone(),
            divide_by: self.divide_by,
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
