//! `profile.proto` bytes -> model, in one pass per table and without intermediate records for what there is much of.
//!
//! Tables refer to tables that come later in the file (samples to locations, everything to strings), so the envelope is
//! walked first for strings and small records, then for functions and locations, then for samples. What google/pprof
//! refuses as invalid is refused, with the byte at which it stands; what it drops silently (labels that are only a key)
//! is kept.

use rustc_hash::FxHashMap;

use super::decode_error::{DecodeErrorKind, Result, fail};
use super::proto;
use super::wire::{Cursor, Value};
use crate::model::{
    Function, FunctionId, Label, Line, Location, LocationId, Mapping, MappingId, Profile, Samples, StringId, ValueType,
};

/// Oddities that did not stop the decoder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeNotes {
    /// Strings that were not UTF-8; the bad bytes became U+FFFD.
    pub invalid_utf8: u64,
    /// Locations whose mapping does not exist; they have none now.
    pub dangling_mappings: u64,
    /// Fields that the format does not know, skipped.
    pub unknown_fields: u64,
}

/// Decodes an uncompressed `profile.proto`.
///
/// # Errors
/// The first violation of the format or of the model's invariants, with its byte offset.
pub fn decode(bytes: &[u8]) -> Result<(Profile, DecodeNotes)> {
    let mut d = Decoder::default();
    let census = d.census_and_header(bytes)?;
    if census.records == 0 {
        return fail(0, DecodeErrorKind::Empty);
    }
    d.strings(bytes, &census)?;
    d.resolve_header()?;
    d.functions_and_mappings(bytes, &census)?;
    d.locations(bytes, &census)?;
    d.samples(bytes, &census)?;
    d.profile.stacks.shrink();
    Ok((d.profile, d.notes))
}

/// What a walk over the envelope counted.
#[derive(Default)]
struct Census {
    records: usize,
    samples: usize,
    sample_bytes: usize,
    locations: usize,
    functions: usize,
    strings: usize,
    string_bytes: usize,
    /// Where the records of each table stand, with what is in between.
    sample_span: Span,
    location_span: Span,
    symbol_span: Span,
    string_span: Span,
}

/// The shortest part of the file that has all records of a kind.
#[derive(Default)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn add(&mut self, start: usize, end: usize) {
        if self.end == 0 {
            self.start = start;
        }
        self.end = end;
    }

    fn cursor<'a>(&self, file: &'a [u8]) -> Cursor<'a> {
        Cursor::new(&file[self.start..self.end], self.start)
    }
}

#[derive(Default)]
struct Decoder {
    profile: Profile,
    notes: DecodeNotes,
    /// Wire string index -> id.
    strings: Vec<StringId>,
    /// Header fields that refer to strings, resolved once all strings are known.
    header: Vec<(u64, i64, usize)>,
    types: Vec<(proto::ValueType, usize)>,
    period_type: Option<(proto::ValueType, usize)>,
    mappings: Ids,
    functions: Ids,
    locations: Ids,
}

/// Ids of the file -> rows.
#[derive(Default)]
struct Ids {
    rows: u32,
    /// Whether id n is row n-1, as nearly every producer numbers.
    sparse: Option<FxHashMap<u64, u32>>,
}

impl Ids {
    fn insert(&mut self, table: &'static str, id: u64, offset: usize) -> Result<()> {
        if id == 0 {
            return fail(offset, DecodeErrorKind::ZeroId(table));
        }
        let row = self.rows;
        let Some(next) = row.checked_add(1) else {
            return fail(offset, DecodeErrorKind::TooMany(table));
        };
        self.rows = next;
        if self.sparse.is_none() {
            if id == u64::from(row) + 1 {
                return Ok(());
            }
            self.sparse = Some((0..row).map(|r| (u64::from(r) + 1, r)).collect());
        }
        match self.sparse.as_mut().and_then(|map| map.insert(id, row)) {
            Some(_) => fail(offset, DecodeErrorKind::DuplicateId(table, id)),
            None => Ok(()),
        }
    }

    #[inline]
    fn get(&self, id: u64) -> Option<u32> {
        match &self.sparse {
            None if id != 0 && id <= u64::from(self.rows) => Some((id - 1) as u32),
            None => None,
            Some(map) => map.get(&id).copied(),
        }
    }
}

impl Decoder {
    fn string(&self, index: i64, offset: usize) -> Result<StringId> {
        match usize::try_from(index).ok().and_then(|i| self.strings.get(i)) {
            Some(&id) => Ok(id),
            // A profile without any text may leave the table out.
            None if index == 0 => Ok(StringId::EMPTY),
            None => fail(offset, DecodeErrorKind::StringIndex(index)),
        }
    }

