//! Reports in the very bytes of `go tool pprof`.

mod callgrind;
mod disasm;
mod dot;
pub(super) mod go_time;
mod header;
mod labels;
mod list;
mod local_zone;
mod raw;
mod short_name;
mod svg;
mod tabs;
mod tags;
mod top;
pub(super) mod traces;
mod tree;
mod weblist;

pub use callgrind::callgrind;
pub use disasm::disasm;
pub use dot::dot;
pub use header::facts;
pub use list::list;
pub use raw::{comments, raw};
pub use svg::interactive_svg;
pub use tags::tags;
pub use top::top;
pub use traces::traces;
pub use tree::tree;
pub use weblist::{source_listing, weblist};
