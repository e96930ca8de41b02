//! The goroutines of one moment as groups: the same functions, the same creator, the same way of waiting.
//!
//! States and waits come from the labels that a dump leaves; a profile of the same moment has neither, and what its
//! goroutines wait in is then read off the runtime's own frames at the leaf.

use rustc_hash::FxHashMap;

use super::book::{Book, NameId};
use crate::kubelet::{Attribution, Clues, FunctionClass, Sense, SubsystemId, attribute};
use crate::model::{Label, Profile, StringId, goroutine_label};

/// How a goroutine waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Wait {
    /// It runs or could.
    Running,
    /// In a system call.
    Syscall,
    /// For a file descriptor.
    Network,
    Select,
    Receive,
    Send,
    /// For a mutex or a read-write mutex.
    Lock,
    Cond,
    Group,
    Sleep,
    /// For the runtime itself.
    Runtime,
    /// Forever: a nil channel or an empty select.
    Never,
    Unknown,
}

impl Wait {
    pub(crate) fn of_state(state: &str) -> Self {
        let is = |start: &str| state.starts_with(start);
        match () {
            () if is("running") || is("runnable") || is("preempted") => Self::Running,
            () if is("syscall") => Self::Syscall,
            () if is("IO wait") => Self::Network,
            () if is("select (no cases)") || state.contains("(nil chan)") => Self::Never,
            () if is("select") => Self::Select,
            () if is("chan receive") => Self::Receive,
            () if is("chan send") => Self::Send,
            () if is("semacquire") || is("sync.Mutex") || is("sync.RWMutex") => Self::Lock,
            () if is("sync.Cond") => Self::Cond,
            () if is("sync.WaitGroup") => Self::Group,
            () if is("sleep") => Self::Sleep,
            () if is("GC ") || is("finalizer") || is("cleanup") || is("force gc") || is("GOMAXPROCS") => Self::Runtime,
            () => Self::Unknown,
        }
    }

    /// What the innermost frames say; several functions of the runtime may stand before the one that tells.
    fn of_leaf(leaf_first: &mut dyn Iterator<Item = &str>) -> Self {
        for key in leaf_first.take(8) {
            let found = match key {
                "runtime.selectgo" => Self::Select,
                "runtime.chanrecv" | "runtime.chanrecv1" | "runtime.chanrecv2" => Self::Receive,
                "runtime.chansend" | "runtime.chansend1" => Self::Send,
                "sync.runtime_notifyListWait" | "sync.(*Cond).Wait" => Self::Cond,
                "sync.(*WaitGroup).Wait" | "sync.runtime_SemacquireWaitGroup" => Self::Group,
                "time.Sleep" => Self::Sleep,
                "internal/poll.runtime_pollWait" | "runtime.netpollblock" | "net.(*pollDesc).Wait" => Self::Network,
                "runtime.notetsleepg" | "runtime.entersyscall" | "runtime.asyncPreempt" => continue,
                "runtime.block" => Self::Never,
                "runtime.goexit" => continue,
                _ if key.starts_with("sync.(*Mutex).")
                    || key.starts_with("sync.(*RWMutex).")
                    || key.starts_with("internal/sync.(*Mutex).")
                    || matches!(
                        key,
                        "sync.runtime_SemacquireMutex"
                            | "sync.runtime_SemacquireRWMutexR"
                            | "sync.runtime_SemacquireRWMutex"
                            | "internal/sync.runtime_SemacquireMutex"
                    ) =>
                {
                    Self::Lock
                }
                _ if key.starts_with("syscall.")
                    || key.starts_with("internal/runtime/syscall.")
                    || key.starts_with("golang.org/x/sys/unix.") =>
                {
                    Self::Syscall
                }
                _ if key.starts_with("runtime.") || key.starts_with("sync.runtime_") => continue,
                _ => return Self::Unknown,
            };
            return found;
        }
        Self::Unknown
    }

