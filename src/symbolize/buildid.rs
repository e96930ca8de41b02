//! Build IDs: the GNU one that profiles carry, the Go one, and how the first follows from the second.

use std::fmt;

use sha2::{Digest, Sha256};

use super::elf::Elf;

/// A GNU build ID (`NT_GNU_BUILD_ID`), usually 20 bytes. Displayed as lowercase hex, as profiles carry it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GnuBuildId(Vec<u8>);

impl GnuBuildId {
    /// From hex as profiles, debuginfod and file names carry it. `None` for anything that is not 2 to 64 bytes of hex.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if !text.len().is_multiple_of(2) || !(4..=128).contains(&text.len()) {
            return None;
        }
        let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
        let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
        text.chunks_exact(2)
            .map(byte)
            .collect::<Option<Vec<u8>>>()
            .map(GnuBuildId)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for GnuBuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// What the notes of a binary say of its identity.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BuildIds {
    /// `NT_GNU_BUILD_ID`.
    pub gnu: Option<GnuBuildId>,
    /// `.note.go.buildid`, four parts with slashes, as `go tool buildid` prints it. May be empty or `redacted`.
    pub go: Option<String>,
}

/// How the GNU build ID relates to the Go build ID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Derivation {
    /// The Go linker made the GNU ID from the Go ID (Go 1.24 and later), so both tell of the same link.
    Derived,
    /// They are independent: a C linker hashed the content, or someone set one of them.
    Independent,
    /// One of them is missing or carries no information.
    Unknown,
}

impl BuildIds {
    /// Reads the notes.
    #[must_use]
    pub fn read(elf: &Elf<'_>) -> Self {
        let mut ids = BuildIds::default();
        for run in elf.note_runs() {
            let mut rest = *run;
            while let Some((note, after)) = next_note(rest) {
                rest = after;
                match (note.name, note.kind) {
                    (b"GNU\0", 3) if ids.gnu.is_none() && (2..=64).contains(&note.desc.len()) => {
                        ids.gnu = Some(GnuBuildId(note.desc.to_vec()));
                    }
                    (b"Go\0\0", 4) if ids.go.is_none() && note.desc.len() <= 1024 => {
                        ids.go = std::str::from_utf8(note.desc).ok().map(str::to_owned);
                    }
                    _ => {}
                }
            }
        }
        ids
    }

    /// Whether the Go ID tells builds apart. Bazel writes `redacted` into all of them, some Kubernetes releases nothing.
    #[must_use]
    pub fn go_is_telling(&self) -> bool {
        self.go.as_deref().is_some_and(|id| !id.is_empty() && id != "redacted")
    }

    /// Whether the GNU ID tells builds apart. One that the Go linker derived from `redacted` does not.
    #[must_use]
    pub fn gnu_is_telling(&self) -> bool {
        match (&self.gnu, self.go.as_deref()) {
            (None, _) => false,
            (Some(_), Some("redacted")) => self.derivation_of("redacted") != Derivation::Derived,
            (Some(_), _) => true,
        }
    }

    /// Whether the GNU ID follows from the Go ID.
    #[must_use]
    pub fn derivation(&self) -> Derivation {
        match self.go.as_deref() {
            Some(go) if !go.is_empty() && self.gnu.is_some() => self.derivation_of(go),
            _ => Derivation::Unknown,
        }
    }

    fn derivation_of(&self, go: &str) -> Derivation {
        let Some(gnu) = &self.gnu else {
            return Derivation::Unknown;
        };
        if derived_gnu_ids(go).iter().any(|id| id[..] == gnu.0[..]) {
            Derivation::Derived
        } else {
            Derivation::Independent
        }
    }
}

/// The GNU build IDs that Go 1.24 and Go 1.25 and later give to a binary with this Go build ID. The linker hashes the ID
/// as it was before the last of its four parts was replaced by the hash of the content.
#[must_use]
pub fn derived_gnu_ids(go: &str) -> [[u8; 20]; 2] {
    let parts: Vec<&str> = go.split('/').collect();
    let hashed = match parts[..] {
        [action, main, package, _] => format!("{action}/{main}/{package}/{action}"),
        _ => go.to_owned(),
    };
    let digest = Sha256::digest(hashed.as_bytes());
    let mut id = [0; 20];
    id.copy_from_slice(&digest[..20]);
    [0x01, 0xff].map(|mask| {
        let mut id = id;
        id[0] ^= mask;
        id
    })
}

struct Note<'a> {
    name: &'a [u8],
    kind: u32,
    desc: &'a [u8],
}

/// The first note of a run (all fields padded to four bytes) and what follows it.
fn next_note(run: &[u8]) -> Option<(Note<'_>, &[u8])> {
    let word = |at: usize| Some(u32::from_le_bytes(run.get(at..at + 4)?.try_into().ok()?));
    let (name_size, desc_size, kind) = (word(0)? as usize, word(4)? as usize, word(8)?);
    let name = run.get(12..12_usize.checked_add(name_size)?)?;
    let desc_start = 12_usize.checked_add(name_size)?.checked_next_multiple_of(4)?;
    let desc_end = desc_start.checked_add(desc_size)?;
    let desc = run.get(desc_start..desc_end)?;
    let after = run.get(desc_end.checked_next_multiple_of(4)?..).unwrap_or_default();
    Some((Note { name, kind, desc }, after))
}

#[cfg(test)]
mod tests {
    use super::{GnuBuildId, next_note};

    #[test]
    fn hex_both_ways() {
        let id = GnuBuildId::from_hex("00ffA9").unwrap();
        assert_eq!(id.to_string(), "00ffa9");
        assert_eq!(GnuBuildId::from_hex("00f"), None);
        assert_eq!(GnuBuildId::from_hex("zz00"), None);
        assert_eq!(GnuBuildId::from_hex(""), None);
    }

    #[test]
    fn notes_that_lie_about_their_size_end_the_run() {
        let mut note = vec![4, 0, 0, 0, 255, 255, 255, 255, 3, 0, 0, 0];
        note.extend(b"GNU\0abcd");
        assert!(next_note(&note).is_none());
        assert!(next_note(&note[..11]).is_none());
    }
}
