//! Model -> `profile.proto` bytes. The same profile always gives the same bytes.
//!
//! Strings are numbered by first use in the order of the tables; ids are those of the model's rows, so that the result
//! is dense, unless those that were read are asked for. Nothing is left out: [`model::compact`](crate::model::compact) does that, before.

use std::io::Write;

use prost::Message as _;

use super::proto;
use crate::model::{Profile, StringId, ValueType};

/// How hard gzip tries, 1 to 9.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compression(pub u32);

impl Compression {
    /// 6, as most writers have it; 1 for profiles of many megabytes, where 6 would take longer than everything else and
    /// save a sixth.
    pub fn suiting(profile: &Profile) -> Self {
        Self(if estimate(profile) > 4 << 20 { 1 } else { 6 })
    }
}

/// About how many bytes a profile takes before gzip.
fn estimate(p: &Profile) -> usize {
    let tables = p.locations.len() * 16 + p.functions.len() * 16 + p.strings.text_bytes();
    p.stacks.frame_count() * 2 + p.samples.len() * 16 + tables + 4096
}

/// Strings of the output, numbered by first use.
struct Strings<'a> {
    profile: &'a Profile,
    number: Vec<u32>,
    order: Vec<StringId>,
}

impl Strings<'_> {
    fn id(&mut self, id: StringId) -> i64 {
        let n = &mut self.number[id.index()];
        if *n == u32::MAX {
            *n = self.order.len() as u32;
            self.order.push(id);
        }
        i64::from(*n)
    }
}

/// The ids of the records: dense, or those of the file that was read.
struct Ids<'a> {
    profile: &'a Profile,
    as_read: bool,
    /// Those of locations, in a table of their own because every frame asks for one; `None` when they are dense.
    locations: Option<Vec<u64>>,
}

impl<'a> Ids<'a> {
    fn dense(profile: &'a Profile) -> Self {
        Self {
            profile,
            as_read: false,
            locations: None,
        }
    }

    fn as_read(profile: &'a Profile) -> Self {
        if !ids_are_unique(profile) {
            return Self::dense(profile);
        }
        let is_dense = (1..).zip(&profile.locations).all(|(n, l)| l.id == n);
        Self {
            profile,
            as_read: true,
            locations: (!is_dense).then(|| profile.locations.iter().map(|l| l.id).collect()),
        }
    }

    fn mapping(&self, i: usize) -> u64 {
        self.choose(i, self.profile.mappings[i].id)
    }

    #[inline]
    fn location(&self, i: usize) -> u64 {
        match &self.locations {
            None => i as u64 + 1,
            Some(ids) => ids[i],
        }
    }

    fn function(&self, i: usize) -> u64 {
        self.choose(i, self.profile.functions[i].id)
    }

    fn choose(&self, row: usize, read: u64) -> u64 {
        if self.as_read { read } else { row as u64 + 1 }
    }
}

/// Whether every table has ids that can be written.
fn ids_are_unique(p: &Profile) -> bool {
    unique(p.mappings.iter().map(|m| m.id))
        && unique(p.locations.iter().map(|l| l.id))
        && unique(p.functions.iter().map(|f| f.id))
}

fn unique(mut ids: impl Iterator<Item = u64> + Clone) -> bool {
    // Nearly every producer counts upwards from 1.
    let mut last = 0;
    let ascending = ids.clone().all(|id| id > std::mem::replace(&mut last, id));
    let mut seen = rustc_hash::FxHashSet::default();
    ascending || ids.all(|id| id != 0 && seen.insert(id))
}

fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Numbers one after the other, written a word at a time into room that is there already.
#[derive(Default)]
struct Packed {
    room: Vec<u8>,
    len: usize,
}

impl Packed {
    /// Empties it and makes room for `count` numbers.
    fn clear(&mut self, count: usize) {
        self.len = 0;
        // Ten bytes is the longest number, and the last word may reach beyond its number.
        let need = count.saturating_mul(10).saturating_add(16);
        if self.room.len() < need {
            self.room.resize(need, 0);
        }
    }

