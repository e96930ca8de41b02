//! Any bytes -> a profile: unpacks them, tells by content what they are, and names what they are by mistake.

use std::borrow::Cow;

use super::decode_error::DecodeErrorKind;
use super::goroutines::{self, GoroutineDump, Truncation};
use super::gotext::{self, GoText, GoTextKind};
use super::{DecodeError, DecodeNotes, InflateError, Limit, decode, inflate, legacy, mistakes};
use crate::model::Profile;
use crate::model::units::counted;

/// What bytes were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// `profile.proto`.
    Proto,
    /// A text or binary format from before `profile.proto`, without names.
    Legacy,
    /// A `debug=1` text of Go, with its names and labels.
    GoText,
    /// A `debug=2` goroutine dump.
    GoroutineDump,
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Form::Proto => "profile.proto",
            Form::Legacy => "legacy format",
            Form::GoText => "Go text (debug=1)",
            Form::GoroutineDump => "goroutine dump (debug=2)",
        })
    }
}

/// A profile and what is worth saying about its bytes.
#[derive(Debug, Clone)]
pub struct Read {
    /// The profile.
    pub profile: Profile,
    /// What the bytes were.
    pub form: Form,
    /// Oddities of a `profile.proto`.
    pub notes: DecodeNotes,
    /// What a text lacks.
    pub remarks: Vec<Remark>,
    /// The dump that the profile was made of: one by one, with parents.
    pub dump: Option<Box<GoroutineDump>>,
}

/// What a text cannot say or does not say in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// HTTP headers stood before the profile.
    HttpHeaders,
    /// The file was compressed twice.
    PackedTwice,
    /// A `debug=1` text ends early.
    TextTruncated,
    /// A goroutine dump ends early.
    DumpTruncated(Truncation),
    /// The text of heap and allocs is the same.
    HeapOrAllocs,
    /// So many frames of the runtime at the leaf have an address and no name.
    UnnamedRuntimeFrames(u64),
    /// The mutex profile holds one of so many events; whether values are scaled up depends on the Go version.
    MutexFraction(i64),
    /// So many goroutines have frames left out in the middle or at the end.
    ElidedFrames(u64),
    /// So many goroutines were running and have no stack.
    NoStack(u64),
    /// So many lines are no part of any goroutine.
    SkippedLines(u64),
    /// So many goroutines of a dump are leaked, of so many.
    Leaked(u64, u64),
    /// So many goroutines have the number of another one.
    RepeatedIds(u64),
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Remark::HttpHeaders => write!(f, "HTTP headers before the profile are skipped"),
            Remark::PackedTwice => write!(f, "the file is compressed twice; both are unpacked"),
            Remark::TextTruncated => write!(f, "the text ends early; it is read as far as it goes"),
            Remark::DumpTruncated(Truncation::RuntimeLimit) => {
                write!(
                    f,
                    "the runtime ends a dump at 64 MiB; the goroutines behind that are missing"
                )
            }
            Remark::DumpTruncated(Truncation::Cut) => write!(f, "the dump ends early; it is read as far as it goes"),
            Remark::DumpTruncated(Truncation::TooLong) => write!(f, "only the first GiB of the dump is read"),
            Remark::HeapOrAllocs => write!(
                f,
                "heap and allocs have the same text; it is shown as heap, with --kind allocs as allocs"
            ),
            Remark::UnnamedRuntimeFrames(n) => {
                write!(
                    f,
                    "the text hides the names of {}; the binary or profile.proto has them",
                    counted(n, "runtime frame", "runtime frames")
                )
            }
            Remark::MutexFraction(n) => {
                write!(
                    f,
                    "one of {n} mutex events was recorded; values are right for Go 1.20 and later"
                )
            }
            Remark::ElidedFrames(n) => {
                let goroutines = counted(n, "goroutine has", "goroutines have");
                write!(f, "{goroutines} frames left out of the dump")
            }
            Remark::NoStack(n) => {
                let goroutines = counted(n, "goroutine was", "goroutines were");
                let threads = if n == 1 {
                    "another thread and has"
                } else {
                    "other threads and have"
                };
                write!(f, "{goroutines} running on {threads} no stack")
            }
            Remark::SkippedLines(n) => write!(f, "{} no part of a goroutine", counted(n, "line is", "lines are")),
            Remark::Leaked(n, of) => write!(
                f,
                "{n} of {} marked as leaked: nothing can wake what is; --kind goroutineleak takes no others",
                counted(of, "goroutine", "goroutines")
            ),
            Remark::RepeatedIds(n) => write!(
                f,
                "goroutine IDs repeat: this looks like several dumps in one file; {} counted more than once",
                counted(n, "goroutine is", "goroutines are")
            ),
        }
    }
}

