//! Import paths and source paths: which part says what the code is, and which module it belongs to.
//!
//! Knows the layouts Kubernetes was ever built in (GOPATH with `vendor/`, `_output/local/go/src`, staging, workspaces,
//! module builds with `@version`) and the rules by which hosts lay out modules. Reads no file.

use std::borrow::Cow;

/// Top directories of the standard library, sorted.
const STD_ROOTS: &[&str] = &[
    "archive",
    "arena",
    "bufio",
    "builtin",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "simd",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "unsafe",
    "uuid",
    "vendor",
    "weak",
];

/// Hosts below which an absolute path without `src/` or `pkg/mod/` is still recognised.
const HOSTS: &[&str] = &[
    "k8s.io",
    "sigs.k8s.io",
    "github.com",
    "golang.org",
    "google.golang.org",
    "gopkg.in",
    "go.etcd.io",
    "go.uber.org",
    "go.opentelemetry.io",
    "gitlab.com",
    "bitbucket.org",
];

/// Whether an import path is the standard library's. `main` is not.
pub(super) fn is_std(package: &str) -> bool {
    let root = package.split('/').next().unwrap_or("");
    STD_ROOTS.binary_search(&root).is_ok()
}

/// Whether `package` is `root` or lies below it.
pub(super) fn is_at_or_below(package: &str, root: &str) -> bool {
    package
        .strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How many bytes at the head of an import path say where the code was built, and whether the rest is the standard
/// library's own vendored copy.
pub(super) fn build_prefix_len(package: &str) -> (usize, bool) {
    if !package.contains('/') {
        return (0, false);
    }
    let mut start = 0;
    let mut std_vendored = false;
    if let Some(at) = last_of(package, "/vendor/") {
        start = at + "/vendor/".len();
    } else if package.starts_with("vendor/") {
        start = "vendor/".len();
        std_vendored = true;
    }
    for marker in ["/staging/src/", "/Godeps/_workspace/src/"] {
        if let Some(at) = last_of(&package[start..], marker) {
            start += at + marker.len();
            std_vendored = false;
        }
    }
    let rest = &package[start..];
    if rest.starts_with("_/") || last_of(rest, "/_output/").is_some() {
        start += match last_of(rest, "/src/") {
            Some(at) => at + "/src/".len(),
            None if rest.starts_with("_/") => "_/".len(),
            None => 0,
        };
    }
    (start, std_vendored)
}

/// `text.rfind(marker)` for markers that begin with a slash. Every function of a profile is asked for a handful of them, and
/// few have any: slashes are found many bytes at a time.
fn last_of(text: &str, marker: &str) -> Option<usize> {
    debug_assert!(marker.starts_with('/'), "slashes are looked for");
    memchr::memrchr_iter(b'/', text.as_bytes()).find(|&at| text.as_bytes()[at..].starts_with(marker.as_bytes()))
}

/// Import path of the directory a source file lies in, as far as the path tells it.
///
/// `/root/go/pkg/mod/k8s.io/kubernetes@v1.36.1/cmd/kubelet/kubelet.go` gives `k8s.io/kubernetes/cmd/kubelet`.
pub(super) fn package_of_file(file: &str) -> Option<Cow<'_, str>> {
    let path = source_path(file)?;
    let directory = &path[..path.rfind('/')?];
    let (start, _) = build_prefix_len(directory);
    let directory = &directory[start..];
    if !directory.contains(['@', '!']) {
        return Some(Cow::Borrowed(directory));
    }
    let mut out = String::with_capacity(directory.len());
    for element in directory.split('/') {
        if !out.is_empty() {
            out.push('/');
        }
        push_unescaped(&mut out, element.split('@').next().unwrap_or(element));
    }
    Some(Cow::Owned(out))
}

/// Module of a source file, when its path names one with a version.
pub(super) fn module_of_file(file: &str) -> Option<Cow<'_, str>> {
    let path = source_path(file)?;
    let module = &path[..path.find('@')?];
    let (start, _) = build_prefix_len(module);
    let module = &module[start..];
    if module.contains('!') {
        let mut out = String::with_capacity(module.len());
        push_unescaped(&mut out, module);
        return Some(Cow::Owned(out));
    }
    Some(Cow::Borrowed(module))
}

/// The part of a source path that begins with an import path.
fn source_path(file: &str) -> Option<&str> {
    if file.is_empty() || file.starts_with('<') {
        return None;
    }
    for marker in ["/pkg/mod/", "/src/"] {
        if let Some(at) = last_of(file, marker) {
            return Some(&file[at + marker.len()..]);
        }
    }
    if !file.starts_with('/') && !file.starts_with('.') && file.as_bytes().get(1) != Some(&b':') {
        return Some(file);
    }
    // A checkout somewhere: the last element that is a host begins the import path.
    let mut found = None;
    let mut at = 0;
    for element in file.split('/') {
        if HOSTS.contains(&element) {
            found = Some(at);
        }
        at += element.len() + 1;
    }
    found.map(|at| &file[at..])
}

/// Undoes the module cache's spelling of capitals, `!azure` for `Azure`.
fn push_unescaped(out: &mut String, text: &str) {
    let mut upper = false;
    for c in text.chars() {
        if c == '!' {
            upper = true;
        } else {
            out.push(if upper { c.to_ascii_uppercase() } else { c });
            upper = false;
        }
    }
}

