//! The arrows between rooms, read from the sources: a single crate cannot make Cargo enforce them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms a room may use. A room may always use itself.
const ALLOWED: &[(&str, &[&str])] = &[
    // One file: files and folders that appear whole or not at all.
    ("atomic", &[]),
    ("model", &[]),
    ("kubelet", &[]),
    ("pprof", &["model"]),
    // One file: which cryptography the two rooms with a network rest on.
    ("tls", &[]),
    ("symbolize", &["atomic", "model", "tls"]),
    // One file: what a secret is, for what enters a bundle and for what leaves it.
    ("secrets", &[]),
    ("bundle", &["atomic", "model", "pprof", "secrets"]),
    ("capture", &["model", "pprof", "symbolize", "bundle", "secrets", "tls"]),
    ("analysis", &["model", "kubelet", "symbolize"]),
    (
        "input",
        &["model", "pprof", "kubelet", "symbolize", "bundle", "analysis"],
    ),
    ("diagnose", &["model", "kubelet"]),
    ("check", &["model", "kubelet", "diagnose"]),
    // Bytes over HTTP, and who may ask; what is answered is the caller's.
    ("web", &[]),
    ("report", &["model", "kubelet", "bundle", "analysis", "diagnose"]),
    // The encoder of `convert` is the one renderer that needs more than a report.
    (
        "render",
        &[
            "model",
            "kubelet",
            "symbolize",
            "bundle",
            "input",
            "analysis",
            "diagnose",
            "check",
            "report",
        ],
    ),
    (
        "cli",
        &[
            "atomic",
            "model",
            "kubelet",
            "pprof",
            "symbolize",
            "bundle",
            "input",
            "capture",
            "analysis",
            "diagnose",
            "check",
            "report",
            "render",
            "web",
        ],
    ),
];

fn sources(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("readable folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Every room named behind `crate::`, grouped uses included.
fn rooms_used(text: &str) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for part in code.split("crate::").skip(1) {
            let names: Vec<&str> = match part.strip_prefix('{') {
                Some(group) => group.split(',').map(|n| n.trim_start()).collect(),
                None => vec![part],
            };
            for name in names {
                let room: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !room.is_empty() {
                    used.push((number + 1, room));
                }
            }
        }
    }
    used
}

/// The table of ARCHITECTURE.md is this one.
#[test]
fn the_page_shows_these_arrows() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).expect("a page");
    let names = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut shown = BTreeSet::new();
    for row in page.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let room = names(cells[0]).pop_first().expect("a room");
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(name, _)| *name == room)
            .expect("a room that there is");
        if cells[cells.len() - 1] != "everything |" {
            let allowed: BTreeSet<String> = allowed.iter().map(|r| (*r).to_owned()).collect();
            assert_eq!(names(cells[cells.len() - 1]), allowed, "{room}");
        }
        shown.insert(room);
    }
    let rooms: BTreeSet<String> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(shown, rooms);
}

#[test]
fn arrows_point_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 50, "the sources are where the test looks");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files {
        let inside = file.strip_prefix(&src).expect("below src");
        let room = inside
            .components()
            .next()
            .expect("a room")
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        if inside.components().count() == 1 {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{}: no such room in the table", inside.display()));
            continue;
        };
        for (line, used) in rooms_used(&fs::read_to_string(&file).expect("text")) {
            if ALLOWED.iter().any(|(name, _)| *name == used) {
                seen += 1;
                if used != room && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("src/{}:{line}: {room} may not use {used}", inside.display()));
                }
            }
        }
    }
    assert!(seen > 100, "imports were found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_source_starts_with_what_it_decides() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let bare: Vec<String> = files
        .iter()
        .filter(|f| !fs::read_to_string(f).expect("text").starts_with("//!"))
        .map(|f| f.display().to_string())
        .collect();
    assert!(bare.is_empty(), "without a header: {bare:?}");
}

#[test]
fn rooms_are_not_listed_on_the_front_page() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).expect("src/lib.rs");
    let lines: Vec<&str> = text.lines().collect();
    let rooms = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with("pub mod "));
    let shown: Vec<&str> = rooms
        .filter(|(n, _)| lines[n - 1] != "#[doc(hidden)]")
        .map(|(_, line)| *line)
        .collect();
    assert!(
        shown.is_empty(),
        "not hidden: {shown:?}; re-export what is meant to be used"
    );
}
