//! How wide nodes are and how their names are shortened.

use std::borrow::Cow;

use crate::analysis::{Comparison, Flame};

/// The width of every node for the chosen sample type: its total; in comparisons, where old and new would each leave out
/// what the other has, the larger of both, added up from the leaves.
pub(in crate::render) fn weights(flame: &Flame) -> Vec<f64> {
    let c = &flame.columns[flame.selected];
    let larger = |new: i64, old: i64| new.max(old).max(0) as f64;
    let old = |column: &[i64], i: usize| column.get(i).copied().unwrap_or(0);
    let hidden = hidden(flame, &c.total, &c.own);
    let old_hidden = match flame.comparison {
        Comparison::None => Vec::new(),
        _ => self::hidden(flame, &c.old_total, &c.old_own),
    };
    let mut weights = vec![0.0; flame.len()];
    for i in (0..flame.len()).rev() {
        weights[i] += larger(c.own[i], old(&c.old_own, i)) + larger(hidden[i], old(&old_hidden, i));
        if i != 0 {
            weights[flame.nodes.parent[i] as usize] += weights[i];
        }
    }
    weights
}

/// What the children of a node have that are not drawn: its total without its own and that of the children that are.
pub(in crate::render) fn hidden(flame: &Flame, total: &[i64], own: &[i64]) -> Vec<i64> {
    let mut rest: Vec<i64> = total.iter().zip(own).map(|(t, o)| t.wrapping_sub(*o)).collect();
    for i in 1..flame.len() {
        let parent = &mut rest[flame.nodes.parent[i] as usize];
        *parent = parent.wrapping_sub(total[i]);
    }
    rest
}

/// Depth of every node; the root has 0.
pub(in crate::render) fn depths(flame: &Flame) -> Vec<u32> {
    let mut depths = vec![0; flame.len()];
    for i in 1..flame.len() {
        depths[i] = depths[flame.nodes.parent[i] as usize] + 1;
    }
    depths
}

/// A name without the path in front of its package and without type arguments: `kubelet.(*Kubelet).SyncPod`.
pub(in crate::render) fn short(name: &str) -> String {
    let name = elided(name);
    let head = name.find(['[', '(', '{', ' ']).unwrap_or(name.len());
    let start = name[..head].rfind('/').map_or(0, |slash| slash + 1);
    name[start..].to_owned()
}

/// Every list of type arguments as `[...]`. A name in brackets, such as `[kubelet]`, is no list.
fn elided(name: &str) -> Cow<'_, str> {
    if name.find('[').is_none_or(|open| open == 0) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len());
    let mut depth = 0u32;
    for c in name.chars() {
        if c == '[' {
            depth += 1;
            if depth == 1 {
                out.push_str("[...]");
            }
        }
        if depth == 0 {
            out.push(c);
        }
        if c == ']' {
            depth = depth.saturating_sub(1);
        }
    }
    Cow::Owned(out)
}

/// A short name without its package: `(*Kubelet).SyncPod`.
pub(in crate::render) fn bare(short: &str) -> &str {
    let head = short.find(['[', '(', '{', ' ']).unwrap_or(short.len());
    match short[..head].find('.') {
        Some(dot) if dot > 0 => &short[dot + 1..],
        _ => short,
    }
}
