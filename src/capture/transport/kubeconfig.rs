//! Kubeconfigs as kubectl reads them: which files, which context, and the proxy on the way to its server.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use http::Uri;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, NamedCluster};

use super::access::{Access, address_of, apply};
use super::error::{AccessError, chain};
use super::files;
use super::guard::Guarded;
use super::names::escaped;

/// The server and the user of a kubeconfig, or of the cluster that this runs in, with the flags over them.
pub(super) async fn cluster(access: &Access) -> Result<Config, AccessError> {
    let fail = |e: &(dyn std::error::Error + 'static)| AccessError::Kubeconfig { cause: chain(e) };
    // What is empty was not given, as for kubectl.
    let given = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
    let options = KubeConfigOptions {
        context: given(&access.context),
        cluster: given(&access.cluster),
        user: given(&access.user),
    };
    let server = given(&access.server);
    let mut tls = access.tls.insecure || access.tls.certificate_authority.is_some();
    let read = match &access.kubeconfig {
        Some(path) => read_from(path),
        None => match listed() {
            Some(files) => merged(&files),
            None => Kubeconfig::read().map(settled).map_err(|e| fail(&e)),
        },
    };
    let (mut config, own_proxy) = match read {
        Ok(mut file) => {
            file.current_context = file.current_context.filter(|c| !c.is_empty());
            known(&file, &options)?;
            let at = in_use(&file, &options);
            let own_proxy = at.is_some_and(|at| has_proxy(&file.clusters[at]));
            if let Some(at) = at {
                tls |= has_tls(&file.clusters[at]);
                authority(&file.clusters[at])?;
                match &server {
                    // It is not asked, so it need not be an address.
                    Some(_) => replace(&mut file.clusters[at], "https://localhost"),
                    None => complete(&mut file.clusters[at], tls)?,
                }
            }
            let loaded = Guarded::new(Config::from_custom_kubeconfig(file, &options)).await;
            let mut config = loaded.map_err(|e| fail(&e))?.map_err(|e| fail(&e))?;
            if !own_proxy {
                config.proxy_url = None;
            }
            (config, own_proxy)
        }
        Err(e) if access.kubeconfig.is_some() => return Err(e),
        Err(e) => match (&server, Config::incluster()) {
            (Some(server), _) => (Config::new(server_of(server, tls)?), false),
            (None, Ok(config)) => (config, false),
            (None, Err(_)) => return Err(e),
        },
    };
    if let Some(server) = &server {
        config.cluster_url = server_of(server, tls)?;
    }
    if !own_proxy {
        config.proxy_url = proxy_of_environment(&config.cluster_url);
    }
    apply(&mut config, &access.tls)?;
    if let Some(user) = given(&access.act_as) {
        config.auth_info.impersonate = Some(user);
    }
    if !access.act_as_groups.is_empty() {
        config.auth_info.impersonate_groups = Some(access.act_as_groups.clone());
    }
    Ok(config)
}

/// Reads a kubeconfig.
fn read_from(path: &Path) -> Result<Kubeconfig, AccessError> {
    files::check(path).map_err(|e| AccessError::Kubeconfig {
        cause: format!("{}: {e}", path.display()),
    })?;
    let read = Kubeconfig::read_from(path).map_err(|e| AccessError::Kubeconfig { cause: chain(&e) });
    read.map(settled)
}

/// A kubeconfig where an empty path of a file says nothing, as for kubectl; kube has made the folder of it.
fn settled(mut file: Kubeconfig) -> Kubeconfig {
    let set = |text: &mut Option<String>| *text = text.take().filter(|t| !t.is_empty() && !t.ends_with('/'));
    for cluster in file.clusters.iter_mut().filter_map(|c| c.cluster.as_mut()) {
        set(&mut cluster.certificate_authority);
    }
    for user in file.auth_infos.iter_mut().filter_map(|u| u.auth_info.as_mut()) {
        set(&mut user.client_certificate);
        set(&mut user.client_key);
        set(&mut user.token_file);
    }
    file
}

/// The files of `KUBECONFIG` that are there; as for kubectl, the others of the list do not matter.
fn listed() -> Option<Vec<PathBuf>> {
    let list = std::env::var_os("KUBECONFIG").filter(|l| !l.is_empty())?;
    let files: Vec<PathBuf> = std::env::split_paths(&list).filter(|p| p.exists()).collect();
    (!files.is_empty()).then_some(files)
}

/// One kubeconfig of several; the first that says something is right, and an empty `current-context` says nothing.
fn merged(files: &[PathBuf]) -> Result<Kubeconfig, AccessError> {
    let mut all = Kubeconfig::default();
    for file in files {
        let mut next = read_from(file)?;
        next.current_context = next.current_context.filter(|c| !c.is_empty());
        all = all
            .merge(next)
            .map_err(|e| AccessError::Kubeconfig { cause: chain(&e) })?;
    }
    Ok(all)
}

/// Whether the entries that will be used are there. For kube a user that is not there is nobody, which ends in a refusal of
/// `system:anonymous` that says nothing of a mistyped name.
fn known(file: &Kubeconfig, options: &KubeConfigOptions) -> Result<(), AccessError> {
    let contexts: Vec<&str> = file.contexts.iter().map(|c| c.name.as_str()).collect();
    let clusters: Vec<&str> = file.clusters.iter().map(|c| c.name.as_str()).collect();
    let users: Vec<&str> = file.auth_infos.iter().map(|u| u.name.as_str()).collect();
    let check = |what: &'static str, name: Option<&str>, there: &[&str]| match name {
        Some(name) if !there.contains(&name) => Err(AccessError::NoSuchEntry {
            what,
            name: name.to_owned(),
            there: there.join(", "),
        }),
        _ => Ok(()),
    };
    let context = options.context.as_deref().or(file.current_context.as_deref());
    check("context", context, &contexts)?;
    let named = file.contexts.iter().find(|c| Some(c.name.as_str()) == context);
    let of_context = named.and_then(|c| c.context.as_ref());
    let cluster = options
        .cluster
        .as_deref()
        .or_else(|| of_context.map(|c| c.cluster.as_str()));
    check("cluster", cluster, &clusters)?;
    let user = options
        .user
        .as_deref()
        .or_else(|| of_context.and_then(|c| c.user.as_deref()).filter(|u| !u.is_empty()));
    check("user", user, &users)
}

