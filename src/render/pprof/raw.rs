//! `raw` and `comments`: the profile itself as text.

use std::io::{self, Write};

use super::go_time;
use super::labels::LabelLines;
use crate::model::{Label, LocationId, Profile};
use crate::render::numbers::right;

/// Prints the comments, one a line.
///
/// # Errors
/// What `out` reports.
pub fn comments(p: &Profile, out: &mut dyn Write) -> io::Result<()> {
    p.comments.iter().try_for_each(|&c| writeln!(out, "{}", p.text(c)))
}

/// Prints all tables, as google/pprof's `Profile.String` does.
///
/// # Errors
/// What `out` reports.
pub fn raw(p: &Profile, out: &mut dyn Write) -> io::Result<()> {
    for &c in &p.comments {
        writeln!(out, "Comment: {}", p.text(c))?;
    }
    if !p.doc_url.is_empty() {
        writeln!(out, "Doc: {}", p.text(p.doc_url))?;
    }
    let (kind, unit) = p.period_type.map_or(("", ""), |t| (p.text(t.kind), p.text(t.unit)));
    writeln!(out, "PeriodType: {kind} {unit}")?;
    writeln!(out, "Period: {}", p.period)?;
    if p.time_nanos != 0 {
        writeln!(out, "Time: {}", go_time::long(p.time_nanos))?;
    }
    if p.duration_nanos != 0 {
        let cut: String = go_time::duration(p.duration_nanos).chars().take(4).collect();
        writeln!(out, "Duration: {cut}")?;
    }
    writeln!(out, "Samples:")?;
    let types: Vec<String> = p
        .sample_types
        .iter()
        .map(|t| {
            let default = if t.kind == p.default_sample_type { "[dflt]" } else { "" };
            format!("{}/{}{default}", p.text(t.kind), p.text(t.unit))
        })
        .collect();
    writeln!(out, "{}", types.join(" ").trim())?;
    samples(p, out)?;
    writeln!(out, "Locations")?;
    for (i, l) in p.locations.iter().enumerate() {
        write!(out, "{:6}: {:#x} ", l.id, l.address)?;
        if let Some(m) = l.mapping {
            write!(out, "M={} ", p.mappings[m.index()].id)?;
        }
        if l.folded {
            write!(out, "[F] ")?;
        }
        let lines = p.lines_of(LocationId::new(i));
        if lines.is_empty() {
            writeln!(out)?;
        }
        for (i, line) in lines.iter().enumerate() {
            let f = p.function(line.function);
            if i > 0 {
                write!(out, "             ")?;
            }
            let (name, system) = (p.text(f.name), p.text(f.system_name));
            write!(
                out,
                "{name} {}:{}:{} s={}",
                p.text(f.filename),
                line.line,
                line.column,
                f.start_line
            )?;
            if name != system {
                write!(out, "({system})")?;
            }
            writeln!(out)?;
        }
    }
    writeln!(out, "Mappings")?;
    for m in &p.mappings {
        let mut bits = String::new();
        for (has, bit) in [
            (m.has_functions, "[FN]"),
            (m.has_filenames, "[FL]"),
            (m.has_line_numbers, "[LN]"),
            (m.has_inline_frames, "[IN]"),
        ] {
            if has {
                bits.push_str(bit);
            }
        }
        let (file, build_id) = (p.text(m.file), p.text(m.build_id));
        writeln!(
            out,
            "{}: {:#x}/{:#x}/{:#x} {file} {build_id} {bits}",
            m.id, m.start, m.limit, m.offset
        )?;
    }
    Ok(())
}

fn samples(p: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let ids = Ids::new(p);
    let mut labels = LabelLines::default();
    let mut number = itoa::Buffer::new();
    let mut text: Vec<u8> = Vec::with_capacity(CHUNK + (1 << 14));
    for i in 0..p.samples.len() {
        for &v in p.samples.values(i) {
            text.push(b' ');
            right(&mut text, number.format(v), 10);
        }
        text.extend_from_slice(b": ");
        for &l in p.stack(p.samples.stack(i)) {
            ids.push(l, &mut text);
        }
        text.push(b'\n');
        if !p.samples.labels(i).is_empty() {
            write_labels(p, i, &mut labels, &mut text);
        }
        if text.len() >= CHUNK {
            out.write_all(&text)?;
            text.clear();
        }
    }
    out.write_all(&text)
}

/// Bytes written at once.
const CHUNK: usize = 1 << 18;

/// Ids of locations with a blank behind them. They are printed many times, so each is worded once, in cells of one size
/// that are copied whole and then cut: a copy of known length is one instruction.
struct Ids {
    cells: Vec<[u8; Ids::CELL]>,
    lengths: Vec<u8>,
}

impl Ids {
    /// The longest id has 20 digits; those are rare.
    const CELL: usize = 16;

    fn new(p: &Profile) -> Self {
        let mut ids = Ids {
            cells: Vec::with_capacity(p.locations.len()),
            lengths: Vec::with_capacity(p.locations.len()),
        };
        let mut number = itoa::Buffer::new();
        for l in &p.locations {
            let digits = number.format(l.id).as_bytes();
            let mut cell = [b' '; Self::CELL];
            if let Some(head) = cell.get_mut(..digits.len()).filter(|_| digits.len() < Self::CELL) {
                head.copy_from_slice(digits);
                ids.lengths.push(digits.len() as u8 + 1);
            } else {
                // Does not fit: the id itself.
                cell[..8].copy_from_slice(&l.id.to_le_bytes());
                ids.lengths.push(0);
            }
            ids.cells.push(cell);
        }
        ids
    }

    #[inline]
    fn push(&self, l: LocationId, text: &mut Vec<u8>) {
        let cell = &self.cells[l.index()];
        let length = self.lengths[l.index()] as usize;
        if length == 0 {
            let id = cell.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
            text.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
            text.push(b' ');
            return;
        }
        let end = text.len() + length;
        text.extend_from_slice(cell);
        text.truncate(end);
    }
}

/// Texts on one line, numbers on the next, keys in order.
fn write_labels(p: &Profile, i: usize, labels: &mut LabelLines, text: &mut Vec<u8>) {
    for numbers in [false, true] {
        let word = |run: &[&Label], text: &mut Vec<u8>| {
            // Units are shown when any value has one.
            let with_units = run.iter().any(|l| !l.unit.is_empty());
            text.extend_from_slice(p.text(run[0].key).as_bytes());
            text.extend_from_slice(b":[");
            for (n, l) in run.iter().enumerate() {
                if n > 0 {
                    text.push(b' ');
                }
                if !numbers {
                    text.extend_from_slice(p.text(l.text).as_bytes());
                    continue;
                }
                text.extend_from_slice(itoa::Buffer::new().format(l.number).as_bytes());
                if with_units {
                    text.push(b' ');
                    text.extend_from_slice(p.text(l.unit).as_bytes());
                }
            }
            text.push(b']');
        };
        let mut first = true;
        for group in labels.of(&p.samples, i, numbers, word) {
            text.extend_from_slice(if first { b"                " } else { b" " });
            first = false;
            text.extend_from_slice(group);
        }
        if !first {
            text.push(b'\n');
        }
    }
}
