//! Lines of a dump that were broken where each piece has what a mail or a chat puts in front of every line.
//!
//! `carrier` joins what a window broke: there the rest of a line lacks the prefix. In a mail that was quoted after it was
//! broken, every piece has it. Here a line that cannot end where it does waits for the next one, and both are one line only
//! if together they are one that the runtime writes.

use super::line::{Shape, is_balanced, shape};
use super::looks::DumpLooks;
use crate::pprof::carrier::Looks;

/// A line is not broken into more pieces.
const PIECES: u8 = 12;
/// Nor is it longer.
const LONGEST: usize = 8 << 10;

/// What becomes of a line that was held when the next one came.
pub(super) enum Next {
    /// Both are one line.
    Joined(Vec<u8>),
    /// Both are the beginning of one.
    More,
    /// They are two lines.
    Apart,
}

/// How a line goes on that cannot end where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// The first line of a goroutine.
    Header,
    /// `created by`.
    Creator,
    /// A function whose arguments do not end.
    Call,
    /// A place without its offset, which may be whole.
    Place,
    /// A part of a path or of a name with a path.
    Path,
    /// The white space in front of a place, which may be a blank line.
    Indent,
}

/// The beginning of a line.
#[derive(Default)]
pub(super) struct Joiner {
    held: Vec<u8>,
    open: Option<Open>,
    pieces: u8,
    /// The longest line so far: only one that is as long was broken inside of a word.
    widest: usize,
}

