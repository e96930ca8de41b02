//! One request and what comes of it: bytes in memory or an artifact in the bundle; or a refusal, written down.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::bundle::facts::{Expect, NotWhole, examine};
use crate::bundle::manifest::{Artifact, Event, Exchange, Missing, Slot};
use crate::bundle::{KeepError, Part, names};
use crate::capture::endpoints::{Endpoint, Server};
use crate::capture::mask;
use crate::capture::progress::Progress;
use crate::capture::refusal::{self, Answer, Break, Cause, Next, Question, Refusal, Route};
use crate::capture::transport::{Ask, Exchanged, Outcome, Transport};
use crate::pprof::Limit;

/// How often the same is asked for.
const ATTEMPTS: u32 = 2;

/// Before something is asked for again whose refusal may be the same.
pub(super) const PAUSE: Duration = Duration::from_secs(2);

/// Why an artifact was not kept, and what came of it.
pub(super) struct Unkept {
    pub(super) refusal: Refusal,
    pub(super) body: Vec<u8>,
    pub(super) bytes: u64,
}

/// The bundle cannot be written.
pub(super) fn disk(e: &dyn std::fmt::Display) -> Refusal {
    let why = e.to_string();
    let question = Question {
        route: Route::ApiServer,
        node: "",
        server: "",
        path: "",
        measures: Duration::ZERO,
    };
    refusal::of_break(&question, &Break::Disk(why))
}

impl Unkept {
    /// The bundle cannot be written.
    fn disk(e: &dyn std::fmt::Display) -> Self {
        Unkept {
            refusal: disk(e),
            body: Vec::new(),
            bytes: 0,
        }
    }
}

/// Bytes that are wanted in memory.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    pub(super) exchange: Exchange,
}

/// What became of an artifact.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is in the bundle.
    There(Box<Artifact>),
    /// It was in the bundle already.
    WasThere,
    /// It is not.
    Not(Box<Refusal>),
    /// Its process is gone, and the journal says so.
    Gone,
}

impl Session {
    /// What to send for an artifact of a node.
    fn request(&self, t: &Transport, node: &str, e: &Endpoint) -> Ask {
        let path = match e.server {
            Server::ApiServer => t.path_at_server(node, e.path),
            Server::Kubelet => t.path_at_kubelet(node, e.path),
        };
        Ask {
            path,
            params: self.options.plan.params(e),
            accept: match e.artifact {
                "flagz" | "statusz" => Some("text/plain"),
                "configz" | "version" | "node" => Some("application/json"),
                _ => None,
            },
            measures: self.options.plan.measures(e),
            json: None,
        }
    }

