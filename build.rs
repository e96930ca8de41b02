//! Says which commit a release was built from, for `kubeprof --version`.
//!
//! A development build does not say: its sources need not be those of a commit, and asking would compile the crate again after
//! each commit.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").unwrap_or_default();
    let build = match std::env::var("PROFILE").as_deref() {
        Ok("release") => {
            for path in [".git/HEAD", ".git/index", ".cargo_vcs_info.json"] {
                if std::path::Path::new(path).exists() {
                    println!("cargo:rerun-if-changed={path}");
                }
            }
            match of_git().or_else(of_package) {
                Some(commit) => format!("commit {commit}, {target}"),
                None => format!("commit unknown, {target}"),
            }
        }
        _ => format!("development build, {target}"),
    };
    println!("cargo:rustc-env=KUBEPROF_BUILD={build}");
}

/// The commit that is checked out, marked where files differ from it.
fn of_git() -> Option<String> {
    let output = Command::new("git")
        .args(["describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"])
        .output();
    let text = String::from_utf8(output.ok().filter(|o| o.status.success())?.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|commit| !commit.is_empty())
}

/// The commit that Cargo notes in a package.
fn of_package() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit: String = rest
        .chars()
        .skip_while(|c| !c.is_ascii_hexdigit())
        .take_while(char::is_ascii_hexdigit)
        .take(12)
        .collect();
    (commit.len() == 12).then_some(commit)
}
