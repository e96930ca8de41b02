//! The format of a bundle: how it is written, read in place, verified, packed, merged and redacted.
//!
//! A bundle is what `capture` leaves: [`manifest`] says what a journal holds, [`Record`] folds it up, [`names`] places files,
//! [`Writer`] writes them, [`facts`] decodes them. Bundles and tars are read in place as [`Contents`]. Which of its profiles
//! a command sees, `input` decides.

pub mod archive;
mod contents;
mod disk;
pub mod facts;
mod hashed;
pub mod manifest;
mod merge;
pub mod names;
mod pack;
mod packer;
mod reason;
mod record;
pub mod redact;
mod staging;
pub mod verify;
mod write_error;
mod writer;

pub use contents::{BundledBinary, Contents, Want};
pub use merge::{BundleMergeError, MergedBundles, merge_bundles};
pub use pack::{Packed, Packing, pack, unpack};
pub use record::{JournalFacts, Lack, NodeRecord, Record, RunRecord, SnapshotRecord};
pub use write_error::{KeepError, Mended, WriteError};
pub use writer::{Part, Writer, now};
