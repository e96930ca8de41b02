//! `-o FORMAT` and `-o FORMAT=FILE`: one answer in several formats, at most one of them on standard output.

use crate::cli::hints::Failure;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, bail};

use super::super::args::OutArgs;
use super::super::output;
use crate::check::outcome::Report;
use crate::kubelet::nearest;
use crate::render::check;
use crate::render::diagnosis::Words;

/// A format of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Text,
    Json,
    Junit,
    Sarif,
    Github,
    Gitlab,
    Markdown,
    Prometheus,
}

const FORMATS: [(&str, Format); 8] = [
    ("text", Format::Text),
    ("json", Format::Json),
    ("junit", Format::Junit),
    ("sarif", Format::Sarif),
    ("github", Format::Github),
    ("gitlab", Format::Gitlab),
    ("markdown", Format::Markdown),
    ("prometheus", Format::Prometheus),
];

/// A format and where it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    format: Format,
    file: Option<PathBuf>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, file) = match text.split_once('=') {
            Some((word, file)) => (word, Some(file)),
            None => (text, None),
        };
        let Some(&(_, format)) = FORMATS.iter().find(|(name, _)| *name == word) else {
            let all: Vec<&str> = FORMATS.iter().map(|f| f.0).collect();
            return Err(match nearest(word, all.iter().copied()) {
                Some(near) => format!("unknown format; did you mean {near}?"),
                None => format!("unknown format; known: {}", all.join(", ")),
            });
        };
        if file == Some("") {
            return Err(format!("the name of the file is missing: {word}=FILE"));
        }
        Ok(Self {
            format,
            file: file.map(PathBuf::from),
        })
    }
}

/// Refuses two answers in one place.
pub(super) fn distinct(targets: &[Target], out: Option<&Path>) -> Result<()> {
    let mut seen: Vec<Option<&Path>> = Vec::new();
    for t in targets {
        let place = t.file.as_deref();
        if seen.contains(&place) {
            let place = place.map_or("standard output".to_owned(), |p| p.display().to_string());
            bail!(Failure::new(
                format!("two formats to {place}"),
                "-o FORMAT=FILE writes one of them to a file"
            ));
        }
        if place.is_some() && place == out {
            bail!("two formats to {}", out.unwrap_or(Path::new("")).display());
        }
        seen.push(place);
    }
    if out.is_some() && !seen.contains(&None) {
        bail!("--out has nothing to write: every format has a file of its own");
    }
    Ok(())
}

/// Writes one format.
pub(super) fn write(target: &Target, report: &Report, words: &Words<'_>, out: &OutArgs) -> Result<()> {
    let own;
    let out = match &target.file {
        Some(file) => {
            own = OutArgs {
                out: Some(file.clone()),
                ..out.clone()
            };
            &own
        }
        None => out,
    };
    match target.format {
        Format::Text => {
            let terminal = output::terminal(out);
            output::write(out, true, None, |w| check::text(report, words, &terminal, w))
        }
        Format::Json => output::data(out, false, |w| check::json(report, words, w)),
        Format::Junit => output::data(out, false, |w| check::junit(report, words, w)),
        Format::Sarif => output::data(out, false, |w| check::sarif(report, words, w)),
        Format::Github => output::data(out, false, |w| check::github(report, words, w)),
        Format::Gitlab => output::data(out, false, |w| check::gitlab(report, words, w)),
        Format::Markdown => output::data(out, false, |w| check::markdown(report, words, w)),
        Format::Prometheus => output::data(out, false, |w| check::prometheus(report, words, w)),
    }
}
