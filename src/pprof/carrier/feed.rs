//! A text of any length in bounded memory: lines one by one, and a quick way past those that say nothing.
//!
//! A journal of a gigabyte holds a dump of a few thousand lines. Everything else is passed over a block at a time, by a
//! search for words of which one stands in every line that matters.

use std::io::{self, Read};
use std::sync::LazyLock;

use regex::bytes::Regex;

/// How much is read at a time.
const BLOCK: usize = 1 << 20;
/// How far back a line can be looked at again.
pub(super) const BACK: usize = 64 << 10;
/// A longer line is taken in pieces.
const LONGEST: usize = 256 << 20;

/// Words of goroutine dumps, crashes, units and `debug=1` texts.
const WORDS: [&str; 30] = [
    "goroutine ",
    "Goroutine ",
    r"\+0x",
    "created by ",
    "panic",
    "fatal error: ",
    r"SIG[A-Z]{3,6}: ",
    "unexpected fault address",
    "-thread limit",
    // The last line of klog.Fatal, and of a command of Kubernetes that ends with an error.
    "F[01][0-9]{3} [0-9]{2}:[0-9]{2}:",
    "\"command failed\" err=",
    "Exception 0x",
    "Process [0-9]+ ",
    "process exited, code=",
    "atchdog timeout",
    "Killing process ",
    "ailed with result",
    "restart counter is at",
    "scheduling restart",
    r"Started [A-Za-z]",
    r"Stopped [A-Za-z]",
    "OOM killer",
    "ut of memory: Kill",
    "Suppressed [0-9]",
    "due to rate-limiting",
    "messages lost",
    // `goroutine ` in a message that journalctl writes as a list of bytes
    "profile: (?:total )?[0-9]",
    "--- mutex:",
    "--- contention:",
    "103, ?111, ?114, ?111, ?117, ?116, ?105, ?110, ?101, ?32",
];

static TRIGGER: LazyLock<Regex> = LazyLock::new(|| {
    let words = WORDS.join("|");
    Regex::new(&format!("(?-u:{words})")).expect("a valid pattern")
});

/// Whether a line can matter.
pub(super) fn matters(line: &[u8]) -> bool {
    TRIGGER.is_match(line)
}

pub(super) struct Feed<'r> {
    from: &'r mut dyn Read,
    buffer: Vec<u8>,
    /// Where the next line starts in the buffer.
    next: usize,
    /// Offset of the buffer in the text.
    base: u64,
    ended: bool,
    /// Lines that were passed over.
    pub(super) passed: u64,
}

impl<'r> Feed<'r> {
    pub(super) fn new(from: &'r mut dyn Read) -> Self {
        Self {
            from,
            buffer: Vec::new(),
            next: 0,
            base: 0,
            ended: false,
            passed: 0,
        }
    }

    /// Reads until so many bytes lie ahead, or the text ends.
    pub(super) fn ahead(&mut self, want: usize) -> io::Result<&[u8]> {
        while !self.ended && self.buffer.len() - self.next < want {
            let keep = self.next.saturating_sub(BACK);
            // Moving what is left to the front costs as much as it is long.
            if keep >= BLOCK.max(self.buffer.len() / 2) {
                self.buffer.drain(..keep);
                self.base += keep as u64;
                self.next -= keep;
            }
            let block = BLOCK.max(want - (self.buffer.len() - self.next));
            let read = self.from.take(block as u64).read_to_end(&mut self.buffer)?;
            self.ended = read < block;
        }
        Ok(&self.buffer[self.next..])
    }

    /// The same, with whether the text ends there.
    pub(super) fn ahead_or_end(&mut self, want: usize) -> io::Result<(&[u8], bool)> {
        self.ahead(want)?;
        Ok((&self.buffer[self.next..], self.ended))
    }

    /// What lies ahead already.
    pub(super) fn ready(&self) -> &[u8] {
        &self.buffer[self.next..]
    }

    /// What is there of the text before the next line, from the start of a line on, if `limit` is one.
    pub(super) fn behind(&self, limit: u64) -> &[u8] {
        let from = usize::try_from(limit.saturating_sub(self.base)).unwrap_or(self.next);
        let behind = &self.buffer[from.min(self.next)..self.next];
        match behind.len() > BACK {
            true => {
                let cut = &behind[behind.len() - BACK..];
                let start = memchr::memchr(b'\n', cut).map_or(cut.len(), |i| i + 1);
                &cut[start..]
            }
            false => behind,
        }
    }

    /// Goes back by so many bytes.
    pub(super) fn back(&mut self, bytes: usize) {
        self.next -= bytes.min(self.next);
    }

    /// Offset of the next line.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.next as u64
    }

    /// Goes on by so many bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.next = (self.next + bytes).min(self.buffer.len());
    }

    /// Goes to the next line that can matter. False at the end of the text.
    pub(super) fn seek_trigger(&mut self) -> io::Result<bool> {
        loop {
            let ended = {
                self.ahead(BLOCK)?;
                self.ended
            };
            let rest = &self.buffer[self.next..];
            if rest.is_empty() {
                return Ok(false);
            }
            if let Some(found) = TRIGGER.find(rest) {
                let start = memchr::memrchr(b'\n', &rest[..found.start()]).map_or(0, |i| i + 1);
                self.passed += lines(&rest[..start]);
                self.next += start;
                return Ok(true);
            }
            // The last line may go on in the next block.
            let whole = match memchr::memrchr(b'\n', rest) {
                _ if ended => rest.len(),
                Some(end) => end + 1,
                None if rest.len() < LONGEST => {
                    let more = rest.len() + BLOCK;
                    self.ahead(more)?;
                    continue;
                }
                None => rest.len(),
            };
            self.passed += lines(&rest[..whole]);
            self.next += whole;
        }
    }

    /// The next line as it stands, its end included: length and whether the text ends inside of it.
    pub(super) fn line(&mut self) -> io::Result<Option<(usize, bool)>> {
        let mut searched = 0;
        loop {
            let rest = &self.buffer[self.next..];
            if let Some(end) = memchr::memchr(b'\n', &rest[searched..]) {
                return Ok(Some((searched + end + 1, false)));
            }
            searched = rest.len();
            if self.ended {
                return Ok((searched > 0).then_some((searched, true)));
            }
            if searched >= LONGEST {
                return Ok(Some((searched, true)));
            }
            self.ahead(searched + BLOCK)?;
        }
    }

    /// So many bytes from the next line on, which [`Feed::line`] has found.
    pub(super) fn bytes(&self, length: usize) -> &[u8] {
        &self.buffer[self.next..self.next + length]
    }
}

fn lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(out.len()).min(7);
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    #[test]
    fn triggers_are_found_across_blocks() {
        let filler = "a line that says nothing at all\n".repeat(50_000);
        let text = format!("{filler}x goroutine 7 [running]:\n{filler}created by main.f\n{filler}end");
        let mut from = Drip(text.as_bytes());
        let mut feed = Feed::new(&mut from);
        for want in ["x goroutine 7 [running]:\n", "created by main.f\n"] {
            assert!(feed.seek_trigger().unwrap());
            let offset = feed.offset() as usize;
            let (length, cut) = feed.line().unwrap().unwrap();
            assert_eq!((feed.bytes(length), cut), (want.as_bytes(), false));
            assert_eq!(&text[offset..offset + length], want);
            assert!(feed.behind(0).len() <= BACK);
            feed.skip(length);
        }
        assert!(!feed.seek_trigger().unwrap());
        assert_eq!(feed.passed, 3 * 50_000);
        assert!(feed.buffer.len() < 4 * BLOCK, "{}", feed.buffer.len());
    }
}
