//! What did not stop the reading of sources, but a reader of the report should know. Worded here and nowhere else.

use std::path::PathBuf;

use super::select::Chosen;
use crate::model::Kind;
use crate::model::units::counted;
use crate::pprof;
use crate::symbolize::identity::Reason;
use crate::symbolize::locate::search::Origin;

/// Something that did not stop the reading.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Note {
    /// This many profiles were added up.
    Merged(usize, Kind),
    /// This many profiles of several times of one process were added up, though each of them shows all that is alive.
    AddedUpStates(usize, Kind),
    /// Files of a folder that are not profiles.
    Skipped(usize),
    /// Texts of a folder that show what another file of the same moment has as well.
    TextForms(usize),
    /// This many names of a file are not UTF-8.
    BadNames(PathBuf, u64),
    /// This many locations of a file have a mapping that it does not have.
    MissingMappings(PathBuf, u64),
    /// A text lacks something.
    Remark(PathBuf, pprof::Remark),
    /// This was chosen out of a bundle or a folder.
    Chosen(PathBuf, Box<Chosen>),
    /// These two are compared: the earliest and the latest.
    Ends(PathBuf, PathBuf),
    /// A choice was made where there is nothing to choose from.
    NothingToChoose,
    /// A file of a bundle is not what its manifest says.
    Altered(PathBuf),
    /// Entries of an archive, for instance links, were left out.
    LeftOut(PathBuf, usize),
    /// Beside the one bundle in a folder or archive this many other files are not read.
    Beside(PathBuf, usize),
    /// An archive ends early.
    Broken(PathBuf, String),
    /// What is subtracted is of another build.
    OtherBuild,
    /// A binary that was named is neither proven nor disproven.
    Unproven(PathBuf, Reason),
    /// Names are of a binary that nothing proves.
    Trusted(String),
    /// A binary that was found is another one.
    OtherBinary(Origin, Reason),
    /// A debuginfod server did not give a binary.
    Server {
        /// What went wrong.
        error: String,
        /// What to do about it.
        hint: Option<&'static str>,
    },
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Note::Merged(n, kind) => write!(f, "{n} {kind} profiles are added up"),
            Note::AddedUpStates(n, kind) => write!(
                f,
                "{n} {kind} profiles are added up, though each shows all that was alive"
            ),
            Note::Skipped(n) => write!(
                f,
                "{} no {}",
                counted(n, "file of the folder is", "files of the folder are"),
                if *n == 1 { "profile" } else { "profiles" }
            ),
            Note::TextForms(n) => write!(
                f,
                "{} left out",
                counted(n, "text of the same kind is", "texts of the same kind are")
            ),
            Note::Chosen(path, chosen) => write!(f, "{}: {chosen}", path.display()),
            Note::Ends(first, last) => write!(
                f,
                "{} and {}: the earliest and the latest that the folder has",
                first.display(),
                last.display()
            ),
            Note::NothingToChoose => {
                f.write_str("a node, run, snapshot or artifact is chosen out of bundles and folders, and there is none")
            }
            Note::Altered(path) => write!(f, "{}: not what its manifest says", path.display()),
            Note::LeftOut(path, n) => write!(
                f,
                "{}: {} left out",
                path.display(),
                counted(
                    n,
                    "link, device or absurd name is",
                    "links, devices or absurd names are"
                )
            ),
            Note::Beside(path, n) => write!(
                f,
                "{}: the only bundle there; {} not read",
                path.display(),
                counted(*n, "file beside it is", "files beside it are"),
            ),
            Note::Broken(path, why) => write!(f, "{}: {why}", path.display()),
            Note::Remark(path, remark) => write!(f, "{}: {remark}", path.display()),
            Note::BadNames(path, n) => write!(
                f,
                "{}: {} not UTF-8; bad bytes are shown as \u{fffd}",
                path.display(),
                counted(n, "name is", "names are")
            ),
            Note::MissingMappings(path, n) => write!(
                f,
                "{}: {} a mapping that is not there",
                path.display(),
                counted(n, "location names", "locations name")
            ),
            Note::Unproven(path, reason) => write!(f, "{}: unproven: {reason}", path.display()),
            Note::Trusted(mark) => f.write_str(mark),
            Note::OtherBinary(origin, reason) => {
                write!(f, "a binary from {origin} is not the one that ran: {reason}")
            }
            Note::Server { error, .. } => f.write_str(error),
            Note::OtherBuild => f.write_str("the base is of another build; stacks are compared by function and line"),
        }
    }
}
