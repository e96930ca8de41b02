//! `flame` and `convert`: the whole profile in another form.

use std::io;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};

use super::args::{InputArgs, OutArgs, QueryArgs};
use super::open::{self, Context};
use super::output;
use super::pprof::graphviz;
use crate::analysis::{self, Dialect, Granularity, Query};
use crate::model::{self, Profile};
use crate::pprof::{Compression, encode_gzip};
use crate::render::layout::title;
use crate::render::{self, pprof as text};

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
enum FlameFormat {
    /// One self-contained page: zoom, search, works offline.
    #[default]
    Html,
    /// A drawing.
    Svg,
    /// One line a stack, root first, for other tools.
    Folded,
    /// For speedscope.
    Speedscope,
}

#[derive(Args, Debug)]
pub(super) struct FlameArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: FlameFormat,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

/// Runs `flame`.
pub(super) fn flame(args: &FlameArgs, context: &Context) -> Result<()> {
    // Files are shown, but do not tell functions apart.
    let query = args.query.query_at(Granularity::FileFunctions);
    match args.output {
        FlameFormat::Folded => return stacks(context, &args.input, &query, &args.out, Stacks::Folded),
        FlameFormat::Speedscope => return stacks(context, &args.input, &query, &args.out, Stacks::Speedscope),
        FlameFormat::Html | FlameFormat::Svg => {}
    }
    let view = context.view(&args.input, &query, &args.out)?;
    let limits = args.query.flame_limits(view.profile.sample_types.len());
    let flame = analysis::flame(&view, limits)?;
    let name = title(&view.origin);
    let out = context.out(&args.out);
    // A page is text, but nobody wants to see it scroll by.
    let page = args.output == FlameFormat::Html;
    match page {
        true => output::write(out, false, Some("a page for a browser"), |out| {
            render::flame_html(&flame, &name, out)
        }),
        false => output::data(out, false, |out| render::flame_svg(&flame, &name, out)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stacks {
    Folded,
    Speedscope,
}

fn stacks(context: &Context, input: &InputArgs, query: &Query, out: &OutArgs, format: Stacks) -> Result<()> {
    let view = context.view(input, query, out)?;
    open::say_outside(&view, out);
    let stacks = analysis::named_stacks(&view)?;
    output::data(context.out(out), false, |out| match format {
        Stacks::Folded => render::folded(&stacks, &view, out),
        Stacks::Speedscope => render::speedscope(&stacks, &view, &title(&view.origin), out),
    })
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ConvertFormat {
    /// profile.proto, gzip: filtered, merged, equal samples added up, nothing unreferenced.
    #[default]
    Proto,
    /// One line a stack, root first.
    Folded,
    /// For speedscope.
    Speedscope,
    /// For `KCachegrind`.
    Callgrind,
    /// For Graphviz.
    Dot,
    /// Drawn by Graphviz, where it is installed.
    Svg,
    /// All tables as text.
    Text,
}

#[derive(Args, Debug)]
pub(super) struct ConvertArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Compression level of gzip, 1 to 9; default: 6, and 1 for profiles of many megabytes
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(1..=9))]
    compression: Option<u32>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: ConvertFormat,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

/// Runs `convert`.
pub(super) fn convert(args: &ConvertArgs, context: &Context) -> Result<()> {
    let out = context.out(&args.out);
    let asked = args.query.query(None);
    match args.output {
        ConvertFormat::Proto | ConvertFormat::Text => {
            let profile = filtered(context, &args.input, &asked, &args.out)?;
            if args.output == ConvertFormat::Text {
                return output::data(out, true, |out| text::raw(&profile, Dialect::Native, out));
            }
            let compact = model::compact(profile)?;
            let level = args
                .compression
                .map_or_else(|| Compression::suiting(&compact), Compression);
            output::write(out, false, Some("binary"), |out| encode_gzip(&compact, out, level))
        }
        ConvertFormat::Folded => stacks(
            context,
            &args.input,
            &args.query.query_at(Granularity::FileFunctions),
            &args.out,
            Stacks::Folded,
        ),
        ConvertFormat::Speedscope => stacks(
            context,
            &args.input,
            &args.query.query_at(Granularity::FileFunctions),
            &args.out,
            Stacks::Speedscope,
        ),
        ConvertFormat::Callgrind => {
            let query = Query {
                granularity: Granularity::Addresses,
                trim: analysis::Trim::NONE,
                ..asked
            };
            let view = context.view(&args.input, &query, &args.out)?;
            open::say_outside(&view, &args.out);
            let costs = analysis::call_costs(&view);
            output::data(out, false, |out| text::callgrind(&costs, &view, out))
        }
        ConvertFormat::Dot | ConvertFormat::Svg => {
            let view = context.view(&args.input, &args.query.query(Some(80)), &args.out)?;
            open::say_outside(&view, &args.out);
            let drawing = analysis::drawing(&view);
            if args.output == ConvertFormat::Dot {
                return output::data(out, false, |out| text::dot(&drawing, &view, out));
            }
            let mut dot = Vec::new();
            text::dot(&drawing, &view, &mut dot)?;
            let svg = graphviz("svg", &dot).map_err(|e| anyhow!(e))?;
            let svg = text::interactive_svg(&String::from_utf8_lossy(&svg));
            output::data(out, false, |out: &mut dyn io::Write| out.write_all(svg.as_bytes()))
        }
    }
}

/// The profile with what the filters leave of it, its notes said.
pub(super) fn filtered(context: &Context, input: &InputArgs, query: &Query, out: &OutArgs) -> Result<Profile> {
    let filtered = context.subject(input, out)?.filtered(query)?;
    open::query_notes(&filtered.notes, out);
    if let Some(words) = &filtered.outside {
        open::note(out, words);
    }
    Ok(filtered.profile)
}
