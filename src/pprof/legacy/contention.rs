//! Contention texts: `--- contention:` or `--- mutex:` of Go, `--- contentionz` of C++; attributes `name = value`; then
//! `CYCLES COUNT @ 0x...` a stack.

use super::count::maps_after;
use super::draft::Draft;
use super::{LegacyErrorKind, LegacyFormat, Result};
use crate::model::Profile;
use crate::pprof::scan::{Lines, addresses, any_base, decimal, excerpt, is_comment};

/// What the attributes say.
#[derive(Clone, Copy, Default)]
pub(in crate::pprof) struct Attributes {
    /// Cycles of the clock in a second; 0 when delays are in nanoseconds already.
    pub(in crate::pprof) cycles_per_second: i64,
    /// One of how many events was recorded.
    pub(in crate::pprof) period: Option<i64>,
    /// Since when, in milliseconds.
    pub(in crate::pprof) ms_since_reset: i64,
}

/// Whether `line` is the first of a contention profile.
pub(in crate::pprof) fn is_header(line: &[u8]) -> bool {
    [&b"--- contentionz "[..], b"--- mutex:", b"--- contention:"]
        .iter()
        .any(|h| line.starts_with(h))
}

/// Reads the attributes up to the first other line, at which `lines` then stands. `None` when one of them belongs to
/// another format.
pub(super) fn attributes(lines: &mut Lines<'_>) -> Option<Attributes> {
    let mut found = Attributes::default();
    while lines.advance() {
        let line = lines.line().trim_ascii();
        if is_comment(line) {
            continue;
        }
        if line.starts_with(b"---") || !attribute(line, &mut found)? {
            break;
        }
    }
    Some(found)
}

/// Reads one attribute. False when the line is none, `None` when it is one of another format.
pub(in crate::pprof) fn attribute(line: &[u8], found: &mut Attributes) -> Option<bool> {
    let Some(i) = line.iter().position(|&b| b == b'=') else {
        return Some(false);
    };
    let value = line[i + 1..].trim_ascii();
    match line[..i].trim_ascii() {
        b"cycles/second" => found.cycles_per_second = any_base(value)?,
        b"sampling period" => found.period = Some(any_base(value)?),
        b"ms since reset" => found.ms_since_reset = any_base(value)?,
        b"discarded samples" => {}
        _ => return None,
    }
    Some(true)
}

/// Cycles and count of a sample line; its addresses are appended to `stack`. `Ok(None)` when the line is not a sample.
pub(in crate::pprof) fn sample(
    line: &[u8],
    stack: &mut Vec<u64>,
) -> std::result::Result<Option<(i64, i64)>, LegacyErrorKind> {
    let Some(i) = line.windows(2).position(|w| w == b" @") else {
        return Ok(None);
    };
    let (numbers, text) = (&line[..i], &line[i + 2..]);
    let digits = |from: &[u8]| from.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let count_at = numbers.len() - digits(numbers);
    let before = numbers[..count_at].trim_ascii_end();
    let cycles = &before[before.len() - digits(before)..];
    let count = &numbers[count_at..];
    if cycles.is_empty() || count.is_empty() {
        return Ok(None);
    }
    let number = |text: &[u8]| decimal(text).ok_or_else(|| LegacyErrorKind::Number(excerpt(text)));
    let values = (number(cycles)?, number(count)?);
    let end = text
        .iter()
        .position(|b| !matches!(b, b' ' | b'x' | b'0'..=b'9' | b'a'..=b'f'));
    if !addresses(&text[..end.unwrap_or(text.len())], stack) {
        return Err(LegacyErrorKind::Number(excerpt(text)));
    }
    Ok(Some(values))
}

pub(super) fn parse(data: &[u8]) -> Result<Option<Profile>> {
    let mut lines = Lines::new(data, 0);
    lines.advance();
    if !is_header(lines.line()) {
        return Ok(None);
    }
    let Some(attributes) = attributes(&mut lines) else {
        return Ok(None);
    };
    let period = attributes.period.unwrap_or(1);
    let mut draft = Draft::new(
        &[("contentions", "count"), ("delay", "nanoseconds")],
        ("contentions", "count"),
        period,
    );
    draft.profile.duration_nanos = attributes.ms_since_reset.wrapping_mul(1_000_000);
    let mut stack = Vec::new();
    loop {
        let line = lines.line().trim_ascii();
        if line.starts_with(b"---") {
            break;
        }
        if !is_comment(line) {
            stack.clear();
            let values =
                sample(line, &mut stack).or_else(|kind| LegacyFormat::Contention.fail(lines.offset(), kind))?;
            let Some((mut delay, mut count)) = values else {
                return Ok(None);
            };
            if period > 0 {
                if attributes.cycles_per_second > 0 {
                    delay = (delay as f64 * period as f64 / (attributes.cycles_per_second as f64 / 1e9)) as i64;
                }
                count = count.wrapping_mul(period);
            }
            draft.push(&[count, delay], &stack, 0, None);
        }
        if !lines.advance() {
            break;
        }
    }
    let maps = maps_after(data, &mut lines);
    let numbering = draft.numbering();
    draft.finish(LegacyFormat::Contention, numbering, maps, true).map(Some)
}
