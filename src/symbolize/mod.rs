//! From addresses to names: reads Go binaries, proves that a binary is the one that ran, and names every frame or says
//! why not ([`Miss`]).

pub mod elf;
mod error;
mod miss;
pub mod pclntab;

pub use error::BinaryError;
pub use miss::Miss;
