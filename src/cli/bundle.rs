//! `kubeprof bundle`: what bundles hold, whether they are whole, one file of them and back, without names, several as one.

use crate::cli::hints::Failure;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::args::{Format, OutArgs, parse_size};

use super::diagnose::quoted;
use super::refusal::{self, Words};
use super::{Exit, output};
use crate::bundle::manifest::Who;
use crate::bundle::redact::Key;
use crate::bundle::verify::{Goal, Verdict, verify as verify_contents};
use crate::bundle::{self, Contents, Packed, Packing, Record, Want};
use crate::model::units::counted;
use crate::pprof::Limit;
use crate::render::{bundle as page, layout};

const EXAMPLES: &str = "\
Examples:
  kubeprof bundle ls BUNDLE                  what it holds and lacks
  kubeprof bundle verify BUNDLE              whether it is as it was taken
  kubeprof bundle pack BUNDLE for-you.tar.zst

Exit status of verify: 0 whole, 1 files that are altered, missing or not listed, 2 error, 3 the capture is incomplete.";

// List, verify, pack, unpack, redact and merge bundles.
#[derive(Parser, Debug)]
#[command(name = "bundle", after_help = EXAMPLES)]
pub(super) struct BundleArgs {
    #[command(subcommand)]
    command: Command,
}

// A bundle and how it is read.
#[derive(Args, Debug)]
struct Source {
    /// A bundle: a folder, a tar (packed or not), or - for standard input
    #[arg(value_name = "BUNDLE")]
    path: PathBuf,
    #[command(flatten)]
    limit: LimitArgs,
}

#[derive(Args, Debug)]
struct LimitArgs {
    /// Largest size of an unpacked archive, e.g. 2GB (default: 64 MB and 64 times the packed size, at most 4 GB)
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Default)]
enum VerifyFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List artifacts: what is there, what failed and why
    Ls {
        #[command(flatten)]
        source: Source,
        /// Output format
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
        #[command(flatten)]
        out: OutArgs,
    },
    /// Compare every file with the manifest, decode it, say what is missing and which analyses are possible
    Verify {
        #[command(flatten)]
        source: Source,
        /// Output format
        #[arg(short, long, value_enum, default_value_t)]
        output: VerifyFormat,
        #[command(flatten)]
        out: OutArgs,
    },
    /// Pack a bundle into one file; the same bundle always gives the same bytes
    Pack {
        #[command(flatten)]
        source: Source,
        /// Output file; its extension (.tar, .tar.gz, .tar.zst) selects the compression [default: BUNDLE.tar.gz next to the bundle]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Print no notes on standard error
        #[arg(short, long)]
        quiet: bool,
    },
    /// Write a copy without names: nodes, addresses, users and labels get pseudonyms, secrets are masked
    Redact {
        #[command(flatten)]
        source: Source,
        /// The new folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// File with the key that turns pseudonyms back; one that exists is used again [default: DIR.key.json]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Print no notes on standard error
        #[arg(short, long)]
        quiet: bool,
    },
    /// Merge several bundles into one: of several nodes, or of one node at several times
    Merge {
        /// Bundles: folders or tars
        #[arg(value_name = "BUNDLE", required = true)]
        sources: Vec<PathBuf>,
        /// The new folder
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        #[command(flatten)]
        limit: LimitArgs,
        /// Print no notes on standard error
        #[arg(short, long)]
        quiet: bool,
    },
    /// Unpack a bundle into a new folder; files that the manifest does not list are left out
    Unpack {
        #[command(flatten)]
        source: Source,
        /// The folder [default: the name of the archive without its ending, here]
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Print no notes on standard error
        #[arg(short, long)]
        quiet: bool,
    },
}

/// Runs the command.
pub(super) fn answer(args: &BundleArgs) -> Result<Exit> {
    match &args.command {
        Command::Ls { source, output, out } => {
            let (contents, record) = source.open(Want::Artifacts)?;
            let document = layout::bundle(&contents.name.display().to_string(), &record, &refusal::EXPLAIN);
            output::document(&document, *output, out, true)?;
            Ok(Exit::Fine)
        }
        Command::Verify { source, output, out } => verify(source, *output, out),
        Command::Pack { source, file, quiet } => pack(source, file.as_deref(), *quiet),
        Command::Redact {
            source,
            dir,
            key,
            quiet,
        } => redact(source, dir, key.as_deref(), *quiet),
        Command::Merge {
            sources,
            out,
            limit,
            quiet,
        } => merge(sources, out, limit.limit(), *quiet),
        Command::Unpack { source, dir, quiet } => unpack(source, dir.as_deref(), *quiet),
    }
}

impl LimitArgs {
    fn limit(&self) -> Limit {
        self.max_size.map_or(Limit::Proportional, Limit::Bytes)
    }
}

impl Source {
    fn open(&self, want: Want) -> Result<(Contents, Record)> {
        open(&self.path, self.limit.limit(), want)
    }
}

