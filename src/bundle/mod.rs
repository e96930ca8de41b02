//! Where profiles come from: files, folders, bundles, standard input; and how bundles are written.
//!
//! This room opens files; what their bytes mean, `pprof` decides. A bundle is what `capture` leaves: [`manifest`] says what
//! a journal holds, [`Record`] folds it up, [`names`] places files, [`Writer`] writes them, [`facts`] decodes them. Bundles and tars are read in place
//! as [`Contents`]; [`choose`] says what a command sees of a bundle.

pub mod archive;
mod contents;
mod disk;
pub mod facts;
mod go_sources;
mod goroutine_forms;
mod kind;
pub mod manifest;
mod merge;
pub mod names;
mod pack;
mod packer;
mod record;
pub mod redact;
pub mod secrets;
mod select;
mod source;
mod source_code;
mod source_error;
mod staging;
mod survey;
pub mod verify;
mod writer;

pub use contents::{BundledBinary, Contents, Want};
pub use go_sources::GoSources;
pub use goroutine_forms::{GoroutineForms, load_goroutines};
pub use kind::Kind;
pub use merge::{BundleMergeError, MergedBundles, merge_bundles};
pub use pack::{Packed, Packing, pack, unpack};
pub use record::{JournalFacts, Lack, NodeRecord, Record, RunRecord, SnapshotRecord};
pub use select::{Choice, Chosen, PREFERRED, Which, choose};
pub use source::{Loaded, SourceNote, Sources, load, load_ends, open_bundle, read_bytes, read_one, read_profile};
pub use source_code::{SourceCode, SourceFile, system_reason};
pub use source_error::SourceError;
pub use survey::{Surveyed, SurveyedProfile, survey};
pub use writer::{KeepError, Mended, Part, WriteError, Writer, now};
