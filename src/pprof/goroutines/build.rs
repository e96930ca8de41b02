//! From clean lines of one process to a dump: which goroutine a line belongs to, and what is known to be missing.
//!
//! Lines may be lost anywhere. What ends a goroutine is therefore taken seriously: a blank line, the next header,
//! `created by` with its place. A frame behind such an end and without a header belongs to a goroutine whose header is
//! missing; it is never added to the one before. A function whose place is missing stays a frame where only the runtime
//! writes such a line; a place without its function is left out. Both mark the goroutine as damaged.

use rustc_hash::FxHashSet;

use super::line::{Place, Shape, shape};
use super::places;
use super::{Ancestor, Creator, Gap, GoFrame, Goroutine, GoroutineDump, HeaderState, Run, header};
use crate::model::StringId;

/// So many functions without a place are remembered.
const NEAR: usize = 3;

/// What a line was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// A part of the dump.
    Part,
    /// A blank line.
    Blank,
    /// Nothing of a dump.
    Noise,
    /// The first line of another dump, which is not read yet.
    Next,
}

/// What the next place is the place of.
#[derive(Clone, Copy, Default)]
pub(super) enum Pending {
    #[default]
    Nothing,
    /// A function, and whether only the runtime writes such a line.
    Frame(GoFrame, bool),
    Creator(Creator),
}

/// Where the next line stands.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Here {
    /// Before the first goroutine, or behind a blank line.
    #[default]
    Outside,
    /// Inside of a goroutine.
    Inside,
    /// Behind `created by`.
    Creator,
    /// Behind the place of `created by`, or behind the outermost frame that there can be.
    Closed,
    /// Inside of a stack that is of no goroutine, or of one that is there already.
    Ignored,
}

#[derive(Default)]
pub(super) struct Builder {
    pub(super) dump: GoroutineDump,
    /// Blank lines stand between all lines and mean nothing.
    pub(super) spaced: bool,
    pub(super) pending: Pending,
    here: Here,
    /// Frames belong to the last ancestor.
    in_ancestor: bool,
    /// The goroutine that lines belong to.
    pub(super) current: usize,
    /// A damaged header that counts once something of its goroutine follows.
    doubtful: Option<Goroutine>,
    /// What stood in front of that header. Where other lines have it as well, those of the goroutine stand behind it.
    head: Vec<u8>,
    seen: FxHashSet<u64>,
    /// Threads of a crash print their own goroutine again.
    after_rule: bool,
    /// The log says that lines are missing.
    pub(super) lost: bool,
    /// The last functions that stood without a place.
    alone: Vec<StringId>,
}

impl Builder {
    pub(super) fn is_empty(&self) -> bool {
        self.dump.goroutines.is_empty()
    }

    /// How many goroutines there are.
    pub(super) fn count(&self) -> usize {
        self.dump.goroutines.len()
    }

    /// How many frames there are.
    pub(super) fn frames(&self) -> usize {
        self.dump.frames.len()
    }

    /// Whether what announces a crash would announce another one.
    pub(super) fn is_over(&self) -> bool {
        !self.is_empty() && !self.after_rule
    }

    /// Lines are missing here.
    pub(super) fn lines_are_missing(&mut self) {
        self.lost = true;
        if self.is_inside() {
            self.damage();
        }
    }

    /// Whether the next line may be of a goroutine that has begun.
    pub(super) fn is_inside(&self) -> bool {
        matches!(self.here, Here::Inside | Here::Creator)
    }

    /// Whether a line of the goroutine has to follow: the place of its function, or anything at all.
    pub(super) fn is_waiting(&self) -> bool {
        let is_bare = |g: &Goroutine| g.frames.start == g.frames.end && !g.stack_unavailable;
        let begun = self.dump.goroutines.get(self.current).is_some_and(is_bare);
        !matches!(self.pending, Pending::Nothing) || self.here == Here::Inside && begun
    }

    /// Reads a line. After [`Taken::Next`] nothing has changed, and the line is to be given to another builder.
    pub(super) fn line(&mut self, line: &[u8], offset: u64) -> Taken {
        let shape = shape(line);
        match shape {
            Shape::Blank => {
                if !self.spaced {
                    self.flush();
                    self.here = Here::Outside;
                    self.in_ancestor = false;
                    self.settle_doubt(false);
                }
                return Taken::Blank;
            }
            Shape::Header => return self.header(line.trim_ascii(), offset),
            Shape::Leak { id, state } => {
                if self.seen.contains(&id) && !self.after_rule {
                    return Taken::Next;
                }
                let state = self.intern(state);
                self.close();
                self.head.clear();
                // Old versions print the header below it.
                self.doubtful = Some(Goroutine {
                    id,
                    state,
                    offset,
                    ..Goroutine::default()
                });
                return Taken::Part;
            }
            Shape::Rule => {
                self.close();
                self.after_rule = true;
                return Taken::Noise;
            }
            Shape::Register => {
                self.close();
                return Taken::Noise;
            }
            Shape::System => {
                self.close();
                self.here = Here::Ignored;
                return Taken::Noise;
            }
            Shape::Other => {
                // What another line stands between is not a function and its place.
                if matches!(self.pending, Pending::Frame(_, false)) {
                    self.flush();
                }
                return self.header_behind(line, offset);
            }
            _ => {}
        }
        if self.doubtful.is_some() && shape.is_sure() {
            self.settle_doubt(true);
        }
        if self.here == Here::Ignored {
            return Taken::Noise;
        }
        self.part(shape, offset)
    }

