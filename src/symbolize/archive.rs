//! The archive of binaries: a folder that debuggers and debuginfod clients understand as it is.
//!
//! ```text
//! buildid/<id>/executable        the binary (or executable.zst)
//! buildid/<id>/kubeprof.json     its record
//! .build-id/<ab>/<cdef...>       link to it, for gdb, perf and elfutils
//! ```
//!
//! Adding is atomic: everything is written into a new folder that is then renamed to its place. What is there is never
//! replaced by other bytes unless that is asked for.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::buildid::derived_gnu_ids;
use super::facts::Facts;
use super::locate::{Image, LocateError};
use super::{Binary, BinaryError};
use crate::atomic::Part;

/// A folder of binaries.
#[derive(Clone, Debug)]
pub struct Archive {
    root: PathBuf,
}

/// Why the archive could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The system refuses.
    #[error("archive {}: {cause}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Not something that can be archived.
    #[error("{name}: {cause}")]
    Binary {
        /// Which file.
        name: String,
        /// Why.
        cause: BinaryError,
    },
    /// A file cannot be opened.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// No such binary.
    #[error("no binary {id} in the archive {}", root.display())]
    Missing {
        /// What was asked for.
        id: String,
        /// The archive.
        root: PathBuf,
    },
    /// Several binaries begin so.
    #[error("{id} could be any of {count} binaries in the archive")]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// How many fit.
        count: usize,
    },
    /// The bytes are not those that were archived.
    #[error("binary {id} in the archive is damaged: its SHA-256 is {found}, recorded is {recorded}")]
    Damaged {
        /// ID.
        id: String,
        /// What its record says.
        recorded: String,
        /// What it is.
        found: String,
    },
    /// Other bytes with the same build ID are there.
    #[error("the archive has another file with build ID {id}: its SHA-256 is {kept}, that of {origin} is {new}")]
    Different {
        /// ID.
        id: String,
        /// SHA-256 of what is there.
        kept: String,
        /// SHA-256 of what was to be added.
        new: String,
        /// Where the new one comes from.
        origin: String,
    },
    /// Compressed bytes that cannot be unpacked.
    #[error("{}: {what}", path.display())]
    Unpack {
        /// Which file.
        path: PathBuf,
        /// What the unpacker says.
        what: String,
    },
}

impl ArchiveError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Io { .. } => return None,
            Self::Binary { cause, .. } => return cause.hint(),
            Self::Locate(cause) => return cause.hint(),
            Self::Missing { .. } => "list the archive to see what is there",
            Self::Ambiguous { .. } => "give more of the ID",
            Self::Damaged { .. } => "remove it and add it again",
            Self::Different { .. } => "keep the one that ran, or replace it",
            Self::Unpack { .. } => "remove it and add the binary again",
        })
    }
}

/// What adding did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Added {
    /// It is new.
    New(Facts),
    /// The very same bytes were there.
    Known(Facts),
}

/// A binary bigger than this is not unpacked: eight times the largest kubelet.
const MAX_UNPACKED: u64 = 1 << 30;

/// How a binary is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Adding {
    /// Store it compressed (zstd).
    pub compress: bool,
    /// Take it although other bytes with the same build ID are there.
    pub replace: bool,
}

/// As many binaries without a telling ID are compared by content.
const MAX_CANDIDATES: usize = 32;

/// Half-written folders of processes that died are removed when they are older than this.
const STALE: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

