//! Who may ask: the right host, the right origin, the right token, the right method.
//!
//! A page of another site can make a browser send requests to 127.0.0.1, and can make its own name point there (DNS
//! rebinding). So the `Host` must be one that this server has, requests that another origin makes are refused, and bound to
//! anything but the loopback a token in the path proves that the address came from the person who started the server.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{self, HeaderMap};
use hyper::{Method, Uri};

use super::{Request, Response};

/// Parameters of a request at most, and bytes of one.
const MOST_PARAMETERS: usize = 200;
const LONGEST: usize = 16 << 10;

/// Who may ask.
#[derive(Clone, Debug)]
pub struct Guard {
    address: SocketAddr,
    token: Option<String>,
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Neither GET nor HEAD.
    Method,
    /// A host that this server does not have.
    Host,
    /// A page of another site asks.
    Origin,
    /// No token, or a wrong one.
    Token,
    /// A path or parameter that is no text, too long, or too many.
    Malformed,
    /// A body where none is expected.
    Body,
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Method => {
                let mut response = Response::text(405, "only GET and HEAD: nothing can be changed here");
                response.headers.push(("Allow", "GET, HEAD".to_owned()));
                response
            }
            Refused::Host => Response::text(403, "this server does not have that host name"),
            Refused::Origin => Response::text(403, "a page of another site may not ask"),
            Refused::Token => Response::text(404, "not found; the address that was printed has a token in it"),
            Refused::Malformed => Response::text(400, "malformed request"),
            Refused::Body => Response::text(413, "requests have no body here"),
        }
    }
}

impl Guard {
    /// For a server at this address. A token is needed where it is no address of the loopback.
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        Self { address, token }
    }

    /// The address to open, with the token where there is one.
    pub fn url(&self) -> String {
        let token = self.token.as_ref().map_or_else(String::new, |t| format!("{t}/"));
        let host = match self.address.ip() {
            ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        format!("http://{host}:{}/{token}", self.address.port())
    }

    /// Lets a request in, or not.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Request, Refused> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(Refused::Method);
        }
        let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
        if headers.contains_key(header::TRANSFER_ENCODING) || text(header::CONTENT_LENGTH).is_some_and(|n| n != "0") {
            return Err(Refused::Body);
        }
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next().map(|h| h.to_str()), hosts.next()) {
            (Some(Ok(host)), None) => host,
            _ => return Err(Refused::Host),
        };
        // An absolute form names the host as well; the two must agree.
        if uri.authority().is_some_and(|a| !a.as_str().eq_ignore_ascii_case(host)) || !self.is_own(host) {
            return Err(Refused::Host);
        }
        if let Some(origin) = text(header::ORIGIN)
            && origin
                .strip_prefix("http://")
                .is_none_or(|o| !o.eq_ignore_ascii_case(host))
        {
            return Err(Refused::Origin);
        }
        // A link on another site may lead here; a picture, script or frame of it may not.
        let site = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
        let mode = headers.get("sec-fetch-mode").and_then(|v| v.to_str().ok());
        let destination = headers.get("sec-fetch-dest").and_then(|v| v.to_str().ok());
        let navigates = mode == Some("navigate") && destination == Some("document");
        if matches!(site, Some("cross-site" | "same-site")) && !navigates {
            return Err(Refused::Origin);
        }
        let path = decoded(uri.path(), false)?;
        let path = self.behind_token(&path)?;
        if path.contains('\0') || path.split('/').any(|part| part == "..") {
            return Err(Refused::Malformed);
        }
        let query = parameters(uri.query().unwrap_or_default())?;
        Ok(Request { path, query })
    }

    /// Whether a `Host` names this server: its port, and an address or a name of the loopback where it is bound there.
    fn is_own(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port.parse::<u16>().ok()),
            _ => (host, Some(80)),
        };
        if port != Some(self.address.port()) {
            return false;
        }
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
        match bare.parse::<IpAddr>() {
            Ok(ip) if self.address.ip().is_loopback() => ip.is_loopback(),
            // Elsewhere the token is the proof: the machine may have any name.
            Ok(_) => true,
            Err(_) => {
                bare.eq_ignore_ascii_case("localhost") || !self.address.ip().is_loopback() && self.token.is_some()
            }
        }
    }

    fn behind_token(&self, path: &str) -> Result<String, Refused> {
        let Some(token) = &self.token else {
            return Ok(path.to_owned());
        };
        let rest = path.strip_prefix('/').unwrap_or(path);
        let (given, rest) = rest.split_once('/').unwrap_or((rest, ""));
        match same(given, token) {
            true => Ok(format!("/{rest}")),
            false => Err(Refused::Token),
        }
    }
}

/// Compares without telling by time how much was right.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn parameters(query: &str) -> Result<Vec<(String, String)>, Refused> {
    let parts: Vec<&str> = query.split('&').filter(|p| !p.is_empty()).collect();
    if parts.len() > MOST_PARAMETERS {
        return Err(Refused::Malformed);
    }
    let pair = |part: &&str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        Ok((decoded(key, true)?, decoded(value, true)?))
    };
    parts.iter().map(pair).collect()
}

