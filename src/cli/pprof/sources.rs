//! Source files for `list` and `weblist`: paths cut as the query says, then looked up on this machine.

use std::io;

use crate::analysis::{Query, trimmed_path};
use crate::render::{Lines, SourceCode, SourceLookup};

/// Source files below the query's `source_path`.
pub(in crate::cli) struct LocalSources {
    code: SourceCode,
    trim: String,
}

impl LocalSources {
    /// Where the query says, or below the current folder.
    pub(in crate::cli) fn new(query: &Query) -> io::Result<Self> {
        Ok(Self {
            code: SourceCode::new(&query.source_path)?,
            trim: query.trim_path.clone(),
        })
    }

    /// For readers who are not the user: nothing outside of those folders is opened.
    #[cfg(feature = "web")]
    pub(in crate::cli) fn confined(query: &Query) -> io::Result<Self> {
        Ok(Self {
            code: SourceCode::confined(&query.source_path)?,
            trim: query.trim_path.clone(),
        })
    }
}

impl SourceLookup for LocalSources {
    fn open(&mut self, path: &str) -> Result<Lines<'_>, String> {
        let path = trimmed_path(path, &self.trim, self.code.search_path()).to_owned();
        match self.code.file(&path) {
            Ok(file) => Ok(Box::new(move |n| file.line(n))),
            Err(reason) => Err(reason.to_owned()),
        }
    }
}