    /// A line that only makes sense as a part of a goroutine.
    fn part(&mut self, shape: Shape<'_>, offset: u64) -> Taken {
        match shape {
            Shape::Call { name, args, sure } => {
                if self.here == Here::Creator {
                    self.flush();
                    self.here = Here::Closed;
                }
                if !sure && self.here != Here::Inside {
                    return Taken::Noise;
                }
                self.flush();
                if self.here == Here::Inside && !self.in_ancestor && self.is_rooted(name) {
                    self.here = Here::Closed;
                }
                let frame = self.frame(name, args);
                self.pending = Pending::Frame(frame, sure);
                Taken::Part
            }
            // The place of a function comes first.
            Shape::Word(_) if matches!(self.pending, Pending::Frame(_, true)) => Taken::Noise,
            // A function of C stands without brackets.
            Shape::Word(word) if self.here == Here::Inside && Shape::is_foreign_function(word) => {
                self.flush();
                let frame = self.frame(word, b"");
                self.pending = Pending::Frame(frame, false);
                Taken::Part
            }
            Shape::Place(place) => self.place(place, offset),
            Shape::Creator { name, parent, odd } => {
                if self.here != Here::Inside && !self.without_header(offset) {
                    return Taken::Noise;
                }
                self.flush();
                if odd {
                    self.damage();
                }
                let function = self.intern(name);
                self.pending = Pending::Creator(Creator {
                    function,
                    parent,
                    ..Creator::default()
                });
                self.here = Here::Creator;
                Taken::Part
            }
            Shape::Elided(elided) if self.here == Here::Inside => {
                self.flush();
                self.gap(elided);
                Taken::Part
            }
            Shape::Ancestor(id) if !self.is_empty() && self.here != Here::Outside => {
                self.flush();
                self.ancestor(id);
                Taken::Part
            }
            Shape::Unavailable if self.here == Here::Inside => {
                self.flush();
                if let Some(g) = self.current() {
                    g.stack_unavailable = true;
                }
                Taken::Part
            }
            Shape::NotGo(pc) if self.here == Here::Inside => {
                self.flush();
                self.push(GoFrame {
                    pc,
                    ..GoFrame::default()
                });
                Taken::Part
            }
            _ => Taken::Noise,
        }
    }

    fn header(&mut self, line: &[u8], offset: u64) -> Taken {
        let labels = self.dump.labels.len();
        if let Some(mut g) = header::parse(line, &mut self.dump.strings, &mut self.dump.labels) {
            g.labels = Run {
                start: labels as u32,
                end: self.dump.labels.len() as u32,
            };
            let taken = self.start(g, offset);
            if taken == Taken::Next {
                self.dump.labels.truncate(labels);
            }
            return taken;
        }
        let Some(mut g) = header::damaged(line, &mut self.dump.strings) else {
            return Taken::Noise;
        };
        if g.id != 0 && self.seen.contains(&g.id) && !self.after_rule {
            return Taken::Next;
        }
        self.close();
        g.offset = offset;
        g.header = HeaderState::Damaged;
        self.head.clear();
        self.doubtful = Some(g);
        if !self.is_empty() {
            self.settle_doubt(true);
        }
        Taken::Part
    }

    /// A header at the end of a line: what a logger wrote in front of the first line of a text of several. It counts if
    /// something of the goroutine follows.
    fn header_behind(&mut self, line: &[u8], offset: u64) -> Taken {
        const HEAD: usize = 7;
        let line = line.trim_ascii();
        if self.doubtful.is_some() && !self.head.is_empty() && line.starts_with(&self.head) {
            self.settle_doubt(false);
        }
        let Some(at) = memchr::memmem::rfind(line, b"goroutine ").filter(|&at| at > 0) else {
            return Taken::Noise;
        };
        if line[at - 1].is_ascii_alphanumeric() {
            return Taken::Noise;
        }
        let labels = self.dump.labels.len();
        let header = header::parse(&line[at..], &mut self.dump.strings, &mut self.dump.labels);
        self.dump.labels.truncate(labels);
        let Some(g) = header else {
            return Taken::Noise;
        };
        if g.id != 0 && self.seen.contains(&g.id) && !self.after_rule {
            return if self.is_inside() { Taken::Noise } else { Taken::Next };
        }
        self.close();
        self.doubtful = Some(Goroutine { offset, ..g });
        self.head = line[..at.min(HEAD)].to_vec();
        Taken::Part
    }