/// Module of an import path by its host's rules; `""` for `main`, command names and local paths.
pub(super) fn module_of_package(package: &str) -> &str {
    let host = package.split('/').next().unwrap_or("");
    if !host.contains('.') {
        return "";
    }
    let elements = match host {
        "github.com" | "gitlab.com" | "bitbucket.org" | "golang.org" | "go.googlesource.com" => 3,
        // Each of etcd's modules has its own directory and major version.
        "go.etcd.io" if package.starts_with("go.etcd.io/etcd/client/") => 3,
        "go.etcd.io" if package.starts_with("go.etcd.io/etcd/") => 3,
        "cloud.google.com" => 3,
        "gopkg.in" => match package.split('/').nth(1) {
            Some(name) if name.contains(".v") => 2,
            _ => 3,
        },
        _ => 2,
    };
    let mut end = end_of_elements(package, elements);
    if let Some(next) = package[end..].strip_prefix('/') {
        let next = next.split('/').next().unwrap_or("");
        if is_major_version(next) {
            end += 1 + next.len();
        }
    }
    &package[..end]
}

fn end_of_elements(package: &str, count: usize) -> usize {
    package
        .match_indices('/')
        .nth(count - 1)
        .map_or(package.len(), |(at, _)| at)
}

/// `v2` and up; `v1` never stands in a module path of its own.
fn is_major_version(element: &str) -> bool {
    let Some(digits) = element.strip_prefix('v') else {
        return false;
    };
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && digits != "0" && digits != "1"
}

/// Appends an import path without its module's major version: `k8s.io/klog/v2` gives `k8s.io/klog`,
/// `gopkg.in/yaml.v3` gives `gopkg.in/yaml`, while `k8s.io/api/autoscaling/v2` stays.
pub(super) fn push_without_major_version(out: &mut String, package: &str) {
    let module = module_of_package(package);
    let rest = &package[module.len()..];
    let bare = match module.rsplit_once(['/', '.']) {
        Some((bare, last)) if is_major_version(last) || (last == "v1" && module.starts_with("gopkg.in/")) => bare,
        _ => module,
    };
    out.push_str(bare);
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn std_roots_are_sorted() {
        assert!(STD_ROOTS.is_sorted());
        assert!(is_std("net/http/internal/http2") && is_std("runtime") && !is_std("main") && !is_std("k8s.io/api"));
    }

    #[test]
    fn files_of_every_layout_name_their_package() {
        for (file, package) in [
            (
                "k8s.io/kubernetes@v1.36.1/cmd/kubelet/kubelet.go",
                "k8s.io/kubernetes/cmd/kubelet",
            ),
            (
                "/root/go/pkg/mod/k8s.io/kubernetes@v1.36.1/cmd/kubelet/kubelet.go",
                "k8s.io/kubernetes/cmd/kubelet",
            ),
            (
                "_output/local/go/src/k8s.io/kubernetes/cmd/kubelet/kubelet.go",
                "k8s.io/kubernetes/cmd/kubelet",
            ),
            (
                "/go/src/k8s.io/kubernetes/_output/dockerized/go/src/k8s.io/kubernetes/vendor/github.com/a/b/c.go",
                "github.com/a/b",
            ),
            (
                "/home/me/k8s.io/kubernetes/cmd/kubelet/kubelet.go",
                "k8s.io/kubernetes/cmd/kubelet",
            ),
            ("/usr/local/go/src/runtime/proc.go", "runtime"),
            (
                "github.com/!azure/go-autorest@v1.2.3/x/y.go",
                "github.com/Azure/go-autorest/x",
            ),
            (
                "k8s.io/kubernetes/staging/src/k8s.io/api/core/v1/types.go",
                "k8s.io/api/core/v1",
            ),
        ] {
            assert_eq!(package_of_file(file).as_deref(), Some(package), "{file}");
        }
        for file in ["", "<autogenerated>", "/home/me/kubelet.go", "kubelet.go"] {
            assert_eq!(package_of_file(file), None, "{file}");
        }
    }

    #[test]
    fn modules_follow_their_hosts() {
        for (package, module) in [
            ("k8s.io/kubernetes/pkg/kubelet", "k8s.io/kubernetes"),
            ("k8s.io/client-go/tools/cache", "k8s.io/client-go"),
            ("k8s.io/klog/v2/internal/buffer", "k8s.io/klog/v2"),
            ("k8s.io/api/autoscaling/v2", "k8s.io/api"),
            ("github.com/emicklei/go-restful/v3", "github.com/emicklei/go-restful/v3"),
            ("github.com/google/cadvisor/lib/manager", "github.com/google/cadvisor"),
            ("golang.org/x/net/http2/hpack", "golang.org/x/net"),
            ("google.golang.org/grpc/internal/transport", "google.golang.org/grpc"),
            ("gopkg.in/yaml.v3", "gopkg.in/yaml.v3"),
            ("gopkg.in/square/go-jose.v2/cipher", "gopkg.in/square/go-jose.v2"),
            ("go.etcd.io/etcd/api/v3/etcdserverpb", "go.etcd.io/etcd/api/v3"),
            (
                "sigs.k8s.io/structured-merge-diff/v6/typed",
                "sigs.k8s.io/structured-merge-diff/v6",
            ),
            ("main", ""),
        ] {
            assert_eq!(module_of_package(package), module, "{package}");
        }
    }

    #[test]
    fn only_the_modules_version_is_dropped() {
        for (package, bare) in [
            ("github.com/godbus/dbus/v5", "github.com/godbus/dbus"),
            ("gopkg.in/yaml.v3", "gopkg.in/yaml"),
            ("go.yaml.in/yaml/v2", "go.yaml.in/yaml"),
            ("k8s.io/api/autoscaling/v2", "k8s.io/api/autoscaling/v2"),
            (
                "go.opentelemetry.io/otel/semconv/v1.39.0/rpcconv",
                "go.opentelemetry.io/otel/semconv/v1.39.0/rpcconv",
            ),
        ] {
            let mut out = String::new();
            push_without_major_version(&mut out, package);
            assert_eq!(out, bare);
        }
    }
}
