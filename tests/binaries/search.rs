//! Where the binary of a profile is looked for, and in which order.

use std::fs;
use std::process::Command;

use kubeprof::symbolize::Binary;
use tempfile::TempDir;

use super::support::{Place, stdout};

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
