//! Goroutine dumps: `goroutine?debug=2`, what a Go program prints when it panics or gets SIGQUIT, `runtime.Stack`.
//!
//! One entry per goroutine, with what no other form has: its state, for how long it has waited, who created it, whether
//! it is locked to its thread. Both ways in which Go 1.16 to 1.27 write it are read, also from logs: whatever stands
//! before, between and behind the goroutines (panic message, registers, log lines) is skipped and counted, and a prefix
//! that a logger put before every line is taken off.
//!
//! A dump shows no `runtime.` frames except exported ones, at most the 50 innermost and 50 outermost frames (the 100
//! innermost before Go 1.21), and type arguments as `[...]`. The runtime ends a dump at 64 MiB: [`Truncation`] says so.
//!
//! A dump of the endpoint `goroutineleak` is one of all goroutines, in which the runtime has just marked those that nothing
//! can wake; so do dumps of `goroutine` for some time afterwards. [`GoroutineDump::keep_leaked`] makes the profile that the
//! endpoint gives in other forms.
//!
//! The minutes of waiting count from the first garbage collection that saw the goroutine wait, so they are a lower bound
//! that is some minutes short at most; they exist for waiting and system calls only, and leaked goroutines have none.

mod build;
mod choice;
mod crash;
mod finish;
mod header;
mod join;
mod line;
mod looks;
mod order;
mod places;
mod program;
mod scan;
mod to_profile;

use std::io::{self, Read};

pub use choice::DumpChoice;

use crate::model::evidence::{DumpFacts, Evidence, UnitEvent};
pub use crate::model::goroutine_label as label;
use crate::model::{StringId, StringTable};

/// All dumps of a text, and what it says about units and processes.
#[derive(Debug, Clone, Default)]
pub struct Dumps {
    /// The dumps, in the order of their first lines.
    pub list: Vec<GoroutineDump>,
    /// What was said about units and processes, in the order of the text, the first few thousand.
    pub events: Vec<UnitEvent>,
    /// How many more there were.
    pub more_events: u64,
    /// How many dumps more there were, the oldest, of which nothing is kept.
    pub more_dumps: u64,
    /// Which of the dumps are shown.
    pub chosen: Vec<usize>,
}

impl Dumps {
    /// The dumps that are shown.
    pub fn chosen(&self) -> impl Iterator<Item = &GoroutineDump> {
        self.chosen.iter().filter_map(|&i| self.list.get(i))
    }

    /// What is known beside the goroutines.
    pub fn evidence(&self) -> Evidence {
        Evidence {
            dumps: self.list.iter().map(|d| d.facts.clone()).collect(),
            chosen: self.chosen.clone(),
            events: self.events.clone(),
            more_events: self.more_events,
            more_dumps: self.more_dumps,
        }
    }
}

/// Reads all dumps of a text of any length: what is no dump is not kept.
///
/// # Errors
/// When `from` cannot be read.
pub fn read(from: &mut dyn Read) -> io::Result<Dumps> {
    scan::scan(from, false)
}

/// Reads all dumps of a text.
pub fn parse_all(mut data: &[u8]) -> Dumps {
    // Reading from memory does not fail.
    scan::scan(&mut data, false).unwrap_or_default()
}

/// The same where the lines of each record, such as a list in JSON, stand newest first.
pub(super) fn parse_backwards(mut data: &[u8]) -> Dumps {
    scan::scan(&mut data, true).unwrap_or_default()
}

/// Reads the dump that is shown where a text has several; `None` when there is no goroutine in it.
pub fn parse(data: &[u8]) -> Option<GoroutineDump> {
    let mut dumps = parse_all(data);
    let chosen = dumps.choose(DumpChoice::default()).ok()?.first().copied()?;
    Some(dumps.list.swap_remove(chosen))
}

/// A dump. Goroutines are in the order of the text, which starts with the one that wrote it.
#[derive(Debug, Clone, Default)]
pub struct GoroutineDump {
    /// All text.
    pub strings: StringTable,
    /// The goroutines.
    pub goroutines: Vec<Goroutine>,
    /// Whether something is missing at the end.
    pub truncated: Option<Truncation>,
    /// What was skipped.
    pub skipped: Skipped,
    /// Who wrote it, when and why, and what of it is known to be missing.
    pub facts: DumpFacts,
    frames: Vec<GoFrame>,
    labels: Vec<(StringId, StringId)>,
    ancestors: Vec<Ancestor>,
    /// How many functions stand above their places.
    pairs: order::Pairs,
    /// Byte at which its last line stands.
    last_offset: u64,
    leaked_only: bool,
}

/// Why the end of a dump is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Truncation {
    /// The dump has the size at which the runtime stops: 64 MiB.
    RuntimeLimit,
    /// The text ends inside a line or between a function and its file.
    Cut,
    /// The last line of the text is whole and has no line end: more may have followed.
    NoLineEnd,
    /// It has more frames than can be numbered.
    TooLong,
}

/// Lines that are no part of any goroutine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Before the first goroutine.
    pub preamble_lines: u64,
    /// Between and behind goroutines, and inside of them where they make no sense.
    pub other_lines: u64,
}

/// A run of rows in one of the dump's tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Run {
    start: u32,
    end: u32,
}

