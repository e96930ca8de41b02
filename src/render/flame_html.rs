//! The flame graph as one page that needs nothing else: data, style and program in one file, no request to anywhere.
//!
//! The page is `flame/page.html` with its holes filled; what it can do is in `flame/*.js`. The data is one JSON object in
//! a `<script>` that is not a program. Everything that comes from the profile goes through `flame::escape`; the page puts
//! it into the document as text only.

use std::io::{self, Write};

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::flame::escape::{self, ForScript};
use super::flame::palette::{self, Colour};
use super::flame::{facts, shape};
use crate::analysis::{Comparison, Flame, FlameColumn, InlineMark};
use crate::model::units::{self, Dimension};

const PAGE: &str = include_str!("flame/page.html");
const STYLE: &str = include_str!("flame/flame.css");
const PROGRAM: [&str; 3] = [
    include_str!("flame/data.js"),
    include_str!("flame/draw.js"),
    include_str!("flame/page.js"),
];

/// What the page is given. Names are in the spelling of JavaScript because they are read there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    schema: &'static str,
    /// Which profile it is.
    title: &'a str,
    facts: Vec<(&'static str, String)>,
    comparison: &'static str,
    selected: usize,
    divide_by: f64,
    types: Vec<Type<'a>>,
    hidden: Hidden,
    /// A colour for each theme; the first is that of the unknown.
    colours: Vec<[String; 2]>,
    subsystems: Vec<Subsystem<'a>>,
    packages: Vec<&'a str>,
    package_colours: Vec<usize>,
    files: Vec<&'a str>,
    names: Vec<&'a str>,
    name_subsystem: Vec<i32>,
    name_package: Vec<usize>,
    name_file: Vec<usize>,
    /// The name of each node, in preorder.
    name: &'a [u32],
    /// For each node but the root, how many steps its parent is above the node before it.
    up: Vec<u32>,
    /// A digit for each node: 0 called, 1 inlined in places, 2 inlined.
    inline: String,
    columns: Vec<Column>,
}

#[derive(Serialize)]
struct Type<'a> {
    kind: &'a str,
    unit: &'a str,
    total: i64,
    /// Units to word values in, smallest first, and how many of the profile's unit they are.
    steps: Vec<(String, f64)>,
}

#[derive(Serialize)]
struct Hidden {
    count: u64,
    largest: f64,
}

#[derive(Serialize)]
struct Subsystem<'a> {
    key: &'a str,
    title: &'a str,
    role: &'static str,
    colour: usize,
}

/// Values other than 0 as pairs: steps from the node before, value. Children that are not drawn are in `hidden`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Column {
    own: Vec<i64>,
    hidden: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_own: Option<Vec<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_hidden: Option<Vec<i64>>,
}

/// Writes the page. `name` says which profile it is, in the title.
///
/// # Errors
/// What `out` reports.
pub fn flame_html(flame: &Flame, name: &str, out: &mut dyn Write) -> io::Result<()> {
    let title = escape::markup(&facts::title(flame, name));
    // The template is split before anything is put into it, so that no text of a profile is taken for a hole.
    for part in PAGE.split("{{") {
        let rest = match part.split_once("}}") {
            None => part,
            Some((hole, rest)) => {
                match hole {
                    "title" => out.write_all(title.as_bytes())?,
                    "generator" => write!(out, "kubeprof {}", env!("CARGO_PKG_VERSION"))?,
                    "css" => out.write_all(STYLE.as_bytes())?,
                    "js" => PROGRAM.iter().try_for_each(|js| out.write_all(js.as_bytes()))?,
                    _ => {
                        let mut json = serde_json::Serializer::with_formatter(&mut *out, ForScript);
                        data(flame, name).serialize(&mut json).map_err(io::Error::from)?;
                    }
                }
                rest
            }
        };
        out.write_all(rest.as_bytes())?;
    }
    Ok(())
}

/// Distinct values in the order in which they come.
struct Index<K> {
    rows: Vec<K>,
    place: FxHashMap<K, usize>,
}

impl<K: Clone + Eq + std::hash::Hash> Index<K> {
    fn with(first: K) -> Self {
        let mut index = Self {
            rows: Vec::new(),
            place: FxHashMap::default(),
        };
        index.add(first);
        index
    }

    fn add(&mut self, row: K) -> usize {
        let next = self.rows.len();
        let place = *self.place.entry(row.clone()).or_insert(next);
        if place == next {
            self.rows.push(row);
        }
        place
    }
}

