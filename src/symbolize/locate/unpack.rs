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

/// The ELF files whose last path component `wanted` accepts, in tars and layers inside of tars (two deep), compressed by
/// gzip or zstd or not. A compressed ELF file alone is taken too.
pub fn binaries(data: &[u8], wanted: &dyn Fn(&str) -> bool) -> io::Result<Vec<Member>> {
    let mut found = Vec::new();
    walk(data, "", wanted, 2, &mut found)?;
    Ok(found)
}

fn walk(
    data: &[u8],
    prefix: &str,
    wanted: &dyn Fn(&str) -> bool,
    depth: u32,
    found: &mut Vec<Member>,
) -> io::Result<()> {
    let mut start = [0; 512];
    let mut reader = open(data)?;
    let length = read_some(&mut *reader, &mut start)?;
    if is_elf(&start[..length]) {
        let mut member = start[..length].to_vec();
        reader.take(MAX_MEMBER).read_to_end(&mut member)?;
        found.push(Member {
            name: prefix.trim_end_matches('!').to_owned(),
            data: member,
        });
        return Ok(());
    }
    if !is_tar(&start[..length]) {
        return Ok(());
    }
    let mut tar = tar::Archive::new(open(data)?);
    for entry in tar.entries()?.take(MAX_MEMBERS) {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() || entry.size() > MAX_MEMBER {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let base = path.rsplit('/').next().unwrap_or(&path).to_owned();
        let mut start = [0; 512];
        let length = read_some(&mut entry, &mut start)?;
        let name = format!("{prefix}{path}");
        if is_elf(&start[..length]) {
            if wanted(&base) {
                let mut data = start[..length].to_vec();
                entry.read_to_end(&mut data)?;
                found.push(Member { name, data });
            }
        } else if depth > 0 && may_hold_binaries(&start[..length]) {
            let mut layer = start[..length].to_vec();
            entry.read_to_end(&mut layer)?;
            walk(&layer, &format!("{name}!"), wanted, depth - 1, found)?;
        }
    }
    Ok(())
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
