//! What was typed: the flag groups that subcommands share. What they mean is decided in `open` and `output`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::hints::Failure;
use super::symbols::SymbolArgs;
use crate::analysis::{FlameLimits, Granularity, Query, Sort, Trim};
use crate::input::{Choice, Which};
use crate::model::{Kind, units};
use crate::pprof::goroutines::DumpChoice;

// Where profiles come from.
#[derive(Args, Debug, Clone)]
pub(super) struct InputArgs {
    /// Profiles, bundles, folders or tars of profiles, or - for standard input; several of one kind are added up
    #[arg(value_name = "SOURCE", required = true)]
    pub(super) sources: Vec<PathBuf>,
    /// Kind to take where the sources hold several: heap, allocs, cpu, goroutine, goroutineleak, contention, threadcreate
    #[arg(long, value_name = "KIND", help_heading = "Input", value_parser = parse_kind)]
    pub(super) kind: Option<AskedKind>,
    #[command(flatten)]
    pub(super) choice: ChoiceArgs,
    /// Largest size of an unpacked profile, e.g. 2GB (default: 64 MB and 64 times the packed size, at most 4 GB)
    #[arg(long, value_name = "SIZE", help_heading = "Input", value_parser = parse_size)]
    pub(super) max_size: Option<u64>,
    /// Subtract these profiles; equal stacks cancel
    #[arg(long, value_name = "SOURCE", help_heading = "Input")]
    pub(super) base: Vec<PathBuf>,
    /// Subtract these profiles; percentages are of their total
    #[arg(
        long,
        alias = "diff_base",
        value_name = "SOURCE",
        help_heading = "Input",
        conflicts_with = "base"
    )]
    pub(super) diff_base: Vec<PathBuf>,
    /// Scale the sources to the totals of the base first
    #[arg(long, help_heading = "Input")]
    pub(super) normalize: bool,
    /// Table of subsystems to use instead of the built-in one (print that with `kubeprof inspect --subsystems`)
    #[arg(long, value_name = "FILE", help_heading = "Kubelet")]
    pub(super) knowledge: Option<PathBuf>,
    #[command(flatten)]
    pub(super) symbols: SymbolArgs,
}

impl InputArgs {
    /// What to take of a bundle.
    pub(super) fn choice(&self) -> Choice {
        let choice = self.choice.choice();
        let named = self.kind.as_ref().and_then(|k| k.artifact.clone());
        Choice {
            artifact: choice.artifact.or(named),
            ..choice
        }
    }

    /// Whether nothing was asked for that only one profile of a bundle has.
    pub(super) fn asks_for_all(&self) -> bool {
        self.kind.is_none() && self.choice.choice() == Choice::default()
    }
}

// What to take of a bundle.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Bundle")]
pub(super) struct ChoiceArgs {
    /// Snapshot of a bundle: first, last, all (added up) or its number [default: last]
    #[arg(long, value_name = "WHICH")]
    pub(super) snapshot: Option<Which>,
    /// Node of a bundle [default: the one with the largest profile]
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Run of the kubelet in a bundle; a restart begins a new one [default: the last]
    #[arg(long, value_name = "N")]
    run: Option<u32>,
    /// Artifact of a bundle where a kind has several, e.g. mutex or block
    #[arg(long, value_name = "NAME")]
    pub(super) artifact: Option<String>,
    /// Goroutine dump of a text that holds several, such as a journal: its number, last, or all (added up) [default: the last
    /// full dump of a kubelet]
    #[arg(long, value_name = "WHICH", help_heading = "Input")]
    dump: Option<DumpChoice>,
}

impl ChoiceArgs {
    /// What was typed.
    pub(super) fn choice(&self) -> Choice {
        Choice {
            node: self.node.clone(),
            run: self.run,
            snapshot: self.snapshot,
            artifact: self.artifact.clone(),
            dump: self.dump.unwrap_or_default(),
        }
    }
}

/// A kind, and the artifact of a bundle where several are of it: `mutex` and `block` have one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AskedKind {
    pub(super) kind: Kind,
    artifact: Option<String>,
}

pub(super) fn parse_kind(text: &str) -> Result<AskedKind, String> {
    let kind = Kind::parse(text).ok_or_else(|| {
        let all: Vec<&str> = Kind::ALL.iter().map(|k| k.as_str()).collect();
        format!("kinds are {}, mutex, block", all.join(", "))
    })?;
    let artifact = matches!(text, "mutex" | "block").then(|| text.to_owned());
    Ok(AskedKind { kind, artifact })
}

pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| "expected a number, for instance 512MB".to_owned())?;
    let factor = match unit
        .trim()
        .trim_end_matches(['B', 'b'])
        .trim_end_matches('i')
        .to_ascii_lowercase()
        .as_str()
    {
        "" => 1.0,
        "k" => 1024.0,
        "m" => 1024.0 * 1024.0,
        "g" => 1024.0 * 1024.0 * 1024.0,
        "t" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        other => return Err(format!("unknown unit {other:?}; use kB, MB, GB or TB")),
    };
    Ok((number * factor) as u64)
}

