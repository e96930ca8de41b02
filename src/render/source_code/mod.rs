//! Source files on this machine, for the reports that show their lines: renderers ask a [`SourceLookup`].

mod go_builds;
mod search_path;

pub use go_builds::GoSources;
pub use search_path::{SourceCode, SourceFile, system_reason};

/// The lines of one file, by number from 1.
pub type Lines<'a> = Box<dyn Fn(i64) -> Option<&'a [u8]> + 'a>;

/// Source files by the names that profiles have for them.
pub trait SourceLookup {
    /// The lines of a file.
    ///
    /// # Errors
    /// A text for the report when there is no such file.
    fn open(&mut self, path: &str) -> Result<Lines<'_>, String>;
}
