//! One node from its first snapshot to its last: what is due, what is still missing, what a refusal means for the rest.
//!
//! Metrics come first and into memory, because they say which process answers (`identity`, `restart`); only then it is known
//! which run the snapshot belongs to. A refusal that holds for all profiles, or for all of the node (`standing`), is written
//! down for every artifact that is not asked for because of it. `series` counts, `take` asks for one artifact.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use super::identity::Identity;
use super::request::{Fetched, PAUSE, Taken, missing};
use super::series::Series;
use super::standing::{Ends, Standing};
use super::{Session, Target, Visited};
use crate::bundle::manifest::{Event, Exchange, Missing, Slot, SnapshotEnded, SnapshotId, Who};
use crate::capture::clock;
use crate::capture::endpoints::{Endpoint, Phase, Server, endpoint};
use crate::capture::facts::NodeFacts;
use crate::capture::mask;
use crate::capture::progress::{Awaited, Progress};
use crate::capture::refusal::{Cause, Details, Effect, Next, Refusal, Route};
use crate::capture::transport::Transport;

/// This many processes are followed while what belongs to a process alone is taken.
const RESTARTS: usize = 3;

/// A visit in progress.
pub(super) struct Visit<'s> {
    pub(super) session: &'s Session,
    pub(super) transport: Transport,
    pub(super) node: String,
    /// Held while the kubelet measures: the same kubelet may be asked by another name.
    pub(super) lane: Arc<Mutex<()>>,
    /// Which process answers.
    pub(super) identity: Identity,
    /// Which snapshot is taken.
    series: Series,
    /// What speaks against asking.
    pub(super) standing: Standing,
    pub(super) facts: Option<NodeFacts>,
    /// The node object, until a run is known that it belongs to.
    pub(super) object: Option<Fetched>,
    /// `enableContentionProfiling`, where it is known.
    pub(super) contention: Option<bool>,
    /// What was taken out of the bundle again, or was due of a snapshot whose process ended.
    pub(super) withdrawn: Vec<Slot>,
    /// Metrics of a process that has just been found.
    pub(super) fresh: Option<Fetched>,
    /// Whether metrics were heard in this capture.
    heard: bool,
    /// The snapshot that is being taken.
    pub(super) current: Option<SnapshotId>,
    /// Runs whose once-a-process artifacts were tried.
    once: Vec<u32>,
    pub(super) seen: Visited,
}

/// Visits a node.
pub(super) async fn visit(
    session: &Session,
    permits: &Arc<Semaphore>,
    target: Target,
    lane: Arc<Mutex<()>>,
) -> Visited {
    let known = session
        .writer
        .look(|r| r.node(&target.node).cloned())
        .unwrap_or_default();
    let options = &session.options;
    let mut visit = Visit {
        session,
        transport: target.transport,
        lane,
        identity: known.runs.last().map(Identity::recall).unwrap_or_default(),
        series: Series::of(&known, &options.plan, options.schedule.snapshots),
        standing: Standing::default(),
        facts: None,
        object: None,
        contention: None,
        withdrawn: Vec::new(),
        fresh: None,
        heard: false,
        current: None,
        once: Vec::new(),
        seen: Visited {
            node: target.node.clone(),
            ..Visited::default()
        },
        node: target.node,
    };
    visit.go(permits).await;
    visit.settle_withdrawn();
    if let Some(note) = visit.transport.note().map(str::to_owned) {
        visit.note(note);
    }
    visit.watch(&Progress::Done);
    visit.seen.runs = visit.identity.run;
    visit.seen
}