    /// Fetches bytes into memory, at most `most` times where that is worth trying.
    ///
    /// # Errors
    /// Why they did not come.
    pub(super) async fn fetch(
        &self,
        t: &Transport,
        node: &str,
        e: &Endpoint,
        most: u32,
    ) -> Result<Fetched, (Refusal, Missing)> {
        let ask = self.request(t, node, e);
        let question = question(t, node, e, ask.measures);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut bytes = Vec::new();
            let Exchanged {
                mut exchange, outcome, ..
            } = t.ask(&ask, &mut bytes, &self.stop).await;
            exchange.attempts = (attempts > 1).then_some(attempts);
            let (refusal, body) = match outcome {
                Outcome::Whole if bytes.is_empty() => (refusal::empty(), Vec::new()),
                Outcome::Whole => return Ok(Fetched { bytes, exchange }),
                Outcome::Refused { status, body } => {
                    let answer = Answer {
                        status,
                        headers: &exchange.headers,
                        body: &body,
                    };
                    let refusal = refusal::of_answer(&question, &answer);
                    // A failing health check is an answer.
                    if refusal.cause == Cause::Unhealthy && e.artifact == "healthz" {
                        return Ok(Fetched { bytes: body, exchange });
                    }
                    (refusal, body)
                }
                Outcome::Broken(broken) => (refusal::of_break(&question, &broken), Vec::new()),
            };
            if attempts < most && self.again(node, e.artifact, &refusal, attempts).await {
                continue;
            }
            let missing = missing(&refusal, exchange, &body, body.len() as u64);
            return Err((refusal, missing));
        }
    }

    /// Waits where a retry is worth it; says whether.
    pub(super) async fn again(&self, node: &str, artifact: &str, refusal: &Refusal, attempts: u32) -> bool {
        let wait = match refusal.next {
            Next::Again(wait) => wait,
            _ if refusal.may_pass() => PAUSE,
            _ => return false,
        };
        if attempts >= ATTEMPTS || self.ended().is_some() {
            return false;
        }
        self.watch.see(
            node,
            &Progress::Again {
                artifact,
                refusal,
                wait,
            },
        );
        self.sleep(wait).await;
        self.ended().is_none()
    }

    /// As [`Session::fetch`], and the bytes are what was asked for: a page of something on the way is a refusal.
    ///
    /// # Errors
    /// Why they did not come.
    pub(super) async fn fetch_whole(
        &self,
        t: &Transport,
        node: &str,
        e: &Endpoint,
    ) -> Result<Fetched, (Refusal, Missing)> {
        let fetched = self.fetch(t, node, e, 2).await?;
        let expect = Expect::of(e.artifact);
        let Err(why) = examine(&fetched.bytes, expect, Limit::Proportional) else {
            return Ok(fetched);
        };
        let head = mask::body(&fetched.bytes[..fetched.bytes.len().min(4096)]);
        let answer = Answer {
            status: fetched.exchange.status.unwrap_or(200),
            headers: &fetched.exchange.headers,
            body: &head,
        };
        let question = question(t, node, e, Duration::ZERO);
        let refusal = undecodable(&question, &answer, &why);
        let missing = missing(&refusal, fetched.exchange.clone(), &head, fetched.bytes.len() as u64);
        Err((refusal, missing))
    }

    /// Writes bytes that were fetched into memory, without their secrets.
    pub(super) async fn put(&self, t: &Transport, slot: &Slot, e: &Endpoint, fetched: Fetched) -> Taken {
        if self.writer.has(slot).is_some() {
            return Taken::WasThere;
        }
        let Fetched { bytes, exchange } = fetched;
        let bytes = match e.is_masked() {
            true => mask::mask(e.artifact, &bytes).0.into_owned(),
            false => bytes,
        };
        let kept = match self.writer.part(slot, &names::file_of(e.artifact)) {
            Ok(mut part) => match part.write_all(&bytes) {
                Ok(()) => self.keep(t, slot, e, part, &exchange).await,
                Err(e) => Err(Unkept::disk(&e)),
            },
            Err(e) => Err(Unkept::disk(&e)),
        };
        match kept {
            Ok(artifact) => Taken::There(artifact),
            Err(unkept) => {
                let missing = missing(&unkept.refusal, exchange, &unkept.body, unkept.bytes);
                self.explain(slot, e, unkept.refusal, missing, true)
            }
        }
    }

    /// Decodes, records and names what was written.
    async fn keep(
        &self,
        t: &Transport,
        slot: &Slot,
        e: &Endpoint,
        part: Part,
        exchange: &Exchange,
    ) -> Result<Box<Artifact>, Unkept> {
        let writer = Arc::clone(&self.writer);
        let (expect, sent) = (Expect::of(e.artifact), exchange.clone());
        let head = mask::body(part.head());
        let bytes = part.bytes();
        let kept = tokio::task::spawn_blocking(move || writer.keep(part, expect, sent)).await;
        let why = match kept {
            Ok(Ok(artifact)) => {
                self.watch.see(&slot.node, &Progress::Taken { artifact: &artifact });
                return Ok(Box::new(artifact));
            }
            Ok(Err(KeepError::Write(e))) => return Err(Unkept::disk(&e)),
            Ok(Err(KeepError::NotWhole { why, .. })) => Ok(why),
            Err(panicked) => Err(panicked.to_string()),
        };
        let question = question(t, &slot.node, e, self.options.plan.measures(e));
        let answer = Answer {
            status: exchange.status.unwrap_or(200),
            headers: &exchange.headers,
            body: &head,
        };
        let refusal = match why {
            _ if bytes == 0 => refusal::empty(),
            Ok(why) => undecodable(&question, &answer, &why),
            Err(panicked) => refusal::undecodable(&question, &answer, &panicked, ""),
        };
        let body = head;
        Err(Unkept { refusal, body, bytes })
    }

    /// Writes down that an artifact is left out, and that nothing is wrong.
    pub(super) fn skip(&self, slot: &Slot, refusal: &Refusal) {
        let event = Missing {
            slot: slot.clone(),
            ..missing(refusal, Exchange::default(), &[], 0)
        };
        if let Err(e) = self.writer.append(Event::Skipped(event)) {
            self.watch.see(&slot.node, &Progress::Note(e.to_string()));
        }
        self.watch.see(
            &slot.node,
            &Progress::Skipped {
                artifact: &slot.artifact,
                refusal,
            },
        );
    }

    /// Asks once: to the disk as the bytes come, or by way of memory where secrets are looked for.
    pub(super) async fn attempt(
        &self,
        t: &Transport,
        slot: &Slot,
        e: &Endpoint,
        attempts: u32,
    ) -> Result<Box<Artifact>, (Exchange, Unkept)> {
        let ask = self.request(t, &slot.node, e);
        let question = question(t, &slot.node, e, ask.measures);
        let mut part = match self.writer.part(slot, &names::file_of(e.artifact)) {
            Ok(part) => part,
            Err(e) => return Err((Exchange::default(), Unkept::disk(&e))),
        };
        let mut memory = Vec::new();
        let sink: &mut (dyn std::io::Write + Send) = if e.is_masked() { &mut memory } else { &mut part };
        let Exchanged {
            mut exchange,
            outcome,
            bytes,
        } = t.ask(&ask, sink, &self.stop).await;
        exchange.attempts = (attempts > 1).then_some(attempts);
        let unkept = match outcome {
            Outcome::Whole => {
                let masked = mask::mask(e.artifact, &memory).0;
                let written = if e.is_masked() { part.write_all(&masked) } else { Ok(()) };
                let kept = match written {
                    Ok(()) => self.keep(t, slot, e, part, &exchange).await,
                    Err(e) => Err(Unkept::disk(&e)),
                };
                match kept {
                    Ok(artifact) => return Ok(artifact),
                    Err(unkept) => unkept,
                }
            }
            Outcome::Refused { status, body } => {
                let answer = Answer {
                    status,
                    headers: &exchange.headers,
                    body: &body,
                };
                Unkept {
                    refusal: refusal::of_answer(&question, &answer),
                    bytes: body.len() as u64,
                    body,
                }
            }
            Outcome::Broken(broken) => {
                let unkept = Unkept {
                    refusal: refusal::of_break(&question, &broken),
                    body: mask::body(part.head()),
                    bytes,
                };
                // Without a length, the end of the connection is the end of the body, and gzip has a trailer of its own: what
                // decodes is whole, however rudely it ended.
                let unended = matches!(broken, Break::Ended { .. }) && !exchange.headers.contains_key("content-length");
                if unended && part.head().starts_with(&[0x1f, 0x8b]) {
                    exchange.note =
                        "the response had no length and its connection was cut, but it is complete".to_owned();
                    if let Ok(artifact) = self.keep(t, slot, e, part, &exchange).await {
                        let note = format!("{}: {}", e.artifact, exchange.note);
                        self.watch.see(&slot.node, &Progress::Note(note));
                        return Ok(artifact);
                    }
                    exchange.note.clear();
                }
                unkept
            }
        };
        Err((exchange, unkept))
    }

    /// Whether a bundle is partial without an artifact that was refused so. What was asked for by its name always lacks.
    pub(super) fn is_lack(&self, e: &Endpoint, refusal: &Refusal) -> bool {
        let plan = &self.options.plan;
        if plan.named.contains(&e.artifact) {
            return true;
        }
        !(refusal.next == Next::Skip || (!plan.is_wanted(e) && is_no_lack(refusal)))
    }

    /// Writes down what did not come: as missing where it was due, else as left out. Who watches is told of what was
    /// `asked` only.
    pub(super) fn explain(&self, slot: &Slot, e: &Endpoint, refusal: Refusal, missing: Missing, asked: bool) -> Taken {
        if refusal.cause == Cause::Disk {
            self.halt(&refusal);
        }
        let lack = self.is_lack(e, &refusal);
        let event = Missing {
            slot: slot.clone(),
            ..missing
        };
        // Where not even this line fits, the missing file still says it.
        let written = self.writer.append(if lack {
            Event::Failed(event)
        } else {
            Event::Skipped(event)
        });
        if let Err(e) = written {
            self.watch.see(&slot.node, &Progress::Note(e.to_string()));
        }
        let artifact = slot.artifact.as_str();
        if asked {
            let refusal = &refusal;
            let progress = match lack {
                true => Progress::Failed { artifact, refusal },
                false => Progress::Skipped { artifact, refusal },
            };
            self.watch.see(&slot.node, &progress);
        }
        Taken::Not(Box::new(refusal))
    }
}

