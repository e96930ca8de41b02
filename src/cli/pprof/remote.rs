//! Profiles by URL, as `go tool pprof` fetches them: which address is asked with which duration, how long the answer may
//! take, and where a copy of what was fetched is kept.

use std::path::Path;

use super::flags::Flags;
use crate::atomic::Part;
use crate::model::Profile;

/// An address and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Source {
    /// The address, with the seconds that were asked for.
    pub(super) url: String,
    /// Seconds that the server profiles.
    pub(super) seconds: Option<u64>,
    /// Seconds until the answer must begin.
    pub(super) patience: u64,
    /// Certificates are not checked (`https+insecure`).
    pub(super) insecure: bool,
}

/// What pprof would fetch: of what is no file, `SCHEME://HOST...` and `HOST:PORT...`.
pub(super) fn source(name: &str, flags: &Flags) -> Option<Source> {
    let url = address(name)?;
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
    let insecure = scheme == "https+insecure";
    let scheme = if insecure { "https" } else { scheme };
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut pairs: Vec<&str> = query.split('&').filter(|p| !p.is_empty()).collect();
    let is_seconds = |p: &str| p.split('=').next() == Some("seconds");
    let asked = u64::try_from(flags.seconds).ok().filter(|&s| s > 0);
    let of_url = pairs.iter().find(|p| is_seconds(p)).and_then(|p| p.split_once('='));
    let seconds = asked.or_else(|| of_url?.1.parse().ok());
    let text = asked.map(|s| format!("seconds={s}"));
    if let Some(text) = &text {
        pairs.retain(|p| !is_seconds(p));
        pairs.push(text);
    }
    pairs.sort_by_key(|p| p.split('=').next().unwrap_or_default().to_owned());
    let query = if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    };
    let given = u64::try_from(flags.timeout).ok().filter(|&t| t > 0);
    Some(Source {
        url: format!("{scheme}://{path}{query}"),
        seconds,
        // What pprof waits: half as long again as the server profiles, a minute where that is not known.
        patience: given
            .unwrap_or_else(|| seconds.map_or(60, |s| s.saturating_add(s / 2)))
            .min(86_400),
        insecure,
    })
}

/// The address in a name, with its scheme.
fn address(name: &str) -> Option<String> {
    if Path::new(name).exists() {
        return None;
    }
    if let Some((scheme, rest)) = name.split_once("://") {
        let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let is_url = !rest.is_empty() && !rest.starts_with('/') && !scheme.is_empty() && scheme.chars().all(plain);
        return is_url.then(|| name.to_owned());
    }
    let (host, rest) = name.split_once(':')?;
    let port = rest.split(['/', '?']).next().unwrap_or_default();
    let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    (is_port && !host.is_empty() && !host.contains('/')).then(|| format!("http://{name}"))
}

/// What each source by URL answers, or why it does not; all are asked at the same time.
#[cfg(feature = "debuginfod")]
pub(super) fn fetch(sources: &[Option<Source>]) -> Vec<Option<Result<Vec<u8>, String>>> {
    for s in sources.iter().flatten() {
        let scheme = if s.insecure { "https+insecure" } else { "" };
        let shown = match scheme {
            "" => s.url.clone(),
            scheme => s.url.replacen("https", scheme, 1),
        };
        say!("Fetching profile over HTTP from {shown}");
        if let Some(seconds) = s.seconds {
            say!("Please wait... ({seconds}s)");
        }
    }
    std::thread::scope(|scope| {
        let started: Vec<_> = sources
            .iter()
            .map(|s| s.as_ref().map(|s| scope.spawn(move || http::get(s))))
            .collect();
        let ended = started
            .into_iter()
            .map(|t| t.map(|t| t.join().unwrap_or_else(|_| Err("the request ended early".to_owned()))));
        ended.collect()
    })
}

/// Without a network: why there is no answer.
#[cfg(not(feature = "debuginfod"))]
pub(super) fn fetch(sources: &[Option<Source>]) -> Vec<Option<Result<Vec<u8>, String>>> {
    let refused = |s: &Source| {
        Err(format!(
            "this build fetches nothing (feature debuginfod)\nhint: save the answer to a file (curl -o FILE '{}') and name that",
            s.url
        ))
    };
    sources.iter().map(|s| s.as_ref().map(refused)).collect()
}

#[cfg(feature = "debuginfod")]
mod http {
    //! One request.

    use std::time::Duration;

    use super::Source;
    use crate::symbolize::locate::http::{Patience, agent};

    /// What to do where a kubelet was meant.
    const KUBELETS: &str = "kubeprof capture takes profiles from kubelets, with the credentials of your kubeconfig";
    /// Bytes of an answer that are read.
    const LARGEST: u64 = 1 << 30;
    /// Bytes of the text of an error that are read.
    const LONGEST: u64 = 4 << 10;

