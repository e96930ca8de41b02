//! A small web server that is safe to leave open on a node's neighbor: it answers GET, changes nothing, and says no to
//! everything that a page of someone else could make a browser ask.
//!
//! What is answered is the caller's (a function from a [`Request`] to a [`Response`]); this room decides who may ask
//! (`guard`), how many at once, how long a slow client may take, and how it ends.

mod guard;
mod patience;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, watch};

pub use guard::{Guard, Refused, token};
use patience::Patience;

/// Connections that are open at most.
const MOST_CONNECTIONS: usize = 64;
/// Answers that are made at the same time; the others wait.
const MOST_AT_WORK: usize = 4;
/// Answers that wait at most before new ones are sent away.
const MOST_WAITING: usize = 32;
/// How long a client may take to send a request, and to take any part of an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long answers under way may take when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// Bytes of a request line with its headers at most.
const MOST_HEAD: usize = 32 << 10;

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The path without the token, decoded: `/flamegraph`.
    pub path: String,
    /// Parameters in their order, decoded.
    pub query: Vec<(String, String)>,
}

impl Request {
    /// The first value of a parameter, `""` where it has none.
    pub fn get(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, v)| v)
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, v)| v.as_str())
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// MIME type.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A body of this type.
    pub fn new(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            content_type,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A line of text with a status.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        let mut body = text.into();
        if !body.ends_with('\n') {
            body.push('\n');
        }
        Self {
            status,
            ..Self::new("text/plain; charset=utf-8", body)
        }
    }

    /// Where the answer is. `place` is relative to the path that was asked for.
    pub fn redirect(status: u16, place: &str) -> Self {
        let mut response = Self::text(status, "see there");
        response.headers.push(("Location", place.to_owned()));
        response
    }
}

/// What answers.
pub type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// Serves until it is told to stop by SIGINT or SIGTERM. `ready` is told the address.
///
/// # Errors
/// When the system refuses.
pub fn serve(
    listener: TcpListener,
    guard: Guard,
    handler: Arc<Handler>,
    ready: impl FnOnce(SocketAddr),
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let server = Arc::new(Server {
            guard,
            handler,
            at_work: Arc::new(Semaphore::new(MOST_AT_WORK)),
            waiting: Semaphore::new(MOST_AT_WORK + MOST_WAITING),
        });
        let (stop, stopped) = watch::channel(false);
        let mut told = std::pin::pin!(told_to_stop()?);
        ready(address);
        let open = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let (stream, _) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    // A client that went away, or no descriptors: others may still be served.
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                () = &mut told => break,
            };
            let Ok(place) = open.clone().try_acquire_owned() else {
                // Too many: this one is closed without an answer.
                continue;
            };
            let (server, stopped) = (server.clone(), stopped.clone());
            tokio::spawn(async move {
                connection(stream, server, stopped).await;
                drop(place);
            });
        }
        drop(listener);
        let _ = stop.send(true);
        // All places are free again when all connections have ended.
        let all = u32::try_from(MOST_CONNECTIONS).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(LAST_ANSWERS, open.acquire_many(all)).await;
        Ok(())
    })
}

/// Ends with SIGINT or SIGTERM.
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

async fn connection(stream: tokio::net::TcpStream, server: Arc<Server>, mut stopped: watch::Receiver<bool>) {
    let service = service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MOST_HEAD)
        .half_close(false);
    let connection = http.serve_connection(TokioIo::new(Patience::new(stream, PATIENCE)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

struct Server {
    guard: Guard,
    handler: Arc<Handler>,
    at_work: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Server {
    async fn answer(&self, request: hyper::Request<Incoming>) -> hyper::Response<Full<Bytes>> {
        let head_only = request.method() == Method::HEAD;
        let zipped = request
            .headers()
            .get(header::ACCEPT_ENCODING)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| v.split(',').any(|part| part.trim().split(';').next() == Some("gzip")));
        let response = match self.guard.admit(request.method(), request.uri(), request.headers()) {
            Err(refused) => Response::from(refused),
            Ok(asked) => self.work(asked).await,
        };
        finish(response, head_only, zipped)
    }

    /// Makes an answer on a thread of its own, with others at most so many at once.
    async fn work(&self, asked: Request) -> Response {
        let busy = || {
            let mut response = Response::text(503, "too many requests at once");
            response.headers.push(("Retry-After", "1".to_owned()));
            response
        };
        let Ok(_waits) = self.waiting.try_acquire() else {
            return busy();
        };
        let Ok(works) = self.at_work.clone().acquire_owned().await else {
            return busy();
        };
        let handler = self.handler.clone();
        let made = tokio::task::spawn_blocking(move || {
            let response = handler(&asked);
            drop(works);
            response
        });
        made.await
            .unwrap_or_else(|_| Response::text(500, "the answer could not be made"))
    }
}

/// What every answer says to the browser: no other site may frame, sniff or remember it.
const ALWAYS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

fn finish(mut response: Response, head_only: bool, zipped: bool) -> hyper::Response<Full<Bytes>> {
    let mut headers = hyper::HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    ALWAYS.iter().for_each(|(name, value)| set(name, value));
    set("content-type", response.content_type);
    if !response.content_type.starts_with("text/html") {
        // Pages bring their own policy.
        set(
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'; sandbox",
        );
    }
    response.headers.iter().for_each(|(name, value)| set(name, value));
    if zipped && response.body.len() > 1024 && !response.content_type.contains("octet") {
        response.body = gzip(&response.body);
        set("content-encoding", "gzip");
        set("vary", "accept-encoding");
    }
    set("content-length", &response.body.len().to_string());
    let body = if head_only {
        Bytes::new()
    } else {
        Bytes::from(response.body)
    };
    let mut out = hyper::Response::new(Full::new(body));
    *out.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *out.headers_mut() = headers;
    out
}

fn gzip(body: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
    // Writing to memory cannot fail.
    let _ = zip.write_all(body);
    zip.finish().unwrap_or_default()
}
