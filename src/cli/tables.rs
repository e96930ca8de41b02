//! `top`, `tree`, `peek`, `traces`, `tags`, `raw`, `diff`, `list`.

use crate::cli::hints::{self, Failure};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::args::{Format, InputArgs, OutArgs, QueryArgs, ReportArgs};
use super::open::{self, Context};
use super::output::{self, Out};
use super::{Exit, graphs};
use crate::analysis::{self, Dialect, Granularity, QueryError, Trim};
use crate::input::{self, Bases, Choice, InputError, Sources, Subject, Which};
use crate::model::Kind;
use crate::render::{
    GoSources, Lines, SourceLookup, csv, folded, json, layout, pprof as text, text as text_page, traces,
    tree as tree_text,
};

/// Rows of `top` and `diff` on a terminal where no number is given.
const TOP_ROWS: usize = 30;

/// Rows of `tree`.
const TREE_ROWS: usize = 80;

pub(super) fn top(args: &ReportArgs, context: &Context) -> Result<()> {
    let out = context.out(&args.out);
    let query = args.query.query(Some(output::rows(args.output, out, TOP_ROWS)));
    let view = context.view(&args.input, &query, &args.out)?;
    let report = analysis::top(&view);
    output::document(
        &layout::top(&report, &view, args.out.full_names),
        args.output,
        out,
        true,
    )
}

pub(super) fn tree(args: &ReportArgs, context: &Context) -> Result<()> {
    let out = context.out(&args.out);
    let query = args.query.query(Some(output::rows(args.output, out, TREE_ROWS)));
    let view = context.view(&args.input, &query, &args.out)?;
    let report = analysis::tree(&view, None)?;
    print_tree(&report, &view, "tree", args.output, out)
}

