//! Who we are to a server: tokens and where they lie, plugins that make them, certificates and their keys, proxies on the
//! way; and what is said where one of them cannot be used.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::run::{Ran, command, kubeprof};
use super::server::{Reply, Server, root};

/// Takes a heap profile with this kubeconfig.
fn with(server: &Server, config: &Path, out: &str, more: &[&str]) -> Ran {
    let (config, out) = (config.display().to_string(), server.path(out).display().to_string());
    let mut args = vec![
        "capture",
        "worker-03",
        "--profiles",
        "heap",
        "--kubeconfig",
        &config,
        "--out",
        &out,
    ];
    args.extend(more);
    kubeprof(&args)
}

/// A kubeconfig with this user.
fn config_of(server: &Server, name: &str, user: &str) -> PathBuf {
    let path = server.path(name);
    std::fs::write(&path, server.config(user)).expect("a kubeconfig");
    path
}

/// The tokens that came, each once.
fn tokens(server: &Server) -> Vec<String> {
    let mut all: Vec<String> = server
        .seen()
        .iter()
        .map(|r| r.headers.get("authorization").cloned().unwrap_or_default())
        .collect();
    all.dedup();
    all
}

#[test]
fn tokens_are_one_line() {
    let server = Server::start(|_| None);
    let ran = with(&server, &server.kubeconfig(), "a", &["--token", "flag\n"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(tokens(&server), ["Bearer flag"]);

    let server = Server::start(|_| None);
    let file = server.path("token");
    std::fs::write(&file, "of-file\n").expect("a token");
    let config = config_of(&server, "file", &format!("tokenFile: \"{}\"", file.display()));
    let ran = with(&server, &config, "a", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(tokens(&server), ["Bearer of-file"]);

    for token in ["abc\ndef", "abc\u{7}d"] {
        let ran = with(&server, &server.kubeconfig(), "b", &["--token", token]);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        assert!(
            ran.stderr.contains("a token is one line") && !ran.stderr.contains("def"),
            "{ran:#?}"
        );
    }
    std::fs::write(&file, "\n").expect("no token");
    let ran = with(&server, &config, "b", &[]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("holds no token") && ran.stderr.contains("tokenFile"),
        "{ran:#?}"
    );
}

#[test]
fn an_empty_token_is_none() {
    let server = Server::start(|_| None);
    assert_eq!(with(&server, &server.kubeconfig(), "a", &["--token="]).code, Some(0));
    let (config, out) = (
        server.kubeconfig().display().to_string(),
        server.path("b").display().to_string(),
    );
    let args = [
        "capture",
        "worker-03",
        "--profiles",
        "heap",
        "--kubeconfig",
        &config,
        "--out",
        &out,
    ];
    let ran = command(&args)
        .env("KUBEPROF_TOKEN", "")
        .output()
        .expect("kubeprof runs");
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(tokens(&server), ["Bearer abc"]);
}

#[test]
fn a_token_file_that_changed_is_read_again_when_the_server_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "old\n").expect("a token");
    let rotated = file.clone();
    let server = Server::start(move |r| {
        let old = r.headers.get("authorization").is_some_and(|a| a == "Bearer old");
        old.then(|| {
            std::fs::write(&rotated, "new\n").expect("a token");
            Reply::fixture("api-401-bad-token.http")
        })
    });
    let config = config_of(&server, "file", &format!("tokenFile: \"{}\"", file.display()));
    let ran = with(&server, &config, "a", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(tokens(&server), ["Bearer old", "Bearer new"]);
}

#[test]
fn what_the_kubeconfig_does_not_hold_is_an_error_with_what_it_holds() {
    let server = Server::start(|_| None);
    for (flag, there) in [("--user", "u"), ("--context", "t"), ("--cluster", "c")] {
        let ran = with(&server, &server.kubeconfig(), "a", &[flag, "NOSUCH"]);
        assert_eq!(ran.code, Some(2), "{flag}: {ran:#?}");
        for words in ["NOSUCH", &format!("{flag} takes one of these: {there}")] {
            assert!(ran.stderr.contains(words), "{flag}: {ran:#?}");
        }
    }
    assert!(server.seen().is_empty(), "nobody is asked without credentials");
}

#[test]
fn an_empty_current_context_says_nothing() {
    let server = Server::start(|_| None);
    let first = server.path("first");
    std::fs::write(
        &first,
        "apiVersion: v1\nkind: Config\ncurrent-context: \"\"\nclusters: null\n",
    )
    .expect("a kubeconfig");
    let list = format!("{}:{}", first.display(), server.kubeconfig().display());
    let out = server.path("a").display().to_string();
    let ran = command(&["capture", "worker-03", "--profiles", "heap", "--out", &out])
        .env("KUBECONFIG", list)
        .output()
        .expect("kubeprof runs");
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// A kubeconfig whose plugin is this script; calls are counted in `calls`.
fn plugin(server: &Server, name: &str, script: &str) -> PathBuf {
    let path = server.path(&format!("{name}.sh"));
    let calls = server.path("calls").display().to_string();
    std::fs::write(&path, format!("echo call >> {calls}; n=$(wc -l < {calls})\n{script}\n")).expect("a script");
    let user = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [\"{}\"], interactiveMode: IfAvailable, \
         provideClusterInfo: true, installHint: \"get it from https://corp.example\", env: [{{name: CORP_SECRET, value: \
         hunter2-env}}]}}",
        path.display()
    );
    config_of(server, name, &user)
}

fn calls(server: &Server) -> usize {
    let text = std::fs::read_to_string(server.path("calls")).unwrap_or_default();
    text.lines().count()
}

const PRINT: &str = "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":\
                     {\"token\":\"t'$n'\"}}'";

#[test]
fn a_plugin_runs_once_for_a_capture() {
    let server = Server::start(|_| None);
    let ran = with(&server, &plugin(&server, "p", PRINT), "a", &["worker-04"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!((calls(&server), tokens(&server)), (1, vec!["Bearer t1".to_owned()]));
}

#[test]
fn a_plugin_runs_again_when_its_token_is_refused_and_not_for_ever() {
    let server = Server::start(|r| {
        let first = r.headers.get("authorization").is_some_and(|a| a == "Bearer t1");
        first.then(|| Reply::fixture("api-401-bad-token.http"))
    });
    let ran = with(&server, &plugin(&server, "p", PRINT), "a", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(
        (calls(&server), tokens(&server)),
        (2, vec!["Bearer t1".to_owned(), "Bearer t2".to_owned()])
    );

    let server = Server::start(|_| Some(Reply::fixture("api-401-bad-token.http")));
    let ran = with(&server, &plugin(&server, "p", PRINT), "a", &[]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(calls(&server), 2);
}

/// A credential that has expired when it is printed is not printed anew for every request: the server says what it thinks of
/// it, and the plugin is run once more.
#[test]
fn an_expired_credential_runs_the_plugin_once_more() {
    let expired = "echo '{\"status\":{\"token\":\"t'$n'\",\"expirationTimestamp\":\"2001-01-01T00:00:00Z\"}}'";
    let server = Server::start(|_| Some(Reply::fixture("api-401-bad-token.http")));
    let ran = with(&server, &plugin(&server, "p", expired), "a", &["worker-04"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(calls(&server), 2, "{:?}", tokens(&server));
    for words in ["expired at 2001-01-01", "does not know you"] {
        assert!(ran.stderr.contains(words), "{words}: {ran:#?}");
    }
    // A server with another clock takes it: then there is nothing to run it for.
    let server = Server::start(|_| None);
    let ran = with(
        &server,
        &plugin(&server, "p", expired),
        "a",
        &["worker-04", "worker-05"],
    );
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(calls(&server), 1, "{:?}", tokens(&server));
}

/// One that expires meanwhile is replaced before.
#[test]
fn a_token_that_expires_is_replaced_before() {
    let server = Server::start(|_| None);
    let soon = "echo '{\"status\":{\"token\":\"t'$n'\",\"expirationTimestamp\":\"'$(date -u -d '+2 seconds' \
                +%Y-%m-%dT%H:%M:%SZ)'\"}}'";
    let ran = with(
        &server,
        &plugin(&server, "p", soon),
        "a",
        &["--series", "2", "--every", "2s"],
    );
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(calls(&server) > 1, "{:?}", tokens(&server));
}

/// What a plugin has started ends with it when it is ended.
#[test]
fn a_plugin_is_ended_with_all_that_it_started() {
    let server = Server::start(|_| None);
    for (mode, name) in [("IfAvailable", "alone"), ("Always", "asks")] {
        let pids = server.path(&format!("{name}.pids"));
        let script = format!(
            "sh -c 'sleep 1000 & echo $! >> {0}; wait' & echo $! >> {0}; sleep 1000 & echo $! >> {0}; wait",
            pids.display()
        );
        let config = plugin(&server, name, &script);
        let text = std::fs::read_to_string(&config).expect("a kubeconfig");
        std::fs::write(&config, text.replace("IfAvailable", mode)).expect("a kubeconfig");
        let (shown, out) = (config.display().to_string(), server.path(name).display().to_string());
        let mut child = command(&["capture", "worker-03", "--kubeconfig", &shown, "--out", &out])
            .spawn()
            .expect("kubeprof starts");
        let started = || std::fs::read_to_string(&pids).unwrap_or_default();
        let since = Instant::now();
        while started().lines().count() < 3 {
            assert!(since.elapsed() < Duration::from_secs(20), "it never started");
            std::thread::sleep(Duration::from_millis(10));
        }
        let kill = std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(kill.is_ok_and(|s| s.success()));
        child.wait().expect("an end");
        let lives = |pid: &str| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // Whoever was to reap it may be slow.
            stat.rsplit(") ")
                .next()
                .is_some_and(|s| !s.is_empty() && !s.starts_with('Z'))
        };
        let since = Instant::now();
        while started().lines().any(lives) {
            assert!(
                since.elapsed() < Duration::from_secs(10),
                "{mode}: {} live on",
                started()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_plugin_that_fails_is_explained_without_its_environment() {
    let server = Server::start(|_| None);
    for (script, words) in [
        (
            "echo 'SSO session expired: \u{1b}[31mrun corp-login' >&2; exit 7",
            "failed (exit status 7); it says: SSO session expired",
        ),
        ("echo 'Welcome! hunter2-out'", "printed no ExecCredential"),
        ("echo '{\"kind\":\"ExecCredential\"}'", "without a `status`"),
        ("echo '{\"status\":{}}'", "without a token and without a certificate"),
    ] {
        let ran = with(&server, &plugin(&server, "p", script), "a", &[]);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        for words in ["the credential plugin \"sh\"", words, "https://corp.example", "--token"] {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        }
        for secret in ["hunter2", "KUBERNETES_EXEC_INFO", "CORP_SECRET", "\u{1b}"] {
            assert!(!ran.stderr.contains(secret), "{secret}: {}", ran.stderr);
        }
    }
    let config = config_of(
        &server,
        "none",
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, installHint: \"brew install it\"}",
    );
    let ran = with(&server, &config, "a", &[]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("cannot be run") && ran.stderr.contains("brew install it"),
        "{ran:#?}"
    );
    assert!(server.seen().is_empty());
}

#[test]
fn a_plugin_that_takes_long_is_said_and_can_be_interrupted() {
    let server = Server::start(|_| None);
    let slow = format!("echo 'open https://login.example' >&2; sleep 3; {PRINT}");
    let ran = with(&server, &plugin(&server, "p", &slow), "a", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for words in [
        "waiting for the credential plugin \"sh\"",
        "at most 60 s",
        "open https://login.example",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    let config = plugin(&server, "q", "exec sleep 100").display().to_string();
    let out = server.path("b").display().to_string();
    let mut child = command(&["capture", "worker-03", "--kubeconfig", &config, "--out", &out])
        .spawn()
        .expect("kubeprof starts");
    std::thread::sleep(Duration::from_millis(500));
    let kill = format!("kill -INT {}", child.id());
    assert!(
        std::process::Command::new("sh")
            .args(["-c", &kill])
            .status()
            .is_ok_and(|s| s.success())
    );
    let asked = Instant::now();
    let ended = child.wait().expect("an end");
    assert!(
        !ended.success() && asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn a_plugin_may_print_yaml_and_certificates() {
    let server = Server::start(|_| None);
    let yaml = "printf 'kind: ExecCredential\\nstatus:\\n  token: from-yaml\\n'";
    let ran = with(&server, &plugin(&server, "p", yaml), "a", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(tokens(&server), ["Bearer from-yaml"]);

    let server = Server::start(|_| None);
    let pem = std::fs::read_to_string(server.path("client.pem")).expect("a certificate");
    let at = pem.find("-----BEGIN PRIVATE KEY").expect("a key");
    let answer = serde_json::json!({"status": {"clientCertificateData": &pem[..at], "clientKeyData": &pem[at..]}});
    let file = server.path("answer");
    std::fs::write(&file, answer.to_string()).expect("an answer");
    let ran = with(
        &server,
        &plugin(&server, "p", &format!("cat {}", file.display())),
        "a",
        &[],
    );
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(server.seen().iter().all(|r| r.certified), "{:#?}", server.seen());
    assert_eq!(calls(&server), 1);
}

/// `openssl x509 -req` writes version 1, and Go's clients and servers take it.
#[test]
fn certificates_of_version_1_are_sent() {
    let server = Server::named(&["127.0.0.1"], |_| None);
    let pem = root().join("fixtures/certificates/v1.pem").display().to_string();
    let ran = with(
        &server,
        &server.kubeconfig(),
        "a",
        &["--client-certificate", &pem, "--client-key", &pem],
    );
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(server.seen().iter().all(|r| r.certified), "{:#?}", server.seen());
}

#[test]
fn every_fault_of_a_certificate_has_its_own_words() {
    let server = Server::start(|_| None);
    let pem = server.path("client.pem").display().to_string();
    let of = |name: &str| root().join("fixtures/certificates").join(name).display().to_string();
    let file = |name: &str, text: &str| {
        std::fs::write(server.path(name), text).expect("a file");
        server.path(name).display().to_string()
    };
    let whole = std::fs::read_to_string(&pem).expect("a certificate");
    let at = whole.find("-----BEGIN PRIVATE KEY").expect("a key");
    let (certificate, key) = (file("c.pem", &whole[..at]), file("k.pem", &whole[at..]));
    let encrypted = file(
        "e.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let cut = file("cut.pem", &whole[at..at + 60]);
    let missing = server.path("nothing.pem").display().to_string();
    for (certificate, key, words, hint) in [
        (
            &certificate,
            &of("v1.pem"),
            "is not the key of the certificate",
            "openssl",
        ),
        (&certificate, &encrypted, "the key is encrypted", "openssl pkey"),
        (&missing, &key, "the client-certificate cannot be read", "path"),
        (&certificate, &missing, "the client-key cannot be read", "path"),
        (&of("p521.pem"), &of("p521.pem"), "P-521", "P-256"),
        (&key, &certificate, "holds a key and no certificate", "swapped"),
        (&certificate, &certificate, "holds no private key", "swapped"),
        (&certificate, &cut, "not PEM", "cut"),
    ] {
        let ran = with(
            &server,
            &server.kubeconfig(),
            "a",
            &["--client-certificate", certificate, "--client-key", key],
        );
        assert_eq!(ran.code, Some(2), "{words}: {ran:#?}");
        assert!(
            ran.stderr.contains(words) && ran.stderr.contains(hint),
            "{words}: {ran:#?}"
        );
        assert!(!ran.stderr.contains("plugin"), "{words}: {ran:#?}");
    }
    let config = config_of(
        &server,
        "bad",
        "client-certificate-data: \"!!\", client-key-data: \"!!\"",
    );
    let ran = with(&server, &config, "a", &[]);
    assert!(
        ran.stderr
            .contains("client-certificate-data of your kubeconfig: not base64"),
        "{ran:#?}"
    );
}

#[test]
fn passwords_in_addresses_are_not_printed() {
    let server = Server::start(|_| None);
    let ran = with(&server, &server.kubeconfig(), "a", &["--server", "https://u:PW x@h"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("is not an address") && !ran.stderr.contains("PW"),
        "{ran:#?}"
    );
}

/// A proxy that answers 407, and the heads of the requests that it saw.
fn strict_proxy() -> (std::net::SocketAddr, std::sync::mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, heads) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut reader = BufReader::new(&client);
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                head.push_str(&line);
                line.clear();
            }
            drop(sender.send(head));
            drop((&client).write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    (address, heads)
}

#[test]
fn proxies_get_their_password_and_are_named_when_they_fail() {
    let server = Server::start(|_| None);
    let (address, heads) = strict_proxy();
    let dead = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let out = server.path("a").display().to_string();
    let elsewhere = [
        "capture",
        "n",
        "--server",
        "https://api.invalid:6443",
        "--token",
        "x",
        "--timeout",
        "3s",
        "--out",
        &out,
    ];
    let ask = |name: &str, proxy: &str| {
        let ran = command(&elsewhere).env(name, proxy).output().expect("kubeprof runs");
        assert_eq!(ran.status.code(), Some(2), "{ran:?}");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    };
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let said = ask(name, &format!("http://u:p%40s@{address}"));
        let head = heads
            .recv_timeout(Duration::from_secs(5))
            .expect("a request")
            .to_ascii_lowercase();
        // u:p@s
        assert!(
            head.contains(&"proxy-authorization: Basic dTpwQHM=".to_ascii_lowercase()),
            "{name}: {head}"
        );
        assert!(
            said.contains(&format!("the proxy http://{address} wants credentials")),
            "{name}: {said}"
        );
        assert!(!said.contains("p%40s") && !said.contains("p@s"), "{name}: {said}");
    }
    let said = ask("HTTPS_PROXY", &format!("http://{dead}"));
    assert!(
        said.contains(&format!(
            "the proxy http://{dead} on the way to the API server cannot be reached"
        )),
        "{said}"
    );
    assert!(!said.contains("should be"), "{said}");
    let said = ask("HTTPS_PROXY", "socks4://127.0.0.1:1");
    assert!(
        said.contains("the proxy cannot be used") && said.contains("socks5://"),
        "{said}"
    );
}

#[test]
fn a_plugin_of_the_kubeconfig_is_not_run_for_nothing() {
    let server = Server::start(|_| None);
    let config = plugin(&server, "p", "exit 3");
    let pem = server.path("client.pem").display().to_string();
    for flags in [
        &["--token", "t"][..],
        &["--client-certificate", &pem, "--client-key", &pem],
    ] {
        let out = format!("out-{}", flags.len());
        let ran = with(&server, &config, &out, flags);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    assert_eq!(calls(&server), 0);
}
