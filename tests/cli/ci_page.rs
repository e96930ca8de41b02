//! The commands of docs/ci.md, as they stand there, on healthy and on sick material.

use std::path::Path;
use std::process::{Command, Stdio};

use super::support::root;

/// Every `kubeprof` command in the fenced blocks of the page, continued lines joined.
fn commands() -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/ci.md")).expect("the page");
    let mut all = Vec::new();
    let mut inside = false;
    let mut open: Option<String> = None;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside;
            continue;
        }
        let line = line.trim().trim_start_matches("- ");
        let text = match open.take() {
            Some(start) => format!("{start} {line}"),
            None if inside && line.starts_with("kubeprof ") => line.to_owned(),
            None => continue,
        };
        match text.strip_suffix('\\') {
            Some(start) => open = Some(start.trim_end().to_owned()),
            None => all.push(text),
        }
    }
    all
}

fn copy(from: &str, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(root().join("fixtures/captures").join(from)).expect("a capture") {
        let path = entry.expect("entry").path();
        std::fs::copy(&path, to.join(path.file_name().expect("name"))).expect("copied");
    }
}

/// The exit code of every command, in a folder laid out as the page has it.
fn codes(soak: &str) -> Vec<(String, i32)> {
    let dir = tempfile::tempdir().expect("a folder");
    for healthy in ["baseline", "monday", "tuesday"] {
        copy("healthy-1.37.2", &dir.path().join("kubelet").join(healthy));
    }
    copy(soak, &dir.path().join("soak"));
    let binary = Path::new(env!("CARGO_BIN_EXE_kubeprof")).parent().expect("its folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let code = |command: String| {
        let out = Command::new("sh")
            .args(["-c", &command])
            .current_dir(dir.path())
            .env("PATH", &path)
            .env("GITHUB_STEP_SUMMARY", dir.path().join("summary.md"))
            .env("ARTIFACTS", dir.path())
            .stdin(Stdio::null())
            .output()
            .expect("sh runs");
        assert!(
            out.status.code() < Some(2),
            "{command}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        let code = out.status.code().expect("an exit code");
        (command, code)
    };
    let all = commands().into_iter().map(code).collect();
    for file in [
        "summary.md",
        "check.sarif",
        "check.json",
        "check.xml",
        "quality.json",
        "junit_kubelet.xml",
        "kubeprof.prom",
    ] {
        assert!(dir.path().join(file).exists(), "no {file}");
    }
    all
}

#[test]
fn its_commands_are_green_on_healthy_material_and_red_on_sick() {
    let healthy = codes("healthy-1.37.2");
    assert!(healthy.len() >= 8, "{healthy:?}");
    for (command, code) in healthy {
        assert_eq!(code, 0, "{command}");
    }
    for (command, code) in codes("frozen-runtime") {
        let judges = !command.contains("--init") && !command.contains("--explain");
        assert_eq!(code, i32::from(judges), "{command}");
    }
}
