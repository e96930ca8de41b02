//! Files that a kubeconfig or a flag names: certificates, keys, tokens and kubeconfigs are small, and a device is none of them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// Largest file that is read.
const MOST: u64 = 8 << 20;

/// Whether a file may be read whole, by whomever.
///
/// # Errors
/// When it is a device, a folder or larger than any of its kind, or cannot be looked at.
pub(super) fn check(path: &Path) -> io::Result<()> {
    let found = std::fs::metadata(path)?;
    let kind = found.file_type();
    if kind.is_char_device() && path != Path::new("/dev/stdin") && path != Path::new("/dev/null")
        || kind.is_block_device()
    {
        return Err(io::Error::other("it is a device"));
    }
    if found.len() > MOST {
        return Err(io::Error::other(format!("it is larger than {} MB", MOST >> 20)));
    }
    Ok(())
}

/// Reads a file.
///
/// # Errors
/// As [`check`], and when it cannot be read.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    check(path)?;
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()).is_ok_and(|n| n <= MOST) {
        true => Ok(bytes),
        false => Err(io::Error::other(format!("it is larger than {} MB", MOST >> 20))),
    }
}
