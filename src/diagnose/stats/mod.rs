//! Statistics of few, sampled numbers. Pure functions, tested against enumeration and simulation.

pub mod counts;
pub mod fdr;
pub mod permutation;
pub mod sampling;
pub mod slope;
pub mod trend;
pub mod weighted;
