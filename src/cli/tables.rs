//! `top`, `tree`, `peek`, `traces`, `tags`, `raw`, `diff`, `inspect`, `list`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use super::args::{Format, InputArgs, OutArgs, QueryArgs};
use super::{Exit, graphs, open, output};
use crate::analysis::{self, Dialect, Granularity, QueryError, Trim};
use crate::input::{Choice, Input, Which};
use crate::model;
use crate::render::{
    GoSources, Lines, SourceLookup, csv, folded, json, layout, pprof as text, text as text_page, traces,
    tree as tree_text,
};

/// Rows of `top` and `diff` on a terminal where no number is given.
const TOP_ROWS: usize = 30;

/// Rows of `tree`.
const TREE_ROWS: usize = 80;

#[derive(Args, Debug)]
pub(super) struct TopArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

pub(super) fn top(args: &TopArgs) -> Result<()> {
    let query = args.query.query(Some(output::rows(args.output, &args.out, TOP_ROWS)));
    let (mut view, look) = open::view(&args.input, &query, &args.out)?;
    let report = analysis::top(&mut view);
    output::document(&layout::top(&report, &view, &look), args.output, &args.out, false)
}

#[derive(Args, Debug)]
pub(super) struct TreeArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

pub(super) fn tree(args: &TreeArgs) -> Result<()> {
    let query = args.query.query(Some(output::rows(args.output, &args.out, TREE_ROWS)));
    let (mut view, look) = open::view(&args.input, &query, &args.out)?;
    let report = analysis::tree(&mut view, None)?;
    print_tree(&report, &view, &look, "tree", args.output, &args.out)
}

/// Prints rows between their callers and callees as they are made.
fn print_tree(
    report: &analysis::Tree,
    view: &analysis::View,
    look: &layout::Look,
    schema: &str,
    format: Format,
    out: &OutArgs,
) -> Result<()> {
    let mut page = layout::tree(report, view, look, schema);
    let rows = || layout::tree_rows(report, view, look);
    let terminal = output::terminal(out);
    match format {
        Format::Text => output::write(out, true, None, |out| {
            text_page::around(&page, &terminal, report.is_empty(), out, |out| {
                tree_text::rows(report, view, look, &terminal, out)
            })
        }),
        Format::Json => output::data(out, false, |out| json::json_rows(&page, rows(), out)),
        Format::Jsonl => output::data(out, false, |out| json::jsonl_rows(&page, rows(), out)),
        Format::Csv => output::data(out, false, |out| csv::csv_rows(&page, rows(), out)),
        Format::Wide | Format::Markdown => {
            page.rows = rows().collect();
            output::document(&page, format, out, true)
        }
    }
}

