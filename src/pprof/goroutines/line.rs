//! What one line of a dump is, told by its shape alone: white space in front of it may have been lost on the way.

use crate::pprof::scan::hex;

/// A line by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    /// Nothing but white space.
    Blank,
    /// Begins like the first line of a goroutine; whether it is one, `header` says.
    Header,
    /// `[Goroutine 7 in state select, with main.f on top of the stack:` of goleak.
    Leak { id: u64, state: &'a [u8] },
    /// `created by NAME in goroutine N`.
    Creator {
        name: &'a [u8],
        parent: Option<u64>,
        /// The line has more than a name and a goroutine.
        odd: bool,
    },
    /// `NAME(ARGS)`.
    Call {
        name: &'a [u8],
        args: &'a [u8],
        /// Only the runtime writes a line like this.
        sure: bool,
    },
    /// A single word: a function of C, or anything else.
    Word(&'a [u8]),
    /// `FILE:LINE +0xOFFSET`.
    Place(Place<'a>),
    /// `...N frames elided...`
    Elided(Option<u64>),
    /// `[originating from goroutine N]:`
    Ancestor(u64),
    /// `goroutine running on other thread; stack unavailable`
    Unavailable,
    /// `non-Go function at pc=0x...`
    NotGo(u64),
    /// `runtime stack:`; the frames behind it are of no goroutine.
    System,
    /// `-----` between the threads of a crash.
    Rule,
    /// `rax    0x0`
    Register,
    /// Anything else.
    Other,
}

impl Shape<'_> {
    /// Whether only a dump has such a line.
    pub(super) fn is_sure(&self) -> bool {
        match self {
            Shape::Leak { .. } | Shape::Elided(_) | Shape::Ancestor(_) | Shape::Unavailable | Shape::NotGo(_) => true,
            Shape::Creator { odd, .. } => !odd,
            Shape::Call { sure, .. } => *sure,
            Shape::Place(place) => place.offset != 0,
            _ => false,
        }
    }
}

/// `FILE:LINE +0xOFFSET fp=0x... sp=0x... pc=0x...`, all behind the line optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) file: &'a [u8],
    pub(super) line: u32,
    pub(super) offset: u64,
    pub(super) pc: u64,
}

/// Tells what a line is. White space at both ends does not count.
pub(super) fn shape(line: &[u8]) -> Shape<'_> {
    let line = line.trim_ascii();
    let Some(&first) = line.first() else {
        return Shape::Blank;
    };
    match first {
        b'g' => {
            if let Some(rest) = line.strip_prefix(b"goroutine ") {
                if rest.first().is_some_and(u8::is_ascii_digit) {
                    return Shape::Header;
                }
                if rest.starts_with(b"running on other thread") {
                    return Shape::Unavailable;
                }
            }
        }
        b'G' | b'[' => {
            if let Some(leak) = leak(line) {
                return leak;
            }
            if let Some(rest) = line.strip_prefix(b"[originating from goroutine ")
                && let Some((id, _)) = number(rest)
            {
                return Shape::Ancestor(id);
            }
        }
        b'c' => {
            if let Some(rest) = line.strip_prefix(b"created by ") {
                return creator(rest);
            }
        }
        b'.' => {
            if let Some(rest) = line.strip_prefix(b"...")
                && let Some(rest) = rest.strip_suffix(b" frames elided...")
            {
                return Shape::Elided(number(rest).filter(|(_, rest)| rest.is_empty()).map(|(n, _)| n));
            }
        }
        b'r' if line == b"runtime stack:" => return Shape::System,
        b'n' => {
            if let Some(pc) = line.strip_prefix(b"non-Go function at pc=0x") {
                return Shape::NotGo(hex(pc).unwrap_or(0));
            }
            if line == b"non-Go function" {
                let (name, args) = (&line[..0], &line[..0]);
                return Shape::Call { name, args, sure: true };
            }
        }
        b'-' if line == b"-----" => return Shape::Rule,
        _ => {}
    }
    match line[line.len() - 1] {
        b')' => {
            if let Some(call) = call(line) {
                return call;
            }
        }
        b'0'..=b'9' | b'a'..=b'f' => {
            if let Some(place) = place(line) {
                return Shape::Place(place);
            }
            if is_register(line) {
                return Shape::Register;
            }
        }
        _ => {}
    }
    if line.iter().any(|b| matches!(b, b' ' | b'\t')) {
        return Shape::Other;
    }
    Shape::Word(line)
}

