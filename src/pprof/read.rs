//! Any bytes -> a profile: unpacks them, tells by content what they are, and names what they are by mistake.

use std::borrow::Cow;

use super::carrier;
use super::decode_error::DecodeErrorKind;
use super::goroutines::{self, DumpChoice, Dumps, GoroutineDump};
use super::gotext::{self, GoText, GoTextKind};
use super::inflate::{Unpacked, inflate_lenient};
use super::remark::Remark;
use super::{
    DecodeError, DecodeNotes, InflateError, Limit, decode, inflate, legacy, line_ends, long, mail, mistakes, salvage,
    text,
};
use crate::model::evidence::Evidence;
use crate::model::{self, MergeOptions, Profile};

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
    /// The goroutine dumps of a text, and which of them the profile is made of.
    pub dumps: Option<Box<Dumps>>,
}

impl Read {
    /// A profile of some form.
    pub(super) fn of(profile: Profile, form: Form) -> Self {
        Self {
            profile,
            form,
            notes: DecodeNotes::default(),
            remarks: Vec::new(),
            dumps: None,
        }
    }
}

/// Why bytes are no profile.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// They cannot be unpacked.
    #[error("{source}")]
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
    /// A log without a goroutine dump that says how a kubelet came to an end.
    #[error("log without a goroutine dump; it says how a kubelet came to an end")]
    NoDump(Box<Evidence>),
    /// There is no dump of that number.
    #[error("no dump {asked}")]
    NoSuchDump {
        /// Which was asked for.
        asked: usize,
        /// How many there are.
        have: usize,
    },
    /// They are a damaged profile, or nothing known.
    #[error("not a profile: {source}")]
    Decode {
        /// What is wrong where.
        #[from]
        source: DecodeError,
    },
}

impl ReadError {
    /// What to do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Inflate { source } => match *source {
                InflateError::TooLarge { .. } => "raise the limit if you trust the file".into(),
                InflateError::Truncated { format, .. } => {
                    mistakes::Mistake::Truncated { format, have: 0 }.remedy().into()
                }
                InflateError::Damaged { format, .. } => mistakes::Mistake::Damaged { format }.remedy().into(),
            },
            Self::Mistake(mistake) => mistake.remedy().into(),
            Self::NoDump(_) => mistakes::Mistake::Log.remedy().into(),
            Self::Legacy(_) => return None,
            Self::NoSuchDump { have, .. } => format!("the text has {have}, counted from 1").into(),
            Self::Decode { source } if matches!(source.kind, DecodeErrorKind::Concatenated) => {
                "save each profile in a file of its own; several files of one kind are added up".into()
            }
            Self::Decode { .. } => {
                "expected profile.proto (gzip, zstd or raw), a Go debug=1 or debug=2 text, or a legacy pprof format"
                    .into()
            }
        })
    }
}

/// Unpacks and reads `packed`. With `plain`, as `go tool pprof` does: names and labels in comment lines do not count and
/// goroutine dumps are not read.
///
/// # Errors
/// What the bytes are instead, and where they stop being a profile.
pub fn read(packed: impl AsRef<[u8]>, limit: Limit, plain: bool) -> Result<Read, ReadError> {
    if !plain {
        return read_any(packed.as_ref(), limit, None);
    }
    match inflate(packed.as_ref(), limit)? {
        Cow::Owned(bytes) => {
            // The decoder needs memory of its own.
            drop(packed);
            read_plain(&bytes)
        }
        Cow::Borrowed(bytes) => read_plain(bytes),
    }
}

/// What is known of the goroutines of a dump beside what the dump says: for each the owner that it has from its parent.
pub type ParentOwners<'a> = &'a dyn Fn(&GoroutineDump) -> Vec<Option<String>>;

/// As [`read`]; the profile of a dump has a label with the owner that a goroutine has from its parent.
///
/// # Errors
/// As for [`read`].
pub fn read_owned(packed: impl AsRef<[u8]>, limit: Limit, owners: ParentOwners<'_>) -> Result<Read, ReadError> {
    read_any(packed.as_ref(), limit, Some(owners))
}

