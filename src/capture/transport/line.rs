//! The client in use and what it shows of us: made once for a whole capture, and made anew when credentials expire, when the
//! server does not take them any more, or when the server's certificate holds another name of this machine.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use kube::client::{AuthError, ClientBuilder};
use kube::config::AuthInfo;
use kube::{Client, Config};
use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;

use super::error::{AccessError, Remedy, chain, shown};
use super::guard::{Guard, guarded};
use super::plugin::{Issued, Plugin};
use super::{Break, files, identity};

/// How often a file with a token is looked at, as Go does: tokens of pods change while the pod runs.
const LOOK: Duration = Duration::from_secs(60);
/// So long before its end a token is replaced; one that lives shorter, after half of its time.
const EARLY: SignedDuration = SignedDuration::from_secs(10);

/// When a credential of a plugin is to be replaced. One that has expired when it is made is not: the plugin would be run for
/// every request, and the server says what it thinks of it.
fn renewal(until: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let until = until?;
    let left = until.duration_since(now);
    let early = EARLY.min(left / 2);
    left.is_positive().then(|| until.checked_sub(early).unwrap_or(until))
}

/// Where the token comes from.
#[derive(Debug)]
enum Source {
    /// From nowhere, or from what kube itself takes care of.
    Fixed,
    File(PathBuf),
    Plugin(Box<Plugin>),
}

/// The way to a server, open.
pub(super) struct Line {
    config: Config,
    source: Source,
    /// The proxy on the way, without user and password.
    pub(super) proxy: Option<String>,
    /// A name that may be in the server's certificate in place of its address.
    own_name: Option<String>,
    /// What of that is worth saying.
    note: OnceLock<String>,
    now: Mutex<Ready>,
}

/// What a request goes with.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) client: Client,
    pub(super) bearer: Option<HeaderValue>,
    /// Counts up with every change.
    pub(super) serial: u64,
    /// When it is to be replaced.
    due: Option<Timestamp>,
    /// Whether the server took it.
    taken: bool,
    by_name: bool,
}

impl Line {
    /// Makes the credentials and the client.
    pub(super) async fn open(
        mut config: Config,
        say: Option<fn(&str)>,
        own_name: Option<String>,
    ) -> Result<Self, AccessError> {
        let note = OnceLock::new();
        if config.cluster_url.scheme_str() == Some("http") && shows_who(&config.auth_info) {
            // As for kubectl, whoever listens on the way is not shown who we are.
            config.auth_info = AuthInfo::default();
            note.get_or_init(|| {
                "no credentials were sent, because plain HTTP shows them to everybody on the way".to_owned()
            });
        }
        let auth = &mut config.auth_info;
        let others = auth.auth_provider.is_some() || (auth.username.is_some() && auth.password.is_some());
        let (token, file, exec) = (auth.token.take(), auth.token_file.take(), auth.exec.take());
        let token = token.filter(|t| !t.expose_secret().trim().is_empty());
        let mut bearer = None;
        let source = match (token, file, exec) {
            _ if others => Source::Fixed,
            (Some(token), ..) => {
                bearer = Some(header(token.expose_secret(), "the token that was given")?);
                Source::Fixed
            }
            (None, Some(file), _) => Source::File(file.into()),
            (None, None, Some(exec)) => Source::Plugin(Box::new(Plugin { exec, say })),
            (None, None, None) => Source::Fixed,
        };
        identity::check(&config.auth_info)?;
        let mut due = None;
        let client = match &source {
            Source::Fixed => client(&config, None, None)?,
            Source::File(path) => {
                bearer = Some(of_file(path)?);
                due = Timestamp::now().checked_add(LOOK).ok();
                client(&config, None, None)?
            }
            Source::Plugin(plugin) => {
                let issued = plugin.run().await?;
                bearer = bearer_of(&issued)?;
                due = renewal(issued.until, Timestamp::now());
                client(&config, Some(&issued), None)?
            }
        };
        Ok(Line {
            proxy: config.proxy_url.as_ref().map(shown),
            source,
            own_name,
            note,
            now: Mutex::new(Ready {
                client,
                bearer,
                serial: 0,
                due,
                taken: false,
                by_name: false,
            }),
            config,
        })
    }

