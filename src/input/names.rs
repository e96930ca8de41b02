//! Names for the profile that a report is about: finds the binary, has it proven, and applies it.

use std::path::{Path, PathBuf};

use super::{InputError, Note};
use crate::bundle::BundledBinary;
use crate::model::{MappingId, Profile};
use crate::pprof::Form;
use crate::symbolize::archive::Archive;
use crate::symbolize::identity::{Identity, Verdict, build_ids_agree, examine, main_mapping};
use crate::symbolize::locate::search::{Candidate, Origin, Places, Wanted};
use crate::symbolize::locate::{MappedBinary, SYSTEM_DEBUG};
use crate::symbolize::space::is_kernel_page;
use crate::symbolize::stack::{fold_text_stacks, settle_entries};
use crate::symbolize::{Binary, Coverage, Miss, Single, apply, survey};

/// When names are looked up in a binary.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Symbolize {
    /// For addresses that the profile has no name for.
    #[default]
    Missing,
    /// Never.
    Never,
    /// For all addresses; the program's own names are replaced.
    Force,
}

/// Where names come from. By default: what is on this machine, and nothing from the network.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// When.
    pub when: Symbolize,
    /// The binary that the profile was taken of; it is refused when it is another one.
    pub binary: Option<PathBuf>,
    /// The binary is used although it is another one; every report says so.
    pub trust: bool,
    /// debuginfod servers to ask.
    pub debuginfod: Vec<String>,
    /// The archive of binaries; the one of the environment by default.
    pub archive: Option<Archive>,
}

/// A binary that may be used for a mapping, and why.
#[derive(Debug)]
pub struct Proven {
    /// The file.
    pub mapped: MappedBinary,
    /// The mapping that it is for; `None` where the profile has none.
    pub mapping: Option<MappingId>,
    /// What was compared.
    pub identity: Identity,
}

/// What marks every report that rests on a binary which nothing proves.
const TRUSTED: &str = "names of a binary TRUSTED BY HAND, NOT PROVEN";

/// Names what has no name and says what the names rest on.
///
/// `form` is what the profile was read from: the stacks of texts hold return addresses that a profile.proto has not.
pub(super) fn name(
    profile: &mut Profile,
    form: Form,
    naming: &Naming,
    bundled: &[BundledBinary],
    notes: &mut Vec<Note>,
) -> Result<Coverage, InputError> {
    let surveyed = survey(profile);
    let wants = match naming.when {
        Symbolize::Never => false,
        Symbolize::Force => true,
        // Kernel pages and addresses without a mapping are in no binary.
        Symbolize::Missing => naming.binary.is_some() || surveyed.missing.contains_key(&Miss::NoBinary),
    };
    if !wants {
        return Ok(surveyed);
    }
    let places = naming.places(bundled);
    match &naming.binary {
        Some(path) => from_given(profile, form, path, naming, &places, notes),
        None => from_places(profile, form, surveyed, naming, &places, notes),
    }
}

/// Names of a binary that was given by hand.
fn from_given(
    profile: &mut Profile,
    form: Form,
    path: &Path,
    naming: &Naming,
    places: &Places,
    notes: &mut Vec<Note>,
) -> Result<Coverage, InputError> {
    let Proven {
        mapped,
        mapping,
        identity,
    } = given(profile, path, naming, places)?;
    let binary = mapped.binary()?;
    if identity.verdict == Verdict::Unproven {
        notes.push(Note::Unproven(path.to_owned(), identity.reason));
    }
    let single = Single {
        mapping,
        binary: &binary,
        refused: None,
    };
    let mut coverage = apply_to(profile, form, &single, naming.when == Symbolize::Force);
    coverage.trusted = naming.trust && matches!(identity.verdict, Verdict::Mismatch | Verdict::Unproven);
    if coverage.trusted {
        // Drawings and copies have no line for it; comments go with the profile wherever it is written.
        let mark = format!("{TRUSTED}: {} ({})", path.display(), identity.reason);
        notes.push(Note::Trusted(mark.clone()));
        let mark = profile.strings.intern(&mark);
        profile.comments.push(mark);
    }
    coverage.identities.push(identity);
    Ok(coverage)
}

/// Names of the binaries that are found and proven, mapping by mapping.
fn from_places(
    profile: &mut Profile,
    form: Form,
    surveyed: Coverage,
    naming: &Naming,
    places: &Places,
    notes: &mut Vec<Note>,
) -> Result<Coverage, InputError> {
    let mut coverage = surveyed;
    let mut tried = Vec::new();
    for n in 0..profile.mappings.len() {
        let mapping = MappingId::new(n);
        let found = find(profile, mapping, naming, places, &mut tried, notes);
        let Some((mapped, identity)) = found else { continue };
        let binary = mapped.binary()?;
        let single = Single {
            mapping: Some(mapping),
            binary: &binary,
            refused: None,
        };
        let identities = std::mem::take(&mut coverage.identities);
        let before = coverage.named.clone();
        coverage = apply_to(profile, form, &single, naming.when == Symbolize::Force);
        for (source, count) in before {
            *coverage.named.entry(source).or_default() += count;
            coverage.embedded = coverage.embedded.saturating_sub(count);
        }
        coverage.identities = identities;
        coverage.identities.push(identity);
    }
    if coverage.identities.is_empty() {
        let tried = tried.into_iter();
        notes.extend(tried.map(|(origin, identity)| Note::OtherBinary(origin, identity.reason)));
    }
    Ok(coverage)
}

