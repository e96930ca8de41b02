//! A layered layout of a directed graph: which box is on which row, in which order, and where arrows bend.
//!
//! The four steps of Sugiyama: arrows of cycles are turned around, boxes get rows so that arrows point down and are short,
//! rows are ordered by weighted medians until crossings no longer get fewer, and places are found by isotonic regression,
//! which is the exact least-squares answer for a row whose order and distances are given. All steps are deterministic.

/// What is to be laid out.
#[derive(Clone, Debug, Default)]
pub(in crate::render) struct Plan {
    /// Width and height of every box.
    pub(in crate::render) boxes: Vec<(f64, f64)>,
    /// Arrows: from, to, weight. Loops and arrows of boxes that are not there are left out.
    pub(in crate::render) arrows: Vec<(usize, usize, f64)>,
}

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::render) struct Layout {
    /// Width and height of all.
    pub(in crate::render) size: (f64, f64),
    /// Middle of every box.
    pub(in crate::render) middles: Vec<(f64, f64)>,
    /// For every arrow of the plan the points that it goes through, from its box to the other; empty for loops.
    pub(in crate::render) routes: Vec<Vec<(f64, f64)>>,
    /// How often arrows cross between rows.
    pub(in crate::render) crossings: usize,
}

const BESIDE: f64 = 18.0;
const BELOW: f64 = 46.0;
/// Room for an arrow that passes a row.
const PASSING: f64 = 8.0;
const SWEEPS: usize = 24;
const PULLS: usize = 16;
/// Visits of nodes that a step may cost: large graphs get fewer rounds. Below 4,000 nodes nothing changes.
const VISITS: usize = 100_000;

/// A box, or a place where an arrow passes a row.
struct Node {
    width: f64,
    height: f64,
    rank: usize,
    real: bool,
}

struct Net {
    nodes: Vec<Node>,
    /// Between neighboring rows: upper, lower, weight.
    up: Vec<Vec<(usize, f64)>>,
    down: Vec<Vec<(usize, f64)>>,
    rows: Vec<Vec<usize>>,
}

/// Lays a graph out.
pub(in crate::render) fn layout(plan: &Plan) -> Layout {
    let count = plan.boxes.len();
    if count == 0 {
        return Layout {
            routes: vec![Vec::new(); plan.arrows.len()],
            ..Layout::default()
        };
    }
    let turned = turned(plan);
    let ranks = ranks(count, &turned);
    let (mut net, chains) = net(plan, &turned, &ranks);
    order(&mut net);
    let crossings = crossings(&net, &net.rows);
    let x = places(&net);
    finish(plan, &net, &chains, &turned, &x, crossings)
}

/// The arrows with those turned around that close a cycle: `None` for loops and impossible ones.
fn turned(plan: &Plan) -> Vec<Option<(usize, usize, f64, bool)>> {
    let count = plan.boxes.len();
    let mut out: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
    for (i, &(from, to, _)) in plan.arrows.iter().enumerate() {
        if from != to && from < count && to < count {
            out[from].push((i, to));
        }
    }
    for list in &mut out {
        list.sort_by(|a, b| plan.arrows[b.0].2.total_cmp(&plan.arrows[a.0].2).then(a.0.cmp(&b.0)));
    }
    let mut inward = vec![0.0; count];
    for list in &out {
        list.iter().for_each(|&(i, to)| inward[to] += plan.arrows[i].2);
    }
    // Those that nothing calls first: what closes a cycle below them is turned.
    let mut roots: Vec<usize> = (0..count).collect();
    roots.sort_by(|&a, &b| inward[a].total_cmp(&inward[b]).then(a.cmp(&b)));
    let mut back = vec![false; plan.arrows.len()];
    let mut state = vec![0u8; count];
    for root in roots {
        if state[root] != 0 {
            continue;
        }
        state[root] = 1;
        let mut path = vec![(root, 0)];
        while let Some((node, at)) = path.last_mut() {
            let node = *node;
            match out[node].get(*at) {
                None => {
                    state[node] = 2;
                    path.pop();
                }
                Some(&(arrow, to)) => {
                    *at += 1;
                    match state[to] {
                        0 => {
                            state[to] = 1;
                            path.push((to, 0));
                        }
                        1 => back[arrow] = true,
                        _ => {}
                    }
                }
            }
        }
    }
    (plan.arrows.iter().enumerate())
        .map(|(i, &(from, to, weight))| {
            let fits = from != to && from < count && to < count;
            let weight = if weight.is_finite() {
                weight.abs().max(1e-9)
            } else {
                1.0
            };
            fits.then_some(if back[i] {
                (to, from, weight, true)
            } else {
                (from, to, weight, false)
            })
        })
        .collect()
}

