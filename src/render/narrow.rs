//! How a table is made to fit a narrow terminal: which columns go, and how names are shortened.
//!
//! Percentages go first: value and error tell the same. Then names lose folders, package and receiver, in this order; the
//! function stays. The error and the subsystem are what a table is read for: they go when nothing else is left.

use std::borrow::Cow;
use unicode_width::UnicodeWidthChar;

use super::document::Column;
use super::terminal::columns_of;

/// Columns that narrow terminals do without, the least needed first; `-o wide` keeps them.
const SPARE: [&str; 10] = [
    "flat_percent",
    "inline",
    "sum_percent",
    "created_by",
    "cum_percent",
    "cum_rate",
    // Of metrics.
    "runtime_errors",
    "threads",
    "fds",
    "heap",
];

/// Those that go after them, and after one of two errors.
const MORE: [&str; 5] = ["old_cum", "new_cum", "cum_error", "flat_error", "subsystem_title"];

/// What names and other words keep before a column goes for them: with their package while percentages are there to go,
/// the function alone when only more needed ones are.
const WITH_PACKAGE: (usize, usize) = (40, 16);
const ALONE: (usize, usize) = (36, 12);

/// The columns of a table that has to fit.
pub(super) struct Narrow<'a> {
    /// How wide each is.
    pub(super) widths: &'a mut Vec<usize>,
    /// Which they are.
    pub(super) columns: &'a mut Vec<usize>,
    /// The cells of each row.
    pub(super) cells: &'a mut Vec<Vec<String>>,
    /// All columns there are.
    pub(super) of: &'a [Column],
}

impl Narrow<'_> {
    /// Makes rows fit `width`, and gives the titles of the columns that went.
    pub(super) fn fit(mut self, width: usize, wide: bool) -> Vec<String> {
        let mut left_out = Vec::new();
        let Some(name) = self.widest() else {
            return left_out;
        };
        let key = self.of[self.columns[name]].key;
        let longest = |form: fn(&str) -> usize| self.cells.iter().map(|line| form(&line[name])).max().unwrap_or(0);
        let (in_package, alone) = (longest(without_folders), longest(without_receiver));
        let of = self.of;
        let second = of.iter().filter(|column| column.second).map(|column| column.key);
        let first = SPARE.iter().map(|&key| (key, in_package, WITH_PACKAGE));
        let rest = second.chain(MORE).map(|key| (key, alone, ALONE));
        for (spare, named, keeps) in first.chain(rest).filter(|&(spare, ..)| !wide && spare != key) {
            if self.least(key, (named.min(keeps.0), keeps.1)) <= width {
                continue;
            }
            if let Some(i) = self.columns.iter().position(|&c| of[c].key == spare) {
                let title = &of[self.columns[i]].title;
                if !left_out.contains(title) {
                    left_out.push(title.clone());
                }
                self.columns.remove(i);
                self.widths.remove(i);
                self.cells.iter_mut().for_each(|line| drop(line.remove(i)));
            }
        }
        // Folders, then long words beside the name, then package and receiver, then whatever is widest.
        for (named, least) in [
            (true, in_package),
            (false, WITH_PACKAGE.1),
            (true, alone),
            (false, ALONE.1),
        ] {
            for i in 0..self.columns.len() {
                let column = &of[self.columns[i]];
                if !column.numeric && (column.key == key) == named {
                    self.give(i, least, width);
                }
            }
        }
        for _ in 0..self.columns.len() {
            match self.widest() {
                Some(i) => self.give(i, 8, width),
                None => break,
            }
        }
        left_out
    }

    /// The widest column of words.
    fn widest(&self) -> Option<usize> {
        let words = (0..self.columns.len()).filter(|&i| !self.of[self.columns[i]].numeric);
        // What may go as a whole is not what the table is about.
        words.max_by_key(|&i| (!SPARE.contains(&self.of[self.columns[i]].key), self.widths[i]))
    }

    /// What the table takes with names and words as short as they are read gladly.
    fn least(&self, key: &str, (named, words): (usize, usize)) -> usize {
        let each = self
            .columns
            .iter()
            .zip(&*self.widths)
            .map(|(&c, &w)| match &self.of[c] {
                column if column.numeric => w,
                column if column.key == key => w.min(named),
                _ => w.min(words),
            });
        each.sum::<usize>() + self.gaps()
    }

    fn gaps(&self) -> usize {
        2 * self.widths.len().saturating_sub(1)
    }

    /// Narrows a column as far as needed, to `least` at most.
    fn give(&mut self, i: usize, least: usize, width: usize) {
        let excess = (self.widths.iter().sum::<usize>() + self.gaps()).saturating_sub(width);
        self.widths[i] = self.widths[i].saturating_sub(excess).max(least.min(self.widths[i]));
    }
}

