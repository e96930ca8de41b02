//! From return addresses and `#` lines to stacks of locations.
//!
//! A sample line lists every frame's return address, with made-up addresses for inlined frames, the hidden `runtime`
//! frames at the leaf and `runtime.goexit` at the root. The `#` lines list what `runtime.CallersFrames` makes of them: a
//! call address, `function+offset` and `file:line`, without the hidden ones. They are laid side by side here.
//!
//! Address minus offset is the entry of the function that really was compiled there, so neighbours with one entry are a
//! chain of inlined frames that ends at the function of that name. That name is learned from all stacks together: it is
//! the outermost of every run of neighbours that something else called.

use rustc_hash::FxHashMap;

use crate::model::{Profile, StackId, StringId, StringTable};
use crate::pprof::scan::{decimal, hex};
use crate::pprof::tables::Tables;

/// What a `#` line says beside the address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Symbol {
    name: StringId,
    file: StringId,
    line: i64,
    /// Address at which the compiled function starts; 0 when the line does not say.
    entry: u64,
}

/// A frame with its call address and, where it has a name, its row in the symbols.
#[derive(Clone, Copy)]
struct Frame {
    pc: u64,
    symbol: Option<u32>,
}

/// Where the parts of a record end.
#[derive(Clone, Copy, Default)]
struct Record {
    addresses: usize,
    named: usize,
}

/// The frames of all records.
#[derive(Default)]
pub(super) struct Frames {
    /// Return addresses of all records, one after the other.
    addresses: Vec<u64>,
    /// Frames of the `#` lines of all records.
    named: Vec<Frame>,
    /// Ends of the records that are complete; `named` of the last one is not final.
    records: Vec<Record>,
    symbols: Vec<Symbol>,
    symbol_rows: FxHashMap<Symbol, u32>,
}

impl Frames {
    /// Forgets the addresses of a line that turned out not to be a sample.
    pub(super) fn begin_record(&mut self) {
        let end = self.records.last().map_or(0, |r| r.addresses);
        self.addresses.truncate(end);
    }

    /// Where the addresses of the sample line go.
    pub(super) fn addresses(&mut self) -> &mut Vec<u64> {
        &mut self.addresses
    }

    /// The addresses since `begin_record` are a record; symbols follow.
    pub(super) fn end_record(&mut self) {
        self.records.push(Record {
            addresses: self.addresses.len(),
            named: self.named.len(),
        });
    }

    /// Reads what stands behind `#`: address, `name+offset`, `file:line`, with white space between. An address alone is one
    /// that the runtime could not resolve; it stands in the sample line too. `None` when the line is damaged.
    pub(super) fn symbol(&mut self, text: &[u8], strings: &mut StringTable) -> Option<()> {
        let (pc, Some(place)) = symbol_line(text)? else {
            return Some(());
        };
        let SymbolPlace {
            name,
            offset,
            file,
            line,
        } = place;
        let symbol = Symbol {
            name: strings.intern(&String::from_utf8_lossy(name)),
            file: strings.intern(&String::from_utf8_lossy(file)),
            line,
            entry: pc.wrapping_sub(offset),
        };
        let row = *self.symbol_rows.entry(symbol).or_insert_with(|| {
            self.symbols.push(symbol);
            (self.symbols.len() - 1) as u32
        });
        self.named.push(Frame { pc, symbol: Some(row) });
        if let Some(record) = self.records.last_mut() {
            record.named = self.named.len();
        }
        Some(())
    }

    /// Makes the stack of every record. Without `keep_hidden` the frames before the first named one are left out;
    /// otherwise those without a name are counted in `unnamed`. `None` when there are more frames than ids.
    pub(super) fn stacks(&self, profile: &mut Profile, keep_hidden: bool, unnamed: &mut u64) -> Option<Vec<StackId>> {
        let mut names: FxHashMap<u64, u32> = FxHashMap::default();
        if keep_hidden {
            for f in &self.named {
                names.extend(f.symbol.map(|s| (f.pc, s)));
            }
        }
        let compiled = self.compiled_names();
        let mut tables = Tables::new(profile);
        let mut out = Vec::with_capacity(self.records.len());
        let (mut frames, mut stack, mut chain) = (Vec::new(), Vec::new(), Vec::new());
        let mut from = Record::default();
        for &to in &self.records {
            frames.clear();
            let hidden = lay_out(
                &self.addresses[from.addresses..to.addresses],
                &self.named[from.named..to.named],
                &mut frames,
            );
            from = to;
            if keep_hidden {
                for frame in &mut frames[..hidden] {
                    frame.symbol = names.get(&frame.pc).copied();
                    *unnamed += u64::from(frame.symbol.is_none());
                }
            } else {
                frames.drain(..hidden);
            }
            stack.clear();
            let mut rest = frames.as_slice();
            while !rest.is_empty() {
                let length = self.chain_length(rest, &compiled);
                let (run, after) = rest.split_at(length);
                chain.clear();
                for symbol in run.iter().filter_map(|f| f.symbol).map(|s| self.symbols[s as usize]) {
                    chain.push(tables.line(symbol.name, symbol.file, symbol.line));
                }
                stack.push(tables.location(run[0].pc, &chain)?);
                rest = after;
            }
            out.push(tables.profile.stacks.intern(&stack)?);
        }
        Some(out)
    }

