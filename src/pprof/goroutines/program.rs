//! Which program a dump is of: its main package tells, packages that only it has, or who wrote the lines.
//!
//! A journal of a node holds dumps of the container runtime as well, and both use the same libraries. What belongs to
//! another program must not be explained with the parts of a kubelet.

use rustc_hash::FxHashSet;

use super::GoroutineDump;
use crate::model::StringId;
use crate::model::evidence::{Program, Writer};

/// How well a package tells a program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Proof {
    /// Its main package and what only that calls.
    Main,
    /// Code of the program that others may use in part.
    Own,
}

use Proof::{Main, Own};

/// Packages, without `vendor/`, with programs in which a kubelet runs first: those have parts of the others in them.
const PACKAGES: &[(&str, Proof, &str)] = &[
    ("github.com/k3s-io/k3s", Main, "k3s"),
    ("github.com/rancher/k3s", Main, "k3s"),
    ("k8s.io/kubernetes/cmd/kubelite", Main, "kubelite"),
    ("k8s.io/kubernetes/cmd/hyperkube", Main, "hyperkube"),
    ("github.com/openshift/origin/pkg/cmd/server/start", Main, "openshift"),
    ("k8s.io/kubernetes/cmd/kubelet", Main, "kubelet"),
    ("k8s.io/kubernetes/cmd/kube-apiserver", Main, "kube-apiserver"),
    (
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        Main,
        "kube-controller-manager",
    ),
    ("k8s.io/kubernetes/cmd/kube-scheduler", Main, "kube-scheduler"),
    ("k8s.io/kubernetes/cmd/kube-proxy", Main, "kube-proxy"),
    (
        "github.com/containerd/containerd/cmd/containerd-shim",
        Main,
        "containerd-shim",
    ),
    ("github.com/containerd/containerd/cmd/containerd", Main, "containerd"),
    (
        "github.com/containerd/containerd/runtime/v2/shim",
        Main,
        "containerd-shim",
    ),
    ("github.com/containerd/containerd/pkg/shim", Main, "containerd-shim"),
    ("github.com/containerd/containerd/services/server", Main, "containerd"),
    ("github.com/containerd/containerd/pkg/cri", Main, "containerd"),
    ("github.com/containerd/containerd/internal/cri", Main, "containerd"),
    ("github.com/containerd/containerd/metadata", Main, "containerd"),
    ("github.com/containerd/containerd/core", Main, "containerd"),
    ("github.com/containerd/cri/pkg/server", Main, "containerd"),
    ("github.com/cri-o/cri-o", Main, "crio"),
    ("github.com/kubernetes-sigs/cri-o", Main, "crio"),
    ("github.com/Mirantis/cri-dockerd", Main, "cri-dockerd"),
    ("github.com/docker/docker/cmd/dockerd", Main, "dockerd"),
    ("github.com/docker/docker/daemon", Main, "dockerd"),
    ("github.com/moby/moby/daemon", Main, "dockerd"),
    ("go.etcd.io/etcd/server", Main, "etcd"),
    ("go.etcd.io/etcd/etcdmain", Main, "etcd"),
    ("github.com/coreos/etcd/etcdmain", Main, "etcd"),
    ("github.com/coreos/etcd/etcdserver", Main, "etcd"),
    ("github.com/prometheus/prometheus", Main, "prometheus"),
    ("github.com/prometheus/node_exporter", Main, "node_exporter"),
    ("github.com/coredns/coredns", Main, "coredns"),
    ("github.com/cilium/cilium", Main, "cilium"),
    ("github.com/projectcalico/calico", Main, "calico"),
    ("github.com/flannel-io/flannel", Main, "flannel"),
    ("github.com/k0sproject/k0s", Main, "k0s"),
    ("github.com/rancher/rke2", Main, "rke2"),
    // The API server calls kubelets.
    ("k8s.io/kubernetes/pkg/kubelet/client", Own, "kube-apiserver"),
    ("k8s.io/kubernetes/pkg/kubelet", Own, "kubelet"),
    ("k8s.io/kubernetes/pkg/controlplane", Own, "kube-apiserver"),
    ("k8s.io/kubernetes/pkg/scheduler", Own, "kube-scheduler"),
    ("k8s.io/kubernetes/pkg/proxy", Own, "kube-proxy"),
    ("k8s.io/apiserver/pkg/storage/cacher", Own, "kube-apiserver"),
    ("github.com/containerd/containerd", Own, "containerd"),
    ("github.com/docker/docker", Own, "dockerd"),
];

