//! What sources are: series of files and bundles, in order, by process; each opened once; the library and the command.

mod folders;
mod library;
mod opens;
mod series;
