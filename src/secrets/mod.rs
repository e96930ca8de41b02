//! What is a secret: by the name that it stands under, and by its own shape. Pure; used before a byte of a capture is written
//! and again by redaction.
//!
//! **Names** are taken apart into words (`tokenPolicyKey`, `--bootstrap-token`, `ACCESS_KEY`). One that ends in the word for a
//! secret has a secret; one that has such a word further ahead has one too, unless it ends in the word for a setting
//! (`tokenFile`, `tokenReviewCacheTTL`), is a setting of the kubelet that is known by name, or its value is a switch, a number
//! or a path. **Shapes** are found in any text: private keys (PEM), JWTs, `Bearer x`, keys of clouds, logins and parameters of
//! URLs, `name=value` in a sentence.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// Words for secrets. Compounds that are written as one word (`clientsecret`) end in one of them.
const SECRETS: [&str; 14] = [
    "token",
    "tokens",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "bearer",
    "jwt",
    "cookie",
];

/// Words for secrets at the end of a name only: `authorization-mode` is a setting.
const SECRETS_AT_THE_END: [&str; 5] = ["auth", "authorization", "dockercfg", "dockerconfigjson", "creds"];

/// What makes a key secret: `privateKey`, `access-key`.
const KEYS: [&str; 7] = ["api", "access", "private", "secret", "signing", "encryption", "shared"];

/// Words at the end of a name that say that the value is something about a secret.
const SETTINGS: [&str; 22] = [
    "file",
    "files",
    "path",
    "paths",
    "dir",
    "directory",
    "ttl",
    "webhook",
    "kubeconfig",
    "timeout",
    "period",
    "interval",
    "expiration",
    "seconds",
    "duration",
    "enabled",
    "size",
    "count",
    "limit",
    "max",
    "min",
    "url",
];

/// Settings of the kubelet whose names would be taken for those of secrets.
const KNOWN: [&str; 5] = [
    "configmapandsecretchangedetectionstrategy",
    "imagepullcredentialsverificationpolicy",
    "imagecredentialproviderconfig",
    "imagecredentialproviderconfigpath",
    "imagecredentialproviderbindir",
];

/// Parameters of URLs that are secrets and whose names do not say so.
const PARAMETERS: [&str; 6] = ["key", "sig", "signature", "code", "session", "sid"];

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

// A key that is cut off is one all the same.
static PEM: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\z)"));
static JWT: LazyLock<Regex> = LazyLock::new(|| regex(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"));
static CLOUD: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:A[KS]IA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,})\b",
    )
});
static BEARER: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b(bearer|basic)([ :=]+)([A-Za-z0-9._~+/=-]{6,})"));
static USERINFO: LazyLock<Regex> = LazyLock::new(|| regex(r#"([A-Za-z][A-Za-z0-9+.-]*)://([^/\s@"'\\]+)@"#));
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| regex(r#"([?&;])([A-Za-z][A-Za-z0-9_.-]*)=([^&#;\s"'<>\\]+)"#));
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?i)([A-Za-z0-9_.-]*(?:token|passw|passphrase|pwd|secret|credential|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|shared[_-]?key|authorization|bearer|jwt|cookie|creds|\bauth)[A-Za-z0-9_.-]*)(\s*=\s*["']?|\\?["']\s*:\s*\\?["']|: ["']?)((?:(?:bearer|basic) )?[^\s"'\\,&;]+)"#,
    )
});

/// The words of a name, in lowercase: `--tokenPolicyKey` -> token, policy, key.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_alphanumeric() {
            // `podCIDRs` and `URLToken`: a capital begins a word behind a small letter, or before one.
            let next_is_small = chars.peek().is_some_and(char::is_ascii_lowercase);
            let begins = c.is_ascii_uppercase() && (!before.is_ascii_uppercase() || next_is_small);
            if begins || !before.is_ascii_alphanumeric() {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(c.to_ascii_lowercase());
            }
        }
        before = c;
    }
    words
}

fn is_word_of_secret(word: &str) -> bool {
    let compound = [
        "token",
        "password",
        "passwd",
        "secret",
        "apikey",
        "accesskey",
        "privatekey",
        "secretkey",
    ];
    SECRETS.contains(&word) || compound.iter().any(|c| word.ends_with(c))
}

/// How surely a name has a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sure {
    No,
    /// The value decides.
    Perhaps,
    Yes,
}

