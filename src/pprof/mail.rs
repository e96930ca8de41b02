//! Mails that were saved whole: parts in base64 and quoted-printable (RFC 2045), each decoded.
//!
//! Only parts that say so are decoded; what stands in a mail as it is needs nothing.

/// Mails are not read further than this for their first header.
const HEAD: usize = 64 << 10;
/// A mail has no more parts.
const MOST: usize = 64;
const FIELD: &[u8] = b"content-transfer-encoding:";

/// The parts of a mail that are encoded, decoded; none where the text is no such mail.
pub(super) fn parts(text: &[u8]) -> Vec<Vec<u8>> {
    let head = text[..text.len().min(HEAD)].to_ascii_lowercase();
    if memchr::memmem::find(&head, FIELD).is_none() {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut lines = Lines { text, at: 0 };
    while let Some(line) = lines.next() {
        let Some(encoding) = field(line) else { continue };
        // The rest of the head of this part.
        let _ = lines.find(|line| line.trim_ascii().is_empty());
        let start = lines.at;
        let mut end = start;
        while let Some(line) = lines.next() {
            if line.starts_with(b"--") && line.trim_ascii().len() > 2 {
                break;
            }
            end = lines.at;
        }
        let body = &text[start..end];
        parts.extend(match encoding {
            Encoding::Base64 => base64(body),
            Encoding::QuotedPrintable => Some(quoted_printable(body)),
        });
        if parts.len() >= MOST {
            break;
        }
    }
    parts
}

#[derive(Clone, Copy)]
enum Encoding {
    Base64,
    QuotedPrintable,
}

/// The encoding that a line of a head names, where it is one that changes bytes.
fn field(line: &[u8]) -> Option<Encoding> {
    let line = line.trim_ascii();
    let (name, value) = line.split_at_checked(FIELD.len())?;
    if !name.eq_ignore_ascii_case(FIELD) {
        return None;
    }
    let value = value.trim_ascii();
    if value.eq_ignore_ascii_case(b"base64") {
        return Some(Encoding::Base64);
    }
    value
        .eq_ignore_ascii_case(b"quoted-printable")
        .then_some(Encoding::QuotedPrintable)
}

struct Lines<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..).filter(|r| !r.is_empty())?;
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        self.at += end;
        Some(&rest[..end])
    }
}

/// Bytes of base64, in either alphabet, white space left out; `None` where something else stands in it.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut have) = (0u32, 0u32);
    let mut ended = false;
    for &b in text {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                ended = true;
                continue;
            }
            b if b.is_ascii_whitespace() => continue,
            _ => return None,
        };
        if ended {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    (!out.is_empty()).then_some(out)
}

/// `=0A` is a byte, and `=` at the end of a line takes that end away.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let byte = |digits: &[u8]| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        let blank = rest[1..]
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'\r'))
            .count();
        if rest.get(1 + blank) == Some(&b'\n') {
            rest = &rest[2 + blank..];
        } else if let Some(b) = rest
            .get(1..3)
            .filter(|d| d.iter().all(u8::is_ascii_hexdigit))
            .and_then(byte)
        {
            out.push(b);
            rest = &rest[3..];
        } else {
            out.push(b'=');
            rest = &rest[1..];
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_parts() {
        let mail = "From: a\nMIME-Version: 1.0\n\n--b\nContent-Type: text/plain\ncontent-transfer-encoding: Quoted-Printable\n\n\
                    a =3D b =\nc\n--b\nContent-Transfer-Encoding: base64\nX: y\n\nZGV\nm\n--b--\n";
        assert_eq!(parts(mail.as_bytes()), [b"a = b c\n".to_vec(), b"def".to_vec()]);
        assert!(parts(b"Content-Transfer-Encoding: 7bit\n\na=3D\n").is_empty());
        assert!(parts(b"a text").is_empty());
        assert_eq!(base64(b"_-8="), Some(vec![0xff, 0xef]));
        assert_eq!(base64(b"a b!"), None);
    }
}
