//! Names for the profile that a report is about: finds the binary, has it proven, applies it, and words what came out.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::args::OutArgs;
use super::binary::{ArchiveArgs, verdict_text};
use super::open::note;
use crate::analysis;
use crate::bundle::BundledBinary;
use crate::model::{MappingId, Profile};
use crate::pprof::Form;
use crate::render::layout::Symbols;
use crate::symbolize::archive::{Archive, open_image};
use crate::symbolize::buildid::BuildIds;
use crate::symbolize::elf::Elf;
use crate::symbolize::identity::{Identity, Verdict, examine, main_mapping};
use crate::symbolize::locate::Image;
use crate::symbolize::locate::search::{Candidate, Origin, Places, Wanted, debug_files};
use crate::symbolize::space::is_kernel_page;
use crate::symbolize::stack::{fold_text_stacks, settle_entries};
use crate::symbolize::{Binary, Coverage, Miss, Single, apply, survey};

/// When names are looked up in a binary.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mode {
    /// For addresses that the profile has no name for.
    #[default]
    Missing,
    /// Never.
    None,
    /// For all addresses; the program's own names are replaced.
    Force,
}

/// Where names come from.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Symbols")]
pub(super) struct SymbolArgs {
    /// The binary that the profile was taken of; it is refused when it is another one
    #[arg(long, value_name = "FILE")]
    pub(super) binary: Option<PathBuf>,
    /// Use the binary although it is another one; every report says so
    #[arg(long, requires = "binary")]
    trust_binary: bool,
    /// When to look names up in a binary
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, hide_default_value = true)]
    symbolize: Mode,
    /// Exit with 2 when an address has no name
    #[arg(long)]
    require_symbols: bool,
    /// Ask this debuginfod server for a binary that is nowhere here, by its build ID; it stays in debuginfod's cache.
    /// Nothing is asked over the network without it
    #[arg(long, value_name = "URL")]
    debuginfod: Vec<String>,
    #[command(flatten)]
    archive: ArchiveArgs,
    /// Executables in the bundle that the profile came from.
    #[arg(skip)]
    bundled: Vec<BundledBinary>,
}

impl SymbolArgs {
    /// The same with the executables of a bundle.
    pub(super) fn with(&self, bundled: &[BundledBinary]) -> Self {
        Self {
            bundled: bundled.to_vec(),
            ..self.clone()
        }
    }
}

/// Names what has no name and says what the names rest on.
///
/// `form` is what the profile was read from: the stacks of texts hold return addresses that a profile.proto has not.
pub(super) fn symbolize(profile: &mut Profile, form: Form, args: &SymbolArgs, out: &OutArgs) -> Result<Symbols> {
    let surveyed = survey(profile);
    let wants = match args.symbolize {
        Mode::None => false,
        Mode::Force => true,
        // Kernel pages and addresses without a mapping are in no binary.
        Mode::Missing => args.binary.is_some() || surveyed.missing.contains_key(&Miss::NoBinary),
    };
    let coverage = if wants {
        name_from_binary(profile, form, args, out, surveyed)?
    } else {
        surveyed
    };
    let words = words(&coverage);
    if args.require_symbols && coverage.missing_total() > 0 {
        bail!(
            "{}\nhint: archive the kubelet that ran with `kubeprof binary add`, or give it with --binary",
            words.line
        );
    }
    Ok(words)
}

/// Leaves out the frames at the leaf whose names a text hides. They are provably of the runtime: the text hides no others.
/// What is not shown is not counted as missing either.
pub(super) fn drop_hidden(profile: &mut Profile, symbols: &mut Symbols) {
    let is_empty = |key: &str| match symbols.facts.get(key) {
        Some(Value::Array(rows)) => rows.is_empty(),
        Some(Value::Object(rows)) => rows.is_empty(),
        _ => true,
    };
    // What a binary could not name has a reason of its own.
    let from_text = is_empty("named") && is_empty("binaries");
    if analysis::drop_nameless_leaves(profile) > 0 && from_text {
        *symbols = words(&survey(profile));
    }
}

