//! Which functions the compiler inlined, as the whole profile tells it: before filters, hiding and trimming, so that a row
//! is marked the same whatever else is shown. (The reference asks the edges that are left of a trimmed graph.)

use rustc_hash::FxHashMap;

use crate::analysis::InlineMark;
use crate::model::{Profile, StringId};

/// Marks of functions by name; those without a mark were never inlined.
#[derive(Debug, Clone, Default)]
pub struct Inlining(FxHashMap<StringId, InlineMark>);

impl Inlining {
    /// Looks at every line of every location: all but the outermost were inlined.
    pub(in crate::analysis) fn of(p: &Profile) -> Self {
        let mut marks = FxHashMap::default();
        let name = |line: u32| p.function(p.lines[line as usize].function).name;
        for l in &p.locations {
            for line in l.first_line..l.first_line + l.line_count.saturating_sub(1) {
                marks.insert(name(line), InlineMark::Full);
            }
        }
        if !marks.is_empty() {
            for l in p.locations.iter().filter(|l| l.line_count > 0) {
                if let Some(mark) = marks.get_mut(&name(l.first_line + l.line_count - 1)) {
                    *mark = InlineMark::Partial;
                }
            }
        }
        marks.remove(&StringId::EMPTY);
        Self(marks)
    }

    /// Whether the function of this name was inlined wherever it stands, in some places, or nowhere.
    pub fn mark(&self, function: StringId) -> InlineMark {
        self.0.get(&function).copied().unwrap_or_default()
    }
}
