//! Who wrote a line, told by the words of its prefix: process and number, pod and container, host.

use super::prefix::{MOST_WORDS, is_weekday, next_word};
use super::stamp;
use crate::model::evidence::Writer;

/// Who wrote a line with this prefix, as far as its words say so.
pub(super) fn writer(prefix: &[u8]) -> Writer {
    let time = stamp::find(prefix).map(|(range, _)| range);
    let mut words: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    while let Some(span) = next_word(prefix, at) {
        at = span.end;
        let in_time = time.as_ref().is_some_and(|t| span.start < t.end && t.start < span.end);
        let word = &prefix[span];
        if !in_time && !is_weekday(word) && words.len() < MOST_WORDS {
            words.push(word);
        }
    }
    named(&words, time.is_some())
}

/// The writer that these words name; times are not among them.
pub(super) fn named(words: &[&[u8]], has_time: bool) -> Writer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut writer = Writer::default();
    // `kubelet[4711]:`
    let named = words.iter().rposition(|w| {
        let w = w.strip_suffix(b":").unwrap_or(w);
        w.strip_suffix(b"]").is_some_and(|w| {
            let digits = w.iter().rev().take_while(|b| b.is_ascii_digit()).count();
            let name = &w[..w.len() - digits];
            digits > 0 && name.len() > 1 && name.ends_with(b"[")
        })
    });
    if let Some(at) = named {
        let word = words[at].strip_suffix(b":").unwrap_or(words[at]);
        let open = word.iter().rposition(|&b| b == b'[').unwrap_or(0);
        writer.name = text(file_name(&word[..open]));
        writer.pid = text(&word[open + 1..word.len() - 1]).parse().ok();
        writer.host = host(words, at);
        return writer;
    }
    // klog names its process alone.
    if let [.., pid, place] = words
        && place.ends_with(b"]")
        && place.contains(&b':')
        && pid.iter().all(u8::is_ascii_digit)
    {
        writer.pid = text(pid).parse().ok();
        return writer;
    }
    // `[pod/kubelet-x/kubelet]`
    if let Some(word) = words
        .iter()
        .find(|w| w.starts_with(b"[") && w.ends_with(b"]") && w.contains(&b'/'))
    {
        let inside = &word[1..word.len() - 1];
        writer.name = text(file_name(inside));
        writer.rest = text(inside);
        return writer;
    }
    // `kubelet-1  |`
    if let Some(at) = words.iter().position(|w| *w == b"|")
        && at > 0
    {
        writer.name = text(words[at - 1]);
        return writer;
    }
    // `kubelet:`
    if let Some((last, _)) = words.split_last()
        && let Some(name) = last.strip_suffix(b":")
        && has_time
        && name.iter().any(u8::is_ascii_alphabetic)
    {
        writer.name = text(file_name(name));
        writer.host = host(words, words.len() - 1);
        return writer;
    }
    let has_letter = |w: &&[u8]| w.iter().any(|b| b.is_ascii_alphabetic() || *b >= 0x80);
    let mut rest: Vec<&[u8]> = (words.iter().copied())
        .filter(has_letter)
        .filter(|w| !matches!(*w, b"F" | b"P"))
        .collect();
    if rest.is_empty() {
        rest.extend(words.iter().filter(|w| w.iter().any(u8::is_ascii_digit)));
    }
    writer.rest = text(&rest.join(&b' '));
    writer
}

fn host(words: &[&[u8]], name: usize) -> String {
    let host = name.checked_sub(1).map(|at| words[at]);
    let is_host = |w: &&[u8]| {
        w.iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
    };
    host.filter(is_host)
        .map_or_else(String::new, |w| String::from_utf8_lossy(w).into_owned())
}

/// The name behind folders, and behind the fields that a kernel log puts in front: `30,100,123,-;kubelet`.
fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| matches!(b, b'/' | b';')).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers() {
        let of = |host: &str, name: &str, pid: Option<u64>, rest: &str| Writer {
            host: host.to_owned(),
            name: name.to_owned(),
            pid,
            rest: rest.to_owned(),
        };
        for (prefix, want) in [
            (
                "Mar 12 07:41:30 node-a7 kubelet[4711]: ",
                of("node-a7", "kubelet", Some(4711), ""),
            ),
            ("30,100,12345678,-;kubelet[4711]: ", of("", "kubelet", Some(4711), "")),
            (
                "May 03 16:11:34 containerd[19317]: ",
                of("", "containerd", Some(19317), ""),
            ),
            (
                "Jun 22 11:01:19 worker-b kubelet: ",
                of("worker-b", "kubelet", None, ""),
            ),
            ("2026-03-12T07:41:30Z stderr F ", of("", "", None, "stderr")),
            (
                "I0312 07:41:30.123456    4711 server.go:12] ",
                of("", "", Some(4711), ""),
            ),
            (
                "[pod/kubelet-x/kubelet] ",
                of("", "kubelet", None, "pod/kubelet-x/kubelet"),
            ),
            ("kubelet-1  | ", of("", "kubelet-1", None, "")),
            ("> ", of("", "", None, "")),
            ("", of("", "", None, "")),
        ] {
            assert_eq!(writer(prefix.as_bytes()), want, "{prefix}");
        }
    }
}
