//! Asks once and reads the answer under deadlines: every call returns in bounded time and with bounded memory.
//!
//! A kubelet sends no byte of a CPU profile before its end, so headers may take as long as the measurement; afterwards
//! silence is counted. `Content-Encoding: gzip` is taken off while the bytes come, so that what is stored is the content.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use flate2::write::MultiGzDecoder;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::sync::watch;
use tokio::time::Instant;

use super::guard::Guarded;
use super::line::Ready;
use super::names::escaped;
use super::{Break, TlsFault, Transport, classify};
use crate::bundle::manifest::Exchange;
use crate::capture::clock;
use crate::capture::mask;

/// Bytes that are kept of an answer that is not 200.
const REFUSAL_KEPT: usize = 64 << 10;

/// Headers that say who answered and how.
const HEADERS_KEPT: [&str; 12] = [
    "audit-id",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "location",
    "retry-after",
    "server",
    "via",
    "warning",
    "www-authenticate",
    "x-go-pprof",
];

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Path at the server.
    pub path: String,
    /// Parameters.
    pub params: Vec<(String, String)>,
    /// `Accept` header.
    pub accept: Option<&'static str>,
    /// For how long the server measures before it answers.
    pub measures: Duration,
    /// JSON to POST; GET without it.
    pub json: Option<String>,
}

/// How it ended.
#[derive(Debug)]
pub enum Outcome {
    /// Status 200; all bytes of the content went to the sink.
    Whole,
    /// Another status, and the beginning of the body.
    Refused {
        /// The status.
        status: u16,
        /// The beginning of the body.
        body: Vec<u8>,
    },
    /// No whole answer.
    Broken(Break),
}

/// A request and how it ended.
#[derive(Debug)]
pub struct Exchanged {
    /// What goes into the manifest.
    pub exchange: Exchange,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes that went to the sink.
    pub bytes: u64,
}

/// Tells that the user wants no more.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// One end to pull, one to look at.
    pub fn new() -> (watch::Sender<bool>, Stop) {
        let (sender, receiver) = watch::channel(false);
        (sender, Stop(receiver))
    }

    /// Whether it was pulled.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is pulled; never, when nobody can pull it any more.
    pub async fn pulled(&mut self) {
        if self.0.wait_for(|set| *set).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Writes no more than a number of bytes.
struct Capped<'a> {
    sink: &'a mut (dyn Write + Send),
    bytes: u64,
    cap: u64,
}

impl Write for Capped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes + bytes.len() as u64 > self.cap {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.sink.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// The content of a body, decoded on its way.
enum Content<'a> {
    Plain(Capped<'a>),
    Gzip(Box<MultiGzDecoder<Capped<'a>>>),
}

impl Content<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Break> {
        match self {
            Content::Plain(sink) => sink.write_all(bytes).map_err(|e| disk(&e, sink.cap)),
            Content::Gzip(decoder) => decoder.write_all(bytes).map_err(|e| gzip(&e, decoder.get_ref().cap)),
        }
    }

    fn finish(self) -> Result<u64, Break> {
        match self {
            Content::Plain(sink) => Ok(sink.bytes),
            Content::Gzip(mut decoder) => {
                let cap = decoder.get_ref().cap;
                decoder.try_finish().map_err(|e| gzip(&e, cap))?;
                Ok(decoder.get_ref().bytes)
            }
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Content::Plain(sink) => sink.bytes,
            Content::Gzip(decoder) => decoder.get_ref().bytes,
        }
    }
}

fn disk(e: &io::Error, cap: u64) -> Break {
    match e.kind() {
        io::ErrorKind::FileTooLarge => Break::TooLarge { cap },
        _ => Break::Disk(e.to_string()),
    }
}

/// Errors of the decoder are of the data or of the sink.
fn gzip(e: &io::Error, cap: u64) -> Break {
    match e.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            Break::Encoding(format!("Content-Encoding is gzip, but {e}"))
        }
        _ => disk(e, cap),
    }
}

