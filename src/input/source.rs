//! One source of a command line, opened once: a file, or a folder, tar or bundle with several.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::InputError;
use crate::bundle::{Contents, Record, Want, archive};
use crate::pprof::{self, Limit};

/// What a path holds.
#[derive(Debug)]
pub(super) enum Source {
    /// One file that is no archive, with its bytes.
    File(PathBuf, Vec<u8>),
    /// Several files.
    Collection(Arc<Contents>),
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
        let mut bytes = Vec::new();
        if path.as_os_str() == "-" {
            io::stdin().lock().read_to_end(&mut bytes)?;
        } else {
            let meta = fs::metadata(path)?;
            if meta.is_dir() {
                return Ok(Source::Collection(Arc::new(Contents::folder(path, limit)?)));
            }
            let mut file = File::open(path)?;
            if meta.is_file() {
                if archive::is_archive(BufReader::new(&file)) {
                    let contents = Contents::archive(path, file, limit, want)?;
                    return Ok(Source::Collection(Arc::new(contents)));
                }
                file.rewind()?;
                // A hint only: files of /proc claim 0.
                bytes.reserve(usize::try_from(meta.len()).unwrap_or(0).saturating_add(1).min(1 << 32));
                file.read_to_end(&mut bytes)?;
                return Ok(Source::File(path.to_owned(), bytes));
            }
            file.read_to_end(&mut bytes)?;
        }
        // What can be read only once is an archive only if its first bytes are those of one.
        Ok(match archive::is_archive(bytes.as_slice()) {
            true => Source::Collection(Arc::new(Contents::bytes(path, bytes, limit, want))),
            false => Source::File(path.to_owned(), bytes),
        })
    }
}

/// Opens a bundle: its files and its record. None when the path holds something else.
///
/// # Errors
/// When it cannot be read.
pub fn open_bundle(path: &Path, limit: Limit, want: Want) -> Result<Option<(Contents, Record)>, InputError> {
    let Source::Collection(contents) = Source::open(path, limit, want)? else {
        return Ok(None);
    };
    let record = contents.record();
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
