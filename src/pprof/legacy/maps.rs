//! The memory map that stands behind the samples of a legacy profile: lines of `/proc/PID/maps` or a shorter form.
//!
//! Knows how pieces of one file are joined, which mapping is the main binary (the first that is neither a shared library
//! nor in brackets; it becomes the first row), and which mapping an address belongs to.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use crate::pprof::scan::{Lines, pattern};

/// One mapped file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MapRow {
    pub(super) start: u64,
    pub(super) limit: u64,
    pub(super) offset: u64,
    pub(super) file: String,
    pub(super) build_id: String,
}

/// The mapped files of a process.
#[derive(Default)]
pub(super) struct MapTable {
    pub(super) rows: Vec<MapRow>,
}

/// `START-END PERMISSIONS OFFSET MAJOR:MINOR INODE FILE`.
static KERNEL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        "^{RANGE}{PERMISSIONS}(?:{GAP}(?<offset>{HEX}))?{GAP}{HEX}:{HEX}{GAP}[0-9]+(?:{GAP}(?<file>{WORD}))?"
    ))
});
/// `START-END PERMISSIONS FILE (@OFFSET) BUILDID`, all but the range optional.
static BRIEF: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"^{RANGE}{PERMISSIONS}(?:{GAP}(?<file>{WORD}))?(?:{GAP}\(@(?<offset>{HEX})\))?(?:{GAP}(?<id>{HEX}))?"
    ))
});
/// What a logging library puts before every line: `...file:line] `.
static LOG_PREFIX: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[^\[\]]+:[0-9]+\]\s"));

const RANGE: &str = r"\s*(?:0x)?(?<start>[0-9A-Fa-f]+)[\s-]?\s*(?:0x)?(?<end>[0-9A-Fa-f]+):?";
const PERMISSIONS: &str = r"(?:\s+(?<perm>[-rwxp]+))?";
const HEX: &str = "[0-9A-Fa-f]+";
const WORD: &str = r"\S+";
const GAP: &str = r"\s+";

/// Variables (`name=/path`, then `$name` in later lines) beyond this many are not expanded.
const MAX_VARIABLES: usize = 64;

impl MapTable {
    /// Reads the lines of `data` from byte `from` to its end. Lines that are no mapping are skipped.
    pub(super) fn parse(data: &[u8], from: usize) -> Self {
        let mut rows = Vec::new();
        let mut variables: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        // What variables may add in all, so that memory stays proportional to the input.
        let mut budget = data.len();
        let mut lines = Lines::new(data, from);
        while lines.advance() {
            let mut line = lines.line();
            if let Some(m) = LOG_PREFIX.find(line) {
                line = &line[m.end()..];
            }
            let expanded = expand(line, &variables, &mut budget);
            let line = expanded.as_deref().unwrap_or(line);
            match entry(line) {
                Entry::Mapping(row) => rows.push(row),
                Entry::NotExecutable => {}
                Entry::Other => {
                    if let Some(i) = line.iter().position(|&b| b == b'=')
                        && variables.len() < MAX_VARIABLES
                    {
                        let name = [b"$", line[..i].trim_ascii()].concat();
                        variables.push((name, line[i + 1..].trim_ascii().to_vec()));
                    }
                }
            }
        }
        let mut table = Self { rows: join(rows) };
        table.main_first();
        table
    }

    fn main_first(&mut self) {
        let is_main = |row: &MapRow| {
            let file = row.file.replace("(deleted)", "");
            let file = file.trim();
            !file.is_empty() && !file.starts_with('[') && !is_library(file)
        };
        if let Some(i) = self.rows.iter().position(is_main) {
            self.rows.swap(0, i);
        }
    }