/// `%41` is `A`, and in parameters `+` a blank. What is not UTF-8 then is refused.
fn decoded(text: &str, plus: bool) -> Result<String, Refused> {
    if text.len() > LONGEST {
        return Err(Refused::Malformed);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        bytes.push(match b {
            b'+' if plus => b' ',
            b'%' => {
                let digit = |b: Option<u8>| b.and_then(|b| (b as char).to_digit(16));
                match (digit(rest.next()), digit(rest.next())) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err(Refused::Malformed),
                }
            }
            b => b,
        });
    }
    String::from_utf8(bytes).map_err(|_| Refused::Malformed)
}

/// A token nobody guesses.
///
/// # Errors
/// When the system has no random bytes.
pub fn token() -> std::io::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(guard: &Guard, method: Method, uri: &str, headers: &[(&str, &str)]) -> Result<Request, Refused> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        guard.admit(&method, &uri.parse().unwrap(), &map)
    }

    fn local() -> Guard {
        Guard::new("127.0.0.1:8080".parse().unwrap(), None)
    }

    #[test]
    fn the_right_host_comes_in() {
        for host in [
            "127.0.0.1:8080",
            "localhost:8080",
            "LOCALHOST:8080",
            "[::1]:8080",
            "127.0.0.2:8080",
        ] {
            let request = admit(&local(), Method::GET, "/top?f=a%2Bb+c&f=x&g", &[("host", host)]).unwrap();
            assert_eq!(request.path, "/top", "{host}");
            assert_eq!(request.get("f"), "a+b c");
            assert_eq!(request.all("f").count(), 2);
            assert_eq!(request.get("missing"), "");
        }
    }

    #[test]
    fn other_hosts_origins_and_methods_do_not() {
        let refused = |uri: &str, headers: &[(&str, &str)]| admit(&local(), Method::GET, uri, headers).unwrap_err();
        for host in [
            "evil.example:8080",
            "127.0.0.1",
            "127.0.0.1:81",
            "10.0.0.1:8080",
            "localhost.evil.example:8080",
            "",
        ] {
            assert_eq!(refused("/", &[("host", host)]), Refused::Host, "{host}");
        }
        assert_eq!(refused("/", &[]), Refused::Host);
        let twice = [("host", "localhost:8080"), ("host", "evil.example:8080")];
        assert_eq!(refused("/", &twice), Refused::Host);
        assert_eq!(
            refused("http://evil.example/", &[("host", "localhost:8080")]),
            Refused::Host
        );
        for origin in [
            "http://evil.example",
            "null",
            "https://localhost:8080",
            "http://localhost:81",
        ] {
            let headers = [("host", "localhost:8080"), ("origin", origin)];
            assert_eq!(refused("/", &headers), Refused::Origin, "{origin}");
        }
        let image = [
            ("host", "localhost:8080"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "no-cors"),
        ];
        assert_eq!(refused("/", &image), Refused::Origin);
        let frame = [
            ("host", "localhost:8080"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "iframe"),
        ];
        assert_eq!(refused("/", &frame), Refused::Origin);
        let link = [&frame[..3], &[("sec-fetch-dest", "document")]].concat();
        assert!(admit(&local(), Method::GET, "/", &link).is_ok(), "a link may lead here");
        for method in [
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
            Method::TRACE,
            Method::CONNECT,
        ] {
            let host = [("host", "localhost:8080")];
            assert_eq!(admit(&local(), method, "/", &host).unwrap_err(), Refused::Method);
        }
        for body in [("content-length", "5"), ("transfer-encoding", "chunked")] {
            assert_eq!(refused("/", &[("host", "localhost:8080"), body]), Refused::Body);
        }
    }

    #[test]
    fn paths_stay_inside() {
        let host = [("host", "localhost:8080")];
        for uri in [
            "/../etc/passwd",
            "/a/../b",
            "/%2e%2e/x",
            "/a%00b",
            "/%ff",
            "/%4",
            "/?a=%zz",
        ] {
            assert_eq!(
                admit(&local(), Method::GET, uri, &host).unwrap_err(),
                Refused::Malformed,
                "{uri}"
            );
        }
        let long = format!("/?a={}", "x".repeat(LONGEST + 1));
        assert_eq!(
            admit(&local(), Method::GET, &long, &host).unwrap_err(),
            Refused::Malformed
        );
        let many = format!("/?{}", "a=1&".repeat(MOST_PARAMETERS + 1));
        assert_eq!(
            admit(&local(), Method::GET, &many, &host).unwrap_err(),
            Refused::Malformed
        );
    }

    #[test]
    fn elsewhere_the_token_is_needed() {
        let guard = Guard::new("0.0.0.0:8080".parse().unwrap(), Some("0123456789abcdef".to_owned()));
        let host = [("host", "node-3.example.com:8080")];
        let request = admit(&guard, Method::GET, "/0123456789abcdef/top?n=3", &host).unwrap();
        assert_eq!((request.path.as_str(), request.get("n")), ("/top", "3"));
        assert_eq!(
            admit(&guard, Method::GET, "/0123456789abcdef", &host).unwrap().path,
            "/"
        );
        for uri in [
            "/",
            "/top",
            "/0123456789abcdeF/top",
            "/0123456789abcde/top",
            "/top?token=0123456789abcdef",
        ] {
            assert_eq!(
                admit(&guard, Method::GET, uri, &host).unwrap_err(),
                Refused::Token,
                "{uri}"
            );
        }
        assert_eq!(guard.url(), "http://127.0.0.1:8080/0123456789abcdef/");
    }
}