fn read_any(packed: &[u8], limit: Limit, owners: Option<ParentOwners<'_>>) -> Result<Read, ReadError> {
    if let Some((200..=299, body)) = mistakes::http_response(packed)
        && let Ok(mut read) = unpack_and_read(&packed[body..], limit, owners)
    {
        read.remarks.push(Remark::HttpHeaders);
        return Ok(read);
    }
    let error = match unpack_and_read(packed, limit, owners) {
        Ok(read) => return Ok(read),
        Err(e) => e,
    };
    // What starts as a packed file and unpacks has nothing in front of it: a stream that follows is a second profile.
    if is_packed(packed) && inflate_lenient(packed, limit).is_ok() {
        return Err(error);
    }
    if let Some(read) = undone(packed) {
        return Ok(read);
    }
    for start in salvage::starts(packed) {
        if let Ok(unpacked) = inflate_lenient(&packed[start..], limit)
            && let Ok(mut read) = decoded(&unpacked.bytes)
        {
            read.remarks.push(Remark::Behind(start as u64));
            return Ok(read);
        }
    }
    Err(error)
}

/// A profile that is not packed and that a conversion of texts went over, where it can be undone.
fn undone(bytes: &[u8]) -> Option<Read> {
    salvage::raw(bytes).into_iter().find_map(|(bytes, conversion)| {
        let mut read = decoded(&bytes).ok()?;
        read.remarks.push(Remark::ConvertedRaw(conversion));
        Some(read)
    })
}

/// Whether a file starts as gzip or zstd does.
fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b\x08") || bytes.starts_with(b"\x28\xb5\x2f\xfd")
}

fn unpack_and_read(packed: &[u8], limit: Limit, owners: Option<ParentOwners<'_>>) -> Result<Read, ReadError> {
    let (bytes, remark) = match inflate_lenient(packed, limit) {
        Ok(Unpacked { bytes, trailing: 0 }) => (bytes, None),
        Ok(Unpacked { bytes, trailing }) => (bytes, Some(Remark::Trailing(trailing as u64))),
        Err(e) => match (salvage::unpack(packed, limit), salvage::conversion(packed)) {
            (Some((bytes, conversion)), _) => (Cow::Owned(bytes), Some(Remark::Converted(conversion))),
            (None, Some(conversion)) => return Err(ReadError::Mistake(mistakes::Mistake::Converted(conversion))),
            (None, None) => return Err(e.into()),
        },
    };
    // What a conversion left does not look packed any more.
    let undone = match &bytes {
        Cow::Borrowed(bytes) => salvage::unpack(bytes, limit),
        Cow::Owned(_) => None,
    };
    let (bytes, remark) = match undone {
        Some((bytes, conversion)) => (Cow::Owned(bytes), Some(Remark::Converted(conversion))),
        None => (bytes, remark),
    };
    // What a server packs and a client packs again.
    let twice = match &bytes {
        Cow::Owned(outer) => match inflate(outer, Limit::Bytes(limit.bytes(packed.len())))? {
            Cow::Owned(inner) => Some(inner),
            Cow::Borrowed(_) => None,
        },
        Cow::Borrowed(_) => None,
    };
    let (bytes, remark) = match twice {
        Some(inner) => (Cow::Owned(inner), Some(Remark::PackedTwice)),
        None => (bytes, remark),
    };
    let mut read = read_unpacked(&bytes, owners)?;
    read.remarks.extend(remark);
    Ok(read)
}

/// A `profile.proto`.
fn decoded(bytes: &[u8]) -> Result<Read, DecodeError> {
    let (profile, notes) = decode(bytes)?;
    Ok(Read {
        notes,
        ..Read::of(profile, Form::Proto)
    })
}

fn read_unpacked(bytes: &[u8], owners: Option<ParentOwners<'_>>) -> Result<Read, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Mistake(mistakes::Mistake::Empty));
    }
    let wide = (text::utf32(bytes).map(|text| (text, Remark::Utf32)))
        .or_else(|| text::utf16(bytes).map(|text| (text, Remark::Utf16)));
    if let Some((text, remark)) = wide {
        let other = Err(ReadError::Mistake(match remark {
            Remark::Utf16 => mistakes::Mistake::Utf16,
            _ => mistakes::Mistake::Utf32,
        }));
        let mut read = read_text(text.as_bytes(), owners).unwrap_or(other)?;
        read.remarks.push(remark);
        return Ok(read);
    }
    if let Some(mut read) = mail::parts(bytes).iter().find_map(|part| read_part(part, owners)) {
        read.remarks.push(Remark::Mail);
        return Ok(read);
    }
    let error = match read_lines(bytes, owners) {
        Ok(read) => return Ok(read),
        Err(e) => e,
    };
    let Some((text, end)) = line_ends::with_line_feeds(bytes).filter(|(text, _)| text::is_text(text)) else {
        return Err(error);
    };
    match read_lines(&text, owners) {
        Ok(mut read) => {
            read.remarks.push(Remark::LineEnds(end));
            Ok(read)
        }
        Err(e @ ReadError::NoDump(_)) => Err(e),
        // A readable text is none of a protobuf.
        Err(e) if matches!(error, ReadError::Decode { .. }) => Err(e),
        Err(_) => Err(error),
    }
}

