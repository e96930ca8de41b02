//! Lines that were broken at the width of a window, joined again.
//!
//! In a log in which every line has a prefix, a line without one is the rest of the line before. Without a prefix the rest
//! is told by what both pieces make together.

use super::Looks;
use super::prefix::Template;

/// How the lines of a text were broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrap {
    /// Width of the window.
    columns: usize,
    /// At any character; else between words, as mail does it.
    hard: bool,
    /// Lines have no prefix.
    bare: bool,
    /// A tab counts as one column, where the lines were not broken by a terminal.
    narrow_tabs: bool,
}

/// Narrower windows break everything.
const NARROWEST: usize = 40;
/// Blanks at the end of a piece are often lost.
const LOST: usize = 3;

/// How many columns a line takes.
fn columns(line: &[u8], narrow_tabs: bool) -> usize {
    if line.is_ascii() && (narrow_tabs || memchr::memchr(b'\t', line).is_none()) {
        return line.len();
    }
    String::from_utf8_lossy(line).chars().fold(0, |at, c| match c {
        '\t' if !narrow_tabs => at / 8 * 8 + 8,
        _ => at + 1,
    })
}

impl Wrap {
    /// Looks whether lines of `window` are broken.
    pub(super) fn of<'w>(
        window: impl Iterator<Item = &'w [u8]>,
        template: &Template,
        looks: &dyn Looks,
    ) -> Option<Self> {
        let window: Vec<&[u8]> = window.take(2000).collect();
        Self::with_tabs(&window, template, looks, false).or_else(|| {
            let has_tab = window.iter().any(|l| memchr::memchr(b'\t', l).is_some());
            has_tab
                .then(|| Self::with_tabs(&window, template, looks, true))
                .flatten()
        })
    }

    /// How many columns a line takes.
    pub(super) fn columns(&self, line: &[u8]) -> usize {
        columns(line, self.narrow_tabs)
    }

    fn with_tabs(window: &[&[u8]], template: &Template, looks: &dyn Looks, narrow_tabs: bool) -> Option<Self> {
        let lines: Vec<(&[u8], usize)> = window.iter().map(|l| (*l, columns(l, narrow_tabs))).collect();
        let widest = lines.iter().map(|(_, c)| *c).max()?;
        if widest < NARROWEST {
            return None;
        }
        if template.is_bare() {
            return Self::of_bare(&lines, widest, looks, narrow_tabs);
        }
        let mut spans = Vec::new();
        let mut broken: Vec<(usize, usize)> = Vec::new();
        let mut seen = 0;
        let mut before = None;
        for (line, columns) in &lines {
            if line.trim_ascii().is_empty() || is_mark(line) {
                before = None;
                continue;
            }
            seen += 1;
            if template.matches(line, &mut spans).is_none()
                && let Some(before) = before
            {
                broken.push((before, first_word(line)));
            }
            before = Some(*columns);
        }
        let width = broken.iter().map(|(before, _)| *before).max()?;
        let wrap = |hard| Self {
            columns: width,
            hard,
            bare: false,
            narrow_tabs,
        };
        let near = broken.iter().filter(|(before, _)| before + LOST >= width).count();
        if near * 5 >= broken.len() * 3 && width == widest && width >= NARROWEST {
            return Some(wrap(true));
        }
        let greedy = broken.iter().filter(|(before, word)| before + 1 + word > width).count();
        (greedy * 10 >= broken.len() * 9 && broken.len() * 2 <= seen && width >= NARROWEST).then(|| wrap(false))
    }

    fn of_bare(lines: &[(&[u8], usize)], widest: usize, looks: &dyn Looks, narrow_tabs: bool) -> Option<Self> {
        let wrap = Self {
            columns: widest,
            hard: true,
            bare: true,
            narrow_tabs,
        };
        let makes_sense = |pair: &[(&[u8], usize)]| {
            let [(held, columns), (next, _)] = pair else {
                return false;
            };
            *columns == widest && !next.is_empty() && !(is_whole(held, looks) && is_whole(next, looks)) && {
                let mut both = held.to_vec();
                wrap.join(&mut both, *columns, next);
                is_whole(&both, looks)
            }
        };
        lines.windows(2).any(makes_sense).then_some(wrap)
    }

    /// Whether `line` is the rest of `held`, whose last piece has so many columns.
    pub(super) fn joins(
        &self,
        held: &[u8],
        columns: usize,
        line: &[u8],
        mut has_prefix: impl FnMut(&[u8]) -> bool,
        looks: &dyn Looks,
    ) -> bool {
        if line.trim_ascii().is_empty() || is_mark(line) || held.len() > 1 << 20 {
            return false;
        }
        if self.bare {
            if columns + LOST < self.columns || columns > self.columns {
                return false;
            }
            let whole = is_whole(held, looks);
            if !whole && columns == self.columns && !is_whole(line, looks) {
                return true;
            }
            let mut both = held.to_vec();
            self.join(&mut both, columns, line);
            return is_whole(&both, looks) && !(whole && is_whole(line, looks));
        }
        let full = match self.hard {
            true => columns + LOST >= self.columns,
            false => columns + 1 + first_word(line) > self.columns,
        };
        full && !has_prefix(line)
    }

    /// Appends the rest of a line to it.
    pub(super) fn join(&self, held: &mut Vec<u8>, columns: usize, line: &[u8]) {
        let lost = match self.hard {
            true => self.columns.saturating_sub(columns).min(LOST),
            false => 1,
        };
        held.extend(std::iter::repeat_n(b' ', lost));
        held.extend_from_slice(line);
    }
}

fn is_whole(line: &[u8], looks: &dyn Looks) -> bool {
    looks.is_sure(line) || looks.is_first(line)
}

/// `-- Boot 5f3a... --`, and the fence of a code block.
fn is_mark(line: &[u8]) -> bool {
    line.starts_with(b"-- ") || line.starts_with(b"```")
}

fn first_word(line: &[u8]) -> usize {
    line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len())
}
