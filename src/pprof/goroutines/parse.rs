//! The lines of a dump.

use super::{Ancestor, Creator, Gap, GoFrame, GoroutineDump, Run, Truncation, header};
use crate::model::StringId;
use crate::pprof::scan::{Lines, hex};

/// Where the runtime stops writing.
const RUNTIME_LIMIT: usize = 64 << 20;
/// More than this is not read: ids of frames and text are 32 bits wide.
const MOST: usize = 1 << 30;

/// Reads a dump; `None` when there is no goroutine in it.
pub fn parse(data: &[u8]) -> Option<GoroutineDump> {
    let (data, too_long) = match data.get(..MOST) {
        Some(start) if data.len() > MOST => (start, true),
        _ => (data, false),
    };
    let mut reader = Reader::default();
    let mut lines = Lines::new(data, 0);
    while lines.advance() {
        if lines.rest() == data.len() && !data.ends_with(b"\n") {
            // Whatever the line seems to say, the rest of it may be missing.
            reader.dump.truncated = Some(Truncation::Cut);
            break;
        }
        reader.line(lines.line(), lines.offset() as u64);
    }
    let in_goroutine = reader.in_goroutine;
    let mut dump = reader.finish();
    if too_long {
        dump.truncated = Some(Truncation::TooLong);
    } else if data.len() == RUNTIME_LIMIT {
        dump.truncated = Some(Truncation::RuntimeLimit);
    }
    if dump.truncated.is_some()
        && in_goroutine
        && let Some(last) = dump.goroutines.last_mut()
    {
        last.cut = true;
    }
    (!dump.goroutines.is_empty()).then_some(dump)
}

/// What a logger put before every line.
#[derive(Clone, Copy, Default)]
enum Prefix {
    #[default]
    None,
    /// `Nov 23 10:11:12 host kubelet[77]: `
    Syslog,
    /// `2026-11-23T10:11:12.345Z stderr F `
    Container,
}

impl Prefix {
    /// The line behind the prefix, if it has one.
    fn strip(self, line: &[u8]) -> Option<&[u8]> {
        let (mark, near): (&[u8], usize) = match self {
            Prefix::None => return Some(line),
            Prefix::Syslog => (b"]: ", 200),
            Prefix::Container => (b" F ", 60),
        };
        let head = &line[..line.len().min(near)];
        let end = head.windows(3).position(|w| w == mark)?;
        Some(&line[end + 3..])
    }
}

/// What the next indented line is the place of.
#[derive(Clone, Copy, Default)]
enum Pending {
    #[default]
    Nothing,
    Frame(GoFrame),
    Creator(Creator),
}

#[derive(Default)]
struct Reader {
    dump: GoroutineDump,
    prefix: Prefix,
    pending: Pending,
    /// Lines belong to the last goroutine.
    in_goroutine: bool,
    /// ... to the last of its ancestors.
    in_ancestor: bool,
}

impl Reader {
    fn line(&mut self, line: &[u8], offset: u64) {
        let Some(line) = self.prefix.strip(line) else {
            self.skip();
            return;
        };
        if line.is_empty() {
            self.flush();
            self.in_goroutine = false;
            return;
        }
        if line.starts_with(b"goroutine ") && self.start(line, offset) {
            return;
        }
        if !self.in_goroutine {
            if self.dump.goroutines.is_empty() {
                self.preamble(line, offset);
            } else {
                self.skip();
            }
            return;
        }
        match line[0] {
            b'\t' | b' ' => self.indented(line.trim_ascii()),
            _ => self.function(line),
        }
    }

    fn skip(&mut self) {
        if self.dump.goroutines.is_empty() {
            self.dump.skipped.preamble_lines += 1;
        } else {
            self.dump.skipped.other_lines += 1;
        }
    }

    /// Starts a goroutine if the line is the first of one.
    fn start(&mut self, line: &[u8], offset: u64) -> bool {
        let labels = self.dump.labels.len() as u32;
        let Some(mut g) = header::parse(line, &mut self.dump.strings, &mut self.dump.labels) else {
            return false;
        };
        self.flush();
        let empty = |at: usize| Run {
            start: at as u32,
            end: at as u32,
        };
        g.offset = offset;
        g.frames = empty(self.dump.frames.len());
        g.ancestors = empty(self.dump.ancestors.len());
        g.labels = Run {
            start: labels,
            end: self.dump.labels.len() as u32,
        };
        self.dump.goroutines.push(g);
        (self.in_goroutine, self.in_ancestor) = (true, false);
        true
    }

