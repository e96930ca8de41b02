//! The files of a bundle or a plain collection, wherever they are: a folder, a tar (packed or not), standard input.
//!
//! A folder is listed and read when asked. An archive is read once and held, without its executables, which can be large
//! and are taken out one by one when they are wanted. A single folder around everything, as most tars have, is taken off.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use super::archive::{self, ArchiveError, Next, Odd, OddEntry};
use super::manifest::{JOURNAL, SUMMARY};
use super::names::{self, BINARIES};
use super::record::Record;
use crate::pprof::Limit;

/// Folders this deep are looked into.
const DEPTH: usize = 8;

/// How much of an archive is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// All but executables; stops when what the manifest names is there.
    Artifacts,
    /// Everything; executables are hashed.
    Everything,
}

/// The files of a bundle or a plain collection.
#[derive(Debug)]
pub struct Contents {
    /// As it was named on the command line.
    pub name: PathBuf,
    /// Entries that are left out.
    pub odd: Vec<Odd>,
    /// Why an archive ends early.
    pub broken: Option<ArchiveError>,
    /// The folder around everything that was taken off, with its `/`.
    top: String,
    files: BTreeMap<String, Held>,
    /// Bytes of an archive that came through standard input.
    packed: Option<Arc<Vec<u8>>>,
    /// Whether the reading stopped before the executables, which may be there.
    stopped: bool,
    limit: Limit,
}

#[derive(Debug)]
enum Held {
    OnDisk(PathBuf),
    Bytes(Vec<u8>),
    /// In the archive, not held.
    Outside {
        bytes: u64,
        sha256: Option<String>,
    },
}

