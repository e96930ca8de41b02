//! What carried a text: from the lines of a journal, a log, a chat or a paste to who wrote what and when.
//!
//! A goroutine dump reaches the reader through whatever was at hand. Each carrier puts something in front of every line,
//! escapes what is in it, breaks it at a width or wraps it into records. None of that is looked up in a list of loggers:
//! `prefix` learns what repeats in front of lines that only a dump can have, `json` finds the field with the text by the
//! dump in it, `escape` undoes what is written with marks, `wrap` joins what was broken at the width of a window.
//!
//! Texts are read as a stream. [`feed`] passes over everything that holds no word of a dump, a crash or a unit, so a
//! journal of a gigabyte costs little more than reading it.
//!
//! Above this stands a [`Listener`], which gets clean lines with their writer. It knows goroutines; this does not, but for
//! the shape of lines that a prefix can be learned from.

mod assignments;
mod behind;
mod cells;
mod document;
mod escape;
mod feed;
mod json;
mod learn;
mod names;
mod prefix;
mod records;
mod sources;
mod stamp;
pub(super) mod units;
mod wrap;

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::evidence::{Stamp, Writer};
use cells::Cells;
use feed::Feed;
use learn::Known;

/// Who wrote a line, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct WriterId(pub(super) u32);

/// A line without what carried it.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Who wrote it.
    pub(super) writer: WriterId,
    pub(super) who: &'a Writer,
    /// Byte of the text at which it stands, or the record that it is in.
    pub(super) offset: u64,
    /// The line.
    pub(super) text: &'a [u8],
    /// The text ends before the line does.
    pub(super) cut: bool,
    /// Between any two lines stands a blank one that means nothing.
    pub(super) spaced: bool,
    /// Whether it was there before, when it was not known who wrote it.
    pub(super) again: Again,
    at: When<'a>,
}

/// Whether a line was given to the listener before, as a stray one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It was not.
    No,
    /// It stands right above the line that told its prefix, and may be of the same dump.
    Above,
    /// It stands somewhere before, and may say why the dump was written.
    Before,
}

#[derive(Clone, Copy)]
enum When<'a> {
    /// Somewhere in the prefix.
    Prefix(&'a [u8]),
    Known(&'a Stamp),
    Unknown,
}

impl<'a> Line<'a> {
    /// The same with another text.
    pub(super) fn with<'b>(&'b self, text: &'b [u8]) -> Line<'b>
    where
        'a: 'b,
    {
        Line { text, ..*self }
    }

    /// When it was written.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        match self.at {
            When::Prefix(prefix) => stamp::stamp(prefix),
            When::Known(at) => Some(at.clone()),
            When::Unknown => None,
        }
    }
}

/// The first time that a line has.
pub(super) fn stamp_of(line: &[u8]) -> Option<Stamp> {
    stamp::stamp(line)
}

/// The lines that may stand behind the prefix of a line, whatever it is, with who wrote them. A prefix that was not learned
/// shows by its time and by the mark that it ends with.
pub(super) fn behind_prefix(line: &[u8]) -> impl Iterator<Item = (Writer, &[u8])> {
    const FAR: usize = 200;
    let near = &line[..line.len().min(FAR)];
    let ends = memchr::memchr_iter(b' ', near).map(|blank| blank + 1);
    ends.filter_map(move |end| {
        let head = &line[..end];
        let is_end = [&b"]: "[..], b" F ", b"| "].iter().any(|mark| head.ends_with(mark))
            && !head.iter().any(|b| matches!(b, b'"' | b'='));
        (is_end && stamp::find(head).is_some()).then(|| (names::writer(head), &line[end..]))
    })
}

/// A text with plain characters in place of those that editors and browsers put there.
pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    escape::plain_characters(text, &mut plain);
    plain
}

