//! One node from its first snapshot to its last: what is due, what is still missing, what a refusal means for the rest.
//!
//! Metrics come first and into memory, because they say which process answers (`identity`); only then it is known which run
//! the snapshot belongs to. A refusal that holds for all profiles, or for all of the node, is written down for every artifact
//! that is not asked for because of it. What would end everything ends a snapshot first, and everything only when it is so at
//! the next one, too: whatever stands in front of a cluster has moments of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use super::identity::{Heard, Pending};
use super::take::{Fetched, PAUSE, Taken, missing};
use super::{Session, Target, Visited};
use crate::bundle::manifest::{Event, Exchange, Missing, Process, Slot, SnapshotEnded, SnapshotId, Who};
use crate::bundle::now;
use crate::capture::endpoints::{Endpoint, Phase, Server, endpoint};
use crate::capture::facts::{Gauges, NodeFacts};
use crate::capture::mask;
use crate::capture::progress::{Awaited, Progress};
use crate::capture::refusal::{Cause, Details, Effect, Next, Refusal, Route};
use crate::capture::transport::Transport;

/// So many processes are followed while what belongs to a process alone is taken.
const RESTARTS: usize = 3;

/// A visit in progress.
pub(super) struct Visit<'s> {
    pub(super) session: &'s Session,
    pub(super) transport: Transport,
    pub(super) node: String,
    /// Held while the kubelet measures: somebody else may ask the same kubelet by another name.
    pub(super) lane: Arc<Mutex<()>>,
    /// Number of the run; 0 before the first.
    pub(super) run: u32,
    pub(super) process: Process,
    pub(super) gauges: Gauges,
    pub(super) facts: Option<NodeFacts>,
    /// The node object, until a run is known that it belongs to.
    pub(super) object: Option<Fetched>,
    /// `enableContentionProfiling`, where it is known.
    pub(super) contention: Option<bool>,
    /// When metrics last named the process of the run, by the server's clock.
    pub(super) confirmed: Option<i64>,
    /// Until when the process of the run surely lived, by what an earlier capture took of it.
    pub(super) lived: Option<i64>,
    /// Whether the node's clock was set meanwhile.
    pub(super) stepped: bool,
    /// What was taken out of the bundle again.
    pub(super) withdrawn: Vec<Slot>,
    /// What was taken since then.
    pub(super) pending: Vec<Pending>,
    /// Metrics of a process that has just been found.
    pub(super) fresh: Option<Fetched>,
    /// Whether metrics were heard in this capture.
    heard: bool,
    /// The snapshot that is being taken.
    pub(super) current: Option<SnapshotId>,
    /// Number of the snapshot that is being taken, or was last.
    number: u32,
    /// Number of the last snapshot of earlier captures.
    closed: u32,
    /// The run of the last snapshot; 0 where there is none.
    snapshot_of: u32,
    /// Of how many snapshots each artifact is missing.
    due: Vec<(&'static Endpoint, u32)>,
    /// Counts the snapshots of this capture.
    turn: u32,
    /// Why no profile is asked for in this snapshot.
    pub(super) no_profiles: Option<Refusal>,
    /// Why nothing is asked for in this snapshot.
    pub(super) left: Option<Refusal>,
    /// Why the node is not visited any more.
    pub(super) given_up: Option<Refusal>,
    /// The snapshot that something ended that would end everything, and how much had come by then of the node and of all.
    strike: Option<(u32, u64, u64)>,
    /// How many answers were as they should be.
    good: u64,
    /// Whether nobody was told of that yet.
    untold: bool,
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
    let mut visit = Visit {
        session,
        transport: target.transport,
        lane,
        run: 0,
        process: Process::default(),
        gauges: Gauges::default(),
        facts: None,
        object: None,
        contention: None,
        confirmed: None,
        lived: None,
        stepped: false,
        withdrawn: Vec::new(),
        pending: Vec::new(),
        fresh: None,
        heard: false,
        current: None,
        number: 0,
        closed: 0,
        snapshot_of: 0,
        due: Vec::new(),
        turn: 0,
        no_profiles: None,
        left: None,
        given_up: None,
        strike: None,
        good: 0,
        untold: false,
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
    visit.seen.runs = visit.run;
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

    async fn go(&mut self, permits: &Arc<Semaphore>) {
        let known = self.session.writer.look(|r| r.node(&self.node).cloned());
        let known = known.unwrap_or_default();
        if let Some(last) = known.runs.last() {
            self.run = last.run;
            self.process = last.process.clone();
            self.snapshot_of = if last.snapshots.is_empty() { 0 } else { last.run };
            self.recall(last);
        }
        (self.closed, self.number) = (known.last_number(), known.last_number());
        if self.session.options.until.is_set() && self.closed == 0 {
            self.wait_for_threshold().await;
        }
        let schedule = self.session.options.schedule;
        let plan = &self.session.options.plan;
        let due = |e: &'static Endpoint| (e, schedule.snapshots.saturating_sub(known.settled(e.artifact)));
        self.due = plan.of(Phase::Every).map(due).collect();
        let snapshots = self.due.iter().map(|(_, n)| *n).max().unwrap_or(0);
        self.say_what_is_missing();
        let started = Instant::now();
        let mut begun = None;
        for turn in 1..=snapshots {
            if self.given_up.is_some() {
                return;
            }
            if let Some(begun) = begun
                && self.session.ended().is_none()
            {
                let wait = schedule.wait(begun, started.elapsed());
                if !wait.is_zero() {
                    let what = Awaited::Snapshot {
                        number: self.number + 1,
                        of: self.closed + snapshots,
                    };
                    self.watch(&Progress::Waiting { wait, what });
                    self.session.sleep(wait).await;
                }
            }
            if self.session.ended().is_some() {
                return;
            }
            let Ok(_permit) = permits.acquire().await else { return };
            begun = Some(started.elapsed());
            (self.number, self.turn) = (self.number + 1, turn);
            self.watch(&Progress::Snapshot {
                number: self.number,
                of: self.closed + snapshots,
            });
            self.snapshot().await;
            self.once(turn == snapshots).await;
        }
        if snapshots == 0 && self.given_up.is_none() && self.session.ended().is_none() {
            let Ok(_permit) = permits.acquire().await else { return };
            self.once(true).await;
        }
    }

    /// Says what of an earlier capture's snapshots is taken now, in snapshots of its own: bytes stand under the time when
    /// they came.
    fn say_what_is_missing(&self) {
        let missing: Vec<String> = match self.closed {
            0 => return,
            _ => self.due.iter().filter(|(_, n)| *n > 0),
        }
        .map(|(e, n)| format!("{n} {}", e.artifact))
        .collect();
        if !missing.is_empty() {
            let text = format!("taking what is missing: {}", missing.join(", "));
            self.watch(&Progress::Note(text));
        }
    }

    /// Takes a snapshot. When the process ends meanwhile it is taken again, of the next one.
    async fn snapshot(&mut self) {
        if self.is_cut_short().await && self.session.ended().is_none() && self.given_up.is_none() {
            self.note(format!(
                "snapshot {}: its process is gone, so it is taken again of the new one",
                self.number
            ));
            self.is_cut_short().await;
        }
        self.current = None;
    }

    /// What a snapshot takes: everything of a process that has none yet, else what is still missing. Forms of one thing
    /// belong to one moment.
    fn takes(&self, e: &Endpoint) -> bool {
        let stem = |e: &Endpoint| e.artifact.split('.').next().unwrap_or_default();
        let is_due = |(other, n): &(&Endpoint, u32)| self.turn <= *n && stem(other) == stem(e);
        self.snapshot_of != self.run || self.due.iter().any(is_due)
    }

    /// Takes a snapshot; whether its process ended before it was whole.
    async fn is_cut_short(&mut self) -> bool {
        (self.no_profiles, self.left) = (None, None);
        if self.facts.is_none() && self.transport.route().has_api_server() && self.object.is_none() {
            self.look_at_node().await;
        }
        self.current = None;
        let id = SnapshotId {
            number: self.number,
            taken: now(),
        };
        let metrics = self.metrics().await;
        self.current = Some(id);
        let health = self.first("healthz").await;
        let run = self.run;
        let plan = self.session.options.plan.clone();
        let takes: Vec<_> = plan.of(Phase::Every).filter(|e| self.takes(e)).collect();
        self.snapshot_of = run;
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
            if self.run != run {
                return true;
            }
        }
        if self.session.ended().is_some() || self.left.is_some() {
            return false;
        }
        if !self.pending.is_empty() && self.check(2).await == Heard::Other {
            return true;
        }
        let ended = SnapshotEnded {
            node: self.node.clone(),
            run: self.run,
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
            self.left = self.doubt();
            self.untold = self.left.is_some();
        }
        let nobody = self.left.is_some() && fetched.is_err();
        if self.run == 0 && !nobody {
            // Which process it is was not said; that there is one was.
            self.begin(self.gauges.process(self.facts.as_ref()));
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
        if let Some(refusal) = &self.left {
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
            let run = self.run;
            self.once_of_process(last).await;
            let over = self.run == run || self.given_up.is_some() || self.session.ended().is_some();
            // The first snapshot of another process is the next of the series; where none is due any more, it is taken now.
            if over || !last {
                return;
            }
            if self.number <= self.closed {
                self.number += 1;
            }
            self.watch(&Progress::Snapshot {
                number: self.number,
                of: self.number,
            });
            self.snapshot().await;
        }
    }

    async fn once_of_process(&mut self, last: bool) {
        let plan = self.session.options.plan.clone();
        let tried = self.once.contains(&self.run);
        let mut due: Vec<&'static Endpoint> = Vec::new();
        // What was never there to be asked is explained at the end.
        if !tried && (self.left.is_none() || last) {
            due.extend(plan.of(Phase::Once));
        }
        if last {
            due.extend(plan.of(Phase::Last));
        }
        due.retain(|e| self.session.writer.has(&self.slot(None, e)).is_none());
        if due.is_empty() || !self.is_still_there(&due).await {
            return;
        }
        if self.left.is_none() && !tried {
            self.once.push(self.run);
        }
        let run = self.run;
        for e in due {
            if let ("node", Some(fetched)) = (e.artifact, self.object.take_if(|_| e.artifact == "node")) {
                let slot = self.slot(None, e);
                let taken = self.session.put(&self.transport, &slot, e, fetched).await;
                self.after(e, taken).await;
            } else {
                self.artifact(None, e).await;
            }
            if self.run != run {
                return;
            }
        }
        if !self.pending.is_empty() && self.left.is_none() {
            self.check(2).await;
        }
    }

    /// Whether the process is there that these are to be taken of. A resumption has not heard of it yet; another one has its
    /// own run then, unless all that lacks was left out on purpose.
    async fn is_still_there(&mut self, due: &[&Endpoint]) -> bool {
        if self.heard || self.left.is_some() || self.session.ended().is_some() || self.process.start_time.is_none() {
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
        let run = self.run;
        match self.metrics().await {
            // They are the first of the new run.
            Some(Ok(fetched)) if self.run != run => self.fresh = Some(fetched),
            Some(Err((refusal, _))) if self.left.is_none() && self.session.ended().is_none() => {
                // Nothing says whether it is the same process.
                self.left = Some(refusal.with_effect(Effect::ProcessUnknown));
            }
            _ => {}
        }
        self.run == run
    }

    pub(super) fn slot(&self, snapshot: Option<SnapshotId>, e: &Endpoint) -> Slot {
        Slot {
            node: self.node.clone(),
            run: self.run.max(1),
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
        if self.gauges.is_kubelet || self.session.options.force {
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
        self.good += 1;
        self.session.good.fetch_add(1, Ordering::Relaxed);
    }

    /// What a refusal means for the artifacts that follow.
    fn heed(&mut self, refusal: &Refusal) {
        match refusal.next {
            Next::NoProfiles => self.no_profiles = Some(refusal.clone()),
            Next::LeaveNode => self.left = Some(refusal.clone()),
            Next::Stop if matches!(refusal.cause, Cause::Disk | Cause::Interrupted) => self.session.halt(refusal),
            Next::Stop => self.stopped(refusal),
            // It was tried again and is still so: whoever does not answer now will not answer in a second.
            Next::Again(_) if refusal.is_unconnected() => self.left = Some(refusal.clone()),
            _ => {}
        }
    }

    /// Something that would end everything: it ends this snapshot, and more only when nothing came since it was so before.
    fn stopped(&mut self, refusal: &Refusal) {
        self.left = Some(refusal.clone());
        let all = self.session.good.load(Ordering::Relaxed);
        // Each kubelet has its own certificate and its own idea of us.
        let alone = self.transport.route() == Route::Direct;
        let again = match self.strike {
            Some((number, ..)) if number == self.number => return,
            Some((number, good, _)) => number + 1 == self.number && good == self.good,
            // Nothing ever came this way.
            None => !refusal.may_pass() && self.good == 0,
        };
        if !again {
            self.strike = Some((self.number, self.good, all));
            return;
        }
        let others = self.strike.is_some_and(|(_, _, before)| before != all);
        if alone || others {
            self.given_up = Some(refusal.clone());
        } else {
            self.session.halt(refusal);
        }
    }

    async fn after(&mut self, e: &Endpoint, taken: Taken) {
        match taken {
            Taken::There(artifact) => {
                self.came();
                self.question(&artifact);
                self.learn(e, &artifact).await;
                self.seen.taken.push(*artifact);
                if !self.session.options.plan.measures(e).is_zero() {
                    self.check(2).await;
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
                missing.details.inherited = !tell;
                self.session.explain(&slot, e, refusal, missing, tell)
            }
            None => self.take(&slot, e).await,
        };
        self.after(e, taken).await;
    }
}
