//! Filters on frames: focus, ignore, hide, show, show_from, prune_from, drop_frames, in pprof's order and meaning.
//!
//! They rewrite the tables of a profile that the caller owns: lines of locations shrink, stacks lose frames, samples go.
//! Each expression is matched once per function and once per mapping, never per frame.

use regex::Regex;

use crate::analysis::QueryError;
use crate::analysis::report::inspect::is_nameless;
use crate::analysis::view::go_regexp::compile;
use crate::model::{Line, LocationId, Profile, StackId, StringId};

/// Compiles a filter text; `None` when it is empty.
pub(in crate::analysis) fn regex(option: &'static str, text: &str) -> Result<Option<Regex>, QueryError> {
    if text.is_empty() {
        return Ok(None);
    }
    compile(option, text).map(Some)
}

/// Which functions and mappings an expression matches.
struct Matcher {
    functions: Vec<bool>,
    mappings: Vec<bool>,
}

impl Matcher {
    /// Matches names and files of functions, and files of mappings.
    fn new(p: &Profile, re: &Regex) -> Self {
        let texts = Texts::new(p, |text| re.is_match(text));
        Self {
            functions: p
                .functions
                .iter()
                .map(|f| texts.get(f.name) || texts.get(f.filename))
                .collect(),
            mappings: p.mappings.iter().map(|m| texts.get(m.file)).collect(),
        }
    }

    fn mapping(&self, p: &Profile, l: LocationId) -> bool {
        p.location(l).mapping.is_some_and(|m| self.mappings[m.index()])
    }

    fn location(&self, p: &Profile, l: LocationId) -> bool {
        p.lines_of(l).iter().any(|line| self.functions[line.function.index()]) || self.mapping(p, l)
    }
}

/// An expression's answer for every text that functions and mappings use.
struct Texts(Vec<Option<bool>>);

impl Texts {
    fn new(p: &Profile, is_match: impl Fn(&str) -> bool) -> Self {
        let mut known = vec![None; p.strings.len()];
        let ids = p
            .functions
            .iter()
            .flat_map(|f| [f.name, f.filename])
            .chain(p.mappings.iter().map(|m| m.file));
        for id in ids {
            known[id.index()].get_or_insert_with(|| is_match(p.text(id)));
        }
        Self(known)
    }

    fn get(&self, id: StringId) -> bool {
        self.0[id.index()].unwrap_or(false)
    }
}

/// Which of the name filters matched anything.
#[derive(Default, Clone, Copy)]
pub(in crate::analysis) struct Matched {
    pub(in crate::analysis) focus: bool,
    pub(in crate::analysis) ignore: bool,
    pub(in crate::analysis) hide: bool,
    pub(in crate::analysis) show: bool,
}