/// Digits in front, and what follows them.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

fn leak(line: &[u8]) -> Option<Shape<'_>> {
    let line = line.strip_prefix(b"[").unwrap_or(line);
    let (id, rest) = number(line.strip_prefix(b"Goroutine ")?)?;
    let rest = rest
        .strip_prefix(b" in state ")?
        .strip_suffix(b" on top of the stack:")?;
    let end = rest.windows(7).rposition(|w| w == b", with ")?;
    let state = &rest[..end];
    Some(Shape::Leak { id, state })
}

/// `name` or `name in goroutine N`.
fn creator(text: &[u8]) -> Shape<'_> {
    const IN: &[u8] = b" in goroutine ";
    let digits = text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, digits) = text.split_at(text.len() - digits);
    let parent = std::str::from_utf8(digits).ok().and_then(|n| n.parse().ok());
    let (name, parent) = match before.strip_suffix(IN) {
        Some(name) if parent.is_some() => (name, parent),
        _ => (text, None),
    };
    let is_name = |b: &u8| !matches!(b, b'`' | b'"' | b'\'' | b'<' | b'>' | b'=' | b'!' | b'#' | b'\\' | b'|');
    match first_word(name) {
        word if word.len() == name.len() && word.iter().all(is_name) && is_of_package(word) && is_balanced(word) => {
            Shape::Creator {
                name,
                parent,
                odd: false,
            }
        }
        name => Shape::Creator {
            name,
            parent: None,
            odd: true,
        },
    }
}

/// Up to the first blank that is not inside of brackets or braces: names of types have blanks.
fn first_word(text: &[u8]) -> &[u8] {
    let mut depth = 0usize;
    for (i, b) in text.iter().enumerate() {
        match b {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            // `type:.eq.struct { F uintptr }`
            b' ' if depth == 0 && text.get(i + 1) != Some(&b'{') => return &text[..i],
            b'\t' => return &text[..i],
            _ => {}
        }
    }
    text
}

/// A line that ends with a bracket.
fn call(line: &[u8]) -> Option<Shape<'_>> {
    let inside = line.strip_suffix(b")")?;
    let open = memchr::memrchr(b'(', inside)?;
    let (name, args) = (&inside[..open], &inside[open + 1..]);
    if name.is_empty()
        || first_word(name).len() != name.len()
        || matches!(name[0], b'(' | b'"' | b'\'' | b'<')
        || !is_balanced(name)
    {
        return None;
    }
    let words = args
        .iter()
        .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'x' | b',' | b' ' | b'{' | b'}' | b'?' | b'.' | b'_'));
    let sure = words && (name.contains(&b'.') || name == b"panic" || name[0] == b'_');
    Some(Shape::Call { name, args, sure })
}

/// Whether brackets close in the order in which they open: a piece of a name has one without the other.
pub(super) fn is_balanced(name: &[u8]) -> bool {
    let mut open = Vec::new();
    for &b in name {
        match b {
            b'(' | b'[' | b'{' => open.push(b),
            b')' | b']' | b'}' => {
                let want = match b {
                    b')' => b'(',
                    b']' => b'[',
                    _ => b'{',
                };
                if open.pop() != Some(want) {
                    return false;
                }
            }
            _ => {}
        }
    }
    open.is_empty()
}

