//! Folded stacks: one line a stack, `root;caller;leaf value`, as flamegraph.pl, inferno and their friends read it.
//!
//! The format has no escapes. A `;` inside a name (Go's shape types have them) becomes `:`, as every collapser does it, and
//! control characters become a blank. Comparisons have two values, old and new, as difffolded.pl writes them. Stacks
//! without a value are left out. One line is made at a time.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::analysis::{Comparison, NamedStacks, View};

/// Prints the stacks of the chosen sample type, in the order of the profile.
///
/// # Errors
/// What `out` reports.
pub fn folded(stacks: &NamedStacks, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<Cow<'_, str>> = stacks.names.iter().map(|n| plain(&n.name)).collect();
    let value = |v: i64| match stacks.divide_by {
        1.0 => v,
        by => (v as f64 / by) as i64,
    };
    let mut line = Vec::new();
    for row in 0..stacks.len() {
        let new = value(stacks.new_values(row)[stacks.selected]);
        let old = stacks.old_values(row).get(stacks.selected).map_or(0, |&v| value(v));
        if new == 0 && old == 0 {
            continue;
        }
        line.clear();
        for frame in stacks.frames(view, row) {
            if !line.is_empty() {
                line.push(b';');
            }
            line.extend_from_slice(names[frame as usize].as_bytes());
        }
        if line.is_empty() {
            // Every frame was hidden: the value belongs to no function.
            line.extend_from_slice(b"[no frames]");
        }
        match stacks.comparison {
            Comparison::None => writeln!(line, " {new}")?,
            Comparison::Base | Comparison::Signed => writeln!(line, " {old} {new}")?,
        }
        out.write_all(&line)?;
    }
    Ok(())
}

/// A name without what the format cannot hold.
fn plain(name: &str) -> Cow<'_, str> {
    if !name.contains(|c: char| c == ';' || c.is_control()) {
        return Cow::Borrowed(name);
    }
    let replace = |c: char| match c {
        ';' => ':',
        c if c.is_control() => ' ',
        c => c,
    };
    Cow::Owned(name.chars().map(replace).collect())
}
