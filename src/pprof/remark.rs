//! What is worth saying about the bytes of a profile: what they lack, what stood around them, what was undone.

use super::goroutines::Truncation;
use super::line_ends::LineEnd;
use super::salvage::Conversion;
use crate::model::units::counted;

/// What a text cannot say or does not say in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// HTTP headers stood before the profile.
    HttpHeaders,
    /// The file was compressed twice.
    PackedTwice,
    /// So many other bytes stood before the profile.
    Behind(u64),
    /// So many other bytes stood behind the gzip stream.
    Trailing(u64),
    /// A conversion went over the bytes and was undone.
    Converted(Conversion),
    /// The text was UTF-16.
    Utf16,
    /// The text was UTF-32.
    Utf32,
    /// The text stood in a mail, in base64 or quoted-printable.
    Mail,
    /// Lines end with something else than a line feed.
    LineEnds(LineEnd),
    /// A conversion went over a profile that is not packed, and was undone.
    ConvertedRaw(Conversion),
    /// So many lines around a `debug=1` text are no part of it; its first line stands at this byte.
    AroundText(u64, u64),
    /// So many more `debug=1` texts follow, which are not read.
    MoreTexts(u64),
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
    /// The text has so many dumps, of which so many are shown.
    SeveralDumps(u64, u64),
    /// So many goroutines have no header: it was lost.
    HeadersMissing(u64),
    /// So many goroutines have a header that was understood in part only.
    HeadersDamaged(u64),
    /// So many goroutines are known to lack lines.
    LinesMissing(u64),
    /// The log says that it lost so many messages while the dump was written; 0 where it does not say how many.
    Suppressed(u64),
    /// The lines stood newest first, and were read from the last one on.
    NewestFirst,
    /// Most goroutines lack lines: the lines are perhaps not in their order. So many pieces of stacks without a header may be
    /// of goroutines that are counted, and are left out.
    OrderDoubtful(u64),
    /// Lines are not in their order: goroutines with a header are counted, and no stack is shown.
    OrderLost,
    /// So many lines stood there again right behind themselves.
    Repeated(u64),
}

impl Remark {
    /// Whether it is about goroutine dumps, and changes with which of them are shown.
    pub(super) fn is_of_dumps(self) -> bool {
        matches!(
            self,
            Remark::DumpTruncated(_)
                | Remark::ElidedFrames(_)
                | Remark::NoStack(_)
                | Remark::SkippedLines(_)
                | Remark::Leaked(..)
                | Remark::SeveralDumps(..)
                | Remark::HeadersMissing(_)
                | Remark::HeadersDamaged(_)
                | Remark::LinesMissing(_)
                | Remark::Suppressed(_)
                | Remark::Repeated(_)
        )
    }
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Remark::HttpHeaders => write!(f, "HTTP headers before the profile are skipped"),
            Remark::Behind(bytes) => write!(f, "skipped {bytes} bytes before the profile"),
            Remark::Trailing(bytes) => write!(f, "skipped {bytes} bytes after the gzip stream"),
            Remark::Converted(conversion) => write!(
                f,
                "{}; that is undone, and the checksum is right (it comes from {})",
                conversion.what(),
                conversion.culprit()
            ),
            Remark::Utf16 => write!(f, "the text is UTF-16, as PowerShell's > writes it"),
            Remark::Utf32 => write!(f, "the text is UTF-32"),
            Remark::Mail => write!(f, "the text is a part of a mail, which is decoded"),
            Remark::LineEnds(end) => write!(f, "the lines end with {end} instead of newlines"),
            Remark::ConvertedRaw(conversion) => write!(
                f,
                "{}; that is undone, and what is left is a whole profile (it comes from {})",
                conversion.what(),
                conversion.culprit()
            ),
            Remark::OrderLost => f.write_str(
                "the lines are out of order (sorted, shuffled, or of several dumps at once): only goroutines with a header are \
                 counted, and their stacks are unknown; sort the log by time, or give it as it was written",
            ),
            Remark::NewestFirst => f.write_str("the lines are newest first; they were read in reverse"),
            Remark::OrderDoubtful(0) => {
                f.write_str("most goroutines are incomplete: the lines may be out of order, or of several dumps at once")
            }
            Remark::OrderDoubtful(n) => write!(
                f,
                "most goroutines are incomplete; {} without a header, which may be of goroutines that are counted, {} left out",
                counted(n, "piece of a stack", "pieces of stacks"),
                if n == 1 { "is" } else { "are" },
            ),
            Remark::AroundText(lines, offset) => write!(
                f,
                "{} no part of the profile, which starts at byte {offset}",
                counted(lines, "line is", "lines are")
            ),
            Remark::MoreTexts(n) => write!(
                f,
                "{} in the text; only the first is read",
                counted(n, "more profile follows", "more profiles follow")
            ),
            Remark::PackedTwice => write!(f, "the file is compressed twice; both are unpacked"),
            Remark::TextTruncated => write!(f, "the text ends early; it is read as far as it goes"),
            Remark::DumpTruncated(Truncation::RuntimeLimit) => {
                write!(
                    f,
                    "the runtime truncates a dump at 64 MiB; later goroutines are missing"
                )
            }
            Remark::DumpTruncated(Truncation::Cut) => write!(f, "the dump ends early; it is read as far as it goes"),
            Remark::DumpTruncated(Truncation::NoLineEnd) => {
                write!(f, "the last line has no newline: the dump may be truncated")
            }
            Remark::DumpTruncated(Truncation::TooLong) => {
                write!(f, "only the first 67108864 frames of the dump are read")
            }
            Remark::HeapOrAllocs => write!(f, "heap and allocs have the same text; it is shown as heap"),
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
                "{n} of {} marked as leaked: nothing can wake what is",
                counted(of, "goroutine", "goroutines")
            ),
            Remark::SeveralDumps(n, shown) if n == shown => write!(f, "{n} goroutine dumps of the text are added up"),
            Remark::SeveralDumps(n, shown) => write!(f, "the text has {n} goroutine dumps, {shown} of them shown"),
            Remark::HeadersMissing(n) => write!(
                f,
                "{} no header, it was lost: state and wait are unknown",
                counted(n, "goroutine has", "goroutines have")
            ),
            Remark::HeadersDamaged(n) => write!(
                f,
                "{} a header that is not understood in full",
                counted(n, "goroutine has", "goroutines have")
            ),
            Remark::LinesMissing(n) => write!(f, "lines are missing in {}", counted(n, "goroutine", "goroutines")),
            Remark::Repeated(n) => write!(
                f,
                "{} the line before and read once",
                counted(n, "line is the same as", "lines are the same as")
            ),
            Remark::Suppressed(0) => write!(f, "the log lost messages while the dump was written"),
            Remark::Suppressed(n) => write!(
                f,
                "the log lost {} while the dump was written",
                counted(n, "message", "messages")
            ),
        }
    }
}
