//! Which process answers, and what becomes of what was taken when it turns out to be another one.
//!
//! Only metrics tell, and they cost the kubelet about 10 ms. So they are asked at the start and at the end of a snapshot,
//! after every measurement, before something broken is asked for once more, and before what belongs to the process alone is
//! taken by a resumption. What comes in between is in the bundle at once and stands in question until the next answer: when
//! that is of another process, only what was whole before that process began stays. The rest is taken out again with a line
//! that says why, and what is due is taken of the new process, in a run of its own.

use jiff::Timestamp;

use super::take::missing;
use super::visit::Visit;
use crate::bundle::manifest::{Artifact, Event, Exchange, Missing, Process, RunStarted, Slot, Who};
use crate::bundle::{RunRecord, now};
use crate::capture::endpoints::{Phase, endpoint};
use crate::capture::facts::Gauges;
use crate::capture::progress::Progress;
use crate::capture::refusal::{Cause, Effect, Next, Refusal};

/// The start of a process is known to a second, and so is the clock of a server.
const CLOSE_MS: i64 = 2000;

/// What metrics said about the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    /// It is that of the run.
    Same,
    /// It is another; its run has begun.
    Other,
    /// They did not come, or do not tell.
    Untold,
}

/// An artifact of which it is not sure yet that it is of the process of its run.
#[derive(Debug)]
pub(super) struct Pending {
    slot: Slot,
    /// When it was asked for and when it was whole, in milliseconds of Unix time by the server's clock.
    from: i64,
    to: i64,
    /// Whether an earlier capture took it.
    earlier: bool,
    /// Whether that came after a snapshot that ended, and so after the process was heard of.
    after_end: bool,
}

impl Pending {
    fn of(artifact: &Artifact, earlier: bool) -> Self {
        let from = at_server(&artifact.exchange);
        let took = i64::try_from(artifact.exchange.done_ms.unwrap_or(0)).unwrap_or(0);
        Pending {
            slot: artifact.slot.clone(),
            from,
            to: from.saturating_add(took),
            earlier,
            after_end: false,
        }
    }

    /// Whether it was whole before a process began. What an earlier capture took behind the end of a snapshot has the doubt
    /// on its side: no kubelet serves in the second in which it is started, and somebody who restarts one once the capture is
    /// over shall lose nothing.
    fn is_before(&self, start: i64) -> bool {
        let margin = if self.after_end { -CLOSE_MS / 2 } else { CLOSE_MS };
        self.to.saturating_add(margin) <= start
    }
}

/// When a request was sent, in milliseconds of Unix time by the server's clock.
fn at_server(exchange: &Exchange) -> i64 {
    let sent = exchange.t_request.unwrap_or_else(now).as_millisecond();
    sent.saturating_add(exchange.clock_skew_ms.unwrap_or(0))
}

/// Whether both are one process. Where both say when they began, that alone tells: what the node says of itself lags.
fn is_same(a: &Process, b: &Process) -> bool {
    match (a.start_time, b.start_time) {
        (Some(x), Some(y)) => (x - y).abs() <= 0.1,
        _ => a.may_be(b),
    }
}

fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

