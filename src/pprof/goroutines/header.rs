//! The first line of a goroutine: `goroutine 7 [select (leaked), 5 minutes, locked to thread] {pod: web}:`.

use super::Goroutine;
use crate::model::{StringId, StringTable};
use crate::pprof::gotext::unquote;

/// Reads the line; labels are appended to `labels`. `None` when it is not the first of a goroutine.
pub(super) fn parse(
    line: &[u8],
    strings: &mut StringTable,
    labels: &mut Vec<(StringId, StringId)>,
) -> Option<Goroutine> {
    let (id, bracket) = id(line)?;
    let rest = &line[bracket + 2..];
    let end = rest.iter().position(|&b| b == b']')?;
    let mut g = Goroutine {
        id,
        ..Goroutine::default()
    };
    let inside = String::from_utf8_lossy(&rest[..end]);
    let mut parts = inside.split(", ");
    let mut state = parts.next()?;
    loop {
        if let Some(s) = state.strip_suffix(" (leaked)") {
            (state, g.leaked) = (s, true);
        } else if let Some(s) = state.strip_suffix(" (scan)") {
            (state, g.scan) = (s, true);
        } else if let Some(s) = state.strip_suffix(" (durable)") {
            (state, g.durable) = (s, true);
        } else {
            break;
        }
    }
    g.state = strings.intern(state);
    for part in parts {
        if let Some(n) = part.strip_suffix(" minutes") {
            g.wait_minutes = n.parse().ok();
        } else if part == "locked to thread" {
            g.locked_to_thread = true;
        } else if let Some(n) = part.strip_prefix("synctest bubble ") {
            g.bubble = n.parse().ok();
        }
    }
    let after = &rest[end + 1..];
    if let Some(list) = after.strip_prefix(b" {") {
        read_labels(list, strings, labels);
    } else if after != b":" {
        return None;
    }
    Some(g)
}

/// What can be told of a line that begins like the first of a goroutine and is damaged, cut or of a form that is not known:
/// its number, where that is whole, and its state. `None` where it is a sentence about a goroutine.
pub(super) fn damaged(line: &[u8], strings: &mut StringTable) -> Option<Goroutine> {
    let rest = line.strip_prefix(b"goroutine ")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, behind) = rest.split_at(digits);
    if number.is_empty() || !(behind.starts_with(b" [") || behind.starts_with(b"[") || behind.starts_with(b" gp=0x")) {
        return None;
    }
    let mut g = Goroutine {
        id: std::str::from_utf8(number)
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0),
        ..Goroutine::default()
    };
    let Some(open) = behind.iter().position(|&b| b == b'[') else {
        return Some(g);
    };
    let inside = &behind[open + 1..];
    let Some(close) = inside.iter().position(|&b| b == b']') else {
        // Cut inside of the brackets: only what a comma ends is whole.
        if let Some(comma) = inside.iter().position(|&b| b == b',') {
            g.state = strings.intern(&String::from_utf8_lossy(&inside[..comma]));
        }
        return Some(g);
    };
    let after = &inside[close + 1..];
    if after.starts_with(b":") && after.len() > 1 || !after.is_empty() && !after.ends_with(b":") {
        return None;
    }
    let state = inside[..close].split(|&b| b == b',').next().unwrap_or_default();
    g.state = strings.intern(&String::from_utf8_lossy(state));
    Some(g)
}

/// The number, and where ` [` stands: directly behind it, or behind ` gp=0x... m=... mp=0x...`.
fn id(line: &[u8]) -> Option<(u64, usize)> {
    const WORD: &[u8] = b"goroutine ";
    let rest = line.strip_prefix(WORD)?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let id = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let behind = &rest[digits..];
    let to_bracket = if behind.starts_with(b" gp=") {
        behind.iter().take(80).position(|&b| b == b'[')?.checked_sub(1)?
    } else {
        0
    };
    behind[to_bracket..]
        .starts_with(b" [")
        .then_some((id, WORD.len() + digits + to_bracket))
}