    #[inline]
    fn push(&mut self, v: u64) {
        if v >= 1 << 35 {
            return self.push_long(v);
        }
        // Seven bits of each byte, and the bit that says that the number goes on in all but the last.
        let word = v & 0x7f | (v & 0x3f80) << 1 | (v & 0x1f_c000) << 2 | (v & 0xfe0_0000) << 3 | (v >> 28) << 32;
        let bits = 64 - (v | 1).leading_zeros() as usize;
        let bytes = bits.div_ceil(7);
        let goes_on = 0x80_8080_8080 & ((1 << (8 * (bytes - 1))) - 1);
        if let Some(room) = self.room.get_mut(self.len..self.len + 8) {
            room.copy_from_slice(&(word | goes_on).to_le_bytes());
        }
        self.len += bytes;
    }

    #[cold]
    fn push_long(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.room[self.len] = v as u8 | 0x80;
            self.len += 1;
            v >>= 7;
        }
        self.room[self.len] = v as u8;
        self.len += 1;
    }

    fn as_bytes(&self) -> &[u8] {
        &self.room[..self.len]
    }
}

/// How many bytes a number takes.
fn varint_len(v: u64) -> usize {
    (64 - (v | 1).leading_zeros() as usize).div_ceil(7)
}

fn uint(out: &mut Vec<u8>, field: u64, v: u64) {
    if v != 0 {
        varint(out, field << 3);
        varint(out, v);
    }
}

fn bytes(out: &mut Vec<u8>, field: u64, payload: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, payload.len() as u64);
    out.extend_from_slice(payload);
}

/// The uncompressed bytes of a profile.
pub fn encode(profile: &Profile) -> Vec<u8> {
    let mut out = Vec::with_capacity(estimate(profile));
    write(&Ids::dense(profile), &mut out, &mut |_| Ok(())).unwrap_or_default();
    out
}

/// Writes a profile as gzip, the form that runtime/pprof and the kubelet write.
///
/// # Errors
/// What `to` reports.
pub fn encode_gzip(profile: &Profile, to: impl Write, level: Compression) -> std::io::Result<()> {
    gzip(&Ids::dense(profile), to, level)
}

/// As [`encode_gzip`], with the ids of the file that was read, as long as every table still has one for each row.
///
/// # Errors
/// What `to` reports.
pub fn encode_gzip_as_read(profile: &Profile, to: impl Write, level: Compression) -> std::io::Result<()> {
    gzip(&Ids::as_read(profile), to, level)
}

fn gzip(ids: &Ids<'_>, to: impl Write, level: Compression) -> std::io::Result<()> {
    let mut gzip = flate2::write::GzEncoder::new(to, flate2::Compression::new(level.0.min(9)));
    let mut buffer = Vec::with_capacity(1 << 17);
    write(ids, &mut buffer, &mut |buffer| {
        if buffer.len() >= 1 << 16 {
            gzip.write_all(buffer)?;
            buffer.clear();
        }
        Ok(())
    })?;
    gzip.write_all(&buffer)?;
    gzip.finish()?.flush()
}

