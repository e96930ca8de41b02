//! What holds for the sources themselves.

mod codegen;
mod layers;
