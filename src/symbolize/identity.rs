//! Is this binary the one that ran? Build IDs say yes or no; where they are missing, equal for all builds or different,
//! the names in the profile do: each is looked up in the binary, and another build has other functions there.
//!
//! The evidence has a trap: builds of different programs with one Go release often have the *runtime* at the same
//! addresses. Only locations of other packages than the standard library's prove anything.

use std::fmt;

use rustc_hash::FxHashSet;

use super::buildid::{GnuBuildId, derived_gnu_ids};
use super::names::{printable, readable};
use super::space::{elf_address, is_kernel_page};
use super::{Binary, Frame, Miss, Source};
use crate::model::{LocationId, MappingId, Profile};

/// Whether a binary is the one that ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The binary that ran.
    Match,
    /// Another file with the same functions at the same addresses: rebuilt from the same sources, for instance with DWARF.
    Twin,
    /// Another binary.
    Mismatch,
    /// Neither proven nor disproven.
    Unproven,
}

impl Verdict {
    /// A stable word for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Verdict::Match => "match",
            Verdict::Twin => "twin",
            Verdict::Mismatch => "mismatch",
            Verdict::Unproven => "unproven",
        }
    }
}

/// What the verdict rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The GNU build IDs are equal.
    BuildId,
    /// The profile's ID is the binary's Go build ID.
    GoBuildId,
    /// The profile's ID is the one that Go's linker derives from the binary's Go build ID.
    DerivedBuildId,
    /// The names in the profile are those of the binary.
    Content,
    /// The build IDs differ, and nothing shows that the functions are the same.
    BuildIdsDiffer,
    /// The names in the profile are not those of the binary.
    ContentDisagrees,
    /// The ID is one that all builds share (Go build ID `redacted`), and too few names can be compared.
    Redacted,
    /// One side has no build ID, and no names can be compared.
    NothingToCompare,
    /// One side has no build ID, and too few names outside of the standard library can be compared.
    TooFewNames,
}

impl Reason {
    /// A stable word for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Reason::BuildId => "build-id",
            Reason::GoBuildId => "go-build-id",
            Reason::DerivedBuildId => "derived-build-id",
            Reason::Content => "content",
            Reason::BuildIdsDiffer => "build-ids-differ",
            Reason::ContentDisagrees => "content-disagrees",
            Reason::Redacted => "redacted",
            Reason::NothingToCompare => "nothing-to-compare",
            Reason::TooFewNames => "too-few-names",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::BuildId => "same GNU build ID",
            Reason::GoBuildId => "same Go build ID",
            Reason::DerivedBuildId => "the GNU build ID follows from the binary's Go build ID",
            Reason::Content => "the profile's names are the binary's",
            Reason::BuildIdsDiffer => "the build IDs differ",
            Reason::ContentDisagrees => "the profile's names are not the binary's",
            Reason::Redacted => {
                "the build ID is shared by all builds (redacted) and there are too few names to compare"
            }
            Reason::NothingToCompare => "no build ID on one side and no names to compare",
            Reason::TooFewNames => "no build ID on one side and too few names to compare",
        })
    }
}

/// A location whose names are others in the binary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Example {
    /// As it stands in the profile.
    pub address: u64,
    /// What the profile says: `function file:line`, inlined frames first, joined by ` <- `.
    pub profile: String,
    /// What the binary says, or why nothing.
    pub binary: String,
}

/// The comparison of one mapping of a profile with a binary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The verdict.
    pub verdict: Verdict,
    /// What it rests on.
    pub reason: Reason,
    /// The mapping's file as the process saw it.
    pub file: String,
    /// The build ID of the mapping, `""` when it has none.
    pub build_id_profile: String,
    /// The GNU build ID of the binary, `""` when it has none.
    pub build_id_binary: String,
    /// The Go build ID of the binary, `""` when it has none.
    pub go_build_id_binary: String,
    /// Locations of the mapping with names.
    pub checked: u64,
    /// Those for which the binary gives the same functions, files and lines.
    pub agreed: u64,
    /// Those for which it says nothing, because it has no table that can be used. They prove nothing either way.
    pub untold: u64,
    /// Those of them whose files have other folders (`-trimpath`).
    pub other_folders: u64,
    /// The first locations that disagree, at most [`MAX_EXAMPLES`].
    pub examples: Vec<Example>,
}

