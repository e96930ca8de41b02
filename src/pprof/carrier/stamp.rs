//! Times in front of log lines: where one stands, and what it means.
//!
//! Every logger has its own. They are told by their shape: a date of digits, the name of a month, a clock, a number of
//! seconds. What cannot be placed in a year or a zone stays so.

use crate::model::evidence::{Clock, Stamp};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// The first time in `text`: where it stands and what it says.
pub(super) fn find(text: &[u8]) -> Option<(std::ops::Range<usize>, Clock)> {
    let mut at = 0;
    while at < text.len() {
        let start = at
            + text[at..]
                .iter()
                .position(|b| b.is_ascii_alphanumeric() || *b == b'[' || *b >= 0x80)?;
        if let Some((length, clock)) = time_at(&text[start..]) {
            return Some((start..start + length, clock));
        }
        // On to the next word.
        let rest = &text[start..];
        let word = if rest[0] == b'[' {
            1
        } else {
            rest.iter()
                .position(|b| !(b.is_ascii_alphanumeric() || *b >= 0x80 || matches!(b, b':' | b'.' | b'-' | b'_')))
                .unwrap_or(rest.len())
        };
        at = start + word.max(1);
    }
    None
}

/// The first time in `text` with its words.
pub(super) fn stamp(text: &[u8]) -> Option<Stamp> {
    let (range, clock) = find(text)?;
    Some(Stamp {
        text: String::from_utf8_lossy(&text[range]).trim().to_owned(),
        clock,
    })
}

/// The time of a number that a field of a record has, in seconds to nanoseconds by its size.
pub(super) fn of_number(digits: &[u8]) -> Option<Stamp> {
    let (whole, fraction) = match digits.iter().position(|&b| b == b'.') {
        Some(dot) => (&digits[..dot], &digits[dot..]),
        None => (digits, &digits[..0]),
    };
    let number: i64 = std::str::from_utf8(whole).ok()?.parse().ok()?;
    let scale = match whole.len() {
        9..=10 => SECOND,
        12..=13 => 1_000_000,
        15..=16 => 1000,
        18..=19 => 1,
        _ => return None,
    };
    let fraction = if scale == SECOND { nanos(fraction).1 } else { 0 };
    Some(Stamp {
        text: String::from_utf8_lossy(digits).into_owned(),
        clock: Clock::Epoch(number.checked_mul(scale)?.checked_add(fraction)?),
    })
}

/// A time at the very start of `text`: its length and meaning.
fn time_at(text: &[u8]) -> Option<(usize, Clock)> {
    match text[0] {
        b'[' => boot(text),
        b'0'..=b'9' => iso(text)
            .or_else(|| common_log(text))
            .or_else(|| epoch(text))
            .or_else(|| localized(text))
            .or_else(|| day_clock(text)),
        b'I' | b'W' | b'E' | b'F' if text.get(1).is_some_and(u8::is_ascii_digit) => klog(text),
        _ => month(text).or_else(|| localized(text)),
    }
}

/// `[12345.678901]` or `[    5.000000]`: seconds since the start of the machine.
fn boot(text: &[u8]) -> Option<(usize, Clock)> {
    let inside = text.strip_prefix(b"[")?;
    let blanks = inside.iter().take_while(|&&b| b == b' ').count();
    let (seconds, rest) = digits(&inside[blanks..], 1..=12)?;
    let (length, fraction) = nanos(rest);
    // `journalctl -o short-delta` writes the time since the line before as well: `[    5.000000 <    0.000137 >]`.
    let behind = rest.get(length..)?;
    let delta = match behind.strip_prefix(b" <") {
        Some(delta) => 2 + delta.iter().take_while(|b| b" 0123456789.*>".contains(b)).count(),
        None => 0,
    };
    if length < 4 || behind.get(delta) != Some(&b']') {
        return None;
    }
    let clock = Clock::Boot(seconds.checked_mul(SECOND)? + fraction);
    Some((text.len() - rest.len() + length + delta + 1, clock))
}