fn data<'a>(flame: &'a Flame, title: &'a str) -> Data<'a> {
    let both = |c: Colour| [c.light, c.dark];
    let mut colours = Index::with(both(palette::unknown()));
    let subsystems = flame
        .subsystems
        .iter()
        .map(|s| Subsystem {
            key: &s.key,
            title: &s.title,
            role: s.role.as_str(),
            colour: colours.add(both(palette::of_subsystem(s.rank, s.role))),
        })
        .collect();
    let mut packages = Index::with("");
    let mut files = Index::with("");
    let name_package = flame.names.iter().map(|n| packages.add(n.package.as_str())).collect();
    let name_file = flame.names.iter().map(|n| files.add(n.file.as_str())).collect();
    let package_colours = packages
        .rows
        .iter()
        .map(|p| colours.add(both(palette::of_package(p))))
        .collect();
    Data {
        schema: "kubeprof/flame/1",
        title,
        facts: facts::facts(flame),
        comparison: match flame.comparison {
            Comparison::None => "none",
            Comparison::Base => "base",
            Comparison::Signed => "signed",
        },
        selected: flame.selected,
        divide_by: flame.divide_by,
        types: flame
            .types
            .iter()
            .enumerate()
            .map(|(t, ty)| Type {
                kind: &ty.kind,
                unit: &ty.unit,
                total: ty.total,
                steps: steps(&ty.unit, &facts::unit(flame, t)),
            })
            .collect(),
        hidden: Hidden {
            count: flame.hidden.count,
            largest: flame.hidden.largest,
        },
        subsystems,
        packages: packages.rows,
        package_colours,
        files: files.rows,
        names: flame.names.iter().map(|n| n.name.as_str()).collect(),
        name_subsystem: flame.names.iter().map(|n| n.subsystem.map_or(-1, i32::from)).collect(),
        name_package,
        name_file,
        name: &flame.nodes.name,
        up: ups(flame),
        inline: flame.nodes.inline.iter().map(|&mark| digit(mark)).collect(),
        columns: flame.columns.iter().map(|c| column(flame, c)).collect(),
        colours: colours.rows,
    }
}

fn digit(mark: InlineMark) -> char {
    match mark {
        InlineMark::No => '0',
        InlineMark::Partial => '1',
        InlineMark::Full => '2',
    }
}

fn ups(flame: &Flame) -> Vec<u32> {
    let depths = shape::depths(flame);
    (1..flame.len()).map(|i| depths[i - 1] + 1 - depths[i]).collect()
}

fn column(flame: &Flame, c: &FlameColumn) -> Column {
    let compared = flame.comparison != Comparison::None;
    Column {
        own: pairs(&c.own),
        hidden: pairs(&shape::hidden(flame, &c.total, &c.own)),
        old_own: compared.then(|| pairs(&c.old_own)),
        old_hidden: compared.then(|| pairs(&shape::hidden(flame, &c.old_total, &c.old_own))),
    }
}

fn pairs(values: &[i64]) -> Vec<i64> {
    let mut out = Vec::new();
    let mut last = 0;
    for (i, &v) in values.iter().enumerate().filter(|(_, v)| **v != 0) {
        out.push((i - last) as i64);
        out.push(v);
        last = i;
    }
    out
}

/// The units that values of `unit` are worded in, when `wanted` was asked for.
fn steps(unit: &str, wanted: &str) -> Vec<(String, f64)> {
    let own = units::factor(unit).unwrap_or(1.0);
    let of = |names: &[&str]| {
        names
            .iter()
            .filter_map(|&name| Some((name.to_owned(), units::factor(name)? / own)))
            .collect()
    };
    if wanted != "auto" && wanted != "minimum" {
        let (_, name) = units::scale(1, unit, wanted);
        let factor = units::factor(wanted).map_or(1.0, |f| f / own);
        return vec![(name, factor)];
    }
    match units::dimension(unit) {
        Dimension::Bytes => of(&["B", "kB", "MB", "GB", "TB", "PB"]),
        Dimension::Time => of(&["ns", "us", "ms", "s", "hrs"]),
        Dimension::ComputeUnits => of(&["nanogcu", "microgcu", "milligcu", "gcu"]),
        Dimension::Count => vec![(String::new(), 1.0)],
    }
}
