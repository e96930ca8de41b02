//! Files that are too long to be held in memory before it is known what they are: a journal of a gigabyte, packed or not.
//!
//! Profiles are small. What does not end after [`HEAD`] bytes and is text is read as a stream, of which only goroutine dumps
//! and what was said around them are kept; anything else is held in memory as before.

use std::io::{self, Cursor, Read};

use super::goroutines::Dumps;
use super::inflate::{Encoding, encoding};
use super::read::{ReadError, from_dumps, without_dump};
use super::remark::Remark;
use super::{Frames, goroutines, gotext, line_ends, mistakes, text};

/// How much is read before it is decided.
const HEAD: u64 = 16 << 20;
/// How much of a text that stands newest first is held to be turned.
const REGION: u64 = 512 << 20;
/// How much of it around the dumps may say why they were written.
const AROUND: u64 = 64 << 10;
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
        if text::is_text(&start) && !gotext::begins(&start) && line_ends::with_line_feeds(&start).is_none() {
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

/// A text with its last line first.
pub(super) fn turned(text: &[u8]) -> Vec<u8> {
    let whole = text.strip_suffix(b"\n").unwrap_or(text);
    let mut turned = Vec::with_capacity(text.len() + 1);
    for line in whole.rsplit(|&b| b == b'\n') {
        turned.extend_from_slice(line);
        turned.push(b'\n');
    }
    turned
}

/// Opens a file from its start again.
pub type Again<'a> = &'a dyn Fn() -> io::Result<Box<dyn Read>>;

/// The dumps of a text whose lines stand newest first: the part of it that has them is read a second time, and turned.
fn newest_first(dumps: &Dumps, packed: Encoding, again: Again<'_>) -> io::Result<Option<Dumps>> {
    let Some((start, end)) = dumps.region() else {
        return Ok(None);
    };
    let (start, end) = (start.saturating_sub(AROUND), end.saturating_add(AROUND));
    if end - start > REGION {
        return Ok(None);
    }
    let file = io::BufReader::new(again()?);
    let mut text: Box<dyn Read> = match packed {
        Encoding::Raw => Box::new(file),
        Encoding::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Encoding::Zstd => Box::new(Frames::new(file)),
    };
    io::copy(&mut text.by_ref().take(start), &mut io::sink())?;
    let mut region = Vec::new();
    text.take(end - start).read_to_end(&mut region)?;
    // The first line and the last are cut.
    let from = match start {
        0 => 0,
        _ => memchr::memchr(b'\n', &region).map_or(0, |newline| newline + 1),
    };
    let to = memchr::memrchr(b'\n', &region).map_or(region.len(), |newline| newline + 1);
    let region = region.get(from..to).unwrap_or_default();
    let turned = turned(region);
    let found = goroutines::parse_all(&turned);
    Ok((found.is_sound() || found.is_better_than(dumps)).then_some(found))
}

impl Long {
    /// Reads it to its end. With `again`, a text that stands newest first is read once more.
    ///
    /// # Errors
    /// When it cannot be read, or unpacked; inside of that when it holds no dump.
    pub fn read(self, again: Option<Again<'_>>) -> io::Result<Result<super::Read, ReadError>> {
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
        if dumps.order_is_doubtful()
            && let Some(again) = again
            && let Some(turned) = newest_first(&dumps, packed, again)?
        {
            let mut read = from_dumps(turned, None);
            read.remarks.push(Remark::NewestFirst);
            return Ok(Ok(read));
        }
        Ok(Ok(from_dumps(dumps, None)))
    }
}
