//! From lines with their writers to dumps: each process has its own, and a new one begins where a number comes again.

use std::io::{self, Read};

use rustc_hash::{FxHashMap, FxHashSet};

use super::build::{Builder, Taken};
use super::crash::{self, More, Sign};
use super::join::{Joiner, Next};
use super::line::{Shape, shape};
use super::looks::DumpLooks;
use super::{Dumps, GoroutineDump, HeaderState, Truncation, program};
use crate::model::evidence::{Crash, CrashCause, Stamp, UnitChange, UnitEvent, Writer};
use crate::pprof::carrier::{self, Again, Line, Listener, Looks, WriterId, units};

/// After so many other lines of its writer a dump has ended.
const QUIET: u32 = 200;
/// After so many lines of anybody it has as well.
const SILENT: u64 = 4000;
/// A pause that no dump makes.
const PAUSE: i64 = 60_000_000_000;
/// More events than a person reads are only counted.
const EVENTS: usize = 4096;
/// A journal may hold a recovered panic a second; of more dumps than twice this many, the oldest go.
const DUMPS: usize = 2000;
/// Where the runtime stops writing.
const RUNTIME_LIMIT: u64 = 64 << 20;
/// Ids of frames and texts are 32 bits wide.
const MOST_FRAMES: usize = 1 << 26;

/// Reads all dumps of a text.
///
/// # Errors
/// When `from` cannot be read.
///
/// With `backwards`, the texts of a record are in order from the last one on.
pub(super) fn scan(from: &mut dyn Read, backwards: bool) -> io::Result<Dumps> {
    let mut scan = Scan {
        looks: DumpLooks,
        streams: FxHashMap::default(),
        listening: 0,
        holding: 0,
        found: Vec::new(),
        out: Dumps::default(),
        lines: 0,
    };
    let heard = carrier::listen(from, &mut scan, backwards)?;
    Ok(scan.finish(heard))
}

/// The lines of one writer.
#[derive(Default)]
struct Stream {
    builder: Builder,
    /// The beginning of a line that was broken.
    joiner: Joiner,
    crash: Option<Crash>,
    /// Byte at which its first line stands.
    crash_offset: u64,
    threads: Option<u64>,
    /// When the first and the last line of the dump were written.
    first: Option<Stamp>,
    last: Option<Stamp>,
    offset: u64,
    suppressed: Option<u64>,
    /// Other lines since the last of the dump.
    quiet: u32,
    /// Number of the last line of the dump among all.
    last_line: u64,
    /// The dump has begun, or a line that announces one was there.
    open: bool,
    /// The last line ends with the text and not with a line end.
    cut: Option<Truncation>,
    /// The name of the writer.
    name: String,
    preamble: u64,
    /// The last line of the dump, and how many stood there again right behind themselves.
    before: Vec<u8>,
    repeated: u64,
}

/// Whether a line that is cut may be one of a dump.
fn is_begun(text: &[u8]) -> bool {
    const STARTS: [&[u8]; 6] = [
        b"goroutine ",
        b"created by ",
        b"[originating from goroutine ",
        b"runtime stack:",
        b"[signal ",
        b"exit status ",
    ];
    let text = text.trim_ascii_start();
    let words: Vec<&[u8]> = text.split(|b| *b == b' ').filter(|w| !w.is_empty()).collect();
    let is_register = matches!(words.as_slice(), [name, b"0" | b"0x"] if name.len() <= 8);
    is_register || STARTS.iter().any(|s| s.starts_with(text) || text.starts_with(s))
}

/// A dump that has ended.
struct Found {
    dump: GoroutineDump,
    writer: WriterId,
    offset: u64,
    /// Where the line stands that says why.
    crash_offset: Option<u64>,
    /// It ends inside of a goroutine.
    inside: bool,
}

struct Scan {
    looks: DumpLooks,
    streams: FxHashMap<WriterId, Stream>,
    /// How many streams are open.
    listening: usize,
    /// How many lines wait for the rest of them.
    holding: usize,
    found: Vec<Found>,
    out: Dumps,
    lines: u64,
}

impl Listener for Scan {
    fn line(&mut self, line: &Line<'_>) {
        self.lines += 1;
        if self.lines.is_multiple_of(256) {
            self.end_silent();
        }
        if line.again != Again::No || line.cut || line.spaced {
            self.release(line);
            return self.whole(line);
        }
        let holds = self.streams.get(&line.writer).is_some_and(|s| s.joiner.is_holding());
        if holds && let Some(stream) = self.streams.get_mut(&line.writer) {
            match stream.joiner.next(line.text) {
                Next::More => return,
                Next::Joined(text) => {
                    self.holding -= 1;
                    return self.whole(&line.with(&text));
                }
                Next::Apart => self.release(line),
            }
        }
        // A log may have more writers than memory.
        if !self.streams.contains_key(&line.writer) && !Joiner::begins(line.text) {
            return self.whole(line);
        }
        if self.streams.entry(line.writer).or_default().joiner.holds(line.text) {
            self.holding += 1;
            return;
        }
        self.whole(line);
    }

