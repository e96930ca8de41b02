//! The end of a dump: what waits for its place, what was cut, and places that cannot be those of their functions.

use super::build::{Builder, Pending};
use super::{Goroutine, GoroutineDump, HeaderState, Truncation, places};
use crate::model::StringId;

impl Builder {
    /// Where lines are missing, a function may stand above the place of another one: places outside of the function's
    /// package are forgotten.
    fn forget_places_of_others(&mut self) {
        let dump = &mut self.dump;
        for g in &mut dump.goroutines {
            let frames = g.frames.start as usize..g.frames.end as usize;
            for frame in dump.frames.get_mut(frames).unwrap_or_default() {
                if !places::may_be_in(dump.strings.get(frame.function), dump.strings.get(frame.file)) {
                    (frame.file, frame.line, frame.offset, frame.pc) = (StringId::EMPTY, 0, 0, 0);
                    g.damaged = true;
                    dump.pairs.part();
                }
            }
            if let Some(c) = &mut g.created_by
                && !places::may_be_in(dump.strings.get(c.function), dump.strings.get(c.file))
            {
                (c.file, c.line) = (StringId::EMPTY, 0);
                g.damaged = true;
                dump.pairs.part();
            }
        }
    }

    /// The dump. With `at_end` the text ends here, and a goroutine that is not whole was cut.
    pub(super) fn finish(mut self, at_end: bool) -> GoroutineDump {
        let inside = self.is_inside();
        let pending = std::mem::take(&mut self.pending);
        match pending {
            Pending::Nothing => {}
            // A whole line of a function, and then the end of the text.
            Pending::Frame(frame, _) if inside => {
                self.push(frame);
                self.damage();
            }
            Pending::Frame(..) => self.dump.skipped.other_lines += 1,
            Pending::Creator(creator) => self.set_creator(creator),
        }
        let is_damaged = |g: &Goroutine| g.damaged || g.header != HeaderState::Whole;
        if self.lost || self.dump.goroutines.iter().any(is_damaged) {
            self.forget_places_of_others();
        }
        // Where no function has its place, that of the last one is not what the text ends before.
        let has_places = self.dump.pairs.matched >= self.dump.pairs.functions;
        if at_end && inside && has_places && !matches!(pending, Pending::Nothing) {
            self.dump.truncated.get_or_insert(Truncation::Cut);
        }
        if self.dump.truncated.is_some()
            && inside
            && let Some(g) = self.dump.goroutines.get_mut(self.current)
        {
            g.cut = true;
        }
        self.dump
    }
}
