//! What broke on the way, or was answered by an intermediary, in words.

use super::{Words, said, seconds, server, shorter, told};
use crate::bundle::manifest::{Cause, Details, Route, Who};

pub(super) fn words(who: Who, cause: Cause, d: &Details) -> Option<Words> {
    let s = server(d);
    let bytes = d.bytes.unwrap_or(0);
    Some(match cause {
        Cause::Gateway | Cause::GatewayTimeout => gateway(cause, d),
        Cause::WebPage => told(
            format!(
                "a web page{} came back with status {}: something else answered in place of the cluster",
                titled(d),
                d.status.unwrap_or(0)
            ),
            "a proxy or a login page is in between: look at `server` in your kubeconfig, at HTTPS_PROXY and NO_PROXY",
        ),
        Cause::ProxyFilter => told(
            "your `kubectl proxy` filters this path or this host",
            "start it with --accept-paths='^.*' --reject-paths='' and ask it as 127.0.0.1 or localhost",
        ),
        Cause::PlainHttp => told("plain HTTP was sent to a TLS port", "write https:// in the address"),
        Cause::NoTls => told(
            said(&format!("the port of {s} does not speak TLS"), d),
            "write http:// in the address if that is meant; kubelets serve profiles with TLS only, at port 10250",
        ),
        Cause::NotHttp => told(
            said(&format!("what listens where {s} should be does not speak HTTP"), d),
            match d.route {
                Some(Route::Direct) if d.port == Some(10250) => {
                    "is the address right? Something else listens at the kubelet's port there"
                }
                Some(Route::Direct) => "is the port right? Kubelets listen at 10250",
                Some(Route::KubectlProxy) => "is the port right? `kubectl proxy` prints its own",
                _ => {
                    "is `server` of your kubeconfig right? Where other requests came through, something between broke this one"
                }
            },
        ),
        Cause::HeadersTooLarge => told(
            said(
                &format!("the headers that came in place of an answer of {s} are too large"),
                d,
            ),
            "an intermediary adds to them: try without it, or go --direct to the node",
        ),
        Cause::MalformedHead => told(
            said(
                &format!("a malformed HTTP response came in place of an answer of {s}"),
                d,
            ),
            "neither API servers nor kubelets write such a response, so an intermediary does: try without it, or go --direct to \
             the node",
        ),
        Cause::Empty => told(
            "the answer is a success and holds no bytes",
            "something between dropped the body, or the kubelet was stopped just then: ask again",
        ),
        Cause::Undecodable => told(
            said("the bytes that came are not what was asked for", d),
            match d.advice.as_str() {
                "" => "ask again; the body was cut or changed on the way",
                advice => advice,
            },
        ),
        Cause::BadEncoding => told(
            said("the body is not encoded as its header says", d),
            "something between changed it: ask again, or go --direct to the node",
        ),
        Cause::Lookup => told(
            said(&format!("the name of {s} has no address"), d),
            "are you in the right network (VPN), and is the name right?",
        ),
        Cause::ConnectRefused => told(
            said(&format!("nothing listens where {s} should be"), d),
            match (d.route, d.port) {
                (Some(Route::KubectlProxy), Some(port)) => format!("start it: kubectl proxy --port={port}"),
                (Some(Route::KubectlProxy), None) => "start it: kubectl proxy".to_owned(),
                (Some(Route::Direct), _) => {
                    "the kubelet is down or listens elsewhere: look on the node with `systemctl status kubelet` and `ss -tlnp`"
                        .to_owned()
                }
                _ => "is `server` of your kubeconfig right, and is the API server up?".to_owned(),
            },
        ),
        Cause::ConnectTimeout => told(
            said(&format!("{s} cannot be reached"), d),
            match d.route {
                Some(Route::Direct) => format!(
                    "a firewall, a node that is off the network, or a kubelet that hangs: port {} is rarely open from outside",
                    d.port.unwrap_or(10250)
                ),
                _ => "a firewall, a VPN that is down, a proxy (HTTPS_PROXY, `proxy-url` of the kubeconfig) that is missing, or an \
                      API server that hangs"
                    .to_owned(),
            },
        ),
        Cause::ProxyAuthentication => told(
            said(&format!("the proxy {} wants credentials", d.proxy), d),
            "give it a user and a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, with %40 for @",
        ),
        Cause::ProxyRefuses => told(
            said(&format!("the proxy {} does not connect to {s}", d.proxy), d),
            "does it let this host and port through, and is the name right? NO_PROXY=HOST goes without it",
        ),
        Cause::ProxyUnreachable => told(
            said(&format!("the proxy {} on the way to {s} cannot be reached", d.proxy), d),
            "it comes from HTTPS_PROXY or ALL_PROXY, or from `proxy-url` of the kubeconfig: is it right, and is it up? \
             NO_PROXY=HOST goes without it",
        ),
        Cause::CertificateName => told(
            said(&format!("the certificate of {s} is for another name"), d),
            "use a name or an address that it holds, or say which it is with --tls-server-name",
        ),
        Cause::CertificateTime => told(
            said(&format!("the certificate of {s} is not valid now"), d),
            "renew it, or set this machine's clock",
        ),
        Cause::Certificate => told(
            said(&format!("the certificate of {s} is not trusted"), d),
            match d.route {
                Some(Route::Direct) => {
                    "name the CA with --certificate-authority (kubelets often sign themselves: then \
                     --insecure-skip-tls-verify, or go through the API server)"
                }
                _ => "look at `certificate-authority` of your kubeconfig, or name the CA with --certificate-authority",
            },
        ),
        Cause::Handshake => told(
            said(&format!("no TLS connection to {s} could be agreed on"), d),
            "kubeprof speaks TLS 1.2 and 1.3 with the cipher suites of Go's defaults: is it the right port, and what does \
             `openssl s_client -connect HOST:PORT` say?",
        ),
        Cause::ClientCertificate => told(
            said(&format!("{s} does not take your client certificate"), d),
            "it is missing, expired or of another CA: look at `client-certificate` of your kubeconfig",
        ),
        Cause::Credentials => told(
            said("no credentials", d),
            "run the credential plugin of your kubeconfig by hand, or give --token",
        ),
        Cause::NoAnswer => no_answer(who, d),
        Cause::Broke => told(
            said(
                &format!(
                    "the connection ended without an answer after {:.1} s",
                    seconds(d.after_ms)
                ),
                d,
            ),
            "the server or something between was stopped just then: ask again",
        ),
        Cause::IdleTimeout => idle_timeout(d),
        Cause::PartialContent => told(
            "only a part came back (status 206), and all was asked for",
            "neither API servers nor kubelets answer in parts, so a cache or a proxy does: try without it, or go --direct to \
             the node",
        ),
        Cause::Cut => told(
            said(&format!("the connection ended in the middle, after {bytes} bytes"), d),
            match d.route {
                Some(Route::Direct) => "the kubelet was stopped, or something between cut the connection: ask again",
                _ => "the kubelet or the API server was stopped, or something between cut the connection: ask again",
            },
        ),
        Cause::Stalled => told(
            format!("after {bytes} bytes nothing more came for {:.0} s", seconds(d.after_ms).floor()),
            match d.route {
                Some(Route::Direct) => {
                    "a network that drops packets, or a kubelet that hangs: the goroutine profile tells"
                }
                _ => SILENT_THROUGH_PROXY,
            },
        ),
        Cause::TooSlow => told(
            format!("only {bytes} bytes in {:.0} s", seconds(d.after_ms).floor()),
            "give it more time with --timeout, or go --direct to the node",
        ),
        Cause::TooLarge => told(
            format!("more than {} bytes came, and reading stopped", d.limit.unwrap_or(0)),
            "raise --max-bytes if that is what you want",
        ),
        _ => return None,
    })
}

