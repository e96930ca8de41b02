//! What is usual: which loops a kubelet has and where they may stand for how long. The data are `knowledge.json`.

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::book::{Book, NameId};
use super::crowd::{Group, StackBook};
use super::place::Place;
use super::report::FarEnd;
use crate::kubelet::SubsystemId;

/// How many of a loop there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Per {
    Node,
    Pod,
    Container,
    Probe,
    Cgroup,
    /// A connection, a watch, a plugin, a request: no number of the node bounds it.
    Other,
}

/// A loop of the kubelet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Loop {
    /// Key of the subsystem that owns it.
    pub(super) owner: String,
    /// What it is per.
    pub(super) per: Per,
    /// At most so many per one of these.
    #[serde(default = "one")]
    pub(super) most: f64,
}

fn one() -> f64 {
    1.0
}

/// A place that looks like a call and is home to somebody.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Usual {
    function: String,
    #[serde(rename = "why")]
    _why: String,
}

/// A wait inside of the kubelet and who ends it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WaitsFor {
    function: String,
    part: String,
}

/// How long a call may last.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallLimit {
    far_end: String,
    #[serde(default)]
    method: String,
    longest_minutes: u64,
}

#[derive(Deserialize)]
struct File {
    loops: Vec<Loop>,
    usual: Vec<Usual>,
    waits_for: Vec<WaitsFor>,
    calls: Vec<CallLimit>,
}

/// All expectations, ready for look-ups.
#[derive(Debug)]
pub(super) struct Expectations {
    loops: FxHashMap<String, Loop>,
    usual: Patterns<()>,
    waits_for: Patterns<String>,
    calls: Vec<CallLimit>,
}

/// Function patterns: a name, with its closures, or everything that begins so where it ends with `*`.
#[derive(Debug)]
struct Patterns<T> {
    exact: FxHashMap<String, T>,
    open: Vec<(String, T)>,
}

impl<T> Patterns<T> {
    fn new(all: impl Iterator<Item = (String, T)>) -> Self {
        let mut patterns = Self {
            exact: FxHashMap::default(),
            open: Vec::new(),
        };
        for (pattern, value) in all {
            match pattern.strip_suffix('*') {
                Some(open) => patterns.open.push((open.to_owned(), value)),
                None => drop(patterns.exact.insert(pattern, value)),
            }
        }
        patterns
    }

    fn find(&self, key: &str) -> Option<&T> {
        let bare = key.strip_suffix(".func").unwrap_or(key);
        let exact = self.exact.get(key).or_else(|| self.exact.get(bare));
        exact.or_else(|| {
            self.open
                .iter()
                .find(|(p, _)| key.starts_with(p.as_str()))
                .map(|(_, v)| v)
        })
    }
}

const BUILTIN: &str = include_str!("knowledge.json");

impl Expectations {
    /// Those that kubeprof comes with.
    ///
    /// # Panics
    /// Never: the file is a part of the program and a test reads it.
    pub(super) fn builtin() -> Self {
        let file: File = serde_json::from_str(BUILTIN).unwrap_or_else(|e| panic!("knowledge.json: {e}"));
        Self {
            loops: file.loops.into_iter().map(|l| (l.owner.clone(), l)).collect(),
            usual: Patterns::new(file.usual.into_iter().map(|u| (u.function, ()))),
            waits_for: Patterns::new(file.waits_for.into_iter().map(|w| (w.function, w.part))),
            calls: file.calls,
        }
    }

    /// Whether an owner has a fixed number of loops on every node.
    pub(super) fn is_single(&self, owner: Option<SubsystemId>, book: &Book) -> bool {
        let key = book.subsystem_key(owner);
        self.loops.get(key).is_some_and(|l| l.per == Per::Node)
    }

    /// Whether a group stands where it may stand for ever.
    pub(super) fn is_usual(&self, group: &Group, at: Place, stacks: &StackBook, book: &Book) -> bool {
        if matches!(at, Place::Home | Place::Running) {
            return true;
        }
        let is = |id: NameId| self.usual.find(book.key(id)).is_some();
        stacks.get(group.stack).iter().any(|&id| is(id)) || group.creator.is_some_and(is)
    }

    /// The part of the kubelet that ends a wait inside of `part`.
    pub(super) fn waits_for(
        &self,
        group: &Group,
        part: SubsystemId,
        stacks: &StackBook,
        book: &Book,
    ) -> Option<SubsystemId> {
        let frames = stacks.get(group.stack).iter();
        let found = frames.filter_map(|&id| self.waits_for.find(book.key(id))).next();
        match found {
            Some(key) => book.knowledge.by_key(key),
            None => Some(part),
        }
    }

    /// Minutes that a wait at this place may last.
    pub(super) fn longest(&self, at: Place, book: &Book) -> u64 {
        match at {
            Place::Call { far_end, method } => {
                let method = method.map_or("", |id| book.key(id).rsplit('.').next().unwrap_or_default());
                self.call(far_end, method)
            }
            Place::Lock { .. } | Place::Send { .. } => 1,
            Place::Inner { .. } => 3,
            Place::Home | Place::Running => u64::MAX,
        }
    }

    fn call(&self, far_end: FarEnd, method: &str) -> u64 {
        let of = |m: &str| {
            let is = |c: &&CallLimit| c.far_end == far_end.as_str() && c.method == m;
            self.calls.iter().find(is).map(|c| c.longest_minutes)
        };
        of(method).or_else(|| of("")).unwrap_or(2)
    }

    /// Keys of all loops, for tests against the table of subsystems.
    #[cfg(test)]
    pub(super) fn keys(&self) -> rustc_hash::FxHashSet<&str> {
        let parts = self
            .waits_for
            .exact
            .values()
            .chain(self.waits_for.open.iter().map(|(_, v)| v));
        self.loops
            .keys()
            .map(String::as_str)
            .chain(parts.map(String::as_str))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Expectations;
    use crate::kubelet::Knowledge;

    #[test]
    fn every_key_is_in_the_table() {
        let table = Knowledge::builtin();
        for key in Expectations::builtin().keys() {
            assert!(table.by_key(key).is_some(), "{key}");
        }
    }
}
