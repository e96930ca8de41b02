//! Texts whose lines end with something else than a line feed: the carriage return of old programs, the marks of editors,
//! zeros, tags of a page that was saved as one line.
//!
//! A text is only taken for one of these when something is understood of it that was not before; see `read`.

/// How the lines of a text end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineEnd {
    /// CR, without LF.
    CarriageReturn,
    /// A zero, as in `find -print0` and `/proc`.
    Nul,
    /// A control character or a mark of Unicode that breaks lines.
    Mark(&'static str),
    /// Tags of HTML or XML.
    Tags,
}

impl std::fmt::Display for LineEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CarriageReturn => f.write_str("carriage returns without line feeds"),
            Self::Nul => f.write_str("NUL characters"),
            Self::Mark(name) => write!(f, "the character {name}"),
            Self::Tags => f.write_str("tags of HTML or XML"),
        }
    }
}

/// How much of a text is looked at.
const HEAD: usize = 256 << 10;
/// Fewer lines tell nothing.
const FEWEST: usize = 3;

const MARKS: [(&[u8], LineEnd); 11] = [
    (b"\r", LineEnd::CarriageReturn),
    (b"\0", LineEnd::Nul),
    (b"\x0b", LineEnd::Mark("VT")),
    (b"\x0c", LineEnd::Mark("FF")),
    (b"\x1e", LineEnd::Mark("RS")),
    (b"\xc2\x85", LineEnd::Mark("U+0085")),
    (b"\xe2\x80\xa8", LineEnd::Mark("U+2028")),
    (b"\xe2\x80\xa9", LineEnd::Mark("U+2029")),
    (b"\xe2\x90\xa4", LineEnd::Mark("U+2424")),
    (b"\xe2\x86\xb5", LineEnd::Mark("U+21B5")),
    (b"\xe2\x8f\x8e", LineEnd::Mark("U+23CE")),
];

/// The text with line feeds where its lines end; `None` where they end with line feeds already.
pub(super) fn with_line_feeds(text: &[u8]) -> Option<(Vec<u8>, LineEnd)> {
    let head = &text[..text.len().min(HEAD)];
    let feeds = memchr::memchr_iter(b'\n', head).count();
    let count = |mark: &[u8]| match mark {
        b"\r" => memchr::memchr_iter(b'\r', head)
            .filter(|&at| head.get(at + 1) != Some(&b'\n'))
            .count(),
        mark => memchr::memmem::find_iter(head, mark).count(),
    };
    let (mark, end, most) = (MARKS.iter())
        .map(|(mark, end)| (*mark, *end, count(mark)))
        .max_by_key(|(_, _, count)| *count)?;
    if most >= FEWEST && most > feeds {
        return Some((replaced(text, mark), end));
    }
    let breaks = element_ends(head).count();
    (breaks >= FEWEST && breaks > feeds).then(|| (with_elements_apart(text), LineEnd::Tags))
}

/// The text with a line feed in place of each mark.
fn replaced(text: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(text, mark) {
        out.extend_from_slice(&text[from..at]);
        from = at + mark.len();
        if mark != b"\r" || text.get(from) != Some(&b'\n') {
            out.push(b'\n');
        }
    }
    out.extend_from_slice(&text[from..]);
    out
}

/// Elements that stand inside of a line.
const INLINE: [&[u8]; 16] = [
    b"a", b"abbr", b"b", b"code", b"em", b"font", b"i", b"mark", b"s", b"small", b"span", b"strong", b"td", b"th",
    b"tt", b"u",
];

/// Where a line ends in markup: behind `<br>`, and behind an element that another of its name follows.
fn element_ends(text: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(b'<', text).filter_map(|at| {
        let tag = &text[at..];
        let end = tag.iter().take(200).position(|&b| b == b'>')? + 1;
        let name = name(&tag[1..end]);
        if name.eq_ignore_ascii_case(b"br") {
            return Some(at + end);
        }
        let closed = name.strip_prefix(b"/")?;
        if closed.is_empty() || INLINE.iter().any(|i| i.eq_ignore_ascii_case(closed)) {
            return None;
        }
        let next = tag[end..].trim_ascii_start().strip_prefix(b"<")?;
        self::name(next).eq_ignore_ascii_case(closed).then_some(at + end)
    })
}

fn name(tag: &[u8]) -> &[u8] {
    let slash = usize::from(tag.starts_with(b"/"));
    let letters = (tag[slash..].iter())
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':' | b'.'))
        .count();
    &tag[..slash + letters]
}

fn with_elements_apart(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 16);
    let mut from = 0;
    for end in element_ends(text) {
        out.extend_from_slice(&text[from..end]);
        out.push(b'\n');
        from = end;
    }
    out.extend_from_slice(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_lines() {
        for (text, want, end) in [
            ("a\rb\rc\rd", "a\nb\nc\nd", LineEnd::CarriageReturn),
            ("a\0b\0c\0", "a\nb\nc\n", LineEnd::Nul),
            ("a\u{2028}b\u{2028}c\u{2028}", "a\nb\nc\n", LineEnd::Mark("U+2028")),
            ("<p>a<br/>b<BR>c<br >d", "<p>a<br/>\nb<BR>\nc<br >\nd", LineEnd::Tags),
            (
                "<e><d>a</d></e><e><d>b</d></e> <e>c</e><e>d</e>",
                "<e><d>a</d></e>\n<e><d>b</d></e>\n <e>c</e>\n<e>d</e>",
                LineEnd::Tags,
            ),
        ] {
            let (found, how) = with_line_feeds(text.as_bytes()).expect(text);
            assert_eq!((String::from_utf8(found).unwrap().as_str(), how), (want, end));
        }
        for text in [
            "a\nb\nc\r\nd",
            "a\r\nb\r\nc\r\n",
            "<b>a</b><b>b</b><b>c</b><b>d</b>",
            "",
        ] {
            assert_eq!(with_line_feeds(text.as_bytes()), None, "{text}");
        }
    }
}
