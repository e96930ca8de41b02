//! `kubeprof capture` against servers of the tests' own, which play API servers and kubelets, also when they misbehave.
#![cfg(all(feature = "capture", feature = "cli"))]

mod broken;
mod refusals;
mod run;
mod server;
mod whole;
