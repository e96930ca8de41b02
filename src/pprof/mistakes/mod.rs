//! What people save by mistake: the answer of somebody who refused, the wrong file, half a download.
//!
//! [`recognise`] is asked after every reader has declined. It decides by content, also inside an HTTP response that was
//! saved with its headers (`curl -i`) and inside gzip; it never guesses: what it does not know is `None`.
//! `refusals` knows the answers of API servers and kubelets, `files` what other files look like, `words` what to say.

mod files;
mod refusals;
mod texts;
mod words;

use super::inflate::{Encoding, InflateError, Limit, encoding, inflate};
use super::salvage;
pub use super::salvage::Conversion;
use super::text::is_text;

/// Bytes that are no profile, by what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mistake {
    /// No bytes, or only white space.
    Empty,
    /// An answer of the API server: a `Status` object.
    Status {
        /// HTTP status code.
        code: u16,
        /// Machine-readable reason such as `Forbidden`.
        reason: String,
        /// The server's sentence.
        message: String,
    },
    /// `Debug endpoints are disabled.`: the kubelet has `enableDebuggingHandlers: false`, or it was asked on the
    /// read-only port.
    DebuggingDisabled,
    /// `profiling endpoint is disabled.`: the kubelet has `enableProfilingHandler: false`.
    ProfilingDisabled,
    /// `NAME endpoint is disabled.`: a kubelet endpoint other than profiling.
    EndpointDisabled {
        /// Which, for instance `logs`.
        endpoint: String,
    },
    /// `Unauthorized` as plain text: the kubelet does not know the caller.
    KubeletUnauthorized,
    /// `Forbidden (user=..., ...)` as plain text: the kubelet knows the caller and refuses.
    KubeletForbidden {
        /// User in the answer, or `""`.
        user: String,
    },
    /// `Authorization error (...)`: the kubelet could not ask the API server whether the caller may.
    KubeletAuthorizationError,
    /// `404 page not found`: nobody serves that path.
    PathNotFound,
    /// `Unknown profile`: the kubelet's Go version has no such profile.
    UnknownProfile,
    /// The path is right and the HTTP method is not.
    MethodNotAllowed,
    /// A parameter in the URL that the server does not take.
    BadParameter {
        /// The server's words.
        text: String,
    },
    /// Another CPU profile or trace of the same process is running.
    AlreadyProfiling {
        /// The server's words.
        text: String,
    },
    /// Plain HTTP was spoken to a TLS port.
    HttpOnTlsPort,
    /// `ok`, or the list of checks of a health endpoint.
    Health,
    /// What kubectl or curl printed when it failed.
    ClientError {
        /// The first line.
        text: String,
    },
    /// An HTTP response with its headers that holds something unknown.
    HttpResponse {
        /// Status code.
        status: u16,
        /// Offset of the body.
        body: usize,
    },
    /// The page at `/debug/pprof/` that links to the profiles.
    PprofIndex,
    /// A page to log in, or any other web page.
    Html {
        /// Text of its title, or `""`.
        title: String,
        /// Whether it asks for a password or a sign-in.
        login: bool,
    },
    /// A Go execution trace (`/debug/pprof/trace`).
    ExecutionTrace {
        /// Version of the format, such as `1.26`.
        version: String,
    },
    /// The printed report of `go tool pprof`.
    PprofReport,
    /// A drawing: PDF, SVG, PNG, Graphviz.
    Drawing {
        /// Its format.
        format: &'static str,
    },
    /// Stacks in one line each with a count, as flame graphs take them.
    Folded,
    /// A heap profile of jemalloc.
    Jemalloc,
    /// Threads or goroutines as a debugger or another runtime prints them.
    Threads {
        /// Which: `gdb`, `delve`, `Java`, `Python`.
        of: &'static str,
    },
    /// What `perf script` prints.
    PerfScript,
    /// Bytes as hexadecimal digits.
    HexDump,
    /// Source code.
    Source {
        /// Its language.
        language: &'static str,
    },
    /// A conversion of texts went over a gzip stream and cannot be undone.
    Converted(Conversion),
    /// Text of which nothing is recognized.
    Text {
        /// How its first line begins.
        begins: String,
        /// Lines that begin like the first of a goroutine and are none.
        headers: u64,
    },
    /// What `go tool pprof` prints while it fetches.
    PprofFetch {
        /// Where it says it saved the profile, or `""`.
        saved: String,
    },
    /// A report of kubeprof.
    KubeprofReport {
        /// Its schema, such as `kubeprof/top/1`.
        schema: String,
    },
    /// A recording of Linux `perf`.
    PerfData,
    /// An ELF file: a program, a library or a core dump.
    Elf {
        /// Whether it is a core dump.
        core: bool,
    },
    /// A program for Windows or macOS.
    OtherProgram {
        /// Name of the format.
        format: &'static str,
    },
    /// An archive of files.
    Archive {
        /// Name of the format.
        format: &'static str,
    },
    /// Metrics in the text format of Prometheus.
    Metrics,
    /// A Kubernetes object other than a refusal, as JSON or YAML.
    KubernetesObject {
        /// Its kind, such as `NodeList`.
        kind: String,
    },
    /// The kubelet's configuration (`/configz`).
    Configz,
    /// Text in UTF-16, as PowerShell's `>` writes it.
    Utf16,
    /// Text in UTF-32.
    Utf32,
    /// Bytes that are no text, which were taken for a text and replaced.
    Replaced,
    /// A profile wrapped in base64.
    Base64,
    /// Some other JSON.
    Json,
    /// Some other YAML.
    Yaml,
    /// Lines of a log, without any goroutine dump in them.
    Log,
    /// Arguments of a process, separated by NUL (`/debug/pprof/cmdline`).
    CommandLine,
    /// gzip, zstd or protobuf that ends in the middle.
    Truncated {
        /// `gzip`, `zstd` or `protobuf`.
        format: &'static str,
        /// Bytes that are there.
        have: u64,
    },
    /// gzip or zstd that is damaged in the middle.
    Damaged {
        /// `gzip` or `zstd`.
        format: &'static str,
    },
}

