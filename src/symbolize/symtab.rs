//! The symbol table, as the last resort: a name without file or line, and marked so ([`super::Source::SymbolTable`]).
//! Only symbols with a size count: the nearest symbol before an address is a guess (it names Go code `OPENSSL_free`).

use super::elf::Elf;

/// Functions of `.symtab` and `.dynsym`, by address.
#[derive(Debug, Default)]
pub struct SymbolTable<'a> {
    /// (start, end, name), sorted.
    functions: Vec<(u64, u64, &'a str)>,
}

impl<'a> SymbolTable<'a> {
    /// Reads both symbol tables. Damaged entries are left out.
    #[must_use]
    pub fn load(elf: &Elf<'a>) -> Self {
        let mut functions = Vec::new();
        for (table, names) in [(".symtab", ".strtab"), (".dynsym", ".dynstr")] {
            let bytes = |name| elf.section(name).and_then(|s| elf.section_bytes(s)).unwrap_or_default();
            let names = bytes(names);
            for symbol in bytes(table).chunks_exact(24) {
                let word = |at: usize| symbol[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
                let (start, size) = (word(8), word(16));
                // STT_FUNC that is defined here.
                if symbol[4] & 15 != 2 || word(0) >> 48 == 0 || size == 0 {
                    continue;
                }
                let offset = (word(0) & 0xffff_ffff) as usize;
                let name = names.get(offset..).and_then(|n| n.split(|b| *b == 0).next());
                let name = name.and_then(|n| std::str::from_utf8(n).ok()).filter(|n| !n.is_empty());
                if let (Some(name), Some(end)) = (name, start.checked_add(size)) {
                    functions.push((start, end, name));
                }
            }
        }
        functions.sort_unstable();
        functions.dedup_by_key(|f| f.0);
        SymbolTable { functions }
    }

    /// The function that holds an ELF address.
    #[must_use]
    pub fn function_at(&self, address: u64) -> Option<&'a str> {
        let after = self.functions.partition_point(|f| f.0 <= address);
        self.functions
            .get(after.checked_sub(1)?)
            .filter(|f| address < f.1)
            .map(|f| f.2)
    }

    /// Start, end and name of all functions, by address.
    pub fn all(&self) -> impl Iterator<Item = (u64, u64, &'a str)> + '_ {
        self.functions.iter().copied()
    }

    /// Whether there are any functions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }
}