    /// The row of every address (`None` for address 0). Addresses in no mapping get an all-embracing one, which is
    /// appended for them.
    pub(super) fn assign(&mut self, addresses: &[u64]) -> Vec<Option<usize>> {
        if let [first, second, ..] = self.rows.as_slice()
            && first.file.starts_with("/anon_hugepage")
            && first.limit == second.start
        {
            self.rows.remove(0);
        }
        // A main binary whose text starts at a later page is linked at the usual address all the same.
        const USUAL_START: u64 = 0x40_0000;
        if let Some(main) = self.rows.first_mut()
            && main.start.wrapping_sub(main.offset) == USUAL_START
        {
            main.start = USUAL_START;
            main.offset = 0;
        }
        let inside = Ranges::new(self.rows.iter().map(|m| (m.start, m.limit)));
        // Some producers leave out the first part of a file that is mapped in pieces.
        let below = Ranges::new(self.rows.iter().map(|m| match m.offset {
            0 => (0, 0),
            offset => (m.start.wrapping_sub(offset), m.start),
        }));
        let real = self.rows.len();
        let mut catch_all = false;
        addresses
            .iter()
            .map(|&address| {
                if address == 0 {
                    return None;
                }
                if let Some(i) = inside.find(address) {
                    return Some(i);
                }
                if let Some(i) = below.find(address) {
                    let m = &mut self.rows[i];
                    m.start -= m.offset;
                    m.offset = 0;
                    return Some(i);
                }
                if !catch_all {
                    catch_all = true;
                    self.rows.push(MapRow {
                        limit: u64::MAX,
                        ..MapRow::default()
                    });
                }
                Some(real)
            })
            .collect()
    }
}

enum Entry {
    Mapping(MapRow),
    NotExecutable,
    Other,
}

fn entry(line: &[u8]) -> Entry {
    let Some(c) = KERNEL.captures(line).or_else(|| BRIEF.captures(line)) else {
        return Entry::Other;
    };
    let group = |name| group(&c, name);
    if let Some(perm) = group("perm")
        && !perm.contains('x')
    {
        return Entry::NotExecutable;
    }
    let number = |text: Option<String>| u64::from_str_radix(&text.unwrap_or_else(|| "0".to_owned()), 16).ok();
    let (Some(start), Some(limit), Some(offset)) =
        (number(group("start")), number(group("end")), number(group("offset")))
    else {
        return Entry::Other;
    };
    Entry::Mapping(MapRow {
        start,
        limit,
        offset,
        file: group("file").unwrap_or_default(),
        build_id: group("id").unwrap_or_default(),
    })
}

fn group(c: &Captures<'_>, name: &str) -> Option<String> {
    c.name(name).map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned())
}

/// The line with its variables replaced, or `None` when there is nothing to replace.
fn expand(line: &[u8], variables: &[(Vec<u8>, Vec<u8>)], budget: &mut usize) -> Option<Vec<u8>> {
    if variables.is_empty() || !line.contains(&b'$') {
        return None;
    }
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(i) = rest.iter().position(|&b| b == b'$') {
        out.extend_from_slice(&rest[..i]);
        rest = &rest[i..];
        match variables.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) if value.len() <= *budget => {
                *budget -= value.len();
                out.extend_from_slice(value);
                rest = &rest[name.len()..];
            }
            _ => {
                out.push(b'$');
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    Some(out)
}

fn is_library(file: &str) -> bool {
    file.ends_with(".so")
        || file.match_indices(".so").any(|(i, _)| {
            let rest = &file.as_bytes()[i + 3..];
            matches!(rest, [b'.' | b'_', digit, ..] if digit.is_ascii_digit())
        })
}

/// Joins neighbours that are pieces of one file.
fn join(rows: Vec<MapRow>) -> Vec<MapRow> {
    let same = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
    let mut out: Vec<MapRow> = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(last) = out.last_mut()
            && same(&last.file, &row.file)
            && same(&last.build_id, &row.build_id)
            && last.limit == row.start
            && (last.offset == 0
                || row.offset == 0
                || last.offset.wrapping_add(last.limit.wrapping_sub(last.start)) == row.offset)
        {
            last.limit = row.limit;
            if !row.file.is_empty() {
                last.file = row.file;
            }
            if !row.build_id.is_empty() {
                last.build_id = row.build_id;
            }
        } else {
            out.push(row);
        }
    }
    out
}

