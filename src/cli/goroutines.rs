//! `goroutines`: goroutines in buckets, from a dump, a profile, or both forms of one snapshot.

use crate::cli::hints::Failure;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::args::{Format, OutArgs};
use super::open::{self, Context};
use super::output::{self, Out};
use super::symbols;
use crate::analysis::{self, BucketSort, GoroutineQuery, Granularity, Query, Similarity, Trim};
use crate::diagnose;
use crate::input::{self, Sources};
use crate::model::Kind;
use crate::model::units::counted;
use crate::pprof::Form;
use crate::render::layout::{self, Below, StackLines};

/// Buckets where no number is given.
const BUCKETS: usize = 15;
/// Frames under each bucket where no number is given.
const FRAMES: usize = 5;

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Alike {
    /// The same functions at the same lines.
    Exact,
    /// The same functions; lines and arguments may differ.
    #[default]
    Function,
    /// The same owner, blocked in the same thing.
    Owner,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Order {
    /// Most goroutines first.
    #[default]
    Count,
    /// Longest wait first.
    Age,
}

/// Which form is counted where there are two.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Prefer {
    /// The dump (debug=2), with labels of the profile.
    Dump,
    /// The profile, with what the dump knows of its stacks.
    Profile,
}

const EXAMPLES: &str = "\
Examples:
  kubeprof goroutines goroutine.debug2.txt              who waits in what, for how long
  kubeprof goroutines BUNDLE --min-wait 3m --sort age   what has been stuck for three minutes, oldest first
  kubeprof goroutines BUNDLE --owner probes -o wide     the probes, with whole stacks";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct GoroutinesArgs {
    /// Goroutine dumps (debug=2), texts (debug=1) or profiles, folders of them, or - for standard input; several of one
    /// form are added up, a dump and a profile of one moment are joined
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    /// Kind to take where the sources hold both: goroutine or goroutineleak
    #[arg(long, value_name = "KIND", help_heading = "Input", value_parser = super::args::parse_kind)]
    kind: Option<super::args::AskedKind>,
    #[command(flatten)]
    choice: super::args::ChoiceArgs,
    /// Form to count where there are a dump and a profile [default: the dump, unless it ends early]
    #[arg(long, value_enum, value_name = "FORM", help_heading = "Input")]
    prefer: Option<Prefer>,
    /// Largest size of an unpacked profile
    #[arg(long, value_name = "SIZE", help_heading = "Input", value_parser = super::args::parse_size)]
    max_size: Option<u64>,
    /// Table of subsystems to use instead of the built-in one
    #[arg(long, value_name = "FILE", help_heading = "Kubelet")]
    knowledge: Option<PathBuf>,
    #[command(flatten)]
    symbols: symbols::SymbolArgs,
    /// Which stacks share a bucket
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    similarity: Alike,
    /// Order of the buckets
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    sort: Order,
    /// Show at most this many buckets; 0 for all [default: 15 on a terminal, elsewhere all]
    #[arg(short = 'n', long, value_name = "N")]
    nodecount: Option<usize>,
    /// Show this many frames under each bucket, or all [default: 5; all with -o wide]
    #[arg(long, value_name = "N|all", value_parser = parse_stacks)]
    stacks: Option<StackLines>,
    /// Keep goroutines whose state contains this, e.g. 'chan send' or leaked (several allowed)
    #[arg(long, value_name = "STATE", help_heading = "Filters")]
    state: Vec<String>,
    /// Keep goroutines that nothing can wake: leaked ones (Go 1.27 marks them), and those that wait for a
    /// nil channel or in a select without cases
    #[arg(long, help_heading = "Filters")]
    leaked: bool,
    /// Keep goroutines known to wait at least this long: 5m, 2h, 1h30m, 90s (rounded up to a minute), or a plain
    /// number, which is minutes
    #[arg(long, value_name = "DURATION", help_heading = "Filters", value_parser = parse_minutes)]
    min_wait: Option<u64>,
    /// Keep goroutines that these subsystems own, e.g. probes (several, with commas)
    #[arg(long, value_name = "KEY", help_heading = "Filters")]
    owner: Vec<String>,
    /// Keep goroutines blocked in these subsystems, e.g. cri-client (several allowed)
    #[arg(long, value_name = "KEY", help_heading = "Filters")]
    blocked_in: Vec<String>,
    /// Keep stacks that pass through these Go packages, e.g. 'pkg/kubelet/...' (several allowed)
    #[arg(long, value_name = "PATTERN", help_heading = "Filters")]
    package: Vec<String>,
    /// Keep stacks that pass through these subsystems, e.g. pleg (several allowed)
    #[arg(long, value_name = "KEY", help_heading = "Filters")]
    subsystem: Vec<String>,
    /// Keep stacks with a frame whose function or file matches
    #[arg(
        long,
        value_name = "REGEX",
        help_heading = "Filters",
        default_value = "",
        hide_default_value = true
    )]
    focus: String,
    /// Drop stacks with a matching frame
    #[arg(
        long,
        value_name = "REGEX",
        help_heading = "Filters",
        default_value = "",
        hide_default_value = true
    )]
    ignore: String,
    /// Keep goroutines with a matching label: [key=]regex
    #[arg(
        long,
        value_name = "FILTER",
        help_heading = "Filters",
        default_value = "",
        hide_default_value = true
    )]
    tagfocus: String,
    /// Drop goroutines with a matching label
    #[arg(
        long,
        value_name = "FILTER",
        help_heading = "Filters",
        default_value = "",
        hide_default_value = true
    )]
    tagignore: String,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    out: OutArgs,
}

