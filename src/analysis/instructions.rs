//! What each instruction of a function costs: samples by address. The machine code itself comes from elsewhere; this
//! joins it with the samples.
//!
//! A sample counts once for an instruction, however often recursion puts it into the stack. The flat values of a
//! function's instructions sum up to the function's flat value when inlined functions count for the one that they were
//! inlined into.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Header, View};
use crate::model::LocationId;

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

    /// Whether any sample has an address of that stretch.
    #[must_use]
    pub fn any(&self, range: &Range<u64>) -> bool {
        self.by_address.range(range.clone()).next().is_some()
    }
}
