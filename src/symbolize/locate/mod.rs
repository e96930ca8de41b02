//! Finding and opening binaries: [`search`] knows where to look, [`unpack`] takes them out of images, [`Image`] maps them,
//! `debuginfod` (a feature) fetches them from a server.

#[cfg(feature = "debuginfod")]
pub mod debuginfod;
#[cfg(feature = "debuginfod")]
pub mod http;
mod image;
mod mapped;
pub mod search;
pub mod unpack;

use std::io;
use std::path::PathBuf;

pub use image::Image;
pub use mapped::{MappedBinary, MappedError, SYSTEM_DEBUG};

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocateError {
    /// The system refuses.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A folder, a device or a pipe.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// Which one.
        path: PathBuf,
    },
}

impl LocateError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::NotAFile { .. }).then_some("give the binary itself")
    }
}