/// Where the cluster stands that will be used.
fn in_use(file: &Kubeconfig, options: &KubeConfigOptions) -> Option<usize> {
    let context = options.context.as_ref().or(file.current_context.as_ref());
    let named = file.contexts.iter().find(|c| Some(&c.name) == context);
    let cluster = options
        .cluster
        .as_ref()
        .or_else(|| named.and_then(|c| c.context.as_ref()).map(|c| &c.cluster));
    file.clusters.iter().position(|c| Some(&c.name) == cluster)
}

/// Whether a cluster names a proxy of its own.
fn has_proxy(cluster: &NamedCluster) -> bool {
    let url = cluster.cluster.as_ref().and_then(|c| c.proxy_url.as_ref());
    url.is_some_and(|u| !u.is_empty())
}

/// Whether a cluster says anything of TLS.
fn has_tls(cluster: &NamedCluster) -> bool {
    let Some(cluster) = &cluster.cluster else { return false };
    let given = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.is_empty());
    given(&cluster.certificate_authority)
        || given(&cluster.certificate_authority_data)
        || cluster.insecure_skip_tls_verify == Some(true)
}

/// Looks at the file of the CA, which kube reads whole.
fn authority(cluster: &NamedCluster) -> Result<(), AccessError> {
    let path = cluster
        .cluster
        .as_ref()
        .and_then(|c| c.certificate_authority.as_deref())
        .map(Path::new);
    path.map_or(Ok(()), |path| {
        files::check(path).map_err(|e| AccessError::File {
            path: path.to_owned(),
            cause: e.to_string(),
        })
    })
}

fn replace(cluster: &mut NamedCluster, server: &str) {
    if let Some(cluster) = &mut cluster.cluster {
        cluster.server = Some(server.to_owned());
    }
}

/// Gives the server of a cluster its scheme; kube takes it as it is, and panics over a request to none.
fn complete(cluster: &mut NamedCluster, tls: bool) -> Result<(), AccessError> {
    let server = cluster
        .cluster
        .as_ref()
        .and_then(|c| c.server.clone())
        .unwrap_or_default();
    let uri = server_of(&server, tls).map_err(|e| match e {
        AccessError::Address { address, cause, .. } => AccessError::Server {
            cluster: cluster.name.clone(),
            address,
            cause,
        },
        other => other,
    })?;
    replace(cluster, &uri.to_string());
    Ok(())
}

/// The address of an API server. Without a scheme it is kubectl's default (`defaultServerUrlFor` of client-go): TLS where
/// anything is said of certificates, plain HTTP else; then it is a host and perhaps a port.
fn server_of(text: &str, tls: bool) -> Result<Uri, AccessError> {
    let uri = address_of(text, if tls { "https" } else { "http" }, 443)?;
    if !text.contains("://") && !matches!(uri.path(), "" | "/") {
        return Err(AccessError::Address {
            address: text.to_owned(),
            cause: "without a scheme it is a host and a port, and nothing else".to_owned(),
            example: "https://api.example.org:6443",
        });
    }
    Ok(uri)
}

/// The proxy that the environment names for this server, by `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` in either case. kube
/// holds the proxy's own name against `NO_PROXY` and not the server's; this machine is never asked through a proxy, as in
/// Go.
fn proxy_of_environment(server: &Uri) -> Option<Uri> {
    let host = server.host()?.trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    if here {
        return None;
    }
    let found = hyper_util::client::proxy::matcher::Matcher::from_env().intercept(server)?;
    let uri = found.uri();
    let user = found.basic_auth().and_then(|basic| {
        // The matcher gives the password as a header; kube wants it in the address.
        let encoded = basic.to_str().ok()?.strip_prefix("Basic ")?;
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
        let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some(format!("{}:{}@", escaped(user, b""), escaped(password, b"")))
    });
    let scheme = match uri.scheme_str() {
        // Names are looked up by the proxy either way.
        Some("socks5h") => "socks5",
        other => other?,
    };
    let address = uri.authority()?;
    format!("{scheme}://{}{address}", user.unwrap_or_default()).parse().ok()
}
