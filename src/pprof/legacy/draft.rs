//! A profile that is being read: samples over addresses, before locations are numbered and mapped.

use rustc_hash::FxHashMap;

use super::maps::MapTable;
use super::{LegacyErrorKind, LegacyFormat, Result};
use crate::model::{FunctionId, Label, Line, LocationId, Mapping, MappingId, Profile, Samples, StringId, ValueType};

/// The parts of a profile in the order of the file.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) profile: Profile,
    /// Address of every place, in the order in which they were seen.
    pub(super) addresses: Vec<u64>,
    by_address: FxHashMap<u64, u32>,
    /// Name and line of a place, where the format has them.
    pub(super) lines: FxHashMap<u32, (FunctionId, i64)>,
    /// Places of all samples, one after the other.
    frames: Vec<u32>,
    rows: Vec<Row>,
    /// Values of all samples, one after the other.
    values: Vec<i64>,
}

struct Row {
    frames: std::ops::Range<usize>,
    /// Object size of a heap sample.
    bytes: Option<i64>,
}

impl Draft {
    pub(super) fn new(types: &[(&str, &str)], period_type: (&str, &str), period: i64) -> Self {
        let mut draft = Self::default();
        draft.set_types(types);
        draft.set_period_type(period_type);
        draft.profile.period = period;
        draft
    }

    fn value_type(&mut self, (kind, unit): (&str, &str)) -> ValueType {
        ValueType {
            kind: self.profile.strings.intern(kind),
            unit: self.profile.strings.intern(unit),
        }
    }

    pub(super) fn set_types(&mut self, types: &[(&str, &str)]) {
        self.profile.sample_types = types.iter().map(|&t| self.value_type(t)).collect();
    }

    pub(super) fn set_period_type(&mut self, t: (&str, &str)) {
        self.profile.period_type = Some(self.value_type(t));
    }

    /// The place at `address`.
    pub(super) fn place(&mut self, address: u64) -> u32 {
        *self.by_address.entry(address).or_insert_with(|| {
            self.addresses.push(address);
            (self.addresses.len() - 1) as u32
        })
    }

    /// The place at `address` if a sample has it.
    pub(super) fn known_place(&self, address: u64) -> Option<u32> {
        self.by_address.get(&address).copied()
    }

    /// Adds a sample whose frames are `addresses`, leaf first. All but the first `exact` are return addresses and are
    /// moved back by one, into the call.
    pub(super) fn push(&mut self, values: &[i64], addresses: &[u64], exact: usize, bytes: Option<i64>) {
        let start = self.frames.len();
        for (i, &address) in addresses.iter().enumerate() {
            let address = if i < exact { address } else { address.wrapping_sub(1) };
            let place = self.place(address);
            self.frames.push(place);
        }
        self.values.extend_from_slice(values);
        self.rows.push(Row {
            frames: start..self.frames.len(),
            bytes,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The values of the last sample.
    pub(super) fn last_values(&mut self) -> &mut [i64] {
        let types = self.values.len().checked_div(self.rows.len()).unwrap_or(0);
        let start = self.values.len() - types;
        &mut self.values[start..]
    }

    /// Addresses of the frames that called the leaf, one for each sample that has one.
    pub(super) fn second_frames(&self) -> impl Iterator<Item = u64> {
        self.rows
            .iter()
            .filter(|r| r.frames.len() > 1)
            .map(|r| self.addresses[self.frames[r.frames.start + 1] as usize])
    }

    /// Takes the second frame out of every sample for which `doomed(leaf address, second address)` holds.
    pub(super) fn drop_second_frames(&mut self, doomed: impl Fn(u64, u64) -> bool) {
        for row in &mut self.rows {
            if row.frames.len() < 2 {
                continue;
            }
            let i = row.frames.start;
            let (leaf, second) = (self.frames[i] as usize, self.frames[i + 1] as usize);
            if doomed(self.addresses[leaf], self.addresses[second]) {
                self.frames[i + 1] = self.frames[i];
                row.frames.start += 1;
            }
        }
    }

    /// Numbers the places that samples use, in the order in which they use them. Done before frames are dropped whose
    /// places shall stay in the table.
    pub(super) fn numbering(&self) -> Numbering {
        let mut ids = vec![u32::MAX; self.addresses.len()];
        let mut order = Vec::new();
        for row in &self.rows {
            for &place in &self.frames[row.frames.clone()] {
                let id = &mut ids[place as usize];
                if *id == u32::MAX {
                    *id = order.len() as u32;
                    order.push(place);
                }
            }
        }
        Numbering { ids, order }
    }

    /// Makes the profile. `maps` are the mapped files that stood behind the samples; `with_addresses` is false for
    /// formats whose addresses are mere numbers of names.
    pub(super) fn finish(
        mut self,
        format: LegacyFormat,
        numbering: Numbering,
        mut maps: MapTable,
        with_addresses: bool,
    ) -> Result<Profile> {
        let used: Vec<u64> = numbering.order.iter().map(|&p| self.mapped_address(p)).collect();
        let found = maps.assign(&used);
        let p = &mut self.profile;
        for (i, m) in maps.rows.iter().enumerate() {
            p.mappings.push(Mapping {
                id: i as u64 + 1,
                start: m.start,
                limit: m.limit,
                offset: m.offset,
                file: p.strings.intern(&m.file),
                build_id: p.strings.intern(&m.build_id),
                ..Mapping::default()
            });
        }
        // Functions in the order in which locations use them; those of no location go.
        let functions = std::mem::take(&mut p.functions);
        let mut function_ids: FxHashMap<FunctionId, FunctionId> = FxHashMap::default();
        for (&place, (&address, mapping)) in numbering.order.iter().zip(used.iter().zip(&found)) {
            let line = self.lines.get(&place).map(|&(f, line)| {
                let function = *function_ids.entry(f).or_insert_with(|| {
                    let mut row = functions[f.index()];
                    row.id = p.functions.len() as u64 + 1;
                    p.functions.push(row);
                    FunctionId::new(p.functions.len() - 1)
                });
                Line {
                    function,
                    line,
                    column: 0,
                }
            });
            let address = if with_addresses { address } else { 0 };
            p.add_location(address, mapping.map(MappingId::new), line.as_slice());
        }
        self.samples(format, &numbering)?;
        Ok(self.profile)
    }

    /// The address by which a place is looked up in the mappings; 0 (never mapped) when it has a name instead.
    fn mapped_address(&self, place: u32) -> u64 {
        if self.lines.contains_key(&place) {
            0
        } else {
            self.addresses[place as usize]
        }
    }

    fn samples(&mut self, format: LegacyFormat, numbering: &Numbering) -> Result<()> {
        let types = self.profile.sample_types.len();
        let bytes_key = self.profile.strings.intern("bytes");
        let mut samples = Samples::new(types);
        let mut stack = Vec::new();
        for (i, row) in self.rows.iter().enumerate() {
            stack.clear();
            for &place in &self.frames[row.frames.clone()] {
                stack.push(LocationId::new(numbering.ids[place as usize] as usize));
            }
            let Some(id) = self.profile.stacks.intern(&stack) else {
                return format.fail(0, LegacyErrorKind::TooMany("frames"));
            };
            let label = row.bytes.map(|n| Label::number(bytes_key, n, StringId::EMPTY));
            samples.push(id, &self.values[i * types..(i + 1) * types], label.as_slice());
        }
        self.profile.samples = samples;
        Ok(())
    }
}

/// Which place got which number.
pub(super) struct Numbering {
    ids: Vec<u32>,
    order: Vec<u32>,
}
