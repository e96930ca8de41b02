//! What a profile is: plain tables, no file, no format, no terminal.
//!
//! Everything is addressed by `u32` newtypes ([`StringId`], [`FunctionId`], [`LocationId`], [`MappingId`], [`StackId`])
//! that index into the tables of the [`Profile`] that made them; using one with another profile is nonsense. Invariants,
//! kept by every constructor in `pprof` and by [`Profile::check`]: ids are in range, offsets are monotone, every sample
//! has one value per sample type, string 0 is `""`. So nobody downstream checks again.
//!
//! Reading and writing bytes is in `pprof`; what names mean is in `kubelet`; questions are in `analysis`.

mod align;
mod compact;
mod decimals;
pub mod evidence;
pub mod goroutine_label;
mod id;
mod kind;
mod merge;
mod profile;
mod samples;
mod scale;
mod strings;
pub mod units;

pub use align::{MergeError, align};
pub use compact::compact;
pub use id::{FunctionId, LocationId, MappingId, StackId, StringId};
pub use kind::Kind;
pub use merge::{MergeOptions, merge};
pub use profile::{Function, Invalid, Line, Location, Mapping, Profile, ValueType};
pub use samples::{Label, LabelKind, Samples, Stacks};
pub use strings::StringTable;
