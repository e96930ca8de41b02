//! Bundles as they are written and read, through the public API.

mod hostile;
pub(crate) mod made_bundle;
mod writer;