/// focus, ignore, hide and show in one pass over the locations.
pub(in crate::analysis) fn by_name(
    p: &mut Profile,
    focus: Option<&Regex>,
    ignore: Option<&Regex>,
    hide: Option<&Regex>,
    show: Option<&Regex>,
) -> Matched {
    let mut matched = Matched::default();
    if focus.is_none() && ignore.is_none() && hide.is_none() && show.is_none() {
        return Matched { focus: true, ..matched };
    }
    let (focus, ignore) = (focus.map(|r| Matcher::new(p, r)), ignore.map(|r| Matcher::new(p, r)));
    let (hide, show) = (hide.map(|r| Matcher::new(p, r)), show.map(|r| Matcher::new(p, r)));
    /// What a location means for the samples that have it.
    #[derive(Clone, Copy, PartialEq)]
    enum Verdict {
        Neutral,
        Focused,
        Ignored,
    }
    let mut verdicts = vec![Verdict::Neutral; p.locations.len()];
    let mut hidden = vec![false; p.locations.len()];
    let mut any_hidden = false;
    let mut kept = Vec::new();
    for i in 0..p.locations.len() {
        let l = LocationId::new(i);
        if ignore.as_ref().is_some_and(|m| m.location(p, l)) {
            matched.ignore = true;
            verdicts[i] = Verdict::Ignored;
        } else if focus.as_ref().is_none_or(|m| m.location(p, l)) {
            matched.focus = true;
            verdicts[i] = Verdict::Focused;
        }
        if let Some(m) = hide.as_ref().filter(|m| m.location(p, l)) {
            matched.hide = true;
            kept.clear();
            if !m.mapping(p, l) {
                kept.extend(p.lines_of(l).iter().filter(|line| !m.functions[line.function.index()]));
            }
            p.set_lines(l, &kept);
            if kept.is_empty() {
                hidden[i] = true;
                any_hidden = true;
            }
        }
        if let Some(m) = &show {
            if !m.mapping(p, l) {
                kept.clear();
                kept.extend(p.lines_of(l).iter().filter(|line| m.functions[line.function.index()]));
                if kept.len() != p.lines_of(l).len() {
                    p.set_lines(l, &kept);
                }
            }
            if p.lines_of(l).is_empty() {
                hidden[i] = true;
                any_hidden = true;
            } else {
                matched.show = true;
            }
        }
    }
    let verdict: Vec<bool> = p
        .stacks
        .iter()
        .map(|(_, stack)| {
            let mut focused = false;
            for l in stack {
                match verdicts[l.index()] {
                    Verdict::Ignored => return false,
                    Verdict::Focused => focused = true,
                    Verdict::Neutral => {}
                }
            }
            focused && stack.iter().any(|l| !hidden[l.index()])
        })
        .collect();
    p.samples.retain(|samples, i| verdict[samples.stack(i).index()]);
    if any_hidden {
        rewrite(p, |stack, out| out.extend(stack.iter().filter(|l| !hidden[l.index()])));
    }
    matched
}

/// Gives every stack that a sample uses the frames that `edit` writes for it.
pub(in crate::analysis) fn rewrite(p: &mut Profile, mut edit: impl FnMut(&[LocationId], &mut Vec<LocationId>)) {
    let old = std::mem::take(&mut p.stacks);
    let mut map: Vec<Option<StackId>> = vec![None; old.len()];
    let mut frames = Vec::new();
    let stacks = &mut p.stacks;
    p.samples.map_stacks(|id| {
        *map[id.index()].get_or_insert_with(|| {
            frames.clear();
            edit(old.get(id), &mut frames);
            // Never more frames than before, so the table cannot overflow.
            stacks.intern(&frames).unwrap_or_default()
        })
    });
}

/// Cuts what stands above the outermost match; samples without a match go. Returns whether anything matched.
pub(in crate::analysis) fn show_from(p: &mut Profile, re: &Regex) -> bool {
    let m = Matcher::new(p, re);
    let mut from = vec![false; p.locations.len()];
    let mut any = false;
    for (i, from) in from.iter_mut().enumerate() {
        let l = LocationId::new(i);
        let last = p
            .lines_of(l)
            .iter()
            .rposition(|line| m.functions[line.function.index()]);
        if m.mapping(p, l) {
            *from = true;
        } else if let Some(last) = last {
            *from = true;
            p.locations[i].line_count = last as u32 + 1;
        }
        any |= *from;
    }
    let cut = |stack: &[LocationId]| stack.iter().rposition(|l| from[l.index()]);
    let keep: Vec<bool> = p.stacks.iter().map(|(_, stack)| cut(stack).is_some()).collect();
    p.samples.retain(|samples, i| keep[samples.stack(i).index()]);
    rewrite(p, |stack, out| {
        let end = stack.iter().rposition(|l| from[l.index()]).map_or(0, |i| i + 1);
        out.extend_from_slice(&stack[..end]);
    });
    any
}

