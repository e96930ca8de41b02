//! The call graph as a picture, without Graphviz: boxes and arrows of a [`Drawing`], placed by [`layers`].
//!
//! As in pprof the letters of a box grow with its own value and its color with the value of it and everything below; the
//! scale of colors is orange for more and blue for less, which people who see red and green alike can tell apart.

mod layers;

use std::io::{self, Write};

use self::layers::{Layout, Plan};
use super::flame::escape::markup;
use super::flame::shape;
use crate::analysis::{Drawing, DrawnNode};
use crate::model::units;

/// At most this many boxes are placed: more than anybody can read, and few enough to be placed in a moment.
const MOST_BOXES: usize = 400;
/// Width of a letter at one pixel of size, in the fonts that are named.
const LETTER: f64 = 0.605;

/// Writes the picture. `link` gives the address behind a box, by its name.
///
/// # Errors
/// What `out` reports.
pub fn graph_svg(drawing: &Drawing, link: Option<&dyn Fn(&str) -> String>, out: &mut dyn Write) -> io::Result<()> {
    let boxes = drawing.nodes.len().min(MOST_BOXES);
    let largest = drawing.nodes.iter().map(|n| n.flat.unsigned_abs()).max().unwrap_or(0);
    let labels: Vec<Label> = (0..boxes).map(|i| Label::of(drawing, i, largest)).collect();
    let shown = |e: &&crate::analysis::DrawnEdge| (e.src as usize) < boxes && (e.dst as usize) < boxes;
    let edges: Vec<_> = drawing.edges.iter().filter(shown).collect();
    let layout = layers::layout(&Plan {
        boxes: labels.iter().map(Label::size).collect(),
        arrows: (edges.iter())
            .map(|e| (e.src as usize, e.dst as usize, e.weight.unsigned_abs() as f64))
            .collect(),
    });
    let (wide, tall) = (layout.size.0 + 40.0, layout.size.1 + 40.0);
    // Links are to be reached, which a picture does not allow.
    let role = if link.is_some() { "group" } else { "img" };
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide:.0}\" height=\"{tall:.0}\" viewBox=\"-20 -20 {wide:.0} {tall:.0}\" \
         role=\"{role}\" font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\">"
    )?;
    writeln!(
        out,
        "<title>{}</title>",
        markup(&format!("{} call graph", drawing.header.sample_type))
    )?;
    writeln!(
        out,
        "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\">\
         <path d=\"M0,0 L8,4 L0,8 Z\" fill=\"#7b848e\"/></marker></defs>"
    )?;
    let total = drawing.header.total.unsigned_abs().max(1) as f64;
    for (edge, route) in edges.iter().zip(&layout.routes) {
        let share = edge.weight.unsigned_abs() as f64 / total;
        let names = format!(
            "{} calls {}",
            drawing.names[edge.src as usize], drawing.names[edge.dst as usize]
        );
        let dashes = if edge.residual { " stroke-dasharray=\"3 3\"" } else { "" };
        let inline = if edge.inline { " (inlined)" } else { "" };
        writeln!(
            out,
            "<g><title>{}: {}{inline}</title><path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:.1}\"{dashes} marker-end=\"url(#tip)\"/>{}</g>",
            markup(&names),
            markup(&value(drawing, edge.weight)),
            curve(route),
            if edge.weight < 0 { "#3b82d6" } else { "#7b848e" },
            1.0 + 4.0 * share.min(1.0),
            edge_label(drawing, edge.weight, route),
        )?;
    }
    for (i, label) in labels.iter().enumerate() {
        label.write(drawing, i, &layout, link, out)?;
    }
    writeln!(out, "</svg>")
}

fn value(drawing: &Drawing, v: i64) -> String {
    let unit = match drawing.header.output_unit.as_str() {
        "" => "minimum",
        unit => unit,
    };
    units::label(v, &drawing.header.unit, unit)
}

fn share(drawing: &Drawing, v: i64) -> String {
    units::percentage(v, drawing.header.total).trim().to_owned()
}

/// The text of a box.
struct Label {
    lines: Vec<String>,
    size: f64,
}

