//! Sources on the command line -> one profile: read, sorted by kind, merged.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::Kind;
use crate::model::{self, MergeError, MergeOptions, Profile};
use crate::pprof::goroutines::GoroutineDump;
use crate::pprof::{self, DecodeNotes, Form, Limit};

/// What to open and how.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Files, folders, `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// The kind to take where there are several.
    pub kind: Option<Kind>,
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
    /// How they were written (of the first, where several were merged).
    pub form: Form,
    /// What the reader should know.
    pub notes: Vec<SourceNote>,
    /// The goroutine dumps that the profile was made of, where it was made of nothing else.
    pub dumps: Vec<GoroutineDump>,
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
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A file cannot be read.
    #[error("{name}: {cause}{hint}", hint = io_hint(.cause))]
    Io {
        /// Path as it was given.
        name: String,
        /// What the system says.
        cause: io::Error,
    },
    /// A file is no profile.
    #[error("{name}: {cause}")]
    Read {
        /// Path as it was given.
        name: String,
        /// What it is instead.
        cause: pprof::ReadError,
    },
    /// A folder holds no profile.
    #[error("{0}: no profiles in this folder\nhint: name a profile, or a folder that `kubeprof capture` made")]
    NoProfiles(String),
    /// There are several kinds.
    #[error("the sources hold profiles of several kinds: {}\nhint: choose one with --kind, for instance --kind {}", counts(.available), .available.first().map_or("heap", |(k, _)| k.as_str()))]
    Kinds {
        /// What there is.
        available: Vec<(Kind, usize)>,
    },
    /// There is none of the kind that was asked for.
    #[error("no {asked} profile in the sources\nhint: there is {}", counts(.available))]
    NoSuchKind {
        /// What was asked for.
        asked: Kind,
        /// What there is.
        available: Vec<(Kind, usize)>,
    },
    /// Profiles that cannot be added up.
    #[error("cannot merge the sources: {0}")]
    Merge(#[from] MergeError),
}

fn io_hint(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::NotFound => "\nhint: SOURCE is a profile file, a folder of them, or - for standard input",
        _ => "",
    }
}

fn counts(kinds: &[(Kind, usize)]) -> String {
    let texts: Vec<String> = kinds.iter().map(|(k, n)| format!("{n} {k}")).collect();
    texts.join(", ")
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
}

/// Reads all sources.
pub(super) fn gather(sources: &Sources) -> Result<Gathered, SourceError> {
    let mut candidates = Vec::new();
    let mut notes = Vec::new();
    for path in &sources.paths {
        if path.is_dir() {
            folder(path, sources, &mut candidates, &mut notes)?;
        } else {
            let mut read = read_profile(path, sources.limit, false)?;
            let kind = settled_kind(&mut read, sources.kind);
            candidates.push(Candidate {
                path: path.clone(),
                read,
                kind,
                in_folder: false,
            });
        }
    }
    let mut available: Vec<(Kind, usize)> = Vec::new();
    for c in &candidates {
        match available.iter_mut().find(|(k, _)| *k == c.kind) {
            Some((_, n)) => *n += 1,
            None => available.push((c.kind, 1)),
        }
    }
    available.sort();
    Ok(Gathered {
        candidates,
        notes,
        available,
    })
}

/// The kind of a profile. Heap and allocs are one and the same text, so there `asked` decides.
fn settled_kind(read: &mut pprof::Read, asked: Option<Kind>) -> Kind {
    let either = read.remarks.iter().position(|r| *r == pprof::Remark::HeapOrAllocs);
    if let (Some(Kind::Allocs), Some(remark)) = (asked, either) {
        read.remarks.remove(remark);
        read.profile.default_sample_type = read.profile.strings.intern("alloc_space");
    }
    Kind::of(&read.profile)
}

/// What the reader should know of a file.
pub(super) fn remarks(c: &Candidate, notes: &mut Vec<SourceNote>) {
    if c.read.notes.invalid_utf8 > 0 || c.read.notes.dangling_mappings > 0 {
        notes.push(SourceNote::Odd(c.path.clone(), c.read.notes));
    }
    notes.extend(c.read.remarks.iter().map(|&r| SourceNote::Remark(c.path.clone(), r)));
}

/// Reads all sources, takes those of one kind and adds them up.
///
/// # Errors
/// When a file that was named is no profile, or the kinds are several and none was chosen.
pub fn load(sources: &Sources) -> Result<Loaded, SourceError> {
    let Gathered {
        mut candidates,
        mut notes,
        available,
    } = gather(sources)?;
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
        form,
        notes,
        dumps,
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

/// Folders this deep are looked into.
const DEPTH: usize = 6;

fn folder(
    path: &Path,
    sources: &Sources,
    candidates: &mut Vec<Candidate>,
    notes: &mut Vec<SourceNote>,
) -> Result<(), SourceError> {
    let mut files = Vec::new();
    walk(path, DEPTH, &mut files)?;
    let before = candidates.len();
    let mut skipped = 0;
    for file in files {
        match read_profile(&file, sources.limit, false) {
            Ok(mut read) => {
                let kind = settled_kind(&mut read, sources.kind);
                candidates.push(Candidate {
                    path: file,
                    read,
                    kind,
                    in_folder: true,
                });
            }
            Err(_) => skipped += 1,
        }
    }
    if skipped > 0 {
        notes.push(SourceNote::Skipped(skipped));
    }
    if candidates.len() == before {
        return Err(SourceError::NoProfiles(path.display().to_string()));
    }
    Ok(())
}

fn walk(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let fail = |cause| SourceError::Io {
        name: path.display().to_string(),
        cause,
    };
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(path).map_err(fail)?.filter_map(Result::ok).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && depth > 0 && !hidden {
            walk(&entry.path(), depth - 1, files)?;
        } else if kind.is_file() && !hidden && entry.path().extension().is_none_or(|e| e != "part") {
            files.push(entry.path());
        }
    }
    Ok(())
}
