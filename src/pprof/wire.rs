//! The protobuf envelope: a cursor over fields that knows at which byte it stands.
//!
//! Records that are rare are handed to prost; samples and locations, of which there are many, are read with this cursor
//! straight into the tables. Groups (wire types 3 and 4) do not occur in profiles and are refused.

use super::decode_error::{DecodeError, DecodeErrorKind};

/// A run of bytes and where in the uncompressed file it stands.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    /// May go on behind `end`, so that a run inside a record can be read in whole words.
    bytes: &'a [u8],
    at: usize,
    end: usize,
    base: usize,
}

/// The payload of one field.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire types 1 and 5, which no field of a profile has.
    Fixed,
    /// Wire type 2, with the offset of its first byte.
    Bytes(&'a [u8], usize),
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], base: usize) -> Self {
        Self {
            bytes,
            at: 0,
            end: bytes.len(),
            base,
        }
    }

    /// The bytes of a field that this cursor has just passed.
    pub(super) fn inside(&self, field: &[u8], offset: usize) -> Self {
        let at = offset - self.base;
        Self {
            at,
            end: at + field.len(),
            ..*self
        }
    }

    /// Offset of the next byte in the uncompressed file.
    #[inline]
    pub(super) fn offset(&self) -> usize {
        self.base + self.at
    }

    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.end
    }

    #[cold]
    fn fail<T>(&self, kind: DecodeErrorKind) -> Result<T, DecodeError> {
        Err(DecodeError {
            offset: self.offset() as u64,
            kind,
        })
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, DecodeError> {
        match self.bytes.get(self.at) {
            Some(&b) if b < 0x80 && self.at < self.end => {
                self.at += 1;
                Ok(u64::from(b))
            }
            _ => self.long_varint(),
        }
    }

    /// As [`Cursor::varint`], for numbers whose length cannot be guessed: no branch depends on it, up to 28 bits.
    #[inline(always)]
    pub(super) fn mixed_varint(&mut self) -> Result<u64, DecodeError> {
        if let Some(word) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<4>()) {
            let word = u32::from_le_bytes(*word);
            let ends = !word & 0x8080_8080;
            if ends != 0 {
                // Up to and including the byte that ends the number, then seven bits of each byte side by side.
                let bits = ends.trailing_zeros();
                let v = word & (u32::MAX >> (31 - bits));
                let v = (v & 0x007f_007f) | (v & 0x7f00_7f00) >> 1;
                let v = (v & 0x0000_3fff) | (v & 0x3fff_0000) >> 2;
                let next = self.at + bits as usize / 8 + 1;
                if next <= self.end {
                    self.at = next;
                    return Ok(u64::from(v));
                }
            }
        }
        self.wide_varint()
    }

    /// Numbers of up to 56 bits, as many bytes at once as they have.
    #[inline(never)]
    fn wide_varint(&mut self) -> Result<u64, DecodeError> {
        if let Some(word) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*word);
            let ends = !word & 0x8080_8080_8080_8080;
            if ends != 0 {
                let bits = ends.trailing_zeros();
                let v = word & (u64::MAX >> (63 - bits)) & 0x7f7f_7f7f_7f7f_7f7f;
                let v = (v & 0x007f_007f_007f_007f) | (v & 0x7f00_7f00_7f00_7f00) >> 1;
                let v = (v & 0x0000_3fff_0000_3fff) | (v & 0x3fff_0000_3fff_0000) >> 2;
                let v = (v & 0x0000_0000_0fff_ffff) | (v & 0x0fff_ffff_0000_0000) >> 4;
                let next = self.at + bits as usize / 8 + 1;
                if next <= self.end {
                    self.at = next;
                    return Ok(v);
                }
            }
        }
        self.any_varint()
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        self.mixed_varint()
    }

    #[cold]
    fn any_varint(&mut self) -> Result<u64, DecodeError> {
        let mut v = 0u64;
        for i in 0..10 {
            let Some(&b) = self.bytes[..self.end].get(self.at + i) else {
                return self.fail(DecodeErrorKind::Truncated);
            };
            v |= u64::from(b & 0x7f) << (7 * i);
            if b < 0x80 {
                self.at += i + 1;
                return Ok(v);
            }
        }
        self.fail(DecodeErrorKind::Varint)
    }

    /// The next field: its number and payload; `None` at the end.
    #[inline(always)]
    pub(super) fn field(&mut self) -> Result<Option<(u64, Value<'a>)>, DecodeError> {
        if self.is_done() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            2 => {
                let len = self.varint()?;
                let rest = self.end - self.at;
                let Some(len) = usize::try_from(len).ok().filter(|&len| len <= rest) else {
                    return self.fail(DecodeErrorKind::Truncated);
                };
                let offset = self.offset();
                let bytes = &self.bytes[self.at..self.at + len];
                self.at += len;
                Value::Bytes(bytes, offset)
            }
            1 => self.fixed(8)?,
            5 => self.fixed(4)?,
            other => return self.fail(DecodeErrorKind::WireType(other as u8)),
        };
        Ok(Some((key >> 3, value)))
    }

    #[cold]
    fn fixed(&mut self, len: usize) -> Result<Value<'a>, DecodeError> {
        if self.end - self.at < len {
            return self.fail(DecodeErrorKind::Truncated);
        }
        self.at += len;
        Ok(Value::Fixed)
    }
}
