//! What names mean: the table of subsystems, owners, names of Go.

mod attribution;
mod go_names;
mod knowledge;
mod package_pattern;
