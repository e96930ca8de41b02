//! The flame graph as a still picture: SVG without a program, with a tooltip (`<title>`) on every box.
//!
//! Root at the top. Boxes that would be narrower than half a pixel are left out and counted below the drawing. Colours
//! are those of the page on white; comparisons are orange where there is more than before and blue where there is less.

use std::io::{self, Write};

use super::flame::escape::markup;
use super::flame::palette::{self, Colour};
use super::flame::{facts, shape};
use crate::analysis::{Comparison, Flame, InlineMark};
use crate::kubelet::Role;
use crate::model::units;

const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 10.0;
const ROW: f64 = 17.0;
const NARROWEST: f64 = 0.5;
/// Width of a letter of the 11 pixel monospace font.
const LETTER: f64 = 6.65;

/// Writes the picture. `name` says which profile it is, in the title.
///
/// # Errors
/// What `out` reports.
pub fn flame_svg(flame: &Flame, name: &str, out: &mut dyn Write) -> io::Result<()> {
    let boxes = boxes(flame);
    let depths = shape::depths(flame);
    let rows = boxes.iter().map(|b| depths[b.node] + 1).max().unwrap_or(1);
    let facts = facts::totals(flame).into_iter().chain(facts::facts(flame));
    let subtitle: Vec<String> = facts.map(|(k, v)| format!("{k}: {v}")).collect();
    let palette = palette::subsystems(flame);
    let legend = legend(flame, &boxes, &palette);
    let top = 48.0;
    let below = top + f64::from(rows) * ROW + 18.0;
    let height = below + (legend.len().div_ceil(4) as f64) * 17.0 + 30.0;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"11\">"
    )?;
    let title = facts::title(flame, name);
    writeln!(out, "<title>{}</title>", markup(&title))?;
    writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>")?;
    let line = |out: &mut dyn Write, y: f64, size: u32, fill: &str, text: &str| {
        let text = cut(text, ((WIDTH - 2.0 * MARGIN) / (f64::from(size) * 0.605)) as usize);
        let text = markup(&text);
        writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{y}\" font-size=\"{size}\" fill=\"{fill}\">{text}</text>"
        )
    };
    line(out, 20.0, 15, "#16191d", &title)?;
    line(out, 37.0, 11, "#565d66", &subtitle.join("  "))?;
    for b in &boxes {
        draw(flame, b, &palette, top + f64::from(depths[b.node]) * ROW, out)?;
    }
    for (i, (colour, title)) in legend.iter().enumerate() {
        let x = MARGIN + (i % 4) as f64 * (WIDTH - 2.0 * MARGIN) / 4.0;
        let y = below + (i / 4) as f64 * 17.0;
        let title = markup(&cut(title, 40));
        writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"11\" height=\"11\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{y:.1}\" \
             fill=\"#16191d\">{title}</text>",
            y - 9.5,
            x + 16.0
        )?;
    }
    let mut notes = facts::hidden(flame);
    let narrow = flame.len() - boxes.len();
    if narrow > 0 {
        notes.push_str(&format!(" {narrow} more are narrower than half a pixel."));
    }
    line(out, height - 10.0, 11, "#565d66", notes.trim())?;
    writeln!(out, "</svg>")
}

struct Box {
    node: usize,
    x: f64,
    width: f64,
}

fn boxes(flame: &Flame) -> Vec<Box> {
    let weights = shape::weights(flame);
    let whole = weights[0];
    let scale = if whole > 0.0 {
        (WIDTH - 2.0 * MARGIN) / whole
    } else {
        0.0
    };
    // Where the next child of a node begins.
    let mut next = vec![0.0; flame.len()];
    let mut boxes = Vec::new();
    for i in 0..flame.len() {
        let parent = flame.nodes.parent[i] as usize;
        let start = if i == 0 { MARGIN } else { next[parent] };
        let width = weights[i] * scale;
        if i != 0 {
            next[parent] = start + width;
        }
        next[i] = start;
        if width >= NARROWEST || i == 0 {
            boxes.push(Box {
                node: i,
                x: start,
                width: if i == 0 { WIDTH - 2.0 * MARGIN } else { width },
            });
        }
    }
    boxes
}

