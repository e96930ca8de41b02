//! What holds for the sources themselves.

mod codegen;
mod layers;
#[cfg(feature = "cli")]
pub(crate) mod options;
