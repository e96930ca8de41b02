//! Profiles that something was put around or that a conversion went over: what stood in front is cut off, what can be
//! undone without loss is undone, and proven by the checksum of gzip. The rest is named.

use super::inflate::{Limit, inflate};

/// What was done to the bytes of a profile on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conversion {
    /// Every line end became CR LF.
    LineEnds,
    /// Every byte was taken for a character of Latin-1 and written as UTF-8.
    Latin1,
    /// Every byte was taken for a character of Windows-1252 and written as UTF-8.
    Windows1252,
    /// Every byte was taken for a character of some other code page and written as UTF-8.
    CodePage,
    /// Bytes that are no UTF-8 were replaced by U+FFFD.
    Replaced,
    /// Bytes that are no ASCII were replaced by `?`.
    QuestionMarks,
    /// The highest bit of every byte was taken off.
    SevenBits,
    /// Bytes were decoded as characters and written as UTF-16.
    Utf16,
}

impl Conversion {
    /// What happened, as a fragment.
    pub fn what(self) -> &'static str {
        match self {
            Self::LineEnds => "line ends were changed to CR LF",
            Self::Latin1 => "every byte was written as a UTF-8 character",
            Self::Windows1252 => "every byte was taken for a character of Windows-1252 and written as UTF-8",
            Self::CodePage => "every byte was taken for a character of a code page and written as UTF-8",
            Self::Replaced => "bytes were replaced by U+FFFD, as in a conversion to UTF-8",
            Self::QuestionMarks => "bytes were replaced by question marks, as in a conversion to ASCII",
            Self::SevenBits => "the highest bit of every byte is missing",
            Self::Utf16 => "the bytes were written as UTF-16 text",
        }
    }

    /// Who does such a thing.
    pub fn culprit(self) -> &'static str {
        match self {
            Self::LineEnds => "`kubectl exec -t` or `ssh -t` (leave -t out), FTP in text mode, git with autocrlf",
            Self::Latin1 | Self::Windows1252 | Self::CodePage | Self::Replaced => {
                "a program that reads the response as text (`response.text`, a chat, a clipboard, a JSON field): save bytes"
            }
            Self::QuestionMarks | Self::SevenBits => {
                "mail or a terminal program in text mode: transfer the file as binary"
            }
            Self::Utf16 => "PowerShell's `>`: use cmd or `curl -o FILE`",
        }
    }
}

/// What a gzip stream became by a conversion, told by its first bytes.
pub(super) fn conversion(data: &[u8]) -> Option<Conversion> {
    Some(match data {
        [0x1f, 0xc2, 0x8b, 0x08, ..] => Conversion::Latin1,
        [0x1f, 0xe2, 0x80, 0xb9, 0x08, ..] => Conversion::Windows1252,
        [0x1f, 0xef, 0xbf, 0xbd, 0x08, ..] => Conversion::Replaced,
        [0x1f, b'?', 0x08, ..] => Conversion::QuestionMarks,
        [0x1f, 0x0b, 0x08, ..] => Conversion::SevenBits,
        [0xff, 0xfe, 0x1f, 0, ..] | [0xfe, 0xff, 0, 0x1f, ..] => Conversion::Utf16,
        // What 0x8b is in code pages 437, 850, 1250 to 1258, 866 and of the Mac.
        [0x1f, 0xc2..=0xdf, 0x80..=0xbf, 0x08, ..] => Conversion::CodePage,
        [0x1f, 0xe0..=0xef, 0x80..=0xbf, 0x80..=0xbf, 0x08, ..] => Conversion::CodePage,
        [0x1f, 0x8b, 0x08, ..] if has_crlf_only(data) => Conversion::LineEnds,
        _ => return None,
    })
}

/// Whether every line feed stands behind a carriage return, which chance does not do.
fn has_crlf_only(data: &[u8]) -> bool {
    let mut count = 0;
    for at in memchr::memchr_iter(b'\n', data) {
        if at == 0 || data[at - 1] != b'\r' {
            return false;
        }
        count += 1;
    }
    count >= 2
}

/// The bytes before the conversion, where they can be had back.
fn undone(data: &[u8], conversion: Conversion) -> Option<Vec<u8>> {
    match conversion {
        Conversion::LineEnds => {
            let mut out = Vec::with_capacity(data.len());
            let mut from = 0;
            for at in memchr::memchr_iter(b'\n', data) {
                out.extend_from_slice(&data[from..at.saturating_sub(1)]);
                out.push(b'\n');
                from = at + 1;
            }
            out.extend_from_slice(&data[from..]);
            Some(out)
        }
        Conversion::Latin1 => {
            let text = std::str::from_utf8(data).ok()?;
            text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
        }
        Conversion::Windows1252 => {
            let text = std::str::from_utf8(data).ok()?;
            text.chars().map(windows_1252).collect()
        }
        _ => None,
    }
}

/// The byte of a character in Windows-1252. Bytes that have no character there are often kept as they are.
fn windows_1252(c: char) -> Option<u8> {
    /// From 0x80 on; 0 where there is none.
    const HIGH: [u16; 32] = [
        0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d,
        0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,
        0x017e, 0x0178,
    ];
    let code = u32::from(c);
    match HIGH.iter().position(|&high| high != 0 && u32::from(high) == code) {
        Some(at) => u8::try_from(0x80 + at).ok(),
        None => u8::try_from(code).ok(),
    }
}

