//! Reports in the very bytes of `go tool pprof`.

mod dot;
pub(super) mod go_time;
mod header;
mod raw;
mod short_name;
mod tags;
mod top;
mod traces;
mod tree;

pub use dot::dot;
pub use raw::{comments, raw};
pub use tags::tags;
pub use top::top;
pub use traces::traces;
pub use tree::tree;
