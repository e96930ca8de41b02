//! Source files on this machine: found as `go tool pprof` finds them, read once.
//!
//! Absolute paths must exist as they are; relative ones are looked up below every folder of the search path and all folders
//! above it. What is cut from paths before, the query says (`trim_path`).

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Lines longer than this end a file, as in pprof.
const MAX_LINE: usize = 1 << 16;

/// The text of one file.
#[derive(Clone, Debug, Default)]
pub struct SourceFile {
    bytes: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl SourceFile {
    fn new(bytes: Vec<u8>) -> Self {
        let mut ends = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let len = bytes[start..].iter().position(|&b| b == b'\n');
            let end = len.map_or(bytes.len(), |len| start + len);
            if end - start >= MAX_LINE {
                break;
            }
            let text_end = if bytes[start..end].ends_with(b"\r") {
                end - 1
            } else {
                end
            };
            ends.push((start, text_end));
            start = end + 1;
        }
        Self { bytes, ends }
    }

    /// Line `n`, counted from 1, without its end.
    pub fn line(&self, n: i64) -> Option<&[u8]> {
        let i = usize::try_from(n.checked_sub(1)?).ok()?;
        self.ends.get(i).map(|&(start, end)| &self.bytes[start..end])
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Finds and keeps source files.
#[derive(Debug, Default)]
pub struct SourceCode {
    search: String,
    /// Whether nothing outside of the search path is opened.
    confined: bool,
    files: HashMap<String, Result<SourceFile, String>>,
}

impl SourceCode {
    /// Looks below the folders of `search` (separated by `:`); below the current one when it is empty.
    ///
    /// # Errors
    /// When there is no current folder.
    pub fn new(search: &str) -> io::Result<Self> {
        let search = if search.is_empty() {
            current_folder()?.to_string_lossy().into_owned()
        } else {
            search.to_owned()
        };
        Ok(Self {
            search,
            confined: false,
            files: HashMap::new(),
        })
    }

    /// As [`SourceCode::new`], for readers who are not the user: nothing outside of the search path is opened, whatever a
    /// profile names and wherever a link leads.
    ///
    /// # Errors
    /// When there is no current folder.
    pub fn confined(search: &str) -> io::Result<Self> {
        Ok(Self {
            confined: true,
            ..Self::new(search)?
        })
    }

    /// The folders that are searched.
    pub fn search_path(&self) -> &str {
        &self.search
    }

    /// The file at `path`, from which prefixes are cut already. The error is a text for the report.
    ///
    /// # Errors
    /// When it is not found.
    pub fn file(&mut self, path: &str) -> Result<&SourceFile, &str> {
        let Self {
            search,
            confined,
            files,
        } = self;
        let entry = files.entry(path.to_owned());
        let open = if *confined { open_inside } else { open };
        let file = entry.or_insert_with(|| open(path, search).map(read));
        file.as_ref().map_err(String::as_str)
    }
}

/// As much as can be read; a folder is an empty file.
fn read(mut file: File) -> SourceFile {
    let mut bytes = Vec::new();
    if file.read_to_end(&mut bytes).is_err() {
        bytes.clear();
    }
    SourceFile::new(bytes)
}

fn open(path: &str, search: &str) -> Result<File, String> {
    if path.starts_with('/') {
        return File::open(path).map_err(|e| format!("open {path}: {}", system_reason(&e)));
    }
    for folder in std::env::split_paths(search) {
        for folder in folder.ancestors() {
            if let Ok(file) = File::open(folder.join(path)) {
                return Ok(file);
            }
        }
    }
    Err(format!("could not find file {path} on path {search}"))
}

/// Sources are text; what is larger is none.
const LARGEST: u64 = 16 << 20;

/// Opens a plain file that really is inside of the search path.
fn open_inside(path: &str, search: &str) -> Result<File, String> {
    for folder in std::env::split_paths(search) {
        let (Ok(inside), Ok(real)) = (folder.canonicalize(), folder.join(path).canonicalize()) else {
            continue;
        };
        let fits = |m: &std::fs::Metadata| m.is_file() && m.len() <= LARGEST;
        if real.starts_with(&inside) && real.metadata().is_ok_and(|m| fits(&m)) {
            return File::open(real).map_err(|e| format!("open {path}: {}", system_reason(&e)));
        }
    }
    Err(format!("could not find file {path} on path {search}"))
}

/// What the system says, worded as Go words it: lower case, no number.
pub fn system_reason(e: &io::Error) -> String {
    let text = e.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

/// The current folder, by the name that the shell has for it.
fn current_folder() -> io::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let same = |a: &Path, b: &Path| {
        let id = |p: &Path| p.metadata().ok().map(|m| (m.dev(), m.ino()));
        id(a).is_some() && id(a) == id(b)
    };
    let named = std::env::var_os("PWD").filter(|pwd| Path::new(pwd).is_absolute());
    Ok(match named.as_deref().map(OsStr::new).map(Path::new) {
        Some(pwd) if same(pwd, &here) => pwd.to_owned(),
        _ => here,
    })
}

#[cfg(test)]
mod tests {
    use super::SourceFile;

    #[test]
    fn lines() {
        let file = SourceFile::new(b"a\r\n\nc".to_vec());
        assert_eq!(file.line(1), Some(&b"a"[..]));
        assert_eq!(file.line(2), Some(&b""[..]));
        assert_eq!(file.line(3), Some(&b"c"[..]));
        assert_eq!(file.line(4), None);
        assert_eq!(file.line(0), None);
        assert_eq!(file.line(i64::MIN), None);
        let mut long = b"x\n".to_vec();
        long.resize(1 << 17, b'y');
        assert_eq!(SourceFile::new(long).len(), 1);
    }
}
