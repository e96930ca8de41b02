//! `flame` and `convert`: the whole profile in another form.

use std::io;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};

use super::args::{InputArgs, OutArgs, QueryArgs};
use super::pprof::graphviz;
use super::{open, output};
use crate::analysis::{self, FlameLimits, Granularity, Query};
use crate::model;
use crate::pprof::{Compression, encode_gzip};
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
    input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Leave out frames below this share; what is left out is counted
    #[arg(long, value_name = "SHARE", default_value_t = FlameLimits::default().min_fraction)]
    min_fraction: f64,
    /// Draw at most so many frames, the heaviest first
    #[arg(long, value_name = "N", default_value_t = FlameLimits::default().max_nodes)]
    max_frames: usize,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: FlameFormat,
    #[command(flatten)]
    out: OutArgs,
}

/// Runs `flame`.
pub(super) fn flame(args: &FlameArgs) -> Result<()> {
    let knowledge = open::knowledge(&args.input)?;
    let (mut view, look) = open::view(&args.input, &args.query.query(None), &args.out)?;
    let name = &look.source;
    if matches!(args.output, FlameFormat::Folded | FlameFormat::Speedscope) {
        let stacks = analysis::named_stacks(&mut view, &knowledge)?;
        return output::write(&args.out, false, false, |out| match args.output {
            FlameFormat::Folded => render::folded(&stacks, &view, out),
            _ => render::speedscope(&stacks, &view, name, out),
        });
    }
    let limits = FlameLimits {
        min_fraction: args.min_fraction,
        max_nodes: args.max_frames,
    };
    let flame = analysis::flame(&mut view, &knowledge, limits)?;
    output::write(&args.out, false, args.output == FlameFormat::Html, |out| {
        match args.output {
            FlameFormat::Svg => render::flame_svg(&flame, name, out),
            _ => render::flame_html(&flame, name, out),
        }
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
    input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// How hard gzip tries, 1 to 9
    #[arg(long, value_name = "LEVEL", default_value_t = Compression::default().0, value_parser = clap::value_parser!(u32).range(1..=9))]
    compression: u32,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: ConvertFormat,
    #[command(flatten)]
    out: OutArgs,
}

/// Runs `convert`.
pub(super) fn convert(args: &ConvertArgs) -> Result<()> {
    let asked = args.query.query(None);
    match args.output {
        ConvertFormat::Proto | ConvertFormat::Text => {
            let (loaded, _) = open::named(&args.input, &args.out)?;
            let query = Query {
                granularity: Granularity::Addresses,
                ..asked
            };
            let mut profile = loaded.profile;
            // Without a filter every field comes through as it was.
            if changes_samples(&query) {
                profile = open::prepare(profile, &query, open::knowledge(&args.input)?, &args.out)?.profile;
            }
            profile.divide(query.divide_by);
            if args.output == ConvertFormat::Text {
                return output::write(&args.out, true, false, |out| text::raw(&profile, out));
            }
            let compact = model::compact(&profile)?;
            drop(profile);
            output::write(&args.out, false, true, |out| {
                encode_gzip(&compact, out, Compression(args.compression))
            })
        }
        ConvertFormat::Folded | ConvertFormat::Speedscope => {
            let knowledge = open::knowledge(&args.input)?;
            let (mut view, look) = open::view(&args.input, &asked, &args.out)?;
            let stacks = analysis::named_stacks(&mut view, &knowledge)?;
            output::write(&args.out, false, false, |out| match args.output {
                ConvertFormat::Folded => render::folded(&stacks, &view, out),
                _ => render::speedscope(&stacks, &view, &look.source, out),
            })
        }
        ConvertFormat::Callgrind => {
            let query = Query {
                granularity: Granularity::Addresses,
                trim: analysis::Trim::NONE,
                ..asked
            };
            let (mut view, _) = open::view(&args.input, &query, &args.out)?;
            let costs = analysis::call_costs(&mut view);
            output::write(&args.out, false, false, |out| text::callgrind(&costs, &view, out))
        }
        ConvertFormat::Dot | ConvertFormat::Svg => {
            let (mut view, _) = open::view(&args.input, &args.query.query(Some(80)), &args.out)?;
            let drawing = analysis::drawing(&mut view);
            if args.output == ConvertFormat::Dot {
                return output::write(&args.out, false, false, |out| text::dot(&drawing, &view, out));
            }
            let mut dot = Vec::new();
            text::dot(&drawing, &view, &mut dot)?;
            let svg = graphviz("svg", &dot).map_err(|e| anyhow!(e))?;
            let svg = text::interactive_svg(&String::from_utf8_lossy(&svg));
            output::write(&args.out, false, false, |out: &mut dyn io::Write| {
                out.write_all(svg.as_bytes())
            })
        }
    }
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