/// Whether a name has a package and something in it, as every function of Go has.
fn is_of_package(name: &[u8]) -> bool {
    // Receivers and type arguments have slashes as well.
    let end = name.iter().position(|b| matches!(b, b'(' | b'[')).unwrap_or(name.len());
    let last = memchr::memrchr(b'/', &name[..end]).map_or(0, |slash| slash + 1);
    memchr::memchr(b'.', &name[last..]).is_some_and(|dot| dot > 0 && last + dot + 1 < name.len())
}

/// Whether a single word may be the name of a function of C or Rust.
fn is_identifier(word: &[u8]) -> bool {
    (word[0].is_ascii_alphabetic() || matches!(word[0], b'_' | b'~' | b'<'))
        && word
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b >= 0x80 || b"_.:$@~<>*&,{}#".contains(b))
        && word.iter().any(u8::is_ascii_alphabetic)
}

/// The place of a frame, if the line is one: a source file and a line, or any file with an offset behind its line.
fn place(whole: &[u8]) -> Option<Place<'_>> {
    let (mut text, mut offset, mut pc) = (whole, 0, 0);
    while let Some(i) = memchr::memrchr(b' ', text) {
        let word = &text[i + 1..];
        if let Some(value) = word.strip_prefix(b"+0x") {
            offset = hex(value)?;
        } else if let Some(value) = word.strip_prefix(b"pc=0x") {
            pc = hex(value)?;
        } else if !word.starts_with(b"fp=0x") && !word.starts_with(b"sp=0x") {
            break;
        }
        text = text[..i].trim_ascii_end();
    }
    if let Some(value) = text.strip_prefix(b"pc=0x") {
        // C code of which nothing is known but the address.
        return Some(Place {
            file: b"",
            line: 0,
            offset: 0,
            pc: hex(value)?,
        });
    }
    let colon = memchr::memrchr(b':', text)?;
    let (file, digits) = (&text[..colon], &text[colon + 1..]);
    let line = std::str::from_utf8(digits).ok()?.parse().ok()?;
    if file.is_empty() {
        return None;
    }
    let bare = text.len() == whole.len();
    // Without an offset (inlined frames) the file has to look like one.
    if bare && !is_source(file) {
        return None;
    }
    Some(Place { file, line, offset, pc })
}

fn is_source(file: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 9] = [b".go", b".s", b".S", b".c", b".h", b".cc", b".cpp", b".rs", b".m"];
    let has_ending = ENDINGS.iter().any(|e| file.ends_with(e) && file.len() > e.len());
    // A line of a log has more in front of its file.
    (has_ending && !file.iter().any(|b| matches!(b, b'"' | b'=' | b'\t')) && !file.starts_with(b"http"))
        || matches!(file, b"<autogenerated>" | b"?" | b"??")
        || file.ends_with(b"<autogenerated>")
}

/// `rax    0x0`, `rflags 0x286`.
fn is_register(line: &[u8]) -> bool {
    let Some(space) = line.iter().position(|&b| b == b' ') else {
        return false;
    };
    let (name, rest) = (&line[..space], line[space..].trim_ascii_start());
    name.len() <= 8
        && name.iter().all(u8::is_ascii_alphanumeric)
        && rest.strip_prefix(b"0x").is_some_and(|digits| hex(digits).is_some())
}