/// What a profile that is not packed may have been before a conversion of texts; that it is one shows that it was the
/// right one.
pub(super) fn raw(data: &[u8]) -> Vec<(Vec<u8>, Conversion)> {
    if super::text::is_text(data) {
        return Vec::new();
    }
    let crlf = has_crlf_only(data).then_some(Conversion::LineEnds);
    let is_utf8 = !data.is_ascii() && std::str::from_utf8(data).is_ok();
    let latin = is_utf8.then_some([Conversion::Latin1, Conversion::Windows1252]);
    (crlf.into_iter().chain(latin.into_iter().flatten()))
        .filter_map(|conversion| Some((undone(data, conversion)?, conversion)))
        .collect()
}

/// Whether bytes that are no text were replaced, as nothing but a conversion does.
pub(super) fn is_replaced(data: &[u8]) -> bool {
    const FEWEST: usize = 8;
    let head = &data[..data.len().min(FAR)];
    // The last character of the part that is looked at may be cut.
    let is_utf8 = std::str::from_utf8(head).map_or_else(|e| e.error_len().is_none(), |_| true);
    is_utf8
        && !super::text::is_text(head)
        && memchr::memmem::find_iter(head, b"\xef\xbf\xbd").take(FEWEST).count() == FEWEST
}

/// Unpacks what a conversion went over, if it can be undone; gzip's checksum shows that it was the right one.
pub(super) fn unpack(data: &[u8], limit: Limit) -> Option<(Vec<u8>, Conversion)> {
    let conversion = conversion(data)?;
    let packed = undone(data, conversion)?;
    let bytes = inflate(&packed, limit).ok()?.into_owned();
    Some((bytes, conversion))
}

/// How far into a file a profile is looked for.
const FAR: usize = 64 << 10;

/// Bytes behind other bytes that a gzip stream or a profile may start at, in their order.
pub(super) fn starts(data: &[u8]) -> Vec<usize> {
    const MOST: usize = 16;
    if super::text::is_text(data) {
        return Vec::new();
    }
    let near = &data[..data.len().min(FAR)];
    let mut starts: Vec<usize> = memchr::memmem::find_iter(near, b"\x1f\x8b\x08")
        .filter(|&at| at > 0)
        .take(MOST)
        .collect();
    if data.starts_with(b"\xef\xbb\xbf") {
        starts.push(3);
    }
    // Behind lines of text; a profile starts with one of its fields.
    let is_field = |at: usize| {
        let numbers = [0x38, 0x40, 0x48, 0x50, 0x60, 0x70];
        let records = [0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x5a, 0x6a];
        data.get(at).is_some_and(|b| numbers.contains(b) || records.contains(b))
    };
    let line_ends = memchr::memchr_iter(b'\n', &near[..near.len().min(4 << 10)]);
    for (lines, at) in line_ends.enumerate() {
        let line = &near[..at];
        if !line
            .iter()
            .all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace() || *b >= 0x80)
            || lines == MOST
        {
            break;
        }
        if is_field(at + 1) {
            starts.push(at + 1);
        }
    }
    starts.sort_unstable();
    starts
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed() -> Vec<u8> {
        let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let body: Vec<u8> = (0..4000u32)
            .flat_map(|i| (i.wrapping_mul(2_654_435_761)).to_le_bytes())
            .collect();
        e.write_all(&body).unwrap();
        e.finish().unwrap()
    }

    #[test]
    fn what_can_be_undone_is_proven() {
        let packed = packed();
        let whole = inflate(&packed, Limit::Proportional).unwrap().into_owned();
        let crlf: Vec<u8> = packed
            .iter()
            .flat_map(|&b| if b == b'\n' { vec![b'\r', b'\n'] } else { vec![b] })
            .collect();
        let latin: String = packed.iter().map(|&b| char::from(b)).collect();
        let windows: String = (packed.iter())
            .map(|&b| {
                (0..0x2200)
                    .filter_map(char::from_u32)
                    .find(|&c| windows_1252(c) == Some(b))
            })
            .map(|c| c.expect("a character"))
            .collect();
        let windows = windows.replace('\u{8b}', "\u{2039}");
        for (converted, want) in [
            (crlf, Conversion::LineEnds),
            (latin.into_bytes(), Conversion::Latin1),
            (windows.into_bytes(), Conversion::Windows1252),
        ] {
            let (bytes, conversion) = unpack(&converted, Limit::Proportional).expect("undone");
            assert_eq!(conversion, want);
            assert!(bytes == whole);
        }
        let replaced = String::from_utf8_lossy(&packed).into_owned().into_bytes();
        assert_eq!(conversion(&replaced), Some(Conversion::Replaced));
        assert!(unpack(&replaced, Limit::Proportional).is_none());
        assert_eq!(conversion(&packed), None);
        let binary: Vec<u8> = (0..=255).cycle().take(4000).collect();
        assert!(is_replaced(String::from_utf8_lossy(&binary).as_bytes()));
        assert!(!is_replaced(&binary) && !is_replaced("a text \u{fffd}".repeat(20).as_bytes()));
    }

    #[test]
    fn places_behind_other_bytes() {
        let binary = |start: &[u8]| [start, &[0; 64]].concat();
        assert_eq!(starts(&binary(b"a warning\nand more\n\x1f\x8b\x08")), [19]);
        assert_eq!(starts(&binary(b"a warning\n\x0a\x04")), [10]);
        assert_eq!(starts(&binary(b"\x1f\x8b\x08")), Vec::<usize>::new());
        assert_eq!(starts(&binary(b"\xef\xbb\xbf\x1f\x8b\x08")), [3, 3]);
        assert_eq!(starts(b"a text\n\nwith a blank line\n"), Vec::<usize>::new());
    }
}
