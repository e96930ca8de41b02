//! The files of a bundle or a plain collection, wherever they are: a folder, a tar (packed or not), standard input.
//!
//! A folder is listed and read when asked. An archive is opened once, read in one pass and held; what is beyond [`PLAIN`]
//! is held packed. Executables can be large: they are taken out where they are wanted, in the same pass or in a second one
//! of the same open file. A single folder around everything, as most tars have, is taken off.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use super::archive::{self, ArchiveError, Next, Odd, OddEntry};
use super::manifest::{JOURNAL, SUMMARY};
use super::names::{self, BINARIES};
use super::record::Record;
use crate::pprof::{Encoding, Limit, encoding};

/// Folders this deep are looked into.
const DEPTH: usize = 8;

/// This many bytes of an archive are held as they are. Larger ones are series, of which one snapshot at a time is looked at.
const PLAIN: usize = 64 << 20;

/// How much of an archive is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// All but executables; stops when what the manifest names is there.
    Artifacts,
    /// As [`Want::Artifacts`], and executables are taken out into files that live as long as the contents.
    Executables,
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
    /// How many files outside its one bundle are left out.
    pub(crate) beside: usize,
    /// The folder around everything that was taken off, with its `/`.
    top: String,
    files: BTreeMap<String, Held>,
    /// The archive, for executables that are wanted later.
    archive: Option<Archive>,
    /// Whether the reading stopped before the executables, which may be there.
    stopped: bool,
    limit: Limit,
}

/// An archive that was read.
#[derive(Debug)]
enum Archive {
    File(File),
    /// It came through standard input.
    Bytes(Vec<u8>),
}

#[derive(Debug)]
enum Held {
    OnDisk(PathBuf),
    Bytes(Vec<u8>),
    /// Packed for want of memory.
    Packed {
        deflated: Vec<u8>,
        bytes: u64,
    },
    /// An executable in a file of its own.
    TakenOut(TakenOut),
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
            beside: 0,
            top: String::new(),
            files: BTreeMap::new(),
            archive: None,
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

    /// Reads an archive in an open file from its start.
    ///
    /// # Errors
    /// When the file cannot be read. What is wrong inside is in [`Contents::broken`] and [`Contents::odd`].
    pub fn archive(path: &Path, mut file: File, limit: Limit, want: Want) -> io::Result<Self> {
        let length = file.metadata()?.len();
        file.rewind()?;
        let mut contents = Self::empty(path, limit);
        contents.take(BufReader::with_capacity(1 << 18, &file), length, want);
        contents.archive = Some(Archive::File(file));
        Ok(contents)
    }

    /// Reads an archive out of memory, for instance from standard input.
    pub fn bytes(name: &Path, bytes: Vec<u8>, limit: Limit, want: Want) -> Self {
        let mut contents = Self::empty(name, limit);
        contents.take(bytes.as_slice(), bytes.len() as u64, want);
        contents.archive = Some(Archive::Bytes(bytes));
        contents
    }