#[derive(Args, Debug)]
pub(super) struct PeekArgs {
    /// Expression that names must match
    #[arg(value_name = "REGEX")]
    matching: String,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

pub(super) fn peek(args: &PeekArgs) -> Result<()> {
    let query = analysis::Query {
        trim: Trim::NONE,
        ..args.query.query(None)
    };
    let (mut view, look) = open::view(&args.input, &query, &args.out)?;
    let report = analysis::tree(&mut view, Some(&args.matching))?;
    if report.is_empty() {
        return Err(open::no_match(&args.matching, &view, &look));
    }
    print_tree(&report, &view, &look, "peek", args.output, &args.out)
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
enum TracesFormat {
    /// For people, with the owner of every stack.
    #[default]
    Text,
    /// A table with one line a sample.
    Wide,
    /// One JSON object.
    Json,
    /// A JSON object a sample, the head first.
    Jsonl,
    /// Comma-separated values, one line a sample.
    Csv,
    /// A markdown table.
    Markdown,
    /// Equal stacks added up, one line each, root first, as flame graph tools read them.
    Folded,
}

impl TracesFormat {
    /// The format of a table for people.
    fn as_people_read_it(self) -> Option<Format> {
        match self {
            TracesFormat::Wide => Some(Format::Wide),
            TracesFormat::Markdown => Some(Format::Markdown),
            _ => None,
        }
    }
}

#[derive(Args, Debug)]
pub(super) struct TracesArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// In the order of the profile instead of the heaviest first
    #[arg(long, help_heading = "Query")]
    unsorted: bool,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: TracesFormat,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

pub(super) fn traces(args: &TracesArgs) -> Result<()> {
    let query = args.query.query(None);
    let (mut view, look) = open::view(&args.input, &query, &args.out)?;
    if args.output == TracesFormat::Folded {
        let stacks = analysis::named_stacks(&mut view)?;
        return output::data(&args.out, false, |out| folded(&stacks, &view, out));
    }
    let mut report = analysis::traces(&mut view);
    let most = query.trim.node_count.unwrap_or(0);
    if !args.unsorted || most > 0 {
        report.heaviest(&view, most);
    }
    let mut table = layout::traces(&report, &view, &look);
    if let Some(format) = args.output.as_people_read_it() {
        table.rows = layout::traces_rows(&report, &view, &look).collect();
        return output::document(&table, format, &args.out, false);
    }
    let head = layout::head("traces", &report.header, &view, &look);
    if args.output == TracesFormat::Text {
        return output::write(&args.out, true, None, |out| {
            traces::text(&report, &view, &head.heading, &table.notes, out)
        });
    }
    output::data(&args.out, false, |out| match args.output {
        TracesFormat::Json => traces::json(&report, &view, &json::head(&table), true, out),
        TracesFormat::Jsonl => traces::json(&report, &view, &json::head(&table), false, out),
        _ => csv::csv_rows(&table, layout::traces_rows(&report, &view, &look), out),
    })
}

#[derive(Args, Debug)]
pub(super) struct TagsArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

pub(super) fn tags(args: &TagsArgs) -> Result<()> {
    let (view, look) = open::view(&args.input, &args.query.query(None), &args.out)?;
    output::document(
        &layout::tags(&analysis::tags(&view), &view, &look),
        args.output,
        &args.out,
        false,
    )
}

#[derive(Args, Debug)]
pub(super) struct RawArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

pub(super) fn raw(args: &RawArgs) -> Result<()> {
    let profile = graphs::filtered(&args.input, args.query.query(None), &args.out)?;
    output::data(&args.out, true, |out| text::raw(&profile, Dialect::Native, out))
}

#[derive(Args, Debug)]
#[command(mut_arg("sources", |a| a.required(false)))]
pub(super) struct DiffArgs {
    /// The profile before, or a bundle whose first and last snapshot are compared
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The profile after; several are added up
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The snapshot before, of a bundle: first, last or its number [default: first, where one bundle is all that is given]
    #[arg(long, value_name = "WHICH", help_heading = "Bundle")]
    old_snapshot: Option<Which>,
    #[command(flatten)]
    query: QueryArgs,
    /// Exit with 1 when any row changed
    #[arg(long)]
    exit_code: bool,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

impl DiffArgs {
    /// Where the new profile comes from, and what of the old source is taken.
    fn both(&self) -> (InputArgs, Choice) {
        let mut input = self.input.clone();
        let mut old = input.choice();
        if input.sources.is_empty() && input.held.is_none() {
            input.sources.push(self.old.clone());
            old.snapshot = Some(Which::First);
        }
        old.snapshot = self.old_snapshot.or(old.snapshot);
        (input, old)
    }
}

pub(super) fn diff(args: &DiffArgs) -> Result<Exit> {
    if !args.input.base.is_empty() || !args.input.diff_base.is_empty() {
        bail!("diff subtracts OLD already\nhint: kubeprof diff OLD NEW, or kubeprof top --diff-base OLD NEW");
    }
    let query = args.query.query(Some(output::rows(args.output, &args.out, TOP_ROWS)));
    // A bundle alone is compared with itself: its first snapshot with its last.
    let (mut input, choice) = args.both();
    let normalize = std::mem::take(&mut input.normalize);
    let knowledge = open::knowledge(&args.input)?;
    let alone = args.input.sources.is_empty() && args.input.held.is_none();
    let (base, (loaded, look)) = if alone {
        let (first, last) = open::ends(&args.old, &args.input, args.old_snapshot, &args.out)?;
        (first, open::with_names(last, &input, &args.out)?)
    } else {
        let (loaded, look) = open::named(&input, &args.out)?;
        let old = std::slice::from_ref(&args.old);
        let base = open::load_paths(old, &args.input, Some(loaded.kind), choice, &args.out)?;
        (base, (loaded, look))
    };
    let look = layout::Look {
        old_merged: base.files.len(),
        normalized: normalize,
        ..look
    };
    let symbols = args.input.symbols.with(&base.binaries);
    let (mut base, form) = (base.profile, base.form);
    super::symbols::symbolize(&mut base, form, &symbols, &args.out).context("the old profile")?;
    let mut profile = loaded.profile;
    open::drop_frames(&mut base, &args.out);
    open::drop_frames(&mut profile, &args.out);
    let mut both = [base, profile];
    model::align(&mut both).context("cannot compare the two")?;
    let [mut base, mut profile] = both;
    if normalize {
        profile.normalize(&mut base)?;
    }
    let mut old = open::prepare(base, &query, knowledge.clone(), &args.out).context("the old profile")?;
    let mut new = open::prepare(profile, &query, knowledge, &args.out)?;
    if old.sample_type != new.sample_type || old.unit != new.unit {
        bail!(
            "cannot compare {}/{} with {}/{}",
            old.sample_type,
            old.unit,
            new.sample_type,
            new.unit
        );
    }
    let report = analysis::diff(&mut old, &mut new);
    // What was asked; the report itself needs all rows of both.
    new.query.trim = query.trim;
    output::document(&layout::diff(&report, &old, &new, &look), args.output, &args.out, false)?;
    Ok(if args.exit_code && report.changed > 0 {
        Exit::Findings
    } else {
        Exit::Fine
    })
}

#[derive(Args, Debug)]
#[command(mut_arg("sources", |a| a.required(false).required_unless_present("subsystems")))]
pub(super) struct InspectArgs {
    /// Print the table of subsystems, fit for --knowledge
    #[arg(long, exclusive = true)]
    subsystems: bool,
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

pub(super) fn inspect(args: &InspectArgs) -> Result<()> {
    if args.subsystems {
        let table = crate::kubelet::Knowledge::builtin_text();
        return output::write(&args.out, true, None, |out| out.write_all(table.as_bytes()));
    }
    let (loaded, look) = if args.input.held.is_none() {
        let input = Input::open(&args.input.sources, open::limit(&args.input))?;
        if args.input.asks_for_all() {
            if let Some((contents, record)) = input.bundle().filter(|(contents, _)| contents.name.as_os_str() != "-") {
                let document = layout::bundle(&contents.name.display().to_string(), record);
                return output::document(&document, args.output, &args.out, true);
            }
            if let Some(files) = input.list() {
                return output::document(&layout::survey(&files), args.output, &args.out, true);
            }
        }
        open::named_of(input, &args.input, &args.out)?
    } else {
        open::named(&args.input, &args.out)?
    };
    let facts = vec![
        ("source", look.source.clone()),
        ("kind", loaded.kind.to_string()),
        ("form", loaded.form.to_string()),
    ];
    let view = open::prepare(
        loaded.profile,
        &analysis::Query::default(),
        open::knowledge(&args.input)?,
        &args.out,
    )?;
    let report = analysis::census(&view);
    output::document(
        &layout::census(&report, &view, &look, &facts),
        args.output,
        &args.out,
        false,
    )
}

const KINDS: &str = "\
In json, jsonl and csv, `kind` says what a row is:
  function  function, file and line where it is defined
  line      a line of it, with its text in `source`
  inlined   a call inlined there: function, file and line that it reached, and where it stands in into_function, into_file
            and into_line";

#[derive(Args, Debug)]
#[command(after_help = KINDS)]
pub(super) struct ListArgs {
    /// Expression that function names must match
    #[arg(value_name = "REGEX")]
    matching: String,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

/// Sources for `list`, found by the rules of Go builds.
struct Found(GoSources);

impl SourceLookup for Found {
    fn open(&mut self, path: &str) -> Result<Lines<'_>, String> {
        let bytes = self.0.file(path).ok_or_else(|| format!("{path}: not found"))?;
        // The last line ends with the file, and none begins there.
        let lines: Vec<&[u8]> = bytes
            .strip_suffix(b"\n")
            .unwrap_or(bytes)
            .split(|&b| b == b'\n')
            .collect();
        Ok(Box::new(move |n| {
            usize::try_from(n - 1).ok().and_then(|i| lines.get(i).copied())
        }))
    }
}

pub(super) fn list(args: &ListArgs) -> Result<()> {
    let query = analysis::Query {
        trim: Trim::NONE,
        granularity: Granularity::Lines,
        ..args.query.query(None)
    };
    let (mut view, look) = open::view(&args.input, &query, &args.out)?;
    let report = match analysis::list(&mut view, &args.matching) {
        Err(QueryError::NoMatch(matching)) => return Err(open::no_match(&matching, &view, &look)),
        other => other?,
    };
    let mut sources = Found(GoSources::new(&query.source_path));
    let document = layout::list(&report, &view, &look, &mut sources);
    output::document(&document, args.output, &args.out, true)
}
