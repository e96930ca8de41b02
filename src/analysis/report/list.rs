//! `list`: functions with what each of their source lines costs, and the calls that were inlined there.
//!
//! A sample counts once for a function and once for a line however often they recur in its stack. `go tool pprof` adds up
//! the lines of a function instead, and so finds more than 100 % in recursive functions (D1); the compatible dialect does
//! as well. Sources are not needed: a renderer that has them puts the lines beside the numbers.

use std::collections::BTreeMap;

use regex::Regex;
use rustc_hash::FxHashMap;

use crate::analysis::graph::nodes::NodeTable;
use crate::analysis::{Dialect, Header, QueryError, View, go_regexp};
use crate::model::{LocationId, StringId};

/// Lines of context above the first and below the last line with samples.
const MARGIN: i64 = 5;

/// A call that the compiler inlined at a line.
#[derive(Clone, Debug, PartialEq)]
pub struct InlinedCall {
    /// The function that was inlined.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The line in it that was reached.
    pub line: i64,
    /// Value of the samples that went this way.
    pub value: i64,
}

/// A line with samples.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedLine {
    /// Number in the file; 0 where the profile has none.
    pub line: i64,
    /// Own value.
    pub flat: i64,
    /// Own value and that of everything below.
    pub cum: i64,
    /// What was inlined here, heaviest first; for the native dialect only.
    pub inlined: Vec<InlinedCall>,
}

/// The part of a function that is in one file.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedFile {
    /// The file as the profile names it, without the prefixes that the query trims.
    pub file: String,
    /// Own value.
    pub flat: i64,
    /// Own value and that of everything below.
    pub cum: i64,
    /// First line to show: where the function starts, if that is known, else some lines above the first with samples; for
    /// the native dialect never behind the first with samples.
    pub start: i64,
    /// Last line to show; before `start` where no line has a number.
    pub end: i64,
    /// The line on which the function is defined, 0 where the profile does not say.
    pub defined_at: i64,
    /// The lines with samples in order.
    pub lines: Vec<ListedLine>,
}

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedFunction {
    /// Its name.
    pub name: String,
    /// Its files by name; none when the profile names no file.
    pub files: Vec<ListedFile>,
}

/// The answer to `list`.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The facts of the profile and the total.
    pub header: Header,
    /// The functions by name.
    pub functions: Vec<ListedFunction>,
}

impl Listing {
    /// Leaves so many functions, those with the largest own value; they stay in the order of their names.
    #[cfg(feature = "cli")]
    pub(crate) fn keep_largest(&mut self, most: usize) {
        let flat = |f: &ListedFunction| f.files.iter().fold(0i64, |sum, f| sum.saturating_add(f.flat));
        let cum = |f: &ListedFunction| f.files.iter().map(|f| f.cum).max().unwrap_or(0);
        let mut order: Vec<usize> = (0..self.functions.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse((flat(&self.functions[i]), cum(&self.functions[i]))));
        let mut kept = vec![false; order.len()];
        order.iter().take(most).for_each(|&i| kept[i] = true);
        let mut kept = kept.iter();
        self.functions.retain(|_| kept.next() == Some(&true));
    }
}

/// The functions whose name matches, line by line. The view must have the granularity of lines or addresses.
///
/// # Errors
/// When `matching` is malformed or nothing matches.
pub fn list(view: &View, matching: &str) -> Result<Listing, QueryError> {
    let re: Regex = go_regexp::compile("the argument", matching)?;
    listing(view, matching, |name, _| re.is_match(name))
}

/// The functions whose name or file matches, or in which the address `matching` lies.
///
/// # Errors
/// When `matching` is malformed or nothing matches.
pub fn list_sources(view: &View, matching: &str) -> Result<Listing, QueryError> {
    let re: Regex = go_regexp::compile("the argument", matching)?;
    let digits = matching.strip_prefix("0x").or_else(|| matching.strip_prefix("0X"));
    let address = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let p = &view.profile;
    let at_address: Vec<String> = p
        .locations
        .iter()
        .enumerate()
        .filter(|(_, l)| address == Some(l.address))
        .filter_map(|(i, _)| p.lines_of(LocationId::new(i)).last())
        .map(|line| p.function_name(line.function).to_owned())
        .collect();
    listing(view, matching, |name, file| {
        re.is_match(name) || re.is_match(file) || at_address.iter().any(|n| n == name)
    })
}

fn listing(view: &View, matching: &str, matches: impl Fn(&str, &str) -> bool) -> Result<Listing, QueryError> {
    let table = NodeTable::new(&view.profile, &view.files.trimmed, true, false);
    let mut costs = Costs::new(view, &table, matches);
    costs.add_samples();
    let functions = costs.functions();
    if functions.is_empty() {
        return Err(QueryError::NoMatch(matching.to_owned()));
    }
    Ok(Listing {
        header: Header::new(view),
        functions,
    })
}

