//! What kind of profile it is, told by its sample types and never by its name.

use super::Profile;

/// The profiles that a kubelet serves, and what else there is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// Live objects.
    Heap,
    /// All allocations since the start.
    Allocs,
    /// CPU time.
    Cpu,
    /// Goroutines.
    Goroutine,
    /// Goroutines that can never go on.
    GoroutineLeak,
    /// Waiting for locks and channels. The formats of `mutex` and `block` are the same.
    Contention,
    /// Stacks that started threads.
    ThreadCreate,
    /// Anything else.
    Other,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 8] = [
        Kind::Heap,
        Kind::Allocs,
        Kind::Cpu,
        Kind::Goroutine,
        Kind::GoroutineLeak,
        Kind::Contention,
        Kind::ThreadCreate,
        Kind::Other,
    ];

    /// The kind of a profile.
    pub fn of(p: &Profile) -> Self {
        let has = |kind: &str| p.sample_types.iter().any(|t| p.text(t.kind) == kind);
        if ["inuse_space", "alloc_space", "inuse_objects", "alloc_objects", "space"]
            .into_iter()
            .any(has)
        {
            if p.text(p.default_sample_type).starts_with("alloc") {
                Kind::Allocs
            } else {
                Kind::Heap
            }
        } else if has("goroutineleak") {
            Kind::GoroutineLeak
        } else if has("goroutine") {
            Kind::Goroutine
        } else if has("cpu") {
            Kind::Cpu
        } else if has("contentions") || has("delay") {
            Kind::Contention
        } else if has("threadcreate") || has("thread") {
            Kind::ThreadCreate
        } else {
            Self::of_period(p)
        }
    }

    /// What a period is measured in tells the kind where the sample types do not.
    fn of_period(p: &Profile) -> Self {
        let Some(t) = p.period_type else { return Kind::Other };
        match (p.text(t.kind), p.text(t.unit)) {
            ("space", "bytes") => Kind::Heap,
            ("cpu", "nanoseconds") => Kind::Cpu,
            ("goroutine", _) => Kind::Goroutine,
            ("goroutineleak", _) => Kind::GoroutineLeak,
            ("threadcreate", _) => Kind::ThreadCreate,
            ("contentions", _) => Kind::Contention,
            _ => Kind::Other,
        }
    }

    /// Its name, as the kubelet's endpoints have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Heap => "heap",
            Kind::Allocs => "allocs",
            Kind::Cpu => "cpu",
            Kind::Goroutine => "goroutine",
            Kind::GoroutineLeak => "goroutineleak",
            Kind::Contention => "contention",
            Kind::ThreadCreate => "threadcreate",
            Kind::Other => "other",
        }
    }

    /// The kind of that name; `profile` is the endpoint of CPU profiles, `mutex` and `block` are contention.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "profile" => Some(Kind::Cpu),
            "mutex" | "block" => Some(Kind::Contention),
            name => Kind::ALL.into_iter().find(|k| k.as_str() == name),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