impl Run {
    fn of<T>(self, rows: &[T]) -> &[T] {
        rows.get(self.start as usize..self.end as usize).unwrap_or(&[])
    }
}

/// How much of a goroutine's first line was there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HeaderState {
    /// All of it.
    #[default]
    Whole,
    /// It was cut, or has a form that is not known: number and state may be missing.
    Damaged,
    /// None of it: number, state and wait are unknown.
    Missing,
}

/// One goroutine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goroutine {
    /// `goroutine N`; 0 where the header is missing, and for those of the runtime's threads.
    pub id: u64,
    /// How much of the first line was there.
    pub header: HeaderState,
    /// Lines of it are known to be missing.
    pub damaged: bool,
    /// What it does or waits for: `running`, `select`, `IO wait`, `sync.Mutex.Lock`, without what follows in brackets.
    pub state: StringId,
    /// Nothing can ever wake it (`(leaked)`; Go 1.27, after a goroutineleak profile).
    pub leaked: bool,
    /// The garbage collector is looking at its stack (`(scan)`).
    pub scan: bool,
    /// Only its own test bubble can wake it (`(durable)`).
    pub durable: bool,
    /// Whole minutes of waiting, at least 1; `None` when it is less or unknown.
    pub wait_minutes: Option<u64>,
    /// It called `runtime.LockOSThread`.
    pub locked_to_thread: bool,
    /// Number of its test bubble (`synctest bubble N`).
    pub bubble: Option<u64>,
    /// Who started it.
    pub created_by: Option<Creator>,
    /// Where frames were left out in the middle.
    pub gap: Option<Gap>,
    /// It ran on another thread while the dump was written, so that there is no stack.
    pub stack_unavailable: bool,
    /// The text ends inside of this goroutine.
    pub cut: bool,
    /// Byte at which its first line stands.
    pub offset: u64,
    frames: Run,
    labels: Run,
    ancestors: Run,
}

/// A frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GoFrame {
    /// Full name; `runtime.gopanic` where the dump says `panic`. `""` for code that is not Go and has no name.
    pub function: StringId,
    /// What stands between the brackets: hex words, `...` for inlined functions.
    pub args: StringId,
    /// Source file, or `""`.
    pub file: StringId,
    /// Line, or 0.
    pub line: u32,
    /// Offset of the return address from the start of the function; 0 when the dump has none.
    pub offset: u64,
    /// Address, where the dump says so (`GOTRACEBACK=system`); else 0.
    pub pc: u64,
    /// It was inlined into the next frame.
    pub inlined: bool,
}

/// `created by FUNCTION in goroutine N` and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Creator {
    /// The function with the `go` statement.
    pub function: StringId,
    /// Source file, or `""`.
    pub file: StringId,
    /// Line, or 0.
    pub line: u32,
    /// The goroutine that ran it (since Go 1.21).
    pub parent: Option<u64>,
}

/// `...N frames elided...`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// How many frames stand before the gap.
    pub after: u32,
    /// How many are missing; `None` before Go 1.21, which also shows none behind the gap.
    pub elided: Option<u64>,
}

/// A goroutine that created this one or one of its ancestors (`GODEBUG=tracebackancestors=N`), with the stack it had
/// then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ancestor {
    /// Its number.
    pub id: u64,
    /// Who started it.
    pub created_by: Option<Creator>,
    frames: Run,
}

/// What writes the dump of the endpoint `goroutineleak`; it stands in every such dump.
const WRITER_OF_LEAKS: &str = "runtime/pprof.writeGoroutineLeak";

impl GoroutineDump {
    /// Whether the runtime has looked for leaked goroutines: some are marked, or it was asked to look.
    pub fn knows_leaks(&self) -> bool {
        let writer = self.strings.find(WRITER_OF_LEAKS);
        let has_writer = || self.frames.iter().any(|f| Some(f.function) == writer);
        self.leaked() > 0 || writer.is_some() && has_writer()
    }

    /// How many goroutines are marked as leaked.
    pub fn leaked(&self) -> u64 {
        self.goroutines.iter().filter(|g| g.leaked).count() as u64
    }

    /// From now on the profile of this dump has the leaked goroutines only and is of kind `goroutineleak`. The others stay
    /// in the dump: they are parents.
    pub fn keep_leaked(&mut self) {
        self.leaked_only = true;
    }

    /// Text of an id.
    #[inline]
    pub fn text(&self, id: StringId) -> &str {
        self.strings.get(id)
    }

    /// The frames of a goroutine, leaf first.
    #[inline]
    pub fn frames(&self, g: &Goroutine) -> &[GoFrame] {
        g.frames.of(&self.frames)
    }

    /// The pprof labels of a goroutine (Go 1.27), key and value.
    pub fn labels(&self, g: &Goroutine) -> &[(StringId, StringId)] {
        g.labels.of(&self.labels)
    }

    /// The goroutines that led to this one, nearest first.
    pub fn ancestors(&self, g: &Goroutine) -> &[Ancestor] {
        g.ancestors.of(&self.ancestors)
    }

    /// The frames that an ancestor had when it created the next, leaf first.
    pub fn ancestor_frames(&self, a: &Ancestor) -> &[GoFrame] {
        a.frames.of(&self.frames)
    }
}