impl Label {
    fn of(drawing: &Drawing, i: usize, largest: u64) -> Self {
        let node: &DrawnNode = &drawing.nodes[i];
        let short = shape::short(&drawing.names[i]);
        let mut lines = pieces(&short);
        lines.push(match node.flat {
            0 => "0".to_owned(),
            flat => format!("{} ({})", value(drawing, flat), share(drawing, flat)),
        });
        if node.cum != node.flat {
            lines.push(format!(
                "of {} ({})",
                value(drawing, node.cum),
                share(drawing, node.cum)
            ));
        }
        let part = node.flat.unsigned_abs() as f64 / largest.max(1) as f64;
        Self {
            lines,
            size: 9.0 + (11.0 * part.sqrt()).ceil(),
        }
    }

    fn size(&self) -> (f64, f64) {
        let letters = self.lines.iter().map(|l| l.chars().count()).max().unwrap_or(1);
        (
            letters as f64 * self.size * LETTER + 14.0,
            self.lines.len() as f64 * self.size * 1.25 + 8.0,
        )
    }

    fn write(
        &self,
        drawing: &Drawing,
        i: usize,
        layout: &Layout,
        link: Option<&dyn Fn(&str) -> String>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let node = &drawing.nodes[i];
        let (wide, tall) = self.size();
        let (x, y) = layout.middles[i];
        if let Some(link) = link {
            write!(out, "<a href=\"{}\">", markup(&link(&drawing.names[i])))?;
        }
        write!(
            out,
            "<g><title>{}: self {}, total {}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\" rx=\"4\" fill=\"{}\" stroke=\"#8a939d\"/>",
            markup(&drawing.names[i]),
            markup(&value(drawing, node.flat)),
            markup(&value(drawing, node.cum)),
            x - wide / 2.0,
            y - tall / 2.0,
            fill(node.cum, drawing.header.total),
        )?;
        for (n, line) in self.lines.iter().enumerate() {
            let at = y - tall / 2.0 + 4.0 + (n as f64 + 0.92) * self.size * 1.25;
            write!(
                out,
                "<text x=\"{x:.1}\" y=\"{at:.1}\" font-size=\"{:.0}\" text-anchor=\"middle\" fill=\"#16191d\">{}</text>",
                self.size,
                markup(line)
            )?;
        }
        writeln!(out, "</g>{}", if link.is_some() { "</a>" } else { "" })
    }
}

/// A name in lines that are not too wide, broken before a point.
fn pieces(name: &str) -> Vec<String> {
    const WIDEST: usize = 30;
    let mut lines = vec![String::new()];
    let mut rest = name;
    while !rest.is_empty() {
        let next = rest
            .char_indices()
            .skip(1)
            .find(|&(_, c)| c == '.')
            .map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(next);
        rest = after;
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + piece.chars().count() > WIDEST {
            lines.push(String::new());
        }
        let last = lines.len() - 1;
        lines[last].push_str(piece);
    }
    // What has no points may still be of any length.
    for line in &mut lines {
        if line.chars().count() > 60 {
            *line = line.chars().take(59).chain(['…']).collect();
        }
    }
    lines.truncate(4);
    lines
}

/// From nearly white to orange, or to blue for what became less.
fn fill(cum: i64, total: i64) -> String {
    let part = (cum.unsigned_abs() as f64 / total.unsigned_abs().max(1) as f64)
        .clamp(0.0, 1.0)
        .sqrt();
    let to = if cum < 0 {
        [0x8f, 0xc1, 0xf5]
    } else {
        [0xf6, 0xb2, 0x6b]
    };
    let mix = |i: usize| (f64::from([0xf7u8, 0xf8, 0xfa][i]) * (1.0 - part) + f64::from(to[i]) * part).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}

/// A smooth line through points: vertical where it passes a row.
fn curve(route: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (i, &(x, y)) in route.iter().enumerate() {
        if i == 0 {
            d.push_str(&format!("M{x:.1},{y:.1}"));
            continue;
        }
        let (px, py) = route[i - 1];
        if (px - x).abs() < 0.5 {
            d.push_str(&format!(" L{x:.1},{y:.1}"));
        } else {
            let middle = (py + y) / 2.0;
            d.push_str(&format!(" C{px:.1},{middle:.1} {x:.1},{middle:.1} {x:.1},{y:.1}"));
        }
    }
    d
}

fn edge_label(drawing: &Drawing, weight: i64, route: &[(f64, f64)]) -> String {
    let Some(pair) = route.windows(2).next() else {
        return String::new();
    };
    let (x, y) = ((pair[0].0 + pair[1].0) / 2.0, (pair[0].1 + pair[1].1) / 2.0);
    let text = markup(&value(drawing, weight));
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"9\" fill=\"#4b535c\" stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\" text-anchor=\"middle\">{text}</text>"
    )
}
