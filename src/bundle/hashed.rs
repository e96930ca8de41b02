//! Bytes that are hashed on their way, so that the hash is of what was used and a file is read once.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use super::names;

/// A reader or a writer whose bytes are hashed.
pub(super) struct Hashed<T> {
    inner: T,
    hash: Sha256,
}

impl<T> Hashed<T> {
    pub(super) fn new(inner: T) -> Self {
        let hash = Sha256::new();
        Hashed { inner, hash }
    }

    /// SHA-256 of what passed, in lowercase hex.
    pub(super) fn sha256(self) -> String {
        names::hex(&self.hash.finalize())
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        Ok(n)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