/// Programs by the name that they log under.
const NAMES: &[&str] = &[
    "kubelet",
    "k3s",
    "kubelite",
    "hyperkube",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "containerd",
    "containerd-shim",
    "crio",
    "cri-o",
    "cri-dockerd",
    "dockerd",
    "docker",
    "etcd",
    "prometheus",
    "node_exporter",
    "coredns",
    "k0s",
    "rke2",
    "runc",
    "conmon",
    "cadvisor",
    "calico-node",
    "cilium-agent",
];

fn has_kubelet(name: &str) -> bool {
    Program::named(name).has_kubelet
}

/// The program that a dump is of.
pub(super) fn of(dump: &GoroutineDump, writer: &Writer) -> Option<Program> {
    by_packages(dump).or_else(|| by_writer(writer))
}

fn by_packages(dump: &GoroutineDump) -> Option<Program> {
    let mut seen: FxHashSet<StringId> = FxHashSet::default();
    let mut best: Option<(Proof, bool, usize)> = None;
    let mut main_file = None;
    let creators = dump
        .goroutines
        .iter()
        .filter_map(|g| g.created_by.map(|c| (c.function, c.file)));
    for (function, file) in dump.frames.iter().map(|f| (f.function, f.file)).chain(creators) {
        if !seen.insert(function) {
            continue;
        }
        let name = unvendored(dump.text(function));
        if name == "main.main" {
            main_file = Some(dump.text(file).to_owned());
        }
        let Some(row) = PACKAGES.iter().position(|(package, ..)| is_within(name, package)) else {
            continue;
        };
        let (_, proof, program) = PACKAGES[row];
        let rank = (proof, !has_kubelet(program), row);
        if best.is_none_or(|b| rank < b) {
            best = Some(rank);
        }
    }
    if let Some((Main, _, row)) = best {
        return Some(Program::named(PACKAGES[row].2));
    }
    // `github.com/x/y/cmd/NAME/main.go`
    let by_file = main_file.and_then(|file| {
        let file = unvendored(&file);
        let row = PACKAGES.iter().find(|(package, ..)| is_within(file, package));
        let command = || {
            let (_, rest) = file.rsplit_once("/cmd/")?;
            rest.split('/').next().filter(|n| !n.ends_with(".go"))
        };
        row.map(|(_, _, name)| *name).or_else(command).map(Program::named)
    });
    by_file.or_else(|| best.map(|(_, _, row)| Program::named(PACKAGES[row].2)))
}

fn by_writer(writer: &Writer) -> Option<Program> {
    let name = writer.name.to_lowercase();
    if name.contains("kubelite") {
        return Some(Program::named("kubelite"));
    }
    let name = name.strip_suffix(".service").unwrap_or(&name);
    if name.starts_with("containerd-shim") {
        return Some(Program::named("containerd-shim"));
    }
    if let Some(known) = NAMES.iter().find(|n| **n == name) {
        return Some(Program::named(known));
    }
    // `kubelet.sh`, `k8s_kubelet_...`, `kubelet-1`
    name.contains("kubelet").then(|| Program::named("kubelet"))
}

/// A name without the folder of vendored code, and without the major version of a module.
fn unvendored(name: &str) -> &str {
    match name.rsplit_once("/vendor/") {
        Some((_, rest)) => rest,
        None => name.strip_prefix("vendor/").unwrap_or(name),
    }
}

