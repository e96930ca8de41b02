//! Learning from one line what stands in front of all of them, and how they were broken.

use rustc_hash::FxHashMap;

use super::assignments::Entry;
use super::cells::Cells;
use super::prefix::Template;
use super::wrap::Wrap;
use super::{Carrier, Listener, Looks, WriterId, clean, json, records, sources};

/// How much of the text is looked at to learn from.
pub(super) const WINDOW: usize = 96 << 10;
/// How many lines before the first of a dump may say why it was written.
pub(super) const LINES_BEHIND: usize = 64;
/// How many lines right above the one that was learned from may be of the dump.
pub(super) const LINES_ABOVE: usize = 4;
/// The same where lines are broken at a width, and few of them can be learned from.
pub(super) const LINES_ABOVE_BROKEN: usize = 24;
/// A text with more kinds of prefixes has none.
const MOST: usize = 24;

/// A prefix that was learned.
pub(super) struct Known {
    pub(super) template: Template,
    /// Lines are broken at a width.
    pub(super) wrap: Option<Wrap>,
    /// Every second line is blank.
    pub(super) spaced: bool,
    pub(super) writers: FxHashMap<Vec<u8>, WriterId>,
}

impl Carrier<'_> {
    /// Learns of which table `line` is a row.
    pub(super) fn learn_cells(&mut self, listener: &dyn Listener, line: &[u8]) -> Option<Cells> {
        let ahead = self.feed.ready();
        let ahead = &ahead[..ahead.len().min(WINDOW)];
        Cells::of(line, ahead, listener.looks())
    }

    /// Learns which fields of records tell writers, where one of these texts is a line of a dump or announces one.
    pub(super) fn learn_sources(&mut self, listener: &dyn Listener, texts: &[json::Text]) {
        let looks = listener.looks();
        // Lines that were logged before they were collected have a prefix of their own.
        let is_dump = |text: &[u8]| looks.is_sure(text) || looks.is_first(text) || looks.starts(text).is_some();
        let is_line = |text: &&json::Text| {
            let line = text.text.trim_ascii_end();
            memchr::memchr(b'\n', line).is_none() && (is_dump(line) || looks.announces(line))
        };
        let Some(path) = texts.iter().find(is_line).map(|text| text.path.clone()) else {
            return;
        };
        if !self.sources.wants(&path) {
            return;
        }
        let more = self.texts_ahead(looks);
        let samples: Vec<(&sources::About, &[u8])> = (texts.iter().chain(&more))
            .filter(|text| text.path == path && is_dump(text.text.trim_ascii_end()))
            .map(|text| (&text.about, text.text.as_slice()))
            .take(400)
            .collect();
        self.sources.learn(&path, &samples);
    }

    /// The texts of the records that follow.
    pub(super) fn texts_ahead(&mut self, looks: &dyn Looks) -> Vec<json::Text> {
        let is_dump = |text: &[u8]| looks.is_sure(text) || looks.is_first(text);
        let ahead = self.feed.ready();
        let ahead = ahead[..ahead.len().min(WINDOW)].to_vec();
        let mut texts = Vec::new();
        for document in documents(&ahead) {
            texts.extend(self.fields.texts(document, &is_dump, &|_| false).unwrap_or_default());
        }
        texts
    }

    /// Learns the same of entries of a journal.
    pub(super) fn learn_entries(&mut self, listener: &dyn Listener, entry: &Entry) {
        let looks = listener.looks();
        let is_dump = |entry: &Entry| (entry.message.as_deref()).is_some_and(|m| looks.is_sure(m) || looks.is_first(m));
        let announces = entry.message.as_deref().is_some_and(|m| looks.announces(m));
        if !self.sources.wants(MESSAGE) || !is_dump(entry) && !announces {
            return;
        }
        let ahead = self.feed.ready();
        let more = records::entries(&ahead[..ahead.len().min(WINDOW)]);
        let samples: Vec<(&sources::About, &[u8])> = ([entry].into_iter().chain(&more))
            .filter(|entry| is_dump(entry))
            .map(|entry| (&entry.about, entry.message.as_deref().unwrap_or_default()))
            .take(400)
            .collect();
        self.sources.learn(MESSAGE, &samples);
    }

    /// Learns the prefix of `line`, where the line is one of a dump behind something.
    pub(super) fn learn(&mut self, listener: &dyn Listener, line: &[u8]) -> Option<Known> {
        let looks = listener.looks();
        let start = looks.starts(line)?;
        let bare = line[..start.at].trim_ascii().is_empty();
        if self.known.len() >= MOST || bare && self.known.iter().any(|k| k.template.is_bare()) {
            return None;
        }
        let behind = self.feed.behind(0);
        let tail = behind.len().saturating_sub(4 << 10);
        let behind = behind[tail..].to_vec();
        let ahead = self.feed.ready();
        let ahead = &ahead[..ahead.len().min(WINDOW)];
        // The last line is cut by the end of the window.
        let ahead = match memchr::memrchr(b'\n', ahead) {
            Some(end) if ahead.len() == WINDOW => &ahead[..=end],
            _ => ahead,
        };
        let lines =
            |text: &[u8]| -> Vec<Vec<u8>> { text.split(|&b| b == b'\n').map(|l| clean(l).into_owned()).collect() };
        let (before, after) = (lines(&behind), lines(ahead));
        let mut window: Vec<&[u8]> = vec![line];
        window.extend(after.iter().map(Vec::as_slice));
        Known::of(line, &before, &window, looks)
    }
}

