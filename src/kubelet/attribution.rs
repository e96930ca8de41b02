//! Whose stack it is, and where it waits or spends.
//!
//! A stack of a kubelet has two answers worth a line: the **owner**, the part of the kubelet that answers for the work,
//! and what it is **blocked in** (goroutines, block and mutex profiles) or **spent in** (CPU, heap). "probes / CRI" tells
//! who suffers and who does not answer.
//!
//! The owner is the *outermost* frame of role owner: what a pod worker calls belongs to the pod worker, however deep.
//! `(*Kubelet).Run`, wait loops and panic handlers are wrappers and own nothing. Where no frame of the stack is an
//! owner, what started the goroutine decides: the function that created it, then the goroutine that did
//! (`goroutine_forms`). Only then may a library be named, and Go itself last. [`OwnerRule`] always says how it was
//! decided. A stack whose outermost frames are of an unknown package has no owner.
//!
//! One pass over the frames, no allocation; frames are given as the classes that `knowledge` gave their functions,
//! leaf first, inlined frames included; an address without a name is `FunctionClass::default()`.

use super::knowledge::{FunctionClass, Knowledge, Role, SubsystemId};

/// How the owner of a stack was found, from the strongest to the weakest evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OwnerRule {
    /// The outermost frame of role owner.
    OutermostOwner,
    /// The function that created the goroutine.
    CreatedBy,
    /// The owner of the goroutine that created this one.
    ParentGoroutine,
    /// No part of the kubelet is on the stack or known to have started it: the outermost library.
    OutermostLibrary,
    /// No library on the stack either, but one of them or start-up code created the goroutine.
    CreatedByLibrary,
    /// Only start-up code and wait loops, and what these wait with.
    Wrapper,
    /// Only the Go runtime and the plain standard library.
    Runtime,
    /// None: the outermost known frame is called by a package the table does not have.
    UnknownPackage,
    /// None: the outermost known frame is called by frames without a name; symbols would help.
    Unsymbolized,
    /// None: the stack has no frames.
    NoFrames,
}

impl OwnerRule {
    /// Spelling in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutermostOwner => "outermost owner",
            Self::CreatedBy => "created by",
            Self::ParentGoroutine => "parent goroutine",
            Self::OutermostLibrary => "outermost library",
            Self::CreatedByLibrary => "created by library",
            Self::Wrapper => "wrapper",
            Self::Runtime => "runtime",
            Self::UnknownPackage => "unknown package",
            Self::Unsymbolized => "unsymbolized",
            Self::NoFrames => "no frames",
        }
    }

    /// Whether a part of the kubelet was found, not merely a library, a wrapper or Go.
    pub fn is_kubelet(self) -> bool {
        self <= Self::ParentGoroutine
    }
}

/// What a stack's values count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sense {
    /// Goroutines and time spent waiting: the question is what they wait for.
    Waiting,
    /// CPU time, memory: the question is what it went into.
    Spending,
}

/// What is known of a stack besides its frames.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clues {
    /// Function behind `created by`.
    pub created_by: Option<FunctionClass>,
    /// What the goroutine's state says, see [`Knowledge::classify_wait`].
    pub wait: Option<FunctionClass>,
}

/// The answer for one stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attribution {
    /// Whose work it is; `None` only by the rules that say so.
    pub owner: Option<SubsystemId>,
    /// How the owner was found.
    pub how: OwnerRule,
    /// The frame that decided, counted from the leaf; where there is no owner, the frame that prevents it. `None` when it is not
    /// on this stack.
    pub owner_frame: Option<u32>,
    /// Whether the owner runs inside of start-up code, as the sync loop does inside of `(*Kubelet).Run`. What its goroutine
    /// created may stem from the start and is not handed on to it.
    pub below_start: bool,
    /// The innermost part of the kubelet on the stack, where it is another one than the owner: the volume manager below a
    /// pod worker.
    pub within: Option<SubsystemId>,
    /// What it waits for, or what was spent in, inside of the innermost part of the kubelet; `None` for own code.
    pub blocked_in: Option<SubsystemId>,
}

impl Attribution {
    /// The owner of the goroutine that created this one answers for it, where its own stack names no part of the kubelet.
    #[must_use]
    pub fn or_parent(self, parent: Option<SubsystemId>) -> Self {
        match parent {
            Some(owner) if !self.how.is_kubelet() => Self {
                owner: Some(owner),
                how: OwnerRule::ParentGoroutine,
                owner_frame: None,
                blocked_in: self.blocked_in.filter(|&id| id != owner),
                within: self.within.filter(|&id| id != owner),
                ..self
            },
            _ => self,
        }
    }
}

#[derive(Clone, Copy)]
struct Found {
    id: SubsystemId,
    frame: u32,
}

/// Attributes one stack, leaf first.
pub fn attribute(leaf_first: impl IntoIterator<Item = FunctionClass>, sense: Sense, clues: Clues) -> Attribution {
    let mut seen = Seen::default();
    for (index, class) in leaf_first.into_iter().enumerate() {
        seen.frame(class, u32::try_from(index).unwrap_or(u32::MAX));
    }
    seen.decide(sense, clues)
}

