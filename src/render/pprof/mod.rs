//! Reports in the very bytes of `go tool pprof`.

mod go_time;
mod header;
mod raw;
mod tags;
mod top;
mod traces;
mod tree;

pub use raw::{comments, raw};
pub use tags::tags;
pub use top::top;
pub use traces::traces;
pub use tree::tree;
