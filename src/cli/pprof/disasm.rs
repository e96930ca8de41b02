//! `disasm` and the instructions of `weblist`: which binaries are read, and the reasons where none can be.
//!
//! The file that the profile or the command line names comes first, as in `go tool pprof`; then what is kept under the build
//! ID. A binary of another build is refused: its instructions would be those of another program (D33).

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use rustc_hash::FxHashSet;

use super::Failure;
use crate::analysis::{self, CallCosts, RoutineOrder, View};
use crate::input;
use crate::model::{MappingId, StringId};
use crate::render::{pprof as text, system_reason};
use crate::symbolize::identity::build_ids_agree;
use crate::symbolize::locate::MappedBinary;
use crate::symbolize::names::readable;
use crate::symbolize::space::elf_address;
use crate::symbolize::{Binary, Frame};

/// Prints the functions that match. What is wrong with files goes to `complaints`.
///
/// # Errors
/// When no function can be shown; what `out` or `complaints` report.
pub(super) fn print(
    view: &View,
    matching: &str,
    order: RoutineOrder,
    out: &mut dyn Write,
    complaints: &mut dyn Write,
) -> Result<(), Failure> {
    let address = super::numbers::int(matching).and_then(|n| u64::try_from(n).ok());
    let costs = analysis::call_costs(view);
    let found = matching_objects(&costs, view, matching).map_err(|e| Failure::Query(e.to_string()))?;
    let covers = |m: MappingId| {
        let m = &view.profile.mappings[m.index()];
        found.contains(&m.file) || address.is_some_and(|a| m.start <= a && a <= m.limit)
    };
    let mapped = open(view, covers, complaints)?;
    let binaries = parsed(&mapped);
    let pairs: Vec<(MappingId, &Binary<'_>)> = binaries.iter().map(|(m, binary)| (*m, binary)).collect();
    let report =
        analysis::assembly(view, &pairs, matching, address, order).map_err(|e| Failure::Query(e.to_string()))?;
    if !report.routines.is_empty() {
        return Ok(text::disasm(&report, view, out)?);
    }
    Err(Failure::Query(match address {
        None => format!("no matches found for regexp {matching}"),
        Some(address) if report.matched == 0 => format!("no matches found for address {address:#x}"),
        Some(address) => format!(
            "address {address:#x} found in binary, but the corresponding symbols do not have samples in the profile"
        ),
    }))
}

/// The binaries of the mappings that `wanted` accepts, as far as they are on this machine. `complaints` gets a line for
/// every other.
///
/// # Errors
/// What `complaints` reports.
pub(super) fn open(
    view: &View,
    wanted: impl Fn(MappingId) -> bool,
    complaints: &mut dyn Write,
) -> io::Result<Vec<(MappingId, MappedBinary)>> {
    let mut opened = Vec::new();
    for id in (0..view.profile.mappings.len())
        .map(MappingId::new)
        .filter(|&id| wanted(id))
    {
        let m = &view.profile.mappings[id.index()];
        let (file, build_id) = (view.profile.text(m.file), view.profile.text(m.build_id));
        match named(view, id) {
            Ok(mapped) => opened.push((id, mapped)),
            Err(reason) => match input::kept_binary(file, build_id) {
                Some(mapped) => opened.push((id, mapped)),
                None => writeln!(complaints, "open {file}: {reason}")?,
            },
        }
    }
    Ok(opened)
}

/// The tables of binaries that were opened.
pub(super) fn parsed(mapped: &[(MappingId, MappedBinary)]) -> Vec<(MappingId, Binary<'_>)> {
    { mapped.iter() }
        .filter_map(|(id, mapped)| Some((*id, mapped.binary().ok()?)))
        .collect()
}

/// The file that a mapping names, if it can be the one that ran.
fn named(view: &View, id: MappingId) -> Result<MappedBinary, String> {
    let m = &view.profile.mappings[id.index()];
    let path = Path::new(view.profile.text(m.file));
    if let Err(e) = File::open(path) {
        return Err(system_reason(&e));
    }
    if !super::is_elf(path) {
        return Err("unrecognized object file".to_owned());
    }
    let mapped = MappedBinary::here(path).map_err(|e| e.to_string())?;
    let binary = mapped.binary().map_err(|e| e.to_string())?;
    match build_ids_agree(view.profile.text(m.build_id), &binary) {
        Some(true) => {}
        Some(false) => return Err("a binary of another build: the build IDs differ".to_owned()),
        None if !names_agree(view, id, &binary) => {
            return Err("a binary of another build: the profile has other names".to_owned());
        }
        None => {}
    }
    drop(binary);
    Ok(mapped)
}

/// Whether most functions of a mapping are in the binary where the profile says.
fn names_agree(view: &View, id: MappingId, binary: &Binary<'_>) -> bool {
    let p = &view.profile;
    let (mut same, mut other) = (0u64, 0u64);
    let mut frames: Vec<Frame<'_>> = Vec::new();
    for (i, l) in p.locations.iter().enumerate() {
        let outer = p.lines_of(crate::model::LocationId::new(i)).last();
        let (Some(outer), true) = (outer, l.mapping == Some(id)) else {
            continue;
        };
        frames.clear();
        let found = elf_address(binary.elf(), &p.mappings[id.index()], l.address)
            .is_some_and(|address| binary.lookup(address, &mut frames).is_ok());
        let name = readable(p.function_name(outer.function));
        match found && frames.iter().any(|f| readable(&f.function) == name) {
            true => same += 1,
            false => other += 1,
        }
    }
    same >= other
}

/// The mapped files with samples in a row whose name matches.
fn matching_objects(
    costs: &CallCosts,
    view: &View,
    matching: &str,
) -> Result<FxHashSet<StringId>, analysis::QueryError> {
    let expression = analysis::Expression::new("the argument", matching)?;
    let rows = (0..costs.len()).map(|n| costs.node(n).0);
    let named = rows.filter(|info| !info.object.is_empty() && expression.is_match(&info.printable(&view.profile)));
    Ok(named.map(|info| info.object).collect())
}
