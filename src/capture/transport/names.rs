//! What may stand for a node: the name of one (a DNS subdomain, RFC 1123), also with the port and the scheme that an API
//! server's proxy takes. Everything else is refused before anybody is asked, and what goes into a URL is escaped all the
//! same.

/// Longest name of a node.
const LONGEST: usize = 253;

/// Why a text names no node.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{name:?} is not a node name: {why}")]
pub struct NameError {
    name: String,
    why: &'static str,
}

impl NameError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "`kubectl get nodes` lists the names; NAME:PORT and https:NAME:PORT are taken too"
    }
}

/// Looks at what was typed for a node.
///
/// # Errors
/// When no node can have that name.
pub fn check_node(text: &str) -> Result<(), NameError> {
    let fail = |why| {
        Err(NameError {
            name: text.chars().take(80).collect(),
            why,
        })
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (name, port) = match parts[..] {
        [name] => (name, None),
        [name, port] => (name, Some(port)),
        ["http" | "https", name, port] => (name, Some(port)),
        [_, _, _] => return fail("the scheme before it is neither http nor https"),
        _ => return fail("it holds too many colons; an address is asked directly"),
    };
    if name.is_empty() {
        return fail("it is empty");
    }
    if name.len() > LONGEST {
        return fail("it is longer than 253 characters");
    }
    // Through a proxy, `https:NAME:` stands for the port that the node says.
    if port.is_some_and(|p| !(p.is_empty() && parts.len() == 3) && p.parse::<u16>().unwrap_or(0) == 0) {
        return fail("the part after the colon is not a port");
    }
    let lower = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.bytes().any(|c| c.is_ascii_uppercase()) {
        return fail("names of nodes have no capital letters");
    }
    if !name.bytes().all(|c| lower(c) || c == b'-' || c == b'.') {
        return fail("it holds something other than a-z, 0-9, `-` and `.`");
    }
    let part = |p: &str| p.bytes().next().is_some_and(lower) && p.bytes().next_back().is_some_and(lower);
    if !name.split('.').all(part) {
        return fail("each of its parts begins and ends with a letter or a digit");
    }
    Ok(())
}

/// A text as one segment of a path; the colons of `https:NAME:PORT` stay.
pub(super) fn segment(text: &str) -> String {
    escaped(text, b":")
}

/// A text in a URL, where only unreserved characters and `also` mean themselves.
pub(super) fn escaped(text: &str, also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::names::bare_node;

    #[test]
    fn names_of_nodes() {
        for good in [
            "worker-03",
            "ip-10-0-0-12.eu-west-1.compute.internal",
            "3",
            "worker-03:10250",
            "https:worker-03:10250",
            "https:worker-03:",
        ] {
            assert_eq!(check_node(good), Ok(()), "{good}");
        }
        let long = "a".repeat(254);
        for bad in [
            "",
            "a/b",
            "../../../secrets",
            "worker#1",
            "w?x",
            "worker 1",
            "worker-03/",
            "WORKER-03",
            "wörker",
            ".",
            "..",
            "%2e%2e",
            "-x",
            "x-",
            "a..b",
            "a\nb",
            "worker-03:",
            "worker-03:0",
            "worker-03:x",
            "ftp:n:1",
            "a:b:c:d",
            &long,
        ] {
            let error = check_node(bad).expect_err(bad);
            assert!(error.hint().contains("kubectl get nodes"), "{error}");
        }
    }

    #[test]
    fn nothing_of_a_name_is_syntax() {
        assert_eq!(segment("a/../b?c#d"), "a%2F..%2Fb%3Fc%23d");
        assert_eq!(segment("https:worker-03:10250"), "https:worker-03:10250");
        assert_eq!(bare_node("https:worker-03:10250"), "worker-03");
        assert_eq!(bare_node("worker-03:10250"), "worker-03");
        assert_eq!(bare_node("worker-03"), "worker-03");
    }
}
