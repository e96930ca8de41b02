//! What follows when metrics are heard: another process begins a run of its own, what may be of either is taken out of the
//! bundle again with a line that says why, and what the old one can no longer give is written down.

use super::identity::{Heard, at_server};
use super::request::missing;
use super::visit::Visit;
use crate::bundle::manifest::{Event, Exchange, Missing, Process, RunStarted, Slot, Who};
use crate::capture::endpoints::{Phase, endpoint};
use crate::capture::facts::Gauges;
use crate::capture::progress::Progress;
use crate::capture::refusal::{Cause, Effect, Next, Refusal};

impl Visit<'_> {
    /// Takes in what metrics say; whether they are of another process than that of the run, whose run has begun then.
    pub(super) async fn hear(&mut self, bytes: &[u8], exchange: &Exchange) -> bool {
        let gauges = Gauges::read(bytes);
        match self.identity.hear(gauges, self.facts.as_ref(), at_server(exchange)) {
            Heard::Untold | Heard::Same => {}
            Heard::First(process) => self.begin(*process),
            Heard::Known => self.say_run(),
            Heard::ClockSet => {
                let text = "the clock of the node was set: the kubelet names another time of its start, and is the same process";
                self.note(text.to_owned());
            }
            Heard::Other { process, doubtful } => {
                self.turn(*process, &doubtful).await;
                return true;
            }
        }
        false
    }

    /// Asks which process answers, where that was ever told, at most `most` times where no answer comes; whether it is another.
    pub(super) async fn is_another(&mut self, most: u32) -> bool {
        if self.session.ended().is_some() || self.identity.process.start_time.is_none() {
            return false;
        }
        let Some(metrics) = endpoint("metrics") else {
            return false;
        };
        let Ok(fetched) = self.session.fetch(&self.transport, &self.node, metrics, most).await else {
            return false;
        };
        let another = self.hear(&fetched.bytes, &fetched.exchange).await;
        if another {
            // They are the first of the new run.
            self.fresh = Some(fetched);
        }
        another
    }

    /// Whether the process of the run is there no more; begins no run.
    pub(super) async fn is_gone(&mut self) -> bool {
        let Some(metrics) = endpoint("metrics") else {
            return false;
        };
        match self.session.fetch(&self.transport, &self.node, metrics, 1).await {
            Ok(fetched) => self.identity.is_gone(Gauges::read(&fetched.bytes), self.facts.as_ref()),
            Err(_) => false,
        }
    }

    /// Begins a run.
    pub(super) fn begin(&mut self, process: Process) {
        self.identity.begin(process);
        self.say_run();
    }

    /// Writes down what is known of the process by now.
    pub(super) fn say_run(&mut self) {
        self.append(Event::Run(RunStarted {
            node: self.node.clone(),
            run: self.identity.run.max(1),
            process: self.identity.process.clone(),
        }));
    }

    /// Another process answers.
    async fn turn(&mut self, mut process: Process, doubtful: &[Slot]) {
        for slot in doubtful {
            self.withdraw(slot);
        }
        self.gone();
        let before = self.identity.run;
        self.contention = None;
        self.standing.renew();
        self.current = None;
        if self.transport.route().has_api_server() {
            // The node may have been booted, too.
            self.object = None;
            self.look_at_node().await;
            process = self.identity.gauges.process(self.facts.as_ref());
        }
        self.begin(process);
        let run = self.identity.run;
        self.watch(&Progress::Restarted { run });
        self.seen.notes.push(format!(
            "the kubelet was restarted: run {run} begins, what was taken before stays in run {before}"
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

    /// What was taken out again, or was due when its process ended, and was not taken anew is missing.
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
                _ => {
                    // It is missing unless the snapshot is taken again of the new process.
                    self.withdrawn.extend(snapshot.is_some().then(|| slot.clone()));
                    Refusal::new(Cause::ProcessGone, Who::Kubelet, Next::GoOn)
                }
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
