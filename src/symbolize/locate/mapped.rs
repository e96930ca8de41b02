//! A binary mapped into memory, with its debug file where there is one.

use std::path::{Path, PathBuf};

use super::search::debug_files;
use super::{Image, LocateError};
use crate::symbolize::archive::{ArchiveError, open_image};
use crate::symbolize::buildid::BuildIds;
use crate::symbolize::elf::Elf;
use crate::symbolize::{Binary, BinaryError};

/// Where distributions put debug information.
pub const SYSTEM_DEBUG: &str = "/usr/lib/debug";

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MappedError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] ArchiveError),
    /// Its debug file cannot be opened.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// It is no binary.
    #[error("{}: {cause}", path.display())]
    Binary {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: BinaryError,
    },
    /// The debug file is of another build.
    #[error("{}: its build ID is {found}, that of the binary {wanted}", path.display())]
    OtherDebugFile {
        /// The debug file.
        path: PathBuf,
        /// Its build ID.
        found: String,
        /// That of the binary.
        wanted: String,
    },
}

impl MappedError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Open(cause) => cause.hint(),
            Self::Locate(cause) => cause.hint(),
            Self::Binary { cause, .. } => cause.hint(),
            Self::OtherDebugFile { .. } => Some("the debug file is of another build"),
        }
    }
}

/// A mapped binary and, where there is one, its debug file.
#[derive(Debug)]
pub struct MappedBinary {
    image: Image,
    debug: Option<Image>,
}

fn elf<'a>(image: &'a Image, path: &Path) -> Result<Elf<'a>, MappedError> {
    Elf::parse(image).map_err(|cause| MappedError::Binary {
        path: path.to_owned(),
        cause,
    })
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

impl MappedBinary {
    /// Opens a binary and looks for its debug information in the folders `roots`: by build ID, and as its `.gnu_debuglink`
    /// says. It counts only when the build IDs are the same or, where there is none, the checksum is that of the link.
    ///
    /// # Errors
    /// When it cannot be opened or is no binary.
    pub fn open(path: &Path, roots: &[PathBuf]) -> Result<Self, MappedError> {
        let image = open_image(path)?;
        let elf = elf(&image, path)?;
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
        Ok(Self { image, debug })
    }

    /// The same with the system's folders of debug information.
    ///
    /// # Errors
    /// As for [`MappedBinary::open`].
    pub fn here(path: &Path) -> Result<Self, MappedError> {
        Self::open(path, &[PathBuf::from(SYSTEM_DEBUG)])
    }

    /// Uses this debug file.
    ///
    /// # Errors
    /// When it cannot be opened, or its build ID is another.
    pub fn with_debug_file(mut self, path: &Path) -> Result<Self, MappedError> {
        let debug = Image::open(path)?;
        let wanted = BuildIds::read(&elf(&self.image, self.image.path())?).gnu;
        let found = BuildIds::read(&elf(&debug, path)?).gnu;
        if let (Some(wanted), Some(found)) = (wanted, found)
            && wanted != found
        {
            return Err(MappedError::OtherDebugFile {
                path: path.to_owned(),
                found: found.to_string(),
                wanted: wanted.to_string(),
            });
        }
        self.debug = Some(debug);
        Ok(self)
    }

    /// Its tables.
    ///
    /// # Errors
    /// When it is no binary.
    pub fn binary(&self) -> Result<Binary<'_>, MappedError> {
        let binary = Binary::parse(&self.image).map_err(|cause| MappedError::Binary {
            path: self.image.path().to_owned(),
            cause,
        })?;
        Ok(match &self.debug {
            Some(debug) => binary.with_debug_file(debug),
            None => binary,
        })
    }
}