/// Why bytes are no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// They cannot be unpacked.
    #[error("{source}\nhint: {}", inflate_hint(source))]
    Inflate {
        /// Why.
        #[from]
        source: InflateError,
    },
    /// They are something else, which people save by mistake.
    #[error("{0}")]
    Mistake(mistakes::Mistake),
    /// They start as a legacy profile and break its rules.
    #[error("{0}")]
    Legacy(#[from] legacy::LegacyError),
    /// They are a damaged profile, or nothing known.
    #[error("not a profile: {source}\nhint: {}", decode_hint(source))]
    Decode {
        /// What is wrong where.
        #[from]
        source: DecodeError,
    },
}

fn inflate_hint(e: &InflateError) -> String {
    match *e {
        InflateError::TooLarge { .. } => "raise the limit with --max-size if you trust the file".to_owned(),
        InflateError::Truncated { format, .. } => mistakes::Mistake::Truncated { format, have: 0 }.remedy(),
        InflateError::Damaged { format, .. } => mistakes::Mistake::Damaged { format }.remedy(),
    }
}

fn decode_hint(e: &DecodeError) -> String {
    if matches!(e.kind, DecodeErrorKind::Concatenated) {
        return "save each profile in a file of its own; several files of one kind are added up".to_owned();
    }
    "expected profile.proto (gzip, zstd or raw), a Go debug=1 or debug=2 text, or a legacy pprof format".to_owned()
}

/// Unpacks and reads `packed`. With `plain`, as `go tool pprof` does: names and labels in comment lines do not count and
/// goroutine dumps are not read.
///
/// # Errors
/// What the bytes are instead, and where they stop being a profile.
pub fn read(packed: impl AsRef<[u8]>, limit: Limit, plain: bool) -> Result<Read, ReadError> {
    read_any(packed.as_ref(), limit, plain, None)
}

/// What is known of the goroutines of a dump beside what the dump says: for each the owner that it has from its parent.
pub type ParentOwners<'a> = &'a dyn Fn(&GoroutineDump) -> Vec<Option<String>>;

/// As [`read`]; the profile of a dump has a label with the owner that a goroutine has from its parent.
///
/// # Errors
/// As for [`read`].
pub fn read_owned(packed: impl AsRef<[u8]>, limit: Limit, owners: ParentOwners<'_>) -> Result<Read, ReadError> {
    read_any(packed.as_ref(), limit, false, Some(owners))
}

fn read_any(packed: &[u8], limit: Limit, plain: bool, owners: Option<ParentOwners<'_>>) -> Result<Read, ReadError> {
    if !plain
        && let Some((200..=299, body)) = mistakes::http_response(packed)
        && let Ok(mut read) = unpack_and_read(&packed[body..], limit, plain, owners)
    {
        read.remarks.push(Remark::HttpHeaders);
        return Ok(read);
    }
    unpack_and_read(packed, limit, plain, owners)
}