impl Archive {
    /// An archive in a folder, which need not exist yet.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Archive { root }
    }

    /// The folder used by default: `kubeprof/binaries` in the user's data directory (`XDG_DATA_HOME`, else
    /// `~/.local/share`).
    #[must_use]
    pub fn default_root(data_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
        let absolute = data_home.filter(|p| p.is_absolute());
        absolute
            .or_else(|| Some(home?.join(".local/share")))
            .map(|d| d.join("kubeprof/binaries"))
    }

    /// The archive that the environment names: `KUBEPROF_ARCHIVE`, else the default folder.
    #[must_use]
    pub fn here() -> Option<Self> {
        let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let default = || Self::default_root(variable("XDG_DATA_HOME"), variable("HOME"));
        variable("KUBEPROF_ARCHIVE").or_else(default).map(Self::new)
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Archives a binary. Other bytes with the same build ID are not overwritten unless `how` says so: two files with one
    /// ID are a stripped copy, or a forgery.
    pub fn add(&self, data: &[u8], origin: &str, how: Adding) -> Result<Added, ArchiveError> {
        let fail = |cause| ArchiveError::Binary {
            name: origin.to_owned(),
            cause,
        };
        let binary = Binary::parse(data).map_err(fail)?;
        if !binary.elf().is_complete() {
            return Err(fail(BinaryError::DamagedElf {
                what: "cut off",
                offset: data.len() as u64,
            }));
        }
        let facts = Facts::of(&binary, origin);
        let place = self.folder(&facts.id);
        if let Ok(known) = self.record(&facts.id) {
            if known.sha256 == facts.sha256 {
                return Ok(Added::Known(known));
            }
            if !how.replace {
                return Err(ArchiveError::Different {
                    id: facts.id,
                    kept: known.sha256,
                    new: facts.sha256,
                    origin: origin.to_owned(),
                });
            }
        }
        let parent = self.root.join("buildid");
        create_dir(&parent)?;
        remove_stale(&parent);
        let new = parent.join(format!(".new-{}-{}", facts.id, std::process::id()));
        let part = Part::begin(new, &place).map_err(at(&place))?;
        create_dir(part.path())?;
        self.write(part.path(), data, &facts, how.compress)?;
        part.replace().map_err(at(&place))?;
        self.link(&facts.id, how.compress)?;
        Ok(Added::New(facts))
    }

    fn write(&self, folder: &Path, data: &[u8], facts: &Facts, compress: bool) -> Result<(), ArchiveError> {
        if compress {
            let packed = ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest);
            write_file(&folder.join("executable.zst"), &packed)?;
        } else {
            write_file(&folder.join("executable"), data)?;
        }
        let mut record = serde_json::to_vec_pretty(facts).unwrap_or_default();
        record.push(b'\n');
        write_file(&folder.join("kubeprof.json"), &record)
    }

    fn link(&self, id: &str, compressed: bool) -> Result<(), ArchiveError> {
        let (Some(first), Some(rest)) = (id.get(..2), id.get(2..)) else {
            return Ok(());
        };
        let folder = self.root.join(".build-id").join(first);
        create_dir(&folder)?;
        let file = if compressed { "executable.zst" } else { "executable" };
        let (target, link) = (format!("../../buildid/{id}/{file}"), folder.join(rest));
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(target, &link).map_err(|cause| ArchiveError::Io { path: link, cause })
    }

    fn folder(&self, id: &str) -> PathBuf {
        self.root.join("buildid").join(id)
    }

    /// All records, by ID. Folders that hold no readable record are left out: see [`Archive::damaged`].
    pub fn list(&self) -> Result<Vec<Facts>, ArchiveError> {
        let ids = self.ids()?;
        Ok(ids.iter().filter_map(|n| self.record(n).ok()).collect())
    }

    /// The folders that hold no readable record, or no binary, and why.
    pub fn damaged(&self) -> Result<Vec<(String, ArchiveError)>, ArchiveError> {
        let ids = self.ids()?.into_iter();
        Ok(ids
            .filter_map(|id| {
                let error = match self.record(&id) {
                    Err(error) => error,
                    Ok(_) if self.path_of(&id).is_some() => return None,
                    Ok(_) => ArchiveError::Io {
                        path: self.folder(&id).join("executable"),
                        cause: io::ErrorKind::NotFound.into(),
                    },
                };
                Some((id, error))
            })
            .collect())
    }

    /// The names of the folders, sorted.
    fn ids(&self) -> Result<Vec<String>, ArchiveError> {
        let parent = self.root.join("buildid");
        let entries = match fs::read_dir(&parent) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(ArchiveError::Io { path: parent, cause }),
        };
        let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut ids: Vec<String> = names.filter(|n| !n.starts_with('.')).collect();
        ids.sort();
        Ok(ids)
    }

    fn record(&self, id: &str) -> Result<Facts, ArchiveError> {
        let path = self.folder(id).join("kubeprof.json");
        let text = fs::read(&path).map_err(|cause| ArchiveError::Io {
            path: path.clone(),
            cause,
        })?;
        let mut facts: Facts = serde_json::from_slice(&text).map_err(|e| ArchiveError::Unpack {
            path,
            what: format!("the record is damaged: {e}"),
        })?;
        // The folder's name decides; a record cannot point elsewhere.
        id.clone_into(&mut facts.id);
        Ok(facts)
    }

    /// The record whose ID, GNU or Go build ID or SHA-256 begins with `wanted`.
    pub fn find(&self, wanted: &str) -> Result<Facts, ArchiveError> {
        let fits = |f: &Facts| {
            [&f.id, &f.gnu_build_id, &f.go_build_id, &f.sha256]
                .iter()
                .any(|id| id.starts_with(wanted))
        };
        let mut found: Vec<Facts> = self.list()?.into_iter().filter(fits).collect();
        match found.len() {
            1 if !wanted.is_empty() => Ok(found.remove(0)),
            0 | 1 => Err(ArchiveError::Missing {
                id: wanted.to_owned(),
                root: self.root.clone(),
            }),
            count => Err(ArchiveError::Ambiguous {
                id: wanted.to_owned(),
                count,
            }),
        }
    }

    /// The binary with this build ID as a profile has it (GNU in hex, or Go), if it is there. No other file is read.
    #[must_use]
    pub fn path_of(&self, build_id: &str) -> Option<PathBuf> {
        let id = build_id.to_ascii_lowercase();
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        ["executable", "executable.zst"]
            .iter()
            .map(|f| self.folder(&id).join(f))
            .find(|p| p.is_file())
    }

    /// The binaries that a build ID in a profile may mean: the one stored under it; else those whose Go build ID it is or
    /// gives it, and for an ID that tells nothing (none, `redacted`) those that have no ID of their own, so that their
    /// content is compared.
    #[must_use]
    pub fn candidates(&self, build_id: &str) -> Vec<PathBuf> {
        if let Some(path) = self.path_of(build_id) {
            return vec![path];
        }
        let tells_nothing = build_id.is_empty() || build_id == "redacted";
        let fits = |f: &Facts| {
            let derived = || {
                let wanted = build_id.to_ascii_lowercase();
                derived_gnu_ids(&f.go_build_id)
                    .iter()
                    .any(|id| super::facts::hex(id) == wanted)
            };
            let go = &f.go_build_id;
            match tells_nothing {
                true => f.id != f.gnu_build_id,
                false => !go.is_empty() && (go == build_id || (f.gnu_build_id.is_empty() && derived())),
            }
        };
        let records = self.list().unwrap_or_default();
        let fitting = records.iter().filter(|f| fits(f)).take(MAX_CANDIDATES);
        fitting.filter_map(|f| self.path_of(&f.id)).collect()
    }

    /// Opens an archived binary, unpacking it if need be.
    pub fn open(&self, id: &str) -> Result<Image, ArchiveError> {
        let missing = || ArchiveError::Missing {
            id: id.to_owned(),
            root: self.root.clone(),
        };
        open_image(&self.path_of(id).ok_or_else(missing)?)
    }

    /// Compares a binary with the checksum in its record.
    pub fn check(&self, facts: &Facts) -> Result<(), ArchiveError> {
        use sha2::{Digest as _, Sha256};
        let image = self.open(&facts.id)?;
        let found = super::facts::hex(&Sha256::digest(&*image));
        if found == facts.sha256 {
            return Ok(());
        }
        Err(ArchiveError::Damaged {
            id: facts.id.clone(),
            recorded: facts.sha256.clone(),
            found,
        })
    }

    /// Removes a binary, its record and its link.
    pub fn remove(&self, facts: &Facts) -> Result<(), ArchiveError> {
        let folder = self.folder(&facts.id);
        fs::remove_dir_all(&folder).map_err(|cause| ArchiveError::Io { path: folder, cause })?;
        if let (Some(first), Some(rest)) = (facts.id.get(..2), facts.id.get(2..)) {
            let links = self.root.join(".build-id").join(first);
            let _ = fs::remove_file(links.join(rest));
            let _ = fs::remove_dir(links);
        }
        Ok(())
    }
}

