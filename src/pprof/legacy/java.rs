//! Java heap and contention texts: `--- heapz 1 ---` or `--- contentionz 1 ---`, attributes with `format = java`, then
//! `BYTES COUNT @ 0x...` a stack, then the names: `0x... function (file:line)`. The addresses only number the names.

use std::sync::LazyLock;

use regex::bytes::Regex;
use rustc_hash::FxHashMap;

use super::draft::Draft;
use super::heap::unsample;
use super::maps::MapTable;
use super::{LegacyErrorKind, LegacyFormat, Result};
use crate::model::Profile;
use crate::pprof::scan::{Lines, addresses, any_base, decimal, excerpt, hex, pattern};

static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| pattern(r"([\w ]+)=([\w ]+)"));
static SAMPLE: LazyLock<Regex> = LazyLock::new(|| pattern(r" *([0-9]+) +([0-9]+) +@ +([ x0-9a-f]*)"));
static FILE_LINE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(.*)\s+\((.+):(-?[0-9]+)\)$"));
static PATH: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(.*)\s+\((.*)\)$"));

/// Bytes between two samples of the Java heap profiler.
const JAVA_HEAP_RATE: i64 = 512 << 10;

pub(super) fn parse(data: &[u8]) -> Result<Option<Profile>> {
    let mut lines = Lines::new(data, 0);
    lines.advance();
    let heap = match lines.line().trim_ascii() {
        b"--- heapz 1 ---" => true,
        b"--- contentionz 1 ---" => false,
        _ => return Ok(None),
    };
    let mut draft = Draft::new(&[], ("", ""), 0);
    let mut more = lines.advance();
    while more {
        let line = lines.line().trim_ascii();
        if !line.is_empty() {
            let Some(c) = ATTRIBUTE.captures(line) else { break };
            let value = c[2].trim_ascii();
            let unit = String::from_utf8_lossy(value);
            let number = || match any_base(value) {
                Some(n) => Ok(n),
                None => LegacyFormat::Java.fail(lines.offset(), LegacyErrorKind::Number(excerpt(value))),
            };
            match (heap, c[1].trim_ascii()) {
                (_, b"format") if value == b"java" => {}
                (true, b"resolution") => draft.set_types(&[("inuse_objects", "count"), ("inuse_space", &unit)]),
                (false, b"resolution") => draft.set_types(&[("contentions", "count"), ("delay", &unit)]),
                (false, b"sampling period") => {
                    draft.set_period_type(("contentions", "count"));
                    draft.profile.period = number()?;
                }
                (false, b"ms since reset") => draft.profile.duration_nanos = number()?.wrapping_mul(1_000_000),
                _ => return Ok(None),
            }
        }
        more = lines.advance();
    }
    let mut stack = Vec::new();
    while more {
        let line = lines.line().trim_ascii();
        if !line.is_empty() {
            let Some(c) = SAMPLE.captures(line) else { break };
            let number = |i: usize| match decimal(&c[i]) {
                Some(n) => Ok(n),
                None => LegacyFormat::Java.fail(lines.offset(), LegacyErrorKind::Number(excerpt(&c[i]))),
            };
            // Twice the other way round than in all other formats.
            let (amount, count) = (number(1)?, number(2)?);
            stack.clear();
            if draft.profile.sample_types.is_empty() || (heap && count == 0) || !addresses(&c[3], &mut stack) {
                return LegacyFormat::Java.fail(lines.offset(), LegacyErrorKind::Line(excerpt(line)));
            }
            if heap {
                let (objects, bytes) = unsample(count, amount, JAVA_HEAP_RATE);
                draft.push(&[objects, bytes], &stack, usize::MAX, Some(amount / count));
            } else {
                let period = if draft.profile.period == 0 {
                    1
                } else {
                    draft.profile.period
                };
                let values = [count.wrapping_mul(period), amount.wrapping_mul(period)];
                draft.push(&values, &stack, usize::MAX, None);
            }
        }
        more = lines.advance();
    }
    let names_at = if more { lines.offset() } else { data.len() };
    names(LegacyFormat::Java, draft, data, names_at).map(Some)
}

/// Reads the names that stand from byte `from` on, and finishes the profile.
pub(super) fn names(format: LegacyFormat, mut draft: Draft, data: &[u8], from: usize) -> Result<Profile> {
    let mut functions = FxHashMap::default();
    let mut lines = Lines::new(data, from);
    while lines.advance() {
        let line = lines.line().trim_ascii();
        let Some(rest) = line.strip_prefix(b"0x") else { continue };
        let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let (address, name) = rest.split_at(digits);
        if digits == 0 || !name.first().is_some_and(u8::is_ascii_whitespace) {
            continue;
        }
        let Some(address) = hex(address) else {
            return format.fail(lines.offset(), LegacyErrorKind::Number(excerpt(line)));
        };
        let Some(place) = draft.known_place(address) else {
            continue;
        };
        let (function, file, number) = describe(name.trim_ascii());
        let profile = &mut draft.profile;
        let id = *functions
            .entry(function.to_vec())
            .or_insert_with_key(|f| profile.add_function(&lossy(f), &lossy(f), &lossy(file), 0));
        draft.lines.insert(place, (id, number));
    }
    let numbering = draft.numbering();
    draft.finish(format, numbering, MapTable::default(), false)
}

fn lossy(text: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(text)
}

/// Function, file and line of a name. Without a line the text in brackets is a library, of which the base name says
/// enough; without brackets it is a state of the machine such as `GC`.
fn describe(name: &[u8]) -> (&[u8], &[u8], i64) {
    if let Some((_, [function, file, line])) = FILE_LINE.captures(name).map(|c| c.extract()) {
        return (function, file, decimal(line).filter(|&n| n > 0).unwrap_or(0));
    }
    if let Some((_, [function, path])) = PATH.captures(name).map(|c| c.extract()) {
        let base = path.rsplit(|&b| b == b'/').find(|part| !part.is_empty());
        let empty: &[u8] = if path.is_empty() { b"." } else { b"/" };
        return (function, base.unwrap_or(empty), 0);
    }
    if crate::pprof::scan::contains(name, b"generated stub/JIT") {
        return (b"STUB", b"", 0);
    }
    (name, b"", 0)
}
