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
mod cells;
mod escape;
mod feed;
mod json;
mod learn;
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

impl Line<'_> {
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
pub(super) fn listen(from: &mut dyn Read, listener: &mut dyn Listener) -> io::Result<Heard> {
    let mut carrier = Carrier {
        feed: Feed::new(from),
        known: Vec::new(),
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
        let columns = wrap::columns(line);
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

    /// The writer of a record.
    fn source(&mut self, mut writer: Writer, path: &str, about: &sources::About) -> WriterId {
        let (key, apart) = self.sources.key(path, about);
        for value in apart {
            let pid = writer.pid.is_some_and(|pid| pid.to_string() == value);
            if pid || writer.name == value || writer.host == value || writer.rest.contains(&value) {
                continue;
            }
            if !writer.rest.is_empty() {
                writer.rest.push(' ');
            }
            writer.rest.push_str(&value);
        }
        self.number(writer, key)
    }

    /// A record of JSON behind `head`. False when it is none, or holds nothing that matters.
    fn document(&mut self, listener: &mut dyn Listener, head: &[u8], document: &[u8], offset: u64) -> bool {
        let looks = listener.looks();
        let is_dump = |text: &[u8]| {
            let mut decoded = Vec::new();
            let text = records::decode(text, None, &mut decoded);
            text.split(|&b| b == b'\n')
                .any(|l| looks.is_sure(l) || looks.is_first(l))
        };
        let Some(mut texts) = self.fields.texts(document, &is_dump, &feed::matters) else {
            return false;
        };
        // The labels of a sample look like a record as well.
        if texts.is_empty() && !head.trim_ascii().is_empty() {
            return false;
        }
        // Some collectors keep the line in two fields.
        texts.dedup_by(|b, a| a.path != b.path && a.text == b.text);
        self.learn_sources(&*listener, &texts);
        let (of_head, at_head) = match head.trim_ascii().is_empty() {
            true => (Writer::default(), None),
            false => (prefix::writer(head), stamp::stamp(head)),
        };
        for mut text in texts {
            text.at = text.at.or_else(|| at_head.clone());
            if text.writer.is_unknown() && (of_head.pid.is_some() || !of_head.name.is_empty()) {
                text.writer = of_head.clone();
            }
            let writer = self.source(text.writer, &text.path, &text.about);
            self.text(listener, writer, &text.text, text.at.as_ref(), offset, Again::No);
        }
        true
    }

    /// The text of a record.
    fn text(
        &mut self,
        listener: &mut dyn Listener,
        writer: WriterId,
        text: &[u8],
        at: Option<&Stamp>,
        offset: u64,
        again: Again,
    ) {
        let mut decoded = Vec::new();
        let text = records::decode(text, None, &mut decoded);
        // The end of a line in a record does not begin another one.
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for text in text.split(|&b| b == b'\n') {
            listener.line(&Line {
                writer,
                who: &self.writers[writer.0 as usize],
                offset,
                text: text.strip_suffix(b"\r").unwrap_or(text),
                cut: false,
                spaced: false,
                again,
                at: at.map_or(When::Unknown, When::Known),
            });
        }
    }

    /// A row of the table that the text is.
    fn cell(&mut self, listener: &mut dyn Listener, line: &[u8], offset: u64, again: Again) -> bool {
        let Some(row) = self.cells.and_then(|cells| cells.row(line)) else {
            return false;
        };
        let writer = self.number(prefix::writer(&row.about), Vec::new());
        let stamp = stamp::stamp(&row.about);
        self.text(listener, writer, &row.text, stamp.as_ref(), offset, again);
        true
    }

    /// A line with a dump in quotes: `msg="goroutine 1 [running]:\nmain.f()\n..."`.
    fn quoted(&mut self, listener: &mut dyn Listener, line: &[u8], offset: u64) -> bool {
        let Some((at, text)) = records::quoted(line, listener.looks()) else {
            return false;
        };
        let head = &line[..at];
        let writer = self.number(prefix::writer(head), Vec::new());
        let stamp = stamp::stamp(head);
        self.text(listener, writer, &text, stamp.as_ref(), offset, Again::No);
        true
    }

    /// Lines in front of the one that a prefix was learned from, which may say why the process ended.
    fn hear_again(&mut self, listener: &mut dyn Listener, known: usize, offset: u64) {
        let (lines, above) = self.lines_behind(offset, Some(known), &*listener);
        let all = lines.len();
        for (i, (line, offset)) in lines.into_iter().enumerate() {
            // Those right above may be lines of the dump, of which nothing told the prefix.
            let again = match i + above < all {
                true => Again::Before,
                false => Again::Above,
            };
            let mut spans = std::mem::take(&mut self.spans);
            let found = self.known[known].template.matches(&line, &mut spans);
            self.spans = spans;
            if let Some(found) = found {
                self.prefixed(listener, known, &line, found, offset, false, again);
            }
        }
    }

    /// The last lines before `offset`, joined as a prefix says that they were broken; and how many of them may be of the
    /// dump.
    fn lines_behind(&self, offset: u64, known: Option<usize>, listener: &dyn Listener) -> (Vec<(Vec<u8>, u64)>, usize) {
        let mut lines: Vec<(Vec<u8>, u64)> = Vec::new();
        let behind = self.feed.behind(0);
        let from = self.feed.offset() - behind.len() as u64;
        let end = usize::try_from(offset.saturating_sub(from)).unwrap_or(0);
        let Some(behind) = behind.get(..end).and_then(|b| b.strip_suffix(b"\n")) else {
            return (lines, 0);
        };
        let mut start = behind.len();
        for _ in 0..learn::LINES_BEHIND {
            match memchr::memrchr(b'\n', &behind[..start]) {
                Some(newline) => start = newline,
                None => {
                    start = 0;
                    break;
                }
            }
        }
        let mut at = from + start as u64;
        let known = known.map(|known| &self.known[known]);
        let wrap = known.and_then(|known| known.wrap);
        let mut columns = 0;
        for line in behind[start..].split(|&b| b == b'\n') {
            let offset = at;
            at += line.len() as u64 + 1;
            let line = clean(line).into_owned();
            let before = std::mem::replace(&mut columns, wrap::columns(&line));
            if let (Some(wrap), Some(known), Some((held, _))) = (wrap, known, lines.last_mut()) {
                let has_prefix = |line: &[u8]| known.template.matches(line, &mut Vec::new()).is_some();
                if wrap.joins(held, before, &line, has_prefix, listener.looks()) {
                    wrap.join(held, before, &line);
                    continue;
                }
            }
            lines.push((line, offset));
        }
        // A line that is broken tells no prefix: more of the dump may stand above.
        let above = match wrap {
            Some(_) => learn::LINES_ABOVE_BROKEN,
            None => learn::LINES_ABOVE,
        };
        (lines, above)
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
