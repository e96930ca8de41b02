//! Why the sources of a command line give no profile, with what to do.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use crate::analysis::QueryError;
use crate::bundle::manifest::JOURNAL;
use crate::model::{Kind, MergeError};
use crate::pprof;
use crate::symbolize::identity::Identity;
use crate::symbolize::locate::MappedError;

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A file cannot be read.
    #[error("{name}: {cause}")]
    Io {
        /// Path as it was given.
        name: String,
        /// What the system says.
        cause: io::Error,
    },
    /// A file is no profile.
    #[error("{name}: {cause}")]
    Read {
        /// Path as it was given.
        name: String,
        /// What it is instead.
        cause: pprof::ReadError,
    },
    /// A file of a bundle is not what was taken, and no profile.
    #[error("{name}: not what its manifest says, and it does not decode: {cause}")]
    Altered {
        /// Path of the file.
        name: String,
        /// Why it is no profile.
        cause: pprof::ReadError,
    },
    /// A folder holds no profile.
    #[error("{0}: no profiles in it")]
    NoProfiles(String),
    /// A folder or a tar holds bundles, of which a report takes one.
    #[error("{name} holds bundles, and a report is of one: {}", .bundles.join(", "))]
    Bundles {
        /// Path as it was given.
        name: String,
        /// Where they are.
        bundles: Vec<String>,
        /// What has to be done first.
        unpacked: &'static str,
    },
    /// A bundle holds no profile that fits.
    #[error("the bundle holds no profile")]
    EmptyBundle,
    /// There are not two snapshots to compare.
    #[error("{0}: a diff needs two snapshots")]
    OneSnapshot(String),
    /// No source was named.
    #[error("no sources")]
    NoSources,
    /// A bundle does not have what was asked for.
    #[error("there is no {what}")]
    NotInBundle {
        /// What was asked for.
        what: String,
        /// What there is.
        has: Vec<String>,
    },
    /// A folder holds profiles of processes that nothing says to be one after the other.
    #[error("the profiles are of {} processes: {}", .processes.len(), .processes.join("; "))]
    Processes {
        /// What is known of them.
        processes: Vec<String>,
        /// Whether they are of several nodes.
        nodes: bool,
    },
    /// A bundle was written by a later version, or its manifest cannot be read.
    #[error("{name}: {JOURNAL} cannot be read (format {schema})")]
    Unreadable {
        /// The bundle.
        name: String,
        /// Its format, 0 when it says none.
        schema: u32,
    },
    /// There are several kinds.
    #[error("the sources hold profiles of several kinds: {}", counts(.available))]
    Kinds {
        /// What there is.
        available: Vec<(Kind, usize)>,
    },
    /// There is none of the kind that was asked for.
    #[error("no {asked} profile in the sources")]
    NoSuchKind {
        /// What was asked for.
        asked: Kind,
        /// What there is.
        available: Vec<(Kind, usize)>,
    },
    /// Files say that they are contention, not of what.
    #[error("{files} contention profiles, and nothing in them tells mutex from block")]
    Contention {
        /// `mutex` or `block`.
        asked: String,
        /// How many there are.
        files: usize,
    },
    /// Profiles that cannot be subtracted from each other.
    #[error("{0}")]
    Subtract(MergeError),
    /// Nothing is subtracted.
    #[error("there is no base to normalize to")]
    NothingToNormalizeTo,
    /// A binary cannot be used.
    #[error(transparent)]
    Mapped(#[from] MappedError),
    /// The binary that was named is another one.
    #[error("{}: refused", .path.display())]
    Refused {
        /// The binary.
        path: PathBuf,
        /// What was compared.
        identity: Box<Identity>,
        /// Whether the archive has the right one.
        archived: bool,
    },
    /// There is no binary for the profile.
    #[error("no binary for this profile (build ID {build_id:?})")]
    NoBinary {
        /// Build ID of the profile.
        build_id: String,
    },
    /// Profiles that cannot be added up.
    #[error("cannot merge the sources: {0}")]
    Merge(MergeError),
}

