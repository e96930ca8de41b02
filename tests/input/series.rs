//! Files and bundles as series: grouped by names and times, cut at restarts, told apart by node.

use std::fs;
use std::path::{Path, PathBuf};

use kubeprof::bundle::{Packing, Want, pack};
use kubeprof::input::{Input, InputError, KnownBy, Series, Sources};
use kubeprof::model::Kind;
use kubeprof::pprof::Limit;

use super::super::bundle::made_bundle;
use made_bundle::fixture;

fn open(path: &Path) -> Input {
    Input::open(&[path.to_owned()], Limit::Proportional).expect("it opens")
}

fn series(path: &Path) -> Vec<Series> {
    open(path).series().cloned().collect()
}

fn put(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, bytes).expect("room");
    path
}

fn leak(file: &str) -> Vec<u8> {
    fixture(&format!("ctx-leak-1.36.1/{file}"))
}

fn metrics(node: &str, start: f64) -> String {
    format!(
        "# HELP go_info x\ngo_info{{version=\"go1.26.8\"}} 1\nkubelet_node_name{{node=\"{node}\"}} 1\n\
         kubernetes_build_info{{git_version=\"v1.36.1\",go_version=\"go1.26.8\"}} 1\nprocess_start_time_seconds {start}\n"
    )
}

/// 2026-11-23T18:27:00Z, before the first snapshot of the fixture.
const START: f64 = 1_795_458_420.0;

fn names(s: &Series) -> Vec<(String, Vec<String>)> {
    let all = |m: &kubeprof::input::Moment| m.artifacts.iter().map(|a| a.name.clone()).collect();
    s.moments.iter().map(|m| (m.name.clone(), all(m))).collect()
}

#[test]
fn files_are_grouped_by_their_names_and_ordered_by_their_times() {
    let dir = tempfile::tempdir().expect("a folder");
    // The later one sorts first by name.
    put(dir.path(), "a-heap.pb.gz", leak("s10-heap.pb.gz"));
    put(dir.path(), "a-goroutine.pb.gz", leak("s10-goroutine.pb.gz"));
    put(dir.path(), "b-heap.pb.gz", leak("s01-heap.pb.gz"));
    put(dir.path(), "b-metrics.txt", metrics("worker-03", START));
    put(dir.path(), "a-metrics.txt", metrics("worker-03", START));
    put(
        dir.path(),
        "configz.json",
        r#"{"kubeletconfig":{"syncFrequency":"1s"}}"#,
    );
    put(dir.path(), "README.md", "not a profile");
    let all = series(dir.path());
    let [one] = all.as_slice() else {
        panic!("one process: {all:#?}");
    };
    assert_eq!((one.known_by, one.node.as_str()), (KnownBy::Metrics, "worker-03"));
    assert_eq!(one.process.kubelet_version, "v1.36.1");
    assert!(one.build_id.starts_with("b7e097c074eb"), "{}", one.build_id);
    let text = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        names(one),
        [
            ("b".to_owned(), text(&["heap", "metrics"])),
            ("a".to_owned(), text(&["goroutine", "heap", "metrics"])),
        ]
    );
    let numbers: Vec<u32> = one.moments.iter().map(|m| m.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(
        one.moments[0].taken.expect("a time").to_string()[..16],
        *"2026-11-23T18:27"
    );
    let configz = one.artifact("configz").expect("configz");
    assert!(one.bytes(configz).expect("bytes").starts_with(b"{\"kubeletconfig\""));
    let beside = one.moments[1].artifact("metrics").expect("metrics");
    assert_eq!(beside.facts.process_start_time, Some(START));
    let heap = one.moments[1].profile(Kind::Heap).expect("a heap");
    assert_eq!(one.read(heap).expect("a profile").profile.build_id(), one.build_id);
    // Asked again it is decoded again.
    assert!(one.read(heap).is_ok());
}

#[test]
fn packed_texts_come_unpacked() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, metrics("n", START).as_bytes()).expect("room");
    put(dir.path(), "s1-metrics.txt.gz", packer.finish().expect("room"));
    put(dir.path(), "s1-heap.pb.gz", leak("s01-heap.pb.gz"));
    let all = series(dir.path());
    let metrics = all[0].moments[0].artifact("metrics").expect("metrics");
    assert!(all[0].bytes(metrics).expect("bytes").starts_with(b"# HELP"));
}

#[test]
fn without_metrics_the_process_is_not_known() {
    let dir = tempfile::tempdir().expect("a folder");
    put(dir.path(), "monday.pb.gz", leak("s01-heap.pb.gz"));
    put(dir.path(), "tuesday.pb.gz", leak("s10-heap.pb.gz"));
    let all = series(dir.path());
    assert_eq!(
        (all.len(), all[0].known_by, all[0].moments.len()),
        (1, KnownBy::Build, 2)
    );
}

