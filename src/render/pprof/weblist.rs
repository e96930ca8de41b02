//! `weblist`: sources with what each line costs, as a page that needs nothing but a browser.
//!
//! The page is kubeprof's own and not that of `go tool pprof`: its numbers are those of samples (one counts once a line), not
//! sums over instructions. A line opens to what was inlined there and, where the binary was found, to its instructions.

use std::io::{self, Write};

use super::header::profile_labels;
use crate::analysis::{LineCode, LineInstruction, ListedFile, ListedLine, Listing, View};
use crate::model::units::percentage;
use crate::render::SourceLookup;

const STYLE: &str = "\
body { font-family: sans-serif; margin: 1.5em; }
h2 { font-size: 1.1em; margin-bottom: 0.2em; }
.legend, .sum { color: #444; }
table { border-collapse: collapse; font-family: monospace; white-space: pre; }
td { padding: 0 0.7em 0 0; vertical-align: top; }
td.n { text-align: right; }
tr.none { color: #999; }
tr.some td.n { color: #a00; }
tr.some:hover { background: #f2f2f2; }
summary { cursor: pointer; }
details div { color: #046; padding-left: 2em; }
details table { color: #333; }
details .call td { color: #046; }
details .gap td { border-top: 1px solid #bbb; }
";

/// Prints the page.
///
/// # Errors
/// What `out` reports.
pub fn weblist(
    report: &Listing,
    code: &LineCode,
    view: &View,
    sources: &mut dyn SourceLookup,
    out: &mut dyn Write,
) -> io::Result<()> {
    let h = &report.header;
    let title = if h.file.is_empty() { "Source listing" } else { &h.file };
    writeln!(out, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(
        out,
        "<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>",
        escape(title)
    )?;
    writeln!(out, "<div class=\"legend\">")?;
    for line in profile_labels(h, view, &h.output_unit) {
        writeln!(out, "{}<br>", escape(&line))?;
    }
    let total = view.format(h.total, &h.output_unit);
    writeln!(out, "Total: {}\n</div>", escape(&total))?;
    source_listing(report, code, view, sources, out)?;
    writeln!(out, "</body>\n</html>")
}

/// Prints what is on the page, without its head.
///
/// # Errors
/// What `out` reports.
pub fn source_listing(
    report: &Listing,
    code: &LineCode,
    view: &View,
    sources: &mut dyn SourceLookup,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = Page { report, code, view };
    for function in &report.functions {
        for part in &function.files {
            page.part(&function.name, part, sources, out)?;
        }
        if function.files.is_empty() {
            let name = escape(&function.name);
            writeln!(out, "<h2>{name}</h2>\n<div class=\"sum\">no source file is known</div>")?;
        }
    }
    Ok(())
}

struct Page<'a> {
    report: &'a Listing,
    code: &'a LineCode,
    view: &'a View,
}

impl Page<'_> {
    fn format(&self, value: i64) -> String {
        escape(&self.view.format(value, &self.report.header.output_unit))
    }

    fn or_dot(&self, value: i64) -> String {
        if value == 0 { ".".to_owned() } else { self.format(value) }
    }

    fn part(
        &self,
        name: &str,
        part: &ListedFile,
        sources: &mut dyn SourceLookup,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(
            out,
            "<h2>{}</h2>\n<div class=\"sum\">{}</div>",
            escape(name),
            escape(&part.file)
        )?;
        let share = percentage(part.cum, self.report.header.total);
        let (flat, cum) = (self.format(part.flat), self.format(part.cum));
        writeln!(
            out,
            "<div class=\"sum\">{flat} flat, {cum} cum, {} of total</div>",
            share.trim()
        )?;
        writeln!(out, "<table>")?;
        match sources.open(&part.file) {
            Ok(source) => {
                let mut lines = part.lines.iter().peekable();
                for n in part.start..=part.end {
                    let Some(text) = source(n) else { break };
                    while lines.next_if(|l| l.line < n).is_some() {}
                    let cost = lines.next_if(|l| l.line == n);
                    let code = self.code.of(name, &part.file, n);
                    self.line(n, cost, code, &String::from_utf8_lossy(text), out)?;
                }
            }
            Err(reason) => {
                writeln!(
                    out,
                    "<tr class=\"none\"><td colspan=\"4\">{}</td></tr>",
                    escape(&reason)
                )?;
                for cost in &part.lines {
                    let code = self.code.of(name, &part.file, cost.line);
                    self.line(cost.line, Some(cost), code, "", out)?;
                }
            }
        }
        writeln!(out, "</table>")
    }

    fn line(
        &self,
        n: i64,
        cost: Option<&ListedLine>,
        code: &[LineInstruction],
        text: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (flat, cum) = cost.map_or((0, 0), |c| (c.flat, c.cum));
        let class = if cost.is_some() { "some" } else { "none" };
        let (flat, cum, text) = (self.or_dot(flat), self.or_dot(cum), escape(text));
        write!(
            out,
            "<tr class=\"{class}\"><td class=\"n\">{flat}</td><td class=\"n\">{cum}</td><td class=\"n\">{n}</td><td>"
        )?;
        let inlined = cost.map_or(&[][..], |c| c.inlined.as_slice());
        if inlined.is_empty() && code.is_empty() {
            return writeln!(out, "{text}</td></tr>");
        }
        // A line whose source is not here still needs a name to open it by.
        let label = match (text.trim(), code) {
            ("", []) => "(inlined calls)",
            ("", _) => "(instructions)",
            _ => &text,
        };
        write!(out, "<details><summary>{label} </summary>")?;
        for call in inlined {
            let place = format!("{} {}:{}", call.name, call.file, call.line);
            write!(out, "<div>{} {}</div>", self.format(call.value), escape(&place))?;
        }
        self.instructions(code, out)?;
        writeln!(out, "</details></td></tr>")
    }

    /// The instructions of a line; what was inlined stands above the first of its instructions.
    fn instructions(&self, code: &[LineInstruction], out: &mut dyn Write) -> io::Result<()> {
        if code.is_empty() {
            return Ok(());
        }
        writeln!(out, "<table>")?;
        let mut inside: &[String] = &[];
        for i in code {
            let same = inside.iter().zip(&i.inlined).take_while(|(a, b)| a == b).count();
            for (depth, call) in i.inlined.iter().enumerate().skip(same) {
                let indent = " ".repeat(2 * depth);
                writeln!(
                    out,
                    "<tr class=\"call\"><td></td><td></td><td></td><td>{indent}{}</td></tr>",
                    escape(call)
                )?;
            }
            inside = &i.inlined;
            let gap = if i.after_gap { " class=\"gap\"" } else { "" };
            writeln!(
                out,
                "<tr{gap}><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{:x}</td><td>{}{}</td></tr>",
                self.or_dot(i.flat),
                self.or_dot(i.cum),
                i.address,
                " ".repeat(2 * i.inlined.len()),
                escape(&i.text)
            )?;
        }
        writeln!(out, "</table>")
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
