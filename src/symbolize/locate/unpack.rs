//! A binary out of a tar, for instance a layer of an OCI image or what `docker save` writes (a tar of layers).

use std::io::{self, Read};

/// A file inside of an archive of files.
#[derive(Debug)]
pub struct Member {
    /// Path inside, layers joined by `!`.
    pub name: String,
    /// Bytes.
    pub data: Vec<u8>,
}

/// A member bigger than this is passed over.
const MAX_MEMBER: u64 = 1 << 30;
/// As much is unpacked of one image, all layers together.
const MAX_TOTAL: u64 = 16 << 30;
/// Files inside of an archive that are looked at.
const MAX_MEMBERS: usize = 1_000_000;

/// What bytes are, by how they start.
fn is_elf(data: &[u8]) -> bool {
    data.starts_with(b"\x7fELF")
}

fn is_tar(data: &[u8]) -> bool {
    data.get(257..262) == Some(b"ustar")
}

/// Whether bytes are a tar, or compressed (and so perhaps a tar).
#[must_use]
pub fn may_hold_binaries(data: &[u8]) -> bool {
    is_tar(data) || is_gzip(data) || is_zstd(data)
}

fn is_gzip(data: &[u8]) -> bool {
    data.starts_with(&[0x1f, 0x8b])
}

fn is_zstd(data: &[u8]) -> bool {
    data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// What became of a tar.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError<E> {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// More to unpack than any image holds.
    #[error("unpacks to more than {} GiB", MAX_TOTAL >> 30)]
    TooMuch,
    /// What the caller says of a member.
    #[error(transparent)]
    Member(E),
}

impl<E> UnpackError<E> {
    /// What to do about it; what the caller says of a member has a hint of its own.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Read(_) => Some("the archive is damaged or cut off"),
            Self::TooMuch => Some("unpack it by hand and add the binary itself"),
            Self::Member(_) => None,
        }
    }
}

/// Gives `each` the ELF files whose last path component `wanted` accepts, in tars and layers inside of tars (two deep),
/// compressed by gzip or zstd or not. A compressed ELF file alone is given too. One member is in memory at a time.
pub fn binaries<E>(
    data: &[u8],
    wanted: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(Member) -> Result<(), E>,
) -> Result<(), UnpackError<E>> {
    let mut left = MAX_TOTAL;
    walk(data, "", wanted, 2, &mut left, each)
}

fn walk<E>(
    data: &[u8],
    prefix: &str,
    wanted: &dyn Fn(&str) -> bool,
    depth: u32,
    left: &mut u64,
    each: &mut dyn FnMut(Member) -> Result<(), E>,
) -> Result<(), UnpackError<E>> {
    let mut start = [0; 512];
    let mut reader = open(data)?;
    let length = read_some(&mut *reader, &mut start)?;
    if is_elf(&start[..length]) {
        let mut data = start[..length].to_vec();
        reader.take(MAX_MEMBER).read_to_end(&mut data)?;
        if data.len() as u64 >= MAX_MEMBER {
            return Err(UnpackError::TooMuch);
        }
        let name = prefix.trim_end_matches('!').to_owned();
        return each(Member { name, data }).map_err(UnpackError::Member);
    }
    if !is_tar(&start[..length]) {
        return Ok(());
    }
    let (limited, over) = Metered::new(open(data)?, *left);
    let mut tar = tar::Archive::new(limited);
    let read = |error: io::Error| match over.get() {
        true => UnpackError::TooMuch,
        false => UnpackError::Read(error),
    };
    for entry in tar.entries().map_err(read)?.take(MAX_MEMBERS) {
        let mut entry = entry.map_err(read)?;
        *left = left.checked_sub(entry.size()).ok_or(UnpackError::TooMuch)?;
        if !entry.header().entry_type().is_file() || entry.size() > MAX_MEMBER {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let base = path.rsplit('/').next().unwrap_or(&path).to_owned();
        let mut start = [0; 512];
        let length = read_some(&mut entry, &mut start).map_err(read)?;
        let name = format!("{prefix}{path}");
        if is_elf(&start[..length]) {
            if wanted(&base) {
                let mut data = start[..length].to_vec();
                entry.read_to_end(&mut data).map_err(read)?;
                complete(&data, entry.size())?;
                each(Member { name, data }).map_err(UnpackError::Member)?;
            }
        } else if depth > 0 && may_hold_binaries(&start[..length]) {
            let mut layer = start[..length].to_vec();
            entry.read_to_end(&mut layer).map_err(read)?;
            complete(&layer, entry.size())?;
            walk(&layer, &format!("{name}!"), wanted, depth - 1, left, each)?;
        }
    }
    Ok(())
}

/// The tar reader gives what there is of a member that is cut off.
fn complete(data: &[u8], size: u64) -> io::Result<()> {
    if data.len() as u64 == size {
        return Ok(());
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// A reader that ends in an error after as many bytes as it may give.
struct Metered<R> {
    inner: R,
    left: u64,
    over: std::rc::Rc<std::cell::Cell<bool>>,
}

impl<R> Metered<R> {
    fn new(inner: R, left: u64) -> (Self, std::rc::Rc<std::cell::Cell<bool>>) {
        let over = std::rc::Rc::new(std::cell::Cell::new(false));
        let this = Metered {
            inner,
            left,
            over: over.clone(),
        };
        (this, over)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        match self.left.checked_sub(n as u64) {
            Some(left) => self.left = left,
            None => {
                self.over.set(true);
                return Err(io::Error::other("too much"));
            }
        }
        Ok(n)
    }
}

/// A reader of the uncompressed bytes.
fn open(data: &[u8]) -> io::Result<Box<dyn Read + '_>> {
    Ok(if is_gzip(data) {
        Box::new(flate2::bufread::MultiGzDecoder::new(data))
    } else if is_zstd(data) {
        Box::new(ruzstd::decoding::StreamingDecoder::new(data).map_err(io::Error::other)?)
    } else {
        Box::new(data)
    })
}

fn read_some(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}
