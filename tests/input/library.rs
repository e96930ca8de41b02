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

/// Whether the run is a full one.
fn all() -> bool {
    std::env::var("KUBEPROF_FIXTURES").is_ok_and(|v| v == "all")
}

/// A third of the fixtures, another one for every verb; KUBEPROF_FIXTURES=all for all of them.
fn some_fixtures(verb: &str) -> Vec<String> {
    let all = all();
    let files = fixtures().into_iter().enumerate();
    files
        .filter(|(i, _)| all || (i + verb.len()).is_multiple_of(3))
        .map(|(_, file)| file)
        .collect()
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

/// What a command answers, or the error that it ends with.
fn page(args: &[&str]) -> Result<Value, String> {
    let answer = run(&[args, &["-o", "json"]].concat());
    if answer.code != 0 {
        let error = answer.stderr.lines().skip_while(|l| !l.starts_with("error: "));
        let error: Vec<&str> = error.collect();
        return Err(error.join("\n").trim_start_matches("error: ").to_owned());
    }
    Ok(serde_json::from_str(&answer.stdout).expect("JSON"))
}

fn rows(args: &[&str]) -> Result<Vec<Value>, String> {
    let mut page = page(&[args, &["-n", "0"]].concat())?;
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
    for (n, file) in some_fixtures("top").into_iter().enumerate() {
        let by = if all() { &by[..] } else { &by[n % 2..=n % 2] };
        for &(word, granularity) in by {
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
    assert!(compared > 20, "{compared} compared");
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

/// Holds a verb of the library against the command, over every fixture.
fn same_on_every_fixture(
    args: &[&str],
    command: impl Fn(&Value) -> Value,
    library: impl Fn(Subject) -> Result<Value, String>,
) {
    let mut compared = 0;
    // `inspect` of a bundle lists it.
    let lists = |file: &String| args[0] == "inspect" && file.ends_with(".tar.gz");
    for file in some_fixtures(args[0]).into_iter().filter(|file| !lists(file)) {
        let answer = page(&[args, &[file.as_str()]].concat());
        let own = open(&file).and_then(&library);
        match (answer, own) {
            (Ok(answer), Ok(own)) => {
                assert_eq!(command(&answer), own, "{args:?} {file}");
                compared += 1;
            }
            (Err(command), Err(library)) => {
                assert_eq!(
                    command.lines().next(),
                    library.lines().next(),
                    "{args:?} {file}: errors"
                );
            }
            (command, library) => panic!("{args:?} {file}: {command:?} but {library:?}"),
        }
    }
    assert!(compared > 10, "{args:?}: {compared} compared");
}

/// The rows of a page, as far as these keys go.
fn picked_rows(page: &Value, keep: impl Fn(&Value) -> bool, keys: &[&str]) -> Value {
    let rows = page["rows"].as_array().expect("rows");
    rows.iter().filter(|r| keep(r)).map(|r| picked(r, keys)).collect()
}

fn worded(e: impl std::fmt::Display) -> String {
    e.to_string()
}

#[test]
fn the_library_gives_the_numbers_of_tree_on_every_fixture() {
    same_on_every_fixture(
        &["tree", "-n", "0"],
        |page| picked_rows(page, |r| r["relation"] == "self", &["name", "flat", "cum"]),
        |subject| {
            let mut query = Query::by(Granularity::Functions);
            query.trim.node_count = Some(0);
            let view = subject.view(&query).map_err(worded)?;
            let tree = view.tree(None).map_err(worded)?;
            Ok(tree
                .nodes()
                .map(|n| json!([tree.names[n.name as usize], n.flat, n.cum]))
                .collect())
        },
    );
}

#[test]
fn the_library_gives_the_numbers_of_traces_on_every_fixture() {
    same_on_every_fixture(
        &["traces", "-n", "0"],
        |page| {
            let rows = page["rows"].as_array().expect("rows").iter();
            let mut values: Vec<i64> = rows.filter_map(|r| r["value"].as_i64()).collect();
            values.sort_unstable();
            json!([page["total"], values])
        },
        |subject| {
            let view = subject.view(&Query::by(Granularity::Functions)).map_err(worded)?;
            let traces = view.traces();
            let mut values: Vec<i64> = traces.samples(&view).map(|t| t.value).filter(|v| *v != 0).collect();
            values.sort_unstable();
            Ok(json!([traces.header.total, values]))
        },
    );
}

#[test]
fn the_library_gives_the_numbers_of_tags_on_every_fixture() {
    same_on_every_fixture(
        &["tags"],
        |page| picked_rows(page, |_| true, &["key", "label", "value"]),
        |subject| {
            let view = subject.view(&Query::default()).map_err(worded)?;
            let tags = view.tags();
            let values = tags
                .keys
                .iter()
                .flat_map(|k| k.values.iter().map(move |v| json!([k.key, v.name, v.value])));
            Ok(values.collect())
        },
    );
}

#[test]
fn the_library_gives_the_numbers_of_inspect_on_every_fixture() {
    same_on_every_fixture(
        &["inspect"],
        |page| {
            picked(
                page,
                &[
                    "functions",
                    "locations",
                    "samples",
                    "stacks",
                    "deepest",
                    "inlined_locations",
                ],
            )
        },
        |subject| {
            let view = subject.into_whole_view(&Query::default()).map_err(worded)?;
            let c = view.inspect();
            Ok(json!([
                c.functions,
                c.locations,
                c.samples,
                c.stacks,
                c.deepest,
                c.inlined
            ]))
        },
    );
}

#[test]
fn the_library_gives_the_numbers_of_goroutines_on_every_fixture() {
    let mut compared = 0;
    for file in some_fixtures("goroutines") {
        let command = page(&["goroutines", "-n", "0", &file]);
        let sources = kubeprof::Sources::new([file.as_str()]);
        let library = sources.open().and_then(|input| input.goroutines(None)).map_err(worded);
        let library = library.and_then(|(subject, _)| {
            let query = Query {
                granularity: Granularity::Addresses,
                trim: kubeprof::Trim::NONE,
                ..Query::default()
            };
            let view = subject.into_goroutine_view(&query).map_err(worded)?;
            let asked = kubeprof::GoroutineQuery {
                limit: 0,
                ..kubeprof::GoroutineQuery::default()
            };
            view.goroutines(&asked).map_err(worded)
        });
        match (command, library) {
            (Ok(page), Ok(report)) => {
                let counts: Value = report.buckets.iter().map(|b| json!([b.count])).collect();
                assert_eq!(picked_rows(&page, |_| true, &["count"]), counts, "{file}");
                assert_eq!(page["total"], report.header.total, "{file}");
                compared += 1;
            }
            (Err(command), Err(library)) => {
                assert_eq!(command.lines().next(), library.lines().next(), "{file}: errors");
            }
            (command, library) => panic!("{file}: {command:?} but {library:?}"),
        }
    }
    assert!(compared > 3, "{compared} compared");
}
