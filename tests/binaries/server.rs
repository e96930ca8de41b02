//! `--debuginfod URL` against a server of this test: what is right goes into the cache, nothing else does.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use kubeprof::symbolize::Binary;

use super::support::{Place, stderr, stdout, unpack};

/// What the server sends: status line, further headers, body.
type Answer = (&'static str, String, Vec<u8>);

/// A server that gives every request the same answer, and the request lines that it got.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: impl Fn(&str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut lines = Vec::new();
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap_or(0) > 2 {
                    lines.push(line.trim_end().to_owned());
                    line.clear();
                }
                let request = lines.first().cloned().unwrap_or_default();
                log.lock().unwrap().push(request.clone());
                let (status, headers, body) = answer(&request);
                let _ = write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n");
                let _ = stream.write_all(&body);
            }
        });
        Server { url, asked }
    }

    fn with_body(status: &'static str, body: Vec<u8>) -> Self {
        Server::new(move |_| (status, format!("Content-Length: {}\r\n", body.len()), body.clone()))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn build_id(path: &Path) -> String {
    let data = fs::read(path).unwrap();
    Binary::parse(&data).unwrap().build_ids().gnu.unwrap().to_string()
}

/// A profile of a binary that is nowhere on this machine, and its build ID.
fn lost() -> (Place, String, String) {
    let place = Place::new("1.26.8-cgo-external-sw");
    let profile = place.profile("cpu.pb.gz", None);
    let id = build_id(&place.path("kubelet"));
    fs::rename(place.path("kubelet"), place.path("elsewhere")).unwrap();
    (place, profile, id)
}

/// Every file below the cache, whatever it is called.
fn cached(place: &Place) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![place.path(".cache")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(
                    entry
                        .path()
                        .strip_prefix(place.folder.path())
                        .unwrap()
                        .display()
                        .to_string(),
                ),
            }
        }
    }
    found
}

#[test]
fn a_lost_binary_comes_from_the_server_once() {
    let (place, profile, id) = lost();
    let kubelet = fs::read(place.path("elsewhere")).unwrap();
    let server = Server::with_body("200 OK", kubelet.clone());
    let slashed = format!("{}/", server.url);
    let silent = place.run(&["top", &profile], "");
    assert!(stdout(&silent).contains("no binary was found"));
    assert!(server.asked().is_empty());
    let out = place.run(&["top", &profile, "--require-symbols", "--debuginfod", &slashed], "");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    assert!(stdout(&out).contains("from pclntab)"), "{}", stdout(&out));
    assert_eq!(server.asked(), [format!("GET /buildid/{id}/executable HTTP/1.1")]);
    assert_eq!(cached(&place), [format!(".cache/debuginfod_client/{id}/executable")]);
    assert_eq!(fs::read(place.path(&cached(&place)[0])).unwrap(), kubelet);
    // From the cache: nobody is asked again, with the option or without it.
    for args in [vec!["top", &profile, "--debuginfod", &slashed], vec!["top", &profile]] {
        let again = place.run(&args, "");
        assert_eq!(stdout(&again), stdout(&out));
    }
    assert_eq!(server.asked().len(), 1);
    let disasm = place.run(&["disasm", "main", &profile], "");
    assert_eq!(disasm.status.code(), Some(0), "{}", stderr(&disasm));
}

#[test]
fn servers_are_asked_in_turn_and_redirections_followed() {
    let (place, profile, _) = lost();
    let nothing = Server::with_body("404 Not Found", b"no such thing".to_vec());
    let kubelet = fs::read(place.path("elsewhere")).unwrap();
    let store = Server::with_body("200 OK", kubelet);
    let target = store.url.clone();
    let moved = Server::new(move |request| {
        let path = request.split(' ').nth(1).unwrap().to_owned();
        let headers = format!("Location: {target}/store{path}\r\nContent-Length: 0\r\n");
        ("302 Found", headers, Vec::new())
    });
    let args = [
        "top",
        &profile,
        "--debuginfod",
        &nothing.url,
        "--debuginfod",
        &moved.url,
    ];
    let out = place.run(&args, "");
    assert!(stdout(&out).contains("from pclntab)"), "{}", stderr(&out));
    assert!(stderr(&out).contains("has no binary"), "{}", stderr(&out));
    assert_eq!(
        (nothing.asked().len(), moved.asked().len(), store.asked().len()),
        (1, 1, 1)
    );
}

