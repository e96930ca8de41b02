//! Files that are something else, by their first bytes or lines.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Mistake;

/// Binary formats.
pub(super) fn by_magic(data: &[u8]) -> Option<Mistake> {
    Some(match data {
        [0x7f, b'E', b'L', b'F', rest @ ..] => {
            // e_type, in the byte order that the sixth byte names.
            let bytes = rest
                .get(12..14)
                .and_then(|b| <[u8; 2]>::try_from(b).ok())
                .unwrap_or_default();
            let e_type = match rest.get(1) {
                Some(2) => u16::from_be_bytes(bytes),
                _ => u16::from_le_bytes(bytes),
            };
            Mistake::Elf { core: e_type == 4 }
        }
        [b'P', b'E', b'R', b'F', b'I', b'L', b'E', b'2', ..] | [b'2', b'E', b'L', b'I', b'F', b'R', b'E', b'P', ..] => {
            Mistake::PerfData
        }
        [b'%', b'P', b'D', b'F', b'-', ..] => Mistake::Drawing { format: "PDF" },
        [0x89, b'P', b'N', b'G', ..] => Mistake::Drawing { format: "PNG" },
        [0xff, 0xd8, 0xff, ..] => Mistake::Drawing { format: "JPEG" },
        [b'G', b'I', b'F', b'8', ..] => Mistake::Drawing { format: "GIF" },
        [b'P', b'K', 3, 4, ..] => Mistake::Archive { format: "zip" },
        [b'M', b'Z', ..] if data.len() > 64 && data[2] < 0x20 => Mistake::OtherProgram { format: "Windows" },
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => Mistake::OtherProgram { format: "macOS" },
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Mistake::Archive { format: "xz" },
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Mistake::Archive { format: "bzip2" },
        [0xff, 0xfe, _, 0, ..] | [0xfe, 0xff, 0, _, ..] => Mistake::Utf16,
        _ if data.get(257..262) == Some(b"ustar") => Mistake::Archive { format: "tar" },
        _ => return execution_trace(data).or_else(|| command_line(data)),
    })
}

/// gzip in base64: nothing but its alphabet, and the first three bytes of every gzip file.
pub(super) fn base64(text: &[u8]) -> Option<Mistake> {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_');
    let whole = text.starts_with(b"H4sI") && text.iter().all(|b| is_digit(b) || b.is_ascii_whitespace());
    whole.then_some(Mistake::Base64)
}

/// `go 1.26 trace`, padded with NUL to 16 bytes.
fn execution_trace(data: &[u8]) -> Option<Mistake> {
    let rest = data.get(..16)?.strip_prefix(b"go 1.")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    (digits > 0 && rest[digits..].starts_with(b" trace")).then(|| Mistake::ExecutionTrace {
        version: format!("1.{}", String::from_utf8_lossy(&rest[..digits])),
    })
}

/// Arguments of a process: text with NUL between the words, the first of them a path or a program.
fn command_line(data: &[u8]) -> Option<Mistake> {
    if data.len() > 1 << 20 || !data.contains(&0) {
        return None;
    }
    let text = std::str::from_utf8(data).ok()?;
    let mut words = text.trim_end_matches(['\0', '\n']).split('\0');
    let program = words.next()?;
    let printable = |w: &str| !w.is_empty() && !w.chars().any(char::is_control);
    (printable(program) && program.len() > 2 && words.all(|w| printable(w) && w.len() > 1))
        .then_some(Mistake::CommandLine)
}

/// What of a JSON object tells it apart. Everything else is skipped without being kept.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Signs {
    kind: Scalar,
    message: Scalar,
    reason: Scalar,
    code: Scalar,
    schema: Scalar,
    kubeletconfig: Option<IgnoredAny>,
}

/// A text or a number; whatever else stands there does not matter and is not kept.
#[derive(Default)]
struct Scalar {
    text: String,
    number: u64,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        let text = text.to_owned();
        Ok(Scalar { text, number: 0 })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        let text = String::new();
        Ok(Scalar { text, number })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
        Ok(Scalar::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::default())
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::default())
    }
}

/// JSON, whole or cut short.
pub(super) fn json(text: &[u8]) -> Option<Mistake> {
    if !matches!(text, [b'{' | b'[', ..]) {
        return None;
    }
    match serde_json::from_slice::<Signs>(text) {
        Ok(signs) => Some(object(signs)),
        Err(_) if serde_json::from_slice::<IgnoredAny>(text).is_ok() => Some(Mistake::Json),
        // Cut short, or several documents: an object starts with a key, a list of objects with an object.
        Err(_) => {
            let inside = text[1..].trim_ascii_start();
            matches!((text[0], inside.first()), (b'{', Some(b'"')) | (b'[', Some(b'{'))).then_some(Mistake::Json)
        }
    }
}

fn object(signs: Signs) -> Mistake {
    if signs.schema.text.starts_with("kubeprof/") {
        return Mistake::KubeprofReport {
            schema: signs.schema.text,
        };
    }
    if signs.kubeletconfig.is_some() {
        return Mistake::Configz;
    }
    match signs.kind.text.as_str() {
        "" => Mistake::Json,
        "Status" => Mistake::Status {
            code: u16::try_from(signs.code.number).unwrap_or(0),
            reason: signs.reason.text,
            message: signs.message.text,
        },
        kind => Mistake::KubernetesObject { kind: kind.to_owned() },
    }
}

