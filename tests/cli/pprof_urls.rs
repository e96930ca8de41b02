//! `kubeprof pprof` with sources by URL, against a server of the test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use super::support::root;

/// A server on this machine that answers as many requests as there are answers (status line, headers, body), each by its
/// path, and says which paths were asked for.
fn serve(answers: Vec<(&'static str, Vec<u8>)>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    let (say, asked) = channel();
    std::thread::spawn(move || {
        for (head, body) in answers {
            let Ok((stream, _)) = listener.accept() else { return };
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            lines.find(String::is_empty);
            let _ = say.send(first.split(' ').nth(1).unwrap_or_default().to_owned());
            let head = format!(
                "HTTP/1.1 {head}Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = (&stream).write_all(&[head.into_bytes(), body].concat());
        }
    });
    (host, asked)
}

struct Ran {
    stdout: String,
    stderr: String,
    code: i32,
}

fn pprof(home: &Path, args: &[&str]) -> Ran {
    let out = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
        .arg("pprof")
        .args(args)
        .current_dir(root())
        .env("HOME", home)
        .env_remove("PPROF_TMPDIR")
        .env_remove("http_proxy")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .output()
        .expect("kubeprof runs");
    Ran {
        stdout: String::from_utf8(out.stdout).expect("UTF-8"),
        stderr: String::from_utf8(out.stderr).expect("UTF-8"),
        code: out.status.code().expect("an exit code"),
    }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("fixtures/compat").join(name)).expect(name)
}

#[test]
fn a_profile_by_url_is_that_of_the_file_and_a_copy_is_kept() {
    let home = tempfile::tempdir().expect("a folder");
    let (host, asked) = serve(vec![("200 OK\r\n", fixture("heap.pb.gz"))]);
    let by_url = pprof(
        home.path(),
        &["-top", "-seconds=5", &format!("{host}/debug/pprof/heap?gc=1")],
    );
    assert_eq!(by_url.code, 0, "{}", by_url.stderr);
    assert_eq!(asked.recv().expect("a request"), "/debug/pprof/heap?gc=1&seconds=5");
    let by_file = pprof(home.path(), &["-top", "fixtures/compat/heap.pb.gz"]);
    assert_eq!(by_url.stdout, by_file.stdout);
    let url = format!("http://{host}/debug/pprof/heap?gc=1&seconds=5");
    let said = format!("Fetching profile over HTTP from {url}\nPlease wait... (5s)\nSaved profile in ");
    assert!(by_url.stderr.starts_with(&said), "{}", by_url.stderr);
    let saved = by_url.stderr.trim_end().rsplit(' ').next().expect("a name");
    assert!(
        saved.starts_with(&home.path().join("pprof").display().to_string()),
        "{saved}"
    );
    assert!(
        saved.ends_with(".alloc_objects.alloc_space.inuse_objects.inuse_space.001.pb.gz"),
        "{saved}"
    );
    assert_eq!(pprof(home.path(), &["-top", saved]).stdout, by_file.stdout);
    let left = std::fs::read_dir(home.path().join("pprof")).expect("a folder").count();
    assert_eq!(left, 1, "nothing unfinished is left");
}

#[test]
fn refusals_of_servers_are_said_and_other_sources_go_on() {
    let home = tempfile::tempdir().expect("a folder");
    let go = "500 Internal Server Error\r\nX-Go-Pprof: 1\r\nContent-Type: text/plain; charset=utf-8\r\n";
    let (host, _asked) = serve(vec![(go, b"Could not enable CPU profiling\n".to_vec())]);
    let url = format!("http://{host}/debug/pprof/profile");
    let refused = pprof(home.path(), &["-top", &url]);
    assert_eq!(refused.code, 2);
    let says = format!("{url}: server response: 500 Internal Server Error - Could not enable CPU profiling\n");
    assert!(refused.stderr.contains(&says), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("failed to fetch any source profiles"),
        "{}",
        refused.stderr
    );

    let page = "404 Not Found\r\nContent-Type: text/html\r\n";
    let (host, _asked) = serve(vec![(page, b"<html>\x1b[31m</html>".to_vec())]);
    let answer = pprof(
        home.path(),
        &["-top", &format!("http://{host}/nothing"), "fixtures/compat/heap.pb.gz"],
    );
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(
        answer.stderr.contains("server response: 404 Not Found\n"),
        "{}",
        answer.stderr
    );
    assert!(
        answer.stderr.contains("Fetched 1 source profiles out of 2"),
        "{}",
        answer.stderr
    );
    assert!(!home.path().join("pprof").exists(), "nothing was fetched");

    // What is no profile is said as of a file.
    let (host, _asked) = serve(vec![("200 OK\r\n", b"<html>login</html>".to_vec())]);
    let answer = pprof(home.path(), &["-top", &format!("http://{host}/x")]);
    assert_eq!(answer.code, 2);
    assert!(
        answer.stderr.contains("/x: a page to log in, not a profile\nhint: "),
        "{}",
        answer.stderr
    );
}
