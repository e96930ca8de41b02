//! Adding profiles up: one set of tables, equal samples once, in the order in which they first occur.
//!
//! Keys and header rules are those of google/pprof's `profile.Merge` (facts: mapping by size rounded to 4 KiB, offset
//! and build ID or file; location by address within its mapping, mapping, lines and folding; function by names, file
//! and start line; sample by stack and labels), so that `raw` of a merged profile numbers its rows the same way.
//! Subtracting is scaling by -1 and merging.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};

use super::align::{MergeError, align, type_text, types_text};
use super::{
    Function, FunctionId, Label, LabelKind, Line, Location, LocationId, Mapping, MappingId, Profile, Samples, StringId,
    ValueType,
};

/// How to merge.
#[derive(Clone, Copy, Debug)]
pub struct MergeOptions {
    /// Leave out samples all of whose values are zero, before and after adding. `go tool pprof` does.
    pub drop_zero: bool,
    /// A later profile without a time makes the result have none, as `go tool pprof` has it; otherwise the earliest
    /// known time is kept.
    pub zero_time_wins: bool,
    /// Locations that differ in nothing but the columns of inlined lines are one, as `go tool pprof` has it. Go writes no
    /// columns.
    pub outer_column_only: bool,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self {
            drop_zero: true,
            zero_time_wins: false,
            outer_column_only: false,
        }
    }
}

/// Adds up `profiles`: sample types are intersected by name in the order of the first profile, units brought to the
/// finest, equal samples added. The header is that of the first profile, with the earliest time, the sum of the
/// durations, the largest period and all comments.
///
/// # Errors
/// When they do not measure the same thing.
pub fn merge(mut profiles: Vec<Profile>, options: MergeOptions) -> Result<Profile, MergeError> {
    align(&mut profiles)?;
    let refs: Vec<&Profile> = profiles.iter().collect();
    let merged = add(&refs, options)?;
    drop(profiles);
    if options.drop_zero && (0..merged.samples.len()).any(|i| is_zero(merged.samples.values(i))) {
        // Samples that cancelled out leave tables behind that nothing refers to any more.
        return add(&[&merged], options);
    }
    Ok(merged)
}

fn is_zero(values: &[i64]) -> bool {
    values.iter().all(|&v| v == 0)
}

#[derive(PartialEq, Eq, Hash)]
struct MappingKey {
    size: u64,
    offset: u64,
    identity: StringId,
}

#[derive(Default)]
pub(super) struct Merger {
    pub(super) out: Profile,
    mappings: FxHashMap<MappingKey, MappingId>,
    functions: FxHashMap<(i64, StringId, StringId, StringId), FunctionId>,
    locations: HashTable<u32>,
    /// Rows of the samples of `out` by stack and labels.
    samples: HashTable<u32>,
    /// Scratch space.
    frames: Vec<LocationId>,
    labels: Vec<Label>,
    outer_column_only: bool,
}

/// What the ids of one source became.
pub(super) struct Remap<'a> {
    src: &'a Profile,
    strings: Vec<Option<StringId>>,
    mappings: Vec<Option<(MappingId, u64)>>,
    functions: Vec<Option<FunctionId>>,
    pub(super) locations: Vec<Option<LocationId>>,
    stacks: Vec<Option<super::StackId>>,
}

impl<'a> Remap<'a> {
    pub(super) fn new(src: &'a Profile) -> Self {
        Self {
            src,
            strings: vec![None; src.strings.len()],
            mappings: vec![None; src.mappings.len()],
            functions: vec![None; src.functions.len()],
            locations: vec![None; src.locations.len()],
            stacks: vec![None; src.stacks.len()],
        }
    }
}

