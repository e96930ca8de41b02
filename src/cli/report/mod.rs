//! `report`: one page, or one message, that says what was wrong with a kubelet.

mod gather;
mod listings;
#[cfg(feature = "web")]
mod served;

#[cfg(feature = "web")]
pub(super) use served::of;

use crate::cli::hints::{self, Failure};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::args::OutArgs;
use super::symbols::SymbolArgs;
use super::{Exit, diagnose, open, output};
use crate::bundle::{self, Want};
use crate::input;
use crate::pprof::Limit;
use crate::render::{self, diagnosis};
use crate::report::{Material, Place, Redaction, Report, outside};

const EXAMPLES: &str = "\
Examples:
  kubeprof report BUNDLE --out incident.html       one page to attach to the incident
  kubeprof report BUNDLE -o markdown               a message for the incident channel
  kubeprof report BUNDLE --redact --out page.html  without names of nodes, users, addresses and pods

Exit status: 0 the report is made, 2 it did not work.";

/// Formats of a report.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ReportFormat {
    /// One page for a browser; works offline.
    #[default]
    Html,
    /// At most 40 lines for an incident channel.
    Markdown,
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReportArgs {
    /// Bundle, folder or files of one node
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    /// Report on this node of a bundle that has several
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    node: Option<String>,
    /// Add history from a file: JSON of Prometheus or Netdata, CSV of Netdata, a scrape of metrics
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    metrics: Vec<PathBuf>,
    /// Hide names of nodes, users, addresses and pods; function names stay
    #[arg(long)]
    redact: bool,
    /// Folders with sources, separated by colons, for the lines of the functions that cost the most
    #[arg(
        long,
        value_name = "PATH",
        default_value = "",
        hide_default_value = true,
        help_heading = "Input"
    )]
    source_path: String,
    #[command(flatten)]
    symbols: SymbolArgs,
    /// Largest size of an unpacked profile
    #[arg(long, value_name = "SIZE", help_heading = "Input", value_parser = super::args::parse_size)]
    max_size: Option<u64>,
    #[command(flatten)]
    known: diagnose::SourceArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: ReportFormat,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn answer(args: &ReportArgs) -> Result<Exit> {
    let knowledge = open::knowledge_of(args.known.table())?;
    let limit = args.max_size.map_or(Limit::Proportional, Limit::Bytes);
    // A bundle is redacted as a whole first: that knows more than this page.
    let hidden = match args.redact {
        true => redacted(&args.sources, args.node.as_deref(), limit)?,
        false => None,
    };
    let sources = hidden.as_ref().map_or(&args.sources, |copy| &copy.sources);
    let node = hidden
        .as_ref()
        .map_or(args.node.as_deref(), |copy| copy.node.as_deref());
    let reading = gather::Reading {
        node,
        limit,
        knowledge: &knowledge,
        naming: args.symbols.naming(),
        out: &args.out,
    };
    let mut gathered = gather::material(sources, &reading)?;
    let material = &mut gathered.material;
    for path in &args.metrics {
        history(path, material, args)?;
    }
    let redaction = args.redact.then(|| {
        material.forget_labels();
        let mut redaction = Redaction::of(material);
        sources
            .iter()
            .for_each(|path| redaction.know(&path.display().to_string(), "BUNDLE"));
        redaction
    });
    let diagnosis = diagnose::observe(sources, limit, &args.known)?;
    let asked = listings::Asked {
        source_path: &args.source_path,
        place: &place,
    };
    let listings = match args.output {
        ReportFormat::Html => listings::listings(&gathered, &asked),
        ReportFormat::Markdown => Vec::new(),
    };
    let mut report = crate::report::report(gathered.material, diagnosis, &knowledge)?;
    if redaction.is_some() {
        report.asked.iter_mut().for_each(crate::report::Asked::forget_names);
    }
    let print = |out: &mut dyn Write| match args.output {
        ReportFormat::Html => html(&report, sources, redaction.as_ref(), listings.clone(), out),
        ReportFormat::Markdown => with_words(sources, redaction.as_ref(), |words| {
            render::report::markdown(&report, words, out)
        }),
    };
    match args.output {
        ReportFormat::Html => output::write(&args.out, false, Some("a page for a browser"), print)?,
        ReportFormat::Markdown => output::data(&args.out, false, print)?,
    }
    Ok(Exit::Fine)
}

