//! Bundles as they are written and read, through the public API.

#[cfg(feature = "cli")]
mod archives;
mod counts;
mod hostile;
pub(crate) mod made_bundle;
#[cfg(feature = "cli")]
mod made_tar;
#[cfg(feature = "cli")]
mod manifests;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod once;
mod verify;
mod writer;