/// `2026-03-12T07:41:30.123+01:00`, `2026-03-12 07:41:30 UTC`, `2026/03/12 07:41:30`.
fn iso(text: &[u8]) -> Option<(usize, Clock)> {
    let (year, rest) = digits(text, 4..=4)?;
    let (&separator, rest) = rest.split_first()?;
    if !matches!(separator, b'-' | b'/' | b'.') {
        return None;
    }
    let (month, rest) = digits(rest, 2..=2)?;
    let rest = rest.strip_prefix(&[separator])?;
    let (day, rest) = digits(rest, 2..=2)?;
    let days = days(year, month, day)?;
    let (&between, rest) = rest.split_first()?;
    if !matches!(between, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let (time, rest) = clock(rest)?;
    let nanos = days.checked_mul(DAY)?.checked_add(time)?;
    let (zone, used) = zone(rest);
    let clock = match zone {
        Some(offset) => Clock::Epoch(nanos.checked_sub(offset)?),
        None => Clock::Local(nanos),
    };
    Some((text.len() - rest.len() + used, clock))
}

/// Nanoseconds east of Greenwich and how many bytes say so.
fn zone(text: &[u8]) -> (Option<i64>, usize) {
    for (word, length) in [(&b"Z"[..], 1), (b" UTC", 4), (b" GMT", 4), (b"z", 1)] {
        if text.starts_with(word) && !text.get(length).is_some_and(u8::is_ascii_alphanumeric) {
            return (Some(0), length);
        }
    }
    let (blank, rest) = match text.strip_prefix(b" ") {
        Some(rest) => (1, rest),
        None => (0, text),
    };
    let sign = match rest.first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return (None, 0),
    };
    let (hours, minutes, after) = match digits(&rest[1..], 4..=4) {
        Some((both, after)) => (both / 100, both % 100, after),
        None => {
            let Some((hours, after)) = digits(&rest[1..], 2..=2) else {
                return (None, 0);
            };
            match after.strip_prefix(b":").and_then(|after| digits(after, 2..=2)) {
                Some((minutes, after)) => (hours, minutes, after),
                None if blank == 0 => (hours, 0, after),
                None => return (None, 0),
            }
        }
    };
    let nanos = sign * (hours * 60 + minutes) * 60 * SECOND;
    (Some(nanos), blank + rest.len() - after.len())
}

/// `12/Mar/2026:07:41:30 +0000`
fn common_log(text: &[u8]) -> Option<(usize, Clock)> {
    let (day, rest) = digits(text, 1..=2)?;
    let rest = rest.strip_prefix(b"/")?;
    let month = month_number(rest.get(..3)?)?;
    let (year, rest) = digits(rest[3..].strip_prefix(b"/")?, 4..=4)?;
    let (time, rest) = clock(rest.strip_prefix(b":")?)?;
    let nanos = days(year, month, day)?.checked_mul(DAY)?.checked_add(time)?;
    let (zone, used) = zone(rest);
    let clock = match zone {
        Some(offset) => Clock::Epoch(nanos - offset),
        None => Clock::Local(nanos),
    };
    Some((text.len() - rest.len() + used, clock))
}

/// `1764000000.123456`
fn epoch(text: &[u8]) -> Option<(usize, Clock)> {
    let (seconds, rest) = digits(text, 9..=10)?;
    let (length, fraction) = nanos(rest);
    if length < 2 {
        return None;
    }
    let clock = Clock::Epoch(seconds * SECOND + fraction);
    Some((text.len() - rest.len() + length, clock))
}

/// `Mar 12 07:41:30`, `Mar  2 2026 07:41:30`
fn month(text: &[u8]) -> Option<(usize, Clock)> {
    let letters = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    if !(3..=9).contains(&letters) {
        return None;
    }
    let month = month_number(&text[..3])?;
    let (day, rest) = day(&text[letters..])?;
    let (year, rest) = match digits(rest, 4..=4) {
        Some((year, after)) if after.first() == Some(&b' ') => (Some(year), blanks(after)),
        _ => (None, rest),
    };
    let (time, rest) = clock(rest)?;
    let clock = match year {
        Some(year) => Clock::Local(days(year, month, day)?.checked_mul(DAY)?.checked_add(time)?),
        None => Clock::Year(of_year(month, day)? * DAY + time),
    };
    Some((text.len() - rest.len(), clock))
}