    fn census_and_header(&mut self, bytes: &[u8]) -> Result<Census> {
        let mut census = Census::default();
        let mut cursor = Cursor::new(bytes, 0);
        loop {
            let offset = cursor.offset();
            let Some((field, value)) = cursor.field()? else { break };
            let known = match (field, value) {
                (1, Value::Bytes(b, at)) => {
                    self.types.push((message(b, at, "sample type")?, at));
                    true
                }
                (2, Value::Bytes(b, _)) => {
                    census.samples += 1;
                    census.sample_bytes += b.len();
                    census.sample_span.add(offset, cursor.offset());
                    true
                }
                (3 | 5, Value::Bytes(..)) => {
                    census.functions += usize::from(field == 5);
                    census.symbol_span.add(offset, cursor.offset());
                    true
                }
                (4, Value::Bytes(..)) => {
                    census.locations += 1;
                    census.location_span.add(offset, cursor.offset());
                    true
                }
                (6, Value::Bytes(b, _)) => {
                    census.strings += 1;
                    census.string_bytes += b.len();
                    census.string_span.add(offset, cursor.offset());
                    true
                }
                (7 | 8 | 14 | 15, Value::Varint(v)) => {
                    self.header.push((field, v as i64, offset));
                    true
                }
                (9, Value::Varint(v)) => {
                    if self.profile.time_nanos != 0 {
                        return fail(offset, DecodeErrorKind::Concatenated);
                    }
                    self.profile.time_nanos = v as i64;
                    true
                }
                (10, Value::Varint(v)) => {
                    self.profile.duration_nanos = v as i64;
                    true
                }
                (11, Value::Bytes(b, at)) => {
                    self.period_type = Some((message(b, at, "period type")?, at));
                    true
                }
                (12, Value::Varint(v)) => {
                    self.profile.period = v as i64;
                    true
                }
                (13, Value::Varint(v)) => {
                    self.header.push((13, v as i64, offset));
                    true
                }
                (13, Value::Bytes(b, at)) => {
                    let mut packed = Cursor::new(b, at);
                    while !packed.is_done() {
                        let at = packed.offset();
                        self.header.push((13, packed.varint()? as i64, at));
                    }
                    true
                }
                (1..=15, _) => return fail(offset, DecodeErrorKind::FieldType(field)),
                _ => {
                    self.notes.unknown_fields += 1;
                    false
                }
            };
            census.records += usize::from(known);
        }
        Ok(census)
    }

    fn strings(&mut self, bytes: &[u8], census: &Census) -> Result<()> {
        self.strings.reserve(census.strings);
        self.profile.strings.reserve(census.strings, census.string_bytes);
        let mut cursor = census.string_span.cursor(bytes);
        while let Some((field, value)) = cursor.field()? {
            if let (6, Value::Bytes(b, at)) = (field, value) {
                self.add_string(b, at)?;
            }
        }
        Ok(())
    }

    fn add_string(&mut self, bytes: &[u8], offset: usize) -> Result<()> {
        if self.strings.is_empty() && !bytes.is_empty() {
            return fail(offset, DecodeErrorKind::FirstString);
        }
        if self.profile.strings.text_bytes() + bytes.len() > u32::MAX as usize / 4 {
            return fail(offset, DecodeErrorKind::TooMany("bytes of text"));
        }
        let id = match std::str::from_utf8(bytes) {
            Ok(s) => self.profile.strings.intern(s),
            Err(_) => {
                self.notes.invalid_utf8 += 1;
                self.profile.strings.intern(&String::from_utf8_lossy(bytes))
            }
        };
        self.strings.push(id);
        Ok(())
    }