/// `key: value, "odd key": "odd value"}:`. Quoted where it is not of letters, digits, `.`, `/` and `_`.
fn read_labels(mut rest: &[u8], strings: &mut StringTable, labels: &mut Vec<(StringId, StringId)>) {
    let mut word = |rest: &mut &[u8], end: &[u8]| -> Option<StringId> {
        if let Some((text, after)) = unquote(rest) {
            *rest = after;
            return Some(strings.intern(&String::from_utf8_lossy(&text)));
        }
        let length = rest.iter().position(|b| end.contains(b))?;
        let (text, after) = rest.split_at(length);
        *rest = after;
        Some(strings.intern(&String::from_utf8_lossy(text)))
    };
    loop {
        let Some(key) = word(&mut rest, b":") else { return };
        let Some(after) = rest.strip_prefix(b": ") else { return };
        rest = after;
        let Some(value) = word(&mut rest, b",}") else { return };
        labels.push((key, value));
        let Some(after) = rest.strip_prefix(b", ") else { return };
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Labels = Vec<(String, String)>;

    fn read(line: &str) -> Option<(Goroutine, String, Labels)> {
        let (mut strings, mut labels) = (StringTable::new(), Vec::new());
        let g = parse(line.as_bytes(), &mut strings, &mut labels)?;
        let text = |id: StringId| strings.get(id).to_owned();
        let labels = labels.iter().map(|&(k, v)| (text(k), text(v))).collect();
        let state = text(g.state);
        Some((g, state, labels))
    }

    #[test]
    fn states_and_what_follows_them() {
        let (g, state, labels) = read("goroutine 7 [chan receive (nil chan)]:").unwrap();
        assert_eq!((g.id, state.as_str(), labels.len()), (7, "chan receive (nil chan)", 0));
        assert_eq!((g.wait_minutes, g.leaked, g.locked_to_thread), (None, false, false));

        let line = "goroutine 18446744073709551615 [select (leaked) (scan), 1440 minutes, locked to thread]:";
        let (g, state, _) = read(line).unwrap();
        assert_eq!((g.id, state.as_str()), (u64::MAX, "select"));
        assert!(g.leaked && g.scan && g.locked_to_thread && !g.durable);
        assert_eq!(g.wait_minutes, Some(1440));

        let (g, state, _) = read("goroutine 9 [sync.WaitGroup.Wait (durable), 2 minutes, synctest bubble 3]:").unwrap();
        assert_eq!(
            (state.as_str(), g.durable, g.wait_minutes, g.bubble),
            ("sync.WaitGroup.Wait", true, Some(2), Some(3))
        );

        let (g, state, _) = read("goroutine 0 gp=0x5a8f00 m=0 mp=0x5a9be0 [idle]:").unwrap();
        assert_eq!((g.id, state.as_str()), (0, "idle"));
        let (_, state, _) = read("goroutine 34 gp=0xc000102380 m=nil [GC worker (idle), 5 minutes]:").unwrap();
        assert_eq!(state, "GC worker (idle)");
    }

    #[test]
    fn labels_plain_and_quoted() {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let (_, _, labels) =
            read(r#"goroutine 1 [running] {pod: web, "k 2": "a \"b\", {c}\n", e: "", n: 1}:"#).unwrap();
        assert_eq!(
            labels,
            [
                pair("pod", "web"),
                pair("k 2", "a \"b\", {c}\n"),
                pair("e", ""),
                pair("n", "1")
            ]
        );
        let (_, _, labels) = read("goroutine 1 [running] {pod: web, cut").unwrap();
        assert_eq!(labels, [pair("pod", "web")]);
    }

    #[test]
    fn damaged_headers_and_sentences() {
        let read = |line: &str| {
            let mut strings = StringTable::new();
            let g = damaged(line.as_bytes(), &mut strings)?;
            Some((g.id, strings.get(g.state).to_owned()))
        };
        let some = |id, state: &str| Some((id, state.to_owned()));
        for (line, want) in [
            (
                "goroutine 77 gp=0xc000102380 m=nil [sync.Mutex.Lock, 13 minu",
                some(77, "sync.Mutex.Lock"),
            ),
            ("goroutine 7 [sel", some(7, "")),
            ("goroutine 7 gp=0xc0001", some(7, "")),
            ("goroutine 7 [select] labels:{\"a\": \"b\"}:", some(7, "select")),
            ("goroutine 8 [select, 2 minutes]{\"a\": \"b\"}:", some(8, "select")),
            ("goroutine 99999999999999999999 [running]:", some(0, "running")),
            ("goroutine 1 [running] is stuck", None),
            ("goroutine 7 [running]: it hangs", None),
            ("goroutine 12 is stuck", None),
        ] {
            assert_eq!(read(line), want, "{line}");
        }
    }

    #[test]
    fn other_lines() {
        for line in [
            "goroutine profile: total 3",
            "goroutine x [running]:",
            "goroutine 1 [running",
            "goroutine 1 [running] is stuck",
            "goroutine 99999999999999999999 [running]:",
            "goroutine 1",
            "goroutine 1 gp=[",
            "",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
