//! Runs the binary and holds its answer.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run printed and how it ended.
pub(crate) struct Answer {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

/// Root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `fixtures/captures`.
pub(crate) fn capture(name: &str) -> String {
    let path: PathBuf = root().join("fixtures/captures").join(name);
    assert!(path.exists(), "{} is missing", path.display());
    path.display().to_string()
}

/// Runs `kubeprof` with `args`.
pub(crate) fn run(args: &[&str]) -> Answer {
    run_with(args, None)
}

/// Runs `kubeprof` with `args` in a folder of its own.
pub(crate) fn run_in(folder: &Path, args: &[&str]) -> Answer {
    answer(folder, args, None)
}

/// Runs `kubeprof` with `args` and `stdin`.
pub(crate) fn run_with(args: &[&str], stdin: Option<&[u8]>) -> Answer {
    answer(root(), args, stdin)
}

fn answer(folder: &Path, args: &[&str], stdin: Option<&[u8]>) -> Answer {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
        .args(args)
        .current_dir(folder)
        .env("TZ", "UTC")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubeprof starts");
    if let Some(bytes) = stdin {
        let mut pipe = child.stdin.take().expect("standard input");
        let bytes = bytes.to_vec();
        std::thread::spawn(move || drop(pipe.write_all(&bytes)));
    }
    let out = child.wait_with_output().expect("kubeprof ends");
    Answer {
        stdout: String::from_utf8(out.stdout).expect("UTF-8"),
        stderr: String::from_utf8(out.stderr).expect("UTF-8"),
        code: out.status.code().expect("an exit code"),
    }
}

/// Runs `kubeprof` and expects it to be fine.
pub(crate) fn fine(args: &[&str]) -> String {
    let answer = run(args);
    assert_eq!(answer.code, 0, "{args:?}: {}", answer.stderr);
    answer.stdout
}

/// The answer of a command as JSON.
pub(crate) fn json(args: &[&str]) -> serde_json::Value {
    let mut all = args.to_vec();
    all.extend(["-o", "json"]);
    serde_json::from_str(&fine(&all)).expect("JSON")
}
