//! The table of requests.txt, played one after the other and then all at once.

use std::thread;

use regex::Regex;

use super::{Server, fixture};
use crate::binaries::support::Place;

struct Case {
    line: usize,
    server: String,
    status: u16,
    path: String,
    /// What the body must match, and whether it must not.
    wanted: Vec<(Regex, bool)>,
}

fn cases() -> Vec<Case> {
    let mut server = String::new();
    let mut cases = Vec::new();
    for (n, line) in include_str!("requests.txt").lines().enumerate() {
        if let Some(name) = line.strip_prefix("@ ") {
            server = name.to_owned();
        }
        let mut words = line.split_whitespace();
        let Some(Ok(status)) = words.next().map(str::parse) else {
            continue;
        };
        let path = words.next().expect("an address").to_owned();
        let wanted = words.map(|word| {
            let (text, not) = word.strip_prefix('!').map_or((word, false), |rest| (rest, true));
            (
                Regex::new(&format!("(?m){}", text.replace('_', " "))).expect("an expression"),
                not,
            )
        });
        cases.push(Case {
            line: n + 1,
            server: server.clone(),
            status,
            path,
            wanted: wanted.collect(),
        });
    }
    assert!(cases.len() > 80, "{}", cases.len());
    cases
}

/// What is wrong with the answer.
fn play(server: &Server, case: &Case) -> Vec<String> {
    let answer = server.get(&case.path);
    let start: String = answer.body.chars().take(300).collect();
    let mut wrong = Vec::new();
    if answer.status != case.status {
        wrong.push(format!("{}: {start}", answer.status));
    }
    for (wanted, not) in &case.wanted {
        if wanted.is_match(&answer.body) == *not {
            wrong.push(format!("{}{wanted}", if *not { "!" } else { "" }));
        }
    }
    let kind = answer.header("content-type").unwrap_or_default();
    let page = case.status == 200 && !case.path.contains("download");
    if kind.starts_with("text/html") != page {
        wrong.push(kind.to_owned());
    }
    { wrong.into_iter() }
        .map(|w| format!("requests.txt:{}: {} {}: {w}", case.line, case.status, case.path))
        .collect()
}

#[test]
fn every_address_is_answered_as_the_table_says() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let profile = place.profile("cpu.pb.gz", None);
    let start = |more: &[&str]| Server::start(&[&["pprof", "-http=127.0.0.1:0", "-no_browser"], more].concat());
    let servers = [
        ("cpu", start(&[&fixture("compat/cpu.pb.gz")])),
        ("binary", start(&[&place.binary(), &profile])),
    ];
    let cases = cases();
    let of = |case: &Case| &servers.iter().find(|s| s.0 == case.server).expect("a server").1;
    let wrong: Vec<String> = cases.iter().flat_map(|case| play(of(case), case)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    thread::scope(|scope| {
        for start in 0..4 {
            let (cases, of) = (&cases, &of);
            scope.spawn(move || {
                for case in cases.iter().skip(start).step_by(4) {
                    assert_eq!(play(of(case), case), Vec::<String>::new());
                }
            });
        }
    });
}

/// Where the server listens, as pprof reads `-http`.
#[test]
fn hosts_and_ports() {
    let profile = fixture("compat/cpu.pb.gz");
    for given in ["-http=:", "-http=localhost:", "-http=127.0.0.1:0", "-http=:0"] {
        let server = Server::start(&["pprof", given, "-no_browser", &profile]);
        assert!(server.host.starts_with("127.0.0.1:"), "{given}: {}", server.host);
        assert_eq!(
            (server.prefix.as_str(), server.get("/top").status),
            ("", 200),
            "{given}"
        );
    }
    for given in ["-http=nowhere", "-http=:port", "-http=:99999"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_kubeprof"))
            .args(["pprof", given, "-no_browser", &profile])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{given}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(given), "{given}");
    }
}