/// A decoded part of a mail.
fn read_part(part: &[u8], owners: Option<ParentOwners<'_>>) -> Option<Read> {
    let unpacked = inflate_lenient(part, Limit::Proportional).ok()?;
    read_lines(&unpacked.bytes, owners).ok()
}

/// A profile, or a text in UTF-8 whose lines end as usual.
fn read_lines(bytes: &[u8], owners: Option<ParentOwners<'_>>) -> Result<Read, ReadError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Blanks that do not break, as browsers copy them, would hide the names.
    let plain = match gotext::begins(text) && memchr::memchr(0xc2, text).is_some() {
        true => Cow::Owned(carrier::plain(text)),
        false => Cow::Borrowed(text),
    };
    let strict = match gotext::parse(&plain) {
        Ok(Some(text)) => return Ok(from_text(text)),
        Ok(None) => None,
        Err(e) => Some(e),
    };
    let error = match decoded(bytes) {
        Ok(read) => return Ok(read),
        Err(e) => e,
    };
    if let Some(read) = read_text(bytes, owners) {
        return read;
    }
    if let Some(e) = strict {
        return Err(e.into());
    }
    read_others(bytes, error)
}

/// As `go tool pprof` reads it.
fn read_plain(bytes: &[u8]) -> Result<Read, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Mistake(mistakes::Mistake::Empty));
    }
    match decoded(bytes) {
        Ok(read) => Ok(read),
        Err(e) => read_others(bytes, e),
    }
}

/// Legacy formats, and what is no profile. `error` is why the bytes are no `profile.proto`.
fn read_others(bytes: &[u8], error: DecodeError) -> Result<Read, ReadError> {
    if let Some(profile) = legacy::parse(bytes)? {
        return Ok(Read::of(profile, Form::Legacy));
    }
    // Where a text breaks the rules of protobuf says nothing about it.
    match mistakes::recognise(bytes).or_else(|| mistakes::unknown_text(bytes)) {
        Some(mistake) => Err(ReadError::Mistake(mistake)),
        None => Err(error.into()),
    }
}

/// What people paste and loggers write: dumps of goroutines, and `debug=1` texts with something around them.
fn read_text(bytes: &[u8], owners: Option<ParentOwners<'_>>) -> Option<Result<Read, ReadError>> {
    let dumps = goroutines::parse_all(bytes);
    if !dumps.list.is_empty() {
        return Some(Ok(in_order(bytes, dumps, owners)));
    }
    let within = match gotext::parse_within(bytes) {
        Ok(Some(within)) => within,
        Ok(None) => return without_dump(&dumps).map(Err),
        Err(e) => return Some(Err(e.into())),
    };
    let mut read = match within.text {
        Some(text) => from_text(text),
        None => match legacy::parse(&within.clean) {
            Ok(profile) => Read::of(profile?, Form::Legacy),
            Err(e) => return Some(Err(e.into())),
        },
    };
    if within.other_lines > 0 {
        read.remarks.push(Remark::AroundText(within.other_lines, within.offset));
    }
    if within.more > 0 {
        read.remarks.push(Remark::MoreTexts(within.more));
    }
    Some(Ok(read))
}

/// The dumps of a text, read from its end where it is newest first, as `journalctl --reverse` and log viewers print; of a
/// list in a record, the lines may be so.
fn in_order(bytes: &[u8], dumps: Dumps, owners: Option<ParentOwners<'_>>) -> Read {
    if !dumps.order_is_doubtful() {
        return from_dumps(dumps, owners);
    }
    let turned = long::turned(bytes);
    let ways: [&dyn Fn() -> Dumps; 3] = [
        &|| goroutines::parse_all(&turned),
        &|| goroutines::parse_backwards(bytes),
        &|| goroutines::parse_backwards(&turned),
    ];
    for way in ways {
        let again = way();
        if again.is_sound() || again.is_better_than(&dumps) {
            let mut read = from_dumps(again, owners);
            read.remarks.push(Remark::NewestFirst);
            return read;
        }
    }
    from_dumps(dumps, owners)
}

