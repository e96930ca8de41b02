//! An ELF file as addresses: which bytes the loader puts where, after relocation. Knows segments, sections, notes and
//! dynamic relocations of 64-bit little-endian files; nothing about Go or DWARF. Everything is a view on the bytes
//! of the file; no part of a file can make it panic or allocate more than the file's own size.

use object::LittleEndian as LE;
use object::elf;
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _, Rela as _, SectionHeader as _};

use super::{BinaryError, NotElf};

/// The machines whose Go tables and instructions are understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Machine {
    /// x86-64, `GOARCH=amd64`.
    Amd64,
    /// AArch64, `GOARCH=arm64`.
    Arm64,
    /// Another `e_machine`.
    Other(u16),
}

impl Machine {
    /// The name that Go gives it, or `"other"`.
    #[must_use]
    pub fn goarch(self) -> &'static str {
        match self {
            Machine::Amd64 => "amd64",
            Machine::Arm64 => "arm64",
            Machine::Other(machine) => match elf::Machine(machine) {
                elf::EM_386 => "386",
                elf::EM_ARM => "arm",
                elf::EM_RISCV => "riscv64",
                elf::EM_PPC64 => "ppc64",
                elf::EM_S390 => "s390x",
                elf::EM_MIPS => "mips",
                elf::EM_LOONGARCH => "loong64",
                _ => "other",
            },
        }
    }

    fn of(machine: elf::Machine) -> Self {
        match machine {
            elf::EM_X86_64 => Machine::Amd64,
            elf::EM_AARCH64 => Machine::Arm64,
            other => Machine::Other(other.0),
        }
    }
}

/// A part of the file that is loaded at an address (`PT_LOAD`, file-backed part only).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// First address.
    pub address: u64,
    /// First byte in the file.
    pub offset: u64,
    /// Bytes that come from the file.
    pub size: u64,
    /// Bytes in memory: more where zeros follow, and in a debug file, which holds no code but says where it is.
    pub memory: u64,
    /// The memory can be written.
    pub writable: bool,
    /// The memory can be executed.
    pub executable: bool,
}

/// A section header.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// Name, or empty.
    pub name: &'a [u8],
    /// Address in memory, 0 when it is not loaded.
    pub address: u64,
    /// First byte in the file.
    pub offset: u64,
    /// Bytes (in memory, for `SHT_NOBITS`).
    pub size: u64,
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
}

/// An ELF file whose headers were read.
#[derive(Clone, Debug)]
pub struct Elf<'a> {
    data: &'a [u8],
    machine: Machine,
    entry: u64,
    dynamic_object: bool,
    segments: Vec<Segment>,
    sections: Vec<Section<'a>>,
    notes: Vec<&'a [u8]>,
    has_interpreter: bool,
    rela: &'a [u8],
    /// Where the last part that the headers speak of ends.
    end: u64,
}

/// Sections and segments beyond these numbers are not looked at. Real kubelets have about 40 and 12.
const MAX_SECTIONS: usize = 4096;
const MAX_SEGMENTS: usize = 512;

