//! The rules of other tools on the same material: each gives the subsystem that it would name first, or none where it does
//! not fire.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubeprof::analysis::{Query, prepare_knowing};
use kubeprof::diagnose::material::Moment;
use kubeprof::kubelet::Knowledge;
use kubeprof::model::Profile;

/// Values by owner of one profile.
fn by_owner(p: &Profile, sample_type: &str, knowledge: &Arc<Knowledge>) -> BTreeMap<String, i64> {
    let query = Query {
        sample_type: sample_type.to_owned(),
        ..Query::default()
    };
    let view = prepare_knowing(p.clone(), &query, Some(knowledge.clone())).expect("a view");
    let mut sums = BTreeMap::new();
    for (i, a) in view.attributions().into_iter().enumerate() {
        let key = a.owner.map_or("?", |id| knowledge.key(id)).to_owned();
        *sums.entry(key).or_insert(0) += view.value(i);
    }
    sums
}

fn largest(sums: &BTreeMap<String, i64>) -> Option<String> {
    sums.iter()
        .max_by_key(|(_, v)| **v)
        .filter(|(_, v)| **v > 0)
        .map(|(k, _)| k.clone())
}

fn delta(a: &BTreeMap<String, i64>, b: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let mut out = b.clone();
    for (key, v) in a {
        *out.entry(key.clone()).or_insert(0) -= v;
    }
    out
}

/// What each rule says.
pub(super) fn answers(moments: &[Moment], knowledge: &Arc<Knowledge>) -> Vec<(&'static str, Option<String>)> {
    let heaps: Vec<&Profile> = moments.iter().filter_map(|m| m.heap.as_ref()).collect();
    let crowds: Vec<&Profile> = moments.iter().filter_map(|m| m.goroutines.as_ref()).collect();
    let ends = |of: &[&Profile], t: &str| {
        let (first, last) = (of.first()?, of.last()?);
        (of.len() >= 2).then(|| (by_owner(first, t, knowledge), by_owner(last, t, knowledge)))
    };
    let pair = ends(&heaps, "inuse_space").or_else(|| ends(&crowds, ""));
    // go tool pprof -diff_base and a look at the first row.
    let sorted = pair.as_ref().and_then(|(a, b)| largest(&delta(a, b)));
    // pprof-analyzer-mcp: two snapshots, more than 10 %.
    let threshold = pair.as_ref().and_then(|(a, b)| {
        let (x, y) = (a.values().sum::<i64>() as f64, b.values().sum::<i64>() as f64);
        (y > 1.1 * x).then(|| largest(&delta(a, b))).flatten()
    });
    // Anything that grew: alarms by its first row in the order of names.
    let any = pair
        .as_ref()
        .and_then(|(a, b)| delta(a, b).into_iter().find(|(_, v)| *v > 0).map(|(k, _)| k));
    let total = |p: &Profile| (0..p.samples.len()).map(|i| p.samples.values(i)[0]).sum::<i64>();
    // The guide's signal.
    let many = crowds
        .last()
        .filter(|p| total(p) > 500)
        .and_then(|p| largest(&by_owner(p, "", knowledge)));
    // LeakProf: one blocked operation with a large count (here 100 instead of 10,000).
    let blocked = crowds.last().and_then(|p| {
        let i = (0..p.samples.len()).max_by_key(|&i| p.samples.values(i)[0])?;
        if p.samples.values(i)[0] < 100 {
            return None;
        }
        let mut one = (*p).clone();
        one.samples.retain(|_, s| s == i);
        largest(&by_owner(&one, "", knowledge))
    });
    // Coroot: the slope of memory, cut at restarts; it names the process, and its largest part is looked at.
    let slope = pair.as_ref().filter(|_| heaps.len() >= 3).and_then(|(_, b)| {
        let sums: Vec<f64> = heaps
            .iter()
            .map(|p| by_owner(p, "inuse_space", knowledge).values().sum::<i64>() as f64)
            .collect();
        let hours = 75.0 * (sums.len() - 1) as f64 / 3600.0;
        let rise = (sums[sums.len() - 1] - sums[0]) / hours;
        (rise > 50e6).then(|| largest(b)).flatten()
    });
    vec![
        ("delta > 0", any),
        ("sort by delta", sorted),
        ("two snapshots 10 %", threshold),
        ("memory slope > 50 MB/h", slope),
        ("goroutines > 500", many),
        ("count per blocked operation", blocked),
    ]
}
