//! Tars, packed or not: what is in them, read so that nothing in them can do harm.
//!
//! An archive is untrusted. Only regular files with plain relative paths are handed out; links, devices, sparse files,
//! paths that lead outside and second files of one name are left out and named ([`Odd`]). What a packed archive may unpack
//! to is bounded, and so is the number of its entries. Nothing here writes a file.

use std::collections::BTreeSet;
use std::io::{self, Read};

use tar::EntryType;

use crate::pprof::{Encoding, Frames, Limit, encoding};

/// More entries than this are not read.
const MAX_ENTRIES: usize = 200_000;

/// Paths longer than this, or deeper than [`MAX_DEPTH`], are absurd.
const MAX_PATH: usize = 1024;
const MAX_DEPTH: usize = 24;

/// An entry that was left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Odd {
    /// Its path, bad UTF-8 and control characters replaced.
    pub path: String,
    /// Why.
    pub why: OddEntry,
}

/// Why an entry is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OddEntry {
    /// A symbolic or hard link.
    Link,
    /// A device, a pipe or another special file.
    Special,
    /// An absolute path, or one with `..`.
    Outside,
    /// A name that is no UTF-8, holds control characters, or is too long or too deep.
    Name,
    /// A second file of the same name, upper and lower case taken as equal.
    Duplicate,
    /// A file where the archive has a folder, or a path below one of its files.
    Clash,
    /// A file with holes: small in the archive, of any size outside.
    Sparse,
    /// Bytes behind the end: garbage, or a second archive that other tools may read.
    Trailing,
}

impl std::fmt::Display for OddEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            OddEntry::Link => "a link",
            OddEntry::Special => "a device or another special file",
            OddEntry::Outside => "a path that leads outside",
            OddEntry::Name => "a name that no file should have",
            OddEntry::Duplicate => "a second file of this name",
            OddEntry::Clash => "a file and a folder of one name",
            OddEntry::Sparse => "a sparse file",
            OddEntry::Trailing => "more bytes after the end of the archive, not part of it",
        })
    }
}

/// Why the rest of an archive cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It unpacks to too much.
    #[error("the archive unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// It has too many entries.
    #[error("the archive has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// It is cut or damaged.
    #[error("the archive is cut or damaged after {files} files: {cause}")]
    Damaged {
        /// Files before the damage.
        files: usize,
        /// What is wrong.
        cause: String,
    },
}

impl ArchiveError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::TooLarge(_)).then_some("raise the limit if you trust it")
    }
}

/// Whether the first bytes of a file, unpacked, are those of a tar.
fn starts_tar(block: &[u8]) -> bool {
    if block.get(257..262) == Some(b"ustar") {
        return true;
    }
    // Tars from before POSIX have no magic; their checksum tells.
    let Some(block) = block.get(..512).filter(|b| b[0] != 0) else {
        return false;
    };
    let text = std::str::from_utf8(&block[148..156]).unwrap_or_default();
    let claimed = u32::from_str_radix(text.trim_matches(['\0', ' ']), 8);
    let sum: u32 = block
        .iter()
        .enumerate()
        .map(|(i, &b)| if (148..156).contains(&i) { 32 } else { u32::from(b) })
        .sum();
    claimed == Ok(sum)
}

/// Whether this is a tar, packed by gzip or zstd or not. No more is read than that takes: of zstd a window, which may be
/// megabytes.
pub fn is_archive(packed: impl io::BufRead) -> bool {
    let mut block = [0; 512];
    let Ok(mut reader) = unpacked(packed) else {
        return false;
    };
    let mut filled = 0;
    while filled < block.len() {
        match reader.read(&mut block[filled..]) {
            Ok(0) | Err(_) => break,
            Ok(n) => filled += n,
        }
    }
    starts_tar(&block[..filled])
}

/// A reader of the unpacked bytes.
fn unpacked<'a>(mut packed: impl io::BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let start = packed.fill_buf()?;
    Ok(match encoding(start) {
        Encoding::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        Encoding::Zstd => Box::new(Frames::new(packed)),
        Encoding::Raw => Box::new(packed),
    })
}

/// Reads no more than it may.
struct Ceiling<R> {
    inner: R,
    left: u64,
}

/// The words by which [`walk`] knows its own refusal again.
#[derive(Debug, thiserror::Error)]
#[error("too large")]
struct TooLarge;

impl<R: Read> Read for Ceiling<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(n as u64)
            .ok_or_else(|| io::Error::other(TooLarge))?;
        Ok(n)
    }
}

/// What [`walk`] is to do after a file.
pub(super) enum Next {
    /// Go on.
    More,
    /// That was all that is wanted.
    Enough,
}

/// An archive that was walked through.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) odd: Vec<Odd>,
    pub(super) broken: Option<ArchiveError>,
}

/// Hands out every sound file of the archive: path, size, bytes. `packed_len` is the size of the archive as it is.
pub(super) fn walk<'a>(
    packed: impl io::BufRead + 'a,
    packed_len: u64,
    limit: Limit,
    each: &mut dyn FnMut(&str, u64, &mut dyn Read) -> io::Result<Next>,
) -> Walked {
    let mut walked = Walked::default();
    let ceiling = limit
        .bytes(usize::try_from(packed_len).unwrap_or(usize::MAX))
        .max(match limit {
            // What is not packed is as large as it is.
            Limit::Proportional => packed_len.saturating_add(1 << 20),
            Limit::Bytes(_) => 0,
        });
    let mut files = 0;
    let at_most = (ceiling, MAX_ENTRIES);
    if let Err(e) = entries(packed, at_most, &mut walked, &mut files, each) {
        let too_large = e.get_ref().is_some_and(contains_too_large);
        walked.broken = Some(if too_large {
            ArchiveError::TooLarge(ceiling)
        } else if e.kind() == io::ErrorKind::QuotaExceeded {
            ArchiveError::TooMany
        } else {
            ArchiveError::Damaged {
                files,
                cause: e.to_string(),
            }
        });
    }
    walked
}

