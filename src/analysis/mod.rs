//! Query -> report: what is asked of a profile, and the answers as plain data.
//!
//! A [`Query`] is prepared once into a [`View`] (pseudo frames, total, filters, granularity, in the order of
//! `go tool pprof`); every report is a function from a `View` to a struct with public fields. Nothing here prints: `render`
//! does.

mod ask;
mod call_costs;
mod call_tree;
mod census;
mod compare;
mod diff;
mod drawing;
mod expression;
mod filter;
mod flame;
mod flame_rows;
mod goroutine_cohorts;
mod goroutine_join;
mod goroutine_tally;
mod goroutines;
mod graph;
mod header;
mod inlining;
mod instructions;
mod lens;
mod list;
mod moments;
mod names;
mod nodelets;
mod origin;
mod query;
mod sampling;
mod scope;
mod stacks;
mod tag_filter;
mod tag_frames;
mod tags;
mod top;
mod top_profile;
mod traces;
mod tree;
mod trim;
mod view;
mod walk;

pub use call_costs::{CallCost, CallCosts, call_costs};
pub use census::{Attributed, Census, MappedFile, TypeSum, census};
pub use compare::{compare, forget_periods, keep_periods};
pub use diff::{Diff, DiffRow, diff};
pub use drawing::{Drawing, DrawnEdge, DrawnNode, DrawnSize, DrawnTag, drawing};
pub use expression::Expression;
pub use filter::{drop_frames, drop_nameless_leaves, drop_padding, drop_runtime_frames};
pub use flame::{Flame, FlameColumn, FlameLimits, FlameNodes, HiddenFrames, ROOT, flame};
pub use flame_rows::{FlameMoment, FlameRows};
pub use goroutine_cohorts::{Cohort, CohortWeight};
pub use goroutine_join::{JoinedForms, describe_by_dump, label_by_profile};
pub use goroutine_tally::{Counted, Waits};
pub use goroutines::{
    Bucket, BucketSort, GoroutineFrame, GoroutineQuery, Goroutines, LabelValues, Part, Similarity, StartedBy,
    goroutines,
};
pub use graph::{Edge, EdgeId, Graph, InlineMark, Node, NodeId};
pub use header::Header;
pub use inlining::Inlining;
pub use instructions::{AddressCosts, DisassembledFunction, Disassembly, InstructionCost, disassembly};
pub use lens::{Lens, Place};
pub use list::{InlinedCall, ListedFile, ListedFunction, ListedLine, Listing, list, list_sources};
pub use moments::moments;
pub use names::NodeInfo;
pub(crate) use names::base_name;
pub use nodelets::{NodeTags, Tag};
pub use origin::Origin;
pub use query::{Dialect, Granularity, Query, QueryError, Sort, Trim};
pub use sampling::Sampling;
pub use stacks::{Comparison, FrameName, FrameSubsystem, NamedStacks, StackType, named_stacks};
pub use tags::{TagKey, TagValue, Tags, tags};
pub use top::{Top, TopRow, top};
pub use top_profile::top_profile;
pub use traces::{Trace, Traces, traces};
pub use tree::{Tree, TreeEdge, TreeNode, tree};
pub use trim::{TrimMode, Trimmed, trimmed_graph};
pub use view::{Note, Outside, View, prepare, prepare_knowing, prepare_subject, sample_index, trimmed_path};
