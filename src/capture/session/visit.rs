//! One node from its first snapshot to its last: which process answers, what is due, what is still missing.
//!
//! Health and metrics come first and into memory, because they say which process answers; only then it is known which run
//! the snapshot belongs to. A refusal that holds for all profiles, or for all of the node, is written down for every artifact
//! that is not asked for because of it.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::take::{Fetched, Taken, is_no_lack, missing};
use super::{Session, Target, Visited};
use crate::bundle::manifest::{
    Artifact, Event, Exchange, Missing, Process, RunStarted, Slot, SnapshotEnded, SnapshotId, Who,
};
use crate::bundle::{RunRecord, now};
use crate::capture::endpoints::{Endpoint, Phase, Server, endpoint};
use crate::capture::facts::{Gauges, NodeFacts};
use crate::capture::mask;
use crate::capture::progress::Progress;
use crate::capture::refusal::{Cause, Next, Refusal, Route};
use crate::capture::transport::Transport;

/// A visit in progress.
struct Visit<'s> {
    session: &'s Session,
    transport: Transport,
    node: String,
    /// Number of the run; 0 before the first.
    run: u32,
    process: Process,
    gauges: Gauges,
    facts: Option<NodeFacts>,
    /// The node object, until a run is known that it belongs to.
    object: Option<Fetched>,
    /// `enableContentionProfiling`, where it is known.
    contention: Option<bool>,
    /// Why no profile is asked for in this snapshot.
    no_profiles: Option<Refusal>,
    /// Why nothing is asked for in this snapshot.
    left: Option<Refusal>,
    /// Whether nobody was told of that yet.
    untold: bool,
    /// Runs whose once-a-process artifacts were tried.
    once: Vec<u32>,
    seen: Visited,
}

/// Visits a node.
pub(super) async fn visit(session: &Session, permits: &Arc<Semaphore>, target: Target) -> Visited {
    let mut visit = Visit {
        session,
        transport: target.transport,
        run: 0,
        process: Process::default(),
        gauges: Gauges::default(),
        facts: None,
        object: None,
        contention: None,
        no_profiles: None,
        left: None,
        untold: false,
        once: Vec::new(),
        seen: Visited {
            node: target.node.clone(),
            ..Visited::default()
        },
        node: target.node,
    };
    visit.go(permits).await;
    if let Some(note) = visit.transport.note().map(str::to_owned) {
        visit.note(note);
    }
    visit.watch(&Progress::Done);
    visit.seen.runs = visit.run;
    visit.seen
}

