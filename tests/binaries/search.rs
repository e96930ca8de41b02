//! Where the binary of a profile is looked for, and in which order.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use kubeprof::symbolize::Binary;
use kubeprof::symbolize::archive::{Adding, Archive};
use kubeprof::symbolize::locate::search::{Origin, Places, Wanted};
use tempfile::TempDir;

use super::support::{Place, stderr, stdout};

#[test]
fn pprofs_folders_are_searched() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let profile = place.profile("cpu.pb.gz", None);
    let data = fs::read(place.path("kubelet")).unwrap();
    let id = Binary::parse(&data).unwrap().build_ids().gnu.unwrap().to_string();
    let layouts = [
        format!("{id}/kubelet"),
        format!("{id}/anything"),
        format!("usr/bin/kubelet/{id}"),
        format!("{}/{}.debug", &id[..2], &id[2..]),
        "kubelet".to_owned(),
        "usr/bin/kubelet".to_owned(),
        "usr/bin/kubelet.debug".to_owned(),
        "usr/bin/.debug/kubelet.debug".to_owned(),
        "usr/lib/debug/usr/bin/kubelet.debug".to_owned(),
    ];
    for layout in layouts {
        let root = TempDir::new().unwrap();
        let path = root.path().join(&layout);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &data).unwrap();
        let out = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
            .args(["top", &profile])
            .env("PPROF_BINARY_PATH", root.path())
            .env("HOME", place.folder.path())
            .output()
            .unwrap();
        assert!(stdout(&out).contains("from pclntab)"), "{layout}: {}", stdout(&out));
    }
}

/// By hand, bundle, archive, pprof's folders, debuginfod's cache, the system's debug files: in this order.
#[test]
fn places_are_searched_in_the_order_that_the_manual_says() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let data = fs::read(place.path("kubelet")).unwrap();
    let id = Binary::parse(&data).unwrap().build_ids().gnu.unwrap().to_string();
    let archive = Archive::new(place.path("archive"));
    archive.add(&data, "test", Adding::default()).unwrap();
    let put = |path: String| -> PathBuf {
        let path = place.path(&path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &data).unwrap();
        path
    };
    put(format!("pprof/{id}/kubelet"));
    put(format!("cache/{id}/executable"));
    put(format!("cache/{id}/debuginfo"));
    put(format!("debug/.build-id/{}/{}.debug", &id[..2], &id[2..]));
    let places = Places {
        given: vec![place.path("given")],
        bundle: vec![place.path("bundled")],
        archive: Some(archive),
        pprof_path: vec![place.path("nowhere"), place.path("pprof")],
        debuginfod_cache: Some(place.path("cache")),
        system_debug: vec![place.path("debug")],
    };
    let upper = id.to_uppercase();
    for build_id in [&id, &upper] {
        let wanted = Wanted {
            file: "/usr/bin/kubelet",
            build_id,
        };
        let origins: Vec<Origin> = places.candidates(wanted).iter().map(|c| c.origin).collect();
        let order = [
            Origin::Given,
            Origin::Bundle,
            Origin::Archive,
            Origin::PprofPath,
            Origin::Debuginfod,
            Origin::Debuginfod,
            Origin::SystemDebug,
        ];
        assert_eq!(origins, order);
    }
    // Nothing that a profile says leads out of the folders.
    for (file, build_id) in [
        ("../../etc/passwd", "../../../etc"),
        ("/", "zz"),
        ("", "\u{20ac}\u{20ac}"),
    ] {
        for found in places.candidates(Wanted { file, build_id }) {
            assert!(found.path.starts_with(place.folder.path()), "{found:?}");
        }
    }
}

/// A wrong binary that lies first in the way does not hide the right one behind it, and the caches of debuginfod and of
/// pprof in the home folder are found without any variable.
#[test]
fn the_right_binary_is_taken_wherever_it_is() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let other = Place::new("1.25.12-cgo-pie-external-sw");
    let profile = place.profile("cpu.pb.gz", None);
    let data = fs::read(place.path("kubelet")).unwrap();
    let id = Binary::parse(&data).unwrap().build_ids().gnu.unwrap().to_string();
    let put = |path: &str, data: &[u8]| {
        let path = place.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    };
    put(
        &format!("pprof/binaries/{id}/kubelet"),
        &fs::read(other.binary()).unwrap(),
    );
    put(&format!("pprof/binaries/{id}/kubelet2"), b"not a binary");
    let out = place.run(&["top", &profile], "");
    assert!(stdout(&out).contains("no binary was found"), "{}", stdout(&out));
    assert!(
        stderr(&out).contains("a binary from PPROF_BINARY_PATH is not the one that ran"),
        "{}",
        stderr(&out)
    );
    put(&format!(".cache/debuginfod_client/{id}/executable"), &data);
    let out = place.run(&["top", &profile], "");
    assert!(stdout(&out).contains("from pclntab)"), "{}", stdout(&out));
    let out = place.run(&["disasm", "main", &profile], "");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    fs::remove_dir_all(place.path(".cache")).unwrap();
    put(&format!("pprof/binaries/{id}/kubelet3"), &data);
    let out = place.run(&["top", &profile], "");
    assert!(stdout(&out).contains("from pclntab)"), "{}", stdout(&out));
}

/// Programs of Go before 1.24 without C have no GNU build ID: their content is compared.
#[test]
fn an_archived_binary_without_an_id_is_found_by_content() {
    let place = Place::new("1.22.12-exe-sw");
    let profile = place.profile("cpu.pb.gz", None);
    place.run(&["binary", "add", &place.binary()], "");
    // No names to compare: it may be any program.
    let out = place.run(&["top", &profile], "");
    assert!(stdout(&out).contains("not: no binary was found"), "{}", stdout(&out));
    // Go's own build ID, as some collectors send it.
    let data = fs::read(place.path("kubelet")).unwrap();
    let go = Binary::parse(&data).unwrap().build_ids().go.unwrap();
    let profile = place.profile("go-id.pb.gz", Some(&go));
    let out = place.run(&["top", &profile], "");
    assert!(
        stdout(&out).contains("from pclntab)"),
        "{}{}",
        stdout(&out),
        stderr(&out)
    );
}
