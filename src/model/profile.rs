//! The tables of one profile and the checks that make them safe to index.

use super::{FunctionId, LocationId, MappingId, Samples, StackId, Stacks, StringId, StringTable};

/// What a value measures: a kind (`inuse_space`) and a unit (`bytes`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct ValueType {
    /// Kind, for instance `inuse_space`.
    pub kind: StringId,
    /// Unit, for instance `bytes`.
    pub unit: StringId,
}

/// A file that was mapped into the process.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mapping {
    /// Id in the file that it came from; unique and not zero.
    pub id: u64,
    /// First address.
    pub start: u64,
    /// One past the last address.
    pub limit: u64,
    /// Offset of `start` in the file.
    pub offset: u64,
    /// Path, or a name in brackets such as `[vdso]`.
    pub file: StringId,
    /// GNU build ID in hex, or what the producer put there.
    pub build_id: StringId,
    /// The producer claims that locations here have functions.
    pub has_functions: bool,
    /// The producer claims that locations here have file names.
    pub has_filenames: bool,
    /// The producer claims that locations here have line numbers.
    pub has_line_numbers: bool,
    /// The producer claims that locations here have inlined frames.
    pub has_inline_frames: bool,
}

/// A function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Function {
    /// Id in the file that it came from; unique and not zero.
    pub id: u64,
    /// Readable name.
    pub name: StringId,
    /// Name as the linker knows it.
    pub system_name: StringId,
    /// Source file.
    pub filename: StringId,
    /// Line at which the function starts, 0 when unknown.
    pub start_line: i64,
}

/// A place in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct Line {
    /// The function.
    pub function: FunctionId,
    /// Line number, 0 when unknown.
    pub line: i64,
    /// Column, 0 when unknown (Go never writes one).
    pub column: i64,
}

/// An address and the run of [`Profile::lines`] that it stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Location {
    /// Id in the file that it came from; unique and not zero.
    pub id: u64,
    /// Address of the instruction; 0 when the producer had none.
    pub address: u64,
    /// Where it is mapped.
    pub mapping: Option<MappingId>,
    /// Whether identical code folding lets several functions share the address.
    pub folded: bool,
    /// First row in [`Profile::lines`].
    pub first_line: u32,
    /// Number of rows. Innermost inlined function first.
    pub line_count: u32,
}

/// A profile: tables that refer to each other by id.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// All text.
    pub strings: StringTable,
    /// What the values of every sample measure.
    pub sample_types: Vec<ValueType>,
    /// Name of the sample type to show unless asked otherwise, or `""`.
    pub default_sample_type: StringId,
    /// What one period counts.
    pub period_type: Option<ValueType>,
    /// Events between two samples.
    pub period: i64,
    /// When it was taken, nanoseconds since the Unix epoch; 0 when unknown.
    pub time_nanos: i64,
    /// For how long it was taken, nanoseconds.
    pub duration_nanos: i64,
    /// Frames to cut with what they call (regular expression), or `""`.
    pub drop_frames: StringId,
    /// Exceptions from `drop_frames`.
    pub keep_frames: StringId,
    /// Link to documentation.
    pub doc_url: StringId,
    /// Free text.
    pub comments: Vec<StringId>,
    /// Mapped files; the first is the main binary.
    pub mappings: Vec<Mapping>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Locations.
    pub locations: Vec<Location>,
    /// The lines of all locations; see [`Profile::lines_of`].
    pub lines: Vec<Line>,
    /// Distinct stacks.
    pub stacks: Stacks,
    /// Samples in the order of the file.
    pub samples: Samples,
}

impl Default for Samples {
    fn default() -> Self {
        Samples::new(0)
    }
}

