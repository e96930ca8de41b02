//! Cluster -> bundle: takes what a kubelet can say of itself, and explains who refuses and why.
//!
//! [`endpoints`] knows what there is to ask and in which order; [`transport`] asks, through the API server, a `kubectl proxy`
//! or directly; [`refusal`] explains what did not come; [`preflight`] says beforehand what will be refused; [`schedule`] says
//! when; [`binary`] fetches the executable; [`session`] runs the plan for every node and writes what comes to a bundle. Whatever happens, what was taken stays
//! taken: a failing artifact never stops the others, and a bundle is valid at every moment.
//!
//! The only room with a network. Nothing here prints: [`progress`] tells whoever watches.

pub mod binary;
mod clock;
pub mod endpoints;
pub mod facts;
pub mod mask;
pub mod preflight;
pub mod progress;
pub mod refusal;
pub mod schedule;
pub mod session;
pub mod transport;
