//! What stands in front of every line, learned from the lines themselves.
//!
//! No list of loggers: the text in front of one line that only a dump can have is taken apart into words; the same number
//! of words of the same build in front of another line is the same prefix. Words that change from line to line are times
//! and numbers; those that do not tell who wrote the line.

use super::names::named;
use super::sources::is_level;
use super::{sources, stamp};
use crate::model::evidence::Writer;

/// Words that a prefix has at most; more is a sentence.
pub(super) const MOST_WORDS: usize = 16;

/// How a word of a prefix is built.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Build {
    /// It holds a clock: `07:41:30.123`.
    Clock,
    /// Digits only.
    Number,
    /// Digits and dots: an address, the number of an entry of a list.
    Dotted,
    /// Exactly this.
    Exact(Vec<u8>),
    /// Any word that starts and ends with the same marks, where it has any.
    Marks(Option<u8>, Option<u8>),
}

#[derive(Debug, Clone)]
struct Word {
    build: Build,
    /// It changes with time and says nothing about who wrote the line.
    changes: bool,
}

/// A prefix of some build.
#[derive(Debug, Clone)]
pub(super) struct Template {
    words: Vec<Word>,
    /// White space between the last word and the text.
    gap: Vec<u8>,
    /// What stands right before the text, with no white space between.
    glue: Vec<u8>,
    /// The glue is the number of a line, as `grep -n` has it.
    numbered: bool,
    /// Each line of a container's log says whether it is whole (`F`) or goes on (`P`).
    parts: bool,
}

/// A line behind its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    /// Where the text starts.
    pub(super) text: usize,
    /// The line goes on in the next one of its writer.
    pub(super) partial: bool,
}

impl Template {
    /// The template of lines without any prefix but white space.
    pub(super) fn bare() -> Self {
        Self {
            words: Vec::new(),
            gap: Vec::new(),
            glue: Vec::new(),
            numbered: false,
            parts: false,
        }
    }

    /// The build of `prefix`; `None` where it is too long to be one.
    pub(super) fn of(prefix: &[u8]) -> Option<Self> {
        let mut template = Self::bare();
        let time = stamp::find(prefix).map(|(range, _)| range);
        let mut spans = Vec::new();
        let mut at = 0;
        while let Some(span) = next_word(prefix, at) {
            at = span.end;
            spans.push(span);
            if spans.len() > MOST_WORDS {
                return None;
            }
        }
        if let Some(last) = spans.last()
            && last.end == prefix.len()
        {
            template.glue = prefix[last.clone()].to_vec();
            template.numbered = number_glue(&template.glue);
            spans.pop();
        }
        if let Some(last) = spans.last() {
            let end = prefix.len() - template.glue.len();
            template.gap = prefix[last.end..end].to_vec();
        }
        // With a mark like these the other words may differ from line to line.
        let anchored = time.is_some() || spans.iter().any(|span| &prefix[span.clone()] == b"|");
        let in_time = |span: &std::ops::Range<usize>| {
            time.as_ref()
                .is_some_and(|time| span.start < time.end && time.start < span.end)
        };
        template.words = (spans.iter())
            .map(|span| Word {
                build: Build::of(&prefix[span.clone()], anchored),
                changes: in_time(span)
                    || is_weekday(&prefix[span.clone()])
                    || anchored && is_level(&prefix[span.clone()]),
            })
            .collect();
        // Counts and numbers of lines stand on the right of their column.
        if let (Some(span), Some(word)) = (spans.first(), template.words.first_mut())
            && word.build == Build::Number
            && span.start > 0
        {
            word.changes = true;
        }
        let words: Vec<&[u8]> = spans.iter().map(|span| &prefix[span.clone()]).collect();
        if let [severity, clock, pid, place] = words.as_slice()
            && is_klog(severity)
            && clock.contains(&b':')
            && pid.iter().all(u8::is_ascii_digit)
            && place.ends_with(b"]")
            && let Some(word) = template.words.last_mut()
        {
            word.changes = true;
        }
        if let [.., stream, b"F" | b"P"] = words.as_slice()
            && matches!(*stream, b"stdout" | b"stderr")
            && let Some(word) = template.words.last_mut()
        {
            template.parts = true;
            word.changes = true;
            word.build = Build::Marks(None, None);
        }
        Some(template)
    }

