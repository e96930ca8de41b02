//! What each instruction of a function costs: samples by address, joined with the machine code of the binary.
//!
//! A sample counts once for an instruction, however often recursion puts it into the stack. The flat values of a
//! function's instructions sum up to the function's flat value when inlined functions count for the one that they were
//! inlined into.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::analysis::{Header, QueryError, View, go_regexp};
use crate::model::{LocationId, MappingId};
use crate::symbolize::disasm::{Extent, disassemble, functions};
use crate::symbolize::space::elf_address;
use crate::symbolize::{Binary, Frame};

/// One instruction and what it costs.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct InstructionCost {
    /// Address in the file.
    pub address: u64,
    /// Samples that were taken here.
    pub flat: i64,
    /// Samples that were taken here or in what was called from here.
    pub cum: i64,
    /// The instruction.
    pub text: String,
    /// Where it calls or jumps to, `function` or `function+0x12`; or `""`.
    pub target: String,
    /// Innermost function that the instruction belongs to, when it was inlined; else `""`.
    pub inlined: String,
    /// Source file, or `?`.
    pub file: String,
    /// Source line, 0 when unknown.
    pub line: u32,
}

/// A function with its instructions.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DisassembledFunction {
    /// Name.
    pub name: String,
    /// Addresses in the file.
    pub range: Range<u64>,
    /// Sum of the instructions' flat values.
    pub flat: i64,
    /// The part of it that is the function's own code, not that of functions inlined into it.
    pub flat_own: i64,
    /// Samples with the function in their stack.
    pub cum: i64,
    /// All instructions, by address.
    pub instructions: Vec<InstructionCost>,
}

/// The report of `disasm`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disassembly {
    /// The facts above.
    pub header: Header,
    /// Functions, costliest first.
    pub functions: Vec<DisassembledFunction>,
}

/// Costs by address in the file.
#[derive(Clone, Debug, Default)]
pub struct AddressCosts {
    /// Flat and cum.
    by_address: BTreeMap<u64, (i64, i64)>,
    /// The distinct addresses of each sample, and its value.
    samples: Vec<(Vec<u64>, i64)>,
}

impl AddressCosts {
    /// Sums up the samples of a view at address granularity; `place` gives a location's address in the file, if it is in
    /// that file.
    pub fn new(view: &View, place: impl Fn(LocationId) -> Option<u64>) -> Self {
        let mut costs = AddressCosts::default();
        let p = &view.profile;
        for i in 0..p.samples.len() {
            let value = view.value(i);
            let stack = p.stack(p.samples.stack(i));
            if value == 0 {
                continue;
            }
            if let Some(leaf) = stack.first().and_then(|l| place(*l)) {
                let cost = costs.by_address.entry(leaf).or_default();
                cost.0 = cost.0.wrapping_add(value);
            }
            let mut addresses: Vec<u64> = stack.iter().filter_map(|l| place(*l)).collect();
            addresses.sort_unstable();
            addresses.dedup();
            for address in &addresses {
                let cost = costs.by_address.entry(*address).or_default();
                cost.1 = cost.1.wrapping_add(value);
            }
            costs.samples.push((addresses, value));
        }
        costs
    }

    /// Flat and cum of a stretch of addresses: one instruction, or a whole function. A sample counts once.
    #[must_use]
    pub fn of(&self, range: &Range<u64>) -> (i64, i64) {
        let flat = self
            .by_address
            .range(range.clone())
            .fold(0, |sum: i64, (_, (flat, _))| sum.wrapping_add(*flat));
        let here = |addresses: &[u64]| {
            let first = addresses.partition_point(|a| *a < range.start);
            addresses.get(first).is_some_and(|a| *a < range.end)
        };
        let cum = self
            .samples
            .iter()
            .filter(|(a, _)| here(a))
            .fold(0, |sum: i64, (_, v)| sum.wrapping_add(*v));
        (flat, cum)
    }

    /// Flat and cum of one instruction. Profiles have addresses inside of call instructions, so all of its bytes count.
    #[must_use]
    pub fn of_instruction(&self, address: u64, length: u32) -> (i64, i64) {
        let range = address..address.saturating_add(u64::from(length));
        let mut costs = self.by_address.range(range.clone()).map(|(_, cost)| *cost);
        match (costs.next(), costs.next()) {
            (None, _) => (0, 0),
            (Some(one), None) => one,
            // Several addresses in one instruction: a sample may have more than one of them.
            _ => self.of(&range),
        }
    }

