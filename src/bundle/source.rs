//! One source: its bytes, bounded, and the profile in them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::model::Profile;
use crate::pprof::{self, InflateError, Limit};

/// Why a source gives no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error("{name}: {source}")]
    Io {
        /// Path as it was given.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be unpacked.
    #[error("{name}: {source}")]
    Inflate {
        /// Path as it was given.
        name: String,
        /// Why.
        source: InflateError,
    },
    /// It is not a profile.
    #[error("{name}: {source}")]
    Decode {
        /// Path as it was given.
        name: String,
        /// Why.
        source: pprof::DecodeError,
    },
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// What the system reports.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let name = || path.display().to_string();
    let fail = |source| ReadError::Io { name: name(), source };
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

/// Reads the profile in a file.
///
/// # Errors
/// When it cannot be read or is no profile.
pub fn read_profile(path: &Path, limit: Limit) -> Result<Profile, ReadError> {
    let name = path.display().to_string();
    let packed = read_bytes(path)?;
    let bytes = pprof::inflate(&packed, limit).map_err(|source| ReadError::Inflate {
        name: name.clone(),
        source,
    })?;
    let bytes = match bytes {
        std::borrow::Cow::Borrowed(_) => packed,
        std::borrow::Cow::Owned(bytes) => {
            drop(packed);
            bytes
        }
    };
    let (profile, _) = pprof::decode(&bytes).map_err(|source| ReadError::Decode { name, source })?;
    Ok(profile)
}
