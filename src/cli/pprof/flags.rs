//! The command line of `go tool pprof`: single or double dash, `-x=v` or `-x v`, flags before sources.

use super::numbers;
use crate::analysis::{Dialect, Granularity, Query, Sort, Trim};

/// What was typed.
#[derive(Debug, Clone)]
pub(super) struct Flags {
    /// Command and its argument.
    pub(super) command: Option<(String, String)>,
    pub(super) query: Query,
    pub(super) output: String,
    pub(super) base: Vec<String>,
    pub(super) diff_base: Vec<String>,
    pub(super) normalize: bool,
    pub(super) symbolize: String,
    pub(super) build_id: String,
    pub(super) add_comment: String,
    pub(super) all_frames: bool,
    pub(super) http: String,
    pub(super) intel_syntax: bool,
    pub(super) sources: Vec<String>,
    /// The options as they were typed, for the prompt.
    pub(super) given: Vec<(String, Option<String>)>,
}

/// Commands without an argument.
const COMMANDS: &[&str] = &[
    "comments",
    "dot",
    "raw",
    "tags",
    "text",
    "top",
    "traces",
    "tree",
    "callgrind",
    "proto",
    "topproto",
    "gif",
    "pdf",
    "png",
    "ps",
    "svg",
    "eog",
    "evince",
    "gv",
    "web",
    "kcachegrind",
];
/// Commands with a regular expression.
const PARAMETER_COMMANDS: &[&str] = &["disasm", "list", "peek", "weblist"];
const GRANULARITIES: &[(&str, Granularity)] = &[
    ("functions", Granularity::Functions),
    ("filefunctions", Granularity::FileFunctions),
    ("files", Granularity::Files),
    ("lines", Granularity::Lines),
    ("addresses", Granularity::Addresses),
];
/// Shorthands for a sample type.
const SAMPLE_TYPES: &[(&str, &str)] = &[
    ("total_delay", "delay"),
    ("mean_delay", "delay"),
    ("contentions", "contentions"),
    ("inuse_space", "inuse_space"),
    ("inuse_objects", "inuse_objects"),
    ("alloc_space", "alloc_space"),
    ("alloc_objects", "alloc_objects"),
];

/// What Go's flag package takes for a boolean.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Parses `args`.
///
/// # Errors
/// A text for stderr.
pub(super) fn parse(args: &[String]) -> Result<Flags, String> {
    let mut f = Flags {
        command: None,
        query: Query {
            dialect: Dialect::Pprof,
            trim: Trim::default(),
            ..Query::default()
        },
        output: String::new(),
        base: Vec::new(),
        diff_base: Vec::new(),
        normalize: false,
        symbolize: String::new(),
        build_id: String::new(),
        add_comment: String::new(),
        all_frames: false,
        http: String::new(),
        intel_syntax: false,
        sources: Vec::new(),
        given: Vec::new(),
    };
    let (mut trim, mut no_browser) = (true, false);
    let mut granularities: Vec<&str> = Vec::new();
    let mut sorts: Vec<&str> = Vec::new();
    let mut chosen_types = [false; SAMPLE_TYPES.len()];
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    while at < args.len() {
        let arg = &args[at];
        if arg == "--" {
            at += 1;
            break;
        }
        let Some(body) = arg
            .strip_prefix("--")
            .or_else(|| arg.strip_prefix('-'))
            .filter(|b| !b.is_empty())
        else {
            break;
        };
        at += 1;
        let (name, inline) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        f.given.push((name.to_owned(), inline.map(str::to_owned)));
        let boolean = || match inline {
            None => Ok(true),
            Some(text) => parse_bool(text).ok_or_else(|| format!("invalid boolean value {text:?} for -{name}")),
        };
        if COMMANDS.contains(&name) {
            if boolean()? {
                commands.retain(|(n, _)| n != name);
                commands.push((name.to_owned(), String::new()));
            }
            continue;
        }
        if let Some(&(g, _)) = GRANULARITIES.iter().find(|(g, _)| *g == name) {
            granularities.retain(|&x| x != g);
            if boolean()? {
                granularities.push(g);
            }
            continue;
        }
        if name == "cum" || name == "flat" {
            sorts.retain(|&s| s != name);
            if boolean()? {
                sorts.push(if name == "cum" { "cum" } else { "flat" });
            }
            continue;
        }
        if let Some(i) = SAMPLE_TYPES.iter().position(|(t, _)| *t == name) {
            chosen_types[i] = boolean()?;
            continue;
        }
        let q = &mut f.query;
        match name {
            "call_tree" => q.call_tree = boolean()?,
            "relative_percentages" => q.relative_percentages = boolean()?,
            "compact_labels" => q.compact_labels = boolean()?,
            "mean" => q.mean = boolean()?,
            "normalize" => f.normalize = boolean()?,
            "drop_negative" => q.drop_negative = boolean()?,
            "trim" => trim = boolean()?,
            "noinlines" => q.no_inlines = boolean()?,
            "showcolumns" => q.show_columns = boolean()?,
            "intel_syntax" => f.intel_syntax = boolean()?,
            "all_frames" => f.all_frames = boolean()?,
            "no_browser" => no_browser = boolean()?,
            "h" | "help" => {
                crate::cli::say::text(&usage());
                return Err(String::new());
            }
            _ => {
                let value = match inline {
                    Some(value) => value.to_owned(),
                    None => {
                        let value = args.get(at).cloned();
                        at += 1;
                        let value = value.ok_or_else(|| format!("flag needs an argument: -{name}"))?;
                        f.given.pop();
                        f.given.push((name.to_owned(), Some(value.clone())));
                        value
                    }
                };
                set_text(&mut f, &mut commands, name, value)?;
            }
        }
    }
    f.sources = args[at.min(args.len())..].to_vec();
    match granularities.as_slice() {
        [] => {}
        [one] => {
            f.query.granularity = GRANULARITIES
                .iter()
                .find(|(g, _)| g == one)
                .map(|(_, g)| *g)
                .unwrap_or_default();
        }
        several => return Err(format!("conflicting options set: {several:?}")),
    }
    match sorts.as_slice() {
        ["cum"] => f.query.sort = Sort::Cum,
        ["flat"] | [] => {}
        several => return Err(format!("conflicting options set: {several:?}")),
    }
    for (i, (name, sample_type)) in SAMPLE_TYPES.iter().enumerate() {
        if chosen_types[i] {
            if *name == "mean_delay" {
                f.query.mean = true;
            }
            if f.query.sample_type.is_empty() {
                f.query.sample_type = (*sample_type).to_owned();
            } else {
                say!("Multiple value selections, ignoring -{name}");
            }
        }
    }
    if commands.len() > 1 {
        return Err("must set at most one output format".to_owned());
    }
    f.command = commands.pop();
    if f.command.is_some() && !f.http.is_empty() {
        return Err("-http is not compatible with an output format on the command line".to_owned());
    }
    if no_browser && f.http.is_empty() {
        return Err("-no_browser only makes sense with -http".to_owned());
    }
    if !f.base.is_empty() && !f.diff_base.is_empty() {
        return Err("-base and -diff_base flags cannot both be specified".to_owned());
    }
    if f.normalize && f.base.is_empty() && f.diff_base.is_empty() {
        return Err("must have base profile to normalize by".to_owned());
    }
    if f.sources.is_empty() {
        return Err("no profile source specified".to_owned());
    }
    override_by_command(&mut f, trim);
    Ok(f)
}

