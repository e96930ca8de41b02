//! The function table of Go (`runtime.pclntab`): from a PC to the function, file, line and inlined calls, exactly as
//! the runtime of the program itself would say it. Go 1.16 to 1.27, amd64 and arm64, stripped or not.
//!
//! Invariants:
//! - A table is accepted only together with the `runtime.firstmoduledata` that describes it (`moduledata`): the text
//!   base is never guessed. Guessing it (section `.text`) is wrong for every binary that the C linker linked.
//! - All is a view on the file's bytes, checked at each access; a lookup allocates nothing but room in the caller's
//!   vector. Only tables of Go 1.16 and 1.17 in externally linked PIE are copied, to apply relocations.
//!
//! `header` finds tables and reads their headers, `moduledata` proves one, `functions` has the index and one
//! function's record, `values` the PC-value coding, `inline` the chain of inlined calls.

mod functions;
mod header;
mod inline;
mod moduledata;
mod values;

use std::borrow::Cow;

pub use inline::Frame;

use super::elf::{Elf, Machine};
use super::{BinaryError, Miss};
use functions::Record;
use header::Header;
use inline::SpecialIds;
use moduledata::Moduledata;

/// Which Go releases laid the table out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layout {
    /// Go 1.16 and 1.17: absolute addresses.
    Go116,
    /// Go 1.18 and 1.19: offsets from the text base.
    Go118,
    /// Go 1.20 and later: start lines, short inline records.
    Go120,
}

/// A function table with a proven text base.
#[derive(Clone, Debug)]
pub struct GoTable<'a> {
    header: Header,
    /// The table's bytes. Owned only when relocations had to be applied inside of it.
    bytes: Cow<'a, [u8]>,
    module: Moduledata,
    /// Bytes from `gofunc` on (Go 1.18 and later).
    gofunc: &'a [u8],
    elf: Elf<'a>,
    special: SpecialIds,
}

/// A function's place and name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Function<'t> {
    /// Linker name with full type arguments.
    pub name: &'t str,
    /// ELF address of the first instruction.
    pub start: u64,
    /// One past the last instruction; filler up to the next function is not included when the table tells it.
    pub end: u64,
    /// Line of the `func` keyword; 0 before Go 1.20.
    pub start_line: u32,
}

impl<'a> GoTable<'a> {
    /// Finds the table of a binary and proves its text base.
    pub fn parse(elf: &Elf<'a>) -> Result<Self, BinaryError> {
        if let Machine::Other(_) = elf.machine() {
            return Err(match header::candidates(elf).next() {
                Some(c) => BinaryError::UnsupportedGoTable {
                    what: elf.machine().goarch(),
                    address: c.address,
                },
                None => BinaryError::NoGoTable,
            });
        }
        let mut first_error = None;
        for candidate in header::candidates(elf) {
            match Self::from_candidate(elf, candidate) {
                Ok(table) => return Ok(table),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        let unknown = || match header::unknown_magic(elf) {
            Some(magic) => BinaryError::UnknownGoTable { magic },
            None => BinaryError::NoGoTable,
        };
        Err(first_error.unwrap_or_else(unknown))
    }

    fn from_candidate(elf: &Elf<'a>, candidate: header::Candidate<'a>) -> Result<Self, BinaryError> {
        let header = Header::parse(candidate.bytes, candidate.address, elf.machine())?;
        let bytes = if header.layout == Layout::Go116 {
            relocated(elf, candidate.bytes, candidate.address)
        } else {
            Cow::Borrowed(candidate.bytes)
        };
        let module = moduledata::prove(elf, &header, &bytes, candidate.end)?;
        let gofunc = if header.layout == Layout::Go116 {
            &[]
        } else {
            elf.bytes_at(module.gofunc).ok_or(BinaryError::UnprovenTextBase {
                address: header.address,
            })?
        };
        let mut table = GoTable {
            header,
            bytes,
            module,
            gofunc,
            elf: elf.clone(),
            special: SpecialIds::default(),
        };
        table.special = SpecialIds::learn(&table);
        Ok(table)
    }

    /// Which Go releases it comes from.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.header.layout
    }

    /// ELF address of the first Go instruction (`runtime.text`): the base of the table's offsets.
    #[must_use]
    pub fn text_start(&self) -> u64 {
        self.module.text
    }

    /// ELF addresses that the table describes: from the first function to the end of the last one.
    #[must_use]
    pub fn range(&self) -> std::ops::Range<u64> {
        self.module.min_pc..self.module.max_pc
    }

    /// ELF address of the table.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.header.address
    }

