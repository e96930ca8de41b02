//! From addresses to names: reads Go binaries, proves that a binary is the one that ran, and names every frame or says
//! why not ([`Miss`]).

mod apply;
pub mod archive;
mod binary;
pub mod buildid;
pub mod buildinfo;
pub mod disasm;
mod dwarf;
pub mod elf;
mod error;
pub mod facts;
pub mod identity;
pub mod locate;
mod miss;
pub mod names;
pub mod pclntab;
pub mod space;
pub mod stack;
mod symtab;

pub use apply::{Coverage, Single, apply, survey};
pub use binary::{Binary, Frame, LinkMode, Source};
pub use dwarf::Dwarf;
pub use error::{BinaryError, NotElf};
pub use miss::Miss;
pub use symtab::SymbolTable;
