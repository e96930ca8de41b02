//! Any bytes -> a profile: unpacks them, tells by content what they are, and names what they are by mistake.

use std::borrow::Cow;

use super::{DecodeError, DecodeNotes, InflateError, Limit, decode, gotext, inflate, legacy, mistakes};
use crate::model::Profile;

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
    #[error(
        "not a profile: {0}\nhint: expected profile.proto (gzip, zstd or raw), a Go debug=1 or debug=2 text, or a legacy pprof format"
    )]
    Decode(#[from] DecodeError),
}

fn inflate_hint(e: &InflateError) -> &'static str {
    match e {
        InflateError::TooLarge { .. } => "raise the limit with --max-size if you trust the file",
        _ => "the download was cut or damaged; fetch the profile again",
    }
}

/// Unpacks and reads `packed`. With `plain`, as `go tool pprof` does: names and labels in comment lines do not count and
/// goroutine dumps are not read.
///
/// # Errors
/// What the bytes are instead, and where they stop being a profile.
pub fn read(packed: Vec<u8>, limit: Limit, plain: bool) -> Result<Read, ReadError> {
    let bytes = match inflate(&packed, limit)? {
        Cow::Borrowed(_) => packed,
        Cow::Owned(bytes) => {
            drop(packed);
            bytes
        }
    };
    if bytes.is_empty() {
        return Err(ReadError::Mistake(mistakes::Mistake::Empty));
    }
    if !plain {
        if let Some(read) = go_text(&bytes) {
            return read;
        }
    }
    let error = match decode(&bytes) {
        Ok((profile, notes)) => {
            return Ok(Read {
                profile,
                form: Form::Proto,
                notes,
            });
        }
        Err(e) => e,
    };
    match legacy::parse(&bytes) {
        Ok(Some(profile)) => {
            return Ok(Read {
                profile,
                form: Form::Legacy,
                notes: DecodeNotes::default(),
            });
        }
        Ok(None) => {}
        Err(e) => return Err(e.into()),
    }
    match mistakes::recognise(&bytes) {
        Some(mistake) => Err(ReadError::Mistake(mistake)),
        None => Err(error.into()),
    }
}

/// Go's own texts, where the bytes are one.
fn go_text(bytes: &[u8]) -> Option<Result<Read, ReadError>> {
    match gotext::parse(bytes) {
        Ok(Some(text)) => Some(Ok(Read {
            profile: text.profile,
            form: Form::GoText,
            notes: DecodeNotes::default(),
        })),
        Ok(None) => None,
        Err(e) => Some(Err(e.into())),
    }
}
