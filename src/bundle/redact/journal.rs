//! The journal of a bundle, event by event and field by field. Every field is named: one that is added does not compile before
//! it is said here what becomes of it.

use std::collections::BTreeMap;

use super::Redaction;
use super::key::MASK;
use super::vocabulary::{is_setting, is_term, is_version};
use crate::bundle::WriteError;
use crate::bundle::manifest::{
    Asked, Binary, Cause, Details, Effect, Event, Exchange, Facts, Finished, Missing, Process, RunStarted, SCHEMA,
    Slot, SnapshotEnded, Started, Total,
};

/// Headers of answers that say who answered or whom one should ask; the rest is about the answer itself.
const TELLING_HEADERS: [&str; 4] = ["location", "server", "via", "www-authenticate"];

impl Redaction<'_> {
    /// The event of the new journal; none for what is left out without a trace.
    pub(super) fn event(&mut self, event: Event) -> Result<Option<Event>, WriteError> {
        Ok(match event {
            Event::Started(started) => Some(Event::Started(self.started(started))),
            Event::Run(run) => Some(Event::Run(self.run(run))),
            // What a later line took the place of is not there any more.
            Event::Artifact(a) if self.record.artifact(&a.slot).is_none_or(|known| known.path != a.path) => None,
            Event::Artifact(artifact) => Some(self.artifact(artifact)?),
            Event::Failed(missing) => Some(Event::Failed(self.missing(missing))),
            Event::Skipped(missing) => Some(Event::Skipped(self.missing(missing))),
            Event::Snapshot(SnapshotEnded { node, run, snapshot }) => {
                let node = self.names.node(&node);
                Some(Event::Snapshot(SnapshotEnded { node, run, snapshot }))
            }
            Event::Binary(binary) => {
                self.executable(binary);
                None
            }
            Event::Finished(finished) => Some(Event::Finished(self.finished(finished))),
            // What is in these is not known.
            Event::Aside(_) | Event::Unknown => None,
        })
    }

    fn started(&mut self, started: Started) -> Started {
        let Started {
            schema: _,
            tool,
            resumed,
            asked,
        } = started;
        Started {
            schema: SCHEMA,
            tool: self.tool(&tool),
            resumed,
            asked: self.asked(asked),
        }
    }

    /// `kubeprof 0.1.0`
    fn tool(&mut self, tool: &str) -> String {
        match tool.split_once(' ') {
            Some(("kubeprof", version)) if is_version(version) || version == "test" => tool.to_owned(),
            _ => self.names.prose(tool),
        }
    }

    fn asked(&mut self, asked: Asked) -> Asked {
        let Asked {
            nodes,
            every,
            once,
            snapshots,
            interval_ms,
            route,
            server,
            command,
            options,
        } = asked;
        Asked {
            nodes: nodes.iter().map(|n| self.names.node(n)).collect(),
            every: every.iter().map(|a| self.artifact_name(a)).collect(),
            once: once.iter().map(|a| self.artifact_name(a)).collect(),
            snapshots,
            interval_ms,
            route: self.names.prose(&route),
            server: self.names.prose(&server),
            command: self.names.own_command(&command),
            options: self.texts(options),
        }
    }

    /// Keys and values that may be free text.
    fn texts(&mut self, texts: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut hide = |(key, value): (String, String)| {
            let shown = self.names.setting(&key, &value);
            let key = if is_setting(&key) { key } else { self.names.label(&key) };
            (key, shown)
        };
        texts.into_iter().map(&mut hide).collect()
    }

    fn run(&mut self, run: RunStarted) -> RunStarted {
        let RunStarted { node, run, process } = run;
        let Process {
            start_time,
            boot_id,
            kubelet_version,
            go_version,
            facts,
        } = process;
        let process = Process {
            start_time,
            boot_id: self.names.machine(&boot_id),
            kubelet_version: self.version(&kubelet_version),
            go_version: self.version(&go_version),
            facts: self.texts(facts),
        };
        let node = self.names.node(&node);
        RunStarted { node, run, process }
    }

    fn version(&mut self, version: &str) -> String {
        if is_version(version) {
            version.to_owned()
        } else {
            self.names.prose(version)
        }
    }

    /// An artifact's name: `heap`, `goroutine.debug2`, `metrics-2`.
    pub(super) fn artifact_name(&mut self, name: &str) -> String {
        if is_setting(name) && !self.names.is_node(name) {
            name.to_owned()
        } else {
            self.names.label(name)
        }
    }

    pub(super) fn slot(&mut self, slot: Slot) -> Slot {
        let Slot {
            node,
            run,
            snapshot,
            artifact,
        } = slot;
        Slot {
            node: self.names.node(&node),
            run,
            snapshot,
            artifact: self.artifact_name(&artifact),
        }
    }

    pub(super) fn exchange(&mut self, exchange: Exchange) -> Exchange {
        let Exchange {
            method,
            url,
            params,
            headers,
            status,
            t_request,
            first_byte_ms,
            done_ms,
            clock_skew_ms,
            attempts,
            note,
        } = exchange;
        let mut shown = BTreeMap::new();
        for (name, value) in headers {
            // Of one request, and of no use without the logs of the API server.
            if name == "audit-id" {
                continue;
            }
            let value = match TELLING_HEADERS.contains(&name.as_str()) {
                true => self.names.label(&value),
                false => self.names.prose(&value),
            };
            let name = if is_setting(&name) {
                name
            } else {
                self.names.label(&name)
            };
            shown.insert(name, value);
        }
        Exchange {
            method: self.names.prose(&method),
            url: self.names.prose(&url),
            params: self.texts(params),
            headers: shown,
            status,
            t_request,
            first_byte_ms,
            done_ms,
            clock_skew_ms,
            attempts,
            note: self.names.prose(&note),
        }
    }

    /// What the bytes of an artifact say, whatever they say.
    pub(super) fn facts(&mut self, facts: Facts) -> Facts {
        let Facts {
            form,
            kind,
            samples,
            totals,
            build_id,
            go_version,
            kubernetes_version,
            time_nanos,
            duration_nanos,
            period,
            process_start_time,
            truncated,
        } = facts;
        let word = |names: &mut super::Names<'_>, text: &str| {
            if is_setting(text) || is_term(text) {
                text.to_owned()
            } else {
                names.label(text)
            }
        };
        let mut total = |t: Total| Total {
            kind: word(&mut self.names, &t.kind),
            unit: word(&mut self.names, &t.unit),
            value: t.value,
        };
        let totals = totals.into_iter().map(&mut total).collect();
        let is_hex = build_id.chars().all(|c| c.is_ascii_hexdigit());
        Facts {
            form,
            kind: if kind.is_empty() {
                kind
            } else {
                word(&mut self.names, &kind)
            },
            samples,
            totals,
            build_id: if is_hex { build_id } else { self.names.label(&build_id) },
            go_version: self.version(&go_version),
            kubernetes_version: self.version(&kubernetes_version),
            time_nanos,
            duration_nanos,
            period,
            process_start_time,
            truncated,
        }
    }

    /// What a cause is about.
    fn details(&mut self, details: Details) -> Details {
        let Details {
            route,
            node,
            other,
            path,
            user,
            verb,
            resource,
            selector,
            handler,
            proxy,
            server,
            title,
            page,
            origin,
            found,
            wanted,
            status,
            port,
            bytes,
            goroutines,
            limit,
            after_ms,
            idle_s,
            measures_s,
            wait_s,
            limit_s,
            message,
            advice,
            effect,
            inherited,
        } = details;
        let names = &mut self.names;
        let hex = |names: &mut super::Names<'_>, id: &str| match id.chars().all(|c| c.is_ascii_hexdigit()) {
            true => id.to_owned(),
            false => names.label(id),
        };
        Details {
            node: names.node(&node),
            other: names.node(&other),
            path: names.prose(&path),
            user: names.user(&user),
            verb: names.prose(&verb),
            resource: names.prose(&resource),
            selector: names.label(&selector),
            handler: names.prose(&handler),
            proxy: names.prose(&proxy),
            server: names.label(&server),
            title: names.label(&title),
            origin: names.prose(&origin),
            found: hex(names, &found),
            wanted: hex(names, &wanted),
            message: names.prose(&message),
            advice: names.prose(&advice),
            route,
            page,
            status,
            port,
            bytes,
            goroutines,
            limit,
            after_ms,
            idle_s,
            measures_s,
            wait_s,
            limit_s,
            effect,
            inherited,
        }
    }

    pub(super) fn missing(&mut self, missing: Missing) -> Missing {
        let Missing {
            slot,
            exchange,
            who,
            cause,
            details,
            why,
            remedy,
            body,
            bytes,
            withdrawn,
        } = missing;
        Missing {
            slot: self.slot(slot),
            exchange: self.exchange(exchange),
            who,
            cause,
            details: self.details(details),
            why: self.names.sentence(&why),
            remedy: self.names.sentence(&remedy),
            body: self.body(&body),
            bytes,
            withdrawn,
        }
    }

    /// The body of an answer that is not an artifact: a document, a page of flags, or any text.
    fn body(&mut self, body: &str) -> String {
        if let Ok(mut value) = serde_json::from_str::<serde_json::Value>(body)
            && (value.is_object() || value.is_array())
        {
            self.names.json(&mut value);
            return value.to_string();
        }
        let is_flags = |l: &&str| {
            l.split_once('=')
                .is_some_and(|(name, _)| !name.is_empty() && !name.contains(' '))
        };
        match body.lines().filter(is_flags).count() {
            2.. => self.names.flags(body),
            _ => self.names.prose(body),
        }
    }

    fn finished(&mut self, finished: Finished) -> Finished {
        let Finished {
            cause,
            details,
            interrupted,
        } = finished;
        Finished {
            cause,
            details: self.details(details),
            interrupted: self.names.sentence(&interrupted),
        }
    }

    /// An executable holds paths of the build machine.
    fn executable(&mut self, binary: Binary) {
        let details = Details {
            effect: Some(Effect::LeftOut),
            ..Details::default()
        };
        self.done.left_out.push((binary.path, Cause::NotRedactable, details));
    }
}

/// Names that stand in one place and are to be found in all: nodes, users of this side and of the server.
pub(super) fn users_of(asked: &Asked) -> Vec<String> {
    let mut users = Vec::new();
    let mut before = "";
    for word in &asked.command {
        let value = word
            .strip_prefix("--as=")
            .or((before == "--as").then_some(word.as_str()));
        users.extend(value.filter(|v| *v != MASK).map(str::to_owned));
        before = word;
    }
    users
}