fn titled(d: &Details) -> String {
    match d.title.as_str() {
        "" => String::new(),
        title => format!(" ({title:?})"),
    }
}

fn gateway(cause: Cause, d: &Details) -> Words {
    let what = match d.page {
        true => format!("a web page{}", titled(d)),
        false => said("an answer that is not an API server's", d),
    };
    let server = match d.server.as_str() {
        "" => String::new(),
        server => format!(" ({server})"),
    };
    let why = match cause {
        Cause::GatewayTimeout => "gave up waiting for the API server or the kubelet",
        _ => "could not reach the API server or the kubelet",
    };
    told(
        format!(
            "{what} with status {}: something between{server} {why}",
            d.status.unwrap_or(0)
        ),
        format!(
            "a load balancer, konnectivity or a proxy is in front: try again, or go --direct to the node{}",
            shorter(d)
        ),
    )
}

/// Through a proxy, silence does not say whose it is.
const SILENT_THROUGH_PROXY: &str = "the API server, the kubelet or the network between hangs, and it cannot be told which \
     from here: `kubectl get --raw /readyz` asks the API server alone, --direct on the node the kubelet alone; --timeout gives \
     more time";

fn no_answer(who: Who, d: &Details) -> Words {
    let remedy = match who {
        // No kubelet was asked.
        Who::ApiServer => {
            "the API server hangs, is overloaded, or the network to it is slow: does `kubectl get --raw /readyz` answer? \
             --timeout gives it more time; --direct on the node needs no API server for a client certificate"
        }
        Who::Kubelet => {
            "the kubelet hangs or is starved of CPU, or the network drops packets: the goroutine profile tells if it can still \
             be had; --timeout gives it more time"
        }
        _ if d.route == Some(Route::Direct) => {
            "a kubelet that hangs, or a slow network: give it more time with --timeout"
        }
        _ => SILENT_THROUGH_PROXY,
    };
    told(format!("no answer in {:.0} s", seconds(d.after_ms)), remedy)
}

fn idle_timeout(d: &Details) -> Words {
    let (idle, measures) = (d.idle_s.unwrap_or(0), d.measures_s.unwrap_or(0));
    let part = idle * 2 / 3;
    told(
        format!(
            "the connection was cut after {idle} s of silence, before the {measures} s were over: probably an idle timeout on \
             the way"
        ),
        format!(
            "kubelets send nothing until a profile ends: take {} profiles of {part} s (--seconds {part}; kubeprof merges \
             them), or go --direct to the node",
            measures.div_ceil(part.max(1))
        ),
    )
}
