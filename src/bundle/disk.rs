//! Files and folders of a bundle that is written to: made where nothing is, never through a link, for their owner only.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::WriteError;
use super::names::{self, PART};

/// An error about a file.
pub(super) fn io_at(path: &Path) -> impl Fn(io::Error) -> WriteError + use<> {
    let path = path.to_owned();
    move |cause| WriteError::Io {
        path: path.clone(),
        cause,
    }
}

/// Makes names in a folder last. Some file systems cannot and need not.
pub(super) fn sync_folder(folder: &Path) -> Result<(), WriteError> {
    match File::open(folder).and_then(|f| f.sync_all()) {
        Err(e) if matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            Err(io_at(folder)(e))
        }
        _ => Ok(()),
    }
}

pub(super) fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_file())
}

/// Refuses a bundle in which anything is neither a file nor a folder.
pub(super) fn refuse_links(folder: &Path, depth: usize) -> Result<(), WriteError> {
    for entry in fs::read_dir(folder).map_err(io_at(folder))? {
        let entry = entry.map_err(io_at(folder))?;
        let kind = entry.file_type().map_err(io_at(&entry.path()))?;
        if kind.is_dir() && depth > 0 {
            refuse_links(&entry.path(), depth - 1)?;
        } else if !kind.is_file() && !kind.is_dir() {
            return Err(WriteError::Link(entry.path()));
        }
    }
    Ok(())
}

/// Makes the folders of a path inside of a bundle, none of which may be a link.
pub(super) fn folders(root: &Path, path: &str) -> Result<(), WriteError> {
    let mut folder = root.to_owned();
    let parents = path.rsplit_once('/').map_or("", |(parents, _)| parents);
    for part in parents.split('/').filter(|p| !p.is_empty()) {
        folder.push(part);
        match fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(WriteError::Link(folder)),
            Err(_) => match private_folder(&folder) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.map_err(io_at(&folder))?,
            },
        }
    }
    Ok(())
}

/// A folder for its owner only: a bundle holds what a cluster says of itself.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// The folder of a bundle; those around it are made as usual, and one that is there stays as it is.
pub(super) fn create_root(root: &Path) -> io::Result<()> {
    if let Some(parent) = root.parent().filter(|p| !p.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    match private_folder(root) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && root.is_dir() => Ok(()),
        made => made,
    }
}

/// A file where nothing is, not even a link, for its owner only.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// SHA-256 of a file in lowercase hex.
pub(super) fn hash_of(path: &Path) -> Result<String, WriteError> {
    let mut file = File::open(path).map_err(io_at(path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut buffer) {
            Ok(0) => return Ok(names::hex(&hash.finalize())),
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(io_at(path)(e)),
        }
    }
}

pub(super) fn remove_parts(
    root: &Path,
    folder: &Path,
    depth: usize,
    removed: &mut Vec<String>,
) -> Result<(), WriteError> {
    for entry in fs::read_dir(folder).map_err(io_at(folder))?.filter_map(Result::ok) {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            remove_parts(root, &path, depth - 1, removed)?;
        } else if kind.is_file() && path.extension().is_some_and(|e| e == &PART[1..]) {
            fs::remove_file(&path).map_err(io_at(&path))?;
            removed.push(path.strip_prefix(root).unwrap_or(&path).display().to_string());
        }
    }
    removed.sort();
    Ok(())
}
