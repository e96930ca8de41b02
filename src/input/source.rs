//! Sources on the command line -> one profile: read, sorted by kind, merged.
//!
//! A source is a profile, a folder of profiles, a tar of profiles, or a bundle as folder or tar. Of a bundle `select` takes
//! one snapshot; of the others everything of one kind is taken.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::select::{self, Choice, Chosen};
use super::source_error::SourceError;
use crate::bundle::manifest::JOURNAL;
use crate::bundle::{BundledBinary, Contents, Record, Want, archive};
use crate::model::{self, Kind, MergeOptions, Profile};
use crate::pprof::goroutines::GoroutineDump;
use crate::pprof::{self, DecodeNotes, Form, Limit};

/// What to open and how.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Files, folders, tars, bundles, `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// The kind to take where there are several.
    pub kind: Option<Kind>,
    /// What to take of bundles.
    pub choice: Choice,
    /// How large a file may become when it is unpacked.
    pub limit: Limit,
}

/// One profile out of all sources.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The profile.
    pub profile: Profile,
    /// What it is.
    pub kind: Kind,
    /// The files that it was made of.
    pub files: Vec<PathBuf>,
    /// How many profiles were subtracted.
    pub base_files: usize,
    /// How they were written (of the first, where several were merged).
    pub form: Form,
    /// What the reader should know.
    pub notes: Vec<SourceNote>,
    /// The goroutine dumps that the profile was made of, where it was made of nothing else.
    pub dumps: Vec<GoroutineDump>,
    /// Executables in the bundles that it came from.
    pub binaries: Vec<BundledBinary>,
    /// Whether it came from a folder, a tar or a bundle, which may have other forms of the same thing.
    pub collected: bool,
}

/// Something that did not stop the reading. Goes to stderr.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SourceNote {
    /// So many profiles were added up.
    Merged(usize, Kind),
    /// Files of a folder that are no profiles.
    Skipped(usize),
    /// Texts of a folder that show what a profile.proto beside them has as well.
    TextForms(usize),
    /// A file has oddities.
    Odd(PathBuf, DecodeNotes),
    /// A text lacks something.
    Remark(PathBuf, pprof::Remark),
    /// This was chosen out of a bundle.
    Chosen(PathBuf, Box<Chosen>),
    /// A file of a bundle is not what its manifest says.
    Altered(PathBuf),
    /// Entries of an archive, for instance links, were left out.
    LeftOut(PathBuf, usize),
    /// An archive ends early.
    Broken(PathBuf, String),
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// What the system reports.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, SourceError> {
    let name = || path.display().to_string();
    let fail = |cause| SourceError::Io { name: name(), cause };
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().lock().read_to_end(&mut bytes).map_err(fail)?;
    } else {
        let mut file = File::open(path).map_err(fail)?;
        if let Ok(meta) = file.metadata() {
            // A hint only: pipes and /proc claim 0.
            bytes.reserve(usize::try_from(meta.len()).unwrap_or(0).saturating_add(1).min(1 << 32));
        }
        file.read_to_end(&mut bytes).map_err(fail)?;
    }
    Ok(bytes)
}

/// Reads the profile in one file. With `plain`, as `go tool pprof` does.
///
/// # Errors
/// When it cannot be read or is no profile.
pub fn read_profile(path: &Path, limit: Limit, plain: bool) -> Result<pprof::Read, SourceError> {
    let bytes = read_bytes(path)?;
    pprof::read(bytes, limit, plain).map_err(|cause| SourceError::Read {
        name: path.display().to_string(),
        cause,
    })
}

/// The profile of a file, as [`read_profile`] has it, or the one that [`load`] takes of a bundle, with what it says.
///
/// # Errors
/// As those two.
pub fn read_one(path: &Path, limit: Limit, plain: bool) -> Result<(Profile, Vec<SourceNote>), SourceError> {
    match open_collection(path, limit, Want::Artifacts) {
        Ok(Ok(contents)) if contents.has(JOURNAL) => {
            let loaded = load(&Sources {
                paths: vec![path.to_owned()],
                kind: None,
                choice: Choice::default(),
                limit,
            })?;
            Ok((loaded.profile, loaded.notes))
        }
        Ok(Err(Some(bytes))) => {
            let read = pprof::read(bytes, limit, plain).map_err(|cause| SourceError::Read {
                name: path.display().to_string(),
                cause,
            })?;
            Ok((read.profile, Vec::new()))
        }
        _ => Ok((read_profile(path, limit, plain)?.profile, Vec::new())),
    }
}

/// A profile among the sources.
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) read: pprof::Read,
    pub(super) kind: Kind,
    in_folder: bool,
}

