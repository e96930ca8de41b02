//! Lines that stand before the one from which their prefix was learned.

use super::{Again, Carrier, Listener, clean, learn};

impl Carrier<'_> {
    /// Lines in front of the one that a prefix was learned from, which may say why the process ended.
    pub(super) fn hear_again(&mut self, listener: &mut dyn Listener, known: usize, offset: u64) {
        let (lines, above) = self.lines_behind(offset, Some(known), &*listener);
        let all = lines.len();
        for (i, (line, offset)) in lines.into_iter().enumerate() {
            // Those right above may be lines of the dump, of which nothing told the prefix.
            let again = match i + above < all {
                true => Again::Before,
                false => Again::Above,
            };
            let mut spans = std::mem::take(&mut self.spans);
            let found = self.known[known].template.matches(&line, &mut spans);
            self.spans = spans;
            if let Some(found) = found {
                self.prefixed(listener, known, &line, found, offset, false, again);
            }
        }
    }

    /// The last lines before `offset`, joined as a prefix says that they were broken; and how many of them may be of the
    /// dump.
    pub(super) fn lines_behind(
        &self,
        offset: u64,
        known: Option<usize>,
        listener: &dyn Listener,
    ) -> (Vec<(Vec<u8>, u64)>, usize) {
        let mut lines: Vec<(Vec<u8>, u64)> = Vec::new();
        let behind = self.feed.behind(0);
        let from = self.feed.offset() - behind.len() as u64;
        let end = usize::try_from(offset.saturating_sub(from)).unwrap_or(0);
        let Some(behind) = behind.get(..end).and_then(|b| b.strip_suffix(b"\n")) else {
            return (lines, 0);
        };
        let mut start = behind.len();
        for _ in 0..learn::LINES_BEHIND {
            match memchr::memrchr(b'\n', &behind[..start]) {
                Some(newline) => start = newline,
                None => {
                    start = 0;
                    break;
                }
            }
        }
        let mut at = from + start as u64;
        let known = known.map(|known| &self.known[known]);
        let wrap = known.and_then(|known| known.wrap);
        let mut columns = 0;
        for line in behind[start..].split(|&b| b == b'\n') {
            let offset = at;
            at += line.len() as u64 + 1;
            let line = clean(line).into_owned();
            let before = std::mem::replace(&mut columns, wrap.map_or(0, |wrap| wrap.columns(&line)));
            if let (Some(wrap), Some(known), Some((held, _))) = (wrap, known, lines.last_mut()) {
                let has_prefix = |line: &[u8]| known.template.matches(line, &mut Vec::new()).is_some();
                if wrap.joins(held, before, &line, has_prefix, listener.looks()) {
                    wrap.join(held, before, &line);
                    continue;
                }
            }
            lines.push((line, offset));
        }
        // A line that is broken tells no prefix: more of the dump may stand above.
        let above = match wrap {
            Some(_) => learn::LINES_ABOVE_BROKEN,
            None => learn::LINES_ABOVE,
        };
        (lines, above)
    }
}
