//! Hostile profiles. A binary of its own, because its allocator counts what a decoder holds.

mod profiles;
mod reports;
