//! The chain of inlined calls at a PC, with wrappers left out as `runtime.CallersFrames` leaves them out.

use super::super::Miss;
use super::functions::{Place, Record};
use super::{GoTable, Layout, u32_at};

/// One frame of the chain that an address stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'t> {
    /// Linker name with full type arguments.
    pub function: &'t str,
    /// Source file as the binary names it, `?` when it does not.
    pub file: &'t str,
    /// Line, 0 when unknown.
    pub line: u32,
    /// Line of the `func` keyword, 0 when unknown (before Go 1.20).
    pub start_line: u32,
    /// Inlined into the frame that follows.
    pub inlined: bool,
    /// Address of the instruction whose place this is: the PC itself, then the place of each call in its caller.
    pub pc: u64,
}

/// Chains longer than this are damage. The compiler's inlining budget keeps real ones far below.
const MAX_DEPTH: usize = 256;

/// The numbers that this binary's Go release gives to functions that the runtime treats specially. They move between
/// releases, so they are read off functions that are known by name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SpecialIds {
    wrapper: Option<u8>,
    panics: [Option<u8>; 3],
}

impl SpecialIds {
    pub(super) fn learn(table: &GoTable<'_>) -> Self {
        let mut ids = SpecialIds::default();
        let mut missing = 4;
        for number in 0..table.header.functions {
            let Some(record) = table.record(number).filter(|r| r.id != 0) else {
                continue;
            };
            let slot = match table.name(record.name_offset) {
                // The linker marks it as a wrapper so that tracebacks hide it.
                Some("runtime.deferreturn") => &mut ids.wrapper,
                Some("runtime.gopanic") => &mut ids.panics[0],
                Some("runtime.sigpanic") => &mut ids.panics[1],
                Some("runtime.panicwrap") => &mut ids.panics[2],
                _ => continue,
            };
            if slot.replace(record.id).is_none() {
                missing -= 1;
            }
            if missing == 0 {
                break;
            }
        }
        ids
    }

    /// Whether the runtime hides a frame `id` that called `callee`.
    fn hidden(self, id: u8, callee: u8) -> bool {
        self.wrapper == Some(id) && !self.panics.contains(&Some(callee))
    }
}

/// An entry of an inline tree.
struct Call {
    id: u8,
    name: u32,
    /// Offset, from the function's entry, of an instruction whose place is the call.
    parent: u32,
    start_line: u32,
}

fn call(tree: &[u8], row: u32, layout: Layout) -> Option<Call> {
    let size = if layout == Layout::Go120 { 16 } else { 20 };
    let at = (row as usize).checked_mul(size)?;
    let entry = tree.get(at..at.checked_add(size)?)?;
    Some(match layout {
        Layout::Go120 => Call {
            id: *entry.first()?,
            name: u32_at(entry, 4)?,
            parent: u32_at(entry, 8)?,
            start_line: u32_at(entry, 12).filter(|l| *l <= i32::MAX as u32)?,
        },
        _ => Call {
            id: *entry.get(2)?,
            name: u32_at(entry, 12)?,
            parent: u32_at(entry, 16)?,
            start_line: 0,
        },
    })
}

/// Gives the frames of the chain at `pc` to `each`. On an error some may have been given already.
pub(super) fn walk<'t>(table: &'t GoTable<'_>, pc: u64, each: &mut impl FnMut(Frame<'t>)) -> Result<(), Miss> {
    let Some(number) = table.number_at(pc) else {
        return Err(Miss::NoTable);
    };
    let record = table.record(number).ok_or(Miss::DamagedTable)?;
    walk_record(table, &record, pc, each)
}

fn walk_record<'t>(
    table: &'t GoTable<'_>,
    record: &Record<'t>,
    mut pc: u64,
    each: &mut impl FnMut(Frame<'t>),
) -> Result<(), Miss> {
    let tree = record.inline_tree(table, table.elf());
    let mut callee = None;
    for _ in 0..MAX_DEPTH {
        let (file, line) = match record.place(table, pc) {
            Place::At(file, line) => (file, line),
            Place::Unknown => ("?", 0),
            Place::PastEnd => return Err(Miss::Padding),
            Place::Damaged => return Err(Miss::DamagedTable),
        };
        let row = tree.and_then(|tree| Some((tree, record.inline_row(table, pc)?)));
        let inlined = match row {
            Some((tree, row)) => Some(call(tree, row, table.header.layout).ok_or(Miss::DamagedTable)?),
            None => None,
        };
        let (id, name, start_line) = match &inlined {
            Some(call) => (call.id, call.name, call.start_line),
            None => (record.id, record.name_offset, record.start_line),
        };
        let hidden = callee.is_some_and(|callee| table.special.hidden(id, callee));
        if !hidden {
            let function = table.name(name).ok_or(Miss::DamagedTable)?;
            each(Frame {
                function,
                file,
                line,
                start_line,
                inlined: inlined.is_some(),
                pc,
            });
        }
        callee = Some(id);
        let Some(call) = inlined else { return Ok(()) };
        let parent = record
            .entry
            .checked_add(u64::from(call.parent))
            .filter(|p| *p < record.next);
        pc = parent.ok_or(Miss::DamagedTable)?;
    }
    Err(Miss::DamagedTable)
}
