//! Where to look for the binary of a mapping: what was given by hand, the bundle, the archive, the folders of
//! `PPROF_BINARY_PATH` in every layout that pprof knows, debuginfod's cache, `/usr/lib/debug`. Nothing is fetched.
//!
//! This names files that exist; whether one is the right binary, [`super::super::identity`] decides.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::super::archive::Archive;

/// Where a candidate comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// Given by hand.
    Given,
    /// In the bundle.
    Bundle,
    /// In the archive.
    Archive,
    /// In a folder of `PPROF_BINARY_PATH`.
    PprofPath,
    /// In debuginfod's cache.
    Debuginfod,
    /// Under `/usr/lib/debug`.
    SystemDebug,
    /// From a debuginfod server.
    Server,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Origin::Given => "the command line",
            Origin::Bundle => "the bundle",
            Origin::Archive => "the archive",
            Origin::PprofPath => "PPROF_BINARY_PATH",
            Origin::Debuginfod => "debuginfod's cache",
            Origin::SystemDebug => "/usr/lib/debug",
            Origin::Server => "a debuginfod server",
        })
    }
}

/// A file that may be the binary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// How it was found.
    pub origin: Origin,
}

/// The places to look at.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Given by hand.
    pub given: Vec<PathBuf>,
    /// Binaries in the bundle.
    pub bundle: Vec<PathBuf>,
    /// The archive.
    pub archive: Option<Archive>,
    /// Folders of `PPROF_BINARY_PATH`.
    pub pprof_path: Vec<PathBuf>,
    /// debuginfod's cache folder.
    pub debuginfod_cache: Option<PathBuf>,
    /// Folders like `/usr/lib/debug`.
    pub system_debug: Vec<PathBuf>,
}

/// What a profile says of the file that was mapped.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Path as the process saw it.
    pub file: &'a str,
    /// Build ID as it stands in the profile, or `""`.
    pub build_id: &'a str,
}

impl Places {
    /// The files to try, best first.
    #[must_use]
    pub fn candidates(&self, wanted: Wanted<'_>) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        let mut push = |path: PathBuf, origin| {
            if !found.iter().any(|c| c.path == path) {
                found.push(Candidate { path, origin });
            }
        };
        self.given.iter().for_each(|p| push(p.clone(), Origin::Given));
        self.bundle.iter().for_each(|p| push(p.clone(), Origin::Bundle));
        let id = hex_id(wanted.build_id);
        let archived = self.archive.iter().flat_map(|a| a.candidates(wanted.build_id));
        archived.for_each(|p| push(p, Origin::Archive));
        for folder in &self.pprof_path {
            pprof_layouts(folder, wanted.file, id.as_deref())
                .into_iter()
                .for_each(|p| push(p, Origin::PprofPath));
        }
        if let Some(id) = &id {
            for name in ["executable", "debuginfo"] {
                let cached = self
                    .debuginfod_cache
                    .iter()
                    .map(|c| c.join(id).join(name))
                    .filter(|p| p.is_file());
                cached.for_each(|p| push(p, Origin::Debuginfod));
            }
            for root in &self.system_debug {
                let file = root
                    .join(".build-id")
                    .join(&id[..2])
                    .join(format!("{}.debug", &id[2..]));
                Some(file)
                    .filter(|p| p.is_file())
                    .into_iter()
                    .for_each(|p| push(p, Origin::SystemDebug));
            }
        }
        found
    }
}

/// A build ID that can be part of a path: lowercase hex.
fn hex_id(build_id: &str) -> Option<String> {
    let fits = build_id.len() >= 4 && build_id.len() <= 128 && build_id.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| build_id.to_ascii_lowercase())
}

/// The existing files among those that pprof would try in one folder, in its order.
fn pprof_layouts(folder: &Path, file: &str, id: Option<&str>) -> Vec<PathBuf> {
    // The profile's path is under its producer's control: only plain components are used.
    let plain: PathBuf = Path::new(file)
        .components()
        .filter(|c| matches!(c, Component::Normal(_)))
        .collect();
    let base = plain.file_name().map(PathBuf::from);
    let mut paths = Vec::new();
    if let Some(id) = id {
        paths.extend(base.iter().map(|b| folder.join(id).join(b)));
        let mut inside: Vec<PathBuf> = fs::read_dir(folder.join(id))
            .into_iter()
            .flatten()
            .filter_map(|e| Some(e.ok()?.path()))
            .collect();
        inside.sort();
        paths.extend(inside);
        paths.push(folder.join(&plain).join(id));
        paths.push(folder.join(&id[..2]).join(format!("{}.debug", &id[2..])));
    }
    if let Some(base) = base {
        let parent = plain.parent().unwrap_or(Path::new(""));
        let with_debug = |p: &Path| PathBuf::from(format!("{}.debug", p.display()));
        paths.push(folder.join(&base));
        paths.push(folder.join(&plain));
        paths.push(with_debug(&folder.join(&plain)));
        paths.push(folder.join(parent).join(".debug").join(with_debug(&base)));
        paths.push(folder.join("usr/lib/debug").join(parent).join(with_debug(&base)));
    }
    paths.retain(|p| p.is_file());
    paths
}

/// Debug files that may belong to a binary: by build ID under the system's folders, and by `.gnu_debuglink` beside it.
#[must_use]
pub fn debug_files(binary: &Path, build_id: Option<&str>, debug_link: Option<&str>, roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    if let Some(id) = build_id.and_then(hex_id) {
        paths.extend(
            roots
                .iter()
                .map(|r| r.join(".build-id").join(&id[..2]).join(format!("{}.debug", &id[2..]))),
        );
    }
    let link = debug_link.filter(|l| !l.is_empty() && !l.contains('/') && *l != "..");
    if let (Some(link), Some(folder)) = (link, binary.parent()) {
        paths.push(folder.join(link));
        paths.push(folder.join(".debug").join(link));
        let inside = folder.strip_prefix("/").unwrap_or(folder);
        paths.extend(roots.iter().map(|r| r.join(inside).join(link)));
    }
    paths.retain(|p| p.is_file() && p != binary);
    paths
}