/// A month in another language, with its day and a clock behind it: `4月 03 09:26:34`.
fn localized(text: &[u8]) -> Option<(usize, Clock)> {
    let word = text.iter().position(|b| matches!(b, b' ' | b'\t'))?;
    let name = &text[..word];
    if name.len() > 20 || name.iter().any(|b| b.is_ascii_punctuation() && *b != b'.') {
        return None;
    }
    let (day, rest) = day(&text[word..])?;
    let (time, rest) = clock(rest)?;
    let month = digits(name, 1..=2).filter(|(_, rest)| !rest.is_ascii()).map(|(n, _)| n);
    let clock = match month {
        Some(month) => Clock::Year(of_year(month, day)? * DAY + time),
        None => Clock::Day(time),
    };
    Some((text.len() - rest.len(), clock))
}

/// Blanks, the day of a month, blanks.
fn day(text: &[u8]) -> Option<(i64, &[u8])> {
    let after = blanks(text);
    if after.len() == text.len() {
        return None;
    }
    let (day, rest) = digits(after, 1..=2)?;
    let rest = rest.strip_prefix(b",").unwrap_or(rest);
    let after = blanks(rest);
    (after.len() < rest.len() && (1..=31).contains(&day)).then_some((day, after))
}

/// `I0312 07:41:30.123456`
fn klog(text: &[u8]) -> Option<(usize, Clock)> {
    let (both, rest) = digits(&text[1..], 4..=4)?;
    let (time, rest) = clock(rest.strip_prefix(b" ")?)?;
    let clock = Clock::Year(of_year(both / 100, both % 100)? * DAY + time);
    Some((text.len() - rest.len(), clock))
}

/// `10:42`, `10:42 PM`, `07:41:30.123`
fn day_clock(text: &[u8]) -> Option<(usize, Clock)> {
    let (mut time, mut rest) = match clock(text) {
        Some(found) => found,
        None => {
            let (hours, rest) = digits(text, 1..=2)?;
            let (minutes, rest) = digits(rest.strip_prefix(b":")?, 2..=2)?;
            if hours > 23 || minutes > 59 || rest.first() == Some(&b':') {
                return None;
            }
            ((hours * 60 + minutes) * 60 * SECOND, rest)
        }
    };
    for (word, shift) in [
        (&b" PM"[..], 12),
        (b" AM", 0),
        (b" pm", 12),
        (b" am", 0),
        (b"PM", 12),
        (b"AM", 0),
    ] {
        if let Some(after) = rest.strip_prefix(word) {
            rest = after;
            if time < 12 * 3600 * SECOND {
                time += shift * 3600 * SECOND;
            }
            break;
        }
    }
    Some((text.len() - rest.len(), Clock::Day(time)))
}

/// `07:41:30.123456` as nanoseconds.
fn clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hours, rest) = digits(text, 1..=2)?;
    let (minutes, rest) = digits(rest.strip_prefix(b":")?, 2..=2)?;
    let (seconds, rest) = digits(rest.strip_prefix(b":")?, 2..=2)?;
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let (length, fraction) = nanos(rest);
    Some((
        ((hours * 60 + minutes) * 60 + seconds) * SECOND + fraction,
        &rest[length..],
    ))
}

/// A fraction of a second: how many bytes it takes and its nanoseconds.
fn nanos(text: &[u8]) -> (usize, i64) {
    if !matches!(text.first(), Some(b'.' | b',')) {
        return (0, 0);
    }
    let count = text[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 {
        return (0, 0);
    }
    let mut value = 0;
    for i in 0..9 {
        let digit = if i < count { i64::from(text[1 + i] - b'0') } else { 0 };
        value = value * 10 + digit;
    }
    (count + 1, value)
}

/// A number of so many digits, not more.
fn digits(text: &[u8], count: std::ops::RangeInclusive<usize>) -> Option<(i64, &[u8])> {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !count.contains(&length) {
        return None;
    }
    let (number, rest) = text.split_at(length);
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

fn blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    &text[blanks..]
}

fn month_number(name: &[u8]) -> Option<i64> {
    let name = name.to_ascii_lowercase();
    let at = MONTHS.iter().position(|m| name.starts_with(m))?;
    Some(at as i64 + 1)
}

/// Days since the Unix epoch.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1970..=2261).contains(&year) {
        return None;
    }
    let date = jiff::civil::Date::new(year as i16, month as i8, day as i8).ok()?;
    let epoch = jiff::civil::Date::constant(1970, 1, 1);
    Some(i64::from((date - epoch).get_days()))
}