/// All profiles of the sources.
pub(super) struct Gathered {
    pub(super) candidates: Vec<Candidate>,
    pub(super) notes: Vec<SourceNote>,
    /// How many there are of each kind.
    pub(super) available: Vec<(Kind, usize)>,
    pub(super) binaries: Vec<BundledBinary>,
}

/// Reads all sources. Of bundles, where no kind was asked for, the first of `kinds` that there is, if `kinds` are given.
pub(super) fn gather(sources: &Sources, kinds: &[Kind]) -> Result<Gathered, SourceError> {
    let mut found = Gathered {
        candidates: Vec::new(),
        notes: Vec::new(),
        available: Vec::new(),
        binaries: Vec::new(),
    };
    let mut kind = sources.kind;
    for path in &sources.paths {
        match open(path, sources.limit)? {
            Opened::Profile(bytes) => {
                let mut read = read_named(path, bytes, sources.limit)?;
                let kind = settled_kind(&mut read, sources.kind);
                found.candidates.push(Candidate {
                    path: path.clone(),
                    read,
                    kind,
                    in_folder: false,
                });
            }
            Opened::Collection(contents) => match contents.record() {
                Some(record) => {
                    let has = |k: &&Kind| record.artifacts().any(|a| a.facts.kind == k.as_str());
                    let asked = kind.or_else(|| kinds.iter().find(has).or(kinds.first()).copied());
                    kind = Some(bundle(&contents, &record, asked, sources, &mut found)?);
                }
                None => collection(&contents, sources, &mut found)?,
            },
        }
    }
    for c in &found.candidates {
        match found.available.iter_mut().find(|(k, _)| *k == c.kind) {
            Some((_, n)) => *n += 1,
            None => found.available.push((c.kind, 1)),
        }
    }
    found.available.sort();
    Ok(found)
}

/// What a path holds.
pub(super) enum Opened {
    /// The bytes of one file that is no archive.
    Profile(Vec<u8>),
    /// Several files.
    Collection(Arc<Contents>),
}

pub(super) fn open(path: &Path, limit: Limit) -> Result<Opened, SourceError> {
    Ok(match open_collection(path, limit, Want::Artifacts)? {
        Ok(contents) => Opened::Collection(Arc::new(contents)),
        Err(Some(bytes)) => Opened::Profile(bytes),
        Err(None) => Opened::Profile(read_bytes(path)?),
    })
}

/// Opens a folder or an archive; `Err` where the path is neither, with the bytes of what can only be read once.
///
/// # Errors
/// When it cannot be read.
pub(super) fn open_collection(
    path: &Path,
    limit: Limit,
    want: Want,
) -> Result<Result<Contents, Option<Vec<u8>>>, SourceError> {
    let fail = |cause| SourceError::Io {
        name: path.display().to_string(),
        cause,
    };
    if path.is_dir() {
        return Contents::folder(path, limit).map(Ok).map_err(fail);
    }
    if path.is_file() {
        let file = File::open(path).map_err(fail)?;
        if !archive::is_archive(io::BufReader::new(file)) {
            return Ok(Err(None));
        }
        return Contents::archive(path, limit, want).map(Ok).map_err(fail);
    }
    let bytes = read_bytes(path)?;
    Ok(match archive::is_archive(bytes.as_slice()) {
        true => Ok(Contents::bytes(path, bytes, limit, want)),
        false => Err(Some(bytes)),
    })
}

/// Opens a bundle: its files and its record. None when the path holds something else.
///
/// # Errors
/// When it cannot be read.
pub fn open_bundle(path: &Path, limit: Limit, want: Want) -> Result<Option<(Contents, Record)>, SourceError> {
    let Ok(contents) = open_collection(path, limit, want)? else {
        return Ok(None);
    };
    let record = contents.record();
    Ok(record.map(|record| (contents, record)))
}

/// The kind of a profile, where `asked` may decide: heap and allocs are one and the same text, and a dump in which the
/// runtime has marked the leaked goroutines is a goroutineleak profile as well.
fn settled_kind(read: &mut pprof::Read, asked: Option<Kind>) -> Kind {
    let either = read.remarks.iter().position(|r| *r == pprof::Remark::HeapOrAllocs);
    if let (Some(Kind::Allocs), Some(remark)) = (asked, either) {
        read.remarks.remove(remark);
        read.profile.default_sample_type = read.profile.strings.intern("alloc_space");
    }
    if let (Some(Kind::GoroutineLeak), Some(dump)) = (asked, &mut read.dump)
        && dump.knows_leaks()
    {
        dump.keep_leaked();
        read.profile = dump.to_profile();
        read.remarks.retain(|r| !matches!(r, pprof::Remark::Leaked(..)));
    }
    Kind::of(&read.profile)
}

