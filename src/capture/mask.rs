//! Secrets never enter a bundle: values that look like one are replaced before anything is written.
//!
//! The command line is NUL-separated, `/flagz` has a flag a line, `/configz` is JSON. Paths of files that hold secrets stay:
//! they say where to look and give nothing away.

use std::borrow::Cow;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// Parts of a name whose value is a secret.
const SECRET_WORDS: [&str; 8] = [
    "token",
    "password",
    "passwd",
    "secret",
    "credential",
    "apikey",
    "api-key",
    "authorization",
];

/// Masks what an artifact holds; says how many secrets there were.
pub fn mask<'a>(artifact: &str, bytes: &'a [u8]) -> (Cow<'a, [u8]>, usize) {
    match artifact {
        "cmdline" => lines(bytes, 0),
        "configz" => json(bytes),
        _ if bytes.trim_ascii_start().starts_with(b"{") => json(bytes),
        _ => lines(bytes, b'\n'),
    }
}

/// Masks the secrets of a command line of our own, for the manifest.
pub fn command(args: &[String]) -> Vec<String> {
    let mut hide = false;
    let one = |arg: &String| {
        if std::mem::take(&mut hide) {
            return MASK.to_owned();
        }
        match (arg.starts_with("--"), arg.split_once('=')) {
            (true, Some((flag, _))) if flag == "--token" => format!("{flag}={MASK}"),
            (true, None) if arg == "--token" => {
                hide = true;
                arg.clone()
            }
            _ => url_password(arg).unwrap_or_else(|| arg.clone()),
        }
    };
    args.iter().map(one).collect()
}

/// `scheme://user:password@host` without its password.
fn url_password(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split('/').next()?;
    let (login, _) = authority.rsplit_once('@')?;
    let (user, _) = login.split_once(':')?;
    Some(format!("{scheme}://{user}:{MASK}{}", &rest[login.len()..]))
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let place = [
        "file",
        "path",
        "dir",
        "plugin",
        "ttl",
        "webhook",
        "rotation",
        "provider",
        "kubeconfig",
        "strategy",
        "policy",
    ];
    SECRET_WORDS.iter().any(|w| name.contains(w)) && !place.iter().any(|w| name.contains(w))
}

/// `name=value` in pieces that end with `end`; headers (`Authorization: Bearer x`) and passwords in addresses too.
fn lines(bytes: &[u8], end: u8) -> (Cow<'_, [u8]>, usize) {
    let mut count = 0;
    let mut out = Vec::with_capacity(bytes.len());
    let mut hide = false;
    for piece in bytes.split_inclusive(|&b| b == end) {
        let (text, tail) = match piece.last() {
            Some(&b) if b == end => piece.split_at(piece.len() - 1),
            _ => (piece, &[][..]),
        };
        let masked = match std::str::from_utf8(text) {
            // `--token`, then its value as an argument of its own.
            Ok(text) if std::mem::take(&mut hide) && !text.starts_with('-') => Some(MASK.to_owned()),
            Ok(text) => {
                hide = end == 0 && text.starts_with("--") && !text.contains('=') && is_secret(text);
                line(text)
            }
            Err(_) => None,
        };
        count += usize::from(masked.is_some());
        out.extend_from_slice(masked.as_deref().map_or(text, str::as_bytes));
        out.extend_from_slice(tail);
    }
    if count == 0 {
        (Cow::Borrowed(bytes), 0)
    } else {
        (Cow::Owned(out), count)
    }
}

fn line(text: &str) -> Option<String> {
    let (name, value) = text.split_once('=')?;
    let value_of = value.trim_matches(['"', '\'']);
    if is_secret(name) && !matches!(value_of, "" | "true" | "false") {
        return Some(format!("{name}={MASK}"));
    }
    // A map of headers, as --manifest-url-header takes them.
    if name.contains("header") && value.contains(':') {
        let header = value.split(':').next().unwrap_or_default();
        return Some(format!("{name}={header}:{MASK}"));
    }
    url_password(value).map(|v| format!("{name}={v}"))
}

fn json(bytes: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return lines(bytes, b'\n');
    };
    let mut count = 0;
    walk(&mut value, false, &mut count);
    match serde_json::to_vec(&value) {
        Ok(masked) if count > 0 => (Cow::Owned(masked), count),
        _ => (Cow::Borrowed(bytes), 0),
    }
}

fn walk(value: &mut serde_json::Value, secret: bool, count: &mut usize) {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                // Headers to send, and registries with their logins, are maps of secrets.
                // `authorization` of a kubelet says which authorizer it has; that of a request is a secret.
                let settings = inner.is_object() && key == "authorization";
                let names = is_secret(key) || key.eq_ignore_ascii_case("staticPodURLHeader");
                let below = secret || (names && !settings);
                walk(inner, below, count);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|i| walk(i, secret, count)),
        Value::String(text) if secret && !text.is_empty() => {
            *text = MASK.to_owned();
            *count += 1;
        }
        Value::String(text) => {
            if let Some(masked) = url_password(text) {
                *text = masked;
                *count += 1;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(artifact: &str, text: &str) -> String {
        String::from_utf8(mask(artifact, text.as_bytes()).0.into_owned()).expect("text")
    }

    #[test]
    fn command_lines_lose_their_secrets_and_nothing_else() {
        let line = "kubelet\0--v=2\0--token=abc\0--token-file=/x\0--password\0hunter2\0--manifest-url-header=Authorization:Bearer x\0";
        assert_eq!(
            masked("cmdline", line),
            "kubelet\0--v=2\0--token=***\0--token-file=/x\0--password\0***\0--manifest-url-header=Authorization:***\0"
        );
        let plain = "kubelet\0--rotate-server-certificates=true\0--authentication-token-webhook=true\0";
        assert!(matches!(mask("cmdline", plain.as_bytes()), (Cow::Borrowed(_), 0)));
    }

    #[test]
    fn configurations_lose_headers_and_passwords() {
        let json = r#"{"kubeletconfig":{"staticPodURLHeader":{"X-Auth":["abc","d"]},"staticPodURL":"https://u:p@h/x","tokenFile":"/t","maxPods":110,"logging":{"format":"text"}}}"#;
        let text = masked("configz", json);
        for gone in ["abc", "\"d\"", "u:p@"] {
            assert!(!text.contains(gone), "{text}");
        }
        for kept in ["/t", "110", "https://u:***@h/x"] {
            assert!(text.contains(kept), "{text}");
        }
        let clean = br#"{"kubeletconfig": {"maxPods": 110, "authorization": {"mode": "Webhook", "webhook":
            {"cacheAuthorizedTTL": "5m0s"}}, "configMapAndSecretChangeDetectionStrategy": "Watch",
            "imagePullCredentialsVerificationPolicy": "NeverVerifyPreloadedImages"}}"#;
        assert!(
            matches!(mask("configz", clean), (Cow::Borrowed(_), 0)),
            "the server's bytes as they came"
        );
    }

    #[test]
    fn flags_lose_theirs() {
        assert_eq!(
            masked("flagz", "a=1\nbootstrap-token=xyz\n"),
            "a=1\nbootstrap-token=***\n"
        );
    }

    #[test]
    fn our_own_command_line_loses_its_token() {
        let args = ["capture", "--token", "abc", "--token=def", "--server=https://u:p@h:1/x"].map(str::to_owned);
        assert_eq!(
            command(&args),
            [
                "capture",
                "--token",
                "***",
                "--token=***",
                "--server=https://u:***@h:1/x"
            ]
        );
    }
}
