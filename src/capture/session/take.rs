//! One artifact of a visit: asked for, and again where that is worth trying and the process is still the same.

use std::sync::Arc;

use super::request::{PAUSE, Taken, Unkept, missing};
use super::visit::Visit;
use crate::bundle::manifest::{Artifact, Slot};
use crate::capture::endpoints::{Endpoint, endpoint};
use crate::capture::progress::Progress;
use crate::capture::refusal::{self, Cause};

impl Visit<'_> {
    /// Whether the node has served a profile.
    fn has_profiles(&self) -> bool {
        let is_profile = |a: &Artifact| endpoint(&a.slot.artifact).is_some_and(|e| e.path.starts_with("/debug/pprof/"));
        self.seen.taken.iter().any(is_profile)
    }

    /// Takes an artifact, again where that is worth trying and the process is still the same.
    pub(super) async fn take(&mut self, slot: &Slot, e: &Endpoint) -> Taken {
        if self.session.writer.has(slot).is_some() {
            return Taken::WasThere;
        }
        let measures = self.session.options.plan.measures(e);
        let lane = Arc::clone(&self.lane);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let kept = {
                // Two measurements of one kubelet never meet, whatever names it is asked by.
                let _alone = match measures.is_zero() {
                    true => None,
                    false => Some(lane.lock().await),
                };
                let artifact = e.artifact;
                self.watch(&Progress::Asking { artifact, measures });
                self.session.attempt(&self.transport, slot, e, attempts).await
            };
            let (exchange, unkept) = match kept {
                Ok(artifact) => return Taken::There(artifact),
                Err(failed) => failed,
            };
            let Unkept {
                mut refusal,
                body,
                bytes,
            } = unkept;
            if refusal.cause == Cause::NotAKubelet && self.has_profiles() {
                refusal = refusal::no_such_profile(e.path);
            }
            // A measurement whose reader has left goes on at the kubelet: asking at once would only be told so.
            let goes_on = !measures.is_zero() && matches!(refusal.cause, Cause::Broke | Cause::IdleTimeout);
            if !goes_on && self.session.again(&slot.node, e.artifact, &refusal, attempts).await {
                if refusal.may_be_of_a_restart() && self.is_another(1).await {
                    return Taken::Gone;
                }
                continue;
            }
            // Unless its kubelet is gone: then it is due of the next one.
            if goes_on && self.session.ended().is_none() {
                self.session.sleep(PAUSE).await;
                if self.is_another(2).await {
                    return Taken::Gone;
                }
            }
            let missing = missing(&refusal, exchange, &body, bytes);
            return self.session.explain(slot, e, refusal, missing, true);
        }
    }
}
