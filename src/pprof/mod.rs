//! Bytes <-> model: everything that a profile can be written as, told apart by content and never by name.
//!
//! `decode` and `encode` are the protobuf format; `inflate` takes gzip and zstd off under a ceiling. Nothing here opens a
//! file: `bundle` does.
