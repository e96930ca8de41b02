//! What each of several files is: for folders that hold more than one thing, and for what was saved by mistake.

use std::path::{Path, PathBuf};

use super::SourceError;
use super::source::{Opened, Sources, open, open_collection};
use crate::bundle::{Contents, Want};
use crate::model::Kind;
use crate::pprof::{self, Form};

/// A file and what it is.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The file.
    pub path: PathBuf,
    /// The profile in it, or in one line why there is none.
    pub found: Result<SurveyedProfile, String>,
}

/// What a profile is, in short.
#[derive(Clone, Debug)]
pub struct SurveyedProfile {
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

/// Looks at every file of the sources; `None` where they are one file, or something that can be read only once. Hidden
/// files and those of an unfinished download do not count.
///
/// # Errors
/// When a source cannot be read.
pub fn survey(sources: &Sources) -> Result<Option<Vec<Surveyed>>, SourceError> {
    if sources.paths.iter().any(|path| !path.is_dir() && !path.is_file()) {
        return Ok(None);
    }
    if let [one] = sources.paths.as_slice()
        && open_collection(one, sources.limit, Want::Artifacts)?.is_err()
    {
        return Ok(None);
    }
    let mut all = Vec::new();
    for path in &sources.paths {
        match open(path, sources.limit)? {
            Opened::Profile(bytes) => all.push(look_at(path, bytes, sources)),
            Opened::Collection(contents) => {
                for file in contents.paths().filter(|file| Contents::counts(file)) {
                    let path = contents.name.join(file);
                    all.push(match contents.get(file) {
                        Ok(bytes) => look_at(&path, bytes.into_owned(), sources),
                        Err(e) => Surveyed {
                            path,
                            found: Err(e.to_string()),
                        },
                    });
                }
            }
        }
    }
    Ok(Some(all))
}

fn look_at(path: &Path, bytes: Vec<u8>, sources: &Sources) -> Surveyed {
    let found = match pprof::read(bytes, sources.limit, false) {
        Ok(read) => Ok(describe(&read)),
        Err(e) => Err(e.to_string().lines().next().unwrap_or_default().to_owned()),
    };
    Surveyed {
        path: path.to_owned(),
        found,
    }
}

fn describe(read: &pprof::Read) -> SurveyedProfile {
    let p = &read.profile;
    let shown = p.sample_types.iter().position(|t| t.kind == p.default_sample_type);
    let shown = shown.or(p.sample_types.len().checked_sub(1));
    SurveyedProfile {
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