impl Visit<'_> {
    /// What an earlier capture took last of the latest process stands in question until that is heard of again; but for
    /// snapshots that came to their end, which they did by hearing of it.
    pub(super) fn recall(&mut self, run: &RunRecord) {
        let since: Option<Timestamp> = run.snapshots.last().map(|s| s.id.taken);
        let ended = run.snapshots.iter().filter(|s| s.ended).flat_map(|s| &s.artifacts);
        self.lived = ended.map(|a| Pending::of(a, true).to).max();
        let after_end = run.snapshots.last().is_some_and(|s| s.ended);
        let last = run.snapshots.last().filter(|s| !s.ended);
        let last = last.map(|s| s.artifacts.as_slice()).unwrap_or_default();
        let after = |a: &&Artifact| a.exchange.t_request >= since;
        self.pending = last
            .iter()
            .chain(run.once.iter().filter(after))
            .filter(|a| !is_told(&a.slot.artifact))
            .map(|a| Pending {
                after_end,
                ..Pending::of(a, true)
            })
            .collect();
    }

    /// Notes that an artifact was taken, of whichever process.
    pub(super) fn question(&mut self, artifact: &Artifact) {
        if !is_told(&artifact.slot.artifact) {
            self.pending.push(Pending::of(artifact, false));
        }
    }

    /// Compares what metrics say with the process of the run, and begins a run where it is another.
    pub(super) async fn hear(&mut self, bytes: &[u8], exchange: &Exchange) -> Heard {
        let gauges = Gauges::read(bytes);
        let asked = at_server(exchange);
        let process = gauges.process(self.facts.as_ref());
        let before = std::mem::replace(&mut self.gauges, gauges);
        let Some(start) = process.start_time.map(millis) else {
            return Heard::Untold;
        };
        if self.run == 0 {
            self.begin(process);
        } else if self.process.start_time.is_none() && self.adopts(&process, start, asked) {
            let facts = std::mem::take(&mut self.process.facts);
            self.process = process;
            self.process.facts.extend(facts);
            self.say_run();
        } else if !is_same(&process, &self.process) {
            if !self.is_step(&process, start, &before) {
                self.turn(process, start, asked).await;
                self.confirmed = Some(asked);
                return Heard::Other;
            }
            self.process.start_time = process.start_time;
            if !std::mem::replace(&mut self.stepped, true) {
                let text = "the clock of the node was set: the kubelet names another time of its start, and is the same process";
                self.note(text.to_owned());
            }
        }
        self.pending.clear();
        self.confirmed = Some(asked);
        Heard::Same
    }

    /// Whether another time of start is only another clock: Linux reckons it from the time of day, which may be set. A process
    /// that began before the one of the run was last heard of cannot have replaced it, and one process's CPU time never falls.
    fn is_step(&self, process: &Process, start: i64, before: &Gauges) -> bool {
        const MOST_UNSEEN_MS: i64 = 600_000;
        let differs = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
        if differs(&process.boot_id, &self.process.boot_id)
            || differs(&process.kubelet_version, &self.process.kubelet_version)
        {
            return false;
        }
        let was = self.process.start_time.map_or(start, millis);
        let alive = match (before.cpu_seconds, self.gauges.cpu_seconds) {
            (Some(before), Some(after)) => before <= after,
            // Nothing was heard in this visit yet: only as far as clocks are usually set.
            _ => (start - was).abs() <= MOST_UNSEEN_MS,
        };
        let heard = self.confirmed.or(self.lived);
        alive && heard.is_some_and(|heard| start < heard.saturating_sub(CLOSE_MS))
    }

    /// Whether a run of a process that was never told may be of this one: nothing of it is older.
    fn adopts(&self, process: &Process, start: i64, asked: i64) -> bool {
        let older = start <= asked.saturating_add(CLOSE_MS) && self.pending.iter().any(|p| p.is_before(start));
        !older && process.may_be(&self.process)
    }

    /// Asks which process answers, where that was ever told; so many times where nobody does.
    pub(super) async fn check(&mut self, most: u32) -> Heard {
        if self.session.ended().is_some() || self.process.start_time.is_none() {
            return Heard::Untold;
        }
        let Some(metrics) = endpoint("metrics") else {
            return Heard::Untold;
        };
        match self.session.fetch(&self.transport, &self.node, metrics, most).await {
            Ok(fetched) => {
                let heard = self.hear(&fetched.bytes, &fetched.exchange).await;
                if heard == Heard::Other {
                    // They are the first of the new run.
                    self.fresh = Some(fetched);
                }
                heard
            }
            Err(_) => Heard::Untold,
        }
    }

    /// Whether the process of the run is there no more; begins no run.
    pub(super) async fn is_gone(&mut self) -> bool {
        let Some(metrics) = endpoint("metrics") else {
            return false;
        };
        match self.session.fetch(&self.transport, &self.node, metrics, 1).await {
            Ok(fetched) => {
                let before = std::mem::replace(&mut self.gauges, Gauges::read(&fetched.bytes));
                let process = self.gauges.process(self.facts.as_ref());
                let start = process.start_time.map(millis);
                !is_same(&process, &self.process) && !start.is_some_and(|start| self.is_step(&process, start, &before))
            }
            Err(_) => false,
        }
    }

    /// The first run of a visit.
    pub(super) fn begin(&mut self, process: Process) {
        self.run += 1;
        self.process = process;
        self.say_run();
    }

    fn say_run(&mut self) {
        self.append(Event::Run(RunStarted {
            node: self.node.clone(),
            run: self.run,
            process: self.process.clone(),
        }));
    }

    /// Another process answers, which began at `start` and was heard of at `asked`, both by the server's clock.
    async fn turn(&mut self, process: Process, start: i64, asked: i64) {
        for p in std::mem::take(&mut self.pending) {
            let since = self.confirmed.unwrap_or(p.from);
            // A start that is not where it must be is of a clock that tells nothing.
            let tells = (since.saturating_sub(CLOSE_MS)..=asked.saturating_add(CLOSE_MS)).contains(&start);
            let stays = if tells { p.is_before(start) } else { p.earlier };
            if !stays {
                self.withdraw(&p.slot);
            }
        }
        self.gone();
        let before = self.run;
        self.run += 1;
        self.process = process;
        self.contention = None;
        (self.no_profiles, self.left, self.current) = (None, None, None);
        if self.transport.route().has_api_server() {
            // The node may have been booted, too.
            self.object = None;
            self.look_at_node().await;
            self.process = self.gauges.process(self.facts.as_ref());
        }
        self.say_run();
        self.watch(&Progress::Restarted { run: self.run });
        self.seen.notes.push(format!(
            "the kubelet was restarted: run {} begins, what was taken before stays in run {before}",
            self.run
        ));
    }

    fn withdraw(&mut self, slot: &Slot) {
        let refusal = Refusal::new(Cause::ProcessUncertain, Who::Kubeprof, Next::GoOn);
        if let Err(e) = self.session.writer.withdraw(slot, refusal.who, refusal.cause) {
            self.note(e.to_string());
        }
        self.seen.taken.retain(|a| a.slot != *slot);
        self.withdrawn.push(slot.clone());
        let artifact = slot.artifact.as_str();
        self.watch(&Progress::Skipped {
            artifact,
            refusal: &refusal,
        });
    }

    /// What was taken out again and not taken anew is a lack.
    pub(super) fn settle_withdrawn(&mut self) {
        for slot in std::mem::take(&mut self.withdrawn) {
            let record = self.session.writer.record();
            let number = slot.snapshot.map(|id| id.number);
            let anew = record.artifacts().any(|a| {
                a.slot.node == slot.node
                    && a.slot.artifact == slot.artifact
                    && a.slot.snapshot.map(|id| id.number) == number
            });
            if anew {
                continue;
            }
            let refusal = Refusal::new(Cause::Restarted, Who::Kubelet, Next::GoOn);
            let event = Missing {
                slot: slot.clone(),
                ..missing(&refusal, Exchange::default(), &[], 0)
            };
            self.append(Event::Failed(event));
            let artifact = slot.artifact.as_str();
            self.watch(&Progress::Failed {
                artifact,
                refusal: &refusal,
            });
            self.seen.failed.push((slot.artifact.clone(), refusal));
        }
    }

    /// What belonged to a process that is gone and was not taken by then cannot be had any more.
    fn gone(&mut self) {
        let plan = self.session.options.plan.clone();
        let record = self.session.writer.record();
        let of_process = plan.of(Phase::Once).chain(plan.of(Phase::Last)).map(|e| (None, e));
        let of_snapshot = plan.of(Phase::Every).map(|e| (self.current, e));
        for (snapshot, e) in of_process.chain(of_snapshot.filter(|(current, _)| current.is_some())) {
            let slot = self.slot(snapshot, e);
            let lack = record.lacks().find(|l| is_place(&l.missing.slot, &slot));
            if record.artifact(&slot).is_some() || lack.is_some_and(|l| l.skipped) {
                continue;
            }
            let refusal = match lack.map(|l| &l.missing) {
                Some(m) if m.cause != Cause::Unknown => Refusal::new(m.cause, Who::Kubelet, Next::GoOn)
                    .about(m.details.clone())
                    .with_effect(Effect::ProcessGone),
                _ => Refusal::new(Cause::ProcessGone, Who::Kubelet, Next::GoOn),
            };
            self.session.skip(&slot, &refusal);
        }
    }
}

/// Whether both are one place: a snapshot that goes on has another time and the same number.
fn is_place(a: &Slot, b: &Slot) -> bool {
    let number = |s: &Slot| s.snapshot.map(|id| id.number);
    (&a.node, a.run, number(a), &a.artifact) == (&b.node, b.run, number(b), &b.artifact)
}

/// Whether an artifact itself says which process it is of, or is of none.
fn is_told(artifact: &str) -> bool {
    matches!(artifact, "metrics" | "version" | "node")
}