fn open(path: &Path, limit: Limit, want: Want) -> Result<(Contents, Record)> {
    match crate::input::open_bundle(path, limit, want)? {
        Some(opened) => Ok(opened),
        None => bail!(Failure::new(
            format!("{}: not a bundle: no manifest.jsonl in it", path.display()),
            "name a folder that `kubeprof capture` made, or a tar of it"
        )),
    }
}

fn verify(source: &Source, format: VerifyFormat, out: &OutArgs) -> Result<Exit> {
    let (contents, _) = source.open(Want::Everything)?;
    let Some(v) = verify_contents(&contents, source.limit.limit()) else {
        bail!("{}: not a bundle", source.path.display());
    };
    let terminal = output::terminal(out);
    let wording = page::Wording {
        command: &command,
        explain: refusal::EXPLAIN,
    };
    output::write(out, format == VerifyFormat::Text, None, |to| match format {
        VerifyFormat::Text => page::verification(&v, &wording, &terminal, to),
        VerifyFormat::Json => {
            serde_json::to_writer_pretty(&mut *to, &page::verification_json(&v, &wording))?;
            writeln!(to)
        }
    })?;
    Ok(match v.verdict {
        Verdict::Whole => Exit::Fine,
        Verdict::Partial => Exit::Partial,
        Verdict::Findings => Exit::Findings,
    })
}

/// The command for an analysis that a bundle has enough for.
fn command(goal: Goal, bundle: &str) -> String {
    let (before, after) = match goal {
        Goal::Memory => ("top", " --kind heap"),
        Goal::MemoryGrowth | Goal::MemoryTrend => ("diff", ""),
        Goal::Goroutines => ("goroutines", ""),
        Goal::GoroutineGrowth => ("diff", " --kind goroutine"),
        Goal::GoroutineWaits => ("goroutines", " --sort age"),
        Goal::LeakProof => ("top", " --kind goroutineleak"),
        Goal::Cpu => ("top", " --kind cpu"),
        Goal::Contention => ("top", " --kind contention"),
        Goal::Instructions => ("disasm REGEX", ""),
    };
    format!("kubeprof {before} {}{after}", quoted(bundle))
}

/// The name of a bundle without the ending of an archive.
fn stem(path: &Path) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    let name = absolute.file_name()?.to_str()?.to_owned();
    let endings = [".tar.gz", ".tar.zst", ".tgz", ".tzst", ".tar"];
    Some(
        endings
            .iter()
            .find_map(|e| name.strip_suffix(e))
            .unwrap_or(&name)
            .to_owned(),
    )
}

fn pack(source: &Source, file: Option<&Path>, quiet: bool) -> Result<Exit> {
    let (contents, record) = source.open(Want::Everything)?;
    let file = match file {
        Some(file) => file.to_owned(),
        None if source.path.as_os_str() == "-" => {
            bail!(Failure::new("missing output file", "give it after the bundle"))
        }
        // Beside the bundle, as gzip does; `.` is the name of a folder too.
        None => {
            let stem = stem(&source.path).context("a bundle without a name")?;
            let absolute = std::path::absolute(&source.path).with_context(|| source.path.display().to_string())?;
            let is_plain = source.path.file_name().is_some();
            let beside = if is_plain { &source.path } else { &absolute };
            beside.with_file_name(format!("{stem}.tar.gz"))
        }
    };
    let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let is_device = std::fs::metadata(&file).is_ok_and(|m| !m.is_file());
    let packing = match Packing::of_name(name) {
        Some(packing) => packing,
        None if is_device => Packing::Gzip,
        None => bail!(Failure::new(
            format!("{}: unknown archive format", file.display()),
            "end the name in .tar, .tar.gz or .tar.zst"
        )),
    };
    if std::fs::symlink_metadata(&file).is_ok() && !is_device {
        bail!(Failure::new(
            format!("{}: already exists, not overwritten", file.display()),
            "name another file"
        ));
    }
    let mut packed = Packed::default();
    output::to_private_file(&file, |out| {
        packed = bundle::pack(&contents, &record, packing, out)?;
        Ok(())
    })?;
    let odd = say_odd(&contents, &record);
    Ok(told(&packed, "packed into", &file, quiet, odd))
}

fn unpack(source: &Source, dir: Option<&Path>, quiet: bool) -> Result<Exit> {
    let (contents, record) = source.open(Want::Everything)?;
    let dir = match dir {
        Some(dir) => dir.to_owned(),
        None if source.path.as_os_str() == "-" => bail!(Failure::new("what folder?", "give it after the bundle")),
        None => PathBuf::from(stem(&source.path).context("an archive without a name")?),
    };
    let packed = bundle::unpack(&contents, &record, &dir)?;
    let odd = say_odd(&contents, &record);
    Ok(told(&packed, "unpacked into", &dir, quiet, odd))
}

/// Says what is wrong with a bundle as a whole; whether something is.
fn say_odd(contents: &Contents, record: &Record) -> bool {
    for line in &record.journal.damaged {
        say!("kubeprof: line {line} of the manifest cannot be read");
    }
    for odd in &contents.odd {
        say!("kubeprof: {}: {}; left out", odd.path, odd.why);
    }
    if let Some(broken) = &contents.broken {
        say!("kubeprof: {broken}");
    }
    !contents.odd.is_empty() || contents.broken.is_some() || !record.journal.damaged.is_empty()
}

