//! Goroutines in cohorts by owner and what they wait in, ordered by how much they say about a kubelet that hangs.
//!
//! What nothing can wake comes first: the runtime found it leaked, or its state says so. A cohort is of those alone or of
//! none. Everything else is told by where it waits, and by whether it has always waited there.

use rustc_hash::FxHashMap;

use crate::analysis::goroutines::tally::{Tally, Waits};
use crate::analysis::goroutines::{Part, part};
use crate::analysis::view::subsystems::Lens;
use crate::kubelet::{Role, SubsystemId};
use crate::model::goroutine_label::Standing;
use crate::model::{Profile, StringId};

/// Goroutines of one owner that are blocked in one thing inside of one part of the kubelet.
#[derive(Clone, PartialEq, Debug)]
pub struct Cohort {
    /// Who answers for them.
    pub owner: Option<Part>,
    /// What they wait in.
    pub blocked_in: Option<Part>,
    /// The innermost part of the kubelet on their stacks, where it is not the owner.
    pub within: Option<Part>,
    /// How many, with a known wait or not.
    pub count: i64,
    /// Their known waits.
    pub waits: Option<Waits>,
    /// They wait as loops do that have nothing to do: for channels, timers or connections, inside of no library and of no
    /// other part of the kubelet, and something can wake them.
    pub idle: bool,
    /// How much they say about a kubelet that hangs.
    pub weight: CohortWeight,
    /// Whether they go on, where the expectations of a kubelet were asked.
    pub standing: Option<Standing>,
}

/// What a cohort says about a kubelet that hangs, the most telling first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum CohortWeight {
    /// Nothing can wake them: the runtime found them leaked, or they wait for a nil channel or in a select without cases.
    NeverWakes,
    /// They wait for somebody else (the container runtime, a mount, the API server), or inside of another part of the
    /// kubelet, which has not always been so.
    Stuck,
    /// They wait inside of a library.
    Inside,
    /// They wait inside of a library and have for as long as any goroutine of this process: servers and watches look like
    /// this in every kubelet.
    SinceStart,
    /// They are loops that have nothing to do.
    Idle,
}

impl CohortWeight {
    /// Spelling in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverWakes => "never-wakes",
            Self::Stuck => "stuck",
            Self::Inside => "inside",
            Self::SinceStart => "since-start",
            Self::Idle => "idle",
        }
    }
}

/// States in which a loop is that has nothing to do.
const IDLE: [&str; 8] = [
    "select",
    "chan receive",
    "sleep",
    "sync.Cond.Wait",
    "IO wait",
    "finalizer wait",
    "cleanup wait",
    "GC ",
];

/// Whether a goroutine in this state, blocked in something of this role, is a loop that has nothing to do.
pub(in crate::analysis) fn is_idle(state: &str, blocked_in: Option<Role>, within: Option<SubsystemId>) -> bool {
    let in_library = blocked_in.is_some_and(|role| role < Role::Wrapper);
    !in_library && within.is_none() && IDLE.iter().any(|idle| state.starts_with(idle))
}

/// Whose goroutines are one cohort.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::analysis) struct CohortKey {
    pub(in crate::analysis) owner: Option<SubsystemId>,
    pub(in crate::analysis) within: Option<SubsystemId>,
    pub(in crate::analysis) blocked_in: Option<SubsystemId>,
    /// Nothing can wake them.
    pub(in crate::analysis) never_wakes: bool,
    pub(in crate::analysis) standing: Option<Standing>,
}

/// `oldest` is the longest wait of all. The clock of what waits since the start began at the first garbage collection, as that
/// of everything else that does.
pub(in crate::analysis) fn cohorts_of(
    tallies: FxHashMap<CohortKey, Tally>,
    oldest: i64,
    p: &Profile,
    lens: &Lens,
) -> Vec<Cohort> {
    let mut rows: Vec<Cohort> = (tallies.into_iter())
        .filter(|(key, tally)| key.never_wakes || key.standing.is_some() || tally.without_state() < tally.count)
        .map(|(key, tally)| {
            let CohortKey {
                owner,
                within,
                blocked_in,
                never_wakes,
                standing,
            } = key;
            let role = blocked_in.and_then(|id| lens.knowledge().get(id)).map(|s| s.role);
            let idles = |s: &StringId| is_idle(p.text(*s), role, within);
            let idle = match standing {
                _ if never_wakes => false,
                Some(standing) => standing == Standing::Idle,
                None => tally.states.keys().all(idles),
            };
            let since_start = oldest > 1 && tally.oldest() == oldest;
            let weight = match role {
                _ if never_wakes => CohortWeight::NeverWakes,
                _ if idle => CohortWeight::Idle,
                _ if standing == Some(Standing::Stuck) => CohortWeight::Stuck,
                Some(Role::Boundary) if standing.is_none() => CohortWeight::Stuck,
                _ if since_start => CohortWeight::SinceStart,
                _ if within.is_some() && standing.is_none() => CohortWeight::Stuck,
                _ => CohortWeight::Inside,
            };
            Cohort {
                owner: part(lens, owner),
                blocked_in: part(lens, blocked_in),
                within: part(lens, within),
                count: tally.count,
                waits: tally.waits,
                idle,
                weight,
                standing,
            }
        })
        .collect();
    rows.sort_by(|a, b| {
        let age = |c: &Cohort| c.waits.map_or(0, |w| w.max_minutes);
        let name = |c: &Cohort| [&c.owner, &c.within, &c.blocked_in].map(|part| part.as_ref().map(|p| p.title.clone()));
        (a.weight.cmp(&b.weight))
            .then(b.count.cmp(&a.count))
            .then(age(b).cmp(&age(a)))
            .then_with(|| name(a).cmp(&name(b)))
    });
    rows
}
