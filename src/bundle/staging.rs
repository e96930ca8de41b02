//! A folder that appears whole or not at all: made under another name beside its place, then renamed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::WriteError;
use super::contents::Contents;
use super::disk::{create_new, create_root, folders};
use super::hashed::Hashed;
use super::manifest::{Entry, JOURNAL};
use super::names;
use super::record::Record;
use super::writer::write_summary;
use crate::atomic::Part;

/// A folder on its way. Dropped, it is gone.
pub(super) struct Staging {
    part: Part,
    place: PathBuf,
}

fn at(path: &Path) -> impl Fn(io::Error) -> WriteError {
    move |cause| WriteError::Io {
        path: path.to_owned(),
        cause,
    }
}

impl Staging {
    /// Begins a folder at a place where nothing is.
    pub(super) fn begin(place: &Path) -> Result<Self, WriteError> {
        if fs::symlink_metadata(place).is_ok() {
            return Err(WriteError::Taken(place.to_owned()));
        }
        if place.file_name().is_none() {
            return Err(WriteError::Name(place.display().to_string()));
        }
        let part = Part::beside(place).map_err(at(place))?;
        create_root(part.path()).map_err(at(part.path()))?;
        Ok(Self {
            part,
            place: place.to_owned(),
        })
    }

    /// Writes a file; `path` must be safe.
    pub(super) fn write(&self, path: &str, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), WriteError> {
        if !names::is_safe_path(path) {
            return Err(WriteError::Name(path.to_owned()));
        }
        let file = self.part.path().join(path);
        folders(self.part.path(), path)?;
        let write = || -> io::Result<()> {
            let mut file = create_new(&file)?;
            fill(&mut file)?;
            file.sync_all()
        };
        write().map_err(at(&file))
    }

    /// Copies a file of a bundle; SHA-256 of what was copied. `to` must be safe.
    pub(super) fn copy(&self, contents: &Contents, from: &str, to: &str) -> Result<String, WriteError> {
        let mut sha256 = String::new();
        self.write(to, |file| {
            let mut hashed = Hashed::new(file);
            contents.copy(from, &mut hashed)?;
            sha256 = hashed.sha256();
            Ok(())
        })?;
        Ok(sha256)
    }

    /// Writes a journal and its summary.
    pub(super) fn journal(&self, entries: &[Entry]) -> Result<Record, WriteError> {
        let mut journal = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut journal, entry).map_err(|e| at(self.part.path())(e.into()))?;
            journal.push(b'\n');
        }
        self.write(JOURNAL, |f| f.write_all(&journal))?;
        let record = Record::of_journal(&journal);
        write_summary(self.part.path(), &record)?;
        Ok(record)
    }

    /// Puts it in its place.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        if fs::symlink_metadata(&self.place).is_ok() {
            return Err(WriteError::Taken(self.place));
        }
        self.part.finish().map_err(at(&self.place))
    }
}