    /// A line before the first goroutine: perhaps the reason of it all, perhaps a goroutine behind a logger's prefix.
    fn preamble(&mut self, line: &[u8], offset: u64) {
        if matches!(self.prefix, Prefix::None) {
            for prefix in [Prefix::Syslog, Prefix::Container] {
                if let Some(rest) = prefix.strip(line)
                    && rest.starts_with(b"goroutine ")
                    && self.start(rest, offset)
                {
                    self.prefix = prefix;
                    return;
                }
            }
        }
        self.skip();
        let rest = [Prefix::Syslog, Prefix::Container]
            .iter()
            .find_map(|p| p.strip(line))
            .unwrap_or(line);
        let starts = [
            &b"panic: "[..],
            b"fatal error: ",
            b"SIGQUIT: ",
            b"SIGABRT: ",
            b"unexpected fault address ",
        ];
        let reason = [line, rest]
            .into_iter()
            .find(|l| starts.iter().any(|s| l.starts_with(s)));
        if let Some(reason) = reason
            && self.dump.cause.is_none()
        {
            self.dump.cause = Some(String::from_utf8_lossy(&reason[..reason.len().min(500)]).into_owned());
        }
    }

    /// A line at the left edge: a function, the creator, or a remark. Anything else is a line of a log that came in
    /// between.
    fn function(&mut self, line: &[u8]) {
        let remark = [&b"created by "[..], b"...", b"[originating from ", b"non-Go function"];
        let call = line.ends_with(b")") && line.contains(&b'(');
        if !call && line.contains(&b' ') && !remark.iter().any(|r| line.starts_with(r)) {
            self.skip();
            return;
        }
        self.flush();
        if let Some(rest) = line.strip_prefix(b"created by ") {
            self.pending = Pending::Creator(self.creator(rest));
            return;
        }
        if let Some(rest) = line.strip_prefix(b"...")
            && let Some(rest) = rest.strip_suffix(b" frames elided...")
        {
            let elided = std::str::from_utf8(rest).ok().and_then(|n| n.parse().ok());
            self.gap(elided);
            return;
        }
        if let Some(rest) = line.strip_prefix(b"[originating from goroutine ") {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if let Some(id) = std::str::from_utf8(&rest[..digits]).ok().and_then(|n| n.parse().ok()) {
                let at = self.dump.frames.len() as u32;
                self.dump.ancestors.push(Ancestor {
                    id,
                    created_by: None,
                    frames: Run { start: at, end: at },
                });
                if let Some(g) = self.dump.goroutines.last_mut() {
                    g.ancestors.end = self.dump.ancestors.len() as u32;
                }
                self.in_ancestor = true;
                return;
            }
        }
        if let Some(pc) = line.strip_prefix(b"non-Go function at pc=0x") {
            let pc = hex(pc).unwrap_or(0);
            self.push(GoFrame {
                pc,
                ..GoFrame::default()
            });
            return;
        }
        self.pending = Pending::Frame(self.frame(line));
    }

    fn intern(&mut self, text: &[u8]) -> StringId {
        match std::str::from_utf8(text) {
            Ok(text) => self.dump.strings.intern(text),
            Err(_) => self.dump.strings.intern(&String::from_utf8_lossy(text)),
        }
    }

    /// `name(args)`; a C function stands without brackets.
    fn frame(&mut self, line: &[u8]) -> GoFrame {
        let (name, args) = match line.strip_suffix(b")") {
            Some(inside) => match inside.iter().rposition(|&b| b == b'(') {
                Some(i) => (&inside[..i], &inside[i + 1..]),
                None => (line, &b""[..]),
            },
            None => (line, &b""[..]),
        };
        let name = match name {
            b"panic" => b"runtime.gopanic",
            b"non-Go function" => &b""[..],
            name => name,
        };
        GoFrame {
            function: self.intern(name),
            args: self.intern(args),
            inlined: args == b"...",
            ..GoFrame::default()
        }
    }

