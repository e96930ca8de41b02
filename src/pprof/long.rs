//! Files that are too long to be held in memory before it is known what they are: a journal of a gigabyte, packed or not.
//!
//! Profiles are small. What does not end after [`HEAD`] bytes and is text is read as a stream, of which only goroutine dumps
//! and what was said around them are kept; anything else is held in memory as before.

use std::io::{self, Cursor, Read};

use super::inflate::{Encoding, encoding};
use super::read::{ReadError, from_dumps, without_dump};
use super::{Frames, goroutines, gotext, mistakes, text};

/// How much is read before it is decided.
const HEAD: u64 = 16 << 20;
/// How much of a packed file is unpacked for that.
const START: u64 = 64 << 10;

/// A file as it comes.
#[derive(Debug)]
pub enum Content {
    /// All of it.
    Whole(Vec<u8>),
    /// The start of a long text, and where the rest comes from.
    Long(Long),
}

/// The start of a long text and where the rest comes from.
pub struct Long {
    head: Vec<u8>,
    rest: Box<dyn Read>,
}

impl std::fmt::Debug for Long {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Long")
            .field("head", &self.head.len())
            .finish_non_exhaustive()
    }
}

impl Content {
    /// Reads a file to its end, or the start of it where it is a long text that no reader of whole texts takes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(mut from: impl Read + 'static) -> io::Result<Self> {
        let mut head = Vec::new();
        let read = from.by_ref().take(HEAD).read_to_end(&mut head)?;
        if (read as u64) < HEAD {
            return Ok(Self::Whole(head));
        }
        let start = start(&head);
        if text::is_text(&start) && !gotext::begins(&start) {
            let rest = Box::new(from);
            return Ok(Self::Long(Long { head, rest }));
        }
        from.read_to_end(&mut head)?;
        Ok(Self::Whole(head))
    }
}

/// The first bytes, unpacked.
fn start(packed: &[u8]) -> Vec<u8> {
    let mut start = Vec::new();
    // What is damaged shows when it is read to its end.
    let _ = match encoding(packed) {
        Encoding::Raw => packed.take(START).read_to_end(&mut start),
        Encoding::Gzip => flate2::bufread::MultiGzDecoder::new(packed)
            .take(START)
            .read_to_end(&mut start),
        Encoding::Zstd => Frames::new(packed).take(START).read_to_end(&mut start),
    };
    start
}

impl Long {
    /// Reads it to its end.
    ///
    /// # Errors
    /// When it cannot be read, or unpacked; inside of that when it holds no dump.
    pub fn read(self) -> io::Result<Result<super::Read, ReadError>> {
        let start = start(&self.head);
        let packed = encoding(&self.head);
        let mut whole = io::BufReader::with_capacity(1 << 16, Cursor::new(self.head).chain(self.rest));
        let dumps = match packed {
            Encoding::Raw => goroutines::read(&mut whole)?,
            Encoding::Gzip => goroutines::read(&mut flate2::bufread::MultiGzDecoder::new(whole))?,
            Encoding::Zstd => goroutines::read(&mut Frames::new(whole))?,
        };
        if dumps.list.is_empty() {
            if let Some(error) = without_dump(&dumps) {
                return Ok(Err(error));
            }
            let mistake = mistakes::recognise(&start).or_else(|| mistakes::unknown_text(&start));
            return Ok(Err(ReadError::Mistake(mistake.unwrap_or(mistakes::Mistake::Log))));
        }
        Ok(Ok(from_dumps(dumps, None)))
    }
}
