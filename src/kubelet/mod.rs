//! What the names in a kubelet's profile mean.
//!
//! Pure functions over names: no file, no terminal, no profile. `names` takes a Go symbol apart, `knowledge` says which
//! subsystem it belongs to, and in time `attribution` says who owns a stack.

pub mod knowledge;
pub mod names;
mod paths;

pub use knowledge::{FunctionClass, Knowledge, KnowledgeError, Role, Subsystem, SubsystemId};
pub use names::{GoName, NameKind, Receiver, SymbolParts};