fn draw(flame: &Flame, b: &Box, palette: &[Colour], y: f64, out: &mut dyn Write) -> io::Result<()> {
    let (x, i) = (b.x, b.node);
    let name = &flame.names[flame.nodes.name[i] as usize];
    let fill = colour(flame, i, palette);
    let inline = flame.nodes.inline[i] == InlineMark::Full;
    let (y_box, tall) = if inline { (y - 1.0, ROW) } else { (y, ROW - 1.0) };
    let wide = (b.width - 0.6).max(0.3);
    write!(out, "<g><title>{}</title>", markup(&tooltip(flame, i)))?;
    write!(
        out,
        "<rect x=\"{x:.2}\" y=\"{y_box:.1}\" width=\"{wide:.2}\" height=\"{tall:.1}\" fill=\"{fill}\"/>"
    )?;
    let letters = ((b.width - 6.0) / LETTER) as usize;
    if letters >= 3 {
        let short = shape::short(&name.name);
        let fits = short.chars().count() <= letters;
        let text = markup(&cut(if fits { &short } else { shape::bare(&short) }, letters));
        let style = if inline { " font-style=\"italic\"" } else { "" };
        write!(
            out,
            "<text x=\"{:.2}\" y=\"{:.1}\" fill=\"#16191d\"{style}>{text}</text>",
            x + 3.0,
            y + 12.0
        )?;
    }
    writeln!(out, "</g>")
}

fn tooltip(flame: &Flame, i: usize) -> String {
    let name = &flame.names[flame.nodes.name[i] as usize];
    let c = &flame.columns[flame.selected];
    let total = flame.types[flame.selected].total;
    let value = |v: i64| facts::value(flame, v);
    let mut text = name.name.clone();
    if let Some(s) = name.subsystem.and_then(|s| flame.subsystems.get(usize::from(s))) {
        text.push_str(&format!(" ({})", s.title));
    }
    if flame.nodes.inline[i] == InlineMark::Full {
        text.push_str(" (inlined)");
    }
    match flame.comparison {
        Comparison::None => text.push_str(&format!(
            ": total {} {}, self {}",
            value(c.total[i]),
            units::percentage(c.total[i], total).trim(),
            value(c.own[i])
        )),
        Comparison::Base | Comparison::Signed => {
            let (new, old) = (c.total[i], c.old_total[i]);
            let change = new.wrapping_sub(old);
            let plus = if change > 0 { "+" } else { "" };
            text.push_str(&format!(
                ": {} -> {}, change {plus}{}",
                value(old),
                value(new),
                value(change)
            ));
        }
    }
    text
}

fn colour(flame: &Flame, i: usize, palette: &[Colour]) -> String {
    if i == 0 {
        return "#eceef1".to_owned();
    }
    if flame.comparison != Comparison::None {
        let c = &flame.columns[flame.selected];
        return change(c.total[i], c.old_total[i]);
    }
    let name = &flame.names[flame.nodes.name[i] as usize];
    match name.subsystem.and_then(|s| palette.get(usize::from(s))) {
        Some(colour) => colour.light.clone(),
        None => palette::unknown().light,
    }
}

/// From grey to orange for more, to blue for less.
fn change(new: i64, old: i64) -> String {
    let largest = new.unsigned_abs().max(old.unsigned_abs());
    if new == old || largest == 0 {
        return "#e3e6ea".to_owned();
    }
    let t = (new.abs_diff(old) as f64 / largest as f64).min(1.0) * 0.8 + 0.2;
    let to = if new > old {
        [0xf2, 0x99, 0x3a]
    } else {
        [0x64, 0xa8, 0xf0]
    };
    let part = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * t).round() as u8;
    let [r, g, b] = [part(0xe3, to[0]), part(0xe6, to[1]), part(0xea, to[2])];
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Colours and titles of the subsystems that take the most room, kubelet parts first.
fn legend(flame: &Flame, boxes: &[Box], palette: &[Colour]) -> Vec<(String, String)> {
    if flame.comparison != Comparison::None {
        let words = if flame.comparison == Comparison::Base {
            ["more than before", "unchanged", "less than before"]
        } else {
            ["gained", "neither", "lost"]
        };
        return [(2, 1), (1, 1), (1, 2)]
            .iter()
            .zip(words)
            .map(|(&(new, old), word)| (change(new, old), word.to_owned()))
            .collect();
    }
    let mut room = vec![0.0; flame.subsystems.len()];
    for b in boxes {
        if let Some(s) = flame.names[flame.nodes.name[b.node] as usize].subsystem {
            room[usize::from(s)] += b.width;
        }
    }
    let plain = |i: usize| flame.subsystems[i].role > Role::Library;
    let mut order: Vec<usize> = (0..room.len()).filter(|&i| room[i] > 0.0 && !plain(i)).collect();
    order.sort_by(|&a, &b| room[b].total_cmp(&room[a]).then(a.cmp(&b)));
    order.truncate(23);
    order.sort_by_key(|&i| flame.subsystems[i].role);
    let mut legend: Vec<(String, String)> = order
        .into_iter()
        .map(|i| (palette[i].light.clone(), flame.subsystems[i].title.clone()))
        .collect();
    legend.push((palette::plain().light, "start-up, Go runtime, unknown".to_owned()));
    legend
}

/// At most `letters` characters, the last an ellipsis where something was cut.
fn cut(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(letters.saturating_sub(1)).collect();
    out.push('…');
    out
}
