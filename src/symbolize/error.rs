//! Why a file could not be used as a binary. Addresses without a name are no errors: see [`super::Miss`].

use thiserror::Error;

/// Why bytes are not a binary that can be used, or why one of its tables cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BinaryError {
    /// Not an ELF file at all.
    #[error("not an ELF file (it starts with {start:02x?})\nhint: give the kubelet itself, not an archive or a script")]
    NotElf {
        /// The first bytes, at most four.
        start: Vec<u8>,
    },
    /// An ELF file of a kind that no kubelet has.
    #[error("{what} ELF files are not supported\nhint: kubeprof reads 64-bit little-endian binaries")]
    Unsupported {
        /// What it is, for instance `32-bit`.
        what: &'static str,
    },
    /// A header or table of the ELF file does not hold together.
    #[error("damaged ELF file: {what} at offset {offset:#x}\nhint: compare its size and checksum with the original")]
    DamagedElf {
        /// Which part.
        what: &'static str,
        /// Where in the file.
        offset: u64,
    },
    /// No Go function table.
    #[error("no Go function table in this binary\nhint: it was not built by Go, or not by Go 1.16 or later")]
    NoGoTable,
    /// The table's machine is unknown here.
    #[error(
        "Go function table of an unsupported kind ({what}) at address {address:#x}\n\
         hint: kubeprof reads amd64 and arm64 binaries of Go 1.16 to 1.27"
    )]
    UnsupportedGoTable {
        /// What is unusual about it.
        what: &'static str,
        /// ELF address of the table.
        address: u64,
    },
    /// A Go function table whose header or index does not hold together.
    #[error("damaged Go function table at address {address:#x}: {what}\nhint: the file may be cut off or patched")]
    DamagedGoTable {
        /// Which part.
        what: &'static str,
        /// ELF address of the table.
        address: u64,
    },
    /// A function table without a proven text base. Guessing it is how other tools give wrong names.
    #[error(
        "no runtime.firstmoduledata proves where the text of the Go function table at {address:#x} starts\n\
         hint: nothing is named rather than guessed; a build of the same commit with DWARF can be used instead"
    )]
    UnprovenTextBase {
        /// ELF address of the table.
        address: u64,
    },
    /// DWARF that cannot be read.
    #[error("damaged DWARF: {what}\nhint: the function table of Go is still used; try a fresh debug file")]
    DamagedDwarf {
        /// What the reader said.
        what: String,
    },
}
