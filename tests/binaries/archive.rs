//! The archive: `kubeprof binary` on files, tars and layers.

use std::fs;
use std::io::Write;

use serde_json::Value;

use super::support::{Place, stderr, stdout, unpack};

#[test]
fn the_archive_takes_shows_checks_and_drops_binaries() {
    let place = Place::new("1.24.11-pie-sw");
    let out = place.run(&["binary", "add", &place.binary()], "");
    assert!(stdout(&out).starts_with("added "), "{}", stderr(&out));
    let again = place.run(&["binary", "add", "--compress", &place.binary()], "");
    assert!(stdout(&again).starts_with("already there: "));
    let list: Value = serde_json::from_str(&stdout(&place.run(&["binary", "ls", "-o", "json"], ""))).unwrap();
    let id = list[0]["gnu_build_id"].as_str().unwrap().to_owned();
    assert_eq!(list[0]["go_version"], "go1.24.11");
    assert_eq!(list[0]["link_mode"], "internal");
    let (first, rest) = id.split_at(2);
    for file in [
        format!("archive/buildid/{id}/executable"),
        format!("archive/.build-id/{first}/{rest}"),
    ] {
        assert_eq!(
            fs::read(place.path(&file)).unwrap(),
            fs::read(place.path("kubelet")).unwrap(),
            "{file}"
        );
    }
    let out = place.run(&["binary", "show", &id[..6]], "");
    assert!(
        stdout(&out).contains(&format!("GNU build ID    {id}\n")),
        "{}",
        stdout(&out)
    );
    assert_eq!(place.run(&["binary", "verify"], "").status.code(), Some(0));
    let stored = place.path(&format!("archive/buildid/{id}/executable"));
    let mut data = fs::read(&stored).unwrap();
    *data.last_mut().unwrap() ^= 1;
    fs::write(&stored, data).unwrap();
    assert_eq!(place.run(&["binary", "verify"], "").status.code(), Some(1));
    assert_eq!(place.run(&["binary", "rm", &id], "").status.code(), Some(0));
    assert_eq!(stdout(&place.run(&["binary", "ls"], "")), "");
    assert_eq!(place.run(&["binary", "rm", &id], "").status.code(), Some(2));
}

#[test]
fn binaries_come_out_of_image_layers() {
    let place = Place::new("1.22.12-exe-sw");
    let tar_of = |name: &str, data: &[u8]| {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(data.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, name, data).unwrap();
        builder.into_inner().unwrap()
    };
    let layer = tar_of("usr/local/bin/kubelet", &fs::read(place.path("kubelet")).unwrap());
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&layer).unwrap();
    let image = tar_of("blobs/sha256/0123", &gz.finish().unwrap());
    fs::write(place.path("image.tar"), image).unwrap();
    let path = place.path("image.tar").display().to_string();
    let out = place.run(&["binary", "add", &path], "");
    assert!(stdout(&out).starts_with("added "), "{}", stderr(&out));
    let list: Value = serde_json::from_str(&stdout(&place.run(&["binary", "ls", "-o", "json"], ""))).unwrap();
    assert_eq!(
        list[0]["origin"],
        format!("{path}!blobs/sha256/0123!usr/local/bin/kubelet")
    );
    let out = place.run(&["binary", "add", "--name", "kube-proxy", &path], "");
    assert_eq!(out.status.code(), Some(2));
    assert!(
        stderr(&out).contains("no binary named kube-proxy inside"),
        "{}",
        stderr(&out)
    );
}

/// Compressed, the archive serves the same names, and verification unpacks.
#[test]
fn a_compressed_binary_serves_like_an_uncompressed_one() {
    let place = Place::new("1.23.12-cgo-external-sw");
    let profile = place.profile("cpu.pb.gz", None);
    let plain = stdout(&place.run(&["top", &profile, "--binary", &place.binary()], ""));
    let out = place.run(&["binary", "add", "--compress", &place.binary()], "");
    assert!(stdout(&out).starts_with("added "), "{}", stderr(&out));
    let id = stdout(&out).split_whitespace().nth(1).unwrap().to_owned();
    let stored = place.path(&format!("archive/buildid/{id}/executable.zst"));
    let (packed, whole) = (
        fs::metadata(&stored).unwrap().len(),
        fs::metadata(place.binary()).unwrap().len(),
    );
    assert!(packed * 4 < whole * 3, "{packed} of {whole}");
    let (first, rest) = id.split_at(2);
    let linked = fs::read(place.path(&format!("archive/.build-id/{first}/{rest}"))).unwrap();
    assert_eq!(linked, fs::read(&stored).unwrap());
    assert_eq!(stdout(&place.run(&["top", &profile], "")), plain);
    assert_eq!(place.run(&["binary", "verify"], "").status.code(), Some(0));
    // A bit of the stored bytes turned, and a record cut short.
    let mut bytes = fs::read(&stored).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&stored, &bytes).unwrap();
    let out = place.run(&["binary", "verify"], "");
    assert_eq!(out.status.code(), Some(1), "{}{}", stdout(&out), stderr(&out));
    fs::write(place.path(&format!("archive/buildid/{id}/kubeprof.json")), "{").unwrap();
    let out = place.run(&["binary", "verify"], "");
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains("the record is damaged"), "{}", stderr(&out));
    assert!(stderr(&place.run(&["binary", "ls"], "")).contains("damaged"));
}

