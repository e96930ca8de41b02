//! Names for addresses from binaries that are where the profile says, as `go tool pprof` finds them: one frame an address,
//! the function that was compiled there with the file and line of what was inlined into it.
//!
//! The native commands use `symbolize` to the full; only the compatible command does this.

use std::path::Path;

use rustc_hash::FxHashMap;

use crate::model::{FunctionId, Line, LocationId, Mapping, MappingId, Profile};
use crate::symbolize::locate::Image;
use crate::symbolize::space::elf_address;
use crate::symbolize::{Binary, Frame, Source};

/// Names the locations of mappings that claim to have no names; with `force`, of all.
pub(super) fn symbolize(p: &mut Profile, force: bool) {
    let mut locations: Vec<Vec<LocationId>> = vec![Vec::new(); p.mappings.len()];
    for (i, l) in p.locations.iter().enumerate() {
        if let Some(m) = l.mapping {
            locations[m.index()].push(LocationId::new(i));
        }
    }
    let mut functions = FxHashMap::default();
    let mut incomplete = false;
    for (i, locations) in locations.iter().enumerate() {
        let m = &p.mappings[i];
        let named = m.has_functions || m.has_filenames || m.has_line_numbers;
        let file = p.text(m.file).to_owned();
        if locations.is_empty() || named && !force {
            continue;
        }
        if file.is_empty() {
            if i == 0 {
                say!("Main binary filename not available.");
            } else {
                incomplete = true;
            }
            continue;
        }
        if is_no_file(&file) {
            continue;
        }
        if let Err(reason) = symbolize_mapping(p, MappingId::new(i), locations, &file, &mut functions) {
            let name = crate::analysis::base_name(&file);
            say!("Local symbolization failed for {name}: {reason}");
            incomplete = true;
        }
    }
    if incomplete {
        say!(
            "Some binary filenames not available. Symbolization may be incomplete.\n\
             Try setting PPROF_BINARY_PATH to the search path for local binaries."
        );
    }
}

/// Mappings of the kernel and of devices.
fn is_no_file(file: &str) -> bool {
    let name = crate::analysis::base_name(file);
    name.starts_with('[')
        || name.starts_with("linux-vdso")
        || file.starts_with("/dev/dri/")
        || file.starts_with("/memfd:")
        || file == "//anon"
}

/// New functions by name and file.
type Functions = FxHashMap<(String, String), FunctionId>;

fn symbolize_mapping(
    p: &mut Profile,
    mapping: MappingId,
    locations: &[LocationId],
    file: &str,
    functions: &mut Functions,
) -> Result<(), String> {
    let image = Image::open(Path::new(file)).map_err(|e| e.to_string())?;
    let binary = Binary::parse(&image).map_err(|e| e.to_string())?;
    let mut frames: Vec<Frame<'_>> = Vec::new();
    for &id in locations {
        let m = p.mappings[mapping.index()].clone();
        frames.clear();
        let address = address_in_file(&binary, &m, p.location(id).address);
        let found = address.is_some_and(|address| binary.lookup(address, &mut frames).is_ok());
        let (Some(inner), Some(outer)) = (frames.first(), frames.last()) else {
            continue;
        };
        if !found || outer.source == Source::SymbolTable {
            continue;
        }
        // The function that was compiled there, be it a wrapper that tracebacks hide.
        let compiled = binary
            .go()
            .ok()
            .zip(address)
            .and_then(|(table, address)| table.function_at(address));
        let name = compiled.map_or_else(|| outer.function.to_string(), |f| f.name.to_owned());
        let key = (name, inner.file.to_string());
        let function = match functions.get(&key) {
            Some(&known) => known,
            None => {
                let made = p.add_function(&key.0, &key.0, &key.1, 0);
                functions.insert(key, made);
                made
            }
        };
        let line = Line {
            function,
            line: i64::from(inner.line),
            column: 0,
        };
        p.set_lines(id, &[line]);
        p.locations[id.index()].folded = false;
        let m = &mut p.mappings[mapping.index()];
        m.has_functions |= !p.functions[function.index()].name.is_empty();
        m.has_filenames |= !inner.file.is_empty();
        m.has_line_numbers |= inner.line != 0;
        m.has_inline_frames = true;
    }
    Ok(())
}

/// An address as the file has it. Without a start, addresses are those of the file.
fn address_in_file(binary: &Binary<'_>, m: &Mapping, address: u64) -> Option<u64> {
    if m.start == 0 {
        return Some(address);
    }
    elf_address(binary.elf(), m, address)
}