/// Cuts the nameless frames at the leaf of stacks that have named ones: Go's texts hide the names of the runtime frames
/// there, and dumps leave those frames out altogether. Returns how many stacks were cut.
pub fn drop_nameless_leaves(p: &mut Profile) -> usize {
    let nameless: Vec<bool> = p.locations.iter().map(|l| l.line_count == 0).collect();
    let is = |l: &LocationId| nameless[l.index()];
    let mut cut = 0;
    rewrite(p, |stack, out| {
        let start = stack.iter().position(|l| !is(l)).unwrap_or(0);
        cut += usize::from(start > 0);
        out.extend_from_slice(&stack[start..]);
    });
    cut
}

/// Drops the frames that one form of a goroutine profile has and another hides: of the runtime at the leaf, where a `debug=1`
/// text has no names, and the runtime's own functions anywhere, which a dump does not print.
pub fn drop_runtime_frames(p: &mut Profile) {
    let of_runtime = |name: &str| name.starts_with("runtime.") || name.starts_with("runtime/pprof.");
    let internal = |name: &str| {
        let function = name.strip_prefix("runtime.");
        function.is_some_and(|f| !f.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    // A function of the runtime may be inlined into one of another package: `sync.runtime_notifyListWait`.
    for l in 0..p.locations.len() {
        let lines = p.lines_of(LocationId::new(l));
        let is_internal = |line: &Line| internal(p.text(p.functions[line.function.index()].name));
        let skipped = lines.iter().position(|line| !is_internal(line)).unwrap_or(0) as u32;
        let location = &mut p.locations[l];
        location.first_line += skipped;
        location.line_count -= skipped;
    }
    let all = |l: usize, is: &dyn Fn(&str) -> bool| {
        let lines = p.lines_of(LocationId::new(l));
        lines
            .iter()
            .all(|line| is(p.text(p.functions[line.function.index()].name)))
    };
    let count = p.locations.len();
    let at_leaf: Vec<bool> = (0..count).map(|l| all(l, &of_runtime)).collect();
    let anywhere: Vec<bool> = (0..count)
        .map(|l| p.locations[l].line_count > 0 && all(l, &internal))
        .collect();
    rewrite(p, |stack, out| {
        // A stack of nothing else keeps its leaf.
        let start = stack.iter().position(|l| !at_leaf[l.index()]).unwrap_or(stack.len());
        let rest = stack[start..].iter().filter(|l| !anywhere[l.index()]);
        out.extend(rest.copied());
        if out.is_empty() {
            out.extend(stack.last());
        }
    });
}

/// Drops the labels with what only dumps know of goroutines, and what is told from it: of two forms, one has none of it.
pub fn drop_what_dumps_know(p: &mut Profile) {
    use crate::model::goroutine_label::{CREATED_AT, CREATED_BY, LOCKED, PARENT_OWNER, STATE, WAIT};
    let keys: Vec<_> = [STATE, WAIT, CREATED_BY, CREATED_AT, PARENT_OWNER, LOCKED]
        .iter()
        .filter_map(|key| p.strings.find(key))
        .collect();
    p.samples.retain_labels(|label| !keys.contains(&label.key));
}

/// Drops what the runtime fills the records of threads up with: an address of all ones without a name, at the root. It is no
/// frame. A stack of nothing else keeps one.
pub fn drop_padding(p: &mut Profile) {
    let padding: Vec<bool> = (0..p.locations.len())
        .map(|l| p.locations[l].address == u64::MAX && is_nameless(p, LocationId::new(l)))
        .collect();
    if !padding.contains(&true) {
        return;
    }
    rewrite(p, |stack, out| {
        let end = stack
            .iter()
            .rposition(|l| !padding[l.index()])
            .map_or(1, |last| last + 1);
        out.extend_from_slice(&stack[..end.min(stack.len())]);
    });
}

/// A function name without its argument list and without the leading dot of some PowerPC symbols.
fn simplified(name: &str) -> &str {
    let name = name.strip_prefix('.').unwrap_or(name);
    let mut at = 0;
    while let Some(i) = name[at..].find('(').map(|i| i + at) {
        if name[i..].starts_with("(anonymous namespace)") {
            at = i + "(anonymous namespace)".len();
        } else if name[i..].starts_with("()") && name[..i].ends_with("operator") {
            at = i + 2;
        } else {
            return &name[..i];
        }
    }
    name
}

/// Which functions an expression matches by simplified name.
fn by_simplified_name(p: &Profile, is_match: impl Fn(&str) -> bool) -> Vec<bool> {
    let mut known: Vec<Option<bool>> = vec![None; p.strings.len()];
    p.functions
        .iter()
        .map(|f| {
            !f.name.is_empty()
                && *known[f.name.index()].get_or_insert_with(|| is_match(simplified(p.strings.get(f.name))))
        })
        .collect()
}

/// Cuts what stands below the innermost match.
pub(in crate::analysis) fn prune_from(p: &mut Profile, re: &Regex) {
    let functions = by_simplified_name(p, |name| re.is_match(name));
    let mut below = vec![false; p.locations.len()];
    for (i, below) in below.iter_mut().enumerate() {
        let lines = p.lines_of(LocationId::new(i));
        if let Some(first) = lines.iter().position(|line| functions[line.function.index()]) {
            *below = true;
            let l = &mut p.locations[i];
            l.first_line += first as u32;
            l.line_count -= first as u32;
        }
    }
    rewrite(p, |stack, out| {
        let start = stack.iter().position(|l| below[l.index()]).unwrap_or(0);
        out.extend_from_slice(&stack[start..]);
    });
}

/// Applies the profile's own `drop_frames` and `keep_frames`: a matching frame goes with everything below it, unless
/// only matching frames stand above.
///
/// # Errors
/// When one of them is not a regular expression.
pub fn drop_frames(p: &mut Profile) -> Result<(), QueryError> {
    if p.drop_frames.is_empty() {
        return Ok(());
    }
    let drop = compile("drop_frames", &format!("^({})$", p.text(p.drop_frames)))?;
    let keep = match p.text(p.keep_frames) {
        "" => None,
        keep => Some(compile("keep_frames", &format!("^({keep})$"))?),
    };
    let functions = by_simplified_name(p, |name| {
        drop.is_match(name) && keep.as_ref().is_none_or(|keep| !keep.is_match(name))
    });
    let mut prune = vec![false; p.locations.len()];
    let mut beneath = vec![false; p.locations.len()];
    for i in 0..p.locations.len() {
        let lines = p.lines_of(LocationId::new(i));
        let Some(at) = lines.iter().rposition(|line| functions[line.function.index()]) else {
            continue;
        };
        beneath[i] = true;
        if at + 1 == lines.len() {
            prune[i] = true;
        } else {
            let l = &mut p.locations[i];
            l.first_line += at as u32 + 1;
            l.line_count -= at as u32 + 1;
        }
    }
    if !beneath.contains(&true) {
        return Ok(());
    }
    rewrite(p, |stack, out| {
        let mut found_user = false;
        let mut start = 0;
        for (i, l) in stack.iter().enumerate().rev() {
            if !beneath[l.index()] {
                found_user = true;
            } else if found_user {
                start = if prune[l.index()] { i + 1 } else { i };
                break;
            }
        }
        out.extend_from_slice(&stack[start..]);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::simplified;

    #[test]
    fn argument_lists_are_cut() {
        assert_eq!(simplified("foo(int)"), "foo");
        assert_eq!(simplified(".foo"), "foo");
        assert_eq!(
            simplified("(anonymous namespace)::foo(x)"),
            "(anonymous namespace)::foo"
        );
        assert_eq!(simplified("a::operator()(int)"), "a::operator()");
        assert_eq!(simplified("main.(*T).Method"), "main.");
    }
}