/// Web pages.
pub(super) fn html(text: &[u8]) -> Option<Mistake> {
    if text[0] != b'<' {
        return None;
    }
    // Titles and forms of pages of an ordinary size are near the start.
    let page = String::from_utf8_lossy(&text[..text.len().min(64 << 10)]).to_ascii_lowercase();
    if page.starts_with("<svg") || page.starts_with("<?xml") && page.contains("<svg") {
        return Some(Mistake::Drawing { format: "SVG" });
    }
    let is_page = ["<!doctype html", "<html", "<head", "<title", "<body", "<?xml", "<!--"];
    if !is_page.iter().any(|start| page.starts_with(start)) || !page.contains("<html") && !page.contains("<title") {
        return None;
    }
    let title = page
        .split_once("<title")
        .and_then(|(_, rest)| rest.split_once('>'))
        .and_then(|(_, rest)| rest.split_once("</title"))
        .map_or("", |(title, _)| title.trim());
    if title == "/debug/pprof/" {
        return Some(Mistake::PprofIndex);
    }
    let asks = [
        "type=\"password\"",
        "type='password'",
        "type=password",
        "log in",
        "login",
        "sign in",
        "single sign",
    ];
    Some(Mistake::Html {
        title: title.chars().take(80).collect(),
        login: asks.iter().any(|a| page.contains(a)),
    })
}

/// Text files.
pub(super) fn text(text: &[u8]) -> Option<Mistake> {
    let head = &text[..text.len().min(16 << 10)];
    let head = match std::str::from_utf8(head) {
        Ok(head) => head,
        // Cut inside a character is fine, anything else is not text.
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&head[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let mut lines = head.lines().map(str::trim_end).filter(|l| !l.is_empty());
    let first = lines.next()?;
    let second = lines.next().unwrap_or("");
    if first.starts_with("# HELP ") || first.starts_with("# TYPE ") {
        return Some(Mistake::Metrics);
    }
    if first.starts_with("Fetching profile over HTTP from ") {
        let saved = head.lines().find_map(|l| l.strip_prefix("Saved profile in "));
        return Some(Mistake::PprofFetch {
            saved: saved.unwrap_or("").to_owned(),
        });
    }
    if let Some(mistake) = super::texts::recognise(head) {
        return Some(mistake);
    }
    if is_log_line(first) && (second.is_empty() || is_log_line(second)) {
        return Some(Mistake::Log);
    }
    yaml(head)
}

/// `I1123 10:11:12.345678 ...` of klog, or `Nov 23 10:11:12 host unit[pid]: ...` of the journal.
fn is_log_line(line: &str) -> bool {
    let b = line.as_bytes();
    let digits = |range: std::ops::Range<usize>| b.get(range).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    let klog = matches!(b.first(), Some(b'I' | b'W' | b'E' | b'F')) && digits(1..5) && b.get(5) == Some(&b' ');
    let clock = |at: usize| digits(at..at + 2) && b.get(at + 2) == Some(&b':') && digits(at + 3..at + 5);
    klog && clock(6) || clock(7) && b[..3].iter().all(u8::is_ascii_alphabetic) && line.contains("]: ")
}

fn yaml(head: &str) -> Option<Mistake> {
    let (mut kind, mut code, mut reason, mut message) = (None, 0, String::new(), String::new());
    let mut keys = 0;
    let marked = head.starts_with("---");
    for line in head.lines().skip(usize::from(marked)).take(200) {
        if line.is_empty() || line.starts_with(['#', ' ', '-']) {
            continue;
        }
        let (key, value) = line.split_once(':')?;
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c)) {
            return None;
        }
        if !value.is_empty() && !value.starts_with(' ') {
            return None;
        }
        keys += 1;
        let value = value.trim().trim_matches(['"', '\'']).to_owned();
        match key {
            "kind" => kind = Some(value),
            "code" => code = value.parse().unwrap_or(0),
            "reason" => reason = value,
            "message" => message = value,
            _ => {}
        }
    }
    match kind {
        Some(kind) if kind == "Status" => Some(Mistake::Status { code, reason, message }),
        Some(kind) => Some(Mistake::KubernetesObject { kind }),
        None => (keys >= 2).then_some(Mistake::Yaml),
    }
}

/// A protobuf profile whose last record is longer than what is left of the file. At least two whole records that only a
/// profile would have must stand before it.
pub(super) fn truncated_proto(data: &[u8]) -> Option<Mistake> {
    let truncated = Mistake::Truncated {
        format: "protobuf",
        have: data.len() as u64,
    };
    let mut rest = data;
    let mut records = 0;
    while !rest.is_empty() {
        let key = varint(&mut rest);
        let length = match key.map(|k| (k >> 3, k & 7)) {
            Some((1..=7 | 11 | 13, 2)) => varint(&mut rest),
            Some((7..=10 | 12..=15, 0)) => varint(&mut rest).map(|_| 0),
            Some(_) => return None,
            None => None,
        };
        match length.map(|l| usize::try_from(l).unwrap_or(usize::MAX)) {
            Some(length) if length <= rest.len() => rest = &rest[length..],
            // Either the number or its payload is cut.
            _ => return (records >= 2).then_some(truncated),
        }
        records += 1;
    }
    None
}

/// A number, or `None` when it is cut or longer than any.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let end = rest.iter().take(10).position(|b| *b < 0x80)?;
    let (bytes, after) = rest.split_at(end + 1);
    *rest = after;
    Some(bytes.iter().rev().fold(0, |v, b| v << 7 | u64::from(b & 0x7f)))
}