fn parse_stacks(text: &str) -> Result<StackLines, String> {
    match text {
        "all" => Ok(StackLines::All),
        n => n
            .parse()
            .map(StackLines::Some)
            .map_err(|_| "expected a number of frames, or all".to_owned()),
    }
}

/// Whole minutes, rounded up, of `5m`, `2h`, `1h30m`, `90s`, or a plain number of minutes.
fn parse_minutes(text: &str) -> Result<u64, String> {
    let wrong = || "expected a duration, for instance 5m, 2h or 1h30m; a plain number is minutes".to_owned();
    if let Ok(minutes) = text.parse() {
        return Ok(minutes);
    }
    let span: jiff::Span = text.trim().parse().map_err(|_| wrong())?;
    let is_short = span.get_weeks() == 0 && span.get_months() == 0 && span.get_years() == 0;
    match span.total((jiff::Unit::Second, jiff::SpanRelativeTo::days_are_24_hours())) {
        Ok(seconds) if is_short && seconds >= 0.0 => Ok((seconds / 60.0).ceil() as u64),
        _ => Err(wrong()),
    }
}

pub(super) fn goroutines(args: &GoroutinesArgs, context: &Context) -> Result<()> {
    if let Some(kind) = args.kind.as_ref().map(|k| k.kind)
        && !matches!(kind, Kind::Goroutine | Kind::GoroutineLeak)
    {
        bail!(Failure::new(
            format!("{kind} profiles are not of goroutines"),
            format!("kubeprof top --kind {kind}, or --kind goroutine here")
        ));
    }
    let prefer = args.prefer.map(|prefer| match prefer {
        Prefer::Dump => input::Prefer::Dump,
        Prefer::Profile => input::Prefer::Profile,
    });
    let (mut subject, remarks) = match &context.held {
        Some(held) => held.goroutines(prefer)?,
        None => args.sources()?.open()?.goroutines(prefer)?,
    };
    if args.knowledge.is_some() {
        subject.knowledge = open::knowledge_of(args.knowledge.as_deref())?;
    }
    open::notes(&subject.notes, &args.out);
    args.symbols.check(&subject)?;
    let form = subject.form;
    let knowledge = subject.knowledge.clone();
    let excess = diagnose::judge_goroutines(&mut subject.profile, &knowledge);
    let view = open::said(subject.into_goroutine_view(&args.query())?, &args.out)?;
    let out = context.out(&args.out);
    let asked = args.asked(out);
    let report = analysis::goroutines(&view, &asked)?;
    let mut remarks: Vec<String> = remarks.iter().map(ToString::to_string).collect();
    if !report.knows_states && report.header.total != 0 {
        remarks.push(format!(
            "{form} has no states, waits, creators and locks; a dump of the same moment (goroutine?debug=2) has them"
        ));
    } else if report.without_state > 0 && form != Form::GoroutineDump {
        remarks.push(format!(
            "{} no state: the dump does not have their stacks, or not as often",
            counted(report.without_state, "goroutine has", "goroutines have")
        ));
    }
    let stacks = args.stacks.unwrap_or(match args.output {
        Format::Wide => StackLines::All,
        _ => StackLines::Some(FRAMES),
    });
    let under = Below {
        stacks,
        labels: args.output == Format::Text,
    };
    let page = layout::goroutines(
        &report,
        &asked,
        &view,
        args.out.full_names,
        under,
        excess.as_deref(),
        &remarks,
    );
    output::document(&page, args.output, out, true)
}

impl GoroutinesArgs {
    fn sources(&self) -> Result<Sources> {
        Ok(Sources {
            kind: self.kind.as_ref().map(|k| k.kind),
            choice: self.choice.choice(),
            limit: open::limit(self.max_size),
            naming: self.symbols.naming(),
            knowledge: open::knowledge_of(self.knowledge.as_deref())?,
            ..Sources::new(&self.sources)
        })
    }

    fn query(&self) -> Query {
        Query {
            packages: self.package.clone(),
            subsystems: self.subsystem.clone(),
            owners: self.owner.clone(),
            focus: self.focus.clone(),
            ignore: self.ignore.clone(),
            tag_focus: self.tagfocus.clone(),
            tag_ignore: self.tagignore.clone(),
            // Lines stay.
            granularity: Granularity::Addresses,
            trim: Trim::NONE,
            ..Query::default()
        }
    }

    fn asked(&self, out: Out<'_>) -> GoroutineQuery {
        GoroutineQuery {
            similarity: match self.similarity {
                Alike::Exact => Similarity::Exact,
                Alike::Function => Similarity::Function,
                Alike::Owner => Similarity::Owner,
            },
            sort: match self.sort {
                Order::Count => BucketSort::Count,
                Order::Age => BucketSort::Age,
            },
            states: self.state.clone(),
            never_wakes: self.leaked,
            min_wait_minutes: self.min_wait,
            blocked_in: self.blocked_in.clone(),
            limit: self
                .nodecount
                .unwrap_or_else(|| output::rows(self.output, out, BUCKETS)),
        }
    }
}