impl Joiner {
    pub(super) fn is_holding(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a line can go on where no dump has begun.
    pub(super) fn begins(line: &[u8]) -> bool {
        matches!(open(line), Some(Open::Header | Open::Call))
    }

    /// Holds a line if it cannot end where it does.
    pub(super) fn holds(&mut self, line: &[u8]) -> bool {
        self.widest = self.widest.max(line.len());
        let Some(open) = open(line) else { return false };
        if open == Open::Path && !is_path(line) && line.len() < self.widest {
            return false;
        }
        (self.open, self.pieces) = (Some(open), 1);
        self.held.clear();
        self.held.extend_from_slice(line);
        true
    }

    /// The line that was held, as it is.
    pub(super) fn release(&mut self) -> Option<Vec<u8>> {
        self.open.take()?;
        Some(std::mem::take(&mut self.held))
    }

    /// Looks whether `line` is the rest of the one that is held. After [`Next::Apart`] that one is still held.
    pub(super) fn next(&mut self, line: &[u8]) -> Next {
        let Some(open) = self.open else { return Next::Apart };
        let rest = line.trim_ascii_start();
        if rest.is_empty() || self.held.len() + line.len() > LONGEST || self.pieces >= PIECES {
            return Next::Apart;
        }
        let is_whole = DumpLooks.is_sure(line) || DumpLooks.is_first(line);
        let may_join = match open {
            Open::Header | Open::Call | Open::Creator => !is_whole,
            Open::Place => is_end_of_place(rest),
            Open::Path => rest.len() == line.len(),
            Open::Indent => rest.len() == line.len() && rest.starts_with(b"/"),
        };
        if !may_join {
            return Next::Apart;
        }
        let hard = [self.held.as_slice(), line].concat();
        let soft = [self.held.trim_ascii_end(), b" ", rest].concat();
        let fits = |text: &[u8]| match (open, shape(text)) {
            (Open::Header, Shape::Header) => DumpLooks.is_first(text),
            (Open::Creator, Shape::Creator { odd, .. }) => !odd,
            (Open::Call, Shape::Call { sure, .. }) => sure,
            (Open::Place, Shape::Place(place)) => place.offset != 0,
            (Open::Path, Shape::Place(_)) => is_path(&self.held),
            (Open::Indent, Shape::Place(_)) => true,
            (Open::Path, Shape::Call { sure, .. }) => !is_path(&self.held) && sure,
            _ => false,
        };
        // Between words a mail takes the blank away; inside of a word nothing was there.
        let both = match open {
            Open::Path | Open::Indent => [None, Some(hard)],
            Open::Place if rest.starts_with(b"+") => [None, Some(soft)],
            Open::Place => [None, Some(hard)],
            Open::Header if starts_word(rest) => [Some(soft), Some(hard)],
            Open::Creator => [Some(hard), Some(soft)],
            Open::Header | Open::Call => [Some(hard), Some(soft)],
        };
        for joined in both.iter().flatten() {
            if fits(joined) {
                // A place may have its offset on yet another line.
                self.open = self::open(joined);
                if self.open.is_some() {
                    self.held.clone_from(joined);
                    self.pieces += 1;
                    return Next::More;
                }
                return Next::Joined(joined.clone());
            }
        }
        for joined in both.into_iter().flatten() {
            let goes_on = match open {
                Open::Call | Open::Header => self::open(&joined) == Some(open),
                Open::Path | Open::Indent => is_path(&joined) && self::open(&joined) == Some(Open::Path),
                Open::Creator | Open::Place => false,
            };
            if goes_on {
                self.open = self::open(&joined);
                self.held = joined;
                self.pieces += 1;
                return Next::More;
            }
        }
        Next::Apart
    }
}

/// Whether a word of a header begins here, and not the rest of one.
fn starts_word(rest: &[u8]) -> bool {
    const WORDS: [&[u8]; 10] = [
        b"minutes",
        b"receive",
        b"send",
        b"wait",
        b"call",
        b"locked",
        b"to thread",
        b"thread",
        b"(",
        b"[",
    ];
    WORDS.iter().any(|word| rest.starts_with(word))
}

/// `+0x1f`, and the last digits of the line in front of it.
fn is_end_of_place(rest: &[u8]) -> bool {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let offset = rest[digits..].trim_ascii_start().strip_prefix(b"+0x");
    offset.is_some_and(|o| !o.is_empty() && o.iter().all(u8::is_ascii_hexdigit))
        && (digits == 0 || rest[digits..].starts_with(b" "))
}

fn is_path(line: &[u8]) -> bool {
    let start = line.trim_ascii_start();
    start.len() < line.len() || start.starts_with(b"/")
}

/// How a line goes on that cannot end where it does.
fn open(line: &[u8]) -> Option<Open> {
    const CREATOR: &[u8] = b" in goroutine";
    let text = line.trim_ascii();
    match shape(text) {
        Shape::Blank => (line.len() >= 4 || line.contains(&b'\t')).then_some(Open::Indent),
        Shape::Header => {
            let rest = text.strip_prefix(b"goroutine ")?;
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let behind = &rest[digits..];
            let begins = behind.starts_with(b" [") || behind.starts_with(b" gp=0x");
            (begins && memchr::memchr(b']', behind).is_none()).then_some(Open::Header)
        }
        Shape::Creator { odd, parent, .. } => {
            let name = text.strip_prefix(b"created by ")?;
            let begun = memchr::memchr(b' ', name).map_or(&b""[..], |blank| &name[blank..]);
            (odd && parent.is_none() && CREATOR.starts_with(begun)).then_some(Open::Creator)
        }
        Shape::Place(place) => (place.offset == 0 && place.pc == 0).then_some(Open::Place),
        Shape::Other | Shape::Word(_) => is_call(text).then_some(Open::Call).or_else(|| {
            let has_mark = memchr::memchr(b'/', text).is_some() || memchr::memmem::find(text, b".(").is_some();
            let path = has_mark && !text.iter().any(|b| b" \t\"'=,;<>{}".contains(b));
            let begins =
                path && text.len() >= 16 && !text.ends_with(b":") && memchr::memmem::find(text, b"//").is_none();
            begins.then_some(Open::Path)
        }),
        _ => None,
    }
}

/// Whether this is a function with some of its arguments.
fn is_call(text: &[u8]) -> bool {
    // Up to the bracket that does not close.
    let mut open = Vec::new();
    for (i, b) in text.iter().enumerate() {
        match b {
            b'(' => open.push(i),
            b')' if open.pop().is_none() => return false,
            _ => {}
        }
    }
    let [at] = open.as_slice() else { return false };
    let (name, arguments) = (&text[..*at], &text[at + 1..]);
    let is_argument =
        |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'x' | b',' | b' ' | b'{' | b'}' | b'?' | b'.' | b'_');
    !name.is_empty()
        && name.contains(&b'.')
        && name.iter().all(|b| !b.is_ascii_whitespace() && !b"\"'=;".contains(b))
        && (name[0].is_ascii_alphabetic() || name[0] == b'_')
        && is_balanced(name)
        && arguments.iter().all(is_argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the lines are when broken ones are joined.
    fn joined(lines: &[&str]) -> Vec<String> {
        let mut joiner = Joiner::default();
        let mut out: Vec<Vec<u8>> = Vec::new();
        for line in lines.iter().map(|l| l.as_bytes()) {
            if joiner.is_holding() {
                match joiner.next(line) {
                    Next::More => continue,
                    Next::Joined(text) => {
                        out.push(text);
                        continue;
                    }
                    Next::Apart => out.extend(joiner.release()),
                }
            }
            if !joiner.holds(line) {
                out.push(line.to_vec());
            }
        }
        out.extend(joiner.release());
        out.into_iter().map(|l| String::from_utf8(l).unwrap()).collect()
    }

    #[test]
    fn pieces_make_one_line() {
        for (lines, want) in [
            (
                &["goroutine 7 [select, 14", "minutes]:"][..],
                "goroutine 7 [select, 14 minutes]:",
            ),
            (
                &[
                    "k8s.io/a.(*T).f(0xc000a4f900, ",
                    "{0x3fd2a58,",
                    "0xc0001a0000}, 0x",
                    "7f)",
                ],
                "k8s.io/a.(*T).f(0xc000a4f900, {0x3fd2a58,0xc0001a0000}, 0x7f)",
            ),
            (
                &["created by k8s.io/a.f in", "goroutine 1"],
                "created by k8s.io/a.f in goroutine 1",
            ),
            (
                &["created by k8s.io/a.f in gorout", "ine 1"],
                "created by k8s.io/a.f in goroutine 1",
            ),
            (
                &["created by k8s.io/a.(*T", ").f in goroutine 1"],
                "created by k8s.io/a.(*T).f in goroutine 1",
            ),
            (&["\t/go/a/b.go:12", "+0x1f"], "\t/go/a/b.go:12 +0x1f"),
            (&["\t/go/a/b.go:12", "3 +0x1f"], "\t/go/a/b.go:123 +0x1f"),
            (&["        ", "/go/a/b.go:12 ", "+0x1f"], "        /go/a/b.go:12 +0x1f"),
            (
                &["  /go/src/k8s.io/cri-", "client/a.go:7", "+0x1f"],
                "  /go/src/k8s.io/cri-client/a.go:7 +0x1f",
            ),
            (
                &["\t/go/src/k8s.io/kubernetes/pk", "g/a.go:7 +0x1f"],
                "\t/go/src/k8s.io/kubernetes/pkg/a.go:7 +0x1f",
            ),
            (
                &["k8s.io/kubernetes/pkg/kube", "let.(*T).f(0x1)"],
                "k8s.io/kubernetes/pkg/kubelet.(*T).f(0x1)",
            ),
        ] {
            assert_eq!(joined(lines), [want], "{lines:?}");
        }
    }

    #[test]
    fn whole_lines_stay_apart() {
        for lines in [
            // The end of a line was cut off.
            &["k8s.io/a.(*T).f(0xc000a4", "\t/go/a/b.go:12 +0x1f"][..],
            &["k8s.io/a.f(0xc0", "k8s.io/b.g(0xc0"],
            &["\t/go/src/k8s.io/kubernetes/pk", "k8s.io/kubernetes/pkg.f(0x1)"],
            &["k8s.io/kubernetes/pkg/kube", "\t/go/a/b.go:12 +0x1f"],
            &["goroutine 7 [sel", "main.f(0x1)"],
            &["\t", "goroutine 7 [select]:"],
            &["\t/go/a/b.go:12", "f(0x1)"],
            &[
                "sync.(*Mutex).Lock(...)",
                "\t/usr/local/go/src/sync/mutex.go:92",
                "main.f(0x1)",
            ],
            &["a sentence (with", "more words)"],
        ] {
            assert_eq!(joined(lines), lines);
        }
    }
}