/// What one pass over a stack leaves behind. "First" is innermost, "last" outermost.
#[derive(Default)]
struct Seen {
    first_owner: Option<SubsystemId>,
    last_owner: Option<Found>,
    last_library: Option<Found>,
    last_wrapper: Option<Found>,
    last_runtime: Option<Found>,
    last_plain: Option<Found>,
    /// With whether it has a name.
    last_unknown: Option<(u32, bool)>,
    /// These look at the frames inside of the innermost owner only.
    inner_boundary: Option<SubsystemId>,
    inner_library: Option<SubsystemId>,
    inner_last_library: Option<SubsystemId>,
    /// And this one only at the leaf, up to the first frame that is neither runtime nor plain.
    leaf_runtime: Option<SubsystemId>,
    left_leaf: bool,
    last_start: Option<u32>,
    /// An owner was found inside of a start-up frame: owners further out only triggered the start.
    sealed: bool,
}

impl Seen {
    fn frame(&mut self, class: FunctionClass, frame: u32) {
        let Some((id, role)) = class.known else {
            self.last_unknown = Some((frame, class.named));
            self.left_leaf = true;
            return;
        };
        let found = Some(Found { id, frame });
        let inside = self.first_owner.is_none();
        match role {
            Role::Owner => {
                self.first_owner.get_or_insert(id);
                if !self.sealed {
                    self.last_owner = found;
                }
            }
            Role::Start => {
                self.last_start = Some(frame);
                self.sealed = self.last_owner.is_some();
                self.last_wrapper = found;
            }
            Role::Wrapper => self.last_wrapper = found,
            Role::Boundary | Role::Library => {
                self.last_library = found;
                if inside {
                    self.inner_library.get_or_insert(id);
                    self.inner_last_library = Some(id);
                    if role == Role::Boundary {
                        self.inner_boundary.get_or_insert(id);
                    }
                }
            }
            Role::Runtime => {
                self.last_runtime.get_or_insert(Found { id, frame });
                if !self.left_leaf {
                    self.leaf_runtime.get_or_insert(id);
                }
            }
            Role::Plain => self.last_plain = found,
        }
        self.left_leaf |= !matches!(role, Role::Runtime | Role::Plain);
    }

    fn decide(self, sense: Sense, clues: Clues) -> Attribution {
        let (owner, how, owner_frame) = self.owner(clues);
        let not_owner = |id: Option<SubsystemId>| id.filter(|id| Some(*id) != owner);
        let library = match sense {
            Sense::Waiting => not_owner(self.inner_boundary).or(not_owner(self.inner_last_library)),
            Sense::Spending => not_owner(self.inner_library),
        };
        let wait = clues.wait.and_then(FunctionClass::subsystem);
        Attribution {
            owner,
            how,
            owner_frame,
            below_start: owner_frame.is_some() && self.last_start > owner_frame,
            within: not_owner(self.first_owner),
            blocked_in: library.or(not_owner(self.leaf_runtime)).or(not_owner(wait)),
        }
    }

    fn owner(&self, clues: Clues) -> (Option<SubsystemId>, OwnerRule, Option<u32>) {
        let with = |found: Found, rule| (Some(found.id), rule, Some(found.frame));
        if let Some(found) = self.last_owner {
            return with(found, OwnerRule::OutermostOwner);
        }
        if let Some((id, Role::Owner)) = clues.created_by.and_then(|class| class.known) {
            return (Some(id), OwnerRule::CreatedBy, None);
        }
        // Somebody unknown calls the outermost library: it is his, not the library's.
        let meaningful = self.last_library.or(self.last_wrapper).map(|found| found.frame);
        if let Some((unknown, named)) = self.last_unknown
            && meaningful.is_none_or(|frame| frame < unknown)
        {
            let rule = if named {
                OwnerRule::UnknownPackage
            } else {
                OwnerRule::Unsymbolized
            };
            return (None, rule, Some(unknown));
        }
        if let Some(found) = self.last_library {
            return with(found, OwnerRule::OutermostLibrary);
        }
        if let Some((id, Role::Boundary | Role::Library | Role::Start)) = clues.created_by.and_then(|class| class.known)
        {
            return (Some(id), OwnerRule::CreatedByLibrary, None);
        }
        if let Some(found) = self.last_wrapper {
            return with(found, OwnerRule::Wrapper);
        }
        if let Some(found) = self.last_runtime.or(self.last_plain) {
            return with(found, OwnerRule::Runtime);
        }
        match clues.wait.and_then(FunctionClass::subsystem) {
            Some(id) => (Some(id), OwnerRule::Runtime, None),
            None => (None, OwnerRule::NoFrames, None),
        }
    }
}

/// Goroutine states of a `debug=2` dump and a function that waits in that way; longest first where one begins another.
const WAITS: &[(&str, &str)] = &[
    ("chan receive", "runtime.chanrecv1"),
    ("chan send", "runtime.chansend1"),
    ("select", "runtime.selectgo"),
    ("semacquire", "sync.(*Mutex).Lock"),
    ("sync.Mutex", "sync.(*Mutex).Lock"),
    ("sync.RWMutex", "sync.(*RWMutex).Lock"),
    ("sync.WaitGroup", "sync.(*WaitGroup).Wait"),
    ("sync.Cond", "sync.(*Cond).Wait"),
    ("sleep", "time.Sleep"),
    ("IO wait", "internal/poll.runtime_pollWait"),
    ("syscall", "syscall.Syscall"),
    ("GC ", "runtime.gcBgMarkWorker"),
    ("finalizer wait", "runtime.runfinq"),
    ("cleanup wait", "runtime.runCleanups"),
    ("force gc", "runtime.forcegchelper"),
];

impl Knowledge {
    /// What a goroutine's state says it waits for: `chan receive` is the channels' subsystem. Run states say nothing.
    pub fn classify_wait(&self, state: &str) -> Option<FunctionClass> {
        let (_, function) = WAITS.iter().find(|(start, _)| state.starts_with(start))?;
        Some(self.classify_function(function, ""))
    }
}