    /// Whether nothing stands in front of the text but white space.
    pub(super) fn is_bare(&self) -> bool {
        self.words.is_empty() && self.glue.is_empty()
    }

    /// Whether the text stands in quotes, and in which.
    pub(super) fn quote(&self) -> Option<u8> {
        self.glue.last().copied().filter(|b| matches!(b, b'"' | b'\'' | b'`'))
    }

    /// Finds the text of a line that has this prefix. The words go to `spans`.
    pub(super) fn matches(&self, line: &[u8], spans: &mut Vec<std::ops::Range<usize>>) -> Option<Match> {
        spans.clear();
        if self.is_bare() {
            return Some(Match {
                text: 0,
                partial: false,
            });
        }
        let mut at = 0;
        for word in &self.words {
            let span = next_word(line, at)?;
            if !word.build.fits(&line[span.clone()]) {
                return None;
            }
            at = span.end;
            spans.push(span);
        }
        let partial = self.parts && spans.last().is_some_and(|last| &line[last.clone()] == b"P");
        if !self.words.is_empty() {
            // The white space in front of an empty text is often lost.
            at += common(&line[at..], &self.gap);
        }
        if !self.glue.is_empty() {
            if self.words.is_empty() {
                at += line.iter().take_while(|b| b.is_ascii_whitespace()).count();
            }
            at += self.glue_length(&line[at..])?;
        }
        Some(Match { text: at, partial })
    }