fn name_from_binary(
    profile: &mut Profile,
    form: Form,
    args: &SymbolArgs,
    out: &OutArgs,
    surveyed: Coverage,
) -> Result<Coverage> {
    let places = places(args);
    let force = args.symbolize == Mode::Force;
    if let Some(path) = &args.binary {
        let Proven {
            opened,
            mapping,
            identity,
        } = given(profile, path, args, &places)?;
        let binary = opened.binary()?;
        if identity.verdict == Verdict::Unproven {
            note(out, &format!("{}: unproven: {}", path.display(), identity.reason));
        }
        let single = Single {
            mapping,
            binary: &binary,
            refused: None,
        };
        let mut coverage = apply_to(profile, form, &single, force);
        coverage.trusted = args.trust_binary && matches!(identity.verdict, Verdict::Mismatch | Verdict::Unproven);
        if coverage.trusted {
            // Drawings and copies have no line for it; comments go with the profile wherever it is written.
            let mark = format!("{TRUSTED}: {} ({})", path.display(), identity.reason);
            note(out, &mark);
            let mark = profile.strings.intern(&mark);
            profile.comments.push(mark);
        }
        coverage.identities.push(identity);
        return Ok(coverage);
    }
    let mut coverage = surveyed;
    let mut tried = Vec::new();
    for n in 0..profile.mappings.len() {
        let mapping = MappingId::new(n);
        let row = &profile.mappings[n];
        let (file, build_id) = (profile.text(row.file).to_owned(), profile.text(row.build_id).to_owned());
        let wanted = Wanted {
            file: &file,
            build_id: &build_id,
        };
        let here = places.candidates(wanted).into_iter();
        for candidate in here.chain(fetched(wanted, args, &places, out)) {
            // A file that cannot be read is no reason to stop: there may be another.
            let Ok(opened) = Opened::open(&candidate.path, &places) else {
                continue;
            };
            let Ok(binary) = opened.binary() else { continue };
            let identity = examine(profile, Some(mapping), &binary);
            let proven = matches!(identity.verdict, Verdict::Match | Verdict::Twin);
            tried.push((candidate.origin, identity.clone()));
            if !proven {
                continue;
            }
            let single = Single {
                mapping: Some(mapping),
                binary: &binary,
                refused: None,
            };
            let identities = std::mem::take(&mut coverage.identities);
            let before = coverage.named.clone();
            coverage = apply_to(profile, form, &single, force);
            for (source, count) in before {
                *coverage.named.entry(source).or_default() += count;
                coverage.embedded = coverage.embedded.saturating_sub(count);
            }
            coverage.identities = identities;
            coverage.identities.push(identity);
            break;
        }
    }
    if coverage.identities.is_empty() && !tried.is_empty() {
        for (origin, identity) in tried {
            note(
                out,
                &format!(
                    "a binary from {} is not the one that ran: {}",
                    origin_words(origin),
                    identity.reason
                ),
            );
        }
    }
    Ok(coverage)
}

/// Names a profile; the stacks of a text become what a profile.proto would have.
fn apply_to(profile: &mut Profile, form: Form, single: &Single<'_, '_>, force: bool) -> Coverage {
    let text = matches!(form, Form::Legacy | Form::GoText);
    if text {
        settle_entries(profile, single);
    }
    let coverage = apply(profile, single, force);
    if text {
        fold_text_stacks(profile, single, is_heap(profile));
    }
    coverage
}

/// What the servers named by hand have. They are asked only when the iterator comes to them.
fn fetched<'a>(
    wanted: Wanted<'a>,
    args: &'a SymbolArgs,
    places: &'a Places,
    out: &'a OutArgs,
) -> impl Iterator<Item = Candidate> + 'a {
    let telling = !wanted.build_id.is_empty() && !is_kernel_page(wanted.file);
    let servers = args.debuginfod.iter().filter(move |_| telling);
    servers.filter_map(move |url| {
        let cache = places.debuginfod_cache.as_deref();
        match ask(url, wanted.build_id, cache) {
            Ok(path) => Some(Candidate {
                path,
                origin: Origin::Server,
            }),
            Err(error) => {
                note(out, &format!("{error:#}"));
                None
            }
        }
    })
}

