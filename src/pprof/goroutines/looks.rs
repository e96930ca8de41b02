//! How lines of a dump look behind something that was put in front of them.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::crash;
use super::line::{Shape, shape};
use crate::pprof::carrier::{Looks, Start};

/// The first line of a goroutine, up to where escapes, quotes or the end may follow.
static FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u:goroutine [0-9]+(?: gp=0x[0-9a-f]+ m=(?:nil|[0-9]+)(?: mp=0x[0-9a-f]+)?)? \[[a-zA-Z][^\]\n]*\](?: \{.*\})?:)",
    )
    .expect("a valid pattern")
});
/// The line that goleak puts above it.
static LEAK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\[?Goroutine [0-9]+ in state [^\n]+ on top of the stack:)").expect("a valid pattern")
});
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?-u:[^\s:][^:\t\n]*:[0-9]+ \+0x[0-9a-f]+)").expect("a valid pattern"));

/// What is recognized without any context.
pub(super) struct DumpLooks;

impl Looks for DumpLooks {
    fn starts(&self, line: &[u8]) -> Option<Start> {
        for pattern in [&*FIRST, &*LEAK] {
            if let Some(found) = pattern
                .find_iter(line)
                .find(|m| is_edge(line, m.start()) && is_end(&line[m.end()..]))
            {
                return Some(Start {
                    at: found.start(),
                    first: true,
                });
            }
        }
        let other = |at| Some(Start { at, first: false });
        if let Some(at) = memchr::memmem::find(line, b"created by ")
            && is_edge(line, at)
            && matches!(shape(&line[at..]), Shape::Creator { name, odd: false, .. } if name.contains(&b'.'))
        {
            return other(at);
        }
        let found = PLACE.find(line)?;
        let Shape::Place(place) = shape(&line[found.start()..]) else {
            return None;
        };
        if place.offset == 0 {
            return None;
        }
        other(indentation(line, found.start()))
    }

    fn is_sure(&self, text: &[u8]) -> bool {
        shape(text).is_sure()
    }

    fn is_first(&self, text: &[u8]) -> bool {
        let text = text.trim_ascii();
        (text.starts_with(b"goroutine ") || text.starts_with(b"[Goroutine ") || text.starts_with(b"Goroutine "))
            && [&*FIRST, &*LEAK]
                .iter()
                .any(|p| p.find(text).is_some_and(|m| m.start() == 0 && m.end() == text.len()))
    }

    fn announces(&self, text: &[u8]) -> bool {
        crash::read(text).is_some()
    }
}

/// Whether a word can start here.
fn is_edge(line: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|before| line[before]) {
        None => true,
        // `\n` and `#012` in front of it.
        Some(b'n') => at >= 2 && line[at - 2] == b'\\',
        Some(b'2') => at >= 4 && &line[at - 4..at] == b"#012",
        Some(b) => !b.is_ascii_alphanumeric() && b != b'_',
    }
}

/// What may follow the first line of a goroutine: nothing, a quote, an escaped end of the line.
fn is_end(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_end();
    rest.is_empty()
        || matches!(rest[0], b'"' | b'\'' | b'\\' | b'$')
        || [&b"#012"[..], b"#015", b"<br"].iter().any(|s| rest.starts_with(s))
}

/// Where the white space starts that stands in front of a place: the last tab, or all blanks but the first, which ends the
/// prefix.
fn indentation(line: &[u8], at: usize) -> usize {
    let blank = line[..at]
        .iter()
        .rev()
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count();
    let start = at - blank;
    if start == 0 {
        return 0;
    }
    match memchr::memrchr(b'\t', &line[start..at]) {
        Some(tab) => start + tab,
        None if blank > 1 => start + 1,
        None => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> Option<&str> {
        DumpLooks.starts(line.as_bytes()).map(|s| &line[s.at..])
    }

    #[test]
    fn a_dump_behind_something() {
        for (line, want) in [
            ("goroutine 7 [running]:", Some("goroutine 7 [running]:")),
            (
                "Mar 12 n kubelet[7]: goroutine 7 gp=0xc0 m=nil [select, 3 minutes]:",
                Some("goroutine 7 gp=0xc0 m=nil [select, 3 minutes]:"),
            ),
            (
                r#"x [warn]: no match: "goroutine 7 [running]:""#,
                Some(r#"goroutine 7 [running]:""#),
            ),
            (
                r"msg=goroutine 7 [running]:\nmain.f(0x1)",
                Some(r"goroutine 7 [running]:\nmain.f(0x1)"),
            ),
            (
                "k: panic#012#012goroutine 7 [running]:#012main.f(0x1)",
                Some("goroutine 7 [running]:#012main.f(0x1)"),
            ),
            (
                "> created by k8s.io/a.f in goroutine 1",
                Some("created by k8s.io/a.f in goroutine 1"),
            ),
            ("kubelet[7]: \tk8s.io/a.go:12 +0x1", Some("\tk8s.io/a.go:12 +0x1")),
            (
                "kubelet[7]:         k8s.io/a.go:12 +0x1",
                Some("        k8s.io/a.go:12 +0x1"),
            ),
            ("about goroutine 7 [running]: it hangs", None),
            ("subgoroutine 7 [running]:", None),
            ("goroutine 7 hangs", None),
            ("created by somebody", None),
            ("", None),
        ] {
            assert_eq!(text(line), want, "{line}");
        }
    }
}