impl Visit<'_> {
    fn watch(&self, progress: &Progress<'_>) {
        self.session.watch.see(&self.node, progress);
    }

    fn note(&mut self, text: String) {
        self.watch(&Progress::Note(text.clone()));
        self.seen.notes.push(text);
    }

    async fn go(&mut self, permits: &Arc<Semaphore>) {
        let known = self.session.writer.record().node(&self.node).map(|n| n.runs.clone());
        let known = known.unwrap_or_default();
        if let Some(last) = known.last() {
            self.run = last.run;
            self.process = last.process.clone();
        }
        if self.session.options.until.is_set() && known.is_empty() {
            self.wait_for_threshold().await;
        }
        let schedule = self.session.options.schedule;
        let started = Instant::now();
        let mut begun = None;
        for number in 1..=schedule.snapshots {
            let there = known.iter().find_map(|r| {
                let snapshot = r.snapshots.iter().find(|s| s.id.number == number)?;
                Some((r, snapshot))
            });
            if let Some((run, snapshot)) = there {
                self.fill(permits, run, snapshot.id, number == schedule.snapshots).await;
                continue;
            }
            if let Some(begun) = begun
                && self.session.ended().is_none()
            {
                let wait = schedule.wait(begun, started.elapsed());
                if !wait.is_zero() {
                    let what = format!("snapshot {number} of {}", schedule.snapshots);
                    self.watch(&Progress::Waiting { wait, what });
                    self.session.sleep(wait).await;
                }
            }
            if self.session.ended().is_some() {
                break;
            }
            let Ok(_permit) = permits.acquire().await else { break };
            begun = Some(started.elapsed());
            let id = SnapshotId { number, taken: now() };
            self.watch(&Progress::Snapshot {
                number,
                of: schedule.snapshots,
            });
            self.snapshot(id, None).await;
            self.once(number == schedule.snapshots).await;
        }
    }

    /// Looks at the metrics until the process has grown as far as is asked.
    async fn wait_for_threshold(&mut self) {
        let until = self.session.options.until;
        let Some(metrics) = endpoint("metrics") else { return };
        while self.session.ended().is_none() {
            let what = match self.session.fetch(&self.transport, &self.node, metrics).await {
                Ok(fetched) => {
                    let gauges = Gauges::read(&fetched.bytes);
                    let reached = |is: Option<u64>, at: Option<u64>| at.is_some_and(|at| is.is_some_and(|is| is >= at));
                    let (memory, goroutines) = (gauges.resident_bytes, gauges.goroutines);
                    let text = format!(
                        "memory {} MiB, {} goroutines",
                        memory.unwrap_or(0) >> 20,
                        goroutines.unwrap_or(0)
                    );
                    if reached(memory, until.memory) || reached(goroutines, until.goroutines) {
                        self.note(format!("threshold reached: {text}"));
                        return;
                    }
                    text
                }
                Err((refusal, _)) if refusal.next == Next::Stop => {
                    self.session.halt(&refusal);
                    self.seen.failed.push(("metrics".to_owned(), refusal));
                    return;
                }
                Err((refusal, _)) => refusal.why,
            };
            let wait = self.session.options.look_every;
            self.watch(&Progress::Waiting { wait, what });
            self.session.sleep(wait).await;
        }
    }

    /// A snapshot that was begun by an earlier capture: what is missing of it is taken, if the process is the same.
    async fn fill(&mut self, permits: &Arc<Semaphore>, run: &RunRecord, id: SnapshotId, last: bool) {
        let Some(snapshot) = run.snapshots.iter().find(|s| s.id.number == id.number) else {
            return;
        };
        let there = |e: &&Endpoint| snapshot.artifacts.iter().any(|a| a.slot.artifact == e.artifact);
        let skipped = |e: &&Endpoint| {
            snapshot
                .lacks
                .iter()
                .any(|l| l.skipped && l.missing.slot.artifact == e.artifact)
        };
        let plan = &self.session.options.plan;
        let lacking: Vec<&str> = plan
            .of(Phase::Every)
            .filter(|e| !there(e) && !skipped(e))
            .map(|e| e.artifact)
            .collect();
        let Ok(_permit) = permits.acquire().await else { return };
        if self.session.ended().is_some() {
            return;
        }
        if run.run == self.run && (!lacking.is_empty() || !snapshot.ended) {
            self.watch(&Progress::Note(format!(
                "snapshot {}: taking what is missing: {}",
                id.number,
                if lacking.is_empty() {
                    "nothing".to_owned()
                } else {
                    lacking.join(", ")
                }
            )));
            self.snapshot(id, Some(run)).await;
        }
        self.once(last).await;
    }

    /// Takes a snapshot. One that fills `known` up takes nothing of another process.
    async fn snapshot(&mut self, id: SnapshotId, known: Option<&RunRecord>) {
        self.no_profiles = None;
        self.left = None;
        let plan = self.session.options.plan.clone();
        if self.facts.is_none() && self.transport.route().has_api_server() && self.object.is_none() {
            self.look_at_node().await;
        }
        let mut first = Vec::new();
        for name in ["healthz", "metrics"] {
            let Some(e) = endpoint(name).filter(|_| plan.has(name)) else {
                continue;
            };
            if self.session.ended().is_some() {
                break;
            }
            if let Some(refusal) = &self.left {
                let mut missing = missing(refusal, Exchange::default(), &[], 0);
                missing.remedy.clear();
                first.push((e, Err((refusal.clone(), missing))));
                continue;
            }
            self.watch(&Progress::Asking {
                artifact: name,
                measures: std::time::Duration::ZERO,
            });
            let fetched = self.session.fetch(&self.transport, &self.node, e).await;
            if let Err((refusal, _)) = &fetched {
                self.heed(refusal);
            }
            if let (Ok(fetched), "metrics") = (&fetched, name) {
                self.gauges = Gauges::read(&fetched.bytes);
                self.doubt();
            }
            first.push((e, fetched));
        }
        let other = self.identify();
        if other && known.is_some() {
            self.note(format!(
                "snapshot {} stays as it is: the process that it was taken of is gone",
                id.number
            ));
            return;
        }
        for (e, fetched) in first {
            let slot = self.slot(Some(id), e);
            if self.session.writer.has(&slot).is_some() {
                continue;
            }
            let taken = match fetched {
                Ok(fetched) => self.session.put(&self.transport, &slot, e, fetched).await,
                Err((refusal, missing)) => {
                    let asked = missing.exchange.t_request.is_some();
                    self.session.explain(&slot, e, refusal, missing, asked)
                }
            };
            self.after(e, taken).await;
        }
        for e in plan.of(Phase::Every) {
            if !matches!(e.artifact, "healthz" | "metrics") {
                self.artifact(Some(id), e).await;
            }
        }
        if self.session.ended().is_none() && self.left.is_none() {
            let ended = SnapshotEnded {
                node: self.node.clone(),
                run: self.run,
                snapshot: id,
            };
            self.append(Event::Snapshot(ended));
        }
    }

    /// What belongs to the process and not to a snapshot; with `last`, also what ends a series.
    async fn once(&mut self, last: bool) {
        let plan = self.session.options.plan.clone();
        if self.left.is_none() && !self.once.contains(&self.run) {
            self.once.push(self.run);
            for e in plan.of(Phase::Once) {
                if let ("node", Some(fetched)) = (e.artifact, self.object.take()) {
                    let slot = self.slot(None, e);
                    let taken = self.session.put(&self.transport, &slot, e, fetched).await;
                    self.after(e, taken).await;
                } else {
                    self.artifact(None, e).await;
                }
            }
        } else if last && !self.once.contains(&self.run) {
            // It was never there to be asked.
            for e in plan.of(Phase::Once) {
                self.artifact(None, e).await;
            }
        }
        if last {
            for e in plan.of(Phase::Last) {
                self.artifact(None, e).await;
            }
        }
    }

    fn slot(&self, snapshot: Option<SnapshotId>, e: &Endpoint) -> Slot {
        Slot {
            node: self.node.clone(),
            run: self.run.max(1),
            snapshot,
            artifact: e.artifact.to_owned(),
        }
    }

    fn append(&mut self, event: Event) {
        if let Err(e) = self.session.writer.append(event) {
            self.note(e.to_string());
        }
    }

    /// Boot ID, versions and conditions, from the API server.
    async fn look_at_node(&mut self) {
        let Some(e) = endpoint("node") else { return };
        if let Ok(mut fetched) = self.session.fetch(&self.transport, &self.node, e).await {
            // Its conditions are shown and written down as they are read here.
            fetched.bytes = mask::mask(e.artifact, &fetched.bytes).0.into_owned();
            self.facts = NodeFacts::read(&fetched.bytes);
            self.object = Some(fetched);
            if let Some(facts) = self.facts.as_ref().filter(|f| !f.conditions.is_empty()) {
                let text = format!("the node says {}", facts.conditions);
                self.note(text);
            }
        }
    }

    /// Whether this is a kubelet at all.
    fn doubt(&mut self) {
        if self.gauges.is_kubelet || self.session.options.force {
            return;
        }
        self.untold = true;
        self.left = Some(Refusal {
            cause: Cause::NotAKubelet,
            who: Who::You,
            why: format!(
                "{} is no kubelet: no metric of a kubelet is among its metrics",
                self.node
            ),
            remedy: "a port-forward to a pod, or another port? Kubelets listen at 10250; --force asks it all the same"
                .to_owned(),
            next: Next::LeaveNode,
        });
    }

    /// Says which run the answers belong to; whether it is another process than before.
    fn identify(&mut self) -> bool {
        let process = self.gauges.process(self.facts.as_ref());
        let known = self.run > 0;
        if known && process.may_be(&self.process) {
            return false;
        }
        let nothing = process == Process::default();
        if nothing && self.left.is_some() && !known {
            // Nobody answered: there is no process to speak of.
            return false;
        }
        if known {
            self.gone();
        }
        self.run += 1;
        self.process = process;
        self.append(Event::Run(RunStarted {
            node: self.node.clone(),
            run: self.run,
            process: self.process.clone(),
        }));
        if known {
            self.watch(&Progress::Restarted { run: self.run });
            self.seen
                .notes
                .push(format!("the kubelet was restarted: run {} begins", self.run));
        }
        known
    }

    /// What belonged to a process that is gone and was not taken by then cannot be had any more.
    fn gone(&mut self) {
        let plan = self.session.options.plan.clone();
        for e in plan.of(Phase::Once).chain(plan.of(Phase::Last)) {
            let slot = self.slot(None, e);
            if self.session.writer.has(&slot).is_none() {
                let why = "the process was gone before it was due";
                self.session.skip(&slot, Who::Kubelet, why, "", Exchange::default());
            }
        }
    }

    /// What a refusal means for the artifacts that follow.
    fn heed(&mut self, refusal: &Refusal) {
        match refusal.next {
            Next::NoProfiles => self.no_profiles = Some(refusal.clone()),
            Next::LeaveNode => self.left = Some(refusal.clone()),
            // Each kubelet has its own certificate and its own idea of us.
            Next::Stop if self.transport.route() == Route::Direct && refusal.cause != Cause::Disk => {
                self.left = Some(refusal.clone());
            }
            Next::Stop => self.session.halt(refusal),
            // It was tried again and is still so: whoever does not answer now will not answer in a second.
            Next::Again(_) if refusal.cause == Cause::ConnectRefused || refusal.cause == Cause::ConnectTimeout => {
                self.left = Some(refusal.clone());
            }
            _ => {}
        }
    }

    async fn after(&mut self, e: &Endpoint, taken: Taken) {
        match taken {
            Taken::There(artifact) => {
                self.learn(e, &artifact).await;
                self.seen.taken.push(*artifact);
            }
            Taken::WasThere => {}
            Taken::Not(refusal) => {
                self.heed(&refusal);
                let wanted = self.session.options.plan.is_wanted(e);
                if refusal.next == Next::Skip || (!wanted && is_no_lack(&refusal)) {
                    self.seen.skipped.push((e.artifact.to_owned(), refusal.why));
                } else {
                    self.seen.failed.push((e.artifact.to_owned(), *refusal));
                }
            }
        }
    }

    /// Takes one artifact, or writes down why it is not asked for.
    async fn artifact(&mut self, snapshot: Option<SnapshotId>, e: &'static Endpoint) {
        let slot = self.slot(snapshot, e);
        if self.session.writer.has(&slot).is_some() {
            return;
        }
        if e.server == Server::ApiServer && !self.transport.route().has_api_server() {
            let why = "there is no API server on this way";
            self.session.skip(&slot, Who::Kubeprof, why, "", Exchange::default());
            return;
        }
        if let Some(why) = self.not_worth_it(e) {
            self.session.skip(
                &slot,
                Who::Kubeprof,
                &why,
                "--force takes it all the same",
                Exchange::default(),
            );
            self.seen.skipped.push((e.artifact.to_owned(), why));
            return;
        }
        let profile = e.path.starts_with("/debug/");
        // What the API server says of a node that nobody reaches is worth having.
        // What it refuses of nodes/proxy it may allow of the rest.
        let concerned = |r: &Refusal| {
            let of_proxy = matches!(r.cause, Cause::ApiForbidden | Cause::MayNotActAs);
            e.server == Server::Kubelet || (r.who == Who::ApiServer && !of_proxy)
        };
        let standing = self
            .session
            .ended()
            .or_else(|| self.left.clone().filter(concerned))
            .or_else(|| self.no_profiles.clone().filter(|_| profile));
        let taken = match standing {
            // After an interruption the journal ends: what is not there was not asked for.
            Some(refusal) if refusal.cause == Cause::Interrupted => Taken::Not(Box::new(refusal)),
            Some(refusal) => {
                let mut missing: Missing = missing(&refusal, Exchange::default(), &[], 0);
                let tell = std::mem::take(&mut self.untold);
                if !tell {
                    missing.remedy.clear();
                }
                self.session.explain(&slot, e, refusal, missing, tell)
            }
            None => self.session.take(&self.transport, &slot, e).await,
        };
        self.after(e, taken).await;
    }

    /// Why an artifact would do more harm than good.
    fn not_worth_it(&self, e: &Endpoint) -> Option<String> {
        if self.session.options.force {
            return None;
        }
        let goroutines = self.gauges.goroutines.unwrap_or(0);
        if e.artifact == "goroutine.debug2" && goroutines > self.session.options.max_goroutines {
            return Some(format!(
                "{goroutines} goroutines: a dump would stop them all for about {} ms",
                goroutines / 1000
            ));
        }
        let scarce = self.facts.as_ref().is_some_and(|f| f.memory_pressure);
        let costly = matches!(e.artifact, "heap-gc" | "goroutine.debug2" | "goroutineleak" | "trace");
        (scarce && costly)
            .then(|| "the node says MemoryPressure, and this needs memory or a garbage collection".to_owned())
    }

    /// An empty mutex profile is off or quiet; only the text says which.
    async fn mutex_is_empty(&mut self) {
        let Some(e) = endpoint("mutex") else { return };
        let text = Endpoint {
            params: &[("debug", "1")],
            ..*e
        };
        let period = match self.session.fetch(&self.transport, &self.node, &text).await {
            Ok(fetched) => sampling_period(&fetched.bytes),
            Err(_) => None,
        };
        match period {
            Some(0) => self.fact("mutex", "off (no stock kubelet ever switches it on)"),
            Some(_) => self.fact("mutex", "quiet"),
            None => self.fact("mutex", "empty"),
        }
    }

    /// Writes down what is known of the process by now.
    fn fact(&mut self, key: &str, value: &str) {
        self.process.facts.insert(format!("{key}_profile"), value.to_owned());
        self.append(Event::Run(RunStarted {
            node: self.node.clone(),
            run: self.run.max(1),
            process: self.process.clone(),
        }));
        if value != "data" {
            self.watch(&Progress::Note(format!("{key} profile: {value}")));
        }
    }

    /// What a small artifact says.
    fn text(&self, artifact: &Artifact) -> String {
        std::fs::read_to_string(self.session.writer.root().join(&artifact.path)).unwrap_or_default()
    }

    /// What an artifact says about the process that the others do not.
    async fn learn(&mut self, e: &Endpoint, artifact: &Artifact) {
        let empty = artifact.facts.samples == Some(0);
        if artifact.facts.truncated {
            let text = format!("{}: {}", e.artifact, super::truncation(artifact));
            self.note(text);
        }
        match e.artifact {
            "goroutine" => {
                let total = artifact.facts.totals.first().and_then(|t| u64::try_from(t.value).ok());
                self.gauges.goroutines = total.or(self.gauges.goroutines);
            }
            "configz" => self.contention = contention_of(&self.text(artifact)),
            "healthz" if artifact.exchange.status.is_some_and(|s| s != 200) => {
                let text = self.text(artifact);
                let failing: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("[-]")).collect();
                self.note(format!("the kubelet's own health check fails: {}", failing.join("; ")));
            }
            "mutex" | "block" if !empty => self.fact(e.artifact, "data"),
            "mutex" => self.mutex_is_empty().await,
            "block" => match self.contention {
                Some(true) => self.fact("block", "quiet"),
                Some(false) => self.fact("block", "off (enableContentionProfiling is false)"),
                None => self.fact("block", "empty (off unless enableContentionProfiling is true)"),
            },
            _ => {}
        }
    }
}

/// The `sampling period` line of a mutex text.
fn sampling_period(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let line = text.lines().take(10).find_map(|l| l.strip_prefix("sampling period="))?;
    line.trim().parse().ok()
}

/// `enableContentionProfiling` of `/configz`, which leaves out what is false.
fn contention_of(configz: &str) -> Option<bool> {
    let json: serde_json::Value = serde_json::from_str(configz).ok()?;
    let config = json.get("kubeletconfig")?.as_object()?;
    Some(config.get("enableContentionProfiling").is_some_and(|v| v == true))
}