    /// A line that is a service and shows nothing of us.
    #[cfg(test)]
    pub(super) fn over<S>(service: S) -> Self
    where
        S: tower::Service<http::Request<kube::client::Body>, Response = http::Response<kube::client::Body>>
            + Send
            + 'static,
        S::Error: Into<tower::BoxError>,
        S::Future: Send + 'static,
    {
        Line {
            config: Config::new(http::Uri::from_static("https://localhost")),
            source: Source::Fixed,
            proxy: None,
            own_name: None,
            note: OnceLock::new(),
            now: Mutex::new(Ready {
                client: ClientBuilder::new(service, "default").with_layer(&Guard).build(),
                bearer: None,
                serial: 0,
                due: None,
                taken: false,
                by_name: false,
            }),
        }
    }

    /// What is worth saying of how the server was reached.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.get().map(String::as_str)
    }

    /// The client and the token, renewed where they expire. Whoever else asks meanwhile waits for the same.
    pub(super) async fn ready(&self) -> Result<Ready, Break> {
        let mut now = self.now.lock().await;
        if now.due.is_some_and(|due| Timestamp::now() >= due) {
            self.renew(&mut now).await?;
        }
        Ok(now.clone())
    }

    /// Remembers that the server answered, and whether it took the credentials.
    pub(super) async fn answered(&self, serial: u64, taken: bool) {
        let mut now = self.now.lock().await;
        if now.serial != serial {
            return;
        }
        now.taken |= taken;
        if let (true, Some(name)) = (now.by_name, &self.own_name) {
            let host = shown(&self.config.cluster_url);
            self.note.get_or_init(|| {
                format!(
                    "the certificate of {host} does not hold that address; it was checked for the name of this machine, \
                     {name:?}"
                )
            });
        }
    }

    /// Makes other credentials, because the server did not take these; says whether there are other ones. What was made
    /// for that reason and was not taken either is not made once more: somebody may be asked for a password each time.
    pub(super) async fn refused(&self, serial: u64) -> Result<bool, Break> {
        let mut now = self.now.lock().await;
        if now.serial != serial {
            return Ok(true);
        }
        if matches!(self.source, Source::Fixed) || (serial > 0 && !now.taken) {
            return Ok(false);
        }
        let before = now.bearer.clone();
        self.renew(&mut now).await?;
        Ok(matches!(self.source, Source::Plugin(_)) || now.bearer != before)
    }

    async fn renew(&self, now: &mut Ready) -> Result<(), Break> {
        match &self.source {
            Source::Fixed => now.due = None,
            Source::File(path) => {
                now.due = Timestamp::now().checked_add(LOOK).ok();
                // As for Go: a file that is gone leaves the token that was read.
                if let Ok(bearer) = of_file(path)
                    && now.bearer.as_ref() != Some(&bearer)
                {
                    now.bearer = Some(bearer);
                    now.serial += 1;
                    now.taken = false;
                }
            }
            Source::Plugin(plugin) => {
                let broken = |e: AccessError| Break::Credentials(first(&e.to_string()));
                let issued = plugin.run().await.map_err(|e| Break::Credentials(e.to_string()))?;
                now.bearer = bearer_of(&issued).map_err(broken)?;
                now.due = renewal(issued.until, Timestamp::now());
                if issued.identity.is_some() {
                    now.client = client(&self.config, Some(&issued), None).map_err(broken)?;
                }
                now.serial += 1;
                now.taken = false;
            }
        }
        Ok(())
    }

    /// Tries the name of this machine in place of its loopback address, once; says whether there is something to try.
    pub(super) async fn by_own_name(&self, serial: u64) -> bool {
        let Some(name) = &self.own_name else { return false };
        let mut now = self.now.lock().await;
        if now.serial != serial {
            return now.by_name;
        }
        if now.by_name {
            return false;
        }
        let Ok(other) = client(&self.config, None, Some(name)) else {
            return false;
        };
        now.client = other;
        now.by_name = true;
        now.serial += 1;
        true
    }
}