    /// Number of functions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.header.functions as usize
    }

    /// Whether it has no functions. A proven table always has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The n-th function in address order.
    #[must_use]
    pub fn function(&self, n: usize) -> Option<Function<'_>> {
        let record = self.record(u32::try_from(n).ok()?)?;
        self.describe(&record)
    }

    /// The function whose addresses include `pc`.
    #[must_use]
    pub fn function_at(&self, pc: u64) -> Option<Function<'_>> {
        self.describe(&self.record_at(pc)?)
    }

    /// The instruction that a return address stands for: the one before it. A goroutine that has not started yet has the
    /// first instruction of its function there, which no call returns to; that one is meant itself.
    #[must_use]
    pub fn instruction_of(&self, return_address: u64) -> u64 {
        match self.record_at(return_address) {
            Some(record) if record.entry == return_address => return_address,
            _ => return_address.wrapping_sub(1),
        }
    }

    /// All functions in address order; damaged entries are left out.
    pub fn functions(&self) -> impl Iterator<Item = Function<'_>> {
        (0..self.len()).filter_map(|n| self.function(n))
    }

    fn describe<'t>(&'t self, record: &Record<'t>) -> Option<Function<'t>> {
        Some(Function {
            name: self.name(record.name_offset)?,
            start: record.entry,
            end: record.code_end(self),
            start_line: record.start_line,
        })
    }

    /// The frames at the instruction `pc`, innermost first, appended to `frames` (which should be empty). `pc` is the
    /// address of the instruction itself, as it stands in profiles: for a return address, one less.
    ///
    /// Autogenerated wrappers that called something else than panic code are left out, as the runtime does.
    pub fn lookup<'t>(&'t self, pc: u64, frames: &mut Vec<Frame<'t>>) -> Result<(), Miss> {
        let before = frames.len();
        let result = self.lookup_with(pc, &mut |frame| frames.push(frame));
        match &result {
            Err(_) => frames.truncate(before),
            // The frame that it was inlined into may be a wrapper that is left out.
            Ok(()) => close(&mut frames[before..]),
        }
        result
    }

    /// Like [`GoTable::lookup`], for callers with frames of another kind. On an error some frames may have been given.
    pub fn lookup_with<'t>(&'t self, pc: u64, each: &mut impl FnMut(Frame<'t>)) -> Result<(), Miss> {
        inline::walk(self, pc, each)
    }

    pub(super) fn elf(&self) -> &Elf<'a> {
        &self.elf
    }
}

/// The last frame of a chain is inlined into none that follows.
fn close(frames: &mut [Frame<'_>]) {
    if let Some(last) = frames.last_mut() {
        last.inlined = false;
    }
}

/// The table with dynamic relocations applied, copied only when there are any.
fn relocated<'a>(elf: &Elf<'a>, bytes: &'a [u8], address: u64) -> Cow<'a, [u8]> {
    let mut bytes = Cow::Borrowed(bytes);
    for (place, addend) in elf.relative_relocations() {
        if let Some(start) = place.checked_sub(address).and_then(|d| usize::try_from(d).ok())
            && start.checked_add(8).is_some_and(|end| end <= bytes.len())
            && bytes.get(start..start + 8) != Some(&addend.to_le_bytes())
            && let Some(word) = bytes.to_mut().get_mut(start..start + 8)
        {
            word.copy_from_slice(&addend.to_le_bytes());
        }
    }
    bytes
}

/// A little-endian `u32` at `offset`.
fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// A little-endian `u64` at `offset`.
fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let bytes = bytes.get(offset..offset.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
