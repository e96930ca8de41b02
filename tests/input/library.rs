//! The library answers what the command answers, on every fixture.

use std::path::{Path, PathBuf};

use kubeprof::{Granularity, Query, Subject};
use serde_json::{Value, json};

use crate::cli::support::{root, run};

/// Files of the fixtures that a person would hand to `top`, and some that are refused.
fn fixtures() -> Vec<String> {
    let mut folders = vec![root().join("fixtures")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if [".gz", ".txt", ".zst", ".pprof"]
                .iter()
                .any(|e| path.to_string_lossy().ends_with(e))
            {
                files.push(shown(&path));
            }
        }
    }
    files.sort();
    assert!(files.len() > 60, "{} fixtures", files.len());
    files
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .expect("of the repository")
        .display()
        .to_string()
}

fn open(name: &str) -> Result<Subject, String> {
    // Run as the command is run: names of files are relative to the repository.
    kubeprof::open(PathBuf::from(name)).map_err(|e| e.to_string())
}

fn rows(args: &[&str]) -> Result<Vec<Value>, String> {
    let answer = run(&[args, &["-n", "0", "-o", "json"]].concat());
    if answer.code != 0 {
        let error = answer.stderr.lines().skip_while(|l| !l.starts_with("error: "));
        let error: Vec<&str> = error.collect();
        return Err(error.join("\n").trim_start_matches("error: ").to_owned());
    }
    let mut page: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let Value::Array(rows) = page["rows"].take() else {
        panic!("{args:?}: no rows");
    };
    Ok(rows)
}

/// What a row of either side says.
fn picked(row: &Value, keys: &[&str]) -> Value {
    keys.iter().map(|k| row[*k].clone()).collect()
}

#[test]
fn the_library_gives_the_numbers_of_top_on_every_fixture() {
    let by = [
        ("function", Granularity::Functions),
        ("subsystem", Granularity::Subsystems),
    ];
    let mut compared = 0;
    for file in fixtures() {
        for (word, granularity) in by {
            let command = rows(&["top", "--by", word, &file]);
            let library = open(&file).and_then(|subject| {
                let view = subject.view(&Query::by(granularity)).map_err(|e| e.to_string())?;
                let rows = view.top().rows;
                Ok(rows.iter().map(|r| json!([r.name, r.flat, r.cum])).collect::<Vec<_>>())
            });
            match (command, library) {
                (Ok(command), Ok(library)) => {
                    let command: Vec<Value> = command.iter().map(|r| picked(r, &["name", "flat", "cum"])).collect();
                    assert_eq!(command, library, "{file} by {word}");
                    compared += 1;
                }
                (Err(command), Err(library)) => assert_eq!(
                    command.lines().next(),
                    library.lines().next(),
                    "{file} by {word}: errors"
                ),
                (command, library) => panic!("{file} by {word}: {command:?} but {library:?}"),
            }
        }
    }
    assert!(compared > 60, "{compared} compared");
}

#[test]
fn the_library_gives_the_numbers_of_diff() {
    let all = fixtures();
    let mut compared = 0;
    for pair in all.windows(2).filter(|pair| pair[0].ends_with(".pb.gz")) {
        let (old, new) = (&pair[0], &pair[1]);
        let (Ok(before), Ok(after)) = (open(old), open(new)) else {
            continue;
        };
        // The command asks the old side for the kind of the new one.
        if before.kind() != after.kind() {
            continue;
        }
        let command = rows(&["diff", old, new]);
        let library = before.diff(&after, &Query::by(Granularity::Functions));
        match (command, library) {
            (Ok(command), Ok(library)) => {
                let keys = ["name", "old_flat", "new_flat", "old_cum", "new_cum"];
                let command: Vec<Value> = command.iter().map(|r| picked(r, &keys)).collect();
                let library = library.rows.iter();
                let library: Vec<Value> = library
                    .map(|r| json!([r.name, r.old_flat, r.new_flat, r.old_cum, r.new_cum]))
                    .collect();
                assert_eq!(command, library, "{old} and {new}");
                compared += 1;
            }
            (Err(command), Err(library)) => {
                let library = library.to_string();
                assert_eq!(
                    command.lines().next(),
                    library.lines().next(),
                    "{old} and {new}: errors"
                );
            }
            (command, library) => panic!("{old} and {new}: {command:?} but {library:?}"),
        }
    }
    assert!(compared > 5, "{compared} compared");
}
