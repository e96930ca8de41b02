//! Where the server is and who we are: a kubeconfig with the flags over it, a running `kubectl proxy`, or the kubelet
//! itself, whose files are found where it runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use kube::Config;
use kube::config::AuthInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::error::{AccessError, shown};
use super::files;
use super::kubeconfig::cluster;
use super::line::Line;
use super::{Limits, Route, Transport};
use crate::tls;

/// The way to the kubelets.
#[derive(Clone, Debug)]
pub enum Way {
    /// Through the API server of a kubeconfig, or of the cluster that this runs in.
    Cluster(Access),
    /// Through a running `kubectl proxy` at this address.
    Via(String),
    /// To the kubelet itself.
    Direct(Direct),
}

/// A text that never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Certificates and tokens that beat those of a kubeconfig.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM file of the CA that signed the server's certificate.
    pub certificate_authority: Option<PathBuf>,
    /// PEM file of our certificate.
    pub client_certificate: Option<PathBuf>,
    /// PEM file of its key; may be the same file.
    pub client_key: Option<PathBuf>,
    /// Bearer token.
    pub token: Option<Secret>,
    /// Whether any certificate will do.
    pub insecure: bool,
    /// Name that the server's certificate must hold.
    pub server_name: Option<String>,
}

/// What kubectl's flags say.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// File to read in place of `KUBECONFIG` and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// Name of the context.
    pub context: Option<String>,
    /// Name of the cluster.
    pub cluster: Option<String>,
    /// Name of the user.
    pub user: Option<String>,
    /// Address of the API server.
    pub server: Option<String>,
    /// User to act as.
    pub act_as: Option<String>,
    /// Groups to act as.
    pub act_as_groups: Vec<String>,
    /// Certificates and tokens.
    pub tls: Tls,
    /// Is told what is being waited for before anything is asked: a credential plugin that takes its time.
    pub say: Option<fn(&str)>,
}

/// The kubelet's own port.
#[derive(Clone, Debug, Default)]
pub struct Direct {
    /// `host[:port]`, or with a scheme.
    pub address: String,
    /// Certificates and tokens.
    pub tls: Tls,
}

/// Client certificates that let one read profiles, where the machine is a node: kubeadm and k3s control planes first, the
/// kubelet's own last, which says who we are and is rarely allowed to.
const OWN_CERTIFICATES: [(&str, &str); 3] = [
    (
        "/etc/kubernetes/pki/apiserver-kubelet-client.crt",
        "/etc/kubernetes/pki/apiserver-kubelet-client.key",
    ),
    (
        "/var/lib/rancher/k3s/server/tls/client-kube-apiserver.crt",
        "/var/lib/rancher/k3s/server/tls/client-kube-apiserver.key",
    ),
    (
        "/var/lib/kubelet/pki/kubelet-client-current.pem",
        "/var/lib/kubelet/pki/kubelet-client-current.pem",
    ),
];

/// CAs that sign kubelets' serving certificates, where the machine is a node; all that are there are trusted.
const OWN_AUTHORITIES: [&str; 3] = [
    "/etc/kubernetes/pki/ca.crt",
    "/var/lib/rancher/k3s/agent/server-ca.crt",
    "/var/lib/kubelet/pki/kubelet.crt",
];

