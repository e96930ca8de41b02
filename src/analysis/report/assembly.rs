//! `disasm` as `go tool pprof` adds it up: the instructions of the functions that match, with the rows of their addresses.
//!
//! A row counts for the instruction that it points into, and all rows of a function count for the function, so that
//! recursion counts again (D1). [`disassembly`](super::disasm::disassembly) is the native report, where a sample counts once.

use crate::analysis::graph::nodes::base_name;
use crate::analysis::graph::{Node, trim};
use crate::analysis::{Header, QueryError, TrimMode, View, go_regexp};
use crate::model::{Mapping, MappingId};
use crate::symbolize::disasm::{Extent, disassemble, functions};
use crate::symbolize::space::elf_address;
use crate::symbolize::{Binary, Frame};

/// One instruction and the rows that point into it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct AssemblyLine {
    /// Address in the file.
    pub address: u64,
    /// Own value.
    pub flat: i64,
    /// Own value and that of everything below.
    pub cum: i64,
    /// The instruction; what it calls stands in angle brackets behind it.
    pub text: String,
    /// The function of its rows; empty where there are none.
    pub function: String,
    /// Name of the source file without folders, or empty.
    pub file: String,
    /// Source line; 0 when unknown.
    pub line: i64,
}

/// A function with its instructions.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Routine {
    /// Linker name.
    pub name: String,
    /// Sum of the flat values of all its rows.
    pub flat: i64,
    /// Sum of the cum values of all its rows.
    pub cum: i64,
    /// All instructions, by address.
    pub lines: Vec<AssemblyLine>,
}

/// The answer to `disasm` of the compatible command.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembly {
    /// The total and its unit.
    pub header: Header,
    /// Functions by name and address, or the largest own value first.
    pub routines: Vec<Routine>,
    /// Functions of the binaries that match, be there samples in them or not.
    pub matched: usize,
}

/// In which order functions stand, and how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoutineOrder {
    /// All, by name.
    Name,
    /// So many, the largest own value first.
    Flat(usize),
}

/// The functions of some mapped binaries whose name matches, or in which the address `address` of the file lies, and which
/// have rows. The view must have the granularity of addresses.
///
/// # Errors
/// When `matching` is malformed.
pub fn assembly(
    view: &View,
    binaries: &[(MappingId, &Binary<'_>)],
    matching: &str,
    address: Option<u64>,
    order: RoutineOrder,
) -> Result<Assembly, QueryError> {
    let re = go_regexp::compile("the argument", matching)?;
    let trimmed = trim::trimmed_graph(view, TrimMode::Callgrind, 0);
    let mut routines: Vec<(Routine, u64)> = Vec::new();
    let mut matched = 0;
    for &(mapping, binary) in binaries {
        let rows = rows_by_address(trimmed.graph.rows(), &view.profile.mappings[mapping.index()], binary);
        let mut found = functions(binary, |name| re.is_match(name));
        if let Some(address) = address
            && !found.iter().any(|f| (f.start..f.end).contains(&address))
        {
            let all = functions(binary, |_| true);
            found.extend(all.into_iter().filter(|f| (f.start..f.end).contains(&address)));
        }
        matched += found.len();
        for extent in &found {
            let first = rows.partition_point(|r| r.0 < extent.start);
            let rows = &rows[first..];
            let rows = &rows[..rows.partition_point(|r| r.0 < extent.end)];
            if !rows.is_empty() {
                routines.push((routine(view, binary, extent, rows), extent.start));
            }
        }
    }
    let by_name = |a: &(Routine, u64), b: &(Routine, u64)| (&a.0.name, a.1).cmp(&(&b.0.name, b.1));
    match order {
        RoutineOrder::Name => routines.sort_by(by_name),
        RoutineOrder::Flat(most) => {
            routines.sort_by(|a, b| b.0.flat.cmp(&a.0.flat).then_with(|| by_name(a, b)));
            routines.truncate(most);
        }
    }
    Ok(Assembly {
        header: Header::new(view),
        routines: routines.into_iter().map(|(routine, _)| routine).collect(),
        matched,
    })
}

/// The rows of a mapping by their address in its file.
fn rows_by_address<'a>(rows: &'a [Node], mapping: &Mapping, binary: &Binary<'_>) -> Vec<(u64, &'a Node)> {
    let inside = |address: u64| mapping.limit == 0 || (mapping.start..mapping.limit).contains(&address);
    let mut placed: Vec<(u64, &Node)> = (rows.iter())
        .filter(|n| n.info.address != 0 && inside(n.info.address))
        .filter_map(|n| Some((elf_address(binary.elf(), mapping, n.info.address)?, n)))
        .collect();
    placed.sort_by_key(|(address, _)| *address);
    placed
}

fn routine(view: &View, binary: &Binary<'_>, extent: &Extent, rows: &[(u64, &Node)]) -> Routine {
    let p = &view.profile;
    let mut routine = Routine {
        name: extent.name.clone(),
        ..Routine::default()
    };
    for (_, row) in rows {
        routine.flat = routine.flat.wrapping_add(row.flat);
        routine.cum = routine.cum.wrapping_add(row.cum);
    }
    let mut rest = rows;
    let mut frames: Vec<Frame<'_>> = Vec::new();
    for instruction in disassemble(binary, extent) {
        let next = instruction.address.saturating_add(u64::from(instruction.length));
        let (here, behind) = rest.split_at(rest.partition_point(|r| r.0 < next));
        rest = behind;
        frames.clear();
        let _ = binary.lookup(instruction.address, &mut frames);
        let innermost = frames.first();
        let mut line = AssemblyLine {
            address: instruction.address,
            text: instruction.text,
            file: innermost.map_or_else(String::new, |f| match &*f.file {
                "" | "?" => String::new(),
                file => base_name(file).to_owned(),
            }),
            line: innermost.map_or(0, |f| i64::from(f.line)),
            ..AssemblyLine::default()
        };
        if let Some(target) = instruction.target {
            let name = super::disasm::target(binary, target, extent);
            if !name.is_empty() {
                line.text = format!("{} <{name}>", line.text);
            }
        }
        let mut sum = Node::default();
        for (_, row) in here {
            sum.flat = sum.flat.wrapping_add(row.flat);
            sum.flat_div = sum.flat_div.wrapping_add(row.flat_div);
            sum.cum = sum.cum.wrapping_add(row.cum);
            sum.cum_div = sum.cum_div.wrapping_add(row.cum_div);
        }
        (line.flat, line.cum) = (sum.flat_value(), sum.cum_value());
        // Of several rows the first by name gives what the file does not say.
        let mut told: Vec<_> = (here.iter())
            .map(|(_, row)| (p.text(row.info.name), p.text(row.info.file), row.info.line))
            .collect();
        told.sort_unstable();
        for (name, file, number) in told {
            if line.function.is_empty() {
                name.clone_into(&mut line.function);
            }
            if line.file.is_empty() && !file.is_empty() {
                base_name(file).clone_into(&mut line.file);
            }
            if line.line == 0 {
                line.line = number;
            }
        }
        routine.lines.push(line);
    }
    routine
}
