//! What there is to ask of a kubelet, what each costs, and in which order it is asked: cheap and hang-proof first.
//!
//! A snapshot is what is compared over time: health, metrics, goroutines, memory. The rest is asked once a process, after its
//! first snapshot, the CPU profile last; `goroutineleak` ends a series, because dumps that are taken after it mark goroutines
//! as leaked and no longer say for how long they have waited. `/pods` is never asked: it holds the environment of every pod.

use std::time::Duration;

/// Who serves an artifact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Server {
    /// The kubelet.
    Kubelet,
    /// The API server; nothing of it without one.
    ApiServer,
}

/// When an artifact is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// In every snapshot.
    Every,
    /// Once a process, after its first snapshot.
    Once,
    /// Once a process, after its last snapshot.
    Last,
}

/// What an artifact costs the kubelet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cost {
    /// Nothing that can be measured.
    None,
    /// Milliseconds.
    Small,
    /// Stops all goroutines for the time of the dump, about a microsecond each.
    StopsTheWorld,
    /// A garbage collection.
    Collection,
    /// Interrupts while it runs, as many as the process uses CPU.
    Measures,
}

impl Cost {
    /// What it means, for people.
    pub fn text(self) -> &'static str {
        match self {
            Cost::None => "none",
            Cost::Small => "milliseconds",
            Cost::StopsTheWorld => "stops all goroutines for about 1 us each",
            Cost::Collection => "one garbage collection",
            Cost::Measures => "100 samples for every second of CPU that it uses meanwhile",
        }
    }
}

/// An artifact that can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Its name in a bundle.
    pub artifact: &'static str,
    /// Who serves it.
    pub server: Server,
    /// Path there; `NODE` stands for the node's name.
    pub path: &'static str,
    /// Parameters, without `seconds`.
    pub params: &'static [(&'static str, &'static str)],
    /// When it is taken.
    pub phase: Phase,
    /// What it costs.
    pub cost: Cost,
    /// The right that the kubelet wants for it, below `nodes/`; through the API server it is `proxy` for everything.
    pub right: &'static str,
}

const fn kubelet(artifact: &'static str, path: &'static str, phase: Phase, cost: Cost) -> Endpoint {
    Endpoint {
        artifact,
        server: Server::Kubelet,
        path,
        params: &[],
        phase,
        cost,
        right: "proxy",
    }
}

/// All of them, in the order of asking.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        params: &[("verbose", "true")],
        right: "healthz",
        ..kubelet("healthz", "/healthz", Phase::Every, Cost::None)
    },
    Endpoint {
        right: "metrics",
        ..kubelet("metrics", "/metrics", Phase::Every, Cost::Small)
    },
    kubelet("goroutine", "/debug/pprof/goroutine", Phase::Every, Cost::Small),
    Endpoint {
        params: &[("debug", "2")],
        ..kubelet(
            "goroutine.debug2",
            "/debug/pprof/goroutine",
            Phase::Every,
            Cost::StopsTheWorld,
        )
    },
    kubelet("heap", "/debug/pprof/heap", Phase::Every, Cost::Small),
    Endpoint {
        params: &[("gc", "1")],
        ..kubelet("heap-gc", "/debug/pprof/heap", Phase::Every, Cost::Collection)
    },
    kubelet("allocs", "/debug/pprof/allocs", Phase::Every, Cost::Small),
    Endpoint {
        server: Server::ApiServer,
        ..kubelet("version", "/version", Phase::Once, Cost::None)
    },
    Endpoint {
        server: Server::ApiServer,
        right: "",
        ..kubelet("node", "/api/v1/nodes/NODE", Phase::Once, Cost::None)
    },
    kubelet("cmdline", "/debug/pprof/cmdline", Phase::Once, Cost::None),
    Endpoint {
        right: "configz",
        ..kubelet("configz", "/configz", Phase::Once, Cost::Small)
    },
    Endpoint {
        right: "configz",
        ..kubelet("flagz", "/flagz", Phase::Once, Cost::Small)
    },
    Endpoint {
        right: "statusz",
        ..kubelet("statusz", "/statusz", Phase::Once, Cost::Small)
    },
    kubelet("threadcreate", "/debug/pprof/threadcreate", Phase::Once, Cost::Small),
    kubelet("mutex", "/debug/pprof/mutex", Phase::Once, Cost::Small),
    kubelet("block", "/debug/pprof/block", Phase::Once, Cost::Small),
    kubelet("cpu", "/debug/pprof/profile", Phase::Once, Cost::Measures),
    kubelet("trace", "/debug/pprof/trace", Phase::Once, Cost::Measures),
    kubelet(
        "goroutineleak",
        "/debug/pprof/goroutineleak",
        Phase::Last,
        Cost::Collection,
    ),
];