impl Transport {
    /// Finds the server and the credentials. Runs the kubeconfig's credential plugin; asks nothing of the server.
    ///
    /// # Errors
    /// When there is no kubeconfig, or something in it or in the arguments cannot be used.
    pub async fn open(way: &Way, limits: Limits) -> Result<Self, AccessError> {
        let mut own_name = None;
        let mut say = None;
        let (mut config, route) = match way {
            Way::Cluster(access) => {
                say = access.say;
                (cluster(access).await?, Route::ApiServer)
            }
            Way::Via(address) => (Config::new(address_of(address, "http", 8001)?), Route::KubectlProxy),
            Way::Direct(direct) => {
                let config = kubelet(direct)?;
                own_name = own_name_for(&config);
                (config, Route::Direct)
            }
        };
        // Every deadline is ours: a silent CPU profile is no broken connection, and a refusal must not be asked for twice.
        config.connect_timeout = Some(limits.allowance.min(Duration::from_secs(15)));
        config.read_timeout = None;
        config.write_timeout = Some(limits.allowance);
        config.default_retry = false;
        if config.accept_invalid_certs || config.cluster_url.scheme_str() == Some("http") {
            // Nothing is to be proven, so a machine without any CA will do.
            config.root_cert.get_or_insert_with(Vec::new);
        }
        let server = shown(&config.cluster_url);
        tls::install()?;
        let line = Line::open(config, say, own_name).await?;
        Ok(Transport {
            line: Arc::new(line),
            route,
            server,
            limits,
        })
    }
}

/// Puts the flags over what a kubeconfig says.
pub(super) fn apply(config: &mut Config, tls: &Tls) -> Result<(), AccessError> {
    // What is empty was not given: it would take away what the kubeconfig says.
    if let Some(token) = tls.token.as_ref().filter(|t| !t.0.trim().is_empty()) {
        config.auth_info = AuthInfo {
            token: Some(token.0.clone().into()),
            impersonate: config.auth_info.impersonate.take(),
            impersonate_groups: config.auth_info.impersonate_groups.take(),
            ..AuthInfo::default()
        };
    }
    match (&tls.client_certificate, &tls.client_key) {
        (None, None) => {}
        (Some(certificate), Some(key)) => {
            let text = |path: &Path| path.display().to_string();
            config.auth_info.client_certificate = Some(text(certificate));
            config.auth_info.client_certificate_data = None;
            config.auth_info.client_key = Some(text(key));
            config.auth_info.client_key_data = None;
            // Whoever names a certificate does not mean the plugin of the kubeconfig.
            config.auth_info.exec = None;
        }
        _ => return Err(AccessError::NoKey),
    }
    if let Some(path) = &tls.certificate_authority {
        let fail = |cause: String| AccessError::File {
            path: path.clone(),
            cause,
        };
        let bytes = files::read(path).map_err(|e| fail(e.to_string()))?;
        if !bytes.windows(27).any(|w| w == b"-----BEGIN CERTIFICATE-----") {
            return Err(fail("it holds no certificate".to_owned()));
        }
        config.root_cert_file = Some(path.clone());
    }
    if tls.insecure {
        config.accept_invalid_certs = true;
        config.root_cert_file = None;
    }
    if let Some(name) = &tls.server_name {
        config.tls_server_name = Some(name.clone());
    }
    Ok(())
}

fn kubelet(direct: &Direct) -> Result<Config, AccessError> {
    let uri = address_of(&direct.address, "https", 10250)?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let mut config = Config::new(uri);
    let mut tls = direct.tls.clone();
    if is_this_machine(&host) {
        if tls.token.is_none() && tls.client_certificate.is_none() {
            let readable = |path: &str| std::fs::File::open(path).is_ok();
            let own = OWN_CERTIFICATES.iter().find(|(c, k)| readable(c) && readable(k));
            if let Some((certificate, key)) = own {
                tls.client_certificate = Some(PathBuf::from(certificate));
                tls.client_key = Some(PathBuf::from(key));
            }
        }
        if tls.certificate_authority.is_none() && !tls.insecure {
            // Which of them signed the kubelet's certificate is not told by what lies there: a control plane has a CA, and a
            // kubelet that nobody gave a certificate signs itself.
            let found: Vec<Vec<u8>> = OWN_AUTHORITIES.iter().flat_map(|p| authorities(Path::new(p))).collect();
            config.root_cert = (!found.is_empty()).then_some(found);
        }
    }
    apply(&mut config, &tls)?;
    Ok(config)
}

