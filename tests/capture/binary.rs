//! The executable: from a file or through ssh, and only that of the profiles.

use std::io::{Read as _, Write as _};

use super::run::{command, events, kubeprof, lack, sound};
use super::server::{Reply, Server, fixture};

/// An executable of the fixtures and a mutex profile (without samples, so without names that would disagree) that claims to
/// be of it.
fn pair() -> (Vec<u8>, Vec<u8>) {
    let packed = fixture("binaries/1.27.3-cgo-sw.zst");
    let mut binary = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(packed.as_slice())
        .expect("zstd")
        .read_to_end(&mut binary)
        .expect("a binary");
    let parsed = kubeprof::symbolize::Binary::parse(&binary).expect("a binary");
    let id = parsed.build_ids().gnu.expect("a build ID").to_string();
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(fixture("captures/healthy-1.37.2/last-mutex.pb.gz").as_slice())
        .read_to_end(&mut raw)
        .expect("gzip");
    let old = b"04a2c6d04b4867c3c171bd92617ff60ef3999783";
    assert_eq!(id.len(), old.len());
    let at = raw
        .windows(old.len())
        .position(|w| w == old)
        .expect("the ID of the fixture");
    raw[at..at + old.len()].copy_from_slice(id.as_bytes());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&raw).expect("memory");
    (binary, encoder.finish().expect("memory"))
}

/// A server of that profile, and a folder with a `ssh` that answers like a node whose kubelet is the file.
fn scene() -> (Server, std::path::PathBuf, Vec<u8>) {
    let (binary, mutex) = pair();
    let server = Server::start(move |r| {
        (r.at_kubelet().1 == "/debug/pprof/mutex").then(|| Reply::new(200, "application/octet-stream", mutex.clone()))
    });
    let kubelet = server.path("kubelet");
    std::fs::write(&kubelet, &binary).expect("a file");
    let folder = server.path("bin");
    std::fs::create_dir(&folder).expect("a folder");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >\"{0}.args\"\ncase \"$*\" in *nobody*) echo 'no such host' >&2; exit 255;; esac\n\
         echo kubeprof-source /proc/812/exe\ncat \"{0}\"\n",
        kubelet.display()
    );
    let ssh = folder.join("ssh");
    std::fs::write(&ssh, script).expect("a script");
    std::fs::set_permissions(&ssh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    (server, folder, binary)
}

fn run(server: &Server, folder: &std::path::Path, out: &str, binary: &str) -> (Option<i32>, String) {
    let config = server.kubeconfig().display().to_string();
    let out = server.path(out).display().to_string();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let ran = command(&[
        "capture",
        "worker-03",
        "--kubeconfig",
        &config,
        "--out",
        &out,
        "--profiles",
        "mutex",
        "--binary",
        binary,
    ])
    .env("PATH", path)
    .output()
    .expect("kubeprof runs");
    (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

#[test]
fn what_runs_comes_through_ssh() {
    let (server, folder, binary) = scene();
    let (code, stderr) = run(&server, &folder, "b", "ssh://root@node-3:2222");
    assert_eq!(code, Some(0), "{stderr}");
    let out = server.path("b");
    sound(&out);
    let event = &events(&out, "binary")[0];
    assert_eq!(event["origin"], "ssh://root@node-3:2222/proc/812/exe");
    let path = event["path"].as_str().expect("a path");
    assert_eq!(std::fs::read(out.join(path)).expect("a file"), binary);
    let args = std::fs::read_to_string(server.path("kubelet.args")).expect("what ssh was told");
    assert!(
        args.starts_with("-p 2222 -- root@node-3 ") && args.contains("/proc/$p/exe"),
        "{args}"
    );
    let verify = kubeprof(&["bundle", "verify", &out.display().to_string()]);
    assert_eq!(verify.code, Some(0), "{verify:#?}");
}

#[test]
fn another_binary_is_refused() {
    let (server, folder, _) = scene();
    let own = env!("CARGO_BIN_EXE_kubeprof");
    let cases = [
        ("ssh://nobody", "ssh ended with"),
        (own, "build ID"),
        ("/etc/hostname", "hostname"),
    ];
    for (n, (binary, words)) in cases.into_iter().enumerate() {
        let name = format!("b{n}");
        let (code, stderr) = run(&server, &folder, &name, binary);
        assert_eq!(code, Some(3), "{binary}: {stderr}");
        assert!(stderr.contains(words), "{binary}: {stderr}");
        let out = server.path(&name);
        sound(&out);
        assert!(events(&out, "binary").is_empty());
        // The manifest says so, and what to do; no empty folder is left.
        let told = lack(&out, "binary");
        assert!(told["why"].as_str().expect("why").contains(words), "{told}");
        assert!(
            !told["remedy"].as_str().expect("a remedy").is_empty() && told["who"] != "unknown",
            "{told}"
        );
        assert!(!out.join("binaries").exists());
        let shown = out.display().to_string();
        let verify = kubeprof(&["bundle", "verify", &shown]);
        assert_eq!(verify.code, Some(3), "{verify:#?}");
        assert!(verify.stdout.contains("binary"), "{verify:#?}");
    }
    // The right one makes it whole.
    let out = server.path("b1").display().to_string();
    let (config, right) = (
        server.kubeconfig().display().to_string(),
        server.path("kubelet").display().to_string(),
    );
    let again = kubeprof(&[
        "capture",
        "--resume",
        &out,
        "--kubeconfig",
        &config,
        "--profiles",
        "mutex",
        "--binary",
        &right,
    ]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    let verify = kubeprof(&["bundle", "verify", &out]);
    assert_eq!(verify.code, Some(0), "{verify:#?}");
    let (code, stderr) = run(&server, &folder, "file", &server.path("kubelet").display().to_string());
    assert_eq!(code, Some(0), "{stderr}");
}

/// Quiet is without progress: why a capture is partial is said all the same.
#[test]
fn another_binary_is_refused_aloud() {
    let (server, _, _) = scene();
    let (config, own) = (
        server.kubeconfig().display().to_string(),
        env!("CARGO_BIN_EXE_kubeprof"),
    );
    let take = |name: &str, format: &str| {
        let out = server.path(name).display().to_string();
        let mut args = vec!["capture", "worker-03", "-q", "--kubeconfig", &config, "--out", &out];
        args.extend(["--profiles", "mutex", "--binary", own, "-o", format]);
        kubeprof(&args)
    };
    let ran = take("q", "text");
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(
        ran.stderr.contains("build ID") && ran.stderr.contains("hint:"),
        "{ran:#?}"
    );
    assert!(!ran.stderr.contains("Next:"), "{ran:#?}");
    let ran = take("j", "json");
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert!(
        json["binary_error"].as_str().is_some_and(|e| e.contains("build ID")),
        "{json:#}"
    );
}