/// Whether a function or file is of the package or one below it. Major versions (`/v2`) do not count.
fn is_within(name: &str, package: &str) -> bool {
    let Some(rest) = name.strip_prefix(package) else {
        return is_within_version(name, package);
    };
    rest.is_empty() || rest.starts_with(['.', '/', '@', '-'])
}

fn is_within_version(name: &str, package: &str) -> bool {
    let mut parts = name.splitn(4, '/');
    let (Some(host), Some(owner), Some(module), Some(rest)) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let Some((version, rest)) = rest.split_once('/') else {
        return false;
    };
    let is_version = version.strip_prefix('v').is_some_and(|n| n.parse::<u8>().is_ok());
    is_version && package.starts_with(host) && {
        let plain = format!("{host}/{owner}/{module}/{rest}");
        plain
            .strip_prefix(package)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/', '-']))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::goroutines::parse;

    fn of_functions(functions: &[&str], file: &str, writer: &str) -> Option<(String, bool)> {
        let mut text = "goroutine 1 [running]:\n".to_owned();
        for f in functions {
            text += &format!("{f}(0x1)\n\t{file}:7 +0x1\n");
        }
        let dump = parse(text.as_bytes()).expect("a dump");
        let writer = Writer {
            name: writer.to_owned(),
            ..Writer::default()
        };
        of(&dump, &writer).map(|p| (p.name, p.has_kubelet))
    }

    #[test]
    fn programs() {
        for (functions, file, writer, want) in [
            (
                &["k8s.io/kubernetes/cmd/kubelet/app.run"][..],
                "a.go",
                "",
                Some(("kubelet", true)),
            ),
            (
                &["k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop"],
                "a.go",
                "containerd",
                Some(("kubelet", true)),
            ),
            (
                &["github.com/containerd/containerd/v2/cmd/containerd/command.App.func1"],
                "a.go",
                "",
                Some(("containerd", false)),
            ),
            (
                &["github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/task.(*service).x"],
                "a.go",
                "",
                Some(("containerd-shim", false)),
            ),
            (
                &["github.com/containerd/containerd/services/server.(*Server).ServeGRPC"],
                "a.go",
                "",
                Some(("containerd", false)),
            ),
            (
                &["github.com/cri-o/cri-o/server.(*Server).x"],
                "a.go",
                "",
                Some(("crio", false)),
            ),
            (
                &[
                    "k8s.io/kubernetes/pkg/kubelet/client.x",
                    "k8s.io/kubernetes/cmd/kube-apiserver/app.Run",
                ],
                "a.go",
                "",
                Some(("kube-apiserver", false)),
            ),
            (
                &[
                    "github.com/containerd/containerd/api/x.y",
                    "k8s.io/kubernetes/cmd/kubelet/app.run",
                ],
                "a.go",
                "",
                Some(("kubelet", true)),
            ),
            (
                &[
                    "k8s.io/kubernetes/cmd/kubelet/app.run",
                    "github.com/k3s-io/k3s/pkg/cli/cmds.x",
                ],
                "a.go",
                "",
                Some(("k3s", true)),
            ),
            (
                &[
                    "k8s.io/kubernetes/cmd/kube-apiserver/app.Run",
                    "k8s.io/kubernetes/cmd/kubelite/app.x",
                ],
                "a.go",
                "",
                Some(("kubelite", true)),
            ),
            (
                &["github.com/openshift/origin/vendor/k8s.io/kubernetes/cmd/kubelet/app.run"],
                "a.go",
                "",
                Some(("kubelet", true)),
            ),
            (
                &["main.main"],
                "example.org/tools/cmd/agent/main.go",
                "",
                Some(("agent", false)),
            ),
            (
                &["example.org/containerd/a.(*X).Wait"],
                "a.go",
                "containerd",
                Some(("containerd", false)),
            ),
            (&["example.org/a.f"], "a.go", "kubelet.sh", Some(("kubelet", true))),
            (&["example.org/a.f"], "a.go", "", None),
        ] {
            let want = want.map(|(name, has)| (name.to_owned(), has));
            assert_eq!(of_functions(functions, file, writer), want, "{functions:?}");
        }
    }
}