    /// A damaged header counts if something of a goroutine follows it.
    fn settle_doubt(&mut self, follows: bool) {
        if let Some(g) = self.doubtful.take()
            && follows
        {
            self.push_goroutine(g);
        }
    }

    fn start(&mut self, mut g: Goroutine, offset: u64) -> Taken {
        let known = g.id != 0 && self.seen.contains(&g.id);
        if known {
            let at = self.dump.goroutines.iter().rposition(|old| old.id == g.id);
            let old = at.and_then(|at| self.dump.goroutines.get(at));
            let is_empty = old.is_some_and(|old| old.frames.start == old.frames.end);
            if is_empty && at == Some(self.current) && self.here == Here::Inside {
                // The header below the line of goleak, or the same line twice.
                let (frames, ancestors) = (old.map(|o| o.frames), old.map(|o| o.ancestors));
                g.frames = frames.unwrap_or_default();
                g.ancestors = ancestors.unwrap_or_default();
                g.offset = offset;
                self.dump.goroutines[self.current] = g;
                self.here = Here::Inside;
                return Taken::Part;
            }
            if !self.after_rule {
                return Taken::Next;
            }
            self.close();
            let Some(at) = at.filter(|_| is_empty) else {
                self.here = Here::Ignored;
                return Taken::Part;
            };
            // The thread that runs it prints the stack that the first one could not see.
            self.current = at;
            let end = self.dump.frames.len() as u32;
            self.dump.goroutines[at].frames = Run { start: end, end };
            self.dump.goroutines[at].stack_unavailable = false;
            self.here = Here::Inside;
            return Taken::Part;
        }
        self.close();
        g.offset = offset;
        self.push_goroutine(g);
        Taken::Part
    }

    fn push_goroutine(&mut self, mut g: Goroutine) {
        let empty = |at: usize| Run {
            start: at as u32,
            end: at as u32,
        };
        g.frames = empty(self.dump.frames.len());
        g.ancestors = empty(self.dump.ancestors.len());
        if g.id != 0 {
            self.seen.insert(g.id);
        }
        self.current = self.dump.goroutines.len();
        self.dump.goroutines.push(g);
        (self.here, self.in_ancestor) = (Here::Inside, false);
    }

    /// Begins a goroutine whose header is missing. False where that cannot be told from something else.
    fn without_header(&mut self, offset: u64) -> bool {
        // Stacks of ancestors follow `created by` as well, below a line that may be lost.
        if !self.dump.ancestors.is_empty() {
            self.damage();
            return false;
        }
        let pending = std::mem::take(&mut self.pending);
        if let Pending::Creator(creator) = pending {
            self.set_creator(creator);
        }
        self.push_goroutine(Goroutine {
            header: HeaderState::Missing,
            offset,
            ..Goroutine::default()
        });
        if let Pending::Frame(..) = pending {
            self.pending = pending;
        }
        true
    }

    fn place(&mut self, place: Place<'_>, offset: u64) -> Taken {
        let sure = place.offset != 0;
        let pending = match std::mem::take(&mut self.pending) {
            // Every function of Go has brackets: the word above is a piece of a line.
            Pending::Frame(f, false) if f.args == StringId::EMPTY && place.file.ends_with(b".go") => {
                self.dump.skipped.other_lines += 1;
                Pending::Nothing
            }
            pending => pending,
        };
        match (pending, self.here) {
            (Pending::Creator(mut creator), _) => {
                creator.file = self.intern(place.file);
                creator.line = place.line;
                self.dump.pairs.matched += 1;
                self.set_creator(creator);
                self.here = if self.in_ancestor { Here::Inside } else { Here::Closed };
            }
            (Pending::Frame(frame, _), Here::Inside) => self.placed(frame, place),
            (Pending::Frame(frame, true), _) if sure || frame.inlined => {
                if !self.without_header(offset) {
                    return Taken::Noise;
                }
                self.placed(frame, place);
            }
            // The function of this place is missing.
            (Pending::Nothing, Here::Inside) => {
                self.place_alone(place);
                self.damage();
                return Taken::Noise;
            }
            (Pending::Nothing, Here::Closed | Here::Outside) if sure && !self.is_empty() => {
                self.place_alone(place);
                if self.without_header(offset) {
                    self.damage();
                }
                return Taken::Noise;
            }
            _ => {
                self.place_alone(place);
                return Taken::Noise;
            }
        }
        Taken::Part
    }