fn is_secret(name: &str) -> Sure {
    let words = words(name);
    let Some(last) = words.last() else { return Sure::No };
    let ends_in_key = words.len() > 1 && last == "key" && KEYS.contains(&words[words.len() - 2].as_str());
    if is_word_of_secret(last) || ends_in_key || SECRETS_AT_THE_END.contains(&last.as_str()) {
        return Sure::Yes;
    }
    let further_ahead = words.iter().any(|w| is_word_of_secret(w))
        || words.windows(2).any(|w| w[1] == "key" && KEYS.contains(&w[0].as_str()));
    if !further_ahead || SETTINGS.contains(&last.as_str()) || KNOWN.contains(&words.concat().as_str()) {
        Sure::No
    } else {
        Sure::Perhaps
    }
}

/// Whether the value that stands under a name is a secret.
pub fn holds(name: &str, value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    if matches!(value, "" | "true" | "false" | "null" | "<nil>" | "[]" | "{}" | MASK) {
        return false;
    }
    let plain = || {
        let number = value.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || ".hms".contains(c));
        is_number || value.starts_with('/')
    };
    match is_secret(name) {
        Sure::Yes => true,
        Sure::Perhaps => !plain(),
        Sure::No => false,
    }
}

/// Whether a name is one of headers to send, which are secrets whatever they are called.
pub fn is_headers(name: &str) -> bool {
    words(name).last().is_some_and(|w| w == "header" || w == "headers")
}

/// A text without what has the shape of a secret.
pub fn text(text: &str) -> Cow<'_, str> {
    let out = PEM.replace_all(text, MASK);
    let out = then(out, &JWT, |_| Some(MASK.to_owned()));
    let out = then(out, &CLOUD, |_| Some(MASK.to_owned()));
    let out = then(out, &BEARER, |c| {
        // `WWW-Authenticate: Bearer realm="x"` and `basic authentication` hold none.
        let challenge = ["realm=", "scope=", "error=", "charset="]
            .iter()
            .any(|p| c[3].starts_with(p));
        let prose = c[3].chars().all(|c| c.is_ascii_lowercase() || c == '.');
        (!challenge && !prose).then(|| format!("{}{}{MASK}", &c[1], &c[2]))
    });
    let out = then(out, &USERINFO, |c| login(&c[1], &c[2]));
    let out = then(out, &PARAMETER, |c| {
        let secret = holds(&c[2], &c[3]) || words(&c[2]).last().is_some_and(|w| PARAMETERS.contains(&w.as_str()));
        (secret && &c[3] != MASK).then(|| format!("{}{}={MASK}", &c[1], &c[2]))
    });
    then(out, &PAIR, |c| {
        // In a sentence a word in small letters is just the next word: `invalid bearer token: expired`.
        let sentence = c[2].starts_with(": ") && !c[1].to_ascii_lowercase().contains("passw");
        let prose = sentence && c[3].chars().all(|c| c.is_ascii_lowercase() || c == '.');
        (holds(&c[1], &c[3]) && !prose).then(|| format!("{}{}{MASK}", &c[1], &c[2]))
    })
}

/// Replaces what is found, where it is to be replaced; without a copy where nothing is.
fn then<'a>(text: Cow<'a, str>, what: &Regex, with: impl Fn(&Captures<'_>) -> Option<String>) -> Cow<'a, str> {
    let replace = |c: &Captures<'_>| with(c).unwrap_or_else(|| c[0].to_owned());
    match what.replace_all(&text, replace) {
        Cow::Borrowed(_) => text,
        Cow::Owned(new) if new == *text => text,
        Cow::Owned(new) => Cow::Owned(new),
    }
}

/// `scheme://login@` without its login. A token may be the user as well as the password; only ssh has users without secrets.
fn login(scheme: &str, login: &str) -> Option<String> {
    match (scheme.ends_with("ssh"), login.split_once(':')) {
        (true, None) => None,
        (true, Some((user, _))) => Some(format!("{scheme}://{user}:{MASK}@")),
        (false, _) if login == MASK => None,
        (false, _) => Some(format!("{scheme}://{MASK}@")),
    }
}

/// The value of a flag or a setting without its secrets; none where it has none.
pub fn value(name: &str, value: &str) -> Option<String> {
    if holds(name, value) {
        return Some(MASK.to_owned());
    }
    // A map of headers, as --manifest-url-header takes them.
    if is_headers(name)
        && let Some((header, content)) = value.split_once([':', '='])
        && content != MASK
    {
        return Some(format!("{header}:{MASK}"));
    }
    match text(value) {
        Cow::Owned(masked) => Some(masked),
        Cow::Borrowed(_) => None,
    }
}

/// The parts of a line of `/flagz`: the name, what separates it from its value, the value. Kubernetes takes `=`, `:`, `: ` or a
/// space, another one with every start, so that the page is not parsed.
pub fn flag_line(line: &str) -> Option<(&str, &str, &str)> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))?;
    let (name, rest) = line.split_at(end);
    let blank = [' ', '\t'];
    let value = rest
        .trim_start_matches(blank)
        .trim_start_matches(['=', ':'])
        .trim_start_matches(blank);
    let separator = &rest[..rest.len() - value.len()];
    (!name.is_empty() && !separator.is_empty() && separator.len() <= 40).then_some((name, separator, value))
}