/// Which of many ranges, overlapping or not, holds an address: the one that stands first.
struct Ranges {
    /// First address of a stretch, and the range that holds the stretch.
    stretches: Vec<(u64, Option<usize>)>,
}

impl Ranges {
    /// `ranges` are first address and one past the last.
    fn new(ranges: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut edges: Vec<(u64, usize, bool)> = Vec::new();
        for (i, (start, end)) in ranges.enumerate() {
            if start < end {
                edges.extend([(start, i, true), (end, i, false)]);
            }
        }
        edges.sort_unstable();
        let mut open = BTreeSet::new();
        let mut stretches: Vec<(u64, Option<usize>)> = Vec::with_capacity(edges.len());
        for (address, i, opens) in edges {
            if opens {
                open.insert(i);
            } else {
                open.remove(&i);
            }
            let holder = open.first().copied();
            match stretches.last_mut() {
                Some(last) if last.0 == address => last.1 = holder,
                _ => stretches.push((address, holder)),
            }
        }
        Self { stretches }
    }

    fn find(&self, address: u64) -> Option<usize> {
        let i = self.stretches.partition_point(|s| s.0 <= address);
        self.stretches.get(i.checked_sub(1)?)?.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<MapRow> {
        MapTable::parse(text.as_bytes(), 0).rows
    }

    fn row(start: u64, limit: u64, offset: u64, file: &str, build_id: &str) -> MapRow {
        MapRow {
            start,
            limit,
            offset,
            file: file.to_owned(),
            build_id: build_id.to_owned(),
        }
    }

    #[test]
    fn both_forms_and_what_is_skipped() {
        let rows = parse(
            "build=/usr/local/bin/kubelet\n\
             I1123 10:11:12.000000 7 maps.cc:12] 7f0000000000-7f0000002000 r-xp 00001000 fc:01 77   /lib/libc-2.31.so\n\
             7f0000002000-7f0000003000 rw-p 00003000 fc:01 77   /lib/libc-2.31.so\n\
             no mapping at all\n\
             00400000-00500000: $build (@1000) abc123\n",
        );
        assert_eq!(
            rows,
            [
                row(0x40_0000, 0x50_0000, 0x1000, "/usr/local/bin/kubelet", "abc123"),
                row(0x7f00_0000_0000, 0x7f00_0000_2000, 0x1000, "/lib/libc-2.31.so", ""),
            ]
        );
    }

    #[test]
    fn pieces_join_and_addresses_find_their_row() {
        let mut table = MapTable::parse(
            b"1000-2000 r-xp 00000000 00:00 1 /bin/a\n2000-3000 r-xp 00001000 00:00 1 /bin/a\n9000-a000 r-xp 00000800 00:00 2 /lib/x.so.1\n",
            0,
        );
        assert_eq!(table.rows.len(), 2);
        assert_eq!(
            table.assign(&[0, 0x1000, 0x2fff, 0x3000, 0x8900, 0x9000, 0x8000]),
            [None, Some(0), Some(0), Some(2), Some(1), Some(1), Some(2)]
        );
        assert_eq!((table.rows[1].start, table.rows[1].offset), (0x8800, 0));
        assert_eq!(table.rows[2], row(0, u64::MAX, 0, "", ""));
    }

    #[test]
    fn the_first_of_overlapping_ranges_holds_an_address() {
        let ranges = Ranges::new([(10, 30), (5, 20), (40, 41), (7, 7)].into_iter());
        let found: Vec<Option<usize>> = [4, 5, 9, 10, 29, 30, 40, 41].map(|a| ranges.find(a)).to_vec();
        assert_eq!(found, [None, Some(1), Some(1), Some(0), Some(0), None, Some(2), None]);
    }
}