impl Transport {
    /// Asks once; the content of an answer with status 200 goes to `sink` as it comes.
    pub async fn ask(&self, ask: &Ask, sink: &mut (dyn Write + Send), stop: &Stop) -> Exchanged {
        let (mut renewed, mut renamed) = (false, false);
        loop {
            let (exchanged, serial) = self.once(ask, sink, stop).await;
            let mut stop = stop.clone();
            let again = async {
                match &exchanged.outcome {
                    Outcome::Refused { status: 401, .. } if !std::mem::replace(&mut renewed, true) => {
                        self.line.refused(serial).await
                    }
                    Outcome::Broken(Break::Tls {
                        fault: TlsFault::OtherName,
                        ..
                    }) => Ok(!std::mem::replace(&mut renamed, true) && self.line.by_own_name(serial).await),
                    _ => Ok(false),
                }
            };
            let again = tokio::select! {
                biased;
                () = stop.pulled() => Ok(false),
                again = again => again,
            };
            match again {
                Ok(true) => {}
                Ok(false) => return exchanged,
                Err(broken) => {
                    return Exchanged {
                        outcome: Outcome::Broken(broken),
                        ..exchanged
                    };
                }
            }
        }
    }

    /// Asks with what there is at the moment; says what that was.
    async fn once(&self, ask: &Ask, sink: &mut (dyn Write + Send), stop: &Stop) -> (Exchanged, u64) {
        let mut exchanged = Exchanged {
            exchange: Exchange {
                method: if ask.json.is_some() { "POST" } else { "GET" }.to_owned(),
                url: format!("{}{}", self.server(), ask.path),
                params: ask.params.iter().cloned().collect(),
                t_request: Some(clock::now()),
                ..Exchange::default()
            },
            outcome: Outcome::Whole,
            bytes: 0,
        };
        let deadline = ask.measures + self.limits().allowance;
        let (mut stop, mut serial) = (stop.clone(), 0);
        let mut started = Instant::now();
        let run = async {
            let ready = self.line.ready().await?;
            serial = ready.serial;
            // What a credential plugin takes is not the server's time.
            started = Instant::now();
            exchanged.exchange.t_request = Some(clock::now());
            self.run(&ready, ask, sink, started, deadline, &mut exchanged).await
        };
        let ended = tokio::select! {
            biased;
            () = stop.pulled() => Err(Break::Interrupted),
            ended = run => ended,
        };
        exchanged.exchange.done_ms = Some(millis(started.elapsed()));
        match ended {
            Ok(outcome) => exchanged.outcome = outcome,
            Err(broken) => exchanged.outcome = Outcome::Broken(broken),
        }
        if let Some(status) = exchanged.exchange.status {
            self.line.answered(serial, status != 401).await;
        }
        (exchanged, serial)
    }

