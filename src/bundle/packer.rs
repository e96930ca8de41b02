//! Packs into zstd frame by frame, so that little is held in memory.

use std::io::{self, Write};

use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// So much is packed into one frame.
const FRAME: usize = 4 << 20;

/// Packs what is written to it, frame by frame, so that little is held in memory.
pub(super) struct Packer<W> {
    inner: W,
    held: Vec<u8>,
}

impl<W: Write> Packer<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            held: Vec::new(),
        }
    }

    fn pack(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let packed = compress_to_vec(self.held.as_slice(), CompressionLevel::Fastest);
        self.held.clear();
        self.inner.write_all(&packed)
    }

    /// Packs the rest.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.pack()?;
        self.inner.flush()
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(FRAME - self.held.len());
        self.held.extend_from_slice(&bytes[..n]);
        if self.held.len() == FRAME {
            self.pack()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
