//! Model -> `profile.proto` bytes. The same profile always gives the same bytes.
//!
//! Strings are numbered by first use in the order of the tables; ids are those of the model's rows, so that the result
//! is dense, unless those that were read are asked for. Nothing is left out: [`model::compact`](crate::model::compact) does that, before.

use std::io::Write;

use prost::Message as _;

use super::proto;
use crate::model::{Profile, StringId, ValueType};

/// How hard gzip tries, 1 to 9. The default is 3: a third of Go's time for a tenth more bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compression(pub u32);

impl Default for Compression {
    fn default() -> Self {
        Self(3)
    }
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
}

impl Ids<'_> {
    fn mapping(&self, i: usize) -> u64 {
        self.choose(i, self.profile.mappings[i].id)
    }

    fn location(&self, i: usize) -> u64 {
        self.choose(i, self.profile.locations[i].id)
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
    let unique = |mut ids: Box<dyn Iterator<Item = u64> + '_>| {
        let mut seen = rustc_hash::FxHashSet::default();
        ids.all(|id| id != 0 && seen.insert(id))
    };
    unique(Box::new(p.mappings.iter().map(|m| m.id)))
        && unique(Box::new(p.locations.iter().map(|l| l.id)))
        && unique(Box::new(p.functions.iter().map(|f| f.id)))
}

fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
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
    let mut out = Vec::with_capacity(profile.stacks.frame_count() * 2 + profile.samples.len() * 16 + 4096);
    let ids = Ids {
        profile,
        as_read: false,
    };
    write(&ids, &mut out, &mut |_| Ok(())).unwrap_or_default();
    out
}

/// Writes a profile as gzip, the form that runtime/pprof and the kubelet write.
///
/// # Errors
/// What `to` reports.
pub fn encode_gzip(profile: &Profile, to: impl Write, level: Compression) -> std::io::Result<()> {
    let as_read = false;
    gzip(&Ids { profile, as_read }, to, level)
}

/// As [`encode_gzip`], with the ids of the file that was read, as long as every table still has one for each row.
///
/// # Errors
/// What `to` reports.
pub fn encode_gzip_as_read(profile: &Profile, to: impl Write, level: Compression) -> std::io::Result<()> {
    let as_read = ids_are_unique(profile);
    gzip(&Ids { profile, as_read }, to, level)
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
    let mut record = Vec::new();
    let mut inner = Vec::new();
    for i in 0..p.samples.len() {
        record.clear();
        let stack = p.stack(p.samples.stack(i));
        if !stack.is_empty() {
            inner.clear();
            for l in stack {
                varint(&mut inner, ids.location(l.index()));
            }
            bytes(&mut record, 1, &inner);
        }
        inner.clear();
        for &v in p.samples.values(i) {
            varint(&mut inner, v as u64);
        }
        bytes(&mut record, 2, &inner);
        for l in p.samples.labels(i) {
            inner.clear();
            uint(&mut inner, 1, strings.id(l.key) as u64);
            uint(&mut inner, 2, strings.id(l.text) as u64);
            uint(&mut inner, 3, l.number as u64);
            uint(&mut inner, 4, strings.id(l.unit) as u64);
            bytes(&mut record, 3, &inner);
        }
        bytes(out, 2, &record);
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
