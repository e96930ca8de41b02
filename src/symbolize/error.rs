//! Why a file could not be used as a binary. Addresses without a name are no errors: see [`super::Miss`].

use thiserror::Error;

/// What a file that is no ELF file begins like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotElf {
    /// Nothing at all.
    Empty,
    /// A binary of macOS.
    MachO,
    /// A binary of Windows.
    Pe,
    /// WebAssembly.
    Wasm,
    /// A static library.
    Library,
    /// A script.
    Script,
    /// A tar.
    Tar,
    /// Compressed by gzip, zstd or xz; profiles are.
    Compressed,
    /// Anything else.
    Other([u8; 4]),
}

impl NotElf {
    /// By content.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        let mut start = [0; 4];
        start.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
        match start {
            _ if data.is_empty() => NotElf::Empty,
            [0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe] => NotElf::MachO,
            [b'M', b'Z', ..] => NotElf::Pe,
            [0, b'a', b's', b'm'] => NotElf::Wasm,
            _ if data.starts_with(b"!<arch>\n") => NotElf::Library,
            [b'#', b'!', ..] => NotElf::Script,
            _ if data.get(257..262) == Some(b"ustar") => NotElf::Tar,
            [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd] | [0xfd, b'7', b'z', b'X'] => NotElf::Compressed,
            start => NotElf::Other(start),
        }
    }

    fn what(self) -> String {
        match self {
            NotElf::Empty => "an empty file".to_owned(),
            NotElf::MachO => "a Mach-O binary (macOS)".to_owned(),
            NotElf::Pe => "a PE binary (Windows)".to_owned(),
            NotElf::Wasm => "WebAssembly".to_owned(),
            NotElf::Library => "a static library".to_owned(),
            NotElf::Script => "a script".to_owned(),
            NotElf::Tar => "a tar".to_owned(),
            NotElf::Compressed => "compressed".to_owned(),
            NotElf::Other(start) => format!("something that starts with {start:02x?}"),
        }
    }

    fn hint(self) -> &'static str {
        match self {
            NotElf::MachO | NotElf::Pe | NotElf::Wasm => {
                "kubeprof reads binaries of Linux; profiles of other systems carry their own names"
            }
            NotElf::Tar => "extract the kubelet from it, or add it to the archive of binaries",
            NotElf::Compressed => {
                "unpack it, or add it to the archive of binaries, which takes compressed binaries and images"
            }
            NotElf::Empty | NotElf::Library | NotElf::Script | NotElf::Other(_) => {
                "give the kubelet itself, not an archive or a script"
            }
        }
    }
}

/// Why bytes are not a binary that can be used, or why one of its tables cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BinaryError {
    /// Not an ELF file at all.
    #[error("not an ELF file but {}", start.what())]
    NotElf {
        /// What it begins like.
        start: NotElf,
    },
    /// An ELF file of a kind that is not read.
    #[error("{what} ELF files ({machine}) are not supported")]
    Unsupported {
        /// What it is, for instance `32-bit`.
        what: &'static str,
        /// For which machine, as Go calls it.
        machine: &'static str,
    },
    /// A packed executable: what runs is not in the file as it runs.
    #[error("packed by UPX")]
    Packed,
    /// A header or table of the ELF file does not hold together.
    #[error("damaged ELF file: {what} at offset {offset:#x}")]
    DamagedElf {
        /// Which part.
        what: &'static str,
        /// Where in the file.
        offset: u64,
    },
    /// No Go function table.
    #[error("no Go function table in this binary")]
    NoGoTable,
    /// Built by Go, but its function table does not begin as that of any release does.
    #[error("the Go function table begins like that of no known release ({magic})")]
    UnknownGoTable {
        /// What stands where the table should be.
        magic: String,
    },
    /// The table's machine is unknown here.
    #[error("Go function table of an unsupported kind ({what}) at address {address:#x}")]
    UnsupportedGoTable {
        /// What is unusual about it.
        what: &'static str,
        /// ELF address of the table.
        address: u64,
    },
    /// A Go function table whose header or index does not hold together.
    #[error("damaged Go function table at address {address:#x}: {what}")]
    DamagedGoTable {
        /// Which part.
        what: &'static str,
        /// ELF address of the table.
        address: u64,
    },
    /// A function table without a proven text base. Guessing it is how other tools give wrong names.
    #[error("no runtime.firstmoduledata proves where the text of the Go function table at {address:#x} starts")]
    UnprovenTextBase {
        /// ELF address of the table.
        address: u64,
    },
    /// DWARF that cannot be read.
    #[error("damaged DWARF: {what}")]
    DamagedDwarf {
        /// What the reader said.
        what: String,
    },
}

impl BinaryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotElf { start } => start.hint(),
            Self::Unsupported { .. } => "64-bit little-endian binaries are supported",
            Self::Packed => "`upx -d` unpacks it; the profile's addresses are those of the unpacked binary",
            Self::DamagedElf { .. } => "compare its size and checksum with the original",
            Self::NoGoTable => "it was not built by Go, not by Go 1.16 or later, or it was garbled",
            Self::UnknownGoTable { .. } => {
                "0xfffffffb is Go before 1.16; garble hides the number on purpose; a newer Go may have another one"
            }
            Self::UnsupportedGoTable { .. } => "amd64 and arm64 binaries of Go 1.16 to 1.27 are supported",
            Self::DamagedGoTable { .. } => "the file may be cut off or patched",
            Self::UnprovenTextBase { .. } => {
                "nothing is named rather than guessed; a build of the same commit with DWARF can be used instead"
            }
            Self::DamagedDwarf { .. } => "the function table of Go is still used; try a fresh debug file",
        })
    }
}
