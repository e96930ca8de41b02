//! Go's `debug=1` texts with what their `#` lines say: functions, files, lines, inlined frames and pprof labels.
//!
//! The text of a heap, allocs, goroutine, goroutineleak, threadcreate, block or mutex profile becomes the profile that
//! the same process writes as protobuf: the same sample types and period, the same values (heap unsampled, cycles turned
//! into nanoseconds), the same chains of inlined frames at the same addresses, the same labels. What the text does not
//! say is missing: mappings and build ID, the time, where functions start, type arguments (`[...]`), the size of heap
//! records of which nothing was allocated, and, in goroutine texts, the names of the `runtime` frames at the leaf, which
//! the runtime hides (they stay as addresses unless the text names them elsewhere). [`GoTextNotes`] counts that.
//!
//! Nothing in a text tells heap from allocs: the runtime writes both with the same words.
//!
//! Go before 1.20 recorded mutex contention scaled down by its sampling fraction and scaled the protobuf up; the text
//! does not say which Go it is from, so values are taken as Go 1.20 and later record them, already scaled.

mod frames;
mod labels;
mod within;

use super::legacy::{
    Attributes, HEAP_TYPES, LegacyError, LegacyErrorKind, LegacyFormat, attribute, contention_sample, count_header,
    count_sample, heap_header, heap_sample, is_contention_header, unsample,
};
use super::scan::{Lines, decimal, excerpt, is_comment, starts_memory_map};
use crate::model::{Label, Profile, Samples, StackId, StringId, ValueType};

use frames::Frames;
pub(super) use labels::unquote;
pub use within::{Within, parse_within};

/// Which profile a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoTextKind {
    /// heap or allocs.
    Heap,
    /// `NAME profile: total N`: goroutine, goroutineleak, threadcreate, or a program's own.
    Count(String),
    /// block.
    Block,
    /// mutex.
    Mutex,
}

/// What a text lacks or says besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GoTextNotes {
    /// Frames of the runtime at the leaf that the text hides and that kept their address only.
    pub unnamed_runtime_frames: u64,
    /// The text ends early: a line is cut, or the samples do not add up to what the first line announces.
    pub truncated: bool,
    /// One of how many mutex events was recorded, when the text says so.
    pub mutex_fraction: Option<i64>,
    /// `runtime.MemStats` behind a heap text: name and value as written, without the lists of pauses.
    pub mem_stats: Vec<(String, String)>,
}

/// A text and what it is.
#[derive(Debug, Clone)]
pub struct GoText {
    /// The profile.
    pub profile: Profile,
    /// Which one.
    pub kind: GoTextKind,
    /// What it lacks or says besides.
    pub notes: GoTextNotes,
}

/// Reads a `debug=1` text; `None` when `data` is none, or a heap profile that is not Go's.
///
/// # Errors
/// The first line that is neither a sample nor a comment, unless it is the last and cut.
pub fn parse(data: &[u8]) -> Result<Option<GoText>, LegacyError> {
    let mut lines = Lines::new(data, 0);
    while lines.advance() && is_comment(lines.line()) {}
    let first = lines.line().trim_ascii();
    let Some((kind, format)) = kind_of(first) else {
        return Ok(None);
    };
    Reader::new(kind, format, first).read(data, lines)
}

/// Whether a text begins with such a profile.
pub(super) fn begins(data: &[u8]) -> bool {
    let mut lines = Lines::new(data, 0);
    while lines.advance() && is_comment(lines.line()) {}
    let first = lines.line().trim_ascii();
    kind_of(first).is_some() || heap_header(first).is_some()
}

/// What a text is whose first line this is.
fn kind_of(first: &[u8]) -> Option<(GoTextKind, LegacyFormat)> {
    // A page that was saved has its tags on the first line.
    Some(
        if let Some(name) = count_header(first).filter(|name| !name.contains(&b'>')) {
            let name = String::from_utf8_lossy(name).into_owned();
            (GoTextKind::Count(name), LegacyFormat::Count)
        } else if first.starts_with(b"--- mutex:") {
            (GoTextKind::Mutex, LegacyFormat::Contention)
        } else if is_contention_header(first) && !first.starts_with(b"--- contentionz") {
            (GoTextKind::Block, LegacyFormat::Contention)
        } else {
            heap_header(first).filter(|h| h.go)?;
            (GoTextKind::Heap, LegacyFormat::Heap)
        },
    )
}

/// A sample whose frames are not known yet.
struct Row {
    values: [i64; 4],
    labels: std::ops::Range<usize>,
}

