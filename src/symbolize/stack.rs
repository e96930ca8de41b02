//! Return addresses to frames. A raw stack (a `debug=1` text, a panic, a capture of the kernel's) holds return
//! addresses, and what Go writes holds a virtual one more for every inlined call: each is one past the instruction that
//! stands for the call in its caller. Naming each alone would count the inlined frames twice.

use super::Miss;
use super::pclntab::{Frame, GoTable};

/// What became of one address of a raw stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry<'t> {
    /// A frame of its own, with the calls inlined into it, innermost first.
    Frames(Vec<Frame<'t>>),
    /// A virtual address: it repeats an outer frame of the entry before it.
    Virtual,
    /// No name.
    Missing(Miss),
}

/// Names the return addresses of one stack, innermost first. All are ELF addresses.
#[must_use]
pub fn from_return_addresses<'t>(table: &'t GoTable<'_>, stack: &[u64]) -> Vec<Entry<'t>> {
    let mut entries = Vec::with_capacity(stack.len());
    // The addresses that the frames of the last entry would have as virtual ones, innermost first.
    let mut expected: Vec<u64> = Vec::new();
    for &address in stack {
        if let Some(at) = expected.iter().position(|e| *e == address) {
            expected.drain(..=at);
            entries.push(Entry::Virtual);
            continue;
        }
        let mut frames = Vec::new();
        let entry = match table.lookup(address.saturating_sub(1), &mut frames) {
            Ok(()) => {
                expected.clear();
                expected.extend(frames.iter().skip(1).map(|f| f.pc.wrapping_add(1)));
                Entry::Frames(frames)
            }
            Err(miss) => {
                expected.clear();
                Entry::Missing(miss)
            }
        };
        entries.push(entry);
    }
    entries
}