impl<'a> Elf<'a> {
    /// Reads the headers. A file without section headers (`sstrip`) is fine; one without program headers is not loaded
    /// anywhere but may still hold debug information.
    pub fn parse(data: &'a [u8]) -> Result<Self, BinaryError> {
        let start = data.get(..data.len().min(4)).unwrap_or_default();
        if start != elf::ELFMAG {
            return Err(BinaryError::NotElf {
                start: NotElf::of(data),
            });
        }
        // The machine stands at the same place in all classes, in the byte order of the file.
        let machine = |read: fn([u8; 2]) -> u16| {
            let bytes = data.get(18..20).and_then(|b| b.try_into().ok()).unwrap_or_default();
            Machine::of(elf::Machine(read(bytes))).goarch()
        };
        match data.get(4..6) {
            // ELFCLASS64 and ELFDATA2LSB; ELFCLASS32; ELFDATA2MSB.
            Some([2, 1]) => {}
            Some([1, 1]) => {
                return Err(BinaryError::Unsupported {
                    what: "32-bit",
                    machine: machine(u16::from_le_bytes),
                });
            }
            Some([_, 2]) => {
                return Err(BinaryError::Unsupported {
                    what: "big-endian",
                    machine: machine(u16::from_be_bytes),
                });
            }
            _ => {
                return Err(BinaryError::DamagedElf {
                    what: "class or byte order",
                    offset: 4,
                });
            }
        }
        let header = elf::FileHeader64::<LE>::parse(data).map_err(|_| BinaryError::DamagedElf {
            what: "file header",
            offset: 0,
        })?;
        let machine = Machine::of(header.e_machine(LE));
        let damaged = |what, offset| move |_| BinaryError::DamagedElf { what, offset };
        let programs = header
            .program_headers(LE, data)
            .map_err(damaged("program headers", header.e_phoff(LE)))?;
        let mut this = Elf {
            data,
            machine,
            entry: header.e_entry(LE),
            dynamic_object: header.e_type(LE) == elf::ET_DYN,
            segments: Vec::new(),
            sections: Vec::new(),
            notes: Vec::new(),
            has_interpreter: false,
            rela: &[],
            end: 0,
        };
        let mut dynamic: &[elf::Dyn64<LE>] = &[];
        for program in programs.iter().take(MAX_SEGMENTS) {
            let (offset, size) = program.file_range(LE);
            this.end = this.end.max(offset.saturating_add(size));
            match program.p_type(LE) {
                elf::PT_LOAD => {
                    let available = (data.len() as u64).saturating_sub(offset);
                    let flags = program.p_flags(LE);
                    this.segments.push(Segment {
                        address: program.p_vaddr(LE),
                        offset,
                        size: size.min(available),
                        memory: program.p_memsz(LE),
                        writable: flags.0 & elf::PF_W.0 != 0,
                        executable: flags.0 & elf::PF_X.0 != 0,
                    });
                }
                elf::PT_INTERP => this.has_interpreter = true,
                elf::PT_NOTE => this.notes.extend(slice(data, offset, size)),
                elf::PT_DYNAMIC => dynamic = program.dynamic(LE, data).ok().flatten().unwrap_or_default(),
                _ => {}
            }
        }
        let sections = u64::from(header.e_shnum(LE)) * u64::from(header.e_shentsize(LE));
        if header.e_shoff(LE) != 0 {
            this.end = this.end.max(header.e_shoff(LE).saturating_add(sections));
        }
        // A file whose section headers are gone or damaged can still be named from its segments.
        if let Ok(table) = header.sections(LE, data) {
            for section in table.iter().take(MAX_SECTIONS) {
                let offset = section.sh_offset(LE);
                if section.sh_type(LE) == elf::SHT_NOTE {
                    this.notes.extend(slice(data, offset, section.sh_size(LE)));
                }
                this.sections.push(Section {
                    name: table.section_name(LE, section).unwrap_or_default(),
                    address: section.sh_addr(LE),
                    offset,
                    size: section.sh_size(LE),
                    kind: section.sh_type(LE).0,
                    flags: section.sh_flags(LE).0,
                });
            }
        }
        let start = data.get(..1024.min(data.len())).unwrap_or_default();
        if this.sections.len() <= 1 && start.windows(4).any(|w| w == b"UPX!") {
            return Err(BinaryError::Packed);
        }
        this.rela = this.find_rela(dynamic);
        Ok(this)
    }