    /// For people: as Go's dumps spell it.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Syscall => "syscall",
            Self::Network => "IO wait",
            Self::Select => "select",
            Self::Receive => "chan receive",
            Self::Send => "chan send",
            Self::Lock => "lock",
            Self::Cond => "sync.Cond.Wait",
            Self::Group => "sync.WaitGroup.Wait",
            Self::Sleep => "sleep",
            Self::Runtime => "runtime",
            Self::Never => "nothing can wake it",
            Self::Unknown => "",
        }
    }
}

/// Number of a stack over all moments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct StackKey(pub(super) u32);

/// All distinct stacks seen so far, as functions, leaf first.
#[derive(Debug, Default)]
pub(crate) struct StackBook {
    stacks: Vec<Box<[NameId]>>,
    by_frames: FxHashMap<Box<[NameId]>, StackKey>,
}

impl StackBook {
    pub(crate) fn intern(&mut self, frames: &[NameId]) -> StackKey {
        if let Some(&key) = self.by_frames.get(frames) {
            return key;
        }
        let key = StackKey(u32::try_from(self.stacks.len()).unwrap_or(u32::MAX));
        self.stacks.push(frames.into());
        self.by_frames.insert(frames.into(), key);
        key
    }

    pub(crate) fn get(&self, key: StackKey) -> &[NameId] {
        &self.stacks[key.0 as usize]
    }
}

/// Alike goroutines of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) stack: StackKey,
    pub(crate) creator: Option<NameId>,
    pub(crate) wait: Wait,
    pub(crate) attribution: Attribution,
    pub(crate) count: u64,
    /// Whole minutes and how many goroutines, shortest first; those without a known wait are missing.
    pub(crate) waits: Vec<(u64, u64)>,
    /// Marked by the runtime as leaked.
    pub(crate) leaked: u64,
    /// Numbers of the goroutines, where the dump has them.
    pub(crate) ids: Vec<u64>,
}

impl Group {
    /// Shortest and longest known wait.
    pub(crate) fn span(&self) -> Option<(u64, u64)> {
        Some((self.waits.first()?.0, self.waits.last()?.0))
    }

    pub(crate) fn max_wait(&self) -> u64 {
        self.waits.last().map_or(0, |w| w.0)
    }

    /// How many have waited at least so long.
    pub(crate) fn at_least(&self, minutes: u64) -> u64 {
        self.waits.iter().filter(|w| w.0 >= minutes).map(|w| w.1).sum()
    }

    /// How many have any known wait.
    pub(crate) fn with_wait(&self) -> u64 {
        self.waits.iter().map(|w| w.1).sum()
    }
}

/// The goroutines of one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crowd {
    pub(crate) groups: Vec<Group>,
    pub(crate) total: u64,
    /// The source knows states, so a goroutine without a wait has waited for less than a minute.
    pub(crate) knows_waits: bool,
    /// Goroutines by owner.
    pub(crate) leaked: u64,
}

impl Crowd {
    /// Reads a goroutine profile.
    pub(crate) fn of(p: &Profile, book: &mut Book, stacks: &mut StackBook) -> Self {
        Self::of_dump(p, &[], book, stacks)
    }

    /// Whether goroutines are numbered.
    pub(crate) fn has_ids(&self) -> bool {
        self.groups.iter().any(|g| !g.ids.is_empty())
    }

    /// The same of a dump that numbers its goroutines: their numbers and samples.
    pub(crate) fn of_dump(p: &Profile, ids: &[(u64, u32)], book: &mut Book, stacks: &mut StackBook) -> Self {
        let (mut crowd, groups_of_samples) = Self::with_samples(p, book, stacks);
        for &(id, sample) in ids {
            let group = groups_of_samples.get(sample as usize).copied().flatten();
            if let Some(group) = group.and_then(|g| crowd.groups.get_mut(g as usize)) {
                group.ids.push(id);
            }
        }
        crowd
    }

