//! Bytes <-> model: everything that a profile can be written as, told apart by content and never by name.
//!
//! `decode` and `encode` are the protobuf format; `inflate` takes gzip and zstd off under a ceiling. Nothing here
//! opens a file: `bundle` does.

mod carrier;
mod decode;
mod decode_error;
mod encode;
mod frames;
pub mod goroutines;
pub mod gotext;
mod inflate;
pub mod legacy;
mod line_ends;
mod long;
mod mail;
pub mod mistakes;
#[expect(unreachable_pub, reason = "generated as it is")]
mod proto;
mod read;
mod remark;
mod salvage;
mod scan;
mod tables;
mod text;
mod wire;

pub use decode::{DecodeNotes, decode};
pub use decode_error::{DecodeError, DecodeErrorKind};
pub use encode::{Compression, encode, encode_gzip, encode_gzip_as_read};
pub(crate) use frames::Frames;
pub use inflate::{Encoding, InflateError, Limit, encoding, inflate};
pub use line_ends::LineEnd;
pub use long::{Again, Content, Long};
pub use read::{Form, ParentOwners, Read, ReadError, read, read_owned};
pub use remark::Remark;
pub use salvage::Conversion;
