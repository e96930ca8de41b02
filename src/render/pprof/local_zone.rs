//! The local time zone as Go's `time` package finds it: `TZ`, else `/etc/localtime`, else UTC.
//!
//! One small file is read. A database of all zones, which a library would look for, takes longer to find than a report
//! takes to make. `TZ` has the name of a zone or the path of its file; anything else, such as a POSIX rule, is UTC.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::tz::TimeZone;

/// Where systems keep zones, in Go's order.
const FOLDERS: [&str; 4] = [
    "/usr/share/zoneinfo",
    "/usr/share/lib/zoneinfo",
    "/usr/lib/locale/TZ",
    "/etc/zoneinfo",
];

/// The zone of this process, found once.
pub(super) fn local_zone() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| {
        let tz = std::env::var_os("TZ").map(|tz| tz.to_string_lossy().into_owned());
        candidates(tz.as_deref())
            .iter()
            .find_map(|path| load(path))
            .unwrap_or(TimeZone::UTC)
    })
    .clone()
}

/// Files that may hold the zone which `TZ` stands for, the first one first; none for UTC.
fn candidates(tz: Option<&str>) -> Vec<PathBuf> {
    let Some(tz) = tz else {
        return vec![PathBuf::from("/etc/localtime")];
    };
    let name = tz.strip_prefix(':').unwrap_or(tz);
    if name.starts_with('/') {
        return vec![PathBuf::from(name)];
    }
    let escapes = name.split('/').any(|part| part == "..");
    if name.is_empty() || name == "UTC" || escapes {
        return Vec::new();
    }
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).collect()
}

fn load(path: &Path) -> Option<TimeZone> {
    // Rules for what the file calls itself do not matter: it is never printed, abbreviations are.
    TimeZone::tzif("Local", &std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::candidates;

    #[test]
    fn names_and_paths() {
        assert_eq!(candidates(None)[0].to_str(), Some("/etc/localtime"));
        assert_eq!(candidates(Some(":/x/y"))[0].to_str(), Some("/x/y"));
        assert_eq!(
            candidates(Some("Asia/Kolkata"))[0].to_str(),
            Some("/usr/share/zoneinfo/Asia/Kolkata")
        );
        for utc in ["", ":", "UTC", "../../etc/passwd"] {
            assert!(candidates(Some(utc)).is_empty(), "{utc}");
        }
    }
}
