//! Answers of API servers, kubelets and their clients, in their own words.

use super::Mistake;

/// Plain-text answers. `text` has no white space around it.
pub(super) fn plain_text(text: &[u8]) -> Option<Mistake> {
    // Every answer is a line or a few.
    if text.len() > 16 << 10 {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let first = text.lines().next().unwrap_or(text).trim_end();
    let owned = || first.to_owned();
    Some(match first {
        "Debug endpoints are disabled." => Mistake::DebuggingDisabled,
        "profiling endpoint is disabled." => Mistake::ProfilingDisabled,
        "Unauthorized" => Mistake::KubeletUnauthorized,
        "404 page not found" | "404: Page Not Found" => Mistake::PathNotFound,
        "Unknown profile" => Mistake::UnknownProfile,
        "405: Method Not Allowed" | "Method Not Allowed" | "unsupported http method" => Mistake::MethodNotAllowed,
        "seconds and debug params are incompatible"
        | "\"seconds\" parameter is not supported for this profile type"
        | "profile duration exceeds server's WriteTimeout" => Mistake::BadParameter { text: owned() },
        "Client sent an HTTP request to an HTTPS server." => Mistake::HttpOnTlsPort,
        "ok" if text == first => Mistake::Health,
        _ if first.starts_with("invalid value for \"seconds\"") => Mistake::BadParameter { text: owned() },
        _ if first.starts_with("Could not enable CPU profiling") || first.starts_with("Could not enable tracing") => {
            Mistake::AlreadyProfiling { text: owned() }
        }
        _ if first.starts_with("Forbidden (user=") => Mistake::KubeletForbidden {
            user: between(first, "user=", ", ").to_owned(),
        },
        _ if first.starts_with("Authorization error (user=") => Mistake::KubeletAuthorizationError,
        _ if first.starts_with("[+]") || first.starts_with("[-]") => Mistake::Health,
        _ if is_client_error(first) => Mistake::ClientError { text: owned() },
        _ => match first.strip_suffix(" endpoint is disabled.") {
            Some(name) if !name.is_empty() && !name.contains(' ') => Mistake::EndpointDisabled {
                endpoint: name.to_owned(),
            },
            _ => return None,
        },
    })
}

fn is_client_error(line: &str) -> bool {
    const STARTS: [&str; 6] = [
        "Error from server",
        "error: You must be logged in",
        "Unable to connect to the server",
        "The connection to the server",
        "curl: (",
        "error: unable to ",
    ];
    STARTS.iter().any(|s| line.starts_with(s))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let from = text.split_once(before).map_or("", |(_, rest)| rest);
    from.split_once(after).map_or(from, |(inside, _)| inside)
}

/// What to do about a `Status` of the API server.
pub(super) fn status_remedy(code: u16, message: &str) -> &'static str {
    let has = |text: &str| message.contains(text);
    match code {
        400 => "check the node part of the URL: a node name, or name:port; `kubectl get nodes` lists the names",
        401 => "renew the credentials of your kubeconfig (token, certificate, exec plugin) and capture again",
        403 if has("GKEAutopilot") => {
            "GKE Autopilot does not let anybody reach the kubelet; what is left is its metrics, or the provider's support"
        }
        403 if has("nodes/proxy") || has("nodes") => {
            "you need the verb `get` on `nodes/proxy`: kubectl create clusterrole kubelet-profiler --verb=get \
             --resource=nodes/proxy, and a clusterrolebinding to the user in the message"
        }
        403 => "ask for the right that the message names, then capture again",
        404 if has("not found") => "check the node's name: `kubectl get nodes` lists the names",
        404 => "check the URL: /api/v1/nodes/NODE/proxy/debug/pprof/PROFILE",
        429 => "the API server was overloaded: wait as long as it asks, then capture again",
        502..=504 if has("connection refused") => {
            "nothing listens on that port of the node: the kubelet is down, or the port is not 10250; look on the node \
             with `systemctl status kubelet`"
        }
        502..=504 if has("No agent available") => {
            "the API server reaches nodes through konnectivity and no agent is connected: look at the konnectivity-agent \
             pods, or capture on the node itself"
        }
        502..=504 if has("x509") || has("certificate") => {
            "the API server does not trust the kubelet's serving certificate: renew it (kubectl get csr), or capture on \
             the node itself"
        }
        502..=504 if has("timeout") || has("deadline") => {
            "the API server cannot reach the kubelet's port: a firewall, a security group or a dead node; capture on the \
             node itself"
        }
        502..=504 => "the API server could not reach the kubelet: try again, or capture on the node itself",
        500 => "the API server or the kubelet failed: the message says where; try again, or capture on the node itself",
        _ => "the message says what the API server wants; then capture again",
    }
}