    /// `name` or `name in goroutine N`.
    fn creator(&mut self, text: &[u8]) -> Creator {
        const IN: &[u8] = b" in goroutine ";
        let digits = text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let (before, number) = text.split_at(text.len() - digits);
        let parent = std::str::from_utf8(number).ok().and_then(|n| n.parse().ok());
        let (name, parent) = match before.strip_suffix(IN) {
            Some(name) if parent.is_some() => (name, parent),
            _ => (text, None),
        };
        Creator {
            function: self.intern(name),
            parent,
            ..Creator::default()
        }
    }

    fn gap(&mut self, elided: Option<u64>) {
        if let Some(g) = self.dump.goroutines.last_mut()
            && !self.in_ancestor
            && g.gap.is_none()
        {
            let after = self.dump.frames.len() as u32 - g.frames.start;
            g.gap = Some(Gap { after, elided });
        }
    }

    /// An indented line: the place of what stands above it, or a remark.
    fn indented(&mut self, line: &[u8]) {
        if line.starts_with(b"goroutine running on other thread") {
            if let Some(g) = self.dump.goroutines.last_mut() {
                g.stack_unavailable = true;
            }
            return;
        }
        let place = Place::parse(line);
        match (std::mem::take(&mut self.pending), place) {
            (Pending::Frame(mut frame), Some(place)) => {
                frame.file = self.intern(place.file);
                (frame.line, frame.offset, frame.pc) = (place.line, place.offset, place.pc);
                // Ancestors' frames have no arguments and are not inlined for that.
                frame.inlined = frame.inlined && frame.offset == 0;
                self.push(frame);
            }
            (Pending::Creator(mut creator), Some(place)) => {
                creator.file = self.intern(place.file);
                creator.line = place.line;
                self.set_creator(creator);
            }
            (pending, _) => {
                self.pending = pending;
                self.dump.skipped.other_lines += 1;
            }
        }
    }

    fn push(&mut self, frame: GoFrame) {
        self.dump.frames.push(frame);
        let end = self.dump.frames.len() as u32;
        if self.in_ancestor {
            if let Some(a) = self.dump.ancestors.last_mut() {
                a.frames.end = end;
            }
        } else if let Some(g) = self.dump.goroutines.last_mut() {
            g.frames.end = end;
        }
    }

    fn set_creator(&mut self, creator: Creator) {
        if self.in_ancestor {
            if let Some(a) = self.dump.ancestors.last_mut() {
                a.created_by = Some(creator);
            }
        } else if let Some(g) = self.dump.goroutines.last_mut() {
            g.created_by = Some(creator);
        }
    }

    /// What waits for its place does not get one. A creator is one all the same; a lone line is a function only if it
    /// looks like one.
    fn flush(&mut self) {
        match std::mem::take(&mut self.pending) {
            Pending::Nothing => {}
            Pending::Frame(_) => self.dump.skipped.other_lines += 1,
            Pending::Creator(creator) => self.set_creator(creator),
        }
    }

    fn finish(mut self) -> GoroutineDump {
        match std::mem::take(&mut self.pending) {
            Pending::Nothing => {}
            // A whole line of a function, and then the end of the text.
            Pending::Frame(frame) => {
                self.push(frame);
                self.dump.truncated.get_or_insert(Truncation::Cut);
            }
            Pending::Creator(creator) => {
                self.set_creator(creator);
                self.dump.truncated.get_or_insert(Truncation::Cut);
            }
        }
        self.dump
    }
}

/// `FILE:LINE +0xOFFSET fp=0x... sp=0x... pc=0x...`, all behind the line optional.
struct Place<'a> {
    file: &'a [u8],
    line: u32,
    offset: u64,
    pc: u64,
}

impl<'a> Place<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let (mut text, mut offset, mut pc) = (text, 0, 0);
        while let Some(i) = text.iter().rposition(|&b| b == b' ') {
            let word = &text[i + 1..];
            if let Some(value) = word.strip_prefix(b"+0x") {
                offset = hex(value)?;
            } else if let Some(value) = word.strip_prefix(b"pc=0x") {
                pc = hex(value)?;
            } else if !word.starts_with(b"fp=0x") && !word.starts_with(b"sp=0x") {
                break;
            }
            text = &text[..i];
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
        let colon = text.iter().rposition(|&b| b == b':')?;
        let line = std::str::from_utf8(&text[colon + 1..]).ok()?.parse().ok()?;
        Some(Place {
            file: &text[..colon],
            line,
            offset,
            pc,
        })
    }
}
