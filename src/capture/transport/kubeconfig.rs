//! Kubeconfigs as kubectl reads them: which files, which context, and the proxy on the way to its server.

use std::path::PathBuf;

use base64::Engine as _;
use http::Uri;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

use super::access::{Access, AccessError, address_of, apply, chain};
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
    let read = match &access.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).map_err(|e| fail(&e)),
        None => match listed() {
            Some(files) => merged(&files).map_err(|e| fail(&e)),
            None => Kubeconfig::read().map_err(|e| fail(&e)),
        },
    };
    let (mut config, own_proxy) = match read {
        Ok(mut file) => {
            file.current_context = file.current_context.filter(|c| !c.is_empty());
            known(&file, &options)?;
            let own_proxy = has_proxy(&file, &options);
            let loaded = Config::from_custom_kubeconfig(file, &options).await;
            let mut config = loaded.map_err(|e| fail(&e))?;
            if !own_proxy {
                config.proxy_url = None;
            }
            (config, own_proxy)
        }
        Err(e) if access.kubeconfig.is_some() => return Err(e),
        Err(e) => match (&server, Config::incluster()) {
            (Some(server), _) => (Config::new(address_of(server, "https", 443)?), false),
            (None, Ok(config)) => (config, false),
            (None, Err(_)) => return Err(e),
        },
    };
    if let Some(server) = &server {
        config.cluster_url = address_of(server, "https", 443)?;
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

/// The files of `KUBECONFIG` that are there; as for kubectl, the others of the list do not matter.
fn listed() -> Option<Vec<PathBuf>> {
    let list = std::env::var_os("KUBECONFIG").filter(|l| !l.is_empty())?;
    let files: Vec<PathBuf> = std::env::split_paths(&list).filter(|p| p.exists()).collect();
    (!files.is_empty()).then_some(files)
}

/// One kubeconfig of several; the first that says something is right, and an empty `current-context` says nothing.
fn merged(files: &[PathBuf]) -> Result<Kubeconfig, kube::config::KubeconfigError> {
    let mut all = Kubeconfig::default();
    for file in files {
        let mut next = Kubeconfig::read_from(file)?;
        next.current_context = next.current_context.filter(|c| !c.is_empty());
        all = all.merge(next)?;
    }
    Ok(all)
}

/// Whether the entries that will be used are there. For kube a user that is not there is nobody, which ends in a refusal of
/// `system:anonymous` that says nothing of a mistyped name.
fn known(file: &Kubeconfig, options: &KubeConfigOptions) -> Result<(), AccessError> {
    let contexts: Vec<&str> = file.contexts.iter().map(|c| c.name.as_str()).collect();
    let clusters: Vec<&str> = file.clusters.iter().map(|c| c.name.as_str()).collect();
    let users: Vec<&str> = file.auth_infos.iter().map(|u| u.name.as_str()).collect();
    let check = |what: &'static str, flag: &'static str, name: Option<&str>, there: &[&str]| match name {
        Some(name) if !there.contains(&name) => Err(AccessError::NoSuchEntry {
            what,
            flag,
            name: name.to_owned(),
            there: there.join(", "),
        }),
        _ => Ok(()),
    };
    let context = options.context.as_deref().or(file.current_context.as_deref());
    check("context", "--context", context, &contexts)?;
    let named = file.contexts.iter().find(|c| Some(c.name.as_str()) == context);
    let of_context = named.and_then(|c| c.context.as_ref());
    let cluster = options
        .cluster
        .as_deref()
        .or_else(|| of_context.map(|c| c.cluster.as_str()));
    check("cluster", "--cluster", cluster, &clusters)?;
    let user = options
        .user
        .as_deref()
        .or_else(|| of_context.and_then(|c| c.user.as_deref()).filter(|u| !u.is_empty()));
    check("user", "--user", user, &users)
}

/// Whether the cluster that will be used names a proxy of its own.
fn has_proxy(file: &Kubeconfig, options: &KubeConfigOptions) -> bool {
    let context = options.context.as_ref().or(file.current_context.as_ref());
    let named = file.contexts.iter().find(|c| Some(&c.name) == context);
    let cluster = options
        .cluster
        .as_ref()
        .or_else(|| named.and_then(|c| c.context.as_ref()).map(|c| &c.cluster));
    let found = file.clusters.iter().find(|c| Some(&c.name) == cluster);
    let url = found
        .and_then(|c| c.cluster.as_ref())
        .and_then(|c| c.proxy_url.as_ref());
    url.is_some_and(|u| !u.is_empty())
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
