//! Secrets never enter a bundle: values that look like one are replaced before anything is written.
//!
//! What a secret is, [`secrets`] says. Here it is said how each artifact is read: the command line is NUL-separated, `/flagz` has
//! a flag a line, `/configz` and the node are JSON, the rest is text. Paths of files that hold secrets stay: they say where to
//! look and give nothing away.

use std::borrow::Cow;

use crate::secrets::{self, MASK};

/// Masks what an artifact holds; says how many secrets there were.
pub fn mask<'a>(artifact: &str, bytes: &'a [u8]) -> (Cow<'a, [u8]>, usize) {
    match artifact {
        "cmdline" => words(bytes),
        _ if bytes.trim_ascii_start().starts_with(b"{") => json(bytes),
        "flagz" => lines(bytes),
        _ => text(bytes),
    }
}

/// Masks the secrets of a command line of our own, for the manifest.
pub fn command(args: &[String]) -> Vec<String> {
    secrets::command(args).0
}

/// Masks the body of an answer that is no artifact.
pub fn body(bytes: &[u8]) -> Vec<u8> {
    secrets::body(bytes).into_owned()
}

/// Masks the value of a header.
pub fn header(value: &str) -> String {
    secrets::text(value).into_owned()
}

fn words(bytes: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return (Cow::Borrowed(bytes), 0);
    };
    let args: Vec<String> = text.split('\0').map(str::to_owned).collect();
    match secrets::command(&args) {
        (_, 0) => (Cow::Borrowed(bytes), 0),
        (masked, count) => (Cow::Owned(masked.join("\0").into_bytes()), count),
    }
}

/// `name=value` in lines, or with another separator.
fn lines(bytes: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let Ok(all) = std::str::from_utf8(bytes) else {
        return (Cow::Borrowed(bytes), 0);
    };
    let mut count = 0;
    let mut out = String::with_capacity(all.len());
    for line in all.split_inclusive('\n') {
        let (body, end) = line.strip_suffix('\n').map_or((line, ""), |b| (b, "\n"));
        let masked = secrets::flag_line(body)
            .and_then(|(name, is, value)| Some(format!("{name}{is}{}", secrets::value(name, value)?)));
        count += usize::from(masked.is_some());
        out.push_str(masked.as_deref().unwrap_or(body));
        out.push_str(end);
    }
    // What spans lines, as a key does.
    match (secrets::text(&out), count) {
        (Cow::Borrowed(_), 0) => (Cow::Borrowed(bytes), 0),
        (masked, count) => (Cow::Owned(masked.into_owned().into_bytes()), count.max(1)),
    }
}

fn text(bytes: &[u8]) -> (Cow<'_, [u8]>, usize) {
    match std::str::from_utf8(bytes).map(secrets::text) {
        Ok(Cow::Owned(masked)) => {
            let count = masked.matches(MASK).count();
            (Cow::Owned(masked.into_bytes()), count)
        }
        _ => (Cow::Borrowed(bytes), 0),
    }
}

fn json(bytes: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return text(bytes);
    };
    let count = secrets::json(&mut value);
    match serde_json::to_vec(&value) {
        Ok(masked) if count > 0 => (Cow::Owned(masked), count),
        _ => (Cow::Borrowed(bytes), 0),
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
        let one_dash =
            "kubelet\0-password\0hunter2\0-token=abc\0--private-key=k1\0--manifest-url=https://x/?token=t1\0";
        assert_eq!(
            masked("cmdline", one_dash),
            "kubelet\0-password\0***\0-token=***\0--private-key=***\0--manifest-url=https://x/?token=***\0"
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
        for kept in ["/t", "110", "https://***@h/x"] {
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
        let settings =
            "authorization-mode=Webhook\nauthentication-token-webhook-cache-ttl=2m0s\nclient-ca-file=/etc/ca\n";
        assert!(matches!(mask("flagz", settings.as_bytes()), (Cow::Borrowed(_), 0)));
    }

    /// Kubernetes separates names and values by another mark with every start.
    #[test]
    fn flags_with_any_separator_lose_theirs() {
        for is in ["=", ":", ": ", " ", " = "] {
            let page =
                format!("\nkubelet flagz\nWarning: not for machines.\nbootstrap-token{is}xyz\nmax-pods{is}110\n");
            let text = masked("flagz", &page);
            assert_eq!(text, page.replace("xyz", "***"), "{is:?}");
        }
    }

    #[test]
    fn our_own_command_line_loses_its_token() {
        let args = ["capture", "--token", "abc", "--token=def", "--server=https://u:p@h:1/x"].map(str::to_owned);
        assert_eq!(
            command(&args),
            ["capture", "--token", "***", "--token=***", "--server=https://***@h:1/x"]
        );
    }
}
