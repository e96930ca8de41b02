//! A **Binary**: an executable opened for questions. It owns no bytes; [`super::locate`] maps files.
//!
//! Decides which table answers for an address: the Go table for Go code, then DWARF (of the binary, or of a debug file
//! given with it), then the symbol table. DWARF and symbols are loaded at the first address that needs them.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::buildid::BuildIds;
use super::buildinfo::BuildInfo;
use super::dwarf::Dwarf;
use super::elf::Elf;
use super::pclntab::{self, GoTable};
use super::symtab::SymbolTable;
use super::{BinaryError, Miss};

/// Which table gave a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Source {
    /// Go's function table.
    GoTable,
    /// DWARF.
    Dwarf,
    /// The symbol table: a name only.
    SymbolTable,
}

impl Source {
    /// A stable word for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Source::GoTable => "pclntab",
            Source::Dwarf => "dwarf",
            Source::SymbolTable => "symtab",
        }
    }
}

/// One frame of what an address stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame<'t> {
    /// Linker name, type arguments included.
    pub function: Cow<'t, str>,
    /// Source file as the binary names it, `?` when unknown.
    pub file: Cow<'t, str>,
    /// Line, 0 when unknown.
    pub line: u32,
    /// Line at which the function starts, 0 when unknown.
    pub start_line: u32,
    /// Inlined into the next frame.
    pub inlined: bool,
    /// Where it comes from.
    pub source: Source,
}

/// How a binary was linked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkMode {
    /// By Go's linker alone.
    Internal,
    /// By the C linker: other code comes before the Go text.
    External,
    /// Not a Go binary, or its table cannot be used.
    Unknown,
}

impl LinkMode {
    /// The word that Go's `-linkmode` uses.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            LinkMode::Internal => "internal",
            LinkMode::External => "external",
            LinkMode::Unknown => "unknown",
        }
    }
}

/// An executable and its tables.
pub struct Binary<'a> {
    elf: Elf<'a>,
    go: Result<GoTable<'a>, BinaryError>,
    debug: Option<&'a [u8]>,
    dwarf: OnceCell<Result<Option<Dwarf>, BinaryError>>,
    symbols: OnceCell<SymbolTable<'a>>,
}

impl<'a> Binary<'a> {
    /// Reads the headers and Go's function table. A binary without a usable Go table is no error here:
    /// [`Binary::go`] says why there is none.
    pub fn parse(data: &'a [u8]) -> Result<Self, BinaryError> {
        let elf = Elf::parse(data)?;
        let go = GoTable::parse(&elf);
        Ok(Binary {
            elf,
            go,
            debug: None,
            dwarf: OnceCell::new(),
            symbols: OnceCell::new(),
        })
    }

    /// Uses the debug information of another file (`.gnu_debuglink`, `.build-id`). The caller has compared build IDs.
    #[must_use]
    pub fn with_debug_file(mut self, data: &'a [u8]) -> Self {
        self.debug = Some(data);
        self.dwarf = OnceCell::new();
        self.symbols = OnceCell::new();
        self
    }

