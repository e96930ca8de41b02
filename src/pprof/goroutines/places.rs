//! Whether a function can stand in a file: the folder of a file is that of the function's package.
//!
//! Go names a function by the import path of its package, whose last part is the folder that its files are in. Functions of
//! the runtime that other packages call by their own names, package main and code that is not Go are exceptions.

/// Whether `function` may stand in `file`. True where nothing is known of one of them.
pub(super) fn may_be_in(function: &str, file: &str) -> bool {
    let Some(package) = package(function) else {
        return true;
    };
    let Some((folder, _)) = file.rsplit_once(['/', '\\']) else {
        return true;
    };
    let is_go = file.ends_with(".go") || file.ends_with(".s");
    if !is_go || package == "main" || function.contains("_cgo") {
        return true;
    }
    let folder = last(folder);
    // `runtime.(*T)` stands in internal/runtime, `sync.runtime_Semacquire` in runtime.
    if folder == "runtime" || package == "runtime" || function.contains("runtime") {
        return true;
    }
    let name = last(package);
    // A module's own folder has its version: `yaml@v1.4.0`.
    let folder = folder.split_once('@').map_or(folder, |(name, _)| name);
    let plain = |text: &str| text.replace("%2e", ".").replace("%2E", ".");
    let (name, folder) = (plain(name), plain(folder));
    name == folder || is_version(&name) || is_version(&folder)
}

/// Whether the folder of `file` is the one that the package of `function` names.
pub(super) fn is_in_folder_of(function: &str, file: &str) -> bool {
    let folder = file.rsplit_once(['/', '\\']).map(|(folder, _)| last(folder));
    let folder = folder.map(|folder| folder.split_once('@').map_or(folder, |(name, _)| name));
    package(function).is_some_and(|package| Some(last(package)) == folder)
}

/// The import path of a function's package: up to the first dot behind the last slash.
fn package(function: &str) -> Option<&str> {
    // Type arguments and receivers have slashes as well.
    let end = function.find(['(', '[', '{', ' ']).unwrap_or(function.len());
    let plain = &function[..end];
    let slash = plain.rfind('/').map_or(0, |i| i + 1);
    let dot = plain[slash..].find('.')?;
    let package = &plain[..slash + dot];
    (!package.is_empty() && !package.contains(':')).then_some(package)
}

fn last(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn is_version(name: &str) -> bool {
    name.strip_prefix('v')
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_and_files() {
        for (function, file, want) in [
            (
                "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop",
                "k8s.io/kubernetes/pkg/kubelet/kubelet.go",
                true,
            ),
            (
                "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop",
                "k8s.io/kubernetes@v1.36.1/pkg/kubelet/kubelet.go",
                true,
            ),
            (
                "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop",
                "k8s.io/kubernetes/pkg/kubelet/pleg/generic.go",
                false,
            ),
            (
                "k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Relist",
                "/go/src/k8s.io/kubernetes/pkg/kubelet/pleg/generic.go",
                true,
            ),
            ("sigs.k8s.io/yaml.Unmarshal", "sigs.k8s.io/yaml@v1.4.0/yaml.go", true),
            (
                "github.com/emicklei/go-restful/v3.(*Container).dispatch",
                "github.com/emicklei/go-restful/v3@v3.13.0/container.go",
                true,
            ),
            ("github.com/a/b/v2.f", "github.com/a/b/f.go", true),
            ("gopkg.in/yaml%2ev3.f", "gopkg.in/yaml.v3/f.go", true),
            ("sync.runtime_Semacquire", "runtime/sema.go", true),
            ("internal/poll.runtime_pollWait", "runtime/netpoll.go", true),
            ("time.Sleep", "runtime/time.go", true),
            ("main.main", "example.com/x/main.go", true),
            ("sync.(*Mutex).Lock", "sync/mutex.go", true),
            ("sync.(*Mutex).Lock", "net/http/server.go", false),
            (
                "sync/atomic.(*Pointer[go.shape.struct { a/b.c }]).Load",
                "sync/atomic/type.go",
                true,
            ),
            ("type:.eq.struct { F uintptr }", "a/b.go", true),
            ("c_function", "lib.c", true),
            (
                r"k8s.io/kubernetes/pkg/kubelet.f",
                r"C:\src\k8s.io\kubernetes\pkg\kubelet\kubelet.go",
                true,
            ),
        ] {
            assert_eq!(may_be_in(function, file), want, "{function} {file}");
        }
    }
}