/// The words of a command line without their secrets; how many there were.
pub fn command(args: &[String]) -> (Vec<String>, usize) {
    let mut flag: Option<&str> = None;
    let mut count = 0;
    let mut out = Vec::with_capacity(args.len());
    for arg in args {
        let before = flag.take();
        let masked = match arg.strip_prefix('-').map(|a| a.trim_start_matches('-')) {
            Some(name) => match name.split_once('=') {
                Some((name, of)) => value(name, of).map(|v| format!("{}={v}", &arg[..arg.len() - of.len() - 1])),
                None => {
                    flag = Some(name);
                    None
                }
            },
            // `--token`, then its value as a word of its own.
            None => value(before.unwrap_or_default(), arg),
        };
        count += usize::from(masked.is_some());
        out.push(masked.unwrap_or_else(|| arg.clone()));
    }
    (out, count)
}

/// A JSON document without its secrets; how many there were.
pub fn json(value: &mut Value) -> usize {
    let mut count = 0;
    walk(value, "", false, &mut count);
    count
}

fn walk(value: &mut Value, name: &str, secret: bool, count: &mut usize) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                // `authorization` of a kubelet says which authorizer it has; that of a request is a secret.
                let settings = inner.is_object() && (key == "authorization" || key == "auths");
                let all = inner.is_object() || inner.is_array();
                let below = secret || (all && !settings && (is_secret(key) == Sure::Yes || is_headers(key)));
                walk(inner, key, below, count);
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                // `["--password", "x"]`: a command line inside of a document.
                let flag = at.checked_sub(1).and_then(|before| items[before].as_str());
                let flag = flag.and_then(|f| f.strip_prefix('-')).filter(|f| !f.contains('='));
                let flag = flag.map_or_else(|| name.to_owned(), |f| f.trim_start_matches('-').to_owned());
                walk(&mut items[at], &flag, secret, count);
            }
        }
        Value::String(text) => {
            let masked = if (secret && !text.is_empty() && text != MASK) || holds(name, text) {
                Some(MASK.to_owned())
            } else {
                inner(text)
            };
            if let Some(masked) = masked {
                *text = masked;
                *count += 1;
            }
        }
        Value::Number(_) if secret || is_secret(name) == Sure::Yes => {
            *value = Value::String(MASK.to_owned());
            *count += 1;
        }
        _ => {}
    }
}

/// A string of a document: a document itself (`last-applied-configuration`), or a text.
fn inner(string: &str) -> Option<String> {
    if string.trim_start().starts_with(['{', '['])
        && let Ok(mut document) = serde_json::from_str::<Value>(string)
    {
        return (json(&mut document) > 0).then(|| document.to_string());
    }
    let flag = string.strip_prefix('-').map(|s| s.trim_start_matches('-'));
    if let Some((name, of)) = flag.and_then(|f| f.split_once('='))
        && let Some(masked) = value(name, of)
    {
        return Some(format!("{}={masked}", &string[..string.len() - of.len() - 1]));
    }
    match text(string) {
        Cow::Owned(masked) => Some(masked),
        Cow::Borrowed(_) => None,
    }
}

