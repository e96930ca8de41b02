//! Entries of a journal as `KEY=VALUE` lines: `journalctl -o export` and `-o verbose`.

use super::sources::{self, About};
use super::stamp;
use crate::model::evidence::{Clock, Stamp, Writer};

/// The key of a line of an entry.
pub(super) fn key(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_start();
    let equals = memchr::memchr(b'=', line)?;
    let (key, value) = (&line[..equals], &line[equals + 1..]);
    let is_key = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    (key.len() >= 2 && key.iter().all(is_key)).then_some((key, value))
}

/// What an entry says.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) message: Option<Vec<u8>>,
    pub(super) writer: Writer,
    pub(super) at: Option<Stamp>,
    pub(super) about: About,
}

/// Whether a line is the name of a field whose value follows as bytes with their number in front.
pub(super) fn is_name(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let is_key = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    line.len() >= 2 && line.len() <= 64 && line.iter().all(is_key) && line.iter().any(u8::is_ascii_uppercase)
}

/// The value behind such a line: eight bytes with its length (little-endian), the bytes, a line feed. And how long all of
/// that is.
pub(super) fn binary(rest: &[u8]) -> Option<(&[u8], usize)> {
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let value = rest.get(..length)?;
    (rest.get(length) == Some(&b'\n')).then_some((value, 8 + length + 1))
}

/// Where the name of a field with such a value starts, if `behind` ends inside of the value. Its number of bytes may hold
/// line feeds.
pub(super) fn name_above(behind: &[u8]) -> Option<usize> {
    let mut end = behind.len();
    for _ in 0..4 {
        let line_end = end.checked_sub(1)?;
        let start = memchr::memrchr(b'\n', &behind[..line_end]).map_or(0, |i| i + 1);
        if is_name(&behind[start..end]) {
            return Some(start);
        }
        end = start;
    }
    None
}

impl Entry {
    /// Reads an entry.
    pub(super) fn of(record: &[u8]) -> Self {
        let mut entry = Self::default();
        let mut at = 0;
        while at < record.len() {
            let end = memchr::memchr(b'\n', &record[at..]).map_or(record.len(), |i| at + i + 1);
            let line = record[at..end].trim_ascii_end();
            at = end;
            if is_name(line)
                && let Some((value, length)) = binary(&record[at..])
            {
                at += length;
                entry.field(line, value);
            } else {
                entry.line(line);
            }
        }
        entry
    }

    /// Takes up one line of it; false when the line does not belong to an entry.
    pub(super) fn line(&mut self, line: &[u8]) -> bool {
        let Some((key, value)) = key(line) else {
            return false;
        };
        self.field(key, value);
        true
    }

    fn field(&mut self, key: &[u8], value: &[u8]) {
        let text = || String::from_utf8_lossy(value).trim_end().to_owned();
        if key != b"MESSAGE" && value.len() <= 256 && self.about.len() < sources::MOST {
            self.about.push((String::from_utf8_lossy(key).into_owned(), text()));
        }
        match key {
            b"MESSAGE" => self.message = Some(value.to_vec()),
            b"_PID" => self.writer.pid = text().parse().ok(),
            b"SYSLOG_PID" if self.writer.pid.is_none() => self.writer.pid = text().parse().ok(),
            b"SYSLOG_IDENTIFIER" => self.writer.name = text(),
            b"_COMM" | b"_SYSTEMD_UNIT" if self.writer.name.is_empty() => self.writer.name = text(),
            b"_HOSTNAME" => self.writer.host = text(),
            b"__REALTIME_TIMESTAMP" => self.at = stamp::of_number(value.trim_ascii()),
            b"_SOURCE_REALTIME_TIMESTAMP" if self.at.is_none() => self.at = stamp::of_number(value.trim_ascii()),
            _ => {}
        }
    }

    /// The line above an entry of the verbose form has its time.
    pub(super) fn title(&mut self, line: &[u8]) {
        if let Some(at) = stamp::stamp(line)
            && matches!(at.clock, Clock::Epoch(_) | Clock::Local(_))
        {
            self.at = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry() {
        let mut entry = Entry::default();
        for line in [
            "__REALTIME_TIMESTAMP=1773301290000000",
            "    _PID=4711",
            "SYSLOG_IDENTIFIER=kubelet",
            "MESSAGE=goroutine 1 [running]:",
        ] {
            assert!(entry.line(line.as_bytes()), "{line}");
        }
        assert!(!entry.line(b""));
        assert!(!entry.line(b"main.f(0x1)"));
        assert_eq!(entry.writer.to_string(), "kubelet[4711]");
        assert_eq!(entry.message.as_deref(), Some(&b"goroutine 1 [running]:"[..]));
        assert_eq!(entry.at.and_then(|s| s.epoch_nanos()), Some(1_773_301_290_000_000_000));
    }
}
