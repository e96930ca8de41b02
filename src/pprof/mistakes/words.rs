//! What to say about each mistake.

use super::{Mistake, refusals};
use crate::model::units::counted;

/// How a profile is fetched through the API server.
const FETCH: &str = "kubectl get --raw /api/v1/nodes/NODE/proxy/debug/pprof/heap > heap.pb.gz";

/// `a` or `an`, as a format is spoken.
fn article(format: &str) -> &'static str {
    if format.starts_with('x') { "an" } else { "a" }
}

impl Mistake {
    /// What the bytes are, as a lowercase fragment.
    pub fn what(&self) -> String {
        match self {
            Self::Empty => "an empty file".to_owned(),
            Self::Status { code, reason, message } => {
                format!("the API server's answer {code} {reason}, not a profile: {message}")
            }
            Self::DebuggingDisabled => {
                "the kubelet's answer \"Debug endpoints are disabled.\", not a profile".to_owned()
            }
            Self::ProfilingDisabled => {
                "the kubelet's answer \"profiling endpoint is disabled.\", not a profile".to_owned()
            }
            Self::EndpointDisabled { endpoint } => {
                format!("the kubelet's answer \"{endpoint} endpoint is disabled.\", not a profile")
            }
            Self::KubeletUnauthorized => "the kubelet's answer \"Unauthorized\", not a profile".to_owned(),
            Self::KubeletForbidden { user } => {
                format!("the kubelet's answer that user {user:?} is forbidden, not a profile")
            }
            Self::KubeletAuthorizationError => "the kubelet's answer \"Authorization error\", not a profile".to_owned(),
            Self::PathNotFound => "the answer \"404 page not found\", not a profile".to_owned(),
            Self::UnknownProfile => "the kubelet's answer \"Unknown profile\", not a profile".to_owned(),
            Self::MethodNotAllowed => "the answer that the HTTP method is not allowed, not a profile".to_owned(),
            Self::BadParameter { text } | Self::AlreadyProfiling { text } => {
                format!("the kubelet's answer {text:?}, not a profile")
            }
            Self::HttpOnTlsPort => "the answer of a TLS port to plain HTTP, not a profile".to_owned(),
            Self::Health => "the answer of a health endpoint, not a profile".to_owned(),
            Self::ClientError { text } => format!("an error message, not a profile: {text}"),
            Self::HttpResponse { status, body } => {
                format!(
                    "an HTTP response with status {status}, saved with its headers (the body starts at byte {body})"
                )
            }
            Self::PprofIndex => "the page that lists the profiles (/debug/pprof/), not a profile".to_owned(),
            Self::Html { title, login } => {
                let page = if *login { "a page to log in" } else { "a web page" };
                match title.as_str() {
                    "" => format!("{page}, not a profile"),
                    title => format!("{page} ({title:?}), not a profile"),
                }
            }
            Self::ExecutionTrace { version } => format!("a Go execution trace (format {version}), not a profile"),
            Self::PprofReport => "the printed report of go tool pprof, not the profile itself".to_owned(),
            Self::Drawing { format } => format!("a drawing ({format}), not the profile that it was made from"),
            Self::Folded => "folded stacks, as flame graphs take them, not a profile".to_owned(),
            Self::Jemalloc => "a heap profile of jemalloc, which pprof does not read".to_owned(),
            Self::Threads { of } => format!("stacks as {of} prints them, not a Go profile"),
            Self::PerfScript => "what perf script prints, not a pprof profile".to_owned(),
            Self::HexDump => "a hex dump of a file, not the file itself".to_owned(),
            Self::Source { language } => format!("source code ({language}), not a profile"),
            Self::Converted(conversion) => {
                format!(
                    "a gzip stream that a conversion of texts went over: {}",
                    conversion.what()
                )
            }
            Self::Text { begins, headers: 0 } => {
                format!("text in which no profile and no goroutine dump is recognized; it begins {begins:?}")
            }
            Self::Text { begins, headers } => format!(
                "text with {}, but none of them is understood; it begins {begins:?}",
                counted(
                    *headers,
                    "line that begins like a goroutine",
                    "lines that begin like goroutines"
                )
            ),
            Self::PprofFetch { .. } => "what go tool pprof prints while it fetches, not the profile itself".to_owned(),
            Self::KubeprofReport { schema } => format!("a report of kubeprof ({schema}), not a profile"),
            Self::PerfData => "a recording of Linux perf (perf.data), not a pprof profile".to_owned(),
            Self::Elf { core: true } => "a core dump, not a profile".to_owned(),
            Self::Elf { core: false } => "an ELF file (a program or a library), not a profile".to_owned(),
            Self::OtherProgram { format } => format!("a program for {format}, not a profile"),
            Self::Archive { format } => format!("{} {format} archive, not a profile", article(format)),
            Self::Utf16 => "text in UTF-16, as PowerShell's > writes it".to_owned(),
            Self::Utf32 => "text in UTF-32 in which no profile and no goroutine dump is recognized".to_owned(),
            Self::Replaced => "binary data that was treated as text: bytes were replaced by U+FFFD".to_owned(),
            Self::Base64 => "a gzip file in base64".to_owned(),
            Self::Metrics => "metrics in Prometheus' text format, not a profile".to_owned(),
            Self::KubernetesObject { kind } => format!("a Kubernetes object of kind {kind}, not a profile"),
            Self::Configz => "the kubelet's configuration (/configz), not a profile".to_owned(),
            Self::Json => "JSON, not a profile".to_owned(),
            Self::Yaml => "YAML, not a profile".to_owned(),
            Self::Log => "a log in which no goroutine dump is recognized".to_owned(),
            Self::CommandLine => "the command line of a process (/debug/pprof/cmdline), not a profile".to_owned(),
            Self::Truncated { format, have } => {
                format!("half a download: the {format} data end in the middle, after {have} bytes")
            }
            Self::Damaged { format } => format!("damaged {format} data"),
        }
    }

