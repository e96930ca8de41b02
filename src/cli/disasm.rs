//! `kubeprof disasm`: what each instruction of a function costs, on stripped binaries too.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use regex::Regex;

use super::args::{Format, InputArgs, OutArgs, QueryArgs};
use super::{open, output, symbols};
use crate::analysis::{
    AddressCosts, DisassembledFunction, Disassembly, Granularity, Header, InstructionCost, Query, Trim,
};
use crate::model::{MappingId, Profile};
use crate::render::layout;
use crate::symbolize::disasm::{Extent, disassemble, functions};
use crate::symbolize::space::elf_address;
use crate::symbolize::{Binary, Frame};

#[derive(Args, Debug)]
pub(super) struct DisasmArgs {
    /// Expression that function names must match
    #[arg(value_name = "REGEX")]
    matching: String,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// Format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    pub(super) out: OutArgs,
}

/// Runs the command.
pub(super) fn disasm(args: &DisasmArgs) -> Result<()> {
    let matching = Regex::new(&args.matching).with_context(|| format!("expression {:?}", args.matching))?;
    let query = Query {
        trim: Trim::NONE,
        granularity: Granularity::Addresses,
        ..args.query.query(None)
    };
    let (loaded, look) = open::named(&args.input, &args.out)?;
    let proven = symbols::proven(&loaded.profile, &args.input.symbols.with(&loaded.binaries), &args.out)?;
    let binary = proven.opened.binary()?;
    let mut profile = loaded.profile;
    open::drop_frames(&mut profile, &args.out);
    let view = open::prepare(profile, &query, open::knowledge(&args.input)?, &args.out)?;
    let place = |l| elf_address_of(&view.profile, proven.mapping, l, &binary);
    let costs = AddressCosts::new(&view, place);
    let mut found = functions(&binary, |name| matching.is_match(name));
    if found.is_empty() {
        return Err(open::no_match(&args.matching, &view, &look));
    }
    found.retain(|f| costs.any(&(f.start..f.end)));
    if found.is_empty() {
        bail!(
            "functions match {:?}, but no sample has one of them in its stack",
            args.matching
        );
    }
    let mut report = Disassembly {
        header: Header::new(&view),
        functions: Vec::new(),
    };
    report.functions = found.iter().map(|f| cost(&binary, f, &costs)).collect();
    report
        .functions
        .sort_by(|a, b| (b.flat, b.cum, &a.name).cmp(&(a.flat, a.cum, &b.name)));
    output::document(&layout::disasm(&report, &view, &look), args.output, &args.out, true)
}

fn elf_address_of(
    profile: &Profile,
    mapping: Option<MappingId>,
    location: crate::model::LocationId,
    binary: &Binary<'_>,
) -> Option<u64> {
    let location = profile.location(location);
    if location.mapping != mapping {
        return None;
    }
    match location.mapping {
        Some(m) => elf_address(binary.elf(), &profile.mappings[m.index()], location.address),
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
fn target(binary: &Binary<'_>, address: u64, here: &Extent) -> String {
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
