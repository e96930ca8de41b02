//! Statistics of few, sampled numbers. Pure functions, tested against enumeration and simulation.

pub mod sampling;
