//! Where a Go function table may be, and what its first words say. A candidate is only bytes that look right;
//! [`super::moduledata`] decides.

use super::super::BinaryError;
use super::super::elf::{Elf, Machine};
use super::{Layout, u32_at, u64_at};

const MAGICS: [(u32, Layout); 3] = [
    (0xffff_fffa, Layout::Go116),
    (0xffff_fff0, Layout::Go118),
    (0xffff_fff1, Layout::Go120),
];

/// Bytes that begin like a function table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    /// ELF address of the first byte.
    pub(super) address: u64,
    /// From the first byte to the end of the section, or of the segment.
    pub(super) bytes: &'a [u8],
    /// End of the table, when a section of its own tells it.
    pub(super) end: Option<u64>,
}

/// The header of a function table. Offsets are from the table's start and lie inside of it.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) layout: Layout,
    pub(super) address: u64,
    /// Bytes of the shortest instruction step: 1 on amd64, 4 on arm64.
    pub(super) quantum: u32,
    pub(super) functions: u32,
    pub(super) names: usize,
    pub(super) units: usize,
    pub(super) files: usize,
    pub(super) values: usize,
    /// The index of functions, and the base of their records' offsets.
    pub(super) index: usize,
}

/// Every place that could be the table: its own section, then whatever looks like one in loaded data, then in code.
pub(super) fn candidates<'e, 'a>(elf: &'e Elf<'a>) -> impl Iterator<Item = Candidate<'a>> + 'e {
    let named = [".gopclntab", ".data.rel.ro.gopclntab"].into_iter().filter_map(|name| {
        let section = elf.section(name)?;
        let bytes = elf.section_bytes(section)?;
        let end = section.address.checked_add(section.size);
        layout_of(bytes).map(|_| Candidate {
            address: section.address,
            bytes,
            end,
        })
    });
    // GNU ld merges the table of a PIE (up to Go 1.25) into .data.rel.ro; there it is found by its first bytes.
    let relro = elf.section(".data.rel.ro").into_iter().flat_map(move |section| {
        let bytes = elf.section_bytes(section).unwrap_or_default();
        scan(bytes, section.address)
    });
    let in_segments = [false, true].into_iter().flat_map(move |executable| {
        let wanted = elf.segments().iter().filter(move |s| s.executable == executable);
        wanted.flat_map(move |s| scan(elf.segment_bytes(s), s.address))
    });
    named.chain(relro).chain(in_segments)
}

/// What stands where a table of its own section should begin, when it is no table that is known: garble writes a magic
/// number of its own, a newer Go may.
pub(super) fn unknown_magic(elf: &Elf<'_>) -> Option<String> {
    let names = [".gopclntab", ".data.rel.ro.gopclntab"];
    let bytes = names.iter().find_map(|n| elf.section_bytes(elf.section(n)?)?.get(..4));
    bytes?
        .try_into()
        .ok()
        .map(u32::from_le_bytes)
        .map(|m| format!("{m:#x}"))
}

/// Aligned places in `bytes` where a header may start.
fn scan(bytes: &[u8], address: u64) -> impl Iterator<Item = Candidate<'_>> {
    // Segments start at any address; the table is aligned in memory.
    let skip = (8 - (address % 8) as usize) % 8;
    let aligned = bytes.get(skip..).unwrap_or_default();
    aligned.chunks_exact(8).enumerate().filter_map(move |(n, word)| {
        layout_of(word)?;
        let start = skip + n * 8;
        Some(Candidate {
            address: address.checked_add(start as u64)?,
            bytes: bytes.get(start..)?,
            end: None,
        })
    })
}

/// The layout, if the first eight bytes are a header's: magic, two zero bytes, quantum, pointer size.
fn layout_of(bytes: &[u8]) -> Option<Layout> {
    let [a, b, c, d, 0, 0, 1 | 2 | 4, 8] = *bytes.get(..8)? else {
        return None;
    };
    let magic = u32::from_le_bytes([a, b, c, d]);
    MAGICS.iter().find(|(m, _)| *m == magic).map(|(_, layout)| *layout)
}

impl Header {
    pub(super) fn parse(bytes: &[u8], address: u64, machine: Machine) -> Result<Self, BinaryError> {
        let damaged = |what| BinaryError::DamagedGoTable { what, address };
        let layout = layout_of(bytes).ok_or(damaged("magic"))?;
        let quantum = u32::from(*bytes.get(6).ok_or(damaged("quantum"))?);
        if quantum != if machine == Machine::Arm64 { 4 } else { 1 } {
            return Err(BinaryError::UnsupportedGoTable {
                what: "instruction size",
                address,
            });
        }
        let word = |n: usize| u64_at(bytes, 8 + n * 8).and_then(|v| usize::try_from(v).ok());
        // From Go 1.18 the text start stands between the counts and the offsets. It is not used: linkers leave it 0.
        let first = if layout == Layout::Go116 { 2 } else { 3 };
        let offset = |n: usize| {
            word(first + n)
                .filter(|o| *o < bytes.len())
                .ok_or(damaged("offsets in the header"))
        };
        let functions = word(0).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        let header = Header {
            layout,
            address,
            quantum,
            functions: functions.ok_or(damaged("number of functions"))?,
            names: offset(0)?,
            units: offset(1)?,
            files: offset(2)?,
            values: offset(3)?,
            index: offset(4)?,
        };
        let rising = [header.names, header.units, header.files, header.values, header.index];
        if !rising.is_sorted() {
            return Err(damaged("order of the parts"));
        }
        let index_end = u64::from(header.functions) * header.entry_size() as u64 + header.index as u64;
        if index_end + 8 > bytes.len() as u64 {
            return Err(damaged("length of the index"));
        }
        Ok(header)
    }

    /// Bytes of one row of the index: two words that are 8 bytes before Go 1.18 and 4 bytes from then on.
    pub(super) fn entry_size(&self) -> usize {
        if self.layout == Layout::Go116 { 16 } else { 8 }
    }

    /// First column of row `n` of the index: an address before Go 1.18, then an offset from the text. The row after the
    /// last function holds the end of the text.
    pub(super) fn index_pc(&self, bytes: &[u8], n: u32) -> Option<u64> {
        let at = self.index.checked_add(self.entry_size().checked_mul(n as usize)?)?;
        match self.layout {
            Layout::Go116 => u64_at(bytes, at),
            _ => u32_at(bytes, at).map(u64::from),
        }
    }

    /// Second column: where the function's record is, from the index on.
    pub(super) fn index_record(&self, bytes: &[u8], n: u32) -> Option<u64> {
        let at = self.index.checked_add(self.entry_size().checked_mul(n as usize)?)?;
        match self.layout {
            Layout::Go116 => u64_at(bytes, at + 8),
            _ => u32_at(bytes, at + 4).map(u64::from),
        }
    }
}
