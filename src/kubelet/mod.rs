//! What the names in a kubelet's profile mean.
//!
//! Pure functions over names: no file, no terminal, no profile. `names` takes a Go symbol apart, `knowledge` says which
//! subsystem a function belongs to, `attribution` who owns a stack and what it waits for, `goroutine_forms` what the
//! forms of one goroutine snapshot say about each other, `package_pattern` which packages a user means.

pub mod attribution;
pub mod goroutine_forms;
pub mod knowledge;
pub mod names;
mod near;
pub mod package_pattern;
mod paths;
mod table;

pub use attribution::{Attribution, Clues, OwnerRule, Sense, attribute};
pub use goroutine_forms::{CountedStack, DumpStack, Evidence, FrameKey, FrameKeys, Joined, Started, adopt, join};
pub use knowledge::{FunctionClass, Knowledge, Role, Subsystem, SubsystemId};
pub use names::{GoName, NameKind, Receiver, SymbolParts};
pub use near::{alike, nearest};
pub use package_pattern::{PackagePatterns, PatternError};
pub use table::KnowledgeError;
