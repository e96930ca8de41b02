//! One source of a command line, opened once: a file, or a folder, tar or bundle with several.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{InputError, several_bundles};
use crate::bundle::{Contents, Record, Want, archive};
use crate::pprof::{self, Content, Limit};

/// What a path holds.
#[derive(Debug)]
pub(super) enum Source {
    /// One file that is no archive, with its bytes.
    File(PathBuf, Vec<u8>),
    /// A text that is too long to be held.
    Long(PathBuf, Box<LongText>),
    /// Several files.
    Collection(Arc<Contents>),
}

/// What is kept of a text that was read as a stream.
#[derive(Debug)]
pub(super) struct LongText {
    pub(super) read: Result<pprof::Read, pprof::ReadError>,
    /// Its size; 0 where it came from a pipe.
    pub(super) length: u64,
}

impl Source {
    /// Opens a path; `-` is standard input.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(path: &Path, limit: Limit, want: Want) -> Result<Self, InputError> {
        let fail = |cause| InputError::Io {
            name: path.display().to_string(),
            cause,
        };
        Self::open_path(path, limit, want).map_err(fail)
    }

    fn open_path(path: &Path, limit: Limit, want: Want) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            return Self::of_content(path, Content::of(io::stdin())?, 0, (limit, want), None);
        }
        let meta = fs::metadata(path)?;
        if meta.is_dir() {
            return Ok(Source::Collection(Arc::new(Contents::folder(path, limit)?)));
        }
        let mut file = File::open(path)?;
        if !meta.is_file() {
            return Self::of_content(path, Content::of(file)?, 0, (limit, want), None);
        }
        if archive::is_archive(BufReader::new(&file)) {
            let contents = Contents::archive(path, file, limit, want)?;
            return Ok(Source::Collection(Arc::new(contents)));
        }
        file.rewind()?;
        match Content::of(file)? {
            Content::Whole(bytes) => Ok(Source::File(path.to_owned(), bytes)),
            long => {
                let again = || -> io::Result<Box<dyn io::Read>> { Ok(Box::new(File::open(path)?)) };
                Self::of_content(path, long, meta.len(), (limit, want), Some(&again))
            }
        }
    }

    /// What comes only once is an archive only if its first bytes are those of one.
    fn of_content(
        path: &Path,
        content: Content,
        length: u64,
        (limit, want): (Limit, Want),
        again: Option<pprof::Again<'_>>,
    ) -> io::Result<Self> {
        Ok(match content {
            Content::Whole(bytes) if archive::is_archive(bytes.as_slice()) => {
                Source::Collection(Arc::new(Contents::bytes(path, bytes, limit, want)))
            }
            Content::Whole(bytes) => Source::File(path.to_owned(), bytes),
            Content::Long(long) => {
                let read = long.read(again)?;
                Source::Long(path.to_owned(), Box::new(LongText { read, length }))
            }
        })
    }
}

/// Opens a bundle: its files and its record. None when the path holds something else.
///
/// # Errors
/// When it cannot be read, or holds bundles and is none.
pub fn open_bundle(path: &Path, limit: Limit, want: Want) -> Result<Option<(Contents, Record)>, InputError> {
    let Source::Collection(contents) = Source::open(path, limit, want)? else {
        return Ok(None);
    };
    let record = contents.record();
    if let (None, Some(several)) = (&record, several_bundles(&contents)) {
        return Err(several);
    }
    // Nobody else has it.
    Ok(record.and_then(|record| Some((Arc::into_inner(contents)?, record))))
}

/// Reads the profile in one file, or on standard input for `-`. With `plain`, as `go tool pprof` does.
///
/// # Errors
/// When it cannot be read or is no profile.
pub fn read_profile(path: &Path, limit: Limit, plain: bool) -> Result<pprof::Read, InputError> {
    let mut bytes = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => io::stdin().lock().read_to_end(&mut bytes),
        false => File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    let name = || path.display().to_string();
    read.map_err(|cause| InputError::Io { name: name(), cause })?;
    pprof::read(bytes, limit, plain).map_err(|cause| InputError::Read { name: name(), cause })
}