    /// All addresses that samples have, ascending.
    pub fn addresses(&self) -> impl Iterator<Item = u64> + '_ {
        self.by_address.keys().copied()
    }

    /// Whether any sample has an address of that stretch.
    #[must_use]
    pub fn any(&self, range: &Range<u64>) -> bool {
        self.by_address.range(range.clone()).next().is_some()
    }
}

/// The functions of a binary whose name matches and which samples have in their stacks, instruction by instruction. The view
/// must have the granularity of addresses; the binary is the one of `mapping`.
///
/// # Errors
/// When `matching` is malformed, no function matches, or no sample is in one that does.
pub fn disassembly(
    view: &View,
    binary: &Binary<'_>,
    mapping: Option<MappingId>,
    matching: &str,
) -> Result<Disassembly, QueryError> {
    let re = go_regexp::compile("the argument", matching)?;
    let costs = AddressCosts::new(view, |l| place(view, mapping, l, binary));
    let mut found = functions(binary, |name| re.is_match(name));
    if found.is_empty() {
        return Err(QueryError::NoMatch(matching.to_owned()));
    }
    found.retain(|f| costs.any(&(f.start..f.end)));
    if found.is_empty() {
        return Err(QueryError::NoSampleInMatch(matching.to_owned()));
    }
    let mut functions: Vec<DisassembledFunction> = found.iter().map(|f| cost(binary, f, &costs)).collect();
    functions.sort_by(|a, b| (b.flat, b.cum, &a.name).cmp(&(a.flat, a.cum, &b.name)));
    Ok(Disassembly {
        header: Header::new(view),
        functions,
    })
}

/// The address of a location in the file of the binary.
pub(super) fn place(view: &View, mapping: Option<MappingId>, location: LocationId, binary: &Binary<'_>) -> Option<u64> {
    let p = &view.profile;
    let location = p.location(location);
    if location.mapping != mapping {
        return None;
    }
    match location.mapping {
        Some(m) => elf_address(binary.elf(), &p.mappings[m.index()], location.address),
        None => Some(location.address),
    }
}

fn cost(binary: &Binary<'_>, extent: &Extent, costs: &AddressCosts) -> DisassembledFunction {
    let range = extent.start..extent.end;
    let (flat, cum) = costs.of(&range);
    let mut function = DisassembledFunction {
        name: extent.name.clone(),
        range,
        flat,
        cum,
        ..Default::default()
    };
    let mut frames: Vec<Frame<'_>> = Vec::new();
    for instruction in disassemble(binary, extent) {
        let (flat, cum) = costs.of_instruction(instruction.address, instruction.length);
        frames.clear();
        let _ = binary.lookup(instruction.address, &mut frames);
        let innermost = frames.first();
        let inlined = innermost
            .filter(|f| f.inlined)
            .map_or(String::new(), |f| f.function.to_string());
        function.flat_own += if inlined.is_empty() { flat } else { 0 };
        function.instructions.push(InstructionCost {
            address: instruction.address,
            flat,
            cum,
            text: instruction.text,
            target: instruction.target.map_or(String::new(), |t| target(binary, t, extent)),
            inlined,
            file: innermost.map_or("?".to_owned(), |f| f.file.to_string()),
            line: innermost.map_or(0, |f| f.line),
        });
    }
    function
}

/// A target in words. Jumps inside of the function need none: their address is in the instruction.
pub(super) fn target(binary: &Binary<'_>, address: u64, here: &Extent) -> String {
    if (here.start..here.end).contains(&address) && address != here.start {
        return String::new();
    }
    let function = binary
        .go()
        .ok()
        .and_then(|go| go.function_at(address))
        .map(|f| (f.name.to_owned(), f.start));
    let symbol = || {
        let mut symbols = binary.symbols().all();
        symbols
            .find(|(start, end, _)| (*start..*end).contains(&address))
            .map(|(s, _, name)| (name.to_owned(), s))
    };
    match function.or_else(symbol) {
        Some((name, start)) if start == address => name,
        Some((name, start)) => format!("{name}+{:#x}", address - start),
        None => String::new(),
    }
}
