//! `runtime.firstmoduledata`: the only place that tells where the text starts, in every link mode. It is accepted when
//! its pointers into the table, its function count and its PC range all agree with the table.
//!
//! Words of eight bytes (the first 24 are the same from Go 1.16 to 1.27):
//!
//! | word | what |
//! |---|---|
//! | 0 | table |
//! | 1, 4, 7, 10, 13, 16 | names, units, files, values, index, index again (each pointer, length, capacity) |
//! | 17 | length of the index |
//! | 19 | findfunctab |
//! | 20, 21 | first and last PC |
//! | 22, 23 | text, end of text |
//! | `gofunc` | 38 in Go 1.18 and 1.19, 40 in Go 1.20 to 1.26, 43 in Go 1.27; in front of `epclntab` since Go 1.26 |
//! | length of `textsectmap` | the second word after `textsectmap`, which follows `gofunc` or `epclntab` |

use super::super::BinaryError;
use super::super::elf::{Elf, Segment};
use super::Layout;
use super::header::Header;

/// The facts of a proven moduledata. All are ELF addresses.
#[derive(Clone, Debug)]
pub(super) struct Moduledata {
    pub(super) text: u64,
    pub(super) min_pc: u64,
    pub(super) max_pc: u64,
    /// Base of funcdata offsets; 0 before Go 1.18, where they are addresses.
    pub(super) gofunc: u64,
}

/// Words read of a moduledata: enough for every release.
const WORDS: usize = 56;

/// Finds the moduledata of a table. `end` is the end of the table when its section tells it.
pub(super) fn prove(elf: &Elf<'_>, header: &Header, table: &[u8], end: Option<u64>) -> Result<Moduledata, BinaryError> {
    let mut unsupported = None;
    for address in places(elf, header.address) {
        let mut words = [0; WORDS];
        if elf.words(address, &mut words) < 48 || !describes(&words, header) {
            continue;
        }
        match facts(elf, header, table, end, &words) {
            Ok(module) => return Ok(module),
            Err(error) => unsupported = unsupported.or(Some(error)),
        }
    }
    Err(unsupported.unwrap_or(BinaryError::UnprovenTextBase {
        address: header.address,
    }))
}

/// Addresses of words that point to the table: the section of its own (Go 1.26), relocations, writable data.
fn places<'e>(elf: &'e Elf<'_>, table: u64) -> impl Iterator<Item = u64> + 'e {
    let own = elf.section(".go.module").map(|s| s.address);
    let relocated = elf
        .relative_relocations()
        .filter(move |(_, addend)| *addend == table)
        .map(|(place, _)| place);
    let wanted = table.to_le_bytes();
    let stored = elf.segments().iter().filter(|s| s.writable).flat_map(move |segment| {
        let skip = (8 - (segment.address % 8) as usize) % 8;
        let bytes = elf.segment_bytes(segment).get(skip..).unwrap_or_default();
        let start = segment.address.wrapping_add(skip as u64);
        let hits = bytes
            .chunks_exact(8)
            .enumerate()
            .filter(move |(_, word)| **word == wanted);
        hits.map(move |(n, _)| start.wrapping_add(n as u64 * 8))
    });
    own.into_iter().chain(relocated).chain(stored)
}

/// Whether the pointers and the count are those of the table.
fn describes(words: &[u64; WORDS], header: &Header) -> bool {
    let parts = [
        0,
        header.names,
        header.units,
        header.files,
        header.values,
        header.index,
        header.index,
    ];
    parts
        .iter()
        .zip([0, 1, 4, 7, 10, 13, 16])
        .all(|(offset, word)| words.get(word).copied() == header.address.checked_add(*offset as u64))
        && words[17] == u64::from(header.functions) + 1
}

fn facts(
    elf: &Elf<'_>,
    header: &Header,
    table: &[u8],
    end: Option<u64>,
    words: &[u64; WORDS],
) -> Result<Moduledata, BinaryError> {
    let unproven = BinaryError::UnprovenTextBase {
        address: header.address,
    };
    let (min_pc, max_pc, text, etext) = (words[20], words[21], words[22], words[23]);
    let base = if header.layout == Layout::Go116 { 0 } else { text };
    let edge = |n| header.index_pc(table, n).and_then(|pc| base.checked_add(pc));
    let holds_end = |s: &Segment| max_pc.checked_sub(s.address).is_some_and(|d| 0 < d && d <= s.size);
    let in_text = elf.segment_of(text).is_some_and(|s| s.executable && holds_end(s));
    if min_pc >= max_pc || text > min_pc || max_pc > etext || !in_text {
        return Err(unproven);
    }
    if edge(0) != Some(min_pc) || edge(header.functions) != Some(max_pc) {
        return Err(unproven);
    }
    let (gofunc_word, textsectmap) = match header.layout {
        Layout::Go116 => (None, 37),
        Layout::Go118 => (Some(38), 39),
        Layout::Go120 => match gofunc_in_table(elf, header, end, words) {
            Some(word) => (Some(word), word + 2),
            None => (Some(40), 41),
        },
    };
    let gofunc = gofunc_word.map_or(0, |w: usize| words.get(w).copied().unwrap_or(0));
    // In read-only data, which some linkers put into the segment of the code, but never inside of the code.
    if gofunc_word.is_some() && (elf.segment_of(gofunc).is_none() || (text..etext).contains(&gofunc)) {
        return Err(unproven);
    }
    if words.get(textsectmap + 1).is_none_or(|sections| *sections > 1) {
        return Err(BinaryError::UnsupportedGoTable {
            what: "several text sections",
            address: header.address,
        });
    }
    Ok(Moduledata {
        text,
        min_pc,
        max_pc,
        gofunc,
    })
}

/// The word of `gofunc` from Go 1.26 on, where it and findfunctab lie inside of the table and `epclntab`, the end of the
/// table, follows it. Its number moves with each release, so it is recognised by its value.
///
/// Without section headers the end of the table is not known, but it is in one segment with the table; the addresses of
/// types, which may stand before `gofunc`, are then not (in position-independent files they are in writable data).
fn gofunc_in_table(elf: &Elf<'_>, header: &Header, end: Option<u64>, words: &[u64; WORDS]) -> Option<usize> {
    let start = header.address.checked_add(header.index as u64)?;
    let segment = elf.segment_of(header.address)?;
    let last = end.or_else(|| segment.address.checked_add(segment.size))?;
    let findfunctab = words[19];
    (37..WORDS - 4).find(|&word| {
        let (gofunc, epclntab) = (words[word], words[word + 1]);
        start < gofunc
            && gofunc <= epclntab
            && start < findfunctab
            && findfunctab < epclntab
            && epclntab <= last
            && end.is_none_or(|end| end == epclntab)
    })
}
