//! Source lines and instructions of the functions that cost the most, where sources and the binary are there.

use super::super::pprof::sources::LocalSources;
use super::gather::Gathered;
use crate::analysis::{self, Granularity, Query, Trim};
use crate::input::Subject;
use crate::model::units;
use crate::render::SourceLookup as _;
use crate::render::report::{Listing, ListingLine};
use crate::report::{PictureKind, Place};

/// Functions of a profile at most.
const MOST: usize = 8;
/// Lines or instructions of a function at most, around the dearest.
const LONGEST: usize = 120;

/// What listings are made of beside the material.
pub(super) struct Asked<'a> {
    pub(super) source_path: &'a str,
    /// What is typed behind a verb to get a profile.
    pub(super) place: &'a dyn Fn(&Place) -> String,
}

/// The dearest functions of the last heap and the last CPU profile.
pub(super) fn listings(gathered: &Gathered, asked: &Asked<'_>) -> Vec<Listing> {
    let mut listings = Vec::new();
    for (kind, (subject, place)) in &gathered.last {
        listings.extend(of_sources(subject, place, asked));
        if *kind == PictureKind::Cpu {
            listings.extend(of_instructions(subject, place, asked));
        }
    }
    listings
}

fn steps(unit: &str) -> Vec<(String, f64)> {
    let own = units::factor(unit).unwrap_or(1.0);
    let names: &[&str] = match units::dimension(unit) {
        units::Dimension::Bytes => &["B", "kB", "MB", "GB"],
        units::Dimension::Time => &["ns", "us", "ms", "s", "hrs"],
        _ => return vec![(String::new(), 1.0)],
    };
    names
        .iter()
        .filter_map(|&name| Some((name.to_owned(), units::factor(name)? / own)))
        .collect()
}

/// Names of the functions with the most of their own, as one expression.
fn dearest(subject: &Subject) -> Option<String> {
    let query = Query {
        trim: Trim {
            node_count: Some(MOST),
            ..Trim::default()
        },
        ..Query::default()
    };
    let top = analysis::top(&subject.view(&query).ok()?);
    let names: Vec<String> = top
        .rows
        .iter()
        .filter(|r| r.flat > 0)
        .map(|r| regex::escape(&r.name))
        .collect();
    (!names.is_empty()).then(|| format!("^(?:{})$", names.join("|")))
}

fn of_sources(subject: &Subject, place: &Place, asked: &Asked<'_>) -> Vec<Listing> {
    let query = Query {
        granularity: Granularity::Lines,
        trim: Trim::NONE,
        source_path: asked.source_path.to_owned(),
        ..Query::default()
    };
    let Some(names) = dearest(subject) else {
        return Vec::new();
    };
    let (Ok(view), Ok(mut sources)) = (subject.view(&query), LocalSources::new(&query)) else {
        return Vec::new();
    };
    let Ok(listing) = analysis::list(&view, &names) else {
        return Vec::new();
    };
    let steps = steps(&view.unit);
    let mut out = Vec::new();
    for function in &listing.functions {
        for file in &function.files {
            // Without the text a listing says no more than the table.
            let Ok(text) = sources.open(&file.file) else { continue };
            let cost = |n: i64| {
                file.lines
                    .iter()
                    .find(|l| l.line == n)
                    .map_or((0, 0), |l| (l.flat, l.cum))
            };
            let line = |n: i64| {
                let (flat, cum) = cost(n);
                let text = text(n).map_or_else(String::new, |t| String::from_utf8_lossy(t).into_owned());
                ListingLine {
                    n: n.to_string(),
                    text,
                    flat,
                    cum,
                }
            };
            let lines: Vec<ListingLine> = (file.start..=file.end).take(20 * LONGEST).map(line).collect();
            if lines.iter().all(|l| l.text.is_empty()) {
                continue;
            }
            out.push(Listing {
                function: function.name.clone(),
                file: file.file.clone(),
                flat: file.flat,
                cum: file.cum,
                instructions: false,
                steps: steps.clone(),
                command: format!(
                    "kubeprof list '^{}$' {}",
                    regex::escape(&function.name),
                    (asked.place)(place)
                ),
                lines: around_the_dearest(lines),
            });
        }
    }
    out.sort_by(|a, b| (b.flat, &a.function).cmp(&(a.flat, &b.function)));
    out
}

fn of_instructions(subject: &Subject, place: &Place, asked: &Asked<'_>) -> Vec<Listing> {
    let Some(names) = dearest(subject) else {
        return Vec::new();
    };
    let Ok((proven, _)) = subject.binary() else {
        return Vec::new();
    };
    let query = Query {
        granularity: Granularity::Addresses,
        trim: Trim::NONE,
        ..Query::default()
    };
    let (Ok(binary), Ok(view)) = (proven.mapped.binary(), subject.view(&query)) else {
        return Vec::new();
    };
    let Ok(found) = analysis::disassembly(&view, &binary, proven.mapping, &names) else {
        return Vec::new();
    };
    let steps = steps(&view.unit);
    let mut functions = found.functions;
    functions.truncate(MOST);
    let listing = |f: analysis::DisassembledFunction| {
        let line = |i: &analysis::InstructionCost| ListingLine {
            n: format!("{:x}", i.address),
            text: match i.target.as_str() {
                "" => i.text.clone(),
                target => format!("{}   ; {target}", i.text),
            },
            flat: i.flat,
            cum: i.cum,
        };
        Listing {
            command: format!(
                "kubeprof disasm '^{}$' {}",
                regex::escape(&f.name),
                (asked.place)(place)
            ),
            file: String::new(),
            flat: f.flat,
            cum: f.cum,
            instructions: true,
            steps: steps.clone(),
            lines: around_the_dearest(f.instructions.iter().map(line).collect()),
            function: f.name,
        }
    };
    functions.into_iter().map(listing).collect()
}

/// Long functions are cut to what is around their dearest line.
fn around_the_dearest(lines: Vec<ListingLine>) -> Vec<ListingLine> {
    if lines.len() <= LONGEST {
        return lines;
    }
    let dearest = lines
        .iter()
        .enumerate()
        .max_by_key(|(i, l)| (l.flat.max(l.cum), std::cmp::Reverse(*i)))
        .map_or(0, |(i, _)| i);
    let start = dearest.saturating_sub(LONGEST / 2).min(lines.len() - LONGEST);
    lines.into_iter().skip(start).take(LONGEST).collect()
}
