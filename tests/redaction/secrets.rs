//! What is a secret and what is not, row by row: names, shapes, command lines, documents and bodies.

use kubeprof::secrets::{body, command, flag_line, holds, is_headers, json, text, value};
use serde_json::json;

/// A name and whether a text, a number, a duration, a path and a switch under it are secrets.
#[test]
fn names_say_what_is_a_secret() {
    const ALL: [bool; 5] = [true, true, true, true, false];
    // The name has a word for a secret, but not at its end: the value decides.
    const PERHAPS: [bool; 5] = [true, false, false, false, false];
    const NONE: [bool; 5] = [false; 5];
    for (name, expected) in [
        ("token", ALL),
        ("bootstrap-token", ALL),
        ("bootstrapToken", ALL),
        ("BOOTSTRAP_TOKEN", ALL),
        ("APIToken", ALL),
        ("URLTOKEN", ALL),
        ("mytoken", ALL),
        ("clientsecret", ALL),
        ("myapikey", ALL),
        ("tokens", ALL),
        ("password", ALL),
        ("passwords", ALL),
        ("passwd", ALL),
        ("passphrase", ALL),
        ("pwd", ALL),
        ("secrets", ALL),
        ("credential", ALL),
        ("credentials", ALL),
        ("bearer", ALL),
        ("jwt", ALL),
        ("cookie", ALL),
        ("auth", ALL),
        ("authorization", ALL),
        ("dockercfg", ALL),
        ("dockerconfigjson", ALL),
        ("creds", ALL),
        ("api-key", ALL),
        ("access_key", ALL),
        ("privateKey", ALL),
        ("secret.key", ALL),
        ("signingKey", ALL),
        ("encryption-key", ALL),
        ("shared key", ALL),
        // Two words make a key secret, and no other two.
        ("key", NONE),
        ("public-key", NONE),
        ("monkey", NONE),
        ("key-api", NONE),
        ("api", NONE),
        // Words for secrets at the end of a name only.
        ("auth-mode", NONE),
        ("authorization-mode", NONE),
        ("anonymous-auth", ALL),
        // Further ahead.
        ("token-policy", PERHAPS),
        ("tokenPolicyKey", PERHAPS),
        ("password-policy", PERHAPS),
        ("private-key-x", PERHAPS),
        ("x-access-key-y", PERHAPS),
        ("private-x-key", NONE),
        ("monkey-key-x", NONE),
        // A word for a setting at the end, and settings that are known by name.
        ("token-file", NONE),
        ("tokenFiles", NONE),
        ("secret-path", NONE),
        ("private-key-file", NONE),
        ("token-ttl", NONE),
        ("token-webhook", NONE),
        ("secret-size", NONE),
        ("credential-url", NONE),
        ("file", NONE),
        ("configMapAndSecretChangeDetectionStrategy", NONE),
        ("image-credential-provider-config", NONE),
        ("image-credential-provider-bin-dir", NONE),
        ("", NONE),
        ("--", NONE),
        ("-token-", ALL),
    ] {
        let found = ["zqvalue", "17", "2m30s", "/etc/x", "true"].map(|value| holds(name, value));
        assert_eq!(found, expected, "{name}");
    }
    // What is no value at all; quotes and blanks around it do not count.
    for (value, expected) in [
        ("", false),
        ("true", false),
        ("false", false),
        ("null", false),
        ("<nil>", false),
        ("[]", false),
        ("{}", false),
        ("***", false),
        (" \"false\" ", false),
        ("'x'", true),
        ("truth", true),
        ("0", true),
    ] {
        assert_eq!(holds("token", value), expected, "{value}");
    }
    // A number may have a unit in small letters; a word in small letters is none.
    for (value, expected) in [
        ("1.5", false),
        ("10s", false),
        ("1h2m3.5s", false),
        ("10mi", false),
        ("seconds", true),
        ("10Mi", true),
        ("1-2", true),
        ("/x", false),
        ("x/", true),
    ] {
        assert_eq!(holds("token-policy", value), expected, "{value}");
    }
    for (name, expected) in [
        ("manifest-url-header", true),
        ("staticPodURLHeader", true),
        ("headers", true),
        ("header-x", false),
        ("subheader", false),
        ("", false),
    ] {
        assert_eq!(is_headers(name), expected, "{name}");
    }
}

