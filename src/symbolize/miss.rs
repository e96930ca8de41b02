//! Why an address has no name. Every address that stays unnamed has exactly one of these reasons; reports count them.

/// The reason why an address has no name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Miss {
    /// The profile says of no file that it was mapped there.
    NoMapping,
    /// The kernel's own code mapped into the process (`[vdso]`, `[vsyscall]`).
    KernelPage,
    /// No binary for this mapping was found.
    NoBinary,
    /// A binary was found, but it is not the one that ran.
    WrongBinary,
    /// A binary was found, but nothing proves or disproves that it is the one that ran.
    UnprovenBinary,
    /// The file could not be read as a binary.
    UnreadableBinary,
    /// The address lies in no part of the file that is loaded.
    OutsideFile,
    /// The address is loaded, but is no code.
    NotCode,
    /// Between two functions: bytes that fill up to the next function's alignment.
    Padding,
    /// Code that no table of this binary describes (C code in a stripped binary).
    NoTable,
    /// The binary is Go, but the base of its function table is not proven, so nothing is named.
    UnprovenTable,
    /// The binary is Go, but its function table is of a kind that is not known: garbled, another machine, a newer Go.
    UnknownTable,
    /// A table contradicts itself at this address.
    DamagedTable,
    /// Not an address: it could not be read as a number.
    NotAnAddress,
}

impl Miss {
    /// All reasons, in the order in which they are shown.
    pub const ALL: [Miss; 14] = [
        Miss::NoMapping,
        Miss::KernelPage,
        Miss::NoBinary,
        Miss::WrongBinary,
        Miss::UnprovenBinary,
        Miss::UnreadableBinary,
        Miss::OutsideFile,
        Miss::NotCode,
        Miss::Padding,
        Miss::NoTable,
        Miss::UnprovenTable,
        Miss::UnknownTable,
        Miss::DamagedTable,
        Miss::NotAnAddress,
    ];

    /// Whether the code is there, but no table tells its name.
    #[must_use]
    pub fn is_of_table(self) -> bool {
        matches!(
            self,
            Miss::NoTable | Miss::UnprovenTable | Miss::UnknownTable | Miss::DamagedTable
        )
    }

    /// A stable word for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Miss::NoMapping => "no-mapping",
            Miss::KernelPage => "kernel-page",
            Miss::NoBinary => "no-binary",
            Miss::WrongBinary => "wrong-binary",
            Miss::UnprovenBinary => "unproven-binary",
            Miss::UnreadableBinary => "unreadable-binary",
            Miss::OutsideFile => "outside-file",
            Miss::NotCode => "not-code",
            Miss::Padding => "padding",
            Miss::NoTable => "no-table",
            Miss::UnprovenTable => "unproven-table",
            Miss::UnknownTable => "unknown-table",
            Miss::DamagedTable => "damaged-table",
            Miss::NotAnAddress => "not-an-address",
        }
    }

    /// What it means, for people.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Miss::NoMapping => "no mapping of the profile holds the address",
            Miss::KernelPage => "a page of the kernel mapped into the process",
            Miss::NoBinary => "no binary was found for the mapping",
            Miss::WrongBinary => "the binary found is not the one that ran",
            Miss::UnprovenBinary => "nothing proves that the binary found is the one that ran",
            Miss::UnreadableBinary => "the binary found cannot be read",
            Miss::OutsideFile => "the binary loads nothing at the address",
            Miss::NotCode => "the binary has no code at the address",
            Miss::Padding => "filler between two functions",
            Miss::NoTable => "no table of the binary describes the code (stripped C code)",
            Miss::UnprovenTable => "the base of the Go function table is not proven",
            Miss::UnknownTable => "the Go function table is of an unknown kind (garbled, another machine, a newer Go)",
            Miss::DamagedTable => "the function table contradicts itself",
            Miss::NotAnAddress => "not a number",
        }
    }
}
