//! Query -> report: what is asked of a profile, and the answers as plain data.
//!
//! A [`Query`] is prepared once into a [`View`] (pseudo frames, total, filters, granularity, in the order of
//! `go tool pprof`); every report is a function from a `View` to a struct with public fields. Nothing here prints: `render`
//! does.

mod goroutines;
mod graph;
mod report;
mod view;

use view::{go_regexp, scope};

pub use goroutines::cohorts::{Cohort, CohortWeight};
pub use goroutines::join::{JoinedForms, describe_by_dump, label_by_profile};
pub use goroutines::tally::{Counted, Waits};
pub use goroutines::{
    Bucket, BucketSort, GoroutineFrame, GoroutineQuery, Goroutines, LabelValues, Part, Similarity, StartedBy,
    goroutines,
};
pub use graph::nodes::NodeInfo;
pub(crate) use graph::nodes::base_name;
pub use graph::trim::{TrimMode, Trimmed, trimmed_graph};
pub use graph::{Edge, EdgeId, Graph, InlineMark, Node, NodeId};
pub use report::assembly::{Assembly, AssemblyLine, Routine, RoutineOrder, assembly};
pub use report::callgrind::{CallCost, CallCosts, call_costs};
pub use report::diff::{Diff, DiffRow, diff};
pub use report::disasm::{AddressCosts, DisassembledFunction, Disassembly, InstructionCost, disassembly};
pub use report::dot::{Drawing, DrawnEdge, DrawnNode, DrawnSize, DrawnTag, drawing};
pub use report::dot_labels::{NodeTags, Tag};
pub use report::flame::{Flame, FlameColumn, FlameLimits, FlameNodes, HiddenFrames, ROOT, flame};
pub use report::flame_rows::{FlameMoment, FlameRows};
pub use report::header::Header;
pub use report::inspect::{Attributed, Census, MappedFile, TypeSum, census};
pub use report::line_code::{LineCode, LineInstruction, line_code};
pub use report::list::{InlinedCall, ListedFile, ListedFunction, ListedLine, Listing, list, list_sources};
pub use report::moves::{Move, Place as WaitPlace};
pub use report::named_stacks::{Comparison, FrameName, FrameSubsystem, NamedStacks, StackType, named_stacks};
pub use report::tags::{TagKey, TagValue, Tags, tags};
pub use report::top::{Top, TopRow, top};
pub use report::topproto::top_profile;
pub use report::traces::{Trace, Traces, traces};
pub use report::tree::{Tree, TreeEdge, TreeNode, tree};
pub use view::filter::{drop_frames, drop_nameless_leaves, drop_padding, drop_runtime_frames, drop_what_dumps_know};
pub use view::go_regexp::Expression;
pub use view::inlining::Inlining;
pub use view::moments::moments;
pub use view::origin::Origin;
pub use view::query::{Dialect, Granularity, Query, QueryError, Sort, Trim};
pub use view::sampling::Sampling;
pub use view::subsystems::{Lens, Place};
pub use view::subtract::{compare, forget_periods, keep_periods};
pub use view::{Note, Outside, View, prepare, prepare_knowing, prepare_subject, sample_index, trimmed_path};
