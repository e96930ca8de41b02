//! Where the growth of a total comes from: parts that add up to it, each with its error and what load alone would make.

use super::super::outcome::{Attribution, Share, Unit};
use super::super::rules::Measure;
use super::super::subject::Matcher;
use super::compare::Pair;

/// The change of a total by parts, largest first.
pub(super) fn attribution(measure: Measure, pairs: &[Pair<'_>], matcher: &Matcher<'_>, exposure: f64) -> Attribution {
    let mut parts: Vec<Share> = (pairs.iter())
        .map(|p| Share {
            part: matcher.part(p.key),
            old: p.old.tally.value,
            new: p.new.tally.value,
            error: p.error().filter(|_| measure != Measure::Goroutines),
            of_load: p.old.tally.value * (exposure - 1.0),
        })
        .collect();
    parts.sort_by(|a, b| {
        let size = |s: &Share| (s.new - s.old).abs();
        size(b).total_cmp(&size(a)).then_with(|| a.part.cmp(&b.part))
    });
    let squares: Option<f64> = parts.iter().map(|s| s.error.map(|e| e * e)).sum();
    Attribution {
        unit: Unit::of(measure),
        old: parts.iter().map(|s| s.old).sum(),
        new: parts.iter().map(|s| s.new).sum(),
        error: squares.map(f64::sqrt),
        parts,
    }
}