fn parse_share(text: &str) -> Result<f64, Failure> {
    match text.trim().parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(Failure::new(
            "not a share of the total",
            "a number from 0 (nothing is left out) to 1, for instance 0.005",
        )),
    }
}

fn parse_divisor(text: &str) -> Result<f64, Failure> {
    // Beyond these, quotients of 64-bit values say nothing.
    match text.trim().parse() {
        Ok(divisor) if (1e-9..=1e18).contains(&divisor) => Ok(divisor),
        _ => Err(Failure::new(
            "not a divisor",
            "a number above 0, for instance 60 or 0.5",
        )),
    }
}

fn parse_level(text: &str) -> Result<f64, Failure> {
    match text.trim().trim_end_matches('%').parse() {
        Ok(level) if (1.0..=99.99).contains(&level) => Ok(level),
        _ => Err(Failure::new(
            "not a level",
            "a percentage from 1 to 99.99, for instance 90 or 95",
        )),
    }
}

/// Rows by what.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A row for each function.
    #[value(alias = "functions")]
    Function,
    /// A row for each function and file.
    #[value(alias = "filefunctions")]
    Filefunction,
    /// A row for each file.
    #[value(alias = "files")]
    File,
    /// A row for each source line.
    #[value(alias = "lines")]
    Line,
    /// A row for each address.
    #[value(alias = "addresses")]
    Address,
    /// A row for each Go package.
    #[value(alias = "packages")]
    Package,
    /// A row for each Go module.
    #[value(alias = "modules")]
    Module,
    /// A row for each subsystem of the kubelet.
    #[value(alias = "subsystems")]
    Subsystem,
    /// A row for each owner: a stack counts for the part of the kubelet that it works for.
    #[value(alias = "owners")]
    Owner,
    /// A row for each owner and what it is blocked or spends in.
    #[value(alias = "pairs")]
    Pair,
}

/// Order of rows.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SortBy {
    /// By the value of the row itself.
    Flat,
    /// By the value of the row and all it calls.
    Cum,
}

/// Flags of [`QueryArgs`] that are short for another one with a value.
pub(super) const SHORTHANDS: &[(&str, &str, &str)] = &[
    ("cum", "sort", "cum"),
    ("flat", "sort", "flat"),
    ("functions", "by", "function"),
    ("filefunctions", "by", "filefunction"),
    ("files", "by", "file"),
    ("lines", "by", "line"),
    ("addresses", "by", "address"),
    ("inuse_space", "sample_index", "inuse_space"),
    ("inuse_objects", "sample_index", "inuse_objects"),
    ("alloc_space", "sample_index", "alloc_space"),
    ("alloc_objects", "sample_index", "alloc_objects"),
];