/// Rows from the top: as high as callers allow, then moved to where the heavier arrows are shorter.
fn ranks(count: usize, arrows: &[Option<(usize, usize, f64, bool)>]) -> Vec<usize> {
    let mut above: Vec<Vec<(usize, f64)>> = vec![Vec::new(); count];
    let mut below: Vec<Vec<(usize, f64)>> = vec![Vec::new(); count];
    for &(from, to, weight, _) in arrows.iter().flatten() {
        above[to].push((from, weight));
        below[from].push((to, weight));
    }
    let mut waiting: Vec<usize> = above.iter().map(Vec::len).collect();
    let mut ready: Vec<usize> = (0..count).filter(|&n| waiting[n] == 0).collect();
    let mut sorted = Vec::with_capacity(count);
    let mut rank = vec![0; count];
    while let Some(node) = ready.pop() {
        sorted.push(node);
        for &(to, _) in &below[node] {
            rank[to] = rank[to].max(rank[node] + 1);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.push(to);
            }
        }
    }
    for pass in 0..8 {
        let mut moved = false;
        let mut visit = |node: usize| {
            let low = above[node].iter().map(|&(a, _)| rank[a] + 1).max().unwrap_or(0);
            let high = below[node].iter().map(|&(b, _)| rank[b] - 1).min();
            let weight = |list: &[(usize, f64)]| list.iter().map(|(_, w)| w).sum::<f64>();
            let wanted = match high {
                // What nothing calls stands right above what it calls.
                Some(high) if weight(&below[node]) > weight(&above[node]) => high.max(low),
                _ => low,
            };
            moved |= wanted != rank[node];
            rank[node] = wanted;
        };
        if pass % 2 == 0 {
            sorted.iter().rev().for_each(|&n| visit(n));
        } else {
            sorted.iter().for_each(|&n| visit(n));
        }
        if !moved {
            break;
        }
    }
    let least = rank.iter().copied().min().unwrap_or(0);
    rank.iter_mut().for_each(|r| *r -= least);
    rank
}

/// The net with a node wherever an arrow passes a row, and for each arrow its nodes from the upper to the lower box.
fn net(plan: &Plan, arrows: &[Option<(usize, usize, f64, bool)>], ranks: &[usize]) -> (Net, Vec<Vec<usize>>) {
    let mut net = Net {
        nodes: (plan.boxes.iter().zip(ranks))
            .map(|(&(width, height), &rank)| Node {
                width,
                height,
                rank,
                real: true,
            })
            .collect(),
        up: vec![Vec::new(); ranks.len()],
        down: vec![Vec::new(); ranks.len()],
        rows: Vec::new(),
    };
    let mut chains = Vec::with_capacity(arrows.len());
    for arrow in arrows {
        let Some((from, to, weight, _)) = *arrow else {
            chains.push(Vec::new());
            continue;
        };
        let mut chain = vec![from];
        for rank in ranks[from] + 1..ranks[to] {
            net.nodes.push(Node {
                width: PASSING,
                height: 0.0,
                rank,
                real: false,
            });
            net.up.push(Vec::new());
            net.down.push(Vec::new());
            chain.push(net.nodes.len() - 1);
        }
        chain.push(to);
        for pair in chain.windows(2) {
            net.down[pair[0]].push((pair[1], weight));
            net.up[pair[1]].push((pair[0], weight));
        }
        chains.push(chain);
    }
    let rows = net.nodes.iter().map(|n| n.rank + 1).max().unwrap_or(0);
    net.rows = vec![Vec::new(); rows];
    // Depth first, heaviest first: what belongs together starts side by side.
    let mut seen = vec![false; net.nodes.len()];
    let mut tops: Vec<usize> = (0..net.nodes.len()).collect();
    tops.sort_by_key(|&n| (net.nodes[n].rank, n));
    for top in tops {
        let mut work = vec![top];
        while let Some(node) = work.pop() {
            if std::mem::replace(&mut seen[node], true) {
                continue;
            }
            net.rows[net.nodes[node].rank].push(node);
            let mut next = net.down[node].clone();
            next.sort_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
            work.extend(next.iter().map(|(n, _)| *n));
        }
    }
    (net, chains)
}