    fn stray(&mut self, line: &[u8], offset: u64) {
        self.lines += 1;
        if self.unit(line, offset, || carrier::stamp_of(line)) {
            return;
        }
        let whole = std::iter::once((Writer::default(), line));
        for (writer, text) in whole.chain(carrier::behind_prefix(line)) {
            if let Some(Sign::Begins(crash)) = crash::read(text) {
                self.crashed(&writer.name, *crash, carrier::stamp_of(line), offset);
                return;
            }
        }
    }

    fn is_listening(&self) -> bool {
        self.listening + self.holding > 0
    }

    fn looks(&self) -> &dyn Looks {
        &self.looks
    }
}

impl Scan {
    /// Gives up waiting for the rest of a line.
    fn release(&mut self, line: &Line<'_>) {
        let held = self.streams.get_mut(&line.writer).and_then(|s| s.joiner.release());
        if let Some(held) = held {
            self.holding -= 1;
            let mut before = line.with(&held);
            before.cut = false;
            self.whole(&before);
        }
    }

    /// A line that was put together where it was broken.
    fn whole(&mut self, line: &Line<'_>) {
        if self.is_foreign(line) {
            return;
        }
        let stream = self.streams.entry(line.writer).or_default();
        if line.again == Again::No && !line.text.is_empty() && stream.before == line.text {
            // No line of a dump is the same as the one before it.
            stream.repeated += 1;
            return;
        }
        if line.cut && stream.cut_line(line.text) {
            return;
        }
        if line.again == Again::Before {
            stream.hear_again(line);
            return;
        }
        if line.text.trim_ascii_start().starts_with(b"goroutine ") && stream.is_stale(line) {
            self.end(line.writer, false);
        }
        let stream = self.streams.entry(line.writer).or_default();
        stream.builder.spaced = line.spaced;
        let mut taken = stream.builder.line(line.text, line.offset);
        if taken == Taken::Next {
            self.end(line.writer, false);
            let stream = self.streams.entry(line.writer).or_default();
            stream.builder.spaced = line.spaced;
            taken = stream.builder.line(line.text, line.offset);
        }
        match taken {
            Taken::Part => self.part(line),
            Taken::Blank => {}
            Taken::Noise | Taken::Next => self.noise(line),
        }
    }
}

impl Stream {
    /// Whether the dump before this line ended long ago.
    fn is_stale(&mut self, line: &Line<'_>) -> bool {
        let Some(now) = line.stamp() else { return false };
        let pause = self.last.as_ref().and_then(|then| now.since(then));
        self.last = Some(now);
        !self.builder.is_empty() && pause.is_some_and(|p| p > PAUSE)
    }

    /// A line that the text ends in. True where it is not to be read: whatever it seems to say, the rest may be missing.
    /// Only a place is whole at its offset.
    fn cut_line(&mut self, text: &[u8]) -> bool {
        match shape(text) {
            Shape::Place(place) if place.offset != 0 => {
                self.cut = Some(Truncation::NoLineEnd);
                return false;
            }
            Shape::Blank if text.is_empty() || !self.builder.is_waiting() => {}
            // A sentence or a fence below the dump.
            Shape::Other if !self.builder.is_inside() && !is_begun(text) => {}
            // A fence; dots may begin a line about frames that were left out.
            Shape::Word(word) if word.iter().all(|b| b.is_ascii_punctuation() && *b != b'.') && !is_begun(word) => {}
            _ => self.cut = Some(Truncation::Cut),
        }
        true
    }

    /// A line from before its prefix was known.
    fn hear_again(&mut self, line: &Line<'_>) {
        if line.text.trim_ascii().is_empty() || !self.builder.is_empty() {
            return;
        }
        if let Some(sign) = crash::read(line.text) {
            self.note(sign, line.stamp(), line.offset);
        }
        self.preamble += 1;
    }
}

impl Scan {
    fn open(&mut self, line: &Line<'_>) -> &mut Stream {
        let stream = self.streams.entry(line.writer).or_default();
        if !stream.open {
            stream.open = true;
            stream.name.clone_from(&line.who.name);
            self.listening += 1;
        }
        stream.quiet = 0;
        stream.last_line = self.lines;
        stream
    }

    /// Whether a line is nothing to a writer of whom nothing was kept so far. A log may have more writers than memory.
    fn is_foreign(&mut self, line: &Line<'_>) -> bool {
        let is_foreign = line.writer != WriterId(0)
            && !self.streams.contains_key(&line.writer)
            && matches!(shape(line.text), Shape::Blank | Shape::Other)
            && memchr::memmem::find(line.text, b"goroutine ").is_none()
            && crash::read(line.text).is_none();
        if is_foreign && line.again == Again::No {
            self.unit(line.text, line.offset, || line.stamp());
        }
        is_foreign
    }

