//! `flame` and `convert`: the whole profile in another form.

use std::io;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};

use super::args::{InputArgs, OutArgs, QueryArgs};
use super::pprof::graphviz;
use super::{open, output};
use crate::analysis::{self, Dialect, Granularity, Query};
use crate::model::{self, Profile};
use crate::pprof::{Compression, encode_gzip};
use crate::render::layout::Look;
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
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: FlameFormat,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

/// Runs `flame`.
pub(super) fn flame(args: &FlameArgs) -> Result<()> {
    // Files are shown, but do not tell functions apart.
    let query = args.query.query_at(Granularity::FileFunctions);
    match args.output {
        FlameFormat::Folded => return stacks(&args.input, &query, &args.out, Stacks::Folded),
        FlameFormat::Speedscope => return stacks(&args.input, &query, &args.out, Stacks::Speedscope),
        FlameFormat::Html | FlameFormat::Svg => {}
    }
    let (mut view, look) = open::view(&args.input, &query, &args.out)?;
    let flame = analysis::flame(&mut view, args.query.flame_limits())?;
    let name = title(&look);
    // A page is text, but nobody wants to see it scroll by.
    let page = args.output == FlameFormat::Html;
    match page {
        true => output::write(&args.out, false, Some("a page for a browser"), |out| {
            render::flame_html(&flame, &name, out)
        }),
        false => output::data(&args.out, false, |out| render::flame_svg(&flame, &name, out)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stacks {
    Folded,
    Speedscope,
}

fn stacks(input: &InputArgs, query: &Query, out: &OutArgs, format: Stacks) -> Result<()> {
    let (mut view, look) = open::view(input, query, out)?;
    open::say_outside(&view, out);
    let stacks = analysis::named_stacks(&mut view)?;
    output::data(out, false, |out| match format {
        Stacks::Folded => render::folded(&stacks, &view, out),
        Stacks::Speedscope => render::speedscope(&stacks, &view, &title(&look), out),
    })
}

/// What a drawing is called: the file without its folders, or what it is.
fn title(look: &Look) -> String {
    if look.merged > 1 {
        return format!("sum of {} profiles", look.merged);
    }
    let name = match look.source.rsplit('/').next() {
        Some(file) if !file.is_empty() && file != "-" => file.to_owned(),
        _ => look.kind.clone(),
    };
    match look.symbols.facts.get("trusted").and_then(serde_json::Value::as_bool) {
        Some(true) => format!("{name} (binary TRUSTED BY HAND, NOT PROVEN)"),
        _ => name,
    }
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
    /// How hard gzip tries, 1 to 9; default: 6, and 1 for profiles of many megabytes
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(1..=9))]
    compression: Option<u32>,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: ConvertFormat,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

/// Runs `convert`.
pub(super) fn convert(args: &ConvertArgs) -> Result<()> {
    let asked = args.query.query(None);
    match args.output {
        ConvertFormat::Proto | ConvertFormat::Text => {
            let profile = filtered(&args.input, asked, &args.out)?;
            if args.output == ConvertFormat::Text {
                return output::data(&args.out, true, |out| text::raw(&profile, Dialect::Native, out));
            }
            let compact = model::compact(profile)?;
            let level = args
                .compression
                .map_or_else(|| Compression::suiting(&compact), Compression);
            output::write(&args.out, false, Some("binary"), |out| {
                encode_gzip(&compact, out, level)
            })
        }
        ConvertFormat::Folded => stacks(
            &args.input,
            &args.query.query_at(Granularity::FileFunctions),
            &args.out,
            Stacks::Folded,
        ),
        ConvertFormat::Speedscope => stacks(
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
            let (mut view, _) = open::view(&args.input, &query, &args.out)?;
            open::say_outside(&view, &args.out);
            let costs = analysis::call_costs(&mut view);
            output::data(&args.out, false, |out| text::callgrind(&costs, &view, out))
        }
        ConvertFormat::Dot | ConvertFormat::Svg => {
            let (mut view, _) = open::view(&args.input, &args.query.query(Some(80)), &args.out)?;
            open::say_outside(&view, &args.out);
            let drawing = analysis::drawing(&mut view);
            if args.output == ConvertFormat::Dot {
                return output::data(&args.out, false, |out| text::dot(&drawing, &view, out));
            }
            let mut dot = Vec::new();
            text::dot(&drawing, &view, &mut dot)?;
            let svg = graphviz("svg", &dot).map_err(|e| anyhow!(e))?;
            let svg = text::interactive_svg(&String::from_utf8_lossy(&svg));
            output::data(&args.out, false, |out: &mut dyn io::Write| {
                out.write_all(svg.as_bytes())
            })
        }
    }
}

/// The profile with what the filters leave of it; without a filter every field comes through as it was.
pub(super) fn filtered(input: &InputArgs, query: Query, out: &OutArgs) -> Result<Profile> {
    let (loaded, _) = open::named(input, out)?;
    let query = Query {
        granularity: Granularity::Addresses,
        ..query
    };
    let mut profile = loaded.profile;
    if changes_samples(&query) {
        let view = open::prepare(profile, &query, open::knowledge(input)?, out)?;
        open::say_outside(&view, out);
        profile = model::compact(view.profile)?;
    }
    profile.divide(query.divide_by);
    Ok(profile)
}

/// Whether the query asks for anything that changes samples or frames.
fn changes_samples(query: &Query) -> bool {
    let plain = Query {
        sample_type: query.sample_type.clone(),
        granularity: query.granularity,
        trim: query.trim,
        sort: query.sort,
        unit: query.unit.clone(),
        divide_by: query.divide_by,
        ..Query::default()
    };
    *query != plain
}