/// A text of several lines: the verdict, both build IDs, how many names agree, and the first that do not.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = |text: &str| match text {
            "" => "-".to_owned(),
            text => printable(text).into_owned(),
        };
        writeln!(f, "{}: {}", self.verdict.code(), self.reason)?;
        let (id, file) = (dash(&self.build_id_profile), printable(&self.file));
        writeln!(f, "  profile  build ID {id}  {file}")?;
        write!(f, "  binary   build ID {}", dash(&self.build_id_binary))?;
        if !self.go_build_id_binary.is_empty() {
            write!(f, "  Go build ID {}", dash(&self.go_build_id_binary))?;
        }
        write!(f, "\n  names    {} of {} locations agree", self.agreed, self.checked)?;
        if self.untold > 0 {
            write!(f, "; the binary has no table that could name {}", self.untold)?;
        }
        if self.other_folders > 0 {
            write!(f, " ({} in other folders)", self.other_folders)?;
        }
        f.write_str("\n")?;
        for example in &self.examples {
            writeln!(f, "  {:#x}", example.address)?;
            writeln!(f, "    profile  {}", printable(&example.profile))?;
            writeln!(f, "    binary   {}", printable(&example.binary))?;
        }
        Ok(())
    }
}

/// How many disagreeing locations are shown.
pub const MAX_EXAMPLES: usize = 5;

/// As many agreeing locations outside of the standard library prove a binary whose build ID says nothing ...
const ENOUGH: u64 = 5;
/// ... and as many one whose build ID is another.
const ENOUGH_FOR_TWIN: u64 = 20;

/// The mapping that a binary given by hand is meant for: the one with its build ID, else the first that is a file.
#[must_use]
pub fn main_mapping(profile: &Profile, binary: &Binary<'_>) -> Option<MappingId> {
    let ids = binary.build_ids();
    let rows = || profile.mappings.iter().enumerate().map(|(n, m)| (MappingId::new(n), m));
    let same_id = |text: &str| {
        ids.gnu
            .as_ref()
            .is_some_and(|id| GnuBuildId::from_hex(text).as_ref() == Some(id))
    };
    rows()
        .find(|(_, m)| same_id(profile.text(m.build_id)))
        .or_else(|| rows().find(|(_, m)| !is_kernel_page(profile.text(m.file))))
        .map(|(id, _)| id)
}

/// Compares a mapping with a binary. Without a mapping, the profile has none and its addresses are ELF addresses.
#[must_use]
pub fn examine(profile: &Profile, mapping: Option<MappingId>, binary: &Binary<'_>) -> Identity {
    let row = mapping.map(|m| &profile.mappings[m.index()]);
    let ids = binary.build_ids();
    let build_id = row.map_or("", |m| profile.text(m.build_id));
    let mut identity = Identity {
        verdict: Verdict::Unproven,
        reason: Reason::NothingToCompare,
        file: row.map_or("", |m| profile.text(m.file)).to_owned(),
        build_id_profile: build_id.to_owned(),
        build_id_binary: ids.gnu.as_ref().map(ToString::to_string).unwrap_or_default(),
        go_build_id_binary: ids.go.clone().unwrap_or_default(),
        checked: 0,
        agreed: 0,
        untold: 0,
        other_folders: 0,
        examples: Vec::new(),
    };
    let telling = compare_content(profile, mapping, binary, &mut identity);
    let by_id = compare_ids(build_id, binary);
    let judged = identity.checked - identity.untold;
    let agree_all = judged == identity.agreed;
    let contradicted = judged >= 10 && identity.agreed * 2 < judged;
    (identity.verdict, identity.reason) = match by_id {
        ById::Same(_) if contradicted => (Verdict::Mismatch, Reason::ContentDisagrees),
        ById::Same(reason) => (Verdict::Match, reason),
        ById::Other if agree_all && telling >= ENOUGH_FOR_TWIN => (Verdict::Twin, Reason::Content),
        ById::Other => (Verdict::Mismatch, Reason::BuildIdsDiffer),
        ById::Nothing { .. } if identity.agreed * 100 < judged * 99 => (Verdict::Mismatch, Reason::ContentDisagrees),
        ById::Nothing { .. } if telling >= ENOUGH => (Verdict::Match, Reason::Content),
        ById::Nothing { redacted: true } => (Verdict::Unproven, Reason::Redacted),
        ById::Nothing { .. } if judged == 0 => (Verdict::Unproven, Reason::NothingToCompare),
        ById::Nothing { .. } => (Verdict::Unproven, Reason::TooFewNames),
    };
    identity
}

