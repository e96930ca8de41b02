//! The tables of a profile, through the public API.

mod merge;
mod units;
