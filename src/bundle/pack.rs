//! A bundle as one file, and back. The same bundle always gives the same bytes.
//!
//! Only what the manifest names is packed and unpacked; the rest is named to the caller. The manifest comes first and
//! executables last, so that a reader of profiles need not unpack them.

use std::io::{self, Write};
use std::path::Path;

use super::WriteError;
use super::contents::Contents;
use super::hashed::Hashed;
use super::manifest::{JOURNAL, SUMMARY};
use super::packer::Packer;
use super::record::Record;
use super::staging::Staging;

/// How an archive is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// `.tar`
    Tar,
    /// `.tar.gz`, `.tgz`
    Gzip,
    /// `.tar.zst`
    Zstd,
}

impl Packing {
    /// By the ending of a file's name.
    pub fn of_name(name: &str) -> Option<Self> {
        let ends = |endings: &[&str]| endings.iter().any(|e| name.ends_with(e));
        if ends(&[".tar.gz", ".tgz"]) {
            Some(Packing::Gzip)
        } else if ends(&[".tar.zst", ".tzst"]) {
            Some(Packing::Zstd)
        } else {
            ends(&[".tar"]).then_some(Packing::Tar)
        }
    }
}

/// What was packed or unpacked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Packed {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Files that the manifest names and that are not there.
    pub missing: Vec<String>,
    /// Files that the manifest does not name; left out.
    pub extra: Vec<String>,
    /// Files whose bytes are not those that the manifest has.
    pub altered: Vec<String>,
}

/// The files in the order of an archive: the manifest, artifacts, executables; each by name.
fn plan(contents: &Contents, record: &Record) -> (Vec<String>, Packed) {
    let mut packed = Packed::default();
    let mut order: Vec<String> = [JOURNAL, SUMMARY]
        .into_iter()
        .filter(|p| contents.has(p))
        .map(str::to_owned)
        .collect();
    let binaries: Vec<&str> = record.binaries.iter().map(|b| b.path.as_str()).collect();
    let files = record.files();
    let (last, first): (Vec<&str>, Vec<&str>) = files.keys().copied().partition(|p| binaries.contains(p));
    for path in first.into_iter().chain(last) {
        if contents.has(path) {
            order.push(path.to_owned());
        } else {
            packed.missing.push(path.to_owned());
        }
    }
    packed.extra = extra(contents, record);
    (order, packed)
}

/// Files that the manifest does not list. What a resumption put aside is known.
pub(super) fn extra(contents: &Contents, record: &Record) -> Vec<String> {
    let files = record.files();
    let aside = |p: &str| record.aside.iter().any(|a| a.path == p);
    let listed = |p: &&str| *p == JOURNAL || *p == SUMMARY || files.contains_key(p) || aside(p);
    contents.paths().filter(|p| !listed(p)).map(str::to_owned).collect()
}

/// Packs a bundle.
///
/// # Errors
/// What the system reports.
pub fn pack(contents: &Contents, record: &Record, packing: Packing, out: &mut dyn Write) -> io::Result<Packed> {
    let (order, mut packed) = plan(contents, record);
    match packing {
        Packing::Tar => tar_of(contents, record, &order, &mut packed, out)?,
        Packing::Gzip => {
            // No time and no name of a system in the header.
            let gzip = flate2::GzBuilder::new().mtime(0).operating_system(255);
            let mut gzip = gzip.write(out, flate2::Compression::new(6));
            tar_of(contents, record, &order, &mut packed, &mut gzip)?;
            gzip.finish()?;
        }
        Packing::Zstd => {
            let mut zstd = Packer::new(out);
            tar_of(contents, record, &order, &mut packed, &mut zstd)?;
            zstd.finish()?;
        }
    }
    Ok(packed)
}

/// The folder around everything: `kubeprof-20261124T023800Z`.
fn top(record: &Record) -> String {
    let started = record.started.unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    format!("kubeprof-{}", started.strftime("%Y%m%dT%H%M%SZ"))
}

fn tar_of(
    contents: &Contents,
    record: &Record,
    order: &[String],
    packed: &mut Packed,
    out: &mut dyn Write,
) -> io::Result<()> {
    let top = top(record);
    let time = u64::try_from(record.started.unwrap_or_default().as_second()).unwrap_or(0);
    let mut tar = tar::Builder::new(out);
    let files = record.files();
    for path in order {
        let size = contents.size(path).ok_or(io::ErrorKind::NotFound)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        let mut file = Hashed::new(contents.open(path)?);
        let mut limited = io::Read::take(&mut file, size);
        tar.append_data(&mut header, format!("{top}/{path}"), &mut limited)?;
        if limited.limit() > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{path} became shorter"),
            ));
        }
        packed.files += 1;
        packed.bytes += size;
        let found = file.sha256();
        if files
            .get(path.as_str())
            .is_some_and(|taken| (size, found.as_str()) != *taken)
        {
            packed.altered.push(path.clone());
        }
    }
    tar.finish()
}

/// Unpacks a bundle to a place where nothing is. Files that are altered are unpacked as they are and named.
///
/// # Errors
/// When there is something already, or the system refuses; nothing is left then.
pub fn unpack(contents: &Contents, record: &Record, place: &Path) -> Result<Packed, WriteError> {
    let (order, mut packed) = plan(contents, record);
    let files = record.files();
    let staging = Staging::begin(place)?;
    for path in &order {
        let size = contents.size(path).unwrap_or(0);
        let found = staging.copy(contents, path, path)?;
        if files
            .get(path.as_str())
            .is_some_and(|taken| (size, found.as_str()) != *taken)
        {
            packed.altered.push(path.clone());
        }
        packed.files += 1;
        packed.bytes += size;
    }
    staging.finish()?;
    Ok(packed)
}
