//! Texts of records and tables: who wrote each, which of them go on in the next one, and what stands in front of their lines.

use super::learn::Known;
use super::{Again, Carrier, Line, Listener, When, WriterId, feed, json, names, records, sources, stamp};
use crate::model::evidence::{Stamp, Writer};

/// A line in parts that is longer is cut.
const LONGEST: usize = 1 << 24;
/// Records have no more kinds of prefixes inside of them.
const MOST: usize = 8;

impl Carrier<'_> {
    /// The writer of a record.
    pub(super) fn source(&mut self, mut writer: Writer, path: &str, about: &sources::About) -> WriterId {
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
    pub(super) fn document(&mut self, listener: &mut dyn Listener, head: &[u8], document: &[u8], offset: u64) -> bool {
        let looks = listener.looks();
        let is_dump = |text: &[u8]| {
            let mut decoded = Vec::new();
            let text = records::decode(text, None, &mut decoded);
            text.split(|&b| b == b'\n')
                .any(|l| looks.is_sure(l) || looks.is_first(l) || looks.starts(l).is_some())
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
        if self.backwards {
            texts.reverse();
        }
        self.learn_sources(&*listener, &texts);
        let (of_head, at_head) = match head.trim_ascii().is_empty() {
            true => (Writer::default(), None),
            false => (names::writer(head), stamp::stamp(head)),
        };
        self.learn_nested(&*listener, &texts);
        for mut text in texts {
            text.at = text.at.or_else(|| at_head.clone());
            if text.writer.is_unknown() && (of_head.pid.is_some() || !of_head.name.is_empty()) {
                text.writer = of_head.clone();
            }
            let writer = self.source(text.writer, &text.path, &text.about);
            if text.part == json::Part::Whole && self.parts.is_empty() {
                self.text(listener, writer, &text.text, text.at.as_ref(), offset, Again::No);
                continue;
            }
            let part = self.parts.entry(writer).or_default();
            if part.len() + text.text.len() < LONGEST {
                part.extend_from_slice(&text.text);
            }
            if text.part == json::Part::Whole {
                let whole = self.parts.remove(&writer).unwrap_or_default();
                self.text(listener, writer, &whole, text.at.as_ref(), offset, Again::No);
            }
        }
        true
    }

    /// Lines of which the end did not come.
    pub(super) fn release_parts(&mut self, listener: &mut dyn Listener) {
        let mut parts: Vec<(WriterId, Vec<u8>)> = self.parts.drain().collect();
        parts.sort_unstable();
        for (writer, part) in parts {
            self.text(listener, writer, &part, None, self.heard_to, Again::No);
        }
    }

    /// Learns what stands in front of the lines in texts of records, where they were logged before they were collected.
    fn learn_nested(&mut self, listener: &dyn Listener, texts: &[json::Text]) {
        let looks = listener.looks();
        if self.nested.len() >= MOST {
            return;
        }
        let is_nested = |text: &&json::Text| {
            let line = text.text.trim_ascii_end();
            // A place alone has a prefix where its path has a blank or a colon.
            let is_told = |line: &[u8]| looks.is_first(line) || line.starts_with(b"created by ");
            memchr::memchr(b'\n', line).is_none()
                && (looks.starts(line))
                    .is_some_and(|start| !line[..start.at].trim_ascii().is_empty() && is_told(&line[start.at..]))
        };
        let Some(text) = texts.iter().find(is_nested) else {
            return;
        };
        let line = text.text.trim_ascii_end();
        if (self.nested.iter()).any(|k| k.template.matches(line, &mut Vec::new()).is_some()) {
            return;
        }
        let ahead = self.texts_ahead(looks);
        let near = (texts.iter().chain(&ahead)).filter(|t| t.path == text.path);
        let lines: Vec<&[u8]> = near.map(|t| t.text.trim_ascii_end()).collect();
        let learned = Known::of(line, &[], &lines, looks);
        self.nested.extend(learned);
    }

    /// The text of a record.
    pub(super) fn text(
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
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let (writer, head, text) = self.behind_nested(writer, text);
            let when = match at {
                Some(at) => When::Known(at),
                None if head.is_empty() => When::Unknown,
                None => When::Prefix(head),
            };
            listener.line(&Line {
                writer,
                who: &self.writers[writer.0 as usize],
                offset,
                text,
                cut: false,
                spaced: false,
                again,
                at: when,
            });
        }
    }

    /// A line of a record without the prefix that it had before it was collected, and who wrote it then.
    fn behind_nested<'l>(&mut self, writer: WriterId, line: &'l [u8]) -> (WriterId, &'l [u8], &'l [u8]) {
        if self.nested.is_empty() {
            return (writer, b"", line);
        }
        let mut spans = Vec::new();
        let found = (self.nested.iter()).find_map(|k| Some((&k.template, k.template.matches(line, &mut spans)?)));
        let Some((template, found)) = found else {
            return (writer, b"", line);
        };
        let (head, text) = line.split_at(found.text);
        let inner = template.writer(line, &spans);
        if inner.name.is_empty() && inner.pid.is_none() {
            return (writer, head, text);
        }
        let outer = &self.writers[writer.0 as usize];
        let or = |inner: String, outer: &String| if inner.is_empty() { outer.clone() } else { inner };
        let merged = Writer {
            host: or(inner.host, &outer.host),
            name: or(inner.name, &outer.name),
            pid: inner.pid.or(outer.pid),
            rest: outer.rest.clone(),
        };
        let key = writer.0.to_le_bytes().to_vec();
        (self.number(merged, key), head, text)
    }

    /// A row of the table that the text is.
    pub(super) fn cell(&mut self, listener: &mut dyn Listener, line: &[u8], offset: u64, again: Again) -> bool {
        let Some(row) = self.cells.and_then(|cells| cells.row(line)) else {
            return false;
        };
        let writer = self.number(names::writer(&row.about), Vec::new());
        let stamp = stamp::stamp(&row.about);
        self.text(listener, writer, &row.text, stamp.as_ref(), offset, again);
        true
    }

    /// A line with a dump in quotes: `msg="goroutine 1 [running]:\nmain.f()\n..."`.
    pub(super) fn quoted(&mut self, listener: &mut dyn Listener, line: &[u8], offset: u64) -> bool {
        let Some((at, text)) = records::quoted(line, listener.looks()) else {
            return false;
        };
        let head = &line[..at];
        let writer = self.number(names::writer(head), Vec::new());
        let stamp = stamp::stamp(head);
        self.text(listener, writer, &text, stamp.as_ref(), offset, Again::No);
        true
    }
}
