//! What a report is about: paths and choices -> profiles, and series of them.
//!
//! A source is a file, a folder, a tar, a bundle or standard input. `bundle` knows the format of bundles and `pprof` what
//! bytes mean; this room opens every source once ([`Input`]), tells what is in it, groups it into [`Series`] of one process,
//! and chooses what a command sees of it.

mod error;
mod file_names;
mod files;
mod goroutines;
mod listing;
mod load;
mod loose;
mod names;
mod note;
mod parents;
mod select;
mod series;
mod source;
mod subject;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use error::CompareError;
pub use error::InputError;
pub use goroutines::{FormsRemark, Prefer};
pub use listing::{ListedFile, ListedProfile};
pub use names::{Naming, Proven, Symbolize, kept_binary};
pub use note::Note;
pub use parents::{dump_profile, dump_profile_and_samples};
pub use select::{Choice, Chosen, PREFERRED, Which};
pub use series::{Artifact, KnownBy, Moment, Series};
pub use source::{open_bundle, read_profile};
pub use subject::{Bases, Filtered, Sources, Subject, compared};

use crate::bundle::manifest::JOURNAL;
use crate::bundle::{BundledBinary, Contents, Record, Want};
use crate::pprof::Limit;
use files::Files;
use loose::Loose;
use source::Source;

/// The sources of a command, each opened once.
#[derive(Debug)]
pub struct Input {
    asked: Sources,
    files: Arc<Files>,
    groups: OnceLock<Vec<Group>>,
}

/// What belongs together: a source with several files, or all files that were named.
#[derive(Debug)]
struct Group {
    name: PathBuf,
    of: GroupOf,
    series: Vec<Series>,
}

#[derive(Debug)]
enum GroupOf {
    Bundle(Arc<Contents>, Box<Record>),
    Collection(Arc<Contents>, Loose),
    Named(Loose),
}

/// Reads the one profile that a path is: a file, a folder, a tar, a bundle, or `-` for standard input.
///
/// Of a folder or bundle this is the latest snapshot. [`Sources`] has every choice.
///
/// # Errors
/// As for [`Sources::subject`].
pub fn open(path: impl Into<PathBuf>) -> Result<Subject, InputError> {
    Sources::new([path]).subject()
}

impl Input {
    /// Opens files, folders, tars, bundles, or `-` for standard input.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn open(paths: &[PathBuf], limit: Limit) -> Result<Self, InputError> {
        Sources {
            limit,
            ..Sources::new(paths)
        }
        .open()
    }

    fn new(sources: &Sources) -> Result<Self, InputError> {
        let open = |path: &PathBuf| {
            let source = Source::open(path, sources.limit, Want::Artifacts)?;
            Ok(match source {
                Source::Collection(contents) => Source::Collection(entered(contents)),
                file => file,
            })
        };
        let opened: Result<Vec<Source>, InputError> = sources.paths.iter().map(open).collect();
        Ok(Self {
            asked: sources.clone(),
            files: Arc::new(Files::new(opened?, sources.limit, sources.knowledge.clone())),
            groups: OnceLock::new(),
        })
    }

    /// The bundle, where one is all that was opened.
    pub fn bundle(&self) -> Option<(&Contents, &Record)> {
        let [Source::Collection(contents)] = self.files.sources.as_slice() else {
            return None;
        };
        if !contents.has(JOURNAL) {
            return None;
        }
        match self.groups() {
            [
                Group {
                    of: GroupOf::Bundle(contents, record),
                    ..
                },
            ] => Some((contents, record)),
            _ => None,
        }
    }

    /// The bytes, where one file is all that was opened.
    pub(crate) fn single_file(&self) -> Option<(&Path, &[u8])> {
        match self.files.sources.as_slice() {
            [Source::File(path, bytes)] => Some((path, bytes)),
            _ => None,
        }
    }

    /// Whether the sources hold a profile of this kind, or one that may be of it.
    #[cfg(feature = "cli")]
    pub(crate) fn holds(&self, kind: crate::model::Kind) -> bool {
        self.groups().iter().any(|g| g.artifacts().any(|a| a.is(kind)))
    }

    /// Takes this kind where the sources hold several.
    #[cfg(feature = "cli")]
    pub(crate) fn ask_for(&mut self, kind: crate::model::Kind) {
        self.asked.kind = Some(kind);
    }

    /// Executables in the bundles.
    pub fn binaries(&self) -> Vec<BundledBinary> {
        self.groups().iter().flat_map(Group::binaries).collect()
    }

    /// The series in the sources: one for every process.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.groups().iter().flat_map(|group| &group.series)
    }

    /// Files in folders and tars that are called after an artifact, or as profiles are, and cannot be read as one.
    #[cfg(feature = "cli")]
    pub(crate) fn unread(&self) -> Vec<PathBuf> {
        let of_group = |g: &Group| match &g.of {
            GroupOf::Collection(_, loose) => loose.unread().map(Path::to_path_buf).collect(),
            GroupOf::Bundle(..) | GroupOf::Named(_) => Vec::new(),
        };
        self.groups().iter().flat_map(of_group).collect()
    }

    /// Files that were named one by one and hold nothing that is known.
    #[cfg(feature = "cli")]
    pub(crate) fn unread_named(&self) -> Vec<PathBuf> {
        let of_group = |g: &Group| match &g.of {
            GroupOf::Named(loose) => loose.other.iter().map(|o| o.path.clone()).collect(),
            GroupOf::Bundle(..) | GroupOf::Collection(..) => Vec::new(),
        };
        self.groups().iter().flat_map(of_group).collect()
    }

    /// Looks at what the sources hold.
    fn groups(&self) -> &[Group] {
        self.groups.get_or_init(|| {
            let mut groups = Vec::new();
            let mut named = Loose::default();
            let mut first_named = None;
            for (n, source) in self.files.sources.iter().enumerate() {
                match source {
                    Source::File(path, _) | Source::Long(path, _) => {
                        named.add(&self.files, n, path);
                        first_named = first_named.or(Some(path));
                    }
                    Source::Collection(contents) => groups.push(self.collection(n, contents)),
                }
            }
            if let Some(path) = first_named {
                let series = named.series(&self.files, path);
                groups.push(Group {
                    name: path.clone(),
                    of: GroupOf::Named(named),
                    series,
                });
            }
            groups
        })
    }

    fn collection(&self, source: usize, contents: &Arc<Contents>) -> Group {
        let name = contents.name.clone();
        match contents.record() {
            Some(record) => Group {
                series: Series::of_bundle(&self.files, source, &name, &record),
                of: GroupOf::Bundle(contents.clone(), Box::new(record)),
                name,
            },
            None => {
                let loose = match bundles_in(contents).is_empty() {
                    true => Loose::of_collection(&self.files, source, contents),
                    false => Loose::default(),
                };
                Group {
                    series: loose.series(&self.files, &name),
                    of: GroupOf::Collection(contents.clone(), loose),
                    name,
                }
            }
        }
    }
}