    /// A line of the dump.
    fn part(&mut self, line: &Line<'_>) {
        let is_first = self
            .streams
            .get(&line.writer)
            .is_none_or(|s| s.builder.count() <= 1 && s.first.is_none());
        let stream = self.open(line);
        stream.builder.dump.last_offset = line.offset;
        stream.before.clear();
        stream.before.extend_from_slice(line.text);
        if is_first {
            stream.first = line.stamp();
            stream.offset = line.offset;
        }
        if stream.builder.frames() > MOST_FRAMES {
            stream.builder.dump.truncated = Some(Truncation::TooLong);
            self.end(line.writer, false);
        }
    }

    /// A line that is none of the dump: why it was written, what happened to a unit, or anything.
    fn noise(&mut self, line: &Line<'_>) {
        if let Some(sign) = crash::read(line.text) {
            let is_over = self.streams.get(&line.writer).is_some_and(|s| s.builder.is_over());
            if is_over && matches!(sign, Sign::Begins(_)) {
                self.end(line.writer, false);
            }
            let at = line.stamp();
            let stream = self.open(line);
            stream.note(sign, at, line.offset);
            if stream.builder.is_empty() {
                stream.preamble += 1;
            }
            return;
        }
        if line.again == Again::No && self.unit(line.text, line.offset, || line.stamp()) {
            return;
        }
        let Some(stream) = self.streams.get_mut(&line.writer) else {
            return;
        };
        if stream.builder.is_empty() {
            stream.preamble += 1;
        } else {
            stream.builder.dump.skipped.other_lines += 1;
        }
        if !stream.open {
            return;
        }
        stream.quiet += 1;
        if stream.quiet > QUIET {
            self.end(line.writer, false);
        }
    }

    /// Ends dumps whose writers have said nothing for long.
    fn end_silent(&mut self) {
        let lines = self.lines;
        let silent = |s: &Stream| s.open && lines - s.last_line > SILENT;
        let over: Vec<WriterId> = self
            .streams
            .iter()
            .filter(|(_, s)| silent(s))
            .map(|(&w, _)| w)
            .collect();
        for writer in over {
            self.end(writer, false);
        }
    }

    /// What a line says of a unit. False when it says nothing.
    fn unit(&mut self, text: &[u8], offset: u64, at: impl FnOnce() -> Option<Stamp>) -> bool {
        let Some((unit, what)) = units::find(text) else {
            return false;
        };
        if let UnitChange::Suppressed { messages } = what {
            let stem = unit.split('.').next().unwrap_or_default().to_owned();
            self.suppressed(&stem, messages);
        }
        if self.out.events.len() >= EVENTS {
            self.out.more_events += 1;
            return true;
        }
        let at = at();
        self.out.events.push(UnitEvent { at, offset, unit, what });
        true
    }

    /// A process said why it ended, and nothing of its goroutines is there.
    fn crashed(&mut self, name: &str, mut crash: Crash, at: Option<Stamp>, offset: u64) {
        if crash.recovered {
            return;
        }
        if self.out.events.len() >= EVENTS {
            self.out.more_events += 1;
            return;
        }
        // klog does not name its program; its message may.
        let unit = match name {
            "" if memchr::memmem::find(crash.message.as_bytes(), b"ubelet").is_some() => "kubelet",
            name => name,
        };
        crash.at = at.or(crash.at);
        self.out.events.push(UnitEvent {
            at: crash.at.clone(),
            offset,
            unit: unit.to_owned(),
            what: UnitChange::Crashed(Box::new(crash)),
        });
    }

    /// Lines of this unit are missing here.
    fn suppressed(&mut self, unit: &str, messages: Option<u64>) {
        let is_of =
            |s: &Stream| unit.is_empty() || s.name.is_empty() || s.name.contains(unit) || unit.contains(&s.name);
        for stream in self.streams.values_mut().filter(|s| s.open && is_of(s)) {
            let sum = stream.suppressed.unwrap_or(0).saturating_add(messages.unwrap_or(0));
            stream.suppressed = Some(sum);
            stream.builder.lines_are_missing();
        }
    }

