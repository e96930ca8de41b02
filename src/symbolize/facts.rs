//! What can be said of a binary in one screen, and what the archive records of it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Binary;
use super::buildinfo::stamped_kubernetes_version;
use super::elf::Elf;

/// The record of a binary.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// The ID under which it is archived: its GNU build ID, else one derived from its content.
    pub id: String,
    /// GNU build ID in hex, `""` when it has none.
    pub gnu_build_id: String,
    /// Go build ID, `""` when it has none.
    pub go_build_id: String,
    /// Go release, `""` when it is not Go.
    pub go_version: String,
    /// Main package.
    pub path: String,
    /// Main module.
    pub module: String,
    /// Version of the main module.
    pub module_version: String,
    /// Version of Kubernetes, `""` when nothing tells it.
    pub kubernetes_version: String,
    /// Commit.
    pub revision: String,
    /// `internal`, `external` or `unknown`.
    pub link_mode: String,
    /// `amd64`, `arm64` or `other`.
    pub goarch: String,
    /// Whether debug information is in it.
    pub dwarf: bool,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
    /// Where it came from.
    pub origin: String,
}

impl Facts {
    /// Reads everything that the record holds. Hashes the whole file.
    #[must_use]
    pub fn of(binary: &Binary<'_>, origin: &str) -> Self {
        let data = binary.elf().data();
        let ids = binary.build_ids();
        let info = binary.build_info().unwrap_or_default();
        // Only programs of Kubernetes have its version package.
        let of_kubernetes = info.path.iter().any(|p| p.starts_with("k8s.io/kubernetes/"))
            || info.dependencies.iter().any(|m| m.path == "k8s.io/component-base");
        let kubernetes_version = match info.kubernetes_version() {
            Some(version) => version.to_owned(),
            None if of_kubernetes => stamped_kubernetes_version(binary.elf()).unwrap_or_default(),
            None => String::new(),
        };
        let main = info.main.clone().unwrap_or_default();
        let gnu_build_id = ids.gnu.as_ref().map(ToString::to_string).unwrap_or_default();
        let sha256 = hex(&Sha256::digest(data));
        // An ID that all builds share would make them overwrite each other.
        let id = if ids.gnu_is_telling() {
            gnu_build_id.clone()
        } else {
            sha256[..40].to_owned()
        };
        Facts {
            id,
            gnu_build_id,
            go_build_id: ids.go.unwrap_or_default(),
            kubernetes_version,
            revision: info.revision().unwrap_or_default().to_owned(),
            go_version: info.go_version,
            path: info.path.unwrap_or_default(),
            module: main.path,
            module_version: main.version,
            link_mode: binary.link_mode().code().to_owned(),
            goarch: binary.elf().machine().goarch().to_owned(),
            dwarf: has_dwarf(binary.elf()),
            size: data.len() as u64,
            sha256,
            origin: origin.to_owned(),
        }
    }
}

/// Whether it holds debug information.
#[must_use]
pub fn has_dwarf(elf: &Elf<'_>) -> bool {
    elf.section(".debug_info")
        .or_else(|| elf.section(".zdebug_info"))
        .is_some_and(|s| s.size > 0)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}