/// Days since the first of January of a leap year.
fn of_year(month: i64, day: i64) -> Option<i64> {
    Some(days(2024, month, day)? - days(2024, 1, 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_loggers() {
        let at = |days: i64, h: i64, m: i64, s: i64| days * DAY + ((h * 60 + m) * 60 + s) * SECOND;
        let of_2026 = days(2026, 3, 12).unwrap();
        let of_leap = of_year(3, 12).unwrap();
        for (text, words, clock) in [
            (
                "Mar 12 07:41:30 node kubelet[7]: ",
                "Mar 12 07:41:30",
                Clock::Year(at(of_leap, 7, 41, 30)),
            ),
            (
                "Mar  2 07:41:30 node ",
                "Mar  2 07:41:30",
                Clock::Year(at(of_leap - 10, 7, 41, 30)),
            ),
            (
                "4月 03 09:26:34 n ",
                "4月 03 09:26:34",
                Clock::Year(at(of_leap + 22, 9, 26, 34)),
            ),
            ("März 12 09:26:34 n ", "März 12 09:26:34", Clock::Day(at(0, 9, 26, 34))),
            (
                "2026-03-12T07:41:30Z stderr F ",
                "2026-03-12T07:41:30Z",
                Clock::Epoch(at(of_2026, 7, 41, 30)),
            ),
            (
                "2026-03-12T08:41:30+01:00 ",
                "2026-03-12T08:41:30+01:00",
                Clock::Epoch(at(of_2026, 7, 41, 30)),
            ),
            (
                "2026-03-12T00:11:30-0730 ",
                "2026-03-12T00:11:30-0730",
                Clock::Epoch(at(of_2026, 7, 41, 30)),
            ),
            (
                "Thu 2026-03-12 07:41:30 UTC n ",
                "2026-03-12 07:41:30 UTC",
                Clock::Epoch(at(of_2026, 7, 41, 30)),
            ),
            (
                "Thu 2026-03-12 07:41:30 CET n ",
                "2026-03-12 07:41:30",
                Clock::Local(at(of_2026, 7, 41, 30)),
            ),
            (
                "2026/03/12 07:41:30 x",
                "2026/03/12 07:41:30",
                Clock::Local(at(of_2026, 7, 41, 30)),
            ),
            (
                "[12/Mar/2026:07:41:30 +0000] ",
                "12/Mar/2026:07:41:30 +0000",
                Clock::Epoch(at(of_2026, 7, 41, 30)),
            ),
            (
                "I0312 07:41:30.500000 4711 a.go:1] ",
                "I0312 07:41:30.500000",
                Clock::Year(at(of_leap, 7, 41, 30) + SECOND / 2),
            ),
            (
                "1764000000.250000 n ",
                "1764000000.250000",
                Clock::Epoch(1_764_000_000 * SECOND + SECOND / 4),
            ),
            (
                "[   12.500000] n kubelet[1]: ",
                "[   12.500000]",
                Clock::Boot(12 * SECOND + SECOND / 2),
            ),
            ("alice  10:42 PM ", "10:42 PM", Clock::Day(at(0, 22, 42, 0))),
        ] {
            let found = stamp(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((found.text.as_str(), found.clock), (words, clock), "{text}");
        }
        for text in [
            "",
            "node kubelet[7]: ",
            "[pod/a/b] ",
            "a:1 b:2",
            "12",
            "> ",
            "2026-13-12T07:41:30Z",
            "99:99:99",
        ] {
            assert_eq!(stamp(text.as_bytes()), None, "{text}");
        }
        assert_eq!(
            of_number(b"1773301290123456").unwrap().clock,
            Clock::Epoch(1_773_301_290_123_456_000)
        );
        assert_eq!(
            of_number(b"1773301290.5").unwrap().clock,
            Clock::Epoch(1_773_301_290_500_000_000)
        );
    }
}