fn redact(source: &Source, dir: &Path, key_file: Option<&Path>, quiet: bool) -> Result<Exit> {
    let (contents, record) = source.open(Want::Everything)?;
    let key_file = match key_file {
        Some(file) => file.to_owned(),
        None => {
            let mut name = dir.as_os_str().to_owned();
            name.push(".key.json");
            PathBuf::from(name)
        }
    };
    // A key inside of what it opens would be sent along.
    let absolute = |p: &Path| std::path::absolute(p).with_context(|| p.display().to_string());
    if absolute(&key_file)?.starts_with(absolute(dir)?) {
        bail!(Failure::new(
            format!("{}: the key would be in the bundle", key_file.display()),
            "name a file elsewhere with --key"
        ));
    }
    let mut key = match std::fs::read(&key_file) {
        Ok(text) => Key::parse(&text).map_err(|e| anyhow::anyhow!("{}: {e}", key_file.display()))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Key::new(random()?),
        Err(e) => return Err(e).with_context(|| key_file.display().to_string()),
    };
    let redacted = bundle::redact::redact(&contents, &record, &mut key, source.limit.limit(), dir)?;
    let written = output::to_private_file(&key_file, |out| out.write_all(&key.to_json()));
    if written.is_err() {
        // Without its key nobody could ever tell who is who.
        let _ = std::fs::remove_dir_all(dir);
    }
    written?;
    if !quiet {
        for (path, cause, details) in &redacted.left_out {
            let Words { why, .. } = refusal::words(Who::Kubeprof, *cause, details);
            say!("note: {path}: {why}");
        }
        say!(
            "{} redacted into {}",
            counted(redacted.files, "file", "files"),
            dir.display()
        );
        say!(
            "{} in {}: keep it, do not send it",
            counted(key.len(), "name is", "names are"),
            key_file.display()
        );
    }
    // What is not in the copy was not in the bundle, or is not what was taken: that is said whatever else is not.
    let odd = say_odd(&contents, &record);
    for (files, why) in [
        (&redacted.missing, MISSING),
        (&redacted.altered, "not what the manifest says; left out"),
        (&redacted.extra, EXTRA),
    ] {
        for file in files {
            say!("kubeprof: {file}: {why}");
        }
    }
    let whole = redacted.missing.is_empty() && redacted.altered.is_empty() && !is_surprise(&redacted.extra);
    Ok(if odd || !whole { Exit::Findings } else { Exit::Fine })
}

fn random() -> Result<[u8; 32]> {
    use std::io::Read as _;
    let mut bytes = [0; 32];
    let mut source = std::fs::File::open("/dev/urandom").context("/dev/urandom")?;
    source.read_exact(&mut bytes).context("/dev/urandom")?;
    Ok(bytes)
}

fn merge(sources: &[PathBuf], out: &Path, limit: Limit, quiet: bool) -> Result<Exit> {
    let mut bundles = Vec::with_capacity(sources.len());
    for path in sources {
        let (contents, record) = open(path, limit, Want::Everything)?;
        if !record.is_readable() {
            bail!(Failure::new(
                format!("{}: its manifest cannot be read", path.display()),
                "see `kubeprof bundle verify`"
            ));
        }
        bundles.push((contents, record));
    }
    let merged = bundle::merge_bundles(&bundles, out)?;
    for path in &merged.missing {
        say!("kubeprof: {path}: its manifest names it and it is not there");
    }
    if !quiet {
        say!(
            "{} files of {} nodes, {} processes, {} snapshots in {}; {} were in several bundles",
            merged.files,
            merged.nodes,
            merged.runs,
            merged.snapshots,
            out.display(),
            merged.equal
        );
    }
    Ok(Exit::Fine)
}

/// A file that is listed and not there.
const MISSING: &str = "listed in the manifest, and missing";

/// A file that is there and not listed.
const EXTRA: &str = "not listed in the manifest; left out";

/// Whether files that are not listed are more than what a kill leaves.
fn is_surprise(extra: &[String]) -> bool {
    extra.iter().any(|p| !p.ends_with(bundle::names::PART))
}

/// Says what was done and names what is not as the manifest has it.
fn told(packed: &Packed, done: &str, place: &Path, quiet: bool, odd: bool) -> Exit {
    if !quiet {
        say!(
            "{} files, {} bytes {done} {}",
            packed.files,
            packed.bytes,
            place.display()
        );
    }
    for (files, why) in [
        (&packed.missing, MISSING),
        (&packed.extra, EXTRA),
        (&packed.altered, "not what the manifest says"),
    ] {
        for file in files {
            say!("kubeprof: {file}: {why}");
        }
    }
    if odd || is_surprise(&packed.extra) || !packed.altered.is_empty() || !packed.missing.is_empty() {
        Exit::Findings
    } else {
        Exit::Fine
    }
}