    pub(super) fn get(source: &Source) -> Result<Vec<u8>, String> {
        let answer = Duration::from_secs(source.patience.saturating_add(5));
        let patience = Patience {
            connect: answer.min(Duration::from_secs(30)),
            answer,
            body: answer.max(Duration::from_secs(300)),
        };
        let agent = agent(patience, 10, source.insecure).map_err(|e| format!("{e}\nhint: {}", e.hint()))?;
        let answer = agent.get(&source.url).call();
        let mut answer = answer.map_err(|e| format!("{e}\nhint: {KUBELETS}"))?;
        let status = answer.status();
        if status != 200 {
            let header = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok());
            // The handlers of Go say why in a line of text; anything else is a page.
            let says =
                header("x-go-pprof").is_some() && header("content-type").is_some_and(|t| t.contains("text/plain"));
            let text = match says {
                true => answer
                    .body_mut()
                    .with_config()
                    .limit(LONGEST)
                    .lossy_utf8(true)
                    .read_to_string()
                    .ok(),
                false => None,
            };
            let text = text.map(|t| format!(" - {}", t.trim_end())).unwrap_or_default();
            let hint = match status.as_u16() {
                401 | 403 => format!("\nhint: {KUBELETS}"),
                _ => String::new(),
            };
            return Err(format!("server response: {status}{text}{hint}"));
        }
        let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec();
        body.map_err(|e| e.to_string())
    }
}

/// Keeps a copy of what was fetched where pprof keeps it: `PPROF_TMPDIR`, `~/pprof`, or the folder for temporary files.
pub(super) fn save(profile: &Profile) {
    let asked = std::env::var_os("PPROF_TMPDIR")
        .filter(|d| !d.is_empty())
        .map(Into::into);
    let home = std::env::var_os("HOME").filter(|d| !d.is_empty());
    let home = home.map(|d| Path::new(&d).join("pprof"));
    for folder in asked.into_iter().chain(home).chain([std::env::temp_dir()]) {
        if let Err(e) = std::fs::create_dir_all(&folder) {
            say!("Could not use temp dir {}: {e}", folder.display());
            continue;
        }
        match save_in(&folder, profile) {
            Ok(path) => say!("Saved profile in {}", path.display()),
            Err(e) => say!("cannot save the profile in {}: {e}", folder.display()),
        }
        return;
    }
}

fn save_in(folder: &Path, profile: &Profile) -> std::io::Result<std::path::PathBuf> {
    use crate::pprof::{Compression, encode_gzip};
    use std::io::Write as _;
    let mut bytes = Vec::new();
    encode_gzip(profile, &mut bytes, Compression::suiting(profile))?;
    let mut name = "pprof.".to_owned();
    let mut add = |text: &str| {
        let plain = text
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
            .take(64);
        name.extend(plain.chain(['.']));
    };
    let file = profile.mappings.first().map_or("", |m| profile.text(m.file));
    if let Some(base) = file.rsplit('/').next().filter(|b| !b.is_empty()) {
        add(base);
    }
    profile.sample_types.iter().for_each(|t| add(profile.text(t.kind)));
    let part = Part::beside(&folder.join(&name))?;
    part.file(false)?.write_all(&bytes)?;
    // A link never replaces what is there, and the name appears with the whole file behind it.
    let place = (1..10_000)
        .map(|n| folder.join(format!("{name}{n:03}.pb.gz")))
        .find_map(|path| match std::fs::hard_link(part.path(), &path) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => None,
            other => Some(other.map(|()| path)),
        });
    place.unwrap_or_else(|| Err(std::io::Error::other("every name is taken")))
}

#[cfg(test)]
mod tests {
    use super::{address, source};
    use crate::cli::pprof::flags::Flags;

    #[test]
    fn what_pprof_would_fetch() {
        for (name, want) in [
            (
                "http://node:10250/debug/pprof/heap",
                Some("http://node:10250/debug/pprof/heap"),
            ),
            ("https://h/x?seconds=5", Some("https://h/x?seconds=5")),
            (
                "localhost:6060/debug/pprof/heap",
                Some("http://localhost:6060/debug/pprof/heap"),
            ),
            ("localhost:6060", Some("http://localhost:6060")),
            ("localhost:6060?x=1", Some("http://localhost:6060?x=1")),
            ("localhost/heap", None),
            ("a/b:80/c", None),
            ("C:\\heap.pb.gz", None),
            ("heap:latest.pb.gz", None),
            ("file:///heap.pb.gz", None),
            ("://x", None),
            ("nosuchfile.pb.gz", None),
        ] {
            assert_eq!(address(name).as_deref(), want, "{name}");
        }
    }

    #[test]
    fn seconds_and_patience_are_those_of_pprof() {
        let flags = |seconds, timeout| Flags {
            seconds,
            timeout,
            ..Flags::default()
        };
        for (name, flags, url, patience) in [
            ("h:1/p", flags(-1, -1), "http://h:1/p", 60),
            ("h:1/p", flags(30, -1), "http://h:1/p?seconds=30", 45),
            (
                "http://h/p?seconds=8&gc=1",
                flags(-1, -1),
                "http://h/p?gc=1&seconds=8",
                12,
            ),
            ("http://h/p?seconds=8&gc=1", flags(4, 9), "http://h/p?gc=1&seconds=4", 9),
            ("https+insecure://h/p#x", flags(-1, -1), "https://h/p", 60),
        ] {
            let found = source(name, &flags).expect(name);
            assert_eq!((found.url.as_str(), found.patience), (url, patience), "{name}");
            assert_eq!(found.insecure, name.contains("insecure"));
        }
    }
}