#[cfg(feature = "debuginfod")]
fn ask(url: &str, id: &str, cache: Option<&Path>) -> Result<PathBuf> {
    let cache = cache.context("no home directory\nhint: say where to put binaries with DEBUGINFOD_CACHE_PATH")?;
    Ok(crate::symbolize::locate::debuginfod::fetch(url, id, cache)?)
}

#[cfg(not(feature = "debuginfod"))]
fn ask(_: &str, _: &str, _: Option<&Path>) -> Result<PathBuf> {
    bail!("this kubeprof was built without the network\nhint: build it with the feature `debuginfod`")
}

/// What marks every report that rests on a binary which nothing proves.
const TRUSTED: &str = "names of a binary TRUSTED BY HAND, NOT PROVEN";

/// Whether values count memory: the runtime leaves its own frames out of such profiles.
fn is_heap(profile: &Profile) -> bool {
    let kinds = profile.sample_types.iter().map(|t| profile.text(t.kind));
    kinds
        .into_iter()
        .any(|k| matches!(k, "inuse_space" | "alloc_space" | "space"))
}

fn origin_words(origin: Origin) -> &'static str {
    match origin {
        Origin::Given => "the command line",
        Origin::Bundle => "the bundle",
        Origin::Archive => "the archive",
        Origin::PprofPath => "PPROF_BINARY_PATH",
        Origin::Debuginfod => "debuginfod's cache",
        Origin::SystemDebug => "/usr/lib/debug",
        Origin::Server => "a debuginfod server",
    }
}

/// Where distributions put debug information.
const SYSTEM_DEBUG: &str = "/usr/lib/debug";

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A mapped binary and, where there is one, its debug file.
pub(super) struct Opened {
    image: Image,
    debug: Option<Image>,
}

impl Opened {
    /// Opens a binary and looks for its debug information apart: by build ID, and as its `.gnu_debuglink` says. It counts
    /// only when the build IDs are the same or, where there is none, the checksum is that of the link.
    fn open(path: &Path, places: &Places) -> Result<Self> {
        Self::in_roots(path, &places.system_debug)
    }

    /// The same with the system's folders of debug information.
    pub(super) fn here(path: &Path) -> Result<Self> {
        Self::in_roots(path, &[PathBuf::from(SYSTEM_DEBUG)])
    }

    fn in_roots(path: &Path, roots: &[PathBuf]) -> Result<Self> {
        let image = open_image(path)?;
        let elf = Elf::parse(&image).with_context(|| path.display().to_string())?;
        let gnu = BuildIds::read(&elf).gnu;
        let id = gnu.as_ref().map(ToString::to_string);
        let link = elf.debug_link();
        let debug = debug_files(path, id.as_deref(), link.map(|l| l.0), roots)
            .into_iter()
            .find_map(|p| {
                let image = Image::open(&p).ok()?;
                let same = match (&gnu, link) {
                    (Some(_), _) => BuildIds::read(&Elf::parse(&image).ok()?).gnu == gnu,
                    (None, Some((_, crc))) => crc32(&image) == crc,
                    (None, None) => false,
                };
                same.then_some(image)
            });
        Ok(Opened { image, debug })
    }

    /// Uses this debug file, unless its build ID is another.
    pub(super) fn with_debug_file(mut self, path: &Path) -> Result<Self> {
        let debug = Image::open(path)?;
        let id = |image: &Image, name: &Path| -> Result<_> {
            Ok(BuildIds::read(&Elf::parse(image).with_context(|| name.display().to_string())?).gnu)
        };
        if let (Some(a), Some(b)) = (id(&self.image, self.image.path())?, id(&debug, path)?)
            && a != b
        {
            bail!(
                "{}: its build ID is {b}, that of the binary {a}\nhint: the debug file is of another build",
                path.display()
            );
        }
        self.debug = Some(debug);
        Ok(self)
    }

