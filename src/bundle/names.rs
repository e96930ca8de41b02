//! Names in a bundle: they sort by time, hold no colon, and are made of nothing that a file system or tar takes amiss.
//!
//! `NODE/run-1/0001-20261124T023800Z/heap.pb.gz`: node, run, snapshot, artifact. What is taken once a run stands in the
//! folder of the run. Executables are at `binaries/BUILD-ID/NAME`, shared by all nodes.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use super::manifest::{Slot, SnapshotId};

/// Folder of executables.
pub const BINARIES: &str = "binaries";

/// What the manifest calls an executable that was asked for and did not come.
pub const EXECUTABLE: &str = "binary";

/// What a file is called until it is whole.
pub const PART: &str = ".part";

/// Lowercase hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// SHA-256 in lowercase hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Whether `name` can be a part of a path in a bundle: ASCII letters, digits, `-`, `_`, `.`, `+`; not hidden, at most 128.
pub fn is_plain(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.+".contains(&b);
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.bytes().all(fits)
}

/// The name of a node as API servers take it in paths, `https:NAME:PORT`, without scheme and port.
pub fn bare_node(id: &str) -> &str {
    let rest = id
        .strip_prefix("https:")
        .or_else(|| id.strip_prefix("http:"))
        .unwrap_or(id);
    rest.split(':').next().unwrap_or(rest)
}

/// The folder of a node. Names of Kubernetes stay as they are; others (`[::1]:10250`) keep what is plain and get a mark of
/// what they were, so that two nodes never share a folder.
pub fn folder_of(node: &str) -> String {
    let reserved = [BINARIES, super::manifest::JOURNAL, super::manifest::SUMMARY];
    let lower = |b: u8| !b.is_ascii_uppercase();
    if is_plain(node)
        && node.len() <= 100
        && node.bytes().all(lower)
        && !node.ends_with(PART)
        && !reserved.contains(&node)
    {
        return node.to_owned();
    }
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let kept: String = node.chars().take(60).map(plain).collect();
    let mark = hex(&Sha256::digest(node.as_bytes())[..4]);
    format!("{}-{mark}", kept.trim_matches(['.', '_', '-']))
        .trim_start_matches('-')
        .to_owned()
}

/// The folder of a snapshot: `0001-20261124T023800Z`.
pub fn folder_of_snapshot(snapshot: SnapshotId) -> String {
    let taken = snapshot.taken.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ");
    format!("{:04}-{taken}", snapshot.number)
}

/// The usual file of an artifact: `heap` -> `heap.pb.gz`, `goroutine.debug2` -> `goroutine.debug2.txt`.
pub fn file_of(artifact: &str) -> String {
    let ending = match artifact {
        "heap" | "heap-gc" | "allocs" | "cpu" | "goroutine" | "goroutineleak" | "mutex" | "block" | "threadcreate" => {
            "pb.gz"
        }
        "trace" => "trace",
        "configz" | "version" | "node" => "json",
        _ => "txt",
    };
    format!("{artifact}.{ending}")
}

/// The path of a file of a slot, relative to the bundle.
pub fn path_of(slot: &Slot, file: &str) -> String {
    let node = folder_of(&slot.node);
    match slot.snapshot {
        Some(snapshot) => format!("{node}/run-{}/{}/{file}", slot.run, folder_of_snapshot(snapshot)),
        None => format!("{node}/run-{}/{file}", slot.run),
    }
}

/// Whether a path of a manifest or an archive stays inside: relative, parts separated by `/`, each of them plain.
pub fn is_safe_path(path: &str) -> bool {
    path.len() <= 512 && path.split('/').count() <= 8 && path.split('/').all(is_plain)
}

/// Whether a manifest may list a file under this path: inside of the bundle, and not the manifest itself.
pub(super) fn is_listed_path(path: &str) -> bool {
    let reserved = [super::manifest::JOURNAL, super::manifest::SUMMARY];
    is_safe_path(path) && !reserved.iter().any(|r| r.eq_ignore_ascii_case(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kubernetes_stay_others_are_marked() {
        assert_eq!(folder_of("worker-3.example.org"), "worker-3.example.org");
        let odd = [
            "[::1]:10250",
            "../etc",
            "binaries",
            "manifest.json",
            "Worker",
            "worker",
            "",
            ".",
            "a/b",
            "a_b",
            "x.part",
        ];
        let folders: Vec<String> = odd.iter().map(|n| folder_of(n)).collect();
        for (node, folder) in odd.iter().zip(&folders) {
            assert!(is_plain(folder) && !folder.contains(':'), "{node}: {folder}");
            assert_eq!(folders.iter().filter(|f| *f == folder).count(), 1, "{folder}");
        }
    }

    #[test]
    fn paths_sort_by_time() {
        let slot = |number, taken: &str| Slot {
            node: "worker-1".to_owned(),
            run: 1,
            snapshot: Some(SnapshotId {
                number,
                taken: taken.parse().expect("a time"),
            }),
            artifact: "heap".to_owned(),
        };
        let first = path_of(&slot(1, "2026-11-24T02:38:00.9Z"), &file_of("heap"));
        assert_eq!(first, "worker-1/run-1/0001-20261124T023800Z/heap.pb.gz");
        assert!(first < path_of(&slot(2, "2026-11-24T02:38:30Z"), &file_of("heap")));
        assert!(is_safe_path(&first));
        for bad in [
            "",
            "/etc/passwd",
            "a/../b",
            "a//b",
            "a/./b",
            "a:b",
            "a\\b",
            ".hidden",
            "a/b/c/d/e/f/g/h/i",
        ] {
            assert!(!is_safe_path(bad), "{bad}");
        }
    }
}
