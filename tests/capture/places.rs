//! Credentials that lie where they lie on nodes and in pods: nothing is typed, the right files are found.
//!
//! The places are absolute, so each run gets a mount namespace of its own; where the system gives none, the tests say that
//! they are skipped.

use std::process::{Command, Output};

use super::run::{command, sound};
use super::server::Server;

/// Runs a command of kubeprof where `hidden` is an empty folder that `script` has filled; `None` without namespaces.
fn inside(hidden: &str, script: &str, args: &[&str], env: &[(&str, &str)]) -> Option<Output> {
    let probe = Command::new("unshare")
        .args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", hidden])
        .output();
    if !probe.is_ok_and(|p| p.status.success()) {
        eprintln!("SKIPPED: no mount namespace can be made here");
        return None;
    }
    let kubeprof = command(args);
    let script = format!("set -e; mount -t tmpfs none {hidden}; {script}; exec \"$@\"");
    let mut all = Command::new("unshare");
    all.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(kubeprof.get_program())
        .args(kubeprof.get_args())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/nonexistent")
        .envs(env.iter().copied());
    Some(all.output().expect("unshare runs"))
}

/// In a pod: the token and the CA of its service account, the address in the environment.
#[test]
fn in_a_cluster() {
    let server = Server::start(|_| None);
    let out = server.path("b");
    let account = "/run/secrets/kubernetes.io/serviceaccount";
    let script = format!(
        "mkdir -p {account}; cp {} {account}/ca.crt; printf from-pod > {account}/token; printf default > {account}/namespace",
        server.ca().display()
    );
    let port = server.address.port().to_string();
    let args = ["capture", "worker-03", "--quick", "--out", &out.display().to_string()];
    let env = [
        ("KUBERNETES_SERVICE_HOST", "127.0.0.1"),
        ("KUBERNETES_SERVICE_PORT", &port),
    ];
    let Some(ran) = inside("/run", &script, &args, &env) else {
        return;
    };
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    sound(&out);
    let asked = server.seen();
    assert!(asked.iter().any(|r| r.path.ends_with("/proxy/debug/pprof/heap")));
    for r in &asked {
        assert_eq!(
            r.headers.get("authorization").map(String::as_str),
            Some("Bearer from-pod"),
            "{r:?}"
        );
    }
}

/// On a node: the kubelet's own certificate, and the CA of its serving certificate.
#[test]
fn on_the_node_itself() {
    let server = Server::start(|_| None);
    let pki = "/var/lib/kubelet/pki";
    let script = format!(
        "mkdir -p {pki}; cp {} {pki}/kubelet.crt; cp {} {pki}/kubelet-client-current.pem",
        server.ca().display(),
        server.path("client.pem").display()
    );
    let (out, address) = (server.path("b"), server.address.to_string());
    let args = [
        "capture",
        "--direct",
        &address,
        "--quick",
        "--out",
        &out.display().to_string(),
    ];
    let Some(ran) = inside("/var/lib", &script, &args, &[]) else {
        return;
    };
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    sound(&out);
    assert!(server.seen().iter().all(|r| r.certified), "{:#?}", server.seen());

    // What is typed beats what lies there.
    let out = server.path("c");
    let args = [
        "capture",
        "--direct",
        &address,
        "--quick",
        "--token",
        "t",
        "--out",
        &out.display().to_string(),
    ];
    let Some(ran) = inside("/var/lib", &script, &args, &[]) else {
        return;
    };
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(
        server
            .seen()
            .iter()
            .any(|r| !r.certified && r.headers.contains_key("authorization"))
    );
}

/// A control plane as kubeadm makes it: the cluster's CA lies there, and the kubelet has signed a certificate itself, for the
/// name of the machine only.
#[test]
fn on_a_control_plane_whose_kubelet_signs_itself() {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
    let name = name.trim().to_ascii_lowercase();
    let server = Server::named(&[&name], |_| None);
    let (etc, pki) = ("/etc/kubernetes/pki", "/var/lib/kubelet/pki");
    let other = super::server::root().join("fixtures/certificates/v1.pem");
    let script = format!(
        "mount -t tmpfs none /etc; mkdir -p {etc} {pki}; cp {} {etc}/ca.crt; cp {} {pki}/kubelet.crt; \
         cp {client} {etc}/apiserver-kubelet-client.crt; cp {client} {etc}/apiserver-kubelet-client.key",
        other.display(),
        server.ca().display(),
        client = server.path("client.pem").display(),
    );
    let (out, address) = (server.path("b"), server.address.to_string());
    let target = out.display().to_string();
    let args = ["capture", "--direct", &address, "--quick", "--out", &target];
    let Some(ran) = inside("/var/lib", &script, &args, &[]) else {
        return;
    };
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{said}");
    sound(&out);
    assert!(server.seen().iter().all(|r| r.certified), "{:#?}", server.seen());
    assert!(
        said.contains("checked for the name of this machine") && said.contains(&name),
        "{said}"
    );
    // Whoever names one means that one.
    let target = server.path("c").display().to_string();
    let args = [
        "capture",
        "--direct",
        &address,
        "--quick",
        "--tls-server-name",
        "elsewhere",
        "--out",
        &target,
    ];
    let ran = inside("/var/lib", &script, &args, &[]).expect("a namespace, as before");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_ne!(ran.status.code(), Some(0), "{said}");
    assert!(said.contains("elsewhere"), "{said}");
}