/// The first binary that is proven to be that of a mapping.
fn find(
    profile: &Profile,
    mapping: MappingId,
    naming: &Naming,
    places: &Places,
    tried: &mut Vec<(Origin, Identity)>,
    notes: &mut Vec<Note>,
) -> Option<(MappedBinary, Identity)> {
    let row = &profile.mappings[mapping.index()];
    let wanted = Wanted {
        file: profile.text(row.file),
        build_id: profile.text(row.build_id),
    };
    let here = places.candidates(wanted).into_iter();
    for candidate in here.chain(fetched(wanted, naming, places, notes)) {
        // A file that cannot be read is no reason to stop: there may be another.
        let Ok(mapped) = MappedBinary::open(&candidate.path, &places.system_debug) else {
            continue;
        };
        let Ok(binary) = mapped.binary() else { continue };
        let identity = examine(profile, Some(mapping), &binary);
        drop(binary);
        tried.push((candidate.origin, identity.clone()));
        if matches!(identity.verdict, Verdict::Match | Verdict::Twin) {
            return Some((mapped, identity));
        }
    }
    None
}

/// The binary of a mapped file, by its build ID, wherever on this machine binaries are kept. Nothing is fetched.
pub fn kept_binary(file: &str, build_id: &str) -> Option<MappedBinary> {
    let places = Naming::default().places(&[]);
    let candidates = places.candidates(Wanted { file, build_id }).into_iter();
    let open = |candidate: Candidate| MappedBinary::open(&candidate.path, &places.system_debug).ok();
    { candidates.filter_map(open) }.find(|mapped| {
        let same = |binary: Binary<'_>| build_ids_agree(build_id, &binary) == Some(true);
        mapped.binary().is_ok_and(same)
    })
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
    naming: &'a Naming,
    places: &'a Places,
    notes: &'a mut Vec<Note>,
) -> impl Iterator<Item = Candidate> + 'a {
    let telling = !wanted.build_id.is_empty() && !is_kernel_page(wanted.file);
    let servers = naming.debuginfod.iter().filter(move |_| telling);
    servers.filter_map(move |url| {
        let cache = places.debuginfod_cache.as_deref();
        match ask(url, wanted.build_id, cache) {
            Ok(path) => Some(Candidate {
                path,
                origin: Origin::Server,
            }),
            Err((error, hint)) => {
                notes.push(Note::Server { error, hint });
                None
            }
        }
    })
}

#[cfg(feature = "debuginfod")]
fn ask(url: &str, id: &str, cache: Option<&Path>) -> Result<PathBuf, (String, Option<&'static str>)> {
    let Some(cache) = cache else {
        let hint = "say where to put binaries with DEBUGINFOD_CACHE_PATH";
        return Err(("no home directory".to_owned(), Some(hint)));
    };
    crate::symbolize::locate::debuginfod::fetch(url, id, cache).map_err(|e| (e.to_string(), e.hint()))
}

#[cfg(not(feature = "debuginfod"))]
fn ask(_: &str, _: &str, _: Option<&Path>) -> Result<PathBuf, (String, Option<&'static str>)> {
    let error = "this build has no network".to_owned();
    Err((error, Some("build it with the feature `debuginfod`")))
}

/// Whether values count memory: the runtime leaves its own frames out of such profiles.
fn is_heap(profile: &Profile) -> bool {
    let kinds = profile.sample_types.iter().map(|t| profile.text(t.kind));
    kinds
        .into_iter()
        .any(|k| matches!(k, "inuse_space" | "alloc_space" | "space"))
}

/// The binary given by hand, refused when it is another one.
fn given(profile: &Profile, path: &Path, naming: &Naming, places: &Places) -> Result<Proven, InputError> {
    let mapped = MappedBinary::open(path, &places.system_debug)?;
    let binary: Binary<'_> = mapped.binary()?;
    let mapping = main_mapping(profile, &binary);
    let identity = examine(profile, mapping, &binary);
    if identity.verdict == Verdict::Mismatch && !naming.trust {
        let archived = places
            .archive
            .as_ref()
            .and_then(|a| a.path_of(&identity.build_id_profile));
        return Err(InputError::Refused {
            path: path.to_owned(),
            archived: archived.is_some(),
            identity: Box::new(identity),
        });
    }
    drop(binary);
    Ok(Proven {
        mapped,
        mapping,
        identity,
    })
}

/// The binary that a profile was taken of: given by hand, or found and proven.
pub(super) fn proven(
    profile: &Profile,
    naming: &Naming,
    bundled: &[BundledBinary],
    notes: &mut Vec<Note>,
) -> Result<Proven, InputError> {
    let places = naming.places(bundled);
    if let Some(path) = &naming.binary {
        return given(profile, path, naming, &places);
    }
    let mappings = by_use(profile);
    for &mapping in &mappings {
        if let Some((mapped, identity)) = find(profile, mapping, naming, &places, &mut Vec::new(), notes) {
            return Ok(Proven {
                mapped,
                mapping: Some(mapping),
                identity,
            });
        }
    }
    let first = mappings.first().map(|m| &profile.mappings[m.index()]);
    Err(InputError::NoBinary {
        build_id: first.map_or("", |m| profile.text(m.build_id)).to_owned(),
    })
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

impl Naming {
    /// Where binaries are on this machine, as the environment says.
    fn places(&self, bundled: &[BundledBinary]) -> Places {
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
            given: self.binary.iter().cloned().collect(),
            bundle: bundled.iter().filter_map(BundledBinary::file).collect(),
            archive: self.archive.clone().or_else(Archive::here),
            pprof_path,
            debuginfod_cache,
            system_debug: vec![PathBuf::from(SYSTEM_DEBUG)],
        }
    }
}