/// What `-h` prints.
fn usage() -> String {
    format!(
        "usage: kubeprof pprof [-COMMAND] [OPTION...] [BINARY] PROFILE...\n\n\
         The command line of go tool pprof. Commands: {}; with a regular expression: {}.\n\
         Options: -focus= -ignore= -hide= -show= -show_from= -prune_from= -tagfocus= -tagignore= -tagshow= -taghide=\n\
         -tagroot= -tagleaf= -functions -filefunctions -files -lines -addresses -noinlines -cum -flat -sample_index= -mean\n\
         -unit= -divide_by= -nodecount= -nodefraction= -edgefraction= -trim= -relative_percentages -compact_labels\n\
         -drop_negative -call_tree -base= -diff_base= -normalize -symbolize= -source_path= -trim_path= -output=\n",
        COMMANDS.join(" "),
        PARAMETER_COMMANDS.join(" ")
    )
}

fn set_text(f: &mut Flags, commands: &mut Vec<(String, String)>, name: &str, value: String) -> Result<(), String> {
    let number = |value: &str| -> Result<f64, String> {
        numbers::float(value).ok_or_else(|| format!("invalid value {value:?} for flag -{name}: parse error"))
    };
    let whole = |value: &str| -> Result<i64, String> {
        numbers::int(value).ok_or_else(|| format!("invalid value {value:?} for flag -{name}: parse error"))
    };
    if PARAMETER_COMMANDS.contains(&name) {
        commands.retain(|(n, _)| n != name);
        if !value.is_empty() {
            commands.push((name.to_owned(), value));
        }
        return Ok(());
    }
    // The flag is a plain text there: of several, the last one counts.
    let last = |value: String| if value.is_empty() { Vec::new() } else { vec![value] };
    let q = &mut f.query;
    match name {
        "output" => f.output = value,
        "unit" => q.unit = value,
        "source_path" => q.source_path = value,
        "trim_path" => q.trim_path = value,
        "sample_index" => q.sample_type = value,
        "divide_by" => q.divide_by = number(&value)?,
        "tagroot" => q.tag_root = value,
        "tagleaf" => q.tag_leaf = value,
        "nodecount" => {
            q.trim.node_count = match whole(&value)? {
                -1 => None,
                n => Some(usize::try_from(n).unwrap_or(0)),
            };
        }
        "nodefraction" => q.trim.node_fraction = number(&value)?,
        "edgefraction" => q.trim.edge_fraction = number(&value)?,
        "focus" => q.focus = value,
        "ignore" => q.ignore = value,
        "hide" => q.hide = value,
        "show" => q.show = value,
        "show_from" => q.show_from = value,
        "prune_from" => q.prune_from = value,
        "tagfocus" => q.tag_focus = value,
        "tagignore" => q.tag_ignore = value,
        "tagshow" => q.tag_show = value,
        "taghide" => q.tag_hide = value,
        "base" => f.base = last(value),
        "diff_base" => f.diff_base = last(value),
        "symbolize" => f.symbolize = value,
        "buildid" => f.build_id = value,
        "add_comment" => f.add_comment = value,
        "http" => f.http = value,
        "timeout" | "seconds" => drop(whole(&value)?),
        "tools" | "tls_cert" | "tls_key" | "tls_ca" => {}
        _ => return Err(format!("flag provided but not defined: -{name}")),
    }
    Ok(())
}

/// What the command changes in the query.
fn override_by_command(f: &mut Flags, mut trim: bool) {
    let Some((command, _)) = &f.command else { return };
    let q = &mut f.query;
    match command.as_str() {
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
    if matches!(command.as_str(), "proto" | "raw" | "callgrind" | "kcachegrind") {
        trim = false;
        q.granularity = Granularity::Addresses;
    }
    if !trim {
        q.trim = Trim::NONE;
    }
}