/// What hears the lines.
pub(super) trait Listener {
    /// A line.
    fn line(&mut self, line: &Line<'_>);
    /// A line whose writer cannot be told, as it stands: it has words of a dump or a unit and no known prefix.
    fn stray(&mut self, line: &[u8], offset: u64);
    /// Whether the lines that follow matter whatever words they have.
    fn is_listening(&self) -> bool;
    /// What a line of a dump looks like.
    fn looks(&self) -> &dyn Looks;
}

/// How lines of a dump look, for learning what carries them.
pub(super) trait Looks {
    /// Where a line of a dump starts in a line that has something in front of it.
    fn starts(&self, line: &[u8]) -> Option<Start>;
    /// Whether this is a line of a dump and nothing else.
    fn is_sure(&self, text: &[u8]) -> bool;
    /// Whether this is the first line of a goroutine.
    fn is_first(&self, text: &[u8]) -> bool;
    /// Whether this says why a dump follows.
    fn announces(&self, text: &[u8]) -> bool;
}

/// Where a line of a dump starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) at: usize,
    /// The line is the first of a goroutine.
    pub(super) first: bool,
}

/// Who wrote all that, and how much of it was passed over.
pub(super) struct Heard {
    pub(super) writers: Vec<Writer>,
    /// Lines that nothing had to do with.
    pub(super) passed: u64,
    /// How long the text is.
    pub(super) length: u64,
}

/// Reads a text to its end and gives its lines to `listener`.
///
/// With `backwards` the texts of a record are in the order of their lines from the last one on.
pub(super) fn listen(from: &mut dyn Read, listener: &mut dyn Listener, backwards: bool) -> io::Result<Heard> {
    let mut carrier = Carrier {
        feed: Feed::new(from),
        known: Vec::new(),
        nested: Vec::new(),
        backwards,
        cells: None,
        fields: json::Fields::default(),
        sources: sources::Sources::default(),
        writers: vec![Writer::default()],
        by_writer: FxHashMap::default(),
        held: None,
        waited: false,
        parts: FxHashMap::default(),
        spans: Vec::new(),
        key: Vec::new(),
        heard_to: 0,
    };
    carrier.by_writer.insert((Writer::default(), Vec::new()), WriterId(0));
    carrier.run(listener)?;
    Ok(Heard {
        writers: carrier.writers,
        passed: carrier.feed.passed,
        length: carrier.feed.offset(),
    })
}

struct Carrier<'r> {
    feed: Feed<'r>,
    /// Prefixes that were learned, the last one used first; that of bare lines is the last.
    known: Vec<Known>,
    /// Prefixes of lines inside of records.
    nested: Vec<Known>,
    /// The texts of a record stand newest first.
    backwards: bool,
    /// The table that the text is.
    cells: Option<Cells>,
    fields: json::Fields,
    sources: sources::Sources,
    writers: Vec<Writer>,
    by_writer: FxHashMap<(Writer, Vec<u8>), WriterId>,
    /// A line that may go on in the next one.
    held: Option<Held>,
    /// The line behind the one that is held was looked at.
    waited: bool,
    /// Beginnings of lines that go on in another one of the same writer.
    parts: FxHashMap<WriterId, Vec<u8>>,
    spans: Vec<Range<usize>>,
    key: Vec<u8>,
    /// Up to here all lines were given to the listener or do not matter.
    heard_to: u64,
}

struct Held {
    text: Vec<u8>,
    offset: u64,
    /// Columns of the last of its pieces.
    columns: usize,
}

