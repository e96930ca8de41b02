//! Go's count profiles: `NAME profile: total N`, then `COUNT @ 0x... 0x...` a stack.

use super::draft::Draft;
use super::maps::MapTable;
use super::{LegacyErrorKind, LegacyFormat, Result};
use crate::model::Profile;
use crate::pprof::scan::{Lines, addresses, decimal, excerpt, is_comment, starts_memory_map};

/// The name of the profile, when `line` is the first of a count profile.
pub(in crate::pprof) fn header(line: &[u8]) -> Option<&[u8]> {
    let at = line.iter().position(|b| b.is_ascii_whitespace()).filter(|&i| i > 0)?;
    let (name, rest) = line.split_at(at);
    let total = rest.strip_prefix(b" profile: total ")?;
    (!total.is_empty() && total.iter().all(u8::is_ascii_digit)).then_some(name)
}

/// The count of a sample line; its addresses are appended to `stack`. `None` when the line is not a sample.
pub(in crate::pprof) fn sample(line: &[u8], stack: &mut Vec<u64>) -> Option<i64> {
    let at = line.iter().position(|&b| b == b' ')?;
    let (count, rest) = line.split_at(at);
    let text = rest.strip_prefix(b" @")?;
    let all = text
        .iter()
        .all(|b| matches!(b, b' ' | b'x' | b'0'..=b'9' | b'a'..=b'f'));
    if !all || !count.iter().all(u8::is_ascii_digit) || !text.starts_with(b" 0x") {
        return None;
    }
    if !text[1..]
        .split(|&b| b == b' ')
        .all(|a| a.starts_with(b"0x") && a.len() > 2 && !a[2..].contains(&b'x'))
    {
        return None;
    }
    addresses(text, stack).then_some(())?;
    decimal(count)
}

pub(super) fn parse(data: &[u8]) -> Result<Option<Profile>> {
    let mut lines = Lines::new(data, 0);
    while lines.advance() && is_comment(lines.line()) {}
    let Some(name) = header(lines.line()) else {
        return Ok(None);
    };
    let name = String::from_utf8_lossy(name);
    let mut draft = Draft::new(&[(&name, "count")], (&name, "count"), 1);
    let mut stack = Vec::new();
    while lines.advance() {
        let line = lines.line();
        if is_comment(line) {
            continue;
        }
        if line.starts_with(b"---") {
            break;
        }
        stack.clear();
        let Some(count) = sample(line, &mut stack) else {
            return LegacyFormat::Count.fail(lines.offset(), LegacyErrorKind::Line(excerpt(line)));
        };
        draft.push(&[count], &stack, 0, None);
    }
    let maps = maps_after(data, &mut lines);
    let numbering = draft.numbering();
    draft.finish(LegacyFormat::Count, numbering, maps, true).map(Some)
}

/// Skips other sections and reads the memory map.
pub(super) fn maps_after(data: &[u8], lines: &mut Lines<'_>) -> MapTable {
    while !starts_memory_map(lines.line()) && lines.advance() {}
    MapTable::parse(data, lines.rest())
}