impl Shape<'_> {
    /// Whether a word is the name of a function that is not of Go.
    pub(super) fn is_foreign_function(word: &[u8]) -> bool {
        is_identifier(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_call(line: &str) -> Option<bool> {
        match shape(line.as_bytes()) {
            Shape::Call { sure, .. } => Some(sure),
            _ => None,
        }
    }

    #[test]
    fn calls() {
        for line in [
            "runtime.gopark(0xc000a5f6f8?, 0x2?, 0x60?, 0x0?, 0xc000a5f6ac?)",
            "  k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Relist(0xc000788960)",
            "sync.(*Mutex).Lock(...)",
            "panic({0x5eb5a8?, 0x1a419156e080?})",
            "type:.eq.struct { F uintptr }(0x1)",
            "main.f({0x1, 0x2?}, _)",
            "k8s.io/kubernetes/pkg/kubelet.*Kubelet.(k8s.io/kubernetes/pkg/kubelet.podKiller)·fm()",
        ] {
            assert_eq!(is_call(line), Some(true), "{line}");
        }
        for line in [
            "tConn).Invoke(0xc000a7c000)",
            "any ideas (please)",
            "(pprof)",
            "I0312 07:41:30.1 7 a.go:1] f(0x1)",
            "a b(0x1)",
        ] {
            assert_eq!(is_call(line), None, "{line}");
        }
        assert_eq!(is_call("foo(bar)"), Some(false));
    }

    #[test]
    fn places_with_and_without_white_space_in_front() {
        for (line, file, number, offset) in [
            (
                "\truntime/proc.go:435 +0xce fp=0xc0 sp=0xc0 pc=0x4741ce",
                "runtime/proc.go",
                435,
                0xce,
            ),
            ("runtime/proc.go:435 +0xce", "runtime/proc.go", 435, 0xce),
            ("        sync/mutex.go:92", "sync/mutex.go", 92, 0),
            (
                "C:/Program Files/Go/src/runtime/proc.go:398 +0x1",
                "C:/Program Files/Go/src/runtime/proc.go",
                398,
                1,
            ),
            (r"C:\k\kubelet.go:7 +0x2", r"C:\k\kubelet.go", 7, 2),
            ("<autogenerated>:1 +0x2c", "<autogenerated>", 1, 0x2c),
            ("lib.c:7 pc=0x7f0200", "lib.c", 7, 0),
        ] {
            let Shape::Place(p) = shape(line.as_bytes()) else {
                panic!("{line}: {:?}", shape(line.as_bytes()));
            };
            assert_eq!((p.file, p.line, p.offset), (file.as_bytes(), number, offset), "{line}");
        }
        for line in [
            "10:42",
            "at 10:42:07",
            "\tnot a place",
            "http://a/b.go:12",
            "12:30 +0xzz",
            ":7 +0x1",
        ] {
            assert!(!matches!(shape(line.as_bytes()), Shape::Place(_)), "{line}");
        }
    }

    #[test]
    fn other_shapes() {
        let creator = |name, parent, odd| Shape::Creator { name, parent, odd };
        for (line, want) in [
            (" \t", Shape::Blank),
            ("created by main.f in goroutine 7", creator(b"main.f", Some(7), false)),
            ("created by main.f", creator(b"main.f", None, false)),
            ("created by main.f in", creator(b"main.f", None, true)),
            ("created by k8s.io/a/b", creator(b"k8s.io/a/b", None, true)),
            ("created by main.f```", creator(b"main.f```", None, true)),
            ("...12 frames elided...", Shape::Elided(Some(12))),
            ("...additional frames elided...", Shape::Elided(None)),
            ("[originating from goroutine 3]:", Shape::Ancestor(3)),
            (
                "\tgoroutine running on other thread; stack unavailable",
                Shape::Unavailable,
            ),
            ("non-Go function at pc=0x7f01", Shape::NotGo(0x7f01)),
            ("runtime stack:", Shape::System),
            ("rflags 0x286", Shape::Register),
            ("-----", Shape::Rule),
            ("c_function", Shape::Word(b"c_function")),
            ("exit status 2", Shape::Other),
            ("goroutine 7 [running]:", Shape::Header),
            ("goroutine profile: total 3", Shape::Other),
            (
                "[Goroutine 36 in state chan receive, with testing.(*T).Run on top of the stack:",
                Shape::Leak {
                    id: 36,
                    state: b"chan receive",
                },
            ),
        ] {
            assert_eq!(shape(line.as_bytes()), want, "{line}");
        }
    }
}