pub(super) fn add(sources: &[&Profile], options: MergeOptions) -> Result<Profile, MergeError> {
    let mut m = Merger::new(sources, options)?;
    for &src in sources {
        let mut map = m.begin(src);
        m.reserve(src.samples.len(), src.stacks.len(), src.stacks.frame_count());
        for i in 0..src.samples.len() {
            let values = src.samples.values(i);
            if options.drop_zero && is_zero(values) {
                continue;
            }
            let stack = m.stack(&mut map, src.samples.stack(i))?;
            m.sample(&mut map, stack, src.samples.labels(i), values, true);
        }
    }
    Ok(m.out)
}

fn header(sources: &[&Profile], options: MergeOptions) -> Result<Profile, MergeError> {
    let first = sources[0];
    let text_of = |p: &Profile, t: Option<ValueType>| t.map_or_else(|| "/".to_owned(), |t| type_text(p, t));
    let mut out = Profile::default();
    for p in sources {
        let (a, b) = (text_of(first, first.period_type), text_of(p, p.period_type));
        if a != b {
            return Err(MergeError::PeriodTypes(a, b));
        }
        if types_text(first) != types_text(p) {
            return Err(MergeError::NoCommonTypes(types_text(first), types_text(p)));
        }
        let later_zero = options.zero_time_wins || p.time_nanos != 0;
        if out.time_nanos == 0 || (p.time_nanos < out.time_nanos && later_zero) {
            out.time_nanos = p.time_nanos;
        }
        out.duration_nanos = out.duration_nanos.wrapping_add(p.duration_nanos);
        if out.period == 0 || out.period < p.period {
            out.period = p.period;
        }
        for &c in &p.comments {
            let c = out.strings.intern(p.text(c));
            if !out.comments.contains(&c) {
                out.comments.push(c);
            }
        }
        if out.default_sample_type.is_empty() {
            out.default_sample_type = out.strings.intern(p.text(p.default_sample_type));
        }
        if out.doc_url.is_empty() {
            out.doc_url = out.strings.intern(p.text(p.doc_url));
        }
    }
    let mut copy = |t: ValueType| ValueType {
        kind: out.strings.intern(first.text(t.kind)),
        unit: out.strings.intern(first.text(t.unit)),
    };
    out.sample_types = first.sample_types.iter().map(|&t| copy(t)).collect();
    out.period_type = first.period_type.map(&mut copy);
    out.drop_frames = out.strings.intern(first.text(first.drop_frames));
    out.keep_frames = out.strings.intern(first.text(first.keep_frames));
    Ok(out)
}

fn fx(value: impl Hash) -> u64 {
    let mut h = FxHasher::default();
    value.hash(&mut h);
    h.finish()
}

impl Merger {
    /// With the header of what `sources` will add up to.
    pub(super) fn new(sources: &[&Profile], options: MergeOptions) -> Result<Self, MergeError> {
        let mut out = header(sources, options)?;
        out.samples = Samples::new(out.sample_types.len());
        Ok(Self {
            out,
            outer_column_only: options.outer_column_only,
            ..Self::default()
        })
    }

    /// Takes the comments of a source as they are.
    pub(super) fn comments(&mut self, map: &mut Remap<'_>) {
        let comments: Vec<StringId> = map.src.comments.iter().map(|&c| self.string(map, c)).collect();
        self.out.comments = comments;
    }