/// Two files with one build ID: a stripped copy, or a forgery. The archive keeps what it has.
#[test]
fn an_archived_binary_is_not_replaced_by_other_bytes_unasked() {
    let place = Place::new("1.22.12-exe-sw");
    let mut forged = unpack("1.26.8-cgo-external-sw.zst");
    let real = place.path("real");
    fs::write(&real, &forged).unwrap();
    *forged.last_mut().unwrap() ^= 1;
    fs::write(place.path("forged"), &forged).unwrap();
    let path = |name: &str| place.path(name).display().to_string();
    assert_eq!(place.run(&["binary", "add", &path("real")], "").status.code(), Some(0));
    let out = place.run(&["binary", "add", &path("forged")], "");
    assert_eq!(out.status.code(), Some(2));
    assert!(
        stderr(&out).contains("has another file with build ID"),
        "{}",
        stderr(&out)
    );
    let list = || -> Value { serde_json::from_str(&stdout(&place.run(&["binary", "ls", "-o", "json"], ""))).unwrap() };
    let before = list();
    assert_eq!(before.as_array().unwrap().len(), 1);
    assert_eq!(before[0]["origin"], path("real"));
    let out = place.run(&["binary", "add", "--replace", &path("forged")], "");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    assert_eq!(list()[0]["origin"], path("forged"));
    assert_eq!(list().as_array().unwrap().len(), 1);
    assert_eq!(place.run(&["binary", "verify"], "").status.code(), Some(0));
    let left: Vec<_> = fs::read_dir(place.path("archive/buildid")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, data) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(data.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, name, *data).unwrap();
    }
    builder.into_inner().unwrap()
}

/// What `docker save`, `crane export` and `ctr image export` write, and single compressed files, by path and by pipe.
#[test]
fn every_wrapping_of_a_kubelet_is_taken_off() {
    let place = Place::new("1.22.12-exe-sw");
    let kubelet = fs::read(place.binary()).unwrap();
    let zstd = |d: &[u8]| ruzstd::encoding::compress_to_vec(d, ruzstd::encoding::CompressionLevel::Fastest);
    let gzip = |d: &[u8]| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(d).unwrap();
        gz.finish().unwrap()
    };
    let export = tar_of(&[
        ("etc/passwd", b"root"),
        ("usr/bin/kubelet", &kubelet),
        ("bin/kubelet.sh", b"#!/bin/sh"),
    ]);
    let oci = tar_of(&[
        ("oci-layout", b"{}"),
        ("blobs/sha256/aa", &gzip(&tar_of(&[("etc/os-release", b"ID=x")]))),
        ("blobs/sha256/bb", &zstd(&export)),
    ]);
    let wrapped: [(&str, Vec<u8>); 6] = [
        ("kubelet.gz", gzip(&kubelet)),
        ("kubelet.zst", zstd(&kubelet)),
        ("export.tar", export.clone()),
        ("export.tar.gz", gzip(&export)),
        ("oci.tar", oci.clone()),
        ("oci.tar.zst", zstd(&oci)),
    ];
    for (name, bytes) in wrapped {
        let archive = place.path(&format!("archive-{name}")).display().to_string();
        fs::write(place.path(name), &bytes).unwrap();
        let path = place.path(name).display().to_string();
        let out = place.run(&["binary", "add", "--archive", &archive, &path], "");
        assert!(stdout(&out).starts_with("added "), "{name}: {}", stderr(&out));
        assert_eq!(stdout(&out).lines().count(), 1, "{name}");
        let piped = place.run_bytes(&["binary", "add", "--archive", &archive, "-"], &bytes);
        assert!(
            stdout(&piped).starts_with("already there: "),
            "{name}: {}",
            stderr(&piped)
        );
        let out = place.run(&["binary", "verify", "--archive", &archive], "");
        assert_eq!(out.status.code(), Some(0), "{name}");
    }
    // Cut off inside of the layer: said, and nothing kept.
    let archive = place.path("archive-cut").display().to_string();
    let out = place.run_bytes(
        &["binary", "add", "--archive", &archive, "-"],
        &export[..export.len() / 2],
    );
    assert_eq!(out.status.code(), Some(2));
    assert!(
        stderr(&out).contains("hint: the archive is damaged or cut off"),
        "{}",
        stderr(&out)
    );
    assert_eq!(stdout(&place.run(&["binary", "ls", "--archive", &archive], "")), "");
    let out = place.run_bytes(
        &["binary", "add", "--archive", &archive, "-"],
        &kubelet[..kubelet.len() - 4096],
    );
    assert_eq!(out.status.code(), Some(2));
    assert!(stderr(&out).contains("damaged ELF file: cut off"), "{}", stderr(&out));
    let out = place.run(&["binary", "add", "-"], "#!/bin/sh\n");
    assert_eq!(out.status.code(), Some(2));
    assert!(stderr(&out).contains("not an ELF file"), "{}", stderr(&out));
}