impl Endpoint {
    /// Whether it is a text that is looked through for secrets before it is written: all but profiles and traces, which are
    /// too large to be held and whose texts are names of code.
    pub fn is_masked(&self) -> bool {
        matches!(
            self.artifact,
            "healthz" | "metrics" | "version" | "node" | "cmdline" | "configz" | "flagz" | "statusz"
        )
    }
}

/// The endpoint of an artifact.
pub fn endpoint(artifact: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|e| e.artifact == artifact)
}

/// The name of an artifact, from what people call it.
fn canonical(name: &str) -> &str {
    match name {
        "profile" => "cpu",
        "goroutines" => "goroutine",
        "goroutine2" | "debug2" => "goroutine.debug2",
        name => name,
    }
}

/// Which artifacts, by a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Preset {
    /// What takes seconds: no CPU profile.
    Quick,
    /// What explains most: everything but the trace and what costs a garbage collection in every snapshot.
    #[default]
    Usual,
    /// Everything but the trace.
    Full,
}

/// What is to be taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Artifacts in the order of asking.
    pub artifacts: Vec<&'static Endpoint>,
    /// For how long the CPU profile measures.
    pub cpu: Duration,
    /// For how long the trace measures.
    pub trace: Duration,
    /// Artifacts that were named one by one: their absence is never in order.
    pub named: Vec<&'static str>,
}

/// Artifacts that make a bundle better and whose absence does not make it partial.
const EXTRAS: [&str; 7] = [
    "version",
    "node",
    "cmdline",
    "configz",
    "flagz",
    "statusz",
    "threadcreate",
];

/// Why there is no plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// There is no such artifact.
    #[error("unknown artifact {name:?}")]
    NoSuchArtifact {
        /// What was asked for.
        name: String,
    },
    /// The list is empty.
    #[error("no artifact is asked for")]
    Nothing,
}

impl PlanError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        format!("there are {}", names())
    }
}

fn names() -> String {
    let names: Vec<&str> = ENDPOINTS.iter().map(|e| e.artifact).collect();
    names.join(", ")
}

impl Plan {
    /// The artifacts of a preset.
    pub fn preset(preset: Preset) -> Self {
        let wanted = |e: &&Endpoint| match preset {
            Preset::Quick => !matches!(
                e.artifact,
                "cpu" | "trace" | "heap-gc" | "goroutineleak" | "allocs" | "mutex" | "block" | "flagz" | "statusz"
            ),
            Preset::Usual => !matches!(e.artifact, "trace" | "heap-gc"),
            Preset::Full => e.artifact != "trace",
        };
        Plan {
            artifacts: ENDPOINTS.iter().filter(wanted).collect(),
            cpu: Duration::from_secs(30),
            trace: Duration::from_secs(5),
            named: Vec::new(),
        }
    }

    /// The artifacts of a list. Health and metrics are always among them: they tell which process answered.
    ///
    /// # Errors
    /// When one of them is not known.
    pub fn list(names: &[String]) -> Result<Self, PlanError> {
        if names.iter().all(|n| n.trim().is_empty()) {
            return Err(PlanError::Nothing);
        }
        let mut plan = Plan::preset(Preset::Full);
        plan.artifacts.clear();
        plan.add("healthz")?;
        plan.add("metrics")?;
        for name in names.iter().map(|n| n.trim()).filter(|n| !n.is_empty()) {
            plan.add(name)?;
            plan.name(name);
        }
        Ok(plan)
    }