    /// The dump of a writer is over; with `at_end` because the text is.
    fn end(&mut self, writer: WriterId, at_end: bool) {
        let Some(mut stream) = self.streams.remove(&writer) else {
            return;
        };
        if let Some(held) = stream.joiner.release() {
            self.holding -= 1;
            if !stream.builder.is_empty() {
                stream.builder.line(&held, stream.offset);
            }
        }
        if stream.open {
            self.listening -= 1;
        }
        if stream.builder.is_empty() {
            if let Some(crash) = stream.crash {
                self.crashed(&stream.name, crash, None, stream.crash_offset);
            }
        } else {
            let crash_offset = stream.crash.is_some().then_some(stream.crash_offset);
            let mut builder = stream.builder;
            if let Some(cut) = stream.cut.filter(|_| at_end) {
                builder.dump.truncated.get_or_insert(cut);
            }
            let inside = builder.is_inside();
            let mut dump = builder.finish(at_end);
            dump.skipped.preamble_lines += stream.preamble;
            let facts = &mut dump.facts;
            facts.at = stream.first;
            facts.offset = stream.offset;
            facts.suppressed = stream.suppressed;
            facts.repeated = stream.repeated;
            facts.crash = stream.crash;
            self.found.push(Found {
                dump,
                writer,
                offset: stream.offset,
                crash_offset,
                inside,
            });
            self.thin();
        }
    }

    /// Lets go of the oldest dumps where there are too many: first of those that somebody recovered from.
    fn thin(&mut self) {
        if self.found.len() < 2 * DUMPS {
            return;
        }
        let excess = self.found.len() - DUMPS;
        let mut left = excess;
        self.found.retain(|f| {
            let goes = left > 0 && f.dump.facts.crash.as_ref().is_some_and(|c| c.recovered);
            left -= usize::from(goes);
            !goes
        });
        self.found.drain(..left);
        self.out.more_dumps += excess as u64;
    }

    fn finish(mut self, heard: carrier::Heard) -> Dumps {
        let mut writers: Vec<WriterId> = self.streams.keys().copied().collect();
        writers.sort();
        for writer in writers {
            self.end(writer, true);
        }
        self.found.sort_by_key(|f| f.offset);
        // What was first read as a line of nobody.
        let of_dumps: FxHashSet<u64> = self.found.iter().filter_map(|f| f.crash_offset).collect();
        (self.out.events).retain(|e| !matches!(e.what, UnitChange::Crashed(_)) || !of_dumps.contains(&e.offset));
        self.out.events.sort_by_key(|e| e.offset);
        let count = self.found.len();
        for (i, found) in self.found.into_iter().enumerate() {
            let mut dump = found.dump;
            let writer = heard.writers.get(found.writer.0 as usize).cloned().unwrap_or_default();
            describe(&mut dump, writer);
            if i + 1 == count && heard.length == RUNTIME_LIMIT && dump.facts.writer.is_unknown() {
                dump.truncated = Some(Truncation::RuntimeLimit);
                if let Some(last) = dump.goroutines.last_mut().filter(|_| found.inside) {
                    last.cut = true;
                }
            }
            self.out.list.push(dump);
        }
        if let [only] = self.out.list.as_mut_slice()
            && only.facts.writer.is_unknown()
        {
            only.skipped.other_lines += heard.passed;
        }
        self.out
    }
}

impl Stream {
    fn note(&mut self, sign: Sign, at: Option<Stamp>, offset: u64) {
        match sign {
            Sign::Begins(mut crash) => {
                // A panic while another is handled: the first says why.
                if self.crash.is_some() {
                    return;
                }
                crash.at = at.or(crash.at);
                if let (CrashCause::Threads(None), Some(limit)) = (&crash.cause, self.threads) {
                    crash.cause = CrashCause::Threads(Some(limit));
                }
                (self.crash, self.crash_offset) = (Some(*crash), offset);
            }
            Sign::Adds(more) => {
                if let More::Threads(limit) = more {
                    self.threads = Some(limit);
                }
                if let Some(crash) = &mut self.crash {
                    crash::add(crash, &more);
                }
            }
        }
    }
}

/// Fills in what is known of a whole dump.
fn describe(dump: &mut GoroutineDump, writer: Writer) {
    let count = |what: &dyn Fn(&super::Goroutine) -> bool| dump.goroutines.iter().filter(|g| what(g)).count() as u64;
    let mut facts = std::mem::take(&mut dump.facts);
    facts.goroutines = dump.goroutines.len() as u64;
    facts.headers_missing = count(&|g| g.header == HeaderState::Missing);
    facts.headers_damaged = count(&|g| g.header == HeaderState::Damaged);
    facts.damaged = count(&|g| g.damaged);
    facts.program = program::of(dump, &writer);
    facts.writer = writer;
    // A signal that comes from outside hits no goroutine.
    let outside =
        |cause: &CrashCause| matches!(cause, CrashCause::Signal(s) if matches!(s.as_str(), "SIGQUIT" | "SIGABRT"));
    if let Some(crash) = &mut facts.crash
        && !outside(&crash.cause)
        && let Some(first) = dump.goroutines.first()
        && dump.text(first.state).starts_with("running")
        && first.id != 0
    {
        crash.goroutine = Some(first.id);
    }
    dump.facts = facts;
}