// The sentence of the cause stands in the error's own.
impl From<MergeError> for InputError {
    fn from(cause: MergeError) -> Self {
        InputError::Merge(cause)
    }
}

/// Why two profiles cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// They do not measure the same thing.
    #[error("cannot compare the two: {0}")]
    Merge(MergeError),
    /// The query does not suit the old one.
    #[error("the old profile: {0}")]
    Old(QueryError),
    /// The query does not suit the new one.
    #[error("{0}")]
    New(QueryError),
    /// They show different types.
    #[error("cannot compare {old} with {new}")]
    Types {
        /// What the old one shows.
        old: String,
        /// What the new one shows.
        new: String,
    },
}

impl InputError {
    /// What to do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Io { name, cause } if cause.kind() == io::ErrorKind::NotFound => match name.contains("://") {
                true => "save the address to a file first: nothing is fetched here".into(),
                false => "a source is a profile file, a folder of them, or - for standard input".into(),
            },
            Self::Read { cause, .. } => return cause.hint(),
            Self::Altered { .. } => "verify the bundle, or take another snapshot".into(),
            Self::NoProfiles(_) => "inspect it to see what each file is".into(),
            Self::Bundles { unpacked, .. } => format!("name one of them{unpacked}, or merge them").into(),
            Self::EmptyBundle => "verify it to see what it holds and what is missing".into(),
            Self::OneSnapshot(_) => "take a series, or name two profiles or bundles".into(),
            Self::NotInBundle { has, .. } if !has.is_empty() => format!("there is {}", has.join(", ")).into(),
            Self::Processes { nodes: true, .. } => "choose a node or a run, or name its files".into(),
            Self::Processes { .. } => "choose a run, or name its files".into(),
            Self::Unreadable { .. } => "use the version that made it".into(),
            Self::Kinds { available } => format!("choose one kind, for instance {}", first(available)).into(),
            Self::NoSuchKind { available, .. } => format!("there is {}", counts(available)).into(),
            Self::Contention { asked, .. } => {
                format!("name the file of the {asked} profile; bundles know which is which").into()
            }
            Self::NothingToNormalizeTo => "name a base".into(),
            Self::Mapped(cause) => return cause.hint().map(Into::into),
            Self::Refused { archived: true, .. } => "the archive has the binary that ran: do not name one".into(),
            Self::Refused { identity, .. } if identity.build_id_profile.is_empty() => {
                "trust it to use it all the same: every report is marked then".into()
            }
            Self::Refused { identity, .. } => format!(
                "look for the binary with build ID {}, or trust this one: every report is marked then",
                identity.build_id_profile
            )
            .into(),
            Self::NoBinary { .. } => "name the binary, or archive it".into(),
            Self::Merge(_) => "add up profiles of one kind and program; ask about the others apart".into(),
            Self::Io { .. } | Self::NoSources | Self::NotInBundle { .. } | Self::Subtract(_) => return None,
        })
    }

    /// What was seen, a line each, where one line does not say it.
    pub fn seen(&self) -> Option<String> {
        match self {
            Self::Refused { identity, .. } => Some(identity.to_string()),
            _ => None,
        }
    }
}

impl CompareError {
    /// What to do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Old(cause) | Self::New(cause) => cause.hint(),
            Self::Types { .. } => Some("choose a sample type that both have".into()),
            Self::Merge(_) => None,
        }
    }
}

fn first(available: &[(Kind, usize)]) -> &'static str {
    available.first().map_or("heap", |(k, _)| k.as_str())
}

fn counts(kinds: &[(Kind, usize)]) -> String {
    let texts: Vec<String> = kinds.iter().map(|(k, n)| format!("{n} {k}")).collect();
    texts.join(", ")
}
