//! Which program the material is of: a kubelet, a kubelet and more in one process, or something else.
//!
//! Told by whose functions its goroutines and allocations stand in. A kubelet has its own start-up code, its sync loop, or
//! enough of its parts; another program has its own.

use super::book::{Book, NameId};
use super::observe::{Observed, Seen};
use crate::model::evidence::Program as Named;

/// What the material is of.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Program {
    /// Frames of a kubelet were seen.
    pub(crate) is_kubelet: bool,
    /// The program that it looks like, where it is none or not only one.
    pub(crate) other: Option<String>,
    /// Enough was seen to say that it is none.
    pub(super) is_sure: bool,
    /// No function of a kubelet was seen.
    pub(super) is_unseen: bool,
}

/// What begins the names of functions that only one program has; major versions are no part of them.
const PROGRAMS: &[(&str, &[&str])] = &[
    (
        "kube-apiserver",
        &[
            "k8s.io/kubernetes/cmd/kube-apiserver",
            "k8s.io/kubernetes/pkg/controlplane",
            "k8s.io/kube-aggregator/",
            "k8s.io/apiserver/pkg/storage/",
        ],
    ),
    (
        "kube-controller-manager",
        &[
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            "k8s.io/kubernetes/pkg/controller/",
        ],
    ),
    (
        "kube-scheduler",
        &[
            "k8s.io/kubernetes/cmd/kube-scheduler",
            "k8s.io/kubernetes/pkg/scheduler.",
        ],
    ),
    (
        "kube-proxy",
        &["k8s.io/kubernetes/cmd/kube-proxy", "k8s.io/kubernetes/pkg/proxy/"],
    ),
    (
        "containerd",
        &[
            "github.com/containerd/containerd/cmd/containerd/",
            "github.com/containerd/containerd/pkg/cri",
            "github.com/containerd/containerd/internal/cri",
            "github.com/containerd/containerd/services/",
            "github.com/containerd/containerd/plugins/",
            "github.com/containerd/cri/",
        ],
    ),
    (
        "a containerd shim",
        &[
            "github.com/containerd/containerd/runtime/v2/shim",
            "github.com/containerd/containerd/runtime/shim",
            "github.com/containerd/containerd/pkg/shim",
            "github.com/containerd/containerd/cmd/containerd-shim",
        ],
    ),
    ("CRI-O", &["github.com/cri-o/cri-o/"]),
    ("Prometheus", &["github.com/prometheus/prometheus/"]),
    (
        "etcd",
        &["go.etcd.io/etcd/server/", "github.com/coreos/etcd/etcdserver"],
    ),
    ("k3s", &["github.com/k3s-io/k3s/", "github.com/rancher/k3s/"]),
    ("MicroShift", &["github.com/openshift/microshift/"]),
];

/// Programs that hold a kubelet beside other components.
const WITH_KUBELET: &[&str] = &[
    "k3s",
    "MicroShift",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];

/// What people call a program of that name.
fn known_as(name: &str) -> &str {
    match name {
        "crio" => "CRI-O",
        "prometheus" => "Prometheus",
        "containerd-shim" => "a containerd shim",
        name => name,
    }
}

/// Says which program the moments are of.
pub(super) fn program(seen: &Observed, moments: &[usize]) -> Program {
    let mut used = vec![false; seen.book.len()];
    let mut groups = 0;
    let all: Vec<&Seen> = moments.iter().map(|&m| &seen.moments[m]).collect();
    let named = all.iter().rev().find_map(|m| m.program.as_ref());
    for crowd in all.iter().filter_map(|m| m.crowd.as_ref()) {
        for g in &crowd.groups {
            groups += 1;
            for f in seen.stacks.get(g.stack).iter().chain(&g.creator) {
                used[f.0 as usize] = true;
            }
        }
    }
    // Names of heaps and CPU are in the book as well, and whose they are is not kept.
    if groups == 0 {
        used.fill(true);
    }
    let found = of_names(&seen.book, &used, named);
    Program {
        is_unseen: groups > 0 && found.is_unseen,
        ..found
    }
}

fn is_of_kubelet(key: &str) -> bool {
    key.starts_with("k8s.io/kubernetes/pkg/kubelet") || key.starts_with("k8s.io/kubernetes/cmd/kubelet")
}

/// Says of which program material is by the names in it, which are marked in the book; `said` is what a dump says of
/// itself.
pub(crate) fn of_names(book: &Book, used: &[bool], said: Option<&Named>) -> Program {
    // A dump is of the program of its main package, or of whoever wrote it.
    if let Some(said) = said.filter(|n| !n.has_kubelet) {
        return Program {
            other: Some(known_as(&said.name).to_owned()),
            is_sure: true,
            ..Program::default()
        };
    }
    let (mut kubelet, mut named) = (0, 0);
    let mut others: Vec<(usize, &'static str)> = PROGRAMS.iter().map(|(p, _)| (0, *p)).collect();
    for (id, _) in used.iter().enumerate().filter(|(_, u)| **u) {
        let key = book.key(NameId::new(id));
        named += usize::from(key.contains('.'));
        kubelet += usize::from(is_of_kubelet(key));
        for ((n, _), (_, starts)) in others.iter_mut().zip(PROGRAMS) {
            *n += usize::from(starts.iter().any(|s| key.starts_with(s)));
        }
    }
    let other = others.into_iter().filter(|(n, _)| *n >= 2).max();
    // A kubelet is linked with the API machinery and cAdvisor, which calls containerd: a few names prove nothing.
    let is_kubelet = kubelet >= 1 && other.is_none_or(|(n, p)| kubelet * 4 >= n || WITH_KUBELET.contains(&p));
    Program {
        is_kubelet,
        other: other.filter(|(n, _)| !is_kubelet || *n >= 3).map(|(_, p)| p.to_owned()),
        is_sure: other.is_some() || named >= 40,
        is_unseen: kubelet == 0,
    }
}
