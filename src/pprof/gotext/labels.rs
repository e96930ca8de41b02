//! Labels as Go prints them: `{"key":"value", "key":"value"}`, quoted as `%q` quotes.

/// Keys and values in the order of the line. What does not parse ends the list.
pub(super) fn parse(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut out = Vec::new();
    let Some(mut rest) = text.trim_ascii().strip_prefix(b"{") else {
        return out;
    };
    loop {
        let Some((key, after)) = unquote(rest) else { return out };
        let Some(after) = after.strip_prefix(b":") else {
            return out;
        };
        let Some((value, after)) = unquote(after.trim_ascii_start()) else {
            return out;
        };
        out.push((key, value));
        let Some(after) = after.strip_prefix(b",") else {
            return out;
        };
        rest = after.trim_ascii_start();
    }
}

/// Takes a string in double quotes off the front, with Go's escapes resolved.
pub(in crate::pprof) fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut out = Vec::new();
    loop {
        let (&b, after) = rest.split_first()?;
        rest = after;
        match b {
            b'"' => return Some((out, rest)),
            b'\\' => {
                let (&escape, after) = rest.split_first()?;
                rest = after;
                let digits = match escape {
                    b'x' => 2,
                    b'u' => 4,
                    b'U' => 8,
                    _ => 0,
                };
                if digits == 0 {
                    out.push(match escape {
                        b'a' => 7,
                        b'b' => 8,
                        b'f' => 12,
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'v' => 11,
                        other => other,
                    });
                    continue;
                }
                let (number, after) = rest.split_at_checked(digits)?;
                let number = u32::from_str_radix(std::str::from_utf8(number).ok()?, 16).ok()?;
                rest = after;
                if digits == 2 {
                    out.push(number as u8);
                } else {
                    let c = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<(String, String)> {
        let lossy = |b: Vec<u8>| String::from_utf8_lossy(&b).into_owned();
        parse(line.as_bytes())
            .into_iter()
            .map(|(k, v)| (lossy(k), lossy(v)))
            .collect()
    }

    #[test]
    fn escapes_and_broken_lines() {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(
            texts(r#"{"odd \"key\"":"tab\tnew\nline \\ ünï \u2028 \x01 \U0001f600", "b":""}"#),
            [
                pair("odd \"key\"", "tab\tnew\nline \\ ünï \u{2028} \u{1} 😀"),
                pair("b", "")
            ]
        );
        assert_eq!(texts("{}"), []);
        assert_eq!(texts(r#"{"a":"1", "b":"cut"#), [pair("a", "1")]);
        assert_eq!(texts(r#"{"a":"\xzz"}"#), []);
        assert_eq!(texts(r#"{"a":"\u12"#), []);
    }
}