/// Another binary, a page of text, half a file, an endless one, an error: each is named, and nothing of it is kept.
#[test]
fn nothing_wrong_is_kept() {
    let (place, profile, id) = lost();
    let kubelet = fs::read(place.path("elsewhere")).unwrap();
    let other = unpack("1.25.12-cgo-pie-external-sw.zst");
    let half = kubelet[..kubelet.len() / 2].to_vec();
    let length = kubelet.len();
    let short = half.clone();
    let cases: Vec<(Server, &str)> = vec![
        (Server::with_body("200 OK", other), "sends something else than binary"),
        (
            Server::with_body("200 OK", b"<html>log in</html>".to_vec()),
            "not an ELF file",
        ),
        (Server::with_body("200 OK", Vec::new()), "sends something else"),
        (Server::with_body("200 OK", half), "a file that is cut off"),
        (
            Server::new(move |_| ("200 OK", format!("Content-Length: {length}\r\n"), short.clone())),
            "hint: check the address",
        ),
        (
            Server::new(|_| ("200 OK", format!("Content-Length: {}\r\n", 1_u64 << 40), Vec::new())),
            "sends more than 1024 MiB",
        ),
        (
            Server::with_body("500 Internal Server Error", Vec::new()),
            "answers 500",
        ),
    ];
    for (server, want) in cases {
        let out = place.run(&["top", &profile, "--debuginfod", &server.url], "");
        assert_eq!(out.status.code(), Some(0), "{want}: {}", stderr(&out));
        assert!(stderr(&out).contains(want), "{want}: {}", stderr(&out));
        assert!(stdout(&out).contains("no binary was found"), "{want}: {}", stdout(&out));
        assert_eq!(cached(&place), Vec::<String>::new(), "{want}");
        let out = place.run(&["top", &profile, "--debuginfod", &server.url, "--require-symbols"], "");
        assert_eq!(out.status.code(), Some(2), "{want}");
    }
    for bad in ["ftp://host", "https://", "file:///etc/passwd", ""] {
        let out = place.run(&["top", &profile, "--debuginfod", bad], "");
        assert!(
            stderr(&out).contains("is not a debuginfod server"),
            "{bad}: {}",
            stderr(&out)
        );
    }
    // Nobody listens there.
    let out = place.run(&["binary", "fetch", &id, "--debuginfod", "http://127.0.0.1:1"], "");
    assert_eq!(out.status.code(), Some(2), "{}", stderr(&out));
}

#[test]
fn a_binary_is_fetched_into_the_archive() {
    let (place, profile, id) = lost();
    let server = Server::with_body("200 OK", fs::read(place.path("elsewhere")).unwrap());
    let args = ["binary", "fetch", &id, "--compress", "--debuginfod", &server.url];
    let out = place.run(&args, "");
    assert!(stdout(&out).starts_with(&format!("added {id}")), "{}", stderr(&out));
    assert!(stdout(&place.run(&args, "")).starts_with("already there"));
    assert_eq!(server.asked().len(), 1);
    assert!(stdout(&place.run(&["top", &profile], "")).contains("from pclntab)"));
    assert!(cached(&place).is_empty());
    let inside: Vec<String> = fs::read_dir(place.path("archive"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!inside.iter().any(|n| n.starts_with(".fetch")), "{inside:?}");
    for bad in ["../../etc", "12", "xyz0"] {
        let out = place.run(&["binary", "fetch", bad, "--debuginfod", &server.url], "");
        assert_eq!(out.status.code(), Some(2));
        assert!(stderr(&out).contains("is not a GNU build ID"), "{}", stderr(&out));
    }
    assert_eq!(server.asked().len(), 1);
}
