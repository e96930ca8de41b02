//! Dumps of threads: `--- threadz N ---`, then for each thread `--- Thread HEX (name: NAME/ID) stack: ---` and lines
//! with addresses; `same as previous thread` adds to the one before.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::count::maps_after;
use super::cpu::drop_repeated_leaves;
use super::draft::Draft;
use super::{LegacyErrorKind, LegacyFormat, Result};
use crate::model::Profile;
use crate::pprof::scan::{Lines, addresses, contains, excerpt, is_comment, pattern, starts_memory_map};

static DUMP: LazyLock<Regex> = LazyLock::new(|| pattern(r"--- threadz [0-9]+ ---"));
static THREAD: LazyLock<Regex> = LazyLock::new(|| pattern(r"--- Thread [0-9A-Fa-f]+ \(name: .*/[0-9]+\) stack: ---"));

pub(super) fn parse(data: &[u8]) -> Result<Option<Profile>> {
    let mut lines = Lines::new(data, 0);
    while lines.advance() && is_comment(lines.line()) {}
    if DUMP.is_match(lines.line()) {
        while lines.advance() && !starts_memory_map(lines.line()) && !lines.line().starts_with(b"-") {}
    } else if !THREAD.is_match(lines.line()) {
        return Ok(None);
    }
    let mut draft = Draft::new(&[("thread", "count")], ("thread", "count"), 1);
    let mut stack = Vec::new();
    while !starts_memory_map(lines.line()) && !lines.line().trim_ascii().starts_with(b"---- no stack trace for") {
        if !THREAD.is_match(lines.line()) {
            return Ok(None);
        }
        stack.clear();
        let same = thread(&mut lines, &mut stack)?;
        if same || stack.is_empty() {
            if let Some(count) = draft.last_values().first_mut() {
                *count = count.wrapping_add(1);
            }
        } else {
            draft.push(&[1], &stack, 1, None);
        }
    }
    let maps = maps_after(data, &mut lines);
    let numbering = draft.numbering();
    drop_repeated_leaves(&mut draft);
    draft.finish(LegacyFormat::Thread, numbering, maps, true).map(Some)
}

/// Reads the addresses of one thread; true when it is the same as the one before. Ends at the next `---`.
fn thread(lines: &mut Lines<'_>, stack: &mut Vec<u64>) -> Result<bool> {
    let mut same = false;
    while lines.advance() {
        let line = lines.line().trim_ascii();
        if line.starts_with(b"---") {
            break;
        }
        if contains(line, b"same as previous thread") {
            same = true;
        } else if !addresses(line, stack) {
            return LegacyFormat::Thread.fail(lines.offset(), LegacyErrorKind::Number(excerpt(line)));
        }
    }
    Ok(same)
}