/// Whether it is only something that makes a bundle better, and is forbidden or not served.
fn is_no_lack(refusal: &Refusal) -> bool {
    matches!(
        refusal.cause,
        Cause::ApiForbidden
            | Cause::KubeletForbidden
            | Cause::ApiPathNotFound
            | Cause::DebuggingOff
            | Cause::ProfilingOff
            | Cause::EndpointOff
    )
}

fn question<'a>(t: &'a Transport, node: &'a str, e: &'a Endpoint, measures: Duration) -> Question<'a> {
    Question {
        route: t.route(),
        node,
        server: t.server(),
        path: e.path,
        measures,
    }
}

/// What the manifest says of an artifact that is not there; the place is filled in later.
pub(super) fn missing(refusal: &Refusal, exchange: Exchange, body: &[u8], bytes: u64) -> Missing {
    Missing {
        slot: Slot::default(),
        exchange,
        who: refusal.who,
        cause: refusal.cause,
        details: refusal.details.clone(),
        body: Missing::excerpt(body),
        bytes: (bytes > 0).then_some(bytes),
        ..Missing::default()
    }
}

/// Bytes that came and are not what was asked for.
fn undecodable(question: &Question<'_>, answer: &Answer<'_>, why: &NotWhole) -> Refusal {
    match why {
        NotWhole::OtherNode { found, .. } => refusal::other_node(question, found),
        _ => {
            let advice = why.hint().unwrap_or_default();
            refusal::undecodable(question, answer, &why.to_string(), &advice)
        }
    }
}
