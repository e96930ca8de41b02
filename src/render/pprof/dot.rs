//! `dot`: a drawing in the language of Graphviz.

use std::io::{self, Write};

use super::header::report_labels;
use super::short_name::short_name;
use crate::analysis::{Drawing, DrawnEdge, DrawnNode, DrawnSize, NodeInfo, View};
use crate::model::units::percentage;

/// Prints a drawing.
///
/// # Errors
/// What `out` reports.
pub fn dot(report: &Drawing, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let title = &report.header.file;
    let name = if title.is_empty() { "unnamed" } else { title };
    writeln!(out, "digraph \"{name}\" {{")?;
    writeln!(out, r##"node [style=filled fillcolor="#f8f8f8"]"##)?;
    legend(report, view, out)?;
    let drawer = Drawer {
        view,
        unit: &report.header.output_unit,
        total: report.header.total,
        max_flat: report.nodes.iter().map(|n| n.flat.wrapping_abs()).max().unwrap_or(0),
    };
    for (i, node) in report.nodes.iter().enumerate() {
        drawer.node(i + 1, node, &report.names[i], out)?;
    }
    for edge in &report.edges {
        drawer.edge(edge, report, out)?;
    }
    writeln!(out, "}}")
}

fn legend(report: &Drawing, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let lines: Vec<String> = report_labels(&report.header, view, true)
        .iter()
        .map(|l| escape(l))
        .collect();
    let title = &report.header.file;
    let tooltip = if title.is_empty() {
        String::new()
    } else {
        format!(" tooltip=\"{title}\"")
    };
    writeln!(
        out,
        r#"subgraph cluster_L {{ "{}" [shape=box fontsize=16 label="{}\l"{tooltip}] }}"#,
        lines[0],
        lines.join(r"\l")
    )
}

struct Drawer<'a> {
    view: &'a View,
    unit: &'a str,
    total: i64,
    max_flat: i64,
}