/// A name in at most `width` columns: folders and import paths lose their first parts, then the package goes, then the
/// receiver (`…/libcontainer.newContainerStats`, `…newContainerStats`); after that the middle.
pub(super) fn cut_name(text: &str, width: usize) -> Cow<'_, str> {
    if columns_of(text) <= width {
        return Cow::Borrowed(text);
    }
    let mut words: Vec<Cow<'_, str>> = text.split(' ').map(Cow::Borrowed).collect();
    let mut shorten = |tails: fn(&str) -> Vec<usize>| {
        // The file stands behind the function and is shortened first.
        for i in (0..words.len()).rev() {
            let word = words[i].clone();
            let start = word.strip_prefix('…').map_or(0, |_| '…'.len_utf8());
            for tail in tails(&word[start..]) {
                words[i] = Cow::Owned(format!("…{}", &word[start + tail..]));
                let shorter = words.join(" ");
                if columns_of(&shorter) <= width {
                    return Some(shorter);
                }
            }
        }
        None
    };
    if let Some(shorter) = shorten(folders).or_else(|| shorten(package_and_receiver)) {
        return Cow::Owned(shorter);
    }
    match words.len() > 1 && !text.contains(['/', '.']) && !text.contains("->") {
        true => Cow::Owned(cut_end(text, width)),
        false => Cow::Owned(cut_middle(&words.join(" "), width).into_owned()),
    }
}

/// Where the path of a word may be cut: before each slash.
fn folders(word: &str) -> Vec<usize> {
    let path = word.find(['(', '[']).map_or(word, |end| &word[..end]);
    path.match_indices('/').map(|(at, _)| at).filter(|&at| at > 0).collect()
}

/// Where a Go name may be cut: after its package, after its receiver. A file keeps its name.
fn package_and_receiver(word: &str) -> Vec<usize> {
    let path = word.find(['(', '[']).map_or(word, |end| &word[..end]);
    let base = path.rfind('/').map_or(0, |slash| slash + 1);
    let Some(dot) = path[base..].find('.') else {
        return Vec::new();
    };
    let symbol = base + dot + 1;
    let rest = &word[symbol..];
    if rest.is_empty() || rest == "go" || rest.starts_with("go:") || rest.starts_with("s:") {
        return Vec::new();
    }
    let mut cuts = vec![symbol];
    if rest.starts_with('(')
        && let Some(end) = rest.find(").")
    {
        cuts.push(symbol + end + 2);
    }
    cuts
}

/// How wide a name is with its package and function whole.
fn without_folders(text: &str) -> usize {
    shortest(text, folders)
}

/// How wide a name is with its function alone.
fn without_receiver(text: &str) -> usize {
    shortest(text, |word| {
        let cuts = package_and_receiver(word);
        if cuts.is_empty() { folders(word) } else { cuts }
    })
}

fn shortest(text: &str, cuts: fn(&str) -> Vec<usize>) -> usize {
    let words = text.split(' ').map(|word| match cuts(word).last() {
        Some(&at) => 1 + columns_of(&word[at..]),
        None => columns_of(word),
    });
    words.sum::<usize>() + text.matches(' ').count()
}

/// Cuts the middle out of a text that is wider than `width`. The tail, where the method and the line stand, keeps more.
fn cut_middle(text: &str, width: usize) -> Cow<'_, str> {
    if columns_of(text) <= width || width < 3 {
        return Cow::Borrowed(text);
    }
    let tail = (width - 1) * 2 / 3;
    let start = fitting(text.chars(), width - 1 - tail);
    let end = fitting(text.chars().rev(), tail);
    let whole = start.into_iter().chain(['…']).chain(end.into_iter().rev());
    Cow::Owned(whole.collect())
}

/// Cuts the end off a text that is wider than `width`: what says most in a title stands first.
fn cut_end(text: &str, width: usize) -> String {
    let mut start: String = fitting(text.chars(), width.saturating_sub(1)).into_iter().collect();
    start.truncate(start.trim_end_matches([' ', '(', ',']).len());
    start.push('…');
    start
}

/// The first characters that fit `room` columns.
fn fitting(chars: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    let mut used = 0;
    let fits = chars.take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= room
    });
    fits.collect()
}
