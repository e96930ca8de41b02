//! `callgrind`: for kcachegrind. Names are written once and numbered, addresses relative to the previous node where that
//! is shorter.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use crate::analysis::{CallCosts, NodeInfo, View};
use crate::model::{StringId, units};

/// Prints all nodes and calls.
///
/// # Errors
/// What `out` reports.
pub fn callgrind(report: &CallCosts, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let unit = &report.header.output_unit;
    let cost = |v: i64| view.whole(units::scale(v, &view.unit, unit).0);
    let text = |id: StringId| view.profile.text(id);
    writeln!(out, "positions: instr line")?;
    writeln!(out, "events: {}({unit})", report.header.sample_type)?;
    let (mut objects, mut files, mut functions) = (Names::default(), Names::default(), Names::default());
    let mut previous: Option<&NodeInfo> = None;
    for n in 0..report.len() {
        let (info, flat) = report.node(n);
        let group = |i: &NodeInfo| (i.object, i.file, i.name);
        if previous.is_none_or(|p| group(p) != group(info)) {
            writeln!(out, "\nob={}", objects.number(text(info.object), None))?;
            writeln!(out, "fl={}", files.number(text(info.file), None))?;
            writeln!(out, "fn={}", functions.number(text(info.name), None))?;
        }
        writeln!(out, "{} {} {}", address(previous, info.address), info.line, cost(flat))?;
        for call in report.calls(n) {
            let callee = &call.callee;
            writeln!(out, "cfl={}", files.number(text(callee.file), None))?;
            writeln!(out, "cfn={}", functions.number(text(call.name), call.ordinal))?;
            writeln!(out, "calls=0 {} {}", address(previous, callee.address), callee.line)?;
            writeln!(out, "* * {}", cost(call.weight))?;
        }
        previous = Some(info);
    }
    Ok(())
}

/// A name and, where several nodes share it, which of how many.
type Numbered<'a> = (&'a str, Option<(u32, u32)>);

/// Names that were already written.
#[derive(Default)]
struct Names<'a> {
    numbers: FxHashMap<Numbered<'a>, usize>,
}

impl<'a> Names<'a> {
    /// `(1) name` for a new name, `(1)` for a known one.
    fn number(&mut self, name: &'a str, ordinal: Option<(u32, u32)>) -> String {
        if name.is_empty() && ordinal.is_none() {
            return String::new();
        }
        let next = self.numbers.len() + 1;
        let n = *self.numbers.entry((name, ordinal)).or_insert(next);
        match ordinal {
            _ if n != next => format!("({n})"),
            None => format!("({n}) {name}"),
            Some((i, count)) => format!("({n}) {name} [{i}/{count}]"),
        }
    }
}

fn address(previous: Option<&NodeInfo>, address: u64) -> String {
    let absolute = format!("{address:#x}");
    let Some(previous) = previous else {
        return absolute;
    };
    if previous.address == address {
        return "*".to_owned();
    }
    let relative = format!("{:+}", address.wrapping_sub(previous.address) as i64);
    if relative.len() < absolute.len() {
        relative
    } else {
        absolute
    }
}