impl Contents {
    /// Lists a folder.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn folder(path: &Path, limit: Limit) -> io::Result<Self> {
        let mut contents = Self::empty(path, limit);
        contents.list(path, "", DEPTH)?;
        Ok(contents)
    }

    /// Whether a file of a plain collection is looked at: not hidden, not of an unfinished download.
    pub(crate) fn counts(file: &str) -> bool {
        !file.split('/').any(|part| part.starts_with('.')) && !file.ends_with(".part")
    }

    fn empty(name: &Path, limit: Limit) -> Self {
        Self {
            name: name.to_owned(),
            odd: Vec::new(),
            broken: None,
            top: String::new(),
            files: BTreeMap::new(),
            packed: None,
            stopped: false,
            limit,
        }
    }

    fn list(&mut self, folder: &Path, prefix: &str, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_dir() && depth > 0 {
                self.list(&entry.path(), &format!("{path}/"), depth - 1)?;
            } else if kind.is_file() {
                self.files.insert(path, Held::OnDisk(entry.path()));
            } else {
                let why = match kind {
                    k if k.is_symlink() => OddEntry::Link,
                    k if k.is_dir() => OddEntry::Name,
                    _ => OddEntry::Special,
                };
                let path = archive::shown(path.as_bytes());
                self.odd.push(Odd { path, why });
            }
        }
        Ok(())
    }

    /// Reads an archive in a file.
    ///
    /// # Errors
    /// When the file cannot be opened. What is wrong inside is in [`Contents::broken`] and [`Contents::odd`].
    pub fn archive(path: &Path, limit: Limit, want: Want) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut contents = Self::empty(path, limit);
        contents.take(BufReader::with_capacity(1 << 18, file), length, want);
        Ok(contents)
    }

    /// Reads an archive out of memory, for instance from standard input.
    pub fn bytes(name: &Path, bytes: Vec<u8>, limit: Limit, want: Want) -> Self {
        let mut contents = Self::empty(name, limit);
        let bytes = Arc::new(bytes);
        contents.take(bytes.as_slice(), bytes.len() as u64, want);
        contents.packed = Some(bytes);
        contents
    }

    fn take<'a>(&mut self, packed: impl io::BufRead + 'a, length: u64, want: Want) {
        let mut files = BTreeMap::new();
        let mut stopped = false;
        let mut expected: Option<Vec<String>> = None;
        let mut read = |path: &str, size: u64, bytes: &mut dyn io::Read| -> io::Result<Next> {
            let inside = path.split_once('/').map_or(path, |(_, rest)| rest);
            let is_binary = [path, inside]
                .iter()
                .any(|p| p.starts_with(BINARIES) && p.contains('/'));
            if is_binary {
                let done = |e: &Vec<String>| e.iter().all(|p| files.contains_key(p));
                if want == Want::Artifacts && expected.as_ref().is_some_and(done) {
                    stopped = true;
                    return Ok(Next::Enough);
                }
                let sha256 = match want {
                    Want::Artifacts => None,
                    Want::Everything => Some(hash(bytes, size)?),
                };
                files.insert(path.to_owned(), Held::Outside { bytes: size, sha256 });
                return Ok(Next::More);
            }
            let mut held = Vec::with_capacity(usize::try_from(size.min(1 << 20)).unwrap_or(0));
            bytes.read_to_end(&mut held)?;
            if held.len() as u64 != size {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("{} ends early", archive::shown(path.as_bytes())),
                ));
            }
            if path == JOURNAL || inside == JOURNAL {
                let prefix = path.strip_suffix(JOURNAL).unwrap_or_default();
                let record = Record::of_journal(&held);
                let mut wanted: Vec<String> = record.artifacts().map(|a| format!("{prefix}{}", a.path)).collect();
                wanted.push(format!("{prefix}{SUMMARY}"));
                expected = Some(wanted);
            }
            files.insert(path.to_owned(), Held::Bytes(held));
            Ok(Next::More)
        };
        let walked = archive::walk(packed, length, self.limit, &mut read);
        self.odd = walked.odd;
        self.broken = walked.broken;
        self.files = files;
        self.stopped = stopped;
        self.take_top_off();
    }

    /// `x/manifest.jsonl` and everything else below `x/` too: that is the bundle.
    fn take_top_off(&mut self) {
        if self.files.contains_key(JOURNAL) {
            return;
        }
        let top = self
            .files
            .keys()
            .find_map(|p| p.strip_suffix(JOURNAL).filter(|t| t.matches('/').count() == 1));
        let Some(top) = top.map(str::to_owned) else { return };
        if self.files.keys().all(|p| p.starts_with(&top)) {
            let files = std::mem::take(&mut self.files);
            self.files = files
                .into_iter()
                .map(|(p, held)| (p[top.len()..].to_owned(), held))
                .collect();
            self.top = top;
        }
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether there is such a file.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Size of a file.
    pub fn size(&self, path: &str) -> Option<u64> {
        match self.files.get(path)? {
            Held::OnDisk(path) => fs::symlink_metadata(path).ok().map(|m| m.len()),
            Held::Bytes(bytes) => Some(bytes.len() as u64),
            Held::Outside { bytes, .. } => Some(*bytes),
        }
    }

    /// The bytes of a file that is no executable in an archive.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn get(&self, path: &str) -> io::Result<Cow<'_, [u8]>> {
        match self.files.get(path) {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(Held::OnDisk(path)) => fs::read(path).map(Cow::Owned),
            Some(Held::Bytes(bytes)) => Ok(Cow::Borrowed(bytes)),
            Some(Held::Outside { .. }) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// SHA-256 of a file in lowercase hex.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or was not read for want of [`Want::Everything`].
    pub fn sha256(&self, path: &str) -> io::Result<String> {
        match self.files.get(path) {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(Held::OnDisk(path)) => {
                let mut file = File::open(path)?;
                let size = file.metadata()?.len();
                hash(&mut file, size)
            }
            Some(Held::Bytes(bytes)) => Ok(names::hex(&Sha256::digest(bytes))),
            Some(Held::Outside { sha256, .. }) => sha256.clone().ok_or_else(|| io::ErrorKind::Unsupported.into()),
        }
    }

    /// A reader of a file. An executable out of an archive is read into memory.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn open(&self, path: &str) -> io::Result<Box<dyn io::Read + '_>> {
        match self.files.get(path) {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(Held::OnDisk(path)) => Ok(Box::new(File::open(path)?)),
            Some(Held::Bytes(bytes)) => Ok(Box::new(bytes.as_slice())),
            Some(Held::Outside { .. }) => {
                let mut bytes = Vec::new();
                self.copy(path, &mut bytes)?;
                Ok(Box::new(io::Cursor::new(bytes)))
            }
        }
    }

    /// Writes a file of any kind to `to`.
    ///
    /// # Errors
    /// When it is not there, or cannot be read or written.
    pub fn copy(&self, path: &str, to: &mut dyn io::Write) -> io::Result<()> {
        match self.files.get(path) {
            None if !self.stopped => Err(io::ErrorKind::NotFound.into()),
            Some(Held::OnDisk(path)) => io::copy(&mut File::open(path)?, to).map(drop),
            Some(Held::Bytes(bytes)) => to.write_all(bytes),
            None | Some(Held::Outside { .. }) => match &self.packed {
                Some(bytes) => self.copy_out(bytes.as_slice(), bytes.len() as u64, path, to),
                None => {
                    let file = File::open(&self.name)?;
                    let length = file.metadata()?.len();
                    self.copy_out(BufReader::with_capacity(1 << 18, file), length, path, to)
                }
            },
        }
    }

    fn copy_out<'a>(
        &self,
        packed: impl io::BufRead + 'a,
        length: u64,
        path: &str,
        to: &mut dyn io::Write,
    ) -> io::Result<()> {
        let wanted = format!("{}{path}", self.top);
        let mut found = false;
        let mut each = |path: &str, size: u64, bytes: &mut dyn io::Read| -> io::Result<Next> {
            if path != wanted {
                return Ok(Next::More);
            }
            if io::copy(bytes, to)? != size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            found = true;
            Ok(Next::Enough)
        };
        let walked = archive::walk(packed, length, self.limit, &mut each);
        match walked.broken {
            Some(e) if !found => Err(io::Error::other(e.to_string())),
            _ if found => Ok(()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Where a file is on disk, if it is.
    fn on_disk(&self, path: &str) -> Option<&Path> {
        match self.files.get(path)? {
            Held::OnDisk(path) => Some(path),
            _ => None,
        }
    }

    /// The record, where this is a bundle.
    pub fn record(&self) -> Option<Record> {
        self.get(JOURNAL).ok().map(|bytes| Record::of_journal(&bytes))
    }

    /// The executables that the record names and that are there.
    pub fn binaries(self: &Arc<Self>, record: &Record) -> Vec<BundledBinary> {
        let there = record.binaries.iter().filter(|b| self.stopped || self.has(&b.path));
        there
            .map(|b| BundledBinary {
                build_id: b.build_id.clone(),
                path: b.path.clone(),
                contents: self.clone(),
                taken_out: Arc::default(),
            })
            .collect()
    }
}

fn hash(bytes: &mut dyn io::Read, size: u64) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) if total == size => return Ok(names::hex(&hash.finalize())),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                hash.update(&buffer[..n]);
                total += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// An executable in a bundle. Out of an archive it is taken when it is asked for, and removed when this is dropped.
#[derive(Clone, Debug)]
pub struct BundledBinary {
    /// Its build ID, `""` when it has none.
    pub build_id: String,
    path: String,
    contents: Arc<Contents>,
    taken_out: Arc<OnceLock<Option<TakenOut>>>,
}

#[derive(Debug)]
struct TakenOut(PathBuf);

impl Drop for TakenOut {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl BundledBinary {
    /// A file that holds it; none when it cannot be taken out.
    pub fn file(&self) -> Option<PathBuf> {
        if let Some(path) = self.contents.on_disk(&self.path) {
            return Some(path.to_owned());
        }
        let taken = self.taken_out.get_or_init(|| self.take_out().ok());
        taken.as_ref().map(|t| t.0.clone())
    }

    fn take_out(&self) -> io::Result<TakenOut> {
        let name = self.path.rsplit('/').next().unwrap_or("binary");
        let mark = names::hex(&Sha256::digest(format!("{}{}", self.contents.name.display(), self.path))[..4]);
        let path = std::env::temp_dir().join(format!("kubeprof-{}-{mark}-{name}", std::process::id()));
        let mut file = File::create_new(&path)?;
        let taken = TakenOut(path);
        self.contents.copy(&self.path, &mut file)?;
        file.flush()?;
        Ok(taken)
    }
}
