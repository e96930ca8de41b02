//! What a stream can show: colour, width, and text from files made harmless.
//!
//! Names and labels come from files that anybody may have made. What people read ([`Terminal::clean`]) never holds a
//! control character of theirs, wherever it goes: an escape sequence in a log is one in the terminal that shows the log, and
//! a line break forges a line. Formats with a grammar of their own keep all bytes, except on a terminal ([`Harmless`]).

use std::borrow::Cow;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// How a stream is written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Whether it shows colour.
    pub colour: bool,
    /// Columns; `None` when it is no terminal, and nothing is cut.
    pub width: Option<usize>,
}

/// How words stand out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Not at all.
    Plain,
    /// Bold.
    Bold,
    /// Faint.
    Faint,
    /// Red: growth, trouble.
    Red,
    /// Green: shrinkage, fine.
    Green,
}

impl Terminal {
    /// Wraps `text` in the codes of a style where the stream shows colour.
    pub fn paint<'a>(&self, text: &'a str, style: Style) -> Cow<'a, str> {
        let code = match style {
            _ if !self.colour || text.is_empty() => return Cow::Borrowed(text),
            Style::Plain => return Cow::Borrowed(text),
            Style::Bold => 1,
            Style::Faint => 2,
            Style::Red => 31,
            Style::Green => 32,
        };
        Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m"))
    }

    /// Text from a file in a form that can neither command a terminal nor forge a line.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        sanitize(text)
    }
}

/// Characters that nobody sees and that change what is seen: control characters, those that turn the writing direction,
/// and the others of Unicode's category "format".
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Characters that would be invisible or a command become visible escapes.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let is_plain = |b: &u8| (b' '..0x7f).contains(b);
    if text.as_bytes().iter().all(is_plain) || !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Passes text on with everything made visible that could command a terminal; line breaks and tabs stay. What is not
/// UTF-8 becomes U+FFFD.
pub struct Harmless<W> {
    inner: W,
    /// The beginning of a character whose end is still to come.
    begun: Vec<u8>,
}

impl<W: Write> Harmless<W> {
    /// In front of a terminal.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            begun: Vec::new(),
        }
    }

    /// Writes what is left: a character that has no end.
    ///
    /// # Errors
    /// What the inner writer reports.
    pub fn finish(mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.begun).is_empty() {
            self.pass("\u{fffd}")?;
        }
        self.inner.flush()
    }

    fn pass(&mut self, text: &str) -> io::Result<()> {
        for piece in text.split_inclusive(['\n', '\t']) {
            let (words, end) = match piece.as_bytes().last() {
                Some(b'\n' | b'\t') => piece.split_at(piece.len() - 1),
                _ => (piece, ""),
            };
            self.inner.write_all(sanitize(words).as_bytes())?;
            self.inner.write_all(end.as_bytes())?;
        }
        Ok(())
    }
}

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let joined;
        let all = if self.begun.is_empty() {
            bytes
        } else {
            joined = [&self.begun, bytes].concat();
            &joined
        };
        let mut begun = Vec::new();
        let mut chunks = all.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.pass(chunk.valid())?;
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && is_beginning(invalid) {
                begun = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.pass("\u{fffd}")?;
            }
        }
        self.begun = begun;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Whether more bytes may make this a character.
fn is_beginning(bytes: &[u8]) -> bool {
    let length = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => 0,
    };
    bytes.len() < length
}

/// How many columns of a terminal a text takes: wide characters take two, combining ones none.
pub fn columns_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// A text with blanks after it, as many as make it `columns` wide.
pub fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(columns_of(text))))
}
