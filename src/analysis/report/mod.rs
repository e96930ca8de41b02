//! One analysis a file: a view in, a report out, which is plain data.

pub(in crate::analysis) mod assembly;
pub(in crate::analysis) mod callgrind;
pub(in crate::analysis) mod diff;
pub(in crate::analysis) mod disasm;
pub(in crate::analysis) mod dot;
pub(in crate::analysis) mod dot_labels;
pub(in crate::analysis) mod flame;
mod flame_order;
pub(in crate::analysis) mod flame_rows;
pub(in crate::analysis) mod header;
pub(in crate::analysis) mod inspect;
pub(in crate::analysis) mod line_code;
pub(in crate::analysis) mod list;
pub(in crate::analysis) mod moves;
pub(in crate::analysis) mod named_stacks;
pub(in crate::analysis) mod tags;
pub(in crate::analysis) mod top;
pub(in crate::analysis) mod topproto;
pub(in crate::analysis) mod traces;
pub(in crate::analysis) mod tree;