    /// Notes a place without a function, and whether its function stands alone above.
    fn place_alone(&mut self, place: Place<'_>) {
        if place.offset == 0 {
            return;
        }
        self.dump.pairs.places += 1;
        let file = String::from_utf8_lossy(place.file);
        let strings = &self.dump.strings;
        let at = (self.alone.iter()).rposition(|&name| places::is_in_folder_of(strings.get(name), &file));
        if let Some(at) = at {
            self.alone.remove(at);
            self.dump.pairs.crossed += 1;
        }
    }

    fn placed(&mut self, mut frame: GoFrame, place: Place<'_>) {
        frame.file = self.intern(place.file);
        (frame.line, frame.offset, frame.pc) = (place.line, place.offset, place.pc);
        // Ancestors' frames have no arguments and are not inlined for that.
        frame.inlined = frame.inlined && frame.offset == 0;
        self.dump.pairs.matched += 1;
        self.push(frame);
    }

    /// Whether no frame but that of `next` can be missing: a stack ends at `runtime.goexit`, the first goroutine's at
    /// `main.main`.
    fn is_rooted(&self, next: &[u8]) -> bool {
        let Some(g) = self.dump.goroutines.get(self.current) else {
            return false;
        };
        let Some(last) = self.dump.frames(g).last() else {
            return false;
        };
        match self.dump.text(last.function) {
            "runtime.goexit" => true,
            "main.main" => g.id == 1 && !next.starts_with(b"runtime."),
            _ => false,
        }
    }

    fn ancestor(&mut self, id: u64) {
        let at = self.dump.frames.len() as u32;
        self.dump.ancestors.push(Ancestor {
            id,
            created_by: None,
            frames: Run { start: at, end: at },
        });
        let end = self.dump.ancestors.len() as u32;
        if let Some(g) = self.current() {
            g.ancestors.end = end;
        }
        (self.here, self.in_ancestor) = (Here::Inside, true);
    }

    fn current(&mut self) -> Option<&mut Goroutine> {
        self.dump.goroutines.get_mut(self.current)
    }

    /// Something of the goroutine is known to be missing.
    pub(super) fn damage(&mut self) {
        if let Some(g) = self.current() {
            g.damaged = true;
        }
    }

    pub(super) fn intern(&mut self, text: &[u8]) -> StringId {
        match std::str::from_utf8(text) {
            Ok(text) => self.dump.strings.intern(text),
            Err(_) => self.dump.strings.intern(&String::from_utf8_lossy(text)),
        }
    }

    fn frame(&mut self, name: &[u8], args: &[u8]) -> GoFrame {
        let name = match name {
            b"panic" => b"runtime.gopanic",
            name => name,
        };
        GoFrame {
            function: self.intern(name),
            args: self.intern(args),
            inlined: args == b"...",
            ..GoFrame::default()
        }
    }

    fn gap(&mut self, elided: Option<u64>) {
        let frames = self.dump.frames.len() as u32;
        if self.in_ancestor {
            return;
        }
        if let Some(g) = self.current()
            && g.gap.is_none()
        {
            let after = frames - g.frames.start;
            g.gap = Some(Gap { after, elided });
        }
    }

    pub(super) fn push(&mut self, frame: GoFrame) {
        self.dump.frames.push(frame);
        let end = self.dump.frames.len() as u32;
        if self.in_ancestor {
            if let Some(a) = self.dump.ancestors.last_mut() {
                a.frames.end = end;
            }
        } else if let Some(g) = self.current() {
            g.frames.end = end;
        }
    }

    pub(super) fn set_creator(&mut self, creator: Creator) {
        if self.in_ancestor {
            if let Some(a) = self.dump.ancestors.last_mut() {
                a.created_by = Some(creator);
            }
        } else if let Some(g) = self.current() {
            g.created_by = Some(creator);
        }
    }

    /// What waits for its place does not get one. A creator is one all the same, and so is a function where no line but
    /// that of a frame looks like it.
    fn flush(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if let Pending::Frame(GoFrame { function, .. }, true) | Pending::Creator(Creator { function, .. }) = pending {
            self.dump.pairs.functions += 1;
            if self.alone.len() >= NEAR {
                self.alone.remove(0);
            }
            self.alone.push(function);
        }
        match pending {
            Pending::Nothing => {}
            Pending::Frame(frame, true) if self.here == Here::Inside => {
                self.push(frame);
                self.damage();
            }
            Pending::Frame(..) => self.dump.skipped.other_lines += 1,
            Pending::Creator(creator) => self.set_creator(creator),
        }
    }

    /// Nothing that follows belongs to this goroutine.
    pub(super) fn close(&mut self) {
        self.flush();
        (self.here, self.in_ancestor) = (Here::Outside, false);
        self.settle_doubt(false);
    }
}
