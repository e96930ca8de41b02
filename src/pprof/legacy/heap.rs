//! Heap texts: `heap profile: OBJECTS: BYTES [OBJECTS: BYTES] @ heap/RATE`, then `O: B [O: B] @ 0x... 0x...` a stack.
//!
//! The first pair is what is in use, the one in brackets what was allocated. Samples are a share of what happened;
//! [`unsample`] estimates the whole. Growth and fragmentation profiles have the same form with other words behind `@`.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::draft::Draft;
use super::maps::MapTable;
use super::{LegacyErrorKind, LegacyFormat, Result};
use crate::model::Profile;
use crate::pprof::scan::{Lines, addresses, decimal, excerpt, is_comment, pattern, starts_memory_map};

/// What the first line says.
pub(in crate::pprof) struct HeapHeader {
    /// Bytes between two samples, 1 when every allocation was recorded, 0 when unknown.
    pub(in crate::pprof) period: i64,
    /// Whether values are to be unsampled.
    pub(in crate::pprof) sampled: bool,
    /// Whether allocations are told apart from what is in use.
    pub(in crate::pprof) has_alloc: bool,
    /// Whether it may be Go's: tcmalloc wrote the same words long ago.
    pub(in crate::pprof) go: bool,
    /// What the samples add up to.
    pub(in crate::pprof) totals: HeapSample,
}

static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"heap profile: *([0-9]+): *([0-9]+) *\[ *([0-9]+): *([0-9]+) *\]( *)@( *)([a-z][_a-z0-9]*)(?:/([0-9]*))?")
});
static SAMPLE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(-?[0-9]+): *(-?[0-9]+) *\[ *([0-9]+): *([0-9]+) *\] @([ x0-9a-f]*)"));

/// Reads the first line; `None` when it is not that of a heap text.
pub(in crate::pprof) fn header(line: &[u8]) -> Option<HeapHeader> {
    let c = HEADER.captures(line)?;
    let word = &c[7];
    let number = |i: usize| decimal(&c[i]).unwrap_or(0);
    let totals = HeapSample {
        alloc: (number(3), number(4)),
        inuse: (number(1), number(2)),
    };
    if word.starts_with(b"heap") {
        let rate = match c.get(8).map_or(&b""[..], |m| m.as_bytes()) {
            b"" => 0,
            digits => decimal(digits)?,
        };
        // In use and allocated are equal when the producer does not know what was freed.
        let has_alloc = (c[3] != c[1] && &c[3] != b"0") || (c[4] != c[2] && &c[4] != b"0");
        let (sampled, period) = match word {
            b"heapz_v2" | b"heap_v2" => (true, rate),
            b"heapprofile" => (false, 1),
            // Go writes twice its rate, as tcmalloc once did.
            b"heap" => (true, rate / 2),
            _ => return None,
        };
        return Some(HeapHeader {
            period,
            sampled,
            has_alloc,
            go: word == b"heap",
            totals,
        });
    }
    let one_space = &c[5] == b" " && &c[6] == b" ";
    (one_space && (word.starts_with(b"growth") || word.starts_with(b"fragmentation"))).then_some(HeapHeader {
        period: 1,
        sampled: false,
        has_alloc: false,
        go: false,
        totals,
    })
}

/// The values of one line.
pub(in crate::pprof) struct HeapSample {
    /// Allocated objects and bytes.
    pub(in crate::pprof) alloc: (i64, i64),
    /// Objects and bytes in use.
    pub(in crate::pprof) inuse: (i64, i64),
}

/// Reads the values of a sample line; addresses are appended to `stack`.
pub(in crate::pprof) fn sample(line: &[u8], stack: &mut Vec<u64>) -> std::result::Result<HeapSample, LegacyErrorKind> {
    let Some(c) = SAMPLE.captures(line) else {
        return Err(LegacyErrorKind::Line(excerpt(line)));
    };
    let number = |i: usize| decimal(&c[i]).ok_or_else(|| LegacyErrorKind::Number(excerpt(&c[i])));
    let values = HeapSample {
        alloc: (number(3)?, number(4)?),
        inuse: (number(1)?, number(2)?),
    };
    if !addresses(&c[5], stack) {
        return Err(LegacyErrorKind::Number(excerpt(&c[5])));
    }
    Ok(values)
}

pub(super) fn parse(data: &[u8]) -> Result<Option<Profile>> {
    let mut lines = Lines::new(data, 0);
    lines.advance();
    let Some(header) = header(lines.line()) else {
        return Ok(None);
    };
    let types: &[(&str, &str)] = if header.has_alloc {
        &HEAP_TYPES
    } else {
        &[("objects", "count"), ("space", "bytes")]
    };
    let mut draft = Draft::new(types, ("space", "bytes"), header.period);
    let (mut stack, mut values) = (Vec::new(), Vec::new());
    while lines.advance() {
        let line = lines.line().trim_ascii();
        if is_comment(line) {
            continue;
        }
        if starts_memory_map(line) {
            break;
        }
        stack.clear();
        values.clear();
        let sample = sample(line, &mut stack).or_else(|kind| LegacyFormat::Heap.fail(lines.offset(), kind))?;
        let mut object_size = 0;
        let pairs = [sample.alloc, sample.inuse];
        for &(objects, bytes) in &pairs[usize::from(!header.has_alloc)..] {
            if objects == 0 && bytes != 0 {
                return LegacyFormat::Heap.fail(lines.offset(), LegacyErrorKind::BytesWithoutObjects(bytes));
            }
            let (mut o, mut b) = (objects, bytes);
            if objects != 0 {
                object_size = bytes.wrapping_div(objects);
                if header.sampled {
                    (o, b) = unsample(objects, bytes, header.period);
                }
            }
            values.extend([o, b]);
        }
        draft.push(&values, &stack, 0, Some(object_size));
    }
    let maps = MapTable::parse(data, lines.rest());
    let numbering = draft.numbering();
    draft.finish(LegacyFormat::Heap, numbering, maps, true).map(Some)
}

/// The sample types of a heap profile, in pprof's order: the last is what opens.
pub(in crate::pprof) const HEAP_TYPES: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// The estimated number of objects and bytes of which `objects` and `bytes` were sampled, once every `rate` bytes on
/// average. A sample of size s is caught with probability 1 - e^(-s/rate). A rate of 1 or less means that nothing is to
/// be estimated.
pub(in crate::pprof) fn unsample(objects: i64, bytes: i64, rate: i64) -> (i64, i64) {
    if objects == 0 || bytes == 0 {
        return (0, 0);
    }
    if rate <= 1 {
        return (objects, bytes);
    }
    let size = bytes as f64 / objects as f64;
    let scale = 1.0 / (1.0 - (-size / rate as f64).exp());
    ((objects as f64 * scale) as i64, (bytes as f64 * scale) as i64)
}