/// Whether a line is a comment that lost its mark, as in a document that takes the mark for a heading.
fn is_bare_comment(line: &[u8], in_mem_stats: bool) -> bool {
    let is_frame = || line.starts_with(b"0x") && frames::symbol_line(line).is_some();
    let is_stat = || in_mem_stats && line.windows(3).any(|w| w == b" = ");
    is_frame() || line.starts_with(b"labels: {\"") || line == b"runtime.MemStats" || is_stat()
}

struct Reader {
    kind: GoTextKind,
    format: LegacyFormat,
    profile: Profile,
    notes: GoTextNotes,
    frames: Frames,
    rows: Vec<Row>,
    labels: Vec<Label>,
    attributes: Attributes,
    /// What the first line says that the samples add up to, and what they do.
    announced: [i64; 4],
    found: [i64; 4],
    comments: u64,
    in_mem_stats: bool,
}

impl Reader {
    fn new(kind: GoTextKind, format: LegacyFormat, first: &[u8]) -> Self {
        let mut profile = Profile::default();
        let mut announced = [0; 4];
        let types: Vec<(String, &str)> = match &kind {
            GoTextKind::Heap => HEAP_TYPES.iter().map(|&(k, u)| (k.to_owned(), u)).collect(),
            GoTextKind::Count(name) => vec![(name.clone(), "count")],
            _ => vec![("contentions".to_owned(), "count"), ("delay".to_owned(), "nanoseconds")],
        };
        let mut value_type = |kind: &str, unit: &str| ValueType {
            kind: profile.strings.intern(kind),
            unit: profile.strings.intern(unit),
        };
        let sample_types: Vec<ValueType> = types.iter().map(|(k, u)| value_type(k, u)).collect();
        let period_type = match &kind {
            GoTextKind::Heap => value_type("space", "bytes"),
            _ => sample_types[0],
        };
        profile.period_type = Some(period_type);
        profile.sample_types = sample_types;
        profile.period = 1;
        if let Some(h) = heap_header(first).filter(|_| kind == GoTextKind::Heap) {
            profile.period = h.period;
            announced = [h.totals.alloc.0, h.totals.alloc.1, h.totals.inuse.0, h.totals.inuse.1];
        } else if let GoTextKind::Count(_) = kind {
            let digits = first.iter().rev().take_while(|b| b.is_ascii_digit()).count();
            announced[0] = decimal(&first[first.len() - digits..]).unwrap_or(0);
        }
        Self {
            kind,
            format,
            profile,
            notes: GoTextNotes::default(),
            frames: Frames::default(),
            rows: Vec::new(),
            labels: Vec::new(),
            attributes: Attributes::default(),
            announced,
            found: [0; 4],
            comments: 0,
            in_mem_stats: false,
        }
    }

    fn read(mut self, data: &[u8], mut lines: Lines<'_>) -> Result<Option<GoText>, LegacyError> {
        while lines.advance() {
            let line = lines.line().trim_ascii();
            let last_and_cut = lines.rest() == data.len() && !data.ends_with(b"\n");
            if line.is_empty() {
                continue;
            }
            if line.starts_with(b"#") || is_bare_comment(line, self.in_mem_stats) {
                let whole = self.comment(line);
                self.notes.truncated |= last_and_cut && !whole;
                continue;
            }
            if starts_memory_map(line) {
                // Go never writes one.
                return Ok(None);
            }
            if last_and_cut {
                // Its stack may be cut as well: better none than half of one.
                self.notes.truncated = true;
                break;
            }
            let row = self.row(line).map_err(|kind| LegacyError {
                format: self.format,
                offset: lines.offset() as u64,
                kind,
            })?;
            if let Some(values) = row {
                let labels = self.labels.len();
                self.frames.end_record();
                self.rows.push(Row {
                    values,
                    labels: labels..labels,
                });
            }
        }
        if self.kind == GoTextKind::Heap && self.comments == 0 {
            return Ok(None);
        }
        self.finish().map(Some)
    }