/// What the build IDs alone say: whether a binary is the one that a profile names, `None` where they say nothing.
#[must_use]
pub fn build_ids_agree(profile: &str, binary: &Binary<'_>) -> Option<bool> {
    match compare_ids(profile, binary) {
        ById::Same(_) => Some(true),
        ById::Other => Some(false),
        ById::Nothing { .. } => None,
    }
}

enum ById {
    Same(Reason),
    Other,
    Nothing { redacted: bool },
}

fn compare_ids(profile: &str, binary: &Binary<'_>) -> ById {
    let ids = binary.build_ids();
    if profile.is_empty() {
        return ById::Nothing { redacted: false };
    }
    if profile == "redacted" || (ids.gnu.is_some() && !ids.gnu_is_telling()) {
        return ById::Nothing { redacted: true };
    }
    // Some producers put the Go build ID there.
    if ids.go_is_telling() && ids.go.as_deref() == Some(profile) {
        return ById::Same(Reason::GoBuildId);
    }
    match (GnuBuildId::from_hex(profile), &ids.gnu, ids.go.as_deref()) {
        (Some(a), Some(b), _) if a == *b => ById::Same(Reason::BuildId),
        // The note of the GNU ID was dropped (by a packager's strip): Go's linker would have made it from the Go ID.
        (Some(a), None, Some(go)) if ids.go_is_telling() => {
            if derived_gnu_ids(go).iter().any(|id| id[..] == *a.bytes()) {
                ById::Same(Reason::DerivedBuildId)
            } else {
                ById::Nothing { redacted: false }
            }
        }
        // Neither a GNU nor a Go ID: nothing that could differ.
        (None, _, _) if !profile.contains('/') => ById::Nothing { redacted: false },
        (None, _, _) if !ids.go_is_telling() => ById::Nothing { redacted: false },
        (Some(_), None, _) => ById::Nothing { redacted: false },
        _ => ById::Other,
    }
}

/// Looks up every named location; the number of agreeing ones outside of the standard library is returned.
fn compare_content(profile: &Profile, mapping: Option<MappingId>, binary: &Binary<'_>, identity: &mut Identity) -> u64 {
    let row = mapping.map(|m| &profile.mappings[m.index()]);
    let mut frames = Vec::new();
    let mut telling = 0;
    let mut comparison = Comparison::default();
    for (n, location) in profile.locations.iter().enumerate() {
        if location.line_count == 0 || location.address == 0 || (row.is_some() && location.mapping != mapping) {
            continue;
        }
        let id = LocationId::new(n);
        frames.clear();
        let address = match row {
            Some(row) => elf_address(binary.elf(), row, location.address),
            None => Some(location.address),
        };
        let found = match address {
            Some(address) => binary.lookup(address, &mut frames),
            None => Err(Miss::OutsideFile),
        };
        identity.checked += 1;
        // A symbol has a name, but no line to compare.
        let only_symbol = frames.iter().any(|f| f.source == Source::SymbolTable);
        if binary.go().is_err() && (only_symbol || found.is_err_and(Miss::is_of_table)) {
            identity.untold += 1;
            continue;
        }
        let found = found.map_err(Miss::explanation);
        match found.map(|()| comparison.agreement(profile, id, &frames)) {
            Ok(Agreement::Full) => identity.agreed += 1,
            Ok(Agreement::OtherFolders) => {
                identity.agreed += 1;
                identity.other_folders += 1;
            }
            other => {
                if identity.examples.len() < MAX_EXAMPLES {
                    identity.examples.push(Example {
                        address: location.address,
                        profile: describe_lines(profile, id),
                        binary: other.map_or_else(str::to_owned, |_| describe_frames(&frames)),
                    });
                }
                continue;
            }
        }
        telling += u64::from(frames.iter().any(|f| is_telling(&f.function)));
    }
    telling
}

