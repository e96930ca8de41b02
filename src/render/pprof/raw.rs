//! `raw` and `comments`: the profile itself as text.

use std::io::{self, Write};

use super::go_time;
use super::labels::LabelLines;
use crate::analysis::Dialect;
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
pub fn raw(p: &Profile, dialect: Dialect, out: &mut dyn Write) -> io::Result<()> {
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
        let whole = go_time::duration(p.duration_nanos);
        let shown = match dialect {
            // Four characters, whatever they are: 30h0 for thirty hours.
            Dialect::Pprof => whole.chars().take(4).collect(),
            Dialect::Native => whole,
        };
        writeln!(out, "Duration: {shown}")?;
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
    locations(p, out)?;
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

fn locations(p: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new();
    let mut number = itoa::Buffer::new();
    let mut text: Vec<u8> = Vec::new();
    for (i, l) in p.locations.iter().enumerate() {
        right(&mut text, number.format(l.id), 6);
        write!(text, ": {:#x} ", l.address)?;
        if let Some(m) = l.mapping {
            write!(text, "M={} ", p.mappings[m.index()].id)?;
        }
        if l.folded {
            text.extend_from_slice(b"[F] ");
        }
        let lines = p.lines_of(LocationId::new(i));
        if lines.is_empty() {
            text.push(b'\n');
        }
        for (i, line) in lines.iter().enumerate() {
            let f = p.function(line.function);
            if i > 0 {
                text.extend_from_slice(b"             ");
            }
            let (name, system) = (p.text(f.name), p.text(f.system_name));
            text.extend_from_slice(name.as_bytes());
            text.push(b' ');
            text.extend_from_slice(p.text(f.filename).as_bytes());
            for (sign, n) in [(":", line.line), (":", line.column), (" s=", f.start_line)] {
                text.extend_from_slice(sign.as_bytes());
                text.extend_from_slice(number.format(n).as_bytes());
            }
            if name != system {
                write!(text, "({system})")?;
            }
            text.push(b'\n');
        }
        page.push(&text, out)?;
        text.clear();
    }
    page.flush(out)
}

fn samples(p: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let ids = Ids::new(p);
    let mut labels = LabelLines::default();
    let mut number = itoa::Buffer::new();
    let mut page = Page::new();
    let mut text: Vec<u8> = Vec::new();
    for i in 0..p.samples.len() {
        for &v in p.samples.values(i) {
            text.push(b' ');
            right(&mut text, number.format(v), 10);
        }
        text.extend_from_slice(b": ");
        page.push(&text, out)?;
        text.clear();
        page.push_ids(p.stack(p.samples.stack(i)), &ids, out)?;
        text.push(b'\n');
        if !p.samples.labels(i).is_empty() {
            write_labels(p, i, &mut labels, &mut text);
        }
        page.push(&text, out)?;
        text.clear();
    }
    page.flush(out)
}

/// Ids of locations with a blank behind them. They are printed many times, so each is worded once, in cells of one size
/// that are copied whole: a copy of known length is one instruction.
struct Ids(Vec<Cell>);

/// The text, and its length in the last byte; 0 where the id is too long: the first eight bytes are the id itself then.
type Cell = [u8; CELL];

/// Room for 14 digits, a blank and the length.
const CELL: usize = 16;

impl Ids {
    fn new(p: &Profile) -> Self {
        let mut number = itoa::Buffer::new();
        let worded = p.locations.iter().map(|l| {
            let digits = number.format(l.id).as_bytes();
            let mut cell = [b' '; CELL];
            match cell[..CELL - 2].get_mut(..digits.len()) {
                Some(head) => {
                    head.copy_from_slice(digits);
                    cell[CELL - 1] = digits.len() as u8 + 1;
                }
                None => {
                    cell[..8].copy_from_slice(&l.id.to_le_bytes());
                    cell[CELL - 1] = 0;
                }
            }
            cell
        });
        Ids(worded.collect())
    }
}

/// Output that is written many bytes at a time, with room for whole cells behind its end.
struct Page {
    bytes: Vec<u8>,
    end: usize,
}

impl Page {
    /// Frames that are put down between two looks at the room that is left.
    const AT_ONCE: usize = 1 << 10;

    fn new() -> Self {
        Page {
            bytes: vec![0; 1 << 18],
            end: 0,
        }
    }

    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.bytes[..self.end])?;
        self.end = 0;
        Ok(())
    }

    fn push(&mut self, text: &[u8], out: &mut dyn Write) -> io::Result<()> {
        if text.len() > self.bytes.len() - self.end {
            self.flush(out)?;
        }
        match self.bytes[self.end..].get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text);
                self.end += text.len();
                Ok(())
            }
            None => out.write_all(text),
        }
    }

    fn push_ids(&mut self, stack: &[LocationId], ids: &Ids, out: &mut dyn Write) -> io::Result<()> {
        for some in stack.chunks(Self::AT_ONCE) {
            if self.bytes.len() - self.end < Self::AT_ONCE * CELL {
                self.flush(out)?;
            }
            let mut end = self.end;
            for &l in some {
                let cell = &ids.0[l.index()];
                let length = usize::from(cell[CELL - 1]);
                if length == 0 {
                    let id = cell.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
                    self.end = end;
                    self.push(format!("{id} ").as_bytes(), out)?;
                    if self.bytes.len() - self.end < Self::AT_ONCE * CELL {
                        self.flush(out)?;
                    }
                    end = self.end;
                    continue;
                }
                self.bytes[end..end + CELL].copy_from_slice(cell);
                end += length;
            }
            self.end = end;
        }
        Ok(())
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
