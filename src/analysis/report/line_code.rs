//! The instructions that the compiler made of source lines, with what each costs: the inside of `weblist`.
//!
//! An instruction belongs to a line when any of its frames is there, so that what was inlined at a line stands below the
//! call. Only functions of the binary that samples are in are disassembled.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::analysis::graph::nodes::{base_name, clean_path};
use crate::analysis::report::disasm::{AddressCosts, place, target};
use crate::analysis::report::list::Listing;
use crate::analysis::{View, trimmed_path};
use crate::model::MappingId;
use crate::symbolize::disasm::{Extent, disassemble};
use crate::symbolize::names::readable;
use crate::symbolize::{Binary, Frame};

/// An instruction of a source line.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LineInstruction {
    /// Address in the file.
    pub address: u64,
    /// Samples that were taken here.
    pub flat: i64,
    /// Samples that were taken here or in what was called from here.
    pub cum: i64,
    /// The instruction; what it calls stands in angle brackets behind it.
    pub text: String,
    /// What was inlined at the line, as `function file:line`, the outermost first.
    pub inlined: Vec<String>,
    /// Whether it does not follow the instruction before it in memory.
    pub after_gap: bool,
}

/// Lines by function, file and number.
type Key = (String, String, i64);

/// The instructions of the lines of a [`Listing`].
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LineCode {
    lines: FxHashMap<Key, Vec<LineInstruction>>,
}

/// More instructions than that say nothing to a reader.
const MOST: usize = 200_000;

impl LineCode {
    /// The instructions of one line, by address. None where there is no binary.
    pub fn of(&self, function: &str, file: &str, line: i64) -> &[LineInstruction] {
        let key = (readable(function).into_owned(), file.to_owned(), line);
        self.lines.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Finds the instructions of the lines of a listing in the binaries of the mappings.
pub fn line_code(view: &View, binaries: &[(MappingId, &Binary<'_>)], listing: &Listing) -> LineCode {
    let wanted = Wanted::new(listing);
    let mut code = LineCode::default();
    let mut left = MOST;
    for &(mapping, binary) in binaries {
        let costs = AddressCosts::new(view, |l| place(view, Some(mapping), l, binary));
        for extent in extents(view, binary, &costs, &wanted) {
            code.add(view, binary, &costs, &extent, &wanted, &mut left);
        }
    }
    code
}

/// What a listing shows.
#[derive(Default)]
struct Wanted {
    parts: FxHashSet<(String, String)>,
    /// Lines with samples.
    lines: FxHashSet<Key>,
}

impl Wanted {
    fn new(listing: &Listing) -> Self {
        let mut wanted = Self::default();
        for function in &listing.functions {
            let name = readable(&function.name);
            for f in &function.files {
                wanted.parts.insert((name.to_string(), f.file.clone()));
                let lines = f.lines.iter().map(|l| (name.to_string(), f.file.clone(), l.line));
                wanted.lines.extend(lines);
            }
        }
        wanted
    }

    fn any(&self, view: &View, frames: &[Frame<'_>]) -> bool {
        frames.iter().any(|f| self.parts.contains(&key(view, f))) || self.flattened(view, frames).is_some()
    }

    /// Names that `go tool pprof` looked up have no inlined frames: the function that was compiled, with the file and line of
    /// what was inlined into it.
    fn flattened(&self, view: &View, frames: &[Frame<'_>]) -> Option<Key> {
        let (inner, outer) = (frames.first()?, frames.last()?);
        let (_, file) = key(view, inner);
        let place = (readable(&outer.function).into_owned(), file, i64::from(inner.line));
        (frames.len() > 1 && self.lines.contains(&place)).then_some(place)
    }
}

/// Function and file of a frame as a listing has them.
fn key(view: &View, frame: &Frame<'_>) -> (String, String) {
    let file = trimmed_path(&frame.file, &view.query.trim_path, &view.query.source_path);
    (readable(&frame.function).into_owned(), clean_path(file).into_owned())
}

/// The functions of the binary with samples that have a wanted frame, by address.
fn extents(view: &View, binary: &Binary<'_>, costs: &AddressCosts, wanted: &Wanted) -> Vec<Extent> {
    let mut found: Vec<Extent> = Vec::new();
    let mut frames: Vec<Frame<'_>> = Vec::new();
    for address in costs.addresses() {
        if found.last().is_some_and(|f| (f.start..f.end).contains(&address)) {
            continue;
        }
        frames.clear();
        if binary.lookup(address, &mut frames).is_err() || !wanted.any(view, &frames) {
            continue;
        }
        let go = binary.go().ok().and_then(|go| go.function_at(address));
        let symbol = || {
            let mut all = binary.symbols().all();
            all.find(|(start, end, _)| (*start..*end).contains(&address))
        };
        let (start, end, name) = match go {
            Some(f) => (f.start, f.end, f.name),
            None => match symbol() {
                Some(symbol) => symbol,
                None => continue,
            },
        };
        found.push(Extent {
            name: name.to_owned(),
            start,
            end,
        });
    }
    found
}

impl LineCode {
    fn add(
        &mut self,
        view: &View,
        binary: &Binary<'_>,
        costs: &AddressCosts,
        extent: &Extent,
        wanted: &Wanted,
        left: &mut usize,
    ) {
        let mut frames: Vec<Frame<'_>> = Vec::new();
        // Where the last instruction of each line ended.
        let mut ends: FxHashMap<Key, u64> = FxHashMap::default();
        for instruction in disassemble(binary, extent) {
            if *left == 0 {
                return;
            }
            frames.clear();
            if binary.lookup(instruction.address, &mut frames).is_err() {
                continue;
            }
            let (flat, cum) = costs.of_instruction(instruction.address, instruction.length);
            let end = instruction.address.saturating_add(u64::from(instruction.length));
            let mut places: Vec<(usize, Key)> = (frames.iter().enumerate())
                .map(|(depth, frame)| (depth, key(view, frame), frame.line))
                .filter(|(_, part, _)| wanted.parts.contains(part))
                .map(|(depth, (function, file), line)| (depth, (function, file, i64::from(line))))
                .collect();
            if let Some(place) = wanted.flattened(view, &frames)
                && places.iter().all(|(_, known)| *known != place)
            {
                places.push((0, place));
            }
            for (depth, of) in places {
                let call = |f: &Frame<'_>| format!("{} {}:{}", readable(&f.function), base_name(&f.file), f.line);
                let mut text = instruction.text.clone();
                let callee = (instruction.target).map_or_else(String::new, |t| target(binary, t, extent));
                if !callee.is_empty() {
                    text = format!("{text} <{callee}>");
                }
                let before = ends.insert(of.clone(), end);
                self.lines.entry(of).or_default().push(LineInstruction {
                    address: instruction.address,
                    flat,
                    cum,
                    text,
                    inlined: frames[..depth].iter().rev().map(call).collect(),
                    after_gap: before.is_some_and(|b| b != instruction.address),
                });
                *left = left.saturating_sub(1);
            }
        }
    }
}