/// Why tables do not make a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// There are samples but nobody says what their values are.
    #[error("samples without any sample type")]
    NoSampleTypes,
    /// A mapping, location or function whose id is 0.
    #[error("{0} with id 0")]
    ZeroId(&'static str),
    /// Two rows with one id.
    #[error("duplicate {table} id {id}")]
    DuplicateId {
        /// Which table.
        table: &'static str,
        /// The id.
        id: u64,
    },
    /// An id that points nowhere.
    #[error("{table} {id} does not exist")]
    Dangling {
        /// Which table was referred to.
        table: &'static str,
        /// The id.
        id: u64,
    },
    /// More rows than an id can count.
    #[error("more than 4294967295 {0}")]
    TooMany(&'static str),
}

impl Profile {
    /// Text of an id of this profile.
    #[inline]
    pub fn text(&self, id: StringId) -> &str {
        self.strings.get(id)
    }

    /// The lines of a location, innermost inlined function first; empty when the address has no name.
    #[inline]
    pub fn lines_of(&self, id: LocationId) -> &[Line] {
        let l = &self.locations[id.index()];
        &self.lines[l.first_line as usize..(l.first_line + l.line_count) as usize]
    }

    /// A function by id.
    #[inline]
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.index()]
    }

    /// The name of a function.
    #[inline]
    pub fn function_name(&self, id: FunctionId) -> &str {
        self.strings.get(self.functions[id.index()].name)
    }

    /// A location by id.
    #[inline]
    pub fn location(&self, id: LocationId) -> &Location {
        &self.locations[id.index()]
    }

    /// The mapping of a location, where it has one.
    pub fn mapping_of(&self, id: LocationId) -> Option<&Mapping> {
        self.locations[id.index()].mapping.map(|m| &self.mappings[m.index()])
    }

    /// The frames of a stack, leaf first.
    #[inline]
    pub fn stack(&self, id: StackId) -> &[LocationId] {
        self.stacks.get(id)
    }

    /// Kind and unit of sample type `i` as text.
    pub fn sample_type(&self, i: usize) -> (&str, &str) {
        let t = self.sample_types[i];
        (self.text(t.kind), self.text(t.unit))
    }

    /// Appends a function, numbering it by its row.
    pub fn add_function(&mut self, name: &str, system_name: &str, filename: &str, start_line: i64) -> FunctionId {
        let id = FunctionId::new(self.functions.len());
        let function = Function {
            id: self.functions.len() as u64 + 1,
            name: self.strings.intern(name),
            system_name: self.strings.intern(system_name),
            filename: self.strings.intern(filename),
            start_line,
        };
        self.functions.push(function);
        id
    }

    /// Appends a location with its lines (innermost first), numbering it by its row.
    pub fn add_location(&mut self, address: u64, mapping: Option<MappingId>, lines: &[Line]) -> LocationId {
        let id = LocationId::new(self.locations.len());
        self.locations.push(Location {
            id: self.locations.len() as u64 + 1,
            address,
            mapping,
            folded: false,
            first_line: self.lines.len() as u32,
            line_count: lines.len() as u32,
        });
        self.lines.extend_from_slice(lines);
        id
    }

    /// Blanks addresses and mappings, so that locations of other builds with equal lines become equal.
    pub fn forget_addresses(&mut self) {
        for l in &mut self.locations {
            if l.line_count > 0 {
                l.address = 0;
                l.mapping = None;
            }
        }
    }

    /// Build ID of the main binary, or `""`.
    pub fn build_id(&self) -> &str {
        self.mappings.first().map_or("", |m| self.text(m.build_id))
    }

    /// Gives a location other lines. The old ones stay in the table, unused.
    pub fn set_lines(&mut self, id: LocationId, lines: &[Line]) {
        let first_line = self.lines.len() as u32;
        self.lines.extend_from_slice(lines);
        let l = &mut self.locations[id.index()];
        l.first_line = first_line;
        l.line_count = lines.len() as u32;
    }

    /// Checks every invariant of the tables. Decoders establish them row by row; this is for tables made by hand and for
    /// tests.
    ///
    /// # Errors
    /// The first violation.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.sample_types.is_empty() && !self.samples.is_empty() {
            return Err(Invalid::NoSampleTypes);
        }
        unique("mapping", self.mappings.iter().map(|m| m.id))?;
        unique("function", self.functions.iter().map(|f| f.id))?;
        unique("location", self.locations.iter().map(|l| l.id))?;
        let text = |id: StringId| {
            if id.index() < self.strings.len() {
                Ok(())
            } else {
                Err(Invalid::Dangling {
                    table: "string",
                    id: u64::from(id.raw()),
                })
            }
        };
        for f in &self.functions {
            text(f.name)?;
            text(f.system_name)?;
            text(f.filename)?;
        }
        for l in &self.locations {
            if let Some(m) = l.mapping.filter(|m| m.index() >= self.mappings.len()) {
                return Err(Invalid::Dangling {
                    table: "mapping",
                    id: u64::from(m.raw()),
                });
            }
            let end = u64::from(l.first_line) + u64::from(l.line_count);
            if end > self.lines.len() as u64 {
                return Err(Invalid::Dangling { table: "line", id: end });
            }
        }
        for l in &self.lines {
            if l.function.index() >= self.functions.len() {
                return Err(Invalid::Dangling {
                    table: "function",
                    id: u64::from(l.function.raw()),
                });
            }
        }
        for (_, stack) in self.stacks.iter() {
            if let Some(l) = stack.iter().find(|l| l.index() >= self.locations.len()) {
                return Err(Invalid::Dangling {
                    table: "location",
                    id: u64::from(l.raw()),
                });
            }
        }
        for i in 0..self.samples.len() {
            if self.samples.stack(i).index() >= self.stacks.len() {
                return Err(Invalid::Dangling {
                    table: "stack",
                    id: u64::from(self.samples.stack(i).raw()),
                });
            }
            for l in self.samples.labels(i) {
                text(l.key)?;
                text(l.text)?;
                text(l.unit)?;
            }
        }
        Ok(())
    }
}

fn unique(table: &'static str, ids: impl Iterator<Item = u64>) -> Result<(), Invalid> {
    let mut seen = rustc_hash::FxHashSet::default();
    for id in ids {
        if id == 0 {
            return Err(Invalid::ZeroId(table));
        }
        if !seen.insert(id) {
            return Err(Invalid::DuplicateId { table, id });
        }
    }
    Ok(())
}
