//! The index of functions and one function's record (`runtime._func`).

use super::super::elf::Elf;
use super::values::{table_end, value_at};
use super::{GoTable, Layout, u32_at, u64_at};

/// Index of the inline table among a function's PC-value tables and among its data.
const PCDATA_INLINE_INDEX: usize = 2;
const FUNCDATA_INLINE_TREE: usize = 3;

/// A function's record, its fixed part decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'t> {
    /// ELF address of the first instruction.
    pub(super) entry: u64,
    /// ELF address of the next function, or the end of the text.
    pub(super) next: u64,
    pub(super) name_offset: u32,
    pub(super) start_line: u32,
    pub(super) id: u8,
    file_table: u32,
    line_table: u32,
    unit: u32,
    value_tables: u32,
    data_count: u8,
    /// What follows the fixed part: offsets of PC-value tables, then of data.
    tail: &'t [u8],
}

impl<'a> GoTable<'a> {
    /// The table's bytes.
    pub(super) fn table(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of the function that holds `pc`.
    pub(super) fn number_at(&self, pc: u64) -> Option<u32> {
        if pc < self.module.min_pc || pc >= self.module.max_pc {
            return None;
        }
        let wanted = pc - self.index_base();
        // The last row whose PC is not above the wanted one. The first PC and the last one are those of the index.
        let (mut low, mut high) = (0, self.header.functions);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.header.index_pc(self.table(), middle)? <= wanted {
                low = middle
            } else {
                high = middle
            }
        }
        Some(low)
    }

    fn index_base(&self) -> u64 {
        if self.header.layout == Layout::Go116 {
            0
        } else {
            self.module.text
        }
    }

    pub(super) fn record_at(&self, pc: u64) -> Option<Record<'_>> {
        self.record(self.number_at(pc)?)
    }

    pub(super) fn record(&self, number: u32) -> Option<Record<'_>> {
        if number >= self.header.functions {
            return None;
        }
        let table = self.table();
        let base = self.index_base();
        let entry = base.checked_add(self.header.index_pc(table, number)?)?;
        let next = base.checked_add(self.header.index_pc(table, number + 1)?)?;
        let at = usize::try_from(self.header.index_record(table, number)?)
            .ok()?
            .checked_add(self.header.index)?;
        let bytes = table.get(at..)?;
        // The entry's width and the start line are what releases changed.
        let (fixed, start_line) = match self.header.layout {
            Layout::Go116 => (44, 0),
            Layout::Go118 => (40, 0),
            Layout::Go120 => (44, u32_at(bytes, 36)?),
        };
        let after_entry = if self.header.layout == Layout::Go116 { 8 } else { 4 };
        let field = |n: usize| u32_at(bytes, after_entry + 4 * n);
        let stored = if after_entry == 8 {
            u64_at(bytes, 0)?
        } else {
            base.checked_add(u64::from(u32_at(bytes, 0)?))?
        };
        if stored != entry || next < entry {
            return None;
        }
        Some(Record {
            entry,
            next,
            name_offset: field(0)?,
            start_line: if start_line > i32::MAX as u32 { 0 } else { start_line },
            id: *bytes.get(fixed - 4)?,
            file_table: field(4)?,
            line_table: field(5)?,
            value_tables: field(6)?,
            unit: field(7)?,
            data_count: *bytes.get(fixed - 1)?,
            tail: bytes.get(fixed..)?,
        })
    }

    /// The text at an offset of the name table, up to its zero byte.
    pub(super) fn name(&self, offset: u32) -> Option<&str> {
        text(self.table().get(self.header.names..self.header.units)?, offset)
    }

    fn values(&self) -> &[u8] {
        self.table().get(self.header.values..).unwrap_or_default()
    }

    fn value(&self, record: &Record<'_>, table: u32, pc: u64) -> Option<i32> {
        value_at(self.values(), table, record.entry, pc, self.header.quantum)
    }
}

/// What a function's line tables say of a PC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place<'t> {
    /// File and line.
    At(&'t str, u32),
    /// The function has no line tables: the linker or the C compiler made it.
    Unknown,
    /// The tables end before this PC.
    PastEnd,
    /// The tables point nowhere.
    Damaged,
}

impl<'t> Record<'t> {
    /// File and line of the instruction at `pc`.
    pub(super) fn place(&self, table: &'t GoTable<'_>, pc: u64) -> Place<'t> {
        if self.file_table == 0 || self.line_table == 0 {
            return Place::Unknown;
        }
        let Some(file) = table.value(self, self.file_table, pc) else {
            return Place::PastEnd;
        };
        let Some(line) = table.value(self, self.line_table, pc) else {
            return Place::PastEnd;
        };
        if file < 0 || line < 0 {
            return Place::Unknown;
        }
        let unit = table
            .table()
            .get(table.header.units..table.header.files)
            .unwrap_or_default();
        let entry = (self.unit as usize)
            .checked_add(file as usize)
            .and_then(|n| n.checked_mul(4));
        let name = match entry.and_then(|at| u32_at(unit, at)) {
            Some(u32::MAX) => return Place::Unknown,
            Some(offset) => text(
                table
                    .table()
                    .get(table.header.files..table.header.values)
                    .unwrap_or_default(),
                offset,
            ),
            None => None,
        };
        name.map_or(Place::Damaged, |name| Place::At(name, line as u32))
    }

    /// Row of the inline tree for `pc`, or `None` in the function's own code.
    pub(super) fn inline_row(&self, table: &GoTable<'_>, pc: u64) -> Option<u32> {
        if PCDATA_INLINE_INDEX >= self.value_tables as usize {
            return None;
        }
        let offset = u32_at(self.tail, PCDATA_INLINE_INDEX * 4)?;
        table.value(self, offset, pc).and_then(|row| u32::try_from(row).ok())
    }

    /// The bytes of the inline tree, to the end of whatever holds it (its length is stored nowhere).
    pub(super) fn inline_tree<'e>(&self, table: &'e GoTable<'_>, elf: &'e Elf<'_>) -> Option<&'e [u8]> {
        if FUNCDATA_INLINE_TREE >= usize::from(self.data_count) {
            return None;
        }
        let data = (self.value_tables as usize).checked_mul(4)?;
        if table.header.layout == Layout::Go116 {
            // Addresses are aligned to eight bytes; the record is, and its fixed part has four bytes more.
            let pad = if data.is_multiple_of(8) { 4 } else { 0 };
            let address = u64_at(self.tail, data.checked_add(pad)?.checked_add(FUNCDATA_INLINE_TREE * 8)?)?;
            return if address == 0 { None } else { elf.bytes_at(address) };
        }
        match u32_at(self.tail, data.checked_add(FUNCDATA_INLINE_TREE * 4)?)? {
            u32::MAX => None,
            offset => table.gofunc.get(offset as usize..),
        }
    }

    /// Where the function's code ends: filler up to the next function excluded, when the line table tells it.
    pub(super) fn code_end(&self, table: &GoTable<'_>) -> u64 {
        let end = table_end(table.values(), self.line_table, self.entry, table.header.quantum);
        end.map_or(self.next, |end| end.clamp(self.entry, self.next))
    }
}

/// A zero-terminated UTF-8 text.
fn text(bytes: &[u8], offset: u32) -> Option<&str> {
    let rest = bytes.get(offset as usize..)?;
    let length = rest.iter().position(|b| *b == 0)?;
    std::str::from_utf8(rest.get(..length)?).ok()
}