    /// The name of the function that was compiled at each entry, as far as some stack shows it.
    fn compiled_names(&self) -> FxHashMap<u64, StringId> {
        let mut compiled = FxHashMap::default();
        let mut from = Record::default();
        for &to in &self.records {
            let named = &self.named[from.named..to.named];
            // The outermost frame counts only when an address (goexit) follows it: else the stack may be cut in a chain.
            let complete = self.addresses[from.addresses..to.addresses]
                .last()
                .zip(named.last())
                .is_some_and(|(&address, last)| address.wrapping_sub(1) != last.pc && address != last.pc);
            from = to;
            for (i, frame) in named.iter().enumerate() {
                let Some(symbol) = frame.symbol.map(|s| self.symbols[s as usize]) else {
                    continue;
                };
                let next = named.get(i + 1).and_then(|n| n.symbol);
                let ends = match next {
                    Some(next) => self.symbols[next as usize].entry != symbol.entry,
                    None => complete,
                };
                if ends && symbol.entry != 0 {
                    compiled.entry(symbol.entry).or_insert(symbol.name);
                }
            }
        }
        compiled
    }

    /// How many of the first frames are one location.
    fn chain_length(&self, frames: &[Frame], compiled: &FxHashMap<u64, StringId>) -> usize {
        let symbol = |f: &Frame| f.symbol.map(|s| &self.symbols[s as usize]);
        let Some(mut last) = symbol(&frames[0]) else { return 1 };
        let mut length = 1;
        while let Some(next) = frames.get(length).and_then(symbol)
            && next.entry == last.entry
            && next.entry != 0
            && next.name != last.name
            && compiled.get(&last.entry) != Some(&last.name)
        {
            last = next;
            length += 1;
        }
        length
    }
}

/// Lays the return addresses and the named frames of one record side by side, leaf first. Returns how many of the
/// frames come before the first named one.
fn lay_out(addresses: &[u64], named: &[Frame], out: &mut Vec<Frame>) -> usize {
    let unnamed = |&address: &u64| Frame {
        pc: address.wrapping_sub(1),
        symbol: None,
    };
    // A call address is the return address less one, except at the first instruction of a function.
    let is = |address: u64, frame: &Frame| address.wrapping_sub(1) == frame.pc || address == frame.pc;
    let Some(first) = named.first() else {
        out.extend(addresses.iter().map(unnamed));
        return 0;
    };
    let Some(hidden) = addresses.iter().position(|&a| is(a, first)) else {
        out.extend_from_slice(named);
        return 0;
    };
    out.extend(addresses[..hidden].iter().map(unnamed));
    let mut rest = &addresses[hidden..];
    for frame in named {
        // Addresses that could not be resolved are in the sample line only, frames of which the runtime worked out the
        // inlining itself in the `#` lines only.
        const NEAR: usize = 8;
        if let Some(skip) = rest.iter().take(NEAR).position(|&a| is(a, frame)) {
            out.extend(rest[..skip].iter().map(unnamed));
            rest = &rest[skip + 1..];
        }
        out.push(*frame);
    }
    // Behind the outermost frame stands goexit, which profiles do not show; then there may be padding.
    if let [goexit, padding @ ..] = rest {
        let start = usize::from(*goexit != 0);
        out.extend(if start == 0 { rest } else { padding }.iter().map(unnamed));
    }
    hidden
}

/// What stands behind the address of a frame.
pub(super) struct SymbolPlace<'a> {
    name: &'a [u8],
    offset: u64,
    file: &'a [u8],
    line: i64,
}

/// Takes the line of a frame apart: its address and what that is. `None` when it is damaged or no such line.
pub(super) fn symbol_line(text: &[u8]) -> Option<(u64, Option<SymbolPlace<'_>>)> {
    let text = text.trim_ascii();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let pc = hex(text[..end].strip_prefix(b"0x")?)?;
    let rest = text[end..].trim_ascii_start();
    if rest.is_empty() {
        return Some((pc, None));
    }
    // Names may have blanks, and so may paths; what is between offset and path has nothing else.
    let (name, behind) = split_last(rest, b"+0x")?;
    let digits = behind.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let (offset, place) = behind.split_at(digits);
    if !place.first().is_some_and(u8::is_ascii_whitespace) {
        return None;
    }
    let (file, line) = split_last(place.trim_ascii(), b":")?;
    let (offset, line) = (hex(offset)?, decimal(line)?);
    Some((
        pc,
        Some(SymbolPlace {
            name,
            offset,
            file,
            line,
        }),
    ))
}

/// The parts before and behind the last `separator`.
fn split_last<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let i = text.windows(separator.len()).rposition(|w| w == separator)?;
    Some((&text[..i], &text[i + separator.len()..]))
}
