//! Explains a sick Kubernetes kubelet from profiles taken before anyone restarted it.
//!
//! A [`Subject`] is the profile under study; a [`Query`] asks it for a [`View`]; every analysis of the view answers with a
//! report, which is plain data. The numbers are those of the command: `kubeprof top --by subsystem tuesday.pb.gz`.
//!
//! ```
//! use kubeprof::{Granularity, Query};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (monday, tuesday) = ("fixtures/compat/heap.pb.gz", "fixtures/compat/heap-later.pb.gz");
//! let old = kubeprof::open(monday)?;
//! let new = kubeprof::open(tuesday)?;
//! for note in &new.notes {
//!     eprintln!("note: {note}");
//! }
//! let query = Query::by(Granularity::Subsystems);
//! let view = new.view(&query)?;
//! for row in view.top().rows {
//!     println!("{:>12} {}", view.text(row.flat), row.name);
//! }
//! for row in old.diff(&new, &query)?.rows {
//!     println!("{:>+12} {}", row.flat(), row.name);
//! }
//! # assert!(!view.top().rows.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Sources
//!
//! A *bundle* holds the *profiles* of a capture, its manifest, and perhaps the *binary* that ran. [`Sources`] names files,
//! folders, tars or bundles, and says what to take of them. Each is opened once.
//!
//! ```
//! use kubeprof::{Choice, Kind, Sources, Which};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let heap = Sources {
//!     kind: Some(Kind::Heap),
//!     choice: Choice {
//!         snapshot: Some(Which::First),
//!         ..Choice::default()
//!     },
//!     ..Sources::new(["fixtures/captures/healthy-1.37.2"])
//! };
//! assert_eq!(heap.subject()?.kind(), Kind::Heap);
//! # Ok(())
//! # }
//! ```
//!
//! Names come from the profile, from the bundle's binary, or from one that [`Naming`] names; a binary that is provably
//! another one is refused.
//!
//! # Errors and notes
//!
//! Errors say what failed and where (file, byte offset or build ID) on one line; `hint()` of an error says what to do. Notes
//! say what did not stop an answer but limits it: [`Subject::notes`] of the reading, [`View::notes`] of the query. Both are for
//! printing.
//!
//! # Series
//!
//! A [`Series`] lists the snapshots of one process in time order. Nothing of it is decoded until it is asked for.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let input = kubeprof::Sources::new(["fixtures/captures/healthy-1.37.2"]).open()?;
//! for series in input.series() {
//!     println!("{} of build {}", series.moments.len(), series.build_id);
//! }
//! # assert!(input.series().next().is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `cli` (default) is the command; `shell` (default) its prompt. `debuginfod` and `capture` (default) use the network, and
//! nothing else does: without them there is no network crate. `web` serves pages to a browser. `graviola` replaces ring, which needs a C compiler. The
//! library alone is `default-features = false`.
//!
//! # Stability
//!
//! What this page lists is the library. The rooms behind it (`kubeprof::analysis` and its neighbours) are public for the
//! command and for the project's own tests, are not listed here, and change without notice.
#![deny(clippy::print_stderr)] // it panics when nobody reads it; `cli::say` does not

#[doc(hidden)]
pub mod analysis;
mod atomic;
#[doc(hidden)]
pub mod bundle;
#[cfg(feature = "capture")]
#[doc(hidden)]
pub mod capture;
#[doc(hidden)]
pub mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod diagnose;
#[doc(hidden)]
pub mod input;
#[doc(hidden)]
pub mod kubelet;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod pprof;
#[doc(hidden)]
pub mod render;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod secrets;
#[doc(hidden)]
pub mod symbolize;
#[cfg(feature = "tls")]
#[doc(hidden)]
pub mod tls;
#[cfg(feature = "web")]
#[doc(hidden)]
pub mod web;

#[doc(inline)]
pub use analysis::{
    Census, Diff, DiffRow, Flame, FlameLimits, GoroutineQuery, Goroutines, Granularity, Header, Listing, Query, Sort,
    Tags, Top, TopRow, Trace, Traces, Tree, TreeEdge, TreeNode, Trim, View,
};
#[doc(inline)]
pub use input::{Artifact, Bases, Choice, Input, Moment, Naming, Series, Sources, Subject, Symbolize, Which, open};
#[doc(inline)]
pub use model::Kind;
#[doc(inline)]
pub use pprof::{Form, Limit};