fn contains_too_large(e: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let mut at: Option<&(dyn std::error::Error + 'static)> = Some(e);
    while let Some(error) = at {
        if error.is::<TooLarge>() {
            return true;
        }
        let inner = error.downcast_ref::<io::Error>().and_then(|e| e.get_ref());
        at = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

fn entries<'a>(
    packed: impl io::BufRead + 'a,
    (ceiling, at_most): (u64, usize),
    walked: &mut Walked,
    files: &mut usize,
    each: &mut dyn FnMut(&str, u64, &mut dyn Read) -> io::Result<Next>,
) -> io::Result<()> {
    let inner = unpacked(packed)?;
    let mut tar = tar::Archive::new(Ceiling { inner, left: ceiling });
    if !each_entry(&mut tar, at_most, walked, files, each)? {
        return Ok(());
    }
    if is_more(&mut tar.into_inner()) {
        walked.odd.push(Odd {
            path: "(end)".to_owned(),
            why: OddEntry::Trailing,
        });
    }
    Ok(())
}

/// Whether anything but zeros, with which tars are filled up, is behind the end; and be it what cannot be unpacked.
fn is_more(rest: &mut impl Read) -> bool {
    let mut block = [0; 8192];
    loop {
        match rest.read(&mut block) {
            Ok(0) => return false,
            Ok(n) if block[..n].iter().all(|&b| b == 0) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return true,
        }
    }
}

/// Says whether it came to the end.
fn each_entry(
    tar: &mut tar::Archive<impl Read>,
    at_most: usize,
    walked: &mut Walked,
    files: &mut usize,
    each: &mut dyn FnMut(&str, u64, &mut dyn Read) -> io::Result<Next>,
) -> io::Result<bool> {
    let mut seen = Seen::default();
    for (n, entry) in tar.entries()?.enumerate() {
        if n >= at_most {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let mut entry = entry?;
        let bytes = entry.path_bytes().into_owned();
        let why = match entry.header().entry_type() {
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::Symlink | EntryType::Link => Some(OddEntry::Link),
            EntryType::GNUSparse => Some(OddEntry::Sparse),
            _ if is_sparse(&mut entry) => Some(OddEntry::Sparse),
            EntryType::Regular | EntryType::Continuous => None,
            _ => Some(OddEntry::Special),
        };
        let path = match why {
            Some(why) => Err(why),
            None => sound_path(&bytes),
        };
        let path = path.and_then(|p| seen.insert(&p).map(|()| p));
        match path {
            Ok(path) => {
                let size = entry.size();
                let next = each(&path, size, &mut entry)?;
                // A tar cut in a file ends without a word.
                *files += 1;
                if matches!(next, Next::Enough) {
                    return Ok(false);
                }
            }
            Err(why) => walked.odd.push(Odd {
                path: shown(&bytes),
                why,
            }),
        }
    }
    Ok(true)
}

/// Whether pax records say that it has holes, as GNU tar writes since POSIX.
fn is_sparse(entry: &mut tar::Entry<'_, impl Read>) -> bool {
    let records = entry.pax_extensions().ok().flatten();
    records.is_some_and(|mut r| r.any(|r| r.is_ok_and(|r| r.key_bytes().starts_with(b"GNU.sparse."))))
}

/// Files and the folders that they are in, upper and lower case taken as equal.
#[derive(Default)]
struct Seen {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Seen {
    fn insert(&mut self, path: &str) -> Result<(), OddEntry> {
        let path = path.to_lowercase();
        if self.files.contains(&path) {
            return Err(OddEntry::Duplicate);
        }
        let folders = || path.match_indices('/').map(|(at, _)| &path[..at]);
        if self.folders.contains(&path) || folders().any(|f| self.files.contains(f)) {
            return Err(OddEntry::Clash);
        }
        for folder in folders().filter(|f| !self.folders.contains(*f)).collect::<Vec<_>>() {
            self.folders.insert(folder.to_owned());
        }
        self.files.insert(path);
        Ok(())
    }
}

/// A path for people.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// The path of an entry, where it stays inside.
fn sound_path(bytes: &[u8]) -> Result<String, OddEntry> {
    let path = std::str::from_utf8(bytes).map_err(|_| OddEntry::Name)?;
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    if path.starts_with('/') || path.starts_with('\\') || path.split(['/', '\\']).any(|p| p == "..") {
        return Err(OddEntry::Outside);
    }
    let fits = path.len() <= MAX_PATH && path.split('/').count() <= MAX_DEPTH;
    let parts = path.split('/').all(|p| !p.is_empty() && p != ".");
    if !fits || !parts || path.chars().any(char::is_control) || path.contains(['\\', '\u{202e}']) {
        return Err(OddEntry::Name);
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_of(files: usize) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for i in 0..files {
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            tar.append_data(&mut header, format!("{i}"), io::empty())
                .expect("memory");
        }
        tar.into_inner().expect("memory")
    }

    /// One file more than may be is one too many; empty ones count.
    #[test]
    fn entries_are_counted() {
        for (files, fits) in [(0, true), (4, true), (5, true), (6, false)] {
            let (mut walked, mut count) = (Walked::default(), 0);
            let mut each = |_: &str, _, _: &mut dyn Read| Ok(Next::More);
            let bytes = tar_of(files);
            let read = entries(bytes.as_slice(), (1 << 20, 5), &mut walked, &mut count, &mut each);
            assert_eq!(read.is_ok(), fits, "{files}");
            assert_eq!(count, files.min(5));
        }
    }
}