/// What samples sum up to at a place.
#[derive(Clone, Copy, Default)]
struct Cost {
    flat: i64,
    flat_div: i64,
    cum: i64,
    cum_div: i64,
    stamp: u32,
}

impl Cost {
    fn add(&mut self, value: i64, div: i64, stamp: u32) {
        if self.stamp != stamp {
            self.stamp = stamp;
            self.cum = self.cum.wrapping_add(value);
            self.cum_div = self.cum_div.wrapping_add(div);
        }
    }

    fn add_flat(&mut self, value: i64, div: i64) {
        self.flat = self.flat.wrapping_add(value);
        self.flat_div = self.flat_div.wrapping_add(div);
    }

    fn is_shown(&self, drop_negative: bool) -> bool {
        let negative = self.flat < 0 || self.flat == 0 && self.cum < 0;
        !(self.flat == 0 && self.cum == 0 || drop_negative && negative)
    }

    /// Flat and cum, or the means of them.
    fn values(&self) -> (i64, i64) {
        let mean = |v: i64, div: i64| if div == 0 { v } else { v.wrapping_div(div) };
        (mean(self.flat, self.flat_div), mean(self.cum, self.cum_div))
    }
}

const NONE: u32 = u32::MAX;

struct Costs<'a> {
    view: &'a View,
    table: &'a NodeTable,
    /// Row of the node table -> part of a function, [`NONE`] when its name does not match.
    part_of: Vec<u32>,
    /// Row of the node table -> line.
    line_of: Vec<u32>,
    nodes: Vec<Cost>,
    parts: Vec<((StringId, StringId), Cost)>,
    /// Part and number of each line.
    lines: Vec<((u32, i64), Cost)>,
    /// Row of the node table -> the first row with its function, file and line.
    place_of: Vec<u32>,
    /// (line, row of the node table that was inlined there).
    inlined: FxHashMap<(u32, u32), Cost>,
}

impl<'a> Costs<'a> {
    fn new(view: &'a View, table: &'a NodeTable, matches: impl Fn(&str, &str) -> bool) -> Self {
        let p = &view.profile;
        let mut known: FxHashMap<(StringId, StringId), bool> = FxHashMap::default();
        let mut part_index = FxHashMap::default();
        let mut line_index = FxHashMap::default();
        let mut this = Self {
            view,
            table,
            part_of: Vec::with_capacity(table.infos.len()),
            line_of: Vec::with_capacity(table.infos.len()),
            nodes: vec![Cost::default(); table.infos.len()],
            parts: Vec::new(),
            lines: Vec::new(),
            place_of: Vec::with_capacity(table.infos.len()),
            inlined: FxHashMap::default(),
        };
        let mut place_index = FxHashMap::default();
        for (n, info) in table.infos.iter().enumerate() {
            let place = (info.name, info.file, info.line);
            this.place_of.push(*place_index.entry(place).or_insert(n as u32));
            let matched = *known
                .entry((info.name, info.file))
                .or_insert_with(|| matches(p.text(info.name), p.text(info.file)));
            if !matched {
                this.part_of.push(NONE);
                this.line_of.push(NONE);
                continue;
            }
            let key = (info.name, info.file);
            let part = *part_index.entry(key).or_insert_with(|| {
                this.parts.push((key, Cost::default()));
                this.parts.len() as u32 - 1
            });
            let key = (part, info.line);
            let line = *line_index.entry(key).or_insert_with(|| {
                this.lines.push((key, Cost::default()));
                this.lines.len() as u32 - 1
            });
            this.part_of.push(part);
            this.line_of.push(line);
        }
        this
    }

    fn add_samples(&mut self) {
        let (view, table) = (self.view, self.table);
        let weights = crate::analysis::graph::stack_weights(view);
        let native = view.query.dialect == Dialect::Native;
        for (id, stack) in view.profile.stacks.iter() {
            let w = weights[id.index()];
            if !w.seen {
                continue;
            }
            let stamp = id.raw() + 1;
            let mut leaf = NONE;
            for &l in stack.iter().rev() {
                let run = table.of(l);
                for (i, &n) in run.iter().enumerate().rev() {
                    leaf = n;
                    let part = self.part_of[n as usize];
                    if part == NONE {
                        continue;
                    }
                    self.nodes[n as usize].add(w.value, w.div, stamp);
                    if !native {
                        continue;
                    }
                    self.parts[part as usize].1.add(w.value, w.div, stamp);
                    let line = self.line_of[n as usize];
                    self.lines[line as usize].1.add(w.value, w.div, stamp);
                    if i > 0 {
                        let callee = self.place_of[run[i - 1] as usize];
                        let call = self.inlined.entry((line, callee)).or_default();
                        call.add(w.value, w.div, stamp);
                    }
                }
            }
            if leaf != NONE && self.part_of[leaf as usize] != NONE {
                self.nodes[leaf as usize].add_flat(w.value, w.div);
                self.parts[self.part_of[leaf as usize] as usize]
                    .1
                    .add_flat(w.value, w.div);
                self.lines[self.line_of[leaf as usize] as usize]
                    .1
                    .add_flat(w.value, w.div);
            }
        }
    }

