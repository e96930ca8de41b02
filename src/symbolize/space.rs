//! From a process's addresses to a file's: a profile says which part of a file was mapped where, the file's segments say
//! which ELF address that part has. Position-independent binaries need no other treatment; Go links some of them at
//! 0x400000, so nothing is assumed about where they start.

use super::elf::Elf;
use crate::model::Mapping;

/// The ELF address of a process's address that lies in `mapping`. `None` when that part of the file is not loaded.
///
/// A mapping without a range (some producers write none), or with the whole address space (readers of texts put it where
/// nothing is known), means that the addresses are ELF addresses already.
#[must_use]
pub fn elf_address(elf: &Elf<'_>, mapping: &Mapping, address: u64) -> Option<u64> {
    let everything = (mapping.start, mapping.offset, mapping.limit) == (0, 0, u64::MAX);
    if mapping.limit == 0 || everything {
        return Some(address);
    }
    if let Some(code) = elf.absent_code() {
        // A debug file does not say where in the file its code was; the mapping of code begins with the code's page.
        let into = address.checked_sub(mapping.start)?;
        return (code.address & !0xfff).checked_add(into);
    }
    let offset = address.checked_sub(mapping.start)?.checked_add(mapping.offset)?;
    // The page where two segments meet is mapped for both; code is asked for.
    let segments = elf.segments().iter();
    let holds = |s: &&super::elf::Segment| offset.checked_sub(s.offset).is_some_and(|d| d < s.size);
    let segment = segments
        .clone()
        .filter(|s| s.executable)
        .find(holds)
        .or_else(|| segments.clone().find(holds))?;
    segment.address.checked_add(offset - segment.offset)
}

/// Whether a mapping is a page of the kernel and not a file.
#[must_use]
pub fn is_kernel_page(file: &str) -> bool {
    file.starts_with("[vdso")
        || file.starts_with("[vsyscall")
        || file.starts_with("[kernel")
        || file.starts_with("[vectors")
}