    /// A line that is no comment: `None` when it is an attribute.
    fn row(&mut self, line: &[u8]) -> Result<Option<[i64; 4]>, LegacyErrorKind> {
        let bad = || Err(LegacyErrorKind::Line(excerpt(line)));
        self.frames.begin_record();
        let stack = self.frames.addresses();
        match self.kind {
            GoTextKind::Count(_) => {
                // Threads without a stack have no addresses; pprof refuses that, Go before 1.21 writes it.
                let empty = || decimal(line.strip_suffix(b" @")?).filter(|&n| n >= 0);
                let Some(count) = count_sample(line, stack).or_else(empty) else {
                    return bad();
                };
                self.found[0] = self.found[0].wrapping_add(count);
                Ok(Some([count, 0, 0, 0]))
            }
            // The first line of another profile looks like a sample.
            GoTextKind::Heap if heap_header(line).is_some() => bad(),
            GoTextKind::Heap => {
                let s = heap_sample(line.trim_ascii(), stack)?;
                let row = [s.alloc.0, s.alloc.1, s.inuse.0, s.inuse.1];
                for (sum, v) in self.found.iter_mut().zip(row) {
                    *sum = sum.wrapping_add(v);
                }
                Ok(Some(row))
            }
            GoTextKind::Block | GoTextKind::Mutex => {
                if let Some((cycles, count)) = contention_sample(line.trim_ascii(), stack)? {
                    return Ok(Some([count, cycles, 0, 0]));
                }
                match attribute(line, &mut self.attributes) {
                    Some(true) if self.rows.is_empty() => Ok(None),
                    _ => bad(),
                }
            }
        }
    }

    /// A comment line, with or without its mark; false when it is damaged.
    fn comment(&mut self, line: &[u8]) -> bool {
        self.comments += 1;
        let line = line.strip_prefix(b"#").unwrap_or(line).trim_ascii_start();
        if let Some(text) = line.strip_prefix(b"labels: ") {
            let Some(row) = self.rows.last_mut() else { return true };
            for (key, value) in labels::parse(text) {
                let key = self.profile.strings.intern(&String::from_utf8_lossy(&key));
                let value = self.profile.strings.intern(&String::from_utf8_lossy(&value));
                self.labels.push(Label::text(key, value));
            }
            row.labels.end = self.labels.len();
        } else if line.starts_with(b"0x") {
            if !self.rows.is_empty() {
                return self.frames.symbol(line, &mut self.profile.strings).is_some();
            }
        } else if line == b"runtime.MemStats" {
            self.in_mem_stats = true;
        } else if self.in_mem_stats
            && let Ok(text) = std::str::from_utf8(line)
            && let Some((name, value)) = text.split_once(" = ")
            && !value.starts_with('[')
        {
            self.notes
                .mem_stats
                .push((name.trim().to_owned(), value.trim().to_owned()));
        }
        true
    }

    fn finish(mut self) -> Result<GoText, LegacyError> {
        // The allocated bytes of the first line are one more than the sum when that would equal those in use.
        let short = self
            .found
            .iter()
            .zip(self.announced)
            .any(|(&found, announced)| found < announced - 1);
        self.notes.truncated |=
            short || (matches!(self.kind, GoTextKind::Count(_)) && self.found[0] < self.announced[0]);
        self.notes.mutex_fraction = self.attributes.period;
        // The protobuf of a heap leaves out the allocator's frames too, that of a goroutine does not.
        let keep_hidden = self.kind != GoTextKind::Heap;
        let stacks = self
            .frames
            .stacks(&mut self.profile, keep_hidden, &mut self.notes.unnamed_runtime_frames)
            .ok_or(LegacyError {
                format: self.format,
                offset: 0,
                kind: LegacyErrorKind::TooMany("frames"),
            })?;
        let samples = self.samples(&stacks);
        self.profile.samples = samples;
        Ok(GoText {
            profile: self.profile,
            kind: self.kind,
            notes: self.notes,
        })
    }

    fn samples(&mut self, stacks: &[StackId]) -> Samples {
        let bytes = self.profile.strings.intern("bytes");
        let mut samples = Samples::new(self.profile.sample_types.len());
        let cycles_per_nanosecond = self.attributes.cycles_per_second as f64 / 1e9;
        for (row, &stack) in self.rows.iter().zip(stacks) {
            let v = row.values;
            match self.kind {
                GoTextKind::Count(_) => samples.push(stack, &v[..1], &self.labels[row.labels.clone()]),
                GoTextKind::Heap => {
                    let alloc = unsample(v[0], v[1], self.profile.period);
                    let inuse = unsample(v[2], v[3], self.profile.period);
                    let size = v[1].checked_div(v[0]).filter(|&size| size != 0);
                    let label = size.map(|size| Label::number(bytes, size, StringId::EMPTY));
                    samples.push(stack, &[alloc.0, alloc.1, inuse.0, inuse.1], label.as_slice());
                }
                GoTextKind::Block | GoTextKind::Mutex => {
                    let delay = if cycles_per_nanosecond > 0.0 {
                        (v[1] as f64 / cycles_per_nanosecond) as i64
                    } else {
                        v[1]
                    };
                    samples.push(stack, &[v[0], delay], &[]);
                }
            }
        }
        samples
    }
}
