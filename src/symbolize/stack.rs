//! Return addresses to frames. A raw stack (a `debug=1` text, a panic, a capture of the kernel's) holds return
//! addresses, and what Go writes holds a virtual one more for every inlined call: each is one past the instruction that
//! stands for the call in its caller. Naming each alone would count the inlined frames twice.

use super::apply::{Single, elf_address_of};
use super::pclntab::{Frame, GoTable};
use super::{Miss, names};
use crate::model::{LocationId, Profile, StackId};

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
        let entry = match table.lookup(table.instruction_of(address), &mut frames) {
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

/// Moves the addresses of a text that stand for a function's first instruction back to it: readers of texts make every
/// return address one less, but a goroutine that has not started yet has none ([`GoTable::instruction_of`]).
pub fn settle_entries(profile: &mut Profile, single: &Single<'_, '_>) {
    let Ok(table) = single.binary.go() else { return };
    for n in 0..profile.locations.len() {
        let id = LocationId::new(n);
        if profile.location(id).line_count > 0 {
            continue;
        }
        if let Some(address) = elf_address_of(profile, single, id)
            && table.instruction_of(address.wrapping_add(1)) != address
        {
            profile.locations[n].address = profile.locations[n].address.wrapping_add(1);
        }
    }
}

/// Makes the stacks of a text what `runtime/pprof` would have written into a profile.proto of the same moment: virtual
/// addresses merged into the location that they repeat, `runtime.goexit` left out, and with `hide_runtime` (heap
/// profiles) the runtime's own frames at the leaf as well, where anything else follows. Addresses are those of
/// instructions already (one less than in the text), names have been looked up.
pub fn fold_text_stacks(profile: &mut Profile, single: &Single<'_, '_>, hide_runtime: bool) {
    let Ok(table) = single.binary.go() else { return };
    if single.refused.is_some() {
        return;
    }
    // Of each location: its own address, and those of the virtual ones that may follow it.
    let places: Vec<Option<(u64, Vec<u64>)>> = (0..profile.locations.len())
        .map(|n| {
            let address = elf_address_of(profile, single, LocationId::new(n))?;
            let mut frames = Vec::new();
            table.lookup(address, &mut frames).ok()?;
            Some((address, frames.iter().skip(1).map(|f| f.pc).collect()))
        })
        .collect();
    let innermost = |profile: &Profile, id: LocationId| -> Option<String> {
        let line = profile.lines_of(id).first()?;
        Some(profile.function_name(line.function).to_owned())
    };
    let runtime: Vec<bool> = (0..profile.locations.len())
        .map(|n| innermost(profile, LocationId::new(n)).is_some_and(|f| names::is_runtime(&f)))
        .collect();
    let goexit: Vec<bool> = (0..profile.locations.len())
        .map(|n| innermost(profile, LocationId::new(n)).is_some_and(|f| f == "runtime.goexit"))
        .collect();
    let old = std::mem::take(&mut profile.stacks);
    let mut known: Vec<Option<StackId>> = vec![None; old.len()];
    let stacks = &mut profile.stacks;
    profile.samples.map_stacks(|id| {
        *known[id.index()].get_or_insert_with(|| {
            let stack = old.get(id);
            let hidden = stack.iter().position(|l| !runtime[l.index()]).filter(|_| hide_runtime);
            let mut kept: Vec<LocationId> = Vec::with_capacity(stack.len());
            let mut expected: Vec<u64> = Vec::new();
            for &location in &stack[hidden.unwrap_or(0)..] {
                match &places[location.index()] {
                    Some((address, virtuals)) => {
                        if let Some(at) = expected.iter().position(|e| e == address) {
                            expected.drain(..=at);
                            continue;
                        }
                        expected.clone_from(virtuals);
                    }
                    None => expected.clear(),
                }
                kept.push(location);
            }
            if kept.last().is_some_and(|l| goexit[l.index()]) {
                kept.pop();
            }
            // Never more frames than before, so the table cannot overflow.
            stacks.intern(&kept).unwrap_or_default()
        })
    });
}
