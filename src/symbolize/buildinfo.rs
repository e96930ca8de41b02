//! What `go version -m` shows: the Go release, modules and build settings stored in a binary, and what of it tells which
//! Kubernetes this is.

use super::elf::Elf;

/// Facts that the Go linker stored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BuildInfo {
    /// `go1.26.8`.
    pub go_version: String,
    /// Path of the main package.
    pub path: Option<String>,
    /// Main module.
    pub main: Option<Module>,
    /// Dependencies, replacements applied.
    pub dependencies: Vec<Module>,
    /// Settings such as `-buildmode`, `CGO_ENABLED`, `vcs.revision`, in the order of the file.
    pub settings: Vec<(String, String)>,
}

/// A module and its version.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Module {
    /// Module path.
    pub path: String,
    /// Version, `(devel)` or empty.
    pub version: String,
}

const MAGIC: &[u8] = b"\xff Go buildinf:";

/// Texts longer than this are not believed. A kubelet's is about 20 KiB.
const MAX_TEXT: usize = 4 << 20;

impl BuildInfo {
    /// Reads the build information, from its section or from the start of writable data.
    #[must_use]
    pub fn read(elf: &Elf<'_>) -> Option<Self> {
        let section = elf
            .section(".go.buildinfo")
            .and_then(|s| Some((s.address, elf.section_bytes(s)?)));
        let writable = elf
            .segments()
            .iter()
            .filter(|s| s.writable)
            .map(|s| (s.address, elf.segment_bytes(s)));
        section
            .into_iter()
            .chain(writable)
            .find_map(|(address, bytes)| Self::find(elf, address, bytes))
    }

    fn find(elf: &Elf<'_>, address: u64, bytes: &[u8]) -> Option<Self> {
        // The linker puts it first; it is 16-aligned.
        let searched = bytes.get(..bytes.len().min(1 << 20)).unwrap_or_default();
        let at = searched.chunks(16).position(|chunk| chunk.starts_with(MAGIC))? * 16;
        let record = bytes.get(at..)?;
        let flags = *record.get(15)?;
        if flags & 2 != 0 {
            let (version, rest) = counted(record.get(32..)?)?;
            let (info, _) = counted(rest).unwrap_or_default();
            return Some(Self::parse(version, info));
        }
        // Before Go 1.18: two pointers to strings (pointer and length).
        let mut pointers = [0; 4];
        if elf.words(address.checked_add(at as u64)?, &mut pointers) < 4 {
            return None;
        }
        let string = |at: u64| {
            let mut parts = [0; 2];
            (elf.words(at, &mut parts) == 2).then_some(())?;
            elf.bytes_at(parts[0])?
                .get(..usize::try_from(parts[1]).ok().filter(|n| *n <= MAX_TEXT)?)
        };
        Some(Self::parse(
            string(pointers[2])?,
            string(pointers[3]).unwrap_or_default(),
        ))
    }

    fn parse(version: &[u8], info: &[u8]) -> Self {
        let go_version = String::from_utf8_lossy(version).into_owned();
        // The text stands between two marks of 16 bytes by which the runtime finds it in memory.
        let framed = info.len() >= 33 && info.get(info.len() - 17) == Some(&b'\n');
        let text = if framed { &info[16..info.len() - 16] } else { &[] };
        let mut this = BuildInfo {
            go_version,
            ..BuildInfo::default()
        };
        for line in String::from_utf8_lossy(text).lines() {
            let mut fields = line.split('\t');
            let kind = fields.next().unwrap_or_default();
            let first = fields.next().unwrap_or_default();
            let module = |fields: &mut std::str::Split<'_, char>| Module {
                path: first.to_owned(),
                version: fields.next().unwrap_or_default().to_owned(),
            };
            match kind {
                "path" => this.path = Some(first.to_owned()),
                "mod" => this.main = Some(module(&mut fields)),
                "dep" => this.dependencies.push(module(&mut fields)),
                "=>" => {
                    let replacement = module(&mut fields);
                    if let Some(last) = this.dependencies.last_mut().or(this.main.as_mut()) {
                        last.version = replacement.version;
                    }
                }
                "build" => {
                    if let Some((key, value)) = first.split_once('=') {
                        this.settings.push((key.to_owned(), value.trim_matches('"').to_owned()));
                    }
                }
                _ => {}
            }
        }
        this
    }

    /// A build setting.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The commit that it was built from.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.setting("vcs.revision")
    }

    /// The version of Kubernetes according to the modules: of the main module, or of `k8s.io/kubernetes` when a small
    /// main program imports it. `None` when it was built from a work tree without a version (releases before Go 1.24).
    #[must_use]
    pub fn kubernetes_version(&self) -> Option<&str> {
        self.main
            .iter()
            .chain(&self.dependencies)
            .find(|m| m.path == "k8s.io/kubernetes")
            .map(|m| m.version.as_str())
            .filter(|v| v.starts_with('v') && *v != "v0.0.0")
    }
}

/// The version that a Kubernetes build stamps into a variable (`-X .../version.gitVersion=v1.30.4`): the only place that
/// tells it in releases built before Go 1.24, whose main module has no version. Go keeps its texts without an end mark,
/// all in one run; only what `-X` sets stands alone between zero bytes. `None` unless exactly one version does.
#[must_use]
pub fn stamped_kubernetes_version(elf: &Elf<'_>) -> Option<String> {
    let pattern = r"(?-u)\x00(v1\.[0-9]{1,2}\.[0-9]{1,2}(?:[-+][0-9A-Za-z.+-]{1,64})?)\x00";
    let stamp = regex::bytes::Regex::new(pattern).ok()?;
    let readable = elf.segments().iter().filter(|s| !s.executable);
    let mut found: Option<&[u8]> = None;
    for segment in readable {
        for version in stamp.captures_iter(elf.segment_bytes(segment)).filter_map(|c| c.get(1)) {
            if found.is_some_and(|f| f != version.as_bytes()) {
                return None;
            }
            found = Some(version.as_bytes());
        }
    }
    String::from_utf8(found?.to_vec()).ok()
}

/// A text after its length as a varint, and what follows it.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (n, byte) in bytes.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            let start = n + 1;
            let end = start.checked_add(length).filter(|_| length <= MAX_TEXT)?;
            return Some((bytes.get(start..end)?, bytes.get(end..)?));
        }
    }
    None
}