/// What a log without a dump says, where it is how a kubelet came to an end.
pub(super) fn without_dump(found: &Dumps) -> Option<ReadError> {
    let evidence = found.evidence();
    evidence
        .tells_end_of_kubelet()
        .then(|| ReadError::NoDump(Box::new(evidence)))
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
        remarks,
        ..Read::of(text.profile, Form::GoText)
    }
}

/// The profile of the dump that tells most.
pub(super) fn from_dumps(mut found: Dumps, owners: Option<ParentOwners<'_>>) -> Read {
    let is_doubtful = found.order_is_doubtful();
    let is_lost = is_doubtful && found.forget_disorder();
    let left_out = if is_doubtful { found.leave_out_pieces() } else { 0 };
    let mut read = Read {
        dumps: Some(Box::new(found)),
        ..Read::of(Profile::default(), Form::GoroutineDump)
    };
    // There is one by default.
    let _ = read.choose(DumpChoice::default(), owners);
    read.remarks.extend(match (is_lost, is_doubtful) {
        (true, _) => Some(Remark::OrderLost),
        (false, true) => Some(Remark::OrderDoubtful(left_out)),
        (false, false) => None,
    });
    read
}

impl Read {
    /// Makes the profile of other dumps of the text; nothing happens where it has none.
    ///
    /// # Errors
    /// When there is no dump of that number.
    pub fn choose(&mut self, choice: DumpChoice, owners: Option<ParentOwners<'_>>) -> Result<(), ReadError> {
        let Some(dumps) = &mut self.dumps else {
            return Ok(());
        };
        dumps.chosen = dumps.choose(choice).map_err(|e| ReadError::NoSuchDump {
            asked: e.asked,
            have: e.have,
        })?;
        let mut remarks: Vec<Remark> = Vec::new();
        if dumps.list.len() > 1 {
            remarks.push(Remark::SeveralDumps(dumps.list.len() as u64, dumps.chosen.len() as u64));
        }
        for dump in dumps.chosen() {
            remarks_of(dump, &mut remarks);
        }
        let mut profiles: Vec<Profile> = dumps.chosen().map(|d| d.to_owned_profile(owners)).collect();
        self.profile = match (profiles.pop(), profiles.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                profiles.extend(last);
                // Profiles of dumps have one and the same sample type.
                model::merge(profiles, MergeOptions::default()).unwrap_or_default()
            }
        };
        // What was said of the bytes as such stays.
        self.remarks.retain(|r| !r.is_of_dumps());
        remarks.append(&mut self.remarks);
        self.remarks = remarks;
        Ok(())
    }

    /// Takes the leaked goroutines alone, where the runtime has marked them in the one dump that is shown.
    pub fn keep_leaked(&mut self, owners: Option<ParentOwners<'_>>) {
        let Some(dumps) = &mut self.dumps else { return };
        let [only] = dumps.chosen.as_slice() else { return };
        let Some(dump) = dumps.list.get_mut(*only).filter(|d| d.knows_leaks()) else {
            return;
        };
        dump.keep_leaked();
        self.profile = dump.to_owned_profile(owners);
        self.remarks.retain(|r| !matches!(r, Remark::Leaked(..)));
    }
}

fn remarks_of(dump: &GoroutineDump, remarks: &mut Vec<Remark>) {
    let count =
        |what: &dyn Fn(&goroutines::Goroutine) -> bool| dump.goroutines.iter().filter(|g| what(g)).count() as u64;
    let facts = &dump.facts;
    // A log has other lines; that a text has some may be news.
    let skipped = match facts.writer.is_unknown() {
        true => dump.skipped.preamble_lines + dump.skipped.other_lines,
        false => 0,
    };
    remarks.extend(dump.truncated.map(Remark::DumpTruncated));
    remarks.extend(facts.suppressed.map(Remark::Suppressed));
    let numbers = [
        (facts.headers_missing, Remark::HeadersMissing(facts.headers_missing)),
        (facts.headers_damaged, Remark::HeadersDamaged(facts.headers_damaged)),
        (facts.damaged, Remark::LinesMissing(facts.damaged)),
        {
            let elided = count(&|g| g.gap.is_some());
            (elided, Remark::ElidedFrames(elided))
        },
        {
            let without = count(&|g| g.stack_unavailable);
            (without, Remark::NoStack(without))
        },
        (skipped, Remark::SkippedLines(skipped)),
        (facts.repeated, Remark::Repeated(facts.repeated)),
        (dump.leaked(), Remark::Leaked(dump.leaked(), facts.goroutines)),
    ];
    remarks.extend(numbers.into_iter().filter(|(n, _)| *n > 0).map(|(_, remark)| remark));
}
