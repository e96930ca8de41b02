//! The README and the other documents say what is so.

use std::fs;

use super::support::{fine, root};

/// Every transcript in the README (a line `$ kubeprof …` and what stands under it) is what the command prints.
#[test]
fn transcripts_are_real() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let mut checked = 0;
    for block in readme.split("```").skip(1).step_by(2) {
        let mut lines = block.lines().skip(1);
        let Some(command) = lines.next().and_then(|l| l.strip_prefix("$ kubeprof ")) else {
            continue;
        };
        let want: Vec<&str> = lines.collect();
        let args: Vec<&str> = command.split_whitespace().collect();
        let printed = fine(&args);
        assert_eq!(
            printed.lines().collect::<Vec<_>>(),
            want,
            "the transcript of `kubeprof {command}` is out of date"
        );
        checked += 1;
    }
    assert!(checked >= 1, "the README shows a transcript");
}

#[test]
fn the_readme_fits_its_purpose() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    assert!(
        readme.lines().count() <= 90,
        "one screen or two: {} lines",
        readme.lines().count()
    );
    assert!(readme.contains("\ncargo test"), "the test command that CI runs");
}

#[test]
fn every_fixture_has_a_text() {
    // Beside it, or one folder up where a folder is one fixture.
    let has_text = |folder: &std::path::Path| folder.join("README.md").is_file();
    let mut folders = vec![root().join("fixtures")];
    while let Some(folder) = folders.pop() {
        let entries: Vec<_> = fs::read_dir(&folder)
            .expect("folder")
            .map(|e| e.expect("entry").path())
            .collect();
        let has_files = entries.iter().any(|p| p.is_file());
        let told = has_text(&folder) || folder.parent().is_some_and(has_text);
        assert!(!has_files || told, "{} has no text", folder.display());
        folders.extend(entries.into_iter().filter(|p| p.is_dir()));
    }
}

#[test]
fn the_architecture_names_every_room() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for entry in fs::read_dir(root().join("src")).expect("src") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            let room = path.file_name().expect("name").to_string_lossy().into_owned();
            assert!(
                text.contains(&format!("| `{room}` |")),
                "{room} is not in ARCHITECTURE.md"
            );
        }
    }
}
