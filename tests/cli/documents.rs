//! The README and the other documents say what is so.

use std::fs;

use super::support::{fine, root, run_with};

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
        // Findings are no failure.
        let answer = run_with(&args, None);
        assert!(matches!(answer.code, 0 | 1), "`kubeprof {command}`: {}", answer.stderr);
        let printed = answer.stdout;
        assert_eq!(
            printed.lines().collect::<Vec<_>>(),
            want,
            "the transcript of `kubeprof {command}` is out of date"
        );
        checked += 1;
    }
    assert!(checked >= 1, "the README shows a transcript");
}

/// Every example in `docs/pprof-differences.md` is what is printed, and every number that the source cites is told there.
#[test]
fn differences_from_pprof_are_real() {
    let text = fs::read_to_string(root().join("docs/pprof-differences.md")).expect("the page");
    let mut checked = 0;
    for block in text.split("```console\n").skip(1) {
        let block = block.split("```").next().expect("a block");
        for example in block.split("$ kubeprof ").skip(1) {
            let (command, shown) = example.split_once('\n').expect("a command and what it prints");
            let (command, stdin) = match command.split_once(" < ") {
                Some((command, file)) => (command, Some(fs::read(root().join(file)).expect("a fixture"))),
                None => (command, None),
            };
            let args: Vec<&str> = command.split_whitespace().collect();
            let answer = run_with(&args, stdin.as_deref());
            let printed: Vec<&str> = answer
                .stderr
                .lines()
                .chain([""])
                .chain(answer.stdout.lines())
                .map(str::trim_end)
                .collect();
            let shown: Vec<&str> = shown.lines().map(str::trim_end).collect();
            let parts: Vec<&[&str]> = shown.split(|l| *l == "...").filter(|p| !p.is_empty()).collect();
            assert!(!parts.is_empty(), "`kubeprof {command}` shows nothing");
            for part in parts {
                assert!(
                    printed.windows(part.len()).any(|w| w == part),
                    "`kubeprof {command}` does not print\n{}\nbut\n{}",
                    part.join("\n"),
                    printed.join("\n")
                );
            }
            checked += 1;
        }
    }
    assert!(checked >= 20, "{checked} examples");
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap_or_default();
            let comments = source.lines().filter(|l| l.trim_start().starts_with("//"));
            for word in comments.flat_map(|l| l.split(|c: char| !c.is_ascii_alphanumeric())) {
                let number = word
                    .strip_prefix('D')
                    .is_some_and(|n| matches!(n.len(), 1 | 2) && n.bytes().all(|b| b.is_ascii_digit()));
                assert!(
                    !number || text.contains(&format!("**{word}. ")),
                    "{}: {word} is not told",
                    path.display()
                );
            }
        }
    }
}

/// The file of known issues in `docs/knowledge.md` passes its own test.
#[test]
fn the_example_of_known_issues_is_one() {
    let page = fs::read_to_string(root().join("docs/knowledge.md")).expect("the page");
    let (_, rest) = page.split_once("```json\n").expect("an example");
    let (json, _) = rest.split_once("```").expect("its end");
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), json).expect("written");
    let printed = fine(&["knowledge", "test", &file.path().display().to_string()]);
    assert!(printed.contains("1 entries, 0 wrong"), "{printed}");
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