/// Writes the page.
pub(super) fn html(
    report: &Report,
    sources: &[PathBuf],
    redaction: Option<&Redaction>,
    listings: Vec<render::report::Listing>,
    out: &mut dyn Write,
) -> io::Result<()> {
    with_words(sources, redaction, |words| {
        render::report::html(report, words, listings, out)
    })
}

fn with_words<T>(
    sources: &[PathBuf],
    redaction: Option<&Redaction>,
    then: impl FnOnce(&render::report::Words<'_>) -> T,
) -> T {
    let name = |text: &str| redaction.map_or_else(|| text.to_owned(), |r| r.hide(text));
    let hide: Option<&dyn Fn(&str) -> String> = if redaction.is_some() { Some(&name) } else { None };
    then(&render::report::Words {
        diagnosis: diagnosis::Words {
            command: &diagnose::command,
            need: &diagnose::need,
            setting: hints::setting,
            all: true,
        },
        place: &place,
        verdict: format!("kubeprof diagnose {}", typed(sources)),
        explain: super::refusal::EXPLAIN,
        hide,
    })
}

fn typed(paths: &[PathBuf]) -> String {
    let quoted: Vec<String> = paths
        .iter()
        .map(|p| diagnose::quoted(&p.display().to_string()))
        .collect();
    quoted.join(" ")
}

/// What is typed behind a verb to get a profile.
fn place(place: &Place) -> String {
    let mut words = vec![diagnose::quoted(&place.source)];
    if !place.node.is_empty() {
        words.push(format!("--node {}", diagnose::quoted(&place.node)));
    }
    if let Some(n) = place.snapshot {
        words.push(format!("--snapshot {n}"));
    }
    if let Some(kind) = place.kind {
        words.push(format!("--kind {kind}"));
    }
    words.join(" ")
}

fn history(path: &Path, material: &mut Material, args: &ReportArgs) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let plain = crate::pprof::inflate(&bytes, Limit::Bytes(args.max_size.unwrap_or(MOST_HISTORY)));
    let plain = plain.with_context(|| path.display().to_string())?;
    let modified = std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let modified = modified.and_then(|t| Timestamp::try_from(t).ok());
    let name = path
        .file_name()
        .map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
    let read = match outside::read(&String::from_utf8_lossy(&plain), &name, modified) {
        Ok(read) => read,
        Err(e) => bail!(Failure::new(
            format!("{}: {e}", path.display()),
            "--metrics takes JSON of Prometheus (query_range) or Netdata (/api/v1/data), CSV of Netdata, or a scrape"
        )),
    };
    if read.damaged > 0 {
        open::note(
            &args.out,
            &format!("{}: {} values could not be read", path.display(), read.damaged),
        );
    }
    if read.more > 0 {
        open::note(
            &args.out,
            &format!("{}: {} more series are not shown", path.display(), read.more),
        );
    }
    outside::join(&mut material.outside, read.histories);
    Ok(())
}

/// What of a file of history is read at most.
const MOST_HISTORY: u64 = 64 << 20;

/// A redacted copy of a bundle, which ends with this.
struct Copy {
    folder: PathBuf,
    sources: Vec<PathBuf>,
    /// The node that was asked for, as it is called there.
    node: Option<String>,
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Nothing can be done about it here; the folder is the user's own.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A redacted copy of the bundle that is the only source.
fn redacted(sources: &[PathBuf], node: Option<&str>, limit: Limit) -> Result<Option<Copy>> {
    let [path] = sources else { return Ok(None) };
    let Some((contents, record)) = input::open_bundle(path, limit, Want::Artifacts)? else {
        return Ok(None);
    };
    let mut secret = [0; 32];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut secret));
    random.context("/dev/urandom")?;
    let mark: String = secret[..8].iter().map(|b| format!("{b:02x}")).collect();
    let folder = std::env::temp_dir().join(format!("kubeprof-report-{mark}"));
    private_folder(&folder).with_context(|| folder.display().to_string())?;
    let bundle = folder.join("bundle");
    let mut copy = Copy {
        sources: vec![bundle.clone()],
        folder,
        node: None,
    };
    let mut key = bundle::redact::Key::new(secret);
    bundle::redact::redact(&contents, &record, &mut key, limit, &bundle)?;
    copy.node = node.map(|node| key.pseudonym(bundle::redact::Class::Node, node));
    Ok(Some(copy))
}

/// A new folder that only its owner can look into.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}
