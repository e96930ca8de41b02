//! How baseline and candidate differ in what is not the code: a comparison across that says less, and only warns.

use super::super::outcome::{Difference, Machine};
use super::super::run::{Capture, Run};

/// Pods may differ by this factor.
const LOAD: f64 = 1.25;
/// Or by this many.
const PODS: f64 = 3.0;
/// Memory of machines may differ by this share: firmware takes some.
const MEMORY: f64 = 0.1;

/// All differences, each once.
pub(super) fn differences(baseline: &[Capture], candidate: &[Capture]) -> Vec<Difference> {
    let (old, new) = (runs(baseline), runs(candidate));
    let mut found = Vec::new();
    found.extend(machines(&old, &new));
    found.extend(differ(&old, &new, |r| minor(&r.process.go), Difference::Go));
    let kubernetes = |r: &Run| minor(&r.process.kubernetes);
    found.extend(differ(&old, &new, kubernetes, Difference::Kubernetes));
    found.extend(load(&old, &new));
    found
}

fn runs(all: &[Capture]) -> Vec<&Run> {
    all.iter().flat_map(|c| &c.runs).collect()
}

/// A fact of which no run of one side has a value of the other.
fn differ(
    old: &[&Run],
    new: &[&Run],
    fact: impl Fn(&Run) -> String,
    word: impl Fn(String, String) -> Difference,
) -> Option<Difference> {
    let of = |all: &[&Run]| -> Vec<String> {
        let mut all: Vec<String> = all.iter().map(|r| fact(r)).filter(|f| !f.is_empty()).collect();
        all.sort();
        all.dedup();
        all
    };
    let (old, new) = (of(old), of(new));
    let strange = new.iter().find(|f| !old.contains(f))?;
    Some(word(old.first()?.clone(), strange.clone()))
}

/// A machine of the candidate that is none of the baseline's.
fn machines(old: &[&Run], new: &[&Run]) -> Option<Difference> {
    let strange = new
        .iter()
        .find(|n| !old.iter().any(|o| alike(&o.machine, &n.machine)))?;
    Some(Difference::Machine(
        old.first()?.machine.clone(),
        strange.machine.clone(),
    ))
}

/// Whether what is known of both agrees.
fn alike(a: &Machine, b: &Machine) -> bool {
    let near = |a: Option<f64>, b: Option<f64>, share: f64| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= share * a.max(b),
        _ => true,
    };
    (a.arch.is_empty() || b.arch.is_empty() || a.arch == b.arch)
        && near(a.cores, b.cores, 0.0)
        && near(a.memory, b.memory, MEMORY)
}

/// `1.36` of `v1.36.3-gke.100` and `go1.26.8`.
fn minor(version: &str) -> String {
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = digits.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => {
            let minor: String = minor.chars().take_while(char::is_ascii_digit).collect();
            format!("{major}.{minor}")
        }
        _ => String::new(),
    }
}

/// Pods of the candidate against all that runs of the baseline had.
fn load(old: &[&Run], new: &[&Run]) -> Option<Difference> {
    let ranges: Vec<(f64, f64)> = old.iter().filter_map(|r| r.pods_range()).collect();
    let near = |n: f64, range: &(f64, f64)| {
        let low = (range.0 / LOAD).min(range.0 - PODS);
        (low..=(range.1 * LOAD).max(range.1 + PODS)).contains(&n)
    };
    if ranges.is_empty() {
        return None;
    }
    let all = new.iter().filter_map(|r| r.pods());
    let strange = all.into_iter().find(|n| !ranges.iter().any(|r| near(*n, r)))?;
    let nearest = old.iter().filter_map(|r| r.pods());
    let nearest = nearest.min_by(|a, b| (a - strange).abs().total_cmp(&(b - strange).abs()))?;
    Some(Difference::Load(nearest, strange))
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn minors() {
        for (version, expected) in [
            ("v1.36.3", "1.36"),
            ("v1.36.3-gke.100", "1.36"),
            ("go1.26.8", "1.26"),
            ("go1.27rc1", "1.27"),
            ("devel", ""),
            ("", ""),
        ] {
            assert_eq!(minor(version), expected, "{version}");
        }
    }
}
