//! The file format of speedscope (file-format-schema.json, version of 2018, the only one).
//!
//! One sampled profile for each sample type, comparisons as one for the new and one for the old values, all over one
//! table of frames. speedscope knows bytes, the usual times, and `none`; other units of those kinds are scaled to
//! bytes or nanoseconds. Stacks without a value are left out. Written as it goes: memory holds a stack's text at most.

use std::io::{self, Write};

use serde::Serialize;

use crate::analysis::{Comparison, NamedStacks, View};
use crate::model::units::{self, Dimension};

/// The address by which speedscope recognises its format.
const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

#[derive(Serialize)]
struct Frame<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    file: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    line: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(v: &i64) -> bool {
    *v == 0
}

/// speedscope's name of a unit, and what to multiply values by.
fn unit(unit: &str) -> (&'static str, f64) {
    const TIMES: [(&str, &str); 4] = [
        ("ns", "nanoseconds"),
        ("us", "microseconds"),
        ("ms", "milliseconds"),
        ("s", "seconds"),
    ];
    let factor = units::factor(unit).unwrap_or(1.0);
    match units::dimension(unit) {
        Dimension::Bytes => ("bytes", factor),
        Dimension::Time => TIMES
            .iter()
            .find(|(short, _)| units::factor(short) == Some(factor))
            .map_or(("nanoseconds", factor), |(_, long)| (long, 1.0)),
        Dimension::ComputeUnits | Dimension::Count => ("none", 1.0),
    }
}

/// Writes all sample types. `name` is the title that speedscope shows.
///
/// # Errors
/// What `out` reports.
pub fn speedscope(stacks: &NamedStacks, view: &View, name: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"$schema\":\"{SCHEMA}\",\"exporter\":")?;
    json(out, &concat!("kubeprof ", env!("CARGO_PKG_VERSION")))?;
    write!(out, ",\"name\":")?;
    json(out, &name)?;
    let old_and_new = stacks.comparison != Comparison::None;
    let active = if old_and_new {
        stacks.selected * 2
    } else {
        stacks.selected
    };
    write!(out, ",\"activeProfileIndex\":{active},\"shared\":{{\"frames\":[")?;
    for (i, n) in stacks.names.iter().enumerate() {
        comma(out, i)?;
        let frame = Frame {
            name: &n.name,
            file: &n.file,
            line: n.line,
        };
        json(out, &frame)?;
    }
    write!(out, "]}},\"profiles\":[")?;
    let (new, old) = match stacks.comparison {
        Comparison::Base => (" (new)", " (base)"),
        Comparison::Signed => (" (gained)", " (lost)"),
        Comparison::None => ("", ""),
    };
    for t in 0..stacks.types.len() {
        comma(out, t)?;
        profile(stacks, view, t, new, |row| stacks.new_values(row)[t], out)?;
        if old_and_new {
            comma(out, 1)?;
            profile(stacks, view, t, old, |row| stacks.old_values(row)[t], out)?;
        }
    }
    writeln!(out, "]}}")
}

fn profile(
    stacks: &NamedStacks,
    view: &View,
    t: usize,
    suffix: &str,
    value: impl Fn(usize) -> i64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (unit, factor) = unit(&stacks.types[t].unit);
    let factor = factor / stacks.divide_by;
    // Whole numbers stay whole.
    let scaled = |v: i64| {
        let v = v as f64 * factor;
        serde_json::Number::from_f64(v).map_or_else(
            || "0".to_owned(),
            |n| {
                if v.fract() == 0.0 && v.abs() < 9e15 {
                    format!("{v:.0}")
                } else {
                    n.to_string()
                }
            },
        )
    };
    // speedscope cannot draw less than nothing; comparisons have no such values, and a plain profile none below zero.
    let rows = || (0..stacks.len()).filter(|&row| value(row) > 0);
    let total = rows().fold(0i64, |sum, row| sum.saturating_add(value(row)));
    write!(out, "{{\"type\":\"sampled\",\"name\":")?;
    json(out, &format!("{}{suffix}", stacks.types[t].kind))?;
    let end = scaled(total);
    write!(
        out,
        ",\"unit\":\"{unit}\",\"startValue\":0,\"endValue\":{end},\"samples\":["
    )?;
    let mut line = Vec::new();
    for (i, row) in rows().enumerate() {
        comma(out, i)?;
        line.clear();
        line.push(b'[');
        for (at, frame) in stacks.frames(view, row).enumerate() {
            comma(&mut line, at)?;
            write!(line, "{frame}")?;
        }
        line.push(b']');
        out.write_all(&line)?;
    }
    write!(out, "],\"weights\":[")?;
    for (i, row) in rows().enumerate() {
        comma(out, i)?;
        write!(out, "{}", scaled(value(row)))?;
    }
    write!(out, "]}}")
}

fn comma(out: &mut dyn Write, i: usize) -> io::Result<()> {
    if i > 0 { out.write_all(b",") } else { Ok(()) }
}

fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}