/// How often arrows cross: pairs between two rows whose ends are in opposite order, counted with a Fenwick tree.
fn crossings(net: &Net, rows: &[Vec<usize>]) -> usize {
    let mut place = vec![0; net.nodes.len()];
    for row in rows {
        row.iter().enumerate().for_each(|(i, &n)| place[n] = i);
    }
    let mut all = 0;
    for row in rows.iter().take(rows.len().saturating_sub(1)) {
        let mut ends: Vec<(usize, usize)> = Vec::new();
        for &upper in row {
            ends.extend(net.down[upper].iter().map(|&(lower, _)| (place[upper], place[lower])));
        }
        ends.sort_unstable();
        let width = ends.iter().map(|(_, lower)| lower + 1).max().unwrap_or(0);
        let mut tree = vec![0usize; width + 1];
        for (seen, &(_, lower)) in ends.iter().enumerate() {
            // Those before that end at this place or further left do not cross it.
            let (mut i, mut left) = (lower + 1, 0);
            while i > 0 {
                left += tree[i];
                i &= i - 1;
            }
            all += seen - left;
            let mut i = lower + 1;
            while i <= width {
                tree[i] += 1;
                i += i & i.wrapping_neg();
            }
        }
    }
    all
}

/// Orders rows by their neighbors, down and up, from several beginnings, and keeps the best order.
fn order(net: &mut Net) {
    let first = net.rows.clone();
    let turned = first.iter().map(|row| row.iter().rev().copied().collect()).collect();
    let mut plain = first.clone();
    plain.iter_mut().for_each(|row| row.sort_unstable());
    let mut best = (crossings(net, &first), first.clone());
    for start in [first, turned, plain] {
        sweep(net, start, &mut best);
        if best.0 == 0 {
            break;
        }
    }
    net.rows = best.1;
}

/// At least two: one down, one up.
fn rounds(net: &Net, most: usize) -> usize {
    (VISITS / net.nodes.len().max(1)).clamp(2, most)
}