// What is asked of the profile. The names are those of go tool pprof.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Query")]
pub(super) struct QueryArgs {
    /// Sample type, for instance inuse_objects; default: the profile's own
    #[arg(long, alias = "sample_index", value_name = "TYPE")]
    sample_index: Option<String>,
    /// Same as --sample-index inuse_space
    #[arg(long, alias = "inuse_space")]
    inuse_space: bool,
    /// Same as --sample-index inuse_objects
    #[arg(long, alias = "inuse_objects")]
    inuse_objects: bool,
    /// Same as --sample-index alloc_space
    #[arg(long, alias = "alloc_space")]
    alloc_space: bool,
    /// Same as --sample-index alloc_objects
    #[arg(long, alias = "alloc_objects")]
    alloc_objects: bool,
    /// Divide values by the first sample type: mean object size, mean delay
    #[arg(long)]
    mean: bool,
    /// Keep samples with a frame whose function, file or binary matches
    #[arg(long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    focus: String,
    /// Drop samples with a matching frame
    #[arg(long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    ignore: String,
    /// Remove matching frames; their values go to their callers
    #[arg(long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    hide: String,
    /// Keep only matching frames
    #[arg(long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    show: String,
    /// Cut the frames above the outermost match
    #[arg(
        long,
        alias = "show_from",
        value_name = "REGEX",
        default_value = "",
        hide_default_value = true
    )]
    show_from: String,
    /// Cut the frames below the innermost match
    #[arg(
        long,
        alias = "prune_from",
        value_name = "REGEX",
        default_value = "",
        hide_default_value = true
    )]
    prune_from: String,
    /// Keep samples with a matching label: [key=]regex or [key=]range such as bytes=1kb:64kb
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    tagfocus: String,
    /// Drop samples with a matching label
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    tagignore: String,
    /// Keep only labels whose key matches
    #[arg(long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    tagshow: String,
    /// Remove labels whose key matches
    #[arg(long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    taghide: String,
    /// Label keys that become frames at the root, separated by commas
    #[arg(long, value_name = "KEYS", default_value = "", hide_default_value = true)]
    tagroot: String,
    /// Label keys that become frames at the leaf
    #[arg(long, value_name = "KEYS", default_value = "", hide_default_value = true)]
    tagleaf: String,
    /// What one row stands for
    #[arg(long, value_enum, value_name = "WHAT")]
    by: Option<By>,
    #[arg(long, hide = true)]
    functions: bool,
    #[arg(long, hide = true)]
    filefunctions: bool,
    #[arg(long, hide = true)]
    files: bool,
    #[arg(long, hide = true)]
    lines: bool,
    #[arg(long, hide = true)]
    addresses: bool,
    /// Count inlined functions for the function that they were inlined into
    #[arg(long)]
    noinlines: bool,
    /// Show columns with lines
    #[arg(long)]
    showcolumns: bool,
    /// Order of the rows
    #[arg(long, value_enum, value_name = "WHAT", default_value = "flat")]
    sort: SortBy,
    /// Same as --sort cum
    #[arg(long)]
    cum: bool,
    /// Same as --sort flat
    #[arg(long, conflicts_with = "cum")]
    flat: bool,
    /// Show at most this many rows; 0 for all [default: a screenful on a terminal, elsewhere all]
    #[arg(short = 'n', long, value_name = "N")]
    nodecount: Option<usize>,
    /// Leave out rows whose cum is below this share [default: 0.005; flame: none]
    #[arg(long, value_name = "SHARE", value_parser = parse_share, allow_negative_numbers = true)]
    nodefraction: Option<f64>,
    /// Leave out edges below this share
    #[arg(long, value_name = "SHARE", default_value_t = 0.001, value_parser = parse_share, allow_negative_numbers = true)]
    edgefraction: f64,
    /// Hide small rows and edges; --trim=false shows everything
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set, hide_default_value = true)]
    trim: bool,
    /// Unit of all values; minimum: one that fits all; auto: one for each value
    #[arg(long, value_name = "UNIT", default_value = "minimum")]
    unit: String,
    /// Divide all values
    #[arg(
        long,
        alias = "divide_by",
        value_name = "N",
        default_value_t = 1.0,
        value_parser = parse_divisor,
        allow_negative_numbers = true,
        hide_default_value = true
    )]
    divide_by: f64,
    /// Leave out rows with negative values
    #[arg(long, alias = "drop_negative")]
    drop_negative: bool,
    /// Count waits of idle loops in block and mutex profiles; they are left out otherwise
    #[arg(long)]
    idle: bool,
    /// Show intervals of this confidence, e.g. 90, in place of ± (one sigma of sampling); ~ then marks changes whose
    /// interval holds 0 instead of changes below two sigma
    #[arg(long, value_name = "PERCENT", value_parser = parse_level)]
    level: Option<f64>,
    /// Compute percentages from what the filters keep
    #[arg(long, alias = "relative_percentages")]
    relative_percentages: bool,
    /// Prefixes to cut from file names, separated by colons
    #[arg(
        long,
        alias = "trim_path",
        value_name = "PATHS",
        default_value = "",
        hide_default_value = true
    )]
    trim_path: String,
    /// Folders with sources, separated by colons
    #[arg(
        long,
        alias = "source_path",
        visible_alias = "source",
        value_name = "DIRS",
        default_value = "",
        hide_default_value = true
    )]
    source_path: String,
    /// Keep samples and rows of these Go packages, e.g. 'pkg/kubelet/...' (several, with commas)
    #[arg(long, value_name = "PATTERN", help_heading = "Kubelet")]
    package: Vec<String>,
    /// Keep samples and rows of these subsystems, by key or title, e.g. pleg (several, with commas)
    #[arg(long, value_name = "KEY", help_heading = "Kubelet")]
    subsystem: Vec<String>,
    /// Keep samples that these subsystems own, by key or title (several, with commas)
    #[arg(long, value_name = "KEY", help_heading = "Kubelet")]
    owner: Vec<String>,
}