/// Names what `data` (bytes as they were saved) is, if it is something that is known not to be a profile.
pub fn recognise(data: &[u8]) -> Option<Mistake> {
    if data.trim_ascii().is_empty() {
        return Some(Mistake::Empty);
    }
    match http_response(data) {
        Some((status, body)) => {
            let inside = &data[body..];
            Some(match packed(inside) {
                None | Some(Mistake::Empty) => Mistake::HttpResponse { status, body },
                Some(mistake) => mistake,
            })
        }
        None => packed(data),
    }
}

/// The same for bytes without HTTP headers, which may be packed once.
fn packed(data: &[u8]) -> Option<Mistake> {
    let format = match encoding(data) {
        Encoding::Raw => return plain(data),
        Encoding::Gzip => "gzip",
        Encoding::Zstd => "zstd",
    };
    match inflate(data, Limit::Proportional) {
        Ok(bytes) => plain(&bytes),
        Err(InflateError::Truncated { .. }) => Some(Mistake::Truncated {
            format,
            have: data.len() as u64,
        }),
        Err(InflateError::Damaged { .. }) => Some(match salvage::conversion(data) {
            Some(conversion) => Mistake::Converted(conversion),
            None => Mistake::Damaged { format },
        }),
        Err(InflateError::TooLarge { .. }) => None,
    }
}

fn plain(data: &[u8]) -> Option<Mistake> {
    let text = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data).trim_ascii();
    if text.is_empty() {
        return Some(Mistake::Empty);
    }
    files::by_magic(data)
        .or_else(|| files::base64(text))
        .or_else(|| refusals::plain_text(text))
        .or_else(|| files::json(text))
        .or_else(|| files::html(text))
        .or_else(|| files::text(text))
        .or_else(|| salvage::conversion(data).map(Mistake::Converted))
        .or_else(|| salvage::is_replaced(data).then_some(Mistake::Replaced))
        .or_else(|| files::truncated_proto(data))
}

/// What is to be said of text of which nothing is recognized; `None` where the bytes are no text.
pub fn unknown_text(data: &[u8]) -> Option<Mistake> {
    is_text(data).then(|| texts::unknown(data.trim_ascii()))
}

/// Status code and offset of the body when `data` is an HTTP response that was saved with its headers. Interim and
/// proxy responses before the last are skipped.
pub fn http_response(data: &[u8]) -> Option<(u16, usize)> {
    let mut found = None;
    let mut at = 0;
    loop {
        let rest = &data[at..];
        let Some((status, length)) = http_head(rest) else {
            return found;
        };
        at += length;
        found = Some((status, at));
    }
}

/// Status code and length of one head: status line, headers, blank line.
fn http_head(data: &[u8]) -> Option<(u16, usize)> {
    let rest = data.strip_prefix(b"HTTP/")?;
    let line_end = rest.iter().take(256).position(|&b| b == b'\n')?;
    let mut words = rest[..line_end].split(|b| b.is_ascii_whitespace());
    let version = words.next()?;
    if version.is_empty() || !version.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return None;
    }
    let status = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    // No server sends 64 KiB of headers.
    let head = &data[..data.len().min(64 << 10)];
    let end = |blank: &[u8]| {
        head.windows(blank.len())
            .position(|w| w == blank)
            .map(|i| i + blank.len())
    };
    let length = match (end(b"\r\n\r\n"), end(b"\n\n")) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b)?,
    };
    Some((status, length))
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what())
    }
}