fn sweep(net: &Net, mut rows: Vec<Vec<usize>>, best: &mut (usize, Vec<Vec<usize>>)) {
    let mut place: Vec<f64> = vec![0.0; net.nodes.len()];
    for sweep in 0..rounds(net, SWEEPS) {
        for row in &rows {
            row.iter().enumerate().for_each(|(i, &n)| place[n] = i as f64);
        }
        let count = rows.len();
        let walk: Vec<usize> = match sweep % 2 {
            0 => (1..count).collect(),
            _ => (0..count.saturating_sub(1)).rev().collect(),
        };
        for r in walk {
            let side = if sweep % 2 == 0 { &net.up } else { &net.down };
            let key = |n: usize| -> f64 {
                let near = &side[n];
                match near.is_empty() {
                    true => place[n],
                    // Medians have fewer crossings, means get out of ties: two sweeps of each.
                    false if sweep % 4 < 2 => median(near.iter().map(|&(m, _)| place[m])),
                    false => {
                        let sum: f64 = near.iter().map(|&(m, w)| place[m] * w).sum();
                        sum / near.iter().map(|(_, w)| w).sum::<f64>()
                    }
                }
            };
            let mut keyed: Vec<(f64, usize)> = rows[r].iter().map(|&n| (key(n), n)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[r] = keyed.into_iter().map(|(_, n)| n).collect();
            rows[r].iter().enumerate().for_each(|(i, &n)| place[n] = i as f64);
        }
        transpose(net, &mut rows, &mut place);
        transpose(net, &mut rows, &mut place);
        let now = crossings(net, &rows);
        if now < best.0 {
            *best = (now, rows.clone());
        }
        if best.0 == 0 {
            break;
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    if all.len() % 2 == 1 {
        all[middle]
    } else {
        (all[middle - 1] + all[middle]) / 2.0
    }
}

/// Swaps neighbors of a row while that makes crossings fewer.
fn transpose(net: &Net, rows: &mut [Vec<usize>], place: &mut [f64]) {
    let crossed = |a: &[(usize, f64)], b: &[(usize, f64)], place: &[f64]| {
        let pairs = a.iter().flat_map(|&(x, _)| b.iter().map(move |&(y, _)| (x, y)));
        pairs.filter(|&(x, y)| place[x] > place[y]).count()
    };
    for row in rows {
        // Rows with very many arrows are left as they are: this step is square in the arrows of two neighbors.
        for i in 1..row.len() {
            let (a, b) = (row[i - 1], row[i]);
            let many = net.up[a].len().max(net.down[a].len()) * net.up[b].len().max(net.down[b].len());
            if many > 4096 {
                continue;
            }
            let now = crossed(&net.up[a], &net.up[b], place) + crossed(&net.down[a], &net.down[b], place);
            let then = crossed(&net.up[b], &net.up[a], place) + crossed(&net.down[b], &net.down[a], place);
            if then < now {
                row.swap(i - 1, i);
                place.swap(a, b);
            }
        }
    }
}

/// Middles of all nodes: each row in turn as near to its neighbors as order and distances allow.
fn places(net: &Net) -> Vec<f64> {
    let mut x = vec![0.0; net.nodes.len()];
    for row in &net.rows {
        let mut at = 0.0;
        for &n in row {
            x[n] = at + net.nodes[n].width / 2.0;
            at += net.nodes[n].width + BESIDE;
        }
        // Rows start in the middle.
        row.iter().for_each(|&n| x[n] -= at / 2.0);
    }
    let count = net.rows.len();
    for pull in 0..rounds(net, PULLS) {
        let walk: Vec<usize> = if pull % 2 == 0 {
            (0..count).collect()
        } else {
            (0..count).rev().collect()
        };
        for r in walk {
            let wanted: Vec<(f64, f64)> = net.rows[r].iter().map(|&n| wanted(net, n, &x, pull)).collect();
            settle(net, &net.rows[r], &wanted, &mut x);
        }
    }
    let left = (0..net.nodes.len())
        .map(|n| x[n] - net.nodes[n].width / 2.0)
        .fold(f64::INFINITY, f64::min);
    x.iter_mut().for_each(|v| *v -= left);
    x
}

/// Where a node would like to be, and how much. Arrows that pass should be straight.
fn wanted(net: &Net, node: usize, x: &[f64], pull: usize) -> (f64, f64) {
    let (mut sum, mut weight) = (0.0, 0.0);
    let sides: [(&[(usize, f64)], f64); 2] = match pull % 2 {
        0 => [(&net.up[node], 1.0), (&net.down[node], 0.2)],
        _ => [(&net.up[node], 0.2), (&net.down[node], 1.0)],
    };
    for (near, share) in sides {
        for &(other, w) in near {
            let straight = match (net.nodes[node].real, net.nodes[other].real) {
                (false, false) => 8.0,
                (true, true) => 1.0,
                _ => 2.0,
            };
            let w = share * straight * (1.0 + w.ln_1p());
            sum += x[other] * w;
            weight += w;
        }
    }
    if weight > 0.0 {
        (sum / weight, weight)
    } else {
        (x[node], 0.01)
    }
}

/// Isotonic regression by pooling neighbors that would overlap.
fn settle(net: &Net, row: &[usize], wanted: &[(f64, f64)], x: &mut [f64]) {
    // With the distances taken out, places only have to ascend.
    let mut offset = Vec::with_capacity(row.len());
    let mut at = 0.0;
    for (i, &n) in row.iter().enumerate() {
        if i > 0 {
            let before = &net.nodes[row[i - 1]];
            let gap = if before.real && net.nodes[n].real {
                BESIDE
            } else {
                PASSING
            };
            at += before.width / 2.0 + net.nodes[n].width / 2.0 + gap;
        }
        offset.push(at);
    }
    // Blocks: mean, weight, length.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (i, &(place, weight)) in wanted.iter().enumerate() {
        blocks.push((place - offset[i], weight, 1));
        while let [.., before, last] = blocks.as_mut_slice() {
            if before.0 <= last.0 {
                break;
            }
            let weight = before.1 + last.1;
            *before = (
                (before.0 * before.1 + last.0 * last.1) / weight,
                weight,
                before.2 + last.2,
            );
            blocks.pop();
        }
    }
    let mut i = 0;
    for (mean, _, length) in blocks {
        for _ in 0..length {
            x[row[i]] = mean + offset[i];
            i += 1;
        }
    }
}

fn finish(
    plan: &Plan,
    net: &Net,
    chains: &[Vec<usize>],
    turned: &[Option<(usize, usize, f64, bool)>],
    x: &[f64],
    crossings: usize,
) -> Layout {
    let mut tops = Vec::with_capacity(net.rows.len());
    let mut y = 0.0;
    for row in &net.rows {
        let tall = row.iter().map(|&n| net.nodes[n].height).fold(0.0, f64::max);
        tops.push((y, tall));
        y += tall + BELOW;
    }
    let middle = |n: usize| {
        let (top, tall) = tops[net.nodes[n].rank];
        (x[n], top + tall / 2.0)
    };
    let routes = (chains.iter().zip(turned))
        .map(|(chain, arrow)| {
            let Some((.., back)) = arrow else { return Vec::new() };
            let last = chain.len() - 1;
            let mut route = Vec::with_capacity(2 * chain.len());
            for (i, &n) in chain.iter().enumerate() {
                let (x, y) = middle(n);
                match i {
                    0 => route.push((x, y + net.nodes[n].height / 2.0)),
                    i if i == last => route.push((x, y - net.nodes[n].height / 2.0)),
                    // An arrow that passes a row goes straight past the boxes of it.
                    _ => {
                        let (top, tall) = tops[net.nodes[n].rank];
                        route.push((x, top));
                        if tall > 0.0 {
                            route.push((x, top + tall));
                        }
                    }
                }
            }
            if *back {
                route.reverse();
            }
            route
        })
        .collect();
    let wide = (0..net.nodes.len())
        .map(|n| x[n] + net.nodes[n].width / 2.0)
        .fold(0.0, f64::max);
    Layout {
        size: (wide, (y - BELOW).max(0.0)),
        middles: (0..plan.boxes.len()).map(middle).collect(),
        routes,
        crossings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(boxes: usize, arrows: &[(usize, usize)]) -> Plan {
        Plan {
            boxes: vec![(60.0, 30.0); boxes],
            arrows: arrows.iter().map(|&(a, b)| (a, b, 1.0)).collect(),
        }
    }

    #[test]
    fn callers_are_above_and_boxes_apart() {
        let l = layout(&plan(6, &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (0, 4), (5, 3)]));
        for &(a, b) in &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (5, 3)] {
            assert!(l.middles[a].1 + 30.0 < l.middles[b].1, "{a} {b}: {:?}", l.middles);
        }
        for a in 0..6 {
            for b in 0..a {
                let (dx, dy) = (l.middles[a].0 - l.middles[b].0, l.middles[a].1 - l.middles[b].1);
                assert!(dx.abs() >= 60.0 || dy.abs() >= 30.0, "{a} {b} overlap: {:?}", l.middles);
            }
        }
        assert_eq!(l.crossings, 0);
        assert_eq!(l.routes.len(), 7);
        let long = &l.routes[5];
        assert_eq!(
            (long.first().unwrap().1, long.last().unwrap().1),
            (30.0, l.middles[4].1 - 15.0)
        );
    }

    #[test]
    fn cycles_loops_and_arrows_to_nowhere() {
        let l = layout(&plan(3, &[(0, 1), (1, 2), (2, 0), (1, 1), (0, 7)]));
        assert!(l.routes[3].is_empty() && l.routes[4].is_empty());
        let back = &l.routes[2];
        assert!(back.first().unwrap().1 > back.last().unwrap().1, "it leads up again");
        assert_eq!(layout(&plan(0, &[(0, 0)])).routes, [Vec::new()]);
        assert_eq!(layout(&plan(1, &[])).size, (60.0, 30.0));
    }

    #[test]
    fn crossings_are_undone() {
        // Two rows of ten, each joined to its opposite: the order of one row turns around.
        let arrows: Vec<(usize, usize)> = (0..10).map(|i| (i, 19 - i)).collect();
        assert_eq!(layout(&plan(20, &arrows)).crossings, 0);
    }

    #[test]
    fn strange_weights_and_large_graphs_end() {
        let mut p = plan(150, &[]);
        for i in 0..150usize {
            for k in 1..6 {
                p.arrows
                    .push((i, (i * 7 + k * 13) % 150, if k == 3 { f64::NAN } else { -(k as f64) }));
            }
        }
        let l = layout(&p);
        assert!(l.middles.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
        assert_eq!(l, layout(&p), "the same every time");
    }
}
