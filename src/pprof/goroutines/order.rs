//! Whether the lines of a text stand in their order, and what is left of a dump where they do not.
//!
//! A function stands above its place, and every goroutine has one first line and one creator. Where lines are lost, some of
//! them stand alone; where most of both kinds do, the lines were sorted, shuffled or woven into each other. Of such a text
//! the headers prove that there were goroutines, and nothing proves which stack is whose.

use super::{Dumps, GoroutineDump, HeaderState, Run};

/// How many functions stand above their places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// Functions with their places.
    pub(super) matched: u64,
    /// Functions without one.
    pub(super) functions: u64,
    /// Places without a function.
    pub(super) places: u64,
    /// Those of them whose function stands alone a few lines above.
    pub(super) crossed: u64,
}

impl Pairs {
    /// Two that were taken for a pair are none.
    pub(super) fn part(&mut self) {
        self.matched = self.matched.saturating_sub(1);
        self.functions += 1;
        self.places += 1;
    }
}

impl GoroutineDump {
    /// Whether its lines cannot have stood in this order.
    fn is_disordered(&self) -> bool {
        const FEWEST: u64 = 3;
        let Pairs {
            matched,
            functions,
            places,
            crossed,
        } = self.pairs;
        let alone = functions.min(places);
        // Of lines of which one in three is lost, half as many stand alone as in pairs; what is lost does not stand below.
        alone >= FEWEST && alone * 2 > matched || crossed >= FEWEST && crossed * 8 > matched || self.has_too_many()
    }

    /// Whether there are more goroutines than first lines and creators allow. Of each, every goroutine has one at most, and
    /// no more are lost than of functions and places, of which the other one then stands alone.
    fn has_too_many(&self) -> bool {
        let count = |what: &dyn Fn(&super::Goroutine) -> bool| self.goroutines.iter().filter(|g| what(g)).count();
        let headers = count(&|g| g.header != HeaderState::Missing);
        let creators = count(&|g| g.created_by.is_some());
        let all = self.goroutines.len();
        let alone = (self.pairs.functions + self.pairs.places) as f64;
        let lost = alone / (alone + 2.0 * self.pairs.matched as f64).max(1.0);
        let excess = all - headers.max(creators);
        let expected = lost * all as f64;
        headers >= 2 && excess as f64 > 1.0 + expected + expected.sqrt()
    }

    /// Leaves out pieces without a first line, down to as many goroutines as first lines or creators prove. How many.
    fn leave_out_pieces(&mut self) -> u64 {
        let count = |what: &dyn Fn(&super::Goroutine) -> bool| self.goroutines.iter().filter(|g| what(g)).count();
        let is_piece = |g: &super::Goroutine| g.header == HeaderState::Missing;
        let headers = count(&|g| !is_piece(g));
        let proven = headers.max(count(&|g| g.created_by.is_some()));
        let mut excess = self.goroutines.len() - proven;
        if headers < 2 || excess == 0 {
            return 0;
        }
        let mut left_out = 0;
        // Those with a creator say more.
        for with_creator in [false, true] {
            self.goroutines.retain(|g| {
                let goes = excess > 0 && is_piece(g) && g.created_by.is_some() == with_creator;
                excess -= usize::from(goes);
                left_out += u64::from(goes);
                !goes
            });
        }
        let count =
            |what: &dyn Fn(&super::Goroutine) -> bool| self.goroutines.iter().filter(|g| what(g)).count() as u64;
        let (headers_missing, damaged) = (count(&is_piece), count(&|g| g.damaged));
        self.facts.goroutines = self.goroutines.len() as u64;
        (self.facts.headers_missing, self.facts.damaged) = (headers_missing, damaged);
        left_out
    }

    /// Forgets all that the order of lines told: what is left are goroutines with a first line, and that line.
    fn forget_order(&mut self) {
        self.goroutines.retain(|g| g.header != HeaderState::Missing);
        for g in &mut self.goroutines {
            (g.frames, g.ancestors) = (Run::default(), Run::default());
            (g.created_by, g.gap, g.stack_unavailable, g.cut) = (None, None, false, false);
            g.damaged = true;
        }
        self.frames.clear();
        self.ancestors.clear();
        self.truncated = None;
        let left = self.goroutines.len() as u64;
        let facts = &mut self.facts;
        (facts.goroutines, facts.headers_missing, facts.damaged) = (left, 0, left);
        facts.program = None;
        if let Some(crash) = &mut facts.crash {
            crash.goroutine = None;
        }
    }
}

impl Dumps {
    /// Forgets what is not proven of dumps whose lines are in no order. True where there is one.
    pub(in crate::pprof) fn forget_disorder(&mut self) -> bool {
        let mut any = false;
        for dump in self.list.iter_mut().filter(|d| d.is_disordered()) {
            dump.forget_order();
            any = true;
        }
        if any {
            self.list.retain(|d| !d.goroutines.is_empty());
        }
        any
    }

    /// Leaves out pieces that may be of goroutines that are counted. How many.
    pub(in crate::pprof) fn leave_out_pieces(&mut self) -> u64 {
        self.list.iter_mut().map(GoroutineDump::leave_out_pieces).sum()
    }

    /// Whether most goroutines lack lines: the lines of the text are perhaps not in their order.
    pub(in crate::pprof) fn order_is_doubtful(&self) -> bool {
        let (all, damaged) = self.damage();
        all > 0 && damaged * 2 > all || self.list.iter().any(GoroutineDump::is_disordered)
    }

    /// Whether hardly any goroutine lacks lines.
    pub(in crate::pprof) fn is_sound(&self) -> bool {
        let (all, damaged) = self.damage();
        all > 0 && damaged * 5 <= all
    }

    /// Whether far more functions stand above their places than in `other`, and nothing says that the order is wrong.
    pub(in crate::pprof) fn is_better_than(&self, other: &Self) -> bool {
        let sum = |of: &Self, what: fn(&Pairs) -> u64| of.list.iter().map(|d| what(&d.pairs)).sum::<u64>();
        let alone = |p: &Pairs| p.functions + p.places;
        !self.list.is_empty()
            && !self.list.iter().any(GoroutineDump::is_disordered)
            && sum(self, alone) * 2 < sum(other, alone)
            && sum(self, |p| p.matched) > sum(other, |p| p.matched)
    }

    /// From which byte to which the lines of dumps stand.
    pub(in crate::pprof) fn region(&self) -> Option<(u64, u64)> {
        let start = self.list.iter().map(|d| d.facts.offset).min()?;
        let end = self.list.iter().map(|d| d.last_offset).max()?;
        Some((start, end.max(start)))
    }

    /// How many goroutines there are, and how many of them lack lines or their header.
    fn damage(&self) -> (u64, u64) {
        let facts = self.list.iter().map(|d| &d.facts);
        facts.fold((0, 0), |(all, damaged), f| {
            (all + f.goroutines, damaged + f.headers_missing + f.damaged)
        })
    }
}