    fn functions(mut self) -> Vec<ListedFunction> {
        let p = &self.view.profile;
        let (drop_negative, native) = (
            self.view.query.drop_negative,
            self.view.query.dialect == Dialect::Native,
        );
        let shown: Vec<usize> = (0..self.nodes.len())
            .filter(|&n| self.part_of[n] != NONE && self.nodes[n].is_shown(drop_negative))
            .collect();
        if !native {
            // pprof adds up the nodes that are rows, and takes no means of the sums.
            self.parts.iter_mut().for_each(|(_, c)| *c = Cost::default());
            self.lines.iter_mut().for_each(|(_, c)| *c = Cost::default());
            for &n in &shown {
                let from = self.nodes[n];
                for to in [
                    &mut self.parts[self.part_of[n] as usize].1,
                    &mut self.lines[self.line_of[n] as usize].1,
                ] {
                    to.flat = to.flat.wrapping_add(from.flat);
                    to.cum = to.cum.wrapping_add(from.cum);
                }
            }
        }
        // Lines to show: from the start of the function (or a margin above) to a margin below.
        let mut extents: FxHashMap<u32, (i64, i64, i64)> = FxHashMap::default();
        let mut line_shown = vec![false; self.lines.len()];
        for &n in &shown {
            let info = &self.table.infos[n];
            // Beyond the last line that there can be, pprof begins anew.
            let add = if native { i64::saturating_add } else { i64::wrapping_add };
            let (start, end) = match info.start_line {
                // The line is not known; what it costs is listed all the same.
                _ if native && info.line <= 0 => (i64::MAX, 0),
                0 => (add(info.line, -MARGIN), add(info.line, MARGIN)),
                // `//line` directives put lines of a function before its start. pprof drops them.
                start if native => (start.min(info.line), add(info.line, MARGIN)),
                start => (start, add(info.line, MARGIN)),
            };
            let extent = extents.entry(self.part_of[n]).or_insert((start, end, info.start_line));
            *extent = (extent.0.min(start), extent.1.max(end), extent.2);
            line_shown[self.line_of[n] as usize] = true;
        }
        let mut calls = self.calls();
        let mut lines_of: FxHashMap<u32, Vec<ListedLine>> = FxHashMap::default();
        for (i, &((part, line), cost)) in self.lines.iter().enumerate() {
            if line_shown[i] {
                let (flat, cum) = cost.values();
                let inlined = calls.remove(&(i as u32)).unwrap_or_default();
                lines_of.entry(part).or_default().push(ListedLine {
                    line,
                    flat,
                    cum,
                    inlined,
                });
            }
        }
        let mut functions: BTreeMap<&str, Vec<ListedFile>> = BTreeMap::new();
        for (part, (start, end, defined_at)) in extents {
            let ((name, file), cost) = self.parts[part as usize];
            let files = functions.entry(p.text(name)).or_default();
            if file.is_empty() {
                continue;
            }
            let (flat, cum) = cost.values();
            let mut lines = lines_of.remove(&part).unwrap_or_default();
            lines.sort_by_key(|l| l.line);
            files.push(ListedFile {
                file: p.text(file).to_owned(),
                flat,
                cum,
                start: start.max(1),
                end,
                defined_at,
                lines,
            });
        }
        functions
            .into_iter()
            .map(|(name, mut files)| {
                files.sort_by(|a, b| a.file.cmp(&b.file));
                let name = name.to_owned();
                ListedFunction { name, files }
            })
            .collect()
    }

    /// The inlined calls of each line.
    fn calls(&self) -> FxHashMap<u32, Vec<InlinedCall>> {
        let p = &self.view.profile;
        let mut calls: FxHashMap<u32, Vec<InlinedCall>> = FxHashMap::default();
        for (&(line, callee), cost) in &self.inlined {
            let info = &self.table.infos[callee as usize];
            calls.entry(line).or_default().push(InlinedCall {
                name: p.text(info.name).to_owned(),
                file: p.text(info.file).to_owned(),
                line: info.line,
                value: cost.values().1,
            });
        }
        for calls in calls.values_mut() {
            calls.sort_by(|a, b| {
                let key = |c: &InlinedCall| std::cmp::Reverse(c.value.unsigned_abs());
                (key(a), &a.name, a.line).cmp(&(key(b), &b.name, b.line))
            });
        }
        calls
    }
}
