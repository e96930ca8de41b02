//! The names of a page: functions, packages, files and subsystems of all its graphs, each once, with their colors.
//!
//! Colors follow the graphs: the subsystems with the most area get those that can be told apart, whatever they are called.

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::analysis::{Flame, ROOT};
use crate::kubelet::Role;
use crate::render::flame::palette::{self, Colour};

/// Distinct texts in the order in which they come.
#[derive(Default)]
struct Texts {
    rows: Vec<String>,
    place: FxHashMap<String, u32>,
}

impl Texts {
    fn with(first: &str) -> Self {
        let mut texts = Self::default();
        texts.add(first);
        texts
    }

    fn add(&mut self, text: &str) -> u32 {
        if let Some(&known) = self.place.get(text) {
            return known;
        }
        let next = self.rows.len() as u32;
        self.rows.push(text.to_owned());
        self.place.insert(text.to_owned(), next);
        next
    }
}

struct Subsystem {
    key: String,
    title: String,
    role: Role,
    rank: u16,
    /// Share of the area of all graphs.
    area: f64,
}

/// The names of all graphs of a page.
pub(in crate::render) struct Names {
    names: Texts,
    files: Texts,
    packages: Texts,
    words: Texts,
    name_subsystem: Vec<i32>,
    name_package: Vec<u32>,
    name_file: Vec<u32>,
    subsystems: Vec<Subsystem>,
}

/// Numbers of one graph -> numbers of the page.
pub(super) struct Numbers {
    pub(super) name: Vec<u32>,
    pub(super) subsystem: Vec<i32>,
    pub(super) word: Vec<u32>,
}

impl Names {
    pub(in crate::render) fn new() -> Self {
        Self {
            // A function may be called as the root is: the root is in no index.
            names: Texts {
                rows: vec![ROOT.to_owned()],
                ..Texts::default()
            },
            files: Texts::with(""),
            packages: Texts::with(""),
            words: Texts::with(""),
            name_subsystem: vec![-1],
            name_package: vec![0],
            name_file: vec![0],
            subsystems: Vec::new(),
        }
    }

    /// Takes in the names of a graph. `areas` are the shares of its subsystems.
    pub(super) fn add(&mut self, flame: &Flame) -> Numbers {
        let areas = palette::areas(flame);
        let subsystem: Vec<i32> = (flame.subsystems.iter().zip(areas))
            .map(|(s, area)| {
                let known = self.subsystems.iter().position(|known| known.rank == s.rank);
                let at = known.unwrap_or_else(|| {
                    self.subsystems.push(Subsystem {
                        key: s.key.clone(),
                        title: s.title.clone(),
                        role: s.role,
                        rank: s.rank,
                        area: 0.0,
                    });
                    self.subsystems.len() - 1
                });
                self.subsystems[at].area += area;
                at as i32
            })
            .collect();
        let name = (flame.names.iter().enumerate())
            .map(|(i, name)| {
                if i == 0 {
                    return 0;
                }
                let at = self.names.add(&name.name);
                if at as usize == self.name_file.len() {
                    let own = name.subsystem.and_then(|s| subsystem.get(usize::from(s)).copied());
                    self.name_subsystem.push(own.unwrap_or(-1));
                    self.name_package.push(self.packages.add(&name.package));
                    self.name_file.push(self.files.add(&name.file));
                }
                at
            })
            .collect();
        let word = flame.rows.words.iter().map(|w| self.words.add(w)).collect();
        Numbers { name, subsystem, word }
    }

    pub(super) fn tables(&self) -> NameTables<'_> {
        let shares: Vec<(Role, u16, f64)> = self.subsystems.iter().map(|s| (s.role, s.rank, s.area)).collect();
        let mut colours = vec![both(palette::unknown())];
        let mut add = |colour: Colour| {
            let pair = both(colour);
            match colours.iter().position(|known| *known == pair) {
                Some(at) => at,
                None => {
                    colours.push(pair);
                    colours.len() - 1
                }
            }
        };
        let subsystems = (self.subsystems.iter().zip(palette::assigned(&shares)))
            .map(|(s, colour)| SubsystemData {
                key: &s.key,
                title: &s.title,
                role: s.role.as_str(),
                colour: add(colour),
            })
            .collect();
        let package_colours = (self.packages.rows.iter())
            .map(|p| add(palette::of_package(p)))
            .collect();
        NameTables {
            subsystems,
            packages: &self.packages.rows,
            package_colours,
            files: &self.files.rows,
            names: &self.names.rows,
            name_subsystem: &self.name_subsystem,
            name_package: &self.name_package,
            name_file: &self.name_file,
            words: &self.words.rows,
            colours,
        }
    }
}

fn both(c: Colour) -> [String; 2] {
    [c.light, c.dark]
}

/// The tables of names as the page reads them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::render) struct NameTables<'a> {
    /// A color for each theme; the first is that of the unknown.
    colours: Vec<[String; 2]>,
    subsystems: Vec<SubsystemData<'a>>,
    packages: &'a [String],
    package_colours: Vec<usize>,
    files: &'a [String],
    /// Functions, or whatever the frames are.
    names: &'a [String],
    name_subsystem: &'a [i32],
    name_package: &'a [u32],
    name_file: &'a [u32],
    /// States, creators, labels.
    words: &'a [String],
}

#[derive(Serialize)]
struct SubsystemData<'a> {
    key: &'a str,
    title: &'a str,
    role: &'static str,
    colour: usize,
}
