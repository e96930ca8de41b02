//! zstd as a stream of frames: other tools write several, one for each of their threads; so does [`Packer`].

use std::io::{self, BufRead, Read, Write};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Unpacks one frame after the other; skippable ones are skipped.
pub(super) struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            decoder: FrameDecoder::new(),
            within: false,
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.within {
                while self.decoder.can_collect() < buffer.len() && !self.decoder.is_finished() {
                    let more = BlockDecodingStrategy::UptoBytes(buffer.len() - self.decoder.can_collect());
                    self.decoder
                        .decode_blocks(&mut self.source, more)
                        .map_err(io::Error::other)?;
                }
                let n = self.decoder.read(buffer)?;
                if n > 0 {
                    return Ok(n);
                }
                self.within = false;
            }
            if self.source.fill_buf()?.is_empty() {
                return Ok(0);
            }
            match self.decoder.init(&mut self.source) {
                Ok(()) => self.within = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut self.source.by_ref().take(u64::from(length)), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(e) => return Err(io::Error::other(e)),
            }
        }
    }
}

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
