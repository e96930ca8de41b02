//! A `debug=1` text inside of another text: below a sentence, in a quotation, in a log, broken at a width.
//!
//! What carries it is taken off as for goroutine dumps; lines that are none of the profile are left out and counted.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{GoText, frames, is_bare_comment, kind_of};
use crate::pprof::carrier::{self, Again, Line, Listener, Looks, Start, WriterId};
use crate::pprof::legacy::{LegacyError, heap_header};

/// A text that stands inside of another one, clean.
#[derive(Debug)]
pub struct Within {
    /// The profile, where the text is one of Go's with names.
    pub text: Option<GoText>,
    /// The lines of the profile, without what carried them.
    pub clean: Vec<u8>,
    /// Byte at which its first line stands.
    pub offset: u64,
    /// How many lines around and in it are no part of it.
    pub other_lines: u64,
    /// Whether more such texts follow.
    pub more: u64,
}

static FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u:[^\s>\]:|]+ profile: total [0-9]+|heap profile: *[0-9]+: *[0-9]+ *\[ *[0-9]+: *[0-9]+ *\] *@|--- mutex:|--- contention:)",
    )
    .expect("a valid pattern")
});
static SAMPLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?-u:[0-9]+ @( 0x[0-9a-f]+)*|-?[0-9]+: *-?[0-9]+ *\[ *[0-9]+: *[0-9]+ *\] @[ x0-9a-f]*|[0-9]+ [0-9]+ @[ x0-9a-f]*)$")
        .expect("a valid pattern")
});
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?-u:(?:cycles/second|sampling period|ms since reset|discarded samples) *= *[0-9]+)$")
        .expect("a valid pattern")
});

/// Finds the first `debug=1` text in `data`; `None` when there is none.
///
/// # Errors
/// When what is left of it breaks its rules all the same.
pub fn parse_within(mut data: &[u8]) -> Result<Option<Within>, LegacyError> {
    let mut collector = Collector::default();
    // Reading from memory does not fail.
    let Ok(heard) = carrier::listen(&mut data, &mut collector, false) else {
        return Ok(None);
    };
    let Some(offset) = collector.offset else {
        return Ok(None);
    };
    let text = super::parse(&collector.clean)?;
    Ok(Some(Within {
        text,
        clean: collector.clean,
        offset,
        other_lines: heard.passed + collector.other_lines,
        more: collector.more,
    }))
}

/// The lines of the first text.
#[derive(Default)]
struct Collector {
    looks: TextLooks,
    writer: Option<WriterId>,
    offset: Option<u64>,
    clean: Vec<u8>,
    other_lines: u64,
    more: u64,
    /// A frame may follow: a sample was there.
    in_samples: bool,
    in_mem_stats: bool,
    ended: bool,
}

impl Listener for Collector {
    fn line(&mut self, line: &Line<'_>) {
        let text = line.text.trim_ascii();
        if text.is_empty() {
            return;
        }
        if self.writer.is_none() {
            if line.again != Again::No || kind_of(text).is_none() {
                self.other_lines += 1;
                return;
            }
            self.writer = Some(line.writer);
            self.offset = Some(line.offset);
            self.keep(text, line.cut);
            return;
        }
        if self.writer != Some(line.writer) || self.ended || line.again != Again::No {
            self.other_lines += 1;
            return;
        }
        if kind_of(text).is_some() {
            self.more += 1;
            self.ended = true;
            return;
        }
        if self.is_part(text) {
            self.keep(text, line.cut);
        } else {
            self.other_lines += 1;
        }
    }

    fn stray(&mut self, _: &[u8], _: u64) {
        self.other_lines += 1;
    }

    fn is_listening(&self) -> bool {
        self.writer.is_some()
    }

    fn looks(&self) -> &dyn Looks {
        &self.looks
    }
}

impl Collector {
    fn keep(&mut self, text: &[u8], cut: bool) {
        self.clean.extend_from_slice(text);
        if !cut {
            self.clean.push(b'\n');
        }
    }

    fn is_part(&mut self, text: &[u8]) -> bool {
        if SAMPLE.is_match(text) {
            self.in_samples = true;
            return true;
        }
        if let Some(comment) = text.strip_prefix(b"#") {
            let comment = comment.trim_ascii_start();
            self.in_mem_stats |= comment == b"runtime.MemStats";
            return comment.starts_with(b"0x") || comment.starts_with(b"labels: ") || self.in_mem_stats;
        }
        self.in_mem_stats |= text == b"runtime.MemStats";
        ATTRIBUTE.is_match(text) || self.in_samples && is_bare_comment(text, self.in_mem_stats)
    }
}

#[derive(Default)]
struct TextLooks;

impl Looks for TextLooks {
    fn starts(&self, line: &[u8]) -> Option<Start> {
        let found = FIRST.find(line)?;
        Some(Start {
            at: found.start(),
            first: true,
        })
    }

    fn is_sure(&self, text: &[u8]) -> bool {
        let text = text.trim_ascii();
        let frame = text.strip_prefix(b"#").unwrap_or(text).trim_ascii_start();
        SAMPLE.is_match(text)
            || frame.starts_with(b"0x") && frames::symbol_line(frame).is_some_and(|(_, place)| place.is_some())
    }

    fn is_first(&self, text: &[u8]) -> bool {
        let text = text.trim_ascii();
        kind_of(text).is_some() || heap_header(text).is_some()
    }

    fn announces(&self, _: &[u8]) -> bool {
        false
    }
}