impl Drawer<'_> {
    fn format(&self, value: i64) -> String {
        self.view.format(value, self.unit)
    }

    fn with_share(&self, value: i64) -> String {
        format!("{} ({})", self.format(value), percentage(value, self.total).trim())
    }

    fn node(&self, id: usize, node: &DrawnNode, name: &str, out: &mut dyn Write) -> io::Result<()> {
        let mut label = multiline_name(&node.info, self.view);
        if node.flat == 0 {
            label.push('0');
        } else {
            label.push_str(&self.with_share(node.flat));
        }
        if node.cum != node.flat {
            label.push_str(if node.flat == 0 { " " } else { r"\n" });
            label.push_str("of ");
            label.push_str(&self.with_share(node.cum));
        }
        let flat = node.flat.wrapping_abs() as f64;
        let font_size = if self.max_flat == 0 || node.flat == 0 {
            8
        } else {
            8 + (16.0 * (flat / self.max_flat as f64).sqrt()).ceil() as i64
        };
        let score = node.cum as f64 / self.total.wrapping_abs() as f64;
        writeln!(
            out,
            r#"N{id} [label="{label}" id="node{id}" fontsize={font_size} shape=box tooltip="{} ({})" color="{}" fillcolor="{}"]"#,
            escape(name),
            self.format(node.cum),
            color(score, false),
            color(score, true),
        )?;
        for tag in &node.tags {
            let (place, weight) = (tag.place, self.format(tag.weight));
            let tag_id = format!("N{id}_{place}");
            self.nodelet(&format!("N{id}"), &tag_id, &tag.name, &weight, "", out)?;
            self.sizes(&tag_id, &tag.sizes, out)?;
        }
        self.sizes(&format!("N{id}"), &node.sizes, out)
    }

    fn sizes(&self, parent: &str, sizes: &[DrawnSize], out: &mut dyn Write) -> io::Result<()> {
        for size in sizes {
            let id = format!("N{parent}_{}", size.place);
            let style = if size.inherited { r#" style="dotted""# } else { "" };
            self.nodelet(parent, &id, &size.name, &self.format(size.weight), style, out)?;
        }
        Ok(())
    }

    fn nodelet(
        &self,
        parent: &str,
        id: &str,
        label: &str,
        weight: &str,
        style: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(
            out,
            r#"{id} [label = "{label}" id="{id}" fontsize=8 shape=box3d tooltip="{weight}"]"#
        )?;
        writeln!(
            out,
            r#"{parent} -> {id} [label=" {weight}" weight=100 tooltip="{weight}" labeltooltip="{weight}"{style}]"#
        )
    }

    fn edge(&self, edge: &DrawnEdge, report: &Drawing, out: &mut dyn Write) -> io::Result<()> {
        let source = &report.nodes[edge.src as usize];
        // A node that is no box has the number 0 in pprof's drawings.
        let to = if (edge.dst as usize) < report.nodes.len() {
            edge.dst + 1
        } else {
            0
        };
        let weight = self.format(edge.weight);
        let inline = if edge.inline { r"\n (inline)" } else { "" };
        write!(out, r#"N{} -> N{to} [label=" {weight}{inline}""#, edge.src + 1)?;
        if self.total != 0 {
            let of_total = |n: i64| {
                let share = edge.weight.wrapping_mul(n).wrapping_div(self.total).wrapping_abs();
                1 + share.min(n)
            };
            let (thick, wide) = (of_total(100), of_total(5));
            if thick > 1 {
                write!(out, " weight={thick}")?;
            }
            if wide > 1 {
                write!(out, " penwidth={wide}")?;
            }
            let score = edge.weight as f64 / self.total.wrapping_abs() as f64;
            write!(out, r#" color="{}""#, color(score, false))?;
        }
        let arrow = if edge.residual { "..." } else { "->" };
        let tooltip = format!(
            r#""{} {arrow} {} ({weight})""#,
            escape(&report.names[edge.src as usize]),
            escape(&report.names[edge.dst as usize])
        );
        write!(out, " tooltip={tooltip} labeltooltip={tooltip}")?;
        if edge.residual {
            write!(out, r#" style="dotted""#)?;
        }
        if !source.tags.is_empty() || !source.sizes.is_empty() {
            // Children of a box with labels are set further apart.
            write!(out, " minlen=2")?;
        }
        writeln!(out, "]")
    }
}

/// The name of a box: function in short, package and method on lines of their own, base name of the file.
fn multiline_name(info: &NodeInfo, view: &View) -> String {
    let p = &view.profile;
    let name = escape(&short_name(p.text(info.name)))
        .replace("::", r"\n")
        // Left-out type parameters are no path.
        .replace("[...]", "[…]")
        .replace('.', r"\n");
    let file = p.text(info.file);
    let file = if file.is_empty() {
        file
    } else {
        crate::analysis::base_name(file)
    };
    let mut label = info.parts(&name, file, p.text(info.object)).join(r"\n");
    label.push_str(r"\n");
    label
}

fn escape(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\l")
}

/// A colour for a share of the total: red for gains, green for losses, grey for what is small.
fn color(score: f64, background: bool) -> String {
    let (saturation, value) = if background { (0.1, 0.93) } else { (1.0, 0.7) };
    let score = score.clamp(-1.0, 1.0);
    let saturation = if score.abs() < 0.2 {
        saturation * (score.abs() / 0.2)
    } else {
        saturation
    };
    // Away from grey: small shares should be seen.
    let strength = score.abs().powf(0.3) * score.signum();
    let (red, green) = if strength < 0.0 {
        (value * (1.0 + saturation * strength), value)
    } else {
        (value, value * (1.0 - saturation * strength))
    };
    let blue = value * (1.0 - saturation);
    let byte = |v: f64| (v * 255.0) as u8;
    format!("#{:02x}{:02x}{:02x}", byte(red), byte(green), byte(blue))
}
