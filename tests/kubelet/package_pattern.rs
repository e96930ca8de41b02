//! Package patterns mean what `go list` means by them, and short forms mean the kubelet.

use kubeprof::kubelet::PackagePatterns;

fn matches(patterns: &[&str], package: &str) -> bool {
    PackagePatterns::parse(patterns.iter().copied())
        .unwrap()
        .matches(package)
}

#[test]
fn patterns() {
    let kubelet = "k8s.io/kubernetes/pkg/kubelet";
    let prober = "k8s.io/kubernetes/pkg/kubelet/prober";
    for (pattern, package, expected) in [
        ("k8s.io/kubernetes/pkg/kubelet/...", kubelet, true),
        ("k8s.io/kubernetes/pkg/kubelet/...", prober, true),
        ("k8s.io/kubernetes/pkg/kubelet", prober, false),
        (
            "k8s.io/kubernetes/pkg/kubelet...",
            "k8s.io/kubernetes/pkg/kubeletx",
            true,
        ),
        (
            "k8s.io/kubernetes/pkg/kubelet/...",
            "k8s.io/kubernetes/pkg/kubeletx",
            false,
        ),
        (
            "k8s.io/kubernetes/pkg/kubelet/...",
            "example.com/k8s.io/kubernetes/pkg/kubelet",
            false,
        ),
        ("pkg/kubelet/...", kubelet, true),
        ("pkg/kubelet/...", prober, true),
        ("pkg/kubelet", kubelet, true),
        ("pkg/kubelet", prober, false),
        ("pkg/kubelet", "k8s.io/kubernetes/xpkg/kubelet", false),
        ("kubelet/prober", prober, true),
        ("cadvisor/manager", "github.com/google/cadvisor/manager", true),
        ("./pkg/kubelet", kubelet, true),
        ("./pkg/kubelet", "example.com/pkg/kubelet", false),
        ("./pkg/kubelet/", kubelet, true),
        ("./...", prober, true),
        ("./...", "k8s.io/api/core/v1", false),
        (".", "k8s.io/kubernetes", true),
        ("...", prober, true),
        ("...", "", true),
        (".../prober", prober, true),
        ("k8s.io/.../prober/...", prober, true),
        ("net/http", "net/http", true),
        ("net/http", "example.com/net/http", false),
        ("net/...", "net/http/httptrace", true),
        ("main", "main", true),
        ("runtime/...", "runtime", true),
        // A dot is a dot.
        ("k8s.io/api/...", "k8sxio/api/core", false),
        ("gopkg.in/yaml.v3", "gopkg.in/yaml.v3", true),
    ] {
        assert_eq!(matches(&[pattern], package), expected, "{pattern} against {package}");
    }
}

#[test]
fn several_are_a_union_and_none_is_nothing() {
    let both = ["pkg/kubelet", "net/..."];
    assert!(matches(&both, "k8s.io/kubernetes/pkg/kubelet") && matches(&both, "net/url") && !matches(&both, "os"));
    assert!(!matches(&[], "os"));
}

#[test]
fn mistakes_are_explained() {
    for (pattern, expected) in [
        ("", "empty package pattern"),
        (
            "pkg/kubelet.(*Kubelet)",
            "package pattern \"pkg/kubelet.(*Kubelet)\" holds '('",
        ),
        (
            "k8s.io/klog/v2@v2.1.0",
            "package pattern \"k8s.io/klog/v2@v2.1.0\" holds '@'",
        ),
        ("../x", "package pattern \"../x\" leaves the module"),
    ] {
        let error = PackagePatterns::parse([pattern]).unwrap_err();
        assert!(!error.hint().is_empty(), "{error}");
        let error = error.to_string();
        assert!(error.starts_with(expected) && !error.contains('\n'), "{error}");
    }
    let long = "a...".repeat(400_000);
    let error = PackagePatterns::parse([long.as_str()]).unwrap_err().to_string();
    assert!(error.starts_with("package pattern of 1600000 bytes"), "{error}");
}
