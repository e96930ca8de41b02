//! What each of several files is: for folders that hold more than one thing, and for what was saved by mistake.

use std::path::PathBuf;

use super::loose::Loose;
use super::source::Source;
use super::{GroupOf, Input};
use crate::model::Kind;
use crate::pprof::{self, Form};

/// A file and what it is.
#[derive(Clone, Debug)]
pub struct ListedFile {
    /// The file.
    pub path: PathBuf,
    /// The profile in it, or in one line why there is none.
    pub found: Result<ListedProfile, String>,
}

/// What a profile is, in short.
#[derive(Clone, Debug)]
pub struct ListedProfile {
    /// Its kind.
    pub kind: Kind,
    /// How it is written.
    pub form: Form,
    /// When it was taken, nanoseconds since the Unix epoch; 0 when unknown.
    pub time_nanos: i64,
    /// How many samples it has.
    pub samples: usize,
    /// The sample type that it is shown by, and its unit.
    pub sample_type: (String, String),
    /// The sum of its values.
    pub total: i64,
    /// Build ID of the program, or `""`.
    pub build_id: String,
}

impl Input {
    /// What every file is; `None` where there is one file, or standard input. Hidden files and those of an unfinished
    /// download do not count.
    pub fn list(&self) -> Option<Vec<ListedFile>> {
        let is_stdin = |s: &Source| match s {
            Source::File(path, _) | Source::Long(path, _) => path.as_os_str() == "-",
            Source::Collection(contents) => contents.name.as_os_str() == "-",
        };
        if self.single_file().is_some() || self.files.sources.iter().any(is_stdin) {
            return None;
        }
        let mut all = Vec::new();
        for group in self.groups() {
            match &group.of {
                GroupOf::Collection(_, loose) | GroupOf::Named(loose) if !loose.is_empty() => {
                    self.list_loose(loose, &mut all)
                }
                // As files, whatever a manifest says of them.
                GroupOf::Bundle(contents, _) | GroupOf::Collection(contents, _) => {
                    let source = self.files.sources.iter().position(|s| match s {
                        Source::Collection(c) => std::sync::Arc::ptr_eq(c, contents),
                        Source::File(..) | Source::Long(..) => false,
                    });
                    let loose = Loose::of_collection(&self.files, source.unwrap_or_default(), contents);
                    self.list_loose(&loose, &mut all);
                }
                GroupOf::Named(_) => {}
            }
        }
        Some(all)
    }

    fn list_loose(&self, loose: &Loose, all: &mut Vec<ListedFile>) {
        let found = loose.found.iter().map(|f| {
            let found = match &f.listed {
                Some(listed) => Ok(listed.clone()),
                None => Err(f.why.clone()),
            };
            (f.order, &f.artifact.path, found)
        });
        let other = loose.other.iter().map(|o| (o.order, &o.path, Err(cause_of(&o.cause))));
        let mut files: Vec<(usize, &PathBuf, Result<ListedProfile, String>)> = found.chain(other).collect();
        files.sort_by_key(|(order, ..)| *order);
        all.extend(files.into_iter().map(|(_, path, found)| ListedFile {
            path: path.clone(),
            found,
        }));
    }
}

/// What went wrong, without the file, which stands before it.
fn cause_of(e: &super::InputError) -> String {
    match e {
        super::InputError::Read { cause, .. } => cause.to_string(),
        super::InputError::Io { cause, .. } => cause.to_string(),
        other => other.to_string(),
    }
}

/// A profile in short.
pub(super) fn describe(read: &pprof::Read) -> ListedProfile {
    let p = &read.profile;
    let shown = p.sample_types.iter().position(|t| t.kind == p.default_sample_type);
    let shown = shown.or(p.sample_types.len().checked_sub(1));
    ListedProfile {
        kind: Kind::of(p),
        form: read.form,
        time_nanos: p.time_nanos,
        samples: p.samples.len(),
        sample_type: shown.map_or_else(Default::default, |i| {
            let (kind, unit) = p.sample_type(i);
            (kind.to_owned(), unit.to_owned())
        }),
        total: shown.and_then(|i| p.totals().get(i).copied()).unwrap_or(0),
        build_id: p.build_id().to_owned(),
    }
}