impl Carrier<'_> {
    fn run(&mut self, listener: &mut dyn Listener) -> io::Result<()> {
        loop {
            if !listener.is_listening() {
                // One more line may be the rest of the one that is held.
                let waits = self.held.is_some() && !std::mem::replace(&mut self.waited, true);
                if !waits {
                    self.release(listener, false);
                    self.waited = false;
                    if !listener.is_listening() {
                        if !self.feed.seek_trigger()? {
                            break;
                        }
                        self.step_back();
                    }
                }
            }
            let Some((length, cut)) = self.feed.line()? else { break };
            let offset = self.feed.offset();
            let raw = self.feed.bytes(length);
            if records::opens(raw) {
                self.record(listener, offset)?;
                continue;
            }
            let line = clean(raw).into_owned();
            // What follows may have to be looked at to learn from this line.
            self.feed.ahead(length + learn::WINDOW)?;
            self.feed.skip(length);
            self.physical(listener, &line, offset, cut);
            self.heard_to = self.feed.offset();
        }
        self.release(listener, false);
        self.release_parts(listener);
        Ok(())
    }

    /// Goes back to where what matters starts: to the start of a record, or to the function above a place.
    fn step_back(&mut self) {
        const LINES: usize = 3;
        let behind = self.feed.behind(self.heard_to);
        let ready = self.feed.ready();
        let line = memchr::memchr(b'\n', ready).map_or(ready, |end| &ready[..end]);
        let mut back = records::start(behind, line);
        if back == 0 {
            let mut start = behind.len();
            for _ in 0..LINES {
                let Some(end) = start.checked_sub(1) else { break };
                start = memchr::memrchr(b'\n', &behind[..end]).map_or(0, |newline| newline + 1);
            }
            back = behind.len() - start;
        }
        let lines = memchr::memchr_iter(b'\n', &behind[behind.len() - back..]).count() as u64;
        self.feed.passed = self.feed.passed.saturating_sub(lines);
        self.feed.back(back);
    }

    /// A line as it stands in the text, without its end.
    fn physical(&mut self, listener: &mut dyn Listener, line: &[u8], offset: u64, cut: bool) {
        let wrap = self.known.first().and_then(|k| k.wrap);
        let Some(wrap) = wrap else {
            self.release(listener, false);
            self.logical(listener, line, offset, cut);
            return;
        };
        let columns = wrap.columns(line);
        if let Some(held) = &mut self.held {
            let has_prefix = |line: &[u8]| {
                (self.known.iter().filter(|k| !k.template.is_bare()))
                    .any(|k| k.template.matches(line, &mut self.spans).is_some())
            };
            let looks = listener.looks();
            if wrap.joins(&held.text, held.columns, line, has_prefix, looks) {
                wrap.join(&mut held.text, held.columns, line);
                held.columns = columns;
                self.waited = false;
                return;
            }
        }
        self.release(listener, false);
        if cut {
            self.logical(listener, line, offset, true);
        } else {
            self.held = Some(Held {
                text: line.to_vec(),
                offset,
                columns,
            });
        }
    }

    /// Lets go of the line that might have gone on.
    fn release(&mut self, listener: &mut dyn Listener, cut: bool) {
        if let Some(held) = self.held.take() {
            self.logical(listener, &held.text, held.offset, cut);
        }
    }

    /// A whole line.
    fn logical(&mut self, listener: &mut dyn Listener, line: &[u8], offset: u64, cut: bool) {
        if self.cell(listener, line, offset, Again::No) {
            return;
        }
        if self.is_heard(listener, line, offset, cut) {
            return;
        }
        if self.cells.is_none() && self.known.is_empty() {
            self.cells = self.learn_cells(&*listener, line);
            if self.cells.is_some() {
                let (lines, _) = self.lines_behind(offset, None, &*listener);
                for (line, offset) in lines {
                    self.cell(listener, &line, offset, Again::Before);
                }
                self.cell(listener, line, offset, Again::No);
                return;
            }
        }
        if let Some(known) = self.learn(&*listener, line) {
            let bare = known.template.is_bare();
            // Bare lines are what no other prefix fits.
            let at = if bare { self.known.len() } else { 0 };
            self.known.insert(at, known);
            self.hear_again(listener, at, offset);
            if self.is_heard(listener, line, offset, cut) {
                return;
            }
        }
        if self.quoted(listener, line, offset) {
            return;
        }
        if feed::matters(line) {
            listener.stray(line, offset);
        }
    }

    /// Gives a line to the listener if its prefix is known.
    fn is_heard(&mut self, listener: &mut dyn Listener, line: &[u8], offset: u64, cut: bool) -> bool {
        // Records in a list, as some log viewers export them.
        let whole = line.trim_ascii();
        if whole.starts_with(b"[")
            && (whole.ends_with(b"]") || whole.ends_with(b"],"))
            && matches!(whole[1..].trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
            && self.document(listener, b"", whole, offset)
        {
            return true;
        }
        // A record, or a record behind something; no line of a dump with braces ends with one.
        if line.trim_ascii_end().last().is_some_and(|b| matches!(b, b'}' | b','))
            && let Some(open) = memchr::memmem::find(line, b"{\"")
            && self.document(listener, &line[..open], &line[open..], offset)
        {
            return true;
        }
        for i in 0..self.known.len() {
            let mut spans = std::mem::take(&mut self.spans);
            let found = self.known[i].template.matches(line, &mut spans);
            self.spans = spans;
            let Some(found) = found else { continue };
            if i > 0 && !self.known[i].template.is_bare() {
                self.known.swap(0, i);
                return self.prefixed(listener, 0, line, found, offset, cut, Again::No);
            }
            return self.prefixed(listener, i, line, found, offset, cut, Again::No);
        }
        false
    }

    #[expect(clippy::too_many_arguments, reason = "one line and where it stands")]
    fn prefixed(
        &mut self,
        listener: &mut dyn Listener,
        known: usize,
        line: &[u8],
        found: prefix::Match,
        offset: u64,
        cut: bool,
        again: Again,
    ) -> bool {
        let writer = self.writer_of(known, line);
        let (head, text) = line.split_at(found.text);
        if text.trim_ascii_start().starts_with(b"{")
            && again == Again::No
            && self.document(listener, head, text, offset)
        {
            return true;
        }
        let known = &self.known[known];
        let (quote, spaced) = (known.template.quote(), known.spaced);
        let mut whole = Vec::new();
        let text = if self.parts.is_empty() && !found.partial {
            text
        } else {
            let part = self.parts.entry(writer).or_default();
            if part.len() + text.len() < (1 << 24) {
                part.extend_from_slice(text);
            }
            if found.partial {
                return true;
            }
            whole.extend_from_slice(part);
            self.parts.remove(&writer);
            &whole
        };
        let mut decoded = Vec::new();
        let text = records::decode(text, quote, &mut decoded);
        // The escaped end of a line does not begin another one.
        let text = match quote {
            Some(_) => text.strip_suffix(b"\n").unwrap_or(text),
            None => text,
        };
        let mut pieces = text.split(|&b| b == b'\n').peekable();
        while let Some(text) = pieces.next() {
            listener.line(&Line {
                writer,
                who: &self.writers[writer.0 as usize],
                offset,
                text: text.strip_suffix(b"\r").unwrap_or(text),
                // Of several lines in one, the end of the text can only cut the last.
                cut: cut && pieces.peek().is_none(),
                spaced,
                again,
                at: When::Prefix(head),
            });
        }
        true
    }

    fn writer_of(&mut self, at: usize, line: &[u8]) -> WriterId {
        let known = &self.known[at];
        known.template.key(line, &self.spans, &mut self.key);
        if let Some(&id) = known.writers.get(self.key.as_slice()) {
            return id;
        }
        let writer = known.template.writer(line, &self.spans);
        let known_by_name = known.template.is_named(&writer);
        let key = if known_by_name { Vec::new() } else { self.key.clone() };
        let id = self.number(writer, key);
        self.known[at].writers.insert(self.key.clone(), id);
        id
    }

    /// The number of a writer; what tells it apart beside its names is its key.
    fn number(&mut self, writer: Writer, key: Vec<u8>) -> WriterId {
        let key = (writer, key);
        if let Some(&id) = self.by_writer.get(&key) {
            return id;
        }
        let id = WriterId(self.writers.len() as u32);
        self.writers.push(key.0.clone());
        self.by_writer.insert(key, id);
        id
    }
}

/// A line without its end, colours and tags.
fn clean(raw: &[u8]) -> Cow<'_, [u8]> {
    let mut line = raw.strip_suffix(b"\n").unwrap_or(raw);
    // The mark at the start of a file that editors of Windows write.
    line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    while let Some(rest) = line.strip_suffix(b"\r") {
        line = rest;
    }
    let mut line = Cow::Borrowed(line);
    if memchr::memchr(0x1b, &line).is_some() {
        let mut plain = Vec::with_capacity(line.len());
        escape::without_colours(&line, &mut plain);
        line = Cow::Owned(plain);
    }
    // Blanks that do not break hide every word.
    if memchr::memmem::find(&line, b"\xc2\xa0").is_some() || memchr::memmem::find(&line, b"\xe2\x80").is_some() {
        let mut plain = Vec::with_capacity(line.len());
        escape::plain_characters(&line, &mut plain);
        line = Cow::Owned(plain);
    }
    if memchr::memchr(b'<', &line).is_some() && escape::has_tags(&line) {
        let mut plain = Vec::with_capacity(line.len());
        escape::without_tags(&line, &mut plain);
        line = Cow::Owned(plain);
    }
    line
}
