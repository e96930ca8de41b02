//! Why a bundle cannot be written, why an artifact is not kept, and what a resumption mended.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use super::facts::NotWhole;
use super::manifest::JOURNAL;
use super::names::PART;

/// Why a bundle cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The system refuses.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// There is something already.
    #[error("{}: already exists, not overwritten", .0.display())]
    Exists(PathBuf),
    /// There is something where a copy was to be.
    #[error("{}: already exists, not overwritten", .0.display())]
    Taken(PathBuf),
    /// Something in the bundle is a link, or a file where a folder was to be.
    #[error("{}: not a regular file or directory (a symlink?); refusing to write through it", .0.display())]
    Link(PathBuf),
    /// It is no bundle.
    #[error("{}: not a bundle: no {JOURNAL} in it", .0.display())]
    NoBundle(PathBuf),
    /// It was written by a later version.
    #[error("{}: the bundle has format {found}, this kubeprof writes {}", .path.display(), super::manifest::SCHEMA)]
    Later {
        /// The bundle.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Another process writes to it.
    #[error("{}: another capture is writing to it", .0.display())]
    Busy(PathBuf),
    /// A snapshot that an earlier capture began, or that began at another time.
    #[error("{node}: snapshot {number} is over")]
    Over {
        /// The node.
        node: String,
        /// Number of the snapshot.
        number: u32,
    },
    /// A name that a bundle cannot have.
    #[error("{0:?} is not a valid file name in a bundle")]
    Name(String),
}

impl WriteError {
    /// What to do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Io { cause, .. } => match cause.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "the disk is full; make room and resume, nothing taken is lost".into()
                }
                _ => return None,
            },
            Self::Exists(_) => "resume it, or name another folder".into(),
            Self::Taken(_) => "name another folder".into(),
            Self::Link(_) => "check where it points, remove it, and resume".into(),
            Self::NoBundle(_) => "name the folder that a capture made".into(),
            Self::Later { .. } => "use the version that made it".into(),
            Self::Busy(_) => "wait for it, or stop it".into(),
            Self::Over { .. } => "further artifacts belong in a new snapshot".into(),
            Self::Name(_) => format!("letters, digits, `-`, `_`, `.`, not ending in {PART}").into(),
        })
    }
}

/// Why an artifact was not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// Its bytes are not what they should be.
    #[error("{why}")]
    NotWhole {
        /// What is wrong.
        why: NotWhole,
        /// The first 4 KiB.
        head: Vec<u8>,
        /// How many there were.
        bytes: u64,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What a resumption found and mended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mended {
    /// Artifacts that were whole and only lacked their names.
    pub named: Vec<String>,
    /// Rests of what was not whole, removed.
    pub removed: Vec<String>,
    /// Files that the journal has other hashes of; put aside under these names.
    pub aside: Vec<String>,
    /// Artifacts of the journal whose files are gone.
    pub gone: Vec<String>,
}
