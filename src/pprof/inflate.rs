//! Takes gzip and zstd off, under a ceiling, so that a small file cannot fill the memory.
//!
//! Multi-member gzip is read through, as `gzip -d` does. What is not compressed comes back as it is.

use std::borrow::Cow;
use std::io::Read;

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
#[derive(Debug, thiserror::Error)]
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
            drain(flate2::read::MultiGzDecoder::new(bytes), "gzip", hint, ceiling).map(Cow::Owned)
        }
        Encoding::Zstd => {
            let damaged = |e: &dyn std::fmt::Display| InflateError::Damaged {
                format: "zstd",
                unpacked: 0,
                reason: e.to_string(),
            };
            let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|e| damaged(&e))?;
            drain(decoder, "zstd", bytes.len().saturating_mul(4), ceiling).map(Cow::Owned)
        }
    }
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