    fn take<'a>(&mut self, packed: impl io::BufRead + 'a, length: u64, want: Want) {
        let mut files = BTreeMap::new();
        let mut stopped = false;
        let mut plain = 0;
        let name = self.name.clone();
        let mut expected: Option<Vec<String>> = None;
        let mut executables: Vec<String> = Vec::new();
        let mut read = |path: &str, size: u64, bytes: &mut dyn io::Read| -> io::Result<Next> {
            let inside = path.split_once('/').map_or(path, |(_, rest)| rest);
            let is_binary = [path, inside]
                .iter()
                .any(|p| p.starts_with(BINARIES) && p.contains('/'));
            if is_binary {
                let done = |e: &Vec<String>| e.iter().all(|p| files.contains_key(p));
                let held = match want {
                    Want::Artifacts if expected.as_ref().is_some_and(done) => {
                        stopped = true;
                        return Ok(Next::Enough);
                    }
                    Want::Executables if executables.iter().any(|e| e == path) => {
                        let taken = TakenOut::new(&name, path, |file| io::copy(bytes, file).map(|n| n == size));
                        taken.map_or(
                            Held::Outside {
                                bytes: size,
                                sha256: None,
                            },
                            Held::TakenOut,
                        )
                    }
                    Want::Artifacts | Want::Executables => Held::Outside {
                        bytes: size,
                        sha256: None,
                    },
                    Want::Everything => Held::Outside {
                        bytes: size,
                        sha256: Some(hash(bytes, size)?),
                    },
                };
                files.insert(path.to_owned(), held);
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
            // Of several the outermost counts, else the first.
            if path == JOURNAL || (inside == JOURNAL && expected.is_none()) {
                let prefix = path.strip_suffix(JOURNAL).unwrap_or_default();
                let record = Record::of_journal(&held);
                executables = record.binaries.iter().map(|b| format!("{prefix}{}", b.path)).collect();
                let mut wanted: Vec<String> = record.artifacts().map(|a| format!("{prefix}{}", a.path)).collect();
                wanted.push(format!("{prefix}{SUMMARY}"));
                expected = Some(wanted);
            }
            plain += held.len();
            let held = if plain > PLAIN {
                packed_up(held)?
            } else {
                Held::Bytes(held)
            };
            files.insert(path.to_owned(), held);
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

    /// Goes into the bundle in a folder of it, if it is the only one: people keep a bundle in a folder with their notes.
    pub(crate) fn enter_only_bundle(&mut self) {
        let mut tops = self.files.keys().filter_map(|p| p.strip_suffix(JOURNAL));
        let (Some(top), None) = (tops.next().map(str::to_owned), tops.next()) else {
            return;
        };
        if !top.ends_with('/') {
            return;
        }
        for (path, held) in std::mem::take(&mut self.files) {
            match path.strip_prefix(&top) {
                Some(inside) => drop(self.files.insert(inside.to_owned(), held)),
                None => self.beside += usize::from(Self::counts(&path)),
            }
        }
        if self.name.is_dir() {
            self.name.push(top.trim_end_matches('/'));
        }
        self.top.push_str(&top);
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
            Held::TakenOut(taken) => fs::symlink_metadata(&taken.0).ok().map(|m| m.len()),
            Held::Bytes(bytes) => Some(bytes.len() as u64),
            Held::Packed { bytes, .. } | Held::Outside { bytes, .. } => Some(*bytes),
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
            Some(Held::Packed { deflated, bytes }) => unpacked(deflated, *bytes).map(Cow::Owned),
            Some(Held::TakenOut(_) | Held::Outside { .. }) => Err(io::ErrorKind::Unsupported.into()),
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
            Some(Held::TakenOut(_)) => Err(io::ErrorKind::Unsupported.into()),
            Some(Held::Bytes(bytes)) => Ok(names::sha256(bytes)),
            Some(Held::Packed { deflated, bytes }) => Ok(names::sha256(&unpacked(deflated, *bytes)?)),
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
            Some(Held::TakenOut(taken)) => Ok(Box::new(File::open(&taken.0)?)),
            Some(Held::Bytes(bytes)) => Ok(Box::new(bytes.as_slice())),
            Some(Held::Packed { deflated, bytes }) => Ok(Box::new(io::Cursor::new(unpacked(deflated, *bytes)?))),
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
            Some(Held::TakenOut(taken)) => io::copy(&mut File::open(&taken.0)?, to).map(drop),
            Some(Held::Bytes(bytes)) => to.write_all(bytes),
            Some(Held::Packed { deflated, bytes }) => to.write_all(&unpacked(deflated, *bytes)?),
            None | Some(Held::Outside { .. }) => match &self.archive {
                Some(Archive::Bytes(bytes)) => self.copy_out(bytes.as_slice(), bytes.len() as u64, path, to),
                Some(Archive::File(file)) => {
                    let mut file: &File = file;
                    let length = file.metadata()?.len();
                    file.rewind()?;
                    self.copy_out(BufReader::with_capacity(1 << 18, file), length, path, to)
                }
                None => Err(io::ErrorKind::NotFound.into()),
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
            Held::OnDisk(path) | Held::TakenOut(TakenOut(path)) => Some(path),
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

/// Packs what is not packed yet.
fn packed_up(bytes: Vec<u8>) -> io::Result<Held> {
    if encoding(&bytes) != Encoding::Raw {
        return Ok(Held::Bytes(bytes));
    }
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes)?;
    Ok(Held::Packed {
        deflated: packer.finish()?,
        bytes: bytes.len() as u64,
    })
}

fn unpacked(deflated: &[u8], bytes: u64) -> io::Result<Vec<u8>> {
    let mut all = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    flate2::read::DeflateDecoder::new(deflated).read_to_end(&mut all)?;
    Ok(all)
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

/// A file of an archive in a temporary file.
#[derive(Debug)]
struct TakenOut(PathBuf);

impl TakenOut {
    /// `fill` says whether it wrote all of it.
    fn new(archive: &Path, path: &str, fill: impl FnOnce(&mut File) -> io::Result<bool>) -> io::Result<Self> {
        let name = path.rsplit('/').next().unwrap_or("binary");
        let mark = names::hex(&Sha256::digest(format!("{}{path}", archive.display()))[..4]);
        let to = std::env::temp_dir().join(format!("kubeprof-{}-{mark}-{name}", std::process::id()));
        let mut file = File::create_new(&to)?;
        let taken = TakenOut(to);
        if !fill(&mut file)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.flush()?;
        Ok(taken)
    }
}

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
        TakenOut::new(&self.contents.name, &self.path, |file| {
            self.contents.copy(&self.path, file).map(|()| true)
        })
    }
}