/// The body of an answer that is no artifact, as far as it is text: JSON that is whole by its keys, all else by its shapes.
pub fn body(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Ok(string) = std::str::from_utf8(bytes) else {
        // One bad byte is not to hide a token.
        let lossy = String::from_utf8_lossy(bytes);
        return match text(&lossy) {
            Cow::Owned(masked) => Cow::Owned(masked.into_bytes()),
            Cow::Borrowed(_) => Cow::Borrowed(bytes),
        };
    };
    match inner(string) {
        Some(masked) => Cow::Owned(masked.into_bytes()),
        None => Cow::Borrowed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(words("--tokenPolicyKey"), ["token", "policy", "key"]);
        assert_eq!(words("staticPodURLHeader"), ["static", "pod", "url", "header"]);
        assert_eq!(words("acme.corp/API_TOKEN"), ["acme", "corp", "api", "token"]);
    }

    #[test]
    fn names_of_secrets() {
        for name in [
            "token",
            "bootstrap-token",
            "providerToken",
            "tokenPolicyKey",
            "cloud-provider-password-policy",
            "private-key",
            "privateKey",
            "access-key",
            "secretAccessKey",
            "ACCESS_KEY",
            "bearer",
            "auth",
            "identitytoken",
            "clientSecret",
            "acme.corp/api-token",
            "Authorization",
            "dockercfg",
        ] {
            assert!(holds(name, "s3cr3t"), "{name}");
        }
        for (name, value) in [
            ("token-file", "/etc/t"),
            ("tokenFile", "token"),
            ("tlsPrivateKeyFile", "/etc/kubelet.key"),
            ("tokenReviewCacheTTL", "2m0s"),
            ("authentication-token-webhook", "true"),
            ("authentication-token-webhook-cache-ttl", "2m0s"),
            ("authorization-mode", "Webhook"),
            ("configMapAndSecretChangeDetectionStrategy", "Watch"),
            ("imagePullCredentialsVerificationPolicy", "NeverVerifyPreloadedImages"),
            ("image-credential-provider-config", "/etc/x"),
            ("KubeletServiceAccountTokenForCredentialProviders", "true"),
            ("rotate-server-certificates", "true"),
            ("anonymous-auth", "false"),
            ("bootstrap-kubeconfig", "/etc/b"),
            ("podPidsLimit", "-1"),
            ("monkey", "business"),
        ] {
            assert!(!holds(name, value), "{name}");
        }
    }

    #[test]
    fn shapes_of_secrets() {
        for (shape, left) in [
            ("https://cfg/x?token=URLTOKEN1&a=b", "https://cfg/x?token=***&a=b"),
            ("https://ghtok1@host/x", "https://***@host/x"),
            ("https://u:p@h/x", "https://***@h/x"),
            (
                "https://x/?access_token=A1&X-Amz-Signature=ab",
                "https://x/?access_token=***&X-Amz-Signature=***",
            ),
            ("a Bearer ABCDEFGHIJ1 b", "a Bearer *** b"),
            ("x eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.c2lnbmF0 y", "x *** y"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIP\n-----END RSA PRIVATE KEY-----",
                "***",
            ),
            ("-----BEGIN PRIVATE KEY-----\nMIIP", "***"),
            ("{\"token\":\"abc1\"", "{\"token\":\"***\""),
            ("password: hunter", "password: ***"),
            ("AKIAABCDEFGHIJKLMNOP", "***"),
        ] {
            assert_eq!(text(shape), left);
        }
        for plain in [
            "Bearer realm=\"kubernetes\"",
            "basic authentication is off",
            "invalid bearer token: expired",
            "the token is not valid",
            "ssh://root@node-3:2222",
            "https://10.0.0.1:6443/api/v1/nodes/n/proxy/debug/pprof/heap?debug=1&seconds=3",
            "AllAlpha=false,KubeletServiceAccountTokenForCredentialProviders=true",
            "image@sha256:00ff",
            "authentication_token_cache_active_fetch_count{status=\"in_flight\"} 0",
        ] {
            assert!(matches!(text(plain), Cow::Borrowed(_)), "{plain}: {}", text(plain));
        }
    }

    #[test]
    fn documents_inside_of_documents() {
        let mut node = serde_json::json!({
            "metadata": {"annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"token\":\"A1\",\"maxPods\":110}",
                "acme.corp/api-token": "A2"}},
            "extra": ["--password=A3", "password: A4", "--token", "A5", "--v=2"],
            "dockercfg": {"auths": {"registry.example": {"auth": "A6"}}},
            "authorization": {"mode": "Webhook"}, "password": 1234,
        });
        assert_eq!(json(&mut node), 7);
        let text = node.to_string();
        for gone in ["A1", "A2", "A3", "A4", "A5", "A6", "1234"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        for kept in ["110", "--v=2", "Webhook"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        assert_eq!(json(&mut node), 0, "once is enough");
    }
}
