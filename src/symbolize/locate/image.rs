//! A file's bytes, mapped, so that only the pages that are looked at are read.

use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::LocateError;

/// The bytes of a file.
#[derive(Debug)]
pub struct Image {
    path: PathBuf,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Image {
    /// Maps a regular file; reads anything else.
    pub fn open(path: &Path) -> Result<Self, LocateError> {
        let fail = |cause| LocateError::Io {
            path: path.to_owned(),
            cause,
        };
        let file = File::open(path).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        if !meta.is_file() {
            return Err(LocateError::NotAFile { path: path.to_owned() });
        }
        let bytes = if meta.len() == 0 {
            Bytes::Owned(Vec::new())
        } else {
            Bytes::Mapped(map(&file).map_err(fail)?)
        };
        Ok(Image {
            path: path.to_owned(),
            bytes,
        })
    }

    /// Bytes that were unpacked from somewhere; `path` is where they come from.
    #[must_use]
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Self {
        Image {
            path: path.to_owned(),
            bytes: Bytes::Owned(bytes),
        }
    }

    /// Where the bytes come from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Deref for Image {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

#[expect(
    unsafe_code,
    reason = "mapping a file is the only way to read 20 of its 110 MiB without asking which"
)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the mapping is private and only read. Another process that writes the file can change what is read, which
    // no reader here relies on (every access is checked again), and one that truncates it ends this process with SIGBUS,
    // as with every tool that maps binaries. Archived binaries are never written in place.
    unsafe { Mmap::map(file) }
}