/// Opens a binary; one that ends in `.zst` is unpacked.
pub fn open_image(path: &Path) -> Result<Image, ArchiveError> {
    let image = Image::open(path)?;
    if path.extension().is_none_or(|e| e != "zst") {
        return Ok(image);
    }
    let fail = |what: String| ArchiveError::Unpack {
        path: path.to_owned(),
        what,
    };
    let decoder = ruzstd::decoding::StreamingDecoder::new(&*image).map_err(|e| fail(e.to_string()))?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(decoder, MAX_UNPACKED + 1), &mut bytes)
        .map_err(|e| fail(e.to_string()))?;
    if bytes.len() as u64 > MAX_UNPACKED {
        return Err(fail(format!("unpacks to more than {} MiB", MAX_UNPACKED >> 20)));
    }
    Ok(Image::from_bytes(path, bytes))
}

/// Removes what adding left behind when it was killed.
fn remove_stale(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let old = |m: fs::Metadata| m.modified().ok()?.elapsed().ok();
        let hidden = entry.file_name().to_string_lossy().starts_with(".new-");
        if hidden && entry.metadata().ok().and_then(old).is_some_and(|age| age > STALE) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> ArchiveError {
    move |cause| ArchiveError::Io {
        path: path.to_owned(),
        cause,
    }
}

fn create_dir(path: &Path) -> Result<(), ArchiveError> {
    fs::create_dir_all(path).map_err(at(path))
}

fn write_file(path: &Path, data: &[u8]) -> Result<(), ArchiveError> {
    let write = || -> io::Result<()> {
        let mut file = fs::File::create_new(path)?;
        file.write_all(data)?;
        file.sync_all()
    };
    write().map_err(at(path))
}