    /// Its tables.
    pub(super) fn binary(&self) -> Result<Binary<'_>> {
        let binary = Binary::parse(&self.image).with_context(|| self.image.path().display().to_string())?;
        Ok(match &self.debug {
            Some(debug) => binary.with_debug_file(debug),
            None => binary,
        })
    }
}

/// A binary that may be used for a mapping, and why.
pub(super) struct Proven {
    /// The file.
    pub(super) opened: Opened,
    /// The mapping that it is for; `None` where the profile has none.
    pub(super) mapping: Option<MappingId>,
    /// What was compared.
    identity: Identity,
}

/// The binary given by hand, refused when it is another one.
fn given(profile: &Profile, path: &Path, args: &SymbolArgs, places: &Places) -> Result<Proven> {
    let opened = Opened::open(path, places)?;
    let binary = opened.binary()?;
    let mapping = main_mapping(profile, &binary);
    let identity = examine(profile, mapping, &binary);
    if identity.verdict == Verdict::Mismatch && !args.trust_binary {
        let text = verdict_text(&identity);
        bail!(
            "{}: refused\n{text}{}",
            path.display(),
            advice(&identity, places.archive.as_ref())
        );
    }
    drop(binary);
    Ok(Proven {
        opened,
        mapping,
        identity,
    })
}

/// The binary that a profile was taken of: given by hand, or found and proven.
pub(super) fn proven(profile: &Profile, args: &SymbolArgs, out: &OutArgs) -> Result<Proven> {
    let places = places(args);
    if let Some(path) = &args.binary {
        return given(profile, path, args, &places);
    }
    for mapping in by_use(profile) {
        let row = &profile.mappings[mapping.index()];
        let mapping = Some(mapping);
        let (file, build_id) = (profile.text(row.file), profile.text(row.build_id));
        let wanted = Wanted { file, build_id };
        let here = places.candidates(wanted).into_iter();
        for candidate in here.chain(fetched(wanted, args, &places, out)) {
            let Ok(opened) = Opened::open(&candidate.path, &places) else {
                continue;
            };
            let Ok(binary) = opened.binary() else { continue };
            let identity = examine(profile, mapping, &binary);
            drop(binary);
            if matches!(identity.verdict, Verdict::Match | Verdict::Twin) {
                return Ok(Proven {
                    opened,
                    mapping,
                    identity,
                });
            }
        }
    }
    let first = by_use(profile).first().map(|m| &profile.mappings[m.index()]);
    let id = first.map_or("", |m| profile.text(m.build_id));
    bail!(
        "no binary for this profile (build ID {id:?})\nhint: give it with --binary, or archive it with `kubeprof binary add`"
    )
}

/// The mappings that any location lies in, the one with the most first: a library that no sample is in says nothing.
fn by_use(profile: &Profile) -> Vec<MappingId> {
    let mut uses = vec![0u32; profile.mappings.len()];
    for mapping in profile.locations.iter().filter_map(|l| l.mapping) {
        uses[mapping.index()] += 1;
    }
    let mut used: Vec<usize> = (0..uses.len()).filter(|&m| uses[m] > 0).collect();
    used.sort_by_key(|&m| std::cmp::Reverse(uses[m]));
    used.into_iter().map(MappingId::new).collect()
}

