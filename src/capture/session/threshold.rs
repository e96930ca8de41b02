//! Waiting for a process to have grown: metrics only, until what is asked is reached or can never be.

use std::time::Duration;

use tokio::time::Instant;

use super::visit::Visit;
use crate::bundle::manifest::{Exchange, Who};
use crate::capture::endpoints::endpoint;
use crate::capture::facts::Gauges;
use crate::capture::progress::{Awaited, Progress};
use crate::capture::refusal::{Cause, Effect, Next, Refusal};

use super::request::missing;

/// This many looks in a row must say that it can never be reached: one may be of a moment.
const HOPELESS: u32 = 2;
/// Where a look ever told something, nothing is hopeless before this time: a night has bad minutes.
const PATIENCE: Duration = Duration::from_secs(600);

impl Visit<'_> {
    /// Looks at the metrics until the process has grown as far as is asked. What makes that impossible ends the visit.
    pub(super) async fn wait_for_threshold(&mut self) {
        let until = self.session.options.until;
        let Some(metrics) = endpoint("metrics") else { return };
        let (mut hopeless, mut last_good) = (0, None::<Instant>);
        while self.session.ended().is_none() {
            let looked = self.session.fetch(&self.transport, &self.node, metrics, 1).await;
            let (what, never, exchange) = match looked {
                Ok(fetched) => {
                    self.identity.gauges = Gauges::read(&fetched.bytes);
                    let (memory, goroutines) = (self.identity.gauges.resident_bytes, self.identity.gauges.goroutines);
                    let reached = |is: Option<u64>, at: Option<u64>| at.is_some_and(|at| is.is_some_and(|is| is >= at));
                    if reached(memory, until.memory) || reached(goroutines, until.goroutines) {
                        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
                        self.note(format!(
                            "threshold reached: memory {}, {} goroutines",
                            or_unknown(memory.map(|m| format!("{} MiB", m >> 20))),
                            or_unknown(goroutines.map(|g| g.to_string()))
                        ));
                        return;
                    }
                    let told = (until.memory.is_some() && memory.is_some())
                        || (until.goroutines.is_some() && goroutines.is_some());
                    let never = self.doubt().or_else(|| (!told).then(nothing_to_compare));
                    (Awaited::Threshold { memory, goroutines }, never, fetched.exchange)
                }
                Err((refusal, missing)) => {
                    let never = (!refusal.may_end()).then(|| refusal.clone());
                    (Awaited::Retry(Box::new(refusal)), never, missing.exchange)
                }
            };
            hopeless = if never.is_some() { hopeless + 1 } else { 0 };
            if never.is_none() {
                last_good = Some(Instant::now());
            }
            let patient = last_good.is_some_and(|at| at.elapsed() < PATIENCE);
            if let Some(refusal) = never.filter(|_| hopeless >= HOPELESS && !patient) {
                self.never(refusal, exchange);
                return;
            }
            let wait = self.session.options.look_every;
            self.watch(&Progress::Waiting { wait, what });
            self.session.sleep(wait).await;
        }
    }

    /// The threshold cannot be reached: that is written down, and the node is left.
    fn never(&mut self, refusal: Refusal, exchange: Exchange) {
        let Some(metrics) = endpoint("metrics") else { return };
        let refusal = refusal.with_effect(Effect::ThresholdUnreachable);
        let missing = missing(&refusal, exchange, &[], 0);
        let slot = self.slot(None, metrics);
        self.session.explain(&slot, metrics, refusal.clone(), missing, true);
        self.seen.failed.push(("metrics".to_owned(), refusal.clone()));
        self.standing.give_up(refusal);
    }
}

/// Metrics that hold nothing of what is waited for.
fn nothing_to_compare() -> Refusal {
    Refusal::new(Cause::ThresholdNotMeasured, Who::Kubelet, Next::LeaveNode)
}