fn read_named(path: &Path, bytes: Vec<u8>, limit: Limit) -> Result<pprof::Read, SourceError> {
    pprof::read(bytes, limit, false).map_err(|cause| SourceError::Read {
        name: path.display().to_string(),
        cause,
    })
}

/// What is odd about the archive as such.
fn archive_notes(contents: &Contents, notes: &mut Vec<SourceNote>) {
    if let Some(broken) = &contents.broken {
        notes.push(SourceNote::Broken(contents.name.clone(), broken.to_string()));
    }
    if !contents.odd.is_empty() {
        notes.push(SourceNote::LeftOut(contents.name.clone(), contents.odd.len()));
    }
}

/// Reads the artifacts of a bundle that the choice falls on; their kind.
fn bundle(
    contents: &Arc<Contents>,
    record: &Record,
    kind: Option<Kind>,
    sources: &Sources,
    found: &mut Gathered,
) -> Result<Kind, SourceError> {
    archive_notes(contents, &mut found.notes);
    if !record.is_readable() {
        return Err(SourceError::Unreadable {
            name: contents.name.display().to_string(),
            schema: record.schema,
        });
    }
    let chosen = select::choose(record, &|p| contents.has(p), kind, &sources.choice)?;
    for artifact in &chosen.artifacts {
        let path = contents.name.join(&artifact.path);
        let fail = |cause| SourceError::Io {
            name: path.display().to_string(),
            cause,
        };
        let bytes = contents.get(&artifact.path).map_err(fail)?.into_owned();
        let is_altered = contents.sha256(&artifact.path).map_err(fail)? != artifact.sha256;
        if is_altered {
            found.notes.push(SourceNote::Altered(path.clone()));
        }
        let read = read_named(&path, bytes, sources.limit).map_err(|e| match e {
            SourceError::Read { name, cause } if is_altered => SourceError::Altered { name, cause },
            e => e,
        })?;
        let kind = Kind::of(&read.profile);
        found.candidates.push(Candidate {
            path,
            read,
            kind,
            in_folder: true,
        });
    }
    found.binaries.extend(contents.binaries(record));
    let kind = chosen.kind;
    found
        .notes
        .push(SourceNote::Chosen(contents.name.clone(), Box::new(chosen)));
    Ok(kind)
}

/// What the reader should know of a file.
pub(super) fn remarks(c: &Candidate, notes: &mut Vec<SourceNote>) {
    if c.read.notes.invalid_utf8 > 0 || c.read.notes.dangling_mappings > 0 {
        notes.push(SourceNote::Odd(c.path.clone(), c.read.notes));
    }
    notes.extend(c.read.remarks.iter().map(|&r| SourceNote::Remark(c.path.clone(), r)));
}

/// The candidates of one kind, in the form that says most.
struct Settled {
    kind: Kind,
    candidates: Vec<Candidate>,
    notes: Vec<SourceNote>,
    binaries: Vec<BundledBinary>,
    collected: bool,
    from_bundle: bool,
}

/// Chooses a kind among what was found.
fn settle(sources: &Sources, found: Gathered) -> Result<Settled, SourceError> {
    let Gathered {
        mut candidates,
        mut notes,
        available,
        binaries,
    } = found;
    let collected = candidates.iter().any(|c| c.in_folder);
    let kind = match (sources.kind, available.as_slice()) {
        (Some(asked), _) if available.iter().any(|(k, _)| *k == asked) => asked,
        (Some(asked), _) => return Err(SourceError::NoSuchKind { asked, available }),
        (None, [(kind, _)]) => *kind,
        (None, _) => return Err(SourceError::Kinds { available }),
    };
    candidates.retain(|c| c.kind == kind);
    // A capture holds the same goroutines in several forms; adding them up would count them twice.
    let in_folder = candidates.iter().filter(|c| c.in_folder);
    if let Some(best) = in_folder.map(|c| preference(c.read.form)).min() {
        let before = candidates.len();
        candidates.retain(|c| !c.in_folder || preference(c.read.form) == best);
        if candidates.len() < before {
            notes.push(SourceNote::TextForms(before - candidates.len()));
        }
    }
    let from_bundle = notes.iter().any(|n| matches!(n, SourceNote::Chosen(..)));
    if let Some(asked @ ("mutex" | "block")) = sources.choice.artifact.as_deref()
        && !from_bundle
        && candidates.len() > 1
    {
        return Err(SourceError::Contention {
            asked: asked.to_owned(),
            files: candidates.len(),
        });
    }
    Ok(Settled {
        kind,
        candidates,
        notes,
        binaries,
        collected,
        from_bundle,
    })
}

