//! `inspect`: what a file, a folder or a bundle holds, and what the metrics among it say.

use anyhow::Result;
use clap::Args;

use super::args::{Format, InputArgs, OutArgs};
use super::open::{self, Context};
use super::{output, refusal};
use crate::analysis;
use crate::diagnose::metrics::Metrics;
use crate::input::{Artifact, Input};
use crate::kubelet::Knowledge;
use crate::render::layout;
use crate::report::{Scrape, Vitals};

#[derive(Args, Debug)]
#[command(mut_arg("sources", |a| a.required(false).required_unless_present("subsystems")))]
pub(super) struct InspectArgs {
    /// Print the table of subsystems, for --knowledge
    #[arg(long, exclusive = true)]
    subsystems: bool,
    #[command(flatten)]
    input: InputArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn inspect(args: &InspectArgs, context: &Context) -> Result<()> {
    let out = context.out(&args.out);
    if args.subsystems {
        let table = Knowledge::builtin_text();
        return output::write(out, true, None, |out| out.write_all(table.as_bytes()));
    }
    let subject = if context.held.is_none() {
        let opened = open::sources(&args.input)?.open()?;
        if args.input.asks_for_all() {
            let vitals = vitals_of(&opened);
            if let Some((contents, record)) = opened.bundle().filter(|(contents, _)| contents.name.as_os_str() != "-") {
                let name = contents.name.display().to_string();
                let document = layout::bundle(&name, record, &refusal::EXPLAIN).with_vitals(&vitals);
                return output::document(&document, args.output, out, true);
            }
            if let Some(files) = opened.list() {
                return output::document(&layout::survey(&files).with_vitals(&vitals), args.output, out, true);
            }
            if let Some((artifact, evidence)) = opened.series().find_map(|s| {
                let journal = s.once.first()?;
                Some((journal, s.events(journal)?))
            }) {
                let document = layout::events(&artifact.path.display().to_string(), &evidence);
                return output::document(&document, args.output, out, true);
            }
            // A scrape alone.
            if !vitals.is_empty() {
                return output::document(&layout::vitals(&vitals), args.output, out, true);
            }
        }
        open::received(opened.subject()?, &args.input, &args.out)?
    } else {
        context.subject(&args.input, &args.out)?
    };
    let facts = vec![
        ("source", subject.origin.source.clone()),
        ("kind", subject.kind().to_string()),
        ("form", subject.form.to_string()),
    ];
    let view = open::said(subject.into_whole_view(&analysis::Query::default())?, &args.out)?;
    let report = analysis::census(&view);
    output::document(&layout::census(&report, &view, &facts), args.output, out, true)
}

/// What the metrics beside profiles say, snapshot by snapshot.
fn vitals_of(opened: &Input) -> Vitals {
    let mut vitals = Vitals::default();
    for (process, series) in opened.series().enumerate() {
        let metrics = |(_, a): &(_, &Artifact)| a.kind.is_none() && a.stem() == "metrics";
        for (moment, artifact) in series.artifacts().filter(metrics) {
            // What cannot be read is in the list, with why.
            let Ok(bytes) = series.bytes(artifact) else { continue };
            let scrape = Scrape {
                node: series.node.clone(),
                snapshot: match moment {
                    Some(m) if m.name.is_empty() => m.number.to_string(),
                    Some(m) => m.name.rsplit('/').next().unwrap_or_default().to_owned(),
                    None => String::new(),
                },
                at: moment.and_then(|m| m.taken),
                process,
            };
            vitals.push(scrape, Metrics::parse(&String::from_utf8_lossy(&bytes)));
        }
    }
    vitals
}