#[test]
fn shapes_of_secrets_in_a_text() {
    let mut wrong = String::new();
    for (before, after) in [
        // Keys of clouds and tokens, whole words only.
        ("x AKIA0123456789ABCDEF y", "x *** y"),
        ("xAKIA0123456789ABCDEF", "xAKIA0123456789ABCDEF"),
        ("ghp_0123456789012345678a", "***"),
        ("ghp_0123456789", "ghp_0123456789"),
        // The word after the scheme, unless it belongs to a challenge or to a sentence.
        ("X-Login: Bearer abc123", "X-Login: Bearer ***"),
        ("Authorization: Bearer abc123", "Authorization: ***"),
        ("basic=QWxhZGRpbg==", "basic=***"),
        ("Bearer short", "Bearer short"),
        ("bearer abc12", "bearer abc12"),
        (
            "Bearer realm=x1 Bearer scope=x1 Bearer error=x1",
            "Bearer realm=x1 Bearer scope=x1 Bearer error=x1",
        ),
        ("Basic charset=X1", "Basic charset=X1"),
        (
            "basic authentication. Basic AUTHENTICATION",
            "basic authentication. Basic ***",
        ),
        ("bearer tokens.", "bearer tokens."),
        ("bearer abc.def-1", "bearer ***"),
        // Logins of URLs; ssh has users that are no secrets.
        ("https://user@host/x", "https://***@host/x"),
        ("https://user:pass@host/x", "https://***@host/x"),
        ("https://***@host/x", "https://***@host/x"),
        ("ssh://root@host", "ssh://root@host"),
        ("git+ssh://root:pass@host", "git+ssh://root:***@host"),
        // Parameters by their names.
        ("/x?token=a1&page=2", "/x?token=***&page=2"),
        ("/x?page=2&sig=a1;key=b1", "/x?page=2&sig=***;key=***"),
        (
            "/x?code=a1&session=b&sid=c&signature=d",
            "/x?code=***&session=***&sid=***&signature=***",
        ),
        ("/x?token=***&token=true&keys=a1", "/x?token=***&token=true&keys=a1"),
        ("/x?x-api-key=a1", "/x?x-api-key=***"),
        // Pairs in a sentence and in a document.
        ("password=hunter2 user=x", "password=*** user=x"),
        ("my_token = 'a1'", "my_token = '***'"),
        ("{\"token\":\"a1\",\"x\":\"y\"}", "{\"token\":\"***\",\"x\":\"y\"}"),
        ("{\\\"token\\\": \\\"a1\\\"}", "{\\\"token\\\": \\\"***\\\"}"),
        ("password: hunter", "password: ***"),
        ("Passwd: hunter", "Passwd: ***"),
        ("token: expired. secret: none", "token: expired. secret: none"),
        ("token: A1", "token: ***"),
        ("token=expired", "token=***"),
        ("token=true", "token=true"),
        ("tokenFile=/etc/x", "tokenFile=/etc/x"),
        ("authorization=Bearer a1", "authorization=***"),
        ("nothing here", "nothing here"),
    ] {
        let found = [text(before), text(&text(before)).into_owned().into()];
        if found != [after, after] {
            wrong += &format!("{before}\n    {found:?}\n    instead of {after}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The value of a flag: a secret, a header, or a text that has one.
#[test]
fn values_of_flags() {
    for (name, given, expected) in [
        ("token", "a1", Some("***")),
        ("token", "***", None),
        ("v", "2", None),
        ("manifest-url-header", "X-Zq: a1", Some("X-Zq:***")),
        ("manifest-url-header", "X-Zq=a1", Some("X-Zq:***")),
        ("manifest-url-header", "X-Zq:***", None),
        ("manifest-url-header", "X-Zq", None),
        ("manifest-url", "X-Zq:a1", None),
        ("manifest-url", "https://u:p@h/", Some("https://***@h/")),
    ] {
        assert_eq!(value(name, given).as_deref(), expected, "{name} {given}");
    }
}

#[test]
fn lines_of_a_page_of_flags() {
    for (line, expected) in [
        ("v=2", Some(("v", "=", "2"))),
        ("v: 2", Some(("v", ": ", "2"))),
        ("v:2", Some(("v", ":", "2"))),
        ("v 2", Some(("v", " ", "2"))),
        ("v \t= \t2 3", Some(("v", " \t= \t", "2 3"))),
        ("--a.b_c-1==x", Some(("--a.b_c-1", "==", "x"))),
        ("v=", Some(("v", "=", ""))),
        ("v", None),
        ("", None),
        ("=2", None),
        (" v=2", None),
        ("v;2", None),
        ("vé=2", None),
    ] {
        assert_eq!(flag_line(line), expected, "{line:?}");
    }
    for (blanks, is_flag) in [(39, true), (40, true), (41, false)] {
        let line = format!("v{}2", " ".repeat(blanks));
        assert_eq!(flag_line(&line).is_some(), is_flag, "{blanks}");
    }
}

#[test]
fn command_lines() {
    for (line, expected, count) in [
        ("", "", 0),
        ("kubelet --v=2 -v 4", "kubelet --v=2 -v 4", 0),
        ("kubelet --token a1 -token=a2", "kubelet --token *** -token=***", 2),
        ("--token --token a1 a2", "--token --token *** a2", 1),
        ("a1 --token", "a1 --token", 0),
        (
            "--manifest-url-header X:a1 --manifest-url=https://u@h",
            "--manifest-url-header X:*** --manifest-url=https://***@h",
            2,
        ),
        ("--x ghp_0123456789012345678a", "--x ***", 1),
        ("--token=a=b", "--token=***", 1),
    ] {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (found, n) = command(&words);
        assert_eq!((found.join(" ").as_str(), n), (expected, count), "{line}");
    }
}

#[test]
fn documents() {
    for (before, after, count) in [
        (json!({"token": "a1", "x": "y"}), json!({"token": "***", "x": "y"}), 1),
        (json!({"token": ""}), json!({"token": ""}), 0),
        (
            json!({"password": 17, "count": 17}),
            json!({"password": "***", "count": 17}),
            1,
        ),
        (
            json!({"password": true, "token": null}),
            json!({"password": true, "token": null}),
            0,
        ),
        // All that is below the name of a secret, and of headers.
        (
            json!({"token": {"a": "b", "c": ["d", 1, ""]}}),
            json!({"token": {"a": "***", "c": ["***", "***", ""]}}),
            3,
        ),
        (
            json!({"credentials": ["a", "***"]}),
            json!({"credentials": ["***", "***"]}),
            1,
        ),
        (
            json!({"headers": {"X": "a"}, "header": ["b"]}),
            json!({"headers": {"X": "***"}, "header": ["***"]}),
            2,
        ),
        (json!({"headers": "a"}), json!({"headers": "a"}), 0),
        // What authorizes a kubelet is a setting; what authorizes a request is none.
        (
            json!({"authorization": {"mode": "Webhook"}}),
            json!({"authorization": {"mode": "Webhook"}}),
            0,
        ),
        (json!({"authorization": "a1"}), json!({"authorization": "***"}), 1),
        (json!({"authorization": ["a1"]}), json!({"authorization": ["***"]}), 1),
        (
            json!({"auths": {"host": {"auth": "a1"}}}),
            json!({"auths": {"host": {"auth": "***"}}}),
            1,
        ),
        (json!({"auth": {"mode": "a1"}}), json!({"auth": {"mode": "***"}}), 1),
        // A command line inside of a document.
        (json!(["--token", "a1", "a2"]), json!(["--token", "***", "a2"]), 1),
        (json!(["--token=a1", "a2"]), json!(["--token=***", "a2"]), 1),
        (json!(["--x=y", "a2", "-v", "2"]), json!(["--x=y", "a2", "-v", "2"]), 0),
        (json!({"secret": ["--v", "a1"]}), json!({"secret": ["***", "***"]}), 2),
        (json!({"args": ["token", "a1"]}), json!({"args": ["token", "a1"]}), 0),
        // A document inside of a text, and a text.
        (
            json!({"x": "{\"token\":\"a1\",\"y\":1}"}),
            json!({"x": "{\"token\":\"***\",\"y\":1}"}),
            1,
        ),
        (json!({"x": " [{\"y\":1}]"}), json!({"x": " [{\"y\":1}]"}), 0),
        (json!({"x": "{\"token\":\"a1\""}), json!({"x": "{\"token\":\"***\""}), 1),
        (json!({"x": "see https://u@h"}), json!({"x": "see https://***@h"}), 1),
        (
            json!({"x": "token=a1", "y": "--y=z"}),
            json!({"x": "token=***", "y": "--y=z"}),
            1,
        ),
    ] {
        let mut found = before.clone();
        assert_eq!((json(&mut found), &found), (count, &after), "{before}");
        assert_eq!(json(&mut found), 0, "once is enough: {after}");
    }
}

#[test]
fn bodies_of_answers() {
    for (before, after) in [
        (&b"{\"token\":\"a1\",\"x\":1}"[..], &b"{\"token\":\"***\",\"x\":1}"[..]),
        (b"{\"x\": 1}", b"{\"x\": 1}"),
        (b"--token=a1", b"--token=***"),
        (b"password: hunter", b"password: ***"),
        (b"nothing", b"nothing"),
        (b"", b""),
        (b"\xff password=a1", "\u{fffd} password=***".as_bytes()),
        (b"\xff nothing", b"\xff nothing"),
    ] {
        assert_eq!(body(before), after, "{}", before.escape_ascii());
    }
}
