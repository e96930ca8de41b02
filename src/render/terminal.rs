//! What a stream can show: colour, width, and text from files made harmless.

use std::borrow::Cow;

/// How a stream is written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Whether it shows colour.
    pub colour: bool,
    /// Columns; `None` when it is no terminal, and nothing is cut.
    pub width: Option<usize>,
    /// Whether control characters must be made visible.
    pub sanitize: bool,
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

    /// Text from a file in a form that cannot command the terminal.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.sanitize { sanitize(text) } else { one_line(text) }
    }
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}')
}

/// Control characters and those that turn the writing direction become visible escapes.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() || is_bidi(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() || is_bidi(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Line breaks would tear a table apart, wherever it goes.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\r']) {
        Cow::Owned(text.replace(['\n', '\r'], " "))
    } else {
        Cow::Borrowed(text)
    }
}

/// Cuts the middle out of a text that is wider than `width`: the package loses letters, the function never does while
/// there is room.
pub fn cut_middle(text: &str, width: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= width || width < 3 {
        return Cow::Borrowed(text);
    }
    // The tail holds the receiver and the method; it gets two thirds.
    let tail = (width - 1) * 2 / 3;
    let head = width - 1 - tail;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    Cow::Owned(format!("{start}…{end}"))
}
