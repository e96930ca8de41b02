//! Report -> bytes: one file a format. Nothing is computed here.
//!
//! [`pprof`] prints the very bytes of `go tool pprof`.

pub mod pprof;