/// Whether there is anything that says who we are.
fn shows_who(auth: &AuthInfo) -> bool {
    let names = [
        &auth.username,
        &auth.token_file,
        &auth.client_certificate,
        &auth.client_certificate_data,
    ];
    let names = names
        .into_iter()
        .any(|text| text.as_ref().is_some_and(|t| !t.is_empty()));
    names || auth.token.is_some() || auth.exec.is_some() || auth.auth_provider.is_some() || auth.impersonate.is_some()
}

fn first(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// A token as a header that does not show in logs.
fn header(token: &str, from: &str) -> Result<HeaderValue, AccessError> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.trim()))
        .map_err(|_| AccessError::Token { from: from.to_owned() })?;
    value.set_sensitive(true);
    Ok(value)
}

fn of_file(path: &Path) -> Result<HeaderValue, AccessError> {
    let fail = |cause: String| AccessError::Identity {
        what: path.display().to_string(),
        cause,
        remedy: Remedy::TokenFile,
    };
    let text = files::read(path).and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
    let text = text.map_err(|e| fail(format!("the token cannot be read: {e}")))?;
    if text.trim().is_empty() {
        return Err(fail("it holds no token".to_owned()));
    }
    header(&text, &path.display().to_string())
}

fn bearer_of(issued: &Issued) -> Result<Option<HeaderValue>, AccessError> {
    let token = issued.token.as_deref();
    token
        .map(|t| header(t, "what the credential plugin printed"))
        .transpose()
}

/// A client of this configuration, with a plugin's certificate and another name in the server's where there are such.
fn client(config: &Config, issued: Option<&Issued>, name: Option<&str>) -> Result<Client, AccessError> {
    let mut config = config.clone();
    if let Some((certificate, key)) = issued.and_then(|i| i.identity.as_ref()) {
        let encoded = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
        config.auth_info.client_certificate_data = Some(encoded(certificate));
        config.auth_info.client_key_data = Some(encoded(key).into());
        identity::check(&config.auth_info)?;
    }
    if let Some(name) = name {
        config.tls_server_name = Some(name.to_owned());
    }
    let made = guarded(|| ClientBuilder::try_from(config).map(|builder| builder.with_layer(&Guard).build()));
    let made = made.map_err(|panicked| AccessError::Credentials {
        cause: format!("the client cannot be made: {panicked}"),
    })?;
    made.map_err(|e| match &e {
        kube::Error::ProxyProtocolUnsupported { proxy_url } | kube::Error::ProxyProtocolDisabled { proxy_url, .. } => {
            AccessError::Proxy {
                cause: format!("{} is of another kind", shown(proxy_url)),
            }
        }
        // Its output may hold the token.
        kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => AccessError::Credentials {
            cause: format!("the command of `auth-provider` failed ({})", out.status),
        },
        _ => AccessError::Credentials { cause: chain(&e) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_replaced_before_they_expire_and_not_for_ever() {
        let now: Timestamp = "2026-11-24T02:38:00Z".parse().expect("a time");
        let after = |seconds: i64| now.checked_add(SignedDuration::from_secs(seconds)).ok();
        assert_eq!(renewal(None, now), None);
        assert_eq!(renewal(after(3600), now), after(3590));
        assert_eq!(renewal(after(8), now), after(4), "a short life has its middle, too");
        assert_eq!(renewal(after(0), now), None, "expired when it is made");
        assert_eq!(renewal(after(-3600), now), None);
    }
}