/// Appends the records to `out`; `drain` is called now and then and may empty it.
fn write(
    ids: &Ids<'_>,
    out: &mut Vec<u8>,
    drain: &mut dyn FnMut(&mut Vec<u8>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let p = ids.profile;
    let mut strings = Strings {
        profile: p,
        number: vec![u32::MAX; p.strings.len()],
        order: Vec::new(),
    };
    strings.id(StringId::EMPTY);
    let value_type = |s: &mut Strings<'_>, t: ValueType| proto::ValueType {
        r#type: s.id(t.kind),
        unit: s.id(t.unit),
    };
    for &t in &p.sample_types {
        bytes(out, 1, &value_type(&mut strings, t).encode_to_vec());
    }
    let (mut record, mut inner) = (Vec::new(), Vec::new());
    let (mut locations, mut values) = (Packed::default(), Packed::default());
    for i in 0..p.samples.len() {
        let stack = p.stack(p.samples.stack(i));
        locations.clear(stack.len());
        for l in stack {
            locations.push(ids.location(l.index()));
        }
        values.clear(p.samples.types());
        for &v in p.samples.values(i) {
            values.push(v as u64);
        }
        record.clear();
        for l in p.samples.labels(i) {
            inner.clear();
            uint(&mut inner, 1, strings.id(l.key) as u64);
            uint(&mut inner, 2, strings.id(l.text) as u64);
            uint(&mut inner, 3, l.number as u64);
            uint(&mut inner, 4, strings.id(l.unit) as u64);
            bytes(&mut record, 3, &inner);
        }
        // Straight into the output, whose length is known before.
        let packed = |run: &Packed| 1 + varint_len(run.len as u64) + run.len;
        let len = if stack.is_empty() { 0 } else { packed(&locations) } + packed(&values) + record.len();
        varint(out, 2 << 3 | 2);
        varint(out, len as u64);
        if !stack.is_empty() {
            bytes(out, 1, locations.as_bytes());
        }
        bytes(out, 2, values.as_bytes());
        out.extend_from_slice(&record);
        drain(out)?;
    }
    for (i, m) in p.mappings.iter().enumerate() {
        let m = proto::Mapping {
            id: ids.mapping(i),
            memory_start: m.start,
            memory_limit: m.limit,
            file_offset: m.offset,
            filename: strings.id(m.file),
            build_id: strings.id(m.build_id),
            has_functions: m.has_functions,
            has_filenames: m.has_filenames,
            has_line_numbers: m.has_line_numbers,
            has_inline_frames: m.has_inline_frames,
        };
        bytes(out, 3, &m.encode_to_vec());
        drain(out)?;
    }
    for (i, l) in p.locations.iter().enumerate() {
        record.clear();
        uint(&mut record, 1, ids.location(i));
        uint(&mut record, 2, l.mapping.map_or(0, |m| ids.mapping(m.index())));
        uint(&mut record, 3, l.address);
        for line in &p.lines[l.first_line as usize..(l.first_line + l.line_count) as usize] {
            inner.clear();
            uint(&mut inner, 1, ids.function(line.function.index()));
            uint(&mut inner, 2, line.line as u64);
            uint(&mut inner, 3, line.column as u64);
            bytes(&mut record, 4, &inner);
        }
        uint(&mut record, 5, u64::from(l.folded));
        bytes(out, 4, &record);
        drain(out)?;
    }
    for (i, f) in p.functions.iter().enumerate() {
        let f = proto::Function {
            id: ids.function(i),
            name: strings.id(f.name),
            system_name: strings.id(f.system_name),
            filename: strings.id(f.filename),
            start_line: f.start_line,
        };
        bytes(out, 5, &f.encode_to_vec());
        drain(out)?;
    }
    // The header last, so that its strings are in the table, which ends the file.
    let header = proto::Profile {
        drop_frames: strings.id(p.drop_frames),
        keep_frames: strings.id(p.keep_frames),
        time_nanos: p.time_nanos,
        duration_nanos: p.duration_nanos,
        period_type: p.period_type.map(|t| value_type(&mut strings, t)),
        period: p.period,
        comment: p.comments.iter().map(|&c| strings.id(c)).collect(),
        default_sample_type: strings.id(p.default_sample_type),
        doc_url: strings.id(p.doc_url),
        ..proto::Profile::default()
    };
    out.extend_from_slice(&header.encode_to_vec());
    for &id in &strings.order {
        bytes(out, 6, strings.profile.text(id).as_bytes());
        drain(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Packed, varint, varint_len};

    #[test]
    fn packed_numbers_are_varints() {
        let edges = (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1, (1 << bit) + 1]);
        let numbers: Vec<u64> = edges.chain([u64::MAX]).collect();
        let mut packed = Packed::default();
        packed.clear(numbers.len());
        let mut want = Vec::new();
        for &v in &numbers {
            packed.push(v);
            let before = want.len();
            varint(&mut want, v);
            assert_eq!(varint_len(v), want.len() - before, "{v}");
        }
        assert_eq!(packed.as_bytes(), want);
    }
}