/// The certificates in a file that can stand for a CA; none where there is no such file.
fn authorities(path: &Path) -> Vec<Vec<u8>> {
    let Ok(all) = CertificateDer::pem_file_iter(path) else {
        return Vec::new();
    };
    let usable = |der: &CertificateDer<'_>| rustls::RootCertStore::empty().add(der.clone().into_owned()).is_ok();
    all.flatten().filter(usable).map(|der| der.to_vec()).collect()
}

/// The name of this machine.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_ascii_lowercase()
}

/// The name to try where the kubelet is asked by a loopback address: certificates that kubelets sign themselves hold the
/// name of the node and no loopback address.
fn own_name_for(config: &Config) -> Option<String> {
    let host = config.cluster_url.host()?.trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    let name = Some(host_name()).filter(|n| !n.is_empty() && n != host);
    name.filter(|_| loopback && config.tls_server_name.is_none() && !config.accept_invalid_certs)
}

/// Whether the kubelet of this machine is meant.
fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host == host_name()
        || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        // An address can be bound only where it is.
        || host.parse().is_ok_and(|ip: std::net::IpAddr| std::net::UdpSocket::bind((ip, 0)).is_ok())
}

/// What was typed for an address, without user and password, however broken it is.
fn without_user(text: &str) -> String {
    let Some((user, rest)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let scheme = user.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme.is_empty() {
        true => format!("***@{rest}"),
        false => format!("{scheme}://***@{rest}"),
    }
}

/// `host`, `host:port`, `[v6]:port` or a whole URL.
pub(super) fn address_of(text: &str, scheme: &str, port: u16) -> Result<Uri, AccessError> {
    let fail = |cause: String| AccessError::Address {
        address: without_user(text),
        cause,
        example: match port {
            8001 => "http://127.0.0.1:8001",
            443 => "https://api.example.org:6443",
            _ => "10.0.0.12, node-3:10250, [fd00::12]:10250",
        },
    };
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else if text.parse::<std::net::Ipv6Addr>().is_ok() {
        format!("{scheme}://[{text}]")
    } else {
        format!("{scheme}://{text}")
    };
    let uri: Uri = with_scheme
        .parse()
        .map_err(|e: http::uri::InvalidUri| fail(e.to_string()))?;
    let Some(host) = uri.host().filter(|h| !h.is_empty()) else {
        return Err(fail("it names no host".to_owned()));
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(fail("it is neither http nor https".to_owned()));
    }
    if uri.port().is_some() || port == 443 || (text.contains("://") && port == 8001) {
        return Ok(uri);
    }
    let whole = format!("{}://{host}:{port}{}", uri.scheme_str().unwrap_or(scheme), uri.path());
    whole.parse().map_err(|e: http::uri::InvalidUri| fail(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_a_scheme_and_a_port() {
        let of = |text| address_of(text, "https", 10250).map(|u| u.to_string());
        assert_eq!(of("node-3").expect("a host"), "https://node-3:10250/");
        assert_eq!(of("10.0.0.1:10255").expect("a port"), "https://10.0.0.1:10255/");
        assert_eq!(of("fd00::12").expect("v6"), "https://[fd00::12]:10250/");
        assert_eq!(of("http://n:10255").expect("a scheme"), "http://n:10255/");
        for bad in ["", "ftp://n", "a b", "https://"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn passwords_do_not_show() {
        let uri: Uri = "https://user:pass@host:6443/prefix/".parse().expect("an address");
        assert_eq!(shown(&uri), "https://host:6443/prefix");
        assert_eq!(format!("{:?}", Secret("abc".to_owned())), "***");
        for bad in ["https://u:PW x@h", "u:PW@ h", "https://u:PW/@h x"] {
            let error = address_of(bad, "https", 443).expect_err(bad).to_string();
            assert!(!error.contains("PW") && error.contains("***@"), "{error}");
        }
    }
}
