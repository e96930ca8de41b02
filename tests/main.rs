//! Every test that needs no machine of its own, in one binary: one link, one set-up. One folder a room.

mod analysis;
mod binaries;
mod bundle;
mod capture;
mod cli;
mod gate;
mod house;
mod input;
mod kubelet;
mod model;
mod pprof;
mod redaction;
mod report;
mod simulation;
mod symbolize;
mod ward;
#[cfg(feature = "web")]
mod web;
