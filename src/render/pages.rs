//! Pages of a web server around reports: a head with links and a search, and below it a table, a text or a picture.
//!
//! They need no script. What comes from a profile or an address is text in them, never markup.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::flame::escape::markup;
use crate::analysis::{Top, View};
use crate::model::units;

/// A link in the head.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Link {
    /// Its text.
    pub text: String,
    /// Where it leads, relative to the page.
    pub href: String,
    /// Whether it leads here.
    #[serde(skip)]
    pub current: bool,
}

/// What is above every page.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// What it is about.
    pub title: String,
    /// The name of this page, for the search.
    pub page: String,
    /// Other pages.
    pub links: Vec<Link>,
    /// Sample types.
    pub samples: Vec<Link>,
    /// What was searched for.
    pub search: String,
    /// Parameters that a search keeps.
    pub kept: Vec<(String, String)>,
}

/// What is on a page.
pub enum Content<'a> {
    /// The rows of `top`.
    Top(&'a Top, &'a View),
    /// Text as it is.
    Text(String),
    /// SVG that a renderer of kubeprof wrote.
    Picture(String),
    /// Functions with their source lines, as a renderer of kubeprof wrote them.
    Sources(String),
    /// Rows of cells, the first of which are headings; a cell may be a link.
    Table(Vec<Vec<Link>>),
}

const STYLE: &str = include_str!("pages.css");

/// Writes a page.
///
/// # Errors
/// What `out` reports.
pub fn page(site: &Site, facts: &[String], content: &Content<'_>, out: &mut dyn Write) -> io::Result<()> {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let title = markup(&site.title);
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>"
    )?;
    links(&site.links, "Pages", out)?;
    if !site.samples.is_empty() {
        links(&site.samples, "Sample types", out)?;
    }
    writeln!(
        out,
        "<form action=\"{}\" method=\"get\" role=\"search\">",
        markup(&site.page)
    )?;
    for (name, value) in &site.kept {
        writeln!(
            out,
            "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
            markup(name),
            markup(value)
        )?;
    }
    writeln!(
        out,
        "<label>Focus <input type=\"search\" name=\"f\" value=\"{}\" placeholder=\"regular expression\"></label><button type=\"submit\">Apply</button>\n</form>",
        markup(&site.search)
    )?;
    writeln!(out, "</header>\n<main>")?;
    for fact in facts {
        writeln!(out, "<p class=\"fact\">{}</p>", markup(fact))?;
    }
    match content {
        Content::Top(top, view) => self::top(top, view, out)?,
        Content::Text(text) => {
            writeln!(out, "<pre tabindex=\"0\">")?;
            for line in text.lines() {
                writeln!(out, "{}", markup(&line.replace('\t', "        ")))?;
            }
            writeln!(out, "</pre>")?;
        }
        Content::Picture(svg) => writeln!(out, "<div class=\"picture\" tabindex=\"0\">{svg}</div>")?,
        Content::Sources(html) => writeln!(
            out,
            "<div class=\"sources\" tabindex=\"0\" role=\"region\" aria-label=\"Source\">{html}</div>"
        )?,
        Content::Table(rows) => table(rows, out)?,
    }
    writeln!(out, "</main>\n</body>\n</html>")
}

fn links(links: &[Link], label: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<nav aria-label=\"{label}\">")?;
    for link in links {
        let current = if link.current { " aria-current=\"page\"" } else { "" };
        write!(
            out,
            "<a href=\"{}\"{current}>{}</a>",
            markup(&link.href),
            markup(&link.text)
        )?;
    }
    writeln!(out, "</nav>")
}

fn top(top: &Top, view: &View, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<table>\n<thead><tr><th scope=\"col\">Flat</th><th scope=\"col\">Flat%</th><th scope=\"col\">Sum%</th><th scope=\"col\">Cum</th>\
         <th scope=\"col\">Cum%</th><th scope=\"col\" class=\"text\">Name</th></tr></thead>\n<tbody>"
    )?;
    let total = top.header.total;
    let mut sum = 0i64;
    for row in &top.rows {
        sum = sum.wrapping_add(row.flat);
        let share = |v: i64| units::percentage(v, total);
        let name = row.info.printable(&view.profile);
        let exact = format!("peek?f=^{}$", regex::escape(&name));
        writeln!(
            out,
            "<tr><td data-value=\"{}\">{}</td><td>{}</td><td>{}</td><td data-value=\"{}\">{}</td><td>{}</td><th scope=\"row\" class=\"text\"><a href=\"{}\">{}</a>{}</th></tr>",
            row.flat,
            markup(&view.format(row.flat, &top.header.output_unit)),
            markup(share(row.flat).trim()),
            markup(share(sum).trim()),
            row.cum,
            markup(&view.format(row.cum, &top.header.output_unit)),
            markup(share(row.cum).trim()),
            markup(&percent_encoded(&exact)),
            markup(&name),
            match row.inline {
                crate::analysis::InlineMark::No => "",
                crate::analysis::InlineMark::Partial => " (partial-inline)",
                crate::analysis::InlineMark::Full => " (inline)",
            },
        )?;
    }
    writeln!(out, "</tbody>\n</table>")
}

/// The part behind `f=` as an address needs it.
fn percent_encoded(address: &str) -> String {
    let (head, value) = address.split_once('=').unwrap_or((address, ""));
    let mut out = format!("{head}=");
    for b in value.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(b as char),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

fn table(rows: &[Vec<Link>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<table>")?;
    for (i, row) in rows.iter().enumerate() {
        let tag = if i == 0 { "th scope=\"col\"" } else { "td" };
        write!(out, "<tr>")?;
        for cell in row {
            let text = markup(&cell.text);
            let text = match cell.href.as_str() {
                "" => text,
                href => format!("<a href=\"{}\">{text}</a>", markup(href)),
            };
            let class = if cell.current { " class=\"strong\"" } else { "" };
            write!(out, "<{tag}{class}>{text}</{}>", if i == 0 { "th" } else { "td" })?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table>")
}
