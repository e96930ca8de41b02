//! A **Bundle** holds **Profiles** and the kubelet **Binary** they came from. A **Query** says what to look at. Every
//! analysis answers a query with a **Report**. A renderer turns a report into text, JSON or HTML.
//!
//! The modules stand in the order in which they may use each other; `tests/house/layers.rs` holds them to it.
#![deny(clippy::print_stderr)] // it panics when nobody reads it; `cli::say` does not

pub mod analysis;
pub mod bundle;
#[cfg(feature = "capture")]
pub mod capture;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod diagnose;
pub mod input;
pub mod kubelet;
pub mod model;
pub mod pprof;
pub mod render;
pub mod report;
pub mod secrets;
pub mod symbolize;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "web")]
pub mod web;
