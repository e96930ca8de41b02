//! The page for a browser: data, style and program in one file, no request to anywhere. `flame` and `report` are both this
//! page, with one graph or with everything.
//!
//! The page is `page.html` with its holes filled; what it can do is in the scripts beside it. The data is one JSON object in
//! a `<script>` that is not a program. Everything that comes from a file goes through `flame::escape`; the page puts it into
//! the document as text only. The browser runs the one program and the one style that the policy names by hash.

mod names;
mod profile;

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub(super) use names::{NameTables, Names};
pub(super) use profile::{ProfileData, Taken, profile};

use super::flame::escape::{self, ForScript};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const PROGRAM: [&str; 17] = [
    "(() => {\n\"use strict\";\n",
    include_str!("names.js"),
    include_str!("numbers.js"),
    include_str!("dom.js"),
    include_str!("trees.js"),
    include_str!("filter.js"),
    include_str!("state.js"),
    include_str!("chart.js"),
    include_str!("commands.js"),
    include_str!("figure.js"),
    include_str!("sandwich.js"),
    include_str!("table.js"),
    include_str!("timeline.js"),
    include_str!("goroutines.js"),
    include_str!("verdict.js"),
    include_str!("keys.js"),
    concat!(include_str!("main.js"), "})();\n"),
];

/// What the page is given, beside what only reports have. Names are in the spelling of JavaScript, where they are read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data<'a, S: Serialize> {
    schema: &'static str,
    generator: String,
    /// `flame` or `report`.
    mode: &'static str,
    title: String,
    facts: Vec<(String, String)>,
    snapshots: Vec<Snapshot>,
    profiles: Vec<ProfileData>,
    #[serde(flatten)]
    names: NameTables<'a>,
    #[serde(flatten)]
    sections: S,
}

/// A moment of the series.
#[derive(Serialize)]
pub(super) struct Snapshot {
    /// Milliseconds since the Unix epoch; none where the time is not known.
    pub(super) at: Option<i64>,
    pub(super) name: String,
    /// Which process it is of.
    pub(super) process: usize,
}

/// What a page is about, for [`write`].
pub(super) struct Page<'a, S: Serialize> {
    pub(super) mode: &'static str,
    pub(super) title: String,
    /// The sentence for readers without scripts.
    pub(super) summary: String,
    pub(super) facts: Vec<(String, String)>,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) profiles: Vec<ProfileData>,
    pub(super) names: &'a Names,
    pub(super) sections: S,
    /// Takes out of a text what strangers may not read.
    pub(super) hide: Option<&'a dyn Fn(&str) -> String>,
}

/// Writes a page.
///
/// # Errors
/// What `out` reports.
pub(super) fn write<S: Serialize>(page: Page<'_, S>, heading: &str, out: &mut dyn Write) -> io::Result<()> {
    let hide = |text: &str| page.hide.map_or_else(|| text.to_owned(), |hide| hide(text));
    let (title, summary) = (escape::markup(&hide(heading)), escape::markup(&hide(&page.summary)));
    let data = Data {
        schema: "kubeprof/page/1",
        generator: generator(),
        mode: page.mode,
        title: page.title,
        facts: page.facts,
        snapshots: page.snapshots,
        profiles: page.profiles,
        names: page.names.tables(),
        sections: page.sections,
    };
    // The template is split before anything is put into it, so that no text of a profile is taken for a hole.
    for part in PAGE.split("{{") {
        let rest = match part.split_once("}}") {
            None => part,
            Some((hole, rest)) => {
                match hole {
                    "title" => out.write_all(title.as_bytes())?,
                    "summary" => out.write_all(summary.as_bytes())?,
                    "generator" => out.write_all(generator().as_bytes())?,
                    "css" => out.write_all(STYLE.as_bytes())?,
                    "js" => PROGRAM.iter().try_for_each(|js| out.write_all(js.as_bytes()))?,
                    "css-hash" => out.write_all(hash(&[STYLE]).as_bytes())?,
                    "js-hash" => out.write_all(hash(&PROGRAM).as_bytes())?,
                    _ => match page.hide {
                        None => json(&data, out)?,
                        Some(hide) => {
                            let mut text = Vec::new();
                            json(&data, &mut text)?;
                            out.write_all(hide(&String::from_utf8_lossy(&text)).as_bytes())?;
                        }
                    },
                }
                rest
            }
        };
        out.write_all(rest.as_bytes())?;
    }
    Ok(())
}

fn json<S: Serialize>(data: &Data<'_, S>, out: &mut dyn Write) -> io::Result<()> {
    let mut json = serde_json::Serializer::with_formatter(out, ForScript);
    data.serialize(&mut json).map_err(io::Error::from)
}

fn generator() -> String {
    format!("kubeprof {}", env!("CARGO_PKG_VERSION"))
}

/// A source of the page's policy: only text with this hash runs or styles.
fn hash(parts: &[&str]) -> String {
    let mut sha = Sha256::new();
    parts.iter().for_each(|part| sha.update(part.as_bytes()));
    format!("sha256-{}", STANDARD.encode(sha.finalize()))
}
