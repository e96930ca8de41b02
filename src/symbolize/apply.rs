//! Names for the locations of a profile, and the count of what was named by what.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::identity::{Agreement, Comparison, Identity};
use super::space::{elf_address, is_kernel_page};
use super::{Binary, Frame, Miss, Source};
use crate::model::{FunctionId, Line, LocationId, MappingId, Profile, StringId};

/// What the names of a profile rest on. Counts are of locations that samples use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Locations in all.
    pub locations: u64,
    /// Named by the program itself; the names were kept.
    pub embedded: u64,
    /// Named from a binary, by table.
    pub named: BTreeMap<Source, u64>,
    /// Without a name, by reason.
    pub missing: BTreeMap<Miss, u64>,
    /// Names of the program that were replaced by different ones (`--symbolize=force`).
    pub disagreed: u64,
    /// The binaries that were compared.
    pub identities: Vec<Identity>,
    /// A binary was used although it is another one (`--trust-binary`).
    pub trusted: bool,
}

impl Coverage {
    /// Locations that have a name.
    #[must_use]
    pub fn named_total(&self) -> u64 {
        self.embedded + self.named.values().sum::<u64>()
    }

    /// Locations that have none.
    #[must_use]
    pub fn missing_total(&self) -> u64 {
        self.missing.values().sum()
    }
}

/// One binary for one mapping (or for a profile without mappings), as `--binary` gives it.
pub struct Single<'b, 'd> {
    /// The mapping that it is for.
    pub mapping: Option<MappingId>,
    /// The binary.
    pub binary: &'b Binary<'d>,
    /// Why it must not be used, if so.
    pub refused: Option<Miss>,
}

/// Counts the names that a profile has, without any binary.
#[must_use]
pub fn survey(profile: &Profile) -> Coverage {
    let mut coverage = Coverage::default();
    for (n, location) in used(profile) {
        coverage.locations += 1;
        if location_is_named(profile, n) {
            coverage.embedded += 1;
        } else {
            let miss = match location.mapping.map(|m| &profile.mappings[m.index()]) {
                None => Miss::NoMapping,
                Some(m) if is_kernel_page(profile.text(m.file)) => Miss::KernelPage,
                Some(_) => Miss::NoBinary,
            };
            *coverage.missing.entry(miss).or_default() += 1;
        }
    }
    coverage
}

/// Names the locations that have no name; with `force`, all that the binary can name.
pub fn apply(profile: &mut Profile, binary: &Single<'_, '_>, force: bool) -> Coverage {
    let rows: Vec<LocationId> = used(profile).map(|(n, _)| n).collect();
    let mut coverage = Coverage {
        locations: rows.len() as u64,
        ..Coverage::default()
    };
    let mut functions = Functions::of(profile);
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let mut comparison = Comparison::default();
    for id in rows {
        let location = *profile.location(id);
        let named = location_is_named(profile, id);
        // Texts of Go shorten type arguments; the binary has them in full.
        let shortened = named && !force && has_short_names(profile, id);
        if named && !force && !shortened {
            coverage.embedded += 1;
            continue;
        }
        frames.clear();
        match look_up(profile, location.mapping, location.address, binary, &mut frames) {
            Ok(()) if shortened => {
                coverage.embedded += 1;
                if comparison.agreement(profile, id, &frames) == Agreement::Full {
                    let lines: Vec<Line> = frames.iter().map(|f| functions.line(profile, f)).collect();
                    profile.set_lines(id, &lines);
                }
            }
            Ok(()) => {
                if named && comparison.agreement(profile, id, &frames) != Agreement::Full {
                    coverage.disagreed += 1;
                }
                let source = frames.first().map_or(Source::GoTable, |f| f.source);
                *coverage.named.entry(source).or_default() += 1;
                let lines: Vec<Line> = frames.iter().map(|f| functions.line(profile, f)).collect();
                profile.set_lines(id, &lines);
            }
            Err(_) if named => coverage.embedded += 1,
            Err(miss) => *coverage.missing.entry(miss).or_default() += 1,
        }
    }
    coverage
}

fn look_up<'b>(
    profile: &Profile,
    mapping: Option<MappingId>,
    address: u64,
    single: &Single<'b, '_>,
    frames: &mut Vec<Frame<'b>>,
) -> Result<(), Miss> {
    let row = mapping.map(|m| &profile.mappings[m.index()]);
    match row {
        Some(row) if is_kernel_page(profile.text(row.file)) => return Err(Miss::KernelPage),
        None if !profile.mappings.is_empty() => return Err(Miss::NoMapping),
        _ if mapping != single.mapping => return Err(Miss::NoBinary),
        _ => {}
    }
    if let Some(miss) = single.refused {
        return Err(miss);
    }
    let address = match row {
        Some(row) => elf_address(single.binary.elf(), row, address).ok_or(Miss::OutsideFile)?,
        None => address,
    };
    single.binary.lookup(address, frames)
}

/// Whether type arguments are missing in a name, as Go's texts print it.
fn has_short_names(profile: &Profile, id: LocationId) -> bool {
    let lines = profile.lines_of(id).iter();
    lines
        .into_iter()
        .any(|l| profile.function_name(l.function).contains("[...]"))
}

/// The ELF address of a location that the binary is for.
pub(super) fn elf_address_of(profile: &Profile, single: &Single<'_, '_>, id: LocationId) -> Option<u64> {
    let location = profile.location(id);
    if location.mapping != single.mapping || location.address == 0 {
        return None;
    }
    match location.mapping {
        Some(m) => elf_address(single.binary.elf(), &profile.mappings[m.index()], location.address),
        None => Some(location.address),
    }
}

fn location_is_named(profile: &Profile, id: LocationId) -> bool {
    profile
        .lines_of(id)
        .iter()
        .any(|l| !profile.function_name(l.function).is_empty())
}

/// The locations that stacks refer to, each once.
fn used(profile: &Profile) -> impl Iterator<Item = (LocationId, &crate::model::Location)> {
    let mut used = vec![false; profile.locations.len()];
    for (_, stack) in profile.stacks.iter() {
        for id in stack {
            if let Some(flag) = used.get_mut(id.index()) {
                *flag = true;
            }
        }
    }
    let rows = profile.locations.iter().enumerate();
    rows.zip(used)
        .filter(|(_, used)| *used)
        .map(|((n, l), _)| (LocationId::new(n), l))
}

/// Function rows by name and file, so that a name found twice is one function.
struct Functions(FxHashMap<(StringId, StringId), FunctionId>);

impl Functions {
    fn of(profile: &Profile) -> Self {
        let rows = profile.functions.iter().enumerate();
        Functions(rows.map(|(n, f)| ((f.name, f.filename), FunctionId::new(n))).collect())
    }

    fn line(&mut self, profile: &mut Profile, frame: &Frame<'_>) -> Line {
        let key = (
            profile.strings.intern(&frame.function),
            profile.strings.intern(&frame.file),
        );
        let function = *self.0.entry(key).or_insert_with(|| {
            profile.add_function(
                &frame.function,
                &frame.function,
                &frame.file,
                i64::from(frame.start_line),
            )
        });
        Line {
            function,
            line: i64::from(frame.line),
            column: 0,
        }
    }
}
