//! Texts inside of something: a record of several lines, a text in quotes, a text with escapes.

use std::io;

use super::assignments::{self, Entry};
use super::{Again, Carrier, Listener, Looks, clean, escape, learn};

/// Larger records are read as lines.
const LARGEST: usize = 32 << 20;

/// What kind of record a line begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A JSON object over several lines.
    Object,
    /// An entry of a journal.
    Entry,
}

fn kind(raw: &[u8]) -> Option<Kind> {
    if matches!(raw.trim_ascii(), b"{" | b"[{" | b"}, {" | b"},{") {
        return Some(Kind::Object);
    }
    let (key, _) = assignments::key(raw)?;
    let of_journal = key.starts_with(b"_")
        || matches!(
            key,
            b"MESSAGE" | b"PRIORITY" | b"SYSLOG_IDENTIFIER" | b"SYSLOG_FACILITY"
        );
    of_journal.then_some(Kind::Entry)
}

/// Whether the line begins a record of several lines.
pub(super) fn opens(raw: &[u8]) -> bool {
    kind(raw).is_some()
}

/// How far back the record starts that `line` stands in, if it stands in one. `behind` ends where the line starts.
pub(super) fn start(behind: &[u8], line: &[u8]) -> usize {
    let is_member = line.trim_ascii_start().starts_with(b"\"");
    let mut end = behind.len();
    let mut is_entry = assignments::key(line).is_some();
    if !is_entry && let Some(name) = assignments::name_above(behind) {
        (is_entry, end) = (true, name);
    }
    if !is_member && !is_entry {
        return 0;
    }
    // How many objects that are closed above are still to be opened.
    let mut closed = 0usize;
    while end > 0 {
        let start = memchr::memrchr(b'\n', &behind[..end - 1]).map_or(0, |i| i + 1);
        let line = &behind[start..end];
        if is_member {
            let inside = line.trim_ascii();
            if inside.ends_with(b"{") {
                if closed > 0 {
                    closed -= 1;
                } else if kind(line) == Some(Kind::Object) {
                    return behind.len() - start;
                }
            }
            closed += usize::from(inside.starts_with(b"}"));
        }
        if is_entry && assignments::key(line).is_none() {
            match assignments::name_above(&behind[..end]) {
                Some(name) => {
                    end = name;
                    continue;
                }
                None => break,
            }
        }
        end = start;
    }
    if is_entry { behind.len() - end } else { 0 }
}

/// Length of the record that starts here; `None` where it does not end.
fn length(rest: &[u8], kind: Kind, ended: bool) -> Option<usize> {
    let mut at = 0;
    let mut opened = 0usize;
    loop {
        let line_end = match memchr::memchr(b'\n', &rest[at..]) {
            Some(end) => at + end + 1,
            None if ended && at < rest.len() => rest.len(),
            None if ended && kind == Kind::Entry => return Some(at),
            None => return None,
        };
        let line = &rest[at..line_end];
        match kind {
            Kind::Object => {
                let line = line.trim_ascii();
                let closes = line.starts_with(b"}");
                opened = opened.saturating_sub(usize::from(closes && at > 0));
                opened += usize::from(line.ends_with(b"{") || at == 0);
                if opened == 0 || closes && at > 0 && matches!(line, b"}, {" | b"},{") && opened == 1 {
                    // The next one opens on this line.
                    return Some(if line.ends_with(b"{") { at } else { line_end });
                }
            }
            Kind::Entry if assignments::is_name(line) => {
                let Some(binary) = assignments::binary(&rest[line_end..]) else {
                    return (at > 0).then_some(at);
                };
                at = line_end + binary.1;
                continue;
            }
            Kind::Entry if at > 0 && assignments::key(line).is_none() => return Some(at),
            Kind::Entry => {}
        }
        at = line_end;
        if at >= LARGEST {
            return None;
        }
    }
}

/// The entries of a journal in a text.
pub(super) fn entries(text: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if kind(rest.split(|&b| b == b'\n').next().unwrap_or_default()) == Some(Kind::Entry)
            && let Some(length) = length(rest, Kind::Entry, false)
            && length > 0
        {
            entries.push(Entry::of(&rest[..length]));
            at += length;
            continue;
        }
        at += memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    }
    entries
}