    /// Notes that an artifact was asked for by its name.
    pub fn name(&mut self, name: &str) {
        let found = self.artifacts.iter().map(|e| e.artifact);
        let found = found.into_iter().find(|a| *a == canonical(name));
        if let Some(found) = found.filter(|a| !self.named.contains(a)) {
            self.named.push(found);
        }
    }

    /// Adds an artifact, at its place in the order.
    ///
    /// # Errors
    /// When it is not known.
    pub fn add(&mut self, name: &str) -> Result<(), PlanError> {
        let name = canonical(name);
        let Some(found) = endpoint(name) else {
            return Err(PlanError::NoSuchArtifact { name: name.to_owned() });
        };
        if !self.artifacts.contains(&found) {
            self.artifacts.push(found);
            let place = |e: &&Endpoint| ENDPOINTS.iter().position(|o| o.artifact == e.artifact);
            self.artifacts.sort_by_key(place);
        }
        Ok(())
    }

    /// Leaves an artifact out.
    pub fn drop(&mut self, name: &str) {
        self.artifacts.retain(|e| e.artifact != name);
    }

    /// Whether an artifact is asked for.
    pub fn has(&self, name: &str) -> bool {
        self.artifacts.iter().any(|e| e.artifact == name)
    }

    /// Whether a bundle is partial without an artifact.
    pub fn is_wanted(&self, e: &Endpoint) -> bool {
        !EXTRAS.contains(&e.artifact) || self.named.contains(&e.artifact)
    }

    /// The artifacts of a phase.
    pub fn of(&self, phase: Phase) -> impl Iterator<Item = &'static Endpoint> {
        self.artifacts.iter().copied().filter(move |e| e.phase == phase)
    }

    /// For how long the kubelet measures for an artifact.
    pub fn measures(&self, e: &Endpoint) -> Duration {
        match e.artifact {
            "cpu" => self.cpu,
            "trace" => self.trace,
            _ => Duration::ZERO,
        }
    }

    /// The parameters of a request.
    pub fn params(&self, e: &Endpoint) -> Vec<(String, String)> {
        let mut params: Vec<(String, String)> = e.params.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        let measures = self.measures(e);
        if !measures.is_zero() {
            // A trace takes fractions, a CPU profile does not.
            params.push(("seconds".to_owned(), measures.as_secs_f64().to_string()));
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cheap_and_hang_proof_comes_first() {
        let order: Vec<&str> = Plan::preset(Preset::Usual)
            .artifacts
            .iter()
            .map(|e| e.artifact)
            .collect();
        assert_eq!(order[..3], ["healthz", "metrics", "goroutine"]);
        assert_eq!(order.last(), Some(&"goroutineleak"));
        let cpu = order.iter().position(|n| *n == "cpu").expect("a CPU profile");
        assert_eq!(cpu, order.len() - 2);
        assert!(ENDPOINTS.iter().all(|e| !e.path.starts_with("/pods")));
    }

    #[test]
    fn lists_keep_the_order_and_know_other_names() {
        let names = ["heap", "profile", "goroutine", "heap"].map(str::to_owned);
        let plan = Plan::list(&names).expect("a plan");
        let order: Vec<&str> = plan.artifacts.iter().map(|e| e.artifact).collect();
        assert_eq!(order, ["healthz", "metrics", "goroutine", "heap", "cpu"]);
        let error = Plan::list(&["pods".to_owned()]).expect_err("never taken");
        assert!(error.hint().contains("goroutine.debug2"), "{error}");
        assert_eq!(Plan::list(&[String::new()]), Err(PlanError::Nothing));
    }

    #[test]
    fn only_measurements_have_seconds() {
        let plan = Plan::preset(Preset::Full);
        let cpu = endpoint("cpu").expect("cpu");
        assert_eq!(plan.params(cpu), [("seconds".to_owned(), "30".to_owned())]);
        assert!(plan.params(endpoint("heap").expect("heap")).is_empty());
        let trace = endpoint("trace").expect("trace");
        let plan = Plan {
            trace: Duration::from_millis(500),
            ..plan
        };
        assert_eq!(plan.params(trace), [("seconds".to_owned(), "0.5".to_owned())]);
    }
}
