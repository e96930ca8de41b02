//! How renderers get at source lines: whoever opens files implements [`SourceLookup`].

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