/// Prints rows between their callers and callees as they are made.
fn print_tree(
    report: &analysis::Tree,
    view: &analysis::View,
    schema: &str,
    format: Format,
    out: Out<'_>,
) -> Result<()> {
    let full_names = out.typed.full_names;
    let mut page = layout::tree(report, view, schema);
    let rows = || layout::tree_rows(report, view, full_names);
    let terminal = output::terminal(out);
    match format {
        Format::Text => output::write(out, true, None, |out| {
            text_page::around(
                &page,
                &page.worded(hints::setting),
                &terminal,
                report.is_empty(),
                out,
                |out| tree_text::rows(report, view, full_names, &terminal, out),
            )
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
    /// Regular expression that names must match
    #[arg(value_name = "REGEX")]
    matching: String,
    #[command(flatten)]
    report: ReportArgs,
}

pub(super) fn peek(args: &PeekArgs, context: &Context) -> Result<()> {
    let PeekArgs { matching, report: args } = args;
    let query = analysis::Query {
        trim: Trim::NONE,
        ..args.query.query(None)
    };
    let view = context.view(&args.input, &query, &args.out)?;
    let report = analysis::tree(&view, Some(matching))?;
    if report.is_empty() {
        return Err(open::no_match(matching, &view));
    }
    print_tree(&report, &view, "peek", args.output, context.out(&args.out))
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
    input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Keep the order of the profile instead of the heaviest first
    #[arg(long, help_heading = "Query")]
    unsorted: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: TracesFormat,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn traces(args: &TracesArgs, context: &Context) -> Result<()> {
    let query = args.query.query(None);
    let out = context.out(&args.out);
    let full_names = args.out.full_names;
    let view = context.view(&args.input, &query, &args.out)?;
    if args.output == TracesFormat::Folded {
        let stacks = analysis::named_stacks(&view)?;
        return output::data(out, false, |out| folded(&stacks, &view, out));
    }
    let mut report = analysis::traces(&view);
    let most = query.trim.node_count.unwrap_or(0);
    if !args.unsorted || most > 0 {
        report.heaviest(&view, most);
    }
    let mut table = layout::traces(&report, &view);
    if let Some(format) = args.output.as_people_read_it() {
        table.rows = layout::traces_rows(&report, &view, full_names).collect();
        return output::document(&table, format, out, true);
    }
    let head = layout::head("traces", &report.header, &view);
    if args.output == TracesFormat::Text {
        return output::write(out, true, None, |out| {
            traces::text(&report, &view, &head.heading, &table.worded(hints::setting), out)
        });
    }
    output::data(out, false, |out| match args.output {
        TracesFormat::Json => traces::json(&report, &view, &json::head(&table), true, out),
        TracesFormat::Jsonl => traces::json(&report, &view, &json::head(&table), false, out),
        _ => csv::csv_rows(&table, layout::traces_rows(&report, &view, full_names), out),
    })
}

pub(super) fn tags(args: &ReportArgs, context: &Context) -> Result<()> {
    let view = context.view(&args.input, &args.query.query(None), &args.out)?;
    let page = layout::tags(&analysis::tags(&view), &view);
    output::document(&page, args.output, context.out(&args.out), true)
}

#[derive(Args, Debug)]
pub(super) struct RawArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn raw(args: &RawArgs, context: &Context) -> Result<()> {
    let profile = graphs::filtered(context, &args.input, &args.query.query(None), &args.out)?;
    output::data(context.out(&args.out), true, |out| {
        text::raw(&profile, Dialect::Native, out)
    })
}

#[derive(Args, Debug)]
#[command(mut_arg("sources", |a| a.required(false)))]
pub(super) struct DiffArgs {
    /// Profile before; or one bundle or folder, to compare its first and last snapshot
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// Profile after; several are added up
    #[command(flatten)]
    report: ReportArgs,
    /// The snapshot before, of a bundle or folder: first, last or its number [default: first, where one is all that is given]
    #[arg(long, value_name = "WHICH", help_heading = "Bundle")]
    old_snapshot: Option<Which>,
    /// Exit with 1 when any row changed
    #[arg(long)]
    exit_code: bool,
}

impl DiffArgs {
    /// Both sides. A bundle or folder alone is compared with itself: its first snapshot with its last.
    fn both(&self, context: &Context) -> Result<(Subject, Subject)> {
        let args = &self.report;
        let mut new = Sources {
            // Scales one side to the other here.
            bases: Bases::default(),
            ..open::sources(&args.input)?
        };
        if new.paths.is_empty() && context.held.is_none() {
            new.paths.push(self.old.clone());
            let (first, last) = new.open()?.ends(self.old_snapshot)?;
            open::notes(&first.notes, &args.out);
            return Ok((first, open::received(last, &args.input, &args.out)?));
        }
        let mut subject = match &context.held {
            Some(held) => context.held_with(held, &args.input, &args.out)?,
            None => open::received(new.subject()?, &args.input, &args.out)?,
        };
        let old = Sources {
            paths: vec![self.old.clone()],
            kind: None,
            choice: Choice {
                snapshot: self.old_snapshot.or(new.choice.snapshot),
                ..new.choice.clone()
            },
            naming: subject.naming().clone(),
            ..new
        };
        let mut opened = old.open()?;
        // Allocs compare with a heap where that is all there is: as heaps, whichever of them is the old one.
        if self.report.input.kind.is_none() && subject.kind() == Kind::Allocs && !opened.holds(Kind::Allocs) {
            subject.show_as_heap();
        }
        opened.ask_for(subject.kind());
        let old = opened.subject().map_err(|e| match e {
            e @ (InputError::Refused { .. } | InputError::Mapped(_)) => {
                anyhow::Error::from(e).context("the old profile")
            }
            e => e.into(),
        })?;
        open::notes(&old.notes, &args.out);
        Ok((old, subject))
    }
}

pub(super) fn diff(args: &DiffArgs, context: &Context) -> Result<Exit> {
    let ReportArgs {
        input,
        query,
        output,
        out: typed,
    } = &args.report;
    if !input.base.is_empty() || !input.diff_base.is_empty() {
        bail!(Failure::new(
            "diff subtracts OLD already",
            "kubeprof diff OLD NEW, or kubeprof top --diff-base OLD NEW"
        ));
    }
    let out = context.out(typed);
    let says_rows = query.says_rows() || query.shows_frames();
    let mut query = query.query(Some(output::rows(*output, out, TOP_ROWS)));
    let (old, new) = args.both(context)?;
    // Goroutines that come to wait for something else are in the same functions further up: who waits in what tells it. Another
    // form knows less of who that is.
    let of_goroutines = |s: &Subject| matches!(s.kind(), Kind::Goroutine | Kind::GoroutineLeak);
    if !says_rows && of_goroutines(&old) && of_goroutines(&new) && old.form == new.form {
        query.granularity = Granularity::Pairs;
    }
    let (old, new) = input::compared(old, new, &query, input.normalize)?;
    let old = open::said(old, typed)?;
    let new = open::said(new, typed)?;
    let report = analysis::diff(&old, &new);
    let page = layout::diff(&report, &old, &new, typed.full_names);
    output::document(&page, *output, out, true)?;
    Ok(if args.exit_code && report.changed > 0 {
        Exit::Findings
    } else {
        Exit::Fine
    })
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
    /// Regular expression that function names must match
    #[arg(value_name = "REGEX")]
    matching: String,
    #[command(flatten)]
    report: ReportArgs,
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

pub(super) fn list(args: &ListArgs, context: &Context) -> Result<()> {
    let ListArgs { matching, report: args } = args;
    let query = analysis::Query {
        trim: Trim::NONE,
        granularity: Granularity::Lines,
        ..args.query.query(None)
    };
    let view = context.view(&args.input, &query, &args.out)?;
    let report = match analysis::list(&view, matching) {
        Err(QueryError::NoMatch(matching)) => return Err(open::no_match(&matching, &view)),
        other => other?,
    };
    let mut sources = Found(GoSources::new(&query.source_path));
    let document = layout::list(&report, &view, args.out.full_names, &mut sources);
    output::document(&document, args.output, context.out(&args.out), true)
}