    /// A crowd, and the number of the group that each sample is counted in.
    pub(super) fn with_samples(p: &Profile, book: &mut Book, stacks: &mut StackBook) -> (Self, Vec<Option<u32>>) {
        let mut groups_of_samples = vec![None; p.samples.len()];
        let names = book.functions(p);
        let keys = Keys::of(p);
        let mut crowd = Self::default();
        let mut index: FxHashMap<(StackKey, Option<NameId>, Wait, Option<SubsystemId>), usize> = FxHashMap::default();
        let mut frames: Vec<NameId> = Vec::new();
        for (i, group_of_sample) in groups_of_samples.iter_mut().enumerate() {
            let count = u64::try_from(p.samples.values(i).first().copied().unwrap_or(0)).unwrap_or(0);
            if count == 0 {
                continue;
            }
            let labels = p.samples.labels(i);
            frames.clear();
            let mut unnamed = false;
            for &l in p.stack(p.samples.stack(i)) {
                let lines = p.lines_of(l);
                unnamed |= lines.is_empty();
                frames.extend(lines.iter().map(|line| names[line.function.index()]));
            }
            let state = keys.text(labels, keys.state).map(|id| p.text(id));
            crowd.knows_waits |= state.is_some();
            let wait = match state {
                Some(state) => Wait::of_state(state),
                None => Wait::of_leaf(&mut frames.iter().map(|&f| book.key(f))),
            };
            let creator = keys.text(labels, keys.created_by).map(|id| book.name(p.text(id), ""));
            let parent = (keys.text(labels, keys.parent_owner)).and_then(|id| book.knowledge.by_key(p.text(id)));
            let leaked = if keys.text(labels, keys.leaked).is_some() {
                count
            } else {
                0
            };
            let minutes = keys.number(labels, keys.wait);
            let stack = stacks.intern(&frames);
            let at = *index.entry((stack, creator, wait, parent)).or_insert_with(|| {
                let clues = Clues {
                    created_by: creator.map(|id| book.get(id).class),
                    wait: state.and_then(|s| book.knowledge.classify_wait(s)),
                };
                let unknown = unnamed.then(FunctionClass::default);
                let classes = frames.iter().map(|&f| book.get(f).class).chain(unknown);
                let found = attribute(classes, Sense::Waiting, clues);
                crowd.groups.push(Group {
                    stack,
                    creator,
                    wait,
                    attribution: found.or_parent(parent),
                    count: 0,
                    waits: Vec::new(),
                    leaked: 0,
                    ids: Vec::new(),
                });
                crowd.groups.len() - 1
            });
            *group_of_sample = u32::try_from(at).ok();
            let group = &mut crowd.groups[at];
            group.count += count;
            group.leaked += leaked;
            if let Some(minutes) = minutes.filter(|&m| m > 0) {
                match group.waits.binary_search_by_key(&minutes, |w| w.0) {
                    Ok(at) => group.waits[at].1 += count,
                    Err(at) => group.waits.insert(at, (minutes, count)),
                }
            }
            crowd.total += count;
            crowd.leaked += leaked;
        }
        (crowd, groups_of_samples)
    }
}

/// Ids of the labels that dumps leave.
struct Keys {
    state: Option<StringId>,
    wait: Option<StringId>,
    created_by: Option<StringId>,
    parent_owner: Option<StringId>,
    leaked: Option<StringId>,
}

impl Keys {
    fn of(p: &Profile) -> Self {
        Self {
            state: p.strings.find(goroutine_label::STATE),
            wait: p.strings.find(goroutine_label::WAIT),
            created_by: p.strings.find(goroutine_label::CREATED_BY),
            parent_owner: p.strings.find(goroutine_label::PARENT_OWNER),
            leaked: p.strings.find(goroutine_label::LEAKED),
        }
    }

    /// A goroutine's own labels stand before those of the dump.
    fn text(&self, labels: &[Label], key: Option<StringId>) -> Option<StringId> {
        let key = key?;
        labels.iter().rev().find(|l| l.key == key).map(|l| l.text)
    }

    fn number(&self, labels: &[Label], key: Option<StringId>) -> Option<u64> {
        let key = key?;
        let label = labels.iter().rev().find(|l| l.key == key)?;
        u64::try_from(label.number).ok()
    }
}