fn places(args: &SymbolArgs) -> Places {
    let archive = args.archive.open().ok();
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty());
    let home = variable("HOME").map(PathBuf::from);
    let pprof_path = match variable("PPROF_BINARY_PATH") {
        Some(paths) => std::env::split_paths(&paths).collect(),
        None => home.iter().map(|h| h.join("pprof/binaries")).collect(),
    };
    let cache = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(home?.join(".cache")));
    let debuginfod_cache = variable("DEBUGINFOD_CACHE_PATH")
        .map(PathBuf::from)
        .or_else(|| cache.map(|c| c.join("debuginfod_client")));
    Places {
        given: args.binary.iter().cloned().collect(),
        bundle: args.bundled.iter().filter_map(BundledBinary::file).collect(),
        archive,
        pprof_path,
        debuginfod_cache,
        system_debug: vec![PathBuf::from(SYSTEM_DEBUG)],
    }
}

/// What to do about a refused binary.
fn advice(identity: &Identity, archive: Option<&Archive>) -> String {
    let id = &identity.build_id_profile;
    let archived = archive.and_then(|a| a.path_of(id));
    match archived {
        Some(_) => "hint: the archive has the binary that ran: leave --binary away".to_owned(),
        None if id.is_empty() => "hint: --trust-binary uses it all the same, and marks every report".to_owned(),
        None => format!(
            "hint: look for the binary with build ID {id} (`kubeprof binary ls`), or mark every report with --trust-binary"
        ),
    }
}

/// The coverage in words and in numbers.
fn words(coverage: &Coverage) -> Symbols {
    let mut line = format!(
        "symbols: {} of {} locations named",
        coverage.named_total(),
        coverage.locations
    );
    let mut parts: Vec<String> = Vec::new();
    if !coverage.named.is_empty() {
        parts.extend((coverage.embedded > 0).then(|| format!("{} by the program", coverage.embedded)));
        parts.extend(
            coverage
                .named
                .iter()
                .map(|(source, n)| format!("{n} from {}", source.code())),
        );
    }
    parts.extend(
        coverage
            .missing
            .iter()
            .map(|(miss, n)| format!("{n} not: {}", miss.explanation())),
    );
    let disagree: u64 = coverage
        .identities
        .iter()
        .map(|i| i.checked - i.agreed - i.untold)
        .sum();
    if disagree > 0 {
        parts.push(format!("{disagree} named otherwise by the binary"));
    }
    let mut marks: Vec<String> = coverage
        .identities
        .iter()
        .filter(|i| i.verdict != Verdict::Match)
        .map(|i| match i.verdict {
            Verdict::Unproven => format!("the binary is not proven: {}", i.reason),
            verdict => format!("the binary is a {}: {}", verdict.code(), i.reason),
        })
        .collect();
    if coverage.trusted {
        marks.push("TRUSTED BY HAND, NOT PROVEN".to_owned());
    }
    parts.extend(marks);
    if !parts.is_empty() {
        line += &format!(" ({})", parts.join("; "));
    }
    let worth_a_line = coverage.missing_total() > 0 || !coverage.identities.is_empty();
    let mut facts: Map<String, Value> = Map::new();
    facts.insert("locations".to_owned(), json!(coverage.locations));
    facts.insert("embedded".to_owned(), json!(coverage.embedded));
    let named: Map<String, Value> = coverage
        .named
        .iter()
        .map(|(s, n)| (s.code().to_owned(), json!(n)))
        .collect();
    facts.insert("named".to_owned(), Value::Object(named));
    let missing: Map<String, Value> = coverage
        .missing
        .iter()
        .map(|(m, n)| (m.code().to_owned(), json!(n)))
        .collect();
    facts.insert("missing".to_owned(), Value::Object(missing));
    facts.insert("disagreed".to_owned(), json!(disagree));
    facts.insert("trusted".to_owned(), json!(coverage.trusted));
    let verdicts: Vec<Value> = coverage
        .identities
        .iter()
        .map(|i| {
            json!({"verdict": i.verdict.code(), "reason": i.reason.code(), "file": i.file,
                "build_id_profile": i.build_id_profile, "build_id_binary": i.build_id_binary,
                "checked": i.checked, "agreed": i.agreed})
        })
        .collect();
    facts.insert("binaries".to_owned(), Value::Array(verdicts));
    Symbols {
        line,
        shown: worth_a_line,
        facts,
    }
}