/// The one bundle in a folder or tar, or all that is there.
fn entered(mut contents: Arc<Contents>) -> Arc<Contents> {
    if let Some(contents) = Arc::get_mut(&mut contents) {
        contents.enter_only_bundle();
    }
    contents
}

/// Bundles in the folders of a folder or tar.
fn bundles_in(contents: &Contents) -> Vec<String> {
    let journals = contents
        .paths()
        .filter_map(|p| p.strip_suffix(JOURNAL)?.strip_suffix('/'));
    journals.map(|p| contents.name.join(p).display().to_string()).collect()
}

/// What is wrong with a folder or tar that holds bundles where one is asked for.
fn several_bundles(contents: &Contents) -> Option<InputError> {
    let bundles = bundles_in(contents);
    (!bundles.is_empty()).then(|| InputError::Bundles {
        name: contents.name.display().to_string(),
        bundles,
        unpacked: if contents.name.is_dir() { "" } else { ", unpacked" },
    })
}

impl Group {
    /// Executables of a bundle.
    fn binaries(&self) -> Vec<BundledBinary> {
        match &self.of {
            GroupOf::Bundle(contents, record) => contents.binaries(record),
            _ => Vec::new(),
        }
    }

    /// What is odd about an archive as such.
    fn archive_notes(&self, notes: &mut Vec<Note>) {
        let (GroupOf::Bundle(contents, _) | GroupOf::Collection(contents, _)) = &self.of else {
            return;
        };
        if let Some(broken) = &contents.broken {
            notes.push(Note::Broken(self.name.clone(), broken.to_string()));
        }
        if contents.beside > 0 {
            notes.push(Note::Beside(self.name.clone(), contents.beside));
        }
        if !contents.odd.is_empty() {
            notes.push(Note::LeftOut(self.name.clone(), contents.odd.len()));
        }
    }

    /// Whether it can be read at all.
    ///
    /// # Errors
    /// When it is a bundle of a later version, or holds bundles.
    fn check(&self) -> Result<(), InputError> {
        let name = || self.name.display().to_string();
        match &self.of {
            GroupOf::Bundle(_, record) if !record.is_readable() => Err(InputError::Unreadable {
                name: name(),
                schema: record.schema,
            }),
            GroupOf::Collection(contents, loose) => match several_bundles(contents) {
                Some(several) => Err(several),
                None if loose.profiles().next().is_none() => Err(InputError::NoProfiles(name())),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