    /// What to do about it, as a lowercase fragment.
    pub fn remedy(&self) -> String {
        match self {
            Self::Status { code, message, .. } => refusals::status_remedy(*code, message).to_owned(),
            Self::PprofFetch { saved } if !saved.is_empty() => {
                format!("the profile was saved in {saved}: give that file")
            }
            Self::Converted(conversion) => format!(
                "it cannot be undone: capture again, without what did it: {}",
                conversion.culprit()
            ),
            Self::HttpResponse { body, .. } => {
                format!(
                    "save without headers (curl without -i), or cut them off: tail -c +{} FILE",
                    body + 1
                )
            }
            Self::PathNotFound | Self::PprofIndex => {
                format!("name the profile at the end of the path and ask port 10250, for instance: {FETCH}")
            }
            Self::Empty => format!(
                "the download wrote nothing: look at its exit code and HTTP status (curl --fail), then capture again: {FETCH}"
            ),
            other => other.fixed_remedy().to_owned(),
        }
    }

    fn fixed_remedy(&self) -> &'static str {
        match self {
            Self::DebuggingDisabled => {
                "set `enableDebuggingHandlers: true` in the kubelet's configuration and restart it (which loses the \
                 present state: save /metrics first); if it is set, you asked the read-only port 10255, which never \
                 serves profiles: ask 10250"
            }
            Self::ProfilingDisabled => {
                "set `enableProfilingHandler: true` in the kubelet's configuration and restart it (which loses the present \
                 state: save /metrics first)"
            }
            Self::EndpointDisabled { .. } => {
                "switch it on in the kubelet's configuration; profiles are at /debug/pprof/"
            }
            Self::KubeletUnauthorized => {
                "send a client certificate that the kubelet's `authentication.x509.clientCAFile` signed, or a token if \
                 `authentication.webhook.enabled` is set; through the API server this means that the kubelet does not \
                 know the API server's certificate"
            }
            Self::KubeletForbidden { .. } => {
                "that user needs `get` on `nodes/proxy`; through the API server it is the API server's own kubelet client, \
                 which system:kubelet-api-admin must be bound to"
            }
            Self::KubeletAuthorizationError => {
                "the kubelet asks the API server about every caller and could not reach it: repair the node's connection \
                 to the API server first, then capture again"
            }
            Self::UnknownProfile => {
                "the kubelet was built with a Go version without that profile (goroutineleak needs Go 1.27); the page \
                 /debug/pprof/ lists what it has"
            }
            Self::MethodNotAllowed => "profiles are fetched with GET",
            Self::BadParameter { .. } => "`seconds` is a positive whole number and does not go with `debug`",
            Self::AlreadyProfiling { .. } => {
                "only one CPU profile and one trace can run at a time: wait until the other has ended, then capture again"
            }
            Self::HttpOnTlsPort => "ask with https://",
            Self::Health | Self::Metrics | Self::KubernetesObject { .. } | Self::Configz | Self::Json | Self::Yaml => {
                "give the file that was saved from /debug/pprof/; a folder with all files of a capture is fine as well"
            }
            Self::ClientError { .. } => {
                "the profile was not fetched: repair what the message says, capture again, and keep messages out of the \
                 file (no 2>&1)"
            }
            Self::Html { login: true, .. } => {
                "something in front of the API server wants a log-in: use kubectl get --raw with your kubeconfig instead \
                 of a browser or a bare URL"
            }
            Self::Html { login: false, .. } => {
                "a proxy or load balancer answered: use kubectl get --raw with your kubeconfig, or capture on the node"
            }
            Self::ExecutionTrace { .. } => "open it with `go tool trace`",
            Self::PprofReport => "give the .pb.gz file that the report was made from",
            Self::Drawing { .. } => "give the .pb.gz file that it was made from: it can be drawn again",
            Self::Folded => {
                "give the profile that they were made from: counts without units, lines and labels are not enough"
            }
            Self::Jemalloc => {
                "read it with `jeprof`; `jeprof --raw PROGRAM FILE` writes a form that go tool pprof reads"
            }
            Self::Threads { of: "delve" } => {
                "take a dump that Go itself writes: /debug/pprof/goroutine?debug=2, or SIGQUIT, which ends the process"
            }
            Self::Threads { .. } => "give a dump of a Go process: /debug/pprof/goroutine?debug=2",
            Self::PerfScript => "read it with `perf report`, or convert perf.data with perf_to_profile",
            Self::HexDump => "convert it back: xxd -r FILE > profile.pb.gz",
            Self::Source { .. } => "give the profile; source files only serve its listings",
            Self::Text { headers: 0, .. } => {
                "give the file that was saved from /debug/pprof/, or the text with all lines of the goroutines as they were \
                 printed"
            }
            Self::Text { .. } => "give the text with all lines of the goroutines as they were printed, one line each",
            Self::PprofFetch { .. } => "the fetch did not end: capture again with curl or kubectl get --raw",
            Self::KubeprofReport { .. } => "give the profile that the report was made from",
            Self::PerfData => "read it with `perf report`, or convert it with perf_to_profile",
            Self::Elf { core: true } => {
                "open it with `dlv core`; a goroutine dump comes from /debug/pprof/goroutine?debug=2"
            }
            Self::Elf { core: false } => "give it as the binary, together with the profile",
            Self::OtherProgram { .. } => "give a profile; kubeprof resolves ELF binaries only",
            Self::Archive { format: "xz" | "bzip2" } => "unpack it first, with xz -d or bzip2 -d",
            Self::Archive { .. } => "unpack it and give the folder",
            Self::Utf32 => "give the text in UTF-8: iconv -f UTF-32 -t UTF-8",
            Self::Replaced => {
                "it cannot be undone: capture again, and save bytes (curl -o FILE); a program that reads the response as text \
                 (`response.text`, a chat, a clipboard, a JSON field) does this"
            }
            Self::Utf16 => {
                "a text comes back with `iconv -f UTF-16 -t UTF-8`; a profile that went through it is lost: capture again, \
                 from cmd"
            }
            Self::Base64 => "decode it first: base64 -d FILE > heap.pb.gz",
            Self::Log => {
                "if a dump is in it, give its lines as they were printed; for stacks, fetch /debug/pprof/goroutine?debug=2, or send the process SIGQUIT (which ends it)"
            }
            Self::CommandLine => "give the file that was saved from /debug/pprof/PROFILE",
            Self::Truncated { .. } => {
                "capture again: the connection or the disk ended early; a CPU profile sends nothing until it is done, so \
                 idle timeouts on the way (often 60 s) cut it: ask for fewer `seconds`"
            }
            Self::Damaged { .. } => {
                "capture again, and copy the file as binary (no line-ending or character conversion, no `kubectl cp` of a \
                 file that is still written)"
            }
            Self::Empty
            | Self::Status { .. }
            | Self::HttpResponse { .. }
            | Self::PathNotFound
            | Self::PprofIndex
            | Self::Converted(_) => "capture again",
        }
    }
}