    fn glue_length(&self, line: &[u8]) -> Option<usize> {
        if !self.numbered {
            return line.starts_with(&self.glue).then_some(self.glue.len());
        }
        // `kubelet.log:12:`, and `kubelet.log-13-` around it.
        let is_mark = |b: u8| matches!(b, b':' | b'-');
        let mut at = 0;
        let mut want = self.glue.as_slice();
        while let Some((&b, rest)) = want.split_first() {
            if b.is_ascii_digit() {
                let digits = line[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                if digits == 0 {
                    return None;
                }
                at += digits;
                want = &want[want.iter().take_while(|b| b.is_ascii_digit()).count()..];
                continue;
            }
            let have = *line.get(at)?;
            if have != b && !(is_mark(have) && is_mark(b)) {
                return None;
            }
            at += 1;
            want = rest;
        }
        Some(at)
    }

    /// The words of a matched line that tell who wrote it.
    pub(super) fn key(&self, line: &[u8], spans: &[std::ops::Range<usize>], key: &mut Vec<u8>) {
        key.clear();
        for (word, span) in self.words.iter().zip(spans) {
            if !word.changes {
                key.extend_from_slice(&line[span.clone()]);
                key.push(0);
            }
        }
        if !self.numbered && !self.glue.is_empty() {
            key.extend_from_slice(&self.glue);
        }
    }

    /// Who wrote a matched line.
    pub(super) fn writer(&self, line: &[u8], spans: &[std::ops::Range<usize>]) -> Writer {
        let has_time = self.words.iter().any(|w| w.build == Build::Clock);
        // The place that klog names changes, and shows that it is klog.
        let klog = self.words.len() >= 4 && spans.first().is_some_and(|s| is_klog(&line[s.clone()]));
        let mut words: Vec<&[u8]> = Vec::new();
        for (word, span) in self.words.iter().zip(spans) {
            if !word.changes || (klog && line[span.clone()].ends_with(b"]")) {
                words.push(&line[span.clone()]);
            }
        }
        if !self.glue.is_empty() && !self.numbered {
            words.push(&self.glue);
        }
        named(&words, has_time)
    }

    /// Whether the names of a writer are all that tells it apart; else the words of its prefix do.
    pub(super) fn is_named(&self, writer: &Writer) -> bool {
        self.is_bare() || writer.pid.is_some() && writer.rest.is_empty()
    }

    /// Learns from lines of a dump which words change from one to the next.
    pub(super) fn learn<'t>(&mut self, lines: impl Iterator<Item = &'t [u8]>) {
        let mut seen: Vec<Vec<&[u8]>> = vec![Vec::new(); self.words.len()];
        let mut count = 0;
        let mut spans = Vec::new();
        for line in lines.take(400) {
            if self.matches(line, &mut spans).is_none() {
                continue;
            }
            count += 1;
            for (values, span) in seen.iter_mut().zip(&spans) {
                let value = &line[span.clone()];
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        for (word, values) in self.words.iter_mut().zip(&seen) {
            let pid = values.iter().any(|v| v.contains(&b'['));
            word.changes |= count >= 3 && !pid && values.len() * 10 > count * 7;
            word.changes |= matches!(word.build, Build::Number | Build::Dotted) && counts(values);
        }
    }
}

/// Whether these values, in the order in which they came first, count up or are times.
fn counts(values: &[&[u8]]) -> bool {
    let number = |v: &&[u8]| std::str::from_utf8(v).ok()?.trim_end_matches('.').parse::<f64>().ok();
    let Some(numbers) = values.iter().map(number).collect::<Option<Vec<f64>>>() else {
        return false;
    };
    values.len() >= 4 && numbers.is_sorted() || values.iter().all(|v| sources::is_epoch(v))
}

impl Build {
    fn of(word: &[u8], anchored: bool) -> Self {
        if has_digit_colon_digit(word) {
            return Self::Clock;
        }
        if word.iter().all(u8::is_ascii_digit) {
            return Self::Number;
        }
        if is_dotted(word) {
            return Self::Dotted;
        }
        let is_mark = |b: &u8| b.is_ascii_punctuation() && !matches!(b, b'_' | b'/' | b'.' | b'-' | b'\\' | b'%');
        let (first, last) = (
            word.first().copied().filter(is_mark),
            word.last().copied().filter(is_mark),
        );
        let letters = word.iter().any(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        if !letters || (first.is_none() && last.is_none() && !anchored) {
            return Self::Exact(word.to_vec());
        }
        Self::Marks(first, last)
    }

    fn fits(&self, word: &[u8]) -> bool {
        match self {
            Self::Clock => has_digit_colon_digit(word),
            Self::Number => word.iter().all(u8::is_ascii_digit),
            Self::Dotted => is_dotted(word),
            Self::Exact(text) => word == text,
            Self::Marks(first, last) => {
                first.is_none_or(|b| word.first() == Some(&b)) && last.is_none_or(|b| word.last() == Some(&b))
            }
        }
    }
}

/// Between the brackets of seconds since the start of the machine, and since the line before (`-o short-delta`).
const CLOCK: &[u8] = b" 0123456789.<>*+";

/// `   12.500000`, `   12.500000 <    0.000137 >`
fn is_seconds(inside: &[u8]) -> bool {
    inside.iter().all(|b| CLOCK.contains(b)) && inside.iter().filter(|&&b| b == b'.').count() <= 2
}

fn has_digit_colon_digit(word: &[u8]) -> bool {
    word.windows(3)
        .any(|w| w[0].is_ascii_digit() && w[1] == b':' && w[2].is_ascii_digit())
        || (word.starts_with(b"[") && word.ends_with(b"]") && is_seconds(&word[1..word.len() - 1]))
        || is_epoch(word)
}

/// `10.0.0.2`, `7.`
fn is_dotted(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_digit) && word.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// `1764000000.123456`
fn is_epoch(word: &[u8]) -> bool {
    word.len() > 11 && word.contains(&b'.') && word.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// Letters, and digits with a mark behind that number lines: `12:`, `kubelet.log:12:`.
fn number_glue(glue: &[u8]) -> bool {
    let Some(rest) = (glue.split_last()).and_then(|(last, rest)| b":-.)|".contains(last).then_some(rest)) else {
        return false;
    };
    let digits = rest.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let before = &rest[..rest.len() - digits];
    digits > 0 && (before.is_empty() || before.ends_with(b":") || before.ends_with(b"-"))
}

pub(super) fn is_weekday(word: &[u8]) -> bool {
    const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
    let word = word.strip_suffix(b",").unwrap_or(word).to_ascii_lowercase();
    DAYS.iter().any(|d| word.starts_with(d)) && word.len() <= 9 && word.iter().all(u8::is_ascii_alphabetic)
}

fn is_klog(word: &[u8]) -> bool {
    matches!(word, [b'I' | b'W' | b'E' | b'F', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit))
}

fn common(text: &[u8], gap: &[u8]) -> usize {
    text.iter().zip(gap).take_while(|(a, b)| a == b).count()
}

/// The next word from `at` on. Seconds since the start of the machine are one with the blanks in them: `[    5.123456]`.
pub(super) fn next_word(text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = at + text.get(at..)?.iter().position(|b| !blank(b))?;
    let rest = &text[start..];
    if rest[0] == b'['
        && let Some(end) = rest.iter().take(48).position(|&b| b == b']')
        && rest[1..end].contains(&b'.')
        && is_seconds(&rest[1..end])
    {
        return Some(start..start + end + 1);
    }
    let length = rest.iter().position(blank).unwrap_or(rest.len());
    Some(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'l>(prefix: &str, line: &'l str) -> Option<&'l str> {
        let template = Template::of(prefix.as_bytes()).unwrap();
        let m = template.matches(line.as_bytes(), &mut Vec::new())?;
        Some(&line[m.text..])
    }

    #[test]
    fn the_same_build_is_the_same_prefix() {
        for (prefix, line, want) in [
            (
                "Mar 12 07:41:30 node-a7 kubelet[4711]: ",
                "Apr  2 17:01:09 ip-10-0-0-1 containerd[8]: \ta.go:1",
                "\ta.go:1",
            ),
            (
                "Mar 12 07:41:30 node-a7 kubelet[4711]: ",
                "Mar 12 07:41:30 node-a7 kubelet[4711]:",
                "",
            ),
            (
                "Jun 22 11:01:19 worker-b kubelet: ",
                "Jun 22 11:01:19 worker-b kubelet: f(0x1)",
                "f(0x1)",
            ),
            (
                "4月 03 09:26:34 node-c9 kubelet[9519]: ",
                "5月 03 09:26:34 node-c9 kubelet[9519]: x",
                "x",
            ),
            (
                "2026-03-12T07:41:30Z stderr F ",
                "2026-03-12T07:41:31Z stdout P \tx",
                "\tx",
            ),
            (
                "I0312 07:41:30.123456    4711 server.go:12] ",
                "E0313 07:41:30.123456       7 a.go:1] x",
                "x",
            ),
            ("[pod/kubelet-x/kubelet] ", "[pod/other/c] x", "x"),
            ("[   12.500000] n kubelet[1]: ", "[12345.500000] n kubelet[1]: x", "x"),
            ("> > ", "> > x", "x"),
            ("> > ", "> >", ""),
            ("12:", "113-x", "x"),
            ("a/kubelet.log:12:", "a/kubelet.log-9-x", "x"),
            ("     1\t", "    12\t\tx", "\tx"),
            ("MESSAGE=", "MESSAGE=x", "x"),
            ("kubelet-1  | ", "web-11     | x", "x"),
            ("[10:42] alice: ", "[10:43] bob: x", "x"),
        ] {
            assert_eq!(text(prefix, line), Some(want), "{prefix:?} {line:?}");
        }
        for (prefix, line) in [
            (
                "Mar 12 07:41:30 node-a7 kubelet[4711]: ",
                "runtime.gopark(0x1, 0x2, 0x3, 0x4, 0x5)",
            ),
            ("[pod/kubelet-x/kubelet] ", "[originating from goroutine 3]:"),
            ("kubelet ", "runtime.gopark(0x1, 0x2)"),
            ("MESSAGE=", "_PID=7"),
            ("12:", "x"),
            ("> ", "x y"),
        ] {
            assert_eq!(text(prefix, line), None, "{prefix:?} {line:?}");
        }
        assert!(Template::of("word ".repeat(30).as_bytes()).is_none());
    }

    #[test]
    fn words_that_change_tell_no_writers() {
        let key = |template: &Template, line: &str| {
            let (mut spans, mut key) = (Vec::new(), Vec::new());
            template.matches(line.as_bytes(), &mut spans).unwrap();
            template.key(line.as_bytes(), &spans, &mut key);
            key
        };
        let mut t = Template::of(b"1 req-5f3a: x kubelet[7]: ").unwrap();
        let lines = [
            "1 req-5f3a: x kubelet[7]: a",
            "2 req-99: x kubelet[7]: b",
            "3 req-7: x kubelet[8]: c",
            "4 r-1: x kubelet[7]: d",
        ];
        assert_ne!(key(&t, lines[0]), key(&t, lines[1]));
        t.learn(lines.iter().map(|l| l.as_bytes()));
        assert_eq!(key(&t, lines[0]), key(&t, lines[1]));
        assert_ne!(key(&t, lines[0]), key(&t, lines[2]));
    }
}