    fn value_type(&self, t: &proto::ValueType, offset: usize) -> Result<ValueType> {
        Ok(ValueType {
            kind: self.string(t.r#type, offset)?,
            unit: self.string(t.unit, offset)?,
        })
    }

    fn resolve_header(&mut self) -> Result<()> {
        for (field, index, offset) in std::mem::take(&mut self.header) {
            let id = self.string(index, offset)?;
            match field {
                7 => self.profile.drop_frames = id,
                8 => self.profile.keep_frames = id,
                14 => self.profile.default_sample_type = id,
                15 => self.profile.doc_url = id,
                _ => self.profile.comments.push(id),
            }
        }
        for (t, offset) in std::mem::take(&mut self.types) {
            let t = self.value_type(&t, offset)?;
            self.profile.sample_types.push(t);
        }
        if let Some((t, offset)) = self.period_type.take() {
            self.profile.period_type = Some(self.value_type(&t, offset)?);
        }
        Ok(())
    }

    fn functions_and_mappings(&mut self, bytes: &[u8], census: &Census) -> Result<()> {
        self.profile.functions.reserve(census.functions);
        let mut cursor = census.symbol_span.cursor(bytes);
        while let Some((field, value)) = cursor.field()? {
            match (field, value) {
                (3, Value::Bytes(b, at)) => {
                    let m: proto::Mapping = message(b, at, "mapping")?;
                    self.mappings.insert("mapping", m.id, at)?;
                    self.profile.mappings.push(Mapping {
                        id: m.id,
                        start: m.memory_start,
                        limit: m.memory_limit,
                        offset: m.file_offset,
                        file: self.string(m.filename, at)?,
                        build_id: self.string(m.build_id, at)?,
                        has_functions: m.has_functions,
                        has_filenames: m.has_filenames,
                        has_line_numbers: m.has_line_numbers,
                        has_inline_frames: m.has_inline_frames,
                    });
                }
                (5, Value::Bytes(b, at)) => {
                    let function = self.function(b, at)?;
                    self.functions.insert("function", function.id, at)?;
                    self.profile.functions.push(function);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn function(&mut self, bytes: &[u8], at: usize) -> Result<Function> {
        let mut id = 0;
        // Name, system name, file name, start line.
        let mut numbers = [0i64; 4];
        let mut cursor = Cursor::new(bytes, at);
        loop {
            let offset = cursor.offset();
            let Some((field, value)) = cursor.field()? else { break };
            match (field, value) {
                (1, Value::Varint(v)) => id = v,
                (2..=5, Value::Varint(v)) => numbers[field as usize - 2] = v as i64,
                (1..=5, _) => return fail(offset, DecodeErrorKind::FieldType(field)),
                _ => self.notes.unknown_fields += 1,
            }
        }
        Ok(Function {
            id,
            name: self.string(numbers[0], at)?,
            system_name: self.string(numbers[1], at)?,
            filename: self.string(numbers[2], at)?,
            start_line: numbers[3],
        })
    }

    fn locations(&mut self, bytes: &[u8], census: &Census) -> Result<()> {
        self.profile.locations.reserve(census.locations);
        self.profile.lines.reserve(census.locations);
        let mut cursor = census.location_span.cursor(bytes);
        while let Some((field, value)) = cursor.field()? {
            if let (4, Value::Bytes(b, at)) = (field, value) {
                self.location(b, at)?;
            }
        }
        Ok(())
    }

    fn location(&mut self, bytes: &[u8], at: usize) -> Result<()> {
        let first_line = self.profile.lines.len();
        let mut location = Location::default();
        let mut cursor = Cursor::new(bytes, at);
        loop {
            let offset = cursor.offset();
            let Some((field, value)) = cursor.field()? else { break };
            match (field, value) {
                (1, Value::Varint(v)) => location.id = v,
                (2, Value::Varint(0)) => location.mapping = None,
                (2, Value::Varint(v)) => {
                    location.mapping = self.mappings.get(v).map(|row| MappingId::new(row as usize));
                    self.notes.dangling_mappings += u64::from(location.mapping.is_none());
                }
                (3, Value::Varint(v)) => location.address = v,
                (4, Value::Bytes(b, at)) => {
                    let line = self.line(b, at)?;
                    self.profile.lines.push(line);
                }
                (5, Value::Varint(v)) => location.folded = v != 0,
                (1..=5, _) => return fail(offset, DecodeErrorKind::FieldType(field)),
                _ => self.notes.unknown_fields += 1,
            }
        }
        self.locations.insert("location", location.id, at)?;
        let end = self.profile.lines.len();
        if end > u32::MAX as usize {
            return fail(at, DecodeErrorKind::TooMany("lines"));
        }
        location.first_line = first_line as u32;
        location.line_count = (end - first_line) as u32;
        self.profile.locations.push(location);
        Ok(())
    }

    fn line(&mut self, bytes: &[u8], at: usize) -> Result<Line> {
        let (mut function, mut line, mut column) = (0, 0, 0);
        let mut cursor = Cursor::new(bytes, at);
        loop {
            let offset = cursor.offset();
            let Some((field, value)) = cursor.field()? else { break };
            match (field, value) {
                (1, Value::Varint(v)) => function = v,
                (2, Value::Varint(v)) => line = v as i64,
                (3, Value::Varint(v)) => column = v as i64,
                (1..=3, _) => return fail(offset, DecodeErrorKind::FieldType(field)),
                _ => self.notes.unknown_fields += 1,
            }
        }
        match self.functions.get(function) {
            Some(row) => Ok(Line {
                function: FunctionId::new(row as usize),
                line,
                column,
            }),
            None => fail(at, DecodeErrorKind::Function(function)),
        }
    }

    fn samples(&mut self, bytes: &[u8], census: &Census) -> Result<()> {
        let types = self.profile.sample_types.len();
        if types == 0 && census.samples > 0 {
            return fail(0, DecodeErrorKind::NoSampleTypes);
        }
        if census.samples > u32::MAX as usize {
            return fail(0, DecodeErrorKind::TooMany("samples"));
        }
        self.profile.stacks.reserve(census.samples, 0);
        let mut samples = Samples::new(types);
        // Every value and every frame takes at least a byte of its sample.
        samples.reserve(
            census.samples,
            census.samples.saturating_mul(types).min(census.sample_bytes),
        );
        let mut scratch = SampleScratch::default();
        let mut cursor = census.sample_span.cursor(bytes);
        while let Some((field, value)) = cursor.field()? {
            if let (2, Value::Bytes(b, at)) = (field, value) {
                self.sample(b, at, &mut scratch)?;
                if scratch.values.len() != types {
                    return fail(
                        at,
                        DecodeErrorKind::Values {
                            want: types,
                            got: scratch.values.len(),
                        },
                    );
                }
                let Some(stack) = self.profile.stacks.intern(&scratch.stack) else {
                    return fail(at, DecodeErrorKind::TooMany("frames"));
                };
                samples.push(stack, &scratch.values, &scratch.labels);
            }
        }
        self.profile.samples = samples;
        Ok(())
    }

    fn sample(&mut self, bytes: &[u8], at: usize, s: &mut SampleScratch) -> Result<()> {
        s.stack.clear();
        s.values.clear();
        s.labels.clear();
        let mut cursor = Cursor::new(bytes, at);
        loop {
            let offset = cursor.offset();
            let Some((field, value)) = cursor.field()? else { break };
            match (field, value) {
                (1, Value::Bytes(b, at)) => {
                    let mut packed = cursor.inside(b, at);
                    s.stack.reserve(b.len());
                    while !packed.is_done() {
                        let offset = packed.offset();
                        let id = packed.mixed_varint()?;
                        s.stack.push(self.location_id(id, offset)?);
                    }
                }
                (1, Value::Varint(id)) => s.stack.push(self.location_id(id, offset)?),
                (2, Value::Bytes(b, at)) => {
                    let mut packed = cursor.inside(b, at);
                    while !packed.is_done() {
                        s.values.push(packed.varint()? as i64);
                    }
                }
                (2, Value::Varint(v)) => s.values.push(v as i64),
                (3, Value::Bytes(b, at)) => {
                    let label = self.label(b, at)?;
                    s.labels.push(label);
                }
                (1..=3, _) => return fail(offset, DecodeErrorKind::FieldType(field)),
                _ => self.notes.unknown_fields += 1,
            }
        }
        Ok(())
    }

    #[inline]
    fn location_id(&self, id: u64, offset: usize) -> Result<LocationId> {
        match self.locations.get(id) {
            Some(row) => Ok(LocationId::new(row as usize)),
            None => fail(offset, DecodeErrorKind::Location(id)),
        }
    }

    fn label(&mut self, bytes: &[u8], at: usize) -> Result<Label> {
        let (mut key, mut text, mut number, mut unit) = (0, 0, 0, 0);
        let mut cursor = Cursor::new(bytes, at);
        loop {
            let offset = cursor.offset();
            let Some((field, value)) = cursor.field()? else { break };
            match (field, value) {
                (1, Value::Varint(v)) => key = v as i64,
                (2, Value::Varint(v)) => text = v as i64,
                (3, Value::Varint(v)) => number = v as i64,
                (4, Value::Varint(v)) => unit = v as i64,
                (1..=4, _) => return fail(offset, DecodeErrorKind::FieldType(field)),
                _ => self.notes.unknown_fields += 1,
            }
        }
        Ok(Label {
            key: self.string(key, at)?,
            text: self.string(text, at)?,
            number,
            unit: self.string(unit, at)?,
            bare_zero: false,
        })
    }
}

#[derive(Default)]
struct SampleScratch {
    stack: Vec<LocationId>,
    values: Vec<i64>,
    labels: Vec<Label>,
}

fn message<M: prost::Message + Default>(bytes: &[u8], at: usize, what: &'static str) -> Result<M> {
    M::decode(bytes).or_else(|_| fail(at, DecodeErrorKind::Record(what)))
}