/// Reads all sources, takes those of one kind and adds them up.
///
/// # Errors
/// When a file that was named is no profile, or the kinds are several and none was chosen.
pub fn load(sources: &Sources) -> Result<Loaded, SourceError> {
    sum(settle(sources, gather(sources, &[])?)?)
}

/// The earliest and the latest profile of a folder or tar that is no bundle, by the time that each was taken at. `None` for
/// bundles, whose manifest knows better, and where no two times are known.
///
/// # Errors
/// As for [`load`].
pub fn load_ends(sources: &Sources) -> Result<Option<(Loaded, Loaded)>, SourceError> {
    let mut settled = settle(sources, gather(sources, &[])?)?;
    if settled.from_bundle || !settled.collected {
        return Ok(None);
    }
    let time = |c: &Candidate| c.read.profile.time_nanos;
    settled.candidates.retain(|c| time(c) != 0);
    settled.candidates.sort_by_key(time);
    let (kind, binaries) = (settled.kind, settled.binaries);
    let of_one = |candidate: Candidate, notes: Vec<SourceNote>| {
        sum(Settled {
            kind,
            candidates: vec![candidate],
            notes,
            binaries: binaries.clone(),
            collected: true,
            from_bundle: false,
        })
    };
    let Some(last) = settled.candidates.pop() else {
        return Ok(None);
    };
    if settled
        .candidates
        .first()
        .is_none_or(|first| time(first) == time(&last))
    {
        return Ok(None);
    }
    let first = settled.candidates.swap_remove(0);
    Ok(Some((of_one(first, settled.notes)?, of_one(last, Vec::new())?)))
}

/// Adds the candidates up.
fn sum(settled: Settled) -> Result<Loaded, SourceError> {
    let Settled {
        kind,
        candidates,
        mut notes,
        binaries,
        collected,
        ..
    } = settled;
    let form = candidates.first().map_or(Form::Proto, |c| c.read.form);
    let files: Vec<PathBuf> = candidates.iter().map(|c| c.path.clone()).collect();
    for c in &candidates {
        remarks(c, &mut notes);
    }
    let mut profiles = Vec::with_capacity(candidates.len());
    let mut dumps = Vec::new();
    for c in candidates {
        profiles.push(c.read.profile);
        dumps.extend(c.read.dump.map(|dump| *dump));
    }
    if dumps.len() != profiles.len() {
        dumps.clear();
    }
    let profile = match (profiles.len(), profiles.pop()) {
        (1, Some(profile)) => profile,
        (n, last) => {
            notes.push(SourceNote::Merged(n, kind));
            profiles.extend(last);
            model::merge(profiles, MergeOptions::default())?
        }
    };
    Ok(Loaded {
        profile,
        kind,
        files,
        base_files: 0,
        form,
        notes,
        dumps,
        binaries,
        collected,
    })
}

/// Which form says most where a folder has several of the same thing; smaller is better.
pub(super) fn preference(form: Form) -> u8 {
    match form {
        Form::Proto => 0,
        Form::GoText => 1,
        Form::Legacy => 2,
        Form::GoroutineDump => 3,
    }
}

/// Reads all profiles of a folder or a tar that is no bundle. Hidden files and those of an unfinished download do not count.
fn collection(contents: &Contents, sources: &Sources, found: &mut Gathered) -> Result<(), SourceError> {
    archive_notes(contents, &mut found.notes);
    // Snapshots of different bundles are not to be added up.
    let journals = contents
        .paths()
        .filter_map(|p| p.strip_suffix(JOURNAL)?.strip_suffix('/'));
    let bundles: Vec<String> = journals.map(|p| contents.name.join(p).display().to_string()).collect();
    if !bundles.is_empty() {
        return Err(SourceError::Bundles {
            name: contents.name.display().to_string(),
            bundles,
            unpacked: if contents.name.is_dir() { "" } else { ", unpacked" },
        });
    }
    let before = found.candidates.len();
    let mut skipped = 0;
    for file in contents.paths().filter(|file| Contents::counts(file)) {
        let path = contents.name.join(file);
        let read = contents
            .get(file)
            .ok()
            .map(|bytes| pprof::read(bytes.into_owned(), sources.limit, false));
        match read {
            Some(Ok(mut read)) => {
                let kind = settled_kind(&mut read, sources.kind);
                found.candidates.push(Candidate {
                    path,
                    read,
                    kind,
                    in_folder: true,
                });
            }
            _ => skipped += 1,
        }
    }
    if skipped > 0 {
        found.notes.push(SourceNote::Skipped(skipped));
    }
    if found.candidates.len() == before {
        return Err(SourceError::NoProfiles(contents.name.display().to_string()));
    }
    Ok(())
}
