//! Takes gzip and zstd off, under a ceiling, so that a small file cannot fill the memory.
//!
//! Multi-member gzip is read through, as `gzip -d` does. What is not compressed comes back as it is.

use std::borrow::Cow;
use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

/// How bytes are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// Not at all.
    Raw,
    /// gzip, one or several members.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// How large unpacked bytes may become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// 64 MiB and 64 times the packed size, at most 4 GiB: kubelet profiles unpack to 2 to 20 times their size.
    Proportional,
    /// This many bytes (`--max-size`).
    Bytes(u64),
}

impl Limit {
    /// The ceiling for `packed` bytes.
    pub fn bytes(self, packed: usize) -> u64 {
        match self {
            Limit::Proportional => (packed as u64).saturating_mul(64).saturating_add(64 << 20).min(4 << 30),
            Limit::Bytes(n) => n,
        }
    }
}

/// Why bytes could not be unpacked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum InflateError {
    /// The stream ends early: a download that was cut.
    #[error("the {format} stream ends early, after {unpacked} unpacked bytes")]
    Truncated {
        /// gzip or zstd.
        format: &'static str,
        /// What came out before the end.
        unpacked: u64,
    },
    /// The stream is damaged.
    #[error("the {format} stream is damaged after {unpacked} unpacked bytes: {reason}")]
    Damaged {
        /// gzip or zstd.
        format: &'static str,
        /// What came out before the damage.
        unpacked: u64,
        /// The decompressor's words.
        reason: String,
    },
    /// More bytes than the limit.
    #[error("unpacks to more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
}

/// How `bytes` are packed, by their first bytes.
pub fn encoding(bytes: &[u8]) -> Encoding {
    match bytes {
        [0x1f, 0x8b, ..] => Encoding::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Encoding::Zstd,
        _ => Encoding::Raw,
    }
}

/// Unpacks `bytes` if they are packed.
///
/// # Errors
/// When the stream is cut or damaged, or would exceed `limit`.
pub fn inflate(bytes: &[u8], limit: Limit) -> Result<Cow<'_, [u8]>, InflateError> {
    let ceiling = limit.bytes(bytes.len());
    match encoding(bytes) {
        Encoding::Raw if bytes.len() as u64 > ceiling => Err(InflateError::TooLarge { limit: ceiling }),
        Encoding::Raw => Ok(Cow::Borrowed(bytes)),
        Encoding::Gzip => {
            // The trailer claims a size; take it as a hint only.
            let claim = bytes.last_chunk::<4>().map_or(0, |b| u32::from_le_bytes(*b)) as usize;
            let hint = claim.min(bytes.len().saturating_mul(32));
            match gunzip(bytes, hint, ceiling)? {
                (out, 0) => Ok(Cow::Owned(out)),
                (out, _) => Err(InflateError::Damaged {
                    format: "gzip",
                    unpacked: out.len() as u64,
                    reason: "incorrect header check".to_owned(),
                }),
            }
        }
        Encoding::Zstd => {
            let decoder = super::Frames::new(bytes);
            drain(decoder, "zstd", bytes.len().saturating_mul(4), ceiling).map(Cow::Owned)
        }
    }
}

/// Bytes that were unpacked.
pub(super) struct Unpacked<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// How many bytes behind the stream belong to something else.
    pub(super) trailing: usize,
}

/// The same, where other bytes may stand behind a gzip stream.
pub(super) fn inflate_lenient(bytes: &[u8], limit: Limit) -> Result<Unpacked<'_>, InflateError> {
    if encoding(bytes) != Encoding::Gzip {
        let bytes = inflate(bytes, limit)?;
        return Ok(Unpacked { bytes, trailing: 0 });
    }
    let (out, trailing) = gunzip(bytes, bytes.len().saturating_mul(4), limit.bytes(bytes.len()))?;
    Ok(Unpacked {
        bytes: Cow::Owned(out),
        trailing,
    })
}

/// All members straight into one buffer, which grows by doubling where the hint was too small: no copy in between. With how
/// many bytes stand behind the last member and begin no other.
fn gunzip(bytes: &[u8], hint: usize, ceiling: u64) -> Result<(Vec<u8>, usize), InflateError> {
    // One byte more than allowed, so that what is too large shows.
    let most = usize::try_from(ceiling.saturating_add(1)).unwrap_or(usize::MAX);
    let mut out: Vec<u8> = Vec::with_capacity(hint.saturating_add(1).min(most));
    let mut rest = bytes;
    while !rest.is_empty() {
        if rest.len() < bytes.len() && !rest.starts_with(&[0x1f, 0x8b]) {
            return Ok((out, rest.len()));
        }
        let mut member = Decompress::new_gzip(15);
        loop {
            if out.len() == out.capacity() {
                let more = out.len().max(1 << 16).min(most.saturating_sub(out.len()));
                if more == 0 {
                    return Err(InflateError::TooLarge { limit: ceiling });
                }
                out.reserve_exact(more);
            }
            let (read, written) = (member.total_in(), out.len());
            let status = member.decompress_vec(rest, &mut out, FlushDecompress::None);
            rest = rest.get((member.total_in() - read) as usize..).unwrap_or_default();
            let unpacked = out.len() as u64;
            match status {
                Ok(Status::StreamEnd) => break,
                Err(e) => {
                    return Err(InflateError::Damaged {
                        format: "gzip",
                        unpacked,
                        reason: e.message().unwrap_or("corrupt data").to_owned(),
                    });
                }
                Ok(Status::Ok | Status::BufError) if out.len() == out.capacity() => {}
                Ok(_) if rest.is_empty() || (member.total_in() == read && out.len() == written) => {
                    return Err(InflateError::Truncated {
                        format: "gzip",
                        unpacked,
                    });
                }
                Ok(_) => {}
            }
        }
        if out.len() as u64 > ceiling {
            return Err(InflateError::TooLarge { limit: ceiling });
        }
    }
    Ok((out, 0))
}

fn drain(mut from: impl Read, format: &'static str, hint: usize, ceiling: u64) -> Result<Vec<u8>, InflateError> {
    let mut out: Vec<u8> = Vec::with_capacity(hint.min(usize::try_from(ceiling).unwrap_or(usize::MAX)) + 1);
    match from.by_ref().take(ceiling.saturating_add(1)).read_to_end(&mut out) {
        Ok(_) if out.len() as u64 > ceiling => Err(InflateError::TooLarge { limit: ceiling }),
        Ok(_) => Ok(out),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Err(InflateError::Truncated {
            format,
            unpacked: out.len() as u64,
        }),
        Err(e) => Err(InflateError::Damaged {
            format,
            unpacked: out.len() as u64,
            reason: e.to_string(),
        }),
    }
}
