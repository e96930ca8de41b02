//! What is usual: which loops a kubelet has, how many, where they may stand and for how long. The data are
//! `knowledge.json`; this module looks things up in them.

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::book::{Book, NameId};
use super::crowd::{Group, StackBook, Wait};
use super::place::Place;
use super::report::{FarEnd, Load};
use crate::kubelet::SubsystemId;

/// What the number of goroutines of a part follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Per {
    /// The node has a fixed number.
    Node,
    Pod,
    Container,
    Probe,
    Cgroup,
    /// A connection, a watch, a plugin, a request.
    Other,
}

/// The goroutines of one part of the kubelet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Loop {
    /// Key of the subsystem that owns them.
    pub(super) owner: String,
    /// What their number follows.
    pub(super) per: Per,
    /// At most so many per one of these.
    pub(super) most: f64,
    /// And so many besides.
    #[serde(default)]
    pub(super) base: f64,
    /// Share of its time that one of them spends in a call, by far end, where it is not the usual one.
    #[serde(default)]
    duty: FxHashMap<String, f64>,
    /// Many of them may be busy at once in a healthy kubelet: pods start together.
    #[serde(default)]
    pub(super) bursty: bool,
    /// They wake at least once a minute.
    #[serde(default)]
    pub(super) wakes: bool,
}

/// Goroutines of a library, below one of its functions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LibraryCrowd {
    function: String,
    /// At most so many for each pod.
    #[serde(default)]
    per_pod: f64,
    /// And so many besides.
    base: f64,
}

/// A place that looks like a call and is home to somebody.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Usual {
    function: String,
    /// Only this function itself: what its closures and the goroutines that it starts do is another matter.
    #[serde(default)]
    itself: bool,
    #[serde(rename = "why")]
    _why: String,
}

/// A place where a wait lasts as long as the pod's owner wants.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patient {
    function: String,
    #[serde(rename = "why")]
    _why: String,
}

/// A wait inside of the kubelet and who ends it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitsFor {
    function: String,
    /// Only in this state.
    #[serde(default)]
    pub(super) state: String,
    /// Key of the part that ends it.
    pub(super) part: String,
    /// The far end that this part itself waits for, where it has no goroutine of its own for that.
    #[serde(default)]
    pub(super) far_end: String,
    /// Minutes that it may last.
    pub(super) longest_minutes: u64,
}

/// How long a call may last and how rare it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallLimit {
    far_end: String,
    #[serde(default)]
    method: String,
    longest_minutes: u64,
    /// Share of its time that a loop spends in such calls. Where a method has one, the call is over at once whoever makes it.
    #[serde(default)]
    duty: Option<f64>,
}

/// The part of the knowledge file that this module reads.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Data {
    loops: Vec<Loop>,
    crowds: Vec<LibraryCrowd>,
    usual: Vec<Usual>,
    patient: Vec<Patient>,
    waits_for: Vec<WaitsFor>,
    calls: Vec<CallLimit>,
}

/// All expectations, ready for look-ups.
#[derive(Debug)]
pub(super) struct Expectations {
    loops: FxHashMap<String, Loop>,
    crowds: Patterns<(f64, f64)>,
    usual: Patterns<bool>,
    patient: Patterns<()>,
    waits_for: Patterns<WaitsFor>,
    calls: Vec<CallLimit>,
}

/// Function patterns: a name, with its closures, or everything that begins so where it ends with `*`.
#[derive(Debug)]
pub(super) struct Patterns<T> {
    exact: FxHashMap<String, T>,
    open: Vec<(String, T)>,
}

impl<T> Patterns<T> {
    pub(super) fn new(all: impl Iterator<Item = (String, T)>) -> Self {
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

    pub(super) fn find(&self, key: &str) -> Option<&T> {
        let bare = key.strip_suffix(".func").unwrap_or(key);
        let exact = self.exact.get(key).or_else(|| self.exact.get(bare));
        exact.or_else(|| {
            self.open
                .iter()
                .find(|(p, _)| key.starts_with(p.as_str()))
                .map(|(_, v)| v)
        })
    }

    #[cfg(test)]
    fn values(&self) -> impl Iterator<Item = &T> {
        self.exact.values().chain(self.open.iter().map(|(_, v)| v))
    }
}

impl Expectations {
    pub(super) fn new(data: Data) -> Self {
        Self {
            loops: data.loops.into_iter().map(|l| (l.owner.clone(), l)).collect(),
            crowds: Patterns::new(data.crowds.into_iter().map(|c| (c.function, (c.base, c.per_pod)))),
            usual: Patterns::new(data.usual.into_iter().map(|u| (u.function, u.itself))),
            patient: Patterns::new(data.patient.into_iter().map(|p| (p.function, ()))),
            waits_for: Patterns::new(data.waits_for.into_iter().map(|w| (w.function.clone(), w))),
            calls: data.calls,
        }
    }