/// How what a profile says of a location compares with what a binary says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Agreement {
    /// The same functions, files and lines.
    Full,
    /// The same, but the files are in other folders (`-trimpath`, `vendor`).
    OtherFolders,
    /// Different.
    None,
}

/// Compares the lines of locations with the frames of a binary, in the order of the profile.
///
/// `runtime/pprof` keeps one file for each function name, that of the location which it met first; a package's `init` is
/// in many files. So another file is the same when the binary has given it to this function before.
#[derive(Debug, Default)]
pub struct Comparison {
    files: FxHashSet<(String, String)>,
    /// Function and file of the frame before: most frames need no look into the set.
    last: (String, String),
}

impl Comparison {
    /// How the lines of a location compare with the frames that a binary has for it.
    pub fn agreement(&mut self, profile: &Profile, location: LocationId, frames: &[Frame<'_>]) -> Agreement {
        for frame in frames {
            if self.last.0 != *frame.function || self.last.1 != *frame.file {
                self.last = (frame.function.to_string(), frame.file.to_string());
                self.files.insert(self.last.clone());
            }
        }
        let lines = profile.lines_of(location);
        if lines.len() != frames.len() {
            return Agreement::None;
        }
        let mut agreement = Agreement::Full;
        for (line, frame) in lines.iter().zip(frames) {
            let function = profile.function(line.function);
            let name = match profile.text(function.system_name) {
                "" => profile.text(function.name),
                name => name,
            };
            // The runtime gives no name to the function whose name comes first in its table.
            let same_name = name == frame.function
                || name.is_empty()
                || (name.contains("[...]") && name == readable(&frame.function));
            if !same_name || line.line != i64::from(frame.line) {
                return Agreement::None;
            }
            let file = profile.text(function.filename);
            if file == frame.file || self.files.contains(&(frame.function.to_string(), file.to_owned())) {
                continue;
            }
            let base = |path: &str| path.rsplit('/').next().map(str::to_owned);
            if base(file) != base(&frame.file) {
                return Agreement::None;
            }
            agreement = Agreement::OtherFolders;
        }
        agreement
    }
}

/// Whether a function belongs to neither the standard library nor C: its package has a domain, or is `main`.
fn is_telling(function: &str) -> bool {
    let package = function.split(['[', '(']).next().unwrap_or_default();
    function.starts_with("main.") || package.split_once('/').is_some_and(|(domain, _)| domain.contains('.'))
}

fn describe_lines(profile: &Profile, location: LocationId) -> String {
    let texts = profile.lines_of(location).iter().map(|line| {
        let function = profile.function(line.function);
        format!(
            "{} {}:{}",
            profile.text(function.name),
            profile.text(function.filename),
            line.line
        )
    });
    texts.collect::<Vec<_>>().join(" <- ")
}

fn describe_frames(frames: &[Frame<'_>]) -> String {
    let texts = frames.iter().map(|f| format!("{} {}:{}", f.function, f.file, f.line));
    texts.collect::<Vec<_>>().join(" <- ")
}
