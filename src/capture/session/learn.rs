//! What artifacts say about the process: whether an empty profile is off or quiet, how many goroutines there are, and so
//! what would do more harm than good.

use super::visit::Visit;
use crate::bundle::manifest::{Artifact, Who};
use crate::capture::endpoints::{Endpoint, endpoint};
use crate::capture::progress::Progress;
use crate::capture::refusal::{Cause, Details, Next, Refusal};

impl Visit<'_> {
    /// Why an artifact would do more harm than good.
    pub(super) fn not_worth_it(&self, e: &Endpoint) -> Option<Refusal> {
        if self.session.options.force {
            return None;
        }
        let goroutines = self.identity.gauges.goroutines.unwrap_or(0);
        if e.artifact == "goroutine.debug2" && goroutines > self.session.options.max_goroutines {
            let details = Details {
                goroutines: Some(goroutines),
                ..Details::default()
            };
            return Some(Refusal::new(Cause::TooManyGoroutines, Who::Kubeprof, Next::Skip).about(details));
        }
        let scarce = self.facts.as_ref().is_some_and(|f| f.memory_pressure);
        let costly = matches!(e.artifact, "heap-gc" | "goroutine.debug2" | "goroutineleak" | "trace");
        (scarce && costly).then(|| Refusal::new(Cause::MemoryPressure, Who::Kubeprof, Next::Skip))
    }

    /// An empty mutex profile is off or quiet; only the text says which.
    async fn mutex_is_empty(&mut self) {
        let Some(e) = endpoint("mutex") else { return };
        let text = Endpoint {
            params: &[("debug", "1")],
            ..*e
        };
        let period = match self.session.fetch(&self.transport, &self.node, &text, 2).await {
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
        let facts = &mut self.identity.process.facts;
        facts.insert(format!("{key}_profile"), value.to_owned());
        self.say_run();
        if value != "data" {
            self.watch(&Progress::Note(format!("{key} profile: {value}")));
        }
    }

    /// What a small artifact says.
    fn text(&self, artifact: &Artifact) -> String {
        std::fs::read_to_string(self.session.writer.root().join(&artifact.path)).unwrap_or_default()
    }

    /// What an artifact says about the process that the others do not.
    pub(super) async fn learn(&mut self, e: &Endpoint, artifact: &Artifact) {
        let empty = artifact.facts.samples == Some(0);
        if artifact.facts.truncated {
            let text = format!("{}: {}", e.artifact, super::truncation(artifact));
            self.note(text);
        }
        match e.artifact {
            "goroutine" => {
                let total = artifact.facts.totals.first().and_then(|t| u64::try_from(t.value).ok());
                self.identity.gauges.goroutines = total.or(self.identity.gauges.goroutines);
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