impl Visit<'_> {
    pub(super) fn watch(&self, progress: &Progress<'_>) {
        self.session.watch.see(&self.node, progress);
    }

    pub(super) fn note(&mut self, text: String) {
        self.watch(&Progress::Note(text.clone()));
        self.seen.notes.push(text);
    }

    /// Whether nothing more is asked of this node.
    fn is_over(&self) -> bool {
        self.standing.is_given_up() || self.session.ended().is_some()
    }

    async fn go(&mut self, permits: &Arc<Semaphore>) {
        if self.session.options.until.is_set() && !self.series.is_resumed() {
            self.wait_for_threshold().await;
        }
        self.say_what_is_missing();
        let schedule = self.session.options.schedule;
        let (snapshots, last) = (self.series.len(), self.series.last());
        let started = Instant::now();
        let mut begun = None;
        for turn in 1..=snapshots {
            let number = self.series.number + 1;
            if let Some(begun) = begun.filter(|_| !self.is_over()) {
                let wait = schedule.wait(begun, started.elapsed());
                if !wait.is_zero() {
                    let what = Awaited::Snapshot { number, of: last };
                    self.watch(&Progress::Waiting { wait, what });
                    self.session.sleep(wait).await;
                }
            }
            if self.is_over() {
                return;
            }
            let Ok(_permit) = permits.acquire().await else { return };
            begun = Some(started.elapsed());
            self.series.advance();
            self.watch(&Progress::Snapshot { number, of: last });
            self.snapshot().await;
            self.once(turn == snapshots).await;
        }
        if snapshots == 0 && !self.is_over() {
            let Ok(_permit) = permits.acquire().await else { return };
            self.once(true).await;
        }
    }

    /// Says what of an earlier capture's snapshots is taken now.
    fn say_what_is_missing(&self) {
        let missing: Vec<String> = self.series.missing().map(|(name, n)| format!("{n} {name}")).collect();
        if !missing.is_empty() {
            let text = format!("taking what is missing: {}", missing.join(", "));
            self.watch(&Progress::Note(text));
        }
    }

    /// Takes a snapshot. When the process ends meanwhile it is taken again, of the next one.
    async fn snapshot(&mut self) {
        if self.is_cut_short().await && !self.is_over() {
            self.note(format!(
                "snapshot {}: its process is gone, so it is taken again of the new one",
                self.series.number
            ));
            self.is_cut_short().await;
        }
        self.current = None;
    }

    /// Takes a snapshot; whether its process ended before it was whole.
    async fn is_cut_short(&mut self) -> bool {
        self.standing.renew();
        if self.facts.is_none() && self.transport.route().has_api_server() && self.object.is_none() {
            self.look_at_node().await;
        }
        self.current = None;
        let id = SnapshotId {
            number: self.series.number,
            taken: clock::now(),
        };
        let metrics = self.metrics().await;
        self.current = Some(id);
        let health = self.first("healthz").await;
        let run = self.identity.run;
        let plan = &self.session.options.plan;
        let takes: Vec<_> = plan.of(Phase::Every).filter(|e| self.series.takes(e, run)).collect();
        self.series.begun(run);
        for (name, fetched) in [("healthz", health), ("metrics", metrics)] {
            let (Some(e), Some(fetched)) = (endpoint(name), fetched) else {
                continue;
            };
            let slot = self.slot(Some(id), e);
            let taken = match fetched {
                Ok(fetched) => self.session.put(&self.transport, &slot, e, fetched).await,
                Err((refusal, missing)) => {
                    let asked = missing.exchange.t_request.is_some();
                    self.session.explain(&slot, e, refusal, missing, asked)
                }
            };
            self.after(e, taken).await;
        }
        for e in takes {
            if !matches!(e.artifact, "healthz" | "metrics") {
                self.artifact(Some(id), e).await;
            }
            if self.identity.run != run {
                return true;
            }
        }
        if self.session.ended().is_some() || self.standing.left().is_some() {
            return false;
        }
        if self.identity.is_in_question() && self.is_another(2).await {
            return true;
        }
        let ended = SnapshotEnded {
            node: self.node.clone(),
            run: self.identity.run,
            snapshot: id,
        };
        self.append(Event::Snapshot(ended));
        false
    }

    /// The metrics that a snapshot begins with: they say which run it belongs to.
    async fn metrics(&mut self) -> Option<Result<Fetched, (Refusal, Missing)>> {
        if let Some(fetched) = self.fresh.take() {
            return Some(Ok(fetched));
        }
        let fetched = self.first("metrics").await?;
        if let Ok(fetched) = &fetched {
            self.hear(&fetched.bytes, &fetched.exchange).await;
            self.heard = true;
            let doubt = self.doubt();
            self.standing.doubt(doubt);
        }
        let unreachable = self.standing.left().is_some() && fetched.is_err();
        if self.identity.run == 0 && !unreachable {
            // Which process it is was not said; that there is one was.
            self.begin(self.identity.gauges.process(self.facts.as_ref()));
        }
        Some(fetched)
    }

    /// One of the two that a snapshot begins with, into memory.
    async fn first(&mut self, name: &'static str) -> Option<Result<Fetched, (Refusal, Missing)>> {
        let plan = &self.session.options.plan;
        let e = endpoint(name).filter(|_| plan.has(name))?;
        if self.session.ended().is_some() {
            return None;
        }
        if let Some(refusal) = self.standing.left() {
            let mut missing = missing(refusal, Exchange::default(), &[], 0);
            missing.details.inherited = true;
            return Some(Err((refusal.clone(), missing)));
        }
        self.watch(&Progress::Asking {
            artifact: name,
            measures: Duration::ZERO,
        });
        let mut fetched = self.session.fetch_whole(&self.transport, &self.node, e).await;
        if let Err((refusal, _)) = &fetched
            && refusal.may_pass()
            && refusal.cause == Cause::WebPage
            && self.session.ended().is_none()
        {
            self.session.sleep(PAUSE).await;
            fetched = self.session.fetch_whole(&self.transport, &self.node, e).await;
        }
        match &fetched {
            Ok(_) => self.came(),
            Err((refusal, _)) => self.heed(refusal),
        }
        Some(fetched)
    }

    /// What belongs to the process and not to a snapshot, after its first snapshot; with `last`, also what ends a series.
    async fn once(&mut self, last: bool) {
        for _ in 0..RESTARTS {
            let run = self.identity.run;
            self.once_of_process(last).await;
            // The first snapshot of another process is the next of the series; where none is due any more, it is taken now.
            if self.identity.run == run || self.is_over() || !last {
                return;
            }
            self.series.repeat();
            let number = self.series.number;
            self.watch(&Progress::Snapshot { number, of: number });
            self.snapshot().await;
        }
    }

    async fn once_of_process(&mut self, last: bool) {
        let plan = self.session.options.plan.clone();
        let tried = self.once.contains(&self.identity.run);
        let mut due: Vec<&'static Endpoint> = Vec::new();
        // What was never there to be asked is explained at the end.
        if !tried && (self.standing.left().is_none() || last) {
            due.extend(plan.of(Phase::Once));
        }
        if last {
            due.extend(plan.of(Phase::Last));
        }
        due.retain(|e| self.session.writer.has(&self.slot(None, e)).is_none());
        if due.is_empty() || !self.is_still_there(&due).await {
            return;
        }
        let run = self.identity.run;
        if self.standing.left().is_none() && !tried {
            self.once.push(run);
        }
        for e in due {
            if let ("node", Some(fetched)) = (e.artifact, self.object.take_if(|_| e.artifact == "node")) {
                let slot = self.slot(None, e);
                let taken = self.session.put(&self.transport, &slot, e, fetched).await;
                self.after(e, taken).await;
            } else {
                self.artifact(None, e).await;
            }
            if self.identity.run != run {
                return;
            }
        }
        if self.identity.is_in_question() && self.standing.left().is_none() {
            self.is_another(2).await;
        }
    }

    /// Whether the process is there that these are to be taken of. A resumption has not heard of it yet; another one has its
    /// own run then, unless all that lacks was left out on purpose.
    async fn is_still_there(&mut self, due: &[&Endpoint]) -> bool {
        let unknown = self.identity.process.start_time.is_none();
        if self.heard || unknown || self.standing.left().is_some() || self.session.ended().is_some() {
            return true;
        }
        let record = self.session.writer.record();
        let left_out = |e: &&Endpoint| {
            let slot = self.slot(None, e);
            record.lacks().any(|l| l.skipped && l.missing.slot == slot)
        };
        if due.iter().all(left_out) {
            return !self.is_gone().await;
        }
        if self.facts.is_none() && self.transport.route().has_api_server() {
            self.look_at_node().await;
        }
        let run = self.identity.run;
        match self.metrics().await {
            // They are the first of the new run.
            Some(Ok(fetched)) if self.identity.run != run => self.fresh = Some(fetched),
            Some(Err((refusal, _))) if self.standing.left().is_none() && self.session.ended().is_none() => {
                // Nothing says whether it is the same process.
                self.standing.leave(refusal.with_effect(Effect::ProcessUnknown));
            }
            _ => {}
        }
        self.identity.run == run
    }

    pub(super) fn slot(&self, snapshot: Option<SnapshotId>, e: &Endpoint) -> Slot {
        Slot {
            node: self.node.clone(),
            run: self.identity.run.max(1),
            snapshot,
            artifact: e.artifact.to_owned(),
        }
    }

    pub(super) fn append(&mut self, event: Event) {
        if let Err(e) = self.session.writer.append(event) {
            self.note(e.to_string());
        }
    }

    /// Boot ID, versions and conditions, from the API server.
    pub(super) async fn look_at_node(&mut self) {
        let Some(e) = endpoint("node") else { return };
        if let Ok(mut fetched) = self.session.fetch(&self.transport, &self.node, e, 2).await {
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

    /// Why this is no kubelet at all.
    pub(super) fn doubt(&self) -> Option<Refusal> {
        if self.identity.gauges.is_kubelet || self.session.options.force {
            return None;
        }
        let details = Details {
            node: self.node.clone(),
            ..Details::default()
        };
        Some(Refusal::new(Cause::NoKubeletMetrics, Who::You, Next::LeaveNode).about(details))
    }

    /// An answer was as it should be.
    fn came(&mut self) {
        self.standing.came();
        self.session.good.fetch_add(1, Ordering::Relaxed);
    }

    /// What a refusal means for what follows.
    fn heed(&mut self, refusal: &Refusal) {
        let all = self.session.good.load(Ordering::Relaxed);
        // Each kubelet has its own certificate and its own idea of us.
        let alone = self.transport.route() == Route::Direct;
        if self.standing.heed(refusal, self.series.number, all, alone) == Ends::All {
            self.session.halt(refusal);
        }
    }

    async fn after(&mut self, e: &Endpoint, taken: Taken) {
        match taken {
            Taken::There(artifact) => {
                self.came();
                self.identity.question(&artifact);
                self.learn(e, &artifact).await;
                self.seen.taken.push(*artifact);
                if !self.session.options.plan.measures(e).is_zero() {
                    self.is_another(2).await;
                }
            }
            Taken::WasThere | Taken::Gone => {}
            Taken::Not(refusal) => {
                self.heed(&refusal);
                if self.session.is_lack(e, &refusal) {
                    self.seen.failed.push((e.artifact.to_owned(), *refusal));
                } else {
                    self.seen.skipped.push((e.artifact.to_owned(), *refusal));
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
            let refusal = Refusal::new(Cause::NoApiServer, Who::Kubeprof, Next::Skip);
            self.session.skip(&slot, &refusal);
            return;
        }
        if let Some(refusal) = self.not_worth_it(e) {
            let missing = missing(&refusal, Exchange::default(), &[], 0);
            let taken = self.session.explain(&slot, e, refusal, missing, true);
            self.after(e, taken).await;
            return;
        }
        let standing = self.session.ended().or_else(|| self.standing.against(e).cloned());
        let taken = match standing {
            // After an interruption the journal ends: what is not there was not asked for.
            Some(refusal) if refusal.cause == Cause::Interrupted => Taken::Not(Box::new(refusal)),
            Some(refusal) => {
                let mut missing: Missing = missing(&refusal, Exchange::default(), &[], 0);
                let tell = self.standing.tell();
                missing.details.inherited = !tell;
                self.session.explain(&slot, e, refusal, missing, tell)
            }
            None => self.take(&slot, e).await,
        };
        self.after(e, taken).await;
    }
}
