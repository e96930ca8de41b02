//! Lines, numbers and patterns of text profiles.

use regex::bytes::Regex;

/// Walks over lines and knows where each stands. The end of a line is `\n` or `\r\n`.
pub(super) struct Lines<'a> {
    data: &'a [u8],
    next: usize,
    at: usize,
    line: &'a [u8],
}

impl<'a> Lines<'a> {
    pub(super) fn new(data: &'a [u8], from: usize) -> Self {
        Self {
            data,
            next: from.min(data.len()),
            at: from,
            line: b"",
        }
    }

    /// Moves to the next line; false at the end, when the line becomes empty.
    pub(super) fn advance(&mut self) -> bool {
        let rest = &self.data[self.next..];
        self.at = self.next;
        if rest.is_empty() {
            self.line = b"";
            return false;
        }
        let (line, taken) = match memchr(b'\n', rest) {
            Some(i) => (&rest[..i], i + 1),
            None => (rest, rest.len()),
        };
        self.line = line.strip_suffix(b"\r").unwrap_or(line);
        self.next += taken;
        true
    }

    /// The line that the last `advance` came to.
    pub(super) fn line(&self) -> &'a [u8] {
        self.line
    }

    /// Offset of that line.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// Offset of the line after it.
    pub(super) fn rest(&self) -> usize {
        self.next
    }
}

fn memchr(needle: u8, haystack: &[u8]) -> Option<usize> {
    haystack.iter().position(|&b| b == needle)
}

/// A constant pattern over bytes; classes such as `\s` are ASCII.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(&format!("(?-u:{text})")).expect("a valid pattern")
}

/// Whether a line says nothing: blank, or a `#` comment.
pub(super) fn is_comment(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), None | Some(b'#'))
}

/// Whether the memory map starts after this line.
pub(super) fn starts_memory_map(line: &[u8]) -> bool {
    contains(line, b"--- Memory map: ---") || contains(line, b"MAPPED_LIBRARIES:")
}

pub(super) fn contains(line: &[u8], what: &[u8]) -> bool {
    line.windows(what.len()).any(|w| w == what)
}

/// A line for an error message: at most 80 bytes of it.
pub(super) fn excerpt(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned()
}

/// A decimal number with an optional sign; `None` when it is anything else or does not fit.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number as Go's base 0 has it: decimal, or `0x` and hex.
pub(super) fn any_base(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"0x") {
        Some(digits) => i64::try_from(hex(digits)?).ok(),
        None => decimal(text),
    }
}

/// Hex digits without a prefix.
pub(super) fn hex(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Appends every `0x` number of `text` (lower-case hex) to `out`. False when one does not fit into 64 bits.
pub(super) fn addresses(text: &[u8], out: &mut Vec<u64>) -> bool {
    let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let mut rest = text;
    while let Some(i) = rest.windows(2).position(|w| w == b"0x") {
        rest = &rest[i + 2..];
        let len = rest.iter().take_while(|b| is_digit(b)).count();
        let (digits, after) = rest.split_at(len);
        rest = after;
        if digits.is_empty() {
            continue;
        }
        let Some(value) = hex(digits) else { return false };
        out.push(value);
    }
    true
}