#[test]
fn a_restart_begins_a_new_series() {
    let dir = tempfile::tempdir().expect("a folder");
    put(dir.path(), "s1-heap.pb.gz", leak("s01-heap.pb.gz"));
    put(dir.path(), "s1-metrics.txt", metrics("worker-03", START));
    put(dir.path(), "s2-heap.pb.gz", leak("s10-heap.pb.gz"));
    put(dir.path(), "s2-metrics.txt", metrics("worker-03", START + 600.0));
    let all = series(dir.path());
    let runs: Vec<(u32, usize)> = all.iter().map(|s| (s.run, s.moments.len())).collect();
    assert_eq!(runs, [(1, 1), (2, 1)]);
    // One node: the latest process is taken, as of a bundle.
    let loaded = open(dir.path()).subject().expect("a heap");
    assert!(loaded.files[0].ends_with("s2-heap.pb.gz"), "{:?}", loaded.files);
}

#[test]
fn nodes_are_named_and_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    for (node, heap) in [("worker-1", "s01-heap"), ("worker-2", "s10-heap")] {
        put(
            dir.path(),
            &format!("{node}/heap.pb.gz"),
            leak(&format!("{heap}.pb.gz")),
        );
        put(dir.path(), &format!("{node}/metrics.txt"), metrics(node, START));
    }
    let asked = open(dir.path()).subject();
    let Err(e @ InputError::Processes { .. }) = asked else {
        panic!("{asked:?}");
    };
    let text = e.to_string();
    assert!(
        text.contains("node worker-1") && text.contains("node worker-2"),
        "{text}"
    );
    let mut sources = Sources::new([dir.path()]);
    sources.choice.node = Some("worker-1".to_owned());
    let loaded = sources.subject().expect("a heap");
    assert!(loaded.files[0].ends_with("worker-1/heap.pb.gz"), "{:?}", loaded.files);
}

#[test]
fn other_builds_are_other_processes() {
    let dir = tempfile::tempdir().expect("a folder");
    put(dir.path(), "1.pb.gz", leak("s01-heap.pb.gz"));
    put(dir.path(), "2.pb.gz", fixture("healthy-1.37.2/s01-heap.pb.gz"));
    assert_eq!(series(dir.path()).len(), 2);
}

#[test]
fn a_bundle_says_all_itself_as_folder_and_as_tar() {
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, tar) = (dir.path().join("b"), dir.path().join("b.tar.gz"));
    made_bundle::make(&folder);
    let (contents, record) = kubeprof::input::open_bundle(&folder, Limit::Proportional, Want::Everything)
        .expect("it opens")
        .expect("a bundle");
    let mut file = fs::File::create(&tar).expect("room");
    pack(&contents, &record, Packing::Gzip, &mut file).expect("packed");
    for path in [folder, tar] {
        let all = series(&path);
        let runs: Vec<(&str, u32, usize)> = all.iter().map(|s| (s.node.as_str(), s.run, s.moments.len())).collect();
        assert_eq!(
            runs,
            [("worker-1", 1, 2), ("worker-2", 1, 1), ("worker-2", 2, 1)],
            "{}",
            path.display()
        );
        let one = &all[0];
        assert_eq!((one.known_by, one.process.start_time), (KnownBy::Manifest, Some(1.7e9)));
        assert_eq!(one.once[0].name, "metrics");
        assert!(one.bytes(&one.once[0]).expect("bytes").starts_with(b"# HELP"));
        for (moment, artifact) in one.artifacts().filter(|(_, a)| a.kind.is_some()) {
            assert!(moment.is_some() && artifact.sha256.len() == 64, "{artifact:?}");
            let read = one.read(artifact).expect("it decodes");
            assert_eq!(Some(Kind::of(&read.profile)), artifact.kind);
        }
    }
}

/// What was fetched and what is there now are held against each other, on the bytes that are decoded.
#[test]
fn an_altered_artifact_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("b");
    made_bundle::make(&root);
    let all = series(&root);
    let heap = all[0].moments[0].profile(Kind::Heap).expect("a heap");
    fs::write(&heap.path, b"<html>").expect("room");
    assert!(matches!(all[0].read(heap), Err(InputError::Altered { .. })));
}

/// A tar of a thousand snapshots is read in one pass; what is beyond 64 MiB of it is held packed and comes as it was.
#[test]
fn a_large_archive_comes_as_it_was() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("series.tar");
    let mut tar = tar::Builder::new(fs::File::create(&path).expect("room"));
    let mut add = |name: String, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).expect("room");
    };
    let heap = leak("s01-heap.pb.gz");
    let padding = "# HELP x y\n".repeat(1 << 20);
    for n in 0..9 {
        add(format!("s{n}-heap.pb.gz"), &heap);
        add(
            format!("s{n}-metrics.txt"),
            format!("{}{padding}", metrics("n", START)).as_bytes(),
        );
    }
    tar.finish().expect("room");
    let all = series(&path);
    assert_eq!((all.len(), all[0].moments.len()), (1, 9));
    for moment in &all[0].moments {
        let metrics = moment.artifact("metrics").expect("metrics");
        let bytes = all[0].bytes(metrics).expect("bytes");
        assert_eq!(bytes.len() as u64, metrics.bytes);
        assert!(bytes.ends_with(b"# HELP x y\n"));
    }
}