    /// What is expected of an owner's goroutines.
    pub(super) fn of(&self, owner: Option<SubsystemId>, book: &Book) -> Option<&Loop> {
        self.loops.get(book.subsystem_key(owner))
    }

    /// Whether an owner has a fixed number of loops on every node.
    pub(super) fn is_single(&self, owner: Option<SubsystemId>, book: &Book) -> bool {
        self.of(owner, book).is_some_and(|l| l.per == Per::Node)
    }

    /// Share of its time that a goroutine of `owner` spends in calls to a far end.
    pub(super) fn duty(&self, owner: Option<SubsystemId>, far_end: FarEnd, book: &Book) -> f64 {
        let own = self.of(owner, book).and_then(|l| l.duty.get(far_end.as_str()));
        own.copied().unwrap_or_else(|| self.usual_duty(far_end))
    }

    /// The share for a call that is over at once, whoever makes it: many of them are never seen together.
    pub(super) fn quick(&self, at: Place, book: &Book) -> Option<f64> {
        let Place::Call {
            far_end,
            method: Some(method),
        } = at
        else {
            return None;
        };
        let method = book.key(method).rsplit('.').next().unwrap_or_default();
        let of = |c: &&CallLimit| c.far_end == far_end.as_str() && c.method == method;
        self.calls.iter().find(of).and_then(|c| c.duty)
    }

    /// The same for any loop.
    fn usual_duty(&self, far_end: FarEnd) -> f64 {
        let of = |c: &&CallLimit| c.far_end == far_end.as_str() && c.method.is_empty();
        self.calls.iter().find(of).and_then(|c| c.duty).unwrap_or(0.01)
    }

    /// At most how many goroutines an owner needs under a load.
    pub(super) fn most(&self, owner: Option<SubsystemId>, load: &Load, book: &Book) -> Option<f64> {
        let l = self.of(owner, book)?;
        let number = match l.per {
            Per::Node => Some(1.0),
            Per::Pod => load.pods,
            Per::Container => containers(load),
            Per::Probe => containers(load).map(|n| 3.0 * n),
            Per::Cgroup => match (load.pods, load.containers) {
                (Some(p), Some(c)) => Some(2.0 * p + c.max(p)),
                (pods, _) => pods.map(|p| 4.0 * p),
            },
            Per::Other => Some(load.pods.unwrap_or(30.0)),
        };
        Some(l.base + l.most * number?)
    }

    /// At most how many goroutines of a library stand below one of its functions.
    pub(super) fn crowd(&self, function: &str, load: &Load) -> Option<f64> {
        let (base, per_pod) = self.crowds.find(function)?;
        Some(base + per_pod * load.pods?)
    }

    /// Whether a group stands where it may stand for ever.
    pub(super) fn is_usual(&self, group: &Group, stacks: &StackBook, book: &Book) -> bool {
        let is = |id: NameId| {
            let key = book.key(id);
            self.usual
                .find(key)
                .is_some_and(|itself| !itself || !key.ends_with(".func"))
        };
        let starts = |id: NameId| self.usual.find(book.key(id)) == Some(&false);
        stacks.get(group.stack).iter().any(|&id| is(id)) || group.creator.is_some_and(starts)
    }

    /// Whether a group waits in a place where the owner of the pod says for how long.
    pub(super) fn is_patient(&self, group: &Group, stacks: &StackBook, book: &Book) -> bool {
        let is = |id: NameId| self.patient.find(book.key(id)).is_some();
        stacks.get(group.stack).iter().any(|&id| is(id))
    }

    /// Whether a group waits for another part of the kubelet, and which.
    pub(super) fn waits_for(&self, group: &Group, stacks: &StackBook, book: &Book) -> Option<&WaitsFor> {
        let frames = stacks.get(group.stack).iter();
        let fits = |w: &&WaitsFor| w.state.is_empty() || group.wait.shown() == w.state || group.wait == Wait::Unknown;
        frames.filter_map(|&id| self.waits_for.find(book.key(id))).find(fits)
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
}

/// How many containers run: told by metrics, else by the loops that watch cgroups, of which a pod has one for itself and one
/// for its sandbox; at least one in each pod.
fn containers(load: &Load) -> Option<f64> {
    let of_cgroups = || Some(load.cgroups? - 2.0 * load.pods?);
    load.containers
        .or_else(|| Some(of_cgroups().unwrap_or(0.0).max(load.pods?)))
}

#[cfg(test)]
mod tests {
    use super::super::knowledge;
    use crate::kubelet::Knowledge;

    #[test]
    fn every_key_is_in_the_table() {
        let table = Knowledge::builtin();
        let expected = knowledge::builtin().expectations;
        for key in expected
            .loops
            .keys()
            .chain(expected.waits_for.values().map(|w| &w.part))
        {
            assert!(table.by_key(key).is_some(), "{key}");
        }
    }
}
