//! Every source is opened once, by every command and by the library: it is a pipe that counts its readers.

#![cfg(unix)]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use crate::cli::support::{root, run};

/// A named pipe that gives the same bytes to whoever opens it, and counts.
struct Counted {
    path: PathBuf,
    opened: Arc<AtomicU32>,
    over: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
}

impl Counted {
    fn new(folder: &Path, name: &str, bytes: Vec<u8>) -> Self {
        let path = folder.join(name);
        make_pipe(&path);
        let (opened, over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let writer = {
            let (path, opened, over) = (path.clone(), opened.clone(), over.clone());
            std::thread::spawn(move || {
                loop {
                    // Waits for a reader.
                    let mut pipe = File::options().write(true).open(&path).expect("the pipe");
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    opened.fetch_add(1, Ordering::SeqCst);
                    // This reader keeps its pipe; the next one finds another.
                    fs::remove_file(&path).expect("the pipe goes");
                    make_pipe(&path);
                    // A reader that has enough goes away.
                    drop(pipe.write_all(&bytes));
                }
            })
        };
        Self {
            path,
            opened,
            over,
            writer: Some(writer),
        }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// How often it was opened.
    fn count(mut self) -> u32 {
        self.over.store(true, Ordering::SeqCst);
        drop(File::open(&self.path).expect("the pipe"));
        if let Some(writer) = self.writer.take() {
            writer.join().expect("the writer ends");
        }
        self.opened.load(Ordering::SeqCst)
    }
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
    assert!(made.success(), "mkfifo {}", path.display());
}

fn heap() -> Vec<u8> {
    fs::read(root().join("fixtures/compat/heap.pb.gz")).expect("a fixture")
}

/// A tar with two moments of one process.
fn tar() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let folder = root().join("fixtures/captures/healthy-1.37.2");
    let files = fs::read_dir(&folder).expect("a capture").flatten();
    for file in files.filter(|f| f.file_name().to_string_lossy().ends_with(".gz")) {
        let name = file.file_name();
        tar.append_path_with_name(file.path(), Path::new("capture").join(name))
            .expect("a tar");
    }
    tar.into_inner().expect("a tar")
}

#[test]
fn commands_open_a_source_once() {
    let commands: &[&[&str]] = &[
        &["top", "--kind", "heap"],
        &["diff", "--kind", "heap"],
        &["inspect"],
        &["pprof", "-top"],
        &["goroutines"],
        &["traces", "--kind", "heap"],
        &["diagnose"],
        // It wants a bundle with a binary; what is none is opened all the same.
        &["symbolize"],
    ];
    let dir = tempfile::tempdir().expect("a folder");
    for (name, bytes) in [("heap.pb.gz", heap()), ("capture.tar", tar())] {
        // As in pprof, a plain tar is no profile there.
        for command in commands.iter().filter(|c| c[0] != "pprof" || name != "capture.tar") {
            // One profile has nothing to be compared with, and no goroutines; it is opened all the same.
            let source = Counted::new(dir.path(), name, bytes.clone());
            let path = source.name();
            let answer = run(&[command, &[path.as_str()][..]].concat());
            let code = answer.code;
            assert_eq!(source.count(), 1, "{command:?} {name}: exit {code}: {}", answer.stderr);
            fs::remove_file(dir.path().join(name)).expect("the pipe goes");
        }
    }
}

/// How often the files of a folder are opened meanwhile: the most of any, and how many are opened at all.
#[cfg(target_os = "linux")]
fn opened_in(folder: &Path, run: impl FnOnce()) -> (usize, usize) {
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).expect("inotify");
    inotify::add_watch(&watch, folder, WatchFlags::OPEN).expect("a watch");
    run();
    let mut buffer = [std::mem::MaybeUninit::uninit(); 65536];
    let mut events = Reader::new(&watch, &mut buffer);
    let mut counts = std::collections::BTreeMap::new();
    while let Ok(event) = events.next() {
        let name = event.file_name().map(|n| n.to_string_lossy().into_owned());
        if let (Some(name), true) = (name, event.events().contains(ReadFlags::OPEN)) {
            *counts.entry(name).or_insert(0) += 1;
        }
    }
    (counts.values().copied().max().unwrap_or(0), counts.len())
}

#[test]
#[cfg(target_os = "linux")]
fn every_file_of_a_folder_is_opened_once() {
    let folder = root().join("fixtures/captures/healthy-1.37.2");
    let files = fs::read_dir(&folder).expect("a capture").count();
    let dir = tempfile::tempdir().expect("a folder");
    let copy = dir.path().join("capture");
    fs::create_dir(&copy).expect("a folder");
    for file in fs::read_dir(&folder).expect("a capture").flatten() {
        fs::copy(file.path(), copy.join(file.file_name())).expect("room");
    }
    let path = copy.display().to_string();
    let (most, all) = opened_in(&copy, || drop(run(&["diagnose", &path])));
    assert_eq!((most, all), (1, files), "diagnose");
    // What is no profile counts as well; `diagnose` comes back for its text.
    fs::write(copy.join("s01-metrics.txt"), "# HELP go_info x\ngo_info 1\n").expect("room");
    fs::write(copy.join("configz.json"), r#"{"kubeletconfig":{"syncFrequency":"1s"}}"#).expect("room");
    let files = files + 2;
    for command in [
        &["top", "--kind", "heap"][..],
        &["diff", "--kind", "heap"],
        &["inspect"],
        &["inspect", "--kind", "heap"],
        &["goroutines"],
        &["traces", "--kind", "cpu"],
    ] {
        let (most, all) = opened_in(&copy, || {
            let answer = run(&[command, &[path.as_str()]].concat());
            assert!(matches!(answer.code, 0 | 1), "{command:?}: {}", answer.stderr);
        });
        assert_eq!((most, all), (1, files), "{command:?}");
    }
    let (most, all) = opened_in(&copy, || {
        let sources = kubeprof::Sources {
            kind: Some(kubeprof::Kind::Heap),
            ..kubeprof::Sources::new([&copy])
        };
        let input = sources.open().expect("a folder");
        assert!(input.series().next().is_some());
        input.ends(None).expect("two snapshots");
    });
    assert_eq!((most, all), (1, files), "library");
}

#[test]
fn both_sides_of_a_diff_are_opened_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let old = Counted::new(dir.path(), "old.pb.gz", heap());
    let new = Counted::new(dir.path(), "new.pb.gz", heap());
    let answer = run(&["diff", &old.name(), &new.name()]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!((old.count(), new.count()), (1, 1));
}

#[test]
fn the_library_opens_a_source_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let source = Counted::new(dir.path(), "heap.pb.gz", heap());
    let subject = kubeprof::open(&source.path).expect("a heap");
    let rows = subject.view(&kubeprof::Query::default()).expect("a view").top().rows;
    assert!(!rows.is_empty());
    assert_eq!(source.count(), 1);
}
