//! Why the sources of a command line give no profile, with what to do.

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
    #[error("{name}: {cause}{hint}", hint = io_hint(.name, .cause))]
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
    #[error("{name}: not what its manifest says, and it does not decode: {}\nhint: `kubeprof bundle verify` names all such files; --snapshot takes another", first_line(.cause))]
    Altered {
        /// Path of the file.
        name: String,
        /// Why it is no profile.
        cause: pprof::ReadError,
    },
    /// A folder holds no profile.
    #[error("{0}: no profiles in it\nhint: `kubeprof inspect` says what each file is")]
    NoProfiles(String),
    /// A folder or a tar holds bundles, of which a report takes one.
    #[error("{name} holds bundles, and a report is of one: {}\nhint: name one of them{unpacked}; `kubeprof bundle merge` makes one of several", .bundles.join(", "))]
    Bundles {
        /// Path as it was given.
        name: String,
        /// Where they are.
        bundles: Vec<String>,
        /// What has to be done first.
        unpacked: &'static str,
    },
    /// A bundle holds no profile that fits.
    #[error("the bundle holds no profile\nhint: `kubeprof bundle verify` says what it holds and lacks")]
    EmptyBundle,
    /// There are not two snapshots to compare.
    #[error("{0}: a diff needs two snapshots\nhint: take a series, or name two profiles or bundles")]
    OneSnapshot(String),
    /// No source was named.
    #[error("no sources")]
    NoSources,
    /// A bundle does not have what was asked for.
    #[error("there is no {what}{}", there_is(.has))]
    NotInBundle {
        /// What was asked for.
        what: String,
        /// What there is.
        has: Vec<String>,
    },
    /// A folder holds profiles of processes that nothing says to be one after the other.
    #[error(
        "the profiles are of {} processes: {}\nhint: choose one with {}, or name its files",
        .processes.len(), .processes.join("; "), if *.nodes { "--node NAME or --run N" } else { "--run N" }
    )]
    Processes {
        /// What is known of them.
        processes: Vec<String>,
        /// Whether they are of several nodes.
        nodes: bool,
    },
    /// A bundle was written by a later version, or its manifest cannot be read.
    #[error(
        "{name}: {JOURNAL} cannot be read (format {schema})\nhint: use the version of kubeprof that made it; `kubeprof bundle verify` says more"
    )]
    Unreadable {
        /// The bundle.
        name: String,
        /// Its format, 0 when it says none.
        schema: u32,
    },
    /// There are several kinds.
    #[error("the sources hold profiles of several kinds: {}\nhint: choose one with --kind, for instance --kind {}; `kubeprof inspect` lists the files", counts(.available), .available.first().map_or("heap", |(k, _)| k.as_str()))]
    Kinds {
        /// What there is.
        available: Vec<(Kind, usize)>,
    },
    /// There is none of the kind that was asked for.
    #[error("no {asked} profile in the sources\nhint: there is {}", counts(.available))]
    NoSuchKind {
        /// What was asked for.
        asked: Kind,
        /// What there is.
        available: Vec<(Kind, usize)>,
    },
    /// Files say that they are contention, not of what.
    #[error(
        "{files} contention profiles, and nothing in them tells mutex from block\nhint: name the file of the {asked} profile; bundles know which is which"
    )]
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
    #[error("--normalize needs a base\nhint: name it with --base or --diff-base")]
    NothingToNormalizeTo,
    /// A binary cannot be used.
    #[error(transparent)]
    Mapped(#[from] MappedError),
    /// The binary that was named is another one.
    #[error("{}: refused\n{}{}", .path.display(), .identity, refused_hint(.identity, *.archived))]
    Refused {
        /// The binary.
        path: PathBuf,
        /// What was compared.
        identity: Box<Identity>,
        /// Whether the archive has the right one.
        archived: bool,
    },
    /// There is no binary for the profile.
    #[error(
        "no binary for this profile (build ID {build_id:?})\nhint: give it with --binary, or archive it with `kubeprof binary add`"
    )]
    NoBinary {
        /// Build ID of the profile.
        build_id: String,
    },
    /// Profiles that cannot be added up.
    #[error(
        "cannot merge the sources: {0}\nhint: add up profiles of one kind and program; name the others in a command of their own"
    )]
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
    #[error(
        "cannot compare {old} with {new}\nhint: choose what both have with --sample-index, or one file's profile with --kind"
    )]
    Types {
        /// What the old one shows.
        old: String,
        /// What the new one shows.
        new: String,
    },
}

/// What to do about a refused binary.
fn refused_hint(identity: &Identity, archived: bool) -> String {
    let id = &identity.build_id_profile;
    match archived {
        true => "hint: the archive has the binary that ran: leave --binary away".to_owned(),
        false if id.is_empty() => "hint: --trust-binary uses it all the same, and marks every report".to_owned(),
        false => format!(
            "hint: look for the binary with build ID {id} (`kubeprof binary ls`), or mark every report with --trust-binary"
        ),
    }
}

fn io_hint(name: &str, e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::NotFound if name.contains("://") => {
            "\nhint: nothing is fetched here: kubeprof capture takes profiles from kubelets, and curl -o FILE saves one address"
        }
        io::ErrorKind::NotFound => "\nhint: SOURCE is a profile file, a folder of them, or - for standard input",
        _ => "",
    }
}

fn there_is(has: &[String]) -> String {
    match has {
        [] => String::new(),
        has => format!("\nhint: there is {}", has.join(", ")),
    }
}

fn first_line(e: &pprof::ReadError) -> String {
    e.to_string().lines().next().unwrap_or_default().to_owned()
}

fn counts(kinds: &[(Kind, usize)]) -> String {
    let texts: Vec<String> = kinds.iter().map(|(k, n)| format!("{n} {k}")).collect();
    texts.join(", ")
}
