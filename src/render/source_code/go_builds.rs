//! Finds the source file behind a path in a Go profile, in checkouts and module caches.
//!
//! Kubernetes builds write paths in several styles: `_output/local/go/src/k8s.io/kubernetes/pkg/...` and
//! `.../vendor/M/...` up to 1.26, `k8s.io/kubernetes/pkg/...`, `k8s.io/api@v0.0.0/...` and `M@version/...` later,
//! `runtime/proc.go` for the standard library. Each becomes a list of places to look at, the most exact one first, below
//! every folder given; so a checkout of kubernetes at the tag just works. A file of another version than the profile's
//! cannot be told from the right one.

use std::fs;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

/// Larger files are no Go sources.
const MAX_BYTES: u64 = 16 << 20;

/// Folders with Go sources.
#[derive(Debug)]
pub struct GoSources {
    roots: Vec<PathBuf>,
    cache: FxHashMap<String, Option<Vec<u8>>>,
}

impl GoSources {
    /// `dirs` separated by colons, or the current folder; then the module cache and the standard library of an installed
    /// Go, where the environment names them.
    pub fn new(dirs: &str) -> Self {
        let mut roots: Vec<PathBuf> = if dirs.is_empty() {
            vec![PathBuf::from(".")]
        } else {
            dirs.split(':').filter(|d| !d.is_empty()).map(PathBuf::from).collect()
        };
        let env = |name: &str| std::env::var_os(name).map(PathBuf::from);
        roots.extend(env("GOMODCACHE"));
        roots.extend(env("GOPATH").map(|p| p.join("pkg/mod")));
        roots.extend(env("HOME").map(|p| p.join("go/pkg/mod")));
        roots.extend(env("GOROOT").map(|p| p.join("src")));
        roots.push(PathBuf::from("/usr/local/go/src"));
        roots.retain(|r| r.is_dir());
        Self {
            roots,
            cache: FxHashMap::default(),
        }
    }

    /// The file behind `path`, if there is one.
    pub fn file(&mut self, path: &str) -> Option<&[u8]> {
        if !self.cache.contains_key(path) {
            let found = self.find(path);
            self.cache.insert(path.to_owned(), found);
        }
        self.cache.get(path)?.as_deref()
    }

    fn find(&self, path: &str) -> Option<Vec<u8>> {
        if path.split('/').any(|part| part == "..") {
            return None;
        }
        if path.starts_with('/')
            && let Some(bytes) = read(Path::new(path))
        {
            return Some(bytes);
        }
        let places = places(path);
        self.roots
            .iter()
            .find_map(|root| places.iter().find_map(|place| read(&root.join(place))))
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let meta = fs::metadata(path).ok()?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return None;
    }
    fs::read(path).ok()
}

/// Relative places where the file may be, the most exact first.
fn places(path: &str) -> Vec<String> {
    let mut places = Vec::new();
    let mut add = |place: String| {
        if !place.is_empty() && !place.starts_with('/') && !places.contains(&place) {
            places.push(place);
        }
    };
    // The module path and what follows: everything behind the last source root.
    let inner = ["/vendor/", "/pkg/mod/", "/go/src/", "/src/"]
        .iter()
        .filter_map(|root| path.rfind(root).map(|at| &path[at + root.len()..]))
        .min_by_key(|rest| rest.len())
        .unwrap_or_else(|| path.trim_start_matches('/'));
    add(escaped(inner));
    add(inner.to_owned());
    let plain = without_version(inner);
    if let Some(rest) = plain.strip_prefix("k8s.io/kubernetes/") {
        add(rest.to_owned());
    } else if plain.starts_with("k8s.io/") {
        add(format!("staging/src/{plain}"));
    }
    add(format!("vendor/{plain}"));
    add(plain.clone());
    add(format!("src/{plain}"));
    // Relative paths of old builds, and anything below a folder that is itself the module.
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    for skip in 1..parts.len().saturating_sub(1) {
        add(parts[skip..].join("/"));
    }
    places
}

/// `M@v1.2.3/x` without the version.
fn without_version(path: &str) -> String {
    path.split('/')
        .map(|part| part.split('@').next().unwrap_or(part))
        .collect::<Vec<_>>()
        .join("/")
}

/// The module cache writes capital letters as `!` and the small one.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for (i, part) in path.split('/').enumerate() {
        if i > 0 {
            out.push('/');
        }
        // Only the module path is escaped, not what is inside of it.
        if path.contains('@') && !out.contains('@') {
            for c in part.chars() {
                if c.is_ascii_uppercase() {
                    out.push('!');
                }
                out.push(c.to_ascii_lowercase());
            }
        } else {
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_leads_to_a_checkout() {
        for (path, place) in [
            (
                "_output/local/go/src/k8s.io/kubernetes/pkg/kubelet/kubelet.go",
                "pkg/kubelet/kubelet.go",
            ),
            ("k8s.io/kubernetes/pkg/kubelet/kubelet.go", "pkg/kubelet/kubelet.go"),
            (
                "k8s.io/kubernetes@v1.36.1/pkg/kubelet/kubelet.go",
                "pkg/kubelet/kubelet.go",
            ),
            (
                "k8s.io/apimachinery@v0.0.0/pkg/util/wait/wait.go",
                "staging/src/k8s.io/apimachinery/pkg/util/wait/wait.go",
            ),
            (
                "/x/src/k8s.io/kubernetes/vendor/github.com/a/b/c.go",
                "vendor/github.com/a/b/c.go",
            ),
            (
                "github.com/spf13/cobra@v1.8.1/command.go",
                "vendor/github.com/spf13/cobra/command.go",
            ),
            (
                "github.com/BurntSushi/toml@v1.0.0/Decode.go",
                "github.com/!burnt!sushi/toml@v1.0.0/Decode.go",
            ),
            ("runtime/proc.go", "runtime/proc.go"),
            ("/usr/lib/go/src/runtime/proc.go", "runtime/proc.go"),
        ] {
            assert!(places(path).contains(&place.to_owned()), "{path}: {:?}", places(path));
        }
    }

    #[test]
    fn nothing_leaves_the_folders() {
        let mut sources = GoSources::new("/nonexistent");
        assert!(sources.file("../../etc/passwd").is_none());
    }
}
