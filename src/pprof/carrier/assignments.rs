//! Entries of a journal as `KEY=VALUE` lines: `journalctl -o export` and `-o verbose`.

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
}

impl Entry {
    /// Takes up one line of it; false when the line does not belong to an entry.
    pub(super) fn line(&mut self, line: &[u8]) -> bool {
        let Some((key, value)) = key(line) else {
            return false;
        };
        let text = || String::from_utf8_lossy(value).trim_end().to_owned();
        match key {
            b"MESSAGE" => self.message = Some(value.to_vec()),
            b"_PID" => self.writer.pid = text().parse().ok(),
            b"SYSLOG_PID" if self.writer.pid.is_none() => self.writer.pid = text().parse().ok(),
            b"SYSLOG_IDENTIFIER" => self.writer.name = text(),
            b"_COMM" if self.writer.name.is_empty() => self.writer.name = text(),
            b"_HOSTNAME" => self.writer.host = text(),
            b"__REALTIME_TIMESTAMP" => self.at = stamp::of_number(value.trim_ascii()),
            b"_SOURCE_REALTIME_TIMESTAMP" if self.at.is_none() => self.at = stamp::of_number(value.trim_ascii()),
            _ => {}
        }
        true
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