    /// Begins with a source. The first mapping of all is the main binary and stays first.
    pub(super) fn begin<'a>(&mut self, src: &'a Profile) -> Remap<'a> {
        let mut map = Remap::new(src);
        if self.out.mappings.is_empty() && !src.mappings.is_empty() {
            self.mapping(&mut map, MappingId::new(0));
        }
        map
    }

    /// Makes room for what the first source has; what later ones have is mostly there by then.
    fn reserve(&mut self, samples: usize, stacks: usize, frames: usize) {
        if self.out.samples.is_empty() {
            // Nothing is in the table yet, so nothing is hashed again.
            self.out.stacks.reserve(stacks, frames);
            self.out.samples.reserve(samples, samples * self.out.sample_types.len());
            self.samples.reserve(samples, |_| 0);
        }
    }

    /// Makes room for as many locations and functions as `src` has.
    pub(super) fn reserve_tables(&mut self, src: &Profile) {
        self.out.locations.reserve(src.locations.len());
        self.out.lines.reserve(src.lines.len());
        self.out.functions.reserve(src.functions.len());
        self.locations.reserve(src.locations.len(), |_| 0);
        self.functions.reserve(src.functions.len());
    }

    fn string(&mut self, map: &mut Remap<'_>, id: StringId) -> StringId {
        if id.is_empty() {
            return id;
        }
        *map.strings[id.index()].get_or_insert_with(|| self.out.strings.intern(map.src.text(id)))
    }

    fn mapping(&mut self, map: &mut Remap<'_>, id: MappingId) -> (MappingId, u64) {
        if let Some(known) = map.mappings[id.index()] {
            return known;
        }
        let src = &map.src.mappings[id.index()];
        let file = self.string(map, src.file);
        let build_id = self.string(map, src.build_id);
        let size = src.limit.wrapping_sub(src.start).wrapping_add(0xfff) & !0xfff;
        let identity = if build_id.is_empty() { file } else { build_id };
        let key = MappingKey {
            size,
            offset: src.offset,
            identity,
        };
        let next = MappingId::new(self.out.mappings.len());
        let to = *self.mappings.entry(key).or_insert(next);
        if to == next {
            let row = Mapping {
                id: self.out.mappings.len() as u64 + 1,
                file,
                build_id,
                ..src.clone()
            };
            self.out.mappings.push(row);
        }
        let shift = self.out.mappings[to.index()].start.wrapping_sub(src.start);
        map.mappings[id.index()] = Some((to, shift));
        (to, shift)
    }

    fn function(&mut self, map: &mut Remap<'_>, id: FunctionId) -> FunctionId {
        if let Some(known) = map.functions[id.index()] {
            return known;
        }
        let src = *map.src.function(id);
        let name = self.string(map, src.name);
        let system_name = self.string(map, src.system_name);
        let filename = self.string(map, src.filename);
        let next = FunctionId::new(self.out.functions.len());
        let to = *self
            .functions
            .entry((src.start_line, name, system_name, filename))
            .or_insert(next);
        if to == next {
            let id = self.out.functions.len() as u64 + 1;
            self.out.functions.push(Function {
                id,
                name,
                system_name,
                filename,
                start_line: src.start_line,
            });
        }
        map.functions[id.index()] = Some(to);
        to
    }

    pub(super) fn location(&mut self, map: &mut Remap<'_>, id: LocationId) -> LocationId {
        if let Some(known) = map.locations[id.index()] {
            return known;
        }
        let src = map.src;
        let from = *src.location(id);
        let (mapping, shift) = match from.mapping {
            Some(mapping) => {
                let (to, shift) = self.mapping(map, mapping);
                (Some(to), shift)
            }
            None => (None, 0),
        };
        let first_line = self.out.lines.len();
        for line in src.lines_of(id) {
            let function = self.function(map, line.function);
            self.out.lines.push(Line { function, ..*line });
        }
        let location = Location {
            id: self.out.locations.len() as u64 + 1,
            address: from.address.wrapping_add(shift),
            mapping,
            folded: from.folded,
            first_line: first_line as u32,
            line_count: from.line_count,
        };
        let Self { out, locations, .. } = self;
        let outer_column_only = self.outer_column_only;
        // What of a line tells locations apart.
        let telling = |(i, line): (usize, &Line)| {
            let column = if outer_column_only && i + 1 < location.line_count as usize {
                0
            } else {
                line.column
            };
            (line.function, line.line, column)
        };
        let key = |out: &Profile, l: &Location| {
            let start = l.mapping.map_or(0, |m| out.mappings[m.index()].start);
            let lines = &out.lines[l.first_line as usize..(l.first_line + l.line_count) as usize];
            let mut h = FxHasher::default();
            (l.address.wrapping_sub(start), l.mapping, l.folded).hash(&mut h);
            for line in lines {
                (line.function, line.line).hash(&mut h);
            }
            h.finish()
        };
        let h = key(out, &location);
        let same = |out: &Profile, i: u32| {
            let o = &out.locations[i as usize];
            o.address == location.address
                && o.mapping == location.mapping
                && o.folded == location.folded
                && o.line_count == location.line_count
                && (out
                    .lines_of(LocationId::new(i as usize))
                    .iter()
                    .enumerate()
                    .map(telling))
                .eq(out.lines[first_line..].iter().enumerate().map(telling))
        };
        let to = match locations.find(h, |&i| same(out, i)) {
            Some(&i) => {
                out.lines.truncate(first_line);
                LocationId::new(i as usize)
            }
            None => {
                let to = LocationId::new(out.locations.len());
                out.locations.push(location);
                locations.insert_unique(h, to.raw(), |&i| key(out, &out.locations[i as usize]));
                to
            }
        };
        map.locations[id.index()] = Some(to);
        to
    }

    fn stack(&mut self, map: &mut Remap<'_>, id: super::StackId) -> Result<super::StackId, MergeError> {
        if let Some(known) = map.stacks[id.index()] {
            return Ok(known);
        }
        let src = map.src;
        let mut frames = std::mem::take(&mut self.frames);
        frames.clear();
        for &l in src.stack(id) {
            frames.push(match map.locations[l.index()] {
                Some(known) => known,
                None => self.location(map, l),
            });
        }
        let to = self.out.stacks.intern(&frames).ok_or(MergeError::TooLarge)?;
        self.frames = frames;
        map.stacks[id.index()] = Some(to);
        Ok(to)
    }

    /// Adds a sample of `map`'s source whose stack is `stack` by now. `may_exist`: there may be an equal one already.
    pub(super) fn sample(
        &mut self,
        map: &mut Remap<'_>,
        stack: super::StackId,
        labels: &[Label],
        values: &[i64],
        may_exist: bool,
    ) {
        let mut own = std::mem::take(&mut self.labels);
        own.clear();
        for l in labels {
            own.push(Label {
                key: self.string(map, l.key),
                text: self.string(map, l.text),
                number: l.number,
                unit: self.string(map, l.unit),
                bare_zero: l.bare_zero,
            });
        }
        self.canonical(&mut own);
        if may_exist {
            self.add_sample(stack, &own, values);
        } else {
            self.out.samples.push(stack, values, &own);
        }
        self.labels = own;
    }

    /// Texts before numbers, each by key; values of one key keep their order.
    fn canonical(&self, labels: &mut [Label]) {
        if labels.len() < 2 {
            return;
        }
        labels.sort_by(|a, b| {
            let rank = |l: &Label| u8::from(l.kind() == LabelKind::Number);
            rank(a)
                .cmp(&rank(b))
                .then_with(|| self.out.text(a.key).cmp(self.out.text(b.key)))
        });
    }

    fn add_sample(&mut self, stack: super::StackId, labels: &[Label], values: &[i64]) {
        let Self { samples, out, .. } = self;
        let rows = &mut out.samples;
        let h = fx((stack, labels));
        let found = samples.find(h, |&i| {
            rows.stack(i as usize) == stack && rows.labels(i as usize) == labels
        });
        match found {
            Some(&i) => {
                for (sum, v) in rows.values_mut(i as usize).iter_mut().zip(values) {
                    *sum = sum.wrapping_add(*v);
                }
            }
            None => {
                let i = rows.len() as u32;
                rows.push(stack, values, labels);
                samples.insert_unique(h, i, |&i| fx((rows.stack(i as usize), rows.labels(i as usize))));
            }
        }
    }
}
