//! `kubeprof capture` against servers of the tests' own, which play API servers and kubelets, also when they misbehave.
#![cfg(all(feature = "capture", feature = "cli"))]

mod binary;
mod broken;
mod credentials;
mod diagnose;
mod matrix;
mod panics;
mod places;
mod preflight;
mod refusals;
mod restarts;
mod resume;
mod run;
mod sentinels;
mod series;
mod server;
mod strangers;
mod tls;
mod whole;
