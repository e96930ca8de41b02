//! `raw` and `comments`: the profile itself as text.

use std::io::{self, Write};

use super::go_time;
use crate::model::{LabelKind, LocationId, Profile};

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
    // Every id is printed many times; make its text once.
    let mut text = Vec::new();
    let mut ends = vec![0];
    for l in &p.locations {
        write!(text, "{} ", l.id)?;
        ends.push(text.len());
    }
    for i in 0..p.samples.len() {
        for v in p.samples.values(i) {
            write!(out, " {v:>10}")?;
        }
        out.write_all(b": ")?;
        for l in p.stack(p.samples.stack(i)) {
            out.write_all(&text[ends[l.index()]..ends[l.index() + 1]])?;
        }
        out.write_all(b"\n")?;
        if !p.samples.labels(i).is_empty() {
            labels(p, i, out)?;
        }
    }
    Ok(())
}

/// Texts on one line, numbers on the next, keys in order.
fn labels(p: &Profile, i: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut texts: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut numbers: Vec<(&str, Vec<(i64, &str)>)> = Vec::new();
    for l in p.samples.labels(i) {
        let key = p.text(l.key);
        if l.kind() == LabelKind::Number {
            match numbers.iter_mut().find(|(k, _)| *k == key) {
                Some((_, values)) => values.push((l.number, p.text(l.unit))),
                None => numbers.push((key, vec![(l.number, p.text(l.unit))])),
            }
        } else {
            match texts.iter_mut().find(|(k, _)| *k == key) {
                Some((_, values)) => values.push(p.text(l.text)),
                None => texts.push((key, vec![p.text(l.text)])),
            }
        }
    }
    let mut lines: Vec<Vec<String>> = Vec::new();
    lines.push(
        texts
            .iter()
            .map(|(key, values)| format!("{key}:[{}]", values.join(" ")))
            .collect(),
    );
    lines.push(
        numbers
            .iter()
            .map(|(key, values)| {
                // Units are shown when any value has one.
                let with_units = values.iter().any(|(_, unit)| !unit.is_empty());
                let values: Vec<String> = values
                    .iter()
                    .map(|(v, unit)| {
                        if with_units {
                            format!("{v} {unit}")
                        } else {
                            v.to_string()
                        }
                    })
                    .collect();
                format!("{key}:[{}]", values.join(" "))
            })
            .collect(),
    );
    for mut line in lines.into_iter().filter(|line| !line.is_empty()) {
        line.sort();
        writeln!(out, "                {}", line.join(" "))?;
    }
    Ok(())
}