fn unpack_and_read(
    packed: &[u8],
    limit: Limit,
    plain: bool,
    owners: Option<ParentOwners<'_>>,
) -> Result<Read, ReadError> {
    let bytes = inflate(packed, limit)?;
    // What a server packs and a client packs again.
    if let (false, Cow::Owned(outer)) = (plain, &bytes)
        && let Cow::Owned(inner) = inflate(outer, Limit::Bytes(limit.bytes(packed.len())))?
    {
        let mut read = read_unpacked(&inner, plain, owners)?;
        read.remarks.push(Remark::PackedTwice);
        return Ok(read);
    }
    read_unpacked(&bytes, plain, owners)
}

fn read_unpacked(bytes: &[u8], plain: bool, owners: Option<ParentOwners<'_>>) -> Result<Read, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Mistake(mistakes::Mistake::Empty));
    }
    if !plain && let Some(read) = go_text(bytes) {
        return read;
    }
    let error = match decode(bytes) {
        Ok((profile, notes)) => {
            return Ok(Read {
                profile,
                form: Form::Proto,
                notes,
                remarks: Vec::new(),
                dump: None,
            });
        }
        Err(e) => e,
    };
    if !plain && let Some(dump) = goroutines::parse(bytes) {
        return Ok(from_dump(dump, owners));
    }
    match legacy::parse(bytes) {
        Ok(Some(profile)) => {
            return Ok(Read {
                profile,
                form: Form::Legacy,
                notes: DecodeNotes::default(),
                remarks: Vec::new(),
                dump: None,
            });
        }
        Ok(None) => {}
        Err(e) => return Err(e.into()),
    }
    match mistakes::recognise(bytes) {
        Some(mistake) => Err(ReadError::Mistake(mistake)),
        None => Err(error.into()),
    }
}

/// Go's own texts, where the bytes are one.
fn go_text(bytes: &[u8]) -> Option<Result<Read, ReadError>> {
    match gotext::parse(bytes) {
        Ok(Some(text)) => Some(Ok(from_text(text))),
        Ok(None) => None,
        Err(e) => Some(Err(e.into())),
    }
}

fn from_text(text: GoText) -> Read {
    let notes = &text.notes;
    let mut remarks = Vec::new();
    if notes.truncated {
        remarks.push(Remark::TextTruncated);
    }
    if text.kind == GoTextKind::Heap {
        remarks.push(Remark::HeapOrAllocs);
    }
    if notes.unnamed_runtime_frames > 0 {
        remarks.push(Remark::UnnamedRuntimeFrames(notes.unnamed_runtime_frames));
    }
    if let Some(n) = notes.mutex_fraction.filter(|&n| n > 1) {
        remarks.push(Remark::MutexFraction(n));
    }
    Read {
        profile: text.profile,
        form: Form::GoText,
        notes: DecodeNotes::default(),
        remarks,
        dump: None,
    }
}

fn from_dump(dump: GoroutineDump, owners: Option<ParentOwners<'_>>) -> Read {
    let count =
        |what: &dyn Fn(&goroutines::Goroutine) -> bool| dump.goroutines.iter().filter(|g| what(g)).count() as u64;
    let numbers = [
        Remark::ElidedFrames(count(&|g| g.gap.is_some())),
        Remark::NoStack(count(&|g| g.stack_unavailable)),
        Remark::SkippedLines(dump.skipped.preamble_lines + dump.skipped.other_lines),
        Remark::Leaked(dump.leaked(), dump.goroutines.len() as u64),
        Remark::RepeatedIds(dump.repeated()),
    ];
    let is_some = |r: &Remark| {
        !matches!(
            r,
            Remark::ElidedFrames(0)
                | Remark::NoStack(0)
                | Remark::SkippedLines(0)
                | Remark::Leaked(0, _)
                | Remark::RepeatedIds(0)
        )
    };
    let mut remarks: Vec<Remark> = dump.truncated.map(Remark::DumpTruncated).into_iter().collect();
    remarks.extend(numbers.into_iter().filter(is_some));
    Read {
        profile: dump.to_owned_profile(owners),
        form: Form::GoroutineDump,
        notes: DecodeNotes::default(),
        remarks,
        dump: Some(Box::new(dump)),
    }
}