impl Known {
    /// What stands in front of `line`, where it is one of a dump and other lines around it have the same.
    pub(super) fn of(line: &[u8], before: &[Vec<u8>], window: &[&[u8]], looks: &dyn Looks) -> Option<Self> {
        let start = looks.starts(line)?;
        let prefix = &line[..start.at];
        let bare = prefix.trim_ascii().is_empty();
        let mut template = match bare {
            true => Template::bare(),
            false => Template::of(prefix)?,
        };
        if !bare && !is_prefix(&template, line, before, window, start.first, looks) {
            return None;
        }
        let quote = template.quote();
        let of_dump: Vec<&[u8]> = (window.iter().copied())
            .filter(|line| {
                text_of(&template, line, quote).is_some_and(|text| looks.is_sure(&text) || looks.is_first(&text))
            })
            .collect();
        template.learn(of_dump.into_iter());
        let wrap = Wrap::of(window.iter().copied(), &template, looks);
        let spaced = is_spaced(&template, window, quote);
        Some(Self {
            template,
            wrap,
            spaced,
            writers: FxHashMap::default(),
        })
    }
}

/// The field of a journal with the text.
pub(super) const MESSAGE: &str = "MESSAGE";

/// The documents in a text, as far as they are whole.
fn documents(text: &[u8]) -> Vec<&[u8]> {
    const BROKEN: usize = 32;
    let (mut found, mut broken, mut at) = (Vec::new(), 0, 0);
    while let Some(open) = memchr::memchr2(b'{', b'[', &text[at..]).map(|i| at + i) {
        let mut values = serde_json::Deserializer::from_slice(&text[open..]).into_iter::<serde::de::IgnoredAny>();
        let length = match values.next() {
            Some(Ok(_)) => values.byte_offset(),
            _ => 0,
        };
        if length > 0 {
            found.push(&text[open..open + length]);
            at = open + length;
            continue;
        }
        broken += 1;
        let Some(end) = memchr::memchr(b'\n', &text[open..]).filter(|_| broken < BROKEN) else {
            break;
        };
        at = open + end;
    }
    found
}

/// The text behind the prefix, if the line has it.
fn text_of(template: &Template, line: &[u8], quote: Option<u8>) -> Option<Vec<u8>> {
    let found = template.matches(line, &mut Vec::new())?;
    let mut decoded = Vec::new();
    Some(records::decode(&line[found.text..], quote, &mut decoded).to_vec())
}

/// Whether other lines around have the same prefix in front of lines of a dump.
fn is_prefix(
    template: &Template,
    line: &[u8],
    before: &[Vec<u8>],
    window: &[&[u8]],
    first: bool,
    looks: &dyn Looks,
) -> bool {
    const NEAR: usize = 200;
    let quote = template.quote();
    let has_dump = |line: &[u8]| {
        text_of(template, line, quote)
            .is_some_and(|text| text.split(|&b| b == b'\n').any(|text| looks.is_sure(text)) || looks.is_first(&text))
    };
    // Several lines in one.
    if text_of(template, line, quote).is_some_and(|text| text.split(|&b| b == b'\n').skip(1).any(|l| looks.is_sure(l)))
    {
        return true;
    }
    let ahead = window.iter().skip(1).take(NEAR).any(|l| has_dump(l));
    ahead || !first && before.iter().rev().take(8).skip(1).any(|l| has_dump(l))
}

/// Whether a blank line follows every line from the first of a goroutine on.
fn is_spaced(template: &Template, window: &[&[u8]], quote: Option<u8>) -> bool {
    let texts: Vec<bool> = (window.iter())
        .filter_map(|line| text_of(template, line, quote))
        .map(|text| text.trim_ascii().is_empty())
        .take(9)
        .collect();
    // Up to the blank line that ends the goroutine, which another one follows.
    let end = (0..texts.len()).step_by(2).find(|&i| texts[i]).unwrap_or(texts.len());
    let texts = &texts[..end];
    texts.len() >= 5 && texts.iter().enumerate().all(|(i, blank)| *blank == (i % 2 == 1))
}
