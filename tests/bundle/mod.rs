//! Bundles as they are written and read, through the public API.

mod hostile;
pub(crate) mod made_bundle;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod once;
mod writer;