impl QueryArgs {
    /// The query that was typed; `rows` is the number of rows where none was.
    pub(super) fn query(&self, rows: Option<usize>) -> Query {
        let shorthand = [
            (self.inuse_space, "inuse_space"),
            (self.inuse_objects, "inuse_objects"),
            (self.alloc_space, "alloc_space"),
            (self.alloc_objects, "alloc_objects"),
        ];
        let shorthand = shorthand
            .into_iter()
            .find(|(set, _)| *set)
            .map(|(_, name)| name.to_owned());
        let trim = if self.trim {
            Trim {
                node_count: self.nodecount.or(rows),
                node_fraction: self.nodefraction.unwrap_or(Trim::default().node_fraction),
                edge_fraction: self.edgefraction,
            }
        } else {
            Trim::NONE
        };
        Query {
            sample_type: self.sample_index.clone().or(shorthand).unwrap_or_default(),
            mean: self.mean,
            focus: self.focus.clone(),
            ignore: self.ignore.clone(),
            hide: self.hide.clone(),
            show: self.show.clone(),
            show_from: self.show_from.clone(),
            prune_from: self.prune_from.clone(),
            tag_focus: self.tagfocus.clone(),
            tag_ignore: self.tagignore.clone(),
            tag_show: self.tagshow.clone(),
            tag_hide: self.taghide.clone(),
            tag_root: self.tagroot.clone(),
            tag_leaf: self.tagleaf.clone(),
            packages: self.package.clone(),
            subsystems: self.subsystem.clone(),
            owners: self.owner.clone(),
            granularity: self.granularity(),
            no_inlines: self.noinlines,
            show_columns: self.showcolumns,
            sort: if self.cum || (self.sort == SortBy::Cum && !self.flat) {
                Sort::Cum
            } else {
                Sort::Flat
            },
            trim,
            unit: units::native(&self.unit).to_owned(),
            divide_by: self.divide_by,
            drop_negative: self.drop_negative,
            level: self.level,
            idle: self.idle,
            relative_percentages: self.relative_percentages,
            trim_path: self.trim_path.clone(),
            source_path: self.source_path.clone(),
            ..Query::default()
        }
    }

    /// The query that was typed, with `granularity` where none was.
    pub(super) fn query_at(&self, granularity: Granularity) -> Query {
        let query = self.query(None);
        Query {
            granularity: if self.says_rows() {
                query.granularity
            } else {
                granularity
            },
            ..query
        }
    }

    /// Whether frames were chosen that only rows of functions show.
    pub(super) fn shows_frames(&self) -> bool {
        [&self.hide, &self.show, &self.show_from, &self.prune_from]
            .iter()
            .any(|f| !f.is_empty())
    }

    /// Whether it was typed what a row stands for.
    pub(super) fn says_rows(&self) -> bool {
        self.by.is_some() || self.functions || self.filefunctions || self.files || self.lines || self.addresses
    }

    /// What a flame graph of so many sample types leaves out: --nodecount, --nodefraction and --trim in its own measure.
    pub(super) fn flame_limits(&self, types: usize) -> FlameLimits {
        let default = FlameLimits::for_types(types);
        if !self.trim {
            return FlameLimits::NONE;
        }
        FlameLimits {
            min_fraction: self.nodefraction.unwrap_or(default.min_fraction),
            max_nodes: match self.nodecount {
                None => default.max_nodes,
                Some(0) => usize::MAX,
                Some(n) => n,
            },
        }
    }

    fn granularity(&self) -> Granularity {
        let flags = [
            (self.functions, Granularity::Functions),
            (self.filefunctions, Granularity::FileFunctions),
            (self.files, Granularity::Files),
            (self.lines, Granularity::Lines),
            (self.addresses, Granularity::Addresses),
        ];
        if let Some((_, g)) = flags.into_iter().find(|(set, _)| *set) {
            return g;
        }
        match self.by {
            None | Some(By::Function) => Granularity::Functions,
            Some(By::Filefunction) => Granularity::FileFunctions,
            Some(By::File) => Granularity::Files,
            Some(By::Line) => Granularity::Lines,
            Some(By::Address) => Granularity::Addresses,
            Some(By::Package) => Granularity::Packages,
            Some(By::Module) => Granularity::Modules,
            Some(By::Subsystem) => Granularity::Subsystems,
            Some(By::Owner) => Granularity::Owners,
            Some(By::Pair) => Granularity::Pairs,
        }
    }
}

// What every report has.
#[derive(Args, Debug, Clone)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) query: QueryArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

/// Table formats.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    /// A table for people.
    #[default]
    Text,
    /// With all columns.
    Wide,
    /// One JSON object.
    Json,
    /// A JSON object a line, the head first.
    Jsonl,
    /// Comma-separated values.
    Csv,
    /// A markdown table.
    Markdown,
}

// Where the answer goes.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Output")]
pub(super) struct OutArgs {
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// When to use color
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(super) color: Colour,
    /// Never start a pager
    #[arg(long)]
    pub(super) no_pager: bool,
    /// Print no notes on standard error
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Write type arguments of generic functions in full
    #[arg(long, alias = "full_names")]
    pub(super) full_names: bool,
}

#[cfg(feature = "web")]
impl OutArgs {
    /// For answers that nobody typed a command for: no notes.
    pub(super) fn quiet() -> Self {
        Self {
            out: None,
            color: Colour::Auto,
            no_pager: true,
            quiet: true,
            full_names: false,
        }
    }
}

/// When to use colour.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