    fn find_rela(&self, dynamic: &[elf::Dyn64<LE>]) -> &'a [u8] {
        let (mut address, mut size) = (None, 0);
        for entry in dynamic {
            match entry.d_tag(LE) {
                elf::DT_NULL => break,
                elf::DT_RELA => address = Some(entry.d_val(LE)),
                elf::DT_RELASZ => size = entry.d_val(LE),
                _ => {}
            }
        }
        let bytes = address.and_then(|a| self.bytes_at(a)).unwrap_or_default();
        bytes.get(..size.min(bytes.len() as u64) as usize).unwrap_or_default()
    }

    /// The whole file.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Whether all that the headers speak of is there: false for a file that was cut off.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.end <= self.data.len() as u64
    }

    /// The machine it runs on.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// Address of the first instruction.
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// Whether it is loaded at an address of the loader's choice (`ET_DYN`: PIE, or a shared library).
    #[must_use]
    pub fn is_position_independent(&self) -> bool {
        self.dynamic_object
    }

    /// Whether it names a dynamic loader (`PT_INTERP`).
    #[must_use]
    pub fn has_interpreter(&self) -> bool {
        self.has_interpreter
    }

    /// What is loaded, in the order of the program headers.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// All section headers, the first (null) one included.
    #[must_use]
    pub fn sections(&self) -> &[Section<'a>] {
        &self.sections
    }

    /// The first section of this name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|s| s.name == name.as_bytes())
    }

    /// The bytes of a section as they are in the file (compressed ones too), or nothing when the file is shorter.
    #[must_use]
    pub fn section_bytes(&self, section: &Section<'_>) -> Option<&'a [u8]> {
        if section.kind == elf::SHT_NOBITS.0 {
            return None;
        }
        slice(self.data, section.offset, section.size)
    }

    /// The bytes of a segment.
    #[must_use]
    pub fn segment_bytes(&self, segment: &Segment) -> &'a [u8] {
        slice(self.data, segment.offset, segment.size).unwrap_or_default()
    }

    /// What is loaded from `address` to the end of its segment, before relocation.
    #[must_use]
    pub fn bytes_at(&self, address: u64) -> Option<&'a [u8]> {
        let segment = self.segment_of(address)?;
        self.segment_bytes(segment).get((address - segment.address) as usize..)
    }

    /// The segment that `address` lies in.
    #[must_use]
    pub fn segment_of(&self, address: u64) -> Option<&Segment> {
        self.segments
            .iter()
            .find(|s| address.checked_sub(s.address).is_some_and(|d| d < s.size))
    }

    /// The address at which a byte of the file is loaded.
    #[must_use]
    pub fn address_of_offset(&self, offset: u64) -> Option<u64> {
        let segment = self
            .segments
            .iter()
            .find(|s| offset.checked_sub(s.offset).is_some_and(|d| d < s.size))?;
        segment.address.checked_add(offset - segment.offset)
    }

    /// The code of a file without its bytes, as `objcopy --only-keep-debug` leaves it: only debug information is left.
    #[must_use]
    pub fn absent_code(&self) -> Option<&Segment> {
        let mut code = self.segments.iter().filter(|s| s.executable && s.memory > 0);
        let first = code.clone().next()?;
        code.all(|s| s.size == 0).then_some(first)
    }

    /// What `.gnu_debuglink` says: the name of the file into which a packager put the debug information, and the CRC-32
    /// of that file.
    #[must_use]
    pub fn debug_link(&self) -> Option<(&'a str, u32)> {
        let bytes = self.section_bytes(self.section(".gnu_debuglink")?)?;
        let name = bytes.split(|b| *b == 0).next()?;
        let crc = bytes.get((name.len() + 1).next_multiple_of(4)..)?.get(..4)?;
        let name = std::str::from_utf8(name).ok().filter(|n| !n.is_empty())?;
        Some((name, u32::from_le_bytes(crc.try_into().ok()?)))
    }

    /// Runs of ELF notes, from program headers and from sections (often the same bytes twice).
    pub(super) fn note_runs(&self) -> &[&'a [u8]] {
        &self.notes
    }

    /// The relative relocations with their addends: the word at the first address becomes the second. `RELR`
    /// relocations keep their addend in place, so they need no entry.
    pub fn relative_relocations(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let wanted = match self.machine {
            Machine::Amd64 => elf::R_X86_64_RELATIVE.0,
            Machine::Arm64 => elf::R_AARCH64_RELATIVE.0,
            Machine::Other(_) => u32::MAX,
        };
        let (entries, _) =
            object::pod::slice_from_bytes::<elf::Rela64<LE>>(self.rela, self.rela.len() / 24).unwrap_or((&[], &[]));
        entries
            .iter()
            .filter(move |r| r.r_type(LE, false).0 == wanted)
            .map(|r| (r.r_offset(LE), r.r_addend(LE) as u64))
    }

    /// Words at `address` as the running program sees them (before the load bias is added). As many of `out` as the
    /// segment holds are filled; the number is returned.
    pub fn words(&self, address: u64, out: &mut [u64]) -> usize {
        let bytes = self.bytes_at(address).unwrap_or_default();
        let mut filled = 0;
        for (word, chunk) in out.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = chunk.try_into().map_or(0, u64::from_le_bytes);
            filled += 1;
        }
        for (place, addend) in self.relative_relocations() {
            if let Some(distance) = place.checked_sub(address)
                && distance % 8 == 0
                && let Some(word) = out.get_mut(..filled).and_then(|o| o.get_mut((distance / 8) as usize))
            {
                *word = addend;
            }
        }
        filled
    }
}

/// `data[offset..offset + size]` without overflow.
fn slice(data: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = usize::try_from(offset.checked_add(size)?).ok()?;
    data.get(start..end)
}