    /// The ELF file.
    #[must_use]
    pub fn elf(&self) -> &Elf<'a> {
        &self.elf
    }

    /// Go's function table, or why there is none.
    pub fn go(&self) -> Result<&GoTable<'a>, &BinaryError> {
        self.go.as_ref()
    }

    /// Its build IDs.
    #[must_use]
    pub fn build_ids(&self) -> BuildIds {
        BuildIds::read(&self.elf)
    }

    /// Its build information.
    #[must_use]
    pub fn build_info(&self) -> Option<BuildInfo> {
        BuildInfo::read(&self.elf)
    }

    /// Which linker made it: Go's starts the section `.text` with `runtime.text`.
    #[must_use]
    pub fn link_mode(&self) -> LinkMode {
        match (&self.go, self.elf.section(".text")) {
            (Ok(go), Some(text)) if text.address == go.text_start() && go.function_at(self.elf.entry()).is_some() => {
                LinkMode::Internal
            }
            (Ok(_), Some(_)) => LinkMode::External,
            _ => LinkMode::Unknown,
        }
    }

    /// The symbol table (of the debug file, if one was given and it has any symbols).
    pub fn symbols(&self) -> &SymbolTable<'a> {
        self.symbols.get_or_init(|| {
            let debug = self
                .debug
                .and_then(|d| Elf::parse(d).ok())
                .map(|elf| SymbolTable::load(&elf));
            debug
                .filter(|s| !s.is_empty())
                .unwrap_or_else(|| SymbolTable::load(&self.elf))
        })
    }

    /// Debug information, loaded now if it was not yet. `Ok(None)` when there is none.
    pub fn dwarf(&self) -> Result<Option<&Dwarf>, &BinaryError> {
        let load = || match self.debug.map(Dwarf::load) {
            Some(Ok(Some(dwarf))) => Ok(Some(dwarf)),
            Some(Err(error)) => Err(error),
            Some(Ok(None)) | None => Dwarf::load(self.elf.data()),
        };
        self.dwarf.get_or_init(load).as_ref().map(Option::as_ref)
    }

    /// The frames at an ELF address, innermost first, appended to `frames`. The address is that of an instruction, as it
    /// stands in profiles; for a return address, one less.
    pub fn lookup<'t>(&'t self, address: u64, frames: &mut Vec<Frame<'t>>) -> Result<(), Miss> {
        match self.elf.segment_of(address) {
            Some(segment) if !segment.executable => return Err(Miss::NotCode),
            Some(_) => {}
            None if self
                .elf
                .absent_code()
                .is_some_and(|s| address.wrapping_sub(s.address) < s.memory) => {}
            None => return Err(Miss::OutsideFile),
        }
        let before = frames.len();
        let go = match &self.go {
            Ok(table) => table.lookup_with(address, &mut |frame| frames.push(frame.into())),
            Err(BinaryError::NoGoTable) => Err(Miss::NoTable),
            Err(BinaryError::DamagedGoTable { .. }) => Err(Miss::DamagedTable),
            Err(BinaryError::UnknownGoTable { .. } | BinaryError::UnsupportedGoTable { .. }) => Err(Miss::UnknownTable),
            Err(_) => Err(Miss::UnprovenTable),
        };
        match go {
            // C code that the Go linker linked has a name there but no line: DWARF may know more.
            Ok(()) if frames[before..].iter().all(|f| f.line == 0 && f.file == "?") => {
                let named = std::mem::take(frames);
                if self.dwarf().ok().flatten().is_none_or(|d| !d.lookup(address, frames)) {
                    *frames = named;
                } else {
                    frames.splice(..0, named.into_iter().take(before));
                }
                Ok(())
            }
            Ok(()) => {
                // The frame that it was inlined into may be a wrapper that is left out.
                close(&mut frames[before..]);
                Ok(())
            }
            Err(Miss::Padding) => {
                frames.truncate(before);
                Err(Miss::Padding)
            }
            Err(miss) => {
                frames.truncate(before);
                if self.dwarf().ok().flatten().is_some_and(|d| d.lookup(address, frames)) {
                    return Ok(());
                }
                let name = self.symbols().function_at(address).ok_or(miss)?;
                frames.push(Frame {
                    function: Cow::Borrowed(name),
                    file: Cow::Borrowed("?"),
                    line: 0,
                    start_line: 0,
                    inlined: false,
                    source: Source::SymbolTable,
                });
                Ok(())
            }
        }
    }
}

/// The last frame of a chain is inlined into none that follows.
fn close(frames: &mut [Frame<'_>]) {
    if let Some(last) = frames.last_mut() {
        last.inlined = false;
    }
}

impl<'t> From<pclntab::Frame<'t>> for Frame<'t> {
    fn from(frame: pclntab::Frame<'t>) -> Self {
        Frame {
            function: Cow::Borrowed(frame.function),
            file: Cow::Borrowed(frame.file),
            line: frame.line,
            start_line: frame.start_line,
            inlined: frame.inlined,
            source: Source::GoTable,
        }
    }
}