    async fn run(
        &self,
        ready: &Ready,
        ask: &Ask,
        sink: &mut (dyn Write + Send),
        started: Instant,
        deadline: Duration,
        exchanged: &mut Exchanged,
    ) -> Result<Outcome, Break> {
        let mut request = request(ask)?;
        if let Some(bearer) = &ready.bearer {
            request.headers_mut().insert(AUTHORIZATION, bearer.clone());
        }
        let sent = tokio::time::timeout(deadline, Guarded::new(ready.client.send(request))).await;
        let sent = sent.map(|sent| sent.map_err(|panicked| Break::Defect(panicked.to_string())));
        let response = match sent {
            Err(_) => {
                let after = started.elapsed();
                return Err(Break::NoAnswer { after });
            }
            Ok(Err(panicked)) => return Err(panicked),
            Ok(Ok(Err(e))) => {
                let broken = classify::of_send(&e, started.elapsed());
                return Err(classify::at_proxy(broken, self.line.proxy.as_deref()));
            }
            Ok(Ok(Ok(response))) => response,
        };
        let (head, mut body) = response.into_parts();
        let exchange = &mut exchanged.exchange;
        exchange.status = Some(head.status.as_u16());
        exchange.headers = kept(&head.headers);
        exchange.first_byte_ms = Some(millis(started.elapsed()));
        exchange.clock_skew_ms = skew(&head.headers);
        let whole = head.status.as_u16() == 200 || head.status.as_u16() == 201;
        let mut refusal = Vec::new();
        let capped = |sink| Capped {
            sink,
            bytes: 0,
            cap: self.limits().cap,
        };
        let mut memory = Kept(&mut refusal);
        let target: &mut (dyn Write + Send) = if whole { sink } else { &mut memory };
        let encoding = exchange
            .headers
            .get("content-encoding")
            .map(|e| e.trim().to_ascii_lowercase());
        let mut content = match encoding.as_deref().unwrap_or_default() {
            "gzip" | "x-gzip" => Content::Gzip(Box::new(MultiGzDecoder::new(capped(target)))),
            "" | "identity" => Content::Plain(capped(target)),
            other => {
                return Err(Break::Encoding(format!("unexpected Content-Encoding {other}")));
            }
        };
        loop {
            let left = deadline.saturating_sub(started.elapsed());
            let patience = self.limits().stall.min(left);
            let frame = tokio::time::timeout(patience, Guarded::new(body.frame())).await;
            let frame = match frame {
                Ok(Err(panicked)) => return Err(Break::Defect(panicked.to_string())),
                Ok(Ok(None)) => break,
                Ok(Ok(Some(Ok(frame)))) => frame,
                Ok(Ok(Some(Err(e)))) => {
                    let broken = classify::of_body(&e, content.bytes(), started.elapsed());
                    exchanged.bytes = content.bytes();
                    if whole {
                        return Err(broken);
                    }
                    // What came of a refusal says more than that it was cut.
                    break;
                }
                Err(_) => {
                    let (bytes, after) = (content.bytes(), started.elapsed());
                    exchanged.bytes = bytes;
                    let quiet = patience;
                    return Err(if after >= deadline {
                        Break::TooSlow { bytes, after }
                    } else {
                        Break::Stalled { bytes, quiet }
                    });
                }
            };
            if let Ok(data) = frame.into_data() {
                content.push(&data)?;
                exchanged.bytes = content.bytes();
            }
            if started.elapsed() >= deadline {
                let (bytes, after) = (content.bytes(), started.elapsed());
                return Err(Break::TooSlow { bytes, after });
            }
            if !whole && content.bytes() >= REFUSAL_KEPT as u64 {
                break;
            }
        }
        let finished = content.finish();
        if !whole {
            let status = head.status.as_u16();
            let body = mask::body(&refusal);
            return Ok(Outcome::Refused { status, body });
        }
        exchanged.bytes = finished?;
        Ok(Outcome::Whole)
    }
}

/// The beginning of a body, in memory; the rest is let go.
struct Kept<'a>(&'a mut Vec<u8>);

impl Write for Kept<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = REFUSAL_KEPT.saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn request(ask: &Ask) -> Result<Request<Body>, Break> {
    let mut uri = ask.path.clone();
    for (i, (key, value)) in ask.params.iter().enumerate() {
        uri.push(if i == 0 { '?' } else { '&' });
        uri.push_str(&escaped(key, b""));
        uri.push('=');
        uri.push_str(&escaped(value, b""));
    }
    let mut builder = Request::builder()
        .method(if ask.json.is_some() { Method::POST } else { Method::GET })
        .uri(uri)
        .header("user-agent", concat!("kubeprof/", env!("CARGO_PKG_VERSION")));
    if let Some(accept) = ask.accept {
        builder = builder.header("accept", accept);
    }
    let body = match &ask.json {
        Some(json) => {
            builder = builder.header("content-type", "application/json");
            Body::from(json.clone().into_bytes())
        }
        None => Body::empty(),
    };
    builder.body(body).map_err(|e| Break::Ended {
        bytes: 0,
        after: Duration::ZERO,
        why: format!("cannot build a request from it: {e}"),
    })
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

fn kept(headers: &HeaderMap) -> BTreeMap<String, String> {
    let value = |name: &str| {
        let text = String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned();
        let text: String = mask::header(&text).chars().take(500).collect();
        Some((name.to_owned(), text))
    };
    HEADERS_KEPT.into_iter().filter_map(value).collect()
}

/// By how much the server's clock is ahead, as far as a header to the second can tell: within a second is 0.
fn skew(headers: &HeaderMap) -> Option<i64> {
    let date = headers.get("date")?.to_str().ok()?;
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_millisecond();
    let ours = clock::now().as_millisecond();
    // The header says the second that has begun.
    let (low, high) = (theirs - ours, theirs + 999 - ours);
    Some(if low <= 0 && high >= 0 {
        0
    } else if low > 0 {
        low
    } else {
        high
    })
}