impl Carrier<'_> {
    /// Reads the record that begins with the next line, or that line alone.
    pub(super) fn record(&mut self, listener: &mut dyn Listener, offset: u64) -> io::Result<()> {
        self.release(listener, false);
        let mut want = 64 << 10;
        let found = loop {
            let (rest, ended) = self.feed.ahead_or_end(want)?;
            let line = memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..end]);
            let Some(kind) = kind(line) else { break None };
            if let Some(length) = length(rest, kind, ended) {
                break Some((kind, rest[..length].to_vec()));
            }
            if ended || want >= LARGEST {
                break None;
            }
            want *= 4;
        };
        let Some((kind, record)) = found else {
            return self.single(listener, offset);
        };
        let title = match kind {
            Kind::Entry => last_line(self.feed.behind(0)).to_vec(),
            Kind::Object => Vec::new(),
        };
        self.feed.skip(record.len());
        self.heard_to = self.feed.offset();
        self.feed.ahead(learn::WINDOW)?;
        match kind {
            Kind::Object => {
                let record = record.trim_ascii();
                let record = record.strip_prefix(b"[").unwrap_or(record);
                let record = match record.strip_prefix(b"}") {
                    Some(rest) => rest.trim_ascii_start().strip_prefix(b",").unwrap_or(rest).to_vec(),
                    None => record.to_vec(),
                };
                if !self.document(listener, b"", &record, offset) {
                    // A record that is broken may still have lines of a dump.
                    for line in record.split(|&b| b == b'\n') {
                        self.logical(listener, line.trim_ascii_end(), offset, false);
                    }
                }
            }
            Kind::Entry => {
                let mut entry = Entry::of(&record);
                entry.title(&title);
                self.learn_entries(&*listener, &entry);
                if let Some(message) = entry.message {
                    let writer = self.source(entry.writer, learn::MESSAGE, &entry.about);
                    self.text(listener, writer, &message, entry.at.as_ref(), offset, Again::No);
                }
            }
        }
        Ok(())
    }

    /// The next line, which only looked as if a record began with it.
    fn single(&mut self, listener: &mut dyn Listener, offset: u64) -> io::Result<()> {
        let Some((length, cut)) = self.feed.line()? else {
            return Ok(());
        };
        let line = clean(self.feed.bytes(length)).into_owned();
        self.feed.ahead(length + learn::WINDOW)?;
        self.feed.skip(length);
        self.physical(listener, &line, offset, cut);
        self.heard_to = self.feed.offset();
        Ok(())
    }
}

fn last_line(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let start = memchr::memrchr(b'\n', text).map_or(0, |i| i + 1);
    &text[start..]
}

/// One of them undone: from a text to the same text without it.
type Step<'a> = &'a dyn Fn(&[u8], &mut Vec<u8>);

/// A text without the marks that its carrier put into it. With `quote` it ends there.
pub(super) fn decode<'a>(text: &'a [u8], quote: Option<u8>, out: &'a mut Vec<u8>) -> &'a [u8] {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let unescape = |text: &[u8], out: &mut Vec<u8>| {
        escape::unescape(text, quote, out);
    };
    if quote.is_some() || memchr::memchr(b'\\', text).is_some() && is_escaped(text) {
        steps.push(&unescape);
    }
    if memchr::memchr(b'#', text).is_some() && escape::has_octal(text) {
        steps.push(&escape::without_octal);
    }
    if memchr::memchr(b'&', text).is_some() && memchr::memchr(b';', text).is_some() {
        steps.push(&escape::without_entities);
    }
    if !text.is_ascii() {
        steps.push(&escape::plain_characters);
    }
    if steps.is_empty() {
        return text;
    }
    // Escaped colours show only when the escapes are undone.
    steps.push(&escape::without_colours);
    let mut next = Vec::with_capacity(text.len());
    for (i, step) in steps.iter().enumerate() {
        next.clear();
        step(if i == 0 { text } else { out }, &mut next);
        std::mem::swap(out, &mut next);
    }
    out
}

/// Whether backslashes stand for characters: at least one stands for a tab in front or for the end of a line.
fn is_escaped(text: &[u8]) -> bool {
    let start = text.trim_ascii_start();
    start.starts_with(br"\t")
        || start.starts_with(br"\u0009")
        || memchr::memmem::find_iter(text, br"\n").any(|at| {
            let rest = &text[at + 2..];
            [&br"\t"[..], b"goroutine ", b"created by ", br"\n", b"\t"]
                .iter()
                .any(|s| rest.starts_with(s))
        })
}

/// A dump in quotes with its lines escaped: where the quote stands and the text in it.
pub(super) fn quoted(line: &[u8], looks: &dyn Looks) -> Option<(usize, Vec<u8>)> {
    memchr::memmem::find(line, br"\n")?;
    let mut text = Vec::new();
    let mut at = 0;
    for _ in 0..64 {
        let quote = at + memchr::memchr2(b'"', b'\'', &line[at..])?;
        text.clear();
        let used = escape::unescape(&line[quote + 1..], Some(line[quote]), &mut text);
        let sure = |text: &[u8]| text.split(|&b| b == b'\n').filter(|l| looks.is_sure(l)).take(2).count() == 2;
        if text.contains(&b'\n') && sure(&text) {
            return Some((quote, text));
        }
        at = (quote + 1 + used + 1).min(line.len());
    }
    None
}
